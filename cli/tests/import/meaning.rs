//! What is imported does what it did, or less: tokens go through the engine under it.

use base64::Engine as _;
use serde_json::{Value, json};

use super::support::token::{ISSUER, Signer, Token};
use super::support::world::{Worker, World, head};
use super::{
    OKTA, accepted, base64, classic, oas, oas_auth, oas_with, policies, policy, tyk, with,
};

/// An issuer of the tests in the place of the one that would be asked: its keys stand inline.
fn inline(provider: &mut Value, issuer: &str) {
    provider["issuer"] = issuer.into();
    if provider.get("jwks").is_none() {
        return;
    }
    provider["jwks"] = json!({ "inline": { "keys": [Signer::new("k1").jwk()] } });
    provider.as_object_mut().unwrap().remove("algorithms");
}

/// The configuration that an import comes to, with the tests' issuer at every JWT provider.
fn imported(definition: &Value, policies: &Value, more: &[&str]) -> Value {
    inlined(tyk(definition, policies, more).config())
}

/// A configuration with the tests' issuer at every JWT provider.
pub(crate) fn inlined(mut config: Value) -> Value {
    let providers = config.get_mut("providers").and_then(Value::as_object_mut);
    let all = providers.into_iter().flat_map(|all| all.values_mut());
    for provider in all.filter(|provider| provider["kind"] != "api_key") {
        inline(provider, ISSUER);
    }
    config
}

/// Arguments without which nobody's token has the audience.
pub(crate) const AUDIENCE: [&str; 2] = ["--audience", "api"];

fn sign(claims: &Value) -> String {
    let mut token = Token::for_identity("alice");
    for (name, value) in claims.as_object().unwrap() {
        token = match value {
            Value::Null => token.without(name),
            _ => token.claim(name, value.clone()),
        };
    }
    Signer::new("k1").sign(&token)
}

/// The verdict on a request with these headers.
pub(crate) fn ask(config: &Value, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream = worker.request(head(method, path, headers));
    worker.verdict(stream)
}

/// The verdict on a request with a token with these claims.
pub(crate) fn get(config: &Value, path: &str, claims: &Value) -> String {
    ask(config, "GET", path, &[("authorization", &format!("Bearer {}", sign(claims)))])
}

/// The policies in force for a token with these claims, or why there are none.
fn in_force(config: &Value, claims: &Value) -> String {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream = worker.get(&sign(claims));
    match worker.verdict(stream).as_str() {
        "forwarded" => {
            let note = worker.notes.get(&(stream, "tollgate.policies"));
            note.cloned().unwrap_or_default()
        }
        refused => refused.into(),
    }
}

#[test]
fn the_definition_of_the_origin_story_works_as_it_was_meant() {
    let seed = with(
        &classic(),
        &json!({ "base_identity_provided_by": "oauth_token", "jwt_source": base64(OKTA), "jwt_policy_field_name": "pol" }),
    );
    let outcome = tyk(&seed, &policies(), &AUDIENCE);
    assert_eq!(outcome.codes()[0], "tyk-m1");
    let provider = &outcome.config()["providers"]["okta"];
    assert_eq!(provider["issuer"], "https://example.okta.com/oauth2/default");
    assert_eq!(provider["jwks"]["url"], OKTA);
    let config = imported(&seed, &policies(), &AUDIENCE);
    let cases = [
        // claims, policies in force
        (json!({ "cid": "0oa1", "scp": ["orders"] }), "p1"),
        (json!({ "pol": "read" }), "read"),
        (json!({ "pol": ["read", "write"] }), "read,write"),
        (json!({ "pol": "red" }), "policy_unknown"),
        (json!({ "aud": "other" }), "token_audience_mismatch"),
        (json!({ "iss": "https://other.example/" }), "token_issuer_unknown"),
        (json!({ "exp": null }), "token_expiry_missing"),
    ];
    for (claims, expected) in cases {
        assert_eq!(in_force(&config, &claims), expected, "{claims}");
    }
    assert_eq!(get(&config, "/elsewhere", &json!({})), "api_unknown");
}

