//! Two readers, one reading: hosts, methods and paths that a server behind the proxy could read
//! otherwise than the rule are refused, and everything that has one reading passes.
mod support;

use serde_json::{Value, json};
use support::token::{AUDIENCE, ISSUER, Signer, Token};
use support::world::{Worker, World};
use tollgate::http::{Fields, RequestHead};

/// The header section as it is given.
fn raw(fields: &[(&str, &str)]) -> RequestHead {
    let mut headers = Fields::default();
    headers.extend(fields.iter().copied());
    RequestHead { headers }
}

fn request(method: &str, authority: &str, path: &str) -> RequestHead {
    raw(&[(":method", method), (":authority", authority), (":path", path), (":scheme", "https")])
}

fn config(apis: Value) -> Value {
    let idp = json!({ "issuer": ISSUER, "audiences": [AUDIENCE],
                      "jwks": { "inline": { "keys": [Signer::new("k1").jwk()] } } });
    json!({ "providers": { "idp": idp }, "apis": apis, "log": { "per_second": 1000 } })
}

fn bearer(scope: &str) -> String {
    let token = Token::for_identity("alice").claim("scope", scope);
    format!("Bearer {}", Signer::new("k1").sign(&token))
}

/// What becomes of a request: the API that let it through, or the code.
fn outcome(worker: &mut Worker<'_>, head: RequestHead) -> String {
    let stream = worker.request(head);
    let verdict = worker.verdict(stream).to_owned();
    let api = worker.notes.get(&(stream, "tollgate.api")).cloned().unwrap_or_default();
    if verdict == "forwarded" { api } else { verdict }
}

/// One row: what it is, the request, and what becomes of it.
type Row<'r> = (&'r str, RequestHead, &'r str);

fn judge(config: &Value, rows: Vec<Row<'_>>) {
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    for (name, head, expected) in rows {
        assert_eq!(outcome(&mut worker, head), expected, "{name}");
    }
}

#[test]
fn a_host_belongs_to_its_api_in_every_spelling_and_is_refused_in_every_other() {
    let apis = json!([
        { "name": "prot", "auth": ["idp"],
          "match": { "hosts": ["api.example.com", "[2001:db8::1]", "xn--bcher-kva.example", "10.0.0.1"] } },
        { "name": "wild", "match": { "hosts": ["*.apps.example.com"] }, "auth": ["idp"] },
        { "name": "site", "auth": "none" },
    ]);
    let (prot, site) = ("credential_missing", "site");
    let cases = [
        ("api.example.com", prot),
        ("api.example.com:443", prot),
        ("api.example.com:8443", prot),
        ("api.example.com:99999", prot),
        ("api.example.com:", prot),
        ("API.Example.COM", prot),
        ("api.example.com.", prot),
        ("api.example.com.:443", prot),
        ("[2001:db8::1]", prot),
        ("[2001:DB8:0:0:0:0:0:1]:443", prot),
        ("[2001:0db8::0001]", prot),
        ("[2001:db8::2]", site),
        ("[::1]:8080", site),
        ("xn--bcher-kva.example", prot),
        ("XN--Bcher-kva.example:80", prot),
        ("10.0.0.1:80", prot),
        ("10.0.0.2", site),
        ("a.b.apps.example.com:80", prot),
        ("apps.example.com", site),
        ("www.example.com", site),
        ("localhost:8080", site),
        ("my_host.example", site),
        ("api.example.com:abc", "host_ambiguous"),
        ("api.example.com:80:80", "host_ambiguous"),
        ("api.example.com:80abc", "host_ambiguous"),
        ("api.example.com:-1", "host_ambiguous"),
        ("a.apps.example.com:x", "host_ambiguous"),
        ("www.example.com:abc", "host_ambiguous"),
        ("api.example.com..", "host_ambiguous"),
        ("api..example.com", "host_ambiguous"),
        (".apps.example.com", "host_ambiguous"),
        ("user@api.example.com", "host_ambiguous"),
        ("api.example.com:80@www.example.com", "host_ambiguous"),
        ("www.example.com,api.example.com", "host_ambiguous"),
        ("api%2eexample.com", "host_ambiguous"),
        ("api.example.com/", "host_ambiguous"),
        ("api.example.com ", "host_ambiguous"),
        ("api.example.com\t:80", "host_ambiguous"),
        ("b\u{fc}cher.example", "host_ambiguous"),
        ("2001:db8::1", "host_ambiguous"),
        ("[2001:db8::1%25eth0]", "host_ambiguous"),
        ("[2001:db8::1]x", "host_ambiguous"),
        ("[2001:db8::1", "host_ambiguous"),
        (":443", "host_ambiguous"),
        ("", "host_ambiguous"),
    ];
    let mut rows: Vec<Row<'_>> = cases
        .into_iter()
        .map(|(host, expected)| (host, request("GET", host, "/"), expected))
        .collect();
    let get =
        |fields: &[(&str, &str)]| raw(&[&[(":method", "GET"), (":path", "/")], fields].concat());
    rows.extend([
        ("no host at all", get(&[]), "host_ambiguous"),
        ("`Host` alone", get(&[("host", "api.example.com")]), prot),
        ("`Host` alone, two ports", get(&[("Host", "api.example.com:1:2")]), "host_ambiguous"),
        (
            "`Host` beside `:authority`, the same",
            get(&[(":authority", "www.example.com:443"), ("host", "WWW.example.com")]),
            site,
        ),
        (
            "`Host` beside `:authority`, another",
            get(&[(":authority", "www.example.com"), ("host", "api.example.com")]),
            "host_ambiguous",
        ),
        (
            "`Host` beside `:authority`, ambiguous",
            get(&[(":authority", "www.example.com"), ("host", "www.example.com:abc")]),
            "host_ambiguous",
        ),
        (
            "two `Host`",
            get(&[("host", "www.example.com"), ("host", "api.example.com")]),
            "host_ambiguous",
        ),
    ]);
    judge(&config(apis), rows);
}

