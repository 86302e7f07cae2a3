//! Who issues a provider's tokens, tenant by tenant.

use crate::api::holds_brace;
use crate::config::check::written::{not_empty, refuse_repeated};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::provider::{RawDiscovery, RawProvider};
use crate::config::read::{At, Text, items, one_or_many};
use crate::verdict::quoted;

/// What a tenant's name stands for in issuers and URLs.
pub(super) const PLACEHOLDER: &str = "{tenant}";

/// The issuers that share their keys' URL.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    /// What [`PLACEHOLDER`] stands for; `None` for issuers that do not have it.
    pub(super) name: Option<Box<str>>,
    /// The exact `iss`, each with the place where it is written.
    pub(super) issuers: Vec<At<Box<str>>>,
}

impl Tenant {
    /// A text with the tenant's name filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        match &self.name {
            Some(name) => text.replace(PLACEHOLDER, name),
            None => text.to_owned(),
        }
    }
}

/// Returns where `any_issuer` says `true`.
pub(super) fn check(raw: &At<RawProvider>, problems: &mut Problems<'_>) -> Option<usize> {
    let any = raw.any_issuer.says_so();
    if raw.issuer.is_absent() && any.is_none() {
        problems.missing(
            raw.at,
            "issuer",
            "missing; write the exact `iss` of the tokens, or say \"any_issuer\": true",
        );
    }
    if let (Some(any), false) = (any, raw.issuer.is_absent()) {
        problems.refuse(Code::Contradiction, any, "contradicts `issuer`; keep one of the two");
    }
    if let Some(list) = raw.issuer.given()
        && list.0.is_empty()
    {
        problems.refuse(
            Code::ValueEmpty,
            list.at,
            "an empty list would accept nothing; name an issuer, or say \"any_issuer\": true",
        );
    }
    let issuers = one_or_many(&raw.issuer);
    for (index, issuer) in issuers.iter().enumerate() {
        if issuer.contains(PLACEHOLDER) && raw.tenants.is_absent() {
            let message = "holds `{tenant}`, which no token's `iss` does; list in `tenants` what it \
                           stands for";
            problems.refuse(Code::IssuerInvalid, issuer.at, message);
        } else if holds_brace(&issuer.replace(PLACEHOLDER, "")) {
            problems.refuse(
                Code::IssuerInvalid,
                issuer.at,
                "holds `{` or `}`, which no token's `iss` does; list the issuer of each tenant, or \
                 write `{tenant}` and list `tenants`",
            );
        } else if issuer.contains("/.well-known/") {
            problems.refuse(
                Code::IssuerInvalid,
                issuer.at,
                "is a document's URL; the issuer is what stands before `/.well-known/`, as in the \
                 tokens' `iss`",
            );
        } else if issuer.trim() != &***issuer {
            problems.refuse(
                Code::IssuerInvalid,
                issuer.at,
                "begins or ends with a space; `iss` is compared exactly",
            );
        }
        refuse_repeated(issuers, index, issuer, problems);
    }
    check_tenants(raw, any, problems);
    any
}

fn check_tenants(raw: &At<RawProvider>, any: Option<usize>, problems: &mut Problems<'_>) {
    let Some(list) = raw.tenants.given() else { return };
    not_empty(&raw.tenants, "an empty list would accept nothing; name a tenant", problems);
    let issuers = one_or_many(&raw.issuer);
    let none = match issuers {
        // Without issuers there is nothing that a tenant's name could stand in.
        [] => raw.issuer.is_absent() && any.is_some(),
        // A brace is told as what it is, and keys for each tenant where the issuer is written.
        [..] => !issuers.iter().any(|issuer| holds_brace(issuer)) && !by_url(raw),
    };
    if none && !list.is_empty() {
        problems.refuse(
            Code::IssuerInvalid,
            list.at,
            "no issuer holds `{tenant}`; write it where the tenant's name stands, or delete this",
        );
    }
    for (index, tenant) in list.items.iter().enumerate() {
        if !is_tenant(tenant) {
            let message = format!(
                "{} is no tenant: letters, digits, `-`, `.`, `_` and `~` only, as they stand in its \
                 issuer",
                quoted(tenant)
            );
            problems.refuse(Code::ValueInvalid, tenant.at, message);
        }
        refuse_repeated(&list.items, index, tenant, problems);
    }
}

/// Whether a text is a tenant's name.
fn is_tenant(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().all(plain) && !matches!(text, "." | "..")
}

/// Whether the keys' URL has [`PLACEHOLDER`].
pub(super) fn by_url(raw: &RawProvider) -> bool {
    let Some(jwks) = raw.jwks.given() else { return false };
    let discovered = jwks.discovery.given().is_some_and(|discovery| match &discovery.value {
        RawDiscovery::Issuer => false,
        RawDiscovery::Url(url) => url.contains(PLACEHOLDER),
    });
    discovered || jwks.url.given().is_some_and(|url| url.contains(PLACEHOLDER))
}

/// The issuers, tenant by tenant, without tenants whose names are none; those without a tenant stand first.
pub(super) fn tenants(raw: &At<RawProvider>) -> Vec<Tenant> {
    let written = one_or_many(&raw.issuer);
    let is_template = |issuer: &&At<Text>| issuer.contains(PLACEHOLDER);
    let fixed: Vec<_> = written.iter().filter(|issuer| !is_template(issuer)).collect();
    let mut tenants = Vec::new();
    if !fixed.is_empty() {
        let issuers =
            fixed.into_iter().map(|issuer| At { at: issuer.at, value: issuer.value.0.clone() });
        tenants.push(Tenant { name: None, issuers: issuers.collect() });
    }
    for name in items(&raw.tenants).iter().filter(|name| is_tenant(name)) {
        let mut tenant = Tenant { name: Some(name.value.0.clone()), issuers: Vec::new() };
        let templates = written.iter().filter(is_template);
        tenant.issuers =
            templates.map(|one| At { at: one.at, value: tenant.fill(one).into() }).collect();
        tenants.push(tenant);
    }
    tenants
}
