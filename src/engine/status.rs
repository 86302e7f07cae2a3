//! The operator's page: who may see it, and what is true just now, whichever worker is asked.
//!
//! Counts come from the host, what was fetched from the shared records, refusals from their own. Knows
//! facts, and not how they are shown.

mod gather;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::log::Log;
use super::outside::Outside;
use super::refusals::Refusals;
use crate::config::{Config, StatusConfig};
use crate::env::Env;
use crate::event::{Effect, Reply};
use crate::http::{RequestHead, RequestPath, after_scheme, elements, parameters};
use crate::page::Form;
use crate::verdict::Deny;
use gather::View;

/// Longest value of `Authorization` that is looked at, in bytes.
const MAX_AUTHORIZATION: usize = 4096;
/// The answer to everybody who shows no key, or a wrong one.
const CLOSED: &str = "This page is for operators: it opens to a key (status.key_sha256), as the \
                      password of HTTP Basic or as a bearer token.\n";

/// The operator's page.
#[derive(Debug)]
pub(super) struct Status {
    config: StatusConfig,
    /// The path's segments.
    segments: Vec<Vec<u8>>,
    instance: Box<str>,
    pub(super) refusals: Refusals,
}

/// What is asked for under the page's path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// The page.
    Page,
    /// Whether requests can be judged.
    Ready,
}

/// What a request shows to open the page.
enum Shown {
    Nothing,
    RightKey,
    WrongKey,
}

impl Status {
    pub(super) fn new(config: StatusConfig, instance: &str) -> Self {
        let path = RequestPath::parse(config.path.as_bytes()).unwrap_or_default();
        Self {
            segments: path.segments().to_vec(),
            instance: instance.into(),
            refusals: Refusals::new(instance),
            config,
        }
    }

    /// What a request asks for; `None` where it is not for the page. A path that two hops could read
    /// differently is not.
    pub(super) fn asked(&self, head: &RequestHead) -> Option<Asked> {
        let raw = head.path();
        // Nearly every request ends here.
        if !raw.starts_with(self.config.path.as_bytes()) && !raw.contains(&b'%') {
            return None;
        }
        let path = RequestPath::parse(raw).ok()?;
        let rest = path.segments().strip_prefix(self.segments.as_slice())?;
        match rest {
            [] => Some(Asked::Page),
            [ready] if ready == b"ready" && self.config.ready => Some(Asked::Ready),
            _ => None,
        }
    }

    /// Whether a request shows the key: exactly one `Authorization`, with the key as the password of
    /// Basic (RFC 7617), whoever the user is, or as a bearer token (RFC 6750 §2.1).
    fn shown(&self, head: &RequestHead) -> Shown {
        let mut values = head.values("authorization");
        let Some(value) = values.next() else { return Shown::Nothing };
        let is_right = value.len() <= MAX_AUTHORIZATION
            && values.next().is_none()
            && credential(value).is_some_and(|key| !key.is_empty() && self.config.keys.opens(&key));
        if is_right { Shown::RightKey } else { Shown::WrongKey }
    }
}

/// The key in a value of `Authorization`.
fn credential(value: &[u8]) -> Option<Vec<u8>> {
    if let Some(token) = after_scheme(value, "Bearer") {
        return Some(token.to_vec());
    }
    let pair = STANDARD.decode(after_scheme(value, "Basic")?).ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    let (_, password) = pair.split_at_checked(colon)?;
    Some(password.strip_prefix(b":")?.to_vec())
}

/// What of the engine the page shows, and what is done before it is shown.
pub(super) struct Inside<'e> {
    pub(super) config: &'e Config,
    pub(super) outside: &'e mut Outside,
    pub(super) log: &'e mut Log,
}

impl Status {
    /// Answers a request for the operator's page or what is below it.
    pub(super) fn answer(
        &mut self,
        asked: Asked,
        head: &RequestHead,
        inside: Inside<'_>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Reply {
        let mut reply = self.reply(asked, head, inside, env, effects);
        if head.method() == b"HEAD" {
            reply.body = String::new();
        }
        reply
    }

