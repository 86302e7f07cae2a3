//! What goes upstream: the identity, and no header of the client's that looks like it.

use std::borrow::Cow;

use super::admitted::{Admitted, Permit};
use super::login::after;
use super::login::kit::Logins;
use super::voucher::{Said, Voucher};
use crate::api::{Api, Auth, Comparison};
use crate::claims::{ClientClaim, HeaderValue, Requirements};
use crate::config::Config;
use crate::event::{Effect, HeaderChange, Section, metric};
use crate::http::{
    Fields, RequestHead, begins_spelled, elements, is_same_name, is_spelling, without_cookies,
    without_parameters,
};
use crate::ids::ApiId;
use crate::mcp::HEADERS;
use crate::policy::Metadata;
use crate::provider::{HeaderSource, Place, Provider, SessionFact};

/// The prefix of the filter's own headers: never let through from a client, nor from an upstream.
const RESERVED: &[u8] = b"x-tollgate-";
/// The header that names the session's identity.
const IDENTITY: &str = "x-tollgate-identity";
/// The header that names the session's provider.
const PROVIDER: &str = "x-tollgate-provider";
/// The header that a login may write as well as read.
const AUTHORIZATION: &str = "authorization";

/// The header names that are not a client's to use freely; by default those under our own prefix
/// alone.
#[derive(Debug, Default)]
struct Reserved {
    /// Those that the filter may write: no spelling of them comes through.
    emitted: Vec<String>,
    /// Those that credentials are read from: no other spelling of them comes through.
    read: Vec<Box<str>>,
    /// Those that any API compares: no other spelling of them comes through there.
    compared: Vec<Box<str>>,
    /// The APIs of which a login writes `authorization`: a client's own goes on there only where it
    /// vouched and is kept.
    authorized: Vec<ApiId>,
}

/// What becomes of requests on their way upstream.
#[derive(Debug)]
pub(super) struct Handoff {
    enforcing: Reserved,
    /// What is removed where refusals are only reported: where nothing is enforced at all, only what
    /// nobody else may write.
    reporting: Reserved,
    /// Whether any API enforces what it asks.
    enforces: bool,
}

impl Handoff {
    pub(super) fn new(config: &Config) -> Self {
        let reporting = if config.reports { Reserved::default() } else { Reserved::new(config) };
        let enforces = config.apis.iter().any(|api| !api.reports);
        Self { enforcing: Reserved::new(config), reporting, enforces }
    }

    /// The changes to a request that may pass; where refusals are only reported it goes upstream as one
    /// of nobody.
    pub(super) fn changes(
        &self,
        config: &Config,
        head: &RequestHead,
        (admitted, logins): (&Admitted<'_, '_>, &Logins),
        reports: bool,
        effects: &mut Vec<Effect>,
    ) -> Vec<HeaderChange> {
        if reports {
            self.reporting.changes(config, head, (&Admitted::default(), logins), effects)
        } else {
            self.enforcing.changes(config, head, (admitted, logins), effects)
        }
    }

    /// What is to be removed from another section of a request, of which the API is no longer known.
    pub(super) fn unwanted(&self, section: Section, fields: &Fields) -> Vec<Vec<u8>> {
        let reserved = if self.enforces { &self.enforcing } else { &self.reporting };
        reserved.unwanted(section, fields)
    }
}

impl Reserved {
    fn new(config: &Config) -> Self {
        let mut read = Vec::new();
        for location in config.providers.iter().flat_map(|provider| &provider.from) {
            let name = location.place.header();
            read.extend(name.filter(|name| !read.contains(name)));
        }
        let read = read.into_iter().map(Box::from).collect();
        let mut compared: Vec<Box<str>> = Vec::new();
        for name in config.apis.iter().flat_map(compared_headers) {
            if !compared.iter().any(|known| **known == *name) {
                compared.push(name.into());
            }
        }
        let authorized =
            config.apis.iter().enumerate().filter(|(_, api)| is_authorized(config, api));
        let authorized = authorized.map(|(place, _)| ApiId(place)).collect();
        Self { emitted: config.emitted_headers(), read, compared, authorized }
    }

