//! Bytes that no well-behaved client sends, and clients that do not wait.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, Request, Signer, Site,
    Token, Upstream, configuration, eventually, fetch, key_set,
};

struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    keys: KeyServer,
    signer: Signer,
    port: u16,
}

impl Stage {
    fn start(name: &str, keys_held: bool) -> Self {
        Self::with(name, keys_held, false)
    }

    fn with(name: &str, keys_held: bool, stop_iteration: bool) -> Self {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        let answer = Answer::json(&key_set(&[&signer]));
        keys.set("/keys", if keys_held { answer.held() } else { answer });
        let mut main = keys.provider(ISSUER, "/keys");
        main["jwks"]["timeout"] = json!("30s");
        let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
        let listener = Listener::new(&filter.stop_iteration(stop_iteration)).raw();
        let site = Site::new(name, upstream.port()).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&listener));
        Self { envoy, upstream, keys, signer, port: listener.port }
    }

    fn good(&self) -> String {
        self.signer.sign(&Token::of("alice"))
    }

    /// The next request is served: the filter lives.
    fn serves(&self, after: &str) {
        let response = fetch(self.port, &Request::get("/alive").bearer(self.good()));
        assert_eq!(response.status(), 200, "after {after}: {}", response.text());
    }

    fn parked(&self, count: u64) {
        eventually(&format!("{count} requests to wait"), || {
            self.envoy.stat("http.ingress.downstream_rq_active") == count
        });
    }
}

#[test]
fn bytes_that_are_no_text_are_judged_like_any_others() {
    let stage = Stage::start("bytes", false);
    let good = stage.good();
    stage.serves("the start");
    let get = || Request::get("/odd");
    let odd = b"\xa1\xb1\xff\xfe";
    let refused = [
        ("no text in Authorization", get().header("Authorization", odd), "credential_missing"),
        ("no text in the token", get().bearer(odd), "token_malformed"),
        (
            "no text behind the token",
            get().bearer([good.as_bytes(), odd].concat()),
            "token_malformed",
        ),
        (
            "no text in the scheme",
            get().header("Authorization", [odd, b" x.y.z".as_slice()].concat()),
            "credential_missing",
        ),
        ("no text in Cookie", get().header("Cookie", odd), "credential_missing"),
        ("no text in User-Agent", get().header("User-Agent", odd), "credential_missing"),
        ("no text in an Origin", get().header("Origin", odd), "credential_missing"),
        ("no text in the request's id", get().header("X-Request-Id", odd), "credential_missing"),
        ("no text in Content-Type", get().header("Content-Type", odd), "credential_missing"),
        ("no text in Connection", get().header("Connection", odd), "credential_missing"),
        ("60 kB of token", get().bearer("a.".repeat(30_000)), "token_too_large"),
        ("60 kB of dots", get().bearer(".".repeat(60_000)), "token_too_large"),
        ("two good tokens", get().bearer(&good).bearer(&good), "credential_multiple"),
        ("good and bad", get().bearer(&good).bearer("x"), "credential_multiple"),
        ("bad and good", get().bearer("x").bearer(&good), "credential_multiple"),
        (
            "good and basic",
            get().bearer(&good).header("Authorization", "Basic YTpi"),
            "credential_multiple",
        ),
        (
            "a tab for a space",
            get().header("Authorization", format!("Bearer\t{good}")),
            "token_malformed",
        ),
        ("a thousand cookies", get().header("Cookie", "a=b; ".repeat(1000)), "credential_missing"),
    ];
    for (name, request, code) in refused {
        assert_eq!(fetch(stage.port, &request).code(), code, "{name}");
        stage.serves(name);
    }
    assert!(stage.upstream.seen("/odd").is_empty(), "something refused went upstream");

    let through = [
        ("scheme in lower case", get().header("authorization", format!("bearer {good}"))),
        ("two spaces", get().header("Authorization", format!("Bearer  {good}"))),
        ("no text in User-Agent", get().bearer(&good).header("User-Agent", odd)),
        ("no text in Cookie", get().bearer(&good).header("Cookie", odd)),
        ("no text in a forged header", get().bearer(&good).header("x-tollgate-identity", odd)),
    ];
    let count = through.len();
    for (name, request) in through {
        let response = fetch(stage.port, &request);
        assert_eq!(response.status(), 200, "{name}: {}", response.text());
    }
    let seen = stage.upstream.seen("/odd");
    assert_eq!(seen.len(), count);
    for message in &seen {
        assert_eq!(message.values("x-tollgate-identity"), ["alice"]);
    }
    assert!(seen.iter().any(|message| message.headers.iter().any(|(_, value)| value == odd)));

    // A path that is no text is Envoy's to refuse; whoever does, it does not go upstream.
    let path = fetch(stage.port, &Request::get(b"/odd/\xc0\xa7").bearer(&good));
    assert_eq!(path.status(), 400);
    stage.serves("a path that is no text");
    stage.envoy.assert_clean(&[good]);
}

