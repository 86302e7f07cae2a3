//! The cluster of the service that counts limits, where Istio or Envoy Gateway makes it.

use super::check;
use super::shared::LIMITS;

/// What is said of the cluster: codes and words.
fn said(file: &str) -> Vec<String> {
    let run = check(&["-"], file);
    let remarks = run.remarks().into_iter().filter(|line| line.contains("limits.remote.cluster:"));
    remarks.map(str::to_owned).collect()
}

/// Compares what is said with a code and words, or with nothing, in either order of the resources.
fn assert_said(name: &str, own: &str, resources: &str, expected: Option<(&str, &str)>) {
    let turned = format!("{}---\n{own}", resources.trim_start_matches("---\n"));
    for file in [format!("{own}{resources}"), turned] {
        let found = said(&file);
        let is_right = match (&*found, expected) {
            ([], None) => true,
            ([one], Some((code, words))) => {
                one.ends_with(&format!("[{code}]")) && one.contains(words)
            }
            _ => false,
        };
        assert!(is_right, "{name}: {found:?}\n{file}");
    }
}

/// A configuration whose limits are counted through this cluster.
fn config(cluster: &str) -> String {
    let limits = LIMITS.replace("\"rls\"", &format!("\"{cluster}\""));
    format!("{{{limits}\"providers\": {{\"okta\": {}}}}}", super::OKTA)
}

fn resource(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\nkind: {kind}\nmetadata: {{ name: {name}, namespace: infra }}\nspec: {{ {spec} }}\n"
    )
}

fn service(ports: &str) -> String {
    resource("Service", "ratelimit", &format!("ports: [{ports}]"))
}

