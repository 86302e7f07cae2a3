use proptest::prelude::*;

use super::*;

fn found(path: &str, name: &str) -> Vec<String> {
    let text = |value: Cow<'_, [u8]>| String::from_utf8_lossy(&value).into_owned();
    parameters(path.as_bytes(), name).map(text).collect()
}

fn cut(path: &str) -> Option<String> {
    without_parameters(path.as_bytes(), &["token"]).map(|rest| String::from_utf8(rest).unwrap())
}

#[test]
fn a_parameter_is_found_by_its_decoded_name() {
    let cases: &[(&str, &str, &[&str])] = &[
        // name, path, values of `access_token`
        ("no query", "/a", &[]),
        ("an empty query", "/a?", &[]),
        ("alone", "/a?access_token=x", &["x"]),
        ("among others", "/a?b=1&access_token=x&c=2", &["x"]),
        ("without a value", "/a?access_token", &[""]),
        ("with an empty value", "/a?access_token=", &[""]),
        ("an encoded name", "/a?access%5Ftoken=x", &["x"]),
        ("an encoded name in small letters", "/a?access%5ftoken=x", &["x"]),
        ("every letter encoded", "/a?%61ccess_toke%6E=x", &["x"]),
        ("encoded twice", "/a?access%255Ftoken=x", &[]),
        ("a broken escape in the name", "/a?access%5_token=x", &[]),
        ("an encoded value", "/a?access_token=a%2Eb%2e%20", &["a.b. "]),
        ("a value decoded once", "/a?access_token=%2541", &["%41"]),
        ("a broken escape in the value", "/a?access_token=%4&b=%", &["%4"]),
        ("a plus is a plus", "/a?access_token=a+b", &["a+b"]),
        ("an equals sign in the value", "/a?access_token=a=b=", &["a=b="]),
        ("an encoded equals sign is no separator", "/a?access_token%3Dx", &[]),
        ("an encoded ampersand is no separator", "/a?b=1%26access_token=x", &[]),
        ("a semicolon is no separator", "/a?b=1;access_token=x", &[]),
        ("a second question mark is part of a name", "/a?b?access_token=x", &[]),
        ("another case", "/a?Access_Token=x", &[]),
        ("a longer name", "/a?access_tokens=x&xaccess_token=y", &[]),
        ("twice", "/a?access_token=x&access%5Ftoken=y", &["x", "y"]),
        ("in the path", "/access_token=x", &[]),
        ("nothing at all", "", &[]),
        ("a query alone", "?access_token=x", &["x"]),
    ];
    for (name, path, values) in cases {
        assert_eq!(found(path, "access_token"), *values, "{name}");
    }
    assert_eq!(found("/a?t=%ff%00", "t"), ["\u{fffd}\0"], "bytes that are no text");
}

#[test]
fn a_parameter_is_cut_out_and_the_rest_keeps_its_bytes() {
    let cases = [
        ("no query", "/a", None),
        ("another parameter", "/a?b=token&c", None),
        ("alone", "/a?token=x", Some("/a")),
        ("alone without a value", "/a?token", Some("/a")),
        ("first", "/a?token=x&b=1", Some("/a?b=1")),
        ("last", "/a?b=1&token=x", Some("/a?b=1")),
        ("in the middle", "/a?b=1&token=x&c=2", Some("/a?b=1&c=2")),
        ("what is empty stays", "/a?b&token=x&&c=%20", Some("/a?b&&c=%20")),
        ("an empty piece is a piece", "/a?token=x&", Some("/a?")),
        ("an empty piece in front", "/a?&token=x", Some("/a?")),
        ("escapes stay as they are", "/a?%62=%2f+%2F&token=x&c=é", Some("/a?%62=%2f+%2F&c=é")),
        ("an encoded name", "/a?tok%65n=x&b", Some("/a?b")),
        ("every one of the name", "/a?token=x&b&token=y&token", Some("/a?b")),
        ("the path stays as it is", "/%61//token=x/../?token=x", Some("/%61//token=x/../")),
        ("a second question mark", "/a?b=?&token=?", Some("/a?b=?")),
    ];
    for (name, path, rest) in cases {
        assert_eq!(cut(path).as_deref(), rest, "{name}");
    }
    let two = without_parameters(b"/a?one=1&b&two=2", &["one", "two"]);
    assert_eq!(two.as_deref(), Some(b"/a?b".as_slice()), "two names at once");
}

/// A piece of a query: often the parameter that is cut, in some spelling.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("token=x".to_owned()),
        Just("tok%65n".to_owned()),
        Just("%74oken=%26".to_owned()),
        "[a-c%=+;?]{0,6}",
    ]
}

proptest! {
    #[test]
    fn cutting_keeps_every_other_piece_and_is_done_once(
        path in "/[a-z%/]{0,8}",
        pieces in prop::collection::vec(piece(), 0..8),
    ) {
        let target = format!("{path}?{}", pieces.join("&"));
        let ours = |piece: &&String| {
            let name = piece.split('=').next().unwrap_or_default();
            ["token", "tok%65n", "%74oken"].contains(&name)
        };
        let rest: Vec<_> = pieces.iter().filter(|piece| !ours(piece)).cloned().collect();
        match without_parameters(target.as_bytes(), &["token"]) {
            None => prop_assert_eq!(rest.len(), pieces.len()),
            Some(cut) => {
                prop_assert!(rest.len() < pieces.len());
                let query = if rest.is_empty() { String::new() } else { "?".to_owned() };
                let expected = format!("{path}{query}{}", rest.join("&"));
                prop_assert_eq!(String::from_utf8(cut.clone()).unwrap(), expected);
                prop_assert_eq!(without_parameters(&cut, &["token"]), None);
                prop_assert_eq!(parameters(&cut, "token").count(), 0);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_and_cut(path in prop::collection::vec(any::<u8>(), 0..64)) {
        let found = parameters(&path, "a").count();
        let cut = without_parameters(&path, &["a"]);
        prop_assert_eq!(cut.is_some(), found > 0);
    }
}
