//! Strict JSON (RFC 8259) for what arrives from outside: no duplicate members (RFC 7515 §4,
//! RFC 7519 §4), nothing after the value, nesting bounded.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JsonError {
    /// Two members of one object have the same name, compared after unescaping.
    Duplicate,
    /// No JSON text: syntax, encoding, a number out of range, nesting over 127 levels.
    Malformed,
    /// Valid, but not an object.
    NotAnObject,
}

/// Parses one JSON object.
///
/// # Errors
///
/// See [`JsonError`].
pub fn object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let mut refused = Refused(false);
    match value(text, &mut refused) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JsonError::NotAnObject),
        Err(_) if refused.0 => Err(JsonError::Duplicate),
        Err(_) => Err(JsonError::Malformed),
    }
}

/// Parses one JSON value, whose reader says what becomes of members that are written twice.
///
/// # Errors
///
/// No JSON text, as in [`JsonError::Malformed`], or a duplicate that was refused.
pub fn value(text: &[u8], duplicates: &mut impl Duplicates) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Reading(duplicates).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// What becomes of members of one object that have the same name, compared after unescaping.
pub trait Duplicates {
    /// A value is read that is a part of the one entered before.
    fn enter(&mut self, _: Step<'_>) {}

    /// The value entered last is read.
    fn leave(&mut self) {}

    /// Whether the member that was just entered may be written again; reading ends where it may not.
    fn again(&mut self) -> bool;

    /// What a member is that may be written again, from what it was before and what was read now.
    fn both(before: Value, now: Value) -> Value;
}

/// From a value to one of its parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'n> {
    /// To an element of an array, by its place.
    Element(usize),
    /// To a member of an object, by its name.
    Member(&'n str),
}

/// Refuses every duplicate, and notes that it did.
struct Refused(bool);

impl Duplicates for Refused {
    fn again(&mut self) -> bool {
        self.0 = true;
        false
    }

    fn both(_: Value, now: Value) -> Value {
        now
    }
}

/// A value as text.
pub fn text(value: &Value) -> String {
    // By the serializer that answers are written with: `Display` would bring two others.
    serde_json::to_string(value).unwrap_or_default()
}

/// A member of an object as it is written, in a text that [`object`] has read: numbers keep their
/// digits.
pub fn member<'t>(object: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let mut rest = object.trim_ascii_start().strip_prefix(b"{")?;
    loop {
        let (found, behind) = first_value(rest)?;
        let (value, behind) = first_value(behind.trim_ascii_start().strip_prefix(b":")?)?;
        if is_name(found, name) {
            return Some(value);
        }
        rest = behind.trim_ascii_start().strip_prefix(b",")?;
    }
}

/// The elements of an array as they are written, in a text that [`object`] has read.
pub fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = array.trim_ascii_start().strip_prefix(b"[");
    std::iter::from_fn(move || {
        let (value, behind) = first_value(rest?)?;
        rest = behind.trim_ascii_start().strip_prefix(b",");
        Some(value)
    })
}

/// The value at the start of a text, and what stands behind it.
fn first_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let ends = |byte: &u8| {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' if depth > 0 => depth = depth.saturating_sub(1),
            b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => return depth == 0,
            _ => {}
        }
        false
    };
    let end = text.iter().position(ends).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(value, _)| !value.is_empty())
}

/// Whether a string, as it is written, is this name.
fn is_name(written: &[u8], name: &str) -> bool {
    if !written.contains(&b'\\') {
        return written.len() == name.len().saturating_add(2)
            && written.get(1..).is_some_and(|rest| rest.starts_with(name.as_bytes()));
    }
    // It is unescaped by who reads everything else.
    let text = [b"{".as_slice(), written, b":0}"].concat();
    object(&text).is_ok_and(|members| members.contains_key(name))
}

