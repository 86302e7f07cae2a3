//! Which requests an API or an entry of `access` speaks of: hosts, paths, methods, routes.

use super::written::{not_empty, parsed};
use crate::api::{HostPattern, Matcher, PathPattern};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::api::RawMatch;
use crate::config::read::{Field, List, Text, items};
use crate::http::Ambiguity;
use crate::ids::Name;
use crate::verdict::quoted;

/// Methods that are known to be written in capitals (RFC 9110 §9.3, RFC 5789).
pub(super) const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Which requests belong to an API; `None` where that cannot be known.
pub(super) fn matcher(
    field: &Field<RawMatch>,
    api: Option<&Name>,
    problems: &mut Problems<'_>,
) -> Option<Matcher> {
    let raw = match field {
        Field::Absent => return Some(Matcher::default()),
        Field::Given(raw) => raw,
        Field::Wrong => return None,
    };
    let lists = [&raw.hosts, &raw.paths, &raw.methods, &raw.routes];
    for list in lists {
        let message = "an empty list would match nothing; leave it out for any";
        not_empty(list, message, problems);
    }
    let hosts = parsed(&raw.hosts, HostPattern::parse, problems);
    let paths = paths(&raw.paths, problems);
    let methods = methods(&raw.methods, problems);
    let routes = routes(&raw.routes, problems);
    // Without a name, or with a wrong word here, it is refused anyway; which requests it takes, nobody
    // can say.
    let named = match &*raw.route_metadata {
        Field::Given(_) if raw.route_metadata.value => Some(api?.clone()),
        Field::Given(_) | Field::Absent => None,
        Field::Wrong => return None,
    };
    // A list that lost a mistake would stand for other requests than were meant, an empty one for all.
    let found = [hosts.len(), paths.len(), methods.len(), routes.len()];
    let is_whole = |(list, found): (&Field<List<Text>>, usize)| match list {
        Field::Absent => true,
        Field::Given(list) => found > 0 && found == list.written,
        Field::Wrong => false,
    };
    lists.into_iter().zip(found).all(is_whole).then_some(Matcher {
        hosts,
        paths,
        methods,
        routes,
        named,
    })
}

/// The methods of a list that are right.
pub(super) fn methods(field: &Field<List<Text>>, problems: &mut Problems<'_>) -> Vec<Box<str>> {
    let mut methods = Vec::new();
    for method in items(field) {
        match refused_method(method) {
            Some(message) => problems.refuse(Code::ValueInvalid, method.at, message),
            None => methods.push(method.value.0.clone()),
        }
    }
    methods
}

fn routes(field: &Field<List<Text>>, problems: &mut Problems<'_>) -> Vec<Box<str>> {
    let mut routes: Vec<Box<str>> = Vec::new();
    for written in items(field) {
        let name = &written.value.0;
        if routes.contains(name) {
            let message = format!("the route {} is written twice; delete one", quoted(name));
            problems.refuse(Code::ValueTwice, written.at, message);
        } else {
            routes.push(name.clone());
        }
    }
    routes
}

/// The path patterns of a list that are right; warned about are those that other products read as a
/// placeholder or an expression: here they stand for themselves.
pub(super) fn paths(field: &Field<List<Text>>, problems: &mut Problems<'_>) -> Vec<PathPattern> {
    let patterns = parsed(field, PathPattern::parse, problems);
    for written in items(field) {
        // Of these, clients send `:` and `$` as they are, and the others encoded.
        let is_odd = |segment: &&str| {
            (segment.starts_with(':') && segment.len() > 1)
                || segment.ends_with('$')
                || segment.bytes().any(|b| matches!(b, b'<' | b'>' | b'[' | b']' | b'^' | b'|'))
        };
        if let Some(segment) = written.split('/').find(is_odd) {
            let message = format!(
                "{} is taken as it stands; for any one segment write `*` or `{{id}}`, for any \
                 number of them a final `**`",
                quoted(segment)
            );
            problems.warn(Code::PathExpression, written.at, message);
        }
    }
    patterns
}

/// Patterns with an encoded slash, where a request for such a path is always refused.
pub(super) fn refuse_slashes(paths: &Field<List<Text>>, problems: &mut Problems<'_>) {
    for written in items(paths).iter().filter(|path| path.to_ascii_lowercase().contains("%2f")) {
        let message = format!(
            "{}: {}; requests for such a path are refused, unless the API says \"encoded_slash\": \
             \"segment\"",
            quoted(written),
            Ambiguity::EncodedSlash
        );
        problems.refuse(Code::ValueInvalid, written.at, message);
    }
}

/// Why a text is no method that a request could have.
fn refused_method(method: &str) -> Option<String> {
    if method == "*" {
        return Some("`*` is no method; leave `methods` out for any".into());
    }
    if !super::headers::is_token(method) {
        return Some(format!("{} is no method; write one, such as \"GET\"", quoted(method)));
    }
    let upper = method.to_ascii_uppercase();
    (upper != method && METHODS.contains(&upper.as_str())).then(|| {
        format!("methods are compared exactly, and {} is none; write `{upper}`", quoted(method))
    })
}