#[test]
fn what_tyk_does_not_say_refuses_until_it_is_filled_in() {
    let config = imported(&classic(), &policies(), &[]);
    assert_eq!(get(&config, "/orders/7", &json!({})), "token_audience_mismatch");
    let any = imported(&classic(), &policies(), &["--any-audience"]);
    assert_eq!(get(&any, "/orders/7", &json!({ "aud": null })), "forwarded");
    let unknown = with(&classic(), &json!({ "jwt_source": base64("https://id.example.com/keys") }));
    let outcome = tyk(&unknown, &policies(), &AUDIENCE);
    let issuer = &outcome.config()["providers"]["jwt"]["issuer"];
    assert_eq!(issuer, "urn:tollgate:fill-in:issuer:id.example.com");
    assert!(outcome.about("jwt_source").concat().contains("fill_in: `providers.*.issuer`"));
    let told = tyk(&unknown, &policies(), &["--issuer", ISSUER, "--cluster", "id"]);
    assert_eq!(told.config()["providers"]["jwt"]["issuer"], ISSUER);
    assert_eq!(told.config()["providers"]["jwt"]["jwks"]["cluster"], "id");
}

#[test]
fn scopes_lead_to_the_policies_that_they_led_to() {
    let mapping = json!({ "scopes": { "jwt": { "scope_claim_name": "scp", "scope_to_policy": { "r": "read", "w": "write" } } } });
    let config = imported(&with(&classic(), &mapping), &policies(), &AUDIENCE);
    let cases = [
        (json!({ "scp": "r" }), "read"),
        (json!({ "scp": ["r", "w", "x"] }), "read,write"),
        // Refused there, so that nobody gets the default before somebody has decided.
        (json!({ "scp": "x" }), "policy_none"),
        (json!({}), "policy_none"),
        (json!({ "scope": "r" }), "policy_none"),
    ];
    for (claims, expected) in cases {
        assert_eq!(in_force(&config, &claims), expected, "{claims}");
    }
    let mut decided = config;
    decided["apis"][0]["policies"]["default"] = json!(["p1"]);
    assert_eq!(in_force(&decided, &json!({})), "p1");
    let old = json!({ "jwt_scope_claim_name": "realm_access.roles", "jwt_scope_to_policy_mapping": { "r": "read" } });
    let config = imported(&with(&classic(), &old), &policies(), &AUDIENCE);
    assert_eq!(in_force(&config, &json!({ "realm_access": { "roles": ["r"] } })), "read");
}

#[test]
fn policies_that_tokens_name_keep_their_ids() {
    let definition =
        with(&classic(), &json!({ "jwt_policy_field_name": "pol", "jwt_default_policies": [] }));
    let policies = json!({ "Gold Plan": policy(json!({})), "p1": policy(json!({})) });
    let outcome = tyk(&definition, &policies, &AUDIENCE);
    assert!(outcome.about("jwt_policy_field_name").concat().contains("`apis[].policies.by_claim`"));
    let config = imported(&definition, &policies, &AUDIENCE);
    assert_eq!(in_force(&config, &json!({ "pol": "Gold Plan" })), "gold-plan");
    assert_eq!(in_force(&config, &json!({ "pol": "gold-plan" })), "policy_none");
    // An unknown id is refused there, whatever else leads to a policy.
    let more = json!({ "jwt_default_policies": ["p1"], "scopes": { "jwt": { "scope_to_policy": { "r": "p1" } } } });
    let config = imported(&with(&definition, &more), &policies, &AUDIENCE);
    assert_eq!(in_force(&config, &json!({ "pol": "Gold Plan" })), "gold-plan");
    assert_eq!(in_force(&config, &json!({ "pol": "Silver Plan", "scope": "r" })), "policy_none");
}

