use proptest::prelude::*;

use super::*;
use crate::limits::fleet::Count;
use crate::limits::{Definition, Quota, Rate};

const START: u64 = 1_700_000_000_000;

fn terms(requests: u32, per: u64, share: Share) -> Terms {
    let quota = Quota { requests, per: Duration::from_secs(per) };
    let count = Count::Fleet;
    let definition = Definition { count, ..Definition::new(&["quota", "p"], quota) };
    Terms::of(&Charge::Quota(definition), share).unwrap()
}

fn share(service: Service, replicas: u32, tolerance: u32) -> Share {
    Share { service, replicas, tolerance }
}

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(START + millis)
}

fn said(remaining: u32, reset: u64) -> Said {
    Said { is_over: false, remaining, reset: Some(reset) }
}

fn over(remaining: u32, reset: u64) -> Said {
    Said { is_over: true, ..said(remaining, reset) }
}

/// Requests that come one after another, and what they come to: `p` passes, `a` asks, `r` is refused.
fn come(lease: &mut Lease, terms: &Terms, now: UnixMillis, count: usize) -> String {
    let one = |_| {
        *lease = lease.at(terms, now);
        match lease.take(terms, now) {
            Held::Passes { .. } => 'p',
            Held::Asks => 'a',
            Held::Refused(_) => 'r',
        }
    };
    (0..count).map(one).collect()
}

#[test]
fn a_part_of_what_remains_passes_before_anybody_is_asked() {
    let cases = [
        // requests, replicas, tolerance, how many pass
        (100, 3, 5, 1),
        (1000, 3, 5, 16),
        (10, 3, 5, 0),
        (1000, 3, 0, 0),
        (1000, 1, 50, 500),
        (1, 1, 50, 0),
    ];
    for (requests, replicas, tolerance, expected) in cases {
        let terms = terms(requests, 1, share(Service::Ratelimit, replicas, tolerance));
        let mut lease = Lease::default();
        let came = come(&mut lease, &terms, at(0), expected + 2);
        assert_eq!(came, "p".repeat(expected) + "aa", "{requests} {replicas} {tolerance}");
    }
}

#[test]
fn a_call_reports_what_passed_before_and_asks_for_its_own_request() {
    let terms = terms(1000, 60, share(Service::Ratelimit, 3, 5));
    let mut lease = Lease::default();
    assert_eq!(come(&mut lease, &terms, at(0), 17), "ppppppppppppppppa");
    let call = lease.ask(at(0));
    assert_eq!((call.own, call.carried, call.ahead, call.hits()), (1, 16, 0, 17));
    // While it is out, others ask for themselves alone.
    assert_eq!(come(&mut lease, &terms, at(1), 1), "a");
    assert_eq!(lease.ask(at(1)).hits(), 1);
    let ended = lease.answered(call, said(983, 40), &terms, at(2));
    assert!(matches!(ended, Ended::Passes(Standing { remaining: 983, .. })), "{ended:?}");
    assert_eq!(come(&mut lease, &terms, at(3), 17), "ppppppppppppppppa");
}

#[test]
fn a_call_without_an_answer_has_what_it_carried_reported_again() {
    let terms = terms(1000, 60, share(Service::Ratelimit, 3, 5));
    for comes_back in [true, false] {
        let mut lease = Lease::default();
        let _ = come(&mut lease, &terms, at(0), 16);
        let call = lease.ask(at(0));
        if comes_back {
            lease.failed(call);
        }
        let mut later = lease.at(&terms, at(2000));
        assert_eq!(come(&mut later, &terms, at(2000), 1), "a");
        assert_eq!(later.ask(at(2000)).carried, 16, "{comes_back}");
    }
}

#[test]
fn permits_that_were_asked_for_ahead_pass_without_a_call_until_the_window_ends() {
    let terms = terms(100, 60, share(Service::Ratelimit, 3, 0));
    let mut lease = Lease::default();
    assert_eq!(come(&mut lease, &terms, at(0), 3), "aaa");
    assert_eq!(lease.wish(&terms), Some(3), "as many as came");
    let call = lease.ask_ahead(3, at(0)).unwrap();
    assert_eq!((call.own, call.carried, call.ahead), (0, 0, 3));
    assert_eq!(lease.wish(&terms), None, "somebody asks");
    assert_eq!(lease.ask_ahead(3, at(0)), None);
    let _ = lease.answered(call, said(97, 40), &terms, at(1));
    assert_eq!(come(&mut lease, &terms, at(2), 4), "pppa");
    let call = lease.ask_ahead(5, at(2)).unwrap();
    let _ = lease.answered(call, said(92, 40), &terms, at(3));
    // The window, by START, ends in 40 seconds.
    assert_eq!(come(&mut lease, &terms, at(39_999), 1), "p");
    assert_eq!(come(&mut lease, &terms, at(40_000), 1), "a");
}

