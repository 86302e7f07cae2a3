//! What an operator is told to change, with the real names of what a request met.

use super::admission::Trail;
use crate::api::Auth;
use crate::config::Config;
use crate::ids::Name;
use crate::verdict::Deny;

/// A reason's remedy, in which `providers.*`, `policies.*` and `apis[]` are the provider, the one policy
/// in force and the API of the request that left this trail, where they are known.
pub(super) fn fill(deny: Deny, trail: &Trail, config: &Config) -> String {
    let is_it = |name: &Name| trail.api.as_ref() == Some(name);
    let api = config.apis.iter().position(|api| is_it(&api.name));
    let provider = trail.provider.as_ref().or_else(|| match &config.apis.get(api?)?.auth {
        Auth::None => None,
        Auth::Branches { branches, .. } => {
            let mut members = branches.iter().flat_map(|branch| &branch.members);
            let first = members.next()?;
            members.all(|other| other == first).then(|| config.provider_name(*first))?
        }
    });
    let policy =
        trail.policies.as_deref().filter(|names| !names.is_empty() && !names.contains(','));
    deny.remedy_at(provider.map(Name::as_str), policy, api)
}