/// A value as it is written, without white space between its parts, and in ASCII: other characters
/// are escaped in their strings (RFC 8259 §7).
pub fn compact(written: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::new(), false, false);
    for c in written.chars() {
        match c {
            '"' if !escaped => in_string = !in_string,
            ' ' | '\t' | '\n' | '\r' if !in_string => continue,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        match c {
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

/// Builds a [`Value`].
struct Reading<'d, D>(&'d mut D);

impl<'de, D: Duplicates> DeserializeSeed<'de> for Reading<'_, D> {
    type Value = Value;

    fn deserialize<R: Deserializer<'de>>(self, reader: R) -> Result<Value, R::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de, D: Duplicates> Visitor<'de> for Reading<'_, D> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        loop {
            self.0.enter(Step::Element(out.len()));
            let element = elements.next_element_seed(Reading(&mut *self.0))?;
            self.0.leave();
            match element {
                Some(value) => out.push(value),
                None => return Ok(Value::Array(out)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.enter(Step::Member(&name));
            let mut before = None;
            if let Some(first) = out.get_mut(&name) {
                if !self.0.again() {
                    return Err(A::Error::custom("duplicate member"));
                }
                before = Some(first.take());
            }
            let value = members.next_value_seed(Reading(&mut *self.0))?;
            self.0.leave();
            let value = match before {
                Some(before) => D::both(before, value),
                None => value,
            };
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_strict_object_is_taken() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(3000), "]".repeat(3000));
        let cases: &[(&str, &[u8], Result<usize, JsonError>)] = &[
            ("an object", br#"{"a":1,"b":{"a":[1,2.5,null,true,"x"]}}"#, Ok(2)),
            ("an empty object", b"{}", Ok(0)),
            ("an array", b"[]", Err(JsonError::NotAnObject)),
            ("a number", b"1", Err(JsonError::NotAnObject)),
            ("null", b"null", Err(JsonError::NotAnObject)),
            ("nothing", b"", Err(JsonError::Malformed)),
            ("a duplicate member", br#"{"a":1,"a":1}"#, Err(JsonError::Duplicate)),
            ("an escaped duplicate", br#"{"a":1,"\u0061":1}"#, Err(JsonError::Duplicate)),
            ("a duplicate inside", br#"{"x":[{"a":1,"a":1}]}"#, Err(JsonError::Duplicate)),
            ("a trailing brace", b"{}}", Err(JsonError::Malformed)),
            ("two objects", b"{}{}", Err(JsonError::Malformed)),
            ("a trailing comma", br#"{"a":1,}"#, Err(JsonError::Malformed)),
            ("a comment", b"{/**/}", Err(JsonError::Malformed)),
            ("single quotes", b"{'a':1}", Err(JsonError::Malformed)),
            ("not a number", br#"{"a":NaN}"#, Err(JsonError::Malformed)),
            ("a number out of range", br#"{"a":1e400}"#, Err(JsonError::Malformed)),
            ("a leading zero", br#"{"a":01}"#, Err(JsonError::Malformed)),
            ("a byte order mark", b"\xef\xbb\xbf{}", Err(JsonError::Malformed)),
            ("invalid UTF-8", b"{\"a\":\"\xff\"}", Err(JsonError::Malformed)),
            ("a lone surrogate", br#"{"a":"\ud800"}"#, Err(JsonError::Malformed)),
            ("three thousand levels", deep.as_bytes(), Err(JsonError::Malformed)),
        ];
        for (name, text, expected) in cases {
            assert_eq!(object(text).map(|members| members.len()), *expected, "{name}");
        }
    }

    #[test]
    fn a_reader_may_take_what_is_written_twice() {
        #[derive(Default)]
        struct First(Vec<String>, Vec<String>);

        impl Duplicates for First {
            fn enter(&mut self, step: Step<'_>) {
                self.0.push(match step {
                    Step::Element(place) => place.to_string(),
                    Step::Member(name) => name.to_owned(),
                });
            }

            fn leave(&mut self) {
                self.0.pop();
            }

            fn again(&mut self) -> bool {
                self.1.push(self.0.join("/"));
                true
            }

            fn both(before: Value, _: Value) -> Value {
                before
            }
        }

        let mut first = First::default();
        let read =
            super::value(br#"[0,{"a":{"b":1,"\u0062":2},"c":3,"a":4}]"#, &mut first).unwrap();
        assert_eq!(read, serde_json::json!([0, { "a": { "b": 1 }, "c": 3 }]));
        assert_eq!(first.1, ["1/a/b", "1/a"]);
        assert!(first.0.is_empty());
        for broken in [b"[] 1".as_slice(), b"[", b"{\"a\"}"] {
            assert!(super::value(broken, &mut First::default()).is_err());
        }
    }

    #[test]
    fn what_is_written_is_found_as_it_is_written() {
        let text = br#" { "a" : 1.50 ,"b":[ 1e2,"]\"," , {"c":-0},[ ] ],"\u0063\"" : { "d" : "}" },
                      "e":true , "" : 12345678901234567890123 } "#;
        assert!(object(text).is_ok());
        let cases: [(&str, Option<&[u8]>); 8] = [
            ("a", Some(b"1.50")),
            ("b", Some(br#"[ 1e2,"]\"," , {"c":-0},[ ] ]"#)),
            ("c\"", Some(br#"{ "d" : "}" }"#)),
            ("e", Some(b"true")),
            ("", Some(b"12345678901234567890123")),
            ("d", None),
            ("A", None),
            ("a\"", None),
        ];
        for (name, expected) in cases {
            assert_eq!(member(text, name), expected, "{name}");
        }
        let list = member(text, "b").unwrap();
        let found: Vec<_> = elements(list).collect();
        let expected: [&[u8]; 4] = [b"1e2", br#""]\",""#, br#"{"c":-0}"#, b"[ ]"];
        assert_eq!(found, expected);
        assert_eq!(elements(b"[ ]").count() + elements(b"{}").count() + elements(b"").count(), 0);
        for broken in [b"".as_slice(), b"{", b"{\"a\"", b"{\"a\":", b"[1]", b"{,}", b"{\"\\"] {
            assert_eq!(member(broken, "a"), None, "{}", broken.escape_ascii());
        }
    }

    #[test]
    fn a_compact_text_is_ascii_and_the_same_value() {
        let cases = [
            (r#"{ "a" : [ 1.50 , "x y" ] }"#, r#"{"a":[1.50,"x y"]}"#),
            ("\"jos\u{e9} \u{5f20}\u{1f600}\"", r#""jos\u00e9 \u5f20\ud83d\ude00""#),
            ("\"\u{7f}\u{85}\"", r#""\u007f\u0085""#),
            (r#""\" \\" "#, r#""\" \\""#),
            ("[\t1,\r\n2]", "[1,2]"),
            ("1e2", "1e2"),
        ];
        for (written, expected) in cases {
            assert_eq!(compact(written), expected);
            let value = |text: &str| object(format!("{{\"a\":{text}}}").as_bytes());
            assert_eq!(value(written), value(expected), "{written}");
        }
    }

    proptest::proptest! {
        #[test]
        fn members_and_elements_are_those_that_are_read(value in value()) {
            let text = serde_json::to_string_pretty(&Value::from_iter([("x", value)])).unwrap();
            let members = object(text.as_bytes()).unwrap();
            let written = member(text.as_bytes(), "x").unwrap();
            assert_same(written, &members["x"]);
        }
    }

    /// Arrays and objects that hold each other, and strings with everything in them.
    fn value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn assert_same(written: &[u8], value: &Value) {
        let text = compact(std::str::from_utf8(written).unwrap());
        assert!(text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *value);
        match value {
            Value::Array(values) => {
                let found: Vec<_> = elements(written).collect();
                assert_eq!(found.len(), values.len());
                found.iter().zip(values).for_each(|(written, value)| assert_same(written, value));
            }
            Value::Object(members) => {
                for (name, value) in members {
                    assert_same(member(written, name).unwrap(), value);
                }
            }
            _ => {}
        }
    }
}
