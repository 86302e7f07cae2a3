//! What stands in cookies of their own beside a session's: a token each, or when it was last used. Each
//! says which session and which of its generations it belongs to, and is of no use beside another.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::session::SessionId;
use crate::secret::Secret;
use crate::time::UnixMillis;
use crate::wire::Reader;

const VERSION: u8 = 1;

/// A token as it is.
const PLAIN: u8 = 0;

/// A token whose parts are base64url: as the bytes that they stand for, a quarter shorter.
const DECODED: u8 = 1;

/// How often the last use is written again.
const USE_WRITTEN: Duration = Duration::from_secs(60);

/// What is sealed of a token.
pub fn write_token(of: SessionId, token: &str) -> Zeroizing<Vec<u8>> {
    let mut out = begin(of);
    let start = out.len();
    out.push(DECODED);
    for part in token.split('.') {
        // Only what is written in its one form is made of its bytes again.
        let bytes = URL_SAFE_NO_PAD.decode(part).map(Zeroizing::new);
        let bytes = bytes.ok().and_then(|bytes| Some((u16::try_from(bytes.len()).ok()?, bytes)));
        let Some((length, bytes)) = bytes else {
            out.truncate(start);
            out.push(PLAIN);
            out.extend_from_slice(token.as_bytes());
            return out;
        };
        out.extend(length.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    out
}

/// Reads a token that was opened; `None` where it is another session's or generation's, or was not
/// written so.
pub fn read_token(record: &[u8], of: SessionId) -> Option<Secret> {
    token(behind(record, of)?)
}

/// Reads a token, whichever session's, and says which.
pub fn read_any_token(record: &[u8]) -> Option<(SessionId, Secret)> {
    let (of, record) = whose(record)?;
    Some((of, token(record)?))
}

/// Reads a token that is of use beside every generation of its session: who logged in stays the same.
pub fn read_hint(record: &[u8], of: SessionId) -> Option<Secret> {
    let (found, record) = whose(record)?;
    (found.id == of.id).then(|| token(record))?
}

fn token(mut record: Reader<'_>) -> Option<Secret> {
    let mut token = Zeroizing::new(String::with_capacity(record.rest().len().saturating_mul(2)));
    match record.u8()? {
        PLAIN => token.push_str(std::str::from_utf8(record.rest()).ok()?),
        DECODED => {
            while !record.rest().is_empty() {
                let length = u16::from_le_bytes(record.array()?);
                URL_SAFE_NO_PAD.encode_string(record.slice(length.into())?, &mut token);
                token.push('.');
            }
            token.pop()?;
        }
        _ => return None,
    }
    Some(Secret::new(token))
}

/// What is sealed of when a session was last used.
pub fn write_last_use(of: SessionId, at: UnixMillis) -> Zeroizing<Vec<u8>> {
    let mut out = begin(of);
    out.extend(at.millis().to_le_bytes());
    out
}

/// Reads when a session was last used; `None` where it is another's or a former generation's, was not
/// written so, or is still to come, by more than clocks differ.
pub fn read_last_use(
    record: &[u8],
    of: SessionId,
    now: UnixMillis,
    skew: Duration,
) -> Option<UnixMillis> {
    let mut record = behind(record, of)?;
    let at = UnixMillis::new(record.u64()?);
    (record.rest().is_empty() && at <= now.after(skew)).then_some(at)
}

/// Reads when a session was last used, whichever and whenever, and says which.
pub fn read_any_last_use(record: &[u8]) -> Option<(SessionId, UnixMillis)> {
    let (of, mut record) = whose(record)?;
    let at = UnixMillis::new(record.u64()?);
    record.rest().is_empty().then_some((of, at))
}

/// Whether a use is to be written down, where this is the last that is known.
pub fn is_use_due(last: UnixMillis, now: UnixMillis) -> bool {
    now.since(last) >= USE_WRITTEN
}

fn begin(of: SessionId) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![VERSION]);
    out.extend(of.id);
    out.extend(of.generation.to_le_bytes());
    out
}

