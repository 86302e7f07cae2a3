//! What is wrong with a definition itself: the thirty, each found from its fields.

use serde_json::Value;
use tollgate::http::Url;
use tollgate::verdict::{list, quoted};

use super::case::{Case, Hit, exposed, wrong};
use super::definition::{BASES, Definition, Method};
use super::fields::Form;
use super::policy::Policy;
use super::report::Report;
use super::source::{self, Known, Source};
use super::traps::{self, Trap};
use super::wrong_policies;

type Check = fn(&Case<'_>) -> Vec<Hit>;

/// The thirty, in order.
static CHECKS: [(&Trap, Check); 30] = [
    (&traps::M1, base_identity),
    (&traps::M2, no_base_identity),
    (&traps::M3, raw_url),
    (&traps::M4, no_key_set),
    (&traps::M5, wrong_server),
    (&traps::M6, rotation),
    (&traps::M7, no_kid),
    (&traps::M8, signing_method),
    (&traps::M9, unreadable_key),
    (&traps::M10, wrong_policies::nothing_leads_to_a_policy),
    (&traps::M11, wrong_policies::unknown_policy),
    (&traps::M12, wrong_policies::unknown_policy_in_a_token),
    (&traps::M13, wrong_policies::not_this_api),
    (&traps::M14, wrong_policies::no_rights),
    (&traps::M15, wrong_policies::array_claim),
    (&traps::M16, scope_claim),
    (&traps::M17, nested_claim),
    (&traps::M18, subjects_by_kid),
    (&traps::M19, claim_path),
    (&traps::M20, expiry_skew),
    (&traps::M21, scheme_not_asked),
    (&traps::M22, keyless),
    (&traps::M23, hidden_block),
    (&traps::M24, no_place),
    (&traps::M25, wrong_policies::cannot_be_applied_together),
    (&traps::M26, no_such_field),
    (&traps::M27, one_session),
    (&traps::M28, client_claim),
    (&traps::M29, classic_list),
    (&traps::M30, no_lifetime),
];

/// Reports what is wrong with a definition.
pub(super) fn report(case: &Case<'_>, report: &mut Report) {
    for (trap, check) in &CHECKS {
        for hit in check(case) {
            report.trap(hit.kind, trap, &case.definition.source, hit.field, hit.found);
        }
    }
}

fn methods(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(|method| method.switch()).collect();
    list(&names)
}

fn base_identity(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    let base = definition.base.as_str();
    let right = definition.methods.iter().any(|method| method.base() == base);
    if definition.keyless || base.is_empty() || right {
        return Vec::new();
    }
    let enabled: Vec<_> = definition.methods.iter().map(|method| method.base()).collect();
    let enabled: Vec<_> = enabled.into_iter().filter(|base| !base.is_empty()).collect();
    let what = match BASES.contains(&base) {
        true => "names a method that is not enabled",
        false => "is no value that Tyk knows",
    };
    let remedy = match enabled.as_slice() {
        [] => "remove the field".to_owned(),
        names => format!("write {}, or remove the field", list(names)),
    };
    let found = format!(
        "{} {what}; enabled: {}; in Tyk, {remedy}",
        quoted(base),
        methods(&definition.methods)
    );
    vec![wrong(case.field("base_identity_provided_by"), found)]
}

fn no_base_identity(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    let several = definition
        .branches
        .iter()
        .find(|branch| branch.iter().filter(|method| !method.base().is_empty()).count() > 1);
    let Some(branch) = several.filter(|_| !definition.keyless && definition.base.is_empty()) else {
        return Vec::new();
    };
    let last = branch.last().map_or("", |method| method.switch());
    let found =
        format!("empty, and {} are all asked for; {} is the last", methods(branch), quoted(last));
    vec![wrong(case.field("base_identity_provided_by"), found)]
}

fn raw_url(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let raw = case.has_jwt() && jwt.urls.is_empty() && source::read(&jwt.source, false).1;
    let found = "a URL as it is, not in base64; in Tyk, write it in base64";
    raw.then(|| exposed(case.field("jwt_source"), found)).into_iter().collect()
}

fn no_key_set(case: &Case<'_>) -> Vec<Hit> {
    let doubtful = |(field, url): (String, Url)| {
        let why = source::doubtful(&url)?;
        Some(wrong(field, format!("{} is {why}", source::shown(&url))))
    };
    case.urls().into_iter().filter_map(doubtful).collect()
}

fn wrong_server(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let mut hits = Vec::new();
    for (field, url) in case.urls() {
        let (known, issuers) = source::known(&url);
        let allowed = jwt.issuers.iter().any(|issuer| issuers.contains(issuer));
        if !issuers.is_empty() && !jwt.issuers.is_empty() && !allowed {
            let found = format!(
                "the keys are those of {}, and the issuers allowed are {}",
                list(&issuers),
                list(&jwt.issuers)
            );
            hits.push(wrong(field, found));
        } else if known == Known::OktaOrg {
            let found = "the keys are those of Okta's org server, whose access tokens are for Okta \
                         alone; an API's tokens come from a custom server (…/oauth2/default/v1/keys)";
            hits.push(wrong(field, found));
        } else if known == Known::Okta {
            let found = format!(
                "the keys are those of {} only, beside which Okta has an org server and maybe \
                 others",
                list(&issuers)
            );
            hits.push(exposed(field, found));
        }
    }
    hits
}

fn rotation(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let timeout = |place: usize| jwt.urls.get(place).and_then(|(_, timeout)| timeout.clone());
    let at = |(place, (field, _)): (usize, (String, Url))| {
        let cached =
            timeout(place).map_or_else(|| "240 s".to_owned(), |timeout| timeout.to_string());
        exposed(field, format!("keys are fetched, and cached for {cached}"))
    };
    case.urls().into_iter().enumerate().map(at).collect()
}

fn no_kid(case: &Case<'_>) -> Vec<Hit> {
    let unsure = |(_, url): &(String, Url)| source::known(url).0 == Known::Other;
    let hit = |(field, url): (String, Url)| {
        exposed(
            field,
            format!("nobody can say whether tokens of {} have a `kid`", quoted(url.host())),
        )
    };
    case.urls().into_iter().filter(unsure).map(hit).collect()
}

fn signing_method(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let field = || case.field("jwt_signing_method");
    let found = source::read(&jwt.source, true).0;
    let public = !jwt.urls.is_empty() || matches!(found, Source::Url(_) | Source::Pem(_));
    match jwt.signing.as_str() {
        _ if !case.has_jwt() => Vec::new(),
        "rsa" | "ecdsa" => Vec::new(),
        "hmac" if public => {
            vec![wrong(field(), "`hmac`, and the source is a public key, which is no secret")]
        }
        "hmac" => Vec::new(),
        "" if public => {
            vec![wrong(field(), "empty, and the source is a public key: Tyk assumes hmac")]
        }
        "" => Vec::new(),
        other => {
            let found =
                format!("{} is none of hmac, rsa and ecdsa: Tyk assumes hmac", quoted(other));
            vec![wrong(field(), found)]
        }
    }
}

fn unreadable_key(case: &Case<'_>) -> Vec<Hit> {
    let can =
        |(_, url): &(String, Url)| matches!(source::known(url).0, Known::Other | Known::Keycloak);
    let hit = |(field, url): (String, Url)| {
        exposed(field, format!("whoever runs {} can add a key of another kind", quoted(url.host())))
    };
    case.urls().into_iter().filter(can).map(hit).collect()
}

fn scope_claim(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let writes_scp = case
        .known()
        .iter()
        .any(|known| matches!(known, Known::Okta | Known::OktaOrg | Known::Entra));
    let default = jwt.scope_claims.iter().all(|claim| claim == "scope");
    if jwt.scope_policies.is_empty() || !writes_scp || !default {
        return Vec::new();
    }
    let found = "the claim is `scope`, and this provider's access tokens have `scp`";
    vec![wrong(case.field("scopes.jwt.scope_claim_name"), found)]
}

fn nested_claim(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    if !case.has_jwt() {
        return Vec::new();
    }
    let is_url = |claim: &str| claim.contains("://");
    let lost = |claim: &&String| match definition.form {
        Form::Classic => is_url(claim) && claim.contains('.'),
        Form::Oas => claim.contains('.'),
    };
    let field = case.field("scopes.jwt.scope_claim_name");
    let claims = definition.jwt.scope_claims.iter().filter(lost);
    claims.map(|claim| wrong(field.clone(), format!("{} is never found", quoted(claim)))).collect()
}

fn subjects_by_kid(case: &Case<'_>) -> Vec<Hit> {
    let jwt = &case.definition.jwt;
    let compared = !jwt.subjects.is_empty() && !jwt.skip_kid && !case.urls().is_empty();
    let found = "subjects are listed, keys come from a key set, and skipKid is off";
    compared.then(|| wrong(case.field("allowedSubjects"), found)).into_iter().collect()
}

fn claim_path(case: &Case<'_>) -> Vec<Hit> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '*');
    let field = case.field("customClaimValidation");
    let hit = |(claim, _): &(String, Value)| {
        let wrong = wrong(field.clone(), format!("{} is no path behind `$.`", quoted(claim)));
        (!claim.chars().all(plain)).then_some(wrong)
    };
    case.definition.jwt.custom.iter().filter_map(hit).collect()
}

fn expiry_skew(case: &Case<'_>) -> Vec<Hit> {
    let [expiry, ..] = case.definition.jwt.skews;
    let found = format!("{expiry} seconds, of which a token's first request has none");
    let hit = wrong(case.field("jwt_expires_at_validation_skew"), found);
    (case.has_jwt() && expiry > 0).then_some(hit).into_iter().collect()
}

fn scheme_not_asked(case: &Case<'_>) -> Vec<Hit> {
    let why = case.definition.not_asked.iter();
    why.map(|why| wrong(case.field("enable_jwt"), why.clone())).collect()
}

fn keyless(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    if !definition.keyless || definition.switched_on.is_empty() {
        return Vec::new();
    }
    let (field, what) = match definition.form {
        Form::Classic => ("use_keyless", "true"),
        Form::Oas => ("<auth>.enabled", "off"),
    };
    vec![wrong(case.field(field), format!("{what}, beside {}", list(&definition.switched_on)))]
}

fn hidden_block(case: &Case<'_>) -> Vec<Hit> {
    let header = case.definition.legacy_header.iter().filter(|_| case.has_jwt());
    let hit = |header: &String| {
        let found = format!(
            "{}, and `auth_configs.jwt` is there, so that `Authorization` or its own header is \
             looked at",
            quoted(header)
        );
        wrong("auth.auth_header_name", found)
    };
    header.map(hit).collect()
}

fn no_place(case: &Case<'_>) -> Vec<Hit> {
    let nowhere = case.has_jwt() && case.definition.jwt.places.nowhere;
    let field = case.field("auth_configs.jwt.disable_header");
    nowhere
        .then(|| wrong(field, "no header, no parameter and no cookie is enabled"))
        .into_iter()
        .collect()
}

fn no_such_field(case: &Case<'_>) -> Vec<Hit> {
    let names = [
        "jwt_disable_issued_at_validation",
        "jwt_disable_expires_at_validation",
        "jwt_disable_not_before_validation",
    ];
    let mut hits = Vec::new();
    for name in names {
        if case.definition.raw.get(name).and_then(Value::as_bool) == Some(true) {
            hits.push(wrong(name, "true, and nothing reads it"));
        }
    }
    hits
}

/// Sessions are shared by organisation: two issuers of one definition, or two definitions that give
/// other policies or take other keys.
fn one_session(case: &Case<'_>) -> Vec<Hit> {
    let own = case.definition;
    if !case.has_jwt() {
        return Vec::new();
    }
    if own.jwt.urls.len() > 1 {
        let found =
            format!("{} key sets, whose issuers may have the same subjects", own.jwt.urls.len());
        return vec![exposed(case.field("jwt_jwks_uris"), found)];
    }
    let differs = |other: &&Definition| {
        other.org == own.org
            && other.id != own.id
            && other.asks(Method::Jwt)
            && (other.jwt.source != own.jwt.source
                || other.jwt.defaults != own.jwt.defaults
                || other.jwt.scope_policies != own.jwt.scope_policies)
    };
    let other = case.all.iter().find(differs);
    let hit = |other: &Definition| {
        let found = format!(
            "the same organisation as {}, which takes other keys or gives other policies",
            other.source
        );
        exposed(case.field("org_id"), found)
    };
    other.map(hit).into_iter().collect()
}

fn client_claim(case: &Case<'_>) -> Vec<Hit> {
    let looks = case.has_jwt() && case.definition.jwt.client_mapping;
    let found = "off, so that clientId, cid or client_id of every token is looked up";
    looks
        .then(|| exposed(case.field("idp_client_id_mapping_disabled"), found))
        .into_iter()
        .collect()
}

fn classic_list(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    let listed = definition.form == Form::Classic && !definition.jwt.urls.is_empty();
    let found = "a list of key sets in a classic definition";
    (listed && case.has_jwt()).then(|| wrong("jwt_jwks_uris", found)).into_iter().collect()
}

fn no_lifetime(case: &Case<'_>) -> Vec<Hit> {
    let definition = case.definition;
    let ended = |policy: &&(String, &Policy)| {
        policy
            .1
            .raw
            .get("post_expiry_action")
            .and_then(Value::as_str)
            .is_some_and(|a| !a.is_empty())
    };
    let policies = case.known_policies();
    let by_policies = !policies.is_empty() && policies.iter().all(|policy| ended(&policy));
    if !case.has_jwt() || definition.keyless || definition.lifetime || by_policies {
        return Vec::new();
    }
    vec![exposed(case.field("session_lifetime"), "not set, or 0")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thirty_are_looked_for_in_order_and_on_the_page_as_they_are() {
        let page = include_str!("../../../docs/import-tyk.md");
        for ((trap, _), number) in CHECKS.iter().zip(1..) {
            assert_eq!((trap.number, trap.code), (number, format!("tyk-m{number}").as_str()));
            let start = format!("| `{}` | ", trap.code);
            let row = page.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
            let told = format!("| {} | {} | {} |", trap.seen, trap.why, trap.here);
            assert!(row.ends_with(&told), "{row}\n{told}");
        }
    }
}
