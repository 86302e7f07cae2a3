use std::fs;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollgate::revoked::{Facts, Key, Revocations, Subject, parse};
use tollgate::time::UnixMillis;
use tollgate_cli::Exit;

use super::{Folder, Ran, tollgate};

/// The moment at which each of these commands runs.
const AT: &str = "2027-01-15T08:00:00Z";

/// A list in a folder of its own, and `revoke` with these arguments and this standard input.
fn revoke(list: Option<&str>, arguments: &[&str], input: &str) -> (Folder, Ran) {
    let folder = Folder::new();
    if let Some(list) = list {
        fs::write(folder.path("list.json"), list).unwrap();
    }
    let ran = revoke_in(&folder, arguments, input);
    (folder, ran)
}

fn revoke_in(folder: &Folder, arguments: &[&str], input: &str) -> Ran {
    let list = folder.path("list.json");
    let fixed = ["revoke", &list, "--provider", "okta", "--at", AT];
    tollgate(&[&fixed[..], arguments].concat(), input.as_bytes())
}

fn entries(folder: &Folder) -> Value {
    serde_json::from_str::<Value>(&folder.read("list.json")).unwrap()["entries"].clone()
}

fn token(claims: &str) -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"ES256"}"#), part(claims))
}

fn sha256(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_entry_is_what_was_asked_for() {
    let hash = "ab".repeat(32);
    // 2027-01-15T09:00:00Z.
    let jwt = token(r#"{"sub":"alice","uid":"00u1","jti":"AT.1","exp":1800003600}"#);
    let endless = token(r#"{"sub":"alice"}"#);
    let from = ["--token-from", "-"];
    let cases: [(&[&str], &str, Value); 14] = [
        (&["--identity", "00u1"], "", json!({ "identity": "00u1" })),
        (&["--session", "s-1"], "", json!({ "session": "s-1" })),
        (
            &["--session", "s-1", "--until", "90s"],
            "",
            json!({ "session": "s-1", "until": "2027-01-15T08:01:30Z" }),
        ),
        (&["--jti", "a\"b"], "", json!({ "jti": "a\"b" })),
        (&["--token-sha256", &hash], "", json!({ "token_sha256": hash })),
        (
            &["--identity", "a", "--issued-before", "now", "--until", "12h"],
            "",
            json!({ "identity": "a", "issued_before": AT, "until": "2027-01-15T20:00:00Z" }),
        ),
        (
            &["--identity", "a", "--issued-before", "2026-11-23T10:00:00.5+01:00"],
            "",
            json!({ "identity": "a", "issued_before": "2026-11-23T09:00:01Z" }),
        ),
        (
            &["--identity", "a", "--until", "2027-02-01T00:00:00Z", "--description", "left"],
            "",
            json!({ "identity": "a", "until": "2027-02-01T00:00:00Z", "description": "left" }),
        ),
        // A token is listed until an hour after its own end.
        (&from, &jwt, json!({ "token_sha256": sha256(&jwt), "until": "2027-01-15T10:00:00Z" })),
        (&from, &endless, json!({ "token_sha256": sha256(&endless) })),
        (
            &[&from[..], &["--until", "2d"]].concat(),
            &format!("Authorization: Bearer {jwt}\n"),
            json!({ "token_sha256": sha256(&jwt), "until": "2027-01-17T08:00:00Z" }),
        ),
        (
            &[&from[..], &["--by-jti"]].concat(),
            &jwt,
            json!({ "jti": "AT.1", "until": "2027-01-15T10:00:00Z" }),
        ),
        (&[&from[..], &["--by-claim", "uid"]].concat(), &jwt, json!({ "identity": "00u1" })),
        (
            &from,
            "2YotnFZFEjr1zCsicMWpAA",
            json!({ "token_sha256": sha256("2YotnFZFEjr1zCsicMWpAA") }),
        ),
    ];
    for (arguments, input, mut expected) in cases {
        let (folder, ran) = revoke(Some(r#"{"entries": []}"#), arguments, input);
        assert_eq!(ran.exit, Exit::Fine, "{arguments:?}: {}", ran.err);
        expected["provider"] = json!("okta");
        assert_eq!(entries(&folder), json!([expected]), "{arguments:?}");
        let said = [ran.out, ran.err].concat();
        assert!(said.contains("added {") && said.contains("`revoked.refresh`"), "{said}");
        let shown = input.split('.').any(|part| part.len() > 4 && said.contains(part));
        assert!(input.is_empty() || !shown, "{arguments:?}: {said}");
        let left: Vec<_> = fs::read_dir(folder.path("")).unwrap().flatten().collect();
        assert_eq!(left.len(), 2, "the list, and the lock: {left:?}");
    }
}

#[test]
fn what_a_command_lists_the_filter_refuses_until_its_end() {
    let jwt = token(r#"{"exp":1800003600}"#);
    let (folder, _) = revoke(Some(r#"{"entries": []}"#), &["--token-from", "-"], &jwt);
    let facts = Facts {
        identity: Key::new("okta", Subject::Identity("alice")),
        jti: None,
        token: Some(Key::new("okta", Subject::Token(&Sha256::digest(&jwt).into()))),
        session: None,
        issued: None,
    };
    for (now, refused) in [("2027-01-15T09:59:59.999Z", true), ("2027-01-15T10:00:00Z", false)] {
        let now = UnixMillis::from_rfc3339(now).unwrap();
        let list = parse(folder.read("list.json").as_bytes(), UnixMillis::new(0)).expect("a list");
        assert_eq!(Revocations::new(list, None).judge(&facts, now).is_err(), refused);
    }
}

#[test]
fn everything_else_in_the_file_stays_as_it_is() {
    let list = r#"{
  "generated": 1.50e3,
  "entries": [
    {"provider": "okta", "identity": "gone", "until": "2027-01-15T08:00:00Z"},
    {"description": "two  blanks",   "provider": "okta", "identity": "stays", "until": "2027-01-15T08:00:01Z"},
    {"provider": "old", "jti": "gone", "until": "2020-01-01T00:00:00Z"}
  ],
  "of": {"entries": [1, 2]}
}
"#;
    let (folder, ran) = revoke(Some(list), &["--identity", "new"], "");
    let expected = r#"{
  "generated": 1.50e3,
  "entries": [
    {"description": "two  blanks",   "provider": "okta", "identity": "stays", "until": "2027-01-15T08:00:01Z"},
    { "provider": "okta", "identity": "new" }
  ],
  "of": {"entries": [1, 2]}
}
"#;
    assert_eq!(folder.read("list.json"), expected);
    assert!(ran.out.contains("dropped 2 entries that were over"), "{}", ran.out);
    assert!(ran.out.contains("2 entries now"), "{}", ran.out);
    // What is there, or reaches further, is not written again.
    for arguments in [&["--identity", "new"][..], &["--identity", "new", "--until", "1h"]] {
        let again = revoke_in(&folder, arguments, "");
        assert_eq!(again.exit, Exit::Fine);
        assert!(again.out.contains("there already, or more"), "{}", again.out);
        assert_eq!(folder.read("list.json"), expected);
    }
    let longer = revoke_in(&folder, &["--identity", "stays", "--format", "json"], "");
    let told: Value = serde_json::from_str(&longer.out).unwrap();
    assert_eq!(
        (&told["added"], &told["dropped"], &told["entries"]),
        (&json!({ "provider": "okta", "identity": "stays" }), &json!(0), &json!(3))
    );
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() {
    let list = r#"{"entries": [{"provider": "okta", "identity": "alice"}]}"#;
    let jwt = token(r#"{"exp":1700000000}"#);
    let plain = token(r#"{"jti":7}"#);
    let full = format!(
        r#"{{"entries": [{}]}}"#,
        (0..100_000)
            .map(|number| format!(r#"{{"provider":"p","jti":"{number}"}}"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let alice = ["--identity", "bob"];
    // name, list, arguments, standard input, what is said
    let cases: [(&str, Option<&str>, &[&str], &str, &str); 21] = [
        ("no file", None, &alice, "", "there is no such file; `--new` makes it"),
        ("no JSON", Some("{"), &alice, "", "no list that a proxy would take"),
        ("a list of JSON", Some("[]"), &alice, "", "no list that a proxy would take"),
        (
            "a wrong entry",
            Some(r#"{"entries": [{"provider": "p"}]}"#),
            &alice,
            "",
            "not exactly one of",
        ),
        ("one too many", Some(&full), &alice, "", "more than 100000 entries"),
        ("nobody", Some(list), &[], "", "required arguments"),
        ("two", Some(list), &["--identity", "a", "--jti", "b"], "", "cannot be used with"),
        ("an empty identity", Some(list), &["--identity", ""], "", "an empty string names nothing"),
        ("an empty session", Some(list), &["--session", ""], "", "an empty string names nothing"),
        ("a short hash", Some(list), &["--token-sha256", "ab"], "", "not 64 of 0-9 and a-f"),
        ("large letters", Some(list), &["--token-sha256", &"AB".repeat(32)], "", "not 64 of"),
        ("a token as a `jti`", Some(list), &["--jti", &jwt], "", "what was written is not shown"),
        ("a token as a hash", Some(list), &["--token-sha256", &jwt], "", "`--token-from` reads"),
        ("a token as a file", Some(list), &["--token-from", &jwt], "", "is not shown"),
        ("a token that is over", Some(list), &["--token-from", "-"], &jwt, "2023-11-14T22:13:20Z"),
        ("no token", Some(list), &["--token-from", "-"], " \n", "there is nothing in it"),
        (
            "no text",
            Some(list),
            &["--token-from", "-", "--by-jti"],
            &plain,
            "no claim `jti` that is a text",
        ),
        (
            "no claims",
            Some(list),
            &["--token-from", "-", "--by-claim", "sub"],
            "opaque",
            "it has no dots",
        ),
        ("an end that was", Some(list), &["--identity", "a", "--until", AT], "", "has passed"),
        (
            "no moment",
            Some(list),
            &["--identity", "a", "--until", "soon"],
            "",
            "a moment is written like 2026-11-23T10:00:00Z, and a span like 12h",
        ),
        ("no time at all", Some(list), &["--identity", "a", "--until", "0s"], "", "has passed"),
    ];
    for (name, list, arguments, input, said) in cases {
        let (folder, ran) = revoke(list, arguments, input);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{name}: {}", ran.err);
        assert!(ran.err.contains(said), "{name}: {}", ran.err);
        assert!(!ran.err.contains(&jwt) && !ran.err.contains("eyJ"), "{name}: {}", ran.err);
        assert_eq!(fs::read_to_string(folder.path("list.json")).ok().as_deref(), list, "{name}");
    }
    let (folder, ran) = revoke(None, &["--identity", "bob", "--new"], "");
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert_eq!(
        folder.read("list.json"),
        "{\n  \"entries\": [\n    { \"provider\": \"okta\", \"identity\": \"bob\" }\n  ]\n}\n"
    );
}

#[test]
fn an_end_before_the_tokens_own_is_warned_about() {
    let jwt = token(r#"{"exp":1800003600}"#);
    for (span, warned) in [("1h", true), ("61m", false)] {
        let arguments = ["--token-from", "-", "--until", span];
        let (_folder, ran) = revoke(Some(r#"{"entries": []}"#), &arguments, &jwt);
        assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
        assert_eq!(ran.err.contains("is good again"), warned, "{span}: {}", ran.err);
    }
}

#[test]
fn whoever_reads_the_file_has_a_whole_list_and_no_command_undoes_anothers() {
    let folder = Folder::new();
    fs::write(folder.path("list.json"), r#"{"entries": []}"#).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let folder = &folder;
            scope.spawn(move || {
                for number in 0..10 {
                    let identity = format!("{worker}-{number}");
                    let ran = revoke_in(folder, &["--identity", &identity], "");
                    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
                }
            });
        }
        for _ in 0..200 {
            let text = folder.read("list.json");
            parse(text.as_bytes(), UnixMillis::new(0))
                .unwrap_or_else(|why| panic!("{why}: {text}"));
        }
    });
    assert_eq!(entries(&folder).as_array().unwrap().len(), 40);
}

#[cfg(unix)]
#[test]
fn the_file_keeps_its_rights_and_its_place_behind_a_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::new();
    fs::create_dir(folder.path("served")).unwrap();
    let served = folder.path("served/real.json");
    fs::write(&served, r#"{"entries": []}"#).unwrap();
    fs::set_permissions(&served, fs::Permissions::from_mode(0o604)).unwrap();
    symlink(&served, folder.path("list.json")).unwrap();
    assert_eq!(revoke_in(&folder, &["--identity", "a"], "").exit, Exit::Fine);
    assert!(fs::symlink_metadata(folder.path("list.json")).unwrap().is_symlink());
    assert_eq!(fs::metadata(&served).unwrap().permissions().mode() & 0o777, 0o604);
    assert_eq!(entries(&folder).as_array().unwrap().len(), 1);
}

#[test]
fn no_two_lists_of_one_length_are_of_one_second() {
    let folder = Folder::new();
    let list = |name: &str| {
        format!(
            r#"{{"entries": [{{ "provider": "okta", "identity": "{name}", "until": "2027-01-15T08:00:00Z" }}]}}"#
        )
    };
    fs::write(folder.path("list.json"), list("a")).unwrap();
    let before = fs::metadata(folder.path("list.json")).unwrap();
    let arguments = ["--identity", "b", "--until", "2028-01-15T08:00:00Z"];
    assert_eq!(revoke_in(&folder, &arguments, "").exit, Exit::Fine);
    let after = fs::metadata(folder.path("list.json")).unwrap();
    assert_eq!(before.len(), after.len());
    let second = |of: &fs::Metadata| {
        of.modified().unwrap().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    };
    assert!(second(&after) > second(&before));
}
