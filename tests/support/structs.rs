//! `google.protobuf.Struct` as it goes over the wire, written and read apart from the filter.

use serde_json::Value;

/// One field: its number and form, its length, its content.
pub fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend_from_slice(content);
    out
}

/// A member of a `Struct`.
pub fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    field(0x0a, &[field(0x0a, name.as_bytes()), field(0x12, value)].concat())
}

/// A `Value` that is a number.
pub fn number(number: f64) -> Vec<u8> {
    [&[0x11][..], &number.to_le_bytes()].concat()
}

/// A `Value`.
pub fn value(json: &Value) -> Vec<u8> {
    match json {
        Value::Null => vec![0x08, 0],
        Value::Bool(flag) => vec![0x20, u8::from(*flag)],
        Value::Number(digits) => number(digits.as_f64().unwrap()),
        Value::String(text) => field(0x1a, text.as_bytes()),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|one| field(0x0a, &value(one))).collect();
            field(0x32, &elements.concat())
        }
        Value::Object(_) => field(0x2a, &object(json)),
    }
}

/// A `Struct`, its members in the order of the object.
pub fn object(json: &Value) -> Vec<u8> {
    let members = json.as_object().unwrap().iter();
    members.flat_map(|(name, member)| entry(name, &value(member))).collect()
}

/// A `TypedStruct`, or an `Any` that holds a `Struct`.
pub fn typed(content: &[u8]) -> Vec<u8> {
    [field(0x0a, b"type.googleapis.com/google.protobuf.Struct"), field(0x12, content)].concat()
}

/// The JSON of a message whose numbers are whole, in the order of its members; `None` where it is no
/// `Struct`, nor anything that holds one.
pub fn json(message: &[u8]) -> Option<String> {
    let fields = fields(message)?;
    match fields.iter().find(|(tag, _)| *tag == 0x12) {
        Some((_, content)) => json(content),
        None => object_json(&fields),
    }
}

/// What a field has behind its tag.
type Field<'m> = (u64, &'m [u8]);

fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let (tag, _) = varint(&mut message)?;
        let content = match tag & 7 {
            0 => varint(&mut message)?.1,
            1 => cut(&mut message, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?.0).ok()?;
                cut(&mut message, length)?
            }
            _ => return None,
        };
        found.push((tag, content));
    }
    Some(found)
}

fn varint<'m>(message: &mut &'m [u8]) -> Option<(u64, &'m [u8])> {
    let length = message.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let bytes = cut(message, length)?;
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().enumerate() {
        let shifted = u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * place).ok()?);
        number |= shifted.unwrap_or_default();
    }
    Some((number, bytes))
}

fn cut<'m>(message: &mut &'m [u8], length: usize) -> Option<&'m [u8]> {
    let (taken, left) = message.split_at_checked(length)?;
    *message = left;
    Some(taken)
}

fn object_json(fields: &[Field<'_>]) -> Option<String> {
    let member = |(_, entry): &Field<'_>| {
        let inner = self::fields(entry)?;
        let part = |wanted: u64| inner.iter().find(|(tag, _)| *tag == wanted);
        let name = std::str::from_utf8(part(0x0a)?.1).ok()?;
        Some(format!("{}:{}", Value::from(name), value_json(part(0x12)?.1)?))
    };
    Some(format!("{{{}}}", fields.iter().map(member).collect::<Option<Vec<_>>>()?.join(",")))
}

fn value_json(message: &[u8]) -> Option<String> {
    let fields = fields(message)?;
    let &[(tag, content)] = &*fields else { return None };
    match tag {
        0x11 => Some(format!("{:.0}", f64::from_le_bytes(content.try_into().ok()?) + 0.0)),
        0x1a => Some(Value::from(std::str::from_utf8(content).ok()?).to_string()),
        0x20 => Some(content.iter().any(|byte| byte & 0x7f != 0).to_string()),
        0x2a => object_json(&self::fields(content)?),
        0x32 => {
            let elements = self::fields(content)?;
            let elements = elements.iter().map(|(_, element)| value_json(element));
            Some(format!("[{}]", elements.collect::<Option<Vec<_>>>()?.join(",")))
        }
        _ => None,
    }
}