#[test]
fn without_policies_ids_that_are_no_names_are_told_and_listed() {
    let definition = |ids: Value| {
        with(&classic(), &json!({ "jwt_policy_field_name": "pol", "jwt_default_policies": ids }))
    };
    let cases = [
        // ids, and whether tokens can name them here
        (json!(["ZGVmYXVsdC9nb2xk"]), false),
        (json!(["5EA6B5D4C9B4E5A3F0D1C2B3"]), false),
        (json!(["default/gold"]), false),
        (json!(["5ea6b5d4c9b4e5a3f0d1c2b3"]), true),
        (json!(["5ea6b5d4c9b4e5a3f0d1c2b3", "Gold"]), false),
        (json!([]), true),
    ];
    for (ids, named) in cases {
        let file = super::file(&definition(ids.clone()).to_string());
        let outcome = super::import(&[&file, "--audience", "api", "--format", "json"]);
        let config = accepted(&outcome.out);
        assert_eq!(config.apis.len(), 1);
        let given = outcome.config()["apis"][0]["policies"].clone();
        assert_eq!(given["from_claim"] == true, named, "{ids}: {given}");
        let listed = &given["by_claim"][0]["values"];
        for id in ids.as_array().unwrap().iter().filter(|_| !named) {
            assert!(listed.get(id.as_str().unwrap()).is_some(), "{ids}: {given}");
        }
        let said = outcome.about("jwt_policy_field_name").concat();
        assert!(said.contains("fill_in: `policies`: without --policies"), "{ids}: {said}");
    }
}

#[test]
fn what_would_be_open_here_and_was_not_there_is_held_shut() {
    let other = policy(json!({ "access_rights": { "a1": null, "a2": { "api_id": "a2" } } }));
    let cases = [
        // name, definition, policies
        ("no policy at all", with(&classic(), &json!({ "jwt_default_policies": [] })), policies()),
        ("a policy that is not there", classic(), json!({ "other": policy(json!({})) })),
        (
            "a policy without rights",
            classic(),
            json!({ "p1": policy(json!({ "access_rights": null })) }),
        ),
        ("a policy for another API", classic(), json!({ "p1": other })),
        ("an inactive policy", classic(), json!({ "p1": policy(json!({ "is_inactive": true })) })),
        (
            "limits alone",
            classic(),
            json!({ "p1": policy(json!({ "rate": 5, "partitions": { "rate_limit": true } })) }),
        ),
        (
            "a pattern that cannot be said",
            classic(),
            json!({ "p1": policy(json!({ "access_rights": { "a1": { "allowed_urls": [{ "url": "/[0-9]+", "methods": ["GET"] }] } } })) }),
        ),
        (
            "urls without methods",
            classic(),
            json!({ "p1": policy(json!({ "access_rights": { "a1": { "allowed_urls": [{ "url": "/", "methods": [] }] } } })) }),
        ),
        (
            "another method besides",
            with(&classic(), &json!({ "use_basic_auth": true })),
            policies(),
        ),
        (
            "a certificate besides",
            with(&classic(), &json!({ "use_mutual_tls_auth": true })),
            policies(),
        ),
        ("a plugin besides", with(&classic(), &json!({ "use_go_plugin_auth": true })), policies()),
        (
            "a certificate besides, OAS",
            with(
                &oas(),
                &json!({ "x-tyk-api-gateway": { "server": { "clientCertificates": { "enabled": true } } } }),
            ),
            policies(),
        ),
        (
            "a certificate alone",
            with(
                &oas_auth(
                    json!({ "enabled": false, "securitySchemes": { "idp": { "enabled": false } } }),
                ),
                &json!({ "x-tyk-api-gateway": { "server": { "clientCertificates": { "enabled": true } } } }),
            ),
            policies(),
        ),
        (
            "a certificate and a scheme that is not asked",
            with(
                &oas(),
                &json!({ "security": [], "x-tyk-api-gateway": { "server": { "clientCertificates": { "enabled": true } } } }),
            ),
            policies(),
        ),
        ("keyless beside a method", with(&classic(), &json!({ "use_keyless": true })), json!({})),
    ];
    for (name, definition, policies) in cases {
        let own = definition.get("openapi").is_some();
        let config = imported(&definition, &policies, if own { &[] } else { &AUDIENCE });
        let verdict = get(&config, "/orders/7", &json!({}));
        assert_ne!(verdict, "forwarded", "{name}");
        assert_ne!(verdict, "waiting", "{name}");
        let without = ask(&config, "GET", "/orders/7", &[]);
        assert_ne!(without, "forwarded", "{name}");
    }
}

