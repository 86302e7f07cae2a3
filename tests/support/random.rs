//! Randomness that tells how much of it was used.

use std::cell::Cell;

use tollgate::env::Random;

/// Counts up from 1 instead of drawing.
#[derive(Debug, Default)]
pub struct Counting(Cell<u64>);

impl Counting {
    /// A source from which this much was drawn.
    pub const fn after(drawn: u64) -> Self {
        Self(Cell::new(drawn))
    }

    /// How often it was drawn from.
    pub const fn drawn(&self) -> u64 {
        self.0.get()
    }
}

impl Random for Counting {
    fn u64(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}
