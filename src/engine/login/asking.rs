//! Where a login's provider is asked, and what becomes of a request that has no answer yet.

use std::rc::Rc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::kit::At;
use super::replies::unavailable;
use crate::engine::desk::{Desk, Unanswered};
use crate::engine::parked::Share;
use crate::engine::request::MAX_WAIT;
use crate::engine::stop::{Awaited, Stop};
use crate::event::{CallRequest, CallResponse, SecretBytes};
use crate::http::{RequestHead, Url};
use crate::ids::AskId;
use crate::login::endpoints::Endpoints;
use crate::secret::Secret;

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

/// How often a call is made that brings no answer.
const TRIES: u8 = 2;

/// Least time in which an answer can be hoped for.
const LEAST: Duration = Duration::from_secs(1);

/// Asks the provider for this request alone. Without an answer, or with one of 502 to 504, it is asked once
/// more, for as long as the request can still wait: it has then given nothing that could be lost. `id` is
/// each call's name by its number.
pub(super) fn ask_twice(
    desk: &mut Desk<'_, '_>,
    head: &RequestHead,
    id: impl Fn(u8) -> AskId,
    make: &mut dyn FnMut() -> CallRequest,
) -> Result<Rc<CallResponse>, Unanswered> {
    let left = MAX_WAIT.saturating_sub(desk.waited);
    let mut came = Err(Unanswered::Failed);
    for number in 0..TRIES {
        // The time may be over when the second answer is there.
        if number > 0 && left < LEAST && !is_asked(desk, id(number)) {
            break;
        }
        let make = || {
            let request = make();
            CallRequest { timeout: request.timeout.min(left), ..request }
        };
        came = desk.ask_alone(head, (id(number), Share::Login), make);
        match &came {
            Ok(response) if matches!(response.status, 502..=504) => {}
            Err(Unanswered::Failed) => {}
            _ => break,
        }
    }
    came
}

/// A call that sends a form, and reads so many bytes of the answer.
pub(super) fn post(
    at: At<'_>,
    (url, most): (&Url, usize),
    form: &str,
    authorization: Option<Secret>,
) -> CallRequest {
    let mut request = CallRequest::document(url, &at.login.cluster, at.login.timeout, most);
    request.method = "POST";
    request.headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    request.authorization = authorization;
    request.body = SecretBytes(Zeroizing::new(form.as_bytes().to_vec()));
    request
}

/// Whether a call of this name was made, or is out.
pub(super) fn is_asked(desk: &Desk<'_, '_>, id: AskId) -> bool {
    desk.memo.answer(id).is_some() || desk.outside.calls.is_out(desk.stream, id)
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
