//! The files: templates, filled in. What is filled in is quoted as JSON, which YAML reads alike.

use serde_json::{Value, json};

use super::vendor::Plan;

/// Where an image of the module might be.
pub(super) const IMAGE: &str = "oci://registry.example.com/tollgate:0.1.0";

/// The authorities that a proxy trusts unless told otherwise, as Debian and Alpine have them.
pub(super) const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

const ENVOY: &str = include_str!("envoy.yaml");
const LISTENER: &str = include_str!("listener.yaml");
const DYNAMIC: &str = include_str!("dynamic.yaml");
const NEXT: &str = include_str!("next.txt");
const ISTIO: &str = include_str!("istio.yaml");
const GATEWAY: &str = include_str!("envoy-gateway.yaml");
const CLUSTER: &str = include_str!("cluster.yaml");
const CLUSTER_IDLE: &str = include_str!("cluster-idle.yaml");
const CLUSTER_TLS: &str = include_str!("cluster-tls.yaml");
const LOGIN: &str = include_str!("login.txt");
const FILTER: &str = include_str!("filter.yaml");
const BACK_CHANNEL: &str = include_str!("back-channel.yaml");
const BACK_CHANNEL_ROUTE: &str = include_str!("back-channel-route.yaml");
const BACK_CHANNEL_ISTIO: &str = include_str!("back-channel-istio.yaml");
const BACK_CHANNEL_GATEWAY: &str = include_str!("back-channel-gateway.yaml");

/// The variable that holds the client's secret, where the provider is shown one.
pub(super) const CLIENT_SECRET: &str = "TOLLGATE_CLIENT_SECRET";

/// The variable that holds what seals cookies, where browsers log in.
pub(super) const SEAL: &str = "TOLLGATE_SEAL";

/// The configuration's schema, beside it.
pub(super) const SCHEMA: &str = "tollgate.schema.json";

/// Where the proxy listens: at the port that browsers are told, where nothing stands in front of it.
fn listener_port(plan: &Plan) -> u16 {
    const USUAL: u16 = 10000;
    let plain = plan.login.as_ref().and_then(|login| login.url.strip_prefix("http://"));
    let port = plain.and_then(|rest| rest.trim_end_matches('/').rsplit_once(':')?.1.parse().ok());
    port.unwrap_or(USUAL)
}

/// A configuration as a file of its own, in which editors find its schema.
pub(super) fn own_file(configuration: &str) -> String {
    configuration.replacen("{\n", &format!("{{\n  \"$schema\": \"{SCHEMA}\",\n"), 1)
}

/// The configuration, as JSON.
pub(super) fn configuration(plan: &Plan, cluster: &str, resource: Option<&str>) -> String {
    let fields = fields(plan, cluster).into_iter();
    let fields = fields.map(|(name, value)| format!("{}: {value}", json!(name)));
    let login = login(plan).map(|login| {
        let lines = login.into_iter().map(|(name, value)| format!("  {}: {value}", json!(name)));
        format!("\"login\": {{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
    });
    let fields = fields.chain(login).map(|field| format!("      {}", indented(&field, 6)));
    let fields = fields.collect::<Vec<_>>().join(",\n");
    let apis = resource.map(|url| format!(",\n  \"apis\": [\n    {}\n  ]", api(plan, url)));
    let apis = apis.unwrap_or_default();
    let name = json!(plan.name);
    format!("{{\n  \"providers\": {{\n    {name}: {{\n{fields}\n    }}\n  }}{apis}\n}}\n")
}

/// An API of everything that is this resource, in one line.
fn api(plan: &Plan, url: &str) -> String {
    let (auth, resource) = (spaced(&json!([plan.name])), spaced(&json!({ "url": url })));
    format!("{{ \"name\": \"api\", \"auth\": {auth}, \"resource\": {resource} }}")
}

/// What is said of logging in, each value in one line.
fn login(plan: &Plan) -> Option<Vec<(&'static str, String)>> {
    let login = plan.login.as_ref()?;
    // Names before what is secret about them, as everywhere.
    let (id, secret) = (json!(login.client), spaced(&json!({ "env": CLIENT_SECRET })));
    let mut all = vec![
        ("url", json!(login.url).to_string()),
        ("client", format!("{{ \"id\": {id}, \"secret\": {secret} }}")),
        ("seal", spaced(&json!([{ "env": SEAL }]))),
    ];
    if !login.scopes.is_empty() {
        all.push(("scopes", spaced(&json!(login.scopes))));
    }
    if login.back_channel {
        all.push(("back_channel", "true".to_owned()));
    }
    Some(all)
}

/// The provider's fields but for `login`, each value in one line.
fn fields(plan: &Plan, cluster: &str) -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = plan.fields.iter().map(|(name, value)| (*name, spaced(value))).collect();
    let is_whose = |name: &str| ["issuer", "audiences", "clients"].contains(&name);
    let at = all.iter().take_while(|(name, _)| is_whose(name)).count();
    if let Some(client) = &plan.asks_as {
        let client = json!({ "id": client, "secret": { "env": CLIENT_SECRET } });
        let asked = [("discovery", json!(true)), ("cluster", json!(cluster)), ("client", client)];
        all.splice(at..at, asked.map(|(name, value)| (name, spaced(&value))));
        all.insert(0, ("kind", spaced(&json!("introspection"))));
        return all;
    }
    let keys = match &plan.keys {
        Some(url) => json!({ "url": url, "cluster": cluster }),
        None => json!({ "discovery": true, "cluster": cluster }),
    };
    all.insert(at, ("jwks", spaced(&keys)));
    all
}

