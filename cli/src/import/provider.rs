//! A definition's providers: who signs its tokens, and what stands in for what is not here.

use serde_json::{Map, Value, json};
use tollgate::config::Config;
use tollgate::verdict::{list, quoted};

use super::definition::{Definition, Method, Places};
use super::limits;
use super::options::Options;
use super::report::{Kind, Report};
use super::rules;
use super::source::{self, Known, Source};

/// A public key that was made by hashing a sentence, so that nobody has its private half: what
/// waits for it refuses every token. The sentence is in the test.
pub(super) const NOBODYS_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA+p/W8/QXvZqeo7Ezude2L9b777za7ILn1ouD6LFnEuE=\n-----END PUBLIC KEY-----\n";

/// The provider that holds an API shut.
const HELD: &str = "fill-in";

/// What is told of what holds an API shut.
pub(super) const UNTIL: &str =
    "until then `fill-in` in `auth` refuses everybody: delete it from there once that is settled";

/// What no token is ever issued by or for.
const NOBODY: &str = "urn:tollgate:fill-in";

/// A provider, and what it would like to be called.
pub(super) struct Draft {
    pub(super) hint: String,
    pub(super) body: Map<String, Value>,
}

/// What is known of a source of keys.
struct Keys {
    source: Source,
    known: Known,
    issuers: Vec<String>,
    refresh: Option<String>,
}

/// The JWT providers of a definition: one for each source of keys.
pub(super) fn jwt(definition: &Definition, options: &Options, report: &mut Report) -> Vec<Draft> {
    let mut keys = keys(definition, report);
    pair_issuers(definition, &mut keys, options, report);
    let mut drafts: Vec<Draft> = Vec::new();
    for one in keys {
        let mut body = Map::new();
        let issuers = issuers(definition, &one, report);
        if drafts.iter().any(|known| known.body.get("issuer") == Some(&issuers)) {
            let message = "several key sets for one issuer: the first one is taken, since nothing \
                           says which of them speaks for it";
            report.add(
                Kind::NotSupported,
                &definition.source,
                definition.field("jwt_jwks_uris"),
                message,
            );
            continue;
        }
        let hint = one.known.name().to_owned();
        body.insert("issuer".into(), issuers);
        audience(definition, one.known, options, &mut body, report);
        key_source(definition, one, options, &mut body, report);
        skew(definition, &mut body, report);
        common(definition, &definition.jwt.places, "jwt", &mut body, report);
        claims(definition, &hint, options.by_name, &mut body, report);
        rules::require(definition, &mut body, report);
        drafts.push(Draft { hint, body });
    }
    drafts
}

fn keys(definition: &Definition, report: &mut Report) -> Vec<Keys> {
    let jwt = &definition.jwt;
    let at = |url: &str, refresh: Option<String>| {
        let source = source::url(url);
        let (known, issuers) = match &source {
            Source::Url(url) => source::known(url),
            _ => (Known::Other, Vec::new()),
        };
        Keys { source, known, issuers, refresh }
    };
    if !jwt.urls.is_empty() {
        let mut all = Vec::new();
        for (url, timeout) in &jwt.urls {
            all.push(at(url, Some(refresh(definition, timeout.as_ref(), report))));
        }
        return all;
    }
    let (source, _) = source::read(&jwt.source, jwt.signing == "hmac");
    let (known, issuers) = match &source {
        Source::Url(url) => source::known(url),
        _ => (Known::Other, Vec::new()),
    };
    let refresh = matches!(source, Source::Url(_)).then(|| "4m".to_owned());
    vec![Keys { source, known, issuers, refresh }]
}

/// How old keys become: as Tyk's cache does, 240 s unless told otherwise.
fn refresh(definition: &Definition, timeout: Option<&Value>, report: &mut Report) -> String {
    let Some(timeout) = timeout else { return "4m".into() };
    let millis = limits::millis(timeout).filter(|millis| *millis >= 1_000);
    let text = limits::duration(millis.unwrap_or(240_000).min(limits::YEAR));
    let field = definition.field("jwt_jwks_uris");
    let message = match millis {
        Some(_) => format!("`cacheTimeout` became \"refresh\": \"{text}\""),
        None => format!(
            "`cacheTimeout` is less than a second, which Tyk takes for its default: \"refresh\": \"{text}\""
        ),
    };
    report.add(Kind::Taken, &definition.source, format!("{field}[].cacheTimeout"), message);
    text
}

