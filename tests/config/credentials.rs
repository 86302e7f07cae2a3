//! More than one way to vouch: places, API keys, keys that are not fetched, tenants.

use tollgate::config::{Config, RingSource};
use tollgate::ids::{Name, ProviderId, RingId};
use tollgate::provider::jwt::{KeySource, Keys};
use tollgate::provider::{Kind, Location, Place};
use tollgate::time::UnixMillis;

use super::{accepted, refused};

/// SHA-256 of `acme-key`.
const HASH: &str = "5d8c4ec2cb0a24ef4c6e0a1d1dd5b7b0a0ad3cbbf4d3ec2f7fd18d5cd5d20b05";
/// Another hash.
const OTHER: &str = "00ff0123456789abcdef00000000000000000000000000000000000000000010";

/// A provider of API keys, the keys from the second line on.
fn keys(keys: &str) -> String {
    format!(
        r#"{{"providers": {{"partner": {{"kind": "api_key", "from": [{{"header": "x-api-key"}}], "keys": [
{}
]}}}}}}"#,
        keys.replace("%hash%", HASH).replace("%other%", OTHER)
    )
}

/// A JWT issuer, the members given from the second line on.
fn issuer(members: &str) -> String {
    format!("{{\"providers\": {{\"okta\": {{\"audiences\": [\"api\"],\n{members}\n}}}}}}")
}

/// A place, on the second line, of a provider that one API lists.
fn place(place: &str) -> String {
    format!(
        "{{\"providers\": {{\"okta\": {{\"issuer\": \"https://okta.example\", \"audiences\": \
         [\"api\"], \"jwks\": {{\"discovery\": true, \"cluster\": \"idp\"}}, \"from\": [\n{place}\n]}}}}}}"
    )
}

fn check(cases: &[(&str, String, &[&str])]) {
    for (name, text, problems) in cases {
        assert_eq!(refused(text), *problems, "{name}");
    }
}

