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
//! | P01 and on | what users of other filters ask about ([`tokens`], [`keys`], [`rights`], [`objects`]) |
//! | L01 and on | about single callers, and callers without a name ([`callers`]) |
//! | R01 and on | about what clients are told of an API ([`resources`]) |
//! | T01 and on | about servers of MCP and their tools ([`tools`]) |
//! | O01 and on | about providers that are asked about tokens ([`asking`]) |
//! | B01 and on | about browsers that are logged in ([`logins`]) |
//!
//! What the command line tells of them is tested with the command line, and so is what stands around
//! the filter in Envoy's own file.

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod callers;
mod case;
mod document;
mod keys;
mod logins;
mod objects;
mod resources;
mod rights;
mod scene;
mod tokens;
mod tools;
mod tyk;

use case::{Case, Shows, cases, failures};
use support::recorded;

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
