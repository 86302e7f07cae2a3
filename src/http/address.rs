//! The network address that a request comes from, as far as callers are told apart by it.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What of an IP address tells callers apart: an IPv4 address whole; of an IPv6 address the first 64
/// bits, since whoever has one address there has at least as many as those leave (RFC 6177). An IPv4
/// address within an IPv6 one (`::ffff:0:0/96`, RFC 4291 §2.5.5.2) is that IPv4 address.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Address([u8; 9]);

/// Longest text of an address with its port.
const MAX_BYTES: usize = 64;

impl Address {
    /// Reads an address with or without its port, as hosts write it: `192.0.2.1:443`,
    /// `[2001:db8::1]:443`. `None` for whatever is no IP address, or could be read in two ways: a pipe,
    /// a name, a zone, an IPv6 address without brackets.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok().filter(|text| text.len() <= MAX_BYTES)?;
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            is_port(port).then_some(())?;
            return Some(Self::of(address.parse().ok()?));
        }
        let end = text.find(':').unwrap_or(text.len());
        let (address, port) = text.split_at_checked(end)?;
        is_port(port).then_some(())?;
        Some(Self::of_v4(address.parse().ok()?))
    }

    fn of(address: Ipv6Addr) -> Self {
        if let Some(address) = address.to_ipv4_mapped() {
            return Self::of_v4(address);
        }
        let [a, b, c, d, e, f, g, h, ..] = address.octets();
        Self([6, a, b, c, d, e, f, g, h])
    }

    const fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets();
        Self([4, a, b, c, d, 0, 0, 0, 0])
    }

    /// Bytes that no two addresses have in common.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Address {
    /// As much of it as tells callers apart: `192.0.2.1`, `2001:db8::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [4, a, b, c, d, ..] => Ipv4Addr::new(a, b, c, d).fmt(f),
            [_, a, b, c, d, e, g, h, i] => {
                let rest = [0; 8];
                let [j, k, l, m, n, o, p, q] = rest;
                let all = [a, b, c, d, e, g, h, i, j, k, l, m, n, o, p, q];
                write!(f, "{}/64", Ipv6Addr::from(all))
            }
        }
    }
}

/// Whether this is nothing, or a colon and a port's number.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

#[cfg(test)]
mod tests;
