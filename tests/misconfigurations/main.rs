//! What operators do wrong, and what they then read.
//!
//! Each case is one mistake in a scene in which everything else is right: what was done, where it
//! shows, which field must be named, and the remedy as a change. Proved is that the request fails or
//! the configuration is refused, that the field and the remedy are told, and that the request passes
//! once the remedy is applied.
//!
//! | ids | whose mistakes |
//! |---|---|
//! | M01 to M30 | those of the gateway that many come from, in the fields of this one ([`tyk`]) |
//! | A01 and on | what stands around the filter in Envoy's own file ([`around`]) |
//! | P01 and on | what users of other filters ask about ([`tokens`], [`keys`], [`rights`]) |

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "cli")]
mod around;
mod case;
#[cfg(feature = "cli")]
mod command;
mod document;
mod keys;
mod rights;
mod scene;
mod tokens;
mod tyk;

use case::{Case, Shows};
use support::recorded;

/// Every case, in the order of the ids.
fn cases() -> Vec<Case> {
    let mut all = [tyk::cases(), tokens::cases(), keys::cases(), rights::cases()];
    all.iter_mut().flat_map(std::mem::take).collect()
}

#[test]
fn the_scene_without_a_mistake_passes() {
    let scene = scene::right();
    assert_eq!(scene::problems(&scene), []);
    assert_eq!(scene::play(&scene).verdict, "forwarded");
}

#[test]
fn every_mistake_is_told_by_its_field_and_its_remedy_helps() {
    let all = cases();
    assert!(all.len() >= 44, "{} cases", all.len());
    assert_eq!(failures(&all.iter().collect::<Vec<_>>(), Case::prove), "");
}

/// What is wrong with these cases, all of it.
fn failures(cases: &[&Case], prove: impl Fn(&Case) + std::panic::RefUnwindSafe) -> String {
    let failed = cases.iter().filter_map(|case| {
        let panic = std::panic::catch_unwind(|| prove(case)).err()?;
        Some(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| case.id.to_owned()))
    });
    failed.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn what_each_mistake_comes_to_is_recorded() {
    recorded::hold("misconfigurations", || cases().iter().for_each(Case::record));
}

#[test]
fn every_case_is_a_mistake_of_its_own() {
    let mut seen = Vec::new();
    for case in cases() {
        let wrong = (case.wrong.clone(), format!("{:?}", case.shows));
        assert!(!seen.iter().any(|(id, other)| *id == case.id || *other == wrong), "{}", case.id);
        assert!(case.did.ends_with('.') && case.remedy.ends_with('.'), "{}", case.id);
        assert!(!case.right.is_empty() && !case.words.is_empty(), "{}", case.id);
        seen.push((case.id, wrong));
    }
    let tyk: Vec<_> = (1..=30).map(|number| format!("M{number:02}")).collect();
    let ids: Vec<_> = seen.iter().map(|(id, _)| *id).filter(|id| id.starts_with('M')).collect();
    assert_eq!(ids, tyk);
}

#[test]
fn a_refused_configuration_never_serves() {
    for case in cases().iter().filter(|case| matches!(case.shows, Shows::Problem)) {
        // An engine is made from a `Config`, and only a configuration without problems becomes one.
        let text = scene::configuration(&case.mistaken());
        assert!(tollgate::config::Config::parse(text.as_bytes()).is_err(), "{}", case.id);
    }
}
