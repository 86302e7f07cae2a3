//! What operators see: facts about the filter, and how they are shown, as HTML and as JSON.
//!
//! Knows neither requests nor where a fact comes from. Whatever it shows is bounded in length by a
//! type, and escaped in one place.

mod escape;
mod html;
mod json;
pub mod login;

use std::borrow::Cow;

use crate::time::UnixMillis;

/// Everything that is shown. The names of the JSON are those of the fields; docs/status.md lists them.
#[derive(Debug)]
pub struct Facts<'a> {
    /// When they were gathered.
    pub now: Moment,
    /// The filter's version.
    pub version: &'static str,
    /// The beginning of the SHA-256 of the configuration's text, in hex.
    pub configuration: String,
    /// What keeps this filter's sessions and refusals apart from another's.
    pub instance: Shown<'a>,
    /// `enforce` or `report`, where an API does not say otherwise.
    pub mode: &'static str,
    /// Who checks signatures: `host` or `wasm`.
    pub verifier: &'static str,
    /// Whether requests can be judged: what `<path>/ready` says.
    pub ready: bool,
    /// What is legal in the configuration, and risky.
    pub warnings: Vec<Warning<'a>>,
    /// How many requests ended how.
    pub counts: Counts,
    /// Room in the tables that all workers share.
    pub records: Records,
    /// Who vouches.
    pub providers: Vec<Provider<'a>>,
    /// The parts of the traffic.
    pub apis: Vec<Api<'a>>,
    /// Who is refused although the credential is good.
    pub revocations: Revocations<'a>,
    /// The only code whose refusals are listed; `None` is all.
    pub code: Option<&'static str>,
    /// The last refusals, newest first.
    pub refusals: Vec<Refusal>,
    /// How many entries of the lists above were left out because they are too long.
    pub omitted: usize,
    /// Where the page is.
    pub path: &'a str,
}

/// A text of bounded length, to be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    /// The longest text, in bytes, without the `…` that says that it was longer.
    pub const MAX_BYTES: usize = 512;

    /// A text, cut where it is too long.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.len() <= Self::MAX_BYTES {
            return Self(text);
        }
        let end = text.floor_char_boundary(Self::MAX_BYTES);
        let beginning = text.get(..end).unwrap_or_default();
        Self(format!("{beginning}…").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A moment, in JSON as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment(pub UnixMillis);

/// Something risky in the configuration.
#[derive(Debug)]
pub struct Warning<'a> {
    /// Its kind.
    pub code: &'static str,
    /// Where.
    pub field: Shown<'a>,
    /// What.
    pub message: Shown<'a>,
}

/// How many requests ended how, in all workers and all filters of the process; `None` where the host
/// does not count.
#[derive(Debug)]
pub struct Counts {
    /// They went upstream.
    pub allowed: Option<u64>,
    /// They were refused.
    pub denied: Option<ByCode>,
    /// They went upstream because refusals are only reported.
    pub would_deny: Option<ByCode>,
    /// They came to an API of MCP in an older revision; `None` where no API is one, too.
    pub mcp_legacy: Option<u64>,
}

