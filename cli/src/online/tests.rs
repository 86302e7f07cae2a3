use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use rustls::pki_types::PrivateKeyDer;
use tollgate::http::Url;

use super::*;

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/tls");

/// Reads a request's head from a connection and answers it; also what is no request.
fn answer(stream: &mut (impl io::Read + io::Write), text: &[u8]) -> String {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") && head.first().is_none_or(|first| *first == b'G') {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => head.extend(&part[..read]),
            _ => break,
        }
    }
    let _ = stream.write_all(text);
    let _ = stream.flush();
    String::from_utf8_lossy(&head).into_owned()
}

/// Answers one request with a text; returns the port, and then the head that came.
fn server(text: Vec<u8>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (port, thread::spawn(move || answer(&mut listener.accept().expect("a call").0, &text)))
}

/// The same over TLS, as `localhost`.
fn tls_server(text: &'static [u8]) -> (u16, JoinHandle<String>) {
    let chain = CertificateDer::pem_file_iter(format!("{TLS}/localhost.pem")).expect("a file");
    let chain = chain.map(|one| one.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(format!("{TLS}/localhost.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = move |socket: TcpStream| {
        let connection = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
        let mut stream = rustls::StreamOwned::new(connection, socket);
        let head = answer(&mut stream, text);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        head
    };
    (port, thread::spawn(move || serve(listener.accept().expect("a call").0)))
}

fn request(scheme: &'static str, authority: &str) -> CallRequest {
    let url = Url::parse(&format!("{scheme}://{authority}/keys?a=b")).expect("a URL");
    CallRequest::document(&url, "idp", Duration::from_secs(20), 16)
}

fn client() -> Client {
    Client::new(Some(Path::new(&format!("{TLS}/ca.pem")))).expect("a client")
}

#[test]
fn a_call_brings_status_headers_and_body() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: max-age=60\r\n\r\nkeys";
    let (port, server) = server(text.to_vec());
    let response = client().call(&request("http", &format!("127.0.0.1:{port}"))).expect("one");
    assert_eq!((response.status, &*response.body, response.body_size), (200, &b"keys"[..], 4));
    assert_eq!(response.headers.first("cache-control"), Some(&b"max-age=60"[..]));
    let head = server.join().expect("a head").to_ascii_lowercase();
    assert!(head.starts_with("get /keys?a=b http/1.1\r\n"), "{head}");
    for header in [
        format!("host: 127.0.0.1:{port}\r\n"),
        "accept: application/json\r\n".into(),
        "accept-encoding: identity\r\n".into(),
    ] {
        assert!(head.contains(&header), "{header} in {head}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_not_followed() {
    let text = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (port, _server) = server(text.to_vec());
    let response = client().call(&request("http", &format!("127.0.0.1:{port}"))).expect("one");
    assert_eq!(response.status, 302);
    assert_eq!(response.headers.first("location"), Some(&b"http://127.0.0.1:1/"[..]));
}

#[test]
fn a_body_is_taken_up_to_one_byte_more_than_is_of_use() {
    let mut announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
    announced.extend([b'x'; 1000]);
    let mut open = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    open.extend([b'x'; 1000]);
    for (text, size) in [(announced, 1000), (open, 17)] {
        let (port, _server) = server(text);
        let response = client().call(&request("http", &format!("127.0.0.1:{port}"))).expect("one");
        assert_eq!((response.body.len(), response.body_size), (17, size));
    }
}

#[test]
fn a_server_is_believed_where_its_authority_is() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkeys";
    let (port, _server) = tls_server(text);
    let response = client().call(&request("https", &format!("localhost:{port}"))).expect("one");
    assert_eq!((response.status, &*response.body), (200, &b"keys"[..]));
}

#[test]
fn what_stands_in_the_way_is_said() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkeys";
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("an address").port();
    let plain = server(text.to_vec()).0;
    let broken = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nkeys".to_vec()).0;
    let (wrong_name, unknown) = (tls_server(text).0, tls_server(text).0);
    let without = Client { roots: 0, ..client() };
    let stranger = Client::new(None).expect("a client");
    let stranger = Client { roots: stranger.roots.max(1), ..stranger };
    let known = client();
    let cases = [
        (&known, "http", format!("127.0.0.1:{closed}"), "refused the connection"),
        (&known, "http", format!("127.0.0.1:{silent_port}"), "no whole answer within 200ms"),
        (&known, "http", format!("127.0.0.1:{broken}"), "the connection broke"),
        (&known, "http", "no-such-name.invalid".to_owned(), "has no address (DNS)"),
        (&known, "https", format!("127.0.0.1:{wrong_name}"), "is not for 127.0.0.1: it names"),
        (&stranger, "https", format!("localhost:{unknown}"), "by an authority that is not known"),
        (&known, "https", format!("127.0.0.1:{plain}"), "what came is no TLS"),
        (&without, "https", format!("127.0.0.1:{closed}"), "lists no certificate authorities"),
    ];
    for (client, scheme, authority, expected) in cases {
        let mut request = request(scheme, &authority);
        if authority.ends_with(&silent_port.to_string()) {
            request.timeout = Duration::from_millis(200);
        }
        let unreached = client.call(&request).expect_err(expected).to_string();
        assert!(unreached.contains(expected), "{scheme} {authority}: {unreached}");
    }
}

#[test]
fn a_file_without_certificates_is_refused() {
    let path = format!("{TLS}/README.md");
    let refused = Client::new(Some(Path::new(&path))).err().expect("refused");
    assert!(matches!(refused, Failure::Misuse(text) if text.contains("no certificate in it")));
}
