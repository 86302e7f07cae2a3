//! What operators and clients read, held against recordings: a file for each topic, `*.txt` beside
//! this one. The catalogues of attacks and of mistakes hold theirs in the same way, and so do the
//! command line's tests.
//!
//! Where words change on purpose, `TOLLGATE_RECORD=1` writes them anew; the diff then says which.

#[path = "../support/mod.rs"]
mod support;

mod codes;
mod lines;
mod logins;
mod pages;
mod scenes;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a key, as a configuration holds it.
fn sha256(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (name, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut into[name], value);
        }
    }
}
