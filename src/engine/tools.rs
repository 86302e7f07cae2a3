//! What a request calls, where its API is a server of MCP, and whether the page that caused it may.

use super::metrics::counts::Counts;
use super::trail::Trail;
use super::words::quote::shown;
use crate::api::Api;
use crate::http::RequestHead;
use crate::mcp::{Call, Called};
use crate::trace::Decided;
use crate::verdict::{Deny, Refusal, Step, quoted};

/// Refuses what a page of an unknown origin causes.
///
/// # Errors
///
/// [`Deny::OriginRefused`].
pub(super) fn page(api: &Api, head: &RequestHead) -> Result<(), Refusal> {
    let Some(mcp) = api.mcp.as_ref().filter(|mcp| !mcp.is_from_known_page(head)) else {
        return Ok(());
    };
    let origin = head.first("origin").unwrap_or_default();
    let known = crate::verdict::list(&mcp.origins);
    let reason = format!(
        "a page of {}, if not of several origins, calls a server of MCP; `origins` and `resource.url` \
         know {known}",
        shown(origin)
    );
    let remedy = "add the origin to `apis[].mcp.origins` if the page is yours";
    Err(Refusal::new(Deny::OriginRefused, reason).with_remedy(remedy))
}

/// What a request calls; `None` where its API is no server of MCP, or its revision is another.
///
/// # Errors
///
/// [`Deny::McpHeaderInvalid`], [`Deny::McpVersionRefused`].
pub(super) fn call<'h>(
    api: &Api,
    head: &'h RequestHead,
    counts: &Counts,
    trail: &mut Trail,
) -> Result<Option<Call<'h>>, Refusal> {
    let Some(mcp) = &api.mcp else { return Ok(None) };
    let read = mcp.call(head);
    let read = read.map_err(|invalid| Refusal::new(Deny::McpHeaderInvalid, invalid.words()))?;
    let Some(call) = read else {
        counts.mcp_legacy.raise();
        let version = || match head.first("mcp-protocol-version") {
            Some(version) => format!("the revision {}", shown(version)),
            None => "a request without `MCP-Protocol-Version`".to_owned(),
        };
        if mcp.refuses_others {
            let reason = format!(
                "{}, and the API takes {} alone",
                version(),
                crate::verdict::list(&mcp.versions)
            );
            return Err(Refusal::new(Deny::McpVersionRefused, reason));
        }
        trail.steps.note(Step::Mcp, Decided::Skipped, || {
            (version(), "what it calls is not known: entries with `mcp` do not grant it".to_owned())
        });
        return Ok(None);
    };
    trail.mcp_method = Some(call.method.into());
    if let Called::Name(name) = &call.name {
        trail.mcp_name = Some((&**name).into());
    }
    trail.steps.note(Step::Mcp, Decided::Passed, || {
        let name = match &call.name {
            Called::Name(name) => format!(", of {}", quoted(name)),
            Called::Nothing => String::new(),
            Called::Unclear => ", in letters that only some servers take for a method".to_owned(),
        };
        (Step::Mcp.looks_at().to_owned(), format!("it calls {}{name}", quoted(call.method)))
    });
    Ok(Some(call))
}
