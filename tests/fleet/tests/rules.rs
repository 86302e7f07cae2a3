//! What each service does with a call, as Tollgate's rules for it expect: how it counts, what a refused
//! batch costs, how it names a limit, what outlives it. They run against the real process and a real
//! Redis.
#![allow(dead_code, reason = "what is included is for others, too")]

#[path = "../../support/engines.rs"]
mod engines;
#[path = "../../e2e/harness/process.rs"]
mod process;
#[path = "../../e2e/harness/wait.rs"]
mod wait;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engines::{Redis, Service};
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::{
    Entry, RateLimitOverride,
};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;
use envoy_types::pb::envoy::service::ratelimit::v3::{RateLimitRequest, RateLimitResponse};
use tonic::Status;
use tonic::transport::Channel;

const MEMORY: &str = r#"
- namespace: tollgate
  name: standard.rate
  max_value: 10
  seconds: 1
  conditions: ["descriptors[0].limit == 'standard.rate'"]
  variables: ["descriptors[0].subject"]
- namespace: tollgate
  name: standard.quota
  max_value: 100
  seconds: 2592000
  conditions: ["descriptors[0].limit == 'standard.quota'"]
  variables: ["descriptors[0].subject"]
"#;

const OLDER: &str = r#"
- namespace: tollgate
  name: standard.rate
  max_value: 10
  seconds: 1
  conditions: ["limit == \"standard.rate\""]
  variables: [subject]
- namespace: tollgate
  name: standard.quota
  max_value: 100
  seconds: 2592000
  conditions: ["limit == \"standard.quota\""]
  variables: [subject]
"#;

const RATELIMIT: &str = "
domain: tollgate
descriptors:
  - key: limit
    value: standard.rate
    descriptors:
      - key: subject
        rate_limit: { unit: second, requests_per_unit: 10 }
  - key: limit
    value: standard.quota
    descriptors:
      - key: subject
        rate_limit: { unit: month, requests_per_unit: 100 }
";

const MONTH: i32 = 5;

/// A service, and what it stands on.
struct Stand {
    service: Service,
    redis: Option<Redis>,
}

impl Stand {
    fn new(kind: &str, test: &str) -> Self {
        let limits = match kind {
            "limitador" => MEMORY,
            "limitador-redis" => OLDER,
            _ => RATELIMIT,
        };
        Self::with_limits(kind, test, limits)
    }

    fn with_limits(kind: &str, test: &str, limits: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind}-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        let redis = (kind != "limitador").then(|| Redis::start(&redis_server(), &folder));
        let program = Path::new(env!("CARGO_BIN_EXE_rls"));
        let service = Service::start(program, &folder, kind, limits, redis.as_ref());
        Self { service, redis }
    }

    async fn client(&self) -> Client {
        let address = format!("http://127.0.0.1:{}", self.service.port());
        Client(RateLimitServiceClient::connect(address).await.expect("it listens"))
    }
}

struct Client(RateLimitServiceClient<Channel>);

impl Client {
    async fn ask(&mut self, limit: &str, hits: u32) -> Answer {
        self.send(request("tollgate", limit, hits)).await.expect("an answer")
    }

    async fn send(&mut self, request: RateLimitRequest) -> Result<Answer, Status> {
        self.0.should_rate_limit(request).await.map(|answer| Answer::of(&answer.into_inner()))
    }
}

fn request(domain: &str, limit: &str, hits: u32) -> RateLimitRequest {
    let entries = [("limit", limit), ("subject", "00112233445566778899aabbccddeeff")];
    let entries =
        entries.map(|(key, value)| Entry { key: key.to_owned(), value: value.to_owned() });
    RateLimitRequest {
        domain: domain.to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: entries.into(),
            ..RateLimitDescriptor::default()
        }],
        hits_addend: hits,
    }
}

/// What a client reads of an answer, whichever service gave it.
#[derive(Debug)]
struct Answer {
    passed: bool,
    /// The limit, what remains of it, and the seconds until its window ends, where it is named.
    limit: Option<(u64, u64, u64)>,
}

