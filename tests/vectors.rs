//! Tokens that others wrote, against the signature and key rules and through the whole engine.
//!
//! Signatures are judged by the module's own verifier and by the one that asks a host, in front of
//! a double that is as strict as Envoy; `e2e/vectors.rs` asks Envoy itself.

mod support;
#[path = "support/vectors.rs"]
mod vectors;

use std::cell::Cell;

use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::DecodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use support::world::{Worker, World};
use tollgate::config::Config;
use tollgate::jose::alg::Alg;
use tollgate::jose::host::{ByHost, HostCrypto};
use tollgate::jose::jwk::{KeySet, Origin, Selection};
use tollgate::jose::jws::Jws;
use tollgate::jose::verify::{InWasm, Verifier};
use tollgate::time::UnixMillis;
use tollgate::verdict::Deny;
use vectors::{Vector, files, folder, of_the_rfcs, read};

/// Where a token was refused: a deny code, or [`NO_KEYS`].
type Refused = &'static str;

/// The key set has no key that can be used.
const NO_KEYS: Refused = "no usable keys";

const ALGORITHM: Refused = Deny::TokenAlgorithmRefused.code();
const ENCRYPTED: Refused = Deny::TokenEncrypted.code();
const HEADER: Refused = Deny::TokenHeaderInvalid.code();
const KEY_MISMATCH: Refused = Deny::TokenKeyMismatch.code();
const KEY_UNKNOWN: Refused = Deny::TokenKeyUnknown.code();
const MALFORMED: Refused = Deny::TokenMalformed.code();
const SIGNATURE: Refused = Deny::TokenSignatureInvalid.code();

/// What the sources call a defect, and where such a token may be refused: a bad signature that is
/// refused for its key would prove nothing.
const REASONS: [(&str, &[Refused]); 22] = [
    ("alg_confusion", &[KEY_MISMATCH, KEY_UNKNOWN]),
    ("alg_mismatch", &[KEY_MISMATCH, KEY_UNKNOWN, NO_KEYS]),
    ("alg_none", &[ALGORITHM, HEADER]),
    ("alg_not_allowed", &[ALGORITHM]),
    ("b64_false", &[HEADER, MALFORMED]),
    ("bad_key", &[NO_KEYS]),
    ("bad_sig", &[SIGNATURE]),
    ("crit", &[HEADER]),
    ("json_serialization", &[MALFORMED, ENCRYPTED]),
    ("jwe", &[ENCRYPTED]),
    ("key_ops_mismatch", &[NO_KEYS]),
    ("kid_mismatch", &[KEY_UNKNOWN]),
    ("malformed", &[MALFORMED]),
    ("malformed_b64", &[MALFORMED]),
    ("malformed_header", &[HEADER]),
    ("malformed_json", &[MALFORMED]),
    ("missing_alg", &[HEADER]),
    ("missing_signature", &[SIGNATURE]),
    ("no_key", &[NO_KEYS]),
    ("unsupported_alg", &[ALGORITHM]),
    ("use_mismatch", &[NO_KEYS]),
    ("weak_key", &[NO_KEYS]),
];

/// Where the engine refuses what is wrong with the claims.
const CLAIM_REASONS: [(&str, Deny); 8] = [
    ("audience_mismatch", Deny::TokenAudienceMismatch),
    ("claim_type", Deny::TokenClaimMalformed),
    ("expired", Deny::TokenExpired),
    ("iat_in_future", Deny::TokenIssuedInFuture),
    ("issuer_mismatch", Deny::TokenIssuerUnknown),
    ("not_yet_valid", Deny::TokenNotYetValid),
    ("payload_not_json", Deny::TokenClaimMalformed),
    ("payload_not_object", Deny::TokenClaimMalformed),
];

/// Judges a token as the filter does, as far as signature and keys go.
fn judge(vector: &Vector, verifier: &dyn Verifier) -> Result<(), Refused> {
    let jws = Jws::parse(vector.token.as_bytes()).map_err(|refusal| refusal.deny.code())?;
    let name = &jws.header().alg;
    let alg = Alg::parse(name).ok_or(ALGORITHM)?;
    if vector.accepted.as_ref().is_some_and(|accepted| !accepted.contains(name)) {
        return Err(ALGORITHM);
    }
    let keys = vector.keys.to_string();
    let keys = KeySet::parse(keys.as_bytes(), Origin::Inline).map_err(|_| NO_KEYS)?.set;
    let candidates = match keys.select(jws.header().kid.as_ref(), alg) {
        Selection::Candidates(keys) => keys,
        Selection::Mismatch => return Err(KEY_MISMATCH),
        Selection::Unknown => return Err(KEY_UNKNOWN),
    };
    let good = |key| verifier.verify(key, alg, jws.signed(), jws.signature()).is_ok();
    if candidates.into_iter().any(good) { Ok(()) } else { Err(SIGNATURE) }
}

