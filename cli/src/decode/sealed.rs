//! What a browser keeps of a login, and what `state` holds: opened with the keys that sealed it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use tollgate::config::Config;
use tollgate::engine::{Held, Revealed, reveal};
use tollgate::provider::Provider;
use tollgate::time::UnixMillis;
use tollgate::verdict::quoted;
use tollgate::wire::to_hex;

use crate::command::{Failure, Streams};
use crate::{check, input, moment};

/// Most bytes of a file with a key that are read.
const MAX_KEY: u64 = 64 * 1024;

/// How keys are named.
pub(super) const KEY: &str = "env:NAME|file:PATH";

/// What opens something.
pub(super) struct Opener<'a> {
    pub(super) config: &'a Path,
    /// The keys, in place of the configuration's; as they are named.
    pub(super) keys: &'a [String],
    /// The only host that it may be for.
    pub(super) host: Option<&'a str>,
}

/// Something that was opened, or why it was not.
pub(super) struct One {
    /// What the value was called where it stood.
    name: Option<String>,
    found: Result<Revealed, String>,
}

impl Opener<'_> {
    /// Opens what was read; `Err` is told of a configuration that cannot be used.
    pub(super) fn open(
        &self,
        read: &[u8],
        now: UnixMillis,
        streams: &mut Streams<'_>,
    ) -> Result<Result<Vec<One>, check::Report>, Failure> {
        let text = input::read(Some(self.config), check::MAX_BYTES, streams)?;
        let keys = self.keys.iter().map(|key| secret(key, streams));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        // Where the keys are given, no other secret of the configuration matters.
        let variable = |name: &str| {
            let stand_in = || check::stand_in(name);
            check::of_process(name).or_else(|| (!keys.is_empty()).then(stand_in))
        };
        let config = match check::load(self.config, &text, &variable)? {
            Ok(config) => config,
            Err(report) => return Ok(Err(report)),
        };
        let values = match values(read, &config) {
            Ok(values) => values,
            Err(why) => return Ok(Ok(vec![One { name: None, found: Err(why) }])),
        };
        let all = values.into_iter().map(|(name, value)| {
            let found =
                whole(&value).and_then(|()| reveal(&config, keys.clone(), self.host, &value, now));
            One { name, found }
        });
        Ok(Ok(all.collect()))
    }
}

/// Whether a text can be what something sealed is written as.
fn whole(text: &str) -> Result<(), String> {
    let is_ours = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some(other) = text.chars().find(|c| !is_ours(c)) {
        return Err(format!(
            "is none of the filter's: it has {} in it",
            quoted(&other.to_string())
        ));
    }
    // Three bytes are four characters of base64url.
    match text.len() % 4 {
        1 => Err(format!("was cut off: no text comes to {} characters", text.len())),
        _ => Ok(()),
    }
}

/// The key that is named so.
fn secret(named: &str, streams: &mut Streams<'_>) -> Result<Vec<u8>, Failure> {
    let wrong = |what: &str| {
        let message = format!(
            "--seal: {what}; it is written {KEY}, never the key itself: every process of the machine \
             can read arguments"
        );
        Failure::Misuse(message)
    };
    if let Some(name) = named.strip_prefix("env:") {
        let value = check::of_process(name).filter(|value| !value.is_empty());
        return Ok(value.ok_or_else(|| wrong("there is no such variable"))?.into_bytes());
    }
    let path = named.strip_prefix("file:").ok_or_else(|| wrong("that names no key"))?;
    let mut read = input::read(Some(Path::new(path)), MAX_KEY, streams)?;
    while matches!(read.last(), Some(b'\n' | b'\r')) {
        read.pop();
    }
    Ok(read)
}

/// The values in what was read, and what they are called: one alone, those of a header, or the `state` of
/// a URL.
fn values(read: &[u8], config: &Config) -> Result<Vec<(Option<String>, String)>, String> {
    let text = std::str::from_utf8(read).map_err(|_| "is not UTF-8".to_owned())?;
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '?' | '&' | '#'));
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    let logins = config.providers.iter().filter_map(Provider::login);
    let names: Vec<_> = logins
        .flat_map(|login| {
            use tollgate::provider::login::Cookie;
            // The browser's own number is not sealed.
            let all = Cookie::ALL.into_iter().filter(|one| *one != Cookie::Browser);
            all.map(|one| login.cookie.name(one))
        })
        .chain(["state".to_owned()])
        .collect();
    let named: Vec<_> = parts
        .iter()
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| names.iter().any(|known| known == name))
        .map(|(name, value)| (Some(name.to_owned()), value.trim_matches('"').to_owned()))
        .collect();
    match (named.is_empty(), parts.as_slice()) {
        (false, _) => Ok(named),
        (true, []) => Err("is empty".to_owned()),
        (true, [one]) => Ok(vec![(None, (*one).to_owned())]),
        (true, _) => Err(format!(
            "has none of the names that this configuration seals something by: {}",
            names.join(", ")
        )),
    }
}

impl One {
    pub(super) const fn is_open(&self) -> bool {
        self.found.is_ok()
    }

