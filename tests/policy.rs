//! Which policies are in force for a caller, how they combine, and what they permit.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate::claims::{ClaimRef, Claims};
use tollgate::config::Config;
use tollgate::http::RequestPath;
use tollgate::ids::{ApiId, PolicyId, ProviderId};
use tollgate::limits::Charge;
use tollgate::policy::{Asked, Facts, Grant, LimitBy, Metadata, TokenFacts};
use tollgate::time::UnixMillis;
use tollgate::trace::Trace;
use tollgate::verdict::{Deny, Refusal};

const NOW: u64 = 1_000_000;

/// A configuration with these policies, where the API `orders` gives them so, and the API `files`
/// by default the policy `standard`.
fn config(policies: &Value, given: &Value) -> Config {
    let text = json!({
        "providers": { "okta": {
            "issuer": "https://okta.example", "audiences": ["api"],
            "jwks": { "discovery": true, "cluster": "idp" },
            "claims": { "policies": ["pol", "https://example.com/policies"] },
        }},
        "policies": policies,
        "apis": [
            { "name": "orders", "match": { "paths": ["/orders/**"] }, "auth": ["okta"],
              "policies": given },
            { "name": "files", "match": { "paths": ["/files/**"] }, "auth": ["okta"],
              "policies": { "from_claim": true } },
            { "name": "open", "auth": ["okta"] },
        ],
    });
    Config::parse(text.to_string().as_bytes()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>())
    })
}

const ORDERS: ApiId = ApiId(0);
const OPEN: ApiId = ApiId(2);
const OKTA: ProviderId = ProviderId(0);

/// The claims of a token, with what every token has.
fn token(claims: &Value) -> Claims {
    let mut all = json!({
        "iss": "https://okta.example", "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 300,
    });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
        if value == "(missing)" {
            all.as_object_mut().unwrap().remove(name);
        }
    }
    Claims::parse(all.to_string().as_bytes()).unwrap()
}

fn combine_at(config: &Config, api: ApiId, claims: &Value, own: &[&str]) -> Result<Grant, Refusal> {
    let jwt = config.providers[0].jwt().unwrap();
    let claims = token(claims);
    let judged = claims
        .judge(None, &jwt.requirements, UnixMillis::from_secs(NOW), &mut Trace::default())
        .unwrap();
    let own: Vec<PolicyId> = own.iter().map(|name| config.policies.find(name).unwrap()).collect();
    let token = TokenFacts { claims: &claims, requirements: &jwt.requirements, judged: &judged };
    let facts = Facts { provider: OKTA, identity: &judged.identity, token: Some(token), own: &own };
    config.policies.combine(api, &facts, &mut Trace::default())
}

fn combine(config: &Config, claims: &Value) -> Result<Grant, Refusal> {
    combine_at(config, ORDERS, claims, &[])
}

/// An API key with these policies of its own.
fn key(config: &Config, api: ApiId, own: &[&str]) -> Result<Grant, Refusal> {
    key_of(config, OKTA, "acme", api, own)
}

/// The same, whose identity counts.
fn key_of(
    config: &Config,
    provider: ProviderId,
    identity: &str,
    api: ApiId,
    own: &[&str],
) -> Result<Grant, Refusal> {
    let own: Vec<PolicyId> = own.iter().map(|name| config.policies.find(name).unwrap()).collect();
    let facts = Facts { provider, identity, token: None, own: &own };
    config.policies.combine(api, &facts, &mut Trace::default())
}

fn names(grant: &Result<Grant, Refusal>) -> Result<String, Deny> {
    let grant = grant.as_ref().map_err(|refusal| refusal.deny)?;
    Ok(grant.names().replace(',', " "))
}

fn permit(config: &Config, grant: &Grant, method: &str, path: &str) -> Result<(), Deny> {
    let path = RequestPath::parse(path.as_bytes()).unwrap();
    let permitted = config.policies.permit(
        grant,
        Asked { method: method.as_bytes(), path: &path, call: None },
        &mut Trace::default(),
    );
    permitted.map(drop).map_err(|refusal| refusal.deny)
}

/// Policies that say nothing but that their holders are active.
fn plain(names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), json!({ "active": true }))).collect()
}

