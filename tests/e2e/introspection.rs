//! Opaque tokens in a real proxy, before a real provider that is asked about them. The ids are those of
//! the catalogue of attacks.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{
    Connection, Envoy, Filter, Listener, Provider, Request, Site, Upstream, configuration,
    eventually, fetch, places,
};

/// A secret of which form-encoding changes every kind of character.
const GATEWAY_SECRET: &str = "gate:%+ &way=~";

/// The proxy, and what is around it.
struct Around {
    envoy: Envoy,
    port: u16,
    provider: Provider,
    upstream: Upstream,
}

impl Around {
    /// With these changes to how the provider is asked.
    fn start(name: &str, changes: &Value) -> Self {
        let (provider, upstream) = (Provider::start(name), Upstream::start());
        let mut asked = json!({
            "kind": "introspection", "issuer": provider.organisation(),
            "url": format!("{}/oauth2/v1/introspect", provider.organisation()), "cluster": "idp",
            "client": { "id": "gateway", "secret": { "env": "GATEWAY_SECRET" } },
            "clients": ["svc", "admin"], "claims": { "identity": ["sub", "client_id"] },
        });
        for (name, value) in changes.as_object().expect("members") {
            asked[name] = value.clone();
        }
        asked.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let filter = Filter::new(&configuration(json!({ "org": asked }), Value::Null))
            .variable("GATEWAY_SECRET", GATEWAY_SECRET)
            .variable("OLD_SECRET", "no longer right");
        let filter = ["ES256_KEY", "EDDSA_KEY", "RS256_KEY"]
            .iter()
            .zip(places::client_keys())
            .fold(filter, |filter, (name, file)| {
                filter.variable(name, &std::fs::read_to_string(file).expect("a key"))
            });
        let listener = Listener::new(&filter);
        let site = Site::new(name, upstream.port()).cluster("idp", provider.port()).workers(2);
        let envoy = Envoy::start(&site.wasm_log("debug").listener(&listener));
        Self { envoy, port: listener.port, provider, upstream }
    }

    fn verdict(&self, token: &str) -> (u16, String) {
        fetch(self.port, &Request::get("/orders").bearer(token)).verdict()
    }
}

fn passed() -> (u16, String) {
    (200, String::new())
}

#[test]
fn an_opaque_token_passes_is_known_and_ends_when_the_provider_says_so() {
    let around = Around::start("introspection", &json!({ "cache": "1s", "negative": "1s" }));
    let token = around.provider.opaque_token("svc", "orders:read");
    assert!(!token.contains('.'), "it is opaque");
    for _ in 0..5 {
        assert_eq!(around.verdict(&token), passed());
    }
    assert_eq!(around.provider.introspections(), 1, "in18: the secret is form-encoded");
    let seen = around.upstream.seen("/orders");
    assert!(seen.iter().all(|one| one.value("x-tollgate-identity").as_deref() == Some("svc")));
    assert!(seen.iter().all(|one| one.value("authorization").is_none()));
    // in08
    around.provider.revoke("svc", &token);
    eventually("the token to be refused", || around.verdict(&token).1 == "token_inactive");
    assert_eq!(around.verdict("never-seen"), (401, "token_inactive".to_owned()));
    assert!(around.envoy.counter("tollgate_introspection_ok_org") >= 1);
    assert!(around.envoy.counter("tollgate_introspection_inactive_org") >= 2);
    around.envoy.assert_clean(&[token, GATEWAY_SECRET.to_owned()]);
}

#[test]
fn in04_requests_at_two_workers_cost_one_call() {
    let around = Around::start("introspection-crowd", &json!({}));
    let token = around.provider.opaque_token("svc", "orders:read");
    around.provider.introspection_endpoint("slow", 300);
    let request = Request::get("/orders").bearer(&token).bytes();
    let mut waiting: Vec<_> = (0..120).map(|_| Connection::open(around.port)).collect();
    for connection in &mut waiting {
        connection.send(&request).expect("an open connection");
    }
    for mut connection in waiting {
        assert_eq!(connection.response().expect("an answer").verdict(), passed());
    }
    assert_eq!(around.provider.introspections(), 1);
    assert_eq!(around.upstream.count(), 120);
    around.envoy.assert_clean(&[token]);
}

