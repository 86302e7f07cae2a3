//! What right configurations mean.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::api::{Auth, Branch, HostPattern};
use tollgate::claims::{ClaimRef, Form};
use tollgate::config::{Code, Config, LogFormat, LogIdentity, RingConfig, RingSource, schema};
use tollgate::ids::{ApiId, ProviderId, RingId};
use tollgate::jose::alg::{Alg, AlgSet};
use tollgate::provider::jwt::{JwtProvider, KeySource};
use tollgate::provider::{HeaderSource, Location, Place, SessionFact};

use super::{accepted, codes};

const SMALLEST: &str = r#"
{ "providers": { "okta": { "issuer": "https://example.okta.com/oauth2/default", "audiences": ["api://default"],
                           "jwks": { "discovery": true, "cluster": "okta" } } } }"#;

/// Every field, with a value other than its default where it has one.
pub(super) const EVERYTHING: &str = r#"{
  "$schema": "https://example.com/schema.json",
  "description": ["every", "field"],
  "providers": {
    "description": "comments stand anywhere",
    "okta": {
      "kind": "jwt",
      "description": "one",
      "issuer": "https://example.okta.com/oauth2/default",
      "audiences": ["api://default", "api://other"],
      "clients": ["0oa1"],
      "jwks": { "url": "https://example.okta.com/oauth2/default/v1/keys?x=1", "cluster": "okta",
                "timeout": "1500ms", "refresh": "5m", "cooldown": "1s", "max_stale": "2d", "description": "" },
      "algorithms": ["RS256", "ES384", "Ed25519"],
      "typ": ["at+jwt", "application/JWT"],
      "allow_id_tokens": true,
      "clock_skew": "0s",
      "max_lifetime": "24h",
      "allow_no_expiry": true,
      "binding": "ignore",
      "from": [ { "header": "Authorization", "scheme": "Token" }, { "header": "X-Token", "apis": ["orders"], "description": "" } ],
      "claims": { "identity": ["uid", ["https://example.com/user", "id"]], "client": ["cid"], "description": "" },
      "upstream": { "credential": "keep", "payload_header": "X-JWT-Payload", "description": "",
                    "headers": { "X-User": "sub", "x-dept": ["profile", "department"], "x-roles": { "claim": "realm_access.roles" },
                                 "x-scopes": { "session": "scopes", "description": "" }, "x_client": { "session": "client" },
                                 "x-tollgate-identity": { "session": "identity" }, "x-via": { "session": "provider" } } }
    },
    "google": { "issuer": ["https://accounts.google.com", "accounts.google.com"], "any_audience": true, "clients": ["c"],
                "jwks": { "discovery": "https://accounts.google.com/.well-known/openid-configuration", "cluster": "google", "keys_cluster": "googleapis" },
                "from": [ { "header": "x-google" } ] },
    "lab": { "any_issuer": true, "audiences": ["lab"], "jwks": { "inline": %keys% }, "from": [ { "header": "x-lab" } ] }
  },
  "apis": [
    { "name": "health", "match": { "paths": ["/health"], "methods": ["GET"], "description": "" }, "auth": "none" },
    { "name": "orders", "description": "", "match": { "hosts": ["API.example.com", "*.example.com"], "paths": ["/orders/**"] },
      "auth": [["google", "okta"], "lab"], "session_from": ["okta", "lab"],
      "audiences": ["api://default"], "clients": ["0oa1", "0oa2"], "scopes": ["orders:read"], "cors_preflight": "pass" },
    { "name": "open", "auth": ["okta"], "optional": true, "session_from": "okta" }
  ],
  "sessions": { "capacity": 1001, "description": "" },
  "realm": "Orders API",
  "log": { "format": "logfmt", "identity": "hash", "path": "omit", "per_second": 100, "description": "" },
  "instance": "edge"
}"#;

fn everything() -> Config {
    accepted(EVERYTHING)
}

fn jwt(config: &Config, place: usize) -> &JwtProvider {
    config.provider(ProviderId(place)).and_then(|provider| provider.jwt()).unwrap()
}

/// A header as a place.
fn header(name: &str, scheme: Option<&str>) -> Place {
    Place::Header { name: name.into(), scheme: scheme.map(Into::into) }
}

fn names(names: &[&str]) -> Vec<ClaimRef> {
    names.iter().map(|name| ClaimRef::Name((*name).into())).collect()
}

fn boxed(texts: &[&str]) -> Vec<Box<str>> {
    texts.iter().map(|text| (*text).into()).collect()
}

