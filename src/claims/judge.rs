//! The registered claims (RFC 7519 §4.1) against what a provider's configuration demands.
//!
//! The order is fixed, so that a token with several faults is always refused for the same one:
//! header type, token kind, issuer, audience, client, times, binding, what else is required,
//! identity.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::narrate::Narrator;
use super::{
    Claims, ClientClaim, Issuer, Requirements, is_identity, malformed, near, shared, wrong_type,
};
use crate::time::{UnixMillis, millis};
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Step, list, quoted};

/// Header types (RFC 7515 §4.1.9) that never mark an access token: a DPoP proof (RFC 9449 §4.2), a
/// logout token (OpenID Connect Back-Channel Logout §2.4), a security event (RFC 8417 §2.3), an
/// introspection response (RFC 9701 §5).
const FOREIGN_TYPES: [&str; 4] =
    ["dpop+jwt", "logout+jwt", "secevent+jwt", "token-introspection+jwt"];

/// Times so far from now make one doubt the clock: no token lives so long.
const LONG_AGO: Duration = Duration::from_hours(24);

/// The last second of the year 9999: no token means a later one.
const LAST_DATE: UnixMillis = UnixMillis::new(253_402_300_799_999);

/// Payload types with which Keycloak marks what is no access token.
const FOREIGN_PAYLOAD_TYPES: [&str; 3] = ["Refresh", "Offline", "Logout"];

/// What `token_use` marks as no access token, in an answer about one.
const FOREIGN_USES: [&str; 3] = ["id", "refresh", "refresh_token"];

/// What a token that passed says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Who the caller is; never empty.
    pub identity: Arc<str>,
    /// The client. Where no `clients` are configured, nobody has looked at it yet.
    pub client: ClientClaim,
    /// Who issued the token; `None` only where any issuer is accepted.
    pub issuer: Option<Arc<str>>,
    /// When the token expires, skew not included.
    pub expires: Option<UnixMillis>,
    /// When the caller was authenticated: `auth_time`, else `iat`; `None` where it is not said, or
    /// `auth_time` is no number.
    pub authenticated_at: Option<UnixMillis>,
}

impl Claims {
    /// Judges the claims at `now`; `typ` is that of the header, and each finding goes to `trace`.
    ///
    /// A claim that neither the standard nor `requirements` asks for is not looked at, whatever its
    /// type.
    ///
    /// # Errors
    ///
    /// The first fault in the order that the module names.
    pub fn judge(
        &self,
        typ: Option<&str>,
        requirements: &Requirements,
        now: UnixMillis,
        trace: &mut Trace,
    ) -> Result<Judged, Refusal> {
        let mut narrator = Narrator { claims: self, requirements, now, trace };
        check_header_type(typ, requirements)?;
        self.check_kind(requirements)?;
        narrator.kind(typ);
        let issuer = self.check_issuer(requirements)?;
        narrator.issuer();
        self.check_audience(requirements)?;
        narrator.audience();
        self.check_client(requirements)?;
        narrator.client();
        let times = self.check_times(requirements, now)?;
        narrator.times();
        self.check_binding(requirements)?;
        narrator.binding();
        self.meets(&requirements.rules, Step::Claims, narrator.trace)
            .map_err(|reason| Refusal::new(Deny::TokenClaimRefused, reason))?;
        let identity = self.identity(requirements)?;
        narrator.identity();
        Ok(Judged {
            identity: identity.into(),
            client: self.client(&requirements.client),
            issuer: issuer.map(Arc::from),
            expires: times.expires,
            authenticated_at: match self.present("auth_time") {
                None => times.issued,
                // One that is beyond all dates would be a session without end.
                Some(Value::Number(seconds)) => numeric_date(seconds).filter(|at| *at <= LAST_DATE),
                Some(_) => None,
            },
        })
    }

    /// The identity that the token names, whether it may or not.
    pub fn claimed_identity(&self, requirements: &Requirements) -> Option<&str> {
        self.first(&requirements.identity).and_then(|(_, identity)| identity.as_str())
    }

    /// Refuses what its payload marks as another kind of token.
    fn check_kind(&self, requirements: &Requirements) -> Result<(), Refusal> {
        if let Some(typ) = self.text("typ").filter(|typ| FOREIGN_PAYLOAD_TYPES.contains(typ)) {
            return Err(refused_type(format!(
                "the claim `typ` is {}, which marks no access token",
                quoted(typ)
            )));
        }
        if requirements.introspected {
            self.check_answered_kind(requirements)?;
        }
        if requirements.allow_id_tokens {
            return Ok(());
        }
        let mark = if self.text("token_use") == Some("id") {
            "its claim `token_use` is `id`"
        } else if self.text("typ") == Some("ID") {
            "its claim `typ` is `ID`"
        } else if self.present("at_hash").is_some() {
            "it has the claim `at_hash`"
        } else if self.present("c_hash").is_some() {
            "it has the claim `c_hash`"
        } else {
            return Ok(());
        };
        Err(refused_type(format!("this is an ID token: {mark}")))
    }

