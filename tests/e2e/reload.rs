//! Configurations that come to a running Envoy.

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Load, Request, Signer, Site,
    Token, Upstream, configuration, eventually, fetch, key_set,
};

#[test]
fn a_wrong_configuration_leaves_the_old_one_serving_and_a_right_one_loses_no_request() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let with_header = |name: &str| {
        let mut main = keys.provider(ISSUER, "/keys");
        main["upstream"] = json!({ "headers": { name: "sub" } });
        configuration(json!({ "main": main }), Value::Null)
    };
    let first = Listener::new(&Filter::new(&with_header("x-first")));
    let site = Site::new("reload", upstream.port()).cluster("keys", keys.port()).workers(2);
    let site = site.wasm_log("debug").listener(&first).discovered();
    let envoy = Envoy::start(&site);
    let token = signer.sign(&Token::of("alice"));
    let good = || Request::get("/x").bearer(&token);
    // What the upstream got by a request on a new connection.
    let in_force = || {
        let response = fetch(first.port, &good());
        assert_eq!(response.status(), 200, "{}", response.text());
        response.text()
    };
    eventually("the listener", || Connection::try_open(first.port).is_ok());
    assert!(in_force().contains("x-first"));

    let load = {
        let token = token.clone();
        Load::start(first.port, 4, move || Request::get("/load").bearer(&token))
    };
    let wrong = [
        ("an unknown field", with_unknown_field(with_header("x-wrong")).to_string(), "clustr"),
        ("not JSON", "{ providers".to_owned(), "configuration"),
        ("nothing", String::new(), "configuration"),
        ("no providers", "{}".to_owned(), "providers"),
    ];
    for (name, configuration, said) in wrong {
        let rejected = envoy.stat("listener_manager.lds.update_rejected");
        let listener = Listener::new(&Filter::raw(&configuration)).in_place_of(first.port);
        envoy.deliver(&[listener]);
        eventually(&format!("the refusal of {name}"), || {
            envoy.stat("listener_manager.lds.update_rejected") > rejected
        });
        envoy.wait_for_log(said);
        assert!(in_force().contains("x-first"), "{name}: the old configuration goes on");
        assert_eq!(fetch(first.port, &Request::get("/x")).status(), 401, "{name}");
    }

    let second = Listener::new(&Filter::new(&with_header("x-second"))).in_place_of(first.port);
    envoy.deliver(&[second]);
    eventually("the new configuration", || in_force().contains("x-second"));
    let before = load.answered();
    // Long enough for the old listener's connections to be drained.
    eventually("the old listener to be gone", || {
        envoy.stat("listener_manager.total_listeners_draining") == 0
    });
    eventually("the load to go on", || load.answered() > before + 100);
    // Each client had one connection to the old listener.
    load.finish_with_lost_connections(4);
    assert!(in_force().contains("x-second"));
    envoy.assert_clean(&[token]);
}

#[test]
fn requests_that_wait_while_the_configuration_changes_go_on() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])).held());
    let with_realm = |realm: &str| {
        let mut main = keys.provider(ISSUER, "/keys");
        main["jwks"]["timeout"] = json!("30s");
        let mut all = configuration(json!({ "main": main }), Value::Null);
        all["realm"] = json!(realm);
        Filter::new(&all)
    };
    let first = Listener::new(&with_realm("first"));
    let site = Site::new("reload-parked", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.workers(2).listener(&first).discovered());
    eventually("the listener", || Connection::try_open(first.port).is_ok());
    let token = signer.sign(&Token::of("alice"));
    let park = || {
        let mut connection = Connection::open(first.port);
        connection.send(&Request::get("/x").bearer(&token).bytes()).unwrap();
        connection
    };
    let active = || envoy.stat("http.ingress.downstream_rq_active");
    let mut waiting: Vec<_> = (0..10).map(|_| park()).collect();
    eventually("ten to wait", || active() == 10);
    envoy.deliver(&[Listener::new(&with_realm("second")).in_place_of(first.port)]);
    let challenge = || fetch(first.port, &Request::get("/x")).header("www-authenticate").unwrap();
    eventually("the new configuration", || challenge().contains("second"));
    waiting.extend((0..10).map(|_| park()));
    eventually("twenty to wait", || active() == 20);
    assert_eq!(upstream.count(), 0, "something went upstream undecided");
    eventually("the fetch", || keys.hits("/keys") == 1);
    keys.release();
    for connection in &mut waiting {
        let response = connection.response().expect("a response");
        assert_eq!(response.status(), 200, "{}", response.text());
    }
    assert_eq!(keys.hits("/keys"), 1, "old and new share one fetch");
    envoy.assert_clean(&[token]);
}

