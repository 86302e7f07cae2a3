//! Which addresses are one, and which are none.

use proptest::prelude::*;

use super::*;

/// What is counted for a text; `-` for nothing.
fn read(text: &str) -> String {
    Address::parse(text.as_bytes()).map_or("-".into(), |address| address.to_string())
}

#[test]
fn an_ipv4_address_counts_whole_and_an_ipv6_address_by_its_first_64_bits() {
    let cases = [
        // as the host says it, what is counted
        ("192.0.2.1:443", "192.0.2.1"),
        ("192.0.2.1:0", "192.0.2.1"),
        ("192.0.2.1:65535", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("0.0.0.0:1", "0.0.0.0"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8:0:0:ffff::1]:443", "2001:db8::/64"),
        ("[2001:db8:0:1::1]:443", "2001:db8:0:1::/64"),
        ("[2001:DB8:1:2:3:4:5:6]:0", "2001:db8:1:2::/64"),
        ("[::1]:80", "::/64"),
        ("[fe80::1]:80", "fe80::/64"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("[::ffff:c000:201]:443", "192.0.2.1"),
        ("[0:0:0:0:0:ffff:c000:201]", "192.0.2.1"),
        // Not mapped: others have the same last 32 bits.
        ("[::192.0.2.1]:443", "::/64"),
        ("[64:ff9b::192.0.2.1]:443", "64:ff9b::/64"),
        ("[::fffe:192.0.2.1]:443", "::/64"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_ip_address_or_could_be_two_is_none() {
    let long = format!("[{}::1]:443", "0".repeat(64));
    let cases = [
        "",
        ":",
        ":443",
        "/var/run/envoy.sock",
        "@abstract",
        "envoy://internal/1",
        "localhost:80",
        "192.0.2:80",
        "192.0.2.1.5:80",
        "192.0.2.256:80",
        "192.0.2.01:80",
        "0xc0.0.2.1:80",
        "3221225985:80",
        "192.0.2.1:",
        "192.0.2.1:http",
        "192.0.2.1:65536",
        "192.0.2.1:+80",
        "192.0.2.1:80:80",
        "192.0.2.1:80 ",
        " 192.0.2.1:80",
        "192.0.2.1,198.51.100.7",
        "2001:db8::1",
        "2001:db8::1:443",
        "::1",
        "[2001:db8::1%eth0]:443",
        "[fe80::1%1]:443",
        "[fe80::1%251]:443",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "[2001:db8::1]:443]",
        "[2001:db8::1",
        "[192.0.2.1]:443",
        "[2001:db8::g]:443",
        "[]:443",
        "192.0.2.1\0:80",
        &long,
    ];
    for text in cases {
        assert_eq!(read(text), "-", "{text:?}");
    }
    assert_eq!(Address::parse(b"192.0.2.\xff:80"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Address::parse(&raw);
    }

    #[test]
    fn the_port_tells_no_callers_apart(v4 in any::<u32>(), v6 in any::<u128>(), port in any::<u16>()) {
        let v4 = Ipv4Addr::from(v4);
        let found = Address::parse(format!("{v4}:{port}").as_bytes());
        prop_assert_eq!(found, Address::parse(v4.to_string().as_bytes()));
        prop_assert_eq!(found.map(|found| found.to_string()), Some(v4.to_string()));
        let mapped = Address::parse(format!("[{}]:{port}", v4.to_ipv6_mapped()).as_bytes());
        prop_assert_eq!(found, mapped);
        let v6 = Ipv6Addr::from(v6);
        let bare = format!("[{v6}]");
        prop_assert_eq!(
            Address::parse(format!("{bare}:{port}").as_bytes()),
            Address::parse(bare.as_bytes())
        );
    }

    #[test]
    fn ipv6_addresses_are_one_where_their_first_64_bits_are(
        one in any::<u64>(), other in any::<u64>(), ends in any::<(u64, u64)>(),
    ) {
        let read = |high: u64, low: u64| {
            let address = Ipv6Addr::from(u128::from(high) << 64 | u128::from(low));
            Address::parse(format!("[{address}]:1").as_bytes()).unwrap()
        };
        // The zero network holds the mapped addresses.
        let (one, other) = (one | 1 << 63, other | 1 << 63);
        prop_assert_eq!(read(one, ends.0), read(one, ends.1));
        prop_assert_eq!(read(one, ends.0) == read(other, ends.1), one == other);
    }
}
