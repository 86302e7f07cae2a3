//! What policies, APIs and providers must not say together.

use crate::api::{Auth, Branch};
use crate::config::check::drafts::{
    ApiDraft, Assigned, DraftKind, Drafts, OfProvider, PolicyDraft, ProviderDraft, Providers,
    Together, provider,
};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed, near};
use crate::config::raw::RawConfig;
use crate::config::raw::api::RawApi;
use crate::config::read::items;
use crate::ids::{ApiId, PolicyId};
use crate::policy::{LimitBy, Policy};
use crate::verdict::quoted;

/// All that is checked, by place.
struct Whole<'w> {
    policies: &'w [PolicyDraft],
    providers: &'w Providers,
    apis: &'w [ApiDraft],
    /// What each API says about policies, where it does.
    assigned: &'w [Option<Assigned>],
    /// What API keys have themselves.
    own: &'w [Together],
}

/// Where a policy comes from at an API: what can come from both is in force together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// A list of `by_scope`; a token has many scopes.
    Scope(usize),
    /// `by_client`; a token has one client.
    Client,
    /// An element of `by_claim`; a claim with one value is what is usual.
    Claim(usize),
    /// `by_identity`; a caller has one identity.
    Identity,
}

/// Every cross-check of policies.
pub(super) fn check(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, policies, assigned, of_keys: own, .. } = drafts;
    for (api, draft) in items(&raw.apis).iter().zip(apis) {
        clients(api, accepted_clients(draft, providers).as_deref(), problems);
    }
    let whole = Whole { policies, providers, apis, assigned, own };
    for (place, (api, assigned)) in apis.iter().zip(assigned).enumerate() {
        let Some(assigned) = assigned else { continue };
        whole.somebody_gets_one(api, assigned, problems);
        whole.callers_are_known(api, assigned, problems);
        whole.tokens_name_policies(api, assigned, problems);
        whole.lists(ApiId(place), assigned, problems);
        whole.warn_of_contradictions(assigned, problems);
        if let Some(default) = assigned.default.as_ref().filter(|_| whole.uses(api, false)) {
            whole.warn_of_counting(default, problems);
        }
    }
    for of_provider in assigned.iter().flatten().flat_map(|assigned| &assigned.by_identity) {
        let provider = provider(providers, of_provider.provider);
        if provider.is_some_and(|provider| provider.jwt().is_none()) {
            of_provider.lists.iter().for_each(|list| whole.warn_of_counting(list, problems));
        }
    }
    for list in own {
        whole.refuse_contradictions(list, problems);
        whole.warn_of_counting(list, problems);
    }
    whole.unused_claims(problems);
    whole.unused_policies(problems);
    whole.unasked_entries(problems);
    whole.metadata_keys(problems);
}

