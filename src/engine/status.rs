//! The operator's page: who may see it, and what is true just now, whichever worker is asked.
//!
//! Counts are the host's, what was fetched is told by the shared records, refusals stand in the
//! shared ring. Knows facts, and nothing of how they are shown.

mod gather;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Engine;
use super::refusals::Refusals;
use crate::config::StatusConfig;
use crate::env::Env;
use crate::event::{Effect, Reply};
use crate::http::{RequestHead, RequestPath, after_scheme, elements, parameters};
use crate::page::Form;
use crate::verdict::Deny;

/// Longest value of `Authorization` that is looked at, in bytes.
const MAX_AUTHORIZATION: usize = 4096;
/// What everybody is told who shows no key, or a wrong one.
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

    /// What a request asks for, where it is the page's and no API's. A path that two hops could read
    /// differently is not.
    pub(super) fn asked(&self, head: &RequestHead) -> Option<Asked> {
        let raw = head.path();
        // Nearly every request is told apart here.
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

impl Engine {
    /// Answers a request for the operator's page or what is below it.
    pub(super) fn show(
        &mut self,
        asked: Asked,
        head: &RequestHead,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Reply {
        let mut reply = self.answer(asked, head, env, effects);
        if head.method() == b"HEAD" {
            reply.body = String::new();
        }
        reply
    }

    fn answer(
        &mut self,
        asked: Asked,
        head: &RequestHead,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Reply {
        if !matches!(head.method(), b"GET" | b"HEAD") {
            let mut refused = text(405, "Only GET and HEAD.\n");
            refused.headers.push(("allow", "GET, HEAD".to_owned()));
            return refused;
        }
        if asked == Asked::Ready {
            return match self.is_ready(env.now) {
                true => text(200, "ready\n"),
                false => text(503, "not ready\n"),
            };
        }
        // A script of another page, whose user's browser may know the key: it gets nothing, even
        // where a filter in front would let it read the answer.
        if head.first("origin").is_some() {
            return text(403, "Scripts of other pages see nothing here.\n");
        }
        let Some(status) = &self.status else { return text(404, "") };
        match status.shown(head) {
            Shown::RightKey => {}
            shown => {
                if let Shown::WrongKey = shown {
                    self.log.wrong_status_key(head, env.now, effects);
                }
                let mut refused = text(401, CLOSED);
                let challenge = format!("Basic realm=\"{}\"", self.config.realm);
                refused.headers.push(("www-authenticate", challenge));
                return refused;
            }
        }
        let form = form(head);
        if head.method() == b"HEAD" {
            return reply(200, form, String::new());
        }
        self.look(env);
        match self.facts(wanted_code(head), env) {
            Some(facts) => reply(200, form, form.render(&facts)),
            None => text(404, ""),
        }
    }
}

/// The one code whose refusals are asked for: `?code=`.
fn wanted_code(head: &RequestHead) -> Option<Deny> {
    let wanted = parameters(head.path(), "code").next()?;
    Deny::ALL.into_iter().find(|deny| *deny.code().as_bytes() == *wanted)
}

/// The form that a request asks for: the page, unless its `Accept` names JSON and not HTML.
fn form(head: &RequestHead) -> Form {
    let accepts = |wanted: &[u8]| {
        head.values("accept").flat_map(elements).any(|element| {
            let name = element.split(|byte| *byte == b';').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(wanted)
        })
    };
    if accepts(b"application/json") && !accepts(b"text/html") { Form::Json } else { Form::Page }
}

fn text(status: u16, body: &str) -> Reply {
    reply(status, Form::Text, body.to_owned())
}

fn reply(status: u16, form: Form, body: String) -> Reply {
    Reply { status, grpc_status: None, headers: form.headers(), body }
}
