//! The providers that are asked about tokens: who asks, what comes of it, and how much may be asked.
//!
//! A call leaves from the root: others wait for its answer too, and it is kept where nobody does.

use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::asks::{Answer, Asks, Question};
use super::calls::{Calls, Owner};
use crate::claims::Claims;
use crate::config::Config;
use crate::engine::budget::Budget;
use crate::engine::words::asking::{self, Wrong};
use crate::env::Env;
use crate::event::metric::Introspected;
use crate::event::{CallRequest, CallResponse, Effect, Record, SecretBytes, metric};
use crate::http::{Url, add_to_form as add};
use crate::ids::{AskId, Name, ProviderId, digest};
use crate::introspection::{Answers, Asked, Attempt, Lease, MAX_ANSWER, answer};
use crate::json;
use crate::provider::introspection::{Endpoint, Introspection};
use crate::time::{UnixMillis, millis};
use crate::wire::Reader;

/// Most calls that are out at once for tokens that were not active before, per worker and provider.
const MOST_NEW: usize = 32;
/// Shortest time between two lines of the log about one provider, and between two notes of its last
/// answer, per worker.
const NOTED_EVERY: Duration = Duration::from_secs(1);
/// How long a discovered endpoint is used before it is looked up again.
const ENDPOINT_LASTS: Duration = Duration::from_mins(10);
/// How long nobody looks it up again where that failed.
const BACK_OFF: Duration = Duration::from_secs(1);
/// Longest discovery document, in bytes.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The longest that a provider may have requests come back later.
const LONGEST_RETRY: u64 = 300;

/// The providers that one worker asks, by their places; `None` for those of other kinds.
#[derive(Debug, Default)]
pub(in crate::engine) struct Introspections(Vec<Option<One>>);

/// One provider that is asked.
#[derive(Debug)]
pub(in crate::engine) struct One {
    name: Name,
    pub(in crate::engine) answers: Answers,
    budget: Budget,
    /// How many calls are out for tokens that were not active before.
    new: usize,
    /// The place of the client's secret that is shown first.
    secret: usize,
    /// The tokens that are asked about, by their leases, where another secret may be tried.
    tokens: Vec<(u64, Zeroizing<String>)>,
    /// Where its document says that it is asked, and when that was read.
    endpoint: Option<(Url, UnixMillis)>,
    /// Until when it wants to be left alone.
    retry_at: UnixMillis,
    logged_at: UnixMillis,
    noted_at: UnixMillis,
}

/// What came of the last attempt of any worker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::engine) struct Last {
    pub(in crate::engine) at: UnixMillis,
    /// Whether it has failed, and which [remedy](asking::remedy) helps.
    pub(in crate::engine) failed: Option<u8>,
    /// What came. Others may have written it.
    pub(in crate::engine) found: String,
}

impl Introspections {
    pub(in crate::engine) fn new(config: &Config) -> Self {
        let one = |provider: &crate::provider::Provider| {
            let asked = provider.introspection()?;
            Some(One {
                name: provider.name.clone(),
                answers: Answers::new(asked.terms, asked.capacity),
                budget: Budget::new(asked.per_second),
                new: 0,
                secret: 0,
                tokens: Vec::new(),
                endpoint: None,
                retry_at: UnixMillis::default(),
                logged_at: UnixMillis::default(),
                noted_at: UnixMillis::default(),
            })
        };
        Self(config.providers.iter().map(one).collect())
    }

    /// A provider that is asked.
    pub(in crate::engine) fn of(&self, id: ProviderId) -> Option<&One> {
        self.0.get(id.0)?.as_ref()
    }

    /// The same, to change it.
    pub(in crate::engine) fn of_mut(&mut self, id: ProviderId) -> Option<&mut One> {
        self.0.get_mut(id.0)?.as_mut()
    }

    /// Gives a lease back: the worker goes.
    pub(super) fn give_back(&self, id: ProviderId, attempt: &Attempt, env: &Env<'_>) {
        if let Some(one) = self.of(id) {
            one.answers.give_back(&attempt.lease, env);
        }
    }
}

impl One {
    /// Whether this worker may ask about one more token.
    pub(in crate::engine) fn may_ask(&self, was_active: bool, now: UnixMillis) -> bool {
        was_active || (self.budget.is_left(now) && self.new < MOST_NEW)
    }

