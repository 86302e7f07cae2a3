//! What a login answers: pages, redirects, and why there is neither.

use std::time::Duration;

use crate::engine::reply;
use crate::env::Random;
use crate::event::{Headers, Reply};
use crate::http::RequestHead;
use crate::page::login::{LoginPage, redirected};
use crate::verdict::{Deny, Refusal};

/// An answer that shows a page.
pub(in crate::engine) fn page(
    page: &LoginPage<'_>,
    status: u16,
    details: &str,
    head: &RequestHead,
) -> Reply {
    let (headers, body) = (LoginPage::headers(), page.render(reply::request_id(head)));
    Reply { status, grpc_status: None, details: reply::details(details), headers, body }
}

/// An answer that sends a browser elsewhere: behind a request that was redirected by `status`.
pub(in crate::engine) fn redirect(
    status: u16,
    details: &str,
    to: String,
    set: Vec<String>,
) -> Reply {
    let mut headers = redirected(to);
    headers.extend(set.into_iter().map(|cookie| ("set-cookie", cookie)));
    let details = reply::details(details);
    Reply { status, grpc_status: None, details, headers, body: String::new() }
}

pub(in crate::engine) fn plain(status: u16, details: &str, mut headers: Headers) -> Reply {
    headers.push(("cache-control", "no-store".to_owned()));
    let details = reply::details(details);
    Reply { status, grpc_status: None, details, headers, body: String::new() }
}

pub(in crate::engine) fn not_allowed(methods: &str) -> Reply {
    plain(405, "login_method", vec![("allow", methods.to_owned())])
}

pub(in crate::engine) fn unavailable(reason: impl Into<String>) -> Refusal {
    let refusal = Refusal::new(Deny::LoginUnavailable, reason.into());
    refusal.with_retry_after(Some(Duration::from_secs(1)))
}

/// No randomness: nothing can be sealed.
pub(in crate::engine) fn no_randomness() -> Refusal {
    Refusal::new(Deny::Internal, "the host has no randomness")
}

/// A random number of a session.
pub(in crate::engine) fn drawn(random: &dyn Random) -> Result<[u8; 16], Refusal> {
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| no_randomness())?;
    Ok(id)
}

/// The client cannot show who it is.
pub(in crate::engine) fn unsigned() -> Refusal {
    Refusal::new(
        Deny::LoginClientRefused,
        "the client cannot sign its assertion: the proxy does not sign with this key",
    )
}
