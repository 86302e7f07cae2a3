//! What the registered claims of a token are refused for.

use std::time::Duration;

use super::*;
use crate::time::UnixMillis;
use crate::trace::Trace;

/// The second at which everything here is judged.
const NOW: u64 = 1_000_000;

/// What the tables below demand, unless they say otherwise: no skew, so that seconds count.
pub(super) fn strict() -> Requirements {
    let names = |all: &[&str]| all.iter().map(|&one| ClaimRef::Name(one.into())).collect();
    Requirements {
        issuers: Some(vec!["https://idp.example".into(), "https://other.example/".into()]),
        audiences: Some(vec!["api".into(), "api://default".into()]),
        clients: None,
        types: None,
        allow_id_tokens: false,
        allow_no_expiry: false,
        introspected: false,
        ignore_binding: false,
        clock_skew: Duration::ZERO,
        max_lifetime: None,
        identity: names(&["uid", "sub"]),
        client: names(&["client_id", "cid"]),
        scopes: names(&["scp", "scope"]),
        policies: Vec::new(),
        rules: Vec::new(),
    }
}

/// A payload that is right in every way, with these members changed; `null` is written as such,
/// `(missing)` takes a member away.
fn payload(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("iss", r#""https://idp.example""#),
        ("sub", r#""alice""#),
        ("aud", r#""api""#),
        ("exp", "1000100"),
        ("iat", "999900"),
    ];
    for &(name, value) in changes {
        members.retain(|(found, _)| *found != name);
        if value != "(missing)" {
            members.push((name, value));
        }
    }
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn judge(
    typ: Option<&str>,
    changes: &[(&str, &str)],
    requirements: &Requirements,
) -> Result<Judged, Refusal> {
    claims(&payload(changes)).judge(
        typ,
        requirements,
        UnixMillis::from_secs(NOW),
        &mut Trace::default(),
    )
}

type Row<'a> = (&'a str, &'a str, &'a str, Result<(), Deny>);

/// Judges one changed claim per row.
fn check(rows: &[Row<'_>], requirements: &Requirements) {
    for (case, claim, value, expected) in rows {
        let verdict = judge(None, &[(claim, value)], requirements).map(drop);
        assert_eq!(verdict.map_err(|refusal| refusal.deny), *expected, "{case}: {claim} = {value}");
    }
}

#[test]
fn a_token_that_is_right_says_who_comes() {
    let judged = judge(Some("at+jwt"), &[("cid", r#""app""#), ("auth_time", "999000")], &strict());
    assert_eq!(
        judged,
        Ok(Judged {
            identity: "alice".into(),
            client: ClientClaim::Is("app".into()),
            issuer: Some("https://idp.example".into()),
            expires: Some(UnixMillis::from_secs(1_000_100)),
            authenticated_at: Some(UnixMillis::from_secs(999_000)),
        })
    );
}

#[test]
fn the_time_of_authentication_is_known_or_it_is_not() {
    let cases: &[(&str, &[(&str, &str)], Option<u64>)] = &[
        ("`auth_time` before `iat`", &[("auth_time", "5")], Some(5)),
        ("`iat` where there is no `auth_time`", &[], Some(999_900)),
        ("`iat` where it is null", &[("auth_time", "null")], Some(999_900)),
        ("neither", &[("iat", "(missing)")], None),
        ("a wrong type falls back to nothing", &[("auth_time", r#""5""#)], None),
        ("so does one in milliseconds", &[("auth_time", "1798761600000")], None),
        ("so does one beyond all dates", &[("auth_time", "1e300")], None),
    ];
    for (case, changes, expected) in cases {
        let judged = judge(None, changes, &strict()).expect(case);
        assert_eq!(judged.authenticated_at, expected.map(UnixMillis::from_secs), "{case}");
    }
}

#[test]
fn a_token_expires_on_its_second() {
    const LATE: Result<(), Deny> = Err(Deny::TokenExpired);
    const WRONG: Result<(), Deny> = Err(Deny::TokenClaimMalformed);
    let rows: &[Row<'_>] = &[
        ("one second left", "exp", "1000001", Ok(())),
        ("D01 expired", "exp", "999999", LATE),
        ("D01 on the expiry second", "exp", "1000000", LATE),
        ("D02 a string", "exp", r#""1000100""#, WRONG),
        ("D02 null", "exp", "null", WRONG),
        ("D02 a boolean", "exp", "true", WRONG),
        ("D02 an array", "exp", "[1000100]", WRONG),
        ("D02 an object", "exp", "{}", WRONG),
        ("D03 a fraction that is left", "exp", "1000000.25", Ok(())),
        ("D03 a fraction that is over", "exp", "999999.999", LATE),
        ("D03 an exponent", "exp", "1.9e9", Ok(())),
        ("D03 an exponent that is over", "exp", "1.0e5", LATE),
        ("D04 2^31", "exp", "2147483648", Ok(())),
        ("D04 the last second of the year 9999", "exp", "253402300799", Ok(())),
        ("D04 a part of that second", "exp", "253402300799.999", Ok(())),
        ("D04 the first of the year 10000", "exp", "253402300800", WRONG),
        ("D04 milliseconds", "exp", "1798761600000", WRONG),
        ("D04 milliseconds with an exponent", "exp", "1.7987616e12", WRONG),
        ("D04 2^53 + 1", "exp", "9007199254740993", WRONG),
        ("D04 2^63", "exp", "9223372036854775808", WRONG),
        ("D04 2^64 - 1", "exp", "18446744073709551615", WRONG),
        ("D04 2^64", "exp", "18446744073709551616", WRONG),
        ("D04 far beyond", "exp", "1e30", WRONG),
        ("D05 negative", "exp", "-5", LATE),
        ("D05 the lowest integer", "exp", "-9223372036854775808", LATE),
        ("D05 far before", "exp", "-1e30", LATE),
        ("D05 zero", "exp", "0", LATE),
        ("D05 minus zero", "exp", "-0", LATE),
        ("D05 minus zero with a fraction", "exp", "-0.0", LATE),
        ("D06 in milliseconds", "exp", "1000100000", Ok(())),
        ("D07 missing", "exp", "(missing)", Err(Deny::TokenExpiryMissing)),
    ];
    check(rows, &strict());
    check(
        &[
            ("D07 missing, which is allowed", "exp", "(missing)", Ok(())),
            ("D07 wrong, which is not", "exp", "null", WRONG),
            ("D07 over, which is not", "exp", "1000000", LATE),
        ],
        &Requirements { allow_no_expiry: true, ..strict() },
    );
}

#[test]
fn one_skew_counts_at_every_end() {
    let rows: &[Row<'_>] = &[
        ("D01 inside the skew", "exp", "999941", Ok(())),
        ("D01 on its end", "exp", "999940", Err(Deny::TokenExpired)),
        ("D01 a millisecond before its end", "exp", "999940.001", Ok(())),
        ("D08 on the skew", "nbf", "1000060", Ok(())),
        ("D08 past the skew", "nbf", "1000061", Err(Deny::TokenNotYetValid)),
        ("D09 on the skew", "iat", "1000060", Ok(())),
        ("D09 past the skew", "iat", "1000061", Err(Deny::TokenIssuedInFuture)),
    ];
    check(rows, &Requirements { clock_skew: Duration::from_secs(60), ..strict() });
}

#[test]
fn a_skew_at_the_beginning_of_time_does_not_wrap() {
    let claims = claims(&payload(&[("exp", "1"), ("iat", "0"), ("nbf", "0")]));
    let requirements = Requirements { clock_skew: Duration::from_secs(60), ..strict() };
    let judge = |now| claims.judge(None, &requirements, now, &mut Trace::default());
    assert!(judge(UnixMillis::new(0)).is_ok());
    assert!(judge(UnixMillis::MAX).is_err());
}

#[test]
fn a_token_is_valid_from_its_second_on() {
    const EARLY: Result<(), Deny> = Err(Deny::TokenNotYetValid);
    const WRONG: Result<(), Deny> = Err(Deny::TokenClaimMalformed);
    let future = Err(Deny::TokenIssuedInFuture);
    let rows: &[Row<'_>] = &[
        ("D08 on the second", "nbf", "1000000", Ok(())),
        ("D08 a second early", "nbf", "1000001", EARLY),
        ("D08 a millisecond early", "nbf", "1000000.001", EARLY),
        ("D08 the end of the year 9999", "nbf", "253402300799", EARLY),
        ("D08 in milliseconds", "nbf", "1798761600000", WRONG),
        ("D08 the largest number", "nbf", "18446744073709551615", WRONG),
        ("D08 beyond the largest number", "nbf", "1e300", WRONG),
        ("D08 long ago", "nbf", "-1", Ok(())),
        ("D08 a string", "nbf", r#""0""#, WRONG),
        ("D08 null", "nbf", "null", WRONG),
        ("D09 issued now", "iat", "1000000", Ok(())),
        ("D09 issued a second from now", "iat", "1000001", future),
        ("D09 issued at the end of the year 9999", "iat", "253402300799", future),
        ("D09 issued in milliseconds", "iat", "1798761600000", WRONG),
        ("D09 issued at the end of time", "iat", "18446744073709551615", WRONG),
        ("D09 a string", "iat", r#""0""#, WRONG),
        ("D09 null", "iat", "null", WRONG),
        ("D09 missing", "iat", "(missing)", Ok(())),
    ];
    check(rows, &strict());
}

#[test]
fn a_longest_life_is_counted_from_issue_or_from_now() {
    const LONG: Result<(), Deny> = Err(Deny::TokenLifetimeExceeded);
    let hour = Requirements { max_lifetime: Some(Duration::from_hours(1)), ..strict() };
    let rows: &[Row<'_>] = &[
        ("an hour after issue", "exp", "1003500", Ok(())),
        ("a second more", "exp", "1003501", LONG),
        ("a millisecond more", "exp", "1003500.001", LONG),
        ("D04 the end of the year 9999", "exp", "253402300799", LONG),
        ("D06 in milliseconds", "exp", "1000100000", LONG),
        ("D10 a hundred years", "exp", "3154600000", LONG),
        ("no end at all", "exp", "(missing)", Err(Deny::TokenExpiryMissing)),
    ];
    check(rows, &hour);
    check(&rows[6..], &Requirements { allow_no_expiry: true, ..hour.clone() });
    let without_issue = |exp| judge(None, &[("iat", "(missing)"), ("exp", exp)], &hour).map(drop);
    assert_eq!(without_issue("1003600"), Ok(()));
    let refusal = without_issue("1003601").expect_err("a second more");
    assert_eq!(refusal.deny, Deny::TokenLifetimeExceeded);

    let skewed = Requirements { clock_skew: Duration::from_secs(60), ..hour };
    let backwards = judge(None, &[("iat", "1000010"), ("exp", "1000005")], &skewed);
    let refusal = backwards.expect_err("D10 expires before it is issued");
    assert_eq!(refusal.deny, Deny::TokenLifetimeExceeded);
}

#[test]
fn an_issuer_is_compared_byte_for_byte() {
    const UNKNOWN: Result<(), Deny> = Err(Deny::TokenIssuerUnknown);
    const WRONG: Result<(), Deny> = Err(Deny::TokenClaimMalformed);
    let rows: &[Row<'_>] = &[
        ("the first", "iss", r#""https://idp.example""#, Ok(())),
        ("the second", "iss", r#""https://other.example/""#, Ok(())),
        ("D11 missing", "iss", "(missing)", UNKNOWN),
        ("D11 null", "iss", "null", UNKNOWN),
        ("D11 an array", "iss", r#"["https://idp.example"]"#, WRONG),
        ("D11 a number", "iss", "1", WRONG),
        ("D12 a slash more", "iss", r#""https://idp.example/""#, UNKNOWN),
        ("D12 a slash less", "iss", r#""https://other.example""#, UNKNOWN),
        ("D12 upper case", "iss", r#""https://IDP.example""#, UNKNOWN),
        ("D12 longer", "iss", r#""https://idp.example.evil""#, UNKNOWN),
        ("D12 shorter", "iss", r#""https://idp""#, UNKNOWN),
        ("D12 a part", "iss", r#""idp.example""#, UNKNOWN),
        ("D12 NUL behind it", "iss", r#""https://idp.example\u0000""#, UNKNOWN),
        ("D12 empty", "iss", r#""""#, UNKNOWN),
    ];
    check(rows, &strict());
    let any: &[Row<'_>] = &[
        ("any issuer", "iss", r#""https://evil.example""#, Ok(())),
        ("no issuer where any will do", "iss", "(missing)", Ok(())),
        ("an issuer of a wrong type where any will do", "iss", "1", WRONG),
    ];
    check(any, &Requirements { issuers: None, ..strict() });
}

#[test]
fn an_audience_is_one_whole_string() {
    const OTHER: Result<(), Deny> = Err(Deny::TokenAudienceMismatch);
    const WRONG: Result<(), Deny> = Err(Deny::TokenClaimMalformed);
    let many = format!("[{}\"api\"]", r#""x","#.repeat(10_000));
    let rows: &[Row<'_>] = &[
        ("a string", "aud", r#""api://default""#, Ok(())),
        ("D15 missing", "aud", "(missing)", OTHER),
        ("D15 null", "aud", "null", OTHER),
        ("D15 an empty array", "aud", "[]", OTHER),
        ("D15 an empty string", "aud", r#""""#, OTHER),
        ("D15 a number", "aud", "1", WRONG),
        ("D15 an object", "aud", r#"{"api":true}"#, WRONG),
        ("D15 an array in an array", "aud", r#"[["api"]]"#, WRONG),
        ("D15 ours beside a number", "aud", r#"["api",1]"#, WRONG),
        ("D16 first of an array", "aud", r#"["api","x"]"#, Ok(())),
        ("D16 last of an array", "aud", r#"["x","y","api"]"#, Ok(())),
        ("D17 a part of it", "aud", r#""ap""#, OTHER),
        ("D17 longer", "aud", r#""apis""#, OTHER),
        ("D17 in upper case", "aud", r#""API""#, OTHER),
        ("D17 joined by a comma", "aud", r#""other,api""#, OTHER),
        ("D17 joined by a space", "aud", r#""other api""#, OTHER),
        ("D18 last of ten thousand", "aud", &many, Ok(())),
        ("D19 a client's id", "aud", r#""0oa1""#, OTHER),
    ];
    check(rows, &strict());
    let any: &[Row<'_>] = &[
        ("no audience where none is asked for", "aud", "(missing)", Ok(())),
        ("a wrong type where none is asked for", "aud", "1", Ok(())),
    ];
    check(any, &Requirements { audiences: None, ..strict() });
}

#[test]
fn a_client_is_judged_where_clients_are_named() {
    let wanted = Requirements { clients: Some(vec!["0oa1".into(), "0oa2".into()]), ..strict() };
    let rows: &[Row<'_>] = &[
        ("one of them", "cid", r#""0oa2""#, Ok(())),
        ("another", "cid", r#""0oa3""#, Err(Deny::TokenClientRefused)),
        ("a part of one", "cid", r#""0oa""#, Err(Deny::TokenClientRefused)),
        ("empty", "cid", r#""""#, Err(Deny::TokenClientRefused)),
        ("missing", "cid", "(missing)", Err(Deny::TokenClientRefused)),
        ("null", "cid", "null", Err(Deny::TokenClientRefused)),
        ("a number", "cid", "1", Err(Deny::TokenClaimMalformed)),
        ("an array with one of them", "cid", r#"["0oa1"]"#, Err(Deny::TokenClaimMalformed)),
        ("of another claim", "azp", r#""0oa1""#, Err(Deny::TokenClientRefused)),
    ];
    check(rows, &wanted);
    check(&[("a wrong type that nobody asks for", "cid", "1", Ok(()))], &strict());
    let both = [("client_id", r#""web""#), ("cid", r#""0oa1""#)];
    let refusal = judge(None, &both, &wanted).expect_err("the first claim decides");
    assert_eq!(refusal.deny, Deny::TokenClientRefused);
}

#[test]
fn tokens_of_another_kind_are_refused_by_their_header() {
    const REFUSED: Result<(), Deny> = Err(Deny::TokenTypeRefused);
    let rows: &[(&str, Option<&str>, Result<(), Deny>, Result<(), Deny>)] = &[
        // name, typ, where no type is asked for, where at+jwt is
        ("none", None, Ok(()), REFUSED),
        ("a JWT of no kind", Some("JWT"), Ok(()), REFUSED),
        ("empty", Some(""), Ok(()), REFUSED),
        ("B25 an access token", Some("at+jwt"), Ok(()), Ok(())),
        ("B25 in upper case", Some("AT+JWT"), Ok(()), Ok(())),
        ("B25 as a media type", Some("application/at+jwt"), Ok(()), Ok(())),
        ("B25 as a media type in upper case", Some("Application/AT+JWT"), Ok(()), Ok(())),
        ("a longer name", Some("at+jwtx"), Ok(()), REFUSED),
        ("B24 a DPoP proof", Some("dpop+jwt"), REFUSED, REFUSED),
        ("B24 a logout token", Some("logout+jwt"), REFUSED, REFUSED),
        ("B24 a security event", Some("secevent+jwt"), REFUSED, REFUSED),
        ("B24 an introspection response", Some("token-introspection+jwt"), REFUSED, REFUSED),
        ("B24 in mixed case", Some("Application/DPoP+JWT"), REFUSED, REFUSED),
    ];
    let untyped = strict();
    let typed = Requirements { types: Some(vec!["at+jwt".into()]), ..strict() };
    for (case, typ, untyped_verdict, typed_verdict) in rows {
        let deny = |requirements| judge(*typ, &[], requirements).map(drop).map_err(|r| r.deny);
        assert_eq!(deny(&untyped), *untyped_verdict, "{case}");
        assert_eq!(deny(&typed), *typed_verdict, "{case}, where at+jwt is asked for");
    }
    let listed = Requirements { types: Some(vec!["dpop+jwt".into()]), ..strict() };
    assert!(judge(Some("dpop+jwt"), &[], &listed).is_err(), "always means always");
}

#[test]
fn tokens_of_another_kind_are_refused_by_their_claims() {
    const REFUSED: Result<(), Deny> = Err(Deny::TokenTypeRefused);
    let rows: &[(&str, &str, &str, Result<(), Deny>, Result<(), Deny>)] = &[
        // name, claim, value, by default, where ID tokens are allowed
        ("a refresh token", "typ", r#""Refresh""#, REFUSED, REFUSED),
        ("an offline token", "typ", r#""Offline""#, REFUSED, REFUSED),
        ("a logout token", "typ", r#""Logout""#, REFUSED, REFUSED),
        ("a bearer token", "typ", r#""Bearer""#, Ok(()), Ok(())),
        ("a type that is no string", "typ", r#"["Refresh"]"#, Ok(()), Ok(())),
        ("D19 an ID token by its type", "typ", r#""ID""#, REFUSED, Ok(())),
        ("D19 an ID token by its use", "token_use", r#""id""#, REFUSED, Ok(())),
        ("an access token by its use", "token_use", r#""access""#, Ok(()), Ok(())),
        ("D19 an ID token with `at_hash`", "at_hash", r#""x""#, REFUSED, Ok(())),
        ("D19 an ID token with `c_hash`", "c_hash", r#""x""#, REFUSED, Ok(())),
        ("`at_hash` of null", "at_hash", "null", Ok(()), Ok(())),
    ];
    let lenient = Requirements { allow_id_tokens: true, ..strict() };
    for (case, claim, value, by_default, allowed) in rows {
        check(&[(case, claim, value, *by_default)], &strict());
        check(&[(case, claim, value, *allowed)], &lenient);
    }
}

#[test]
fn a_bound_token_is_no_bearer_token() {
    const BOUND: Result<(), Deny> = Err(Deny::TokenBindingUnsupported);
    let rows: &[Row<'_>] = &[
        ("D30 to a DPoP key", "cnf", r#"{"jkt":"x"}"#, BOUND),
        ("D30 to a certificate", "cnf", r#"{"x5t#S256":"x"}"#, BOUND),
        ("D31 to something unknown", "cnf", r#"{"new":1}"#, BOUND),
        ("D31 to two", "cnf", r#"{"jkt":"x","x5t#S256":"y"}"#, BOUND),
        ("D31 to nothing", "cnf", "{}", BOUND),
        ("D31 a wrong type", "cnf", "1", BOUND),
        ("null", "cnf", "null", Ok(())),
    ];
    check(rows, &strict());
    let ignoring = Requirements { ignore_binding: true, ..strict() };
    check(&[("D30 checked by something in front", "cnf", r#"{"jkt":"x"}"#, Ok(()))], &ignoring);
}

#[test]
fn an_identity_is_a_string_that_names_somebody() {
    const NOBODY: Result<(), Deny> = Err(Deny::IdentityMissing);
    let wrong = Err(Deny::TokenClaimMalformed);
    let long = format!("\"{}\"", "x".repeat(60_000));
    let rows: &[Row<'_>] = &[
        ("D20 missing", "sub", "(missing)", NOBODY),
        ("D20 null", "sub", "null", NOBODY),
        ("D20 empty", "sub", r#""""#, NOBODY),
        ("D20 a number", "sub", "7", wrong),
        ("D20 an array", "sub", r#"["alice"]"#, wrong),
        ("D20 an empty first claim", "uid", r#""""#, NOBODY),
        ("D20 a first claim of a wrong type", "uid", "7", wrong),
        ("D21 a line break", "sub", r#""a\r\nb""#, wrong),
        ("D21 NUL", "sub", r#""a\u0000""#, wrong),
        ("a tab", "sub", r#""a\tb""#, wrong),
        ("DEL", "sub", r#""a\u007fb""#, wrong),
        ("a C1 control, NEL", "sub", r#""a\u0085b""#, wrong),
        ("the last C1 control", "sub", r#""a\u009fb""#, wrong),
        ("a control in the first claim", "uid", r#""a\u0001""#, wrong),
        ("a space in front", "sub", r#"" a""#, wrong),
        ("a space behind", "sub", r#""a ""#, wrong),
        ("a no-break space behind", "sub", r#""a\u00a0""#, wrong),
        ("an ideographic space in front", "sub", r#""\u3000a""#, wrong),
        ("a line separator behind", "sub", r#""a\u2028""#, wrong),
        ("nothing but a space", "sub", r#"" ""#, wrong),
        ("spaces inside", "sub", r#""a b\u00a0c\u2028d""#, Ok(())),
        ("Latin", "sub", "\"jos\u{e9}\"", Ok(())),
        ("Latin, escaped", "sub", r#""jos\u00e9""#, Ok(())),
        ("Chinese", "sub", "\"\u{5f20}\u{4e09}\"", Ok(())),
        ("beyond the first plane", "sub", r#""\ud83d\ude00""#, Ok(())),
        ("the first after the controls", "sub", r#""\u00a1""#, Ok(())),
        ("a zero-width space", "sub", r#""a\u200b""#, Ok(())),
        ("commas and quotes", "sub", r#""a, \"b\"""#, Ok(())),
        ("D21 very long", "sub", &long, Ok(())),
    ];
    check(rows, &strict());
    let judged = judge(None, &[("act", r#"{"sub":"bob"}"#)], &strict()).expect("D32");
    assert_eq!(&*judged.identity, "alice", "D32 whoever acts is not the subject");
}

#[test]
fn several_faults_are_told_in_one_order() {
    let wanted = Requirements {
        clients: Some(vec!["app".into()]),
        max_lifetime: Some(Duration::from_hours(1)),
        rules: vec![Rule { claim: ClaimRef::Name("department".into()), test: Test::Present }],
        ..strict()
    };
    // Each row adds a fault that is told before all those above it.
    let faults = [
        ("sub", "(missing)", Deny::IdentityMissing),
        ("department", "null", Deny::TokenClaimRefused),
        ("cnf", r#"{"jkt":"x"}"#, Deny::TokenBindingUnsupported),
        ("iat", "1", Deny::TokenLifetimeExceeded),
        ("iat", "1000500", Deny::TokenIssuedInFuture),
        ("nbf", "1000500", Deny::TokenNotYetValid),
        ("exp", "1", Deny::TokenExpired),
        ("cid", r#""web""#, Deny::TokenClientRefused),
        ("aud", r#""x""#, Deny::TokenAudienceMismatch),
        ("iss", r#""https://evil.example""#, Deny::TokenIssuerUnknown),
        ("at_hash", r#""x""#, Deny::TokenTypeRefused),
    ];
    let mut changes = vec![("cid", r#""app""#), ("department", "1")];
    for (claim, value, expected) in faults {
        changes.push((claim, value));
        let refusal = judge(None, &changes, &wanted).expect_err(claim);
        assert_eq!(refusal.deny, expected, "{claim} = {value}");
    }
    let refusal = judge(Some("dpop+jwt"), &changes, &wanted).expect_err("the header's type");
    assert!(refusal.reason.starts_with("the header's `typ`"), "{}", refusal.reason);
}
