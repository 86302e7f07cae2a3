//! Whose requests a limit counts: as the credential says it, and as a service is told.

use std::borrow::Cow;

use serde_json::Value;

use crate::claims::ClaimRef;
use crate::engine::admitted::Permit;
use crate::engine::words::limits as words;
use crate::http::Address;
use crate::ids::digest;
use crate::json;
use crate::policy::LimitBy;
use crate::verdict::{Deny, Refusal};
use crate::wire::to_hex;

/// How many bytes of a hash a service is told.
const HASH_BYTES: usize = 16;

/// What a limit counts by, and the value that this caller has.
///
/// # Errors
///
/// [`Deny::LimitKeyMissing`] where the credential has none.
pub(in crate::engine) fn counted<'p>(
    permit: &'p Permit<'_>,
    by: &LimitBy,
) -> Result<(Cow<'static, str>, Cow<'p, str>), Refusal> {
    let session = permit.session();
    let says = permit.owner().says();
    let missing = |stands: &[ClaimRef]| {
        let found = match says {
            Some((said, _)) => said.claims.useless(stands),
            None => "an API key has no claims".to_owned(),
        };
        let reason = format!("nothing to count the caller by (`limit_by`): {found}");
        Refusal::new(Deny::LimitKeyMissing, reason)
    };
    match by {
        // Not the credential's, and never asked of it.
        LimitBy::Address => Err(words::no_address()),
        LimitBy::Identity => Ok(("identity".into(), Cow::Borrowed(&session.identity))),
        LimitBy::Client => {
            let stands = says.map_or([].as_slice(), |(_, asks)| &asks.client);
            let client = session.client.as_deref().ok_or_else(|| missing(stands))?;
            Ok(("client".into(), Cow::Borrowed(client)))
        }
        LimitBy::Claim(claim) => {
            let name = format!("the claim {claim}");
            match says.and_then(|(said, _)| said.claims.find(claim)) {
                Some(Value::String(text)) if !text.is_empty() => {
                    Ok((name.into(), Cow::Borrowed(text)))
                }
                Some(found @ (Value::Number(_) | Value::Bool(_))) => {
                    Ok((name.into(), json::text(found).into()))
                }
                _ => Err(missing(std::slice::from_ref(claim))),
            }
        }
    }
}

/// What a service is told of a caller: the same in every process, and no name.
pub(in crate::engine) fn of_caller(permit: &Permit<'_>, by: &LimitBy) -> Result<Box<str>, Refusal> {
    let (kind, value) = counted(permit, by)?;
    let session = permit.session();
    let issuer = session.issuer.as_deref().unwrap_or_default();
    Ok(hash(&kind, session.provider.as_str(), issuer, value.as_bytes()))
}

/// The same of an address.
pub(in crate::engine) fn of_address(address: Address) -> Box<str> {
    hash("address", "", "", address.bytes())
}

/// The same of all callers of an API.
pub(in crate::engine) fn of_everyone() -> Box<str> {
    hash("api", "", "", b"all")
}

fn hash(kind: &str, provider: &str, issuer: &str, value: &[u8]) -> Box<str> {
    let fields = [kind.as_bytes(), provider.as_bytes(), issuer.as_bytes(), value];
    to_hex(&digest(&fields), HASH_BYTES).into()
}
