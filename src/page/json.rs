//! The facts as JSON. Written by hand: derived, the same takes five times the room in the module.

use super::{
    Api, ApiKeys, ByCode, Facts, Fetch, Key, KeySet, Moment, Odd, Provider, Refusal, Shown, Slots,
};

/// JSON in the making: members and elements, each with a comma before it but the first.
///
/// What is called at every turn is not copied there: the page need not be quick.
struct Json(String);

impl Json {
    #[inline(never)]
    fn comma(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }

    /// The name of a member, whose value follows.
    #[inline(never)]
    fn name(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.string(name);
        self.0.push(':');
        self
    }

    fn string(&mut self, text: &str) {
        self.0.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                // RFC 8259 §7 has these escaped; all of them are below U+0020.
                c if c < ' ' => {
                    self.0.push_str(if u32::from(c) < 16 { "\\u000" } else { "\\u001" });
                    self.0.extend(char::from_digit(u32::from(c) % 16, 16));
                }
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    #[inline(never)]
    fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(text) => self.string(text),
            None => self.0.push_str("null"),
        }
    }

    fn shown(&mut self, name: &str, value: Option<&Shown<'_>>) {
        self.text(name, value.map(Shown::as_str));
    }

    #[inline(never)]
    fn number(&mut self, name: &str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(number) => self.0.push_str(&number.to_string()),
            None => self.0.push_str("null"),
        }
    }

    fn count(&mut self, name: &str, value: usize) {
        self.number(name, u64::try_from(value).ok());
    }

    #[inline(never)]
    fn flag(&mut self, name: &str, value: bool) {
        self.name(name).0.push_str(if value { "true" } else { "false" });
    }

    #[inline(never)]
    fn moment(&mut self, name: &str, at: Option<Moment>) {
        let text = at.map(|Moment(at)| at.to_rfc3339());
        self.text(name, text.as_deref());
    }

    #[inline(never)]
    fn open(&mut self, bracket: char) {
        self.comma();
        self.0.push(bracket);
    }

    #[inline(never)]
    fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    fn null(&mut self, name: &str) {
        self.text(name, None);
    }

    /// A member that is a list of texts.
    #[inline(never)]
    fn texts(&mut self, name: &str, texts: &mut dyn Iterator<Item = &str>) {
        self.name(name).open('[');
        for text in texts {
            self.comma();
            self.string(text);
        }
        self.close(']');
    }
}

/// The facts as one JSON object, whose members are in the order of the fields.
pub(super) fn json(facts: &Facts<'_>) -> String {
    let mut json = Json(String::with_capacity(16_384));
    let out = &mut json;
    out.open('{');
    out.moment("now", Some(facts.now));
    out.text("version", Some(facts.version));
    out.text("configuration", Some(&facts.configuration));
    out.shown("instance", Some(&facts.instance));
    out.text("mode", Some(facts.mode));
    out.text("verifier", Some(facts.verifier));
    out.flag("ready", facts.ready);
    out.name("warnings").open('[');
    for warning in &facts.warnings {
        out.open('{');
        out.text("code", Some(warning.code));
        out.shown("field", Some(&warning.field));
        out.shown("message", Some(&warning.message));
        out.close('}');
    }
    out.close(']');
    out.name("counts").open('{');
    out.number("allowed", facts.counts.allowed);
    by_code(out, "denied", facts.counts.denied.as_ref());
    by_code(out, "would_deny", facts.counts.would_deny.as_ref());
    if facts.counts.mcp_legacy.is_some() {
        out.number("mcp_legacy", facts.counts.mcp_legacy);
    }
    out.close('}');
    out.name("records").open('{');
    slots(out, "sessions", &facts.records.sessions);
    slots(out, "limits", &facts.records.limits);
    if let Some(addresses) = &facts.records.addresses {
        slots(out, "addresses", addresses);
    }
    out.close('}');
    out.name("providers").open('[');
    facts.providers.iter().for_each(|one| provider(out, one));
    out.close(']');
    out.name("apis").open('[');
    facts.apis.iter().for_each(|one| api(out, one));
    out.close(']');
    out.name("revocations").open('{');
    out.count("configured", facts.revocations.configured);
    out.number("fetched", facts.revocations.fetched.and_then(|count| u64::try_from(count).ok()));
    out.text("on_stale", facts.revocations.on_stale);
    fetch(out, facts.revocations.fetch.as_ref());
    out.close('}');
    out.text("code", facts.code);
    out.name("refusals").open('[');
    facts.refusals.iter().for_each(|one| refusal(out, one));
    out.close(']');
    out.count("omitted", facts.omitted);
    out.close('}');
    json.0
}

fn by_code(out: &mut Json, name: &str, counts: Option<&ByCode>) {
    let Some(ByCode(counts)) = counts else { return out.null(name) };
    out.name(name).open('{');
    for (code, count) in counts {
        out.number(code, Some(*count));
    }
    out.close('}');
}

fn slots(out: &mut Json, name: &str, slots: &Slots) {
    out.name(name).open('{');
    out.number("capacity", Some(slots.capacity));
    out.number("used", slots.used);
    out.number("evicted", slots.evicted);
    out.close('}');
}

