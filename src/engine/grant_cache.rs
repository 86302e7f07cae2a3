//! What was computed for one credential, kept beside it: its grants and whose counters its limits count.

use std::cell::RefCell;
use std::rc::Rc;

use crate::ids::ApiId;
use crate::policy::{Grant, LimitBy};
use crate::store::RecordId;

/// Most grants and most subjects that are kept for one credential; others are computed anew.
const MOST: usize = 4;

/// What is kept for one credential.
#[derive(Debug, Default)]
pub(super) struct GrantCache {
    /// Its grants at a few APIs, the newest last.
    grants: RefCell<Vec<(ApiId, Rc<Grant>)>>,
    /// Whose counters its limits count, by the configuration's `limit_by`.
    subjects: RefCell<Vec<(LimitBy, RecordId)>>,
}

impl GrantCache {
    /// The grant at an API; computed unless it is kept.
    ///
    /// # Errors
    ///
    /// Those of `combine`, which are not kept.
    pub(super) fn grant<E>(
        &self,
        api: ApiId,
        combine: impl FnOnce() -> Result<Grant, E>,
    ) -> Result<Rc<Grant>, E> {
        let mut kept = self.grants.borrow_mut();
        if let Some((_, grant)) = kept.iter().find(|(known, _)| *known == api) {
            return Ok(Rc::clone(grant));
        }
        let grant = Rc::new(combine()?);
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push((api, Rc::clone(&grant)));
        Ok(grant)
    }

    /// The subject whose counters a limit counts; hashed unless it is kept.
    ///
    /// # Errors
    ///
    /// Those of `hash`, which are not kept.
    pub(super) fn subject<E>(
        &self,
        by: &LimitBy,
        hash: impl FnOnce() -> Result<RecordId, E>,
    ) -> Result<RecordId, E> {
        let mut kept = self.subjects.borrow_mut();
        if let Some((_, subject)) = kept.iter().find(|(known, _)| known == by) {
            return Ok(*subject);
        }
        let subject = hash()?;
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push((by.clone(), subject));
        Ok(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::ClaimRef;

    #[test]
    fn a_grant_is_computed_once_for_each_of_a_few_apis() {
        let cache = GrantCache::default();
        let mut computed = Vec::new();
        for api in [0, 1, 0, 2, 3, 1, 4, 1, 4, 0, 1] {
            let compute = || {
                computed.push(api);
                Ok::<_, ()>(Grant::default())
            };
            assert!(cache.grant(ApiId(api), compute).is_ok());
        }
        assert_eq!(computed, [0, 1, 2, 3, 4, 0, 1]);
        assert!(cache.grants.borrow().len() <= MOST);
    }

    #[test]
    fn a_subject_is_hashed_once_for_each_of_a_few_claims() {
        let cache = GrantCache::default();
        let by = |claim| match claim {
            0 => LimitBy::Client,
            other => LimitBy::Claim(ClaimRef::Name(format!("c{other}").into())),
        };
        let mut hashed = Vec::new();
        for (claim, id) in [0, 1, 0, 2, 3, 1, 4, 1, 4, 0, 1].map(|claim: u8| (claim, [claim; 32])) {
            let hash = || {
                hashed.push(claim);
                Ok::<_, ()>(id)
            };
            assert_eq!(cache.subject(&by(claim), hash), Ok(id));
        }
        assert_eq!(hashed, [0, 1, 2, 3, 4, 0, 1]);
        assert!(cache.subjects.borrow().len() <= MOST);
        assert_eq!(cache.subject(&LimitBy::Identity, || Err("no")), Err("no"));
        assert_eq!(cache.subject(&LimitBy::Identity, || Ok::<_, ()>([9; 32])), Ok([9; 32]));
    }

    #[test]
    fn a_refusal_is_not_kept() {
        let cache = GrantCache::default();
        assert_eq!(cache.grant(ApiId(0), || Err("no")).err(), Some("no"));
        assert!(cache.grant(ApiId(0), || Ok::<_, ()>(Grant::default())).is_ok());
    }
}
