use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::support::world::{Worker, World};
use super::{Folder, Ran, tollgate};

const ISSUER: &str = "http://127.0.0.1:9000";
/// The moment at which the tests' clocks start.
const AT: &str = "2027-01-15T08:00:00Z";

fn mint(folder: &Folder, arguments: &[&str]) -> Ran {
    let key = folder.path("key.json");
    let fixed = ["mint", "--key", &key, "--issuer", ISSUER, "--audience", "orders", "--at", AT];
    tollgate(&[&fixed[..], arguments].concat(), b"")
}

fn key_set(folder: &Folder) -> Value {
    let ran = tollgate(&["mint", "--jwks", "--key", &folder.path("key.json")], b"");
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// What the engine says of a token, with this key set in its configuration.
fn verdict(key_set: &Value, token: &str) -> String {
    let config = json!({ "providers": { "dev": { "issuer": ISSUER, "audiences": ["orders"],
        "jwks": { "inline": key_set } } } });
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    let stream = worker.get(token.trim());
    worker.verdict(stream)
}

fn claims(token: &str) -> Value {
    let ran = tollgate(&["decode", "--format", "json"], token.as_bytes());
    serde_json::from_str::<Value>(&ran.out).unwrap()["claims"].clone()
}

#[test]
fn a_minted_token_is_good_for_its_own_key_set_and_no_other() {
    for alg in ["ES256", "RS256", "EdDSA"] {
        let (own, other) = (Folder::new(), Folder::new());
        let ran = mint(&own, &["--alg", alg]);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        let set = key_set(&own);
        let key = &set["keys"][0];
        assert_eq!((&key["alg"], &key["use"]), (&json!(alg), &json!("sig")));
        assert!(key["kid"].as_str().unwrap().starts_with("dev-"), "{key}");
        assert_eq!(key["d"], Value::Null, "a private key is not published");
        assert_eq!(verdict(&set, &ran.out), "forwarded", "{alg}");
        mint(&other, &["--alg", alg]);
        assert_eq!(verdict(&key_set(&other), &ran.out), "token_key_unknown", "{alg}");
        let again = mint(&own, &[]);
        assert_eq!(verdict(&set, &again.out), "forwarded", "{alg}: the same key again");
        assert!(again.err.contains("for local development only"), "{}", again.err);
        assert!(!again.err.contains("made a new"), "{}", again.err);
    }
}

#[test]
fn the_claims_are_those_that_were_asked_for() {
    let folder = Folder::new();
    let arguments = [
        "--subject",
        "alice",
        "--audience",
        "stock",
        "--expires-in",
        "5m",
        "--claim",
        r#"scp=["orders:read"]"#,
        "--claim",
        "tier=gold",
        "--claim",
        "level=7",
        "--claim",
        "note=a=b",
        "--claim",
        "tier=silver",
    ];
    let token = mint(&folder, &arguments).out;
    assert_eq!(
        claims(&token),
        json!({
            "iss": ISSUER, "aud": ["orders", "stock"], "sub": "alice", "iat": 1_800_000_000,
            "exp": 1_800_000_300, "scp": ["orders:read"], "tier": "silver", "level": 7,
            "note": "a=b",
        })
    );
    let odd = mint(&folder, &["--claim", "exp=1", "--typ", "at+jwt"]).out;
    assert_eq!(claims(&odd)["exp"], 1, "a claim of one's own wins");
    assert_eq!(verdict(&key_set(&folder), &odd), "token_expired");
}

#[test]
fn a_token_that_has_expired_is_made_as_asked_and_said_to_be_so() {
    let folder = Folder::new();
    for arguments in [&["--expires-in", "-5m"][..], &["--expires-in=-5m"]] {
        let ran = mint(&folder, arguments);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        let made = claims(&ran.out);
        assert_eq!((&made["iat"], &made["exp"]), (&json!(1_799_996_100), &json!(1_799_999_700)));
        let told = "the token is expired, as asked: issued 2027-01-15T06:55:00Z, expired \
                    2027-01-15T07:55:00Z";
        assert!(ran.err.contains(told), "{}", ran.err);
        assert_eq!(verdict(&key_set(&folder), &ran.out), "token_expired");
    }
    let key = folder.path("key.json");
    let now = ["mint", "--key", &key, "--issuer", ISSUER, "--expires-in", "-1s", "--audience", "x"];
    let ran = tollgate(&now, b"");
    assert_eq!(ran.exit, Exit::Fine, "without a moment of its own: {}", ran.err);
    let ahead = mint(&folder, &["--expires-in", "5m"]);
    assert!(!ahead.err.contains("expired"), "{}", ahead.err);
}

#[test]
fn what_cannot_be_minted_is_refused_before_a_key_is_made() {
    let cases: [(&str, &[&str]); 8] = [
        ("no JSON though it begins as such", &["--claim", "scp=[\"a\""]),
        ("no value", &["--claim", "scp"]),
        ("no name", &["--claim", "=x"]),
        ("a secret of both sides", &["--alg", "HS256"]),
        ("a span of two units", &["--expires-in", "1h30m"]),
        ("a span of two signs", &["--expires-in", "--5m"]),
        ("a moment of another form", &["--at", "tomorrow"]),
        ("a set and an audience", &["--jwks"]),
    ];
    for (name, arguments) in cases {
        let folder = Folder::new();
        let ran = mint(&folder, arguments);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(!ran.err.is_empty() && !folder.0.join("key.json").exists(), "{name}: {}", ran.err);
    }
    let no_issuer = tollgate(&["mint", "--key", &Folder::new().path("key.json")], b"");
    assert_eq!(no_issuer.exit, Exit::Misuse);
    assert!(no_issuer.err.contains("--issuer"), "{}", no_issuer.err);
}

#[test]
fn a_key_file_that_it_did_not_make_is_never_used() {
    let folder = Folder::new();
    mint(&folder, &["--alg", "EdDSA"]);
    let own: Value = serde_json::from_str(&folder.read("key.json")).unwrap();
    let with = |name: &str, value: Value| {
        let mut key = own.clone();
        key[name] = value;
        key.to_string()
    };
    let secret = own["d"].as_str().unwrap();
    let cases = [
        ("a production key", with("kid", json!("prod-2026")), "does not begin with `dev-`"),
        ("no kid", with("kid", Value::Null), "does not begin with `dev-`"),
        ("another type", with("kty", json!("oct")), "another type"),
        ("half a key", with("d", json!(&secret[..9])), "no whole private key"),
        ("no JSON", "-----BEGIN PRIVATE KEY-----".into(), "no JSON object"),
    ];
    for (name, text, problem) in cases {
        std::fs::write(folder.path("key.json"), text).unwrap();
        let ran = mint(&folder, &[]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(ran.err.contains(problem) && ran.err.contains("key.json"), "{name}: {}", ran.err);
        assert!(!ran.err.contains(&secret[..9]), "{name}: {}", ran.err);
    }
    std::fs::write(folder.path("key.json"), own.to_string()).unwrap();
    let other = mint(&folder, &["--alg", "ES256"]);
    assert_eq!(other.exit, Exit::Misuse);
    assert!(other.err.contains("holds a key for EdDSA"), "{}", other.err);
}

#[cfg(unix)]
#[test]
fn the_key_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let first = mint(&folder, &[]);
    let path = folder.path("key.json");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    assert!(!first.err.contains("warning"), "{}", first.err);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = mint(&folder, &[]);
    assert_eq!(open.exit, Exit::Fine);
    assert!(open.err.contains("others on this machine can read"), "{}", open.err);
}

#[test]
fn the_key_set_can_go_into_a_file_beside_a_token() {
    let folder = Folder::new();
    let set = folder.path("jwks.json");
    let ran = mint(&folder, &["--jwks-out", &set]);
    let written: Value = serde_json::from_str(&folder.read("jwks.json")).unwrap();
    assert_eq!(written, key_set(&folder));
    assert_eq!(verdict(&written, &ran.out), "forwarded");
    let again = mint(&folder, &["--jwks-out", &set]);
    assert_eq!(again.exit, Exit::Fine, "{}", again.err);
    // The key above all must not be lost.
    let key = folder.read("key.json");
    let over = mint(&folder, &["--jwks-out", &folder.path("key.json")]);
    assert_eq!((over.exit, over.out.as_str()), (Exit::Misuse, ""));
    assert!(over.err.contains("key.json: is there already, and was not touched"), "{}", over.err);
    assert_eq!(folder.read("key.json"), key);
    assert_eq!(mint(&folder, &["--jwks-out", "/dev/null"]).exit, Exit::Fine);
    let nowhere = mint(&folder, &["--jwks-out", &folder.path("none/jwks.json")]);
    assert_eq!(nowhere.exit, Exit::Misuse);
    assert!(nowhere.err.contains("cannot be written"), "{}", nowhere.err);
}