#[test]
fn what_gives_policies_is_joined_and_the_default_stands_in_for_nothing() {
    let policies = plain(&["a", "b", "c", "d", "standard"]);
    let scopes = json!({ "by_scope": { "read": ["a"], "write": ["b", "c"] } });
    let all = json!({
        "default": ["standard"], "by_scope": { "read": ["a"] }, "by_client": { "app": ["b"] },
        "by_claim": [
            { "claim": "roles", "values": { "admin": ["c"], "human resources": ["d"] } },
            { "claim": ["https://example.com/org", "plan"], "values": { "gold": ["d"] } },
        ],
        "from_claim": true,
    });
    let none = Err(Deny::PolicyNone);
    let malformed = Err(Deny::TokenClaimMalformed);
    let cases: &[(&str, &Value, Value, Result<&str, Deny>)] = &[
        // name, what the API gives, claims, the policies in force
        ("one scope", &scopes, json!({ "scp": ["read"] }), Ok("a")),
        ("two scopes", &scopes, json!({ "scp": ["write", "read"] }), Ok("a b c")),
        ("scopes in a string", &scopes, json!({ "scope": "read write" }), Ok("a b c")),
        ("one known of two", &scopes, json!({ "scp": ["other", "read"] }), Ok("a")),
        ("no known scope", &scopes, json!({ "scp": ["other"] }), none),
        ("no scope", &scopes, json!({}), none),
        ("an empty scope", &scopes, json!({ "scope": "" }), none),
        (
            "a null scope and another claim",
            &scopes,
            json!({ "scp": null, "scope": "read" }),
            Ok("a"),
        ),
        ("scopes of a wrong type", &scopes, json!({ "scp": 7 }), malformed),
        ("a claim that is not asked", &scopes, json!({ "scp": ["read"], "pol": "b" }), Ok("a")),
        ("a client that is not asked", &scopes, json!({ "scp": ["read"], "azp": 7 }), Ok("a")),
        ("nothing: the default", &all, json!({}), Ok("standard")),
        ("a scope, and no default", &all, json!({ "scp": ["read"] }), Ok("a")),
        ("an unknown scope: the default", &all, json!({ "scp": ["x"] }), Ok("standard")),
        ("a client", &all, json!({ "azp": "app" }), Ok("b")),
        ("an unknown client: the default", &all, json!({ "azp": "web" }), Ok("standard")),
        ("a client of a wrong type", &all, json!({ "azp": ["app"] }), malformed),
        ("a claim with many values", &all, json!({ "roles": ["admin", "x"] }), Ok("c")),
        ("a claim with one value", &all, json!({ "roles": "admin" }), Ok("c")),
        ("a value with a space is one", &all, json!({ "roles": "human resources" }), Ok("d")),
        ("an empty claim", &all, json!({ "roles": "" }), Ok("standard")),
        ("a claim that is null", &all, json!({ "roles": null }), Ok("standard")),
        (
            "a member's name",
            &all,
            json!({ "roles": { "admin": { "7": "acme.example" } } }),
            Ok("c"),
        ),
        ("two names", &all, json!({ "roles": { "admin": null, "human resources": 0 } }), Ok("c d")),
        ("a name that gives nothing", &all, json!({ "roles": { "x": "admin" } }), Ok("standard")),
        ("an object without members", &all, json!({ "roles": {} }), Ok("standard")),
        ("a claim of a wrong type", &all, json!({ "roles": 7 }), malformed),
        ("scopes in an object", &scopes, json!({ "scp": { "read": true } }), malformed),
        ("policies in an object", &all, json!({ "pol": { "a": true } }), malformed),
        ("a list with a number", &all, json!({ "roles": ["admin", 7] }), malformed),
        ("a nested claim", &all, json!({ "https://example.com/org": { "plan": "gold" } }), Ok("d")),
        ("a policy", &all, json!({ "pol": "a" }), Ok("a")),
        ("two policies", &all, json!({ "pol": ["b", "a"] }), Ok("a b")),
        ("two in a string", &all, json!({ "pol": "b a" }), Ok("a b")),
        ("the second claim", &all, json!({ "https://example.com/policies": ["c"] }), Ok("c")),
        (
            "the first claim wins",
            &all,
            json!({ "pol": "a", "https://example.com/policies": "c" }),
            Ok("a"),
        ),
        (
            "an empty first claim wins",
            &all,
            json!({ "pol": "", "https://example.com/policies": "c" }),
            Ok("standard"),
        ),
        ("an empty list", &all, json!({ "pol": [] }), Ok("standard")),
        ("a policy that does not exist", &all, json!({ "pol": "nope" }), Err(Deny::PolicyUnknown)),
        (
            "one of two that does not",
            &all,
            json!({ "pol": ["a", "nope"] }),
            Err(Deny::PolicyUnknown),
        ),
        ("another case", &all, json!({ "pol": "A" }), Err(Deny::PolicyUnknown)),
        ("a policy claim of a wrong type", &all, json!({ "pol": 7 }), malformed),
        (
            "everything",
            &all,
            json!({ "scp": ["read"], "azp": "app", "roles": "admin", "pol": "d" }),
            Ok("a b c d"),
        ),
        ("one policy from two places", &all, json!({ "azp": "app", "pol": "b" }), Ok("b")),
    ];
    for (name, given, claims, expected) in cases {
        let config = config(&policies, given);
        let grant = combine(&config, claims);
        assert_eq!(names(&grant).as_deref().map_err(|deny| *deny), *expected, "{name}");
    }
}

