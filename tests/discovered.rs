//! What a discovery document says of logins: published with the keys, for every worker, and only where
//! somebody logs in by it.

mod support;

use std::time::Duration;

use support::token::{Signer, Token, key_set};
use support::world::{Worker, World};
use tollgate::config::Config;
use tollgate::keys::Ring;
use tollgate::provider::login::Login;

const BEARER: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "discovery": true, "cluster": "idp" } } } }"#;

/// The same provider, which also logs browsers in.
const LOGIN: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "discovery": true, "cluster": "idp" },
    "login": { "url": "https://api.example.com", "client": { "id": "me" },
               "seal": [{ "base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }] } } } }"#;

/// A discovery document that names a token endpoint and this besides.
fn document(token: &str, more: &str) -> String {
    format!(
        r#"{{"issuer": "https://id.example.com/", "jwks_uri": "https://id.example.com/keys",
        "authorization_endpoint": "https://id.example.com/authorize", "token_endpoint": "{token}"{more}}}"#
    )
}

fn good() -> String {
    document("https://id.example.com/token", "")
}

/// Ticks, and answers the fetch that this starts: the document, and the keys that it names.
fn fetch(worker: &mut Worker<'_>, document: &str, keys: &str) {
    worker.tick();
    worker.answer(200, &[], document);
    worker.answer(200, &[], keys);
}

fn keys() -> String {
    key_set(&[&Signer::new("k1")])
}

/// What another worker sees of the first key ring.
struct Other {
    config: Config,
    ring: Ring,
}

impl Other {
    fn new(config: &str) -> Self {
        let config = Config::parse(config.as_bytes()).expect("a good configuration");
        let ring = Ring::new(config.rings[0].clone());
        Self { config, ring }
    }

    fn login(&self) -> &Login {
        self.config.providers[0].login().expect("a login")
    }

    /// Where it would ask for tokens now, or why it could not; `None` where it does not know.
    fn token(&mut self, world: &World) -> Option<Result<String, String>> {
        self.ring.sync(&world.env());
        let endpoints = self.login().endpoints(self.ring.login())?;
        Some(endpoints.map(|found| found.token.to_string()).map_err(|wrong| wrong.to_string()))
    }
}

fn published(world: &World) -> Vec<String> {
    world.store.keys().into_iter().filter(|key| key.contains("login")).collect()
}

fn at(url: &str) -> Option<Result<String, String>> {
    Some(Ok(url.to_owned()))
}

#[test]
fn every_worker_learns_of_the_endpoints_with_the_keys() {
    let world = World::default();
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    assert_eq!(other.token(&world), None);
    worker.tick();
    worker.answer(200, &[], &good());
    assert_eq!((other.token(&world), published(&world).len()), (None, 0), "the keys are to come");
    worker.answer(200, &[], &keys());
    assert_eq!(other.token(&world), at("https://id.example.com/token"));
    let id = &other.config.rings[0].remote.id;
    assert_eq!(published(&world), [format!("tg1/login-meta/{id}")]);
    assert!(other.ring.is_loaded(), "the keys");
}

#[test]
fn a_provider_without_a_login_publishes_nothing_of_it() {
    let world = World::default();
    let mut worker = Worker::new(&world, BEARER);
    fetch(&mut worker, &good(), &keys());
    assert_eq!(published(&world), [""; 0]);
    let mut other = Other::new(BEARER);
    other.ring.sync(&world.env());
    assert!(other.ring.is_loaded() && other.ring.login().is_none());
}

#[test]
fn who_waits_for_the_ring_is_told_when_it_knows() {
    let world = World::default();
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    let before = other.ring.progress();
    fetch(&mut worker, &good(), &keys());
    other.ring.sync(&world.env());
    assert_ne!(other.ring.progress(), before);
}

#[test]
fn other_endpoints_reach_every_worker_although_the_keys_stay() {
    let world = World::default();
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    fetch(&mut worker, &good(), &keys());
    assert_eq!(other.token(&world), at("https://id.example.com/token"));
    world.wait(Duration::from_secs(601));
    fetch(&mut worker, &document("https://id.example.com/new", ""), &keys());
    assert_eq!(other.token(&world), at("https://id.example.com/new"));
    // A fetch that fails changes nothing.
    world.wait(Duration::from_secs(601));
    worker.tick();
    worker.answer(503, &[], "");
    assert_eq!(other.token(&world), at("https://id.example.com/new"));
}

#[test]
fn keys_that_were_published_before_anybody_logged_in_are_fetched_anew_once() {
    let world = World::default();
    let mut before = Worker::new(&world, BEARER);
    fetch(&mut before, &good(), &keys());
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    assert_eq!(other.token(&world), None);
    worker.tick();
    fetch(&mut worker, &good(), &keys());
    assert_eq!(other.token(&world), at("https://id.example.com/token"));
    for _ in 0..100 {
        world.wait(Duration::from_secs(1));
        worker.tick();
    }
    assert_eq!(worker.calls_made, 2, "one document and one key set");
}

#[test]
fn what_a_stranger_wrote_is_fetched_anew_within_the_budget_of_fetches() {
    let world = World::default();
    let mut worker = Worker::new(&world, LOGIN);
    fetch(&mut worker, &good(), &keys());
    let [key] = published(&world).try_into().expect("one record");
    for record in [&b""[..], b"x", &[3; 300]] {
        world.store.force(&key, record);
        let mut other = Other::new(LOGIN);
        assert_eq!(other.token(&world), None);
        assert!(other.ring.attempt(&world.env()).is_some(), "a fetch out of turn");
        let mut third = Other::new(LOGIN);
        assert_eq!(third.token(&world), None);
        assert!(third.ring.attempt(&world.env()).is_none(), "one fetches already");
        world.wait(Duration::from_secs(60));
    }
}

#[test]
fn endpoints_that_are_no_good_keep_nobody_from_the_keys() {
    let world = World::default();
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice").claim("exp", 4_000_000_000_u64));
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    fetch(&mut worker, &document("https://third.example/token", ""), &key_set(&[&signer]));
    let stream = worker.get(&token);
    assert_eq!(worker.verdict(stream), "forwarded");
    let wrong = other.token(&world).expect("a document").expect_err("another host");
    assert!(wrong.contains("`token_endpoint` is on host `third.example`"), "{wrong}");
}

#[test]
fn a_document_that_brings_no_keys_is_not_published() {
    let world = World::default();
    let (mut worker, mut other) = (Worker::new(&world, LOGIN), Other::new(LOGIN));
    fetch(&mut worker, &good(), r#"{"keys": []}"#);
    assert_eq!((other.token(&world), published(&world).len()), (None, 0));
}

#[test]
fn without_a_store_each_worker_keeps_what_it_has_fetched() {
    let world = World::default();
    world.store.absent.set(true);
    let mut worker = Worker::new(&world, LOGIN);
    fetch(&mut worker, &good(), &keys());
    for _ in 0..100 {
        world.wait(Duration::from_secs(1));
        worker.tick();
    }
    assert_eq!(worker.calls_made, 2, "nothing is fetched for a record that cannot be");
}

#[test]
fn providers_that_share_keys_share_the_document() {
    let two = LOGIN.replace(
        r#""providers": {"#,
        r#""providers": { "first": {
            "issuer": "https://id.example.com/", "audiences": ["api"], "from": [{ "header": "x-token" }],
            "jwks": { "discovery": true, "cluster": "idp" } },"#,
    );
    let two = two.strip_suffix('}').expect("an object");
    let two = format!(
        r#"{two}, "apis": [{{ "name": "a", "match": {{ "paths": ["/a"] }}, "auth": ["first"] }}, {{ "name": "b", "auth": ["idp"] }}] }}"#
    );
    let config = Config::parse(two.as_bytes()).expect("a good configuration");
    assert_eq!(config.rings.len(), 1);
    assert!(config.rings[0].logins, "whichever of them comes first");
}
