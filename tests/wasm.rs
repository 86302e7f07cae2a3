//! The built module: what it asks of a host, and what it offers.
//!
//! Some hosts trap where a module imports what they do not know, so the list is part of the contract.

use std::collections::BTreeSet;
use std::path::Path;

use wasmparser::{Parser, Payload};

/// The host calls of ABI 0.2.1. The SDK names nearly all of them, used or not.
const HOST_CALLS: [&str; 36] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// WASI calls: those that the ABI names, as far as they are used. None of them opens a file or a
/// socket.
const WASI_CALLS: [&str; 6] =
    ["clock_time_get", "environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"];

fn module() -> Vec<u8> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = option_env!("CARGO_TARGET_DIR").unwrap_or("target");
    let path = project.join(target).join("wasm32-wasip1/release/tollgate.wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; build the filter with `make wasm`", path.display())
    })
}

#[test]
fn the_module_asks_for_nothing_that_a_host_may_lack() {
    let mut unknown = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&module()) {
        let Payload::ImportSection(imports) = payload.expect("a valid module") else { continue };
        for import in imports {
            let import = import.expect("a valid import");
            let known = match import.module {
                "env" => HOST_CALLS.contains(&import.name),
                "wasi_snapshot_preview1" => WASI_CALLS.contains(&import.name),
                _ => false,
            };
            if !known {
                unknown.insert(format!("{}.{}", import.module, import.name));
            }
        }
    }
    assert!(unknown.is_empty(), "imports that some hosts lack: {unknown:?}");
}

#[test]
fn the_module_says_which_abi_it_speaks_and_is_called_for_what_it_acts_on_alone() {
    let module = module();
    let exports: BTreeSet<_> = Parser::new(0)
        .parse_all(&module)
        .filter_map(|payload| match payload.expect("a valid module") {
            Payload::ExportSection(exports) => Some(exports),
            _ => None,
        })
        .flatten()
        .map(|export| export.expect("a valid export").name)
        .collect();
    for name in ["_initialize", "memory", "proxy_abi_version_0_2_1", "proxy_on_configure"] {
        assert!(exports.contains(name), "no export `{name}` among {exports:?}");
    }
    for kind in ["grpc", "downstream", "upstream", "connection", "foreign_function"] {
        let called = exports.iter().find(|name| name.contains(kind));
        assert_eq!(called, None, "the SDK's callback for another kind of filter");
    }
}

#[test]
fn no_path_of_whoever_built_it_stands_in_the_module() {
    let module = module();
    let is_in = |text: &str| module.windows(text.len()).any(|part| part == text.as_bytes());
    for path in [env!("CARGO_MANIFEST_DIR"), "/registry/src/", "/.cargo/"] {
        assert!(!is_in(path), "`{path}` stands in the module");
    }
    assert!(is_in("src/"), "the filter's own files are named from its folder");
}
