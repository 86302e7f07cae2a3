//! The only place that words an answer. It knows the code, not why.

use serde::Serialize;

use crate::event::Reply;
use crate::http::RequestHead;
use crate::time::secs_rounded_up;
use crate::verdict::{Answer, Refusal};

/// Longest request id that is repeated to the client, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// The JSON body of a refusal.
#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// Words the answer to a refused request.
///
/// [`explained`] adds the steps, for a caller who may read them.
pub(super) fn to(refusal: &Refusal, head: &RequestHead, realm: &str) -> Reply {
    let deny = refusal.deny;
    let answer = deny.answer();
    let mut headers = vec![("cache-control", "no-store".to_owned())];
    if let Some(challenge) = challenge(refusal, realm) {
        headers.push(("www-authenticate", challenge));
    }
    if let Answer::Unavailable | Answer::RateLimited | Answer::QuotaExceeded = answer {
        let wait = refusal.retry_after.map_or(1, secs_rounded_up).max(1);
        headers.push(("retry-after", wait.to_string()));
    }
    headers.extend(refusal.headers.iter().cloned());
    let (status, details) = (answer.status(), details(deny.code()));
    let grpc_status = answer.grpc_status();
    // A head that could not be read may be gRPC's.
    if head.speaks_grpc() || head.headers.bytes() == 0 {
        headers.push(("x-tollgate-code", deny.code().to_owned()));
        headers.push(("grpc-status", grpc_status.to_string()));
        headers.push(("grpc-message", answer.description().to_owned()));
    }
    // With a body the proxy would word the answer itself, which is wrong for some forms of gRPC. The
    // HTTP status is set, too, because another proxy in front may read it (docs/decisions/0035).
    if head.is_grpc() {
        let grpc_status = Some(grpc_status);
        return Reply { status, grpc_status, details, headers, body: String::new() };
    }
    headers.push(("content-type", "application/json".to_owned()));
    let body = Body {
        error: answer.error(),
        error_description: answer.description(),
        code: deny.code(),
        login: refusal.login.as_deref(),
        request_id: request_id(head),
    };
    // A struct of strings always serialises.
    let body = serde_json::to_string(&body).unwrap_or_default();
    Reply { status, grpc_status: None, details, headers, body }
}

/// What the access log calls an answer (in Envoy `%RESPONSE_CODE_DETAILS%`).
pub(super) fn details(what: &str) -> String {
    format!("tollgate_{what}")
}

/// Whether an answer to this request has no JSON body that could carry more: gRPC answers have none,
/// and those to HEAD no body at all (RFC 9110 §9.3.2).
pub(super) fn is_bodiless(head: &RequestHead) -> bool {
    head.is_grpc() || head.method() == b"HEAD"
}

/// Adds the steps of a decision, which are a JSON object, to the body of an answer.
pub(super) fn explained(mut reply: Reply, steps: &str) -> Reply {
    if reply.body.pop() == Some('}') {
        reply.body.push_str(",\"explain\":");
        reply.body.push_str(steps);
        reply.body.push('}');
    }
    reply
}

/// The challenge (RFC 6750 §3), where the status calls for one.
fn challenge(refusal: &Refusal, realm: &str) -> Option<String> {
    let (answer, scheme) = (refusal.deny.answer(), refusal.scheme.name());
    match answer {
        Answer::Missing => Some(format!("{scheme} realm=\"{realm}\"")),
        Answer::InvalidToken | Answer::InvalidRequest => {
            Some(format!("{scheme} realm=\"{realm}\", error=\"{}\"", answer.error()))
        }
        Answer::InsufficientScope => {
            let scopes = refusal.scopes.as_deref().unwrap_or_default();
            Some(format!(
                "{scheme} realm=\"{realm}\", error=\"{}\", scope=\"{scopes}\"",
                answer.error()
            ))
        }
        Answer::AccessDenied
        | Answer::RateLimited
        | Answer::QuotaExceeded
        | Answer::Unavailable
        | Answer::ServerError
        | Answer::BadProvider => None,
    }
}

/// The proxy's id of a request, where it is one that can be repeated safely.
pub(super) fn request_id(head: &RequestHead) -> Option<&str> {
    let id = std::str::from_utf8(head.first("x-request-id")?).ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Deny;

    fn head(content_type: &str) -> RequestHead {
        RequestHead { headers: [("content-type", content_type)].into_iter().collect() }
    }

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        let found = reply.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_code_is_told_to_the_access_log_in_one_word() {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        for deny in Deny::ALL {
            for kind in ["application/json", "application/grpc", "application/grpc-web"] {
                let reply = to(&Refusal::new(deny, "x"), &head(kind), "api");
                assert_eq!(reply.details, format!("tollgate_{}", deny.code()), "{kind}");
                assert!(reply.details.bytes().all(plain), "{}", reply.details);
            }
        }
    }

    #[test]
    fn every_code_is_told_in_grpc_by_headers_alone() {
        for deny in Deny::ALL {
            let (answer, refusal) = (deny.answer(), Refusal::new(deny, "x"));
            let json = to(&refusal, &head("text/plain"), "api");
            assert_eq!(header(&json, "grpc-status"), None, "{deny:?}");
            let web = to(&refusal, &head("application/grpc-web+proto"), "api");
            assert_eq!((web.status, &web.body), (json.status, &json.body), "{deny:?}");
            let reply = to(&refusal, &head("application/grpc"), "api");
            let table = [(401, 16), (403, 7), (429, 8), (502, 14), (503, 14), (400, 3), (500, 13)];
            assert!(table.contains(&(reply.status, answer.grpc_status())), "{deny:?}");
            assert_eq!((reply.status, &*reply.body), (answer.status(), ""), "{deny:?}");
            for reply in [&reply, &web] {
                let status = answer.grpc_status().to_string();
                assert_eq!(header(reply, "grpc-status"), Some(&*status), "{deny:?}");
                assert_eq!(header(reply, "grpc-message"), Some(answer.description()), "{deny:?}");
                assert_eq!(header(reply, "x-tollgate-code"), Some(deny.code()), "{deny:?}");
            }
            // What `grpc-message` would have to escape (gRPC over HTTP/2, Percent-Encoded).
            let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
            assert!(answer.description().bytes().all(is_plain), "{deny:?}");
        }
    }

    #[test]
    fn a_head_that_could_not_be_read_may_be_of_grpc() {
        let reply = crate::engine::failed(&RequestHead::default());
        assert_eq!((reply.status, header(&reply, "grpc-status")), (500, Some("13")));
        assert!(reply.body.contains("\"code\":\"internal\""), "{}", reply.body);
        assert_eq!(reply.details, "tollgate_internal");
    }
}
