//! Cookies in an answer (RFC 6265bis §4.1): written and cleared with the same attributes, and found by
//! name among those of others.

use std::time::Duration;

use super::cookie::is_blank;
use super::trimmed;

/// A cookie as a browser keeps it: `Secure`, `HttpOnly`, `SameSite=Lax`.
///
/// Both that it is written and that it is cleared come from here, because a browser clears only what
/// has the same name, path and domain, and with a prefix only what is `Secure` (RFC 6265bis §4.1.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SetCookie<'a> {
    /// Its name: a token, prefix included.
    pub name: &'a str,
    /// The path below which it is sent.
    pub path: &'a str,
    /// The domain below which it is sent, too; otherwise to the host alone that set it.
    pub domain: Option<&'a str>,
}

/// Why a cookie is not written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unwritable {
    /// Name and value have so many bytes together, which is more than [`SetCookie::MOST_BYTES`].
    TooLarge(usize),
    /// The value holds what no cookie may (RFC 6265 §4.1.1: `cookie-octet`).
    Value,
}

impl SetCookie<'_> {
    /// How many bytes name and value may have together. Browsers drop what is longer than 4,096
    /// without a word.
    pub const MOST_BYTES: usize = 4000;

    /// The value of a `set-cookie` header that sets it, for so long, in whole seconds.
    ///
    /// # Errors
    ///
    /// See [`Unwritable`].
    pub fn set(&self, value: &str, lasts: Duration) -> Result<String, Unwritable> {
        let bytes = self.name.len().saturating_add(value.len());
        if bytes > Self::MOST_BYTES {
            return Err(Unwritable::TooLarge(bytes));
        }
        let octet = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\');
        if !value.bytes().all(octet) {
            return Err(Unwritable::Value);
        }
        Ok(self.written(value, lasts.as_secs()))
    }

    /// The value of a `set-cookie` header that makes a browser forget it.
    pub fn clear(&self) -> String {
        self.written("", 0)
    }

    fn written(&self, value: &str, seconds: u64) -> String {
        let seconds = seconds.to_string();
        let mut parts = vec![self.name, "=", value, "; Path=", self.path];
        if let Some(domain) = self.domain {
            parts.extend(["; Domain=", domain]);
        }
        parts.extend(["; Max-Age=", &seconds, "; Secure; HttpOnly; SameSite=Lax"]);
        parts.concat()
    }
}

/// Whether the value of a `set-cookie` header sets a cookie that comes back under one of these names.
///
/// A cookie without a name comes back as its value alone, so that `=a=b` and `a=b` are one to a server.
pub fn sets_one_of(header: &[u8], names: &[&str]) -> bool {
    let pair = header.split(|byte| *byte == b';').next().unwrap_or_default();
    let start = pair.iter().position(|byte| *byte != b'=' && !is_blank(*byte));
    let pair = pair.get(start.unwrap_or(pair.len())..).unwrap_or_default();
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    let name = trimmed(name, is_blank);
    names.iter().any(|reserved| *name == *reserved.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SetCookie<'_> =
        SetCookie { name: "__Host-tollgate-okta", path: "/", domain: None };

    #[test]
    fn a_cookie_has_every_attribute() {
        assert_eq!(
            SESSION.set("a-_b", Duration::from_millis(28_800_900)).unwrap(),
            "__Host-tollgate-okta=a-_b; Path=/; Max-Age=28800; Secure; HttpOnly; SameSite=Lax"
        );
        let shared =
            SetCookie { name: "__Secure-tollgate-okta", domain: Some("example.com"), ..SESSION };
        assert_eq!(
            shared.set("x", Duration::from_secs(1)).unwrap(),
            "__Secure-tollgate-okta=x; Path=/; Domain=example.com; Max-Age=1; Secure; HttpOnly; \
             SameSite=Lax"
        );
    }

    #[test]
    fn h06_a_cookie_is_cleared_as_it_was_set() {
        let hint = SetCookie { name: "__Secure-a-i", path: "/.login/okta/logout", domain: None };
        let shared = SetCookie { domain: Some("example.com"), ..hint };
        for cookie in [SESSION, hint, shared] {
            let set = cookie.set("value", Duration::from_secs(60)).unwrap();
            let cleared = cookie.clear();
            assert_eq!(set.replace("=value;", "=;").replace("Max-Age=60", "Max-Age=0"), cleared);
        }
    }

    #[test]
    fn h14_a_cookie_that_a_browser_would_drop_is_not_written() {
        let lasts = Duration::from_secs(60);
        let room = SetCookie::MOST_BYTES - SESSION.name.len();
        assert!(SESSION.set(&"a".repeat(room), lasts).is_ok());
        let refused = SESSION.set(&"a".repeat(room + 1), lasts);
        assert_eq!(refused, Err(Unwritable::TooLarge(4001)));
        for value in ["a;b", "a b", "a,b", "a\"b", "a\\b", "a\nb", "a\u{0}b", "é"] {
            assert_eq!(SESSION.set(value, lasts), Err(Unwritable::Value), "{value:?}");
        }
    }

    #[test]
    fn h28_a_reserved_name_is_found_however_it_is_set() {
        let names = ["__Host-tollgate-okta", "__Host-tollgate-okta-r"];
        let cases: &[(&str, &[u8], bool)] = &[
            ("plain", b"__Host-tollgate-okta=x; Path=/", true),
            ("the other", b"__Host-tollgate-okta-r=; Max-Age=0", true),
            ("spaces around", b"  __Host-tollgate-okta \t= x", true),
            ("a blank that some readers take off", b"\x0b__Host-tollgate-okta\xa0=x", true),
            ("without a name", b"=__Host-tollgate-okta=x", true),
            ("without a name, twice", b" = = __Host-tollgate-okta=x", true),
            ("without a value", b"__Host-tollgate-okta", true),
            ("a longer name", b"__Host-tollgate-okta-z=x", false),
            ("another case, which is another name", b"__host-tollgate-okta=x", false),
            ("as a value", b"a=__Host-tollgate-okta", false),
            ("as an attribute", b"a=b; __Host-tollgate-okta=x", false),
            ("nothing", b"", false),
            ("only a sign", b"=", false),
            ("not UTF-8", b"\xff=\xfe", false),
        ];
        for (name, header, expected) in cases {
            assert_eq!(sets_one_of(header, &names), *expected, "{name}");
        }
        assert!(!sets_one_of(b"=", &[]));
    }

    /// What a browser sends back once it was told this (RFC 6265bis §5.6, §5.8.3).
    fn sent_back(header: &[u8]) -> Vec<u8> {
        let pair = header.split(|byte| *byte == b';').next().unwrap();
        let blank = |byte: u8| matches!(byte, b' ' | b'\t');
        match pair.iter().position(|byte| *byte == b'=') {
            None => trimmed(pair, blank).to_vec(),
            Some(at) => {
                let (name, value) = (trimmed(&pair[..at], blank), trimmed(&pair[at + 1..], blank));
                let between: &[u8] = if name.is_empty() { b"" } else { b"=" };
                [name, between, value].concat()
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn h28_what_comes_back_under_a_reserved_name_was_found(
            header in "[=a; \t\u{b}\u{a0}]{0,8}",
        ) {
            // As one byte for each character.
            let header: Vec<u8> = header.chars().map(|c| u8::try_from(c).unwrap()).collect();
            let back = sent_back(&header);
            let comes_back = crate::http::cookies([back.as_slice()], "a").count() > 0;
            assert!(!comes_back || sets_one_of(&header, &["a"]), "{}", header.escape_ascii());
        }
    }
}
