//! What APIs are to clients, beside who vouches there: the documents, and what would mislead.

use crate::api::{Auth, PathPattern};
use crate::config::check::drafts::{
    ApiDraft, Drafts, JwtDraft, McpDraft, ProviderDraft, Providers, ResourceDraft, provider,
};
use crate::config::code::Code;
use crate::config::problems::Problems;
use crate::config::raw::RawConfig;
use crate::http::RequestPath;
use crate::json;
use crate::provider;
use crate::resource::{Identifier, Resource, WELL_KNOWN};

/// Each resource is one API's, and its tokens are for it alone.
pub(super) fn check(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let Drafts { providers, apis, .. } = drafts;
    let resources = || apis.iter().filter_map(|api| Some((api, api.resource.as_ref()?)));
    for api in apis.iter().filter(|api| matches!(api.auth, Some(Auth::Branches { .. }))) {
        let at = api.resource.as_ref().map(|one| one.at).or(api.mcp.as_ref().map(|one| one.at));
        if let Some(at) = at {
            refuse_any_audience((api, at), providers, problems);
        }
        if let Some(mcp) = &api.mcp {
            tokens_of_mcp((api, mcp), providers, problems);
        }
    }
    for (index, (api, resource)) in resources().enumerate() {
        refuse_shared_urls(resource, resources().take(index), problems);
        if matches!(api.auth, Some(Auth::Branches { .. })) {
            warn_of_audiences((api, resource), providers, problems);
            servers((api, resource), providers, problems);
        }
        for place in &resource.places {
            warn_of_apis(apis, &place.value.document_path(), place.at, problems);
        }
    }
    refuse_page(raw, drafts, problems);
}

fn refuse_shared_urls<'d>(
    resource: &ResourceDraft,
    before: impl Iterator<Item = (&'d ApiDraft, &'d ResourceDraft)> + Clone,
    problems: &mut Problems<'_>,
) {
    for place in &resource.places {
        let has_it =
            |other: &ResourceDraft| other.places.iter().any(|one| one.value == place.value);
        if let Some((api, _)) = before.clone().find(|(_, other)| has_it(other)) {
            problems.refuse(
                Code::ValueTwice,
                place.at,
                format_args!(
                    "the API `{}` has this URL, too, and clients could not tell the two apart; give \
                     each its own",
                    api.shown()
                ),
            );
        }
    }
}

/// The JWT issuers that an API lists.
fn issuers<'p>(
    api: &ApiDraft,
    providers: &'p Providers,
) -> impl Iterator<Item = (&'p ProviderDraft, &'p JwtDraft)> {
    let listed = api.providers.iter().filter_map(|id| provider(providers, *id));
    listed.filter_map(|draft| Some((draft, draft.jwt()?)))
}

/// A token that is for anything would be for this resource, too, whoever it was given to.
fn refuse_any_audience(
    (api, at): (&ApiDraft, usize),
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    if api.audiences.is_some() {
        return;
    }
    // Where no bearer token is taken, none is for another.
    let any = |(draft, jwt): &(&ProviderDraft, &JwtDraft)| {
        jwt.requirements.audiences.is_none() && !draft.from.is_empty()
    };
    if let Some((draft, _)) = issuers(api, providers).find(any) {
        problems.refuse(
            Code::AudienceUnchecked,
            at,
            format_args!(
                "tokens of provider `{}` may be for any audience, so those for another server would \
                 pass here; write this API's `audiences`",
                draft.shown()
            ),
        );
    }
}

/// Tokens of MCP stand in `Authorization`, and go no further than this server.
fn tokens_of_mcp(
    (api, mcp): (&ApiDraft, &McpDraft),
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    for draft in api.providers.iter().filter_map(|id| provider(providers, *id)) {
        for place in draft.from.iter().filter(|place| api.reads(&place.value)) {
            if let provider::Place::Query { .. } = place.value.place {
                problems.refuse(
                    Code::PlaceRefused,
                    place.at,
                    format_args!(
                        "the API `{}` has `mcp`, whose clients must not send tokens in the query; list \
                         the other APIs in this place's `apis`",
                        api.shown()
                    ),
                );
            }
        }
        if draft.upstream.keep_credential {
            problems.warn(
                Code::CredentialKept,
                mcp.at,
                format_args!(
                    "provider `{}` says \"credential\": \"keep\", so the server gets tokens that it \
                     could use elsewhere in its callers' names; delete that, unless the server checks \
                     them itself",
                    draft.shown()
                ),
            );
        }
    }
}

fn warn_of_audiences(
    (api, resource): (&ApiDraft, &ResourceDraft),
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    let of_providers = issuers(api, providers).flat_map(|(_, jwt)| &jwt.requirements.audiences);
    let audiences: Vec<&str> = match &api.audiences {
        Some(own) => own.iter().map(AsRef::as_ref).collect(),
        None => of_providers.flatten().map(AsRef::as_ref).collect(),
    };
    // An API of keys alone has tokens for nobody.
    for place in resource.places.iter().filter(|_| !audiences.is_empty()) {
        let url = place.value.url();
        if !audiences.iter().any(|audience| **audience == *url) {
            problems.warn(
                Code::ResourceNoAudience,
                place.at,
                "clients ask for tokens for this URL (RFC 8707), and no `audiences` here has it: add \
                 it where the provider writes what was asked for into `aud`; Entra does not, and \
                 refuses a `resource` that is not the start of the scopes (AADSTS9010010): there \
                 list its full scopes in `resource.scopes`",
            );
        }
    }
}

