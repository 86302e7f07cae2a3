//! The entry of the filter that reads what providers say of sessions that have ended.

use std::ffi::OsString;

use tollgate_cli::{Exit, Streams};

use super::check;

/// What `tollgate init` writes for a proxy.
fn written(target: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { input: &mut &[][..], out: &mut out, err: &mut err };
    let all = [
        "tollgate",
        "init",
        "--issuer",
        "https://id.example.com",
        "--login",
        "https://portal.example.com",
        "--client-id",
        "portal",
        "--back-channel",
        "--for",
        target,
    ];
    assert_eq!(tollgate_cli::run(all.map(OsString::from), &mut streams), Exit::Fine);
    String::from_utf8(out).expect("UTF-8")
}

/// The codes of what is wrong with a file, notes apart.
fn codes(text: &str) -> Vec<String> {
    let run = check(&["-"], text);
    let lines = run.out.lines().filter(|line| line.ends_with(']') && !line.contains(" note: "));
    lines.map(|line| line.rsplit_once('[').unwrap().1.trim_end_matches(']').to_owned()).collect()
}

/// The file with one piece in place of another that it has once.
fn with(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

const FLAG: &str = "allow_on_headers_stop_iteration: true";

#[test]
fn what_init_writes_is_right_and_told_once() {
    for target in ["envoy", "istio", "envoy-gateway"] {
        let run = check(&["-"], &written(target));
        assert_eq!((run.exit, codes(&written(target))), (Exit::Fine, vec![]), "{target}");
        assert_eq!(run.out.matches("refresh_unasked").count(), 1, "{target}: {}", run.out);
        assert!(!run.out.contains("a second entry of the filter"), "{target}: {}", run.out);
    }
}

#[test]
fn a_configuration_alone_is_told_what_its_proxy_needs() {
    let run = check(&["-"], &written("json"));
    assert_eq!(run.exit, Exit::Fine);
    assert!(run.out.contains("note: `back_channel` needs a second entry"), "{}", run.out);
}

#[test]
fn each_mistake_about_the_second_entry_has_its_code() {
    let envoy = written("envoy");
    let start = envoy.find("                  - name: tollgate-back-channel").unwrap();
    let end = envoy.find("                  - name: tollgate\n").unwrap();
    let router = envoy.find("                  # What uses the identity").unwrap();
    let (entry, main) = (&envoy[start..end], &envoy[end..router]);
    // The one that comes first defines what the other repeats.
    let moved = {
        let configuration = &entry[entry.find("configuration: &").unwrap()..];
        let own = entry.replace(configuration, "configuration: *tollgate_configuration\n");
        let main = main.replace("configuration: *tollgate_configuration\n", configuration);
        let vm = &entry[entry.find("vm_config: &").unwrap()
            ..entry.find("                        # FIRST: what").unwrap()];
        let own = own.replace(vm, "vm_config: *tollgate_vm\n");
        let main = main.replace("vm_config: *tollgate_vm\n", vm);
        format!("{}{main}{own}{}", &envoy[..start], &envoy[router..])
    };
    let enabled = "tollgate-back-channel: { \"@type\"";
    let cases = [
        (
            "no second entry",
            with(&envoy, FLAG, "allow_on_headers_stop_iteration: false")
                .replace("disabled: true", "disabled: false"),
            vec!["back_channel_unread", "back_channel_unread"],
        ),
        ("behind the main one", moved, vec!["back_channel_entry"]),
        (
            "the flag on both",
            with(
                &envoy,
                "vm_config: *tollgate_vm",
                &format!("{FLAG}\n                        vm_config: *tollgate_vm"),
            ),
            vec!["uploads_refused"],
        ),
        (
            "not disabled",
            with(&envoy, "disabled: true", "disabled: false"),
            vec!["back_channel_unread", "uploads_refused", "back_channel_unread"],
        ),
        (
            "another configuration",
            with(
                &envoy,
                "configuration: *tollgate_configuration",
                "configuration: { \"@type\": type.googleapis.com/google.protobuf.StringValue, value: '{\"providers\": {\"idp\": {\"issuer\": \"https://id.example.com\", \"audiences\": [\"a\"], \"jwks\": {\"discovery\": true, \"cluster\": \"idp\"}}}}' }",
            ),
            vec!["back_channel_entry"],
        ),
        (
            "another store",
            with(
                &envoy,
                "vm_config: *tollgate_vm",
                "vm_config: { vm_id: other, environment_variables: { host_env_keys: [TOLLGATE_CLIENT_SECRET, TOLLGATE_SEAL] } }",
            ),
            vec!["back_channel_entry"],
        ),
        (
            "enabled nowhere",
            with(&envoy, enabled, "other: { \"@type\""),
            vec!["back_channel_entry"],
        ),
        (
            "enabled on another path",
            with(&envoy, "path: \"/.login/idp/back-channel\"", "path: /back-channel"),
            vec!["back_channel_entry", "back_channel_entry"],
        ),
        (
            "enabled below a path",
            with(&envoy, "path: \"/.login/idp/back-channel\"", "prefix: /.login/idp"),
            vec!["back_channel_entry", "back_channel_entry"],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(codes(&text), expected, "{name}: {}", check(&["-"], &text).out);
    }
}

#[test]
fn a_route_behind_one_that_takes_its_requests_is_told_and_which_that_is() {
    let envoy = written("envoy");
    let own = "- match: { path: \"/.login/idp/back-channel\" }";
    let indent = envoy.lines().find_map(|line| line.strip_suffix(own)).expect("the route");
    let before = |asked: &str, more: &str| {
        let route = format!("- match: {{ {asked} }}\n{indent}  route: {{ cluster: upstream }}\n");
        with(&envoy, own, &format!("{route}{more}{indent}{own}"))
    };
    let cases = [
        // what the route before asks for, how the message names it
        ("prefix: \"/\"", Some("`prefix` `/`")),
        ("prefix: \"/.login/idp\"", Some("`prefix` `/.login/idp`")),
        ("prefix: /.LOGIN, case_sensitive: false", Some("`prefix` `/.LOGIN`")),
        ("path: \"/.login/idp/back-channel\"", Some("`path` `/.login/idp/back-channel`")),
        ("path_separated_prefix: \"/.login\"", Some("`path_separated_prefix` `/.login`")),
        ("safe_regex: { regex: \".*\" }", Some("`safe_regex` `.*`")),
        ("prefix: /other", None),
        ("prefix: /.LOGIN", None),
        ("path: /.login", None),
        ("path_separated_prefix: \"/.log\"", None),
        // It takes some requests, and nobody here says which.
        ("safe_regex: { regex: \"/[a-z]+\" }", None),
        ("prefix: \"/\", headers: [{ name: \":method\", string_match: { exact: GET } }]", None),
        ("prefix: \"/\", query_parameters: [{ name: a, present_match: true }]", None),
    ];
    for (asked, told) in cases {
        let text = before(asked, "");
        let expected: &[&str] = if told.is_some() { &["back_channel_entry"] } else { &[] };
        let run = check(&["-"], &text);
        assert_eq!(codes(&text), expected, "{asked}: {}", run.out);
        let told = told.map(|told| format!("takes its requests first ({told})"));
        assert!(told.is_none_or(|told| run.out.contains(&told)), "{asked}: {}", run.out);
    }
    // Another virtual host's routes are not asked first.
    let host = indent.get(..indent.len() - 4).expect("an indent");
    let next = format!("{host}- name: other\n{host}  domains: [other.example]\n{host}  routes:\n");
    assert_eq!(codes(&before("prefix: \"/\"", &next)), [""; 0]);
}

#[test]
fn the_second_entry_alone_judges_nothing() {
    let envoy = written("envoy");
    let start = envoy.find("                  - name: tollgate\n").unwrap();
    let router = envoy.find("                  # What uses the identity").unwrap();
    let alone = format!("{}{}", &envoy[..start], &envoy[router..]);
    let run = check(&["-"], &alone);
    assert_eq!((run.exit, codes(&alone)), (Exit::Problems, vec!["back_channel_entry".to_owned()]));
    assert!(run.out.contains("no request is judged here"), "{}", run.out);
    // A main entry that is off judges nothing either.
    let off = "                  - name: tollgate\n                    disabled: true\n";
    let off = with(&envoy, "                  - name: tollgate\n", off);
    assert_eq!(codes(&off), ["filter_disabled"], "{}", check(&["-"], &off).out);
}

#[test]
fn the_other_filters_are_judged_as_if_the_second_entry_were_not_there() {
    let envoy = written("envoy");
    let rbac = "                  - { name: envoy.filters.http.rbac, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: { action: DENY, policies: { a: { permissions: [{ any: true }], principals: [{ header: { name: x-tollgate-identity, string_match: { exact: bob } } }] } } } } }\n";
    let second = "                  # The second entry of the filter";
    assert_eq!(codes(&with(&envoy, second, &format!("{rbac}{second}"))), ["filter_too_early"]);
}

#[test]
fn a_resource_of_the_mesh_without_its_second_entry_is_told_and_one_beside_it_is_found() {
    for target in ["istio", "envoy-gateway"] {
        let all = written(target);
        let (main, entry) = all.split_once("---\n# The second entry").expect("two resources");
        assert_eq!(codes(main), ["back_channel_unread"], "{target}");
        let folder = std::env::temp_dir().join(format!("tollgate-{}-{target}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = [("main.yaml", main.to_owned()), ("entry.yaml", format!("# The{entry}"))];
        let paths = files.map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        });
        let both: Vec<_> = paths.iter().map(String::as_str).collect();
        let run = check(&both, "");
        std::fs::remove_dir_all(&folder).expect("the folder");
        assert!(!run.out.contains("back_channel_unread"), "{target}: {}", run.out);
    }
}
