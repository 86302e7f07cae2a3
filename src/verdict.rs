//! What a decision comes to: a reason to refuse, with its code, its status and its remedy.

mod facts;
mod meaning;
mod refusal;

pub use refusal::{Refusal, Scheme, list, quoted, quoted_to};

/// Why a request was refused.
///
/// Each variant has a stable [`code`](Self::code) for machines, an [`answer`](Self::answer) for the
/// client, and a [`remedy`](Self::remedy) for the operator who reads the log at 3 a.m. What the
/// client is told never says more than the code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Deny {
    /// The API is not for this client, or no policy grants the request.
    AccessDenied,
    /// No API of the configuration matches the request.
    ApiUnknown,
    /// The token's claims are not what the API requires.
    ClaimInsufficient,
    /// A CORS preflight for a protected API that does not let preflights pass (Fetch §3.2).
    CorsPreflightRefused,
    /// Nothing that vouches for the caller came with the request (RFC 6750 §3.1).
    CredentialMissing,
    /// Two credentials for one provider (RFC 6750 §2).
    CredentialMultiple,
    /// A host that the next hop could read differently.
    HostAmbiguous,
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
    /// The other workers kept writing a subject's counters first.
    LimitContention,
    /// The credential lacks what its caller is counted by.
    LimitKeyMissing,
    /// There is no room for a new counter beside those that run.
    LimitStoreFull,
    /// A known method in other letters, which some servers take for it (RFC 9110 §9.1).
    MethodAmbiguous,
    /// A page of an origin that is not listed uses a cookie to change something.
    OriginRefused,
    /// Too many requests wait for keys.
    Overloaded,
    /// A path that the next hop could read differently.
    PathAmbiguous,
    /// The API gives policies, and none of them to this caller.
    PolicyNone,
    /// The token names a policy that does not exist.
    PolicyUnknown,
    /// As many requests as a quota allows came in its window.
    QuotaExceeded,
    /// Requests come faster than a rate allows.
    RateLimited,
    /// There is no list of revocations to rely upon.
    RevocationsStale,
    /// The token lacks a scope that the API needs (RFC 6750 §3.1).
    ScopeInsufficient,
    /// The session's end has passed: the "key expiration check".
    SessionExpired,
    /// The identity is revoked, or a policy in force is not active.
    SessionInactive,
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
    /// The token's claims are not what the provider requires.
    TokenClaimRefused,
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
    /// The token is revoked.
    TokenRevoked,
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
    /// 429 `rate_limited` with `Retry-After`.
    RateLimited,
    /// 429 `quota_exceeded` with `Retry-After`.
    QuotaExceeded,
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
            Self::RateLimited | Self::QuotaExceeded => 429,
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
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
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
            Self::RateLimited => "requests come too fast; try again later",
            Self::QuotaExceeded => "as many requests as are allowed have come; try again later",
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
            Self::RateLimited | Self::QuotaExceeded => 8,
            Self::Unavailable => 14,
            Self::ServerError => 13,
        }
    }
}

/// A step of a request's way, in the order they are taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The method, read in one way only.
    Method,
    /// The host, read in one way only.
    Host,
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
    /// Which policies are in force for the caller.
    Policies,
    /// The session: present, active and not expired (the "key expiration check").
    Session,
    /// Whether the session may call this API.
    Access,
    /// Whether it has called too fast or too often.
    Limits,
    /// What goes upstream.
    Handoff,
}

impl Step {
    /// The step's name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
            Self::Api => "api",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Identity => "identity",
            Self::Policies => "policies",
            Self::Session => "session",
            Self::Access => "access",
            Self::Limits => "limits",
            Self::Handoff => "handoff",
        }
    }

    /// What it looks at, in words.
    pub const fn looks_at(self) -> &'static str {
        match self {
            Self::Method => "the method",
            Self::Host => "the host",
            Self::Path => "the path",
            Self::Api => "the APIs of the configuration",
            Self::Credential => "what vouches for the caller",
            Self::Token => "the token's form and header",
            Self::Key => "the provider's keys",
            Self::Signature => "the signature",
            Self::Claims => "the token's claims",
            Self::Identity => "the claim that names the caller",
            Self::Policies => "the caller's policies",
            Self::Session => "the session",
            Self::Access => "what the API asks and the policies grant",
            Self::Limits => "the rates and quotas",
            Self::Handoff => "what goes upstream",
        }
    }
}

impl Deny {
    /// Every reason, in the order of their codes.
    pub const ALL: [Self; 52] = [
        Self::AccessDenied,
        Self::ApiUnknown,
        Self::ClaimInsufficient,
        Self::CorsPreflightRefused,
        Self::CredentialMissing,
        Self::CredentialMultiple,
        Self::HostAmbiguous,
        Self::IdentityMissing,
        Self::Internal,
        Self::KeyExpired,
        Self::KeyInactive,
        Self::KeyUnknown,
        Self::KeysStale,
        Self::KeysUnavailable,
        Self::LimitContention,
        Self::LimitKeyMissing,
        Self::LimitStoreFull,
        Self::MethodAmbiguous,
        Self::OriginRefused,
        Self::Overloaded,
        Self::PathAmbiguous,
        Self::PolicyNone,
        Self::PolicyUnknown,
        Self::QuotaExceeded,
        Self::RateLimited,
        Self::RevocationsStale,
        Self::ScopeInsufficient,
        Self::SessionExpired,
        Self::SessionInactive,
        Self::SessionMissing,
        Self::TokenAlgorithmRefused,
        Self::TokenAudienceMismatch,
        Self::TokenBindingUnsupported,
        Self::TokenClaimMalformed,
        Self::TokenClaimRefused,
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
        Self::TokenRevoked,
        Self::TokenSignatureInvalid,
        Self::TokenTooLarge,
        Self::TokenTypeRefused,
        Self::VerifyBudget,
    ];

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

    /// What an operator can do about it, by the names of the configuration's fields: `providers.*`
    /// is any provider, `apis[]` any API.
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
