//! What the engine says of a token with a provider's defaults, before any key is looked at.

use tollgate::claims::{Claims, Requirements};
use tollgate::config::Config;
use tollgate::jose::alg::Alg;
use tollgate::jose::jws::Jws;
use tollgate::time::UnixMillis;
use tollgate::trace::Trace;
use tollgate::verdict::{Deny, Refusal, quoted};

/// A reason for which the engine would refuse a token.
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) reason: String,
    pub(super) remedy: String,
}

/// A provider that takes any issuer and audience, so that what is refused is the token's own fault.
const ANY: &str = r#"{ "providers": { "any": { "any_issuer": true, "any_audience": true,
    "jwks": { "url": "https://id.example.com/keys", "cluster": "any" } } } }"#;

/// The reasons, in the order in which the engine would come to them.
pub(super) fn by_default(token: &str, now: UnixMillis) -> Vec<Refused> {
    let jws = match Jws::parse(token.as_bytes()) {
        Ok(jws) => jws,
        Err(refusal) => return vec![refusal.into()],
    };
    let mut all: Vec<Refused> = algorithm(&jws.header().alg).into_iter().map(Into::into).collect();
    let Some(mut asked) = defaults() else { return all };
    match Claims::parse(jws.payload()) {
        Err(refusal) => all.push(refusal.into()),
        Ok(claims) => {
            let (typ, mut trace) = (jws.header().typ.as_deref(), Trace::default());
            while let Err(refusal) = claims.judge(typ, &asked, now, &mut trace) {
                let (deny, refused) = (refusal.deny, Refused::from(refusal));
                // A type that is always refused is refused again.
                if all.last().is_some_and(|last| last.reason == refused.reason) {
                    break;
                }
                all.push(refused);
                if !leave_out(&mut asked, deny) {
                    break;
                }
            }
        }
    }
    all
}

fn defaults() -> Option<Requirements> {
    let config = Config::parse(ANY.as_bytes()).ok()?;
    Some(config.providers.first()?.jwt()?.requirements.clone())
}

fn algorithm(name: &str) -> Option<Refusal> {
    match Alg::parse(name) {
        Some(alg) if alg.by_default() => None,
        Some(alg) if alg.is_symmetric() => {
            let reason = format!("{} needs a secret that the configuration has", alg.name());
            Some(Refusal::new(Deny::TokenAlgorithmRefused, reason))
        }
        Some(alg) => {
            let reason = format!("{} is accepted only where `algorithms` lists it", alg.name());
            Some(Refusal::new(Deny::TokenAlgorithmRefused, reason))
        }
        None => {
            let reason = format!("`alg` is {}, which is never accepted", quoted(name));
            Some(Refusal::new(Deny::TokenAlgorithmRefused, reason))
        }
    }
}

/// Asks no longer for what a token was refused for; false where that cannot be configured.
fn leave_out(asked: &mut Requirements, deny: Deny) -> bool {
    let switch = match deny {
        Deny::TokenTypeRefused => &mut asked.allow_id_tokens,
        Deny::TokenBindingUnsupported => &mut asked.ignore_binding,
        Deny::TokenExpiryMissing => &mut asked.allow_no_expiry,
        _ => return false,
    };
    !std::mem::replace(switch, true)
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.deny.code(),
            remedy: refusal.remedy().to_owned(),
            reason: refusal.reason.clone().into_owned(),
        }
    }
}
