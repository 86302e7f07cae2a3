//! `tollgate explain`: one request through the engine, beside a proxy, and each of its steps.

mod cookie;
mod credential;
mod drive;
mod shown;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tollgate::config::Config;
use tollgate::http::{RequestHead, Route, is_token};
use tollgate::time::UnixMillis;

use super::format::Format;
use super::{check, input, moment};
use crate::command::{Exit, Failure, Streams};

/// Most bytes of a credential that are read.
const MAX_CREDENTIAL: u64 = 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  tollgate explain --config config.json --online < token.txt
  tollgate explain --config config.json --jwks keys.json \\
      --path /orders/7 token.txt
  tollgate explain --config config.json --jwks okta=okta.json \\
      --jwks idp=idp.json token.txt
  tollgate explain --config config.json --no-token --header 'x-api-key: …'
  tollgate explain --config envoy.yaml --cookie cookie.txt --path /orders/7
  tollgate explain --config config.json --at 2026-11-23T10:00:00Z \\
      --format json token.txt

The token goes where its provider looks for it first, `Authorization: Bearer` by default; \
`Bearer ` in front of it, blanks and line breaks do not matter. It is never shown. Cookies of a \
login are opened by the configuration's `seal`, whose variables are this process's; no provider is \
asked again for a session. Exit status: \
0 the request is allowed, 1 it is refused (or would be, in report mode) or the configuration is, \
2 it cannot be judged.";

/// Say what a configuration does with a request, step by step
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A file with the token, or the API key; standard input without it
    file: Option<PathBuf>,
    /// The configuration, or an Envoy, Istio or Envoy Gateway file that holds one; `-` is standard
    /// input
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A file with the cookies of a browser that logged in: a `Cookie` header, or a session's cookie alone.
    /// Without a file for a token none is sent
    #[arg(long, value_name = "FILE")]
    cookie: Option<PathBuf>,
    /// Send no token, and read none
    #[arg(long, conflicts_with = "file")]
    no_token: bool,
    /// The method
    #[arg(long, default_value = "GET")]
    method: String,
    /// The path, with a query if it has one
    #[arg(long, default_value = "/")]
    path: String,
    /// The host that the request is for [default: that of the first login, else localhost]
    #[arg(long)]
    host: Option<String>,
    /// A header of the request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The name of the route that the proxy would choose
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// The address that the proxy would take for the client's
    #[arg(long, value_name = "IP", default_value = "192.0.2.1")]
    address: IpAddr,
    /// The key set that a provider would publish; may be repeated for several providers
    #[arg(long, value_name = "[PROVIDER=]FILE")]
    jwks: Vec<String>,
    /// Fetch key sets and revocations as the proxy would, over the network
    #[arg(long, conflicts_with = "jwks")]
    online: bool,
    /// Trust the certificate authorities of this file, too
    #[arg(long, value_name = "FILE", requires = "online")]
    ca: Option<PathBuf>,
    /// Judge as if it were this moment
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at: Option<UnixMillis>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    /// Whether a token is read and sent: cookies come alone unless a file is named.
    const fn sends_token(&self) -> bool {
        !self.no_token && (self.cookie.is_none() || self.file.is_some())
    }
}

/// Reads `name: value`.
fn header(text: &str) -> Result<(String, String), String> {
    let wrong = || "a header is written `name: value`".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    if !is_token(name) || value.contains(['\r', '\n', '\0']) {
        return Err(wrong());
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let text = read_config(arguments, streams)?;
    let mut config = match check::load(&arguments.config, &text, &check::of_process)? {
        Ok(config) => config,
        Err(report) => {
            match arguments.format {
                Format::Text => report.tell(&mut streams.err)?,
                Format::Json => {
                    let told = json!({ "verdict": "undecided", "configuration": report.json() });
                    writeln!(streams.out, "{told:#}")?;
                }
            }
            return Ok(Exit::Problems);
        }
    };
    let credential = match arguments.sends_token() {
        false => Vec::new(),
        true => input::read_credential(arguments.file.as_deref(), MAX_CREDENTIAL, streams)?,
    };
    let now = moment::given_or_now(arguments.at);
    let host =
        arguments.host.as_deref().or(cookie::host(&config)).unwrap_or("localhost").to_owned();
    let (mut cookies, mut note) = (None, None);
    if let Some(path) = &arguments.cookie {
        let read = input::read_credential(Some(path), MAX_CREDENTIAL, streams)?;
        let header = cookie::header(&read, &config, &host).map_err(Failure::Misuse)?;
        note = cookie::ask_nobody(&mut config, (&header, &host), now);
        cookies = Some(header);
    }
    let request = request(arguments, &config, (&host, cookies, &credential))?;
    let keys =
        drive::Keys::of(&arguments.jwks, arguments.online, arguments.ca.as_deref(), &config)?;
    let mut seen = drive::judge(config, request, arguments.address, keys, now)?;
    seen.notes.extend(note);
    match arguments.format {
        Format::Text => shown::in_text(&seen, streams)?,
        Format::Json => writeln!(streams.out, "{:#}", shown::in_json(&seen))?,
    }
    Ok(seen.exit())
}

fn read_config(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Vec<u8>, Failure> {
    let is_input = arguments.config == Path::new("-");
    let others = [arguments.file.as_deref(), arguments.cookie.as_deref()];
    let is_taken = others.contains(&Some(Path::new("-")))
        || arguments.file.is_none() && arguments.sends_token();
    if is_input && is_taken {
        return Err(Failure::Misuse(
            "the configuration and the token cannot both come from standard input: name a file for \
             one of them, or say `--no-token`"
                .to_owned(),
        ));
    }
    input::read(Some(&arguments.config), check::MAX_BYTES, streams)
}

/// The request, with the credential where its provider looks for it.
fn request(
    arguments: &Arguments,
    config: &Config,
    (host, cookies, credential): (&str, Option<String>, &[u8]),
) -> Result<(RequestHead, Route), Failure> {
    let mut path = arguments.path.clone();
    let mut headers = arguments.headers.clone();
    headers.extend(cookies.map(|cookies| ("cookie".to_owned(), cookies)));
    credential::place(credential, config, &mut path, &mut headers).map_err(Failure::Misuse)?;
    let pseudo = [(":method", &*arguments.method), (":path", &*path), (":authority", host)];
    let others = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let head = RequestHead { headers: pseudo.into_iter().chain(others).collect() };
    let name = arguments.route.as_ref().map(|name| name.as_bytes().to_vec());
    Ok((head, Route { name, ..Route::default() }))
}
