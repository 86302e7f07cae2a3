//! What is worth knowing of a login, and nothing to change: for whoever checks a configuration before
//! it is loaded.

use std::time::Duration;

use crate::config::code::Code;
use crate::config::duration::spelt;
use crate::config::problems::Problems;
use crate::config::raw::login::{RawLogin, RawLoginSession};
use crate::config::read::{At, Text};
use crate::http::Url;
use crate::time::millis;

/// What `tollgate init` writes where no client's id is known.
const TO_BE_WRITTEN: &str = "CLIENT_ID";
/// How long tokens of most providers live.
const TOKENS_LAST: u64 = 3600;
/// How long the result of a refresh is kept at most, in seconds.
const RESULT_LASTS: u64 = 600;

/// Says each thing once.
pub(super) fn check(raw: &At<RawLogin>, issuers: &[At<Text>], problems: &mut Problems<'_>) {
    let session = raw.session.given().map(|session| &session.value);
    let default = RawLoginSession::default();
    let session = session.unwrap_or(&default);
    if let Some(id) = raw.client.given().and_then(|client| client.id.given())
        && &***id == TO_BE_WRITTEN
    {
        problems.note(
            Code::LoginNote,
            id.at,
            "is still the word that `tollgate init` leaves for the client's id: write the one that the \
             provider has given",
        );
    }
    if raw.back_channel.value {
        problems.note(
            Code::LoginNote,
            raw.back_channel.at().unwrap_or(raw.at),
            "what the provider says of a session's end is known to one proxy: others learn of it at the \
             session's next refresh",
        );
    }
    if !session.refresh.value {
        return;
    }
    let asks = raw.scopes.value.items.iter().any(|scope| &*scope.value.0 == "offline_access");
    let at = session.refresh.at().unwrap_or(raw.at);
    if let Some((note, is_given)) = refresh_token(raw, issuers).filter(|_| !asks) {
        problems.note(Code::RefreshUnasked, at, note);
        // What is to be known of refreshes comes with the first token.
        if !is_given {
            return;
        }
    }
    let grace = session.grace.value.duration();
    if grace > Duration::ZERO {
        problems.note(
            Code::LoginNote,
            session.grace.at().unwrap_or(raw.at),
            format_args!(
                "while the provider cannot be asked, a session lives {} past the end of what it said \
                 last, and so does that of somebody who was shut out there",
                spelt(millis(grace))
            ),
        );
    }
    problems.note(
        Code::LoginNote,
        raw.at,
        "that a session is being refreshed is known to one proxy: another may ask at the same moment",
    );
    problems.note(
        Code::LoginNote,
        raw.at,
        "where the provider changes refresh tokens at each use and takes a second use for theft, two \
         proxies may refresh one session at once: let it take the old one for some seconds, or let a \
         load balancer keep a browser at one proxy",
    );
    let capacity = u64::from(raw.capacity.value.0);
    let slots = u64::from(raw.capacity.value.0 >> 6).max(256);
    let lasts = slots.saturating_mul(TOKENS_LAST).checked_div(capacity).unwrap_or(RESULT_LASTS);
    problems.note(
        Code::LoginNote,
        raw.capacity.at().unwrap_or(raw.at),
        format_args!(
            "at {capacity} sessions whose tokens live for 1h, what a refresh brought is kept for about \
             {}s for requests that still show the old cookies",
            lasts.min(RESULT_LASTS)
        ),
    );
}

/// How the provider has to be asked for a refresh token, where it is known or nobody can tell; and whether
/// it gives one as it is asked now.
fn refresh_token(raw: &RawLogin, issuers: &[At<Text>]) -> Option<(&'static str, bool)> {
    const ASKED_FOR: [&str; 6] = [
        ".okta.com",
        ".oktapreview.com",
        ".okta-emea.com",
        ".auth0.com",
        ".b2clogin.com",
        ".ciamlogin.com",
    ];
    let issuer = issuers.first().and_then(|issuer| Url::parse(issuer).ok());
    let host = issuer.as_ref().map_or("", Url::host);
    let is_entra = matches!(host, "login.microsoftonline.com" | "sts.windows.net");
    if is_entra || ASKED_FOR.iter().any(|domain| host.ends_with(domain)) {
        return Some((
            "this provider gives a refresh token only to who asks for `offline_access`: add it to `scopes`, or \
             a session lives to `session.max`, unasked",
            false,
        ));
    }
    if host == "accounts.google.com" {
        let parameters = raw.authorize.given().map_or(&[][..], |map| &map.0);
        let is_asked = parameters.iter().any(|entry| &*entry.name.value == "access_type");
        return (!is_asked).then_some((
            "Google gives a refresh token for \"authorize\": {\"access_type\": \"offline\", \"prompt\": \
             \"consent\"}, and knows no `offline_access`; without one a session lives to `session.max`, unasked",
            false,
        ));
    }
    if issuer.is_some_and(|url| url.path.contains("/realms/")) {
        return Some((
            "Keycloak gives a refresh token without `offline_access`, which ends with its own session; \
             with it the session outlives that",
            true,
        ));
    }
    Some((
        "most providers give a refresh token only to who asks for `offline_access`, some of them only with \
         \"authorize\": {\"prompt\": \"consent\"} beside it: add it to `scopes`, or a session lives to \
         `session.max`, unasked",
        false,
    ))
}
