//! Fixed-width records in bytes that others may have written: read without trust, without panic.

/// Takes fields off the front of a record.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of `record`.
    pub const fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// The next `N` bytes; `None` where there are fewer.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// The next `count` bytes; `None` where there are fewer.
    pub fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next four bytes as a little-endian number.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes as a little-endian number.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next text, which [`put_text`] wrote; `None` where it is cut off or not UTF-8.
    pub fn text(&mut self) -> Option<&'a str> {
        let length = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.slice(length.into())?).ok()
    }

    /// What is left.
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Whether two sequences are the same: eight bytes at a time, since Wasm has no faster comparison.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let is_same = |(a, b): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    match one.last_chunk().zip(other.last_chunk()) {
        // The last eight overlap those before them.
        Some(ends) => {
            is_same(ends) && one.as_chunks().0.iter().zip(other.as_chunks().0).all(is_same)
        }
        None => one.iter().zip(other).all(|(a, b)| a == b),
    }
}

/// Where a byte stands first: eight bytes at a time, since Wasm has no faster search.
pub fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let (eights, rest) = bytes.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let differs = u64::from_le_bytes(*eight) ^ (ONES * u64::from(byte));
        // The lowest bit that is set is the highest of the first byte that does not differ.
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            let within = usize::try_from(found.trailing_zeros() / 8).ok()?;
            return Some(number.saturating_mul(8).saturating_add(within));
        }
    }
    let place = rest.iter().position(|one| *one == byte)?;
    Some(eights.as_flattened().len().saturating_add(place))
}

/// Adds a text to a record, with its length before it (2 bytes). One that is longer than these can say
/// is left out, and read again as an empty one.
pub fn put_text(text: &str, record: &mut Vec<u8>) {
    let (length, text) = u16::try_from(text.len()).map_or((0, ""), |length| (length, text));
    record.extend(length.to_le_bytes());
    record.extend_from_slice(text.as_bytes());
}

/// Thirty-two bytes in lower-case hex; `None` for anything else.
pub fn hex(text: &str) -> Option<[u8; 32]> {
    let is_lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.bytes().all(is_lower) {
        return None;
    }
    let mut bytes = [0; 32];
    for (to, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *to = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The first `most` of these bytes in lower-case hex.
pub fn to_hex(bytes: &[u8], most: usize) -> String {
    let digits = bytes.iter().take(most).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_where_it_stands_first() {
        for length in 0..40 {
            let mut bytes = vec![b';' + 1; length];
            assert_eq!(position(&bytes, b';'), None, "{length}");
            for place in (0..length).rev() {
                bytes[place] = b';';
                assert_eq!(position(&bytes, b';'), Some(place), "{length}");
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        for byte in 0..=255 {
            assert_eq!(position(&all, byte), Some(byte.into()));
        }
    }

    #[test]
    fn two_sequences_are_the_same_where_every_byte_is() {
        for length in 0..40_u8 {
            let one: Vec<u8> = (0..length).collect();
            assert!(is_same(&one, &one.clone()), "{length}");
            for place in 0..one.len() {
                let mut other = one.clone();
                other[place] ^= 0x80;
                assert!(!is_same(&one, &other), "{place} of {length}");
                assert!(!is_same(&one, &one[..place]), "the first {place} of {length}");
                assert!(!is_same(&one[..place], &one), "the first {place} of {length}");
            }
        }
    }
}
