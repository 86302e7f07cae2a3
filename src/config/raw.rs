//! The file, exactly: what may be written where. What it means is judged in `check`.
//!
//! Each definition here serves three times: it reads the object, it suggests the name that a typo
//! was meant for, and it is the JSON Schema.

use super::code::Code;
use super::credentials::{Pem, RawKey, RawLocation, RawSecret};
use super::define::{choice, object};
use super::duration::{HOUR, Time, YEAR};
use super::problems::Problems;
use super::raw_limits::{RawLimits, RawRevoked};
use super::raw_operator::{RawExplain, RawStatus};
use super::raw_policies::{RawApiPolicies, RawMode, RawPolicy, RawRate, RawRule};
use super::read::{At, Count, Field, List, Map, OneOrMany, Read, Text, wrong_type};
use super::tree::{self, Node, Value};
use crate::claims::ClaimRef;

object! {
    /// The configuration of Tollgate.
    RawConfig {
        /// Where this schema is; ignored.
        _schema as "$schema": Text;
        /// Who vouches for callers, by name: `[a-z0-9_-]{1,64}`.
        providers: Map<RawProvider>;
        /// The parts of the traffic; the first that matches a request is the one that judges it.
        /// Left out: one API `default` that is everything and takes a token of any provider.
        apis: List<RawApi>;
        /// What callers may do, by name: `[a-z0-9_-]{1,64}`.
        policies: Map<RawPolicy>;
        /// What becomes of refused requests: `report` lets them pass and tells.
        mode: RawMode = "enforce";
        /// The record of sessions.
        sessions: RawSessions;
        /// The counters of rates and quotas.
        limits: RawLimits;
        /// Whom to refuse although the credential is good.
        revoked: RawRevoked;
        /// The realm that challenges name: printable ASCII without `"` and `\`.
        realm: Text = "api";
        /// How refusals are logged.
        log: RawLog;
        /// Who checks signatures: the proxy where it can and is seen to be right, the proxy or
        /// nothing, or the filter itself.
        crypto: RawCrypto = "auto";
        /// Keeps the sessions of different filters apart; filters with the same name share them.
        /// Left out: the plugin's root id.
        instance: Text;
        /// Who is told each step of a decision.
        explain: RawExplain;
        /// The operator's page. Left out: there is none.
        status: RawStatus;
    }
}

object! {
    /// The record of sessions.
    RawSessions {
        /// How many sessions are recorded at once, rounded up to a multiple of 8.
        capacity: Count<8, 16_777_216> = "65536";
    }
}

object! {
    /// How refusals are logged.
    RawLog {
        /// The form of a line.
        format: RawLogFormat = "json";
        /// How an identity is shown: as it is, as the first 16 hex digits of its SHA-256, or not at
        /// all.
        identity: RawLogIdentity = "plain";
        /// How a request's path is shown, without its query: as it is, or not at all.
        path: RawLogPath = "plain";
        /// Lines per second and worker; the rest is counted.
        per_second: Count<1, 1_000_000> = "10";
    }
}

choice! {
    /// Who checks signatures.
    RawCrypto {
        /// The host where it is Envoy and passes a test at start, otherwise the filter itself.
        Auto = "auto",
        /// The host; refused where it cannot.
        Host = "host",
        /// The filter itself.
        Wasm = "wasm",
    }
}

choice! {
    /// The form of a log line.
    RawLogFormat {
        /// One JSON object.
        Json = "json",
        /// `key=value` pairs.
        Logfmt = "logfmt",
    }
}

choice! {
    /// How an identity is shown in logs.
    RawLogIdentity {
        /// As it is.
        Plain = "plain",
        /// Hashed.
        Hash = "hash",
        /// Not at all.
        Omit = "omit",
    }
}

choice! {
    /// How a request's path is shown in logs.
    RawLogPath {
        /// As it is.
        Plain = "plain",
        /// Not at all.
        Omit = "omit",
    }
}

