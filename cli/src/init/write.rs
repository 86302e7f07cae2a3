//! The files: templates, filled in. What is filled in is quoted as JSON, which YAML reads alike.

use serde_json::{Value, json};

use super::vendor::Plan;

/// Where an image of the module might be.
pub(super) const IMAGE: &str = "oci://registry.example.com/tollgate:0.1.0";

const ENVOY: &str = include_str!("envoy.yaml");
const ISTIO: &str = include_str!("istio.yaml");
const GATEWAY: &str = include_str!("envoy-gateway.yaml");
const CLUSTER: &str = include_str!("cluster.yaml");
const CLUSTER_TLS: &str = include_str!("cluster-tls.yaml");

/// The configuration, as JSON.
pub(super) fn configuration(plan: &Plan, cluster: &str) -> String {
    let fields = fields(plan, cluster).into_iter();
    let fields = fields.map(|(name, value)| format!("      {}: {value}", json!(name)));
    let fields = fields.collect::<Vec<_>>().join(",\n");
    format!("{{\n  \"providers\": {{\n    {}: {{\n{fields}\n    }}\n  }}\n}}\n", json!(plan.name))
}

/// The provider's fields, each value in one line.
fn fields(plan: &Plan, cluster: &str) -> Vec<(&'static str, String)> {
    let keys = match &plan.keys {
        Some(url) => json!({ "url": url, "cluster": cluster }),
        None => json!({ "discovery": true, "cluster": cluster }),
    };
    let mut all: Vec<_> = plan.fields.iter().map(|(name, value)| (*name, spaced(value))).collect();
    all.insert(all.len().min(2), ("jwks", spaced(&keys)));
    all
}

/// JSON in one line, with room to breathe.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(spaced).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("{}: {}", json!(name), spaced(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A whole proxy.
pub(super) fn envoy(plan: &Plan, configuration: &str, wasm: &str, upstream: (&str, u16)) -> String {
    let (host, port) = upstream;
    fill(
        ENVOY,
        &[
            ("wasm", &quoted(wasm)),
            ("configuration", &indented(configuration, 28)),
            ("cluster", &indented(&self::cluster(plan), 4)),
            ("upstream_type", if is_address(host) { "STATIC" } else { "STRICT_DNS" }),
            ("upstream_host", &quoted(host)),
            ("upstream_port", &port.to_string()),
        ],
    )
}

/// The objects for a gateway of Istio.
pub(super) fn istio(plan: &Plan, cluster: &str, wasm: &str) -> String {
    let (service, host) = (service_host(plan), quoted(&plan.host));
    // A certificate names an address as such, and no server is told one as its name.
    let (sni, resolution) = match is_address(&plan.host) {
        true => (String::new(), format!("STATIC\n  endpoints: [{{ address: {host} }}]")),
        false => (format!(" sni: {host},"), "DNS".to_owned()),
    };
    let tls = format!("tls: {{ mode: SIMPLE,{sni} subjectAltNames: [{host}] }}");
    let tls = if plan.secure { tls.as_str() } else { "tls: { mode: DISABLE }" };
    fill(
        ISTIO,
        &[
            ("wasm", &quoted(wasm)),
            ("configuration", &block(plan, cluster, 4)),
            ("object", &quoted(&object_name(&plan.name))),
            ("host", &quoted(&service)),
            ("plain_host", &service),
            ("resolution", &resolution),
            ("port", &plan.port.to_string()),
            ("protocol", if plan.secure { "HTTPS" } else { "HTTP" }),
            ("port_name", if plan.secure { "https" } else { "http" }),
            ("tls", tls),
        ],
    )
}

/// The name of a provider's service in Istio, whose services have names and no addresses.
pub(super) fn service_host(plan: &Plan) -> String {
    match is_address(&plan.host) {
        true => format!("{}.tollgate.internal", object_name(&plan.name)),
        false => plan.host.clone(),
    }
}

/// The objects for Envoy Gateway.
pub(super) fn gateway(plan: &Plan, cluster: &str, wasm: &str) -> String {
    let image = wasm.strip_prefix("oci://");
    let code = match image {
        Some(image) => format!("{{ type: Image, image: {{ url: {} }} }}", quoted(image)),
        None => format!("{{ type: HTTP, http: {{ url: {} }} }}", quoted(wasm)),
    };
    fill(
        GATEWAY,
        &[
            ("code", &code),
            ("configuration", &block(plan, cluster, 8)),
            ("cluster", &indented(&as_mapping(&self::cluster(plan)), 10)),
        ],
    )
}

/// The configuration as YAML, its first line not indented.
fn block(plan: &Plan, cluster: &str, indent: usize) -> String {
    let mut lines = vec!["providers:".to_owned(), format!("  {}:", quoted(&plan.name))];
    let fields = fields(plan, cluster).into_iter();
    lines.extend(fields.map(|(name, value)| format!("    {name}: {value}")));
    indented(&lines.join("\n"), indent)
}

/// The provider's cluster, as an element of a YAML list.
fn cluster(plan: &Plan) -> String {
    let dns = if is_address(&plan.host) { "STATIC" } else { "LOGICAL_DNS" };
    // A certificate names an address as such, and no server is told one as its name.
    let (kind, sni) = match is_address(&plan.host) {
        true => ("IP_ADDRESS", String::new()),
        false => ("DNS", format!("\n      sni: {}", quoted(&plan.host))),
    };
    let tls = match plan.secure {
        true => fill(CLUSTER_TLS, &[("sni", &sni), ("san", kind), ("host", &quoted(&plan.host))]),
        false => String::new(),
    };
    let all = fill(
        CLUSTER,
        &[
            ("type", dns),
            ("name", &quoted(&plan.name)),
            ("host", &quoted(&plan.host)),
            ("port", &plan.port.to_string()),
        ],
    );
    format!("{all}{tls}")
}

/// The only element of a list, alone.
fn as_mapping(element: &str) -> String {
    let lines = element.lines().map(|line| line.get(2..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts values into a template in which `{{name}}` stands for them.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut parts = template.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        let value = values.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("", |(_, value)| value));
        out.push_str(rest);
    }
    out
}

/// Indents every line but the first, which stands where the template has it.
fn indented(text: &str, by: usize) -> String {
    let between = format!("\n{}", " ".repeat(by));
    text.trim_end().lines().collect::<Vec<_>>().join(&between)
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

/// A name as Kubernetes takes it (RFC 1123).
fn object_name(name: &str) -> String {
    let name = name.replace('_', "-");
    let name = name.trim_matches('-');
    if name.is_empty() { "idp".to_owned() } else { name.to_owned() }
}
