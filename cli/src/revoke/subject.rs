//! Whom an entry is about: as it is written, or as a token says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tollgate::time::UnixMillis;
use tollgate::wire::{self, to_hex};

use super::text::Subject;
use crate::command::{Failure, Streams};
use crate::decode::{Parts, token};
use crate::input;

/// Most bytes that are read: more than any token, so that one too large is told as such.
const MAX_BYTES: u64 = 1024 * 1024;

/// How much longer than its token an entry lasts: proxies take tokens for their `clock_skew` longer.
const BEYOND_ITS_END: Duration = Duration::from_secs(3600);

/// What stands above the options of which one is needed.
const WHOM: &str = "Whom, one of";

/// What stands above the options that say what of a token counts.
const OF_TOKEN: &str = "Of the token of --token-from";

/// The options that say whom an entry is about.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("subject").required(true))]
pub(super) struct Whom {
    /// Refuse an identity, with all its tokens or keys
    #[arg(long, value_name = "NAME", group = "subject", help_heading = WHOM)]
    identity: Option<String>,
    /// Refuse the token of this `jti`
    #[arg(long, value_name = "ID", group = "subject", help_heading = WHOM)]
    jti: Option<String>,
    /// Refuse the token whose compact form has this SHA-256, in lower-case hex
    #[arg(long, value_name = "HEX", group = "subject", help_heading = WHOM)]
    token_sha256: Option<String>,
    /// Refuse the browser's session that its provider calls by this `sid`
    #[arg(long, value_name = "SID", group = "subject", help_heading = WHOM)]
    session: Option<String>,
    /// Refuse the token in this file, or on standard input where it is `-`: by its hash, until an hour
    /// after its own end
    #[arg(long, value_name = "FILE", group = "subject", help_heading = WHOM)]
    token_from: Option<PathBuf>,
    /// Refuse the `jti` of the token in place of its hash
    #[arg(long, requires = "token_from", conflicts_with = "by_claim", help_heading = OF_TOKEN)]
    by_jti: bool,
    /// Refuse the identity that this claim of the token has: the one that the provider's
    /// `claims.identity` names
    #[arg(long, value_name = "CLAIM", requires = "token_from", help_heading = OF_TOKEN)]
    by_claim: Option<String>,
}

/// Whom an entry is about.
pub(super) struct Named {
    pub(super) subject: Subject,
    /// When the token ends by itself, where that is known.
    pub(super) ends: Option<UnixMillis>,
    /// From when on nobody misses the entry, where that is known.
    pub(super) by_itself: Option<UnixMillis>,
}

impl Whom {
    /// Whom the options name.
    pub(super) fn named(&self, streams: &mut Streams<'_>) -> Result<Named, Failure> {
        let written = [
            self.identity.clone().map(Subject::Identity),
            self.jti.clone().map(Subject::Jti),
            self.token_sha256.clone().map(Subject::Token),
            self.session.clone().map(Subject::Session),
        ];
        if let Some(subject) = written.into_iter().flatten().next() {
            problem(&subject)?;
            return Ok(Named { subject, ends: None, by_itself: None });
        }
        match &self.token_from {
            Some(path) => self.of_token(path, streams),
            None => Err(Failure::Misuse("there is nobody to revoke".to_owned())),
        }
    }

    /// Whom a token is about. Nothing of it is shown but what the entry has.
    fn of_token(&self, path: &Path, streams: &mut Streams<'_>) -> Result<Named, Failure> {
        let wrong = |what: &str| Failure::Misuse(format!("--token-from: {what}"));
        let read = input::read_credential(Some(path), MAX_BYTES, streams)?;
        let token = token(&read).map_err(|problem| wrong(&problem))?;
        let parts = Parts::take(&token);
        let claims = parts.as_ref().ok().and_then(|parts| parts.claims.as_ref());
        let ends = claims.and_then(end);
        let text = |name: &str| claims.and_then(|claims| claims.get(name)?.as_str());
        let missing = |name: &str| match (&parts, claims) {
            (Err(problem), _) => wrong(&format!("no claims can be read: {problem}")),
            (Ok(_), None) => wrong("no claims can be read: it is encrypted"),
            _ => wrong(&format!("the token has no claim `{name}` that is a text")),
        };
        if let Some(name) = &self.by_claim {
            let subject = Subject::Identity(text(name).ok_or_else(|| missing(name))?.to_owned());
            problem(&subject)?;
            return Ok(Named { subject, ends: None, by_itself: None });
        }
        let by_itself = ends.map(|end| end.after(BEYOND_ITS_END));
        if self.by_jti {
            let subject = Subject::Jti(text("jti").ok_or_else(|| missing("jti"))?.to_owned());
            problem(&subject)?;
            return Ok(Named { subject, ends, by_itself });
        }
        if let Err(problem) = &parts {
            let problem = input::harmless(problem);
            writeln!(
                streams.err,
                "tollgate: note: {problem}; only a provider that is asked about tokens takes such a one"
            )?;
        }
        Ok(Named { subject: Subject::Token(to_hex(&Sha256::digest(&token), 32)), ends, by_itself })
    }
}

/// Refuses what names nobody, without showing what may be a credential.
fn problem(subject: &Subject) -> Result<(), Failure> {
    let (option, value) = match subject {
        Subject::Identity(value) => ("--identity", value),
        Subject::Jti(value) => ("--jti", value),
        Subject::Session(value) => ("--session", value),
        Subject::Token(value) if wire::hex(value).is_some() => return Ok(()),
        Subject::Token(_) => {
            return Err(Failure::Misuse(
                "--token-sha256: not 64 of 0-9 and a-f; `--token-from` reads a token and hashes it"
                    .to_owned(),
            ));
        }
    };
    let is_token = value.starts_with("eyJ") && value.contains('.');
    match (value.is_empty(), is_token) {
        (true, _) => Err(Failure::Misuse(format!("{option}: an empty string names nothing"))),
        (_, true) => Err(Failure::Misuse(format!(
            "{option}: this is a token; `--token-from` reads one: {}",
            input::NEVER_AN_ARGUMENT
        ))),
        _ => Ok(()),
    }
}

/// When a token ends by itself (`exp`, RFC 7519 §4.1.4).
fn end(claims: &Map<String, Value>) -> Option<UnixMillis> {
    UnixMillis::from_numeric_date(claims.get("exp")?.as_f64()?)
}
