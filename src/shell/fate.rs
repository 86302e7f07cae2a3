//! What the shell keeps of one request.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::event::Headers;

/// Where a request stands.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(super) enum Stage {
    /// Nothing of it may go upstream yet.
    #[default]
    Pending,
    /// It goes upstream.
    Forwarded,
    /// It was answered here.
    Answered,
}

/// What was decided about a request.
#[derive(Default)]
pub(super) struct Fate {
    pub(super) stage: Cell<Stage>,
    /// What of the filter's time went into it while it could not be decided.
    pub(super) spent: Cell<Duration>,
    /// Headers of the upstream's answer: those to be set when that comes, those to be added, and those to
    /// be set where it has none of the kind.
    pub(super) headers: RefCell<(Headers, Headers, Headers)>,
    pub(super) body: Cell<Body>,
    /// Whether a call was made for it alone.
    pub(super) has_called: Cell<bool>,
}

/// What the shell knows of a request's body.
#[derive(Clone, Copy, Default)]
pub(super) struct Body {
    /// How many bytes of it are of use, where the engine has asked for it.
    pub(super) max: Option<usize>,
    /// How much of it has come, in bytes.
    pub(super) size: usize,
    /// Whether that is all.
    pub(super) is_whole: bool,
}

impl Body {
    /// How many bytes are to be read now: none where it is too long. `None` while more of it has to
    /// come, or nobody has asked for it.
    pub(super) fn is_ready(self) -> Option<Option<usize>> {
        let max = self.max?;
        if self.size > max {
            return Some(None);
        }
        self.is_whole.then_some(Some(self.size))
    }
}
