use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

mod comparing;
mod judging;
mod reasons;
mod rules;

pub(super) fn claims(payload: &str) -> Claims {
    Claims::parse(payload.as_bytes()).expect(payload)
}

fn name(reference: &str) -> ClaimRef {
    ClaimRef::Name(reference.into())
}

fn path(segments: &[&str]) -> ClaimRef {
    ClaimRef::Path(segments.iter().map(|&segment| segment.into()).collect())
}

#[test]
fn a_payload_is_one_json_object_without_duplicates() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(3000), "]".repeat(3000));
    let cases: &[(&str, &[u8], &str)] = &[
        ("D23 a duplicate claim", br#"{"sub":"a","sub":"b"}"#, "two members of one name"),
        ("D23 a duplicate, escaped", br#"{"sub":"a","s\u0075b":"b"}"#, "two members of one name"),
        ("D24 an array", br#"["sub"]"#, "not an object"),
        ("D24 a string", br#""sub""#, "not an object"),
        ("D24 a number", b"1", "not an object"),
        ("D24 null", b"null", "not an object"),
        ("D24 nothing", b"", "no valid JSON"),
        ("D24 a byte order mark", b"\xef\xbb\xbf{}", "no valid JSON"),
        ("D24 a brace behind it", b"{}}", "no valid JSON"),
        ("D24 two objects", b"{}{}", "no valid JSON"),
        ("D24 deflated", b"\x78\x9c\xab\xae\x05\x00", "no valid JSON"),
        ("D24 no UTF-8", b"{\"sub\":\"\xff\"}", "no valid JSON"),
        ("D21 a lone surrogate", br#"{"sub":"\ud800"}"#, "no valid JSON"),
        ("D02 a number out of range", br#"{"exp":1e400}"#, "no valid JSON"),
        ("D02 not a number", br#"{"exp":NaN}"#, "no valid JSON"),
        ("D02 a hexadecimal number", br#"{"exp":0x10}"#, "no valid JSON"),
        ("D02 a leading zero", br#"{"exp":01000}"#, "no valid JSON"),
        ("D25 three thousand levels", deep.as_bytes(), "no valid JSON"),
    ];
    for (name, payload, expected) in cases {
        let refusal = Claims::parse(payload).expect_err(name);
        assert_eq!(refusal.deny, Deny::TokenClaimMalformed, "{name}");
        assert!(refusal.reason.contains(expected), "{name}: {}", refusal.reason);
    }
}

#[test]
fn a_reference_names_a_claim_literally_before_it_names_a_path() {
    let nested = r#"{"realm_access":{"roles":["a"]},"a":{"b":{"c":1},"b.c":2},"list":[{"x":1}]}"#;
    let literal =
        r#"{"a.b":1,"a":{"b":2},"__proto__":3,"https://x.example/roles":4,"x~1y":5,"":6}"#;
    let cases = [
        ("a path by dots", nested, name("realm_access.roles"), Some(r#"["a"]"#)),
        ("a deeper path by dots", nested, name("a.b.c"), Some("1")),
        ("a path by segments", nested, path(&["a", "b.c"]), Some("2")),
        ("a path of one segment", nested, path(&["list"]), Some(r#"[{"x":1}]"#)),
        ("a path of no segment", nested, path(&[]), None),
        ("a path through an array", nested, name("list.0"), None),
        ("a path through a number", nested, name("a.b.c.d"), None),
        ("a path that ends too early", nested, name("a.x"), None),
        ("a literal name with a dot", literal, name("a.b"), Some("1")),
        ("the same as segments", literal, path(&["a", "b"]), Some("2")),
        ("segments are not split", literal, path(&["a.b"]), Some("1")),
        ("D22 a name of another language", literal, name("__proto__"), Some("3")),
        ("D22 such a name that is not there", literal, name("constructor"), None),
        ("D22 a URL", literal, name("https://x.example/roles"), Some("4")),
        ("D22 what looks like a JSON pointer", literal, name("x~1y"), Some("5")),
        ("D22 what looks like its meaning", literal, name("x/y"), None),
        ("the empty name", literal, name(""), Some("6")),
    ];
    for (case, payload, reference, expected) in cases {
        let claims = claims(payload);
        let found = claims.find(&reference).map(ToString::to_string);
        assert_eq!(found.as_deref(), expected, "{case}");
    }
}

#[test]
fn the_first_claim_present_wins_whatever_its_value() {
    let references = [name("uid"), name("sub")];
    let cases = [
        ("the first", r#"{"uid":"a","sub":"b"}"#, Some(("uid", "\"a\""))),
        ("the second where there is no first", r#"{"sub":"b"}"#, Some(("sub", "\"b\""))),
        ("the second where the first is null", r#"{"uid":null,"sub":"b"}"#, Some(("sub", "\"b\""))),
        ("an empty first", r#"{"uid":"","sub":"b"}"#, Some(("uid", "\"\""))),
        ("a first of another type", r#"{"uid":7,"sub":"b"}"#, Some(("uid", "7"))),
        ("neither", r#"{"act":{"sub":"b"}}"#, None),
    ];
    for (case, payload, expected) in cases {
        let claims = claims(payload);
        let found = claims.first(&references).map(|(r, v)| (r.to_string(), v.to_string()));
        let found = found.as_ref().map(|(r, v)| (r.as_str(), v.as_str()));
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn an_issuer_is_a_string_or_none() {
    let cases = [
        ("a string", r#"{"iss":"https://a"}"#, Issuer::Is("https://a")),
        ("an empty string", r#"{"iss":""}"#, Issuer::Is("")),
        ("D11 missing", "{}", Issuer::Absent),
        ("D11 null", r#"{"iss":null}"#, Issuer::Absent),
        ("D11 an array", r#"{"iss":["https://a"]}"#, Issuer::WrongType),
        ("D11 a number", r#"{"iss":1}"#, Issuer::WrongType),
    ];
    for (case, payload, expected) in cases {
        assert_eq!(claims(payload).issuer(), expected, "{case}");
    }
}

#[test]
fn a_client_is_a_string_that_says_something() {
    let is = |client: &str| ClientClaim::Is(client.into());
    let cases = [
        ("a string", r#"{"cid":"app"}"#, is("app")),
        ("the first of two", r#"{"cid":"app","client_id":"web"}"#, is("web")),
        ("missing", "{}", ClientClaim::Absent),
        ("null", r#"{"cid":null}"#, ClientClaim::Absent),
        ("empty", r#"{"cid":""}"#, ClientClaim::Absent),
        ("empty before another", r#"{"client_id":"","cid":"app"}"#, ClientClaim::Absent),
        ("a number", r#"{"cid":1}"#, ClientClaim::Malformed),
        ("an array", r#"{"cid":["app"]}"#, ClientClaim::Malformed),
    ];
    for (case, payload, expected) in cases {
        assert_eq!(claims(payload).client(&[name("client_id"), name("cid")]), expected, "{case}");
    }
}

#[test]
fn scopes_are_split_at_spaces_and_nowhere_else() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("D26 a string", r#"{"scope":"read write"}"#, &["read", "write"]),
        ("D26 an array", r#"{"scp":["read","write"]}"#, &["read", "write"]),
        ("D26 a string under the other name", r#"{"scp":"read"}"#, &["read"]),
        ("D26 an array under the other name", r#"{"scope":["read"]}"#, &["read"]),
        ("D26 two spaces", r#"{"scope":" read  write "}"#, &["read", "write"]),
        ("D26 a tab is part of a scope", r#"{"scope":"read\twrite"}"#, &["read\twrite"]),
        ("D26 case and prefixes are kept", r#"{"scope":"Read read:all"}"#, &["Read", "read:all"]),
        ("an element is not split", r#"{"scp":["read write"]}"#, &["read write"]),
        ("empty", r#"{"scope":""}"#, &[]),
        ("empty before another", r#"{"scp":"","scope":"read"}"#, &[]),
        ("an empty array", r#"{"scp":[]}"#, &[]),
        ("an empty element", r#"{"scp":["","read"]}"#, &["read"]),
        ("null", r#"{"scp":null,"scope":"read"}"#, &["read"]),
        ("missing", "{}", &[]),
    ];
    for (case, payload, expected) in cases {
        let claims = claims(payload);
        assert_eq!(
            claims.scopes(&[name("scp"), name("scope")]).as_deref(),
            Ok(*expected),
            "{case}"
        );
    }
}

#[test]
fn a_value_is_put_where_its_reference_finds_it() {
    let path = |names: &[&str]| ClaimRef::Path(names.iter().map(|&name| name.into()).collect());
    let cases = [
        (name("scp"), "{}", r#"{"scp":"read"}"#),
        (name("scp"), r#"{"scp":["write"],"scope":"x"}"#, r#"{"scope":"x","scp":"read"}"#),
        (name("a.b"), r#"{"a":{"b":"write"}}"#, r#"{"a":{"b":"write"},"a.b":"read"}"#),
        (path(&["a", "b"]), r#"{"a":{"c":1}}"#, r#"{"a":{"b":"read","c":1}}"#),
        (path(&["a", "b"]), r#"{"a":"write"}"#, r#"{"a":{"b":"read"}}"#),
        (path(&["a", "b", "c"]), "{}", r#"{"a":{"b":{"c":"read"}}}"#),
    ];
    for (claim, before, expected) in cases {
        let after = claims(before).putting(&claim, "read".into());
        assert_eq!(after.to_value().to_string(), expected, "{before}");
        assert_eq!(after.scopes(&[claim]).as_deref(), Ok(&["read"][..]), "{before}");
    }
}

#[test]
fn scopes_of_another_type_are_refused_by_name() {
    for (payload, kind) in [
        (r#"{"scp":1}"#, "a number"),
        (r#"{"scp":true}"#, "a boolean"),
        (r#"{"scp":{"read":true}}"#, "an object"),
        (r#"{"scp":["read",1]}"#, "an array"),
        (r#"{"scp":[["read"]]}"#, "an array"),
    ] {
        let refusal = claims(payload).scopes(&[name("scp")]).expect_err(payload);
        assert_eq!(refusal.deny, Deny::TokenClaimMalformed, "{payload}");
        let expected = format!("the claim `scp` is {kind}");
        assert!(refusal.reason.starts_with(&expected), "{payload}: {}", refusal.reason);
    }
}

#[test]
fn a_header_carries_a_claim_as_it_is_or_not_at_all() {
    let value = |text: &str| HeaderValue::Value(text.into());
    let long = |count: usize| format!(r#"{{"x":"{}"}}"#, "a".repeat(count));
    let (longest, too_long) = (long(HeaderValue::MAX_BYTES), long(HeaderValue::MAX_BYTES + 1));
    let cases = [
        ("a string", r#"{"x":"alice"}"#, value("alice")),
        ("blanks inside", r#"{"x":"a b\tc"}"#, value("a b\tc")),
        ("a comma in a string", r#"{"x":"a,b"}"#, value("a,b")),
        ("a number", r#"{"x":42}"#, value("42")),
        ("a negative fraction", r#"{"x":-1.5}"#, value("-1.5")),
        ("a boolean", r#"{"x":false}"#, value("false")),
        ("an array of strings", r#"{"x":["a","b c"]}"#, value("a,b c")),
        ("an array of numbers", r#"{"x":[1,2]}"#, value("1,2")),
        ("the longest", &longest, value(&"a".repeat(HeaderValue::MAX_BYTES))),
        ("missing", "{}", HeaderValue::Absent),
        ("null", r#"{"x":null}"#, HeaderValue::Absent),
        ("empty", r#"{"x":""}"#, HeaderValue::Unsafe),
        ("an empty array", r#"{"x":[]}"#, HeaderValue::Unsafe),
        ("a space before it", r#"{"x":" a"}"#, HeaderValue::Unsafe),
        ("a tab behind it", r#"{"x":"a\t"}"#, HeaderValue::Unsafe),
        ("D21 a line break", r#"{"x":"a\r\nx-admin: 1"}"#, HeaderValue::Unsafe),
        ("D21 NUL", r#"{"x":"a\u0000"}"#, HeaderValue::Unsafe),
        ("D21 DEL", r#"{"x":"a\u007f"}"#, HeaderValue::Unsafe),
        ("D21 a C1 control", r#"{"x":"a\u0085b"}"#, HeaderValue::Unsafe),
        ("a no-break space behind it", r#"{"x":"a\u00a0"}"#, HeaderValue::Unsafe),
        ("a letter outside ASCII", r#"{"x":"\u00e9"}"#, value("\u{e9}")),
        ("beyond the first plane", r#"{"x":"\ud83d\ude00"}"#, value("\u{1f600}")),
        ("a fraction with a zero at its end", r#"{"x":1.50}"#, value("1.50")),
        ("an exponent", r#"{"x": 1E+2 }"#, value("1E+2")),
        (
            "no whole number for a machine",
            r#"{"x":12345678901234567890123}"#,
            value("12345678901234567890123"),
        ),
        (
            "the largest of a machine",
            r#"{"x":18446744073709551615}"#,
            value("18446744073709551615"),
        ),
        ("minus nothing", r#"{"x":-0}"#, value("-0")),
        ("fractions in an array", r#"{"x":[1.50, 2 ,3e1]}"#, value("1.50,2,3e1")),
        ("D21 too long", &too_long, HeaderValue::Unsafe),
        ("D21 a comma in an element", r#"{"x":["a,b","c"]}"#, HeaderValue::Unsafe),
        ("one unsafe element", r#"{"x":["a","b\n"]}"#, HeaderValue::Unsafe),
        ("an empty element", r#"{"x":["a",""]}"#, HeaderValue::Unsafe),
        ("an element with a blank at its end", r#"{"x":["a ","b"]}"#, HeaderValue::Unsafe),
        ("elements of two types", r#"{"x":["1",1]}"#, HeaderValue::Unsafe),
        ("null in an array", r#"{"x":["a",null]}"#, HeaderValue::Unsafe),
        ("an array in an array", r#"{"x":[["a"]]}"#, HeaderValue::Unsafe),
        ("an object", r#"{"x":{"a":"b"}}"#, HeaderValue::Unsafe),
    ];
    for (case, payload, expected) in cases {
        assert_eq!(header(payload, &name("x"), Form::Plain), expected, "{case}");
    }
}

fn header(payload: &str, claim: &ClaimRef, form: Form) -> HeaderValue {
    claims(payload).header_value(claim, form, &URL_SAFE_NO_PAD.encode(payload))
}

#[test]
fn a_header_carries_a_claim_in_the_form_that_is_asked_for() {
    const NONE: Option<&str> = None;
    // claim, text, csv, json; `(dropped)` is none
    let cases = [
        ("1", Some("1"), Some("1"), Some("1")),
        ("1.50", Some("1.50"), Some("1.50"), Some("1.50")),
        ("true", Some("true"), Some("true"), Some("true")),
        (r#""a""#, Some("a"), Some("a"), Some(r#""a""#)),
        (r#""a,b""#, Some("a,b"), NONE, Some(r#""a,b""#)),
        (r#""""#, NONE, NONE, Some(r#""""#)),
        (r#"" a""#, NONE, NONE, Some(r#"" a""#)),
        (r#""a\nb""#, NONE, NONE, Some(r#""a\nb""#)),
        ("\"a\u{7f}\"", NONE, NONE, Some(r#""a\u007f""#)),
        ("\"jos\u{e9}\"", Some("jos\u{e9}"), Some("jos\u{e9}"), Some(r#""jos\u00e9""#)),
        ("\"\u{1f600}\"", Some("\u{1f600}"), Some("\u{1f600}"), Some(r#""\ud83d\ude00""#)),
        (r#"[ "a", "b c" ]"#, NONE, Some("a,b c"), Some(r#"["a","b c"]"#)),
        (r#"["a,b"]"#, NONE, NONE, Some(r#"["a,b"]"#)),
        (r#"["a",1]"#, NONE, NONE, Some(r#"["a",1]"#)),
        ("[1, 2.50]", NONE, Some("1,2.50"), Some("[1,2.50]")),
        ("[]", NONE, NONE, Some("[]")),
        (
            r#"{ "b" : [ 1e2 , null ], "a\"" : "}\\" }"#,
            NONE,
            NONE,
            Some(r#"{"b":[1e2,null],"a\"":"}\\"}"#),
        ),
        ("{}", NONE, NONE, Some("{}")),
        (
            "12345678901234567890123",
            Some("12345678901234567890123"),
            Some("12345678901234567890123"),
            Some("12345678901234567890123"),
        ),
    ];
    for (value, text, csv, json) in cases {
        let payload = format!(r#"{{ "y": {{"x": 0}}, "\u0078" : {value} , "z":[] }}"#);
        let encoded = json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let forms = [
            (Form::Text, text),
            (Form::Csv, csv),
            (Form::Json, json),
            (Form::Base64Url, encoded.as_deref()),
        ];
        for (form, expected) in forms {
            let expected = expected.map_or(HeaderValue::Unsafe, |it| HeaderValue::Value(it.into()));
            assert_eq!(header(&payload, &name("x"), form), expected, "{value} {form:?}");
        }
    }
    let deep = r#"{"a.b":{"c":1.50},"a":{"b":2.50,"b.c":[3.50]},"n":null}"#;
    for (claim, json) in [
        (name("a.b"), r#"{"c":1.50}"#),
        (path(&["a", "b"]), "2.50"),
        (path(&["a.b", "c"]), "1.50"),
        (path(&["a", "b.c"]), "[3.50]"),
    ] {
        assert_eq!(header(deep, &claim, Form::Json), HeaderValue::Value(json.into()), "{claim}");
    }
    let twice = name("a.x");
    let found = header(r#"{"a":{"x":1.50}}"#, &twice, Form::Plain);
    assert_eq!(found, HeaderValue::Value(b"1.50".to_vec()), "by dots");
    for form in [Form::Plain, Form::Text, Form::Csv, Form::Json, Form::Base64Url] {
        assert_eq!(header(deep, &name("n"), form), HeaderValue::Absent, "null as {form:?}");
        assert_eq!(header(deep, &name("m"), form), HeaderValue::Absent, "nothing as {form:?}");
    }
    let long = format!(r#"{{"x":"{}"}}"#, "\u{e9}".repeat(2_000));
    assert_eq!(header(&long, &name("x"), Form::Json), HeaderValue::Unsafe, "12,002 bytes");
}
