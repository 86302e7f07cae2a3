//! Keys over time: fetched once, kept when the provider fails, replaced when it rotates, gone when
//! it withdraws them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{
    Answer, Connection, Envoy, Filter, ISSUER, KeyServer, Listener, Load, Provider, Request,
    Signer, Site, Token, Upstream, configuration, eventually, fetch, key_set, within,
};

/// An Envoy with two workers before the real provider, which may be up or not.
fn start(name: &str, provider: &Provider, upstream: &Upstream, okta: Value) -> (Envoy, u16) {
    let filter = Filter::new(&configuration(json!({ "okta": okta }), Value::Null));
    let listener = Listener::new(&filter);
    let site = Site::new(name, upstream.port()).cluster("idp", provider.port()).workers(2);
    (Envoy::start(&site.wasm_log("debug").listener(&listener)), listener.port)
}

/// Sends one request on each of `count` new connections and returns them unanswered.
fn send_all(port: u16, count: usize, request: &Request) -> Vec<Connection> {
    let mut connections: Vec<_> = (0..count).map(|_| Connection::open(port)).collect();
    for connection in &mut connections {
        connection.send(&request.bytes()).expect("an open connection");
    }
    connections
}

#[test]
fn forty_requests_that_come_before_the_first_keys_cost_one_fetch() {
    let (provider, upstream) = (Provider::start("forty"), Upstream::start());
    let token = provider.usual_token();
    provider.keys_endpoint("slow");
    let (envoy, port) = start("forty", &provider, &upstream, provider.with_keys("10m", "30s"));
    let waiting = send_all(port, 40, &Request::get("/x").bearer(&token));
    for mut connection in waiting {
        let response = connection.response().expect("a response");
        assert_eq!(response.status(), 200, "{}", response.text());
    }
    assert_eq!(provider.key_fetches(), 1);
    assert_eq!(upstream.count(), 40);
    envoy.assert_clean(&[token]);
}

#[test]
fn requests_wait_in_every_worker_while_one_fetch_is_held_and_all_of_them_go_on() {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])).held());
    let mut main = keys.provider(ISSUER, "/keys");
    main["jwks"]["timeout"] = json!("30s");
    let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
    let listener = Listener::new(&filter);
    let site = Site::new("held", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
    let token = signer.sign(&Token::of("alice"));
    let waiting = send_all(listener.port, 40, &Request::get("/x").bearer(&token));
    eventually("all to wait", || envoy.stat("http.ingress.downstream_rq_active") == 40);
    eventually("the fetch", || keys.hits("/keys") == 1);
    assert_both_workers_are_used(&envoy, listener.port);
    assert_eq!(upstream.count(), 0, "something went upstream undecided");
    keys.release();
    for mut connection in waiting {
        let response = connection.response().expect("a response");
        assert_eq!(response.status(), 200, "{}", response.text());
    }
    assert_eq!(keys.hits("/keys"), 1);
    envoy.assert_clean(&[token]);
}

fn assert_both_workers_are_used(envoy: &Envoy, port: u16) {
    for worker in 0..2 {
        let stat = format!("listener.127.0.0.1_{port}.worker_{worker}.downstream_cx_total");
        assert!(envoy.stat(&stat) > 0, "worker {worker} has no connection");
    }
}

/// Load whose token can be changed while it runs.
fn load(port: u16, token: &Arc<Mutex<String>>) -> Load {
    let token = Arc::clone(token);
    Load::start(port, 4, move || Request::get("/x").bearer(token.lock().unwrap().as_str()))
}

