//! What README.md, docs/policies.md, docs/operations.md and envoy.yaml show, as they show it: only what is an example's own, such as the
//! hash of an API key, is replaced.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::harness::{
    Answer, Envoy, Filter, KeyServer, Listener, Provider, Request, Signer, Site, Token, Upstream,
    eventually, fetch, free_port, key_set, places, proxy,
};

const OKTA: &str = "https://example.okta.com/oauth2/default";
const KEY: &str = "a key of acme";

fn read(path: &str) -> String {
    fs::read_to_string(places::project().join(path)).expect("a file of the project")
}

/// The only configuration of a page in which this stands.
fn configuration_with(page: &str, part: &str) -> String {
    let page = read(page);
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let found: Vec<_> = blocks.filter(|block| block.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part} in {found:?}");
    found[0].to_owned()
}

/// A server in Okta's place, which publishes the key, and in that of whoever keeps the list.
fn servers(signer: &Signer) -> KeyServer {
    let servers = KeyServer::start();
    let discovery = json!({ "issuer": OKTA, "jwks_uri": format!("{OKTA}/v1/keys") });
    servers.set("/oauth2/default/.well-known/openid-configuration", Answer::json(&discovery));
    servers.set("/oauth2/default/v1/keys", Answer::json(&key_set(&[signer])));
    servers
}

/// A token for the pages' API.
fn of_okta(subject: &str) -> Token {
    Token::of(subject).issuer(OKTA).claim("aud", "api://orders")
}

/// The verdict, and the limits that the client is told of.
fn ask(port: u16, method: &str, path: &str, shown: &[(&str, &str)]) -> (u16, String, String) {
    let request = Request::new(method, path);
    let add = |request: Request, (name, value): &(&str, &str)| request.header(*name, *value);
    let answer = fetch(port, &shown.iter().fold(request, add));
    let (status, code) = answer.verdict();
    (status, code, answer.header("ratelimit-policy").unwrap_or_default())
}

#[test]
fn the_readmes_configurations_do_what_it_says() {
    let (upstream, signer) = (Upstream::start(), Signer::new("k1"));
    let servers = servers(&signer);
    let readme = read("README.md");
    let blocks = readme.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let [smallest, typical] = blocks.collect::<Vec<_>>()[..] else { panic!("two, please") };
    let smallest = Listener::new(&Filter::raw(smallest));
    let typical = Listener::new(&Filter::raw(typical).root_id("typical"));
    let site = Site::new("readme", upstream.port()).cluster("okta", servers.port());
    let envoy = Envoy::start(&site.listener(&smallest).listener(&typical));
    let bearer = |subject: &str, scope: &str| {
        let token = of_okta(subject).claim("scope", scope);
        format!("Bearer {}", signer.sign(&token))
    };
    let (reader, writer) = (bearer("alice", "orders:read"), bearer("bob", "orders:write"));
    let reader = ("authorization", reader.as_str());
    let writer = ("authorization", writer.as_str());
    let (rate, quota) = ("\"rate\";q=100;w=1", "\"quota\";q=10000;w=2592000");
    eventually("the keys", || ask(smallest.port, "GET", "/any", &[reader]).0 == 200);
    // port, method, path, what the caller shows, status, code, limits
    let cases: [(_, _, _, &[_], _, _, _); 9] = [
        (&smallest, "GET", "/health", &[], 401, "credential_missing", ""),
        (&smallest, "DELETE", "/7", &[("x-tollgate-identity", "eve"), reader], 200, "", ""),
        (&typical, "GET", "/health", &[], 200, "", ""),
        (&typical, "GET", "/orders/7", &[], 401, "credential_missing", ""),
        (&typical, "GET", "/orders/7", &[reader], 200, "", rate),
        (&typical, "POST", "/orders", &[reader], 403, "access_denied", ""),
        (&typical, "POST", "/orders", &[writer], 200, "", quota),
        (&typical, "DELETE", "/orders/7", &[writer], 200, "", quota),
        (&typical, "GET", "/elsewhere", &[writer], 403, "api_unknown", ""),
    ];
    for (listener, method, path, shown, status, code, limits) in cases {
        let found = ask(listener.port, method, path, shown);
        assert_eq!(found, (status, code.into(), limits.into()), "{method} {path} {shown:?}");
    }
    let seen = upstream.seen("/7");
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(seen.values("x-tollgate-identity"), ["alice"]);
    assert_eq!(seen.values("x-tollgate-provider"), ["okta"]);
    assert!(seen.values("authorization").is_empty());
    envoy.assert_clean(&[reader.1, writer.1]);
}

