//! `tollgate hash-key`: what a configuration holds in place of a key.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};
use tollgate::wire::to_hex;

use super::format::Format;
use super::input;
use crate::command::{Exit, Failure, Streams};

/// Longest key that is read, in bytes.
const MAX_BYTES: u64 = 8 * 1024;

/// From so many bits on nobody guesses a key, however many are tried.
const ENOUGH_BITS: f64 = 80.0;

const EXAMPLES: &str = "\
Examples:
  printf %s \"$KEY\" | tollgate hash-key
  tollgate hash-key < key.txt
  tollgate hash-key --generate
  tollgate hash-key --generate --format json

The hash goes into `keys[].sha256` of a provider of the kind `api_key`, into \
`explain.key_sha256` or into `status.key_sha256`. A key that is given is never shown again; do \
not write it as an argument, where every process of the machine could read it.";

/// Hash an API key, an explain key or a status key for the configuration
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Make a new random key of 256 bits, and show it with its hash
    #[arg(long)]
    generate: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if arguments.generate {
        let key = generate()?;
        let hash = hex(key.as_bytes());
        match arguments.format {
            Format::Text => writeln!(streams.out, "key     {key}\nsha256  {hash}")?,
            Format::Json => writeln!(streams.out, "{:#}", json!({ "key": key, "sha256": hash }))?,
        }
        return Ok(Exit::Fine);
    }
    let read = input::read(None, MAX_BYTES, streams)?;
    let key = without_newline(&read);
    if let Some(problem) = problem(key) {
        return Err(Failure::Misuse(format!("standard input: {problem}")));
    }
    if let Some(weakness) = weakness(key) {
        writeln!(
            streams.err,
            "tollgate: warning: {weakness}; whoever reads its hash could find it by trying. \
             `tollgate hash-key --generate` makes a better one"
        )?;
    }
    let hash = hex(key);
    match arguments.format {
        Format::Text => writeln!(streams.out, "{hash}")?,
        Format::Json => writeln!(streams.out, "{:#}", json!({ "sha256": hash }))?,
    }
    Ok(Exit::Fine)
}

fn generate() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Misuse(format!("no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn hex(key: &[u8]) -> String {
    to_hex(&Sha256::digest(key), 32)
}

/// Without the one newline that an editor or `echo` puts at the end.
fn without_newline(read: &[u8]) -> &[u8] {
    match read.strip_suffix(b"\n") {
        Some(rest) => rest.strip_suffix(b"\r").unwrap_or(rest),
        None => read,
    }
}

/// Why this can be no key.
fn problem(key: &[u8]) -> Option<&'static str> {
    if key.is_empty() {
        return Some(
            "there is no key; write it there, as in `printf %s \"$KEY\" | tollgate hash-key`",
        );
    }
    if key.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Some("a key is one line; here are several");
    }
    if key.iter().any(u8::is_ascii_control) {
        return Some("the key has a control character, which no header can carry");
    }
    let blank = |byte: Option<&u8>| byte == Some(&b' ');
    if blank(key.first()) || blank(key.last()) {
        return Some("the key begins or ends with a space, which proxies cut off");
    }
    None
}

/// Why this is a weak key.
fn weakness(key: &[u8]) -> Option<String> {
    if key.len() < 16 {
        let noun = if key.len() == 1 { "byte" } else { "bytes" };
        return Some(format!("the key has only {} {noun}", key.len()));
    }
    // As if each byte were drawn from those that occur: an upper bound, so what is called weak is.
    let distinct = key.iter().collect::<BTreeSet<_>>().len();
    let (length, distinct) = (u32::try_from(key.len()).ok()?, u32::try_from(distinct).ok()?);
    let bits = f64::from(length) * f64::from(distinct).log2();
    (bits < ENOUGH_BITS).then(|| format!("the key repeats few characters (at most {bits:.0} bits)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_few_characters_is_weak_and_a_random_one_is_not() {
        let cases: [(&[u8], bool); 7] = [
            (b"short", true),
            (b"fifteen-bytes-x", true),
            (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            (b"0123456789012345", true),
            (b"8f14e45fceea167a5a36dedd4bea2543", false),
            (b"p4Jv1bV1xv0oT7vM8m0yUo2kY2mS4wq3", false),
            (b"7gkP-3uXz_Qw9LmT0aBcDe", false),
        ];
        for (key, weak) in cases {
            assert_eq!(weakness(key).is_some(), weak, "{}", String::from_utf8_lossy(key));
        }
    }
}
