//! A section of header or trailer fields as it came.

use std::ops::Range;

use crate::wire::is_same;

/// Names and values in order, repeated ones apart (RFC 9110 §5, §6.5): one buffer, and where in it
/// each stands, because a proxy hands over a dozen with every request and every response.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields {
    bytes: Vec<u8>,
    places: Vec<Place>,
    is_followed: bool,
}

/// Where a field stands in its section's buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: Range<usize>,
    /// Its value.
    pub value: Range<usize>,
}

impl Fields {
    /// The fields at these places of a buffer; what a place names outside of it reads as empty.
    pub const fn new(bytes: Vec<u8>, places: Vec<Place>) -> Self {
        Self { bytes, places, is_followed: false }
    }

    /// The same section, behind which the rest of its message is still to come: a body or trailers.
    pub const fn followed(mut self) -> Self {
        self.is_followed = true;
        self
    }

    /// Whether the rest of the message is still to come, as the host says.
    pub const fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Name and value of each, bytes as they came.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.places.iter().map(|place| (self.at(&place.name), self.at(&place.value)))
    }

    /// The values of every field of this name, without regard to its case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(found, _)| is_same_name(found, name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The value of the first field of this name.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        // Asked many times of each request: a loop, which is quick without being inlined.
        for place in &self.places {
            if is_same_name(self.at(&place.name), name.as_bytes()) {
                return Some(self.at(&place.value));
            }
        }
        None
    }

    /// How many bytes the names and values have together.
    pub fn bytes(&self) -> usize {
        self.iter().fold(0, |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        })
    }

    #[inline(always)]
    fn at(&self, place: &Range<usize>) -> &[u8] {
        match self.bytes.get(place.start..place.end) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Whether two names are the same without regard to case. Nearly always the length tells.
#[inline(always)]
pub fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && is_same_text(one, other)
}

/// Whether two texts of one length are the same without regard to case.
#[inline(never)]
fn is_same_text(mut one: &[u8], mut other: &[u8]) -> bool {
    // Nearly always the cases are the same, too.
    if is_same(one, other) {
        return true;
    }
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if a != b && !a.eq_ignore_ascii_case(b) {
            return false;
        }
        (one, other) = (rest, others);
    }
    true
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> Extend<(N, V)> for Fields {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        for (name, value) in fields {
            let mut place = |part: &[u8]| {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(part);
                start..self.bytes.len()
            };
            let (name, value) = (place(name.as_ref()), place(value.as_ref()));
            self.places.push(Place { name, value });
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut all = Self::default();
        all.extend(fields);
        all
    }
}
