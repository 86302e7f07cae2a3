//! Whom a name means: a provider, a policy, an API.

use super::drafts::{ApiDraft, Members, Together};
use crate::config::code::Code;
use crate::config::problems::{Problems, listed, near};
use crate::config::raw::RawConfig;
use crate::config::raw::policy::RawPolicy;
use crate::config::read::{At, Entry as Member, List, Text};
use crate::ids::{PolicyId, ProviderId};
use crate::verdict::quoted;

/// What is known about providers: their names, in the order of their ids; and whether these are all,
/// which nobody knows where `providers` is wrong as a whole.
pub(super) struct KnownProviders<'r>(pub(super) Vec<&'r str>, pub(super) bool);

impl<'r> KnownProviders<'r> {
    pub(super) fn new(raw: &'r RawConfig) -> Self {
        let entries = raw.providers.given().map_or(&[][..], |providers| &providers.0);
        let known = entries.iter().map(|entry| &*entry.name.value).collect();
        Self(known, !raw.providers.is_wrong())
    }

    pub(super) fn find(&self, name: &str) -> Option<ProviderId> {
        self.0.iter().position(|known| *known == name).map(ProviderId)
    }

    pub(super) fn get(&self, id: ProviderId) -> &str {
        self.0.get(id.0).copied().unwrap_or_default()
    }

    pub(super) fn list(&self, ids: &[ProviderId]) -> String {
        ids.iter().map(|id| self.get(*id)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn unknown(&self, name: &str) -> String {
        match near(name, self.0.iter().copied()) {
            None if name == "none" => "a public API has no list; write \"auth\": \"none\"".into(),
            _ => unknown(name, "provider", &self.0),
        }
    }

    pub(super) fn branch(&self, members: &Members) -> String {
        members.0.iter().map(|id| format!("`{}`", self.get(*id))).collect::<Vec<_>>().join(" + ")
    }
}

/// The policies' names, in order: a [`PolicyId`] is a place in here; and whether these are all, which
/// nobody knows where `policies` is wrong as a whole.
pub(super) struct KnownPolicies<'r>(pub(super) Vec<&'r Member<RawPolicy>>, pub(super) bool);

impl<'r> KnownPolicies<'r> {
    pub(super) fn new(raw: &'r RawConfig) -> Self {
        let mut sorted: Vec<&Member<RawPolicy>> = Vec::new();
        for entry in raw.policies.given().iter().flat_map(|policies| &policies.0) {
            let place = sorted.binary_search_by(|known| known.name.value.cmp(&entry.name.value));
            if let Err(place) = place {
                sorted.insert(place, entry);
            }
        }
        Self(sorted, !raw.policies.is_wrong())
    }

    pub(super) fn find(&self, name: &str) -> Option<PolicyId> {
        self.0.binary_search_by(|known| (*known.name.value).cmp(name)).ok().map(PolicyId)
    }

    pub(super) fn unknown(&self, name: &str) -> String {
        unknown(name, "policy", &self.0.iter().map(|entry| &*entry.name.value).collect::<Vec<_>>())
    }

    /// The policies of a list.
    pub(super) fn resolve(&self, list: &At<List<Text>>, problems: &mut Problems<'_>) -> Together {
        if list.is_empty() {
            problems.refuse(
                Code::ValueEmpty,
                list.at,
                "an empty list gives nothing; name a policy, or leave it out",
            );
        }
        let mut ids = Vec::new();
        for name in &list.items {
            match self.find(name) {
                None if self.1 && problems.has_room() => {
                    problems.refuse(Code::NameUnknown, name.at, self.unknown(name))
                }
                None => {}
                Some(id) if ids.contains(&id) => {
                    problems.refuse(
                        Code::ValueTwice,
                        name.at,
                        "written twice in one list; delete one of the two",
                    );
                }
                Some(id) => ids.push(id),
            }
        }
        At { at: list.at, value: ids }
    }
}

/// Refuses the name of no API, unless one has a name that is wrong: it may be that one.
pub(super) fn refuse_unknown_api(
    name: &At<impl AsRef<str>>,
    apis: &[ApiDraft],
    problems: &mut Problems<'_>,
) {
    let names = apis.iter().map(|api| Some(api.name.as_ref()?.as_str()));
    if let Some(names) = names.collect::<Option<Vec<_>>>() {
        let message = unknown(name.value.as_ref(), "API", &names);
        problems.refuse(Code::NameUnknown, name.at, message);
    }
}

/// Says that a name is none of those of its kind, and which of them was probably meant.
fn unknown(name: &str, kind: &str, known: &[&str]) -> String {
    let shown = quoted(name);
    match near(name, known.iter().copied()) {
        Some(meant) => format!("{shown} is no {kind}; did you mean `{meant}`?"),
        None if known.is_empty() => format!("{shown} is no {kind}; there are none"),
        None => format!("{shown} is no {kind}; known: {}", listed(known.iter().copied(), "and")),
    }
}
