use serde_json::json;

use super::*;

const HTTPS: Rules<'static> = Rules { host: "id.example", is_secure: true, needs_userinfo: false };

/// A document in which all is right, and these members.
fn metadata(changes: &Value) -> Metadata {
    let mut document = json!({
        "issuer": "https://id.example",
        "authorization_endpoint": "https://login.example/authorize?tenant=1",
        "token_endpoint": "https://id.example/token",
        "end_session_endpoint": "https://other.example/logout",
        "revocation_endpoint": "https://id.example/revoke",
        "userinfo_endpoint": "https://id.example/me",
        "pushed_authorization_request_endpoint": "https://id.example/par",
        "require_pushed_authorization_requests": true,
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    let members = document.as_object_mut().expect("an object");
    members.extend(changes.as_object().expect("an object").clone());
    Metadata::read(members)
}

fn shown(url: &Option<Url>) -> Option<String> {
    url.as_ref().map(Url::to_string)
}

#[test]
fn a_document_says_where_browsers_go_and_what_is_called() {
    let needs = Rules { needs_userinfo: true, ..HTTPS };
    let metadata = metadata(&json!({}));
    assert_eq!(&*metadata.issuer, "https://id.example");
    let found = metadata.endpoints(needs).expect("good endpoints");
    assert_eq!(found.authorization.to_string(), "https://login.example/authorize?tenant=1");
    assert_eq!(found.token.to_string(), "https://id.example/token");
    assert_eq!(shown(&found.end_session).as_deref(), Some("https://other.example/logout"));
    assert_eq!(shown(&found.revocation).as_deref(), Some("https://id.example/revoke"));
    assert_eq!(shown(&found.userinfo).as_deref(), Some("https://id.example/me"));
    assert_eq!(shown(&found.pushed).as_deref(), Some("https://id.example/par"));
    let says = Says { requires_pushed: true, announces_issuer: true, names_s256: true };
    assert_eq!((found.says, found.left_out), (says, vec![]));
}

#[test]
fn a_login_is_refused_where_it_would_have_to_trust_another_host() {
    use Endpoint::{Authorization, Token, Userinfo};
    let elsewhere = || Why::Elsewhere("third.example".into());
    let cases = [
        // changes, needs userinfo, which is wrong, why
        (json!({"token_endpoint": "https://third.example/token"}), false, Token, elsewhere()),
        (json!({"userinfo_endpoint": "https://third.example/me"}), true, Userinfo, elsewhere()),
        (json!({"userinfo_endpoint": null}), true, Userinfo, Why::Missing),
        (json!({"token_endpoint": null}), false, Token, Why::Missing),
        (
            json!({"token_endpoint": "http://id.example/t"}),
            false,
            Token,
            Why::Plain("id.example".into()),
        ),
        (
            json!({"token_endpoint": ["https://id.example/t"]}),
            false,
            Token,
            Why::Malformed(UrlError::Scheme),
        ),
        (json!({"token_endpoint": ""}), false, Token, Why::Malformed(UrlError::Scheme)),
        (
            json!({"token_endpoint": "https://a:b@id.example/t"}),
            false,
            Token,
            Why::Malformed(UrlError::UserInfo),
        ),
        (
            json!({"token_endpoint": "https://id.example/t#f"}),
            false,
            Token,
            Why::Malformed(UrlError::Fragment),
        ),
        (
            json!({"token_endpoint": format!("https://id.example/{}", "t".repeat(3000))}),
            false,
            Token,
            Why::Malformed(UrlError::Scheme),
        ),
        (
            json!({"token_endpoint": "https://id.example.evil.example/t"}),
            false,
            Token,
            Why::Elsewhere("id.example.evil.example".into()),
        ),
        (
            json!({"authorization_endpoint": "http://login.example/a"}),
            false,
            Authorization,
            Why::Plain("login.example".into()),
        ),
        (
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            false,
            Authorization,
            Why::Malformed(UrlError::Scheme),
        ),
        (
            json!({"authorization_endpoint": "https://login.example/a\r\nx: y"}),
            false,
            Authorization,
            Why::Malformed(UrlError::Character),
        ),
        (json!({"authorization_endpoint": null}), false, Authorization, Why::Missing),
    ];
    for (changes, needs_userinfo, endpoint, why) in cases {
        let found = metadata(&changes).endpoints(Rules { needs_userinfo, ..HTTPS });
        assert_eq!(found, Err(Wrong { endpoint, why }), "{changes}");
    }
}

#[test]
fn what_a_login_can_do_without_is_left_out_and_told() {
    let changes = json!({
        "userinfo_endpoint": "https://third.example/me",
        "revocation_endpoint": "https://third.example/revoke",
        "pushed_authorization_request_endpoint": "https://third.example/par",
        "end_session_endpoint": "http://id.example/logout",
    });
    let found = metadata(&changes).endpoints(HTTPS).expect("a login can do without");
    assert_eq!((&found.userinfo, &found.revocation), (&None, &None));
    assert_eq!((&found.pushed, &found.end_session), (&None, &None));
    let told: Vec<_> = found.left_out.iter().map(|wrong| wrong.endpoint).collect();
    assert_eq!(told, [Endpoint::EndSession, Endpoint::Pushed, Endpoint::Revocation]);
    let line = found.left_out[2].to_string();
    assert!(line.contains("`revocation_endpoint` is on host `third.example`"), "{line}");
    assert!(line.contains("`login.host`") && line.contains("`login.cluster`"), "{line}");
}

#[test]
fn an_endpoint_that_nobody_names_is_simply_not_there() {
    let changes = json!({"end_session_endpoint": null, "revocation_endpoint": null,
        "pushed_authorization_request_endpoint": null, "code_challenge_methods_supported": ["plain"],
        "require_pushed_authorization_requests": "true", "authorization_response_iss_parameter_supported": 1});
    let found = metadata(&changes).endpoints(HTTPS).expect("a login can do without");
    assert_eq!((found.end_session, found.revocation, found.pushed), (None, None, None));
    assert_eq!((found.says, found.left_out), (Says::default(), vec![]));
}

#[test]
fn a_document_over_http_may_name_http() {
    let changes = json!({"token_endpoint": "http://id.example:8080/token"});
    let rules = Rules { is_secure: false, ..HTTPS };
    let found = metadata(&changes).endpoints(rules).expect("as the document");
    assert_eq!(found.token.to_string(), "http://id.example:8080/token");
}

#[test]
fn a_record_comes_back_as_it_was_written() {
    let none = json!({"userinfo_endpoint": null, "require_pushed_authorization_requests": false});
    let odd = json!({"token_endpoint": 7, "issuer": [], "end_session_endpoint": "x".repeat(2048)});
    for changes in [json!({}), none, odd] {
        let metadata = metadata(&changes);
        assert_eq!(Metadata::decode(&metadata.encode()), Some(metadata));
    }
    assert_eq!(Metadata::decode(&Metadata::default().encode()), Some(Metadata::default()));
}

#[test]
fn what_another_wrote_is_absent() {
    let good = metadata(&json!({})).encode();
    for cut in 0..good.len() {
        assert_eq!(Metadata::decode(&good[..cut]), None, "cut at {cut}");
    }
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut record = good.clone();
        change(&mut record);
        Metadata::decode(&record)
    };
    assert_eq!(changed(|record| record.push(0)), None, "longer");
    assert_eq!(changed(|record| record[0] = 2), None, "another version");
    assert_eq!(changed(|record| record[6] = 0xff), None, "no UTF-8");
    let mut long = good[..4].to_vec();
    long.extend(2049_u16.to_le_bytes());
    long.extend([b'x'; 2049]);
    long.extend([0xff; 12]);
    assert_eq!(Metadata::decode(&long), None, "longer than any that is written");
}