/// Writes each default of the schema where nothing is written.
fn write_defaults(schema: &Value, value: &mut Value) {
    const OPENED: [&str; 6] = ["claims", "limits", "log", "match", "sessions", "upstream"];
    if let (Some(items), Value::Array(elements)) = (schema.get("items"), &mut *value) {
        elements.iter_mut().for_each(|element| write_defaults(items, element));
    }
    let Value::Object(members) = value else { return };
    if let Some(any @ Value::Object(_)) = schema.get("additionalProperties") {
        members.values_mut().for_each(|member| write_defaults(any, member));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        match property.get("default") {
            Some(default) => drop(members.entry(name).or_insert_with(|| default.clone())),
            None if OPENED.contains(&name.as_str()) => {
                write_defaults(property, members.entry(name).or_insert_with(|| json!({})));
            }
            None => {
                if let Some(member) = members.get_mut(name) {
                    write_defaults(property, member);
                }
            }
        }
    }
}

#[test]
fn a_default_that_is_written_changes_nothing() {
    let mut written: Value = serde_json::from_str(SMALLEST).unwrap();
    let hash = "a".repeat(64);
    written["apis"] = json!([{"name": "a", "auth": ["okta"], "policies": {"default": ["p"]}}]);
    written["policies"] = json!({"p": {"rate": {"requests": 1, "per": "1s"}}});
    written["revoked"] = json!({"url": "https://example.com/revoked", "cluster": "list"});
    written["status"] = json!({"path": "/.tollgate", "key_sha256": hash});
    let left_out = accepted(&written.to_string());
    write_defaults(&schema(), &mut written);
    // Those of providers that are asked about tokens have no meaning here.
    let provider = written["providers"]["okta"].as_object_mut().unwrap();
    for name in ["cache", "capacity", "negative", "per_second", "signed", "timeout"] {
        assert!(provider.remove(name).is_some(), "{name}");
    }
    provider["upstream"].as_object_mut().unwrap().remove("payload");
    for place in ["/log/per_second", "/apis/0/match/route_metadata", "/policies/p/limit_by"] {
        assert!(written.pointer(place).is_some(), "{place}");
    }
    let told = |config| {
        let hash = left_out.hash;
        format!("{:?}", Config { hash, warnings: Vec::new(), ..config })
    };
    assert_eq!(told(accepted(&written.to_string())), told(left_out.clone()));
}

#[test]
fn the_smallest_configuration_has_every_default() {
    let config = accepted(SMALLEST);
    assert_eq!(config.provider_name(ProviderId(0)).unwrap().as_str(), "okta");
    assert_eq!(config.provider(ProviderId(1)).map(|provider| &provider.name), None);
    let provider = jwt(&config, 0);
    assert!(matches!(provider.keys, KeySource::Ring(RingId(0))));
    assert_eq!(provider.algorithms, AlgSet::default());
    let whole = config.provider(ProviderId(0)).unwrap();
    let bearer = Location { place: header("authorization", Some("Bearer")), apis: None };
    assert_eq!(whole.from, [bearer]);
    assert!(!whole.upstream.keep_credential);
    assert_eq!(whole.upstream.headers, None);
    assert_eq!(whole.upstream.payload_header, None);

    let requirements = &provider.requirements;
    let issuer = "https://example.okta.com/oauth2/default";
    assert_eq!(requirements.issuers, Some(boxed(&[issuer])));
    assert_eq!(requirements.audiences, Some(boxed(&["api://default"])));
    assert_eq!(requirements.clients, None);
    assert_eq!(requirements.types, None);
    assert!(!requirements.allow_id_tokens);
    assert!(!requirements.allow_no_expiry);
    assert!(!requirements.ignore_binding);
    assert_eq!(requirements.clock_skew, Duration::from_secs(60));
    assert_eq!(requirements.max_lifetime, None);
    assert_eq!(requirements.identity, names(&["sub"]));
    assert_eq!(requirements.client, names(&["client_id", "azp", "cid", "appid"]));
    assert_eq!(requirements.scopes, names(&["scp", "scope"]));

    let ring = config.ring(RingId(0)).unwrap();
    assert_eq!(ring.provider.as_str(), "okta");
    assert_eq!(ring.issuers, boxed(&[issuer]));
    assert_eq!(&*ring.remote.cluster, "okta");
    assert_eq!(url(ring), format!("{issuer}/.well-known/openid-configuration"));
    assert!(matches!(ring.source, RingSource::Discovery { keys_cluster: None, .. }));
    assert_eq!(ring.remote.timeout, Duration::from_secs(5));
    assert_eq!(ring.remote.refresh, Duration::from_secs(600));
    assert_eq!(ring.remote.cooldown, Duration::from_secs(30));
    assert_eq!(ring.remote.max_stale, Duration::from_secs(86_400));

    assert_eq!(config.apis.len(), 1);
    let api = config.api(ApiId(0)).unwrap();
    assert_eq!(api.name.as_str(), "default");
    assert!(api.matcher.hosts.is_empty());
    assert!(api.matcher.paths.is_empty());
    assert!(api.matcher.methods.is_empty());
    assert_eq!(branches(&config, 0), [(vec![0], 0)]);
    assert!(matches!(api.auth, Auth::Branches { optional: false, .. }));
    assert!(!api.preflight_passes);
    assert_eq!((&api.audiences, &api.clients), (&None, &None));
    assert!(api.scopes.is_empty());

    assert_eq!(config.session_capacity, 65_536);
    assert_eq!(&*config.realm, "api");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.identity, LogIdentity::Plain);
    assert!(config.log.shows_paths);
    assert_eq!(config.log.per_second, 10);
    assert_eq!(config.instance, None);
    assert_eq!(codes(&config), [Code::AudienceCallerChosen]);
    assert!(!config.index.looks_at_paths());
    let emitted = config.emitted_headers();
    assert_eq!(emitted, ["x-tollgate-identity", "x-tollgate-provider"]);
}

