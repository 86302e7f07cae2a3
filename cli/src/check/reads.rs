//! What a filter's configuration reads of a request, as far as Tollgate writes or removes it.

use crate::yaml::{Node, Value};

/// What is looked for.
pub(super) struct Wanted {
    /// Headers by name, in lower case.
    pub(super) headers: Vec<String>,
    /// Whether Tollgate's own names are: the filter state and the headers under `x-tollgate-`.
    pub(super) own: bool,
}

/// The start of Tollgate's filter state.
const STATE: &str = "wasm.tollgate.";
/// The start of its headers, without what is sent to it and what it tells clients.
const OWN: &str = "x-tollgate-";
const NOT_OWN: [&str; 2] = ["x-tollgate-explain", "x-tollgate-code"];

/// Members that name what is written, removed or told to clients, and not what is read.
const NOT_READ: [&str; 19] = [
    "@type",
    "access_log",
    "allow_headers",
    "allowed_client_headers",
    "allowed_client_headers_on_success",
    "allowed_upstream_headers",
    "allowed_upstream_headers_to_append",
    "claim_to_headers",
    "description",
    "disallowed_headers",
    "expose_headers",
    "forward_payload_header",
    "headers_to_remove",
    "object_key",
    "remove",
    "remove_headers",
    "request_headers_to_remove",
    "stat_prefix",
    "vm_config",
];

/// Members whose value, or one of whose values, is a header's name.
const NAMES: [&str; 9] = [
    "exact",
    "header",
    "header_name",
    "headers",
    "headers_to_ext_auth",
    "key",
    "name",
    "request_header",
    "values",
];

impl Wanted {
    /// The first that a configuration reads, as it is called there.
    pub(super) fn find(&self, node: &Node) -> Option<String> {
        self.walk(node, "", false)
    }

    /// `denies` is whether what stands here only ever refuses.
    fn walk(&self, node: &Node, member: &str, denies: bool) -> Option<String> {
        match &node.value {
            Value::Scalar(scalar) => self.text(&scalar.text, member),
            Value::List(elements) => {
                elements.iter().find_map(|element| self.walk(element, member, denies))
            }
            Value::Map(members) => {
                let denies = denies || node.text_at(&["action"]) == Some("DENY");
                // Whoever brings a header that only Tollgate writes may be refused before it.
                let is_there = node.get("present_match").is_some() && node.get("name").is_some();
                let any = node.get("values").map(Node::elements).unwrap_or_default();
                let is_any = any.len() == 1 && any.iter().all(|one| one.text() == Some("*"));
                if denies && (is_there || is_any) {
                    return None;
                }
                let is_written = |name: &str| name == "key" && node.get("value").is_some();
                members.iter().find_map(|inner| {
                    let name = snake(&inner.name);
                    let skipped = NOT_READ.contains(&&*name) || name.starts_with("response");
                    if skipped || is_written(&name) {
                        return None;
                    }
                    self.walk(&inner.node, &name, denies)
                })
            }
        }
    }

    fn text(&self, text: &str, member: &str) -> Option<String> {
        let text = requests_part(text).to_ascii_lowercase();
        if self.own {
            if let Some((_, rest)) = text.split_once(STATE) {
                return Some(format!("{STATE}{}", word(rest)));
            }
            for (at, _) in text.match_indices(OWN) {
                let rest = text.get(at..).unwrap_or_default();
                let name = word(rest);
                if !NOT_OWN.contains(&name) {
                    return Some(name.to_owned());
                }
            }
        }
        let found = self.headers.iter().find(|name| {
            let is_name = text == **name && NAMES.contains(&member);
            is_name
                || ["''", "\"\"", "[]"].iter().any(|pair| {
                    let (open, close) = pair.split_at(1);
                    text.contains(&format!("{open}{name}{close}"))
                })
                || ["%req(", "%dynamic_"].iter().any(|start| {
                    text.contains(&format!("{start}{name})"))
                        || text.contains(&format!("{start}{name}?"))
                })
        });
        found.cloned()
    }
}

/// A name's characters at the beginning of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// A text without what a script does with answers, and without its comments: what is behind
/// Tollgate on the way back may read what it wrote.
fn requests_part(text: &str) -> String {
    const ANSWERS: &str = "function envoy_on_response";
    const REQUESTS: &str = "function envoy_on_request";
    if !text.contains("function envoy_on_re") {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut skips = false;
    for line in text.lines() {
        let code = line.split("--").next().unwrap_or_default();
        match code {
            code if code.contains(ANSWERS) => skips = true,
            code if code.contains(REQUESTS) => skips = false,
            _ => {}
        }
        if !skips {
            kept.push_str(code);
            kept.push('\n');
        }
    }
    kept
}

/// A member's name in snake case.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
