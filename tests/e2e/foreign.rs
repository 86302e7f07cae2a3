//! Key sets and tokens by libraries that have nothing to do with ours or with the provider's.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, KeyServer, Listener, Request, Site, Upstream, configuration, fetch,
};

#[test]
fn tokens_and_key_sets_of_other_libraries_are_understood() {
    // foreign.py says how it was made.
    let made: Value = serde_json::from_str(include_str!("foreign.json")).expect("JSON");
    let libraries = made.as_object().expect("an object");
    let (upstream, keys) = (Upstream::start(), KeyServer::start());
    let mut providers = json!({});
    for (library, by) in libraries {
        let path = format!("/{library}");
        keys.set(&path, Answer::json(&by["jwks"]));
        providers[library] = keys.provider(&format!("https://{library}.example"), &path);
    }
    let listener = Listener::new(&Filter::new(&configuration(providers, Value::Null)));
    let site = Site::new("foreign", upstream.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let mut secrets = Vec::new();
    for (library, by) in libraries {
        for entry in by["tokens"].as_array().expect("tokens") {
            let name = format!("{library}, {}", entry["alg"]);
            let token = entry["token"].as_str().expect("a token").to_owned();
            let path = format!("/{}", secrets.len());
            let response = fetch(listener.port, &Request::get(&path).bearer(&token));
            assert_eq!(response.status(), 200, "{name}: {}", response.text());
            let seen = upstream.only(&path);
            assert_eq!(seen.values("x-tollgate-identity"), ["alice"], "{name}");
            assert_eq!(seen.values("x-tollgate-provider"), [library.as_str()], "{name}");

            // One changed character of the signature, not the last: that one may hold spare bits.
            let mut forged = token.clone().into_bytes();
            let place = forged.len() - 10;
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let response = fetch(listener.port, &Request::get("/forged").bearer(&forged));
            assert_eq!(response.verdict(), (401, "token_signature_invalid".to_owned()), "{name}");
            secrets.push(token);
        }
    }
    assert_eq!(secrets.len(), 11, "every library and algorithm was tried");
    assert!(upstream.seen("/forged").is_empty());
    envoy.assert_clean(&secrets);
}
