//! Two readers, one reading: what the filter decides by is what the server behind it goes by.

use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, RealServer, Request, Response,
    Signer, Site, Token, Upstream, configuration, fetch, key_set,
};

/// A configuration under which everybody passes.
fn open() -> Value {
    configuration(json!({}), json!([{ "name": "open", "auth": "none" }]))
}

#[test]
fn real_servers_tell_how_they_read_what_passed() {
    let nginx = RealServer::nginx(
        "readers-real",
        "server { listen PORT; server_name api.example.com; return 200 api; }
         server { listen PORT default_server; return 200 other; }",
    );
    let lighttpd = RealServer::lighttpd("readers-real");
    let django = RealServer::django("readers-real");
    let filter = Filter::new(&open());
    let listener = Listener::new(&filter).raw().routes(json!([
        { "match": { "path": "/env" }, "route": { "cluster": "lighttpd" } },
        { "match": { "prefix": "/django" }, "route": { "cluster": "django" } },
        { "match": { "prefix": "/" }, "route": { "cluster": "upstream" } },
    ]));
    let site = Site::new("readers-real", nginx.port())
        .cluster("lighttpd", lighttpd.port())
        .cluster("django", django.port());
    let envoy = Envoy::start(&site.listener(&listener));

    assert_eq!(fetch(listener.port, &Request::get("/")).text(), "api");
    let mut client = Http2::open(listener.port);
    let other = client.fetch(&Request::get("/").host("api.example.com:abc"));
    assert_eq!((other.status(), other.text()), (200, "api".to_owned()), "as nginx reads a port");
    let other = client.fetch(&Request::get("/").host("www.example.com"));
    assert_eq!(other.text(), "other");

    let environment = fetch(listener.port, &Request::get("/env").header("X-One_Two", "3")).text();
    assert!(environment.lines().any(|line| line == "HTTP_X_ONE_TWO=3"), "{environment}");

    let request = Request::new("post", "/django/a%2Fb?c=%2F").header("X-One", "2").body("body");
    let told = client.fetch(&request).json();
    assert_eq!(told["method"], "POST", "Django's capitals");
    assert_eq!((&told["path"], &told["query"]), (&json!("/django/a/b"), &json!("c=%2F")));
    assert_eq!((&told["headers"]["HTTP_X_ONE"], &told["body"]), (&json!("2"), &json!("body")));
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn an_http2_body_may_stay_open_and_end_in_trailers() {
    let upstream = Upstream::start();
    upstream.end_with(&[("x-trailer", "from upstream")]);
    let listener = Listener::new(&Filter::new(&open()));
    let envoy = Envoy::start(&Site::new("readers-http2", upstream.port()).listener(&listener));

    let mut client = Http2::open(listener.port);
    let stream = client.start(&Request::new("POST", "/open").fields(), false);
    client.send(stream, b"a part", false);
    assert!(!client.state(stream).ended, "nothing is answered before the body ends");
    // Another one on the same connection is served meanwhile.
    assert_eq!(client.fetch(&Request::get("/meanwhile")).status(), 200);
    client.send(stream, b" and the rest", false);
    client.send_trailers(stream, &[("x-last", "word")]);
    let response = client.response(stream);
    assert_eq!(response.status(), 200);
    assert_eq!(response.trailer("x-trailer").as_deref(), Some("from upstream"));
    let seen = upstream.only("/open");
    assert_eq!(seen.body, b"a part and the rest");
    assert_eq!(seen.trailers, [("x-last".to_owned(), b"word".to_vec())]);

    let given_up = client.start(&Request::new("POST", "/given-up").fields(), false);
    client.reset(given_up);
    assert_eq!(client.end(given_up).reset, Some(8));
    envoy.assert_clean::<&str>(&[]);
}

/// The answers to a request by HTTP/1.1 and HTTP/2: what the upstream told, or the code, or
/// Envoy's own refusal.
struct Both {
    port: u16,
    second: Http2,
}

impl Both {
    fn new(port: u16) -> Self {
        Self { port, second: Http2::open(port) }
    }

    fn ask(&mut self, request: &Request, told: fn(&Response) -> String) -> (String, String) {
        let outcome = |response: &Response| match (response.status(), response.code()) {
            (200, _) => told(response),
            (_, code) if !code.is_empty() => code,
            (status, _) => format!("envoy {status}"),
        };
        let first = outcome(&fetch(self.port, request));
        let stream = self.second.start(&request.fields(), true);
        let end = self.second.end(stream);
        let second = match end.response {
            Some(response) if end.ended => outcome(&response),
            _ => "envoy reset".to_owned(),
        };
        // Envoy ends the whole connection for some of what it refuses.
        if end.closed || second == "envoy reset" {
            self.second = Http2::open(self.port);
        }
        (first, second)
    }
}

/// A proxy with these APIs in front of a server; the provider's keys matter to nobody.
fn stage(
    name: &str,
    upstream: &RealServer,
    apis: Value,
    listener: fn(Listener) -> Listener,
) -> (Envoy, u16) {
    let keys = KeyServer::start();
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let listener = listener(Listener::new(&Filter::new(&configuration(providers, apis))));
    let site = Site::new(name, upstream.port()).cluster("keys", keys.port());
    (Envoy::start(&site.listener(&listener)), listener.port)
}

#[test]
fn no_spelling_of_a_host_leads_past_its_api_to_an_nginx_that_knows_it() {
    let nginx = RealServer::nginx(
        "readers-hosts",
        "server { listen PORT default_server; return 200 other; }
         server { listen PORT; server_name api.example.com [2001:db8::1]; return 200 api; }",
    );
    let apis = json!([
        { "name": "prot", "match": { "hosts": ["api.example.com", "[2001:db8::1]"] }, "auth": ["main"] },
        { "name": "site", "auth": "none" },
    ]);
    let (envoy, port) = stage("readers-hosts", &nginx, apis, Listener::raw);
    let mut both = Both::new(port);
    let (asked, ambiguous) = ("credential_missing", "host_ambiguous");
    let cases = [
        // host, by HTTP/1.1, by HTTP/2
        ("api.example.com", asked, asked),
        ("api.example.com:8443", asked, asked),
        ("api.example.com:99999", asked, asked),
        ("api.example.com:", asked, asked),
        ("API.example.com.", asked, asked),
        ("[2001:DB8::1]:80", asked, asked),
        ("[2001:db8:0::0001]", asked, asked),
        ("www.example.com", "other", "other"),
        ("www.example.com:8443", "other", "other"),
        ("[::1]:80", "other", "other"),
        ("xn--bcher-kva.example:8080", "other", "other"),
        ("my_host.example", "other", "other"),
        ("api.example.com:abc", ambiguous, ambiguous),
        ("api.example.com:80:80", ambiguous, ambiguous),
        ("api.example.com:-1", ambiguous, ambiguous),
        ("api.example.com..", ambiguous, ambiguous),
        ("api%2eexample.com", ambiguous, ambiguous),
        ("www.example.com,api.example.com", ambiguous, ambiguous),
        ("[2001:db8::1]x", ambiguous, ambiguous),
        ("[2001:db8::1%25eth0]", ambiguous, ambiguous),
        ("2001:db8::1", ambiguous, ambiguous),
        ("api.example.com:80@www.example.com", ambiguous, "envoy reset"),
        ("user@api.example.com", ambiguous, "envoy reset"),
        ("", ambiguous, "envoy reset"),
    ];
    for (host, first, second) in cases {
        let found = both.ask(&Request::get("/").host(host), Response::text);
        assert_eq!((found.0.as_str(), found.1.as_str()), (first, second), "{host:?}");
    }
    let two = Request::get("/").host("www.example.com\r\nHost: api.example.com");
    assert_eq!(fetch(port, &two).verdict(), (400, ambiguous.to_owned()), "two `Host`");
    // A target in absolute form comes before `Host` (RFC 9112 3.2.2).
    for (target, expected) in [
        ("http://api.example.com/x", (401, asked)),
        ("http://user@api.example.com/x", (401, asked)),
        ("http://www.example.com/x", (200, "")),
        ("http://api.example.com:abc/x", (400, "")),
    ] {
        let found = fetch(port, &Request::get(target).host("www.example.com")).verdict();
        assert_eq!((found.0, found.1.as_str()), expected, "{target}");
    }
    // `host` beside `:authority` does not reach the upstream; alone it is the authority.
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    let beside = [(":authority", "www.example.com"), ("host", "api.example.com")];
    let stream = both.second.start(&[&pseudo[..], &beside[..]].concat(), true);
    assert_eq!(both.second.response(stream).text(), "other");
    let stream = both.second.start(&[&pseudo[..], &beside[1..]].concat(), true);
    assert_eq!(both.second.response(stream).code(), asked);
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn a_token_of_little_scope_reaches_no_host_that_asks_for_more() {
    let nginx = RealServer::nginx(
        "readers-scopes",
        "server { listen PORT default_server; return 200 other; }
         server { listen PORT; server_name api.example.com; return 200 api; }",
    );
    let (keys, signer) = (KeyServer::start(), Signer::new("k1"));
    keys.set("/keys", Answer::json(&key_set(&[&signer])));
    let apis = json!([
        { "name": "admin", "match": { "hosts": ["api.example.com"] }, "auth": ["main"], "scopes": ["admin"] },
        { "name": "rest", "auth": ["main"] },
    ]);
    let providers = json!({ "main": keys.provider(ISSUER, "/keys") });
    let listener = Listener::new(&Filter::new(&configuration(providers, apis)));
    let site = Site::new("readers-scopes", nginx.port()).cluster("keys", keys.port());
    let envoy = Envoy::start(&site.listener(&listener));
    let token = signer.sign(&Token::of("alice").claim("scope", "read"));
    let mut both = Both::new(listener.port);
    for (host, expected) in [
        ("www.example.com", "other"),
        ("api.example.com", "scope_insufficient"),
        ("api.example.com:80", "scope_insufficient"),
        ("api.example.com:abc", "host_ambiguous"),
        ("api.example.com:80:80", "host_ambiguous"),
    ] {
        let found = both.ask(&Request::get("/").host(host).bearer(&token), Response::text);
        assert_eq!((found.0.as_str(), found.1.as_str()), (expected, expected), "{host}");
    }
    envoy.assert_clean(&[token]);
}

#[test]
fn no_spelling_of_a_method_leads_past_its_api_to_a_django_that_does_not_mind() {
    let django = RealServer::django("readers-methods");
    let apis = json!([
        { "name": "write", "auth": ["main"],
          "match": { "paths": ["/x/**"], "methods": ["POST", "PUT", "PATCH", "DELETE", "PURGE"] } },
        { "name": "read", "match": { "paths": ["/x/**"] }, "auth": "none" },
    ]);
    let (envoy, port) = stage("readers-methods", &django, apis, |listener| listener);
    let mut both = Both::new(port);
    let (asked, ambiguous) = ("credential_missing", "method_ambiguous");
    let cases = [
        // method, by HTTP/1.1, by HTTP/2
        ("GET", "GET", "GET"),
        ("OPTIONS", "OPTIONS", "OPTIONS"),
        ("TRACE", "TRACE", "TRACE"),
        ("PROPFIND", "PROPFIND", "PROPFIND"),
        ("MKCOL", "MKCOL", "MKCOL"),
        ("REPORT", "REPORT", "REPORT"),
        ("M-SEARCH", "envoy 400", "M-SEARCH"),
        ("HEADS", "envoy 400", "HEADS"),
        ("POST", asked, asked),
        ("PATCH", asked, asked),
        ("DELETE", asked, asked),
        ("PURGE", asked, asked),
        ("post", "envoy 400", ambiguous),
        ("Post", "envoy 400", ambiguous),
        ("patch", "envoy 400", ambiguous),
        ("get", "envoy 400", ambiguous),
        ("options", "envoy 400", ambiguous),
        ("connect", "envoy 400", ambiguous),
        ("purge", "envoy 400", ambiguous),
    ];
    let told = |response: &Response| response.json()["method"].as_str().unwrap_or("?").to_owned();
    for (method, first, second) in cases {
        let found = both.ask(&Request::new(method, "/x/1"), told);
        assert_eq!((found.0.as_str(), found.1.as_str()), (first, second), "{method}");
    }
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn an_encoded_slash_arrives_where_it_is_taken_and_leads_nowhere_else() {
    let django = RealServer::django("readers-slashes");
    let apis = json!([
        { "name": "admin", "match": { "paths": ["/admin/**", "/api/v4/admin/**"] }, "auth": ["main"] },
        { "name": "gitlab", "match": { "paths": ["/api/v4/**"] }, "auth": "none", "encoded_slash": "segment" },
        { "name": "npm", "match": { "paths": ["/@scope%2Fname", "/@scope/name"] }, "auth": "none",
          "encoded_slash": "segment" },
        { "name": "site", "auth": "none" },
    ]);
    let (envoy, port) = stage("readers-slashes", &django, apis, Listener::keeping_slashes);
    let mut both = Both::new(port);
    let (asked, ambiguous) = ("credential_missing", "path_ambiguous");
    let cases = [
        ("/api/v4/projects/group%2Fproject", "/api/v4/projects/group/project"),
        (
            "/api/v4/projects/group%2Fproject/files/a%2fb",
            "/api/v4/projects/group/project/files/a/b",
        ),
        ("/@scope%2fname", "/@scope/name"),
        ("/@scope/name", "/@scope/name"),
        ("/api/v4/admin/x", asked),
        ("/api/v4%2Fadmin/x", ambiguous),
        ("/api/v4/admin%2Fx", ambiguous),
        ("/api/v4/x%2F..%2Fadmin", ambiguous),
        ("/api/v4/x%2F%2E%2E%2Fadmin", ambiguous),
        ("/api/v4/x%2F%2Fy", ambiguous),
        ("/api/v4/..%2F..%2Fadmin", ambiguous),
        ("/x%2F..%2Fadmin", ambiguous),
        ("/admin%2Fx", ambiguous),
        ("/site/a%2Fb", ambiguous),
        ("/admin%3Fx", ambiguous),
        ("/admin%3fx", ambiguous),
        ("/admin%23x", ambiguous),
        ("/admin?x", asked),
        ("/site?x=%2F%3f", "/site"),
    ];
    let told = |response: &Response| response.json()["path"].as_str().unwrap_or("?").to_owned();
    for (path, expected) in cases {
        let found = both.ask(&Request::get(path), told);
        assert_eq!((found.0.as_str(), found.1.as_str()), (expected, expected), "{path}");
    }
    let refused = envoy.refusals();
    assert!(refused.iter().any(|line| line["path"] == "/admin%3Fx"), "the log shows the path");
    envoy.assert_clean::<&str>(&[]);
}

#[test]
fn what_is_wrong_first_names_the_code() {
    let upstream = RealServer::django("readers-order");
    let apis = json!([
        { "name": "all", "auth": ["main"],
          "match": { "hosts": ["api.example.com"], "paths": ["/x/**"], "methods": ["GET"] } },
    ]);
    let (envoy, port) = stage("readers-order", &upstream, apis, Listener::raw);
    let mut client = Http2::open(port);
    for (method, host, path, code) in [
        ("get", "api.example.com:abc", "/x//y", "method_ambiguous"),
        ("GET", "api.example.com:abc", "/x//y", "host_ambiguous"),
        ("GET", "other.example.com", "/y//y", "path_ambiguous"),
        ("GET", "api.example.com", "/y", "api_unknown"),
        ("GET", "api.example.com", "/x", "credential_missing"),
    ] {
        let response = client.fetch(&Request::new(method, path).host(host));
        assert_eq!(response.code(), code, "{method} {host} {path}");
    }
    envoy.assert_clean::<&str>(&[]);
}
