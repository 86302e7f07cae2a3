//! What can be read, what cannot, and how that is said.

use serde_json::json;
use tollgate_cli::Exit;

use super::{accepted, classic, file, import, oas, oas_with, policies, policy, tyk, with};

const OWN: &str = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin
metadata: { name: tollgate }\nspec: { pluginConfig: { providers: { okta: { issuer: https://a.example } } } }\n";
const SLIP: &str = r#"{"api_id": "a1", "name": "a", "use_keyless": true, "proxy": {"listen_path": "/a/", "target_url": "b"},}"#;
const MARK: &str = "\u{feff}{\"api_id\": \"a1\", \"proxy\": {\"listen_path\": \"/a/\"}}";

#[test]
fn what_is_no_definition_is_misuse_and_says_where_and_why() {
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    let cases = [
        // name, text, what is said
        ("no JSON", "{\n \"a\": 1,\n}", ":3:1: not JSON: trailing comma"),
        ("an early end", "{\"a\":", ":1:5: not JSON: EOF while parsing a value"),
        ("two values", "{} {}", ":1:4: not JSON: trailing characters"),
        ("too deep", deep.as_str(), "not JSON: recursion limit exceeded"),
        ("a number", "7", "a number; expected a Tyk API definition"),
        ("an empty list", "[]", "an empty list; expected a Tyk API definition"),
        ("something else", "{\"providers\": {}}", "an object with `providers`; expected a Tyk"),
        ("a resource with Tollgate", OWN, "Tollgate is in it already; `tollgate check`"),
        ("a definition with a slip", SLIP, ":1:103: not JSON: trailing comma"),
        ("a definition with a mark", MARK, ":1:1: a byte order mark: save the file as UTF-8"),
        ("plain OpenAPI", "{\"openapi\": \"3.0.3\"}", "without `x-tyk-api-gateway`; expected"),
    ];
    for (name, text, said) in cases {
        let path = file(text);
        let outcome = import(&[&path]);
        assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(outcome.err.starts_with(&format!("tollgate: {path}")), "{name}: {}", outcome.err);
        assert!(outcome.err.contains(said), "{name}: {}", outcome.err);
    }
    let none = import(&["/there/is/none.json"]);
    assert_eq!(none.exit, Exit::Misuse);
    assert!(none.err.contains("/there/is/none.json: cannot be read: No such file"), "{}", none.err);
    assert_eq!(import(&[]).exit, Exit::Misuse);
    let definition = file(&classic().to_string());
    let both = import(&[&definition, "--audience", "a", "--any-audience"]);
    assert_eq!(both.exit, Exit::Misuse);
}

#[test]
fn a_file_of_more_than_eight_mebibytes_is_not_read() {
    let path = file(&" ".repeat(8 * 1024 * 1024 + 1));
    let outcome = import(&[&path]);
    assert_eq!(outcome.exit, Exit::Misuse);
    assert!(outcome.err.contains("more than 8388608 bytes"), "{}", outcome.err);
}

#[test]
fn exports_are_unwrapped_whatever_they_are_wrapped_in() {
    let other = with(
        &classic(),
        &json!({ "api_id": "a2", "name": "files", "proxy": { "listen_path": "/files/" } }),
    );
    let cases = [
        ("a list", json!([classic(), other])),
        ("wrapped", json!({ "api_definition": classic() })),
        (
            "a list of wrapped",
            json!([{ "api_definition": classic() }, { "api_definition": other }]),
        ),
        (
            "a dashboard's export",
            json!({ "apis": [{ "api_definition": other }, { "oas": oas() }] }),
        ),
        (
            "OAS before its classic twin",
            json!({ "oas": oas(), "api_definition": { "is_oas": true } }),
        ),
    ];
    for (name, definition) in cases {
        let outcome = tyk(&definition, &policies(), &[]);
        assert_eq!(outcome.exit, Exit::Fine, "{name}: {}", outcome.err);
        let expected = definition.to_string().matches("/files/").count().min(1)
            + definition.to_string().matches("/orders/").count().min(1);
        assert_eq!(outcome.config()["apis"].as_array().unwrap().len(), expected, "{name}");
    }
}

#[test]
fn policies_come_as_an_object_a_list_or_an_export() {
    let own = with(&policy(json!({ "tags": ["found"] })), &json!({ "id": "p1" }));
    let by_id = with(&own, &json!({ "id": null, "_id": "p1" }));
    let shapes = [
        json!({ "p1": policy(json!({ "tags": ["found"] })) }),
        json!([own]),
        json!({ "Data": [by_id] }),
        own,
    ];
    for policies in shapes {
        let outcome = tyk(&classic(), &policies, &[]);
        assert_eq!(outcome.config()["policies"]["p1"]["tags"], json!(["found"]), "{policies}");
    }
    let definition = file(&classic().to_string());
    for (text, said) in
        [("7", "a number"), ("[7]", "a number in place of a policy"), ("[{}]", "without `id`")]
    {
        let outcome = import(&[&definition, "--policies", &file(text)]);
        assert_eq!(outcome.exit, Exit::Misuse);
        assert!(outcome.err.contains(said), "{text}: {}", outcome.err);
    }
}

#[test]
fn members_written_twice_are_told_and_the_last_counts() {
    let text =
        classic().to_string().replacen('{', "{\"base_identity_provided_by\":\"oauth_key\",", 1);
    let path = file(&text);
    let outcome = import(&[&path, "--format", "json"]);
    assert_eq!(outcome.exit, Exit::Fine);
    let said = outcome.about("base_identity_provided_by").concat();
    assert!(said.contains("wrong: written twice"), "{said}");
    assert!(!outcome.codes().contains(&"tyk-m1".to_owned()), "{}", outcome.err);
}

#[test]
fn a_field_of_a_type_that_tyk_would_not_take_ends_the_import() {
    let cases = [
        (
            with(&classic(), &json!({ "use_standard_auth": "true" })),
            "use_standard_auth",
            "a string",
        ),
        (
            with(&classic(), &json!({ "jwt_default_policies": "p1" })),
            "jwt_default_policies",
            "a string",
        ),
        (
            with(&classic(), &json!({ "auth_configs": { "jwt": [1] } })),
            "auth_configs.jwt.auth_header_name",
            "a list",
        ),
        (
            oas_with(json!({ "subjectClaims": [7] })),
            "x-tyk-api-gateway.server.authentication.securitySchemes.idp.subjectClaims",
            "a number",
        ),
    ];
    for (definition, field, found) in cases {
        let outcome = tyk(&definition, &policies(), &[]);
        assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Problems, ""), "{field}");
        let said = outcome.about(field).concat();
        assert!(
            said.contains(&format!("wrong: {found}, and Tyk takes")),
            "{field}: {}",
            outcome.err
        );
    }
}

#[test]
fn nothing_that_could_be_imported_is_no_import() {
    let basic = json!({ "api_id": "a1", "name": "b", "use_basic_auth": true, "proxy": { "listen_path": "/b/" } });
    let off = with(&classic(), &json!({ "active": false }));
    for definition in [basic, off] {
        let outcome = tyk(&definition, &policies(), &[]);
        assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Problems, ""));
        assert!(
            outcome.err.contains("nothing was imported: no API that is public"),
            "{}",
            outcome.err
        );
    }
}

