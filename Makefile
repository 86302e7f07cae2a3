# One line each; what it runs can be run by hand.
.PHONY: demo setup setup-ui setup-mcp setup-long setup-fleet test test-hosts test-ui test-mcp test-long test-fleet test-compose test-dist screenshot check fmt clippy doc deny wasm dist trap counts e2e bench fuzz clean

demo: ; @demo/run.sh
setup: ; @demo/setup.sh test
setup-ui: ; @demo/setup.sh ui
setup-mcp: ; @demo/setup.sh mcp
setup-long: ; @demo/setup.sh long
setup-fleet: ; @demo/setup.sh fleet
test: setup wasm trap ; cargo test --locked --all-features --no-fail-fast && $(count)
# What other hosts may answer: each function of the host fails in each way, and another's host runs the
# module with the stores and the gaps of those that there are.
test-hosts: wasm ; $(in_wasm) && $(hosts) --manifest-path tests/hosts/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}/hosts" --test statuses --test turns && $(hosts) --ignore-rust-version --manifest-path tests/hosts/second/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}/hosts/second"
hosts = cargo test --locked
# Project Wycheproof's vectors in Wasm: its numbers have 32 bits.
in_wasm = CARGO_TARGET_WASM32_WASIP1_RUNNER='.tools/bin/node --no-warnings tests/hosts/wasi.mjs' cargo test --locked --target wasm32-wasip1 --test wycheproof
# What is meant for people's eyes, in a real browser and a real Prometheus.
test-ui: setup-ui wasm ; cargo test --locked --test ui
# Official clients and servers of the Model Context Protocol, and its conformance suite, around a real Envoy.
test-mcp: setup-mcp wasm ; cargo test --locked --test mcp_clients
# What takes minutes because time must pass: sessions that outlive tokens, and the provider; at another
# real provider, too; and a million callers, whom a real Limitador counts.
test-long: setup-long wasm ; $(limitador) && cargo test --locked --test long
# The rate limit services of tests, optimised.
limitador = cargo build --locked --release --manifest-path tests/fleet/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}/fleet"
# Limits that several proxies share: a real Limitador, a double of envoyproxy/ratelimit and a real Redis, alone and
# behind three real Envoys.
test-fleet: setup-fleet wasm ; cargo test --locked --manifest-path tests/fleet/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}/fleet" && cargo test --locked --test fleet_e2e -- --test-threads 1
# The demo in containers, told to its end: needs Docker with Compose 2, and forgets what it built.
test-compose: ; @ONCE=1 docker compose run --rm story; status=$$?; docker compose down --volumes; exit $$status
# The picture in README: what that browser sees of the operator's page.
screenshot: setup-ui wasm ; TOLLGATE_SCREENSHOT=docs/status.png cargo test --locked --test ui page::
check: fmt clippy doc deny
deny: ; @demo/setup.sh check && .tools/bin/cargo-deny --locked --workspace check bans licenses sources && demo/advisories.sh
fmt: ; cargo fmt --check
clippy: ; cargo clippy --locked --all-targets --all-features -- -D warnings && cargo clippy --locked --test ui --test mcp_clients --test long --test fleet_e2e -- -D warnings && cargo clippy --locked -p tollgate --target wasm32-wasip1 -- -D warnings
doc: ; RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
wasm: ; @demo/wasm.sh
# What a release consists of, in target/dist.
dist: ; @demo/dist.sh
# Two releases of one commit, by different users in different folders, are the same; what they hold runs.
test-dist: ; @tests/dist.sh
# The filter that traps on purpose and waits for what it is told, for tests; built apart and quickly,
# since nobody runs it.
trap: ; cargo wasm --locked --features probe --target-dir target/trap --config 'profile.release.lto="off"' --config profile.release.codegen-units=16 -- --cfg tollgate_trap && mkdir -p "$${CARGO_TARGET_DIR:-target}" && cp target/trap/wasm32-wasip1/release/tollgate.wasm "$${CARGO_TARGET_DIR:-target}/trap.wasm"
# The instructions and host calls of the built module, against a table; WRITE=1 writes it anew.
counts: wasm ; $(count)
count = cargo test --locked --manifest-path tests/hosts/Cargo.toml --target-dir "$${CARGO_TARGET_DIR:-target}/hosts" $(if $(WRITE),--test counts -- --write)
e2e: setup wasm trap ; cargo test --locked --test e2e
bench: ; @benches/run.sh
# Ten minutes for each target; SECONDS_EACH=60 for a look. Needs the nightly toolchain.
fuzz: ; @fuzz/run.sh
clean: ; rm -rf target .tools demo/*/node_modules tests/compose/node_modules tests/mcp_clients/node_modules