#[test]
fn what_is_asked_of_a_host_cannot_be_escaped_by_another_spelling() {
    let apis = json!([
        { "name": "admin", "match": { "hosts": ["api.example.com"] }, "auth": ["idp"], "scopes": ["admin"] },
        { "name": "rest", "auth": ["idp"] },
    ]);
    let read = bearer("read");
    let ask = |host: &str| {
        raw(&[(":method", "GET"), (":authority", host), (":path", "/"), ("authorization", &read)])
    };
    judge(
        &config(apis),
        vec![
            ("the host", ask("api.example.com"), "scope_insufficient"),
            ("with a port", ask("api.example.com:8443"), "scope_insufficient"),
            ("with letters for a port", ask("api.example.com:abc"), "host_ambiguous"),
            ("with two ports", ask("api.example.com:80:80"), "host_ambiguous"),
            ("another host", ask("www.example.com"), "rest"),
        ],
    );
}

#[test]
fn hosts_that_nothing_looks_at_are_judged_by_nobody() {
    let apis = json!([{ "name": "all", "match": { "paths": ["/**"] }, "auth": "none" }]);
    let hosts = ["api.example.com:abc", "", "user@x", "b\u{fc}cher.example"];
    let rows = hosts.into_iter().map(|host| (host, request("GET", host, "/"), "all")).collect();
    judge(&config(apis), rows);
    // One API that looks is enough, wherever it stands.
    let apis = json!([
        { "name": "all", "match": { "paths": ["/x/**"] }, "auth": "none" },
        { "name": "host", "match": { "hosts": ["a.example"], "paths": ["/y"] }, "auth": "none" },
    ]);
    judge(
        &config(apis),
        vec![("letters for a port", request("GET", "b:c", "/x"), "host_ambiguous")],
    );
}

