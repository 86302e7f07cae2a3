//! What is sealed for browsers, told by `tollgate decode`.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::claims::{ClaimRef, Claims};
use tollgate::config::Config;
use tollgate::env::Random;
use tollgate::login::attempt::Attempt;
use tollgate::login::part;
use tollgate::login::session::{Kept, Session, SessionId};
use tollgate::provider::Provider;
use tollgate::seal::{Purpose, SealKeys};
use tollgate::time::UnixMillis;
use tollgate_cli::Exit;

use super::support::token::{ISSUER, NOW};
use super::{Folder, Ran, tollgate};

/// [`NOW`], as an argument.
const AT: &str = "2027-01-15T08:00:00Z";
pub(crate) const HOST: &str = "portal.example.com";
const CLIENT: &str = "0oa1";
const KEY: &str = "a secret that seals what browsers keep";
/// A variable that every test has, long enough for a key.
const VARIABLE: &str = "CARGO_PKG_DESCRIPTION";

/// The same in every run.
struct Counting(Cell<u64>);

impl Random for Counting {
    fn u64(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// A configuration that logs browsers in, with this seal.
pub(crate) fn configuration(seal: Value) -> Value {
    json!({ "providers": { "idp": {
        "issuer": ISSUER, "from": [], "claims": { "identity": ["email", "sub"] },
        "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" },
        "login": {
            "url": [format!("https://{HOST}"), "https://admin.example.com"],
            "client": { "id": CLIENT, "secret": { "env": "CLIENT_SECRET" } }, "seal": [seal],
            "endpoints": { "authorization": "https://id.example.com/auth",
                           "token": "https://id.example.com/token" },
        },
    } } })
}

/// A session that began so long ago.
fn session(ago: Duration) -> Session {
    let now = UnixMillis::from_secs(NOW);
    let claims = json!({ "iss": ISSUER, "sub": "00u1", "email": "a@example.com" });
    let claims = Claims::parse(claims.to_string().as_bytes()).unwrap();
    let kept = ["email", "sub", "appid", "azp", "cid", "client_id", "scope", "scp"]
        .map(|name| ClaimRef::Name(name.into()));
    Session {
        id: SessionId { id: [3; 16], generation: 7 },
        attempt: [4; 16],
        begun: now.before(ago),
        renewed: now.before(ago / 2),
        used: now.before(ago / 2),
        authenticated: None,
        until: None,
        expires_in: Duration::from_secs(3600),
        is_renewable: true,
        issuer: ISSUER.into(),
        subject: "00u1".into(),
        identity: "a@example.com".into(),
        client: CLIENT.into(),
        scopes: "openid email".into(),
        sid: None,
        claims: Kept::of(&claims, &kept),
    }
}

/// Seals something as the filter does at this host.
fn seal(purpose: Purpose, host: &str, key: &str, record: &[u8]) -> String {
    let keys = SealKeys::new(vec![key.as_bytes().to_vec().into()]).unwrap();
    let context = [ISSUER, CLIENT, host].map(str::as_bytes);
    keys.seal(purpose, &context, record, &Counting(Cell::new(0))).unwrap()
}

/// The cookie of a session that began so long ago.
pub(crate) fn cookie(ago: Duration, key: &str) -> String {
    seal(Purpose::Session, HOST, key, &session(ago).write())
}

struct Around(Folder);

impl Around {
    fn new() -> Self {
        let folder = Folder::new();
        let write = |name: &str, text: String| std::fs::write(folder.path(name), text).unwrap();
        write("config.json", configuration(json!({ "env": "SEAL" })).to_string());
        write("key", format!("{KEY}\n"));
        write("other", "another secret, which seals nothing here".to_owned());
        Self(folder)
    }

