//! One provider: what its tokens must be, where they stand and what of them goes upstream, and the
//! problems of each field.

use super::providers::provider;
use super::refused;

#[test]
fn a_provider_is_refused_for_what_is_wrong_with_its_demands() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        // name, the member left out, members, problems
        (
            "a duration without unit",
            "",
            r#""clock_skew": 60"#,
            &[r#"2:15: providers.okta.clock_skew: `60` has no unit; write "60s""#],
        ),
        (
            "a duration in two units",
            "",
            r#""max_lifetime": "1h30m""#,
            &[r#"2:17: providers.okta.max_lifetime: `1h30m` is no duration; write "90m""#],
        ),
        (
            "a duration in words",
            "",
            r#""max_lifetime": "soon""#,
            &[
                r#"2:17: providers.okta.max_lifetime: `soon` is no duration; write one integer and one unit of ms, s, m, h, d, such as "60s""#,
            ],
        ),
        (
            "a duration of a wrong type",
            "",
            r#""max_lifetime": true"#,
            &[
                r#"2:17: providers.okta.max_lifetime: expected a duration such as "60s", found a boolean: put it in quotes"#,
            ],
        ),
        (
            "a negative duration",
            "",
            r#""max_lifetime": "-1h""#,
            &[
                r#"2:17: providers.okta.max_lifetime: `-1h` is no duration; write one integer and one unit of ms, s, m, h, d, such as "60s""#,
            ],
        ),
        (
            "a duration over a year",
            "",
            r#""max_lifetime": "366d""#,
            &[r#"2:17: providers.okta.max_lifetime: `366d` is too long; at most "365d""#],
        ),
        (
            "a duration beyond counting",
            "",
            r#""max_lifetime": "1000000000000000000000h""#,
            &[
                r#"2:17: providers.okta.max_lifetime: `1000000000000000000000h` is too long; at most "365d""#,
            ],
        ),
        (
            "no lifetime",
            "",
            r#""max_lifetime": "0s""#,
            &[r#"2:17: providers.okta.max_lifetime: zero makes no sense here; at least "1ms""#],
        ),
        (
            "timings too short",
            "",
            r#""jwks": {"url": "https://a.example/keys", "cluster": "idp",
"timeout": "0ms", "refresh": "50ms", "cooldown": "99ms", "max_stale": "0s"}"#,
            &[
                r#"3:12: providers.okta.jwks.timeout: zero makes no sense here; at least "1ms""#,
                r#"3:30: providers.okta.jwks.refresh: `50ms` is too short; at least "100ms""#,
                r#"3:50: providers.okta.jwks.cooldown: `99ms` is too short; at least "100ms""#,
                r#"3:71: providers.okta.jwks.max_stale: zero makes no sense here; at least "1ms""#,
            ],
        ),
        (
            "a timeout too long",
            "",
            r#""jwks": {"url": "https://a.example/keys", "cluster": "idp", "timeout": "2h"}"#,
            &[r#"2:72: providers.okta.jwks.timeout: `2h` is too long; at most "1h""#],
        ),
        (
            "an algorithm with a secret",
            "",
            r#""algorithms": ["HS256"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: `HS256` signs with a secret, and keys that are fetched are no secret: whoever reads them could sign; name the asymmetric algorithm of the provider",
            ],
        ),
        (
            "an algorithm with a secret in lower case",
            "",
            r#""algorithms": ["hs512"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: unknown algorithm `hs512`; did you mean `HS512`?",
            ],
        ),
        (
            "algorithms with a secret, and a URL that all may read",
            "",
            r#""jwks": {"url": "https://a.example/keys", "cluster": "idp"}, "algorithms": ["RS256", "HS384", "HS512"]"#,
            &[
                "2:86: providers.okta.algorithms[1]: `HS384` signs with a secret, and keys that are fetched are no secret: whoever reads them could sign; name the asymmetric algorithm of the provider",
                "2:95: providers.okta.algorithms[2]: `HS512` signs with a secret, and keys that are fetched are no secret: whoever reads them could sign; name the asymmetric algorithm of the provider",
            ],
        ),
        (
            "a secret whose algorithm is not listed",
            "",
            r#""jwks": {"inline": {"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}"#,
            &[
                "2:20: providers.okta.jwks.inline: no key of this set fits an algorithm accepted here: `EdDSA`, `ES256`, `PS256`, `PS384`, `PS512`, `RS256`, `RS384` and `RS512`; name the keys' own in `algorithms`",
            ],
        ),
        (
            "a secret that is too short for the algorithm listed",
            "",
            r#""jwks": {"inline": {"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}, "algorithms": ["HS512"]"#,
            &[
                "2:20: providers.okta.jwks.inline: no key of this set fits an algorithm accepted here: `HS512`; name the keys' own in `algorithms`",
            ],
        ),
        (
            "no signature for an algorithm",
            "",
            r#""algorithms": ["RS256", "none"]"#,
            &[
                "2:25: providers.okta.algorithms[1]: `none` is no signature: anybody could write such a token; take it out",
            ],
        ),
        (
            "an algorithm in lower case",
            "",
            r#""algorithms": ["rs256"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: unknown algorithm `rs256`; did you mean `RS256`?",
            ],
        ),
        (
            "an algorithm misspelt",
            "",
            r#""algorithms": ["RS265"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: unknown algorithm `RS265`; did you mean `RS256`?",
            ],
        ),
        (
            "algorithms that are not supported",
            "",
            r#""algorithms": ["ES256K", "Ed448"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: `ES256K` is not supported; supported are `EdDSA`, `ES256`, `ES384`, `ES512`, `HS256`, `HS384`, `HS512`, `PS256`, `PS384`, `PS512`, `RS256`, `RS384` and `RS512`",
                "2:26: providers.okta.algorithms[1]: `Ed448` is not supported; supported are `EdDSA`, `ES256`, `ES384`, `ES512`, `HS256`, `HS384`, `HS512`, `PS256`, `PS384`, `PS512`, `RS256`, `RS384` and `RS512`",
            ],
        ),
        (
            "an algorithm of encryption",
            "",
            r#""algorithms": ["RSA-OAEP"]"#,
            &[
                "2:16: providers.okta.algorithms[0]: unknown algorithm `RSA-OAEP`; supported are `EdDSA`, `ES256`, `ES384`, `ES512`, `HS256`, `HS384`, `HS512`, `PS256`, `PS384`, `PS512`, `RS256`, `RS384` and `RS512`",
            ],
        ),
        (
            "no algorithms",
            "",
            r#""algorithms": []"#,
            &[
                "2:15: providers.okta.algorithms: an empty list would accept nothing; name an algorithm, or leave it out",
            ],
        ),
        (
            "no types",
            "",
            r#""typ": []"#,
            &[
                "2:8: providers.okta.typ: an empty list would accept nothing; name a type, or leave it out",
            ],
        ),
        (
            "a type that is never an access token",
            "",
            r#""typ": ["at+jwt", "application/Logout+JWT"]"#,
            &[
                "2:19: providers.okta.typ[1]: `logout+jwt` is never an access token and always refused; take it out",
            ],
        ),
        (
            "a type as a string",
            "",
            r#""typ": "at+jwt""#,
            &["2:8: providers.okta.typ: expected a list, found a string: put it into brackets"],
        ),
        (
            "an unknown way with bound tokens",
            "",
            r#""binding": "ignored""#,
            &["2:12: providers.okta.binding: unknown value `ignored`; did you mean `ignore`?"],
        ),
        (
            "a way of another kind with bound tokens",
            "",
            r#""binding": "dpop""#,
            &["2:12: providers.okta.binding: unknown value `dpop`; expected `refuse` or `ignore`"],
        ),
        (
            "no place for tokens",
            "",
            r#""from": []"#,
            &[
                "2:9: providers.okta.from: an empty list would find no token; name a header, or leave it out for `Authorization: Bearer`",
            ],
        ),
        (
            "a place without a header",
            "",
            r#""from": [{"scheme": "Bearer"}]"#,
            &[
                r#"2:10: providers.okta.from[0].header: missing; name the header, such as "authorization", or write `query` or `cookie`"#,
            ],
        ),
        (
            "headers that cannot be read",
            "",
            r#""from": [{"header": ":path"},
{"header": "Connection"},
{"header": "Host"},
{"header": "x y"},
{"header": "X-Tollgate-Token"}]"#,
            &[
                "2:21: providers.okta.from[0].header: `:path` is a pseudo-header; name an ordinary header",
                "3:12: providers.okta.from[1].header: `connection` belongs to the connection; name another header",
                "4:12: providers.okta.from[2].header: `host` belongs to the connection; name another header",
                "5:12: providers.okta.from[3].header: `x y` is no header name: letters, digits and !#$%&'*+-.^_`|~, at most 256",
                "6:12: providers.okta.from[4].header: `x-tollgate-token` is reserved: `x-tollgate-*` from clients is always removed; name another header",
            ],
        ),
        (
            "a scheme of two words",
            "",
            r#""from": [{"header": "authorization", "scheme": "Bearer token"}]"#,
            &[r#"2:48: providers.okta.from[0].scheme: a scheme is one word, such as "Bearer""#],
        ),
        (
            "an empty scheme",
            "",
            r#""from": [{"header": "authorization", "scheme": ""}]"#,
            &[
                "2:48: providers.okta.from[0].scheme: an empty string; write a value, or leave it out",
            ],
        ),
        (
            "lists of schemes",
            "",
            r#""from": [{"header": "authorization", "scheme": []},
{"header": "x-a", "scheme": ["Bearer", "", "bearer", ""]},
{"header": "x-b", "scheme": ["Bearer x", 1, "T"]}, {"header": "x-b", "scheme": "t"},
{"header": "x-c", "scheme": 1}, {"query": "q", "scheme": ["Bearer"]}]"#,
            &[
                "2:48: providers.okta.from[0].scheme: an empty list would find no credential; name a scheme, or leave it out",
                "3:44: providers.okta.from[1].scheme[2]: reads `x-a` a second time; delete one of the two",
                "3:54: providers.okta.from[1].scheme[3]: reads `x-a` a second time; delete one of the two",
                "4:30: providers.okta.from[2].scheme[0]: a scheme is one word, such as \"Bearer\"",
                "4:42: providers.okta.from[2].scheme[1]: expected a scheme, a string, found a number: put it in quotes",
                "4:52: providers.okta.from[3]: reads `x-b` a second time; delete one of the two",
                "5:29: providers.okta.from[4].scheme: expected a scheme or a list of schemes, found a number: put it in quotes",
                "5:58: providers.okta.from[5].scheme: only a header has schemes; delete it",
            ],
        ),
        (
            "one place twice",
            "",
            r#""from": [{"header": "Authorization"}, {"header": "authorization", "scheme": "bearer"}]"#,
            &[
                "2:39: providers.okta.from[1]: reads `authorization` a second time; delete one of the two",
            ],
        ),
        (
            "a header with and without scheme",
            "",
            r#""from": [{"header": "x-token"}, {"header": "x-token", "scheme": "Token"}]"#,
            &[
                "2:33: providers.okta.from[1]: `x-token` is read both with and without a scheme; give both places a scheme, `[\"\"]` where the credential stands alone",
            ],
        ),
        (
            "two spellings of one header to read",
            "",
            r#""from": [{"header": "x-token"}, {"header": "x_token"}]"#,
            &[
                "2:33: providers.okta.from[1]: `x_token` and `x-token` above are one name to many servers; keep one of the two",
            ],
        ),
        (
            "a place for an API that does not exist",
            "",
            r#""from": [{"header": "authorization"}, {"header": "x-token", "apis": ["orders"]}]"#,
            &["2:70: providers.okta.from[1].apis[0]: `orders` is no API; known: `default`"],
        ),
        (
            "a place for no API",
            "",
            r#""from": [{"header": "authorization", "apis": []}]"#,
            &[
                "2:46: providers.okta.from[0].apis: an empty list would make this place count nowhere; name an API, or leave it out",
            ],
        ),
        (
            "no claim for the identity",
            "",
            r#""claims": {"identity": []}"#,
            &[
                "2:24: providers.okta.claims.identity: an empty list names no claim; name one, or leave it out",
            ],
        ),
        (
            "a claim as a string",
            "",
            r#""claims": {"identity": "uid"}"#,
            &[
                "2:24: providers.okta.claims.identity: expected a list, found a string: put it into brackets",
            ],
        ),
        (
            "claims of wrong types",
            "",
            r#""claims": {"identity": [5, [], "", ["a", ""]], "client": [{}]}"#,
            &[
                "2:25: providers.okta.claims.identity[0]: expected a claim: its name, or a list of names from the outermost in, found a number: put it in quotes",
                "2:28: providers.okta.claims.identity[1]: an empty list names no claim; write its name",
                "2:32: providers.okta.claims.identity[2]: an empty string; write a value, or leave it out",
                "2:42: providers.okta.claims.identity[3][1]: an empty string; write a value, or leave it out",
                "2:59: providers.okta.claims.client[0]: expected a claim: its name, or a list of names from the outermost in, found an object",
            ],
        ),
        (
            "scopes and policies of no claim",
            "",
            r#""claims": {"scopes": [], "policies": [], "groups": ["g"]}"#,
            &[
                "2:22: providers.okta.claims.scopes: an empty list names no claim; name one, or leave it out",
                "2:38: providers.okta.claims.policies: an empty list names no claim; name one, or leave it out",
                "2:42: providers.okta.claims.groups: unknown field; known here: `identity`, `client`, `scopes` and `policies`",
            ],
        ),
        (
            "forms that there are none of, or of nothing",
            "",
            r#""upstream": {"headers": {"a": {"claim": "x", "as": "xml"},
"b": {"claim": "x", "as": ["csv"]},
"c": {"session": "identity", "as": "json"},
"d": {"as": "csv"}}}"#,
            &[
                "2:52: providers.okta.upstream.headers.a.as: unknown value `xml`; expected `text`, `csv`, `json` or `base64url`",
                "3:27: providers.okta.upstream.headers.b.as: expected one of `text`, `csv`, `json` and `base64url`, found a list",
                "4:36: providers.okta.upstream.headers.c.as: only a claim can be written in one way or another; delete it",
                "5:6: providers.okta.upstream.headers.d: names nothing; write exactly one of `claim`, `session` and `metadata`",
            ],
        ),
        (
            "headers that cannot be written",
            "",
            r#""upstream": {"headers": {":path": "sub",
"transfer-encoding": "sub",
"x-tollgate-user": "sub",
"X User": "sub"}}"#,
            &[
                "2:26: providers.okta.upstream.headers[`:path`]: `:path` is a pseudo-header; name an ordinary header",
                "3:1: providers.okta.upstream.headers.transfer-encoding: `transfer-encoding` belongs to the connection; name another header",
                "4:1: providers.okta.upstream.headers.x-tollgate-user: `x-tollgate-user` is reserved: of the names that start with `x-tollgate-` only `x-tollgate-identity` and `x-tollgate-provider` can be written",
                "5:1: providers.okta.upstream.headers[`X User`]: `x user` is no header name: letters, digits and !#$%&'*+-.^_`|~, at most 256",
            ],
        ),
        (
            "a header that is read",
            "",
            r#""upstream": {"headers": {"Authorization": "sub"}}"#,
            &[
                "2:26: providers.okta.upstream.headers.Authorization: `authorization` is where provider `okta` reads its token (`from`); write another header",
            ],
        ),
        (
            "two spellings of one header to write",
            "",
            r#""upstream": {"headers": {"x-user": "sub", "X_User": "uid"}}"#,
            &[
                "2:26: providers.okta.upstream.headers.x-user: `x-user` and `x_user` differ only in case, or in what is neither letter nor digit: one header to many servers; keep one of the two",
            ],
        ),
        (
            "the payload in a claim's header",
            "",
            r#""upstream": {"headers": {"x-user": "sub"}, "payload_header": "x_user"}"#,
            &[
                "2:62: providers.okta.upstream.payload_header: `x_user` and `x-user` differ only in case, or in what is neither letter nor digit: one header to many servers; keep one of the two",
            ],
        ),
        (
            "the payload in a header of ours",
            "",
            r#""upstream": {"payload_header": "x-tollgate-identity"}"#,
            &[
                "2:32: providers.okta.upstream.payload_header: `x-tollgate-identity` is reserved: names that start with `x-tollgate-` are Tollgate's own",
            ],
        ),
        (
            "a header with no source",
            "",
            r#""upstream": {"headers": {"x-user": {}}}"#,
            &[
                "2:36: providers.okta.upstream.headers.x-user: names nothing; write exactly one of `claim`, `session` and `metadata`",
            ],
        ),
        (
            "a header with two sources",
            "",
            r#""upstream": {"headers": {"x-user": {"claim": "sub", "session": "identity"}}}"#,
            &[
                "2:36: providers.okta.upstream.headers.x-user: write exactly one of `claim`, `session` and `metadata`",
            ],
        ),
        (
            "a header of a wrong type",
            "",
            r#""upstream": {"headers": {"x-user": true}}"#,
            &[
                "2:36: providers.okta.upstream.headers.x-user: expected a claim or an object with `claim`, `session` or `metadata`, found a boolean: put it in quotes",
            ],
        ),
        (
            "a misspelt fact of the session",
            "",
            r#""upstream": {"headers": {"x-p": {"session": "identify"}}}"#,
            &[
                "2:45: providers.okta.upstream.headers.x-p.session: unknown value `identify`; did you mean `identity`?",
            ],
        ),
        (
            "the token dropped",
            "",
            r#""upstream": {"credential": "drop"}"#,
            &[
                "2:28: providers.okta.upstream.credential: unknown value `drop`; expected `strip` or `keep`",
            ],
        ),
        (
            "fields of later",
            "",
            r#""introspection": {}, "sign_in": {}"#,
            &[
                "2:1: providers.okta.introspection: unknown field; known here: %provider%",
                "2:22: providers.okta.sign_in: unknown field; known here: %provider%",
            ],
        ),
        (
            "inline keys that fit no algorithm accepted",
            "",
            r#""jwks": {"inline": %keys%}, "algorithms": ["RS256", "ES256"]"#,
            &[
                "2:20: providers.okta.jwks.inline: no key of this set fits an algorithm accepted here: `ES256` and `RS256`; name the keys' own in `algorithms`",
            ],
        ),
        (
            "a cookie header",
            "",
            r#""from": [{"header": "Cookie"}]"#,
            &[
                "2:21: providers.okta.from[0].header: `cookie` holds many values at once; write `cookie` and its name instead of `header`",
            ],
        ),
    ];
    for (name, without, given, problems) in cases {
        assert_eq!(refused(&provider(given, without)), *problems, "{name}");
    }
}
