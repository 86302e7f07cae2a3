//! Clusters as Istio and Envoy Gateway make and name them, from the resources beside a configuration.

use tollgate_cli::Exit;

use super::check;

/// A provider whose cluster is `%cluster%`, in one line.
const PROVIDER: &str = r#"{"issuer": "https://idp.example.com", "audiences": ["api"], "jwks": {"url": "https://idp.example.com/keys", "cluster": "%cluster%"}}"#;

/// What is said of the cluster: its code and its words.
fn said(file: &str) -> Option<(String, String)> {
    let run = check(&["-"], file);
    let mut remarks = run.remarks().into_iter().filter(|line| line.contains("[cluster_"));
    let remark = remarks.next()?;
    assert_eq!(remarks.next(), None, "{file}\n{}", run.out);
    let (message, code) = remark.rsplit_once('[').expect("a code");
    let exit = if message.contains("warning: ") { Exit::Fine } else { Exit::Problems };
    assert_eq!(run.exit, exit, "{}", run.out);
    Some((code.trim_end_matches(']').to_owned(), message.to_owned()))
}

/// Compares what is said with a code and words, or with nothing.
fn assert_said(name: &str, file: &str, expected: Option<(&str, &str)>) {
    match (said(file), expected) {
        (None, None) => {}
        (Some((code, message)), Some((wanted, words))) => {
            assert!(code == wanted && message.contains(words), "{name}: {message}[{code}]");
        }
        (found, _) => panic!("{name}: {found:?}\n{file}"),
    }
}

fn plugin(cluster: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate, namespace: a }}\nspec:\n  phase: AUTHN\n  failStrategy: FAIL_RELOAD\n  pluginConfig: {{ providers: {{ okta: {} }} }}\n",
        PROVIDER.replace("%cluster%", cluster)
    )
}

fn entry(members: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{ name: idp, namespace: a }}\nspec: {{ {members} }}\n"
    )
}

fn rule(members: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{ name: idp, namespace: a }}\nspec: {{ {members} }}\n"
    )
}

const ENTRY: &str = "hosts: [idp.example.com], location: MESH_EXTERNAL, resolution: DNS, ports: [{ number: 443, name: https, protocol: HTTPS }]";
const RULE: &str = "host: idp.example.com, trafficPolicy: { tls: { mode: SIMPLE, sni: idp.example.com, subjectAltNames: [idp.example.com] } }";

