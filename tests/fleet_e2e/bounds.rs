//! How many pass: never more than the limit and its tolerance, and hardly fewer.

use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{Fleet, Kind, PROXIES, zipf};

const TIME: Duration = Duration::from_secs(5);

/// A call may take long on a busy machine, before the service counts as lost.
fn patient() -> Value {
    json!({ "timeout": "1s" })
}

/// Most that may pass of a limit in the windows of a run: the limit, what each of three processes may let
/// pass unreported, and where calls failed all the same, what each allows by itself.
fn most(fleet: &Fleet, limit: u64, windows: u64) -> u64 {
    let unreported = limit * 5 / 100 / PROXIES as u64;
    let failed = fleet.counter("tollgate_limits_remote_failed");
    let own = if failed > 0 { limit / PROXIES as u64 } else { 0 };
    windows * (limit + PROXIES as u64 * (unreported + own))
}

#[test]
fn of_an_exact_limit_exactly_as_many_pass_over_three_proxies_as_may() {
    for kind in Kind::ALL {
        let policy = json!({ "quota": { "requests": 50, "per": "30d", "count": "exact" } });
        let limits = [("standard.quota", 50, 2_592_000)];
        let fleet = Fleet::start("exact", kind, (&policy, &limits), &json!({}), 2);
        assert_eq!(fleet.drain(0, 1000), 50, "{kind:?}");
        assert_eq!(fleet.send(1, 0), (429, "quota_exceeded".to_owned()), "{kind:?}");
        assert_eq!(fleet.drain(1, 10), 10, "{kind:?}: another caller has a limit of his own");
        let counts = fleet.service.counts();
        assert_eq!(counts["limits"]["standard.quota"]["granted"], 60, "{kind:?}: {counts}");
        fleet.assert_clean();
    }
}

#[test]
fn at_1000_a_second_over_1000_callers_few_requests_are_calls() {
    for kind in [Kind::Limitador, Kind::Ratelimit] {
        let policy = json!({ "rate": { "requests": 1000, "per": "1s" } });
        let limits = [("standard.rate", 1000, 1)];
        let fleet = Fleet::start("zipf", kind, (&policy, &limits), &patient(), 1000);
        let tally = fleet.load(TIME, [4, 4, 4], zipf(1000, 1.1));
        tally.assert_only(429, "rate_limited");
        let most = most(&fleet, 1000, tally.windows);
        for (caller, passed) in &tally.passed {
            assert!(*passed <= most, "{kind:?}: c{caller}: {passed} of {most}");
        }
        let calls = fleet.service.counts()["calls"].as_u64().expect("a number");
        let each = calls as f64 / tally.requests as f64;
        println!("{kind:?}: {} requests, {calls} calls: {each:.4} each", tally.requests);
        assert!(each <= 0.06, "{kind:?}: {calls} calls for {} requests", tally.requests);
        fleet.assert_clean();
    }
}

/// Holds what passed of the one caller against each window that the service has counted: it grants no more
/// than the limit, and no more passes than it has granted, but for what may pass unreported.
///
/// What was sent and answered within a window counts; what was under way at its edge may be of either. With
/// Limitador, which tells whole seconds, permits may outlive their window: so much as was granted in it, and
/// did not pass, may pass in the next, and counts in the one where it was granted.
fn assert_every_window(fleet: &Fleet, kind: Kind, limit: u64, when: &[(u64, u64)]) {
    let counters = fleet.service.counters("standard.rate");
    let windows: Vec<_> = counters[0]["windows"].as_array().expect("windows").iter().collect();
    assert!(windows.len() >= 4, "{kind:?}: {counters}");
    let number = |window: &Value, name: &str| window[name].as_u64().expect("a number");
    let allowed = most(fleet, limit, 1) - limit;
    let mut left = 0;
    let mut counted = Vec::new();
    for (place, window) in windows.iter().enumerate() {
        let (start, granted) = (number(window, "start"), number(window, "granted"));
        let end = match (windows.get(place + 1), kind) {
            (_, Kind::Ratelimit) => start + 1000,
            (Some(next), _) => number(next, "start"),
            (None, _) => u64::MAX,
        };
        // Limitador on Redis checks and counts in two steps: it may grant beyond the limit, and counts that.
        assert!(granted <= limit || kind == Kind::LimitadorRedis, "{kind:?}: {window}");
        let is_within = |one: &&(u64, u64)| start < one.0 && one.1 < end;
        let passed = u64::try_from(when.iter().filter(is_within).count()).expect("few");
        counted.push(format!("{passed} of {granted}"));
        let most = granted + left + allowed;
        assert!(
            passed <= most,
            "{kind:?}: {passed} of {most} passed, {left} left before: {window}"
        );
        left = if kind == Kind::Ratelimit { 0 } else { (granted + left).saturating_sub(passed) };
    }
    println!("{kind:?}: passed of what was granted, by windows: {counted:?}");
}

#[test]
fn one_caller_beyond_his_limit_gets_it_and_no_more_in_every_window_however_he_spreads() {
    for (kind, shares) in [
        (Kind::Limitador, [8, 1, 1]),
        (Kind::LimitadorRedis, [4, 4, 4]),
        (Kind::Ratelimit, [8, 1, 1]),
    ] {
        let policy = json!({ "rate": { "requests": 200, "per": "1s" } });
        let limits = [("standard.rate", 200, 1)];
        let fleet = Fleet::start("hot", kind, (&policy, &limits), &patient(), 2);
        let tally = fleet.load(TIME, shares, |_| 0);
        tally.assert_only(429, "rate_limited");
        let passed = tally.passed.get(&0).copied().unwrap_or(0);
        let most = most(&fleet, 200, tally.windows);
        let calls = fleet.service.counts()["calls"].as_u64().expect("a number");
        println!(
            "{kind:?}: {passed} of {} passed in {} windows, {calls} calls",
            tally.requests, tally.windows
        );
        // Limitador on Redis checks and counts in two steps: what it grants beyond, it counts.
        if kind != Kind::LimitadorRedis {
            assert!(passed <= most, "{kind:?}: {passed} of {most}");
        }
        assert!(passed >= 200 * 2, "{kind:?}: {passed} is not even two windows");
        assert_every_window(&fleet, kind, 200, &tally.when);
        // Ten asks ahead a second, and what waits, of each process: not one call for each request.
        assert!(calls * 5 < tally.requests, "{kind:?}: {calls} calls, {} requests", tally.requests);
        fleet.assert_clean();
    }
}

#[test]
fn fl09_strangers_by_the_hundred_thousand_pass_and_nothing_grows() {
    const EACH: u32 = 20_000;
    let policy = json!({ "limit_by": "address", "quota": { "requests": 1000, "per": "30d" } });
    let fleet = Fleet::start("visitors", Kind::Ratelimit, (&policy, &[]), &patient(), 2);
    fleet.visit(1000);
    let before: u64 = (0..PROXIES).map(|number| fleet.proxy(number).allocated()).sum();
    let tally = fleet.visit(EACH);
    assert!(tally.refused.is_empty(), "{:?}", tally.refused);
    let after: u64 = (0..PROXIES).map(|number| fleet.proxy(number).allocated()).sum();
    let counts = fleet.service.counts();
    let told = &counts["limits"]["standard.quota"]["subjects"];
    let grown = after.saturating_sub(before) / 1_000_000;
    println!("{} visitors, {told} subjects told, {grown} MB more", tally.requests);
    // A table of 65,536 in each takes some 7 MB.
    assert!(grown < 100, "{grown} MB");
    assert!(counts["most_at_once"].as_u64() <= Some(1024), "{counts}");
    fleet.assert_clean();
}