/// A line that hands the filter the variables that the configuration names, where it names any: what
/// stands between `before` and `after` for each.
fn variables(plan: &Plan, (before, each, after): (&str, &str, &str), indent: usize) -> String {
    let names: &[&str] = match (&plan.asks_as, &plan.login) {
        (_, Some(_)) => &[CLIENT_SECRET, SEAL],
        (Some(_), None) => &[CLIENT_SECRET],
        (None, None) => return String::new(),
    };
    let names: Vec<_> = names.iter().map(|name| each.replace("NAME", name)).collect();
    format!("\n{}{before}{}{after}", " ".repeat(indent), names.join(", "))
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

/// What stands around a configuration.
pub(super) struct Site<'a> {
    pub(super) plan: &'a Plan,
    /// The provider's cluster.
    pub(super) cluster: &'a str,
    /// The URL that clients know the API by, where they are told where its tokens come from.
    pub(super) resource: Option<&'a str>,
    /// Where the module is.
    pub(super) wasm: &'a str,
    /// The file of the authorities that the proxy trusts for the provider; `None` for its own.
    pub(super) ca: Option<&'a str>,
}

/// A whole proxy, and its listener's file where that is one of its own.
pub(super) fn envoy(
    site: &Site<'_>,
    configuration: &str,
    upstream: (&str, u16),
    listener_file: Option<(&str, &str)>,
) -> (String, Option<String>) {
    let (host, port) = upstream;
    let path = back_channel_path(site.plan);
    // Written once: the other entry says where.
    let [vm, anchor] = match path {
        Some(_) => [" &tollgate_vm", " &tollgate_configuration"],
        None => [""; 2],
    };
    let whole = fill(
        FILTER,
        &[
            ("vm", vm),
            ("anchor", anchor),
            ("next", &next(site.plan, 0)),
            ("wasm", &quoted(site.wasm)),
            ("variables", &envoy_variables(site.plan, 2)),
            ("configuration", &indented(configuration, 4)),
        ],
    );
    let (own, reader, route) = match path {
        None => (whole, String::new(), String::new()),
        Some(path) => {
            let same = "vm_config: *tollgate_vm\nconfiguration: *tollgate_configuration";
            let reader = fill(BACK_CHANNEL, &[("own", &indented(&whole, 6))]);
            let route = fill(BACK_CHANNEL_ROUTE, &[("path", &quoted(path))]);
            let before =
                |text: &str, indent| format!("{}\n{}", indented(text, indent), " ".repeat(indent));
            (same.to_owned(), before(&reader, 12), before(&route, 18))
        }
    };
    let listener = fill(
        LISTENER,
        &[
            ("port", &listener_port(site.plan).to_string()),
            ("own", &indented(&own, 18)),
            ("reader", &reader),
            ("route", &route),
        ],
    );
    let (dynamic, listeners, own) = match listener_file {
        None => (String::new(), format!("  listeners:\n    - {}\n", indented(&listener, 6)), None),
        Some((folder, file)) => {
            let places = [("file", quoted(file)), ("folder", quoted(folder))];
            let places = places.each_ref().map(|(name, value)| (*name, value.as_str()));
            let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
            let own = format!(
                "# The listener of envoy.yaml, which Envoy reads again when another is moved over this.\n\
                 resources:\n  - \"@type\": {kind}\n    {}\n",
                indented(&listener, 4)
            );
            (fill(DYNAMIC, &places), String::new(), Some(own))
        }
    };
    let place = match own {
        None => {
            "in it, behind `configuration`: change it there, `tollgate check` this file,\n\
             # and start Envoy again"
        }
        Some(_) => "in the listener's file",
    };
    let proxy = fill(
        ENVOY,
        &[
            ("where", place),
            ("dynamic", &dynamic),
            ("listeners", &listeners),
            ("cluster", &indented(&cluster(site), 4)),
            ("upstream_type", if is_address(host) { "STATIC" } else { "STRICT_DNS" }),
            ("upstream_host", &quoted(host)),
            ("upstream_port", &port.to_string()),
        ],
    );
    (proxy, own)
}

