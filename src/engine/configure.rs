//! Takes a configuration that a host hands over, or logs why not.

use crate::config::{Config, Crypto};
use crate::event::{Effect, Notice, Record, metric};

/// What a host says of itself when a configuration comes.
pub trait Surroundings {
    /// A variable of the environment that the operator lets in; `None` where there is none, or it is no
    /// text.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether the store is this filter's own, and not that of all filters which name none.
    fn has_own_store(&self) -> bool;

    /// The plugin's root id.
    fn root_id(&self) -> String;

    /// Whether the host has a signature check that passes the filter's test.
    fn checks_signatures(&mut self) -> bool;
}

/// A configuration that is taken.
pub(super) struct Taken {
    pub(super) config: Config,
    /// Whether the host checks signatures, where it can.
    pub(super) host_verifies: bool,
}

/// Reads a configuration; `None` where it is refused: `effects` then log why.
pub(super) fn read(
    bytes: &[u8],
    surroundings: &mut dyn Surroundings,
    effects: &mut Vec<Effect>,
) -> Option<Taken> {
    let taken = taken(bytes, surroundings, effects);
    if taken.is_none() {
        effects.push(Effect::Count { metric: metric::CONFIG_REJECTED.into(), by: 1 });
    }
    taken
}

fn taken(
    bytes: &[u8],
    surroundings: &mut dyn Surroundings,
    effects: &mut Vec<Effect>,
) -> Option<Taken> {
    let mut notice = |notice| effects.push(Effect::Log(Record::Notice(notice).into()));
    let config = match Config::parse_with(bytes, &|name| surroundings.variable(name)) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                let code = problem.code.name();
                notice(Notice::ConfigurationRefused { problem: problem.to_string(), code });
            }
            return None;
        }
    };
    if !surroundings.has_own_store() {
        notice(Notice::SharedStore);
    }
    let host_verifies = match config.crypto {
        Crypto::Wasm => false,
        Crypto::Auto | Crypto::Host => surroundings.checks_signatures(),
    };
    if config.crypto == Crypto::Host && !host_verifies {
        notice(Notice::NoHostCrypto);
        return None;
    }
    notice(Notice::Verifier { is_host: host_verifies });
    Some(Taken { config, host_verifies })
}
