//! `tollgate register` against providers that answer what real ones do not: with faults, with less
//! than was asked, with other hosts. What a real provider does is tested with the real Envoy's tests.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::Folder;

const SECRET: &str = "the-secret-of-the-client";
const MANAGE: &str = "the-token-that-manages-the-client";
const INITIAL: &str = "the-initial-access-token";

/// What it did, as a person sees it.
#[derive(Debug)]
struct Done {
    exit: i32,
    out: String,
    err: String,
}

/// A provider at a path, with its answers: `(method and path, status, body)`, `%port%` its own.
struct Fake {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

type Watch = Box<dyn Fn(&str) + Send>;

impl Fake {
    fn start(answers: &[(&str, u16, Value)]) -> Self {
        Self::watched(answers, Box::new(|_| {}))
    }

    /// `watch` sees each request before it is answered.
    fn watched(answers: &[(&str, u16, Value)], watch: Watch) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let filled = |text: &str| text.replace("%port%", &port.to_string());
        let answers: Vec<_> = answers
            .iter()
            .map(|(at, status, body)| {
                let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                ((*at).to_owned(), *status, filled(&body))
            })
            .collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        // It ends with the test's process.
        thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let request = request(&mut socket);
                watch(&request);
                let line = request.split(" HTTP/").next().unwrap_or_default().to_owned();
                let found = answers.iter().find(|(at, ..)| *at == line);
                let (status, body) = found.map_or((404, ""), |(_, status, body)| (*status, body));
                kept.lock().expect("a lock").push(request);
                let text = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nLocation: /elsewhere\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(text.as_bytes());
            }
        });
        Self { port, seen }
    }

    /// One with a document that names this endpoint, which answers so to a registration.
    fn registering(status: u16, body: Value) -> Self {
        Self::start(&[document("/register"), ("POST /register", status, body)])
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("a lock").clone()
    }

    /// Registers a machine there, into the folder's client.json.
    fn register(&self, folder: &Folder, more: &[&str]) -> Done {
        let issuer = self.issuer();
        let fixed = ["--issuer", &issuer, "--for", "machine", "--name", "orders", "--scope", "a"];
        tollgate(folder, &[&fixed[..], &["-o", "client.json"], more].concat())
    }
}

/// The whole request, body included.
fn request(socket: &mut TcpStream) -> String {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|n| n.trim().to_owned())
            });
            let length: usize = length.map_or(0, |text| text.parse().expect("a length"));
            if body.len() >= length {
                return text;
            }
        }
        match socket.read(&mut part) {
            Ok(count) if count > 0 => read.extend(&part[..count]),
            _ => return text,
        }
    }
}

/// The discovery document of OpenID Connect, with this endpoint: a path, or a URL.
fn document(endpoint: &str) -> (&'static str, u16, Value) {
    let own = "http://127.0.0.1:%port%";
    let endpoint = match endpoint.starts_with('/') {
        true => format!("{own}{endpoint}"),
        false => endpoint.to_owned(),
    };
    let document = json!({ "issuer": own, "registration_endpoint": endpoint,
                           "token_endpoint": format!("{own}/token"),
                           "authorization_endpoint": format!("{own}/authorize") });
    ("GET /.well-known/openid-configuration", 200, document)
}

/// A client as it was asked for.
fn client() -> Value {
    json!({ "client_id": "c1", "client_secret": SECRET, "client_secret_expires_at": 0,
            "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [],
            "scope": "a", "token_endpoint_auth_method": "client_secret_basic",
            "registration_access_token": MANAGE,
            "registration_client_uri": "http://127.0.0.1:%port%/register/c1" })
}

