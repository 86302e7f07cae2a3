//! `tollgate check`, as somebody types it: what it prints and how it ends.

mod back_channel;
mod clusters;
mod domains;
mod examples;
mod foreign;
mod holders;
mod online;
mod order;
mod output;
mod planes;
mod risks;
mod shared;
mod shared_planes;
mod slots;

use std::ffi::OsString;

use tollgate_cli::{Exit, Streams};

/// The project's own folder.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What a command wrote, and how it ended.
struct Run {
    exit: Exit,
    out: String,
    err: String,
}

impl Run {
    /// What it wrote, without the name of standard input and without the last line, which sums up.
    fn remarks(&self) -> Vec<&str> {
        let lines = self.out.lines().map(|line| line.trim_start_matches("standard input:"));
        let mut lines: Vec<_> = lines.collect();
        lines.pop();
        lines
    }

    /// The codes of its remarks with their lines in the file: `12 fail_open`.
    fn codes(&self) -> Vec<String> {
        let code = |line: &str| {
            let (place, _) = line.split_once(':').expect("a place");
            let (_, code) = line.rsplit_once('[').expect("a code");
            format!("{place} {}", code.trim_end_matches(']'))
        };
        self.remarks().into_iter().map(code).collect()
    }
}

/// Runs `tollgate check` with these arguments on this standard input.
fn check(arguments: &[&str], input: &str) -> Run {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut input.as_bytes(), out: &mut out, err: &mut err };
    let all = ["tollgate", "check"].iter().chain(arguments);
    let exit = tollgate_cli::run(all.map(OsString::from), &mut streams);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { exit, out: text(out), err: text(err) }
}

/// A complete provider.
const OKTA: &str = r#"{"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"url": "https://okta.example/keys", "cluster": "okta"}}"#;

/// A proxy with Tollgate in it of which nothing is to be said; `%filter%` and the like are filled in
/// by what a test gives.
const ENVOY: &str = r#"static_resources:
  listeners:
    - filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                normalize_path: true
                merge_slashes: true
                path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
                http2_protocol_options: { initial_stream_window_size: 262144 }
                http_filters:
                  - name: tollgate
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        failure_policy: FAIL_RELOAD
                        vm_config: { vm_id: tollgate }
                        configuration:
                          "@type": type.googleapis.com/google.protobuf.StringValue
                          value: |
                            {"providers": {"okta": %okta%}}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
    - name: okta
      transport_socket:
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: okta.example
          common_tls_context:
            validation_context:
              trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
              match_typed_subject_alt_names:
                - { san_type: DNS, matcher: { exact: okta.example } }
"#;

/// The proxy of nothing to be said of.
fn envoy() -> String {
    ENVOY.replace("%okta%", OKTA)
}
