//! A request's path, read in the one way that every hop shares.

use std::fmt;

/// A path without query, segment by segment, percent-decoded exactly once (RFC 3986 §2.4).
///
/// Where it holds neither `;` nor an encoded slash, no server, proxy or framework could read it
/// differently; where it does, [`readings`](Self::readings) has the other ways. Nothing is rewritten
/// to get there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestPath {
    segments: Vec<Vec<u8>>,
    /// Whether a segment holds a `;`, raw or encoded.
    has_semicolon: bool,
    /// Whether a segment holds a slash, which was encoded.
    has_slash: bool,
}

/// Why two hops could disagree about a path.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Ambiguity {
    /// `\`, raw or encoded: a slash for some.
    Backslash,
    /// A control byte, raw or encoded, or a raw space: where some stop reading.
    Control,
    /// `.` or `..`, raw or encoded, also in front of a `;`.
    DotSegment,
    /// Two slashes with nothing between them, or only a `;` and what follows it.
    EmptySegment,
    /// `%2f`, where it is not part of a segment: a slash for whoever decodes before splitting.
    EncodedSlash,
    /// `%` without two hexadecimal digits behind it.
    Escape,
    /// `#`, raw or encoded: the end of the path for some.
    Fragment,
    /// It does not begin with a slash: `*`, an absolute URL, or nothing.
    NotAbsolute,
    /// It is not UTF-8 once decoded; overlong forms are such.
    NotUtf8,
    /// `%3f`: the end of the path for whoever decodes before looking for the query.
    Query,
}

/// What the path holds, as the end of a sentence: "the path holds …".
impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backslash => "a backslash, raw or as `%5c`",
            Self::Control => "a control byte, raw or encoded, or a raw space",
            Self::DotSegment => "a `.` or `..` segment, raw, encoded or before a `;`",
            Self::EmptySegment => "an empty segment (`//`, or a `;` right after a slash)",
            Self::EncodedSlash => "an encoded slash (`%2f`)",
            Self::Escape => "a `%` without two hexadecimal digits behind it",
            Self::Fragment => "a `#`, raw or as `%23`",
            Self::NotAbsolute => "no slash at its beginning",
            Self::NotUtf8 => "bytes that are not UTF-8 once decoded",
            Self::Query => "an encoded question mark (`%3f`)",
        })
    }
}

impl RequestPath {
    /// Reads the path of a request target, up to a `?`.
    ///
    /// One trailing slash is left out; `/` has no segments. The work is linear in the length.
    ///
    /// # Errors
    ///
    /// The first [`Ambiguity`] found.
    pub fn parse(raw_path: &[u8]) -> Result<Self, Ambiguity> {
        let path = raw_path.split(|&byte| byte == b'?').next().unwrap_or_default();
        Self::split(path, decoded)
    }

    /// Splits a path at its slashes and reads each segment.
    fn split(
        path: &[u8],
        read: fn(&[u8]) -> Result<Vec<u8>, Ambiguity>,
    ) -> Result<Self, Ambiguity> {
        let mut rest = path.strip_prefix(b"/").ok_or(Ambiguity::NotAbsolute)?;
        let mut path = Self::default();
        loop {
            let (raw, more) = match rest.iter().position(|&byte| byte == b'/') {
                Some(slash) => {
                    let (raw, more) = rest.split_at_checked(slash).unwrap_or_default();
                    (raw, more.strip_prefix(b"/"))
                }
                None => (rest, None),
            };
            if raw.is_empty() && more.is_none() {
                return Ok(path);
            }
            let segment = read(raw)?;
            check_name(&segment)?;
            path.has_slash |= segment.contains(&b'/');
            if segment.contains(&b';') {
                path.has_semicolon = true;
                check_name(before_semicolon(&segment))?;
            }
            path.segments.push(segment);
            match more {
                Some(more) => rest = more,
                None => return Ok(path),
            }
        }
    }

    /// The segments, decoded, without an empty one for a trailing slash.
    pub fn segments(&self) -> &[Vec<u8>] {
        &self.segments
    }

    /// Whether a segment holds an encoded slash, which splits it for whoever decodes first.
    pub const fn has_slash(&self) -> bool {
        self.has_slash
    }

    /// Whether a segment holds a `;`, which cuts it for servers with path parameters.
    pub const fn has_semicolon(&self) -> bool {
        self.has_semicolon
    }

    /// The other ways in which servers may read the path: each segment cut at its first `;`, encoded
    /// slashes as slashes, and both, one after the other or the other way round. None where it holds
    /// neither, which costs nothing.
    ///
    /// Whoever chooses by the path must make the same choice for all of them.
    ///
    /// # Errors
    ///
    /// What is [ambiguous](Ambiguity) once encoded slashes are slashes.
    pub fn readings(&self) -> Result<Vec<Self>, Ambiguity> {
        let mut readings = Vec::new();
        if self.has_semicolon {
            readings.push(self.cut());
        }
        if self.has_slash {
            let apart = self.taken_apart()?;
            if self.has_semicolon {
                readings.push(apart.cut());
                readings.push(self.cut().taken_apart()?);
            }
            readings.push(apart);
        }
        Ok(readings)
    }

    /// The path with each segment cut at its first `;`.
    fn cut(&self) -> Self {
        let segments: Vec<_> = self.segments.iter().map(|s| before_semicolon(s).to_vec()).collect();
        let has_slash = segments.iter().any(|segment| segment.contains(&b'/'));
        Self { segments, has_semicolon: false, has_slash }
    }

    /// The path with its segments split at their slashes.
    fn taken_apart(&self) -> Result<Self, Ambiguity> {
        let mut path = Vec::new();
        for segment in &self.segments {
            path.push(b'/');
            path.extend_from_slice(segment);
        }
        Self::split(&path, |segment| Ok(segment.to_vec()))
    }
}

/// Decodes one segment, once, and refuses the bytes that change the path's shape.
fn decoded(raw: &[u8]) -> Result<Vec<u8>, Ambiguity> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b' ' => return Err(Ambiguity::Control),
            b'%' => escaped(bytes.next(), bytes.next())?,
            byte => byte,
        };
        match byte {
            b'\\' => return Err(Ambiguity::Backslash),
            b'#' => return Err(Ambiguity::Fragment),
            b'?' => return Err(Ambiguity::Query),
            byte if byte.is_ascii_control() => return Err(Ambiguity::Control),
            byte => out.push(byte),
        }
    }
    if std::str::from_utf8(&out).is_err() {
        return Err(Ambiguity::NotUtf8);
    }
    Ok(out)
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Result<u8, Ambiguity> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    digit(high)
        .zip(digit(low))
        .and_then(|(high, low)| u8::try_from(high << 4 | low).ok())
        .ok_or(Ambiguity::Escape)
}

fn check_name(segment: &[u8]) -> Result<(), Ambiguity> {
    match segment {
        b"" => Err(Ambiguity::EmptySegment),
        b"." | b".." => Err(Ambiguity::DotSegment),
        _ => Ok(()),
    }
}

fn before_semicolon(segment: &[u8]) -> &[u8] {
    segment.split(|&byte| byte == b';').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
