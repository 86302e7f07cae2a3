use proptest::prelude::*;

use super::*;

fn bytes<'h>(headers: &'h [&'h str]) -> impl Iterator<Item = &'h [u8]> {
    headers.iter().map(|header| header.as_bytes())
}

#[test]
fn a_cookie_is_found_by_its_exact_name() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        // name, headers, values of `token`
        ("no header", &[], &[]),
        ("an empty header", &[""], &[]),
        ("alone", &["token=x"], &["x"]),
        ("among others", &["a=1; token=x; b=2"], &["x"]),
        ("without spaces", &["a=1;token=x;b=2"], &["x"]),
        ("with more spaces", &["a=1;  token = x ;b"], &["x"]),
        ("with what only some take off", &["a=1;\u{b}token\u{1f}=x"], &["x"]),
        ("in the second header", &["a=1", "token=x"], &["x"]),
        ("empty", &["token="], &[""]),
        ("a name without a value is no cookie", &["token"], &[]),
        ("an equals sign in the value", &["token=a=b"], &["a=b"]),
        ("quotes are part of it", &["token=\"x\""], &["\"x\""]),
        ("a comma is part of it", &["token=x,token=y"], &["x,token=y"]),
        ("nothing is decoded", &["tok%65n=x; token=%41"], &["%41"]),
        ("another case", &["Token=x; TOKEN=y"], &[]),
        ("a name that begins so", &["token2=x; tokens=y; xtoken=z"], &[]),
        ("twice in one header", &["token=x; token=y"], &["x", "y"]),
        ("twice in two headers", &["token=x", "a=1; token=x"], &["x", "x"]),
        ("in the value of another", &["a=token=x"], &[]),
    ];
    for (name, headers, values) in cases {
        let found: Vec<_> = cookies(bytes(headers), "token").collect();
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        assert_eq!(found, values, "{name}");
    }
}

#[test]
fn one_cookie_is_taken_out_alone() {
    let cases: &[(&str, &[&str], Option<&str>)] = &[
        ("no header", &[], None),
        ("not there", &["a=1; token2=x"], None),
        ("the only one", &["token=x"], Some("")),
        ("the only one, with a loose end", &["token=x; "], Some("")),
        ("the first", &["token=x; a=1; b=2"], Some("a=1; b=2")),
        ("the last", &["a=1; b=2; token=x"], Some("a=1; b=2")),
        ("in the middle", &["a=1; token=x; b=2"], Some("a=1; b=2")),
        ("without spaces", &["a=1;token=x;b=2"], Some("a=1;b=2")),
        ("the rest keeps its bytes", &["a=\"1\";  b ; token=x;c=é"], Some("a=\"1\";  b ;c=é")),
        (
            "a name that begins so stays",
            &["token2=1; token=x; tokens=2"],
            Some("token2=1; tokens=2"),
        ),
        ("every one of the name", &["token=x; a=1", "token=y; b=2"], Some("a=1; b=2")),
        ("two headers become one", &["a=1; token=x", "b=2"], Some("a=1; b=2")),
        ("a header that held nothing else", &["token=x", "b=2"], Some("b=2")),
        ("an empty pair stays", &["a=1; ; token=x"], Some("a=1; ")),
    ];
    for (name, headers, rest) in cases {
        let cut = without_cookies(bytes(headers), &["token"]);
        assert_eq!(cut.as_deref(), rest.map(str::as_bytes), "{name}");
    }
    // What Python's `strip` takes off text in Latin-1.
    let odd: &[u8] = b"a=1;\xa0token=x;\x85token\x1c=y;\x0btoken=z; xtoken=\xa0";
    assert_eq!(cookies([odd], "token").count(), 3);
    let left = without_cookies([odd], &["token"]);
    assert_eq!(left.as_deref(), Some(b"a=1; xtoken=\xa0".as_slice()));
    let two = without_cookies([b"a=1; b=2; c=3".as_slice()], &["a", "c"]);
    assert_eq!(two.as_deref(), Some(b"b=2".as_slice()), "two names at once");
}

proptest! {
    #[test]
    fn what_is_left_holds_every_other_pair_and_none_of_the_name(
        headers in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just("token=x".to_owned()), "[ab ]{0,3}=?[\"xé]{0,3}"], 0..5),
            0..4,
        ),
    ) {
        let texts: Vec<String> = headers.iter().map(|pairs| pairs.join("; ")).collect();
        let others = |headers: Vec<&[u8]>| -> Vec<Vec<u8>> {
            let trimmed = |pair: &[u8]| pair.trim_ascii().to_vec();
            let pairs = headers.into_iter().flat_map(|header| header.split(|&b| b == b';'));
            pairs.map(trimmed).filter(|pair| !pair.is_empty() && pair != b"token=x").collect()
        };
        let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let cut = without_cookies(texts.iter().copied(), &["token"]);
        prop_assert_eq!(cut.is_some(), cookies(texts.iter().copied(), "token").count() > 0);
        if let Some(cut) = cut {
            prop_assert_eq!(others(vec![&cut]), others(texts));
            prop_assert_eq!(without_cookies([cut.as_slice()], &["token"]), None);
        }
    }

    #[test]
    fn any_bytes_are_read_and_cut(header in prop::collection::vec(any::<u8>(), 0..64)) {
        let cut = without_cookies([header.as_slice()], &["a"]);
        prop_assert_eq!(cut.is_some(), cookies([header.as_slice()], "a").count() > 0);
        prop_assert_eq!(cookies(cut.as_deref(), "a").count(), 0);
    }
}
