//! What the built module costs, counted, and held against `counts.txt`.
//!
//! `make counts` builds the module and runs this; `make counts WRITE=1` writes the table anew. With
//! `TOLLGATE_WASM` another module is counted than the one in the target folder.
#![allow(clippy::disallowed_methods, reason = "a tool for developers")]

#[allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, reason = "shared by tests")]
#[path = "../../support/token.rs"]
mod token;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use token::{AUDIENCE, ISSUER, Signer, Token};
use tollgate_hosts::table::{self, Table};
use tollgate_hosts::{Module, Outcome, Worker, built};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = built::module();
    println!("counting {}", path.display());
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let measured = measure(&Module::new(&bytes));
    let kept = folder.join("counts.txt");
    if std::env::args().any(|argument| argument == "--write") {
        std::fs::write(&kept, table::write(&measured)).expect("the table can be written");
        println!("wrote {}", kept.display());
        return ExitCode::SUCCESS;
    }
    let text = std::fs::read_to_string(&kept).expect("the table; `make counts WRITE=1` writes it");
    let before = table::read(&text).expect("a table");
    print(&before, &measured);
    let changes = table::compare(&before, &measured);
    for line in &changes.better {
        println!("cheaper: {line}");
    }
    if !changes.better.is_empty() {
        println!("the table can be lowered: `make counts WRITE=1`");
    }
    for line in &changes.worse {
        println!("DEARER: {line}");
    }
    println!("{} scenarios, {} changes for the worse", measured.len(), changes.worse.len());
    if changes.worse.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("where that is worth it: `make counts WRITE=1`");
    ExitCode::FAILURE
}

fn print(kept: &Table, measured: &Table) {
    println!("{:<52}{:>12}{:>9}{:>7}", "", "instructions", "change", "calls");
    for (what, cost) in measured {
        let before = kept.iter().find(|(known, _)| known == what).map(|(_, cost)| cost);
        let change = before.map_or(String::new(), |before| {
            #[allow(clippy::cast_precision_loss, reason = "a part")]
            let part = cost.instructions as f64 / before.instructions as f64 - 1.0;
            format!("{:+.2} %", part * 100.0)
        });
        let calls: u64 = cost.calls.values().sum();
        println!("{what:<52}{:>12}{change:>9}{calls:>7}", cost.instructions);
    }
}

