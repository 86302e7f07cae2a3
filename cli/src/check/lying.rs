//! Whether a server of MCP refuses a request whose headers say something else than its body: what an
//! API's `mcp` relies upon, asked of the server itself.

use std::time::Duration;

use serde_json::Value;
use tollgate::event::{CallRequest, SecretBytes};
use tollgate::http::Url;
use tollgate::verdict::quoted;

use super::code::FileCode;
use super::report::{Remark, Severity};
use crate::online::Client;
use crate::yaml::Place;

/// The revision whose headers are believed.
const REVISION: &str = "2026-07-28";
/// What JSON-RPC's `error` has where headers and body differ.
const MISMATCH: i64 = -32020;
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BODY: usize = 64 * 1024;

/// Sends one request whose header names another tool than its body, neither of which any server has.
pub(super) fn ask(url: &Url, client: &Client, at: Place) -> (Option<Remark>, String) {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"tollgate-check-body","arguments":{{}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{REVISION}","io.modelcontextprotocol/clientInfo":{{"name":"tollgate-check","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let mut request = CallRequest::document(url, "mcp", TIMEOUT, MAX_BODY);
    request.method = "POST";
    request.headers = [
        ("accept", "application/json, text/event-stream"),
        ("accept-encoding", "identity"),
        ("content-type", "application/json"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "tollgate-check-header"),
        ("mcp-protocol-version", REVISION),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    request.body = SecretBytes(body.into_bytes().into());
    let problem = |code, message| Some(Remark::new(Severity::Problem, code, at, "mcp", message));
    let shown = format!("{}://{}{}", url.scheme(), url.authority, url.path);
    let answer = match client.call(&request) {
        Ok(answer) => answer,
        Err(why) => {
            let message = format!("{shown}: {why}");
            return (problem(FileCode::OnlineFailed, message.clone()), message);
        }
    };
    let text = String::from_utf8_lossy(&answer.body);
    let line = format!("{shown}: status {} to a request whose header lies", answer.status);
    let message = match error(&text) {
        Some(MISMATCH) => return (None, format!("{line}, error {MISMATCH}: it compares the two")),
        _ if matches!(answer.status, 401 | 403) => format!(
            "{shown} wants a credential (status {}), so whether it compares headers with bodies is not \
             known: name the server itself, behind the proxy",
            answer.status
        ),
        // As npm's `@modelcontextprotocol/sdk` 1.32.2 does, which knows no such revision.
        Some(code) if answer.status == 400 => format!(
            "{shown} refused a request of {REVISION} with error {code}, and not with {MISMATCH} for naming \
             another tool in `Mcp-Name` than in the body: it does not seem to speak that revision, and \
             whether it compares the two is not known; have the server speak {REVISION}, or delete `mcp`"
        ),
        found => {
            let found = found.map_or_else(
                || format!("no error of JSON-RPC: {}", quoted(&text)),
                |code| format!("error {code}"),
            );
            format!(
                "{shown} was sent another tool in `Mcp-Name` than in the body, and answered with status \
                 {} and {found}, not with error {MISMATCH}: what policies say of tools can be got \
                 around; have the server speak {REVISION}, or delete `mcp`",
                answer.status
            )
        }
    };
    (problem(FileCode::McpUnchecked, message), line)
}

/// The code of JSON-RPC's error, in JSON or in the first event that has one.
fn error(text: &str) -> Option<i64> {
    let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut all = std::iter::once(text).chain(events);
    all.find_map(|text| serde_json::from_str::<Value>(text).ok()?.pointer("/error/code")?.as_i64())
}
