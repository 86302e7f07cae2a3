//! From a code to tokens that can be relied upon (OpenID Connect Core §3.1.3).

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::asking::{ask_twice, is_asked, post, unanswered};
use super::kit::At;
use super::replies::{unavailable, unsigned};
use crate::claims::{Claims, Judged};
use crate::engine::desk::Desk;
use crate::engine::stop::Stop;
use crate::engine::trail::Trail;
use crate::engine::vouch::jwt;
use crate::http::{RequestHead, Url, add_to_form};
use crate::ids::{AskId, digest};
use crate::jose::alg::Alg;
use crate::jose::jws::Jws;
use crate::login::answer::{self, Failed, MOST_BYTES, Tokens};
use crate::login::attempt::Attempt;
use crate::login::id_token::{Expected, Unfit};
use crate::login::session::Session;
use crate::provider::login::Judge;
use crate::secret::Secret;
use crate::verdict::{Answer, Deny, Refusal, quoted};

/// Redeems a code (RFC 6749 §4.1.3).
pub(super) fn redeem(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    (url, code, attempt): (&Url, &str, &Attempt),
) -> Result<Tokens, Stop> {
    let env = desk.env;
    let (client, uri) = (&at.login.client, at.login.redirect_uri(at.origin));
    let secrets = client.secrets().max(1);
    for which in 0..secrets {
        let mut refused = false;
        let mut make = || {
            let mut form = Zeroizing::new(String::new());
            add_to_form("grant_type", "authorization_code", &mut form);
            add_to_form("code", code, &mut form);
            add_to_form("redirect_uri", &uri, &mut form);
            add_to_form("code_verifier", attempt.verifier().reveal(), &mut form);
            let shown = client.show(which, &mut form, env);
            refused = shown.is_err();
            post(at, (url, MOST_BYTES), &form, shown.ok().flatten())
        };
        let response = ask_twice(desk, head, |number| id(which, number), &mut make);
        if refused {
            return Err(unsigned().into());
        }
        let response = response.map_err(|why| unanswered(&why, "token"))?;
        match answer::read(response.status, response.body_size, &response.body) {
            Err(Failed::Client) if which.saturating_add(1) < secrets => {}
            Err(failed) => return Err(refused_by_provider(failed).into()),
            Ok(tokens) => return Ok(tokens),
        }
    }
    Err(refused_by_provider(Failed::Client).into())
}

/// Whether a call of the code was made, or is out.
pub(super) fn is_redeeming(desk: &Desk<'_, '_>) -> bool {
    is_asked(desk, id(0, 0))
}

fn id(which: usize, number: u8) -> AskId {
    let which = u8::try_from(which).unwrap_or(u8::MAX);
    AskId(digest(&[b"tollgate login code", &[which, number]]))
}

/// What the token endpoint's answer comes to. Nothing of a body is shown but an error's code.
pub(super) fn refused_by_provider(failed: Failed) -> Refusal {
    let (deny, found) = match failed {
        Failed::Grant => (Deny::LoginCodeRefused, "`invalid_grant`".to_owned()),
        Failed::Client => (
            Deny::LoginClientRefused,
            "that the client is not who it says, or may not do this".to_owned(),
        ),
        Failed::Unavailable(status) => {
            return unavailable(format!("the token endpoint answered {status}"));
        }
        Failed::Error(code) => (Deny::LoginFailed, format!("the error {}", quoted(&code))),
        Failed::Status(status) => (Deny::LoginFailed, format!("status {status} without an error")),
        Failed::TooLong => (Deny::LoginFailed, format!("more than {MOST_BYTES} bytes")),
        Failed::NotJson => (Deny::LoginFailed, "no JSON object without members twice".to_owned()),
        Failed::Missing(member) => (Deny::LoginFailed, format!("no `{member}`")),
        Failed::Malformed(member) => {
            (Deny::LoginFailed, format!("a `{member}` that is not what it must be"))
        }
        Failed::TokenType => (Deny::LoginFailed, "another `token_type` than `Bearer`".to_owned()),
    };
    Refusal::new(deny, format!("the token endpoint answered: {found}"))
}