#[test]
fn istios_clusters_are_held_against_its_resources() {
    let right = "outbound|443||idp.example.com";
    let meant = "did you mean `outbound|443||idp.example.com`?";
    let missing = Some(("cluster_missing", meant));
    let both = entry(ENTRY) + &rule(RULE);
    let with_rule = |members: &str| entry(ENTRY) + &rule(members);
    let subsets = |text: &str| format!("{RULE}, subsets: {text}");
    let service = "---\nkind: Service\nmetadata: { name: keycloak, namespace: identity }\nspec: { ports: [{ name: http, port: 8080 }] }\n".to_owned();
    let cases = [
        // name, cluster, resources, what is said
        ("right", right, both.clone(), None),
        ("of another name", "okta", both.clone(), missing),
        ("called like the host", "idp.example.com", both.clone(), missing),
        ("called like the resource", "idp", both.clone(), missing),
        ("of another name, and nothing beside it", "okta", String::new(), None),
        ("right, and nothing beside it", right, String::new(), None),
        (
            "a service of the mesh",
            "outbound|8080||keycloak.identity.svc.cluster.local",
            String::new(),
            None,
        ),
        (
            "a service of the mesh, by its Service",
            "outbound|8080||keycloak.identity.svc.cluster.local",
            service.clone(),
            None,
        ),
        (
            "a port that the Service lacks",
            "outbound|80||keycloak.identity.svc.cluster.local",
            service.clone(),
            Some(("cluster_missing", "the Service has no port 80; did you mean `outbound|8080||")),
        ),
        (
            "called like the Service",
            "keycloak",
            service.clone(),
            Some(("cluster_missing", "`outbound|8080||keycloak.identity.svc.cluster.local`?")),
        ),
        (
            "a slip in the Service's host",
            "outbound|8080||keycloack.identity.svc.cluster.local",
            service,
            Some(("cluster_missing", "`outbound|8080||keycloak.identity.svc.cluster.local`?")),
        ),
        ("a part missing", "outbound|443|idp.example.com", String::new(), missing),
        ("a part missing, beside its entry", "outbound|443|idp.example.com", both.clone(), missing),
        ("no port", "outbound|||idp.example.com", both.clone(), missing),
        ("the wrong way", "inbound|443||idp.example.com", both.clone(), missing),
        ("a slip in the host", "outbound|443||idp.exmaple.com", both.clone(), missing),
        ("another port", "outbound|8443||idp.example.com", both.clone(), missing),
        (
            "a port of two",
            "outbound|8443||idp.example.com",
            entry(&ENTRY.replace("ports: [", "ports: [{ number: 8443, name: a, protocol: TLS }, "))
                + &rule(RULE),
            None,
        ),
        ("letters of either case", "outbound|443||IDP.example.com", both.clone(), None),
        (
            "a wildcard",
            right,
            entry(&ENTRY.replace("[idp.example.com]", "[\"*.example.com\"]")),
            Some(("cluster_missing", "did you mean `outbound|443||*.example.com`?")),
        ),
        (
            "a subset",
            "outbound|443|v1|idp.example.com",
            with_rule(&subsets("[{ name: v1 }]")),
            None,
        ),
        (
            "a slip in the subset",
            "outbound|443|vv1|idp.example.com",
            with_rule(&subsets("[{ name: v1 }]")),
            Some(("cluster_missing", "did you mean `v1`?")),
        ),
        (
            "no such subset",
            "outbound|443|blue|idp.example.com",
            both.clone(),
            Some(("cluster_missing", "no DestinationRule has the subset `blue`")),
        ),
        ("no rule", right, entry(ENTRY), Some(("cluster_plain", "tls: { mode: SIMPLE }"))),
        (
            "a rule without TLS",
            right,
            with_rule("host: idp.example.com, trafficPolicy: { tls: { mode: DISABLE } }"),
            Some(("cluster_plain", "no TLS")),
        ),
        (
            "a rule for another host",
            right,
            with_rule(&RULE.replace("host: idp", "host: other")),
            Some(("cluster_plain", "no TLS")),
        ),
        (
            "a rule for a port",
            right,
            with_rule(
                "host: idp.example.com, trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { mode: SIMPLE } }] }",
            ),
            None,
        ),
        (
            "a rule for another port",
            right,
            with_rule(
                "host: idp.example.com, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: SIMPLE } }] }",
            ),
            Some(("cluster_plain", "no TLS")),
        ),
        (
            "a rule for many hosts",
            right,
            with_rule("host: \"*.example.com\", trafficPolicy: { tls: { mode: MUTUAL } }"),
            None,
        ),
        (
            "another name asked for",
            right,
            with_rule(&RULE.replace("sni: idp", "sni: other")),
            Some(("cluster_wrong_name", "`sni` is `other.example.com`")),
        ),
        (
            "another name in the certificate",
            right,
            with_rule(&RULE.replace("[idp.example.com]", "[example.com]")),
            Some(("cluster_wrong_name", "lacks the URL's host")),
        ),
        (
            "any certificate",
            right,
            with_rule(&RULE.replace("sni:", "insecureSkipVerify: true, sni:")),
            Some(("cluster_unverified", "insecureSkipVerify")),
        ),
        (
            "no resolution",
            right,
            entry(&ENTRY.replace("resolution: DNS, ", "")) + &rule(RULE),
            Some(("cluster_unresolved", "resolution: DNS")),
        ),
        ("an address", right, entry(&ENTRY.replace("DNS", "STATIC")) + &rule(RULE), None),
        ("inside the mesh", right, entry(&ENTRY.replace("MESH_EXTERNAL", "MESH_INTERNAL")), None),
        (
            "the application's own TLS left alone",
            "outbound|80||idp.example.com",
            entry(&ENTRY.replace(
                "number: 443, name: https, protocol: HTTPS",
                "number: 80, name: http, protocol: HTTP, targetPort: 443",
            )) + &rule(RULE),
            None,
        ),
        (
            "added by an EnvoyFilter",
            "okta",
            entry("hosts: [other.example.com], resolution: DNS, ports: [{ number: 443 }]")
                + "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec: { configPatches: [{ applyTo: CLUSTER, patch: { operation: ADD, value: { name: okta, type: EDS } } }] }\n",
            Some(("cluster_plain", "no TLS")),
        ),
    ];
    for (name, cluster, resources, expected) in cases {
        assert_said(name, &(plugin(cluster) + &resources), expected);
        // The order of resources does not matter.
        let first = format!("{}---\n{}", resources.trim_start_matches("---\n"), plugin(cluster));
        assert_said(name, &first, expected);
    }
    let http = plugin(right).replace("https://idp.example.com/keys", "http://idp.example.com/keys");
    assert_said("http", &(http.clone() + &both), Some(("cluster_tls", "write `https`")));
    assert_said("http without TLS", &(http + &entry(ENTRY)), None);
}