/// Numbers by deny code, those that are not 0: in JSON one object.
#[derive(Debug, Default)]
pub struct ByCode(pub Vec<(&'static str, u64)>);

impl ByCode {
    /// All of them together.
    pub fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// The tables of the store.
#[derive(Debug)]
pub struct Records {
    /// Who was here.
    pub sessions: Slots,
    /// Whose limits run.
    pub limits: Slots,
    /// Which addresses' limits run; `None` where none are counted.
    pub addresses: Option<Slots>,
}

/// Room in one table.
#[derive(Debug)]
pub struct Slots {
    /// How many records fit.
    pub capacity: u64,
    /// How many there are; `None` where nobody knows.
    pub used: Option<u64>,
    /// How many had to be given up; `None` where nobody knows.
    pub evicted: Option<u64>,
}

/// Who vouches.
#[derive(Debug)]
pub struct Provider<'a> {
    /// Its name.
    pub name: &'a str,
    /// `jwt`, `introspection` or `api_key`.
    pub kind: &'static str,
    /// The issuers whose tokens it takes; none is any, or that it takes none.
    pub issuers: Vec<Shown<'a>>,
    /// The keys that sign its tokens, by where they come from.
    pub key_sets: Vec<KeySet<'a>>,
    /// The API keys it knows.
    pub api_keys: Option<ApiKeys>,
    /// How it is asked about tokens; `None` where it is not.
    pub introspection: Option<Introspection<'a>>,
    /// How it logs browsers in; `None` where it does not.
    pub login: Option<Login<'a>>,
    /// Requests for which it vouched, and which went upstream.
    pub allowed: Option<u64>,
    /// Requests that were refused when its credential was looked at.
    pub denied: Option<u64>,
}

/// How a provider is asked about tokens.
#[derive(Debug)]
pub struct Introspection<'a> {
    /// Where, without the query; the discovery document where that says where.
    pub url: Shown<'a>,
    /// The cluster that is called.
    pub cluster: Shown<'a>,
    /// When any worker was last answered, or failed to be; `None` before the first.
    pub at: Option<Moment>,
    /// Whether that failed.
    pub failing: bool,
    /// What came.
    pub last: Option<Shown<'static>>,
    /// Calls that said that a token is active.
    pub ok: Option<u64>,
    /// Calls that said that it is not.
    pub inactive: Option<u64>,
    /// Calls that brought nothing that can be used.
    pub failed: Option<u64>,
    /// Requests for which an earlier answer was used.
    pub cached: Option<u64>,
}

/// How a provider logs browsers in.
#[derive(Debug)]
pub struct Login<'a> {
    /// What is known of its endpoints: `written` in the configuration, `known` from the discovery
    /// document, `unknown` as long as that has not come, or `unusable`.
    pub endpoints: &'static str,
    /// Where tokens are asked for, without the query; `None` where that is not known.
    pub url: Option<Shown<'a>>,
    /// The cluster that is called.
    pub cluster: Shown<'a>,
    /// What is odd about what the discovery document says.
    pub odd: Vec<Odd>,
    /// Logins that began.
    pub started: Option<u64>,
    /// Logins that made a session.
    pub completed: Option<u64>,
    /// Sessions that the provider renewed.
    pub refreshed: Option<u64>,
    /// Sessions that were to be renewed and were not.
    pub refresh_failed: Option<u64>,
    /// Sessions that their browsers ended.
    pub logged_out: Option<u64>,
}

/// Something odd, and what to do about it.
#[derive(Debug)]
pub struct Odd {
    /// What is odd.
    pub reason: Shown<'static>,
    /// What to do about it.
    pub remedy: Shown<'static>,
}

/// A set of keys.
#[derive(Debug)]
pub struct KeySet<'a> {
    /// The only issuer whose tokens it verifies; `None` is all of the provider's.
    pub issuer: Option<Shown<'a>>,
    /// How it is fetched; `None` where it stands in the configuration.
    pub fetch: Option<Fetch<'a>>,
    /// Its keys.
    pub keys: Vec<Key<'a>>,
}

/// One key.
#[derive(Debug)]
pub struct Key<'a> {
    /// Its ID.
    pub kid: Option<Shown<'a>>,
    /// Type and size.
    pub kind: String,
    /// The one algorithm that it says it is for.
    pub alg: Option<&'static str>,
}

/// Where a fetched document stands.
#[derive(Debug)]
pub struct Fetch<'a> {
    /// Where it is, without the query.
    pub url: Shown<'a>,
    /// The cluster that is called.
    pub cluster: Shown<'a>,
    /// `fresh`, `stale` or `never`.
    pub state: &'static str,
    /// When it was last fetched or confirmed.
    pub at: Option<Moment>,
    /// How old it is.
    pub age_seconds: Option<u64>,
    /// When the next fetch is due.
    pub next_at: Moment,
    /// When it becomes too old to be used.
    pub stale_at: Option<Moment>,
    /// Whether the last fetch failed.
    pub failing: bool,
    /// The last fetch that failed, however many succeeded since.
    pub failure: Option<Failure>,
}

/// A fetch that failed.
#[derive(Debug)]
pub struct Failure {
    /// When.
    pub at: Moment,
    /// What came instead.
    pub reason: Shown<'static>,
    /// What to do.
    pub remedy: Shown<'static>,
}

