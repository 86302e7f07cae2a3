//! An HTTP/2 client that sends exactly the fields it is told to.
//!
//! ```ignore
//! let mut client = Http2::open(listener.port);
//! let response = client.fetch(&Request::new("post", "/x").host("host:abc"));   // a whole exchange
//!
//! let request = Request::new("POST", "/upload").bearer(&token);
//! let stream = client.start(&request.fields(), false);                         // the body stays open
//! client.send(stream, b"the first part", false);
//! assert_eq!(client.head(stream).status(), 401);
//! ```

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::client::{Request, Response};
use super::message::{Field, Message};
use super::{places, servers};

/// A connection; what speaks HTTP/2 is http2.py, which says what it can.
pub(crate) struct Http2 {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What has come of a stream so far.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The response as far as it is there; `None` before its header section.
    pub(crate) response: Option<Response>,
    /// Whether the response is whole.
    pub(crate) ended: bool,
    /// The error code with which the other side ended the stream (RFC 9113 §7).
    pub(crate) reset: Option<u64>,
    /// Whether the other side has closed the connection.
    pub(crate) closed: bool,
    /// How many bytes of the request's body have left.
    pub(crate) sent: u64,
}

impl Http2 {
    /// Connects to a port of the loopback interface, without TLS and with prior knowledge.
    pub(crate) fn open(port: u16) -> Self {
        let program = places::project().join("tests/e2e/harness/http2.py");
        let mut child = servers::python()
            .arg(program)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let commands = child.stdin.take().expect("its input");
        let answers = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, commands, answers }
    }

    /// Sends a request and reads its whole response, which must come.
    pub(crate) fn fetch(&mut self, request: &Request) -> Response {
        let body = request.content();
        let stream = self.start(&request.fields(), body.is_none());
        if let Some(body) = body {
            self.send(stream, body, true);
        }
        self.response(stream)
    }

    /// Sends a header section as it is, pseudo-headers included; the stream's number.
    pub(crate) fn start<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        fields: &[(N, V)],
        end: bool,
    ) -> u64 {
        let answer = self.run(&json!({ "do": "start", "fields": to_json(fields), "end": end }));
        answer["stream"].as_u64().expect("a stream's number")
    }

    /// Hands over a part of a request's body, which leaves as far as the windows allow.
    pub(crate) fn send(&mut self, stream: u64, body: &[u8], end: bool) {
        self.run(&json!({ "do": "send", "stream": stream, "body": text(body), "end": end }));
    }

    /// Ends a request with trailers, once its body has left.
    pub(crate) fn send_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: u64,
        fields: &[(N, V)],
    ) {
        self.run(&json!({ "do": "trailers", "stream": stream, "fields": to_json(fields) }));
    }

    /// Gives a stream up.
    pub(crate) fn reset(&mut self, stream: u64) {
        self.run(&json!({ "do": "reset", "stream": stream }));
    }

    /// What has come of a stream by now.
    pub(crate) fn state(&mut self, stream: u64) -> State {
        state(&self.run(&json!({ "do": "state", "stream": stream })))
    }

    /// What has come of a stream, once it ended, was reset or lost its connection.
    pub(crate) fn end(&mut self, stream: u64) -> State {
        let found = state(&self.run(&json!({ "do": "wait", "stream": stream, "for": "end" })));
        let over = found.ended || found.reset.is_some() || found.closed;
        assert!(over, "waited in vain for the end of stream {stream}: {found:?}");
        found
    }

    /// The whole response to a stream's request, which must come.
    pub(crate) fn response(&mut self, stream: u64) -> Response {
        let found = self.end(stream);
        match found.response {
            Some(response) if found.ended => response,
            _ => panic!("no whole response on stream {stream}: {found:?}"),
        }
    }

    /// The response once its header section is there, which must come.
    pub(crate) fn head(&mut self, stream: u64) -> Response {
        let found = state(&self.run(&json!({ "do": "wait", "stream": stream, "for": "head" })));
        found.response.unwrap_or_else(|| panic!("no response on stream {stream}"))
    }

    fn run(&mut self, command: &Value) -> Value {
        writeln!(self.commands, "{command}").expect("http2.py takes commands");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("http2.py answers");
        serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("http2.py ended at {command}; it has told why above"))
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn state(answer: &Value) -> State {
    let head = (!answer["head"].is_null()).then(|| from_json(&answer["head"]));
    let response = head.map(|headers| {
        let status = headers.iter().find(|(name, _)| name == ":status");
        let status = status.map(|(_, value)| String::from_utf8_lossy(value)).unwrap_or_default();
        Response::from(Message {
            start: format!("HTTP/2 {status}"),
            headers,
            body: bytes(&answer["body"]),
            trailers: from_json(&answer["trailers"]),
        })
    });
    State {
        response,
        ended: answer["ended"] == true,
        reset: answer["reset"].as_u64(),
        closed: answer["closed"] == true,
        sent: answer["sent"].as_u64().unwrap_or(0),
    }
}

/// Bytes as a string of code points up to 255.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or_default();
    text.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

fn to_json<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Value {
    let pairs = fields.iter().map(|(name, value)| [text(name.as_ref()), text(value.as_ref())]);
    json!(pairs.collect::<Vec<_>>())
}

fn from_json(fields: &Value) -> Vec<Field> {
    let pairs = fields.as_array().into_iter().flatten();
    pairs
        .map(|pair| (String::from_utf8_lossy(&bytes(&pair[0])).into_owned(), bytes(&pair[1])))
        .collect()
}
