use super::*;
use crate::yaml;

#[test]
fn what_is_read_is_found_and_what_is_written_or_told_to_clients_is_not() {
    let wanted =
        Wanted { headers: vec!["x-user".to_owned(), "authorization".to_owned()], own: true };
    let cases = [
        // configuration, what it reads
        ("filter_state: { key: wasm.tollgate.identity }", Some("wasm.tollgate.identity")),
        (
            "text: \"filter_state['wasm.tollgate.identity'] == b'bob'\"",
            Some("wasm.tollgate.identity"),
        ),
        ("format: '%FILTER_STATE(wasm.tollgate.policies:PLAIN)%'", Some("wasm.tollgate.policies")),
        ("header: { name: x-tollgate-identity, exact_match: bob }", Some("x-tollgate-identity")),
        ("header: { name: X-Tollgate-Provider, exact_match: a }", Some("x-tollgate-provider")),
        ("request_headers: { header_name: x-user, descriptor_key: u }", Some("x-user")),
        ("requestHeaders: { headerName: x-user }", Some("x-user")),
        ("allowed_headers: { patterns: [{ exact: x-user }] }", Some("x-user")),
        ("allowed_headers: { patterns: [{ prefix: x-tollgate- }] }", Some("x-tollgate-")),
        ("expression: \"request.headers['x-user'] == 'bob'\"", Some("x-user")),
        ("value: '%REQ(x-user)%'", Some("x-user")),
        ("value: '%REQ(X-USER?authorization):9%'", Some("x-user")),
        (
            "inline_string: |\n  function envoy_on_request(h)\n    h:headers():get(\"authorization\")\n  end\n",
            Some("authorization"),
        ),
        // An operator may refuse who brings what only Tollgate writes.
        (
            "rules: { action: DENY, policies: { a: { permissions: [{ header: { name: x-tollgate-identity, present_match: true } }] } } }",
            None,
        ),
        (
            "rules: { action: ALLOW, policies: { a: { permissions: [{ header: { name: x-tollgate-identity, present_match: true } }] } } }",
            Some("x-tollgate-identity"),
        ),
        ("request_mutations: [{ remove: x-tollgate-identity }]", None),
        ("request_mutations: [{ append: { header: { key: x-user, value: a } } }]", None),
        (
            "request_mutations: [{ append: { header: { key: a, value: '%REQ(x-user)%' } } }]",
            Some("x-user"),
        ),
        ("response_mutations: [{ append: { header: { key: a, value: '%REQ(x-user)%' } } }]", None),
        ("cors: { expose_headers: 'x-tollgate-code, x-user', allow_headers: authorization }", None),
        ("claim_to_headers: [{ header_name: x-user, claim_name: sub }]", None),
        ("disallowed_headers: { patterns: [{ exact: authorization }] }", None),
        ("header: { name: x-tollgate-explain, present_match: true }", None),
        ("allow_headers: x-tollgate-identity", None),
        ("stat_prefix: x-tollgate-identity", None),
        ("header: { name: x-username, exact_match: x }", None),
        ("token_bucket: { note: x-user }", None),
        (
            "inline_string: |\n  function envoy_on_request(h)\n    -- x-tollgate-identity comes later\n  end\n  function envoy_on_response(h)\n    h:streamInfo():filterState():get(\"wasm.tollgate.code\")\n  end\n",
            None,
        ),
    ];
    for (config, expected) in cases {
        let documents = yaml::parse(config).expect(config);
        assert_eq!(wanted.find(&documents[0]).as_deref(), expected, "{config}");
    }
    let theirs = Wanted { headers: Vec::new(), own: false };
    let documents = yaml::parse("header: { name: x-tollgate-identity }").expect("YAML");
    assert_eq!(theirs.find(&documents[0]), None);
}
