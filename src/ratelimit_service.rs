//! What is said to a rate limit service, and what its answers are worth: two messages of Envoy's
//! `envoy.service.ratelimit.v3`, each in one frame of gRPC.
//!
//! An answer counts where it says "yes" or "no" and names a limit. A "yes" that names none comes from a
//! service that knows no such limit, and lets everything pass.
//!
//! Knows nothing of whose limit it is, or of how a call is made.

mod message;

use std::time::Duration;

use crate::http::Fields;
pub use message::Answer;

/// The path of every call.
pub const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// Longest answer, in bytes: a true one has less than two hundred.
pub const MAX_ANSWER: usize = 64 * 1024;

/// How many bytes stand in a frame before its message: whether that is compressed, and its length (gRPC
/// over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// A length of the service's windows, where it has only some (`envoy.type.v3.RateLimitUnit`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unit(u8);

impl Unit {
    /// The lengths that there are, in seconds, each with its number.
    const ALL: [(u64, u8); 7] = [
        (1, 1),
        (60, 2),
        (3_600, 3),
        (86_400, 4),
        (7 * 86_400, 7),
        (30 * 86_400, 5),
        (365 * 86_400, 6),
    ];

    /// The unit of this length; `None` for one that has no name.
    pub fn of(per: Duration) -> Option<Self> {
        let whole = (per.subsec_nanos() == 0).then_some(per.as_secs())?;
        let known = Self::ALL.into_iter().find(|(seconds, _)| *seconds == whole);
        known.map(|(_, number)| Self(number))
    }
}

/// A question: may so many requests of this subject pass?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question<'q> {
    /// Keeps the counters of different fleets apart.
    pub domain: &'q str,
    /// The limit.
    pub limit: &'q str,
    /// Whose requests: a hash.
    pub subject: &'q str,
    /// How many; at least 1, since 0 is 1 to the service.
    pub hits: u32,
    /// How many may pass in a window of which length; `None` where the service knows.
    pub most: Option<(u32, Unit)>,
}

impl Question<'_> {
    /// The question in its frame.
    pub fn encode(&self) -> Vec<u8> {
        let message = message::encode(self);
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut frame = Vec::with_capacity(message.len().saturating_add(PREFIX));
        frame.push(0);
        frame.extend(length.to_be_bytes());
        frame.extend(message);
        frame
    }
}

/// What a call brought.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    /// The HTTP status.
    pub status: u16,
    /// The header section.
    pub headers: &'r Fields,
    /// The trailers.
    pub trailers: &'r Fields,
    /// The size of the whole body in bytes, as the host says.
    pub size: usize,
    /// As much of it as was read.
    pub body: &'r [u8],
}

/// Why an answer is worth nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Worthless {
    /// It says neither yes nor no.
    Code,
    /// The call failed, with this gRPC status.
    Failed(u32),
    /// Not exactly one whole frame, uncompressed.
    Frame,
    /// No such message.
    Malformed,
    /// It does not say once, and as a number, how the call went.
    NoStatus,
    /// The HTTP status is not 200.
    Status(u16),
    /// So many bytes are more than an answer has.
    TooLong(usize),
    /// It names no limit: the service knows none of this name.
    Unnamed,
}

/// Reads an answer.
///
/// # Errors
///
/// Why it is worth nothing.
pub fn read(reply: Reply<'_>) -> Result<Answer, Worthless> {
    if reply.status != 200 {
        return Err(Worthless::Status(reply.status));
    }
    match grpc_status(reply) {
        Some(0) => {}
        Some(code) => return Err(Worthless::Failed(code)),
        None => return Err(Worthless::NoStatus),
    }
    if reply.size > MAX_ANSWER {
        return Err(Worthless::TooLong(reply.size));
    }
    let (prefix, message) = reply.body.split_first_chunk::<PREFIX>().ok_or(Worthless::Frame)?;
    let [compressed, length @ ..] = *prefix;
    let is_whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    if compressed != 0 || !is_whole {
        return Err(Worthless::Frame);
    }
    message::decode(message)
}

/// How the call went, which is said once: behind a message, or in the header section where there is
/// none.
fn grpc_status(reply: Reply<'_>) -> Option<u32> {
    const NAME: &str = "grpc-status";
    let mut all = reply.headers.values(NAME).chain(reply.trailers.values(NAME));
    let (said, other) = (all.next()?, all.next());
    let digits = std::str::from_utf8(said).ok()?;
    let is_plain = digits == "0" || matches!(digits.as_bytes(), [b'1'..=b'9', ..]);
    if other.is_some() || !is_plain || digits.len() > 5 {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests;
