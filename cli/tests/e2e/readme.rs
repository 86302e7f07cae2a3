//! The quick start of README.md, done as it stands: with the files of a release in a folder, on ports
//! of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::harness::{free_port, places};

/// What `make dist` makes, for this machine.
fn release(folder: &Path) {
    let binary = format!("tollgate-linux-{}", std::env::consts::ARCH);
    let files = [
        (places::wasm(), "tollgate.wasm"),
        (Path::new(env!("CARGO_BIN_EXE_tollgate")).to_owned(), binary.as_str()),
    ];
    let mut sums = String::new();
    for (from, name) in files {
        let bytes = fs::read(from).expect("a file of the release");
        let sum: String = Sha256::digest(&bytes).iter().fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
        let _ = writeln!(sums, "{sum}  {name}");
        fs::write(folder.join(name), bytes).expect("a file in the folder");
    }
    let _ = writeln!(sums, "{}  tollgate-linux-another", "0".repeat(64));
    fs::write(folder.join("SHA256SUMS"), sums).expect("the sums");
}

/// The commands below a heading of README.md.
fn commands(heading: &str) -> String {
    let text = fs::read_to_string(places::project().join("README.md")).expect("README.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = section.split("\n## ").next().expect("a section");
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("an end")).collect()
}

/// A person waits for what was started; `curl` asks again until it is there.
const AROUND: &str = r#"
trap 'kill $(jobs -p) 2> /dev/null' EXIT
curl() { command curl --silent --show-error --max-time 5 --retry 60 --retry-connrefused --retry-delay 1 "$@"; }
envoy() {
  sed -i "s/port_value: 10000/port_value: $port/; s/port_value: 9901/port_value: $admin/" deploy/envoy.yaml
  exec "$envoy" --concurrency 1 "$@" > envoy.log 2>&1
}
"#;

#[test]
fn the_quick_start_ends_with_an_answer_of_the_api() {
    let folder = places::scratch("readme-quick-start");
    release(&folder);
    let [provider, port, admin] = [free_port(), free_port(), free_port()].map(|p| p.to_string());
    let mut script = commands("Quick start");
    for (from, to) in [(":9000", &provider), (" 9000", &provider), (":10000", &port)] {
        assert!(script.contains(from), "{from}: {script}");
        let with = from.replace(|c: char| c.is_ascii_digit(), "") + to;
        script = script.replace(from, &with);
    }
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &format!("{AROUND}\n{script}")])
        .current_dir(&folder)
        .env("envoy", places::envoy())
        .envs([("port", &port), ("admin", &admin)])
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    for part in [
        "tollgate.wasm: OK",
        "HTTP/1.1 401 Unauthorized",
        "\"code\":\"credential_missing\"",
        "HTTP/1.1 200 OK",
        "{\"order\": 7}",
        "\"event\":\"request_denied\"",
        "verdict  allowed",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}
