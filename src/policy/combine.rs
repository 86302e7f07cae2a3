//! Which policies are in force for a caller, and what they come to together.

use std::cmp::Ordering;

use super::{ApiPolicies, EntryId, Given, Grant, Policies, Policy};
use crate::claims::{ClaimRef, Claims, ClientClaim, Judged, Requirements};
use crate::ids::{ApiId, PolicyId, ProviderId};
use crate::limits::{Bound, Definition};
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step, list, quoted};

/// What vouches for a caller.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The provider whose session it is.
    pub provider: ProviderId,
    /// Who the caller is, by that provider.
    pub identity: &'a str,
    /// The token; `None` for an API key.
    pub token: Option<TokenFacts<'a>>,
    /// The policies that an API key itself has.
    pub own: &'a [PolicyId],
}

/// What a verified token says.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Its claims.
    pub claims: &'a Claims,
    /// What its provider demanded of them, and where they stand.
    pub requirements: &'a Requirements,
    /// What they came to.
    pub judged: &'a Judged,
}

impl Policies {
    /// Finds the policies in force for a caller at an API, and what they come to together: it
    /// depends on the credential and the API alone. What gives which goes to `trace`.
    ///
    /// # Errors
    ///
    /// [`Deny::PolicyUnknown`] for a policy that the token names and that does not exist,
    /// [`Deny::PolicyNone`] where the API gives policies and none to this caller,
    /// [`Deny::SessionInactive`] where one in force is not active, [`Deny::TokenClaimMalformed`] for
    /// a claim of a wrong type, and where a session ends some time after the authentication but the
    /// token does not say when that was.
    pub fn combine(
        &self,
        api: ApiId,
        facts: &Facts<'_>,
        trace: &mut Trace,
    ) -> Result<Grant, Refusal> {
        let mut found = Found { policies: self, ids: Vec::new(), scopes: None, trace };
        if !facts.own.is_empty() {
            found.give(facts.own, || "the key's own policies".to_owned());
        }
        if let Some(given) = self.apis.get(api.0).and_then(Option::as_ref) {
            if let Some(known) = given.of_provider(facts.provider) {
                let by = || format!("`by_identity`: the caller is {}", quoted(facts.identity));
                found.give(known.get(facts.identity), by);
            }
            if let Some(token) = &facts.token {
                found.by_scope(&given.by_scope, token)?;
                found.by_client(&given.by_client, token)?;
                for (claim, given) in &given.by_claim {
                    for text in token.claims.texts(claim)? {
                        found.give(given.get(text), || {
                            format!("`by_claim`: {} is {}", claim.quoted(), quoted(text))
                        });
                    }
                }
                if given.from_claim {
                    found.named(token)?;
                }
            }
            if found.ids.is_empty() {
                found.give(&given.default, || "`default`, as nothing else gives any".to_owned());
            }
            if found.ids.is_empty() {
                return Err(none(given, facts));
            }
        }
        found.grant(api, facts)
    }
}

/// The policies found so far, in the order of their names.
struct Found<'p, 'a> {
    policies: &'p Policies,
    ids: Vec<PolicyId>,
    /// The token's scopes, once somebody has asked.
    scopes: Option<Vec<&'a str>>,
    trace: &'p mut Trace,
}

impl<'p, 'a> Found<'p, 'a> {
    /// Adds the policies that something gives, and notes that in the trace.
    fn give(&mut self, ids: &[PolicyId], by: impl FnOnce() -> String) {
        if self.trace.is_on() {
            self.narrate(ids, by());
        }
        self.add(ids);
    }

    #[inline(never)]
    fn narrate(&mut self, ids: &[PolicyId], by: String) {
        let decided = if ids.is_empty() { Decided::Skipped } else { Decided::Passed };
        let names = ids.iter().filter_map(|id| Some(self.policies.get(*id)?.name.as_str()));
        let found = format!("gives {}", list(&names.collect::<Vec<_>>()));
        self.trace.note(Step::Policies, decided, || (by, found));
    }

    fn add(&mut self, ids: &[PolicyId]) {
        for id in ids {
            if let Err(place) = self.ids.binary_search(id) {
                self.ids.insert(place, *id);
            }
        }
    }

