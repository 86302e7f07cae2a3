//! Tokens that others wrote, against the signature and key rules and through the whole engine.
//!
//! The folder in `TOLLGATE_VECTORS`, or `../shared/vectors`, holds files of lines, each a JSON
//! object: a token, a key set, the verdict `expected_jws` on signature and key rules alone and the
//! verdict `expected_filter` on all of it, each with its reason. Where there is no such folder the
//! vectors of the RFCs, which are written down here, are all that is run.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test's helpers"
)]

mod support;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::world::{Worker, World};
use tollgate::config::Config;
use tollgate::jose::alg::Alg;
use tollgate::jose::jwk::{KeySet, Origin, Selection};
use tollgate::jose::jws::Jws;
use tollgate::jose::verify::{InWasm, Verifier};
use tollgate::time::UnixMillis;
use tollgate::verdict::Deny;

/// A token, the keys to check it with, and what its source says of it.
struct Vector {
    id: String,
    token: String,
    keys: Value,
    /// Whether the header has `b64`, whatever it says.
    has_b64: bool,
    /// The names of the algorithms that the source accepted, where it said so.
    accepted: Option<Vec<String>>,
    /// On signature and key rules alone: `ok`, or one of [`REASONS`].
    verdict: String,
    /// As a bearer token: `ok`, or a reason.
    filter_verdict: String,
    /// The Unix second at which it is judged, where times are judged at all.
    now: Option<u64>,
    /// The issuers, audiences and the leeway in seconds, where the source checked them.
    issuer: Option<Value>,
    audience: Option<Value>,
    leeway: u64,
}

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
fn judge(vector: &Vector) -> Result<(), Refused> {
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
    let good = |key| InWasm.verify(key, alg, jws.signed(), jws.signature()).is_ok();
    if candidates.into_iter().any(good) { Ok(()) } else { Err(SIGNATURE) }
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
    let mut wrong = Vec::new();
    for file in files(&folder) {
        let vectors = read(&file);
        let mut counts = [0_u32; 3];
        for vector in &vectors {
            let found = judge(vector);
            match outcome(vector, found) {
                Outcome::Accepted => counts[0] += 1,
                Outcome::Refused => counts[1] += 1,
                Outcome::ByChoice => counts[2] += 1,
                Outcome::Wrong => wrong.push(format!(
                    "{} {}: expected {}, found {found:?}",
                    file.display(),
                    vector.id,
                    vector.verdict,
                )),
            }
        }
        let [accepted, refused, by_choice] = counts;
        eprintln!(
            "{}: {} run; {accepted} accepted, {refused} refused, {by_choice} refused by choice",
            file.file_name().unwrap().display(),
            vectors.len(),
        );
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

/// The folder of vectors; one that is asked for must be there.
fn folder() -> Option<PathBuf> {
    match std::env::var_os("TOLLGATE_VECTORS") {
        Some(folder) => Some(folder.into()),
        None => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
            folder.is_dir().then_some(folder)
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    assert!(!files.is_empty(), "{} has no vectors", folder.display());
    files.sort();
    files
}

fn read(file: &Path) -> Vec<Vector> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| vector(&serde_json::from_str(line).unwrap())).collect()
}

fn vector(line: &Value) -> Vector {
    let member = |name: &str| line.get(name).unwrap();
    let text = |name: &str| member(name).as_str().unwrap().to_owned();
    let option = |name: &str| line.pointer(&format!("/options/{name}")).cloned();
    let accepted = option("algorithms").map(|names| serde_json::from_value(names).unwrap());
    let token = text("token");
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    Vector {
        id: text("id"),
        has_b64: header.is_some_and(|header| header.get("b64").is_some()),
        token,
        keys: member("jwks").clone(),
        accepted,
        verdict: text("reason_jws"),
        filter_verdict: text("reason_filter"),
        now: member("now").as_u64(),
        issuer: option("issuer"),
        audience: option("audience"),
        leeway: option("leeway").and_then(|leeway| leeway.as_u64()).unwrap_or(0),
    }
}

/// RFC 7515 §A.2 and §A.3, RFC 8037 §A.4: name, keys, what is signed, signature.
const RFC_VECTORS: [(&str, &str, &str, &str); 3] = [
    (
        "RFC 7515 A.2",
        r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        "RFC 7515 A.3",
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        "RFC 8037 A.4",
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
];

#[test]
fn the_vectors_of_the_rfcs_are_good_and_their_neighbours_are_not() {
    for (name, keys, signed, signature) in RFC_VECTORS {
        let verdict = |signed: &str, signature: &str| {
            judge(&Vector {
                id: name.into(),
                token: format!("{signed}.{signature}"),
                keys: serde_json::from_str(keys).unwrap(),
                has_b64: false,
                accepted: None,
                verdict: "ok".into(),
                filter_verdict: "ok".into(),
                now: None,
                issuer: None,
                audience: None,
                leeway: 0,
            })
        };
        assert_eq!(verdict(signed, signature), Ok(()), "{name}");
        assert_eq!(verdict(&format!("{signed}AAAA"), signature), Err(SIGNATURE), "{name}");
        assert_eq!(verdict(signed, ""), Err(SIGNATURE), "{name}");
        let letter = if signature.starts_with('A') { "B" } else { "A" };
        let changed = format!("{letter}{}", signature.split_at(1).1);
        assert_eq!(verdict(signed, &changed), Err(SIGNATURE), "{name}");
    }
}