/// Judges the tokens of a login, or of a refresh of the session `old`: the ID token, which a refresh need
/// not bring, and the access token where the session is made of it. The claims are those that make the
/// session; nothing where they stay as they were.
///
/// # Errors
///
/// A wait for keys; [`Deny::LoginEnded`] where a refresh has brought tokens that are not the session's, and
/// [`Deny::LoginRefused`] where they are of a person who may no longer log in.
pub(super) fn judged(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    (tokens, attempt, old): (&Tokens, [u8; 16], Option<&Session>),
    issuer: Option<&str>,
    trail: &mut Trail,
) -> Result<Option<(Claims, Judged)>, Stop> {
    let is_refresh = old.is_some();
    let of = |what: &'static str| move |stop: Stop| invalid(stop, what, is_refresh);
    let id = match &tokens.id {
        Some(token) => Some(check(desk, at, token, true, trail).map_err(of(ID_TOKEN))?),
        None if is_refresh => None,
        None => return Err(refused_by_provider(Failed::Missing("id_token")).into()),
    };
    // The session's own (§12.2).
    let issuer = old.map(|old| &*old.issuer).or(issuer);
    let mut subject = old.map(|old| &*old.subject);
    if let Some((claims, judged, alg)) = &id {
        let expected = Expected {
            client: &at.login.client.id,
            attempt,
            is_refresh,
            access_token: tokens.access.reveal(),
        };
        if let Err(unfit) = expected.judge(claims, *alg) {
            return Err(match unfit {
                Unfit::Audience => others(
                    "its `aud` is not the client alone, or not with others named",
                    is_refresh,
                ),
                Unfit::AuthorizedParty => others(
                    "its `azp` is not the client, or it has several audiences and no `azp`",
                    is_refresh,
                ),
                Unfit::Missing(name) => others(&["it has no `", name, "`"].concat(), false),
                Unfit::Nonce => others("its `nonce` is not that of this attempt", is_refresh),
                Unfit::AccessToken => others("its `at_hash` is not the access token's", false),
            });
        }
        if issuer.is_some() && claims.text("iss") != issuer {
            let whose = if is_refresh { "session" } else { "callback" };
            return Err(others(&["its `iss` is not the one of the ", whose].concat(), is_refresh));
        }
        let own = claims.text("sub").unwrap_or(&judged.identity);
        // The hash says whose access token it is, which some providers know by another name.
        if at.login.judge == Judge::IdToken || claims.get("at_hash").is_none() {
            if subject.is_some_and(|subject| subject != own) {
                return Err(others("its `sub` is not the session's", true));
            }
            subject = Some(own);
        }
    }
    if at.login.judge == Judge::IdToken {
        return Ok(id.map(|(claims, judged, _)| (claims, judged)));
    }
    let access = check(desk, at, &tokens.access, false, trail).map_err(of(ACCESS_TOKEN))?;
    let own = access.0.text("sub").unwrap_or(&access.1.identity);
    if subject.is_some_and(|subject| subject != own) {
        let (deny, whose) = match is_refresh {
            true => (Deny::LoginEnded, "the session's, or not the ID token's"),
            false => (
                Deny::LoginTokenInvalid,
                "the ID token's, which has no `at_hash` to say that it is of the same person",
            ),
        };
        let reason = ["the access token: its `sub` is not ", whose].concat();
        return Err(Refusal::new(deny, reason).into());
    }
    let (claims, judged, _) = access;
    // The provider's own session, by which it says later that it has ended.
    let sid = id.as_ref().and_then(|(id, ..)| id.get("sid"));
    let sid = sid.map(|sid| ("sid".to_owned(), sid.clone()));
    Ok(Some((claims.with(sid.into_iter().collect()), judged)))
}

/// Judges what the ID token and the userinfo answer say together: whether the person may log in, and who it
/// is; nothing where the ID token alone has said so.
pub(super) fn of_both(
    desk: &Desk<'_, '_>,
    at: At<'_>,
    claims: &Claims,
    is_refresh: bool,
    trail: &mut Trail,
) -> Result<Option<Arc<str>>, Refusal> {
    let Some(asks) = &at.kit.expects_of_both else { return Ok(None) };
    match claims.judge(None, asks, desk.env.now, &mut trail.steps) {
        Ok(judged) => Ok(Some(judged.identity)),
        Err(refusal) => Err(unfit(&refusal, "the ID token with the userinfo answer", is_refresh)),
    }
}

