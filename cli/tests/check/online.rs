//! `--online`: what is fetched, and what it is worth.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tollgate_cli::Exit;

use super::check;

const KEY: &str = r#"{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/tls");

/// A server of a few documents by path, each `(path, head lines, body)`; `%port%` is its own.
struct Server {
    port: u16,
}

impl Server {
    fn start(documents: &[(&str, &str, String)], tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let documents: Vec<_> = documents
            .iter()
            .map(|(path, head, body)| {
                let body = body.replace("%port%", &port.to_string());
                let head = format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                ((*path).to_owned(), head + &body)
            })
            .collect();
        let config = tls.then(tls_config);
        // It ends with the test's process; nothing asks for more than a few documents.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                match &config {
                    None => answer(socket, &documents),
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(Arc::clone(config))
                            .expect("a connection");
                        answer(rustls::StreamOwned::new(connection, socket), &documents);
                    }
                }
            }
        });
        Self { port }
    }

    /// A configuration of a provider whose keys are found so.
    fn check(&self, arguments: &[&str], provider: &str) -> super::Run {
        let text = format!(r#"{{"providers": {{"okta": {{"audiences": ["api"], {provider}}}}}}}"#);
        let arguments: Vec<_> = ["--online", "-"].iter().chain(arguments).copied().collect();
        check(&arguments, &text.replace("%port%", &self.port.to_string()))
    }
}

