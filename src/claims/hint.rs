//! What a reason adds where something is missing and something like it is there: the names of claims,
//! never their values.

use serde_json::{Map, Value};

use super::{ClaimRef, Claims};
use crate::verdict::list;

/// Claims that providers use for one thing: scopes, the client, roles, who the caller is.
const FAMILIES: [&[&str]; 4] = [
    &["scp", "scope", "scopes"],
    &["client_id", "azp", "cid", "appid"],
    &["roles", "groups", "role", "group"],
    &["sub", "uid", "oid"],
];
/// Most likely claims that are named.
const MOST: usize = 3;
/// How many members of an object are looked into, and how deep objects may be nested.
const MEMBERS: usize = 64;
const DEPTH: usize = 3;

/// Audiences that tokens for other things have, too, with the reason.
const SHARED_AUDIENCES: [(&str, &str); 5] = [
    ("api://default", "every client that Okta's default server serves gets it"),
    ("account", "Keycloak puts it into nearly every user's token"),
    ("https://graph.microsoft.com", "it is Microsoft Graph's own"),
    ("00000003-0000-0000-c000-000000000000", "it is Microsoft Graph's own"),
    ("00000002-0000-0000-c000-000000000000", "it is Azure AD Graph's own"),
];

/// Why an audience does not tell tokens for one API from others; `None` where it may.
pub fn shared(audience: &str) -> Option<&'static str> {
    let known = SHARED_AUDIENCES.iter().find(|(name, _)| *name == audience);
    if let Some((_, why)) = known {
        return Some(why);
    }
    let host = audience.strip_suffix("/userinfo").or_else(|| audience.strip_suffix("/api/v2/"));
    let host = host.and_then(|rest| rest.strip_prefix("https://"));
    host.is_some_and(|host| host.ends_with(".auth0.com"))
        .then_some("it is Auth0's own, which tokens for anything name")
}

impl Claims {
    /// The names of claims that may be what was meant by these, none of which is there: of the same
    /// family, of the same last segment elsewhere (`realm_access.roles`, `https://example.com/roles`),
    /// or of another case.
    pub(super) fn like(&self, wanted: &[&ClaimRef]) -> Vec<String> {
        let mut found = Vec::new();
        for claim in wanted {
            let last = match claim {
                ClaimRef::Name(name) => name.rsplit(['.', '/']).next().unwrap_or_default(),
                ClaimRef::Path(segments) => segments.last().map_or("", |name| name),
            };
            let family = FAMILIES.into_iter().find(|family| family.contains(&last));
            search(&self.0, &mut Vec::new(), DEPTH, (last, family.unwrap_or_default()), &mut found);
        }
        found
    }
}

/// A claim reference as a configuration may write it.
fn written(segments: &[&str]) -> String {
    match segments {
        [name] => (*name).to_owned(),
        _ if segments.iter().all(|segment| !segment.contains('.')) => segments.join("."),
        _ => format!("{segments:?}").replace('"', "'"),
    }
}

fn search<'c>(
    members: &'c Map<String, Value>,
    above: &mut Vec<&'c str>,
    depth: usize,
    wanted: (&str, &[&str]),
    found: &mut Vec<String>,
) {
    for (name, value) in members.iter().take(MEMBERS).filter(|(_, value)| !value.is_null()) {
        if found.len() >= MOST {
            return;
        }
        let bare = name.rsplit('/').next().unwrap_or_default();
        let is_like = bare.eq_ignore_ascii_case(wanted.0) || wanted.1.contains(&bare);
        above.push(name);
        if let Some(members) = value.as_object().filter(|_| depth > 1 && !is_like) {
            search(members, above, depth.saturating_sub(1), wanted, found);
        } else if is_like {
            let path = written(above);
            if !found.contains(&path) {
                found.push(path);
            }
        }
        above.pop();
    }
}

/// What a reason says of claims that are like those that are missing; nothing where there are none.
pub(super) fn meant(like: &[String]) -> String {
    if like.is_empty() { String::new() } else { format!("; was {} meant?", list(like)) }
}

/// What a reason adds to a text that is none of those accepted and almost is.
pub fn near(found: &str, accepted: &[impl AsRef<str>]) -> &'static str {
    difference(found, &accepted.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// The body of [`near`], once for whatever holds the texts. What was found, which may be long, is
/// looked through once, and not for each that is accepted.
fn difference(found: &str, accepted: &[&str]) -> &'static str {
    let any = |test: &dyn Fn(&str) -> bool| accepted.iter().any(|one| test(one));
    let host = |text: &str| {
        let (_, rest) = text.split_once("://")?;
        rest.split('/').next().map(str::to_ascii_lowercase)
    };
    let (bare, trimmed, found_host) = (found.trim_end_matches('/'), found.trim(), host(found));
    if any(&|one| one.trim_end_matches('/') == bare) {
        "; they differ by a trailing slash alone"
    } else if any(&|one| one.trim() == trimmed) {
        "; they differ by a space alone"
    } else if any(&|one| one.trim_end_matches('/').eq_ignore_ascii_case(bare)) {
        "; they differ in upper and lower case alone"
    } else if found_host.is_some() && any(&|one| host(one) == found_host) {
        "; the host is the same: they are two authorization servers, or two APIs, of one host"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_like_the_one_that_is_missing_is_named() {
        // wanted, payload, named
        let cases: [(&str, &str, &[&str]); 10] = [
            ("scope", r#"{"scp":["a"]}"#, &["scp"]),
            ("scp", r#"{"scope":"a"}"#, &["scope"]),
            ("roles", r#"{"realm_access":{"roles":["a"]}}"#, &["realm_access.roles"]),
            ("roles", r#"{"https://example.com/roles":["a"]}"#, &["https://example.com/roles"]),
            ("a.roles", r#"{"https://b.c/d":{"roles":[]}}"#, &["['https://b.c/d', 'roles']"]),
            ("realm_access.roles", r#"{"groups":["a"]}"#, &["groups"]),
            ("Department", r#"{"department":"a"}"#, &["department"]),
            ("cid", r#"{"azp":"a","client_id":null}"#, &["azp"]),
            ("roles", r#"{"a":{"b":{"c":{"roles":[]}}}}"#, &[]),
            ("tier", r#"{"sub":"a","level":"1"}"#, &[]),
        ];
        for (wanted, payload, named) in cases {
            let claims = Claims::parse(payload.as_bytes()).expect("claims");
            assert_eq!(
                claims.like(&[&ClaimRef::Name(wanted.into())]),
                *named,
                "{wanted} {payload}"
            );
        }
    }

    #[test]
    fn what_is_almost_the_same_is_told_apart() {
        let cases = [
            ("https://a.example/", "https://a.example", "slash"),
            ("https://a.example", "https://a.example//", "slash"),
            ("https://A.example", "https://a.example", "case"),
            ("api ", "api", "space"),
            ("https://a.example/x", "https://a.example/y", "host"),
            ("https://a.example", "https://b.example", ""),
            ("api", "other", ""),
        ];
        for (found, accepted, word) in cases {
            let told = near(found, &[accepted]);
            assert_eq!(told.is_empty(), word.is_empty(), "{found} {accepted}: {told}");
            assert!(told.contains(word), "{found} {accepted}: {told}");
        }
    }
}
