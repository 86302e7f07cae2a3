//! A client that sends exactly the bytes it is told to.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::message::Message;
use super::wait::DEADLINE;

/// A request, as the bytes that will be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: Vec<u8>,
    host: String,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A GET.
    pub(crate) fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A request with another method.
    pub(crate) fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            host: "api.example.com".to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Replaces `Host`.
    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a header, spelled exactly so.
    pub(crate) fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds `Authorization: Bearer …`.
    pub(crate) fn bearer(self, token: impl AsRef<[u8]>) -> Self {
        self.header("Authorization", [b"Bearer ", token.as_ref()].concat())
    }

    /// Makes it a gRPC call, as far as Envoy can tell.
    pub(crate) fn grpc(self) -> Self {
        self.header("Content-Type", "application/grpc").header("TE", "trailers")
    }

    /// Adds a body with its length.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// The header section of the same request in HTTP/2: pseudo-headers, then names in lower case.
    pub(crate) fn fields(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pseudo = [
            (":method", self.method.as_bytes()),
            (":scheme", b"http"),
            (":authority", self.host.as_bytes()),
            (":path", &self.target),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        let own =
            self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let length = self.body.as_ref().map(|body| body.len().to_string().into_bytes());
        let length = length.map(|length| (b"content-length".to_vec(), length));
        pseudo.into_iter().chain(own).chain(length).collect()
    }

    /// The body, if it has one.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// The request on the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend([self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"].concat());
        out.extend(format!("Host: {}\r\n", self.host).bytes());
        for (name, value) in &self.headers {
            out.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        if let Some(body) = &self.body {
            out.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
        }
        out.extend(b"\r\n");
        out.extend(self.body.iter().flatten());
        out
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Response(Message);

impl From<Message> for Response {
    fn from(message: Message) -> Self {
        Self(message)
    }
}

impl Response {
    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.0.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// A header's first value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.0.value(name)
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        self.0.values(name)
    }

    /// Whether any header or trailer has a name that starts so.
    pub(crate) fn has_field_starting(&self, prefix: &str) -> bool {
        self.0.headers.iter().chain(&self.0.trailers).any(|(name, _)| name.starts_with(prefix))
    }

    /// A trailer's value.
    pub(crate) fn trailer(&self, name: &str) -> Option<String> {
        let found = self.0.trailers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.body).unwrap_or(Value::Null)
    }

    /// The deny code: of the body, or of a gRPC answer's header; empty where there is none.
    pub(crate) fn code(&self) -> String {
        match self.json()["code"].as_str() {
            Some(code) => code.to_owned(),
            None => self.header("x-tollgate-code").unwrap_or_default(),
        }
    }

    /// Status and deny code, for tables.
    pub(crate) fn verdict(&self) -> (u16, String) {
        (self.status(), self.code())
    }
}

/// A connection that is kept for several requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a port of the loopback interface.
    pub(crate) fn open(port: u16) -> Self {
        Self::try_open(port)
            .unwrap_or_else(|error| panic!("cannot connect to port {port}: {error}"))
    }

    /// Connects, or says why not.
    pub(crate) fn try_open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads a response; an error where the connection ended without one.
    pub(crate) fn response(&mut self) -> io::Result<Response> {
        let mut message = Message::read_head(&mut self.stream)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        message.read_body(&mut self.stream, true)?;
        Ok(Response(message))
    }

    /// Sends a request and reads its response.
    pub(crate) fn try_fetch(&mut self, request: &Request) -> io::Result<Response> {
        self.send(&request.bytes())?;
        self.response()
    }

    /// Sends a request and reads its response, which must come.
    pub(crate) fn fetch(&mut self, request: &Request) -> Response {
        self.try_fetch(request).unwrap_or_else(|error| {
            panic!("no response to {:?}: {error}", String::from_utf8_lossy(&request.target))
        })
    }

    /// Sends a request whose response has no body whatever it announces, as HEAD's; the status.
    pub(crate) fn status_only(&mut self, request: &Request) -> u16 {
        self.send(&request.bytes()).expect("an open connection");
        self.response_head()
    }

    /// Reads a header section and nothing more; its status.
    pub(crate) fn response_head(&mut self) -> u16 {
        let head = Message::read_head(&mut self.stream).expect("a response");
        Response(head.expect("a response")).status()
    }

    /// Whether the other side has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a mode");
        let closed = match stream.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).expect("a mode");
        closed
    }

    /// Whether a response begins to come within `limit`.
    pub(crate) fn answers_within(&mut self, limit: Duration) -> bool {
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(limit)).expect("a read timeout");
        let answered = stream.peek(&mut [0]).is_ok();
        stream.set_read_timeout(Some(DEADLINE)).expect("a read timeout");
        answered
    }
}

/// One request on a connection of its own.
pub(crate) fn fetch(port: u16, request: &Request) -> Response {
    Connection::open(port).fetch(request)
}
