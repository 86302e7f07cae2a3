//! One API, and the problems of each of its fields.

use super::refused;

/// What an API has, where a case does not say otherwise.
const REST: [(&str, &str); 2] = [("name", r#""name": "orders""#), ("auth", r#""auth": ["okta"]"#)];

/// A configuration with three providers and one API: the given members from the second line on,
/// then the rest of it but one.
fn api(given: &str, without: &str) -> String {
    let members = super::members(given, without, &REST);
    let provider = |name: &str, from: &str| {
        format!(
            r#""{name}": {{"issuer": "https://{name}.example", "audiences": ["api"], "jwks": {{"discovery": true, "cluster": "{name}"}}{from}}}"#
        )
    };
    let okta = provider("okta", "");
    let partner = provider("partner", r#", "from": [{"header": "x-partner"}]"#);
    let third = provider("third", r#", "from": [{"header": "x-third"}]"#);
    let providers = [okta, partner, third].join(", ");
    format!("{{\"providers\": {{{providers}}}, \"apis\": [{{\n{members}\n}}]}}")
}

#[test]
fn an_api_is_refused_with_everything_that_is_wrong_in_it() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        // name, the member left out, members, problems
        (
            "no name",
            "name",
            "",
            &[r#"1:448: apis[0].name: missing; name the API, such as "orders""#],
        ),
        (
            "a name with a space",
            "",
            r#""name": "My Orders""#,
            &[
                "2:9: apis[0].name: `My Orders` is no name for an API: 1 to 64 of a-z, 0-9, `_` and `-`; write `my-orders`",
            ],
        ),
        (
            "an empty name",
            "",
            r#""name": """#,
            &["2:9: apis[0].name: an empty string; write a value, or leave it out"],
        ),
        (
            "no one to vouch",
            "auth",
            "",
            &[
                r#"1:448: apis[0].auth: missing; list the providers that may vouch, or say "none" for a public API"#,
            ],
        ),
        (
            "auth denied",
            "",
            r#""auth": "None""#,
            &["2:9: apis[0].auth: unknown value `None`; did you mean `none`?"],
        ),
        (
            "a provider not in a list",
            "",
            r#""auth": "okta""#,
            &[r#"2:9: apis[0].auth: a provider stands in a list; write ["okta"]"#],
        ),
        (
            "a misspelt provider not in a list",
            "",
            r#""auth": "okat""#,
            &[r#"2:9: apis[0].auth: unknown value `okat`; did you mean ["okta"]?"#],
        ),
        (
            "a word for auth",
            "",
            r#""auth": "jwt""#,
            &[r#"2:9: apis[0].auth: unknown value `jwt`; expected "none" or a list of providers"#],
        ),
        (
            "auth switched off",
            "",
            r#""auth": false"#,
            &[
                r#"2:9: apis[0].auth: expected `"none"` or a list of branches, found a boolean: put it in quotes"#,
            ],
        ),
        (
            "an empty list of branches",
            "",
            r#""auth": []"#,
            &[
                r#"2:9: apis[0].auth: an empty list would let nobody in; name a provider, or say "none" for a public API"#,
            ],
        ),
        (
            "an empty branch",
            "",
            r#""auth": ["okta", []]"#,
            &[
                "2:18: apis[0].auth[1]: an empty branch would let everybody in; name a provider, or delete it",
            ],
        ),
        (
            "a provider that is none",
            "",
            r#""auth": ["okta", "google"]"#,
            &[
                "2:18: apis[0].auth[1]: `google` is no provider; known: `okta`, `partner` and `third`",
            ],
        ),
        (
            "a provider misspelt",
            "",
            r#""auth": [["okta", "partnr"]]"#,
            &["2:19: apis[0].auth[0][1]: `partnr` is no provider; did you mean `partner`?"],
        ),
        (
            "a provider twice in a branch",
            "",
            r#""auth": [["okta", "okta"]]"#,
            &["2:19: apis[0].auth[0][1]: `okta` is in this branch twice; delete one"],
        ),
        (
            "a branch twice",
            "",
            r#""auth": ["okta", ["okta"]]"#,
            &["2:18: apis[0].auth[1]: this branch is written twice; delete one"],
        ),
        (
            "a branch twice in another order",
            "",
            r#""auth": [["okta", "partner"], ["partner", "okta"]], "session_from": "okta""#,
            &["2:31: apis[0].auth[1]: this branch is written twice; delete one"],
        ),
        (
            "a branch that contains another",
            "",
            r#""auth": [["okta", "partner"], "okta"], "session_from": "okta""#,
            &[
                "2:10: apis[0].auth[0]: contains the branch `okta`, which is enough: this one is never needed; delete one of the two",
            ],
        ),
        (
            "a branch of a wrong type",
            "",
            r#""auth": ["okta", 5, [6]]"#,
            &[
                "2:18: apis[0].auth[1]: expected a string or a list of strings, found a number: put it in quotes",
                "2:22: apis[0].auth[2][0]: expected a string, found a number: put it in quotes",
            ],
        ),
        (
            "the origin story",
            "",
            r#""auth": [["partner", "okta"]],
"session_from": "oauth_token""#,
            &[
                "3:17: apis[0].session_from: `oauth_token` is no provider of this API; its branches have: partner, okta",
            ],
        ),
        (
            "no session provider for a branch of two",
            "",
            r#""auth": [["partner", "okta"]]"#,
            &[
                "1:448: apis[0].session_from: missing; the branch `partner` + `okta` has several providers: name the one whose session is used",
            ],
        ),
        (
            "a session provider misspelt",
            "",
            r#""auth": [["partner", "okta"]], "session_from": "Okta""#,
            &[
                "2:48: apis[0].session_from: `Okta` is no provider of this API; its branches have: partner, okta; did you mean `okta`?",
            ],
        ),
        (
            "a session provider of another branch",
            "",
            r#""auth": [["partner", "okta"], "third"], "session_from": "third""#,
            &[
                "2:57: apis[0].session_from: names no provider of the branch `partner` + `okta`; add exactly one of them",
            ],
        ),
        (
            "two session providers in one branch",
            "",
            r#""auth": [["partner", "okta"]], "session_from": ["okta", "partner"]"#,
            &[
                "2:48: apis[0].session_from: names several providers of the branch `partner` + `okta`; keep exactly one",
            ],
        ),
        (
            "an empty list of session providers",
            "",
            r#""auth": [["partner", "okta"]], "session_from": []"#,
            &[
                "2:48: apis[0].session_from: an empty list names no session; name a provider, or leave it out",
            ],
        ),
        (
            "a session provider that is not listed",
            "",
            r#""auth": ["okta"], "session_from": "partner""#,
            &[
                "2:35: apis[0].session_from: `partner` is no provider of this API; its branches have: okta",
            ],
        ),
        (
            "demands on a public API",
            "",
            r#""auth": "none",
"audiences": ["a"],
"clients": ["b"],
"scopes": ["c"],
"session_from": "okta",
"optional": true,
"cors_preflight": "refuse""#,
            &[
                r#"3:14: apis[0].audiences: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"4:12: apis[0].clients: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"5:11: apis[0].scopes: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"6:17: apis[0].session_from: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"7:13: apis[0].optional: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
                r#"8:19: apis[0].cors_preflight: has no meaning on an API with "auth": "none"; delete it, or name providers in `auth`"#,
            ],
        ),
        (
            "empty demands",
            "",
            r#""audiences": [], "clients": [], "scopes": []"#,
            &[
                "2:14: apis[0].audiences: an empty list would accept nothing; name one audience, or leave it out",
                "2:29: apis[0].clients: an empty list would accept nothing; name one client, or leave it out",
                "2:43: apis[0].scopes: an empty list asks for nothing; name a scope, or leave it out",
            ],
        ),
        (
            "two scopes in one",
            "",
            r#""scopes": ["orders:read orders:write"]"#,
            &["2:12: apis[0].scopes[0]: a scope has no space; write each as a string of its own"],
        ),
        (
            "scopes that are none",
            "",
            r#""scopes": ["a\"b", "é"]"#,
            &[
                r#"2:12: apis[0].scopes[0]: `a\"b` is no scope: printable ASCII without space, `"` and `\` (RFC 6749 §3.3)"#,
                r#"2:20: apis[0].scopes[1]: `\u{e9}` is no scope: printable ASCII without space, `"` and `\` (RFC 6749 §3.3)"#,
            ],
        ),
        (
            "a preflight answer that is none",
            "",
            r#""cors_preflight": "allow""#,
            &["2:19: apis[0].cors_preflight: unknown value `allow`; expected `refuse` or `pass`"],
        ),
        (
            "a match with nothing to match",
            "",
            r#""match": {"hosts": [], "paths": [], "methods": []}"#,
            &[
                "2:20: apis[0].match.hosts: an empty list would match nothing; leave it out for any",
                "2:33: apis[0].match.paths: an empty list would match nothing; leave it out for any",
                "2:48: apis[0].match.methods: an empty list would match nothing; leave it out for any",
            ],
        ),
        (
            "hosts that match nothing",
            "",
            r#""match": {"hosts": ["api.example.com:443",
"https://api.example.com",
"*",
"bücher.example"]}"#,
            &[
                "2:21: apis[0].match.hosts[0]: `api.example.com:443`: ports are ignored; write the host without one",
                "3:1: apis[0].match.hosts[1]: `https://api.example.com`: write the host alone, without scheme and path",
                "4:1: apis[0].match.hosts[2]: `*`: `*` stands only in front, as in `*.example.com`; for any host leave `hosts` out",
                r"5:1: apis[0].match.hosts[3]: `b\u{fc}cher.example`: a host has letters, digits, `-`, `_` and `.` only; write others as `xn--…`",
            ],
        ),
        (
            "paths that match nothing",
            "",
            r#""match": {"paths": ["orders",
"/a//b",
"/a/../b",
"/a%2fb",
"/a?b",
"/**/a",
"/a*",
"/a;b",
"/%zz"]}"#,
            &[
                "2:21: apis[0].match.paths[0]: `orders`: no slash at its beginning; requests for such a path are refused",
                "3:1: apis[0].match.paths[1]: `/a//b`: an empty segment (`//`, or a `;` right after a slash); requests for such a path are refused",
                "4:1: apis[0].match.paths[2]: `/a/../b`: a `.` or `..` segment, raw, encoded or before a `;`; requests for such a path are refused",
                "5:1: apis[0].match.paths[3]: `/a%2fb`: an encoded slash (`%2f`); requests for such a path are refused, unless the API says \"encoded_slash\": \"segment\"",
                "6:1: apis[0].match.paths[4]: `/a?b`: paths are matched without the query; delete `?` and what follows",
                "7:1: apis[0].match.paths[5]: `/**/a`: `**` can only be the last segment",
                "8:1: apis[0].match.paths[6]: `/a*`: `*` and `{id}` are whole segments; write a literal `*` as `%2A`, `{` as `%7B`",
                "9:1: apis[0].match.paths[7]: `/a;b`: what follows a `;` in a segment selects no API; delete it",
                "10:1: apis[0].match.paths[8]: `/%zz`: a `%` without two hexadecimal digits behind it; requests for such a path are refused",
            ],
        ),
        (
            "methods that match nothing",
            "",
            r#""match": {"methods": ["get", "*", "G ET"]}"#,
            &[
                "2:23: apis[0].match.methods[0]: methods are compared exactly, and `get` is none; write `GET`",
                "2:30: apis[0].match.methods[1]: `*` is no method; leave `methods` out for any",
                r#"2:35: apis[0].match.methods[2]: `G ET` is no method; write one, such as "GET""#,
            ],
        ),
        (
            "routes that match nothing",
            "",
            r#""match": {"routes": ["a", "", "b", "a"], "route_metadata": "orders"}"#,
            &[
                "2:27: apis[0].match.routes[1]: an empty string; write a value, or leave it out",
                "2:36: apis[0].match.routes[3]: the route `a` is written twice; delete one",
                "2:60: apis[0].match.route_metadata: expected true or false, found a string",
            ],
        ),
        (
            "no route at all",
            "",
            r#""match": {"routes": []}"#,
            &[
                "2:21: apis[0].match.routes: an empty list would match nothing; leave it out for any",
            ],
        ),
        (
            "a match of later",
            "",
            r#""match": {"headers": ["r"], "path": ["/a"]}"#,
            &[
                "2:11: apis[0].match.headers: unknown field; known here: `hosts`, `paths`, `methods`, `routes` and `route_metadata`",
                "2:29: apis[0].match.path: unknown field; did you mean `paths`?",
            ],
        ),
    ];
    for (name, without, given, problems) in cases {
        assert_eq!(refused(&api(given, without)), *problems, "{name}");
    }
}

#[test]
fn a_mistake_in_what_an_api_takes_hides_no_other_api() {
    let cases = [
        // what the first API says, the one problem
        (r#""match": {"paths": ["orders/**"]}"#, "apis[0].match.paths[0]"),
        (r#""match": {"paths": ["/orders*"]}"#, "apis[0].match.paths[0]"),
        (r#""match": {"paths": ["/orders?x"]}"#, "apis[0].match.paths[0]"),
        (r#""match": {"paths": ["/a//b", "/c"]}"#, "apis[0].match.paths[0]"),
        (r#""match": {"paths": [7]}"#, "apis[0].match.paths[0]"),
        (r#""match": {"paths": []}"#, "apis[0].match.paths"),
        (r#""match": {"paths": "/orders/**"}"#, "apis[0].match.paths"),
        (r#""match": {"paths": null}"#, "apis[0].match.paths"),
        (r#""match": {"hosts": ["https://a.example"]}"#, "apis[0].match.hosts[0]"),
        (r#""match": {"hosts": ["a.example:80"]}"#, "apis[0].match.hosts[0]"),
        (r#""match": {"hosts": "a.example"}"#, "apis[0].match.hosts"),
        (r#""match": {"methods": ["get"]}"#, "apis[0].match.methods[0]"),
        (r#""match": {"methods": ["*"]}"#, "apis[0].match.methods[0]"),
        (r#""match": {"methods": "GET"}"#, "apis[0].match.methods"),
        (r#""match": {"routes": ["a", "a"]}"#, "apis[0].match.routes[1]"),
        (r#""match": {"routes": []}"#, "apis[0].match.routes"),
        (r#""match": {"route_metadata": "yes"}"#, "apis[0].match.route_metadata"),
        (r#""match": {"prefix": "/orders"}"#, "apis[0].match.prefix"),
        (r#""match": ["/orders/**"]"#, "apis[0].match"),
        (r#""listen_path": "/orders""#, "apis[0].listen_path"),
        (r#""Match": {"pathes": ["/orders/**"]}"#, ""),
    ];
    for (first, problem) in cases {
        let text = format!(
            "{{\"providers\": {{\"okta\": %okta%}}, \"apis\": [\n  \
             {{\"name\": \"one\", \"auth\": [\"okta\"], {first}}},\n  \
             {{\"name\": \"two\", \"auth\": \"none\", \"match\": {{\"paths\": [\"/x\"]}}}}]}}"
        );
        let found = refused(&text);
        match found.as_slice() {
            [one] if !problem.is_empty() => {
                assert!(one.contains(&format!(": {problem}: ")), "{first}: {one}");
            }
            // Two typing errors, and what was meant by both is read.
            [one, two] if problem.is_empty() => {
                assert!(one.contains("`match`") && two.contains("`paths`"), "{found:?}");
            }
            _ => panic!("{first}: {found:#?}"),
        }
    }
    // What is a second mistake is told beside the first.
    let found = refused(
        r#"{"providers": {"okta": %okta%}, "apis": [
  {"name": "one", "auth": ["nobody"]},
  {"name": "two", "auth": "none", "match": {"paths": ["/x"]}}]}"#,
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[1].starts_with("3:3: apis[1]: hidden"), "{found:#?}");
}