    /// How long the provider wants to be left alone.
    pub(in crate::engine) fn retry_after(&self, now: UnixMillis) -> Option<Duration> {
        (now < self.retry_at).then(|| self.retry_at.since(now))
    }

    /// Where it is asked; `None` while that is not known.
    pub(in crate::engine) fn url<'u>(&'u self, asked: &'u Introspection) -> Option<&'u Url> {
        match &asked.endpoint {
            Endpoint::Url(url) => Some(url),
            Endpoint::Discovery(_) => self.endpoint.as_ref().map(|(url, _)| url),
        }
    }

    /// Finds out where the provider is asked, where its document says so.
    pub(in crate::engine) fn resolve(
        &mut self,
        asked: &Introspection,
        (asks, calls): (&mut Asks, &mut Calls),
        may_ask: bool,
        env: &Env<'_>,
    ) -> Result<(), Unresolved> {
        let Endpoint::Discovery(document) = &asked.endpoint else { return Ok(()) };
        let (now, is_known) = (env.now, self.endpoint.is_some());
        let is_young = |at: UnixMillis| at <= now && now.since(at) < ENDPOINT_LASTS;
        if self.endpoint.as_ref().is_some_and(|(_, at)| is_young(*at)) {
            return Ok(());
        }
        let (url, cluster) = (document.to_string(), &asked.cluster);
        let id = AskId(digest(&[b"tollgate discovery", url.as_bytes(), cluster.as_bytes()]));
        let found = match asks.look(id, now) {
            Some(Answer::Came(response)) if response.status != 200 => {
                Err("it did not come with status 200")
            }
            Some(Answer::Came(response)) if response.body_size > MAX_DOCUMENT => {
                Err("it is larger than is taken")
            }
            Some(Answer::Came(response)) => named(&response.body, document, asked),
            Some(Answer::Failed) => Err("it did not come"),
            // What was known serves until something newer comes.
            Some(Answer::Pending) if is_known => return Ok(()),
            Some(Answer::Pending) => return Err(Unresolved::Pending(id)),
            None => {
                let request = CallRequest::document(document, cluster, asked.timeout, MAX_DOCUMENT);
                let question = Question { id, request, keep: ENDPOINT_LASTS, back_off: BACK_OFF };
                match may_ask && asks.begin(question, calls) {
                    _ if is_known => return Ok(()),
                    true => return Err(Unresolved::Pending(id)),
                    false => Err("there is no room to wait for it"),
                }
            }
        };
        match found {
            Ok(url) => self.endpoint = Some((url, now)),
            Err(_) if is_known => {}
            Err(why) => {
                self.note(Some(&Wrong::Document(why)), "", env);
                return Err(Unresolved::Wrong(why));
            }
        }
        Ok(())
    }

