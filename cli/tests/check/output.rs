//! The form of what is written, and how the command ends.

use serde_json::json;
use tollgate_cli::Exit;

use super::{OKTA, ROOT, check, envoy};

#[test]
fn a_file_ends_with_a_line_that_sums_up() {
    let fine = format!(r#"{{"providers": {{"okta": {OKTA}}}}}"#);
    let cases = [
        (fine.clone(), "standard input: fine\n", Exit::Fine),
        (
            fine.replace("https://okta.example/keys", "http://okta.example/keys"),
            "standard input: 1 warning\n",
            Exit::Fine,
        ),
        (fine.replace("url", "urll"), "standard input: 1 problem\n", Exit::Problems),
        ("{}".into(), "standard input: 1 problem\n", Exit::Problems),
        (String::new(), "standard input: 1 problem\n", Exit::Problems),
        ("{".into(), "standard input: 1 problem\n", Exit::Problems),
        ("a:\n\tb: 1\n".into(), "standard input: 1 problem\n", Exit::Problems),
        (
            envoy().replace("FAIL_RELOAD", "FAIL_OPEN").replace("vm_id: tollgate", "runtime: v8"),
            "standard input: 2 warnings\n",
            Exit::Fine,
        ),
    ];
    for (file, last, exit) in cases {
        let run = check(&["-"], &file);
        assert!(run.out.ends_with(last), "{file}\n{}", run.out);
        assert_eq!((run.exit, &*run.err), (exit, ""), "{file}");
    }
}

#[test]
fn problems_come_as_the_file_has_them_each_with_its_code() {
    let run =
        check(&["-"], "{\"providers\": {\"okta\": {\n\"isuer\": \"x\",\n\"clock_skew\": 5}}}");
    assert_eq!(
        run.out,
        "standard input:1:24: providers.okta.audiences: missing; name the audience of your API, or `clients`, or say \"any_audience\": true [field_missing]
standard input:1:24: providers.okta.jwks: missing; say where the keys are: `url`, `discovery` or `inline`; or write `pem` or `secret` [field_missing]
standard input:2:1: providers.okta.isuer: unknown field; did you mean `issuer`? [field_unknown]
standard input:3:15: providers.okta.clock_skew: `5` has no unit; write \"5s\" [duration_invalid]
standard input: 4 problems
"
    );
}

#[test]
fn what_is_no_text_is_told_where_it_ceases_to_be_one() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = tollgate_cli::Streams {
        input: &mut &b"{\"providers\": \"\xff\"}"[..],
        out: &mut out,
        err: &mut err,
    };
    let arguments = ["tollgate", "check", "-"].map(std::ffi::OsString::from);
    assert_eq!(tollgate_cli::run(arguments, &mut streams), Exit::Problems);
    let out = String::from_utf8(out).expect("UTF-8");
    assert!(out.starts_with("standard input:1:16: not UTF-8 from here on"), "{out}");
}

#[test]
fn what_holds_no_configuration_or_cannot_be_read_is_misuse() {
    let other = envoy().replace("tollgate", "other").replace("providers", "rules");
    let classic = r#"{"name": "a", "api_id": "a1", "org_id": "o1", "enable_jwt": true}"#;
    let oas = r#"{"openapi": "3.0.3", "x-tyk-api-gateway": {"info": {"id": "a1"}}}"#;
    let cases: [(&[&str], &str, &str); 8] = [
        (&["-"], classic, "standard input: an API definition of Tyk; `tollgate import tyk`"),
        (&["-"], oas, "standard input: an API definition of Tyk; `tollgate import tyk`"),
        (&["-"], "a: 1\n", "standard input: no configuration of Tollgate in it"),
        (&["-"], "[1, 2]", "standard input: no configuration of Tollgate in it"),
        (&["-"], r#"{"token1": "alice"}"#, "standard input: no configuration of Tollgate in it"),
        (&["-"], &other, "standard input: no configuration of Tollgate in it"),
        (&["no-such-file.json"], "", "no-such-file.json: cannot be read"),
        (&["--ca", "x.pem", "-"], "", "--online"),
    ];
    for (arguments, input, expected) in cases {
        let run = check(arguments, input);
        assert_eq!(run.exit, Exit::Misuse, "{input}");
        assert!(run.err.contains(expected), "{}", run.err);
    }
    for nothing in ["", " \n", "# later\n"] {
        let run = check(&["-"], nothing);
        assert_eq!(run.exit, Exit::Problems, "{nothing:?}");
        assert!(
            run.out.contains("1:1: the configuration is empty: write"),
            "{nothing:?} {}",
            run.out
        );
    }
    let named = check(&["no\u{1b}[31mwhere"], "");
    assert!(named.err.contains("no\\u{1b}[31mwhere: cannot be read"), "{}", named.err);
    let (run, all) = (check(&[], ""), check(&["--help"], ""));
    assert_eq!((run.exit, all.exit), (Exit::Misuse, Exit::Fine));
    assert!(all.out.contains("tollgate check --strict --format json config.json"), "{}", all.out);
}

#[test]
fn several_files_are_each_told_and_the_worst_decides() {
    let (example, demo) =
        (format!("{ROOT}/examples/envoy/rbac.yaml"), format!("{ROOT}/demo/tollgate.json"));
    let run = check(&[&example, "-", &demo], "{}");
    assert_eq!(run.exit, Exit::Problems);
    let sums: Vec<_> = run.out.lines().filter(|line| !line.contains('[')).collect();
    assert_eq!(
        sums,
        [
            format!("{example}: fine"),
            "standard input: 1 problem".into(),
            format!("{demo}: 13 warnings")
        ]
    );
    let run = check(&[&example, "no-such-file.json"], "");
    assert_eq!(run.exit, Exit::Misuse);
    assert_eq!(run.out, format!("{example}: fine\n"));
}

#[test]
fn programs_get_one_document() {
    let file = envoy().replace("FAIL_RELOAD", "FAIL_OPEN").replace("\"url\"", "\"urll\"");
    let run = check(&["--format", "json", "-"], &file);
    let found: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    let expected = json!({
        "files": [{
            "file": "standard input",
            "configurations": [{
                "where": "filter tollgate",
                "problems": [{
                    "line": 22, "column": 118, "field": "providers.okta.jwks.urll",
                    "message": "unknown field; did you mean `url`?", "code": "field_unknown",
                }],
                "warnings": [{
                    "line": 17, "column": 41, "field": "failure_policy",
                    "message": "after a fault in the filter requests pass unchecked: never right for what keeps callers out; write FAIL_RELOAD",
                    "code": "fail_open",
                }],
                "notes": [],
            }],
        }],
        "problems": 1,
        "warnings": 1,
    });
    assert_eq!(found, expected);
    assert_eq!(run.exit, Exit::Problems);
}
