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

    /// Where it is written, where its shape is right.
    pub(super) fn at(&self) -> Option<usize> {
        self.given().map(|given| given.at)
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

impl<T: Default> Field<T> {
    /// What an object says, which is nothing where it is missing.
    pub(super) fn says<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        match self.given() {
            Some(given) => read(&given.value),
            None => read(&T::default()),
        }
    }
}

/// A member of an object that has a default.
#[derive(Clone, Debug)]
pub(super) struct Preset<T> {
    /// Whether it is written, and where.
    written: Field<()>,
    /// What is written, or the default where nothing right is.
    pub(super) value: T,
}

impl<T> Preset<T> {
    /// A member that is not written.
    pub(super) const fn absent(default: T) -> Self {
        Self { written: Field::Absent, value: default }
    }

    /// A member as it was read, or its default.
    pub(super) fn new(read: Field<T>, default: T) -> Self {
        match read {
            Field::Given(At { at, value }) => {
                Self { written: Field::Given(At { at, value: () }), value }
            }
            Field::Absent => Self::absent(default),
            Field::Wrong => Self { written: Field::Wrong, value: default },
        }
    }

    /// What was written, where its shape is right.
    pub(super) fn given(&self) -> Option<At<&T>> {
        self.at().map(|at| At { at, value: &self.value })
    }
}

impl Preset<bool> {
    /// Where it says `true`.
    pub(super) fn says_so(&self) -> Option<usize> {
        self.at().filter(|_| self.value)
    }
}

impl<T> Deref for Preset<T> {
    type Target = Field<()>;

    fn deref(&self) -> &Field<()> {
        &self.written
    }
}
