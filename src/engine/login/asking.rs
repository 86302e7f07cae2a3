//! Where a login's provider is asked, and what becomes of a request that has no answer yet.

use super::kit::At;
use super::replies::unavailable;
use crate::engine::desk::{Desk, Unanswered};
use crate::engine::stop::{Awaited, Stop};
use crate::http::RequestHead;
use crate::login::endpoints::Endpoints;

/// Where the endpoints are.
///
/// # Errors
///
/// A wait, where they are discovered; [`Deny::LoginUnavailable`] where they cannot be used.
pub(in crate::engine) fn endpoints(
    at: At<'_>,
    desk: &Desk<'_, '_>,
    head: &RequestHead,
) -> Result<Endpoints, Stop> {
    let ring = at.jwt.keys.of_login();
    let found = ring.and_then(|id| desk.outside.rings.get(id.0));
    match (at.login.endpoints(found.and_then(|ring| ring.login())), ring) {
        (Some(Ok(endpoints)), _) => Ok(endpoints.into_owned()),
        (Some(Err(wrong)), _) => Err(unavailable(format!(
            "the discovery document of provider `{}` cannot be used: {wrong}",
            at.provider.name
        ))
        .into()),
        (None, Some(ring)) if !desk.patience.is_used() && desk.may_wait(head).is_ok() => {
            Err(Awaited::Ring(ring).into())
        }
        (None, _) => Err(unavailable(format!(
            "the endpoints of provider `{}` are not known: its discovery document has not come",
            at.provider.name
        ))
        .into()),
    }
}

/// What stops a login whose provider has not answered yet, or not at all.
pub(in crate::engine) fn unanswered(why: &Unanswered, what: &str) -> Stop {
    match why {
        Unanswered::Pending(awaited) => awaited.clone().into(),
        Unanswered::Crowded => unavailable("too many requests wait").into(),
        Unanswered::Failed | Unanswered::Overdue => {
            unavailable(format!("the {what} endpoint gave no answer")).into()
        }
    }
}
