//! Every form in which a file holds a configuration, and the places that are told of it.

use tollgate_cli::Exit;

use super::{check, envoy};

/// Line and column of the misspelt name, of its quotes where it has some.
fn place(file: &str) -> String {
    let before = file.split("clustr").next().expect("a mistake");
    let before = before.strip_suffix('"').unwrap_or(before);
    let before = before.strip_suffix('\\').unwrap_or(before);
    let line = before.lines().count();
    let column = before.rsplit('\n').next().expect("a line").chars().count() + 1;
    match before.ends_with('\n') {
        true => format!("{}:1", line + 1),
        false => format!("{line}:{column}"),
    }
}

/// The same mistake in each form: `clustr` for `cluster`.
#[test]
fn a_mistake_is_told_where_it_stands_in_the_file() {
    let text = envoy();
    let json = r#"{"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"],
  "jwks": {"discovery": true, "clustr": "okta"}}}}"#;
    let block = |indent: &str| json.replace('\n', &format!("\n{indent}"));
    let value = "          value: |\n                            {\"providers\": ";
    let start = text.find(value).expect("a value");
    let end = text.find("                  - name: envoy.filters.http.router").expect("a router");
    let with = |value: &str| format!("{}{value}{}", &text[..start], &text[end..]);
    let tree = "providers:
  okta:
    issuer: https://okta.example
    audiences: [api]
    jwks: { discovery: true, clustr: okta }
";
    let indented = |tree: &str, indent: &str| tree.replace('\n', &format!("\n{indent}"));
    let cases = [
        // name, file
        ("JSON alone", json.to_owned()),
        ("YAML alone", tree.to_owned()),
        ("a second document", format!("a: 1\n---\n{tree}")),
        (
            "a block in Envoy",
            with(&format!("          value: |\n{}{}\n", " ".repeat(28), block(&" ".repeat(28)))),
        ),
        (
            "a folded block",
            with(&format!("          value: >-\n\n{}{}\n", " ".repeat(28), block(&" ".repeat(28)))),
        ),
        (
            "a quoted text",
            with(&format!("          value: '{}'\n", json.replace('\n', " "))),
        ),
        (
            "a text in double quotes",
            with(&format!("          value: {}\n", serde_json::Value::from(json))),
        ),
        (
            "a struct",
            with(&format!(
                "          value:\n{}{}\n",
                " ".repeat(28),
                indented(tree.trim_end(), &" ".repeat(28))
            ))
            .replace("StringValue", "Struct"),
        ),
        (
            "Istio",
            format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate }}\nspec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig:\n    {}\n",
                indented(tree.trim_end(), "    ")
            ),
        ),
        (
            "Envoy Gateway",
            format!(
                "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nmetadata: {{ name: x }}\nspec:\n  wasm:\n    - name: other\n      config: {{ a: 1 }}\n    - name: jwt\n      config:\n        {}\n",
                indented(tree.trim_end(), "        ")
            ),
        ),
        (
            "an alias",
            format!("x: &x\n  {}\nhttp_filters:\n- name: tollgate\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n    config: {{ failure_policy: FAIL_RELOAD, vm_config: {{ vm_id: a }}, configuration: {{ \"@type\": x.y/google.protobuf.Struct, value: *x }} }}\nnormalize_path: true\nmerge_slashes: true\npath_with_escaped_slashes_action: REJECT_REQUEST\nhttp2_protocol_options: {{ initial_stream_window_size: 262144 }}\n", indented(tree.trim_end(), "  ")),
        ),
        (
            "a filter alone, in JSON",
            r#"{"name": "x", "typedConfig": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
"type_url": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "value": {"config":
{"failurePolicy": "FAIL_RELOAD", "vmConfig": {"vmId": "a"}, "configuration": {"@type": "x/google.protobuf.Struct",
"value": {"providers": {"okta": {"issuer": "https://okta.example", "audiences": ["api"], "jwks": {"discovery": true,
"clustr": "okta"}}}}}}}}}"#
                .to_owned(),
        ),
        (
            "an EnvoyFilter",
            format!(
                "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec:\n  configPatches:\n    - patch:\n        value:\n          name: tollgate\n          typed_config:\n            \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n            config:\n              failure_policy: FAIL_RELOAD\n              vm_config: {{ vm_id: a }}\n              configuration:\n                \"@type\": type.googleapis.com/google.protobuf.StringValue\n                value: |\n                  {}\n",
                block("                  ")
            ),
        ),
        (
            "a ConfigMap",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: gateway }}\ndata:\n  a.txt: x\n  rules.json: |\n    {}\n",
                block("    ")
            ),
        ),
        (
            "a ConfigMap with YAML",
            format!(
                "kind: List\nitems:\n- kind: ConfigMap\n  metadata: {{ name: gateway }}\n  data:\n    rules.yaml: |\n      {}\n",
                indented(tree.trim_end(), "      ")
            ),
        ),
        (
            "an Envoy file in a ConfigMap",
            format!(
                "kind: ConfigMap\nmetadata: {{ name: x }}\ndata:\n  envoy.yaml: |\n    {}\n",
                with(&format!("          value: |\n{}{}\n", " ".repeat(28), block(&" ".repeat(28))))
                    .trim_end()
                    .replace('\n', "\n    ")
            ),
        ),
        (
            "a Secret's text",
            format!(
                "kind: Secret\nmetadata: {{ name: x }}\nstringData:\n  t.json: {}\n",
                serde_json::Value::from(json)
            ),
        ),
        (
            "a merge key",
            format!(
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate }}\nx: &x\n  {}\nspec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig:\n    <<: *x\n",
                indented(tree.trim_end(), "  ")
            ),
        ),
    ];
    for (name, file) in cases {
        let place = place(&file);
        let run = check(&["-"], &file);
        let expected = format!(
            "{place}: providers.okta.jwks.clustr: unknown field; did you mean `cluster`? [field_unknown]"
        );
        let problems = run.remarks();
        let problems: Vec<_> = problems.iter().filter(|line| !line.contains(" note: ")).collect();
        assert_eq!(problems, [&expected], "{name}\n{file}{}", run.err);
        assert_eq!(run.exit, Exit::Problems, "{name}");
    }
}

