//! Whether the service that counts can be asked, as all workers of a process know it: after a failure
//! nobody asks for a while, then one does.
//!
//! All numbers are little-endian:
//!
//! ```text
//! record   version: u8 = 1   failures in a row: u8   asked again from, probe out until, away since: u64 ms
//! ```

use std::time::Duration;

use crate::env::{Env, PutError, Stored};
use crate::time::{CLOCKS_AGREE_WITHIN, UnixMillis, millis};
use crate::wire::Reader;

const VERSION: u8 = 1;
/// How often the record is written while others write first.
const TRIES: usize = 8;
/// How long nobody asks after the first failure; after each other twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest, without what chance adds.
const LONGEST: Duration = Duration::from_secs(8);
/// How long a probe can be out.
const PROBE: Duration = Duration::from_secs(2);

/// Whether the service of one domain can be asked.
#[derive(Clone, Debug)]
pub struct Outage {
    key: String,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gate {
    /// Not before so long.
    Away(Duration),
    /// It may.
    Open,
    /// This one may, to find out whether the service is back.
    Probe,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Record {
    failures: u8,
    until: UnixMillis,
    probe: UnixMillis,
    since: UnixMillis,
}

impl Record {
    /// Reads a record; whatever is odd about it is none.
    fn decode(stored: &Stored, now: UnixMillis) -> Self {
        let read = || {
            let mut fields = Reader::new(stored.value.as_deref()?);
            (fields.u8()? == VERSION).then_some(())?;
            let failures = fields.u8()?;
            let mut time = || fields.u64().map(UnixMillis::new);
            let (until, probe, since) = (time()?, time()?, time()?);
            // Further ahead than anybody could have written: a stranger did, or the clock was set back.
            let furthest = now.after(LONGEST.saturating_mul(2)).after(CLOCKS_AGREE_WITHIN);
            let is_sound =
                fields.rest().is_empty() && until.max(probe) <= furthest && since <= furthest;
            is_sound.then_some(Self { failures, until, probe, since })
        };
        read().unwrap_or_default()
    }

    fn encode(self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.failures];
        for time in [self.until, self.probe, self.since] {
            bytes.extend(time.millis().to_le_bytes());
        }
        bytes
    }
}

impl Outage {
    /// That of the service with this domain.
    pub fn new(domain: &str) -> Self {
        Self { key: format!("tg1/fleet/{domain}") }
    }

    /// Whether a call may be made now; of all that ask when the time has come one is to find out.
    pub fn gate(&self, env: &Env<'_>) -> Gate {
        self.update(env, |record| {
            let until = record.until.max(record.probe);
            if record.failures == 0 {
                (Gate::Open, None)
            } else if env.now < until {
                (Gate::Away(until.since(env.now)), None)
            } else {
                let probe = env.now.after(PROBE);
                (Gate::Probe, Some(Record { probe, ..record }))
            }
        })
        .unwrap_or(Gate::Away(FIRST))
    }

    /// How long nobody asks; `None` where somebody may. Nothing is written.
    pub fn is_away(&self, env: &Env<'_>) -> Option<Duration> {
        let record = Record::decode(&env.shared.get(&self.key), env.now);
        let until = record.until.max(record.probe).max(env.now.after(Duration::from_millis(1)));
        (record.failures > 0).then(|| until.since(env.now))
    }

    /// A call has failed. Says whether that is news: the service could be asked before.
    pub fn failed(&self, is_probe: bool, env: &Env<'_>) -> bool {
        self.update(env, |record| {
            // Of calls that were made before the first of them has failed.
            if record.failures > 0 && !is_probe {
                return (false, None);
            }
            let doubled = 1_u32.checked_shl(record.failures.into()).unwrap_or(u32::MAX);
            let span = FIRST.saturating_mul(doubled).min(LONGEST);
            let quarter = millis(span).checked_div(4).unwrap_or_default().max(1);
            let more = env.random.u64().checked_rem(quarter).unwrap_or_default();
            let is_news = record.failures == 0;
            let since = if is_news { env.now } else { record.since };
            let next = Record {
                failures: record.failures.saturating_add(1).min(16),
                until: env.now.after(span).after(Duration::from_millis(more)),
                probe: UnixMillis::default(),
                since,
            };
            (is_news, Some(next))
        })
        .unwrap_or_default()
    }

    /// A call has brought an answer that counts. Says how long the service was away, where that is over
    /// now.
    pub fn answered(&self, is_probe: bool, env: &Env<'_>) -> Option<Duration> {
        if !is_probe {
            return None;
        }
        self.update(env, |record| {
            if record.failures == 0 {
                return (None, None);
            }
            (Some(env.now.since(record.since)), Some(Record::default()))
        })
        .flatten()
    }

