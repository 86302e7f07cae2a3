//! What requests can wait for beside keys, by a thing that exists in tests only (the feature `probe`): a
//! request names in `x-probe` what it waits for.

mod support;

use std::time::Duration;

use support::token::{Signer, Token, key_set};
use support::world::{CONFIG, Worker, World, head};
use tollgate::env::SharedData as _;
use tollgate::event::{CallResponse, Event};
use tollgate::http::{Fields, RequestHead};
use tollgate::ids::{CallId, StreamId};

const MILLISECOND: Duration = Duration::from_millis(1);

/// An API that asks for nobody, and lets two requests through in an hour.
const LIMITED: &str = r#"{ "apis": [{ "name": "a", "match": { "paths": ["/**"] }, "auth": "none",
    "rate": { "requests": 2, "per": "1h" } }],
    "providers": { "idp": { "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } } }"#;

/// An API that asks for nobody.
fn open() -> String {
    LIMITED.replace(r#""rate": { "requests": 2, "per": "1h" }"#, r#""mode": "enforce""#)
}

fn asking(probe: &str) -> RequestHead {
    head("GET", "/", &[("x-probe", probe)])
}

fn response(status: u16) -> Option<CallResponse> {
    let (headers, trailers) = (Fields::default(), Fields::default());
    Some(CallResponse { status, headers, body_size: 0, body: Vec::new(), trailers })
}

/// The one call that is out.
fn only_call(worker: &Worker<'_>) -> CallId {
    assert_eq!(worker.calls.len(), 1, "{:?}", worker.calls);
    *worker.calls.keys().next().unwrap()
}

fn told(worker: &Worker<'_>, stream: StreamId, name: &str) -> Option<String> {
    let headers = worker.advice.get(&stream)?;
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

#[test]
fn a_question_of_several_requests_is_asked_once_from_the_root_and_answers_all_at_once() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    let streams: Vec<_> = (0..3).map(|_| worker.request(asking("before-shared-1"))).collect();
    assert!(worker.calls.is_empty(), "it has left from a request's callback");
    assert_eq!(worker.tick_period(), MILLISECOND);
    world.wait(MILLISECOND);
    worker.tick();
    let call = only_call(&worker);
    assert_eq!(worker.tick_period(), Duration::from_millis(10));
    worker.call_done(call, response(200));
    assert_eq!(streams.map_verdicts(&worker), ["forwarded"; 3]);
    assert_eq!(worker.tick_period(), Duration::from_millis(500));
}

trait Verdicts {
    fn map_verdicts(&self, worker: &Worker<'_>) -> Vec<String>;
}

impl Verdicts for Vec<StreamId> {
    fn map_verdicts(&self, worker: &Worker<'_>) -> Vec<String> {
        self.iter().map(|stream| worker.verdict(*stream)).collect()
    }
}

#[test]
fn a_tick_for_the_sake_of_a_call_does_nothing_else() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    worker.request(asking("before-shared-1"));
    let before = world.store.gets.get();
    world.wait(MILLISECOND);
    worker.tick();
    let _ = only_call(&worker);
    assert_eq!(world.store.gets.get(), before, "the store was read");
    world.wait(Duration::from_millis(10));
    worker.tick();
    assert!(world.store.gets.get() > before, "no tick does what is due");
}

#[test]
fn what_came_decides_and_holds_for_as_long_as_it_is_kept() {
    let cases = [
        (response(200), "forwarded"),
        (response(403), "access_denied"),
        (None, "keys_unavailable"),
    ];
    for (came, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &open());
        worker.tick();
        worker.calls.clear();
        let first = worker.request(asking("before-shared-1"));
        world.wait(MILLISECOND);
        worker.tick();
        let call = only_call(&worker);
        worker.call_done(call, came);
        assert_eq!(worker.verdict(first), verdict);
        let second = worker.request(asking("before-shared-1"));
        assert_eq!(worker.verdict(second), verdict, "it is asked again at once");
        world.wait(Duration::from_secs(1));
        let third = worker.request(asking("before-shared-1"));
        assert_eq!(worker.verdict(third), "waiting", "{verdict} holds for ever");
    }
}

#[test]
fn an_answer_that_is_no_refusal_is_not_counted_as_one() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let stream = worker.request(asking("before-alone-1"));
    let call = only_call(&worker);
    worker.call_done(call, response(202));
    assert_eq!(worker.reply(stream).body, "answered");
    assert_eq!(worker.counts.keys().filter(|name| name.contains("denied")).count(), 0);
}

#[test]
fn an_answer_is_kept_although_nobody_waits_for_it_any_more() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    let gone = worker.request(asking("before-shared-1"));
    world.wait(MILLISECOND);
    worker.tick();
    let call = only_call(&worker);
    worker.handle(Event::StreamGone { stream: gone });
    worker.call_done(call, response(200));
    assert_eq!(worker.verdict(gone), "waiting", "it had left");
    let next = worker.request(asking("before-shared-1"));
    assert_eq!(worker.verdict(next), "forwarded");
}

