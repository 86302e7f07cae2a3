//! What was learnt about a request on its way, for the log, the access log and the trace.

use std::sync::Arc;

use super::voucher::Known;
use crate::claims::{Claims, Issuer};
use crate::event::Effect;
use crate::ids::{Kid, Name, StreamId};
use crate::trace::Trace;
use crate::verdict::Deny;

/// What was learnt on the way, for the log and the access log. Untrusted until the identity is set.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) api: Option<Name>,
    pub(super) provider: Option<Name>,
    /// The name of the API key that was shown.
    pub(super) key: Option<Arc<str>>,
    pub(super) kid: Option<Kid>,
    pub(super) issuer: Option<Arc<str>>,
    /// The verified identity.
    pub(super) identity: Option<Arc<str>>,
    /// Which method of MCP is called, and upon what: as the client says.
    pub(super) mcp_method: Option<Arc<str>>,
    pub(super) mcp_name: Option<Arc<str>>,
    /// By what the session came; noted where browsers may log in.
    pub(super) via: Option<Arc<str>>,
    /// What the session is called of a browser that logged in.
    pub(super) session: Option<Arc<str>>,
    /// The names of the policies in force.
    pub(super) policies: Option<Arc<str>>,
    /// Whether the API only reports refusals; `None` where no API is known.
    pub(super) reports: Option<bool>,
    /// Each step, where somebody may read them.
    pub(super) steps: Trace,
    /// Whether that is the caller.
    pub(super) is_explained: bool,
    /// Whether to note whose credentials are shown.
    pub(super) notes_shown: bool,
    /// Whose credentials were shown, where that is noted.
    pub(super) shown: Vec<Shown>,
}

/// Whose credential was shown: what it says of itself, good or not.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) provider: Name,
    /// The identity that it names.
    pub(super) identity: Option<Arc<str>>,
    /// What the API key is called.
    pub(super) key: Option<Arc<str>>,
}

impl Trail {
    /// Another provider's credential is looked at now.
    pub(super) fn enter(&mut self, provider: Option<&Name>) {
        self.provider = provider.cloned();
        self.steps.enter(provider);
        (self.kid, self.issuer) = (None, None);
    }

    /// A credential was shown.
    pub(super) fn shows(
        &mut self,
        provider: &Name,
        identity: impl FnOnce() -> Option<Arc<str>>,
        key: Option<&Arc<str>>,
    ) {
        if self.notes_shown {
            let (provider, key) = (provider.clone(), key.cloned());
            self.shown.push(Shown { provider, identity: identity(), key });
        }
    }

    /// What a token says of itself.
    pub(super) fn claimed(&mut self, kid: Option<&Kid>, claims: &Claims) {
        self.kid = kid.cloned();
        self.issuer = match claims.issuer() {
            Issuer::Is(issuer) => Some(issuer.into()),
            Issuer::Absent | Issuer::WrongType => None,
        };
    }

    /// What a credential that is known to be good says.
    pub(super) fn known(&mut self, provider: &Name, known: &Known) {
        self.enter(Some(provider));
        if let Some(said) = &known.says {
            self.kid.clone_from(&said.kid);
            self.issuer.clone_from(&known.who.issuer);
        }
    }

    /// Leaves these facts for other filters and the access log.
    pub(super) fn note(&self, stream: StreamId, deny: Option<Deny>, effects: &mut Vec<Effect>) {
        let verified = self.identity.as_ref();
        let provider = verified.and(self.provider.as_ref()).map(Name::to_shared);
        let policies = self.policies.as_ref().filter(|names| !names.is_empty());
        let facts = [
            ("tollgate.api", self.api.as_ref().map(Name::to_shared)),
            ("tollgate.code", deny.map(|deny| deny.code().into())),
            ("tollgate.identity", verified.cloned()),
            ("tollgate.key", self.key.clone()),
            ("tollgate.mcp_method", self.mcp_method.clone()),
            ("tollgate.mcp_name", self.mcp_name.clone()),
            ("tollgate.policies", policies.map(Arc::clone)),
            ("tollgate.provider", provider),
            ("tollgate.session", self.session.clone()),
            ("tollgate.via", self.via.clone()),
        ];
        effects.extend(
            facts
                .into_iter()
                .filter_map(|(key, value)| Some(Effect::Note { stream, key, value: value? })),
        );
    }
}
