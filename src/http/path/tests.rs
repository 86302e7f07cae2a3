use proptest::prelude::*;

use super::Ambiguity as A;
use super::*;

fn parse(path: &[u8]) -> Result<Vec<String>, A> {
    RequestPath::parse(path).map(|path| texts(&path))
}

fn texts(path: &RequestPath) -> Vec<String> {
    path.segments().iter().map(|s| String::from_utf8(s.clone()).expect("checked")).collect()
}

#[test]
fn a_plain_path_is_its_segments_decoded_once() {
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("the root", b"/", &[]),
        ("one segment", b"/orders", &["orders"]),
        ("G06 a trailing slash", b"/admin/", &["admin"]),
        ("G06 a trailing dot is part of the name", b"/admin.", &["admin."]),
        ("G06 an encoded space is part of the name", b"/admin%20", &["admin "]),
        ("G08 a query is no path", b"/admin?x=/public", &["admin"]),
        ("G08 a query may hold anything", b"/admin?../\\#%zz", &["admin"]),
        ("G08 a query after the root", b"/?x", &[]),
        ("G09 case is kept", b"/Admin", &["Admin"]),
        ("G04 two encodings are decoded once", b"/a/%252e%252e%252fb", &["a", "%2e%2e%2fb"]),
        ("an encoded letter", b"/%61dmin", &["admin"]),
        ("hexadecimal digits of both cases", b"/%c3%A9", &["é"]),
        ("raw UTF-8", "/é".as_bytes(), &["é"]),
        ("three dots are a name", b"/.../x", &["...", "x"]),
        ("dots in front of a name", b"/..a/.b", &["..a", ".b"]),
        ("a path parameter is part of the name", b"/admin;x=1", &["admin;x=1"]),
        ("characters with meaning elsewhere", b"/a:@!$&'()*+,=~", &["a:@!$&'()*+,=~"]),
    ];
    for (name, path, expected) in cases {
        assert_eq!(
            parse(path).as_deref(),
            Ok(&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
            "{name}"
        );
    }
}

#[test]
fn a_path_with_two_readings_is_refused() {
    let cases: &[(&str, &[u8], A)] = &[
        ("G01 dots", b"/public/../admin", A::DotSegment),
        ("G01 encoded dots", b"/public/%2e%2e/admin", A::DotSegment),
        ("G01 dots, half encoded", b"/public/.%2E/admin", A::DotSegment),
        ("G01 dots at the end", b"/public/..", A::DotSegment),
        ("G02 two slashes at the beginning", b"//admin", A::EmptySegment),
        ("G02 two slashes and nothing else", b"//", A::EmptySegment),
        ("G02 two slashes inside", b"/public//x", A::EmptySegment),
        ("G02 two slashes at the end", b"/public//", A::EmptySegment),
        ("G02 a dot", b"/./admin", A::DotSegment),
        ("G02 an encoded dot", b"/%2e/admin", A::DotSegment),
        ("G03 an encoded backslash beside an encoded slash", b"/a%2f%5cb", A::Backslash),
        ("G03 a backslash", b"/public\\admin", A::Backslash),
        ("G03 an encoded backslash", b"/public%5Cadmin", A::Backslash),
        ("G05 dots with a parameter", b"/public/..;/admin", A::DotSegment),
        ("G05 dots with an encoded parameter", b"/public/..%3bx/admin", A::DotSegment),
        ("G05 dots behind an empty parameter", b"/public;/../admin", A::DotSegment),
        ("G05 a parameter of nothing", b"/;x/admin", A::EmptySegment),
        ("G05 a parameter of nothing at the end", b"/admin/;x", A::EmptySegment),
        ("G06 a dot at the end", b"/admin/.", A::DotSegment),
        ("G06 NUL", b"/admin\0", A::Control),
        ("G06 an encoded NUL", b"/admin%00", A::Control),
        ("G06 an encoded tab", b"/admin%09", A::Control),
        ("G06 an encoded line feed", b"/admin%0a", A::Control),
        ("G06 an encoded DEL", b"/admin%7f", A::Control),
        ("a raw space", b"/admin x", A::Control),
        ("G07 a fragment", b"/admin#public", A::Fragment),
        ("G07 a fragment in front of dots", b"/public#/../admin", A::Fragment),
        ("G07 an encoded fragment", b"/public%23/admin", A::Fragment),
        ("an encoded question mark", b"/admin%3fx", A::Query),
        ("an encoded question mark in upper case", b"/admin%3Fx=/public", A::Query),
        ("an encoded question mark in front of a query", b"/admin%3f?x", A::Query),
        ("an encoded question mark alone", b"/%3f", A::Query),
        ("G12 the asterisk form", b"*", A::NotAbsolute),
        ("G12 nothing", b"", A::NotAbsolute),
        ("G12 a query alone", b"?x", A::NotAbsolute),
        ("G12 the absolute form", b"http://x/admin", A::NotAbsolute),
        ("G12 no slash", b"admin", A::NotAbsolute),
        ("G13 an overlong slash", b"/%c0%af", A::NotUtf8),
        ("G13 raw bytes that are no UTF-8", b"/\xc0\xa7", A::NotUtf8),
        ("G13 an encoded surrogate", b"/%ed%a0%80", A::NotUtf8),
        ("G13 half a character", b"/%c3/%a9", A::NotUtf8),
        ("a percent sign at the end", b"/a%", A::Escape),
        ("one digit at the end", b"/a%2", A::Escape),
        ("digits that are none", b"/a%zz", A::Escape),
        ("digits cut by a slash", b"/a%2/f", A::Escape),
        ("the escape of another world", b"/a%u002f", A::Escape),
        ("a sign for a digit", b"/a%+1", A::Escape),
    ];
    for (name, path, expected) in cases {
        assert_eq!(parse(path), Err(*expected), "{name}");
    }
}