#[test]
fn strict_is_only_content_with_nothing_to_do() {
    let seed = with(&classic(), &json!({ "base_identity_provided_by": "oauth_token" }));
    assert_eq!(tyk(&seed, &policies(), &["--audience", "api"]).exit, Exit::Fine);
    let strict = tyk(&seed, &policies(), &["--audience", "api", "--strict"]);
    assert_eq!(strict.exit, Exit::Problems);
    accepted(&strict.out);
    assert_eq!(tyk(&classic(), &policies(), &["--strict"]).exit, Exit::Problems, "to fill in");
    let clean = tyk(&classic(), &policies(), &["--audience", "api", "--strict"]);
    assert_eq!(clean.exit, Exit::Fine, "{}", clean.err);
}

#[test]
fn the_configuration_goes_where_it_is_told_to() {
    let definition = file(&classic().to_string());
    let target = file("");
    let outcome = import(&[&definition, "-o", &target]);
    assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Fine, ""));
    let written = std::fs::read_to_string(&target).unwrap();
    accepted(&written);
    // The same again changes nothing, and another must not be lost.
    assert_eq!(import(&[&definition, "-o", &target]).exit, Exit::Fine);
    let over = import(&[&definition, "-o", &target, "--audience", "api"]);
    assert_eq!(over.exit, Exit::Misuse);
    assert!(over.err.contains("is there already, and was not touched"), "{}", over.err);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), written);
    let nowhere = import(&[&definition, "-o", "/there/is/none/out.json"]);
    assert_eq!(nowhere.exit, Exit::Misuse);
}

