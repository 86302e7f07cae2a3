//! What clients of gRPC and of all that is turned into it are told, by the filters that stand in front.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::harness::{
    Answer, Envoy, Filter, Http2, ISSUER, KeyServer, Listener, Request, Response, Signer, Site,
    Token, Upstream, configuration, fetch, key_set,
};

/// One Envoy with a listener for each way to speak.
struct Stage {
    envoy: Envoy,
    upstream: Upstream,
    _keys: KeyServer,
    cases: Vec<Case>,
    plain: u16,
    web: u16,
    transcoder: u16,
    converter: u16,
    bridge: u16,
    connect: u16,
    behind: u16,
}

/// A way to be refused, and the row of the table of answers.
struct Case {
    code: &'static str,
    host: &'static str,
    credentials: Vec<String>,
    http: u16,
    grpc: u32,
    message: &'static str,
    retry: bool,
}

/// A protobuf field that is bytes.
fn bytes(number: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [varint(number << 3 | 2), varint(u32::try_from(content.len()).unwrap()), content.to_vec()]
        .concat()
}

/// A protobuf field that is a number.
fn number(field: u32, value: u32) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// `service Orders { rpc Get(Order) returns (Order) { option (google.api.http).get = "/v1/orders/{id}"; } }`
/// and the same as a stream of answers, as a `FileDescriptorSet`.
fn descriptors() -> String {
    let id = [bytes(1, "id"), number(3, 1), number(4, 1), number(5, 9), bytes(10, "id")].concat();
    let order = [bytes(1, "Order"), bytes(2, id)].concat();
    let method = |name: &str, path: &str, streams: &[u8]| {
        let options = bytes(72_295_728, bytes(2, path));
        let types = [bytes(2, ".orders.Order"), bytes(3, ".orders.Order")].concat();
        bytes(2, [bytes(1, name), types, bytes(4, options), streams.to_vec()].concat())
    };
    let service = [
        bytes(1, "Orders"),
        method("Get", "/v1/orders/{id}", &[]),
        method("List", "/v1/orders", &number(6, 1)),
    ];
    let file = [
        bytes(1, "orders.proto"),
        bytes(2, "orders"),
        bytes(4, order),
        bytes(6, service.concat()),
        bytes(12, "proto3"),
    ];
    STANDARD.encode(bytes(1, file.concat()))
}

/// One of Envoy's own filters.
fn filter(name: &str, kind: &str, config: Value) -> Value {
    let mut typed = config;
    typed["@type"] =
        format!("type.googleapis.com/envoy.extensions.filters.http.{name}.v3.{kind}").into();
    json!({ "name": format!("envoy.filters.http.{name}"), "typed_config": typed })
}

