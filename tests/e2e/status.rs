//! The operator's page in a real proxy with two workers: the same from each, closed without its key,
//! and never a request of an API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set,
};

const KEY: &str = "6d0f5f9c4ad5b5a4cf0f2f6f0d1f0a7b";

fn filter(keys: &KeyServer) -> Filter {
    let apis =
        json!([{ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["main"] }]);
    let mut all = configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), apis);
    let hash: String = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    all["status"] = json!({ "path": "/.tollgate", "key_sha256": hash, "ready": true });
    Filter::new(&all)
}

fn with_key(path: &str) -> Request {
    let pair = STANDARD.encode(format!("ops:{KEY}"));
    Request::get(path).header("Authorization", format!("Basic {pair}"))
}

fn facts(port: u16) -> Value {
    let response = fetch(port, &with_key("/.tollgate").header("Accept", "application/json"));
    assert_eq!(response.status(), 200, "{}", response.text());
    assert_eq!(response.header("content-type").as_deref(), Some("application/json"));
    response.json()
}

/// The calls that documents tell operators to make.
fn documented() -> Vec<String> {
    let texts = [include_str!("../../docs/status.md"), include_str!("../../docs/runbook.md")];
    let lines = texts.iter().flat_map(|text| text.lines());
    let calls: Vec<_> = lines.filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
    assert_eq!(calls.len(), 5, "{calls:?}");
    calls
}

/// The request that a call of `curl` makes: its options are those of the documents alone.
fn request_of(command: &str) -> Request {
    let (command, _) = command.split_once("   #").unwrap_or((command, ""));
    let (_, url) = command.split_once("https://api.example.com").expect("the example's host");
    let mut request = Request::get(url.trim().trim_end_matches('\''));
    for part in command.split(" -").skip(1) {
        let (option, value) = part.split_once(' ').unwrap_or((part, ""));
        let value = value.split(" https://").next().unwrap_or_default();
        let value = value.split(" 'https://").next().unwrap_or_default().trim();
        let value = value.trim_matches(|quote| ['\'', '"'].contains(&quote)).replace("$KEY", KEY);
        request = match option {
            "u" | "su" => {
                request.header("Authorization", format!("Basic {}", STANDARD.encode(value)))
            }
            "H" => {
                let (name, value) = value.split_once(": ").expect("a header");
                request.header(name, value)
            }
            "i" => request,
            other => panic!("{command}: -{other}"),
        };
    }
    request
}

