//! What a request shows of a login: the browser's cookies.

use tollgate::config::Config;
use tollgate::engine::{Held, reveal};
use tollgate::provider::login::{Cookie, Login};
use tollgate::provider::{Kind, Provider};
use tollgate::time::UnixMillis;

use crate::moment;

/// The host of the first login, with its port where that is not the usual one: for whoever names none.
pub(super) fn host(config: &Config) -> Option<&str> {
    let origin = logins(config).next()?.urls.first()?;
    origin.as_str().split_once("://").map(|(_, authority)| authority)
}

/// The header that a browser would send: what was read, or the session's cookie of it alone.
///
/// # Errors
///
/// What was read cannot stand in a request, or there is nobody whose cookie it is.
pub(super) fn header(read: &[u8], config: &Config, host: &str) -> Result<String, String> {
    let text = std::str::from_utf8(read).map_err(|_| "the cookie: it is not UTF-8".to_owned())?;
    let text = text.trim();
    let text = match text.split_at_checked("cookie:".len()) {
        Some((name, rest)) if name.eq_ignore_ascii_case("cookie:") => rest.trim(),
        _ => text,
    };
    if text.is_empty() || text.contains(char::is_control) {
        return Err(
            "the cookie: write a `Cookie` header in one line, or a cookie's value".to_owned()
        );
    }
    if text.contains('=') {
        return Ok(text.to_owned());
    }
    let here = logins(config).find(|login| login.origin(host.as_bytes()).is_some());
    match here {
        Some(login) => Ok(format!("{}={text}", login.cookie.name(Cookie::Session))),
        None => {
            Err(format!("the cookie: nobody logs in at the host `{host}`; name one by `--host`"))
        }
    }
}

/// Has no provider asked again for a session, which would spend what the browser shows for that; says for
/// which it would be.
pub(super) fn ask_nobody(
    config: &mut Config,
    (header, host): (&str, &str),
    now: UnixMillis,
) -> Option<String> {
    let names: Vec<_> = logins(config).map(|login| login.cookie.name(Cookie::Session)).collect();
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let shown = pairs.filter(|(name, _)| names.iter().any(|known| known == name));
    let opened =
        shown.filter_map(|(_, value)| reveal(config, Vec::new(), Some(host), value, now).ok());
    let due = opened.filter(|one| one.refused.is_none()).find_map(|one| match one.held {
        Held::Session { asks, .. } => asks.filter(|at| *at <= now),
        _ => None,
    });
    for provider in &mut config.providers {
        if let Kind::Jwt(jwt) = &mut provider.kind
            && let Some(login) = &mut jwt.login
        {
            login.session.refresh = None;
        }
    }
    due.map(|at| {
        let since = moment::rfc3339(at).unwrap_or_default();
        format!(
            "the provider is to be asked again for this session since {since}: in a proxy its answer \
             decides, and here nobody is asked"
        )
    })
}

fn logins(config: &Config) -> impl Iterator<Item = &Login> {
    config.providers.iter().filter_map(Provider::login)
}
