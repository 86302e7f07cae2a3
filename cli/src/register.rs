//! `tollgate register`: a client of one's own at the provider (RFC 7591), and what becomes of it
//! (RFC 7592).

mod advice;
mod assertion;
mod file;
mod manage;
mod metadata;
mod told;
mod wire;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use tollgate::http::{Url, is_token};
use tollgate::verdict::quoted;

use super::{input, moment, secret_file};
use crate::command::{Exit, Failure, Streams};
use crate::vendor::Vendor;
use file::ClientFile;
use metadata::{Kind, Method, Wish, differences};
use wire::{Answer, Credential, Wire, is_private, is_same_host};

const EXAMPLES: &str = "\
Examples:
  tollgate register --issuer https://id.example.com --for machine \\
      --name orders --scope orders:read --token-env TOKEN -o client.json
  tollgate register --issuer https://example.okta.com/oauth2/default \\
      --for machine --name orders --token-env TOKEN --token-scheme SSWS \\
      -o client.json
  tollgate register --issuer https://id.example.com --for web --name shop \\
      --redirect https://shop.example.com/callback -o shop.json
  tollgate register --read client.json
  tollgate register --rotate client.json
  tollgate register --delete client.json

The file holds the client's secret and the token that manages the client: only its owner can read it, \
and no secret is written anywhere else. Standard output has the client's id, the entry of `clients` \
in a configuration, and a command that gets a token. Exit status: 0 it is done as asked, 1 the provider \
did otherwise or took the request for wrong, 2 it registers nobody, or not this caller.";

const USAGE: &str = "\
tollgate register [OPTIONS] --issuer <URL> --for <KIND> --name <NAME>
           -o <FILE>
       tollgate register [OPTIONS] --read|--rotate|--delete|--assertion <FILE>";

/// The options that are about a client that is there.
const MANAGE: [&str; 4] = ["read", "rotate", "delete", "assertion"];

/// Register a client at the provider, and manage it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, override_usage = USAGE, group(clap::ArgGroup::new("manage").args(MANAGE)))]
pub(super) struct Arguments {
    /// The provider's issuer, whose discovery document says where it registers clients
    #[arg(long, value_name = "URL", required_unless_present_any = MANAGE, conflicts_with = "manage")]
    issuer: Option<String>,
    /// What the client is
    #[arg(long = "for", value_enum, required_unless_present_any = MANAGE, conflicts_with = "manage")]
    kind: Option<Kind>,
    /// What people know it by
    #[arg(long, required_unless_present_any = MANAGE, conflicts_with = "manage")]
    name: Option<String>,
    /// Where the provider sends its users back to; may be repeated
    #[arg(long, value_name = "URI", conflicts_with = "manage")]
    redirect: Vec<String>,
    /// A scope that it may ask for; may be repeated
    #[arg(long, conflicts_with = "manage")]
    scope: Vec<String>,
    /// How it shows who it is [default: basic; native: none]
    #[arg(long, value_enum, conflicts_with = "manage")]
    auth: Option<Method>,
    /// The variable of the environment with the token that lets this caller register (initial access
    /// token), or manage
    #[arg(long, value_name = "VARIABLE")]
    token_env: Option<String>,
    /// The scheme of that token
    #[arg(long, value_name = "SCHEME", default_value = "Bearer", requires = "token_env")]
    token_scheme: String,
    /// Trust the certificate authorities of this file, too
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The client's own file; one that is there is never overwritten
    #[arg(short, long, value_name = "FILE", required_unless_present_any = MANAGE, conflicts_with = "manage")]
    output: Option<PathBuf>,
    /// Ask what the provider has of the client of this file
    #[arg(long, value_name = "FILE")]
    read: Option<PathBuf>,
    /// Ask the provider for another secret
    #[arg(long, value_name = "FILE")]
    rotate: Option<PathBuf>,
    /// Remove the client at the provider, and then the file
    #[arg(long, value_name = "FILE")]
    delete: Option<PathBuf>,
    /// Write an assertion for one request for a token, good for a minute (private_key_jwt)
    #[arg(long, value_name = "FILE")]
    assertion: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    if let Some(path) = &arguments.assertion {
        return assert(path, streams);
    }
    let given = given(arguments)?;
    let wire = Wire::new(arguments.ca.as_deref())?;
    match (&arguments.read, &arguments.rotate, &arguments.delete) {
        (Some(path), ..) => manage::read(path, given, &wire, streams),
        (_, Some(path), _) => manage::rotate(path, given, &wire, streams),
        (.., Some(path)) => manage::delete(path, given, &wire, streams),
        _ => match (&arguments.issuer, arguments.kind, &arguments.name, &arguments.output) {
            (Some(issuer), Some(kind), Some(name), Some(path)) => {
                let method = match kind {
                    Kind::Native => Method::None,
                    Kind::Machine | Kind::Web => Method::Basic,
                };
                let wish = Wish {
                    kind,
                    name,
                    redirects: &arguments.redirect,
                    scopes: &arguments.scope,
                    method: arguments.auth.unwrap_or(method),
                };
                let token = arguments.token_env.as_deref().zip(given);
                register(issuer, &wish, token, path, &wire, streams)
            }
            // Clap asks for them.
            _ => Err(Failure::Misuse("--issuer, --for, --name and -o are needed".to_owned())),
        },
    }
}

