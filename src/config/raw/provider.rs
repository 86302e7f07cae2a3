//! The file, exactly: who vouches for callers, and with which keys.

use super::client::RawClient;
use super::credential::{Locations, Pem, RawKey, RawSecret};
use super::introspection::{RawForm, RawOutage};
use super::login::RawLogin;
use super::value::ProviderRules;
use crate::claims::{ClaimRef, Form};
use crate::config::code::Code;
use crate::config::define::{choice, object, words};
use crate::config::duration::{HOUR, Time, YEAR};
use crate::config::problems::Problems;
use crate::config::read::{Count, List, Map, OneOrMany, Read, Text, wrong_type};
use crate::config::tree::{self, Node, Value};
use crate::provider::SessionFact;

object! {
    /// A provider: a JWT issuer, one that is asked about each token, or a list of API keys. What is not
    /// said of another kind is for issuers.
    RawProvider {
        /// What kind of provider this is.
        kind: RawKind = RawKind::Jwt;
        /// The exact bytes of the tokens' `iss`, one or a list.
        issuer: OneOrMany;
        /// What `{tenant}` in `issuer`, `jwks.url` and `jwks.discovery` stands for, one after the
        /// other.
        tenants: List<Text>;
        /// Says on purpose that `iss` is not checked.
        any_issuer: bool = false;
        /// One of these must be in the tokens' `aud`.
        audiences: List<Text>;
        /// The tokens' client must be one of these.
        clients: List<Text>;
        /// Says on purpose that `aud` is not checked.
        any_audience: bool = false;
        /// Where the keys are; or `pem`, or `secret`.
        jwks: RawJwks;
        /// The public keys themselves, in PEM.
        pem: Pem;
        /// The secret of the HS family.
        secret: RawSecret;
        /// Where tokens are asked about, for the kind `introspection` (RFC 7662); or `discovery`.
        url: Text;
        /// A document that names where tokens are asked about (`introspection_endpoint`): its URL, or
        /// `true` for the issuer followed by `/.well-known/openid-configuration`.
        discovery: RawDiscovery;
        /// The Envoy cluster that is called to ask about tokens.
        cluster: Text;
        /// Who asks: the client that the provider knows the filter as.
        client: RawClient;
        /// Which tokens are asked about: `opaque` is what is no JWT, `jwt` is JWTs of the issuer. Left
        /// out: `opaque`.
        forms: List<RawForm>;
        /// How long a call may take that asks about a token.
        timeout: Time<1, HOUR> = Time::seconds(2);
        /// How long an answer holds that a token is active: so long a revoked one lives. `0s` asks for
        /// each request.
        cache: Time<0, YEAR> = Time::seconds(30);
        /// How long an answer holds that a token is not active.
        negative: Time<0, YEAR> = Time::seconds(10);
        /// How many answers all workers share.
        capacity: Count<8, 16_777_216> = Count(8192);
        /// How many calls each worker makes in a second for tokens that were not active before.
        per_second: Count<1, 1_000_000> = Count(100);
        /// What becomes of known tokens while the provider cannot be asked: `deny`, or
        /// `{"stale": "5m"}`, which lets a positive answer serve so much longer.
        on_outage: RawOutage;
        /// Whether answers are signed (RFC 9701); needs `jwks`.
        signed: bool = false;
        /// The API keys, for the kind `api_key`.
        keys: List<RawKey, 10_000>;
        /// The signature algorithms accepted. Left out: every asymmetric one
        /// except ES384 and ES512.
        algorithms: List<Text>;
        /// The header `typ` must be one of these, without regard to case or an `application/`
        /// prefix. Left out: not checked.
        typ: List<Text>;
        /// Whether ID tokens pass for access tokens.
        allow_id_tokens: bool = false;
        /// How far clocks may differ, for `exp`, `nbf`, `iat` and the session's end.
        clock_skew: Time<0, YEAR> = Time::seconds(60);
        /// The longest life of a token: `exp` - `iat`, without `iat` `exp` - now. Left out: any.
        max_lifetime: Time<1, YEAR>;
        /// Whether a token without `exp` passes.
        allow_no_expiry: bool = false;
        /// What to do with a token that is bound to a key (`cnf`).
        binding: RawBinding = RawBinding::Refuse;
        /// Where the credential stands in a request, for both kinds. Left out: the header
        /// `authorization`, scheme `Bearer`. Empty beside a `login`: no bearer tokens.
        from: Locations;
        /// Which claims say what.
        claims: RawClaims;
        /// What else the tokens' claims must say; a token that does not is refused with 401.
        require: ProviderRules;
        /// What goes upstream, for both kinds.
        upstream: RawUpstream;
        /// How it also logs browsers in. Left out: it does not.
        login: RawLogin;
    }
}

