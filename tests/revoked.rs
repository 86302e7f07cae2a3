//! Lists of what was revoked, from the configuration and from a document that all workers share.
#![allow(dead_code, unreachable_pub, reason = "tests")]

mod support;

use std::time::Duration;

use support::world::World;
use tollgate::env::SharedData;
use tollgate::http::Url;
use tollgate::remote::{EntityTag, Remote};
use tollgate::revoked::{
    Facts, Key, List, ListBuilder, MAX_DOCUMENT_BYTES, MAX_ENTRIES, OnStale, Reach, Revocations,
    Revoked, Source, Subject, parse,
};
use tollgate::shared_document::Finished;
use tollgate::time::UnixMillis;
use tollgate::verdict::Deny;

const ALICE: Subject<'static> = Subject::Identity("alice");
const NOW: UnixMillis = UnixMillis::new(0);
const DIGEST: [u8; 32] = [0xab; 32];

fn facts(identity: &str, issued: Option<u64>) -> Facts {
    Facts {
        identity: Key::new("okta", Subject::Identity(identity)),
        jti: Some(Key::new("okta", Subject::Jti(&format!("{identity}-1")))),
        token: Some(Key::new("okta", Subject::Token(&DIGEST))),
        session: Some(Key::new("okta", Subject::Session(&format!("{identity}-s")))),
        issued: issued.map(UnixMillis::from_secs),
    }
}

