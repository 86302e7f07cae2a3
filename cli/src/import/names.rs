//! Names and paths of Tyk as Tollgate's.

use std::collections::BTreeMap;

use tollgate::ids::Name;

/// Names that are taken, and what each was made from.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// The name of what Tyk calls `raw`: small letters, digits, `_` and `-`, the same for the same
    /// order of inputs. The flag says whether another name had to make way.
    pub(super) fn make(&mut self, raw: &str, fallback: &str) -> (String, bool) {
        let plain = plain(raw, fallback);
        let mut name = plain.clone();
        let mut count = 1_u32;
        while self.0.contains_key(&name) {
            count = count.saturating_add(1);
            let ending = format!("-{count}");
            let room = Name::MAX_BYTES.saturating_sub(ending.len());
            name = format!("{}{ending}", plain.get(..room.min(plain.len())).unwrap_or_default());
        }
        self.0.insert(name.clone(), raw.to_owned());
        let moved = name != plain;
        (name, moved)
    }
}

fn plain(raw: &str, fallback: &str) -> String {
    let mut out = String::new();
    for c in raw.trim().chars() {
        let c = match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => c,
            _ => '-',
        };
        // Nothing begins with a dash, and no two stand together.
        if c != '-' || !(out.is_empty() || out.ends_with('-')) {
            out.push(c);
        }
        if out.len() >= Name::MAX_BYTES {
            break;
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() { fallback.to_owned() } else { trimmed.to_owned() }
}

/// A path of Tyk in patterns of Tollgate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PathPattern {
    /// Segments, without slashes.
    segments: Vec<String>,
    /// Whether it ends where it ends.
    exact: bool,
}

impl PathPattern {
    /// Reads a path, a prefix or a simple regular expression; `None` where it says more than whole
    /// segments can.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let anchored = raw.strip_prefix('^').unwrap_or(raw);
        let (path, mut exact) = match anchored.strip_suffix('$') {
            Some(path) => (path, true),
            None => (anchored, false),
        };
        // The one expression that holds a slash is a segment.
        let path = path.replace("([^/]+)", "{any}").replace("[^/]+", "{any}");
        let mut segments = Vec::new();
        let all: Vec<&str> = path.trim_matches('/').split('/').collect();
        for (place, segment) in all.iter().enumerate() {
            let last = place.saturating_add(1) == all.len();
            match *segment {
                "" if path.trim_matches('/').is_empty() => {}
                "*" | ".*" | "(.*)" if last => exact = false,
                "*" => segments.push("*".to_owned()),
                one if is_parameter(one) => segments.push("*".to_owned()),
                one if is_literal(one) => segments.push(one.to_owned()),
                _ => return None,
            }
        }
        Some(Self { segments, exact })
    }

    /// What of it is certain: the segments before the first that cannot be read.
    pub(super) fn prefix(raw: &str) -> Self {
        let segments = raw.trim_matches('/').split('/').take_while(|segment| is_literal(segment));
        Self { segments: segments.map(str::to_owned).collect(), exact: false }
    }

    /// This pattern below another, unless it stands there already.
    pub(super) fn below(&self, base: &Self) -> Self {
        if self.segments.starts_with(&base.segments) {
            return self.clone();
        }
        let segments = base.segments.iter().chain(&self.segments).cloned().collect();
        Self { segments, exact: self.exact }
    }

    /// Whether it is everything.
    pub(super) fn is_everything(&self) -> bool {
        self.segments.is_empty() && !self.exact
    }

    /// How many segments it has.
    pub(super) fn depth(&self) -> usize {
        self.segments.len()
    }

    /// As the configuration writes it.
    pub(super) fn text(&self) -> String {
        let joined = format!("/{}", self.segments.join("/"));
        match (self.exact, self.segments.is_empty()) {
            (true, _) => joined,
            (false, true) => "/**".into(),
            (false, false) => format!("{joined}/**"),
        }
    }
}

fn is_literal(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~' | b'.');
    !segment.is_empty() && segment.bytes().all(plain) && segment.bytes().any(|b| b != b'.')
}

fn is_parameter(segment: &str) -> bool {
    let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.or_else(|| segment.strip_prefix(':'));
    inner.is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}

/// A domain of Tyk as a host; `None` where it is more than a name.
pub(super) fn host(raw: &str) -> Option<String> {
    let lower = raw.trim().to_ascii_lowercase();
    let name = lower.split(':').next().unwrap_or_default();
    let name = match name.split_once('.') {
        Some((first, rest)) if is_parameter(first) => format!("*.{rest}"),
        _ => name.to_owned(),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let bare = name.strip_prefix("*.").unwrap_or(&name);
    (!bare.is_empty() && bare.bytes().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_never_the_same() {
        let mut names = Names::default();
        let cases = [
            // raw, name, whether another made way
            ("Okta API #1", "okta-api-1", false),
            ("okta-api-1", "okta-api-1-2", true),
            ("  OKTA--api_1  ", "okta-api_1", false),
            ("日本", "api", false),
            ("", "api-2", true),
        ];
        for (raw, name, moved) in cases {
            assert_eq!(names.make(raw, "api"), (name.to_owned(), moved), "{raw}");
        }
        let long = "x".repeat(200);
        assert_eq!(names.make(&long, "api").0.len(), Name::MAX_BYTES);
        assert_eq!(names.make(&long, "api").0.len(), Name::MAX_BYTES);
    }

    #[test]
    fn paths_become_whole_segments_or_nothing() {
        let cases = [
            ("/items", Some("/items/**")),
            ("/items/{id}", Some("/items/*/**")),
            ("^/items/{id}$", Some("/items/*")),
            ("/items/*", Some("/items/**")),
            ("/items/.*", Some("/items/**")),
            ("items", Some("/items/**")),
            ("/", Some("/**")),
            ("/items/[^/]+/lines", Some("/items/*/lines/**")),
            ("^/items/[^/]+$", Some("/items/*")),
            ("/items/[0-9]+", None),
            ("/items?", None),
            ("/(a|b)", None),
            ("/it*ms", None),
            ("/../etc", None),
            ("/a//b", None),
        ];
        for (raw, expected) in cases {
            let read = PathPattern::read(raw).map(|pattern| pattern.text());
            assert_eq!(read.as_deref(), expected, "{raw}");
        }
        let base = PathPattern::read("/a1/").unwrap();
        let below = |raw: &str| PathPattern::read(raw).unwrap().below(&base).text();
        assert_eq!(below("/items$"), "/a1/items");
        assert_eq!(below("/a1/items"), "/a1/items/**");
    }

    #[test]
    fn domains_become_hosts() {
        let cases = [
            ("API.example.com:8080", Some("api.example.com")),
            ("{tenant}.example.com", Some("*.example.com")),
            ("*.example.com", Some("*.example.com")),
            ("{a:[a-z]+}.example.com", None),
            ("", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(host(raw).as_deref(), expected, "{raw}");
        }
    }
}