/// Whether a signature in DER is good, where the key is of this curve.
macro_rules! ecdsa_is_good {
    ($curve:ident, $key:expr, $hash:expr, $signature:expr) => {{
        use $curve::ecdsa::signature::hazmat::PrehashVerifier as _;
        use $curve::pkcs8::DecodePublicKey as _;
        let key = $curve::ecdsa::VerifyingKey::from_public_key_der($key).unwrap();
        $curve::ecdsa::Signature::from_der($signature)
            .is_ok_and(|signature| key.verify_prehash($hash, &signature).is_ok())
    }};
}

/// A host that is as strict as Envoy: a key is one `SubjectPublicKeyInfo`, an ECDSA signature is
/// DER in its one form, and what is not makes no signature.
#[derive(Default)]
struct LikeEnvoy {
    asked: Cell<u32>,
}

impl HostCrypto for &LikeEnvoy {
    fn verify(&self, hash: &str, key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool> {
        self.asked.set(self.asked.get() + 1);
        Some(match hash {
            "sha256" => {
                let rsa = Pkcs1v15Sign::new::<rsa::sha2::Sha256>();
                rsa_is_good(key, rsa, &Sha256::digest(signed), signature).unwrap_or_else(|| {
                    ecdsa_is_good!(p256, key, &Sha256::digest(signed), signature)
                })
            }
            "sha384" => {
                let rsa = Pkcs1v15Sign::new::<rsa::sha2::Sha384>();
                rsa_is_good(key, rsa, &Sha384::digest(signed), signature).unwrap_or_else(|| {
                    ecdsa_is_good!(p384, key, &Sha384::digest(signed), signature)
                })
            }
            "sha512" => {
                let rsa = Pkcs1v15Sign::new::<rsa::sha2::Sha512>();
                rsa_is_good(key, rsa, &Sha512::digest(signed), signature).unwrap_or_else(|| {
                    ecdsa_is_good!(p521, key, &Sha512::digest(signed), signature)
                })
            }
            other => panic!("Envoy knows {other}, but nobody has a use for it"),
        })
    }
}

/// `None` where the key is not RSA's.
fn rsa_is_good(key: &[u8], scheme: Pkcs1v15Sign, hash: &[u8], signature: &[u8]) -> Option<bool> {
    let key = rsa::RsaPublicKey::from_public_key_der(key).ok()?;
    Some(key.verify(scheme, hash, signature).is_ok())
}

/// What a vector's verdict amounts to.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Accepted,
    Refused,
    ByChoice,
    Wrong,
}

fn outcome(vector: &Vector, found: Result<(), Refused>) -> Outcome {
    let refused = match found {
        Ok(()) if vector.verdict == "ok" => return Outcome::Accepted,
        Ok(()) => return Outcome::Wrong,
        Err(refused) => refused,
    };
    let reason = REASONS.iter().find(|reason| reason.0 == vector.verdict);
    if reason.is_some_and(|(_, places)| places.contains(&refused)) {
        return Outcome::Refused;
    }
    // The one thing that is refused by choice: docs/decisions/0014. Nothing is accepted by choice.
    if vector.has_b64 && refused == HEADER { Outcome::ByChoice } else { Outcome::Wrong }
}

