//! Where tests read counts and name faults: a little HTTP, one request a connection, on loopback.
//!
//! ```text
//! GET /counts            all of it, added up for each limit
//! GET /counters/LIMIT    the counters of a limit that were asked for most, with their last windows
//! POST /clear            forgets all counts
//! POST /fault            what to do wrong from now on, as the body says; the double alone obeys
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::counts::Counts;
use crate::faults::{Fault, Faults};

/// What can be asked.
#[derive(Clone)]
pub struct Control {
    /// What was counted.
    pub counts: Arc<Counts>,
    /// What it does wrong: `None` where it cannot be told to.
    pub faults: Option<Arc<Faults>>,
}

impl Control {
    /// Answers, one after another, for as long as the process lives.
    pub fn serve(&self, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let _ = self.answer(&stream);
        }
    }

    fn answer(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut reader = BufReader::new(stream).take(16_384);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        let (status, text) = self.told(&first, &body);
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        )
    }

    fn told(&self, first: &str, body: &str) -> (&'static str, String) {
        let mut words = first.split_whitespace();
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        const OK: &str = "200 OK";
        match (method, path) {
            ("GET", "/counts") => (OK, self.counts.totals().to_string()),
            ("POST", "/clear") => {
                self.counts.clear();
                (OK, String::new())
            }
            ("POST", "/fault") => match (Fault::parse(body), &self.faults) {
                (Some(fault), Some(faults)) => {
                    faults.set(fault);
                    (OK, String::new())
                }
                (Some(_), None) => ("409 Conflict", "a real engine does nothing wrong".to_owned()),
                (None, _) => ("400 Bad Request", "no such fault".to_owned()),
            },
            ("GET", path) => match path.strip_prefix("/counters/") {
                Some(limit) => (OK, self.counts.counters(limit).to_string()),
                None => ("404 Not Found", String::new()),
            },
            _ => ("404 Not Found", String::new()),
        }
    }
}
