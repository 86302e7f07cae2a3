//! Two readers, one reading: what the filter decides by is what the server behind it goes by.

use serde_json::{Value, json};

use super::harness::{
    Envoy, Filter, Http2, Listener, RealServer, Request, Site, Upstream, configuration, fetch,
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
