//! What the repository itself shows passes, and what is said of it is known.

use std::fs;

use tollgate_cli::Exit;

use super::{ROOT, check};

fn read(path: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{path}")).expect(path)
}

/// The codes of what is said of a text, without their lines.
fn codes(name: &str, text: &str) -> Vec<String> {
    let run = check(&["-"], text);
    assert_eq!(run.exit, Exit::Fine, "{name}\n{}{}", run.out, run.err);
    run.codes().iter().filter_map(|code| Some(code.split_once(' ')?.1.to_owned())).collect()
}

#[test]
fn every_configuration_of_the_repository_passes() {
    let cases: [(&str, &[&str]); 6] = [
        ("envoy.yaml", &["plain_http", "limits_per_proxy"]),
        (
            "demo/tollgate.json",
            &[
                "plain_http",
                "fetched_often",
                // The login: two secrets, and four endpoints.
                "login_note",
                "login_note",
                "login_note",
                "login_note",
                "secret_in_text",
                "secret_in_text",
                "plain_http",
                "plain_http",
                "plain_http",
                "plain_http",
                "limits_per_proxy",
                "report_mode",
                // A person who logs in may call no tool.
                "scope_unasked",
                // The resource, and the list of revocations.
                "plain_http",
                "plain_http",
                "fetched_often",
            ],
        ),
        ("examples/envoy/access-log.yaml", &[]),
        ("examples/envoy/cel.yaml", &[]),
        ("examples/envoy/rate-limit.yaml", &[]),
        ("examples/envoy/rbac.yaml", &[]),
    ];
    for (path, expected) in cases {
        assert_eq!(codes(path, &read(path)), expected, "{path}");
    }
    let listed = fs::read_dir(format!("{ROOT}/examples/envoy"));
    let yaml = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|one| one == "yaml");
    assert_eq!(listed.expect("a folder").flatten().filter(yaml).count(), 4);
}

#[test]
fn every_resource_of_the_pages_of_hosts_passes() {
    let pages = ["envoy", "istio", "envoy-gateway"].map(|host| format!("docs/{host}.md"));
    let text = pages.map(|page| read(&page)).concat();
    let mut found = 0;
    for block in text.split("```yaml\n").skip(1) {
        let block = block.split("```").next().expect("an end");
        let expected: &[&str] = match block {
            _ if block.contains("kind: WasmPlugin") => &["vm_id_empty"],
            _ if block.contains("kind: EnvoyExtensionPolicy") => &[],
            _ if block.contains("http.wasm.v3.Wasm") => &[],
            _ => continue,
        };
        found += 1;
        let mut told = codes("a page of a host", block);
        // What is worth knowing of any login.
        told.retain(|code| !["login_note", "refresh_unasked"].contains(&code.as_str()));
        assert_eq!(told, expected, "{block}");
    }
    assert!(found >= 3, "{found}");
}
