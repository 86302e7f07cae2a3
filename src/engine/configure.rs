//! Takes a configuration that a host hands over, or logs why not.

use std::time::Duration;

use crate::config::{Config, Crypto};
use crate::event::{Effect, Lack, Notice, Record, metric};
use crate::jose::sign::HostSigner;

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

    /// Who signs for the filter, where the host can.
    fn signer(&mut self) -> Option<&dyn HostSigner>;

    /// Has the host tick in this period; `false` where it does not.
    fn ticks(&self, period: Duration) -> bool;

    /// Whether the host makes calls, and fails one that it cannot make in a known way.
    fn makes_calls(&self) -> bool;

    /// Whether a request that waits can be settled from another callback than its own.
    fn turns_to_requests(&self) -> bool;
}

/// A configuration that is refused whatever is in it, because the host lacks something.
pub fn refused(lack: Lack) -> Vec<Effect> {
    vec![Effect::Log(Record::Notice(Notice::HostLacks(lack)).into()), rejected()]
}

fn rejected() -> Effect {
    Effect::Count { metric: metric::CONFIG_REJECTED.into(), by: 1 }
}

/// A configuration that is taken.
pub(super) struct Taken {
    pub(super) config: Config,
    /// Whether the host checks signatures, where it can.
    pub(super) host_verifies: bool,
}

/// Reads a configuration, and has the host tick in this period; `None` where it is refused: `effects`
/// then log why.
pub(super) fn read(
    bytes: &[u8],
    tick: Duration,
    surroundings: &mut dyn Surroundings,
    effects: &mut Vec<Effect>,
) -> Option<Taken> {
    let taken = taken(bytes, tick, surroundings, effects);
    if taken.is_none() {
        effects.push(rejected());
    }
    taken
}

fn taken(
    bytes: &[u8],
    tick: Duration,
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
    let mut config = config;
    for (provider, key) in config.signing_keys() {
        if !key.try_host(surroundings.signer()) {
            notice(Notice::NoHostSigner { provider: provider.clone() });
            return None;
        }
    }
    // Ticks are for more than fetches: the host is asked for them in any case.
    let ticks = surroundings.ticks(tick);
    if config.fetches() {
        let lack = if !ticks {
            Some(Lack::Tick)
        } else if !surroundings.turns_to_requests() {
            Some(Lack::Turning)
        } else {
            (!surroundings.makes_calls()).then_some(Lack::Calls)
        };
        if let Some(lack) = lack {
            notice(Notice::HostLacks(lack));
            return None;
        }
    }
    notice(Notice::Verifier { is_host: host_verifies });
    Some(Taken { config, host_verifies })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Host {
        lack: Option<Lack>,
    }

    impl Surroundings for Host {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn has_own_store(&self) -> bool {
            true
        }

        fn root_id(&self) -> String {
            String::new()
        }

        fn checks_signatures(&mut self) -> bool {
            false
        }

        fn signer(&mut self) -> Option<&dyn HostSigner> {
            None
        }

        fn ticks(&self, _: Duration) -> bool {
            self.lack != Some(Lack::Tick)
        }

        fn makes_calls(&self) -> bool {
            self.lack != Some(Lack::Calls)
        }

        fn turns_to_requests(&self) -> bool {
            self.lack != Some(Lack::Turning)
        }
    }

    #[test]
    fn what_fetches_needs_calls_ticks_and_a_way_to_the_requests_that_wait() {
        const URL: &str = r#""jwks": { "url": "https://id.example.com/keys", "cluster": "idp" }"#;
        const SECRET: &str =
            r#""algorithms": ["HS256"], "secret": { "text": "0123456789abcdef0123456789abcdef" }"#;
        const REVOKED: &str =
            r#","revoked": { "url": "https://ops.example.com/revoked", "cluster": "ops" }"#;
        let lacks = [None, Some(Lack::Calls), Some(Lack::Tick), Some(Lack::Turning)];
        let cases = [
            // keys, revoked, whether anything is fetched
            (URL, "", true),
            (SECRET, "", false),
            (SECRET, REVOKED, true),
        ];
        for ((keys, revoked, fetches), lack) in
            cases.iter().flat_map(|case| lacks.map(|lack| (*case, lack)))
        {
            let configuration = format!(
                r#"{{ "providers": {{ "idp": {{
                    "issuer": "https://id.example.com/", "audiences": ["api"], {keys}
                }} }}{revoked} }}"#
            );
            let (mut host, mut effects) = (Host { lack }, Vec::new());
            let taken = read(configuration.as_bytes(), Duration::ZERO, &mut host, &mut effects);
            let name = format!("{keys} {revoked} {lack:?}: {effects:?}");
            let expected = lack.filter(|_| fetches);
            assert_eq!(taken.is_none(), expected.is_some(), "{name}");
            let found = effects.iter().find_map(|effect| match effect {
                Effect::Log(record) => match &**record {
                    Record::Notice(Notice::HostLacks(lack)) => Some(*lack),
                    _ => None,
                },
                _ => None,
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
