use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::support::token::{NOW, Signer, Token};
use super::{Folder, Ran, tollgate};

/// [`NOW`], as an argument.
const AT: &str = "2027-01-15T08:00:00Z";

fn decode(token: &str) -> Ran {
    tollgate(&["decode", "--at", AT], token.as_bytes())
}

fn decoded(token: &str) -> Value {
    let ran = tollgate(&["decode", "--at", AT, "--format", "json"], token.as_bytes());
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.out);
    serde_json::from_str(&ran.out).unwrap()
}

fn signed(token: &Token) -> String {
    Signer::new("k1").sign(token)
}

#[test]
fn a_token_is_told_in_words_and_marked_as_unverified() {
    let token = Token::for_identity("alice")
        .claim("scp", json!(["orders:read"]))
        .claim("auth_time", NOW - 259_200)
        .claim("nbf", NOW)
        .claim("address", json!({ "city": "Bern" }));
    let token = signed(&token);
    let ran = decode(&token);
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Fine, ""));
    assert!(ran.out.starts_with("UNVERIFIED: "), "{}", ran.out);
    let lines = [
        r#"  "kid": "k1"   # name of the key"#,
        r#"  "iss": "https://id.example.com/"   # issuer: who made it"#,
        r#"  "aud": "api"   # audience: whom it is for"#,
        r#"  "exp": 1800000300   # expires 2027-01-15T08:05:00Z, in 5m"#,
        r#"  "nbf": 1800000000   # valid since 2027-01-15T08:00:00Z, now"#,
        r#"  "auth_time": 1799740800   # authenticated 2027-01-12T08:00:00Z, 3d ago"#,
        r#"    "city": "Bern""#,
        "Signature: 64 bytes, not shown.",
    ];
    for line in lines {
        assert!(ran.out.lines().any(|found| found == line), "{line}\n{}", ran.out);
    }
    let signature = token.rsplit('.').next().unwrap();
    assert!(!ran.out.contains(signature) && !ran.out.contains("refuses"), "{}", ran.out);
}

#[test]
fn a_time_is_told_as_what_is_past_or_still_to_come() {
    let cases = [
        ("exp", 60_u64, "expires", ", in 1m"),
        ("exp", 0, "expired", ", now"),
        ("exp", 1, "expires", ", in 1s"),
        ("nbf", 60, "not valid before", ", in 1m"),
        ("nbf", 0, "valid since", ", now"),
        ("iat", 0, "issued", ", now"),
        ("iat", 60, "issued", ", in 1m: that is still to come"),
        ("auth_time", 60, "authenticated", ", in 1m: that is still to come"),
    ];
    let said = |claim: &str, at: u64| {
        let told = decode(&signed(&Token::for_identity("alice").claim(claim, at))).out;
        let line = told.lines().find(|line| line.contains(&format!("\"{claim}\":")));
        line.unwrap().split("# ").nth(1).unwrap().to_owned()
    };
    for (claim, later, word, distance) in cases {
        let told = said(claim, NOW + later);
        assert!(told.starts_with(&format!("{word} 2027")), "{claim} +{later}: {told}");
        assert!(told.ends_with(distance), "{claim} +{later}: {told}");
    }
    let past = said("exp", NOW - 3600);
    assert_eq!(past, "expired 2027-01-15T07:00:00Z, 1h ago");
}

