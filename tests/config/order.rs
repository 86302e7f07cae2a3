//! Members of objects have no order: hosts change it at every start, and each worker may see another.

use proptest::prelude::*;
use serde_json::Value;
use tollgate::config::Config;

use super::bytes::{any_configuration, names, replace};
use super::{filled, structs};

/// Configurations with maps of every kind.
fn configurations() -> Vec<Value> {
    let demo = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/demo/tollgate.json"));
    let texts = [
        demo.unwrap(),
        super::bytes::GOOD.to_owned(),
        super::good::EVERYTHING.to_owned(),
        super::policies::EVERYTHING.to_owned(),
        // Mistakes whose message depends on what comes first.
        r#"{"providers": {"b": %okta%, "a": %okta%, "c": {"issuer": "https://c.example", "audence": ["x"], "audienc": 1,
            "jwks": {"clustr": "x", "clusterr": 7, "discovery": true}}},
            "policies": {"q": {"acces": 1, "accesss": 2}, "p": {"metadata": {"B": "1", "b": "2"}}},
            "apis": [{"name": "all", "auth": [["a", "b"]], "policies": {"by_scope": {"x": ["none"], "w": ["nobody"]}}}]}"#
            .to_owned(),
        r#"{"providers": {"z": {"issuer": "https://one.example", "audiences": ["x"], "jwks": {"discovery": true, "cluster": "one"}, "upstream": {"headers": {"X-A": "sub", "x_a": "uid", "x-a": "iss"}}},
            "a": {"issuer": "https://one.example", "audiences": ["y"], "jwks": {"discovery": true, "cluster": "one"}}}}"#
            .to_owned(),
    ];
    texts.iter().map(|text| serde_json::from_str(&filled(text)).unwrap()).collect()
}

/// Which of so many comes next, by numbers that a test draws.
struct Draw<'d> {
    numbers: std::iter::Cycle<std::slice::Iter<'d, u32>>,
}

impl Draw<'_> {
    fn shuffled<'v>(&mut self, json: &'v Value) -> Vec<(&'v String, &'v Value)> {
        let mut members: Vec<_> = json.as_object().unwrap().iter().collect();
        for place in (1..members.len()).rev() {
            let other = usize::try_from(*self.numbers.next().unwrap()).unwrap() % (place + 1);
            members.swap(place, other);
        }
        members
    }

    fn text(&mut self, json: &Value) -> String {
        match json {
            Value::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(|one| self.text(one)).collect();
                format!("[{}]", elements.join(","))
            }
            Value::Object(_) => {
                let members = self.shuffled(json).into_iter();
                let members: Vec<_> = members
                    .map(|(name, one)| format!("{}:{}", Value::from(name.as_str()), self.text(one)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    fn message(&mut self, json: &Value) -> Vec<u8> {
        let members = self.shuffled(json).into_iter();
        members.flat_map(|(name, one)| structs::entry(name, &self.value(one))).collect()
    }

    fn value(&mut self, json: &Value) -> Vec<u8> {
        match json {
            Value::Array(elements) => {
                let elements = elements.iter().map(|one| structs::field(0x0a, &self.value(one)));
                structs::field(0x32, &elements.collect::<Vec<_>>().concat())
            }
            Value::Object(_) => structs::field(0x2a, &self.message(json)),
            other => structs::value(other),
        }
    }
}

/// What a configuration comes to: all of it but places in the text, or what is wrong with it.
fn judged(text: &[u8]) -> Result<String, Vec<String>> {
    let told = |problems: Vec<tollgate::config::Problem>| {
        let line = |one: &tollgate::config::Problem| {
            format!("{}: {} {:?}", one.path, one.message, one.code)
        };
        let mut lines: Vec<_> = problems.iter().map(line).collect();
        lines.sort();
        lines
    };
    match Config::parse(text) {
        Ok(mut config) => {
            let warnings = told(std::mem::take(&mut config.warnings));
            let notes = told(std::mem::take(&mut config.notes));
            Ok(format!("{config:?} {warnings:?} {notes:?}"))
        }
        Err(problems) => Err(told(problems)),
    }
}

fn assert_no_order(json: &Value, numbers: &[u32]) -> Result<(), TestCaseError> {
    let mut draw = Draw { numbers: numbers.iter().cycle() };
    let expected = judged(json.to_string().as_bytes());
    let text = draw.text(json);
    prop_assert_eq!(&judged(text.as_bytes()), &expected, "{}", text);
    // Of two messages the problems come in one order, too.
    let messages = [draw.message(json), draw.message(json)];
    let said = messages
        .each_ref()
        .map(|message| Config::parse(message).map_err(|all| format!("{all:?}")).err());
    prop_assert_eq!(&said[0], &said[1]);
    prop_assert_eq!(judged(&messages[0]), judged(&messages[1]));
    if messages[0].contains(&0x12) && !holds(json, &|value| value.is_null()) {
        prop_assert_eq!(judged(&messages[0]), expected, "{}", text);
    }
    Ok(())
}

fn holds(json: &Value, what: &dyn Fn(&Value) -> bool) -> bool {
    match json {
        Value::Array(elements) => elements.iter().any(|one| holds(one, what)),
        Value::Object(members) => members.values().any(|one| holds(one, what)),
        other => what(other),
    }
}

proptest! {
    #[test]
    fn a_configuration_is_the_same_in_every_order(
        which in prop::sample::select(configurations()),
        numbers in prop::collection::vec(any::<u32>(), 64),
    ) {
        assert_no_order(&which, &numbers)?;
    }

    #[test]
    fn so_is_one_with_anything_in_place_of_a_field(
        mut which in prop::sample::select(configurations()),
        field in prop::sample::select(names()),
        value in any_configuration(),
        numbers in prop::collection::vec(any::<u32>(), 64),
    ) {
        replace(&mut which, &field, &value);
        assert_no_order(&which, &numbers)?;
    }
}