    /// What an endpoint says of a token's kind (RFC 7662 §2.2): some look through refresh tokens, too.
    fn check_answered_kind(&self, requirements: &Requirements) -> Result<(), Refusal> {
        if let Some(kind) = self.text("token_use").filter(|kind| FOREIGN_USES.contains(kind)) {
            return Err(refused_type(format!("its `token_use` is {}", quoted(kind))));
        }
        match self.present("token_type") {
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => Ok(()),
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("dpop") => {
                let key = self.present("cnf").and_then(|cnf| cnf.get("jkt"));
                match key.and_then(Value::as_str) {
                    Some(_) => Ok(()),
                    None => Err(Refusal::new(
                        Deny::TokenBindingUnsupported,
                        "its `token_type` is `DPoP`, and no `cnf.jkt` says by which key",
                    )),
                }
            }
            None if requirements.audiences.is_some() => Ok(()),
            None => Err(refused_type(
                "the answer has no `token_type`, so this may be a refresh token".to_owned(),
            )
            .with_remedy(
                "name the tokens' audience in `providers.*.audiences`, or have the provider answer \
                 with `token_type` (RFC 7662 §2.2)",
            )),
            Some(_) => {
                Err(refused_type("its `token_type` is neither `Bearer` nor `DPoP`".to_owned()))
            }
        }
    }

    /// `iss` is one of the issuers, byte for byte (RFC 8725 §3.8).
    fn check_issuer(&self, requirements: &Requirements) -> Result<Option<&str>, Refusal> {
        let issuer = match self.issuer() {
            Issuer::Is(issuer) => Some(issuer),
            Issuer::Absent => None,
            Issuer::WrongType => return Err(self.unusable("iss", "a string")),
        };
        let Some(accepted) = &requirements.issuers else {
            return Ok(issuer);
        };
        let (found, hint) = match issuer {
            Some(issuer) if contains(accepted, issuer) => return Ok(Some(issuer)),
            Some(issuer) => {
                (format!("the claim `iss` is {}", quoted(issuer)), near(issuer, accepted))
            }
            // Who was asked says who answers.
            None if requirements.introspected => return Ok(None),
            None => ("there is no claim `iss`".to_owned(), ""),
        };
        Err(Refusal::new(
            Deny::TokenIssuerUnknown,
            format!("{found}; accepted: {}{hint}", list(accepted)),
        ))
    }

    /// One of the audiences is in `aud`, a string or an array of strings (RFC 7519 §4.1.3).
    fn check_audience(&self, requirements: &Requirements) -> Result<(), Refusal> {
        match &requirements.audiences {
            Some(accepted) => self.has_audience(accepted),
            None => Ok(()),
        }
    }

    /// Demands that one of `accepted` is in `aud`, compared byte for byte.
    ///
    /// # Errors
    ///
    /// [`Deny::TokenAudienceMismatch`] where none is, [`Deny::TokenClaimMalformed`] where `aud` is
    /// neither a string nor an array of strings.
    pub fn has_audience(&self, accepted: &[Box<str>]) -> Result<(), Refusal> {
        let wanted = "a string or an array of strings";
        let audiences: Vec<&str> = match self.present("aud") {
            None => Vec::new(),
            Some(Value::String(audience)) => vec![audience],
            Some(Value::Array(audiences)) => audiences
                .iter()
                .map(Value::as_str)
                .collect::<Option<_>>()
                .ok_or_else(|| self.unusable("aud", wanted))?,
            Some(_) => return Err(self.unusable("aud", wanted)),
        };
        if audiences.iter().any(|audience| contains(accepted, audience)) {
            return Ok(());
        }
        let found = if self.present("aud").is_none() {
            "there is no claim `aud`".to_owned()
        } else {
            format!("the claim `aud` is {}", list(&audiences))
        };
        let hints = audiences.iter().map(|audience| near(audience, accepted));
        let hint = hints.max_by_key(|hint| !hint.is_empty()).unwrap_or_default();
        let shared = audiences.iter().find_map(|audience| Some((*audience, shared(audience)?)));
        let remedy = shared.map(|(audience, why)| {
            format!(
                "do not add `{audience}` to `providers.*.audiences` or `apis[].audiences`: {why}, so that it would let in \
                 tokens for anything; have the provider put an audience of this API's own into them \
                 (Keycloak: an audience mapper), or name the clients in `providers.*.clients` in \
                 place of `providers.*.audiences`"
            )
        });
        let reason = format!("{found}; accepted: {}{hint}", list(accepted));
        let mut refusal = Refusal::new(Deny::TokenAudienceMismatch, reason);
        refusal.remedy = remedy.map(Into::into);
        Err(refusal)
    }