impl Answer {
    fn of(response: &RateLimitResponse) -> Self {
        let header = |name: &str| {
            let headers = &response.response_headers_to_add;
            let value = &headers.iter().find(|header| header.key == name)?.value;
            value.split(',').next()?.parse().ok()
        };
        let named = response.statuses.first().and_then(|status| {
            let reset = status.duration_until_reset.as_ref().map_or(0, |left| left.seconds);
            let limit = status.current_limit.as_ref()?.requests_per_unit;
            Some((limit.into(), status.limit_remaining.into(), reset.cast_unsigned()))
        });
        let in_headers = || {
            Some((
                header("X-RateLimit-Limit")?,
                header("X-RateLimit-Remaining")?,
                header("X-RateLimit-Reset")?,
            ))
        };
        Self { passed: response.overall_code == 1, limit: named.or_else(in_headers) }
    }

    /// Passed or not, and what remains.
    fn short(&self) -> (bool, Option<u64>) {
        (self.passed, self.limit.map(|(_, remaining, _)| remaining))
    }
}

const ALL: [&str; 3] = ["limitador", "limitador-redis", "ratelimit"];

#[tokio::test]
async fn ten_of_a_second_pass_and_the_next_is_refused_with_nothing_left() {
    for kind in ALL {
        let stand = Stand::new(kind, "ten");
        let mut client = stand.client().await;
        let (seen, answer) = loop {
            // All of it within one window: where a second ends in between, once more.
            wait_for_a_whole_second().await;
            let second = seconds();
            let mut seen = Vec::new();
            for _ in 0..10 {
                seen.push(client.ask("standard.rate", 1).await.short());
            }
            let answer = client.ask("standard.rate", 1).await;
            if seconds() == second {
                break (seen, answer);
            }
            // Limitador's second starts with the first call.
            wait_for_a_whole_second().await;
        };
        let expected: Vec<_> = (0..10).rev().map(|left| (true, Some(left))).collect();
        assert_eq!(seen, expected, "{kind}");
        assert_eq!(answer.short(), (false, Some(0)), "{kind}");
        assert_eq!(answer.limit.map(|(limit, ..)| limit), Some(10), "{kind}");
    }
}

#[tokio::test]
async fn a_refused_batch_costs_nothing_at_limitador_and_all_at_ratelimit() {
    let cases = [("limitador", 40, true), ("limitador-redis", 40, true), ("ratelimit", 0, false)];
    for (kind, remaining, passes) in cases {
        let stand = Stand::new(kind, "batch");
        let mut client = stand.client().await;
        assert_eq!(client.ask("standard.quota", 60).await.short(), (true, Some(40)), "{kind}");
        let refused = client.ask("standard.quota", 60).await;
        assert_eq!(refused.short(), (false, Some(remaining)), "{kind}");
        assert_eq!(client.ask("standard.quota", 40).await.passed, passes, "{kind}: the rest");
        let counts = stand.service.counts();
        let asked = &counts["limits"]["standard.quota"];
        assert_eq!(
            (&asked["calls"], &asked["asked"]),
            (&3.into(), &160.into()),
            "{kind}: {counts}"
        );
        assert_eq!(asked["granted"], if passes { 100 } else { 60 }, "{kind}: {counts}");
    }
}

#[tokio::test]
async fn a_limit_that_it_does_not_know_passes_without_a_name() {
    for kind in ALL {
        let stand = Stand::new(kind, "unknown");
        let mut client = stand.client().await;
        for (domain, limit) in [("tollgate", "gold.rate"), ("tolgate", "standard.rate")] {
            let answer = client.send(request(domain, limit, 1)).await.expect("an answer");
            assert_eq!((answer.passed, answer.limit), (true, None), "{kind} {domain} {limit}");
        }
        assert_eq!(stand.service.counts()["unknown"], 2, "{kind}");
    }
}

#[tokio::test]
async fn what_was_counted_outlives_the_service_and_its_redis() {
    for kind in ["limitador-redis", "ratelimit"] {
        let mut stand = Stand::new(kind, "restart");
        assert_eq!(stand.client().await.ask("standard.quota", 48).await.short(), (true, Some(52)));
        stand.service.stop();
        let redis = stand.redis.as_mut().expect("it stands on Redis");
        redis.stop();
        redis.resume();
        stand.service.resume();
        let mut client = stand.client().await;
        assert_eq!(client.ask("standard.quota", 2).await.short(), (true, Some(50)), "{kind}");
        assert!(!client.ask("standard.quota", 51).await.passed, "{kind}");
    }
}

