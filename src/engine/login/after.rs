//! What goes upstream for a session, and what the answer says to its browser.

use super::cookies;
use crate::claims::HeaderValue;
use crate::engine::admitted::Permit;
use crate::engine::request::Memo;
use crate::engine::voucher::LoggedIn;
use crate::env::Env;
use crate::event::Headers;
use crate::http::RequestHead;
use crate::login::part;
use crate::provider::login::Cookie;
use crate::seal::Purpose;

/// The tokens that go upstream for a session, and in which headers. None does that is past what the
/// provider said of it.
pub(in crate::engine) fn forwarded<'c>(
    LoggedIn { at, opened, renewed, is_past }: &LoggedIn<'c>,
    head: &RequestHead,
) -> Vec<(&'c str, HeaderValue)> {
    let both = [
        (&at.login.forward_access_token, Cookie::Access),
        (&at.login.forward_id_token, Cookie::Hint),
    ];
    let mut all = Vec::new();
    for (name, cookie) in both {
        let Some(name) = name else { continue };
        let token = cookies::token((*at, cookie), &opened.session, head, renewed.as_deref());
        let Some(token) = token else { continue };
        let scheme = if &**name == "authorization" { "Bearer " } else { "" };
        let value = match is_past {
            true => HeaderValue::Unsafe,
            false => HeaderValue::Value([scheme, token.reveal()].concat().into_bytes()),
        };
        all.push((&**name, value));
    }
    all
}

/// What the answer of an application says to one who logged in.
#[derive(Debug, Default)]
pub(in crate::engine) struct After {
    /// What stands in place of what the application says; an empty value is nothing in its place.
    pub(in crate::engine) set: Headers,
    /// The cookies that are written anew.
    pub(in crate::engine) append: Headers,
    /// What is said where the application says nothing.
    pub(in crate::engine) absent: Headers,
}

impl After {
    /// Those cookies alone that were renewed for a request.
    pub(in crate::engine) fn renewed(memo: &Memo) -> Self {
        let append: Headers = set_cookies(memo).collect();
        let set = if append.is_empty() { Headers::new() } else { uncached() };
        Self { set, append, absent: Headers::new() }
    }
}

/// The cookies that were renewed for a request, as an answer sets them.
pub(in crate::engine) fn set_cookies(memo: &Memo) -> impl Iterator<Item = (&'static str, String)> {
    let all = memo.renewed.iter().flat_map(|(_, cookies)| cookies.iter());
    all.map(|cookie| ("set-cookie", cookie.clone()))
}

/// Nobody keeps an answer with cookies: shared caches look at these fields before `Cache-Control`.
fn uncached() -> Headers {
    let gone = ["expires", "surrogate-control", "cdn-cache-control"];
    let mut set = vec![("cache-control", "private, no-store".to_owned())];
    set.extend(gone.map(|name| (name, String::new())));
    set
}

/// What the answer to a request that may pass says besides: the cookies that were renewed for it, when a
/// session was last used, on navigations, and that nobody else is to have the answer (RFC 9111 §3.5 does
/// not keep shared caches from it).
pub(in crate::engine) fn after(
    permit: Option<&Permit<'_>>,
    memo: &Memo,
    head: &RequestHead,
    env: &Env<'_>,
) -> After {
    let mut after = After::renewed(memo);
    let vouchers = permit.into_iter().flat_map(Permit::vouchers);
    for LoggedIn { at, opened, renewed, .. } in
        vouchers.filter_map(|voucher| voucher.login.as_ref())
    {
        let session = &opened.session;
        if after.absent.is_empty() && after.set.is_empty() {
            after.absent.push(("cache-control", "private".to_owned()));
        }
        let terms = &at.kit.terms;
        if terms.idle.is_none() || !head.is_navigation() {
            continue;
        }
        let last = cookies::last_use(*at, session, head, renewed.as_deref(), env);
        if !part::is_use_due(last, env.now) {
            continue;
        }
        let (context, plain) =
            (at.context(Cookie::LastUse), part::write_last_use(session.id, env.now));
        let sealed = at.kit.keys.seal(Purpose::LastUse, &context, &plain, env.random).ok();
        let lasts = session.end(terms).since(env.now);
        let cookie = at.cookie(Cookie::LastUse, "/");
        if let Some(value) = sealed.and_then(|value| cookie.set(&value, lasts).ok()) {
            after.append.push(("set-cookie", value));
            (after.set, after.absent) = (uncached(), Headers::new());
        }
    }
    after
}
