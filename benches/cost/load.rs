//! The client: a ring of connections on one thread, each with one request under way.
//!
//! While an answer is read the other connections' requests wait at the proxy, so that it is never
//! idle, and its cost is that of a busy proxy.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::tokens::Pool;

/// Where tokens are.
pub(crate) const BEARER: &str = "authorization: Bearer ";
/// Connections of a [`Client`].
pub(crate) const CONNECTIONS: usize = 16;

/// Appends the next request's credential; nothing for a request without one.
pub(crate) type Feed = Box<dyn FnMut(&mut Vec<u8>)>;

/// Requests without a token.
pub(crate) fn none() -> Feed {
    Box::new(|_| {})
}

/// The first `count` tokens, over and over.
pub(crate) fn again(pool: &Arc<Pool>, count: usize) -> Feed {
    let (pool, mut next) = (Arc::clone(pool), 0);
    assert!(count <= pool.len(), "{count} tokens of {}", pool.len());
    Box::new(move |out| {
        out.extend(pool.token(next % count));
        next += 1;
    })
}

/// So many opaque tokens, of 43 characters as an authorization server makes them of 32 random bytes, over
/// and over.
pub(crate) fn opaque(count: usize) -> Feed {
    let mut next = 0;
    Box::new(move |out| {
        out.extend(
            format!("2YotnFZFEjr1zCsicMWpAAtGzv3JOkF0XG5Qx2T{:04}", next % count).into_bytes(),
        );
        next += 1;
    })
}

/// The same, and behind each token the headers by which a call of MCP says what it is.
pub(crate) fn calling(mut feed: Feed) -> Feed {
    Box::new(move |out| {
        feed(out);
        out.extend(
            b"\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: echo",
        );
    })
}

/// Every token once.
pub(crate) fn fresh(pool: &Arc<Pool>) -> Feed {
    let (pool, mut next) = (Arc::clone(pool), 0);
    Box::new(move |out| {
        assert!(next < pool.len(), "all {} tokens were sent", pool.len());
        out.extend(pool.token(next));
        next += 1;
    })
}

/// Tokens with another one's signature.
pub(crate) fn forged(pool: &Arc<Pool>) -> Feed {
    let (pool, mut next) = (Arc::clone(pool), 0);
    Box::new(move |out| {
        let (token, other) = (pool.token(next % pool.len()), pool.token((next + 1) % pool.len()));
        let signature = token.iter().rposition(|&byte| byte == b'.').expect("three parts") + 1;
        out.extend(&token[..signature]);
        out.extend(&other[signature..]);
        next += 1;
    })
}

/// What came of some requests.
pub(crate) struct Outcome {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How many answers had which status.
    pub(crate) answers: BTreeMap<u16, usize>,
}

/// Connections that are kept.
pub(crate) struct Client {
    connections: Vec<Connection>,
    target: String,
    header: &'static str,
    request: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to a port of the loopback interface, for requests for `target` with what is fed in this header.
    pub(crate) fn open(port: u16, target: &str, header: &'static str) -> io::Result<Self> {
        let open = || {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            Ok(Connection { stream, buffer: vec![0; 16 * 1024] })
        };
        let connections = (0..CONNECTIONS).map(|_| open()).collect::<io::Result<_>>()?;
        Ok(Self { connections, target: target.to_owned(), header, request: Vec::new() })
    }

    /// Sends `count` requests and reads their answers; each must have one of the statuses
    /// `expected`.
    pub(crate) fn send(
        &mut self,
        count: usize,
        feed: &mut Feed,
        expected: &[u16],
    ) -> io::Result<Outcome> {
        let start = Instant::now();
        let mut answers = BTreeMap::new();
        let ahead = count.min(CONNECTIONS);
        for place in 0..ahead {
            self.ask(place, feed)?;
        }
        for received in 0..count {
            let place = received % CONNECTIONS;
            let connection = &mut self.connections[place];
            let (status, length) = connection.read_answer()?;
            if !expected.contains(&status) {
                let text = String::from_utf8_lossy(&connection.buffer[..length]);
                return Err(io::Error::other(format!("expected {expected:?}, got: {text}")));
            }
            *answers.entry(status).or_default() += 1;
            if received + ahead < count {
                self.ask(place, feed)?;
            }
        }
        Ok(Outcome { elapsed: start.elapsed(), answers })
    }

    fn ask(&mut self, place: usize, feed: &mut Feed) -> io::Result<()> {
        self.request.clear();
        write!(self.request, "GET {} HTTP/1.1\r\nhost: api.example.com\r\n", self.target)?;
        let before = self.request.len();
        self.request.extend(self.header.as_bytes());
        feed(&mut self.request);
        if self.request.len() == before + self.header.len() {
            self.request.truncate(before);
        } else {
            self.request.extend(b"\r\n");
        }
        self.request.extend(b"\r\n");
        self.connections[place].stream.write_all(&self.request)
    }
}

impl Connection {
    /// Reads one answer into the buffer; its status and its length.
    fn read_answer(&mut self) -> io::Result<(u16, usize)> {
        let mut filled = 0;
        let mut whole = None;
        while whole.is_none_or(|(_, length)| filled < length) {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            whole = whole.or_else(|| parse_head(&self.buffer[..filled]));
        }
        Ok(whole.unwrap_or_default())
    }
}

/// Status and length of the whole answer, once its header section is there.
fn parse_head(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    Some((status, end + length.map_or(0, |text| text.parse().unwrap_or(0))))
}
