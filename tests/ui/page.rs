//! The operator's page in a real browser: it renders, fits a phone, shows why requests were refused,
//! one code alone where that is chosen, and nothing without the key.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::harness::{
    Answer, Envoy, Filter, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, eventually, fetch, key_set, now, places,
};

const KEY: &str = "4f9a2c1be07d4b6a9d5a33c07c1d86ce";
const OKTA: &str = "https://example.okta.com/oauth2/default";
const ENTRA: &str = "https://login.microsoftonline.com/3f1c/v2.0";

fn hash(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an operator might have: two issuers, of which one is down, a partner with keys, and an API
/// that only reports.
fn filter() -> Filter {
    let fetched = |issuer: &str, cluster: &str| {
        json!({ "issuer": issuer, "audiences": ["https://api.example.com"],
                "jwks": { "url": format!("{issuer}/v1/keys"), "cluster": cluster } })
    };
    let providers = json!({
        "okta": fetched(OKTA, "okta"),
        "entra": fetched(ENTRA, "entra"),
        "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": [
            { "name": "acme-2026", "sha256": hash("1"), "identity": "acme" },
            { "name": "acme-2025", "sha256": hash("2"), "identity": "acme", "active": false },
        ] },
    });
    let apis = json!([
        { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
        { "name": "reports", "match": { "paths": ["/reports/**"] }, "auth": ["okta"], "mode": "report" },
        { "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta", "entra"],
          "scopes": ["orders:read"], "rate": { "requests": 5000, "per": "1s" } },
        { "name": "partners", "match": { "paths": ["/partners/**"] },
          "auth": [["partner", "okta"]], "session_from": "okta" },
    ]);
    let mut all = configuration(providers, apis);
    all["status"] = json!({ "path": "/.tollgate", "key_sha256": hash(KEY), "ready": true });
    Filter::new(&all)
}

/// Requests that end in many ways; the last of them is the one whose token has expired.
fn traffic(port: u16, signer: &Signer) {
    let token = || {
        let token =
            Token::of("00u1alice").claim("iss", OKTA).claim("aud", "https://api.example.com");
        token.claim("scp", json!(["orders:read"]))
    };
    let wrong = [
        ("/orders/7", token().claim("aud", "https://other.example")),
        ("/orders/7", token().claim("scp", json!(["orders:write"]))),
        ("/orders/7", token().claim("iss", format!("{OKTA}/"))),
        ("/reports/1", token().claim("exp", 1_600_000_000)),
        ("/orders/7", token().claim("iss", "<script>alert(1)</script>")),
        ("/nowhere", token()),
        ("/partners/1", token()),
        ("/orders/7", token().claim("exp", now() - 600).claim("iat", now() - 900)),
    ];
    let get = |path: &str, token: &Token| {
        fetch(port, &Request::get(path).bearer(signer.sign(token))).status()
    };
    for _ in 0..40 {
        assert_eq!(get("/orders/7", &token()), 200);
    }
    for (times, (path, token)) in wrong.iter().enumerate() {
        for _ in 0..=times {
            get(path, token);
        }
    }
}

