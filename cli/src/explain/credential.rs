//! Where a request shows the credential that the command was given.

use tollgate::claims::{Claims, Issuer};
use tollgate::config::Config;
use tollgate::jose::jws::Jws;
use tollgate::provider::{Kind, Place, Provider};

use crate::decode;

/// Puts a credential where its provider looks first; nothing where none was given.
///
/// # Errors
///
/// What was given cannot stand in a request.
pub(super) fn place(
    read: &[u8],
    config: &Config,
    path: &mut String,
    headers: &mut Vec<(String, String)>,
) -> Result<(), String> {
    if read.trim_ascii().is_empty() {
        return Ok(());
    }
    let token = decode::token(read).map_err(|why| format!("the token: {why}"))?;
    let provider = provider(config, &token);
    // A token has no blanks; an API key may.
    let token = match provider.map(|provider| &provider.kind) {
        Some(Kind::ApiKey(_)) => {
            let text = std::str::from_utf8(read).map_err(|_| "the key is not UTF-8".to_owned())?;
            text.trim().to_owned()
        }
        _ => token,
    };
    if token.contains(char::is_control) {
        return Err("the credential holds control characters".to_owned());
    }
    let first = provider.and_then(|provider| provider.from.first());
    match first.map(|location| &location.place) {
        None => headers.push(("authorization".to_owned(), format!("Bearer {token}"))),
        Some(Place::Header { name, scheme: Some(scheme) }) if !scheme.is_empty() => {
            headers.push((name.to_string(), format!("{scheme} {token}")));
        }
        Some(Place::Header { name, .. }) => headers.push((name.to_string(), token)),
        Some(Place::Cookie { name, .. }) => {
            headers.push(("cookie".to_owned(), format!("{name}={token}")));
        }
        Some(Place::Query { name }) => {
            let mark = if path.contains('?') { '&' } else { '?' };
            *path = format!("{path}{mark}{}={}", encoded(name), encoded(&token));
        }
    }
    Ok(())
}

/// Whose credential it is by what it says itself: the provider of its issuer, else the first that
/// takes tokens, else the first.
fn provider<'c>(config: &'c Config, token: &str) -> Option<&'c Provider> {
    let jws = Jws::parse(token.as_bytes()).ok();
    let looks_like_a_token = token.bytes().filter(|byte| *byte == b'.').count() == 2;
    let claims = jws.and_then(|jws| Claims::parse(jws.payload()).ok());
    let issuer = claims.as_ref().and_then(|claims| match claims.issuer() {
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent | Issuer::WrongType => None,
    });
    let is_its = |provider: &&Provider| {
        let issuers = provider.jwt().and_then(|jwt| jwt.requirements.issuers.as_ref());
        issuers.is_some_and(|all| all.iter().any(|one| Some(&**one) == issuer))
    };
    let takes = |provider: &&Provider| provider.jwt().is_some() == looks_like_a_token;
    let all = &config.providers;
    all.iter().find(is_its).or_else(|| all.iter().find(takes)).or(all.first())
}

/// Percent-encoded but for unreserved characters (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
