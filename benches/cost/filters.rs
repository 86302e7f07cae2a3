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

/// Tollgate with any configuration, in a VM of its own.
pub(crate) fn tollgate_with(name: &str, configuration: &Value) -> Listener {
    Listener::new(&Filter::new(configuration).root_id(name).vm_id(name)).answering_itself()
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
