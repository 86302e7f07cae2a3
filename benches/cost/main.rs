//! What the proxy spends on a request: Tollgate beside nothing, an empty filter, the native filter
//! and a general library, in one Envoy, in turn.
//!
//! The figure is CPU per request of the whole Envoy process, from the kernel's account of its
//! threads (`/proc/<pid>/task/*/schedstat`), while a client on another core keeps it busy. Every
//! answer's status is checked. benches/run.sh builds what is needed and starts this.
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

#[path = "../../tests/e2e/harness/mod.rs"]
mod harness;

mod curves;
mod filters;
#[path = "../../tests/fleet_e2e/fleet.rs"]
#[allow(dead_code, reason = "its tests need more of it")]
mod fleet;
mod lane;
mod load;
mod machine;
mod memory;
mod paths;
mod picture;
mod plan;
mod report;
mod sessions;
mod shared;
mod signers;
mod statistics;
mod timing;
mod tokens;

use std::path::Path;
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use serde_json::{Value, json};

use harness::places;
use machine::Machine;
use plan::Plan;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    // `cargo test --all-targets` starts benchmarks, too, without this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing was measured: benches/run.sh does");
        return;
    }
    let folder = places::target().join("bench");
    fs::create_dir_all(&folder).expect("a folder under target/");
    let path = folder.join("report.json");
    let report = if arguments.iter().any(|argument| argument == "--draw") {
        let kept = fs::read(&path).expect("the report of an earlier run");
        serde_json::from_slice(&kept).expect("JSON")
    } else {
        let other = env::var_os("TOLLGATE_WASM").map(Into::into);
        let report = measure(&Plan::parse(&arguments, other), &folder);
        write(&path, &format!("{report:#}\n"));
        report
    };
    let picture = picture::draw(&report);
    write(&folder.join("report.svg"), &picture);
    if arguments.iter().any(|argument| argument == "--publish") {
        write(&places::project().join("docs/bench.svg"), &picture);
    }
    report::print(&report);
}

/// Runs the parts; the whole report.
fn measure(plan: &Plan, folder: &Path) -> Value {
    let start = Instant::now();
    let machine = Machine::find();
    println!("this takes {}, and a minute more where tokens are to be minted", plan.duration);
    let mut report = json!({ "about": about(plan, &machine) });
    if plan.has("paths") {
        let measured = paths::measure(plan, &machine, folder);
        for (name, value) in measured.as_object().into_iter().flatten() {
            report[name] = value.clone();
        }
    }
    if plan.has("rsa") {
        report["rsa2048_us"] = timing::measure(plan, &machine, folder);
    }
    if plan.has("curves") {
        report["curves"] = curves::measure(plan, &machine, folder);
    }
    if plan.has("memory") {
        report["memory"] = memory::measure(plan, &machine, folder);
    }
    if plan.has("fleet") {
        report["fleet"] = shared::measure(plan, &machine, folder);
    }
    report["module_bytes"] = json!(memory::module_bytes());
    report["figures"] = report::figures(&report);
    report["about"]["seconds"] = json!(start.elapsed().as_secs());
    report
}

/// How and on what it was measured.
fn about(plan: &Plan, machine: &Machine) -> Value {
    let version = Command::new(places::envoy()).arg("--version").output().expect("Envoy runs");
    let version = String::from_utf8_lossy(&version.stdout);
    // `…/envoy  version: <commit>/<version>/…`
    let version = version.split_once("version: ").and_then(|(_, rest)| rest.split('/').nth(1));
    json!({
        "envoy": version.unwrap_or("unknown"),
        "processor": machine::processor(),
        "load": machine::load(),
        "cores": machine.cores.len(),
        "pinned": machine.pins,
        "quick": plan.quick,
        "rounds": plan.rounds,
        "connections": load::CONNECTIONS,
        "cpu_us": "CPU time of all threads of the Envoy process (/proc/<pid>/task/*/schedstat) per request",
    })
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("wrote {}", path.display());
}
