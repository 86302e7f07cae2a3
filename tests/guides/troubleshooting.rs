//! docs/troubleshooting.md and the pages of providers: the codes are real, the configurations work,
//! and each row of a provider's table ends as it says.

use serde_json::{Map, Value, json};
use tollgate::ids::StreamId;

use super::support::token::{Signer, Token, key_set};
use super::support::world::{Worker, World};
use super::{codes, pages, read, rows, section, spans};

const PROVIDERS: [&str; 4] = ["okta", "auth0", "keycloak", "entra"];

/// The part of the document about a provider: its example token and configuration, and its rows.
struct Guide {
    token: Value,
    config: Value,
    rows: Vec<Vec<String>>,
}

impl Guide {
    fn of(provider: &str) -> Self {
        let text = read(&format!("docs/providers/{provider}.md"));
        let block = |heading: &str| -> Value {
            let (_, rest) = section(&text, heading).split_once("```json\n").expect(heading);
            serde_json::from_str(rest.split("```").next().unwrap()).expect(heading)
        };
        let rows = rows(section(&text, "## What goes wrong")).into_iter();
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect()).collect();
        Self { token: block("## A token"), config: block("## Configuration"), rows }
    }

    fn issuer(&self) -> &str {
        self.token["claims"]["iss"].as_str().unwrap()
    }
}

/// A merge patch (RFC 7396).
pub(super) fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (name, value) in patch {
        merge(&mut into[name], value);
    }
}

/// The token that a cell tells of: the example with its changes, signed; or as it is written.
fn token(cell: &str, example: &Value) -> String {
    let mut example = example.clone();
    let signer = Signer::new(example["header"]["kid"].as_str().unwrap());
    let signer = if cell.contains("signed by another") { signer.renewed() } else { signer };
    let mut rest = cell;
    for span in spans(cell) {
        let (before, behind) = rest.split_once(span).unwrap();
        let before = before.trim_end_matches('`');
        rest = behind;
        let part = if before.ends_with("header ") { "header" } else { "claims" };
        if before.ends_with("without ") {
            let name: String = serde_json::from_str(span).unwrap();
            let claims = example["claims"].as_object_mut().unwrap();
            assert!(claims.remove(&name).is_some(), "the example has no {name}");
        } else if span.starts_with('"') {
            let change: Value = serde_json::from_str(&format!("{{{span}}}")).expect(span);
            merge(&mut example[part], &change);
        } else {
            return span.to_owned();
        }
    }
    let mut token = Token::for_identity("x").without("iss").without("aud").without("sub");
    for (name, value) in example["header"].as_object().unwrap() {
        // The harness signs with Ed25519, whatever the provider does.
        if name != "alg" || cell.contains("\"alg\"") {
            token = token.header(name, value.clone());
        }
    }
    for name in ["iat", "exp"] {
        token = token.without(name);
    }
    for (name, value) in example["claims"].as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    signer.sign(&token)
}

/// Answers every call as the provider would, until nothing is asked any more.
pub(super) fn serve(worker: &mut Worker<'_>, issuer: &str, keys: Option<&str>) {
    for _ in 0..6 {
        worker.tick();
        while let Some(call) = worker.calls.values().next() {
            let is_discovery = call.path.ends_with("/openid-configuration");
            let keys_url = format!("https://{}/keys", call.authority);
            let discovery = json!({ "issuer": issuer, "jwks_uri": keys_url }).to_string();
            match keys {
                None => worker.answer(503, &[], "upstream connect error"),
                Some(_) if is_discovery => worker.answer(200, &[], &discovery),
                Some(keys) => worker.answer(200, &[], keys),
            }
        }
    }
}

/// A request with this token to a worker with this configuration: how it ends, and the log's last
/// line about it.
fn ask(config: &Value, issuer: &str, keys: Option<&str>, token: &str) -> (String, Option<Value>) {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    serve(&mut worker, issuer, keys);
    let stream: StreamId = worker.get(token);
    for _ in 0..40 {
        if worker.verdict(stream) != "waiting" {
            break;
        }
        world.wait(std::time::Duration::from_secs(1));
        serve(&mut worker, issuer, keys);
    }
    let lines = worker.log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.filter(|line| line["event"] == "request_denied").collect::<Vec<_>>().pop();
    (worker.verdict(stream), line)
}

#[test]
fn the_example_token_of_each_provider_passes_with_its_configuration() {
    for provider in PROVIDERS {
        let guide = Guide::of(provider);
        let signer = Signer::new(guide.token["header"]["kid"].as_str().unwrap());
        let keys = key_set(&[&signer]);
        let token = token("", &guide.token);
        let (verdict, line) = ask(&guide.config, guide.issuer(), Some(&keys), &token);
        assert_eq!(verdict, "forwarded", "{provider}: {line:?}");
    }
}

#[test]
fn what_goes_wrong_with_each_provider_ends_as_it_is_told() {
    let (mut told, mut wrong) = (0_usize, Vec::new());
    for provider in PROVIDERS {
        let guide = Guide::of(provider);
        let signer = Signer::new(guide.token["header"]["kid"].as_str().unwrap());
        let keys = key_set(&[&signer]);
        for row in &guide.rows {
            let [what, changes, patch, code, reason, remedy] = row.as_slice() else {
                panic!("six cells, please: {row:?}")
            };
            assert!(!what.is_empty() && !remedy.is_empty(), "{row:?}");
            let mut config = guide.config.clone();
            if let Some(patch) = spans(patch).first() {
                merge(&mut config, &serde_json::from_str(patch).expect(patch));
            }
            let token = token(changes, &guide.token);
            let keys = (changes != "no keys").then_some(keys.as_str());
            let (verdict, line) = ask(&config, guide.issuer(), keys, &token);
            if spans(code) != [verdict.as_str()] {
                wrong.push(format!("{provider}: {what}: {verdict}, {line:?}"));
            }
            let line = line.unwrap_or_default();
            let found = line["reason"].as_str().unwrap_or_default();
            assert!(!spans(reason).is_empty(), "{row:?}");
            for part in spans(reason).into_iter().filter(|part| !found.contains(part)) {
                wrong.push(format!("{provider}: {what}: no {part} in {found}"));
            }
            told += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told >= 36, "{told}");
}

/// Names in backticks that look like codes: small letters and underscores, with at least one.
fn is_like_a_code(span: &&str) -> bool {
    span.contains('_') && span.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn every_symptom_is_one_that_there_is() {
    let text = read("docs/troubleshooting.md");
    let known = [pages::configuration(), read("docs/metrics.md"), read("docs/envoy.md")].concat();
    let symptoms = text.split("## By provider").next().unwrap();
    let all: Vec<_> = rows(symptoms);
    assert!(all.len() > 50, "{}", all.len());
    let mut used = std::collections::BTreeSet::new();
    for row in all {
        assert!(row.len() == 3 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        for span in row.iter().flat_map(|cell| spans(cell)).filter(is_like_a_code) {
            let is_code = codes().contains(span);
            assert!(is_code || known.contains(span), "there is no {span}");
            if is_code {
                used.insert(span);
            }
        }
    }
    assert!(used.len() >= 28, "{} of the codes: {used:?}", used.len());
}
