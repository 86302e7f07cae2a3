//! What the members of a token mean, in words.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use tollgate::time::UnixMillis;

use crate::{input, moment};

/// Members in the order in which people look for them, and what they are.
const KNOWN: &[(&str, &str)] = &[
    ("alg", "algorithm of the signature"),
    ("kid", "name of the key"),
    ("typ", "type"),
    ("enc", "algorithm of the encryption"),
    ("cty", "type of the content"),
    ("crit", "extensions that a reader must understand"),
    ("b64", "whether the payload is base64url"),
    ("jku", "a URL of keys, which Tollgate never follows"),
    ("x5u", "a URL of a certificate, which Tollgate never follows"),
    ("jwk", "a key in the token, which Tollgate never uses"),
    ("x5c", "certificates in the token, which Tollgate never uses"),
    ("iss", "issuer: who made it"),
    ("aud", "audience: whom it is for"),
    ("sub", "subject: whom it is about"),
    ("client_id", "client: who asked for it"),
    ("azp", "authorized party: the client that asked for it"),
    ("cid", "client: who asked for it (Okta)"),
    ("appid", "client: who asked for it (Entra ID)"),
    ("uid", "user (Okta)"),
    ("oid", "user or application (Entra ID)"),
    ("tid", "tenant (Entra ID)"),
    ("ver", "version of the token"),
    ("scope", "scopes"),
    ("scp", "scopes"),
    ("roles", "roles"),
    ("groups", "groups"),
    ("permissions", "permissions (Auth0)"),
    ("realm_access", "roles in the realm (Keycloak)"),
    ("resource_access", "roles at clients (Keycloak)"),
    ("token_use", "what it is for (Cognito)"),
    ("exp", "expires"),
    ("nbf", "not valid before"),
    ("iat", "issued"),
    ("auth_time", "authenticated"),
    ("cnf", "bound to a key: whoever shows it must prove to have it"),
    ("at_hash", "hash of an access token: this is an ID token"),
    ("c_hash", "hash of a code: this is an ID token"),
    ("nonce", "ties it to a login: this is an ID token"),
    ("jti", "the token's own id"),
    ("sid", "session at the provider"),
    ("acr", "how well the user was authenticated"),
    ("amr", "how the user was authenticated"),
];

/// The claims that are points in time.
const TIMES: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];

/// The members, those that are known first.
pub(super) fn in_order(members: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let known = KNOWN.iter().filter_map(|(name, _)| Some((*name, members.get(*name)?)));
    let others = members.iter().map(|(name, value)| (name.as_str(), value));
    known.chain(others.filter(|(name, _)| meaning(name).is_none()))
}

fn meaning(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// What a member of the header is.
pub(super) fn of_header(name: &str, _: &Value, _: UnixMillis) -> Option<String> {
    meaning(name).map(str::to_owned)
}

/// What a claim is, a point in time with its date and distance.
pub(super) fn of_claim(name: &str, value: &Value, now: UnixMillis) -> Option<String> {
    let meaning = match (name, value.as_str()) {
        // Keycloak writes what kind of token it is; elsewhere it is anything.
        ("typ", Some("ID")) => "kind: an ID token",
        ("typ", Some("Refresh" | "Offline")) => "kind: a refresh token",
        ("typ", _) => "kind",
        _ => meaning(name)?,
    };
    if !TIMES.contains(&name) {
        return Some(meaning.to_owned());
    }
    let Some(at) = time(value) else {
        return Some(format!("{meaning}: no number of seconds since 1970, as it should be"));
    };
    let meaning = match name {
        // On its second it is too late, or early enough (RFC 7519 §4.1.4, §4.1.5).
        "exp" if at <= now => "expired",
        "nbf" if at <= now => "valid since",
        _ => meaning,
    };
    let date = moment::rfc3339(at).unwrap_or_else(|| "after the year 9999".to_owned());
    let mut told = format!("{meaning} {date}, {}", at.from_now(now));
    if ["iat", "auth_time"].contains(&name) && at > now {
        told.push_str(": that is still to come");
    }
    // Milliseconds in place of seconds: the usual mistake.
    if at.secs() > 100_000_000_000 {
        told.push_str("; are these milliseconds?");
    }
    Some(told)
}

/// The claims that are points in time, and which.
pub(super) fn times(claims: &Map<String, Value>) -> Vec<(&'static str, UnixMillis)> {
    let found = TIMES.into_iter().filter_map(|name| Some((name, time(claims.get(name)?)?)));
    found.collect()
}

fn time(value: &Value) -> Option<UnixMillis> {
    value.as_f64().and_then(UnixMillis::from_numeric_date)
}

/// Escapes what would steer a terminal or hide text from a reader, but for line breaks, as JSON does.
pub(super) fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !input::is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_hides_is_escaped() {
        let cases = [
            ("plain \"é\" 日本", "plain \"é\" 日本"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}[2J", "\\u001b[2J"),
            ("\u{7f}\u{9b}1m", "\\u007f\\u009b1m"),
            ("ab\u{202e}cd", "ab\\u202ecd"),
            ("a\u{200b}b\u{feff}", "a\\u200bb\\ufeff"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_controls(text), shown, "{text:?}");
        }
    }
}
