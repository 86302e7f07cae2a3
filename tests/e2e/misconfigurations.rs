//! Mistakes in what stands around the filter: what the real Envoy answers in place of keys, what the
//! operator reads then, and that the remedy helps.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

/// An Envoy that fetches keys by this cluster, where the one that it has, `keys`, asks for this name.
fn outcome(name: &str, cluster: &str, sni: &str) -> (u16, String, Vec<Value>) {
    let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let mut provider = keys.provider("https://id.example.com", "/keys");
    provider["jwks"]["cluster"] = json!(cluster);
    provider["jwks"]["url"] = json!("https://localhost/keys");
    let listener =
        Listener::new(&Filter::new(&configuration(json!({ "okta": provider }), Value::Null)));
    // What stands in front of the provider and knows its name: TLS for nobody who asks for another.
    let front = Listener::plain()
        .tls("localhost")
        .routes(json!([{ "match": { "prefix": "/" }, "route": { "cluster": "provider" } }]));
    let site = Site::new(name, upstream.port())
        .cluster("provider", keys.port())
        .tls_cluster("keys", front.port, sni)
        .listener(&front);
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&Token::of("alice").issuer("https://id.example.com"));
    let response = fetch(listener.port, &Request::get("/x").bearer(&token));
    let code = if response.status() == 200 { String::new() } else { response.verdict().1 };
    let lines = envoy.filter_lines();
    envoy.assert_clean(&[token]);
    (response.status(), code, lines)
}

#[test]
fn a_missing_cluster_and_a_wrong_name_in_tls_are_told_by_their_fields_and_mended() {
    // what the folder is called, cluster, name, what must be said of what came, what of the remedy
    let cases = [
        ("no-cluster", "keyz", "localhost", "does the cluster exist", "by its exact name"),
        ("another-name", "keys", "okta.internal", "status 503", "`sni`"),
    ];
    for (name, cluster, sni, found, remedy) in cases {
        let (status, code, lines) = outcome(name, cluster, sni);
        assert_eq!((status, code.as_str()), (503, "keys_unavailable"), "{name}");
        let line = |event: &str| {
            let line = lines.iter().find(|line| line["event"] == event);
            line.unwrap_or_else(|| panic!("{name}: no {event} in {lines:#?}"))
        };
        let failed = line("keys_fetch_failed");
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        assert_eq!(text(failed, "cluster"), cluster, "{name}");
        assert!(text(failed, "found").contains(found), "{name}: {failed}");
        assert!(text(failed, "remedy").contains(remedy), "{name}: {failed}");
        assert!(text(failed, "remedy").contains("`providers.okta.jwks.cluster`"), "{failed}");
        // The line of the refusal says the same, for whoever has that alone.
        let refused = line("request_denied");
        assert!(text(refused, "reason").contains(found), "{name}: {refused}");
        assert!(text(refused, "remedy").contains("`providers.okta.jwks.cluster`"), "{refused}");
    }
    let (status, code, lines) = outcome("mended", "keys", "localhost");
    assert_eq!((status, code.as_str()), (200, ""), "{lines:#?}");
}