/// The same with other members; null removes one.
fn with(change: Value) -> Value {
    let mut client = client();
    for (name, value) in change.as_object().expect("an object") {
        let members = client.as_object_mut().expect("an object");
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    client
}

/// `tollgate register`, in a folder, with the initial access token in `TOKEN`.
fn tollgate(folder: &Folder, arguments: &[&str]) -> Done {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("register")
        .args(arguments)
        .current_dir(&folder.0)
        .env("TOKEN", INITIAL)
        .env("NOTHING", " ")
        .stdin(Stdio::null())
        .output()
        .expect("tollgate runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let exit = output.status.code().unwrap_or(-1);
    Done { exit, out: text(output.stdout), err: text(output.stderr) }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// What is in the folder.
fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(&folder.0).expect("a folder").flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

fn shows_no_secret(done: &Done) {
    for secret in [SECRET, MANAGE, INITIAL] {
        assert!(!done.out.contains(secret) && !done.err.contains(secret), "{secret}: {done:?}");
    }
}

#[test]
fn rg01_no_secret_is_shown_and_the_file_is_its_owners_alone_and_never_another() {
    let folder = Folder::new();
    let path = folder.0.join("client.json");
    let during = Arc::new(Mutex::new(Vec::new()));
    let (kept, watched) = (Arc::clone(&during), path.clone());
    let watch = move |request: &str| {
        if request.starts_with("POST") {
            kept.lock().expect("a lock").push(mode(&watched));
        }
    };
    let fake =
        Fake::watched(&[document("/register"), ("POST /register", 201, client())], Box::new(watch));
    let done = fake.register(&folder, &["--token-env", "TOKEN"]);
    assert_eq!(done.exit, 0, "{done:?}");
    assert_eq!(*during.lock().expect("a lock"), [0o600], "from its creation on");
    assert_eq!(mode(&path), 0o600);
    shows_no_secret(&done);
    assert!(done.out.contains("\"clients\": [\"c1\"]"), "{done:?}");
    let text = folder.read("client.json");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(file["client_secret"], SECRET);
    assert_eq!(file["registration_access_token"], MANAGE);
    assert_eq!(file["registration_client_uri"], format!("{}/register/c1", fake.issuer()));
    assert_eq!(file["issuer"], fake.issuer());
    assert!(!text.contains(INITIAL), "who registers is not the client");
    let sent = fake.seen().pop().expect("a request");
    assert!(sent.contains(&format!("authorization: Bearer {INITIAL}\r\n")), "{sent}");
    // Another time: nobody is asked, and nothing is touched.
    let asked = fake.seen().len();
    let again = fake.register(&folder, &["--token-env", "TOKEN"]);
    assert_eq!(again.exit, 2, "{again:?}");
    assert!(again.err.contains("is there already, and was not touched"), "{again:?}");
    assert_eq!((fake.seen().len(), folder.read("client.json")), (asked, text));
    std::os::unix::fs::symlink("nowhere", folder.0.join("link.json")).expect("a link");
    let linked = fake.register(&folder, &["-o", "link.json"]);
    assert!(linked.exit == 2 && names(&folder) == ["client.json", "link.json"], "{linked:?}");
    // A provider that quotes what it was sent.
    let body = json!({ "error": "invalid_token", "error_description": format!("bad {INITIAL}") });
    let echo = Fake::registering(401, body);
    let other = Folder::new();
    let refused = echo.register(&other, &["--token-env", "TOKEN"]);
    assert!(refused.exit == 2 && refused.err.contains("bad (not shown)"), "{refused:?}");
    shows_no_secret(&refused);
    assert_eq!(names(&other), Vec::<String>::new(), "nothing is left behind");
}

#[test]
fn rg02_what_came_otherwise_than_asked_is_named_and_the_file_is_kept() {
    let cases = [
        (201, with(json!({ "grant_types": ["authorization_code"] })), 1, "`grant_types`", true),
        (201, with(json!({ "grant_types": null })), 1, "`grant_types`", true),
        (201, with(json!({ "scope": "b" })), 1, "`scope`: asked for `a`, came `b`", true),
        (201, with(json!({ "scope": null })), 1, "`scope`: asked for `a`, came nothing", true),
        (
            201,
            with(json!({ "token_endpoint_auth_method": "none" })),
            1,
            "`token_endpoint_auth_method`",
            true,
        ),
        (201, with(json!({ "client_secret": null })), 1, "`client_secret`: none came", true),
        (200, client(), 1, "the status is 200", true),
        (201, with(json!({ "client_id": null })), 1, "is no client", false),
        (201, with(json!({ "client_id": 7 })), 1, "is no client", false),
        (200, json!("<html>sign in</html>"), 1, "status 200 and no JSON", false),
        (201, json!(""), 1, "status 201 and nothing", false),
        (201, json!("x".repeat(300 * 1024)), 1, "more than 256 KiB", false),
        (
            400,
            json!({ "error": "invalid_client_metadata", "error_description": "scope must be known" }),
            1,
            "`invalid_client_metadata`, `scope must be known`; the provider takes the request for \
             wrong: `scope` (--scope)",
            false,
        ),
        (400, json!({ "error": "invalid_redirect_uri" }), 1, "`redirect_uris` (--redirect)", false),
        (400, json!({ "error": "invalid_client_metadata" }), 1, "`grant_types` (--for)", false),
        (400, json!({ "error": "access_denied" }), 2, "--token-env", false),
        (401, json!({ "error": "invalid_token" }), 2, "--token-env", false),
        (403, json!("<html>no</html>"), 2, "--token-env", false),
        (302, json!(""), 2, "redirects are not followed", false),
        (404, json!(""), 2, "in its console", false),
        (503, json!("busy"), 2, "ask again later", false),
    ];
    for (status, body, exit, words, is_kept) in cases {
        let (folder, fake) = (Folder::new(), Fake::registering(status, body.clone()));
        let done = fake.register(&folder, &[]);
        assert_eq!(done.exit, exit, "{status} {body}: {done:?}");
        assert!(done.err.contains(words), "{status}: {words}: {done:?}");
        assert_eq!(names(&folder).len(), usize::from(is_kept), "{status} {body}: {done:?}");
        shows_no_secret(&done);
        assert!(
            fake.seen().iter().all(|one| !one.contains("/elsewhere")),
            "no redirect is followed"
        );
        if is_kept {
            assert_eq!(mode(&folder.0.join("client.json")), 0o600);
            assert!(done.err.contains("the client is there all the same"), "{done:?}");
        }
    }
}

#[test]
fn rg03_an_endpoint_by_http_or_at_another_host_gets_nothing() {
    let cases = [
        ("http://id.example.com/register", "is `http`"),
        ("https://id.example.com/register", "another host, port or scheme"),
        ("http://127.0.0.1:1/register", "another host, port or scheme"),
        ("https://127.0.0.1:%port%/register", "another host, port or scheme"),
        ("http://user@127.0.0.1:%port%/register", "user name or password"),
        ("http://127.0.0.1:%port%/register#x", "fragment"),
        ("file:///etc/passwd", "does not begin with"),
    ];
    for (endpoint, words) in cases {
        let (folder, fake) = (Folder::new(), Fake::start(&[document(endpoint)]));
        let done = fake.register(&folder, &["--token-env", "TOKEN"]);
        assert_eq!(done.exit, 2, "{endpoint}: {done:?}");
        assert!(done.err.contains(words) && done.err.contains("nothing was sent"), "{done:?}");
        assert!(done.err.contains("registration_endpoint"), "{done:?}");
        assert_eq!(names(&folder), Vec::<String>::new());
        let sent = fake.seen();
        assert!(
            sent.iter().all(|one| one.starts_with("GET") && !one.contains(INITIAL)),
            "{sent:?}"
        );
    }
    let folder = Folder::new();
    let plain = ["--issuer", "http://id.example.com", "--for", "machine", "--name", "x", "-o", "x"];
    let done = tollgate(&folder, &plain);
    assert!(done.exit == 2 && done.err.contains("--issuer is `http`"), "{done:?}");
}

#[test]
fn a_document_is_found_by_both_names_and_must_be_the_issuers_own() {
    let own = "http://127.0.0.1:%port%/realms/shop";
    let named = |issuer: &str, endpoint: bool| {
        let mut all = json!({ "issuer": issuer, "token_endpoint": format!("{own}/token") });
        if endpoint {
            all["registration_endpoint"] = format!("{own}/register").into();
        }
        all
    };
    let first = "GET /.well-known/oauth-authorization-server/realms/shop";
    let second = "GET /realms/shop/.well-known/openid-configuration";
    let post = ("POST /realms/shop/register", 201, client());
    let cases = [
        ("the first", vec![(first, 200, named(own, true))], 0, ""),
        ("the second", vec![(second, 200, named(own, true))], 0, ""),
        (
            "the first is another's",
            vec![
                (first, 200, named("https://evil.example", true)),
                (second, 200, named(own, true)),
            ],
            0,
            "",
        ),
        (
            "the first names no endpoint",
            vec![(first, 200, named(own, false)), (second, 200, named(own, true))],
            0,
            "",
        ),
        (
            "neither names one",
            vec![(second, 200, named(own, false))],
            2,
            "names no `registration_endpoint`",
        ),
        (
            "a slash more",
            vec![(second, 200, named(&format!("{own}/"), true))],
            2,
            "must be the same byte for byte",
        ),
        ("no document", vec![(second, 200, json!("<html>"))], 2, "no discovery document"),
    ];
    for (name, mut answers, exit, words) in cases {
        answers.push(post.clone());
        let (folder, fake) = (Folder::new(), Fake::start(&answers));
        let issuer = format!("http://127.0.0.1:{}/realms/shop", fake.port);
        let fixed = ["--issuer", &issuer, "--for", "machine", "--name", "x", "--scope", "a"];
        let done = tollgate(&folder, &[&fixed[..], &["-o", "client.json"]].concat());
        assert_eq!(done.exit, exit, "{name}: {done:?}");
        assert!(done.err.contains(words), "{name}: {done:?}");
        let asked = fake.seen();
        assert!(asked[0].starts_with(first), "RFC 8414 comes first: {asked:?}");
    }
}

#[test]
fn who_is_not_let_in_is_told_what_this_provider_wants() {
    let cases = [
        ("/realms/shop", "/realms/shop/clients-registrations/openid-connect", "Trusted Hosts"),
        ("/oauth2/default", "/oauth2/v1/clients", "--token-scheme SSWS"),
        ("/oauth2/default", "/oauth2/v1/clients", "okta.clients.manage"),
        ("", "/oauth/v2/register", "`introspection`"),
        ("", "/register", "initial access token"),
    ];
    for (path, endpoint, words) in cases {
        let own = "http://127.0.0.1:%port%";
        let document = json!({ "issuer": format!("{own}{path}"),
                               "registration_endpoint": format!("{own}{endpoint}") });
        let (at, post) =
            (format!("GET {path}/.well-known/openid-configuration"), format!("POST {endpoint}"));
        for status in [401, 403] {
            let fake = Fake::start(&[(&at, 200, document.clone()), (&post, status, json!({}))]);
            let folder = Folder::new();
            let issuer = format!("http://127.0.0.1:{}{path}", fake.port);
            let fixed = ["--issuer", &issuer, "--for", "machine", "--name", "x", "-o", "c.json"];
            let done = tollgate(&folder, &fixed);
            assert!(done.exit == 2 && done.err.contains(words), "{endpoint}: {done:?}");
            let token = ["--token-env", "TOKEN", "--token-scheme", "SSWS"];
            let done = tollgate(&folder, &[&fixed[..], &token].concat());
            assert!(
                done.exit == 2 && done.err.contains("the token in TOKEN is refused"),
                "{done:?}"
            );
            let sent = fake.seen().pop().expect("a request");
            assert!(sent.contains(&format!("authorization: SSWS {INITIAL}\r\n")), "{sent}");
        }
    }
}

#[test]
fn what_cannot_be_meant_asks_nobody() {
    let fake = Fake::registering(201, client());
    let cases: [(&[&str], &str); 7] = [
        (&["--redirect", "https://a.example/"], "--redirect is for those"),
        (&["--auth", "none"], "anybody"),
        (&["--scope", "a b"], "is no scope"),
        (&["--token-env", "NOWHERE"], "there is no such variable"),
        (&["--token-env", "NOTHING"], "there is no such variable"),
        (&["--token-env", "TOKEN", "--token-scheme", "a b"], "one word"),
        (&["--read", "client.json"], "cannot be used with"),
    ];
    for (more, words) in cases {
        let folder = Folder::new();
        let done = fake.register(&folder, more);
        assert!(done.exit == 2 && done.err.contains(words), "{more:?}: {done:?}");
        assert_eq!(names(&folder), Vec::<String>::new(), "{more:?}");
    }
    let folder = Folder::new();
    let token = fake.register(&folder, &["--token-env", INITIAL]);
    assert!(token.exit == 2 && token.err.contains("never the token"), "{token:?}");
    shows_no_secret(&token);
    assert_eq!(fake.seen(), Vec::<String>::new());
}

/// A folder with a client of this provider.
fn registered(fake: &Fake) -> Folder {
    let folder = Folder::new();
    let done = fake.register(&folder, &[]);
    assert_eq!(done.exit, 0, "{done:?}");
    folder
}

/// A provider that has a client, and answers this to a call of its own place.
fn managing(method: &str, status: u16, body: Value) -> (Fake, Folder) {
    let at = format!("{method} /register/c1");
    let answers = [document("/register"), ("POST /register", 201, client()), (&*at, status, body)];
    let fake = Fake::start(&answers);
    let folder = registered(&fake);
    (fake, folder)
}

#[test]
fn what_a_provider_renews_takes_the_files_place_whole() {
    let (fake, folder) = managing(
        "GET",
        200,
        with(json!({ "client_secret": null, "registration_access_token": "renewed" })),
    );
    let done = tollgate(&folder, &["--read", "client.json"]);
    assert_eq!(done.exit, 0, "{done:?}");
    let file: Value = serde_json::from_str(&folder.read("client.json")).expect("JSON");
    assert_eq!(
        (&file["registration_access_token"], &file["client_secret"]),
        (&json!("renewed"), &json!(SECRET))
    );
    assert_eq!(
        (mode(&folder.0.join("client.json")), names(&folder)),
        (0o600, vec!["client.json".to_owned()])
    );
    let sent = fake.seen().pop().expect("a request");
    assert!(sent.contains(&format!("authorization: Bearer {MANAGE}\r\n")), "{sent}");

    let (fake, folder) = managing("PUT", 200, with(json!({ "client_secret": "another" })));
    let done = tollgate(&folder, &["--rotate", "client.json"]);
    assert!(
        done.exit == 0 && !done.err.contains("another-") && !done.out.contains("another"),
        "{done:?}"
    );
    assert!(done.err.contains("the provider gave another secret"), "{done:?}");
    let file: Value = serde_json::from_str(&folder.read("client.json")).expect("JSON");
    assert_eq!(file["client_secret"], "another");
    assert_eq!(file["authorization"], "Basic YzE6YW5vdGhlcg==", "c1:another");
    let sent = fake.seen().pop().expect("a request");
    let (_, body) = sent.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&body["client_id"], &body["scope"]), (&json!("c1"), &json!("a")));
    for not_sent in [
        "client_secret",
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
    ] {
        assert_eq!(body.get(not_sent), None, "{not_sent}");
    }
}

#[test]
fn a_secret_that_was_kept_is_said_to_be() {
    for body in [client(), with(json!({ "client_secret": null }))] {
        let (_fake, folder) = managing("PUT", 200, body);
        let done = tollgate(&folder, &["--rotate", "client.json"]);
        assert!(
            done.exit == 1 && done.err.contains("the provider kept the old secret"),
            "{done:?}"
        );
    }
}

#[test]
fn nothing_is_lost_where_a_provider_does_not_do_it() {
    let cases = [
        ("--read", "GET", 401, json!({ "error": "invalid_token" }), "each answer may renew it"),
        ("--read", "GET", 200, json!("<html>"), "no JSON"),
        ("--read", "GET", 200, with(json!({ "client_id": "other" })), "another `client_id`"),
        ("--rotate", "PUT", 500, json!(""), "status 500"),
        ("--rotate", "PUT", 200, json!("{"), "whether it was done is not known"),
        ("--delete", "DELETE", 200, client(), "was not removed"),
        (
            "--delete",
            "DELETE",
            401,
            json!({ "error_description": format!("bad {MANAGE}") }),
            "bad (not shown)",
        ),
        ("--delete", "DELETE", 404, json!(""), "gone already"),
    ];
    for (option, method, status, body, words) in cases {
        let (_fake, folder) = managing(method, status, body);
        let before = folder.read("client.json");
        let done = tollgate(&folder, &[option, "client.json"]);
        assert_eq!(done.exit, 1, "{option} {status}: {done:?}");
        assert!(done.err.contains(words), "{option} {status}: {done:?}");
        assert_eq!(folder.read("client.json"), before, "{option} {status}");
        assert_eq!(names(&folder), ["client.json"], "{option} {status}");
        shows_no_secret(&done);
    }
    let (_fake, folder) = managing("DELETE", 204, json!(""));
    let done = tollgate(&folder, &["--delete", "client.json"]);
    assert!(done.exit == 0 && done.err.contains("is removed at the provider"), "{done:?}");
    assert_eq!(names(&folder), Vec::<String>::new());
}

#[test]
fn a_registration_token_goes_to_its_own_provider_alone() {
    for place in
        ["https://evil.example/c1", "http://127.0.0.1:1/c1", "http://id.example.com/c1", "x"]
    {
        let body = with(json!({ "registration_client_uri": place }));
        let (folder, fake) = (Folder::new(), Fake::registering(201, body));
        assert_eq!(fake.register(&folder, &[]).exit, 0);
        let asked = fake.seen().len();
        for option in ["--read", "--rotate", "--delete"] {
            let done = tollgate(&folder, &[option, "client.json"]);
            assert!(done.exit == 2 && done.err.contains("registration_client_uri"), "{done:?}");
        }
        assert_eq!(fake.seen().len(), asked, "{place}");
    }
    let body = with(json!({ "registration_access_token": null }));
    let (folder, fake) = (Folder::new(), Fake::registering(201, body));
    let done = fake.register(&folder, &[]);
    assert!(done.exit == 0 && done.err.contains("no `registration_access_token` came"), "{done:?}");
    let done = tollgate(&folder, &["--read", "client.json"]);
    assert!(done.exit == 2 && done.err.contains("--token-env"), "{done:?}");
}

#[test]
fn a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_fake, folder) = managing("GET", 200, client());
    let path = folder.0.join("client.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let done = tollgate(&folder, &["--read", "client.json"]);
    assert!(done.exit == 0 && done.err.contains("chmod 600 client.json"), "{done:?}");
    assert_eq!(mode(&path), 0o600, "what takes its place is its owner's alone");
    for (text, words) in [("[]", "no JSON object"), ("{}", "`client_id` is missing")] {
        std::fs::write(&path, text).expect("a file");
        let done = tollgate(&folder, &["--read", "client.json"]);
        assert!(done.exit == 2 && done.err.contains(words), "{text}: {done:?}");
    }
}
