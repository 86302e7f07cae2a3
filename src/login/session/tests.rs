use serde_json::json;

use super::*;

const NOW: UnixMillis = UnixMillis::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const SKEW: Duration = Duration::from_secs(60);

const TERMS: Terms = Terms {
    max: Duration::from_secs(8 * 3600),
    idle: None,
    ahead: Duration::from_secs(60),
    grace: Duration::from_secs(900),
};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn name(text: &str) -> ClaimRef {
    ClaimRef::Name(text.into())
}

fn path(names: &[&str]) -> ClaimRef {
    ClaimRef::Path(names.iter().map(|name| (*name).into()).collect())
}

fn claims(value: &Value) -> Claims {
    Claims::parse(value.to_string().as_bytes()).unwrap()
}

fn session() -> Session {
    let token = claims(&json!({
        "iss": "https://id.example.com/", "sub": "00u1", "email": "a@example.com",
        "groups": ["admins", "büro"], "exp": 1, "picture": "https://example.com/long",
    }));
    Session {
        id: SessionId { id: [3; 16], generation: 7 },
        attempt: [4; 16],
        begun: NOW,
        renewed: NOW,
        used: NOW,
        authenticated: Some(NOW.before(HOUR)),
        until: None,
        expires_in: HOUR,
        is_renewable: true,
        issuer: "https://id.example.com/".into(),
        subject: "00u1".into(),
        identity: "00u1".into(),
        client: "0oa1".into(),
        scopes: "openid email".into(),
        sid: Some("102".into()),
        claims: Kept::of(&token, &[name("sub"), name("email"), name("groups")]),
    }
}

#[test]
fn a_session_is_read_as_it_was_written() {
    let other = Session {
        authenticated: None,
        until: Some(NOW.after(HOUR)),
        is_renewable: false,
        identity: "a@example.com".into(),
        sid: None,
        scopes: "".into(),
        claims: Kept::default(),
        ..session()
    };
    for session in [session(), other] {
        assert!(Session::read(&session.write(), NOW, SKEW) == Ok(session));
    }
}

#[test]
fn what_was_not_written_so_is_no_session() {
    let record = session().write();
    for end in 0..record.len() {
        assert_eq!(Session::read(&record[..end], NOW, SKEW).err(), Some(Unusable::Form), "{end}");
    }
    for version in [0, 2, 255] {
        let mut changed = record.to_vec();
        changed[0] = version;
        assert_eq!(Session::read(&changed, NOW, SKEW).err(), Some(Unusable::Form));
    }
    let long = [&record[..], &[b' '; MOST_BYTES]].concat();
    assert_eq!(Session::read(&long, NOW, SKEW).err(), Some(Unusable::Form));
    let more = [&record[..], b"{}"].concat();
    assert_eq!(Session::read(&more, NOW, SKEW).err(), Some(Unusable::Form));
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_read_with_a_panic(record: Vec<u8>, cut in 0_usize..200, byte: u8) {
        let _ = Session::read(&record, NOW, SKEW);
        let mut record = session().write().to_vec();
        let at = cut.min(record.len() - 1);
        record[at] = byte;
        let _ = Session::read(&record, NOW, SKEW);
    }
}

#[test]
fn h26_a_time_that_is_still_to_come_is_not_believed() {
    let ahead = NOW.after(secs(61));
    let cases = [
        ("the login", Session { begun: ahead, ..session() }),
        ("the renewal", Session { renewed: ahead, ..session() }),
        ("the use", Session { used: ahead, ..session() }),
        ("the authentication", Session { authenticated: Some(ahead), ..session() }),
        ("a clock a day ahead", Session { begun: NOW.after(HOUR * 24), ..session() }),
    ];
    for (name, session) in cases {
        let read = Session::read(&session.write(), NOW, SKEW);
        assert_eq!(read.err(), Some(Unusable::Ahead), "{name}");
    }
    // Of another proxy, whose clock is as much ahead as may be.
    let skewed = Session { begun: NOW.after(SKEW), ..session() };
    assert!(Session::read(&skewed.write(), NOW, SKEW).is_ok());
    assert!(Session::read(&session().write(), NOW.before(HOUR), SKEW).is_err());
}

#[test]
fn h26_nothing_lives_longer_than_its_longest() {
    let session = session();
    let stage = |now| session.stage(&TERMS, now, Some(UnixMillis::MAX), false);
    assert_eq!(stage(NOW.after(TERMS.max).before(Duration::from_millis(1))), Stage::Fresh);
    assert_eq!(stage(NOW.after(TERMS.max)), Stage::Ended);
    assert_eq!(stage(UnixMillis::MAX), Stage::Ended);
    let renewed = Session { renewed: NOW.after(TERMS.max), used: NOW.after(TERMS.max), ..session };
    assert_eq!(renewed.stage(&TERMS, NOW.after(TERMS.max), None, true), Stage::Ended);
    let until = Session { until: Some(NOW.after(HOUR)), ..renewed };
    assert_eq!(until.end(&TERMS), NOW.after(HOUR));
    let longer = Terms { max: Duration::MAX, ..TERMS };
    assert_eq!(until.end(&longer), NOW.after(HOUR));
}

