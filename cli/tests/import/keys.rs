//! What was made for single callers: keys of theirs, and detailed recording.

use serde_json::{Value, json};
use tollgate_cli::Exit;

use super::{accepted, file, import, oas};

/// A classic definition behind Okta.
fn api(id: &str, more: &Value) -> Value {
    let mut api = json!({
        "name": id, "api_id": id, "org_id": "o1", "active": true, "enable_jwt": true,
        "jwt_signing_method": "rsa", "jwt_identity_base_field": "sub",
        "jwt_source": "https://example.okta.com/oauth2/default/v1/keys/",
        "jwt_default_policies": ["standard"], "strip_auth_data": true,
        "version_data": { "not_versioned": true, "versions": { "Default": { "name": "Default" } } },
        "proxy": { "listen_path": format!("/{id}/"), "target_url": "http://up/" },
    });
    for (name, value) in more.as_object().unwrap() {
        api[name] = value.clone();
    }
    api
}

fn policies() -> Value {
    let policy = |rate: u32| {
        json!({ "rate": rate, "per": 1, "access_rights": {
            "orders": { "api_id": "orders" }, "files": { "api_id": "files" } } })
    };
    json!({ "standard": policy(10), "gold": policy(100) })
}

/// An import of these definitions with these keys.
fn imported(apis: &Value, keys: &Value, more: &[&str]) -> super::Outcome {
    let (apis, keys) = (file(&apis.to_string()), file(&keys.to_string()));
    let policies = file(&policies().to_string());
    let own = ["--policies", &policies, "--keys", &keys, "--audience", "api", "--format", "json"];
    import(&[&[apis.as_str()], &own[..], more].concat())
}

#[test]
fn a_keys_policies_become_those_of_its_one_caller_where_its_rights_say() {
    let apis = json!([api("orders", &json!({})), api("files", &json!({}))]);
    let session = json!({ "alias": "0oa1", "apply_policies": ["gold"],
                          "access_rights": { "orders": { "api_id": "orders" } } });
    let forms = [
        json!({ "o1c4ca4238a0b923820dcc509a6f75849b": session }),
        json!([session]),
        session.clone(),
        json!([{ "key_id": "o1c4ca4238", "data": session }]),
        json!({ "alias": "0oa1", "apply_policy_id": "gold",
                "access_rights": session["access_rights"] }),
    ];
    for keys in forms {
        let outcome = imported(&apis, &keys, &[]);
        assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
        let config = outcome.config();
        let given = |name: &str| {
            let all = config["apis"].as_array().unwrap().iter();
            all.clone().find(|api| api["name"] == name).unwrap()["policies"].clone()
        };
        let own =
            json!({ "default": ["standard"], "by_identity": { "okta": { "0oa1": ["gold"] } } });
        assert_eq!(given("orders"), own, "{keys}");
        assert_eq!(given("files"), json!({ "default": ["standard"] }), "{keys}");
        let told = outcome.about("apply_policies");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("changed: became `policies.by_identity`"), "{told:?}");
        assert!(told[0].contains("may be more than Tyk gave"), "{told:?}");
        assert!(!outcome.err.contains("c4ca4238"), "a key's id is told: {}", outcome.err);
        accepted(&outcome.out);
    }
}

#[test]
fn two_keys_of_one_caller_give_it_what_either_gives() {
    let apis = json!([api("orders", &json!({}))]);
    let key = |policy: &str| json!({ "alias": "0oa1", "apply_policies": [policy, "gold"] });
    let outcome = imported(&apis, &json!([key("gold"), key("standard")]), &[]);
    let given = &outcome.config()["apis"][0]["policies"]["by_identity"]["okta"]["0oa1"];
    assert_eq!(*given, json!(["gold", "standard"]));
    accepted(&outcome.out);
}

#[test]
fn what_a_key_says_and_nobody_can_take_over_is_told_and_gives_nothing() {
    let orders = json!([api("orders", &json!({}))]);
    let keyed = api("orders", &json!({ "enable_jwt": false, "use_standard_auth": true }));
    let cases = [
        // the definitions, the key, the field, a part of what is told
        (&orders, json!({ "apply_policies": ["gold"] }), "alias", "by hand"),
        (
            &orders,
            json!({ "alias": "a" , "access_rights": {} }),
            "apply_policies",
            "becomes a policy",
        ),
        (
            &orders,
            json!({ "alias": "a", "apply_policies": ["gold"], "access_rights": { "x": {} } }),
            "apply_policies",
            "no imported API",
        ),
        (
            &json!([keyed]),
            json!({ "alias": "a", "apply_policies": ["gold"] }),
            "apply_policies",
            "`providers.*.keys`",
        ),
    ];
    for (apis, key, field, words) in cases {
        let outcome = imported(apis, &json!([key]), &[]);
        assert_eq!(outcome.exit, Exit::Fine, "{}", outcome.err);
        let told = outcome.about(field);
        assert!(told.iter().any(|one| one.starts_with("not_supported: ")), "{key}: {told:?}");
        assert!(told.iter().any(|one| one.contains(words)), "{key}: {told:?}");
        assert!(!outcome.out.contains("by_identity"), "{key}: {}", outcome.out);
        assert!(!outcome.out.contains("Fill in: what this policy was"), "{key}: {}", outcome.out);
        accepted(&outcome.out);
    }
    let none = imported(&orders, &json!({ "standard": { "rate": 1 } }), &[]);
    assert_eq!(none.exit, Exit::Misuse, "{}", none.err);
    assert!(none.err.contains("no session of a key"), "{}", none.err);
}

