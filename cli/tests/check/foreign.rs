//! Files of other products: each is told for what it is, with what helps, and nothing that may be a
//! configuration with a mistake in it is taken for one of these.

use tollgate_cli::Exit;

use super::{OKTA, check};

/// A token that says nothing; neither it nor a part of it may be shown.
const TOKEN: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

#[test]
fn a_file_of_another_product_is_told_for_what_it_is_with_what_helps() {
    let tyk = "API definition of Tyk; `tollgate import tyk` makes a configuration of it";
    let cases: &[(&str, &str, &[&str])] = &[
        // name, file, what is said
        // Tyk
        ("a classic definition", r#"{"name": "a", "api_id": "a1", "org_id": "o1"}"#, &[tyk]),
        ("one in YAML", "api_id: a1\nuse_keyless: true\nproxy: { listen_path: /a/ }\n", &[tyk]),
        ("one without an id", r#"{"name": "a", "proxy": {"listen_path": "/a/"}}"#, &[tyk]),
        (
            "an OAS definition",
            r#"{"openapi": "3.0.3", "info": {}, "x-tyk-api-gateway": {}}"#,
            &[tyk],
        ),
        (
            "one that the dashboard wraps",
            r#"{"api_definition": {"api_id": "a", "org_id": "o"}}"#,
            &[tyk],
        ),
        (
            "what the dashboard exports, which has `apis`",
            r#"{"apis": [{"api_definition": {"api_id": "a", "org_id": "o"}}]}"#,
            &[tyk],
        ),
        (
            "a list of them",
            r#"[{"api_id": "a", "org_id": "o"}]"#,
            &["a list of API definitions of Tyk; `tollgate import tyk`"],
        ),
        (
            "policies by id",
            r#"{"p1": {"id": "p1", "access_rights": {}, "rate": 1}}"#,
            &["policies of Tyk", "--policies"],
        ),
        (
            "a list of policies",
            r#"[{"_id": "x", "access_rights": {}}]"#,
            &["policies of Tyk", "--policies"],
        ),
        (
            "the dashboard's",
            r#"{"Data": [{"_id": "x", "access_rights": {}}]}"#,
            &["policies of Tyk"],
        ),
        (
            "the gateway's settings",
            r#"{"listen_port": 8080, "secret": "x", "app_path": "/a"}"#,
            &["the settings of Tyk's gateway"],
        ),
        (
            "a resource of the operator",
            "apiVersion: tyk.tyk.io/v1alpha1\nkind: ApiDefinition\nmetadata: { name: a }\nspec: { use_keyless: true }\n",
            &["a resource of Tyk Operator (ApiDefinition)", "`tollgate import tyk` makes"],
        ),
        (
            "the same in JSON",
            r#"{"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "spec": {"proxy": {"listen_path": "/"}}}"#,
            &["a resource of Tyk Operator (ApiDefinition)", "`tollgate import tyk"],
        ),
        (
            "an OAS definition of the operator",
            "apiVersion: tyk.tyk.io/v1alpha1\nkind: TykOasApiDefinition\nspec: { tykOAS: { configmapRef: { name: orders, keyName: oas.json } } }\n",
            &["kubectl get configmap orders -o jsonpath='{.data.oas\\.json}' > api.json"],
        ),
        (
            "a policy of the operator",
            "apiVersion: tyk.tyk.io/v1alpha1\nkind: SecurityPolicy\nspec: { access_rights_array: [] }\n",
            &["a resource of Tyk Operator (SecurityPolicy)", "`tollgate import tyk", "--policies"],
        ),
        (
            "a list of the operator's, behind others",
            "apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Service }\n- { apiVersion: tyk.tyk.io/v1alpha1, kind: ApiDefinition }\n",
            &["a resource of Tyk Operator (ApiDefinition)"],
        ),
        // Kubernetes
        (
            "Istio's own check of tokens",
            "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nspec:\n  jwtRules:\n  - issuer: https://idp.example/o\n    audiences: [\"api://orders\"]\n",
            &[
                "a RequestAuthentication of Istio",
                "`tollgate init --issuer https://idp.example/o --audience api://orders --for istio`",
            ],
        ),
        (
            "an issuer that a shell would read",
            "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nspec: { jwtRules: [{ issuer: \"https://x/$(reboot)\" }] }\n",
            &["`tollgate init --issuer ISSUER --audience AUDIENCE --for istio`"],
        ),
        (
            "Istio's rules",
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nspec: {}\n",
            &["an AuthorizationPolicy of Istio", "`require`"],
        ),
        (
            "Envoy Gateway's own check",
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\nspec: { jwt: { providers: [{ name: a, issuer: \"https://idp.example\", audiences: [orders] }] } }\n",
            &[
                "a SecurityPolicy of Envoy Gateway",
                "--issuer https://idp.example --audience orders --for envoy-gateway",
            ],
        ),
        (
            "another plugin",
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: other }\nspec: {}\n",
            &["a resource of Istio (WasmPlugin) without Tollgate", "`tollgate` is in its name"],
        ),
        (
            "Kong's plugin",
            "apiVersion: configuration.konghq.com/v1\nkind: KongPlugin\nplugin: jwt\n",
            &["a resource of Kong (KongPlugin)", "docs/config.md"],
        ),
        (
            "Traefik's middleware",
            "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nspec: {}\n",
            &["a resource of Traefik (Middleware)"],
        ),
        (
            "a route",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nspec: {}\n",
            &["a resource of the Gateway API (HTTPRoute)", "--for envoy-gateway"],
        ),
        (
            "a workload",
            "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n",
            &["a resource of Kubernetes (Deployment)"],
        ),
        (
            "a Secret as the cluster shows it",
            "apiVersion: v1\nkind: Secret\nmetadata: { name: tollgate }\ndata: { t.json: e30= }\n",
            &["whose `data` is in base64", "base64 -d | tollgate check -"],
        ),
        (
            "a kind of resource",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n",
            &["the definition of a kind of resource"],
        ),
        // Proxies and gateways
        (
            "Envoy with its own filter",
            "static_resources:\n  listeners:\n  - typed_config:\n      \"@type\": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication\n      providers: { okta: { issuer: \"https://idp.example\", audiences: [api] } }\n",
            &["Envoy's own `jwt_authn`", "--issuer https://idp.example --audience api --for envoy"],
        ),
        (
            "Envoy without anything",
            "static_resources: { clusters: [] }\n",
            &["an Envoy configuration without Tollgate"],
        ),
        (
            "Kong",
            "_format_version: \"3.0\"\nservices: [{ name: a, url: \"http://a\" }]\n",
            &["declarative configuration of Kong"],
        ),
        (
            "Traefik's settings, which have `providers`",
            "entryPoints: { web: { address: \":80\" } }\nproviders: { docker: {} }\n",
            &["settings of Traefik"],
        ),
        (
            "the same without entry points",
            "providers: { file: { filename: a.yml } }\n",
            &["settings of Traefik"],
        ),
        (
            "Traefik's routes",
            "http: { routers: { a: { rule: \"Host(`a`)\" } } }\n",
            &["routes of Traefik"],
        ),
        (
            "Traefik's settings in TOML",
            "[entryPoints.web]\naddress = \":80\"\n",
            &["settings of Traefik"],
        ),
        (
            "oauth2-proxy, which has `providers`",
            "providers:\n- id: a\n  clientID: web\n  oidcConfig: { issuerURL: \"https://idp.example\" }\n",
            &["settings of oauth2-proxy", "--issuer https://idp.example --audience web"],
        ),
        (
            "oauth2-proxy's older form",
            "oidc_issuer_url = \"https://idp.example\"\ncookie_secret = \"x\"\n",
            &["settings of oauth2-proxy"],
        ),
        (
            "nginx",
            "server {\n  listen 80;\n  location / { proxy_pass http://a; }\n}\n",
            &["a configuration of nginx"],
        ),
        (
            "Apache",
            "<VirtualHost *:80>\n  AuthType openid-connect\n</VirtualHost>\n",
            &["a configuration of Apache"],
        ),
        (
            "HAProxy",
            "frontend web\n  bind :80\n  default_backend b\n",
            &["a configuration of HAProxy"],
        ),
        ("Caddy", "example.com {\n  reverse_proxy localhost:80\n}\n", &["a Caddyfile"]),
        (
            "KrakenD",
            r#"{"version": 3, "endpoints": [{"endpoint": "/a"}], "port": 80}"#,
            &["a configuration of KrakenD"],
        ),
        // What providers publish and issue
        (
            "a discovery document",
            r#"{"issuer": "https://idp.example", "jwks_uri": "https://idp.example/keys"}"#,
            &[
                "a discovery document",
                "`tollgate init --issuer https://idp.example --audience AUDIENCE",
            ],
        ),
        (
            "a key set",
            r#"{"keys": [{"kty": "RSA", "n": "x", "e": "AQAB"}]}"#,
            &["a key set (JWKS)", "`providers.*.jwks.url`"],
        ),
        (
            "a private key set",
            r#"{"keys": [{"kty": "RSA", "d": "x"}]}"#,
            &["a key set (JWKS)", "what can sign stays"],
        ),
        ("a key", r#"{"kty": "OKP", "crv": "Ed25519", "x": "y"}"#, &["a key (JWK)"]),
        ("a token", TOKEN, &["a token (JWT); `tollgate decode`"]),
        ("a token with its scheme", &format!("Bearer {TOKEN}\n"), &["a token (JWT)"]),
        (
            "the answer with a token",
            r#"{"access_token": "x", "token_type": "Bearer"}"#,
            &["the answer of a token endpoint"],
        ),
        (
            "claims",
            r#"{"iss": "https://idp.example", "sub": "a", "aud": ["api"]}"#,
            &["the claims of a token", "--audience api"],
        ),
        (
            "an introspection",
            r#"{"active": true, "client_id": "a", "scope": "x"}"#,
            &["token introspection"],
        ),
        (
            "a public key",
            "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
            &["a public key in PEM", "`pem`"],
        ),
        (
            "a private key",
            "-----BEGIN EC PRIVATE KEY-----\nMCow\n-----END EC PRIVATE KEY-----\n",
            &["a private key", "openssl pkey -pubout"],
        ),
        (
            "a certificate",
            "-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n",
            &["a certificate", "openssl x509 -pubkey"],
        ),
        ("a page to sign in", "<!DOCTYPE html>\n<html></html>\n", &["a page in HTML"]),
        (
            "SAML",
            "<?xml version=\"1.0\"?>\n<md:EntityDescriptor></md:EntityDescriptor>\n",
            &["metadata of SAML"],
        ),
        // What lies beside it
        (
            "OpenAPI",
            "openapi: 3.1.0\ninfo: { title: a }\npaths: {}\n",
            &["an OpenAPI document without Tyk's extension"],
        ),
        (
            "a package",
            r#"{"name": "a", "version": "1.0.0", "scripts": {}}"#,
            &["a package of Node"],
        ),
        (
            "Compose",
            "services: { envoy: { image: envoyproxy/envoy } }\n",
            &["a file of Docker Compose"],
        ),
        (
            "a chart's template",
            "kind: WasmPlugin\nspec:\n  {{- toYaml .Values.plugin | nindent 2 }}\n",
            &["a template of Helm", "helm template CHART | tollgate check -"],
        ),
        (
            "a schema",
            r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}"#,
            &["a JSON Schema"],
        ),
        // Tollgate's own
        ("a provider alone", OKTA, &["a provider alone", "`providers`"]),
        (
            "revocations",
            r#"{"entries": [{"provider": "okta", "identity": "a"}]}"#,
            &["a list of revocations", "`revoked.url`"],
        ),
        (
            "a report of the command itself",
            r#"{"files": [], "problems": 0, "warnings": 0}"#,
            &["a report of `tollgate check`"],
        ),
    ];
    for (name, file, expected) in cases {
        let run = check(&["-"], file);
        assert_eq!((run.exit, &*run.out), (Exit::Misuse, ""), "{name}: {}", run.err);
        assert!(run.err.starts_with("tollgate: standard input: "), "{name}: {}", run.err);
        for word in *expected {
            assert!(run.err.contains(word), "{name}: {word:?} is not said: {}", run.err);
        }
        for part in TOKEN.split('.') {
            assert!(!run.err.contains(part), "{name}: a part of the token is shown");
        }
    }
}

#[test]
fn what_may_be_a_configuration_with_a_mistake_is_judged_as_one() {
    let provider = OKTA;
    let cases = [
        // Its own words, some of them misspelt, misplaced or of other products, too.
        format!(r#"{{"provders": {{"okta": {provider}}}}}"#),
        format!(r#"{{"providers": {{"okta": {provider}}}, "realm": "a", "clients": ["b"]}}"#),
        format!(
            r#"{{"providers": {{"okta": {provider}}}, "services": {{"a": {{"image": "b"}}}}}}"#
        ),
        format!(
            r#"{{"providers": {{"okta": {provider}}}, "name": "a", "version": "1", "scripts": {{}}}}"#
        ),
        format!(r#"{{"providers": {{"file": {provider}, "docker": {{"kind": "api_kee"}}}}}}"#),
        format!(r#"{{"providers": [{provider}]}}"#),
        r#"{"apis": [{"name": "a", "auth": "non"}]}"#.to_owned(),
        r#"{"policies": {"a": {"rate": 7}}, "api": []}"#.to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        String::new(),
        "providers:\n\tokta: 1\n".to_owned(),
        "providers: { okta: { issuer: x, audiences: [y], jwks: { clustr: z } } }\n".to_owned(),
    ];
    for file in cases {
        let run = check(&["-"], &file);
        assert_eq!((run.exit, &*run.err), (Exit::Problems, ""), "{file}\n{}", run.out);
    }
}

#[test]
fn what_is_beside_a_configuration_does_not_hide_it() {
    let plugin = format!(
        "kind: WasmPlugin\nmetadata: {{ name: tollgate }}\nspec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig: {{ providers: {{ okta: {OKTA} }} }}\n"
    );
    let others = [
        "apiVersion: apps/v1\nkind: Deployment\n",
        "apiVersion: configuration.konghq.com/v1\nkind: KongPlugin\n",
        "apiVersion: tyk.tyk.io/v1alpha1\nkind: ApiDefinition\n",
    ];
    for other in others {
        for file in [format!("{other}---\n{plugin}"), format!("{plugin}---\n{other}")] {
            let run = check(&["-"], &file);
            assert_eq!((run.exit, &*run.err), (Exit::Fine, ""), "{file}\n{}", run.out);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_told_by_how_they_begin() {
    let cases: [(&[u8], &str); 3] = [
        (b"\0asm\x01\0\0\0\xff", "a WebAssembly module"),
        (b"\x1f\x8b\x08\0", "a file compressed by gzip"),
        (b"\xff\xfe{\0}\0", "a text in UTF-16"),
    ];
    for (bytes, expected) in cases {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut input = bytes;
        let mut streams = tollgate_cli::Streams { input: &mut input, out: &mut out, err: &mut err };
        let arguments = ["tollgate", "check", "-"].map(std::ffi::OsString::from);
        assert_eq!(tollgate_cli::run(arguments, &mut streams), Exit::Misuse, "{expected}");
        let err = String::from_utf8(err).expect("UTF-8");
        assert!(err.contains(expected), "{err}");
    }
}
