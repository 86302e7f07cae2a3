//! What requests wait for beside keys, in a real Envoy: the module of the tests can be told by a header
//! what to wait for, and is shipped to nobody.

use std::thread;

use serde_json::json;

use super::harness::{
    Answer, Connection, Envoy, Filter, KeyServer, Listener, Request, Site, Upstream, configuration,
    eventually, fetch, trap_wasm,
};

/// A proxy whose filter asks `answers` what requests tell it to.
fn start(name: &str, answers: &KeyServer, upstream: &Upstream, workers: u32) -> (Envoy, u16) {
    start_with(name, answers, upstream, workers, false)
}

/// The same; Envoy hands over the body of a request that waits only where a plugin says so.
fn start_with(
    name: &str,
    answers: &KeyServer,
    upstream: &Upstream,
    workers: u32,
    reads_bodies: bool,
) -> (Envoy, u16) {
    let apis = json!([{ "name": "a", "match": { "paths": ["/**"] }, "auth": "none" }]);
    let providers = json!({ "main": answers.provider("https://id.example.com/", "/keys") });
    let filter = Filter::new(&configuration(providers, apis)).module(trap_wasm());
    let listener = Listener::new(&filter.stop_iteration(reads_bodies));
    let site = Site::new(name, upstream.port());
    let site = site.cluster("keys", answers.port()).cluster("probe", answers.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(workers));
    (envoy, listener.port)
}

fn answer(status: u16) -> Answer {
    Answer::new(status, "application/json", "{}")
}

fn asking(probe: &str) -> Request {
    Request::get("/x").header("x-probe", probe)
}

#[test]
fn a_question_of_many_requests_is_asked_once_in_a_worker_and_answers_them_all() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    answers.set("/shared/1", answer(200).held());
    let (envoy, port) = start("waiting-shared", &answers, &upstream, 1);
    thread::scope(|scope| {
        let asked: Vec<_> =
            (0..30).map(|_| scope.spawn(|| fetch(port, &asking("before-shared-1")))).collect();
        eventually("the question is asked", || answers.hits("/shared/1") == 1);
        answers.release();
        for one in asked {
            assert_eq!(one.join().unwrap().status(), 200);
        }
    });
    assert_eq!(answers.hits("/shared/1"), 1);
    assert_eq!(fetch(port, &asking("before-shared-1")).status(), 200, "it is kept for a second");
    envoy.assert_no_trap();
}

#[test]
fn a_question_of_one_request_is_asked_for_it_before_and_after_it_is_charged() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    let (envoy, port) = start("waiting-alone", &answers, &upstream, 2);
    for (status, expected) in [(200, 200), (403, 403), (202, 202)] {
        answers.set("/alone/1", answer(200));
        answers.set("/alone/2", answer(status));
        let asked = fetch(port, &asking("before-alone-1, after-alone-2"));
        assert_eq!(asked.status(), expected, "{}", asked.text());
    }
    assert_eq!((answers.hits("/alone/1"), answers.hits("/alone/2")), (3, 3));
    assert_eq!(upstream.seen("/x").len(), 1);
    envoy.assert_no_trap();
}

#[test]
fn a_question_ends_with_the_request_that_alone_has_asked_it() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    answers.set("/alone/1", answer(200).held());
    answers.set("/alone/2", answer(200));
    let (envoy, port) = start("waiting-gone", &answers, &upstream, 1);
    let mut leaves = Connection::open(port);
    leaves.send(&asking("before-alone-1").bytes()).unwrap();
    eventually("the question is asked", || answers.hits("/alone/1") == 1);
    drop(leaves);
    eventually("the proxy has noticed", || envoy.stat("http.ingress.downstream_rq_active") == 0);
    answers.release();
    assert_eq!(fetch(port, &asking("before-alone-2")).status(), 200);
    assert_eq!(upstream.seen("/x").len(), 1, "nobody waited for that answer");
    envoy.assert_no_trap();
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_no_longer_than_its_time_out() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    answers.set("/shared/1", answer(200).held());
    let (envoy, port) = start("waiting-silent", &answers, &upstream, 1);
    let asked = fetch(port, &asking("before-shared-1"));
    // Envoy itself answers for a server that is late.
    assert_eq!(asked.status(), 403, "{}", asked.text());
    envoy.assert_no_trap();
}

#[test]
fn a_body_is_read_before_the_request_goes_on_and_goes_upstream_whole() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    let (envoy, port) = start_with("waiting-body", &answers, &upstream, 1, true);
    let long = "x".repeat(65);
    for probe in ["before-body-0", "after-body-0"] {
        for (body, expected) in [("ok", 200), ("no", 403), ("", 200), (long.as_str(), 403)] {
            let request = Request::new("POST", "/body").header("x-probe", probe).body(body);
            assert_eq!(fetch(port, &request).status(), expected, "{probe} {body:?}");
        }
    }
    // In two pieces, of which the second decides.
    let mut slow = Connection::open(port);
    let head = Request::new("POST", "/slow").header("x-probe", "before-body-0").body("ok").bytes();
    let (first, last) = head.split_at(head.len() - 1);
    slow.send(first).unwrap();
    eventually("it waits", || envoy.stat("http.ingress.downstream_rq_active") == 1);
    assert!(upstream.seen("/slow").is_empty());
    slow.send(last).unwrap();
    assert_eq!(slow.response().unwrap().status(), 200);
    let seen = upstream.seen("/body");
    assert_eq!(seen.iter().map(|one| one.body.len()).collect::<Vec<_>>(), [2, 0, 2, 0]);
    assert_eq!(upstream.seen("/slow")[0].body, b"ok");
    envoy.assert_no_trap();
}

#[test]
fn cookies_are_added_beside_the_upstreams_and_single_ones_taken_out() {
    let (answers, upstream) = (KeyServer::start(), Upstream::start());
    let (envoy, port) = start("waiting-cookies", &answers, &upstream, 1);
    let cookies =
        [("set-cookie", "own=1; Path=/"), ("set-cookie", "probe-gone=2"), ("set-cookie", "last=3")];
    upstream.answer_with(&cookies);
    let answered = fetch(port, &asking("after-cookie-0"));
    let found = answered.headers("set-cookie");
    assert_eq!(found, ["own=1; Path=/", "last=3", "probe-a=1", "probe-b=2"]);
    let untouched = fetch(port, &Request::get("/x"));
    assert_eq!(untouched.headers("set-cookie").len(), 2);
    envoy.assert_no_trap();
}
