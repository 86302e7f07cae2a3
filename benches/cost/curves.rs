//! How the cost of a request grows with what it could depend on.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::filters::{Limited, plain, provider, tollgate, tollgate_with};
use crate::harness::{Envoy, Site};
use crate::lane::{self, Lane};
use crate::load::{again, fresh};
use crate::machine::Machine;
use crate::paths::added_over;
use crate::plan::Plan;
use crate::signers::{Alg, Signer, strange_jwk};
use crate::statistics::median;
use crate::tokens::{ISSUER, Pool, USUAL_BYTES};

/// Tokens that come again and again.
const LIVE_TOKENS: usize = 64;

/// One curve: a point is measured by a lane, over a plain listener that is sent the same.
struct Curve {
    name: &'static str,
    points: Vec<Point>,
}

struct Point {
    at: usize,
    lane: Lane,
    plain: Lane,
}

/// Measures every curve; the report's `curves`.
pub(crate) fn measure(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    machine.release_client();
    let rs256 = Signer::kept(folder, Alg::Rs256);
    let eddsa = Signer::kept(folder, Alg::EdDsa);
    let es256 = Signer::kept(folder, Alg::Es256);
    let mut curves = [
        keys(plan, folder, &rs256),
        providers(folder, &rs256),
        apis(folder, &rs256),
        bytes(folder, &rs256),
        tokens(plan, folder, &eddsa),
        policies(folder, &rs256),
        identities(plan, folder, &es256),
    ];
    // A proxy of its own for each curve: its VMs are as many as its points.
    let mut report: Vec<_> = curves
        .iter_mut()
        .map(|curve| {
            run(plan, machine, curve.name, &mut curve.points, 1);
            (curve.name.to_owned(), points(&curve.points))
        })
        .collect();
    report.push(("workers".to_owned(), workers(plan, machine, folder, &rs256)));
    report.into_iter().collect()
}

/// Starts a proxy with the points' listeners and measures them.
fn run(plan: &Plan, machine: &Machine, name: &str, points: &mut [Point], workers: u32) {
    let mut site = Site::new(&format!("bench-{name}"), 1).wasm_log("warning").workers(workers);
    for point in points.iter() {
        site = site.listener(&point.lane.listener).listener(&point.plain.listener);
    }
    let proxy = Envoy::start(&site);
    machine.pin_proxy(proxy.id(), workers as usize);
    machine.pin_client();
    let mut lanes: Vec<_> =
        points.iter_mut().flat_map(|point| [&mut point.lane, &mut point.plain]).collect();
    lane::run(name, &mut lanes, &proxy, plan.curve_rounds, plan.slice / 2);
}

fn points(points: &[Point]) -> Value {
    let value = |point: &Point| {
        let mut value = added_over(&point.lane, &point.plain);
        value["at"] = json!(point.at);
        value["rps"] = json!(median(&point.lane.rps));
        value
    };
    points.iter().map(value).collect()
}

fn point(at: usize, lane: Lane, pool: &Arc<Pool>) -> Point {
    let plain = Lane::new(format!("plain beside {at}"), plain(), again(pool, LIVE_TOKENS));
    Point { at, lane, plain }
}

/// Keys in a set, the token's the last of them. Tokens never seen: only they look for a key.
fn keys(plan: &Plan, folder: &Path, signer: &Signer) -> Curve {
    const MOST: usize = 300;
    let needed = Lane::tokens_needed(MOST, plan.curve_rounds);
    let pool = Pool::kept(folder, signer, USUAL_BYTES, needed);
    let one = |count: usize| {
        let mut keys: Vec<_> = (1..count).map(|n| strange_jwk(&format!("other-{n}"))).collect();
        keys.push(signer.jwk());
        let provider = provider(ISSUER, &keys, "RS256");
        let configuration = json!({ "providers": { "issuer": provider }, "crypto": "auto" });
        let listener = tollgate_with(&format!("keys-{count}"), &configuration);
        point(
            count,
            Lane::new(format!("{count} keys"), listener, fresh(&pool)).at_most(MOST),
            &pool,
        )
    };
    Curve { name: "keys", points: [1, 3, 10, 30, 100].map(one).into() }
}

/// Providers, the token's the last of them.
fn providers(folder: &Path, signer: &Signer) -> Curve {
    let pool = Pool::kept(folder, signer, USUAL_BYTES, LIVE_TOKENS);
    let one = |count: usize| {
        let mut configuration = json!({ "providers": {} });
        for number in 1..count {
            let key = strange_jwk("other");
            configuration["providers"][format!("p{number}")] =
                provider(&format!("https://other-{number}.example"), &[key], "RS256");
        }
        configuration["providers"]["zz"] = provider(ISSUER, &[signer.jwk()], "RS256");
        let listener = tollgate_with(&format!("providers-{count}"), &configuration);
        let lane = Lane::new(format!("{count} providers"), listener, again(&pool, LIVE_TOKENS));
        point(count, lane, &pool)
    };
    Curve { name: "providers", points: [1, 3, 10, 30, 100].map(one).into() }
}

