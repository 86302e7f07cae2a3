//! Whether a request is a person's browser going to a page (Fetch Metadata, `Sec-Purpose`).
//!
//! An answer that sends such a one elsewhere is followed and seen. Everything else (scripts, images,
//! frames, what is loaded before anybody asks) would follow it blindly, or not at all.

use super::{RequestHead, elements};

impl RequestHead {
    /// Whether this is a page's navigation, whoever caused it: a GET of a browser's own window, that
    /// is neither a prefetch nor an upgrade. Where a browser does not say what a request is for, what
    /// it accepts says so.
    pub fn is_navigation(&self) -> bool {
        if self.method() != b"GET" || self.may_change_something() || self.is_ahead_of_time() {
            return false;
        }
        if self.is_of_htmx() {
            return false;
        }
        match (self.fetch("sec-fetch-mode"), self.fetch("sec-fetch-dest")) {
            (None, None) => {
                self.first("x-requested-with").is_none()
                    && self.values("accept").flat_map(elements).any(is_html)
            }
            (mode, dest) => mode == Some(b"navigate") && dest == Some(b"document"),
        }
    }

    /// Whether this is such a navigation, and a page of this very origin caused it, or nobody but who
    /// sits at the browser: a link elsewhere, an image or a frame is none. A browser that does not say
    /// is not believed.
    pub fn is_own_navigation(&self) -> bool {
        let site = self.fetch("sec-fetch-site");
        self.fetch("sec-fetch-dest").is_some()
            && (site == Some(b"same-origin") || site == Some(b"none"))
            && self.is_navigation()
    }

    /// Whether htmx sent it, whose own header says where to go.
    pub fn is_of_htmx(&self) -> bool {
        self.first("hx-request").is_some()
    }

    /// Whether the request may come before anybody asked for the page, or instead of that.
    fn is_ahead_of_time(&self) -> bool {
        ["sec-purpose", "purpose", "x-purpose", "x-moz"]
            .iter()
            .any(|name| self.first(name).is_some())
    }

    /// What a browser says of a request in a field of its own, of which there is one; nothing that is
    /// compared with it is empty.
    fn fetch(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.values(name);
        let value = values.next()?;
        Some(if values.next().is_some() { b"" } else { value })
    }
}

/// Whether an element of `Accept` (RFC 9110 §12.5.1) asks for HTML by its name.
fn is_html(element: &[u8]) -> bool {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let named = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(b"text/html"));
    let refused = |part: &[u8]| {
        let weight = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
        weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
    };
    named && !parts.any(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[(&str, &str)] = &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

    fn head(method: &str, more: &[&[(&str, &str)]]) -> RequestHead {
        let pseudo = [(":method", method), (":path", "/")];
        RequestHead { headers: pseudo.into_iter().chain(more.concat()).collect() }
    }

    #[test]
    fn h17_only_a_pages_navigation_is_one() {
        let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        let cases: &[(&str, &str, &[&[(&str, &str)]], bool)] = &[
            ("a page", "GET", &[PAGE], true),
            ("a page of another site", "GET", &[PAGE, &[("sec-fetch-site", "cross-site")]], true),
            ("an old browser's page", "GET", &[&[html]], true),
            ("in another case", "GET", &[&[("Accept", "Text/HTML ; charset=utf-8")]], true),
            ("HEAD", "HEAD", &[PAGE, &[html]], false),
            ("OPTIONS", "OPTIONS", &[PAGE], false),
            ("a form that is sent", "POST", &[PAGE, &[html]], false),
            ("a method in small letters", "get", &[PAGE], false),
            (
                "fetch",
                "GET",
                &[&[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "*/*")]],
                false,
            ),
            ("fetch that accepts HTML", "GET", &[&[("sec-fetch-mode", "cors"), html]], false),
            (
                "an image",
                "GET",
                &[&[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image"), html]],
                false,
            ),
            (
                "a frame",
                "GET",
                &[&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), html]],
                false,
            ),
            (
                "a mode without a destination",
                "GET",
                &[&[("sec-fetch-mode", "navigate"), html]],
                false,
            ),
            ("a destination alone", "GET", &[&[("sec-fetch-dest", "document"), html]], false),
            ("a mode twice", "GET", &[PAGE, &[("sec-fetch-mode", "navigate")]], false),
            ("an empty mode", "GET", &[&[("sec-fetch-mode", ""), html]], false),
            (
                "a prefetch, which accepts HTML",
                "GET",
                &[&[("sec-fetch-mode", "no-cors"), ("sec-purpose", "prefetch"), html]],
                false,
            ),
            ("a prerender", "GET", &[PAGE, &[("sec-purpose", "prefetch;prerender")]], false),
            ("an old prefetch", "GET", &[&[("purpose", "prefetch"), html]], false),
            ("an older prefetch", "GET", &[&[("x-moz", "prefetch"), html]], false),
            ("htmx", "GET", &[&[("hx-request", "true"), html]], false),
            (
                "a script that says so",
                "GET",
                &[&[("x-requested-with", "XMLHttpRequest"), html]],
                false,
            ),
            (
                "a WebSocket",
                "GET",
                &[&[("upgrade", "websocket"), ("origin", "https://a"), html]],
                false,
            ),
            ("an upgrade of a page", "GET", &[PAGE, &[("upgrade", "websocket")]], false),
            ("an extended CONNECT", "CONNECT", &[&[(":protocol", "websocket"), html]], false),
            ("whatever is accepted", "GET", &[&[("accept", "*/*")]], false),
            ("any text", "GET", &[&[("accept", "text/*")]], false),
            ("HTML refused", "GET", &[&[("accept", "application/json, text/html;q=0.0")]], false),
            (
                "HTML least of all",
                "GET",
                &[&[("accept", "application/json, text/html;q=0.1")]],
                true,
            ),
            ("nothing said", "GET", &[], false),
        ];
        for (name, method, more, expected) in cases {
            assert_eq!(head(method, more).is_navigation(), *expected, "{name}");
        }
    }

    #[test]
    fn i19_only_the_pages_own_origin_and_the_person_navigate_by_themselves() {
        let site = |site| [("sec-fetch-site", site)];
        let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        let early = [("sec-purpose", "prefetch;prerender")];
        let html = [("accept", "text/html")];
        let same = site("same-origin");
        let cases: &[(&str, &[&[(&str, &str)]], bool)] = &[
            ("a link of the own page", &[PAGE, &same], true),
            ("an address typed in", &[PAGE, &site("none")], true),
            ("a link of another origin of the site", &[PAGE, &site("same-site")], false),
            ("a foreign link", &[PAGE, &site("cross-site")], false),
            ("a frame of the own page", &[&frame, &same], false),
            ("an image of the own page", &[&image, &same], false),
            ("a prerender of the own page", &[PAGE, &same, &early], false),
            ("a site twice", &[PAGE, &same, &same], false),
            ("a site and nothing else", &[&same, &html], false),
            ("a browser that does not say", &[&html], false),
            ("a page without a site", &[PAGE], false),
        ];
        for (name, more, expected) in cases {
            assert_eq!(head("GET", more).is_own_navigation(), *expected, "{name}");
        }
        assert!(!head("POST", &[PAGE, &same]).is_own_navigation());
    }
}