    /// What a login writes at this API that clients may send elsewhere.
    fn written_at(&self, api: Option<ApiId>) -> Option<&'static str> {
        api.filter(|id| self.authorized.contains(id)).map(|_| AUTHORIZATION)
    }

    /// Whether a header of this name could pass for one of ours at some hop.
    fn is_ours(&self, name: &[u8]) -> bool {
        begins_spelled(name, RESERVED)
            || self.emitted.iter().any(|own| is_spelling(name, own.as_bytes()))
    }

    /// Whether a header of this name could pass for a credential at some hop.
    fn looks_read(&self, name: &[u8]) -> bool {
        self.read.iter().any(|read| is_spelling(name, read.as_bytes()))
    }

    /// Whether a header of this name could pass for a credential without being read as one: only the
    /// exact name is read, and only what is read may be kept.
    fn misleads(&self, name: &[u8]) -> bool {
        self.looks_read(name) && !self.read.iter().any(|read| is_same_name(name, read.as_bytes()))
    }

    /// The names in another section that only the filter may use. To the upstream these are all that it
    /// may write, and those of credentials and those that are compared, which are not read there; to the
    /// client, those with its prefix.
    fn unwanted(&self, section: Section, fields: &Fields) -> Vec<Vec<u8>> {
        let unwanted = |name: &&[u8]| match section {
            Section::RequestTrailers => {
                let mut compared = self.compared.iter();
                self.is_ours(name)
                    || self.looks_read(name)
                    || !self.authorized.is_empty() && is_same_name(name, AUTHORIZATION.as_bytes())
                    || compared.any(|own| is_spelling(name, own.as_bytes()))
            }
            Section::ResponseHeaders | Section::ResponseTrailers => begins_spelled(name, RESERVED),
        };
        fields.iter().map(|(name, _)| name).filter(unwanted).map(<[u8]>::to_vec).collect()
    }

    /// The changes that turn what the client sent into what the upstream gets: ours set, copies of
    /// ours and spent credentials removed.
    fn changes(
        &self,
        config: &Config,
        head: &RequestHead,
        (admitted, logins): (&Admitted<'_, '_>, &Logins),
        effects: &mut Vec<Effect>,
    ) -> Vec<HeaderChange> {
        let set = admitted.permit.as_ref().map(|permit| written(permit, head, effects));
        let set = set.unwrap_or_default();
        let overwritten = self.written_at(admitted.api);
        let mut spent = Spent::new(config, admitted, overwritten);
        // What a login keeps in the browser is nobody's upstream to see.
        spent.cookies.extend(logins.reserved.iter().map(String::as_str));
        let api = admitted.api.and_then(|id| config.api(id));
        // Most APIs compare none.
        let comparing = api.filter(|api| api.mcp.is_some() || !api.comparisons.is_empty());
        let mut changes: Vec<HeaderChange> = Vec::new();
        for (name, _) in head.headers.iter() {
            let is_spent =
                || spent.headers.iter().any(|spent| is_same_name(name, spent.as_bytes()));
            let replaced = || set.iter().any(|(set, _)| set.as_bytes() == name);
            let is_copy = || comparing.is_some_and(|api| copies_compared(api, name));
            if (self.is_ours(name) || self.misleads(name) || is_spent() || is_copy()) && !replaced()
            {
                let remove = HeaderChange::Remove(name.to_vec());
                // Repeated headers mostly follow each other. If each were looked for among all changes,
                // a client's thousands of names would take a second.
                if changes.last() != Some(&remove) {
                    changes.push(remove);
                }
            }
        }
        spent.cut_out(head, &mut changes);
        changes.extend(self.connection(head, api, overwritten));
        changes.extend(set.into_iter().map(|(name, value)| HeaderChange::Set(name, value)));
        changes
    }

    /// `Connection` tells the next hop which headers to drop (RFC 9110 §7.6.1): ours, and those that
    /// were compared, are not a client's to name.
    fn connection(
        &self,
        head: &RequestHead,
        api: Option<&Api>,
        overwritten: Option<&str>,
    ) -> Option<HeaderChange> {
        let names: Vec<_> = head.values("connection").flat_map(elements).collect();
        let is_compared = |name: &[u8]| {
            let mut compared = api.into_iter().flat_map(compared_headers);
            compared.any(|own| is_spelling(name, own.as_bytes()))
        };
        let is_overwritten =
            |name: &[u8]| overwritten.is_some_and(|own| is_same_name(name, own.as_bytes()));
        let (ours, rest): (Vec<&[u8]>, Vec<_>) = names
            .into_iter()
            .partition(|name| self.is_ours(name) || is_compared(name) || is_overwritten(name));
        if ours.is_empty() {
            None
        } else if rest.is_empty() {
            Some(HeaderChange::Remove(b"connection".to_vec()))
        } else {
            Some(HeaderChange::Set("connection".into(), rest.join(b", ".as_slice())))
        }
    }
}