#[test]
fn no_more_is_asked_ahead_than_a_process_sends_in_a_tenth_of_a_second() {
    let terms = terms(1000, 60, share(Service::Ratelimit, 3, 0));
    let mut lease = Lease::default();
    assert_eq!(come(&mut lease, &terms, at(0), 1), "a");
    assert_eq!(lease.wish(&terms), None, "one request is no rate");
    let _ = come(&mut lease, &terms, at(50), 39);
    assert_eq!(lease.wish(&terms), Some(40));
    let _ = come(&mut lease, &terms, at(120), 1);
    assert_eq!(lease.wish(&terms), Some(40), "that of the tenth before counts");
    let _ = come(&mut lease, &terms, at(500), 1);
    assert_eq!(lease.wish(&terms), None, "it is over");
    let _ = come(&mut lease, &terms, at(500), 999);
    assert_eq!(lease.wish(&terms), Some(167), "half of its part of what remains");
}

#[test]
fn a_refusal_holds_until_the_window_ends() {
    let terms = terms(100, 60, share(Service::Ratelimit, 3, 50));
    let mut lease = Lease::default();
    let call = lease.ask(at(0));
    let ended = lease.answered(call, over(0, 40), &terms, at(1));
    let nothing = Standing { remaining: 0, reset: Duration::from_millis(39_999) };
    assert_eq!(ended, Ended::Refused(Duration::from_millis(39_999), nothing));
    assert_eq!(come(&mut lease, &terms, at(2), 2), "rr");
    assert_eq!(come(&mut lease, &terms, at(39_999), 1), "r");
    assert_eq!(come(&mut lease, &terms, at(40_000), 1), "p");
}

#[test]
fn a_refusal_holds_no_longer_than_the_answer_says_that_tells_the_end_most_exactly() {
    let terms = terms(100, 1, share(Service::Limitador, 3, 0));
    let mut lease = Lease::default();
    // The window began just now: each answer says that less than a second is left.
    for millis in [0, 300, 600] {
        lease = lease.at(&terms, at(millis));
        let call = lease.ask(at(millis));
        let _ = lease.answered(call, said(50, 0), &terms, at(millis));
    }
    let call = lease.ask(at(700));
    let ended = lease.answered(call, over(0, 0), &terms, at(700));
    assert!(matches!(ended, Ended::Refused(wait, _) if wait == Duration::from_millis(300)));
    assert_eq!(come(&mut lease, &terms, at(999), 1), "r");
    assert_eq!(come(&mut lease, &terms, at(1000), 1), "a");
}

#[test]
fn a_batch_that_limitador_refuses_is_asked_for_once_more_and_smaller() {
    let terms = terms(100, 60, share(Service::Limitador, 2, 50));
    let mut lease = Lease::default();
    assert_eq!(come(&mut lease, &terms, at(0), 25), "p".repeat(25));
    let call = lease.ask(at(0));
    let Ended::Again(again) = lease.answered(call, over(8, 30), &terms, at(1)) else { panic!() };
    assert_eq!((again.own, again.carried, again.is_again), (1, 3, true));
    assert_eq!((lease.lost, lease.flying), (22, 3), "the others will never be counted");
    let ended = lease.answered(again, said(4, 30), &terms, at(2));
    assert!(matches!(ended, Ended::Passes(_)), "{ended:?}");
    // They count against what may pass uncounted.
    assert_eq!(come(&mut lease, &terms, at(3), 1), "a");
    let call = lease.ask(at(3));
    assert_eq!(call.hits(), 1);
    let ended = lease.answered(call, over(0, 30), &terms, at(4));
    assert!(matches!(ended, Ended::Refused(..)), "{ended:?}");
    assert_eq!(come(&mut lease, &terms, at(5), 1), "r");
    // A second refusal ends it.
    let mut lease = Lease::default();
    let _ = come(&mut lease, &terms, at(0), 25);
    let call = lease.ask(at(0));
    let Ended::Again(again) = lease.answered(call, over(8, 30), &terms, at(1)) else { panic!() };
    let ended = lease.answered(again, over(2, 30), &terms, at(2));
    assert!(matches!(ended, Ended::Refused(..)), "{ended:?}");
    assert_eq!((lease.lost, lease.flying, lease.is_refused), (25, 0, false));
}

