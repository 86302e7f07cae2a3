//! Servers of the Model Context Protocol through the whole engine: which calls a policy grants, by the
//! headers that a client sends. The ids are those of the catalogue of attacks.

mod support;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World, code, head, upstream};
use tollgate::event::{Event, Section};
use tollgate::http::Fields;

const DOCUMENT: &str = "https://api.example.com/.well-known/oauth-protected-resource/mcp";
const EXPLAIN_KEY: &str = "open-sesame";

fn config(changes: Value) -> Value {
    let key = Sha256::digest(EXPLAIN_KEY).into_iter().map(|byte| format!("{byte:02x}"));
    let mut config = json!({
        "explain": { "key_sha256": key.collect::<String>() },
        "providers": { "idp": {
            "issuer": ISSUER, "audiences": [AUDIENCE, "https://api.example.com/mcp"],
            "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } },
        } },
        "policies": { "tools": { "access": [
            { "apis": ["tools"], "mcp": { "methods": ["tools/call"], "names": ["danger", "delete_*"] },
              "scopes": ["mcp:danger"], "rate": { "requests": 2, "per": "1h" } },
            { "apis": ["tools"], "mcp": { "methods": ["tools/*", "server/discover"],
                                          "except": ["danger", "delete_*"] } },
            { "apis": ["tools"], "mcp": { "methods": ["resources/read"], "names": ["file:///public/*"] } },
        ] } },
        "apis": [
            { "name": "tools", "match": { "paths": ["/mcp"] }, "auth": ["idp"], "scopes": ["mcp:tools"],
              "resource": { "url": "https://api.example.com/mcp" }, "mcp": {},
              "policies": { "default": ["tools"] } },
            { "name": "rest", "auth": ["idp"] },
        ],
    });
    let api = config["apis"][0].as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        api.insert(name.clone(), value.clone());
    }
    config
}

fn bearer(scope: &str) -> String {
    let token = Token::for_identity("alice").claim("scope", scope);
    format!("Bearer {}", Signer::new("k1").sign(&token))
}

/// The headers of a call of today's revision.
fn call<'c>(method: &'c str, name: &'c str) -> Vec<(&'c str, &'c str)> {
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    if !name.is_empty() {
        headers.push(("mcp-name", name));
    }
    headers
}

/// How a request with these headers, and a token with these scopes, ends.
fn ends(worker: &mut Worker<'_>, scope: &str, method: &str, headers: &[(&str, &str)]) -> String {
    let bearer = bearer(scope);
    let mut all = vec![("authorization", &*bearer)];
    all.extend_from_slice(headers);
    let stream = worker.request(head(method, "/mcp", &all));
    match worker.verdict(stream) {
        verdict if verdict == "forwarded" => verdict,
        _ => code(worker.reply(stream)),
    }
}

const SCOPE: &str = "scope_insufficient";
const DENIED: &str = "access_denied";
const PASSES: &str = "forwarded";
const INVALID: &str = "mcp_header_invalid";

#[test]
fn mc01_to_mc03_nobody_calls_a_tool_under_another_name() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let old = [
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
    ];
    let cases: [(&str, Vec<(&str, &str)>, &str); 6] = [
        ("honest", call("tools/call", "danger"), SCOPE),
        ("MC01: in base64", call("tools/call", "=?base64?ZGFuZ2Vy?="), SCOPE),
        ("MC02: without headers", vec![], DENIED),
        (
            "MC02: without a version",
            vec![("mcp-method", "tools/call"), ("mcp-name", "echo")],
            DENIED,
        ),
        ("MC03: an older version", old.to_vec(), DENIED),
        ("another tool", call("tools/call", "echo"), PASSES),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(ends(&mut worker, "mcp:tools", "POST", &headers), expected, "{name}");
    }
    // With the scope the honest call passes, and those that cannot be read do not.
    let both = "mcp:tools mcp:danger";
    assert_eq!(ends(&mut worker, both, "POST", &call("tools/call", "danger")), PASSES);
    assert_eq!(ends(&mut worker, both, "POST", &[]), DENIED);
}

