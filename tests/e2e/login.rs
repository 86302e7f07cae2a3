//! People who log in at a real provider, through a real proxy, with a browser that does what it is told:
//! it keeps cookies, follows redirects and fills in forms. The ids are those of the catalogue of attacks.

use serde_json::{Value, json};

use super::harness::{
    Browser, Envoy, Filter, Listener, PAGE, Portal, Provider, SCRIPT, SEAL, Site, attribute,
    configuration, eventually, free_port, parts,
};

const SESSION: &str = "__Host-tollgate-idp";
#[test]
fn a_person_comes_back_to_the_very_page_with_a_session_in_sealed_cookies() {
    let portal = Portal::start("login");
    let envoy = portal.proxy("login", portal.port, &json!({}));
    let mut browser = Browser::default();
    let page = portal.url("/orders/7?x=1&y=a%20b");
    let (at, answer) = browser.log_in(&page);
    assert_eq!((at.as_str(), answer.status()), (&*page, 200), "{}", envoy.tail());
    let seen = portal.upstream.only("/orders/7");
    assert!(seen.start.contains(" /orders/7?x=1&y=a%20b "), "{}", seen.start);
    assert_eq!(seen.value("x-tollgate-identity").as_deref(), Some("alice"));
    assert_eq!((seen.value("cookie"), seen.value("authorization")), (None, None));
    assert_eq!(answer.header("cache-control").as_deref(), Some("private"));

    let names =
        [SESSION, "__Host-tollgate-idp-b", "__Host-tollgate-idp-r", "__Secure-tollgate-idp-i"];
    assert_eq!(browser.names(portal.port), names);
    for cookie in &browser.cookies[&portal.port] {
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Max-Age="] {
            assert!(cookie.set.contains(attribute), "{}", cookie.set);
        }
        assert!(!cookie.set.contains("Domain"), "{}", cookie.set);
        assert!(cookie.name.len() + cookie.value.len() <= 4000, "{}", cookie.name);
        let path = if cookie.name.ends_with("-i") { "/.login/idp/logout" } else { "/" };
        assert_eq!(cookie.path, path, "{}", cookie.name);
    }
    // The session goes on without the provider.
    let asked = portal.provider.hits("/v1/token");
    for _ in 0..10 {
        assert_eq!(browser.send("GET", &portal.url("/orders/8"), &SCRIPT, "").status(), 200);
    }
    assert_eq!((asked, portal.provider.hits("/v1/token")), (1, 1));
    assert_eq!(envoy.counter("tollgate_login_started_idp"), 1);
    assert_eq!(envoy.counter("tollgate_login_completed_idp"), 1);
    assert_eq!(envoy.access("/.login/idp/callback")["details"], "tollgate_login_completed");
    portal.clean(&envoy, &browser);
}

#[test]
fn h15_h17_a_script_is_told_where_to_log_in_and_changes_come_from_own_pages() {
    let portal = Portal::start("login-script");
    let envoy = portal.proxy("login-script", portal.port, &json!({}));
    let mut browser = Browser::default();
    let refused = browser.send("GET", &portal.url("/orders"), &SCRIPT, "");
    assert_eq!(refused.verdict(), (401, "credential_missing".to_owned()));
    assert_eq!(refused.header("location"), None);
    let start = refused.json()["login"].as_str().expect("where to log in").to_owned();
    // What a page does then.
    let (at, answer) = browser.log_in(&portal.url(&format!("{start}?return=/list%3Fa%3Db")));
    assert_eq!((at, answer.status()), (portal.url("/list?a=b"), 200), "{}", envoy.tail());
    assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);

    let own = portal.url("");
    let own = own.trim_end_matches('/');
    for (origin, status) in [(Some(own), 200), (Some("https://evil.example"), 403), (None, 403)] {
        let headers: Vec<_> = origin.map(|origin| ("Origin", origin)).into_iter().collect();
        let answer = browser.send("POST", &portal.url("/orders"), &headers, "a=b");
        assert_eq!(answer.status(), status, "{origin:?}: {}", answer.text());
    }
    portal.clean(&envoy, &browser);
}

