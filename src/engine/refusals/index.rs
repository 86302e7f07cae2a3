//! Which refusals are kept: one place for all that are equal, and a share of the places for every code.
//!
//! Where all places are taken, the code that has most of them gives one up; the newcomer counts as one
//! of its own code. However many kinds come of one code, they take no place of a code that has only its
//! share.

use std::cmp::Reverse;

use crate::time::UnixMillis;
use crate::wire::Reader;

/// How many records are kept.
pub(super) const PLACES: usize = 64;

/// What equal refusals have in common: the code, the API and the words of the reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kind {
    code: u64,
    whole: u64,
}

/// All refusals of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Where it stands among all: the higher, the newer.
    pub(super) number: u64,
    pub(super) first: UnixMillis,
    pub(super) last: UnixMillis,
    pub(super) count: u64,
}

/// What is kept, by place.
#[derive(Debug, Default)]
pub(super) struct Index {
    number: u64,
    pub(super) entries: Vec<Entry>,
}

impl Kind {
    /// The kind of a refusal. Of its reason only that part counts which is the same for every caller and
    /// time: not what is quoted, no numbers, and no word behind a number, which may be its unit.
    pub(super) fn of(code: &str, api: &str, reason: &str) -> Self {
        let code = mixed(0xcbf2_9ce4_8422_2325, code);
        let mut whole = mixed(code, api);
        for text in reason.split('`').step_by(2) {
            let mut counts = true;
            for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
                let is_number = word.bytes().any(|byte| byte.is_ascii_digit());
                if counts && !is_number {
                    whole = mixed(whole, word);
                }
                counts = !is_number && (counts || !word.is_empty());
            }
        }
        Self { code, whole }
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        out.extend(self.code.to_le_bytes());
        out.extend(self.whole.to_le_bytes());
    }

    pub(super) fn decode(fields: &mut Reader<'_>) -> Option<Self> {
        Some(Self { code: fields.u64()?, whole: fields.u64()? })
    }
}