object! {
    /// A provider: a JWT issuer, or a list of API keys. What is not said of keys is for issuers.
    RawProvider {
        /// What kind of provider this is.
        kind: RawKind = "jwt";
        /// The exact bytes of the tokens' `iss`, one or a list.
        issuer: OneOrMany;
        /// What `{tenant}` in `issuer`, `jwks.url` and `jwks.discovery` stands for, one after the
        /// other.
        tenants: List<Text>;
        /// Says on purpose that `iss` is not checked.
        any_issuer: bool = "false";
        /// One of these must be in the tokens' `aud`.
        audiences: List<Text>;
        /// The tokens' client must be one of these.
        clients: List<Text>;
        /// Says on purpose that `aud` is not checked.
        any_audience: bool = "false";
        /// Where the keys are; or `pem`, or `secret`.
        jwks: RawJwks;
        /// The public keys themselves, in PEM.
        pem: Pem;
        /// The secret of the HS family.
        secret: RawSecret;
        /// The API keys, for the kind `api_key`.
        keys: List<RawKey, 10_000>;
        /// The signature algorithms accepted. Left out: every asymmetric one
        /// except ES384 and ES512.
        algorithms: List<Text>;
        /// The header `typ` must be one of these, without regard to case or an `application/`
        /// prefix. Left out: not checked.
        typ: List<Text>;
        /// Whether ID tokens pass for access tokens.
        allow_id_tokens: bool = "false";
        /// How far clocks may differ, for `exp`, `nbf`, `iat` and the session's end.
        clock_skew: Time<0, YEAR> = "60s";
        /// The longest life of a token: `exp` - `iat`, without `iat` `exp` - now. Left out: any.
        max_lifetime: Time<1, YEAR>;
        /// Whether a token without `exp` passes.
        allow_no_expiry: bool = "false";
        /// What to do with a token that is bound to a key (`cnf`).
        binding: RawBinding = "refuse";
        /// Where the credential stands in a request, for both kinds. Left out: the header
        /// `authorization`, scheme `Bearer`.
        from: List<RawLocation, 16>;
        /// Which claims say what.
        claims: RawClaims;
        /// What else the tokens' claims must say; a token that does not is refused with 401.
        require: List<RawRule>;
        /// What goes upstream, for both kinds.
        upstream: RawUpstream;
    }
}

choice! {
    /// The kinds of provider.
    RawKind {
        /// A JWT issuer.
        Jwt = "jwt",
        /// A list of API keys.
        ApiKey = "api_key",
    }
}

choice! {
    /// What to do with a token that is bound to a key.
    RawBinding {
        /// Refuse it: proofs are not checked here.
        Refuse = "refuse",
        /// Take it: something in front checks the proof.
        Ignore = "ignore",
    }
}

object! {
    /// Where the keys are: exactly one of `url`, `discovery` and `inline`.
    RawJwks {
        /// The URL of the key set.
        url: Text;
        /// A discovery document that names the key set: its URL, or `true` for the issuer followed
        /// by `/.well-known/openid-configuration`.
        discovery: RawDiscovery;
        /// The key set itself (RFC 7517 §5).
        inline: Inline;
        /// The Envoy cluster that is called. Needed with `url` and `discovery`.
        cluster: Text;
        /// The Envoy cluster for the key set, where a discovery document names one on another host.
        keys_cluster: Text;
        /// How long a call may take.
        timeout: Time<1, HOUR> = "5s";
        /// How old a key set becomes before it is fetched again.
        refresh: Time<100, YEAR> = "10m";
        /// Shortest time between two fetches on demand (an unknown `kid`).
        cooldown: Time<100, YEAR> = "30s";
        /// How old a key set may be and still be used.
        max_stale: Time<1, YEAR> = "24h";
    }
}

/// `jwks.discovery`.
#[derive(Clone, Debug)]
pub(super) enum RawDiscovery {
    /// `true`: from the issuer.
    Issuer,
    /// A URL.
    Url(Text),
}

impl Read for RawDiscovery {
    const WHAT: &'static str = "a URL or `true`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::Bool(true) => Some(Self::Issuer),
            Value::Bool(false) => {
                problems.refuse(
                    Code::ValueUnknown,
                    node.start,
                    "`false` names no keys; write `true` or a URL",
                );
                None
            }
            Value::Text(ref text) if text != "true" => Text::read(node, problems).map(Self::Url),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [{ "const": true }, Text::schema()] })
    }
}

