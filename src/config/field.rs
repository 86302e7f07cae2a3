//! A member of an object: whether it is written, where, and what.

use std::ops::Deref;

/// A value and the place where it begins.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    /// Its place: a byte offset.
    pub(super) at: usize,
    /// It.
    pub(super) value: T,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A member of an object. What was written and is wrong is not missing.
#[derive(Clone, Debug)]
pub(super) enum Field<T> {
    /// Not written.
    Absent,
    /// Written and right, as far as its shape goes.
    Given(At<T>),
    /// Written and wrong, which has been said.
    Wrong,
}

impl<T> Field<T> {
    /// What was written, where its shape is right.
    pub(super) const fn given(&self) -> Option<&At<T>> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// Whether nothing was written.
    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether what was written is wrong, so that nobody knows what it was to say.
    pub(super) const fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }
}

impl<T: Copy> Field<T> {
    /// The value, or what stands for a missing one.
    pub(super) fn or(&self, default: T) -> T {
        self.given().map_or(default, |given| given.value)
    }
}
