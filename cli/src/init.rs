//! `tollgate init`: a first configuration, and what the proxy needs around it.

mod login;
mod vendor;
mod write;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tollgate::config::Config;
use tollgate::provider::Provider;

use super::input;
use crate::command::{Exit, Failure, Streams};
use vendor::{Plan, Wanted};

const EXAMPLES: &str = "\
Examples:
  tollgate init --issuer https://example.okta.com/oauth2/default \\
      --audience api://orders --for envoy -o deploy
  tollgate init --issuer https://example.eu.auth0.com/ \\
      --audience https://orders.example.com --for istio > istio.yaml
  tollgate init --issuer https://keycloak.example.com/realms/shop \\
      --audience orders --for envoy-gateway > gateway.yaml
  tollgate init --issuer https://id.example.com --audience orders \\
      --introspect gateway --for envoy -o deploy
  tollgate init --issuer https://example.okta.com/oauth2/default \\
      --login https://portal.example.com --client-id 0oa1 --for envoy -o deploy

It asks nobody: what it knows of Okta, Auth0, Keycloak, Entra ID, Google and Cognito it goes by \
from the issuer's host and path. `tollgate check --online` asks. The configuration stands in the \
proxy's file, which goes to standard output, or with `-o` into a folder; no other copy of it is \
written. `--for json` writes it alone, for a proxy's file that is there already. No file that is \
there is overwritten.";

/// Write a first configuration and what the proxy needs around it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The provider's issuer: exactly what its tokens have in `iss`
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The audience of this API's tokens; with Cognito, the app client's id
    #[arg(long, value_name = "NAME", required_unless_present = "login")]
    audience: Vec<String>,
    /// Where Tollgate is to run
    #[arg(long = "for", value_enum)]
    target: Target,
    /// The provider's name in the configuration [default: from the issuer]
    #[arg(long)]
    name: Option<String>,
    /// Where the proxy finds tollgate.wasm: a path (envoy), a URL (istio, envoy-gateway)
    #[arg(long, value_name = "PLACE")]
    wasm: Option<String>,
    /// The file of the certificate authorities that the proxy trusts for the provider, in PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
    /// Write the listener into a file that Envoy reads again when it changes (envoy, with `-o`)
    #[arg(long, requires = "output")]
    lds: bool,
    /// The URL that clients know the API by, where they find their own way to a token (MCP)
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Ask the provider about each token, which may be opaque, as this client, whose secret is in the
    /// proxy's variable TOLLGATE_CLIENT_SECRET
    #[arg(long, value_name = "CLIENT_ID", allow_hyphen_values = true)]
    introspect: Option<String>,
    /// Log browsers in on this origin, as they see it; bearer tokens are taken with `--audience` alone.
    /// The proxy's variables TOLLGATE_CLIENT_SECRET and TOLLGATE_SEAL hold the secrets
    #[arg(long, value_name = "URL", conflicts_with = "introspect")]
    login: Option<String>,
    /// The client that browsers log in by
    #[arg(long, value_name = "ID", requires = "login", allow_hyphen_values = true)]
    client_id: Option<String>,
    /// Let the provider end sessions by itself (back-channel logout), by a second entry of the filter
    #[arg(long, requires = "login")]
    back_channel: bool,
    /// Host and port of the API itself (envoy)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    upstream: String,
    /// Write files into this folder
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// The folder of the listener that Envoy reads again, and the file.
const LISTENERS: &str = "lds";
const LISTENER: &str = "listeners.yaml";

/// Where Tollgate runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Target {
    /// A whole envoy.yaml that runs
    Envoy,
    /// A WasmPlugin, and the ServiceEntry and DestinationRule that make its cluster
    Istio,
    /// An EnvoyExtensionPolicy, and the EnvoyProxy that has its cluster
    EnvoyGateway,
    /// The configuration alone, to be put into a proxy's file that is there already
    Json,
}

impl Target {
    const fn file(self) -> &'static str {
        match self {
            Self::Envoy => "envoy.yaml",
            Self::Istio => "istio.yaml",
            Self::EnvoyGateway => "envoy-gateway.yaml",
            Self::Json => "tollgate.json",
        }
    }

    /// Where the configuration stands from now on, and how a change of it comes to work.
    const fn next(self, lds: bool) -> &'static str {
        match self {
            Self::Envoy if lds => {
                "the configuration stands in the listener's file: change a copy of that, `tollgate \
                 check` it, and `mv` it over this one, and Envoy reads it"
            }
            Self::Envoy => {
                "the configuration stands in this file, which is the one that Envoy reads: change it \
                 here, `tollgate check` it, and start Envoy, or start it again"
            }
            Self::Istio | Self::EnvoyGateway => {
                "the configuration stands in this file: change it here, `tollgate check` it, and \
                 `kubectl apply` it"
            }
            Self::Json => {
                "no proxy reads this file: put what is in it into the proxy's own file, where the \
                 filter's `configuration` stands, and change it there from then on"
            }
        }
    }
}