#[test]
fn a_method_is_its_own_and_is_refused_in_other_letters() {
    let apis = json!([
        { "name": "write", "match": { "paths": ["/x/**"], "methods": ["POST", "PUT", "PATCH", "DELETE", "Purge"] },
          "auth": ["idp"], "cors_preflight": "pass" },
        { "name": "read", "match": { "paths": ["/x/**"] }, "auth": "none" },
    ]);
    let write = "credential_missing";
    let cases = [
        ("POST", write),
        ("PUT", write),
        ("PATCH", write),
        ("DELETE", write),
        ("Purge", write),
        ("GET", "read"),
        ("HEAD", "read"),
        ("OPTIONS", "read"),
        ("TRACE", "read"),
        ("CONNECT", "read"),
        ("PROPFIND", "read"),
        ("MKCOL", "read"),
        ("M-SEARCH", "read"),
        ("REPORT", "read"),
        ("propfind", "read"),
        ("QUERY", "read"),
        ("POSTS", "read"),
        ("X", "read"),
        ("post", "method_ambiguous"),
        ("Post", "method_ambiguous"),
        ("pOST", "method_ambiguous"),
        ("patch", "method_ambiguous"),
        ("Delete", "method_ambiguous"),
        ("get", "method_ambiguous"),
        ("head", "method_ambiguous"),
        ("options", "method_ambiguous"),
        ("connect", "method_ambiguous"),
        ("trace", "method_ambiguous"),
        ("PURGE", "method_ambiguous"),
        ("purge", "method_ambiguous"),
        // No methods at all, which a server that trims or cuts takes for one.
        ("\u{c}Purge", "method_ambiguous"),
        ("POST ", "method_ambiguous"),
        ("\tDELETE", "method_ambiguous"),
        ("POST\0", "method_ambiguous"),
        ("GET,POST", "method_ambiguous"),
        ("POST/x", "method_ambiguous"),
        ("PÖST", "method_ambiguous"),
        ("", "method_ambiguous"),
        // Characters that a method may have (RFC 9110 §5.6.2).
        ("X!#$%&'*+-.^_`|~1", "read"),
    ];
    let mut rows: Vec<Row<'_>> = cases
        .into_iter()
        .map(|(method, expected)| (method, request(method, "api.example.com", "/x/1"), expected))
        .collect();
    let preflight = |asked: &str| {
        raw(&[
            (":method", "OPTIONS"),
            (":authority", "api.example.com"),
            (":path", "/x/1"),
            ("origin", "https://app.example"),
            ("access-control-request-method", asked),
        ])
    };
    rows.extend([
        ("a preflight for POST", preflight("POST"), "write"),
        ("a preflight for GET", preflight("GET"), "read"),
        ("a preflight for PURGE's like", preflight("PROPFIND"), "read"),
        ("a preflight in other letters", preflight("post"), "method_ambiguous"),
        ("a preflight for a named one in other letters", preflight("PURGE"), "method_ambiguous"),
    ]);
    judge(&config(apis), rows);
}

#[test]
fn methods_that_only_a_policy_names_are_looked_at_too() {
    let mut config = config(json!([
        { "name": "all", "auth": ["idp"], "policies": { "default": ["reader"] } },
        { "name": "open", "match": { "paths": ["/open"] }, "auth": "none" },
    ]));
    config["apis"].as_array_mut().unwrap().reverse();
    config["policies"] = json!({ "reader": { "access": [
        { "apis": ["all"], "methods": ["GET", "PROPFIND"] } ] } });
    let bearer = bearer("x");
    let ask = |method: &str| {
        raw(&[
            (":method", method),
            (":authority", "a"),
            (":path", "/x"),
            ("authorization", &bearer),
        ])
    };
    judge(
        &config,
        vec![
            ("GET", ask("GET"), "all"),
            ("PROPFIND", ask("PROPFIND"), "all"),
            ("POST", ask("POST"), "access_denied"),
            ("get", ask("get"), "method_ambiguous"),
            ("post", ask("post"), "method_ambiguous"),
            ("propfind", ask("propfind"), "method_ambiguous"),
            ("an open API", request("post", "a", "/open"), "method_ambiguous"),
        ],
    );
    // Where nothing looks at methods, they are judged by nobody.
    let apis = json!([{ "name": "all", "match": { "paths": ["/**"] }, "auth": "none" }]);
    let rows = ["post", "Get", "purge"].map(|method| (method, request(method, "a", "/"), "all"));
    judge(&self::config(apis), rows.to_vec());
}

#[test]
fn an_encoded_question_mark_does_not_end_a_path() {
    let apis = json!([
        { "name": "admin", "match": { "paths": ["/admin/**"] }, "auth": ["idp"] },
        { "name": "site", "auth": "none" },
    ]);
    let paths = [
        ("/admin?x", "credential_missing"),
        ("/admin/?%3f", "credential_missing"),
        ("/x?a=%3fb", "site"),
        ("/admin%3fx", "path_ambiguous"),
        ("/admin%3Fx", "path_ambiguous"),
        ("/admin/%3f", "path_ambiguous"),
        ("/%3f/admin", "path_ambiguous"),
        ("/admin%23x", "path_ambiguous"),
        ("/admin%253fx", "site"),
    ];
    let rows =
        paths.into_iter().map(|(path, expected)| (path, request("GET", "a", path), expected));
    judge(&config(apis), rows.collect());
}