fn policy(cluster: &str) -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{ name: tollgate }}\nspec:\n  wasm:\n    - name: tollgate\n      config: {{ providers: {{ okta: {} }} }}\n",
        PROVIDER.replace("%cluster%", cluster)
    )
}

#[test]
fn envoy_gateways_clusters_are_held_against_its_resources() {
    let cluster = |name: &str| {
        format!(
            "{{ name: {name}, type: LOGICAL_DNS, dns_lookup_family: V4_PREFERRED, transport_socket: {{ typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: idp.example.com, common_tls_context: {{ validation_context: {{ trusted_ca: {{ filename: a }}, match_typed_subject_alt_names: [{{ matcher: {{ exact: idp.example.com }} }}] }} }} }} }} }}"
        )
    };
    let proxy = |bootstrap: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nspec: {{ bootstrap: {bootstrap} }}\n"
        )
    };
    let patched = |name: &str| {
        proxy(&format!(
            "{{ type: JSONPatch, jsonPatches: [{{ op: add, path: /static_resources/clusters/-, value: {} }}] }}",
            cluster(name)
        ))
    };
    let text = |name: &str| {
        let text = format!("static_resources: {{ clusters: [{}] }}", cluster(name));
        proxy(&format!("{{ type: Merge, value: {} }}", serde_json::Value::from(text)))
    };
    let patch = |name: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyPatchPolicy\nspec: {{ jsonPatches: [{{ type: type.googleapis.com/envoy.config.cluster.v3.Cluster, name: {name}, operation: {{ op: add, path: \"\", value: {} }} }}] }}\n",
            cluster(name)
        )
    };
    let backend = "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: { name: idp }\nspec: { endpoints: [{ fqdn: { hostname: idp.example.com, port: 443 } }] }\n";
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: keys }\nspec: { rules: [{ backendRefs: [{ name: api }] }, { backendRefs: [{ kind: Backend, name: idp }] }] }\n";
    let tls = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nspec: { targetRefs: [{ kind: Backend, name: idp }], validation: { wellKnownCACertificates: System, hostname: idp.example.com } }\n";
    let routed = [backend, route, tls].concat();
    let rule = "httproute/default/keys/rule/1";
    let missing = |words: &'static str| Some(("cluster_missing", words));
    let cases = [
        // name, cluster, resources, what is said
        ("the bootstrap's", "idp", patched("idp"), None),
        (
            "the bootstrap calls it otherwise",
            "okta",
            patched("idp"),
            missing("did you mean `idp`?"),
        ),
        ("a slip", "ipd", patched("idp"), missing("did you mean `idp`?")),
        ("the bootstrap's as a text", "idp", text("idp"), None),
        ("a text calls it otherwise", "okta", text("idp"), missing("did you mean `idp`?")),
        ("a patch's", "idp", patch("idp"), None),
        ("a patch calls it otherwise", "okta", patch("idp"), missing("did you mean `idp`?")),
        (
            "the bootstrap's, and anybody answers",
            "idp",
            patched("idp").replace("trusted_ca", "x"),
            Some(("cluster_unverified", "any certificate")),
        ),
        ("the route's", rule, routed.clone(), None),
        (
            "the Backend's name",
            "idp",
            routed.clone(),
            missing("did you mean `httproute/default/keys/rule/1`?"),
        ),
        (
            "another name",
            "okta",
            routed.clone(),
            missing("did you mean `httproute/default/keys/rule/1`?"),
        ),
        (
            "another rule",
            "httproute/default/keys/rule/2",
            routed.clone(),
            missing("did you mean `httproute/default/keys/rule/1`?"),
        ),
        (
            "a slip in the route",
            "httproute/default/kyes/rule/1",
            routed.clone(),
            missing("did you mean `httproute/default/keys/rule/1`?"),
        ),
        (
            "a Backend that no route uses",
            "idp",
            backend.to_owned(),
            missing("unless a route uses it"),
        ),
        ("no policy", rule, [backend, route].concat(), Some(("cluster_plain", "BackendTLSPolicy"))),
        (
            "the Backend's own TLS",
            rule,
            [backend, route].concat().replace(
                "spec: { endpoints",
                "spec: { tls: { wellKnownCACertificates: System }, endpoints",
            ),
            None,
        ),
        ("nothing beside it", "idp", String::new(), None),
        ("a route elsewhere", rule, String::new(), None),
        ("another's route", "idp", route.to_owned(), None),
    ];
    for (name, cluster, resources, expected) in cases {
        assert_said(name, &(policy(cluster) + &resources), expected);
    }
}