pub(super) fn run(arguments: &Arguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let wanted = Wanted {
        issuer: &arguments.issuer,
        audiences: &arguments.audience,
        name: arguments.name.as_deref(),
        asks_as: arguments.introspect.as_deref(),
    };
    let made = Plan::of(&wanted).and_then(|mut plan| {
        if let Some(url) = &arguments.login {
            let how = (arguments.audience.is_empty(), arguments.back_channel);
            plan.log_in(url, arguments.client_id.as_deref(), how)?;
        }
        Ok(plan)
    });
    let mut plan = match made {
        Ok(plan) => plan,
        Err(problem) => {
            writeln!(streams.err, "tollgate: --issuer {problem}")?;
            return Ok(Exit::Problems);
        }
    };
    let target = arguments.target;
    let cluster = match target {
        Target::Istio => format!("outbound|{}||{}", plan.port, write::service_host(&plan)),
        Target::Envoy | Target::EnvoyGateway | Target::Json => plan.name.clone(),
    };
    let configuration = write::configuration(&plan, &cluster, arguments.resource.as_deref());
    let secret = |name: &str| {
        [write::CLIENT_SECRET, write::SEAL]
            .contains(&name)
            .then(|| format!("{name}, to be set where the proxy runs"))
    };
    let warnings = match Config::parse_with(configuration.as_bytes(), &secret) {
        Ok(config) => {
            if let Some(login) = config.providers.first().and_then(Provider::login) {
                plan.told_by(login);
            }
            config.warnings
        }
        Err(problems) => {
            // The issuer is right by now: this is an audience, a name, a resource or a login's URL.
            for problem in problems.iter() {
                writeln!(streams.err, "tollgate: this makes no configuration: {problem}")?;
            }
            return Ok(Exit::Problems);
        }
    };
    if arguments.lds && target != Target::Envoy {
        return Err(Failure::Misuse(
            "--lds is for --for envoy: others have their own way".to_owned(),
        ));
    }
    let image = if target == Target::Envoy { "tollgate.wasm" } else { write::IMAGE };
    let site = write::Site {
        plan: &plan,
        cluster: &cluster,
        resource: arguments.resource.as_deref(),
        wasm: arguments.wasm.as_deref().unwrap_or(image),
        ca: arguments.ca.as_deref(),
    };
    let (proxy, listener) = match target {
        Target::Envoy => {
            let upstream = host_and_port(&arguments.upstream).ok_or_else(|| {
                Failure::Misuse("--upstream is written host:port, as 127.0.0.1:8080".to_owned())
            })?;
            let folder = arguments.output.as_ref().filter(|_| arguments.lds);
            let folder = folder.map(|folder| folder.join(LISTENERS).display().to_string());
            let place = folder.as_ref().map(|folder| format!("{folder}/{LISTENER}"));
            let place = folder.as_deref().zip(place.as_deref());
            write::envoy(&site, &configuration, upstream, place)
        }
        Target::Istio => (write::istio(&site, &configuration), None),
        Target::EnvoyGateway => (write::gateway(&site, &configuration), None),
        Target::Json if arguments.output.is_some() => (write::own_file(&configuration), None),
        Target::Json => (configuration, None),
    };
    match &arguments.output {
        None => write!(streams.out, "{proxy}")?,
        Some(folder) => {
            let schema = format!("{:#}\n", tollgate::config::schema());
            let place = format!("{LISTENERS}/{LISTENER}");
            let mut files = vec![(target.file(), proxy.as_str())];
            if let Some(listener) = &listener {
                files.push((&place, listener));
            }
            if target == Target::Json {
                files.push((write::SCHEMA, &schema));
            }
            write_all(folder, &files)?;
            for (name, _) in files {
                writeln!(streams.err, "tollgate: wrote {}", input::shown(&folder.join(name)))?;
            }
            writeln!(streams.err, "tollgate: {}", target.next(listener.is_some()))?;
        }
    }
    for warning in warnings.iter() {
        writeln!(streams.err, "tollgate: warning: {}: {}", warning.path, warning.message)?;
    }
    for note in &plan.notes {
        writeln!(streams.err, "tollgate: note: {note}")?;
    }
    Ok(Exit::Fine)
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then_some((host, port))
}

/// Writes all of these files, or none where one of them is there.
fn write_all(folder: &Path, files: &[(&str, &str)]) -> Result<(), Failure> {
    let wrong =
        |path: &Path, what: String| Failure::Misuse(format!("{}: {what}", input::shown(path)));
    let paths = files.iter().map(|(name, _)| folder.join(name));
    if let Some(path) = paths.into_iter().find(|path| path.exists()) {
        return Err(wrong(
            &path,
            "is there already; nothing was written: name another folder, or remove it".to_owned(),
        ));
    }
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .map_err(|error| wrong(parent, format!("cannot be made: {error}")))?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| wrong(&path, format!("cannot be written: {error}")))?;
    }
    Ok(())
}
