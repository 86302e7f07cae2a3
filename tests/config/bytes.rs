//! Whatever the bytes: no panic, and every problem at a place.

use proptest::prelude::*;
use serde_json::{Map, Value};
use tollgate::config::{Config, Problem};

use super::{KEYS, OKTA, refused};

/// A configuration with something of every shape.
pub(super) const GOOD: &str = r#"{"$schema": "x", "providers": {"okta": {"issuer": ["https://a.example/é"],
  "audiences": ["api"], "any_audience": false, "clock_skew": "60s", "algorithms": ["RS256"],
  "jwks": {"url": "https://a.example/keys", "cluster": "idp", "refresh": "10m"},
  "from": [{"header": "x-token", "apis": ["orders"]}], "claims": {"identity": ["uid", ["a", "b"]]},
  "upstream": {"headers": {"x-user": "sub", "x-s": {"session": "scopes"}}, "payload_header": "x-p"}}},
 "apis": [{"name": "health", "match": {"hosts": ["*.a.example"], "paths": ["/a/{id}/**"], "methods": ["GET"]}, "auth": "none"},
  {"name": "orders", "auth": [["okta"]], "session_from": "okta", "scopes": ["a:b"], "optional": true}],
 "sessions": {"capacity": 8}, "log": {"format": "json"}, "realm": "api"}"#;

/// Parses bytes; every problem must stand at a place of the text and say something.
fn judge(text: &[u8]) -> Option<Vec<Problem>> {
    let problems = match Config::parse(text) {
        Ok(config) => {
            assert_places(text, &config.warnings);
            return None;
        }
        Err(problems) => problems,
    };
    assert!(!problems.is_empty(), "{:?}", String::from_utf8_lossy(text));
    assert_places(text, &problems);
    Some(problems)
}

fn assert_places(text: &[u8], problems: &[Problem]) {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<_> = text.split('\n').map(|line| line.chars().count()).collect();
    for problem in problems {
        let line = usize::try_from(problem.line).unwrap();
        let column = usize::try_from(problem.column).unwrap();
        assert!((1..=lines.len()).contains(&line), "{problem}\n{text}");
        assert!((1..=lines[line - 1] + 1).contains(&column), "{problem}\n{text}");
        assert!(!problem.message.is_empty(), "{problem}\n{text}");
        assert!(!problem.to_string().contains('\n'), "{problem}\n{text}");
    }
}

#[test]
fn a_good_text_has_no_problems() {
    assert_eq!(judge(GOOD.as_bytes()), None);
}

#[test]
fn a_text_cut_anywhere_is_refused_at_a_place() {
    for cut in 0..GOOD.len() {
        let problems = judge(&GOOD.as_bytes()[..cut]).expect("a part is no configuration");
        assert_eq!(problems.len(), 1, "{cut}");
    }
}

#[test]
fn a_text_with_any_byte_changed_is_judged() {
    let replacements = *b"\"\\}]:,0x/*\n\0\xff{";
    for at in 0..GOOD.len() {
        for replacement in replacements {
            let mut text = GOOD.as_bytes().to_vec();
            text[at] = replacement;
            judge(&text);
        }
    }
}

#[test]
fn a_text_without_any_one_byte_is_judged() {
    for at in 0..GOOD.len() {
        let mut text = GOOD.as_bytes().to_vec();
        text.remove(at);
        judge(&text);
    }
}

#[test]
fn a_text_that_is_not_utf8_is_refused_where_it_stops_being() {
    let problems = judge(b"{\"realm\":\n \"\xc3\xa9\xff\"}").unwrap();
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["2:4: not UTF-8 from here on: save the file as UTF-8"]);
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| {
        format!("{{\"description\": {}{}}}", "[".repeat(levels), "]".repeat(levels))
    };
    let at_most = refused(&nested(31));
    assert!(!at_most.iter().any(|line| line.contains("nested")), "{at_most:?}");
    assert_eq!(refused(&nested(32)), ["1:48: nested more than 32 levels deep"]);
    assert_eq!(refused(&nested(100_000)), ["1:48: nested more than 32 levels deep"]);
    let unclosed = "[".repeat(500_000);
    assert_eq!(judge(unclosed.as_bytes()).unwrap().len(), 1);
}

