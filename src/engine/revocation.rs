//! Whether a good credential was revoked. This is asked for every request, also where the token was
//! verified before.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::voucher::{Known, Said, Voucher};
use super::words::{narrate, reason};
use crate::claims::Claims;
use crate::env::Env;
use crate::ids::Name;
use crate::jose::twin;
use crate::login::session::Session;
use crate::revoked::{Facts, Key, Revocations, Revoked, Subject};
use crate::time::UnixMillis;
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Step};

/// Refuses the request where a list names any of its credentials.
pub(super) fn judge<'v, 'c: 'v>(
    revocations: &Revocations,
    vouched: impl IntoIterator<Item = &'v Voucher<'c>>,
    env: &Env<'_>,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    if revocations.is_empty() {
        trace.skipped(Step::Session, "`revoked`", || "there is no list".to_owned());
        return Ok(());
    }
    for one in vouched {
        if revocations.names_jtis()
            && let Some(said) = &one.known.says
        {
            said.claims.check_text("jti")?;
        }
        let facts = facts(one, revocations.names_tokens());
        let twin = if facts.token.is_some() { twin(one) } else { None };
        let judged = revocations.judge(&facts, env.now).and_then(|()| match twin {
            // Whoever wrote the list has seen one of the two spellings.
            Some(_) => revocations.judge(&Facts { token: twin, ..facts }, env.now),
            None => Ok(()),
        });
        let Err(revoked) = judged else { continue };
        let provider = &one.provider.name;
        return Err(match revoked {
            Revoked::Listed(deny) => reason::revoked(deny, provider),
            Revoked::Unknown(wait) => {
                reason::revocations_stale(revocations, env.now).with_retry_after(Some(wait))
            }
        });
    }
    narrate::not_revoked(revocations.fetched_entries(), trace);
    Ok(())
}

/// Whether a list has ended the session of this cookie: whoever signs in again has another. Of an
/// identity that is on a list with whatever it shows nothing is said here.
///
/// # Errors
///
/// [`Deny::LoginEnded`].
pub(super) fn judge_cookie(
    revocations: &Revocations,
    (provider, known, session): (&Name, &Known, &Session),
    env: &Env<'_>,
) -> Result<(), Refusal> {
    if revocations.is_empty() {
        return Ok(());
    }
    let facts = own_facts(provider.as_str(), known, Some(session));
    not_ended(revocations, &facts, provider, env)
}

/// The same of a session that has no cookie yet.
///
/// # Errors
///
/// [`Deny::LoginEnded`].
pub(super) fn judge_login(
    revocations: &Revocations,
    (provider, session): (&Name, &Session),
    env: &Env<'_>,
) -> Result<(), Refusal> {
    if revocations.is_empty() {
        return Ok(());
    }
    let (claims, name) = (session.claims(), provider.as_str());
    let facts = Facts {
        identity: Key::new(name, Subject::Identity(&session.identity)),
        jti: claims.text("jti").map(|jti| Key::new(name, Subject::Jti(jti))),
        token: None,
        session: of_login(name, session),
        issued: Some(UnixMillis::from_secs(session.begun.secs())),
    };
    not_ended(revocations, &facts, provider, env)
}

fn not_ended(
    revocations: &Revocations,
    facts: &Facts,
    provider: &Name,
    env: &Env<'_>,
) -> Result<(), Refusal> {
    match revocations.judge(facts, env.now) {
        Err(Revoked::Listed(Deny::TokenRevoked)) => Err(reason::login_revoked(provider)),
        _ => Ok(()),
    }
}

/// By what a list may name a credential.
fn facts(voucher: &Voucher<'_>, with_token: bool) -> Facts {
    let provider = voucher.provider.name.as_str();
    let known = &voucher.known;
    let said = known.says.as_ref().filter(|_| with_token);
    let digest = |said: &Rc<Said>| *said.digest.get_or_init(|| of_token(provider, &said.token));
    let session = voucher.login.as_ref().map(|login| &login.opened.session);
    Facts { token: said.map(digest), ..own_facts(provider, known, session) }
}

/// The same without the token itself; hashed once for each credential that this worker knows.
fn own_facts(provider: &str, known: &Known, session: Option<&Session>) -> Facts {
    let facts = || {
        let claims = known.says.as_ref().map(|said| &said.claims);
        let jti = claims.and_then(|claims| claims.text("jti"));
        Box::new(Facts {
            identity: Key::new(provider, Subject::Identity(&known.who.identity)),
            jti: jti.map(|jti| Key::new(provider, Subject::Jti(jti))),
            token: None,
            session: session.and_then(|session| of_login(provider, session)),
            issued: claims.and_then(Claims::issued),
        })
    };
    **known.revocable.get_or_init(facts)
}

/// By what a list may name the token's other spelling.
fn twin(voucher: &Voucher<'_>) -> Option<Key> {
    let said = voucher.known.says.as_ref()?;
    *said.twin.get_or_init(|| {
        let twin = twin::of(&said.token, said.alg?)?;
        Some(of_token(voucher.provider.name.as_str(), &twin))
    })
}

/// By what a list may name the session of a login.
fn of_login(provider: &str, session: &Session) -> Option<Key> {
    session.sid.as_deref().map(|sid| Key::new(provider, Subject::Session(sid)))
}

fn of_token(provider: &str, token: &[u8]) -> Key {
    Key::new(provider, Subject::Token(&Sha256::digest(token).into()))
}
