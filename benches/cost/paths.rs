//! The paths that a request can take, side by side in one proxy, measured in turn.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::filters::{Limited, asking, auxiliary, native, plain, resource, said_active, tollgate};
use crate::harness::{Envoy, Site};
use crate::lane::{self, Lane};
use crate::load::{again, calling, forged, fresh, none, opaque};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::report;
use crate::sessions::{self, portal};
use crate::signers::{Alg, Signer};
use crate::statistics::{Estimate, median};
use crate::tokens::{Pool, USUAL_BYTES};

/// Tokens that come again and again: fewer than any cache holds.
const LIVE_TOKENS: usize = 64;

/// The cluster that leads to whom opaque tokens are asked about.
const PROVIDER: &str = "provider";

/// How a session is shown.
const COOKIE: &str = "cookie: ";

/// The algorithms that the host verifies.
const BY_HOST: [Alg; 3] = [Alg::Rs256, Alg::Es256, Alg::Es384];

/// Measures every path; the report's `paths`, `added_us`, `answers` and `idle`.
pub(crate) fn measure(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    machine.release_client();
    let material = Material::kept(plan, folder);
    let mut others: Vec<_> = match &plan.other {
        Some(module) => {
            lanes(plan, &material).into_iter().map(|lane| lane.with_build(module)).collect()
        }
        None => Vec::new(),
    };
    let mut lanes = lanes(plan, &material);
    others.resize_with(lanes.len(), || None);
    let provider = said_active();
    let mut site = Site::new("bench-paths", 1)
        .wasm_log("warning")
        .listener(&provider)
        .cluster(PROVIDER, provider.port);
    let all: Vec<_> = lanes.iter().chain(others.iter().flatten()).collect();
    for lane in &all {
        site = site.listener(&lane.listener);
    }
    println!("starting Envoy with {} listeners", all.len());
    let proxy = Envoy::start(&site);
    machine.pin_proxy(proxy.id(), 1);
    machine.pin_client();
    // One behind the other: the next round is measured from its end, and so in the other order.
    let pairs = lanes.iter_mut().zip(&mut others);
    let mut all: Vec<_> =
        pairs.flat_map(|(one, other)| [Some(one), other.as_mut()]).flatten().collect();
    let idle = lane::run("paths", &mut all, &proxy, plan.rounds, plan.slice);
    let mut report = json!({
        "paths": paths(&lanes),
        "added_us": added(&lanes),
        "answers": lanes.iter().map(answers).collect::<Value>(),
        "idle_us_per_second": idle * 1e6,
    });
    if let Some(other) = &plan.other {
        report["other"] = json!({ "module": other, "paths": compared(&lanes, &others) });
    }
    report
}

/// Signers, and tokens by them.
struct Material {
    signers: BTreeMap<Alg, Signer>,
    pools: BTreeMap<Alg, Arc<Pool>>,
}

impl Material {
    fn kept(plan: &Plan, folder: &Path) -> Self {
        let mut material = Self { signers: BTreeMap::new(), pools: BTreeMap::new() };
        for alg in Alg::ALL {
            let signer = Signer::kept(folder, alg);
            let count = Lane::tokens_needed(fresh_tokens(plan, alg), plan.rounds);
            material.pools.insert(alg, Pool::kept(folder, &signer, USUAL_BYTES, count));
            material.signers.insert(alg, signer);
        }
        material
    }
}

/// Tokens that are sent once in a round.
fn fresh_tokens(plan: &Plan, alg: Alg) -> usize {
    if alg == Alg::Es384 { plan.fresh / 4 } else { plan.fresh }
}

