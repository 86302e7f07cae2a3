//! The OpenID Foundation's tests of relying parties, by their own names: those of the plans "Basic" and
//! "Config" with a registered client. Each row says what the provider sends, and what comes of it. A
//! provider cannot see what becomes of its tokens; here that is looked at, too.

#[path = "support/pairs.rs"]
mod pairs;
mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::browser::{Asked, Browser, CLIENT, SESSION, config, header, parameter, tokens};
use support::token::{ISSUER, NOW, Signer};
use support::world::{Worker, World, code, upstream};

/// What a row's provider does: all of it is right until told otherwise.
#[derive(Clone)]
struct Provider {
    /// Its discovery document.
    document: Value,
    /// Its keys when the browser is sent to it.
    keys: Value,
    /// Its keys when it answers.
    later: Option<Value>,
    /// The header of its ID token, and who signs that.
    header: Value,
    signs: fn(&str) -> Vec<u8>,
    /// The claims besides, or in place of the right ones; `null` takes one away.
    claims: Value,
    /// What its userinfo endpoint says.
    userinfo: Value,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            document: json!({
                "issuer": ISSUER,
                "jwks_uri": "https://id.example.com/jwks",
                "authorization_endpoint": "https://id.example.com/auth",
                "token_endpoint": "https://id.example.com/token",
                "userinfo_endpoint": "https://id.example.com/me",
                "code_challenge_methods_supported": ["S256"],
            }),
            keys: json!({ "keys": [pairs::rsa_jwk("r1")] }),
            later: None,
            header: json!({ "alg": "RS256", "kid": "r1" }),
            signs: |signed| pairs::rsa_signature(signed.as_bytes()),
            claims: json!({}),
            userinfo: json!({ "sub": "alice", "email": "alice@example.com" }),
        }
    }
}

impl Provider {
    fn id_token(&self, asked: &Asked) -> String {
        let mut claims = json!({ "iss": ISSUER, "aud": CLIENT, "sub": "alice", "iat": NOW,
            "exp": NOW + 300, "nonce": asked.nonce });
        for (name, value) in self.claims.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&self.header), encoded(&claims));
        let signature = (self.signs)(&signed);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A worker with the one login; the API wants what only the userinfo endpoint says.
fn worker(world: &World) -> Worker<'_> {
    let mut config = config(&json!({ "scopes": ["openid", "email"], "userinfo": true }));
    let idp = config["providers"]["idp"].as_object_mut().unwrap();
    // It may be found by its address as well: a login needs the subject all the same.
    idp.insert("claims".to_owned(), json!({ "identity": ["preferred_username", "sub", "iss"] }));
    idp.insert("jwks".to_owned(), json!({ "discovery": true, "cluster": "idp" }));
    idp.insert("upstream".to_owned(), json!({ "headers": { "x-email": { "claim": "email" } } }));
    idp["login"].as_object_mut().unwrap().remove("endpoints");
    Worker::new(world, &config.to_string())
}

/// Answers each call that is out, as this provider does; the last answer to a code is the ID token.
fn answer(worker: &mut Worker<'_>, provider: &Provider, id_token: &str, is_later: bool) {
    for _ in 0..8 {
        worker.tick();
        let Some(request) = worker.calls.values().next() else { return };
        let keys = provider.later.as_ref().filter(|_| is_later).unwrap_or(&provider.keys);
        let text = match &*request.path {
            "/.well-known/openid-configuration" => provider.document.to_string(),
            "/jwks" => keys.to_string(),
            "/token" => tokens(id_token).to_string(),
            "/me" => {
                let shown = request.authorization.as_ref().expect("a token").reveal();
                assert_eq!((request.method, shown), ("GET", "Bearer at-1"));
                provider.userinfo.to_string()
            }
            other => panic!("a call of {other}"),
        };
        worker.answer(200, &[("content-type", "application/json")], &text);
    }
    panic!("it asks without end");
}