/// Whether a login of this API writes `authorization`.
fn is_authorized(config: &Config, api: &Api) -> bool {
    let Auth::Branches { branches, .. } = &api.auth else { return false };
    branches.iter().flat_map(|branch| &branch.members).any(|id| {
        let login = config.provider(*id).and_then(Provider::login);
        login.is_some_and(|login| login.forwards_in(AUTHORIZATION))
    })
}

/// The headers that an API compares, or reads calls from.
fn compared_headers(api: &Api) -> impl Iterator<Item = &str> {
    let of_mcp = api.mcp.iter().flat_map(|_| HEADERS);
    api.comparisons.iter().filter_map(Comparison::header).chain(of_mcp)
}

/// Whether a header of this name could pass for one that the API compares without being it.
fn copies_compared(api: &Api, name: &[u8]) -> bool {
    let mut is_spelled = false;
    for own in compared_headers(api).map(str::as_bytes) {
        if is_same_name(name, own) {
            return false;
        }
        is_spelled |= is_spelling(name, own);
    }
    is_spelled
}

/// The headers that a permitted request carries upstream.
fn written(
    permit: &Permit<'_>,
    head: &RequestHead,
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
    for voucher in permit.vouchers() {
        let upstream = &voucher.provider.upstream;
        let owns_session = voucher.id == permit.owner().id;
        match &upstream.headers {
            Some(headers) => {
                for (name, source) in headers {
                    write(name.to_string().into(), value(source, voucher, permit));
                }
            }
            None if owns_session => {
                let session = permit.session();
                write(IDENTITY.into(), HeaderValue::from_identity(&session.identity));
                write(PROVIDER.into(), HeaderValue::from_text(session.provider.as_str()));
            }
            None => {}
        }
        if let (Some(name), Some(said)) = (&upstream.payload_header, &voucher.known.says) {
            let payload = said.handed_on.as_ref().unwrap_or(&said.payload);
            write(name.to_string().into(), HeaderValue::Value(payload.as_bytes().to_vec()));
        }
        if let Some(login) = &voucher.login {
            for (name, value) in after::forwarded(login, head) {
                write(name.to_owned().into(), value);
            }
        }
    }
    out
}

fn value(source: &HeaderSource, voucher: &Voucher<'_>, permit: &Permit<'_>) -> HeaderValue {
    let session = permit.session();
    match source {
        HeaderSource::Claim(claim, form) => match &voucher.known.says {
            Some(said) => said.claims.header_value(claim, *form, &said.payload),
            None => HeaderValue::Absent,
        },
        HeaderSource::Metadata(key) => match permit.rights().metadata(key) {
            Metadata::Is(value) => HeaderValue::from_text(value),
            Metadata::Contradictory => HeaderValue::Unsafe,
            Metadata::Absent => HeaderValue::Absent,
        },
        HeaderSource::Session(SessionFact::Policies) => several(permit.rights().grant().names()),
        HeaderSource::Session(SessionFact::Tags) => several(&permit.rights().tags().join(",")),
        HeaderSource::Session(SessionFact::Identity) => {
            HeaderValue::from_identity(&session.identity)
        }
        HeaderSource::Session(SessionFact::Provider) => {
            HeaderValue::from_text(session.provider.as_str())
        }
        HeaderSource::Session(SessionFact::Client) => client(&permit.owner().known.who.client),
        HeaderSource::Session(SessionFact::Scopes) => match permit.owner().says() {
            Some(says) => scopes(says),
            None => HeaderValue::Absent,
        },
    }
}

