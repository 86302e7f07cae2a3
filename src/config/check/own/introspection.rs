//! A provider that is asked about tokens: where, by whom, and how long its answers hold.

use std::time::Duration;

use zeroize::Zeroizing;

use super::issuers::Tenant;
use super::keys::discovered;
use super::remote;
use super::secret::bytes;
use crate::client::{Assertion, Auth, Client};
use crate::config::check::drafts::Asked;
use crate::config::check::written::not_empty;
use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::introspection::{
    RawAuth, RawClient, RawForm, RawOutage, RawSecrets, RawSigning,
};
use crate::config::raw::provider::{RawDiscovery, RawPayload, RawProvider};
use crate::config::read::{At, Field, one_or_many};
use crate::introspection::Terms;
use crate::jose::alg::Alg;
use crate::jose::sign::SigningKey;
use crate::provider::introspection::Endpoint;
use crate::secret::Secret;
use crate::verdict::quoted;

/// How much longer than a call its answer is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// The longest that an answer may hold that a token is active.
const MOST_CACHE: Duration = Duration::from_mins(5);
/// The longest that one may hold that it is not; and so long a revoked token may live before somebody wonders.
const LONG: Duration = Duration::from_secs(60);
/// What a stranger can do where the call is not encrypted.
const HARM: &str = "read tokens and the client's secret, and say which tokens are good";

/// Judges what is said of asking; `None` where it is wrong.
pub(super) fn check(
    raw: &At<RawProvider>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Asked> {
    refuse_fields_of_others(raw, problems);
    let forms = forms(raw, problems);
    let needs_issuer = forms.is_some_and(|(_, jwts)| jwts) || raw.signed.value || by_issuer(raw);
    if needs_issuer && raw.issuer.is_absent() {
        problems.missing(
            raw.at,
            "issuer",
            "missing; \"jwt\" in `forms`, \"discovery\": true and `signed` need it: write the \
             provider's exact `iss`",
        );
    }
    signed(raw, problems);
    let endpoint = endpoint(raw, problems);
    if raw.cluster.is_absent() {
        let host = match &endpoint {
            Some(Endpoint::Url(url) | Endpoint::Discovery(url)) => quoted(url.host()),
            None => "the provider".to_owned(),
        };
        let message = format_args!("missing; name the Envoy cluster that leads to {host}");
        problems.missing(raw.at, "cluster", message);
    }
    let cache = raw.cache.value.duration();
    for (field, most, words) in [(&raw.cache, MOST_CACHE, "5m"), (&raw.negative, LONG, "1m")] {
        if let Some(at) = field.at().filter(|_| field.value.duration() > most) {
            problems.refuse(
                Code::DurationInvalid,
                at,
                format_args!("too long; at most \"{words}\""),
            );
        }
    }
    if let Some(at) = raw.cache.at().filter(|_| cache > LONG) {
        problems.warn(
            Code::AnswersKeptLong,
            at,
            "a token that is revoked at the provider passes here for so long; write 60s or less",
        );
    }
    let stale = match raw.on_outage.given().map(|outage| &outage.value) {
        Some(RawOutage::Stale(stale)) => stale.stale.given()?.duration(),
        Some(RawOutage::Deny) | None => Duration::ZERO,
    };
    let client = match raw.client.given() {
        Some(client) => self::client(client, raw, variables, problems),
        None if raw.client.is_absent() => {
            problems.missing(
                raw.at,
                "client",
                "missing; say who asks: `id` and `secret` of a client that the provider lets ask about \
                 tokens",
            );
            None
        }
        None => None,
    };
    let client = client?;
    let timeout = raw.timeout.value.duration();
    // Each secret may be tried.
    let calls = u32::try_from(client.secrets()).unwrap_or(u32::MAX);
    let lease = timeout.saturating_add(GRACE).saturating_mul(calls);
    let (takes_opaque, takes_jwts) = forms?;
    Some(Asked {
        endpoint: endpoint?,
        cluster: raw.cluster.given()?.value.0.clone(),
        timeout,
        client,
        takes_opaque,
        takes_jwts,
        terms: Terms { cache, negative: raw.negative.value.duration(), stale, lease },
        capacity: raw.capacity.value.0,
        per_second: raw.per_second.value.0,
        signed: raw.signed.value,
        hands_on_signed: raw.upstream.says(|upstream| upstream.payload.value) == RawPayload::Signed,
    })
}

/// Refuses what belongs to this kind alone at a provider of another.
pub(super) fn refuse_fields(raw: &RawProvider, problems: &mut Problems<'_>) {
    let payload = raw.upstream.given().and_then(|upstream| upstream.payload.at());
    let places = [
        raw.url.at(),
        raw.discovery.at(),
        raw.cluster.at(),
        raw.client.at(),
        raw.forms.at(),
        raw.timeout.at(),
        raw.cache.at(),
        raw.negative.at(),
        raw.capacity.at(),
        raw.per_second.at(),
        raw.on_outage.at(),
        raw.signed.at(),
        payload,
    ];
    for at in places.into_iter().flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning where nobody is asked about tokens; write \"kind\": \"introspection\", or \
             delete it",
        );
    }
}

