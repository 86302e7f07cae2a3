//! What browsers and providers hold of a login, opened for an operator who has the keys. Of tokens
//! nothing is told but how long they are.

use zeroize::Zeroizing;

use super::kit::{At, Logins};
use super::{callback, cookies};
use crate::config::Config;
use crate::ids::ProviderId;
use crate::login::attempt::Attempt;
use crate::login::part;
use crate::login::session::{Session, SessionId};
use crate::provider::Provider;
use crate::provider::login::Cookie;
use crate::seal::{Purpose, SealKeys, Unopened};
use crate::time::UnixMillis;
use crate::verdict::{Refusal, quoted};

/// What is sealed, and the cookie with whose name and host it is.
const ALL: [(Purpose, Cookie); 6] = [
    (Purpose::Session, Cookie::Session),
    (Purpose::Refresh, Cookie::Refresh),
    (Purpose::Access, Cookie::Access),
    (Purpose::IdHint, Cookie::Hint),
    (Purpose::LastUse, Cookie::LastUse),
    (Purpose::State, Cookie::Browser),
];

/// What was sealed.
#[derive(Debug)]
pub struct Revealed {
    /// Whose login it is of.
    pub provider: String,
    /// The origin that it is for; one of those that share it where it is for a domain.
    pub on: String,
    /// What it is.
    pub held: Held,
    /// Why the filter would not use it now, as far as it says itself.
    pub refused: Option<Refusal>,
}

/// What it is.
#[derive(Debug)]
pub enum Held {
    /// Who is logged in.
    Session {
        /// As it stands there.
        session: Box<Session>,
        /// When it ends, whatever else happens.
        ends: UnixMillis,
        /// When the provider is asked again; `None` where it is not.
        asks: Option<UnixMillis>,
    },
    /// A token of a session.
    Token {
        /// What it is for.
        what: &'static str,
        /// How long it is, in bytes.
        bytes: usize,
        /// Whose it is.
        of: SessionId,
    },
    /// When a session was last used.
    LastUse {
        /// When.
        at: UnixMillis,
        /// Whose it is.
        of: SessionId,
    },
    /// An attempt to log in: what `state` holds.
    Attempt(Box<Attempt>),
}

/// Opens what is sealed for a login of this configuration, with these secrets in place of its `seal`
/// where there are any. `host` is the only host that it may be for, where one is named.
///
/// # Errors
///
/// Why nobody can open it so, in words that follow "it".
pub fn reveal(
    config: &Config,
    secrets: Vec<Vec<u8>>,
    host: Option<&str>,
    text: &str,
    now: UnixMillis,
) -> Result<Revealed, String> {
    let keys = match secrets.is_empty() {
        true => None,
        false => {
            let secrets = secrets.into_iter().map(Zeroizing::new).collect();
            let keys = SealKeys::new(secrets);
            Some(keys.map_err(|_| {
                "cannot be opened by these keys: they are one to four, different, \
                                   each of 32 bytes or more"
                    .to_owned()
            })?)
        }
    };
    let logins = Logins::new(config);
    let (mut tried, mut why, mut elsewhere) = (Vec::new(), None, None);
    for id in (0..config.providers.len()).map(ProviderId) {
        let Some(login) = config.provider(id).and_then(Provider::login) else { continue };
        for origin in &login.urls {
            let Some(at) = logins.on(id, config, origin.as_str()) else { continue };
            let is_meant = |host: &str| origin.host() == host || origin.is_for(host.as_bytes());
            match opened(at, keys.as_ref().unwrap_or(&at.kit.keys), text) {
                Ok((purpose, record)) if host.is_none_or(is_meant) => {
                    return revealed(at, (purpose, &record), now);
                }
                Ok(_) => elsewhere = Some(origin.as_str()),
                Err(unopened) => why = Some(worse(why, unopened)),
            }
            let client = quoted(&login.client.id);
            tried.push(format!("`{}`, client {client}, at {}", at.provider.name, origin.as_str()));
        }
    }
    Err(match (elsewhere, why) {
        (Some(on), _) => format!("is for {on}, and no other host can use it"),
        (None, None) => "cannot be opened: the configuration has no `login`".to_owned(),
        (None, Some(why @ Unopened::NotAuthentic)) => {
            format!("{} than {}", cookies::unopened(why), tried.join("; "))
        }
        (None, Some(Unopened::Version(_))) => {
            "is none of the filter's, or of another version than this".to_owned()
        }
        (None, Some(why)) => cookies::unopened(why).to_owned(),
    })
}

/// Of two reasons the one that says more: with this key, at least, it was sealed.
fn worse(known: Option<Unopened>, found: Unopened) -> Unopened {
    match (known, found) {
        (Some(Unopened::NotAuthentic), _) => Unopened::NotAuthentic,
        (_, found) => found,
    }
}

/// What something was sealed for, and what is in it.
fn opened(
    at: At<'_>,
    keys: &SealKeys,
    text: &str,
) -> Result<(Purpose, Zeroizing<Vec<u8>>), Unopened> {
    let mut why = Unopened::Form;
    for (purpose, cookie) in ALL {
        match keys.open(purpose, &at.context(cookie), text) {
            Ok(record) => return Ok((purpose, record)),
            Err(unopened) => why = unopened,
        }
    }
    Err(why)
}

fn revealed(
    at: At<'_>,
    (purpose, record): (Purpose, &[u8]),
    now: UnixMillis,
) -> Result<Revealed, String> {
    let token = |what| {
        let (of, token) = part::read_any_token(record)?;
        Some((Held::Token { what, bytes: token.reveal().len(), of }, None))
    };
    let found = match purpose {
        Purpose::Session => session(at, record, now),
        Purpose::Refresh => token("refresh token"),
        Purpose::Access => token("access token"),
        Purpose::IdHint => token("ID token"),
        Purpose::LastUse => {
            part::read_any_last_use(record).map(|(of, at)| (Held::LastUse { at, of }, None))
        }
        Purpose::State => Attempt::read(record).map(|attempt| {
            let judged = attempt.judge(now, at.skew(), at.origin.as_str(), Some(attempt.browser));
            let refused = judged.err().map(callback::not_redeemed);
            (Held::Attempt(Box::new(attempt)), refused)
        }),
        Purpose::Published => None,
    };
    let (held, refused) = found.ok_or("is of another version than this")?;
    let (provider, on) = (at.provider.name.to_string(), at.origin.as_str().to_owned());
    Ok(Revealed { provider, on, held, refused })
}

fn session(at: At<'_>, record: &[u8], now: UnixMillis) -> Option<(Held, Option<Refusal>)> {
    // Whatever its times are: whether they can be is the filter's to say.
    let session = Session::read(record, UnixMillis::MAX, at.skew()).ok()?;
    let judged = cookies::believed(at, record, now);
    let refused = judged.and_then(|session| cookies::lives(at, &session, None, now)).err();
    let ends = session.end(&at.kit.terms);
    let is_asked = at.login.session.refresh.is_some() && session.is_renewable;
    let asks = is_asked.then(|| session.renewed.after(session.expires_in));
    Some((Held::Session { session: Box::new(session), ends, asks }, refused))
}
