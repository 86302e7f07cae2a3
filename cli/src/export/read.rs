//! The limits of one domain, as a service's file has them. What is not of the form that is exported
//! counts nothing that Tollgate asks for.

use std::collections::BTreeMap;

use super::form::{Amount, VARIABLE, condition, seconds};
use crate::yaml::{self, Node};

/// The limits that a file has for this domain, by name, `None` where one does not count what Tollgate
/// asks for; or why the file cannot be read.
pub(super) fn limits(
    bytes: &[u8],
    domain: &str,
    of_ratelimit: bool,
) -> Result<BTreeMap<String, Option<Amount>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())?;
    let documents = yaml::parse(text).map_err(|wrong| {
        format!("line {}, column {}: {}", wrong.at.line, wrong.at.column, wrong.message)
    })?;
    let documents = documents.iter();
    Ok(match of_ratelimit {
        true => documents.flat_map(|one| ratelimit(one, domain)).collect(),
        false => documents.flat_map(|one| limitador(one, domain)).collect(),
    })
}

fn limitador(document: &Node, domain: &str) -> Vec<(String, Option<Amount>)> {
    let limits = document.elements().iter();
    let own = limits.filter(|one| one.text_at(&["namespace"]) == Some(domain));
    own.map(|one| {
        let name = one.text_at(&["name"]).unwrap_or_default().to_owned();
        let only = |member: &str| match one.get(member).map(Node::elements) {
            Some([only]) => only.text().map(plain),
            _ => None,
        };
        let is_whole = only("conditions") == Some(plain(&condition(&name)))
            && only("variables") == Some(plain(VARIABLE));
        let amount = number(one, "max_value").zip(number(one, "seconds"));
        (name, amount.filter(|_| is_whole))
    })
    .collect()
}

fn ratelimit(document: &Node, domain: &str) -> Vec<(String, Option<Amount>)> {
    if document.text_at(&["domain"]) != Some(domain) {
        return Vec::new();
    }
    let limits = document.get("descriptors").map(Node::elements).unwrap_or_default().iter();
    let own = limits.filter(|one| one.text_at(&["key"]) == Some("limit"));
    own.map(|one| {
        let name = one.text_at(&["value"]).unwrap_or_default().to_owned();
        let below = one.get("descriptors").map(Node::elements).unwrap_or_default().iter();
        let is_subject =
            |one: &&Node| one.text_at(&["key"]) == Some("subject") && one.get("value").is_none();
        let limit = below.filter(is_subject).find_map(|one| one.get("rate_limit"));
        let amount = limit.and_then(|limit| {
            number(limit, "requests_per_unit").zip(seconds(limit.text_at(&["unit"])?))
        });
        (name, amount)
    })
    .collect()
}

fn number(node: &Node, member: &str) -> Option<u64> {
    node.text_at(&[member])?.parse().ok()
}

/// An expression without what its meaning does not depend on.
fn plain(expression: &str) -> String {
    expression
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| if c == '"' { '\'' } else { c })
        .collect()
}
