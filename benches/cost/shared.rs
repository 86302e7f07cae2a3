//! Limits that a service counts for several proxies: what that costs beside limits of the process, and
//! beside Envoy's own filter, which asks the same service; and how many requests become calls.
//!
//! The service is a real Limitador in memory, on the client's core.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::filters::{native_ratelimit, plain, provider, proxying, tollgate_before, tollgate_with};
use crate::fleet::{Fleet, Kind, PROXIES, zipf};
use crate::harness::engines::Service;
use crate::harness::{Envoy, Site, places};
use crate::lane::{self, Lane};
use crate::load::again;
use crate::machine::Machine;
use crate::paths::{added_over, answers, paths};
use crate::plan::Plan;
use crate::signers::{Alg, Signer};
use crate::tokens::{ISSUER, Pool, USUAL_BYTES};

/// The cluster of the service, and of the listener that is proxied to.
const SERVICE: &str = "limits";
const UPSTREAM: &str = "plain";

/// One caller's limits: more than he sends, and so few that permits are asked for.
const RATE: u64 = 100_000;
const QUOTA: u64 = 1_000_000_000;

/// Callers of the load by Zipf's law, its exponent, each one's requests in a second, and how long it lasts.
const CALLERS: usize = 1000;
const EXPONENT: f64 = 1.1;
const EACH: u64 = 1000;
const LASTS: Duration = Duration::from_secs(5);

/// Measures; the report's `fleet`. Null, with a sentence that says why, where the service was not built.
pub(crate) fn measure(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    let program = places::target().join("fleet/release/rls");
    if !program.exists() {
        println!(
            "the part fleet is left out: {} is missing, which benches/run.sh builds where pkg-config finds \
             OpenSSL's headers (Debian: apt-get install pkg-config libssl-dev)",
            program.display()
        );
        return Value::Null;
    }
    let mut report = costs(plan, machine, folder, &program);
    machine.release_client();
    report["zipf"] = calls(&program);
    report
}

/// What each way to count adds to a request.
fn costs(plan: &Plan, machine: &Machine, folder: &Path, program: &Path) -> Value {
    machine.release_client();
    let signer = Signer::kept(folder, Alg::Rs256);
    let pool = Pool::kept(folder, &signer, USUAL_BYTES, 1);
    let scratch = places::scratch("bench-fleet-service");
    let service = Service::start(program, &scratch, "limitador", &limits(), None);
    let plain_listener = plain();
    let caller = || again(&pool, 1);
    let tollgate = |name: &str, rate: &str, quota: &str| {
        Lane::new(name, tollgate_with(name, &configuration(name, &signer, rate, quota)), caller())
    };
    // What is compared with the native filter stands before the plain listener, as that one has to: what a
    // call adds is not the same to a proxy that has nobody else to talk to.
    let before = |name: &str, rate: &str, quota: &str| {
        let all = configuration(name, &signer, rate, quota);
        Lane::new(name, tollgate_before(name, &all, UPSTREAM), caller())
    };
    let native = |name: &str, limits: &[&str]| {
        Lane::new(name, native_ratelimit(name, SERVICE, limits, UPSTREAM), caller())
    };
    let mut lanes = [
        Lane::new("plain", plain_listener.clone(), caller()),
        tollgate("limits_process", "process", "process"),
        tollgate("limits_fleet", "fleet", "fleet"),
        tollgate("limits_exact_direct", "exact", "process"),
        Lane::new("plain_before", proxying(UPSTREAM), caller()),
        before("limits_process_before", "process", "process"),
        before("limits_exact", "exact", "process"),
        before("limits_exact_both", "exact", "exact"),
        native("native_ratelimit", &["policy.rate"]),
        native("native_ratelimit_both", &["policy.rate", "policy.quota"]),
    ];
    let mut site = Site::new("bench-fleet", 1)
        .wasm_log("warning")
        .http2_cluster(SERVICE, service.port())
        .cluster(UPSTREAM, plain_listener.port);
    for lane in &lanes {
        site = site.listener(&lane.listener);
    }
    let proxy = Envoy::start(&site);
    machine.pin_proxy(proxy.id(), 1);
    machine.pin_client();
    machine.pin_beside_client(service.id());
    let mut all: Vec<_> = lanes.iter_mut().collect();
    let idle = lane::run("fleet", &mut all, &proxy, plan.rounds, plan.slice);
    let counts = service.counts();
    let lane = |name: &str| lanes.iter().find(|lane| lane.name == name).expect("a lane");
    // What is said to ask does ask.
    let asked = counts["calls"].as_u64().unwrap_or(0);
    let asking = [
        "limits_exact_direct",
        "limits_exact",
        "limits_exact_both",
        "native_ratelimit",
        "native_ratelimit_both",
    ];
    let requests: usize = asking.iter().flat_map(|name| lane(name).answers.values()).sum();
    assert!(asked >= requests as u64, "{asked} calls, {requests} requests: {counts}");
    assert_eq!(counts["unknown"], 0, "{counts}");
    let over = |name: &str, base: &str| (name.to_owned(), added_over(lane(name), lane(base)));
    let added = [
        over("limits_process", "plain"),
        over("limits_fleet", "plain"),
        over("limits_exact_direct", "plain"),
        over("limits_process_before", "plain_before"),
        over("limits_exact", "plain_before"),
        over("limits_exact_both", "plain_before"),
        over("native_ratelimit", "plain_before"),
        over("native_ratelimit_both", "plain_before"),
    ];
    let over_process = [
        over("limits_fleet", "limits_process"),
        over("limits_exact_direct", "limits_process"),
        over("limits_exact", "limits_process_before"),
        over("limits_exact_both", "limits_process_before"),
    ];
    json!({
        "paths": paths(&lanes),
        "added_us": added.into_iter().collect::<Value>(),
        "over_process_us": over_process.into_iter().collect::<Value>(),
        "answers": lanes.iter().map(answers).collect::<Value>(),
        "idle_us_per_second": idle * 1e6,
    })
}