#[test]
fn h04_h06_a_logout_ends_the_session_here_at_the_provider_and_in_every_copy() {
    let portal = Portal::start("login-logout");
    let envoy = portal.proxy("login-logout", portal.port, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/orders"));
    let copy = browser.clone();
    let own = [&PAGE[..3], &[("Sec-Fetch-Site", "same-origin")][..]].concat();
    let logout = portal.url("/.login/idp/logout");
    let answer = browser.send("GET", &logout, &own, "");
    assert_eq!(answer.status(), 303, "{}", envoy.tail());
    assert_eq!(browser.names(portal.port), ["__Host-tollgate-idp-b"]);
    let (at, page) = browser.follow(&logout, answer);
    assert_eq!(parts(&at).0, portal.provider.port(), "the provider asks: {}", page.text());
    let xsrf = attribute(&page.text(), "name=\"xsrf\" value=\"").expect("a form");
    let (at, page) = browser.submit(&at, &page, &[("xsrf", &xsrf), ("logout", "yes")]);
    assert_eq!((at, page.status()), (portal.url("/.login/idp/signed-out"), 200));
    assert!(page.text().contains("You are signed out"), "{}", page.text());
    eventually("the refresh token to be given back", || portal.provider.hits("/v1/revoke") == 1);

    eventually("the copy to be useless in every worker", || {
        let mut copy = copy.clone();
        (0..8).all(|_| {
            let answer = copy.send("GET", &portal.url("/orders"), &SCRIPT, "");
            answer.verdict() == (401, "login_ended".to_owned())
        })
    });
    // The provider has forgotten the person, too.
    let (_, page) = browser.open(&portal.url("/orders"));
    let prompt = attribute(&page.text(), "name=\"prompt\" value=\"");
    assert_eq!(prompt.as_deref(), Some("login"), "{}", page.text());
    assert_eq!(envoy.counter("tollgate_login_logged_out_idp"), 1);
    portal.clean(&envoy, &browser);
    portal.clean(&envoy, &copy);
}

#[test]
fn a_login_begins_at_one_proxy_ends_at_another_and_outlives_both() {
    let portal = Portal::start("login-fleet");
    let (one, other) = (portal.port, free_port());
    let proxies = [
        portal.proxy("login-fleet-one", one, &json!({})),
        portal.proxy("login-fleet-other", other, &json!({})),
    ];
    let mut browser = Browser::default();
    let page = portal.url("/orders/7?x=1");
    let (at, form) = browser.open(&page);
    assert_eq!(parts(&at).0, portal.provider.port());
    // From here on whatever balances the load chooses the other.
    browser.routes.insert(one, other);
    let fields = [("prompt", "login"), ("login", "alice"), ("password", "any")];
    let (at, consent) = browser.submit(&at, &form, &fields);
    let (at, answer) = browser.submit(&at, &consent, &[("prompt", "consent")]);
    assert_eq!((at, answer.status()), (page, 200), "{}", proxies[1].tail());
    let counted = proxies.iter().map(|proxy| {
        ["started", "completed"].map(|what| proxy.counter(&format!("tollgate_login_{what}_idp")))
    });
    assert_eq!(counted.collect::<Vec<_>>(), [[1, 0], [0, 1]]);
    for route in [one, other] {
        browser.routes.insert(one, route);
        assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);
    }
    for proxy in &proxies {
        portal.clean(proxy, &browser);
    }
    drop(proxies);
    let again = [
        portal.proxy("login-fleet-one-again", one, &json!({})),
        portal.proxy("login-fleet-other-again", other, &json!({})),
    ];
    for (route, proxy) in [one, other].into_iter().zip(&again) {
        browser.routes.insert(one, route);
        let answer = browser.send("GET", &portal.url("/orders"), &SCRIPT, "");
        assert_eq!(answer.status(), 200, "{}", proxy.tail());
    }
    assert_eq!(portal.provider.hits("/v1/token"), 1);
}