/// Where the provider says that a session has ended, where it may.
fn back_channel_path(plan: &Plan) -> Option<&str> {
    Some(&plan.login.as_ref()?.told_at.as_ref()?.path)
}

/// What hands the VM of an Envoy the variables.
fn envoy_variables(plan: &Plan, indent: usize) -> String {
    variables(plan, ("environment_variables: { host_env_keys: [", "NAME", "] }"), indent)
}

/// The resource that has the second entry of the filter, behind those of a control plane.
fn back_channel(site: &Site<'_>, template: &str, configuration: &str) -> String {
    let Some(at) = site.plan.login.as_ref().and_then(|login| login.told_at.as_ref()) else {
        return String::new();
    };
    fill(
        template,
        &[
            ("variables", &envoy_variables(site.plan, 16)),
            ("configuration", &indented(configuration, 18)),
            ("path", &quoted(&at.path)),
            ("vhost", &quoted(&at.host)),
        ],
    )
}

/// What to write next, as comments; the first line is not indented.
fn next(plan: &Plan, indent: usize) -> String {
    let registered = plan.login.as_ref().and_then(|login| login.registered.as_ref());
    if let Some([back, out]) = registered {
        let (name, secret, seal) = (&quoted(&plan.name), CLIENT_SECRET, SEAL);
        let told = plan.login.as_ref().and_then(|login| login.told_at.as_ref());
        let told = told.map(|at| {
            format!(
                "\n# and for its messages that a session has ended (back-channel logout)\n#   {}",
                at.url
            )
        });
        let told = told.unwrap_or_default();
        let values = [
            ("name", &**name),
            ("back", back),
            ("out", out),
            ("told", &told),
            ("secret", secret),
            ("seal", seal),
        ];
        return indented(&fill(LOGIN, &values), indent);
    }
    indented(&fill(NEXT, &[("name", &quoted(&plan.name))]), indent)
}

