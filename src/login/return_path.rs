//! Where a login leads back to: a path of the host that it began at, whatever was asked for.

use crate::http::RequestPath;

/// Longest path with its query, in bytes.
pub const MOST_BYTES: usize = 1024;

/// The path and query that a browser is sent to behind its login, for a target that anybody may have
/// written. `own` is the path below which the filter answers itself.
///
/// It begins with exactly one slash, and no hop reads its path in another way: it has no backslash, no
/// control byte, no dot segment, no empty segment. What has too long or too odd a query keeps its path,
/// and everything else is `/`. What came of it comes of it again.
pub fn return_path(target: &[u8], own: &str) -> String {
    let target = visible(target);
    let path = target.split('?').next().unwrap_or_default();
    let leads_elsewhere = path.len() > MOST_BYTES || !is_of_application(path.as_bytes(), own);
    if leads_elsewhere {
        return "/".to_owned();
    }
    let is_odd = |b: u8| !b.is_ascii_graphic() || matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>');
    if target.len() > MOST_BYTES || target.bytes().any(is_odd) {
        return path.to_owned();
    }
    target
}

/// Whether this is a path of this host in every reading, and in none the filter's own.
fn is_of_application(path: &[u8], own: &str) -> bool {
    let (Ok(path), Ok(own)) = (RequestPath::parse(path), RequestPath::parse(own.as_bytes())) else {
        return false;
    };
    let is_own = |path: &RequestPath| path.segments().starts_with(own.segments());
    path.readings().is_ok_and(|others| !is_own(&path) && !others.iter().any(is_own))
}

/// The same in the letters that a `Location` may have: what a person or a program may leave as it is in
/// an address is escaped, as browsers do.
fn visible(target: &[u8]) -> String {
    let mut out = String::with_capacity(target.len().min(MOST_BYTES.saturating_mul(2)));
    // Whatever is longer is cut anyway; the cut is behind all that is taken.
    for byte in target.iter().take(MOST_BYTES.saturating_mul(2)) {
        match byte {
            0..=0x7f if *byte != b' ' => out.push(char::from(*byte)),
            _ => out.extend(["%", &crate::wire::to_hex(&[*byte], 1).to_ascii_uppercase()]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "/.login/okta";

    #[test]
    fn i10_a_login_leads_back_to_its_own_host_alone() {
        let long_query = format!("/a?{}", "b".repeat(MOST_BYTES));
        let long_path = format!("/{}", "b".repeat(30 * 1024));
        let room = format!("/a?{}", "b".repeat(MOST_BYTES - 3));
        let cases: &[(&str, &[u8], &str)] = &[
            ("a page", b"/orders", "/orders"),
            (
                "a page and its query",
                b"/orders/7?a=1&b=%2F%0d%5c//x",
                "/orders/7?a=1&b=%2F%0d%5c//x",
            ),
            ("a URL in a query", b"/a?next=https://b/c?d", "/a?next=https://b/c?d"),
            ("a parameter and a slash that is encoded", b"/a;b=c/d%2Fe?f", "/a;b=c/d%2Fe?f"),
            ("a slash at its end", b"/orders/", "/orders/"),
            ("the root", b"/", "/"),
            ("the root and a query", b"/?a", "/?a"),
            (
                "letters that are left as they are",
                "/caf\u{e9} 1?q=\u{fc} b".as_bytes(),
                "/caf%C3%A9%201?q=%C3%BC%20b",
            ),
            ("as long as may be", room.as_bytes(), &room),
            ("too long a query", long_query.as_bytes(), "/a"),
            ("too long a path", long_path.as_bytes(), "/"),
            ("nothing", b"", "/"),
            ("no slash", b"orders", "/"),
            ("a query alone", b"?a=b", "/"),
            ("another host", b"//evil.example", "/"),
            ("another host, by three slashes", b"///evil.example", "/"),
            ("another host, by a backslash", b"/\\evil.example", "/"),
            ("the same, encoded", b"/%5cevil.example", "/"),
            ("a slash, encoded", b"/%2fevil.example", "/"),
            ("another scheme", b"https:evil.example", "/"),
            ("a whole URL", b"https://evil.example/", "/"),
            ("a script", b"javascript:alert(1)", "/"),
            ("dots that lead to another host", b"/..//evil.example", "/"),
            ("dots, encoded", b"/a/%2e%2e//evil.example", "/"),
            ("dots in front of a semicolon", b"/..;//evil.example", "/"),
            ("an empty segment", b"/a//evil.example", "/"),
            ("a tab", b"\t//evil.example", "/"),
            ("a tab between", b"/\t/evil.example", "/"),
            ("a space", b" //evil.example", "/"),
            ("another line", b"/a\r\nset-cookie: a=b", "/"),
            ("another line in the query", b"/a?b\r\nset-cookie: a=b", "/a"),
            ("another line, encoded, in the path", b"/a%0d%0ab", "/"),
            ("a zero byte", b"/a\0", "/"),
            ("a fragment", b"/a#b", "/"),
            ("a fragment behind the query", b"/a?b#c", "/a"),
            ("a backslash in the query", b"/a?b\\c", "/a"),
            ("markup in the query", b"/a?<script>", "/a"),
            ("bytes that are no text", b"/\xff", "/"),
            ("the filter's own path", b"/.login/okta", "/"),
            ("its logout", b"/.login/okta/logout", "/"),
            ("its logout with a query", b"/.login/okta/logout?a=b", "/"),
            ("the same, encoded", b"/.lo%67in/%6fkta/logout", "/"),
            ("the same, by a slash that is encoded", b"/.login%2fokta/logout", "/"),
            ("the same, with a parameter", b"/.login/okta;a=b/logout", "/"),
            ("another login's", b"/.login/oktaz", "/.login/oktaz"),
        ];
        for (name, target, expected) in cases {
            let path = return_path(target, OWN);
            assert_eq!(path, *expected, "{name}");
            assert_eq!(return_path(path.as_bytes(), OWN), path, "{name}, again");
        }
        assert_eq!(return_path(b"/a", "/"), "/", "where all paths are its own");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_lead_elsewhere(start in "[/\\\\.%]{0,4}", rest: Vec<u8>) {
            let path = return_path(&[start.as_bytes(), &rest].concat(), OWN);
            assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
            assert!(!path.contains('\\') && path.bytes().all(|b| b.is_ascii_graphic()), "{path}");
            assert!(path.len() <= MOST_BYTES);
            assert_eq!(return_path(path.as_bytes(), OWN), path);
        }
    }
}
