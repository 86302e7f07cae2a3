//! Resident memory while more and more distinct tokens of the same identities come.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{mem, thread};

use serde_json::{Value, json};

use crate::filters::tollgate;
use crate::harness::{Envoy, Site, places};
use crate::load::{Client, Feed};
use crate::machine::{Machine, resident};
use crate::plan::Plan;
use crate::signers::{Alg, Signer};
use crate::tokens::{Mint, USUAL_BYTES};

const IDENTITIES: usize = 1000;
/// What the larger number is compared with.
const FEW: usize = 10_000;

/// Sends the tokens; the report's `memory`.
pub(crate) fn measure(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    // The feed outlives this function as far as the compiler can tell; so does the process.
    let signer: &'static Signer = Box::leak(Box::new(Signer::kept(folder, Alg::EdDsa)));
    let listener = tollgate("memory", signer, "wasm");
    let proxy = Envoy::start(&Site::new("bench-memory", 1).wasm_log("warning").listener(&listener));
    machine.pin_proxy(proxy.id(), 1);
    machine.pin_client();
    let mut client = Client::open(listener.port, "/orders/7").expect("a connection");
    let mint = Mint::new(signer, USUAL_BYTES, IDENTITIES);
    let mut next = 0;
    let mut feed: Feed = Box::new(move |out| {
        out.extend(mint.token(next).into_bytes());
        next += 1;
    });
    let mut points = vec![point(&proxy, 0)];
    let mut sent = 0;
    let start = Instant::now();
    let all = plan.memory_tokens;
    for until in [FEW, 30_000, 100_000, 200_000, 400_000, 600_000, 800_000, 1_000_000] {
        let until = until.min(all);
        if until == sent {
            continue;
        }
        client
            .send(until - sent, &mut feed, &[200])
            .unwrap_or_else(|error| panic!("memory: {error}"));
        sent = until;
        points.push(point(&proxy, sent));
        let left = start.elapsed().mul_f64((all - sent) as f64 / sent as f64);
        println!("memory: {sent} of {all} tokens, {} s left", left.as_secs());
    }
    mem::drop(client);
    proxy.assert_no_trap();
    let at = |tokens: usize| points.iter().find(|point| point["tokens"] == tokens);
    let bytes = |tokens| at(tokens).and_then(|point| point["resident_bytes"].as_i64()).unwrap_or(0);
    json!({
        "tokens": all, "identities": IDENTITIES, "compared_with": FEW,
        "growth_bytes": bytes(all) - bytes(FEW), "points": points,
    })
}

fn point(proxy: &Envoy, tokens: usize) -> Value {
    // What was given back to the allocator in the last moments is given back to the system.
    thread::sleep(Duration::from_secs(1));
    json!({ "tokens": tokens, "resident_bytes": resident(proxy.id()) })
}

/// The size of the module in bytes.
pub(crate) fn module_bytes() -> u64 {
    std::fs::metadata(places::wasm()).expect("the module").len()
}