    /// Why it was not opened.
    pub(super) fn problem(&self) -> Option<String> {
        let why = self.found.as_ref().err()?;
        Some(match &self.name {
            Some(name) => format!("{} {why}", quoted(name)),
            None => format!("it {why}"),
        })
    }

    pub(super) fn in_text(&self, now: UnixMillis) -> String {
        let Ok(revealed) = &self.found else { return String::new() };
        let mut out = String::new();
        let of = format!("of the login of `{}` at {}", revealed.provider, revealed.on);
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{} {of}", title(&revealed.held));
        for (name, value) in facts(&revealed.held) {
            let shown = match value {
                Fact::Text(text) => Value::from(text).to_string(),
                Fact::Words(words) => words,
                Fact::Time(at) => format!("{}, {}", written(at), at.from_now(now)),
            };
            let _ = writeln!(out, "  {name:<14} {shown}");
        }
        if let Held::Session { session, .. } = &revealed.held {
            let _ = writeln!(out, "  {:<14}", "claims");
            if let Value::Object(claims) = session.claims().to_value() {
                for (name, value) in claims {
                    let _ = writeln!(out, "    {}: {value}", Value::from(name));
                }
            }
        }
        if let Some(refusal) = &revealed.refused {
            let _ = writeln!(out, "\nTollgate does not take it:");
            let _ = writeln!(out, "  {}: {}", refusal.deny.code(), refusal.reason);
            let _ = writeln!(out, "    {}", refusal.remedy());
        }
        out
    }

    pub(super) fn in_json(&self, now: UnixMillis) -> Value {
        let revealed = match &self.found {
            Ok(revealed) => revealed,
            Err(_) => return json!({ "name": self.name, "problem": self.problem() }),
        };
        let mut told = Map::new();
        for (name, value) in facts(&revealed.held) {
            let value = match value {
                Fact::Text(text) | Fact::Words(text) => text.into(),
                Fact::Time(at) => {
                    json!({ "at": moment::rfc3339(at), "relative": at.from_now(now) })
                }
            };
            told.insert(name.replace(' ', "_"), value);
        }
        if let Held::Session { session, .. } = &revealed.held {
            told.insert("claims".to_owned(), session.claims().to_value());
        }
        let refused = revealed.refused.as_ref().map(|refusal| {
            json!({ "code": refusal.deny.code(), "reason": refusal.reason,
                    "remedy": refusal.remedy() })
        });
        json!({
            "name": self.name, "kind": title(&revealed.held), "provider": revealed.provider,
            "on": revealed.on, "holds": told, "refused": refused,
        })
    }
}

/// Something that is told.
enum Fact {
    /// What somebody else may have written.
    Text(String),
    /// Words of our own.
    Words(String),
    /// A time.
    Time(UnixMillis),
}

fn title(held: &Held) -> &'static str {
    match held {
        Held::Session { .. } => "session",
        Held::Token { what, .. } => what,
        Held::LastUse { .. } => "last use",
        Held::Attempt(_) => "attempt",
    }
}

fn facts(held: &Held) -> Vec<(&'static str, Fact)> {
    let text = |text: &str| Fact::Text(text.to_owned());
    match held {
        Held::Session { session, ends, asks } => {
            let mut all = vec![
                ("identity", text(&session.identity)),
                ("subject", text(&session.subject)),
                ("issuer", text(&session.issuer)),
                ("client", text(&session.client)),
                ("scopes", text(&session.scopes)),
                ("session", Fact::Words(to_hex(&session.id.id, 16))),
                ("renewals", Fact::Words(session.id.generation.to_string())),
                ("begun", Fact::Time(session.begun)),
            ];
            all.extend(session.sid.as_ref().map(|sid| ("provider's sid", text(sid))));
            all.extend(session.authenticated.map(|at| ("authenticated", Fact::Time(at))));
            all.push(("renewed", Fact::Time(session.renewed)));
            all.push(("used", Fact::Time(session.used)));
            all.extend(asks.map(|at| ("asks again", Fact::Time(at))));
            all.push(("ends", Fact::Time(*ends)));
            all
        }
        Held::Token { bytes, of, .. } => vec![
            ("length", Fact::Words(format!("{bytes} bytes"))),
            ("session", Fact::Words(to_hex(&of.id, 16))),
            ("renewals", Fact::Words(of.generation.to_string())),
        ],
        Held::LastUse { at, of } => vec![
            ("used", Fact::Time(*at)),
            ("session", Fact::Words(to_hex(&of.id, 16))),
            ("renewals", Fact::Words(of.generation.to_string())),
        ],
        Held::Attempt(attempt) => vec![
            ("begun", Fact::Time(attempt.began)),
            ("origin", text(&attempt.host)),
            ("leads back to", text(&attempt.return_path)),
            ("second try", Fact::Words(if attempt.is_second { "yes" } else { "no" }.to_owned())),
        ],
    }
}

fn written(at: UnixMillis) -> String {
    moment::rfc3339(at).unwrap_or_else(|| "after the year 9999".to_owned())
}
