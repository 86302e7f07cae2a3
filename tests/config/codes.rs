//! Every kind of problem, each with something that it is said of.

use tollgate::config::{Code, Config};

use super::filled;

/// SHA-256 of nothing in particular.
const HASH: &str = "00ff0123456789abcdef0000000000000000000000000000000000000000001f";

/// Members of a configuration's single provider beside an issuer, an audience and keys.
fn provider(members: &str) -> String {
    let rest = [
        ("issuer", r#""issuer": "https://okta.example""#),
        ("audiences", r#""audiences": ["api"]"#),
        ("jwks", r#""jwks": {"discovery": true, "cluster": "idp"}"#),
    ];
    format!("{{\"providers\": {{\"okta\": {{{}}}}}}}", super::members(members, "secret", &rest))
}

/// A configuration with these APIs, policies and further members.
fn apis(members: &str) -> String {
    format!(r#"{{"providers": {{"okta": %okta%, "keys": %keys%}}, {members}}}"#).replace(
        "%keys%",
        &format!(
            r#"{{"kind": "api_key", "from": [{{"header": "x-key"}}], "keys": [{{"name": "k", "identity": "i", "sha256": "{HASH}"}}]}}"#
        ),
    )
}

/// A provider that is asked about tokens, with these members.
fn asked(members: &str) -> String {
    let rest = [
        ("url", r#""url": "https://id.example/introspect""#),
        ("cluster", r#""cluster": "idp""#),
        ("client", r#""client": {"id": "me", "secret": {"text": "s"}}"#),
        ("audiences", r#""audiences": ["api"]"#),
    ];
    let members = super::members(members, "", &rest);
    format!(r#"{{"providers": {{"org": {{"kind": "introspection", {members}}}}}}}"#)
}

/// A provider that logs browsers in, with these members of the login, and what stands behind it.
fn login(members: &str, behind: &str) -> String {
    let rest = [
        ("url", r#""url": "https://a.example.com""#),
        ("client", r#""client": {"id": "me"}"#),
        ("seal", r#""seal": [{"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#),
    ];
    let login = super::members(members, "", &rest);
    let okta = r#""issuer": "https://okta.example", "from": [], "jwks": {"discovery": true, "cluster": "idp"}"#;
    format!(r#"{{"providers": {{"okta": {{{okta}, "login": {{{login}}}}}}}{behind}}}"#)
}

/// What is said of a text, refusals and warnings alike.
fn said(text: &str) -> Vec<(Code, String)> {
    let problems = match Config::parse(filled(text).as_bytes()) {
        Ok(config) => config.warnings.into_iter().chain(config.notes).collect(),
        Err(problems) => problems,
    };
    problems.iter().map(|problem| (problem.code, problem.to_string())).collect()
}

/// One text for each code.
fn example(code: Code) -> Option<String> {
    let policy = r#""policies": {"p": {"rate": {"requests": 1, "per": "1s"}}}"#;
    Some(match code {
        Code::AddressUnproven => apis(
            r#""apis": [{"name": "a", "auth": "none", "rate": {"requests": 1, "per": "1s", "per_caller": true}}]"#,
        ),
        Code::AlgorithmRefused => provider(r#""algorithms": ["HS256"]"#),
        Code::AnswersKeptLong => asked(r#""cache": "2m""#),
        Code::ApiHidden => {
            apis(r#""apis": [{"name": "a", "auth": ["okta", "keys"]}, {"name": "b", "auth": ["okta"]}]"#)
        }
        Code::ApiNotForPolicy => apis(
            r#""policies": {"p": {"access": [{"apis": ["a"]}]}}, "apis": [{"name": "a", "auth": "none"}]"#,
        ),
        Code::ApiPublicCatchAll => apis(r#""apis": [{"name": "a", "auth": "none"}]"#),
        Code::ApiUnreachable => apis(r#""apis": [{"name": "a", "auth": ["keys"]}]"#)
            .replace(r#""identity""#, r#""active": false, "identity""#),
        Code::AudienceCallerChosen => provider(r#""audiences": ["account"]"#),
        Code::AudienceUnchecked => {
            r#"{"providers": {"okta": {"issuer": "https://okta.example", "any_audience": true, "jwks": {"discovery": true, "cluster": "idp"}}},
"apis": [{"name": "a", "auth": ["okta"], "resource": {"url": "https://a.example"}}]}"#.into()
        }
        Code::ResourceNoAudience => apis(
            r#""apis": [{"name": "a", "auth": ["okta"], "resource": {"url": "https://a.example"}}]"#,
        ),
        Code::ResourceOnApi => apis(
            r#""apis": [{"name": "a", "match": {"paths": ["/.well-known/**"]}, "auth": ["okta"], "resource": {"url": "https://a.example"}}]"#,
        ),
        Code::ScopeRefused => apis(
            r#""apis": [{"name": "a", "auth": ["okta"], "resource": {"url": "https://a.example", "scopes": ["offline_access"]}}]"#,
        ),
        Code::BranchRedundant => apis(
            r#""apis": [{"name": "a", "auth": ["okta", ["okta", "keys"]], "session_from": "okta"}]"#,
        ),
        Code::CallersShareNames => apis(
            r#""apis": [{"name": "a", "auth": ["okta", "keys"], "require": [{"session": "identity", "matches": {"header": "x-of"}}]}]"#,
        ),
        Code::ClaimUnnamed => {
            apis(&format!(r#"{policy}, "apis": [{{"name": "a", "auth": ["okta"], "policies": {{"from_claim": true}}}}]"#))
        }
        Code::ClaimUnread => provider(r#""claims": {"policies": ["pol"]}"#),
        Code::ClientRefused => apis(&format!(
            r#"{policy}, "apis": [{{"name": "a", "auth": ["okta"], "clients": ["x"], "policies": {{"by_client": {{"y": ["p"]}}}}}}]"#
        )),
        Code::Contradiction => provider(r#""any_issuer": true"#),
        Code::CredentialKept => apis(r#""apis": [{"name": "a", "auth": ["okta"], "mcp": {}}]"#).replace(
            "%okta%",
            &super::OKTA.replace(r#""audiences""#, r#""upstream": {"credential": "keep"}, "audiences""#),
        ),
        Code::PlaceRefused => apis(r#""apis": [{"name": "a", "auth": ["okta"], "mcp": {}}]"#).replace(
            "%okta%",
            &super::OKTA.replace(r#""audiences""#, r#""from": [{"query": "t"}], "audiences""#),
        ),
        Code::DocumentMistaken => provider(
            r#""jwks": {"url": "https://okta.example/.well-known/openid-configuration", "cluster": "idp"}"#,
        ),
        Code::DiscoveryImpossible => provider(r#""issuer": ["https://a.example", "https://b.example"]"#),
        Code::DurationInvalid => provider(r#""clock_skew": "1h30m""#),
        Code::EndpointElsewhere => login(
            r#""endpoints": {"authorization": "https://a.example", "token": "https://b.example"}"#,
            "",
        ),
        Code::LoginNote => login(r#""scopes": ["openid", "offline_access"]"#, ""),
        Code::RefreshUnasked => login("", ""),
        Code::LoginOnApi => login(
            r#""path": "/a/login""#,
            r#", "apis": [{"name": "a", "match": {"paths": ["/a/**"]}, "auth": ["okta"]}]"#,
        ),
        Code::LoginShared => {
            let one = login("", "");
            let (_, okta) = one.split_once(r#"{"okta": "#).unwrap();
            let okta = okta.strip_suffix("}}").unwrap();
            let two = okta.replace(r#""login": {"#, r#""login": {"path": "/.login/a", "#);
            format!(r#"{{"providers": {{"a": {okta}, "b": {two}}}}}"#)
        }
        Code::ScopeUnasked => {
            login("", r#", "apis": [{"name": "a", "auth": ["okta"], "scopes": ["s"]}]"#)
        }
        Code::SessionShared => login(r#""cookie": {"domain": "example.com"}"#, ""),
        Code::FetchedOften => provider(r#""jwks": {"discovery": true, "cluster": "idp", "refresh": "1s"}"#),
        Code::FieldMissing => r#"{}"#.into(),
        Code::FieldTwice => r#"{"mode": "enforce", "mode": "enforce"}"#.into(),
        Code::FieldUnknown => r#"{"provider": {}}"#.into(),
        Code::FieldUseless => provider(r#""keys": []"#),
        Code::HashInvalid => apis("").replace(HASH, "00FF"),
        Code::HashOfNothing => {
            let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            provider("").replacen('{', &format!(r#"{{"explain": {{"key_sha256": "{hash}"}}, "#), 1)
        }
        Code::HeaderConflict => provider(r#""upstream": {"headers": {"x-a": "sub", "X_A": "sub"}}"#),
        Code::HeaderInvalid => provider(r#""upstream": {"headers": {"x a": "sub"}}"#),
        Code::IdentityAmbiguous => apis(&format!(
            r#"{policy}, "apis": [{{"name": "a", "auth": ["okta"], "policies": {{"by_identity": {{"okta": {{"u": ["p"]}}}}}}}}]"#
        ))
        .replace("%okta%", &super::OKTA.replace(r#""https://okta.example""#, r#"["https://okta.example", "https://b.example"]"#)
            .replace(r#"{"discovery": true,"#, r#"{"url": "https://okta.example/keys","#)),
        Code::IssuerInvalid => provider(r#""issuer": " https://okta.example""#),
        Code::IssuerOrgServer => provider(r#""issuer": "https://example.okta.com""#),
        Code::IssuerShared => r#"{"providers": {"a": %okta%, "b": %okta%}}"#.into(),
        Code::KeyDevelopment => provider(r#""jwks": {"inline": %keys%}"#).replace("%keys%", &super::KEYS.replace("k1", "dev-1")),
        Code::KeyPrivate => provider(r#""jwks": {"inline": %keys%}"#).replace("%keys%", &super::KEYS.replace(r#""kid""#, r#""d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "kid""#)),
        Code::KeySetUnusable => provider(r#""jwks": {"inline": {"keys": []}}"#),
        Code::KeySlow => {
            let pem = include_str!("../support/keys/client-rsa-4096.pem");
            let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem);
            asked(&format!(
                r#""client": {{"id": "me", "auth": "private_key_jwt", "alg": "RS256", "audience": "a", "key": {{"base64": "{key}"}}}}"#
            ))
        }
        Code::KeySymmetric => provider(
            r#""algorithms": ["HS256"], "jwks": {"inline": {"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}"#,
        ),
        Code::KeyTolerated => provider(r#""jwks": {"inline": %keys%}"#).replace("%keys%", &super::KEYS.replace("HURo", "HURo=")),
        Code::KeyUnusable => provider(r#""jwks": {"inline": %keys%}"#).replace("%keys%", &super::KEYS.replace("[{", r#"[{"kty": "x"}, {"#)),
        Code::LimitByUnusable => apis(
            r#""policies": {"p": {"rate": {"requests": 1, "per": "1s"}, "limit_by": "client"}},
"apis": [{"name": "a", "auth": ["keys"], "policies": {"default": ["p"]}}]"#,
        ),
        Code::LimitsRemoteNote | Code::LimitsRemoteRisky => apis(
            r#""limits": {"remote": {"service": "limitador", "cluster": "l", "replicas": 3, "on_outage": "allow"}}"#,
        ),
        Code::LimitsTooMany => {
            let entries: Vec<_> = (0..20)
                .map(|at| format!(r#"{{"apis": ["a"], "paths": ["/{at}"], "rate": {{"requests": 1, "per": "1s"}}}}"#))
                .collect();
            apis(&format!(
                r#""policies": {{"p": {{"access": [{}]}}}}, "apis": [{{"name": "a", "auth": ["okta"], "policies": {{"default": ["p"]}}}}]"#,
                entries.join(",")
            ))
        }
        Code::NameInvalid => r#"{"providers": {"Okta": %okta%}}"#.into(),
        Code::NameTwice => apis(r#""apis": [{"name": "a", "match": {"paths": ["/a"]}, "auth": ["okta"]}, {"name": "a", "auth": ["okta"]}]"#),
        Code::NameUnknown => apis(r#""apis": [{"name": "a", "auth": ["octa"]}]"#),
        Code::NumberOutOfRange => apis(r#""sessions": {"capacity": 1}"#),
        Code::OneOfRequired => provider(r#""jwks": {"cluster": "idp"}"#),
        Code::OptionalEscapesDemands => {
            apis(r#""apis": [{"name": "a", "auth": ["okta"], "optional": true, "scopes": ["s"]}]"#)
        }
        Code::PlaceMissing => provider(r#""from": [{"header": "x-a", "apis": ["b"]}]"#).replace(
            "}}}}",
            r#"}}}, "apis": [{"name": "b", "match": {"paths": ["/b"]}, "auth": ["okta"]}, {"name": "a", "auth": ["okta"]}]}"#,
        ),
        Code::PlaceShared => provider(r#""from": [{"header": "x-a"}, {"header": "x-a"}]"#),
        Code::PlainHttp => provider(r#""jwks": {"url": "http://okta.example", "cluster": "idp"}"#),
        Code::PoliciesDisagree => apis(
            r#""policies": {"p": {"metadata": {"tier": "1"}}, "q": {"metadata": {"tier": "2"}}},
"apis": [{"name": "a", "auth": ["okta"], "policies": {"default": ["p", "q"]}}]"#,
        ),
        Code::PolicyGrantsNothing => apis(r#""policies": {"p": {}}"#),
        Code::PolicyInactive => apis(
            r#""policies": {"p": {"active": false}}, "apis": [{"name": "a", "auth": ["okta"], "policies": {"default": ["p"]}}]"#,
        ),
        Code::PolicyMissing => apis(r#""apis": [{"name": "a", "auth": ["okta"], "policies": {}}]"#),
        Code::PolicyUnasked => apis(
            r#""policies": {"p": {"access": [{"apis": ["a"]}]}}, "apis": [{"name": "a", "auth": ["okta"]}]"#,
        ),
        Code::PathExpression => {
            apis(r#""apis": [{"name": "a", "match": {"paths": ["/a/:id"]}, "auth": ["okta"]}]"#)
        }
        Code::PolicyUnused => apis(policy),
        Code::ProviderUnused => apis(r#""apis": [{"name": "a", "auth": ["okta"]}]"#),
        Code::ReportMode => apis(r#""mode": "report""#),
        Code::SecretInText => asked(""),
        Code::SecretShort => provider(r#""algorithms": ["HS256"], "secret": {"text": "short"}"#)
            .replace(r#""jwks": {"discovery": true, "cluster": "idp"}"#, r#""description": """#),
        Code::SecretUnreadable => provider(r#""algorithms": ["HS256"], "secret": {"env": "NO_SUCH"}"#)
            .replace(r#""jwks": {"discovery": true, "cluster": "idp"}"#, r#""description": """#),
        Code::SessionFromAmbiguous => apis(
            r#""apis": [{"name": "a", "auth": [["okta", "keys"]], "session_from": ["okta", "keys"]}]"#,
        ),
        Code::StatusOnApi => apis(
            r#""apis": [{"name": "a", "match": {"paths": ["/a/**"]}, "auth": ["okta"]}, {"name": "b", "auth": ["okta"]}], "status": {"path": "/a/b", "key_sha256": "4489ff2f9ea96e76d15846c1b6fb8fe5e2831f2433aebb54ccf3be9db7d1418d"}"#,
        ),
        Code::SkewLarge => provider(r#""clock_skew": "1h""#),
        Code::MetricNameShared => apis(
            r#""apis": [{"name": "a-b", "match": {"paths": ["/a"]}, "auth": ["okta"]}, {"name": "a_b", "auth": ["okta"]}]"#,
        ),
        Code::StaleBeforeRefresh => {
            provider(r#""jwks": {"discovery": true, "cluster": "idp", "refresh": "1h", "max_stale": "30m"}"#)
        }
        Code::TextMalformed => "{".into(),
        Code::TimeInvalid => {
            apis("").replace(r#""identity""#, r#""expires": "tomorrow", "identity""#)
        }
        Code::TokenAskedOfKey => {
            apis(r#""apis": [{"name": "a", "auth": ["keys"], "scopes": ["s"]}]"#)
        }
        Code::TokenTypeRefused => provider(r#""typ": ["logout+jwt"]"#),
        Code::TooManyProblems => format!("{{{}}}", vec![r#""x": 1"#; 1002].join(",")),
        Code::TypeWrong => r#"{"providers": []}"#.into(),
        Code::UrlInvalid => provider(r#""jwks": {"url": "okta.example", "cluster": "idp"}"#),
        Code::ValueEmpty => provider(r#""audiences": []"#),
        Code::ValueInvalid => apis(r#""apis": [{"name": "a", "auth": ["okta"], "scopes": ["a b"]}]"#),
        Code::ValueTooLong => apis(&format!(r#""instance": "{}""#, "x".repeat(300))),
        Code::ValueTwice => provider(r#""issuer": ["https://okta.example", "https://okta.example"]"#),
        Code::ValueUnknown => apis(r#""mode": "reprot""#),
        // A defect, which no text is known to show.
        Code::Internal => return None,
        _ => panic!("{} has no example", code.name()),
    })
}

#[test]
fn every_code_has_a_problem_and_says_what_kind_it_is_of() {
    for code in Code::ALL {
        let Some(text) = example(*code) else { continue };
        let said = said(&text.replace(", }", "}"));
        assert!(said.iter().any(|(found, _)| found == code), "{}: {said:?}\n{text}", code.name());
    }
}

#[test]
fn codes_are_in_the_order_of_their_names_and_plain_words() {
    let names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    for name in names {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
    }
}
