//! `tollgate mint`: tokens for a developer's own machine, and the key set that they are checked with.

mod key;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use tollgate::time::UnixMillis;

use super::{input, moment, output, secret_file};
use crate::command::{Exit, Failure, Streams};
use key::{DevAlg, Key};
use moment::Offset;

const EXAMPLES: &str = "\
Examples:
  tollgate mint --issuer http://127.0.0.1:9000 --audience orders \\
      --subject alice
  tollgate mint --issuer http://127.0.0.1:9000 --audience orders \\
      --claim 'scp=[\"orders:read\"]' --claim tier=gold
  tollgate mint --issuer http://127.0.0.1:9000 --audience orders \\
      --expires-in -5m
  tollgate mint --jwks > jwks.json

The token goes to standard output, so `curl -H \"Authorization: Bearer $(tollgate mint …)\"` \
works. The key is made where there is none. Let a local configuration trust it by `jwks.inline` \
or by a URL that serves what `--jwks` prints. Never let a production configuration trust it: \
whoever has the key file can be anybody. Its `kid` begins with `dev-`, which `tollgate check` \
warns about, of keys that are fetched with `--online`.";

/// Make a token for local development, and the key set for it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The claim `iss`; needed unless `--jwks` says whose keys to use
    #[arg(long, value_name = "URL", required_unless_present = "jwks")]
    issuer: Option<String>,
    /// The claim `aud`; several make a list
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,
    /// The claim `sub`
    #[arg(long, value_name = "NAME", default_value = "developer")]
    subject: String,
    /// Any claim: JSON, or text; the last one of a name counts
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// How long the token is good; with a `-` in front, how long ago it expired
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "1h",
        value_parser = moment::parse_offset,
        allow_hyphen_values = true
    )]
    expires_in: Offset,
    /// The moment to reckon from, instead of now: when the token is issued
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixMillis>,
    /// The header's `typ`
    #[arg(long, value_name = "TYPE", default_value = "JWT")]
    typ: String,
    /// The algorithm of a new key; that of a key that is there is its own [default: ES256]
    #[arg(long, value_enum)]
    alg: Option<DevAlg>,
    /// The file of the private key, made where there is none
    #[arg(long, value_name = "FILE", default_value = "dev-key.json")]
    key: PathBuf,
    /// Write the public key set into this file as well; another that is there is never overwritten
    #[arg(long, value_name = "FILE")]
    jwks_out: Option<PathBuf>,
    /// Print the public key set instead of a token
    #[arg(long, conflicts_with_all = ["audience", "claim"])]
    jwks: bool,
}

/// Reads `name=value`.
fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| "a claim is written name=value".to_owned())?;
    let value = match serde_json::from_str(value) {
        Ok(value) => value,
        // What was meant as JSON must not become a text in silence.
        Err(error) if value.starts_with(['{', '[', '"']) => {
            return Err(format!("`{name}` begins as JSON, but is none: {error}"));
        }
        Err(_) => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let path = &arguments.key;
    let (key, is_new) = Key::open_or_make(path, arguments.alg)?;
    if is_new {
        writeln!(
            streams.err,
            "tollgate: made a new {} key in {}",
            key.alg_name(),
            input::shown(path)
        )?;
    }
    if secret_file::is_open_to_others(path) {
        let path = input::shown(path);
        writeln!(
            streams.err,
            "tollgate: warning: others on this machine can read {path}, and be anybody with it; \
             `chmod 600 {path}` mends that"
        )?;
    }
    writeln!(
        streams.err,
        "tollgate: for local development only: never let a production configuration trust the key \
         {}",
        key.kid()
    )?;
    let set = format!("{:#}\n", json!({ "keys": [key.public_jwk()?] }));
    if let Some(path) = &arguments.jwks_out {
        output::write_new(path, &set)?;
    }
    if arguments.jwks {
        write!(streams.out, "{set}")?;
    } else {
        let now = moment::given_or_now(arguments.at);
        let claims = claims(arguments, now);
        if let Offset::Behind(span) = arguments.expires_in {
            let (issued, expired) = span_before(now, span);
            writeln!(
                streams.err,
                "tollgate: the token is expired, as asked: issued {}, expired {}",
                issued.to_rfc3339(),
                expired.to_rfc3339()
            )?;
        }
        writeln!(streams.out, "{}", key.sign(claims, &arguments.typ)?)?;
    }
    Ok(Exit::Fine)
}

/// When a token was issued that expired so long ago, and when it expired: it was good for an hour.
fn span_before(now: UnixMillis, ago: Duration) -> (UnixMillis, UnixMillis) {
    let expired = now.before(ago);
    (expired.before(Duration::from_secs(3600)), expired)
}

fn claims(arguments: &Arguments, now: UnixMillis) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    if let Some(issuer) = &arguments.issuer {
        set("iss", issuer.as_str().into());
    }
    match arguments.audience.as_slice() {
        [] => {}
        [one] => drop(set("aud", one.as_str().into())),
        several => drop(set("aud", several.into())),
    }
    set("sub", arguments.subject.as_str().into());
    let (issued, expires) = match arguments.expires_in {
        Offset::Ahead(span) => (now, now.after(span)),
        Offset::Behind(span) => span_before(now, span),
    };
    set("iat", issued.secs().into());
    set("exp", expires.secs().into());
    for (name, value) in &arguments.claim {
        set(name, value.clone());
    }
    claims
}
