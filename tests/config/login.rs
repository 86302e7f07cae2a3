//! Providers that log browsers in: what they may say, and what is refused or warned about.

use std::time::Duration;

use tollgate::api::Unauthenticated;
use tollgate::claims::ClaimRef;
use tollgate::client::Auth;
use tollgate::config::{Code, Config};
use tollgate::env::Random;
use tollgate::provider::login::{
    Cookies, Judge, Lifetimes, Login, Logout, Pushed, Refresh, Source,
};
use tollgate::seal::Purpose;

use super::{accepted, codes};

/// Secrets of 32 bytes.
const SEAL: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OTHER: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const REST: [(&str, &str); 3] = [
    ("url", r#""url": "https://portal.example.com""#),
    ("client", r#""client": {"id": "0oa1", "secret": {"env": "SECRET"}}"#),
    ("seal", r#""seal": [{"env": "SEAL"}]"#),
];

const PROVIDER: [(&str, &str); 3] = [
    ("issuer", r#""issuer": "https://id.example""#),
    ("jwks", r#""jwks": {"discovery": true, "cluster": "idp"}"#),
    ("from", r#""from": []"#),
];

/// A login of these members and those that are missing but one.
fn login(given: &str, without: &str) -> String {
    format!("{{{}}}", super::members(given, without, &REST))
}

/// A configuration with one provider of these members, whose login is this.
fn provider(given: &str, login: &str) -> String {
    let members = super::members(given, "", &PROVIDER);
    format!(r#"{{"providers": {{"okta": {{{members}, "login": {login}}}}}}}"#)
}

/// A configuration with one login of these members.
fn one(given: &str) -> String {
    provider("", &login(given, ""))
}

/// The same with these APIs.
fn with_apis(given: &str, apis: &str) -> String {
    let text = one(given);
    format!(r#"{}, "apis": {apis}}}"#, text.strip_suffix('}').expect("an object"))
}

/// What stands in the environment.
fn variable(name: &str) -> Option<String> {
    let value = match name {
        "SECRET" => "hush".into(),
        "SEAL" => "s".repeat(32),
        "SEAL_OLD" => "o".repeat(44),
        "SHORT" => "s".repeat(31),
        _ => return None,
    };
    Some(value)
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    Config::parse_with(super::filled(text).as_bytes(), &variable)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|lines| panic!("{text}\n{}", lines.join("\n")))
}

struct Seven;

impl Random for Seven {
    fn u64(&self) -> u64 {
        7
    }
}

/// Whether the second of these opens what the first seals.
fn opens(one: &Login, other: &Login) -> bool {
    let sealed = one.seal.seal(Purpose::Session, &[b"host"], b"who", &Seven).expect("a text");
    other.seal.open(Purpose::Session, &[b"host"], &sealed).is_ok()
}

#[test]
fn the_first_secret_seals_and_all_open() {
    let [new, both, old] =
        [r#"{"env": "SEAL"}"#, r#"{"env": "SEAL"}, {"env": "SEAL_OLD"}"#, r#"{"env": "SEAL_OLD"}"#]
            .map(|seal| good(&one(&format!(r#""seal": [{seal}]"#))));
    let [new, both, old] = [&new, &both, &old].map(of);
    assert!(opens(old, both) && opens(new, both) && opens(both, new));
    assert!(!opens(both, old) && !opens(new, old));
}

fn of(config: &Config) -> &Login {
    config.providers[0].login().expect("a login")
}

fn texts(list: &[Box<str>]) -> Vec<&str> {
    list.iter().map(AsRef::as_ref).collect()
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn the_least_that_is_written_has_every_default() {
    let config = good(&one(""));
    assert_eq!(codes(&config), []);
    let login = of(&config);
    assert_eq!(
        login.urls.iter().map(|url| url.as_str()).collect::<Vec<_>>(),
        ["https://portal.example.com"]
    );
    assert_eq!((&*login.path, &*login.title), ("/.login/okta", "okta"));
    assert!(matches!(&login.client.auth, Auth::Basic(all) if all.len() == 1));
    assert_eq!((texts(&login.scopes), login.authorize.len()), (vec!["openid"], 0));
    assert_eq!((login.pushed, login.judge, login.userinfo), (Pushed::Auto, Judge::IdToken, false));
    assert!(matches!(login.endpoints, Source::Discovered { is_secure: true }));
    assert_eq!((&*login.cluster, &*login.host, login.timeout), ("idp", "id.example", seconds(5)));
    let refresh = Refresh { ahead: seconds(60), grace: seconds(900) };
    let session = Lifetimes { max: seconds(8 * 3600), idle: None, refresh: Some(refresh) };
    assert_eq!(login.session, session);
    assert_eq!(login.cookie, Cookies { name: "tollgate-okta".into(), domain: None });
    assert_eq!(texts(&login.origins), ["https://portal.example.com"]);
    assert_eq!((&login.forward_access_token, &login.forward_id_token), (&None, &None));
    let logout = Logout { provider: true, shows_id_token: true, back: "/".into(), revoke: true };
    assert_eq!((&login.logout, login.capacity, login.slots()), (&logout, 65_536, 1024));
    assert!(config.providers[0].from.is_empty(), "no bearer tokens");
    assert_eq!(config.apis[0].unauthenticated, Unauthenticated::Auto);
    assert!(config.rings[0].logins && config.fetches());
}

#[test]
fn every_field_is_taken() {
    let all = r#""url": ["https://portal.example.com", "http://localhost:10000", "https://a.example.com:8443"],
"path": "/sign-in/here", "title": "Example",
"client": {"id": "0oa1", "auth": "post", "secret": [{"env": "SECRET"}, {"env": "SEAL"}]},
"seal": [{"env": "SEAL"}, {"env": "SEAL_OLD"}], "scopes": ["openid", "email", "offline_access"],
"authorize": {"acr_values": "phr", "prompt": "login"}, "pushed": "always",
"endpoints": {"authorization": "https://login.example/a?x=1", "token": "https://login2.example/t",
  "end_session": "https://login.example/o", "revocation": "https://login2.example/r",
  "userinfo": "https://login2.example/u", "pushed": "https://login2.example/p"},
"cluster": "other", "host": "login2.example", "timeout": "3s", "judge": "id_token", "userinfo": true,
"session": {"max": "12h", "idle": "2m", "refresh": true, "ahead": "2m", "grace": "0s"},
"cookie": {"name": "portal"}, "origins": ["https://spa.example.com"],
"forward": {"access_token": "authorization", "id_token": "X-Id-Token"},
"logout": {"provider": true, "hint": "client_id", "return": "/bye?a=1", "revoke": false},
"capacity": 1024"#;
    let config = good(&one(all));
    assert_eq!(codes(&config), []);
    let login = of(&config);
    assert_eq!(login.urls.len(), 3);
    assert_eq!((&*login.path, &*login.title), ("/sign-in/here", "Example"));
    assert!(matches!(&login.client.auth, Auth::Post(all) if all.len() == 2));
    assert_eq!(login.authorize[0], ("acr_values".into(), "phr".into()));
    assert_eq!((login.pushed, login.userinfo), (Pushed::Always, true));
    let Source::Written(endpoints) = &login.endpoints else { panic!("{:?}", login.endpoints) };
    assert_eq!(endpoints.authorization.to_string(), "https://login.example/a?x=1");
    assert!(endpoints.end_session.is_some() && endpoints.userinfo.is_some());
    assert!(endpoints.revocation.is_some() && endpoints.pushed.is_some());
    assert_eq!(
        (&*login.cluster, &*login.host, login.timeout),
        ("other", "login2.example", seconds(3))
    );
    let refresh = Refresh { ahead: seconds(120), grace: Duration::ZERO };
    let session =
        Lifetimes { max: seconds(12 * 3600), idle: Some(seconds(120)), refresh: Some(refresh) };
    assert_eq!(login.session, session);
    assert_eq!(
        (&*login.cookie.name, texts(&login.origins)),
        ("portal", vec!["https://spa.example.com"])
    );
    assert_eq!(login.forward_access_token.as_deref(), Some("authorization"));
    assert_eq!(login.forward_id_token.as_deref(), Some("x-id-token"));
    assert!(!login.logout.shows_id_token && !login.logout.revoke);
    assert_eq!((&*login.logout.back, login.capacity, login.slots()), ("/bye?a=1", 1024, 256));
    assert!(!config.rings[0].logins, "no document is asked for endpoints");
    // Whatever clients send there is removed; `authorization` is where others' tokens come.
    let emitted = config.emitted_headers();
    assert!(emitted.iter().any(|name| name == "x-id-token"), "{emitted:?}");
    assert!(!emitted.iter().any(|name| name == "authorization"), "{emitted:?}");
}

#[test]
fn a_client_without_a_secret_is_public() {
    for client in [r#"{"id": "spa"}"#, r#"{"id": "spa", "auth": "none"}"#] {
        let config = good(&one(&format!(r#""client": {client}"#)));
        assert!(matches!(of(&config).client.auth, Auth::None), "{client}");
    }
}

#[test]
fn bearer_tokens_come_beside_a_login_unless_none_may() {
    let beside = good(&provider(
        r#""from": [{"header": "authorization"}], "audiences": ["api"]"#,
        &login("", ""),
    ));
    assert_eq!(beside.providers[0].from.len(), 1);
    let lines = parse(&provider(r#""from": [{"header": "authorization"}]"#, &login("", "")))
        .expect_err("no audience");
    assert!(lines.len() == 1 && lines[0].contains("okta.audiences: missing"), "{lines:?}");
    let alone = r#"{"providers": {"okta": {"issuer": "https://id.example", "from": [], "audiences": ["a"], "jwks": {"discovery": true, "cluster": "idp"}}}}"#;
    let lines = parse(alone).expect_err("nothing left");
    assert!(
        lines.len() == 1 && lines[0].contains("an empty list would find no token"),
        "{lines:?}"
    );
}

#[test]
fn calls_go_to_one_host_through_one_cluster() {
    let endpoints = r#""endpoints": {"authorization": "https://login.example/a", "token": "https://id.example/t"}"#;
    let inline = r#""jwks": {"inline": %keys%}"#;
    let cases = [
        // what the provider says, what the login says, host, cluster
        ("", "", "id.example", "idp"),
        ("", r#""cluster": "calls""#, "id.example", "calls"),
        ("", r#""host": "id.example""#, "id.example", "idp"),
        ("", r#""host": "api.id.example", "cluster": "calls""#, "api.id.example", "calls"),
        (
            r#""jwks": {"discovery": "https://meta.example/.well-known/openid-configuration", "cluster": "idp"}, "issuer": ["https://a.example", "https://b.example"]"#,
            "",
            "meta.example",
            "idp",
        ),
        (
            r#""jwks": {"url": "https://cdn.example/keys.json", "cluster": "cdn"}"#,
            endpoints,
            "id.example",
            "cdn",
        ),
        (inline, &format!(r#"{endpoints}, "cluster": "calls""#), "id.example", "calls"),
        (
            r#""issuer": "https://id.example/{tenant}", "tenants": ["red", "blue"]"#,
            &format!(r#"{endpoints}, "cluster": "calls""#),
            "id.example",
            "calls",
        ),
    ];
    for (given, members, host, cluster) in cases {
        let config = good(&provider(given, &login(members, "")));
        let login = of(&config);
        assert_eq!((&*login.host, &*login.cluster), (host, cluster), "{given} {members}");
    }
}

#[test]
fn what_could_not_work_or_would_not_be_safe_is_refused() {
    let long = "x".repeat(300);
    let cases: Vec<(String, &str, &str)> = vec![
        (String::new(), "url", "login.url: missing"),
        (String::new(), "client", "login.client: missing"),
        (String::new(), "seal", "login.seal: missing"),
        (r#""url": []"#.into(), "", "would log in nowhere"),
        (r#""url": "portal.example.com""#.into(), "", "is no origin; write it as"),
        (r#""url": "https://portal.example.com/""#.into(), "", "an origin has no path"),
        (r#""url": "https://Portal.example.com""#.into(), "", "in small letters"),
        (r#""url": "https://portal.example.com:443""#.into(), "", "leave the usual port out"),
        (r#""url": "https://*.example.com""#.into(), "", "is no origin"),
        (r#""url": "https://a..b""#.into(), "", "is no origin"),
        (r#""url": "http://portal.example.com""#.into(), "", "`http` is for loopback alone"),
        (r#""url": ["https://a.example", "https://a.example"]"#.into(), "", "written twice in one list"),
        (format!(r#""url": [{}]"#, (0..257).map(|at| format!(r#""https://h{at}.example""#)).collect::<Vec<_>>().join(",")), "", "257 elements; at most 256"),
        (r#""path": "login""#.into(), "", "a path begins with `/`"),
        (r#""path": "/""#.into(), "", "a path begins with `/`"),
        (r#""path": "/login/""#.into(), "", "a path begins with `/`"),
        (r#""path": "/a/../b""#.into(), "", "a path begins with `/`"),
        (r#""path": "/a?b""#.into(), "", "a path begins with `/`"),
        (format!(r#""path": "/{long}""#), "", "at most 256 bytes"),
        (format!(r#""title": "{long}""#), "", "300 bytes long; at most 128"),
        (r#""client": {"secret": {"env": "SECRET"}}"#.into(), "", "client.id: missing"),
        (r#""client": {"id": "a", "auth": "none", "secret": {"env": "SECRET"}}"#.into(), "", "no meaning with this `auth`"),
        (r#""client": {"id": "a", "auth": "bearer", "token": {"env": "SECRET"}}"#.into(), "", "`bearer` is for asking about tokens"),
        (r#""client": {"id": "a", "auth": "basic"}"#.into(), "", "client.secret: missing"),
        (r#""client": {"id": "a", "secret": {"env": "NOT_THERE"}}"#.into(), "", "has no variable `NOT_THERE`"),
        (r#""seal": []"#.into(), "", "an empty list seals nothing"),
        (r#""seal": [{"env": "SHORT"}]"#.into(), "", "31 bytes; at least 32"),
        (r#""seal": [{"env": "SEAL"}, {"env": "SEAL"}]"#.into(), "", "the same secret as seal[0]"),
        (r#""seal": [{"env": "SEAL"}, {}]"#.into(), "", "exactly one of `base64`, `text` and `env`"),
        (r#""seal": {"env": "SEAL"}"#.into(), "", "expected a list"),
        (format!(r#""seal": [{}]"#, [r#"{"env": "SEAL"}"#; 5].join(",")), "", "5 elements; at most 4"),
        (r#""scopes": []"#.into(), "", "has no `openid`"),
        (r#""scopes": ["email"]"#.into(), "", "has no `openid`"),
        (r#""scopes": ["openid email"]"#.into(), "", "a scope has no space"),
        (r#""scopes": ["openid", "openid"]"#.into(), "", "written twice"),
        (r#""authorize": {"redirect_uri": "https://evil.example"}"#.into(), "", "`redirect_uri` is for the filter to say"),
        (r#""authorize": {"scope": "email"}"#.into(), "", "write `scopes`"),
        (r#""authorize": {"": "x"}"#.into(), "", "no name of a parameter"),
        (format!(r#""authorize": {{"a": "{}"}}"#, "x".repeat(1024)), "", "of 1024 bytes together"),
        (r#""pushed": "sometimes""#.into(), "", "unknown value `sometimes`"),
        (r#""endpoints": {}"#.into(), "", "endpoints.authorization: missing"),
        (r#""endpoints": {"authorization": "https://a.example/a", "token": "https://u:p@id.example/t"}"#.into(), "", "endpoints.token: the URL has a user name"),
        (r#""endpoints": {"authorization": "https://a.example/a#f", "token": "https://id.example/t"}"#.into(), "", "endpoints.authorization: the URL has a fragment"),
        (r#""endpoints": {"authorization": "https://a.example/a", "token": "https://third.example/t"}"#.into(), "", "endpoints.token: stands on `third.example`, and calls go to `id.example`"),
        (r#""userinfo": true, "endpoints": {"authorization": "https://a.example/a", "token": "https://id.example/t", "userinfo": "https://third.example/u"}"#.into(), "", "endpoints.userinfo: stands on `third.example`"),
        (r#""userinfo": true, "endpoints": {"authorization": "https://a.example/a", "token": "https://id.example/t"}"#.into(), "", "endpoints.userinfo: missing"),
        (r#""pushed": "always", "endpoints": {"authorization": "https://a.example/a", "token": "https://id.example/t"}"#.into(), "", "endpoints.pushed: missing"),
        (r#""pushed": "always", "endpoints": {"authorization": "https://a.example/a", "token": "https://id.example/t", "pushed": "https://third.example/p"}"#.into(), "", "cannot do without"),
        (r#""host": "api.id.example""#.into(), "", "login.cluster: missing; name the Envoy cluster that leads to `api.id.example`"),
        (r#""host": "https://id.example""#.into(), "", "is no host"),
        (r#""host": "id.example:443""#.into(), "", "is no host"),
        (r#""host": "Id.example""#.into(), "", "is no host"),
        (r#""timeout": "11s""#.into(), "", "at most \"10s\""),
        (r#""judge": "userinfo""#.into(), "", "unknown value `userinfo`"),
        (r#""judge": "access_token", "userinfo": true"#.into(), "", "adds claims to the ID token's"),
        (r#""session": {"max": "0s"}"#.into(), "", "zero makes no sense"),
        (r#""session": {"idle": "119s"}"#.into(), "", "at least \"2m\""),
        (r#""session": {"refresh": false, "grace": "1m"}"#.into(), "", "session.grace: has no meaning"),
        (r#""session": {"refresh": false, "ahead": "1m"}"#.into(), "", "session.ahead: has no meaning"),
        (r#""cookie": {"name": "a;b"}"#.into(), "", "no name that all read alike"),
        (r#""cookie": {"name": "__Host-a"}"#.into(), "", "the prefix is put before it; write \"a\""),
        (r#""cookie": {"domain": ".example.com"}"#.into(), "", "begins with no dot; write \"example.com\""),
        (r#""cookie": {"domain": "com"}"#.into(), "", "is no domain"),
        (r#""cookie": {"domain": "10.0.0.1"}"#.into(), "", "is no domain"),
        (r#""cookie": {"domain": "0.0.1"}, "url": "https://10.0.0.1""#.into(), "", "is no domain"),
        (r#""cookie": {"domain": "Example.com"}"#.into(), "", "is no domain"),
        (r#""cookie": {"domain": "other.example"}"#.into(), "", "login.url: is not below `other.example`"),
        (r#""cookie": {"domain": "ortal.example.com"}"#.into(), "", "login.url: is not below"),
        (r#""origins": []"#.into(), "", "would refuse every change"),
        (r#""origins": ["https://a.example/"]"#.into(), "", "an origin has no path"),
        (r#""forward": {"access_token": "x-tollgate-token"}"#.into(), "", "is reserved"),
        (r#""forward": {"access_token": "host"}"#.into(), "", "belongs to the connection"),
        (r#""forward": {"access_token": "x-token", "id_token": "X_Token"}"#.into(), "", "one header cannot carry both"),
        (r#""forward": {"refresh_token": "x-token"}"#.into(), "", "unknown field"),
        (r#""logout": {"return": "https://evil.example"}"#.into(), "", "write a path of the same host"),
        (r#""logout": {"return": "//evil.example"}"#.into(), "", "write a path of the same host"),
        (r#""logout": {"return": "/\\evil.example"}"#.into(), "", "write a path of the same host"),
        (r#""logout": {"return": "/.login/okta/logout"}"#.into(), "", "outside the login's own"),
        (r#""logout": {"provider": false, "hint": "client_id"}"#.into(), "", "logout.hint: has no meaning"),
        (r#""capacity": 7"#.into(), "", "a whole number from 8"),
        (r#""cookies": {}"#.into(), "", "did you mean `cookie`?"),
    ];
    for (given, without, expected) in cases {
        let text = provider("", &login(&given, without));
        let lines = parse(&text).expect_err(&given);
        assert!(lines.iter().any(|line| line.contains(expected)), "{given}: {lines:?}");
        assert!(lines.len() <= 2, "{given}: {lines:?}");
    }
}

#[test]
fn a_login_needs_to_know_whose_id_tokens_it_takes_and_where_it_asks() {
    let endpoints =
        r#""endpoints": {"authorization": "https://a.example/a", "token": "https://id.example/t"}"#;
    let cases = [
        // what the provider says, what the login says, what is refused
        (
            r#""any_issuer": true, "jwks": {"discovery": "https://id.example/d", "cluster": "idp"}"#,
            "",
            "okta.any_issuer: a login takes ID tokens of issuers that are known",
        ),
        (
            r#""jwks": {"url": "https://id.example/keys", "cluster": "idp"}"#,
            "",
            "login.endpoints: missing; there is no discovery document",
        ),
        (
            r#""jwks": {"inline": %keys%}"#,
            "",
            "login.endpoints: missing; there is no discovery document",
        ),
        (
            r#""jwks": {"inline": %keys%}"#,
            endpoints,
            "login.cluster: missing; name the Envoy cluster that leads to `id.example`",
        ),
        (
            r#""issuer": "https://id.example/{tenant}", "tenants": ["red"]"#,
            "",
            "login.endpoints: missing; each tenant has a discovery document",
        ),
        (r#""jwks": {"discovery": true}"#, "", "jwks.cluster: missing"),
        (
            r#""upstream": {"headers": {"x-token": "sub"}}"#,
            r#""forward": {"id_token": "X-Token"}"#,
            "differ only in case",
        ),
    ];
    for (given, members, expected) in cases {
        let mut text = provider(given, &login(members, ""));
        if given.contains("any_issuer") {
            text = text.replace(r#""issuer": "https://id.example","#, "");
        }
        let lines = parse(&text).expect_err(given);
        assert!(lines.iter().any(|line| line.contains(expected)), "{given}: {lines:?}");
    }
}

#[test]
fn other_kinds_of_provider_log_nobody_in() {
    for (rest, expected) in [
        (
            r#""kind": "introspection", "url": "https://id.example/i", "cluster": "idp", "audiences": ["a"], "client": {"id": "a", "secret": {"env": "SECRET"}}"#,
            "has no meaning where the provider is asked about tokens",
        ),
        (
            r#""kind": "api_key", "from": [{"header": "x-key"}], "keys": [{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f"}]"#,
            "has no meaning for API keys",
        ),
    ] {
        let text = format!(r#"{{"providers": {{"one": {{{rest}, "login": {}}}}}}}"#, login("", ""));
        let lines = parse(&text).expect_err(rest);
        assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:?}");
    }
}

/// A configuration with two logins: the first is the usual one, the second this.
fn two(first: &str, second: &str, rest: &str) -> String {
    let okta = super::members("", "", &PROVIDER);
    let partner = okta.replace("id.example", "partner.example");
    format!(
        r#"{{"providers": {{"okta": {{{okta}, "login": {}}}, "partner": {{{partner}, "login": {}}}}}{rest}}}"#,
        login(first, ""),
        login(second, "")
    )
}

#[test]
fn a_browser_can_tell_two_logins_apart() {
    let path = r#""path": "/.login/okta""#;
    let elsewhere = r#""url": "https://other.example.com""#;
    let cases = [
        // name, the first, the second, what is refused
        ("by the defaults", "", "".to_owned(), None),
        ("one path", "", path.to_owned(), Some("on `https://portal.example.com` the login of provider `okta` has `/.login/okta`, too")),
        ("a path below the other's", "", r#""path": "/.login/okta/partner""#.into(), Some("has `/.login/okta`, too")),
        ("a path above the other's", "", r#""path": "/.login""#.into(), Some("has `/.login/okta`, too")),
        ("a path that only begins alike", "", r#""path": "/.login/oktavia""#.into(), None),
        ("one path on two hosts", "", format!("{path}, {elsewhere}"), None),
        ("one path on two ports", "", format!(r#"{path}, "url": "https://portal.example.com:8443""#), None),
        ("one cookie", "", r#""cookie": {"name": "tollgate-okta"}"#.into(), Some("login of provider `okta` has the cookie")),
        ("a cookie that is a part of the other's", "", r#""cookie": {"name": "tollgate-okta-r"}"#.into(), Some("has the cookie `__Host-tollgate-okta-r`, too")),
        ("one cookie on two ports", "", r#""cookie": {"name": "tollgate-okta"}, "url": "https://portal.example.com:8443""#.into(), Some("a browser sends both to one host")),
        ("one cookie on two hosts", "", format!(r#""cookie": {{"name": "tollgate-okta"}}, {elsewhere}"#), None),
        ("one cookie of a domain", r#""cookie": {"domain": "example.com"}"#, format!(r#""cookie": {{"name": "tollgate-okta", "domain": "other.example.com"}}, {elsewhere}"#), Some("has the cookie")),
        ("one cookie of two domains", r#""cookie": {"domain": "example.com"}"#, r#""cookie": {"name": "tollgate-okta", "domain": "example.net"}, "url": "https://a.example.net""#.into(), None),
    ];
    for (name, first, second, expected) in cases {
        match (parse(&two(first, &second, "")), expected) {
            (Ok(_), None) => {}
            (Err(lines), Some(words)) => {
                assert!(lines.len() == 1 && lines[0].contains(words), "{name}: {lines:?}");
            }
            (found, _) => panic!("{name}: {:?}", found.map(|_| "accepted")),
        }
    }
}

#[test]
fn what_is_a_logins_own_is_nobody_elses() {
    let cases = [
        // name, the first login, the rest, what is refused
        (
            "the operator's page",
            r#""path": "/.tollgate/login""#,
            r#", "status": {"path": "/.tollgate/login/x", "key_sha256": "%hash%"}"#,
            Some("status.path: `/.tollgate/login` and all below it is a login's"),
        ),
        (
            "the page's probe",
            r#""path": "/.tollgate/ready""#,
            r#", "status": {"path": "/.tollgate", "key_sha256": "%hash%"}"#,
            Some("status.path: `/.tollgate/ready`"),
        ),
        (
            "a login below the page",
            r#""path": "/.tollgate/login""#,
            r#", "status": {"path": "/.tollgate", "key_sha256": "%hash%"}"#,
            None,
        ),
        (
            "the document of a resource",
            r#""path": "/.well-known""#,
            r#", "apis": [{"name": "a", "auth": ["okta"], "resource": {"url": "https://portal.example.com/mcp"}}, {"name": "b", "match": {"paths": ["/b"]}, "auth": ["partner"]}]"#,
            Some("login.path: is where the document of an API's `resource` is"),
        ),
        (
            "both tokens in one branch",
            r#""forward": {"access_token": "authorization"}"#,
            r#", "apis": [{"name": "a", "auth": [["okta", "partner"]], "session_from": "okta"}]"#,
            Some("a branch of API `a` has both"),
        ),
    ];
    for (name, first, rest, expected) in cases {
        let hash = "4489ff2f9ea96e76d15846c1b6fb8fe5e2831f2433aebb54ccf3be9db7d1418d";
        let second = if first.contains("forward") { first } else { "" };
        let text = two(first, second, &rest.replace("%hash%", hash)).replace(
            r#"{"name": "a", "auth": ["okta"]"#,
            r#"{"name": "a", "match": {"paths": ["/mcp"]}, "auth": ["okta"]"#,
        );
        match (parse(&text), expected) {
            (Ok(_), None) => {}
            (Err(lines), Some(words)) => {
                assert!(lines.len() == 1 && lines[0].contains(words), "{name}: {lines:?}");
            }
            (found, _) => panic!("{name}: {:?}", found.map(|_| "accepted")),
        }
    }
    let read =
        r#""from": [{"cookie": "__Host-tollgate-okta", "any_origin": true}], "audiences": ["a"]"#;
    let lines = parse(&provider(read, &login("", ""))).expect_err("read");
    assert!(
        lines.len() == 1 && lines[0].contains("is a cookie of the login of provider `okta`"),
        "{lines:?}"
    );
}

#[test]
fn an_api_asks_for_what_a_login_brings() {
    let api = |members: &str| format!(r#"[{{"name": "a", "auth": ["okta"], {members}}}]"#);
    let access = r#""judge": "access_token""#;
    let cases = [
        // login, API, what is refused
        ("", r#""audiences": ["api"]"#, Some("apis[0].audiences: is asked of access tokens")),
        (access, r#""audiences": ["api"]"#, None),
        (
            "",
            r#""unauthenticated": "redirect", "optional": true"#,
            Some("contradicts \"optional\": true"),
        ),
        ("", r#""unauthenticated": "deny", "optional": true"#, None),
        ("", r#""unauthenticated": "redirect""#, None),
        ("", r#""unauthenticated": "always""#, Some("unknown value `always`")),
    ];
    for (given, members, expected) in cases {
        match (parse(&with_apis(given, &api(members))), expected) {
            (Ok(config), None) => {
                let expected = match members.contains("unauthenticated") {
                    true if members.contains("deny") => Unauthenticated::Deny,
                    true => Unauthenticated::Redirect,
                    false => Unauthenticated::Auto,
                };
                assert_eq!(config.apis[0].unauthenticated, expected, "{members}");
            }
            (Err(lines), Some(words)) => {
                assert!(lines.len() == 1 && lines[0].contains(words), "{members}: {lines:?}");
            }
            (found, _) => panic!("{members}: {:?}", found.map(|_| "accepted")),
        }
    }
    for auth in [r#""none""#, r#"["okta"]"#] {
        let text = format!(
            r#"{{"providers": {{"okta": %okta%}}, "apis": [{{"name": "a", "match": {{"paths": ["/a"]}}, "auth": {auth}, "unauthenticated": "deny"}}]}}"#
        );
        let lines = parse(&text).expect_err(auth);
        assert!(
            lines.len() == 1 && lines[0].contains("unauthenticated: has no meaning"),
            "{lines:?}"
        );
    }
}

#[test]
fn an_audience_of_another_session_is_no_matter_of_a_login() {
    let text = two(
        "",
        r#""judge": "access_token""#,
        r#", "apis": [{"name": "a", "auth": [["okta", "partner"]], "session_from": "partner", "audiences": ["api"]}]"#,
    );
    drop(good(&text));
}

#[test]
fn a_resource_needs_no_audience_where_no_bearer_token_is_taken() {
    let api =
        r#"[{"name": "a", "auth": ["okta"], "resource": {"url": "https://portal.example.com"}}]"#;
    drop(good(&with_apis("", api)));
}

#[test]
fn what_is_risky_is_warned_about() {
    let endpoints = |token: &str, rest: &str| {
        format!(
            r#""endpoints": {{"authorization": "https://id.example/a", "token": "{token}"{rest}}}"#
        )
    };
    let api = |members: &str| format!(r#"[{{"name": "a", "auth": ["okta"], {members}}}]"#);
    let cases: Vec<(String, String, &[Code])> = vec![
        (r#""cookie": {"domain": "example.com"}"#.into(), String::new(), &[Code::SessionShared]),
        (format!(r#""seal": [{{"base64": "{SEAL}"}}]"#), String::new(), &[Code::SecretInText]),
        (format!(r#""seal": [{{"text": "{OTHER}"}}]"#), String::new(), &[Code::SecretInText]),
        (
            r#""client": {"id": "a", "secret": {"text": "s"}}"#.into(),
            String::new(),
            &[Code::SecretInText],
        ),
        (endpoints("http://id.example/t", ""), String::new(), &[Code::PlainHttp]),
        (
            endpoints("https://id.example/t", r#", "revocation": "https://third.example/r""#),
            String::new(),
            &[Code::EndpointElsewhere],
        ),
        (
            endpoints("https://id.example/t", r#", "pushed": "https://third.example/p""#),
            String::new(),
            &[Code::EndpointElsewhere],
        ),
        (
            endpoints(
                "https://id.example/t",
                r#", "userinfo": "https://third.example/u", "end_session": "https://third.example/o""#,
            ),
            String::new(),
            &[],
        ),
        (String::new(), api(r#""scopes": ["orders:read"]"#), &[Code::ScopeUnasked]),
        (r#""scopes": ["openid", "orders:read"]"#.into(), api(r#""scopes": ["orders:read"]"#), &[]),
        (String::new(), api(r#""clients": ["other"]"#), &[Code::ClientRefused]),
        (String::new(), api(r#""clients": ["other", "0oa1"]"#), &[]),
        (
            r#""path": "/app/login""#.into(),
            api(r#""match": {"paths": ["/app/**"]}"#),
            &[Code::LoginOnApi],
        ),
        (
            r#""path": "/app/login""#.into(),
            api(r#""match": {"paths": ["/app/**"], "hosts": ["other.example.com"]}"#),
            &[],
        ),
        (String::new(), api(r#""match": {"paths": ["/**"]}"#), &[]),
    ];
    for (given, apis, expected) in cases {
        let text = if apis.is_empty() { one(&given) } else { with_apis(&given, &apis) };
        assert_eq!(codes(&good(&text)), expected, "{given} {apis}");
    }
    // What is left out is not used.
    let config = good(&one(&endpoints(
        "https://id.example/t",
        r#", "revocation": "https://third.example/r""#,
    )));
    let Source::Written(endpoints) = &of(&config).endpoints else { panic!("written") };
    assert_eq!(endpoints.revocation, None);
}

#[test]
fn what_there_is_to_know_is_said_once_and_warns_nobody() {
    let notes = |text: &str| {
        let config = good(text);
        assert_eq!(codes(&config), []);
        config.notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // Without a refresh token there is nothing to know of refreshes.
    let unasked = notes(&one(""));
    assert!(
        matches!(&*unasked, [one] if one.contains("only to who asks for `offline_access`")),
        "{unasked:?}"
    );
    let all = notes(&one(r#""scopes": ["openid", "offline_access"], "back_channel": true"#));
    for words in [
        "a session lives 15m past the end",
        "that a session is being refreshed is known to one proxy",
        "what the provider says of a session's end is known to one proxy",
        "takes a second use for theft",
        "at 65536 sessions whose tokens live for 1h, what a refresh brought is kept for about 56s",
    ] {
        assert!(all.iter().any(|note| note.contains(words)), "{words}: {all:?}");
    }
    assert_eq!(all.len(), 5);
    let small = notes(&one(r#""capacity": 8, "scopes": ["openid", "offline_access"]"#));
    assert!(small.iter().any(|note| note.contains("kept for about 600s")), "{small:?}");
    assert_eq!(small.len(), 4);
    assert_eq!(notes(&one(r#""session": {"refresh": false}"#)), [""; 0]);
    let client = one("").replace(r#""id": "0oa1""#, r#""id": "CLIENT_ID""#);
    let left = notes(&client);
    assert!(
        left.iter().any(|note| note.contains("still the word that `tollgate init`")),
        "{left:?}"
    );
}

#[test]
fn each_provider_has_its_own_way_to_a_refresh_token() {
    let asks = |issuer: &str, given: &str| {
        let provider = provider(&format!(r#""issuer": "{issuer}""#), &login(given, ""));
        let notes = good(&provider).notes;
        let mut of = notes.iter().filter(|note| note.code == Code::RefreshUnasked);
        of.next().map(|note| note.to_string())
    };
    let google = r#""authorize": {"access_type": "offline"}"#;
    for (issuer, given, expected) in [
        (
            "https://example.okta.com/oauth2/default",
            "",
            Some("this provider gives a refresh token only"),
        ),
        (
            "https://login.microsoftonline.com/1/v2.0",
            "",
            Some("this provider gives a refresh token only"),
        ),
        (
            "https://example.eu.auth0.com/",
            r#""session": {"refresh": true}"#,
            Some("session.refresh: this provider gives"),
        ),
        ("https://id.example/realms/staff", "", Some("Keycloak gives a refresh token without")),
        ("https://accounts.google.com", "", Some("\"access_type\": \"offline\"")),
        ("https://accounts.google.com", google, None),
        ("https://example.okta.com", r#""scopes": ["openid", "offline_access"]"#, None),
        ("https://id.example", "", Some("most providers give")),
    ] {
        let found = asks(issuer, given);
        match expected {
            Some(words) => assert!(
                found.as_ref().is_some_and(|note| note.contains(words)),
                "{issuer}: {found:?}"
            ),
            None => assert_eq!(found, None, "{issuer}"),
        }
    }
}

#[test]
fn a_session_keeps_the_claims_that_the_configuration_names() {
    let text = r#"{"providers": {
"okta": {"issuer": "https://id.example", "jwks": {"discovery": true, "cluster": "idp"}, "from": [],
  "claims": {"identity": ["email", "sub"], "client": ["azp"], "scopes": ["scp"], "policies": ["plans"]},
  "require": [{"claim": "tenant", "in": ["a"]}],
  "upstream": {"headers": {"x-name": "name", "x-roles": {"claim": ["realm", "roles"]}, "x-of": {"session": "identity"}}},
  "login": {"url": "https://portal.example.com", "client": {"id": "a"}, "seal": [{"env": "SEAL"}]}},
"keys": {"kind": "api_key", "from": [{"header": "x-key"}], "keys": [{"name": "k", "identity": "i", "sha256": "00ff0123456789abcdef0000000000000000000000000000000000000000001f"}]}},
"policies": {"p": {"rate": {"requests": 1, "per": "1s"}, "limit_by": {"claim": "team"}}},
"apis": [
 {"name": "a", "match": {"paths": ["/a/{id}"]}, "auth": ["okta"], "require": [{"claim": "roles", "contains_any": ["x"]}, {"claim": "own", "matches": {"path": "id"}}],
  "policies": {"default": ["p"], "from_claim": true, "by_claim": [{"claim": "groups", "values": {"staff": ["p"]}}]}},
 {"name": "b", "match": {"paths": ["/b"]}, "auth": ["keys"]}]}"#;
    let config = good(text);
    let name = |name: &str| ClaimRef::Name(name.into());
    let mut expected: Vec<_> =
        ["azp", "email", "groups", "name", "own", "plans", "roles", "scp", "sub", "team", "tenant"]
            .map(name)
            .to_vec();
    expected.push(ClaimRef::Path(vec!["realm".into(), "roles".into()]));
    let login = config.providers.iter().find_map(|one| one.login()).expect("a login");
    assert_eq!(login.kept, expected);
    assert_eq!(
        of(&good(&one(""))).kept.len(),
        7,
        "identity, four names of a client, two of scopes"
    );
}

#[test]
fn a_login_whose_parts_are_wrong_hides_no_other_mistake() {
    let text = one(
        r#""url": "https://portal.example.com/x", "seal": [{"env": "SHORT"}], "scopes": ["email"], "cookie": {"name": "a b"}, "timeout": "1h", "capacity": 1"#,
    );
    assert_eq!(parse(&text).expect_err("six mistakes").len(), 6);
    drop(accepted(r#"{"providers": {"okta": %okta%}}"#));
}
