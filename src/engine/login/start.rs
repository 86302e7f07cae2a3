//! An attempt begins: the browser goes to the provider (OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9126).

use serde_json::Value;
use zeroize::Zeroizing;

use super::asking::{ask_twice, endpoints, post, unanswered};
use super::begun::Begun;
use super::cookies;
use super::kit::{At, BROWSER_LASTS};
use super::replies::{no_randomness, redirect, unavailable, unsigned};
use crate::engine::desk::Desk;
use crate::engine::stop::Stop;
use crate::event::{Effect, Reply, metric};
use crate::http::{self, RequestHead, add_to_form, parameters, with_query};
use crate::ids::{AskId, digest};
use crate::json;
use crate::login::attempt::Attempt;
use crate::login::browser::Browser;
use crate::login::endpoints::Endpoints;
use crate::login::return_path::return_path;
use crate::provider::login::{Cookie, Pushed};
use crate::seal::Purpose;
use crate::verdict::{Deny, Refusal};

/// Longest answer to a pushed request, in bytes.
const MOST_PUSHED: usize = 16 * 1024;

/// `/start`: an attempt that leads back to `return`, or to `/`.
pub(super) fn on_own_path(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    effects: &mut Vec<Effect>,
) -> Result<Reply, Stop> {
    let wanted = parameters(head.path(), "return").next().unwrap_or_default();
    let path = return_path(&wanted, &at.login.path);
    begin(desk, at, head, (&path, false), effects)
}

/// Begins an attempt that leads back to this path; `is_second` where it takes the place of one that could
/// not be redeemed.
pub(super) fn begin(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    (path, is_second): (&str, bool),
    effects: &mut Vec<Effect>,
) -> Result<Reply, Stop> {
    let endpoints = endpoints(at, desk, head)?;
    if desk.memo.login.is_none() {
        desk.memo.login = Some(Box::new(begun(desk, at, head, (path, is_second))?));
    }
    let Some(Begun { attempt, browser }) = desk.memo.login.as_deref().cloned() else {
        return Err(no_randomness().into());
    };
    let env = desk.env;
    let context = at.context(Cookie::Browser);
    let state = at.kit.keys.seal(Purpose::State, &context, &attempt.write(), env.random);
    let state = state.map_err(|_| no_randomness())?;
    let mut form = String::with_capacity(1024);
    add_to_form("response_type", "code", &mut form);
    add_to_form("client_id", &at.login.client.id, &mut form);
    add_to_form("redirect_uri", &at.login.redirect_uri(at.origin), &mut form);
    add_to_form("scope", &at.login.scopes.join(" "), &mut form);
    add_to_form("state", &state, &mut form);
    add_to_form("nonce", &attempt.nonce(), &mut form);
    add_to_form("code_challenge", &attempt.challenge(), &mut form);
    add_to_form("code_challenge_method", "S256", &mut form);
    for (name, value) in &at.login.authorize {
        add_to_form(name, value, &mut form);
    }
    let is_pushed = match at.login.pushed {
        Pushed::Always => true,
        Pushed::Auto => endpoints.says.requires_pushed,
        Pushed::Never => false,
    };
    if is_pushed {
        let place = push(desk, at, head, &endpoints, form)?;
        form = String::new();
        add_to_form("client_id", &at.login.client.id, &mut form);
        add_to_form("request_uri", &place, &mut form);
    }
    at.count(metric::LoggedIn::Started, effects);
    let location = with_query(&endpoints.authorization.to_string(), &form);
    let cookie = at.cookie(Cookie::Browser, "/").set(&browser.write(), BROWSER_LASTS);
    let set = cookie.map_err(|_| Refusal::new(Deny::Internal, "a number that is no cookie"))?;
    Ok(redirect(302, "login_started", location, vec![set]))
}

fn begun(
    desk: &Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    (path, is_second): (&str, bool),
) -> Result<Begun, Refusal> {
    let env = desk.env;
    let browser = match at.browser(head) {
        Some(browser) => browser,
        None => Browser::new(env.random).map_err(|_| no_randomness())?,
    };
    // Who has a session may log in as another as often as he likes.
    let browser = match cookies::living(at, head, env) {
        Some(_) => browser,
        None => browser.started(env.now).ok_or_else(|| is_loop(at, head))?,
    };
    let attempt = Attempt::begin(env.random, env.now, at.origin.as_str(), path, browser.hash());
    let mut attempt = attempt.map_err(|_| no_randomness())?;
    attempt.is_second = is_second;
    Ok(Begun { attempt, browser })
}

/// What is said of a browser that logs in again and again.
fn is_loop(at: At<'_>, head: &RequestHead) -> Refusal {
    let session = at.kit.name(Cookie::Session);
    let what = match http::cookies(head.values("cookie"), session).next() {
        Some(_) => "comes back and cannot be used",
        None => "does not come back",
    };
    let reason = format!(
        "this is the third login within a minute of one that was completed: the cookie `{session}` {what}"
    );
    Refusal::new(Deny::LoginLoop, reason)
}

/// Leaves the request at the provider (RFC 9126 §2); what it is called there.
fn push(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    endpoints: &Endpoints,
    form: String,
) -> Result<String, Stop> {
    let Some(url) = &endpoints.pushed else {
        let reason = "requests are to be pushed, and the provider names no endpoint for that";
        return Err(unavailable(reason).into());
    };
    let mut form = Zeroizing::new(form);
    let authorization = at.login.client.show(0, &mut form, desk.env);
    let authorization = authorization.map_err(|_| unsigned())?;
    let mut make = || post(at, (url, MOST_PUSHED), &form, authorization.clone());
    let id = |number| AskId(digest(&[b"tollgate login push", &[number]]));
    let answer = ask_twice(desk, head, id, &mut make);
    let answer = answer.map_err(|why| unanswered(&why, "pushed authorization request"))?;
    let members = json::object(&answer.body).ok();
    let place = members.as_ref().and_then(|members| members.get("request_uri"));
    match place.and_then(Value::as_str) {
        Some(place) if matches!(answer.status, 200 | 201) => Ok(place.to_owned()),
        _ if answer.status >= 500 => {
            let reason =
                format!("the pushed authorization request endpoint answered {}", answer.status);
            Err(unavailable(reason).into())
        }
        _ => {
            let reason = format!(
                "the pushed authorization request endpoint answered {} without a `request_uri`",
                answer.status
            );
            Err(Refusal::new(Deny::LoginFailed, reason).into())
        }
    }
}