#[test]
fn the_page_of_two_workers_is_one_and_opens_to_its_key_alone() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::new(503, "text/plain", "not yet"));
    let listener = Listener::new(&filter(&keys));
    let site = Site::new("status", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.listener(&listener));
    let ask = |request: &Request| fetch(listener.port, request);

    // The provider is down from the start.
    eventually("a failed fetch", || envoy.counter("tollgate_keys_fetch_failed_main") > 0);
    let ready = |status: u16, body: &str| {
        let response = ask(&Request::get("/.tollgate/ready"));
        response.status() == status && response.text() == body
    };
    assert!(ready(503, "not ready\n"));
    for _ in 0..10 {
        let fetch = &facts(listener.port)["providers"][0]["key_sets"][0]["fetch"];
        assert_eq!((&fetch["state"], &fetch["failing"]), (&json!("never"), &json!(true)));
        let reason = fetch["failure"]["reason"].as_str().unwrap();
        assert!(reason.contains("status 503") && reason.contains("not yet"), "{reason}");
    }
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    eventually("the keys in every worker", || (0..10).all(|_| ready(200, "ready\n")));

    // Traffic over many connections, so that both workers see some of it.
    let good = signer.sign(&Token::of("alice"));
    let late = signer.sign(&Token::of("alice").claim("exp", 1_600_000_000));
    for number in 0..20 {
        let path = format!("/orders/{number}");
        assert_eq!(ask(&Request::get(&path).bearer(&good)).status(), 200);
        assert_eq!(ask(&Request::get(&path).bearer(&late)).code(), "token_expired");
    }
    let mut told: Vec<_> = (0..10).map(|_| facts(listener.port)).collect();
    for one in &mut told {
        // The clock goes on between two requests; nothing else does.
        one["now"] = Value::Null;
        let fetch = &mut one["providers"][0]["key_sets"][0]["fetch"];
        for moving in ["age_seconds", "next_at"] {
            fetch[moving] = Value::Null;
        }
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    let first = &told[0];
    assert_eq!(first["counts"]["allowed"], 20);
    assert_eq!(first["counts"]["denied"], json!({ "token_expired": 20 }));
    assert_eq!(first["refusals"].as_array().unwrap().len(), 1, "they are equal");
    assert_eq!(first["refusals"][0]["count"], 20);
    assert_eq!(first["verifier"], "host");
    assert_eq!(first["instance"], "tollgate");
    let refusal = &first["refusals"][0];
    assert_eq!((&refusal["kid"], &refusal["api"]), (&json!("k1"), &json!("orders")));
    assert!(refusal["request_id"].is_string(), "{refusal}");

    for command in documented() {
        let response = ask(&request_of(&command));
        assert_eq!(response.status(), 200, "{command}");
        let is_json = response.header("content-type").as_deref() == Some("application/json");
        assert_eq!(is_json, command.contains("application/json"), "{command}");
    }

    // The page for people, and who is kept out of it.
    let page = ask(&with_key("/.tollgate?code=token_expired"));
    assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'sha256-"));
    assert!(page.text().starts_with("<!doctype html>") && page.text().ends_with("</html>\n"));
    for request in [
        Request::get("/.tollgate"),
        Request::get("/.tollgate").bearer("wrong"),
        Request::get("/.tollgate").bearer(&good),
        Request::get("/.tollgate").host("another.example"),
    ] {
        let response = ask(&request);
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers("www-authenticate"), [r#"Basic realm="api""#]);
        assert!(!response.text().contains("orders"), "{}", response.text());
    }
    let post = ask(&Request::new("POST", "/.tollgate").bearer(KEY).body("x=1"));
    assert_eq!((post.status(), post.header("allow").as_deref()), (405, Some("GET, HEAD")));
    // No body follows the answers to HEAD: the next answer on the connection begins at once.
    let mut connection = Connection::open(listener.port);
    for (path, status) in [("/.tollgate", 401), ("/.tollgate/ready", 200)] {
        assert_eq!(connection.status_only(&Request::new("HEAD", path)), status, "{path}");
    }
    assert_eq!(connection.status_only(&Request::new("HEAD", "/.tollgate").bearer(KEY)), 200);
    assert_eq!(connection.fetch(&Request::get("/.tollgate").bearer(KEY)).status(), 200);

    // The access log says what was answered: whoever asked.
    let details = |path: &str| envoy.access(path)["details"].clone();
    assert_eq!(details("/.tollgate/ready"), "tollgate_not_ready");
    assert_eq!(details("/.tollgate"), "tollgate_status");
    let all = || envoy.access_log();
    for details in ["ready", "status_unauthorized", "status_method_refused", "token_expired"] {
        let entry = format!("\"details\":\"tollgate_{details}\"");
        eventually(&format!("{details} in the access log"), || all().contains(&entry));
    }

    // Nothing of it went to an API or upstream.
    assert_eq!(upstream.count(), 20);
    assert_eq!(envoy.counter("tollgate_allowed"), 20);
    let lines = envoy.refusals();
    let refused = lines.iter().filter(|line| line["event"] == "request_denied");
    let refused: Vec<_> = refused.map(|line| &line["code"]).collect();
    assert!(refused.iter().all(|code| *code == "token_expired"), "{refused:?}");
    assert_eq!(refused.len(), 20);
    // Of all the VMs that loaded the configuration one says so.
    let loaded: Vec<_> = envoy.filter_lines();
    let loaded: Vec<_> =
        loaded.iter().filter(|line| line["event"] == "configuration_loaded").collect();
    assert_eq!(loaded.len(), 1, "{loaded:?}");
    for member in ["version", "configuration", "mode"] {
        assert_eq!(loaded[0][member], first[member], "{}", loaded[0]);
    }
    assert_eq!((&loaded[0]["apis"], &loaded[0]["providers"]), (&json!(1), &json!(1)));
    envoy.assert_clean(&[good, late, KEY.to_owned()]);
}
