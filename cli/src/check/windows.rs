//! How much of an HTTP/2 or HTTP/3 request a listener holds while a request waits: the window of a
//! stream, which is what a client may send before anybody reads it.

use super::code::FileCode;
use super::report::{Remark, Severity};
use crate::yaml::Node;

/// Envoy's own, in bytes.
const DEFAULT: u64 = 16 * 1024 * 1024;
/// The largest that nothing is said of.
const LARGE: u64 = 1024 * 1024;
/// The smallest.
const SMALL: u64 = 256 * 1024;

const WINDOW: &str = "initial_stream_window_size";

/// Judges the windows of a connection manager that Tollgate is in.
pub(super) fn check(manager: &Node, remarks: &mut Vec<Remark>) {
    let codec = manager.text_at(&["codec_type"]);
    let http3 = manager.get("http3_protocol_options");
    if !matches!(codec, Some("HTTP1" | "1" | "HTTP3" | "3")) {
        let path = ["http2_protocol_options", WINDOW];
        judge(manager, &path, "HTTP/2", remarks);
    }
    if http3.is_some() || matches!(codec, Some("HTTP3" | "3")) {
        let path = ["http3_protocol_options", "quic_protocol_options", WINDOW];
        judge(manager, &path, "HTTP/3", remarks);
    }
}

fn judge(manager: &Node, path: &[&str], protocol: &str, remarks: &mut Vec<Remark>) {
    let written = manager.path(path);
    // `google.protobuf.UInt32Value` may be spelt as a text, too. What is no number Envoy refuses.
    let Some(bytes) = written.map_or(Some(DEFAULT), |node| node.text()?.parse().ok()) else {
        return;
    };
    let (code, message) = if bytes > LARGE {
        let found = match written {
            Some(_) => format!("{bytes} bytes"),
            None => "not set, which is 16 MiB".to_owned(),
        };
        let message = format!(
            "{found}: so much of every {protocol} request may wait in memory while its keys are on \
             their way; write 262144, and `initial_connection_window_size: 16777216` beside it"
        );
        (FileCode::WindowLarge, message)
    } else if bytes < SMALL {
        let message = format!(
            "{bytes} bytes: an upload runs at most at window ÷ round-trip time; 262144 allows 12 \
             MB/s at 20 ms"
        );
        (FileCode::WindowSmall, message)
    } else {
        return;
    };
    let parts = (1..path.len()).rev().filter_map(|length| manager.path(path.get(..length)?));
    let at = written.or_else(|| { parts }.next()).unwrap_or(manager).at;
    remarks.push(Remark::new(Severity::Warning, code, at, path.join("."), message));
}
