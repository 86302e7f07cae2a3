//! Tokens that others wrote: where they are, and what their sources say of them.
//!
//! The folder in `TOLLGATE_VECTORS`, or `../shared/vectors`, holds files of lines, each a JSON
//! object: a token, a key set, the verdict `expected_jws` on signature and key rules alone and the
//! verdict `expected_filter` on all of it, each with its reason. Where there is no such folder the
//! vectors of the RFCs, which are written down here, are all that there is.

#![allow(dead_code, reason = "each test crate takes what it needs")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// A token, the keys to check it with, and what its source says of it.
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) keys: Value,
    /// Whether the header has `b64`, whatever it says.
    pub(crate) has_b64: bool,
    /// The names of the algorithms that the source accepted, where it said so.
    pub(crate) accepted: Option<Vec<String>>,
    /// On signature and key rules alone: `ok`, or a reason.
    pub(crate) verdict: String,
    /// As a bearer token: `ok`, or a reason.
    pub(crate) filter_verdict: String,
    /// The Unix second at which it is judged, where times are judged at all.
    pub(crate) now: Option<u64>,
    /// The issuers, audiences and the leeway in seconds, where the source checked them.
    pub(crate) issuer: Option<Value>,
    pub(crate) audience: Option<Value>,
    pub(crate) leeway: u64,
    /// Whether a header can carry the token.
    pub(crate) header_safe: bool,
}

impl Vector {
    /// A token that is judged by its signature alone, at no moment in particular.
    pub(crate) fn of(id: &str, token: String, keys: Value, verdict: &str) -> Self {
        Self {
            id: id.to_owned(),
            token,
            keys,
            has_b64: false,
            accepted: None,
            verdict: verdict.to_owned(),
            filter_verdict: verdict.to_owned(),
            now: None,
            issuer: None,
            audience: None,
            leeway: 0,
            header_safe: true,
        }
    }
}

/// The folder of vectors; one that is asked for must be there.
pub(crate) fn folder() -> Option<PathBuf> {
    match std::env::var_os("TOLLGATE_VECTORS") {
        Some(folder) => Some(folder.into()),
        None => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
            folder.is_dir().then_some(folder)
        }
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    assert!(!files.is_empty(), "{} has no vectors", folder.display());
    files.sort();
    files
}

pub(crate) fn read(file: &Path) -> Vec<Vector> {
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
        header_safe: member("header_safe").as_bool().unwrap(),
    }
}

/// The vectors of the RFCs, and three neighbours of each that are not.
pub(crate) fn of_the_rfcs() -> Vec<Vector> {
    let mut all = Vec::new();
    for (name, keys, signed, signature) in RFC_VECTORS {
        let keys: Value = serde_json::from_str(keys).unwrap();
        let letter = if signature.starts_with('A') { "B" } else { "A" };
        let changed = format!("{letter}{}", signature.split_at(1).1);
        for (id, token, verdict) in [
            (name.to_owned(), format!("{signed}.{signature}"), "ok"),
            (format!("{name}, another text"), format!("{signed}AAAA.{signature}"), "bad_sig"),
            (format!("{name}, no signature"), format!("{signed}."), "missing_signature"),
            (format!("{name}, a letter changed"), format!("{signed}.{changed}"), "bad_sig"),
        ] {
            all.push(Vector::of(&id, token, keys.clone(), verdict));
        }
    }
    all
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