#[test]
fn an_encoded_slash_is_part_of_its_segment_where_the_api_says_so() {
    let mut config = config(json!([
        { "name": "admin", "match": { "paths": ["/api/v4/projects/secret/**", "/admin/**"] }, "auth": ["idp"] },
        { "name": "named", "encoded_slash": "segment", "auth": "none",
          "match": { "paths": ["/named/{id}", "/named/{id}/**", "/exact/a%2Fb", "/both/{x}/**", "/both/a/b"] } },
        { "name": "gitlab", "match": { "paths": ["/api/v4/**"] }, "auth": "none", "encoded_slash": "segment" },
        { "name": "npm", "match": { "paths": ["/@scope%2Fname", "/@scope/name", "/-/**", "/pkg/*", "/pkg/*/*"] },
          "auth": "none", "encoded_slash": "segment" },
        { "name": "ruled", "match": { "paths": ["/ruled/**"] }, "auth": ["idp"], "encoded_slash": "segment",
          "policies": { "default": ["some"] } },
        { "name": "site", "match": { "paths": ["/**"] }, "auth": "none" },
    ]));
    config["policies"] = json!({ "some": { "access": [
        { "apis": ["ruled"], "paths": ["/ruled/p/**", "/ruled/one/*"] },
        { "apis": ["ruled"], "paths": ["/ruled/p/*"] },
        { "apis": ["ruled"], "paths": ["/ruled/pair/a%2fb", "/ruled/pair/a/b"] },
    ] } });
    let bearer = bearer("x");
    let (ambiguous, missing) = ("path_ambiguous", "credential_missing");
    let paths = [
        // GitLab's and npm's own.
        ("/api/v4/projects/group%2Fproject", "gitlab"),
        ("/api/v4/projects/group%2fsub%2fproject/issues?x=%2f", "gitlab"),
        ("/api/v4/projects/group%2Fproject/repository/files/src%2Fa.rs/raw", "gitlab"),
        ("/api/v4/projects/group%2Fproject/", "gitlab"),
        ("/api/v4/projects/7", "gitlab"),
        ("/@scope%2fname", "npm"),
        ("/@scope%2Fname", "npm"),
        ("/@scope/name", "npm"),
        ("/pkg/@scope%2fname", "npm"),
        ("/-/package/@scope%2fname/dist-tags", "npm"),
        // Where it is decoded the path is ambiguous itself.
        ("/api/v4/projects/group%2F..%2Fsecret", ambiguous),
        ("/api/v4/projects/..%2Fsecret", ambiguous),
        ("/api/v4/projects/group%2F%2e%2E", ambiguous),
        ("/api/v4/projects/group%2F.", ambiguous),
        ("/api/v4/projects/group%2F%2Fproject", ambiguous),
        ("/api/v4/projects/group%2F/project", ambiguous),
        ("/api/v4/projects/%2Fproject", ambiguous),
        ("/api/v4/projects/group%2F%5Cproject", ambiguous),
        ("/api/v4/projects/group%2F;x", ambiguous),
        ("/api/v4/projects/group%2F..;x%2Fsecret", ambiguous),
        ("/api/v4/projects/group%2F%3fx", ambiguous),
        // Another API's where it is decoded.
        ("/api/v4%2Fprojects/secret/x", ambiguous),
        ("/api/v4/projects%2Fsecret", ambiguous),
        ("/api/v4/projects/secret%2Fx", ambiguous),
        ("/api%2Fv4/projects", ambiguous),
        ("/admin%2Fx", ambiguous),
        ("/api/v4/projects/secret/x", missing),
        // Encoded twice it is a name.
        ("/api/v4/projects/secret%252Fx", "gitlab"),
        // An API that does not say so refuses it.
        ("/group%2Fproject", ambiguous),
        ("/admin/a%2Fb", ambiguous),
        // A named segment would have another value.
        ("/named/a%2Fb", ambiguous),
        ("/named/a%2Fb/c", ambiguous),
        ("/named/a/b%2Fc", "named"),
        ("/both/a%2Fb", ambiguous),
        ("/exact/a%2Fb", ambiguous),
        // Another entry would grant it.
        ("/ruled/p/q/a%2Fb", "ruled"),
        ("/ruled/p/a%2Fb", ambiguous),
        ("/ruled/one/a%2Fb", ambiguous),
        ("/ruled/one/a", "ruled"),
        ("/ruled/pair/a%2Fb", "ruled"),
        ("/ruled/pair/a/b", "ruled"),
        ("/ruled/x%2Fy", "access_denied"),
    ];
    let ask = |path: &str| {
        let shows: &[(&str, &str)] = match path.starts_with("/ruled") {
            true => &[("authorization", &bearer)],
            false => &[],
        };
        raw(&[&[(":method", "GET"), (":authority", "a"), (":path", path)], shows].concat())
    };
    let rows = paths.into_iter().map(|(path, expected)| (path, ask(path), expected));
    judge(&config, rows.collect());
}

