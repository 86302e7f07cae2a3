//! One mistake is one problem, told where it was made.

use serde_json::{Value, json};
use tollgate::config::Config;

/// The typical configuration of docs/config.md.
fn typical() -> Value {
    let text = include_str!("../../docs/config.md");
    let example = text.split("A typical one").nth(1).unwrap();
    let block = example.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(block).unwrap()
}

/// Every value below a value, by its path in JSON Pointer and as problems write it.
fn places(json: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    if !pointer.is_empty() {
        found.push((pointer.to_owned(), path.to_owned()));
    }
    match json {
        Value::Object(members) => {
            for (name, member) in members {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                let path = match (path.is_empty(), plain) {
                    (true, _) => name.clone(),
                    (false, true) => format!("{path}.{name}"),
                    (false, false) => format!("{path}[`{name}`]"),
                };
                places(member, &format!("{pointer}/{escaped}"), &path, found);
            }
        }
        Value::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                let (pointer, path) = (format!("{pointer}/{place}"), format!("{path}[{place}]"));
                places(element, &pointer, &path, found);
            }
        }
        _ => {}
    }
}

/// Mistakes that are several, or that are made elsewhere than where they show: what is written is right
/// in itself, and something else disagrees with it.
const EXCEPTIONS: [(&str, &str, &str); 11] = [
    // where, what, why
    ("apis[0]", "{}", "what takes every request hides what comes after it"),
    ("apis[1]", "{}", "the same"),
    ("apis[0].match", "{}", "the same"),
    ("apis[1].match", "{}", "the same"),
    ("providers", "{}", "there are public APIs: none is fine, and each name of one is wrong"),
    ("policies", "{}", "each name of one is wrong as well"),
    ("policies.standard", "{}", "is fine, and a header asks for its metadata"),
    ("policies.standard.metadata", "{}", "the same"),
    ("providers.okta.claims", "{}", "is fine, and an API asks for its claim of policies"),
    ("apis[2].clients[1]", "\"\u{e9} ?\"", "is a client, and another gets a policy"),
    ("providers.okta", "{}", "says that it has no claim of policies, beside all that it lacks"),
];

#[test]
fn one_mistake_is_one_problem() {
    let whole = typical();
    Config::parse(whole.to_string().as_bytes()).unwrap();
    let mut all = Vec::new();
    places(&whole, "", "", &mut all);
    let wrong = [
        json!(null),
        json!(7),
        json!(1.5),
        json!(true),
        json!("\u{e9} ?"),
        json!(""),
        json!([]),
        json!([7]),
        json!({}),
    ];
    let (mut failed, mut refused) = (Vec::new(), 0);
    for (pointer, path) in &all {
        for value in &wrong {
            let mut mistaken = whole.clone();
            *mistaken.pointer_mut(pointer).unwrap() = value.clone();
            let written = value.to_string();
            let excepted = EXCEPTIONS.iter().any(|(at, what, _)| at == path && *what == written);
            let Err(problems) = Config::parse(mistaken.to_string().as_bytes()) else { continue };
            refused += 1;
            // An object without members may lack several, all of them its own.
            let one = problems.len() == 1 || written == "{}";
            let own = problems.iter().all(|problem| problem.path.starts_with(path.as_str()));
            if (one && own) == excepted {
                let lines = problems.iter().map(|one| format!("\n    {one}"));
                failed.push(format!("{path} = {written}{}", lines.collect::<String>()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(all.len() > 150 && refused > 1000, "{} places, {refused} refused", all.len());
}

#[test]
fn a_name_of_nothing_is_refused_where_nothing_else_is_wrong() {
    // What is not said beside another mistake is said without one.
    let public = r#""apis": [{"name": "all", "auth": "none"}]"#;
    let cases = [
        (
            r#""revoked": {"entries": [{"provider": "okta", "identity": "x"}]}"#,
            "revoked.entries[0].provider",
        ),
        (
            r#""policies": {"p": {"access": [{"apis": ["orders"]}]}}"#,
            "policies.p.access[0].apis[0]",
        ),
    ];
    for (given, path) in cases {
        let problems = Config::parse(format!("{{{public}, {given}}}").as_bytes()).unwrap_err();
        assert_eq!(problems.iter().map(|one| &*one.path).collect::<Vec<_>>(), [path]);
    }
}
