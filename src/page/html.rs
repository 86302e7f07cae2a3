//! The facts as HTML: one page without a script, which stands on a phone.

use super::escape::{escape, hash_of_style};
use super::{
    Api, ApiKeys, ByCode, Facts, Fetch, KeySet, Login, Moment, Odd, Provider, Refusal, Slots,
};
use crate::time::{UnixMillis, roughly};

const STYLE: &str = include_str!("style.css");

/// How many refusals are listed at once; the others are a touch away.
const NEWEST: usize = 10;

/// The documents that explain the page, and what each is about.
const DOCS: [(&str, &str); 3] = [
    ("docs/status.md", "this page"),
    ("docs/deny-codes.md", "every code"),
    ("docs/runbook.md", "what to do when"),
];

/// What is written where nobody knows.
const UNKNOWN: &str = "unknown";

/// The hash that lets the page's style in, and no other.
pub(super) fn style_hash() -> String {
    hash_of_style(STYLE)
}

/// A page in the making. Markup is what stands in this file; everything else is text, and escaped.
///
/// What is called at every turn is not copied there: the page need not be quick.
struct Page {
    out: String,
    now: UnixMillis,
}

impl Page {
    #[inline(never)]
    fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// A text, escaped for elements and for quoted attributes.
    fn text(&mut self, text: &str) -> &mut Self {
        escape(text, &mut self.out);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.text(&number.to_string())
    }

    #[inline(never)]
    fn known(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.markup(UNKNOWN),
        }
    }

    fn pill(&mut self, kind: &'static str, text: &str) -> &mut Self {
        self.markup("<span class=\"pill ").markup(kind).markup("\">").text(text).markup("</span> ")
    }

    /// A row of a list of facts, where there is a fact.
    fn fact(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.markup("<dt>").markup(name).markup("</dt><dd>").text(value).markup("</dd>");
        }
    }

    /// A cell that says what it is where rows become blocks.
    fn cell(&mut self, label: &'static str, value: &str) -> &mut Self {
        self.markup("<td data-label=\"").markup(label).markup("\">").text(value).markup("</td>")
    }

    /// A moment: how far it is from now, and its date behind that.
    fn moment(&mut self, Moment(at): Moment) -> &mut Self {
        let date = date(at);
        let words = if at > self.now {
            format!("in {}", roughly(at.since(self.now)))
        } else {
            format!("{} ago", roughly(self.now.since(at)))
        };
        self.markup("<span class=\"when\"><b>").text(&words).markup("</b> ");
        self.text(&date).markup("</span>")
    }

    /// A row of a list of facts that is a moment, where there is one.
    fn fact_at(&mut self, name: &'static str, at: Option<Moment>) {
        if let Some(at) = at {
            self.markup("<dt>").markup(name).markup("</dt><dd>").moment(at).markup("</dd>");
        }
    }

    /// A text in which what stands between backticks is code.
    fn coded(&mut self, text: &str) -> &mut Self {
        for (place, part) in text.split('`').enumerate() {
            match place % 2 {
                0 => self.text(part),
                _ => self.markup("<code>").text(part).markup("</code>"),
            };
        }
        self
    }
}

/// A moment as a date and a time of day.
fn date(at: UnixMillis) -> String {
    at.to_rfc3339().replace('T', " ").replace('Z', " UTC")
}