#[test]
fn what_is_wrong_first_names_the_code() {
    let mut config = config(json!([
        { "name": "all", "auth": ["idp"],
          "match": { "hosts": ["api.example.com"], "paths": ["/x/**"], "methods": ["GET"] } },
    ]));
    let key = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    config["status"] = json!({ "path": "/.tollgate", "key_sha256": key, "ready": true });
    let (bad, good) = ("api.example.com:abc", "api.example.com");
    let rows = vec![
        ("everything", request("get", bad, "/x//y"), "method_ambiguous"),
        ("method and host", request("get", bad, "/x"), "method_ambiguous"),
        ("method and path", request("get", good, "/x//y"), "method_ambiguous"),
        ("host and path", request("GET", bad, "/x//y"), "host_ambiguous"),
        ("path and API", request("GET", "x.example.com", "/y//y"), "path_ambiguous"),
        ("API and credential", request("GET", good, "/y"), "api_unknown"),
        ("credential", request("GET", good, "/x"), "credential_missing"),
    ];
    judge(&config, rows);
    // The operator's page comes before all of them.
    let world = World::default();
    let mut worker = Worker::new(&world, &config.to_string());
    for (path, status) in [("/.tollgate", 405), ("/.tollgate/ready", 405)] {
        let stream = worker.request(request("get", bad, path));
        assert_eq!(worker.reply(stream).status, status, "{path}");
    }
    let stream = worker.request(request("GET", bad, "/.tollgate"));
    assert_eq!(worker.reply(stream).status, 401);
}

#[test]
fn a_refusal_says_what_was_read_and_what_to_change() {
    let apis = json!([
        { "name": "all", "auth": "none",
          "match": { "hosts": ["api.example.com"], "paths": ["/x/**"], "methods": ["GET"] } },
    ]);
    let world = World::default();
    let mut worker = Worker::new(&world, &config(apis).to_string());
    let long = format!("{}:x", "a".repeat(9000));
    let cases = [
        (
            request("pOsT", "a", "/x"),
            "method",
            "the method `pOsT` is `POST` in other letters",
            "capitals",
        ),
        (
            request("GET", "a:\u{7}b", "/x"),
            "host",
            r"servers could read the host `a:\u{7}b` differently",
            "`name:port`",
        ),
        (request("GET", &long, "/x"), "host", "servers could read the host `aaa", "`name:port`"),
        (
            raw(&[(":method", "GET"), (":authority", "a"), ("host", "b"), (":path", "/x")]),
            "host",
            "servers could read the host `a`, `b` differently",
            "`name:port`",
        ),
        (
            request("GET", "api.example.com", "/x/a%2fb"),
            "path",
            "an encoded slash (`%2f`)",
            "KEEP_UNCHANGED",
        ),
        (
            request("GET", "api.example.com", "/x%3fy"),
            "path",
            "an encoded question mark (`%3f`)",
            "merge_slashes",
        ),
    ];
    for (head, step, reason, remedy) in cases {
        worker.log.clear();
        worker.request(head);
        let line: Value = serde_json::from_str(&worker.log[0]).unwrap();
        assert_eq!(line["step"], step, "{line}");
        assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
        assert!(line["reason"].as_str().unwrap().len() < 300, "{line}");
        assert!(line["remedy"].as_str().unwrap().contains(remedy), "{line}");
    }
}