#[test]
fn a_question_can_be_asked_for_no_request() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    worker.engine.begin_probe("1");
    worker.engine.begin_probe("1");
    assert_eq!(worker.tick_period(), MILLISECOND);
    world.wait(Duration::from_millis(500));
    worker.tick();
    let call = only_call(&worker);
    worker.call_done(call, response(200));
    let next = worker.request(asking("before-shared-1"));
    assert_eq!(worker.verdict(next), "forwarded");
}

#[test]
fn a_question_of_one_request_leaves_in_its_own_callback_and_ends_with_it() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let streams: Vec<_> = (0..2).map(|_| worker.request(asking("before-alone-1"))).collect();
    let callers: Vec<_> = worker.calls.keys().map(|call| worker.callers[call]).collect();
    assert_eq!(callers, [Some(streams[0]), Some(streams[1])]);
    let calls: Vec<_> = worker.calls.keys().copied().collect();
    worker.handle(Event::StreamGone { stream: streams[0] });
    worker.call_done(calls[0], response(200));
    worker.call_done(calls[1], response(200));
    assert_eq!(streams.map_verdicts(&worker), ["waiting", "forwarded"]);
    assert_eq!(worker.settled.len(), 1);
}

#[test]
fn a_question_of_one_request_that_was_judged_again_in_the_root_leaves_from_there() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    let stream = worker.request(asking("before-shared-1, before-alone-2"));
    world.wait(MILLISECOND);
    worker.tick();
    let call = only_call(&worker);
    worker.call_done(call, response(200));
    let call = only_call(&worker);
    assert_eq!(worker.callers[&call], None);
    worker.call_done(call, response(200));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn a_call_that_is_never_answered_ends_by_itself_and_what_comes_later_is_nothing() {
    for kind in ["shared", "alone"] {
        let world = World::default();
        let mut worker = Worker::new(&world, &open());
        worker.tick();
        worker.calls.clear();
        let stream = worker.request(asking(&format!("before-{kind}-1")));
        world.wait(MILLISECOND);
        worker.tick();
        let call = only_call(&worker);
        world.wait(Duration::from_millis(2_900));
        worker.tick();
        assert_eq!(worker.verdict(stream), "waiting", "{kind}");
        world.wait(Duration::from_millis(100));
        worker.tick();
        assert_eq!(worker.verdict(stream), "keys_unavailable", "{kind}");
        worker.call_done(call, response(200));
        worker.call_done(call, response(200));
        assert_eq!(worker.settled.len(), 1, "{kind}");
    }
}

#[test]
fn an_answer_that_comes_twice_is_heard_once() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let stream = worker.request(asking("before-alone-1, after-alone-2"));
    let first = only_call(&worker);
    worker.call_done(first, response(200));
    let second = only_call(&worker);
    worker.call_done(first, response(403));
    assert_eq!(worker.verdict(stream), "waiting");
    worker.call_done(second, response(200));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn a_clock_that_was_set_back_ends_what_it_cannot_measure() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    let stream = worker.request(asking("before-shared-1"));
    world.wait(Duration::from_millis(500));
    worker.tick();
    world.now.set(tollgate::time::UnixMillis::from_secs(1_000_000));
    worker.tick();
    assert_ne!(worker.verdict(stream), "waiting");
}

#[test]
fn what_another_worker_does_wakes_a_request_and_where_that_takes_too_long_it_asks_itself() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.tick();
    worker.calls.clear();
    let stream = worker.request(asking("before-elsewhere-1"));
    world.wait(Duration::from_millis(10));
    worker.tick();
    assert_eq!(worker.verdict(stream), "waiting");
    world.store.put("tg1/probe/1", b"done", None).unwrap();
    world.wait(Duration::from_millis(10));
    worker.tick();
    assert_eq!(worker.verdict(stream), "forwarded");

    let stream = worker.request(asking("before-elsewhere-2"));
    world.wait(Duration::from_millis(1_990));
    worker.tick();
    assert!(worker.calls.is_empty());
    world.wait(Duration::from_millis(10));
    worker.tick();
    let call = only_call(&worker);
    worker.call_done(call, response(200));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn a_request_waits_for_its_own_body() {
    let with_body = |probe: &str| head("POST", "/", &[("x-probe", probe), ("content-length", "2")]);
    let cases = [
        (Some(b"ok".to_vec()), "forwarded"),
        (Some(b"no".to_vec()), "access_denied"),
        (None, "access_denied"),
    ];
    for (body, verdict) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &open());
        let stream = worker.request(with_body("before-body-0"));
        assert_eq!((worker.verdict(stream).as_str(), worker.reads[&stream]), ("waiting", 64));
        worker.handle(Event::Body { stream, body });
        assert_eq!(worker.verdict(stream), verdict);
    }
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let stream = worker.request(asking("before-body-0"));
    assert_eq!(worker.verdict(stream), "forwarded", "it has none");
    let stream = worker.request(with_body("before-body-0"));
    world.wait(Duration::from_secs(10));
    worker.tick();
    assert_eq!(worker.verdict(stream), "keys_unavailable", "it never came");
}