/// `jwks.inline`: the text of a JSON object.
#[derive(Clone, Debug)]
pub(super) struct Inline(pub(super) Box<str>);

impl Read for Inline {
    const WHAT: &'static str = "a key set: an object with a list `keys`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        if !matches!(node.value, Value::Object(_)) {
            wrong_type(node, Self::WHAT, problems);
            return None;
        }
        let mut text = String::new();
        tree::write(node, &mut text);
        Some(Self(text.into()))
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let keys =
            serde_json::json!({ "type": "array", "minItems": 1, "items": { "type": "object" } });
        serde_json::json!({ "type": "object", "required": ["keys"], "properties": { "keys": keys } })
    }
}

object! {
    /// Which claims say what. The first that is present and not null wins.
    RawClaims {
        /// Who the caller is.
        identity: List<ClaimRef> = "[\"sub\"]";
        /// Which client the caller uses.
        client: List<ClaimRef> = "[\"client_id\", \"azp\", \"cid\", \"appid\"]";
        /// The token's scopes.
        scopes: List<ClaimRef> = "[\"scp\", \"scope\"]";
        /// The names of the caller's policies, for APIs with `from_claim`.
        policies: List<ClaimRef>;
    }
}

impl Read for ClaimRef {
    const WHAT: &'static str = "a claim: its name, or a list of names from the outermost in";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => Text::read(node, problems).map(|name| Self::Name(name.0)),
            Value::List(names) if names.is_empty() => {
                problems.refuse(
                    Code::ValueEmpty,
                    node.start,
                    "an empty list names no claim; write its name",
                );
                None
            }
            Value::List(names) => {
                let read: Vec<_> =
                    names.iter().filter_map(|name| Text::read(name, problems)).collect();
                (read.len() == names.len())
                    .then(|| Self::Path(read.into_iter().map(|name| name.0).collect()))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [Text::schema(), List::<Text>::schema()] })
    }
}

object! {
    /// What goes upstream with a permitted request.
    RawUpstream {
        /// What becomes of the credential itself.
        credential: RawCredential = "strip";
        /// Headers by name, each a claim, `{"claim": …}` or `{"session": …}`; `{}` is none. Left
        /// out: `x-tollgate-identity` and `x-tollgate-provider`, from the session.
        headers: Map<RawHeader>;
        /// A header that carries the token's payload as it came: base64url, unpadded.
        payload_header: Text;
    }
}

choice! {
    /// What becomes of the credential itself.
    RawCredential {
        /// It is removed.
        Strip = "strip",
        /// It goes upstream.
        Keep = "keep",
    }
}

/// An upstream header's value.
#[derive(Clone, Debug)]
pub(super) enum RawHeader {
    /// A claim.
    Claim(ClaimRef),
    /// An object that says which.
    Source(RawSource),
}

object! {
    /// Where an upstream header's value comes from: exactly one of `claim`, `session` and
    /// `metadata`.
    RawSource {
        /// A claim of this provider's token.
        claim: ClaimRef;
        /// How the claim is written. Left out: a string as it is, an array as `csv`, numbers and
        /// booleans as the token has them.
        form as "as": RawForm;
        /// A fact of the session.
        session: RawFact;
        /// What the policies in force say under this key of `metadata`.
        metadata: Text;
    }
}

choice! {
    /// How a claim is written into a header.
    RawForm {
        /// As it is; no array.
        Text = "text",
        /// An array joined by commas.
        Csv = "csv",
        /// Its JSON, compact and in ASCII.
        Json = "json",
        /// That JSON in base64url, unpadded.
        Base64Url = "base64url",
    }
}

choice! {
    /// What a session can tell the upstream.
    RawFact {
        /// Who the caller is.
        Identity = "identity",
        /// The provider whose session is used.
        Provider = "provider",
        /// The client's id.
        Client = "client",
        /// The token's scopes, joined by a space.
        Scopes = "scopes",
        /// The policies in force, joined by commas.
        Policies = "policies",
        /// The tags of the policies in force, joined by commas.
        Tags = "tags",
    }
}

