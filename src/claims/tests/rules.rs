//! What is required of claims besides the registered ones.

use serde_json::json;

use super::*;
use crate::trace::Trace;
use crate::verdict::Step;

const PAYLOAD: &str = r#"{"department": "eng", "level": 2, "staff": true, "none": null, "empty": "",
    "roles": ["admin", "dev", 1], "no": [], "realm_access": {"roles": ["a"]},
    "https://example.com/uid": "u1", "realm_access.x": "literal", "bare": {},
    "grants": {"admin": {"org": "acme"}, "gone": null, "1": true, "": 0}}"#;

fn values(values: &[Value]) -> Vec<Value> {
    values.to_vec()
}

fn starts(values: &[&str]) -> Test {
    Test::StartsWith(values.iter().map(|value| json!(value)).collect())
}

fn meets(rules: &[Rule]) -> Result<(), String> {
    claims(PAYLOAD).meets(rules, Step::Claims, &mut Trace::default())
}

#[test]
fn a_rule_holds_for_a_claim_of_the_right_type_and_value_only() {
    let admin = || values(&[json!("admin"), json!("root")]);
    let cases: &[(&str, ClaimRef, Test, bool)] = &[
        ("there", name("department"), Test::Present, true),
        ("there, and empty", name("empty"), Test::Present, true),
        ("there, and an empty list", name("no"), Test::Present, true),
        ("null", name("none"), Test::Present, false),
        ("missing", name("nowhere"), Test::Present, false),
        ("by a literal name", name("https://example.com/uid"), Test::Present, true),
        ("by a literal name with a dot", name("realm_access.x"), Test::Present, true),
        ("by dots", name("realm_access.roles"), Test::ContainsAny(values(&[json!("a")])), true),
        (
            "by segments",
            path(&["realm_access", "roles"]),
            Test::ContainsAll(values(&[json!("a")])),
            true,
        ),
        ("a segment is no path", path(&["realm_access.roles"]), Test::Present, false),
        ("one of", name("department"), Test::In(values(&[json!("ops"), json!("eng")])), true),
        ("none of", name("department"), Test::In(values(&[json!("ENG"), json!("en")])), false),
        ("a number", name("level"), Test::In(values(&[json!(2)])), true),
        ("a number as a string", name("level"), Test::In(values(&[json!("2")])), false),
        ("a boolean", name("staff"), Test::In(values(&[json!(true)])), true),
        ("a boolean as a string", name("staff"), Test::In(values(&[json!("true")])), false),
        ("null is none of", name("none"), Test::In(values(&[json!("null")])), false),
        ("a list is none of its elements", name("roles"), Test::In(admin()), false),
        ("one of two", name("roles"), Test::ContainsAny(admin()), true),
        ("one of two only", name("roles"), Test::ContainsAll(admin()), false),
        ("both", name("roles"), Test::ContainsAll(values(&[json!("dev"), json!("admin")])), true),
        ("a number in a list", name("roles"), Test::ContainsAny(values(&[json!(1)])), true),
        ("not its text", name("roles"), Test::ContainsAny(values(&[json!("1")])), false),
        ("an empty list has none", name("no"), Test::ContainsAny(admin()), false),
        (
            "a string is no list",
            name("department"),
            Test::ContainsAny(values(&[json!("eng")])),
            false,
        ),
        ("nor one with all", name("department"), Test::ContainsAll(values(&[json!("eng")])), false),
        ("a beginning", name("department"), starts(&["en"]), true),
        ("the whole", name("department"), starts(&["eng"]), true),
        ("an end", name("department"), starts(&["ng"]), false),
        ("a number begins with nothing", name("level"), starts(&["2"]), false),
        ("a list begins with nothing", name("roles"), starts(&["admin"]), false),
        ("one beginning of two", name("department"), starts(&["op", "en"]), true),
        ("none of two", name("department"), starts(&["op", "EN"]), false),
        ("an object begins with nothing", name("grants"), starts(&["ad"]), false),
        ("an object is there", name("grants"), Test::Present, true),
        ("and so is one of its members", name("grants.admin"), Test::Present, true),
        ("but not one of null", name("grants.gone"), Test::Present, false),
        ("a member's name", name("grants"), Test::ContainsAny(admin()), true),
        ("one of two names only", name("grants"), Test::ContainsAll(admin()), false),
        (
            "both names, whatever their values",
            name("grants"),
            Test::ContainsAll(values(&[json!("admin"), json!("gone"), json!("")])),
            true,
        ),
        ("a name is no number", name("grants"), Test::ContainsAny(values(&[json!(1)])), false),
        ("but a text", name("grants"), Test::ContainsAny(values(&[json!("1")])), true),
        (
            "not a name further in",
            name("grants"),
            Test::ContainsAny(values(&[json!("org")])),
            false,
        ),
        ("nor a value", name("grants"), Test::ContainsAny(values(&[json!("acme")])), false),
        ("an object is none of its names", name("grants"), Test::In(admin()), false),
        ("an empty object has none", name("bare"), Test::ContainsAny(admin()), false),
        ("and is there, like an empty list", name("bare"), Test::Present, true),
    ];
    for (case, claim, test, expected) in cases {
        let rule = Rule { claim: claim.clone(), test: test.clone() };
        assert_eq!(meets(&[rule]).is_ok(), *expected, "{case}");
    }
}

#[test]
fn every_rule_must_hold() {
    let rule = |claim| Rule { claim: name(claim), test: Test::Present };
    assert_eq!(meets(&[]), Ok(()));
    assert_eq!(meets(&[rule("level"), rule("staff")]), Ok(()));
    assert!(meets(&[rule("level"), rule("nowhere")]).is_err());
}

#[test]
fn a_broken_rule_is_told_by_names_and_types_without_a_value() {
    let cases = [
        (
            name("nowhere"),
            Test::Present,
            "there is no claim `nowhere`; the token has `bare`, `department`, `empty`, `grants`, \
             `https://example.com/uid`, `level`, `no`, `none`, `realm_access`, `realm_access.x`, \
             `roles`, `staff`",
        ),
        (
            name("department"),
            Test::In(values(&[json!("ops")])),
            "the claim `department` is a string, not one of `ops`",
        ),
        (
            name("department"),
            Test::ContainsAny(values(&[json!("eng")])),
            "the claim `department` is a string, not an array or object with one of `eng`",
        ),
        (
            name("grants"),
            Test::ContainsAll(values(&[json!("root")])),
            "the claim `grants` is an object of 4, not an array or object with all of `root`",
        ),
        (
            name("department"),
            starts(&["a", "b"]),
            "the claim `department` is a string, not a string that begins with `a`, `b`",
        ),
    ];
    for (claim, test, expected) in cases {
        let reason = meets(&[Rule { claim, test }]).expect_err(expected);
        assert_eq!(reason, expected);
    }
}
