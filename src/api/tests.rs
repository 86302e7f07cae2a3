use super::*;
use crate::claims::{ClaimRef, Test};
use crate::http::{RequestPath, Route};

fn api(name: &str, hosts: &[&str], paths: &[&str], methods: &[&str]) -> Api {
    Api {
        name: Name::parse(name).unwrap(),
        encoded_slash: false,
        matcher: matcher(hosts, paths, methods),
        auth: Auth::None,
        preflight_passes: false,
        unauthenticated: Unauthenticated::Auto,
        audiences: None,
        clients: None,
        scopes: Vec::new(),
        rules: Vec::new(),
        comparisons: Vec::new(),
        rate: None,
        per_caller: false,
        reports: false,
        mcp: None,
        resource: None,
    }
}

fn matcher(hosts: &[&str], paths: &[&str], methods: &[&str]) -> Matcher {
    Matcher {
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
        methods: methods.iter().map(|method| (*method).into()).collect(),
        ..Matcher::default()
    }
}

/// The matcher, for these routes alone.
fn on(matcher: Matcher, routes: &[&str]) -> Matcher {
    Matcher { routes: routes.iter().map(|route| (*route).into()).collect(), ..matcher }
}

/// The matcher, for routes whose metadata names this API.
fn named(matcher: Matcher, name: &str) -> Matcher {
    Matcher { named: Name::parse(name), ..matcher }
}

fn route(name: Option<&str>, api: Option<&str>) -> Route {
    Route { name: name.map(Into::into), api: api.map(Into::into) }
}

#[test]
fn whatever_an_api_asks_of_the_token_no_key_can_answer() {
    let plain = || api("a", &[], &[], &[]);
    let rule = Rule { claim: ClaimRef::Name("dept".into()), test: Test::Present };
    let compares = |compared| Comparison { compared, with: Spot::Path("id".into()) };
    let claim = compares(Compared::Claim(ClaimRef::Name("sub".into())));
    let identity = compares(Compared::Identity);
    let cases = [
        // name, API, asks
        ("nothing", plain(), false),
        ("audiences", Api { audiences: Some(vec!["a".into()]), ..plain() }, true),
        ("clients", Api { clients: Some(vec!["a".into()]), ..plain() }, true),
        ("scopes", Api { scopes: vec!["a".into()], ..plain() }, true),
        ("rules", Api { rules: vec![rule], ..plain() }, true),
        ("an identity", Api { comparisons: vec![identity.clone()], ..plain() }, false),
        ("a claim", Api { comparisons: vec![identity, claim], ..plain() }, true),
    ];
    for (name, api, asks) in cases {
        assert_eq!(api.asks_of_tokens(), asks, "{name}");
    }
}