/// The token of the environment.
fn given(arguments: &Arguments) -> Result<Option<Credential>, Failure> {
    let Some(name) = &arguments.token_env else { return Ok(None) };
    #[expect(clippy::disallowed_methods, reason = "the option names the variable")]
    let value = std::env::var(name).unwrap_or_default();
    let secret = value.trim().to_owned();
    // What was written may be the token itself.
    let wrong = |what: &str| Err(Failure::Misuse(format!("--token-env: {what}")));
    if secret.is_empty() {
        return wrong(
            "there is no such variable, or nothing in it; write a variable's name, never the token: \
             every process of the machine can read arguments",
        );
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("what is in it has blanks or characters that no token has");
    }
    if !is_token(&arguments.token_scheme) {
        return Err(Failure::Misuse(
            "--token-scheme is one word, as `Bearer` or `SSWS`".to_owned(),
        ));
    }
    Ok(Some(Credential { scheme: arguments.token_scheme.clone(), secret }))
}

/// Where a provider does what.
struct Found {
    issuer: Url,
    /// The document that names it.
    document: Map<String, Value>,
    endpoint: Url,
}

fn register(
    issuer: &str,
    wish: &Wish<'_>,
    token: Option<(&str, Credential)>,
    path: &Path,
    wire: &Wire,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    if let Some(problem) = wish.problem() {
        return Err(Failure::Misuse(problem));
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(is_there(path));
    }
    let found = discover(issuer, wire)?;
    let vendor = advice::vendor(&found.issuer, Some(&found.endpoint));
    let key = match wish.method {
        Method::PrivateKeyJwt => Some(assertion::new_key().map_err(Failure::Misuse)?),
        _ => None,
    };
    let asked = wish.metadata(vendor, key.as_ref().map(|(_, public)| public));
    // Made before anybody is asked: a client whose secret could not be written would be lost.
    let reserved = secret_file::create(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::Misuse(format!("{}: cannot be written: {error}", input::shown(path))),
    })?;
    let credential = token.as_ref().map(|(_, credential)| credential);
    let body = Value::Object(asked.clone());
    let answer = wire.call("POST", &found.endpoint, credential, Some(&body));
    let registered = |answer: &Answer| {
        let object = answer.object.as_ref().filter(|_| [200, 201].contains(&answer.status))?;
        let id = object.get("client_id")?.as_str()?;
        (!id.is_empty()).then(|| object.clone())
    };
    let Some(object) = answer.as_ref().ok().and_then(registered) else {
        // Nothing stands in it.
        let _ = fs::remove_file(path);
        return refused(answer?, &asked, &found, vendor, token.as_ref(), streams);
    };
    let mut beginning = beginning(issuer, &found, asked.clone(), key);
    if !wish.scopes.is_empty() {
        beginning.insert("scope".to_owned(), wish.scopes.join(" ").into());
    }
    let mut client = ClientFile::new(beginning);
    client.take(&object);
    write(reserved, path, &client)?;
    let shown = input::shown(path);
    writeln!(
        streams.err,
        "tollgate: registered at {}; wrote {shown}, which only you can read",
        found.endpoint
    )?;
    let is_right = tell_otherwise(
        answer.as_ref().map_or(0, |answer| answer.status),
        &asked,
        &object,
        &client,
        wish,
        streams,
    )?;
    if vendor == Vendor::Okta && !wish.scopes.is_empty() {
        writeln!(
            streams.err,
            "tollgate: note: Okta grants scopes by the access policies of its authorization server \
             (Security > API), not by the client"
        )?;
    }
    if advice::is_zitadel(&found.issuer, &found.endpoint) {
        writeln!(
            streams.err,
            "tollgate: note: tokens of clients that were registered so are opaque at ZITADEL: ask it \
             about them by a provider of the kind `introspection`"
        )?;
    }
    told::tell(&client, path, streams)?;
    if !is_right {
        writeln!(
            streams.err,
            "tollgate: the client is there all the same, and {shown} is needed to change or to remove it"
        )?;
    }
    Ok(if is_right { Exit::Fine } else { Exit::Problems })
}

fn is_there(path: &Path) -> Failure {
    Failure::Misuse(format!(
        "{}: is there already, and was not touched, nor was anybody asked: name another file, or \
         `--delete` that client first",
        input::shown(path)
    ))
}