#[test]
fn a_rotation_under_load_refuses_no_good_request() {
    let (provider, upstream) = (Provider::start("rotation"), Upstream::start());
    let okta = provider.with_keys("3s", "1s");
    let (envoy, port) = start("rotation", &provider, &upstream, okta);
    let mut tokens = vec![provider.usual_token()];
    assert_eq!(fetch(port, &Request::get("/x").bearer(&tokens[0])).status(), 200);
    let current = Arc::new(Mutex::new(tokens[0].clone()));
    let load = load(port, &current);
    let progress = || {
        let before = load.answered();
        eventually("the load to go on", || load.answered() > before + 100);
    };
    for _ in 0..2 {
        progress();
        let fetches = provider.key_fetches();
        eventually("a scheduled refresh", || provider.key_fetches() > fetches);
        std::thread::sleep(Duration::from_secs(1));
        provider.rotate("RS256");
        let token = provider.usual_token();
        current.lock().unwrap().clone_from(&token);
        tokens.push(token);
    }
    progress();
    assert_both_workers_are_used(&envoy, port);
    let answered = load.finish();
    assert!(answered >= 300, "{answered} answers are no load");

    // What the provider withdraws ends with the next refresh.
    let oldest = Request::get("/x").bearer(&tokens[0]);
    assert_eq!(fetch(port, &oldest).status(), 200);
    provider.retire();
    eventually("the old key to be out of use", || {
        fetch(port, &oldest).verdict() == (401, "token_key_unknown".to_owned())
    });
    assert_eq!(fetch(port, &Request::get("/x").bearer(&tokens[2])).status(), 200);
    envoy.assert_clean(&tokens);
}

#[test]
fn a_provider_that_goes_down_after_the_first_fetch_is_not_missed() {
    let (provider, upstream) = (Provider::start("down-later"), Upstream::start());
    let okta = provider.with_keys("300ms", "1s");
    let (envoy, port) = start("down-later", &provider, &upstream, okta);
    let token = provider.usual_token();
    assert_eq!(fetch(port, &Request::get("/x").bearer(&token)).status(), 200);
    let load = load(port, &Arc::new(Mutex::new(token.clone())));
    eventually("refreshes", || provider.key_fetches() >= 3);
    provider.down();
    let failed = || envoy.counter("tollgate_keys_fetch_failed_okta");
    eventually("failed refreshes", || failed() >= 3);
    let before = load.answered();
    eventually("the load to go on", || load.answered() > before + 300);
    provider.up();
    let fetched = envoy.counter("tollgate_keys_fetch_ok_okta");
    eventually("a refresh", || envoy.counter("tollgate_keys_fetch_ok_okta") > fetched);
    load.finish();
    let said = envoy.filter_lines();
    let failure = said.iter().find(|line| line["event"] == "keys_fetch_failed");
    assert_eq!(failure.expect("a line about the failure")["keys_in_use"], "kept");
    envoy.assert_clean(&[token]);
}

#[test]
fn a_provider_that_is_down_from_the_start_is_our_fault_and_heals_by_itself() {
    let (provider, upstream) = (Provider::start("down-first"), Upstream::start());
    let token = provider.usual_token();
    provider.down();
    let okta = provider.with_keys("10m", "30s");
    let (envoy, port) = start("down-first", &provider, &upstream, okta);
    let ask = || fetch(port, &Request::get("/x").bearer(&token));
    let refused = ask();
    assert_eq!(refused.verdict(), (503, "keys_unavailable".to_owned()));
    let wait: u64 = refused.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(upstream.count(), 0);
    // Somebody else's token is not judged either: nobody can tell that it is bad.
    let forged = format!("{token}x");
    assert_eq!(fetch(port, &Request::get("/x")).status(), 401, "no credential needs no keys");
    provider.up();
    within(Duration::from_secs(15), "a healthy filter", || (ask().status() == 200).then_some(()));
    assert_eq!(fetch(port, &Request::get("/x").bearer(&forged)).status(), 401);
    envoy.assert_clean(&[token]);
}