/// One policy with a rate and a quota, counted so.
fn configuration(domain: &str, signer: &Signer, rate: &str, quota: &str) -> Value {
    let mut all = json!({
        "providers": { "issuer": provider(ISSUER, &[signer.jwk()], signer.alg().name()) },
        "apis": [{ "name": "orders", "auth": ["issuer"], "match": { "paths": ["/orders/**"] },
                   "policies": { "default": ["policy"] } }],
        "policies": { "policy": {
            "rate": { "requests": RATE, "per": "1s" },
            "quota": { "requests": QUOTA, "per": "30d" },
        } },
    });
    if (rate, quota) != ("process", "process") {
        all["policies"]["policy"]["rate"]["count"] = rate.into();
        all["policies"]["policy"]["quota"]["count"] = quota.into();
        all["limits"] = json!({ "remote": {
            "service": "limitador", "cluster": SERVICE, "domain": domain, "replicas": 3, "timeout": "1s" } });
    }
    all
}

/// The same limits in each domain, as Limitador reads them.
fn limits() -> String {
    const DOMAINS: [&str; 6] = [
        "limits_fleet",
        "limits_exact_direct",
        "limits_exact",
        "limits_exact_both",
        "native_ratelimit",
        "native_ratelimit_both",
    ];
    let limit = |domain: &str, name: &str, most: u64, seconds: u64, place: u32| {
        format!(
            "- {{ namespace: {domain}, name: {name}, max_value: {most}, seconds: {seconds}, \
             conditions: [\"descriptors[{place}].limit == '{name}'\"], \
             variables: [\"descriptors[{place}].subject\"] }}\n"
        )
    };
    // Envoy's filter asks about both limits in one call.
    let quota = |domain: &str| u32::from(domain == "native_ratelimit_both");
    let both = |domain: &str| {
        limit(domain, "policy.rate", RATE, 1, 0)
            + &limit(domain, "policy.quota", QUOTA, 2_592_000, quota(domain))
    };
    DOMAINS.map(both).concat()
}

/// How many requests become calls, and how many pass, where many callers send through three proxies.
fn calls(program: &Path) -> Value {
    let policy = json!({ "rate": { "requests": EACH, "per": "1s" } });
    let limits = [("standard.rate", EACH, 1)];
    let of = (&policy, &limits[..]);
    let remote = json!({ "timeout": "1s" });
    let fleet = Fleet::start_with(program, "bench", Kind::Limitador, of, &remote, CALLERS);
    let tally = fleet.load(LASTS, [4, 4, 4], zipf(CALLERS, EXPONENT));
    tally.assert_only(429, "rate_limited");
    let calls = fleet.service.counts()["calls"].as_u64().unwrap_or(0);
    let passed: u64 = tally.passed.values().sum();
    let requests = tally.requests as f64;
    json!({
        "proxies": PROXIES, "callers": CALLERS, "exponent": EXPONENT, "limit_per_second": EACH,
        "seconds": LASTS.as_secs(), "requests": tally.requests, "calls": calls, "passed": passed,
        "calls_per_request": calls as f64 / requests, "passed_share": passed as f64 / requests,
    })
}