fn provider(out: &mut Json, one: &Provider<'_>) {
    out.open('{');
    out.text("name", Some(one.name));
    out.text("kind", Some(one.kind));
    out.texts("issuers", &mut one.issuers.iter().map(Shown::as_str));
    out.name("key_sets").open('[');
    one.key_sets.iter().for_each(|set| key_set(out, set));
    out.close(']');
    match &one.api_keys {
        Some(ApiKeys { total, active, inactive, expired }) => {
            out.name("api_keys").open('{');
            out.count("total", *total);
            out.count("active", *active);
            out.count("inactive", *inactive);
            out.count("expired", *expired);
            out.close('}');
        }
        None => out.null("api_keys"),
    }
    match &one.introspection {
        Some(asked) => {
            out.name("introspection").open('{');
            out.shown("url", Some(&asked.url));
            out.shown("cluster", Some(&asked.cluster));
            out.moment("at", asked.at);
            out.flag("failing", asked.failing);
            out.shown("last", asked.last.as_ref());
            out.number("ok", asked.ok);
            out.number("inactive", asked.inactive);
            out.number("failed", asked.failed);
            out.number("cached", asked.cached);
            out.close('}');
        }
        None => out.null("introspection"),
    }
    match &one.login {
        Some(login) => {
            out.name("login").open('{');
            out.text("endpoints", Some(login.endpoints));
            out.shown("url", login.url.as_ref());
            out.shown("cluster", Some(&login.cluster));
            out.name("odd").open('[');
            for Odd { reason, remedy } in &login.odd {
                out.open('{');
                out.shown("reason", Some(reason));
                out.shown("remedy", Some(remedy));
                out.close('}');
            }
            out.close(']');
            out.number("started", login.started);
            out.number("completed", login.completed);
            out.number("refreshed", login.refreshed);
            out.number("refresh_failed", login.refresh_failed);
            out.number("logged_out", login.logged_out);
            out.close('}');
        }
        None => out.null("login"),
    }
    out.number("allowed", one.allowed);
    out.number("denied", one.denied);
    out.close('}');
}

fn key_set(out: &mut Json, set: &KeySet<'_>) {
    out.open('{');
    out.shown("issuer", set.issuer.as_ref());
    fetch(out, set.fetch.as_ref());
    out.name("keys").open('[');
    for Key { kid, kind, alg } in &set.keys {
        out.open('{');
        out.shown("kid", kid.as_ref());
        out.text("kind", Some(kind));
        out.text("alg", *alg);
        out.close('}');
    }
    out.close(']');
    out.close('}');
}

fn fetch(out: &mut Json, fetch: Option<&Fetch<'_>>) {
    let Some(fetch) = fetch else { return out.null("fetch") };
    out.name("fetch").open('{');
    out.shown("url", Some(&fetch.url));
    out.shown("cluster", Some(&fetch.cluster));
    out.text("state", Some(fetch.state));
    out.moment("at", fetch.at);
    out.number("age_seconds", fetch.age_seconds);
    out.moment("next_at", Some(fetch.next_at));
    out.moment("stale_at", fetch.stale_at);
    out.flag("failing", fetch.failing);
    match &fetch.failure {
        Some(failure) => {
            out.name("failure").open('{');
            out.moment("at", Some(failure.at));
            out.shown("reason", Some(&failure.reason));
            out.shown("remedy", Some(&failure.remedy));
            out.close('}');
        }
        None => out.null("failure"),
    }
    out.close('}');
}

fn api(out: &mut Json, one: &Api<'_>) {
    out.open('{');
    out.text("name", Some(one.name));
    out.text("mode", Some(one.mode));
    out.texts("auth", &mut one.auth.iter().map(String::as_str));
    out.flag("optional", one.optional);
    out.number("allowed", one.allowed);
    out.number("denied", one.denied);
    match &one.policies {
        Some(names) => out.texts("policies", &mut names.iter().copied()),
        None => out.null("policies"),
    }
    out.flag("policies_from_claim", one.policies_from_claim);
    out.text("rate", one.rate.as_deref());
    out.close('}');
}

fn refusal(out: &mut Json, one: &Refusal) {
    out.open('{');
    out.moment("at", Some(one.at));
    out.moment("first_at", Some(one.first_at));
    out.number("count", Some(one.count));
    out.text("code", Some(one.code));
    out.text("step", Some(one.step));
    out.text("mode", Some(one.mode));
    out.shown("api", one.api.as_ref());
    out.shown("provider", one.provider.as_ref());
    out.shown("key", one.key.as_ref());
    out.shown("kid", one.kid.as_ref());
    out.shown("iss", one.iss.as_ref());
    out.shown("identity", one.identity.as_ref());
    out.shown("path", one.path.as_ref());
    out.shown("reason", Some(&one.reason));
    out.shown("remedy", Some(&one.remedy));
    out.shown("request_id", one.request_id.as_ref());
    out.shown("trace_id", one.trace_id.as_ref());
    out.close('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was() {
        let all: String =
            (0..0x300_u32).filter_map(char::from_u32).chain(['\u{2028}', '😀']).collect();
        for text in ["", "{", "[", "a:", "\"\\\"", "\u{0}\u{f}\u{10}\u{1f}\u{7f}", &all] {
            let mut json = Json(String::new());
            json.open('{');
            json.text(text, Some(text));
            json.texts("list", &mut [text, text].into_iter());
            json.null("none");
            json.close('}');
            let read: serde_json::Value = serde_json::from_str(&json.0).unwrap();
            assert_eq!(read[text], text, "{}", json.0);
            assert_eq!(read["list"], serde_json::json!([text, text]));
            assert_eq!(read["none"], serde_json::Value::Null);
        }
    }
}