#[tokio::test]
async fn without_its_redis_it_answers_with_an_error_and_later_well_again() {
    for kind in ["limitador-redis", "ratelimit"] {
        let mut stand = Stand::new(kind, "lost");
        let mut client = stand.client().await;
        assert!(client.ask("standard.quota", 1).await.passed, "{kind}");
        let redis = stand.redis.as_mut().expect("it stands on Redis");
        redis.stop();
        let error = client.send(request("tollgate", "standard.quota", 1)).await;
        error.expect_err("there is nothing to count in");
        redis.resume();
        let mut remaining = None;
        for _ in 0..300 {
            if let Ok(answer) = client.send(request("tollgate", "standard.quota", 1)).await {
                remaining = answer.limit.map(|(_, remaining, _)| remaining);
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(remaining, Some(98), "{kind}");
    }
}

#[tokio::test]
async fn ratelimit_takes_the_limit_that_a_call_brings_and_no_unit_that_there_is_not() {
    let stand = Stand::new("ratelimit", "override");
    let mut client = stand.client().await;
    let mut asked = request("tollgate", "gold.quota", 3);
    asked.descriptors[0].limit = Some(RateLimitOverride { requests_per_unit: 7, unit: MONTH });
    let answer = client.send(asked.clone()).await.expect("an answer");
    let (limit, remaining, reset) = answer.limit.expect("it is named");
    assert_eq!((answer.passed, limit, remaining), (true, 7, 4));
    let month = 30 * 86_400;
    let left = month - seconds() % month;
    assert!(reset.abs_diff(left) <= 2, "{reset}: windows start where 1970 did, {left} are left");
    asked.descriptors[0].limit = Some(RateLimitOverride { requests_per_unit: 7, unit: 0 });
    client.send(asked.clone()).await.expect_err("the server panics on it");
    asked.descriptors[0].limit = Some(RateLimitOverride { requests_per_unit: 7, unit: MONTH });
    asked.domain = "other".to_owned();
    let answer = client.send(asked).await.expect("an answer");
    assert_eq!((answer.passed, answer.limit), (true, None), "the domain must be there");
}

#[tokio::test]
async fn limitador_takes_no_limit_that_a_call_brings() {
    let stand = Stand::new("limitador", "override");
    let mut asked = request("tollgate", "standard.quota", 3);
    asked.descriptors[0].limit = Some(RateLimitOverride { requests_per_unit: 7, unit: MONTH });
    let answer = stand.client().await.send(asked).await.expect("an answer");
    assert_eq!(answer.limit.map(|(limit, remaining, _)| (limit, remaining)), Some((100, 97)));
}

#[tokio::test]
async fn windows_of_ratelimit_start_on_whole_seconds_and_are_counted_apart() {
    let stand = Stand::new("ratelimit", "windows");
    let mut client = stand.client().await;
    loop {
        wait_for_a_whole_second().await;
        let second = seconds();
        stand.service.clear();
        let first = client.ask("standard.rate", 10).await.passed;
        let then = client.ask("standard.rate", 1).await.passed;
        if seconds() == second {
            assert_eq!((first, then), (true, false));
            break;
        }
    }
    wait_for_a_whole_second().await;
    assert!(client.ask("standard.rate", 4).await.passed);
    let counters = stand.service.counters("standard.rate");
    let windows = counters[0]["windows"].as_array().expect("windows");
    let seen: Vec<_> = windows
        .iter()
        .map(|one| (one["start"].as_u64().unwrap_or(1) % 1000, &one["asked"], &one["granted"]))
        .collect();
    assert_eq!(seen, [(0, &11.into(), &10.into()), (0, &4.into(), &4.into())]);
}

#[tokio::test]
async fn the_double_does_wrong_what_it_is_told() {
    let stand = Stand::new("ratelimit", "faults");
    let mut client = stand.client().await;
    let cases = [
        ("drift", (true, Some((101, 99)))),
        ("unnamed", (true, None)),
        ("open", (true, Some((100, 100)))),
        ("shut", (false, Some((100, 0)))),
        ("reset -5", (true, Some((100, 97)))),
        ("slow 20", (true, Some((100, 96)))),
        ("none", (true, Some((100, 95)))),
    ];
    for (fault, expected) in cases {
        stand.service.fault(fault);
        let answer = client.ask("standard.quota", 1).await;
        let named = answer.limit.map(|(limit, remaining, _)| (limit, remaining));
        assert_eq!((answer.passed, named), expected, "{fault}");
    }
    stand.service.fault("fail");
    let failed = client.send(request("tollgate", "standard.quota", 1)).await;
    assert_eq!(failed.expect_err("it fails").code(), tonic::Code::Unavailable);
    stand.service.fault("flap 2");
    let mut failures = 0;
    for _ in 0..10 {
        let answer = client.send(request("tollgate", "standard.quota", 1)).await;
        failures += u32::from(answer.is_err());
    }
    assert_eq!(failures, 5);
}

#[tokio::test]
async fn the_double_hangs_until_it_is_told_otherwise() {
    let stand = Stand::new("ratelimit", "hang");
    let mut client = stand.client().await;
    stand.service.fault("hang");
    let asked = tokio::spawn(async move { client.ask("standard.quota", 1).await.passed });
    while stand.service.counts()["under_way"] != 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!asked.is_finished());
    stand.service.fault("none");
    assert!(asked.await.expect("an answer"));
}

#[test]
fn a_real_engine_does_nothing_wrong() {
    let stand = Stand::new("limitador", "faults");
    assert_eq!(stand.service.control("POST", "/fault", "fail").0, 409);
    assert_eq!(stand.service.control("POST", "/fault", "explode").0, 400);
    stand.service.clear();
    assert_eq!(stand.service.counts()["calls"], 0);
}

#[test]
fn limits_that_ratelimit_would_not_load_are_refused() {
    let cases = [
        ("descriptors: []", "empty domain"),
        ("domain: d\ndescriptor: []", "unknown field"),
        ("domain: d\ndescriptors: [{ value: x }]", "empty key"),
        ("domain: d\ndescriptors: [{ key: x }, { key: x }]", "duplicate"),
        (
            "domain: d\ndescriptors: [{ key: x, rate_limit: { unit: fortnight, requests_per_unit: 1 } }]",
            "invalid rate limit unit",
        ),
    ];
    for (yaml, expected) in cases {
        let error = tollgate_fleet::configuration::Configuration::parse(yaml).err();
        let error = error.unwrap_or_default();
        assert!(error.contains(expected), "{yaml}: {error}");
    }
}

async fn wait_for_a_whole_second() {
    let before = seconds();
    while seconds() == before {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Redis as `make setup-fleet` brings it, or the system's own.
fn redis_server() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/redis-server");
    assert!(ours.exists(), "{} is missing: run `make setup-fleet`", ours.display());
    ours
}

/// What `tollgate export limits` writes: cli/tests/tools/export.rs holds it to a configuration.
fn exported(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cli/tests/export");
    std::fs::read_to_string(folder.join(name)).expect("a file of the command line's tests")
}

#[tokio::test]
async fn what_is_exported_is_what_limitador_and_ratelimit_count_by() {
    for (kind, file) in [("limitador", "limitador.yaml"), ("ratelimit", "ratelimit.yaml")] {
        let stand = Stand::with_limits(kind, "exported", &exported(file));
        let mut client = stand.client().await;
        let limits = [
            ("standard.rate", 100),
            ("standard.quota", 10_000),
            ("standard.access.0.rate", 5),
            ("standard.access.reports.rate", 7),
            ("api.orders.rate", 1_000),
            ("gold.rate", 4_294_967_295),
            ("gold.quota", 1),
        ];
        for (limit, requests) in limits {
            let answer = client.ask(limit, requests).await;
            assert!(answer.passed, "{kind} {limit}");
            let named = answer.limit.map(|(limit, remaining, _)| (limit, remaining));
            assert_eq!(named, Some((u64::from(requests), 0)), "{kind} {limit}");
        }
        let other = client.ask("standard.access.1.rate", 1).await;
        assert_eq!((other.passed, other.limit), (true, None), "{kind}: a name goes before a place");
    }
}