/// Gives each source the issuers that the definition allows and that belong to it, and those of the
/// command line where neither it nor the URL says any.
fn pair_issuers(
    definition: &Definition,
    keys: &mut [Keys],
    options: &Options,
    report: &mut Report,
) {
    let allowed = &definition.jwt.issuers;
    let host = |text: &str| tollgate::http::Url::parse(text).ok().map(|url| url.host().to_owned());
    let field = definition.field("allowedIssuers");
    let several = keys.len() > 1;
    for one in keys.iter_mut() {
        let own = match &one.source {
            Source::Url(url) => Some(url.host().to_owned()),
            _ => None,
        };
        let belongs = |issuer: &&String| {
            one.issuers.contains(*issuer) || (own.is_some() && host(issuer) == own)
        };
        if !allowed.is_empty() {
            one.issuers = match several {
                true => allowed.iter().filter(belongs).cloned().collect(),
                false => allowed.clone(),
            };
        } else if one.issuers.is_empty() {
            let matching: Vec<_> = options.issuer.iter().filter(belongs).cloned().collect();
            one.issuers = match several || !matching.is_empty() {
                true => matching,
                false => options.issuer.clone(),
            };
        }
    }
    if several && !allowed.is_empty() {
        let left = |issuer: &&String| !keys.iter().any(|one| one.issuers.contains(*issuer));
        for issuer in allowed.iter().filter(left) {
            let message = format!(
                "{}: no key set is on its host, so that nobody can say whose keys verify its tokens: add it to the `issuer` of its provider",
                quoted(issuer)
            );
            report.add(Kind::NotSupported, &definition.source, &field, message);
        }
        report.add(
            Kind::Changed,
            &definition.source,
            field,
            "became the `issuer` of one provider for each key set: keys verify the tokens of their \
             own issuer only, and no longer those of another on the list",
        );
    }
}

/// `issuer`: what the definition, the URL or the command line says, or what nobody has.
fn issuers(definition: &Definition, keys: &Keys, report: &mut Report) -> Value {
    let source = &definition.source;
    let given = !definition.jwt.issuers.is_empty();
    let field = match given {
        true => definition.field("allowedIssuers"),
        false => definition.field("jwt_source"),
    };
    match keys.issuers.as_slice() {
        [] => {
            let place = match &keys.source {
                Source::Url(url) => url.host().to_owned(),
                _ => definition.id.clone(),
            };
            let keys = match &keys.source {
                Source::Url(_) => format!("the keys at {} do", quoted(&place)),
                _ => "a key in the definition does".to_owned(),
            };
            report.add(Kind::FillIn, source, field, format!(
                "`providers.*.issuer`: Tyk asks for none, and {keys} not give it away; decode a \
                 token (`tollgate decode`) and write its `iss`, or import with --issuer"
            ));
            format!("{NOBODY}:issuer:{place}").into()
        }
        issuers => {
            if !given {
                report.add(
                    Kind::Changed,
                    source,
                    field,
                    format!(
                        "became a provider with the issuer {} as well: tokens of another one are \
                     refused, whoever signed them",
                        list(issuers)
                    ),
                );
            } else if keys.issuers.len() == definition.jwt.issuers.len() {
                report.add(Kind::Taken, source, field, "became `providers.*.issuer`, as exactly");
            }
            match issuers {
                [one] => one.clone().into(),
                many => json!(many),
            }
        }
    }
}

fn audience(
    definition: &Definition,
    known: Known,
    options: &Options,
    body: &mut Map<String, Value>,
    report: &mut Report,
) {
    let own = &definition.jwt.audiences;
    if !own.is_empty() {
        body.insert("audiences".into(), json!(own));
        return;
    }
    let field = definition.field("allowedAudiences");
    let source = &definition.source;
    if !options.audience.is_empty() {
        body.insert("audiences".into(), json!(options.audience));
        let message = "not there: `providers.*.audiences` is what --audience says";
        report.add(Kind::Changed, source, field, message);
    } else if options.any_audience {
        body.insert("any_audience".into(), true.into());
        let message = "not there: \"any_audience\": true, because --any-audience says so; a token \
                       that was issued for another API of the same issuer passes";
        report.add(Kind::Changed, source, field, message);
    } else {
        body.insert("audiences".into(), json!([format!("{NOBODY}:audience")]));
        let hint = match known {
            Known::Cognito => "; Cognito's access tokens have none: write `clients` instead",
            _ => "",
        };
        report.add(Kind::FillIn, source, field, format!(
            "`providers.*.audiences`: Tyk asks for none, so that a token for any other API of the \
             issuer passes there; write your API's, or import with --audience or \
             --any-audience{hint}"
        ));
    }
}

