//! Tokens that were verified before: not again while their key is in use, and not a moment longer.

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p384::ecdsa::signature::Signer as _;
use support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use support::world::{CONFIG, Worker, World};

fn token(signer: &Signer, identity: &str) -> String {
    signer.sign(&Token::for_identity(identity).claim("exp", NOW + 86_400))
}

fn wait(world: &World, seconds: u64) {
    world.wait(Duration::from_secs(seconds));
}

/// Asks for a token's verdict, and how many signatures that took.
fn verdict(world: &World, worker: &mut Worker<'_>, token: &str) -> (String, u32) {
    let before = world.verifications();
    let stream = worker.get(token);
    (worker.verdict(stream), world.verifications() - before)
}

fn forwarded(count: u32) -> (String, u32) {
    ("forwarded".into(), count)
}

#[test]
fn a_token_is_verified_once_in_each_worker() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    workers[0].fetch(&key_set(&[&signer]));
    let alice = token(&signer, "alice");
    for worker in &mut workers {
        assert_eq!(verdict(&world, worker, &alice), forwarded(1));
        assert_eq!(verdict(&world, worker, &alice), forwarded(0));
        assert_eq!(verdict(&world, worker, &token(&signer, "bob")), forwarded(1));
        assert_eq!(worker.notes.values().filter(|note| *note == "alice").count(), 2);
    }
}

#[test]
fn one_bit_more_or_less_is_another_token() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let alice = token(&signer, "alice");
    assert_eq!(verdict(&world, &mut worker, &alice), forwarded(1));
    for at in (0..alice.len()).step_by(7) {
        let mut other = alice.clone().into_bytes();
        other[at] ^= 1;
        let Ok(other) = String::from_utf8(other) else { continue };
        assert_ne!(verdict(&world, &mut worker, &other).0, "forwarded", "byte {at}");
    }
    let (head, _) = alice.rsplit_once('.').unwrap();
    assert_ne!(verdict(&world, &mut worker, &format!("{head}.")).0, "forwarded");
    assert_eq!(verdict(&world, &mut worker, &alice), forwarded(0));
}

#[test]
fn time_is_judged_on_every_hit() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let short = signer.sign(&Token::for_identity("alice"));
    assert_eq!(verdict(&world, &mut worker, &short), forwarded(1));
    wait(&world, 359);
    assert_eq!(verdict(&world, &mut worker, &short), forwarded(0));
    wait(&world, 1);
    assert_eq!(verdict(&world, &mut worker, &short), ("token_expired".into(), 0));
}

#[test]
fn a_withdrawn_key_ends_its_tokens_and_nothing_else_does() {
    let world = World::default();
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let mut workers = [Worker::new(&world, CONFIG), Worker::new(&world, CONFIG)];
    workers[0].fetch(&key_set(&[&old, &new]));
    let (of_old, of_new) = (token(&old, "alice"), token(&new, "alice"));
    for worker in &mut workers {
        assert_eq!(verdict(&world, worker, &of_old), forwarded(1));
        assert_eq!(verdict(&world, worker, &of_new), forwarded(1));
    }
    // The same set again, a flood of unknown kids, and a set with one key more change nothing.
    wait(&world, 600);
    workers[0].fetch(&key_set(&[&new, &old]));
    for n in 0..50 {
        workers[0].get(&old.sign(&Token::for_identity("eve").header("kid", format!("x{n}"))));
    }
    workers[0].fetch(&key_set(&[&new, &old, &Signer::new("k3")]));
    workers[1].tick();
    for worker in &mut workers {
        assert_eq!(verdict(&world, worker, &of_old), forwarded(0));
        assert_eq!(verdict(&world, worker, &of_new), forwarded(0));
    }
    // One withdrawn: its tokens end in every worker, the other's go on.
    wait(&world, 600);
    workers[0].fetch(&key_set(&[&new]));
    workers[1].tick();
    for worker in &mut workers {
        assert_eq!(verdict(&world, worker, &of_new), forwarded(0));
        let stream = worker.get(&of_old);
        worker.tick();
        if !worker.calls.is_empty() {
            worker.answer(200, &[], &key_set(&[&new]));
        }
        assert_eq!(worker.verdict(stream), "token_key_unknown");
    }
    // The same key id with another key behind it is another key.
    wait(&world, 600);
    workers[0].fetch(&key_set(&[&new.renewed()]));
    assert_eq!(verdict(&world, &mut workers[0], &of_new), ("token_signature_invalid".into(), 1));
}

