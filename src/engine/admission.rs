//! A request's way through the steps: method → host → path → API → credentials → token → key → signature → claims →
//! identity → session → access.
//!
//! Cheap before dear, untrusted before trusted; every step that refuses names itself.

mod api_key;
mod credential;
mod keyring;
mod rights;
mod signature;
mod telling;
mod token;

use std::cmp::Reverse;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{Api, Auth, Branch};
use crate::claims::{Claims, Issuer};
use crate::config::Config;
use crate::engine::budget::Budget;
use crate::engine::key_uses::KeyUses;
use crate::engine::reply::quoted_list;
use crate::engine::revocation;
use crate::engine::tally::Tally;
use crate::engine::verified::{Verified, VerifiedTokens};
use crate::env::Env;
use crate::event::Effect;
use crate::http::{Ambiguity, RequestHead, RequestPath, Route, comparable_host, is_token};
use crate::ids::{ApiId, Kid, Name, ProviderId, RingId, StreamId};
use crate::keys::{Patience, Ring};
use crate::limits::Charge;
use crate::policy::{Endpoint, LimitBy};
use crate::revoked::Revocations;
use crate::session::{Session, Sessions};
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Scheme, Step, list, quoted};
pub(super) use credential::{Presented, Readers};
pub(super) use rights::Rights;
use rights::{Target, may_call};
pub(super) use token::{Proof, Vouched, VouchedToken};

/// Most branches that a reason speaks of.
const MAX_BRANCHES_TOLD: usize = 8;
/// Most APIs that a reason speaks of.
const MAX_APIS_TOLD: usize = 6;

/// What stops a request.
pub(super) enum Stop {
    /// It may not pass.
    Refuse(Refusal),
    /// Nobody can tell before this ring has fetched.
    Wait(RingId),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// A request that may pass, and what that is owed to.
#[derive(Default)]
pub(super) struct Passage<'c, 'h> {
    /// The API that the request belongs to.
    pub(super) api: Option<ApiId>,
    /// The credentials that the request shows to the API's providers.
    pub(super) presented: Vec<Presented<'h>>,
    /// On whose behalf; `None` where the API asks for nobody.
    pub(super) permit: Option<Permit<'c>>,
}

/// Proof that a request may pass, and on whose behalf.
///
/// Only [`admit`] makes one, and only from vouchers: verified tokens, known keys. What needs a verified identity takes a
/// `Permit`, so the check cannot be forgotten.
pub(super) struct Permit<'c> {
    session: Session,
    rights: Rights<'c>,
    /// The rate of what grants the request.
    endpoint: Option<Endpoint<'c>>,
    owner: Vouched<'c>,
    others: Vec<Vouched<'c>>,
}

impl<'c> Permit<'c> {
    /// The caller's session.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// What the caller may do.
    pub(super) const fn rights(&self) -> &Rights<'c> {
        &self.rights
    }

    /// The caller's own limits, with those whose counters they count.
    pub(super) fn charges(&self) -> impl Iterator<Item = (Charge, &LimitBy)> {
        self.rights.charges(self.endpoint)
    }

    /// The provider whose session it is.
    pub(super) const fn owner(&self) -> &Vouched<'c> {
        &self.owner
    }

    /// Every provider that vouched, the session's first.
    pub(super) fn vouched(&self) -> impl Iterator<Item = &Vouched<'c>> {
        std::iter::once(&self.owner).chain(&self.others)
    }
}

/// What was learnt on the way, for the log and the access log. Untrusted until the identity is set.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) api: Option<Name>,
    pub(super) provider: Option<Name>,
    /// What the API key that was shown is called.
    pub(super) key: Option<Arc<str>>,
    pub(super) kid: Option<Kid>,
    pub(super) issuer: Option<Arc<str>>,
    /// The verified identity.
    pub(super) identity: Option<Arc<str>>,
    /// The names of the policies in force.
    pub(super) policies: Option<Arc<str>>,
    /// Whether the API only reports refusals; `None` where no API is known.
    pub(super) reports: Option<bool>,
    /// Each step, where somebody may be told.
    pub(super) steps: Trace,
}

impl Trail {
    /// Another provider's credential is looked at now.
    fn enter(&mut self, provider: Option<&Name>) {
        self.provider = provider.cloned();
        self.steps.enter(provider);
        (self.kid, self.issuer) = (None, None);
    }

    /// What a token says of itself.
    fn claimed(&mut self, kid: Option<&Kid>, claims: &Claims) {
        self.kid = kid.cloned();
        self.issuer = match claims.issuer() {
            Issuer::Is(issuer) => Some(issuer.into()),
            Issuer::Absent | Issuer::WrongType => None,
        };
    }