#[test]
fn what_smuggles_or_upgrades_gets_no_further_than_it_should() {
    let stage = Stage::start("smuggling", false);
    let good = stage.good();
    stage.serves("the start");
    let raw = |bytes: String| {
        let mut connection = Connection::open(stage.port);
        connection.send(bytes.as_bytes()).unwrap();
        connection.response().map_or(0, |response| response.status())
    };
    let lines = [
        (
            "two lengths of different kinds",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
        ("a name with a space", "Authorization : Bearer x\r\n", 400),
    ];
    for (name, line, status) in lines {
        let request = format!(
            "POST /smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\n{line}\r\n0\r\n\r\n"
        );
        assert_eq!(raw(request), status, "{name}");
    }
    assert!(stage.upstream.seen("/smuggled").is_empty());
    // What looks like a credential on a folded line is part of the line before (RFC 9112 §5.2).
    let folded = "GET /folded HTTP/1.1\r\nHost: a\r\nX-Long: a\r\n Authorization: Bearer x\r\n\r\n";
    assert_eq!(raw(folded.to_owned()), 401);
    assert!(stage.upstream.seen("/folded").is_empty());
    let websocket = Request::get("/upgraded")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Protocol", &good)
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(fetch(stage.port, &websocket).verdict(), (401, "credential_missing".to_owned()));
    assert!(stage.upstream.seen("/upgraded").is_empty());
    // A body that is expected to be sent only after `100 Continue` is never asked for.
    let mut connection = Connection::open(stage.port);
    let head =
        "POST /expected HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    connection.send(head.as_bytes()).unwrap();
    let mut statuses = vec![connection.response_head()];
    if statuses[0] == 100 {
        // Envoy may say so by itself; the refusal comes all the same, and nothing goes upstream.
        statuses.push(connection.response_head());
    }
    assert_eq!(statuses.last(), Some(&401));
    assert!(stage.upstream.seen("/expected").is_empty());
    stage.envoy.assert_clean(&[good]);
}

#[test]
fn clients_that_hang_up_while_they_wait_leave_nothing_behind() {
    let stage = Stage::start("hang-up", true);
    let good = stage.good();
    let request = Request::get("/impatient").bearer(&good);
    let connections: Vec<_> = (0..20)
        .map(|_| {
            let mut connection = Connection::open(stage.port);
            connection.send(&request.bytes()).unwrap();
            connection
        })
        .collect();
    stage.parked(20);
    drop(connections);
    stage.parked(0);
    let mut patient = Connection::open(stage.port);
    patient.send(&Request::get("/patient").bearer(&good).bytes()).unwrap();
    stage.parked(1);
    assert_eq!(stage.upstream.count(), 0);
    eventually("the fetch", || stage.keys.hits("/keys") == 1);
    stage.keys.release();
    let response = patient.response().expect("a response");
    assert_eq!(response.status(), 200, "{}", response.text());
    stage.serves("a hang-up");
    assert!(stage.upstream.seen("/impatient").is_empty(), "nobody waits for these");
    stage.envoy.assert_clean(&[good]);
}

#[test]
fn a_body_and_trailers_that_come_while_the_request_waits_wait_with_it() {
    for (name, stop_iteration) in [("body", false), ("body-shown-early", true)] {
        assert_body_and_trailers_wait(&Stage::with(name, true, stop_iteration));
    }
}

fn assert_body_and_trailers_wait(stage: &Stage) {
    let good = stage.good();
    let bad = Signer::new("k1").sign(&Token::of("mallory"));
    let parts = |path: &str, token: &str| {
        [
            format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
                 Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
            ),
            format!("{:x}\r\n{}\r\n", 5000, "b".repeat(5000)),
            "0\r\nx-sum: 5000\r\nAuthorization: Bearer x\r\nX-Tollgate-Identity: mallory\r\n\r\n"
                .to_owned(),
        ]
    };
    let mut waiting = Vec::new();
    for (path, token) in [("/good-body", &good), ("/bad-body", &bad)] {
        let mut connection = Connection::open(stage.port);
        let [head, body, end] = parts(path, token);
        connection.send(head.as_bytes()).unwrap();
        stage.parked(waiting.len() as u64 + 1);
        connection.send(body.as_bytes()).unwrap();
        assert!(!connection.answers_within(Duration::from_millis(200)), "answered undecided");
        connection.send(end.as_bytes()).unwrap();
        assert!(!connection.answers_within(Duration::from_millis(200)), "answered undecided");
        waiting.push(connection);
    }
    assert_eq!(stage.upstream.count(), 0, "something went upstream undecided");
    eventually("the fetch", || stage.keys.hits("/keys") == 1);
    stage.keys.release();
    let statuses: Vec<_> =
        waiting.iter_mut().map(|one| one.response().expect("a response").verdict()).collect();
    let refused = (401, "token_signature_invalid".to_owned());
    assert_eq!(statuses, [(200, String::new()), refused]);
    let seen = stage.upstream.only("/good-body");
    assert_eq!(seen.body, "b".repeat(5000).as_bytes());
    assert!(seen.trailers.contains(&("x-sum".to_owned(), b"5000".to_vec())), "{seen:?}");
    assert!(!seen.trailers.iter().any(|(name, _)| name.contains("tollgate")), "{seen:?}");
    assert!(stage.upstream.seen("/bad-body").is_empty());
    stage.serves("bodies");
    stage.envoy.assert_clean(&[good, bad]);
}