#[test]
fn istios_clusters_are_there_and_speak_http_2() {
    let plugin = |cluster: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate, namespace: a }}\nspec:\n  \
             failStrategy: FAIL_RELOAD\n  pluginConfig: {}\n",
            config(cluster)
        )
    };
    let inside = "outbound|8081||ratelimit.infra.svc.cluster.local";
    let outside = "outbound|8081||rls.example.com";
    let grpc = service("{ name: http, port: 8080 }, { name: grpc, port: 8081 }");
    let entry = |port: &str| {
        let rest = "hosts: [rls.example.com], location: MESH_EXTERNAL, resolution: DNS";
        resource("ServiceEntry", "rls", &format!("{rest}, ports: [{port}]"))
    };
    let external = |protocol: &str| entry(&format!("{{ number: 8081, protocol: {protocol} }}"));
    let rule = |rest: &str| resource("DestinationRule", "rls", rest);
    let filter = |operation: &str, value: &str| {
        let patch =
            format!("applyTo: CLUSTER, patch: {{ operation: {operation}, value: {value} }}");
        resource("EnvoyFilter", "rls", &format!("configPatches: [{{ {patch} }}]"))
    };
    let upgrade = "connectionPool: { http: { h2UpgradePolicy: UPGRADE } }";
    let meant = Some((
        "cluster_missing",
        "did you mean `outbound|8081||ratelimit.infra.svc.cluster.local`?",
    ));
    let http1 = Some(("cluster_not_http2", "write `appProtocol: grpc` there"));
    let entry_http1 = Some(("cluster_not_http2", "write `protocol: GRPC` there"));
    let cases = [
        // name, cluster, resources, what is said
        ("by the port's name", inside, grpc.clone(), None),
        ("by the beginning of the name", inside, service("{ name: grpc-rls, port: 8081 }"), None),
        ("in any letters", inside, service("{ name: GRPC, port: 8081 }"), None),
        ("as HTTP/2", inside, service("{ name: http2-rls, port: 8081 }"), None),
        ("by appProtocol", inside, service("{ name: rls, port: 8081, appProtocol: grpc }"), None),
        (
            "by the appProtocol of Kubernetes",
            inside,
            service("{ port: 8081, appProtocol: kubernetes.io/h2c }"),
            None,
        ),
        (
            "appProtocol comes before the name",
            inside,
            service("{ name: grpc, port: 8081, appProtocol: http }"),
            http1,
        ),
        (
            "HTTP, which the mesh may upgrade",
            inside,
            service("{ name: http, port: 8081 }"),
            Some(("cluster_not_http2", "unless the mesh's own `h2UpgradePolicy` helps")),
        ),
        ("TCP", inside, service("{ name: tcp-rls, port: 8081 }"), http1),
        ("no name", inside, service("{ port: 8081 }"), http1),
        ("a name that is no protocol", inside, service("{ name: grpcish, port: 8081 }"), http1),
        ("another port", "outbound|6070||ratelimit.infra.svc.cluster.local", grpc.clone(), meant),
        ("the port of HTTP", &inside.replace("8081", "8080"), grpc.clone(), http1),
        ("a slip in the host", &inside.replace("ratelimit", "ratelimti"), grpc.clone(), meant),
        ("the Service's name", "ratelimit", grpc.clone(), meant),
        ("the Service's host", "ratelimit.infra.svc.cluster.local", grpc.clone(), meant),
        (
            "another domain of the cluster",
            &inside.replace("cluster.local", "k8s"),
            grpc.clone(),
            None,
        ),
        ("another namespace's", &inside.replace("infra", "other"), service("{ port: 8081 }"), None),
        (
            "no namespace",
            inside,
            service("{ port: 8081 }").replace(", namespace: infra", ""),
            http1,
        ),
        (
            "a part missing",
            "outbound|8081|ratelimit",
            String::new(),
            Some(("cluster_missing", "did you mean `outbound|PORT||HOST`?")),
        ),
        ("nothing beside it", inside, String::new(), None),
        ("a name of its own, and nothing beside it", "rls", String::new(), None),
        (
            "upgraded by a rule",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!(
                    "host: ratelimit.infra.svc.cluster.local, trafficPolicy: {{ {upgrade} }}"
                )),
            None,
        ),
        (
            "upgraded by a rule of many hosts",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!(
                    "host: \"*.infra.svc.cluster.local\", trafficPolicy: {{ {upgrade} }}"
                )),
            None,
        ),
        (
            "another's rule",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!("host: orders, trafficPolicy: {{ {upgrade} }}")),
            http1,
        ),
        (
            "a rule that does not upgrade",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!(
                    "host: ratelimit.infra.svc.cluster.local, trafficPolicy: {{ {} }}",
                    upgrade.replace("UPGRADE", "DO_NOT_UPGRADE")
                )),
            http1,
        ),
        (
            "upgraded for another port",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!(
                    "host: ratelimit.infra.svc.cluster.local, trafficPolicy: {{ portLevelSettings: [{{ port: {{ number: 80 }}, {upgrade} }}] }}"
                )),
            http1,
        ),
        (
            "upgraded for the port",
            inside,
            service("{ port: 8081 }")
                + &rule(&format!(
                    "host: ratelimit.infra.svc.cluster.local, trafficPolicy: {{ portLevelSettings: [{{ port: {{ number: 8081 }}, {upgrade} }}] }}"
                )),
            None,
        ),
        (
            "patched",
            inside,
            service("{ port: 8081 }") + &filter("MERGE", "{ http2_protocol_options: {} }"),
            None,
        ),
        ("outside, gRPC", outside, external("GRPC"), None),
        ("outside, gRPC in small letters", outside, external("grpc"), None),
        ("outside, HTTP/2", outside, external("HTTP2"), None),
        ("outside, HTTPS", outside, external("HTTPS"), entry_http1),
        ("outside, HTTP", outside, external("HTTP"), entry_http1),
        ("outside, TCP", outside, external("TCP"), entry_http1),
        ("outside, nothing said", outside, entry("{ number: 8081, name: grpc }"), entry_http1),
        (
            "outside, upgraded",
            outside,
            external("HTTPS")
                + &rule(&format!(
                    "host: rls.example.com, trafficPolicy: {{ tls: {{ mode: SIMPLE }}, {upgrade} }}"
                )),
            None,
        ),
        (
            "outside, without a resolution",
            outside,
            external("GRPC").replace(", resolution: DNS", ""),
            Some(("cluster_unresolved", "resolution: DNS")),
        ),
        (
            "outside, another port",
            "outbound|80||rls.example.com",
            external("GRPC"),
            Some(("cluster_missing", "did you mean `outbound|8081||rls.example.com`?")),
        ),
        ("added", "rls", filter("ADD", "{ name: rls, http2_protocol_options: {} }"), None),
        (
            "added, and HTTP/1.1",
            "rls",
            filter("ADD", "{ name: rls, type: EDS }"),
            Some(("cluster_not_http2", "explicit_http_config")),
        ),
    ];
    for (name, cluster, resources, expected) in cases {
        assert_said(name, &plugin(cluster), &resources, expected);
    }
}