#[test]
fn an_entry_without_mcp_grants_older_revisions_as_a_whole() {
    let world = World::default();
    let mut all = config(json!({}));
    let whole = json!({ "apis": ["tools"], "scopes": ["mcp:all"] });
    all["policies"]["tools"]["access"].as_array_mut().unwrap().push(whole);
    let mut worker = Worker::new(&world, &all.to_string());
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &[]), SCOPE);
    let stands = "mcp:tools mcp:all";
    for method in ["POST", "GET", "DELETE"] {
        // MC10: the streams of older revisions are opened and ended so.
        assert_eq!(ends(&mut worker, stands, method, &[]), PASSES, "{method}");
        let old = [("mcp-protocol-version", "2025-06-18")];
        assert_eq!(ends(&mut worker, stands, method, &old), PASSES, "{method}");
    }
    worker.tick();
    assert_eq!(worker.counts.get("tollgate_mcp_legacy"), Some(&7));
}

#[test]
fn older_revisions_can_be_refused() {
    let world = World::default();
    let mut worker =
        Worker::new(&world, &config(json!({ "mcp": { "legacy": "refuse" } })).to_string());
    // MC07
    for version in ["2025-11-25", "2026-07-28, 2025-11-25", "2030-01-01", ""] {
        let headers =
            [("mcp-protocol-version", version), ("mcp-method", "tools/call"), ("mcp-name", "echo")];
        assert_eq!(
            ends(&mut worker, "mcp:tools", "POST", &headers),
            "mcp_version_refused",
            "{version}"
        );
    }
    assert_eq!(ends(&mut worker, "mcp:tools", "GET", &[]), "mcp_version_refused");
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &call("tools/call", "echo")), PASSES);
    let newer = json!({ "mcp": { "versions": ["2026-07-28", "2027-01-01"], "legacy": "refuse" } });
    let mut worker = Worker::new(&world, &config(newer).to_string());
    let mut headers = call("tools/call", "danger");
    headers[0].1 = "2027-01-01";
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &headers), SCOPE);
}

#[test]
fn mc04_to_mc08_and_mc11_headers_are_read_in_one_way() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let long = "x".repeat(2048);
    let twice = |header: (&'static str, &'static str)| {
        let mut headers = call("tools/call", "echo");
        headers.push(header);
        headers
    };
    let cases = [
        ("MC04: two methods", twice(("mcp-method", "tools/call")), INVALID),
        ("MC04: two names", twice(("Mcp-Name", "echo")), INVALID),
        ("MC04: too long", call("tools/call", &long), INVALID),
        ("MC04: another case", call("tools/call", "=?BASE64?ZGFuZ2Vy?="), INVALID),
        ("MC04: padding", call("tools/call", "=?base64?ZGFuZ2V?="), INVALID),
        ("MC05: no name", call("tools/call", ""), INVALID),
        ("MC05: a name that counts for nothing", call("tools/list", "danger"), PASSES),
        ("MC06: in capitals", call("TOOLS/CALL", "echo"), DENIED),
        ("MC08: left out", call("tools/call", "delete_x"), SCOPE),
        ("MC11: a file", call("resources/read", "file:///public/a"), PASSES),
        ("MC11: dots", call("resources/read", "file:///public/../secret"), DENIED),
        ("MC11: encoded", call("resources/read", "file:///public/%2e%2e/secret"), DENIED),
        ("another method", call("prompts/get", "x"), DENIED),
        ("a list", call("tools/list", ""), PASSES),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(ends(&mut worker, "mcp:tools", "POST", &headers), expected, "{name}");
    }
}

#[test]
fn mc09_only_known_pages_may_call() {
    let world = World::default();
    let origins =
        json!({ "mcp": { "origins": ["https://app.example.com"] }, "cors_preflight": "pass" });
    let mut worker = Worker::new(&world, &config(origins).to_string());
    let cases = [
        ("https://evil.example", "origin_refused"),
        ("null", "origin_refused"),
        ("", "origin_refused"),
        ("https://app.example.com", PASSES),
        ("https://api.example.com", PASSES),
        ("https://api.example.com:443", "origin_refused"),
    ];
    for (origin, expected) in cases {
        let mut headers = call("tools/call", "echo");
        headers.push(("origin", origin));
        assert_eq!(ends(&mut worker, "mcp:tools", "POST", &headers), expected, "{origin}");
        // Before any credential is looked at.
        let stream = worker.request(head("POST", "/mcp", &headers[2..]));
        let code = code(worker.reply(stream));
        assert_eq!(code == "origin_refused", expected != PASSES, "{origin}: {code}");
        let preflight = [("origin", origin), ("access-control-request-method", "POST")];
        let stream = worker.request(head("OPTIONS", "/mcp", &preflight));
        assert_eq!(worker.verdict(stream) == PASSES, expected == PASSES, "{origin}");
    }
    let mut twice = call("tools/call", "echo");
    twice.extend([("origin", "https://app.example.com"), ("Origin", "https://evil.example")]);
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &twice), "origin_refused");
    // Elsewhere pages are no matter.
    let bearer = bearer("x");
    let elsewhere = [("authorization", &*bearer), ("origin", "https://evil.example")];
    let stream = worker.request(head("POST", "/other", &elsewhere));
    assert_eq!(worker.verdict(stream), PASSES);
}

