//! What goes upstream: the identity, and nothing that a client could have made look like it.

use std::borrow::Cow;

use super::admission::{Passage, Permit, Vouched};
use crate::claims::{ClientClaim, HeaderValue};
use crate::config::Config;
use crate::event::{Effect, HeaderChange, Section, metric};
use crate::http::{RequestHead, begins_folded, elements, folded, is_folded};
use crate::provider::{HeaderSource, SessionFact};

/// The prefix of the filter's own headers: never let through from a client, nor from an upstream.
const RESERVED: &[u8] = b"x-tollgate-";
/// The header that names the session's identity.
const IDENTITY: &str = "x-tollgate-identity";
/// The header that names the session's provider.
const PROVIDER: &str = "x-tollgate-provider";

/// The header names that clients must not set, in folded spelling.
#[derive(Debug)]
pub(super) struct Hygiene {
    emitted: Vec<Vec<u8>>,
}

impl Hygiene {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            emitted: config.emitted_headers().iter().map(|name| folded(name.as_bytes())).collect(),
        }
    }

    /// Whether a header of this name could pass for one of ours at some hop.
    fn is_ours(&self, name: &[u8]) -> bool {
        begins_folded(name, RESERVED) || self.emitted.iter().any(|own| is_folded(name, own))
    }

    /// The names in another section that nobody but the filter may use: to the upstream every one
    /// that it may emit, to the client those with its prefix.
    pub(super) fn unwanted(&self, section: Section, mut names: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        names.retain(|name| match section {
            Section::RequestTrailers => self.is_ours(name),
            Section::ResponseHeaders | Section::ResponseTrailers => begins_folded(name, RESERVED),
        });
        names
    }

    /// The changes that turn what the client sent into what the upstream gets: ours set, copies of
    /// ours and spent credentials removed.
    pub(super) fn changes(
        &self,
        config: &Config,
        head: &RequestHead,
        passage: &Passage<'_>,
        effects: &mut Vec<Effect>,
    ) -> Vec<HeaderChange> {
        let set = passage.permit.as_ref().map(|permit| written(config, permit, effects));
        let set = set.unwrap_or_default();
        let spent = spent_credentials(config, passage);
        let mut changes: Vec<HeaderChange> = Vec::new();
        for (name, _) in &head.headers {
            let ours = self.is_ours(name);
            let is_spent = spent.iter().any(|spent| name.eq_ignore_ascii_case(spent.as_bytes()));
            let replaced = set.iter().any(|(set, _)| set.as_bytes() == name.as_slice());
            let remove = HeaderChange::Remove(name.clone());
            if (ours || is_spent) && !replaced && !changes.contains(&remove) {
                changes.push(remove);
            }
        }
        changes.extend(self.connection(head));
        changes.extend(set.into_iter().map(|(name, value)| HeaderChange::Set(name, value)));
        changes
    }

    /// `Connection` tells the next hop which headers to drop (RFC 9110 §7.6.1): ours are not a
    /// client's to name.
    fn connection(&self, head: &RequestHead) -> Option<HeaderChange> {
        let names: Vec<_> = head.values("connection").flat_map(elements).collect();
        let (ours, rest): (Vec<&[u8]>, Vec<_>) =
            names.into_iter().partition(|name| self.is_ours(name));
        if ours.is_empty() {
            None
        } else if rest.is_empty() {
            Some(HeaderChange::Remove(b"connection".to_vec()))
        } else {
            Some(HeaderChange::Set("connection".into(), rest.join(b", ".as_slice())))
        }
    }
}

/// The headers that a permitted request carries upstream.
fn written(
    config: &Config,
    permit: &Permit<'_>,
    effects: &mut Vec<Effect>,
) -> Vec<(Cow<'static, str>, Vec<u8>)> {
    let mut out: Vec<(Cow<'static, str>, Vec<u8>)> = Vec::new();
    let mut write = |name: Cow<'static, str>, value: HeaderValue| match value {
        HeaderValue::Value(value) => out.push((name, value)),
        HeaderValue::Unsafe => {
            effects.push(Effect::Count { metric: metric::HEADER_DROPPED.into(), by: 1 });
        }
        HeaderValue::Absent => {}
    };
    for vouched in permit.vouched() {
        let Some(provider) = config.provider(vouched.provider) else { continue };
        let upstream = &provider.upstream;
        let owns_session = vouched.provider == permit.owner().provider;
        match &upstream.headers {
            Some(headers) => {
                for (name, source) in headers {
                    write(name.to_string().into(), value(source, vouched, permit));
                }
            }
            None if owns_session => {
                let session = permit.session();
                write(IDENTITY.into(), HeaderValue::from_text(&session.identity));
                write(PROVIDER.into(), HeaderValue::from_text(session.provider.as_str()));
            }
            None => {}
        }
        if let Some(name) = &upstream.payload_header {
            write(name.to_string().into(), HeaderValue::Value(vouched.payload.as_bytes().to_vec()));
        }
    }
    out
}

fn value(source: &HeaderSource, vouched: &Vouched<'_>, permit: &Permit<'_>) -> HeaderValue {
    let session = permit.session();
    match source {
        HeaderSource::Claim(claim) => vouched.claims.header_value(claim),
        HeaderSource::Metadata(_)
        | HeaderSource::Session(SessionFact::Policies | SessionFact::Tags) => HeaderValue::Absent,
        HeaderSource::Session(SessionFact::Identity) => HeaderValue::from_text(&session.identity),
        HeaderSource::Session(SessionFact::Provider) => {
            HeaderValue::from_text(session.provider.as_str())
        }
        HeaderSource::Session(SessionFact::Client) => match &permit.owner().judged.client {
            ClientClaim::Is(client) => HeaderValue::from_text(client),
            ClientClaim::Absent => HeaderValue::Absent,
            ClientClaim::Malformed => HeaderValue::Unsafe,
        },
        HeaderSource::Session(SessionFact::Scopes) => {
            let owner = permit.owner();
            match owner.claims.scopes(&owner.config.requirements.scopes) {
                Ok(scopes) if scopes.is_empty() => HeaderValue::Absent,
                // A scope with a space in it would read as two.
                Ok(scopes) if scopes.iter().any(|scope| scope.contains(' ')) => HeaderValue::Unsafe,
                Ok(scopes) => HeaderValue::from_text(&scopes.join(" ")),
                Err(_) => HeaderValue::Unsafe,
            }
        }
    }
}

/// The headers whose credential has done its work. A credential that vouched goes by its own
/// provider's setting; one that did not (on a preflight, say) by that of whoever reads it.
fn spent_credentials<'p>(config: &Config, passage: &'p Passage<'_>) -> Vec<&'p str> {
    let keeps = |id| config.provider(id).is_some_and(|provider| provider.upstream.keep_credential);
    let vouched = |id| {
        let permit = passage.permit.as_ref();
        permit.is_some_and(|permit| permit.vouched().any(|one| one.provider == id))
    };
    let kept: Vec<_> = passage
        .presented
        .iter()
        .filter(|one| vouched(one.provider) && keeps(one.provider))
        .map(|one| &*one.header)
        .collect();
    passage
        .presented
        .iter()
        .filter(|one| !keeps(one.provider))
        .map(|one| &*one.header)
        .filter(|header| !kept.contains(header))
        .collect()
}
