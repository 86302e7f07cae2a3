//! What a decision comes to: a reason to refuse, with its code, its status and its remedy.

mod deny;
mod refusal;

pub use deny::Deny;
pub use refusal::{Refusal, Scheme, list, quoted, quoted_to};

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
    /// 502 `server_error`: the provider failed a login.
    BadProvider,
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
            Self::BadProvider => 502,
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
            Self::ServerError | Self::BadProvider => "server_error",
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
            Self::BadProvider => "the provider failed the login",
        }
    }

    /// The gRPC status code.
    pub const fn grpc_status(self) -> u32 {
        match self {
            Self::Missing | Self::InvalidToken => 16,
            Self::InvalidRequest => 3,
            Self::InsufficientScope | Self::AccessDenied => 7,
            Self::RateLimited | Self::QuotaExceeded => 8,
            Self::Unavailable | Self::BadProvider => 14,
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
    /// A login, on one of its own paths.
    Login,
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
    /// What the token's provider says of it.
    Introspection,
    /// The registered claims.
    Claims,
    /// Who the caller is.
    Identity,
    /// Which policies are in force for the caller.
    Policies,
    /// The session: present, active and not expired (the "key expiration check").
    Session,
    /// What it calls, by the headers of MCP.
    Mcp,
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
            Self::Login => "login",
            Self::Path => "path",
            Self::Api => "api",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Introspection => "introspection",
            Self::Claims => "claims",
            Self::Identity => "identity",
            Self::Policies => "policies",
            Self::Session => "session",
            Self::Mcp => "mcp",
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
            Self::Login => "the login",
            Self::Path => "the path",
            Self::Api => "the APIs of the configuration",
            Self::Credential => "what vouches for the caller",
            Self::Token => "the token's form and header",
            Self::Key => "the provider's keys",
            Self::Signature => "the signature",
            Self::Introspection => "what the provider says of the token",
            Self::Claims => "the token's claims",
            Self::Identity => "the claim that names the caller",
            Self::Policies => "the caller's policies",
            Self::Session => "the session",
            Self::Mcp => "the headers of MCP",
            Self::Access => "what the API asks and the policies grant",
            Self::Limits => "the rates and quotas",
            Self::Handoff => "what goes upstream",
        }
    }
}
