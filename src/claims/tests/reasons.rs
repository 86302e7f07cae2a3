//! What the operator is told about a refusal.

use std::time::Duration;

use super::judging::{judge, strict};
use super::*;

#[test]
fn a_reason_names_what_was_found_and_what_was_wanted() {
    let wanted = Requirements {
        clients: Some(vec!["app".into()]),
        types: Some(vec!["at+jwt".into()]),
        max_lifetime: Some(Duration::from_secs(90)),
        clock_skew: Duration::from_millis(1500),
        ..strict()
    };
    let app = ("cid", r#""app""#);
    let cases: &[(&str, Option<&str>, &[(&str, &str)], &str)] = &[
        ("a type", Some("JWT"), &[], "the header's `typ` is `jwt`; accepted: `at+jwt`"),
        ("no type", None, &[], "the header has no `typ`; accepted: `at+jwt`"),
        (
            "an issuer",
            Some("at+jwt"),
            &[("iss", r#""https://x\n""#)],
            "the claim `iss` is `https://x\\u{a}`; accepted: `https://idp.example`, \
             `https://other.example/`",
        ),
        (
            "audiences",
            Some("at+jwt"),
            &[("aud", r#"["a","b"]"#)],
            "the claim `aud` is `a`, `b`; accepted: `api`, `api://default`",
        ),
        (
            "an audience that is almost right",
            Some("at+jwt"),
            &[("aud", r#"["a","API://default/"]"#)],
            "the claim `aud` is `a`, `API://default/`; accepted: `api`, `api://default`; they differ \
             in upper and lower case alone",
        ),
        (
            "a client",
            Some("at+jwt"),
            &[("cid", r#""web""#)],
            "the claim `cid` is `web`; accepted: `app`",
        ),
        (
            "no client",
            Some("at+jwt"),
            &[],
            "there is no claim `client_id`, `cid`; the token has `aud`, `exp`, `iat`, `iss`, \
             `sub`; accepted: `app`",
        ),
        (
            "an expiry",
            Some("at+jwt"),
            &[app, ("exp", "999990.5")],
            "the claim `exp` is 999990.500 (1970-01-12T13:46:30Z, 9s ago), the time is 1000000 \
             (1970-01-12T13:46:40Z), the skew 1.500 s; they are 9.500 s apart",
        ),
        (
            "an expiry long ago",
            Some("at+jwt"),
            &[app, ("exp", "900000")],
            "the claim `exp` is 900000 (1970-01-11T10:00:00Z, 1d 3h ago), the time is 1000000 \
             (1970-01-12T13:46:40Z), the skew 1.500 s; they are 100000 s apart: is this \
             machine's clock right?",
        ),
        (
            "a beginning that is still to come",
            Some("at+jwt"),
            &[app, ("exp", "1000090"), ("nbf", "1000062")],
            "the claim `nbf` is 1000062 (1970-01-12T13:47:42Z, in 1m 2s), the time is 1000000 \
             (1970-01-12T13:46:40Z), the skew 1.500 s; they are 62 s apart",
        ),
        (
            "an expiry in milliseconds",
            Some("at+jwt"),
            &[app, ("exp", "1798761600000")],
            "the claim `exp` is 1798761600000, which is after the year 9999; it looks like \
             milliseconds; a date is a number of seconds",
        ),
        (
            "an expiry of nines",
            Some("at+jwt"),
            &[app, ("exp", "999999999999")],
            "the claim `exp` is 999999999999, which is after the year 9999; a date is a number of \
             seconds",
        ),
        (
            "a string for a number",
            Some("at+jwt"),
            &[app, ("exp", r#""1000100""#)],
            "the claim `exp` is a string, not a number of seconds",
        ),
        (
            "a long life",
            Some("at+jwt"),
            &[app],
            "`exp` − `iat` is 200 s; at most 90 s are accepted",
        ),
        (
            "a binding",
            Some("at+jwt"),
            &[
                app,
                ("iat", "1000050"),
                ("iat", "1000000"),
                ("exp", "1000090"),
                ("cnf", r#"{"jkt":"x"}"#),
            ],
            "the claim `cnf` is an object with `jkt`: its proof cannot be checked",
        ),
        (
            "an identity",
            Some("at+jwt"),
            &[
                app,
                ("exp", "1000010"),
                ("iat", "1000000"),
                ("sub", "(missing)"),
                ("email", r#""secret""#),
            ],
            "there is no claim `uid`, `sub`; the token has `aud`, `cid`, `email`, `exp`, `iat`, \
             `iss`",
        ),
    ];
    for (case, typ, changes, expected) in cases {
        let refusal = judge(*typ, changes, &wanted).expect_err(case);
        assert_eq!(refusal.reason, *expected, "{case}");
    }
}

#[test]
fn a_reason_stays_short_whatever_the_token_holds() {
    let many = format!("[{}\"x\"]", format!("\"{}\",", "y".repeat(500)).repeat(1000));
    let refusal = judge(None, &[("aud", &many)], &strict()).expect_err("another audience");
    assert!(refusal.reason.len() < 1500, "{} bytes", refusal.reason.len());
    assert!(refusal.reason.contains("989 more"), "{}", refusal.reason);
    assert!(!refusal.reason.contains(char::is_control));
}

#[test]
fn an_audience_that_tokens_for_anything_have_is_never_proposed() {
    let cases = [
        (r#""account""#, "Keycloak"),
        (r#"["realm-management","account"]"#, "Keycloak"),
        (r#""https://example.eu.auth0.com/userinfo""#, "Auth0"),
        (r#""00000003-0000-0000-c000-000000000000""#, "Microsoft Graph"),
        (r#""orders""#, ""),
        (r#"["accounts"]"#, ""),
    ];
    for (audience, whose) in cases {
        let refusal = judge(None, &[("aud", audience)], &strict()).expect_err(audience);
        assert_eq!(refusal.deny, Deny::TokenAudienceMismatch, "{audience}");
        let remedy = refusal.remedy();
        assert_eq!(
            remedy.contains("add the token's `aud`"),
            whose.is_empty(),
            "{audience}: {remedy}"
        );
        for words in [whose, "audience mapper", "`providers.*.clients`"] {
            assert!(whose.is_empty() || remedy.contains(words), "{audience}: {remedy}");
        }
    }
}
