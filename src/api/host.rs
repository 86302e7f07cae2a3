//! Which hosts an API's patterns name.

use std::fmt;

use super::{holds_brace, is_placeholder};
use crate::http::{address_in_brackets, is_name};

/// A host: exact, `*.example.com`, or one with named labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HostPattern {
    /// This host, [comparable](crate::http::comparable_host).
    Exact(Box<str>),
    /// Labels, of which some may be any: `{tenant}.example.com`.
    Labels {
        /// Whether more labels stand in front, at least one.
        open: bool,
        /// The labels.
        labels: Vec<Label>,
    },
    /// Every host that ends with this, which starts with a dot (`.example.com`), and is longer.
    Suffix(Box<str>),
}

/// One label of a host pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Label {
    /// This label, in lower case.
    Literal(Box<str>),
    /// `{name}`: any one label, with a name for what stands there.
    Named(Box<str>),
}

/// Why a text is no host pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostError {
    /// An IPv6 address without brackets.
    Brackets,
    /// A character that no host has.
    Character,
    /// Two dots with nothing between them, or a dot in front.
    EmptyLabel,
    /// A brace that is a part of a label only, or without a name.
    PartOfLabel,
    /// A port: those of requests are ignored.
    Port,
    /// Longer than a host name can be (RFC 1035 §2.3.4).
    TooLong,
    /// A scheme or a path.
    Url,
    /// A `*` elsewhere than in front of a dot, or alone.
    Wildcard,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => {
                "a host has letters, digits, `-`, `_` and `.` only; write others as `xn--…`"
            }
            Self::Brackets => "an IPv6 address stands in brackets, as in `[::1]`",
            Self::EmptyLabel => "the host begins with a dot or has two in a row",
            Self::PartOfLabel => {
                "`{tenant}` is a whole label: letters, digits, `-` and `_` in braces"
            }
            Self::Port => "ports are ignored; write the host without one",
            Self::TooLong => "a host is at most 253 characters long",
            Self::Url => "write the host alone, without scheme and path",
            Self::Wildcard => {
                "`*` stands only in front, as in `*.example.com`; for any host leave `hosts` out"
            }
        })
    }
}

