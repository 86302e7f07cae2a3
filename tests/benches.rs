//! What `benches/cost` makes of its measurements: medians and intervals, figures, the picture. The
//! measuring itself needs a proxy, and a quiet machine.
#[allow(dead_code, reason = "printing is not tested")]
#[path = "../benches/cost"]
mod cost {
    pub(crate) mod picture;
    pub(crate) mod report;
    pub(crate) mod statistics;
}

use serde_json::{Value, json};

use cost::statistics::{Estimate, median};
use cost::{picture, report};

/// A report in which the native filter adds 40 µs, and Tollgate 8 to a token seen before.
fn sample() -> Value {
    let added =
        |median: f64| json!({ "median": median, "low": median - 1.0, "high": median + 1.0 });
    let point = |at: u32| json!({ "at": at, "median": 9.0, "low": 8.0, "high": 10.0, "rps": 1 });
    json!({
        "about": { "envoy": "1.40.0", "processor": "A & B <fast>", "rounds": 5, "quick": true },
        "paths": { "plain": { "cpu_us": [20.0], "median_us": 20.0, "rps": 9000.0 } },
        "added_us": {
            "empty_wasm": added(3.0), "warm": added(8.0), "warm_policies": added(12.0), "native": added(40.0),
            "warm_resource": added(8.5), "warm_call": added(9.0), "warm_mcp": added(9.75),
            "warm_opaque": added(8.25), "warm_login": added(8.5), "cold_login": added(18.0),
            "login_redirect": added(14.0),
            "native_headers": added(50.0), "cold_host_rs256": added(60.0)
        },
        "rsa2048_us": { "tollgate": added(90.0), "jwt_simple": added(1200.0) },
        "curves": { "providers": [point(1), point(10), point(100)] },
        "memory": { "tokens": 1_000_000, "growth_bytes": 2_500_000,
                    "records": { "session_bytes_per_10000": 1_300_000.0,
                                 "limit_bytes_per_10000": 1_100_000.0 },
                    "points": [{ "tokens": 10_000, "resident_bytes": 140_000_000 }] },
        "fleet": {
            "paths": { "plain": { "cpu_us": [20.0], "median_us": 20.0, "rps": 9000.0 } },
            "added_us": { "limits_process": added(12.0), "limits_fleet": added(15.0),
                          "limits_exact": added(96.0), "native_ratelimit": added(70.0) },
            "over_process_us": { "limits_fleet": added(3.0), "limits_exact": added(84.0) },
            "zipf": { "proxies": 3, "calls_per_request": 0.034, "passed_share": 0.99 }
        },
        "module_bytes": 716_800
    })
}

#[test]
fn the_median_is_the_middle_or_the_mean_of_the_two_in_it() {
    let cases: [(&str, &[f64], f64); 4] = [
        ("one", &[3.0], 3.0),
        ("odd, unsorted", &[9.0, 1.0, 5.0], 5.0),
        ("even", &[1.0, 2.0, 4.0, 100.0], 3.0),
        ("negative", &[-2.0, -1.0, 3.0], -1.0),
    ];
    for (name, samples, expected) in cases {
        assert!((median(samples) - expected).abs() < f64::EPSILON, "{name}");
    }
    assert!(median(&[]).is_nan(), "none");
}

#[test]
fn the_interval_holds_the_median_and_narrows_with_more_samples() {
    let samples = |count: u32| (0..count).map(|n| f64::from(n * 37 % 101)).collect::<Vec<_>>();
    let (few, many) = (Estimate::of(&samples(10)), Estimate::of(&samples(1000)));
    for estimate in [few, many] {
        assert!(
            estimate.low <= estimate.median && estimate.median <= estimate.high,
            "{estimate:?}"
        );
    }
    assert!(many.high - many.low < few.high - few.low, "{few:?} {many:?}");
    assert_eq!(few, Estimate::of(&samples(10)), "the same samples, another interval");
    let same = Estimate::of(&[7.0; 5]);
    assert_eq!(same, Estimate { median: 7.0, low: 7.0, high: 7.0 });
}

#[test]
fn figures_compare_what_is_added() {
    let figures = report::figures(&sample());
    let cases = [
        ("warm_vs_native", 0.2),
        ("warm_minus_empty_us", 5.0),
        ("warm_policies_minus_warm_us", 4.0),
        ("warm_resource_minus_warm_us", 0.5),
        ("warm_mcp_minus_call_us", 0.75),
        ("warm_opaque_minus_warm_us", 0.25),
        ("warm_login_minus_warm_us", 0.5),
        ("cold_login_minus_warm_us", 10.0),
        ("login_redirect_us", 14.0),
        ("cold_host_vs_native_headers", 1.2),
        ("rsa2048_wasm_us", 90.0),
        ("rsa2048_wasm_vs_jwt_simple", 0.075),
        ("memory_growth_mb", 2.5),
        ("limits_fleet_minus_process_us", 3.0),
        ("limits_exact_vs_native", 1.2),
        ("limits_calls_per_request", 0.034),
        ("module_kib", 700.0),
    ];
    for (name, expected) in cases {
        let found = figures[name].as_f64().unwrap_or(f64::NAN);
        assert!((found - expected).abs() < 1e-9, "{name}: {found}");
    }
    assert_eq!(figures.as_object().map_or(0, serde_json::Map::len), cases.len(), "{figures}");
}

#[test]
fn two_builds_are_compared_round_by_round() {
    // The machine is twice as slow in the second round, for both.
    let found = report::compared(&[11.0, 22.0, 11.0], &[10.0, 20.0, 10.0]);
    for bound in ["low", "median", "high"] {
        let ratio = found["ratio"][bound].as_f64().unwrap_or(f64::NAN);
        assert!((ratio - 1.1).abs() < 1e-9, "{found}");
    }
    assert_eq!(found["more_us"], json!({ "low": 1.0, "median": 1.0, "high": 2.0 }));
}

#[test]
fn figures_of_parts_that_were_not_run_are_null() {
    let figures = report::figures(&json!({ "module_bytes": 1024 }));
    assert_eq!(figures["warm_vs_native"], Value::Null);
    assert_eq!(figures["limits_exact_vs_native"], Value::Null);
    let left_out = report::figures(&json!({ "fleet": null }));
    assert_eq!(left_out["limits_calls_per_request"], Value::Null);
    assert_eq!(figures["module_kib"], 1.0);
}

#[test]
fn the_picture_shows_what_there_is() {
    let picture = picture::draw(&sample());
    for text in [
        "Envoy 1.40.0, one worker on one core of A &amp; B &lt;fast&gt;; median of 5 rounds",
        ">Tollgate, token seen before<",
        ">40<",
        ">providers<",
        ">RSA-2048 in Wasm: 90 µs<",
        ">10k to 1M tokens: +2.5 MB<",
        ">10k sessions on record: 1.3 MB<",
        ">10k with rate and quota: 1.1 MB<",
        ">the same, with policies, rate and quota<",
        ">Tollgate, counted for a fleet<",
        ">calls of 3 proxies a request: 0.034<",
        ">12<",
    ] {
        assert!(picture.contains(text), "{text} is not in\n{picture}");
    }
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    assert!(!picture.contains("keys in a set"), "a chart of nothing:\n{picture}");
}

#[test]
fn the_picture_of_nothing_is_a_picture() {
    let picture = picture::draw(&json!({}));
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    assert!(!picture.contains("NaN"), "{picture}");
}
