//! What has one value for every server, and what has none.

use proptest::prelude::*;

use super::*;

fn head(headers: &[(&str, &str)]) -> RequestHead {
    RequestHead { headers: headers.iter().map(|(name, value)| (*name, *value)).collect() }
}

#[test]
fn a_header_has_one_value_or_none() {
    let cases: &[(&str, &[(&str, &str)], Result<&str, Unclear>)] = &[
        ("one", &[("x-tenant", "acme")], Ok("acme")),
        ("one, in capitals", &[("X-Tenant", "acme")], Ok("acme")),
        ("one with a space in it", &[("x-tenant", "ac me")], Ok("ac me")),
        ("an escape is itself", &[("x-tenant", "a%41")], Ok("a%41")),
        ("none", &[("x-tenants", "acme")], Err(Unclear::Absent)),
        ("another spelling", &[("x_tenant", "acme")], Err(Unclear::Absent)),
        ("an empty one", &[("x-tenant", "")], Err(Unclear::Empty)),
        ("two", &[("x-tenant", "acme"), ("x-tenant", "beta")], Err(Unclear::Repeated)),
        ("the same twice", &[("x-tenant", "acme"), ("X-TENANT", "acme")], Err(Unclear::Repeated)),
        ("two in one", &[("x-tenant", "acme,beta")], Err(Unclear::Comma)),
        ("one and nothing", &[("x-tenant", "acme,")], Err(Unclear::Comma)),
        ("a blank before it", &[("x-tenant", " acme")], Err(Unclear::Blank)),
        ("a blank behind it", &[("x-tenant", "acme\t")], Err(Unclear::Blank)),
        ("a tab in it", &[("x-tenant", "ac\tme")], Err(Unclear::Blank)),
    ];
    for (case, headers, expected) in cases {
        let head = head(headers);
        let found = single_header(&head, "x-tenant");
        assert_eq!(found, expected.map(str::as_bytes), "{case}");
    }
}

