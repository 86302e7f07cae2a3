//! RSA-2048 verifications alone, inside the proxy: Tollgate's and jwt-simple's.

use std::path::Path;

use serde_json::{Value, json};

use crate::filters::auxiliary;
use crate::harness::{Connection, Envoy, Request, Site};
use crate::machine::{Machine, cpu_time};
use crate::plan::Plan;
use crate::signers::{Alg, Signer};
use crate::statistics::{Estimate, median};
use crate::tokens::{Mint, USUAL_BYTES};

/// Verifications in one callback.
const COUNT: usize = 2000;

/// Times both in turn; the report's `rsa2048_us`.
pub(crate) fn measure(plan: &Plan, machine: &Machine, folder: &Path) -> Value {
    let signer = Signer::kept(folder, Alg::Rs256);
    let token = Mint::new(&signer, USUAL_BYTES, 1).token(0);
    let listener = auxiliary("rsa_timing", &json!({ "keys": [signer.jwk()] }).to_string());
    let proxy = Envoy::start(&Site::new("bench-rsa", 1).wasm_log("warning").listener(&listener));
    machine.pin_proxy(proxy.id(), 1);
    machine.pin_client();
    let mut connection = Connection::open(listener.port);
    let mut time = |by: &str| {
        let before = cpu_time(proxy.id());
        let response = connection.fetch(&Request::get(format!("/{by}/{COUNT}")).bearer(&token));
        assert_eq!(response.status(), 200, "{by}: {}", response.text());
        let clock = response.text().parse::<f64>().expect("microseconds");
        let cpu = (cpu_time(proxy.id()) - before).as_secs_f64() * 1e6 / COUNT as f64;
        (clock, cpu)
    };
    let (mut tollgate, mut jwt_simple) = (Vec::new(), Vec::new());
    for round in 0..plan.timings {
        tollgate.push(time("tollgate"));
        jwt_simple.push(time("jwt_simple"));
        println!("rsa: round {} of {}", round + 1, plan.timings);
    }
    // Where something else runs on the core the clock says more than the process's account of its
    // time does; elsewhere they are the same.
    let value = |samples: &[(f64, f64)]| {
        let (clock, cpu): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        let estimate = Estimate::of(&clock);
        json!({ "median": estimate.median, "low": estimate.low, "high": estimate.high,
                "cpu_median": median(&cpu) })
    };
    json!({ "tollgate": value(&tollgate), "jwt_simple": value(&jwt_simple) })
}