    /// Changes the record; `None` where others kept writing first. Where there is no store, nobody knows
    /// of a failure.
    fn update<T>(
        &self,
        env: &Env<'_>,
        change: impl Fn(Record) -> (T, Option<Record>),
    ) -> Option<T> {
        for _ in 0..TRIES {
            let stored = env.shared.get(&self.key);
            let (value, next) = change(Record::decode(&stored, env.now));
            let Some(next) = next else { return Some(value) };
            match env.shared.put(&self.key, &next.encode(), stored.cas) {
                Ok(()) | Err(PutError::Unsupported) => return Some(value),
                Err(PutError::Lost) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;
    use crate::env::{Cas, Downstream, Random, SharedData, Unmetered};
    use crate::jose::verify::InWasm;

    #[derive(Default)]
    struct Host {
        store: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
        drawn: Cell<u64>,
    }

    impl SharedData for Host {
        fn get(&self, key: &str) -> Stored {
            match self.store.borrow().get(key) {
                Some((value, version)) => {
                    Stored { value: Some(value.clone()), cas: Some(Cas(*version)) }
                }
                None => Stored::default(),
            }
        }

        fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
            let mut store = self.store.borrow_mut();
            let version = store.get(key).map(|(_, version)| Cas(*version));
            if version != expected {
                return Err(PutError::Lost);
            }
            store.insert(key.into(), (value.into(), version.map_or(1, |version| version.0 + 1)));
            Ok(())
        }
    }

    impl Random for Host {
        fn u64(&self) -> u64 {
            self.drawn.get()
        }
    }

    impl Downstream for Host {
        fn address(&self) -> Option<Vec<u8>> {
            None
        }
    }

    fn env(host: &Host, millis: u64) -> Env<'_> {
        Env {
            now: UnixMillis::new(1_700_000_000_000 + millis),
            random: host,
            shared: host,
            metrics: &Unmetered,
            verifier: &InWasm,
            signer: None,
            downstream: host,
        }
    }

    const fn away(millis: u64) -> Gate {
        Gate::Away(Duration::from_millis(millis))
    }

    #[test]
    fn after_a_failure_nobody_asks_for_a_second_and_then_one() {
        let host = Host::default();
        let outage = Outage::new("d");
        assert_eq!(outage.gate(&env(&host, 0)), Gate::Open);
        assert_eq!(outage.is_away(&env(&host, 0)), None);
        assert!(outage.failed(false, &env(&host, 0)), "it is news");
        assert!(!outage.failed(false, &env(&host, 1)), "of a call made before");
        let other = Outage::new("d");
        assert_eq!(other.gate(&env(&host, 999)), away(1), "every worker knows");
        assert_eq!(other.is_away(&env(&host, 999)), Some(Duration::from_millis(1)));
        assert_eq!(other.gate(&env(&host, 1000)), Gate::Probe);
        assert_eq!(outage.gate(&env(&host, 1000)), away(2000), "one is enough");
        assert_eq!(outage.answered(false, &env(&host, 1500)), None, "an old call's");
        assert_eq!(other.answered(true, &env(&host, 1500)), Some(Duration::from_millis(1500)));
        assert_eq!(outage.gate(&env(&host, 1500)), Gate::Open);
        assert_eq!(Outage::new("e").gate(&env(&host, 0)), Gate::Open, "another domain");
    }

    #[test]
    fn each_further_failure_doubles_the_time_up_to_ten_seconds() {
        for (drawn, spans) in [
            (0, [1000, 2000, 4000, 8000, 8000, 8000]),
            (u64::MAX - 15, [1100, 2100, 4600, 9600, 9600, 9600]),
        ] {
            let host = Host::default();
            host.drawn.set(drawn);
            let outage = Outage::new("d");
            let mut now = 0;
            for (failures, span) in spans.into_iter().enumerate() {
                outage.failed(failures > 0, &env(&host, now));
                let Gate::Away(found) = outage.gate(&env(&host, now)) else { panic!("{failures}") };
                let bound = Duration::from_millis(span)..=Duration::from_millis(span + span / 4);
                assert!(bound.contains(&found) || drawn > 0, "{found:?} {span}");
                assert!(found <= Duration::from_secs(10), "{found:?}");
                now += millis(found);
                assert_eq!(outage.gate(&env(&host, now)), Gate::Probe, "{failures}");
            }
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_is_sent_again() {
        let host = Host::default();
        let outage = Outage::new("d");
        outage.failed(false, &env(&host, 0));
        assert_eq!(outage.gate(&env(&host, 1000)), Gate::Probe);
        assert_eq!(outage.gate(&env(&host, 2999)), away(1));
        assert_eq!(outage.gate(&env(&host, 3000)), Gate::Probe);
    }

    #[test]
    fn a_record_that_nobody_like_us_has_written_is_none() {
        let good =
            Record { failures: 1, until: UnixMillis::new(1_700_000_001_000), ..Record::default() };
        let mut version = good.encode();
        version[0] = 2;
        let mut long = good.encode();
        long.push(0);
        let far = Record { until: UnixMillis::new(1_700_000_999_000), ..good }.encode();
        for bytes in [version, long, far, vec![1], vec![]] {
            let host = Host::default();
            host.put("tg1/fleet/d", &bytes, None).unwrap();
            assert_eq!(Outage::new("d").gate(&env(&host, 0)), Gate::Open, "{bytes:?}");
        }
        let host = Host::default();
        host.put("tg1/fleet/d", &good.encode(), None).unwrap();
        assert_eq!(Outage::new("d").gate(&env(&host, 0)), away(1000));
    }
}