/// What the file holds besides what the provider says.
fn beginning(
    issuer: &str,
    found: &Found,
    asked: Map<String, Value>,
    key: Option<(Value, Value)>,
) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("issuer".to_owned(), issuer.into());
    members.insert("registration_endpoint".to_owned(), found.endpoint.to_string().into());
    for name in ["token_endpoint", "authorization_endpoint"] {
        if let Some(text) = found.document.get(name).and_then(Value::as_str) {
            members.insert(name.to_owned(), text.into());
        }
    }
    members.insert("asked".to_owned(), asked.into());
    if let Some((private, _)) = key {
        members.insert("private_key".to_owned(), private);
    }
    members
}

fn write(mut reserved: File, path: &Path, client: &ClientFile) -> Result<(), Failure> {
    let written = writeln!(reserved, "{}", client.to_text()).and_then(|()| reserved.sync_all());
    written.map_err(|error| {
        Failure::Misuse(format!(
            "{}: cannot be written: {error}. The client {} is registered, and its secret is lost: \
             remove it at the provider",
            input::shown(path),
            quoted(client.text("client_id").unwrap_or_default())
        ))
    })
}

/// What came otherwise than asked; whether nothing did.
fn tell_otherwise(
    status: u16,
    asked: &Map<String, Value>,
    object: &Map<String, Value>,
    client: &ClientFile,
    wish: &Wish<'_>,
    streams: &mut Streams<'_>,
) -> Result<bool, Failure> {
    let mut found = differences(asked, object);
    if status != 201 {
        found.push(format!("the status is {status}, where a new client is told with 201"));
    }
    let has_secret = client.text("client_secret").is_some();
    if wish.method.has_secret() && !has_secret {
        found.push("`client_secret`: none came, and the client needs one".to_owned());
    }
    for one in &found {
        writeln!(streams.err, "tollgate: otherwise than asked: {}", input::harmless(one))?;
    }
    if let Some(end) = object.get("client_secret_expires_at").and_then(Value::as_u64)
        && end > 0
        && has_secret
    {
        let end = tollgate::time::UnixMillis::from_secs(end);
        let date = moment::rfc3339(end).unwrap_or_else(|| "after the year 9999".to_owned());
        writeln!(
            streams.err,
            "tollgate: note: the secret ends {date}: `--rotate` asks for another"
        )?;
    }
    if client.text("registration_access_token").is_none() {
        writeln!(
            streams.err,
            "tollgate: note: no `registration_access_token` came: the client is managed in the \
             provider's console, or with an administrator's token (`--token-env`)"
        )?;
    }
    Ok(found.is_empty())
}

/// Finds where clients are registered: by RFC 8414, then by OpenID Connect.
fn discover(issuer: &str, wire: &Wire) -> Result<Found, Failure> {
    let wrong = |what: String| Failure::Misuse(format!("--issuer {what}"));
    let url = Url::parse(issuer).map_err(|error| wrong(error.to_string()))?;
    if url.path.contains('?') {
        return Err(wrong("has a query; an issuer has none".to_owned()));
    }
    if !is_private(&url) {
        return Err(wrong(
            "is `http`: whoever is on the way could take the token and the client's secret"
                .to_owned(),
        ));
    }
    let path = url.path.trim_end_matches('/');
    let places = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    let vendor = advice::vendor(&url, None);
    let (mut tried, mut is_found) = (Vec::new(), false);
    for place in places {
        let at = Url { path: place.into(), ..url.clone() };
        let answer = match wire.get(&at) {
            Ok(answer) => answer,
            Err(Failure::Misuse(why)) => {
                tried.push(why);
                continue;
            }
            Err(other) => return Err(other),
        };
        let Some(document) = answer.object.as_ref().filter(|_| answer.status == 200) else {
            tried.push(format!("{at}: {}", input::harmless(&answer.complaint(&[]))));
            continue;
        };
        if answer.text("issuer") != Some(issuer) {
            let other = answer.text("issuer").map_or("none".to_owned(), quoted);
            tried
                .push(format!("{at}: its `issuer` is {other}, and must be the same byte for byte"));
            continue;
        }
        is_found = true;
        if let Some(endpoint) = answer.text("registration_endpoint") {
            let endpoint = right_endpoint(endpoint, &url).map_err(|why| match (why, vendor) {
                (Failure::Misuse(why), Vendor::Cognito) => {
                    Failure::Misuse(format!("{why}; {}", advice::without_endpoint(vendor)))
                }
                (why, _) => why,
            })?;
            return Ok(Found { issuer: url, document: document.clone(), endpoint });
        }
    }
    match is_found {
        true => Err(Failure::Misuse(advice::without_endpoint(vendor).to_owned())),
        false if matches!(vendor, Vendor::Entra | Vendor::Google | Vendor::Cognito) => Err(
            Failure::Misuse(format!("{}; {}", advice::without_endpoint(vendor), tried.join("; "))),
        ),
        false => Err(Failure::Misuse(format!("no discovery document: {}", tried.join("; ")))),
    }
}

