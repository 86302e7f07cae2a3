//! A refusal of one request: the reason's code, and what was found.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::Deny;

/// The authentication scheme (RFC 9110 §11.1) that a refusal asks the caller to use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scheme {
    /// An API key.
    ApiKey,
    /// A bearer token (RFC 6750 §3).
    #[default]
    Bearer,
}

impl Scheme {
    /// The scheme's name in a challenge.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "ApiKey",
            Self::Bearer => "Bearer",
        }
    }
}

/// A refusal with what the operator needs to know about this one request. It is handed from function to
/// function, and wherever it could be: as one pointer that is little code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal(Box<Found>);

/// What a [`Refusal`] says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Why.
    pub deny: Deny,
    /// What was looked at and found, for the log only: it may quote the token's claims and header,
    /// escaped and cut, never the token itself.
    pub reason: Cow<'static, str>,
    /// What to do, where more is known than by the code alone; like [`Deny::remedy`].
    pub remedy: Option<Box<str>>,
    /// The scopes that the API needs, for the challenge of [`Deny::ScopeInsufficient`].
    pub scopes: Option<Box<str>>,
    /// What the challenge asks for.
    pub scheme: Scheme,
    /// When trying again makes sense, for [`Answer::Unavailable`](super::Answer::Unavailable) and
    /// limits.
    pub retry_after: Option<Duration>,
    /// Further headers of the answer.
    pub headers: Vec<(&'static str, String)>,
    /// Where the caller can log in: a path of the request's host.
    pub login: Option<Box<str>>,
}

impl Refusal {
    /// A refusal and what was found.
    pub fn new(deny: Deny, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::found(deny, reason.into())
    }

    #[inline(never)]
    fn found(deny: Deny, reason: Cow<'static, str>) -> Self {
        Self(Box::new(Found {
            deny,
            reason,
            remedy: None,
            scopes: None,
            scheme: Scheme::default(),
            retry_after: None,
            headers: Vec::new(),
            login: None,
        }))
    }

    /// The same with a remedy of its own, worded like [`Deny::remedy`].
    pub fn with_remedy(mut self, remedy: impl Into<Box<str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same with a time when trying again makes sense.
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// The same with a path where the caller can log in.
    pub fn with_login(mut self, login: impl Into<Box<str>>) -> Self {
        self.login = Some(login.into());
        self
    }

    /// The same with another reason.
    pub fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// What an operator can do about it, as [`Deny::remedy`] words it.
    pub fn remedy(&self) -> &str {
        self.remedy.as_deref().unwrap_or(self.deny.remedy())
    }
}

impl Deref for Refusal {
    type Target = Found;

    fn deref(&self) -> &Found {
        &self.0
    }
}

impl DerefMut for Refusal {
    fn deref_mut(&mut self) -> &mut Found {
        &mut self.0
    }
}

/// Quotes untrusted text for a reason: control characters, quotes and what is not ASCII escaped, cut
/// to 64 bytes.
pub fn quoted(raw: &str) -> String {
    quoted_to(raw, 64)
}

/// Quotes untrusted text as [`quoted`] does, cut to `max` bytes.
pub fn quoted_to(raw: &str, max: usize) -> String {
    let mut out = String::from("`");
    for c in raw.chars() {
        if out.len() > max {
            out.push('…');
            break;
        }
        match c {
            '\\' | '"' => out.extend(c.escape_default()),
            // Or what is behind it would be taken for words of the reason.
            '`' => out.extend(c.escape_unicode()),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.push('`');
    out
}

/// Quotes the first few of these for a reason; "nothing" where there are none.
pub fn list(items: &[impl AsRef<str>]) -> String {
    join(&mut items.iter().map(AsRef::as_ref))
}

/// The body of [`list`], once for whatever holds the texts.
fn join(items: &mut dyn Iterator<Item = &str>) -> String {
    const SHOWN: usize = 12;
    let (mut out, mut more) = (String::new(), 0_usize);
    for (place, item) in items.enumerate() {
        if place >= SHOWN {
            more = more.saturating_add(1);
            continue;
        }
        if place > 0 {
            out.push_str(", ");
        }
        out.push_str(&quoted(item));
    }
    match (out.is_empty(), more) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => out,
        (false, more) => format!("{out}, {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_stays_on_one_short_line() {
        assert_eq!(quoted("k1"), "`k1`");
        assert_eq!(quoted("a\r\n\"\u{2028}\x1b[31m"), "`a\\u{d}\\u{a}\\\"\\u{2028}\\u{1b}[31m`");
        assert_eq!(quoted("`a` is"), "`\\u{60}a\\u{60} is`");
        assert!(quoted(&"x".repeat(1000)).len() < 80);
    }
}