fn url(ring: &RingConfig) -> String {
    ring.remote.url.to_string()
}

/// An API's branches: members, and whose session is used.
fn branches(config: &Config, api: usize) -> Vec<(Vec<usize>, usize)> {
    let Auth::Branches { branches, .. } = &config.api(ApiId(api)).unwrap().auth else {
        return Vec::new();
    };
    let places =
        |branch: &Branch| (branch.members.iter().map(|id| id.0).collect(), branch.session_from.0);
    branches.iter().map(places).collect()
}

#[test]
fn every_field_of_a_provider_is_taken() {
    let config = everything();
    let okta = jwt(&config, 2);
    let algorithms = AlgSet::from_iter([Alg::Rs256, Alg::Es384, Alg::EdDsa]);
    assert_eq!(okta.algorithms, algorithms);
    let whole = config.provider(ProviderId(2)).unwrap();
    let token = Location { place: header("authorization", Some("Token")), apis: None };
    let orders = Some(vec![config.api(ApiId(1)).unwrap().name.clone()]);
    assert_eq!(whole.from, [token, Location { place: header("x-token", None), apis: orders }]);
    let requirements = &okta.requirements;
    assert_eq!(requirements.audiences, Some(boxed(&["api://default", "api://other"])));
    assert_eq!(requirements.clients, Some(boxed(&["0oa1"])));
    assert_eq!(requirements.types, Some(boxed(&["at+jwt", "jwt"])));
    assert!(requirements.allow_id_tokens);
    assert!(requirements.allow_no_expiry);
    assert!(requirements.ignore_binding);
    assert_eq!(requirements.clock_skew, Duration::ZERO);
    assert_eq!(requirements.max_lifetime, Some(Duration::from_secs(86_400)));
    let path = ClaimRef::Path(boxed(&["https://example.com/user", "id"]));
    assert_eq!(requirements.identity, [ClaimRef::Name("uid".into()), path]);
    assert_eq!(requirements.client, names(&["cid"]));
    assert_eq!(requirements.scopes, names(&["scp", "scope"]));

    assert!(whole.upstream.keep_credential);
    assert_eq!(whole.upstream.payload_header.as_deref(), Some("x-jwt-payload"));
    let claim = |name: &str| HeaderSource::Claim(ClaimRef::Name(name.into()), Form::Plain);
    let headers = vec![
        ("x-user".into(), claim("sub")),
        (
            "x-dept".into(),
            HeaderSource::Claim(ClaimRef::Path(boxed(&["profile", "department"])), Form::Plain),
        ),
        ("x-roles".into(), claim("realm_access.roles")),
        ("x-scopes".into(), HeaderSource::Session(SessionFact::Scopes)),
        ("x-tollgate-identity".into(), HeaderSource::Session(SessionFact::Identity)),
        ("x-via".into(), HeaderSource::Session(SessionFact::Provider)),
        ("x_client".into(), HeaderSource::Session(SessionFact::Client)),
    ];
    assert_eq!(whole.upstream.headers, Some(headers));

    let google = jwt(&config, 0);
    let issuers = boxed(&["https://accounts.google.com", "accounts.google.com"]);
    assert_eq!(google.requirements.issuers, Some(issuers));
    assert_eq!(google.requirements.audiences, None);
    assert_eq!(google.requirements.clients, Some(boxed(&["c"])));

    let lab = jwt(&config, 1);
    assert_eq!(lab.requirements.issuers, None);
    let KeySource::Inline(keys) = &lab.keys else { panic!("{:?}", lab.keys) };
    assert_eq!(keys.len(), 1);
}