#[test]
fn what_stands_around_a_token_does_not_matter() {
    let token = signed(&Token::for_identity("alice"));
    let (start, end) = token.split_at(40);
    let plain = decode(&token).out;
    let cases = [
        ("a newline", format!("{token}\n")),
        ("its scheme", format!("Bearer {token}")),
        ("its scheme in small letters", format!("bearer\t{token} \r\n")),
        ("its whole header", format!("Authorization: Bearer {token}")),
        ("a byte order mark", format!("\u{feff}{token}")),
        ("broken into lines", format!("{start}\n  {end}\n")),
    ];
    for (name, text) in cases {
        assert_eq!(decode(&text).out, plain, "{name}");
    }
    let folder = Folder::new();
    let file = folder.path("token.txt");
    std::fs::write(&file, &token).unwrap();
    assert_eq!(tollgate(&["decode", &file, "--at", AT], b"").out, plain);
    assert_eq!(tollgate(&["decode", "-", "--at", AT], token.as_bytes()).out, plain);
    let missing = tollgate(&["decode", &folder.path("none.txt")], b"");
    assert_eq!(missing.exit, Exit::Misuse);
    assert!(missing.err.contains("none.txt: cannot be read"), "{}", missing.err);
}

#[test]
fn a_broken_token_is_refused_with_the_part_and_what_is_wrong_with_it() {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let (header, payload) = (encode(r#"{"alg":"EdDSA"}"#), encode(r#"{"sub":"a"}"#));
    let cases = [
        ("nothing", String::new(), "there is nothing in it"),
        ("a scheme alone", "Bearer".into(), "there is nothing in it"),
        ("an opaque token", "mF_9B5f4JqM".into(), "it has no dots"),
        ("two parts", format!("{header}.{payload}"), "it has 2 parts between dots"),
        ("four parts", format!("{header}.{payload}.x.y"), "it has 4 parts between dots"),
        ("no header", format!(".{payload}.AA"), "its header is empty"),
        ("no payload", format!("{header}..AA"), "its payload is empty"),
        (
            "padding",
            format!("{header}=.{payload}.AA"),
            "its header is not base64url: `=` at character 21",
        ),
        (
            "plain base64",
            format!("{header}.ab+d.AA"),
            "its payload is not base64url: `+` at character 3",
        ),
        (
            "another character",
            format!("{header}.{payload}.A!"),
            "its signature is not base64url: `!` at character 2",
        ),
        (
            "a cut part",
            format!("{header}.{}.AA", &payload[..13]),
            "its payload is not base64url: 13 characters",
        ),
        (
            "a last character of too many bits",
            format!("{header}.{payload}.AB"),
            "its signature is not base64url: its last character",
        ),
        (
            "no JSON",
            format!("{header}.{}.AA", encode("{\"sub\":}")),
            "its payload is no JSON: expected value at line 1 column 8",
        ),
        (
            "no object",
            format!("{}.{payload}.AA", encode("[1]")),
            "its header is JSON, but not an object",
        ),
        (
            "two members of one name",
            format!("{header}.{}.AA", encode(r#"{"a":1,"a":2}"#)),
            "its payload has two members of one name",
        ),
        (
            "no UTF-8 in it",
            format!("{header}.{}.AA", URL_SAFE_NO_PAD.encode(b"\"\xff\"")),
            "its payload is no JSON: ",
        ),
    ];
    for (name, token, problem) in cases {
        let ran = decode(&token);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""), "{name}");
        let told = ran.err.strip_prefix("tollgate: no token: ").unwrap_or_default();
        assert!(told.starts_with(problem), "{name}: {}", ran.err);
        let json = tollgate(&["decode", "--format", "json"], token.as_bytes());
        let json: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json["problem"], told.trim_end(), "{name}");
    }
    let no_text = tollgate(&["decode"], b"ey\xff");
    assert_eq!(no_text.exit, Exit::Problems);
    assert!(no_text.err.contains("not UTF-8"), "{}", no_text.err);
}

#[test]
fn what_the_engine_refuses_at_sight_is_told_with_its_code() {
    let token = || Token::for_identity("alice");
    let signer = Signer::new("k1");
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let jwe = format!("{}.a.b.c.d", encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    let unsigned = format!(
        "{}.{}.",
        encode(r#"{"alg":"none"}"#),
        encode(&json!({ "iss": "x", "sub": "a", "exp": NOW + 60 }).to_string())
    );
    let cases: [(&str, String, &[&str]); 14] = [
        ("a good one", signed(&token()), &[]),
        ("alg none", unsigned, &["token_algorithm_refused"]),
        ("HS256", signer.sign(&token().header("alg", "HS256")), &["token_algorithm_refused"]),
        ("ES384", signer.sign(&token().header("alg", "ES384")), &["token_algorithm_refused"]),
        ("encrypted", jwe, &["token_encrypted"]),
        ("crit", signer.sign(&token().header("crit", json!(["x"]))), &["token_header_invalid"]),
        ("no alg", signer.sign(&token().header("alg", Value::Null)), &["token_header_invalid"]),
        ("an ID token", signed(&token().claim("at_hash", "x")), &["token_type_refused"]),
        ("a refresh token", signed(&token().claim("typ", "Refresh")), &["token_type_refused"]),
        (
            "bound",
            signed(&token().claim("cnf", json!({ "jkt": "x" }))),
            &["token_binding_unsupported"],
        ),
        ("expired", signed(&token().claim("exp", NOW - 61)), &["token_expired"]),
        ("without end", signed(&token().without("exp")), &["token_expiry_missing"]),
        ("nobody", signed(&token().without("sub")), &["identity_missing"]),
        (
            "several",
            signed(&token().claim("c_hash", "x").claim("cnf", json!({})).without("exp")),
            &["token_type_refused", "token_expiry_missing", "token_binding_unsupported"],
        ),
    ];
    for (name, token, codes) in cases {
        let told = decoded(&token);
        let refused = told["refused_by_default"].as_array().unwrap();
        let found: Vec<_> = refused.iter().map(|one| one["code"].as_str().unwrap()).collect();
        assert_eq!(found, codes, "{name}");
        assert!(refused.iter().all(|one| one["reason"] != "" && one["remedy"] != ""), "{name}");
        let text = decode(&token).out;
        assert!(codes.iter().all(|code| text.contains(&format!("  {code}: "))), "{name}: {text}");
    }
}

#[test]
fn the_json_form_holds_the_parts_and_the_times() {
    let told = decoded(&signed(&Token::for_identity("alice")));
    assert_eq!(told["verified"], false);
    assert_eq!(told["header"], json!({ "alg": "EdDSA", "kid": "k1" }));
    assert_eq!(told["claims"]["sub"], "alice");
    assert_eq!(told["times"]["exp"], json!({ "at": "2027-01-15T08:05:00Z", "relative": "in 5m" }));
    assert_eq!(told["signature_bytes"], 64);
}

#[test]
fn nothing_in_a_token_steers_the_terminal() {
    let token = Token::for_identity("al\u{1b}[2Jice\u{9b}31m\u{202e}")
        .claim("\u{1b}]0;title\u{7}", "x\r\nUNVERIFIED")
        .header("kid", "k\u{1b}[1m");
    for format in ["text", "json"] {
        let ran = tollgate(&["decode", "--at", AT, "--format", format], signed(&token).as_bytes());
        assert_eq!(ran.exit, Exit::Fine);
        let odd: Vec<_> = ran.out.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(odd.is_empty() && !ran.out.contains('\u{202e}'), "{odd:?} in {}", ran.out);
        assert!(ran.out.contains("\\u001b[2Jice\\u009b31m\\u202e"), "{}", ran.out);
        assert!(!ran.out.lines().any(|line| line == "UNVERIFIED"), "{}", ran.out);
    }
}

#[test]
fn odd_times_are_told_and_never_fatal() {
    let cases = [
        (json!("2027"), "no number of seconds since 1970"),
        (json!(NOW * 1000), "are these milliseconds?"),
        (json!(1e300), "after the year 9999"),
        (json!(-5), "1970-01-01T00:00:00Z"),
    ];
    for (exp, told) in cases {
        let ran = decode(&signed(&Token::for_identity("alice").claim("exp", exp.clone())));
        assert_eq!(ran.exit, Exit::Fine, "{exp}");
        let line = ran.out.lines().find(|line| line.starts_with(r#"  "exp""#)).unwrap();
        assert!(line.contains(told), "{line}");
    }
}

#[test]
fn a_token_that_is_written_as_an_argument_is_not_shown() {
    let token = signed(&Token::for_identity("alice"));
    let folder = super::Folder::new();
    let config = folder.path("config.json");
    std::fs::write(&config, r#"{"apis": [{"name": "a", "auth": "none"}]}"#).unwrap();
    let assigned = format!("--token={token}");
    let header = format!("Bearer {token}");
    let key = "s3cr3t+key/of==acme";
    let cases: &[&[&str]] = &[
        &["decode", &token],
        &["decode", key],
        &["decode", "Bearer", &token],
        &["decode", "--token", &token],
        &["decode", &assigned],
        &["decode", "--at", &token],
        &["explain", "--config", &config, &token],
        &["explain", "--config", &config, key],
        &["explain", "--config", &config, "Bearer", &token],
        &["explain", "--config", &config, "--header", &header],
        &["explain", &token],
        &["hash-key", key],
        &["hash-key", &token],
        &[&token],
    ];
    for arguments in cases {
        let ran = tollgate(arguments, b"");
        assert_eq!(ran.exit, Exit::Misuse, "{arguments:?}: {}", ran.out);
        let told = format!("{}{}", ran.out, ran.err);
        for secret in token.split('.').chain([key, "s3cr3t"]) {
            assert!(!told.contains(secret), "{arguments:?}: {told}");
        }
        let is_told = told.contains("a token is read from a file or standard input");
        // Where nothing of it would be shown anyhow, the usual message does.
        assert!(is_told || arguments.contains(&"--token") || arguments.len() == 2, "{told}");
    }
    // What cannot be one is still shown.
    for (arguments, word) in [
        (&["decode", &folder.path("none.txt")][..], "none.txt: cannot be read"),
        (&["chekc"], "chekc"),
        (&["decode", "--frmat", "json"], "--frmat"),
        (&["decode", "--format", "xml"], "xml"),
        (&["check", "none.json"], "none.json: cannot be read"),
    ] {
        let ran = tollgate(arguments, b"");
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_files_name_steers_no_terminal() {
    let hostile = "a\u{202e}b\u{2066}\n\u{1b}[2J\u{2028}c";
    let folder = super::Folder::new();
    let missing = folder.path(hostile);
    let there = folder.path(&format!("{hostile}.json"));
    std::fs::write(&there, "[]").unwrap();
    let inside = format!("{there}/x");
    let cases: &[&[&str]] = &[
        &["decode", &missing],
        &["explain", "--config", &missing, "--no-token"],
        &["explain", "--config", &there, "--no-token"],
        &["explain", "--config", &there, "--no-token", "--jwks", &missing],
        &["check", &missing],
        &["check", &there],
        &["check", "--format", "json", &there],
        &["check", "--online", "--ca", &missing, &there],
        &["import", "tyk", &missing],
        &["import", "tyk", &there],
        &["mint", "--key", &there, "--issuer", "https://a.example"],
        &["mint", "--key", &inside, "--issuer", "https://a.example"],
        &[
            "init",
            "--for",
            "envoy",
            "--issuer",
            "https://a.example",
            "--audience",
            "a",
            "--output",
            &inside,
        ],
        &["schema", hostile],
        &[hostile],
    ];
    for arguments in cases {
        let ran = tollgate(arguments, b"");
        let told = format!("{}{}", ran.out, ran.err);
        let hidden =
            |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2028}".contains(c));
        assert!(!told.contains(hidden), "{arguments:?}: {told:?}");
        assert!(!told.contains("\u{2066}\n") && !told.contains("b\n"), "{arguments:?}: {told:?}");
    }
}
