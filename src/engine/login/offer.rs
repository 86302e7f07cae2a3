//! What becomes of a request that no session comes with, at an API whose provider logs browsers in.

use std::time::Duration;

use super::kit::At;
use super::replies::page;
use super::start;
use crate::api::{Api, Unauthenticated};
use crate::engine::desk::Desk;
use crate::engine::reply;
use crate::engine::stop::Stop;
use crate::engine::voucher::Voucher;
use crate::event::{Effect, Reply};
use crate::http::{RequestHead, add_to_form, with_query};
use crate::ids::ProviderId;
use crate::login::return_path::return_path;
use crate::page::login::{Choice, LoginPage};
use crate::time::UnixMillis;
use crate::verdict::{Deny, Refusal};

/// How long ago a login was that did not help.
const JUST_NOW: Duration = Duration::from_secs(60);

/// What becomes of it: `lacking` are the providers of each branch that have not vouched, `useless` is why
/// a cookie that came did not help.
pub(in crate::engine) fn instead(
    desk: &mut Desk<'_, '_>,
    (api, lacking, is_optional): (&Api, &[Vec<ProviderId>], bool),
    head: &RequestHead,
    (refusal, useless): (Refusal, Option<Refusal>),
    effects: &mut Vec<Effect>,
) -> Stop {
    let has_login = |id: &ProviderId| {
        desk.config.provider(*id).is_some_and(|provider| provider.login().is_some())
    };
    // Nobody logs in again because the provider does not answer.
    if let Some(useless) = useless.as_ref().filter(|one| one.deny == Deny::LoginUnavailable) {
        return useless.clone().into();
    }
    // A login completes a branch that lacks nothing else.
    let mut ids: Vec<ProviderId> = Vec::new();
    for id in lacking.iter().filter(|lacks| lacks.iter().all(has_login)).flatten() {
        if !ids.contains(id) {
            ids.push(*id);
        }
    }
    if ids.is_empty() {
        return refusal.into();
    }
    let may_send = !is_optional && !api.reports && api.unauthenticated != Unauthenticated::Deny;
    let is_page = match api.unauthenticated {
        Unauthenticated::Redirect => head.method() == b"GET",
        Unauthenticated::Auto | Unauthenticated::Deny => head.is_navigation(),
    };
    let is_sent = may_send && is_page;
    let (config, logins) = (desk.config, desk.logins);
    let here: Vec<At<'_>> = ids.iter().filter_map(|id| logins.at(*id, config, head)).collect();
    let Some(first) = here.first().copied() else {
        if !is_sent {
            return refusal.into();
        }
        let host = String::from_utf8_lossy(head.authority()).into_owned();
        let reason = format!(
            "nobody can log in on the host {}: it is in no `url` of a login of this API",
            crate::verdict::quoted(&host)
        );
        return Refusal::new(Deny::LoginHostUnknown, reason).into();
    };
    let path = return_path(head.path(), &first.login.path);
    if is_sent {
        if here.len() > 1 {
            return choice(&here, &path, head).into();
        }
        return match start::begin(desk, first, head, (&path, false), effects) {
            Ok(reply) => reply.into(),
            Err(Stop::Refuse(refusal)) => refusal.with_login(first.start()).into(),
            Err(stop) => stop,
        };
    }
    let mut refusal = useless.unwrap_or(refusal);
    let start = first.start();
    if head.is_of_htmx() && may_send {
        let mut form = String::new();
        add_to_form("return", &current_page(head, &first), &mut form);
        refusal.headers.push(("hx-redirect", with_query(&start, &form)));
    }
    refusal.login = Some(start.into());
    refusal.into()
}

/// A session that came by its cookie: the provider that it is of, and when it began.
pub(in crate::engine) fn of_session(
    vouched: &[Voucher<'_>],
    owner: ProviderId,
) -> Option<(ProviderId, UnixMillis)> {
    let owner = vouched.iter().find(|one| one.id == owner)?;
    Some((owner.id, owner.login.as_ref()?.opened.session.begun))
}

/// What becomes of a request whose session came by its cookie, and is over by what a policy says. Who has
/// only just logged in is not sent again: the provider says of him that it was long ago.
pub(in crate::engine) fn anew(
    desk: &mut Desk<'_, '_>,
    (api, (id, begun), is_optional): (&Api, (ProviderId, UnixMillis), bool),
    head: &RequestHead,
    refusal: Refusal,
    effects: &mut Vec<Effect>,
) -> Stop {
    let now = desk.env.now;
    let is_new = now.since(begun) < JUST_NOW || begun > now;
    instead(desk, (api, &[vec![id]], is_optional || is_new), head, (refusal, None), effects)
}

/// The page from which htmx sends a request, as far as it is one of this host.
fn current_page(head: &RequestHead, at: &At<'_>) -> String {
    let url = head.first("hx-current-url").and_then(|url| std::str::from_utf8(url).ok());
    let path = url.and_then(|url| url.strip_prefix(at.origin.as_str()));
    return_path(path.unwrap_or("/").as_bytes(), &at.login.path)
}

/// A page with a link to each login.
fn choice(here: &[At<'_>], path: &str, head: &RequestHead) -> Reply {
    let mut form = String::new();
    add_to_form("return", path, &mut form);
    let starts: Vec<String> = here.iter().map(|at| with_query(&at.start(), &form)).collect();
    let all = here.iter().zip(&starts);
    let all: Vec<Choice<'_>> =
        all.map(|(at, start)| Choice { title: &at.login.title, start }).collect();
    page(&LoginPage::Choose(&all), 401, "login_choice", head)
}

/// The page for a refusal, where a person sees it. There may be no login that helps.
pub(in crate::engine) fn offered(refusal: &Refusal, reply: Reply, head: &RequestHead) -> Reply {
    let (code, again) = (refusal.deny.code(), refusal.login.as_deref());
    if (again.is_none() && !LoginPage::tells_of(code)) || !head.is_navigation() {
        return reply;
    }
    let shown = LoginPage::Refused { code, again };
    let mut headers = LoginPage::headers();
    let of_page = |name: &str| headers.iter().any(|(known, _)| *known == name);
    let rest: Vec<_> = reply.headers.into_iter().filter(|(name, _)| !of_page(name)).collect();
    headers.extend(rest);
    Reply { headers, body: shown.render(reply::request_id(head)), ..reply }
}
