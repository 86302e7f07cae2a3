//! Every function of the host that the module calls fails, with every status, from the start or later:
//! a request is decided right or refused, and none waits for ever. A trap is a panic here, but for what
//! [`TRAPS_LATER`] names.
//!
//! `make test-hosts` builds the module and runs this.
#![allow(clippy::disallowed_methods, reason = "a tool for developers")]

#[allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, reason = "shared by tests")]
#[path = "../../support/token.rs"]
mod token;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use token::{AUDIENCE, ISSUER, Signer, Token, key_set};
use tollgate_hosts::{Module, Outcome, Worker, built};

/// Every status of the ABI but `Ok`, one of none of them, and the largest number.
const ODD: [i32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1];

/// Those of them with which a function fails that worked at the start.
const LATER: [i32; 4] = [1, 8, 12, -1];

/// What the module calls for features that no configuration of this version has.
const NOT_YET: [&str; 4] = [
    "proxy_add_header_map_value",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_set_header_map_pairs",
];

/// What the module calls only where another call has failed, or the process ends.
const LAST_RESORT: [&str; 4] = ["clock_time_get", "fd_write", "proc_exit", "proxy_close_stream"];

/// What the C library calls to read the environment, which has no way to say that there is none.
const OF_THE_LIBRARY: [&str; 2] = ["environ_get", "environ_sizes_get"];

/// What the SDK has for other filters, and nothing here calls: this host would not answer.
const OF_THE_SDK: [&str; 1] = ["proxy_done"];

/// Without which a configuration is refused: how it comes, and what it needs where it fetches.
const NEEDED: [&str; 2] = ["proxy_get_buffer_bytes", "random_get"];
const NEEDED_TO_FETCH: [&str; 3] =
    ["proxy_http_call", "proxy_set_effective_context", "proxy_set_tick_period_milliseconds"];

/// How a call may fail, by the SDK: `BadArgument` and `InternalFailure`.
const KNOWN_OF_CALLS: [i32; 2] = [2, 10];

/// Where the SDK panics at a status that it does not expect, when answers are fetched. A host that
/// answers one from the start is refused with its configuration. One that worked then, and answers one
/// later, has the module trap: nothing is served by it any more.
const TRAPS_LATER: [&str; 2] = ["proxy_http_call", "proxy_set_effective_context"];

/// When a function starts to fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum From {
    Start,
    FirstRequest,
}

/// A configuration, and what is to be sent.
struct Case {
    name: &'static str,
    fetches: bool,
    configuration: String,
    /// The key set that is fetched.
    keys: String,
    good: String,
    /// A token that is never right.
    bad: String,
}