#[test]
fn mc12_without_a_credential_nothing_is_said_of_the_headers() {
    let world = World::default();
    let mut worker =
        Worker::new(&world, &config(json!({ "mcp": { "legacy": "refuse" } })).to_string());
    let challenge = |worker: &mut Worker<'_>, headers: &[(&str, &str)]| {
        let stream = worker.request(head("POST", "/mcp", headers));
        assert_eq!(code(worker.reply(stream)), "credential_missing");
        worker.reply_header(stream, "www-authenticate").unwrap().to_owned()
    };
    let plain = format!(r#"Bearer realm="api", resource_metadata="{DOCUMENT}", scope="mcp:tools""#);
    let dear = format!(
        r#"Bearer realm="api", resource_metadata="{DOCUMENT}", scope="mcp:tools mcp:danger""#
    );
    for bad in
        [call("tools/call", ""), call("a b", "x"), vec![], call("tools/call", "=?BASE64?x?=")]
    {
        assert_eq!(challenge(&mut worker, &bad), plain);
    }
    // What this request needs, all at once.
    assert_eq!(challenge(&mut worker, &call("tools/call", "echo")), plain);
    assert_eq!(challenge(&mut worker, &call("tools/call", "danger")), dear);
}

#[test]
fn a_call_that_needs_more_says_all_the_scopes_that_it_needs() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let bearer = bearer("mcp:tools");
    let mut headers = call("tools/call", "danger");
    headers.push(("authorization", &bearer));
    let stream = worker.request(head("POST", "/mcp", &headers));
    let told = format!(
        r#"Bearer realm="api", error="insufficient_scope", scope="mcp:tools mcp:danger", resource_metadata="{DOCUMENT}""#
    );
    assert_eq!(worker.reply_header(stream, "www-authenticate"), Some(&*told));
}

#[test]
fn each_entry_has_its_own_rate() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let both = "mcp:tools mcp:danger";
    let mut passed = 0;
    for _ in 0..4 {
        passed +=
            usize::from(ends(&mut worker, both, "POST", &call("tools/call", "danger")) == PASSES);
        assert_eq!(ends(&mut worker, both, "POST", &call("tools/call", "echo")), PASSES);
    }
    assert_eq!(passed, 2);
    assert_eq!(ends(&mut worker, both, "POST", &call("tools/call", "delete_x")), "rate_limited");
}

#[test]
fn what_is_called_is_left_for_others_and_logged() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let bearer = bearer("mcp:tools");
    let mut headers = call("tools/call", "=?base64?w7xiZXI=?=");
    headers.push(("authorization", &bearer));
    let stream = worker.request(head("POST", "/mcp", &headers));
    assert_eq!(worker.verdict(stream), PASSES);
    let note = |worker: &Worker<'_>, stream, key| worker.notes.get(&(stream, key)).cloned();
    assert_eq!(note(&worker, stream, "tollgate.mcp_method").as_deref(), Some("tools/call"));
    assert_eq!(note(&worker, stream, "tollgate.mcp_name").as_deref(), Some("über"));
    headers[2].1 = "danger";
    let stream = worker.request(head("POST", "/mcp", &headers));
    assert_eq!(note(&worker, stream, "tollgate.mcp_name").as_deref(), Some("danger"));
    let line: Value = serde_json::from_str(worker.log.last().unwrap()).unwrap();
    assert_eq!((&line["mcp_method"], &line["mcp_name"]), (&json!("tools/call"), &json!("danger")));
    // Nothing where the headers were not believed.
    let stream = worker.request(head("POST", "/other", &headers));
    assert_eq!(note(&worker, stream, "tollgate.mcp_method"), None);
}

