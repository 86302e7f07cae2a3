//! The trace that a request belongs to (W3C Trace Context).

/// The trace id of a `traceparent`: `00-<trace id>-<parent id>-<flags>`, hexadecimal digits in lower
/// case (§3.2.2). A version that is not known yet may have more behind that (§3.2.4).
pub(super) fn id(parent: &[u8]) -> Option<&str> {
    let parent = std::str::from_utf8(parent).ok()?;
    let mut parts = parent.split('-');
    let mut part = |length: usize| {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        parts.next().filter(|part| part.len() == length && part.bytes().all(is_digit))
    };
    let version = part(2).filter(|version| *version != "ff")?;
    let means_something = |id: &&str| id.bytes().any(|digit| digit != b'0');
    let id = part(32).filter(means_something)?;
    part(16).filter(means_something)?;
    part(2)?;
    (version != "00" || parts.next().is_none()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_id_is_read_out_of_what_is_valid_alone() {
        let parent = format!("00-{ID}-00f067aa0ba902b7-01");
        for good in [
            parent.clone(),
            parent.replacen("00-", "01-", 1),
            format!("{}-more-of-it", parent.replacen("00-", "cc-", 1)),
        ] {
            assert_eq!(id(good.as_bytes()), Some(ID), "{good}");
        }
        for bad in [
            String::new(),
            "00".to_owned(),
            ID.to_owned(),
            format!("{parent}-00"),
            format!("{parent}-"),
            format!("{parent} "),
            format!(" {parent}"),
            parent.to_uppercase(),
            parent.replace("00-4", "ff-4"),
            parent.replace("00-4", "0g-4"),
            parent.replace("00-4", "0-4"),
            parent.replace(ID, &"0".repeat(32)),
            parent.replace(ID, &ID[1..]),
            parent.replace(ID, &format!("{ID}0")),
            parent.replace("00f067aa0ba902b7", &"0".repeat(16)),
            parent.replace("00f067aa0ba902b7", "00f067aa0ba902"),
            parent.replace("-01", ""),
            parent.replace("-01", "-1"),
            parent.replace("-01", "-zz"),
            parent.replacen("00-", "01-", 1) + "0",
        ] {
            assert_eq!(id(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(id(b"\xff\xfe"), None);
    }
}
