//! What the measurements mean: the figures, and the tables on the terminal.

use serde_json::{Value, json};

use super::statistics::Estimate;

/// A figure with the most that it may be.
struct Target {
    figure: &'static str,
    most: f64,
    aim: f64,
    meaning: &'static str,
}

const TARGETS: [Target; 17] = [
    Target {
        figure: "warm_vs_native",
        most: 0.30,
        aim: 0.20,
        meaning: "a token seen before, as a part of what the native filter adds",
    },
    Target {
        figure: "warm_minus_empty_us",
        most: 7.0,
        aim: 7.0,
        meaning: "a token seen before, over the empty filter, µs",
    },
    Target {
        figure: "warm_policies_minus_warm_us",
        most: 5.0,
        aim: 5.0,
        meaning: "policies, a rate and a quota, over a token seen before, µs",
    },
    Target {
        figure: "warm_resource_minus_warm_us",
        most: 0.5,
        aim: 0.2,
        meaning: "a token seen before at a protected resource, over one elsewhere, µs",
    },
    Target {
        figure: "warm_mcp_minus_call_us",
        most: 1.0,
        aim: 0.5,
        meaning: "a call of MCP judged by its name, over one that nobody looks at, µs",
    },
    Target {
        figure: "warm_opaque_minus_warm_us",
        most: 1.0,
        aim: 0.0,
        meaning: "an opaque token seen before, over a JWT seen before, µs",
    },
    Target {
        figure: "warm_login_minus_warm_us",
        most: 1.0,
        aim: 0.0,
        meaning: "a session's cookie seen before, over a token seen before, µs",
    },
    Target {
        figure: "cold_login_minus_warm_us",
        most: 15.0,
        aim: 10.0,
        meaning: "a session's cookie that is new to the worker, over a token seen before, µs",
    },
    Target {
        figure: "login_redirect_us",
        most: 30.0,
        aim: 20.0,
        meaning: "a browser that is sent to the provider, over the plain listener, µs",
    },
    Target {
        figure: "cold_host_vs_native_headers",
        most: 1.25,
        aim: 1.0,
        meaning: "a new token with the host's crypto, as a part of native with a header",
    },
    Target {
        figure: "rsa2048_wasm_us",
        most: 110.0,
        aim: 80.0,
        meaning: "one RSA-2048 verification in Wasm, µs",
    },
    Target {
        figure: "rsa2048_wasm_vs_jwt_simple",
        most: 0.1,
        aim: 0.1,
        meaning: "the same, as a part of jwt-simple's",
    },
    Target {
        figure: "memory_growth_mb",
        most: 5.0,
        aim: 5.0,
        meaning: "resident memory, many distinct tokens against 10,000, MB",
    },
    Target {
        figure: "limits_fleet_minus_process_us",
        most: 5.0,
        aim: 5.0,
        meaning: "a rate and a quota that a service counts for a fleet, over the process's own, µs",
    },
    Target {
        figure: "limits_exact_vs_native",
        most: 1.3,
        aim: 1.0,
        meaning: "a call for each request, over limits of the process, as a part of what Envoy's own filter adds",
    },
    Target {
        figure: "limits_calls_per_request",
        most: 0.06,
        aim: 0.06,
        meaning: "calls for each request, many callers at three proxies",
    },
    Target { figure: "module_kib", most: 800.0, aim: 600.0, meaning: "tollgate.wasm, KiB" },
];

/// The report's `figures`: null where the part that they come from was not run.
pub(crate) fn figures(report: &Value) -> Value {
    let added = |path: &str| report["added_us"][path]["median"].as_f64();
    let ratio = |one: Option<f64>, other: Option<f64>| Some(one? / other?);
    let minus = |one: Option<f64>, other: Option<f64>| Some(one? - other?);
    let rsa = |by: &str| report["rsa2048_us"][by]["median"].as_f64();
    let fleet = |what: &str, path: &str| report["fleet"][what][path]["median"].as_f64();
    json!({
        "warm_vs_native": ratio(added("warm"), added("native")),
        "warm_minus_empty_us": minus(added("warm"), added("empty_wasm")),
        "warm_policies_minus_warm_us": minus(added("warm_policies"), added("warm")),
        "warm_resource_minus_warm_us": minus(added("warm_resource"), added("warm")),
        "warm_mcp_minus_call_us": minus(added("warm_mcp"), added("warm_call")),
        "warm_opaque_minus_warm_us": minus(added("warm_opaque"), added("warm")),
        "warm_login_minus_warm_us": minus(added("warm_login"), added("warm")),
        "cold_login_minus_warm_us": minus(added("cold_login"), added("warm")),
        "login_redirect_us": added("login_redirect"),
        "cold_host_vs_native_headers": ratio(added("cold_host_rs256"), added("native_headers")),
        "rsa2048_wasm_us": rsa("tollgate"),
        "rsa2048_wasm_vs_jwt_simple": ratio(rsa("tollgate"), rsa("jwt_simple")),
        "memory_growth_mb": report["memory"]["growth_bytes"].as_f64().map(|bytes| bytes / 1e6),
        "limits_fleet_minus_process_us": fleet("over_process_us", "limits_fleet"),
        "limits_exact_vs_native":
            ratio(fleet("over_process_us", "limits_exact"), fleet("added_us", "native_ratelimit")),
        "limits_calls_per_request": report["fleet"]["zipf"]["calls_per_request"].as_f64(),
        "module_kib": report["module_bytes"].as_f64().map(|bytes| bytes / 1024.0),
    })
}