/// Where a provider has no issuer to name, clients must be told where to go.
fn servers(
    (api, resource): (&ApiDraft, &ResourceDraft),
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    if resource.servers_at.is_some() {
        return;
    }
    let without = |(_, jwt): &(&ProviderDraft, &JwtDraft)| {
        jwt.any_issuer.is_some() || jwt.asked.is_some() && jwt.issuers.is_empty()
    };
    if let Some((draft, jwt)) = issuers(api, providers).find(without) {
        let (name, takes) =
            (draft.shown(), if jwt.asked.is_some() { "has no" } else { "takes tokens of any" });
        problems.missing(
            resource.at,
            "authorization_servers",
            format_args!(
                "missing; provider `{name}` {takes} issuer, so that none can be told to clients: name \
                 those that they may go to"
            ),
        );
    }
}

/// Warns of an API that names the path of a document: its requests get the document.
fn warn_of_apis(apis: &[ApiDraft], path: &str, at: usize, problems: &mut Problems<'_>) {
    let Ok(parsed) = RequestPath::parse(path.as_bytes()) else { return };
    let asked = parsed.segments();
    let unnamed = vec![[0_u8]; asked.len()];
    let names = |pattern: &PathPattern| pattern.matches(asked) && !pattern.matches(&unnamed);
    let takes = |api: &&ApiDraft| api.matcher.iter().flat_map(|matcher| &matcher.paths).any(names);
    if let Some(name) = apis.iter().find(takes).and_then(|api| api.name.as_ref()) {
        problems.warn(
            Code::ResourceOnApi,
            at,
            format_args!(
                "the API `{name}` names `{path}`, where this resource's document is: requests for it \
                 get this document, and what the upstream serves there is not seen; delete the path \
                 from that API"
            ),
        );
    }
}

/// The operator's page and a document are not one another's.
fn refuse_page(raw: &RawConfig, drafts: &Drafts, problems: &mut Problems<'_>) {
    let Some(path) = raw.status.given().and_then(|status| status.path.given()) else { return };
    let all = || drafts.apis.iter().filter_map(|api| api.resource.as_ref());
    let places = || all().flat_map(|resource| &resource.places);
    let mut documents: Vec<_> = places().map(|place| place.value.document_path()).collect();
    if !documents.is_empty() {
        documents.push(WELL_KNOWN.to_owned());
    }
    let page = path.trim_end_matches('/');
    let is_page = |document: &String| {
        document.strip_prefix(page).is_some_and(|rest| matches!(rest, "" | "/ready"))
    };
    if documents.iter().any(is_page) {
        problems.refuse(
            Code::Contradiction,
            path.at,
            "is where the document of an API's `resource` is; choose another path: \"/.tollgate\"",
        );
    }
}

/// An API as clients know it, with its documents; `None` where it is no resource, or a wrong one.
pub(in crate::config::check) fn published(
    api: &ApiDraft,
    providers: &Providers,
) -> Option<Resource> {
    let draft = api.resource.as_ref()?;
    let mut servers: Vec<&str> = Vec::new();
    match &draft.authorization_servers {
        Some(named) => servers.extend(named.iter().map(AsRef::as_ref)),
        None => {
            for issuer in issuers(api, providers).flat_map(|(_, jwt)| &jwt.issuers) {
                if !servers.contains(&&*issuer.value) {
                    servers.push(&issuer.value);
                }
            }
        }
    }
    let scopes = draft.scopes.as_ref().unwrap_or(&api.scopes);
    let scopes: Vec<&str> = scopes.iter().map(AsRef::as_ref).collect();
    let mut members = String::new();
    for (name, texts, is_said_where_empty) in [
        ("authorization_servers", servers, false),
        ("scopes_supported", scopes, false),
        // That there is no such method is worth saying.
        ("bearer_methods_supported", methods(api, providers), true),
    ] {
        if is_said_where_empty || !texts.is_empty() {
            name_member(name, &mut members);
            members.push_str(&json::text(&texts.into()));
        }
    }
    for (name, text) in &draft.texts {
        name_member(name, &mut members);
        members.push_str(&json::text(&(**text).into()));
    }
    let mut known_as = Vec::new();
    for place in &draft.places {
        known_as.push(Identifier::new(place.value.clone(), &members));
    }
    (!known_as.is_empty()).then_some(Resource { known_as })
}

fn name_member(name: &str, out: &mut String) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

/// Where a client may put its token (RFC 6750 §2), of those places that clients know.
fn methods(api: &ApiDraft, providers: &Providers) -> Vec<&'static str> {
    let (mut header, mut query) = (false, false);
    for (draft, _) in issuers(api, providers) {
        for place in draft.from.iter().map(|place| &place.value).filter(|place| api.reads(place)) {
            match &place.place {
                provider::Place::Header { name, scheme: Some(scheme) } => {
                    header |= &**name == "authorization" && scheme.eq_ignore_ascii_case("bearer");
                }
                provider::Place::Query { name } => query |= &**name == "access_token",
                provider::Place::Header { .. } | provider::Place::Cookie { .. } => {}
            }
        }
    }
    let mut methods = Vec::new();
    for (is_one, name) in [(header, "header"), (query, "query")] {
        if is_one {
            methods.push(name);
        }
    }
    methods
}
