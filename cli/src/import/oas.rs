//! OAS definitions: an OpenAPI document with `x-tyk-api-gateway`.

use serde_json::Value;

use super::definition::{Definition, Jwt, Method, Places, url_of};
use super::fields::Form;
use super::limits;
use super::read::Reader;

const AUTH: &str = "x-tyk-api-gateway.server.authentication";

const CERTIFICATE: &str = "x-tyk-api-gateway.server.clientCertificates.enabled";

/// A scheme: what OpenAPI says of it, and what Tyk adds.
struct Scheme<'v> {
    name: &'v str,
    method: Method,
    /// Whether it is JWT in all but the exact spelling.
    misspelt: bool,
    tyk: &'v Value,
    enabled: bool,
}

pub(super) fn read(value: &Value) -> Definition {
    let read = Reader::new(value);
    let schemes = schemes(&read);
    let (branches, asked) = branches(&read, &schemes);
    let all_jwt = || schemes.iter().filter(|scheme| scheme.method == Method::Jwt);
    let asked_jwt = || {
        let good = |scheme: &&Scheme<'_>| scheme.enabled && !scheme.misspelt;
        all_jwt().filter(good).filter(|scheme| asked.iter().any(|name| name == scheme.name))
    };
    let jwt = asked_jwt().next().or_else(|| all_jwt().next());
    let (rate, odd_rate) = rate(&read);
    let mut definition = Definition {
        source: String::new(),
        form: Form::Oas,
        raw: value.clone(),
        id: read.text("x-tyk-api-gateway.info.id"),
        org: read.text("x-tyk-api-gateway.info.orgId"),
        title: read.text("x-tyk-api-gateway.info.name"),
        off: off(&read),
        keyless: !read.flag(&format!("{AUTH}.enabled")),
        listen: read.text("x-tyk-api-gateway.server.listenPath.value"),
        host: match read.flag("x-tyk-api-gateway.server.customDomain.enabled") {
            true => read.text("x-tyk-api-gateway.server.customDomain.name"),
            false => String::new(),
        },
        strip: read.flag(&format!("{AUTH}.stripAuthorizationData")),
        base: read.text(&format!("{AUTH}.baseIdentityProvider")),
        methods: Vec::new(),
        switched_on: {
            let on = schemes.iter().filter(|scheme| scheme.enabled);
            let on = on.map(|scheme| format!("securitySchemes.{}", scheme.name));
            on.chain(read.flag(CERTIFICATE).then(|| "clientCertificates".to_owned())).collect()
        },
        branches,
        scheme: jwt.map(|scheme| scheme.name.to_owned()).unwrap_or_default(),
        other_jwt: {
            let others = all_jwt().map(|scheme| scheme.name.to_owned());
            others.filter(|name| jwt.is_none_or(|jwt| jwt.name != name)).collect()
        },
        several_jwt: asked_jwt().count() > 1,
        not_asked: None,
        jwt: Jwt::default(),
        key_places: Places::default(),
        legacy_header: None,
        lifetime: read.flag(&format!("{AUTH}.customKeyLifetime.enabled")),
        no_rate: read.flag("x-tyk-api-gateway.middleware.global.skipRateLimit"),
        no_quota: read.flag("x-tyk-api-gateway.middleware.global.skipQuota"),
        rate,
        odd_rate,
        options_pass: read.flag("x-tyk-api-gateway.middleware.global.cors.enabled")
            && read.flag("x-tyk-api-gateway.middleware.global.cors.optionsPassthrough"),
        recorded: read.flag("x-tyk-api-gateway.server.detailedActivityLogs.enabled"),
        members: Vec::new(),
        wrong_types: Vec::new(),
    };
    if let Some(jwt) = jwt {
        let own = Reader::new(jwt.tyk);
        definition.jwt = self::jwt(&own);
        let prefix = format!("{AUTH}.securitySchemes.{}", jwt.name);
        let wrong = own.wrong().into_iter().map(|wrong| format!("{prefix}.{wrong}"));
        definition.wrong_types.extend(wrong);
        definition.not_asked = not_asked(&definition, jwt);
    }
    if let Some(key) = schemes.iter().find(|scheme| scheme.method == Method::Key) {
        definition.key_places = places(&Reader::new(key.tyk));
    }
    let certificate = read.flag(CERTIFICATE);
    settle(&mut definition, certificate);
    definition.wrong_types.extend(read.wrong());
    definition
}