choice! {
    /// The kinds of provider.
    pub(in crate::config) RawKind {
        /// A JWT issuer.
        Jwt = "jwt",
        /// A list of API keys.
        ApiKey = "api_key",
        /// One that is asked about each token.
        Introspection = "introspection",
    }
}

choice! {
    /// What to do with a token that is bound to a key.
    pub(in crate::config) RawBinding {
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
        timeout: Time<1, HOUR> = Time::seconds(5);
        /// How old a key set becomes before it is fetched again.
        refresh: Time<100, YEAR> = Time::minutes(10);
        /// Shortest time between two fetches on demand (an unknown `kid`).
        cooldown: Time<100, YEAR> = Time::seconds(30);
        /// How old a key set may be and still be used.
        max_stale: Time<1, YEAR> = Time::hours(24);
    }
}

/// `jwks.discovery`.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawDiscovery {
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
pub(in crate::config) struct Inline(pub(in crate::config) Box<str>);

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
        identity: List<ClaimRef> = claims(&["sub"]);
        /// Which client the caller uses.
        client: List<ClaimRef> = claims(&["client_id", "azp", "cid", "appid"]);
        /// The token's scopes.
        scopes: List<ClaimRef> = claims(&["scp", "scope"]);
        /// The names of the caller's policies, for APIs with `from_claim`.
        policies: List<ClaimRef>;
    }
}

/// Claims at the top of a token.
#[inline(never)]
fn claims(names: &[&str]) -> List<ClaimRef> {
    names.iter().map(|name| ClaimRef::Name((*name).into())).collect()
}

object! {
    /// What goes upstream with a permitted request.
    RawUpstream {
        /// What becomes of the credential itself.
        credential: RawCredential = RawCredential::Strip;
        /// Headers by name, each a claim, `{"claim": …}` or `{"session": …}`; `{}` is none. Left
        /// out: `x-tollgate-identity` and `x-tollgate-provider`, from the session.
        headers: Map<RawHeader>;
        /// A header that carries the token's payload as it came: base64url, unpadded.
        payload_header: Text;
        /// What that header carries of an answer about a token: its members as base64url JSON, or the
        /// signed answer as it came.
        payload: RawPayload = RawPayload::Claims;
    }
}

choice! {
    /// What the payload's header carries of an answer about a token.
    pub(in crate::config) RawPayload {
        /// Its members.
        Claims = "claims",
        /// The signed answer.
        Signed = "signed",
    }
}

choice! {
    /// What becomes of the credential itself.
    pub(in crate::config) RawCredential {
        /// It is removed.
        Strip = "strip",
        /// It goes upstream.
        Keep = "keep",
    }
}

/// An upstream header's value.
#[derive(Clone, Debug)]
pub(in crate::config) enum RawHeader {
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
        form as "as": Form;
        /// A fact of the session.
        session: SessionFact;
        /// What the policies in force say under this key of `metadata`.
        metadata: Text;
    }
}

words! {
    Form {
        Text = "text",
        Csv = "csv",
        Json = "json",
        Base64Url = "base64url",
    }
}

words! {
    SessionFact {
        Identity = "identity",
        Provider = "provider",
        Client = "client",
        Scopes = "scopes",
        Policies = "policies",
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
