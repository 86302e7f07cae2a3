//! An HTTP/1.1 message as bytes: read whole, judged by nobody.

use std::fmt;
use std::io::{self, BufRead, Read};

/// A header's name in lower case, and its value.
pub(crate) type Field = (String, Vec<u8>);

/// A request or a response, as it came over the wire.
#[derive(Clone, Default)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) start: String,
    /// Names in lower case, values as they came.
    pub(crate) headers: Vec<Field>,
    /// The body, without its framing.
    pub(crate) body: Vec<u8>,
    /// What came after a chunked body.
    pub(crate) trailers: Vec<Field>,
}

impl Message {
    /// Reads a start line and a header section; `None` where the other side closed before it.
    pub(crate) fn read_head(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut start = Vec::new();
        if from.read_until(b'\n', &mut start)? == 0 {
            return Ok(None);
        }
        let start = String::from_utf8_lossy(&start).trim_end().to_owned();
        let headers = read_fields(from)?;
        Ok(Some(Self { start, headers, ..Self::default() }))
    }

    /// Reads the body that the header section announces; `to_the_end` where a message without a
    /// length ends with the connection, as a response does.
    pub(crate) fn read_body(
        &mut self,
        from: &mut impl BufRead,
        to_the_end: bool,
    ) -> io::Result<()> {
        if self.value("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            loop {
                let mut line = String::new();
                if from.read_line(&mut line)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let size = line.trim().split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16)
                    .map_err(|_| io::Error::other(format!("chunk size {line:?}")))?;
                if size == 0 {
                    self.trailers = read_fields(from)?;
                    return Ok(());
                }
                let before = self.body.len();
                from.take(size).read_to_end(&mut self.body)?;
                if (self.body.len() - before) as u64 != size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                from.read_line(&mut String::new())?;
            }
        }
        match self.value("content-length") {
            Some(length) => {
                let length = length.parse().map_err(|_| io::Error::other("content-length"))?;
                self.body.resize(length, 0);
                from.read_exact(&mut self.body)
            }
            None if to_the_end => from.read_to_end(&mut self.body).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The first value of a header, as text.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.values(name).into_iter().next()
    }

    /// Every value of a header, as text.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        self.headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }
}

/// As text, for a reader of a failed test.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.start)?;
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(f, "({} bytes of body, {} trailers)", self.body.len(), self.trailers.len())
    }
}

fn read_fields(from: &mut impl BufRead) -> io::Result<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(fields);
        }
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or_else(|| io::Error::other("a header line without a colon"))?;
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
}
