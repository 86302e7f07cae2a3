//! Memory: resident, while more and more distinct tokens of the same identities come, and allocated,
//! with every record of the shared tables in use.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{mem, thread};

use serde_json::{Value, json};

use crate::filters::{Limited, tollgate};
use crate::harness::{Envoy, Site, places};
use crate::load::{BEARER, Client, Feed, again};
use crate::machine::Machine;
use crate::plan::Plan;
use crate::signers::{Alg, Signer};
use crate::tokens::{Mint, Pool, USUAL_BYTES};

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
    let mut client = Client::open(listener.port, "/orders/7", BEARER).expect("a connection");
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
        "records": records(plan, machine, folder),
    })
}

/// What 10,000 records of sessions and of limits take: what a proxy allocates while nearly all of them
/// come into use. One proxy has room for sessions alone, and another for both. Resident memory says
/// less: what was freed after the start is used again first.
fn records(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    const LEAST: usize = 8;
    machine.release_client();
    let signer = Signer::kept(folder, Alg::Es256);
    let known = Pool::kept(folder, &signer, USUAL_BYTES, FEW / 2);
    // Records fall into groups of eight at random: with two identities for each, one group in a
    // hundred has free places left.
    let room = plan.records;
    let pool = Pool::of_identities(folder, &signer, room * 2);
    let growth = |name: &str, capacity: usize| {
        let limited = Limited { policies: 1, capacity, sessions: room };
        let listener = limited.tollgate(name, &signer);
        let site = Site::new(&format!("bench-{name}"), 1).wasm_log("warning").listener(&listener);
        let proxy = Envoy::start(&site);
        machine.pin_proxy(proxy.id(), 1);
        machine.pin_client();
        let mut client = Client::open(listener.port, "/orders/7", BEARER).expect("a connection");
        // What the filter remembers of tokens is full before the records are counted. Where a group
        // is full the next caller is refused, but its session is put on record.
        let mut allocated = |pool: &Arc<Pool>| {
            client
                .send(pool.len(), &mut again(pool, pool.len()), &[200, 503])
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            proxy.allocated() as f64
        };
        let (_, before) = (allocated(&known), allocated(&known));
        let growth = allocated(&pool) - before;
        println!("memory: {name} took {:.1} MB", growth / 1e6);
        mem::drop(client);
        proxy.assert_no_trap();
        growth
    };
    let sessions = growth("sessions", LEAST);
    let both = growth("sessions-and-limits", room);
    let each = |bytes: f64| bytes / room as f64 * 10_000.0;
    json!({
        "capacity": room, "identities": pool.len(),
        "session_bytes_per_10000": each(sessions),
        "limit_bytes_per_10000": each(both - sessions),
    })
}

fn point(proxy: &Envoy, tokens: usize) -> Value {
    // What was given back to the allocator in the last moments is given back to the system.
    thread::sleep(Duration::from_secs(1));
    json!({ "tokens": tokens, "resident_bytes": proxy.resident() })
}

/// The size of the module in bytes.
pub(crate) fn module_bytes() -> u64 {
    std::fs::metadata(places::wasm()).expect("the module").len()
}
