//! Where a login's endpoints are, and where its calls go.

use crate::config::check::drafts::{Keys, Ring};
use crate::config::check::own::remote;
use crate::config::checked::RingSource;
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::login::{RawEndpoints, RawLogin, RawPushed};
use crate::config::raw::provider::RawProvider;
use crate::config::read::{At, Field, Text};
use crate::http::{Url, comparable_host};
use crate::login::endpoints::{Endpoints, Says};
use crate::provider::login::Source;
use crate::verdict::quoted;

/// What a stranger can do where a call is not encrypted.
const HARM: &str = "read codes, tokens and the client's secret, and log in as anybody";
/// What one can do where a browser goes without encryption.
const HARM_OF_PAGES: &str = "show people a login of his own";

/// Where a login's calls go, and the endpoints.
pub(super) struct Outside {
    pub(super) source: Source,
    pub(super) cluster: Box<str>,
    pub(super) host: Box<str>,
}

/// Judges where calls go; `None` where that is wrong.
pub(super) fn check(
    raw: &At<RawLogin>,
    provider: &At<RawProvider>,
    keys: Option<&Keys>,
    problems: &mut Problems<'_>,
) -> Option<Outside> {
    let document = match keys {
        Some(Keys::Ring(ring)) if is_document(ring) => Some(&ring.config.remote.url),
        _ => None,
    };
    let written = raw.endpoints.given().map(|written| (written, read(written, problems)));
    let usual = match (document, &written) {
        (Some(url), _) => Some(url.host()),
        (None, Some((_, Some(read)))) => Some(read.token.host()),
        (None, _) => None,
    };
    let (host, cluster) = reached(raw, provider, usual, problems);
    if let Some((at, Some(read))) = written {
        let host: Box<str> = host?.into();
        let read = on_host(read, at, raw, &host, problems);
        return Some(Outside { source: Source::Written(Box::new(read)), cluster: cluster?, host });
    }
    if !raw.endpoints.is_absent() {
        return None;
    }
    match (document, keys) {
        (Some(url), _) => {
            let source = Source::Discovered { is_secure: url.secure };
            Some(Outside { source, cluster: cluster?, host: host?.into() })
        }
        // What is wrong with them has been said.
        (None, None) => None,
        (None, Some(Keys::Tenants(_))) => {
            problems.missing(
                raw.at,
                "endpoints",
                "missing; each tenant has a discovery document of its own here, and a login has one \
                 provider: write `authorization` and `token`, or one document's URL in `jwks.discovery`",
            );
            None
        }
        (None, Some(Keys::Inline(_) | Keys::Ring(_))) => {
            problems.missing(
                raw.at,
                "endpoints",
                "missing; there is no discovery document to take them from: write `authorization` and \
                 `token`, or `jwks.discovery`",
            );
            None
        }
    }
}

fn is_document(ring: &Ring) -> bool {
    matches!(ring.config.source, RingSource::Discovery { .. })
}

/// The host to which calls go, and the cluster that leads there; `None` for what is wrong.
fn reached(
    raw: &At<RawLogin>,
    provider: &RawProvider,
    usual: Option<&str>,
    problems: &mut Problems<'_>,
) -> (Option<String>, Option<Box<str>>) {
    let named = raw.host.given().map(|host| (host, plain_host(host)));
    if let Some((host, None)) = &named {
        problems.refuse(
            Code::ValueInvalid,
            host.at,
            format_args!(
                "{} is no host: its name alone, in small letters, such as \"id.example.com\"",
                quoted(host)
            ),
        );
    }
    let host = match &named {
        Some((_, named)) => named.clone(),
        None => usual.filter(|_| raw.host.is_absent()).map(str::to_owned),
    };
    let is_another = named.is_some() && host.as_deref() != usual;
    let of_keys = provider.jwks.given().and_then(|jwks| jwks.cluster.given());
    let cluster = match (raw.cluster.given(), of_keys) {
        (Some(cluster), _) => Some(cluster.value.0.clone()),
        (None, Some(cluster)) if !is_another && raw.cluster.is_absent() => {
            Some(cluster.value.0.clone())
        }
        (None, _) => {
            // One of the keys that is wrong, or missing, has been said.
            let has_own = provider.jwks.given().is_some_and(|jwks| {
                !jwks.cluster.is_absent() || !jwks.url.is_absent() || !jwks.discovery.is_absent()
            });
            if raw.cluster.is_absent() && (is_another || !has_own) {
                let place = host.as_deref().map_or_else(|| "the provider".to_owned(), quoted);
                let message = format_args!("missing; name the Envoy cluster that leads to {place}");
                problems.missing(raw.at, "cluster", message);
            }
            None
        }
    };
    (host, cluster)
}