#[test]
fn in09_in17_without_a_good_answer_nobody_is_called_a_stranger() {
    let around = Around::start(
        "introspection-outage",
        &json!({ "cache": "1s", "timeout": "500ms", "on_outage": { "stale": "5m" } }),
    );
    let token = around.provider.opaque_token("svc", "orders:read");
    assert_eq!(around.verdict(&token), passed());
    let unavailable = (503, "introspection_unavailable".to_owned());
    for fault in ["html", "500", "404", "empty", "redirect", "truncated", "huge", "slow"] {
        around.provider.introspection_endpoint(fault, 2000);
        assert_eq!(around.verdict(&format!("new-{fault}")), unavailable, "{fault}");
    }
    assert_eq!(
        around.provider.introspections(),
        9,
        "redirects are not followed, nothing is retried"
    );
    around.provider.introspection_endpoint("ok", 0);
    around.provider.down();
    assert_eq!(around.verdict("new"), unavailable);
    std::thread::sleep(Duration::from_millis(1200));
    for _ in 0..10 {
        assert_eq!(around.verdict(&token), passed(), "the last answer serves");
    }
    around.provider.up();
    around.provider.revoke("svc", &token);
    eventually("the provider to be asked again", || around.verdict(&token).1 == "token_inactive");
    let lines = around.envoy.filter_lines();
    assert!(lines.iter().any(|line| line["event"] == "introspection_failed"));
    around.envoy.assert_clean(&[token]);
}

#[test]
fn a_client_shows_who_it_is_in_every_way() {
    let key = |name: &str, alg: &str, place: usize| {
        json!({ "client": { "id": format!("key-{place}"), "auth": "private_key_jwt", "alg": alg,
                            "key": { "env": name }, "kid": format!("key-{place}") } })
    };
    for (name, changes) in [
        (
            "post",
            json!({ "client": { "id": "poster", "auth": "post", "secret": { "text": "poster-secret" } } }),
        ),
        ("es256", key("ES256_KEY", "ES256", 0)),
        ("eddsa", key("EDDSA_KEY", "EdDSA", 1)),
        // Only the proxy signs with RSA.
        ("rs256", key("RS256_KEY", "RS256", 2)),
        (
            "two secrets",
            json!({ "client": { "id": "gateway",
            "secret": [{ "env": "OLD_SECRET" }, { "env": "GATEWAY_SECRET" }] } }),
        ),
    ] {
        let around = Around::start(&format!("introspection-{}", name.replace(' ', "-")), &changes);
        let token = around.provider.opaque_token("svc", "orders:read");
        assert_eq!(around.verdict(&token), passed(), "{name}: {}", around.envoy.tail());
        around.envoy.assert_clean(&[token]);
    }
}

#[test]
fn in02_a_client_that_the_provider_refuses_is_named() {
    let client = json!({ "client": { "id": "gateway", "secret": { "env": "OLD_SECRET" } } });
    let around = Around::start("introspection-refused", &client);
    let token = around.provider.opaque_token("svc", "orders:read");
    assert_eq!(around.verdict(&token), (503, "introspection_unavailable".to_owned()));
    let lines = around.envoy.filter_lines();
    let failed: Vec<_> =
        lines.iter().filter(|line| line["event"] == "introspection_failed").collect();
    let [line] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(line["found"], "`client` was refused: status 401 (`invalid_client`)");
    assert!(line["remedy"].to_string().contains("providers.org.client"), "{line}");
    around.envoy.assert_clean(&[token]);
}

#[test]
fn in16_a_signed_answer_is_verified_and_handed_on() {
    let around = Around::start(
        "introspection-signed",
        &json!({
            "client": { "id": "signed", "secret": { "text": "signed-secret" } }, "signed": true,
            "jwks": { "discovery": true, "cluster": "idp" },
            "upstream": { "payload_header": "x-token", "payload": "signed" },
        }),
    );
    let token = around.provider.opaque_token("svc", "orders:read");
    assert_eq!(around.verdict(&token), passed(), "{}", around.envoy.tail());
    let handed_on = around.upstream.only("/orders").value("x-token").expect("the signed answer");
    assert_eq!(handed_on.split('.').count(), 3);
    assert_eq!(around.verdict("never-seen"), (401, "token_inactive".to_owned()));
    around.envoy.assert_clean(&[token]);
}

#[test]
fn the_endpoint_is_found_by_discovery() {
    let around =
        Around::start("introspection-discovered", &json!({ "url": null, "discovery": true }));
    let token = around.provider.opaque_token("admin", "orders:read");
    assert_eq!(around.verdict(&token), passed(), "{}", around.envoy.tail());
    around.envoy.assert_clean(&[token]);
}