/// A configuration that ends while it fetches gives the fetch to the next, whose worker asks again at
/// once: the lease would be held for an hour.
fn a_fetch_passes_on(name: &str, held: &str, documents: &[(&str, Value)], shown: &dyn Fn(u16)) {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    for (path, document) in documents {
        let answer = Answer::json(document);
        keys.set(path, if *path == held { answer.held() } else { answer });
    }
    let with_realm = |realm: &str| {
        let mut main = keys.provider(ISSUER, "/keys");
        main["jwks"]["timeout"] = json!("1h");
        let mut all = configuration(json!({ "main": main }), Value::Null);
        all["realm"] = json!(realm);
        all["revoked"] = json!({ "url": keys.url("/revoked.json"), "cluster": "keys",
                                 "timeout": "1h", "refresh": "1h", "on_stale": "deny" });
        Filter::new(&all)
    };
    let first = Listener::new(&with_realm("first"));
    let site = Site::new(name, upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&first).discovered());
    eventually("the listener", || Connection::try_open(first.port).is_ok());
    eventually("a fetch that hangs", || keys.hits(held) == 1);
    envoy.deliver(&[Listener::new(&with_realm("second")).in_place_of(first.port)]);
    let challenge = || fetch(first.port, &Request::get("/x")).header("www-authenticate").unwrap();
    eventually("the new configuration", || challenge().contains("second"));
    let (_, document) = documents.iter().find(|(path, _)| *path == held).expect("what is held");
    keys.set(held, Answer::json(document));
    eventually("a second fetch", || keys.hits(held) == 2);
    shown(first.port);
    assert_eq!(keys.hits(held), 2, "one fetch for all");
    keys.release();
    envoy.assert_no_trap();
}

#[test]
fn keys_that_an_ending_configuration_was_fetching_are_fetched_by_the_next() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::of("alice"));
    let nobody = json!({ "entries": [] });
    let documents = [("/keys", key_set(&[&signer])), ("/revoked.json", nobody)];
    a_fetch_passes_on("lease-keys", "/keys", &documents, &|port| {
        eventually("alice to be let in", || {
            fetch(port, &Request::get("/x").bearer(&token)).status() == 200
        });
    });
}

#[test]
fn revocations_that_an_ending_configuration_was_fetching_are_fetched_by_the_next() {
    let signer = Signer::new("k1");
    let (alice, bob) = (signer.sign(&Token::of("alice")), signer.sign(&Token::of("bob")));
    let entry = json!({ "provider": "main", "identity": "alice" });
    let listed = json!({ "entries": [entry] });
    let documents = [("/keys", key_set(&[&signer])), ("/revoked.json", listed)];
    a_fetch_passes_on("lease-revoked", "/revoked.json", &documents, &|port| {
        let verdict = |token: &str| fetch(port, &Request::get("/x").bearer(token)).verdict();
        eventually("bob to be let in", || verdict(&bob).0 == 200);
        assert_eq!(verdict(&alice), (403, "session_inactive".to_owned()));
    });
}

fn with_unknown_field(mut configuration: Value) -> Value {
    configuration["providers"]["main"]["jwks"]["clustr"] = json!("keys");
    configuration
}

#[test]
fn a_refused_configuration_says_everything_that_is_wrong_at_once() {
    let upstream = Upstream::start();
    let wrong = json!({
        "providers": { "okta": { "issuer": "https://a.example", "audiences": [],
                                 "jwks": { "url": "https://a.example/keys", "clustr": "a" },
                                 "clock_skew": "1h30m" } },
        "apis": [{ "name": "a", "auth": ["oktaa"] }]
    });
    let listener = Listener::new(&Filter::new(&wrong));
    let envoy = Envoy::launch(&Site::new("all-wrong", upstream.port()).listener(&listener));
    eventually("Envoy to end", || envoy.exit_code().is_some());
    assert_ne!(envoy.exit_code(), Some(0));
    let log = envoy.log();
    for (field, words) in [
        ("providers.okta.audiences", "any_audience"),
        ("providers.okta.jwks.clustr", "cluster"),
        ("providers.okta.clock_skew", "1h30m"),
        ("apis[0].auth", "okta"),
    ] {
        let named = log.lines().any(|line| line.contains(field) && line.contains(words));
        assert!(named, "no line names {field} with {words:?}:\n{log}");
    }
    envoy.assert_no_trap();
}

#[test]
fn a_new_filter_takes_the_keys_that_others_have_published() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let filter =
        Filter::new(&configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), Value::Null));
    let first = Listener::new(&filter);
    let site = Site::new("adopted", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&first).discovered());
    let token = signer.sign(&Token::of("alice"));
    let ask = |port| fetch(port, &Request::get("/x").bearer(&token));
    eventually("the listener", || Connection::try_open(first.port).is_ok());
    assert_eq!(ask(first.port).status(), 200);
    keys.down();
    // Another root id is another plugin in another context, with the same store.
    let second = Listener::new(&filter.root_id("another"));
    envoy.deliver(&[first.clone(), second.clone()]);
    eventually("the second listener", || Connection::try_open(second.port).is_ok());
    let response = ask(second.port);
    assert_eq!(response.status(), 200, "{}", response.text());
    assert_eq!(keys.hits("/keys"), 1);
    envoy.assert_clean(&[token]);
}
