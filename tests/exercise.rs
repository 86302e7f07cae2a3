//! An exercise: somebody who has nothing but the lines of a detailed log says, for each of ten refused
//! and ten allowed requests, why.
//!
//! Each case names the facts that decided; each must stand in the request's own lines.

#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support;

use serde_json::{Value, json};
use sha2::Digest as _;
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token};
use support::world::{Worker, World, head};
use tollgate::time::UnixMillis;

/// The partner's API key.
const KEY: &str = "partner-key";
/// Where requests come from.
const ADDRESS: &str = "192.0.2.7:4711";

fn config(signer: &Signer) -> Value {
    let hash = tollgate::wire::to_hex(&sha2::Sha256::digest(KEY), 32);
    let idp = |header: &str| {
        json!({ "issuer": ISSUER, "audiences": [AUDIENCE], "from": [{ "header": header }],
                "jwks": { "inline": { "keys": [signer.jwk()] } },
                "claims": { "identity": ["uid", "sub"] } })
    };
    let mut okta = idp("authorization");
    okta.as_object_mut().unwrap().remove("from");
    let names = ["open", "guests", "orders", "both", "trial", "mine", "shop", "spent", "each"];
    let details: Vec<_> = names.iter().map(|name| json!({ "api": name })).collect();
    let api = |name: &str, more: &Value| {
        let mut api = json!({ "name": name, "match": { "paths": [format!("/{name}/**")] },
                              "auth": ["okta"] });
        for (field, value) in more.as_object().unwrap() {
            api[field] = value.clone();
        }
        api
    };
    json!({
        "providers": {
            "okta": okta,
            "partner": { "kind": "api_key", "from": [{ "header": "x-key" }],
                         "keys": [{ "name": "acme-2026", "identity": "acme", "sha256": hash,
                                    "policies": ["buyer"] }] },
        },
        "policies": {
            "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"] }] },
            "writer": { "access": [{ "apis": ["orders"], "methods": ["GET", "POST"] }] },
            "buyer": { "access": [{ "apis": ["shop"] }],
                       "rate": { "requests": 9, "per": "1s" } },
            "small": { "quota": { "requests": 1, "per": "1d" } },
        },
        "apis": [
            api("open", &json!({ "auth": "none", "rate": { "requests": 5, "per": "1s", "per_caller": true } })),
            api("guests", &json!({ "optional": true })),
            api("orders", &json!({ "policies": {
                "default": ["reader"], "by_scope": { "orders:write": ["writer"] },
                "by_identity": { "okta": { "carol": ["writer"] } } } })),
            api("both", &json!({ "auth": [["partner", "okta"]], "session_from": "okta" })),
            api("trial", &json!({ "mode": "report" })),
            api("mine", &json!({ "match": { "paths": ["/mine/{id}"] },
                                 "require": [{ "session": "identity", "matches": { "path": "id" } }] })),
            api("shop", &json!({ "auth": ["partner", "okta"], "policies": {
                "by_client": { "till": ["buyer"] }, "by_identity": { "okta": { "dave": ["small"] } } } })),
            api("spent", &json!({ "policies": { "default": ["small"] } })),
            api("each", &json!({ "rate": { "requests": 1, "per": "1h", "per_caller": true } })),
        ],
        "log": { "per_second": 1000, "detail": details,
                 "until": UnixMillis::from_secs(NOW + 3600).to_rfc3339() },
    })
}

/// A request, how it ends, and the facts that decided.
struct Case {
    name: &'static str,
    path: &'static str,
    method: &'static str,
    token: Option<Token>,
    key: Option<&'static str>,
    /// How many of it come before.
    before: u32,
    verdict: &'static str,
    /// Fields of the line.
    fields: Value,
    /// What reason and remedy say, in both lines.
    because: &'static [&'static str],
    /// Steps: its name, what it came to, and what it says of where it looked and what it found.
    steps: &'static [(&'static str, &'static str, &'static str)],
}

impl Case {
    fn new(name: &'static str, target: &'static str, verdict: &'static str) -> Self {
        let (method, path) = target.split_once(' ').expect("a method and a path");
        let (token, key, before, fields) = (None, None, 0, json!({}));
        Self { name, path, method, token, key, before, verdict, fields, because: &[], steps: &[] }
    }

    fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    fn after(mut self, before: u32) -> Self {
        self.before = before;
        self
    }

