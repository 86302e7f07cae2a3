//! What a case is, and how it is proved: the mistake fails and is told by its field and its remedy,
//! and the remedy, applied, makes the request pass.

use serde_json::Value;
use tollgate::config::Problem;

use crate::scene::{self, Change};
use crate::support::recorded;
use crate::{asking, callers, keys, logins, objects, resources, rights, tokens, tools, tyk};

/// Where an operator reads what is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shows {
    /// The configuration is refused: what `tollgate check` prints, and the proxy's log.
    Problem,
    /// The configuration loads with a warning, and the request ends with this code.
    Warning(&'static str),
    /// The line of the refusal, with this code.
    Refusal(&'static str),
    /// A line about the provider's keys: this event; the request ends with this code.
    Keys(&'static str, &'static str),
}

/// One mistake.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    /// What the operator did.
    pub(crate) did: &'static str,
    /// The mistake, in a scene in which everything else is right.
    pub(crate) wrong: Vec<Change>,
    pub(crate) shows: Shows,
    /// The field that must be named, as it is in this configuration.
    pub(crate) field: &'static str,
    /// What else must be said.
    pub(crate) words: &'static [&'static str],
    /// The remedy in words, for the document.
    pub(crate) remedy: &'static str,
    /// The remedy, applied.
    pub(crate) right: Vec<Change>,
}

impl Case {
    /// The scene with the mistake.
    pub(crate) fn mistaken(&self) -> Value {
        let mut scene = scene::right();
        scene::change(&mut scene, &self.wrong);
        scene
    }

    /// The scene with the mistake, and then the remedy.
    pub(crate) fn mended(&self) -> Value {
        let mut scene = self.mistaken();
        scene::change(&mut scene, &self.right);
        scene
    }

    /// What the operator reads about the mistake.
    pub(crate) fn told(&self) -> String {
        let scene = self.mistaken();
        let id = self.id;
        match self.shows {
            Shows::Problem => self.remark().to_string(),
            Shows::Warning(code) => {
                assert_eq!(self.played(&scene, code).len(), 1, "{id}");
                self.remark().to_string()
            }
            Shows::Refusal(code) => self.played(&scene, code).remove(0),
            Shows::Keys(event, code) => {
                let refused = self.played(&scene, code).remove(0);
                assert!(refused.contains("providers.okta.jwks"), "{id}: {refused}");
                let last = event != "keys_fetch_failed" || refused.contains("the last attempt");
                assert!(last, "{id}: the refusal does not say what the last attempt brought");
                let log = scene::play(&scene).log;
                let line = log.iter().find(|line| line["event"] == event);
                line.unwrap_or_else(|| panic!("{id}: {log:#?}")).to_string()
            }
        }
    }

    /// What is said of the field when the configuration is read.
    pub(crate) fn remark(&self) -> Problem {
        let (scene, id) = (self.mistaken(), self.id);
        let problems = scene::problems(&scene);
        let remarks = match self.shows {
            Shows::Problem => problems,
            _ => scene::warnings(&scene),
        };
        let own = remarks.iter().find(|remark| &*remark.path == self.field);
        own.unwrap_or_else(|| panic!("{id}: {remarks:#?}")).clone()
    }

    /// The lines of the refusal with which a scene ends.
    fn played(&self, scene: &Value, code: &str) -> Vec<String> {
        let problems = scene::problems(scene);
        assert!(problems.is_empty(), "{}: {problems:#?}", self.id);
        let outcome = scene::play(scene);
        assert_eq!(outcome.verdict, code, "{}: {:#?}", self.id, outcome.log);
        let lines = outcome.log.iter().filter(|line| line["code"] == code);
        lines.map(|line| format!("{} {}", line["reason"], line["remedy"])).collect()
    }

    /// Records what the mistake comes to.
    pub(crate) fn record(&self) {
        recorded::section(&format!("{} {}", self.id, self.did));
        let scene = self.mistaken();
        let problems = scene::problems(&scene);
        problems.iter().for_each(|problem| recorded::line("problem", problem));
        if problems.is_empty() {
            scene::play(&scene);
        }
    }

    /// Proves the case.
    pub(crate) fn prove(&self) {
        let told = self.told().replace("\\\"", "\"");
        let id = self.id;
        assert!(told.contains(self.field), "{id}: {} is not named: {told}", self.field);
        for word in self.words {
            assert!(told.contains(word), "{id}: {word:?} is not said: {told}");
        }
        let token = scene::token(&self.mistaken());
        let parts = token.split('.').filter(|part| part.len() > 16);
        assert!(parts.into_iter().all(|part| !told.contains(part)), "{id}: a token: {told}");
        assert!(!told.contains(scene::API_KEY), "{id}: a key: {told}");

        let mended = self.mended();
        let problems = scene::problems(&mended);
        assert!(problems.is_empty(), "{id}: with the remedy: {problems:#?}");
        let outcome = scene::play(&mended);
        assert_eq!(outcome.verdict, "forwarded", "{id}: with the remedy: {:#?}", outcome.log);
        if let Shows::Warning(_) = self.shows {
            let left = scene::warnings(&mended);
            assert!(left.iter().all(|one| &*one.path != self.field), "{id}: {left:#?}");
        }
    }
}

/// Every case, in the order of the ids.
pub(crate) fn cases() -> Vec<Case> {
    let mut all = [
        tyk::cases(),
        tokens::cases(),
        keys::cases(),
        rights::cases(),
        objects::cases(),
        callers::cases(),
        resources::cases(),
        tools::cases(),
        asking::cases(),
        logins::cases(),
    ];
    all.iter_mut().flat_map(std::mem::take).collect()
}

/// What is wrong with these cases, all of it.
pub(crate) fn failures(
    cases: &[&Case],
    prove: impl Fn(&Case) + std::panic::RefUnwindSafe,
) -> String {
    let failed = cases.iter().filter_map(|case| {
        let panic = std::panic::catch_unwind(|| prove(case)).err()?;
        Some(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| case.id.to_owned()))
    });
    failed.collect::<Vec<_>>().join("\n\n")
}