    /// What a verified token says.
    fn verified(&mut self, provider: &Name, token: &Verified) {
        self.provider = Some(provider.clone());
        self.steps.enter(Some(provider));
        self.kid.clone_from(&token.kid);
        self.issuer.clone_from(&token.judged.issuer);
    }

    /// Leaves what is known for other filters and the access log.
    pub(super) fn note(&self, stream: StreamId, deny: Option<Deny>, effects: &mut Vec<Effect>) {
        let verified = self.identity.as_ref();
        let provider = verified.and(self.provider.as_ref()).map(Name::to_shared);
        let policies = self.policies.as_ref().filter(|names| !names.is_empty());
        let facts = [
            ("tollgate.api", self.api.as_ref().map(Name::to_shared)),
            ("tollgate.code", deny.map(|deny| deny.code().into())),
            ("tollgate.identity", verified.cloned()),
            ("tollgate.key", self.key.clone()),
            ("tollgate.policies", policies.map(Arc::clone)),
            ("tollgate.provider", provider),
        ];
        effects.extend(
            facts
                .into_iter()
                .filter_map(|(key, value)| Some(Effect::Note { stream, key, value: value? })),
        );
    }
}

/// What a request is judged with.
pub(super) struct Judge<'a, 'c> {
    pub(super) config: &'c Config,
    pub(super) readers: &'c Readers,
    pub(super) rings: &'a mut [Ring],
    pub(super) failures: &'a mut Budget,
    pub(super) verified: &'a mut VerifiedTokens,
    pub(super) key_uses: &'a KeyUses,
    pub(super) sessions: &'a Sessions,
    pub(super) revocations: &'a Revocations,
    pub(super) tally: &'a Tally,
    pub(super) patience: Patience,
    /// How long ago the request came.
    pub(super) waited: Duration,
    /// Of each ring that it has to wait for, the first fetch that began after it came.
    pub(super) awaited: Vec<(RingId, u32)>,
    pub(super) env: &'a Env<'a>,
}

impl<'c> Judge<'_, 'c> {
    /// Decides about a request.
    ///
    /// # Errors
    ///
    /// What stops it.
    pub(super) fn admit<'h>(
        &mut self,
        head: &'h RequestHead,
        route: &Route,
        trail: &mut Trail,
    ) -> Result<Passage<'c, 'h>, Stop>
    where
        'c: 'h,
    {
        let config = self.config;
        let target = find_api(config, head, route, &mut trail.steps)?;
        let api = target.api;
        trail.api = Some(api.name.clone());
        trail.reports = Some(api.reports);
        let (branches, optional) = match &api.auth {
            Auth::None => {
                trail.steps.skipped(Step::Credential, "`auth`", || "`none`: anybody passes".into());
                return Ok(Passage { api: Some(target.id), presented: Vec::new(), permit: None });
            }
            Auth::Branches { branches, optional } => (branches, *optional),
        };
        let is_preflight = head.preflight_method().is_some();
        if is_preflight && !api.preflight_passes {
            let reason = format!("a CORS preflight for the protected API `{}`", api.name);
            return Err(Refusal::new(Deny::CorsPreflightRefused, reason).into());
        }
        let Some(readers) = self.readers.of(target.id) else {
            return Err(Refusal::new(Deny::Internal, "an API that nobody reads for").into());
        };
        let presented = readers.presented(config, head, trail)?;
        if is_preflight {
            let found = || "a CORS preflight, which passes without a credential".to_owned();
            trail.steps.skipped(Step::Credential, "`cors_preflight`", found);
            return Ok(Passage { api: Some(target.id), presented, permit: None });
        }
        let vouched = self.judge_all(&readers.members, &presented, trail)?;
        let vouches = |branch: &&Branch| missing(branch, &vouched).is_empty();
        let Some(branch) = branches.iter().find(vouches) else {
            if optional && vouched.is_empty() {
                let found = || "no credential: the request passes without an identity".to_owned();
                trail.steps.skipped(Step::Credential, "`optional`", found);
                return Ok(Passage { api: Some(target.id), presented, permit: None });
            }
            return Err(nobody_vouches(config, api, branches, &vouched, head).into());
        };
        let permit = self.enter(&target, head.method(), branch, vouched, trail)?;
        Ok(Passage { api: Some(target.id), presented, permit: Some(permit) })
    }

    /// From vouchers to a session, and what the session may do at this API.
    fn enter(
        &self,
        target: &Target<'c>,
        method: &[u8],
        branch: &Branch,
        vouched: Vec<Vouched<'c>>,
        trail: &mut Trail,
    ) -> Result<Permit<'c>, Refusal> {
        let mut others = vouched;
        let place = others.iter().position(|one| one.provider == branch.session_from);
        let Some(owner) = place.map(|place| others.remove(place)) else {
            return Err(Refusal::new(Deny::SessionMissing, "the session's provider did not vouch"));
        };
        match owner.token() {
            Some(token) => trail.verified(&owner.config.name, token),
            None => trail.enter(Some(&owner.config.name)),
        }
        trail.identity = Some(Arc::clone(owner.identity()));
        let env = self.env;
        let names = branch.members.iter().filter_map(|id| self.config.provider_name(*id));
        trail.steps.passed(Step::Credential, "`auth`", || {
            let owner = quoted(owner.config.name.as_str());
            format!(
                "all of {} vouch; the session is {owner}'s",
                quoted_list(names.map(Name::as_str))
            )
        });
        // What was revoked is a bad credential, whichever branch it belongs to.
        let all = iter::once(&owner).chain(&others);
        revocation::judge(self.revocations, all, env, &mut trail.steps)?;
        // Whoever vouched outside the branch is not heard: the API's demands were not made of it.
        others.retain(|vouched| branch.members.contains(&vouched.provider));
        let steps = &mut trail.steps;
        let rights = Rights::find(self.config, target.id, &owner, steps)?;
        trail.policies = Some(rights.grant().names().clone());
        let session = owner.session(rights.grant());
        session.check(env.now, owner.clock_skew()).map_err(|deny| {
            let end = session.ends.unwrap_or_default();
            let (at, number, policies) =
                (end.in_words(env.now), end.numeric_date(), rights.grant().names());
            Refusal::new(
                deny,
                format!("the session ended at {at} ({number}); policies: {policies}"),
            )
        })?;
        telling::session(&session, owner.clock_skew(), env.now, steps);
        match owner.token() {
            Some(token) => may_call(target.api, token, steps)?,
            // A configuration that asks something of tokens here takes no API key's session.
            None if target.api.asks_of_tokens() => {
                return Err(Refusal::new(Deny::Internal, "an API key where a token is asked for"));
            }
            None => {}
        }
        let endpoint = rights.permit(method, &target.path, steps)?;
        Ok(Permit { session, rights, endpoint, owner, others })
    }
}

