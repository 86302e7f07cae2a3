//! One request through the engine, with keys of files or of the network.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tollgate::config::{Config, RingSource};
use tollgate::engine::{Explanation, Outcome};
use tollgate::event::{
    CallRequest, CallResponse, Effect, Event, FetchFailure, HostFacts, Record, Reply, Settlement,
    kid_or_dash,
};
use tollgate::http::Url;
use tollgate::http::{Fields, RequestHead, Route};
use tollgate::ids::{RingId, StreamId};
use tollgate::jose::jwk::{KeySet, MAX_SET_BYTES, Origin};
use tollgate::provider::jwt::KeySource;
use tollgate::time::UnixMillis;
use tollgate::trace::{Decided, Entry, Trace};
use tollgate::verdict::{Deny, Step, quoted};

use crate::command::{Exit, Failure, Streams};
use crate::host::{Hosted, MAX_ROUNDS, Outside};
use crate::input;
use crate::online::Client;

/// The one request.
const STREAM: StreamId = StreamId(1);
/// Longer than any request waits for keys.
const LATER: Duration = Duration::from_secs(10);

/// Where key sets come from.
pub(super) enum Keys {
    /// Files, by the ring whose keys they hold.
    Files(Vec<(RingId, Vec<u8>)>),
    /// The network.
    Online(Box<Client>),
}

/// What the engine did with the request.
pub(super) struct Seen {
    pub(super) explanation: Explanation,
    /// The answer of the filter itself; `None` where the request goes upstream.
    pub(super) reply: Option<Reply>,
    /// Headers of the upstream's answer.
    pub(super) advice: Vec<(&'static str, String)>,
    /// What else is to be known: about keys above all.
    pub(super) notes: Vec<String>,
    /// Whether it was refused only because there were no keys to judge it with.
    pub(super) is_undecided: bool,
}

impl Seen {
    pub(super) fn exit(&self) -> Exit {
        match self.explanation.outcome {
            _ if self.is_undecided => Exit::Misuse,
            Outcome::Allowed | Outcome::Answered => Exit::Fine,
            Outcome::Refused | Outcome::WouldRefuse => Exit::Problems,
        }
    }

    /// The word for how it ended.
    pub(super) fn verdict(&self) -> &'static str {
        if self.is_undecided { "undecided" } else { self.explanation.outcome.name() }
    }
}

impl Keys {
    /// What the arguments say.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no key set, and a name that is no provider's.
    pub(super) fn of(
        files: &[String],
        online: bool,
        ca: Option<&Path>,
        config: &Config,
    ) -> Result<Self, Failure> {
        if online {
            return Ok(Self::Online(Box::new(Client::new(ca)?)));
        }
        let mut all = Vec::new();
        for file in files {
            // A file's name may hold `=`, too.
            let named =
                file.split_once('=').filter(|(name, _)| rings(config, Some(name)).is_some());
            let (name, path) = named.map_or((None, &**file), |(name, path)| (Some(name), path));
            let most = u64::try_from(MAX_SET_BYTES).unwrap_or(u64::MAX);
            let text =
                read(path, most).map_err(|failure| match (failure, path.split_once('=')) {
                    (Failure::Misuse(why), Some((name, _))) => {
                        misuse(format!("{why}; and {} is no provider's name", quoted(name)))
                    }
                    (failure, _) => failure,
                })?;
            KeySet::parse(&text, Origin::Fetched)
                .map_err(|why| misuse(format!("{path}: {why}")))?;
            let rings = rings(config, name).unwrap_or_default();
            all.extend(rings.into_iter().map(|ring| (ring, text.clone())));
        }
        Ok(Self::Files(all))
    }
}

fn misuse(message: String) -> Failure {
    Failure::Misuse(message)
}

fn read(path: &str, most: u64) -> Result<Vec<u8>, Failure> {
    // Standard input is the token's or the configuration's.
    let mut streams = Streams {
        input: &mut std::io::empty(),
        out: &mut std::io::sink(),
        err: &mut std::io::sink(),
    };
    input::read(Some(Path::new(path)), most, &mut streams)
}

/// The rings of a provider, or of all; `None` where there is no provider of that name.
fn rings(config: &Config, name: Option<&str>) -> Option<Vec<RingId>> {
    let Some(name) = name else { return Some((0..config.rings.len()).map(RingId).collect()) };
    let provider = config.providers.iter().find(|provider| provider.name.as_str() == name)?;
    Some(match provider.jwt().map(|jwt| &jwt.keys) {
        None | Some(KeySource::Inline(_)) => Vec::new(),
        Some(KeySource::Ring(ring)) => vec![*ring],
        Some(KeySource::Tenants(rings)) => rings.iter().map(|(_, ring)| *ring).collect(),
    })
}