/// What one build costs beside another, round by round.
pub(crate) fn compared(own: &[f64], other: &[f64]) -> Value {
    let of = |compare: fn(f64, f64) -> f64| {
        let rounds = own.iter().zip(other).map(|(own, other)| compare(*own, *other));
        let estimate = Estimate::of(&rounds.collect::<Vec<_>>());
        json!({ "median": estimate.median, "low": estimate.low, "high": estimate.high })
    };
    json!({
        "cpu_us": other,
        "ratio": of(|own, other| own / other),
        "more_us": of(|own, other| own - other),
    })
}

/// Prints the tables.
pub(crate) fn print(report: &Value) {
    print_paths(report);
    print_fleet(&report["fleet"]);
    print_other(report);
    print_curves(report);
    print_records(report);
    print_targets(report);
}

fn print_paths(report: &Value) {
    let Some(paths) = report["paths"].as_object() else { return };
    println!("\n{:<26}{:>9}{:>10}   {:<20}{:>8}", "", "CPU", "added", "95 %", "");
    println!("{:<26}{:>9}{:>10}   {:<20}{:>8}", "path", "µs", "µs", "interval", "1/s");
    let mut rows: Vec<_> = paths.iter().collect();
    rows.sort_by(|(_, one), (_, other)| cost(one).total_cmp(&cost(other)));
    for (name, path) in rows {
        let added = &report["added_us"][name];
        let interval = match (added["low"].as_f64(), added["high"].as_f64()) {
            (Some(low), Some(high)) => format!("{low:.1} – {high:.1}"),
            _ => String::new(),
        };
        let median = added["median"].as_f64().map_or(String::new(), |value| format!("{value:.1}"));
        let rps = path["rps"].as_f64().unwrap_or(f64::NAN);
        println!("{name:<26}{:>9.1}{median:>10}   {interval:<20}{rps:>8.0}", cost(path));
    }
    if let Some(idle) = report["idle_us_per_second"].as_f64() {
        println!("(at rest the proxy spends {idle:.0} µs a second, which is taken off)");
    }
}

/// What shared limits cost: as with the paths, those that are proxied over a listener that proxies.
fn print_fleet(fleet: &Value) {
    if !fleet.is_object() {
        return;
    }
    println!(
        "\nlimits that a service counts; native ones, and those that are `before` another listener or exact, are \
         held against `plain_before`, and `limits_exact_direct` against `plain`"
    );
    print_paths(fleet);
    let zipf = &fleet["zipf"];
    let number = |name: &str| zipf[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "{} callers by Zipf's law ({}), {} a second each, {} proxies: {} requests, {} calls, {:.4} for each; \
         {:.1} % passed",
        zipf["callers"],
        zipf["exponent"],
        zipf["limit_per_second"],
        zipf["proxies"],
        zipf["requests"],
        zipf["calls"],
        number("calls_per_request"),
        number("passed_share") * 100.0,
    );
}

fn print_other(report: &Value) {
    let Some(paths) = report["other"]["paths"].as_object() else { return };
    println!("\nthis build beside {}, round by round", report["other"]["module"]);
    println!("{:<26}{:>9}   {:<16}{:>9}   {:<16}", "", "CPU as", "95 %", "more", "95 %");
    println!("{:<26}{:>9}   {:<16}{:>9}   {:<16}", "path", "a part", "interval", "µs", "interval");
    for (name, path) in paths {
        let (ratio, more) = (&path["ratio"], &path["more_us"]);
        let value = |of: &Value, which: &str| of[which].as_f64().unwrap_or(f64::NAN);
        println!(
            "{name:<26}{:>9.3}   {:<16}{:>9.1}   {:<16}",
            value(ratio, "median"),
            format!("{:.3} – {:.3}", value(ratio, "low"), value(ratio, "high")),
            value(more, "median"),
            format!("{:.1} – {:.1}", value(more, "low"), value(more, "high")),
        );
    }
}

fn cost(path: &Value) -> f64 {
    path["median_us"].as_f64().unwrap_or(f64::NAN)
}

fn print_curves(report: &Value) {
    let Some(curves) = report["curves"].as_object() else { return };
    println!("\nadded over the plain listener, µs");
    for (name, points) in curves {
        let points: Vec<_> = points
            .as_array()
            .into_iter()
            .flatten()
            .map(|point| {
                format!("{}: {:.1}", point["at"], point["median"].as_f64().unwrap_or(f64::NAN))
            })
            .collect();
        println!("{name:<14}{}", points.join("   "));
    }
}

fn print_records(report: &Value) {
    let records = &report["memory"]["records"];
    for (what, name) in [("session", "sessions on record"), ("limit", "subjects with two limits")] {
        if let Some(bytes) = records[format!("{what}_bytes_per_10000")].as_f64() {
            println!("10,000 {name} take {:.1} MB", bytes / 1e6);
        }
    }
}

fn print_targets(report: &Value) {
    println!("\n{:<30}{:>9}{:>9}{:>9}", "figure", "measured", "at most", "aim");
    for target in TARGETS {
        let Some(measured) = report["figures"][target.figure].as_f64() else { continue };
        let verdict = if measured <= target.aim {
            "met"
        } else if measured <= target.most {
            "met, not the aim"
        } else {
            "MISSED"
        };
        println!(
            "{:<30}{measured:>9.2}{:>9.2}{:>9.2}  {verdict:<18}{}",
            target.figure, target.most, target.aim, target.meaning
        );
    }
    if let Some(load) = report["about"]["load"].as_f64() {
        println!("load of the machine before it began, mean of a minute: {load:.1}");
    }
    if report["about"]["quick"] == true {
        println!(
            "a quick run: fewer rounds, tokens and identities, and 100,000 tokens in memory, not 1,000,000"
        );
    }
}
