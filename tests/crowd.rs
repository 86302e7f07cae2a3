//! More subjects than there is room for, where a service counts: nobody is refused for want of room, none
//! counts for another, and limits hold.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use support::store::MemoryStore;
use support::token::{NOW, Signer, Token, key_set};
use support::world::{Worker, World};
use tollgate::env::{Downstream, Env, Random, Unmetered};
use tollgate::event::CallResponse;
use tollgate::http::Fields;
use tollgate::jose::verify::InWasm;
use tollgate::limits::{
    Batch, Call, Charge, Count, Counters, Definition, Does, Ended, Purpose, Quota, Rate, Rule,
    Said, Service, Share, Subject, Taken,
};
use tollgate::store::RecordId;
use tollgate::time::UnixMillis;

/// One group of eight.
const ROOM: u32 = 8;
const DAY: u64 = 86_400;

struct Nowhere;

impl Downstream for Nowhere {
    fn address(&self) -> Option<Vec<u8>> {
        None
    }
}

struct Always;

impl Random for Always {
    fn u64(&self) -> u64 {
        7
    }
}

/// A quota of so many in so many seconds, which a service counts for the process alone.
fn quota(requests: u32, per: u64) -> Charge {
    let limit = Quota { requests, per: Duration::from_secs(per) };
    let count = Count::Fleet;
    Charge::Quota(Definition { count, ..Definition::new(&["quota"], limit) })
}