    fn scopes(&mut self, token: &TokenFacts<'a>) -> Result<&[&'a str], Refusal> {
        match &mut self.scopes {
            Some(scopes) => Ok(scopes),
            none => Ok(none.insert(token.claims.scopes(&token.requirements.scopes)?)),
        }
    }

    fn by_scope(&mut self, given: &Given, token: &TokenFacts<'a>) -> Result<(), Refusal> {
        if given.0.is_empty() {
            return Ok(());
        }
        for scope in self.scopes(token)?.to_vec() {
            self.give(given.get(scope), || format!("`by_scope`: the scope {}", quoted(scope)));
        }
        Ok(())
    }

    fn by_client(&mut self, given: &Given, token: &TokenFacts<'a>) -> Result<(), Refusal> {
        match &token.judged.client {
            _ if given.0.is_empty() => {}
            ClientClaim::Absent => {}
            ClientClaim::Is(client) => self.give(given.get(client), || {
                format!("`by_client`: the client is {}", quoted(client))
            }),
            ClientClaim::Malformed => {
                return Err(Refusal::new(
                    Deny::TokenClaimMalformed,
                    token.claims.useless(&token.requirements.client),
                ));
            }
        }
        Ok(())
    }

    /// The policies that the token names, read as scopes are.
    fn named(&mut self, token: &TokenFacts<'a>) -> Result<(), Refusal> {
        let stands = &token.requirements.policies;
        for name in token.claims.scopes(stands)? {
            let Some(id) = self.policies.find(name) else {
                let claim = token.claims.first(stands).map(|(claim, _)| claim.to_string());
                let claim = quoted(&claim.unwrap_or_default());
                return Err(Refusal::new(
                    Deny::PolicyUnknown,
                    format!("the claim {claim} names {}, which is no policy", quoted(name)),
                ));
            };
            self.give(&[id], || "`from_claim`: the token names it".to_owned());
        }
        Ok(())
    }

    /// What the policies found come to.
    fn grant(mut self, api: ApiId, facts: &Facts<'a>) -> Result<Grant, Refusal> {
        let mut grant = Grant::default();
        let (mut rate, mut quota) = (None, None);
        let mut shortest = None;
        let mut names = Vec::new();
        let policies = self.policies;
        for id in std::mem::take(&mut self.ids) {
            let Some(policy) = policies.get(id) else { continue };
            if !policy.active {
                let reason = format!("`policies.{}.active` is false", policy.name);
                return Err(Refusal::new(Deny::SessionInactive, reason));
            }
            self.entries(id, policy, api, facts, &mut grant)?;
            prefer(&mut rate, id, policy.rate, |one, other| one.generosity(other));
            prefer(&mut quota, id, policy.quota, |one, other| one.generosity(other));
            shortest = match (shortest, policy.expires_after) {
                (Some(one), Some(other)) => Some(std::cmp::min(one, other)),
                (one, other) => one.or(other),
            };
            grant.policies.push(id);
            names.push(policy.name.as_str());
        }
        grant.names = names.join(",").into();
        grant.rate = rate.map(|(id, _)| id);
        grant.quota = quota.map(|(id, _)| id);
        if let (Some(token), Some(age)) = (&facts.token, shortest) {
            let Some(start) = token.judged.authenticated_at else {
                return Err(Refusal::new(
                    Deny::TokenClaimMalformed,
                    "a policy ends sessions some time after the authentication (`expires_after`), \
                     and the token has neither `auth_time` nor `iat` that says when it was",
                )
                .with_remedy(
                    "have the provider write `iat` or `auth_time` as a number of seconds, or take \
                     `policies.*.expires_after` out",
                ));
            };
            grant.ends = Some(start.after(age));
        }
        self.trace.passed(Step::Policies, "the policies in force", || match names.is_empty() {
            true => "none, and the API gives none: being verified is enough".to_owned(),
            false => list(&names),
        });
        Ok(grant)
    }

