use proptest::prelude::*;

use super::*;

#[test]
fn a_url_is_taken_apart_and_put_together_again() {
    let cases = [
        // name, text, host, authority, path
        ("plain", "https://idp.example/keys", "idp.example", "idp.example", "/keys"),
        ("with a port", "http://127.0.0.1:8080/keys", "127.0.0.1", "127.0.0.1:8080", "/keys"),
        ("with the default port", "https://a:443/", "a", "a:443", "/"),
        ("with a query", "https://a/k?x=1&y=/z?", "a", "a", "/k?x=1&y=/z?"),
        ("an IPv6 address", "http://[::1]/", "[::1]", "[::1]", "/"),
        (
            "an IPv6 address with a port",
            "http://[2001:db8::1]:80/k",
            "[2001:db8::1]",
            "[2001:db8::1]:80",
            "/k",
        ),
        ("an at sign in the path", "https://a/@b:c", "a", "a", "/@b:c"),
    ];
    for (name, text, host, authority, path) in cases {
        let url = Url::parse(text).expect(name);
        assert_eq!((url.host(), &*url.authority, &*url.path), (host, authority, path), "{name}");
        assert_eq!(url.secure, text.starts_with("https"), "{name}");
        assert_eq!(url.to_string(), text, "{name}");
    }
}

#[test]
fn a_url_is_put_into_its_usual_form() {
    for (text, expected) in [
        ("https://a", "https://a/"),
        ("https://a?x", "https://a/?x"),
        ("HTTPS://IdP.Example/Keys", "https://idp.example/Keys"),
    ] {
        assert_eq!(Url::parse(text).expect(text).to_string(), expected);
    }
}

#[test]
fn a_url_that_could_be_read_otherwise_is_refused() {
    let long = format!("https://a/{}", "x".repeat(Url::MAX_BYTES));
    let cases = [
        ("nothing", "", UrlError::Scheme),
        ("a path", "/keys", UrlError::Scheme),
        ("another scheme", "file:///etc/passwd", UrlError::Scheme),
        ("a scheme that ends alike", "xhttps://a/", UrlError::Scheme),
        ("one slash", "https:/a/", UrlError::Scheme),
        ("no host", "https:///keys", UrlError::Host),
        ("a port without host", "https://:443/", UrlError::Host),
        ("a query without host", "https://?x", UrlError::Host),
        ("a user name", "https://me@a/", UrlError::UserInfo),
        ("a password", "https://me:secret@a/", UrlError::UserInfo),
        ("an empty user name", "https://@a/", UrlError::UserInfo),
        ("a fragment", "https://a/#x", UrlError::Fragment),
        ("a fragment after the host", "https://a#@b/", UrlError::Fragment),
        ("a space", "https://a/x y", UrlError::Character),
        ("a backslash", "https://a\\@b/", UrlError::Character),
        ("a line feed", "https://a/\nHost: b", UrlError::Character),
        ("a letter outside ASCII", "https://ä/", UrlError::Character),
        ("a percent sign in the host", "https://a%2eb/", UrlError::Host),
        ("a comma in the host", "https://a,b/", UrlError::Host),
        ("a bare IPv6 address", "http://::1/", UrlError::Host),
        ("brackets around a name", "http://[a]/", UrlError::Host),
        ("an open bracket", "http://[::1/", UrlError::Host),
        ("text behind the bracket", "http://[::1]x/", UrlError::Host),
        ("no port", "https://a:/", UrlError::Port),
        ("port zero", "https://a:0/", UrlError::Port),
        ("a port too high", "https://a:65536/", UrlError::Port),
        ("a port with a sign", "https://a:+80/", UrlError::Port),
        ("a port that is none", "https://a:b/", UrlError::Port),
        ("too long", &long, UrlError::TooLong),
    ];
    for (name, text, expected) in cases {
        assert_eq!(Url::parse(text), Err(expected), "{name}");
    }
}

proptest! {
    #[test]
    fn a_url_written_out_is_the_same_url(text in "[hH]ttps?://[-a-zA-Z0-9.:@\\[\\]]{0,12}[/?#]?[ -~]{0,12}") {
        if let Ok(url) = Url::parse(&text) {
            prop_assert!(!url.host().is_empty());
            prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
        }
    }
}