#[test]
fn a_parameter_has_one_value_or_none() {
    let cases = [
        ("one", "/a?user=alice", Ok("alice")),
        ("among others", "/a?b=1&user=alice&c", Ok("alice")),
        ("its escapes decoded", "/a?user=al%69ce", Ok("alice")),
        ("its name's escapes decoded", "/a?us%65r=alice", Ok("alice")),
        ("a plus that is one", "/a?user=a%2Bb%40c", Ok("a+b@c")),
        ("a space that is one", "/a?user=a%20b", Ok("a b")),
        ("an equals sign", "/a?user=a=b", Ok("a=b")),
        ("another with an encoded ampersand", "/a?to=%2F%26x&user=alice", Ok("alice")),
        ("a longer name", "/a?user=alice&users=bob&user_id=bob", Ok("alice")),
        ("a name within another's brackets", "/a?user=alice&filter[user]=bob", Ok("alice")),
        ("no query", "/a", Err(Unclear::Absent)),
        ("another name", "/a?id=alice", Err(Unclear::Absent)),
        ("an empty query", "/a?", Err(Unclear::Absent)),
        ("another case alone", "/a?User=alice", Err(Unclear::Absent)),
        ("brackets alone", "/a?user[]=alice", Err(Unclear::Absent)),
        ("without a value", "/a?user", Err(Unclear::Empty)),
        ("with an empty value", "/a?user=", Err(Unclear::Empty)),
        ("twice", "/a?user=alice&user=bob", Err(Unclear::Repeated)),
        ("the same twice", "/a?user=alice&user=alice", Err(Unclear::Repeated)),
        ("twice, once in another case", "/a?user=alice&USER=bob", Err(Unclear::Repeated)),
        ("twice, once encoded", "/a?user=alice&%75ser=bob", Err(Unclear::Repeated)),
        ("twice, once doubly encoded", "/a?user=alice&%2575ser=bob", Err(Unclear::Repeated)),
        ("twice, once as an array", "/a?user=alice&user[]=bob", Err(Unclear::Repeated)),
        (
            "twice, once as an encoded array",
            "/a?user=alice&user%5B0%5D=bob",
            Err(Unclear::Repeated),
        ),
        ("twice, once with half a bracket", "/a?user=alice&user[=bob", Err(Unclear::Repeated)),
        ("twice, once behind a blank", "/a?user=alice&+user=bob", Err(Unclear::Repeated)),
        (
            "twice, once behind an encoded blank",
            "/a?%20user=bob&user=alice",
            Err(Unclear::Repeated),
        ),
        ("twice, once with a NUL", "/a?user=alice&user%00x=bob", Err(Unclear::Repeated)),
        ("once without a value", "/a?user&user=alice", Err(Unclear::Repeated)),
        ("behind an encoded ampersand", "/a?x=%26user%3Dbob&user=alice", Err(Unclear::Repeated)),
        ("behind an encoded semicolon", "/a?x=%3Buser=bob&user=alice", Err(Unclear::Repeated)),
        ("within its own value", "/a?user=alice%26user=bob", Err(Unclear::Repeated)),
        ("a semicolon", "/a?user=alice;x=1", Err(Unclear::Semicolon)),
        ("a semicolon elsewhere", "/a?x=1;y=2&user=alice", Err(Unclear::Semicolon)),
        ("a fragment", "/a?x=1#&user=alice", Err(Unclear::Fragment)),
        ("an encoded ampersand", "/a?user=a%26b", Err(Unclear::Separator)),
        ("an encoded semicolon", "/a?user=a%3bb", Err(Unclear::Separator)),
        ("a plus", "/a?user=a+b", Err(Unclear::Plus)),
        ("doubly encoded", "/a?user=al%2569ce", Err(Unclear::Escape)),
        ("a control byte", "/a?user=alice%00", Err(Unclear::Blank)),
        ("a blank at its end", "/a?user=alice%20", Err(Unclear::Blank)),
    ];
    for (case, target, expected) in cases {
        let found = single_parameter(target.as_bytes(), "user");
        let found = found.map(|value| String::from_utf8(value.into_owned()).unwrap());
        assert_eq!(found, expected.map(str::to_owned), "{case}: {target}");
    }
}

#[test]
fn punctuation_in_a_name_stands_for_any() {
    for second in ["user.id", "user_id", "User%2Eid", "user id", "user+id"] {
        let target = format!("/a?user-id=alice&{second}=bob");
        let found = single_parameter(target.as_bytes(), "user-id");
        assert_eq!(found, Err(Unclear::Repeated), "{target}");
    }
}

/// What servers make of a query: parted before or after it is decoded, at `&` or at `;` too, names in
/// any case, the first, the last or any.
fn readings(query: &str, name: &str) -> Vec<Vec<u8>> {
    let decode = |text: &[u8]| super::decoded(text).into_owned();
    let mut found = Vec::new();
    for (first, separators) in [(false, "&"), (false, "&;"), (true, "&"), (true, "&;")] {
        let query = if first { decode(query.as_bytes()) } else { query.as_bytes().to_vec() };
        for piece in query.split(|byte| separators.as_bytes().contains(byte)) {
            let at = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let own = decode(&piece[..at]);
            let own = own.split(|byte| *byte == b'[').next().unwrap();
            if own.eq_ignore_ascii_case(name.as_bytes()) {
                found.push(decode(piece.get(at + 1..).unwrap_or_default()));
            }
        }
    }
    found
}

proptest! {
    /// Whatever has a value here has that value for every server, however it reads queries.
    #[test]
    fn no_server_reads_another_value(
        pieces in prop::collection::vec("(u|%75|U|%2575|x)(%5B|\\[|\\]|%26|%3B|;|\\+|=|%3D|a|b|%2561|%){0,5}", 1..5)
    ) {
        let query = pieces.join("&");
        let target = format!("/p?{query}");
        if let Ok(value) = single_parameter(target.as_bytes(), "u") {
            for read in readings(&query, "u") {
                prop_assert_eq!(&*value, &*read, "{}", target);
            }
        }
    }
}