/// Words that are joined already; none of them is no header.
fn several(joined: &str) -> HeaderValue {
    if joined.is_empty() { HeaderValue::Absent } else { HeaderValue::from_text(joined) }
}

fn client(client: &ClientClaim) -> HeaderValue {
    match client {
        ClientClaim::Is(client) => HeaderValue::from_text(client),
        ClientClaim::Absent => HeaderValue::Absent,
        ClientClaim::Malformed => HeaderValue::Unsafe,
    }
}

fn scopes((said, asks): (&Said, &Requirements)) -> HeaderValue {
    match said.claims.scopes(&asks.scopes) {
        Ok(scopes) if scopes.is_empty() => HeaderValue::Absent,
        // A scope with a space in it would read as two.
        Ok(scopes) if scopes.iter().any(|scope| scope.contains(' ')) => HeaderValue::Unsafe,
        Ok(scopes) => HeaderValue::from_text(&scopes.join(" ")),
        Err(_) => HeaderValue::Unsafe,
    }
}

/// The credentials that have done their work, by where they stand.
#[derive(Default)]
struct Spent<'p> {
    cookies: Vec<&'p str>,
    headers: Vec<&'p str>,
    parameters: Vec<&'p str>,
}

impl<'p> Spent<'p> {
    /// For a credential that vouched, its own provider says whether it is kept; for one that did not (on
    /// a preflight, for example), those who read it. What one provider keeps, another does not remove.
    /// `overwritten` is the name of a header that is not a client's to use, unless so kept.
    fn new(
        config: &Config,
        admitted: &Admitted<'_, 'p>,
        overwritten: Option<&'static str>,
    ) -> Self {
        let keeps =
            |id| config.provider(id).is_some_and(|provider| provider.upstream.keep_credential);
        let vouched = |id| {
            let permit = admitted.permit.as_ref();
            permit.is_some_and(|permit| permit.vouchers().any(|one| one.id == id))
        };
        let mut spent = Self { headers: overwritten.into_iter().collect(), ..Self::default() };
        for one in &admitted.presented {
            if !one.spot.readers().iter().all(|id| keeps(*id)) {
                spent.add(one.spot.place());
            }
        }
        for one in &admitted.presented {
            if one.spot.readers().iter().any(|id| vouched(*id) && keeps(*id)) {
                spent.remove(one.spot.place());
            }
        }
        spent
    }

    fn add(&mut self, place: &'p Place) {
        match place {
            Place::Cookie { name, .. } => self.cookies.push(name),
            Place::Header { name, .. } => self.headers.push(name),
            Place::Query { name } => self.parameters.push(name),
        }
    }

    fn remove(&mut self, place: &Place) {
        let (names, kept) = match place {
            Place::Cookie { name, .. } => (&mut self.cookies, name),
            Place::Header { name, .. } => (&mut self.headers, name),
            Place::Query { name } => (&mut self.parameters, name),
        };
        names.retain(|name| **name != **kept);
    }

    /// Takes parameters and cookies out of what holds others besides.
    fn cut_out(&self, head: &RequestHead, changes: &mut Vec<HeaderChange>) {
        if !self.parameters.is_empty()
            && let Some(path) = without_parameters(head.path(), &self.parameters)
        {
            changes.push(HeaderChange::Set(":path".into(), path));
        }
        if !self.cookies.is_empty()
            && let Some(rest) = without_cookies(head.values("cookie"), &self.cookies)
        {
            changes.push(match rest.is_empty() {
                true => HeaderChange::Remove(b"cookie".to_vec()),
                false => HeaderChange::Set("cookie".into(), rest),
            });
        }
    }
}
