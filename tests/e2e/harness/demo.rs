//! The proxy of envoy.yaml, on the ports of one test.

use super::places;
use super::provider::Provider;
use super::upstream::Upstream;

/// envoy.yaml without its admin port, which a test has its own of. With a `configuration`, that
/// stands in place of the filter's, as demo/configure.sh puts it there.
pub(crate) fn proxy(
    port: u16,
    provider: &Provider,
    upstream: &Upstream,
    configuration: Option<&str>,
) -> String {
    let yaml = std::fs::read_to_string(places::project().join("envoy.yaml")).expect("envoy.yaml");
    let (proxy, _) = yaml.split_once("\nadmin:").expect("an admin port");
    let mut proxy = proxy.to_owned();
    if let Some(configuration) = configuration {
        let (before, rest) = proxy.split_once(" value: |\n").expect("a configuration");
        let (_, after) = rest.split_once("\n\n").expect("an empty line after it");
        let margin = " ".repeat(28);
        let lines = configuration.lines().map(|line| format!("{margin}{line}\n"));
        proxy = format!("{before} value: |\n{}\n{after}", lines.collect::<String>());
    }
    let module = places::wasm();
    let places = [
        ("port_value: 10000", format!("port_value: {port}")),
        ("port_value: 9000", format!("port_value: {}", provider.port())),
        ("http://127.0.0.1:9000/", format!("http://127.0.0.1:{}/", provider.port())),
        ("port_value: 8080", format!("port_value: {}", upstream.port())),
        ("target/wasm32-wasip1/release/tollgate.wasm", module.display().to_string()),
    ];
    places.iter().fold(proxy, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}