/// The objects for a gateway of Istio.
pub(super) fn istio(site: &Site<'_>, configuration: &str) -> String {
    let plan = site.plan;
    let (service, host) = (service_host(plan), quoted(&plan.host));
    // A certificate names an address as such, and no server is told one as its name.
    let (sni, resolution) = match is_address(&plan.host) {
        true => (String::new(), format!("STATIC\n  endpoints: [{{ address: {host} }}]")),
        false => (format!(" sni: {host},"), "DNS".to_owned()),
    };
    let ca = site.ca.map(|ca| format!(" caCertificates: {},", quoted(ca))).unwrap_or_default();
    let tls = format!("tls: {{ mode: SIMPLE,{sni}{ca} subjectAltNames: [{host}] }}");
    let tls = if plan.secure { tls.as_str() } else { "tls: { mode: DISABLE }" };
    let idle = match plan.login {
        // As in `cluster-idle.yaml`.
        Some(_) => {
            "\n    connectionPool: { http: { idleTimeout: 30s } } # silent connections may be gone"
        }
        None => "",
    };
    let own = fill(
        ISTIO,
        &[
            ("wasm", &quoted(site.wasm)),
            (
                "variables",
                &variables(
                    plan,
                    ("vmConfig: { env: [", "{ name: NAME, valueFrom: HOST }", "] }"),
                    2,
                ),
            ),
            ("next", &next(plan, 2)),
            ("configuration", &block(site, 4)),
            ("object", &quoted(&object_name(&plan.name))),
            ("host", &quoted(&service)),
            ("plain_host", &service),
            ("resolution", &resolution),
            ("port", &plan.port.to_string()),
            ("protocol", if plan.secure { "HTTPS" } else { "HTTP" }),
            ("port_name", if plan.secure { "https" } else { "http" }),
            ("tls", tls),
            ("idle", idle),
        ],
    );
    own + &back_channel(site, BACK_CHANNEL_ISTIO, configuration)
}

/// The name of a provider's service in Istio, whose services have names and no addresses.
pub(super) fn service_host(plan: &Plan) -> String {
    match is_address(&plan.host) {
        true => format!("{}.tollgate.internal", object_name(&plan.name)),
        false => plan.host.clone(),
    }
}

/// The objects for Envoy Gateway.
pub(super) fn gateway(site: &Site<'_>, configuration: &str) -> String {
    let image = site.wasm.strip_prefix("oci://");
    let code = match image {
        Some(image) => format!("{{ type: Image, image: {{ url: {} }} }}", quoted(image)),
        None => format!("{{ type: HTTP, http: {{ url: {} }} }}", quoted(site.wasm)),
    };
    let own = fill(
        GATEWAY,
        &[
            ("code", &code),
            ("variables", &variables(site.plan, ("env: { hostKeys: [", "NAME", "] }"), 6)),
            ("next", &next(site.plan, 6)),
            ("configuration", &block(site, 8)),
            ("cluster", &indented(&as_mapping(&cluster(site)), 10)),
        ],
    );
    own + &back_channel(site, BACK_CHANNEL_GATEWAY, configuration)
}

/// The configuration as YAML, its first line not indented.
fn block(site: &Site<'_>, indent: usize) -> String {
    let plan = site.plan;
    let mut lines = vec!["providers:".to_owned(), format!("  {}:", quoted(&plan.name))];
    let fields = fields(plan, site.cluster).into_iter();
    lines.extend(fields.map(|(name, value)| format!("    {name}: {value}")));
    if let Some(login) = login(plan) {
        lines.push("    login:".to_owned());
        lines.extend(login.into_iter().map(|(name, value)| format!("      {name}: {value}")));
    }
    if let Some(url) = site.resource {
        lines.push("apis:".to_owned());
        lines.push(format!("  - {}", api(plan, url)));
    }
    indented(&lines.join("\n"), indent)
}

/// The provider's cluster, as an element of a YAML list.
fn cluster(site: &Site<'_>) -> String {
    let plan = site.plan;
    let dns = if is_address(&plan.host) { "STATIC" } else { "LOGICAL_DNS" };
    // A certificate names an address as such, and no server is told one as its name.
    let (kind, sni) = match is_address(&plan.host) {
        true => ("IP_ADDRESS", String::new()),
        false => ("DNS", format!("\n      sni: {}", quoted(&plan.host))),
    };
    let tls = match plan.secure {
        true => fill(
            CLUSTER_TLS,
            &[
                ("sni", &sni),
                ("ca", &quoted(site.ca.unwrap_or(AUTHORITIES))),
                ("san", kind),
                ("host", &quoted(&plan.host)),
            ],
        ),
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
    let idle = if plan.login.is_some() { CLUSTER_IDLE } else { "" };
    format!("{all}{idle}{tls}")
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
