//! A configuration that comes as a protobuf `Struct`: what is read, and how it is refused.

use serde_json::{Value, json};
use tollgate::config::{Code, Config};

use super::structs::{self, entry, field, number, typed, value};
use super::{OKTA, filled};

const GOOD: &str = r#"{"providers": {"okta": %okta%}, "sessions": {"capacity": 4096},
 "apis": [{"name": "all", "auth": ["okta"], "optional": true, "scopes": []}]}"#;

fn good() -> Value {
    let mut good: Value = serde_json::from_str(&filled(GOOD)).unwrap();
    good["apis"][0].as_object_mut().unwrap().remove("scopes");
    good
}

fn lines(message: &[u8]) -> Vec<String> {
    let problems = Config::parse(message).expect_err("a bad message");
    assert!(problems.iter().all(|problem| (problem.line, problem.column) == (0, 0)));
    problems.iter().map(ToString::to_string).collect()
}

/// All of a configuration but the places of its warnings.
fn facts(mut config: Config) -> String {
    for warning in &mut config.warnings {
        (warning.line, warning.column) = (0, 0);
    }
    config.warnings.sort();
    format!("{config:?}")
}

#[test]
fn a_message_gives_what_its_json_gives() {
    let json = good();
    let text = Config::parse(json.to_string().as_bytes()).unwrap();
    let plain = structs::object(&json);
    let type_last = {
        let url = field(0x0a, b"x");
        [field(0x12, &plain), url].concat()
    };
    let forms = [
        ("Struct", plain.clone()),
        ("TypedStruct", typed(&plain)),
        ("its content first", type_last),
        ("without a type", field(0x12, &plain)),
        ("a Struct in a TypedStruct in an Any", typed(&typed(&plain))),
    ];
    for (name, message) in forms {
        let config =
            Config::parse(&message).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert_eq!(config.hash, text.hash, "{name}");
        assert_eq!(facts(config), facts(text.clone()), "{name}");
    }
}

#[test]
fn a_warning_about_a_message_names_a_path_and_no_line() {
    let mut json = good();
    json["providers"]["okta"]["clock_skew"] = json!("6m");
    let config = Config::parse(&structs::object(&json)).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("providers.okta.clock_skew: "), "{warnings:?}");
}

#[test]
fn a_message_is_refused_by_path() {
    let with = |path: &str, value: Value| {
        let mut json = good();
        *json.pointer_mut(path).unwrap() = value;
        lines(&structs::object(&json))
    };
    let capacity = |number: f64| {
        let okta = entry("okta", &value(&serde_json::from_str(OKTA).unwrap()));
        let sessions = entry("capacity", &structs::number(number));
        let message =
            [entry("providers", &field(0x2a, &okta)), entry("sessions", &field(0x2a, &sessions))];
        Config::parse(&message.concat()).map(|_| ()).map_err(|problems| problems[0].to_string())
    };
    let cases = [
        // path, value, what is said
        (
            "/providers/okta/issuer",
            json!(true),
            "providers.okta.issuer: expected a string or a list of strings, found a boolean: put it in quotes",
        ),
        (
            "/providers/okta/audiences/0",
            json!(83),
            "providers.okta.audiences[0]: expected a string, found a number: put it in quotes",
        ),
        (
            "/apis/0/name",
            json!(false),
            "apis[0].name: expected a string, found a boolean: put it in quotes",
        ),
        (
            "/apis/0/auth",
            json!(false),
            "apis[0].auth: expected `\"none\"` or a list of branches, found a boolean: put it in quotes",
        ),
        (
            "/apis/0/optional",
            json!("true"),
            "apis[0].optional: expected true or false, found a string: write it without quotes",
        ),
        ("/apis/0/optional", Value::Null, "apis[0].optional: `null`: leave the field out instead"),
        ("/apis/0", Value::Null, "apis[0]: `null`: leave the field out instead"),
        (
            "/sessions/capacity",
            json!("4096"),
            "sessions.capacity: expected a whole number, found a string: write it without quotes",
        ),
        (
            "/sessions",
            json!({"capcity": 64}),
            "sessions.capcity: unknown field; did you mean `capacity`?",
        ),
    ];
    for (path, value, expected) in cases {
        assert_eq!(with(path, value), [expected], "{path}");
    }
    let most = 9_007_199_254_740_992.0;
    let whole = "not a whole number from -9007199254740992 to 9007199254740992; where text is meant, \
                 put it in quotes";
    assert_eq!(capacity(8.0), Ok(()));
    for (bad, said) in [
        (8.5, whole.to_owned()),
        (f64::NAN, whole.to_owned()),
        (f64::INFINITY, whole.to_owned()),
        (f64::NEG_INFINITY, whole.to_owned()),
        (most + 2.0, whole.to_owned()),
        (-most - 2.0, whole.to_owned()),
        (most, "`9007199254740992`; expected a whole number from 8 to 16777216".to_owned()),
        (-most, "`-9007199254740992`; expected a whole number from 8 to 16777216".to_owned()),
        (-0.0, "`0`; expected a whole number from 8 to 16777216".to_owned()),
    ] {
        assert_eq!(capacity(bad), Err(format!("sessions.capacity: {said}")), "{bad}");
    }
}

