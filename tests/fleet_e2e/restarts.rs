//! What outlives proxies, services and Redis.

use serde_json::json;

use super::fleet::{Fleet, Kind, PROXIES};

#[test]
fn a_quota_of_thirty_days_outlives_each_proxy_the_service_and_its_redis() {
    for kind in [Kind::LimitadorRedis, Kind::Ratelimit] {
        let policy = json!({ "quota": { "requests": 60, "per": "30d", "count": "exact" } });
        let limits = [("standard.quota", 60, 2_592_000)];
        let mut fleet = Fleet::start("restarts", kind, (&policy, &limits), &json!({}), 1);
        let mut passed = 0;
        for number in 0..PROXIES {
            passed += fleet.drain(0, 10);
            fleet.restart(number);
        }
        passed += fleet.drain(0, 10);
        fleet.service.stop();
        let redis = fleet.redis.as_mut().expect("it counts in Redis");
        redis.stop();
        redis.resume();
        fleet.service.resume();
        passed += fleet.drain(0, 1000);
        assert_eq!(passed, 60, "{kind:?}");
        fleet.assert_clean();
    }
}

#[test]
fn a_leased_quota_loses_with_a_proxy_what_it_held_and_no_more_passes_than_tolerated() {
    for kind in [Kind::LimitadorRedis, Kind::Ratelimit] {
        let policy = json!({ "quota": { "requests": 600, "per": "30d" } });
        let limits = [("standard.quota", 600, 2_592_000)];
        let mut fleet = Fleet::start("leased", kind, (&policy, &limits), &json!({}), 1);
        let mut passed = 0;
        for number in 0..PROXIES {
            passed += fleet.drain(0, 100);
            fleet.restart(number);
        }
        passed += fleet.drain(0, 10_000);
        // Each process lets at most ten pass unreported; a crash forgets that many, once for each.
        let unreported = 600 * 5 / 100 / PROXIES as u64;
        let most = 600 + 2 * PROXIES as u64 * unreported;
        println!("{kind:?}: {passed} of 600 passed");
        assert!(passed <= most, "{kind:?}: {passed} of {most}");
        // Permits of a process that is gone: a tenth of a second of its traffic.
        assert!(passed >= 300, "{kind:?}: {passed}");
        fleet.assert_clean();
    }
}
