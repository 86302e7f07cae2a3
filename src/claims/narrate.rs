//! What a token's claims say, for the trace: one step for each thing that is judged.

use serde_json::Value;

use super::{ClaimRef, Claims, Issuer, Requirements, kind};
use crate::json;
use crate::time::{UnixMillis, in_words};
use crate::trace::{Decided, Trace};
use crate::verdict::{Step, list, quoted};

/// Notes what has just been found good.
pub(super) struct Narrator<'a> {
    pub(super) claims: &'a Claims,
    pub(super) requirements: &'a Requirements,
    pub(super) now: UnixMillis,
    pub(super) trace: &'a mut Trace,
}

impl Narrator<'_> {
    /// Nothing marks it as another kind of token.
    pub(super) fn kind(&mut self, typ: Option<&str>) {
        let ids = self.requirements.allow_id_tokens;
        self.trace.passed(Step::Claims, "the token's kind", || {
            let typ = typ.map_or_else(|| "missing".to_owned(), quoted);
            let ids = if ids { "; ID tokens are accepted" } else { "" };
            format!("the header's `typ` is {typ}; nothing marks it as another kind of token{ids}")
        });
    }

    /// Who issued it.
    pub(super) fn issuer(&mut self) {
        let (issuer, accepted) = (self.claims.issuer(), &self.requirements.issuers);
        self.trace.passed(Step::Claims, "the claim `iss`", || {
            let found = match issuer {
                Issuer::Is(issuer) => quoted(issuer),
                Issuer::Absent | Issuer::WrongType => "missing".to_owned(),
            };
            match accepted {
                Some(_) => format!("{found}, which is accepted"),
                None => format!("{found}; any issuer is accepted"),
            }
        });
    }

    /// For whom it is.
    pub(super) fn audience(&mut self) {
        if self.trace.is_on() {
            let found = shown(self.claims.present("aud"));
            self.accepted("the claim `aud`", found, self.requirements.audiences.as_deref());
        }
    }

    /// For which client it was issued.
    pub(super) fn client(&mut self) {
        if self.trace.is_on() {
            let stands = &self.requirements.client;
            let found = match self.claims.first(stands) {
                Some((claim, value)) => format!("{} is {}", claim.quoted(), shown(Some(value))),
                None => format!("there is no claim {}", names(stands)),
            };
            self.accepted("the client", found, self.requirements.clients.as_deref());
        }
    }

    /// What was found where only some, or any, are accepted.
    #[inline(never)]
    fn accepted(&mut self, looked_at: &'static str, found: String, accepted: Option<&[Box<str>]>) {
        let (decided, accepted) = match accepted {
            Some(accepted) => (Decided::Passed, list(accepted)),
            None => (Decided::Skipped, "any".to_owned()),
        };
        let found = format!("{found}; accepted: {accepted}");
        self.trace.note(Step::Claims, decided, || (looked_at.to_owned(), found));
    }

    /// When it began, and when it ends.
    pub(super) fn times(&mut self) {
        let (claims, now) = (self.claims, self.now);
        let skew = self.requirements.clock_skew;
        for (name, looked_at) in
            [("exp", "the claim `exp`"), ("nbf", "the claim `nbf`"), ("iat", "the claim `iat`")]
        {
            match claims.date(name) {
                Ok(Some(at)) => self.trace.passed(Step::Claims, looked_at, || {
                    format!("{}; the skew is {}", at.in_words(now), in_words(skew))
                }),
                _ => self.trace.skipped(Step::Claims, looked_at, || "missing".to_owned()),
            }
        }
        if let Some(longest) = self.requirements.max_lifetime {
            self.trace.passed(Step::Claims, "the token's lifetime", || {
                format!("at most {} are accepted", in_words(longest))
            });
        }
    }

    /// Whether it is bound to a key that its bearer must prove to have.
    pub(super) fn binding(&mut self) {
        let is_bound = self.claims.present("cnf").is_some();
        self.trace.passed(Step::Claims, "the claim `cnf`", || match is_bound {
            true => "there; its proof is not asked for (`binding`)".to_owned(),
            false => "missing: a bearer token".to_owned(),
        });
    }

    /// Who the caller is.
    pub(super) fn identity(&mut self) {
        let (claims, stands) = (self.claims, &self.requirements.identity);
        self.trace.note(Step::Identity, Decided::Passed, || {
            let found = claims.first(stands);
            let looked_at = format!("the claim {}", names(stands));
            (
                looked_at,
                found.map_or_else(String::new, |(claim, value)| {
                    format!("{} is {}", claim.quoted(), shown(Some(value)))
                }),
            )
        });
    }
}

impl Claims {
    /// Notes what a claim says that a rule asked for.
    pub(super) fn narrate_rule(&self, claim: &ClaimRef, step: Step, trace: &mut Trace) {
        trace.note(step, Decided::Passed, || {
            let value = self.find(claim);
            (format!("the claim {}", claim.quoted()), format!("{}, as required", shown(value)))
        });
    }
}

/// A claim's value: texts as they are, of anything else the type.
fn shown(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::String(text)) => quoted(text),
        Some(Value::Array(values)) if values.iter().all(Value::is_string) => {
            list(&values.iter().filter_map(Value::as_str).collect::<Vec<_>>())
        }
        Some(value @ (Value::Bool(_) | Value::Number(_))) => quoted(&json::text(value)),
        Some(value) => kind(value).to_owned(),
    }
}

fn names(claims: &[ClaimRef]) -> String {
    list(&claims.iter().map(ToString::to_string).collect::<Vec<_>>())
}