#[test]
fn every_mistake_that_only_a_message_can_hold_is_told_at_once() {
    let message = [
        entry("realm", &[0x08, 0]),
        entry("sessions", &field(0x2a, &entry("capacity", &number(0.5)))),
        entry("apis", &field(0x32, &field(0x0a, &[0x08, 0]))),
    ];
    let said = lines(&message.concat());
    let paths: Vec<_> = said.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(paths, ["apis[0]", "realm", "sessions.capacity"]);
}

#[test]
fn a_key_twice_is_refused() {
    let okta = entry("okta", &value(&serde_json::from_str(OKTA).unwrap()));
    let once = entry("providers", &field(0x2a, &okta));
    let twice = [once.clone(), entry("realm", &value(&json!("a"))), once].concat();
    assert_eq!(lines(&twice), ["providers: written twice in one object; delete one of the two"]);
    let inner = entry("providers", &field(0x2a, &[okta.clone(), okta].concat()));
    let said = lines(&inner);
    assert_eq!(said[0], "providers.okta: written twice in one object; delete one of the two");
}

#[test]
fn nothing_at_all_is_told_in_one_way() {
    let told = |bytes: &[u8]| {
        let problems = Config::parse(bytes).expect_err("nothing");
        assert_eq!(problems.len(), 1, "{problems:?}");
        (problems[0].message.clone(), problems[0].code)
    };
    let empty = told(b"");
    assert!(
        empty.0.contains("the configuration is empty: write at least `providers`"),
        "{empty:?}"
    );
    let no_value = |of: &str| field(0x0a, format!("type.googleapis.com/{of}").as_bytes());
    let plain = no_value("google.protobuf.Struct");
    for nothing in [
        &b" \n"[..],
        &typed(b""),
        &field(0x12, b""),
        &typed(&typed(b"")),
        &plain,
        &no_value(""),
        &no_value("xds.type.v3.TypedStruct"),
        &typed(&plain),
        &field(0x12, &plain),
    ] {
        assert_eq!(told(nothing), empty, "{nothing:?}");
    }
    // What is more than a type, or less, is no message without a value.
    for something in [
        [&plain[..], &[0x18, 1]].concat(),
        [&plain[..], &plain[..]].concat(),
        plain[..plain.len() - 1].to_vec(),
        field(0x0a, b"type.example.com/google.protobuf.Struct"),
        b"\n\"type.googleapis.com/google.protobuf.Struct\"".to_vec(),
    ] {
        assert_ne!(told(&something), empty, "{something:?}");
    }
}

