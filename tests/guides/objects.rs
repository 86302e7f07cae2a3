//! docs/object-authorization.md: each row of its tables ends as it says.

use serde_json::{Map, Value};
use tollgate::config::Config;

use super::support::token::{NOW, Signer, key_set};
use super::support::world::{Worker, World, head};
use super::troubleshooting::{merge, serve};
use super::{read, rows, spans};

const PAGE: &str = "docs/object-authorization.md";
const HEAD: &str = "| what | request | claims | ends | the reason says |";

/// The blocks of JSON in a text.
fn blocks(text: &str) -> Vec<Value> {
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).expect(block)).collect()
}

/// What stands in backticks in a cell, where bars are escaped.
fn unescaped(cell: &str) -> Vec<String> {
    spans(cell).into_iter().map(|span| span.replace("\\|", "|")).collect()
}

/// A token with the claims of the page, each of which a row may write anew, in its own digits.
fn token(claims: &Map<String, Value>, changes: &[String]) -> String {
    let mut texts: Vec<_> =
        claims.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    for change in changes {
        let (name, value) = change.split_once(": ").expect(change);
        let name: String = serde_json::from_str(name).expect(change);
        let _: Value = serde_json::from_str(value).expect(change);
        texts.retain(|(known, _)| *known != name);
        texts.push((name, value.to_owned()));
    }
    texts.push(("iat".to_owned(), NOW.to_string()));
    texts.push(("exp".to_owned(), (NOW + 300).to_string()));
    let payload = texts.iter().map(|(name, value)| format!("\"{name}\": {value}"));
    let payload = format!("{{{}}}", payload.collect::<Vec<_>>().join(", "));
    Signer::new("k1").sign_text(r#"{"alg":"EdDSA","kid":"k1"}"#, payload)
}

/// How a request ends, and the reason of its refusal.
fn ask(config: &Value, request: &[String], bearer: &str) -> (String, String) {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    serve(
        &mut worker,
        "https://example.okta.com/oauth2/default",
        Some(&key_set(&[&Signer::new("k1")])),
    );
    let (first, headers) = request.split_first().expect("a request");
    let (method, path) = first.split_once(' ').expect(first);
    let mut sent = Vec::new();
    let mut host = None;
    for header in headers {
        let (name, value) = header.split_once(':').expect(header);
        match name {
            "host" => host = Some(value.trim()),
            name => sent.push((name, value.trim())),
        }
    }
    let bearer = format!("Bearer {bearer}");
    if !sent.iter().any(|(name, _)| *name == "x-api-key") {
        sent.push(("authorization", &bearer));
    }
    let mut head = head(method, path, &sent);
    if let Some(host) = host {
        let others = head.headers.iter().filter(|(name, _)| *name != b":authority");
        let all = others.chain([(&b":authority"[..], host.as_bytes())]);
        head.headers = all.collect();
    }
    let stream = worker.request(head);
    let mut lines = worker.log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.rfind(|line| line["event"] == "request_denied").unwrap_or_default();
    (worker.verdict(stream), line["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_request_of_the_page_ends_as_it_is_told() {
    let text = read(PAGE);
    let claims = blocks(&text).remove(0);
    let claims = claims.as_object().unwrap();
    let (mut told, mut wrong) = (0_usize, Vec::new());
    for (place, _) in text.match_indices(HEAD) {
        let config = blocks(&text[..place]).pop().expect("a configuration above the table");
        let table = text[place..].split("\n\n").next().unwrap();
        for row in rows(table) {
            let [what, request, changes, ends, reason] = row[..] else { panic!("{row:?}") };
            let token = token(claims, &unescaped(changes));
            let (verdict, found) = ask(&config, &unescaped(request), &token);
            if unescaped(ends) != [verdict.as_str()] {
                wrong.push(format!("{what}: {verdict}: {found}"));
            }
            assert_eq!(reason.is_empty(), verdict == "forwarded", "{what}");
            for part in unescaped(reason).iter().filter(|part| !found.contains(&***part)) {
                wrong.push(format!("{what}: no {part} in {found}"));
            }
            assert!(!found.contains("alice") || request.contains("alice"), "{what}: {found}");
            told += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told > 70, "{told}");
}

#[test]
fn every_configuration_of_the_page_is_judged_as_it_is_told() {
    let text = read(PAGE);
    let blocks = blocks(&text);
    for config in &blocks[1..] {
        let config = Config::parse(config.to_string().as_bytes()).expect("a right one");
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    }
    let (_, table) = text.split_once("| what | the change |").expect("a table");
    let table = format!("| what | the change |{table}");
    let rows = rows(&table);
    assert!(rows.len() >= 10, "{}", rows.len());
    for row in rows {
        let [what, change, code, field] = row[..] else { panic!("{row:?}") };
        let mut config = blocks[1].clone();
        merge(&mut config, &serde_json::from_str(&unescaped(change)[0]).expect(change));
        let warned = what.starts_with("Warned about");
        let parsed = Config::parse(config.to_string().as_bytes());
        assert_eq!(parsed.is_ok(), warned, "{what}");
        let problems = parsed.map_or_else(|problems| problems, |config| config.warnings);
        let found: Vec<_> =
            problems.iter().map(|one| (one.code.name().to_owned(), one.path.to_string())).collect();
        let expected = (unescaped(code).remove(0), unescaped(field).remove(0));
        assert_eq!(found, [expected], "{what}: {problems:?}");
    }
}
