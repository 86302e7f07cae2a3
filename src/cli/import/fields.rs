//! Every field of a Tyk definition that is known, and what becomes of it: the one table.
//!
//! What a field's value decides is said where it is converted; a field that nothing was said of
//! gets the words here. A field that has no row is reported as unknown.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It becomes this.
    Taken(&'static str),
    /// It becomes something like it.
    Changed(&'static str),
    /// It has no counterpart; this is what to do.
    Not(&'static str),
    /// It is about something else, which belongs there.
    Elsewhere(&'static str),
    /// A name, or what only describes.
    Silent,
}

/// A field by its classic path and its OAS path; one of them may be empty.
pub(super) struct Row {
    pub(super) classic: &'static str,
    pub(super) oas: &'static str,
    pub(super) fate: Fate,
}

use Fate::{Changed, Elsewhere, Not, Silent, Taken};

const fn row(classic: &'static str, oas: &'static str, fate: Fate) -> Row {
    Row { classic, oas, fate }
}

const ROUTES: Fate = Elsewhere("Envoy's routes and clusters");
const TRANSFORMS: Fate = Elsewhere("other filters of Envoy");
const OPERATING: Fate = Elsewhere("how Tyk itself is run");
const TOKEN_PLACE: &str = "`providers.*.from`";
const PLUGIN: Fate =
    Not("plugins do not run here: put a filter that does it (ext_authz, Lua) before Tollgate");
const METHOD: Fate = Not(
    "let a filter before Tollgate do it (basic_auth, ext_authz, Envoy's TLS context), and delete its stand-in from `auth`",
);
const ADDRESSES: Fate = Not("Envoy's RBAC filter decides by addresses");
const IGNORED: Fate = Not(
    "paths without authentication: write an API of their own before this one, with \"auth\": \"none\"",
);
const BLOCKED: Fate =
    Not("paths that are blocked or allowed for everybody: Envoy's RBAC filter, or its routes");
const LIFETIME: Fate = Changed(
    "it said how long a session's record stays in Redis, and ended no caller's session: records here are bounded by `sessions.capacity`; where sessions are to end by age, write `policies.*.expires_after`",
);
/// What to do about versions.
pub(super) const NO_VERSIONS: &str = "write an API for each version, by path or host: requests are not matched by other headers or by parameters";
const VERSIONS: Fate = Not(NO_VERSIONS);
const CORS: Fate = Elsewhere("Envoy's cors filter, before Tollgate");

/// The table. `<x>` is `x-tyk-api-gateway`, `<auth>` its `server.authentication`, `<jwt>` the JWT
/// scheme in there; `*` is any member, `[]` any element.
pub(super) static ROWS: &[Row] = &[
    // Who must vouch.
    row("use_keyless", "<auth>.enabled", Taken("`apis[].auth`")),
    row(
        "enable_jwt",
        "<jwt>.enabled",
        Taken("a provider of the kind `jwt`, named in `apis[].auth`"),
    ),
    row("", "components.securitySchemes", Taken("the providers in `apis[].auth`")),
    row("", "security", Taken("`apis[].auth`")),
    row("", "<auth>.security", Taken("branches of `apis[].auth`")),
    row(
        "",
        "<auth>.securityProcessingMode",
        Changed(
            "became branches of `apis[].auth`, tried as written; but a bad credential of any of them refuses",
        ),
    ),
    row("base_identity_provided_by", "<auth>.baseIdentityProvider", Taken("`apis[].session_from`")),
    row("use_standard_auth", "", Changed("became a provider of the kind `api_key`")),
    row("use_basic_auth", "<auth>.basic", METHOD),
    row("basic_auth", "", METHOD),
    row("enable_signature_checking", "<auth>.hmac", METHOD),
    row("hmac_allowed_clock_skew", "", METHOD),
    row("hmac_allowed_algorithms", "", METHOD),
    row("use_oauth2", "<auth>.oauth", METHOD),
    row("oauth_meta", "", METHOD),
    row("notifications", "", METHOD),
    row("external_oauth", "", METHOD),
    row("use_openid", "<auth>.oidc", METHOD),
    row("openid_options", "", METHOD),
    row("use_mutual_tls_auth", "<x>.server.clientCertificates", METHOD),
    row("client_certificates", "", METHOD),
    row("custom_plugin_auth_enabled", "<auth>.custom", METHOD),
    row("enable_coprocess_auth", "", METHOD),
    row("use_go_plugin_auth", "", METHOD),
    row("auth_provider", "", PLUGIN),
    row("session_provider", "", OPERATING),
    row("security_requirements", "", Taken("`apis[].auth`")),
    // Where the token stands.
    row("auth_configs.jwt.auth_header_name", "<jwt>.header.name", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.disable_header", "<jwt>.header.enabled", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.use_param", "<jwt>.query.enabled", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.param_name", "<jwt>.query.name", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.use_cookie", "<jwt>.cookie.enabled", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.cookie_name", "<jwt>.cookie.name", Taken(TOKEN_PLACE)),
    row("auth_configs.jwt.name", "", Silent),
    row("auth_configs.authToken.auth_header_name", "<scheme>.header", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.disable_header", "", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.use_param", "<scheme>.query", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.param_name", "", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.use_cookie", "<scheme>.cookie", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.cookie_name", "", Taken(TOKEN_PLACE)),
    row("auth_configs.authToken.name", "", Silent),
    row("auth_configs.authToken.use_certificate", "<scheme>.enableClientCertificate", METHOD),
    row("auth_configs.authToken.validate_signature", "<scheme>.signatureValidation", METHOD),
    row("auth_configs.authToken.signature", "", METHOD),
    row("auth_configs.*", "", METHOD),
    row(
        "auth.auth_header_name",
        "",
        Taken("`providers.*.from`, where `auth_configs` has no entry for the method"),
    ),
    row("auth.disable_header", "", Taken(TOKEN_PLACE)),
    row("auth.use_param", "", Taken(TOKEN_PLACE)),
    row("auth.param_name", "", Taken(TOKEN_PLACE)),
    row("auth.use_cookie", "", Taken(TOKEN_PLACE)),
    row("auth.cookie_name", "", Taken(TOKEN_PLACE)),
    row("auth.name", "", Silent),
    row("auth.use_certificate", "", METHOD),
    row("auth.validate_signature", "", METHOD),
    row("auth.signature", "", METHOD),
    row(
        "strip_auth_data",
        "<auth>.stripAuthorizationData",
        Taken("`providers.*.upstream.credential`: `strip`, the default"),
    ),
    // Keys.
    row("jwt_signing_method", "<jwt>.signingMethod", Taken("`providers.*.algorithms`")),
    row("jwt_source", "<jwt>.source", Taken("`providers.*.jwks`, `pem` or `secret`")),
    row("jwt_jwks_uris", "<jwt>.jwksURIs", Taken("`providers.*.jwks.url`")),
    row(
        "jwt_skip_kid",
        "<jwt>.skipKid",
        Changed("not needed: a `kid` chooses a key here, and is never an identity"),
    ),
    // Claims.
    row(
        "jwt_identity_base_field",
        "<jwt>.identityBaseField",
        Taken("`providers.*.claims.identity`"),
    ),
    row("", "<jwt>.subjectClaims", Taken("`providers.*.claims.identity`")),
    row(
        "jwt_policy_field_name",
        "<jwt>.policyFieldName",
        Taken("`providers.*.claims.policies`, with `apis[].policies.from_claim`"),
    ),
    row(
        "",
        "<jwt>.basePolicyClaims",
        Taken("`providers.*.claims.policies`, with `apis[].policies.from_claim`"),
    ),
    row(
        "jwt_client_base_field",
        "<jwt>.clientBaseField",
        Not(
            "it leads through keys that are in Redis to their policies: list clients and policies in `apis[].policies.by_client`",
        ),
    ),
    row("jwt_default_policies", "<jwt>.defaultPolicies", Taken("`apis[].policies.default`")),
    row(
        "scopes.jwt.scope_claim_name",
        "<jwt>.scopes.claimName",
        Taken("`providers.*.claims.scopes`"),
    ),
    row("", "<jwt>.scopes.claims", Taken("`providers.*.claims.scopes`")),
    row(
        "scopes.jwt.scope_to_policy",
        "<jwt>.scopes.scopeToPolicyMapping",
        Taken("`apis[].policies.by_scope`"),
    ),
    row("scopes.oidc", "", METHOD),
    row("jwt_scope_claim_name", "", Taken("`providers.*.claims.scopes`, where `scopes` is empty")),
    row(
        "jwt_scope_to_policy_mapping",
        "",
        Taken("`apis[].policies.by_scope`, where `scopes` is empty"),
    ),
    row(
        "jwt_expires_at_validation_skew",
        "<jwt>.expiresAtValidationSkew",
        Taken("`providers.*.clock_skew`"),
    ),
    row(
        "jwt_issued_at_validation_skew",
        "<jwt>.issuedAtValidationSkew",
        Taken("`providers.*.clock_skew`"),
    ),
    row(
        "jwt_not_before_validation_skew",
        "<jwt>.notBeforeValidationSkew",
        Taken("`providers.*.clock_skew`"),
    ),
    row(
        "jwt_disable_issued_at_validation",
        "",
        Not("Tyk ignores it, too: `providers.*.clock_skew` says how far clocks may differ"),
    ),
    row(
        "jwt_disable_expires_at_validation",
        "",
        Not("Tyk ignores it, too: `providers.*.allow_no_expiry` lets tokens without `exp` pass"),
    ),
    row(
        "jwt_disable_not_before_validation",
        "",
        Not("Tyk ignores it, too: `providers.*.clock_skew` says how far clocks may differ"),
    ),
    row("", "<jwt>.allowedIssuers", Taken("`providers.*.issuer`")),
    row("", "<jwt>.allowedAudiences", Taken("`providers.*.audiences`")),
    row("", "<jwt>.allowedSubjects", Taken("`providers.*.require`")),
    row("", "<jwt>.jtiValidation", Taken("`providers.*.require`")),
    row("", "<jwt>.customClaimValidation", Taken("`providers.*.require`")),
    row(
        "idp_client_id_mapping_disabled",
        "<jwt>.idpClientIdMappingDisabled",
        Changed(
            "not needed: clients are claims (`providers.*.claims.client`), and nobody looks them up in Redis",
        ),
    ),
    row(
        "idp_client_id_mapping",
        "<jwt>.idpClientIdMapping",
        Not("list clients and policies in `apis[].policies.by_client`"),
    ),
    row(
        "enable_context_vars",
        "<x>.middleware.global.contextVariables",
        Not(
            "no claim becomes a variable: name those that the upstream needs in `providers.*.upstream.headers`",
        ),
    ),
    // Sessions and limits.
    row("session_lifetime", "<auth>.customKeyLifetime", LIFETIME),
    row("session_lifetime_respects_key_expiration", "", LIFETIME),
    row(
        "disable_rate_limit",
        "<x>.middleware.global.skipRateLimit",
        Taken("policies without `rate`"),
    ),
    row("disable_quota", "<x>.middleware.global.skipQuota", Taken("policies without `quota`")),
    row("", "<x>.middleware.global.skipQuotaReset", OPERATING),
    row("dont_set_quota_on_create", "", OPERATING),
    row("global_rate_limit", "<x>.upstream.rateLimit", Taken("`apis[].rate`")),
    // Which requests.
    row("proxy.listen_path", "<x>.server.listenPath.value", Taken("`apis[].match.paths`")),
    row("domain", "<x>.server.customDomain.name", Taken("`apis[].match.hosts`")),
    row("domain_disabled", "<x>.server.customDomain.enabled", Taken("`apis[].match.hosts`")),
    row("", "<x>.server.customDomain.certificates", ROUTES),
    row(
        "CORS.options_passthrough",
        "<x>.middleware.global.cors.optionsPassthrough",
        Changed(
            "became `apis[].cors_preflight`: preflights pass without a credential, other OPTIONS do not",
        ),
    ),
    row("CORS", "<x>.middleware.global.cors", CORS),
    row("enable_ip_whitelisting", "<x>.server.ipAccessControl", ADDRESSES),
    row("allowed_ips", "", ADDRESSES),
    row("enable_ip_blacklisting", "", ADDRESSES),
    row("blacklisted_ips", "", ADDRESSES),
    row("ip_access_control_disabled", "", Silent),
    row("version_data.not_versioned", "", Taken("one API for all requests")),
    row("", "<x>.info.versioning", VERSIONS),
    row("version_data.versions.*.extended_paths.ignored", "", IGNORED),
    row("version_data.versions.*.paths.ignored", "", IGNORED),
    row("version_data.versions.*.extended_paths.white_list", "", BLOCKED),
    row("version_data.versions.*.paths.white_list", "", BLOCKED),
    row("version_data.versions.*.extended_paths.black_list", "", BLOCKED),
    row("version_data.versions.*.paths.black_list", "", BLOCKED),
    row(
        "version_data.versions.*.extended_paths.rate_limit",
        "",
        Not("write an API of its own, with a `rate`, before this one"),
    ),
    row("version_data.versions.*.extended_paths", "", TRANSFORMS),
    row("version_data.versions.*.name", "", Silent),
    row("version_data.versions.*.use_extended_paths", "", Silent),
    row("version_data.versions.*", "", TRANSFORMS),
    row("version_data.default_version", "", Silent),
    row("version_data", "", ROUTES),
    row("definition", "", ROUTES),
    row("", "<x>.middleware.operations.*.ignoreAuthentication", IGNORED),
    row("", "<x>.middleware.operations.*.allow", BLOCKED),
    row("", "<x>.middleware.operations.*.block", BLOCKED),
    row(
        "",
        "<x>.middleware.operations.*.rateLimit",
        Not("write an API of its own, with a `rate`, before this one"),
    ),
    row("", "<x>.middleware.operations", TRANSFORMS),
    row(
        "error_overrides",
        "<x>.errorOverrides",
        Not(
            "a code means the same at every API: statuses and texts are fixed (docs/deny-codes.md)",
        ),
    ),
    row("error_overrides_disabled", "", Silent),
    // Other things.
    row("proxy", "<x>.upstream", ROUTES),
    row("", "<x>.server.listenPath.strip", ROUTES),
    row("upstream_certificates", "", ROUTES),
    row("upstream_certificates_disabled", "", ROUTES),
    row("upstream_auth", "", ROUTES),
    row("pinned_public_keys", "", ROUTES),
    row("certificate_pinning_disabled", "", ROUTES),
    row("certificates", "", ROUTES),
    row("request_signing", "", ROUTES),
    row("uptime_tests", "", ROUTES),
    row("listen_port", "<x>.server.port", ROUTES),
    row("protocol", "<x>.server.protocol", ROUTES),
    row("enable_proxy_protocol", "", ROUTES),
    row("version_name", "", ROUTES),
    row("custom_middleware", "<x>.middleware.global.prePlugin", PLUGIN),
    row("custom_middleware_bundle", "<x>.middleware.global.pluginConfig", PLUGIN),
    row("custom_middleware_bundle_disabled", "", Silent),
    row("", "<x>.middleware.global.prePlugins", PLUGIN),
    row("", "<x>.middleware.global.postAuthenticationPlugin", PLUGIN),
    row("", "<x>.middleware.global.postAuthenticationPlugins", PLUGIN),
    row("", "<x>.middleware.global.postPlugin", PLUGIN),
    row("", "<x>.middleware.global.postPlugins", PLUGIN),
    row("", "<x>.middleware.global.responsePlugin", PLUGIN),
    row("", "<x>.middleware.global.responsePlugins", PLUGIN),
    row("response_processors", "", TRANSFORMS),
    row("cache_options", "<x>.middleware.global.cache", TRANSFORMS),
    row("enable_batch_request_support", "<x>.server.batchProcessing", TRANSFORMS),
    row("graphql", "", TRANSFORMS),
    row("is_graphql", "", TRANSFORMS),
    row("", "<x>.middleware.global", TRANSFORMS),
    row("", "<scheme>.enabled", Taken("`apis[].auth`")),
    row("", "<scheme>", METHOD),
    row("", "<x>.server", OPERATING),
    row("event_handlers", "<x>.server.eventHandlers", OPERATING),
    row("expire_analytics_after", "", OPERATING),
    row("do_not_track", "", OPERATING),
    row("enable_detailed_recording", "<x>.server.detailedActivityLogs", OPERATING),
    row("detailed_tracing", "<x>.server.detailedTracing", OPERATING),
    row("analytics_plugin", "", OPERATING),
    row("config_data", "", OPERATING),
    row("config_data_disabled", "", OPERATING),
    row("tag_headers", "", OPERATING),
    row("tags", "<x>.server.gatewayTags", OPERATING),
    row("tags_disabled", "", OPERATING),
    row("expiration", "<x>.info.expiration", OPERATING),
    row("hook_references", "", OPERATING),
    row("user_group_owners", "", OPERATING),
    row("user_owners", "", OPERATING),
    row("middleware", "", TRANSFORMS),
    row("active", "<x>.info.state", Silent),
    row("internal", "", Silent),
    row("name", "<x>.info.name", Silent),
    row("api_id", "<x>.info.id", Silent),
    row("org_id", "<x>.info.orgId", Silent),
    row("id", "<x>.info.dbId", Silent),
    row("_id", "", Silent),
    row("slug", "<x>.server.slug", Silent),
    row("is_oas", "", Silent),
    row("is_site", "", Silent),
    row("sort_by", "", Silent),
    row("created_at", "", Silent),
    row("updated_at", "", Silent),
    row("categories", "", Silent),
    row("vendor_extensions", "", Silent),
    row("openapi", "openapi", Silent),
    row("", "info", Silent),
    row("", "servers", ROUTES),
    row("", "paths", ROUTES),
    row("", "tags", Silent),
    row("", "externalDocs", Silent),
    row("", "components", TRANSFORMS),
];

/// The fields of a policy: the same, with one form only.
pub(super) static POLICY_ROWS: &[Row] = &[
    row("id", "", Silent),
    row("_id", "", Silent),
    row("name", "", Silent),
    row("org_id", "", Silent),
    row(
        "active",
        "",
        Changed("not needed: Tyk's gateway does not look at it; `is_inactive` is what counts"),
    ),
    row("is_inactive", "", Taken("`policies.*.active`")),
    row("rate", "", Taken("`policies.*.rate`")),
    row("per", "", Taken("`policies.*.rate.per`")),
    row("quota_max", "", Taken("`policies.*.quota`")),
    row("quota_renewal_rate", "", Taken("`policies.*.quota.per`")),
    row(
        "key_expires_in",
        "",
        Changed(
            "not needed: it only ever made a session last longer than its token; where sessions are to end by age, write `policies.*.expires_after`",
        ),
    ),
    row(
        "post_expiry_action",
        "",
        Changed("not needed: nothing depends on how long a record stays: see `sessions.capacity`"),
    ),
    row(
        "post_expiry_grace_period",
        "",
        Changed("not needed: nothing depends on how long a record stays: see `sessions.capacity`"),
    ),
    row("partitions.acl", "", Taken("which parts `policies.*` names")),
    row("partitions.quota", "", Taken("which parts `policies.*` names")),
    row("partitions.rate_limit", "", Taken("which parts `policies.*` names")),
    row(
        "partitions.per_api",
        "",
        Changed(
            "became the rate of each `access` entry; `rate` and `quota` of the policy are counted over all its APIs",
        ),
    ),
    row("partitions.complexity", "", Not("bodies are not read here")),
    row("tags", "", Taken("`policies.*.tags`")),
    row("meta_data", "", Taken("`policies.*.metadata`")),
    row("access_rights.*.api_id", "", Silent),
    row("access_rights.*.api_name", "", Silent),
    row("access_rights.*.versions", "", Changed("not needed: a version is an API of its own here")),
    row("access_rights.*.allowed_urls", "", Taken("`policies.*.access[].paths` and `methods`")),
    row("access_rights.*.limit.rate", "", Taken("`policies.*.access[].rate`")),
    row("access_rights.*.limit.per", "", Taken("`policies.*.access[].rate`")),
    row("access_rights.*.limit.quota_max", "", Taken("`policies.*.quota`")),
    row("access_rights.*.limit.quota_renewal_rate", "", Taken("`policies.*.quota`")),
    row(
        "access_rights.*.limit",
        "",
        Not("requests are not held back or smoothed: 429 with `Retry-After`"),
    ),
    row("access_rights.*.endpoints", "", Taken("`policies.*.access[].rate`")),
    row("access_rights.*.allowance_scope", "", Silent),
    row("access_rights.*.disable_introspection", "", Not("bodies are not read here")),
    row("access_rights.*.restricted_types", "", Not("bodies are not read here")),
    row("access_rights.*.allowed_types", "", Not("bodies are not read here")),
    row("access_rights.*.field_access_rights", "", Not("bodies are not read here")),
    row("access_rights", "", Taken("`policies.*.access`")),
    row(
        "throttle_interval",
        "",
        Not("a client is told when to come again (`Retry-After`), and no request waits"),
    ),
    row(
        "throttle_retry_limit",
        "",
        Not("a client is told when to come again (`Retry-After`), and no request waits"),
    ),
    row("smoothing", "", Not("the pace is even from the start")),
    row("max_query_depth", "", Not("bodies are not read here")),
    row("hmac_enabled", "", METHOD),
    row("enable_http_signature_validation", "", METHOD),
    row("graphql_access_rights", "", Not("bodies are not read here")),
    row("last_updated", "", Silent),
    row("date_created", "", Silent),
];

/// The OAS path of a field, by its classic name, or by its name in the JWT scheme; what has none is
/// its own.
pub(super) fn oas_name(name: &str) -> &str {
    let row = ROWS.iter().find(|row| {
        let own = row.classic == name && !row.oas.is_empty();
        own || row.oas.strip_prefix("<jwt>.") == Some(name)
    });
    row.map_or(name, |row| row.oas)
}

/// A path of the table with its abbreviations written out; `scheme` is the JWT scheme's name.
pub(super) fn expanded(path: &str, scheme: &str) -> String {
    let scheme = if scheme.is_empty() { "*" } else { scheme };
    path.replace("<jwt>", &format!("<auth>.securitySchemes.{scheme}"))
        .replace("<scheme>", "<auth>.securitySchemes.*")
        .replace("<auth>", "<x>.server.authentication")
        .replace("<x>", "x-tyk-api-gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/import-tyk.md");

    /// A row of a table, and whether the page has one that begins so and says so.
    fn is_told(cells: &[&str], fate: Fate) -> bool {
        let cell =
            |path: &&str| if path.is_empty() { "–".to_owned() } else { format!("`{path}`") };
        let (word, text) = match fate {
            Fate::Taken(text) => ("taken over", text.to_owned()),
            Fate::Changed(text) => ("with a change", text.to_owned()),
            Fate::Not(text) => ("not supported", text.to_owned()),
            Fate::Elsewhere(group) => ("elsewhere", format!("Belongs to {group}")),
            Fate::Silent => return true,
        };
        let cells: Vec<_> = cells.iter().map(cell).collect();
        let start = format!("| {} | {word} | ", cells.join(" | ")).to_lowercase();
        let says = |line: &str| {
            let rest = line.to_lowercase();
            rest.strip_prefix(&start).is_some_and(|rest| rest.starts_with(&text.to_lowercase()))
        };
        PAGE.lines().any(says)
    }

    #[test]
    fn every_field_is_on_the_page_with_what_becomes_of_it() {
        for row in ROWS {
            assert!(is_told(&[row.classic, row.oas], row.fate), "{} {}", row.classic, row.oas);
        }
        for row in POLICY_ROWS {
            assert!(is_told(&[row.classic], row.fate), "{}", row.classic);
        }
    }

    #[test]
    fn every_field_has_one_row() {
        for rows in [ROWS, POLICY_ROWS] {
            for (place, row) in rows.iter().enumerate() {
                let same = |other: &Row| {
                    let twice = |one: &str, two: &str| !one.is_empty() && one == two;
                    twice(other.classic, row.classic) || twice(other.oas, row.oas)
                };
                let again = rows.iter().skip(place + 1).find(|other| same(other));
                assert!(again.is_none(), "{} {}", row.classic, row.oas);
            }
        }
    }
}