/// The facts as one HTML document.
pub(super) fn html(facts: &Facts<'_>) -> String {
    let mut page = Page { out: String::with_capacity(32_768), now: facts.now.0 };
    page.markup(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>Tollgate</title><style>",
    );
    page.markup(STYLE).markup("</style></head><body><header><h1>Tollgate</h1>");
    match facts.ready {
        true => page.pill("good", "ready"),
        false => page.pill("bad", "not ready"),
    };
    if facts.mode == "report" {
        page.pill("warn", "reports only");
    }
    if !facts.warnings.is_empty() {
        page.markup("<a class=\"pill warn\" href=\"#warnings\">warnings: ");
        page.text(&facts.warnings.len().to_string()).markup("</a>");
    }
    page.markup("</header>");
    summary(&mut page, facts);
    page.markup("<h2>Providers</h2><div class=\"cards\">");
    for one in &facts.providers {
        provider(&mut page, one);
    }
    page.markup("</div>");
    apis(&mut page, &facts.apis);
    refusals(&mut page, facts);
    revocations(&mut page, facts);
    records(&mut page, facts);
    warnings(&mut page, facts);
    if facts.omitted > 0 {
        page.markup("<p class=\"soft\">Not shown, because the lists are too long: ");
        page.text(&facts.omitted.to_string()).markup(" entries.</p>");
    }
    links(&mut page, facts);
    page.markup("</body></html>\n");
    page.out
}

/// Where else to look: the same facts as JSON, and the documents of this very version.
fn links(page: &mut Page, facts: &Facts<'_>) {
    page.markup("<footer><p><a href=\"").text(facts.path).markup("?form=json");
    if let Some(code) = facts.code {
        page.markup("&amp;code=").text(code);
    }
    page.markup("\">The same as JSON</a></p><p>Documents of version ").text(facts.version);
    page.markup(": ");
    for (place, (file, about)) in DOCS.into_iter().enumerate() {
        page.markup(if place > 0 { ", " } else { "" });
        match document(env!("CARGO_PKG_REPOSITORY"), facts.version, file) {
            Some(url) => {
                page.markup("<a href=\"").text(&url).markup("\">").markup(about).markup("</a>")
            }
            None => {
                page.markup("<code>").markup(file).markup("</code> (").markup(about).markup(")")
            }
        };
    }
    page.markup("</p></footer>");
}

/// Where a document of this version is, if the package says where its repository is.
fn document(repository: &str, version: &str, file: &str) -> Option<String> {
    (!repository.is_empty()).then(|| format!("{repository}/blob/v{version}/{file}"))
}

fn summary(page: &mut Page, facts: &Facts<'_>) {
    let verifier = match facts.verifier {
        "host" => "the proxy, where it can",
        _ => "the filter",
    };
    let at = date(facts.now.0);
    page.markup("<p class=\"soft\">Version ").text(facts.version);
    page.markup(" · configuration <code>").text(&facts.configuration);
    page.markup("</code> · instance <code>").text(facts.instance.as_str());
    page.markup("</code> · signatures are checked by ").markup(verifier);
    page.markup(" · ").text(&at).markup("</p><div class=\"tiles\">");
    let counts = &facts.counts;
    let tiles = [
        ("Allowed", counts.allowed),
        ("Refused", counts.denied.as_ref().map(ByCode::sum)),
        ("Would be refused", counts.would_deny.as_ref().map(ByCode::sum)),
        ("Sessions on record", facts.records.sessions.used),
    ];
    let older = counts.mcp_legacy.map(|number| ("Older calls of MCP", Some(number)));
    for (name, number) in tiles.into_iter().chain(older) {
        page.markup("<div class=\"tile\"><span>").markup(name).markup("</span><b>");
        page.known(number).markup("</b></div>");
    }
    page.markup("</div>");
}

fn warnings(page: &mut Page, facts: &Facts<'_>) {
    if facts.warnings.is_empty() {
        return;
    }
    page.markup("<h2 id=\"warnings\">Warnings of the configuration</h2><div class=\"rows\">");
    for warning in &facts.warnings {
        page.markup("<p><code>").text(warning.field.as_str()).markup("</code>: ");
        page.coded(warning.message.as_str()).markup(" <span class=\"soft\">(");
        page.text(warning.code).markup(")</span></p>");
    }
    page.markup("</div>");
}

