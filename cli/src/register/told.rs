//! What is told of a client: its id, where that goes, and how it gets a token. No secret.

use std::io;
use std::path::Path;

use serde_json::json;
use tollgate::http::Url;

use super::file::ClientFile;
use super::metadata::Method;
use super::wire::{in_form, is_private};
use crate::command::Streams;
use crate::input;

/// How a shell reads an assertion's place in a form.
const ASSERTION: &str =
    "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// Writes it to standard output.
pub(super) fn tell(file: &ClientFile, path: &Path, streams: &mut Streams<'_>) -> io::Result<()> {
    let id = file.text("client_id").unwrap_or_default();
    writeln!(streams.out, "client   {}", input::harmless(id))?;
    writeln!(streams.out, "clients  \"clients\": [{}]", input::harmless(&json!(id).to_string()))?;
    for line in token(file, path) {
        writeln!(streams.out, "{}", input::harmless(&line))?;
    }
    Ok(())
}

/// The lines of a shell that get a token.
fn token(file: &ClientFile, path: &Path) -> Vec<String> {
    let Some(endpoint) = file.url("token_endpoint").filter(is_private) else {
        return vec![
            "token    the provider's discovery document names no `token_endpoint`".to_owned(),
        ];
    };
    let endpoint = in_shell(&endpoint.to_string());
    let (id, path) = (in_form(file.text("client_id").unwrap_or_default()), in_shell_path(path));
    let mut lines = Vec::new();
    let mut form: Vec<(&str, &str)> = Vec::new();
    let redirect = redirect(file).map(in_form).unwrap_or_default();
    if !file.is_machine() {
        lines.extend(sign_in(file, &id, &redirect));
        form.extend([
            ("redirect_uri", redirect.as_str()),
            ("code", "$code"),
            ("code_verifier", "$verifier"),
        ]);
    }
    let has_secret = file.text("client_secret").is_some();
    let command = match file.method() {
        Some(Method::Basic) if has_secret => format!(
            "{} | curl -s -H @- -d {} {endpoint}",
            out_of_file("authorization", "authorization: ", &path),
            in_quotes(&file.form(&form))
        ),
        Some(Method::Post) if has_secret => {
            let rest = match file.is_machine() {
                true => String::new(),
                false => format!(" -d {}", in_quotes(&tail(&file.form(&form)))),
            };
            format!("{} | curl -s -d @-{rest} {endpoint}", out_of_file("token_request", "", &path))
        }
        Some(Method::PrivateKeyJwt) => {
            form.push(("client_id", &id));
            format!(
                "tollgate register --assertion {path} | curl -s --data-urlencode client_assertion@- \
                 -d {ASSERTION} -d {} {endpoint}",
                in_quotes(&file.form(&form))
            )
        }
        Some(Method::None) => {
            form.push(("client_id", &id));
            format!("curl -s -d {} {endpoint}", in_quotes(&file.form(&form)))
        }
        _ => "no secret came, so that this client cannot show who it is".to_owned(),
    };
    lines.push(command);
    let first = lines.remove(0);
    std::iter::once(format!("token    {first}"))
        .chain(lines.into_iter().map(|line| format!("         {line}")))
        .collect()
}

fn redirect(file: &ClientFile) -> Option<&str> {
    file.object("asked")?.get("redirect_uris")?.as_array()?.first()?.as_str()
}

/// Behind the grant's type, which the file has already.
fn tail(form: &str) -> String {
    form.split_once('&').map_or(String::new(), |(_, rest)| rest.to_owned())
}

/// How its user comes to a code, with PKCE (RFC 7636).
fn sign_in(file: &ClientFile, id: &str, redirect: &str) -> Vec<String> {
    let endpoint = file.url("authorization_endpoint").filter(is_private);
    let Some(endpoint) = endpoint.map(|url: Url| url.to_string()) else {
        return vec!["# the discovery document names no `authorization_endpoint`".to_owned()];
    };
    let join = if endpoint.contains('?') { '&' } else { '?' };
    let scope = match file.scopes() {
        "" => String::new(),
        scopes => format!("&scope={}", in_form(scopes)),
    };
    vec![
        "verifier=$(openssl rand -hex 32)".to_owned(),
        "challenge=$(printf %s \"$verifier\" | openssl dgst -sha256 -binary | openssl base64 | tr +/ -_ | tr -d =)".to_owned(),
        format!(
            "echo {}\"$challenge\"   # open it, sign in, and take `code` out of the address",
            in_shell(&format!(
                "{endpoint}{join}response_type=code&client_id={id}&redirect_uri={redirect}{scope}\
                 &code_challenge_method=S256&code_challenge="
            ))
        ),
        "read -r code".to_owned(),
    ]
}

/// A member of the file, for the next command alone.
fn out_of_file(member: &str, before: &str, path: &str) -> String {
    format!("sed -n 's/^  \"{member}\": \"\\(.*\\)\".*/{before}\\1/p' {path}")
}

/// A form that a shell fills in: nothing in it but what `in_form` leaves, `&`, `=` and its variables.
fn in_quotes(form: &str) -> String {
    format!("\"{form}\"")
}

/// A text as one word of a shell.
fn in_shell(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b':');
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A path as one word that is no option.
fn in_shell_path(path: &Path) -> String {
    let text = path.display().to_string();
    in_shell(&if text.starts_with('-') { format!("./{text}") } else { text })
}