/// A place that a secret may come from: at the issuer's own host, by TLS or on this machine.
fn right_endpoint(text: &str, issuer: &Url) -> Result<Url, Failure> {
    let wrong = |what: &str| {
        Failure::Misuse(format!(
            "the discovery document's `registration_endpoint` is {}, {what}: nothing was sent there",
            quoted(text)
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("which {error}")))?;
    if !is_private(&url) {
        return Err(wrong(
            "which is `http`: whoever is on the way could take the token and the client's secret",
        ));
    }
    if !is_same_host(&url, issuer) {
        return Err(wrong("which is at another host, port or scheme than the issuer"));
    }
    Ok(url)
}

/// Says why there is no client.
fn refused(
    answer: Answer,
    asked: &Map<String, Value>,
    found: &Found,
    vendor: Vendor,
    token: Option<&(&str, Credential)>,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let secret = token.map_or("", |(_, credential)| credential.secret.as_str());
    let complaint = input::harmless(&answer.complaint(&[secret]));
    let at = &found.endpoint;
    let cannot = |what: String| Err(Failure::Misuse(format!("{at}: {complaint}; {what}")));
    // Some say so with another status.
    let is_shut = ["access_denied", "insufficient_scope", "invalid_token", "unauthorized_client"]
        .contains(&answer.text("error").unwrap_or_default());
    let problem = match answer.status {
        400..=499 if is_shut || matches!(answer.status, 401 | 403) => {
            let zitadel = advice::is_zitadel(&found.issuer, at);
            return cannot(advice::not_let_in(vendor, zitadel, token.map(|(name, _)| *name)));
        }
        300..=399 => {
            return cannot("redirects are not followed: no secret goes elsewhere".to_owned());
        }
        404 | 405 | 501 => return cannot(advice::without_endpoint(vendor).to_owned()),
        400 | 422 => {
            format!("the provider takes the request for wrong: {}", suspects(&answer, asked))
        }
        200 | 201 => {
            "a client may have been made, and what is in the answer is no client: look for it \
                      at the provider"
                .to_owned()
        }
        429 => return cannot("ask again later".to_owned()),
        _ => return cannot("the provider failed: ask again later".to_owned()),
    };
    writeln!(streams.err, "tollgate: {at}: {complaint}; {problem}")?;
    Ok(Exit::Problems)
}

/// Which member a refusal is about, with the option that wrote it.
fn suspects(answer: &Answer, asked: &Map<String, Value>) -> String {
    const OPTIONS: [(&str, &str); 6] = [
        ("redirect_uris", "--redirect"),
        ("scope", "--scope"),
        ("token_endpoint_auth_method", "--auth"),
        ("grant_types", "--for"),
        ("application_type", "--for"),
        ("client_name", "--name"),
    ];
    let said = answer.text("error_description").or(answer.text("errorSummary")).unwrap_or_default();
    let is_redirect = answer.text("error") == Some("invalid_redirect_uri");
    let named = |(name, _): &&(&str, &str)| {
        asked.contains_key(*name)
            && (said.contains(*name) || is_redirect && *name == "redirect_uris")
    };
    let mut found: Vec<_> = OPTIONS.iter().filter(named).collect();
    if found.is_empty() {
        found = OPTIONS.iter().filter(|(name, _)| asked.contains_key(*name)).collect();
    }
    let words: Vec<_> = found.iter().map(|(name, option)| format!("`{name}` ({option})")).collect();
    words.join(", ")
}

/// Writes an assertion for the token endpoint.
fn assert(path: &Path, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let client = ClientFile::read(path, streams)?;
    let wrong = |what: String| Failure::Misuse(format!("{}: {what}", input::shown(path)));
    let key = client.object("private_key").ok_or_else(|| {
        wrong("there is no `private_key`: the client was not registered with `--auth private_key_jwt`".to_owned())
    })?;
    let issuer = client.url("issuer").ok_or_else(|| wrong("`issuer` is no URL".to_owned()))?;
    let endpoint = client.url("registration_endpoint");
    // Who reads it is named by its issuer (RFC 7523 §3); Okta wants the endpoint's URL.
    let audience = match advice::vendor(&issuer, endpoint.as_ref()) {
        Vendor::Okta => client.text("token_endpoint"),
        _ => client.text("issuer"),
    };
    let id = client.text("client_id").unwrap_or_default();
    let now = moment::given_or_now(None);
    let made = assertion::make(key, id, audience.unwrap_or_default(), now).map_err(wrong)?;
    writeln!(streams.out, "{made}")?;
    Ok(Exit::Fine)
}
