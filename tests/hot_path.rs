//! What a request with a known token costs, counted: look-ups in the shared store, signatures and
//! allocations. The time it takes is `make bench`'s affair.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{World, head};
use tollgate::config::Config;
use tollgate::engine::Engine;
use tollgate::env::{Cas, Env, PutError, SharedData, Stored};
use tollgate::event::{Effect, Event, HostFacts, Section, Settlement};
use tollgate::http::Fields;
use tollgate::ids::StreamId;

/// Counts what its own thread allocates.
struct CountingAllocator;

thread_local! {
    static ALLOCATIONS: Cell<u32> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// SAFETY: every call goes to the system's allocator as it came.
#[allow(unsafe_code, reason = "an allocator is unsafe by its trait")]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The shared store, and how often it was asked.
struct CountingStore<'w>(&'w dyn SharedData, Cell<u32>);

impl SharedData for CountingStore<'_> {
    fn get(&self, key: &str) -> Stored {
        self.1.set(self.1.get() + 1);
        self.0.get(key)
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        self.1.set(self.1.get() + 1);
        self.0.put(key, value, expected)
    }
}

/// What one request cost.
#[derive(Debug, Eq, PartialEq)]
struct Cost {
    signatures: u32,
    /// How often the shared store was asked.
    operations: u32,
    allocations: u32,
}

/// Sends the same request `count` times to an engine of this configuration.
fn costs(config: &Value, token: &str, count: u32) -> Vec<Cost> {
    let config = config.to_string();
    let world = World::default();
    let store = CountingStore(&world.store, Cell::new(0));
    let env = || Env { shared: &store, ..world.env() };
    let mut engine = Engine::new(Config::parse(config.as_bytes()).unwrap(), "root");
    engine.start(&env());
    let token = format!("Bearer {token}");
    let mut request = |number: u32| {
        let mut head = head("GET", "/orders/7", &[("authorization", &token)]);
        head.headers.extend((0..8).map(|number| (format!("x-{number}"), "something")));
        let event =
            Event::RequestHeaders { stream: StreamId(number), head, host: HostFacts::default() };
        let fields: Fields = [(":status", "200"), ("server", "x")].into_iter().collect();
        let (section, stream) = (Section::ResponseHeaders, StreamId(number));
        let answered = Event::Fields { stream, section, fields };
        store.1.set(0);
        let (verified, before) = (world.verifications(), ALLOCATIONS.get());
        let effects = engine.handle(event, &env());
        let cleaned = engine.handle(answered, &env());
        let allocations = ALLOCATIONS.get() - before;
        let forwarded =
            |effect: &Effect| matches!(effect, Effect::Settle { how: Settlement::Forward(_), .. });
        assert!(effects.iter().any(forwarded) && cleaned.is_empty(), "{effects:?}, {cleaned:?}");
        let signatures = world.verifications() - verified;
        Cost { signatures, operations: store.1.get(), allocations }
    };
    (0..count).map(&mut request).collect()
}

fn provider(signer: &Signer) -> Value {
    json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "jwks": { "inline": { "keys": [signer.jwk()] } },
        "upstream": { "headers": { "x-user": "sub" } },
    })
}

#[test]
fn a_known_token_costs_no_signature_no_store_and_few_allocations() {
    let signer = Signer::new("k1");
    let config = json!({ "providers": { "idp": provider(&signer) } });
    let costs = costs(&config, &signer.sign(&Token::for_identity("alice")), 2);
    let (first, known) = (&costs[0], &costs[1]);
    assert_eq!(first.signatures, 1);
    assert_eq!(first.operations, 4, "a seed, a session: each read and written");
    assert_eq!((known.signatures, known.operations), (0, 0));
    assert!(known.allocations <= 14, "{known:?}; the first request: {first:?}");
}

#[test]
fn a_comparison_with_path_and_header_costs_no_look_up_and_few_allocations() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("7").claim("tenants", json!(["x", "something"])));
    let mut known = Vec::new();
    let compared = json!([{ "claim": "sub", "matches": { "path": "id" } },
                          { "claim": "tenants", "matches": { "header": "x-3" } }]);
    for require in [json!([{ "claim": "sub" }]), compared] {
        let config = json!({
            "providers": { "idp": provider(&signer) },
            "apis": [{ "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/{id}"] },
                       "require": require }],
        });
        known.push(costs(&config, &token, 2).remove(1));
    }
    let [without, with] = &known[..] else { panic!("two") };
    assert_eq!((with.signatures, with.operations), (0, 0));
    assert!(with.allocations <= without.allocations + 4, "{with:?}, and without: {without:?}");
}

#[test]
fn a_resource_costs_a_known_token_nothing() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice"));
    let known = |resource: Value| {
        let mut api =
            json!({ "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/{id}"] } });
        if !resource.is_null() {
            api["resource"] = resource;
        }
        let config = json!({ "providers": { "idp": provider(&signer) }, "apis": [api] });
        costs(&config, &token, 2).remove(1)
    };
    let with = known(json!({ "url": "https://api.example.com/orders" }));
    assert_eq!(with, known(Value::Null));
}

#[test]
fn each_caller_of_an_api_costs_one_look_up_and_one_write() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice"));
    let config = json!({
        "providers": { "idp": provider(&signer) },
        "apis": [{ "name": "orders", "auth": ["idp"],
                   "rate": { "requests": 100, "per": "1s", "per_caller": true } }],
    });
    let known = &costs(&config, &token, 3)[2];
    assert_eq!((known.signatures, known.operations), (0, 2), "the counter, read and written");
    assert!(known.allocations <= 32, "{known:?}");
}

#[test]
fn policies_for_one_caller_cost_a_known_token_nothing() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice"));
    let cost = |policies: &Value| {
        let config = json!({
            "providers": { "idp": provider(&signer) },
            "policies": { "p": { "active": true } },
            "apis": [{ "name": "orders", "auth": ["idp"], "policies": policies }],
        });
        costs(&config, &token, 3).swap_remove(2)
    };
    let by_identity = cost(&json!({ "by_identity": { "idp": { "alice": ["p"] } } }));
    assert_eq!(by_identity, cost(&json!({ "default": ["p"] })));
}

#[test]
fn limits_cost_a_known_token_one_look_up_one_write_and_few_allocations() {
    let signer = Signer::new("k1");
    let token = signer.sign(&Token::for_identity("alice").claim("org", "acme"));
    for (by, most) in [(json!("identity"), 36), (json!({ "claim": "org" }), 36)] {
        let config = json!({
            "providers": { "idp": provider(&signer) },
            "apis": [{ "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/**"] },
                       "policies": { "default": ["standard"] } }],
            "policies": { "standard": {
                "access": [{ "apis": ["orders"], "methods": ["GET"], "paths": ["/orders/{id}"] }],
                "rate": { "requests": 100, "per": "1s" },
                "quota": { "requests": 10000, "per": "30d" },
                "limit_by": by,
            } },
        });
        let costs = costs(&config, &token, 3);
        let (first, known) = (&costs[0], &costs[2]);
        assert_eq!(first.signatures, 1);
        assert_eq!(known.signatures, 0);
        assert_eq!(known.operations, 2, "the counters, read and written");
        assert!(known.allocations <= most, "{known:?}; the first request: {first:?}");
    }
}