#[test]
fn a_key_set_in_many_pieces_is_one_key_set_or_none() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let (first, second) = (Signer::new("k1"), Signer::new("k2"));
    let set = |signers: &[&Signer]| Answer::json(&key_set(signers)).in_pieces();
    // Broken off in the middle: none, however many pieces came.
    keys.set("/keys", set(&[&first]).cut_after(40));
    let mut main = keys.provider(ISSUER, "/keys");
    main["jwks"]["refresh"] = json!("100ms");
    let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
    let listener = Listener::new(&filter);
    let site = Site::new("pieces", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
    let failed = || envoy.counter("tollgate_keys_fetch_failed_main");
    eventually("a failed fetch", || failed() > 0);
    assert_eq!(envoy.counter("tollgate_keys_fetch_ok_main"), 0);
    // Whole: its trailers change nothing, whatever they say.
    keys.set("/keys", set(&[&first]));
    let served = |signer: &Signer| {
        let token = signer.sign(&Token::of("alice"));
        fetch(listener.port, &Request::get("/x").bearer(token)).status() == 200
    };
    eventually("the keys", || served(&first));
    keys.set("/keys", set(&[&first, &second]));
    eventually("the next set", || served(&second));
    // Broken off once more: the whole one stays.
    let before = failed();
    keys.set("/keys", set(&[&first]).cut_after(40));
    eventually("a fetch that fails", || failed() > before);
    assert!(served(&first) && served(&second));
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn a_flood_of_unknown_kids_costs_one_fetch_and_hinders_nobody() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let other = "https://scheduled.example";
    // One ring is refreshed only on demand during the test, the other only on schedule.
    for path in ["/on-demand", "/scheduled"] {
        keys.set(path, Answer::json(&key_set(&[&old])));
    }
    let mut on_demand = keys.provider(ISSUER, "/on-demand");
    on_demand["jwks"]["refresh"] = json!("1h");
    on_demand["jwks"]["cooldown"] = json!("1h");
    let mut scheduled = keys.provider(other, "/scheduled");
    scheduled["jwks"]["refresh"] = json!("1s");
    scheduled["jwks"]["cooldown"] = json!("1h");
    let providers = json!({ "on-demand": on_demand, "scheduled": scheduled });
    let mut all = configuration(providers, Value::Null);
    all["log"]["per_second"] = json!(10);
    let listener = Listener::new(&Filter::new(&all));
    let site = Site::new("flood", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
    let good = old.sign(&Token::of("alice"));
    let good_other = old.sign(&Token::of("alice").issuer(other));
    let ask = |token: &str| fetch(listener.port, &Request::get("/x").bearer(token));
    assert_eq!(ask(&good).status(), 200);
    assert_eq!(ask(&good_other).status(), 200);
    assert_eq!(keys.hits("/on-demand"), 1);

    let stranger = Signer::new("stranger");
    let token = |issuer: &str, kid: usize| {
        let token = Token::of("mallory").issuer(issuer).header("kid", format!("unknown-{kid}"));
        stranger.sign(&token)
    };
    let mut secrets = vec![good.clone(), good_other.clone(), token(ISSUER, 7), token(other, 7)];
    let rotated = new.sign(&Token::of("alice").issuer(other));
    let (on_first, on_second) = (token(ISSUER, 0), token(ISSUER, 1));
    assert_eq!(ask(&on_first).verdict(), (401, "token_key_unknown".to_owned()));
    secrets.extend([on_first, on_second, rotated.clone()]);

    std::thread::scope(|scope| {
        let flood = |issuer: &'static str| {
            let token = &token;
            let port = listener.port;
            scope.spawn(move || {
                let mut connections = [Connection::open(port), Connection::open(port)];
                for kid in 0..1000 {
                    let request = Request::get("/x").bearer(token(issuer, kid));
                    let response = connections[kid % 2].fetch(&request);
                    assert_eq!(response.verdict(), (401, "token_key_unknown".to_owned()));
                }
            })
        };
        let floods = [flood(ISSUER), flood("https://scheduled.example")];
        // Good tokens are served in between, and a rotation is noticed.
        let mut served = 0;
        keys.set("/scheduled", Answer::json(&key_set(&[&new, &old])));
        let mut healed = false;
        while !floods.iter().all(|flood| flood.is_finished()) || !healed {
            assert_eq!(ask(&good).status(), 200);
            assert_eq!(ask(&good_other).status(), 200);
            served += 1;
            if !healed {
                healed = ask(&rotated).status() == 200;
            }
            assert!(served < 100_000, "the rotation was never noticed");
        }
        for flood in floods {
            flood.join().expect("only 401 during the flood");
        }
        assert!(served > 10, "{served} good requests are no proof");
    });
    assert_eq!(keys.hits("/on-demand"), 2, "the first fetch and one on demand");
    assert!(envoy.counter("tollgate_denied_token_key_unknown") >= 2001);
    let lines = envoy.refusals().len();
    assert!(lines < 1000, "{lines} lines: the log was flooded");
    assert!(envoy.counter("tollgate_log_suppressed") > 0);
    envoy.assert_clean(&secrets);
}

