//! Whole texts, and the problems of each.

use super::refused;

#[test]
fn a_text_is_refused_with_everything_that_is_wrong_in_it() {
    let cases: &[(&str, &str, &[&str])] = &[
        // name, text, problems
        ("an empty text", "", &["1:1: the configuration is empty: write at least `providers`"]),
        (
            "white space only",
            " \n\t ",
            &["1:1: the configuration is empty: write at least `providers`"],
        ),
        ("a list", "[]", &[r#"1:1: the configuration is an object: { "providers": … }"#]),
        (
            "a string",
            r#""providers""#,
            &[r#"1:1: the configuration is an object: { "providers": … }"#],
        ),
        ("null", "null", &[r#"1:1: the configuration is an object: { "providers": … }"#]),
        (
            "a byte order mark",
            "\u{feff}{}",
            &["1:1: a byte order mark: save the file as UTF-8 without one (RFC 8259 §8.1)"],
        ),
        (
            "nothing in it",
            "{}",
            &[
                r#"1:1: providers: missing; nobody could vouch for a request; write a provider, or an API with "auth": "none""#,
            ],
        ),
        (
            "an unclosed object",
            r#"{"providers": {"#,
            &[
                "1:15: not JSON: EOF while parsing an object: the text ends too early, look for an unclosed bracket",
            ],
        ),
        (
            "a trailing comma",
            r#"{"providers": {},}"#,
            &["1:18: not JSON: key must be a string: delete the comma before the bracket"],
        ),
        (
            "a comment",
            r#"{
  // okta
  "providers": {}
}"#,
            &[
                "2:3: not JSON: key must be a string: JSON has no comments, use a `description` member instead",
            ],
        ),
        (
            "single quotes",
            "{'providers': {}}",
            &["1:2: not JSON: key must be a string: strings stand in double quotes"],
        ),
        (
            "a missing comma",
            r#"{"providers": {} "apis": []}"#,
            &["1:18: not JSON: expected `,` or `}`"],
        ),
        ("a second object", "{} {}", &["1:4: not JSON: trailing characters"]),
        (
            "a raw line break in a string",
            r#"{"realm": "a
b"}"#,
            &[
                r"1:12: not JSON: control character (\u0000-\u001F) found while parsing a string: write it as an escape, such as \n",
            ],
        ),
        (
            "a lone surrogate",
            r#"{"realm": "\ud800"}"#,
            &[
                "1:12: not JSON: invalid unicode escape sequence. 'd800 (unpaired high surrogate)' is not a valid UTF8 character",
            ],
        ),
        ("a name without quotes", "{providers: {}}", &["1:2: not JSON: key must be a string"]),
        (
            "providers empty",
            r#"{"providers": {}}"#,
            &[
                r#"1:15: providers: empty; nobody could vouch for a request; write a provider, or an API with "auth": "none""#,
            ],
        ),
        (
            "providers a list",
            r#"{"providers": []}"#,
            &["1:15: providers: expected an object, found a list"],
        ),
        (
            "a provider that is a string",
            r#"{"providers": {"okta": "https://example.okta.com"}}"#,
            &["1:24: providers.okta: expected an object, found a string"],
        ),
        (
            "a misspelt top field, its contents still read",
            r#"{"provider": {"okta": {"issuer": 5}}}"#,
            &[
                "1:2: provider: unknown field; did you mean `providers`?",
                "1:34: provider.okta.issuer: expected a string or a list of strings, found a number: put it in quotes",
            ],
        ),
        (
            "top fields of other products",
            r#"{"plugins": {}, "upstreams": [], "policies": {}, "apis": [{"name": "health", "auth": "none"}]}"#,
            &[
                "1:2: plugins: unknown field; known here: %top%",
                "1:17: upstreams: unknown field; known here: %top%",
                "1:46: policies: empty; write a policy, or leave it out",
            ],
        ),
        (
            "a member written twice",
            r#"{"apis": [{"name": "a", "auth": "none"}],
"realm": "x", "realm": "y"}"#,
            &["2:15: realm: written twice in one object; delete one of the two"],
        ),
        (
            "a member written twice, once escaped",
            r#"{"apis": [{"name": "a", "auth": "none"}],
"realm": "x", "\u0072ealm": "y"}"#,
            &["2:15: realm: written twice in one object; delete one of the two"],
        ),
        (
            "a comment that is no text",
            r#"{"apis": [{"name": "a", "auth": "none", "description": {"text": "b"}}], "description": 5}"#,
            &[
                "1:56: apis[0].description: `description` is a comment in every object: expected a string or a list of strings",
                "1:88: description: `description` is a comment in every object: expected a string or a list of strings",
            ],
        ),
        (
            "a sequence of mistakes, all of them found",
            r#"{ "providers": { "Okta": { "isuer": "x", "clock_skew": "1h30m", "from": [] } },
"apis": [ { "name": "orders", "auth": ["okta"], "methods": ["GET"] }, 5 ],
"sessions": { "capacity": 3 }, "log": { "format": "xml" } }"#,
            &[
                "1:18: providers.Okta: `Okta` is no name for a provider: 1 to 64 of a-z, 0-9, `_` and `-`; write `okta`",
                r#"1:26: providers.Okta.audiences: missing; name the audience of your API, or `clients`, or say "any_audience": true"#,
                "1:26: providers.Okta.jwks: missing; say where the keys are: `url`, `discovery` or `inline`; or write `pem` or `secret`",
                "1:28: providers.Okta.isuer: unknown field; did you mean `issuer`?",
                r#"1:56: providers.Okta.clock_skew: `1h30m` is no duration; write "90m""#,
                "1:73: providers.Okta.from: an empty list would find no token; name a header, or leave it out for `Authorization: Bearer`",
                "2:40: apis[0].auth[0]: `okta` is no provider; did you mean `Okta`?",
                "2:49: apis[0].methods: unknown field; known here: %api%",
                "2:71: apis[1]: expected an object, found a number",
                "3:27: sessions.capacity: `3`; expected a whole number from 8 to 16777216",
                "3:51: log.format: unknown value `xml`; expected `json` or `logfmt`",
            ],
        ),
        (
            "APIs of one name",
            r#"{"apis": [{"name": "a", "match": {"paths": ["/a"]}, "auth": "none"},
{"name": "a", "auth": "none"}]}"#,
            &["2:10: apis[1].name: `a` is the name of apis[0], too; write another"],
        ),
        (
            "an API behind one that takes everything",
            r#"{"apis": [{"name": "all", "auth": "none"},
{"name": "orders", "match": {"paths": ["/orders/**"]}, "auth": "none"}]}"#,
            &[
                "2:1: apis[1]: hidden: `all` (apis[0]) comes first and takes every request of this API; put this one before it, or narrow its `match`",
            ],
        ),
        (
            "an API on a route that an earlier one takes",
            r#"{"apis": [{"name": "a", "match": {"routes": ["x", "y"]}, "auth": "none"},
{"name": "b", "match": {"routes": ["y"], "methods": ["GET"]}, "auth": "none"},
{"name": "c", "match": {"route_metadata": true}, "auth": "none"},
{"name": "d", "match": {"route_metadata": true}, "auth": "none"},
{"name": "e", "match": {"routes": ["y", "z"]}, "auth": "none"}]}"#,
            &[
                "2:1: apis[1]: hidden: `a` (apis[0]) comes first and takes every request of this API; put this one before it, or narrow its `match`",
            ],
        ),
        (
            "an API by metadata behind one that takes everything",
            r#"{"apis": [{"name": "all", "auth": "none"},
{"name": "orders", "match": {"route_metadata": true}, "auth": "none"}]}"#,
            &[
                "2:1: apis[1]: hidden: `all` (apis[0]) comes first and takes every request of this API; put this one before it, or narrow its `match`",
            ],
        ),
        (
            "an empty list of APIs",
            r#"{"providers": {"okta": %okta%}, "apis": []}"#,
            &[
                "1:138: apis: an empty list would refuse every request; name an API, or leave it out",
            ],
        ),
        (
            "an API and no provider",
            r#"{"apis": [{"name": "a", "auth": ["okta"]}]}"#,
            &[
                r#"1:1: providers: missing; nobody could vouch for a request; write a provider, or an API with "auth": "none""#,
                "1:34: apis[0].auth[0]: `okta` is no provider; there are none",
            ],
        ),
        (
            "a realm with a quote",
            r#"{"providers": {"okta": %okta%}, "realm": "a\"b"}"#,
            &[
                r#"1:139: realm: a realm is at most 256 printable ASCII characters, without `"` and `\`"#,
            ],
        ),
        (
            "a realm outside ASCII",
            r#"{"providers": {"okta": %okta%}, "realm": "Zürich"}"#,
            &[
                r#"1:139: realm: a realm is at most 256 printable ASCII characters, without `"` and `\`"#,
            ],
        ),
        (
            "an empty realm",
            r#"{"providers": {"okta": %okta%}, "realm": ""}"#,
            &["1:139: realm: an empty string; write a value, or leave it out"],
        ),
        (
            "capacities that are none",
            r#"{"providers": {"okta": %okta%}, "sessions": {"capacity": "65536"}, "log": {"per_second": 0}}"#,
            &[
                "1:155: sessions.capacity: expected a whole number, found a string: write it without quotes",
                "1:187: log.per_second: `0`; expected a whole number from 1 to 1000000",
            ],
        ),
        (
            "a capacity out of range",
            r#"{"providers": {"okta": %okta%}, "sessions": {"capacity": 16777217}}"#,
            &["1:155: sessions.capacity: `16777217`; expected a whole number from 8 to 16777216"],
        ),
        (
            "a capacity with a fraction",
            r#"{"providers": {"okta": %okta%}, "sessions": {"capacity": 1e3}}"#,
            &["1:155: sessions.capacity: `1e3`; expected a whole number from 8 to 16777216"],
        ),
        (
            "an unknown log format",
            r#"{"providers": {"okta": %okta%}, "log": {"format": "text", "identity": "hashed", "level": "debug"}}"#,
            &[
                "1:148: log.format: unknown value `text`; expected `json` or `logfmt`",
                "1:168: log.identity: unknown value `hashed`; did you mean `hash`?",
                "1:178: log.level: unknown field; known here: `format`, `identity`, `path`, `per_second`, `detail` and `until`",
            ],
        ),
        (
            "two providers of one issuer",
            r#"{"providers": {"a": %okta%,
"b": {"issuer": "https://okta.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "idp"}}}}"#,
            &[
                "2:17: providers.b.issuer: also the issuer of provider `a`, and API `default` lists both: a token could be for either; make them one provider, or list them in different APIs",
            ],
        ),
        (
            "two providers of any issuer",
            r#"{"providers": {"a": {"any_issuer": true, "audiences": ["a"], "jwks": {"url": "https://a.example/keys", "cluster": "a"}},
"b": {"any_issuer": true, "audiences": ["b"], "jwks": {"url": "https://b.example/keys", "cluster": "b"}}}}"#,
            &[
                "2:21: providers.b.any_issuer: provider `a` takes any issuer, too, and API `default` lists both: a token could be for either; name the issuers of one of them",
            ],
        ),
        (
            "one key ring with two timings",
            r#"{"providers": {"a": %okta%,
"b": {"issuer": "https://okta.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "idp",
"refresh": "5m"}}},
"apis": [{"name": "a", "match": {"hosts": ["a"]}, "auth": ["a"]}, {"name": "b", "auth": ["b"]}]}"#,
            &[
                "3:12: providers.b.jwks.refresh: `refresh` is 5m here and 10m at provider `a`, which shares these keys; give both the same",
            ],
        ),
        (
            "a header that another provider reads",
            r#"{"providers": {"a": %okta%,
"b": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}, "from": [{"header": "x-b"}],
"upstream": {"headers": {"X_B": "sub"}}}}}"#,
            &[
                "3:26: providers.b.upstream.headers.X_B: `x_b` is where provider `b` reads its token (`from`); write another header",
            ],
        ),
        (
            "one header of two providers in a branch",
            r#"{"providers": {"a": {"issuer": "https://a.example", "audiences": ["a"], "jwks": {"discovery": true, "cluster": "a"}, "upstream": {"headers": {"x-user": "sub"}}},
"b": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}, "from": [{"header": "x-b"}],
"upstream": {"headers": {"x_user": "sub"}}}},
"apis": [{"name": "all", "auth": [["a", "b"]], "session_from": "a"}]}"#,
            &[
                "3:26: providers.b.upstream.headers.x_user: provider `a` writes `x_user`, too, and a branch of API `all` has both; write another header",
            ],
        ),
        (
            "a default header of the session written by another",
            r#"{"providers": {"a": %okta%,
"b": {"issuer": "https://b.example", "audiences": ["b"], "jwks": {"discovery": true, "cluster": "b"}, "from": [{"header": "x-b"}],
"upstream": {"headers": {"x-tollgate-identity": "sub"}}}},
"apis": [{"name": "all", "auth": [["a", "b"]], "session_from": "a"}]}"#,
            &[
                "3:26: providers.b.upstream.headers.x-tollgate-identity: on API `all` the session of provider `a` writes `x-tollgate-identity`; write another header, or give that provider `upstream.headers` of its own",
            ],
        ),
        (
            "places of tokens that fit no API",
            r#"{"providers": {"a": {"issuer": "https://a.example", "audiences": ["a"], "jwks": {"discovery": true, "cluster": "a"},
"from": [{"header": "x-a", "apis": ["order", "health"]}]}},
"apis": [{"name": "health", "match": {"paths": ["/health"]}, "auth": "none"},
{"name": "orders", "auth": ["a"]}]}"#,
            &[
                "2:37: providers.a.from[0].apis[0]: `order` is no API; did you mean `orders`?",
                "2:46: providers.a.from[0].apis[1]: API `health` does not list this provider in `auth`; add it there, or delete the name here",
            ],
        ),
        (
            "a trailing comma in a list",
            r#"{"apis": [1,]}"#,
            &["1:13: not JSON: expected value: delete the comma before the bracket"],
        ),
        (
            "a place for one API only, of two",
            r#"{"providers": {"a": {"issuer": "https://a.example", "audiences": ["a"], "jwks": {"discovery": true, "cluster": "a"},
"from": [{"header": "x-a", "apis": ["one"]}]}},
"apis": [{"name": "one", "match": {"paths": ["/one"]}, "auth": ["a"]},
{"name": "two", "auth": ["a"]}]}"#,
            &[
                "2:9: providers.a.from: no place counts on API `two`, which lists this provider: its token would never be found there; add `two` to a place",
            ],
        ),
        (
            "a fine character in front",
            r#"{"description": "é→😀", "realm": 5}"#,
            &[
                r#"1:1: providers: missing; nobody could vouch for a request; write a provider, or an API with "auth": "none""#,
                "1:33: realm: expected a string, found a number: put it in quotes",
            ],
        ),
        (
            "a credential where a scheme belongs, never shown",
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"},
"from": [{"header": "authorization", "scheme": "Bearer eyJhbGciOiJSUzI1NiJ9"}]}}}"#,
            &[r#"2:48: providers.okta.from[0].scheme: a scheme is one word, such as "Bearer""#],
        ),
        (
            "text after a good object",
            r#"{"providers": {"okta": %okta%}}}"#,
            &["1:129: not JSON: trailing characters"],
        ),
    ];
    for (name, text, problems) in cases {
        assert_eq!(refused(text), *problems, "{name}");
    }
}

#[test]
fn a_message_stays_on_one_line_whatever_it_names() {
    let text = r#"{"providers": {"ok\nta": %okta%, "o\u007fkta": %okta%}, "apis": [
{"name": "a\nb", "auth": ["okta"]}, {"name": "c", "auth": [["ok\nta", "ok\nta"], ["ok\nta"], ["x"]]}]}"#;
    let problems = refused(text);
    assert!(
        problems.iter().any(|line| line.contains(r"did you mean `ok\u{a}ta`?")),
        "{problems:?}"
    );
    for line in problems {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
