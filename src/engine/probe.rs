//! A second thing to wait for, beside keys: for tests alone, and in no module that is shipped.
//!
//! A request says by its header `x-probe` what it waits for: elements of when, what and an id, such as
//! `before-shared-1, after-alone-2`. A status of 200 lets it go on, 202 answers it, any other refuses it.

use std::rc::Rc;
use std::time::Duration;

use super::desk::{Desk, Unanswered};
use super::outside::Outside;
use super::outside::asks::Question;
use super::parked::Share;
use super::request::MAX_WAIT;
use super::stop::{Awaited, Stop};
use crate::event::{CallRequest, CallResponse, Effect, Reply, Section};
use crate::http::{Fields, RequestHead, Url, elements};
use crate::ids::{AskId, digest};
use crate::verdict::{Deny, Refusal};

/// How long a request waits for what another worker does, before it asks by itself.
const ELSEWHERE: Duration = Duration::from_secs(2);
/// The longest body that is of use, in bytes.
const MAX_BODY: usize = 64;

/// When a request waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum When {
    /// Once it was charged.
    After,
    /// Before it is admitted.
    Before,
}

/// Asks a question that no request waits for.
pub(super) fn begin(outside: &mut Outside, id: &str) {
    let _ = outside.asks.begin(question("shared", id), &mut outside.calls);
}

fn question(kind: &str, id: &str) -> Question {
    let url =
        Url { secure: false, authority: "probe".into(), path: format!("/{kind}/{id}").into() };
    Question {
        id: AskId(digest(&[b"tollgate probe", kind.as_bytes(), id.as_bytes()])),
        request: CallRequest::document(&url, "probe", Duration::from_secs(2), MAX_BODY),
        keep: Duration::from_secs(1),
        back_off: Duration::from_secs(1),
    }
}

/// Asks everything that a request asks at this time.
pub(super) fn ask(
    desk: &mut Desk<'_, '_>,
    head: &RequestHead,
    now: When,
    effects: &mut Vec<Effect>,
) -> Result<(), Stop> {
    for element in head.values("x-probe").flat_map(elements) {
        let text = String::from_utf8_lossy(element);
        let mut parts = text.splitn(3, '-');
        let (when, kind, id) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
        let when = match when {
            Some("after") => When::After,
            Some("before") => When::Before,
            _ => continue,
        };
        if when != now {
            continue;
        }
        let kind = kind.unwrap_or_default();
        let answered = match kind {
            "cookie" => {
                let append = ["probe-a=1", "probe-b=2"].map(|one| ("set-cookie", one.to_owned()));
                let (stream, append) = (desk.stream, append.to_vec());
                effects.push(Effect::ResponseHeaders {
                    stream,
                    set: Vec::new(),
                    append,
                    absent: Vec::new(),
                });
                continue;
            }
            "alone" => {
                let Question { id, request, .. } = question(kind, id);
                desk.ask_alone(head, (id, Share::Others), || request)
            }
            "body" => match desk.body(head, (MAX_BODY, MAX_WAIT), effects) {
                Ok(Some(body)) if !body.starts_with(b"no") => continue,
                Ok(_) => return Err(refusal(Deny::AccessDenied, "the body says no").into()),
                Err(why) => Err(why),
            },
            "elsewhere" => match elsewhere(desk, head, id) {
                Ok(true) => continue,
                Ok(false) => desk.ask(head, question("shared", id)),
                Err(why) => Err(why),
            },
            _ => desk.ask(head, question("shared", id)),
        };
        judge(answered)?;
    }
    Ok(())
}

/// The cookies of an upstream's answer that nobody is to see.
pub(super) fn unwanted(section: Section, fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    let is_it = |(name, value): &(&[u8], &[u8])| {
        section == Section::ResponseHeaders
            && name.eq_ignore_ascii_case(b"set-cookie")
            && value.starts_with(b"probe-gone=")
    };
    fields.iter().filter(is_it).map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

/// Whether another worker has done what is waited for; `false` where it took too long.
fn elsewhere(desk: &Desk<'_, '_>, head: &RequestHead, id: &str) -> Result<bool, Unanswered> {
    let key: Rc<str> = format!("tg1/probe/{id}").into();
    if desk.env.shared.get(&key).value.is_some() {
        return Ok(true);
    }
    let left = ELSEWHERE.saturating_sub(desk.waited);
    if left.is_zero() {
        return Ok(false);
    }
    desk.may_wait(head)?;
    Err(Unanswered::Pending(Awaited::Elsewhere(key, desk.env.now.after(left))))
}

fn judge(answered: Result<Rc<CallResponse>, Unanswered>) -> Result<(), Stop> {
    match answered {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) if response.status == 202 => Err(Stop::from(Reply {
            status: 202,
            grpc_status: None,
            details: "tollgate_probe".to_owned(),
            headers: Vec::new(),
            body: "answered".to_owned(),
        })),
        Ok(_) => Err(refusal(Deny::AccessDenied, "the probe says no").into()),
        Err(Unanswered::Crowded) => Err(refusal(Deny::Overloaded, "too many wait").into()),
        Err(Unanswered::Failed) => Err(refusal(Deny::KeysUnavailable, "no answer").into()),
        Err(Unanswered::Overdue) => Err(refusal(Deny::KeysUnavailable, "too late").into()),
        Err(Unanswered::Pending(awaited)) => Err(awaited.into()),
    }
}

fn refusal(deny: Deny, why: &'static str) -> Refusal {
    Refusal::new(deny, why)
}
