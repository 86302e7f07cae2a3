//! The listeners that are measured: Tollgate's, the native filter's, and those for comparison.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::places;
use crate::harness::{Filter, Listener};
use crate::signers::Signer;
use crate::tokens::{AUDIENCE, ISSUER};

/// A listener without a filter.
pub(crate) fn plain() -> Listener {
    Listener::plain().answering_itself()
}

/// A filter of `benches/filters`.
pub(crate) fn auxiliary(name: &str, configuration: &str) -> Listener {
    let folder = places::target().join("bench/filters/wasm32-wasip1/release");
    let path: PathBuf = folder.join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is missing: run benches/run.sh", path.display());
    Listener::new(&Filter::raw(configuration).module(path).vm_id(name)).answering_itself()
}

/// Tollgate with one provider, the keys of which are in the configuration, and one identity header.
pub(crate) fn tollgate(name: &str, signer: &Signer, crypto: &str) -> Listener {
    let provider = provider(ISSUER, &[signer.jwk()], signer.alg().name());
    tollgate_with(name, &json!({ "providers": { "issuer": provider }, "crypto": crypto }))
}

/// Policies, and an API that gives its callers the last of them: what may be called, a rate and a
/// quota that never run out.
pub(crate) struct Limited {
    /// How many policies there are.
    pub(crate) policies: usize,
    /// How many subjects have room for their counters.
    pub(crate) capacity: usize,
    /// How many sessions are recorded.
    pub(crate) sessions: usize,
}

impl Limited {
    /// One policy, and as much room as usual.
    pub(crate) const USUAL: Self = Self { policies: 1, capacity: 65_536, sessions: 65_536 };

    /// Tollgate as [`tollgate`] has it, with these policies.
    pub(crate) fn tollgate(&self, name: &str, signer: &Signer) -> Listener {
        let policy = json!({
            "access": [{ "apis": ["orders"], "methods": ["GET"], "paths": ["/orders/{id}"] }],
            "rate": { "requests": 1_000_000, "per": "1s" },
            "quota": { "requests": 1_000_000_000, "per": "30d" }
        });
        let policies = (1..=self.policies).map(|number| (policy_name(number), policy.clone()));
        tollgate_with(
            name,
            &json!({
                "providers": { "issuer": provider(ISSUER, &[signer.jwk()], signer.alg().name()) },
                "apis": [{
                    "name": "orders", "auth": ["issuer"], "match": { "paths": ["/orders/**"] },
                    "policies": { "default": [policy_name(self.policies)] }
                }],
                "policies": policies.collect::<Value>(),
                "limits": { "capacity": self.capacity },
                "sessions": { "capacity": self.sessions }
            }),
        )
    }
}

/// Tollgate as [`tollgate`] has it, with one API that is a protected resource; `more` are further members
/// of it.
pub(crate) fn resource(name: &str, signer: &Signer, more: &[(&str, Value)]) -> Listener {
    let mut api = json!({ "name": "tools", "auth": ["issuer"],
                          "resource": { "url": "https://api.example.com/orders/7" } });
    for (name, value) in more {
        api[name] = value.clone();
    }
    let mut all = json!({
        "providers": { "issuer": provider(ISSUER, &[signer.jwk()], signer.alg().name()) },
        "apis": [api],
    });
    if all["apis"][0]["mcp"].is_object() {
        all["policies"] = json!({ "tools": { "access": [
            { "apis": ["tools"], "mcp": { "methods": ["tools/call"], "names": ["delete_*"] },
              "scopes": ["mcp:danger"] },
            { "apis": ["tools"], "mcp": { "methods": ["tools/*"], "except": ["delete_*"] } },
        ] } });
        all["apis"][0]["policies"] = json!({ "default": ["tools"] });
    }
    tollgate_with(name, &all)
}

/// What every token is said to be by the listener of [`said_active`].
const ACTIVE: &str = r#"{"active":true,"iss":"https://issuer.example","aud":"api://default","sub":"user-1","client_id":"web","scope":"orders:read"}"#;

/// A listener that says of every token that it is good: an introspection endpoint.
pub(crate) fn said_active() -> Listener {
    Listener::plain().answering(ACTIVE)
}

/// Tollgate with one provider that is asked about tokens in this cluster, and one identity header.
pub(crate) fn asking(name: &str, cluster: &str) -> Listener {
    let provider = json!({
        "kind": "introspection", "url": "http://127.0.0.1/introspect", "cluster": cluster,
        "client": { "id": "gateway", "secret": { "text": "for a measurement" } },
        "audiences": [AUDIENCE], "cache": "5m", "upstream": { "headers": { "x-user": "sub" } },
    });
    tollgate_with(name, &json!({ "providers": { "issuer": provider } }))
}

fn policy_name(number: usize) -> String {
    format!("policy-{number:04}")
}

/// Tollgate with any configuration, in a VM of its own.
pub(crate) fn tollgate_with(name: &str, configuration: &Value) -> Listener {
    Listener::new(&Filter::new(configuration).root_id(name).vm_id(name)).answering_itself()
}

/// The same, before another listener's cluster.
pub(crate) fn tollgate_before(name: &str, configuration: &Value, cluster: &str) -> Listener {
    let filter = Filter::new(configuration).root_id(name).vm_id(name);
    Listener::new(&filter).routes(routes(cluster, &[]))
}

/// A provider of Tollgate with these keys.
pub(crate) fn provider(issuer: &str, keys: &[Value], alg: &str) -> Value {
    json!({
        "issuer": issuer, "audiences": [AUDIENCE], "jwks": { "inline": { "keys": keys } },
        "algorithms": [alg], "upstream": { "headers": { "x-user": "sub" } }
    })
}

/// The native filter; `more` are further fields of its provider.
pub(crate) fn native(signer: &Signer, more: &[(&str, Value)]) -> Listener {
    let mut provider = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": json!({ "keys": [signer.jwk()] }).to_string() }
    });
    for (name, value) in more {
        provider[name] = value.clone();
    }
    let filter = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "issuer": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "issuer" } }]
        }
    });
    Listener::plain().then(filter).answering_itself()
}

/// A listener without a filter that asks this cluster.
pub(crate) fn proxying(cluster: &str) -> Listener {
    Listener::plain().routes(routes(cluster, &[]))
}

/// The native filter of rate limits, which asks a service in one call about these limits of whoever calls;
/// what passes goes to another cluster, since the filter lets pass unasked what the proxy answers by itself.
pub(crate) fn native_ratelimit(
    domain: &str,
    service: &str,
    limits: &[&str],
    upstream: &str,
) -> Listener {
    let filter = json!({
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": domain, "timeout": "1s", "failure_mode_deny": true,
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": { "envoy_grpc": { "cluster_name": service } }
            }
        }
    });
    Listener::plain().routes(routes(upstream, limits)).then(filter)
}

fn routes(cluster: &str, limits: &[&str]) -> Value {
    let descriptor = |name: &&str| {
        json!({ "actions": [
            { "generic_key": { "descriptor_key": "limit", "descriptor_value": name } },
            { "request_headers": { "header_name": ":authority", "descriptor_key": "subject" } },
        ] })
    };
    let limits: Vec<_> = limits.iter().map(descriptor).collect();
    json!([{ "match": { "prefix": "/" }, "route": { "cluster": cluster, "rate_limits": limits } }])
}