fn transcoder(converts: bool) -> Value {
    let config = json!({
        "proto_descriptor_bin": descriptors(), "services": ["orders.Orders"],
        "convert_grpc_status": converts,
    });
    filter("grpc_json_transcoder", "GrpcJsonTranscoder", config)
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let (upstream, keys, signer) = (Upstream::start(), KeyServer::start(), Signer::new("k1"));
        keys.set("/keys", Answer::json(&key_set(&[&signer])));
        let away = "https://away.example";
        let providers =
            json!({ "main": keys.provider(ISSUER, "/keys"), "away": keys.provider(away, "/missing") });
        let api = |name: &str, auth: Value| {
            json!({ "name": name, "match": { "hosts": [format!("{name}.example.com")] }, "auth": auth })
        };
        let mut scoped = api("scoped", json!(["main"]));
        scoped["scopes"] = json!(["orders:write"]);
        let mut rated = api("rated", json!("none"));
        rated["rate"] = json!({ "requests": 1, "per": "1h" });
        let mut quota = api("quota", json!(["main"]));
        quota["policies"] = json!({ "default": ["few"] });
        let apis =
            json!([api("api", json!(["main"])), scoped, rated, quota, api("away", json!(["away"]))]);
        let mut all = configuration(providers, apis);
        all["policies"] = json!({ "few": { "quota": { "requests": 1, "per": "1d" } } });
        let ours = Filter::new(&all);
        let listener = || Listener::new(&ours);
        let web = || filter("grpc_web", "GrpcWeb", json!({}));
        let listeners = [
            listener(),
            listener().before(web()),
            listener().before(transcoder(false)),
            listener().before(transcoder(true)),
            listener().before(filter("grpc_http1_bridge", "Config", json!({}))),
            listener().before(filter("connect_grpc_bridge", "FilterConfig", json!({}))),
            listener().then(web()),
        ];
        let mut site = Site::new("grpc", upstream.port()).cluster("keys", keys.port());
        for listener in &listeners {
            site = site.listener(listener);
        }
        let envoy = Envoy::start(&site);
        let [plain, web, transcoder, converter, bridge, connect, behind] =
            listeners.map(|listener| listener.port);
        let good = signer.sign(&Token::of("alice"));
        let lost = signer.sign(&Token::of("alice").issuer(away));
        let case = |code, host, credentials: &[&str], (http, grpc, message, retry)| {
            let credentials = credentials.iter().map(|one| (*one).to_owned()).collect();
            Case { code, host, credentials, http, grpc, message, retry }
        };
        let ambiguous = "the request can be read in more than one way";
        let scopes = "the token's scopes are not enough for this API";
        let later = "as many requests as are allowed have come; try again later";
        let cases = vec![
            case(
                "credential_missing",
                "api.example.com",
                &[],
                (401, 16, "this API needs a credential", false),
            ),
            case("token_malformed", "api.example.com", &["x"], (401, 16, "the credential was refused", false)),
            case("credential_multiple", "api.example.com", &[&*good, "x.y.z"], (400, 3, ambiguous, false)),
            case("scope_insufficient", "scoped.example.com", &[&*good], (403, 7, scopes, false)),
            case("api_unknown", "nowhere.example.com", &[], (403, 7, "the request is not allowed", false)),
            case(
                "rate_limited",
                "rated.example.com",
                &[],
                (429, 8, "requests come too fast; try again later", true),
            ),
            case("quota_exceeded", "quota.example.com", &[&*good], (429, 8, later, true)),
            case(
                "keys_unavailable",
                "away.example.com",
                &[&*lost],
                (503, 14, "the request cannot be judged just now; try again", true),
            ),
        ];
        // The one request that the rate allows, and the one of the quota.
        for (host, token) in [("rated.example.com", None), ("quota.example.com", Some(&good))] {
            let request = Request::get("/warm").host(host);
            let request = token.map_or(request.clone(), |token| request.bearer(token));
            assert_eq!(fetch(plain, &request).status(), 200, "{host}");
        }
        let _keys = keys;
        Stage {
            envoy, upstream, _keys, cases, plain, web, transcoder, converter, bridge, connect, behind,
        }
    })
}

impl Case {
    /// This request made to be refused so.
    fn of(&self, request: Request) -> Request {
        let request = request.host(self.host);
        self.credentials.iter().fold(request, |request, token| request.bearer(token))
    }

    /// What every answer has, whoever words it.
    fn check_headers(&self, how: &str, response: &Response) {
        let Self { code, .. } = self;
        assert_eq!(response.headers("x-tollgate-code"), [*code], "{how}, {code}: {response:?}");
        assert_eq!(response.headers("cache-control"), ["no-store"], "{how}, {code}");
        assert_eq!(response.header("retry-after").is_some(), self.retry, "{how}, {code}");
        let challenged = response.header("www-authenticate").is_some();
        assert_eq!(challenged, self.http < 403 || *code == "scope_insufficient", "{how}, {code}");
    }

    /// An answer of gRPC of this HTTP status: its own status and message stand in the header section.
    fn check_grpc(&self, how: &str, http: u16, response: &Response) {
        let Self { code, grpc, message, .. } = self;
        assert_eq!(response.status(), http, "{how}, {code}: {response:?}");
        assert_eq!(response.headers("grpc-status"), [grpc.to_string()], "{how}, {code}");
        assert_eq!(response.headers("grpc-message"), [*message], "{how}, {code}");
        assert_eq!(response.text(), "", "{how}, {code}");
        self.check_headers(how, response);
    }

    /// The name that Connect has for the status (Connect protocol, error codes).
    fn connect_code(&self) -> &'static str {
        match self.grpc {
            3 => "invalid_argument",
            7 => "permission_denied",
            8 => "resource_exhausted",
            14 => "unavailable",
            16 => "unauthenticated",
            other => panic!("{other}"),
        }
    }
}

/// A call of `Get`, with one message that is empty.
fn call(content_type: &str) -> Request {
    Request::new("POST", "/orders.Orders/Get")
        .header("Content-Type", content_type)
        .header("TE", "trailers")
        .body([0, 0, 0, 0, 0])
}