    fn reply(
        &mut self,
        asked: Asked,
        head: &RequestHead,
        inside: Inside<'_>,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Reply {
        let Inside { config, outside, log } = inside;
        if !matches!(head.method(), b"GET" | b"HEAD") {
            let mut refused = text(405, "status_method_refused", "Only GET and HEAD.\n");
            refused.headers.push(("allow", "GET, HEAD".to_owned()));
            return refused;
        }
        if asked == Asked::Ready {
            return match outside.is_ready(env.now) {
                true => text(200, "ready", "ready\n"),
                false => text(503, "not_ready", "not ready\n"),
            };
        }
        // A script of another page, whose user's browser may know the key: it gets nothing, even
        // where a filter in front would let it read the answer.
        if head.first("origin").is_some() {
            let body = "Scripts of other pages see nothing here.\n";
            return text(403, "status_origin_refused", body);
        }
        match self.shown(head) {
            Shown::RightKey => {}
            shown => {
                if let Shown::WrongKey = shown {
                    log.wrong_status_key(head, env.now, effects);
                }
                let mut refused = text(401, "status_unauthorized", CLOSED);
                let challenge = format!("Basic realm=\"{}\"", config.realm);
                refused.headers.push(("www-authenticate", challenge));
                return refused;
            }
        }
        let form = form(head);
        if head.method() == b"HEAD" {
            return page(form, String::new());
        }
        // What is shown is what all workers know.
        self.refusals.flush(env);
        outside.sync(env);
        let Self { config: status, instance, refusals, .. } = &*self;
        let view = View { config, outside, status, instance, refusals };
        page(form, form.render(&view.facts(wanted_code(head), env)))
    }
}

/// The one code whose refusals are asked for: `?code=`.
fn wanted_code(head: &RequestHead) -> Option<Deny> {
    let wanted = parameters(head.path(), "code").next()?;
    Deny::ALL.into_iter().find(|deny| *deny.code().as_bytes() == *wanted)
}

/// The form that a request asks for: the page, unless the query says `?form=json`, or `Accept` names
/// JSON and wants it more than HTML.
fn form(head: &RequestHead) -> Form {
    let weight = |wanted: &[u8]| {
        let all = head.values("accept").flat_map(elements);
        all.filter_map(|element| weight(element, wanted)).max().unwrap_or_default()
    };
    let is_asked = parameters(head.path(), "form").next().is_some_and(|form| *form == *b"json");
    if is_asked || weight(b"application/json") > weight(b"text/html") {
        Form::Json
    } else {
        Form::Page
    }
}

/// How much an element of `Accept` wants this media type, in thousandths (RFC 9110 §12.4.2): all of
/// them where it does not say, none where what it says is no weight. `None` where it names another.
fn weight(element: &[u8], wanted: &[u8]) -> Option<u16> {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    parts.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
    let q = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    let Some(q) = q else { return Some(1000) };
    let (whole, digits) = match q {
        [whole] | [whole, b'.'] => (whole, [].as_slice()),
        [whole, b'.', digits @ ..] => (whole, digits),
        _ => return Some(0),
    };
    let is_weight = match whole {
        b'0' => digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit),
        b'1' => digits.len() <= 3 && digits.iter().all(|digit| *digit == b'0'),
        _ => false,
    };
    let mut all = [*whole, b'0', b'0', b'0'];
    for (to, digit) in all.iter_mut().skip(1).zip(digits) {
        *to = *digit;
    }
    let number = std::str::from_utf8(&all).ok()?.parse().ok()?;
    Some(if is_weight { number } else { 0 })
}

/// A sentence, and what the access log calls it.
fn text(status: u16, details: &str, body: &str) -> Reply {
    let details = super::reply::details(details);
    let (form, body) = (Form::Text, body.to_owned());
    Reply { status, grpc_status: None, details, headers: form.headers(), body }
}

/// The facts, or what takes their place in an answer to HEAD.
fn page(form: Form, body: String) -> Reply {
    let details = super::reply::details("status");
    Reply { status: 200, grpc_status: None, details, headers: form.headers(), body }
}
