use super::*;
use crate::yaml;

/// Where `needle` of the single scalar `text` of `source` is said to stand in the file.
fn place(source: &str, needle: &str) -> (u32, u32) {
    let documents = yaml::parse(source).expect(source);
    let node = documents[0].get("text").expect("a text");
    let yaml::Value::Scalar(scalar) = &node.value else { unreachable!("{source}") };
    let before = scalar.text.split(needle).next().expect("a beginning");
    let line = u32::try_from(before.matches('\n').count()).expect("few") + 1;
    let column = before.rsplit('\n').next().expect("a line").chars().count();
    let inside = Place { line, column: u32::try_from(column).expect("few") + 1 };
    let found = Origin::of_scalar(source, scalar).place(inside);
    (found.line, found.column)
}

#[test]
fn a_place_in_a_text_is_found_in_the_file_however_the_text_is_written() {
    let cases = [
        // source, what is looked for, line and column
        ("text: |\n  {\n    \"a\": 1\n  }\n", "\"a\"", (3, 5)),
        ("a: 1\ntext: |   # why\n\n\n    {\n      \"a\": 1 }\n", "1 }", (6, 12)),
        ("text: |2-\n    {\n   \"a\": 1}", "\"a\"", (3, 4)),
        ("text: >\n  {\n  \"a\":\n  1,\n\n  \"b\": 2}\n", "\"b\"", (6, 3)),
        ("text: '{\"a\": \"it''s\", \"b\": 1}'", "\"b\"", (1, 23)),
        (r#"text: "{\"a\": \"\u00e4\x41\",\n \"b\": 1}""#, "\"b\"", (1, 34)),
        ("text: \"{\\\"a\\\":\\\n   1}\"", "1}", (2, 4)),
        ("text: >-\n  {\"ä\": \"ö\",\n   \"b\": 1}\n", "\"b\"", (3, 4)),
    ];
    for (source, needle, expected) in cases {
        assert_eq!(place(source, needle), expected, "{source}");
    }
}

#[test]
fn what_lies_behind_the_end_is_the_last_place() {
    let source = "text: |\n  {\n";
    let documents = yaml::parse(source).expect(source);
    let node = documents[0].get("text").expect("a text");
    let yaml::Value::Scalar(scalar) = &node.value else { unreachable!("{source}") };
    let found = Origin::of_scalar(source, scalar).place(Place { line: 9, column: 9 });
    assert_eq!(found, Place { line: 2, column: 3 });
}
