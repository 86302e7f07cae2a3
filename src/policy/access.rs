//! Whether the policies in force grant a request.

use super::combine::prefer;
use super::{Asked, Endpoint, Entry, EntryId, Grant, Policies, Policy};
use crate::http::Ambiguity;
use crate::ids::ApiId;
use crate::limits::Bound;
use crate::mcp::Calls;
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step, list};

/// Most entries that a reason names.
const MAX_ENTRIES: usize = 6;

impl Entry {
    /// Whether a request is one that the entry speaks of, its API and the scopes aside.
    fn is_about(&self, asked: Asked<'_>) -> bool {
        let Asked { method, path, call } = asked;
        (self.methods.is_empty() || self.methods.iter().any(|known| known.as_bytes() == method))
            && (self.paths.is_empty()
                || self.paths.iter().any(|pattern| pattern.matches(path.segments())))
            && (self.calls.as_ref()).is_none_or(|own| call.is_some_and(|call| own.include(call)))
    }
}

impl Policies {
    /// Refuses a request that no entry grants, where a policy in force says what may be called. Returns
    /// the rate of the entry that grants it; of several entries with rates, the most generous one. Which
    /// entries are about the request goes to `trace`.
    ///
    /// # Errors
    ///
    /// [`Deny::AccessDenied`] where no entry grants it, [`Deny::ScopeInsufficient`] where one would
    /// if the token had its scopes, [`Deny::PathAmbiguous`] where a `;` or an encoded slash
    /// decides which entries speak of it.
    pub fn permit(
        &self,
        grant: &Grant,
        asked: Asked<'_>,
        trace: &mut Trace,
    ) -> Result<Option<Endpoint<'_>>, Refusal> {
        if !grant.is_restricted {
            trace.skipped(Step::Access, "`policies.*.access`", || {
                "no policy in force says what may be called".to_owned()
            });
            return Ok(None);
        }
        if trace.is_on() {
            self.narrate(grant, asked, trace);
        }
        for reading in asked.path.readings().map_err(refused)? {
            let entries = || self.entries(&grant.granting).chain(self.entries(&grant.lacking));
            let other = Asked { path: &reading, ..asked };
            let mut same =
                entries().map(|(_, entry)| entry.is_about(asked) == entry.is_about(other));
            if !same.all(|same| same) {
                return Err(Refusal::new(
                    Deny::PathAmbiguous,
                    "without what is behind a `;`, or with `%2f` for a slash, other `access` \
                     entries speak of the path",
                ));
            }
        }
        let mut is_granted = false;
        let mut best = None;
        let about = |(_, entry): &(&Policy, &Entry)| entry.is_about(asked);
        for (policy, entry) in self.entries(&grant.granting).filter(about) {
            is_granted = true;
            prefer(&mut best, policy, entry.rate, |one, other| one.generosity(other));
        }
        if !is_granted {
            let lacking = self.entries(&grant.lacking).find(about);
            return Err(self.refused(grant, lacking.map(|(_, entry)| entry)));
        }
        Ok(match best {
            Some((policy, Bound::At(rate))) => Some(Endpoint { rate, limit_by: &policy.limit_by }),
            Some((_, Bound::Unlimited)) | None => None,
        })
    }

    /// The scopes that the API's default policies ask for a request: those of the first entry that is
    /// about it, or none where one asks for none.
    pub fn asked_of_strangers(&self, api: ApiId, asked: Asked<'_>) -> &[Box<str>] {
        let default = self.of_api(api).map_or(&[][..], |given| &given.default);
        let policies = default.iter().filter_map(|id| self.get(*id));
        let entries = policies.flat_map(|policy| &policy.access).flatten();
        let mut about = entries.filter(|entry| entry.apis.contains(&api) && entry.is_about(asked));
        let Some(first) = about.next() else { return &[] };
        let asks_nothing = first.scopes.is_empty() || about.any(|entry| entry.scopes.is_empty());
        if asks_nothing { &[] } else { &first.scopes }
    }

    /// Notes for each entry about this API whether it grants the request.
    #[inline(never)]
    fn narrate(&self, grant: &Grant, asked: Asked<'_>, trace: &mut Trace) {
        for (ids, has_scopes) in [(&grant.granting, true), (&grant.lacking, false)] {
            for ((_, place), (policy, entry)) in ids.iter().zip(self.entries(ids)) {
                let is_about = entry.is_about(asked);
                let (decided, found) = match (is_about, has_scopes) {
                    (true, true) => (Decided::Passed, "it grants the request".to_owned()),
                    (false, _) => (Decided::Skipped, "it is about other requests".to_owned()),
                    (true, false) => (
                        Decided::Skipped,
                        format!("it asks for the scopes {}", list(&entry.scopes)),
                    ),
                };
                trace.note(Step::Access, decided, || {
                    (format!("`policies.{}.access[{place}]`", policy.name), found)
                });
            }
        }
    }

    fn entries(&self, ids: &[EntryId]) -> impl Iterator<Item = (&Policy, &Entry)> {
        ids.iter().filter_map(|(id, place)| {
            let policy = self.get(*id)?;
            Some((policy, policy.access.as_ref()?.get(*place)?))
        })
    }

    /// Why no entry grants a request; `lacking` would if the token had its scopes.
    fn refused(&self, grant: &Grant, lacking: Option<&Entry>) -> Refusal {
        let names = list(&grant.names.split(',').collect::<Vec<_>>());
        let Some(entry) = lacking else {
            let mut grants: Vec<_> =
                self.entries(&grant.granting).take(MAX_ENTRIES).map(described).collect();
            if grants.is_empty() {
                grants.push("none has an entry about this API".to_owned());
            }
            return Refusal::new(
                Deny::AccessDenied,
                format!(
                    "none of the policies in force grants this request: {names}; {}",
                    grants.join("; ")
                ),
            );
        };
        let mut refusal = Refusal::new(
            Deny::ScopeInsufficient,
            format!(
                "the policies in force ({names}) grant this request only with the scopes {}",
                list(&entry.scopes)
            ),
        );
        refusal.scopes = Some(entry.scopes.join(" ").into());
        refusal
    }
}

/// Why no entry grants a path that could be read in more than one way.
fn refused(why: Ambiguity) -> Refusal {
    Refusal::new(Deny::PathAmbiguous, format!("the path holds {why}"))
}

/// What an entry grants, in words.
fn described((policy, entry): (&Policy, &Entry)) -> String {
    let methods = match entry.methods.is_empty() {
        true => "every method".to_owned(),
        false => list(&entry.methods),
    };
    let paths = match entry.paths.is_empty() {
        true => "every path".to_owned(),
        false => list(&entry.paths.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let calls = entry.calls.as_ref().map_or_else(String::new, Calls::words);
    format!("`{}` grants {methods} on {paths}{calls}", policy.name)
}
