//! What `tollgate init --login` writes.

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate_cli::Exit;

use super::{Folder, Ran, tollgate};

const OKTA: &str = "https://example.okta.com/oauth2/default";
const PORTAL: &str = "https://portal.example.com";
const RECIPES: &str = include_str!("../../../docs/login.md");
/// What the proxy's process holds.
const VARIABLES: [(&str, &str); 2] = [
    ("TOLLGATE_CLIENT_SECRET", "hush"),
    ("TOLLGATE_SEAL", "a secret that seals what browsers keep"),
];

fn init(issuer: &str, target: &str, more: &[&str]) -> Ran {
    let fixed = ["init", "--issuer", issuer, "--login", PORTAL, "--for", target];
    tollgate(&[&fixed[..], more].concat(), b"")
}

fn provider(ran: &Ran) -> Value {
    let written: Value = serde_json::from_str(&ran.out).expect("a configuration");
    written["providers"].as_object().expect("providers").values().next().unwrap().clone()
}

/// What is wrong with a configuration; nothing where it is taken.
fn problems(text: &str) -> Vec<String> {
    let given = |name: &str| {
        VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let refused = Config::parse_with(text.as_bytes(), &given).err();
    refused.iter().flat_map(|all| all.iter()).map(ToString::to_string).collect()
}

#[test]
fn the_recipes_of_the_guide_are_what_is_written() {
    let mut seen = 0;
    for recipe in RECIPES.split("```json\n").skip(1) {
        let text = recipe.split("```").next().unwrap();
        let mut recipe: Value = serde_json::from_str(text).unwrap();
        let (name, recipe) =
            recipe["providers"].as_object_mut().unwrap().iter_mut().next().unwrap();
        let login = &mut recipe["login"];
        if login.get("endpoints").is_some() {
            continue;
        }
        login["client"]["secret"]["env"] = json!("TOLLGATE_CLIENT_SECRET");
        login["seal"][0]["env"] = json!("TOLLGATE_SEAL");
        let (issuer, client) = (&recipe["issuer"], &recipe["login"]["client"]["id"]);
        let ran =
            init(issuer.as_str().unwrap(), "json", &["--client-id", client.as_str().unwrap()]);
        assert_eq!(ran.exit, Exit::Fine, "{name}: {}", ran.err);
        assert_eq!(provider(&ran), *recipe, "{name}");
        assert_eq!(problems(&ran.out), [""; 0], "{name}: {}", ran.out);
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn a_client_is_called_what_its_provider_calls_it() {
    let id = "-VdY_kX";
    let ran = init("https://id.example.com", "json", &["--client-id", id]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    assert_eq!(provider(&ran)["login"]["client"]["id"], id);
}

#[test]
fn what_is_to_be_done_for_a_login_is_told_and_stands_in_the_file() {
    for (target, line) in [
        (
            "envoy",
            "environment_variables: { host_env_keys: [TOLLGATE_CLIENT_SECRET, TOLLGATE_SEAL] }",
        ),
        (
            "istio",
            "vmConfig: { env: [{ name: TOLLGATE_CLIENT_SECRET, valueFrom: HOST }, \
             { name: TOLLGATE_SEAL, valueFrom: HOST }] }",
        ),
        ("envoy-gateway", "env: { hostKeys: [TOLLGATE_CLIENT_SECRET, TOLLGATE_SEAL] }"),
    ] {
        let ran = init(OKTA, target, &["--client-id", "0oa1"]);
        assert_eq!(ran.exit, Exit::Fine, "{target}: {}", ran.err);
        assert!(ran.out.contains(line), "{target}: {}", ran.out);
        for registered in ["callback", "signed-out"] {
            let url = format!("{PORTAL}/.login/okta/{registered}");
            assert!(ran.err.contains(&format!(" {url} as ")), "{target}: {}", ran.err);
            assert!(ran.out.contains(&format!("#   {url}\n")), "{target}: {}", ran.out);
        }
        for words in ["openssl rand -base64 32", "TOLLGATE_CLIENT_SECRET", "TOLLGATE_SEAL"] {
            assert!(ran.err.contains(words) && ran.out.contains(words), "{target}: {}", ran.err);
        }
        assert!(ran.err.contains("`--login http://localhost:10000` is fine"), "{}", ran.err);
        assert!(!ran.out.contains("{{") && !ran.out.contains("}}}}"), "{target}: {}", ran.out);
        let idle = if target == "istio" { "idleTimeout: 30s" } else { "{ idle_timeout: 30s }" };
        assert!(ran.out.contains(idle), "{target}: {}", ran.out);
        let fixed = ["init", "--issuer", OKTA, "--audience", "orders", "--for", target];
        let plain = tollgate(&fixed, b"").out;
        for part in ["TOLLGATE_", ".login", idle] {
            assert!(!plain.contains(part), "{target} {part}: {plain}");
        }
        let checked = tollgate(&["check", "--strict", "-"], ran.out.as_bytes());
        assert_eq!(checked.exit, Exit::Fine, "{target}: {}{}", checked.out, checked.err);
        assert!(!checked.out.contains("warning"), "{target}: {}", checked.out);
    }
}

#[test]
fn the_next_step_of_a_login_can_be_taken_as_it_stands() {
    for target in ["envoy", "istio", "envoy-gateway"] {
        let written = init(OKTA, target, &["--client-id", "0oa1"]).out;
        let (_, rest) = written.split_once("# NEXT").expect(target);
        let comments = rest.lines().skip(1).map(str::trim).take_while(|line| line.starts_with('#'));
        let json: Vec<_> = comments.filter_map(|line| line.strip_prefix("#   ")).collect();
        let added: Value =
            serde_json::from_str(&format!("{{ {} }}", json.join("\n"))).expect(target);
        let alone = init(OKTA, "json", &["--client-id", "0oa1"]);
        let mut configuration: Value = serde_json::from_str(&alone.out).unwrap();
        configuration["apis"] = added["apis"].clone();
        assert_eq!(problems(&configuration.to_string()), [""; 0], "{target}");
    }
}

#[test]
fn browsers_and_programs_come_to_one_api_where_an_audience_is_given() {
    let ran = init(OKTA, "json", &["--client-id", "0oa1", "--audience", "orders"]);
    let both = provider(&ran);
    assert_eq!((&both["audiences"], both.get("from")), (&json!(["orders"]), None), "{both}");
    assert_eq!(both["login"]["client"]["id"], "0oa1");
    assert!(ran.err.contains("narrow it by `clients`") && !ran.err.contains("no bearer tokens"));
    let alone = init(OKTA, "json", &[]);
    assert_eq!(provider(&alone)["login"]["client"]["id"], "CLIENT_ID");
    for words in ["in place of CLIENT_ID", "no bearer tokens are taken"] {
        assert!(alone.err.contains(words), "{}", alone.err);
    }
    assert!(!alone.err.contains("the audience is"), "{}", alone.err);
}

#[test]
fn a_login_over_http_is_for_the_machine_itself() {
    let of = |url: &str| {
        let fixed = ["init", "--issuer", "http://127.0.0.1:9000/realms/shop", "--for", "envoy"];
        tollgate(&[&fixed[..], &["--login", url, "--client-id", "portal"]].concat(), b"")
    };
    let ran = of("http://localhost:10000");
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    for words in
        ["http://localhost:10000/.login/keycloak/callback", "`http` is fine for this machine alone"]
    {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    for (url, words) in [
        ("http://portal.example.com", "`http` is for loopback alone"),
        ("https://portal.example.com/", "providers.keycloak.login.url"),
        ("portal.example.com", "providers.keycloak.login.url"),
    ] {
        let ran = of(url);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""), "{url}");
        assert!(ran.err.contains(words), "{url}: {}", ran.err);
    }
}

#[test]
fn a_provider_that_needs_more_than_its_issuer_for_a_login_has_its_place_in_the_guide() {
    let tenant = "11111111-2222-3333-4444-555555555555";
    for (issuer, words) in [
        ("https://accounts.google.com", "docs/login.md#google"),
        ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc", "docs/login.md#cognito"),
        (&format!("https://sts.windows.net/{tenant}/"), "that of version 2"),
    ] {
        let ran = init(issuer, "json", &[]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""), "{issuer}");
        assert!(ran.err.contains(words), "{issuer}: {}", ran.err);
        let heading = words.split_once('#').map(|(_, anchor)| anchor.to_owned());
        let is_there =
            |anchor: String| RECIPES.to_lowercase().contains(&format!("\n### {anchor}\n"));
        assert!(heading.is_none_or(is_there), "{words}");
    }
    let folder = Folder::new();
    for (more, misused) in [
        (&["--introspect", "gateway", "--audience", "orders"][..], true),
        (&["-o", &folder.path("new")], false),
    ] {
        let ran = init(OKTA, "envoy", more);
        assert_eq!(ran.exit == Exit::Misuse, misused, "{more:?}: {}", ran.err);
    }
    let alone = ["init", "--issuer", OKTA, "--for", "json"];
    for more in [&[][..], &["--client-id", "0oa1", "--audience", "orders"]] {
        assert_eq!(tollgate(&[&alone[..], more].concat(), b"").exit, Exit::Misuse, "{more:?}");
    }
}
