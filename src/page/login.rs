//! What people see of a login, where there is no page of an application to show: without a script, on
//! a phone, in the dark.
//!
//! Knows a code, never its reason. What is shown is written here or in the configuration; of what came
//! in nothing is, but the request's id.

use super::escape::{escape, hash_of_style};

const STYLE: &str = include_str!("login.css");

/// What a page is about. Links are paths of the very host.
#[derive(Clone, Copy, Debug)]
pub enum LoginPage<'a> {
    /// A request was refused, or a login did not come to an end.
    Refused {
        /// The code.
        code: &'a str,
        /// Where to try again, if that is of use.
        again: Option<&'a str>,
    },
    /// There are several logins, one of which to choose.
    Choose(&'a [Choice<'a>]),
    /// Somebody else's page wants to log out: the person decides.
    LogOut {
        /// Where the button sends its form.
        action: &'a str,
    },
    /// Nobody is logged in any more.
    SignedOut {
        /// Where to go from there.
        on: &'a str,
    },
}

/// A login that can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What people call it.
    pub title: &'a str,
    /// Where it starts.
    pub start: &'a str,
}

/// What a refusal is called, and what is said of it.
struct Words(&'static str, &'static str);

/// Each code that a login ends with; a table, so that none says more than another.
const WORDS: &[(&str, Words)] = &[
    (
        "login_client_refused",
        Words(
            BROKEN,
            "The sign-in service does not accept this site. Whoever runs the site must know.",
        ),
    ),
    (
        "login_code_refused",
        Words(
            UNFINISHED,
            "The sign-in service no longer accepts this attempt. It may have taken too long.",
        ),
    ),
    ("login_ended", Words(AGAIN, "You were signed out, here or at the sign-in service.")),
    ("login_expired", Words(AGAIN, "Your last sign-in was too long ago.")),
    ("login_failed", Words(BROKEN, "The sign-in service gave an answer that is of no use.")),
    (
        "login_host_unknown",
        Words("Nobody can sign in here", "Signing in is not set up for this address of the site."),
    ),
    (
        "login_issuer_mismatch",
        Words(UNFINISHED, "The answer is not from the sign-in service that was asked."),
    ),
    (
        "login_loop",
        Words(
            "Signing in does not last",
            "You signed in, and your browser does not send this site\u{2019}s cookie back. Allow cookies \
             for this site, and try again.",
        ),
    ),
    (
        "login_refused",
        Words("You were not signed in", "The sign-in service said no, or it was told to stop."),
    ),
    (
        "login_stale",
        Words(AGAIN, "This site needs to know something that your last sign-in did not say."),
    ),
    (
        "login_state_foreign",
        Words(
            UNFINISHED,
            "This attempt began in another browser, or your browser does not keep this site\u{2019}s \
             cookies.",
        ),
    ),
    (
        "login_state_invalid",
        Words(
            UNFINISHED,
            "This attempt took too long, was finished before, or is none of this site.",
        ),
    ),
    (
        "login_token_invalid",
        Words(BROKEN, "What the sign-in service says of you cannot be relied on."),
    ),
    (
        "login_too_large",
        Words(BROKEN, "The sign-in service says more of you than a browser can keep."),
    ),
    (
        "login_unavailable",
        Words(
            "Nobody can sign in just now",
            "The sign-in service does not answer. Try again in a moment.",
        ),
    ),
    (
        "login_unreadable",
        Words(AGAIN, "This site cannot read what your browser kept of your last sign-in."),
    ),
    ("session_expired", Words(AGAIN, "You proved who you are too long ago for this page.")),
];

const AGAIN: &str = "Please sign in again";
const BROKEN: &str = "Signing in does not work";
const UNFINISHED: &str = "You are not signed in yet";
const OTHERWISE: Words = Words("This did not work", "Your request was refused.");

