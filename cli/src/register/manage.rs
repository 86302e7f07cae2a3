//! A client that is there: read, given another secret, removed (RFC 7592).

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use tollgate::http::Url;
use tollgate::verdict::quoted;

use super::file::ClientFile;
use super::metadata::differences;
use super::wire::{Answer, Credential, Wire, is_private, is_same_host};
use super::{advice, told};
use crate::command::{Exit, Failure, Streams};
use crate::input;
use crate::secret_file::Successor;
use crate::vendor::Vendor;

/// The members that an update must not have (RFC 7592 §2.2).
const NOT_SENT: [&str; 4] = [
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
];

/// Where a client is managed, and by what right.
struct Access {
    url: Url,
    credential: Credential,
    vendor: Vendor,
}

/// Shows what the provider has, and takes what it has renewed.
pub(super) fn read(
    path: &Path,
    given: Option<Credential>,
    wire: &Wire,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let mut file = ClientFile::read(path, streams)?;
    let access = access(&file, path, given)?;
    let successor = successor(path)?;
    let answer = match wire.call("GET", &access.url, Some(&access.credential), None) {
        Ok(answer) => answer,
        Err(why) => return left(successor, Err(why)),
    };
    let Some(object) = answer.object.as_ref().filter(|_| answer.status == 200) else {
        return left(successor, not_managed(&answer, "was not read", &file, &access, streams));
    };
    if !is_this(object, &file) {
        return left(successor, another(&access, streams));
    }
    file.take(object);
    put_in_place(successor, &file)?;
    let differences = otherwise(&file, streams)?;
    told::tell(&file, path, streams)?;
    Ok(if differences { Exit::Problems } else { Exit::Fine })
}

/// Asks for another secret: an update that changes nothing else, and leaves the secret to the provider.
pub(super) fn rotate(
    path: &Path,
    given: Option<Credential>,
    wire: &Wire,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let mut file = ClientFile::read(path, streams)?;
    let old = file.text("client_secret").map(str::to_owned);
    if old.is_none() {
        return Err(Failure::Misuse(format!(
            "{}: this client has no secret, so there is none to rotate",
            input::shown(path)
        )));
    }
    let access = access(&file, path, given)?;
    let mut update: Map<String, Value> = file.object("registered").cloned().unwrap_or_default();
    update.retain(|name, value| !NOT_SENT.contains(&name.as_str()) && !value.is_null());
    update.insert("client_id".to_owned(), file.text("client_id").unwrap_or_default().into());
    let successor = successor(path)?;
    let call = wire.call("PUT", &access.url, Some(&access.credential), Some(&update.into()));
    let answer = match call {
        Ok(answer) => answer,
        Err(why) => return left(successor, Err(why)),
    };
    let Some(object) = answer.object.as_ref().filter(|_| answer.status == 200) else {
        return left(
            successor,
            not_managed(&answer, "has its old secret", &file, &access, streams),
        );
    };
    if !is_this(object, &file) {
        return left(successor, another(&access, streams));
    }
    let had = file.text("registration_access_token").map(str::to_owned);
    file.take(object);
    put_in_place(successor, &file)?;
    let shown = input::shown(path);
    if had.as_deref() != file.text("registration_access_token") {
        writeln!(
            streams.err,
            "tollgate: the provider renewed the registration token; it is in {shown}"
        )?;
    }
    if old.as_deref() == file.text("client_secret") {
        writeln!(
            streams.err,
            "tollgate: the provider kept the old secret: an update may bring another (RFC 7592 §2.2), \
             and here it did not; {}",
            match access.vendor {
                Vendor::Okta =>
                    "at Okta, Applications > (the client) > Client Credentials makes one",
                Vendor::Keycloak => "at Keycloak, Clients > (the client) > Credentials makes one",
                _ => "make one in its console, or `--delete` this client and register another",
            }
        )?;
        return Ok(Exit::Problems);
    }
    writeln!(
        streams.err,
        "tollgate: the provider gave another secret; it is in {shown}, and the old one is worth nothing"
    )?;
    let differences = otherwise(&file, streams)?;
    told::tell(&file, path, streams)?;
    Ok(if differences { Exit::Problems } else { Exit::Fine })
}

/// Removes the client, and the file with it where the provider says that it is gone.
pub(super) fn delete(
    path: &Path,
    given: Option<Credential>,
    wire: &Wire,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let file = ClientFile::read(path, streams)?;
    let access = access(&file, path, given)?;
    let answer = wire.call("DELETE", &access.url, Some(&access.credential), None)?;
    if answer.status != 204 {
        return not_managed(&answer, "was not removed", &file, &access, streams);
    }
    let (id, shown) = (quoted(file.text("client_id").unwrap_or_default()), input::shown(path));
    match fs::remove_file(path) {
        Ok(()) => writeln!(
            streams.err,
            "tollgate: the client {id} is removed at the provider, and {shown} with it; tokens that it \
             has already are good until they expire"
        )?,
        Err(error) => writeln!(
            streams.err,
            "tollgate: the client {id} is removed at the provider; {shown} is worth nothing now, and \
             cannot be removed: {error}"
        )?,
    }
    Ok(Exit::Fine)
}

