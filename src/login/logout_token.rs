//! What a provider says when it ends a session of its own (OpenID Connect Back-Channel Logout 1.0 §2.4).
//!
//! The signature is checked elsewhere, and whether the token came before.

use std::time::Duration;

use serde_json::Value;

use super::id_token::audience;
use crate::claims::Claims;
use crate::ids::digest;
use crate::time::UnixMillis;

/// How old a logout token may be.
pub const FRESH: Duration = Duration::from_secs(120);

/// Longest session id or subject that is looked at, in bytes.
const MOST_BYTES: usize = 512;

/// The event that makes a token one.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token that was judged. It names a session, a subject, or both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutToken {
    /// What tells it from others: a digest of issuer and `jti`.
    pub id: [u8; 32],
    /// Until when it must be remembered, so that it does not come again.
    pub until: UnixMillis,
    /// Whose it is (`iss`).
    pub issuer: Box<str>,
    /// The provider's session that it ends (`sid`).
    pub session: Option<Box<str>>,
    /// Whom it is about (`sub`). Without a session it ends all of his that began before it was issued.
    pub subject: Option<Box<str>>,
    /// When it was issued (`iat`).
    pub issued: UnixMillis,
}

/// Why a token is no logout token, or none for here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// Its header says that it is something else (`typ`).
    Type,
    /// It is another issuer's (`iss`).
    Issuer,
    /// It is for another client (`aud`).
    Audience,
    /// It was issued too long ago, or at a time that is still to come (`iat`).
    IssuedAt,
    /// It has ended, or says no end (`exp`).
    Expiry,
    /// It has no id, or one that is too long (`jti`).
    Id,
    /// It is about no logout (`events`).
    Events,
    /// It has a `nonce`, as ID tokens have.
    Nonce,
    /// It names neither a session nor a subject, or one that is no name (`sid`, `sub`).
    Nobody,
}

impl LogoutToken {
    /// Judges the claims of a token at `now`; `typ` is that of its header. The first fault counts.
    ///
    /// # Errors
    ///
    /// See [`Unfit`].
    pub fn judge<'i>(
        claims: &Claims,
        typ: Option<&str>,
        issuers: impl IntoIterator<Item = &'i str>,
        client: &str,
        now: UnixMillis,
        skew: Duration,
    ) -> Result<Self, Unfit> {
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        if !matches!(typ, None | Some("jwt" | "logout+jwt")) {
            return Err(Unfit::Type);
        }
        let issuer = claims.text("iss").ok_or(Unfit::Issuer)?;
        if !issuers.into_iter().any(|known| known == issuer) {
            return Err(Unfit::Issuer);
        }
        audience(claims, client).ok_or(Unfit::Audience)?;
        let issued = claims.issued().ok_or(Unfit::IssuedAt)?;
        if issued > now.after(skew) || now.since(issued) > FRESH {
            return Err(Unfit::IssuedAt);
        }
        let expires = claims.expires().filter(|expires| expires.after(skew) > now);
        expires.ok_or(Unfit::Expiry)?;
        let id = name(claims.get("jti")).ok().flatten().ok_or(Unfit::Id)?;
        let event = claims.get("events").and_then(|events| events.get(EVENT));
        if !event.is_some_and(Value::is_object) {
            return Err(Unfit::Events);
        }
        if claims.get("nonce").is_some() {
            return Err(Unfit::Nonce);
        }
        let (session, subject) = (name(claims.get("sid"))?, name(claims.get("sub"))?);
        if session.is_none() && subject.is_none() {
            return Err(Unfit::Nobody);
        }
        Ok(Self {
            id: digest(&[b"logout", issuer.as_bytes(), id.as_bytes()]),
            // By then it is too old, by any clock.
            until: issued.after(FRESH).after(skew),
            issuer: issuer.into(),
            session: session.map(Into::into),
            subject: subject.map(Into::into),
            issued,
        })
    }
}