/// What comes of a login: `in`, or the code of its page, and of its log line what matters.
fn log_in(worker: &mut Worker<'_>, provider: &Provider) -> (String, String) {
    answer(worker, provider, "", false);
    let mut browser = Browser::default();
    let stream = browser.visit(worker, "/orders");
    // What is not known yet may still come.
    if !worker.settled.contains_key(&stream) {
        worker.world().wait(Duration::from_secs(11));
        answer(worker, provider, "", false);
    }
    let reply = worker.reply(stream).clone();
    if reply.status != 302 {
        return (code(&reply), worker.log.join("\n"));
    }
    browser.keep(&reply);
    let url = header(&reply, "location").unwrap().to_owned();
    let of = |name| parameter(&url, name).unwrap();
    assert_eq!((of("response_type"), of("scope")), ("code".into(), "openid email".into()));
    assert!(of("nonce").len() >= 43, "it is sent though the code flow could be without");
    let asked = Asked { state: of("state"), nonce: of("nonce"), url: url.clone() };
    let id_token = provider.id_token(&asked);
    let path = format!("/.login/idp/callback?code=c-1&state={}", asked.state);
    worker.log.clear();
    let stream = browser.visit(worker, &path);
    let call = worker.calls.values().next().expect("the code is redeemed");
    let basic = call.authorization.as_ref().expect("the client says who it is").reveal();
    assert_eq!(basic, "Basic cG9ydGFsOnNlY3JldA==");
    answer(worker, provider, &id_token, true);
    let reply = worker.reply(stream).clone();
    if reply.status != 303 {
        assert_eq!(header(&reply, "set-cookie"), None);
        return (code(&reply), worker.log.join("\n"));
    }
    browser.keep(&reply);
    assert!(browser.0.contains_key(SESSION));
    let stream = browser.visit(worker, "/orders");
    let sent = upstream(worker, stream, &[]);
    let email = sent.iter().find(|(name, _)| name == "x-email");
    ("in".to_owned(), email.map(|(_, value)| value.clone()).unwrap_or_default())
}

fn of_access_token() -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(b"at-1")[..16])
}

