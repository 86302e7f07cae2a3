//! A second real provider, Debian's Glewlwyd, which answers otherwise than the first: `bearer` in lower
//! case, no ID token and no refresh token at a refresh. It stores everything in a file, and is set up by
//! its own interface.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::http::form_field;

use super::harness::{
    Browser, Connection, Envoy, Filter, Listener, Process, Request, SCRIPT, SEAL, Site, Upstream,
    configuration, fetch, free_port, parts, places, until,
};

const SECRET: &str = "s3cret-of-portal";
/// How long its access tokens are good for.
const LASTS: u64 = 61;
/// What the package brings: its tables, and a configuration.
const TABLES: &str = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";
const TEMPLATE: &str = "/usr/share/glewlwyd/templates/glewlwyd-debian.conf.properties";

/// A running Glewlwyd.
struct Glewlwyd {
    port: u16,
    /// The session of its administrator, who is also the person that logs in.
    cookie: String,
    _process: Process,
}

impl Glewlwyd {
    fn start(folder: &Path) -> Self {
        let port = free_port();
        let database = folder.join("database");
        run(
            Command::new(places::python())
                .args(["-c", "import sqlite3,sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())"])
                .args([&database, &PathBuf::from(TABLES)]),
        );
        let template = std::fs::read_to_string(TEMPLATE).expect("the package's template");
        let own = ["@include", "log_file", "port=", "external_url", "log_mode", "bind_address"];
        let is_own =
            |line: &&str| own.iter().any(|name| line.trim_start_matches('#').starts_with(name));
        let lines = template.lines().filter(|line| !is_own(line));
        let mut text: String = lines.map(|line| format!("{line}\n")).collect();
        text += &format!(
            "port={port}\nexternal_url=\"http://127.0.0.1:{port}\"\nlog_mode=\"console\"\n\
             bind_address=\"127.0.0.1\"\ndatabase = {{ type = \"sqlite3\"; path = {database:?} }};\n"
        );
        let file = folder.join("glewlwyd.conf");
        std::fs::write(&file, text).expect("its configuration");
        let mut command = Command::new(places::glewlwyd());
        command.arg("-c").arg(&file);
        let process = Process::start(&mut command, &folder.join("glewlwyd.log"));
        let who = json!({ "username": "admin", "password": "password" });
        let login = Request::new("POST", "/api/auth/")
            .header("Content-Type", "application/json")
            .body(who.to_string());
        let answer = until("Glewlwyd to take its administrator", || {
            let answer = Connection::try_open(port).ok()?.try_fetch(&login).ok()?;
            (answer.status() == 200).then_some(answer)
        });
        let set = answer.headers("set-cookie").into_iter().next().expect("a session");
        let cookie = set.split(';').next().unwrap_or_default().to_owned();
        Self { port, cookie, _process: process }
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/api/oidc", self.port)
    }

    fn send(&self, method: &str, path: &str, body: &Value) {
        let request = Request::new(method, path)
            .host(&format!("127.0.0.1:{}", self.port))
            .header("Content-Type", "application/json")
            .header("Cookie", self.cookie.clone())
            .body(body.to_string());
        let answer = fetch(self.port, &request);
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
    }

    /// Makes it an OpenID provider with one client, and lets the person use that.
    fn serve(&self, origin: &str) {
        let [private, public] = keys();
        self.send(
            "POST",
            "/api/mod/plugin/",
            &json!({
                "module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": true,
                "parameters": {
                    "iss": self.issuer(), "jwt-type": "rsa", "jwt-key-size": "256",
                    "key": private, "cert": public,
                    "access-token-duration": LASTS, "refresh-token-duration": 1_209_600,
                    "code-duration": 600, "refresh-token-rolling": true, "allow-non-oidc": false,
                    "auth-type-code-enabled": true, "auth-type-token-enabled": false,
                    "auth-type-id-token-enabled": true, "auth-type-none-enabled": false,
                    "auth-type-password-enabled": false, "auth-type-client-enabled": false,
                    "auth-type-refresh-enabled": true, "pkce-allowed": true,
                    "pkce-method-plain-allowed": false, "jwks-show": true,
                },
            }),
        );
        self.send(
            "POST",
            "/api/client/",
            &json!({
                "client_id": "portal", "name": "portal", "enabled": true, "confidential": true,
                "client_secret": SECRET, "scope": ["openid"],
                "redirect_uri": [format!("{origin}/.login/idp/callback")],
                "authorization_type": ["code", "refresh_token"],
                "token_endpoint_auth_method": ["client_secret_basic"],
            }),
        );
        let scopes = ["g_admin", "g_profile", "openid"];
        let person =
            json!({ "username": "admin", "name": "Admin", "enabled": true, "scope": scopes });
        self.send("PUT", "/api/user/admin", &person);
        self.send("PUT", "/api/auth/grant/portal", &json!({ "scope": "openid" }));
    }

