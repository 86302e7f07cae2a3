//! Resources of Kubernetes, by group and kind.

use super::help::{Foreign, KNOWN_BY, Kind, Target, first, init, is_plain};
use crate::yaml::Node;

/// Groups of products that say who may call, and what the product is called.
const PRODUCTS: &[(&str, &str)] = &[
    ("apisix.apache.org", "Apache APISIX"),
    ("cilium.io", "Cilium"),
    ("configuration.konghq.com", "Kong"),
    ("enterprise.gloo.solo.io", "Gloo"),
    ("extauth.solo.io", "Gloo"),
    ("extensions.higress.io", "Higress"),
    ("extensions.istio.io", "Istio"),
    ("gateway.envoyproxy.io", "Envoy Gateway"),
    ("gateway.kgateway.dev", "kgateway"),
    ("gateway.networking.k8s.io", "the Gateway API"),
    ("gateway.solo.io", "Gloo"),
    ("getambassador.io", "Emissary-ingress"),
    ("k8s.nginx.org", "the NGINX Ingress Controller"),
    ("kuadrant.io", "Kuadrant"),
    ("networking.istio.io", "Istio"),
    ("policy.linkerd.io", "Linkerd"),
    ("projectcontour.io", "Contour"),
    ("security.istio.io", "Istio"),
    ("telemetry.istio.io", "Istio"),
    ("traefik.containo.us", "Traefik"),
    ("traefik.io", "Traefik"),
];

/// What a resource is.
pub(super) fn of(resource: &Node, kind: &str) -> Foreign {
    let version = resource.text_at(&["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind_shown = if is_plain(kind) { kind } else { "of a kind that is none" };
    let access = |what: String, help: String| Foreign::new(Kind::Access, what, help);
    if group == "tyk.tyk.io" {
        return of_tyk(resource, kind);
    }
    match (group, kind) {
        ("security.istio.io", "RequestAuthentication") => {
            let rule =
                resource.path(&["spec", "jwtRules"]).and_then(|rules| rules.elements().first());
            let issuer = rule.and_then(|rule| rule.text_at(&["issuer"]));
            let audience = rule.and_then(|rule| first(rule, &["audiences"]));
            let what = "a RequestAuthentication of Istio, by which Istio itself checks tokens";
            access(what.into(), init(issuer, audience, Target::Istio))
        }
        ("security.istio.io", "AuthorizationPolicy") => access(
            "an AuthorizationPolicy of Istio".into(),
            format!(
                "what it asks of claims is `require`, `scopes` or `policies` of an API here, and {}",
                init(None, None, Target::Istio)
            ),
        ),
        ("gateway.envoyproxy.io", "SecurityPolicy") => {
            let providers = resource.path(&["spec", "jwt", "providers"]);
            let provider = providers.and_then(|providers| providers.elements().first());
            let issuer = provider.and_then(|provider| provider.text_at(&["issuer"]));
            let audience = provider.and_then(|provider| first(provider, &["audiences"]));
            let what = "a SecurityPolicy of Envoy Gateway, by which Envoy Gateway itself checks \
                        callers";
            access(what.into(), init(issuer, audience, Target::EnvoyGateway))
        }
        ("", "Secret") if resource.get("data").is_some() => Foreign::new(
            Kind::Other,
            "a Secret, whose `data` is in base64",
            "`kubectl get secret NAME -o jsonpath='{.data.KEY}' | base64 -d | tollgate check -` reads \
             what is in it",
        ),
        ("apiextensions.k8s.io", _) => Foreign::new(
            Kind::Other,
            "the definition of a kind of resource",
            "a WasmPlugin or an EnvoyExtensionPolicy itself is what is checked",
        ),
        _ => match PRODUCTS.iter().find(|(known, _)| *known == group) {
            Some((_, product)) => {
                let target = match *product {
                    "Istio" => Target::Istio,
                    _ => Target::EnvoyGateway,
                };
                let help = match *product {
                    _ if matches!(kind, "WasmPlugin" | "EnvoyExtensionPolicy") => KNOWN_BY.into(),
                    "Istio" | "Envoy Gateway" | "the Gateway API" => format!(
                        "the filter is added by {}, and {}",
                        match target {
                            Target::Istio => "a WasmPlugin",
                            _ => "an EnvoyExtensionPolicy",
                        },
                        init(None, None, target)
                    ),
                    _ => "what it says has to be written anew: docs/config.md has examples".into(),
                };
                access(format!("a resource of {product} ({kind_shown}) without Tollgate"), help)
            }
            None => Foreign::new(
                Kind::Other,
                format!("a resource of Kubernetes ({kind_shown}) without Tollgate"),
                "the filter is in a WasmPlugin, an EnvoyExtensionPolicy, an EnvoyFilter, or a \
                 ConfigMap with Envoy's file",
            ),
        },
    }
}

fn of_tyk(resource: &Node, kind: &str) -> Foreign {
    let map = resource.path(&["spec", "tykOAS", "configmapRef"]);
    let text = |name: &str| map.and_then(|map| map.text_at(&[name])).filter(|one| is_plain(one));
    let help = match (kind, text("name"), text("keyName")) {
        ("TykOasApiDefinition" | "TykStreamsApiDefinition", Some(name), Some(key)) => format!(
            "the definition is in its ConfigMap: `kubectl get configmap {name} -o \
             jsonpath='{{.data.{}}}' > api.json`, then `tollgate import tyk api.json`",
            key.replace('.', "\\.")
        ),
        ("ApiDefinition", ..) => "`tollgate import tyk` makes a configuration of it".to_owned(),
        ("SecurityPolicy", ..) => {
            "it goes with the APIs that it is for: `tollgate import tyk API.YAML \
                                   --policies FILE`"
                .to_owned()
        }
        ("TykOasApiDefinition", ..) => {
            "the gateway has the definition that the operator made of it, \
                                        under the id in its status: `curl -H \
                                        \"x-tyk-authorization: $SECRET\" \
                                        http://GATEWAY:8080/tyk/apis/oas/ID > api.json`, then \
                                        `tollgate import tyk api.json`"
                .to_owned()
        }
        _ => "`tollgate import tyk` takes API definitions, as the gateway has them".to_owned(),
    };
    let kind = if is_plain(kind) { kind } else { "of a kind that is none" };
    Foreign::new(Kind::TykResource, format!("a resource of Tyk Operator ({kind})"), help)
}
