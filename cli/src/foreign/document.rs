//! Documents in JSON or YAML that are no resources of Kubernetes.

use super::help::{Foreign, KNOWN_BY, Kind, Target, first, init};
use crate::yaml::Node;

/// What is known by members alone.
struct Row {
    /// Members that must all be there, by path.
    all: &'static [&'static str],
    /// Members of which one must be there, if any are named.
    any: &'static [&'static str],
    what: &'static str,
    help: &'static str,
}

const WRITTEN_ANEW: &str = "what it says of callers has to be written anew: docs/config.md has \
                            examples";
const PATHS: &str = "its paths are `match` of APIs here: docs/config.md";
const NOTHING: &str = "nothing in it is for Tollgate";

/// The first that fits.
const ROWS: &[Row] = &[
    Row {
        all: &["listen_port", "secret"],
        any: &["app_path", "template_path", "storage", "node_secret"],
        what: "the settings of Tyk's gateway itself",
        help: "`tollgate import tyk` takes its API definitions and policies",
    },
    Row {
        all: &["_format_version"],
        any: &[],
        what: "a declarative configuration of Kong",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &[],
        any: &["http.routers", "http.middlewares", "tcp.routers"],
        what: "routes of Traefik",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["injectResponseHeaders"],
        any: &["providers", "upstreamConfig", "server"],
        what: "settings of oauth2-proxy",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["upstreamConfig"],
        any: &["providers", "injectRequestHeaders", "server"],
        what: "settings of oauth2-proxy",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["apps.http.servers"],
        any: &[],
        what: "a configuration of Caddy",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["endpoints", "version"],
        any: &["port", "timeout", "extra_config", "name"],
        what: "a configuration of KrakenD",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["deployment"],
        any: &["apisix", "plugin_attr", "nginx_config"],
        what: "settings of Apache APISIX",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["access_rules"],
        any: &["serve", "authenticators"],
        what: "settings of Ory Oathkeeper",
        help: WRITTEN_ANEW,
    },
    Row {
        all: &["openapi", "info"],
        any: &[],
        what: "an OpenAPI document without Tyk's extension",
        help: PATHS,
    },
    Row { all: &["swagger", "info"], any: &[], what: "an OpenAPI document", help: PATHS },
    Row { all: &["asyncapi", "info"], any: &[], what: "an AsyncAPI document", help: PATHS },
    Row {
        all: &["resource", "authorization_servers"],
        any: &[],
        what: "the metadata of a protected resource (RFC 9728)",
        help: "one of its `authorization_servers` is the `issuer` of a provider here",
    },
    Row {
        all: &["access_token"],
        any: &["token_type", "expires_in", "id_token", "refresh_token"],
        what: "the answer of a token endpoint",
        help: "`tollgate decode` shows what its `access_token` says; keep the file to yourself",
    },
    Row {
        all: &["auth-server-url", "realm"],
        any: &[],
        what: "the settings of a Keycloak client",
        help: "its issuer is AUTH-SERVER-URL/realms/REALM: `tollgate init --issuer` takes it",
    },
    Row {
        all: &["realm"],
        any: &["clients", "accessTokenLifespan", "sslRequired", "identityProviders"],
        what: "a realm of Keycloak",
        help: "its issuer is https://HOST/realms/REALM: `tollgate init --issuer` takes it",
    },
    Row {
        all: &["type", "private_key"],
        any: &["client_email", "token_uri"],
        what: "a service account's key of Google, which is private",
        help: "it is for whoever asks for tokens, never for whoever checks them",
    },
    Row {
        all: &["entries"],
        any: &["entries.provider"],
        what: "a list of revocations",
        help: "it is what `revoked.url` fetches; its entries may stand in `revoked.entries`",
    },
    Row {
        all: &["files", "problems", "warnings"],
        any: &[],
        what: "a report of `tollgate check` itself",
        help: "the file that it is about is what is checked",
    },
    Row {
        all: &["event", "ts"],
        any: &["code", "level", "reason"],
        what: "a line of a log",
        help: "`tollgate explain` tells how a request is decided",
    },
    Row {
        all: &["name", "version"],
        any: &["dependencies", "devDependencies", "scripts", "lockfileVersion", "main"],
        what: "a package of Node",
        help: NOTHING,
    },
    Row { all: &["compilerOptions"], any: &[], what: "settings of TypeScript", help: NOTHING },
    Row { all: &["jobs", "on"], any: &[], what: "a workflow of GitHub", help: NOTHING },
    Row {
        all: &["scrape_configs"],
        any: &[],
        what: "a configuration of Prometheus",
        help: "docs/metrics.md says what Tollgate counts",
    },
    Row {
        all: &["panels"],
        any: &["templating", "schemaVersion", "time"],
        what: "a dashboard of Grafana",
        help: "dashboards/tollgate.json is Tollgate's",
    },
    Row {
        all: &["terraform_version"],
        any: &["resources", "values", "planned_values"],
        what: "a state of Terraform",
        help: NOTHING,
    },
    Row { all: &["AWSTemplateFormatVersion"], any: &[], what: "a template of AWS", help: NOTHING },
    Row {
        all: &["apiVersion", "name", "version"],
        any: &["appVersion", "type", "dependencies"],
        what: "the description of a Helm chart",
        help: "render it first: `helm template CHART | tollgate check -`",
    },
];

