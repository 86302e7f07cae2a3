//! docs/register.md, done as it stands: a client at the real provider, its token, a real Envoy that
//! lets it in, and its end.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::harness::{Envoy, Provider, Upstream, free_port, places};
use crate::console::examples;

const PAGE: &str = include_str!("../../../docs/register.md");

/// Envoy with the page's file, on ports of this test.
fn envoy(folder: &Path, port: u16, wasm: &Path) -> Envoy {
    let yaml = fs::read_to_string(folder.join("deploy/envoy.yaml")).expect("envoy.yaml");
    let (bootstrap, _) = yaml.split_once("\nadmin:").expect("an admin port");
    let places = [
        ("port_value: 10000", format!("port_value: {port}")),
        ("\"tollgate.wasm\"", format!("{:?}", wasm.display().to_string())),
    ];
    let bootstrap = places.iter().fold(bootstrap.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    Envoy::with_bootstrap("register-envoy", &bootstrap)
}

#[test]
fn the_guide_goes_from_an_empty_provider_to_the_first_200() {
    let folder = places::scratch("register");
    let (provider, upstream) = (Provider::start("register"), Upstream::start());
    let (wasm, port) = (places::wasm(), free_port());
    symlink(&wasm, folder.join("tollgate.wasm")).expect("a link");
    let ports = [("9000", provider.port()), ("10000", port), ("8080", upstream.port())];
    let ports =
        ports.map(|(told, there)| (format!("127.0.0.1:{told}"), format!("127.0.0.1:{there}")));
    let examples = examples(PAGE);
    assert!(examples.len() >= 9, "{}", examples.len());
    let mut running: Option<Envoy> = None;
    let mut secrets = Vec::new();
    for example in examples {
        if example.command.contains("127.0.0.1:10000") {
            running.get_or_insert_with(|| envoy(&folder, port, &wasm));
        }
        example.hold(&folder, &ports);
        let file = folder.join("client.json");
        if let Ok(text) = fs::read_to_string(&file) {
            let mode = fs::metadata(&file).expect("a file").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "after {}", example.command);
            let client: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            for name in ["client_secret", "registration_access_token"] {
                secrets.push(client[name].as_str().expect(name).to_owned());
            }
        }
    }
    assert!(!folder.join("client.json").exists(), "it is removed in the end");
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), 3, "one secret, and two tokens that managed it");
    let token = fs::read_to_string(folder.join("token.txt")).expect("a token");
    let envoy = running.expect("somebody called");
    secrets.push(token.trim().to_owned());
    envoy.assert_clean(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn each_way_to_show_who_one_is_gets_a_token_by_the_command_that_is_told() {
    let folder = places::scratch("register-ways");
    let provider = Provider::start("register-ways");
    let issuer = provider.issuer();
    for method in ["basic", "post", "private_key_jwt"] {
        // A name that a shell must not take apart.
        let name = format!("its {method}.json");
        let register = format!(
            "TOKEN={} tollgate register --issuer {issuer} --for machine --name {method} --auth \
             {method} --scope orders:read --scope orders:write --token-env TOKEN -o '{name}'",
            Provider::INITIAL_ACCESS_TOKEN
        );
        let (status, lines) = crate::console::run(&register, &folder);
        assert_eq!(status, 0, "{lines:?}");
        let command = lines.iter().find_map(|line| line.strip_prefix("token    "));
        let (status, said) = crate::console::run(command.expect("a command"), &folder);
        let said = said.join("\n");
        assert!(status == 0 && said.contains("\"access_token\":\"ey"), "{method}: {said}");
        assert!(said.contains("orders:read orders:write"), "{method}: {said}");
    }
    for (kind, redirect) in
        [("web", "https://shop.example.com/back"), ("native", "http://127.0.0.1/back")]
    {
        let register = format!(
            "TOKEN={} tollgate register --issuer {issuer} --for {kind} --name {kind} --redirect \
             {redirect} --token-env TOKEN -o {kind}.json",
            Provider::INITIAL_ACCESS_TOKEN
        );
        let (status, lines) = crate::console::run(&register, &folder);
        assert_eq!(status, 0, "{lines:?}");
        // What is told up to the sign-in runs, and the provider takes the address that comes of it.
        let told = lines.iter().filter_map(|line| {
            line.strip_prefix("token    ").or_else(|| line.strip_prefix("         "))
        });
        let until_sign_in: Vec<_> = told.take(3).collect();
        let (status, address) = crate::console::run(&until_sign_in.join("\n"), &folder);
        assert_eq!(status, 0, "{address:?}");
        let address = address.first().expect("an address");
        let ask =
            format!("curl -s -o /dev/null -w '%{{http_code}} %{{redirect_url}}\\n' '{address}'");
        let (_, answer) = crate::console::run(&ask, &folder);
        assert!(answer[0].starts_with("303 ") && !answer[0].contains("error="), "{answer:?}");
    }
}
