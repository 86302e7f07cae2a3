//! An origin: where a browser says that a page is from, and whether a request is for it.

use std::net::Ipv4Addr;

use super::{Url, comparable_host};
use crate::wire::is_same;

/// Scheme, host and port of a site (RFC 6454 §4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// As browsers write it (RFC 6454 §6.2): small letters, no port that is the scheme's own.
    text: Box<str>,
    secure: bool,
    /// The host as it is compared.
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// Takes an origin that is written as browsers write it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let host = comparable_host(url.authority.as_bytes())?;
        let host: Box<str> = std::str::from_utf8(&host).ok()?.into();
        let port = port(url.authority.as_bytes(), url.secure)?;
        let usual = if usual_port(url.secure) == port { String::new() } else { format!(":{port}") };
        let canonical = format!("{}://{host}{usual}", url.scheme());
        (*text == *canonical).then(|| Self { text: text.into(), secure: url.secure, host, port })
    }

    /// As browsers write it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `https`.
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, without port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether a request with this authority (RFC 9110 §7.2) is for it: the host as it is compared, and
    /// the port, the scheme's own where none is written.
    pub fn is_for(&self, authority: &[u8]) -> bool {
        // Browsers send it as it is written here.
        is_same(authority, self.authority().as_bytes()) || self.is_for_spelled(authority)
    }

    fn authority(&self) -> &str {
        self.text.get(if self.secure { 8 } else { 7 }..).unwrap_or_default()
    }

    /// The same, however it is spelled.
    fn is_for_spelled(&self, authority: &[u8]) -> bool {
        port(authority, self.secure) == Some(self.port)
            && comparable_host(authority).is_some_and(|host| *host == *self.host.as_bytes())
    }

    /// Whether no other machine can be meant (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    pub fn is_loopback(&self) -> bool {
        let host = &*self.host;
        let name = host == "localhost" || host.ends_with(".localhost");
        name || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|one| one.is_loopback())
    }
}

const fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// The port of an authority.
fn port(authority: &[u8], secure: bool) -> Option<u16> {
    let behind = authority.iter().rposition(|&byte| matches!(byte, b':' | b']'));
    match behind.and_then(|at| authority.split_at_checked(at)) {
        Some((_, [b':', digits @ ..])) if !digits.is_empty() => {
            let digits = std::str::from_utf8(digits).ok()?;
            // `parse` alone would take a sign.
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        }
        _ => Some(usual_port(secure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in [
            "https://portal.example.com",
            "https://portal.example.com:8443",
            "http://localhost:10000",
            "http://127.0.0.1",
            "https://[2001:db8::1]",
            "https://[::1]:8443",
            "https://a_b.example",
        ] {
            assert_eq!(Origin::parse(good).as_ref().map(Origin::as_str), Some(good));
        }
        for bad in [
            "",
            "portal.example.com",
            "https://",
            "https://Portal.example.com",
            "https://portal.example.com/",
            "https://portal.example.com/x",
            "https://portal.example.com?x",
            "https://portal.example.com.",
            "https://portal.example.com:443",
            "https://portal.example.com:08443",
            "https://portal.example.com:",
            "http://localhost:80",
            "https://a..b",
            "https://[2001:DB8::1]",
            "https://[2001:db8:0::1]",
            "https://*.example.com",
            "https://user@portal.example.com",
            "ftp://portal.example.com",
            "null",
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn i11_a_request_is_for_an_origin_by_host_and_port() {
        let cases = [
            // origin, authority, whether it is for it
            ("https://portal.example.com", "portal.example.com", true),
            ("https://portal.example.com", "PORTAL.example.com", true),
            ("https://portal.example.com", "portal.example.com.", true),
            ("https://portal.example.com", "portal.example.com:443", true),
            ("https://portal.example.com", "portal.example.com:0443", true),
            ("https://portal.example.com", "portal.example.com:", true),
            ("https://portal.example.com", "portal.example.com:80", false),
            ("https://portal.example.com", "portal.example.com:8443", false),
            ("https://portal.example.com", "portal.example.com:65979", false),
            ("https://portal.example.com", "portal.example.com:+443", false),
            ("https://portal.example.com", "portal.example.com:x", false),
            ("https://portal.example.com", "user@portal.example.com", false),
            ("https://portal.example.com", "evil.example", false),
            ("https://portal.example.com", "portal.example.com.evil.example", false),
            ("https://portal.example.com", "", false),
            ("https://portal.example.com:8443", "portal.example.com:8443", true),
            ("https://portal.example.com:8443", "portal.example.com", false),
            ("http://localhost:10000", "localhost:10000", true),
            ("http://localhost", "localhost:80", true),
            ("https://[2001:db8::1]", "[2001:DB8:0::1]", true),
            ("https://[2001:db8::1]", "[2001:db8::1]:443", true),
            ("https://[2001:db8::1]", "[2001:db8::1]:80", false),
        ];
        for (origin, authority, expected) in cases {
            let known = Origin::parse(origin).expect(origin);
            assert_eq!(known.is_for(authority.as_bytes()), expected, "{origin} {authority}");
        }
        assert!(!Origin::parse("https://a").expect("one").is_for(b"\xff"));
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        for (origin, expected) in [
            ("http://localhost:10000", true),
            ("http://app.localhost", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:8080", true),
            ("http://notlocalhost", false),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example", false),
        ] {
            assert_eq!(Origin::parse(origin).expect(origin).is_loopback(), expected, "{origin}");
        }
    }
}
