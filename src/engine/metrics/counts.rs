//! What is counted for every request beside its verdict. A worker adds it up, and reports to the host
//! twice a second: a host call for each count would cost more than the rest of the counting.

use std::borrow::Cow;
use std::cell::Cell;

use crate::config::Config;
use crate::event::{Effect, metric};
use crate::ids::{Name, ProviderId};

/// The counts of one worker since it last reported them.
#[derive(Debug)]
pub(in crate::engine) struct Counts {
    apis: Outcomes,
    providers: Outcomes,
    /// Tokens of which it was known what their providers say, by the providers' places.
    answered: Vec<(Name, Count)>,
    /// Sessions that were due and could not be refreshed, by the providers' places.
    unrefreshed: Vec<(Name, Count)>,
    /// Requests at servers of MCP of which it is not known what they call.
    pub(in crate::engine) mcp_legacy: Count,
    /// Signatures that the host checked.
    pub(in crate::engine) by_host: Count,
    /// Signatures that the module checked.
    pub(in crate::engine) by_module: Count,
    /// Tokens that had been verified before.
    pub(in crate::engine) recalled: Count,
}

/// A count that is raised through a shared reference.
#[derive(Debug, Default)]
pub(in crate::engine) struct Count(Cell<u64>);

impl Count {
    pub(in crate::engine) fn raise(&self) {
        self.0.set(self.0.get().saturating_add(1));
    }

    /// Reports what was counted since the last time: once in the module.
    #[inline(never)]
    fn tell(&self, metric: &dyn Fn() -> Cow<'static, str>, effects: &mut Vec<Effect>) {
        match self.0.take() {
            0 => {}
            by => effects.push(Effect::Count { metric: metric(), by }),
        }
    }
}

/// Requests permitted and refused, by a name, in the order of names.
#[derive(Debug)]
struct Outcomes(Vec<(Name, Count, Count)>);

impl Outcomes {
    fn of<'n>(names: impl Iterator<Item = &'n Name>) -> Self {
        let mut all: Vec<(Name, Count, Count)> = Vec::new();
        for name in names {
            let place = all.partition_point(|(before, ..)| before < name);
            all.insert(place, (name.clone(), Count::default(), Count::default()));
        }
        Self(all)
    }

    fn raise(&self, name: Option<&Name>, permitted: bool) {
        let Some(name) = name else { return };
        let place = self.0.binary_search_by(|(known, ..)| known.cmp(name));
        if let Some((_, allowed, denied)) = place.ok().and_then(|place| self.0.get(place)) {
            if permitted { allowed } else { denied }.raise();
        }
    }
}

impl Counts {
    pub(in crate::engine) fn new(config: &Config) -> Self {
        Self {
            apis: Outcomes::of(config.apis.iter().map(|api| &api.name)),
            providers: Outcomes::of(config.providers.iter().map(|provider| &provider.name)),
            answered: each(config),
            unrefreshed: each(config),
            mcp_legacy: Count::default(),
            by_host: Count::default(),
            by_module: Count::default(),
            recalled: Count::default(),
        }
    }

    /// Counts a request that was permitted or refused.
    pub(in crate::engine) fn outcome(
        &self,
        permitted: bool,
        api: Option<&Name>,
        provider: Option<&Name>,
    ) {
        self.apis.raise(api, permitted);
        self.providers.raise(provider, permitted);
    }

    /// Counts a token of which it was known what its provider says.
    pub(in crate::engine) fn answered(&self, provider: ProviderId) {
        if let Some((_, count)) = self.answered.get(provider.0) {
            count.raise();
        }
    }

    /// Counts a session that is due, and has no refresh token that could be used.
    pub(in crate::engine) fn unrefreshed(&self, provider: ProviderId) {
        if let Some((_, count)) = self.unrefreshed.get(provider.0) {
            count.raise();
        }
    }

    /// Reports what was counted since the last time.
    pub(in crate::engine) fn flush(&self, effects: &mut Vec<Effect>) {
        let mut tell =
            |count: &Count, metric: &dyn Fn() -> Cow<'static, str>| count.tell(metric, effects);
        for (name, allowed, denied) in &self.apis.0 {
            tell(allowed, &|| metric::api(true, name));
            tell(denied, &|| metric::api(false, name));
        }
        for (name, allowed, denied) in &self.providers.0 {
            tell(allowed, &|| metric::provider(true, name));
            tell(denied, &|| metric::provider(false, name));
        }
        for (name, count) in &self.answered {
            tell(count, &|| metric::introspection(metric::Introspected::Cached, name));
        }
        for (name, count) in &self.unrefreshed {
            tell(count, &|| metric::login(metric::LoggedIn::RefreshFailed, name));
        }
        tell(&self.mcp_legacy, &|| metric::MCP_LEGACY.into());
        tell(&self.by_host, &|| metric::VERIFIED_HOST.into());
        tell(&self.by_module, &|| metric::VERIFIED_WASM.into());
        tell(&self.recalled, &|| metric::VERIFIED_CACHED.into());
    }
}

/// A count for each provider.
fn each(config: &Config) -> Vec<(Name, Count)> {
    config.providers.iter().map(|one| (one.name.clone(), Count::default())).collect()
}
