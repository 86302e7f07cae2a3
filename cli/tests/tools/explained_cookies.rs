//! Requests of browsers that logged in, judged by `tollgate explain`.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::sealed::{HOST, configuration, cookie};
use super::{Folder, Ran, tollgate};

const AT: &str = "2027-01-15T08:00:00Z";
const KEY: &str = "a secret that seals what browsers keep";
const MINUTES: Duration = Duration::from_secs(1800);

/// A configuration whose secrets stand in it.
fn folder() -> Folder {
    let folder = Folder::new();
    let mut configuration = configuration(json!({ "text": KEY }));
    configuration["providers"]["idp"]["login"]["client"]["secret"] = json!({ "text": "hush" });
    configuration["apis"] = json!([
        { "name": "staff", "match": { "paths": ["/staff/**"] }, "auth": ["idp"], "scopes": ["staff"] },
        { "name": "rest", "auth": ["idp"] },
    ]);
    std::fs::write(folder.path("config.json"), configuration.to_string()).unwrap();
    folder
}

fn explain(folder: &Folder, cookie: &str, more: &[&str]) -> Ran {
    std::fs::write(folder.path("cookie.txt"), cookie).unwrap();
    let (config, cookie) = (folder.path("config.json"), folder.path("cookie.txt"));
    let fixed =
        ["explain", "--config", &config, "--cookie", &cookie, "--at", AT, "--format", "json"];
    tollgate(&[&fixed[..], more].concat(), b"a token that nobody reads")
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect(&ran.err)
}

#[test]
fn a_session_is_judged_as_the_proxy_judges_it() {
    let (folder, value) = (folder(), cookie(MINUTES, KEY));
    let over = cookie(Duration::from_secs(9 * 3600), KEY);
    let other = cookie(MINUTES, "another secret, which seals nothing here");
    let named = format!("Cookie: theme=dark; __Host-tollgate-idp={value}\r\n");
    for (name, cookie, more, exit, code) in [
        ("alone", &*value, &[][..], Exit::Fine, ""),
        ("in a header", &named, &["--host", HOST], Exit::Fine, ""),
        ("a navigation", &value, &["--header", "sec-fetch-mode: navigate"], Exit::Fine, ""),
        (
            "without the scope",
            &value,
            &["--path", "/staff/7"],
            Exit::Problems,
            "scope_insufficient",
        ),
        ("from no page", &value, &["--method", "POST"], Exit::Problems, "origin_refused"),
        (
            "from its own page",
            &value,
            &["--method", "POST", "--header", "origin: https://portal.example.com"],
            Exit::Fine,
            "",
        ),
        ("over", &over, &[], Exit::Problems, "login_expired"),
        ("of another seal", &other, &[], Exit::Problems, "login_unreadable"),
        (
            "of another host",
            &value,
            &["--host", "admin.example.com"],
            Exit::Problems,
            "login_unreadable",
        ),
    ] {
        let ran = explain(&folder, cookie, more);
        assert_eq!(ran.exit, exit, "{name}: {}{}", ran.out, ran.err);
        let found = told(&ran);
        assert_eq!(found["code"].as_str().unwrap_or_default(), code, "{name}: {}", ran.out);
        assert_eq!(found["notes"], Value::Null, "{name}");
        assert!(!ran.out.contains(&value), "{name}: {}", ran.out);
    }
    let steps = told(&explain(&folder, &value, &[]))["steps"].to_string();
    assert!(steps.contains("a session since 2027-01-15T07:30:00Z"), "{steps}");
}

#[test]
fn nobody_is_asked_again_for_a_session_and_that_is_told() {
    let folder = folder();
    let ran = explain(&folder, &cookie(Duration::from_secs(4 * 3600), KEY), &[]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.out);
    let notes = told(&ran)["notes"].to_string();
    let words = "the provider is to be asked again for this session since 2027-01-15T07:00:00Z";
    assert!(notes.contains(words), "{notes}");
}

#[test]
fn what_cannot_be_shown_is_misuse() {
    let folder = folder();
    let value = cookie(MINUTES, KEY);
    for (cookie, more, words) in [
        ("", &[][..], "write a `Cookie` header in one line"),
        ("a=b\nc=d", &[], "write a `Cookie` header in one line"),
        (&*value, &["--host", "shop.example.com"], "nobody logs in at the host `shop.example.com`"),
    ] {
        let ran = explain(&folder, cookie, more);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{words}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    let config = folder.path("config.json");
    let argument = ["explain", "--config", &config, "--cookie", &value];
    let ran = tollgate(&argument, b"");
    assert_eq!(ran.exit, Exit::Misuse);
    assert!(!ran.err.contains(&value), "{}", ran.err);
    let both = ["explain", "--config", "-", "--cookie", "-"];
    assert_eq!(tollgate(&both, b"").exit, Exit::Misuse);
}

#[test]
fn a_secret_that_only_the_proxy_has_is_asked_for_by_its_name() {
    let folder = folder();
    let own = configuration(json!({ "env": "NO_SUCH_SEAL" }));
    std::fs::write(folder.path("config.json"), own.to_string()).unwrap();
    let ran = explain(&folder, &cookie(MINUTES, KEY), &[]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{}", ran.err);
    // What the client shows the provider opens nothing.
    assert!(ran.err.contains("set NO_SUCH_SEAL for this command"), "{}", ran.err);
}

#[test]
fn where_people_are_sent_is_the_providers_to_say() {
    let folder = folder();
    let mut own = configuration(json!({ "text": KEY }));
    own["providers"]["idp"]["jwks"] = json!({ "discovery": true, "cluster": "idp" });
    let login = own["providers"]["idp"]["login"].as_object_mut().unwrap();
    login.remove("endpoints");
    login.insert("client".to_owned(), json!({ "id": "a", "secret": { "text": "hush" } }));
    std::fs::write(folder.path("config.json"), own.to_string()).unwrap();
    let page = ["--header", "sec-fetch-mode: navigate", "--header", "sec-fetch-dest: document"];
    let ran = explain(&folder, "theme=dark", &page);
    assert_eq!(ran.exit, Exit::Misuse, "{}", ran.out);
    let found = told(&ran);
    assert_eq!(
        (&found["verdict"], &found["code"]),
        (&json!("undecided"), &json!("login_unavailable"))
    );
    assert!(found["reason"].as_str().unwrap().contains("it was not asked"), "{found}");
}
