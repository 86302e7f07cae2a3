//! One mistake is one problem, told where it was made.

use serde_json::{Value, json};
use tollgate::config::Config;

/// The typical configuration of docs/config/examples.md.
fn typical() -> Value {
    let text = include_str!("../../docs/config/examples.md");
    let example = text.split("A typical one").nth(1).unwrap();
    let block = example.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(block).unwrap()
}

/// Every value below a value, by its path in JSON Pointer and as problems write it.
fn places(json: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    if !pointer.is_empty() {
        found.push((pointer.to_owned(), path.to_owned()));
    }
    match json {
        Value::Object(members) => {
            for (name, member) in members {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                let path = match (path.is_empty(), plain) {
                    (true, _) => name.clone(),
                    (false, true) => format!("{path}.{name}"),
                    (false, false) => format!("{path}[`{name}`]"),
                };
                places(member, &format!("{pointer}/{escaped}"), &path, found);
            }
        }
        Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                let (pointer, path) = (format!("{pointer}/{place}"), format!("{path}[{place}]"));
                places(element, &pointer, &path, found);
            }
        }
        _ => {}
    }
}

/// Mistakes that are several, or that are made elsewhere than where they show: what is written is right
/// in itself, and something else disagrees with it.
type Exception = (&'static str, &'static str, &'static str);

/// Of the typical configuration.
const EXCEPTIONS: [Exception; 11] = [
    // where, what, why
    ("apis[0]", "{}", "what takes every request hides what comes after it"),
    ("apis[1]", "{}", "the same"),
    ("apis[0].match", "{}", "the same"),
    ("apis[1].match", "{}", "the same"),
    ("providers", "{}", "there are public APIs: none is fine, and each name of one is wrong"),
    ("policies", "{}", "each name of one is wrong as well"),
    ("policies.standard", "{}", "is fine, and a header asks for its metadata"),
    ("policies.standard.metadata", "{}", "the same"),
    ("providers.okta.claims", "{}", "is fine, and an API asks for its claim of policies"),
    ("apis[2].clients[1]", "\"\u{e9} ?\"", "is a client, and another gets a policy"),
    ("providers.okta", "{}", "says that it has no claim of policies, beside all that it lacks"),
];
/// Of the other one.
const OTHER_EXCEPTIONS: [Exception; 17] = [
    ("apis[0]", "{}", "what takes every request hides what comes after it"),
    ("apis[1]", "{}", "the same"),
    ("apis[0].match", "{}", "the same"),
    ("apis[1].match", "{}", "the same"),
    ("apis[2]", "{}", "the same"),
    ("apis[3]", "{}", "the same"),
    ("apis[2].match", "{}", "the same"),
    ("apis[3].match", "{}", "the same"),
    ("providers.red", "{}", "says that it has no claim of policies, beside all that it lacks"),
    ("providers.red.claims", "{}", "is fine, and an API asks for its claim of policies"),
    ("providers.red.clients[0]", "\"\u{e9} ?\"", "is a client, and an API names another"),
    ("apis[0].clients[0]", "\"\u{e9} ?\"", "the same, and another gets a policy"),
    ("providers.red.from[0].scheme[0]", "\"\"", "is a scheme, and stands there a second time"),
    ("providers.partners", "{}", "is an issuer, which has no metadata"),
    ("providers.partners.keys[0].metadata", "{}", "is fine, and headers ask for it"),
    ("providers", "{}", "each name of one is wrong as well"),
    ("policies", "{}", "the same"),
];

/// A configuration of what the typical one does not have: each way to something is the only one there.
fn others() -> Value {
    json!({
        "providers": {
            "red": {
                "issuer": "https://{tenant}.example", "tenants": ["a", "b"],
                "audiences": ["api"], "clients": ["c1", "c2"],
                "jwks": {"url": "https://{tenant}.example/keys", "cluster": "red"},
                "from": [
                    {"header": "authorization", "scheme": ["Bearer", ""], "apis": ["orders"]},
                    {"cookie": "session", "origins": ["https://app.example.com"]}
                ],
                "claims": {"policies": ["pol"]},
                "upstream": {"headers": {
                    "x-roles": {"claim": "roles", "as": "json"}, "x-key": {"metadata": "tier"}
                }}
            },
            "partners": {
                "kind": "api_key", "from": [{"header": "x-api-key"}],
                "keys": [{
                    "name": "k1", "identity": "acme", "expires": "2027-01-01T00:00:00Z",
                    "sha256": "2c624232cdd221771294dfbb310aca000a0df6ac8b66b696d90ef06fdefb64a3",
                    "policies": ["own"], "tags": ["free"], "metadata": {"tier": "1"}
                }],
                "upstream": {"headers": {"x-tier": {"metadata": "tier"}}}
            }
        },
        "apis": [
            {
                "name": "orders", "match": {"paths": ["/orders/**"]}, "auth": ["red"],
                "clients": ["c1"], "policies": {"by_client": {"c1": ["std"]}}
            },
            {
                "name": "items", "match": {"paths": ["/items/a%2Fb"]}, "auth": ["red"],
                "encoded_slash": "segment",
                "require": [{"claim": "team", "starts_with": ["urn:a", "urn:b"]}],
                "policies": {"by_claim": [{"claim": "roles", "values": {"admin": ["std"]}}]}
            },
            {
                "name": "own", "match": {"paths": ["/own/**"]}, "auth": ["red"],
                "policies": {"from_claim": true}
            },
            {
                "name": "scoped", "match": {"paths": ["/scoped/**"]}, "auth": ["red"],
                "policies": {"by_scope": {"admin": ["std"]}}
            },
            {
                "name": "batch", "match": {"paths": ["/batch/**"]}, "auth": ["partners"],
                "policies": {"by_identity": {"partners": {"acme": ["std"]}}}
            }
        ],
        "policies": {
            "std": {"access": [{"apis": ["orders", "items", "own", "scoped", "batch"], "methods": ["GET"]}]},
            "own": {"rate": {"requests": 5, "per": "1s"}, "quota": "unlimited"}
        },
        "revoked": {
            "entries": [{
                "provider": "red", "identity": "x", "issued_before": "2026-01-01T00:00:00Z",
                "until": "2099-01-01T00:00:00Z"
            }],
            "url": "https://ops.example.com/revoked.json", "cluster": "ops"
        },
        "log": {"path": "omit", "identity": "hash"}
    })
}

#[test]
fn one_mistake_is_one_problem() {
    let (mut failed, mut tried, mut refused) = (Vec::new(), 0, 0);
    let all = [(typical(), &EXCEPTIONS[..]), (others(), &OTHER_EXCEPTIONS[..])];
    for (whole, exceptions) in all {
        tried += mistaken_everywhere(&whole, exceptions, &mut failed, &mut refused);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tried > 250 && refused > 2000, "{tried} places, {refused} refused");
}

/// Writes everything wrong at each place, and says where that is another number of problems than one.
fn mistaken_everywhere(
    whole: &Value,
    exceptions: &[Exception],
    failed: &mut Vec<String>,
    refused: &mut usize,
) -> usize {
    Config::parse(whole.to_string().as_bytes()).unwrap();
    let mut all = Vec::new();
    places(whole, "", "", &mut all);
    let wrong = [
        json!(null),
        json!(7),
        json!(1.5),
        json!(true),
        json!("\u{e9} ?"),
        json!(""),
        json!([]),
        json!([7]),
        json!({}),
    ];
    for (pointer, path) in &all {
        for value in &wrong {
            let mut mistaken = whole.clone();
            *mistaken.pointer_mut(pointer).unwrap() = value.clone();
            let written = value.to_string();
            let excepted = exceptions.iter().any(|(at, what, _)| at == path && *what == written);
            let Err(problems) = Config::parse(mistaken.to_string().as_bytes()) else { continue };
            *refused += 1;
            // An object without members may lack several, all of them its own.
            let one = problems.len() == 1 || written == "{}";
            let own = problems.iter().all(|problem| problem.path.starts_with(path.as_str()));
            if (one && own) == excepted {
                let lines = problems.iter().map(|one| format!("\n    {one}"));
                failed.push(format!("{path} = {written}{}", lines.collect::<String>()));
            }
        }
    }
    all.len()
}

#[test]
fn a_name_of_nothing_is_refused_where_nothing_else_is_wrong() {
    // What is not said beside another mistake is said without one.
    let public = r#""apis": [{"name": "all", "auth": "none"}]"#;
    let cases = [
        (
            r#""revoked": {"entries": [{"provider": "okta", "identity": "x"}]}"#,
            "revoked.entries[0].provider",
        ),
        (
            r#""policies": {"p": {"access": [{"apis": ["orders"]}]}}"#,
            "policies.p.access[0].apis[0]",
        ),
    ];
    for (given, path) in cases {
        let problems = Config::parse(format!("{{{public}, {given}}}").as_bytes()).unwrap_err();
        assert_eq!(problems.iter().map(|one| &*one.path).collect::<Vec<_>>(), [path]);
        assert!(
            problems[0].message.ends_with("; known: `all`")
                || problems[0].message.ends_with("; there are none"),
            "{}",
            problems[0].message
        );
    }
}

#[test]
fn what_one_hand_has_done_is_told_once() {
    let keys = r#""keys": [{"name": "k", "identity": "a", "sha256": "2c624232cdd221771294dfbb310aca000a0df6ac8b66b696d90ef06fdefb64a3"}]"#;
    let header = |value: &str| {
        let jwks = r#""jwks": {"url": "https://a.example/k", "cluster": "a"}"#;
        format!(
            r#""issuer": "https://a.example", {jwks}, "upstream": {{"headers": {{"x-a": {value}}}}}"#
        )
    };
    let jwks = |jwks: &str| format!(r#""issuer": "https://a.example", "jwks": {jwks}"#);
    let tenants = |issuer: &str, tenants: &str, url: &str| {
        format!(r#"{issuer}, "tenants": {tenants}, "jwks": {{"url": "{url}", "cluster": "a"}}"#)
    };
    let (plain, each) = ("https://a.example/keys", "https://a.example/{tenant}/keys");
    let from = |from: &str| {
        format!(r#"{}, "from": {from}"#, jwks(r#"{"url": "https://a.example/k", "cluster": "a"}"#))
    };
    let cases = [
        // what a provider `a` with an audience says, where the problem is, what it says
        (header(r#"{"x": "sub"}"#), ".upstream.headers.x-a.x", "unknown field; known here"),
        (header(r#"{"x": "sub", "as": "json"}"#), ".upstream.headers.x-a.x", "unknown field"),
(
            r#""issuer": "https://a.example/{tenant}", "jwks": {"discovery": true, "cluster": "a"}"#.into(),
            ".issuer",
            "list in `tenants`",
        ),
        (
            r#""issuer": "https://a.example", "jwks": {"url": "https://a.example/{tenant}", "cluster": "a"}"#.into(),
            ".jwks.url",
            "list in `tenants`",
        ),
                (jwks(r#"{"x": 7}"#), ".jwks.x", "unknown field; known here"),
        (jwks(r#"{"jwks_uri": "https://a.example/k"}"#), ".jwks.jwks_uri", "unknown field"),
        (
            jwks(r#"{"discovery": "true", "cluster": "a"}"#),
            ".jwks.discovery",
            "write it without quotes",
        ),
        (tenants(r#""issuer": "https://a.example""#, "[]", plain), ".tenants", "an empty list"),
        (
            tenants(r#""issuer": "https://a.example""#, r#"["t"]"#, plain),
            ".tenants",
            "no issuer holds",
        ),
        (
            tenants(r#""issuer": "https://a.example""#, r#"["t"]"#, each),
            ".issuer",
            "has no `{tenant}`",
        ),
        (
            tenants(r#""issuer": "https://a.example/{tenantid}""#, r#"["t"]"#, each),
            ".issuer",
            "holds `{`",
        ),
        (
            tenants(r#""issuer": "https://a.example/{tenant}""#, r#"["a b"]"#, each),
            ".tenants[0]",
            "is no tenant",
        ),
        (tenants(r#""any_issuer": true"#, r#"["t"]"#, plain), ".tenants", "no issuer holds"),
        (tenants(r#""any_issuer": true"#, r#"["t"]"#, each), ".tenants", "no issuer holds"),
        (
            from(r#"[{"header": "x-a", "apis": ["other"]}]"#),
            ".from[0].apis[0]",
            "does not list this provider",
        ),
        (from(r#"[{"header": "x a", "apis": ["all"]}]"#), ".from[0].header", "is no header name"),
        (
            from(r#"[{"header": "x-a", "scheme": null}]"#),
            ".from[0].scheme",
            "expected a scheme or a list of schemes",
        ),
    ];
    let told = |provider: &str, rest: &str| {
        let text = format!(
            r#"{{"providers": {{"a": {{{provider}}}}}, "apis": [
                {{"name": "other", "match": {{"paths": ["/o"]}}, "auth": "none"}}, {{"name": "all", "auth": ["a"]{rest}}}],
                "policies": {{"p": {{}}}}}}"#
        );
        let problems = Config::parse(text.as_bytes()).unwrap_err();
        problems.iter().map(|one| format!("{}: {}", one.path, one.message)).collect::<Vec<_>>()
    };
    for (provider, path, message) in cases {
        let found = told(&format!(r#""audiences": ["x"], {provider}"#), "");
        let [one] = found.as_slice() else { panic!("{provider}: {found:#?}") };
        assert!(
            one.starts_with(&format!("providers.a{path}: ")) && one.contains(message),
            "{provider}: {one}"
        );
    }
    assert_eq!(
        told(keys, ""),
        [
            r#"providers.a.keys: a JWT issuer has no API keys; write "kind": "api_key", or delete it"#,
        ]
    );
    let good =
        jwks(r#"{"url": "https://a.example/k", "cluster": "a"}"#) + r#", "audiences": ["x"]"#;
    let found = told(&good, r#", "policies": {"by_team": {"a": ["p"]}}"#);
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with("apis[1].policies.by_team: unknown")),
        "{found:?}"
    );
    let found = told(&good, r#", "policies": {}"#);
    assert!(
        matches!(found.as_slice(), [one] if one.contains("gives nobody a policy")),
        "{found:?}"
    );
    let found = told(&good, r#"}, {"name": "n", "match": {"paths": ["/n"]}, "auth": ["none"]"#);
    assert!(
        found.iter().any(|one| one.ends_with(r#"a public API has no list; write "auth": "none""#)),
        "{found:?}"
    );
}
