//! What a decision comes to: a reason to refuse, with its code, its status and its remedy.

mod refusal;

pub use refusal::{Refusal, Scheme, quoted};

/// Why a request was refused.
///
/// Each variant has a stable [`code`](Self::code) for machines, an [`answer`](Self::answer) for the
/// client, and a [`remedy`](Self::remedy) for the operator who reads the log at 3 a.m. What the
/// client is told never says more than the code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Deny {
    /// The API is not for this client.
    AccessDenied,
    /// No API of the configuration matches the request.
    ApiUnknown,
    /// A CORS preflight for a protected API that does not let preflights pass (Fetch §3.2).
    CorsPreflightRefused,
    /// Nothing that vouches for the caller came with the request (RFC 6750 §3.1).
    CredentialMissing,
    /// Two credentials for one provider (RFC 6750 §2).
    CredentialMultiple,
    /// The token names nobody.
    IdentityMissing,
    /// A contradiction inside the filter.
    Internal,
    /// The API key's end has passed.
    KeyExpired,
    /// The API key is switched off.
    KeyInactive,
    /// Nobody owns an API key like this.
    KeyUnknown,
    /// The keys in use are older than `max_stale`.
    KeysStale,
    /// The provider's keys were never loaded, or could not be asked for just now.
    KeysUnavailable,
    /// A page of an origin that is not listed uses a cookie to change something.
    OriginRefused,
    /// Too many requests wait for keys.
    Overloaded,
    /// A path that the next hop could read differently.
    PathAmbiguous,
    /// The token lacks a scope that the API needs (RFC 6750 §3.1).
    ScopeInsufficient,
    /// The session's end has passed: the "key expiration check".
    SessionExpired,
    /// A request was permitted without a session: a bug, never a client's fault.
    SessionMissing,
    /// The algorithm is not one that the provider's configuration or the key allows (RFC 8725 §3.1).
    TokenAlgorithmRefused,
    /// The token was meant for someone else (RFC 7519 §4.1.3).
    TokenAudienceMismatch,
    /// The token is bound to a key (`cnf`, RFC 7800) whose proof is not supported.
    TokenBindingUnsupported,
    /// A claim is missing its type, or the payload is no JSON object (RFC 7519 §7.2).
    TokenClaimMalformed,
    /// The token's client is not one of the provider's `clients`.
    TokenClientRefused,
    /// An encrypted token (JWE, RFC 7516).
    TokenEncrypted,
    /// The token's `exp` has passed (RFC 7519 §4.1.4).
    TokenExpired,
    /// The token has no `exp`.
    TokenExpiryMissing,
    /// The JOSE header breaks a rule (RFC 7515 §4).
    TokenHeaderInvalid,
    /// The token's `iat` lies in the future (RFC 7519 §4.1.6).
    TokenIssuedInFuture,
    /// The token's `iss` is no provider's of this API (RFC 7519 §4.1.1).
    TokenIssuerUnknown,
    /// The key that the token names cannot be used with its algorithm (RFC 7517 §4.4).
    TokenKeyMismatch,
    /// No key of the provider has the token's `kid` (RFC 7515 §4.1.4).
    TokenKeyUnknown,
    /// The token lives longer than `max_lifetime`.
    TokenLifetimeExceeded,
    /// Not the compact form of a JWS (RFC 7515 §7.1).
    TokenMalformed,
    /// The token's `nbf` is still to come (RFC 7519 §4.1.5).
    TokenNotYetValid,
    /// The signature is not by the key that the token names (RFC 7515 §5.2).
    TokenSignatureInvalid,
    /// The token is longer than 16 KiB.
    TokenTooLarge,
    /// Not an access token: its type says so (RFC 8725 §3.11).
    TokenTypeRefused,
    /// Too many signatures on a slow curve have failed in this second.
    VerifyBudget,
}

/// What the client is told: the HTTP status, the `error` of the body and of the challenge, and the
/// gRPC status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// 401 without an error: nothing was presented (RFC 6750 §3.1).
    Missing,
    /// 401 `invalid_token`.
    InvalidToken,
    /// 400 `invalid_request`.
    InvalidRequest,
    /// 403 `insufficient_scope`, naming the scopes needed.
    InsufficientScope,
    /// 403 `access_denied`.
    AccessDenied,
    /// 503 `temporarily_unavailable` with `Retry-After`: we cannot decide.
    Unavailable,
    /// 500 `server_error`.
    ServerError,
}