impl LoginPage<'_> {
    /// Whether a refusal of this code is one of a login's, of which people are told by a page.
    pub fn tells_of(code: &str) -> bool {
        code.starts_with("login_") && WORDS.iter().any(|(known, _)| *known == code)
    }

    /// The page as one HTML document; the request's id must be one that can be repeated safely.
    pub fn render(&self, request_id: Option<&str>) -> String {
        let mut out = String::with_capacity(4096);
        let code = match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        };
        let Words(heading, sentence) = self.words();
        out.push_str(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>",
        );
        let head = [heading, "</title><style>", STYLE, "</style></head><body><main><h1>", heading];
        out.extend(head);
        out.extend(["</h1><p>", sentence, "</p>"]);
        match self {
            Self::Refused { again, .. } => {
                if let Some(again) = again {
                    link(&mut out, again, "Sign in");
                }
            }
            Self::Choose(choices) => {
                out.push_str("<ul>");
                for Choice { title, start } in *choices {
                    out.push_str("<li>");
                    link(&mut out, start, title);
                    out.push_str("</li>");
                }
                out.push_str("</ul>");
            }
            Self::LogOut { action } => {
                out.push_str("<form method=\"post\" action=\"");
                escape(action, &mut out);
                out.push_str("\"><button>Sign out</button></form>");
            }
            Self::SignedOut { on } => link(&mut out, on, "Go on"),
        }
        if code.is_some() || request_id.is_some() {
            out.push_str("<p class=\"soft\">");
            let facts = [("Code", code), ("Request", request_id)];
            let facts = facts.into_iter().filter_map(|(name, fact)| Some((name, fact?)));
            for (place, (name, fact)) in facts.enumerate() {
                out.extend([if place > 0 { "<br>" } else { "" }, name, " <code>"]);
                escape(fact, &mut out);
                out.push_str("</code>");
            }
            out.push_str("</p>");
        }
        out.push_str("</main></body></html>\n");
        out
    }

    /// What the page is called, and what it says.
    fn words(&self) -> &'static Words {
        match self {
            Self::Refused { code, .. } => {
                WORDS.iter().find(|(known, _)| known == code).map_or(&OTHERWISE, |(_, words)| words)
            }
            Self::Choose(_) => {
                &Words("Please sign in", "There is more than one way to sign in here.")
            }
            Self::LogOut { .. } => {
                &Words("Sign out?", "You are asked because you did not begin this on this site.")
            }
            Self::SignedOut { .. } => &Words(
                "You are signed out",
                "To be sure on a shared computer, close the browser, too.",
            ),
        }
    }

    /// The headers of an answer with such a page, which nobody is to keep, to embed or to take for
    /// anything else. It loads its own style and nothing else (CSP Level 3).
    ///
    /// There is no `form-action`: browsers hold it against where the form's answer leads, too, which is
    /// the provider. A page that said `no-referrer` would send its form with `Origin: null`.
    pub fn headers() -> Vec<(&'static str, String)> {
        let policy = [
            "default-src 'none'; style-src '",
            &hash_of_style(STYLE),
            "'; base-uri 'none'; frame-ancestors 'none'",
        ];
        vec![
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("content-security-policy", policy.concat()),
            ("cache-control", "no-store".to_owned()),
            ("cross-origin-resource-policy", "same-origin".to_owned()),
            ("referrer-policy", "same-origin".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ]
    }
}

