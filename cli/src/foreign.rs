//! What a file is that holds no configuration of Tollgate: another product's, a document of a
//! provider, a token, a key; and the command that helps.
//!
//! A file is known by what only its kind has. Whatever might be a configuration with a mistake in it
//! is none of these.

mod document;
mod help;
mod resource;
mod text;

pub(super) use help::{Foreign, Kind};

use super::yaml::{self, Node};

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

fn holds_something(node: &Node) -> bool {
    !node.members().is_empty() || !node.elements().is_empty()
}