/// Sends one request through the engine.
pub(super) fn judge(
    mut config: Config,
    (head, route): (RequestHead, Route),
    address: IpAddr,
    keys: Keys,
    now: UnixMillis,
) -> Result<Seen, Failure> {
    let (mut notes, mut absent) = (Vec::new(), Vec::new());
    if let Keys::Files(files) = &keys {
        for (place, ring) in config.rings.iter_mut().enumerate() {
            let is_given = files.iter().any(|(id, _)| id.0 == place);
            // A file is a key set, never what says where one is.
            ring.source = RingSource::Jwks;
            if !is_given {
                absent.push(ring.provider.to_string());
            }
        }
        if let Some(source) = config.revoked_source.take() {
            notes.push(format!(
                "the list of revocations at {} is not looked at: fetch it by `--online`",
                source.remote.url.authority
            ));
        }
    }
    let urls = config.rings.iter().map(|ring| ring.remote.url.clone()).collect();
    let mut engine = Hosted::new(config, "", now);
    engine.come_from(address);
    let mut seen =
        Around { keys, urls, settled: None, advice: Vec::new(), notes, said: Vec::new() };
    let mut calls = engine.handle(Event::Tick, &mut seen);
    for _ in 0..MAX_ROUNDS {
        seen.take_notes();
        calls = engine.answer(calls, &mut seen);
    }
    let host = HostFacts { route };
    engine.handle(Event::RequestHeaders { stream: STREAM, head, host }, &mut seen);
    for round in 0..MAX_ROUNDS {
        seen.take_notes();
        if seen.settled.is_some() {
            break;
        }
        if round > 0 {
            // It waits for what no answer here brings: until nobody would any longer.
            engine.wait(LATER);
        }
        let mut calls = engine.handle(Event::Tick, &mut seen);
        for _ in 0..MAX_ROUNDS {
            seen.take_notes();
            calls = engine.answer(calls, &mut seen);
        }
    }
    seen.take_notes();
    let explanation = engine.explanation();
    let (Some(mut explanation), Some(settled)) = (explanation, seen.settled) else {
        return Err(misuse("the request was not judged: a defect of Tollgate".to_owned()));
    };
    let is_asked = matches!(seen.keys, Keys::Online(_));
    let is_undecided = explanation.refusal.as_ref().is_some_and(|one| match one.deny {
        Deny::KeysUnavailable => true,
        Deny::IntrospectionUnavailable | Deny::LoginUnavailable => !is_asked,
        _ => false,
    });
    let whose = explanation.trace.entries().last().and_then(|last| last.provider.clone());
    if let Some(refusal) = explanation.refusal.as_mut().filter(|_| is_undecided)
        && let Some(whose) = whose.filter(|whose| absent.contains(&whose.to_string()))
    {
        // The engine takes it for an outage, which it is not: nobody was asked.
        let reason = format!(
            "without the keys of `providers.{whose}.jwks` nobody can say more: they were not given"
        );
        restate(&mut explanation.trace, &reason);
        refusal.reason = reason.into();
        "give them by `--jwks FILE`, or fetch them by `--online`"
            .clone_into(&mut explanation.remedy);
    }
    if explanation.trace.entries().iter().any(is_wait_for_keys) {
        of_no_time(&mut explanation, matches!(seen.keys, Keys::Online(_)));
    }
    if let Some(refusal) = explanation.refusal.as_mut()
        && refusal.deny == Deny::IntrospectionUnavailable
        && !is_asked
    {
        let reason = "only the provider can say more of this token, and it was not asked";
        restate(&mut explanation.trace, reason);
        refusal.reason = reason.into();
        "have it asked by `--online`".clone_into(&mut explanation.remedy);
    }
    if let Some(refusal) = explanation.refusal.as_mut()
        && refusal.deny == Deny::LoginUnavailable
        && !is_asked
    {
        let reason = "where the provider logs people in is not known: it was not asked";
        restate(&mut explanation.trace, reason);
        refusal.reason = reason.into();
        "have it asked by `--online`".clone_into(&mut explanation.remedy);
    }
    let reply = match settled {
        Settlement::Respond(reply) => Some(reply),
        Settlement::Forward(_) => None,
    };
    Ok(Seen { explanation, reply, advice: seen.advice, notes: seen.notes, is_undecided })
}

/// Says in other words what the last step found.
fn restate(trace: &mut Trace, found: &str) {
    if let Some(last) = trace.entries_mut().last_mut() {
        found.clone_into(&mut last.found);
    }
}

