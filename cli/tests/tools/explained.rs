//! What `tollgate explain` tells people of a request.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tollgate_cli::Streams;

use crate::support::recorded;
use crate::support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};

/// The SHA-256 of a key, as a configuration holds it.
fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs the command on a request with this header; what it says has no colours.
fn explain(folder: &Path, header: &str) -> String {
    let (config, keys) = (folder.join("config.json"), folder.join("keys.json"));
    let path = |path: &Path| OsString::from(path);
    let arguments = ["tollgate", "explain", "--at", "2027-01-15T08:00:00Z", "--no-token"];
    let mut arguments: Vec<_> = arguments.map(OsString::from).into();
    arguments.extend(["--path", "/orders/7", "--header", header].map(OsString::from));
    arguments.extend(["--config".into(), path(&config), "--jwks".into(), path(&keys)]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = &mut Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err };
    let exit = tollgate_cli::run(arguments, streams);
    let said = String::from_utf8([out, err].concat()).expect("UTF-8");
    let mut parts = said.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let plain = parts.fold(first, |said, part| said + part.split_once('m').expect("a colour").1);
    format!("{exit:?}\n{plain}")
}

#[test]
fn what_explain_tells_people_is_recorded() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    fs::create_dir_all(&folder).expect("a folder");
    let config = json!({
        "providers": {
            "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                     "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }],
                         "keys": [{ "name": "k", "identity": "acme", "sha256": sha256("acme") }] },
        },
        "policies": { "reader": { "access": [{ "apis": ["orders"], "methods": ["GET"] }],
                                  "rate": { "requests": 10, "per": "1s" } } },
        "apis": [{ "name": "orders", "match": { "paths": ["/orders/**"] },
                   "auth": ["idp", "partner"], "policies": { "default": ["reader"] } }],
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("a file");
    fs::write(folder.join("keys.json"), key_set(&[&Signer::new("k1")])).expect("a file");
    let (signer, alice) = (Signer::new("k1"), Token::for_identity("alice"));
    let bearer = |token: String| format!("authorization: Bearer {token}");
    let headers = [
        ("a good token", bearer(signer.sign(&alice))),
        ("an expired one", bearer(signer.sign(&alice.clone().claim("exp", NOW - 100)))),
        ("an unknown issuer", bearer(signer.sign(&alice.clone().claim("iss", "https://x")))),
        ("a bad signature", bearer(signer.renewed().sign(&alice))),
        ("an API key", "x-api-key: acme".to_owned()),
        ("nobody's API key", "x-api-key: nobody's".to_owned()),
    ];
    recorded::hold("explained", || {
        for (what, header) in headers {
            recorded::section(what);
            recorded::line("explain", explain(&folder, &header));
        }
    });
}