    /// What the page of its login does once the person is known: where it leads.
    fn consent(&self, page: &str) -> String {
        let (_, query) = page.split_once('?').expect("a query");
        let back = form_field(query.as_bytes(), "callback_url").ok().flatten();
        let back = back.unwrap_or_else(|| panic!("no way back in {page}"));
        let request = Request::new("GET", format!("{}&g_continue=", parts(&back).1))
            .host(&format!("127.0.0.1:{}", self.port))
            .header("Cookie", self.cookie.clone());
        let answer = fetch(self.port, &request);
        answer.header("location").unwrap_or_else(|| panic!("no code: {}", answer.text()))
    }
}

/// A private key, and the public one of it.
fn keys() -> [String; 2] {
    let file = places::project().join("tests/support/keys/client-rsa.pem");
    let private = std::fs::read_to_string(&file).expect("a key");
    let script = "process.stdout.write(crypto.createPublicKey(fs.readFileSync(process.argv[1]))\
                  .export({ type: 'spki', format: 'pem' }))";
    let public = run(Command::new(places::node()).args(["-e", script]).arg(&file));
    [private, public]
}

/// Runs a command to its end: what it wrote.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_person_logs_in_at_another_provider_and_the_session_is_refreshed_there() {
    let folder = places::scratch("another-provider");
    let (upstream, port) = (Upstream::start(), free_port());
    let origin = format!("http://127.0.0.1:{port}");
    let provider = Glewlwyd::start(&folder);
    provider.serve(&origin);
    let idp = json!({
        "issuer": provider.issuer(), "from": [],
        "jwks": { "discovery": true, "cluster": "idp" },
        "login": { "url": origin, "seal": [{ "env": "SEAL" }],
            "client": { "id": "portal", "secret": { "env": "CLIENT_SECRET" } } },
    });
    let filter = Filter::new(&configuration(json!({ "idp": idp }), Value::Null))
        .variable("CLIENT_SECRET", SECRET)
        .variable("SEAL", SEAL);
    let site = Site::new("another-provider-proxy", upstream.port()).cluster("idp", provider.port);
    let envoy = Envoy::start(&site.workers(2).listener(&Listener::new(&filter).in_place_of(port)));

    let mut browser = Browser::default();
    let page = format!("{origin}/orders/7?x=1");
    let (at, _) = browser.open(&page);
    assert_eq!(parts(&at).0, provider.port, "{at}");
    let (at, answer) = browser.open(&provider.consent(&at));
    assert_eq!((at.as_str(), answer.status()), (&*page, 200), "{}", envoy.tail());
    let identity = upstream.only("/orders/7").value("x-tollgate-identity");
    assert!(identity.is_some_and(|identity| !identity.is_empty()));

    // Past the end every request waits for the refresh.
    thread::sleep(Duration::from_secs(LASTS + 4));
    let answer = browser.send("GET", &format!("{origin}/orders/8"), &SCRIPT, "");
    assert_eq!(answer.status(), 200, "{}", envoy.tail());
    let counted = ["refreshed", "refresh_failed"]
        .map(|what| envoy.counter(&format!("tollgate_login_{what}_idp")));
    assert_eq!(counted, [1, 0], "{}", envoy.tail());
    let mut secrets = browser.secrets(port);
    secrets.extend([SECRET.to_owned(), SEAL.to_owned()]);
    envoy.assert_clean(&secrets);
}
