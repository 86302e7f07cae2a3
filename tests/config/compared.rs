//! What an API compares with requests, and what is wrong with it.

use tollgate::api::{Compared, Comparison, HostPattern, Label, Spot};
use tollgate::claims::{ClaimRef, Rule, Test};
use tollgate::config::Code;

use super::{accepted, codes, refused};

/// SHA-256 of nothing in particular.
const HASH: &str = "00ff0123456789abcdef0000000000000000000000000000000000000000001f";

/// A configuration with an issuer, one that has two, one for any, a list of keys, and, behind an API
/// for them all, one with these members.
fn api(auth: &str, members: &str) -> String {
    let jwks = r#""jwks": {"url": "https://x.example/keys", "cluster": "idp"}"#;
    let issuer =
        |issuer: &str, rest: &str| format!(r#"{{{issuer}, "audiences": ["api"], {jwks}{rest}}}"#);
    let okta = issuer(
        r#""issuer": "https://okta.example""#,
        r#", "from": [{"header": "x-token"}, {"query": "token"}], "upstream": {"headers": {"x-user": "sub"}}"#,
    );
    let two = issuer(r#""issuer": ["https://a.example", "https://b.example"]"#, "");
    let any = issuer(r#""any_issuer": true"#, "");
    format!(
        r#"{{"providers": {{"okta": {okta}, "two": {two}, "any": {any}, "keys": {{"kind": "api_key", "from": [{{"header": "x-key"}}],
"keys": [{{"name": "k", "identity": "i", "sha256": "{HASH}"}}]}}}},
"apis": [{{"name": "rest", "match": {{"paths": ["/rest"]}}, "auth": ["okta", "two", "any", "keys"]}},
{{"name": "a", "auth": {auth}, {members}}}]}}"#
    )
}

const MATCH: &str = r#""match": {"hosts": ["{tenant}.example.com"], "paths": ["/users/{id}/**"]}"#;

