//! Lists without anything in them: refused wherever a list is optional, since nobody can tell whether
//! "none" or "any" was meant; but where they say something.

use tollgate::config::{Code, Config, Problem};

const PROVIDER: &str =
    r#""issuer": "https://okta.example", "jwks": {"discovery": true, "cluster": "idp"}"#;
const KEY: &str = r#"{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f""#;

fn provider(members: &str) -> String {
    let audiences = if members.contains("audiences") { "" } else { r#", "audiences": ["api"]"# };
    format!(r#"{{"providers": {{"okta": {{{PROVIDER}{audiences}, {members}}}}}}}"#)
}

fn api(members: &str) -> String {
    format!(
        r#"{{"providers": {{"okta": {{{PROVIDER}, "audiences": ["api"]}}}}, "policies": {{"p": {{"tags": ["a"]}}}},
            "apis": [{{"name": "a", "auth": ["okta"], {members}}}]}}"#
    )
}

fn policy(members: &str) -> String {
    api(r#""policies": {"default": ["p"]}"#)
        .replace(r#"{"tags": ["a"]}"#, &format!("{{{members}}}"))
}

fn top(members: &str) -> String {
    format!(r#"{{"providers": {{"okta": {{{PROVIDER}, "audiences": ["api"]}}}}, {members}}}"#)
}

fn keys(members: &str) -> String {
    format!(
        r#"{{"providers": {{"keys": {{"kind": "api_key", "from": [{{"header": "x-key"}}], "keys": [{KEY}, {members}}}]}}}}}}"#
    )
}

#[test]
fn an_empty_list_is_refused_wherever_it_could_be_left_out() {
    let cases = [
        ("apis", top(r#""apis": []"#)),
        (
            "providers.okta.issuer",
            provider("").replace(r#""https://okta.example""#, "[]").replace(", }", "}"),
        ),
        ("providers.okta.audiences", provider(r#""audiences": []"#)),
        ("providers.okta.clients", provider(r#""clients": []"#)),
        ("providers.okta.algorithms", provider(r#""algorithms": []"#)),
        ("providers.okta.typ", provider(r#""typ": []"#)),
        ("providers.okta.from", provider(r#""from": []"#)),
        ("providers.okta.from[0].apis", provider(r#""from": [{"header": "x-t", "apis": []}]"#)),
        ("providers.okta.from[0].scheme", provider(r#""from": [{"header": "x-t", "scheme": []}]"#)),
        ("providers.okta.from[0].origins", provider(r#""from": [{"cookie": "t", "origins": []}]"#)),
        ("providers.okta.require", provider(r#""require": []"#)),
        ("providers.okta.require[0].in", provider(r#""require": [{"claim": "a", "in": []}]"#)),
        (
            "providers.okta.require[0].contains_any",
            provider(r#""require": [{"claim": "a", "contains_any": []}]"#),
        ),
        (
            "providers.okta.require[0].contains_all",
            provider(r#""require": [{"claim": "a", "contains_all": []}]"#),
        ),
        (
            "providers.okta.require[0].starts_with",
            provider(r#""require": [{"claim": "a", "starts_with": []}]"#),
        ),
        ("providers.okta.claims.identity", provider(r#""claims": {"identity": []}"#)),
        ("providers.okta.claims.client", provider(r#""claims": {"client": []}"#)),
        ("providers.okta.claims.scopes", provider(r#""claims": {"scopes": []}"#)),
        ("providers.okta.claims.policies", provider(r#""claims": {"policies": []}"#)),
        ("providers.okta.tenants", provider(r#""tenants": []"#)),
        ("providers.keys.keys[0].policies", keys(r#""policies": []"#)),
        ("providers.keys.keys[0].tags", keys(r#""tags": []"#)),
        ("apis[0].clients", api(r#""clients": []"#)),
        ("apis[0].audiences", api(r#""audiences": []"#)),
        ("apis[0].scopes", api(r#""scopes": []"#)),
        ("apis[0].require", api(r#""require": []"#)),
        ("apis[0].match.hosts", api(r#""match": {"hosts": []}"#)),
        ("apis[0].match.paths", api(r#""match": {"paths": []}"#)),
        ("apis[0].match.methods", api(r#""match": {"methods": []}"#)),
        ("apis[0].match.routes", api(r#""match": {"routes": []}"#)),
        (
            "apis[0].auth",
            api(r#""realm": 0"#).replace(r#""auth": ["okta"], "realm": 0"#, r#""auth": []"#),
        ),
        (
            "apis[0].auth[0]",
            api(r#""realm": 0"#).replace(r#""auth": ["okta"], "realm": 0"#, r#""auth": [[]]"#),
        ),
        ("apis[0].session_from", api(r#""session_from": []"#)),
        ("apis[0].policies.default", api(r#""policies": {"default": []}"#)),
        ("apis[0].policies.by_scope.x", api(r#""policies": {"by_scope": {"x": []}}"#)),
        ("apis[0].policies.by_client.x", api(r#""policies": {"by_client": {"x": []}}"#)),
        ("apis[0].policies.by_claim", api(r#""policies": {"by_claim": []}"#)),
        (
            "apis[0].policies.by_claim[0].values.x",
            api(r#""policies": {"by_claim": [{"claim": "a", "values": {"x": []}}]}"#),
        ),
        ("policies.p.access", policy(r#""access": []"#)),
        ("policies.p.access[0].apis", policy(r#""access": [{"apis": []}]"#)),
        ("policies.p.access[0].methods", policy(r#""access": [{"apis": ["a"], "methods": []}]"#)),
        ("policies.p.access[0].paths", policy(r#""access": [{"apis": ["a"], "paths": []}]"#)),
        ("policies.p.access[0].scopes", policy(r#""access": [{"apis": ["a"], "scopes": []}]"#)),
        ("policies.p.tags", policy(r#""tags": []"#)),
        ("revoked.entries", top(r#""revoked": {"entries": []}"#)),
        (
            "revoked.entries",
            top(
                r#""revoked": {"entries": [], "url": "https://okta.example/revoked", "cluster": "idp"}"#,
            ),
        ),
        ("explain.key_sha256", top(r#""explain": {"key_sha256": []}"#)),
        ("status.key_sha256", top(r#""status": {"path": "/.tollgate", "key_sha256": []}"#)),
    ];
    let mut passed = Vec::new();
    for (path, text) in cases {
        let problems = Config::parse(text.as_bytes()).err().unwrap_or_default();
        let is_told = |one: &Problem| &*one.path == path && one.code == Code::ValueEmpty;
        if !problems.iter().any(is_told) {
            passed.push(format!("{path}: {problems:?}"));
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
    let said = top(r#""limits": {"headers": []}"#);
    assert!(Config::parse(said.as_bytes()).is_ok(), "no headers: what is meant");
}