#[test]
fn sources_that_cannot_be_taken_over_accept_nobody() {
    let certificate = base64("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cases = [
        ("a certificate", "rsa", certificate),
        ("a short secret", "hmac", base64("secret")),
        ("no base64", "rsa", "?!".to_owned()),
        ("a store", "hmac", "vault://secret/x".to_owned()),
        ("nothing", "rsa", String::new()),
        (
            "a broken key",
            "rsa",
            base64("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        ),
        ("a URL with a password", "rsa", base64("https://a:b@id.example.com/keys")),
    ];
    for (name, method, source) in cases {
        let definition =
            with(&classic(), &json!({ "jwt_signing_method": method, "jwt_source": source }));
        let outcome = tyk(&definition, &policies(), &AUDIENCE);
        assert!(
            outcome.about("jwt_source").concat().contains("fill_in: `providers.*.pem`"),
            "{name}: {}",
            outcome.err
        );
        let mut config = outcome.config();
        config["providers"]["jwt"]["issuer"] = ISSUER.into();
        assert_eq!(get(&config, "/orders/7", &json!({})), "token_signature_invalid", "{name}");
    }
    let variable = with(
        &classic(),
        &json!({ "jwt_signing_method": "hmac", "jwt_source": "env://JWT_SECRET" }),
    );
    let config = tyk(&variable, &policies(), &AUDIENCE).config();
    assert_eq!(config["providers"]["jwt"]["secret"], json!({ "env": "JWT_SECRET" }));
}

#[test]
fn nobody_has_the_key_that_stands_in_for_one() {
    use sha2::{Digest as _, Sha256};
    let definition = with(&classic(), &json!({ "jwt_source": "?!" }));
    let config = tyk(&definition, &policies(), &AUDIENCE).config();
    let pem = config["providers"]["jwt"]["pem"].as_str().unwrap();
    let der =
        base64::engine::general_purpose::STANDARD.decode(pem.lines().nth(1).unwrap()).unwrap();
    let sentence = "tollgate import: a key that nobody has 31";
    assert_eq!(der[der.len() - 32..], Sha256::digest(sentence)[..]);
}

/// Who vouches: a token, an API key.
fn with_keys(base: &str) -> Value {
    let keys = json!({
        "use_standard_auth": true, "base_identity_provided_by": base,
        "auth_configs": { "authToken": { "auth_header_name": "X-API-Key" } },
    });
    with(&classic(), &keys)
}

/// Puts a key that somebody has in the place of the one that nobody has.
fn fill_in_key(config: &mut Value) {
    use sha2::{Digest as _, Sha256};
    let hash: String = Sha256::digest("key-1").iter().map(|byte| format!("{byte:02x}")).collect();
    let key = json!([{ "name": "acme", "sha256": hash, "identity": "acme", "policies": ["p1"] }]);
    config["providers"]["partner"]["keys"] = key;
}

#[test]
fn methods_that_must_vouch_together_do_so_and_the_base_identity_is_the_session() {
    for (base, identity) in
        [("jwt_claim", "alice"), ("auth_token", "acme"), ("", "acme"), ("oauth_token", "alice")]
    {
        let mut config = imported(&with_keys(base), &policies(), &AUDIENCE);
        let shut = config.clone();
        fill_in_key(&mut config);
        if identity == "alice" {
            config["providers"]["partner"]["keys"][0].as_object_mut().unwrap().remove("policies");
        }
        let bearer = format!("Bearer {}", sign(&json!({})));
        let (token, key) = (("authorization", bearer.as_str()), ("x-api-key", "key-1"));
        let world = World::default();
        let mut worker = Worker::new(&world, &config.to_string());
        let stream = worker.request(head("GET", "/orders/7", &[token, key]));
        assert_eq!(worker.verdict(stream), "forwarded", "{base}");
        assert_eq!(worker.notes[&(stream, "tollgate.identity")], identity, "{base}");
        assert_eq!(ask(&config, "GET", "/orders/7", &[token]), "credential_missing", "{base}");
        assert_eq!(ask(&config, "GET", "/orders/7", &[key]), "credential_missing", "{base}");
        assert_eq!(ask(&shut, "GET", "/orders/7", &[token, key]), "key_unknown", "{base}");
    }
}

#[test]
fn alternatives_of_an_oas_definition_are_branches() {
    let schemes = json!({
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" } } },
        "security": [{ "idp": [] }, { "key": [] }],
    });
    let own = json!({
        "securityProcessingMode": "compliant", "baseIdentityProvider": "",
        "securitySchemes": { "key": { "enabled": true, "header": { "enabled": true, "name": "X-API-Key" } } },
    });
    let definition = with(&oas_auth(own.clone()), &schemes);
    let mut config = imported(&definition, &policies(), &[]);
    fill_in_key(&mut config);
    assert_eq!(config["apis"][0]["auth"], json!(["auth0", "partner"]));
    let bearer = format!("Bearer {}", sign(&json!({})));
    let (token, key) = (("authorization", bearer.as_str()), ("x-api-key", "key-1"));
    assert_eq!(ask(&config, "GET", "/orders/7", &[token]), "forwarded");
    assert_eq!(ask(&config, "GET", "/orders/7", &[key]), "forwarded");
    assert_eq!(ask(&config, "GET", "/orders/7", &[]), "credential_missing");
    assert_eq!(ask(&config, "GET", "/orders/7", &[("x-api-key", "no")]), "key_unknown");
    // Without that mode only the first entry counts.
    let legacy = with(
        &definition,
        &json!({ "x-tyk-api-gateway": { "server": { "authentication": { "securityProcessingMode": "legacy" } } } }),
    );
    assert_eq!(tyk(&legacy, &policies(), &[]).config()["apis"][0]["auth"], json!(["auth0"]));
    // What is not there can never pass.
    let unknown = with(
        &definition,
        &json!({ "x-tyk-api-gateway": { "server": { "authentication": { "security": [["hmac"]] } } } }),
    );
    assert_eq!(
        tyk(&unknown, &policies(), &[]).config()["apis"][0]["auth"],
        json!(["auth0", "partner"])
    );
}

#[test]
fn key_sets_of_several_issuers_are_providers_of_their_own() {
    let definition = oas_with(json!({
        "jwksURIs": [
            { "url": "https://one.example/keys", "cacheTimeout": "5m" },
            { "url": "https://two.example/keys", "cacheTimeout": "500ms" },
            { "url": "https://two.example/other" },
        ],
        "allowedIssuers": ["https://one.example/", "https://two.example/", "https://three.example/"],
    }));
    let outcome = tyk(&definition, &policies(), &[]);
    let config = outcome.config();
    let of = |name: &str, field: &str| config["providers"][name][field].clone();
    assert_eq!(of("jwt", "issuer"), "https://one.example/");
    assert_eq!(of("jwt-2", "issuer"), "https://two.example/");
    assert_eq!(of("jwt", "jwks")["refresh"], "5m");
    assert_eq!(of("jwt-2", "jwks")["refresh"], "4m");
    assert_eq!(config["apis"][0]["auth"], json!(["jwt", "jwt-2"]));
    assert!(
        outcome.err.contains("`https://three.example/`: no key set is on its host"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("several key sets for one issuer"), "{}", outcome.err);
}

#[test]
fn rights_are_paths_and_methods_and_nothing_beyond() {
    let rights = json!({ "access_rights": { "a1": { "allowed_urls": [
        { "url": "/items/{id}$", "methods": ["GET"] },
        { "url": "/files", "methods": ["GET", "POST"] },
        { "url": "/odd/[a-z]+", "methods": ["GET"] },
    ] } } });
    let config = imported(&classic(), &json!({ "p1": policy(rights) }), &AUDIENCE);
    let bearer = format!("Bearer {}", sign(&json!({})));
    let cases = [
        ("GET", "/orders/items/7", "forwarded"),
        ("POST", "/orders/items/7", "access_denied"),
        ("GET", "/orders/items/7/lines", "access_denied"),
        ("GET", "/orders/files", "forwarded"),
        ("POST", "/orders/files/a/b", "forwarded"),
        ("DELETE", "/orders/files", "access_denied"),
        ("GET", "/orders/filesystem", "access_denied"),
        ("GET", "/orders/odd/a", "access_denied"),
        ("GET", "/orders", "access_denied"),
    ];
    for (method, path, expected) in cases {
        let verdict = ask(&config, method, path, &[("authorization", &bearer)]);
        assert_eq!(verdict, expected, "{method} {path}");
    }
}

#[test]
fn limits_limit_as_they_did() {
    let limited = policy(json!({
        "rate": 100, "per": 1, "quota_max": 3, "quota_renewal_rate": 60,
        "access_rights": { "a1": { "endpoints": [
            { "path": "/items", "methods": [{ "name": "POST", "limit": { "rate": 1, "per": 10 } }] },
        ] } },
    }));
    let config = imported(&classic(), &json!({ "p1": limited }), &AUDIENCE);
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let bearer = format!("Bearer {}", sign(&json!({})));
    let mut ask = |method: &str, path: &str| {
        let stream = worker.request(head(method, path, &[("authorization", &bearer)]));
        worker.verdict(stream)
    };
    assert_eq!(ask("POST", "/orders/items"), "forwarded");
    assert_eq!(ask("POST", "/orders/items"), "rate_limited");
    assert_eq!(ask("GET", "/orders/items"), "forwarded");
    assert_eq!(ask("GET", "/orders/8"), "forwarded");
    assert_eq!(ask("GET", "/orders/8"), "quota_exceeded");
    let whole = with(&classic(), &json!({ "global_rate_limit": { "rate": 2, "per": 60 } }));
    let config = imported(&whole, &policies(), &AUDIENCE);
    assert_eq!(config["apis"][0]["rate"], json!({ "requests": 2, "per": "1m" }));
    for (switch, part) in [("disable_rate_limit", "rate"), ("disable_quota", "quota")] {
        let off = with(&classic(), &json!({ switch: true }));
        let policies =
            json!({ "p1": policy(json!({ "rate": 5, "quota_max": 5, "quota_renewal_rate": 60 })) });
        let config = imported(&off, &policies, &AUDIENCE);
        assert!(config["policies"]["p1"].get(part).is_none(), "{switch}");
    }
}

#[test]
fn an_open_api_stays_open_and_is_told_loudly() {
    let open = json!({ "api_id": "a3", "name": "health", "use_keyless": true, "proxy": { "listen_path": "/health/" } });
    let all = json!([open, classic()]);
    let outcome = tyk(&all, &policies(), &AUDIENCE);
    assert!(outcome.about("use_keyless").concat().contains("THIS API IS OPEN"));
    let config = imported(&all, &policies(), &AUDIENCE);
    assert_eq!(ask(&config, "GET", "/health", &[]), "forwarded");
    assert_eq!(ask(&config, "GET", "/orders/7", &[]), "credential_missing");
    // Where its requests cannot be told exactly it opens nothing.
    for changes in [
        json!({ "proxy": { "listen_path": "/(a|b)/" } }),
        json!({ "domain": "{a:[a-z]+}.example.com" }),
    ] {
        let config =
            tyk(&json!([with(&open, &changes), classic()]), &policies(), &AUDIENCE).config();
        let api =
            config["apis"].as_array().unwrap().iter().find(|api| api["name"] == "health").unwrap();
        assert_eq!(api["match"]["hosts"], json!(["fill-in.invalid"]), "{changes}");
    }
}

#[test]
fn the_longest_path_is_asked_first() {
    let all = json!([
        with(
            &classic(),
            &json!({ "api_id": "a0", "name": "root", "proxy": { "listen_path": "/" }, "use_keyless": true, "enable_jwt": false })
        ),
        classic(),
        with(
            &classic(),
            &json!({ "api_id": "a2", "name": "inner", "proxy": { "listen_path": "/orders/inner/" }, "domain": "api.example.com" })
        ),
        with(&classic(), &json!({ "api_id": "a4", "name": "twin" })),
    ]);
    let outcome = tyk(&all, &policies(), &AUDIENCE);
    let names: Vec<_> = outcome.config()["apis"]
        .as_array()
        .unwrap()
        .iter()
        .map(|api| api["name"].clone())
        .collect();
    assert_eq!(names, ["inner", "orders", "root"]);
    assert!(
        outcome.about("proxy.listen_path").concat().contains("wrong: the same path and domain as")
    );
}

#[test]
fn claims_are_asked_for_what_they_were_asked_for() {
    let definition = oas_with(json!({
        "allowedSubjects": ["alice"], "jtiValidation": { "enabled": true },
        "subjectClaims": ["uid"],
        "customClaimValidation": {
            "department": { "type": "exact_match", "allowedValues": ["eng", 7, [1]] },
            "user.roles": { "type": "contains", "allowedValues": ["admin"] },
            "soft": { "type": "required", "nonBlocking": true },
            "https://x.example/team": { "type": "required" },
        },
    }));
    let config = imported(&definition, &policies(), &[]);
    let good = json!({
        "uid": "alice", "jti": "1", "department": "eng", "user": { "roles": ["admin"] },
        "https://x.example/team": "a",
    });
    assert_eq!(get(&config, "/orders/7", &good), "forwarded");
    for (claim, value) in [
        ("uid", json!("bob")),
        ("jti", Value::Null),
        ("department", json!("hr")),
        ("user", json!({ "roles": ["user"] })),
        ("https://x.example/team", Value::Null),
    ] {
        let mut bad = good.clone();
        bad[claim] = value;
        assert_eq!(get(&config, "/orders/7", &bad), "token_claim_refused", "{claim}");
    }
}

#[test]
fn credentials_stand_where_they_stood() {
    let definition = with(
        &classic(),
        &json!({ "auth_configs": { "jwt": {
        "auth_header_name": "X-Token", "use_param": true, "param_name": "jwt", "use_cookie": true, "cookie_name": "jwt",
    } } }),
    );
    let config = imported(&definition, &policies(), &AUDIENCE);
    let token = sign(&json!({}));
    assert_eq!(ask(&config, "GET", "/orders/7", &[("x-token", &token)]), "forwarded");
    let bearer = format!("bearer {token}");
    assert_eq!(ask(&config, "GET", "/orders/7", &[("x-token", &bearer)]), "forwarded");
    // The scheme is optional, and any other is another's.
    let config_of_header = imported(&classic(), &policies(), &AUDIENCE);
    for (value, expected) in [
        (token.clone(), "forwarded"),
        (bearer.clone(), "forwarded"),
        (format!("Token {token}"), "credential_missing"),
        ("Basic YTpi".to_owned(), "credential_missing"),
    ] {
        let verdict = ask(&config_of_header, "GET", "/orders/7", &[("authorization", &value)]);
        assert_eq!(verdict, expected, "{}", value.split(' ').next().unwrap());
    }
    assert_eq!(ask(&config, "GET", &format!("/orders/7?jwt={token}"), &[]), "forwarded");
    let cookie = format!("jwt={token}");
    assert_eq!(ask(&config, "GET", "/orders/7", &[("cookie", &cookie)]), "forwarded");
    let origin = ("origin", "https://app.example.com");
    assert_eq!(ask(&config, "POST", "/orders/7", &[("cookie", &cookie), origin]), "origin_refused");
    // Both headers of a definition whose older block is hidden.
    let hidden = with(&classic(), &json!({ "auth": { "auth_header_name": "X-Old" } }));
    let config = imported(&hidden, &policies(), &AUDIENCE);
    assert_eq!(ask(&config, "GET", "/orders/7", &[("x-old", &token)]), "forwarded");
    assert_eq!(get(&config, "/orders/7", &json!({})), "forwarded");
}

#[test]
fn the_time_of_a_token_has_one_skew() {
    let definition = with(
        &classic(),
        &json!({ "jwt_expires_at_validation_skew": 5, "jwt_issued_at_validation_skew": 30 }),
    );
    let outcome = tyk(&definition, &policies(), &AUDIENCE);
    assert_eq!(outcome.config()["providers"]["auth0"]["clock_skew"], "0s");
    let said = outcome.about("jwt_expires_at_validation_skew").concat();
    assert!(said.contains("changed: became \"clock_skew\": \"0s\""), "{said}");
    let all = with(&definition, &json!({ "jwt_not_before_validation_skew": 9 }));
    let config = tyk(&all, &policies(), &AUDIENCE).config();
    assert_eq!(config["providers"]["auth0"]["clock_skew"], "5s");
    let none = tyk(&classic(), &policies(), &AUDIENCE).config();
    assert_eq!(none["providers"]["auth0"]["clock_skew"], "0s");
}

#[test]
fn definitions_that_say_the_same_of_an_issuer_share_a_provider() {
    let second = with(
        &classic(),
        &json!({ "api_id": "a2", "name": "files", "proxy": { "listen_path": "/files/" } }),
    );
    let other = with(
        &second,
        &json!({ "api_id": "a3", "name": "other", "proxy": { "listen_path": "/other/" }, "strip_auth_data": false }),
    );
    let config = tyk(&json!([classic(), second, other]), &policies(), &AUDIENCE).config();
    let names: Vec<_> = config["providers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["auth0", "auth0-2"]);
    accepted(&config.to_string());
    assert!(oas().is_object());
}
