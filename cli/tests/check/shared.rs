//! Limits that several proxies share: the cluster of their service, and how many proxies there are.

use tollgate_cli::Exit;

use super::{check, envoy};

/// The members of a configuration whose limits are counted through the cluster `rls`.
pub(crate) const LIMITS: &str = "\"policies\": {\"p\": {\"quota\": {\"requests\": 1000, \"per\": \"1d\"}}}, \
    \"apis\": [{\"name\": \"a\", \"auth\": [\"okta\"], \"policies\": {\"default\": [\"p\"]}}], \
    \"limits\": {\"remote\": {\"service\": \"ratelimit\", \"cluster\": \"rls\", \"replicas\": 3}}, ";

/// The proxy with limits that are counted in a service, and this as its cluster.
fn shared(cluster: &str) -> String {
    envoy().replace("{\"providers\"", &format!("{{{LIMITS}\"providers\"")) + cluster
}

const RLS: &str = "    - name: rls\n";
const OPTIONS: &str = "      typed_extension_protocol_options:\n        \
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n          ";

/// What is said but for what is noted of every service.
fn said(file: &str) -> (Exit, Vec<String>) {
    let run = check(&["-"], file);
    let codes = run.codes().into_iter().filter(|code| !code.ends_with("limits_remote_note"));
    (run.exit, codes.collect())
}

#[test]
fn the_cluster_of_the_service_is_there_and_speaks_http_2() {
    let cases: [(&str, String, &[&str]); 8] = [
        ("it is missing", String::new(), &["22 cluster_missing"]),
        ("another name", "    - name: rsl\n".to_owned(), &["22 cluster_missing"]),
        ("it says nothing", RLS.to_owned(), &["22 cluster_not_http2"]),
        (
            "HTTP/1.1",
            format!("{RLS}{OPTIONS}explicit_http_config: {{ http_protocol_options: {{}} }}\n"),
            &["22 cluster_not_http2"],
        ),
        (
            "HTTP/2",
            format!("{RLS}{OPTIONS}explicit_http_config: {{ http2_protocol_options: {{}} }}\n"),
            &[],
        ),
        ("as agreed", format!("{RLS}{OPTIONS}auto_config: {{}}\n"), &[]),
        ("HTTP/2, in the old place", format!("{RLS}      http2_protocol_options: {{}}\n"), &[]),
        (
            "it may come from elsewhere",
            "dynamic_resources: { cds_config: { ads: {} } }\n".to_owned(),
            &[],
        ),
    ];
    for (name, cluster, expected) in cases {
        let (exit, codes) = said(&shared(&cluster));
        assert_eq!(codes, expected, "{name}");
        let refused = expected.iter().any(|code| code.ends_with("cluster_missing"));
        assert_eq!(exit, if refused { Exit::Problems } else { Exit::Fine }, "{name}");
    }
    let run = check(&["-"], &shared("    - name: rsl\n"));
    assert!(run.out.contains("did you mean `rsl`?"), "{}", run.out);
}

#[test]
fn as_many_proxies_as_deployments_and_autoscalers_make_are_counted_on() {
    let deployment = |name: &str, image: &str, replicas: u32| {
        format!(
            "\n---\nkind: Deployment\nmetadata: {{ name: {name} }}\nspec:\n  replicas: {replicas}\n  \
             template: {{ spec: {{ containers: [{{ image: \"{image}\" }}] }} }}\n"
        )
    };
    let scaler = |name: &str, most: u32| {
        format!(
            "\n---\nkind: HorizontalPodAutoscaler\nmetadata: {{ name: scaler }}\nspec:\n  maxReplicas: {most}\n  \
             scaleTargetRef: {{ kind: Deployment, name: {name} }}\n"
        )
    };
    let plugin = |rest: &str| {
        let config = format!("{{{LIMITS}\"providers\": {{\"okta\": {}}}}}", super::OKTA);
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate }}\nspec:\n  \
             pluginConfig: {config}\n{rest}"
        )
    };
    let (edge, proxy) = ("edge", "envoyproxy/envoy:v1.40.0");
    let cases = [
        ("as many", deployment(edge, proxy, 3), ""),
        ("more", deployment(edge, proxy, 4), "Deployment `edge` makes up to 4"),
        ("Istio's", deployment(edge, "docker.io/istio/proxyv2:1.29", 4), "makes up to 4"),
        ("one that is injected", deployment(edge, "auto", 4), "makes up to 4"),
        ("another's", deployment("orders", "shop/orders:7", 40), ""),
        (
            "an autoscaler",
            deployment(edge, proxy, 2) + &scaler(edge, 12),
            "HorizontalPodAutoscaler `edge-of` makes up to 12",
        ),
        ("another's autoscaler", deployment(edge, proxy, 2) + &scaler("orders", 12), ""),
    ];
    for (name, rest, says) in cases {
        let says = says.replace("edge-of", "scaler");
        let run = check(&["-"], &plugin(&rest));
        assert_eq!(run.out.contains("[replicas_too_few]"), !says.is_empty(), "{name}: {}", run.out);
        assert!(run.out.contains(&says), "{name}: {}", run.out);
    }
}

#[test]
fn only_limits_that_each_proxy_counts_are_told_as_such_where_a_service_counts() {
    let rls = format!("{RLS}      http2_protocol_options: {{}}\n");
    let own = shared(&rls).replace("\"1d\"}", "\"1d\", \"count\": \"process\"}");
    assert_eq!(said(&own).1, ["22 limits_per_proxy"]);
    assert_eq!(said(&shared(&rls)).1, [""; 0]);
}