impl Answer {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing | Self::InvalidToken => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope | Self::AccessDenied => 403,
            Self::Unavailable => 503,
            Self::ServerError => 500,
        }
    }

    /// The `error` member of the body.
    pub const fn error(self) -> &'static str {
        match self {
            Self::Missing => "unauthorized",
            Self::InvalidToken => "invalid_token",
            Self::InvalidRequest => "invalid_request",
            Self::InsufficientScope => "insufficient_scope",
            Self::AccessDenied => "access_denied",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The fixed `error_description`: never a word from the token or the URL.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Missing => "this API needs a credential",
            Self::InvalidToken => "the credential was refused",
            Self::InvalidRequest => "the request can be read in more than one way",
            Self::InsufficientScope => "the token's scopes are not enough for this API",
            Self::AccessDenied => "the request is not allowed",
            Self::Unavailable => "the request cannot be judged just now; try again",
            Self::ServerError => "the gateway failed to judge the request",
        }
    }

    /// The gRPC status code.
    pub const fn grpc_status(self) -> u32 {
        match self {
            Self::Missing | Self::InvalidToken => 16,
            Self::InvalidRequest => 3,
            Self::InsufficientScope | Self::AccessDenied => 7,
            Self::Unavailable => 14,
            Self::ServerError => 13,
        }
    }
}

/// A step of a request's way, in the order they are taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The path, read in one way only.
    Path,
    /// Which API the request belongs to.
    Api,
    /// What the request shows to vouch for its caller.
    Credential,
    /// The token's form: size, parts, header, algorithm.
    Token,
    /// The key that the token names.
    Key,
    /// The signature.
    Signature,
    /// The registered claims.
    Claims,
    /// Who the caller is.
    Identity,
    /// The session: present and not expired (the "key expiration check").
    Session,
    /// Whether the session may call this API.
    Access,
}

impl Step {
    /// The step's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Api => "api",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::Access => "access",
        }
    }
}

/// Everything that is fixed about a reason to refuse.
struct Facts {
    code: &'static str,
    answer: Answer,
    step: Step,
    remedy: &'static str,
}

const fn facts(code: &'static str, answer: Answer, step: Step, remedy: &'static str) -> Facts {
    Facts { code, answer, step, remedy }
}

