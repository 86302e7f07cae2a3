//! HTTP/2, which gRPC needs: whether a cluster of Envoy's speaks it, as far as it says.

use crate::yaml::Node;

/// Where the options of HTTP stand in a cluster.
const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// What is wrong with a cluster whose calls cannot be HTTP/2.
pub(super) fn fault(cluster: &Node) -> Option<String> {
    (!is_said(cluster)).then(|| {
        format!(
            "it speaks HTTP/1.1, and gRPC needs HTTP/2: every call would fail; add \
             `typed_extension_protocol_options`, `{OPTIONS}`, with `explicit_http_config: {{ \
             http2_protocol_options: {{}} }}`"
        )
    })
}

/// Whether a cluster, or what is merged into one, says that calls may be HTTP/2.
pub(super) fn is_said(cluster: &Node) -> bool {
    const HTTP2: &str = "http2_protocol_options";
    let options = cluster.path(&["typed_extension_protocol_options", OPTIONS]);
    let options = options.into_iter().flat_map(|options| {
        [options.path(&["explicit_http_config", HTTP2]), options.get("auto_config")]
    });
    cluster.get(HTTP2).is_some() || options.flatten().next().is_some()
}