#[test]
fn what_is_no_struct_is_refused_whatever_it_is() {
    let plain = structs::object(&good());
    let okta = value(&serde_json::from_str(OKTA).unwrap());
    let name = field(0x0a, b"a");
    let text = field(0x12, &field(0x1a, b"b"));
    let long = {
        // A length that no message has.
        let mut bytes = vec![0x0a];
        bytes.extend([0xff; 9]);
        bytes.extend([0x01, 0x12]);
        bytes
    };
    let cases = [
        ("cut", plain[..plain.len() - 1].to_vec()),
        ("one byte more", [&plain[..], &[0x0a]].concat()),
        ("another field of the message", [&plain[..], &[0x18, 1]].concat()),
        ("a group", [&plain[..], &[0x0b]].concat()),
        ("two contents", [typed(&plain), field(0x12, &plain)].concat()),
        ("two types", [field(0x0a, b"x"), typed(&plain)].concat()),
        ("a TypedStruct with something else", [typed(&plain), vec![0x18, 1]].concat()),
        ("a member without a value", [&plain[..], &field(0x0a, &name)].concat()),
        ("a member without a name", field(0x0a, &text)),
        (
            "a member with two names",
            field(0x0a, &[name.clone(), name.clone(), text.clone()].concat()),
        ),
        (
            "a member with two values",
            field(0x0a, &[name.clone(), text.clone(), text.clone()].concat()),
        ),
        (
            "a member with something else",
            field(0x0a, &[name.clone(), text, vec![0x18, 1]].concat()),
        ),
        ("a value of nothing", entry("a", b"")),
        ("a value of two kinds", entry("a", &[field(0x1a, b"b"), vec![0x20, 1]].concat())),
        ("a value of an unknown kind", entry("a", &field(0x3a, b"b"))),
        ("a number of four bytes", entry("a", &[0x15, 0, 0, 0, 0])),
        ("a list of something else", entry("a", &field(0x32, &field(0x12, &okta)))),
        ("text that is not UTF-8", entry("a", &field(0x1a, b"\xff"))),
        (
            "a name that is not UTF-8",
            field(0x0a, &[field(0x0a, b"\xff"), field(0x12, &okta)].concat()),
        ),
        ("a length beyond all memory", long),
        ("a varint without an end", [&plain[..], &[0x8a; 12]].concat()),
        ("JSON with the character in it", b"{\"a\": \"\x12\"}".to_vec()),
        ("any bytes", vec![0x12, 0xff]),
    ];
    for (name, message) in cases {
        let said = lines(&message);
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        assert!(
            said[0].starts_with("neither JSON nor a `google.protobuf.Struct`"),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn longer_spellings_of_lengths_are_read() {
    let okta = value(&serde_json::from_str(OKTA).unwrap());
    let inner = field(0x2a, &entry("okta", &okta));
    let content = [field(0x0a, b"providers"), field(0x12, &inner)].concat();
    let length = u8::try_from(content.len() & 0x7f).unwrap() | 0x80;
    let high = u8::try_from(content.len() >> 7).unwrap();
    let message = [&[0x8a, 0x80, 0x00, length, high | 0x80, 0x80, 0x00][..], &content].concat();
    let config = Config::parse(&message).unwrap();
    assert_eq!(config.providers.len(), 1);
}

#[test]
fn depth_and_size_of_a_message_are_bounded() {
    let nested = |levels: usize| {
        let list =
            (0..levels).fold(field(0x1a, b"x"), |inner, _| field(0x32, &field(0x0a, &inner)));
        lines(&entry("description", &list))
    };
    assert!(nested(31).iter().all(|line| !line.contains("nested")), "{:?}", nested(31));
    let deep = nested(32);
    let path = format!("description{}", "[0]".repeat(31));
    assert_eq!(deep, [format!("{path}: nested more than 32 levels deep")]);
    assert_eq!(nested(10_000), deep);
    let long = entry("realm", &field(0x1a, &vec![b'a'; 1024 * 1024]));
    let problems = Config::parse(&long).unwrap_err();
    assert_eq!(problems[0].code, Code::ValueTooLong);
    assert_eq!(lines(&long), [format!("{} bytes: at most 1048576 are read", long.len())]);
    let many: Vec<_> = (0..1001).map(|i| entry(&format!("p{i}"), &value(&json!({})))).collect();
    let many = entry("providers", &field(0x2a, &many.concat()));
    assert_eq!(lines(&many), ["providers: 1001 members; at most 1000"]);
}

#[test]
fn a_key_set_of_a_message_is_taken() {
    let keys: Value = serde_json::from_str(super::KEYS).unwrap();
    let json = json!({"providers": {"lab": {"issuer": "https://lab.example", "audiences": ["a"],
        "jwks": {"inline": keys}}}});
    let text = Config::parse(json.to_string().as_bytes()).unwrap();
    let message = Config::parse(&structs::object(&json)).unwrap();
    assert_eq!(facts(message), facts(text));
}