#[test]
fn being_verified_is_enough_where_an_api_gives_no_policies() {
    let config = config(&plain(&["a"]), &json!({ "default": ["a"] }));
    let grant = combine_at(&config, OPEN, &json!({ "pol": "nope" }), &[]);
    assert_eq!(names(&grant), Ok(String::new()));
    assert_eq!(permit(&config, &grant.unwrap(), "GET", "/"), Ok(()));
}

#[test]
fn the_policies_of_a_key_hold_on_every_api_and_are_joined() {
    let config = config(
        &json!({ "a": { "expires_after": "1h" }, "b": {
            "access": [{ "apis": ["orders"], "scopes": ["read"] }] } }),
        &json!({ "default": ["b"], "by_scope": { "read": ["b"] } }),
    );
    assert_eq!(names(&key(&config, OPEN, &["a"])), Ok("a".into()));
    assert_eq!(names(&key(&config, ORDERS, &["a"])), Ok("a".into()));
    assert_eq!(names(&key(&config, ORDERS, &["b", "a"])), Ok("a b".into()));
    assert_eq!(names(&key(&config, ORDERS, &[])), Ok("b".into()));
    let grant = key(&config, ORDERS, &["a", "b"]).unwrap();
    assert_eq!(grant.ends(), None, "a key has an end of its own");
    assert_eq!(permit(&config, &grant, "GET", "/orders"), Err(Deny::ScopeInsufficient));
    let grant = combine_at(&config, ORDERS, &json!({ "scp": "read" }), &["a"]).unwrap();
    assert_eq!(grant.policies(), [PolicyId(0), PolicyId(1)]);
    assert_eq!(permit(&config, &grant, "GET", "/orders"), Ok(()));
}