#[test]
fn a_client_of_grpc_is_told_by_status_and_message() {
    let stage = stage();
    let mut http2 = Http2::open(stage.plain);
    for case in &stage.cases {
        for kind in ["application/grpc", "application/grpc+proto"] {
            let request = case.of(call(kind));
            case.check_grpc("gRPC on HTTP/1", 200, &fetch(stage.plain, &request));
            case.check_grpc("gRPC on HTTP/2", 200, &http2.fetch(&request));
        }
    }
}

#[test]
fn a_client_of_grpc_web_is_told_the_same_by_envoys_filter() {
    let stage = stage();
    for case in &stage.cases {
        for kind in
            ["application/grpc-web+proto", "application/grpc-web", "application/grpc-web-text"]
        {
            let response = fetch(stage.web, &case.of(call(kind)));
            case.check_grpc(kind, case.http, &response);
        }
    }
}

#[test]
fn a_rest_client_before_a_transcoder_gets_the_http_status_and_no_json() {
    let stage = stage();
    for case in &stage.cases {
        let request = case.of(Request::get("/v1/orders/7"));
        let response = fetch(stage.transcoder, &request);
        assert_eq!(response.status(), case.http, "{}: {response:?}", case.code);
        assert_eq!(response.text(), "", "{}", case.code);
        case.check_headers("transcoder", &response);
        // Where it puts statuses into words itself, it has ours.
        let response = fetch(stage.converter, &request);
        assert_eq!(response.status(), case.http, "{}: {response:?}", case.code);
        assert_eq!(response.json(), json!({ "code": case.grpc, "message": case.message }));
        case.check_headers("transcoder with convert_grpc_status", &response);
        // And so for a stream of answers.
        let response = fetch(stage.transcoder, &case.of(Request::get("/v1/orders")));
        assert_eq!(response.status(), case.http, "{}: {response:?}", case.code);
        assert_eq!(response.text(), "[]", "{}", case.code);
    }
}

#[test]
fn a_client_of_the_http1_bridge_is_told_by_status_and_message() {
    let stage = stage();
    for case in &stage.cases {
        let response = fetch(stage.bridge, &case.of(call("application/grpc")));
        case.check_grpc("HTTP/1 bridge", 200, &response);
    }
}

#[test]
fn a_client_of_connect_gets_its_own_kind_of_error() {
    let stage = stage();
    for case in &stage.cases {
        let unary = Request::new("POST", "/orders.Orders/Get")
            .header("Content-Type", "application/proto")
            .header("Connect-Protocol-Version", "1")
            .body("");
        let response = fetch(stage.connect, &case.of(unary));
        let told = response.json();
        assert_eq!(told["code"], case.connect_code(), "{}: {response:?}", case.code);
        assert_eq!(told["message"], case.message, "{}", case.code);
        assert_eq!(response.status(), case.http, "{}", case.code);
        assert_eq!(response.header("x-tollgate-code").as_deref(), Some(case.code), "{response:?}");
        let stream = call("application/connect+proto").header("Connect-Protocol-Version", "1");
        let response = fetch(stage.connect, &case.of(stream));
        assert_eq!(response.status(), case.http, "{}: {response:?}", case.code);
        let text = response.text();
        let end: Value = serde_json::from_str(&text[text.find('{').expect("its last frame")..])
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(end["error"]["code"], case.connect_code(), "{}: {text}", case.code);
        assert_eq!(end["error"]["message"], case.message, "{}: {text}", case.code);
    }
}

#[test]
fn without_a_filter_in_front_that_knows_it_a_dialect_is_answered_as_http() {
    let stage = stage();
    for case in &stage.cases {
        for (kind, speaks) in [
            ("application/grpc-web+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("Application/gRPC", true),
            ("application/connect+proto", false),
            ("application/proto", false),
        ] {
            for port in [stage.plain, stage.behind] {
                let response = fetch(port, &case.of(call(kind)));
                let Case { code, http, grpc, message, .. } = case;
                assert_eq!(response.status(), *http, "{kind}, {code}: {response:?}");
                let body = response.json();
                assert_eq!(
                    (&body["code"], &body["error_description"]),
                    (&json!(code), &json!(message))
                );
                let status = response.header("grpc-status");
                assert_eq!(status, speaks.then(|| grpc.to_string()), "{kind}, {code}");
                let told = response.header("grpc-message");
                assert_eq!(told.as_deref(), speaks.then_some(*message), "{kind}, {code}");
            }
        }
    }
    for path in ["/orders.Orders/Get", "/v1/orders/7"] {
        assert!(stage.upstream.seen(path).is_empty(), "{path}: something refused went upstream");
    }
    stage.envoy.assert_no_trap();
}
