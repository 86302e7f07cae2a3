//! Whether a claim is, or holds, what a request says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;

const PAYLOAD: &str = r#"{"sub": "alice", "name": "Müller", "empty": "", "none": null, "staff": true,
    "id": 42, "debt": -7, "zero": 0, "minus": -0, "half": 1.5, "whole": 42.0, "thousand": 1e3,
    "huge": 18446744073709551616, "longer": 123456789012345678901234567890, "low": -9223372036854775809,
    "tenants": ["acme", "beta", 7, 18446744073709551617, null, ["nested"], {"in": 1}],
    "bare": [], "blank": [""], "orgs": {"acme": {"role": "x"}, "gone": null, "": 1},
    "realm_access": {"tenant": "acme"}, "a.b": "literal", "a": {"b": "path"}}"#;

fn holds(claim: &ClaimRef, wanted: &str) -> Result<(), String> {
    claims(PAYLOAD).holds(claim, wanted.as_bytes(), &URL_SAFE_NO_PAD.encode(PAYLOAD))
}

#[test]
fn a_claim_is_compared_byte_by_byte_in_the_one_form_that_it_has() {
    let cases = [
        // name, claim, what the request says, whether it is that
        ("a string", name("sub"), "alice", true),
        ("another", name("sub"), "bob", false),
        ("a part of it", name("sub"), "alic", false),
        ("it and more", name("sub"), "alice2", false),
        ("another case", name("sub"), "Alice", false),
        ("a blank", name("sub"), "alice ", false),
        ("nothing", name("sub"), "", false),
        ("nothing, for an empty string", name("empty"), "", false),
        ("what is not ASCII", name("name"), "Müller", true),
        ("the same, put together otherwise", name("name"), "Mu\u{308}ller", false),
        ("a missing claim", name("nowhere"), "alice", false),
        ("null", name("none"), "null", false),
        ("a boolean", name("staff"), "true", false),
        ("a whole number", name("id"), "42", true),
        ("with a zero in front", name("id"), "042", false),
        ("with a sign", name("id"), "+42", false),
        ("with a fraction", name("id"), "42.0", false),
        ("a negative number", name("debt"), "-7", true),
        ("without its sign", name("debt"), "7", false),
        ("zero", name("zero"), "0", true),
        ("nothing below zero", name("minus"), "-0", false),
        ("nor zero for it", name("minus"), "0", false),
        ("a fraction", name("half"), "1.5", false),
        ("a fraction of nothing", name("whole"), "42.0", false),
        ("nor what it comes to", name("whole"), "42", false),
        ("an exponent", name("thousand"), "1e3", false),
        ("nor what it comes to, either", name("thousand"), "1000", false),
        ("beyond 64 bits", name("huge"), "18446744073709551616", true),
        ("not what it rounds to", name("huge"), "18446744073709551615", false),
        ("far beyond", name("longer"), "123456789012345678901234567890", true),
        ("far below", name("low"), "-9223372036854775809", true),
        ("one element", name("tenants"), "acme", true),
        ("another element", name("tenants"), "beta", true),
        ("a number among them", name("tenants"), "7", true),
        ("a long one", name("tenants"), "18446744073709551617", true),
        ("what it rounds to", name("tenants"), "18446744073709551616", false),
        ("no element", name("tenants"), "gamma", false),
        ("all of them", name("tenants"), "acme,beta", false),
        ("null among them", name("tenants"), "null", false),
        ("an element's element", name("tenants"), "nested", false),
        ("an element's member", name("tenants"), "in", false),
        ("no element at all", name("bare"), "acme", false),
        ("an empty element", name("blank"), "", false),
        ("a member's name", name("orgs"), "acme", true),
        ("whatever its value", name("orgs"), "gone", true),
        ("not a name further in", name("orgs"), "role", false),
        ("nor a value", name("orgs"), "x", false),
        ("an empty name", name("orgs"), "", false),
        ("by a path", path(&["realm_access", "tenant"]), "acme", true),
        ("by dots", name("realm_access.tenant"), "acme", true),
        ("a literal name before a path", name("a.b"), "literal", true),
        ("and not the path", name("a.b"), "path", false),
    ];
    for (case, claim, wanted, expected) in cases {
        assert_eq!(holds(&claim, wanted).is_ok(), expected, "{case}");
    }
}

#[test]
fn what_differs_is_told_by_types_without_a_value() {
    let cases = [
        ("sub", "bob", "the claim `sub` is a string, not"),
        ("sub", "Alice", "the claim `sub` is a string, and in case alone it differs from"),
        ("staff", "true", "the claim `staff` is a boolean, not"),
        ("id", "43", "the claim `id` is a number, not"),
        ("half", "1", "the claim `half` is a number other than the whole number"),
        ("tenants", "gamma", "the claim `tenants` is an array of 7 without"),
        (
            "tenants",
            "ACME",
            "the claim `tenants` is an array of 7, and in case alone it differs from",
        ),
        ("orgs", "beta", "the claim `orgs` is an object of 3 without a member"),
    ];
    for (claim, wanted, expected) in cases {
        assert_eq!(holds(&name(claim), wanted), Err(expected.to_owned()), "{claim} {wanted}");
    }
    let missing = holds(&name("user"), "alice").unwrap_err();
    assert!(missing.starts_with("there is no claim `user`; the token has "), "{missing}");
    assert!(missing.ends_with("; it must be") && !missing.contains("alice"), "{missing}");
}

proptest! {
    /// What a claim holds is what it says, and nothing besides.
    #[test]
    fn only_equal_bytes_are_equal(own in "[aA%\\. \u{e4}]{0,4}", wanted in "[aA%\\. \u{e4}]{0,4}") {
        let payload = serde_json::json!({ "c": own, "l": [own], "o": { (own.clone()): 1 } }).to_string();
        let encoded = URL_SAFE_NO_PAD.encode(&payload);
        for claim in ["c", "l", "o"] {
            let held = claims(&payload).holds(&name(claim), wanted.as_bytes(), &encoded).is_ok();
            prop_assert_eq!(held, own == wanted && !own.is_empty());
        }
    }

    /// A whole number is its digits, however many it has.
    #[test]
    fn a_number_is_its_digits(digits in "[1-9][0-9]{0,30}", other in "[0-9]{1,31}") {
        let payload = format!("{{\"c\": {digits}, \"l\": [ -1, {digits}]}}");
        let encoded = URL_SAFE_NO_PAD.encode(&payload);
        for claim in ["c", "l"] {
            let held = |wanted: &str| claims(&payload).holds(&name(claim), wanted.as_bytes(), &encoded);
            prop_assert!(held(&digits).is_ok());
            prop_assert_eq!(held(&other).is_ok(), digits == other);
        }
    }
}
