//! Sessions that outlive the tokens they began with, and a provider that is away.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{Browser, Envoy, PAGE, Portal, Provider, SCRIPT, free_port, parts};

/// How long the provider's tokens are good for, and a bit.
const PAST_THE_END: Duration = Duration::from_secs(65);

fn portal(name: &str) -> Portal {
    Portal::of(Provider::start_hurried(name), "127.0.0.1", "client_secret_basic")
}

fn counter(envoy: &Envoy, what: &str) -> u64 {
    envoy.counter(&format!("tollgate_login_{what}_idp"))
}

#[test]
fn h18_twenty_requests_at_once_past_the_end_refresh_the_session_once() {
    let portal = portal("long-refresh");
    let envoy = portal.proxy("long-refresh", portal.port, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/orders"));
    assert_eq!(portal.provider.hits("/v1/token"), 1);
    thread::sleep(PAST_THE_END);
    let tabs: Vec<_> = (0..20).map(|_| browser.clone()).collect();
    let url = portal.url("/orders");
    let tabs: Vec<_> = thread::scope(|scope| {
        let ask = |mut tab: Browser| {
            let url = &url;
            scope.spawn(move || (tab.send("GET", url, &SCRIPT, "").verdict(), tab))
        };
        let asked: Vec<_> = tabs.into_iter().map(ask).collect();
        asked.into_iter().map(|tab| tab.join().expect("a tab")).collect()
    });
    for (verdict, tab) in &tabs {
        assert_eq!(verdict, &(200, String::new()), "{}", envoy.tail());
        // Each has the cookies of the one new generation.
        assert_eq!(tab.cookies[&portal.port].len(), 4);
        let value = |of: &Browser| {
            of.cookies[&portal.port].iter().map(|one| one.value.clone()).collect::<Vec<_>>()
        };
        assert_ne!(value(tab), value(&browser));
    }
    assert_eq!(portal.provider.hits("/v1/token"), 2, "one login, and one refresh");
    assert_eq!((counter(&envoy, "refreshed"), counter(&envoy, "refresh_failed")), (1, 0));
    // Whoever still shows the old ones gets the new ones, without another call.
    assert_eq!(browser.clone().send("GET", &url, &PAGE, "").status(), 200);
    assert_eq!(portal.provider.hits("/v1/token"), 2);
    // The next refresh has the token that the first one brought: nobody has shown one twice.
    let (_, mut tab) = tabs.into_iter().next().expect("a tab");
    thread::sleep(PAST_THE_END);
    assert_eq!(tab.send("GET", &url, &PAGE, "").status(), 200);
    assert_eq!((counter(&envoy, "refreshed"), counter(&envoy, "refresh_failed")), (2, 0));
    portal.clean(&envoy, &tab);
}

#[test]
fn while_the_provider_is_away_past_the_end_of_its_tokens_nobody_is_refused() {
    let portal = portal("long-outage");
    let envoy = portal.proxy("long-outage", portal.port, &json!({}));
    let mut browser = Browser::default();
    browser.log_in(&portal.url("/orders"));
    portal.provider.down();
    let began = Instant::now();
    let mut asked = 0_u32;
    while began.elapsed() < Duration::from_secs(300) {
        let kind = if asked.is_multiple_of(2) { &PAGE[..] } else { &SCRIPT[..] };
        let answer = browser.send("GET", &portal.url("/orders"), kind, "");
        assert_eq!(answer.verdict(), (200, String::new()), "{asked}: {}", envoy.tail());
        asked += 1;
        thread::sleep(Duration::from_secs(1));
    }
    let failed = counter(&envoy, "refresh_failed");
    assert!((3..=60).contains(&failed), "{failed} attempts in five minutes");
    portal.provider.up();
    eventually_refreshed(&portal, &envoy, &mut browser);
    portal.clean(&envoy, &browser);
}

/// At most a minute passes until the provider is asked again.
fn eventually_refreshed(portal: &Portal, envoy: &Envoy, browser: &mut Browser) {
    let began = Instant::now();
    while counter(envoy, "refreshed") == 0 {
        assert!(began.elapsed() < Duration::from_secs(90), "{}", envoy.tail());
        assert_eq!(browser.send("GET", &portal.url("/orders"), &PAGE, "").status(), 200);
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(browser.send("GET", &portal.url("/orders"), &SCRIPT, "").status(), 200);
}

#[test]
fn a_session_that_ended_at_the_provider_is_over_in_another_process_at_its_refresh() {
    let name = "long-back-channel";
    let portal = Portal::with_back_channel(Provider::start_hurried(name), true);
    let envoy = portal.proxy_with_back_channel(name, portal.port, true);
    let other = free_port();
    let elsewhere = portal.proxy_with_back_channel(&format!("{name}-else"), other, true);
    let url = portal.url("/orders");
    let mut browser = Browser::default();
    browser.log_in(&url);
    let mut copy = browser.clone();
    portal.sign_out_at_the_provider(&mut browser);
    assert_eq!(envoy.access("/.login/idp/back-channel")["status"], 200, "{}", envoy.tail());
    copy.routes.insert(portal.port, other);
    let answer = copy.clone().send("GET", &url, &SCRIPT, "");
    assert_eq!(answer.status(), 200, "no message came here: {}", elsewhere.tail());
    thread::sleep(PAST_THE_END);
    let answer = copy.clone().send("GET", &url, &SCRIPT, "");
    assert_eq!(answer.verdict(), (401, "login_ended".to_owned()), "{}", elsewhere.tail());
    // A page leads to the provider, which asks who is there.
    let (at, page) = copy.open(&url);
    assert_eq!((parts(&at).0, page.status()), (portal.provider.port(), 200), "{at}");
    assert_eq!(counter(&elsewhere, "refreshed"), 0, "{}", elsewhere.tail());
    portal.clean(&elsewhere, &copy);
}