/// Does everything that is counted.
fn measure(module: &Module) -> Table {
    let mut table = Table::new();
    let signer = Signer::new("k1");
    let rsa: Value = serde_json::from_str(include_str!("rs256.json")).expect("JSON");
    let plain = json!({
        "providers": { "idp": {
            "issuer": ISSUER, "audiences": [AUDIENCE],
            "jwks": { "inline": { "keys": [signer.jwk(), rsa["jwk"]] } },
            "upstream": { "headers": { "x-user": "sub" } },
        } },
        "crypto": "wasm",
    });
    let mut limited = plain.clone();
    limited["apis"] = json!([{
        "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/**"] },
        "policies": { "default": ["standard"] },
    }]);
    limited["policies"] = json!({ "standard": {
        "access": [{ "apis": ["orders"], "methods": ["GET"], "paths": ["/orders/{id}"] }],
        "rate": { "requests": 100, "per": "1s" },
        "quota": { "requests": 10000, "per": "30d" },
    } });
    let mut resource = plain.clone();
    resource["apis"] = json!([{ "name": "tools", "auth": ["idp"],
                                "resource": { "url": "https://api.example.com/orders/7" } }]);
    let mut mcp = resource.clone();
    mcp["apis"][0]["mcp"] = json!({});
    mcp["apis"][0]["policies"] = json!({ "default": ["tools"] });
    mcp["policies"] = json!({ "tools": { "access": [
        { "apis": ["tools"], "mcp": { "methods": ["tools/call"], "names": ["delete_*"] },
          "scopes": ["mcp:danger"] },
        { "apis": ["tools"], "mcp": { "methods": ["tools/*"], "except": ["delete_*"] } },
    ] } });

    let opaque = json!({
        "providers": { "org": {
            "kind": "introspection", "url": "https://id.example.com/introspect", "cluster": "id",
            "client": { "id": "gateway", "secret": { "text": "counted" } },
            "audiences": [AUDIENCE], "upstream": { "headers": { "x-user": "sub" } },
        } },
    });

    let mut worker = start(module, &plain);
    note(&mut table, "a start", &mut worker);
    worker.tick();
    forget(&mut worker);
    worker.tick();
    note(&mut table, "a tick while another worker counts records", &mut worker);
    worker.wait(Duration::from_millis(500));
    worker.tick();
    note(&mut table, "a tick that counts records", &mut worker);

    let token = |identity: &str| signer.sign(&Token::for_identity(identity));
    let (alice, bob) = (token("alice"), token("bob"));
    let forged = signer.renewed().sign(&Token::for_identity("bob"));
    let by_rsa = rsa["token"].as_str().expect("a token");
    let (forwarded, refused) = (Outcome::Forwarded, Outcome::Answered(401));
    let rows = [
        ("a request without a token", &plain, None, refused),
        ("a token seen before", &plain, Some(&*alice), forwarded),
        ("a token seen before, with a rate and a quota", &limited, Some(&*alice), forwarded),
        ("a token seen before, at a resource", &resource, Some(&*alice), forwarded),
        ("a call of MCP, where its name is judged", &mcp, Some(&*alice), forwarded),
        ("a new token, EdDSA", &plain, Some(&*bob), forwarded),
        ("a new token, RS256", &plain, Some(by_rsa), forwarded),
        ("a forged token, EdDSA", &plain, Some(&*forged), refused),
    ];
    for (what, configuration, bearer, expected) in rows {
        let mut worker = start(module, configuration);
        // What is done once in a while is behind it then.
        let calls = if configuration == &mcp { CALL } else { &[] };
        assert_eq!(ask(&mut worker, Some(&alice), calls), forwarded, "{:#?}", worker.log());
        forget(&mut worker);
        assert_eq!(ask(&mut worker, bearer, calls), expected, "{what}: {:#?}", worker.log());
        note(&mut table, what, &mut worker);
    }
    let mut worker = start(module, &opaque);
    know(&mut worker, OPAQUE);
    forget(&mut worker);
    assert_eq!(ask(&mut worker, Some(OPAQUE), &[]), forwarded, "{:#?}", worker.log());
    note(&mut table, "an opaque token seen before", &mut worker);
    log_in(&mut table, module, &signer);
    table
}

/// A browser's headers for a page.
const PAGE: &[(&str, &str)] = &[("accept", "text/html"), ("accept-language", "en")];