/// APIs told apart by their paths, the request's the last of them.
fn apis(folder: &Path, signer: &Signer) -> Curve {
    let pool = Pool::kept(folder, signer, USUAL_BYTES, LIVE_TOKENS);
    let one = |count: usize| {
        let api = |number: usize| {
            json!({ "name": format!("api-{number}"), "auth": ["issuer"],
                    "match": { "paths": [format!("/area-{number}/**")] } })
        };
        let configuration = json!({
            "providers": { "issuer": provider(ISSUER, &[signer.jwk()], "RS256") },
            "apis": (1..=count).map(api).collect::<Value>()
        });
        let listener = tollgate_with(&format!("apis-{count}"), &configuration);
        let lane = Lane::new(format!("{count} APIs"), listener, again(&pool, LIVE_TOKENS))
            .target(&format!("/area-{count}/7"));
        point(count, lane, &pool)
    };
    Curve { name: "apis", points: [1, 10, 100, 300, 1000].map(one).into() }
}

/// The length of a token, in bytes. The plain listener is sent the same.
fn bytes(folder: &Path, signer: &Signer) -> Curve {
    let one = |bytes: usize| {
        let pool = Pool::kept(folder, signer, bytes, LIVE_TOKENS);
        let listener = tollgate(&format!("bytes-{bytes}"), signer, "auto");
        let lane = Lane::new(format!("{bytes} bytes"), listener, again(&pool, LIVE_TOKENS));
        point(pool.token(0).len(), lane, &pool)
    };
    Curve { name: "token_bytes", points: [512, 1024, 2048, 4096, 8192].map(one).into() }
}

/// Distinct tokens that come in turn. Beyond what is remembered each is verified again.
fn tokens(plan: &Plan, folder: &Path, signer: &Signer) -> Curve {
    let pool = Pool::kept(folder, signer, USUAL_BYTES, plan.live);
    let one = |count: usize| {
        let listener = tollgate(&format!("tokens-{count}"), signer, "auto");
        let lane = Lane::new(format!("{count} tokens"), listener, again(&pool, count));
        point(count, lane.first(count.max(100)), &pool)
    };
    let counts = [1, 10, 100, 1000, 3000, 10_000, 30_000, 100_000].into_iter();
    let points = counts.filter(|count| *count <= plan.live).map(one).collect();
    Curve { name: "live_tokens", points }
}

/// Policies, the caller's the last of them.
fn policies(folder: &Path, signer: &Signer) -> Curve {
    let pool = Pool::kept(folder, signer, USUAL_BYTES, LIVE_TOKENS);
    let one = |count: usize| {
        let limited = Limited { policies: count, ..Limited::USUAL };
        let listener = limited.tollgate(&format!("policies-{count}"), signer);
        let lane = Lane::new(format!("{count} policies"), listener, again(&pool, LIVE_TOKENS));
        point(count, lane, &pool)
    };
    Curve { name: "policies", points: [1, 10, 100, 300, 1000].map(one).into() }
}

/// Identities that come in turn, each with a token and with counters of its own. Beyond what is
/// remembered each token is verified again, by the host.
fn identities(plan: &Plan, folder: &Path, signer: &Signer) -> Curve {
    let pool = Pool::of_identities(folder, signer, plan.live);
    // So much room that no group of subjects is ever full.
    let limited = Limited { capacity: 16 * plan.live, ..Limited::USUAL };
    let one = |count: usize| {
        let listener = limited.tollgate(&format!("identities-{count}"), signer);
        let lane = Lane::new(format!("{count} identities"), listener, again(&pool, count));
        point(count, lane.first(count.max(100)), &pool)
    };
    let counts = [1, 10, 100, 1000, 3000, 10_000, 100_000].into_iter();
    let points = counts.filter(|count| *count <= plan.live).map(one).collect();
    Curve { name: "identities", points }
}

/// Workers, each with a VM of its own.
fn workers(plan: &Plan, machine: &Machine, folder: &Path, signer: &Signer) -> Value {
    let pool = Pool::kept(folder, signer, USUAL_BYTES, LIVE_TOKENS);
    let mut all = Vec::new();
    for count in [1, 2] {
        let name = format!("workers-{count}");
        let listener = tollgate(&name, signer, "auto");
        let lane = Lane::new(format!("{count} workers"), listener, again(&pool, LIVE_TOKENS));
        let mut one = [point(count, lane.first(LIVE_TOKENS * 32), &pool)];
        run(plan, machine, &name, &mut one, count as u32);
        all.extend(one);
    }
    points(&all)
}
