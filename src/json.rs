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
    let mut duplicate = false;
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { duplicate: &mut duplicate }.deserialize(&mut reader);
    match (value, reader.end()) {
        (Ok(Value::Object(members)), Ok(())) => Ok(members),
        (Ok(_), Ok(())) => Err(JsonError::NotAnObject),
        _ if duplicate => Err(JsonError::Duplicate),
        _ => Err(JsonError::Malformed),
    }
}

/// A value as text.
pub fn text(value: &Value) -> String {
    // By the serializer that answers are written with: `Display` would bring two others.
    serde_json::to_string(value).unwrap_or_default()
}

/// Builds a [`Value`] and notes why it stopped at a duplicate member.
struct Strict<'a> {
    duplicate: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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
        while let Some(value) = elements.next_element_seed(Strict { duplicate: self.duplicate })? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if out.contains_key(&name) {
                *self.duplicate = true;
                return Err(A::Error::custom("duplicate member"));
            }
            let value = members.next_value_seed(Strict { duplicate: self.duplicate })?;
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
}