#[test]
fn every_timing_of_a_key_ring_is_taken() {
    let config = everything();
    assert_eq!(config.rings.len(), 2);
    let okta = config.ring(RingId(1)).unwrap();
    assert_eq!(url(okta), "https://example.okta.com/oauth2/default/v1/keys?x=1");
    assert!(matches!(okta.source, RingSource::Jwks));
    assert_eq!(okta.remote.timeout, Duration::from_millis(1500));
    assert_eq!(okta.remote.refresh, Duration::from_secs(300));
    assert_eq!(okta.remote.cooldown, Duration::from_secs(1));
    assert_eq!(okta.remote.max_stale, Duration::from_secs(172_800));
    let google = config.ring(RingId(0)).unwrap();
    assert_eq!(url(google), "https://accounts.google.com/.well-known/openid-configuration");
    let RingSource::Discovery { keys_cluster, .. } = &google.source else { panic!("{google:?}") };
    assert_eq!(keys_cluster.as_deref(), Some("googleapis"));
}

#[test]
fn every_field_of_apis_and_of_the_rest_is_taken() {
    let config = everything();
    let [health, orders, open] = config.apis.as_slice() else { panic!("{:?}", config.apis) };
    assert!(matches!(health.auth, Auth::None));
    assert_eq!(health.matcher.methods, boxed(&["GET"]));
    assert_eq!(branches(&config, 1), [(vec![0, 2], 2), (vec![1], 1)]);
    let hosts =
        [HostPattern::Exact("api.example.com".into()), HostPattern::Suffix(".example.com".into())];
    assert_eq!(orders.matcher.hosts, hosts);
    assert_eq!(orders.audiences, Some(boxed(&["api://default"])));
    assert_eq!(orders.clients, Some(boxed(&["0oa1", "0oa2"])));
    assert_eq!(orders.scopes, boxed(&["orders:read"]));
    assert!(orders.preflight_passes);
    assert!(matches!(open.auth, Auth::Branches { optional: true, .. }));
    assert!(!open.preflight_passes);

    assert_eq!(config.session_capacity, 1008);
    assert_eq!(&*config.realm, "Orders API");
    assert_eq!(config.log.format, LogFormat::Logfmt);
    assert_eq!(config.log.identity, LogIdentity::Hash);
    assert!(!config.log.shows_paths);
    assert_eq!(config.log.per_second, 100);
    assert_eq!(config.instance.as_deref(), Some("edge"));
    assert!(config.index.looks_at_paths());
    let emitted = config.emitted_headers();
    let expected = [
        "x-client",
        "x-dept",
        "x-jwt-payload",
        "x-roles",
        "x-scopes",
        "x-tollgate-identity",
        "x-tollgate-provider",
        "x-user",
        "x-via",
    ];
    assert_eq!(emitted, expected);
}

