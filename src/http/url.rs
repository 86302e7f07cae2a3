//! Absolute URLs, as strictly as a fetch of signing keys deserves.

use std::fmt;
use std::net::Ipv6Addr;

/// An absolute `http` or `https` URL of the configuration: no userinfo, no fragment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    /// Whether it is `https`.
    pub secure: bool,
    /// Host and, where given, port: what goes into `:authority`. In lower case.
    pub authority: Box<str>,
    /// Path and query, at least `/`.
    pub path: Box<str>,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum UrlError {
    /// A space, a backslash, a control character or one outside ASCII.
    Character,
    /// A `#`: fragments are never sent.
    Fragment,
    /// No host, or none that is a name, an IPv4 address or an IPv6 address in brackets.
    Host,
    /// A port that is no number from 1 to 65535.
    Port,
    /// Neither `http://` nor `https://`.
    Scheme,
    /// Longer than [`Url::MAX_BYTES`].
    TooLong,
    /// A user name or password in front of the host.
    UserInfo,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => {
                "holds a space, a backslash, a control character or one outside ASCII"
            }
            Self::Fragment => "has a fragment (`#`)",
            Self::Host => "has no valid host",
            Self::Port => "has a port that is no number from 1 to 65535",
            Self::Scheme => "does not begin with `https://` or `http://`",
            Self::TooLong => "is longer than 2048 bytes",
            Self::UserInfo => "has a user name or password before the host",
        })
    }
}

impl Url {
    /// Longest URL taken, in bytes: a discovery document is written by someone else.
    pub const MAX_BYTES: usize = 2048;

    /// Reads a URL (RFC 3986 §3, RFC 9110 §4.2). Scheme and host are put into lower case; an
    /// explicit port is kept, even a default one.
    ///
    /// # Errors
    ///
    /// See [`UrlError`].
    pub fn parse(raw: &str) -> Result<Self, UrlError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(UrlError::TooLong);
        }
        if raw.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
            return Err(UrlError::Character);
        }
        let (scheme, rest) = raw.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (authority, path) = match rest
            .bytes()
            .position(|b| matches!(b, b'/' | b'?'))
            .and_then(|at| rest.split_at_checked(at))
        {
            Some((authority, path)) if path.starts_with('?') => (authority, format!("/{path}")),
            Some((authority, path)) => (authority, path.to_owned()),
            None => (rest, "/".to_owned()),
        };
        check_authority(authority)?;
        Ok(Self { secure, authority: authority.to_ascii_lowercase().into(), path: path.into() })
    }

    /// The host without port, in lower case; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        split_port(&self.authority).0
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

fn check_authority(authority: &str) -> Result<(), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let (host, port) = split_port(authority);
    let valid = match host.strip_prefix('[') {
        Some(address) => {
            address.strip_suffix(']').is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
        }
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    if !valid {
        return Err(UrlError::Host);
    }
    match port {
        None => Ok(()),
        // `parse` alone would take a sign.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse::<u16>() {
            Ok(1..) => Ok(()),
            _ => Err(UrlError::Port),
        },
        Some(_) => Err(UrlError::Port),
    }
}

/// Host and port, split at the last colon that is not inside brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests;
