//! A catalogue of bad requests, each under an id that stays: what a header may say (F01 to F25) and
//! how a path may be written (G01 to G17).
//!
//! One table each, a row per id. What is shown elsewhere, or has nothing to be shown, says so in its
//! row. Nothing that is refused reaches the upstream.

mod headers;
mod paths;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::harness::{
    Answer, Envoy, Filter, ISSUER, KeyServer, Listener, Request, Signer, Site, Token, Upstream,
    configuration, fetch, key_set,
};

/// A row: its id, what it is, and what shows what becomes of it.
struct Row(&'static str, &'static str, Vec<Case>);

enum Case {
    /// Refused by the filter with this code.
    Refused(&'static str, Vec<Request>),
    /// Refused, or redirected, by Envoy.
    ByEnvoy(Vec<Request>),
    /// Goes upstream without an identity, and without anything that the client forged.
    Anonymous(Vec<Request>),
    /// Goes upstream as `alice` and nobody else.
    Alice(Vec<Request>),
    /// The code where every path comes as the client wrote it, and that behind Envoy's own
    /// normalisation; an empty one is a public API, `envoy` a refusal of its own.
    Paths(&'static str, &'static str, Vec<&'static str>),
    /// It takes more than one look.
    Scene(fn(&Stage)),
    /// It is shown by these tests; or there is nothing to be shown, and why.
    Elsewhere(&'static str, &'static [&'static str]),
}
use Case::{Alice, Anonymous, ByEnvoy, Elsewhere, Paths, Refused, Scene};

struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    token: String,
    raw: u16,
    normal: u16,
}

impl Stage {
    fn start(name: &str) -> Self {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let mut other = keys.provider("https://other.example", "/keys");
        other["upstream"] = json!({ "headers": { "x-user": "sub" } });
        let providers = json!({ "main": keys.provider(ISSUER, "/keys"), "other": other });
        let apis = json!([
            { "name": "health", "match": { "paths": ["/health"], "methods": ["GET"] }, "auth": "none" },
            { "name": "public", "match": { "paths": ["/public/**"] }, "auth": "none" },
            { "name": "host", "match": { "hosts": ["open.example.com"] }, "auth": "none" },
            { "name": "optional", "match": { "paths": ["/optional/**"] }, "auth": ["main", "other"],
              "optional": true },
            { "name": "cors", "match": { "paths": ["/cors/**"] }, "auth": ["main"],
              "cors_preflight": "pass" },
            { "name": "admin", "auth": ["main"] },
        ]);
        let filter = Filter::new(&configuration(providers, apis));
        let (raw, normal) = (Listener::new(&filter).raw(), Listener::new(&filter));
        let site = Site::new(name, upstream.port()).cluster("keys", keys.port());
        let envoy = Envoy::start(&site.listener(&raw).listener(&normal));
        let token = signer.sign(&Token::of("alice"));
        let first = fetch(raw.port, &Request::get("/first").bearer(&token));
        assert_eq!(first.status(), 200, "{}", first.text());
        Self { envoy, upstream, token, raw: raw.port, normal: normal.port }
    }

    fn run(&self, rows: &[Row], letter: char, count: usize) {
        let ids: BTreeSet<_> = rows.iter().map(|Row(id, ..)| (*id).to_owned()).collect();
        let all: BTreeSet<_> = (1..=count).map(|number| format!("{letter}{number:02}")).collect();
        assert_eq!(ids, all, "a row per id");
        for Row(id, what, cases) in rows {
            assert!(!cases.is_empty(), "{id}");
            for case in cases {
                self.check(&format!("{id}, {what}"), case);
            }
        }
        self.envoy.assert_clean(&[&self.token]);
    }

    fn check(&self, name: &str, case: &Case) {
        match case {
            Refused(code, requests) => {
                for request in requests {
                    let (code, found) = ((*code).to_owned(), self.refused(self.raw, request));
                    assert_eq!(found, code, "{name}: {request:?}");
                }
            }
            ByEnvoy(requests) => {
                for request in requests {
                    assert_eq!(self.refused(self.raw, request), "", "{name}: {request:?}");
                }
            }
            Anonymous(requests) => {
                for request in requests {
                    self.forwarded(name, request, None);
                }
            }
            Alice(requests) => {
                for request in requests {
                    self.forwarded(name, &request.clone().bearer(&self.token), Some("alice"));
                }
            }
            Paths(raw, normal, paths) => {
                for path in paths {
                    for (port, code) in [(self.raw, raw), (self.normal, normal)] {
                        let (name, request) = (format!("{name}: {path}"), Request::get(path));
                        match *code {
                            "" => assert_eq!(fetch(port, &request).status(), 200, "{name}"),
                            "envoy" => assert_eq!(self.refused(port, &request), "", "{name}"),
                            code => assert_eq!(self.refused(port, &request), code, "{name}"),
                        }
                    }
                }
            }
            Scene(scene) => scene(self),
            Elsewhere(why, tests) => {
                assert!(!why.is_empty(), "{name}");
                tests.iter().for_each(|test| assert!(exists(test), "{name}: no test {test}"));
            }
        }
    }

    /// The code of a request that must not reach the upstream; empty where Envoy refused it.
    fn refused(&self, port: u16, request: &Request) -> String {
        let before = self.upstream.count();
        let response = fetch(port, request);
        assert!(
            response.status() != 200 || response.header("grpc-status").is_some(),
            "{request:?}"
        );
        assert_eq!(self.upstream.count(), before, "{request:?} went upstream");
        response.code()
    }

    fn forwarded(&self, name: &str, request: &Request, identity: Option<&str>) {
        let response = fetch(self.raw, request);
        assert_eq!(response.status(), 200, "{name}: {request:?}: {}", response.text());
        let seen = self.upstream.seen("/").pop().expect("a request at the upstream");
        let found: Vec<_> = seen.values("x-tollgate-identity");
        assert_eq!(found, identity.into_iter().collect::<Vec<_>>(), "{name}: {seen:?}");
        for (header, value) in &seen.headers {
            assert!(
                !value.windows(7).any(|part| part == b"mallory"),
                "{name}: {header} came through"
            );
        }
    }
}

/// Whether some test of the project has this name.
fn exists(test: &str) -> bool {
    fn search(folder: &Path, wanted: &str) -> bool {
        std::fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return search(&path, wanted);
            }
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(wanted))
        })
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = format!("fn {test}(");
    ["src", "tests", "cli"].iter().any(|folder| search(&root.join(folder), &wanted))
}

/// A request with every header that could pass for one of ours, `mallory` in each.
fn forged(request: Request, names: &[&str]) -> Request {
    names.iter().fold(request, |request, name| request.header(name, "mallory"))
}

/// The headers that this configuration writes.
const OURS: [&str; 3] = ["x-tollgate-identity", "x-tollgate-provider", "x-user"];