/// The counts by code, each of which chooses what is listed, and the list.
fn refusals(page: &mut Page, facts: &Facts<'_>) {
    page.markup("<h2 id=\"refusals\">Refusals</h2><nav class=\"chips\" aria-label=\"By code\">");
    chip(page, facts, None, "all");
    let lists = [(&facts.counts.denied, ""), (&facts.counts.would_deny, " (only reported)")];
    for (list, how) in lists {
        for (code, count) in list.iter().flat_map(|list| &list.0) {
            chip(page, facts, Some(code), &format!("{code}{how} {count}"));
        }
    }
    page.markup("</nav>");
    if facts.refusals.is_empty() {
        page.markup("<p class=\"soft\">None of the last 64");
        page.text(&facts.code.map(|code| format!(" is {code}")).unwrap_or_default());
        page.markup(".</p>");
    }
    let (newest, older) = facts.refusals.split_at_checked(NEWEST).unwrap_or((&facts.refusals, &[]));
    for (place, one) in newest.iter().enumerate() {
        refusal(page, one, place == 0);
    }
    if !older.is_empty() {
        page.markup("<details><summary class=\"older\">").text(&older.len().to_string());
        page.markup(" older</summary>");
        older.iter().for_each(|one| refusal(page, one, false));
        page.markup("</details>");
    }
}

fn chip(page: &mut Page, facts: &Facts<'_>, code: Option<&str>, text: &str) {
    page.markup("<a class=\"pill\" href=\"").text(facts.path);
    if let Some(code) = code {
        page.markup("?code=").text(code);
    }
    page.markup("#refusals\"");
    if facts.code == code {
        page.markup(" aria-current=\"true\"");
    }
    page.markup(">").text(text).markup("</a>");
}

fn refusal(page: &mut Page, one: &Refusal, is_open: bool) {
    page.markup(if is_open { "<details open>" } else { "<details>" });
    page.markup("<summary>");
    let kind = if one.mode == "report" { "warn" } else { "bad" };
    page.pill(kind, one.code).markup("<span>").coded(one.reason.as_str()).markup("</span>");
    page.markup("<span>").number(one.count);
    page.markup(if one.count == 1 { " time" } else { " times" }).markup("</span>");
    page.moment(one.at).markup("</summary><dl><dt>remedy</dt><dd>");
    page.coded(one.remedy.as_str()).markup("</dd>");
    if one.count > 1 {
        page.fact_at("first", Some(one.first_at));
        page.fact_at("last", Some(one.at));
    }
    page.fact("step", Some(one.step));
    let optional = [
        ("API", &one.api),
        ("provider", &one.provider),
        ("API key", &one.key),
        ("kid", &one.kid),
        ("iss", &one.iss),
        ("identity", &one.identity),
        ("path", &one.path),
        ("request id", &one.request_id),
        ("trace id", &one.trace_id),
    ];
    for (name, value) in optional {
        page.fact(name, value.as_ref().map(super::Shown::as_str));
    }
    page.fact("mode", Some(one.mode));
    page.markup("</dl></details>");
}

fn provider(page: &mut Page, one: &Provider<'_>) {
    page.markup("<section class=\"card\"><div class=\"title\"><h3>").text(one.name);
    page.markup("</h3>").pill("", one.kind).markup("</div><dl>");
    for issuer in &one.issuers {
        page.fact("issuer", Some(issuer.as_str()));
    }
    if let Some(keys) = &one.api_keys {
        let ApiKeys { total, active, inactive, expired } = keys;
        let count = format!("{total}: {active} active, {inactive} inactive, {expired} expired");
        page.fact("API keys", Some(&count));
    }
    if let Some(asked) = &one.introspection {
        page.markup("<dt>asked about tokens</dt><dd>").known(asked.ok).markup(" active, ");
        page.known(asked.inactive).markup(" not active, ").known(asked.failed);
        page.markup(" failed, ").known(asked.cached).markup(" known before</dd><dt>state</dt><dd>");
        match (asked.at, asked.failing) {
            (None, _) => page.pill("", "not asked yet"),
            (Some(_), true) => page.pill("bad", "the last attempt failed"),
            (Some(_), false) => page.pill("good", "answers"),
        };
        page.markup("</dd>");
        page.fact_at("last asked", asked.at);
        if let Some(last) = &asked.last {
            page.markup("<dt>what came</dt><dd>").coded(last.as_str()).markup("</dd>");
        }
        page.fact("at", Some(asked.url.as_str()));
        page.fact("cluster", Some(asked.cluster.as_str()));
    }
    if let Some(login) = &one.login {
        logs_in(page, login);
    }
    page.markup("<dt>requests</dt><dd>").known(one.allowed).markup(" allowed, ");
    page.known(one.denied).markup(" refused</dd></dl>");
    for set in &one.key_sets {
        key_set(page, set);
    }
    page.markup("</section>");
}

