//! Every refusal.

use serde_json::json;
use tollgate::config::LogFormat;
use tollgate::engine::failed;
use tollgate::event::{Effect, Settlement};
use tollgate::ids::StreamId;
use tollgate::verdict::Deny;

use crate::scenes::{self, Scene};
use crate::support::recorded;
use crate::support::world::{Worker, World, head};

/// What no request comes to: contradictions inside the filter.
const UNREACHED: [Deny; 2] = [Deny::Internal, Deny::SessionMissing];
/// What comes of forms alone.
const OF_FORMS: [Deny; 3] = [Deny::BodyUnreadable, Deny::LogoutStoreFull, Deny::LogoutTokenInvalid];
/// What makes a request one of gRPC.
const GRPC: (&str, &str) = ("content-type", "application/grpc");
/// What opens the steps.
const EXPLAIN: (&str, &str) = ("x-tollgate-explain", scenes::EXPLAIN_KEY);

#[test]
fn every_refusal_is_recorded() {
    let scenes = scenes::all();
    let reached = scenes.iter().map(|scene| scene.deny);
    let mut all: Vec<_> = reached.chain(UNREACHED).collect();
    all.sort();
    assert_eq!(all, Deny::ALL, "each once");
    recorded::hold("codes", || {
        for scene in &scenes {
            recorded::section(scene.deny.code());
            let world = World::default();
            ask(&mut scene.worker(&world, &json!({ "log": { "format": "logfmt" } })), scene, &[]);
            let world = World::default();
            let mut worker = scene.worker(&world, &json!({}));
            for further in [&[][..], &[GRPC], &[EXPLAIN]] {
                // What sends a form speaks no gRPC.
                if !(further == [GRPC] && OF_FORMS.contains(&scene.deny)) {
                    ask(&mut worker, scene, further);
                }
            }
            worker.tick();
            recorded::line("counted", format!("{:?}", worker.counts));
        }
        recorded::section("no engine");
        for further in [&[][..], &[GRPC]] {
            let how = Settlement::Respond(failed(&head("GET", "/orders/7", further)));
            recorded::effects(&[Effect::Settle { stream: StreamId(0), how }], LogFormat::Json);
        }
    });
}

#[test]
fn what_is_told_with_a_request_that_goes_on_is_recorded() {
    let scenes = scenes::all();
    let scene = |deny| scenes.iter().find(|scene| scene.deny == deny).expect("a scene");
    recorded::hold("going_on", || {
        let refused = [Deny::RateLimited, Deny::ScopeInsufficient, Deny::TokenExpired];
        for scene in refused.map(scene) {
            recorded::section(&format!("{}, explained to gRPC", scene.deny.code()));
            let world = World::default();
            ask(&mut scene.worker(&world, &json!({})), scene, &[GRPC, EXPLAIN]);
            recorded::section(&format!("{}, only reported", scene.deny.code()));
            let world = World::default();
            let mut worker = scene.worker(&world, &json!({ "mode": "report" }));
            scene.send(&mut worker, &[]);
            scene.send(&mut worker, &[EXPLAIN]);
            worker.tick();
            recorded::line("counted", format!("{:?}", worker.counts));
        }
    });
}

/// Sends a scene's request with further headers: it ends as it must.
fn ask(worker: &mut Worker<'_>, scene: &Scene, further: &[(&str, &str)]) {
    let stream = scene.send(worker, further);
    if worker.verdict(stream) == "waiting" {
        worker.tick();
        worker.answer(404, &[], "no such page");
    }
    assert_eq!(worker.verdict(stream), scene.deny.code());
}
