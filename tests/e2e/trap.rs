//! What is left when the filter traps after all.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token,
    Upstream, configuration, eventually, fetch, key_set, trap_wasm,
};

#[test]
fn a_trap_lets_nothing_through_and_the_filter_comes_back() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])).held());
    let mut main = keys.provider(ISSUER, "/keys");
    // A fetcher that traps is missed once its call would have timed out.
    main["jwks"]["timeout"] = json!("4s");
    let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
    let listener = Listener::new(&filter.module(trap_wasm())).idle_timeout(Duration::from_secs(2));
    let site = Site::new("trap", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&Token::of("alice"));

    let mut parked: Vec<_> = (0..5)
        .map(|_| {
            let mut connection = Connection::open(listener.port);
            connection.send(&Request::get("/parked").bearer(&token).bytes()).unwrap();
            connection
        })
        .collect();
    eventually("five to wait", || envoy.stat("http.ingress.downstream_rq_active") == 5);
    eventually("five to be counted", || envoy.stat("wasmcustom.tollgate_parked") == 5);
    let mut trapping = Connection::open(listener.port);
    trapping.send(&Request::get("/trap").bearer(&token).bytes()).unwrap();
    eventually("the trap in the log", || {
        let log = envoy.log();
        log.contains("Uncaught RuntimeError") || log.contains("panicked")
    });

    // The next request is refused or waits for keys; it is not let through.
    let mut next = Connection::open(listener.port);
    next.send(&Request::get("/next").bearer(&token).bytes()).unwrap();
    for connection in parked.iter_mut().chain([&mut trapping]) {
        if let Ok(response) = connection.response() {
            let status = response.status();
            assert!([408, 500, 503, 504].contains(&status), "{status}: {}", response.text());
        }
    }
    eventually("nobody to wait", || envoy.stat("http.ingress.downstream_rq_active") == 0);
    assert_eq!(upstream.count(), 0, "something went upstream undecided");
    // What the worker counted that is gone is taken back by another.
    eventually("the gauge to be right", || envoy.stat("wasmcustom.tollgate_parked") == 0);
    if let Ok(response) = next.response() {
        assert_ne!(response.status(), 200, "decided without keys");
    }

    // It comes back by itself, with the keys once they are there.
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    keys.release();
    eventually("the filter to serve again", || {
        fetch(listener.port, &Request::get("/again").bearer(&token)).status() == 200
    });
    assert_eq!(fetch(listener.port, &Request::get("/again")).status(), 401);
    assert!(upstream.seen("/trap").is_empty());
    assert!(upstream.seen("/parked").is_empty());
    assert!(upstream.seen("/next").is_empty());

    // With the keys there, a trap costs one request: the next one is judged.
    let trapped = fetch(listener.port, &Request::get("/trap").bearer(&token));
    assert_ne!(trapped.status(), 200);
    eventually("the filter to serve after a second trap", || {
        let response = fetch(listener.port, &Request::get("/after").bearer(&token));
        assert!([200, 503].contains(&response.status()), "{}", response.status());
        response.status() == 200
    });
    assert!(upstream.seen("/trap").is_empty());
    assert!(envoy.stat("wasm.tollgate.vm_reload_success") >= 2);
    envoy.assert_no_secret(&[token]);
}