/// How browsers are logged in, as rows of a list of facts.
fn logs_in(page: &mut Page, login: &Login<'_>) {
    page.markup("<dt>logins</dt><dd>").known(login.started).markup(" begun, ");
    page.known(login.completed).markup(" completed, ").known(login.logged_out);
    page.markup(" ended by a logout</dd><dt>refreshes</dt><dd>").known(login.refreshed);
    page.markup(" good, ").known(login.refresh_failed).markup(" failed</dd>");
    page.markup("<dt>endpoints</dt><dd>");
    match login.endpoints {
        "written" => page.pill("", "of the configuration"),
        "known" => page.pill("good", "known"),
        "unusable" => page.pill("bad", "nobody can log in"),
        _ => page.pill("bad", "not known yet"),
    };
    page.markup("</dd>");
    for Odd { reason, remedy } in &login.odd {
        page.markup("<dt>odd</dt><dd>").coded(reason.as_str());
        page.markup("</dd><dt>remedy</dt><dd>").coded(remedy.as_str()).markup("</dd>");
    }
    page.fact("tokens from", login.url.as_ref().map(super::Shown::as_str));
    page.fact("cluster", Some(login.cluster.as_str()));
}

fn key_set(page: &mut Page, set: &KeySet<'_>) {
    page.markup("<dl>");
    page.fact("only for", set.issuer.as_ref().map(super::Shown::as_str));
    match &set.fetch {
        Some(fetch) => fetched(page, fetch),
        None => page.fact("keys", Some("of the configuration")),
    }
    for key in &set.keys {
        let kid = key.kid.as_ref().map_or("without kid", super::Shown::as_str);
        let alg = key.alg.map(|alg| format!(", {alg} only")).unwrap_or_default();
        page.markup("<dt>key</dt><dd><code>").text(kid).markup("</code> ");
        page.text(&key.kind).text(&alg).markup("</dd>");
    }
    page.markup("</dl>");
}

/// Where a fetched document stands, as rows of a list of facts.
fn fetched(page: &mut Page, fetch: &Fetch<'_>) {
    page.markup("<dt>state</dt><dd>");
    match fetch.state {
        "fresh" => page.pill("good", "fresh"),
        "stale" => page.pill("bad", "too old to be used"),
        _ => page.pill("bad", "never fetched"),
    };
    if fetch.failing {
        page.pill("warn", "the last fetch failed");
    }
    page.markup("</dd>");
    page.fact_at("fetched", fetch.at);
    page.fact_at("next fetch", Some(fetch.next_at));
    page.fact_at("usable until", fetch.stale_at);
    if let Some(failure) = &fetch.failure {
        page.fact_at("last failure", Some(failure.at));
        page.markup("<dt>what came</dt><dd>").coded(failure.reason.as_str());
        page.markup("</dd><dt>remedy</dt><dd>").coded(failure.remedy.as_str()).markup("</dd>");
    }
    page.fact("from", Some(fetch.url.as_str()));
    page.fact("cluster", Some(fetch.cluster.as_str()));
}