impl HostPattern {
    /// Reads a host, exact or `*.example.com`, in any case, with or without a final dot; `{tenant}` is
    /// any one label.
    ///
    /// # Errors
    ///
    /// See [`HostError`].
    pub fn parse(raw: &str) -> Result<Self, HostError> {
        const MAX_BYTES: usize = 253;
        let lower = raw.to_ascii_lowercase();
        if lower.bytes().any(|b| matches!(b, b'/' | b'@' | b'?' | b'#')) {
            return Err(HostError::Url);
        }
        if holds_brace(&lower) {
            return Self::with_names(raw);
        }
        let (wildcard, host) = match lower.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, lower.as_str()),
        };
        if host.contains('*') {
            return Err(HostError::Wildcard);
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.len() > MAX_BYTES {
            return Err(HostError::TooLong);
        }
        if let Some(address) = host.strip_prefix('[') {
            let (address, port) = address.split_once(']').ok_or(HostError::Character)?;
            if port.starts_with(':') {
                return Err(HostError::Port);
            }
            let address = address_in_brackets(address.as_bytes());
            let address = address.filter(|_| port.is_empty() && !wildcard);
            return Ok(Self::Exact(address.ok_or(HostError::Character)?.into()));
        }
        if host.contains(':') {
            let is_address = address_in_brackets(host.as_bytes()).is_some();
            return Err(if is_address { HostError::Brackets } else { HostError::Port });
        }
        if host.split('.').any(str::is_empty) {
            return Err(HostError::EmptyLabel);
        }
        if !is_name(host.as_bytes()) {
            return Err(HostError::Character);
        }
        Ok(if wildcard {
            Self::Suffix(format!(".{host}").into())
        } else {
            Self::Exact(host.into())
        })
    }

    /// Reads a host with names in place of labels; each other label is read as a host of its own.
    fn with_names(raw: &str) -> Result<Self, HostError> {
        let (open, rest) = match raw.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        let mut labels = Vec::new();
        for label in rest.strip_suffix('.').unwrap_or(rest).split('.') {
            labels.push(if is_placeholder(label) {
                Label::Named(label.trim_matches(['{', '}']).into())
            } else if holds_brace(label) {
                return Err(HostError::PartOfLabel);
            } else {
                match Self::parse(label)? {
                    Self::Exact(label) if is_name(label.as_bytes()) => Label::Literal(label),
                    _ => return Err(HostError::Character),
                }
            });
        }
        Ok(Self::Labels { open, labels })
    }

    /// Whether a [comparable](crate::http::comparable_host) host matches.
    pub fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => host == exact.as_bytes(),
            Self::Labels { open, labels } => {
                let mut found = host.rsplit(|byte| *byte == b'.');
                let mut each = labels.iter().rev();
                each.all(|own| found.next().is_some_and(|label| own.matches(label)))
                    && found.next().is_some() == *open
            }
            Self::Suffix(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_bytes()),
        }
    }

    /// What stands at each label of a name, in a [comparable](crate::http::comparable_host) host that
    /// matches.
    pub(super) fn named<'h>(&self, name: &str, host: &'h [u8]) -> Vec<&'h [u8]> {
        let Self::Labels { labels, .. } = self else { return Vec::new() };
        let pairs = labels.iter().rev().zip(host.rsplit(|byte| *byte == b'.'));
        let is_it = |own: &Label| matches!(own, Label::Named(known) if **known == *name);
        pairs.filter(|(own, _)| is_it(own)).map(|(_, found)| found).collect()
    }

    /// How often it has a label of a name.
    pub fn names(&self, name: &str) -> usize {
        let Self::Labels { labels, .. } = self else { return 0 };
        labels.iter().filter(|own| matches!(own, Label::Named(known) if **known == *name)).count()
    }

    /// What every host that matches is or ends with, which then begins with a dot; empty where that is
    /// nothing.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Exact(key) | Self::Suffix(key) => key.to_string(),
            Self::Labels { labels, .. } => {
                let mut key = String::new();
                for label in labels {
                    match label {
                        Label::Literal(label) => key = format!("{key}.{label}"),
                        Label::Named(_) => key.clear(),
                    }
                }
                key
            }
        }
    }

    /// Whether every host that `other` matches matches this, too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Suffix(wide), Self::Suffix(narrow)) => narrow.ends_with(&**wide),
            (Self::Exact(_), Self::Suffix(_) | Self::Labels { .. }) => false,
            (_, Self::Exact(host)) => self.matches(host.as_bytes()),
            (Self::Labels { .. }, _) | (_, Self::Labels { .. }) => {
                let ((wide_open, wide), (open, narrow)) = (self.labels(), other.labels());
                let length_fits = match (wide_open, open) {
                    (false, _) => !open && wide.len() == narrow.len(),
                    (true, false) => narrow.len() > wide.len(),
                    (true, true) => narrow.len() >= wide.len(),
                };
                let mut pairs = wide.iter().rev().zip(narrow.iter().rev());
                length_fits && pairs.all(|(wide, narrow)| wide.is_none() || wide == narrow)
            }
        }
    }

    /// Whether more labels stand in front, and the labels; one that is any is `None`.
    fn labels(&self) -> (bool, Vec<Option<&str>>) {
        match self {
            Self::Exact(host) => (false, host.split('.').map(Some).collect()),
            Self::Suffix(end) => (true, end.split('.').skip(1).map(Some).collect()),
            Self::Labels { open, labels } => (*open, labels.iter().map(Label::literal).collect()),
        }
    }
}

impl Label {
    /// Its text; `None` where it is any.
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Named(_) => None,
        }
    }

    fn matches(&self, found: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => literal.as_bytes() == found,
            // No part of an address in brackets is a label.
            Self::Named(_) => is_name(found),
        }
    }
}

impl fmt::Display for HostPattern {
    /// As a configuration may write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Labels { open, labels } => {
                f.write_str(if *open { "*" } else { "" })?;
                for (place, label) in labels.iter().enumerate() {
                    f.write_str(if *open || place > 0 { "." } else { "" })?;
                    match label {
                        Label::Literal(label) => f.write_str(label)?,
                        Label::Named(name) => write!(f, "{{{name}}}")?,
                    }
                }
                Ok(())
            }
            Self::Suffix(end) => write!(f, "*{end}"),
        }
    }
}
