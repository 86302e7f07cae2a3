//! Where things are, and what to do where they are not.

#[path = "../../support/project.rs"]
mod root;

use std::path::{Path, PathBuf};

pub(crate) use root::root as project;

/// The Envoy that `make setup` brings.
pub(crate) fn envoy() -> PathBuf {
    present(project().join(".tools/bin/envoy"), "make setup")
}

/// The Node that `make setup` brings, or links to.
pub(crate) fn node() -> PathBuf {
    present(project().join(".tools/bin/node"), "make setup")
}

/// The provider's program, once its packages are there.
pub(crate) fn provider() -> PathBuf {
    present(project().join("demo/provider/node_modules"), "make setup");
    project().join("demo/provider/server.mjs")
}

/// Python with what tests/e2e/python.requirements.txt names.
pub(crate) fn python() -> PathBuf {
    present(project().join(".tools/bin/python-e2e"), "make setup")
}

/// The nginx that `make setup` brings, or links to.
pub(crate) fn nginx() -> PathBuf {
    present(project().join(".tools/bin/nginx"), "make setup")
}

/// The lighttpd that `make setup` brings, or links to.
pub(crate) fn lighttpd() -> PathBuf {
    present(project().join(".tools/bin/lighttpd"), "make setup")
}

/// The browser that `make setup-ui` brings, or the system's own.
pub(crate) fn chromium() -> PathBuf {
    installed("chromium")
}

/// The Prometheus that `make setup-ui` brings, or the system's own.
pub(crate) fn prometheus() -> PathBuf {
    installed("prometheus")
}

/// The second provider, Debian's Glewlwyd.
pub(crate) fn glewlwyd() -> PathBuf {
    present(project().join(".tools/bin/glewlwyd"), "make setup-long")
}

/// What comes with Prometheus and checks rules.
pub(crate) fn promtool() -> PathBuf {
    installed("promtool")
}

/// The Node that `make setup-mcp` brings, or links to: the conformance suite of MCP asks for a newer one.
pub(crate) fn node_22() -> PathBuf {
    present(project().join(".tools/bin/node-22"), "make setup-mcp")
}

/// Python with the client of MCP.
pub(crate) fn python_mcp() -> PathBuf {
    present(project().join(".tools/bin/python-mcp"), "make setup-mcp")
}

/// The Redis that `make setup-fleet` brings, or links to.
pub(crate) fn redis() -> PathBuf {
    present(project().join(".tools/bin/redis-server"), "make setup-fleet")
}

/// The rate limit services of tests/fleet.
pub(crate) fn rate_limit_services() -> PathBuf {
    present(target().join("fleet/debug/rls"), "make test-fleet")
}

/// The same, optimised: what is measured, or is asked a million times.
pub(crate) fn quick_rate_limit_services() -> PathBuf {
    present(target().join("fleet/release/rls"), "make test-long")
}

/// A program of tests/mcp_clients, once its packages are there.
pub(crate) fn mcp_clients(file: &str) -> PathBuf {
    let folder = project().join("tests/mcp_clients");
    present(folder.join("node_modules"), "make setup-mcp");
    folder.join(file)
}

/// The filter.
pub(crate) fn wasm() -> PathBuf {
    present(target().join("wasm32-wasip1/release/tollgate.wasm"), "make wasm")
}

/// The filter, built to trap on a request for `/trap`, and to wait for what `x-probe` says.
pub(crate) fn trap_wasm() -> PathBuf {
    present(target().join("trap.wasm"), "make trap")
}

/// The certificate of `localhost`, or its key.
pub(crate) fn tls(file: &str) -> PathBuf {
    project().join("tests/support/tls").join(file)
}

/// An empty folder of the test's own.
pub(crate) fn scratch(test: &str) -> PathBuf {
    let folder = target().join("e2e").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder under target/");
    folder
}

/// Cargo's target folder, wherever it was put.
pub(crate) fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("Cargo's folder for tests has a parent")
}

/// What stands in `.tools/bin`, or else on the `PATH`.
fn installed(name: &str) -> PathBuf {
    let ours = project().join(".tools/bin").join(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = std::iter::once(ours.clone()).chain(elsewhere).find(|file| file.exists());
    present(found.unwrap_or(ours), "make setup-ui")
}

fn present(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `{remedy}`", path.display());
    path
}

/// The private keys of clients, each in a file of its own: P-256, Ed25519, RSA.
pub(crate) fn client_keys() -> [String; 3] {
    ["p256", "ed25519", "rsa"].map(|kind| {
        let file = format!("tests/support/keys/client-{kind}.pem");
        project().join(file).to_str().expect("a path in UTF-8").to_owned()
    })
}