/// What a document is, where that is sure.
pub(super) fn of(node: &Node) -> Option<Foreign> {
    if node.members().is_empty() {
        return of_list(node.elements());
    }
    let row = |row: &&Row| {
        let has = |path: &&str| has(node, path);
        row.all.iter().all(has) && (row.any.is_empty() || row.any.iter().any(has))
    };
    let by_row = || {
        let row = ROWS.iter().find(row)?;
        Some(Foreign::new(Kind::Access, row.what, row.help))
    };
    of_another(node)
        .or_else(by_row)
        .or_else(|| of_compose(node))
        .or_else(|| of_provider(node))
        .or_else(|| of_schema(node))
        .or_else(|| of_envoy(node))
}

/// What another product's is although it has members that Tollgate's configuration has, too.
pub(super) fn of_another(node: &Node) -> Option<Foreign> {
    of_tyk(node).or_else(|| of_oauth2_proxy(node)).or_else(|| of_traefik(node))
}

/// Whether a member is there; a list stands for its first element.
fn has(node: &Node, path: &str) -> bool {
    let found = path.split('.').try_fold(node, |node, name| {
        let node = node.elements().first().unwrap_or(node);
        node.members().iter().find(|member| member.name == name).map(|member| &member.node)
    });
    found.is_some()
}

fn of_list(elements: &[Node]) -> Option<Foreign> {
    let found = of(elements.first()?)?;
    let what = match found.kind {
        Kind::TykDefinition => "a list of API definitions of Tyk".to_owned(),
        _ if found.kind == Kind::TykPolicies || found.what.contains("Envoy") => found.what,
        _ => format!("a list that begins with {}", found.what),
    };
    Some(Foreign { what, ..found })
}

fn of_tyk(node: &Node) -> Option<Foreign> {
    let definition = || {
        let help = "`tollgate import tyk` makes a configuration of it";
        Foreign::new(Kind::TykDefinition, "an API definition of Tyk", help)
    };
    let classic = has(node, "api_id")
        && ["org_id", "auth_configs", "proxy", "enable_jwt", "use_keyless"]
            .iter()
            .any(|name| has(node, name));
    if has(node, "x-tyk-api-gateway") || classic || has(node, "proxy.listen_path") {
        return Some(definition());
    }
    // As the dashboard exports them.
    let wrapped = ["api_definition", "oas", "apis.api_definition", "apis.oas"];
    let wrapped = wrapped.iter().filter_map(|path| at(node, path));
    if wrapped.into_iter().any(|inner| of_tyk(inner).is_some()) {
        return Some(definition());
    }
    let is_policy = |node: &Node| has(node, "access_rights");
    let by_id = || node.members().iter().any(|member| is_policy(&member.node));
    let exported = || at(node, "Data").is_some_and(|data| is_policy(first_of(data)));
    (is_policy(node) || by_id() || exported()).then(|| {
        let help = "they go with the API definitions that they are for: `tollgate import tyk \
                    API.JSON --policies FILE`";
        Foreign::new(Kind::TykPolicies, "policies of Tyk", help)
    })
}

fn first_of(node: &Node) -> &Node {
    node.elements().first().unwrap_or(node)
}

fn at<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.').try_fold(node, |node, name| first_of(node).get(name))
}

/// Its alpha configuration has `providers`, as Tollgate's has, and they are a list.
fn of_oauth2_proxy(node: &Node) -> Option<Foreign> {
    let provider = node.get("providers")?.elements().first()?;
    let own = ["clientID", "oidcConfig", "clientSecret", "clientSecretFile", "loginURL"];
    own.iter().any(|name| has(provider, name)).then(|| {
        let issuer = provider.text_at(&["oidcConfig", "issuerURL"]);
        let audience = first(provider, &["oidcConfig", "extraAudiences"]);
        let audience = audience.or_else(|| provider.text_at(&["clientID"]));
        Foreign::new(
            Kind::Access,
            "settings of oauth2-proxy",
            init(issuer, audience, Target::Envoy),
        )
    })
}

/// Its settings have `providers`, too: whence it learns routes.
fn of_traefik(node: &Node) -> Option<Foreign> {
    let own = [
        "entryPoints",
        "providers.docker.endpoint",
        "providers.docker.exposedByDefault",
        "providers.file.directory",
        "providers.file.filename",
        "providers.file.watch",
        "providers.kubernetesCRD",
        "providers.kubernetesGateway",
        "providers.kubernetesIngress",
        "providers.swarm.endpoint",
    ];
    own.iter()
        .any(|path| has(node, path))
        .then(|| Foreign::new(Kind::Access, "settings of Traefik", WRITTEN_ANEW))
}