/// The headers of an answer that sends a browser elsewhere, and does not say from where.
pub fn redirected(location: String) -> Vec<(&'static str, String)> {
    vec![
        ("location", location),
        ("cache-control", "no-store".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
    ]
}

/// A link that is all of its paragraph.
fn link(out: &mut String, to: &str, text: &str) {
    out.push_str("<a href=\"");
    escape(to, out);
    out.push_str("\">");
    escape(text, out);
    out.push_str("</a>");
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "\"><script>alert('1')</script>\u{202e}&amp;";

    fn pages() -> Vec<String> {
        let choices = [
            Choice { title: "Example", start: "/.login/okta/start?return=%2F&a" },
            Choice { title: EVIL, start: EVIL },
        ];
        let mut pages = vec![
            LoginPage::Choose(&choices),
            LoginPage::LogOut { action: "/.login/okta/logout" },
            LoginPage::SignedOut { on: "/" },
            LoginPage::Refused { code: "session_inactive", again: None },
            LoginPage::Refused { code: EVIL, again: Some(EVIL) },
        ];
        let again = Some("/.login/okta/start");
        pages.extend(WORDS.iter().map(|(code, _)| LoginPage::Refused { code, again }));
        pages.iter().map(|page| page.render(Some("7c2f-1"))).collect()
    }

    #[test]
    fn i04_what_is_shown_is_text_and_no_page_runs_a_script() {
        for page in pages() {
            assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
            assert_eq!(page.matches('<').count(), page.matches('>').count(), "{page}");
        }
        assert!(pages()[0].contains("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)"));
        assert!(pages()[0].contains("href=\"/.login/okta/start?return=%2F&amp;a\""));
    }

    #[test]
    fn every_page_says_what_it_is_in_one_heading() {
        for page in pages() {
            for once in
                ["<html lang=\"en\">", "<title>", "<main>", "<h1>", "name=\"viewport\"", "7c2f-1"]
            {
                assert_eq!(page.matches(once).count(), 1, "{once}: {page}");
            }
            let title = page.split_once("<title>").unwrap().1.split_once('<').unwrap().0;
            assert!(page.contains(&format!("<h1>{title}</h1>")) && !title.is_empty(), "{page}");
        }
    }

    #[test]
    fn a_refusal_shows_its_code_and_a_way_on_where_there_is_one() {
        let refused = |code, again| LoginPage::Refused { code, again }.render(None);
        let page = refused("login_expired", Some("/.login/okta/start"));
        assert!(page.contains("<code>login_expired</code>"));
        assert!(page.contains("<a href=\"/.login/okta/start\">Sign in</a>"));
        assert!(!page.contains("Request"));
        assert!(!refused("login_host_unknown", None).contains("<a "));
        assert!(refused("other", None).contains(OTHERWISE.1));
        assert!(WORDS.is_sorted_by(|(one, _), (other, _)| one < other));
    }

    #[test]
    fn i19_logging_out_takes_a_button() {
        let page = LoginPage::LogOut { action: "/.login/okta/logout" }.render(None);
        let form =
            "<form method=\"post\" action=\"/.login/okta/logout\"><button>Sign out</button></form>";
        assert!(page.contains(form), "{page}");
        assert!(!page.contains("class=\"soft\">"), "{page}");
    }

    #[test]
    fn a_page_loads_its_own_style_alone_and_its_form_says_where_it_is_from() {
        let headers = LoginPage::headers();
        let of = |name| &headers.iter().find(|(found, _)| *found == name).unwrap().1;
        let page = LoginPage::SignedOut { on: "/" }.render(None);
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let policy = of("content-security-policy");
        let expected = format!(
            "default-src 'none'; style-src '{}'; base-uri 'none'; frame-ancestors 'none'",
            hash_of_style(style)
        );
        assert_eq!(*policy, expected);
        assert!(!style.contains("url(") && !style.contains("@import"));
        assert_eq!(of("referrer-policy"), "same-origin");
        assert_eq!(of("cache-control"), "no-store");
        let redirected = redirected("/".to_owned());
        assert!(redirected.contains(&("referrer-policy", "no-referrer".to_owned())));
        assert!(redirected.contains(&("cache-control", "no-store".to_owned())));
    }

    /// The contrast of two colours (WCAG 2.2, 1.4.3).
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let colour = colour.trim_start_matches('#');
            let wide = match colour.len() {
                3 => colour.chars().flat_map(|c| [c, c]).collect(),
                _ => colour.to_owned(),
            };
            let part = |at: usize| {
                let part = f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn everything_can_be_read_by_day_and_by_night() {
        let themes: Vec<_> = STYLE.split(":root {").skip(1).collect();
        assert_eq!(themes.len(), 2);
        for theme in themes {
            let colour = |name: &str| {
                let (_, behind) = theme.split_once(&format!("--{name}: ")).unwrap();
                behind.split([';', ' ']).next().unwrap().to_owned()
            };
            for (text, ground) in [
                ("ink", "card"),
                ("ink", "ground"),
                ("soft", "card"),
                ("on-do", "do"),
                ("do", "card"),
            ] {
                let contrast = contrast(&colour(text), &colour(ground));
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast}");
            }
        }
    }
}