#[test]
fn a_filter_of_an_envoy_filter_is_judged_by_the_same_resources() {
    let wasm = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    let filter = |cluster: &str| {
        format!(
            "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{ name: tollgate }}\nspec:\n  configPatches:\n    \
             - applyTo: HTTP_FILTER\n      patch:\n        operation: INSERT_BEFORE\n        value:\n          name: tollgate\n          \
             typed_config:\n            {wasm}\n            config:\n              failure_policy: FAIL_RELOAD\n              \
             vm_config: {{ vm_id: tollgate }}\n              configuration:\n                \
             \"@type\": type.googleapis.com/google.protobuf.StringValue\n                value: |\n                  {}\n",
            config(cluster)
        )
    };
    let inside = "outbound|8081||ratelimit.infra.svc.cluster.local";
    let http1 = Some(("cluster_not_http2", "write `appProtocol: grpc` there"));
    assert_said("HTTP/1.1", &filter(inside), &service("{ port: 8081 }"), http1);
    assert_said("gRPC", &filter(inside), &service("{ port: 8081, name: grpc }"), None);
}

#[test]
fn envoy_gateways_clusters_are_there_and_speak_http_2() {
    let policy = |cluster: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{ name: tollgate }}\nspec:\n  \
             wasm:\n    - name: tollgate\n      config: {}\n",
            config(cluster)
        )
    };
    let route = |kind: &str, backends: &str| {
        resource(kind, "limits", &format!("rules: [{{ backendRefs: [{backends}] }}]"))
    };
    let to_service = "{ name: ratelimit, port: 8081 }";
    let to_backend = "{ kind: Backend, name: rls }";
    let http = |backends: &str| route("HTTPRoute", backends);
    let own = "httproute/infra/limits/rule/0";
    let plain = service("{ port: 8081 }");
    let endpoints = "endpoints: [{ fqdn: { hostname: rls.example.com, port: 8081 } }]";
    let backend = |rest: &str| resource("Backend", "rls", &format!("{endpoints}{rest}"));
    let h2c = ", appProtocols: [gateway.envoyproxy.io/h2c]";
    let tls = resource("BackendTLSPolicy", "rls", "targetRefs: [{ kind: Backend, name: rls }]");
    let proxy = |cluster: &str| {
        let patch = format!("op: add, path: /static_resources/clusters/-, value: {cluster}");
        resource(
            "EnvoyProxy",
            "p",
            &format!("bootstrap: {{ type: JSONPatch, jsonPatches: [{{ {patch} }}] }}"),
        )
    };
    let patch = |name: &str, operation: &str| {
        let url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
        resource(
            "EnvoyPatchPolicy",
            "rls",
            &format!(
                "jsonPatches: [{{ type: {url}, name: {name}, operation: {{ {operation} }} }}]"
            ),
        )
    };
    let with_options = "{ name: rls, http2_protocol_options: {} }";
    let options = "op: add, path: /http2_protocol_options, value: {}";
    let whole = |value: &str| format!("op: add, path: \"\", value: {value}");
    let http1 =
        Some(("cluster_not_http2", "write a GRPCRoute, or `appProtocol: kubernetes.io/h2c`"));
    let bare = Some(("cluster_not_http2", "explicit_http_config"));
    let missing = |words| Some(("cluster_missing", words));
    let meant = missing("did you mean `httproute/infra/limits/rule/0`?");
    let cases = [
        // name, cluster, resources, what is said
        ("the bootstrap's", "rls", proxy(with_options), None),
        ("the bootstrap's, and HTTP/1.1", "rls", proxy("{ name: rls, type: EDS }"), bare),
        ("a slip", "rsl", proxy(with_options), missing("did you mean `rls`?")),
        ("a patch's", "rls", patch("rls", &whole(with_options)), None),
        ("a patch's, and HTTP/1.1", "rls", patch("rls", &whole("{ name: rls }")), bare),
        ("a route of gRPC", "grpcroute/infra/limits/rule/0", route("GRPCRoute", to_service), None),
        (
            "a route of gRPC to a port that says nothing",
            "grpcroute/infra/limits/rule/0",
            route("GRPCRoute", to_service) + &plain,
            None,
        ),
        ("a Service that says nothing", own, http(to_service) + &plain, http1),
        (
            "a Service whose port is called so, which Envoy Gateway does not read",
            own,
            http(to_service) + &service("{ name: grpc, port: 8081 }"),
            http1,
        ),
        (
            "a Service of h2c",
            own,
            http(to_service) + &service("{ port: 8081, appProtocol: kubernetes.io/h2c }"),
            None,
        ),
        (
            "a Service of gRPC",
            own,
            http(to_service) + &service("{ port: 8081, appProtocol: grpc }"),
            None,
        ),
        (
            "the other port is of h2c",
            own,
            http(to_service)
                + &service("{ port: 8080, appProtocol: kubernetes.io/h2c }, { port: 8081 }"),
            http1,
        ),
        ("a Service in another file", own, http(to_service), None),
        (
            "a Service of another namespace",
            own,
            http(to_service) + &plain.replace("infra", "other"),
            None,
        ),
        (
            "a Service of another namespace that is named",
            own,
            http("{ name: ratelimit, namespace: other, port: 8081 }")
                + &plain.replace("infra", "other"),
            http1,
        ),
        ("a Backend that says nothing", own, http(to_backend) + &backend(""), http1),
        ("a Backend of h2c", own, http(to_backend) + &backend(h2c), None),
        (
            "a Backend of TLS, which may agree on it",
            own,
            http(to_backend) + &backend(", tls: { wellKnownCACertificates: System }"),
            None,
        ),
        ("a policy of TLS, likewise", own, http(to_backend) + &backend("") + &tls, None),
        (
            "one of two says it for both",
            own,
            http(&format!("{to_backend}, {to_service}")) + &backend(h2c) + &plain,
            None,
        ),
        (
            "neither of two says it",
            own,
            http(&format!("{to_backend}, {to_service}")) + &backend("") + &plain,
            http1,
        ),
        (
            "one of two is in another file",
            own,
            http(&format!("{to_backend}, {to_service}")) + &plain,
            None,
        ),
        ("patched", own, http(to_service) + &plain + &patch(own, options), None),
        ("another is patched", own, http(to_service) + &plain + &patch("other", options), http1),
        ("another rule", "httproute/infra/limits/rule/1", http(to_service), meant),
        ("the Backend's name", "rls", http(to_backend) + &backend(h2c), meant),
        ("the Service's name", "ratelimit", http(to_service) + &plain, meant),
        ("a Backend that no route uses", "rls", backend(h2c), missing("unless a route uses it")),
        ("nothing beside it", "rls", String::new(), None),
        ("a route elsewhere", own, String::new(), None),
    ];
    for (name, cluster, resources, expected) in cases {
        assert_said(name, &policy(cluster), &resources, expected);
    }
}
