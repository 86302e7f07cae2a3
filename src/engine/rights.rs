//! What a caller may do at an API: the policies in force, and what they and the API ask.

use std::rc::Rc;

use super::voucher::{Own, Said, Voucher};
use super::words::{narrate, reason};
use crate::api::Api;
use crate::claims::{ClientClaim, Requirements};
use crate::config::Config;
use crate::ids::{ApiId, PolicyId};
use crate::limits::Charge;
use crate::policy::{
    Asked, Endpoint, Facts, Grant, LimitBy, Metadata, Policies, Policy, TokenFacts,
};
use crate::trace::Trace;
use crate::verdict::{Deny, Refusal, Step, list};

/// What a caller may do.
pub(super) struct Rights<'c> {
    policies: &'c Policies,
    grant: Rc<Grant>,
    /// The tags and metadata of the caller's API key.
    tags: &'c [Box<str>],
    metadata: &'c [(Box<str>, Box<str>)],
}

impl<'c> Rights<'c> {
    /// Finds the policies in force for a caller, computed once for each credential and API.
    ///
    /// # Errors
    ///
    /// Those of [`Policies::combine`].
    pub(super) fn find(
        config: &'c Config,
        id: ApiId,
        owner: &Voucher<'c>,
        trace: &mut Trace,
    ) -> Result<Self, Refusal> {
        let policies = &config.policies;
        let Own { tags, metadata, .. } = owner.own;
        let is_on = trace.is_on();
        let mut combine = || policies.combine(id, &facts(policies, owner, &mut Vec::new()), trace);
        // A trace needs each step, so for a trace the policies are combined anew.
        let grant =
            if is_on { Rc::new(combine()?) } else { owner.known.cache.grant(id, combine)? };
        Ok(Self { policies, grant, tags, metadata })
    }

    /// Demands that the policies grant the request; the rate of the entry that does.
    ///
    /// # Errors
    ///
    /// Those of [`Policies::permit`]. Where scopes alone are missing, the refusal names all that the
    /// request needs, the API's with the entry's: there are clients that come back with a token for what
    /// the challenge names, and for nothing else.
    pub(super) fn permit(
        &self,
        api: &Api,
        asked: Asked<'_>,
        trace: &mut Trace,
    ) -> Result<Option<Endpoint<'c>>, Refusal> {
        self.policies.permit(&self.grant, asked, trace).map_err(|mut refusal| {
            if let Some(entrys) = refusal.scopes.take() {
                let others =
                    entrys.split(' ').filter(|one| !api.scopes.iter().any(|own| **own == **one));
                let all: Vec<_> = api.scopes.iter().map(AsRef::as_ref).chain(others).collect();
                refusal.scopes = Some(all.join(" ").into());
            }
            refusal
        })
    }

    /// The limits of the policies in force, and of what grants the request.
    pub(super) fn charges(
        &self,
        endpoint: Option<Endpoint<'c>>,
    ) -> impl Iterator<Item = (Charge, &LimitBy)> {
        self.policies.charges(&self.grant, endpoint)
    }

    /// Every policy, in force or not.
    pub(super) fn policies(&self) -> &[Policy] {
        self.policies.list()
    }

    /// The policies in force, combined.
    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The tags of the key and of the policies in force.
    pub(super) fn tags(&self) -> Vec<&str> {
        self.policies.tags(&self.grant, self.tags)
    }

    /// What the key and the policies in force say under a key of `metadata`.
    pub(super) fn metadata(&self, key: &str) -> Metadata<'_> {
        self.policies.metadata(&self.grant, self.metadata, key)
    }
}

/// What policies are found by; `own` is filled with the policies that the credential itself names.
fn facts<'a>(policies: &Policies, owner: &'a Voucher<'_>, own: &'a mut Vec<PolicyId>) -> Facts<'a> {
    own.extend(owner.own.policies.iter().filter_map(|name| policies.find(name.as_str())));
    let token = owner.says().map(|(said, requirements)| {
        let (claims, judged) = (&said.claims, &owner.known.who);
        TokenFacts { claims, requirements, judged }
    });
    Facts { provider: owner.id, identity: owner.identity(), token, own }
}

/// Judges what the API itself demands of the token of the session's provider.
pub(super) fn may_call(
    api: &Api,
    owner: &Voucher<'_>,
    (said, asks): (&Said, &Requirements),
    trace: &mut Trace,
) -> Result<(), Refusal> {
    if let Some(audiences) = &api.audiences {
        said.claims.has_audience(audiences).map_err(|refusal| {
            let reason = format!("{} by the API's own `audiences`", refusal.reason);
            refusal.with_reason(reason)
        })?;
        narrate::asked("`apis[].audiences`", audiences, trace);
    }
    if let Some(clients) = &api.clients {
        match &owner.known.who.client {
            ClientClaim::Is(client) if clients.iter().any(|one| **one == **client) => {
                narrate::asked("`apis[].clients`", clients, trace);
            }
            ClientClaim::Is(client) => {
                return Err(reason::other_client(client, clients));
            }
            ClientClaim::Absent => {
                let missing = said.claims.useless(&asks.client);
                return Err(Refusal::new(
                    Deny::AccessDenied,
                    format!("the token names no client: {missing}"),
                ));
            }
            ClientClaim::Malformed => {
                return Err(Refusal::new(
                    Deny::TokenClaimMalformed,
                    said.claims.useless(&asks.client),
                ));
            }
        }
    }
    has_scopes(api, (said, asks))?;
    if !api.scopes.is_empty() {
        let found = || format!("the token has all of {}", list(&api.scopes));
        trace.passed(Step::Access, "`apis[].scopes`", found);
    }
    let met = said.claims.meets(&api.rules, Step::Access, trace);
    met.map_err(|reason| Refusal::new(Deny::ClaimInsufficient, reason))
}

fn has_scopes(api: &Api, (said, asks): (&Said, &Requirements)) -> Result<(), Refusal> {
    if api.scopes.is_empty() {
        return Ok(());
    }
    let stands = &asks.scopes;
    let scopes = said.claims.scopes(stands)?;
    let lacking: Vec<_> =
        api.scopes.iter().map(AsRef::as_ref).filter(|scope| !scopes.contains(scope)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let mut refusal = reason::scopes(&lacking, &scopes, &said.claims, stands);
    refusal.scopes = Some(api.scopes.join(" ").into());
    Err(refusal)
}