/// How many API keys there are.
#[derive(Debug, Default)]
pub struct ApiKeys {
    /// All of them.
    pub total: usize,
    /// Those that may be used now.
    pub active: usize,
    /// Those that are switched off.
    pub inactive: usize,
    /// Those whose end has passed.
    pub expired: usize,
}

/// A part of the traffic.
#[derive(Debug)]
pub struct Api<'a> {
    /// Its name.
    pub name: &'a str,
    /// `enforce` or `report`.
    pub mode: &'static str,
    /// Who may vouch: names of providers, joined by ` + ` where all of them must; none is anybody.
    pub auth: Vec<String>,
    /// Whether requests without any credential pass.
    pub optional: bool,
    /// Its requests that went upstream.
    pub allowed: Option<u64>,
    /// Its requests that were refused.
    pub denied: Option<u64>,
    /// The policies that it can give; `None` where being verified is enough.
    pub policies: Option<Vec<&'a str>>,
    /// Whether tokens name policies themselves.
    pub policies_from_claim: bool,
    /// How fast all callers together may call it.
    pub rate: Option<String>,
}

/// Who is refused although the credential is good.
#[derive(Debug)]
pub struct Revocations<'a> {
    /// Entries of the configuration.
    pub configured: usize,
    /// Entries of the fetched list; `None` where there is none.
    pub fetched: Option<usize>,
    /// What happens without a list that is fresh enough: `deny` or `allow`; `None` where none is
    /// fetched.
    pub on_stale: Option<&'static str>,
    /// How it is fetched.
    pub fetch: Option<Fetch<'a>>,
}

/// Requests that were refused, or would have been, for one reason.
#[derive(Debug)]
pub struct Refusal {
    /// When the last one came that is equal in code, API and the words of its reason; what is said
    /// here besides is that one's.
    pub at: Moment,
    /// When the first one came.
    pub first_at: Moment,
    /// How many came.
    pub count: u64,
    /// The deny code.
    pub code: &'static str,
    /// The step that refused.
    pub step: &'static str,
    /// `enforce`, or `report` where it went upstream all the same.
    pub mode: &'static str,
    /// The API.
    pub api: Option<Shown<'static>>,
    /// Whose credential was looked at.
    pub provider: Option<Shown<'static>>,
    /// What the API key that was shown is called.
    pub key: Option<Shown<'static>>,
    /// The token's key ID, unverified.
    pub kid: Option<Shown<'static>>,
    /// The token's issuer, unverified.
    pub iss: Option<Shown<'static>>,
    /// The beginning of the verified identity, or of its hash.
    pub identity: Option<Shown<'static>>,
    /// What was looked at, and found.
    pub reason: Shown<'static>,
    /// What to do.
    pub remedy: Shown<'static>,
    /// The proxy's id of the request.
    pub request_id: Option<Shown<'static>>,
    /// The id of the trace that the request belongs to.
    pub trace_id: Option<Shown<'static>>,
    /// The request's path without its query.
    pub path: Option<Shown<'static>>,
}

/// How something is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// The facts as JSON.
    Json,
    /// The facts as a page for people.
    Page,
    /// A sentence.
    Text,
}

impl Form {
    /// The facts in this form; a sentence holds none.
    pub fn render(self, facts: &Facts<'_>) -> String {
        match self {
            Self::Json => json::json(facts),
            Self::Page => html::html(facts),
            Self::Text => String::new(),
        }
    }

    /// The headers of an answer in this form, which nobody is to keep, to embed or to take for
    /// anything else. What it may load (CSP Level 3) is its own style, and nothing else.
    pub fn headers(self) -> Vec<(&'static str, String)> {
        let (content_type, allowed) = match self {
            Self::Json => ("application/json", String::new()),
            Self::Page => {
                let style = format!("style-src '{}'; img-src data:; ", html::style_hash());
                ("text/html; charset=utf-8", style)
            }
            Self::Text => ("text/plain; charset=utf-8", String::new()),
        };
        let policy = format!(
            "default-src 'none'; {allowed}base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        vec![
            ("content-type", content_type.to_owned()),
            ("content-security-policy", policy),
            ("cache-control", "no-store".to_owned()),
            ("cross-origin-resource-policy", "same-origin".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ]
    }
}