#[test]
fn a_refusal_names_the_claims_that_count_and_those_that_are_there() {
    let config = config(
        &plain(&["a"]),
        &json!({
            "by_scope": { "read": ["a"] }, "by_claim": [{ "claim": "roles", "values": { "x": ["a"] } }],
            "from_claim": true,
        }),
    );
    let cases = [
        (
            json!({ "secret": "value" }),
            "no policy follows from the token; `by_scope` knows `read`; `by_claim` knows `x`; \
             `from_claim`; there is no claim `scp`, `scope`, `roles`, `pol`, \
             `https://example.com/policies`; the token has `aud`, `exp`, `iat`, `iss`, `secret`, `sub`",
        ),
        (
            json!({ "scope": "write", "roles": ["y", "z"], "pol": [] }),
            "no policy follows from the token; `by_scope` knows `read`, the claim `scope` is `write`; \
             `by_claim` knows `x`, the claim `roles` is none of these; `from_claim`, the claim `pol` is \
             empty",
        ),
        (json!({ "pol": "nope" }), "the claim `pol` names `nope`, which is no policy"),
        (
            json!({ "roles": 7 }),
            "the claim `roles` is a number, not a string, an array of strings or an object",
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(combine(&config, &claims).unwrap_err().reason, expected);
    }
    let config = self::config(&plain(&["a"]), &json!({ "by_client": { "app": ["a"] } }));
    assert_eq!(
        combine(&config, &json!({ "scp": "read" })).unwrap_err().reason,
        "no policy follows from the token; `by_client` knows `app`; there is no claim `client_id`, \
         `azp`, `cid`, `appid`; the token has `aud`, `exp`, `iat`, `iss`, `scp`, `sub`",
    );
}

#[test]
fn one_caller_is_given_policies_by_provider_and_identity() {
    let policies = plain(&["a", "b", "standard"]);
    let mine = json!({
        "default": ["standard"], "by_scope": { "read": ["b"] },
        "by_identity": { "okta": { "alice": ["a"], "acme": ["a"], "Ω-7 z": ["a", "b"] } },
    });
    let cases: &[(&str, Value, Result<&str, Deny>)] = &[
        // name, claims, the policies in force
        ("the caller", json!({}), Ok("a")),
        ("the caller, joined with what a scope gives", json!({ "scope": "read" }), Ok("a b")),
        ("another caller: the default", json!({ "sub": "bob" }), Ok("standard")),
        ("another caller with a scope", json!({ "sub": "bob", "scope": "read" }), Ok("b")),
        ("another case", json!({ "sub": "Alice" }), Ok("standard")),
        ("a part of the name", json!({ "sub": "ali" }), Ok("standard")),
        ("more than the name", json!({ "sub": "alice2" }), Ok("standard")),
        ("any text", json!({ "sub": "Ω-7 z" }), Ok("a b")),
        ("no claim but the identity's", json!({ "sub": "bob", "name": "alice" }), Ok("standard")),
    ];
    let config = self::config(&policies, &mine);
    for (name, claims, expected) in cases {
        let expected = expected.map(str::to_owned);
        assert_eq!(names(&combine(&config, claims)), expected, "{name}");
    }
    let grant = |provider, identity, own: &[&str]| {
        names(&key_of(&config, ProviderId(provider), identity, ORDERS, own)).unwrap()
    };
    assert_eq!(grant(0, "acme", &[]), "a");
    assert_eq!(grant(0, "acme", &["b"]), "a b", "joined with the key's own");
    assert_eq!(grant(1, "acme", &[]), "standard", "another provider's caller of this name");

    let alone = self::config(&policies, &json!({ "by_identity": { "okta": { "bob": ["a"] } } }));
    let refused = combine(&alone, &json!({})).unwrap_err();
    assert_eq!(refused.deny, Deny::PolicyNone);
    let reason = "no policy follows from the token; `by_identity` does not know the caller";
    assert_eq!(refused.reason, reason, "nobody is named");
    let refused = key(&alone, ORDERS, &[]).unwrap_err();
    let reason = "the key has no policies, and the API no `default`; `by_identity` does not know \
                  the caller";
    assert_eq!((refused.deny, &*refused.reason), (Deny::PolicyNone, reason));
    assert_eq!(alone.policies.of_api(ORDERS).map(|given| given.all().len()), Some(1));
}

/// Three policies with access, one without; a token gets those that it names.
fn access() -> Config {
    let policies = json!({
        "reader": { "access": [{ "apis": ["orders", "files"], "methods": ["GET", "HEAD"] }] },
        "writer": { "access": [
            { "apis": ["orders"], "methods": ["POST"], "paths": ["/orders/{id}/items/**"] },
            { "apis": ["orders"], "methods": ["DELETE"], "scopes": ["orders:delete", "admin"] },
        ]},
        "stranger": { "access": [{ "apis": ["files"] }] },
        "member": { "tags": ["member"] },
    });
    config(&policies, &json!({ "from_claim": true }))
}

#[test]
fn one_entry_of_one_policy_grants_a_request_wholly() {
    let config = access();
    let denied = Err(Deny::AccessDenied);
    let scopes = Err(Deny::ScopeInsufficient);
    let cases = [
        // name, policies, scopes, method, path, expected
        ("a method that is granted", "reader", "", "GET", "/orders/7", Ok(())),
        ("a method that is not", "reader", "", "POST", "/orders/7", denied),
        ("methods are exact", "reader", "", "get", "/orders/7", denied),
        ("a path that is granted", "writer", "", "POST", "/orders/7/items", Ok(())),
        ("a path below it", "writer", "", "POST", "/orders/7/items/8/x", Ok(())),
        ("a path that is not", "writer", "", "POST", "/orders/7", denied),
        ("a path of another case", "writer", "", "POST", "/orders/7/Items", denied),
        ("an encoded path", "writer", "", "POST", "/orders/7/%69tems", Ok(())),
        (
            "the method of one entry, the path of another",
            "writer",
            "",
            "GET",
            "/orders/7/items",
            denied,
        ),
        ("scopes that are missing", "writer", "", "DELETE", "/orders/7", scopes),
        ("one scope that is missing", "writer", "admin", "DELETE", "/orders/7", scopes),
        ("all scopes", "writer", "admin orders:delete", "DELETE", "/orders/7", Ok(())),
        ("no scope helps elsewhere", "writer", "admin orders:delete", "PUT", "/orders/7", denied),
        ("two policies", "reader writer", "", "GET", "/orders/7", Ok(())),
        ("two policies, the other", "reader writer", "", "POST", "/orders/7/items", Ok(())),
        ("not what neither grants", "reader writer", "", "PUT", "/orders/7", denied),
        ("another API", "stranger", "", "GET", "/orders/7", denied),
        ("another API takes nothing away", "reader stranger", "", "GET", "/orders/7", Ok(())),
        ("a policy that does not say", "member", "", "PATCH", "/orders/7", Ok(())),
        ("beside one that does", "member reader", "", "PATCH", "/orders/7", denied),
        ("a `;` that decides nothing", "reader", "", "GET", "/orders/7;v=1", Ok(())),
        ("a `;` that decides", "writer", "", "POST", "/orders/7/items;x", Err(Deny::PathAmbiguous)),
    ];
    for (name, policies, scopes, method, path, expected) in cases {
        let grant = combine(&config, &json!({ "pol": policies, "scope": scopes })).unwrap();
        assert_eq!(permit(&config, &grant, method, path), expected, "{name}");
    }
}

#[test]
fn what_is_missing_is_told() {
    let config = access();
    let refusal = |claims: Value, method: &str| {
        let grant = combine(&config, &claims).unwrap();
        let path = RequestPath::parse(b"/orders/7").unwrap();
        config
            .policies
            .permit(
                &grant,
                Asked { method: method.as_bytes(), path: &path, call: None },
                &mut Trace::default(),
            )
            .unwrap_err()
    };
    let scopes = refusal(json!({ "pol": "writer", "scope": "admin" }), "DELETE");
    assert_eq!(scopes.scopes.as_deref(), Some("orders:delete admin"));
    assert_eq!(
        scopes.reason,
        "the policies in force (`writer`) grant this request only with the scopes `orders:delete`, \
         `admin`"
    );
    let denied = refusal(json!({ "pol": "writer reader" }), "PUT");
    assert_eq!(
        denied.reason,
        "none of the policies in force grants this request: `reader`, `writer`; `reader` grants \
         `GET`, `HEAD` on every path; `writer` grants `POST` on `/orders/*/items/**`"
    );
}

/// The limits of a grant in words, the endpoint's last.
fn charges(config: &Config, grant: &Grant, method: &str) -> Vec<String> {
    let path = RequestPath::parse(b"/orders/7").unwrap();
    let endpoint = config
        .policies
        .permit(
            grant,
            Asked { method: method.as_bytes(), path: &path, call: None },
            &mut Trace::default(),
        )
        .unwrap();
    config
        .policies
        .charges(grant, endpoint)
        .map(|(charge, by)| {
            let by = match by {
                LimitBy::Identity => "identity",
                LimitBy::Client => "client",
                LimitBy::Claim(ClaimRef::Name(name)) => name,
                LimitBy::Claim(ClaimRef::Path(_)) => "a path",
                LimitBy::Address => "address",
            };
            match charge {
                Charge::Rate(rate) => {
                    let rate = rate.limit;
                    format!("{} per {:?}, {} at once, by {by}", rate.requests, rate.per, rate.burst)
                }
                Charge::Quota(quota) => {
                    format!("{} in {:?}, by {by}", quota.limit.requests, quota.limit.per)
                }
            }
        })
        .collect()
}

#[test]
fn of_several_limits_the_most_generous_holds_with_its_own_subject() {
    let policies = json!({
        "slow": { "rate": { "requests": 1, "per": "1s" }, "quota": { "requests": 5, "per": "1h" },
                  "limit_by": "client" },
        "fast": { "rate": { "requests": 10, "per": "1s", "burst": 3 } },
        "steady": { "rate": { "requests": 600, "per": "1m" }, "limit_by": { "claim": "org" } },
        "bursty": { "rate": { "requests": 10, "per": "1s", "burst": 4 } },
        "twin": { "rate": { "requests": 10, "per": "1s", "burst": 3 }, "limit_by": "client" },
        "plenty": { "quota": { "requests": 240, "per": "2d" },
                    "limit_by": { "claim": ["https://example.com/org", "id"] } },
        "free": { "rate": "unlimited" },
        "lavish": { "quota": "unlimited" },
        "quiet": { "tags": ["quiet"] },
    });
    let config = config(&policies, &json!({ "from_claim": true }));
    let cases: &[(&str, &str, &[&str])] = &[
        // name, policies, limits
        ("one", "slow", &["1 per 1s, 1 at once, by client", "5 in 3600s, by client"]),
        (
            "the faster rate",
            "slow fast",
            &["10 per 1s, 3 at once, by identity", "5 in 3600s, by client"],
        ),
        ("as fast, more at all", "fast steady", &["600 per 60s, 600 at once, by org"]),
        ("as fast, a larger burst", "fast bursty", &["10 per 1s, 4 at once, by identity"]),
        ("the same: the first name", "twin fast", &["10 per 1s, 3 at once, by identity"]),
        (
            "the same quota per time",
            "slow plenty",
            &["1 per 1s, 1 at once, by client", "240 in 172800s, by a path"],
        ),
        ("without end", "slow free fast", &["5 in 3600s, by client"]),
        ("both without end", "slow free lavish", &[]),
        (
            "what is not named is not touched",
            "slow quiet",
            &["1 per 1s, 1 at once, by client", "5 in 3600s, by client"],
        ),
        ("nothing named", "quiet", &[]),
    ];
    for (name, policies, expected) in cases {
        let grant = combine(&config, &json!({ "pol": policies })).unwrap();
        assert_eq!(charges(&config, &grant, "GET"), *expected, "{name}");
    }
}

#[test]
fn an_entry_has_a_limit_of_its_own_besides_the_policys() {
    let per_second = |requests: u32| json!({ "requests": requests, "per": "1s" });
    let policies = json!({
        "basic": { "rate": per_second(10), "access": [
            { "apis": ["orders"], "methods": ["GET"], "rate": per_second(5) },
            { "apis": ["orders"], "methods": ["POST"] },
            { "apis": ["orders"], "methods": ["PUT"], "scopes": ["fast"], "rate": "unlimited" },
            { "apis": ["orders"], "methods": ["PUT"], "rate": per_second(1) },
        ]},
        "extra": { "limit_by": "client", "access": [
            { "apis": ["orders"], "methods": ["GET"], "rate": per_second(7) },
        ]},
        "wide": { "access": [{ "apis": ["orders"] }] },
    });
    let config = config(&policies, &json!({ "from_claim": true }));
    let policy = "10 per 1s, 10 at once, by identity";
    let cases: &[(&str, &str, &str, &str, &[&str])] = &[
        // name, policies, scopes, method, limits
        ("the entry's", "basic", "", "GET", &[policy, "5 per 1s, 5 at once, by identity"]),
        ("an entry without", "basic", "", "POST", &[policy]),
        (
            "of two the most generous",
            "basic extra",
            "",
            "GET",
            &[policy, "7 per 1s, 7 at once, by client"],
        ),
        (
            "an entry without touches nothing",
            "basic wide",
            "",
            "GET",
            &[policy, "5 per 1s, 5 at once, by identity"],
        ),
        (
            "an entry that needs scopes",
            "basic",
            "",
            "PUT",
            &[policy, "1 per 1s, 1 at once, by identity"],
        ),
        ("an entry without end", "basic", "fast", "PUT", &[policy]),
    ];
    for (name, policies, scopes, method, expected) in cases {
        let grant = combine(&config, &json!({ "pol": policies, "scope": scopes })).unwrap();
        assert_eq!(charges(&config, &grant, method), *expected, "{name}");
    }
}

#[test]
fn a_session_ends_by_the_shortest_age() {
    let policies = json!({
        "hour": { "expires_after": "1h" }, "day": { "expires_after": "24h" }, "ever": { "active": true },
    });
    let config = config(&policies, &json!({ "from_claim": true }));
    let cases = [
        // name, policies, claims, the end
        ("none", "ever", json!({}), Ok(None)),
        ("from `iat`", "day", json!({}), Ok(Some(NOW + 86_400))),
        ("the shortest", "day hour ever", json!({}), Ok(Some(NOW + 3_600))),
        ("from `auth_time`", "hour", json!({ "auth_time": NOW - 60 }), Ok(Some(NOW + 3_540))),
        (
            "nothing to count from",
            "hour",
            json!({ "iat": "(missing)" }),
            Err(Deny::TokenClaimMalformed),
        ),
        ("nothing to count from, and no need", "ever", json!({ "iat": "(missing)" }), Ok(None)),
        (
            "an `auth_time` that is none",
            "hour",
            json!({ "auth_time": "x" }),
            Err(Deny::TokenClaimMalformed),
        ),
    ];
    for (name, policies, mut claims, expected) in cases {
        claims["pol"] = policies.into();
        let found = combine(&config, &claims).map(|grant| grant.ends());
        let expected = expected.map(|end| end.map(UnixMillis::from_secs));
        assert_eq!(found.map_err(|refusal| refusal.deny), expected, "{name}");
    }
    assert_eq!(config.policies.list()[2].expires_after, Some(Duration::from_hours(1)));
}

#[test]
fn a_policy_that_is_not_active_ends_the_session() {
    let policies = json!({ "blocked": { "active": false }, "good": { "active": true } });
    let config = config(&policies, &json!({ "from_claim": true }));
    let refusal = combine(&config, &json!({ "pol": "good blocked" })).unwrap_err();
    assert_eq!(refusal.deny, Deny::SessionInactive);
    assert_eq!(refusal.reason, "`policies.blocked.active` is false");
    assert!(combine(&config, &json!({ "pol": "good" })).is_ok());
}

#[test]
fn tags_and_metadata_are_joined() {
    let policies = json!({
        "a": { "tags": ["free", "beta"], "metadata": { "tier": "1", "region": "eu" } },
        "b": { "tags": ["beta", "gold"], "metadata": { "tier": "2", "region": "eu" } },
        "c": { "active": true },
    });
    let config = config(&policies, &json!({ "from_claim": true }));
    let both = combine(&config, &json!({ "pol": "b c a" })).unwrap();
    assert_eq!(config.policies.tags(&both, &[]), ["free", "beta", "gold"]);
    let own = ["gold".into(), "own".into()];
    assert_eq!(config.policies.tags(&both, &own), ["gold", "own", "free", "beta"]);
    let own = |value: &str| [(Box::from("region"), Box::from(value))];
    assert_eq!(config.policies.metadata(&both, &own("eu"), "region"), Metadata::Is("eu"));
    assert_eq!(config.policies.metadata(&both, &own("us"), "region"), Metadata::Contradictory);
    let cases = [
        ("a b", "tier", Metadata::Contradictory),
        ("a b", "region", Metadata::Is("eu")),
        ("b c", "tier", Metadata::Is("2")),
        ("c", "tier", Metadata::Absent),
        ("a b", "nothing", Metadata::Absent),
    ];
    for (policies, key, expected) in cases {
        let grant = combine(&config, &json!({ "pol": policies })).unwrap();
        assert_eq!(config.policies.metadata(&grant, &[], key), expected, "{policies} {key}");
    }
}

#[test]
fn a_limit_keeps_its_counter_while_it_is_changed_and_shares_it_with_none() {
    let ids = |policies: &Value| -> Vec<u64> {
        let config = config(policies, &json!({ "from_claim": true }));
        let grant = combine(&config, &json!({ "pol": "a b" })).unwrap();
        let mut ids = Vec::new();
        for policy in ["a", "b"] {
            let alone = combine(&config, &json!({ "pol": policy })).unwrap();
            let path = RequestPath::parse(b"/orders").unwrap();
            let endpoint = config
                .policies
                .permit(
                    &alone,
                    Asked { method: b"GET", path: &path, call: None },
                    &mut Trace::default(),
                )
                .unwrap();
            ids.extend(config.policies.charges(&alone, endpoint).map(|(charge, _)| match charge {
                Charge::Rate(rate) => rate.id,
                Charge::Quota(quota) => quota.id,
            }));
        }
        assert_eq!(grant.policies().len(), 2);
        ids
    };
    let policies = |requests: u32, apis: &[&str], other: &str| {
        let limit = json!({ "requests": requests, "per": "1m" });
        let first = json!({ "apis": [other] });
        let entry = json!({ "apis": apis, "methods": ["GET"], "rate": limit });
        let policy = json!({ "rate": limit, "quota": limit, "access": [first, entry] });
        json!({ "a": policy, "b": policy })
    };
    let before = ids(&policies(10, &["orders", "files"], "files"));
    let distinct: std::collections::BTreeSet<_> = before.iter().collect();
    assert_eq!(distinct.len(), 6, "a rate, a quota and an entry's rate of each: {before:?}");
    assert_eq!(ids(&policies(99, &["orders", "files"], "files")), before, "raised");
    assert_eq!(ids(&policies(10, &["files", "orders"], "files")), before, "written otherwise");
    assert_eq!(
        ids(&policies(10, &["orders", "files"], "orders")),
        before,
        "another entry before it"
    );
}

/// A policy as the model sees it: what its one entry grants, its rate, its age in seconds.
type Plain = (Option<(Vec<usize>, bool)>, Option<Option<(u32, u64)>>, Option<u64>);

const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

fn plain_policy() -> impl Strategy<Value = Plain> {
    let methods = proptest::sample::subsequence(vec![0, 1, 2], 0..=3);
    let access = proptest::option::of((methods, any::<bool>()));
    let rate = proptest::option::of(proptest::option::weighted(0.9, (1..5_u32, 1..5_u64)));
    (access, rate, proptest::option::of(1..9_u64))
}

/// A policy as it is written; by the first letter of the alphabet for the first of them.
fn written(policies: &[Plain]) -> Value {
    let policy = |(place, (access, rate, age)): (usize, &Plain)| {
        let mut policy = json!({ "active": true });
        if let Some((methods, needs_scope)) = access {
            let mut entry = json!({ "apis": ["orders"] });
            if !methods.is_empty() {
                entry["methods"] = methods.iter().map(|method| METHODS[*method]).collect();
            }
            if *needs_scope {
                entry["scopes"] = json!(["s"]);
            }
            policy["access"] = json!([entry]);
        }
        match rate {
            Some(Some((requests, per))) => {
                policy["rate"] = json!({ "requests": requests, "per": format!("{per}s") });
            }
            Some(None) => policy["rate"] = json!("unlimited"),
            None => {}
        }
        if let Some(age) = age {
            policy["expires_after"] = json!(format!("{age}s"));
        }
        (letter(place), policy)
    };
    policies.iter().enumerate().map(policy).collect()
}

fn letter(place: usize) -> String {
    char::from(b'a' + u8::try_from(place).unwrap()).to_string()
}

/// What the model says of one method: permitted, lacking a scope only, or denied.
fn modelled(policies: &[&Plain], method: usize, has_scope: bool) -> Result<(), Deny> {
    let entries: Vec<_> = policies.iter().filter_map(|policy| policy.0.as_ref()).collect();
    let about = |methods: &[usize]| methods.is_empty() || methods.contains(&method);
    if entries.is_empty() || entries.iter().any(|(m, scope)| about(m) && (has_scope || !scope)) {
        Ok(())
    } else if entries.iter().any(|(methods, _)| about(methods)) {
        Err(Deny::ScopeInsufficient)
    } else {
        Err(Deny::AccessDenied)
    }
}

/// Which of two rates allows more, by the model: thousands of requests in an hour, then requests.
fn generosity(rate: &(u32, u64)) -> (u64, u32) {
    // 1, 2, 3 and 4 seconds all divide 12.
    (u64::from(rate.0) * 12 / rate.1, rate.0)
}

proptest! {
    #[test]
    fn policies_combine_as_a_simple_model_does(
        policies in proptest::collection::vec(plain_policy(), 1..6),
        order in any::<proptest::sample::Index>(),
        has_scope in any::<bool>(),
        extra in plain_policy(),
    ) {
        let mut all = policies.clone();
        all.push(extra);
        let config = config(&written(&all), &json!({ "from_claim": true }));
        let scope = if has_scope { "s" } else { "" };
        let mut named: Vec<_> = (0..policies.len()).map(letter).collect();
        let of = |named: &[String]| {
            combine(&config, &json!({ "pol": named, "scope": scope })).unwrap()
        };
        let grant = of(&named);

        named.rotate_left(order.index(policies.len()));
        named.push(named[0].clone());
        prop_assert_eq!(&of(&named), &grant, "the order and repetitions do not matter");

        named.push(letter(policies.len()));
        let more = of(&named);
        prop_assert_eq!(&of(&named[..policies.len()]), &grant, "nothing is kept");
        let in_force: Vec<_> = policies.iter().collect();
        let restricted = policies.iter().any(|policy| policy.0.is_some());
        for (place, method) in METHODS.iter().enumerate() {
            let permitted = permit(&config, &grant, method, "/orders/7");
            prop_assert_eq!(permitted, modelled(&in_force, place, has_scope), "{}", method);
            if restricted && permitted.is_ok() {
                let permitted = permit(&config, &more, method, "/orders/7");
                prop_assert_eq!(permitted, Ok(()), "one more policy takes nothing away");
            }
        }

        let rates: Vec<_> = policies.iter().filter_map(|policy| policy.1).collect();
        let wanted = match rates.iter().any(Option::is_none) {
            true => None,
            false => rates.iter().flatten().copied().max_by_key(generosity),
        };
        let found: Vec<_> = config.policies.charges(&grant, None).collect();
        match (wanted, found.as_slice()) {
            (None, []) => {}
            (Some(wanted), [(Charge::Rate(found), _)]) => prop_assert_eq!(
                generosity(&(found.limit.requests, found.limit.per.as_secs())),
                generosity(&wanted)
            ),
            (wanted, found) => prop_assert!(false, "{wanted:?}, {found:?}"),
        }
        let age = policies.iter().filter_map(|policy| policy.2).min();
        prop_assert_eq!(grant.ends(), age.map(|age| UnixMillis::from_secs(NOW + age)));
    }
}

#[test]
fn policies_combine_as_the_documentation_says() {
    const PAGE: &str = include_str!("../docs/config/policies.md");
    let (_, section) = PAGE.split_once("\n## How policies combine\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let config = Config::parse(block.split("```").next().unwrap().as_bytes()).unwrap();
    let requirements = &config.providers[0].jwt().unwrap().requirements;
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `{"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 12, "{}", rows.len());
    for row in rows {
        let [claims, in_force, request, outcome, limits] = row[..] else { panic!("{row:?}") };
        let mut claims: Value = serde_json::from_str(claims.trim_matches('`')).unwrap();
        claims["iss"] = "https://example.okta.com/oauth2/default".into();
        claims["aud"] = "api://orders".into();
        let claims = token(&claims);
        let judged = claims
            .judge(None, requirements, UnixMillis::from_secs(NOW), &mut Trace::default())
            .unwrap();
        let token = Some(TokenFacts { claims: &claims, requirements, judged: &judged });
        let facts = Facts { provider: OKTA, identity: &judged.identity, token, own: &[] };
        let grant = config.policies.combine(ORDERS, &facts, &mut Trace::default());
        let code = |refusal: &Refusal| format!("`{}`", refusal.deny.code());
        let Ok(grant) = grant.as_ref().map_err(code).map_err(|code| {
            assert_eq!((in_force, outcome, limits), ("–", code.as_str(), "–"), "{row:?}");
        }) else {
            continue;
        };
        let names = format!("`{}`", grant.names().replace(',', "`, `"));
        assert_eq!(names, in_force, "{row:?}");
        let (method, path) = request.trim_matches('`').split_once(' ').unwrap();
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        let permitted = config.policies.permit(
            grant,
            Asked { method: method.as_bytes(), path: &path, call: None },
            &mut Trace::default(),
        );
        assert_eq!(permitted.as_ref().map_or_else(code, |_| "passes".into()), outcome, "{row:?}");
        let Ok(endpoint) = permitted else {
            assert_eq!(limits, "–", "{row:?}");
            continue;
        };
        let charges = config.policies.charges(grant, endpoint).map(|(charge, _)| match charge {
            Charge::Rate(rate) => {
                format!("{} in {}s", rate.limit.requests, rate.limit.per.as_secs())
            }
            Charge::Quota(quota) => {
                let days = quota.limit.per.as_secs() / 86_400;
                format!("{} in {days}d", quota.limit.requests)
            }
        });
        let charges = charges.collect::<Vec<_>>().join("; ");
        assert_eq!(if charges.is_empty() { "none" } else { &charges }, limits, "{row:?}");
    }
}