#[test]
fn a_window_lasts_from_a_second_to_its_length_whatever_the_service_says() {
    let of = |service| terms(100, 3600, share(service, 3, 5));
    let cases = [
        // the service, what it says, how long
        (Service::Limitador, None, 3_600_000),
        (Service::Limitador, Some(0), 1_000),
        (Service::Limitador, Some(1), 2_000),
        (Service::Limitador, Some(u64::MAX), 3_600_000),
        (Service::Ratelimit, None, 3_600_000),
        (Service::Ratelimit, Some(0), 1_000),
        (Service::Ratelimit, Some(7), 7_000),
        (Service::Ratelimit, Some(1 << 63), 3_600_000),
        // START is 2,800 seconds before a whole hour.
        (Service::Ratelimit, Some(2800), 2_799_750),
    ];
    for (service, reset, expected) in cases {
        let mut lease = Lease::default();
        let call = lease.ask(at(250));
        let answer = Said { is_over: false, remaining: 50, reset };
        let _ = lease.answered(call, answer, &of(service), at(250));
        let lasts = lease.ends.since(at(250));
        assert_eq!(lasts, Duration::from_millis(expected), "{service:?} {reset:?}");
    }
}

#[test]
fn what_a_strange_clock_has_written_ends_after_one_window() {
    let terms = terms(100, 60, share(Service::Ratelimit, 3, 0));
    let strange = Lease {
        ends: UnixMillis::MAX,
        soonest: UnixMillis::MAX,
        is_heard: true,
        is_refused: true,
        is_asked: true,
        back: UnixMillis::MAX,
        remaining: u32::MAX,
        unreported: u32::MAX,
        flying: u32::MAX,
        since: UnixMillis::MAX,
        ..Lease::default()
    };
    let now = strange.at(&terms, at(0));
    assert_eq!((now.ends, now.remaining), (at(60_000), 100));
    assert!(!now.is_asked);
    let mut lease = now;
    assert_eq!(come(&mut lease, &terms, at(1), 1), "r");
    assert_eq!(come(&mut lease, &terms, at(60_000), 1), "a");
}

#[test]
fn an_answer_that_took_long_says_less_exactly_when_the_window_ends() {
    // Asked 5 s before its end, and answered 3 s before that: seconds are told as they were between.
    let (asked, came, edge) = (at(35_000), at(37_000), at(40_000));
    for (told, expected) in [(3, edge), (4, edge), (5, edge), (6, at(43_000)), (2, at(39_000))] {
        let terms = terms(100, 60, share(Service::Ratelimit, 3, 5));
        let mut lease = Lease::default();
        let call = lease.ask(asked);
        let _ = lease.answered(call, said(90, told), &terms, came);
        assert_eq!(lease.ends, expected, "{told}");
    }
    // Where no clock tells more, what passes within what is left open may be in the next window.
    let terms = terms(100, 60, share(Service::Limitador, 1, 5));
    let mut lease = Lease::default();
    let call = lease.ask(asked);
    let _ = lease.answered(call, said(90, 5), &terms, came);
    assert_eq!(lease.ends, at(43_000));
    assert_eq!(come(&mut lease, &terms, at(39_999), 1), "p");
    assert_eq!((lease.ends, lease.is_heard), (at(43_000), true));
    assert_eq!(come(&mut lease, &terms, at(40_000), 1), "p");
    assert_eq!((lease.ends, lease.is_heard), (at(100_000), false));
}