/// Has a browser log in, and come back with its session.
fn log_in(table: &mut Table, module: &Module, signer: &Signer) {
    let portal = json!({
        "providers": { "idp": {
            "issuer": ISSUER, "from": [], "jwks": { "inline": { "keys": [signer.jwk()] } },
            "upstream": { "headers": { "x-user": "sub" } },
            "login": {
                "url": "https://api.example.com", "cluster": "idp", "client": { "id": AUDIENCE },
                "seal": [{ "text": "what seals the cookies that are counted" }],
                "endpoints": { "authorization": "https://id.example.com/authorize",
                               "token": "https://id.example.com/token" },
            },
        } },
        "crypto": "wasm",
    });
    let mut worker = start(module, &portal);
    let away = Outcome::Answered(302);
    assert_eq!(ask(&mut worker, None, PAGE), away, "{:#?}", worker.log());
    forget(&mut worker);
    assert_eq!(ask(&mut worker, None, PAGE), away);
    note(table, "a page that leads to the provider", &mut worker);

    let to = worker.answered("location").pop().expect("a location");
    let parameter = |name: &str| {
        let (_, query) = to.split_once('?').expect("a query");
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.expect(name).to_owned()
    };
    let browser = cookies(&worker);
    let callback = format!("/.login/idp/callback?code=c&state={}", parameter("state"));
    let stream =
        begin(&mut worker, None, &[&[(":path", &*callback), ("cookie", &browser)], PAGE].concat());
    let id_token = Token::for_identity("alice").claim("nonce", parameter("nonce"));
    let answer = json!({ "access_token": OPAQUE, "token_type": "Bearer", "expires_in": 3600,
                         "id_token": signer.sign(&id_token) });
    assert_eq!(worker.answer(Some(&answer.to_string())), 1, "{:#?}", worker.log());
    assert_eq!(worker.end(stream), Outcome::Answered(303), "{:#?}", worker.log());
    note(table, "a login that is completed", &mut worker);

    // The ID token's goes to the path of the logout alone.
    let all = format!("{browser}; {}", cookies(&worker));
    let shown = all.split("; ").filter(|pair| !pair.starts_with("__Secure-"));
    let session = shown.collect::<Vec<_>>().join("; ");
    let page = [&[("cookie", &*session)], PAGE].concat();
    assert_eq!(ask(&mut worker, None, &page), Outcome::Forwarded, "{:#?}", worker.log());
    forget(&mut worker);
    assert_eq!(ask(&mut worker, None, &page), Outcome::Forwarded);
    note(table, "a session seen before", &mut worker);

    let mut another = start(module, &portal);
    assert_eq!(ask(&mut another, None, PAGE), away);
    forget(&mut another);
    assert_eq!(ask(&mut another, None, &page), Outcome::Forwarded, "{:#?}", another.log());
    note(table, "a session that is new to the worker", &mut another);
}

/// The cookies that the last answer sets, as a browser sends them.
fn cookies(worker: &Worker) -> String {
    let set = worker.answered("set-cookie");
    let pairs = set.iter().filter_map(|set| set.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("; ")
}

const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

/// Has a worker ask about a token, which is good, and sends it once more: what is done once in a while
/// is behind it then.
fn know(worker: &mut Worker, token: &str) {
    let stream = begin(worker, Some(token), &[]);
    let answer = json!({ "active": true, "sub": "alice", "aud": AUDIENCE, "scope": "orders:read" });
    assert_eq!(worker.answer(Some(&answer.to_string())), 1, "{:#?}", worker.log());
    worker.tick();
    assert_eq!(worker.end(stream), Outcome::Forwarded, "{:#?}", worker.log());
    assert_eq!(ask(worker, Some(token), &[]), Outcome::Forwarded);
}

fn start(module: &Module, configuration: &Value) -> Worker {
    Worker::start(module, &configuration.to_string())
}

/// The headers by which a call of MCP says what it is.
const CALL: &[(&str, &str)] =
    &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "echo")];

/// Has a request go through the filter, with these headers besides.
fn ask(worker: &mut Worker, bearer: Option<&str>, more: &[(&str, &str)]) -> Outcome {
    let stream = begin(worker, bearer, more);
    worker.end(stream)
}

/// Sends a request as Envoy hands it on, with these headers besides, or in place of its usual ones.
fn begin(worker: &mut Worker, bearer: Option<&str>, more: &[(&str, &str)]) -> i32 {
    let bearer = bearer.map(|token| format!("Bearer {token}"));
    let usual = [
        (":authority", "api.example.com"),
        (":path", "/orders/7"),
        (":method", "GET"),
        (":scheme", "https"),
        ("user-agent", "curl/8.14.1"),
        ("accept", "*/*"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "4f2b9f0e-5b0c-4f7e-9d4a-1f0a8c7b6d5e"),
    ];
    let is_usual = |(name, _): &&(&str, &str)| !more.iter().any(|(other, _)| other == name);
    let mut headers: Vec<_> = usual.iter().filter(is_usual).chain(more).copied().collect();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    worker.begin(&headers)
}

/// Takes what was done since the last time into the table.
fn note(table: &mut Table, what: &str, worker: &mut Worker) {
    table.push((what.to_owned(), worker.cost()));
}

/// Leaves uncounted what was done since the last time.
fn forget(worker: &mut Worker) {
    let _ = worker.cost();
}