#[test]
fn the_report_for_people_names_the_field_and_what_to_do() {
    let seed = with(&classic(), &json!({ "base_identity_provided_by": "oauth_token" }));
    let outcome = import(&[&file(&seed.to_string())]);
    let lines: Vec<_> = outcome.err.lines().map(str::trim).collect();
    assert!(lines[0].ends_with(": API `orders` (classic)"), "{}", lines[0]);
    assert_eq!(lines[2], "wrong with the definition");
    assert_eq!(lines[3], "base_identity_provided_by: tyk-m1");
    assert!(lines[5].starts_with("seen in Tyk: 400 Session state is missing or unset!"));
    assert!(outcome.err.ends_with("taken over\n"), "{}", outcome.err);
}

#[test]
fn a_secret_is_in_the_configuration_and_in_no_report() {
    let secret = "a secret of thirty-two bytes ....";
    let source = super::base64(secret);
    let definition =
        with(&classic(), &json!({ "jwt_signing_method": "hmac", "jwt_source": source }));
    for format in ["text", "json"] {
        let outcome = import(&[&file(&definition.to_string()), "--format", format]);
        assert_eq!(outcome.config()["providers"]["jwt"]["secret"]["base64"], source);
        assert!(!outcome.err.contains(&source) && !outcome.err.contains(secret), "{}", outcome.err);
    }
    let url = super::base64("https://id.example.com/keys?token=hush");
    let definition = with(&classic(), &json!({ "jwt_source": url }));
    let outcome = import(&[&file(&definition.to_string())]);
    assert!(outcome.out.contains("hush") && !outcome.err.contains("hush"), "{}", outcome.err);
}

#[test]
fn one_input_has_one_output() {
    let all = json!([
        classic(),
        with(
            &oas(),
            &json!({ "x-tyk-api-gateway": { "server": { "listenPath": { "value": "/b/" } } } })
        )
    ]);
    let one = tyk(&all, &policies(), &[]);
    let again = tyk(&all, &policies(), &[]);
    assert_eq!(one.out, again.out);
    let names: Vec<_> =
        one.config()["apis"].as_array().unwrap().iter().map(|api| api["name"].clone()).collect();
    assert_eq!(names, ["orders", "orders-2"]);
    assert!(
        one.about("x-tyk-api-gateway.info.name").concat().contains("another API has that name")
    );
}

#[test]
fn a_definition_in_yaml_is_read_as_the_same_in_json() {
    // All that YAML writes in another way is what it is in JSON: nothing here is a word such as `no`.
    fn yaml(value: &serde_json::Value, indent: usize, out: &mut String) {
        match value {
            serde_json::Value::Object(members) if !members.is_empty() => {
                for (name, member) in members {
                    out.push_str(&format!("\n{}{name}:", " ".repeat(indent)));
                    yaml(member, indent + 2, out);
                }
            }
            other => out.push_str(&format!(" {other}")),
        }
    }
    let mut text = String::from("# by hand\n---");
    yaml(&classic(), 0, &mut text);
    let outcome = import(&[&file(&text)]);
    let same = import(&[&file(&classic().to_string())]);
    assert_eq!((outcome.exit, &outcome.out), (same.exit, &same.out), "{}", outcome.err);
    assert_ne!(outcome.out, "", "{}", outcome.err);
}

#[test]
fn a_policy_that_grants_a_public_api_leaves_nothing_to_do() {
    let public = with(&classic(), &json!({ "use_keyless": true, "enable_jwt": false }));
    let outcome = tyk(&public, &json!({ "p1": policy(json!({})) }), &["--strict"]);
    assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
    let said = outcome.about("access_rights.a1").join("\n");
    assert!(said.starts_with("changed: not needed: the API is public"), "{said}");
}
