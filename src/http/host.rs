//! The host that a request is for, read in the one way that every hop shares.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The host of an authority (RFC 9110 §7.2) as it is compared: in lower case, without port and final
/// dot; an IPv6 address in brackets, in its one spelling (RFC 5952). Only where there is a capital or
/// an address is anything copied.
///
/// `None` where servers could read it differently: whatever is not a name of letters, digits, `-`,
/// `_` and single dots, or an address in brackets, and behind that nothing, or `:` and digits.
pub fn comparable_host(authority: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(rest) = authority.strip_prefix(b"[") {
        let end = rest.iter().position(|&byte| byte == b']')?;
        let (address, port) = rest.split_at_checked(end)?;
        let known = is_port(port.strip_prefix(b"]")?);
        return known.then(|| address_in_brackets(address))?.map(|host| host.into_bytes().into());
    }
    let colon = authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len());
    let (name, port) = authority.split_at_checked(colon)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    if !is_port(port) || !is_name(name) {
        return None;
    }
    Some(match name.iter().any(u8::is_ascii_uppercase) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    })
}

/// An IPv6 address (RFC 4291 §2.2, without a zone) in its one spelling, in brackets.
pub fn address_in_brackets(address: &[u8]) -> Option<String> {
    let address: Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
    Some(format!("[{address}]"))
}

/// Whether these are labels of known characters, each with something in it (in any case).
pub fn is_name(name: &[u8]) -> bool {
    let mut is_empty = true;
    // In one pass, since each request at a protected resource is asked.
    for byte in name {
        match byte {
            b'.' if is_empty => return false,
            b'.' => is_empty = true,
            b'-' | b'_' => is_empty = false,
            _ if byte.is_ascii_alphanumeric() => is_empty = false,
            _ => return false,
        }
    }
    !is_empty
}

/// Whether this is nothing, or a colon and digits (RFC 3986 §3.2.3: they may be missing).
fn is_port(port: &[u8]) -> bool {
    let digits = port.strip_prefix(b":").unwrap_or(port);
    digits.iter().all(u8::is_ascii_digit) && (port.is_empty() || digits.len() < port.len())
}

#[cfg(test)]
mod tests;