impl Read for RawHeader {
    const WHAT: &'static str = "a claim or an object with `claim`, `session` or `metadata`";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::Text(_) | Value::List(_) => ClaimRef::read(node, problems).map(Self::Claim),
            Value::Object(_) => RawSource::read(node, problems).map(Self::Source),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [ClaimRef::schema(), RawSource::schema()] })
    }
}

object! {
    /// A named part of the traffic.
    RawApi {
        /// Its name: `[a-z0-9_-]{1,64}`.
        name: Text, required;
        /// Which requests belong to it: all of hosts, paths and methods must match. Left out:
        /// everything.
        matcher as "match": RawMatch;
        /// What `%2F` in a path is: `segment` takes it for a part of its segment. The proxy must leave
        /// it as it is.
        encoded_slash: RawSlash = "refuse";
        /// Who may vouch: `"none"`, or a list of branches, each a provider or a list of providers
        /// that must all vouch.
        auth: RawAuth, required;
        /// Whether a request without any credential passes without an identity.
        optional: bool = "false";
        /// The provider whose session is used, where several vouch together; one or a list.
        session_from: OneOrMany;
        /// One of these must be in the `aud` of the session's token, too.
        audiences: List<Text>;
        /// The client of the session's token must be one of these, too.
        clients: List<Text>;
        /// Scopes that the session's token must have, all of them.
        scopes: List<Text>;
        /// What the claims of the session's token must say, too; refused with 403 otherwise.
        require: List<RawRule>;
        /// Which policies this API gives to whom. Left out: being verified is enough.
        policies: RawApiPolicies;
        /// How fast all callers together may call.
        rate: RawRate;
        /// What becomes of refused requests here. Left out: as `mode` at the top says.
        mode: RawMode;
        /// What becomes of CORS preflights on a protected API.
        cors_preflight: RawPreflight = "refuse";
    }
}

object! {
    /// Which requests belong to an API.
    RawMatch {
        /// Hosts, exact or `*.example.com`. Left out: any.
        hosts: List<Text>;
        /// Paths by segments: `*` and `{id}` are one segment, a final `**` any number. Left out:
        /// any.
        paths: List<Text>;
        /// Methods, exact. Left out: any.
        methods: List<Text>;
        /// Names of the proxy's routes, exact. Left out: any, and none.
        routes: List<Text>;
        /// Whether the metadata of the proxy's route must name this API: `api` under `tollgate`.
        route_metadata: bool = "false";
    }
}

/// `apis[].auth`.
#[derive(Clone, Debug)]
pub(super) enum RawAuth {
    /// `"none"`.
    None,
    /// A list of branches.
    Branches(List<OneOrMany<16>, 64>),
    /// A string other than `"none"`.
    Word(Text),
}

impl Read for RawAuth {
    const WHAT: &'static str = "`\"none\"` or a list of branches";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "none" => Some(Self::None),
            Value::Text(_) => Text::read(node, problems).map(Self::Word),
            Value::List(_) => List::read(node, problems).map(Self::Branches),
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let branches = List::<OneOrMany<16>, 64>::schema();
        serde_json::json!({ "anyOf": [{ "const": "none" }, branches] })
    }
}

choice! {
    /// What an encoded slash in a path is.
    RawSlash {
        /// Ambiguous: the request is refused.
        Refuse = "refuse",
        /// A part of its segment.
        Segment = "segment",
    }
}

choice! {
    /// What becomes of CORS preflights on a protected API.
    RawPreflight {
        /// They are refused.
        Refuse = "refuse",
        /// They pass without a credential.
        Pass = "pass",
    }
}

/// The elements of a list member, none where it is absent or wrong.
pub(super) fn items<T, const MOST: usize>(field: &Field<List<T, MOST>>) -> &[At<T>] {
    field.given().map_or(&[], |list| &list.items)
}

/// The elements of a member that is one value or a list, none where it is absent or wrong.
pub(super) fn one_or_many(field: &Field<OneOrMany>) -> &[At<Text>] {
    field.given().map_or(&[], |list| &list.0.items)
}