#[test]
fn keys_that_are_too_old_verify_nothing_not_even_again() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let long = signer.sign(&Token::for_identity("alice").claim("exp", NOW + 864_000));
    assert_eq!(verdict(&world, &mut worker, &long), forwarded(1));
    wait(&world, 86_401);
    assert_eq!(verdict(&world, &mut worker, &long), ("keys_stale".into(), 0));
}

#[test]
fn refused_tokens_never_push_out_good_ones_and_good_ones_only_the_oldest() {
    let world = World::default();
    let signer = Signer::new("k1");
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&[&signer]));
    let alice = token(&signer, "alice");
    assert_eq!(verdict(&world, &mut worker, &alice), forwarded(1));
    let (signed, _) = alice.rsplit_once('.').unwrap();
    for n in 0..6000 {
        let forged = format!("{signed}.{n:086}");
        assert_ne!(verdict(&world, &mut worker, &forged).0, "forwarded");
    }
    assert_eq!(verdict(&world, &mut worker, &alice), forwarded(0));
    for n in 0..6000 {
        assert_eq!(verdict(&world, &mut worker, &token(&signer, &n.to_string())), forwarded(1));
        if n % 1000 == 0 {
            assert_eq!(verdict(&world, &mut worker, &alice), forwarded(0), "used, so kept");
        }
    }
    assert_eq!(verdict(&world, &mut worker, &token(&signer, "0")), forwarded(1), "forgotten");
    assert_eq!(verdict(&world, &mut worker, &token(&signer, "5999")), forwarded(0), "kept");
}

/// A P-384 key and a token signed with it, good or forged.
fn es384() -> (serde_json::Value, impl Fn(&str, bool) -> String) {
    let pair = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
    let point = pair.verifying_key().to_sec1_point(false);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = serde_json::json!({
        "kty": "EC", "crv": "P-384", "kid": "slow",
        "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
    });
    let sign = move |identity: &str, is_good: bool| {
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": identity, "exp": NOW + 300,
        });
        let header = encode(br#"{"alg":"ES384","kid":"slow"}"#);
        let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
        let text = if is_good { signed.clone() } else { format!("{signed}x") };
        let signature: p384::ecdsa::Signature = pair.sign(text.as_bytes());
        format!("{signed}.{}", encode(&signature.to_bytes()))
    };
    (jwk, sign)
}

#[test]
fn forged_tokens_on_a_slow_curve_have_a_budget_and_known_ones_need_none() {
    let world = World::default();
    let (jwk, sign) = es384();
    let config = serde_json::json!({ "providers": { "idp": {
        "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": ["ES384"],
        "jwks": { "inline": { "keys": [jwk] } },
    } } });
    let mut worker = Worker::new(&world, &config.to_string());
    let known = sign("alice", true);
    assert_eq!(verdict(&world, &mut worker, &known), forwarded(1));
    for n in 0..20 {
        let forged = sign(&n.to_string(), false);
        let refused = ("token_signature_invalid".into(), 1);
        assert_eq!(verdict(&world, &mut worker, &forged), refused, "{n}");
    }
    let refused = ("verify_budget".into(), 0);
    assert_eq!(verdict(&world, &mut worker, &sign("20", false)), refused);
    assert_eq!(verdict(&world, &mut worker, &sign("bob", true)), refused);
    assert_eq!(verdict(&world, &mut worker, &known), forwarded(0), "verified before");
    wait(&world, 1);
    assert_eq!(verdict(&world, &mut worker, &sign("bob", true)), forwarded(1));
}

/// An inline configuration of these keys and an algorithm.
fn with_keys(alg: &str, keys: &[serde_json::Value]) -> String {
    serde_json::json!({ "providers": { "idp": {
        "issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": [alg],
        "jwks": { "inline": { "keys": keys } },
    } } })
    .to_string()
}

/// An RSA key of so many bits whose other half nobody has.
fn rsa(bits: usize, nth: u8) -> serde_json::Value {
    let mut modulus = vec![0xff; bits / 8];
    modulus[7] = nth;
    let n = URL_SAFE_NO_PAD.encode(modulus);
    serde_json::json!({ "kty": "RSA", "kid": format!("r{nth}"), "n": n, "e": "AQAB" })
}