/// Where this client is managed, and by what right.
fn access(file: &ClientFile, path: &Path, given: Option<Credential>) -> Result<Access, Failure> {
    let wrong = |what: &str| Failure::Misuse(format!("{}: {what}", input::shown(path)));
    let issuer = file.url("issuer").ok_or_else(|| wrong("`issuer` is no URL"))?;
    let endpoint = file.url("registration_endpoint");
    let vendor = advice::vendor(&issuer, endpoint.as_ref());
    let url = match (file.text("registration_client_uri"), endpoint, file.text("client_id")) {
        (Some(text), ..) => Url::parse(text)
            .map_err(|error| wrong(&format!("`registration_client_uri` {error}")))?,
        // Okta names no such place, and documents this one.
        (None, Some(endpoint), Some(id)) if vendor == Vendor::Okta => {
            Url::parse(&format!("{endpoint}/{id}"))
                .map_err(|error| wrong(&format!("`client_id` {error}")))?
        }
        _ => {
            return Err(wrong(
                "the provider gave no `registration_client_uri` when it registered this client, so \
                 that only its console manages it",
            ));
        }
    };
    if !is_private(&url) || !is_same_host(&url, &issuer) {
        return Err(wrong(&format!(
            "`registration_client_uri` is {}, which is not at the issuer's host by `https`: the \
             registration token is not sent there",
            quoted(&url.to_string())
        )));
    }
    let own = file.text("registration_access_token");
    let own =
        own.map(|secret| Credential { scheme: "Bearer".to_owned(), secret: secret.to_owned() });
    let credential = given.or(own).ok_or_else(|| {
        wrong(
            "there is no `registration_access_token`, without which the provider lets nobody manage \
             this client; where an administrator's token may, name its variable by `--token-env`",
        )
    })?;
    if !credential.secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("`registration_access_token` has characters that no token has"));
    }
    Ok(Access { url, credential, vendor })
}

/// Made before the provider is asked: what it says may come but once.
fn successor(path: &Path) -> Result<Successor<'_>, Failure> {
    Successor::of(path).map_err(|error| {
        Failure::Misuse(format!(
            "no file can be made beside {}, so that nothing was asked: {error}",
            input::shown(path)
        ))
    })
}

fn put_in_place(successor: Successor<'_>, file: &ClientFile) -> Result<(), Failure> {
    successor.take_over(&file.to_text()).map_err(|(beside, error)| {
        Failure::Misuse(format!(
            "what the provider said is in {}, and cannot take the old file's place: {error}",
            input::shown(&beside)
        ))
    })
}

/// The file stays as it is.
fn left(successor: Successor<'_>, how: Result<Exit, Failure>) -> Result<Exit, Failure> {
    successor.give_up();
    how
}

fn is_this(object: &Map<String, Value>, file: &ClientFile) -> bool {
    object.get("client_id").and_then(Value::as_str) == file.text("client_id")
}

fn another(access: &Access, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    writeln!(
        streams.err,
        "tollgate: {}: the answer is about another `client_id` than the file; the file stays as it is",
        access.url
    )?;
    Ok(Exit::Problems)
}

/// Says what of the client is otherwise than it was asked for.
fn otherwise(file: &ClientFile, streams: &mut Streams<'_>) -> Result<bool, Failure> {
    let none = Map::new();
    let (asked, registered) =
        (file.object("asked").unwrap_or(&none), file.object("registered").unwrap_or(&none));
    let found = differences(asked, registered);
    for one in &found {
        writeln!(streams.err, "tollgate: otherwise than asked: {}", input::harmless(one))?;
    }
    Ok(!found.is_empty())
}

/// What is said where a provider does not do it.
fn not_managed(
    answer: &Answer,
    state: &str,
    file: &ClientFile,
    access: &Access,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let secrets = [
        access.credential.secret.as_str(),
        file.text("client_secret").unwrap_or_default(),
        file.text("registration_access_token").unwrap_or_default(),
    ];
    let why = match answer.status {
        401 | 403 | 404 => {
            "; either the client is gone already, or the registration token is no longer the right \
             one: each answer may renew it, and the newest counts"
        }
        200..=299 => "; whether it was done is not known: ask again by `--read`",
        300..=399 => "; redirects are not followed",
        _ => "",
    };
    writeln!(
        streams.err,
        "tollgate: {}: {}{why}. The client {state}, as far as is known, and the file stays as it is",
        access.url,
        input::harmless(&answer.complaint(&secrets)),
    )?;
    Ok(Exit::Problems)
}
