//! A session ends: here, at the provider (RP-Initiated Logout), and its refresh token with it (RFC 7009).

use super::asking::endpoints;
use super::kit::{At, BROWSER_LASTS, Mark};
use super::replies::{page, redirect};
use super::{callback, cookies, refresh, revocation};
use crate::engine::desk::Desk;
use crate::engine::stop::Stop;
use crate::event::{Effect, Reply, metric};
use crate::http::{RequestHead, add_to_form, with_query};
use crate::page::login::LoginPage;
use crate::provider::login::Cookie;
use crate::verdict::{Deny, Refusal};

/// `/logout`: by a form of the own pages, or by a link there. Whatever else leads here is asked.
pub(super) fn answer(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    effects: &mut Vec<Effect>,
) -> Result<Reply, Stop> {
    let is_get = head.method() == b"GET";
    let origin = head.origin();
    let is_listed = at.login.origins.iter().any(|one| Some(one.as_bytes()) == origin);
    if is_get && !head.is_own_navigation() {
        let action = &at.kit.logout_path;
        return Ok(page(&LoginPage::LogOut { action }, 200, "login_logout_asked", head));
    }
    if !is_get && !is_listed {
        let reason = "somebody is to be logged out, and `origin` is none of `login.origins`";
        return Err(Refusal::new(Deny::OriginRefused, reason).into());
    }
    let env = desk.env;
    // Another worker may know the provider's endpoints already; where nobody does, it ends here.
    let endpoints = match endpoints(at, desk, head) {
        Ok(endpoints) => Some(endpoints),
        Err(Stop::Wait(awaited)) => return Err(Stop::Wait(awaited)),
        Err(_) => None,
    };
    // A refresh may have made cookies that this browser has not got yet: theirs are the tokens that count.
    let renewed = refresh::newest(desk, at, head);
    let session = cookies::authentic(at, head, renewed.as_deref(), env.now);
    let mut hint = None;
    if let Some(session) = &session {
        at.kit.mark(Mark::Ended, &session.id.id, session.end(&at.kit.terms), env);
        hint = cookies::token((at, Cookie::Hint), session, head, renewed.as_deref());
        let token = cookies::token((at, Cookie::Refresh), session, head, renewed.as_deref());
        let url = endpoints.as_ref().and_then(|all| revocation::endpoint(at, all));
        if let (Some(token), Some(url)) = (token, url) {
            revocation::give_back(desk, at, url, &token);
        }
        at.count(metric::LoggedIn::LoggedOut, effects);
    }
    let gone = Cookie::ALL.into_iter().filter(|one| *one != Cookie::Browser);
    let mut set: Vec<_> = gone.map(|one| at.cookie(one, callback::path(at, one)).clear()).collect();
    if let Some(browser) = at.browser(head).filter(|browser| browser.rested() != *browser) {
        set.extend(at.cookie(Cookie::Browser, "/").set(&browser.rested().write(), BROWSER_LASTS));
    }
    let end_session = endpoints.and_then(|all| all.end_session);
    let to = match end_session.filter(|_| at.login.logout.provider && session.is_some()) {
        None => at.login.signed_out(),
        Some(url) => {
            let mut form = String::new();
            add_to_form("client_id", &at.login.client.id, &mut form);
            if let Some(hint) = &hint {
                add_to_form("id_token_hint", hint.reveal(), &mut form);
            }
            let back = at.login.signed_out_uri(at.origin);
            add_to_form("post_logout_redirect_uri", &back, &mut form);
            with_query(&url.to_string(), &form)
        }
    };
    Ok(redirect(303, "login_logged_out", to, set))
}