fn list(entries: &[(&str, Subject<'_>, Option<u64>)]) -> List {
    let mut list = ListBuilder::default();
    for (provider, subject, before) in entries {
        list.add(provider, *subject, reach(*before, None));
    }
    list.finish()
}

/// An entry's reach, in seconds.
fn reach(issued_before: Option<u64>, until: Option<u64>) -> Reach {
    let [issued_before, until] = [issued_before, until].map(|at| at.map(UnixMillis::from_secs));
    Reach { issued_before, until }
}

fn of(list: List) -> Revocations {
    Revocations::new(list, None)
}

fn source(on_stale: OnStale) -> Source {
    let remote = Remote {
        id: "0123456789abcdef0123456789abcdef".into(),
        url: Url::parse("https://ops.example.com/revoked.json").expect("a URL"),
        cluster: "ops".into(),
        timeout: Duration::from_secs(5),
        refresh: Duration::from_secs(10),
        cooldown: Duration::from_secs(10),
        max_stale: Duration::from_hours(1),
    };
    Source { remote, on_stale }
}

fn fetched(on_stale: OnStale) -> Revocations {
    Revocations::new(list(&[]), Some(source(on_stale)))
}

/// Fetches a list as the one worker that may.
fn publish(revocations: &mut Revocations, list: List, world: &World) -> Finished {
    publish_as(revocations, (list, None), world)
}

/// The same of a list that has a tag.
fn publish_as(
    revocations: &mut Revocations,
    (list, tag): (List, Option<&str>),
    world: &World,
) -> Finished {
    let (attempt, _) = revocations.attempt(&world.env()).expect("a fetch is due");
    revocations.succeed(attempt, (list, tag.map(entity_tag)), &world.env())
}

fn entity_tag(text: &str) -> EntityTag {
    EntityTag::parse(text.as_bytes()).expect("a tag")
}

#[test]
fn an_entry_is_about_its_subject_alone() {
    let now = UnixMillis::from_secs(2000);
    let (inactive, revoked) = (Some(Deny::SessionInactive), Some(Deny::TokenRevoked));
    // name, entry, who comes, when the token was issued, why it is refused
    let cases = [
        ("the identity", ("okta", ALICE, None), "alice", Some(1000), inactive),
        ("a token that does not say when", ("okta", ALICE, None), "alice", None, inactive),
        ("another identity", ("okta", ALICE, None), "bob", Some(1000), None),
        ("another provider's", ("oktab", ALICE, None), "alice", Some(1000), None),
        ("an older token", ("okta", ALICE, Some(1001)), "alice", Some(1000), revoked),
        ("a token of that moment", ("okta", ALICE, Some(1000)), "alice", Some(1000), None),
        ("a newer token", ("okta", ALICE, Some(999)), "alice", Some(1000), None),
        ("an unknown age", ("okta", ALICE, Some(1)), "alice", None, revoked),
        ("the token's id", ("okta", Subject::Jti("alice-1"), None), "alice", Some(1000), revoked),
        ("another id", ("okta", Subject::Jti("alice-2"), None), "alice", Some(1000), None),
        ("an id that is an identity", ("okta", Subject::Jti("alice"), None), "alice", None, None),
        ("an old id", ("okta", Subject::Jti("alice-1"), Some(9)), "alice", Some(8), revoked),
        ("a reused id", ("okta", Subject::Jti("alice-1"), Some(9)), "alice", Some(9), None),
        ("the token", ("okta", Subject::Token(&DIGEST), None), "alice", Some(1000), revoked),
        ("the session", ("okta", Subject::Session("alice-s"), None), "alice", Some(1), revoked),
        ("another session", ("okta", Subject::Session("bob-s"), None), "alice", Some(1), None),
        (
            "a session that is an id",
            ("okta", Subject::Session("alice-1"), None),
            "alice",
            None,
            None,
        ),
        ("another token", ("okta", Subject::Token(&[0; 32]), None), "alice", Some(1000), None),
    ];
    for (name, entry, who, issued, expected) in cases {
        let judged = of(list(&[entry])).judge(&facts(who, issued), now);
        assert_eq!(judged, expected.map_or(Ok(()), |deny| Err(Revoked::Listed(deny))), "{name}");
    }
}

#[test]
fn of_two_entries_about_one_subject_the_furthest_reaching_holds() {
    let now = UnixMillis::from_secs(2000);
    for entries in [[None, Some(10)], [Some(10), None], [Some(10), Some(1001)]] {
        let entries = entries.map(|before| ("okta", ALICE, before));
        let list = list(&entries);
        assert_eq!(list.len(), 1);
        assert!(of(list).judge(&facts("alice", Some(1000)), now).is_err(), "{entries:?}");
    }
}

#[test]
fn an_entry_is_in_force_until_its_end() {
    // name, entries as (before, until), when the token was issued, now, why it is refused
    let (inactive, revoked) = (Some(Deny::SessionInactive), Some(Deny::TokenRevoked));
    let (any, never) = (None, None);
    let cases = [
        ("before its end", &[(any, Some(2001))][..], 1000, 2000, inactive),
        ("on its end", &[(any, Some(2000))], 1000, 2000, None),
        ("after its end", &[(any, Some(1999))], 1000, 2000, None),
        ("the oldest there is", &[(any, Some(0))], 1000, 0, None),
        ("an older token", &[(Some(1001), Some(2001))], 1000, 2000, revoked),
        ("a newer token", &[(Some(1000), Some(2001))], 1000, 2000, None),
        ("one that ends, and one that does not", &[(any, Some(9)), (any, never)], 1, 10, inactive),
        ("the furthest ended", &[(any, Some(9)), (Some(5), never)], 1, 10, revoked),
        ("the furthest not ended", &[(Some(5), never), (any, Some(11))], 7, 10, inactive),
        ("a newer one, the furthest ended", &[(Some(5), never), (any, Some(9))], 7, 10, None),
        ("the same for longer", &[(any, Some(9)), (any, Some(11))], 7, 10, inactive),
        (
            "of three the second",
            &[(any, Some(8)), (Some(6), Some(11)), (Some(3), Some(20))],
            5,
            10,
            revoked,
        ),
        (
            "of three the last",
            &[(any, Some(8)), (Some(6), Some(11)), (Some(3), Some(20))],
            5,
            11,
            None,
        ),
        (
            "of three the last, and old",
            &[(any, Some(8)), (Some(6), Some(11)), (Some(3), Some(20))],
            2,
            11,
            revoked,
        ),
    ];
    for (name, entries, issued, now, expected) in cases {
        for reversed in [false, true] {
            let mut builder = ListBuilder::default();
            let mut entries = entries.to_vec();
            if reversed {
                entries.reverse();
            }
            // Others stand around it.
            for number in 0..20 {
                let until = (number % 2 == 0).then_some(number);
                builder.add("okta", Subject::Identity(&number.to_string()), reach(None, until));
            }
            for (before, until) in &entries {
                builder.add("okta", ALICE, reach(*before, *until));
            }
            // Every worker has the same, whoever fetched it.
            let world = World::default();
            let (mut one, mut other) = (fetched(OnStale::Allow), fetched(OnStale::Allow));
            publish(&mut one, builder.finish(), &world);
            other.sync(&world.env());
            let now = UnixMillis::from_secs(now);
            for worker in [&one, &other] {
                let judged = worker.judge(&facts("alice", Some(issued)), now);
                let expected = expected.map_or(Ok(()), |deny| Err(Revoked::Listed(deny)));
                assert_eq!(judged, expected, "{name}");
                assert_eq!(worker.judge(&facts("bob", Some(issued)), now), Ok(()), "{name}");
                assert!(worker.fetched_entries() >= Some(21), "{name}");
            }
        }
    }
}

#[test]
fn what_is_over_when_the_document_is_read_takes_no_room() {
    let entry = |name: &str, until: &str| {
        format!(r#"{{"provider": "okta", "identity": "{name}", "until": "{until}"}}"#)
    };
    let text = format!(
        r#"{{"entries": [{}, {}, {}, {{"provider": "okta", "jti": "x", "until": null}}]}}"#,
        entry("alice", "1970-01-01T00:16:40Z"),
        entry("bob", "1970-01-01T00:16:40.001Z"),
        entry("carol", "1970-01-01T01:16:40+01:00"),
    );
    for (now, entries) in [(999_999, 4), (1_000_000, 2), (1_000_001, 1)] {
        let list = parse(text.as_bytes(), UnixMillis::new(now)).expect("a list");
        assert_eq!(list.len(), entries, "{now}");
    }
    // However many there are.
    let over = vec![entry("alice", "1970-01-01T00:00:00Z"); MAX_ENTRIES + 1].join(",");
    let list = parse(format!(r#"{{"entries": [{over}]}}"#).as_bytes(), NOW).expect("a list");
    assert!(list.is_empty());
}

#[test]
fn a_published_list_with_ends_that_is_out_of_order_is_none() {
    let world = World::default();
    let mut one = fetched(OnStale::Deny);
    let mut builder = ListBuilder::default();
    builder.add("okta", ALICE, reach(Some(5), None));
    builder.add("okta", ALICE, reach(Some(6), Some(9)));
    publish(&mut one, builder.finish(), &world);
    let key = "tg1/revoked-list/0123456789abcdef0123456789abcdef";
    let good = world.store.get(key).value.expect("published");
    let (head, entries) = good.split_at(good.len() - 64);
    let (first, second) = entries.split_at(32);
    let spoilt = [
        ("the other way round", [head, second, first].concat()),
        ("twice", [head, first, first].concat()),
        ("one cut", [head, first, &second[..24]].concat()),
    ];
    for (name, bytes) in spoilt {
        world.store.force(key, &bytes);
        let mut other = fetched(OnStale::Deny);
        other.sync(&world.env());
        assert_eq!(other.fetched_entries(), None, "{name}");
    }
    world.store.force(key, &good);
    let mut other = fetched(OnStale::Deny);
    other.sync(&world.env());
    assert_eq!(other.fetched_entries(), Some(2));
}

#[test]
fn every_one_of_many_is_found_and_nobody_else() {
    let mut builder = ListBuilder::default();
    for number in 0..1000 {
        builder.add("okta", Subject::Identity(&format!("revoked {number}")), Reach::default());
    }
    let revocations = of(builder.finish());
    let judge = |who: String| revocations.judge(&facts(&who, None), UnixMillis::new(0));
    for number in 0..1000 {
        let refused = Err(Revoked::Listed(Deny::SessionInactive));
        assert_eq!(judge(format!("revoked {number}")), refused, "{number}");
        assert_eq!(judge(format!("good {number}")), Ok(()), "{number}");
    }
}

#[test]
fn what_need_not_be_asked_is_told() {
    let url = Some(source(OnStale::Deny));
    let token = || list(&[("okta", Subject::Token(&DIGEST), None)]);
    assert!(of(list(&[])).is_empty());
    assert!(!of(token()).is_empty());
    assert!(!Revocations::new(list(&[]), url).is_empty());
    assert!(of(token()).names_tokens());
    assert!(!of(list(&[("okta", ALICE, None)])).names_tokens());
}

#[test]
fn a_document_is_read_whole() {
    let hex = "ab".repeat(32);
    let text = format!(
        r#"{{ "generated": [{{"entries": 1}}], "entries": [
            {{"provider": "okta", "identity": "al\u0069ce", "description": "left in May"}},
            {{"provider": "okta", "identity": "bob", "issued_before": "1970-01-01T00:16:40Z"}},
            {{"jti": "carol-1", "provider": "okta", "identity": null}},
            {{"provider": "elsewhere", "token_sha256": "{hex}"}} ] }}"#
    );
    let list = parse(text.as_bytes(), NOW).expect("a list");
    assert_eq!(list.len(), 4);
    let revocations = of(list);
    assert!(revocations.names_tokens());
    let judge = |who, issued| {
        revocations.judge(&facts(who, issued), UnixMillis::new(0)).err().map(
            |revoked| match revoked {
                Revoked::Listed(deny) => deny.code(),
                Revoked::Unknown(_) => "unknown",
            },
        )
    };
    assert_eq!(judge("alice", Some(5000)), Some("session_inactive"));
    assert_eq!(judge("bob", Some(999)), Some("token_revoked"));
    assert_eq!(judge("bob", Some(1000)), None);
    assert_eq!(judge("carol", None), Some("token_revoked"));
    assert_eq!(judge("dave", None), None);
    assert_eq!(parse(br#"{"entries": []}"#, NOW).expect("a list").len(), 0);
}

#[test]
fn a_document_with_one_mistake_is_no_list() {
    let cases = [
        ("nothing", "", "EOF"),
        ("no JSON", "{", "EOF"),
        ("no object", "[]", "invalid type: sequence"),
        ("no entries", "{}", "missing field"),
        ("entries twice", r#"{"entries": [], "entries": []}"#, "duplicate field"),
        ("something behind it", r#"{"entries": []} x"#, "trailing"),
        ("entries that are no list", r#"{"entries": {}}"#, "invalid type: map"),
        ("an entry that is no object", r#"{"entries": [7]}"#, "invalid type: integer"),
        ("no provider", r#"{"entries": [{"identity": "a"}]}"#, "missing field"),
        ("nobody", r#"{"entries": [{"provider": "p"}]}"#, "not exactly one of"),
        (
            "two subjects",
            r#"{"entries": [{"provider": "p", "identity": "a", "jti": "b"}]}"#,
            "not exactly one of",
        ),
        (
            "an empty identity",
            r#"{"entries": [{"provider": "p", "identity": ""}]}"#,
            "an empty string",
        ),
        ("an empty id", r#"{"entries": [{"provider": "p", "jti": ""}]}"#, "an empty string"),
        (
            "an identity that is a number",
            r#"{"entries": [{"provider": "p", "identity": 7}]}"#,
            "invalid type: integer",
        ),
        (
            "a short digest",
            r#"{"entries": [{"provider": "p", "token_sha256": "ab"}]}"#,
            "not 64 of",
        ),
        ("a typo", r#"{"entries": [{"provider": "p", "identty": "a"}]}"#, "unknown field"),
        (
            "a member twice",
            r#"{"entries": [{"provider": "p", "provider": "q", "jti": "a"}]}"#,
            "duplicate field",
        ),
        (
            "no moment",
            r#"{"entries": [{"provider": "p", "jti": "a", "issued_before": "now"}]}"#,
            "no point in time",
        ),
        (
            "no end",
            r#"{"entries": [{"provider": "p", "jti": "a", "until": "2026-13-01T00:00:00Z"}]}"#,
            "'until' is no point in time",
        ),
        (
            "an end in seconds",
            r#"{"entries": [{"provider": "p", "jti": "a", "until": 4000000000}]}"#,
            "invalid type: integer",
        ),
        (
            "a mistake that is over",
            r#"{"entries": [{"provider": "p", "until": "1969-01-01T00:00:00Z"}]}"#,
            "no point in time",
        ),
        (
            "nobody, and over",
            r#"{"entries": [{"provider": "p", "until": "1970-01-01T00:00:00Z"}]}"#,
            "not exactly one of",
        ),
        ("bytes that are no UTF-8", "{\"entries\": [{\"provider\": \"\u{7f}", "EOF"),
        (
            "the last of many",
            r#"{"entries": [{"provider": "p", "jti": "a"}, {"provider": "p"}]}"#,
            "not exactly one of",
        ),
    ];
    for (name, text, reason) in cases {
        let error = parse(text.as_bytes(), NOW).expect_err(name).to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
    assert!(parse(b"{\"entries\": [{\"provider\": \"p\", \"jti\": \"\xff\"}]}", NOW).is_err());
}

#[test]
fn a_document_is_bounded() {
    let document = |count: usize| {
        let entries: Vec<_> =
            (0..count).map(|n| format!(r#"{{"provider":"p","identity":"{n}"}}"#)).collect();
        format!(r#"{{"entries":[{}]}}"#, entries.join(","))
    };
    assert_eq!(
        parse(document(MAX_ENTRIES).as_bytes(), NOW).expect("as many as may be").len(),
        MAX_ENTRIES
    );
    let error = parse(document(MAX_ENTRIES + 1).as_bytes(), NOW).expect_err("one too many");
    assert!(error.to_string().contains("more than 100000 entries"), "{error}");
    let sized = |bytes: usize| {
        let empty = r#"{"entries":[]}"#;
        empty.to_owned() + &" ".repeat(bytes - empty.len())
    };
    assert!(parse(sized(MAX_DOCUMENT_BYTES).as_bytes(), NOW).is_ok());
    assert!(parse(sized(MAX_DOCUMENT_BYTES + 1).as_bytes(), NOW).is_err());
}

#[test]
fn what_one_worker_fetches_all_have() {
    let world = World::default();
    let (mut one, mut other) = (fetched(OnStale::Deny), fetched(OnStale::Deny));
    let alice = facts("alice", Some(1000));
    assert!(matches!(one.judge(&alice, world.now.get()), Err(Revoked::Unknown(_))));
    let (attempt, _) = one.attempt(&world.env()).expect("due at once");
    assert_eq!(other.attempt(&world.env()), None, "one fetches");
    let first = one.succeed(attempt, (list(&[("okta", ALICE, None)]), None), &world.env());
    assert_eq!(first, Finished::Changed);
    other.sync(&world.env());
    for worker in [&one, &other] {
        let judged = worker.judge(&alice, world.now.get());
        assert_eq!(judged, Err(Revoked::Listed(Deny::SessionInactive)));
        assert_eq!(worker.judge(&facts("bob", None), world.now.get()), Ok(()));
        assert_eq!(worker.fetched_entries(), Some(1));
    }
    world.wait(Duration::from_secs(10));
    assert_eq!(publish(&mut other, list(&[("okta", ALICE, None)]), &world), Finished::Confirmed);
    world.wait(Duration::from_secs(10));
    assert_eq!(publish(&mut other, list(&[]), &world), Finished::Changed);
    assert!(one.judge(&alice, world.now.get()).is_err(), "not yet seen");
    one.sync(&world.env());
    assert_eq!(one.judge(&alice, world.now.get()), Ok(()));
}

#[test]
fn a_list_too_old_to_rely_upon_refuses_or_not_as_configured() {
    let max_stale = Duration::from_hours(1);
    for (on_stale, expected) in [(OnStale::Deny, false), (OnStale::Allow, true)] {
        let world = World::default();
        let mut worker = fetched(on_stale);
        let (alice, bob) = (facts("alice", None), facts("bob", None));
        assert_eq!(worker.judge(&bob, world.now.get()).is_ok(), expected, "{on_stale:?}: before");
        publish(&mut worker, list(&[("okta", ALICE, None)]), &world);
        world.wait(max_stale);
        assert_eq!(worker.judge(&bob, world.now.get()), Ok(()), "{on_stale:?}: as old as may be");
        world.wait(Duration::from_millis(1));
        let judged = worker.judge(&bob, world.now.get());
        assert_eq!(judged.is_ok(), expected, "{on_stale:?}: too old");
        let refused = Err(Revoked::Listed(Deny::SessionInactive));
        assert_eq!(worker.judge(&alice, world.now.get()), refused, "{on_stale:?}: still listed");
        let (attempt, _) = worker.attempt(&world.env()).expect("due");
        assert_eq!(worker.fail(attempt, 1, "no answer", &world.env()), Finished::Failed);
        assert_eq!(worker.judge(&alice, world.now.get()), refused, "the old one is kept");
        assert_eq!(worker.fetched_entries(), Some(1));
    }
}

/// The tag that a worker's next fetch names; the attempt is given back.
fn named(worker: &mut Revocations, world: &World) -> Option<String> {
    let (attempt, tag) = worker.attempt(&world.env()).expect("due");
    let tag = tag.map(|tag| tag.as_str().to_owned());
    worker.give_back(attempt, &world.env());
    tag
}

#[test]
fn a_list_is_named_by_whoever_has_it_and_confirmed_for_all() {
    let world = World::default();
    let (mut one, mut other) = (fetched(OnStale::Deny), fetched(OnStale::Deny));
    assert_eq!(named(&mut one, &world), None, "there is no list yet");
    let alice = list(&[("okta", ALICE, None)]);
    publish_as(&mut one, (alice.clone(), Some("W/\"1\"")), &world);
    world.wait(Duration::from_secs(10));
    let (attempt, tag) = other.attempt(&world.env()).expect("due");
    assert_eq!(tag, Some(&entity_tag("W/\"1\"")), "by a worker that did not fetch it");
    let confirmed = other.confirm(attempt, Some(&entity_tag("\"1\"")), &world.env());
    assert_eq!(confirmed, Some(Finished::Confirmed));
    // Fresh for both, and for one that comes later.
    world.wait(Duration::from_mins(59));
    let mut third = fetched(OnStale::Deny);
    for worker in [&mut one, &mut other, &mut third] {
        worker.sync(&world.env());
        assert!(worker.can_tell(world.now.get()));
        assert_eq!(worker.fetched_entries(), Some(1));
        assert_eq!(named(worker, &world).as_deref(), Some("W/\"1\""));
    }
    // A list without a tag, and the same list with another.
    publish(&mut one, alice.clone(), &world);
    world.wait(Duration::from_secs(10));
    assert_eq!(named(&mut other, &world), None);
    publish_as(&mut one, (alice, Some("\"2\"")), &world);
    world.wait(Duration::from_secs(10));
    assert_eq!(named(&mut other, &world).as_deref(), Some("\"2\""));
}

#[test]
fn without_a_store_a_worker_names_its_own_list() {
    let world = World::default();
    world.store.absent.set(true);
    let mut worker = fetched(OnStale::Deny);
    publish_as(&mut worker, (list(&[("okta", ALICE, None)]), Some("\"1\"")), &world);
    world.wait(Duration::from_secs(10));
    let (attempt, tag) = worker.attempt(&world.env()).expect("due");
    assert_eq!(tag, Some(&entity_tag("\"1\"")));
    assert_eq!(worker.confirm(attempt, None, &world.env()), Some(Finished::Confirmed));
    world.wait(Duration::from_secs(10));
    let (attempt, tag) = worker.attempt(&world.env()).expect("due");
    assert!(tag.is_some());
    assert_eq!(worker.confirm(attempt, Some(&entity_tag("\"2\"")), &world.env()), None);
    assert_eq!(worker.fail(attempt, 15, "304", &world.env()), Finished::Failed);
    world.wait(Duration::from_secs(10));
    assert_eq!(named(&mut worker, &world), None);
    assert_eq!(worker.fetched_entries(), Some(1), "the old one stays");
}

#[test]
fn what_confirms_no_list_at_hand_has_failed_and_the_next_fetch_names_none() {
    let tagged = || (list(&[("okta", ALICE, None)]), Some("\"1\""));
    let (same, another) = (entity_tag("\"1\""), entity_tag("\"2\""));
    // name, whether a list is at hand, the tag that comes, what comes of it
    let cases = [
        ("the one that was named", true, Some(&same), Some(Finished::Confirmed)),
        ("nobody says which", true, None, Some(Finished::Confirmed)),
        ("another", true, Some(&another), None),
        ("nobody has asked", false, Some(&same), None),
    ];
    for (name, at_hand, tag, expected) in cases {
        let world = World::default();
        let (mut one, mut other) = (fetched(OnStale::Deny), fetched(OnStale::Deny));
        if at_hand {
            publish_as(&mut one, tagged(), &world);
            world.wait(Duration::from_secs(10));
        }
        let (attempt, _) = one.attempt(&world.env()).expect("due");
        let confirmed = one.confirm(attempt, tag, &world.env());
        assert_eq!(confirmed, expected, "{name}");
        if confirmed.is_none() {
            assert_eq!(one.fail(attempt, 15, "304", &world.env()), Finished::Failed, "{name}");
            assert_eq!(one.fetched_entries(), at_hand.then_some(1), "{name}: the old one stays");
        }
        world.wait(Duration::from_secs(10));
        for worker in [&mut one, &mut other] {
            let named = named(worker, &world);
            assert_eq!(named.is_some(), confirmed.is_some(), "{name}: {named:?}");
        }
    }
}

#[test]
fn whose_list_is_another_than_the_tags_names_none() {
    let key = |kind: &str| format!("tg1/{kind}/0123456789abcdef0123456789abcdef");
    let world = World::default();
    let mut one = fetched(OnStale::Deny);
    publish_as(&mut one, (list(&[("okta", ALICE, None)]), Some("\"1\"")), &world);
    let good = world.store.get(&key("revoked-tag")).value.expect("published");
    let head = good.len() - 16 - 3;
    let spoilt = [
        ("another version", [&good[..head], &[!good[head]], &good[head + 1..]].concat()),
        ("no tag", good[..head + 16].to_vec()),
        ("half a version", good[..head + 8].to_vec()),
        ("what is no tag", [&good[..head + 16], b"x\r\ny: z"].concat()),
        ("another's", [&good[..5], b"x", &good[6..]].concat()),
        ("nothing", Vec::new()),
    ];
    world.wait(Duration::from_secs(10));
    assert_eq!(named(&mut one, &world).as_deref(), Some("\"1\""));
    for (name, bytes) in spoilt {
        world.store.force(&key("revoked-tag"), &bytes);
        assert_eq!(named(&mut one, &world), None, "{name}");
    }
    // Nor does a worker that cannot read the list.
    world.store.force(&key("revoked-tag"), &good);
    world.store.force(&key("revoked-list"), b"spoilt");
    let mut other = fetched(OnStale::Deny);
    assert_eq!(named(&mut other, &world), None);
    // It has the list fetched whole, though one that has it hears that nothing has changed.
    let (attempt, tag) = one.attempt(&world.env()).expect("due");
    assert!(tag.is_some());
    assert_eq!(one.confirm(attempt, None, &world.env()), Some(Finished::Confirmed));
    let (attempt, tag) = other.attempt(&world.env()).expect("out of turn");
    assert_eq!(tag, None);
    let fetched = (list(&[("okta", ALICE, None)]), Some(entity_tag("\"1\"")));
    assert_eq!(other.succeed(attempt, fetched, &world.env()), Finished::Changed);
    assert_eq!(other.fetched_entries(), Some(1));
}

#[test]
fn a_published_list_that_cannot_be_read_is_fetched_anew() {
    let key = "tg1/revoked-list/0123456789abcdef0123456789abcdef";
    let world = World::default();
    let mut one = fetched(OnStale::Deny);
    publish(&mut one, list(&[("okta", ALICE, None), ("okta", Subject::Jti("x"), Some(9))]), &world);
    let good = world.store.get(key).value.expect("published");
    let head = good.len() - 2 - 48;
    let spoilt = [
        ("another version", [&good[..head], &[3], &good[head + 1..]].concat()),
        ("a kind that there is not", [&good[..=head], &[8], &good[head + 2..]].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("no version", good[..head].to_vec()),
        ("another's", [&good[..5], b"x", &good[6..]].concat()),
        (
            "out of order",
            [&good[..head + 2], &good[head + 26..], &good[head + 2..head + 26]].concat(),
        ),
        ("one entry less", good[..head + 26].to_vec()),
        ("ends that it has not", [&good[..=head], &[6], &good[head + 2..]].concat()),
    ];
    for (name, bytes) in spoilt {
        world.store.force(key, &bytes);
        let mut other = fetched(OnStale::Deny);
        other.sync(&world.env());
        assert_eq!(other.fetched_entries(), None, "{name}");
        assert!(matches!(
            other.judge(&facts("bob", None), world.now.get()),
            Err(Revoked::Unknown(_))
        ));
    }
    // Out of turn, though the scheduled one is not due.
    let mut other = fetched(OnStale::Deny);
    other.sync(&world.env());
    assert_eq!(publish(&mut other, list(&[]), &world), Finished::Changed);
}
