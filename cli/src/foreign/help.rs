//! What a file may be, and the words for what helps.

use crate::yaml::Node;

/// What a file is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Foreign {
    pub(crate) kind: Kind,
    /// What it is, with its article.
    pub(crate) what: String,
    /// What helps, as a clause.
    pub(crate) help: String,
}

/// Whose a file is, as far as commands treat it differently. The order says which of several
/// documents of a file tells the most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
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
    pub(super) fn new(kind: Kind, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, what: what.into(), help: help.into() }
    }

    /// What it is and what helps, as a message ends.
    pub(crate) fn told(&self) -> String {
        format!("{}; {}", self.what, self.help)
    }

    /// Whether it is Tyk's.
    pub(crate) const fn is_of_tyk(&self) -> bool {
        matches!(self.kind, Kind::TykDefinition | Kind::TykPolicies | Kind::TykResource)
    }
}

/// How a filter is known to be Tollgate's.
pub(super) const KNOWN_BY: &str = "a filter is Tollgate's where `tollgate` is in its name or its \
                                   URL, or where its configuration has `providers` or `apis`";

/// Where `tollgate init` writes for.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Envoy,
    Istio,
    EnvoyGateway,
}

/// The call of `tollgate init` that makes a first configuration for the same tokens.
pub(super) fn init(issuer: Option<&str>, audience: Option<&str>, target: Target) -> String {
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
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":/._-+@%=,~".contains(&b);
    (1..=200).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-')
}

/// The first text at a place where one or a list of them stands.
pub(super) fn first<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    let found = node.path(path)?;
    found.text().or_else(|| found.elements().first()?.text())
}
