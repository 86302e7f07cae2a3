//! Providers that are asked about tokens: what they may say, and what is refused or warned about.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate::client::Auth;
use tollgate::config::{Code, Config};
use tollgate::introspection::Terms;
use tollgate::jose::alg::Alg;
use tollgate::provider::introspection::{Endpoint, Introspection};

use super::{accepted, codes, refused};

const REST: [(&str, &str); 4] = [
    ("url", r#""url": "https://id.example/introspect""#),
    ("cluster", r#""cluster": "idp""#),
    ("client", r#""client": {"id": "me", "secret": {"base64": "czNjcmV0"}}"#),
    ("audiences", r#""audiences": ["api"]"#),
];

/// A configuration with one such provider, of these members and those that are missing but one.
fn provider(given: &str, without: &str) -> String {
    let members = super::members(given, without, &REST);
    format!("{{\"providers\": {{\"org\": {{\"kind\": \"introspection\",\n{members}}}}}}}")
}

fn asked(config: &Config) -> &Introspection {
    config.providers[0].introspection().expect("a provider that is asked")
}

/// A key's file as the configuration takes it.
fn key(pem: &str) -> String {
    format!(r#""key": {{"base64": "{}"}}"#, STANDARD.encode(pem))
}

const ED25519: &str = include_str!("../support/keys/client-ed25519.pem");
const P256: &str = include_str!("../support/keys/client-p256.pem");
const RSA: &str = include_str!("../support/keys/client-rsa.pem");

#[test]
fn the_least_that_is_written_has_every_default() {
    let config = accepted(&provider("", ""));
    assert_eq!(codes(&config), []);
    let asked = asked(&config);
    let Endpoint::Url(url) = &asked.endpoint else { panic!("{:?}", asked.endpoint) };
    assert_eq!(
        (&*url.authority, &*url.path, &*asked.cluster),
        ("id.example", "/introspect", "idp")
    );
    let seconds = Duration::from_secs;
    assert_eq!(asked.timeout, seconds(2));
    let terms = Terms {
        cache: seconds(30),
        negative: seconds(10),
        stale: Duration::ZERO,
        lease: seconds(3),
    };
    assert_eq!(asked.terms, terms);
    assert_eq!((asked.capacity, asked.per_second), (8192, 100));
    assert!(asked.takes_opaque && !asked.takes_jwts && asked.signed.is_none());
    assert!(matches!(&asked.client.auth, Auth::Basic(all) if all.len() == 1));
    let asks = &asked.requirements;
    assert!(asks.introspected && asks.allow_no_expiry && !asks.allow_id_tokens);
    assert_eq!(asks.issuers, None);
    assert!(config.fetches());
}

#[test]
fn every_field_is_taken() {
    let all = r#""cluster": "idp", "issuer": "https://id.example", "discovery": true, "forms": ["opaque", "jwt"],
"client": {"id": "me", "auth": "post", "secret": [{"base64": "YQ=="}, {"base64": "Yg=="}]},
"timeout": "1s", "cache": "0s", "negative": "1m", "capacity": 16, "per_second": 5,
"on_outage": {"stale": "5m"}, "signed": true, "jwks": {"discovery": true, "cluster": "idp"},
"algorithms": ["RS256"], "clients": ["c"], "max_lifetime": "1h", "clock_skew": "5s",
"upstream": {"payload_header": "x-token", "payload": "signed"}"#;
    let config = accepted(&provider(all, "url"));
    assert_eq!(codes(&config), []);
    let asked = asked(&config);
    let Endpoint::Discovery(url) = &asked.endpoint else { panic!("{:?}", asked.endpoint) };
    assert_eq!(url.to_string(), "https://id.example/.well-known/openid-configuration");
    assert_eq!((asked.terms.cache, asked.terms.negative), (Duration::ZERO, Duration::from_mins(1)));
    assert_eq!(asked.terms.stale, Duration::from_mins(5));
    assert_eq!(asked.terms.lease, Duration::from_secs(4), "two secrets may be tried");
    assert!(asked.takes_opaque && asked.takes_jwts && asked.hands_on_signed);
    assert!(asked.signed.is_some() && config.rings.len() == 1);
    assert!(matches!(&asked.client.auth, Auth::Post(all) if all.len() == 2));
}

#[test]
fn a_client_shows_who_it_is_in_its_own_way() {
    let bearer = r#""client": {"id": "me", "auth": "bearer", "token": {"base64": "YQ=="}}"#;
    assert!(matches!(&asked(&accepted(&provider(bearer, ""))).client.auth, Auth::Bearer(_)));
    for (pem, alg, written) in [
        (P256, Alg::Es256, ""),
        (ED25519, Alg::EdDsa, r#", "alg": "EdDSA""#),
        (RSA, Alg::Rs256, r#", "alg": "RS256""#),
    ] {
        let client = format!(
            r#""issuer": "https://id.example", "client": {{"id": "me", "auth": "private_key_jwt", {}{written}, "kid": "k"}}"#,
            key(pem)
        );
        let config = accepted(&provider(&client, ""));
        let Auth::Key(assertion) = &asked(&config).client.auth else { panic!("no key") };
        assert_eq!(assertion.key.alg(), alg);
        assert_eq!(&*assertion.audience, "https://id.example");
        assert_eq!(assertion.kid.as_deref(), Some("k"));
    }
}

#[test]
fn what_could_not_work_or_would_not_be_safe_is_refused() {
    let signing = r#""issuer": "https://id.example", "signed": true"#;
    let pkj = |members: &str| {
        format!(
            r#""issuer": "https://id.example", "client": {{"id": "me", "auth": "private_key_jwt", {members}}}"#
        )
    };
    let cases: Vec<(String, &str, &str)> = vec![
        (String::new(), "url", "org.url: missing"),
        (r#""discovery": true"#.into(), "", "org.discovery: `url` and `discovery` are two places"),
        (r#""discovery": true"#.into(), "url", "org.issuer: missing"),
        (r#""url": "https://user:pw@id.example/x""#.into(), "", "org.url: the URL has a user name"),
        (r#""url": "https://id.example/x#y""#.into(), "", "org.url: the URL has a fragment"),
        (String::new(), "cluster", "leads to `id.example`"),
        (String::new(), "client", "org.client: missing"),
        (String::new(), "audiences", "org.audiences: missing"),
        (r#""client": {"id": "me"}"#.into(), "", "client.secret: missing"),
        (r#""client": {"secret": {"base64": "YQ=="}}"#.into(), "", "client.id: missing"),
        (r#""client": {"id": "me", "secret": []}"#.into(), "", "an empty list shows nothing"),
        (r#""client": {"id": "me", "secret": {}}"#.into(), "", "exactly one of `base64`, `text` and `env`"),
        (r#""client": {"id": "me", "secret": {"env": "NOT_THERE"}}"#.into(), "", "has no variable `NOT_THERE`"),
        (r#""client": {"id": "me", "secret": {"base64": "/w=="}}"#.into(), "", "no text in UTF-8"),
        (r#""client": {"id": "me", "secret": "s"}"#.into(), "", "expected an object with `env`"),
        (r#""client": {"id": "me", "auth": "bearer"}"#.into(), "", "client.token: missing"),
        (r#""client": {"id": "me", "auth": "bearer", "token": {"base64": "YQ=="}, "secret": {"base64": "YQ=="}}"#.into(), "", "no meaning with this `auth`"),
        (r#""client": {"id": "me", "secret": {"base64": "YQ=="}, "kid": "k"}"#.into(), "", "no meaning with this `auth`"),
        (r#""client": {"id": "me", "auth": "mtls"}"#.into(), "", "unknown value `mtls`"),
        (r#""client": {"id": "me", "auth": "none"}"#.into(), "", "`none` shows nothing"),
        (pkj(r#""kid": "k""#), "", "client.key: missing"),
        (pkj(&key("no key")), "", "no PEM of a private key"),
        (pkj(&key(RSA)), "", "another algorithm"),
        (pkj(&format!(r#"{}, "alg": "PS256""#, key(RSA))), "", "unknown value `PS256`"),
        (format!(r#""client": {{"id": "me", "auth": "private_key_jwt", {}}}"#, key(P256)), "", "client.audience: missing"),
        (r#""forms": []"#.into(), "", "would take nothing"),
        (r#""forms": ["jws"]"#.into(), "", "unknown value `jws`"),
        (r#""forms": ["jwt"]"#.into(), "", "org.issuer: missing"),
        (r#""cache": "6m""#.into(), "", "too long; at most \"5m\""),
        (r#""negative": "61s""#.into(), "", "too long; at most \"1m\""),
        (r#""capacity": 7"#.into(), "", "a whole number from 8"),
        (r#""on_outage": "allow""#.into(), "", "unknown value `allow`"),
        (r#""on_outage": {"stale": "0s"}"#.into(), "", "zero makes no sense"),
        (signing.into(), "", "org.jwks: missing"),
        (r#""url": "https://id.example/i", "cluster": "idp", "signed": true, "jwks": {"url": "https://id.example/keys", "cluster": "idp"}"#.into(), "", "org.issuer: missing"),
        (r#""url": "https://id.example/i", "cluster": "idp", "jwks": {"url": "https://id.example/keys", "cluster": "idp"}"#.into(), "", "org.jwks: has no meaning"),
        (r#""upstream": {"payload_header": "x-t", "payload": "signed"}"#.into(), "", "no signed answer to hand on"),
        (r#""any_issuer": true"#.into(), "", "org.any_issuer: has no meaning"),
        (r#""allow_id_tokens": true"#.into(), "", "has no meaning"),
        (r#""allow_no_expiry": true"#.into(), "", "has no meaning"),
        (r#""typ": ["at+jwt"]"#.into(), "", "has no meaning"),
        (r#""tenants": ["a"]"#.into(), "", "has no meaning"),
        (r#""secret": {"base64": "YQ=="}"#.into(), "", "has no meaning"),
        (r#""keys": []"#.into(), "", "has no meaning"),
    ];
    for (given, without, expected) in cases {
        let lines = refused(&provider(&given, without));
        assert!(lines.iter().any(|line| line.contains(expected)), "{given}: {lines:?}");
        assert!(lines.len() <= 2, "{given}: {lines:?}");
    }
}

#[test]
fn what_is_risky_is_warned_about() {
    let warned = |given: &str| codes(&accepted(&provider(given, "")));
    for (given, expected) in [
        (r#""url": "http://id.example/introspect""#, Code::PlainHttp),
        (r#""cache": "61s""#, Code::AnswersKeptLong),
        (r#""client": {"id": "me", "secret": {"text": "s"}}"#, Code::SecretInText),
        (
            r#""issuer": "https://id.example", "audiences": ["https://id.example"]"#,
            Code::AudienceCallerChosen,
        ),
    ] {
        assert_eq!(warned(given), [expected], "{given}");
    }
    let narrowed =
        r#""issuer": "https://id.example", "audiences": ["https://id.example"], "clients": ["c"]"#;
    assert_eq!(warned(narrowed), []);
    // Okta's org server is what this is for.
    let okta = r#""issuer": "https://example.okta.com", "url": "https://example.okta.com/oauth2/v1/introspect", "forms": ["jwt"]"#;
    assert_eq!(warned(okta), []);
}

#[test]
fn what_belongs_to_this_kind_is_refused_at_another() {
    for field in [
        r#""url": "https://id.example/introspect""#,
        r#""discovery": true"#,
        r#""cluster": "idp""#,
        r#""client": {"id": "me", "secret": {"base64": "YQ=="}}"#,
        r#""forms": ["jwt"]"#,
        r#""cache": "1s""#,
        r#""on_outage": "deny""#,
        r#""signed": true"#,
        r#""upstream": {"payload": "claims"}"#,
    ] {
        for rest in [
            r#""issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}"#,
            r#""kind": "api_key", "from": [{"header": "x-key"}], "keys": [{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f"}]"#,
        ] {
            let lines = refused(&format!(r#"{{"providers": {{"one": {{{rest}, {field}}}}}}}"#));
            let words = "has no meaning where nobody is asked about tokens";
            assert!(lines.len() == 1 && lines[0].contains(words), "{field}: {lines:?}");
        }
    }
}

/// Two providers on one API: the first is asked, the second is this.
fn two(first: &str, second: &str) -> String {
    let first = super::members(first, "", &REST);
    format!(
        r#"{{"providers": {{"one": {{"kind": "introspection", {first}}}, "two": {{{second}}}}}}}"#
    )
}

#[test]
fn one_place_has_one_owner_for_each_form_of_token() {
    let asked =
        |given: &str| format!("\"kind\": \"introspection\", {}", super::members(given, "", &REST));
    let jwt = r#""issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true, "cluster": "idp"}"#;
    let okta = r#""issuer": "https://okta.example", "forms": ["jwt"]"#;
    let other = r#""issuer": "https://other.example", "forms": ["jwt"]"#;
    for (name, first, second, expected) in [
        ("two of opaque tokens", "", asked(""), Some("a stranger's token would be shown to both")),
        ("opaque and JWTs", "", asked(other), None),
        ("opaque beside an issuer", "", jwt.to_owned(), None),
        ("JWTs of one issuer", okta, jwt.to_owned(), Some("also the issuer of provider `one`")),
        ("JWTs of two issuers", other, jwt.to_owned(), None),
        ("two places", r#""from": [{"header": "x-token"}]"#, asked(""), None),
    ] {
        let text = two(first, &second);
        match expected {
            Some(words) => {
                let lines = refused(&text);
                assert!(lines.len() == 1 && lines[0].contains(words), "{name}: {lines:?}");
            }
            None => drop(accepted(&text)),
        }
    }
}
