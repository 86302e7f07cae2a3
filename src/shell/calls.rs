//! Calls of the filter's own, as the host makes them.

use proxy_wasm::types::{BufferType, MapType};

use super::host;
use crate::event::{CallRequest, CallResponse, Event};
use crate::http::Fields;
use crate::ids::{CallId, StreamId};

/// A call that is out.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) call: CallId,
    /// The request in whose callback it was made.
    pub(super) stream: Option<StreamId>,
    /// Whether the host has it as the filter's own.
    pub(super) is_of_root: bool,
    /// The longest body that is of use, in bytes.
    pub(super) max_body: usize,
    /// Whether the answer's trailers are.
    pub(super) trailers: bool,
}

/// Makes a call of a request, which the host has as the filter's own where it turns to that: it would
/// forget the call with the request, and never say so. What the SDK keeps of a call it forgets only when
/// its answer comes, and it traps on the number of a call that it has already.
pub(super) fn dispatch_of(
    stream: StreamId,
    root: u32,
    request: &CallRequest,
) -> Option<(u32, bool)> {
    let is_of_root = host::set_effective_context(root);
    let token = dispatch(request);
    if is_of_root {
        host::set_effective_context(stream.0);
    }
    Some((token?, is_of_root))
}

/// What a call brought that the host may have as the filter's own, in a callback of its request.
pub(super) fn call_done_of(
    (stream, root): (StreamId, u32),
    out: Out,
    sizes: (usize, usize, usize),
) -> Event {
    let is_there = out.is_of_root && host::set_effective_context(root);
    let event = call_done(out, sizes);
    if is_there {
        host::set_effective_context(stream.0);
    }
    event
}

/// Makes a call in the current callback; `None` where the host refuses to (no such cluster, no host in
/// it).
pub(super) fn dispatch(request: &CallRequest) -> Option<u32> {
    let mut headers = vec![
        (":method", request.method),
        (":scheme", request.scheme),
        (":authority", &*request.authority),
        (":path", &*request.path),
    ];
    headers.extend(request.headers.iter().map(|(name, value)| (*name, value.as_str())));
    headers.extend(request.authorization.iter().map(|value| ("authorization", value.reveal())));
    let body = Some(request.body.0.as_slice()).filter(|body| !body.is_empty());
    // The SDK's own call: only it can route the answer. A host that fails in a way that is a panic in it
    // was refused (`Host::makes_calls`).
    proxy_wasm::hostcalls::dispatch_http_call(
        &request.cluster,
        headers,
        body,
        Vec::new(),
        request.timeout,
    )
    .ok()
}

/// What a call brought.
pub(super) fn call_done(out: Out, (headers, body_size, trailers): (usize, usize, usize)) -> Event {
    let response = (headers > 0).then(|| {
        let headers = host::fields(MapType::HttpCallResponseHeaders).unwrap_or_default();
        let status = headers.first(":status");
        let status = status.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let max = body_size.min(out.max_body.saturating_add(1));
        let body = host::buffer(BufferType::HttpCallResponseBody, max).unwrap_or_default();
        let trailers = if out.trailers && trailers > 0 {
            host::fields(MapType::HttpCallResponseTrailers).unwrap_or_default()
        } else {
            Fields::default()
        };
        let status = status.unwrap_or_default();
        CallResponse { status, headers, body_size, body, trailers }
    });
    Event::CallDone { call: out.call, response }
}