/// The test's name, what the provider sends, what comes of it, and what the log says, or whom the
/// upstream sees.
type Row = (&'static str, Provider, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let right = Provider::default;
    let claims = |claims: Value| Provider { claims, ..Provider::default() };
    let document = |name: &str, value: Value| {
        let mut provider = Provider::default();
        provider.document[name] = value;
        provider
    };
    let without_kid = |key: Value| {
        let mut key = key;
        key.as_object_mut().unwrap().remove("kid");
        key
    };
    let absent = json!({ "alg": "RS256" });
    let ed = Signer::new("k2").jwk();
    let other_rsa = {
        // Another modulus of the same length: a key that has not signed.
        let mut key = pairs::rsa_jwk("r0");
        let mut n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        n[100] ^= 1;
        key["n"] = URL_SAFE_NO_PAD.encode(n).into();
        key
    };
    let (fine, wrong) = ("in", "login_token_invalid");
    vec![
        ("oidcc-client-test", right(), fine, "alice@example.com"),
        ("oidcc-client-test-client-secret-basic", right(), fine, "alice@example.com"),
        ("oidcc-client-test-scope-userinfo-claims", right(), fine, "alice@example.com"),
        ("oidcc-client-test-idtoken-sig-rs256", right(), fine, "alice@example.com"),
        // Unsigned tokens are never taken, also where they come by the provider's own answer.
        (
            "oidcc-client-test-idtoken-sig-none",
            Provider { header: json!({ "alg": "none" }), signs: |_| Vec::new(), ..right() },
            wrong,
            "token_algorithm_refused",
        ),
        (
            "oidcc-client-test-invalid-sig-rs256",
            Provider {
                signs: |signed| {
                    let mut signature = pairs::rsa_signature(signed.as_bytes());
                    signature[9] ^= 1;
                    signature
                },
                ..right()
            },
            wrong,
            "token_signature_invalid",
        ),
        (
            "oidcc-client-test-invalid-iss",
            claims(json!({ "iss": "https://id.example.com/1" })),
            wrong,
            "token_issuer_unknown",
        ),
        (
            "oidcc-client-test-invalid-aud",
            claims(json!({ "aud": "portal1" })),
            wrong,
            "token_audience_mismatch",
        ),
        ("oidcc-client-test-missing-aud", claims(json!({ "aud": null })), wrong, "token_audience"),
        ("oidcc-client-test-missing-iat", claims(json!({ "iat": null })), wrong, "no `iat`"),
        ("oidcc-client-test-missing-sub", claims(json!({ "sub": null })), wrong, "no claim `sub`"),
        ("oidcc-client-test-nonce-invalid", claims(json!({ "nonce": "x" })), wrong, "`nonce`"),
        // In the code flow it may be missing; where it is there it counts.
        ("oidcc-client-test-missing-athash", right(), fine, "alice@example.com"),
        ("oidcc-client-test-invalid-athash", claims(json!({ "at_hash": "x" })), wrong, "`at_hash`"),
        (
            "oidcc-client-test-invalid-athash, and a right one",
            claims(json!({ "at_hash": of_access_token() })),
            fine,
            "alice@example.com",
        ),
        (
            "oidcc-client-test-userinfo-invalid-sub",
            Provider { userinfo: json!({ "sub": "mallory", "email": "m@example.com" }), ..right() },
            wrong,
            "the userinfo answer",
        ),
        (
            "oidcc-client-test-userinfo-invalid-sub, and none",
            Provider { userinfo: json!({ "email": "m@example.com" }), ..right() },
            wrong,
            "the userinfo answer",
        ),
        (
            "oidcc-client-test-kid-absent-single-jwks",
            Provider {
                header: absent.clone(),
                keys: json!({ "keys": [without_kid(pairs::rsa_jwk(""))] }),
                ..right()
            },
            fine,
            "alice@example.com",
        ),
        // Each that could have signed is tried, within the budget for that.
        (
            "oidcc-client-test-kid-absent-multiple-jwks",
            Provider {
                header: absent.clone(),
                keys: json!({ "keys": [other_rsa, pairs::rsa_jwk("r1"), ed] }),
                ..right()
            },
            fine,
            "alice@example.com",
        ),
        ("oidcc-client-test-discovery-openid-config", right(), fine, "alice@example.com"),
        ("oidcc-client-test-discovery-jwks-uri-keys", right(), fine, "alice@example.com"),
        (
            "oidcc-client-test-discovery-issuer-mismatch",
            document("issuer", json!("https://id.example.com/other")),
            "login_unavailable",
            "https://id.example.com/other",
        ),
        (
            "oidcc-client-test-signing-key-rotation-just-before-signing",
            Provider {
                keys: json!({ "keys": [Signer::new("k1").jwk()] }),
                later: Some(json!({ "keys": [pairs::rsa_jwk("r1")] })),
                ..right()
            },
            fine,
            "alice@example.com",
        ),
    ]
}

#[test]
fn each_test_of_the_foundations_plans_for_relying_parties_ends_as_it_must() {
    for (name, provider, expected, why) in rows() {
        let world = World::default();
        let mut worker = worker(&world);
        let (came, said) = log_in(&mut worker, &provider);
        assert_eq!(came, expected, "{name}: {said}");
        assert!(said.contains(why), "{name}: {said}");
    }
}

#[test]
fn oidcc_client_test_signing_key_rotation() {
    // A login, other keys, and another login: the keys are fetched once more.
    let world = World::default();
    let mut worker = worker(&world);
    let ed = Signer::new("k1");
    let first = Provider::default();
    assert_eq!(log_in(&mut worker, &first).0, "in");
    let before = worker.calls_made;
    let second = Provider {
        keys: json!({ "keys": [ed.jwk()] }),
        header: json!({ "alg": "EdDSA", "kid": "k1" }),
        signs: |signed| {
            let (header, claims) = signed.split_once('.').unwrap();
            let text = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
            let token = Signer::new("k1").sign_text(&text(header), text(claims));
            URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap()
        },
        ..Provider::default()
    };
    let (came, said) = log_in(&mut worker, &second);
    assert_eq!(came, "in", "{said}");
    // Tokens, userinfo, and one document with its keys.
    assert_eq!(worker.calls_made, before + 4);
}