/// The API with its `match` and these rules.
fn rules(rules: &str) -> String {
    api(r#"["okta"]"#, &format!("{MATCH},\n\"require\": [{rules}]"))
}

#[test]
fn what_is_compared_is_what_is_meant() {
    let text = rules(
        r#"{"claim": "sub", "matches": {"path": "id"}}, {"claim": ["org", "id"], "matches": {"host": "tenant"}},
{"session": "identity", "matches": {"header": "X-User-Id"}}, {"claim": "roles", "contains_any": ["a"]},
{"claim": "sub", "matches": {"query": "user.id"}}"#,
    );
    let config = accepted(&text);
    assert_eq!(config.warnings, []);
    let api = &config.apis[1];
    let sub = || Compared::Claim(ClaimRef::Name("sub".into()));
    let org = Compared::Claim(ClaimRef::Path(vec!["org".into(), "id".into()]));
    let all = [
        (sub(), Spot::Path("id".into())),
        (org, Spot::Host("tenant".into())),
        (Compared::Identity, Spot::Header("x-user-id".into())),
        (sub(), Spot::Query("user.id".into())),
    ];
    assert_eq!(api.comparisons, all.map(|(compared, with)| Comparison { compared, with }));
    let test = Test::ContainsAny(vec!["a".into()]);
    assert_eq!(api.rules, [Rule { claim: ClaimRef::Name("roles".into()), test }]);
    let labels = vec![
        Label::Named("tenant".into()),
        Label::Literal("example".into()),
        Label::Literal("com".into()),
    ];
    assert_eq!(api.matcher.hosts, [HostPattern::Labels { open: false, labels }]);
}

#[test]
fn a_comparison_is_refused_with_everything_that_is_wrong_in_it() {
    const PART: &str =
        ".matches: name exactly one part of the request: `header`, `path`, `host` or `query`";
    const NOTHING: &str =
        r#".session: asks nothing of the identity; add "matches": {"path": "id"} or the like"#;
    const READS: &str =
        "this is where it reads its credential; compare another part of the request";
    const ALIKE: &str = "is no name that every server reads alike: visible ASCII without []&=;#+%?, decoded; put the value into the path or a header";
    const ONCE: &str = "write it there once, or give that pattern an API of its own";
    let cases = [
        // name, rule, what is said behind the rule's place
        ("nothing", "{}", r#".claim: missing; name the claim, such as "department""#.to_owned()),
        ("no part", r#"{"claim": "a", "matches": {}}"#, PART.into()),
        ("two parts", r#"{"claim": "a", "matches": {"path": "id", "host": "tenant"}}"#, PART.into()),
        (
            "two tests",
            r#"{"claim": "a", "matches": {"path": "id"}, "in": ["b"]}"#,
            ": asks several things of one claim; write an element of the list for each".into(),
        ),
        (
            "claim and session",
            r#"{"claim": "a", "session": "identity", "matches": {"path": "id"}}"#,
            ".session: a claim is asked for, too; delete one of the two".into(),
        ),
        ("nothing of the identity", r#"{"session": "identity"}"#, NOTHING.into()),
        ("a list of identities", r#"{"session": "identity", "in": ["alice"]}"#, NOTHING.into()),
        (
            "braces",
            r#"{"claim": "a", "matches": {"path": "{id}"}}"#,
            ".matches.path: the name stands without braces here; write `id`".into(),
        ),
        (
            "another segment",
            r#"{"claim": "a", "matches": {"path": "user"}}"#,
            format!(".matches.path: `/users/{{id}}/**` of `match.paths` has no `{{user}}`; {ONCE}"),
        ),
        (
            "a label as a segment",
            r#"{"claim": "a", "matches": {"path": "tenant"}}"#,
            format!(".matches.path: `/users/{{id}}/**` of `match.paths` has no `{{tenant}}`; {ONCE}"),
        ),
        (
            "another label",
            r#"{"claim": "a", "matches": {"host": "Tenant"}}"#,
            format!(".matches.host: `{{tenant}}.example.com` of `match.hosts` has no `{{Tenant}}`; {ONCE}"),
        ),
        (
            "an empty name",
            r#"{"claim": "a", "matches": {"path": ""}}"#,
            ".matches.path: an empty string; write a value, or leave it out".into(),
        ),
        (
            "a pseudo-header",
            r#"{"claim": "a", "matches": {"header": ":path"}}"#,
            ".matches.header: `:path` is a pseudo-header; name an ordinary header".into(),
        ),
        (
            "the host as a header",
            r#"{"claim": "a", "matches": {"header": "Host"}}"#,
            ".matches.header: `host` belongs to the connection; name another header".into(),
        ),
        (
            "cookies",
            r#"{"claim": "a", "matches": {"header": "cookie"}}"#,
            ".matches.header: `cookie` holds many values at once; name a header that holds one".into(),
        ),
        (
            "one of our own",
            r#"{"claim": "a", "matches": {"header": "x_tollgate_identity"}}"#,
            ".matches.header: `x_tollgate_identity` is reserved: `x-tollgate-*` from clients is always removed; name another header".into(),
        ),
        (
            "a credential",
            r#"{"claim": "a", "matches": {"header": "x.token"}}"#,
            format!(".matches.header: in the eyes of provider `okta` {READS}"),
        ),
        (
            "a credential of another API",
            r#"{"claim": "a", "matches": {"header": "x-key"}}"#,
            format!(".matches.header: in the eyes of provider `keys` {READS}"),
        ),
        (
            "a credential in the query",
            r#"{"claim": "a", "matches": {"query": "Token"}}"#,
            format!(".matches.query: in the eyes of provider `okta` {READS}"),
        ),
        (
            "a header that is written",
            r#"{"claim": "a", "matches": {"header": "x_user"}}"#,
            ".matches.header: in the eyes of provider `okta` this is a header that it writes: what the caller sends there is removed; compare another part of the request".into(),
        ),
        (
            "brackets",
            r#"{"claim": "a", "matches": {"query": "user[]"}}"#,
            format!(".matches.query: `user[]` {ALIKE}"),
        ),
        (
            "an encoded name",
            r#"{"claim": "a", "matches": {"query": "user%5F"}}"#,
            format!(".matches.query: `user%5F` {ALIKE}"),
        ),
    ];
    for (name, rule, what) in cases {
        let found = refused(&rules(rule));
        let [problem] = &*found else { panic!("{name}: {found:?}") };
        let expected = format!(" apis[1].require[0]{what}");
        assert!(problem.ends_with(&expected), "{name}: {problem}\n{expected}");
    }
    let found = refused(&rules(r#"{"session": "client", "matches": {"path": "id"}}"#));
    assert!(found.len() == 1 && found[0].contains(".session: unknown value `client`"), "{found:?}");
}

#[test]
fn each_pattern_has_the_name_once() {
    let require = r#""require": [{"claim": "sub", "matches": {"path": "id"}}, {"claim": "sub", "matches": {"host": "t"}}]"#;
    let missing = [
        "[0].matches.path: this API has no `match.paths`, so nothing in them has this name; write them, with `{id}` where the value stands",
        "[1].matches.host: this API has no `match.hosts`, so nothing in them has this name; write them, with `{t}` where the value stands",
    ];
    let several = [
        "[0].matches.path: `/a/*` of `match.paths` has no `{id}`; write it there once, or give that pattern an API of its own",
        "[0].matches.path: `/{id}/{id}` of `match.paths` has more than one `{id}`; write it there once, or give that pattern an API of its own",
        "[1].matches.host: `*.x` of `match.hosts` has no `{t}`; write it there once, or give that pattern an API of its own",
        "[1].matches.host: `{t}.{t}` of `match.hosts` has more than one `{t}`; write it there once, or give that pattern an API of its own",
    ];
    let cases: &[(&str, &[&str])] = &[
        ("", &missing),
        (r#""match": {"methods": ["GET"]}, "#, &missing),
        (
            r#""match": {"paths": ["/{id}", "/a/*", "/{id}/{id}"], "hosts": ["{t}.x", "*.x", "{t}.{t}"]}, "#,
            &several,
        ),
    ];
    for (matches, expected) in cases {
        let mut found = refused(&api(r#"["okta"]"#, &format!("{matches}{require}")));
        found.sort_by_key(|line| line.split("require").nth(1).map(str::to_owned));
        assert_eq!(found.len(), expected.len(), "{matches}: {found:#?}");
        for expected in *expected {
            assert!(found.iter().any(|line| line.ends_with(expected)), "{found:#?}\n{expected}");
        }
    }
    // A name that nothing compares may be there as often as one likes.
    let twice = api(r#"["okta"]"#, r#""match": {"paths": ["/{id}/{id}"], "hosts": ["{t}.{t}"]}"#);
    assert_eq!(accepted(&twice).warnings, []);
}

#[test]
fn api_keys_may_come_where_only_their_identity_is_compared() {
    let identity = r#"{"session": "identity", "matches": {"path": "id"}}"#;
    let claim = r#"{"claim": "sub", "matches": {"path": "id"}}"#;
    let with = |auth: &str, rules: &[&str]| {
        api(auth, &format!("{MATCH},\n\"require\": [{}]", rules.join(", ")))
    };
    assert_eq!(accepted(&with(r#"["keys"]"#, &[identity, identity])).warnings, []);
    for rules in [&[identity, claim][..], &[claim], &[identity, r#"{"claim": "roles"}"#]] {
        let found = refused(&with(r#"["keys"]"#, rules));
        assert!(
            found.len() == 1 && found[0].contains("`require` is asked of a token"),
            "{found:?}"
        );
    }
    for rules in [&[identity][..], &[claim]] {
        let found = refused(&with(r#""none""#, rules));
        assert!(
            found.len() == 1 && found[0].contains("has no meaning on an API with"),
            "{found:?}"
        );
    }
}

#[test]
fn whoever_shares_names_is_warned_of_once() {
    let (shared, none) = (&[Code::CallersShareNames][..], &[][..]);
    let cases = [
        (r#"["okta"]"#, "", none),
        (r#"["two"]"#, "", shared),
        (r#"["any"]"#, "", shared),
        (r#"["keys"]"#, "", none),
        (r#"["okta", "keys"]"#, "", shared),
        (r#"[["okta", "keys"]]"#, r#""session_from": "okta", "#, none),
        (r#"[["okta", "keys"], ["two", "keys"]]"#, r#""session_from": "keys", "#, none),
        (r#"[["okta", "keys"], ["two", "keys"]]"#, r#""session_from": ["okta", "two"], "#, shared),
    ];
    let identity = r#"{"session": "identity", "matches": {"path": "id"}}"#;
    for (auth, members, expected) in cases {
        let text = api(auth, &format!("{members}{MATCH}, \"require\": [{identity}, {identity}]"));
        assert_eq!(codes(&accepted(&text)), expected, "{auth} {members}");
        // Who compares nothing is not warned.
        let text = api(auth, &format!("{members}{MATCH}"));
        assert_eq!(codes(&accepted(&text)), [], "{auth} {members}");
    }
    let text = rules(identity).replace(r#""name": "a","#, r#""name": "a", "optional": true,"#);
    assert_eq!(codes(&accepted(&text)), [Code::OptionalEscapesDemands]);
}

#[test]
fn a_provider_compares_nothing_with_requests() {
    for rule in [
        r#"{"claim": "sub", "matches": {"path": "id"}}"#,
        r#"{"session": "identity", "matches": {"path": "id"}}"#,
    ] {
        let text = api(r#"["okta"]"#, MATCH);
        let text = text.replacen(r#""jwks""#, &format!("\"require\": [{rule}], \"jwks\""), 1);
        let found = refused(&text);
        assert!(found.len() == 1 && found[0].contains("providers.okta.require[0]."), "{found:?}");
        assert!(found[0].ends_with("write this into `apis[].require`"), "{found:?}");
    }
}