fn tls_config() -> Arc<rustls::ServerConfig> {
    let chain = CertificateDer::pem_file_iter(format!("{TLS}/localhost.pem")).expect("a file");
    let chain = chain.map(|one| one.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(format!("{TLS}/localhost.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Arc::new(config.expect("a server"))
}

fn answer(mut stream: impl Read + Write, documents: &[(String, String)]) {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    // What does not begin like a request is answered at once.
    let is_whole = |head: &[u8]| head.windows(4).any(|end| end == b"\r\n\r\n");
    while !is_whole(&head) && head.first().is_none_or(|first| b"GP".contains(first)) {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => head.extend(&part[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    // Whoever has sent more than was read may never see the answer.
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length = length.map_or(0, |length| length.parse::<usize>().expect("a length"));
    let here = head.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    let length = length.saturating_sub(here) as u64;
    let _ = std::io::copy(&mut Read::by_ref(&mut stream).take(length), &mut std::io::sink());
    let path = head.split(' ').nth(1).unwrap_or_default();
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno".to_owned();
    let found = documents.iter().find(|(known, _)| known == path).map(|(_, text)| text);
    let _ = stream.write_all(found.unwrap_or(&missing).as_bytes());
    let _ = stream.flush();
}

/// The lines about the network and the remarks that it led to, with the port taken out.
fn said(run: &super::Run, server: &Server) -> Vec<String> {
    let port = server.port.to_string();
    let about = |line: &&str| line.contains(" online: ") || line.contains("[online_");
    run.out.lines().filter(about).map(|line| line.replace(&port, "%port%")).collect()
}

#[test]
fn keys_are_fetched_as_the_filter_fetches_them_and_told() {
    let discovery =
        r#"{"issuer": "http://127.0.0.1:%port%", "jwks_uri": "http://127.0.0.1:%port%/keys"}"#;
    let keys = format!(
        r#"{{"keys": [{KEY}, {{"kty": "RSA", "use": "enc", "kid": "e", "n": "AQAB", "e": "AQAB"}}, {}]}}"#,
        KEY.replace("k1", "dev-1")
    );
    let server = Server::start(
        &[
            (
                "/.well-known/openid-configuration",
                "200 OK\r\nContent-Type: application/json",
                discovery.into(),
            ),
            ("/keys", "200 OK\r\nCache-Control: max-age=60", keys),
        ],
        false,
    );
    let run = server.check(
        &[],
        r#""issuer": "http://127.0.0.1:%port%", "jwks": {"discovery": true, "cluster": "idp"}"#,
    );
    let found = said(&run, &server);
    assert_eq!(run.exit, Exit::Fine, "{}", run.out);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found[0].contains("warning: providers.okta.jwks: "), "{found:#?}");
    assert!(found[0].contains("[online_key_"), "{found:#?}");
    assert!(found[1].contains("[online_key_"), "{found:#?}");
    assert_eq!(found[2], "standard input: online: http://127.0.0.1:%port%/.well-known/openid-configuration: status 200, 83 bytes, content-type `application/json`".replace("83", &(discovery.len() - 2 * "%port%".len() + 2 * server.port.to_string().len()).to_string()));
    assert!(found[3].contains("/keys: status 200, "), "{found:#?}");
    assert!(found[3].ends_with(", cache-control `max-age=60`"), "{found:#?}");
    assert!(
        found[4].starts_with("standard input: online: provider okta: 2 usable keys (`k1` Ed25519, `dev-1` Ed25519); fetched again after"),
        "{found:#?}"
    );
    assert!(found[4].ends_with(" s, since `cache-control` allows no longer"), "{found:#?}");
}

#[test]
fn what_stands_in_the_way_is_a_problem_with_its_reason() {
    let other =
        r#"{"issuer": "https://elsewhere.example", "jwks_uri": "http://127.0.0.1:%port%/keys"}"#;
    let server = Server::start(
        &[
            ("/other", "200 OK", other.into()),
            ("/html", "200 OK", "<html>".into()),
            ("/moved", "302 Found\r\nLocation: /keys", String::new()),
            ("/empty", "200 OK", r#"{"keys": []}"#.into()),
        ],
        false,
    );
    let url = |path: &str| {
        format!(
            r#""issuer": "https://okta.example", "jwks": {{"url": "http://127.0.0.1:%port%{path}", "cluster": "idp"}}"#
        )
    };
    let discovery = |path: &str| url(path).replace("\"url\"", "\"discovery\"");
    let closed =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let cases = [
        (
            discovery("/other"),
            "`issuer` is `https://elsewhere.example`, which is not the provider's configured issuer",
        ),
        (url("/nothing"), "status 404 with `no`"),
        (url("/moved"), "status 302"),
        (url("/html"), "the key set: "),
        (url("/empty"), "the key set: "),
        (url("/x").replace("%port%", &closed.to_string()), "refused the connection"),
        (url("/x").replace("http://", "https://"), "what came is no TLS"),
    ];
    for (provider, expected) in cases {
        let run = server.check(&[], &provider);
        let found = said(&run, &server);
        assert_eq!(run.exit, Exit::Problems, "{found:#?}");
        assert!(found[0].contains("providers.okta.jwks: http"), "{found:#?}");
        assert!(found[0].contains(expected), "{expected}: {found:#?}");
        assert!(found[0].ends_with(" [online_failed]"), "{found:#?}");
    }
}

#[test]
fn a_server_with_tls_is_believed_by_its_authority_alone() {
    let server = Server::start(&[("/keys", "200 OK", format!(r#"{{"keys": [{KEY}]}}"#))], true);
    let provider = r#""issuer": "https://okta.example", "jwks": {"url": "https://localhost:%port%/keys", "cluster": "idp"}"#;
    let ca = format!("{TLS}/ca.pem");
    let run = server.check(&["--ca", &ca], provider);
    assert_eq!(run.exit, Exit::Fine, "{}", run.out);
    assert!(run.out.contains("1 usable key (`k1` Ed25519); fetched again after"), "{}", run.out);
    let run = server.check(&["--ca", &ca], &provider.replace("localhost", "127.0.0.1"));
    assert_eq!(run.exit, Exit::Problems);
    assert!(run.out.contains("the server's certificate is not for"), "{}", run.out);
}

#[test]
fn revocations_are_fetched_too() {
    let list = r#"{"entries": [{"provider": "okta", "identity": "x"}]}"#;
    let server = Server::start(
        &[
            ("/keys", "200 OK", format!(r#"{{"keys": [{KEY}]}}"#)),
            ("/revoked", "200 OK", list.into()),
        ],
        false,
    );
    let text = r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"],
"jwks": {"url": "http://127.0.0.1:%port%/keys", "cluster": "idp"}}},
"revoked": {"url": "http://127.0.0.1:%port%/revoked", "cluster": "ops"}}"#;
    let run = check(&["--online", "-"], &text.replace("%port%", &server.port.to_string()));
    assert_eq!(run.exit, Exit::Fine, "{}", run.out);
    assert!(run.out.contains("online: revoked: a list of 1 entry"), "{}", run.out);
}

#[test]
fn a_refresh_is_laid_at_the_door_of_cache_control_only_where_that_shortens_it() {
    let (short, floor) = ("`cache-control` allows no longer", "(30 s at least)");
    let cases = [
        ("nothing said", "", "", false),
        ("as long as configured", "\r\nCache-Control: max-age=600", "", false),
        ("longer than configured", "\r\nCache-Control: public, max-age=86400", "", false),
        ("no age in it", "\r\nCache-Control: no-store", "", false),
        ("no number", "\r\nCache-Control: max-age=soon", "", false),
        ("shorter", "\r\nCache-Control: public, Max-Age=60", short, false),
        ("shorter than may be", "\r\nCache-Control: max-age=0", short, true),
        ("a bit shorter than configured", "\r\nCache-Control: max-age=599", short, false),
    ];
    for (name, header, reason, is_floor) in cases {
        let keys = format!(r#"{{"keys": [{KEY}]}}"#);
        let server = Server::start(&[("/keys", &format!("200 OK{header}"), keys)], false);
        let provider = r#""issuer": "http://127.0.0.1:%port%",
            "jwks": {"url": "http://127.0.0.1:%port%/keys", "cluster": "idp"}"#;
        let found = said(&server.check(&[], provider), &server);
        let told = found.last().expect("a line");
        assert!(told.contains("fetched again after"), "{name}: {told}");
        assert_eq!(told.contains("cache-control"), !reason.is_empty(), "{name}: {told}");
        assert!(told.contains(reason), "{name}: {told}");
        assert_eq!(told.contains(floor), is_floor, "{name}: {told}");
    }
}

#[test]
fn a_key_that_is_tolerated_is_told_and_no_fault() {
    let keys = format!(r#"{{"keys": [{}]}}"#, KEY.replace("HURo", "HURo="));
    let server = Server::start(&[("/keys", "200 OK", keys)], false);
    let provider = r#""issuer": "http://127.0.0.1:%port%",
        "jwks": {"url": "http://127.0.0.1:%port%/keys", "cluster": "idp"}"#;
    let run = server.check(&[], provider);
    assert_eq!(run.exit, Exit::Fine, "{}", run.out);
    let found = said(&run, &server).join("\n");
    assert!(found.contains("keys[0] (kid `k1`): its `x` has padding (`=`)"), "{found}");
    assert!(found.contains("1 usable key "), "{found}");
}

#[test]
fn a_server_of_mcp_must_refuse_headers_that_lie() {
    let json = |body: &str| ("200 OK\r\nContent-Type: application/json", body.to_owned());
    let mismatch =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"header mismatch"}}"#;
    let answers = [
        ("/compares", ("400 Bad Request", mismatch.to_owned()), None),
        (
            "/streams",
            (
                "200 OK\r\nContent-Type: text/event-stream",
                format!("event: message\ndata: {mismatch}\n\n"),
            ),
            None,
        ),
        (
            "/calls",
            json(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#),
            Some("mcp_unchecked"),
        ),
        (
            "/unknown",
            json(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such tool"}}"#),
            Some("mcp_unchecked"),
        ),
        ("/guarded", ("401 Unauthorized", String::new()), Some("mcp_unchecked")),
        // As npm's `@modelcontextprotocol/sdk` 1.32.2 answers.
        (
            "/older",
            (
                "400 Bad Request",
                r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Unsupported protocol version"}}"#
                    .to_owned(),
            ),
            Some("mcp_unchecked"),
        ),
    ];
    let mut documents: Vec<_> =
        answers.iter().map(|(path, (head, body), _)| (*path, *head, body.clone())).collect();
    documents.push(("/keys", "200 OK", format!(r#"{{"keys": [{KEY}]}}"#)));
    let server = Server::start(&documents, false);
    let port = server.port.to_string();
    let text = |mcp: &str| {
        format!(
            r#"{{"providers": {{"okta": {{"issuer": "https://okta.example", "audiences": ["api"],
"jwks": {{"url": "http://127.0.0.1:{port}/keys", "cluster": "idp"}}}}}},
"apis": [{{"name": "tools", "auth": ["okta"]{mcp}}}]}}"#
        )
    };
    for (path, _, code) in &answers {
        let url = format!("http://127.0.0.1:{port}{path}");
        let run = check(&["--online", "--mcp", &url, "-"], &text(r#", "mcp": {}"#));
        assert_eq!(run.exit == Exit::Problems, code.is_some(), "{path}: {}", run.out);
        assert_eq!(run.out.contains("[mcp_unchecked]"), code.is_some(), "{path}: {}", run.out);
        let line = run.out.contains("to a request whose header lies");
        assert!(line, "{path}: {}", run.out);
        let around = ["/calls", "/unknown"].contains(path);
        assert_eq!(run.out.contains("can be got around"), around, "{path}: {}", run.out);
    }
    let nobody =
        check(&["--online", "--mcp", "http://127.0.0.1:1/mcp", "-"], &text(r#", "mcp": {}"#));
    assert!(nobody.out.contains("[online_failed]"), "{}", nobody.out);
    // Where no API is one, nobody is asked.
    let url = format!("http://127.0.0.1:{port}/calls");
    let run = check(&["--online", "--mcp", &url, "-"], &text(""));
    assert_eq!(run.exit, Exit::Fine, "{}", run.out);
}
