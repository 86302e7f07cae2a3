//! What a token endpoint answers (RFC 6749 §5, OpenID Connect Core §3.1.3.3 and §12.2): tokens, or why
//! there are none. Nothing of it is verified here.

use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::json;
use crate::secret::Secret;

/// Longest answer that is read, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;

/// How long an access token lives where nothing is said.
const UNSAID: Duration = Duration::from_secs(3600);

/// The shortest and the longest time that a provider's word is taken for, in seconds.
const SPAN: (f64, f64) = (60.0, 86_400.0);

/// The tokens of a good answer.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// The ID token.
    pub id: Option<Secret>,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// How long the access token lives: between a minute and a day.
    pub expires_in: Duration,
    /// The scopes, where they are said: others than those asked for, at least (RFC 6749 §5.1).
    pub scopes: Option<Box<str>>,
}

/// Why an answer brings no tokens. No text of it is shown but an error's code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failed {
    /// The code or the refresh token is not taken: spent, too old, or another's (`invalid_grant`).
    Grant,
    /// The client is not who it says, or may not do this (`invalid_client`, `unauthorized_client`, 401).
    Client,
    /// The provider cannot answer now (429, 5xx, or no status at all).
    Unavailable(u16),
    /// Another error, by its code.
    Error(Box<str>),
    /// An answer that is none: another status, and no error in it.
    Status(u16),
    /// It is longer than [`MOST_BYTES`].
    TooLong,
    /// It is no JSON object without members twice.
    NotJson,
    /// This member is not there.
    Missing(&'static str),
    /// This member is not what it must be.
    Malformed(&'static str),
    /// The access token is of another type than `Bearer`.
    TokenType,
}

impl Failed {
    /// Whether the refresh token will not be taken later either: the person has to sign in again. Some
    /// providers say so by what is an error of the authorization endpoint (OpenID Connect Core §3.1.2.6),
    /// or by a 400 without any.
    pub fn asks_for_a_login(&self) -> bool {
        match self {
            Self::Grant | Self::Status(400) => true,
            Self::Error(code) => matches!(
                &**code,
                "consent_required" | "interaction_required" | "login_required" | "mfa_required"
            ),
            _ => false,
        }
    }
}

/// Reads an answer by its status and its body, whose size is what the host said.
///
/// # Errors
///
/// See [`Failed`].
pub fn read(status: u16, size: usize, body: &[u8]) -> Result<Tokens, Failed> {
    match status {
        0 | 429 | 500.. => return Err(Failed::Unavailable(status)),
        _ if size > MOST_BYTES || body.len() > MOST_BYTES => return Err(Failed::TooLong),
        _ => {}
    }
    let members = json::object(body);
    if status != 200 {
        let error = members.ok().and_then(|members| error(&members));
        return Err(match (error, status) {
            (Some(error), 400 | 401 | 403) => error,
            (_, 401) => Failed::Client,
            _ => Failed::Status(status),
        });
    }
    let mut members = members.map_err(|_| Failed::NotJson)?;
    if let Some(error) = error(&members) {
        return Err(error);
    }
    let access = token(&mut members, "access_token")?;
    let kind = match members.get("token_type") {
        None => return Err(Failed::Missing("token_type")),
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(Failed::Malformed("token_type")),
    };
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(Failed::TokenType);
    }
    Ok(Tokens {
        access: access.ok_or(Failed::Missing("access_token"))?,
        id: token(&mut members, "id_token")?,
        refresh: token(&mut members, "refresh_token")?,
        expires_in: expires_in(members.get("expires_in"))?,
        scopes: match members.get("scope") {
            None | Some(Value::Null) => None,
            Some(Value::String(scopes)) if scopes.bytes().all(is_of_token) => {
                Some(scopes.as_str().into())
            }
            Some(_) => return Err(Failed::Malformed("scope")),
        },
    })
}

impl Tokens {
    /// The ID token of a login, which must have one.
    ///
    /// # Errors
    ///
    /// [`Failed::Missing`] where there is none.
    pub const fn id_token(&self) -> Result<&Secret, Failed> {
        match &self.id {
            Some(token) => Ok(token),
            None => Err(Failed::Missing("id_token")),
        }
    }
}