#[test]
fn a_key_that_is_not_active_is_revoked_and_a_policy_that_is_not_there_refuses() {
    let apis = json!([api("orders", &json!({}))]);
    let keys = json!([{ "alias": "0oa1", "apply_policies": ["gone"], "is_inactive": true }]);
    let outcome = imported(&apis, &keys, &[]);
    let config = outcome.config();
    assert_eq!(
        config["revoked"],
        json!({ "entries": [{ "provider": "okta", "identity": "0oa1" }] })
    );
    assert_eq!(config["policies"]["gone"]["active"], false);
    accepted(&outcome.out);
}

#[test]
fn detailed_recording_of_apis_and_keys_becomes_a_detailed_log_that_ends() {
    let on = json!({ "enable_detailed_recording": true });
    let apis = json!([api("orders", &on), api("files", &json!({}))]);
    let keys =
        json!([{ "alias": "0oa1", "apply_policies": ["gold"], "enable_detail_recording": true }]);
    let until = "2027-01-15T09:00:00Z";
    let outcome = imported(&apis, &keys, &["--detail-until", until]);
    let detail = json!([{ "provider": "okta", "identity": "0oa1" }, { "api": "orders" }]);
    assert_eq!(outcome.config()["log"], json!({ "detail": detail, "until": until }));
    let told = outcome.about("enable_detailed_recording");
    assert!(told[0].starts_with("changed: became `log.detail`"), "{told:?}");
    assert!(told[0].contains(until), "{told:?}");
    accepted(&outcome.out);

    // Nobody says when it ends: it is over, and the report says what to do.
    let outcome = imported(&apis, &keys, &[]);
    assert_eq!(outcome.config()["log"]["until"], "1970-01-01T00:00:00Z");
    let told = outcome.about("enable_detailed_recording");
    assert!(told[0].contains("over until you write its end in `log.until`"), "{told:?}");
    accepted(&outcome.out);

    let off = json!([api("orders", &json!({ "enable_detailed_recording": false }))]);
    let none = imported(&off, &json!([{ "alias": "0oa1", "apply_policies": ["gold"] }]), &[]);
    assert_eq!(none.config()["log"], Value::Null);
}

#[test]
fn an_oas_definition_records_by_its_own_field_and_no_more_than_a_log_has_room_for() {
    let mut definition = oas();
    definition["x-tyk-api-gateway"]["server"]["detailedActivityLogs"] = json!({ "enabled": true });
    let outcome = import(&[&file(&definition.to_string()), "--format", "json"]);
    let names = outcome.config()["log"]["detail"].clone();
    assert_eq!(names.as_array().map(Vec::len), Some(1), "{}", outcome.err);
    let on = json!({ "enable_detailed_recording": true });
    let many: Vec<_> = (0..20).map(|number| api(&format!("a{number}"), &on)).collect();
    let outcome = imported(&json!(many), &json!([{ "alias": "x" }]), &[]);
    assert_eq!(outcome.config()["log"]["detail"].as_array().unwrap().len(), 16);
    let told = outcome.about("enable_detailed_recording");
    let left = told.iter().filter(|one| one.starts_with("not_supported: ")).count();
    assert_eq!(left, 4, "{told:?}");
    accepted(&outcome.out);
}

#[test]
fn a_caller_for_whom_a_log_has_no_room_is_told_so() {
    let key = |number| {
        json!({ "alias": format!("0oa{number}"), "apply_policies": ["gold"],
                "enable_detail_recording": true })
    };
    let keys: Vec<_> = (0..20).map(key).collect();
    let outcome = imported(&json!([api("orders", &json!({}))]), &json!(keys), &[]);
    assert_eq!(outcome.config()["log"]["detail"].as_array().map(Vec::len), Some(16));
    let told = outcome.about("enable_detail_recording");
    let of = |kind: &str| told.iter().filter(|one| one.starts_with(kind)).count();
    assert_eq!((of("changed: "), of("not_supported: ")), (16, 4), "{told:?}");
    accepted(&outcome.out);
}
