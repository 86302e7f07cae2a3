use std::cell::Cell;

use super::*;

/// Other bytes each time.
struct Counting(Cell<u64>);

impl Random for Counting {
    fn u64(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Nothing.
struct Ended;

impl Random for Ended {
    fn u64(&self) -> u64 {
        7
    }

    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

fn random() -> Counting {
    Counting(Cell::new(0))
}

fn secret(byte: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![byte; 32])
}

fn keys(bytes: &[u8]) -> SealKeys {
    SealKeys::new(bytes.iter().map(|byte| secret(*byte)).collect()).unwrap()
}

const CONTEXT: &[&[u8]] = &[b"https://id.example.com", b"client", b"portal.example.com"];

fn sealed(keys: &SealKeys, purpose: Purpose) -> String {
    keys.seal(purpose, CONTEXT, b"alice", &random()).unwrap()
}

fn opened(keys: &SealKeys, text: &str) -> Result<Vec<u8>, Unopened> {
    keys.open(Purpose::Session, CONTEXT, text).map(|plain| plain.to_vec())
}

#[test]
fn what_was_sealed_opens_whatever_its_length() {
    let keys = keys(&[1]);
    for length in [0, 1, 15, 16, 17, 63, 64, 65, 1000, 12_000] {
        let plain: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let text = keys.seal(Purpose::Refresh, CONTEXT, &plain, &random()).unwrap();
        assert_eq!(text.len(), ((plain.len() + OVERHEAD_BYTES) * 4).div_ceil(3));
        assert_eq!(*keys.open(Purpose::Refresh, CONTEXT, &text).unwrap(), plain, "{length}");
        let bytes = keys.seal_bytes(Purpose::Refresh, CONTEXT, &plain, &random()).unwrap();
        assert_eq!(*keys.open_bytes(Purpose::Refresh, CONTEXT, bytes).unwrap(), plain, "{length}");
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let keys = keys(&[1]);
    let bytes = URL_SAFE_NO_PAD.decode(sealed(&keys, Purpose::Session)).unwrap();
    assert_eq!(bytes.len(), 1 + 2 + 24 + 5 + 16);
    let hmac = |parts: &[&[u8]]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[1; 32]).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        <[u8; 32]>::from(mac.finalize().into_bytes())
    };
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[1..3], hmac(&[b"tollgate key id 1"])[..2]);
    let mut beside = Vec::new();
    for field in [&b"session"[..], CONTEXT[0], CONTEXT[1], CONTEXT[2]] {
        beside.extend((field.len() as u64).to_le_bytes());
        beside.extend(field);
    }
    let mut text = bytes[27..32].to_vec();
    let key = hmac(&[b"tollgate seal 1 ", b"session"]);
    let (nonce, tag) = (bytes[3..27].try_into().unwrap(), bytes[32..].try_into().unwrap());
    aead::decrypt(&key, nonce, &beside, &mut text, tag).unwrap();
    assert_eq!(text, b"alice");
}

#[test]
fn h01_one_bit_flipped_anywhere_opens_nothing() {
    let keys = keys(&[1, 2]);
    let text = sealed(&keys, Purpose::Session);
    let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 => Unopened::Version(changed[0]),
            1 | 2 => Unopened::AnotherKey,
            _ => Unopened::NotAuthentic,
        };
        assert_eq!(opened(&keys, &URL_SAFE_NO_PAD.encode(changed)), Err(expected), "{bit}");
    }
    for at in 0..text.len() {
        for with in ["A", "_", "=", "%", "\u{0}"] {
            let mut changed = text.clone();
            changed.replace_range(at..=at, with);
            assert!(changed == text || opened(&keys, &changed).is_err(), "{at} {with:?}");
        }
    }
}

#[test]
fn h02_another_context_opens_nothing() {
    let keys = keys(&[1]);
    let text = sealed(&keys, Purpose::Session);
    let cases: &[(&str, &[&[u8]])] = &[
        ("another issuer", &[b"https://id.example.org", CONTEXT[1], CONTEXT[2]]),
        ("another client", &[CONTEXT[0], b"client2", CONTEXT[2]]),
        ("another host", &[CONTEXT[0], CONTEXT[1], b"evil.example.com"]),
        ("another order", &[CONTEXT[1], CONTEXT[0], CONTEXT[2]]),
        ("the same bytes, cut elsewhere", &[b"https://id.example.comc", b"lient", CONTEXT[2]]),
        ("the same bytes in one field", &[b"https://id.example.comclientportal.example.com"]),
        ("a field more", &[CONTEXT[0], CONTEXT[1], CONTEXT[2], b""]),
        ("a field less", &[CONTEXT[0], CONTEXT[1]]),
        ("none", &[]),
    ];
    for (name, context) in cases {
        let opened = keys.open(Purpose::Session, context, &text);
        assert_eq!(opened.err(), Some(Unopened::NotAuthentic), "{name}");
    }
}

