//! Servers of the Model Context Protocol, and what policies grant of them.

use tollgate::config::{Code, Config};

use super::{accepted, codes, refused};

/// A configuration of a server with these members, a policy with this entry, and another API.
fn config(members: &str, entry: &str) -> String {
    format!(
        r#"{{"providers": {{"idp": {{"issuer": "https://x.example", "audiences": ["https://a.example/mcp"],
"jwks": {{"url": "https://x.example/keys", "cluster": "idp"}}}}}},
"policies": {{"p": {{"access": [{{{entry}}}]}}}},
"apis": [{{"name": "other", "match": {{"paths": ["/other"]}}, "auth": ["idp"]}},
{{"name": "tools", "match": {{"paths": ["/mcp"]}}, "auth": ["idp"], "policies": {{"default": ["p"]}},
{members}}}]}}"#
    )
}

const ENTRY: &str = r#""apis": ["tools"]"#;

#[test]
fn a_server_is_what_is_meant() {
    let entry =
        r#""apis": ["tools"], "mcp": {"methods": ["tools/*"], "names": ["a"], "except": ["b*"]}"#;
    let members = r#""resource": {"url": ["https://a.example/mcp", "http://B.example:8080/mcp"]},
"mcp": {"origins": ["https://app.example"]}"#;
    let config = accepted(&config(members, entry));
    let mcp = config.apis[1].mcp.as_ref().expect("a server");
    assert_eq!(mcp.versions, ["2026-07-28".into()]);
    assert!(!mcp.refuses_others && config.apis[0].mcp.is_none());
    let origins: Vec<_> = mcp.origins.iter().map(|one| &**one).collect();
    assert_eq!(origins, ["https://app.example", "https://a.example", "http://b.example:8080"]);
    let entry = &config.policies.list()[0].access.as_ref().unwrap()[0];
    let calls = entry.calls.as_ref().expect("calls");
    assert_eq!((calls.methods.len(), calls.names.len(), calls.except.len()), (1, 1, 1));
}

#[test]
fn what_could_not_be_held_is_refused() {
    let cases = [
        (r#""mcp": {"versions": []}"#, ENTRY, "would believe no headers"),
        (
            r#""mcp": {"versions": ["2025-11-25"]}"#,
            ENTRY,
            "`2025-11-25` is no revision whose headers",
        ),
        (r#""mcp": {"versions": ["latest"]}"#, ENTRY, "`latest` is no revision"),
        (r#""mcp": {"versions": ["2026-07-28", "2026-07-28"]}"#, ENTRY, "written twice"),
        (r#""mcp": {"legacy": "pass"}"#, ENTRY, "unknown value `pass`"),
        (r#""mcp": {"origins": []}"#, ENTRY, "names no origin"),
        (r#""mcp": {"origins": ["https://a.example/"]}"#, ENTRY, "an origin has no path"),
        (r#""mcp": {}"#, r#""apis": ["tools"], "mcp": {"names": ["a*b"]}"#, "`a*b` is no pattern"),
        (r#""mcp": {}"#, r#""apis": ["tools"], "mcp": {"methods": []}"#, "would grant nothing"),
        (r#""mcp": {}"#, r#""apis": ["tools"], "mcp": {"except": []}"#, "leaves out nothing"),
        (
            r#""mcp": {}"#,
            r#""apis": ["other", "tools"], "mcp": {"names": ["a"]}"#,
            "this API has no `mcp`",
        ),
        (r#""scopes": ["x"]"#, r#""apis": ["tools"], "mcp": {}"#, "this API has no `mcp`"),
    ];
    for (members, entry, words) in cases {
        let lines = refused(&config(members, entry));
        assert!(lines.len() == 1 && lines[0].contains(words), "{words}: {lines:?}");
    }
    // What is wrong in it is told, and nothing that follows from that.
    let lines = refused(&config(r#""mcp": 7"#, r#""apis": ["tools"], "mcp": {}"#));
    assert!(lines.len() == 1 && lines[0].contains("expected an object"), "{lines:?}");
}

fn changed(change: impl Fn(&mut serde_json::Value)) -> Result<Config, Vec<String>> {
    let text = config(r#""mcp": {}"#, ENTRY);
    let mut all = serde_json::from_str(&text).expect("JSON");
    change(&mut all);
    Config::parse(all.to_string().as_bytes())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn tokens_of_other_servers_and_in_other_places_are_refused() {
    let lines = changed(|all| {
        let idp = all["providers"]["idp"].as_object_mut().unwrap();
        idp.remove("audiences");
        idp.insert("any_audience".into(), true.into());
    });
    let lines = lines.expect_err("refused");
    assert!(lines.len() == 1 && lines[0].contains("may be for any audience"), "{lines:?}");
    let query = |apis: serde_json::Value| {
        changed(move |all| {
            let place =
                serde_json::json!([{ "header": "authorization" }, { "query": "t", "apis": apis }]);
            all["providers"]["idp"]["from"] = place;
        })
    };
    let lines = query(serde_json::json!(["other", "tools"])).expect_err("refused");
    assert!(
        lines.len() == 1 && lines[0].contains("must not send tokens in the query"),
        "{lines:?}"
    );
    query(serde_json::json!(["other"])).expect("right");
    let lines = changed(|all| {
        all["providers"]["idp"]["upstream"] =
            serde_json::json!({ "headers": { "Mcp_Name": "sub" } });
    });
    let lines = lines.expect_err("refused");
    assert!(lines.len() == 1 && lines[0].contains("a header that it writes"), "{lines:?}");
}

#[test]
fn a_credential_that_goes_on_is_warned_about() {
    let config = changed(|all| {
        all["providers"]["idp"]["upstream"] = serde_json::json!({ "credential": "keep" });
    });
    assert_eq!(codes(&config.expect("right")), [Code::CredentialKept]);
}

#[test]
fn strangers_and_a_public_api_have_no_calls() {
    let text = config(r#""mcp": {}, "optional": true"#, ENTRY);
    assert_eq!(codes(&accepted(&text)), [Code::OptionalEscapesDemands]);
    let text =
        r#"{"apis": [{"name": "a", "match": {"paths": ["/a"]}, "auth": "none", "mcp": {}}]}"#;
    let lines = refused(text);
    assert!(lines.iter().any(|line| line.contains("has no meaning on an API")), "{lines:?}");
}

#[test]
fn entries_that_differ_in_calls_alone_are_two() {
    let entry = |names: &str| {
        format!(
            r#""apis": ["tools"], "mcp": {{"names": ["{names}"]}}, "rate": {{"requests": 1, "per": "1s"}}"#
        )
    };
    let two = |one: &str, other: &str| {
        config(r#""mcp": {}"#, &format!("{}}}, {{{}", entry(one), entry(other)))
    };
    let config = accepted(&two("a", "b"));
    assert_eq!(config.policies.list()[0].access.as_ref().unwrap().len(), 2);
    let lines = refused(&two("a", "a"));
    assert!(
        lines.len() == 1 && lines[0].contains("grants what an entry above grants"),
        "{lines:?}"
    );
}