fn is_wait_for_keys(entry: &Entry) -> bool {
    entry.step == Step::Key && entry.decided == Decided::Waits
}

/// A key was looked for once more. No time has passed here, and of a file nobody was asked: what was
/// done is told instead.
fn of_no_time(explanation: &mut Explanation, is_online: bool) {
    let again = match is_online {
        true => "the key set has no such key: it was fetched once more",
        false => {
            "the key set that was given has no such key; the proxy would fetch the provider's once \
             more, and the request would wait for that"
        }
    };
    for entry in explanation.trace.entries_mut().iter_mut().filter(|entry| is_wait_for_keys(entry))
    {
        again.clone_into(&mut entry.found);
    }
    let unknown = explanation.refusal.as_mut().filter(|one| one.deny == Deny::TokenKeyUnknown);
    let Some(refusal) = unknown.filter(|_| !is_online) else { return };
    let reason = of_given_keys(&refusal.reason);
    restate(&mut explanation.trace, &reason);
    refusal.reason = reason.into();
    explanation.remedy = format!(
        "give the set that the provider publishes now, or have it fetched by `--online`; where that \
         has no such key either: {}",
        explanation.remedy
    );
}

/// What the engine says of fetched keys, said of keys that were given.
fn of_given_keys(reason: &str) -> String {
    let reason = reason.replace("the key set has no", "the key set that was given has no");
    let reason = reason.replace(", 0s old: ", ", as given: ");
    let (start, rest) = reason.split_once(", and the provider was asked").unwrap_or((&reason, ""));
    let (_, end) = rest.split_once("(`jwks.cooldown`)").unwrap_or_default();
    format!("{start}{end}")
}

/// What is around the engine, and what it asked for so far.
struct Around {
    keys: Keys,
    /// Where each ring's keys are.
    urls: Vec<Url>,
    settled: Option<Settlement>,
    advice: Vec<(&'static str, String)>,
    notes: Vec<String>,
    /// What records said since the last round of calls: it is told behind what the calls brought.
    said: Vec<String>,
}

impl Around {
    fn take_notes(&mut self) {
        self.notes.append(&mut self.said);
    }
}

impl Outside for Around {
    fn call(&mut self, request: &CallRequest) -> Option<CallResponse> {
        match &self.keys {
            Keys::Online(client) => match client.call(request) {
                Ok(response) => Some(response),
                Err(why) => {
                    let CallRequest { scheme, authority, .. } = request;
                    self.notes.push(format!("{scheme}://{authority}: {why}"));
                    None
                }
            },
            Keys::Files(files) => {
                let is_asked = |ring: &RingId| {
                    self.urls.get(ring.0).is_some_and(|url| {
                        url.authority == request.authority && url.path == request.path
                    })
                };
                let (_, text) = files.iter().find(|(ring, _)| is_asked(ring))?;
                let headers = Fields::default();
                Some(CallResponse {
                    status: 200,
                    headers,
                    body_size: text.len(),
                    body: text.clone(),
                    trailers: Fields::default(),
                })
            }
        }
    }

    fn hear(&mut self, effect: Effect) {
        match effect {
            Effect::ResponseHeaders { set, .. } => self.advice = set,
            Effect::Settle { how, .. } => self.settled = Some(how),
            // What the keys are like; the refusal itself is told in full.
            Effect::Log(record) => {
                self.said.extend(note(&record, matches!(self.keys, Keys::Online(_))));
            }
            _ => {}
        }
    }
}

/// What a record says of keys that an operator must know, in a sentence; `None` where it is about
/// something else. Files were fetched from nowhere, so that only `is_online` speaks of fetches.
fn note(record: &Record, is_online: bool) -> Option<String> {
    let of_fetch = |whose: String, failure: &FetchFailure| {
        let FetchFailure { url, found, remedy, .. } = failure;
        is_online.then(|| format!("{whose}: {url}: {found}; {remedy}"))
    };
    match record {
        Record::KeyPrivate { provider, kid, reason } => {
            Some(format!("provider `{provider}`: {}: {reason}", kid_or_dash(kid.as_ref())))
        }
        Record::KeySkipped { provider, skipped, remedy } => {
            Some(format!("provider `{provider}`: {skipped}; {remedy}"))
        }
        Record::KeysFetchFailed { provider, failure, .. } => {
            of_fetch(format!("provider `{provider}`"), failure)
        }
        Record::IntrospectionFailed { provider, failure, .. } => {
            of_fetch(format!("provider `{provider}`"), failure)
        }
        Record::RevocationsFetchFailed(_, failure) => of_fetch("`revoked`".to_owned(), failure),
        _ => None,
    }
}