/// Refuses what has no meaning where tokens are asked about.
fn refuse_fields_of_others(raw: &RawProvider, problems: &mut Problems<'_>) {
    let keys = (!raw.signed.value).then(|| [raw.jwks.at(), raw.pem.at(), raw.algorithms.at()]);
    let places = [
        raw.tenants.at(),
        raw.any_issuer.at(),
        raw.secret.at(),
        raw.typ.at(),
        raw.allow_id_tokens.at(),
        raw.allow_no_expiry.at(),
        raw.keys.at(),
    ];
    for at in keys.into_iter().flatten().chain(places).flatten() {
        problems.refuse(
            Code::FieldUseless,
            at,
            "has no meaning where the provider is asked about tokens; delete it",
        );
    }
}

/// Whether it takes what is no JWT, and whether it takes JWTs.
fn forms(raw: &RawProvider, problems: &mut Problems<'_>) -> Option<(bool, bool)> {
    not_empty(
        &raw.forms,
        "an empty list would take nothing; name \"opaque\" or \"jwt\", or leave it out",
        problems,
    );
    if raw.forms.is_absent() {
        return Some((true, false));
    }
    let forms = raw.forms.given()?;
    let has = |form| forms.items.iter().any(|one| one.value == form);
    Some((has(RawForm::Opaque), has(RawForm::Jwt)))
}

fn by_issuer(raw: &RawProvider) -> bool {
    raw.discovery.given().is_some_and(|one| matches!(one.value, RawDiscovery::Issuer))
}

fn signed(raw: &At<RawProvider>, problems: &mut Problems<'_>) {
    if raw.signed.value && raw.jwks.is_absent() && raw.pem.is_absent() {
        problems.missing(
            raw.at,
            "jwks",
            "missing; `signed` needs the keys that the provider signs its answers with",
        );
    }
    let payload = raw.upstream.given().and_then(|upstream| upstream.payload.given());
    if let Some(payload) =
        payload.filter(|one| *one.value == RawPayload::Signed && !raw.signed.value)
    {
        problems.refuse(
            Code::Contradiction,
            payload.at,
            "there is no signed answer to hand on; write \"signed\": true at the provider, or delete \
             this",
        );
    }
}

fn endpoint(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> Option<Endpoint> {
    match (raw.url.is_absent(), raw.discovery.is_absent()) {
        (true, true) => {
            problems.missing(
                raw.at,
                "url",
                "missing; say where the provider is asked about tokens: its introspection endpoint, or \
                 `discovery`",
            );
            return None;
        }
        (false, false) => problems.refuse(
            Code::OneOfRequired,
            raw.discovery.at().unwrap_or(raw.at),
            "`url` and `discovery` are two places to ask; keep exactly one",
        ),
        _ => {}
    }
    if let Some(text) = raw.url.given() {
        return remote::url(text.at, text, HARM, problems).map(Endpoint::Url);
    }
    let discovery = raw.discovery.given()?;
    let url = match &discovery.value {
        RawDiscovery::Url(text) => remote::url(discovery.at, text, HARM, problems)?,
        RawDiscovery::Issuer => {
            let nobody = Tenant { name: None, issuers: Vec::new() };
            let url = discovered(raw, discovery.at, &nobody, problems)?;
            remote::warn_if_plain(&url, discovery.at, HARM, problems);
            url
        }
    };
    Some(Endpoint::Discovery(url))
}

fn client(
    raw: &At<RawClient>,
    provider: &At<RawProvider>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Client> {
    if raw.id.is_absent() {
        problems.missing(raw.at, "id", "missing; write the client's id at the provider");
    }
    let auth = raw.auth.value;
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
        RawAuth::PrivateKeyJwt => assertion(raw, provider, variables, problems)
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
        if let Some(text) = one.text.given() {
            problems.warn(
                Code::SecretInText,
                text.at,
                "a secret that stands in the configuration is read by whoever reads that; write it into \
                 a variable of the VM's environment and name it in `env`",
            );
        }
        secrets.push(text(bytes(one, variables, problems), one.at, problems)?);
    }
    (!secrets.is_empty()).then_some(secrets)
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
    provider: &At<RawProvider>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<Assertion> {
    let issuers = one_or_many(&provider.issuer);
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
