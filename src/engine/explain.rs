//! Who may read the steps of a decision, and in which form.

use super::reply;
use crate::event::Reply;
use crate::http::RequestHead;
use crate::secret::KeyHashes;
use crate::trace::{MAX_FOUND, Trace, cut, string};
use crate::verdict::Refusal;

/// The header that shows the key, and the one that carries the steps.
const HEADER: &str = "x-tollgate-explain";
/// Longest key that is looked at, in bytes: what a stranger shows must cost next to nothing.
const MAX_KEY: usize = 256;
/// Longest form in a header, in bytes.
const MAX_HEADER: usize = 4096;

/// No cache may keep an explained answer, since nobody else may get it. The last two are for caches
/// that read a header of their own before the common one (RFC 9213 §2.2).
const UNCACHED: [(&str, &str); 3] = [
    ("cache-control", "private, no-store"),
    ("cdn-cache-control", "no-store"),
    ("surrogate-control", "no-store"),
];

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It goes upstream.
    Allowed,
    /// It is answered here, and that is no refusal.
    Answered,
    /// It was refused.
    Refused,
    /// It goes upstream because refusals are only reported.
    WouldRefuse,
}

impl Outcome {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::WouldRefuse => "would_refuse",
        }
    }
}

/// A decision with its steps.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// How the request ended.
    pub outcome: Outcome,
    /// Why, where something refused it.
    pub refusal: Option<Refusal>,
    /// What an operator should change then; else nothing.
    pub remedy: String,
    /// The steps, in the order in which they were taken.
    pub trace: Trace,
}

impl Explanation {
    /// All of it as a JSON object in ASCII.
    pub fn to_json(&self) -> String {
        let mut out = self.begin();
        self.end(&mut out);
        out
    }

    /// The same in at most as many bytes as a header may have; steps are left out where it must be.
    fn into_header(mut self) -> String {
        let mut out = self.begin();
        // What stands around the steps besides: their brackets, and how many were left out.
        let room = MAX_HEADER.saturating_sub(out.len()).saturating_sub(48);
        self.trace.keep_within(room);
        self.end(&mut out);
        out
    }

    /// The headers of an upstream's answer that carry it.
    pub(super) fn into_headers(self) -> Vec<(&'static str, String)> {
        let mut headers: Vec<_> =
            UNCACHED.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push((HEADER, self.into_header()));
        headers
    }

    /// The answer to a refused request with it: in the body, or in a header where the answer has no
    /// body for it.
    pub(super) fn beside(self, mut reply: Reply, head: &RequestHead) -> Reply {
        reply.headers.retain(|(name, _)| *name != "cache-control");
        if reply::is_bodiless(head) {
            reply.headers.extend(self.into_headers());
            return reply;
        }
        let uncached = UNCACHED.iter().map(|(name, value)| (*name, (*value).to_owned()));
        reply.headers.extend(uncached);
        reply::explained(reply, &self.to_json())
    }

    /// The outcome.
    fn begin(&self) -> String {
        let mut out = String::from("{\"verdict\":\"");
        out.push_str(self.outcome.name());
        out.push('"');
        if let Some(refusal) = &self.refusal {
            let deny = refusal.deny;
            let reason = cut(&refusal.reason, MAX_FOUND);
            let remedy = cut(&self.remedy, MAX_FOUND);
            let members = [
                ("code", deny.code()),
                ("step", deny.step().name()),
                ("reason", &reason),
                ("remedy", &remedy),
            ];
            for (name, value) in members {
                out.push_str(",\"");
                out.push_str(name);
                out.push_str("\":");
                string(value, &mut out);
            }
        }
        out
    }

    /// The steps.
    fn end(&self, out: &mut String) {
        out.push_str(",\"steps\":[");
        for (place, entry) in self.trace.entries().iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            entry.write(out);
        }
        out.push(']');
        if self.trace.left_out() > 0 {
            out.push_str(",\"left_out\":");
            out.push_str(&self.trace.left_out().to_string());
        }
        out.push('}');
    }
}

/// Whether a request shows a key that opens the steps: in one header, exactly.
///
/// To look at a key takes as long where nothing is explained: the time of an answer does not show
/// whether anything is.
pub(super) fn is_asked(keys: Option<&KeyHashes>, head: &RequestHead) -> bool {
    let nobodys = KeyHashes::default();
    let keys = keys.unwrap_or(&nobodys);
    let mut shown = head.values(HEADER);
    match (shown.next(), shown.next()) {
        (Some(key), None) => key.len() <= MAX_KEY && keys.opens(key),
        _ => false,
    }
}