#[test]
fn a_request_belongs_to_the_first_api_that_matches_it() {
    let apis = [
        api("health", &[], &["/health"], &["GET"]),
        api("downloads", &[], &["/files/**", "/archive/*/latest"], &[]),
        api("orders", &["api.example.com"], &["/orders/**", "/kunden/größe"], &[]),
        api("wild", &["*.shop.example.com"], &[], &["GET", "POST"]),
        api("item", &["api.example.com"], &["/items/{id}", "/a%2Ab", "/"], &[]),
    ];
    let cases = [
        // name, host, path, method, API
        ("an exact path", "x", "/health", "GET", Some("health")),
        ("another method", "x", "/health", "POST", None),
        ("a method in lower case", "x", "/health", "get", None),
        ("a trailing slash", "x", "/health/", "GET", Some("health")),
        ("one segment more", "x", "/health/live", "GET", None),
        ("a path in capitals", "x", "/Health", "GET", None),
        ("a query", "x", "/health?x=/orders", "GET", Some("health")),
        ("a percent-encoded letter", "x", "/%68ealth", "GET", Some("health")),
        ("what is encoded twice", "x", "/%2568ealth", "GET", None),
        ("an open path's own start", "api.example.com", "/orders", "GET", Some("orders")),
        ("an open path's start with a slash", "api.example.com", "/orders/", "GET", Some("orders")),
        ("one segment under an open path", "api.example.com", "/orders/7", "GET", Some("orders")),
        ("many segments under one", "api.example.com", "/orders/7/a/b/c", "PUT", Some("orders")),
        ("a name that only begins alike", "api.example.com", "/orders-old", "GET", None),
        ("another host", "example.com", "/orders/7", "GET", None),
        ("a host with a port", "api.example.com:8443", "/orders", "GET", Some("orders")),
        ("a host in capitals", "API.Example.COM", "/orders", "GET", Some("orders")),
        ("a host with a final dot", "api.example.com.", "/orders", "GET", Some("orders")),
        ("a final dot and a port", "api.example.com.:80", "/orders", "GET", Some("orders")),
        ("a port that is none", "api.example.com:x", "/orders", "GET", None),
        ("no host", "", "/orders", "GET", None),
        ("no host, where any will do", "", "/files/x", "GET", Some("downloads")),
        ("a star for one segment", "x", "/archive/2026/latest", "GET", Some("downloads")),
        ("a star for no segment", "x", "/archive/latest", "GET", None),
        ("a star for two segments", "x", "/archive/2026/11/latest", "GET", None),
        ("a placeholder", "api.example.com", "/items/7", "DELETE", Some("item")),
        ("a placeholder for none", "api.example.com", "/items", "DELETE", None),
        ("a literal star", "api.example.com", "/a*b", "GET", Some("item")),
        ("a literal star, encoded", "api.example.com", "/a%2ab", "GET", Some("item")),
        ("what a star is not", "api.example.com", "/axb", "GET", None),
        ("the root", "api.example.com", "/", "GET", Some("item")),
        (
            "Unicode as it is sent",
            "api.example.com",
            "/kunden/gr%C3%B6%C3%9Fe",
            "GET",
            Some("orders"),
        ),
        ("Unicode, decomposed", "api.example.com", "/kunden/gro%CC%88%C3%9Fe", "GET", None),
        ("a name under a wildcard", "a.shop.example.com", "/x", "POST", Some("wild")),
        ("two names under a wildcard", "a.b.shop.example.com", "/x", "POST", Some("wild")),
        ("the wildcard's own parent", "shop.example.com", "/x", "POST", None),
        ("a name that only ends alike", "myshop.example.com", "/x", "POST", None),
        ("a method the wildcard lacks", "a.shop.example.com", "/x", "PUT", None),
    ];
    for (name, host, path, method, expected) in cases {
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        let (host, method) = (host.as_bytes(), method.as_bytes());
        let found = Index::new(&apis).find(&apis, host, path.segments(), method, &Route::default());
        let found = found.map(|id| apis[id.0].name.as_str());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn earlier_apis_take_what_later_ones_match_too() {
    let apis = [api("one", &[], &["/a/**"], &[]), api("all", &[], &[], &[])];
    let index = Index::new(&apis);
    let any = Route::default();
    let find = |path: &[&[u8]]| index.find(&apis, b"x", path, b"GET", &any).map(|id| id.0);
    assert_eq!(find(&[b"a", b"b"]), Some(0));
    assert_eq!(find(&[b"b"]), Some(1));
    assert_eq!(find(&[]), Some(1));
}

#[test]
fn an_api_can_ask_for_a_route_and_for_what_its_metadata_names() {
    let api = |name: &str, matcher| Api { matcher, ..api(name, &[], &[], &[]) };
    let apis = [
        api("gets", on(matcher(&[], &["/a/**"], &["GET"]), &["one", "two"])),
        api("one", on(matcher(&[], &[], &[]), &["one"])),
        api("puts", named(matcher(&[], &[], &["PUT"]), "puts")),
        api("both", named(on(matcher(&[], &[], &[]), &["two"]), "both")),
        api("late", named(on(matcher(&[], &[], &[]), &["one"]), "late")),
        api("rest", matcher(&["rest"], &[], &[])),
    ];
    let index = Index::new(&apis);
    assert!(index.looks_at_routes() && index.looks_at_route_metadata());
    assert!(index.may_be_named(b"both") && !index.may_be_named(b"one"));
    let cases = [
        // name, host, method and path, the route's name, the API in its metadata, API
        ("one of two routes", "x", "GET /a/b", Some("one"), None, Some("gets")),
        ("the other of two routes", "x", "GET /a/b", Some("two"), None, Some("gets")),
        ("the route, another path", "x", "GET /b", Some("one"), None, Some("one")),
        ("another route, the path", "x", "GET /a/b", Some("three"), None, None),
        ("a route in capitals", "x", "GET /a/b", Some("One"), None, None),
        ("a route that only begins alike", "x", "GET /a/b", Some("one-more"), None, None),
        ("no route", "x", "GET /a/b", None, None, None),
        ("no route, where none is asked for", "rest", "GET /a/b", None, None, Some("rest")),
        ("another route, where none is asked for", "rest", "GET /", Some("z"), None, Some("rest")),
        ("the named API", "x", "PUT /b", None, Some("puts"), Some("puts")),
        ("the named API, another method", "x", "GET /b", None, Some("puts"), None),
        ("the same, another API left", "rest", "GET /b", None, Some("puts"), Some("rest")),
        ("an API that nothing names", "x", "PUT /b", None, None, None),
        ("name and route", "x", "GET /b", Some("two"), Some("both"), Some("both")),
        ("the name without the route", "x", "GET /b", Some("three"), Some("both"), None),
        ("the route without the name", "x", "GET /b", Some("two"), None, None),
        ("an earlier one that fits", "x", "GET /b", Some("one"), Some("late"), Some("one")),
    ];
    for (name, host, request, on, api, expected) in cases {
        let (method, path) = request.split_once(' ').unwrap();
        let path = RequestPath::parse(path.as_bytes()).unwrap();
        let route = route(on, api);
        let found = index.find(&apis, host.as_bytes(), path.segments(), method.as_bytes(), &route);
        assert_eq!(found.map(|id| apis[id.0].name.as_str()), expected, "{name}");
    }
}

#[test]
fn routes_are_looked_at_only_where_an_api_asks_for_them() {
    let cases = [
        ("neither", matcher(&["x"], &["/a"], &["GET"]), (false, false)),
        ("a route", on(matcher(&[], &[], &[]), &["one"]), (true, false)),
        ("its metadata", named(matcher(&[], &[], &[]), "some"), (false, true)),
    ];
    for (name, matcher, expected) in cases {
        let index = Index::new(&[Api { matcher, ..api("some", &[], &[], &[]) }]);
        let found = (index.looks_at_routes(), index.looks_at_route_metadata());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn host_patterns_are_hosts_or_wildcards_in_front() {
    let exact = |host: &str| Ok(HostPattern::Exact(host.into()));
    let suffix = |host: &str| Ok(HostPattern::Suffix(host.into()));
    let long = "a.".repeat(130);
    let cases = [
        ("api.example.com", exact("api.example.com")),
        ("API.Example.com.", exact("api.example.com")),
        ("localhost", exact("localhost")),
        ("my_service", exact("my_service")),
        ("10.0.0.1", exact("10.0.0.1")),
        ("[2001:DB8::1]", exact("[2001:db8::1]")),
        ("*.example.com", suffix(".example.com")),
        ("*.Example.com.", suffix(".example.com")),
        ("*", Err(HostError::Wildcard)),
        ("api.*.com", Err(HostError::Wildcard)),
        ("a*.example.com", Err(HostError::Wildcard)),
        ("*.*.example.com", Err(HostError::Wildcard)),
        ("*.", Err(HostError::EmptyLabel)),
        (".", Err(HostError::EmptyLabel)),
        (".example.com", Err(HostError::EmptyLabel)),
        ("api..example.com", Err(HostError::EmptyLabel)),
        ("api.example.com:443", Err(HostError::Port)),
        ("[2001:db8::1]:443", Err(HostError::Port)),
        ("2001:db8::1", Err(HostError::Brackets)),
        ("::1", Err(HostError::Brackets)),
        ("api:example:com", Err(HostError::Port)),
        ("[2001:db8::1", Err(HostError::Character)),
        ("[x]", Err(HostError::Character)),
        ("*.[::1]", Err(HostError::Character)),
        ("[2001:0DB8:0::1]", exact("[2001:db8::1]")),
        ("[::ffff:c000:201]", exact("[::ffff:192.0.2.1]")),
        ("[fe80::1%25eth0]", Err(HostError::Character)),
        ("[::1].", exact("[::1]")),
        ("[::1]x", Err(HostError::Character)),
        ("127.0.0.1", exact("127.0.0.1")),
        ("xn--bcher-kva.example", exact("xn--bcher-kva.example")),
        ("api_1.example.com", exact("api_1.example.com")),
        ("api%2eexample.com", Err(HostError::Character)),
        ("api.example.com..", Err(HostError::EmptyLabel)),
        ("bücher.example", Err(HostError::Character)),
        ("a b", Err(HostError::Character)),
        ("https://api.example.com", Err(HostError::Url)),
        ("api.example.com/orders", Err(HostError::Url)),
        ("user@api.example.com", Err(HostError::Url)),
        (long.as_str(), Err(HostError::TooLong)),
    ];
    for (raw, expected) in cases {
        assert_eq!(HostPattern::parse(raw), expected, "{raw}");
    }
}

#[test]
fn a_label_of_a_host_pattern_may_have_a_name() {
    use Label::{Literal, Named};
    let closed = |labels: &[Label]| Ok(HostPattern::Labels { open: false, labels: labels.into() });
    let open = |labels: &[Label]| Ok(HostPattern::Labels { open: true, labels: labels.into() });
    let (tenant, com) = (|| Named("tenant".into()), || Literal("com".into()));
    let cases = [
        ("{tenant}.com", closed(&[tenant(), com()])),
        ("{tenant}.COM.", closed(&[tenant(), com()])),
        ("{Tenant}.com", closed(&[Named("Tenant".into()), com()])),
        ("{tenant}", closed(&[tenant()])),
        ("api.{tenant}.com", closed(&[Literal("api".into()), tenant(), com()])),
        ("{tenant}.{region}.com", closed(&[tenant(), Named("region".into()), com()])),
        ("*.{tenant}.com", open(&[tenant(), com()])),
        ("{}.com", Err(HostError::PartOfLabel)),
        ("{a.b}.com", Err(HostError::PartOfLabel)),
        ("x{tenant}.com", Err(HostError::PartOfLabel)),
        ("{tenant}x.com", Err(HostError::PartOfLabel)),
        ("{*}.com", Err(HostError::PartOfLabel)),
        ("{tenant}..com", Err(HostError::EmptyLabel)),
        ("{tenant}.com:443", Err(HostError::Port)),
        ("{tenant}.*.com", Err(HostError::Wildcard)),
        ("https://{tenant}.com", Err(HostError::Url)),
        ("{tenant}.bücher", Err(HostError::Character)),
    ];
    for (raw, expected) in cases {
        let found = HostPattern::parse(raw);
        assert_eq!(found, expected, "{raw}");
        if let Ok(pattern) = found {
            assert_eq!(HostPattern::parse(&pattern.to_string()), Ok(pattern), "{raw}");
        }
    }
}

#[test]
fn a_host_pattern_covers_only_what_it_matches_all_of() {
    let cases = [
        // wide, narrow, whether it covers
        ("{a}.com", "x.com", true),
        ("{a}.com", "x.y.com", false),
        ("{a}.com", "{b}.com", true),
        ("{a}.com", "*.com", false),
        ("*.com", "{a}.com", true),
        ("*.com", "{a}.b.com", true),
        ("*.b.com", "{a}.com", false),
        ("*.{a}.com", "x.y.com", true),
        ("*.{a}.com", "y.com", false),
        ("*.{a}.com", "*.x.com", true),
        ("*.{a}.com", "*.com", false),
        ("{a}.{b}.com", "x.{c}.com", true),
        ("x.{b}.com", "{a}.y.com", false),
        ("x.com", "{a}.com", false),
        ("{a}", "[::1]", false),
    ];
    for (wide, narrow, expected) in cases {
        let parse = |raw| HostPattern::parse(raw).unwrap();
        assert_eq!(parse(wide).covers(&parse(narrow)), expected, "{wide} {narrow}");
    }
}

#[test]
fn an_api_with_a_named_label_is_found_by_its_host() {
    // So many that hosts are looked up by their index.
    let mut apis: Vec<_> =
        (0..9).map(|n| api(&format!("n{n}"), &[&format!("n{n}.example.org")], &[], &[])).collect();
    apis.push(api("tenant", &["{tenant}.example.com"], &[], &[]));
    apis.push(api("inner", &["api.{tenant}.example.org"], &[], &[]));
    apis.push(api("last", &["example.{tenant}"], &[], &[]));
    let index = Index::new(&apis);
    assert!(index.looks_at_hosts());
    assert!(Index::new(&apis[11..]).looks_at_hosts());
    let cases = [
        ("acme.example.com", Some("tenant")),
        ("ACME.example.com:443", Some("tenant")),
        ("example.com", Some("last")),
        ("a.acme.example.com", None),
        ("api.acme.example.org", Some("inner")),
        ("n3.example.org", Some("n3")),
        ("acme.example.org", None),
        ("[::1]", None),
    ];
    for (host, expected) in cases {
        let found = index.find(&apis, host.as_bytes(), &[""; 0], b"GET", &Route::default());
        assert_eq!(found.map(|id| apis[id.0].name.as_str()), expected, "{host}");
    }
}

#[test]
fn path_patterns_are_segments_that_every_hop_reads_alike() {
    let literal = |text: &str| Segment::Literal(text.into());
    let closed = |segments: &[Segment]| Ok(PathPattern { segments: segments.into(), open: false });
    let open = |segments: &[Segment]| Ok(PathPattern { segments: segments.into(), open: true });
    let ambiguous = |why| Err(PathError::Ambiguous(why));
    let cases = [
        ("/", closed(&[])),
        ("/**", open(&[])),
        ("/**/", open(&[])),
        ("/orders", closed(&[literal("orders")])),
        ("/orders/", closed(&[literal("orders")])),
        ("/orders/**", open(&[literal("orders")])),
        ("/orders/*/items", closed(&[literal("orders"), Segment::Any, literal("items")])),
        ("/orders/{order_id}", closed(&[literal("orders"), Segment::Named("order_id".into())])),
        ("/a%20b", closed(&[literal("a b")])),
        ("/größe", closed(&[literal("größe")])),
        ("/gr%C3%B6%C3%9Fe", closed(&[literal("größe")])),
        ("/%2A", closed(&[literal("*")])),
        ("/%7Bid%7D", closed(&[literal("{id}")])),
        ("/a%252fb", closed(&[literal("a%2fb")])),
        ("/...", closed(&[literal("...")])),
        ("", ambiguous(Ambiguity::NotAbsolute)),
        ("orders", ambiguous(Ambiguity::NotAbsolute)),
        ("**", ambiguous(Ambiguity::NotAbsolute)),
        ("https://x/orders", ambiguous(Ambiguity::NotAbsolute)),
        ("//", ambiguous(Ambiguity::EmptySegment)),
        ("/orders//items", ambiguous(Ambiguity::EmptySegment)),
        ("/orders/../items", ambiguous(Ambiguity::DotSegment)),
        ("/orders/%2e", ambiguous(Ambiguity::DotSegment)),
        ("/a%2fb", closed(&[literal("a/b")])),
        ("/a%2f", closed(&[literal("a/")])),
        ("/a%2f..", ambiguous(Ambiguity::DotSegment)),
        ("/a%2f%2fb", ambiguous(Ambiguity::EmptySegment)),
        ("/%2fa", ambiguous(Ambiguity::EmptySegment)),
        ("/a%3fb", ambiguous(Ambiguity::Query)),
        ("/a\\b", ambiguous(Ambiguity::Backslash)),
        ("/a#b", ambiguous(Ambiguity::Fragment)),
        ("/a b", ambiguous(Ambiguity::Control)),
        ("/a%00", ambiguous(Ambiguity::Control)),
        ("/a%c0%af", ambiguous(Ambiguity::NotUtf8)),
        ("/100%", ambiguous(Ambiguity::Escape)),
        ("/a%zz", ambiguous(Ambiguity::Escape)),
        ("/a?b=c", Err(PathError::Query)),
        ("/a;v=1", Err(PathError::Semicolon)),
        ("/a%3bv=1", Err(PathError::Semicolon)),
        ("/**/orders", Err(PathError::OpenInside)),
        ("/**/**", Err(PathError::OpenInside)),
        ("/orders/*.json", Err(PathError::PartOfSegment)),
        ("/orders*", Err(PathError::PartOfSegment)),
        ("/***", Err(PathError::PartOfSegment)),
        ("/{id}.json", Err(PathError::PartOfSegment)),
        ("/{}", Err(PathError::PartOfSegment)),
        ("/{id", Err(PathError::PartOfSegment)),
        ("/{a}{b}", Err(PathError::PartOfSegment)),
        ("/{id=**}", Err(PathError::PartOfSegment)),
    ];
    for (raw, expected) in cases {
        assert_eq!(PathPattern::parse(raw), expected, "{raw}");
    }
}

/// Hosts, paths and methods of a matcher.
type Written = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

#[test]
fn a_matcher_covers_what_it_leaves_nothing_of() {
    const ANY: Written = (&[], &[], &[]);
    let cases: [(&str, Written, Written, bool); 25] = [
        // name, earlier, later, covered
        ("everything and everything", ANY, ANY, true),
        ("everything and a path", ANY, (&[], &["/a"], &[]), true),
        ("a path and everything", (&[], &["/a"], &[]), ANY, false),
        ("every path and everything", (&[], &["/**"], &[]), ANY, true),
        ("the same path", (&[], &["/a"], &[]), (&[], &["/a/"], &[]), true),
        ("the same path, encoded", (&[], &["/a"], &[]), (&[], &["/%61"], &[]), true),
        ("an open path and its start", (&[], &["/a/**"], &[]), (&[], &["/a"], &[]), true),
        ("an open path and one under it", (&[], &["/a/**"], &[]), (&[], &["/a/b/*"], &[]), true),
        ("an open path and a longer one", (&[], &["/a/**"], &[]), (&[], &["/a/b/**"], &[]), true),
        ("a longer open path", (&[], &["/a/b/**"], &[]), (&[], &["/a/**"], &[]), false),
        ("a star and a name", (&[], &["/*"], &[]), (&[], &["/a"], &[]), true),
        ("a star and a placeholder", (&[], &["/*/b"], &[]), (&[], &["/{x}/b"], &[]), true),
        ("a name and a star", (&[], &["/a"], &[]), (&[], &["/*"], &[]), false),
        ("a star and an open path", (&[], &["/a/*"], &[]), (&[], &["/a/**"], &[]), false),
        ("one path of two", (&[], &["/a"], &[]), (&[], &["/a", "/b"], &[]), false),
        ("two paths and one", (&[], &["/a", "/b"], &[]), (&[], &["/b"], &[]), true),
        ("a wildcard and a host", (&["*.x.y"], &[], &[]), (&["a.x.y"], &[], &[]), true),
        ("a wildcard and its parent", (&["*.x.y"], &[], &[]), (&["x.y"], &[], &[]), false),
        ("a wildcard and a longer one", (&["*.x.y"], &[], &[]), (&["*.a.x.y"], &[], &[]), true),
        ("a wildcard and a shorter one", (&["*.a.x.y"], &[], &[]), (&["*.x.y"], &[], &[]), false),
        ("a host and a wildcard", (&["a.x.y"], &[], &[]), (&["*.x.y"], &[], &[]), false),
        ("a host and any", (&["a.x.y"], &[], &[]), ANY, false),
        ("a method and any", (&[], &[], &["GET"]), ANY, false),
        ("two methods and one", (&[], &[], &["GET", "PUT"]), (&[], &["/a"], &["PUT"]), true),
        ("a wider path, another host", (&["a"], &["/**"], &[]), (&["b"], &["/a"], &[]), false),
    ];
    for (name, earlier, later, expected) in cases {
        let [earlier, later] = [earlier, later].map(|(h, p, m)| matcher(h, p, m));
        assert_eq!(earlier.covers(&later), expected, "{name}");
    }
}

#[test]
fn a_matcher_of_routes_covers_only_what_has_them_too() {
    let any = || Matcher::default();
    let cases = [
        // name, earlier, later, covered
        ("any route and one", any(), on(any(), &["a"]), true),
        ("one route and any", on(any(), &["a"]), any(), false),
        ("two routes and one of them", on(any(), &["a", "b"]), on(any(), &["b"]), true),
        ("one route of two", on(any(), &["a"]), on(any(), &["a", "b"]), false),
        (
            "a route with a host, without",
            on(matcher(&["x"], &[], &[]), &["a"]),
            on(any(), &["a"]),
            false,
        ),
        ("whatever is named and a name", any(), named(any(), "one"), true),
        ("a name and whatever is named", named(any(), "one"), any(), false),
        ("two names", named(any(), "one"), named(any(), "two"), false),
        ("a route and a name", on(any(), &["a"]), named(any(), "one"), false),
    ];
    for (name, earlier, later, expected) in cases {
        assert_eq!(earlier.covers(&later), expected, "{name}");
    }
}

#[test]
fn two_patterns_meet_where_some_path_matches_both() {
    let cases = [
        // name, one, other, whether some path matches both
        ("the same", "/a/b", "/a/b", true),
        ("different ends", "/a/b", "/a/c", false),
        ("a placeholder", "/a/{id}", "/a/b", true),
        ("placeholders crosswise", "/a/*", "/*/b", true),
        ("different lengths", "/a/b", "/a", false),
        ("an open one and a longer", "/a/**", "/a/b/c", true),
        ("an open one and a shorter", "/a/b/**", "/a", false),
        ("an open one and its stem", "/a/**", "/a", true),
        ("two open ones", "/a/**", "/a/b/**", true),
        ("two open ones apart", "/a/**", "/b/**", false),
        ("everything", "/**", "/", true),
    ];
    for (name, one, other, expected) in cases {
        let parse = |raw| PathPattern::parse(raw).expect(raw);
        assert_eq!(parse(one).meets(&parse(other)), expected, "{name}");
        assert_eq!(parse(other).meets(&parse(one)), expected, "{name}, the other way round");
    }
}

proptest::proptest! {
    #[test]
    fn the_index_finds_what_looking_at_each_api_would(
        drawn in proptest::collection::vec(proptest::collection::vec(0_usize..12, 0..4), 1..12),
        host in 0_usize..6,
        path in 0_usize..10,
        post in proptest::bool::ANY,
        by_route in proptest::collection::vec((0_usize..6, 0_usize..7), 12),
        on_route in (0_usize..4, 0_usize..4),
    ) {
        let hosts = ["a.example", "*.example", "b.a.example", "*.a.example", "[0::1]"];
        let paths = ["/", "/x", "/x/*", "/x/**", "/*/y", "/**", "/x/{id}/z"];
        let requested =
            ["/", "/x", "/x/y", "/x/y/z", "/w/y", "/w/y/z", "/x/z%2fy", "/w", "/x%2fy", "/x/q"];
        let names = ["a", "b", "c"];
        let apis: Vec<_> = drawn
            .iter()
            .zip(by_route)
            .map(|(patterns, (routes, name))| {
                let drawn = |from: &[&'static str], start: usize| -> Vec<&'static str> {
                    let place = |at: &usize| from.get(at.checked_sub(start)?).copied();
                    patterns.iter().filter_map(place).collect()
                };
                let methods: &[&str] = if patterns.len() == 3 { &["GET"] } else { &[] };
                let matcher = matcher(&drawn(&hosts, 7), &drawn(&paths, 0), methods);
                let matcher = match names.get(name) {
                    Some(name) => named(matcher, name),
                    None => matcher,
                };
                let routes = names.get(routes.saturating_sub(3)..routes.min(2)).unwrap_or_default();
                Api { matcher: on(matcher, routes), ..api("some", &[], &[], &[]) }
            })
            .collect();
        let host =
            ["a.example:80", "B.a.example", "c.b.a.example", "[::1]:80", "a.example:x", ""][host];
        let path = RequestPath::parse(requested[path].as_bytes()).unwrap();
        let method: &[u8] = if post { b"POST" } else { b"GET" };
        let route = route(names.get(on_route.0).copied(), names.get(on_route.1).copied());
        let host = host.as_bytes();
        let found = Index::new(&apis).find(&apis, host, path.segments(), method, &route);
        let is_it =
            |api: &Api| api.matcher.misses(host, path.segments(), method, &route).is_empty();
        proptest::prop_assert_eq!(found.map(|id| id.0), apis.iter().position(is_it));
    }
}