fn off(read: &Reader<'_>) -> Option<&'static str> {
    let state = "x-tyk-api-gateway.info.state";
    let active =
        read.get(&format!("{state}.active")).is_none() || read.flag(&format!("{state}.active"));
    match (active, read.flag(&format!("{state}.internal"))) {
        (false, _) => Some("its state is not active: Tyk does not serve it"),
        (_, true) => Some("its state is internal: nobody can call it from outside"),
        _ => None,
    }
}

/// The rate of the whole API, and whether there is one that cannot be said.
fn rate(read: &Reader<'_>) -> (Option<limits::Rate>, bool) {
    let block = "x-tyk-api-gateway.upstream.rateLimit";
    let off = read.flag("x-tyk-api-gateway.middleware.global.skipRateLimit");
    if off || !read.flag(&format!("{block}.enabled")) {
        return (None, false);
    }
    let number = read.number(&format!("{block}.rate"));
    let per = read.get(&format!("{block}.per")).and_then(limits::millis);
    let rate = per.and_then(|per| limits::rate_in(number, per));
    (rate, rate.is_none() && limits::is_positive(number))
}

fn schemes<'v>(read: &Reader<'v>) -> Vec<Scheme<'v>> {
    let tyk = read.get(&format!("{AUTH}.securitySchemes"));
    let mut schemes = Vec::new();
    for (name, openapi) in read.members("components.securitySchemes") {
        let own = tyk.and_then(|tyk| tyk.get(name)).unwrap_or(&Value::Null);
        let word = |field: &str| openapi.get(field).and_then(Value::as_str).unwrap_or_default();
        let looks = own.get("signingMethod").is_some()
            || own.get("jwksURIs").is_some()
            || own.get("source").is_some();
        let (method, misspelt) = match (word("type"), word("scheme"), word("bearerFormat")) {
            ("http", "bearer", "JWT") => (Method::Jwt, false),
            ("http", "bearer", _) => (Method::Jwt, true),
            _ if looks => (Method::Jwt, true),
            ("http", "basic", _) => (Method::Basic, false),
            ("oauth2", ..) if own.get("providers").is_some() => (Method::ExternalOAuth, false),
            ("oauth2", ..) => (Method::OAuth, false),
            ("openIdConnect", ..) => (Method::OpenId, false),
            ("apiKey", ..) => (Method::Key, false),
            _ => (Method::Custom, false),
        };
        let enabled = Reader::new(own).flag("enabled");
        schemes.push(Scheme { name, method, misspelt, tyk: own, enabled });
    }
    schemes
}

/// Who must vouch together, and the names of all that are asked.
fn branches(read: &Reader<'_>, schemes: &[Scheme<'_>]) -> (Vec<Vec<Method>>, Vec<String>) {
    let mut named: Vec<Vec<String>> = Vec::new();
    for requirement in read.list("security") {
        let names = requirement.as_object().map(|members| members.keys().cloned().collect());
        named.extend(names);
    }
    let mut compliant = read.text(&format!("{AUTH}.securityProcessingMode")) == "compliant";
    if compliant {
        for group in read.list(&format!("{AUTH}.security")) {
            let names = group.as_array().into_iter().flatten();
            named.push(names.filter_map(|name| name.as_str().map(str::to_owned)).collect());
        }
    }
    // One requirement is no alternative: then all that is enabled must vouch.
    compliant &= named.len() > 1;
    if !compliant {
        named.truncate(1);
    }
    let asked = named.concat();
    let extra: Vec<_> =
        [("hmac", Method::Hmac), ("custom", Method::Custom), ("oidc", Method::OpenId)]
            .into_iter()
            .filter(|(name, _)| read.flag(&format!("{AUTH}.{name}.enabled")))
            .collect();
    let mut branches = Vec::new();
    for names in named {
        let mut methods = Vec::new();
        let mut whole = true;
        for name in &names {
            let scheme = schemes.iter().find(|scheme| scheme.name == *name);
            let method = scheme
                .filter(|scheme| scheme.enabled && !scheme.misspelt)
                .map(|scheme| scheme.method)
                .or_else(|| extra.iter().find(|(known, _)| known == name).map(|(_, m)| *m));
            whole &= method.is_some();
            methods.extend(method);
        }
        if !compliant {
            methods.extend(extra.iter().map(|(_, method)| *method));
        }
        methods.sort();
        methods.dedup();
        // In the mode with alternatives a group that names what is not there never passes.
        if !methods.is_empty() && (whole || !compliant) && !branches.contains(&methods) {
            branches.push(methods);
        }
    }
    if branches.is_empty() {
        let all: Vec<_> = extra.iter().map(|(_, method)| *method).collect();
        branches.extend((!all.is_empty()).then_some(all));
    }
    (branches, asked)
}