#[test]
fn operators_read_on_a_phone_why_requests_are_refused_and_strangers_read_nothing() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    let second = Signer::new("key-of-next-month");
    keys.set("/oauth2/default/v1/keys", Answer::json(&key_set(&[&signer, &second])));
    keys.set("/3f1c/v2.0/v1/keys", Answer::new(503, "text/plain", "maintenance"));
    let listener = Listener::new(&filter());
    let site = Site::new("page", upstream.port()).workers(2);
    let site = site.cluster("okta", keys.port()).cluster("entra", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    eventually("keys, and none", || {
        let counter = |name: &str| envoy.counter(&format!("tollgate_keys_fetch_{name}"));
        counter("ok_okta") > 0 && counter("failed_entra") > 0
    });
    traffic(listener.port, &signer);

    let url = format!("http://127.0.0.1:{}/.tollgate", listener.port);
    let saw = browse(&url, "token_expired");

    let closed = &saw["closed"];
    assert_eq!(closed["status"], 401, "{closed}");
    assert!(!closed["text"].as_str().unwrap().contains("okta"), "{closed}");
    assert_eq!((&saw["status"], &saw["title"]), (&json!(200), &json!("Tollgate")));
    let headings = saw["headings"].as_array().unwrap();
    for heading in ["Tollgate", "Refusals", "Providers", "okta", "entra", "partner", "APIs"] {
        assert!(headings.contains(&json!(heading)), "{heading} in {headings:?}");
    }
    assert_ne!(saw["styled"], "0px", "the page's own style is let in");
    for moment in ["phone", "phoneChosen", "phoneOpened"] {
        assert_eq!(saw[moment], json!({ "by": 0, "wide": [] }), "{moment}: wider than 360 pixels");
    }
    for scheme in ["light", "dark"] {
        let least = &saw[scheme];
        assert!(least["ratio"].as_f64().unwrap() >= 4.5, "{scheme}: hard to read: {least}");
    }
    assert_ne!(saw["grounds"][0], saw["grounds"][1], "dark is another colour");
    let codes = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    };
    let (all, chosen) = (codes(&saw["all"]), codes(&saw["chosen"]));
    let sum =
        |list: &Value| -> u64 { list.as_array().unwrap().iter().filter_map(Value::as_u64).sum() };
    assert!((7..=8).contains(&all.len()), "equal refusals are one: {all:?}");
    assert_eq!(sum(&saw["allTimes"]), 36, "each refusal of the traffic is counted: {saw}");
    assert!(all.contains(&"token_issuer_unknown".to_owned()), "{all:?}");
    assert_eq!((chosen.len(), sum(&saw["times"])), (2, 12), "those of one API, and of another");
    assert!(chosen.iter().all(|code| code == "token_expired"), "{chosen:?}");
    assert_eq!(saw["address"], format!("{url}?code=token_expired#refusals"));
    assert!(saw["current"].as_str().unwrap().starts_with("token_expired"), "{}", saw["current"]);
    let explained = saw["explained"].as_str().unwrap();
    for part in
        ["token_expired", "8 times", "remedy", "first", "claims", "orders", "okta", "k1", OKTA]
    {
        assert!(explained.contains(part), "{part} in {explained}");
    }
    // What stands in backticks elsewhere is code here.
    let code = codes(&saw["code"]);
    assert!(
        code.contains(&"exp".to_owned())
            && code.iter().any(|one| one.starts_with("providers.entra.jwks"))
    );
    assert_eq!(saw["backticks"], false);
    // APIs above refusals; times in words, with the date behind, in columns.
    let place = |heading: &str| headings.iter().position(|one| one == heading);
    assert!(place("APIs") < place("Refusals"), "{headings:?}");
    for moment in codes(&saw["moments"]) {
        let words = moment.len().saturating_sub(" 2026-01-31 23:59:59 UTC".len());
        let (words, date) = moment.split_at_checked(words).expect("ASCII");
        assert!(words.ends_with(" ago") || words.starts_with("in "), "{moment}");
        assert!(date.starts_with(" 20") && date.ends_with(" UTC"), "{moment}: no date");
    }
    assert_eq!(saw["wide"], json!({ "by": 0, "wide": [] }));
    for column in saw["columns"].as_array().unwrap() {
        assert_eq!(column.as_array().unwrap().len(), 1, "one edge: {}", saw["columns"]);
    }
    assert_eq!(saw["json"]["address"], format!("{url}?form=json"));
    let facts: Value = serde_json::from_str(saw["json"]["text"].as_str().unwrap()).expect("JSON");
    assert_eq!(facts["refusals"].as_array().unwrap().len(), all.len());
    assert_eq!(saw["closedOnes"], 0, "the others are folded");
    assert_eq!(saw["said"], json!([]), "nothing is refused, nothing fails");
    for address in codes(&saw["requested"]) {
        assert!(address.starts_with(&url) || address == "data:,", "asked for {address}");
    }
    // The policy would have refused what is not the page's own, and said so.
    assert_eq!(saw["control"]["ran"], false);
    let said = saw["control"]["said"].to_string();
    assert!(said.matches("Content Security Policy").count() >= 2, "{said}");
    envoy.assert_no_trap();
}

/// What a browser sees there; with `TOLLGATE_SCREENSHOT` it also takes a picture.
fn browse(url: &str, code: &str) -> Value {
    let mut command = Command::new(places::node());
    command
        .arg(places::project().join("tests/ui/browser.mjs"))
        .arg(places::chromium())
        .arg(places::scratch("page-browser"))
        .args([url, KEY, code]);
    if let Some(picture) = std::env::var_os("TOLLGATE_SCREENSHOT") {
        command.arg(places::project().join(PathBuf::from(picture)));
    }
    let output = command.output().expect("Node runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}