/// Checks one token: algorithm, key, signature, claims.
fn check(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    token: &Secret,
    is_id: bool,
    trail: &mut Trail,
) -> Result<(Claims, Judged, Alg), Stop> {
    let jws = Jws::parse(token.reveal().as_bytes())?;
    let typ = jws.header().typ.as_deref();
    if is_id && typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(Refusal::new(Deny::TokenTypeRefused, "its `typ` is not `JWT`").into());
    }
    let (claims, alg) = signed(desk, at, &jws, trail)?;
    let asks = if is_id { &at.kit.expects } else { &at.jwt.requirements };
    let judged = claims.judge(typ, asks, desk.env.now, &mut trail.steps)?;
    Ok((claims, judged, alg))
}

/// The claims of a token that a key of the provider has signed; nothing in them is judged.
pub(super) fn signed(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    jws: &Jws<'_>,
    trail: &mut Trail,
) -> Result<(Claims, Alg), Stop> {
    let header = jws.header();
    let allowed = |alg: &Alg| at.jwt.algorithms.contains(*alg);
    let Some(alg) = Alg::parse(&header.alg).filter(allowed) else {
        let reason = format!("its algorithm is {}", quoted(&header.alg));
        return Err(Refusal::new(Deny::TokenAlgorithmRefused, reason).into());
    };
    let claims = Claims::parse(jws.payload())?;
    let wanted = jwt::wanted(header.kid.as_ref(), alg, &claims);
    let keys = jwt::keys(at.jwt, &claims);
    if keys.is_none() {
        return Err(
            Refusal::new(Deny::TokenIssuerUnknown, "its `iss` is not the provider's").into()
        );
    }
    jwt::check(desk, keys, jws, wanted, &mut trail.steps)?;
    Ok((claims, alg))
}

const ID_TOKEN: &str = "the ID token";
const ACCESS_TOKEN: &str = "the access token";

/// A token that the provider gave was refused: that is the provider's fault, and nobody's credential.
fn invalid(stop: Stop, what: &str, is_refresh: bool) -> Stop {
    match stop {
        Stop::Refuse(refusal) => unfit(&refusal, what, is_refresh).into(),
        stop => stop,
    }
}

fn unfit(refusal: &Refusal, what: &str, is_refresh: bool) -> Refusal {
    let retry_after = refusal.retry_after;
    let reason = format!("{what}: {}: {}", refusal.deny.code(), refusal.reason);
    let deny = match refusal.deny {
        Deny::TokenAudienceMismatch | Deny::TokenIssuerUnknown if is_refresh => Deny::LoginEnded,
        // The person is no longer whom the configuration lets in.
        Deny::TokenClaimRefused if is_refresh => Deny::LoginRefused,
        other if other.answer() == Answer::Unavailable => Deny::LoginUnavailable,
        _ => Deny::LoginTokenInvalid,
    };
    let remedy = match refusal.deny {
        Deny::TokenMalformed if what == ACCESS_TOKEN => OPAQUE.into(),
        _ => refusal.remedy().to_owned(),
    };
    let retry_after = retry_after.or(Some(Duration::from_secs(1)));
    Refusal::new(deny, reason).with_remedy(remedy).with_retry_after(retry_after)
}

/// What to do about an access token that is no JWT.
const OPAQUE: &str = "the provider's access tokens are for itself to read: make the session of the ID token, \
     by `providers.*.login.judge`: \"id_token\", or have the provider issue JWTs for one of \
     `providers.*.audiences`";

/// The ID token is not what was expected; at a refresh it is another's than the session's, which ends.
fn others(why: &str, is_refresh: bool) -> Stop {
    let deny = if is_refresh { Deny::LoginEnded } else { Deny::LoginTokenInvalid };
    Refusal::new(deny, ["the ID token: ", why].concat()).into()
}