fn behind(record: &[u8], of: SessionId) -> Option<Reader<'_>> {
    let (found, record) = whose(record)?;
    (found == of).then_some(record)
}

fn whose(record: &[u8]) -> Option<(SessionId, Reader<'_>)> {
    let mut record = Reader::new(record);
    let [VERSION] = record.array()? else { return None };
    Some((SessionId { id: record.array()?, generation: record.u32()? }, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: SessionId = SessionId { id: [3; 16], generation: 7 };
    const NOW: UnixMillis = UnixMillis::from_secs(1_800_000_000);
    const SKEW: Duration = Duration::from_secs(60);

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let jwt = format!("{}.{}.{}", "a".repeat(40), "b".repeat(1200), "A".repeat(342));
        for (name, token, decoded) in [
            ("a JWT", jwt.as_str(), true),
            ("an opaque one", "vfzUAy_Xy-0b", true),
            ("with empty parts", "..", true),
            ("empty", "", true),
            ("not canonical", "aaaaaaaaab", false),
            ("with padding", "YQ==", false),
            ("of the other alphabet", "1//0gX+y", false),
            ("with a tilde", "a~b.c", false),
            ("one part that is none", "YWFh.a.YWFh", false),
        ] {
            let record = write_token(OF, token);
            assert_eq!(record[21] == DECODED, decoded, "{name}");
            assert_eq!(read_token(&record, OF).unwrap().reveal(), token, "{name}");
            assert!(read_any_token(&record).is_some_and(|(of, _)| of == OF), "{name}");
        }
        assert!(write_token(OF, &jwt).len() < jwt.len() * 4 / 5);
        let long = "a".repeat(4 * 70_000);
        assert_eq!(read_token(&write_token(OF, &long), OF).unwrap().reveal(), long);
    }

    #[test]
    fn h03_h11_a_part_of_another_session_or_generation_or_kind_is_of_no_use() {
        let token = write_token(OF, "YWFh.YWFh");
        let other = SessionId { id: [4; 16], ..OF };
        let older = SessionId { generation: 6, ..OF };
        for of in [other, older, OF.next()] {
            assert_eq!(read_token(&token, of), None);
            assert_eq!(read_hint(&token, of).is_some(), of.id == OF.id);
            assert_eq!(read_last_use(&write_last_use(OF, NOW), of, NOW, SKEW), None);
        }
        for end in 0..token.len() {
            let read = read_token(&token[..end], OF);
            // Between two parts the rest may be gone: what was sealed is never cut.
            assert!(read.is_none() || end == 27, "{end}");
        }
        let mut changed = token.to_vec();
        for (at, byte) in [(0, 2), (21, 2), (22, 255)] {
            let before = std::mem::replace(&mut changed[at], byte);
            assert_eq!(read_token(&changed, OF), None, "{at}");
            changed[at] = before;
        }
        let mut text = write_token(OF, "~").to_vec();
        text.push(0xff);
        assert_eq!(read_token(&text, OF), None);
    }

    #[test]
    fn the_last_use_is_a_time_that_may_have_been() {
        let read = |at| read_last_use(&write_last_use(OF, at), OF, NOW, SKEW);
        for at in [UnixMillis::default(), NOW, NOW.after(SKEW)] {
            assert_eq!(read(at), Some(at));
        }
        assert_eq!(read(NOW.after(Duration::from_secs(61))), None);
        let ahead = write_last_use(OF, UnixMillis::MAX);
        assert_eq!(read_any_last_use(&ahead), Some((OF, UnixMillis::MAX)));
        assert_eq!(read_any_last_use(&ahead[..28]), None);
        assert_eq!(read(UnixMillis::MAX), None);
        let record = write_last_use(OF, NOW);
        assert_eq!(read_last_use(&record[..28], OF, NOW, SKEW), None);
        assert_eq!(read_last_use(&[&record[..], &[0]].concat(), OF, NOW, SKEW), None);
        assert!(!is_use_due(NOW, NOW.after(Duration::from_secs(59))));
        assert!(is_use_due(NOW, NOW.after(Duration::from_secs(60))));
    }
}
