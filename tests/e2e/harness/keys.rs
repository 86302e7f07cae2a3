//! A server for key sets and discovery documents that does, path by path, what it is told.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::message::Message;
use super::process::free_port;
use super::server::Server;
use super::token::AUDIENCE;

/// What is answered on one path.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Send only so much of the body, then hang up.
    cut: Option<usize>,
    /// Do not answer before [`KeyServer::release`].
    held: bool,
    /// Send the body byte by byte, each a chunk of its own, and trailers behind it.
    pieces: bool,
    /// What is called so is not sent to who has it.
    tag: Option<String>,
}

impl Answer {
    /// 200 with a JSON document.
    pub(crate) fn json(document: &Value) -> Self {
        Self::new(200, "application/json", document.to_string())
    }

    /// Any status, type and body.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            cut: None,
            held: false,
            pieces: false,
            tag: None,
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls it so (`ETag`); whoever names that in `If-None-Match` gets a 304 (RFC 9110 §13.1.2).
    pub(crate) fn tagged(self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self }.header("etag", tag)
    }

    /// Announces the whole body, sends `bytes` of it and hangs up.
    pub(crate) const fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// Sends the body in chunks of one byte (RFC 9112 §7.1), with trailers behind the last.
    pub(crate) const fn in_pieces(mut self) -> Self {
        self.pieces = true;
        self
    }

    /// Waits for [`KeyServer::release`] before it answers.
    pub(crate) const fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// The server.
pub(crate) struct KeyServer {
    server: Mutex<Server>,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    hits: BTreeMap<String, usize>,
    unchanged: BTreeMap<String, usize>,
    heads: Vec<Message>,
    released: u64,
}

impl KeyServer {
    /// Starts one that answers 404 everywhere.
    pub(crate) fn start() -> Self {
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        let serve = move |stream| serve(stream, &shared);
        Self { server: Mutex::new(Server::start(free_port(), Arc::new(serve))), state }
    }

    /// Where it listens, up or not.
    pub(crate) fn port(&self) -> u16 {
        self.server.lock().unwrap().port()
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// A provider of the filter with this issuer and its keys at a path here, in the cluster `keys`.
    pub(crate) fn provider(&self, issuer: &str, path: &str) -> Value {
        json!({ "issuer": issuer, "audiences": [AUDIENCE],
                "jwks": { "url": self.url(path), "cluster": "keys" } })
    }

    /// Sets what a path answers from now on.
    pub(crate) fn set(&self, path: &str, answer: Answer) {
        self.state.0.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// How often a path was asked for.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.state.0.lock().unwrap().hits.get(path).copied().unwrap_or(0)
    }

    /// How often who asked for a path had what is there.
    pub(crate) fn unchanged(&self, path: &str) -> usize {
        self.state.0.lock().unwrap().unchanged.get(path).copied().unwrap_or(0)
    }

    /// Every request that came.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.state.0.lock().unwrap().heads.clone()
    }

    /// Lets every held answer go.
    pub(crate) fn release(&self) {
        self.state.0.lock().unwrap().released += 1;
        self.state.1.notify_all();
    }

    /// Refuses connections and cuts those that are open.
    pub(crate) fn down(&self) {
        self.server.lock().unwrap().down();
    }
}

fn serve(mut stream: BufReader<TcpStream>, shared: &(Mutex<State>, Condvar)) -> io::Result<()> {
    let (state, released) = shared;
    while let Some(mut message) = Message::read_head(&mut stream)? {
        message.read_body(&mut stream, false)?;
        let path = message.start.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let mut state = state.lock().unwrap();
            *state.hits.entry(path.clone()).or_default() += 1;
            let named = message.value("if-none-match");
            state.heads.push(message);
            let answer = state.answers.get(&path).cloned();
            let mut answer = answer.unwrap_or_else(|| Answer::new(404, "text/plain", "not here"));
            if named.is_some() && named == answer.tag {
                *state.unchanged.entry(path.clone()).or_default() += 1;
                (answer.status, answer.body) = (304, Vec::new());
            }
            if answer.held {
                let seen = state.released;
                drop(released.wait_while(state, |state| state.released == seen).unwrap());
            }
            answer
        };
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if answer.pieces {
            let whole = answer.cut.is_none();
            stream
                .get_mut()
                .write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes())?;
            for byte in answer.body.iter().take(answer.cut.unwrap_or(usize::MAX)) {
                stream.get_mut().write_all(&[b"1\r\n".as_slice(), &[*byte], b"\r\n"].concat())?;
            }
            if !whole {
                return stream.get_ref().shutdown(Shutdown::Both);
            }
            stream.get_mut().write_all(b"0\r\nx-trailer: {\"keys\":[]}\r\nx-another: 1\r\n\r\n")?;
            continue;
        }
        // A 304 has no body, and its length is another answer's (RFC 9110 §8.6).
        if answer.status != 304 {
            head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
        }
        head.push_str("\r\n");
        let sent = answer.cut.unwrap_or(answer.body.len()).min(answer.body.len());
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(&answer.body[..sent])?;
        if sent < answer.body.len() {
            return stream.get_ref().shutdown(Shutdown::Both);
        }
    }
    Ok(())
}