#[test]
fn a_refresh_is_due_for_navigations_first_then_for_all_then_awaited() {
    let cases = [
        ("at first", 0, Stage::Fresh),
        ("just before its window", 3539, Stage::Fresh),
        ("in the window's first half", 3540, Stage::DueForNavigations),
        ("at its end", 3569, Stage::DueForNavigations),
        ("in the second half", 3570, Stage::DueForAll),
        ("just before the end", 3599, Stage::DueForAll),
        ("at the end", 3600, Stage::Past),
        ("while grace lasts", 3600 + 899, Stage::Past),
        ("behind it", 3600 + 900, Stage::PastGrace),
    ];
    for (name, at, expected) in cases {
        let now = NOW.after(secs(at));
        assert_eq!(session().stage(&TERMS, now, None, true), expected, "{name}");
        assert_eq!(
            session().stage(&TERMS, now, None, false),
            Stage::Fresh,
            "{name}, not refreshed"
        );
        let bare = Session { is_renewable: false, ..session() };
        assert_eq!(bare.stage(&TERMS, now, None, true), Stage::Fresh, "{name}, without a token");
    }
    // What lives for a minute is not renewed by every navigation.
    let short = Session { expires_in: secs(60), ..session() };
    let stage = |at| short.stage(&TERMS, NOW.after(secs(at)), None, true);
    assert_eq!(
        [29, 30, 45, 60].map(stage),
        [Stage::Fresh, Stage::DueForNavigations, Stage::DueForAll, Stage::Past]
    );
}

#[test]
fn a_session_that_is_not_used_ends() {
    let terms = Terms { idle: Some(secs(600)), ..TERMS };
    let stage = |used: Option<u64>, at| {
        let used = used.map(|used| NOW.after(secs(used)));
        session().stage(&terms, NOW.after(secs(at)), used, true)
    };
    assert_eq!(stage(None, 599), Stage::Fresh);
    assert_eq!(stage(None, 600), Stage::Idle);
    assert_eq!(stage(Some(500), 600), Stage::Fresh);
    assert_eq!(stage(Some(500), 1100), Stage::Idle);
    // A late answer may have written an older one.
    let used_later = Session { used: NOW.after(secs(500)), ..session() };
    assert_eq!(used_later.stage(&terms, NOW.after(secs(700)), Some(NOW), true), Stage::Fresh);
}

#[test]
fn only_the_claims_that_are_named_are_kept_and_found_as_before() {
    let token = claims(&json!({
        "iss": "https://id.example.com/", "sub": "00u1",
        "realm_access": { "roles": ["a"], "other": 1 }, "a.b": "literal", "a": { "b": "nested" },
        "flat": 1, "null": null, "big": [1, 2, 3],
    }));
    let named = [
        name("sub"),
        name("realm_access.roles"),
        name("a.b"),
        path(&["a", "b"]),
        path(&["flat"]),
        path(&["flat", "inner"]),
        name("flat.inner"),
        name("null"),
        name("absent"),
        name("absent.inner"),
        path(&["absent", "inner"]),
    ];
    let kept = Kept::of(&token, &named);
    let session = Session { claims: kept.clone(), ..session() };
    let session = Session::read(&session.write(), NOW, SKEW).unwrap();
    for claim in &named {
        assert_eq!(session.claims().find(claim), token.find(claim), "{claim}");
        assert_eq!(session.claims.lacks([claim]), None, "{claim}");
    }
    assert_eq!(session.claims().find(&name("big")), None);
    assert_eq!(session.claims().find(&name("realm_access.other")), None);
    assert_eq!(session.claims().text("iss"), Some("https://id.example.com/"));
    // One that is named since then is not known to be absent.
    for later in [name("big"), path(&["a.b"]), path(&["absent"])] {
        assert_eq!(session.claims.lacks([&named[0], &later]), Some(&later));
    }
    // The whole and a part of it, in either order.
    for named in [
        [name("realm_access"), name("realm_access.roles")],
        [name("realm_access.roles"), name("realm_access")],
    ] {
        let kept = Kept::of(&token, &named);
        let session = Session { claims: kept, ..session.clone() };
        named.iter().for_each(|claim| assert_eq!(session.claims().find(claim), token.find(claim)));
    }
}

#[test]
fn a_session_is_not_shown() {
    let shown = format!("{:?} {:?}", session(), session().claims);
    assert!(!shown.contains("00u1") && !shown.contains("example"), "{shown}");
}

#[test]
fn a_session_of_a_few_claims_makes_a_short_cookie() {
    let sealed = ((session().write().len() + crate::seal::OVERHEAD_BYTES) * 4).div_ceil(3);
    assert!(sealed < 420, "{sealed}");
}