#[test]
fn the_callers_of_the_page_may_do_what_it_says() {
    let (upstream, signer) = (Upstream::start(), Signer::new("k1"));
    let servers = servers(&signer);
    let page = read("docs/policies.md");
    let (_, list) = page.split_once("within a second. `").expect("a list of revocations");
    let list: Value = serde_json::from_str(list.split('`').next().unwrap()).expect("a list");
    servers.set("/revoked.json", Answer::json(&list));
    let hash: String = Sha256::digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut configuration: Value =
        serde_json::from_str(&configuration_with("docs/policies.md", "\"session_from\""))
            .expect("JSON");
    let key = &mut configuration["providers"]["partner"]["keys"][0];
    (key["sha256"], key["expires"]) = (json!(hash), json!("2099-01-01T00:00:00Z"));
    let listener = Listener::new(&Filter::new(&configuration));
    let site = Site::new("page-policies", upstream.port());
    let site = site.cluster("okta", servers.port()).cluster("ops", servers.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let bearer = |subject: &str, scope: &str| {
        let token = of_okta(subject).claim("scope", scope);
        format!("Bearer {}", signer.sign(&token))
    };
    let (reader, writer) = (bearer("alice", "orders:read"), bearer("bob", "orders:write"));
    let revoked = bearer("00u1", "orders:write");
    let (reader, writer, revoked) = (
        ("authorization", reader.as_str()),
        ("authorization", writer.as_str()),
        ("authorization", revoked.as_str()),
    );
    let key = ("x-api-key", KEY);
    eventually("the list and the keys", || {
        ask(listener.port, "GET", "/catalogue", &[reader]).0 == 200
    });
    let standard = "\"rate\";q=100;w=1, \"quota\";q=10000;w=2592000";
    // method, path, what the caller shows, status, code, limits
    let cases: [(_, _, &[_], _, _, _); 11] = [
        ("GET", "/catalogue", &[key], 200, "", standard),
        ("GET", "/catalogue/7", &[writer], 200, "", standard),
        ("GET", "/catalogue/7", &[], 401, "credential_missing", ""),
        ("GET", "/orders/7", &[key, reader], 200, "", standard),
        ("GET", "/orders/7", &[key], 401, "credential_missing", ""),
        ("GET", "/orders/7", &[reader], 401, "credential_missing", ""),
        ("POST", "/orders", &[key, reader], 403, "access_denied", ""),
        ("POST", "/orders", &[key, writer], 200, "", "\"rate\";q=20;w=1"),
        ("DELETE", "/orders/7", &[key, writer], 403, "access_denied", ""),
        ("POST", "/orders", &[key, revoked], 403, "session_inactive", ""),
        ("GET", "/elsewhere", &[key, reader], 403, "api_unknown", ""),
    ];
    for (method, path, shown, status, code, limits) in cases {
        let found = ask(listener.port, method, path, shown);
        assert_eq!(found, (status, code.into(), limits.into()), "{method} {path} {shown:?}");
    }
    let seen = upstream.seen("/orders");
    let [posted] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(posted.values("x-tollgate-identity"), ["bob"]);
    assert_eq!(posted.values("x-tollgate-provider"), ["okta"]);
    assert!(posted.values("x-api-key").is_empty() && posted.values("authorization").is_empty());
    envoy.assert_clean(&[KEY, reader.1, writer.1, revoked.1]);
}

#[test]
fn the_way_in_of_the_page_enforces_one_api_and_reports_on_the_rest() {
    let (upstream, signer) = (Upstream::start(), Signer::new("k1"));
    let servers = servers(&signer);
    let listener = Listener::new(&Filter::raw(&configuration_with(
        "docs/operations.md",
        "\"mode\": \"report\"",
    )));
    let site = Site::new("page-operations", upstream.port()).cluster("okta", servers.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&of_okta("alice").claim("scope", "orders:read"));
    let bearer = format!("Bearer {token}");
    let good = ("authorization", bearer.as_str());
    let bad = ("authorization", "Bearer a.bad.one");
    // path, what the caller shows, status, code, what the upstream sees
    let cases: [(_, &[_], _, _, Option<&[&str]>); 5] = [
        ("/orders/1", &[], 401, "credential_missing", None),
        ("/orders/2", &[good], 200, "", Some(&[])),
        ("/rest/1", &[], 200, "", Some(&[])),
        ("/rest/2", &[bad], 200, "", Some(&[bad.1])),
        ("/rest/3", &[good], 200, "", Some(&[good.1])),
    ];
    for (path, shown, status, code, upstream_sees) in cases {
        assert_eq!(ask(listener.port, "GET", path, shown), (status, code.into(), "".into()));
        let seen = upstream.seen(path);
        let seen: Vec<_> = seen.iter().map(|message| message.values("authorization")).collect();
        let expected: Vec<Vec<String>> = upstream_sees
            .iter()
            .map(|values| values.iter().map(|&value| value.to_owned()).collect())
            .collect();
        assert_eq!(seen, expected, "{path}");
    }
    assert_eq!(envoy.counter("tollgate_would_deny_credential_missing"), 1);
    assert_eq!(envoy.counter("tollgate_denied_credential_missing"), 1);
    let modes: Vec<_> = envoy.refusals().iter().map(|line| line["mode"].clone()).collect();
    assert_eq!(modes, ["enforce", "report", "report"]);
    envoy.assert_clean(&[token]);
}

#[test]
fn the_proxy_to_copy_from_serves_as_it_stands() {
    let (provider, upstream, port) =
        (Provider::start("envoy-yaml"), Upstream::start(), free_port());
    let envoy = Envoy::with_bootstrap("envoy-yaml", &proxy(port, &provider, &upstream, None));
    let bearer = |client: &str, scope: &str| {
        format!("Bearer {}", provider.token(client, scope, Provider::AUDIENCE))
    };
    let (reader, writer) = (bearer("svc", "orders:read"), bearer("svc", "orders:write"));
    let admin = bearer("admin", "admin");
    let cases = [
        // method, path, token, status
        ("GET", "/health", "", 200),
        ("GET", "/orders/7", "", 401),
        ("GET", "/orders/7", &reader, 200),
        ("POST", "/orders", &reader, 403),
        ("POST", "/orders", &writer, 200),
        ("GET", "/orders/7", &admin, 403),
        ("GET", "/admin/users", &reader, 403),
        ("GET", "/admin/users", &admin, 200),
    ];
    for (method, path, token, status) in cases {
        let shown = [("authorization", token)];
        let shown = if token.is_empty() { &[] } else { shown.as_slice() };
        assert_eq!(ask(port, method, path, shown).0, status, "{method} {path}");
    }
    envoy.assert_clean(&[reader, writer, admin]);
}