#[test]
fn a_withdrawn_key_is_out_of_use_in_every_worker_within_a_second() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let (leaked, safe) = (Signer::new("leaked"), Signer::new("safe"));
    keys.set("/keys", Answer::json(&key_set(&[&leaked, &safe])));
    let mut main = keys.provider(ISSUER, "/keys");
    main["jwks"]["refresh"] = json!("500ms");
    main["jwks"]["cooldown"] = json!("1h");
    let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
    let listener = Listener::new(&filter);
    let site = Site::new("withdrawn", upstream.port()).cluster("keys", keys.port()).workers(2);
    let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
    let token = leaked.sign(&Token::of("mallory"));
    let good = safe.sign(&Token::of("alice"));
    // As many connections on each worker.
    let mut connections: Vec<_> = (0..4).map(|_| Connection::open(listener.port)).collect();
    let bad = Request::get("/x").bearer(&token);
    for connection in &mut connections {
        assert_eq!(connection.fetch(&bad).status(), 200);
    }
    assert_both_workers_are_used(&envoy, listener.port);
    keys.set("/keys", Answer::json(&key_set(&[&safe])));
    let fetches = keys.hits("/keys");
    eventually("the next fetch", || keys.hits("/keys") > fetches);
    let published = Instant::now();
    within(Duration::from_secs(2), "every worker to refuse the key", || {
        let verdicts: BTreeSet<_> =
            connections.iter_mut().map(|one| one.fetch(&bad).verdict()).collect();
        (verdicts == BTreeSet::from([(401, "token_key_unknown".to_owned())])).then_some(())
    });
    eprintln!("out of use after {:?}", published.elapsed());
    for connection in &mut connections {
        assert_eq!(connection.fetch(&Request::get("/x").bearer(&good)).status(), 200);
        assert_eq!(connection.fetch(&bad).status(), 401, "and it stays out of use");
    }
    envoy.assert_clean(&[token, good]);
}

#[test]
fn a_key_that_changes_under_its_name_is_noticed_by_the_signatures_it_makes() {
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let (old, new) = (Signer::new("k1"), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&old])));
    let mut main = keys.provider(ISSUER, "/keys");
    main["jwks"]["cooldown"] = json!("200ms");
    let filter = Filter::new(&configuration(json!({ "main": main }), Value::Null));
    let listener = Listener::new(&filter);
    let site = Site::new("same-kid", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let tokens = [old.sign(&Token::of("alice")), new.sign(&Token::of("alice"))];
    let ask = |token: &str| fetch(listener.port, &Request::get("/x").bearer(token)).verdict();
    let (good, bad) = ((200, String::new()), (401, "token_signature_invalid".to_owned()));
    assert_eq!(ask(&tokens[0]), good);
    keys.set("/keys", Answer::json(&key_set(&[&new])));
    // The first one is refused, not parked: otherwise any forger could have requests wait.
    assert_eq!(ask(&tokens[1]), bad);
    eventually("the new key", || ask(&tokens[1]) == good);
    assert_eq!(ask(&tokens[0]), bad);
    envoy.assert_clean(&tokens);
}
