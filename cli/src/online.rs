//! The engine's calls made for real: what the proxy's clusters do, from where the operator sits.
//!
//! Like the proxy it follows no redirect, retries nothing and takes no more of a body than is of
//! use. Unlike the proxy it says why there was no answer.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::CertificateError;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tollgate::event::{CallRequest, CallResponse};
use tollgate::http::Fields;
use tollgate::verdict::quoted;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, AsSendBody, Body, http};

use super::input;
use crate::command::Failure;

/// Makes calls over the network.
pub(super) struct Client {
    agent: Agent,
    /// How many authorities vouch for a server's certificate.
    roots: usize,
}

/// Why a call had no answer. The text is for the operator.
#[derive(Debug)]
pub(super) enum Unreached {
    /// The answer broke off, or the connection did.
    Broken(String),
    /// The server's certificate was refused.
    Certificate(CertificateError),
    /// The server's name has no address.
    Name(String),
    /// Nobody listens there.
    Refused(String),
    /// No certificate authority is known.
    Roots,
    /// The time was over.
    Timeout(Duration),
    /// The TLS handshake failed for another reason than the certificate.
    Tls(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
            Self::Certificate(error) => certificate(error, f),
            Self::Name(host) => {
                write!(f, "the name {host} has no address (DNS): is it spelt right?")
            }
            Self::Refused(authority) => {
                write!(f, "{authority} refused the connection: does it listen on that port?")
            }
            Self::Roots => f.write_str(
                "this system lists no certificate authorities: name a file of them with `--ca`",
            ),
            Self::Timeout(after) => write!(f, "no whole answer within {after:?} (`timeout`)"),
            Self::Tls(why) => write!(f, "TLS failed: {why}"),
        }
    }
}

/// Words why a certificate was refused.
fn certificate(error: &CertificateError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => f.write_str(
            "the server's certificate is by an authority that is not known here: name the \
             authority's file with `--ca`, and give it to the cluster, too",
        ),
        E::Expired | E::ExpiredContext { .. } => {
            f.write_str("the server's certificate has expired, or this machine's clock is wrong")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => f.write_str(
            "the server's certificate is not valid yet, or this machine's clock is wrong",
        ),
        E::NotValidForNameContext { expected, presented } => write!(
            f,
            "the server's certificate is not for {}: it names {}",
            expected.to_str(),
            quoted(&presented.join(", ")),
        ),
        E::NotValidForName => f.write_str("the server's certificate is for another name"),
        other => write!(f, "the server's certificate was refused: {other}"),
    }
}

impl Client {
    /// A client that trusts the system's certificate authorities and those of a PEM file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds no certificate.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self, Failure> {
        let mut roots: Vec<_> = rustls_native_certs::load_native_certs().certs;
        if let Some(path) = ca {
            roots.extend(authorities(path)?);
        }
        let count = roots.len();
        let roots: Vec<_> =
            roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The proxy asks directly, too.
            .proxy(None)
            .build();
        Ok(Self { agent: config.into(), roots: count })
    }

    /// Makes one call and waits for its end.
    pub(super) fn call(&self, request: &CallRequest) -> Result<CallResponse, Unreached> {
        if request.scheme == "https" && self.roots == 0 {
            return Err(Unreached::Roots);
        }
        let url = format!("{}://{}{}", request.scheme, request.authority, request.path);
        let mut call = http::Request::builder().method(request.method).uri(url);
        for (name, value) in &request.headers {
            call = call.header(*name, value);
        }
        if let Some(value) = &request.authorization {
            call = call.header("authorization", value.reveal());
        }
        let body = Some(request.body.0.as_slice()).filter(|body| !body.is_empty());
        let response = match body {
            None => call.body(()).map_err(Into::into).and_then(|call| self.run(call, request)),
            Some(body) => {
                call.body(body).map_err(Into::into).and_then(|call| self.run(call, request))
            }
        };
        let response = response.map_err(|error| unreached(error, request))?;
        let (head, body) = response.into_parts();
        let mut headers = Fields::default();
        headers.extend(head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let (announced, most) = (body.content_length(), request.max_body.saturating_add(1));
        let mut bytes = Vec::new();
        body.into_reader()
            .take(u64::try_from(most).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)
            .map_err(|error| unreached(error.into(), request))?;
        let announced = announced.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        let body_size = bytes.len().max(announced);
        let status = head.status.as_u16();
        Ok(CallResponse { status, headers, body_size, body: bytes, trailers: Fields::default() })
    }
}

impl Client {
    fn run(
        &self,
        call: http::Request<impl AsSendBody>,
        request: &CallRequest,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let call = self.agent.configure_request(call).timeout_global(Some(request.timeout)).build();
        self.agent.run(call)
    }
}

/// The certificates of a PEM file.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let shown = input::shown(path);
    let unread = |why: &dyn fmt::Display| Failure::Misuse(format!("`--ca` {shown}: {why}"));
    let text = fs::read(path).map_err(|error| unread(&error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(unread(&"no certificate in it: expected PEM (`-----BEGIN CERTIFICATE-----`)"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(unread(&error)),
    }
}

fn unreached(error: ureq::Error, request: &CallRequest) -> Unreached {
    let authority = || quoted(&request.authority);
    match error {
        ureq::Error::HostNotFound => Unreached::Name(authority()),
        ureq::Error::Timeout(_) => Unreached::Timeout(request.timeout),
        ureq::Error::Rustls(error) => tls(&error),
        ureq::Error::Tls(why) => Unreached::Tls(why.into()),
        ureq::Error::Io(error) => broken(&error, request),
        ureq::Error::ConnectionFailed => Unreached::Refused(authority()),
        other => Unreached::Broken(other.to_string()),
    }
}

fn broken(error: &io::Error, request: &CallRequest) -> Unreached {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return tls(error);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreached::Refused(quoted(&request.authority)),
        io::ErrorKind::TimedOut => Unreached::Timeout(request.timeout),
        // Of the standard library; it has no kind of its own.
        _ if error.to_string().starts_with("failed to lookup address") => {
            Unreached::Name(quoted(&request.authority))
        }
        _ => Unreached::Broken(error.to_string()),
    }
}

fn tls(error: &rustls::Error) -> Unreached {
    match error {
        rustls::Error::InvalidCertificate(error) => Unreached::Certificate(error.clone()),
        rustls::Error::InvalidMessage(_) => {
            Unreached::Tls("what came is no TLS: is the URL `http`, or the port another?".into())
        }
        other => Unreached::Tls(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