/// FNV-1a over a word: no stranger chooses what is hashed, since what they wrote is quoted.
fn mixed(hash: u64, word: &str) -> u64 {
    let bytes = word.bytes().chain((!word.is_empty()).then_some(0xff));
    bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Index {
    /// Reads what stands behind a record's header; `None` for whatever is odd about it.
    pub(super) fn decode(mut fields: Reader<'_>) -> Option<Self> {
        let mut index = Self { number: fields.u64()?, entries: Vec::with_capacity(PLACES) };
        while !fields.rest().is_empty() {
            let kind = Kind::decode(&mut fields)?;
            let mut time = || fields.u64().map(UnixMillis::new);
            let (first, last) = (time()?, time()?);
            let (number, count) = (fields.u64()?, fields.u64()?);
            if index.entries.len() >= PLACES {
                return None;
            }
            index.entries.push(Entry { kind, number, first, last, count });
        }
        Some(index)
    }

    /// Its number, then each entry: kind, first, last, number, count; all little-endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.number.to_le_bytes().to_vec();
        for Entry { kind, number, first, last, count } in &self.entries {
            kind.encode(&mut out);
            for number in [first.millis(), last.millis(), *number, *count] {
                out.extend(number.to_le_bytes());
            }
        }
        out
    }

    /// Counts so many refusals of a kind, the last of which came at `at`, and says where they are
    /// kept. Only what is kept already has a place unless `makes_room`.
    pub(super) fn count(
        &mut self,
        kind: Kind,
        (by, at): (u64, UnixMillis),
        makes_room: bool,
    ) -> Option<usize> {
        let known = self.entries.iter().position(|entry| entry.kind == kind);
        let place = match known {
            Some(place) => place,
            None if !makes_room => return None,
            None => self.place_for(kind, at),
        };
        self.number = self.number.saturating_add(1);
        let entry = self.entries.get_mut(place)?;
        entry.number = self.number;
        entry.last = at.max(entry.last);
        entry.count = entry.count.saturating_add(by);
        Some(place)
    }

    /// A place for a kind that has none.
    fn place_for(&mut self, kind: Kind, first: UnixMillis) -> usize {
        let entry = Entry { kind, number: 0, first, last: first, count: 0 };
        if self.entries.len() < PLACES {
            self.entries.push(entry);
            return self.entries.len().saturating_sub(1);
        }
        let codes = || self.entries.iter().map(|entry| entry.kind.code);
        let places = |code| codes().chain([kind.code]).filter(|other| *other == code).count();
        let gives_way = |(_, one): &(usize, &Entry)| (places(one.kind.code), Reverse(one.number));
        let place = self.entries.iter().enumerate().max_by_key(gives_way).map_or(0, |(at, _)| at);
        if let Some(old) = self.entries.get_mut(place) {
            *old = entry;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000);

    #[test]
    fn refusals_are_equal_whatever_is_quoted_and_numbered_in_their_reasons() {
        let same = [
            (
                "`exp` was 2027-01-15T08:00:00Z, 5m 3s ago (1800000000)",
                "`exp` was 2027-01-14T07:59:59Z, 2d 1h ago (1799000000)",
            ),
            (
                "no API matches method `GET` and host `a`",
                "no API matches method `PUT` and host `b c`",
            ),
            ("the claims are `a`, `b`, 3 more", "the claims are `c`, `d`, `e`, 1 more"),
            ("an unknown `k\\u{60}` id", "an unknown `other` id"),
            ("holds `a", "holds `b"),
            ("the next may come in 1h", "the next may come in 59s"),
            ("status 503 with `x`", "status 404 with `y`"),
            ("1 key of 5 s", "20 keys of 3 min"),
        ];
        for (one, other) in same {
            assert_eq!(Kind::of("c", "api", one), Kind::of("c", "api", other), "{one} | {other}");
        }
        let different = [
            (("c", "a", "two parts"), ("c", "a", "three parts")),
            (("c", "a", "x"), ("c", "b", "x")),
            (("c", "a", "x"), ("d", "a", "x")),
            (("c", "ab", "x"), ("c", "a", "bx")),
            (("c", "a", "it is `x` here"), ("c", "a", "it is `x` there")),
        ];
        for (one, other) in different {
            let of = |(code, api, reason)| Kind::of(code, api, reason);
            assert_ne!(of(one), of(other), "{one:?} | {other:?}");
        }
    }

    #[test]
    fn every_code_keeps_its_share_whatever_the_others_do() {
        let kind = |code: u64, whole: u64| Kind { code, whole };
        let count = |index: &mut Index, kind| index.count(kind, (1, NOW), true);
        let of = |index: &Index, code: u64| {
            index.entries.iter().filter(|entry| entry.kind.code == code).count()
        };
        let mut index = Index::default();
        count(&mut index, kind(1, 0));
        for whole in 0..1_000 {
            count(&mut index, kind(2, whole));
        }
        assert_eq!((index.entries.len(), of(&index, 1), of(&index, 2)), (64, 1, 63));
        // Newer ones of a code take the oldest place of the code that has most.
        assert!(index.entries.iter().all(|entry| entry.kind.code == 1 || entry.kind.whole > 936));
        for whole in 0..1_000 {
            count(&mut index, kind(3, whole));
        }
        assert_eq!([1, 2, 3].map(|code| of(&index, code)), [1, 31, 32]);
        for code in 100..162 {
            for whole in 0..50 {
                count(&mut index, kind(code, whole));
            }
        }
        assert!(
            (1..=3).chain(100..162).all(|code| of(&index, code) == 1 || code == 161 || code < 3)
        );
        assert_eq!(index.entries.len(), 64);
    }

    #[test]
    fn what_is_equal_is_counted_in_one_place_and_comes_back_as_it_was() {
        let mut index = Index::default();
        let kind = Kind::of("c", "api", "x");
        assert_eq!(index.count(kind, (7, NOW), false), None, "nothing is kept of it yet");
        assert_eq!(index.count(kind, (1, NOW), true), Some(0));
        assert_eq!(
            index.count(kind, (2, NOW.after(std::time::Duration::from_secs(1))), false),
            Some(0)
        );
        // A worker whose clock is behind takes nothing back.
        assert_eq!(index.count(kind, (u64::MAX, UnixMillis::new(5)), true), Some(0));
        let bytes = index.encode();
        let read = Index::decode(Reader::new(&bytes)).unwrap();
        let entry = read.entries[0];
        assert_eq!((entry.first, entry.last.millis(), entry.count), (NOW, 2_000, u64::MAX));
        assert_eq!((entry.number, entry.kind), (3, kind));
        for cut in 1..bytes.len() {
            let cut = &bytes[..cut];
            assert!(Index::decode(Reader::new(cut)).is_none_or(|index| index.entries.is_empty()));
        }
        let many = [index.encode(), bytes[8..].repeat(64)].concat();
        assert!(Index::decode(Reader::new(&many)).is_none());
    }
}