impl Whole<'_> {
    fn policy(&self, id: PolicyId) -> Option<&Policy> {
        self.policies.get(id.0).and_then(|draft| draft.policy.as_ref())
    }

    /// The providers whose sessions an API uses.
    fn session_providers<'a>(
        &'a self,
        api: &'a ApiDraft,
    ) -> impl Iterator<Item = &'a ProviderDraft> {
        let branches: &[Branch] = match &api.auth {
            Some(Auth::Branches { branches, .. }) => branches,
            Some(Auth::None) | None => &[],
        };
        branches
            .iter()
            .filter_map(|branch| self.providers.get(branch.session_from.0).and_then(Option::as_ref))
    }

    /// Whether an API uses sessions of tokens, or of API keys.
    fn uses(&self, api: &ApiDraft, tokens: bool) -> bool {
        self.session_providers(api).any(|provider| provider.jwt().is_some() == tokens)
    }

    fn somebody_gets_one(&self, api: &ApiDraft, assigned: &Assigned, problems: &mut Problems<'_>) {
        let by_tokens = !assigned.by_scope.is_empty()
            || !assigned.by_client.is_empty()
            || !assigned.by_claim.is_empty()
            || assigned.from_claim.is_some();
        if by_tokens && self.uses(api, false) && !self.uses(api, true) {
            problems.refuse(
                Code::TokenAskedOfKey,
                assigned.at,
                "`by_scope`, `by_client`, `by_claim` and `from_claim` ask tokens, and this API \
                 takes the session of API keys only; use `default`, `by_identity`, or the keys' own \
                 `policies`",
            );
        }
        if !assigned.has_way && assigned.from_claim.is_none() && !self.uses(api, false) {
            problems.refuse(
                Code::PolicyMissing,
                assigned.at,
                "gives nobody a policy, so that everybody would be refused; name one in `default`, \
                 or leave `policies` out where being verified is enough",
            );
        }
    }

    /// An identity is one caller's only where one issuer gives it, and of use only where its session
    /// counts.
    fn callers_are_known(&self, api: &ApiDraft, assigned: &Assigned, problems: &mut Problems<'_>) {
        for of_provider in &assigned.by_identity {
            let OfProvider { at, provider: id, identities, .. } = of_provider;
            let Some(provider) = provider(self.providers, *id) else { continue };
            let shown = provider.shown();
            let is_used = self.session_providers(api).any(|used| used.at == provider.at);
            if !is_used && matches!(api.auth, Some(Auth::Branches { .. })) {
                let used: Vec<_> = self.session_providers(api).map(ProviderDraft::shown).collect();
                let used = listed(used.iter().copied(), "and");
                let message = format!(
                    "`{shown}` is no provider whose session this API uses; those are {used}"
                );
                problems.refuse(Code::NameUnknown, *at, message);
            }
            let several = match &provider.kind {
                DraftKind::Jwt(jwt) if jwt.any_issuer.is_some() => "takes tokens of any issuer",
                DraftKind::Jwt(jwt) if jwt.issuers.len() > 1 => "has several issuers",
                DraftKind::Jwt(_) => continue,
                DraftKind::ApiKey { keys, .. } => {
                    let is_known = |name: &str| keys.iter().any(|key| *key.identity == *name);
                    for name in identities.iter().filter(|name| !is_known(name)) {
                        let message = format!("no key of `{shown}` has this identity");
                        problems.warn(Code::NameUnknown, name.at, message);
                    }
                    continue;
                }
            };
            problems.refuse(
                Code::IdentityAmbiguous,
                *at,
                format!(
                    "`{shown}` {several}, and one's caller is not another's of the same name; make \
                     each issuer a provider, or give these policies by a claim (`by_claim`)"
                ),
            );
        }
    }

    /// `from_claim` needs a claim to read.
    fn tokens_name_policies(
        &self,
        api: &ApiDraft,
        assigned: &Assigned,
        problems: &mut Problems<'_>,
    ) {
        let Some(at) = assigned.from_claim else { return };
        let silent = |provider: &&ProviderDraft| provider.policies_at.is_none();
        let tokens = || self.session_providers(api).filter(|provider| provider.jwt().is_some());
        let all = tokens().count();
        let names: Vec<_> = tokens()
            .filter(silent)
            .filter_map(|provider| provider.name.as_ref().map(|name| name.as_str()))
            .collect();
        if names.is_empty() {
            return;
        }
        let message = format!(
            "no claim says which policies a token of {} names; write `claims.policies` there",
            listed(names.iter().copied(), "and")
        );
        if names.len() == all {
            problems.refuse(Code::ClaimUnnamed, at, message);
        } else {
            problems.warn(Code::ClaimUnnamed, at, message);
        }
    }

    /// Policies that are written into one list are in force together.
    fn lists(&self, api: ApiId, assigned: &Assigned, problems: &mut Problems<'_>) {
        let given = assigned.by_scope.iter().chain(&assigned.by_client);
        let given = given.chain(assigned.by_claim.iter().flatten());
        let of_callers = assigned.by_identity.iter().flat_map(|of_provider| &of_provider.lists);
        let given = given.chain(of_callers);
        for list in assigned.default.iter().chain(given.clone()) {
            self.refuse_contradictions(list, problems);
        }
        for list in given {
            if self.grants_nothing(api, list) {
                problems.warn(
                    Code::PolicyGrantsNothing,
                    list.at,
                    "grants nothing on this API: no `access` entry speaks of it",
                );
            }
        }
        let Some(default) = &assigned.default else { return };
        if self.grants_nothing(api, default) {
            problems.refuse(
                Code::PolicyGrantsNothing,
                default.at,
                "whoever gets only these is always refused here: no `access` entry of them speaks \
                 of this API; add it to one, or name another policy",
            );
        }
        let inactive = |id: &&PolicyId| self.policy(**id).is_some_and(|policy| !policy.active);
        if let Some(policy) = default.value.iter().find(inactive).and_then(|id| self.policy(*id)) {
            problems.warn(
                Code::PolicyInactive,
                default.at,
                format_args!(
                    "`{}` is not active: whoever gets only these is always refused here",
                    policy.name
                ),
            );
        }
    }

    /// Whether some policy of a list says what may be called, and none that it may be this API.
    fn grants_nothing(&self, api: ApiId, list: &Together) -> bool {
        let mut entries = list
            .value
            .iter()
            .filter_map(|id| self.policy(*id)?.access.as_ref())
            .flat_map(|entries| entries.iter().map(|entry| &entry.apis))
            .peekable();
        // An entry without an API was refused for that.
        entries.peek().is_some() && !entries.any(|apis| apis.is_empty() || apis.contains(&api))
    }

    fn refuse_contradictions(&self, list: &Together, problems: &mut Problems<'_>) {
        for (place, one) in list.value.iter().enumerate() {
            for other in list.value.iter().skip(place.saturating_add(1)) {
                if let Some(message) = self.contradiction(*one, *other)
                    && problems.has_room()
                {
                    problems.refuse(
                        Code::PoliciesDisagree,
                        list.at,
                        format_args!(
                            "{message}, and are in force together; give it to one of them only"
                        ),
                    );
                }
            }
        }
    }

    /// How two policies contradict each other, if they do.
    fn contradiction(&self, one: PolicyId, other: PolicyId) -> Option<String> {
        let (one, other) = (self.policy(one)?, self.policy(other)?);
        one.metadata.iter().find_map(|(key, value)| {
            let (_, another) = other.metadata.iter().find(|(known, _)| known == key)?;
            (value != another).then(|| {
                let (key, value, another) = (quoted(key), quoted(value), quoted(another));
                format!(
                    "`{}` and `{}` give the metadata {key} different values ({value} and {another})",
                    one.name, other.name
                )
            })
        })
    }

    /// What a token can get from several places may contradict itself, and then a header is not
    /// sent.
    fn warn_of_contradictions(&self, assigned: &Assigned, problems: &mut Problems<'_>) {
        let scopes = assigned.by_scope.iter().enumerate();
        let scopes = scopes.map(|(place, list)| (Source::Scope(place), list));
        let clients = assigned.by_client.iter().map(|list| (Source::Client, list));
        let claims =
            assigned.by_claim.iter().enumerate().flat_map(|(place, lists)| {
                lists.iter().map(move |list| (Source::Claim(place), list))
            });
        // Whoever has an API key has neither scopes nor claims.
        let of_tokens = assigned.by_identity.iter().filter(|of_provider| {
            let provider = provider(self.providers, of_provider.provider);
            provider.is_some_and(|provider| provider.jwt().is_some())
        });
        let callers = of_tokens.flat_map(|of_provider| &of_provider.lists);
        let callers = callers.map(|list| (Source::Identity, list));
        let mut speaking: Vec<(Source, PolicyId)> = Vec::new();
        for (source, list) in scopes.chain(clients).chain(claims).chain(callers) {
            let says = |id: &&PolicyId| {
                self.policy(**id).is_some_and(|policy| !policy.metadata.is_empty())
            };
            speaking.extend(list.value.iter().filter(says).map(|id| (source, *id)));
        }
        let mut said = Vec::new();
        for (place, (source, one)) in speaking.iter().enumerate() {
            for (another, other) in speaking.iter().skip(place.saturating_add(1)) {
                if source == another || said.len() >= MOST_WARNINGS {
                    continue;
                }
                let pair = (one.min(other), one.max(other));
                let contradiction = self.contradiction(*one, *other);
                if let Some(message) = contradiction.filter(|_| !said.contains(&pair)) {
                    said.push(pair);
                    problems.warn(
                        Code::PoliciesDisagree,
                        assigned.at,
                        format_args!("{message}: no header with it is sent for who gets both"),
                    );
                }
            }
        }
    }

    /// A limit by client or claim, for API keys, which have neither.
    fn warn_of_counting(&self, list: &Together, problems: &mut Problems<'_>) {
        let policies = list.value.iter().filter_map(|id| self.policy(*id));
        let of_tokens = |policy: &&Policy| match policy.limit_by {
            LimitBy::Address | LimitBy::Identity => false,
            LimitBy::Claim(_) | LimitBy::Client => true,
        };
        for policy in policies.filter(of_tokens) {
            let mut entries = policy.access.iter().flatten();
            let limits = policy.rate.is_some()
                || policy.quota.is_some()
                || entries.any(|entry| entry.rate.is_some());
            if limits && problems.has_room() {
                problems.warn(
                    Code::LimitByUnusable,
                    list.at,
                    format!(
                        "the limits of `{}` count by what an API key does not have (`limit_by`): \
                         one that has to keep them is refused; count by `identity`",
                        policy.name
                    ),
                );
            }
        }
    }

    fn unused_claims(&self, problems: &mut Problems<'_>) {
        let reading = || {
            self.apis.iter().zip(self.assigned).filter(|(_, assigned)| {
                assigned.as_ref().is_some_and(|assigned| assigned.from_claim.is_some())
            })
        };
        for provider in self.providers.iter().flatten() {
            let Some(at) = provider.policies_at else { continue };
            let read = reading()
                .any(|(api, _)| self.session_providers(api).any(|other| other.at == provider.at));
            if !read {
                problems.warn(
                    Code::ClaimUnread,
                    at,
                    "nothing reads this: no API that uses this provider's session has \
                     `policies.from_claim`",
                );
            }
        }
    }

    fn unused_policies(&self, problems: &mut Problems<'_>) {
        let assigned = || self.assigned.iter().flatten();
        if assigned().any(|assigned| assigned.from_claim.is_some()) {
            return;
        }
        let mut used = vec![false; self.policies.len()];
        let lists = assigned().flat_map(|assigned| {
            let given = assigned.by_scope.iter().chain(&assigned.by_client);
            let callers = assigned.by_identity.iter().flat_map(|of_provider| &of_provider.lists);
            let given = given.chain(assigned.by_claim.iter().flatten()).chain(callers);
            assigned.default.iter().chain(given)
        });
        for id in lists.chain(self.own).flat_map(|list| &list.value) {
            if let Some(used) = used.get_mut(id.0) {
                *used = true;
            }
        }
        for (draft, _) in self.policies.iter().zip(used).filter(|(_, used)| !used) {
            problems.warn(
                Code::PolicyUnused,
                draft.at,
                "nobody gets this policy: no API names it in its `policies`, none has \
                 `from_claim`, and no API key has it",
            );
        }
    }

    /// An entry about an API that gives no policies is not asked there.
    fn unasked_entries(&self, problems: &mut Problems<'_>) {
        for draft in self.policies {
            let entries = draft.policy.iter().flat_map(|policy| &policy.access).flatten();
            let mut ids: Vec<ApiId> = Vec::new();
            for id in entries.flat_map(|entry| &entry.apis) {
                if let Err(place) = ids.binary_search(id) {
                    ids.insert(place, *id);
                }
            }
            let keys = |id: &ApiId| self.apis.get(id.0).is_some_and(|api| self.uses(api, false));
            let silent =
                |id: &ApiId| self.assigned.get(id.0).is_none_or(Option::is_none) && !keys(id);
            let names: Vec<_> = ids
                .into_iter()
                .filter(silent)
                .filter_map(|id| self.apis.get(id.0)?.name.as_ref().map(|name| name.as_str()))
                .collect();
            if !names.is_empty() {
                problems.warn(Code::PolicyUnasked, draft.at,
                    format_args!(
                        "`access` speaks of {}, without `policies` of its own: there being verified \
                         is enough, and no entry is asked",
                        listed(names.iter().copied(), "and")
                    ),
                );
            }
        }
    }

    /// A header that carries metadata names a key that some policy has, unless one is wrong: it may be
    /// that one.
    fn metadata_keys(&self, problems: &mut Problems<'_>) {
        let policies = self.policies.iter().filter_map(|draft| draft.policy.as_ref());
        let keys = self.providers.iter().flatten().filter_map(|provider| match &provider.kind {
            DraftKind::ApiKey { keys, .. } => Some(keys),
            DraftKind::Jwt(_) => None,
        });
        let of_keys = keys.flat_map(|keys| keys.iter()).flat_map(|key| &key.metadata);
        let known: Vec<&str> = policies
            .flat_map(|policy| &policy.metadata)
            .chain(of_keys)
            .map(|(key, _)| &**key)
            .collect();
        let unsure = |provider: &Option<ProviderDraft>| match provider.as_ref().map(|one| &one.kind)
        {
            Some(DraftKind::ApiKey { metadata_is_sure, .. }) => !metadata_is_sure,
            Some(DraftKind::Jwt(_)) => false,
            None => true,
        };
        if self.policies.iter().any(|draft| draft.policy.is_none())
            || self.providers.iter().any(unsure)
        {
            return;
        }
        for key in self.providers.iter().flatten().flat_map(|provider| &provider.metadata) {
            if known.contains(&&*key.value) {
                continue;
            }
            problems.refuse(
                Code::NameUnknown,
                key.at,
                match near(key, known.iter().copied()) {
                    Some(meant) => format!(
                        "no policy has the metadata {}; did you mean `{meant}`?",
                        quoted(key)
                    ),
                    None => format!(
                        "no policy has the metadata {}; write it into a policy's `metadata`",
                        quoted(key)
                    ),
                },
            );
        }
    }
}

