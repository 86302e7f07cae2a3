//! Where in a request a value stands, and where none does.

use proptest::prelude::*;

use super::*;
use crate::api::{HostPattern, PathPattern};

fn matcher(hosts: &[&str], paths: &[&str]) -> Matcher {
    Matcher {
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
        ..Matcher::default()
    }
}

fn values(spot: &Spot, matcher: &Matcher, host: &str, path: &str) -> Result<Vec<String>, Unclear> {
    let headers = [(":path", path), (":authority", host)].into_iter().collect();
    let head = RequestHead { headers };
    let path = RequestPath::parse(path.as_bytes()).expect(path);
    let values = spot.values(matcher, &head, &path)?;
    Ok(values.iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect())
}

#[test]
fn a_named_segment_has_its_value_in_each_pattern_that_fits() {
    let one = &["/users/{id}/**"][..];
    let two = &["/users/{id}/**", "/{id}/alice/orders"][..];
    let cases: &[(&str, &[&str], &str, Result<&[&str], Unclear>)] = &[
        ("one pattern", one, "/users/alice/orders", Ok(&["alice"])),
        ("nothing behind it", one, "/users/alice", Ok(&["alice"])),
        ("a trailing slash", one, "/users/alice/", Ok(&["alice"])),
        ("a query beside it", one, "/users/alice?id=bob", Ok(&["alice"])),
        ("decoded once", one, "/users/auth0%7Calice", Ok(&["auth0|alice"])),
        ("another case stays", one, "/users/Alice", Ok(&["Alice"])),
        ("a plus is itself", one, "/users/a+b@x", Ok(&["a+b@x"])),
        ("encoded twice", one, "/users/al%2569ce", Err(Unclear::Escape)),
        ("a percent sign that escapes nothing", one, "/users/al%25ice", Ok(&["al%ice"])),
        ("a blank at an end", one, "/users/alice%20", Err(Unclear::Blank)),
        ("two patterns, one fits", two, "/users/alice", Ok(&["alice"])),
        ("two patterns, both fit", two, "/users/alice/orders", Ok(&["alice", "users"])),
        ("twice in a pattern", &["/a/{id}/{id}"], "/a/b/b", Err(Unclear::Repeated)),
        ("another name", &["/a/{user}"], "/a/b", Err(Unclear::Absent)),
        ("no pattern fits", one, "/orders", Err(Unclear::Absent)),
        ("no pattern", &[], "/users/alice", Err(Unclear::Absent)),
    ];
    for (case, patterns, path, expected) in cases {
        let found = values(&Spot::Path("id".into()), &matcher(&[], patterns), "x", path);
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn a_named_label_has_its_value_in_lower_case() {
    let one = &["{tenant}.example.com"][..];
    let open = &["*.{tenant}.example.com"][..];
    let both = &["{tenant}.example.com", "acme.{tenant}.com"][..];
    let cases: &[(&str, &[&str], &str, Result<&[&str], Unclear>)] = &[
        ("one label", one, "acme.example.com", Ok(&["acme"])),
        ("in capitals", one, "ACME.Example.com", Ok(&["acme"])),
        ("with a port and a final dot", one, "acme.example.com.:8443", Ok(&["acme"])),
        ("no label", one, "example.com", Err(Unclear::Absent)),
        ("one label too many", one, "x.acme.example.com", Err(Unclear::Absent)),
        ("another host", one, "acme.example.org", Err(Unclear::Absent)),
        ("labels in front", open, "a.b.acme.example.com", Ok(&["acme"])),
        ("none in front", open, "acme.example.com", Err(Unclear::Absent)),
        ("both patterns fit", both, "acme.example.com", Ok(&["acme", "example"])),
        ("an address is no label", &["{tenant}"], "[::1]", Err(Unclear::Absent)),
        ("nor a part of one", &["{a}.{tenant}"], "[::ffff:1.2]", Err(Unclear::Absent)),
        ("twice in a pattern", &["{tenant}.{tenant}"], "a.a", Err(Unclear::Repeated)),
        ("what is ambiguous", one, "ac me.example.com", Err(Unclear::Absent)),
    ];
    for (case, patterns, host, expected) in cases {
        let found = values(&Spot::Host("tenant".into()), &matcher(patterns, &[]), host, "/");
        let expected = expected.map(|all| all.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{case}");
    }
}

proptest! {
    /// Whatever is written into the one segment is what is compared, once decoded, or nothing is.
    #[test]
    fn a_segment_is_read_as_it_was_meant(text in "\\PC{1,12}") {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/users/{escaped}/orders");
        let matcher = matcher(&[], &["/users/{id}/**"]);
        if let Ok(parsed) = RequestPath::parse(path.as_bytes()) {
            let head = RequestHead::default();
            if let Ok(found) = Spot::Path("id".into()).values(&matcher, &head, &parsed) {
                prop_assert_eq!(&found, &[text.as_bytes()]);
            }
        }
    }
}