fn of_compose(node: &Node) -> Option<Foreign> {
    let services = node.get("services")?.members();
    let is_service = |node: &Node| has(node, "image") || has(node, "build");
    services.iter().any(|member| is_service(&member.node)).then(|| {
        let help = "Envoy's file, which one of its services may mount, is what is checked";
        Foreign::new(Kind::Other, "a file of Docker Compose", help)
    })
}

/// What a provider publishes or issues.
fn of_provider(node: &Node) -> Option<Foreign> {
    let access = |what: &str, help: String| Some(Foreign::new(Kind::Access, what, help));
    let issuer = node.text_at(&["issuer"]);
    let endpoints =
        ["jwks_uri", "authorization_endpoint", "token_endpoint", "response_types_supported"];
    if issuer.is_some() && endpoints.iter().any(|name| has(node, name)) {
        return access("a discovery document of a provider", init(issuer, None, Target::Envoy));
    }
    if issuer.is_some() && ["audiences", "jwks", "clients"].iter().any(|name| has(node, name)) {
        return access(
            "a provider alone",
            "it has a name and stands in `providers`: {\"providers\": {\"NAME\": …}}".to_owned(),
        );
    }
    let is_private = |key: &Node| has(key, "d") || key.text_at(&["kty"]) == Some("oct");
    let kept = "; what can sign stays with whoever signs";
    if let Some(keys) = node.get("keys").map(Node::elements).filter(|_| has(node, "keys.kty")) {
        let private = if keys.iter().any(is_private) { kept } else { "" };
        return access(
            "a key set (JWKS)",
            format!(
                "it stands in `providers.*.jwks.inline`, or its URL in `providers.*.jwks.url`\
                 {private}"
            ),
        );
    }
    if has(node, "kty") {
        let private = if is_private(node) { kept } else { "" };
        return access(
            "a key (JWK)",
            format!("it stands in `providers.*.jwks.inline`: {{\"keys\": [ … ]}}{private}"),
        );
    }
    if has(node, "iss") && ["sub", "aud", "exp"].iter().any(|name| has(node, name)) {
        let audience = first(node, &["aud"]);
        return access(
            "the claims of a token",
            init(node.text_at(&["iss"]), audience, Target::Envoy),
        );
    }
    let introspected = ["client_id", "sub", "scope", "exp", "username"];
    if node.get("active").is_some() && introspected.iter().any(|name| has(node, name)) {
        return access("an answer of token introspection (RFC 7662)", WRITTEN_ANEW.to_owned());
    }
    None
}

fn of_schema(node: &Node) -> Option<Foreign> {
    let schema = node.text_at(&["$schema"]).or_else(|| node.text_at(&["info", "schema"]))?;
    if schema.contains("getpostman.com") {
        return Some(Foreign::new(Kind::Other, "a collection of Postman", NOTHING));
    }
    if schema.contains("krakend") {
        return Some(Foreign::new(Kind::Access, "a configuration of KrakenD", WRITTEN_ANEW));
    }
    schema.contains("json-schema.org").then(|| {
        let help = "editors check by it, `tollgate check` needs none";
        Foreign::new(Kind::Other, "a JSON Schema", help)
    })
}

fn of_envoy(node: &Node) -> Option<Foreign> {
    let has_one = |names: &[&str]| names.iter().any(|name| node.get(name).is_some());
    let listed = node.path(&["resources"]).map(Node::elements).unwrap_or_default();
    let is_listed = listed.iter().any(|one| one.get("@type").is_some());
    let parts = ["static_resources", "dynamic_resources", "http_filters", "filter_chains"];
    let is_cluster = has_one(&["load_assignment"]) && has_one(&["name"]);
    if !(has_one(&parts) || is_listed || is_cluster) {
        return None;
    }
    let provider = native_provider(node);
    let issuer = provider.and_then(|provider| provider.text_at(&["issuer"]));
    let audience = provider.and_then(|provider| first(provider, &["audiences"]));
    let help = match has_wasm(node) {
        true => KNOWN_BY.to_owned(),
        false => init(issuer, audience, Target::Envoy),
    };
    let what = match provider {
        Some(_) => {
            "an Envoy configuration without Tollgate, in which Envoy's own `jwt_authn` \
                    checks tokens"
        }
        None => "an Envoy configuration without Tollgate",
    };
    Some(Foreign::new(Kind::Access, what, help))
}

/// Whether a Wasm filter stands in it.
fn has_wasm(node: &Node) -> bool {
    let is_wasm = node.text_at(&["@type"]).is_some_and(|one| one.ends_with(".wasm.v3.Wasm"));
    let members = node.members().iter().map(|member| &member.node);
    is_wasm || members.chain(node.elements()).any(has_wasm)
}

/// The first provider of a `jwt_authn` filter.
fn native_provider(node: &Node) -> Option<&Node> {
    let is_native = node.text_at(&["@type"]).is_some_and(|one| one.ends_with(".JwtAuthentication"));
    if is_native {
        return node.get("providers")?.members().first().map(|member| &member.node);
    }
    let members = node.members().iter().map(|member| &member.node);
    members.chain(node.elements()).find_map(native_provider)
}
