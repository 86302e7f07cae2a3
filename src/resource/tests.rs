use super::*;

fn place(url: &str) -> Result<Place, PlaceError> {
    Place::new(url, &Url::parse(url).expect("a URL"))
}

fn resource(urls: &[&str]) -> Resource {
    let identifier = |url: &&str| Identifier::new(place(url).expect("a place"), "");
    Resource { known_as: urls.iter().map(identifier).collect() }
}

#[test]
fn a_url_of_a_resource_is_a_plain_path() {
    let cases = [
        ("https://a.example/mcp", None),
        ("https://a.example", None),
        ("https://a.example/a%20b/c", None),
        ("https://a.example/", Some(PlaceError::Slash)),
        ("https://a.example/mcp/", Some(PlaceError::Slash)),
        ("https://a.example/mcp?x", Some(PlaceError::Query)),
        ("https://a.example?x", Some(PlaceError::Query)),
        ("https://a.example/\"", Some(PlaceError::Character)),
        ("https://a.example/<b>", Some(PlaceError::Character)),
    ];
    for (url, wrong) in cases {
        assert_eq!(place(url).err(), wrong, "{url}");
    }
}

#[test]
fn a_document_stands_before_the_path_of_its_resource() {
    let cases = [
        ("https://a.example/mcp", "https://a.example/.well-known/oauth-protected-resource/mcp"),
        ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
        (
            "HTTPS://A.example:8443/x",
            "https://a.example:8443/.well-known/oauth-protected-resource/x",
        ),
    ];
    for (url, document) in cases {
        let resource = resource(&[url]);
        assert_eq!(&*resource.known_as[0].document, document, "{url}");
    }
    assert_eq!(
        &*resource(&["https://a.example/mcp"]).known_as[0].body,
        r#"{"resource":"https://a.example/mcp"}"#
    );
}

#[test]
fn an_authority_is_one_whether_or_not_the_usual_port_is_written() {
    let cases = [
        ("https://a.example", "a.example", true),
        ("https://a.example", "A.Example.", true),
        ("https://a.example", "a.example:443", true),
        ("https://a.example", "a.example:80", false),
        ("https://a.example:443", "a.example", true),
        ("http://a.example", "a.example:80", true),
        ("https://a.example:8443", "a.example:8443", true),
        ("https://a.example:8443", "a.example", false),
        ("https://a.example", "b.example", false),
        ("https://[::1]", "[0:0::1]", true),
        ("https://[::1]:8443", "[::1]:8443", true),
        ("https://[::1]:8443", "[::1]", false),
        ("https://a.example", "a.example@b", false),
        ("https://a.example", "", false),
    ];
    for (url, authority, same) in cases {
        assert_eq!(
            place(url).expect("a place").is_at(authority.as_bytes()),
            same,
            "{url} {authority}"
        );
    }
}

#[test]
fn a_document_is_found_by_authority_and_path() {
    let (one, two) = (resource(&["https://a.example/mcp"]), resource(&["https://b.example/mcp"]));
    let alone = resource(&["https://c.example/tools", "https://d.example/tools"]);
    let both = resource(&["https://e.example/x", "https://e.example"]);
    let all = [one, two, alone, both];
    let found = |authority: &str, path: &str| {
        let path = format!("{WELL_KNOWN}{path}");
        let found = find(all.iter(), authority.as_bytes(), path.as_bytes());
        found.map(|one| one.place.url())
    };
    let cases = [
        ("a.example", "/mcp", Some("https://a.example/mcp")),
        ("b.example", "/mcp", Some("https://b.example/mcp")),
        ("a.example", "", Some("https://a.example/mcp")),
        ("a.example", "/", None),
        ("a.example", "/mcp/", None),
        ("a.example", "//mcp", None),
        ("a.example", "/tools", None),
        // Two have it, and nobody knows which is meant.
        ("x.example", "/mcp", None),
        // One resource has it, under two names.
        ("x.example", "/tools", Some("https://c.example/tools")),
        ("d.example", "/tools", Some("https://d.example/tools")),
        ("e.example", "", Some("https://e.example")),
        ("e.example", "/x", Some("https://e.example/x")),
        ("x.example", "", Some("https://e.example")),
        ("x.example", "s", None),
    ];
    for (authority, path, expected) in cases {
        assert_eq!(found(authority, path).as_deref(), expected, "{authority} {path}");
    }
}