/// A token, where there is one; nothing is none.
fn token(members: &mut Map<String, Value>, name: &'static str) -> Result<Option<Secret>, Failed> {
    match members.get_mut(name).map(Value::take) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) => {
            let token = Zeroizing::new(token);
            // What goes into a header and a form (RFC 6749, appendix A.12).
            if !token.bytes().all(is_of_token) || token.trim_ascii() != &**token {
                return Err(Failed::Malformed(name));
            }
            Ok((!token.is_empty()).then(|| Secret::new(token)))
        }
        Some(_) => Err(Failed::Malformed(name)),
    }
}

/// Whether a byte may be a token's or a scope's (`VSCHAR` or a space).
const fn is_of_token(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// How long the access token lives (RFC 6749 §5.1): an hour where that is not said.
fn expires_in(value: Option<&Value>) -> Result<Duration, Failed> {
    let seconds = match value {
        None | Some(Value::Null) => return Ok(UNSAID),
        Some(Value::Number(seconds)) => seconds.as_f64(),
        // Some providers write their numbers as texts.
        // No text is parsed as a `f64`: that would bring 15 KB (docs/decisions/0020).
        Some(Value::String(digits))
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Some(f64::from(digits.parse().unwrap_or(u32::MAX)))
        }
        Some(_) => None,
    };
    let (least, most) = SPAN;
    let seconds = seconds.map(|seconds| seconds.clamp(least, most).floor());
    seconds.map(Duration::from_secs_f64).ok_or(Failed::Malformed("expires_in"))
}