#[test]
fn a_process_alone_allows_its_part_and_of_a_quota_its_part_of_what_remained() {
    let local = |lease: &mut Lease, terms: &Terms, now, count: usize| {
        let one = |_: &usize| {
            *lease = lease.at(terms, now);
            matches!(lease.take_own(terms, true, now), Held::Passes { .. })
        };
        (0..count).filter(one).count()
    };
    let quota = terms(100, 60, share(Service::Ratelimit, 3, 5));
    let mut lease = Lease::default();
    assert_eq!(local(&mut lease, &quota, at(0), 100), 33, "nobody was heard");
    assert_eq!(local(&mut lease, &quota, at(59_999), 100), 0, "from the first use on");
    assert_eq!(local(&mut lease, &quota, at(60_000), 100), 33);
    let mut lease = Lease::default();
    let call = lease.ask(at(0));
    let _ = lease.answered(call, said(30, 40), &quota, at(1));
    assert_eq!(local(&mut lease, &quota, at(2), 100), 10, "of what remained");
    assert_eq!(local(&mut lease, &quota, at(40_000), 100), 33, "in a window of its own");
    let small = terms(2, 60, share(Service::Ratelimit, 3, 5));
    assert_eq!(local(&mut Lease::default(), &small, at(0), 9), 1, "at least one");
    let rate = Rate { requests: 100, per: Duration::from_secs(60), burst: 100 };
    let rate = Definition { count: Count::Fleet, ..Definition::new(&["rate", "p"], rate) };
    let rate = Terms::of(&Charge::Rate(rate), share(Service::Ratelimit, 3, 5)).unwrap();
    let mut lease = Lease::default();
    let call = lease.ask(at(0));
    let _ = lease.answered(call, said(30, 40), &rate, at(1));
    assert_eq!(local(&mut lease, &rate, at(2), 100), 33, "a rate by its number");
    // What has passed alone is reported once the service is back.
    assert_eq!(lease.ask(at(3)).carried, 33);
}

/// A service that counts, as both do.
struct Model {
    service: Service,
    requests: u32,
    per: u64,
    /// When the window began.
    began: u64,
    counted: u32,
}

impl Model {
    /// The window now, by its begin; `None` where none runs.
    fn window(&self, now: u64) -> Option<u64> {
        match self.service {
            Service::Ratelimit => Some(now - now % self.per),
            Service::Limitador => (now < self.began + self.per).then_some(self.began),
        }
    }

    fn ask(&mut self, hits: u32, now: u64) -> (Said, u64) {
        let window = self.window(now).unwrap_or(now);
        if window != self.began {
            (self.began, self.counted) = (window, 0);
        }
        let is_over = self.counted + hits > self.requests;
        if !is_over || self.service == Service::Ratelimit {
            self.counted += hits;
        }
        let left = window + self.per - now;
        let reset = match self.service {
            Service::Ratelimit => self.per / 1000 - (now / 1000) % (self.per / 1000),
            Service::Limitador => left / 1000,
        };
        let remaining = self.requests.saturating_sub(self.counted);
        (Said { is_over, remaining, reset: Some(reset) }, window)
    }
}

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Request(usize),
    /// The service gets a call; whether its answer is lost.
    Serve(usize, bool),
    /// An answer comes.
    Answer(usize),
    Report(usize),
}

fn step(processes: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..40_u64).prop_map(Step::Wait),
        1 => (0..4_000_u64).prop_map(Step::Wait),
        12 => (0..processes).prop_map(Step::Request),
        8 => (0..8_usize, prop::bool::weighted(0.1)).prop_map(|(call, lost)| Step::Serve(call, lost)),
        8 => (0..8_usize).prop_map(Step::Answer),
        1 => (0..processes).prop_map(Step::Report),
    ]
}

/// One process, and of each of its requests that has passed uncounted the service's window.
#[derive(Default)]
struct Process {
    lease: Lease,
    /// As the lease has them: those that are not reported.
    unreported: Vec<Option<u64>>,
    /// Those in calls whose answers are lost.
    lost: Vec<Option<u64>>,
}

impl Process {
    /// Time has passed, and the lease says what becomes of what was not reported.
    fn at(&mut self, terms: &Terms, now: UnixMillis, dead: &mut Vec<Option<u64>>) {
        self.lease = self.lease.at(terms, now);
        let held = usize::try_from(self.lease.unreported).unwrap();
        while self.unreported.len() > held {
            dead.push(self.unreported.remove(0));
        }
        while self.unreported.len() < held {
            // One that has been counted, and whose answer is lost, is in no window any more.
            self.unreported.push(self.lost.pop().unwrap_or_default());
        }
    }

    fn flies(&mut self, call: Call) -> Vec<Option<u64>> {
        let carried = usize::try_from(call.carried).unwrap();
        self.unreported.drain(..carried).collect()
    }
}