/// The API that a request belongs to; a CORS preflight belongs to that of the method it asks for.
fn find_api<'c>(
    config: &'c Config,
    head: &RequestHead,
    route: &Route,
    trace: &mut Trace,
) -> Result<Target<'c>, Refusal> {
    let index = &config.index;
    let method = head.preflight_method().unwrap_or_else(|| head.method());
    one_reading(config, head, method)?;
    let find = |path: &RequestPath| {
        index.find(&config.apis, head.authority(), path.segments(), method, route)
    };
    telling::path(config, head, trace);
    let path = match config.looks_at_paths() {
        true => RequestPath::parse(head.path()).map_err(ambiguous)?,
        false => RequestPath::default(),
    };
    let found = find(&path);
    let api = found.and_then(|id| config.api(id));
    if path.has_slash() && !api.is_some_and(|api| api.encoded_slash) {
        return Err(ambiguous(Ambiguity::EncodedSlash));
    }
    for reading in path.readings().map_err(ambiguous)? {
        let named = |path| api.map(|api| api.matcher.named(path));
        if find(&reading) != found || named(&reading) != named(&path) {
            return Err(Refusal::new(
                Deny::PathAmbiguous,
                "without what is behind a `;`, or with `%2f` for a slash, the path belongs to \
                 another API, or has something else in a named segment",
            ));
        }
    }
    if index.looks_at_route_metadata()
        && let Some(name) = route.api.as_deref().filter(|name| !index.may_be_named(name))
    {
        // Whoever wrote the metadata meant an API: none that happens to match will do.
        let reason = format!(
            "the route's metadata names the API {}, and no API of that name has `route_metadata`",
            shown(name)
        );
        return Err(Refusal::new(Deny::ApiUnknown, reason));
    }
    telling::api(config, head, (method, &path, route), found, trace);
    let target = found.and_then(|id| Some(Target { id, api: config.api(id)?, path }));
    target.ok_or_else(|| {
        let (method, host) = (shown(method), shown(head.authority()));
        let mut reason = format!("no API matches method {method} and host {host}");
        if let Some(name) = &route.name {
            reason = format!("{reason} on the route {}", shown(name));
        }
        let apis: Vec<_> = config.apis.iter().take(MAX_APIS_TOLD).map(in_words).collect();
        Refusal::new(Deny::ApiUnknown, format!("{reason}, or the path; {}", apis.join("; ")))
    })
}

