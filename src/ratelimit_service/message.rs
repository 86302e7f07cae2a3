//! The two messages in bytes (Protocol Buffers, "Encoding").
//!
//! ```text
//! RateLimitRequest      1 domain   2 descriptors   3 hits_addend: uint32
//! RateLimitDescriptor   1 entries: { 1 key   2 value }   2 limit: { 1 requests_per_unit   2 unit }
//! RateLimitResponse     1 overall_code   2 statuses   3 response_headers_to_add: { 1 key   2 value   3 raw_value }
//! DescriptorStatus      2 current_limit: { 1 requests_per_unit: uint32 }   3 limit_remaining: uint32
//!                       4 duration_until_reset: { 1 seconds: int64 }
//! ```
//!
//! Of an answer nothing else is looked at. What stands in a known field must have its form.

use super::{Question, Worthless};

/// A number.
const VARINT: u8 = 0;
/// Bytes with their length before them.
const BYTES: u8 = 2;

/// What an answer says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Whether the requests must not pass.
    pub is_over: bool,
    /// How many may pass in a window.
    pub limit: u32,
    /// How many more.
    pub remaining: u32,
    /// The seconds until the window ends; `None` where it does not say.
    pub reset: Option<u64>,
}

/// The question.
pub(super) fn encode(question: &Question<'_>) -> Vec<u8> {
    let mut descriptor = Vec::new();
    for (key, value) in [("limit", question.limit), ("subject", question.subject)] {
        let mut entry = Vec::new();
        put(1, key.as_bytes(), &mut entry);
        put(2, value.as_bytes(), &mut entry);
        put(1, &entry, &mut descriptor);
    }
    if let Some((requests, unit)) = question.most {
        let mut limit = Vec::new();
        put_number(1, requests.into(), &mut limit);
        put_number(2, unit.0.into(), &mut limit);
        put(2, &limit, &mut descriptor);
    }
    let mut message = Vec::new();
    put(1, question.domain.as_bytes(), &mut message);
    put(2, &descriptor, &mut message);
    put_number(3, question.hits.into(), &mut message);
    message
}

fn put(field: u8, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(field << 3 | BYTES);
    put_varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX), to);
    to.extend_from_slice(bytes);
}

fn put_number(field: u8, number: u64, to: &mut Vec<u8>) {
    to.push(field << 3 | VARINT);
    put_varint(number, to);
}

fn put_varint(mut number: u64, to: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return to.push(low & 0x7f);
        }
        to.push(low | 0x80);
    }
}

/// The answer.
pub(super) fn decode(message: &[u8]) -> Result<Answer, Worthless> {
    let mut read = Read::default();
    read.whole(message).ok_or(Worthless::Malformed)?;
    let is_over = match read.code {
        1 => false,
        2 => true,
        _ => return Err(Worthless::Code),
    };
    let limit = read.limit.ok_or(Worthless::Unnamed)?;
    Ok(Answer { is_over, limit, remaining: read.remaining, reset: read.reset })
}

/// What was read of an answer so far.
#[derive(Default)]
struct Read {
    code: u64,
    limit: Option<u32>,
    remaining: u32,
    reset: Option<u64>,
}

impl Read {
    fn whole(&mut self, message: &[u8]) -> Option<()> {
        let (mut statuses, mut named): (u32, u8) = (0, 0);
        let mut of_header = Self::default();
        let mut fields = Fields(message);
        while let Some((field, value)) = fields.next()? {
            match (field, value) {
                (1, Value::Number(code)) => self.code = code,
                (2, Value::Bytes(status)) => {
                    // One was asked about.
                    statuses = statuses.checked_add(1).filter(|all| *all == 1)?;
                    self.status(status)?;
                }
                (3, Value::Bytes(header)) => named |= of_header.header(header, named)?,
                (1..=3, _) => return None,
                _ => {}
            }
        }
        if self.limit.is_none() {
            (self.limit, self.remaining) = (of_header.limit, of_header.remaining);
            self.reset = of_header.reset;
        }
        Some(())
    }

    fn status(&mut self, status: &[u8]) -> Option<()> {
        let mut fields = Fields(status);
        while let Some((field, value)) = fields.next()? {
            match (field, value) {
                (2, Value::Bytes(limit)) => {
                    let requests = first_number(limit)?;
                    self.limit = Some(u32::try_from(requests).unwrap_or(u32::MAX));
                }
                (3, Value::Number(left)) => {
                    self.remaining = u32::try_from(left).unwrap_or(u32::MAX);
                }
                (4, Value::Bytes(duration)) => {
                    // A negative number has its highest bit set.
                    let seconds = first_number(duration)?;
                    self.reset = Some(if seconds >> 63 == 0 { seconds } else { 0 });
                }
                (2..=4, _) => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// Reads a header, where it is one of the three that count; says which it was, and that must not be
    /// one of those which have come.
    fn header(&mut self, header: &[u8], named: u8) -> Option<u8> {
        let (mut key, mut text): (&[u8], &[u8]) = (&[], &[]);
        let mut fields = Fields(header);
        while let Some((field, value)) = fields.next()? {
            match (field, value) {
                (1, Value::Bytes(bytes)) => key = bytes,
                // A header has one of both.
                (2 | 3, Value::Bytes(bytes)) => text = bytes,
                (1..=3, _) => return None,
                _ => {}
            }
        }
        let which: u8 = match key {
            _ if key.eq_ignore_ascii_case(b"x-ratelimit-limit") => 1,
            _ if key.eq_ignore_ascii_case(b"x-ratelimit-remaining") => 2,
            _ if key.eq_ignore_ascii_case(b"x-ratelimit-reset") => 4,
            _ => return Some(0),
        };
        // `100, 100;w=60`: behind the number stands what the service says of its windows.
        let digits = text.split(|byte| matches!(byte, b',' | b';')).next()?;
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if named & which != 0 || !is_number {
            return None;
        }
        let number = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        match which {
            1 => self.limit = Some(short),
            2 => self.remaining = short,
            _ => self.reset = Some(number),
        }
        Some(which)
    }
}

/// The number in the first field of a message; 0 where it has none.
fn first_number(message: &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut fields = Fields(message);
    while let Some((field, value)) = fields.next()? {
        match (field, value) {
            (1, Value::Number(found)) => number = found,
            (1, _) => return None,
            _ => {}
        }
    }
    Some(number)
}

/// The content of a field.
#[derive(Clone, Copy)]
enum Value<'m> {
    Number(u64),
    Bytes(&'m [u8]),
    /// Of a form that no field here has.
    Other,
}

/// The fields of a message that are yet to be read.
struct Fields<'m>(&'m [u8]);

impl<'m> Fields<'m> {
    /// The next field with its number; `None` inside where there is no more, outside where there is no
    /// field.
    #[inline(never)]
    fn next(&mut self) -> Option<Option<(u64, Value<'m>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            1 => self.take(8).map(|_| Value::Other)?,
            5 => self.take(4).map(|_| Value::Other)?,
            // A group, or nothing at all.
            _ => return None,
        };
        let field = tag >> 3;
        (field > 0 && u32::try_from(tag).is_ok()).then_some(Some((field, value)))
    }

    fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    /// A number of at most ten bytes, seven bits in each, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        for place in 0..10 {
            let (&byte, left) = self.0.split_first()?;
            self.0 = left;
            let bits = u64::from(byte & 0x7f);
            let shift = 7_u32.saturating_mul(place);
            let shifted = bits.checked_shl(shift).unwrap_or_default();
            // The tenth byte has one bit.
            if shifted.checked_shr(shift) != Some(bits) {
                return None;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}
