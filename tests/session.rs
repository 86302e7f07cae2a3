//! Sessions and their records, against a store that behaves like Envoy's.
#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support {
    pub(crate) mod random;
    pub(crate) mod store;
}

use std::time::Duration;

use support::random::Counting;
use support::store::MemoryStore;
use tollgate::env::SharedData;
use tollgate::ids::Name;
use tollgate::session::{Recorded, Session, SessionKey, SessionRecord, Sessions};
use tollgate::time::UnixMillis;
use tollgate::verdict::Deny;

const MINUTE: u64 = 60_000;

fn name(raw: &str) -> Name {
    Name::parse(raw).expect(raw)
}

fn session(sessions: &Sessions, identity: &str) -> Session {
    let (provider, issuer) = (name("okta"), Some("https://idp.example"));
    Session {
        id: sessions.id(&provider, issuer, identity),
        provider,
        issuer: issuer.map(Into::into),
        identity: identity.into(),
        client: None,
        ends: None,
        policies: "".into(),
    }
}

/// One worker of a filter.
struct Worker<'s> {
    sessions: Sessions,
    shared: &'s dyn SharedData,
    random: Counting,
}

impl<'s> Worker<'s> {
    fn new(capacity: u32, instance: &str, shared: &'s dyn SharedData) -> Self {
        let sessions = Sessions::new(capacity, instance);
        Self { sessions, shared, random: Counting::default() }
    }

    fn sees(&self, identity: &str, now: u64) -> Recorded {
        let session = session(&self.sessions, identity);
        self.sessions.record(&session, self.shared, &self.random, UnixMillis::new(now))
    }

    fn finds(&self, identity: &str) -> Option<SessionRecord> {
        let id = session(&self.sessions, identity).id;
        self.sessions.find(&id, self.shared, &self.random, UnixMillis::new(0))
    }
}

#[test]
fn a_session_ends_on_its_second() {
    let skew = Duration::from_secs(60);
    let cases = [
        ("without an end", None, u64::MAX, Ok(())),
        ("before its end", Some(1000), 999, Ok(())),
        ("inside the skew", Some(1000), 1000, Ok(())),
        ("a millisecond before the skew is over", Some(1000), 60_999, Ok(())),
        ("when the skew is over", Some(1000), 61_000, Err(Deny::SessionExpired)),
        ("long after", Some(1000), u64::MAX, Err(Deny::SessionExpired)),
        ("an end that was never", Some(u64::MAX), u64::MAX - 1, Ok(())),
    ];
    for (case, ends, now, expected) in cases {
        let ends = ends.map(UnixMillis::new);
        let session = Session { ends, ..session(&Sessions::new(8, "main"), "alice") };
        assert_eq!(session.check(UnixMillis::new(now), skew), expected, "{case}");
    }
    let session = Session {
        ends: Some(UnixMillis::new(1000)),
        ..session(&Sessions::new(8, "main"), "alice")
    };
    assert_eq!(session.check(UnixMillis::new(1000), Duration::ZERO), Err(Deny::SessionExpired));
}

#[test]
fn no_two_identities_have_one_session() {
    let (okta, oktab) = (name("okta"), name("oktab"));
    let key = |instance, provider, issuer, identity| {
        SessionKey { instance, provider, issuer, identity }.id()
    };
    let ids = [
        ("a session", key("main", &okta, Some("https://a"), "bob")),
        ("another identity", key("main", &okta, Some("https://a"), "Bob")),
        ("another issuer", key("main", &okta, Some("https://a/"), "bob")),
        ("no issuer", key("main", &okta, None, "bob")),
        ("an empty issuer", key("main", &okta, Some(""), "bob")),
        ("another provider", key("main", &oktab, Some("https://a"), "bob")),
        ("another instance", key("other", &okta, Some("https://a"), "bob")),
        ("no instance", key("", &okta, Some("https://a"), "bob")),
        ("letters moved to the right", key("main", &okta, Some("https://"), "abob")),
        ("letters moved to the left", key("main", &oktab, Some("ttps://a"), "bob")),
        ("no identity", key("main", &okta, Some("https://abob"), "")),
    ];
    for (at, (case, id)) in ids.iter().enumerate() {
        let same: Vec<_> = ids[..at].iter().filter(|(_, other)| other == id).collect();
        assert!(same.is_empty(), "{case} is {same:?}");
    }
    assert_eq!(key("main", &okta, None, "bob"), key("main", &name("okta"), None, "bob"));
}

#[test]
fn a_session_is_on_record_for_every_worker() {
    let store = MemoryStore::default();
    let (one, other) = (Worker::new(64, "main", &store), Worker::new(64, "main", &store));
    assert_eq!(one.sees("alice", 1000), Recorded::New);
    assert_eq!(other.sees("alice", 1001), Recorded::Known);
    assert_eq!(other.sees("bob", 1002), Recorded::New);
    let record = other.finds("alice").expect("recorded");
    assert_eq!(record.name, "alice");
    assert_eq!(record.first_used, UnixMillis::new(1000));
}

#[test]
fn instances_do_not_see_each_others_sessions() {
    let store = MemoryStore::default();
    let (one, other) = (Worker::new(64, "one", &store), Worker::new(64, "other", &store));
    assert_eq!(one.sees("alice", 1000), Recorded::New);
    assert_eq!(other.finds("alice"), None);
    assert_eq!(other.sees("alice", 1001), Recorded::New);
}

