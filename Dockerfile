# An OCI image that holds the filter and nothing else, at /plugin.wasm, where Istio's WasmPlugin and
# Envoy Gateway's EnvoyExtensionPolicy look for it.
FROM rust:1.95.0-bookworm AS build
WORKDIR /tollgate
RUN rustup target add wasm32-wasip1
COPY . .
RUN demo/wasm.sh plain

FROM scratch
COPY --from=build /tollgate/target/wasm32-wasip1/release/tollgate.wasm /plugin.wasm
