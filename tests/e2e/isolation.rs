//! Filters that share one store and must not share anything else.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

#[test]
fn two_filters_with_one_vm_id_take_neither_keys_nor_sessions_of_each_other() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    // Everything has the same name: provider, issuer, key id, identity. Only the URL differs.
    let signers = [Signer::new("k1"), Signer::new("k1")];
    let paths = ["/first", "/second"];
    let listeners: Vec<_> = paths
        .iter()
        .zip(&signers)
        .map(|(path, signer)| {
            keys.set(path, Answer::json(&key_set(&[signer])));
            let providers = json!({ "main": keys.provider(ISSUER, path) });
            let mut all = configuration(providers, Value::Null);
            all["sessions"] = json!({ "capacity": 8 });
            Listener::new(&Filter::new(&all).root_id(path.trim_start_matches('/')))
        })
        .collect();
    let site = Site::new("isolation", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listeners[0]).listener(&listeners[1]).workers(2));
    let ask = |place: usize, token: &str| {
        fetch(listeners[place].port, &Request::get("/x").bearer(token)).verdict()
    };
    let tokens: Vec<_> = signers.iter().map(|one| one.sign(&Token::of("alice"))).collect();
    for round in 0..3 {
        for (own, other) in [(0, 1), (1, 0)] {
            assert_eq!(ask(own, &tokens[own]), (200, String::new()), "round {round}");
            let verdict = ask(own, &tokens[other]);
            assert_eq!(verdict, (401, "token_signature_invalid".to_owned()), "round {round}");
        }
    }
    // Four callers of the same names at each: were they the same sessions, the table of eight would
    // be half full, and not overflow with the ninth.
    for place in [0, 1] {
        for n in 2..=4 {
            let token = signers[place].sign(&Token::of(&format!("caller-{n}")));
            assert_eq!(ask(place, &token).0, 200);
        }
    }
    assert_eq!(envoy.counter("tollgate_session_evicted"), 0);
    let ninth = signers[0].sign(&Token::of("caller-5"));
    assert_eq!(ask(0, &ninth).0, 200);
    assert_eq!(envoy.counter("tollgate_session_evicted"), 1);
    envoy.assert_clean(&[tokens, vec![ninth]].concat());
}

#[test]
fn two_filters_with_the_same_provider_share_its_keys() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let filter =
        Filter::new(&configuration(json!({ "main": keys.provider(ISSUER, "/keys") }), Value::Null));
    let first = Listener::new(&filter.clone().root_id("first"));
    let second = Listener::new(&filter.root_id("second"));
    let site = Site::new("shared", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&first).listener(&second).workers(2));
    let token = signer.sign(&Token::of("alice"));
    for port in [first.port, second.port, first.port, second.port] {
        let response = fetch(port, &Request::get("/x").bearer(&token));
        assert_eq!(response.status(), 200, "{}", response.text());
    }
    assert_eq!(keys.hits("/keys"), 1);
    envoy.assert_clean(&[token]);
}