/// A host's name as it is compared; `None` for anything else.
fn plain_host(host: &str) -> Option<String> {
    let comparable = comparable_host(host.as_bytes())?;
    (*comparable == *host.as_bytes()).then(|| host.to_owned())
}

/// The endpoints as they are written; `None` where one is wrong.
fn read(raw: &At<RawEndpoints>, problems: &mut Problems<'_>) -> Option<Endpoints> {
    for (name, field) in [("authorization", &raw.authorization), ("token", &raw.token)] {
        if field.is_absent() {
            problems.missing(
                raw.at,
                name,
                format_args!(
                    "missing; write the provider's `{name}_endpoint`, or leave `endpoints` out where \
                     a discovery document names them"
                ),
            );
        }
    }
    let mut is_right = true;
    let mut url = |field: &Field<Text>, harm| match field.given() {
        Some(text) => {
            let url = remote::url(text.at, text, harm, problems);
            is_right &= url.is_some();
            url
        }
        None => {
            is_right &= field.is_absent();
            None
        }
    };
    let authorization = url(&raw.authorization, HARM_OF_PAGES);
    let token = url(&raw.token, HARM);
    let end_session = url(&raw.end_session, HARM_OF_PAGES);
    let [pushed, revocation, userinfo] =
        [&raw.pushed, &raw.revocation, &raw.userinfo].map(|field| url(field, HARM));
    is_right.then_some(Endpoints {
        authorization: authorization?,
        token: token?,
        end_session,
        pushed,
        revocation,
        userinfo,
        // What nobody has said may well be so.
        says: Says { names_s256: true, ..Says::default() },
        left_out: Vec::new(),
    })
}

/// Those that are called stand on the host to which calls go; what a login can do without is left out
/// elsewhere.
fn on_host(
    mut endpoints: Endpoints,
    raw: &At<RawEndpoints>,
    login: &RawLogin,
    host: &str,
    problems: &mut Problems<'_>,
) -> Endpoints {
    let elsewhere = |url: &Url| url.host() != host;
    let words = |url: &Url| {
        let found = url.host();
        format!("stands on `{found}`, and calls go to `{host}`: secrets and codes would leave it")
    };
    let needs_userinfo = login.userinfo.value;
    if needs_userinfo && endpoints.userinfo.is_none() {
        let message = "missing; \"userinfo\": true needs it";
        problems.missing(raw.at, "userinfo", message);
    }
    if login.pushed.value == RawPushed::Always && endpoints.pushed.is_none() {
        problems.missing(raw.at, "pushed", "missing; \"pushed\": \"always\" needs it");
    }
    let needed =
        [(&raw.token, Some(&endpoints.token)), (&raw.userinfo, endpoints.userinfo.as_ref())];
    for (index, (field, url)) in needed.into_iter().enumerate() {
        let (Some(at), Some(url)) = (field.at(), url.filter(|url| elsewhere(url))) else {
            continue;
        };
        if index == 0 || needs_userinfo {
            problems.refuse(
                Code::EndpointElsewhere,
                at,
                format_args!(
                    "{}; write \"host\": \"{}\" and its `cluster`",
                    words(url),
                    url.host()
                ),
            );
        }
    }
    let needs_pushed = login.pushed.value == RawPushed::Always;
    let Endpoints { pushed, revocation, userinfo, .. } = &mut endpoints;
    for (field, url, is_needed) in
        [(&raw.pushed, &mut *pushed, needs_pushed), (&raw.revocation, &mut *revocation, false)]
    {
        let Some((at, away)) = field.at().zip(url.as_ref().filter(|url| elsewhere(url))) else {
            continue;
        };
        if is_needed {
            let message =
                format_args!("{}, which \"pushed\": \"always\" cannot do without", words(away));
            problems.refuse(Code::EndpointElsewhere, at, message);
        } else {
            let message = format_args!("{}; it is left out", words(away));
            problems.warn(Code::EndpointElsewhere, at, message);
        }
        *url = None;
    }
    if !needs_userinfo {
        *userinfo = None;
    }
    endpoints
}
