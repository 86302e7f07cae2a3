//! From credentials to vouchers. The only place that asks which kind a provider is.

mod api_key;
pub(super) mod cookie;
mod introspection;
pub(super) mod jwt;
mod signature;

use super::credential::{Presented, challenging};
use super::desk::Desk;
use super::stop::Stop;
use super::trail::Trail;
use super::voucher::Voucher;
use crate::http::RequestHead;
use crate::ids::ProviderId;
use crate::provider::Kind;
use crate::verdict::Refusal;
use cookie::Shown;
use introspection::Whose;

/// A credential of one of the providers that read its place, and what is still to be done.
enum Own<'c, 't> {
    /// Nothing.
    Good(Voucher<'c>),
    /// It is a token that a provider is asked about.
    Asked(introspection::Token<'c, 't>),
    /// It is a token, to be judged.
    Token(jwt::Token<'c, 't>),
}

/// Judges every credential that was presented to the API's `members`. A bad one refuses the request,
/// whichever branch it belongs to, also where another one would have to wait.
///
/// # Errors
///
/// The first refusal, else the first wait.
pub(super) fn all<'c>(
    desk: &mut Desk<'_, 'c>,
    members: &[ProviderId],
    presented: &[Presented<'_>],
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Vec<Voucher<'c>>, Stop> {
    let mut own = Vec::with_capacity(presented.len());
    for one in presented {
        own.extend(take(desk, members, one, trail)?);
    }
    let mut vouched = Vec::with_capacity(own.len());
    let mut waits = None;
    for one in own {
        let judged = match one {
            Own::Good(voucher) => Ok(voucher),
            Own::Asked(token) => introspection::judge(desk, &token, head, trail),
            Own::Token(token) => jwt::judge(desk, token, trail),
        };
        match judged {
            Ok(voucher) => vouched.push(voucher),
            Err(Stop::Wait(awaited)) => waits = waits.or(Some(awaited)),
            Err(stop) => return Err(stop),
        }
    }
    match waits {
        Some(awaited) => Err(Stop::Wait(awaited)),
        None => Ok(vouched),
    }
}

/// Adds the vouchers of sessions whose cookies came, where the request shows their providers nothing else.
/// What it returns is why a cookie that came did not help.
///
/// # Errors
///
/// See [`cookie::judge`].
pub(super) fn by_cookie<'c>(
    desk: &mut Desk<'_, 'c>,
    (members, presented): (&[ProviderId], &[Presented<'_>]),
    vouched: &mut Vec<Voucher<'c>>,
    head: &RequestHead,
    trail: &mut Trail,
) -> Result<Option<Refusal>, Stop> {
    let (config, logins) = (desk.config, desk.logins);
    let mut useless = None;
    if logins.is_empty() {
        return Ok(useless);
    }
    for id in members.iter().copied() {
        let Some(at) = logins.at(id, config, head) else { continue };
        let is_shown = presented.iter().any(|one| {
            let readers = one.spot.readers();
            readers.contains(&id) && !vouched.iter().any(|voucher| readers.contains(&voucher.id))
        });
        if is_shown || vouched.iter().any(|voucher| voucher.id == id) {
            continue;
        }
        match cookie::judge(desk, at, head, trail)? {
            Shown::Absent => {}
            Shown::Good(voucher) => vouched.push(voucher),
            Shown::Useless(refusal) => {
                useless = useless.or(Some(challenging(refusal, at.provider)));
            }
        }
    }
    Ok(useless)
}

/// Finds out what is cheap to know of a credential; `None` where it belongs to none of its readers.
fn take<'c, 't>(
    desk: &mut Desk<'_, 'c>,
    members: &[ProviderId],
    presented: &'t Presented<'_>,
    trail: &mut Trail,
) -> Result<Option<Own<'c, 't>>, Refusal> {
    // API keys have a place for themselves: the configuration is refused otherwise.
    let first = presented.spot.readers().first().copied();
    let first = first.and_then(|id| Some((id, desk.config.provider(id)?)));
    let Some((id, provider)) = first else { return Ok(None) };
    if let Kind::ApiKey(keys) = &provider.kind {
        trail.enter(Some(&provider.name));
        return api_key::judge(&presented.token, (id, provider), keys, desk, trail)
            .map(|voucher| Some(Own::Good(voucher)))
            .map_err(|refusal| challenging(refusal, provider));
    }
    if presented.spot.is_introspected() {
        match introspection::take(desk, presented, trail)? {
            Whose::Asked(token) => return Ok(Some(Own::Asked(token))),
            Whose::Jwt => {}
        }
    }
    Ok(jwt::take(desk, members, presented, trail)?.map(Own::Token))
}