fn not_asked(definition: &Definition, jwt: &Scheme<'_>) -> Option<String> {
    if definition.keyless || definition.asks(Method::Jwt) {
        return None;
    }
    Some(match (jwt.misspelt, jwt.enabled) {
        (true, _) => format!(
            "components.securitySchemes.{} is not http, bearer, bearerFormat `JWT` to the letter",
            jwt.name
        ),
        (_, false) => format!("`{}` has no \"enabled\": true in {AUTH}.securitySchemes", jwt.name),
        _ => format!("`{}` does not stand in the first entry of `security`", jwt.name),
    })
}

/// Says who vouches where nothing that is enabled is required.
fn settle(definition: &mut Definition, certificate: bool) {
    if definition.branches.is_empty() {
        let meant = match definition.not_asked {
            Some(_) => Method::Jwt,
            None => Method::Key,
        };
        definition.branches.push(vec![meant]);
    }
    // It is asked for before everything else.
    if certificate {
        for branch in &mut definition.branches {
            branch.insert(0, Method::Certificate);
        }
    }
    let mut methods = definition.branches.concat();
    methods.sort();
    methods.dedup();
    definition.methods = methods;
}

fn jwt(read: &Reader<'_>) -> Jwt {
    let or = |list: &str, single: &str| match read.texts(list) {
        empty if empty.is_empty() => {
            Vec::from_iter(Some(read.text(single)).filter(|name| !name.is_empty()))
        }
        list => list,
    };
    let mapping = read.list("scopes.scopeToPolicyMapping").iter().filter_map(|one| {
        let word = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((word("scope")?, word("policyId")?))
    });
    Jwt {
        signing: read.text("signingMethod"),
        source: read.text("source"),
        urls: read.list("jwksURIs").iter().filter_map(url_of).collect(),
        skip_kid: read.flag("skipKid"),
        identity: or("subjectClaims", "identityBaseField"),
        policy_claims: or("basePolicyClaims", "policyFieldName"),
        client_claim: read.text("clientBaseField"),
        defaults: read.texts("defaultPolicies"),
        scope_claims: or("scopes.claims", "scopes.claimName"),
        scope_policies: mapping.collect(),
        skews: ["expiresAtValidationSkew", "issuedAtValidationSkew", "notBeforeValidationSkew"]
            .map(|path| read.number(path).and_then(|skew| skew.as_u64()).unwrap_or(0)),
        issuers: read.texts("allowedIssuers"),
        audiences: read.texts("allowedAudiences"),
        subjects: read.texts("allowedSubjects"),
        jti: read.flag("jtiValidation.enabled"),
        custom: {
            let rules = read.members("customClaimValidation").into_iter();
            rules.map(|(claim, rule)| (claim.clone(), rule.clone())).collect()
        },
        client_mapping: !read.flag("idpClientIdMappingDisabled"),
        places: places(read),
    }
}

fn places(read: &Reader<'_>) -> Places {
    let name = |place: &str, default: &str| match read.text(&format!("{place}.name")) {
        empty if empty.is_empty() => default.to_owned(),
        name => name,
    };
    let header = read.flag("header.enabled").then(|| name("header", "Authorization"));
    let fallback = header.clone().unwrap_or_else(|| "Authorization".into());
    let query = read.flag("query.enabled").then(|| name("query", &fallback));
    let cookie = read.flag("cookie.enabled").then(|| name("cookie", &fallback));
    let nowhere = header.is_none() && query.is_none() && cookie.is_none();
    Places { headers: header.into_iter().collect(), query, cookie, nowhere }
}
