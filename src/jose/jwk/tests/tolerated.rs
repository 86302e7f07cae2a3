//! What providers write otherwise than they should, and what is the same key all the same.

use super::*;

#[test]
fn members_that_say_nothing_count_as_absent() {
    let names = ["alg", "use", "kid", "key_ops", "x5c", "x5t", "x5t#S256", "x5u"];
    let plain = parsed(&[rsa()]);
    let mut all = rsa();
    for nothing in [Value::Null, json!(""), json!([])] {
        for name in names {
            all = with(all, name, nothing.clone());
            let one = parse(&[with(rsa(), name, nothing.clone())]).unwrap();
            assert_eq!(one.set.version(), plain.version(), "{name}: {nothing}");
            assert!(one.tolerated.is_empty() && one.skipped.is_empty(), "{name}: {nothing}");
        }
        let set = parsed(std::slice::from_ref(&all));
        let key = set.iter().next().unwrap();
        assert_eq!((set.version(), key.kid(), key.alg()), (plain.version(), None, None), "{all}");
        assert_eq!(parse(&[rsa(), all.clone()]).unwrap().set.len(), 1, "one key, written twice");
    }
    let skipped = parse(&[rsa(), json!({ "kty": "AKP", "kid": "" })]).unwrap().skipped;
    assert_eq!(skipped[0].to_string(), "keys[1]: its `kty` is `AKP`, which is not supported");
}

/// A member with so many bytes cut from its end, and these put there.
pub(super) fn cut(key: Value, name: &str, bytes: usize, behind: &[u8]) -> Value {
    let value = URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let value = [&value[..value.len() - bytes], behind].concat();
    with(key, name, encoded(value))
}

/// A member with so many zero octets in front; where the number is negative, with fewer.
pub(super) fn zeros_before(key: Value, name: &str, count: isize) -> Value {
    let value = URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let less = usize::try_from(-count).unwrap_or(0);
    assert!(value[..less].iter().all(|byte| *byte == 0), "only zero octets may be cut");
    let zeros = vec![0; usize::try_from(count).unwrap_or(0)];
    with(key, name, encoded([&zeros, &value[less..]].concat()))
}

fn padded(key: Value, name: &str) -> Value {
    let value = key[name].as_str().unwrap().to_owned();
    let padding = "=".repeat(value.len().next_multiple_of(4) - value.len());
    assert!(!padding.is_empty(), "{name} needs no padding");
    with(key, name, value + &padding)
}

/// A key of a curve whose member begins with a zero octet.
fn short(curve: Alg, member: &str) -> Value {
    loop {
        let jwk = match curve {
            Alg::Es256 => ES256KeyPair::generate().public_key().to_jwk(),
            _ => ES384KeyPair::generate().public_key().to_jwk(),
        };
        let key = without(serde_json::from_str(&jwk).unwrap(), "alg");
        if URL_SAFE_NO_PAD.decode(key[member].as_str().unwrap()).unwrap()[0] == 0 {
            return key;
        }
    }
}

#[test]
fn numbers_that_are_written_otherwise_are_taken_and_told() {
    let p256_x = short(Alg::Es256, "x");
    let p384_y = short(Alg::Es384, "y");
    let (pads, zeros) = ("has padding (`=`)", "has zero octets in front");
    let shorter = "is shorter than its curve's field";
    let cases = [
        ("n, padded", rsa(), padded(rsa(), "n"), ("n", pads)),
        (
            "n and e with zero octets",
            rsa(),
            with(zeros_before(rsa(), "n", 1), "e", "AAEAAQ"),
            ("n", zeros),
        ),
        ("e, with a zero octet and padded", rsa(), with(rsa(), "e", "AAEAAQ=="), ("e", pads)),
        ("n, with many", rsa(), zeros_before(rsa(), "n", 300), ("n", zeros)),
        ("P-256, padded", p256(), padded(padded(p256(), "x"), "y"), ("x", pads)),
        ("P-256, with a sign octet", p256(), zeros_before(p256(), "y", 1), ("y", zeros)),
        ("P-256, x short", p256_x.clone(), zeros_before(p256_x.clone(), "x", -1), ("x", shorter)),
        (
            "P-256, x short and padded",
            p256_x.clone(),
            padded(zeros_before(p256_x, "x", -1), "x"),
            ("x", pads),
        ),
        ("P-384, y short", p384_y.clone(), zeros_before(p384_y, "y", -1), ("y", shorter)),
        ("P-521, x short", p521(), zeros_before(p521(), "x", -1), ("x", shorter)),
        ("P-521, y with a sign octet", p521(), zeros_before(p521(), "y", 2), ("y", zeros)),
        ("Ed25519, padded", ed25519(), padded(ed25519(), "x"), ("x", pads)),
    ];
    for (name, good, odd, (member, how)) in cases {
        let (good, odd) = (with(good, "kid", "k1"), with(odd, "kid", "k1"));
        let clean = parse(std::slice::from_ref(&good)).unwrap();
        let taken = parse(std::slice::from_ref(&odd)).unwrap();
        assert!(clean.tolerated.is_empty(), "{name}");
        assert_eq!(taken.set.version(), clean.set.version(), "{name}: it is the same key");
        let (one, other) = (taken.set.iter().next().unwrap(), clean.set.iter().next().unwrap());
        assert_eq!(one.spki_der(), other.spki_der(), "{name}: also for whoever checks outside");
        let told = |parsed: &ParsedSet| -> Vec<String> {
            parsed.tolerated.iter().map(|(entry, odd)| format!("{entry}: {odd}")).collect()
        };
        assert_eq!(told(&taken), [format!("keys[0] (kid `k1`): its `{member}` {how}")], "{name}");
        for (order, keys, expected) in [
            ("odd first", [odd.clone(), good.clone()], 1),
            ("odd second", [good, odd.clone()], 0),
            ("twice", [odd.clone(), odd], 1),
        ] {
            let both = parse(&keys).unwrap();
            assert_eq!(
                (both.set.len(), both.tolerated.len(), both.skipped.len()),
                (1, expected, 0),
                "{name}, {order}: one key that counts and is told once"
            );
        }
    }
    let text = json!({ "keys": [with(oct(32), "k", encoded([7; 32]) + "=")] }).to_string();
    let inline = KeySet::parse(text.as_bytes(), Origin::Inline).unwrap();
    assert_eq!(inline.tolerated[0].1.to_string(), "its `k` has padding (`=`)");
}

#[test]
fn zero_octets_of_a_secret_are_part_of_it() {
    let secret = |bytes: &[u8]| *inline(with(oct(1), "k", encoded(bytes))).unwrap().thumbprint();
    assert_ne!(secret(&[7; 32]), secret(&[[0; 1].as_slice(), &[7; 32]].concat()));
}
