use proptest::prelude::*;

use super::*;

#[test]
fn a_host_is_compared_without_port_case_final_dot_and_spelling() {
    let cases: &[(&str, &[u8], Option<&str>)] = &[
        ("a plain host", b"api.example.com", Some("api.example.com")),
        ("one label", b"localhost", Some("localhost")),
        ("a port", b"api.example.com:443", Some("api.example.com")),
        ("a port out of range", b"api.example.com:99999999", Some("api.example.com")),
        ("a colon without a port (RFC 3986 3.2.3)", b"api.example.com:", Some("api.example.com")),
        ("capitals, final dot, port", b"API.example.com.:443", Some("api.example.com")),
        ("an underscore and digits", b"my_api-2.example.com", Some("my_api-2.example.com")),
        ("punycode", b"xn--bcher-kva.example", Some("xn--bcher-kva.example")),
        ("an IPv4 address", b"127.0.0.1:8080", Some("127.0.0.1")),
        ("an IPv6 address", b"[2001:db8::1]", Some("[2001:db8::1]")),
        ("in capitals, with a port", b"[2001:DB8::1]:8080", Some("[2001:db8::1]")),
        ("with zeros", b"[2001:0db8:0:0:0:0:0:0001]", Some("[2001:db8::1]")),
        ("of loopback", b"[::1]", Some("[::1]")),
        ("with an IPv4 address in it", b"[::ffff:192.0.2.1]", Some("[::ffff:192.0.2.1]")),
        ("the same in hexadecimal", b"[::FFFF:c000:0201]", Some("[::ffff:192.0.2.1]")),
        ("a colon behind an IPv6 address", b"[::1]:", Some("[::1]")),
        ("letters for a port", b"api.example.com:abc", None),
        ("letters behind a port", b"api.example.com:80a", None),
        ("two ports", b"api.example.com:80:80", None),
        ("a signed port", b"api.example.com:+80", None),
        ("a port with a space", b"api.example.com:80 ", None),
        ("a port alone", b":80", None),
        ("a colon alone", b":", None),
        ("nothing", b"", None),
        ("a dot alone", b".", None),
        ("two final dots", b"api.example.com..", None),
        ("two dots inside", b"api..example.com", None),
        ("a dot in front", b".example.com", None),
        ("a dot between colon and port", b"api.example.com:.80", None),
        ("user information", b"user@api.example.com", None),
        ("user information with a colon", b"api.example.com:80@x.example", None),
        ("an encoded dot", b"api%2eexample.com", None),
        ("two hosts", b"api.example.com,x.example", None),
        ("two hosts with a space", b"api.example.com, x.example", None),
        ("a space in front", b" api.example.com", None),
        ("a space behind", b"api.example.com ", None),
        ("a tab", b"api.example.com\t", None),
        ("NUL", b"api.example.com\0", None),
        ("a path", b"api.example.com/x", None),
        ("a URL", b"http://api.example.com", None),
        ("a backslash", b"api.example.com\\x", None),
        ("a query", b"api.example.com?x", None),
        ("a fragment", b"api.example.com#x", None),
        ("a star", b"*.example.com", None),
        ("letters of the world", "b\u{fc}cher.example".as_bytes(), None),
        ("a letter that folds to ASCII", "\u{212a}.example".as_bytes(), None),
        ("bytes that are no text", b"\xff\xfe:80", None),
        ("an IPv6 address without brackets", b"2001:db8::1", None),
        ("an address that is none", b"[2001:db8::1::2]", None),
        ("an IPv4 address in brackets", b"[127.0.0.1]", None),
        ("a name in brackets", b"[api.example.com]", None),
        ("a zone", b"[fe80::1%25eth0]", None),
        ("a bare zone", b"[fe80::1%eth0]", None),
        ("an address of the future", b"[v1.x]", None),
        ("brackets without end", b"[::1", None),
        ("an end without brackets", b"::1]", None),
        ("nothing in brackets", b"[]", None),
        ("a dot behind brackets", b"[::1].", None),
        ("digits behind brackets", b"[::1]80", None),
        ("letters for a port behind brackets", b"[::1]:abc", None),
        ("spaces in brackets", b"[ ::1 ]", None),
    ];
    for (name, authority, expected) in cases {
        let found = comparable_host(authority);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{name}");
    }
}

#[test]
fn a_plain_host_is_not_copied() {
    for plain in ["api.example.com", "api.example.com.:8443"] {
        let found = comparable_host(plain.as_bytes());
        assert!(matches!(found, Some(Cow::Borrowed(_))), "{plain}");
    }
}

proptest! {
    #[test]
    fn spellings_of_one_host_are_one_and_what_is_compared_stays_as_it_is(
        authority in "[aB0._:\\-\\[\\]%@ ]{0,12}",
        port in proptest::option::of(0_u32..100_000),
    ) {
        if let Some(host) = comparable_host(authority.as_bytes()).map(Cow::into_owned) {
            let again = comparable_host(&host).map(Cow::into_owned);
            prop_assert_eq!(again.as_ref(), Some(&host), "what is compared has one form");
            let upper = authority.to_ascii_uppercase();
            let upper = comparable_host(upper.as_bytes()).map(Cow::into_owned);
            prop_assert_eq!(upper.as_ref(), Some(&host));
            if let Some(port) = port.filter(|_| !authority.contains(':') || authority.ends_with(']')) {
                let with_port = format!("{authority}:{port}");
                let found = comparable_host(with_port.as_bytes()).map(Cow::into_owned);
                prop_assert_eq!(found.as_ref(), Some(&host));
            }
        }
    }
}
