//! A request in its surroundings, as one JSON document that cases change: the configuration, the
//! token, the request, what the provider answers, Envoy's clusters, the clocks.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::config::{Config, Problem};
use tollgate::event::{CallRequest, CallResponse, Event};
use tollgate::http::Fields;
use tollgate::ids::StreamId;
use tollgate::time::UnixMillis;

use crate::support::token::{NOW, Signer};
use crate::support::world::{Worker, World, head};

/// A change: a JSON pointer (RFC 6901), and what stands there from now on; `null` removes. What is
/// missing on the way is made.
pub(crate) type Change = (&'static str, Value);

/// The API key that clients of the provider `partner` send.
pub(crate) const API_KEY: &str = "acme-key-of-thirty-two-random-bytes";

/// How a request ended: `forwarded` or a deny code, and everything that the filter logged.
pub(crate) struct Outcome {
    pub(crate) verdict: String,
    pub(crate) log: Vec<Value>,
}

/// A scene in which everything is right.
pub(crate) fn right() -> Value {
    let issuer = "https://example.okta.com/oauth2/default";
    json!({
        "config": {
            "providers": { "okta": {
                "issuer": issuer,
                "audiences": ["api://default"],
                "jwks": { "url": format!("{issuer}/v1/keys"), "cluster": "okta" },
            } },
            "policies": { "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"] }] } },
            "apis": [{ "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta"] }],
        },
        // A text stands for itself; an object is signed by `signer`.
        "token": {
            "signer": "k1",
            "header": { "alg": "EdDSA", "kid": "k1" },
            "claims": {
                "iss": issuer, "aud": "api://default", "sub": "0oa1", "cid": "0oa1",
                "scp": ["orders:read"], "iat": NOW, "exp": NOW + 300,
            },
        },
        "request": {
            "method": "GET", "path": "/orders/7", "headers": [["authorization", "Bearer {token}"]],
        },
        // What stands at each URL; a text among `keys` is the public key of the signer of that name.
        "answers": {
            "https://example.okta.com/oauth2/default/v1/keys": { "status": 200, "keys": ["k1"] },
        },
        // Envoy's clusters, and the name that each asks for in TLS.
        "clusters": { "okta": { "sni": "example.okta.com" } },
        // Where the request comes from, as Envoy says it.
        "address": "192.0.2.1:4711",
        // How far this machine's clock is ahead, in seconds.
        "clock": 0,
        // What happens before the request: changes, waits in seconds, requests.
        "before": [],
    })
}

/// Changes a scene.
pub(crate) fn change(scene: &mut Value, changes: &[Change]) {
    for (pointer, value) in changes {
        change_one(scene, pointer, value);
    }
}

pub(crate) fn change_one(scene: &mut Value, pointer: &str, value: &Value) {
    let (above, last) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let mut place = scene;
    for part in above.split('/').skip(1).map(unescape) {
        place = match place {
            Value::Array(items) => &mut items[part.parse::<usize>().expect("a place in a list")],
            other => &mut other[part],
        };
    }
    let last = unescape(last);
    match place {
        Value::Array(items) if last == "-" => items.push(value.clone()),
        Value::Array(items) => {
            let at = last.parse::<usize>().expect("a place in a list");
            if value.is_null() {
                items.remove(at);
            } else {
                items[at] = value.clone();
            }
        }
        other if value.is_null() => {
            let removed = other.as_object_mut().and_then(|members| members.remove(&last));
            assert!(removed.is_some(), "{pointer}: there is nothing to remove");
        }
        other => other[last] = value.clone(),
    }
}

/// The configuration of a scene, as a file holds it.
pub(crate) fn configuration(scene: &Value) -> String {
    format!("{:#}", scene["config"])
}

/// What is wrong with the configuration of a scene; nothing where it loads.
pub(crate) fn problems(scene: &Value) -> Vec<Problem> {
    Config::parse(configuration(scene).as_bytes()).err().unwrap_or_default()
}

/// What is risky in the configuration of a scene that loads.
pub(crate) fn warnings(scene: &Value) -> Vec<Problem> {
    Config::parse(configuration(scene).as_bytes()).map(|config| config.warnings).unwrap_or_default()
}