#[test]
fn every_configuration_of_a_file_is_taken() {
    let two = format!("{}---\n{}", envoy(), envoy().replace("FAIL_RELOAD", "FAIL_CLOSED"));
    let run = check(&["-"], &two);
    assert_eq!(run.codes(), ["54 fail_reload_missing"], "{}", run.out);
    assert!(run.out.ends_with("standard input: 1 warning in 2 configurations\n"), "{}", run.out);
}

#[test]
fn yaml_that_reads_words_as_something_else_is_explained() {
    let file = "providers:\n  okta:\n    issuer: https://okta.example\n    audiences: [no, 100, \"1\"]\n    clients: [0x1f]\n    jwks: { discovery: on, cluster: okta }\n    clock_skew: 60\n";
    let run = check(&["-"], file);
    assert_eq!(
        run.remarks(),
        [
            "4:17: providers.okta.audiences[0]: expected a string, found a boolean; YAML reads no as a boolean: write \"no\" [type_wrong]",
            "4:21: providers.okta.audiences[1]: expected a string, found a number; YAML reads 100 as a number: write \"100\" [type_wrong]",
            "5:15: providers.okta.clients[0]: expected a string, found a number; YAML reads 0x1f as a number: write \"0x1f\" [type_wrong]",
            "7:17: providers.okta.clock_skew: `60` has no unit; write \"60s\" [duration_invalid]",
        ]
    );
}