#[test]
fn headers_of_mcp_go_on_in_their_exact_names_alone_where_they_are_read() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let bearer = bearer("mcp:tools");
    for (path, comes) in [("/mcp", false), ("/other", true)] {
        for name in ["mcp_name", "Mcp.Method", "mcp~protocol~version"] {
            let mut sent = call("tools/call", "echo");
            sent.extend([
                ("authorization", &*bearer),
                (name, "danger"),
                ("connection", "mcp-name, x-other"),
            ]);
            let stream = worker.request(head("POST", path, &sent));
            assert_eq!(worker.verdict(stream), PASSES);
            let left = upstream(&worker, stream, &sent);
            let has = |name: &str| left.iter().any(|(found, _)| found == name);
            assert_eq!(has(name), comes, "{path} {name}");
            assert!(has("mcp-name") && has("mcp-method") && has("mcp-protocol-version"));
            let connection = left.iter().find(|(found, _)| found == "connection").unwrap();
            assert_eq!(connection.1.contains("mcp-name"), comes, "{path}");
            let fields: Fields = [("mcp_name", "x"), ("Mcp-Method", "x")].into_iter().collect();
            worker.cleaned.clear();
            worker.handle(Event::Fields { stream, section: Section::RequestTrailers, fields });
            assert_eq!(worker.cleaned.len(), 2);
        }
    }
}

#[test]
fn what_a_list_of_tools_holds_is_not_looked_at() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    // Who may list tools sees those, too, that it may not call: answers are not read.
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &call("tools/list", "")), PASSES);
    assert_eq!(worker.reads, Default::default());
    assert_eq!(ends(&mut worker, "mcp:tools", "POST", &call("tools/call", "danger")), SCOPE);
}

#[test]
fn a_stream_is_judged_when_it_opens_and_lives_on() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let token = Token::for_identity("alice").claim("scope", "mcp:tools");
    let bearer = format!("Bearer {}", Signer::new("k1").sign(&token));
    let mut headers = call("tools/call", "echo");
    headers.push(("authorization", &bearer));
    let stream = worker.request(head("POST", "/mcp", &headers));
    assert_eq!(worker.verdict(stream), PASSES);
    world.wait(std::time::Duration::from_secs(24 * 3600));
    worker.tick();
    // Nothing takes it back once the token has ended; the next request is refused.
    assert_eq!(worker.verdict(stream), PASSES);
    let stream = worker.request(head("POST", "/mcp", &headers));
    assert_eq!(code(worker.reply(stream)), "token_expired");
}

#[test]
fn a_request_without_a_credential_is_held_to_the_headers_where_it_may_pass() {
    let world = World::default();
    let mut worker = Worker::new(
        &world,
        &config(json!({ "optional": true, "mcp": { "legacy": "refuse" } })).to_string(),
    );
    let cases = [
        (call("tools/call", "danger"), PASSES),
        (vec![], "mcp_version_refused"),
        (call("tools/call", ""), INVALID),
    ];
    for (headers, expected) in cases {
        let stream = worker.request(head("POST", "/mcp", &headers));
        let verdict = worker.verdict(stream);
        let found = if verdict == PASSES { verdict } else { code(worker.reply(stream)) };
        assert_eq!(found, expected, "{headers:?}");
    }
}

#[test]
fn the_steps_say_what_is_called() {
    let world = World::default();
    let mut worker = Worker::new(&world, &config(json!({})).to_string());
    let bearer = bearer("mcp:tools");
    let mut step = |headers: &[(&str, &str)]| {
        let mut all = vec![("authorization", &*bearer), ("x-tollgate-explain", EXPLAIN_KEY)];
        all.extend_from_slice(headers);
        let stream = worker.request(head("POST", "/mcp", &all));
        let body: Value = serde_json::from_str(&worker.reply(stream).body).unwrap();
        let steps = body["explain"]["steps"].as_array().unwrap().clone();
        let own = steps.iter().find(|step| step["step"] == "mcp");
        own.map(|step| {
            format!("{}: {}", step["decided"].as_str().unwrap(), step["found"].as_str().unwrap())
        })
    };
    assert_eq!(
        step(&call("tools/call", "danger")).as_deref(),
        Some("passed: it calls `tools/call`, of `danger`")
    );
    assert_eq!(
        step(&[]).as_deref(),
        Some("skipped: what it calls is not known: entries with `mcp` do not grant it")
    );
    assert!(
        step(&call("tools/call", ""))
            .unwrap()
            .starts_with("refused: `Mcp-Name` must be there once")
    );
}