#[test]
fn brackets_in_strings_are_no_depth() {
    let text = format!(r#"{{"realm": "{}\"[["}}"#, "[".repeat(100));
    assert!(refused(&text).iter().all(|line| !line.contains("nested")));
}

#[test]
fn size_is_bounded() {
    let padded = |bytes: usize| {
        let text = format!("{{\"providers\": {{\"okta\": {OKTA}}}}}");
        let padding = " ".repeat(bytes - text.len());
        text + &padding
    };
    assert_eq!(judge(padded(1024 * 1024).as_bytes()), None);
    let problems = refused(&padded(1024 * 1024 + 1));
    assert_eq!(problems, ["1:1: 1048577 bytes: at most 1048576 are read"]);
}

#[test]
fn problems_are_bounded() {
    let members: Vec<_> = (0..5000).map(|i| format!("\"field{i}\": {i}")).collect();
    let problems = refused(&format!("{{{}}}", members.join(",\n")));
    assert_eq!(problems.len(), 1001);
    assert_eq!(problems[1000], "1:1: more than 1000 problems: the rest is not shown");
}

#[test]
fn lists_and_maps_are_bounded() {
    let listed = |elements: usize| vec!["\"a\""; elements].join(", ");
    let api = |auth: &str| {
        format!(
            "{{\"providers\": {{\"okta\": {OKTA}}}, \"apis\": [{{\"name\": \"a\",\n\"auth\": [{auth}]}}]}}"
        )
    };
    assert_eq!(refused(&api(&listed(65))), ["2:9: apis[0].auth: 65 elements; at most 64"]);
    let branch = format!("[{}]", listed(17));
    assert_eq!(refused(&api(&branch)), ["2:10: apis[0].auth[0]: 17 elements; at most 16"]);
    let methods = format!(
        "{{\"apis\": [{{\"name\": \"a\", \"auth\": \"none\", \"match\": {{\"methods\":\n[{}]}}}}]}}",
        listed(1001)
    );
    assert_eq!(refused(&methods), ["2:1: apis[0].match.methods: 1001 elements; at most 1000"]);
    let providers: Vec<_> = (0..1001).map(|i| format!("\"p{i}\": {OKTA}")).collect();
    let providers = format!("{{\"providers\": {{{}}}}}", providers.join(",\n"));
    assert_eq!(refused(&providers), ["1:15: providers: 1001 members; at most 1000"]);
}

#[test]
fn what_is_quoted_stays_on_one_short_line() {
    let noisy = r"\n\u001b[31m\u2028".repeat(100);
    for text in [
        format!(r#"{{"{noisy}": 1}}"#),
        format!(r#"{{"providers": {{"{noisy}": {OKTA}}}}}"#),
        format!(
            r#"{{"log": {{"format": "{noisy}"}}, "apis": [{{"name": "{noisy}", "auth": ["{noisy}"]}}]}}"#
        ),
    ] {
        for problem in judge(text.as_bytes()).unwrap() {
            let line = problem.to_string();
            assert!(line.len() < 600, "{line}");
            assert!(line.chars().all(|c| !c.is_control()), "{line}");
            assert!(!line.contains('\u{2028}'), "{line}");
        }
    }
}

#[test]
fn keys_are_never_shown() {
    let text = format!(
        r#"{{"providers": {{"okta": {{"jwks": {{"inline": {KEYS}, "url": "https://u:hunter2@a"}}}}}}}}"#
    );
    for line in refused(&text) {
        assert!(!line.contains("hunter2") && !line.contains("11qYAYKx"), "{line}");
    }
}

/// Names of fields and some that are none, to build objects from.
pub(super) fn names() -> Vec<String> {
    fn collect(schema: &Value, names: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    names.extend(properties.keys().cloned());
                }
                members.values().for_each(|value| collect(value, names));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
            _ => {}
        }
    }
    let mut names = vec!["okta".into(), "X".into(), "x-user".into(), "issuers".into(), "é".into()];
    collect(&tollgate::config::schema(), &mut names);
    names.sort();
    names.dedup();
    names
}

pub(super) fn any_configuration() -> impl Strategy<Value = Value> {
    let words = [
        "okta",
        "none",
        "jwt",
        "10m",
        "0s",
        "https://a.example",
        "authorization",
        "x-user",
        "/a/**",
        "*.a",
        "GET",
        "RS256",
        "",
        "orders",
        "\u{1}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let name = prop::sample::select(names());
    leaf.prop_recursive(6, 200, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_judged(value in any_configuration()) {
        judge(value.to_string().as_bytes());
    }

    #[test]
    fn any_json_in_place_of_a_field_is_judged(
        field in prop::sample::select(names()),
        value in any_configuration(),
    ) {
        let mut good: Value = serde_json::from_str(GOOD).unwrap();
        replace(&mut good, &field, &value);
        judge(serde_json::to_string_pretty(&good).unwrap().as_bytes());
    }
}

/// Puts a value in place of every member of a name.
pub(super) fn replace(tree: &mut Value, field: &str, value: &Value) {
    match tree {
        Value::Object(members) => {
            for (name, member) in members {
                if name == field {
                    *member = value.clone();
                } else {
                    replace(member, field, value);
                }
            }
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(|element| replace(element, field, value));
        }
        _ => {}
    }
}