#[test]
fn providers_people_use_need_no_more_than_this() {
    let cases = [
        (
            "Okta",
            SMALLEST,
            "https://example.okta.com/oauth2/default/.well-known/openid-configuration",
        ),
        (
            "Auth0, whose issuer ends with a slash",
            r#"{"providers": {"auth0": {"issuer": "https://example.eu.auth0.com/", "audiences": ["https://api.example.com"],
                "jwks": {"discovery": true, "cluster": "auth0"}, "claims": {"client": ["azp"]}}}}"#,
            "https://example.eu.auth0.com/.well-known/openid-configuration",
        ),
        (
            "Keycloak in the same mesh",
            r#"{"providers": {"keycloak": {"issuer": "https://sso.example.com/realms/main", "audiences": ["orders"], "typ": ["JWT"],
                "jwks": {"url": "https://sso.example.com/realms/main/protocol/openid-connect/certs", "cluster": "keycloak"},
                "upstream": {"headers": {"x-user": "preferred_username", "x-roles": {"claim": "realm_access.roles"}}}}}}"#,
            "https://sso.example.com/realms/main/protocol/openid-connect/certs",
        ),
        (
            "Entra ID, tokens of both versions",
            r#"{"providers": {"entra": {
                "issuer": ["https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0", "https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/"],
                "audiences": ["api://orders", "11112222-bbbb-3333-cccc-4444dddd5555"],
                "jwks": {"discovery": "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0/.well-known/openid-configuration", "cluster": "entra"},
                "claims": {"identity": ["oid"], "client": ["azp", "appid"]}}}}"#,
            "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0/.well-known/openid-configuration",
        ),
        (
            "Cognito, whose access tokens have no audience",
            r#"{"providers": {"cognito": {"issuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab129faBb",
                "clients": ["7lhlkkfbfb4q5kpp90urffao"], "jwks": {"discovery": true, "cluster": "cognito"}}}}"#,
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab129faBb/.well-known/openid-configuration",
        ),
    ];
    for (name, text, expected) in cases {
        let config = accepted(text);
        assert_eq!(url(config.ring(RingId(0)).unwrap()), expected, "{name}");
        let common: &[Code] = if name == "Okta" { &[Code::AudienceCallerChosen] } else { &[] };
        assert_eq!(codes(&config), common, "{name}");
    }
}

#[test]
fn public_apis_need_no_provider() {
    let config =
        accepted(r#"{"apis": [{"name": "site", "auth": "none", "cors_preflight": "pass"}]}"#);
    assert!(matches!(config.apis[0].auth, Auth::None));
    assert!(config.emitted_headers().is_empty());
}

#[test]
fn secrets_of_the_configuration_are_for_algorithms_that_it_lists() {
    let config = accepted(
        r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "algorithms": ["HS256", "ES512"],
            "jwks": {"inline": {"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}}}}"#,
    );
    let algorithms = jwt(&config, 0).algorithms;
    assert_eq!(algorithms, AlgSet::from_iter([Alg::Hs256, Alg::Es512]));
    assert_eq!(codes(&config), [Code::KeySymmetric]);
}

#[test]
fn providers_with_the_same_source_share_a_ring() {
    let provider = |issuer: &str, jwks: &str| {
        format!(r#"{{"issuer": "{issuer}", "audiences": ["a"], "jwks": {{{jwks}}}}}"#)
    };
    let a = "https://a.example";
    let url = r#""url": "https://a.example/keys", "cluster": "a""#;
    let same = provider(a, url);
    let cases = [
        // name, the second provider, rings
        ("all the same", provider(a, url), 1),
        ("the same, spelt out", provider(a, &format!(r#"{url}, "refresh": "600s""#)), 1),
        ("another issuer", provider("https://b.example", url), 2),
        ("another URL", provider(a, r#""url": "https://a.example/other", "cluster": "a""#), 2),
        ("another cluster", provider(a, r#""url": "https://a.example/keys", "cluster": "b""#), 2),
        (
            "another kind",
            provider(a, r#""discovery": "https://a.example/keys", "cluster": "a""#),
            2,
        ),
    ];
    for (name, other, rings) in cases {
        let config = accepted(&format!(
            r#"{{"providers": {{"one": {same}, "two": {other}}}, "apis": [
                {{"name": "one", "match": {{"paths": ["/one"]}}, "auth": ["one"]}}, {{"name": "two", "auth": ["two"]}}]}}"#
        ));
        assert_eq!(config.rings.len(), rings, "{name}");
        assert!(matches!(jwt(&config, 0).keys, KeySource::Ring(RingId(0))), "{name}");
        let KeySource::Ring(RingId(second)) = jwt(&config, 1).keys else { panic!("{name}") };
        assert_eq!(second, rings - 1, "{name}");
        let ids: std::collections::BTreeSet<_> =
            config.rings.iter().map(|ring| &ring.remote.id).collect();
        assert_eq!(ids.len(), rings, "{name}");
        for id in ids {
            assert_eq!(id.len(), 32, "{name}");
            assert!(id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{name}: {id}");
        }
    }
}

#[test]
fn the_id_of_a_ring_stays_the_same_across_releases() {
    // Proxies of two releases share keys under it.
    let ids: Vec<_> = everything().rings.into_iter().map(|ring| ring.remote.id).collect();
    assert_eq!(
        ids,
        boxed(&["d3d0268354d88d1d584d1d698b7544dd", "65a1e068c063287439c23d514b83080b"])
    );
}