#[test]
fn h13_a_new_seal_key_is_put_first_and_the_old_one_opens_until_it_is_gone() {
    let portal = Portal::start("login-seal");
    let mut browser = Browser::default();
    let old = json!({ "seal": [{ "text": "the old secret that seals what browsers keep" }] });
    let both = json!({ "seal": [{ "env": "SEAL" }, old["seal"][0]] });
    let script =
        |browser: &mut Browser| browser.send("GET", &portal.url("/orders"), &SCRIPT, "").verdict();
    let envoy = portal.proxy("login-seal-old", portal.port, &old);
    browser.log_in(&portal.url("/orders"));
    drop(envoy);
    let envoy = portal.proxy("login-seal-both", portal.port, &both);
    assert_eq!(script(&mut browser), (200, String::new()), "{}", envoy.tail());
    drop(envoy);
    let envoy = portal.proxy("login-seal-new", portal.port, &json!({}));
    assert_eq!(script(&mut browser), (401, "login_unreadable".to_owned()));
    let (at, answer) = browser.log_in(&portal.url("/orders/9"));
    assert_eq!((at, answer.status()), (portal.url("/orders/9"), 200), "{}", envoy.tail());
    portal.clean(&envoy, &browser);
}

#[test]
fn a_wrong_client_secret_is_told_the_operator_and_not_the_person() {
    let portal = Portal::start("login-secret");
    let wrong = json!({ "client": { "id": portal.client.0, "secret": { "env": "WRONG_SECRET" } } });
    let envoy = portal.proxy("login-secret", portal.port, &wrong);
    let mut browser = Browser::default();
    let (at, page) = browser.log_in(&portal.url("/orders"));
    assert!(at.starts_with(&portal.url("/.login/idp/callback?")), "{at}");
    assert_eq!(page.status(), 502);
    let html = page.text();
    assert!(html.contains("<code>login_client_refused</code>"), "{html}");
    assert!(!html.contains("secret") && !html.contains(&portal.client.0), "{html}");
    let refusals = envoy.refusals();
    let [line] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert!(line["reason"].to_string().contains("the client is not who it says"), "{line}");
    assert!(line["remedy"].to_string().contains("`providers.idp.login.client`"), "{line}");
    assert_eq!(browser.names(portal.port), ["__Host-tollgate-idp-b"], "nobody is logged in");
    portal.clean(&envoy, &browser);
}

#[test]
fn a_redirect_uri_that_is_not_registered_shows_at_the_provider_alone() {
    let portal = Portal::start("login-unregistered");
    let elsewhere = json!({ "path": "/.login/elsewhere" });
    let envoy = portal.proxy("login-unregistered", portal.port, &elsewhere);
    let mut browser = Browser::default();
    let (at, page) = browser.open(&portal.url("/orders"));
    assert_eq!((parts(&at).0, page.status()), (portal.provider.port(), 400));
    assert!(page.text().contains("redirect_uri"), "{}", page.text());
    assert_eq!(envoy.counter("tollgate_login_started_idp"), 1);
    assert_eq!(envoy.counter("tollgate_login_completed_idp"), 0);
    assert!(envoy.refusals().is_empty(), "there is nothing to refuse");
    portal.clean(&envoy, &browser);
}

