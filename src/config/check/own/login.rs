//! How a provider logs browsers in, on its own.

mod endpoints;
#[cfg(not(target_family = "wasm"))]
mod notes;
mod parts;

use std::time::Duration;

use zeroize::Zeroizing;

use super::client::{self, For};
use super::operator::is_plain_path;
use super::places::refused_origin;
use super::secret::bytes;
use crate::config::check::drafts::{Keys, LoginDraft};
use crate::config::check::written::{boxed, not_empty, refuse_repeated, scopes, texts};
use crate::config::checked::Variables;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::credential::RawSecret;
use crate::config::raw::login::{RawJudge, RawLogin, RawPushed};
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, List, Text, items, one_or_many};
use crate::http::Origin;
use crate::ids::Name;
use crate::provider::login::{Judge, Login, Pushed};
use crate::seal::{BadKeys, SealKeys};
use crate::verdict::quoted;

/// Most origins of one login.
const MOST_URLS: usize = 256;
/// Longest path, in bytes.
const MAX_PATH: usize = 256;
/// Longest title, in bytes.
const MAX_TITLE: usize = 128;
/// Most further parameters, and the most bytes of all of them: a URL has to hold them.
const MOST_PARAMETERS: usize = 32;
const MAX_PARAMETERS: usize = 1024;
/// How long a request waits at most, so that no call may take longer.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Parameters of an authorization request that the filter writes, or that would put others in their
/// place (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9101 §5, OpenID Connect Core §3.1.2.1).
const OWN_PARAMETERS: [&str; 11] = [
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// Judges what is said of logging in; `None` where it is wrong. `keys` are the provider's.
pub(super) fn check(
    raw: &At<RawLogin>,
    (provider, name): (&At<RawProvider>, Option<&Name>),
    keys: Option<&Keys>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<LoginDraft> {
    let issuers = one_or_many(&provider.issuer);
    if let Some(at) = provider.any_issuer.says_so() {
        problems.refuse(
            Code::Contradiction,
            at,
            "a login takes ID tokens of issuers that are known; name the provider's `issuer` in place \
             of `any_issuer`",
        );
    }
    let urls = urls(raw, problems);
    let path = path(raw, name, problems);
    let client = match raw.client.given() {
        Some(written) => client::check(written, issuers, For::Login, variables, problems),
        None => {
            if raw.client.is_absent() {
                problems.missing(
                    raw.at,
                    "client",
                    "missing; write `id` and `secret` of a client that the provider lets log people in",
                );
            }
            None
        }
    };
    let seal = seal(raw, variables, problems);
    asked_scopes(raw, problems);
    let authorize = authorize(raw, problems);
    let outside = endpoints::check(raw, provider, keys, problems);
    if let Some(at) = raw.timeout.at().filter(|_| raw.timeout.value.duration() > LONGEST_CALL) {
        problems.refuse(
            Code::DurationInvalid,
            at,
            "too long: a request waits for 10s in all; at most \"10s\"",
        );
    }
    if raw.userinfo.value && raw.judge.value == RawJudge::AccessToken {
        problems.refuse(
            Code::FieldUseless,
            raw.userinfo.at().unwrap_or(raw.at),
            "adds claims to the ID token's, and with \"judge\": \"access_token\" that has none to say; \
             delete one of the two",
        );
    }
    let session = parts::session(raw, problems);
    let cookie = parts::cookie(raw, name, &urls, problems);
    let origins = origins(raw, &urls, problems);
    let forward = parts::forward(raw, problems);
    let logout = parts::logout(raw, path.as_ref(), problems);
    let title = title(raw, name, problems);
    #[cfg(not(target_family = "wasm"))]
    notes::check(raw, issuers, problems);
    let (path, outside, forward) = (path?, outside?, forward?);
    let login = Login {
        urls: urls?.into_iter().map(|url| url.value).collect(),
        path: path.value.clone(),
        title: title?,
        client: client?,
        seal: seal?,
        scopes: texts_of(&raw.scopes.value),
        authorize: authorize?,
        pushed: match raw.pushed.value {
            RawPushed::Auto => Pushed::Auto,
            RawPushed::Always => Pushed::Always,
            RawPushed::Never => Pushed::Never,
        },
        endpoints: outside.source,
        cluster: outside.cluster,
        host: outside.host,
        timeout: raw.timeout.value.duration(),
        judge: match raw.judge.value {
            RawJudge::IdToken => Judge::IdToken,
            RawJudge::AccessToken => Judge::AccessToken,
        },
        userinfo: raw.userinfo.value,
        session,
        cookie: cookie?,
        origins: origins?,
        forward_access_token: forward.access_token,
        forward_id_token: forward.id_token,
        logout: logout?,
        back_channel: raw.back_channel.value,
        capacity: raw.capacity.value.0,
        kept: Vec::new(),
    };
    let name_at = raw.cookie.given().and_then(|cookie| cookie.name.at());
    Some(LoginDraft {
        path_at: path.at,
        name_at: name_at.unwrap_or(raw.at),
        forwards: forward.written,
        login,
    })
}

fn texts_of(list: &List<Text>) -> Vec<Box<str>> {
    list.items.iter().map(|text| boxed(text).value).collect()
}

/// The origins; `None` where one is wrong.
fn urls(raw: &At<RawLogin>, problems: &mut Problems<'_>) -> Option<Vec<At<Origin>>> {
    let Some(written) = raw.url.given() else {
        if raw.url.is_absent() {
            problems.missing(
                raw.at,
                "url",
                "missing; write the origin as browsers see it, such as \"https://portal.example.com\": \
                 it is never taken from a request",
            );
        }
        return None;
    };
    let list = &written.value.0;
    if list.is_empty() {
        let message = "an empty list would log in nowhere; name an origin";
        problems.refuse(Code::ValueEmpty, written.at, message);
    }
    if list.written > MOST_URLS {
        let message = format_args!("{} elements; at most {MOST_URLS}", list.written);
        problems.refuse(Code::ValueTooLong, written.at, message);
    }
    let mut urls = Vec::new();
    for (index, text) in list.items.iter().enumerate() {
        refuse_repeated(&list.items, index, text, problems);
        match (refused_origin(text), Origin::parse(text)) {
            (None, Some(origin)) => {
                if !origin.is_secure() && !origin.is_loopback() {
                    problems.refuse(
                        Code::UrlInvalid,
                        text.at,
                        "`http` is for loopback alone, since browsers send these cookies over `https` \
                         only; write \"https://…\", as browsers see it in front of whatever ends TLS",
                    );
                }
                urls.push(At { at: text.at, value: origin });
            }
            (refused, _) => {
                let message = refused.unwrap_or_else(|| {
                    format!("{} is no origin: scheme, host and maybe a port", quoted(text))
                });
                problems.refuse(Code::UrlInvalid, text.at, message);
            }
        }
    }
    (list.is_whole() && urls.len() == list.written).then_some(urls)
}

/// The path; `None` where it is wrong.
fn path(
    raw: &At<RawLogin>,
    name: Option<&Name>,
    problems: &mut Problems<'_>,
) -> Option<At<Box<str>>> {
    let Some(path) = raw.path.given() else {
        let default = format!("/.login/{}", name?);
        return raw.path.is_absent().then(|| At { at: raw.at, value: default.into() });
    };
    if !is_plain_path(path) || path.len() > MAX_PATH {
        problems.refuse(
            Code::ValueInvalid,
            path.at,
            format_args!(
                "a path begins with `/`, does not end with it, and has letters, digits, `-`, `.`, `_` \
                 and `~` between its slashes, at most {MAX_PATH} bytes: \"/.login/okta\""
            ),
        );
        return None;
    }
    Some(boxed(path))
}

/// The title; `None` where it is wrong.
fn title(raw: &At<RawLogin>, name: Option<&Name>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    let Some(title) = raw.title.given() else { return name.map(|name| name.as_str().into()) };
    if title.len() > MAX_TITLE {
        problems.refuse(
            Code::ValueTooLong,
            title.at,
            format_args!("{} bytes long; at most {MAX_TITLE}", title.len()),
        );
    }
    Some(title.value.0.clone())
}

/// The secrets that seal; `None` where one is wrong.
fn seal(
    raw: &At<RawLogin>,
    variables: Variables<'_>,
    problems: &mut Problems<'_>,
) -> Option<SealKeys> {
    if raw.seal.is_absent() {
        problems.missing(
            raw.at,
            "seal",
            "missing; write [{\"env\": \"SEAL\"}]: the VM's variable that holds the secret which seals \
             cookies (`openssl rand -base64 32` makes one)",
        );
    }
    let list = raw.seal.given()?;
    let message = "an empty list seals nothing; write a secret";
    not_empty(&raw.seal, message, problems);
    let mut secrets: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for one in &list.items {
        warn_of_configuration(one, problems);
        let Some(secret) = bytes(one, variables, problems).map(Zeroizing::new) else { continue };
        if secret.len() < SealKeys::MIN_BYTES {
            problems.refuse(
                Code::SecretShort,
                one.at,
                format_args!(
                    "{} bytes; at least {}, at random: `openssl rand -base64 32` makes such a secret",
                    secret.len(),
                    SealKeys::MIN_BYTES
                ),
            );
        }
        if let Some(twin) = secrets.iter().position(|other| *other == secret) {
            let message = format_args!("the same secret as seal[{twin}]; delete one of the two");
            problems.refuse(Code::ValueTwice, one.at, message);
        }
        secrets.push(secret);
    }
    if !list.is_whole() || secrets.len() != list.written {
        return None;
    }
    match SealKeys::new(secrets) {
        Ok(keys) => Some(keys),
        Err(BadKeys::Same { place, as_place }) => {
            // That of equal ones has been said.
            if let Some(one) = list.items.get(place).filter(|_| problems.none()) {
                problems.refuse(
                    Code::ValueTwice,
                    one.at,
                    format_args!(
                        "has by chance the short id of seal[{as_place}], so that nobody could tell which \
                         of them sealed; make another secret"
                    ),
                );
            }
            None
        }
        Err(BadKeys::Count(_) | BadKeys::Short { .. }) => None,
    }
}

/// Warns of a secret that stands in the configuration, which Envoy's own administration shows.
fn warn_of_configuration(secret: &RawSecret, problems: &mut Problems<'_>) {
    if let Some(at) = secret.text.at().or(secret.base64.at()) {
        problems.warn(
            Code::SecretInText,
            at,
            "whoever reads the configuration, as `config_dump` shows it, can log in as anybody; write \
             the secret into a variable of the VM's environment and name it in `env`",
        );
    }
}

fn asked_scopes(raw: &At<RawLogin>, problems: &mut Problems<'_>) {
    let list = &raw.scopes.value;
    let Some(at) = raw.scopes.at() else { return };
    if list.is_empty() || !list.items.iter().any(|scope| &***scope == "openid") && list.is_whole() {
        let message = "has no `openid`, without which there is no ID token (OpenID Connect Core \
                       §3.1.2.1); add it";
        problems.refuse(Code::ValueInvalid, at, message);
    }
    scopes(&list.items, problems);
    for (index, scope) in list.items.iter().enumerate() {
        refuse_repeated(&list.items, index, scope, problems);
    }
}

/// Further parameters; `None` where one is wrong in its shape.
fn authorize(raw: &At<RawLogin>, problems: &mut Problems<'_>) -> Option<Vec<(Box<str>, Box<str>)>> {
    let Some(written) = raw.authorize.given() else {
        return raw.authorize.is_absent().then(Vec::new);
    };
    let mut bytes = 0_usize;
    let mut parameters = Vec::new();
    for entry in &written.0 {
        let name = &entry.name;
        if OWN_PARAMETERS.contains(&&*name.value) {
            let instead = match &*name.value {
                "scope" => "write `scopes`",
                "client_id" => "write `client.id`",
                _ => "delete it",
            };
            problems.refuse(
                Code::ValueInvalid,
                name.at,
                format_args!("`{}` is for the filter to say; {instead}", name.value),
            );
        } else if name.value.is_empty() || name.value.chars().any(char::is_control) {
            problems.refuse(Code::NameInvalid, name.at, "no name of a parameter; delete it");
        }
        let value = entry.value.as_ref()?;
        bytes = bytes.saturating_add(name.value.len()).saturating_add(value.len());
        parameters.push((name.value.clone(), value.value.0.clone()));
    }
    if parameters.len() > MOST_PARAMETERS || bytes > MAX_PARAMETERS {
        problems.refuse(
            Code::ValueTooLong,
            written.at,
            format_args!(
                "a URL has to hold these: at most {MOST_PARAMETERS} of {MAX_PARAMETERS} bytes together"
            ),
        );
    }
    Some(parameters)
}

/// Whose pages may cause changes; `None` where one is wrong.
fn origins(
    raw: &At<RawLogin>,
    urls: &Option<Vec<At<Origin>>>,
    problems: &mut Problems<'_>,
) -> Option<Vec<Box<str>>> {
    if raw.origins.is_absent() {
        let urls = urls.as_ref()?;
        return Some(urls.iter().map(|url| url.value.as_str().into()).collect());
    }
    not_empty(
        &raw.origins,
        "an empty list would refuse every change; name an origin, or leave it out for those of `url`",
        problems,
    );
    for origin in items(&raw.origins) {
        if let Some(message) = refused_origin(origin) {
            problems.refuse(Code::ValueInvalid, origin.at, message);
        }
    }
    raw.origins.given().map(|_| texts(&raw.origins))
}