    /// The entries of a policy that speak of this API.
    fn entries(
        &mut self,
        id: PolicyId,
        policy: &Policy,
        api: ApiId,
        facts: &Facts<'a>,
        grant: &mut Grant,
    ) -> Result<(), Refusal> {
        let Some(entries) = &policy.access else { return Ok(()) };
        grant.is_restricted = true;
        let about = entries.iter().enumerate().filter(|(_, entry)| entry.apis.contains(&api));
        for (place, entry) in about {
            let has_all = match &facts.token {
                _ if entry.scopes.is_empty() => true,
                None => false,
                Some(token) => {
                    let scopes = self.scopes(token)?;
                    entry.scopes.iter().all(|scope| scopes.contains(&&**scope))
                }
            };
            let list: &mut Vec<EntryId> =
                if has_all { &mut grant.granting } else { &mut grant.lacking };
            list.push((id, place));
        }
        Ok(())
    }
}

/// Keeps the more generous of two bounds; of equal ones the earlier, by the policies' names.
pub(super) fn prefer<I, T>(
    best: &mut Option<(I, Bound<Definition<T>>)>,
    id: I,
    bound: Option<Bound<Definition<T>>>,
    generosity: impl FnOnce(&T, &T) -> Ordering,
) {
    let Some(bound) = bound else { return };
    let is_better = match (&bound, &best) {
        (_, None) => true,
        (_, Some((_, Bound::Unlimited))) => false,
        (Bound::Unlimited, _) => true,
        (Bound::At(one), Some((_, Bound::At(other)))) => {
            generosity(&one.limit, &other.limit) == Ordering::Greater
        }
    };
    if is_better {
        *best = Some((id, bound));
    }
}

/// The refusal of a caller who has no policy: what would have given one, what was found there, and
/// which claims are missing.
fn none(given: &ApiPolicies, facts: &Facts<'_>) -> Refusal {
    let of_provider = given.of_provider(facts.provider).is_some();
    let Some(TokenFacts { claims, requirements, judged }) = &facts.token else {
        let reason = match of_provider {
            false => "the key has no policies, and the API no `default`",
            true => {
                "the key has no policies, and the API no `default`; `by_identity` does not know \
                 the caller"
            }
        };
        return Refusal::new(Deny::PolicyNone, reason);
    };
    let mut ways = String::new();
    if of_provider {
        // Who it does know is nobody's business, and an identity may have to stay out of the log.
        ways.push_str("; `by_identity` does not know the caller");
    }
    let mut absent: Vec<ClaimRef> = Vec::new();
    let mut look = |way: &str, known: &Given, stands: &[ClaimRef], found: Option<String>| {
        ways.push_str("; `");
        ways.push_str(way);
        ways.push('`');
        if !known.0.is_empty() {
            let known: Vec<_> = known.0.iter().map(|(text, _)| text).collect();
            ways.push_str(" knows ");
            ways.push_str(&list(&known));
        }
        match claims.first(stands) {
            Some((claim, _)) => {
                let found = found.unwrap_or_else(|| "none of these".to_owned());
                ways.push_str(&format!(", the claim {} is {found}", claim.quoted()));
            }
            None => absent.extend_from_slice(stands),
        }
    };
    if !given.by_scope.0.is_empty() {
        let scopes = claims.scopes(&requirements.scopes).ok().map(|scopes| list(&scopes));
        look("by_scope", &given.by_scope, &requirements.scopes, scopes);
    }
    if !given.by_client.0.is_empty() {
        let client = match &judged.client {
            ClientClaim::Is(client) => Some(quoted(client)),
            ClientClaim::Absent | ClientClaim::Malformed => None,
        };
        look("by_client", &given.by_client, &requirements.client, client);
    }
    for (claim, given) in &given.by_claim {
        look("by_claim", given, std::slice::from_ref(claim), None);
    }
    if given.from_claim {
        let empty = Some("empty".to_owned());
        look("from_claim", &Given::default(), &requirements.policies, empty);
    }
    if !absent.is_empty() {
        ways.push_str("; ");
        ways.push_str(&claims.missing(&absent));
    }
    Refusal::new(Deny::PolicyNone, format!("no policy follows from the token{ways}"))
}
