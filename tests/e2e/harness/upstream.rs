//! An upstream that remembers everything that ever reached it.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::message::Message;
use super::process::free_port;
use super::server::Server;

/// A server that answers 200 and tells what it received.
pub(crate) struct Upstream {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Recorded as soon as the header section is there: what was forwarded too early counts.
    seen: Vec<Message>,
    extra_headers: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
}

impl Upstream {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let serve = move |stream| serve(stream, &shared);
        Self { server: Server::start(free_port(), Arc::new(serve)), state }
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.server.port()
    }

    /// Sends these headers with every response from now on.
    pub(crate) fn answer_with(&self, headers: &[(&str, &str)]) {
        self.state.lock().unwrap().extra_headers = owned(headers);
    }

    /// Sends these trailers behind every response from now on.
    pub(crate) fn end_with(&self, trailers: &[(&str, &str)]) {
        self.state.lock().unwrap().trailers = owned(trailers);
    }

    /// Every request for a path that reached it, whatever its query; for all below a path that ends
    /// with a slash.
    pub(crate) fn seen(&self, path: &str) -> Vec<Message> {
        let wanted = |message: &&Message| {
            let target = message.start.split(' ').nth(1).unwrap_or_default();
            let found = target.split('?').next().unwrap_or_default();
            found == path || (path.ends_with('/') && found.starts_with(path))
        };
        self.state.lock().unwrap().seen.iter().filter(wanted).cloned().collect()
    }

    /// The one request for a path that reached it.
    pub(crate) fn only(&self, path: &str) -> Message {
        let mut seen = self.seen(path);
        assert_eq!(seen.len(), 1, "requests for {path} at the upstream: {seen:?}");
        seen.remove(0)
    }

    /// How many requests reached it.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Fields as lines.
fn lines(fields: &[(String, String)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn serve(mut stream: BufReader<TcpStream>, state: &Mutex<State>) -> io::Result<()> {
    while let Some(mut message) = Message::read_head(&mut stream)? {
        let place = {
            let mut state = state.lock().unwrap();
            state.seen.push(message.clone());
            state.seen.len() - 1
        };
        message.read_body(&mut stream, false)?;
        let (extra, trailers) = {
            let mut state = state.lock().unwrap();
            state.seen[place] = message.clone();
            (lines(&state.extra_headers), lines(&state.trailers))
        };
        let headers: Vec<_> = message
            .headers
            .iter()
            .map(|(name, value)| json!([name, String::from_utf8_lossy(value)]))
            .collect();
        let body = json!({ "request": message.start, "headers": headers }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{extra}");
        let answer = if message.start.starts_with("HEAD ") {
            format!("{head}content-length: {}\r\n\r\n", body.len())
        } else if trailers.is_empty() {
            format!("{head}content-length: {}\r\n\r\n{body}", body.len())
        } else {
            let size = body.len();
            format!(
                "{head}transfer-encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n{trailers}\r\n"
            )
        };
        stream.get_mut().write_all(answer.as_bytes())?;
    }
    Ok(())
}