fn lanes(plan: &Plan, material: &Material) -> Vec<Lane> {
    let (signer, pool) = (&material.signers[&Alg::Rs256], &material.pools[&Alg::Rs256]);
    let live = || again(pool, LIVE_TOKENS);
    let header = json!([{ "header_name": "x-user", "claim_name": "sub" }]);
    let cache = json!({ "jwt_cache_size": 1000 });
    let jwk = signer.jwk();
    let key = format!("{}.{}", text(&jwk["n"]), text(&jwk["e"]));
    let arguments = STANDARD.encode(signer.verify_arguments(pool.token(0)));
    let mut lanes = vec![
        Lane::new("plain", plain(), live()),
        Lane::new("empty_wasm", auxiliary("empty", ""), live()),
        Lane::new("floor_warm", auxiliary("floor", ""), live()),
        Lane::new("floor_cold_host_rs256", auxiliary("floor", &arguments), live()),
        Lane::new("native", native(signer, &[]), live()),
        Lane::new("native_headers", native(signer, &[("claim_to_headers", header)]), live()),
        Lane::new("native_cached", native(signer, &[("jwt_cache_config", cache)]), live()),
        Lane::new("warm", tollgate("warm", signer, "auto"), live()),
        Lane::new("warm_policies", Limited::USUAL.tollgate("warm_policies", signer), live()),
        Lane::new("warm_resource", resource("warm_resource", signer, &[]), live()),
        // The same request without anybody who reads its headers, to compare with.
        Lane::new("warm_call", resource("warm_call", signer, &[]), calling(live())),
        Lane::new("warm_mcp", resource("warm_mcp", signer, &[("mcp", json!({}))]), calling(live())),
        Lane::new("warm_opaque", asking("warm_opaque", PROVIDER), opaque(LIVE_TOKENS)),
        Lane::new("warm_login", portal("warm_login", signer), sessions::again(signer, LIVE_TOKENS))
            .header(COOKIE),
        Lane::new("cold_login", portal("cold_login", signer), sessions::fresh(signer))
            .header(COOKIE),
        Lane::new("login_redirect", portal("login_redirect", signer), sessions::page())
            .header("accept: ")
            .expecting(&[302]),
        Lane::new("jwt_simple_rs256", auxiliary("jwt_simple", &key), live()),
        Lane::new("refused_missing", tollgate("refused_missing", signer, "auto"), none())
            .expecting(&[401]),
    ];
    let cold = |crypto: &str, alg: Alg| {
        let name = format!("cold_{crypto}_{}", alg.label());
        let listener = tollgate(&name, &material.signers[&alg], crypto);
        Lane::new(name, listener, fresh(&material.pools[&alg])).at_most(fresh_tokens(plan, alg))
    };
    lanes.extend(BY_HOST.map(|alg| cold("host", alg)));
    lanes.extend(Alg::ALL.map(|alg| cold("wasm", alg)));
    lanes.extend(Alg::ALL.map(|alg| {
        let name = format!("refused_signature_{}", alg.label());
        let listener = tollgate(&name, &material.signers[&alg], "auto");
        // Forged tokens under a slow curve have a budget, beyond which they are not looked at.
        let expected: &[u16] = if alg == Alg::Es384 { &[401, 503] } else { &[401] };
        Lane::new(name, listener, forged(&material.pools[&alg])).expecting(expected)
    }));
    lanes
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// What each path costs.
pub(crate) fn paths(lanes: &[Lane]) -> Value {
    let path = |lane: &Lane| {
        let (cpu, rps) = (median(&lane.cpu_us), median(&lane.rps));
        let value = json!({ "cpu_us": lane.cpu_us, "median_us": cpu, "rps": rps });
        (lane.name.clone(), value)
    };
    lanes.iter().map(path).collect()
}

/// What each path costs more than the plain listener did in the same round.
fn added(lanes: &[Lane]) -> Value {
    let plain = lanes.iter().find(|lane| lane.name == "plain").expect("the plain listener");
    let others = lanes.iter().filter(|lane| lane.name != "plain");
    others.map(|lane| (lane.name.clone(), added_over(lane, plain))).collect()
}

/// What a lane costs more than another, round by round.
pub(crate) fn added_over(lane: &Lane, plain: &Lane) -> Value {
    let rounds = lane.cpu_us.iter().zip(&plain.cpu_us);
    let added: Vec<_> = rounds.map(|(lane, plain)| lane - plain).collect();
    let estimate = Estimate::of(&added);
    json!({ "median": estimate.median, "low": estimate.low, "high": estimate.high })
}

/// What this build costs beside the other, for each lane that there is of both.
fn compared(lanes: &[Lane], others: &[Option<Lane>]) -> Value {
    let compared = |(lane, other): (&Lane, &Option<Lane>)| {
        let other = other.as_ref()?;
        Some((lane.name.clone(), report::compared(&lane.cpu_us, &other.cpu_us)))
    };
    lanes.iter().zip(others).filter_map(compared).collect()
}

/// How many answers had which status.
pub(crate) fn answers(lane: &Lane) -> (String, Value) {
    let statuses = lane.answers.iter().map(|(status, count)| (status.to_string(), json!(count)));
    (lane.name.clone(), statuses.collect())
}
