//! Keys that stand at the provider: `pem` and `secret`.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::credential::RawSecret;
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, Field, Text, items};
use crate::jose::alg::{Alg, AlgSet};
use crate::jose::jwk::KeySet;
use crate::verdict::quoted;

/// The keys of `pem`; `None` where it is wrong.
pub(super) fn pem(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> Option<Arc<KeySet>> {
    let pem = raw.pem.given()?;
    match KeySet::from_pem(&pem.value.0) {
        Ok(set) => Some(Arc::new(set)),
        Err(error) => {
            problems.refuse(Code::KeySetUnusable, pem.at, error.to_string());
            None
        }
    }
}

/// The key of `secret`; `None` where it is wrong.
pub(super) fn secret(
    raw: &At<RawProvider>,
    algorithms: AlgSet,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Arc<KeySet>> {
    let secret = raw.secret.given()?;
    check_algorithms(raw, secret.at, problems);
    let bytes = bytes(secret, variables, problems)?;
    let lengths = [(Alg::Hs512, 64), (Alg::Hs384, 48), (Alg::Hs256, 32)];
    let named = lengths.into_iter().find(|(alg, _)| algorithms.contains(*alg));
    let (alg, needed) = named.unwrap_or((Alg::Hs256, 32));
    if bytes.len() < needed {
        // How long it is would help a guesser more than the operator.
        problems.refuse(
            Code::SecretShort,
            secret.at,
            format_args!(
                "shorter than the hash of {alg}: it needs {needed} random bytes at least (RFC 7518 \
                 §3.2); make one with `openssl rand -base64 {needed}`"
            ),
        );
        return None;
    }
    KeySet::from_secret(&bytes).ok().map(Arc::new)
}

/// A secret serves the HS family alone, which nobody uses by accident.
fn check_algorithms(raw: &At<RawProvider>, at: usize, problems: &mut Problems<'_>) {
    if raw.algorithms.is_absent() {
        problems.refuse(
            Code::AlgorithmRefused,
            at,
            "a secret signs with HS256, HS384 or HS512, which are accepted only where they are \
             listed: name the one that the provider uses in `algorithms`",
        );
    }
    for name in items(&raw.algorithms) {
        if Alg::parse(name).is_some_and(|alg| !alg.is_symmetric()) {
            let message = format!(
                "`{}` signs with a private key, and `secret` is none; name HS256, HS384 or HS512",
                &***name
            );
            problems.refuse(Code::AlgorithmRefused, name.at, message);
        }
    }
}

/// The bytes that a secret says; `None` where it is wrong.
pub(super) fn bytes(
    secret: &At<RawSecret>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Vec<u8>> {
    let fields = [&secret.base64, &secret.text, &secret.env];
    let written = fields.iter().filter(|field| !field.is_absent()).count();
    if written != 1 {
        problems.refuse(
            Code::OneOfRequired,
            secret.at,
            "write exactly one of `base64`, `text` and `env`",
        );
        return None;
    }
    match (&secret.base64, &secret.text, &secret.env) {
        (Field::Given(text), ..) => decoded(text, problems),
        (_, Field::Given(text), _) => Some(text.value.0.as_bytes().to_vec()),
        (.., Field::Given(name)) => {
            let value = variables(name).filter(|value| !value.is_empty());
            if value.is_none() {
                problems.refuse(
                    Code::SecretUnreadable,
                    name.at,
                    format_args!(
                        "the VM's environment has no variable {}; name it in Envoy's \
                         `vm_config.environment_variables`, and set it where Envoy is started",
                        quoted(name)
                    ),
                );
            }
            value.map(String::into_bytes)
        }
        _ => None,
    }
}

fn decoded(text: &At<Text>, problems: &mut Problems<'_>) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&STANDARD, config).decode(&*text.value.0);
    let bytes = standard.or_else(|_| GeneralPurpose::new(&URL_SAFE, config).decode(&*text.value.0));
    if bytes.is_err() {
        problems.refuse(
            Code::SecretUnreadable,
            text.at,
            "not base64; for bytes that are text write `text` instead",
        );
    }
    bytes.ok()
}
