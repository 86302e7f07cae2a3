//! Browsers that log in: the filter's own paths on a login's hosts.
//!
//! The cookie is the session. Shared data only helps: which attempts were spent, which sessions have ended,
//! who asks the provider about one again.

pub(super) mod after;
mod asking;
mod back_channel;
pub(super) mod begun;
mod callback;
pub(super) mod cookies;
mod ended;
pub(super) mod kit;
mod logout;
pub(super) mod offer;
pub(super) mod opened;
pub(super) mod refresh;
mod replies;
pub(super) mod reveal;
mod revocation;
mod start;
mod tokens;

use super::desk::Desk;
use super::stop::Stop;
use super::trail::Trail;
use crate::event::{Effect, Headers, Reply};
use crate::http::RequestHead;
use crate::page::login::LoginPage;
use kit::At;
use replies::{not_allowed, page, plain};

/// Answers a request that is for a path of a login's own; nothing where it is for none.
///
/// # Errors
///
/// The answer, as [`Stop::Answer`], or what stops it.
pub(super) fn serve(
    desk: &mut Desk<'_, '_>,
    head: &RequestHead,
    trail: &mut Trail,
    effects: &mut Vec<Effect>,
) -> Result<(), Stop> {
    let Some((at, rest)) = desk.logins.own(desk.config, head) else { return Ok(()) };
    trail.enter(Some(&at.provider.name));
    // What a login itself says is said in any mode: no application has an answer to it.
    trail.reports = Some(false);
    if rest == b"/back-channel" {
        return Err(back_channel::answer(desk, at, head, trail, effects)?.into());
    }
    let own = own_path(desk, at, head, rest, (trail, effects));
    let reply = own.map_err(|stop| match stop {
        Stop::Refuse(refusal) => Stop::Refuse(refusal.with_login(at.start())),
        stop => stop,
    })?;
    Err(reply.into())
}

fn own_path(
    desk: &mut Desk<'_, '_>,
    at: At<'_>,
    head: &RequestHead,
    rest: &[u8],
    (trail, effects): (&mut Trail, &mut Vec<Effect>),
) -> Result<Reply, Stop> {
    let is_get = head.method() == b"GET";
    Ok(match rest {
        b"/start" if is_get => start::on_own_path(desk, at, head, effects)?,
        b"/callback" if is_get => callback::answer(desk, at, head, trail, effects)?,
        b"/logout" if is_get || head.method() == b"POST" => {
            logout::answer(desk, at, head, effects)?
        }
        b"/signed-out" if is_get => {
            page(&LoginPage::SignedOut { on: &at.login.logout.back }, 200, "login_signed_out", head)
        }
        b"/logout" => not_allowed("GET, POST"),
        b"/start" | b"/callback" | b"/signed-out" => not_allowed("GET"),
        _ => plain(404, "login_not_found", Headers::new()),
    })
}