/// Demands that every server reads method and host in one way, as far as anything looks at them.
fn one_reading(config: &Config, head: &RequestHead, method: &[u8]) -> Result<(), Refusal> {
    let is_other = |known: &[u8]| known != method && method.eq_ignore_ascii_case(known);
    if let Some(known) = config.methods.iter().find(|known| is_other(known.as_bytes())) {
        let reason = format!("the method {} is `{known}` in other letters", shown(method));
        return Err(Refusal::new(Deny::MethodAmbiguous, reason));
    }
    if !config.methods.is_empty() && !std::str::from_utf8(method).is_ok_and(is_token) {
        let reason = format!("the method {} is no token (RFC 9110 §9.1)", shown(method));
        return Err(Refusal::new(Deny::MethodAmbiguous, reason));
    }
    if config.index.looks_at_hosts() {
        let host = comparable_host(head.authority());
        let is_it = |other: &[u8]| host.is_some() && comparable_host(other) == host;
        if host.is_none() || !head.authorities().all(is_it) {
            let mut hosts = vec![shown(head.authority())];
            let other = head.authorities().find(|other| *other != head.authority());
            hosts.extend(other.map(shown));
            let reason = format!("servers could read the host {} differently", hosts.join(", "));
            return Err(Refusal::new(Deny::HostAmbiguous, reason));
        }
    }
    Ok(())
}

fn ambiguous(why: Ambiguity) -> Refusal {
    Refusal::new(Deny::PathAmbiguous, format!("the path holds {why}"))
}

/// Bytes that a stranger sent.
fn shown(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}

/// What an API takes, in words.
fn in_words(api: &Api) -> String {
    let matcher = &api.matcher;
    let paths: Vec<_> = matcher.paths.iter().map(ToString::to_string).collect();
    let hosts: Vec<_> = matcher.hosts.iter().map(ToString::to_string).collect();
    let mut told = format!("`{}` takes", api.name);
    for (kind, of) in [("hosts", &*hosts), ("paths", &*paths)] {
        if !of.is_empty() {
            told.push_str(&format!(" {kind} {}", list(of)));
        }
    }
    for (kind, of) in [("methods", &matcher.methods), ("routes", &matcher.routes)] {
        if !of.is_empty() {
            told.push_str(&format!(" {kind} {}", list(of)));
        }
    }
    if matcher.named.is_some() {
        told.push_str(" routes whose metadata names it");
    }
    told
}

/// The members of a branch that have not vouched.
fn missing(branch: &Branch, vouched: &[Vouched<'_>]) -> Vec<ProviderId> {
    let absent = |id: &&ProviderId| !vouched.iter().any(|vouched| vouched.provider == **id);
    branch.members.iter().filter(absent).copied().collect()
}

/// The refusal of every branch, that which got furthest (the fewest missing) first.
fn nobody_vouches(
    config: &Config,
    api: &Api,
    branches: &[Branch],
    vouched: &[Vouched<'_>],
    head: &RequestHead,
) -> Refusal {
    let mut lacking: Vec<_> = branches.iter().map(|branch| missing(branch, vouched)).collect();
    // Of those that lack as many, that where more have vouched: the longest.
    let distance = |&(_, (branch, missing)): &(usize, (&Branch, &Vec<ProviderId>))| {
        (missing.len(), Reverse(branch.members.len()))
    };
    let furthest = branches.iter().zip(&lacking).enumerate().min_by_key(distance);
    if let Some((place, _)) = furthest {
        lacking.swap(0, place);
    }
    let told = lacking.iter().map(|missing| {
        let names = missing.iter().filter_map(|id| config.provider_name(*id)).map(Name::as_str);
        let places = missing.iter().flat_map(|id| credential::places(config, &api.name, *id, head));
        let places = places.collect::<Vec<_>>().join(", ");
        format!("no credential for {}; looked at {places}", quoted_list(names))
    });
    let told: Vec<_> = told.take(MAX_BRANCHES_TOLD).collect();
    let refusal = Refusal::new(Deny::CredentialMissing, told.join("; or: "));
    let mut all = branches.iter().flat_map(|branch| &branch.members);
    let is_issuer = |id: &ProviderId| config.provider(*id).is_some_and(|one| one.jwt().is_some());
    let scheme = if all.any(is_issuer) { Scheme::Bearer } else { Scheme::ApiKey };
    Refusal { scheme, ..refusal }
}