    fn fields(mut self, fields: Value) -> Self {
        self.fields = fields;
        self
    }

    fn steps(mut self, steps: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        self.steps = steps;
        self
    }

    fn more(mut self, fields: Value) -> Self {
        for (name, value) in fields.as_object().unwrap() {
            self.fields[name] = value.clone();
        }
        self
    }

    fn because(mut self, words: &'static [&'static str]) -> Self {
        self.because = words;
        self
    }

    /// Holds the request's lines to what must stand in them.
    fn told(&self) {
        let name = format!("{}: {} {}", self.name, self.method, self.path);
        let lines = self.lines();
        let event = |event: &str| lines.iter().find(|line| line["event"] == event);
        let line = event("request_detail").unwrap_or_else(|| panic!("{name}: {lines:#?}"));
        assert_eq!(line["verdict"], self.verdict, "{name}: {line:#}");
        assert_eq!(line["path"], self.path, "{name}");
        for (field, value) in self.fields.as_object().unwrap() {
            assert_eq!(&line[field], value, "{name}: {field}: {line:#}");
        }
        let steps: Vec<_> = line["steps"].as_array().unwrap().iter().collect();
        for (step, decided, words) in self.steps {
            let says = |one: &&&Value| {
                let text = [&one["looked_at"], &one["found"]].map(|text| text.as_str().unwrap());
                one["step"] == *step
                    && one["decided"] == *decided
                    && text.join(": ").contains(words)
            };
            assert!(steps.iter().any(|one| says(&one)), "{name}: {step}: {words}: {line:#}");
        }
        // A refusal says why in its own line, too, in the same words.
        let denied = event("request_denied");
        assert_eq!(denied.is_some(), self.verdict != "allowed", "{name}");
        for line in [Some(line), denied].into_iter().flatten().filter(|_| !self.because.is_empty())
        {
            let why = [&line["reason"], &line["remedy"]].map(|text| text.as_str().unwrap());
            for words in self.because {
                assert!(why.join(" ").contains(words), "{name}: {words}: {why:?}");
            }
        }
        if self.verdict == "refused" {
            let last = steps.last().expect("a step");
            let refusal = (&line["step"], &json!("refused"));
            assert_eq!((&last["step"], &last["decided"]), refusal, "{name}");
        }
    }

    /// Sends the request in a process of its own; its lines.
    fn lines(&self) -> Vec<Value> {
        let (signer, world) = (Signer::new("k1"), World::default());
        world.come_from(ADDRESS);
        let mut worker = Worker::new(&world, &config(&signer).to_string());
        let bearer = self.token.as_ref().map(|token| format!("Bearer {}", signer.sign(token)));
        let bearer = bearer.iter().map(|text| ("authorization", text.as_str()));
        let headers: Vec<_> = bearer.chain(self.key.map(|key| ("x-key", key))).collect();
        for _ in 0..self.before {
            worker.request(head(self.method, self.path, &headers));
        }
        worker.log.clear();
        worker.request(head(self.method, self.path, &headers));
        for (_, secret) in &headers {
            let secret = secret.trim_start_matches("Bearer ");
            assert!(worker.log.iter().all(|line| !line.contains(secret)), "{}", self.name);
        }
        worker.log.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn each_request_has_a_line_that_says_alone_what_decided() {
    let (allowed, refused) = (allowed(), refused());
    assert!(allowed.len() >= 10 && refused.len() >= 10);
    for case in allowed.iter().chain(&refused) {
        case.told();
    }
    let codes: std::collections::BTreeSet<_> =
        refused.iter().map(|case| case.fields["code"].to_string()).collect();
    assert_eq!(codes.len(), refused.len(), "each is another refusal: {codes:?}");
}

#[test]
fn where_several_policies_are_in_force_the_line_says_whose_limit_holds() {
    // Both are in force; the more generous rate is that of `buyer`, the only quota that of `small`.
    let token = Token::for_identity("dave").claim("cid", "till");
    let case = Case::new("two policies", "GET /shop/7", "allowed")
        .token(token)
        .fields(json!({ "policies": "buyer,small" }))
        .steps(&[
            ("policies", "passed", "`by_client`: the client is `till`: gives `buyer`"),
            ("policies", "passed", "`by_identity`: the caller is `dave`: gives `small`"),
            ("limits", "skipped", "`policies.buyer.limit_by`, whose rate holds"),
            ("limits", "skipped", "`policies.small.limit_by`, whose quota holds"),
        ]);
    case.told();
}

fn allowed() -> Vec<Case> {
    let alice = || Token::for_identity("alice");
    vec![
        Case::new("anybody may call a public API", "GET /open/7", "allowed")
            .fields(json!({ "api": "open", "identity": null, "provider": null }))
            .steps(&[
                ("credential", "skipped", "`auth`: `none`: anybody passes"),
                ("limits", "skipped", "each address has its own counter"),
                ("limits", "skipped", "this one is 192.0.2.7"),
                ("limits", "passed", "the rate of the caller at the API: 5 requests in 1s: 4 left"),
            ]),
        Case::new("nobody needs a token where it is optional", "GET /guests/7", "allowed")
            .fields(json!({ "api": "guests", "identity": null }))
            .steps(&[
                ("credential", "skipped", "header `authorization` with scheme `Bearer`: nothing"),
                ("credential", "skipped", "`optional`: no credential: the request passes"),
            ]),
        Case::new("who has no other policy has the default one", "GET /orders/7", "allowed")
            .token(alice())
            .fields(json!({ "api": "orders", "provider": "okta", "identity": "alice",
                            "kid": "k1", "iss": ISSUER, "policies": "reader" }))
            .steps(&[
                ("credential", "passed", "header `authorization` with scheme `Bearer`"),
                ("signature", "passed", "it is that of the key `k1`"),
                ("identity", "passed", "`sub` is `alice`"),
                ("policies", "skipped", "`by_identity`: the caller is `alice`: gives nothing"),
                ("policies", "passed", "`default`, as nothing else gives any: gives `reader`"),
                ("access", "passed", "`policies.reader.access[0]`: it grants the request"),
                ("limits", "skipped", "there are none"),
            ]),
        Case::new("a scope gives the policy that grants it", "POST /orders", "allowed")
            .token(alice().claim("scp", json!(["orders:write"])))
            .fields(json!({ "policies": "writer" }))
            .steps(&[
                ("policies", "passed", "`by_scope`: the scope `orders:write`: gives `writer`"),
                ("access", "passed", "`policies.writer.access[0]`: it grants the request"),
            ]),
        Case::new("one caller has a policy of its own", "POST /orders", "allowed")
            .token(Token::for_identity("carol"))
            .fields(json!({ "identity": "carol", "policies": "writer" }))
            .steps(&[
                ("policies", "passed", "`by_identity`: the caller is `carol`: gives `writer`"),
                ("access", "passed", "`policies.writer.access[0]`: it grants the request"),
            ]),
        Case::new("key and token vouch together", "GET /both/7", "allowed")
            .token(alice())
            .key(KEY)
            .fields(json!({ "provider": "okta", "identity": "alice", "key": "acme-2026" }))
            .steps(&[
                (
                    "credential",
                    "passed",
                    "the SHA-256 of the API key: the key `acme-2026` of `acme`",
                ),
                (
                    "credential",
                    "passed",
                    "accepted by `partner`, `okta`; the caller is who `okta` says",
                ),
                ("policies", "passed", "none, and the API gives none: being verified is enough"),
            ]),
        Case::new("an API key has policies itself", "GET /shop/7", "allowed")
            .key(KEY)
            .fields(json!({ "provider": "partner", "identity": "acme", "key": "acme-2026",
                            "policies": "buyer" }))
            .steps(&[
                ("credential", "passed", "header `x-key`: a credential of 11 bytes"),
                ("policies", "passed", "the key's own policies: gives `buyer`"),
                ("access", "passed", "`policies.buyer.access[0]`"),
                ("limits", "skipped", "`policies.buyer.limit_by`, whose rate holds: each identity"),
                ("limits", "passed", "the rate of the caller: 9 requests in 1s: 8 left"),
            ]),
        Case::new("a client has policies, a person is `uid`", "GET /shop/7", "allowed")
            .token(Token::for_identity("mail").claim("uid", "00u1").claim("cid", "till"))
            .fields(json!({ "identity": "00u1", "policies": "buyer" }))
            .steps(&[
                ("claims", "skipped", "`cid` is `till`"),
                ("identity", "passed", "`uid` is `00u1`"),
                ("policies", "passed", "`by_client`: the client is `till`: gives `buyer`"),
            ]),
        Case::new("the path is its caller's", "GET /mine/alice", "allowed")
            .token(alice())
            .fields(json!({ "api": "mine", "path": "/mine/alice" }))
            .steps(&[(
                "access",
                "passed",
                "the session's identity: `alice`, as `{id}` in the path",
            )]),
        Case::new("a refusal is only reported", "GET /trial/7", "would_refuse")
            .token(alice().claim("exp", NOW - 3600))
            .fields(json!({ "api": "trial", "code": "token_expired", "step": "claims" }))
            .steps(&[
                (
                    "claims",
                    "refused",
                    "the claim `exp` is 1799996400 (2027-01-15T07:00:00Z, 1h ago)",
                ),
                ("handoff", "passed", "set: nothing; removed: nothing"),
            ]),
    ]
}

fn refused() -> Vec<Case> {
    let alice = || Token::for_identity("alice");
    let to = |target, code: &str, step: &str| {
        Case::new("", target, "refused").fields(json!({ "code": code, "step": step }))
    };
    vec![
        to("GET /orders/7", "token_expired", "claims")
            .token(alice().claim("exp", NOW - 3600))
            .more(json!({ "api": "orders", "provider": "okta", "kid": "k1", "identity": null }))
            .because(&["`exp` is 1799996400 (2027-01-15T07:00:00Z, 1h ago)", "the skew 60 s"])
            .steps(&[("signature", "passed", "it is that of the key `k1`")]),
        to("GET /both/7", "credential_missing", "credential")
            .token(alice())
            .because(&["no credential for `partner`", "header `x-key`", "`providers.*.from`"])
            .steps(&[("credential", "skipped", "header `x-key`: nothing")]),
        to("GET /shop/7", "key_unknown", "credential")
            .key("guess")
            .more(json!({ "provider": "partner", "key": null }))
            .because(&["is that of no key of this provider", "`providers.partner.keys`"])
            .steps(&[("credential", "passed", "header `x-key`: a credential of 5 bytes")]),
        to("GET /orders/7", "token_audience_mismatch", "claims")
            .token(alice().claim("aud", "web"))
            .because(&["the claim `aud` is `web`; accepted: `api`", "`providers.okta.audiences`"])
            .steps(&[("claims", "passed", "the claim `iss`")]),
        to("GET /orders/7", "token_issuer_unknown", "credential")
            .token(alice().claim("iss", "https://id.example.com"))
            .more(json!({ "iss": "https://id.example.com" }))
            .because(&["they differ by a trailing slash alone", "`providers.okta.issuer`"]),
        to("GET /orders/7", "token_key_unknown", "key")
            .token(alice().header("kid", "k9"))
            .more(json!({ "kid": "k9" }))
            .because(&["the `kid` is `k9`", "`k1` Ed25519 for EdDSA"]),
        to("POST /orders", "access_denied", "access")
            .token(alice())
            .more(json!({ "identity": "alice", "policies": "reader" }))
            .because(&["`reader` grants `GET` on every path", "`policies.reader.access`"])
            .steps(&[
                ("policies", "passed", "`default`, as nothing else gives any: gives `reader`"),
                ("access", "skipped", "`policies.reader.access[0]`: it is about other requests"),
            ]),
        to("GET /shop/7", "policy_none", "policies")
            .token(alice())
            .more(json!({ "identity": "alice", "policies": null }))
            .because(&["`by_client` knows `till`", "`by_identity` does not know the caller"]),
        to("GET /mine/bob", "claim_insufficient", "access")
            .token(alice())
            .more(json!({ "identity": "alice" }))
            .because(&["identity is not `bob`, which is `{id}` in the path"]),
        to("GET /spent/7", "quota_exceeded", "limits")
            .token(alice())
            .after(1)
            .more(json!({ "policies": "small" }))
            .because(&["1 request in 1d is allowed to the caller", "`policies.small.quota`"])
            .steps(&[
                ("limits", "skipped", "`policies.small.limit_by`, whose quota holds"),
                ("limits", "skipped", "1 used, 0 left; the window ends in 1d"),
                ("signature", "passed", "its `kid` is `k1`"),
            ]),
        to("GET /each/7", "rate_limited", "limits")
            .token(alice())
            .after(1)
            .because(&["allowed to each caller at the API (`per_caller`)", "in 1h"])
            .steps(&[
                ("limits", "skipped", "each identity has its own counter at this API"),
                ("limits", "skipped", "the rate of the caller at the API: 1 request in 1h: 0 left"),
            ]),
    ]
}