fn apis(page: &mut Page, apis: &[Api<'_>]) {
    page.markup(
        "<h2>APIs</h2><div class=\"rows\"><table><thead><tr><th>API</th><th>mode</th>\
         <th>who may vouch</th><th>policies</th><th>rate</th><th>allowed</th><th>refused</th></tr></thead><tbody>",
    );
    for api in apis {
        page.markup("<tr><td><b>").text(api.name).markup("</b></td><td data-label=\"mode\">");
        page.pill(if api.mode == "report" { "warn" } else { "" }, api.mode).markup("</td>");
        let mut auth = api.auth.join(", or ");
        if auth.is_empty() {
            auth.push_str("nobody needs to");
        }
        if api.optional {
            auth.push_str(", or no credential at all");
        }
        let mut policies = match &api.policies {
            None => "none: verified is enough".to_owned(),
            Some(names) => names.join(", "),
        };
        if api.policies_from_claim {
            policies.push_str(" (and those that the token names)");
        }
        page.cell("who may vouch", &auth).cell("policies", &policies);
        page.cell("rate", api.rate.as_deref().unwrap_or("none"));
        page.markup("<td data-label=\"allowed\">").known(api.allowed);
        page.markup("</td><td data-label=\"refused\">").known(api.denied).markup("</td></tr>");
    }
    page.markup("</tbody></table></div>");
}

fn revocations(page: &mut Page, facts: &Facts<'_>) {
    let revoked = &facts.revocations;
    page.markup("<h2>Revocations</h2><div class=\"rows\"><dl>");
    let entries = if revoked.configured == 1 { "entry" } else { "entries" };
    page.fact("configured", Some(&format!("{} {entries}", revoked.configured)));
    if let Some(fetch) = &revoked.fetch {
        let entries = revoked.fetched.map_or("no list".to_owned(), |count| count.to_string());
        page.fact("of the list", Some(&entries));
        page.fact("if it is stale", revoked.on_stale);
        fetched(page, fetch);
    }
    page.markup("</dl></div>");
}

fn records(page: &mut Page, facts: &Facts<'_>) {
    page.markup("<h2>Records</h2><div class=\"cards\">");
    let tables = [("Sessions", &facts.records.sessions), ("Limits", &facts.records.limits)];
    let addresses = facts.records.addresses.iter().map(|slots| ("Limits by address", slots));
    for (name, slots) in tables.into_iter().chain(addresses) {
        let Slots { capacity, used, evicted } = slots;
        page.markup("<section class=\"card\"><h3>").markup(name).markup("</h3><dl><dt>used</dt>");
        page.markup("<dd>").known(*used).markup(" of ").number(*capacity);
        if let Some(used) = used {
            page.markup("<meter max=\"").number(*capacity).markup("\" value=\"").number(*used);
            page.markup("\"></meter>");
        }
        page.markup("</dd><dt>evicted</dt><dd>").known(*evicted).markup("</dd></dl></section>");
    }
    page.markup("</div>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page { out: String::new(), now: UnixMillis::from_secs(1_800_000_000) }
    }

    #[test]
    fn a_moment_is_told_in_words_with_its_date_behind() {
        let told = |seconds| page().moment(Moment(UnixMillis::from_secs(seconds))).out.clone();
        let when =
            |words: &str, date: &str| format!("<span class=\"when\"><b>{words}</b> {date}</span>");
        assert_eq!(told(1_799_999_697), when("5m 3s ago", "2027-01-15 07:54:57 UTC"));
        assert_eq!(told(1_800_000_600), when("in 10m", "2027-01-15 08:10:00 UTC"));
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_stays_text() {
        for (text, html) in [
            ("plain", "plain"),
            ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
            ("cut `off", "cut <code>off</code>"),
            ("``", "<code></code>"),
        ] {
            assert_eq!(page().coded(text).out, html, "{text}");
        }
    }

    #[test]
    fn the_documents_are_those_of_this_very_version() {
        let url = document("https://example.com/tollgate", "1.2.3", "docs/status.md");
        assert_eq!(url.as_deref(), Some("https://example.com/tollgate/blob/v1.2.3/docs/status.md"));
        assert_eq!(document("", "1.2.3", "docs/status.md"), None);
        let documents = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(DOCS.iter().all(|(file, _)| documents.join(file).is_file()));
    }
}
