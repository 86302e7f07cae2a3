//! What policies came to for one credential, by API: computed once, and kept beside the credential.

use std::cell::RefCell;
use std::rc::Rc;

use crate::ids::ApiId;
use crate::policy::Grant;

/// Most APIs for which a credential's grant is kept; beyond them it is computed anew.
const MOST: usize = 4;

/// The grants of one credential at the APIs that it was last shown to for the first time.
#[derive(Debug, Default)]
pub(super) struct Grants(RefCell<Vec<(ApiId, Rc<Grant>)>>);

impl Grants {
    /// The grant at an API, computed where it is not here.
    ///
    /// # Errors
    ///
    /// Those of `combine`, which are not kept.
    pub(super) fn at<E>(
        &self,
        api: ApiId,
        combine: impl FnOnce() -> Result<Grant, E>,
    ) -> Result<Rc<Grant>, E> {
        let mut kept = self.0.borrow_mut();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_computed_once_for_each_of_a_few_apis() {
        let grants = Grants::default();
        let mut computed = Vec::new();
        for api in [0, 1, 0, 2, 3, 1, 4, 1, 4, 0, 1] {
            let compute = || {
                computed.push(api);
                Ok::<_, ()>(Grant::default())
            };
            assert!(grants.at(ApiId(api), compute).is_ok());
        }
        assert_eq!(computed, [0, 1, 2, 3, 4, 0, 1]);
        assert!(grants.0.borrow().len() <= MOST);
    }

    #[test]
    fn a_refusal_is_not_kept() {
        let grants = Grants::default();
        assert_eq!(grants.at(ApiId(0), || Err("no")).err(), Some("no"));
        assert!(grants.at(ApiId(0), || Ok::<_, ()>(Grant::default())).is_ok());
    }
}