/// A call that is out, and the windows of what it carries.
type Flight = (usize, Call, Vec<Option<u64>>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Excess ≤ N × d, in every window of the service: what passes and is not counted in its window.
    #[test]
    fn no_window_has_more_uncounted_requests_than_the_tolerance_allows(
        is_limitador in any::<bool>(),
        requests in 1..500_u32,
        per in prop_oneof![Just(1_u64), Just(60)],
        tolerance in 0..=50_u32,
        (replicas, processes) in (1..6_u32, 1..7_usize),
        offset in 0..60_000_u64,
        steps in prop::collection::vec(step(6), 20..400),
    ) {
        let service = if is_limitador { Service::Limitador } else { Service::Ratelimit };
        let terms = terms(requests, per, share(service, replicas, tolerance));
        let most = terms.allowance(requests) * u32::try_from(processes).unwrap();
        let mut model = Model { service, requests, per: per * 1000, began: 0, counted: 0 };
        let mut all: Vec<Process> = (0..processes).map(|_| Process::default()).collect();
        let mut out: Vec<Flight> = Vec::new();
        let mut served: Vec<(Flight, Said)> = Vec::new();
        let mut dead: Vec<Option<u64>> = Vec::new();
        // How many have passed by the clock.
        let mut passed = std::collections::BTreeMap::<u64, u32>::new();
        let mut now = START + offset;
        for step in steps {
            let time = UnixMillis::new(now);
            // No call lasts for longer than two seconds.
            let is_old = |call: &Call| call.at.after(Duration::from_secs(2)) <= time;
            for (place, _, carried) in out.extract_if(.., |flight| is_old(&flight.1)) {
                all[place].lost.extend(carried);
            }
            for ((place, _, carried), _) in served.extract_if(.., |one| is_old(&one.0.1)) {
                all[place].lost.extend(carried);
            }
            match step {
                Step::Wait(millis) => now += millis,
                Step::Request(place) if place < processes => {
                    let one = &mut all[place];
                    one.at(&terms, time, &mut dead);
                    let before = one.lease.unreported;
                    let held = one.lease.take(&terms, time);
                    if one.lease.unreported > before {
                        one.unreported.push(model.window(now));
                    }
                    match held {
                        Held::Passes { .. } => {
                            *passed.entry(model.window(now).unwrap_or(now)).or_default() += 1;
                        }
                        Held::Asks => {
                            let call = one.lease.ask(time);
                            out.push((place, call, one.flies(call)));
                        }
                        Held::Refused(_) => {}
                    }
                    if let Some(wish) = one.lease.wish(&terms)
                        && let Some(call) = one.lease.ask_ahead(wish, time)
                    {
                        out.push((place, call, one.flies(call)));
                    }
                }
                Step::Report(place) if place < processes => {
                    let one = &mut all[place];
                    one.at(&terms, time, &mut dead);
                    if let Some(call) = one.lease.ask_ahead(0, time) {
                        out.push((place, call, one.flies(call)));
                    }
                }
                Step::Serve(flight, is_lost) if flight < out.len() => {
                    let (place, call, mut carried) = out.remove(flight);
                    let (answer, window) = model.ask(call.hits(), now);
                    if is_lost {
                        all[place].lost.extend(carried);
                        continue;
                    }
                    if !answer.is_over || service == Service::Ratelimit {
                        carried.retain(|passed| *passed != Some(window));
                        dead.append(&mut carried);
                    }
                    served.push(((place, call, carried), answer));
                }
                Step::Answer(flight) if flight < served.len() => {
                    let ((place, call, mut carried), answer) = served.remove(flight);
                    let one = &mut all[place];
                    one.at(&terms, time, &mut dead);
                    match one.lease.answered(call, answer, &terms, time) {
                        Ended::Again(again) => {
                            let again_carries = usize::try_from(again.carried).unwrap();
                            dead.extend(carried.split_off(again_carries.min(carried.len())));
                            out.push((place, again, carried));
                        }
                        Ended::Passes(_) if call.own > 0 => {
                            // It was counted when the service had the call.
                            let window = model.window(call.at.millis());
                            if window.is_some() && model.window(now) == window {
                                *passed.entry(window.unwrap_or(now)).or_default() += 1;
                            }
                            dead.extend(carried);
                        }
                        Ended::Passes(_) | Ended::Refused(..) => dead.extend(carried),
                    }
                }
                _ => {}
            }
            let mut windows = std::collections::BTreeMap::<u64, u32>::new();
            let unreported = all.iter().flat_map(|one| one.unreported.iter().chain(&one.lost));
            let flying = out.iter().flat_map(|flight| &flight.2);
            let answered = served.iter().flat_map(|(flight, _)| &flight.2);
            for window in dead.iter().chain(unreported).chain(flying).chain(answered).flatten() {
                *windows.entry(*window).or_default() += 1;
            }
            for (window, count) in windows {
                prop_assert!(count <= most, "{} of {} in the window {}", count, most, window);
            }
            if service == Service::Ratelimit {
                for (window, count) in &passed {
                    prop_assert!(*count <= requests + most, "{} in {}", count, window);
                }
            }
        }
    }
}
