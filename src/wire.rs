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