fn cases() -> [Case; 2] {
    let apis = json!([{
        "name": "orders", "auth": ["idp"], "match": { "paths": ["/orders/**"] },
        "policies": { "default": ["standard"] },
    }]);
    let policies = json!({ "standard": {
        "access": [{ "apis": ["orders"] }],
        "rate": { "requests": 100, "per": "1s" },
    } });
    let case = |name, fetches, keys: Value, algorithms: Value, token: &dyn Fn(&Token) -> String| {
        let mut idp = keys;
        idp["issuer"] = ISSUER.into();
        idp["audiences"] = json!([AUDIENCE]);
        if !algorithms.is_null() {
            idp["algorithms"] = algorithms;
        }
        let configuration =
            json!({ "providers": { "idp": idp }, "apis": apis, "policies": policies });
        Case {
            name,
            fetches,
            configuration: configuration.to_string(),
            keys: key_set(&[&Signer::new("k1")]),
            good: token(&Token::for_identity("alice")),
            bad: token(&Token::for_identity("alice").claim("iss", "https://other.example/")),
        }
    };
    let signer = Signer::new("k1");
    let fetched = json!({ "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } });
    let inline = json!({ "jwks": { "inline": { "keys": [signer.jwk()] } } });
    [
        case("fetched keys", true, fetched, Value::Null, &|token| signer.sign(token)),
        case("inline keys", false, inline, Value::Null, &|token| signer.sign(token)),
    ]
}

impl Case {
    /// Whether the configuration is refused where this function fails with this status from the start.
    fn is_refused(&self, odd: Option<(&str, i32)>) -> bool {
        odd.is_some_and(|(name, status)| {
            let is_known = name == "proxy_http_call" && KNOWN_OF_CALLS.contains(&status);
            self.fetches && NEEDED_TO_FETCH.contains(&name) && !is_known
        })
    }
}

/// Sends a request that has this token.
fn begin(worker: &mut Worker, token: Option<&str>) -> i32 {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![
        (":authority", "api.example.com"),
        (":path", "/orders/7"),
        (":method", "GET"),
        (":scheme", "https"),
    ];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    worker.begin(&headers)
}

/// Lets time pass while a request waits, and more than any may; calls are answered as they come.
fn pass(worker: &mut Worker, stream: i32, keys: &str) {
    for _ in 0..24 {
        if worker.outcome(stream) != Outcome::Waiting {
            return;
        }
        worker.answer(Some(keys));
        worker.wait(Duration::from_millis(500));
        worker.tick();
    }
}

/// What happens where one function fails with one status; `Err` says what is wrong with that.
fn run(module: &Module, case: &Case, odd: Option<(&str, i32, From)>) -> Result<Seen, String> {
    let fails = odd.map(|(name, status, _)| (name, status));
    let name = odd.map_or("", |(name, ..)| name);
    let at_start = odd.filter(|(.., from)| *from == From::Start).and(fails);
    let (mut worker, is_taken) = Worker::try_start(module, &case.configuration, at_start);
    if !is_taken {
        let is_needed = NEEDED.contains(&name) || case.is_refused(at_start);
        let is_named = |line: &str| name == "proxy_get_buffer_bytes" || line.contains(name);
        let says_so = |line: &String| line.contains("configuration refused") && is_named(line);
        let says_so = worker.log().iter().any(says_so);
        return match is_needed && says_so {
            true => Ok(Seen::default()),
            false => Err(format!("the configuration is refused: {:?}", worker.log())),
        };
    }
    if at_start.is_some() && name == "random_get" || case.is_refused(at_start) {
        return Err("the configuration is taken".to_owned());
    }
    worker.set_odd(fails);
    let traps = case.fetches && at_start.is_none() && TRAPS_LATER.contains(&name);
    if traps {
        worker.keep_traps();
    }
    let mut seen = Seen::default();
    let requests = [
        ("a good token", Some(&*case.good), true),
        ("another issuer's", Some(&*case.bad), false),
        ("no token", None, false),
        ("the good token again", Some(&*case.good), true),
    ];
    for (what, token, may_pass) in requests {
        let stream = begin(&mut worker, token);
        pass(&mut worker, stream, &case.keys);
        let outcome = worker.end(stream);
        let is_right = match outcome {
            Outcome::Waiting => worker.trap().is_some(),
            Outcome::Forwarded => may_pass && !traps,
            Outcome::Answered(status) => status >= 400,
            Outcome::Closed => true,
        };
        if !is_right {
            return Err(format!("{what}: {outcome:?}: {:?}", worker.log()));
        }
        seen.outcomes.push(outcome);
    }
    if traps && worker.trap().is_none() {
        return Err("nothing traps".to_owned());
    }
    seen.called = worker.called().map(str::to_owned).collect();
    Ok(seen)
}

/// What came of it.
#[derive(Default)]
struct Seen {
    outcomes: Vec<Outcome>,
    called: BTreeSet<String>,
}

fn module() -> Module {
    let path = built::module();
    Module::uncounted(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
}

const RIGHT: [Outcome; 4] =
    [Outcome::Forwarded, Outcome::Answered(401), Outcome::Answered(401), Outcome::Forwarded];

#[test]
fn a_host_that_works_is_asked_for_all_that_the_module_imports() {
    let module = module();
    let mut called = BTreeSet::new();
    for case in cases() {
        let seen =
            run(&module, &case, None).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(seen.outcomes, RIGHT, "{}", case.name);
        called.extend(seen.called);
    }
    let imports: BTreeSet<_> = module.imports().map(str::to_owned).collect();
    let others = NOT_YET.iter().chain(&LAST_RESORT).chain(&OF_THE_LIBRARY).chain(&OF_THE_SDK);
    called.extend(others.map(|name| (*name).to_owned()));
    assert_eq!(imports, called);
}

#[test]
fn whatever_a_host_answers_a_request_is_decided_right_or_refused() {
    let module = module();
    let cases = cases();
    let is_called = |name: &&str| !OF_THE_LIBRARY.contains(name) && !OF_THE_SDK.contains(name);
    let names: Vec<_> = module.imports().filter(is_called).collect();
    let mut runs = Vec::new();
    for case in &cases {
        for name in &names {
            runs.extend(ODD.map(|status| (case, *name, status, From::Start)));
            runs.extend(LATER.map(|status| (case, *name, status, From::FirstRequest)));
        }
        // A call to nobody that succeeds.
        runs.push((case, "proxy_http_call", 0, From::Start));
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((case, name, status, from)) =
                    runs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let run = || run(&module, case, Some((name, *status, *from)));
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                    let error = match result {
                        Ok(Ok(_)) => continue,
                        Ok(Err(error)) => error,
                        Err(_) => "a trap; see above".to_owned(),
                    };
                    let line = format!("{}, {name} = {status} from {from:?}: {error}", case.name);
                    wrong.lock().expect("no panic elsewhere").push(line);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic elsewhere");
    assert!(wrong.is_empty(), "{} of {} runs:\n{}", wrong.len(), runs.len(), wrong.join("\n"));
}

#[test]
fn a_request_that_the_host_does_not_turn_to_is_settled_once_it_does() {
    let module = module();
    let [case, _] = cases();
    let mut worker = Worker::start(&module, &case.configuration);
    worker.set_turns_away(true);
    let stream = begin(&mut worker, Some(&case.good));
    for _ in 0..4 {
        worker.answer(Some(&case.keys));
        worker.wait(Duration::from_millis(500));
        worker.tick();
    }
    assert_eq!(worker.outcome(stream), Outcome::Waiting, "{:#?}", worker.log());
    worker.set_turns_away(false);
    worker.tick();
    assert_eq!(worker.end(stream), Outcome::Forwarded, "{:#?}", worker.log());
}