#[test]
fn a_provider_that_is_down_is_told_as_that_and_nobody_is_logged_out() {
    let portal = Portal::start("login-down");
    let envoy = portal.proxy("login-down", portal.port, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/orders"));
    let mut late = Browser::default();
    let (at, form) = late.open(&portal.url("/late"));
    let fields = [("prompt", "login"), ("login", "bob"), ("password", "any")];
    let (at, consent) = late.submit(&at, &form, &fields);
    // It goes down between its last page and the callback.
    let action = attribute(&consent.text(), "action=\"").expect("a form");
    let action = match action.strip_prefix('/') {
        Some(_) => format!("http://127.0.0.1:{}{action}", parts(&at).0),
        None => action,
    };
    let mut answer = late.send("POST", &action, &PAGE, "prompt=consent");
    let mut to = answer.header("location").expect("a location");
    while parts(&to).0 == portal.provider.port() {
        answer = late.send("GET", &to, &PAGE, "");
        to = answer.header("location").expect("a location");
    }
    portal.provider.down();
    let page = late.send("GET", &to, &PAGE, "");
    assert_eq!(page.status(), 503, "{}", page.text());
    assert!(page.text().contains("<code>login_unavailable</code>"), "{}", page.text());
    assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);
    portal.provider.up();
    let (at, page) = late.log_in(&portal.url("/late"));
    assert_eq!((at, page.status()), (portal.url("/late"), 200), "{}", envoy.tail());
    late.sent_to.push(to);
    portal.clean(&envoy, &late);
    portal.clean(&envoy, &browser);
}

#[test]
fn tabs_and_the_back_button_each_come_to_their_own_page() {
    let portal = Portal::start("login-tabs");
    let envoy = portal.proxy("login-tabs", portal.port, &json!({}));
    let mut browser = Browser::default();
    let tabs = ["/a?tab=1", "/b", "/c?tab=3"].map(|page| (portal.url(page), page));
    let mut open: Vec<_> = tabs
        .iter()
        .map(|(url, _)| {
            let answer = browser.send("GET", url, &PAGE, "");
            assert_eq!(answer.status(), 302);
            answer.header("location").expect("the provider")
        })
        .collect();
    for ((page, _), to) in tabs.iter().zip(open.drain(..)) {
        let (at, answer) = browser.log_in(&to);
        assert_eq!((&at, answer.status()), (page, 200), "{}", envoy.tail());
    }
    // Back in the history, to the first callback.
    let of_callback = |url: &&String| url.contains("/.login/idp/callback?");
    let callback = browser.sent_to.iter().find(of_callback).expect("a callback").clone();
    let calls = portal.provider.hits("/v1/token");
    let (at, answer) = browser.open(&callback);
    assert_eq!((at.as_str(), answer.status()), (&*tabs[0].0, 200));
    assert_eq!(portal.provider.hits("/v1/token"), calls, "no code is redeemed again");
    portal.clean(&envoy, &browser);
}

#[test]
fn i10_nobody_is_sent_to_another_site() {
    let portal = Portal::start("login-elsewhere");
    let envoy = portal.proxy("login-elsewhere", portal.port, &json!({}));
    let mut browser = Browser::default();
    for wanted in
        ["https://evil.example/x", "//evil.example", "/%5Cevil.example", "/.login/idp/logout"]
    {
        let encoded = wanted.replace(':', "%3A");
        let start = portal.url(&format!("/.login/idp/start?return={encoded}"));
        let (at, answer) = browser.log_in(&start);
        assert_eq!((at, answer.status()), (portal.url("/"), 200), "{wanted}");
    }
    portal.clean(&envoy, &browser);
}

#[test]
fn h30_a_bearer_token_beside_a_session_is_judged_as_ever() {
    let portal = Portal::start("login-both");
    let both =
        json!({ "from": [{ "header": "authorization" }], "audiences": [Provider::AUDIENCE] });
    let envoy = portal.proxy_of("login-both", portal.port, (&json!({}), &both));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/person"));
    let token = format!("Bearer {}", portal.provider.usual_token());
    for (path, authorization, status, identity) in [
        ("/cookie", None, 200, Some("alice")),
        ("/token", Some(&*token), 200, Some("svc")),
        ("/bad", Some("Bearer a.b.c"), 401, None),
    ] {
        let headers: Vec<_> = authorization.map(|one| ("Authorization", one)).into_iter().collect();
        let answer = browser.send("GET", &portal.url(path), &headers, "");
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
        let seen = portal.upstream.seen(path);
        let seen = seen.first().and_then(|one| one.value("x-tollgate-identity"));
        assert_eq!(seen.as_deref(), identity, "{path}");
    }
    // And without any cookie.
    let answer =
        Browser::default().send("GET", &portal.url("/program"), &[("Authorization", &*token)], "");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    portal.clean(&envoy, &browser);
}

