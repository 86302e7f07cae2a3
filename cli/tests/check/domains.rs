//! Configurations that are checked together and count in the same counters of a service.

use std::path::Path;

use tollgate_cli::Exit;

use super::{Run, check};

/// A configuration, as changed by these.
fn config(changes: &[(&str, &str)]) -> String {
    let text = r#"{"instance": "edge", "providers": {"idp": {"issuer": "https://idp.example", "audiences": ["api"],
  "jwks": {"url": "https://idp.example/keys", "cluster": "idp"}}},
"policies": {"standard": {"rate": {"requests": 1000, "per": "1m"}}},
"apis": [{"name": "orders", "auth": ["idp"], "policies": {"default": ["standard"]}}],
"limits": {"remote": {"service": "ratelimit", "cluster": "rls", "domain": "shop", "replicas": 3}}}
"#;
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// What is said of these files, which are checked in one call.
fn run(name: &str, files: &[(&str, String)]) -> Run {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("domains").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let paths = files.iter().map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    });
    let paths: Vec<_> = paths.collect();
    check(&paths.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

/// The lines about domains, without the folder.
fn told(run: &Run) -> Vec<String> {
    let lines = run.out.lines().filter(|line| line.ends_with("[limits_domain_shared]"));
    let place = |line: &str| {
        let (path, rest) = line.split_once(": warning: ").expect("a warning");
        let path = path.rsplit('/').next().unwrap_or_default();
        format!("{path}: {rest}")
    };
    lines.map(place).collect()
}

#[test]
fn two_configurations_of_one_domain_agree_on_every_limit_or_are_told() {
    let rate = r#""rate": {"requests": 1000, "per": "1m"}"#;
    let default = r#""default": ["standard"]}"#;
    let of_api = |requests: u32, rest: &str| {
        let rate = format!(r#""rate": {{"requests": {requests}, "per": "1m"{rest}}}"#);
        (default, format!("{default}, {rate}"))
    };
    let (all, fewer, each) =
        (of_api(90, ""), of_api(80, ""), of_api(80, r#", "per_caller": true"#));
    let elsewhere = ("https://idp.example\", \"aud", "https://other.example\", \"aud");
    let by_address = (rate, r#""limit_by": "address", "rate": {"requests": 1000, "per": "1m"}"#);
    let less_by_address =
        (rate, r#""limit_by": "address", "rate": {"requests": 900, "per": "1m"}"#);
    let limitador = ("\"ratelimit\"", "\"limitador\"");
    let (less, slower) = (("\"requests\": 1000", "\"requests\": 900"), ("\"1m\"", "\"1h\""));
    let numbers = |words: &'static str| Some(words);
    let instance = Some("another `instance`");
    let cases: [(&str, &[(&str, &str)], &[(&str, &str)], Option<&str>); 24] = [
        // name, one, the other, what is said of the other
        ("the same", &[], &[], None),
        ("fewer", &[], &[less], numbers("`standard.rate` is 900 in 1m here and 1000 in 1m in ")),
        ("another window", &[], &[slower], numbers("is 1000 in 1h here and 1000 in 1m in ")),
        ("another burst", &[], &[("\"1m\"", "\"1m\", \"burst\": 5")], None),
        ("another way to count", &[], &[("\"1m\"", "\"1m\", \"count\": \"exact\"")], None),
        (
            "counted by each process",
            &[],
            &[("\"1m\"", "\"1m\", \"count\": \"process\""), less],
            None,
        ),
        ("another domain", &[], &[less, ("\"shop\"", "\"stage\"")], None),
        ("another cluster", &[], &[less, ("\"rls\"", "\"rls-b\"")], None),
        ("another service", &[], &[less, limitador], None),
        ("another name", &[], &[less, ("standard", "gold")], None),
        ("another name and instance", &[], &[("standard", "gold"), ("edge", "inner")], None),
        ("another instance", &[], &[("\"edge\"", "\"inner\"")], instance),
        ("no instance", &[], &[("\"instance\": \"edge\", ", "")], instance),
        (
            "no instance in either, and no root id is known",
            &[("\"instance\": \"edge\", ", "")],
            &[("\"instance\": \"edge\", ", "")],
            None,
        ),
        ("another provider, so no caller is of both", &[], &[less, ("\"idp\"", "\"auth\"")], None),
        ("another issuer, likewise", &[], &[less, elsewhere], None),
        (
            "any issuer",
            &[],
            &[less, ("\"issuer\": \"https://idp.example\"", "\"any_issuer\": true")],
            numbers("900"),
        ),
        (
            "no caller of both, and one number for all by Limitador",
            &[limitador],
            &[limitador, less, elsewhere],
            numbers("900"),
        ),
        ("addresses are everybody's", &[by_address], &[less_by_address, elsewhere], numbers("900")),
        ("by what callers are counted differs", &[by_address], &[less], None),
        (
            "an API's",
            &[(all.0, &all.1)],
            &[(fewer.0, &fewer.1), elsewhere],
            numbers("`api.orders.rate` is 80"),
        ),
        (
            "an API's for each caller",
            &[(each.0, &each.1)],
            &[(each.0, &each.1), ("edge", "inner")],
            instance,
        ),
        (
            "an API's for each and for all",
            &[(all.0, &all.1), elsewhere],
            &[(each.0, &each.1)],
            None,
        ),
        (
            "the default domain",
            &[("\"domain\": \"shop\", ", "")],
            &[("\"domain\": \"shop\", ", ""), less],
            numbers("the domain `tollgate` of cluster `rls`"),
        ),
    ];
    for (index, (name, one, other, expected)) in cases.into_iter().enumerate() {
        let files = [("one.json", config(one)), ("other.json", config(other))];
        let run = run(&index.to_string(), &files);
        let told = told(&run);
        match (&*told, expected) {
            ([], None) => {}
            ([line], Some(words)) => {
                assert!(line.starts_with("other.json:5:"), "{name}: {line}");
                assert!(line.contains(words) && line.contains("/one.json:5"), "{name}: {line}");
            }
            _ => panic!("{name}: {told:?}\n{}", run.out),
        }
        assert_eq!(run.exit, Exit::Fine, "{name}: {}", run.out);
    }
}

#[test]
fn it_is_told_once_for_each_configuration_and_of_nobody_alone() {
    let (less, least) = (("\"requests\": 1000", "\"requests\": 900"), ("1000", "800"));
    let files = [
        ("a.json", config(&[])),
        ("b.json", config(&[less])),
        ("c.json", config(&[least])),
        ("d.json", config(&[])),
    ];
    let told = told(&run("once", &files));
    let begins: Vec<_> = told.iter().map(|line| &line[..6]).collect();
    // The last one is as the first, and not as the second.
    assert_eq!(begins, ["b.json", "c.json", "d.json"], "{told:#?}");
    assert!(told[1].contains("/a.json:5") && told[2].contains("/b.json:5"), "{told:#?}");
    assert_eq!(self::told(&run("alone", &files[..1])), [""; 0]);
}

/// Two filters of one proxy, by their root ids, with these configurations.
fn proxy(filters: &[(&str, String)]) -> String {
    let start = super::envoy();
    let (before, rest) =
        start.split_once("                  - name: tollgate\n").expect("a filter");
    let (filter, after) =
        rest.split_once("                  - name: envoy.filters.http.router").expect("a router");
    let filters = filters.iter().map(|(root, config)| {
        let own = filter.replace(
            "vm_config: { vm_id: tollgate }",
            &format!("root_id: {root}\n                        vm_config: {{ vm_id: tollgate }}"),
        );
        let line = own.lines().find(|line| line.contains("{\"providers\"")).expect("a line");
        let config = config.replace('\n', " ");
        let text = format!("                            {config}");
        format!("                  - name: tollgate-{root}\n{}", own.replace(line, &text))
    });
    let clusters =
        "    - name: idp\n      type: EDS\n    - name: rls\n      http2_protocol_options: {}\n";
    let filters: String = filters.collect();
    format!("{before}{filters}                  - name: envoy.filters.http.router{after}{clusters}")
}

#[test]
fn a_root_id_stands_for_an_instance_that_is_not_written() {
    let bare = || config(&[("\"instance\": \"edge\", ", "")]);
    let cases = [
        // name, filters, whether something is said
        ("one root id", [("a", bare()), ("a", bare())], false),
        ("two root ids", [("a", bare()), ("b", bare())], true),
        ("one instance", [("a", config(&[])), ("b", config(&[]))], false),
        ("the root id is the other's instance", [("edge", bare()), ("b", config(&[]))], false),
        ("on trial", [("a", config(&[])), ("a", config(&[("edge", "trial")]))], true),
    ];
    for (name, filters, is_told) in cases {
        let run = check(&["-"], &proxy(&filters));
        let line = run.out.lines().find(|line| line.ends_with("[limits_domain_shared]"));
        assert_eq!(line.is_some(), is_told, "{name}: {}", run.out);
        let Some(line) = line else { continue };
        let words = "has another `instance`, and yet `standard.rate` of both is one counter";
        assert!(line.contains(words), "{name}: {line}");
        let other = format!("(filter tollgate-{})", filters[0].0);
        assert!(line.contains("standard input:") && line.contains(&other), "{name}: {line}");
    }
}

#[test]
fn clusters_of_one_name_that_lead_elsewhere_are_two_services() {
    let to = |host: &str| {
        let address = format!("socket_address: {{ address: {host}, port_value: 8081 }}");
        let endpoint = format!("lb_endpoints: [{{ endpoint: {{ address: {{ {address} }} }} }}]");
        format!("      load_assignment: {{ endpoints: [{{ {endpoint} }}] }}\n")
    };
    let file = |changes: &[(&str, &str)], host: &str| proxy(&[("a", config(changes))]) + &to(host);
    let less = [("\"requests\": 1000", "\"requests\": 900")];
    let apart = [("a.yaml", file(&[], "rls.a")), ("b.yaml", file(&less, "rls.b"))];
    assert_eq!(told(&run("apart", &apart)), [""; 0]);
    let together = [("a.yaml", file(&[], "rls.a")), ("b.yaml", file(&less, "rls.a"))];
    assert_eq!(told(&run("together", &together)).len(), 1);
}

#[test]
fn resources_of_control_planes_are_named() {
    let plugin = |name: &str, changes: &[(&str, &str)]| {
        let config = config(changes).replace('\n', " ");
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{ name: tollgate-{name}, namespace: a }}\nspec:\n  \
             failStrategy: FAIL_RELOAD\n  pluginConfig: {config}\n"
        )
    };
    let both = plugin("one", &[]) + "---\n" + &plugin("two", &[("1000", "900")]);
    let run = check(&["-"], &both);
    let line = run.out.lines().find(|line| line.ends_with("[limits_domain_shared]"));
    let line = line.expect("it is told");
    assert!(line.contains("1000 in 1m in standard input:6 (WasmPlugin a/tollgate-one)"), "{line}");
    let json = check(&["--format", "json", "-"], &both);
    assert!(json.out.contains("\"code\": \"limits_domain_shared\""), "{}", json.out);
    assert_eq!(check(&["--strict", "-"], &both).exit, Exit::Problems);
}