/// A token that nobody signed: a signature of so many bytes.
fn forged(alg: &str, kid: Option<&str>, identity: usize, bytes: usize) -> String {
    let mut header = serde_json::json!({ "alg": alg });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    let claims = serde_json::json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": identity.to_string(), "exp": NOW + 300,
    });
    let parts = [header.to_string().into_bytes(), claims.to_string().into_bytes(), vec![9; bytes]];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

#[test]
fn what_is_dear_to_check_has_a_budget_by_its_cost_and_what_is_cheap_has_none() {
    let eddsa: Vec<_> = (0..8).map(|n| Signer::new(&format!("k{n}")).jwk()).collect();
    let of = |bits: usize, count: u8| (0..count).map(|nth| rsa(bits, nth)).collect::<Vec<_>>();
    let p521 = serde_json::json!({ "kty": "EC", "crv": "P-521", "kid": "p",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1" });
    let p256 = serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": "e",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let cases = [
        // what, algorithm, keys, `kid`, bytes of the signature, how many are checked in a second
        ("eight Ed25519 keys to try", "EdDSA", eddsa.clone(), None, 64, Some(32)),
        ("three", "EdDSA", eddsa[..3].to_vec(), None, 64, Some(84)),
        ("two", "EdDSA", eddsa[..2].to_vec(), None, 64, None),
        ("the one that is named", "EdDSA", eddsa.clone(), Some("k1"), 64, None),
        ("eight keys, and no signature at all", "EdDSA", eddsa, None, 63, None),
        ("eight of RSA 4096 with PSS", "PS512", of(4096, 8), None, 512, Some(23)),
        ("the one that is named, of RSA 4096", "PS512", of(4096, 8), Some("r1"), 512, None),
        ("eight of RSA 2048", "RS256", of(2048, 8), None, 256, Some(90)),
        ("the one that is named, of RSA 8192", "RS256", of(8192, 2), Some("r1"), 1024, Some(45)),
        ("one on P-256", "ES256", vec![p256], None, 64, None),
        ("one on P-521", "ES512", vec![p521], Some("p"), 132, Some(20)),
    ];
    for (name, alg, keys, kid, bytes, most) in cases {
        let world = World::default();
        let mut worker = Worker::new(&world, &with_keys(alg, &keys));
        for nth in 0..most.map_or(40, |most| most + 2) {
            let (code, checked) = verdict(&world, &mut worker, &forged(alg, kid, nth, bytes));
            if most.is_none_or(|most| nth < most) {
                assert_eq!(code, "token_signature_invalid", "{name}: {nth}");
            } else {
                assert_eq!((code.as_str(), checked), ("verify_budget", 0), "{name}: {nth}");
            }
        }
        wait(&world, 1);
        let (code, _) = verdict(&world, &mut worker, &forged(alg, kid, 200, bytes));
        assert_eq!(code, "token_signature_invalid", "{name}: in the next second");
    }
}

#[test]
fn a_flood_of_what_is_dear_shuts_out_no_token_that_names_its_key() {
    let world = World::default();
    let signers: Vec<_> = (0..8).map(|n| Signer::new(&format!("k{n}"))).collect();
    let mut worker = Worker::new(&world, CONFIG);
    worker.fetch(&key_set(&signers.iter().collect::<Vec<_>>()));
    let nameless = |signer: &Signer, identity: &str| {
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": identity, "exp": NOW + 300,
        });
        signer.sign_text(r#"{"alg":"EdDSA"}"#, claims.to_string())
    };
    let known = nameless(&signers[7], "alice");
    assert_eq!(verdict(&world, &mut worker, &known), forwarded(8));
    wait(&world, 31);
    for nth in 0..200 {
        verdict(&world, &mut worker, &forged("EdDSA", None, nth, 64));
    }
    let refused = worker.get(&forged("EdDSA", None, 200, 64));
    assert_eq!(worker.verdict(refused), "verify_budget");
    assert_eq!(worker.reply_header(refused, "retry-after"), Some("1"));
    assert_eq!(verdict(&world, &mut worker, &token(&signers[3], "bob")), forwarded(1));
    assert_eq!(verdict(&world, &mut worker, &known), forwarded(0), "verified before");
    let fresh = nameless(&signers[0], "carol");
    assert_eq!(verdict(&world, &mut worker, &fresh).0, "verify_budget", "eight would be tried");
    wait(&world, 1);
    assert_eq!(verdict(&world, &mut worker, &fresh), forwarded(1));
}
