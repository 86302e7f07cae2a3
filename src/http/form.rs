//! Forms (`application/x-www-form-urlencoded`, WHATWG URL §5), both ways: bodies, and queries that are
//! made like them (RFC 6749, appendix B).

use std::borrow::Cow;

use super::query::{decoded, name_and_value, pieces};

/// Longest form that is read, in bytes.
pub const MAX_FORM_BYTES: usize = 64 * 1024;

/// Why a form has no value of this name that every reader would find.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldError {
    /// The form is longer than [`MAX_FORM_BYTES`].
    TooLong,
    /// The name is there twice.
    Twice,
    /// The value is not UTF-8 once decoded, or has a `%` without two hexadecimal digits behind it.
    Unreadable,
}

/// The value that a form has for this name, decoded; `None` where the name is not there.
///
/// # Errors
///
/// See [`FieldError`].
pub fn form_field<'f>(form: &'f [u8], name: &str) -> Result<Option<Cow<'f, str>>, FieldError> {
    if form.len() > MAX_FORM_BYTES {
        return Err(FieldError::TooLong);
    }
    let named = |piece: &(&[u8], &[u8])| *spaced(piece.0) == *name.as_bytes();
    let mut found = pieces(form).map(name_and_value).filter(named);
    let Some((_, value)) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(FieldError::Twice);
    }
    // An escape that is none stands for itself for some readers, and for nothing for others.
    let escapes = |text: &[u8]| text.iter().filter(|byte| **byte == b'%').count();
    let value = match spaced(value) {
        Cow::Borrowed(value) => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        Cow::Owned(text) => {
            let shorter = value.len().saturating_sub(text.len());
            if escapes(value).saturating_mul(2) != shorter {
                return Err(FieldError::Unreadable);
            }
            String::from_utf8(text).ok().map(Cow::Owned)
        }
    };
    value.map(Some).ok_or(FieldError::Unreadable)
}

/// Decoded: a `+` is a space, and then escapes are what they stand for.
fn spaced(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'+') {
        return decoded(raw);
    }
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(decoded(&spaced).into_owned())
}

/// Adds a field to a form. The name is written as it is: it must be made of letters, digits and `_`.
pub fn add_to_form(name: &str, value: &str, form: &mut String) {
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    encode_for_form(value, form);
}

/// Encodes a text as a form does.
pub fn encode_for_form(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
                out.extend(digits.into_iter().flatten().map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
}

/// A URL with a form behind it, as its query or behind the query that it has, which stays
/// (RFC 6749 §3.1).
pub fn with_query(url: &str, form: &str) -> String {
    let between = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    [url, between, form].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_browsers_do_and_read_again() {
        for (text, expected) in [
            ("aZ09*-._", "aZ09*-._"),
            ("a b", "a+b"),
            ("&=+%:/~", "%26%3D%2B%25%3A%2F%7E"),
            ("ü\u{0}\n", "%C3%BC%00%0A"),
        ] {
            let mut out = String::new();
            encode_for_form(text, &mut out);
            assert_eq!(out, expected);
            let form = format!("a={out}&b=x");
            assert_eq!(form_field(form.as_bytes(), "a").unwrap().unwrap(), text);
        }
        let mut form = String::new();
        add_to_form("a", "1 2", &mut form);
        add_to_form("b", "", &mut form);
        assert_eq!(form, "a=1+2&b=");
    }

    #[test]
    fn a_field_has_one_value_that_every_reader_finds() {
        let is = |text: &str| Ok(Some(text.to_owned()));
        let cases: &[(&str, &[u8], Result<Option<String>, FieldError>)] = &[
            ("plain", b"a=1&code=xyz", is("xyz")),
            ("not there", b"a=1&codes=xyz", Ok(None)),
            ("nothing at all", b"", Ok(None)),
            ("empty", b"code=&a", is("")),
            ("without a value", b"code", is("")),
            ("with an equals sign in it", b"code=a=b", is("a=b")),
            ("an escaped name", b"%63ode=1", is("1")),
            ("another case", b"Code=1", Ok(None)),
            ("escapes and spaces", b"code=%41+%2B%2b", is("A ++")),
            ("an escape of an escape", b"code=%2541", is("%41")),
            ("twice", b"code=1&code=1", Err(FieldError::Twice)),
            ("twice, once escaped", b"code=1&c%6fde=2", Err(FieldError::Twice)),
            ("half an escape", b"code=%4", Err(FieldError::Unreadable)),
            ("no escape", b"code=%zz", Err(FieldError::Unreadable)),
            ("a good escape and one that is none", b"code=%41%zz", Err(FieldError::Unreadable)),
            ("a bare percent sign with a space", b"code=+%", Err(FieldError::Unreadable)),
            ("not UTF-8", b"code=\xff", Err(FieldError::Unreadable)),
            ("not UTF-8 once decoded", b"code=%ff", Err(FieldError::Unreadable)),
            ("what is unreadable elsewhere", b"x=%zz&\xff&code=1", is("1")),
        ];
        for (name, form, expected) in cases {
            let found = form_field(form, "code").map(|value| value.map(Cow::into_owned));
            assert_eq!(found, *expected, "{name}");
        }
        let long = vec![b'&'; MAX_FORM_BYTES + 1];
        assert_eq!(form_field(&long, "code"), Err(FieldError::TooLong));
        assert_eq!(form_field(&long[1..], "code"), Ok(None));
    }

    #[test]
    fn a_query_that_an_endpoint_has_stays() {
        for (url, expected) in [
            ("https://a/b", "https://a/b?c=d"),
            ("https://a/b?", "https://a/b?c=d"),
            ("https://a/b?x=y", "https://a/b?x=y&c=d"),
            ("https://a/b?x&", "https://a/b?x&c=d"),
        ] {
            assert_eq!(with_query(url, "c=d"), expected);
        }
    }
}