fn key_source(
    definition: &Definition,
    keys: Keys,
    options: &Options,
    body: &mut Map<String, Value>,
    report: &mut Report,
) {
    let listed = !definition.jwt.urls.is_empty();
    let field = definition.field(if listed { "jwt_jwks_uris" } else { "jwt_source" });
    let source = &definition.source;
    let refused = match keys.source {
        Source::Url(url) => {
            algorithms(definition, body, report, None);
            let cluster = options.cluster_of(url.host());
            let what = if source::is_discovery(&url) { "discovery" } else { "url" };
            let refresh = keys.refresh.unwrap_or_else(|| "4m".into());
            let jwks = json!({ what: url.to_string(), "cluster": cluster, "refresh": refresh });
            body.insert("jwks".into(), jwks);
            let message = format!(
                "{} became `jwks.{what}`, fetched every {refresh} as there; the Envoy cluster {} \
                 must lead to it, with TLS and its host name (--cluster names another)",
                source::shown(&url),
                quoted(&cluster)
            );
            report.add(Kind::Taken, source, &field, message);
            accepted(body)
        }
        Source::Pem(text) => {
            algorithms(definition, body, report, None);
            body.insert("pem".into(), text.into());
            let said = accepted(body);
            if said.is_ok() {
                report.add(Kind::Taken, source, &field, "the public key became `pem`");
            }
            said
        }
        Source::Secret(base64, bytes) => {
            body.insert("secret".into(), json!({ "base64": base64 }));
            algorithms(definition, body, report, Some(bytes));
            let said = accepted(body);
            if said.is_ok() {
                report.add(
                    Kind::Changed,
                    source,
                    &field,
                    "the secret became `secret.base64`: it \
                    stands in the configuration as it stood in the definition; {\"env\": …} keeps \
                    it out",
                );
            }
            said
        }
        Source::Env(name) => {
            body.insert("secret".into(), json!({ "env": name }));
            body.insert("algorithms".into(), json!(["HS256"]));
            let message = format!(
                "became `secret.env`, HS256 only: Envoy must hand the variable {} to the VM, as \
                 text of 32 bytes at least",
                quoted(&name)
            );
            let said = accepted(body);
            if said.is_ok() {
                report.add(Kind::Changed, source, &field, message);
            }
            said
        }
        Source::Unusable(why) => Err(why),
        Source::Missing => Err("not there, so that every key has a secret of its own in Redis: \
            give each caller an API key, or put the secrets into `jwks.inline`, one for each `kid`"
            .into()),
    };
    if let Err(why) = refused {
        for name in ["jwks", "secret", "algorithms"] {
            body.remove(name);
        }
        body.insert("pem".into(), NOBODYS_KEY.into());
        report.add(
            Kind::FillIn,
            source,
            field,
            format!(
                "`providers.*.pem`: {why}; until then a public key stands there whose private half \
             nobody has"
            ),
        );
    }
}

/// `algorithms`: a family there. `secret` is a secret's length in bytes.
fn algorithms(
    definition: &Definition,
    body: &mut Map<String, Value>,
    report: &mut Report,
    secret: Option<usize>,
) {
    let field = definition.field("jwt_signing_method");
    let source = &definition.source;
    let (list, message): (&[&str], _) = match (definition.jwt.signing.as_str(), secret) {
        (_, Some(bytes)) => {
            let list: &[&str] = match bytes {
                64.. => &["HS256", "HS384", "HS512"],
                48.. => &["HS256", "HS384"],
                _ => &["HS256"],
            };
            (list, "became those of the HS family that the secret is long enough for")
        }
        ("rsa", _) => (
            &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            "became the six algorithms of RSA; delete those that your provider does not use",
        ),
        ("ecdsa", _) => (
            &["ES256", "ES384", "ES512"],
            "became the three algorithms of ECDSA; delete those that your provider does not use",
        ),
        // Everything asymmetric, by default: what is public cannot be a secret.
        _ => (&[], "`algorithms` was left out: every asymmetric one but ES384 and ES512"),
    };
    if !list.is_empty() {
        body.insert("algorithms".into(), json!(list));
    }
    report.add(Kind::Changed, source, field, message);
}

/// Whether a provider alone would be accepted; if not, why.
fn accepted(body: &Map<String, Value>) -> Result<(), String> {
    let text = json!({ "providers": { "p": body } }).to_string();
    // Whether the variable is there shows where the filter runs.
    let long = |_: &str| Some("x".repeat(64));
    match Config::parse_with(text.as_bytes(), &long) {
        Ok(_) => Ok(()),
        Err(problems) => Err(problems.first().map_or_else(String::new, |p| p.message.to_string())),
    }
}