#[test]
fn the_last_use_is_written_once_a_minute() {
    let store = MemoryStore::default();
    let worker = Worker::new(64, "main", &store);
    worker.sees("alice", 1000);
    let writes = store.writes();
    for now in [1000, 1001, 30_000, 1000 + MINUTE - 1] {
        assert_eq!(worker.sees("alice", now), Recorded::Known);
        assert_eq!(store.writes(), writes, "{now}");
    }
    assert_eq!(worker.sees("alice", 1000 + MINUTE), Recorded::Known);
    assert_eq!(store.writes(), writes + 1);
    let record = worker.finds("alice").expect("recorded");
    assert_eq!(record.first_used, UnixMillis::new(1000));
    assert_eq!(record.last_used, UnixMillis::new(1000 + MINUTE));
}

#[test]
fn a_clock_set_back_does_not_stop_the_record() {
    let store = MemoryStore::default();
    let worker = Worker::new(64, "main", &store);
    worker.sees("alice", 1_000_000_000);
    assert_eq!(worker.sees("alice", 1000), Recorded::Known);
    let record = worker.finds("alice").expect("recorded");
    assert_eq!(
        (record.first_used, record.last_used),
        (UnixMillis::new(1000), UnixMillis::new(1000))
    );
}

#[test]
fn a_full_bucket_says_what_it_cost() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, "main", &store);
    for number in 0..8 {
        assert_eq!(worker.sees(&format!("user {number}"), 1000 + number), Recorded::New);
    }
    assert_eq!(worker.sees("one more", 2000), Recorded::Evicted);
    assert_eq!(worker.finds("user 0"), None);
    assert!(worker.finds("user 1").is_some());
}

#[test]
fn a_name_on_record_is_cut_between_characters() {
    let store = MemoryStore::default();
    let worker = Worker::new(64, "main", &store);
    let cases = [
        ("short", "é".repeat(3), "é".repeat(3)),
        ("as long as a name may be", "a".repeat(64), "a".repeat(64)),
        ("longer", "a".repeat(16_000), "a".repeat(64)),
        (
            "longer, with a character across the end",
            "x".to_owned() + &"é".repeat(40),
            "x".to_owned() + &"é".repeat(31),
        ),
    ];
    for (case, identity, expected) in cases {
        assert_eq!(worker.sees(&identity, 1000), Recorded::New, "{case}");
        assert_eq!(worker.finds(&identity).map(|record| record.name), Some(expected), "{case}");
    }
    let twin = "a".repeat(65);
    assert_eq!(worker.sees(&twin, 1000), Recorded::New, "names alike are not one identity");
}

#[test]
fn the_policies_of_the_last_use_are_on_record() {
    let store = MemoryStore::default();
    let worker = Worker::new(64, "main", &store);
    let see = |policies: &str, now| {
        let session = Session { policies: policies.into(), ..session(&worker.sessions, "alice") };
        worker.sessions.record(&session, &store, &worker.random, UnixMillis::new(now))
    };
    let (long, cut) = ("é".repeat(200), "é".repeat(128));
    let cases = [
        ("some", "gold,standard", "gold,standard"),
        ("others, at once", "standard", "standard"),
        ("none", "", ""),
        ("more than fit", &long, &cut),
    ];
    for (case, policies, expected) in cases {
        see(policies, 1000);
        let writes = store.writes();
        assert_eq!(see(policies, 1001), Recorded::Known, "{case}");
        assert_eq!(store.writes(), writes, "{case}: the same are not written again");
        let record = worker.finds("alice").expect("recorded");
        assert_eq!((record.policies.as_str(), record.name.as_str()), (expected, "alice"), "{case}");
    }
}

#[test]
fn a_session_that_cannot_be_recorded_is_told() {
    let store = MemoryStore::default();
    store.absent.set(true);
    assert_eq!(Worker::new(8, "main", &store).sees("alice", 1000), Recorded::Unrecorded);
    let store = MemoryStore::default();
    store.losses.set(u32::MAX);
    assert_eq!(Worker::new(8, "main", &store).sees("alice", 1000), Recorded::Unrecorded);
}

#[test]
fn a_record_that_cannot_be_read_is_made_anew() {
    let store = MemoryStore::default();
    let worker = Worker::new(8, "main", &store);
    let key = "tg1/session/0";
    worker.sees("alice", 1000);
    let good = store.get(key).value.expect("written");
    let payload = 2 + 32 + 8 + 2;
    let spoilt = [
        ("another version", payload, 1),
        ("a name longer than the record", payload + 9, 6),
        ("a name that is no UTF-8", payload + 10, 0xff),
    ];
    for (case, at, byte) in spoilt {
        let mut bytes = good.clone();
        bytes[at] = byte;
        store.force(key, &bytes);
        assert_eq!(worker.finds("alice"), None, "{case}");
        assert_eq!(worker.sees("alice", 2000), Recorded::New, "{case}");
        assert_eq!(
            worker.finds("alice").map(|record| record.name).as_deref(),
            Some("alice"),
            "{case}"
        );
    }
}
