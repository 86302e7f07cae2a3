use super::*;

#[test]
fn a_tree_becomes_json_with_the_places_of_its_tokens() {
    let (json, places) = to_json(&parse("a: 1\nb:\n  - x\n  - {c: \"1\"}\n").expect("YAML")[0]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value, serde_json::json!({ "a": 1, "b": ["x", { "c": "1" }] }));
    let at = |token: &str| {
        let line = json.lines().position(|line| line.starts_with(token)).expect(token);
        (places[line].line, places[line].column)
    };
    let expected = [("\"a\"", (1, 1)), ("\"b\"", (2, 1)), ("\"x\"", (3, 5)), ("\"c\"", (4, 6))];
    for (token, place) in expected {
        assert_eq!(at(token), place, "{token}");
    }
}

#[test]
fn a_plain_word_means_what_the_proxy_reads() {
    let cases = [
        ("text", r#""text""#),
        ("yes", "true"),
        ("No", "false"),
        ("on", "true"),
        ("\"no\"", r#""no""#),
        ("'1'", r#""1""#),
        ("100", "100"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("1e3", "1000"),
        ("0x10", "16"),
        ("0123", "83"),
        ("0189", "189"),
        ("1_000", "1000"),
        ("-7", "-7"),
        ("60s", r#""60s""#),
        ("1.2.3", r#""1.2.3""#),
        ("2027-01-01T00:00:00Z", r#""2027-01-01T00:00:00Z""#),
        ("~", "null"),
        ("null", "null"),
        ("", "null"),
        ("e", r#""e""#),
        (".", r#"".""#),
        ("_1", r#""_1""#),
    ];
    for (word, expected) in cases {
        let source = format!("a: {word}\n");
        let documents = parse(&source).expect(&source);
        let (json, _) = to_json(documents[0].get("a").expect("a member"));
        assert_eq!(json, expected, "{word}");
    }
}

#[test]
fn envoy_reads_fewer_words_as_numbers() {
    let cases = [
        ("yes", "true"),
        ("Yes", "true"),
        ("YES", "true"),
        ("yEs", r#""yEs""#),
        ("n", "false"),
        ("nULL", r#""nULL""#),
        ("~", "null"),
        ("100", "100"),
        ("+7", "7"),
        ("0x10", "16"),
        ("-0x10", "-16"),
        ("0123", "83"),
        ("0189", r#""0189""#),
        ("0o17", r#""0o17""#),
        ("2147483647", "2147483647"),
        ("2147483648", r#""2147483648""#),
        ("-2147483648", "-2147483648"),
        ("1.0", r#""1.0""#),
        ("1e3", r#""1e3""#),
        ("1_000", r#""1_000""#),
        (".inf", r#"".inf""#),
        ("\"100\"", r#""100""#),
    ];
    for (word, expected) in cases {
        let documents = parse(&format!("a: {word}\n")).expect(word);
        let (json, _) = to_json_by(documents[0].get("a").expect("a member"), Reader::Envoy);
        assert_eq!(json, expected, "{word}");
    }
}

#[test]
fn aliases_stand_for_what_they_name() {
    let documents = parse("a: &x {b: [1]}\nc: *x\n").expect("YAML");
    let (json, _) = to_json(&documents[0]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value, serde_json::json!({ "a": { "b": [1] }, "c": { "b": [1] } }));
}

#[test]
fn what_is_no_yaml_or_too_much_is_refused_with_its_place() {
    let laughs: String = (0..9).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let names = vec![format!("*a{level}"); 9].join(", ");
        format!("{text}a{next}: &a{next} [{names}]\n", next = level + 1)
    });
    let nested: String = (0..90).map(|level| format!("&a{level} [")).collect();
    let kept = format!("x: {nested}{}{}", "1,".repeat(10_000), "]".repeat(90));
    let cases = [
        (kept, 1, "more than 500000 values"),
        ("a:\n\tb: 1\n".to_owned(), 2, "tab"),
        ("a: [1\n".to_owned(), 2, "not YAML"),
        ("a: *b\n".to_owned(), 1, ""),
        ("[".repeat(200), 1, "nested more than 96 levels"),
        (laughs, 0, "more than 500000 values"),
        ("a: &a [*a]\n".to_owned(), 1, "alias"),
    ];
    for (source, line, expected) in cases {
        let malformed = parse(&source).expect_err(&source);
        assert!(malformed.message.contains(expected), "{source}: {}", malformed.message);
        assert!(line == 0 || malformed.at.line == line, "{source}: {:?}", malformed.at);
    }
}

#[test]
fn members_are_found_in_either_spelling() {
    let documents = parse("failStrategy: A\nvm_config: {vmId: b}\n").expect("YAML");
    assert_eq!(documents[0].text_at(&["fail_strategy"]), Some("A"));
    assert_eq!(documents[0].text_at(&["vm_config", "vm_id"]), Some("b"));
    assert_eq!(documents[0].text_at(&["vm_config", "vm"]), None);
}