#[test]
fn h08_what_has_another_form_opens_nothing() {
    let keys = keys(&[1]);
    let good = sealed(&keys, Purpose::Session);
    // 48 bytes are 64 characters; one byte more inside leaves bits that must be 0.
    let ragged = keys.seal(Purpose::Session, CONTEXT, b"alice!", &random()).unwrap();
    let mut not_canonical = ragged.clone();
    let last = not_canonical.pop().unwrap();
    not_canonical.push(char::from(last as u8 + 1));
    assert!(opened(&keys, &ragged).is_ok());
    let framed = URL_SAFE_NO_PAD.decode(&good).unwrap();
    let cases = [
        ("nothing", String::new()),
        ("one byte", "A".to_owned()),
        ("three bytes", good[..3].to_owned()),
        ("the head alone", good[..4].to_owned()),
        ("42 bytes, shorter than the frame", URL_SAFE_NO_PAD.encode(&framed[..42])),
        ("padded", format!("{ragged}==")),
        ("padded at a whole group", format!("{good}=")),
        ("not canonical", not_canonical),
        ("the other alphabet", format!("{}+/", &good[..62])),
        ("a space", format!("{} {}", &good[..31], &good[32..])),
        ("quotes", format!("\"{good}\"")),
        ("not ASCII", format!("{}é", &good[..62])),
        ("not ASCII at the head's end", "abcé".to_owned()),
        ("60 KB", format!("{good}{}", "A".repeat(60_000))),
    ];
    for (name, text) in cases {
        assert_eq!(opened(&keys, &text), Err(Unopened::Form), "{name}");
    }
    let frame = URL_SAFE_NO_PAD.encode(&framed[..OVERHEAD_BYTES]);
    assert_eq!(opened(&keys, &frame), Err(Unopened::NotAuthentic));
}

#[test]
fn h10_another_version_or_key_is_told_as_such() {
    let keys = keys(&[1]);
    let bytes = URL_SAFE_NO_PAD.decode(sealed(&keys, Purpose::Session)).unwrap();
    for version in [0, 2, 255] {
        let mut changed = bytes.clone();
        changed[0] = version;
        let text = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(opened(&keys, &text), Err(Unopened::Version(version)));
    }
    let text = sealed(&self::keys(&[9]), Purpose::Session);
    assert_eq!(opened(&keys, &text), Err(Unopened::AnotherKey));
}

#[test]
fn h11_what_was_sealed_for_one_purpose_opens_for_no_other() {
    let keys = keys(&[1]);
    for made in Purpose::ALL {
        let text = sealed(&keys, made);
        for used in Purpose::ALL {
            let opened = keys.open(used, CONTEXT, &text);
            let expected = (made != used).then_some(Unopened::NotAuthentic);
            assert_eq!(opened.err(), expected, "{made:?} as {used:?}");
        }
    }
}

#[test]
fn h13_the_first_key_seals_and_all_open() {
    let [new_and_old, new, old_and_new] = [&[2, 1][..], &[2], &[1, 2]].map(keys);
    let old = sealed(&keys(&[1]), Purpose::Session);
    assert!(opened(&new_and_old, &old).is_ok());
    assert_eq!(opened(&new, &old), Err(Unopened::AnotherKey));
    assert!(opened(&old_and_new, &old).is_ok());
    assert!(opened(&new, &sealed(&new_and_old, Purpose::Session)).is_ok());
    assert!(opened(&new, &sealed(&old_and_new, Purpose::Session)).is_err());
}

#[test]
fn secrets_are_refused_with_their_place() {
    let new = |secrets: &[Zeroizing<Vec<u8>>]| SealKeys::new(secrets.to_vec()).map(|_| ());
    let short = Zeroizing::new(vec![1; 31]);
    let cases: &[(&str, &[Zeroizing<Vec<u8>>], BadKeys)] = &[
        ("none", &[], BadKeys::Count(0)),
        ("five", &[1, 2, 3, 4, 5].map(secret), BadKeys::Count(5)),
        ("a short one", &[secret(1), short], BadKeys::Short { place: 1, bytes: 31 }),
        ("an empty one", &[Zeroizing::default()], BadKeys::Short { place: 0, bytes: 0 }),
        ("one twice", &[1, 2, 1].map(secret), BadKeys::Same { place: 2, as_place: 0 }),
    ];
    for (name, secrets, expected) in cases {
        assert_eq!(new(secrets), Err(*expected), "{name}");
    }
    assert_eq!(new(&[1, 2, 3, 4].map(secret)), Ok(()));
    assert_eq!(new(&[Zeroizing::new(vec![1; 4096])]), Ok(()));
}

#[test]
fn different_secrets_with_one_id_are_refused() {
    // Found by trying: one in 65,536 has the id of the first.
    let id = |number: u32| Key::of(&numbered(number)).unwrap().id;
    let numbered_like = (1..).find(|number| id(*number) == id(0)).unwrap();
    let secrets = [0, numbered_like].map(|number| Zeroizing::new(numbered(number)));
    let refused = SealKeys::new(secrets.to_vec()).err();
    assert_eq!(refused, Some(BadKeys::Same { place: 1, as_place: 0 }));
}

fn numbered(number: u32) -> Vec<u8> {
    [&[0; 28][..], &number.to_le_bytes()].concat()
}

#[test]
fn no_nonce_comes_twice_and_none_is_made_up() {
    let (keys, random) = (keys(&[1]), random());
    let one = keys.seal(Purpose::State, CONTEXT, b"same", &random).unwrap();
    let other = keys.seal(Purpose::State, CONTEXT, b"same", &random).unwrap();
    assert_ne!(one[4..36], other[4..36]);
    assert_eq!(keys.seal(Purpose::State, CONTEXT, b"same", &Ended), Err(NoRandomness));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", keys(&[65, 66])), "2 keys");
}
