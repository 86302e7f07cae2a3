//! The filter as a client of a provider: its id, and how it shows who it is.

use zeroize::Zeroizing;

use super::secret::bytes;
use crate::client::{Assertion, Auth, Client};
use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::client::{RawAuth, RawClient, RawSecrets, RawSigning};
use crate::config::raw::credential::RawSecret;
use crate::config::read::{At, Field, Text};
use crate::jose::alg::Alg;
use crate::jose::sign::SigningKey;
use crate::secret::Secret;

/// What a client is registered for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum For {
    /// To ask about tokens.
    Asking,
    /// To log browsers in.
    Login,
}

/// Judges a client of the provider with these issuers; `None` where it is wrong.
pub(super) fn check(
    raw: &At<RawClient>,
    issuers: &[At<Text>],
    purpose: For,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Client> {
    if raw.id.is_absent() {
        problems.missing(raw.at, "id", "missing; write the client's id at the provider");
    }
    let auth = match purpose {
        For::Login if raw.auth.is_absent() && raw.secret.is_absent() => RawAuth::None,
        For::Asking | For::Login => raw.auth.value,
    };
    let refused = match (purpose, auth) {
        (For::Asking, RawAuth::None) => Some(
            "`none` shows nothing, and whoever asks about tokens has to show who it is (RFC 7662 \
             §2.1); write `basic`, `post`, `private_key_jwt` or `bearer`",
        ),
        (For::Login, RawAuth::Bearer) => Some(
            "`bearer` is for asking about tokens alone; write `basic`, `post`, `private_key_jwt` or \
             `none`",
        ),
        _ => None,
    };
    if let Some(message) = refused {
        problems.refuse(Code::ValueUnknown, raw.auth.at().unwrap_or(raw.at), message);
        return None;
    }
    let is_key = auth == RawAuth::PrivateKeyJwt;
    let is_secret = matches!(auth, RawAuth::Basic | RawAuth::Post);
    let of_key =
        [raw.key.at(), raw.kid.at(), raw.alg.at(), raw.audience.at()].map(|at| (at, is_key));
    let of_secret = [(raw.secret.at(), is_secret), (raw.token.at(), auth == RawAuth::Bearer)];
    for (at, _) in of_key.into_iter().chain(of_secret).filter(|(_, is_used)| !is_used) {
        if let Some(at) = at {
            let message =
                "has no meaning with this `auth`; delete it, or write the `auth` that it is for";
            problems.refuse(Code::FieldUseless, at, message);
        }
    }
    let mut several = |name, field: &Field<RawSecrets>| {
        if field.is_absent() {
            problems.missing(
                raw.at,
                name,
                format_args!(
                    "missing; write {{\"env\": \"NAME\"}}: the VM's variable that holds it"
                ),
            );
        }
        secrets(field, variables, problems)
    };
    let auth = match auth {
        RawAuth::Basic => several("secret", &raw.secret).map(Auth::Basic),
        RawAuth::Post => several("secret", &raw.secret).map(Auth::Post),
        RawAuth::Bearer => several("token", &raw.token).map(Auth::Bearer),
        RawAuth::None => Some(Auth::None),
        RawAuth::PrivateKeyJwt => assertion(raw, issuers, variables, problems)
            .map(|assertion| Auth::Key(Box::new(assertion))),
    };
    Some(Client { id: raw.id.given()?.value.0.clone(), auth: auth? })
}

fn secrets(
    field: &Field<RawSecrets>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Vec<Secret>> {
    let list = &field.given()?.value.0;
    not_empty_secrets(list.items.is_empty(), field.at(), problems);
    let mut secrets = Vec::new();
    for one in &list.items {
        warn_of_text(one, problems);
        secrets.push(text(bytes(one, variables, problems), one.at, problems)?);
    }
    (!secrets.is_empty()).then_some(secrets)
}

/// Warns of a secret that everybody can read who can read the configuration.
pub(super) fn warn_of_text(secret: &RawSecret, problems: &mut Problems<'_>) {
    if let Some(text) = secret.text.given() {
        problems.warn(
            Code::SecretInText,
            text.at,
            "a secret that stands in the configuration is read by whoever reads that; write it into \
             a variable of the VM's environment and name it in `env`",
        );
    }
}

fn not_empty_secrets(is_empty: bool, at: Option<usize>, problems: &mut Problems<'_>) {
    if let Some(at) = at.filter(|_| is_empty) {
        problems.refuse(Code::ValueEmpty, at, "an empty list shows nothing; write a secret");
    }
}

/// A secret as the text that it must be.
fn text(bytes: Option<Vec<u8>>, at: usize, problems: &mut Problems<'_>) -> Option<Secret> {
    let text = String::from_utf8(bytes?).ok().filter(|text| !text.is_empty());
    if text.is_none() {
        problems.refuse(Code::SecretUnreadable, at, "no text in UTF-8, which it must be");
    }
    text.map(|text| Secret::new(Zeroizing::new(text)))
}

fn assertion(
    raw: &At<RawClient>,
    issuers: &[At<Text>],
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Assertion> {
    let audience = match (raw.audience.given(), issuers) {
        (Some(audience), _) => Some(audience.value.0.clone()),
        (None, [issuer]) => Some(issuer.value.0.clone()),
        (None, _) => {
            if raw.audience.is_absent() {
                problems.missing(
                    raw.at,
                    "audience",
                    "missing; with exactly one `issuer` that is meant, else name for whom the assertion \
                     is (Okta: the URL of its token endpoint)",
                );
            }
            None
        }
    };
    let Some(key) = raw.key.given() else {
        if raw.key.is_absent() {
            problems.missing(
                raw.at,
                "key",
                "missing; write {\"env\": \"NAME\"}: the VM's variable that holds the private key in PEM",
            );
        }
        return None;
    };
    let alg = match raw.alg.value {
        RawSigning::Es256 => Alg::Es256,
        RawSigning::EdDsa => Alg::EdDsa,
        RawSigning::Rs256 => Alg::Rs256,
    };
    let pem = bytes(key, variables, problems)?;
    let pem = Zeroizing::new(String::from_utf8(pem).unwrap_or_default());
    match SigningKey::from_pem(pem, alg) {
        Ok(signing) => {
            if signing
                .public()
                .spki_der()
                .is_some_and(|der| alg == Alg::Rs256 && der.len() > DER_3072)
            {
                problems.warn(
                    Code::KeySlow,
                    key.at,
                    "an RSA key of more than 3072 bits: each signature holds its worker up for \
                     milliseconds; use one of 2048 bits, or ES256",
                );
            }
            let kid = raw.kid.given().map(|kid| kid.value.0.clone());
            Some(Assertion { key: signing, kid, audience: audience? })
        }
        Err(error) => {
            problems.refuse(Code::KeyUnusable, key.at, error.to_string());
            None
        }
    }
}

/// How long an RSA key of 3072 bits is in DER, in bytes.
const DER_3072: usize = 422;
