//! A refresh token is given back to the provider (RFC 7009): nobody is to use it any more.

use zeroize::Zeroizing;

use super::asking::post;
use super::kit::At;
use crate::engine::desk::Desk;
use crate::engine::outside::calls::Owner;
use crate::event::CallRequest;
use crate::http::{Url, add_to_form};
use crate::login::endpoints::Endpoints;
use crate::secret::Secret;

/// Longest answer to a revocation that is read, in bytes: none is of use.
const MOST_ANSWER: usize = 1024;

/// Where refresh tokens are given back, if they are.
pub(super) fn endpoint<'e>(at: At<'_>, endpoints: &'e Endpoints) -> Option<&'e Url> {
    endpoints.revocation.as_ref().filter(|_| at.login.logout.revoke)
}

/// Gives a refresh token back. Nobody waits for the answer.
pub(super) fn give_back(desk: &mut Desk<'_, '_>, at: At<'_>, url: &Url, token: &Secret) {
    if let Some(request) = request(desk, at, url, token) {
        desk.outside.calls.make(Owner::Nobody, request);
    }
}

fn request(desk: &Desk<'_, '_>, at: At<'_>, url: &Url, token: &Secret) -> Option<CallRequest> {
    let mut form = Zeroizing::new(String::new());
    add_to_form("token", token.reveal(), &mut form);
    add_to_form("token_type_hint", "refresh_token", &mut form);
    let shown = at.login.client.show(0, &mut form, desk.env).ok()?;
    Some(post(at, (url, MOST_ANSWER), &form, shown))
}
