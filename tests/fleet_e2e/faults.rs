//! What becomes of requests while the service is lost, slow, unsure or lying. The ids are those of the
//! catalogue of attacks.

use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::{Fleet, Kind, PROXIES};
use super::harness::eventually;

const TIME: Duration = Duration::from_secs(3);
const LIMIT: u64 = 90;

fn rate(name: &str, remote: &Value) -> Fleet {
    let policy = json!({ "rate": { "requests": LIMIT, "per": "1h" } });
    let limits = [("standard.rate", LIMIT, 3600)];
    Fleet::start(name, Kind::Ratelimit, (&policy, &limits), remote, 8)
}

/// How often each proxy has this event in its log: the least of them.
fn logged(fleet: &Fleet, event: &str) -> usize {
    let times = |number| {
        let lines = fleet.proxy(number).filter_lines();
        lines.iter().filter(|line| line["event"] == event).count()
    };
    (0..PROXIES).map(times).min().unwrap_or(0)
}

#[test]
fn fl01_fl08_whatever_is_wrong_with_the_service_each_proxy_allows_its_part_and_asks_seldom() {
    let fleet = rate("away", &json!({}));
    for (caller, fault) in ["fail", "hang", "slow 400", "unnamed"].into_iter().enumerate() {
        let times = logged(&fleet, "limits_remote_lost");
        let unnamed = fleet.counter("tollgate_limits_remote_unnamed");
        fleet.service.clear();
        fleet.service.fault(fault);
        let tally = fleet.load(TIME, [2, 2, 2], move |_| caller);
        tally.assert_only(429, "rate_limited");
        let passed = tally.passed.get(&caller).copied().unwrap_or(0);
        // A third for each, and what each may let pass before it asks at all.
        let unreported = LIMIT * 5 / 100;
        println!("{fault}: {passed} of {} passed", tally.requests);
        assert!(passed <= LIMIT + unreported, "{fault}: {passed}");
        assert!(passed >= LIMIT / PROXIES as u64, "{fault}: {passed}");
        let calls = fleet.service.counts()["calls"].as_u64().expect("a number");
        // What is out at once at the first, and one after each second, of each process.
        assert!(calls <= 30, "{fault}: {calls} calls for {} requests", tally.requests);
        assert!(logged(&fleet, "limits_remote_lost") > times, "{fault}");
        let unnamed = fleet.counter("tollgate_limits_remote_unnamed") - unnamed;
        assert_eq!(unnamed > 0, fault == "unnamed", "{fault}: {unnamed}");
        fleet.service.fault("none");
        eventually("the service to be asked again", || {
            for number in 0..PROXIES {
                fleet.send(number, 4 + caller);
            }
            logged(&fleet, "limits_remote_back") > times
        });
    }
    fleet.assert_clean();
}

#[test]
fn what_decides_without_the_service_is_the_operators_to_say() {
    let cases = [("deny", 503, 0), ("allow", 200, 1)];
    for (on_outage, status, passes) in cases {
        let fleet = rate(on_outage, &json!({ "on_outage": on_outage, "tolerance": "0%" }));
        fleet.service.fault("fail");
        for number in 0..PROXIES {
            let (found, code) = fleet.send(number, 0);
            assert_eq!(found, status, "{on_outage}: {code}");
            assert_eq!(code == "limits_unavailable", passes == 0, "{on_outage}: {code}");
        }
        fleet.assert_clean();
    }
}

#[test]
fn a_service_that_is_killed_and_comes_back_is_asked_again() {
    let mut fleet = rate("killed", &json!({}));
    assert_eq!(fleet.drain(0, 30), 30);
    fleet.service.stop();
    for number in 0..PROXIES {
        for _ in 0..40 {
            let (status, code) = fleet.send(number, 1);
            assert!(status == 200 || status == 429, "{status} {code}");
        }
    }
    eventually("it to be missed", || logged(&fleet, "limits_remote_lost") >= 1);
    fleet.service.resume();
    eventually("it to be asked again", || {
        for number in 0..PROXIES {
            fleet.send(number, 2);
        }
        logged(&fleet, "limits_remote_back") >= 1
    });
    let passed = 30 + fleet.drain(0, 1000);
    assert!(passed <= LIMIT + LIMIT * 5 / 100, "{passed}: what was counted before still counts");
    fleet.assert_clean();
}

#[test]
fn fl17_a_service_that_says_yes_for_ever_leaves_each_process_its_own_limit() {
    let fleet = rate("open", &json!({}));
    fleet.service.fault("open");
    let tally = fleet.load(TIME, [2, 2, 2], |_| 0);
    tally.assert_only(429, "rate_limited");
    let passed = tally.passed.get(&0).copied().unwrap_or(0);
    println!("open: {passed} of {} passed", tally.requests);
    assert!(passed <= PROXIES as u64 * (LIMIT + 1), "{passed}");
    fleet.service.fault("shut");
    assert_eq!(fleet.send(0, 1).0, 200, "the first passes before anybody is asked");
    eventually("it to be refused", || fleet.send(0, 1) == (429, "rate_limited".to_owned()));
    fleet.assert_clean();
}

#[test]
fn fl02_fl03_numbers_of_the_service_that_cannot_be_are_not_believed() {
    let fleet = rate("lies", &json!({}));
    let faults = ["reset 0", "reset -5", "reset 9223372036854775807", "drift"];
    for (caller, fault) in faults.into_iter().enumerate() {
        fleet.service.fault(fault);
        let passed = fleet.drain(caller, 1000);
        println!("{fault}: {passed}");
        // A window that ends at once begins anew: the process's own counter still holds.
        let most =
            if fault == "drift" { LIMIT + LIMIT * 5 / 100 } else { PROXIES as u64 * (LIMIT + 1) };
        assert!(passed <= most, "{fault}: {passed}");
        let differs = fleet.counter("tollgate_limits_remote_mismatch");
        assert_eq!(differs > 0, fault == "drift", "{fault}: {differs}");
    }
    fleet.assert_clean();
}
