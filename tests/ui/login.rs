//! Logins in a real browser, at a real provider: what it keeps, where it ends, who can log it out, and
//! whether everybody can read the pages.

use std::process::Command;

use serde_json::{Value, json};

use super::harness::{Portal, Provider, eventually, places};

const B: &str = "__Host-tollgate-idp-b";

#[test]
fn people_log_in_come_back_and_out_and_can_read_every_page() {
    let portal = Portal::with_client("chromium", "localhost", "client_secret_basic");
    portal.upstream.answer_with(&[("access-control-allow-origin", "*")]);
    let envoy = portal.proxy("chromium", portal.port, &json!({ "url": portal.url("") }));
    let provider = format!("http://127.0.0.1:{}", portal.provider.port());
    let saw = browse(&portal, &provider);

    // The fragment stays with the browser, which puts it behind the last redirect.
    let deep = saw["deep"].as_str().expect("an address");
    assert_eq!(deep.split('#').next(), Some(&*portal.url("/orders/7?x=1&y=2")), "{deep}");
    assert_eq!(saw["status"], 200);
    let cookies = saw["cookies"].as_array().expect("cookies");
    let names: Vec<_> = cookies.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    for cookie in cookies {
        let kept = ["secure", "httpOnly", "sameSite"].map(|member| &cookie[member]);
        assert_eq!(kept, [&json!(true), &json!(true), &json!("Lax")], "{cookie}");
        assert!(cookie["size"].as_u64().is_some_and(|size| size <= 4000), "{cookie}");
        let is_hint = cookie["name"] == "__Secure-tollgate-idp-i";
        let path = if is_hint { "/.login/idp/logout" } else { "/" };
        assert_eq!(cookie["path"], path, "{cookie}");
    }
    assert_eq!(saw["readable"], "", "no script can read a cookie");
    assert_eq!((&saw["fetched"], &saw["posted"]), (&json!(200), &json!(200)));
    assert_eq!(saw["back"], portal.url("/orders/7?x=1&y=2"), "the code is not redeemed twice");

    // Other sites log nobody out.
    assert!(saw["framed"].to_string().contains("frame-ancestors 'none'"), "{}", saw["framed"]);
    assert_eq!((&saw["afterImage"], &saw["afterLink"]), (&json!(200), &json!(200)));
    assert_eq!(saw["provider"], provider);
    assert_eq!(saw["signedOut"]["address"], portal.url("/.login/idp/signed-out"));
    assert_eq!(saw["left"], json!([B]), "nothing but what tells browsers apart");
    assert_eq!(saw["refused"], json!([401, "/.login/idp/start"]));
    assert_eq!(saw["again"], portal.url("/list?a=b"));
    assert_eq!((&saw["byLink"], &saw["byLinkLeft"]), (&json!(provider), &json!([B])));

    let socket = portal.upstream.only("/socket/own");
    assert_eq!(socket.value("x-tollgate-identity").as_deref(), Some("alice"), "{socket:?}");
    assert_eq!(socket.value("upgrade").as_deref(), Some("websocket"), "{socket:?}");
    assert!(
        portal.upstream.seen("/socket/foreign").is_empty(),
        "a page elsewhere used the session"
    );
    assert_eq!(
        saw["htmx"],
        json!({ "provider": provider, "back": portal.url("/list?c=d") }),
        "htmx takes people to the login, and they come back to their page"
    );

    // Each tab comes to its own page.
    for restored in ["restored", "restoredAgain"] {
        let wanted: Vec<_> =
            (0..10).map(|place| portal.url(&format!("/tab/{place}?of=ten"))).collect();
        assert_eq!(saw[restored], json!({ "ends": wanted, "cookies": 4 }), "{restored}");
    }

    for (page, status, title, said) in [
        ("asked", 200, "Sign out?", "Sign out"),
        ("signedOut", 200, "You are signed out", "signed out"),
        ("lost", 400, "You are not signed in yet", "login_state_invalid"),
    ] {
        let page = &saw[page];
        assert_eq!((&page["status"], &page["title"]), (&json!(status), &json!(title)), "{page}");
        assert!(page["text"].as_str().is_some_and(|text| text.contains(said)), "{page}");
        assert_eq!((&page["scripts"], &page["axe"]), (&json!(0), &json!([])), "{page}");
        assert_eq!(
            page["overflow"],
            json!({ "by": 0, "wide": [] }),
            "wider than 320 pixels: {page}"
        );
        assert_eq!(page["complaints"], json!([]), "{page}");
        assert_ne!(page["styled"], "none", "the page's own style is let in");
    }
    assert_eq!((&saw["onward"], &saw["nowhere"]), (&json!("/.login/idp/start"), &json!(404)));
    eventually("the refresh tokens to be given back", || portal.provider.hits("/v1/revoke") == 3);
    envoy.assert_no_trap();
}

#[test]
fn h34_a_page_that_brings_cookies_is_kept_by_no_browser_whatever_the_application_says() {
    let provider = Provider::start_hurried("chromium-kept");
    let portal = Portal::of(provider, "localhost", "client_secret_basic");
    portal.upstream.answer_with(&[("cache-control", "public, max-age=600")]);
    let envoy = portal.proxy("chromium-kept", portal.port, &json!({ "url": portal.url("") }));
    let provider = format!("http://127.0.0.1:{}", portal.provider.port());
    // The tokens last a minute, and in its second half a page renews the session.
    let saw = run("kept.mjs", "kept-browser", &[&portal.url(""), &provider, "32"]);
    assert_eq!(saw["renewed"], true, "{}", envoy.tail());
    let asked = ["/kept", "/renewed"].map(|path| portal.upstream.seen(path).len());
    assert_eq!(asked, [1, 2], "how often the application was asked");
}

/// What a browser sees there.
fn browse(portal: &Portal, provider: &str) -> Value {
    let elsewhere = format!("http://127.0.0.1:{}", portal.upstream.port());
    run("login.mjs", "login-browser", &[&portal.url(""), provider, &elsewhere])
}

/// What a script of a browser says that it saw.
fn run(script: &str, folder: &str, arguments: &[&str]) -> Value {
    let output = Command::new(places::node())
        .arg(places::project().join("tests/ui").join(script))
        .args([places::chromium(), places::scratch(folder)])
        .args(arguments)
        .output()
        .expect("Node runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}