/// What an answer says is wrong (RFC 6749 §5.2), whatever its status.
fn error(members: &Map<String, Value>) -> Option<Failed> {
    let error = match members.get("error")? {
        Value::Null => return None,
        Value::String(error) => error.as_str(),
        _ => "",
    };
    Some(match error {
        "invalid_grant" => Failed::Grant,
        "invalid_client" | "unauthorized_client" => Failed::Client,
        _ => {
            // Only what is a code is shown; what is none may hold anything.
            let of_code = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            let is_code = (1..=64).contains(&error.len()) && error.bytes().all(of_code);
            Failed::Error(if is_code { error } else { "" }.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{ "access_token": "at", "token_type": "Bearer", "expires_in": 300,
        "id_token": "a.b.c", "refresh_token": "rt", "scope": "openid email", "more": [] }"#;

    fn read(status: u16, body: &str) -> Result<Tokens, Failed> {
        super::read(status, body.len(), body.as_bytes())
    }

    fn failed(status: u16, body: &str) -> Option<Failed> {
        read(status, body).err()
    }

    #[test]
    fn a_good_answer_has_tokens() {
        let tokens = read(200, GOOD).unwrap();
        assert_eq!(tokens.access.reveal(), "at");
        assert_eq!(tokens.id_token().unwrap().reveal(), "a.b.c");
        assert_eq!(tokens.refresh.as_ref().unwrap().reveal(), "rt");
        assert_eq!(tokens.expires_in, Duration::from_secs(300));
        assert_eq!(tokens.scopes.as_deref(), Some("openid email"));
        let shown = format!("{tokens:?}");
        assert!(!shown.contains("a.b.c") && !shown.contains("rt"), "{shown}");
    }

    #[test]
    fn h24_what_an_answer_lacks_is_absent_and_its_span_is_bounded() {
        let tokens = read(200, r#"{"access_token":"at","token_type":"bEARER"}"#).unwrap();
        assert!(tokens.id.is_none() && tokens.refresh.is_none() && tokens.scopes.is_none());
        assert_eq!(tokens.id_token(), Err(Failed::Missing("id_token")));
        assert_eq!(tokens.expires_in, Duration::from_secs(3600));
        let malformed = Err(Failed::Malformed("expires_in"));
        let cases = [
            ("null", Ok(3600)),
            ("-1", Ok(60)),
            ("0", Ok(60)),
            ("59", Ok(60)),
            ("61.9", Ok(61)),
            ("86400", Ok(86_400)),
            ("86401", Ok(86_400)),
            ("1e12", Ok(86_400)),
            ("1e308", Ok(86_400)),
            ("\"3599\"", Ok(3599)),
            ("\"0000000000059\"", Ok(60)),
            ("\"99999999999999999999999\"", Ok(86_400)),
            ("\"abc\"", malformed.clone()),
            ("\"\"", malformed.clone()),
            ("\"-1\"", malformed.clone()),
            ("\"1e3\"", malformed.clone()),
            ("true", malformed.clone()),
            ("[300]", malformed),
        ];
        for (written, expected) in cases {
            let body = GOOD.replace("300", written);
            let found = read(200, &body).map(|tokens| tokens.expires_in.as_secs());
            assert_eq!(found, expected, "{written}");
        }
    }

    #[test]
    fn i12_what_is_no_answer_brings_no_tokens() {
        let without = |member: &str| GOOD.replace(member, "x");
        let long = format!("{GOOD}{}", " ".repeat(MOST_BYTES));
        let cases = [
            ("a page", 200, "<html>".into(), Failed::NotJson),
            ("compressed bytes", 200, "\u{1f}\u{8b}\u{8}".into(), Failed::NotJson),
            ("nothing", 200, String::new(), Failed::NotJson),
            ("a member twice", 200, GOOD.replace("more", "id_token"), Failed::NotJson),
            ("70 KB", 200, long, Failed::TooLong),
            ("no access token", 200, without("access_token"), Failed::Missing("access_token")),
            ("an empty one", 200, GOOD.replace("\"at\"", "\"\""), Failed::Missing("access_token")),
            ("no type", 200, without("token_type"), Failed::Missing("token_type")),
            ("another type", 200, GOOD.replace("Bearer", "mac"), Failed::TokenType),
            (
                "a type that is none",
                200,
                GOOD.replace("\"Bearer\"", "1"),
                Failed::Malformed("token_type"),
            ),
            (
                "a token that is none",
                200,
                GOOD.replace("\"rt\"", "{}"),
                Failed::Malformed("refresh_token"),
            ),
            (
                "a token with a line in it",
                200,
                GOOD.replace("\"at\"", r#""a\r\nb""#),
                Failed::Malformed("access_token"),
            ),
            (
                "a token with a space at its end",
                200,
                GOOD.replace("\"at\"", r#""at ""#),
                Failed::Malformed("access_token"),
            ),
            (
                "a token that is not ASCII",
                200,
                GOOD.replace("\"at\"", "\"\u{e9}\""),
                Failed::Malformed("access_token"),
            ),
            (
                "scopes as a list",
                200,
                GOOD.replace("\"openid email\"", "[]"),
                Failed::Malformed("scope"),
            ),
            ("a redirect", 302, GOOD.into(), Failed::Status(302)),
            ("another good status", 201, GOOD.into(), Failed::Status(201)),
            (
                "an error with 200",
                200,
                r#"{"error":"invalid_scope"}"#.into(),
                Failed::Error("invalid_scope".into()),
            ),
            (
                "an error beside tokens",
                200,
                GOOD.replace("more", "error"),
                Failed::Error("".into()),
            ),
            ("not found", 404, GOOD.into(), Failed::Status(404)),
            (
                "an error with a status that has none",
                404,
                r#"{"error":"invalid_grant"}"#.into(),
                Failed::Status(404),
            ),
        ];
        for (name, status, body, expected) in cases {
            assert_eq!(failed(status, &body), Some(expected), "{name}");
        }
        assert_eq!(super::read(200, MOST_BYTES + 1, b"").err(), Some(Failed::TooLong));
    }

    #[test]
    fn an_error_says_whose_fault_it_is() {
        let cases = [
            (400, r#"{"error":"invalid_grant","error_description":"spent"}"#, Failed::Grant),
            (401, r#"{"error":"invalid_client"}"#, Failed::Client),
            (400, r#"{"error":"invalid_client"}"#, Failed::Client),
            (403, r#"{"error":"unauthorized_client"}"#, Failed::Client),
            (401, "", Failed::Client),
            (401, "<html>", Failed::Client),
            (400, r#"{"error":"invalid_request"}"#, Failed::Error("invalid_request".into())),
            (400, r#"{"error":"<script>"}"#, Failed::Error("".into())),
            (400, r#"{"error":["invalid_grant"]}"#, Failed::Error("".into())),
            (400, "{}", Failed::Status(400)),
            (429, r#"{"error":"invalid_grant"}"#, Failed::Unavailable(429)),
            (500, r#"{"error":"invalid_grant"}"#, Failed::Unavailable(500)),
            (503, "", Failed::Unavailable(503)),
            (0, "", Failed::Unavailable(0)),
        ];
        for (status, body, expected) in cases {
            assert_eq!(failed(status, body), Some(expected), "{status} {body}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_read_with_a_panic(status: u16, body: Vec<u8>) {
            let _ = super::read(status, body.len(), &body);
        }
    }
}
