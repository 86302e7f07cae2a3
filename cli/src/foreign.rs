//! What a file is that holds no configuration of Tollgate: another product's, a document of a
//! provider, a token, a key; and the command that helps.
//!
//! A file is known by what only its kind has. Whatever might be a configuration with a mistake in it
//! is none of these.

mod document;
mod resource;
mod text;

use super::yaml::{self, Node};

/// What a file is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Foreign {
    pub(super) kind: Kind,
    /// What it is, with its article.
    pub(super) what: String,
    /// What helps, as a clause.
    pub(super) help: String,
}

/// Whose a file is, as far as commands treat it differently. The order says which of several
/// documents of a file tells the most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Something of a cluster that says nothing of who may call.
    Other,
    /// Something that says who may call, or where, or by whom tokens are made.
    Access,
    /// A resource of Tyk's operator.
    TykResource,
    /// Policies of Tyk.
    TykPolicies,
    /// An API definition of Tyk, classic or OAS.
    TykDefinition,
}

impl Foreign {
    fn new(kind: Kind, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, what: what.into(), help: help.into() }
    }

    /// What it is and what helps, as a message ends.
    pub(super) fn told(&self) -> String {
        format!("{}; {}", self.what, self.help)
    }

    /// Whether it is Tyk's.
    pub(super) const fn is_of_tyk(&self) -> bool {
        matches!(self.kind, Kind::TykDefinition | Kind::TykPolicies | Kind::TykResource)
    }
}

/// What these bytes are, where that is sure, and where they are no configuration of Tollgate.
pub(super) fn recognise(bytes: &[u8]) -> Option<Foreign> {
    let Ok(text) = std::str::from_utf8(bytes) else { return text::of_bytes(bytes) };
    let text = text.trim_start_matches('\u{feff}');
    if let Some(found) = text::of_secret(text) {
        return Some(found);
    }
    match yaml::parse(text) {
        Ok(documents) if documents.iter().any(holds_something) => of_documents(&documents),
        _ => text::of_text(text),
    }
}

/// What these documents are: of several, the one that tells the most.
fn of_documents(documents: &[Node]) -> Option<Foreign> {
    let found = documents.iter().filter_map(of_document);
    found.reduce(|best, next| if next.kind > best.kind { next } else { best })
}

/// What a document is, where that is sure.
pub(super) fn of_document(node: &Node) -> Option<Foreign> {
    match node.text_at(&["kind"]) {
        Some(_) if node.get("apiVersion").is_some() && node.get("items").is_some() => {
            of_documents(node.path(&["items"]).map(Node::elements).unwrap_or_default())
        }
        Some(kind) if node.get("apiVersion").is_some() => Some(resource::of(node, kind)),
        _ => document::of(node),
    }
}

/// Whether a document is another product's although it has `providers` or `apis` as Tollgate's
/// configuration has.
pub(super) fn is_of_another(node: &Node) -> bool {
    document::of_another(node).is_some()
}

/// How a filter is known to be Tollgate's.
const KNOWN_BY: &str = "a filter is Tollgate's where `tollgate` is in its name or its URL, or where \
                        its configuration has `providers` or `apis`";

fn holds_something(node: &Node) -> bool {
    !node.members().is_empty() || !node.elements().is_empty()
}

/// Where `tollgate init` writes for.
#[derive(Clone, Copy)]
enum Target {
    Envoy,
    Istio,
    EnvoyGateway,
}

/// The call of `tollgate init` that makes a first configuration for the same tokens.
fn init(issuer: Option<&str>, audience: Option<&str>, target: Target) -> String {
    let target = match target {
        Target::Envoy => "envoy",
        Target::Istio => "istio",
        Target::EnvoyGateway => "envoy-gateway",
    };
    let issuer = issuer.filter(|one| is_plain(one)).unwrap_or("ISSUER");
    let audience = audience.filter(|one| is_plain(one)).unwrap_or("AUDIENCE");
    format!(
        "`tollgate init --issuer {issuer} --audience {audience} --for {target}` writes a first \
         configuration for the same tokens"
    )
}

/// Whether a shell takes a text as one word and as it is.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":/._-+@%=,~".contains(&b);
    (1..=200).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-')
}

/// The first text at a place where one or a list of them stands.
fn first<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    let found = node.path(path)?;
    found.text().or_else(|| found.elements().first()?.text())
}