    /// The client is one of the clients.
    fn check_client(&self, requirements: &Requirements) -> Result<(), Refusal> {
        let Some(accepted) = &requirements.clients else {
            return Ok(());
        };
        let found = match self.first(&requirements.client) {
            Some((_, Value::String(client))) if contains(accepted, client) => return Ok(()),
            Some((claim, Value::String(client))) => {
                format!("the claim {} is {}", claim.quoted(), quoted(client))
            }
            Some((claim, value)) => return Err(wrong_type(claim, value, "a string")),
            None => self.missing(&requirements.client),
        };
        Err(Refusal::new(
            Deny::TokenClientRefused,
            format!("{found}; accepted: {}", list(accepted)),
        ))
    }

    /// Judges again what changes with time, for claims that [`judge`](Self::judge) has passed.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn judge_times(&self, requirements: &Requirements, now: UnixMillis) -> Result<(), Refusal> {
        self.check_times(requirements, now).map(|_| ())
    }

    /// `exp`, `nbf`, `iat` (RFC 7519 §4.1.4 to §4.1.6) and the longest life.
    fn check_times(&self, requirements: &Requirements, now: UnixMillis) -> Result<Times, Refusal> {
        let skew = requirements.clock_skew;
        let expires = self.date("exp")?;
        let not_before = self.date("nbf")?;
        let issued = self.date("iat")?;
        let told = |what: &str, at: UnixMillis| {
            let apart = at.since(now).max(now.since(at));
            let doubt = match apart >= LONG_AGO {
                true => ": is this machine's clock right?",
                false => "",
            };
            let (number, words) = (at.numeric_date(), at.in_words(now));
            let (clock, date) = (now.numeric_date(), now.to_rfc3339());
            let (skew, apart) = (seconds(skew), seconds(apart));
            format!(
                "{what} {number} ({words}), the time is {clock} ({date}), the skew {skew} s; they are \
                 {apart} s apart{doubt}"
            )
        };
        match expires {
            None if !requirements.allow_no_expiry => {
                return Err(Refusal::new(Deny::TokenExpiryMissing, "there is no claim `exp`"));
            }
            Some(at) if now >= at.after(skew) => {
                return Err(Refusal::new(Deny::TokenExpired, told("the claim `exp` is", at)));
            }
            _ => {}
        }
        if let Some(at) = not_before.filter(|at| now.after(skew) < *at) {
            return Err(Refusal::new(Deny::TokenNotYetValid, told("the claim `nbf` is", at)));
        }
        if let Some(at) = issued.filter(|at| now.after(skew) < *at) {
            return Err(Refusal::new(Deny::TokenIssuedInFuture, told("the claim `iat` is", at)));
        }
        let times = Times { expires, issued };
        times.check_lifetime(requirements, now)?;
        Ok(times)
    }

    /// Demands that a claim is a string, where it is there.
    ///
    /// # Errors
    ///
    /// [`Deny::TokenClaimMalformed`] where it is something else.
    pub fn check_text(&self, name: &str) -> Result<(), Refusal> {
        match self.present(name) {
            None | Some(Value::String(_)) => Ok(()),
            Some(_) => Err(self.unusable(name, "a string")),
        }
    }

    /// A `NumericDate` (RFC 7519 §2), `None` where the claim is missing. `null` is no number.
    pub(super) fn date(&self, name: &str) -> Result<Option<UnixMillis>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => match numeric_date(seconds) {
                Some(at) if at <= LAST_DATE => Ok(Some(at)),
                _ => Err(malformed(too_late(name, seconds))),
            },
            Some(_) => Err(self.unusable(name, "a number of seconds")),
        }
    }

    /// A token bound to a key (RFC 7800) is no bearer token: without its proof it proves nothing.
    fn check_binding(&self, requirements: &Requirements) -> Result<(), Refusal> {
        match self.present("cnf") {
            Some(binding) if !requirements.ignore_binding => {
                let members = binding.as_object().map_or_else(
                    || super::kind(binding).to_owned(),
                    |members| {
                        format!("an object with {}", list(&members.keys().collect::<Vec<_>>()))
                    },
                );
                Err(Refusal::new(
                    Deny::TokenBindingUnsupported,
                    format!("the claim `cnf` is {members}: its proof cannot be checked"),
                ))
            }
            _ => Ok(()),
        }
    }

    fn identity(&self, requirements: &Requirements) -> Result<&str, Refusal> {
        match self.first(&requirements.identity) {
            Some((claim, Value::String(identity))) if identity.is_empty() => Err(Refusal::new(
                Deny::IdentityMissing,
                format!("the claim {} is empty", claim.quoted()),
            )),
            Some((claim, Value::String(identity))) if !is_identity(identity) => {
                Err(malformed(format!(
                    "the claim {} has a control character in it or white space at an end: what \
                     reads it could read another",
                    claim.quoted()
                ))
                .with_remedy(
                    "have the provider write this claim without them, or name another in \
                 `providers.*.claims.identity`",
                ))
            }
            Some((_, Value::String(identity))) => Ok(identity),
            Some((claim, value)) => Err(wrong_type(claim, value, "a string")),
            None => Err(Refusal::new(Deny::IdentityMissing, self.missing(&requirements.identity))),
        }
    }

    /// A registered claim of a wrong type: no field of the configuration gives it another name.
    fn unusable(&self, name: &str, wanted: &str) -> Refusal {
        let refusal = wrong_type(&name, self.0.get(name).unwrap_or(&Value::Null), wanted);
        refusal.with_remedy(format!(
            "have the provider write `{name}` as {wanted} (RFC 7519): no other claim can stand \
             in for it"
        ))
    }
}