/// A claim that is a name, where it is there.
fn name(claim: Option<&Value>) -> Result<Option<&str>, Unfit> {
    match claim {
        None => Ok(None),
        Some(Value::String(name)) if (1..=MOST_BYTES).contains(&name.len()) => Ok(Some(name)),
        Some(_) => Err(Unfit::Nobody),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const SKEW: Duration = Duration::from_secs(60);

    /// Judges a token with these in place of its own claims; `null` takes one away.
    fn judged(typ: Option<&str>, other: &Value) -> Result<LogoutToken, Unfit> {
        let mut all = json!({ "iss": "https://id", "aud": "me", "iat": NOW, "exp": NOW + 120,
            "jti": "1", "events": { EVENT: {} }, "sid": "s", "sub": "u" });
        for (name, value) in other.as_object().unwrap() {
            match value {
                Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
                value => all[name] = value.clone(),
            }
        }
        let claims = Claims::parse(all.to_string().as_bytes()).unwrap();
        let now = UnixMillis::from_secs(NOW);
        LogoutToken::judge(&claims, typ, ["https://other", "https://id"], "me", now, SKEW)
    }

    #[test]
    fn a_logout_token_names_a_session_or_a_subject() {
        let names = |other| {
            let token = judged(Some("logout+jwt"), &other).unwrap();
            (token.session.as_deref().map(str::to_owned), token.subject.map(String::from))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(names(json!({})), (some("s"), some("u")));
        assert_eq!(names(json!({ "sub": null })), (some("s"), None));
        assert_eq!(names(json!({ "sid": null })), (None, some("u")));
        let ids = [json!({}), json!({ "jti": "2" }), json!({ "iss": "https://other" })];
        let ids = ids.map(|other| judged(None, &other).unwrap().id);
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        let token = judged(None, &json!({})).unwrap();
        assert_eq!(token.issued, UnixMillis::from_secs(NOW));
        assert_eq!(token.until, UnixMillis::from_secs(NOW + 180));
    }

    #[test]
    fn i21_what_is_no_logout_token_ends_nothing() {
        let typ = |typ| judged(Some(typ), &json!({})).map(|_| ());
        for good in ["JWT", "jwt", "logout+jwt", "application/logout+jwt"] {
            assert_eq!(typ(good), Ok(()), "{good}");
        }
        for bad in ["at+jwt", "", "secevent+jwt", "dpop+jwt", "application/application/jwt"] {
            assert_eq!(typ(bad), Err(Unfit::Type), "{bad}");
        }
        let cases = [
            ("another issuer", json!({ "iss": "https://evil" }), Unfit::Issuer),
            ("no issuer", json!({ "iss": null }), Unfit::Issuer),
            ("another audience", json!({ "aud": ["a"] }), Unfit::Audience),
            ("no audience", json!({ "aud": null }), Unfit::Audience),
            ("10 minutes old", json!({ "iat": NOW - 600 }), Unfit::IssuedAt),
            ("of the future", json!({ "iat": NOW + 61 }), Unfit::IssuedAt),
            ("of no time", json!({ "iat": null }), Unfit::IssuedAt),
            ("of a time that is none", json!({ "iat": "now" }), Unfit::IssuedAt),
            ("ended", json!({ "exp": NOW - 60 }), Unfit::Expiry),
            ("without an end", json!({ "exp": null }), Unfit::Expiry),
            ("without an id", json!({ "jti": null }), Unfit::Id),
            ("with an empty id", json!({ "jti": "" }), Unfit::Id),
            ("with a number as id", json!({ "jti": 1 }), Unfit::Id),
            ("without events", json!({ "events": null }), Unfit::Events),
            ("with events in a list", json!({ "events": [EVENT] }), Unfit::Events),
            ("with another event", json!({ "events": { "other": {} } }), Unfit::Events),
            ("with an event that is no object", json!({ "events": { EVENT: 1 } }), Unfit::Events),
            ("with a nonce", json!({ "nonce": "n" }), Unfit::Nonce),
            ("about nobody", json!({ "sid": null, "sub": null }), Unfit::Nobody),
            ("about a number", json!({ "sid": 1 }), Unfit::Nobody),
            ("about a subject that is none", json!({ "sub": [] }), Unfit::Nobody),
            ("about too long a session", json!({ "sid": "s".repeat(513) }), Unfit::Nobody),
        ];
        for (name, other, expected) in cases {
            assert_eq!(judged(None, &other).err(), Some(expected), "{name}");
        }
        assert!(judged(None, &json!({ "iat": NOW - 120 })).is_ok());
        assert!(judged(None, &json!({ "iat": NOW + 60, "exp": NOW - 59 })).is_ok());
    }
}