impl Deny {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 38] = [
        Self::AccessDenied,
        Self::ApiUnknown,
        Self::CorsPreflightRefused,
        Self::CredentialMissing,
        Self::CredentialMultiple,
        Self::IdentityMissing,
        Self::Internal,
        Self::KeyExpired,
        Self::KeyInactive,
        Self::KeyUnknown,
        Self::KeysStale,
        Self::KeysUnavailable,
        Self::OriginRefused,
        Self::Overloaded,
        Self::PathAmbiguous,
        Self::ScopeInsufficient,
        Self::SessionExpired,
        Self::SessionMissing,
        Self::TokenAlgorithmRefused,
        Self::TokenAudienceMismatch,
        Self::TokenBindingUnsupported,
        Self::TokenClaimMalformed,
        Self::TokenClientRefused,
        Self::TokenEncrypted,
        Self::TokenExpired,
        Self::TokenExpiryMissing,
        Self::TokenHeaderInvalid,
        Self::TokenIssuedInFuture,
        Self::TokenIssuerUnknown,
        Self::TokenKeyMismatch,
        Self::TokenKeyUnknown,
        Self::TokenLifetimeExceeded,
        Self::TokenMalformed,
        Self::TokenNotYetValid,
        Self::TokenSignatureInvalid,
        Self::TokenTooLarge,
        Self::TokenTypeRefused,
        Self::VerifyBudget,
    ];

    const fn facts(self) -> Facts {
        use Answer::{
            AccessDenied, InsufficientScope, InvalidRequest, InvalidToken, Missing, ServerError,
            Unavailable,
        };
        match self {
            Self::AccessDenied => facts(
                "access_denied",
                AccessDenied,
                Step::Access,
                "add the token's client to `apis[].clients`, or call with another client",
            ),
            Self::ApiUnknown => facts(
                "api_unknown",
                AccessDenied,
                Step::Api,
                "no entry of `apis` matches this host, path and method: add one, or widen a `match`",
            ),
            Self::CorsPreflightRefused => facts(
                "cors_preflight_refused",
                AccessDenied,
                Step::Api,
                "set `apis[].cors_preflight` to \"pass\", or put Envoy's CORS filter before Tollgate",
            ),
            Self::CredentialMissing => facts(
                "credential_missing",
                Missing,
                Step::Credential,
                "the caller must send a token where `providers.*.from` looks for it, by default \
                 `Authorization: Bearer <token>`",
            ),
            Self::CredentialMultiple => facts(
                "credential_multiple",
                InvalidRequest,
                Step::Credential,
                "the caller must send one token only; look for a proxy in front that adds a second \
                 `Authorization`",
            ),
            Self::IdentityMissing => facts(
                "identity_missing",
                InvalidToken,
                Step::Identity,
                "name a claim that these tokens carry in `providers.*.claims.identity`",
            ),
            Self::Internal => facts(
                "internal",
                ServerError,
                Step::Access,
                "a defect of Tollgate: report it with this line",
            ),
            Self::KeyExpired => facts(
                "key_expired",
                InvalidToken,
                Step::Credential,
                "give the caller a new key, or move the key's `expires` in `providers.*.keys`",
            ),
            Self::KeyInactive => facts(
                "key_inactive",
                AccessDenied,
                Step::Credential,
                "the key says \"active\": false in `providers.*.keys`: set it to true to let it in",
            ),
            Self::KeyUnknown => facts(
                "key_unknown",
                InvalidToken,
                Step::Credential,
                "no entry of `providers.*.keys` has the SHA-256 of this key: was it mistyped, cut, or \
                 hashed with a newline behind it?",
            ),
            Self::KeysStale => facts(
                "keys_stale",
                Unavailable,
                Step::Key,
                "the provider has not answered for longer than `jwks.max_stale`: look at the last \
                 `keys_fetch_failed` line, mend the way to the provider",
            ),
            Self::KeysUnavailable => facts(
                "keys_unavailable",
                Unavailable,
                Step::Key,
                "the provider's keys cannot be fetched: look at the last `keys_fetch_failed` line; \
                 check `jwks.url` and that the cluster in `jwks.cluster` reaches it",
            ),
            Self::OriginRefused => facts(
                "origin_refused",
                AccessDenied,
                Step::Credential,
                "a page of an origin that is not in `providers.*.from[].origins` caused a request with \
                 the cookie that could change something: add the origin if the page is yours",
            ),
            Self::Overloaded => facts(
                "overloaded",
                Unavailable,
                Step::Key,
                "too many requests wait for the provider's first key set: mend the way to the \
                 provider",
            ),
            Self::PathAmbiguous => facts(
                "path_ambiguous",
                InvalidRequest,
                Step::Path,
                "set `normalize_path: true`, `merge_slashes: true` and \
                 `path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT` in Envoy's \
                 http_connection_manager, or have the caller send a plain path",
            ),
            Self::ScopeInsufficient => facts(
                "scope_insufficient",
                InsufficientScope,
                Step::Access,
                "grant the client the missing scopes at the provider, or shorten `apis[].scopes`",
            ),
            Self::SessionExpired => facts(
                "session_expired",
                InvalidToken,
                Step::Session,
                "the caller must get a new token; if clocks differ, raise `providers.*.clock_skew`",
            ),
            Self::SessionMissing => facts(
                "session_missing",
                ServerError,
                Step::Session,
                "a defect of Tollgate: report it with this line",
            ),
            Self::TokenAlgorithmRefused => facts(
                "token_algorithm_refused",
                InvalidToken,
                Step::Token,
                "add the algorithm to `providers.*.algorithms` if the provider really signs with \
                 it; `none` and HS algorithms are never accepted with fetched keys",
            ),
            Self::TokenAudienceMismatch => facts(
                "token_audience_mismatch",
                InvalidToken,
                Step::Claims,
                "add the token's `aud` to `providers.*.audiences` (and to `apis[].audiences` where \
                 the API has its own), or have the client ask for this API's audience",
            ),
            Self::TokenBindingUnsupported => facts(
                "token_binding_unsupported",
                InvalidToken,
                Step::Claims,
                "the token is bound to a client certificate or DPoP key; set `providers.*.binding` \
                 to \"ignore\" only if something in front of Tollgate checks the proof",
            ),
            Self::TokenClaimMalformed => facts(
                "token_claim_malformed",
                InvalidToken,
                Step::Claims,
                "the provider sends a claim of the wrong type: mend its claim mapping, or name \
                 another claim in `providers.*.claims`",
            ),
            Self::TokenClientRefused => facts(
                "token_client_refused",
                InvalidToken,
                Step::Claims,
                "add the token's client to `providers.*.clients`",
            ),
            Self::TokenEncrypted => facts(
                "token_encrypted",
                InvalidToken,
                Step::Token,
                "have the provider issue signed, not encrypted, access tokens",
            ),
            Self::TokenExpired => facts(
                "token_expired",
                InvalidToken,
                Step::Claims,
                "the caller must get a new token; if clocks differ, raise `providers.*.clock_skew`",
            ),
            Self::TokenExpiryMissing => facts(
                "token_expiry_missing",
                InvalidToken,
                Step::Claims,
                "have the provider issue tokens with `exp`, or set `providers.*.allow_no_expiry`",
            ),
            Self::TokenHeaderInvalid => facts(
                "token_header_invalid",
                InvalidToken,
                Step::Token,
                "the token's header has duplicate members, `crit`, `b64` or a member of a wrong \
                 type: mend the issuer",
            ),
            Self::TokenIssuedInFuture => facts(
                "token_issued_in_future",
                InvalidToken,
                Step::Claims,
                "the provider's clock is ahead of this machine's: set both by NTP, or raise \
                 `providers.*.clock_skew`",
            ),
            Self::TokenIssuerUnknown => facts(
                "token_issuer_unknown",
                InvalidToken,
                Step::Credential,
                "`providers.*.issuer` must be the token's `iss` byte for byte (look for a trailing \
                 slash), and the API's `auth` must name that provider",
            ),
            Self::TokenKeyMismatch => facts(
                "token_key_mismatch",
                InvalidToken,
                Step::Key,
                "the key with this `kid` is of another type, algorithm, use or issuer than the \
                 token says: look at the provider's key set",
            ),
            Self::TokenKeyUnknown => facts(
                "token_key_unknown",
                InvalidToken,
                Step::Key,
                "the key set at `jwks` has no such `kid`: is the token from another authorization \
                 server of the same provider?",
            ),
            Self::TokenLifetimeExceeded => facts(
                "token_lifetime_exceeded",
                InvalidToken,
                Step::Claims,
                "shorten the tokens' lifetime at the provider, or raise `providers.*.max_lifetime`",
            ),
            Self::TokenMalformed => facts(
                "token_malformed",
                InvalidToken,
                Step::Token,
                "not a JWT in compact form: an opaque token, or one cut or decorated on its way?",
            ),
            Self::TokenNotYetValid => facts(
                "token_not_yet_valid",
                InvalidToken,
                Step::Claims,
                "the token's `nbf` is still to come: if clocks differ, raise \
                 `providers.*.clock_skew`",
            ),
            Self::TokenSignatureInvalid => facts(
                "token_signature_invalid",
                InvalidToken,
                Step::Signature,
                "the token was changed on its way, or forged, or signed by another issuer that \
                 uses the same `kid`",
            ),
            Self::TokenTooLarge => facts(
                "token_too_large",
                InvalidToken,
                Step::Token,
                "have the provider put fewer claims into the token: 16 KiB is the limit",
            ),
            Self::TokenTypeRefused => facts(
                "token_type_refused",
                InvalidToken,
                Step::Token,
                "an ID token, or a token of another kind, was sent as an access token: have the \
                 client send its access token; see `providers.*.typ` and `allow_id_tokens`",
            ),
            Self::VerifyBudget => facts(
                "verify_budget",
                Unavailable,
                Step::Signature,
                "somebody sends forged ES384 or ES512 tokens: leave these out of \
                 `providers.*.algorithms` if the provider does not sign with them, or limit the \
                 rate in front of Tollgate",
            ),
        }
    }

    /// A stable, documented identifier. Renaming one is a breaking change.
    pub const fn code(self) -> &'static str {
        self.facts().code
    }

    /// What the client is told.
    pub const fn answer(self) -> Answer {
        self.facts().answer
    }

    /// The step that refused.
    pub const fn step(self) -> Step {
        self.facts().step
    }

    /// What an operator can do about it.
    pub const fn remedy(self) -> &'static str {
        self.facts().remedy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own_and_a_remedy() {
        let mut codes: Vec<_> = Deny::ALL.iter().map(|deny| deny.code()).collect();
        assert!(codes.is_sorted(), "{codes:?}");
        codes.dedup();
        assert_eq!(codes.len(), Deny::ALL.len());
        for deny in Deny::ALL {
            assert!(deny.remedy().len() > 20, "{deny:?}");
            assert!(deny.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{deny:?}");
        }
    }
}