/// When a token was issued and when it ends.
struct Times {
    expires: Option<UnixMillis>,
    issued: Option<UnixMillis>,
}

impl Times {
    fn check_lifetime(&self, requirements: &Requirements, now: UnixMillis) -> Result<(), Refusal> {
        let Some(longest) = requirements.max_lifetime else {
            return Ok(());
        };
        let (until, start, what) = match (self.expires, self.issued) {
            (Some(expires), Some(issued)) => (expires, issued, "`exp` − `iat`"),
            (Some(expires), None) => (expires, now, "`exp` − now, there being no `iat`,"),
            // Its provider says at any time whether it has ended.
            (None, Some(issued)) if requirements.introspected => {
                (now.max(issued), issued, "now − `iat`, there being no `exp`,")
            }
            (None, _) => {
                return Err(Refusal::new(
                    Deny::TokenExpiryMissing,
                    "there is no claim `exp`, so the lifetime is without end",
                ));
            }
        };
        if self.issued.is_some_and(|issued| until < issued) {
            return Err(Refusal::new(
                Deny::TokenLifetimeExceeded,
                "the claim `exp` is before `iat`, so the lifetime cannot be told",
            ));
        }
        let lifetime = until.since(start);
        if lifetime > longest {
            let (lifetime, longest) = (seconds(lifetime), seconds(longest));
            return Err(Refusal::new(
                Deny::TokenLifetimeExceeded,
                format!("{what} is {lifetime} s; at most {longest} s are accepted"),
            ));
        }
        Ok(())
    }
}

/// The header's `typ`, without regard to case or an `application/` prefix (RFC 7515 §4.1.9).
fn check_header_type(typ: Option<&str>, requirements: &Requirements) -> Result<(), Refusal> {
    let bare = typ.map(|typ| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
    });
    if let Some(bare) = bare.as_deref().filter(|bare| FOREIGN_TYPES.contains(bare)) {
        return Err(refused_type(format!(
            "the header's `typ` is {}, which marks no access token",
            quoted(bare)
        )));
    }
    let Some(accepted) = &requirements.types else {
        return Ok(());
    };
    let found = match &bare {
        Some(bare) if contains(accepted, bare) => return Ok(()),
        Some(bare) => format!("the header's `typ` is {}", quoted(bare)),
        None => "the header has no `typ`".to_owned(),
    };
    Err(refused_type(format!("{found}; accepted: {}", list(accepted))))
}

/// Why a number is no date: most often it was made of milliseconds.
fn too_late(name: &str, seconds: &serde_json::Number) -> String {
    let number = seconds.as_f64().unwrap_or(f64::INFINITY);
    // From the year 2001 on, if it is milliseconds.
    let is_milliseconds = (1e12..=253_402_300_799_999.0).contains(&number);
    let hint = if is_milliseconds { "; it looks like milliseconds" } else { "" };
    format!(
        "the claim `{name}` is {seconds}, which is after the year 9999{hint}; a date is a number of seconds"
    )
}

/// Integers are taken as they are: a `f64` would round those past 2^53.
fn numeric_date(seconds: &serde_json::Number) -> Option<UnixMillis> {
    match seconds.as_u64() {
        Some(seconds) => Some(UnixMillis::from_secs(seconds)),
        None => seconds.as_f64().and_then(UnixMillis::from_numeric_date),
    }
}

fn refused_type(reason: String) -> Refusal {
    Refusal::new(Deny::TokenTypeRefused, reason)
}

fn contains(accepted: &[Box<str>], found: &str) -> bool {
    accepted.iter().any(|wanted| **wanted == *found)
}

/// A span in seconds, with their fraction.
fn seconds(span: Duration) -> String {
    UnixMillis::new(millis(span)).numeric_date()
}