fn rate(requests: u32, per: u64) -> Charge {
    let limit = Rate { requests, per: Duration::from_secs(per), burst: requests };
    let count = Count::Fleet;
    Charge::Rate(Definition { count, ..Definition::new(&["rate"], limit) })
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Became {
    /// It passed, by this; by a call where there is none.
    Passed(Option<Rule>),
    Refused,
    Full,
}

/// A process, and a service that counts for it alone.
struct Process {
    counters: Counters,
    store: MemoryStore,
    now: UnixMillis,
    share: Share,
    charge: Charge,
    /// What the service has counted of each subject, and when its window ends.
    counted: BTreeMap<RecordId, (u64, u64)>,
    /// The calls that were made for requests.
    asked: Vec<Call>,
    /// Whose requests are to be reported.
    reports: Vec<String>,
    is_reported: bool,
}

impl Process {
    fn new(counters: Counters, charge: Charge, tolerance: u32) -> Self {
        let share = Share { service: Service::Ratelimit, replicas: 1, tolerance };
        Self {
            counters,
            store: MemoryStore::default(),
            // Where all windows of these lengths begin.
            now: UnixMillis::from_secs(30 * DAY * 600),
            share,
            charge,
            counted: BTreeMap::new(),
            asked: Vec::new(),
            reports: Vec::new(),
            is_reported: true,
        }
    }

    fn env(&self) -> Env<'_> {
        Env {
            now: self.now,
            random: &Always,
            shared: &self.store,
            metrics: &Unmetered,
            verifier: &InWasm,
            signer: None,
            downstream: &Nowhere,
        }
    }

    fn id(&self, who: &str) -> RecordId {
        self.counters.id(Subject::Address(who.as_bytes()))
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// The service counts a batch, and then says whether it is over.
    fn judge(&mut self, who: &RecordId, hits: u32) -> Said {
        let per = self.charge.per().as_secs();
        let window = self.now.secs() / per;
        let (count, of) = self.counted.entry(*who).or_default();
        if *of != window {
            (*count, *of) = (0, window);
        }
        *count += u64::from(hits);
        let left = u64::from(self.charge.requests()).saturating_sub(*count);
        Said {
            is_over: *count > self.charge.requests().into(),
            remaining: u32::try_from(left).unwrap(),
            reset: Some(per - self.now.secs() % per),
        }
    }

    fn request(&mut self, who: &str) -> Became {
        let id = self.id(who);
        let mut settled = Vec::new();
        let mut is_counted = false;
        loop {
            let batch = Batch {
                charges: &[self.charge],
                share: self.share,
                settled: &settled,
                is_counted,
                is_reported: self.is_reported,
            };
            match self.counters.take(&id, batch, Does::Charge, &self.env()) {
                Taken::Passes(passed) => {
                    if passed.wishes.iter().any(|wish| wish.ahead.is_none()) {
                        self.reports.push(who.to_owned());
                    }
                    return Became::Passed(passed.rules.first().copied().flatten());
                }
                Taken::Asks(..) => {
                    is_counted = true;
                    let of = (&self.charge, self.share);
                    let call = self.counters.call(&id, of, Purpose::Request, &self.env());
                    let call = call.expect("a request always asks");
                    self.asked.push(call);
                    let said = self.judge(&id, call.hits());
                    let of = (&self.charge, self.share);
                    match self.counters.ended(&id, of, (call, Some(said)), &self.env()) {
                        Some(Ended::Passes(_)) => settled.push(self.charge.id()),
                        Some(Ended::Refused(..)) => return Became::Refused,
                        other => panic!("{other:?}"),
                    }
                }
                Taken::Refused { .. } => return Became::Refused,
                Taken::Full => return Became::Full,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The same while the service cannot be asked.
    fn request_alone(&mut self, who: &str) -> Became {
        let of = (&self.charge, self.share);
        match self.counters.take_own(&self.id(who), of, &self.env()) {
            Taken::Passes(passed) => {
                if !passed.wishes.is_empty() {
                    self.reports.push(who.to_owned());
                }
                Became::Passed(passed.rules.first().copied().flatten())
            }
            Taken::Refused { .. } => Became::Refused,
            Taken::Full => Became::Full,
            other => panic!("{other:?}"),
        }
    }

    /// Reports all that is to be reported.
    fn report(&mut self) {
        for who in std::mem::take(&mut self.reports) {
            let id = self.id(&who);
            let of = (&self.charge, self.share);
            let call = self.counters.call(&id, of, Purpose::Report, &self.env());
            if let Some(call) = call {
                let said = self.judge(&id, call.hits());
                let of = (&self.charge, self.share);
                let _ = self.counters.ended(&id, of, (call, Some(said)), &self.env());
            }
        }
    }

    fn counted(&self, who: &str) -> u64 {
        self.counted.get(&self.id(who)).map_or(0, |(count, _)| *count)
    }
}

fn tables() -> [(&'static str, Counters); 2] {
    let addresses = Counters::of_addresses(ROOM, "main");
    [("callers", Counters::new(ROOM, "main")), ("addresses", addresses)]
}

const UNREPORTED: Became = Became::Passed(Some(Rule::Unreported));
const ASKED: Became = Became::Passed(None);

#[test]
fn newcomers_without_room_have_the_service_asked_each_for_himself() {
    for (table, counters) in tables() {
        let mut process = Process::new(counters, quota(100, 30 * DAY), 50);
        for number in 0..ROOM {
            assert_eq!(process.request(&format!("early{number}")), UNREPORTED, "{table}");
        }
        for number in 0..20 {
            for _ in 0..3 {
                assert_eq!(process.request(&format!("late{number}")), ASKED, "{table} {number}");
            }
            assert_eq!(process.counted(&format!("late{number}")), 3, "{table}: his own");
        }
        let carries = |call: &Call| call.own != 1 || call.carried != 0 || call.ahead != 0;
        assert!(!process.asked.iter().any(carries), "{table}: {:?}", process.asked);
        // One who uses up his own shuts out nobody.
        let passed = (0..200).filter(|_| process.request("greedy") == ASKED).count();
        assert_eq!((passed, process.request("greedy")), (100, Became::Refused), "{table}");
        assert_eq!(process.request("modest"), ASKED, "{table}");
        // Those who came early have their places, and are reported.
        process.report();
        assert_eq!(process.counted("early0"), 1, "{table}");
    }
}

#[test]
fn a_process_s_own_counter_of_a_rate_still_needs_room() {
    for ((table, counters), expected) in tables().into_iter().zip([Became::Full, ASKED]) {
        let mut process = Process::new(counters, rate(100, 3600), 50);
        for number in 0..ROOM {
            assert_eq!(process.request(&format!("early{number}")), UNREPORTED, "{table}");
        }
        assert_eq!(process.request("late"), expected, "{table}");
    }
}

#[test]
fn whose_record_may_have_been_given_up_in_the_window_is_asked_about_first() {
    for (table, counters) in tables() {
        let mut process = Process::new(counters, quota(100, DAY), 10);
        while process.request("regular") != Became::Refused {}
        // He is remembered until a crowd has taken his place.
        let calls = process.asked.len();
        assert_eq!((process.request("regular"), process.asked.len()), (Became::Refused, calls));
        for number in 0..100 {
            process.wait(Duration::from_secs(1));
            let became = process.request(&format!("crowd{number}"));
            assert_eq!(became, if number < 7 { UNREPORTED } else { ASKED }, "{table} {number}");
            process.report();
        }
        let calls = process.asked.len();
        assert_eq!(process.request("regular"), Became::Refused, "{table}");
        assert_eq!(process.asked.len(), calls + 1, "{table}: the service was asked");
        // A window later nothing that was given up counts any more.
        process.wait(Duration::from_secs(DAY + 2));
        assert_eq!(process.request("newcomer"), UNREPORTED, "{table}");
    }
}

#[test]
fn what_cannot_be_reported_in_time_is_asked_for() {
    for (per, expected) in [(DAY, ASKED), (60, UNREPORTED)] {
        let mut process = Process::new(Counters::new(ROOM, "main"), quota(100, per), 50);
        process.is_reported = false;
        assert_eq!(process.request("alice"), expected, "{per}");
        assert_eq!(process.counted("alice"), u64::from(expected == ASKED), "{per}");
    }
}

#[test]
fn while_the_service_is_away_addresses_without_room_share_a_part_and_nobody_is_charged_for_it() {
    let counters = Counters::of_addresses(ROOM, "main");
    let mut process = Process::new(counters, quota(10, 30 * DAY), 0);
    for number in 0..ROOM {
        assert_eq!(
            process.request_alone(&format!("early{number}")),
            Became::Passed(Some(Rule::Own))
        );
    }
    let late = |process: &mut Process, number: u32| process.request_alone(&format!("late{number}"));
    let passed = (0..30).filter(|number| late(&mut process, *number) != Became::Refused).count();
    assert_eq!(passed, 10, "together");
    process.report();
    for number in 0..30 {
        assert_eq!(process.counted(&format!("late{number}")), 0);
    }
    assert_eq!(process.counted("early0"), 1);
    // It is back.
    assert_eq!(process.request("late0"), ASKED);
    assert_eq!(process.counted("late0"), 1);
}

proptest! {
    /// However many come by turns, of each no more pass in a window than the limit and its tolerance, the
    /// service hears of all but that tolerance, and nobody is refused for want of room.
    #[test]
    fn limits_hold_however_many_compete_for_room(
        is_address in any::<bool>(),
        tolerance in prop_oneof![Just(0_u32), Just(10), Just(50)],
        steps in prop::collection::vec((0..60_u8, 0..24_usize), 1..400),
    ) {
        const LIMIT: u32 = 20;
        let [callers, addresses] = tables().map(|(_, counters)| counters);
        let counters = if is_address { addresses } else { callers };
        let mut process = Process::new(counters, quota(LIMIT, 30 * DAY), tolerance);
        let mut passed = [0_u32; 24];
        for (step, who) in steps {
            match step {
                0 => process.report(),
                1 => process.wait(Duration::from_secs(9)),
                // A few come often enough to reach their limits.
                step => {
                    let who = if step < 40 { who % 3 } else { who };
                    let became = process.request(&format!("s{who}"));
                    prop_assert_ne!(became, Became::Full);
                    passed[who] += u32::from(became != Became::Refused);
                }
            }
        }
        let unreported = LIMIT * tolerance / 100;
        for (who, passed) in passed.iter().enumerate() {
            prop_assert!(*passed <= LIMIT + unreported, "s{}: {}", who, passed);
        }
        process.report();
        for (who, passed) in passed.iter().enumerate() {
            prop_assert!(process.counted(&format!("s{who}")) >= u64::from(*passed), "s{}", who);
        }
    }
}

/// An answer of Limitador's: it is not over, and this is the limit.
fn granted() -> CallResponse {
    let field = |tag: u8, content: &[u8]| {
        [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
    };
    let header =
        |name: &[u8], value: &[u8]| field(0x1a, &[field(0x0a, name), field(0x12, value)].concat());
    let message = [
        vec![0x08, 1],
        header(b"X-RateLimit-Limit", b"1000"),
        header(b"X-RateLimit-Remaining", b"999"),
        header(b"X-RateLimit-Reset", b"2000000"),
    ];
    let message = message.concat();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0][..], &length, &message].concat();
    let trailers = [("grpc-status", "0")].into_iter().collect();
    CallResponse { status: 200, headers: Fields::default(), body_size: body.len(), body, trailers }
}

#[test]
fn strangers_who_come_faster_than_the_service_answers_wait_and_none_is_forgotten() {
    const POLICY: &str = r#"{ "quota": { "requests": 1000, "per": "30d" } }"#;
    // As many reports as a worker remembers, and as many calls as it makes that nobody waits for.
    const REMEMBERED: usize = 4096;
    const OUT: usize = 256;
    const MORE: usize = 100;
    let (world, signer) = (World::default(), Signer::new("k1"));
    let config = format!(
        r#"{{ "providers": {{ "idp": {{ "issuer": "https://id.example.com/", "audiences": ["api"],
              "jwks": {{ "inline": {} }} }} }},
           "apis": [ {{ "name": "all", "match": {{ "paths": ["/**"] }}, "auth": ["idp"],
                        "policies": {{ "default": ["standard"] }} }} ],
           "policies": {{ "standard": {POLICY} }},
           "limits": {{ "remote": {{ "service": "limitador", "cluster": "rls", "replicas": 1 }} }} }}"#,
        key_set(&[&signer]),
    );
    let mut worker = Worker::new(&world, &config);
    let come = |worker: &mut Worker<'_>, number: usize| {
        let identity = format!("user{number}");
        let token =
            Token::for_identity(&identity).claim("exp", NOW + 86_400).claim("jti", &*identity);
        let stream = worker.get(&signer.sign(&token));
        worker.verdict(stream)
    };
    for number in 0..REMEMBERED + OUT {
        assert_eq!(come(&mut worker, number), "forwarded", "{number}");
    }
    for number in REMEMBERED + OUT..REMEMBERED + OUT + MORE {
        assert_eq!(come(&mut worker, number), "waiting", "{number}");
    }
    let mut answered = 0;
    for _ in 0..200 {
        world.wait(Duration::from_millis(50));
        worker.tick();
        while let Some(call) = worker.calls.keys().next().copied() {
            worker.call_done(call, Some(granted()));
            answered += 1;
        }
    }
    assert_eq!(answered, REMEMBERED + OUT + MORE, "each once");
}