    fn decode(&self, text: &str, more: &[&str]) -> Ran {
        let (config, key) = (self.0.path("config.json"), format!("file:{}", self.0.path("key")));
        let fixed = ["decode", "--at", AT, "--config", &config];
        let seal: &[&str] = if more.contains(&"--seal") { &[] } else { &["--seal", &key] };
        tollgate(&[&fixed[..], seal, more].concat(), text.as_bytes())
    }
}

const HOURS: Duration = Duration::from_secs(7200);

#[test]
fn a_sessions_cookie_is_told_and_no_token_beside_it() {
    let around = Around::new();
    let value = cookie(HOURS, KEY);
    let header = format!(
        "Cookie: theme=dark; __Host-tollgate-idp={value}; __Host-tollgate-idp-b=AAAA; \
         __Host-tollgate-idp-r={}; __Secure-tollgate-idp-i={}; __Host-tollgate-idp-s={}",
        seal(Purpose::Refresh, HOST, KEY, &part::write_token(session(HOURS).id, "refresh.secret")),
        seal(Purpose::IdHint, HOST, KEY, &part::write_token(session(HOURS).id, "e30.e30.hush")),
        seal(
            Purpose::LastUse,
            HOST,
            KEY,
            &part::write_last_use(session(HOURS).id, UnixMillis::from_secs(NOW - 60))
        ),
    );
    for (text, blocks) in [(&*value, 1), (&format!("__Host-tollgate-idp={value}"), 1), (&header, 4)]
    {
        let ran = around.decode(text, &[]);
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{text}");
        assert_eq!(ran.out.matches(" of the login of `idp` at https://portal").count(), blocks);
        for line in [
            "session of the login of `idp` at https://portal.example.com",
            r#"  identity       "a@example.com""#,
            r#"  subject        "00u1""#,
            r#"  scopes         "openid email""#,
            "  begun          2027-01-15T06:00:00Z, 2h ago",
            "  renewed        2027-01-15T07:00:00Z, 1h ago",
            "  ends           2027-01-15T14:00:00Z, in 6h",
            r#"    "email": "a@example.com""#,
        ] {
            assert!(ran.out.lines().any(|found| found == line), "{line}\n{}", ran.out);
        }
        for secret in ["refresh.secret", "hush", &value] {
            assert!(!ran.out.contains(secret), "{}", ran.out);
        }
    }
    let all = around.decode(&header, &[]).out;
    for words in ["refresh token of", "  length         14 bytes", "ID token of", "last use of"] {
        assert!(all.contains(words), "{words}\n{all}");
    }
    let ran = around.decode(&header, &["--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let told = &told["sealed"];
    assert_eq!(told[0]["name"], "__Host-tollgate-idp");
    assert_eq!(told[0]["holds"]["identity"], "a@example.com");
    assert_eq!(told[0]["holds"]["claims"]["email"], "a@example.com");
    assert_eq!(told[0]["holds"]["ends"]["at"], "2027-01-15T14:00:00Z");
    assert_eq!(told[0]["refused"], Value::Null);
    assert_eq!(told[1]["holds"]["length"], "14 bytes");
}

#[test]
fn a_session_that_the_proxy_does_not_take_is_told_with_the_reason() {
    let around = Around::new();
    let over = cookie(Duration::from_secs(9 * 3600), KEY);
    let ran = around.decode(&over, &[]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert!(
        ran.out.contains("login_expired: the session ended at 2027-01-15T07:00:00Z"),
        "{}",
        ran.out
    );
    let ran = around.decode(&over, &["--at", "2027-01-15T06:30:00Z"]);
    assert_eq!(ran.exit, Exit::Misuse, "twice");
    let mut configuration = configuration(json!({ "env": "SEAL" }));
    configuration["providers"]["idp"]["require"] =
        json!([{ "claim": "groups", "contains_any": ["a"] }]);
    std::fs::write(around.0.path("config.json"), configuration.to_string()).unwrap();
    let ran = around.decode(&cookie(HOURS, KEY), &[]);
    assert!(ran.out.contains("login_stale: the configuration names the claim"), "{}", ran.out);
}

#[test]
fn an_attempt_is_told_out_of_the_url_that_a_browser_came_back_to() {
    let around = Around::new();
    let now = UnixMillis::from_secs(NOW);
    let random = Counting(Cell::new(7));
    let origin = format!("https://{HOST}");
    let begin = |at| Attempt::begin(&random, at, &origin, "/orders?a=b", [9; 16]).unwrap().write();
    let url = |at| {
        let state = seal(Purpose::State, HOST, KEY, &begin(at));
        format!("{origin}/.login/idp/callback?code=hush&state={state}&iss=x")
    };
    let ran = around.decode(&url(now.before(Duration::from_secs(60))), &[]);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    for words in ["attempt of the login of `idp`", "07:59:00Z, 1m ago", "\"/orders?a=b\""] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    assert!(!ran.out.contains("hush") && !ran.out.contains("login_state"), "{}", ran.out);
    let late = around.decode(&url(now.before(Duration::from_secs(660))), &[]);
    assert!(late.out.contains("login_state_invalid"), "{}", late.out);
    assert!(late.out.contains("older than 10 minutes"), "{}", late.out);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let around = Around::new();
    let value = cookie(HOURS, KEY);
    let (other, admin) = (
        format!("file:{}", around.0.path("other")),
        seal(Purpose::Session, "admin.example.com", KEY, &session(HOURS).write()),
    );
    let elsewhere = seal(Purpose::Session, "shop.example.com", KEY, &session(HOURS).write());
    let cut = value.len() - value.len() % 4;
    for (text, more, words) in [
        (&*value, &["--seal", &*other][..], "it was sealed with another key than `seal` has"),
        (
            &value[..cut - 4],
            &[],
            "it was changed or cut off, or is for another client, issuer or host than",
        ),
        (&value[..cut - 3], &[], "it was cut off: no text comes to"),
        (&value[..20], &[], "it is none of the filter's"),
        (&elsewhere, &[], "`idp`, client `0oa1`, at https://portal.example.com; `idp`, client"),
        (
            &admin,
            &["--host", HOST],
            "it is for https://admin.example.com, and no other host can use it",
        ),
        ("a.b", &[], "it is none of the filter's: it has `.` in it"),
        ("a=b; c=d", &[], "it has none of the names"),
        ("", &[], "it is empty"),
        (
            &format!("__Host-tollgate-idp={}", &value[..cut - 4]),
            &[],
            "`__Host-tollgate-idp` was changed",
        ),
    ] {
        let ran = around.decode(text, more);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""), "{words}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        let told = around.decode(text, &[more, &["--format", "json"]].concat()).out;
        let told: Value = serde_json::from_str(&told).unwrap();
        let problem = told["sealed"][0]["problem"].as_str().unwrap();
        assert!(ran.err.contains(problem), "{problem}");
    }
    for (host, exit) in [("admin.example.com", Exit::Fine), ("admin.example.com:443", Exit::Fine)] {
        assert_eq!(around.decode(&admin, &["--host", host]).exit, exit, "{host}");
    }
}

#[test]
fn keys_come_from_variables_and_files_and_are_never_arguments() {
    let around = Around::new();
    let value = cookie(HOURS, env!("CARGO_PKG_DESCRIPTION"));
    let named = format!("env:{VARIABLE}");
    let (key, other) =
        (format!("file:{}", around.0.path("key")), format!("file:{}", around.0.path("other")));
    // A new key beside the old one.
    for keys in [&["--seal", &*named][..], &["--seal", &key, "--seal", &named]] {
        let ran = around.decode(&value, keys);
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{keys:?}");
    }
    for (keys, words) in [
        (&["--seal", "env:NO_SUCH_VARIABLE"][..], "there is no such variable"),
        (&["--seal", KEY], "never the key itself"),
        (&["--seal", "file:/no/such/file"], "cannot be read"),
    ] {
        let ran = around.decode(&value, keys);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{keys:?}");
        assert!(ran.err.contains(words) && !ran.err.contains(KEY), "{}", ran.err);
    }
    let twice = around.decode(&value, &["--seal", &other, "--seal", &other]);
    assert_eq!(twice.exit, Exit::Problems, "{}", twice.out);
    assert!(twice.err.contains("one to four, different"), "{}", twice.err);
    // The configuration's own, by this process's variables.
    let mut own = configuration(json!({ "env": VARIABLE }));
    own["providers"]["idp"]["login"]["client"]["secret"] = json!({ "env": "CARGO_PKG_NAME" });
    std::fs::write(around.0.path("config.json"), own.to_string()).unwrap();
    let fixed = ["decode", "--at", AT, "--config", &around.0.path("config.json")];
    let ran = tollgate(&fixed, value.as_bytes());
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""), "{}", ran.out);
    for arguments in [&["decode", "--seal", &named][..], &["decode", "--config", "-"]] {
        assert_eq!(tollgate(arguments, value.as_bytes()).exit, Exit::Misuse, "{arguments:?}");
    }
}

#[test]
fn the_claims_that_sessions_are_made_with_are_those_of_the_configuration() {
    let text = configuration(json!({ "text": KEY })).to_string();
    let config = Config::parse_with(text.as_bytes(), &|_: &str| Some("hush".to_owned())).unwrap();
    let login = config.providers.first().and_then(Provider::login).unwrap();
    assert!(session(HOURS).claims.lacks(&login.kept).is_none(), "{:?}", login.kept);
}