#[test]
fn a_request_that_waits_once_it_was_charged_is_charged_once() {
    let world = World::default();
    let mut worker = Worker::new(&world, LIMITED);
    let waits = worker.request(asking("after-alone-1, after-alone-2"));
    for _ in 0..2 {
        let call = only_call(&worker);
        worker.call_done(call, response(200));
    }
    assert_eq!(worker.verdict(waits), "forwarded");
    assert_eq!(told(&worker, waits, "ratelimit").as_deref(), Some("\"api\";r=1;t=1800"));
    let next = worker.request(asking("none"));
    assert_eq!(told(&worker, next, "ratelimit").as_deref(), Some("\"api\";r=0;t=1800"));
}

#[test]
fn a_charge_stays_where_what_is_waited_for_refuses() {
    let world = World::default();
    let mut worker = Worker::new(&world, LIMITED);
    let refused = worker.request(asking("after-alone-1"));
    let call = only_call(&worker);
    worker.call_done(call, response(403));
    assert_eq!(worker.verdict(refused), "access_denied");
    let next = worker.request(asking("none"));
    assert_eq!(told(&worker, next, "ratelimit").as_deref(), Some("\"api\";r=0;t=1800"));
}

#[test]
fn a_request_is_judged_afresh_once_what_it_waited_for_has_come() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let signer = Signer::new("a");
    worker.fetch(&key_set(&[&signer]));
    let expires = (support::token::NOW + 3) as f64;
    let token = signer.sign(&Token::for_identity("alice").claim("exp", expires));
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("x-probe", "after-alone-1")];
    let stream = worker.request(head("GET", "/", &headers));
    let call = only_call(&worker);
    world.wait(Duration::from_secs(9));
    // Nobody ticks: the answer comes when the token has long ended, its skew not yet.
    worker.call_done(call, response(200));
    assert_eq!(worker.verdict(stream), "forwarded");
}

#[test]
fn whatever_requests_wait_for_keys_have_a_share_of_the_room() {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let others: Vec<_> = (0..226).map(|_| worker.request(asking("before-elsewhere-1"))).collect();
    let waiting = others.iter().filter(|stream| worker.verdict(**stream) == "waiting").count();
    assert_eq!((waiting, worker.verdict(others[225]).as_str()), (224, "overloaded"));
    let token = Signer::new("a").sign(&Token::for_identity("alice"));
    let for_keys: Vec<_> = (0..33).map(|_| worker.get(&token)).collect();
    let waiting = for_keys.iter().filter(|stream| worker.verdict(**stream) == "waiting").count();
    assert_eq!((waiting, worker.verdict(for_keys[32]).as_str()), (32, "overloaded"));
    worker.tick();
    assert_eq!(world.totals.gauges.borrow()["tollgate_parked"], 32, "keys alone are counted");
    assert_eq!(worker.counts["tollgate_parked_total"], 32);
}

#[test]
fn a_wait_for_something_else_is_no_wait_for_keys() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let stream = worker.request(asking("before-alone-1"));
    let call = only_call(&worker);
    world.wait(Duration::from_secs(1));
    worker.call_done(call, response(200));
    assert_eq!(worker.verdict(stream), "forwarded");
    assert!(worker.observed.is_empty(), "{:?}", worker.observed);
    assert_eq!(worker.counts.get("tollgate_parked_total"), None);
}

#[test]
fn so_many_questions_are_out_at_once() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    let streams: Vec<_> =
        (0..65).map(|id| worker.request(asking(&format!("before-shared-{id}")))).collect();
    let waiting = streams.iter().filter(|stream| worker.verdict(**stream) == "waiting").count();
    assert_eq!((waiting, worker.verdict(streams[64]).as_str()), (64, "overloaded"));
    let same = worker.request(asking("before-shared-0"));
    assert_eq!(worker.verdict(same), "waiting", "it is out already");
}

#[test]
fn a_stop_gives_up_every_question() {
    let world = World::default();
    let mut worker = Worker::new(&world, &open());
    worker.request(asking("before-alone-1"));
    let call = only_call(&worker);
    worker.stop();
    worker.call_done(call, response(200));
    assert!(worker.settled.is_empty());
}