#[test]
fn the_access_token_is_judged_and_forwarded_where_that_is_wanted() {
    let portal = Portal::start("login-access");
    let login = json!({ "judge": "access_token", "forward": { "access_token": "authorization" } });
    let further =
        json!({ "audiences": [Provider::AUDIENCE], "claims": { "identity": ["uid", "sub"] } });
    let envoy = portal.proxy_of("login-access", portal.port, (&login, &further));
    let mut browser = Browser::default();
    let (at, answer) = browser.log_in(&portal.url("/orders"));
    assert_eq!((at, answer.status()), (portal.url("/orders"), 200), "{}", envoy.tail());
    let seen = portal.upstream.only("/orders");
    assert_eq!(seen.value("x-tollgate-identity").as_deref(), Some("alice"));
    let token = seen.value("authorization").expect("the access token");
    assert!(token.starts_with("Bearer ") && token.split('.').count() == 3, "{token}");
    assert!(browser.names(portal.port).contains(&"__Host-tollgate-idp-a"));
    portal.clean(&envoy, &browser);
    envoy.assert_clean(&[token.trim_start_matches("Bearer ").to_owned()]);
}

#[test]
fn a_client_shows_who_it_is_in_the_body_or_not_at_all() {
    for (auth, client) in [
        ("client_secret_post", json!({ "auth": "post", "secret": { "env": "CLIENT_SECRET" } })),
        ("none", json!({})),
    ] {
        let name = format!("login-{auth}");
        let portal = Portal::with_client(&name, "127.0.0.1", auth);
        let mut client = client;
        client["id"] = portal.client.0.clone().into();
        let envoy = portal.proxy(&name, portal.port, &json!({ "client": client }));
        let mut browser = Browser::default();
        let (at, answer) = browser.log_in(&portal.url("/orders"));
        assert_eq!((at, answer.status()), (portal.url("/orders"), 200), "{auth}: {}", envoy.tail());
        envoy.assert_clean(&browser.secrets(portal.port));
    }
}

#[test]
fn in_report_mode_nobody_is_sent_away_and_a_login_can_be_tried() {
    let portal = Portal::start("login-report");
    let provider = json!({
        "issuer": portal.provider.issuer(), "from": [],
        "jwks": { "discovery": true, "cluster": "idp" },
        "login": {
            "url": portal.url("").trim_end_matches('/'), "seal": [{ "env": "SEAL" }],
            "client": { "id": portal.client.0, "secret": { "env": "CLIENT_SECRET" } },
        },
    });
    let mut config = configuration(json!({ "idp": provider }), Value::Null);
    config["mode"] = "report".into();
    let filter =
        Filter::new(&config).variable("CLIENT_SECRET", &portal.client.1).variable("SEAL", SEAL);
    let site = Site::new("login-report", portal.upstream.port());
    let site = site.cluster("idp", portal.provider.port());
    let envoy = Envoy::start(&site.listener(&Listener::new(&filter).in_place_of(portal.port)));
    let mut browser = Browser::default();
    let (at, answer) = browser.open(&portal.url("/orders"));
    assert_eq!((at, answer.status()), (portal.url("/orders"), 200));
    assert_eq!(envoy.counter("tollgate_would_deny_credential_missing"), 1);
    let (at, answer) = browser.log_in(&portal.url("/.login/idp/start?return=/mine"));
    assert_eq!((at, answer.status()), (portal.url("/mine"), 200), "{}", envoy.tail());
    assert_eq!(portal.upstream.only("/mine").value("cookie"), None);
    assert_eq!(envoy.counter("tollgate_would_deny_credential_missing"), 1);
    portal.clean(&envoy, &browser);
}

