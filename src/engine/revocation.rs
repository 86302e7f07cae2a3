//! Whether a credential that is good was revoked: asked for every request, also where the token was
//! verified before.

use sha2::{Digest as _, Sha256};

use super::fetched;
use super::voucher::{Proof, Vouched};
use crate::env::Env;
use crate::jose::twin;
use crate::revoked::{Facts, Key, Revocations, Revoked, Subject};
use crate::time::UnixMillis;
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Step};

/// Refuses what any of the credentials is on a list for.
pub(super) fn judge<'v, 'c: 'v>(
    revocations: &Revocations,
    vouched: impl IntoIterator<Item = &'v Vouched<'c>>,
    env: &Env<'_>,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    if revocations.is_empty() {
        trace.skipped(Step::Session, "`revoked`", || "there is no list".to_owned());
        return Ok(());
    }
    for one in vouched {
        if revocations.names_jtis()
            && let Some(token) = one.token()
        {
            token.claims.check_text("jti")?;
        }
        let facts = facts(one, revocations.names_tokens());
        let twin = if facts.token.is_some() { twin(one) } else { None };
        let judged = revocations.judge(&facts, env.now).and_then(|()| match twin {
            // The list names whichever of the two its writer saw.
            Some(_) => revocations.judge(&Facts { token: twin, ..facts }, env.now),
            None => Ok(()),
        });
        let Err(revoked) = judged else { continue };
        let provider = &one.config.name;
        return Err(match revoked {
            Revoked::Listed(deny) => Refusal::new(
                deny,
                match deny {
                    Deny::SessionInactive => {
                        format!(
                            "this identity of provider `{provider}` is on a list of revocations"
                        )
                    }
                    _ => format!(
                        "this credential of provider `{provider}` is on a list of revocations, or \
                         older than one allows"
                    ),
                },
            ),
            Revoked::Unknown(wait) => {
                Refusal { retry_after: Some(wait), ..stale(revocations, env.now) }
            }
        });
    }
    trace.passed(Step::Session, "`revoked`", || match revocations.fetched_entries() {
        Some(count) => format!("on no list; the fetched one has {count} entries"),
        None => "on no list".to_owned(),
    });
    Ok(())
}

/// That there is no list to rely upon, and what the last attempt to fetch one brought.
fn stale(revocations: &Revocations, now: UnixMillis) -> Refusal {
    let reason = "there is no list of revocations that is fresh enough";
    let fetched = revocations.source().zip(revocations.standing(now));
    let Some((source, standing)) = fetched else {
        return Refusal::new(Deny::RevocationsStale, reason);
    };
    let is_loaded = revocations.fetched_entries().is_some();
    let told = fetched::told(&standing, is_loaded, (&source.url, &source.cluster), now);
    let failure = standing.failure.filter(|_| standing.failing);
    Refusal {
        remedy: failure.map(|failure| fetched::list_remedy(failure.kind, source)),
        ..Refusal::new(Deny::RevocationsStale, format!("{reason}; the list: {told}"))
    }
}

/// What a list may say of a credential; hashed once for each that this worker knows.
fn facts(vouched: &Vouched<'_>, with_token: bool) -> Facts {
    let provider = vouched.config.name.as_str();
    let identity = |identity| Key::new(provider, Subject::Identity(identity));
    match &vouched.proof {
        Proof::Key(key, used) => Facts {
            identity: *used.revocable.get_or_init(|| identity(&key.identity)),
            jti: None,
            token: None,
            issued: None,
        },
        Proof::Token(token) => {
            let of_claims = || Facts {
                identity: identity(&token.judged.identity),
                jti: token.claims.text("jti").map(|jti| Key::new(provider, Subject::Jti(jti))),
                token: None,
                issued: token.claims.issued(),
            };
            let digest = || of_token(provider, &token.token);
            let facts = *token.revocable.get_or_init(of_claims);
            Facts { token: with_token.then(|| *token.digest.get_or_init(digest)), ..facts }
        }
    }
}

/// What a list may call the other spelling of a token.
fn twin(vouched: &Vouched<'_>) -> Option<Key> {
    let token = vouched.token()?;
    *token.twin.get_or_init(|| {
        let twin = twin::of(&token.token, token.alg)?;
        Some(of_token(vouched.config.name.as_str(), &twin))
    })
}

fn of_token(provider: &str, token: &[u8]) -> Key {
    Key::new(provider, Subject::Token(&Sha256::digest(token).into()))
}