#[test]
fn of_requests_with_a_body_only_32_wait() {
    let stage = Stage::start("bodies-that-wait", true);
    let good = stage.good();
    let mut client = Http2::open(stage.port);
    let upload = Request::new("POST", "/upload").bearer(&good);
    // No length, and no end: on HTTP/2 only the host knows that a body follows.
    let streams: Vec<_> = (0..32).map(|_| client.start(&upload.fields(), false)).collect();
    stage.parked(32);
    for stream in &streams {
        client.send(*stream, b"the beginning", false);
    }
    let overloaded = (503, "overloaded".to_owned());
    let one_more = client.start(&upload.fields(), false);
    assert_eq!(client.head(one_more).verdict(), overloaded);
    let on_http1 = Request::new("POST", "/upload").bearer(&good).body("a body");
    assert_eq!(fetch(stage.port, &on_http1).verdict(), overloaded);
    // Without a body there is room.
    let without: Vec<_> = (0..8).map(|_| client.start(&upload.fields(), true)).collect();
    stage.parked(40);
    // Who leaves makes room.
    client.reset(streams[0]);
    stage.parked(39);
    let next = client.start(&upload.fields(), false);
    stage.parked(40);
    assert_eq!(stage.upstream.count(), 0);
    stage.keys.release();
    for stream in streams.iter().skip(1).chain([&next]) {
        client.send(*stream, b" and the end", true);
        assert_eq!(client.response(*stream).status(), 200);
    }
    for stream in without {
        assert_eq!(client.response(stream).status(), 200);
    }
    stage.serves("uploads");
    stage.envoy.assert_clean(&[good]);
}

#[test]
fn only_so_many_requests_wait_and_only_so_long() {
    let stage = Stage::start("room", true);
    let good = stage.good();
    let send = |request: &Request| {
        let mut connection = Connection::open(stage.port);
        connection.send(&request.bytes()).unwrap();
        connection
    };
    let overloaded = (503, "overloaded".to_owned());
    let waiting = Request::get("/waiting").bearer(&good);

    // By bytes: a MiB is less than thirty requests with 50 kB of headers each.
    let large = waiting.clone().header("x-pad", "x".repeat(50_000));
    let many: Vec<_> = (0..30).map(|_| send(&large)).collect();
    let refused = || stage.envoy.counter("tollgate_denied_overloaded");
    eventually("the first refusals", || refused() > 0);
    drop(many);
    stage.parked(0);

    // By number.
    let mut parked: Vec<_> = (0..256).map(|_| send(&waiting)).collect();
    stage.parked(256);
    let response = fetch(stage.port, &waiting);
    assert_eq!(response.verdict(), overloaded);
    assert!(response.header("retry-after").is_some());
    assert_eq!(fetch(stage.port, &Request::get("/x")).code(), "credential_missing");

    // By time: nobody releases them, the fetch itself has another twenty seconds.
    for connection in &mut parked {
        let verdict = connection.response().expect("a response").verdict();
        assert_eq!(verdict, (503, "keys_unavailable".to_owned()));
    }
    assert_eq!(stage.upstream.count(), 0);
    stage.keys.release();
    stage.serves("a crowd");
    stage.envoy.assert_clean(&[good]);
}