#[test]
fn every_field_of_an_api_key_is_taken() {
    let text = keys(
        r#"{"name": "next", "sha256": "%other%", "identity": "acme"},
           {"name": "acme-2026", "sha256": "%hash%", "identity": "acme", "active": false,
            "policies": ["standard"], "expires": "2027-01-01T00:00:00Z", "tags": ["free"],
            "metadata": {"tier": "1", "area": "north"}}"#,
    );
    let config =
        accepted(&text.replace("]}}}", r#"]}}, "policies": {"standard": {"tags": ["t"]}}}"#));
    let Kind::ApiKey(keys) = &config.provider(ProviderId(0)).unwrap().kind else { panic!() };
    let [next, acme] = keys.iter().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((&*next.name, &*next.identity, next.active), ("next", "acme", true));
    assert_eq!((next.expires, next.policies.len(), next.sha256[1]), (None, 0, 0xff));
    assert_eq!((&*acme.name, &*acme.identity, acme.active), ("acme-2026", "acme", false));
    assert_eq!(acme.expires, Some(UnixMillis::from_secs(1_798_761_600)));
    assert_eq!(acme.policies, [Name::parse("standard").unwrap()]);
    assert_eq!(*acme.tags, ["free".into()]);
    assert_eq!(*acme.metadata, [("area".into(), "north".into()), ("tier".into(), "1".into())]);
}

#[test]
fn api_keys_are_refused_for_what_is_wrong_with_them() {
    let good = r#"{"name": "a", "sha256": "%hash%", "identity": "acme"}"#;
    let with = |member: &str| keys(&good.replace('}', &format!(", {member}}}")));
    let cases: &[(&str, String, &[&str])] = &[
        (
            "an empty object",
            keys("{}"),
            &[
                "2:1: providers.partner.keys[0].identity: missing; name the caller who owns the key",
                "2:1: providers.partner.keys[0].name: missing; name the key for the log, such as \"acme-2027\"",
                "2:1: providers.partner.keys[0].sha256: missing; write the key's SHA-256 in lower-case hex",
            ],
        ),
        (
            "no keys",
            keys(""),
            &["1:90: providers.partner.keys: an empty list would accept nothing; list a key"],
        ),
        (
            "keys left out",
            r#"{"providers": {"partner": {"kind": "api_key"}}}"#.into(),
            &["1:27: providers.partner.keys: missing; list the keys, each by its SHA-256"],
        ),
        (
            "the key itself, which is not repeated",
            keys(r#"{"name": "a", "sha256": "acme-key", "identity": "acme"}"#),
            &["2:25: providers.partner.keys[0].sha256: not SHA-256 in lower-case hex, 64 of 0-9 and a-f; `printf %s KEY | sha256sum` shows it"],
        ),
        (
            "a hash in capitals",
            keys(&good.replace("%hash%", &HASH.to_uppercase())),
            &["2:25: providers.partner.keys[0].sha256: not SHA-256 in lower-case hex, 64 of 0-9 and a-f; `printf %s KEY | sha256sum` shows it"],
        ),
        (
            "a hash that is a number",
            keys(&good.replace("\"%hash%\"", "5")),
            &["2:25: providers.partner.keys[0].sha256: expected SHA-256 in lower-case hex, a string, found a number: put it in quotes"],
        ),
        (
            "one key twice",
            keys(&format!("{good},\n{}", good.replace("\"a\"", "\"b\""))),
            &["3:25: providers.partner.keys[1].sha256: keys[0] is the same key; a key has one owner: delete one"],
        ),
        (
            "one name twice",
            keys(&format!("{good},\n{}", good.replace("%hash%", "%other%"))),
            &["3:10: providers.partner.keys[1].name: the name of keys[0], too; the log must tell them apart"],
        ),
        (
            "an end without a time",
            with(r#""expires": "2027-01-01""#),
            &["2:124: providers.partner.keys[0].expires: `2027-01-01` is no point in time (RFC 3339); write it as \"2027-01-01T00:00:00Z\""],
        ),
        (
            "an end in seconds",
            with(r#""expires": 1798761600"#),
            &["2:124: providers.partner.keys[0].expires: expected a point in time such as \"2027-01-01T00:00:00Z\", found a number"],
        ),
        (
            "no policies",
            with(r#""policies": []"#),
            &["2:125: providers.partner.keys[0].policies: an empty list names no policy; name one, or leave it out"],
        ),
        (
            "fields of issuers",
            keys(good).replace("\"kind\"", "\"issuer\": \"https://a\", \"clock_skew\": \"1s\", \"jwks\": {}, \"kind\""),
            &[
                "1:38: providers.partner.issuer: has no meaning for API keys, which are no tokens; delete it",
                "1:65: providers.partner.clock_skew: has no meaning for API keys, which are no tokens; delete it",
                "1:79: providers.partner.jwks: has no meaning for API keys, which are no tokens; delete it",
            ],
        ),
        (
            "claims in headers",
            keys(good).replace(
                "\"kind\"",
                "\"upstream\": {\"headers\": {\"a\": \"sub\", \"b\": {\"claim\": \"sub\"}, \"c\": {\"session\": \"identity\"}}, \"payload_header\": \"d\"}, \"kind\"",
            ),
            &[
                "1:58: providers.partner.upstream.headers.a: an API key has no claims; write {\"session\": \"identity\"} or the like",
                "1:70: providers.partner.upstream.headers.b: an API key has no claims; write {\"session\": \"identity\"} or the like",
                "1:137: providers.partner.upstream.payload_header: an API key has no payload; delete it",
            ],
        ),
        (
            "keys at an issuer",
            issuer(&format!(
                "\"issuer\": \"https://okta.example\", \"jwks\": {{\"discovery\": true, \"cluster\": \"idp\"}}, \"keys\": [{}]",
                good.replace("%hash%", HASH)
            )),
            &["2:90: providers.okta.keys: a JWT issuer has no API keys; write \"kind\": \"api_key\", or delete it"],
        ),
    ];
    check(cases);
}

#[test]
fn every_kind_of_place_is_taken() {
    let config = accepted(
        &place(
            r#"{"header": "x-token"}, {"query": "access_token", "apis": ["default"]},
           {"cookie": "session", "origins": ["https://app.example.com", "http://localhost:3000"]},
           {"cookie": "other", "any_origin": true}"#,
        )
        .replace("]}}}", r#"]}}, "apis": [{"name": "default", "auth": ["okta"]}]}"#),
    );
    let place = |place| Location { place, apis: None };
    let origins = ["https://app.example.com", "http://localhost:3000"].map(Into::into).to_vec();
    assert_eq!(
        config.provider(ProviderId(0)).unwrap().from,
        [
            place(Place::Header { name: "x-token".into(), scheme: None }),
            Location {
                place: Place::Query { name: "access_token".into() },
                apis: Some(vec![Name::parse("default").unwrap()]),
            },
            place(Place::Cookie { name: "session".into(), origins: Some(origins) }),
            place(Place::Cookie { name: "other".into(), origins: None }),
        ]
    );
}

#[test]
fn places_are_refused_for_what_is_wrong_with_them() {
    let origin = |origin: &str| place(&format!(r#"{{"cookie": "c", "origins": ["{origin}"]}}"#));
    let cases: &[(&str, String, &[&str])] = &[
        (
            "no place",
            place("{}"),
            &[
                "2:1: providers.okta.from[0].header: missing; name the header, such as \"authorization\", or write `query` or `cookie`",
            ],
        ),
        (
            "two places in one",
            place(r#"{"header": "x-token", "query": "token"}"#),
            &[
                "2:1: providers.okta.from[0]: several places at once; write exactly one of `header`, `query` and `cookie`, and the others as places of their own",
            ],
        ),
        (
            "a scheme in the query",
            place(r#"{"query": "token", "scheme": "Bearer"}"#),
            &["2:30: providers.okta.from[0].scheme: only a header has schemes; delete it"],
        ),
        (
            "origins of a header",
            place(r#"{"header": "x-token", "origins": ["https://a"]}"#),
            &[
                "2:34: providers.okta.from[0].origins: only a cookie is sent without being asked for; delete it",
            ],
        ),
        (
            "a parameter that must be escaped",
            place(r#"{"query": "access token"}"#),
            &[
                "2:11: providers.okta.from[0].query: `access token` cannot be read alike by all: 1 to 64 letters, digits, `-`, `.`, `_` and `~`",
            ],
        ),
        (
            "a cookie that nobody can name",
            place(r#"{"cookie": "a=b", "any_origin": true}"#),
            &[
                "2:12: providers.okta.from[0].cookie: `a=b` cannot be read alike by all: 1 to 64 letters, digits, `-`, `.`, `_` and `~`",
            ],
        ),
        (
            "a cookie without origins",
            place(r#"{"cookie": "c"}"#),
            &[
                "2:1: providers.okta.from[0].origins: missing; browsers send a cookie whoever asks them to: name the origins whose pages may, such as \"https://app.example.com\", or say \"any_origin\": true",
            ],
        ),
        (
            "a cookie whose origin is denied",
            place(r#"{"cookie": "c", "any_origin": false}"#),
            &[
                "2:1: providers.okta.from[0].origins: missing; browsers send a cookie whoever asks them to: name the origins whose pages may, such as \"https://app.example.com\", or say \"any_origin\": true",
            ],
        ),
        (
            "no origins",
            place(r#"{"cookie": "c", "origins": []}"#),
            &[
                "2:28: providers.okta.from[0].origins: an empty list would refuse every change; name an origin, or say \"any_origin\": true",
            ],
        ),
        (
            "origins and any",
            place(r#"{"cookie": "c", "origins": ["https://a"], "any_origin": true}"#),
            &[
                "2:57: providers.okta.from[0].any_origin: contradicts `origins`; keep one of the two",
            ],
        ),
        (
            "an origin with a path",
            origin("https://app.example.com/"),
            &[
                "2:29: providers.okta.from[0].origins[0]: an origin has no path; write \"https://app.example.com\"",
            ],
        ),
        (
            "a host alone",
            origin("app.example.com"),
            &[
                "2:29: providers.okta.from[0].origins[0]: `app.example.com` is no origin; write it as \"https://app.example.com\"",
            ],
        ),
        (
            "the origin of nobody",
            origin("null"),
            &[
                "2:29: providers.okta.from[0].origins[0]: `null` is no origin; write it as \"https://app.example.com\"",
            ],
        ),
        (
            "an origin in capitals",
            origin("https://App.example.com"),
            &[
                "2:29: providers.okta.from[0].origins[0]: browsers write origins in small letters; write \"https://app.example.com\"",
            ],
        ),
        (
            "the usual port",
            origin("https://app.example.com:443"),
            &[
                "2:29: providers.okta.from[0].origins[0]: browsers leave the usual port out; write \"https://app.example.com\"",
            ],
        ),
        (
            "a pattern",
            origin("https://*.example.com"),
            &[
                "2:29: providers.okta.from[0].origins[0]: `https://*.example.com` is no origin: scheme, host and maybe a port, one origin for each string",
            ],
        ),
        (
            "one parameter twice",
            place(r#"{"query": "t"}, {"query": "t"}"#),
            &["2:17: providers.okta.from[1]: reads `t` a second time; delete one of the two"],
        ),
        (
            "one cookie twice",
            place(r#"{"cookie": "t", "any_origin": true}, {"cookie": "t", "any_origin": true}"#),
            &["2:38: providers.okta.from[1]: reads `t` a second time; delete one of the two"],
        ),
    ];
    check(cases);
    accepted(&place(r#"{"query": "t"}, {"cookie": "t", "any_origin": true}, {"header": "t"}"#));
}

/// An issuer and a list of API keys, each with its places, and APIs on the second line.
fn both(partner: &str, apis: &str) -> String {
    format!(
        r#"{{"providers": {{"okta": %okta%, "partner": {{"kind": "api_key", {partner} "keys": [{{"name": "a", "sha256": "{HASH}", "identity": "acme", "policies": ["standard"]}}]}}}}, "apis": [
{apis}
], "policies": {{"standard": {{"tags": ["t"]}}}}}}"#
    )
}

#[test]
fn api_keys_and_apis_must_not_contradict_each_other() {
    let own = r#""from": [{"header": "x-api-key"}],"#;
    let cases: &[(&str, String, &[&str])] = &[
        (
            "policies of a session that nobody uses",
            both(own, r#"{"name": "a", "auth": [["partner", "okta"]], "session_from": "okta"}"#),
            &[
                "1:329: providers.partner.keys[0].policies[0]: has no effect: no API uses the session of this provider; name it in `apis[].session_from`, or delete its policies",
            ],
        ),
        (
            "tokens are asked for, keys are accepted",
            both(
                own,
                r#"{"name": "a", "auth": ["partner", "okta"], "audiences": ["x"], "clients": ["c"], "scopes": ["s"]}"#,
            ),
            &[
                "2:57: apis[0].audiences: `audiences` is asked of a token, and this API takes the session of API keys (`partner`), which say nothing of it; delete it, or leave that provider out",
                "2:75: apis[0].clients: `clients` is asked of a token, and this API takes the session of API keys (`partner`), which say nothing of it; delete it, or leave that provider out",
                "2:92: apis[0].scopes: `scopes` is asked of a token, and this API takes the session of API keys (`partner`), which say nothing of it; delete it, or leave that provider out",
            ],
        ),
        (
            "one place for tokens and keys",
            both("", r#"{"name": "a", "auth": ["partner", "okta"]}"#),
            &[
                "1:140: providers.partner: provider `okta` reads the same place on API `a`: each would take the other's credential for a bad one of its own; give one of them another place in `from`",
            ],
        ),
        (
            "one place for tokens and keys, the scheme in other letters",
            both(
                r#""from": [{"header": "Authorization", "scheme": "bearer"}],"#,
                r#"{"name": "a", "auth": ["partner", "okta"]}"#,
            ),
            &[
                "1:169: providers.partner.from[0]: provider `okta` reads the same place on API `a`: each would take the other's credential for a bad one of its own; give one of them another place in `from`",
            ],
        ),
    ];
    check(cases);
    accepted(&both(
        r#""from": [{"header": "authorization", "scheme": "ApiKey"}],"#,
        r#"{"name": "a", "auth": ["partner", "okta"]}"#,
    ));
    // The key only vouches, and the token is what the API asks about.
    accepted(&both(
        own,
        r#"{"name": "a", "match": {"paths": ["/a"]}, "auth": [["partner", "okta"]], "session_from": "okta", "scopes": ["s"]},
           {"name": "b", "auth": ["partner"]}"#,
    ));
    // Each has the place to itself on its own API.
    accepted(&both(
        "",
        r#"{"name": "a", "match": {"paths": ["/a"]}, "auth": ["okta"]}, {"name": "b", "auth": ["partner"]}"#,
    ));
}

/// A public key in PEM: that of RFC 8410 §10.1.
const PEM: &str = r"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

#[test]
fn keys_that_stand_at_the_provider_are_taken() {
    let secret = "0123456789abcdef0123456789abcdef";
    let cases = [
        ("pem", format!(r#""pem": "{PEM}""#), "Ed25519"),
        ("text", format!(r#""algorithms": ["HS256"], "secret": {{"text": "{secret}"}}"#), "secret"),
        ("env", r#""algorithms": ["HS256"], "secret": {"env": "SECRET"}"#.into(), "secret"),
        (
            "base64",
            r#""algorithms": ["HS256"], "secret": {"base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}"#.into(),
            "secret",
        ),
        (
            "base64url",
            r#""algorithms": ["HS256"], "secret": {"base64": "_-8yMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#.into(),
            "secret",
        ),
    ];
    let variables = |name: &str| (name == "SECRET").then(|| secret.to_owned());
    for (name, member, kind) in cases {
        let text = issuer(&format!(r#""issuer": "https://okta.example", {member}"#));
        let config = Config::parse_with(text.as_bytes(), &variables).expect(name);
        let jwt = config.provider(ProviderId(0)).and_then(|provider| provider.jwt()).unwrap();
        let Some(Keys::Inline(set)) = jwt.keys.of(Some("https://okta.example")) else { panic!() };
        assert_eq!(set.iter().map(|key| key.kind()).collect::<Vec<_>>(), [kind], "{name}");
        assert!(!format!("{config:?}").contains(secret), "{name}");
    }
}

#[test]
fn keys_that_stand_at_the_provider_are_refused_for_what_is_wrong_with_them() {
    let given = |members: &str| issuer(&format!(r#""issuer": "https://okta.example", {members}"#));
    let short = "2:63: providers.okta.secret: shorter than the hash of HS384: it needs 48 random bytes at least (RFC 7518 §3.2); make one with `openssl rand -base64 48`";
    let cases: &[(&str, String, &[&str])] = &[
        (
            "no source",
            given(r#""typ": ["jwt"]"#),
            &["1:24: providers.okta.jwks: missing; say where the keys are: `url`, `discovery` or `inline`; or write `pem` or `secret`"],
        ),
        (
            "two sources",
            given(&format!(r#""jwks": {{"discovery": true, "cluster": "idp"}}, "pem": "{PEM}""#)),
            &["2:89: providers.okta.pem: `jwks` and `pem` are two sources of keys; keep exactly one"],
        ),
        (
            "a private key",
            given(r#""pem": "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----""#),
            &["2:42: providers.okta.pem: a private key; write the public one, and replace this one"],
        ),
        (
            "HS with a public key",
            given(&format!(r#""algorithms": ["HS256"], "pem": "{PEM}""#)),
            &["2:50: providers.okta.algorithms[0]: `HS256` signs with a secret, and `pem` is none: whoever reads the key could sign; name the asymmetric algorithm of the provider"],
        ),
        (
            "an algorithm for other keys",
            given(&format!(r#""algorithms": ["RS256"], "pem": "{PEM}""#)),
            &["2:67: providers.okta.pem: no key of this set fits an algorithm accepted here: `RS256`; name the keys' own in `algorithms`"],
        ),
        (
            "a secret and no algorithm",
            given(r#""secret": {"text": "0123456789abcdef0123456789abcdef"}"#),
            &["2:45: providers.okta.secret: a secret signs with HS256, HS384 or HS512, which are accepted only where they are listed: name the one that the provider uses in `algorithms`"],
        ),
        (
            "a secret and an algorithm of keys",
            given(r#""algorithms": ["HS256", "RS256"], "secret": {"text": "0123456789abcdef0123456789abcdef"}"#),
            &["2:59: providers.okta.algorithms[1]: `RS256` signs with a private key, and `secret` is none; name HS256, HS384 or HS512"],
        ),
        (
            "a secret shorter than the longest hash",
            given(r#""algorithms": ["HS384"],   "secret": {"text": "0123456789abcdef0123456789abcdef"}"#).replace(",   ", ", "),
            &[&short.replace("2:63", "2:70")],
        ),
        (
            "nothing of a secret",
            given(r#""algorithms": ["HS256"], "secret": {}"#),
            &["2:70: providers.okta.secret: write exactly one of `base64`, `text` and `env`"],
        ),
        (
            "two forms of a secret",
            given(r#""algorithms": ["HS256"], "secret": {"text": "a", "env": "b"}"#),
            &["2:70: providers.okta.secret: write exactly one of `base64`, `text` and `env`"],
        ),
        (
            "a secret that is no base64, which is not repeated",
            given(r#""algorithms": ["HS256"], "secret": {"base64": "hunter2!"}"#),
            &["2:81: providers.okta.secret.base64: not base64; for bytes that are text write `text` instead"],
        ),
        (
            "a variable that is not there",
            given(r#""algorithms": ["HS256"], "secret": {"env": "SECRET"}"#),
            &["2:78: providers.okta.secret.env: the VM's environment has no variable `SECRET`; name it in Envoy's `vm_config.environment_variables`, and set it where Envoy is started"],
        ),
    ];
    check(cases);
}

#[test]
fn a_tenant_is_an_issuer_and_may_have_keys_of_its_own() {
    let issuers = r#""issuer": ["https://id.example/{tenant}", "https://old.example/{tenant}/"], "tenants": ["red", "blue"]"#;
    let shared = accepted(&issuer(&format!(
        r#"{issuers}, "jwks": {{"url": "https://id.example/keys", "cluster": "idp"}}"#
    )));
    let expected = [
        "https://id.example/red",
        "https://old.example/red/",
        "https://id.example/blue",
        "https://old.example/blue/",
    ];
    let jwt = |config: &Config| config.provider(ProviderId(0)).unwrap().jwt().unwrap().clone();
    let requirements = jwt(&shared).requirements;
    assert_eq!(requirements.issuers, Some(expected.map(Into::into).to_vec()));
    assert_eq!(shared.rings.len(), 1);

    let apart = accepted(&issuer(&format!(
        r#"{issuers}, "jwks": {{"url": "https://id.example/{{tenant}}/keys", "cluster": "idp"}}"#
    )));
    let urls = apart.rings.iter().map(|ring| ring.remote.url.to_string());
    assert_eq!(
        urls.collect::<Vec<_>>(),
        ["https://id.example/red/keys", "https://id.example/blue/keys"]
    );
    assert_eq!(apart.rings[1].issuers, [expected[2], expected[3]].map(Into::into));
    let keys = jwt(&apart).keys;
    assert!(matches!(keys, KeySource::Tenants(_)));
    for (issuer, ring) in expected.into_iter().zip([0, 0, 1, 1]) {
        assert!(matches!(keys.of(Some(issuer)), Some(Keys::Ring(RingId(id))) if id == ring));
    }
    assert!(keys.of(Some("https://id.example/green")).is_none() && keys.of(None).is_none());
}

#[test]
fn each_tenant_has_a_discovery_document_of_its_own() {
    let path = "/.well-known/openid-configuration";
    let here = |rest: &str| format!("https://id.example/{rest}");
    let (red, blue) = (here(&format!("red{path}")), here(&format!("blue{path}")));
    // issuer, discovery, where the documents are
    let cases = [
        ("https://id.example/{tenant}", "true", vec![red.clone(), blue.clone()]),
        ("https://id.example/{tenant}/", "true", vec![red, blue]),
        (
            "https://id.example/{tenant}/v2.0",
            "true",
            vec![here(&format!("red/v2.0{path}")), here(&format!("blue/v2.0{path}"))],
        ),
        (
            "https://{tenant}.id.example",
            "true",
            vec![format!("https://red.id.example{path}"), format!("https://blue.id.example{path}")],
        ),
        (
            "https://id.example/{tenant}",
            r#""https://id.example/of/{tenant}""#,
            vec![here("of/red"), here("of/blue")],
        ),
        // One for all, whose issuer is that of any of them.
        ("https://id.example/{tenant}", r#""https://id.example/of""#, vec![here("of")]),
    ];
    for (of, discovery, documents) in cases {
        let config = accepted(&issuer(&format!(
            r#""issuer": "{of}", "tenants": ["red", "blue"], "jwks": {{"discovery": {discovery}, "cluster": "idp"}}"#
        )));
        let urls = config.rings.iter().map(|ring| {
            assert!(matches!(ring.source, RingSource::Discovery { .. }), "{of}");
            ring.remote.url.to_string()
        });
        assert_eq!(urls.collect::<Vec<_>>(), documents, "{of}");
        let apart = ["red", "blue"].map(|tenant| of.replace("{tenant}", tenant).into());
        let issuers: Vec<_> = config.rings.iter().map(|ring| &*ring.issuers).collect();
        match documents.len() {
            1 => assert_eq!(issuers, [[&apart[1..], &apart[..1]].concat()], "{of}: in order"),
            _ => assert_eq!(issuers, [&apart[..1], &apart[1..]], "{of}"),
        }
    }
}

#[test]
fn tenants_are_refused_for_what_is_wrong_with_them() {
    let keys = r#""jwks": {"url": "https://id.example/keys", "cluster": "idp"}"#;
    let own = r#""jwks": {"url": "https://id.example/{tenant}", "cluster": "idp"}"#;
    let cases: &[(&str, String, &[&str])] = &[
        (
            "a place for tenants, and none listed",
            issuer(&format!(r#""issuer": "https://id.example/{{tenant}}", {keys}"#)),
            &[
                "2:11: providers.okta.issuer: holds `{tenant}`, which no token's `iss` does; list in `tenants` what it stands for",
            ],
        ),
        (
            "tenants without a place",
            issuer(&format!(r#""issuer": "https://id.example", "tenants": ["red"], {keys}"#)),
            &[
                "2:44: providers.okta.tenants: no issuer holds `{tenant}`; write it where the tenant's name stands, or delete this",
            ],
        ),
        (
            "no tenants",
            issuer(&format!(r#""issuer": "https://id.example/{{tenant}}", "tenants": [], {keys}"#)),
            &["2:53: providers.okta.tenants: an empty list would accept nothing; name a tenant"],
        ),
        (
            "tenants that are none",
            issuer(&format!(
                r#""issuer": "https://id.example/{{tenant}}", "tenants": ["red", "a/b", "..", "red"], {keys}"#
            )),
            &[
                "2:61: providers.okta.tenants[1]: `a/b` is no tenant: letters, digits, `-`, `.`, `_` and `~` only, as they stand in its issuer",
                "2:68: providers.okta.tenants[2]: `..` is no tenant: letters, digits, `-`, `.`, `_` and `~` only, as they stand in its issuer",
                "2:74: providers.okta.tenants[3]: written twice in one list; delete one of the two",
            ],
        ),
        (
            "keys by tenant, and an issuer of none",
            issuer(&format!(
                r#""issuer": ["https://id.example/{{tenant}}", "https://id.example"], "tenants": ["red"], {own}"#
            )),
            &[
                "2:43: providers.okta.issuer[1]: has no `{tenant}`, and the keys are fetched for each tenant apart: make it a provider of its own",
            ],
        ),
        (
            "discovery from a tenant's issuers, of which there are two",
            issuer(
                r#""issuer": ["https://id.example/{tenant}", "https://old.example/{tenant}"], "tenants": ["red", "blue"], "jwks": {"discovery": true, "cluster": "idp"}"#,
            ),
            &[
                "2:126: providers.okta.jwks.discovery: there are several issuers; write the document's URL",
            ],
        ),
        (
            "discovery from a tenant's issuer, which has a query",
            issuer(
                r#""issuer": "https://id.example/?t={tenant}", "tenants": ["red", "blue"], "jwks": {"discovery": true, "cluster": "idp"}"#,
            ),
            &[
                "2:95: providers.okta.jwks.discovery: the issuer has a query; write the document's URL",
            ],
        ),
        (
            "discovery from a tenant's issuer, which is no URL",
            issuer(
                r#""issuer": "{tenant}", "tenants": ["red", "blue"], "jwks": {"discovery": true, "cluster": "idp"}"#,
            ),
            &[
                "2:73: providers.okta.jwks.discovery: the issuer is no URL to discover from: it does not begin with `https://` or `http://`; write the document's URL",
            ],
        ),
        (
            "keys by tenant, and no tenants",
            issuer(&format!(r#""issuer": "https://id.example", {own}"#)),
            &[
                "2:49: providers.okta.jwks.url: holds `{tenant}`; list in `tenants` what it stands for",
            ],
        ),
    ];
    check(cases);
}
