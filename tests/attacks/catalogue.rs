//! A row of the catalogue, and how it is run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate::event::Reply;
use tollgate::http::RequestHead;
use tollgate::ids::StreamId;
use tollgate::verdict::{Answer, Deny};

use crate::forge::good;
use crate::pairs::{p256_jwk, rsa_jwk};
use crate::support::recorded;
use crate::support::token::{AUDIENCE, ISSUER, Signer};
use crate::support::world::{CONFIG, Worker, World, head};

/// What a request that is let through comes to.
pub(crate) const FORWARDED: &str = "forwarded";

/// A row: its id, what it is, and what shows what becomes of it.
pub(crate) struct Row(pub(crate) &'static str, pub(crate) &'static str, pub(crate) Vec<Case>);

/// What is shown, and how.
pub(crate) enum Case {
    /// Each of these requests ends with this code.
    Requests(&'static str, Vec<RequestHead>),
    /// Each of these bearer tokens ends with this code.
    Tokens(&'static str, Vec<String>),
    /// The same, where the provider is set up otherwise.
    Under(Value, &'static str, Vec<String>),
    /// Each of these documents comes in place of the keys of [`CONFIG`]; the token that was waiting
    /// for them ends with this code.
    Fetched(&'static str, String, Vec<String>),
    /// The configuration with this provider is refused, with a problem at this path.
    Refused(Value, &'static str),
    /// It takes more than one step.
    Scene(fn()),
    /// It is shown by these tests; or no test of this project can show it, and why not.
    Elsewhere(&'static str, &'static [&'static str]),
}

/// The provider `idp`, whose keys stand in the configuration.
pub(crate) fn provider(keys: &[Value]) -> Value {
    json!({ "issuer": ISSUER, "audiences": [AUDIENCE], "jwks": { "inline": { "keys": keys } } })
}

/// A configuration of the provider `idp`, an Ed25519, an RSA and a P-256 key, and these settings.
pub(crate) fn configuration(settings: &Value) -> String {
    let mut idp = provider(&[Signer::new("k1").jwk(), rsa_jwk("r1"), p256_jwk("e1")]);
    for (name, value) in settings.as_object().unwrap() {
        idp[name] = value.clone();
    }
    let log = json!({ "per_second": 100_000 });
    json!({ "providers": { "idp": idp }, "log": log }).to_string()
}

/// `GET /orders/7` with these headers, which need not be text.
pub(crate) fn request(headers: &[(&str, &[u8])]) -> RequestHead {
    let mut all = head("GET", "/orders/7", &[]);
    all.headers.extend(headers.iter().copied());
    all
}

fn bearer(token: &str) -> RequestHead {
    request(&[("authorization", format!("Bearer {token}").as_bytes())])
}

/// Runs a table, whose rows are `letter` and a number from 1 to `count`, in order.
pub(crate) fn run(letter: char, count: usize, table: Vec<Row>) {
    let ids: Vec<_> = table.iter().map(|row| row.0.to_owned()).collect();
    let expected: Vec<_> = (1..=count).map(|number| format!("{letter}{number:02}")).collect();
    assert_eq!(ids, expected, "a row for every id, in their order");
    let tests = tests_of_the_project();
    recorded::hold(&format!("attacks_{}", letter.to_ascii_lowercase()), || {
        for Row(id, what, cases) in table {
            assert!(!cases.is_empty(), "{id} shows nothing");
            let name = format!("{id} ({what})");
            recorded::section(&name);
            for case in cases {
                case.run(&name, &tests);
            }
        }
    });
}

impl Case {
    fn run(self, name: &str, tests: &BTreeSet<String>) {
        match self {
            Self::Requests(code, requests) => judge(name, &json!({}), code, requests),
            Self::Tokens(code, tokens) => {
                judge(name, &json!({}), code, tokens.iter().map(|token| bearer(token)));
            }
            Self::Under(settings, code, tokens) => {
                judge(name, &settings, code, tokens.iter().map(|token| bearer(token)));
            }
            Self::Fetched(code, token, documents) => {
                for document in documents {
                    fetched(name, code, &token, &document);
                }
            }
            Self::Refused(provider, path) => {
                let config = json!({ "providers": { "idp": provider } }).to_string();
                let problems = Config::parse(config.as_bytes()).expect_err(name);
                assert!(problems.iter().any(|one| &*one.path == path), "{name}: {problems:?}");
                problems.iter().for_each(|problem| recorded::line("problem", problem));
            }
            Self::Scene(scene) => scene(),
            Self::Elsewhere(why, named) => {
                assert!(!why.is_empty(), "{name}: why?");
                recorded::line("elsewhere:", why);
                for test in named {
                    assert!(tests.contains(*test), "{name}: there is no test {test}");
                }
            }
        }
    }
}

/// Shows each request to one worker, and a good one after them all.
fn judge(
    name: &str,
    settings: &Value,
    code: &str,
    requests: impl IntoIterator<Item = RequestHead>,
) {
    let world = World::default();
    let mut worker = Worker::new(&world, &configuration(settings));
    let mut shown = 0_usize;
    for (nth, request) in requests.into_iter().enumerate() {
        let secrets = secrets(&request);
        let stream = worker.request(request);
        assert_eq!(worker.verdict(stream), code, "{name}: number {nth}");
        is_discreet(&worker, stream, &secrets, &format!("{name}: number {nth}"));
        shown = nth + 1;
    }
    assert!(shown > 0, "{name} shows nothing");
    assert_eq!(worker.calls_made, 0, "{name}: somebody was called");
    if settings == &json!({}) {
        let stream = worker.request(bearer(&good()));
        assert_eq!(worker.verdict(stream), FORWARDED, "after {name}");
    }
}

fn fetched(name: &str, code: &str, token: &str, document: &str) {
    let world = World::default();
    let mut worker = Worker::new(&world, CONFIG);
    let stream = worker.get(token);
    worker.fetch(document);
    if worker.verdict(stream) == "waiting" {
        // The key is not in the set: one more fetch may bring it.
        worker.fetch(document);
    }
    let shown = document.get(..200).unwrap_or(document);
    assert_eq!(worker.verdict(stream), code, "{name}: {shown}");
    is_discreet(&worker, stream, &[token.into()], name);
}

/// The parts of a request's values that are long enough to be looked for.
fn secrets(request: &RequestHead) -> Vec<String> {
    let credentials = request.headers.iter().filter(|(name, _)| *name == b"authorization");
    let values = credentials.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    values
        .flat_map(|value| value.split([' ', '.']).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// A refusal's answer says what its code says and no more, and its line in the log is one line that
/// holds nothing of the token.
fn is_discreet(worker: &Worker<'_>, stream: StreamId, secrets: &[String], name: &str) {
    let long = || secrets.iter().filter(|secret| secret.len() > 20);
    for line in &worker.log {
        let is_ours = |c: char| (c.is_ascii() && !c.is_control()) || "…−".contains(c);
        assert!(line.chars().all(is_ours), "{name}: {line:?}");
        assert!(line.len() < 2500, "{name}: {} bytes of log", line.len());
        assert!(!long().any(|secret| line.contains(secret.as_str())), "{name}: {line}");
    }
    let code = worker.verdict(stream);
    if code == FORWARDED {
        return;
    }
    let deny = Deny::ALL.into_iter().find(|deny| deny.code() == code).expect("a deny code");
    let reply: &Reply = worker.reply(stream);
    assert_eq!(reply.status, deny.answer().status(), "{name}");
    assert!(reply.headers.contains(&("cache-control", "no-store".into())), "{name}");
    let challenge = worker.reply_header(stream, "www-authenticate");
    let realm = "Bearer realm=\"api\"";
    match deny.answer() {
        Answer::Missing => assert_eq!(challenge, Some(realm), "{name}"),
        Answer::InvalidToken | Answer::InvalidRequest => {
            let expected = format!("{realm}, error=\"{}\"", deny.answer().error());
            assert_eq!(challenge, Some(expected.as_str()), "{name}");
        }
        _ => {}
    }
    assert!(!long().any(|secret| format!("{reply:?}").contains(secret.as_str())), "{name}");
}

/// The names of all tests of the project: of its functions, at least.
fn tests_of_the_project() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = ["src", "tests", "cli"].map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                names.extend(
                    text.split("fn ")
                        .skip(1)
                        .filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned)),
                );
            }
        }
    }
    names
}
