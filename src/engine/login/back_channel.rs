//! `/back-channel`: the provider says that a session of its own has ended (OpenID Connect Back-Channel
//! Logout 1.0 §2.5 to §2.8).

use std::borrow::Cow;
use std::time::Duration;

use super::ended::Unnoted;
use super::kit::At;
use super::replies::{plain, unavailable};
use super::tokens;
use crate::engine::desk::{Desk, Unanswered};
use crate::engine::stop::Stop;
use crate::engine::trail::Trail;
use crate::event::{Effect, Headers, Reply, metric};
use crate::http::{RequestHead, form_field};
use crate::jose::jws::Jws;
use crate::login::logout_token::{LogoutToken, Unfit};
use crate::verdict::{Answer, Deny, Refusal};

/// Longest body that is read, in bytes.
const MOST_BYTES: usize = 16 * 1024;
/// Within which time the body must have come.
const WITHIN: Duration = Duration::from_secs(2);
/// What a body of a form is called.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Ends what the provider says has ended.
///
/// # Errors
///
/// A wait for the body or for keys; [`Deny::LogoutTokenInvalid`] where nothing is ended.
pub(super) fn answer(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    trail: &mut Trail,
    effects: &mut Vec<Effect>,
) -> Result<Reply, Stop> {
    let Some(ended) = &at.kit.ended else {
        return Ok(plain(404, "login_not_found", Headers::new()));
    };
    if head.method() != b"POST" {
        return Err(invalid("the request is no POST").into());
    }
    if !is_form(head) {
        return Err(invalid("its body is no form: `content-type` says so").into());
    }
    let body = match desk.body(head, (MOST_BYTES, WITHIN), effects) {
        Ok(Some(body)) => body,
        Ok(None) => {
            return Err(invalid(format!("its body has more than {MOST_BYTES} bytes")).into());
        }
        Err(Unanswered::Pending(awaited)) => return Err(awaited.into()),
        Err(Unanswered::Overdue) => {
            let reason = format!("the body has not come within {} s", WITHIN.as_secs());
            return Err(Refusal::new(Deny::BodyUnreadable, reason).into());
        }
        Err(Unanswered::Crowded | Unanswered::Failed) => {
            return Err(unavailable("too many requests wait for their bodies").into());
        }
    };
    let token = match form_field(&body, "logout_token") {
        Ok(Some(token)) => token,
        Ok(None) => return Err(invalid("its form has no `logout_token`").into()),
        Err(_) => {
            let why = "its form has more than one `logout_token`, or one that cannot be read";
            return Err(invalid(why).into());
        }
    };
    let token = judged(desk, at, &token, trail)?;
    match ended.note(&token, desk.env) {
        Ok(()) => {
            at.count(metric::LoggedIn::LoggedOut, effects);
            Ok(plain(200, "login_ended_by_provider", Headers::new()))
        }
        Err(Unnoted::Replayed) => {
            Err(invalid("the logout token: one with its `jti` has come before").into())
        }
        Err(Unnoted::Full) => {
            let reason = "there is no room to note whom the logout token ends";
            Err(Refusal::new(Deny::LogoutStoreFull, reason).into())
        }
    }
}

/// Whether there is a body, which says that it is a form.
fn is_form(head: &RequestHead) -> bool {
    let mut all = head.values("content-type");
    let first = all.next().unwrap_or_default();
    let name = first.split(|byte| *byte == b';').next().unwrap_or_default();
    all.next().is_none() && name.trim_ascii().eq_ignore_ascii_case(FORM)
}

/// Checks a logout token: algorithm, key, signature, claims.
fn judged(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    token: &str,
    trail: &mut Trail,
) -> Result<LogoutToken, Stop> {
    let jws = Jws::parse(token.as_bytes()).map_err(|refusal| refused(refusal.into()))?;
    let (claims, _) = tokens::signed(desk, at, &jws, trail).map_err(refused)?;
    let asks = &at.jwt.requirements;
    let issuers = asks.issuers.iter().flatten().map(AsRef::as_ref);
    let typ = jws.header().typ.as_deref();
    let client = &at.login.client.id;
    let judged = LogoutToken::judge(&claims, typ, issuers, client, desk.env.now, asks.clock_skew);
    judged.map_err(|unfit| {
        let why = match unfit {
            Unfit::Type => "its `typ` says that it is another kind of token",
            Unfit::Issuer => "its `iss` is not the provider's",
            Unfit::Audience => "its `aud` is not the client",
            Unfit::IssuedAt => "its `iat` is missing, more than 2 minutes old, or still to come",
            Unfit::Expiry => "its `exp` is missing, or has passed",
            Unfit::Id => "its `jti` is missing, or no text of at most 512 bytes",
            Unfit::Events => "its `events` does not name a back-channel logout",
            Unfit::Nonce => "it has a `nonce`, as ID tokens have",
            Unfit::Nobody => "it has neither `sid` nor `sub`, or one that is no name",
        };
        invalid(["the logout token: ", why].concat()).into()
    })
}

/// A token that does not hold is refused as one of the provider's; what could not be looked at may be
/// sent again.
fn refused(stop: Stop) -> Stop {
    let Stop::Refuse(refusal) = stop else { return stop };
    let reason = format!("the logout token: {}: {}", refusal.deny.code(), refusal.reason);
    match refusal.deny.answer() {
        Answer::Unavailable => unavailable(reason).with_retry_after(refusal.retry_after).into(),
        _ => invalid(reason).with_remedy(refusal.remedy()).into(),
    }
}

fn invalid(reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(Deny::LogoutTokenInvalid, reason)
}