fn skew(definition: &Definition, body: &mut Map<String, Value>, report: &mut Report) {
    let [exp, iat, nbf] = definition.jwt.skews;
    let smallest = exp.min(iat).min(nbf).min(limits::YEAR.div_euclid(1_000));
    let text = limits::duration(smallest.saturating_mul(1_000));
    body.insert("clock_skew".into(), text.clone().into());
    let names = [
        ("jwt_expires_at_validation_skew", exp),
        ("jwt_issued_at_validation_skew", iat),
        ("jwt_not_before_validation_skew", nbf),
    ];
    for (name, seconds) in names.into_iter().filter(|(_, seconds)| *seconds > 0) {
        let (kind, why) = match seconds == smallest {
            true if exp == iat && iat == nbf => (Kind::Taken, "all three are the same"),
            _ => (
                Kind::Changed,
                "one skew for all three, the smallest, since what is not set is 0; write the \
                 difference that clocks may have",
            ),
        };
        let message = format!("became \"clock_skew\": \"{text}\": {why}");
        report.add(kind, &definition.source, definition.field(name), message);
    }
}

/// What providers of both kinds have: places, and whether the credential goes on.
fn common(
    definition: &Definition,
    places: &Places,
    method: &str,
    body: &mut Map<String, Value>,
    report: &mut Report,
) {
    body.insert("from".into(), super::places::from(definition, places, method, report));
    if !definition.strip {
        body.insert("upstream".into(), json!({ "credential": "keep" }));
        report.add(
            Kind::Taken,
            &definition.source,
            definition.field("strip_auth_data"),
            "off: \"upstream\": {\"credential\": \"keep\"}, the token goes on to the upstream",
        );
    }
}

fn claims(
    definition: &Definition,
    hint: &str,
    by_name: bool,
    body: &mut Map<String, Value>,
    report: &mut Report,
) {
    let jwt = &definition.jwt;
    let source = &definition.source;
    let mut identity = jwt.identity.clone();
    if !identity.iter().any(|claim| claim == "sub") {
        identity.push("sub".into());
    }
    let mut claims = Map::new();
    if identity.len() > 1 {
        claims.insert("identity".into(), json!(identity));
        let message = format!(
            "became `claims.identity`: {}; one of another type is refused, and `sub` does not \
             take its place",
            list(&identity)
        );
        let field = definition.field("jwt_identity_base_field");
        report.add(Kind::Changed, source, field, message);
    }
    if by_name && !jwt.policy_claims.is_empty() {
        claims.insert("policies".into(), json!(jwt.policy_claims));
    }
    // Okta and Entra write `scp`, and nothing is what finds it: it is the default.
    let writes_scp = ["okta", "entra"].contains(&hint);
    if !jwt.scope_claims.is_empty() {
        let mut scopes = jwt.scope_claims.clone();
        if writes_scp && !scopes.iter().any(|claim| claim == "scp") {
            scopes.push("scp".into());
        }
        claims.insert("scopes".into(), json!(scopes));
    } else if !jwt.scope_policies.is_empty() && !writes_scp {
        claims.insert("scopes".into(), json!(["scope"]));
    }
    if !claims.is_empty() {
        body.insert("claims".into(), Value::Object(claims));
    }
}

/// A list of API keys without keys: those are in Redis, and not in the definition.
pub(super) fn api_keys(definition: &Definition, report: &mut Report) -> Draft {
    let mut body = stand_in();
    common(definition, &definition.key_places, "authToken", &mut body, report);
    report.add(
        Kind::FillIn,
        &definition.source,
        definition.field(Method::Key.switch()),
        "`providers.*.keys`: API keys are in Redis, not in the definition, and hashed there; give \
         each caller a key (`tollgate hash-key --generate`) and list its hash, with the policies \
         that it had; until then one key stands there that nobody has",
    );
    Draft { hint: "partner".into(), body }
}

/// What stands in for a method that is not here, so that leaving it out opens nothing.
pub(super) fn stand_in_for(definition: &Definition, method: Method, report: &mut Report) -> Draft {
    let mut body = stand_in();
    let name = method.name();
    body.insert("from".into(), json!([{ "header": format!("x-fill-in-{name}") }]));
    report.add(
        Kind::FillIn,
        &definition.source,
        definition.field(method.switch()),
        format!(
            "`{name}` is not done here: a provider stands in for it that refuses everybody; let a \
             filter before Tollgate do it (basic_auth, ext_authz, Envoy's TLS context), and delete \
             `fill-in-{name}` from `auth`"
        ),
    );
    Draft { hint: format!("fill-in-{name}"), body }
}

/// What holds an API shut until somebody has decided, whoever else vouches.
pub(super) fn held() -> Draft {
    let mut body = stand_in();
    body.insert("from".into(), json!([{ "header": "x-fill-in" }]));
    let description = "Fill in: the report says what Tyk refuses and nothing does here. Once that \
                       is settled, delete this name from the API's `auth`.";
    body.insert("description".into(), description.into());
    Draft { hint: HELD.into(), body }
}

fn stand_in() -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("kind".into(), "api_key".into());
    // Nobody knows what has this hash.
    let key = json!({ "name": "fill-in", "sha256": "0".repeat(64), "identity": "fill-in", "active": false });
    body.insert("keys".into(), json!([key]));
    body
}
