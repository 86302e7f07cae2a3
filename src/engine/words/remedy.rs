//! What an operator should change, with the names of the provider, the policy and the API concerned.

use crate::api::Auth;
use crate::config::Config;
use crate::engine::trail::Trail;
use crate::ids::{ApiId, Name};
use crate::verdict::{Deny, Refusal};

/// A refusal's remedy. Where they are known, the request's provider, its one policy in force and its API
/// take the place of `providers.*`, `policies.*` and `apis[]`.
pub(in crate::engine) fn fill(refusal: &Refusal, trail: &Trail, config: &Config) -> String {
    let api = trail.api.as_ref().and_then(|name| config.api_named(name));
    // A credential that is missing is not that of the provider that was looked at last.
    let looked_at = trail.provider.as_ref().filter(|_| refusal.deny != Deny::CredentialMissing);
    let provider = looked_at.or_else(|| match &config.api(api?)?.auth {
        Auth::None => None,
        Auth::Branches { branches, .. } => {
            let mut members = branches.iter().flat_map(|branch| &branch.members);
            let first = members.next()?;
            members.all(|other| other == first).then(|| config.provider_name(*first))?
        }
    });
    let policy =
        trail.policies.as_deref().filter(|names| !names.is_empty() && !names.contains(','));
    let mut remedy = refusal.remedy().to_owned();
    for (kind, name) in [("providers", provider.map(Name::as_str)), ("policies", policy)] {
        if let Some(name) = name {
            remedy = remedy.replace(&format!("{kind}.*"), &format!("{kind}.{name}"));
        }
    }
    match api {
        Some(_) if !config.names_apis => of_none(&remedy),
        Some(ApiId(api)) => remedy.replace("apis[]", &format!("apis[{api}]")),
        None => remedy,
    }
}

/// What remedies say around a field of APIs, and what is true without any: all providers are everybody's.
const WITHOUT_APIS: [([&str; 2], &str); 3] = [
    ([" (and to ", "audiences` where the API has its own)"], ""),
    ([", and ", "auth` must name that provider"], ""),
    (["let ", "auth` name that provider"], "add that one to `providers`"),
];

const OF_APIS: &str = "`apis[].";

/// Where the configuration has no `apis`, what is said of another field there is said of one to be added.
fn of_none(remedy: &str) -> String {
    let mut parts = remedy.split(OF_APIS);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let known = WITHOUT_APIS.iter().find_map(|([before, behind], without)| {
            Some((told.strip_suffix(before)?.len(), *without, part.strip_prefix(behind)?))
        });
        if let Some((kept, without, rest)) = known {
            told.truncate(kept);
            told.extend([without, rest]);
        } else {
            let (field, rest) = part.split_once('`').unwrap_or((part, ""));
            told.extend(["`", field, "` of an entry that you add to `apis`", rest]);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clause_about_apis_is_in_some_remedy() {
        for ([before, behind], _) in WITHOUT_APIS {
            let clause = [before, OF_APIS, behind].concat();
            assert!(Deny::ALL.iter().any(|deny| deny.remedy().contains(&clause)), "{clause}");
        }
    }
}