#[test]
fn i14_keys_that_change_during_a_login_are_fetched() {
    let portal = Portal::start("login-keys");
    let jwks = json!({ "jwks": { "discovery": true, "cluster": "idp", "cooldown": "1s" } });
    let envoy = portal.proxy_of("login-keys", portal.port, (&json!({}), &jwks));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/first"));
    let fetched = portal.provider.key_fetches();
    portal.provider.rotate("RS256");
    portal.provider.retire();
    let mut other = Browser::default();
    let (at, answer) = other.log_in(&portal.url("/orders"));
    assert_eq!((at, answer.status()), (portal.url("/orders"), 200), "{}", envoy.tail());
    assert!(portal.provider.key_fetches() > fetched);
    // A session needs no key of the provider's.
    assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);
    portal.clean(&envoy, &other);
}

#[test]
fn a_session_that_ends_at_the_provider_is_over_in_every_worker_at_once() {
    for names_sessions in [true, false] {
        let name = format!("login-back-channel-{names_sessions}");
        let portal = Portal::with_back_channel(Provider::start(&name), names_sessions);
        let envoy = portal.proxy_with_back_channel(&name, portal.port, true);
        let other = free_port();
        let elsewhere = portal.proxy_with_back_channel(&format!("{name}-else"), other, true);
        let mut browser = Browser::default();
        browser.log_in(&portal.url("/orders"));
        let verdicts = |browser: &mut Browser, port| {
            browser.routes.insert(portal.port, port);
            let all: Vec<_> = (0..6)
                .map(|_| browser.send("GET", &portal.url("/orders"), &SCRIPT, "").verdict().1)
                .collect();
            browser.routes.remove(&portal.port);
            all
        };
        let script = |browser: &mut Browser| {
            browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status()
        };
        assert_eq!(script(&mut browser), 200, "{}", envoy.tail());
        // `iat` has whole seconds.
        let mut copy = browser.clone();
        portal.sign_out_at_the_provider(&mut browser);
        assert_eq!(envoy.access("/.login/idp/back-channel")["status"], 200, "{}", envoy.tail());
        let details = &envoy.access("/.login/idp/back-channel")["details"];
        assert_eq!(details, "tollgate_login_ended_by_provider");
        eventually("the session to be over in every worker", || {
            verdicts(&mut copy, portal.port).iter().all(|verdict| verdict == "login_ended")
        });
        copy.routes.insert(portal.port, other);
        assert_eq!(script(&mut copy), 200, "another process does not know");
        assert_eq!(envoy.counter("tollgate_login_logged_out_idp"), 1);
        // Nothing of the application's own goes through the entry that reads bodies: an upload that waits
        // for keys may be longer than the proxy holds.
        portal.provider.rotate("RS256");
        let token = format!("Bearer {}", portal.provider.usual_token());
        let big = "x".repeat(3_000_000);
        let headers = [("Authorization", &*token)];
        let answer = Browser::default().send("POST", &portal.url("/upload"), &headers, &big);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(envoy.counter("tollgate_parked_total") >= 1, "it did not wait");
        assert_eq!(portal.upstream.only("/upload").body.len(), big.len());
        for proxy in [&envoy, &elsewhere] {
            portal.clean(proxy, &browser);
        }
    }
}

#[test]
fn without_the_entry_that_reads_bodies_the_log_says_which_is_missing() {
    let name = "login-back-channel-alone";
    let portal = Portal::with_back_channel(Provider::start(name), true);
    let envoy = portal.proxy_with_back_channel(name, portal.port, false);
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/orders"));
    portal.sign_out_at_the_provider(&mut browser);
    let entry = envoy.access("/.login/idp/back-channel");
    assert_eq!((&entry["status"], &entry["code"]), (&json!(503), &json!("body_unreadable")));
    let line = envoy.refusals().pop().expect("a line");
    assert_eq!(line["code"], "body_unreadable");
    assert!(line["remedy"].as_str().unwrap().contains("allow_on_headers_stop_iteration"), "{line}");
    // Nobody was logged out.
    assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);
    portal.clean(&envoy, &browser);
}