/// The token of a scene in compact form.
pub(crate) fn token(scene: &Value) -> String {
    match &scene["token"] {
        Value::String(text) => text.clone(),
        token => Signer::new(token["signer"].as_str().expect("a signer"))
            .sign_text(&token["header"].to_string(), token["claims"].to_string()),
    }
}

/// The headers that a client sends.
pub(crate) fn headers(scene: &Value) -> Vec<(String, String)> {
    let token = token(scene);
    let all = scene["request"]["headers"].as_array().expect("headers");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    all.iter().map(|pair| (text(&pair[0]), text(&pair[1]).replace("{token}", &token))).collect()
}

/// What a URL answers.
pub(crate) fn body(answer: &Value) -> String {
    match (&answer["body"], &answer["keys"]) {
        (Value::String(text), _) => text.clone(),
        (_, Value::Array(keys)) => {
            let key = |key: &Value| match key {
                Value::String(signer) => Signer::new(signer).jwk(),
                key => key.clone(),
            };
            json!({ "keys": keys.iter().map(key).collect::<Vec<_>>() }).to_string()
        }
        (body, _) => body.to_string(),
    }
}

/// What Envoy brings back from a call: nothing where it has no such cluster, its own 503 where the
/// server shows a certificate of another name.
fn respond(scene: &Value, request: &CallRequest) -> Option<CallResponse> {
    let cluster = &scene["clusters"][&*request.cluster];
    let name = cluster["sni"].as_str()?;
    let url = format!("{}://{}{}", request.scheme, request.authority, request.path);
    let tls = "upstream connect error or disconnect/reset before headers. reset reason: remote \
               connection failure, transport failure reason: TLS_error:CERTIFICATE_VERIFY_FAILED";
    let (status, text, location) = if name == &*request.authority {
        match &scene["answers"][&url] {
            Value::Null => (404, r#"{"error":"not_found"}"#.to_owned(), None),
            answer => (
                answer["status"].as_u64().expect("a status"),
                body(answer),
                answer["location"].as_str(),
            ),
        }
    } else {
        (503, tls.to_owned(), None)
    };
    Some(CallResponse {
        status: u16::try_from(status).expect("a status"),
        headers: location.map(|to| ("location", to)).into_iter().collect(),
        body_size: text.len(),
        body: text.into_bytes(),
        trailers: Fields::default(),
    })
}

/// Plays a scene whose configuration loads.
pub(crate) fn play(scene: &Value) -> Outcome {
    let mut scene = scene.clone();
    let world = World::default();
    let ahead = scene["clock"].as_i64().expect("seconds");
    let now = NOW.checked_add_signed(ahead).expect("a time");
    world.now.set(UnixMillis::from_secs(now));
    let mut worker = Worker::new(&world, &configuration(&scene));
    fetch(&mut worker, &scene);
    let before = scene["before"].as_array().expect("steps").clone();
    for step in before {
        for (pointer, value) in step["change"].as_object().into_iter().flatten() {
            change_one(&mut scene, pointer, value);
        }
        world.wait(Duration::from_secs(step["wait"].as_u64().unwrap_or(0)));
        if step["send"] == true {
            let stream = send(&world, &mut worker, &scene);
            assert_eq!(worker.verdict(stream), "forwarded", "what comes before the request");
        }
    }
    let stream = send(&world, &mut worker, &scene);
    let log = worker.log.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    Outcome { verdict: worker.verdict(stream), log }
}

/// Sends the request and waits for its end.
fn send(world: &World, worker: &mut Worker<'_>, scene: &Value) -> StreamId {
    world.come_from(scene["address"].as_str().expect("a text"));
    let headers = headers(scene);
    let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let text = |name: &str| scene["request"][name].as_str().expect("a text");
    let stream = worker.request(head(text("method"), text("path"), &headers));
    for _ in 0..100 {
        if worker.settled.contains_key(&stream) {
            break;
        }
        world.wait(Duration::from_millis(200));
        fetch(worker, scene);
    }
    stream
}

/// Lets the filter make its calls and answers them.
fn fetch(worker: &mut Worker<'_>, scene: &Value) {
    worker.tick();
    while let Some((call, request)) = worker.calls.pop_first() {
        worker.handle(Event::CallDone { call, response: respond(scene, &request) });
    }
}