    /// Asks about a token, for which this worker has the lease.
    pub(in crate::engine) fn begin(
        &mut self,
        (id, asked): (ProviderId, &Introspection),
        (lease, token): (Lease, &str),
        (calls, env): (&mut Calls, &Env<'_>),
    ) {
        if !lease.was_active {
            self.budget.spend(env.now);
            self.new = self.new.saturating_add(1);
        }
        if asked.client.secrets() > 1 {
            self.tokens.push((lease.holder, Zeroizing::new(token.to_owned())));
        }
        let attempt = Attempt { lease, secret: self.secret, before: 0, since: env.now };
        self.make((id, asked), attempt, token, (calls, env));
    }

    fn make(
        &mut self,
        (id, asked): (ProviderId, &Introspection),
        attempt: Attempt,
        token: &str,
        (calls, env): (&mut Calls, &Env<'_>),
    ) {
        let request = match self.url(asked) {
            Some(url) => request(url, asked, token, attempt.secret, env),
            None => None,
        };
        match request {
            Some(request) => calls.make(Owner::Introspection(id, attempt), request),
            None => {
                self.over(&attempt);
                self.note(Some(&Wrong::Unsigned), "", env);
                self.answers.done(&attempt.lease, Asked::Failed, env);
            }
        }
    }

    /// A call is over, or there is none.
    fn over(&mut self, attempt: &Attempt) {
        self.tokens.retain(|(holder, _)| *holder != attempt.lease.holder);
        if !attempt.lease.was_active {
            self.new = self.new.saturating_sub(1);
        }
    }

    /// Ends a call with what it brought.
    pub(super) fn done(
        &mut self,
        (id, asked): (ProviderId, &Introspection),
        attempt: Attempt,
        response: Option<CallResponse>,
        (calls, env): (&mut Calls, &Env<'_>),
        effects: &mut Vec<Effect>,
    ) {
        if let Some(span) = response.as_ref().and_then(retry_after) {
            self.retry_at = env.now.after(span);
        }
        let read = read(response, asked);
        let secrets = asked.client.secrets();
        let before = attempt.before.saturating_add(1);
        let held = self.tokens.iter().find(|(holder, _)| *holder == attempt.lease.holder);
        if let (Err(Wrong::Client(..)), Some((_, token))) = (&read, held)
            && before < secrets
        {
            let token = token.clone();
            let secret = attempt.secret.saturating_add(1);
            let secret = if secret < secrets { secret } else { 0 };
            let next = Attempt { secret, before, ..attempt };
            return self.make((id, asked), next, &token, (calls, env));
        }
        if !matches!(read, Err(Wrong::Client(..))) {
            self.secret = attempt.secret;
        }
        self.end(asked, attempt, read, env, effects);
    }

    fn end(
        &mut self,
        asked: &Introspection,
        attempt: Attempt,
        read: Result<Asked, Wrong>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        self.over(&attempt);
        let outcome = match &read {
            Ok(Asked::Active(..)) => Introspected::Ok,
            Ok(_) => Introspected::Inactive,
            Err(_) => Introspected::Failed,
        };
        effects.push(Effect::Count { metric: metric::introspection(outcome, &self.name), by: 1 });
        let value = millis(env.now.since(attempt.since));
        effects.push(Effect::Observe { metric: metric::INTROSPECTION_MS.into(), value });
        let came = match read {
            Ok(came) => {
                let found = if outcome == Introspected::Ok { "active" } else { "not active" };
                self.note(None, found, env);
                came
            }
            Err(wrong) => {
                self.failed(asked, &wrong, env, effects);
                Asked::Failed
            }
        };
        self.answers.done(&attempt.lease, came, env);
    }

    /// Says that nothing came which can be used: to the log, and to the other workers.
    fn failed(
        &mut self,
        asked: &Introspection,
        wrong: &Wrong,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        self.note(Some(wrong), "", env);
        if env.now.since(self.logged_at) < NOTED_EVERY && self.logged_at <= env.now {
            return;
        }
        self.logged_at = env.now;
        let failure = asking::logged(wrong, &self.name, asked, self.url(asked));
        let refuses_client = matches!(wrong, Wrong::Client(..));
        let provider = self.name.clone();
        let record = Record::IntrospectionFailed { provider, failure, refuses_client };
        effects.push(Effect::Log(record.into()));
    }

    /// Notes what came of an attempt, for whoever wants to know; good answers once a second.
    fn note(&mut self, failed: Option<&Wrong>, found: &str, env: &Env<'_>) {
        let is_soon = env.now.since(self.noted_at) < NOTED_EVERY && self.noted_at <= env.now;
        if is_soon && failed.is_none() {
            return;
        }
        self.noted_at = env.now;
        let mut note = vec![failed.map_or(0, Wrong::kind)];
        note.extend(env.now.millis().to_le_bytes());
        let wrong = failed.map(Wrong::to_string);
        note.extend(wrong.as_deref().unwrap_or(found).as_bytes());
        let key = key(&self.name);
        let stored = env.shared.get(&key);
        // Whoever else writes now knows as much.
        let _ = env.shared.put(&key, &note, stored.cas);
    }
}

/// Why it is not known where a provider is asked.
pub(in crate::engine) enum Unresolved {
    /// Its document is being fetched.
    Pending(AskId),
    /// The document cannot be used, or did not come.
    Wrong(&'static str),
}

/// The endpoint that a document names, on the document's own host (RFC 8414 §2, §3.3).
fn named(body: &[u8], document: &Url, asked: &Introspection) -> Result<Url, &'static str> {
    let members = json::object(body).map_err(|_| "no JSON object without members twice")?;
    let text = |name| members.get(name).and_then(Value::as_str);
    let issuers = asked.requirements.issuers.iter().flatten();
    if !issuers.into_iter().any(|one| Some(&**one) == text("issuer")) {
        return Err("its `issuer` is not the provider's");
    }
    let url = text("introspection_endpoint").ok_or("it has no `introspection_endpoint`")?;
    let url = Url::parse(url).map_err(|_| "its `introspection_endpoint` is no URL")?;
    if url.authority != document.authority || url.secure != document.secure {
        return Err("its `introspection_endpoint` is on another host; write that URL as `url`");
    }
    Ok(url)
}

/// What came of the last attempt of any worker to ask a provider.
pub(in crate::engine) fn last(provider: &Name, env: &Env<'_>) -> Option<Last> {
    /// The longest text that is read.
    const MOST: usize = 400;
    let note = env.shared.get(&key(provider)).value?;
    let mut fields = Reader::new(&note);
    let (kind, at) = (fields.u8()?, UnixMillis::new(fields.u64()?));
    let failed = (kind != 0).then_some(kind);
    let rest = fields.rest();
    let found = String::from_utf8_lossy(rest.get(..MOST).unwrap_or(rest));
    Some(Last { at, failed, found: found.replace(char::is_control, " ") })
}

fn key(provider: &Name) -> String {
    format!("tg1/asked/{provider}")
}

/// The call that asks about a token; `None` where the client cannot show who it is.
fn request(
    url: &Url,
    asked: &Introspection,
    token: &str,
    secret: usize,
    env: &Env<'_>,
) -> Option<CallRequest> {
    let mut request = CallRequest::document(url, &asked.cluster, asked.timeout, MAX_ANSWER);
    request.method = "POST";
    if asked.signed.is_some()
        && let Some((_, accept)) = request.headers.iter_mut().find(|(name, _)| *name == "accept")
    {
        *accept = "application/token-introspection+jwt".to_owned();
    }
    let kind = "application/x-www-form-urlencoded".to_owned();
    request.headers.push(("content-type", kind));
    let mut form = Zeroizing::new(String::new());
    add("token", token, &mut form);
    add("token_type_hint", "access_token", &mut form);
    request.authorization = asked.client.show(secret, &mut form, env).ok()?;
    request.body = SecretBytes(Zeroizing::new(form.as_bytes().to_vec()));
    Some(request)
}

/// How long the answer has requests come back later (RFC 9110 §10.2.3).
fn retry_after(response: &CallResponse) -> Option<Duration> {
    let text = std::str::from_utf8(response.headers.first("retry-after")?).ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    (response.status != 200).then(|| Duration::from_secs(seconds.min(LONGEST_RETRY)))
}

/// What a call brought. Nothing of a body is shown: it may hold the token.
fn read(response: Option<CallResponse>, asked: &Introspection) -> Result<Asked, Wrong> {
    let Some(response) = response else { return Err(Wrong::NoAnswer) };
    if response.status != 200 {
        let error = Claims::parse(&response.body).ok();
        let error = error.as_ref().and_then(|members| members.text("error"));
        let is_client = matches!(response.status, 401 | 403) || error == Some("invalid_client");
        let error =
            error.filter(|one| one.len() <= 64 && one.bytes().all(is_error)).map(Into::into);
        return Err(match is_client {
            true => Wrong::Client(response.status, error),
            false => Wrong::Status(response.status, error),
        });
    }
    let encoding = response.headers.first("content-encoding");
    if encoding.is_some_and(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(Wrong::Encoded);
    }
    if response.body_size > MAX_ANSWER {
        return Err(Wrong::TooLong(response.body_size));
    }
    let members = answer::members(&response.body, asked.signed.is_some()).map_err(Wrong::Answer)?;
    let claims = Claims::parse(&members).map_err(|_| Wrong::Answer(answer::Unusable::NotJson))?;
    match claims.flag("active") {
        Some(true) => Ok(Asked::Active(response.body, claims.expires())),
        Some(false) if asked.signed.is_some() => Ok(Asked::Inactive(response.body)),
        Some(false) => Ok(Asked::Inactive(Vec::new())),
        None => Err(Wrong::Answer(answer::Unusable::NoActive)),
    }
}

/// Whether a byte is one of an error's name (RFC 6749 §5.2).
const fn is_error(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}