#[test]
fn tokens_of_third_parties_are_judged_as_they_should_be() {
    let Some(folder) = folder() else {
        eprintln!("no folder of vectors: only those of the RFCs that are written down here ran");
        return;
    };
    let host = LikeEnvoy::default();
    let by_host = ByHost::tested(&host).expect("a host that knows good from bad");
    let verifiers: [(&str, &dyn Verifier); 2] = [("in Wasm", &InWasm), ("by the host", &by_host)];
    let mut wrong = Vec::new();
    for file in files(&folder) {
        let vectors = read(&file);
        let name = file.file_name().unwrap().display();
        for (by, verifier) in verifiers {
            host.asked.set(0);
            let mut counts = [0_u32; 3];
            for vector in &vectors {
                let found = judge(vector, verifier);
                match outcome(vector, found) {
                    Outcome::Accepted => counts[0] += 1,
                    Outcome::Refused => counts[1] += 1,
                    Outcome::ByChoice => counts[2] += 1,
                    Outcome::Wrong => wrong.push(format!(
                        "{name} {} {by}: expected {}, found {found:?}",
                        vector.id, vector.verdict,
                    )),
                }
            }
            let [accepted, refused, by_choice] = counts;
            eprintln!(
                "{name} {by}: {} run; {accepted} accepted, {refused} refused, {by_choice} refused \
                 by choice; the host was asked {} times",
                vectors.len(),
                host.asked.get(),
            );
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The configuration that checks what the source checked, or `None` where the key set, or every
/// algorithm, is refused at load.
fn configuration(vector: &Vector) -> Option<String> {
    let all = || Alg::ALL.map(|alg| alg.name().to_owned()).to_vec();
    let algorithms = vector.accepted.clone().unwrap_or_else(all);
    let known = algorithms.iter().filter(|name| Alg::parse(name).is_some());
    let mut provider = json!({
        "jwks": { "inline": vector.keys },
        "algorithms": known.collect::<Vec<_>>(),
        "clock_skew": format!("{}s", vector.leeway),
        "allow_no_expiry": true,
        "allow_id_tokens": true,
    });
    match &vector.issuer {
        Some(issuer) => provider["issuer"] = configurable(issuer),
        None => provider["any_issuer"] = true.into(),
    }
    match &vector.audience {
        Some(Value::Array(audiences)) => provider["audiences"] = audiences.clone().into(),
        Some(audience) => provider["audiences"] = json!([configurable(audience)]),
        None => provider["any_audience"] = true.into(),
    }
    let config = json!({ "providers": { "source": provider } }).to_string();
    let Err(problems) = Config::parse(config.as_bytes()) else { return Some(config) };
    for problem in problems {
        let about_keys = ["providers.source.jwks.inline", "providers.source.algorithms"];
        assert!(about_keys.contains(&&*problem.path), "{}: {problem}", vector.id);
    }
    None
}

/// An issuer or audience. An empty one is refused at load; one that no token has stands for it.
fn configurable(name: &Value) -> Value {
    if name == "" { "urn:nobody".into() } else { name.clone() }
}

/// What the engine says of a request with the token: `ok`, or the deny code.
fn admit(vector: &Vector) -> String {
    let Some(config) = configuration(vector) else { return NO_KEYS.into() };
    let world = World::default();
    world.now.set(UnixMillis::from_secs(vector.now.unwrap_or(support::token::NOW)));
    let mut worker = Worker::new(&world, &config);
    let stream = worker.get(&vector.token);
    match worker.verdict(stream).as_str() {
        // The last that is asked, and nothing that a source asks: who is the caller?
        "forwarded" | "identity_missing" => "ok".into(),
        code => code.into(),
    }
}

#[test]
fn tokens_of_third_parties_come_through_the_engine_as_they_should() {
    let Some(folder) = folder() else {
        eprintln!("no folder of vectors: the engine is shown none");
        return;
    };
    let mut wrong = Vec::new();
    for file in files(&folder) {
        let vectors = read(&file);
        let mut accepted = 0_u32;
        for vector in &vectors {
            let found = admit(vector);
            accepted += u32::from(found == "ok");
            let claim = CLAIM_REASONS.iter().find(|reason| reason.0 == vector.filter_verdict);
            let right = match claim {
                Some((_, deny)) => found == deny.code() || vector.has_b64 && found == HEADER,
                None => (found == "ok") == (vector.filter_verdict == "ok"),
            };
            if !right {
                let (file, id, expected) = (file.display(), &vector.id, &vector.filter_verdict);
                wrong.push(format!("{file} {id}: expected {expected}, found {found}"));
            }
        }
        let name = file.file_name().unwrap().display();
        eprintln!("{name}: {} through the engine; {accepted} accepted", vectors.len());
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_vectors_of_the_rfcs_are_good_and_their_neighbours_are_not() {
    let host = LikeEnvoy::default();
    let by_host = ByHost::tested(&host).expect("a host that knows good from bad");
    let before = host.asked.get();
    for vector in of_the_rfcs() {
        let expected = if vector.verdict == "ok" { Ok(()) } else { Err(SIGNATURE) };
        assert_eq!(judge(&vector, &InWasm), expected, "{}", vector.id);
        assert_eq!(judge(&vector, &by_host), expected, "{} by the host", vector.id);
    }
    assert!(host.asked.get() > before, "the host was asked nothing");
}
