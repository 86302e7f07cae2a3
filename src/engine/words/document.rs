//! A fetched document in words: where it is from, how old it is, why the last attempt failed, and what
//! to do about that.

use crate::config::{RingConfig, RingSource};
use crate::http::Url;
use crate::keys::Standing;
use crate::remote::Remote;
use crate::revoked::Source;
use crate::time::{UnixMillis, roughly};
use crate::verdict::quoted;

/// What to do about the last failure of a ring; `providers.*` stands for its provider.
pub(in crate::engine) fn keys_remedy(kind: u8, config: &RingConfig) -> String {
    let (field, document) = match config.source {
        RingSource::Jwks => ("providers.*.jwks.url", "key set"),
        RingSource::Discovery { .. } => ("providers.*.jwks.discovery", "document"),
    };
    remedy(kind, "providers.*.jwks", field, document, &config.remote.cluster)
}

/// What to do about the last failure of the list of revocations.
pub(in crate::engine) fn list_remedy(kind: u8, source: &Source) -> String {
    remedy(kind, "revoked", "revoked.url", "list", &source.remote.cluster)
}

/// Where a document is from, how old it is, and what the last attempt brought where that failed.
pub(in crate::engine) fn describe(
    standing: &Standing,
    is_loaded: bool,
    remote: &Remote,
    now: UnixMillis,
) -> String {
    let from =
        format!("from {} by cluster {}", without_query(&remote.url), quoted(&remote.cluster));
    let from = match standing.fetched_at.filter(|_| is_loaded) {
        Some(at) => format!("{from}, {} old", roughly(now.since(at))),
        None => format!("none so far {from}"),
    };
    match standing.failure.as_ref().filter(|_| standing.failing) {
        None => from,
        Some(failure) => {
            let at = failure.at.in_words(now);
            // What others may have written, on one line.
            let reason = failure.reason.replace(char::is_control, " ");
            format!("{from}; the last attempt, at {at}, brought {reason}")
        }
    }
}

/// A URL for the log: a query may hold a secret.
pub(in crate::engine) fn without_query(url: &Url) -> String {
    let path = url.path.split('?').next().unwrap_or_default();
    format!("{}://{}{path}", url.scheme(), url.authority)
}

/// What an operator can do about a failure of this kind. `field` holds the URL, and `at` holds that
/// field. Any number has a remedy: others may have written it.
fn remedy(kind: u8, at: &str, field: &str, document: &str, cluster: &str) -> String {
    let remedy = match kind {
        1 => {
            "the cluster in `AT.cluster` must be one of Envoy's, by its exact name, and have hosts: it \
             has none while the name of its host does not resolve (`tollgate check --online` tries; \
             where that has IPv6 addresses alone, or none, see the cluster's `dns_lookup_family`)"
        }
        2 => {
            "no answer came in time: see whether something on the way from Envoy drops connections, or \
             raise `AT.timeout`"
        }
        3 => {
            "Envoy could not reach it: look at the address, port and TLS (`sni`, trusted certificates) \
             of the cluster in `AT.cluster`; `tollgate check --online` says what is wrong with the way, \
             and Envoy's counters `cluster.CLUSTER.ssl.fail_verify_error` and `fail_verify_san` count \
             certificates that it did not trust; where the host has IPv6 addresses that Envoy cannot \
             reach, set the cluster's `dns_lookup_family` to V4_ONLY"
        }
        4 => "redirects are not followed: write the URL that it leads to into `FIELD`",
        5 => {
            "the server asks for a credential, and none is sent: the URL in `FIELD` must be one that \
             anybody may read, or a proxy on the way must be told so"
        }
        7 => {
            "look whether the URL in `FIELD` is the DOCUMENT's: if so, it is larger than is taken, and \
             its owner must leave out what is not in use"
        }
        8 => {
            "have the server of `FIELD`, or a proxy on the way, send the DOCUMENT as it is: the request \
             says `accept-encoding: identity`"
        }
        9 => {
            "have the provider publish the key that it signs with, in a form that can be used; if the \
             key set is for encryption or of another service, write the right URL into `FIELD`"
        }
        10 => {
            "is the document's `issuer` another than the `iss` of the tokens (AD FS, Google)? Then list \
             both in `providers.*.issuer` with the document's URL in `AT.discovery`, or write the key \
             set's own URL into `AT.url`; otherwise `providers.*.issuer` must be the document's byte for \
             byte (look for a trailing slash), or `FIELD` is another server's"
        }
        11 => "name the cluster that reaches that host in `AT.keys_cluster`",
        12 => {
            "the document names no key set that can be fetched: write the key set's URL into `AT.url`"
        }
        13 => {
            "look at what the URL in `FIELD` answers: is it the DOCUMENT's own, not a page to sign in or \
             another document? If so, have its owner fix it"
        }
        14 => {
            "the server of `FIELD` could not answer: look into its own log, and at the limits that it has"
        }
        15 => {
            "the server of `FIELD`, or a cache on the way, answers as if somebody else had asked: have it \
             send the DOCUMENT to whoever names no version of it, or another one"
        }
        _ => {
            "what answers there is not the DOCUMENT: see whether the cluster in `AT.cluster` leads to its \
             server, or write the right URL into `FIELD`, which WHOSE"
        }
    };
    let whose = match document {
        "list" => "whoever publishes the list knows",
        "document" => "is the issuer's, followed by `/.well-known/openid-configuration`",
        _ => "the provider's discovery document names as `jwks_uri`",
    };
    let names = [
        ("WHOSE", whose),
        ("AT", at),
        ("FIELD", field),
        ("DOCUMENT", document),
        ("CLUSTER", cluster),
    ];
    names.iter().fold(remedy.to_owned(), |text, (name, value)| text.replace(name, value))
}