#[test]
fn a_path_with_parameters_or_encoded_slashes_has_other_readings() {
    let cases: &[(&str, &[u8], Result<&[&[&str]], A>)] = &[
        // name, path, its other readings
        ("neither", b"/admin/x", Ok(&[])),
        ("in the query only", b"/a?b;c%2fd", Ok(&[])),
        ("G05 one parameter", b"/admin;x=1", Ok(&[&["admin"]])),
        ("G05 an encoded one", b"/admin%3Bx/y", Ok(&[&["admin", "y"]])),
        ("G05 cut at the first", b"/a;b;c/d;e/f", Ok(&[&["a", "d", "f"]])),
        ("G03 an encoded slash", b"/public%2fadmin", Ok(&[&["public", "admin"]])),
        ("in upper case", b"/a%2Fb/c", Ok(&[&["a", "b", "c"]])),
        ("two of them", b"/@scope%2fname%2fx", Ok(&[&["@scope", "name", "x"]])),
        ("at the end, where a slash does not matter", b"/a%2f", Ok(&[&["a"]])),
        ("encoded twice it is a name", b"/a%252fb", Ok(&[])),
        (
            "a parameter behind it",
            b"/a%2fb;c/d",
            Ok(&[&["a/b", "d"], &["a", "b", "d"], &["a", "b", "d"], &["a", "b;c", "d"]]),
        ),
        (
            "a parameter in front of it",
            b"/a;b%2fc",
            Ok(&[&["a"], &["a", "c"], &["a"], &["a;b", "c"]]),
        ),
        ("G03 dots behind it", b"/public%2f..%2fadmin", Err(A::DotSegment)),
        ("dots in front of it", b"/..%2fadmin", Err(A::DotSegment)),
        ("one dot behind it", b"/public%2f.", Err(A::DotSegment)),
        ("dots and a parameter behind it", b"/public%2f..;x", Err(A::DotSegment)),
        ("a parameter that hides dots", b"/public%2f..;%2fadmin", Err(A::DotSegment)),
        ("one beside a slash", b"/public%2f/admin", Err(A::EmptySegment)),
        ("one behind a slash", b"/public/%2fadmin", Err(A::EmptySegment)),
        ("two in a row", b"/a%2f%2fb", Err(A::EmptySegment)),
        ("one alone", b"/%2f", Err(A::EmptySegment)),
        ("a parameter of nothing behind it", b"/a%2f;x", Err(A::EmptySegment)),
    ];
    for (name, path, expected) in cases {
        let path = RequestPath::parse(path).expect(name);
        let readings = path.readings().map(|all| all.iter().map(texts).collect::<Vec<_>>());
        let owned = |path: &&[&str]| path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let expected = expected.map(|all| all.iter().map(owned).collect::<Vec<_>>());
        assert_eq!(readings, expected, "{name}");
    }
}

#[test]
fn the_longest_path_a_proxy_lets_through_is_read() {
    let long = [b"/".as_slice(), &b"a".repeat(60_000)].concat();
    let many = b"/a".repeat(30_000);
    let escapes = [b"/".as_slice(), &b"%41".repeat(20_000)].concat();
    let lengths = [&long, &many, &escapes]
        .map(|path| RequestPath::parse(path).expect("plain").segments().len());
    assert_eq!(lengths, [1, 30_000, 1]);
}

proptest! {
    #[test]
    fn no_bytes_hide_a_second_reading(
        path in proptest::collection::vec(prop_oneof![
            Just(b'/'), Just(b'.'), Just(b'%'), Just(b'2'), Just(b'5'), Just(b'e'), Just(b'f'),
            Just(b'c'), Just(b';'), Just(b'\\'), Just(b'?'), any::<u8>(),
        ], 0..24),
    ) {
        let path = [b"/".as_slice(), &path].concat();
        if let Ok(path) = RequestPath::parse(&path) {
            for reading in path.readings().into_iter().flatten().chain([path]) {
                for segment in reading.segments() {
                    prop_assert!(!matches!(segment.as_slice(), b"" | b"." | b".."));
                    prop_assert!(!segment.iter().any(|b| b"\\#?".contains(b) || b.is_ascii_control()));
                    prop_assert!(std::str::from_utf8(segment).is_ok());
                }
            }
        }
    }
}
