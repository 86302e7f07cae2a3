//! Mistakes in registering a client, with the real provider: what `tollgate register` says of each,
//! and that the remedy helps.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use super::harness::{Provider, places};
use crate::console::run;

/// One mistake, as commands of a shell: `%issuer%` is the provider's, `%shut%` that of one which
/// registers nobody, and `$TOKEN` lets its owner register.
struct Case {
    id: &'static str,
    did: &'static str,
    /// What stands before the mistake, and is right.
    before: &'static str,
    wrong: &'static str,
    exit: i32,
    says: &'static str,
    /// What is said, for the document.
    told: &'static str,
    remedy: &'static str,
    right: &'static str,
}

const FINE: &str = "tollgate register --issuer %issuer% --for machine --name job --scope orders:read \
                    --token-env TOKEN -o client.json";

const CASES: [Case; 8] = [
    Case {
        id: "C01",
        did: "Asked a provider that registers nobody.",
        before: "true",
        wrong: "tollgate register --issuer %shut% --for machine --name job --token-env TOKEN -o client.json",
        exit: 2,
        says: "names no `registration_endpoint`",
        told: "status 2: its document names no `registration_endpoint`, and where to click",
        remedy: "Have registration switched on there, or make the client in its console.",
        right: FINE,
    },
    Case {
        id: "C02",
        did: "Wrote the issuer with a slash that it has not.",
        before: "true",
        wrong: "tollgate register --issuer %issuer%/ --for machine --name job --token-env TOKEN -o client.json",
        exit: 2,
        says: "must be the same byte for byte",
        told: "status 2: the document's `issuer` must be the same byte for byte",
        remedy: "Copy `iss` of a token, or `issuer` of the discovery document.",
        right: FINE,
    },
    Case {
        id: "C03",
        did: "Registered without the initial access token that the provider wants.",
        before: "true",
        wrong: "tollgate register --issuer %issuer% --for machine --name job -o client.json",
        exit: 2,
        says: "it wants an initial access token",
        told: "status 2: it wants an initial access token",
        remedy: "Put one into a variable and name that by `--token-env`.",
        right: FINE,
    },
    Case {
        id: "C04",
        did: "Showed a token that may not register.",
        before: "true",
        wrong: "TOKEN=another tollgate register --issuer %issuer% --for machine --name job --token-env TOKEN -o client.json",
        exit: 2,
        says: "the token in TOKEN is refused",
        told: "status 2: the token in that variable is refused, and what this provider wants",
        remedy: "Have an administrator make one for it.",
        right: FINE,
    },
    Case {
        id: "C05",
        did: "Asked for a scope that the provider does not have.",
        before: "true",
        wrong: "tollgate register --issuer %issuer% --for machine --name job --scope orders:delete --token-env TOKEN -o client.json",
        exit: 1,
        says: "the provider takes the request for wrong: `scope` (--scope)",
        told: "status 1: the provider takes the request for wrong, with `scope` (`--scope`)",
        remedy: "Ask for one that it has, or add it there first.",
        right: FINE,
    },
    Case {
        id: "C06",
        did: "Named no redirect for an application with users.",
        before: "true",
        wrong: "tollgate register --issuer %issuer% --for web --name shop --token-env TOKEN -o client.json",
        exit: 2,
        says: "--redirect is missing",
        told: "status 2: `--redirect` is missing; nobody was asked",
        remedy: "Say by `--redirect` where its users come back to.",
        right: "tollgate register --issuer %issuer% --for web --name shop --redirect https://shop.example.com/back --token-env TOKEN -o client.json",
    },
    Case {
        id: "C07",
        did: "Copied the client's file to where others can read it.",
        before: FINE,
        wrong: "chmod 644 client.json; tollgate register --read client.json",
        exit: 0,
        says: "others on this machine can read client.json, and be this client",
        told: "a warning: others can read the file, and be this client",
        remedy: "`chmod 600` the file, and take another secret.",
        right: "chmod 600 client.json; tollgate register --read client.json",
    },
    Case {
        id: "C08",
        did: "Used a copy of the file that is older than the provider's last answer.",
        before: "tollgate register --issuer %issuer% --for machine --name job --scope orders:read --token-env TOKEN -o new.json \
                 && cp -p new.json old.json; tollgate register --rotate new.json > rotated.txt; true",
        wrong: "tollgate register --delete old.json",
        exit: 1,
        says: "each answer may renew it, and the newest counts",
        told: "status 1: the registration token is no longer the right one; the file stays as it is",
        remedy: "Use the file that was written last.",
        right: "tollgate register --read new.json && tollgate register --delete new.json",
    },
];

/// A provider with a discovery document, and nothing else.
fn shut() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let issuer = format!("http://{}", listener.local_addr().expect("an address"));
    let body = format!(r#"{{"issuer": "{issuer}", "token_endpoint": "{issuer}/token"}}"#);
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(text.as_bytes());
        }
    });
    issuer
}

#[test]
fn what_is_wrong_with_a_registration_is_told_and_the_remedy_helps() {
    let provider = Provider::start("clients");
    let (issuer, shut) = (provider.issuer(), shut());
    for case in CASES {
        let id = case.id;
        let folder = places::scratch(&format!("clients-{id}"));
        let there = |command: &str| {
            let command = command.replace("%issuer%", &issuer).replace("%shut%", &shut);
            let token = Provider::INITIAL_ACCESS_TOKEN;
            let (status, lines) = run(&format!("export TOKEN={token}; {command}"), &folder);
            (status, lines.join("\n"))
        };
        let (status, said) = there(case.before);
        assert_eq!(status, 0, "{id}, before: {said}");
        let (status, said) = there(case.wrong);
        assert_eq!(status, case.exit, "{id}: {said}");
        assert!(said.contains(case.says), "{id}: {said}");
        assert!(!said.contains(Provider::INITIAL_ACCESS_TOKEN), "{id}: {said}");
        let (status, said) = there(case.right);
        assert_eq!(status, 0, "{id}, with the remedy: {said}");
        assert!(!said.contains(case.says), "{id}, with the remedy: {said}");
    }
}

#[test]
fn the_document_has_a_row_for_each_mistake_in_registering() {
    let row =
        |case: &Case| format!("| {} | {} | {} | {} |\n", case.id, case.did, case.told, case.remedy);
    let rows: String = CASES.iter().map(row).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/misconfigurations.md");
    let text = fs::read_to_string(&path).expect("docs/misconfigurations.md");
    let table: String = text
        .lines()
        .filter(|line| line.starts_with("| C") && line.as_bytes()[3].is_ascii_digit())
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(table, rows, "write these rows into the third table:\n{rows}");
}