#[test]
fn secrets_of_the_environment_are_looked_for_where_the_file_says() {
    let secret = |file: &str| {
        let config = r#"{"issuer": "https://okta.example", "audiences": ["api"], "algorithms": ["HS256"], "secret": {"env": "KEY"}}"#;
        check(&["-"], &file.replace("%okta%", config)).codes()
    };
    let envoy = super::ENVOY;
    assert_eq!(secret(envoy), ["22 secret_unreadable"]);
    let handed = "{ vm_id: t, environment_variables: { host_env_keys: [KEY] } }";
    assert_eq!(secret(&envoy.replace("{ vm_id: tollgate }", handed)), ["22 key_symmetric"]);
    let short = "{ vm_id: t, environment_variables: { key_values: { KEY: short } } }";
    assert_eq!(secret(&envoy.replace("{ vm_id: tollgate }", short)), ["22 secret_short"]);
    assert_eq!(secret(r#"{"providers": {"okta": %okta%}}"#), ["1 key_symmetric"]);
    // Of what nobody knows no two are the same.
    let login = r#"{"issuer": "https://okta.example", "from": [], "jwks": {"discovery": true, "cluster": "okta"},
        "login": {"url": "https://portal.example", "client": {"id": "a", "secret": {"env": "KEY"}},
                  "seal": [{"env": "NEW"}, {"env": "OLD"}]}}"#;
    let run = check(&["-"], &format!(r#"{{"providers": {{"okta": {login}}}}}"#));
    assert_eq!((run.exit, run.err.as_str()), (Exit::Fine, ""), "{}", run.out);
}

#[test]
fn each_control_plane_has_its_own_word_for_what_happens_after_a_fault() {
    let istio = |strategy: &str| {
        let file = format!(
            "kind: WasmPlugin\nmetadata: {{ name: tollgate }}\nspec:\n{strategy}  pluginConfig:\n    providers: {{ okta: {} }}\n",
            super::OKTA
        );
        check(&["-"], &file).codes()
    };
    assert_eq!(istio("  failStrategy: FAIL_RELOAD\n"), ["4 vm_id_empty"]);
    assert_eq!(istio("  failStrategy: FAIL_OPEN\n"), ["4 vm_id_empty", "4 fail_open"]);
    assert_eq!(istio(""), ["4 fail_reload_missing", "4 vm_id_empty"]);
    let gateway = |open: &str| {
        let file = format!(
            "kind: EnvoyExtensionPolicy\nmetadata: {{ name: x }}\nspec:\n  wasm:\n    - name: t\n      failOpen: {open}\n      config:\n        providers: {{ okta: {} }}\n",
            super::OKTA
        );
        check(&["-"], &file).codes()
    };
    assert_eq!(gateway("false"), [""; 0]);
    assert_eq!(gateway("true"), ["6 fail_open"]);
}

#[test]
fn a_text_of_a_config_map_is_taken_where_it_is_tollgates() {
    let map = |name: &str, key: &str, text: &str| {
        let text = serde_json::Value::from(text);
        let file =
            format!("kind: ConfigMap\nmetadata: {{ name: {name} }}\ndata:\n  {key}: {text}\n");
        check(&["-"], &file)
    };
    let whole = format!(r#"{{"providers": {{"okta": {}}}}}"#, super::OKTA);
    assert_eq!(map("a", "b", &whole).out, "standard input: fine\n");
    // Other programs have `providers` and `apis`, too.
    for other in [r#"{"providers": {"docker": {"endpoint": "x"}}}"#, r#"{"apis": []}"#, "{", "a: 1"]
    {
        let run = map("traefik", "config.json", other);
        assert_eq!(run.exit, Exit::Misuse, "{other}: {}", run.out);
        assert!(run.err.contains("no configuration of Tollgate in it"), "{}", run.err);
    }
    // What is called after Tollgate is meant for it.
    let cases = [
        ("tollgate", "config.json", r#"{"apis": []}"#, "4 value_empty"),
        ("x", "tollgate.json", r#"{"provders": {}}"#, "4 field_unknown"),
        ("x", "tollgate.yaml", "a: [", "4 file_malformed"),
    ];
    for (name, key, text, expected) in cases {
        let run = map(name, key, text);
        assert!(run.codes().contains(&expected.to_owned()), "{key}: {}{}", run.out, run.err);
        assert_eq!(run.exit, Exit::Problems, "{key}");
    }
    assert_eq!(map("tollgate", "notes.txt", "a: [").exit, Exit::Misuse);
    // A text in a text is nobody's file.
    let inner = format!("kind: ConfigMap\ndata:\n  t.json: {}\n", serde_json::Value::from(whole));
    assert_eq!(map("x", "inner.yaml", &inner).exit, Exit::Misuse);
    let json = check(
        &["--format", "json", "-"],
        "kind: ConfigMap\nmetadata: { name: m, namespace: n }\ndata: { tollgate.json: '{}' }\n",
    );
    assert!(json.out.contains(r#""where": "ConfigMap n/m, tollgate.json""#), "{}", json.out);
}

#[test]
fn merge_keys_count_where_they_are_read_and_are_refused_where_they_are_not() {
    let merging = "x: &a { clock_skew: 1s, issuer: https://a.example }\ny: &b { issuer: https://b.example, audiences: [b] }\n";
    let plugin = format!(
        "kind: WasmPlugin\napiVersion: x\nmetadata: {{ name: tollgate }}\n{merging}spec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig:\n    providers:\n      okta:\n        <<: [*a, *b]\n        clock_skew: 6m\n        jwks: {{ discovery: true, cluster: c }}\n"
    );
    // The own `clock_skew` goes before the merged one, the first map's issuer before the second's.
    let run = check(&["-"], &plugin);
    assert_eq!(run.codes(), ["7 vm_id_empty", "12 skew_large"], "{}", run.out);
    let hidden = check(&["-"], &plugin.replace("https://b.example", "7"));
    assert_eq!(hidden.codes(), ["7 vm_id_empty", "12 skew_large"], "{}", hidden.out);
    let taken = check(&["-"], &plugin.replace("https://a.example", "7"));
    assert!(taken.codes().contains(&"4 type_wrong".to_owned()), "{}", taken.out);
    let envoy = envoy().replace("    - name: okta\n", "    - &c\n      name: okta\n");
    assert_eq!(check(&["-"], &envoy).codes(), [""; 0]);
    let run = check(&["-"], &format!("{envoy}    - <<: *c\n      name: b\n"));
    assert_eq!(run.codes(), ["38 merge_key"], "{}", run.out);
    assert_eq!(run.exit, Exit::Problems);
    assert!(run.out.contains("write out what it stands for"), "{}", run.out);
}

#[test]
fn limits_are_warned_about_where_the_file_makes_several_proxies() {
    let policy = r#"policies: { p: { rate: { requests: 1, per: 1s } } }, apis: [{ name: a, auth: [okta], policies: { default: [p] } }]"#;
    let plugin = format!(
        "kind: WasmPlugin\nmetadata: {{ name: tollgate }}\nspec:\n  failStrategy: FAIL_RELOAD\n  pluginConfig: {{ providers: {{ okta: {} }}, {policy} }}\n",
        super::OKTA
    );
    let workload = |kind: &str, replicas: u32, image: &str| {
        format!(
            "---\nkind: {kind}\nspec:\n  replicas: {replicas}\n  template: {{ spec: {{ containers: [{{ image: {image} }}] }} }}\n"
        )
    };
    let gateway = |what: &str| {
        format!("---\nkind: EnvoyProxy\nspec: {{ provider: {{ kubernetes: {{ {what} }} }} }}\n")
    };
    let cases = [
        (String::new(), Exit::Fine),
        (workload("Deployment", 1, "auto"), Exit::Fine),
        (workload("Deployment", 2, "auto"), Exit::Problems),
        (workload("StatefulSet", 3, "docker.io/envoyproxy/envoy:v1.40"), Exit::Problems),
        (workload("Deployment", 3, "envoyproxy.example/orders:1"), Exit::Fine),
        (workload("DaemonSet", 0, "istio/proxyv2:1.27"), Exit::Problems),
        (gateway("envoyDeployment: { replicas: 1 }"), Exit::Fine),
        (gateway("envoyDeployment: { replicas: 2 }"), Exit::Problems),
        (gateway("envoyHpa: { minReplicas: 1, maxReplicas: 9 }"), Exit::Problems),
        (gateway("envoyDaemonSet: {}"), Exit::Problems),
    ];
    for (more, strict) in cases {
        let run = check(&["--strict", "-"], &format!("{plugin}{more}"));
        assert_eq!(
            run.codes(),
            ["4 vm_id_empty", "5 limits_per_proxy"],
            "{more}{}{}",
            run.out,
            run.err
        );
        assert_eq!(run.exit, strict, "{more}{}", run.out);
    }
}

#[test]
fn a_form_that_envoy_refuses_is_a_problem() {
    let with = |form: &str| {
        let string = "\"@type\": type.googleapis.com/google.protobuf.StringValue";
        let value = super::ENVOY.split_once("                          value: |").expect("a value");
        let behind = value.1.split_once("                  - name").expect("a filter").1;
        let (before, _) = value.0.rsplit_once(string).expect("a type");
        check(&["-"], &format!("{before}{form}\n                  - name{behind}"))
    };
    let tree = format!("{{ providers: {{ okta: {} }} }}", super::OKTA);
    let text = format!("'{{\"providers\": {{\"okta\": {}}}}}'", super::OKTA);
    let pad = " ".repeat(26);
    let any = |name: &str, value: &str| {
        format!("\"@type\": type.googleapis.com/{name}\n{pad}value: {value}")
    };
    let cases = [
        // form, what is said
        (any("google.protobuf.Struct", &tree), None),
        (any("google.protobuf.StringValue", &text), None),
        (
            any("google.protobuf.StringValue", &tree),
            Some("give it the type `google.protobuf.Struct`"),
        ),
        (any("google.protobuf.Struct", &text), Some("the type `google.protobuf.StringValue`")),
        (any("google.protobuf.BytesValue", &text), Some("no text in base64")),
        (
            any("google.protobuf.StringValue", r#""providers:\n  okta: { issuer: a }\n""#),
            Some("YAML as a text"),
        ),
        (any("google.protobuf.BytesValue", "no base64"), Some("no text in base64")),
        (any("google.protobuf.Struct", "[a]"), Some("[form_refused]")),
        (any("google.protobuf.Value", &tree), Some("which the filter does not read")),
        (format!("value: {text}"), Some("no `@type`")),
        (
            any("google.protobuf.Struct", &tree).replace("type.googleapis.com/", ""),
            Some("without a host"),
        ),
        (
            format!("{}\n{pad}other: 1", any("google.protobuf.StringValue", &text)),
            Some("`other` beside"),
        ),
    ];
    for (form, expected) in cases {
        let run = with(&form);
        match expected {
            None => assert_eq!(run.codes(), [""; 0], "{form}{}", run.out),
            Some(said) => {
                assert!(
                    run.out.contains(said) && run.out.contains("[form_refused]"),
                    "{form}: {}",
                    run.out
                );
                assert!(run.out.contains(": 1 problem\n"), "{form}: {}", run.out);
                assert_eq!(run.exit, Exit::Problems, "{form}");
            }
        }
    }
}

#[test]
fn what_yaml_makes_of_a_word_is_a_problem_where_nobody_else_sees_it() {
    let with = |member: &str| {
        let file = envoy().replace("StringValue", "Struct");
        let (before, rest) = file.split_once("value: |\n").expect("a value");
        let (_, behind) = rest.split_once("                  - name").expect("a filter");
        let tree = format!("value: {{ providers: {{ okta: {} }}, {member} }}\n", super::OKTA);
        check(&["-"], &format!("{before}{tree}                  - name{behind}")).codes()
    };
    let cases = [
        ("realm: a", ""),
        ("realm: \"on\"", ""),
        ("realm: 2027-01-01", ""),
        ("realm: yEs", ""),
        ("realm: on", "yaml_misread"),
        ("realm: 0123", "yaml_misread"),
        ("realm: 1.5", "yaml_misread"),
        ("realm: 2147483648", "yaml_misread"),
        ("realm: .inf", "yaml_misread"),
        ("realm: !!str a", "yaml_misread"),
        ("realm: 12", "type_wrong"),
        ("realm: ~", "type_wrong"),
        ("realm: a, realm: b", "field_twice"),
        ("sessions: { capacity: 8 }", ""),
        ("sessions: { capacity: 0x10 }", "yaml_misread"),
        ("sessions: { capacity: 1e3 }", "yaml_misread"),
        ("sessions: { capacity: 1_024 }", "yaml_misread"),
    ];
    for (member, expected) in cases {
        let codes = with(member);
        let codes: Vec<_> = codes.iter().filter_map(|one| Some(one.split_once(' ')?.1)).collect();
        let expected: &[&str] = if expected.is_empty() { &[] } else { &[expected] };
        assert_eq!(codes, expected, "{member}");
    }
}

#[test]
fn a_name_twice_around_the_configuration_is_a_problem() {
    let twice = envoy().replace(
        "failure_policy: FAIL_RELOAD",
        "failure_policy: FAIL_RELOAD\n                        failure_policy: FAIL_OPEN",
    );
    let run = check(&["-"], &twice);
    assert_eq!(run.codes(), ["18 member_twice"], "{}", run.out);
    assert_eq!(run.exit, Exit::Problems);
}