/// Most contradictions of one API that are warned about.
const MOST_WARNINGS: usize = 16;

/// The clients that the API's providers accept; `None` where one of them accepts any, or none of
/// them issues tokens.
fn accepted_clients<'p>(api: &ApiDraft, providers: &'p Providers) -> Option<Vec<&'p str>> {
    let mut accepted = Vec::new();
    for id in &api.providers {
        if let Some(jwt) = providers.get(id.0)?.as_ref()?.jwt() {
            accepted.extend(jwt.requirements.clients.as_ref()?.iter().map(AsRef::as_ref));
        }
    }
    Some(accepted).filter(|accepted| !accepted.is_empty())
}

/// A client that the API, or each of its providers, does not let in can do nothing there.
fn clients(api: &RawApi, accepted: Option<&[&str]>, problems: &mut Problems<'_>) {
    let of_api = api.clients.given();
    let given = api.policies.given().and_then(|policies| policies.by_client.given());
    let named =
        given.iter().flat_map(|map| &map.0).map(|entry| (entry.name.at, &*entry.name.value));
    for (at, client) in named {
        if of_api.is_some_and(|all| {
            all.is_whole() && all.items.iter().all(|known| *known.value.0 != *client)
        }) {
            problems.refuse(
                Code::ClientRefused,
                at,
                format_args!(
                    "{} is none of the API's `clients`; add it there, or delete it here",
                    quoted(client)
                ),
            );
        } else {
            refuse_excluded(at, client, accepted, problems);
        }
    }
    for client in items(&api.clients) {
        refuse_excluded(client.at, &client.value.0, accepted, problems);
    }
}

fn refuse_excluded(
    at: usize,
    client: &str,
    accepted: Option<&[&str]>,
    problems: &mut Problems<'_>,
) {
    if accepted.is_some_and(|accepted| !accepted.contains(&client)) {
        problems.refuse(
            Code::ClientRefused,
            at,
            format_args!(
                "{} is none of the `clients` of the API's providers, which refuse its tokens; add \
                 it there, or delete it here",
                quoted(client)
            ),
        );
    }
}
