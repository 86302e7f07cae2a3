//! What each reason means, at length: for documents and for whoever asks the command line.

use super::Deny;

impl Deny {
    /// What it means: the operator's explanation of the code, in Markdown.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "The session's client is missing or none of the API's `clients`, or no `access` \
                 entry of the policies in force grants this API, method and path; the reason \
                 names those policies and what they grant"
            }
            Self::ApiUnknown => {
                "No entry of `apis` matches host, path, method and route; the reason quotes all \
                 but the path, and says what the APIs take. Or the route's metadata names an \
                 API that is none, or that lacks `\"route_metadata\": true`, and the reason \
                 quotes it. Matching is by whole segments, and case counts"
            }
            Self::ClaimInsufficient => {
                "The claims of the session's token are not what the API's `require` asks for; \
                 the reason names the claim, its type, what it must be and the claims that are \
                 there, but no value of the token"
            }
            Self::CorsPreflightRefused => {
                "A CORS preflight for a protected API. It is matched by the method that it asks \
                 for"
            }
            Self::CredentialMissing => {
                "Nothing that a provider of this API reads. A credential of another scheme, or \
                 another provider's token, counts as absent. The reason names every branch \
                 (eight at most, that which lacks least first), what it lacks and where that \
                 was looked for"
            }
            Self::CredentialMultiple => {
                "Two values where one provider reads its credential: two headers, a \
                 comma-separated list, a parameter or a cookie twice, or two places at once. \
                 Neither is tried"
            }
            Self::HostAmbiguous => {
                "Some API matches by host, and the next hop could read this one differently: it \
                 is no name of letters, digits, `-`, `_` and single dots and no IPv6 address in \
                 brackets, with or without a port in digits, or `:authority` and `Host` differ; \
                 the reason quotes it"
            }
            Self::IdentityMissing => {
                "None of `claims.identity` is present and not empty; the reason names the \
                 claims that are there"
            }
            Self::Internal => {
                "A defect of Tollgate; or, then without a log line, no configuration to judge \
                 by, or a proxy that would not show the request's headers or change them"
            }
            Self::KeyExpired => {
                "The API key's `expires` has passed: the first second that is refused is \
                 `expires` itself, by the proxy's clock, without skew"
            }
            Self::KeyInactive => {
                "The API key says `\"active\": false`; the field `key` of the line names it"
            }
            Self::KeyUnknown => {
                "No entry of the provider's `keys` has the SHA-256 of what was presented"
            }
            Self::KeysStale => {
                "The keys at hand are older than `jwks.max_stale`, and the provider still does \
                 not answer"
            }
            Self::KeysUnavailable => {
                "No key set was ever loaded; or the `kid` is unknown, and the fetch that could \
                 have brought it failed. Says nothing about the token. The reason says what the \
                 last attempt brought"
            }
            Self::LimitContention => {
                "The other workers wrote the same counters first, 64 times in a row. Nothing is \
                 wrong if it is rare"
            }
            Self::LimitKeyMissing => {
                "A limit in force counts by client or by a claim (`limit_by`), and the \
                 credential has none, or one that is no string, number or boolean; the reason \
                 names it"
            }
            Self::LimitStoreFull => {
                "There is no room for a new counter: every record that could be used has limits \
                 that run, or the subject has 16 of them; or the proxy has no shared store"
            }
            Self::MethodAmbiguous => {
                "Some API or policy matches by method, and this one (or the one that a CORS \
                 preflight asks for) is a known method in other letters, such as `post`, or one \
                 that the configuration names, or has a character that no method has: a server \
                 that minds neither would carry out what no rule has seen"
            }
            Self::OriginRefused => {
                "The credential is in a cookie, the request could change something (every \
                 method but GET, HEAD and OPTIONS, every upgrade), and its `Origin` is not one \
                 of the place's `origins`, missing, or there twice"
            }
            Self::Overloaded => {
                "More requests wait for the first key set than may: 256, 32 with a body, or 1 MiB of \
                 headers, per worker"
            }
            Self::PathAmbiguous => {
                "Some API matches by path, and the next hop could read this path differently: \
                 dot segments (raw or encoded), `//`, a backslash, an encoded slash (unless the \
                 API has `\"encoded_slash\": \"segment\"`), backslash or question mark, a \
                 control byte, `#`, a broken escape; or a `;` or an encoded slash that decides \
                 which API or which entry of `access` it is, or what stands in a named segment"
            }
            Self::PolicyNone => {
                "The API gives policies, and none to this caller; the reason says what each way \
                 to one knows, what the token has there, and which claims are missing"
            }
            Self::PolicyUnknown => {
                "The token names a policy that does not exist; the reason names it"
            }
            Self::QuotaExceeded => {
                "As many requests as a quota allows came in its window; the reason names the \
                 numbers and the wait"
            }
            Self::RateLimited => {
                "Requests come faster than a rate allows; the reason says whose, and names the \
                 numbers and the wait"
            }
            Self::RevocationsStale => {
                "The list at `revoked.url` was never loaded, or not for longer than \
                 `revoked.max_stale`, and `revoked.on_stale` is `deny`"
            }
            Self::ScopeInsufficient => {
                "The token lacks scopes that the API needs, or with which alone an `access` \
                 entry would grant the request; the reason names them and those that it has, \
                 the challenge names all that are needed"
            }
            Self::SessionExpired => {
                "The session's end has passed: the shortest `expires_after` of the policies in \
                 force, counted from `auth_time`, else `iat`, with the same skew. Where the \
                 token's `exp` is earlier, `token_expired` comes first. A token that was only \
                 refreshed may keep its `auth_time`"
            }
            Self::SessionInactive => {
                "The identity is on a list of revocations (`revoked`); or a policy in force \
                 says `\"active\": false`; the reason says which"
            }
            Self::SessionMissing => {
                "A defect of Tollgate: a request was about to pass without a session"
            }
            Self::TokenAlgorithmRefused => {
                "`alg` is not in the provider's `algorithms`, or one that is never accepted: \
                 `none`, ES256K, Ed448. ES384, ES512, HS256 and its kin must always be listed"
            }
            Self::TokenAudienceMismatch => {
                "`aud` is missing or holds none of the `audiences`. An API's own `audiences` \
                 are judged later, with the same code"
            }
            Self::TokenBindingUnsupported => {
                "The token is bound to a key or certificate (`cnf`), whose proof is not checked \
                 here"
            }
            Self::TokenClaimMalformed => {
                "The payload is no JSON object or has duplicate members, a claim that is looked at \
                 has a wrong type, or the identity has a control character in it or white space at \
                 an end"
            }
            Self::TokenClaimRefused => {
                "The token's claims are not what the provider's `require` asks for; the reason \
                 names the claim, its type, what it must be and the claims that are there, but \
                 no value of the token. What only some APIs ask belongs into `apis[].require`"
            }
            Self::TokenClientRefused => {
                "The token's client is missing or none of the provider's `clients`"
            }
            Self::TokenEncrypted => "A JWE of five parts",
            Self::TokenExpired => "`exp` plus `clock_skew` has been reached",
            Self::TokenExpiryMissing => {
                "There is no `exp`; with `max_lifetime` there must be one all the same"
            }
            Self::TokenHeaderInvalid => {
                "Duplicate members in the header, `crit`, `b64`, no `alg`, or a member of a \
                 wrong type: no extension of the JOSE header is understood"
            }
            Self::TokenIssuedInFuture => "`iat` lies further ahead than `clock_skew`",
            Self::TokenIssuerUnknown => {
                "`iss` is missing, or no issuer of this API's providers, compared byte for \
                 byte. The reason shows both (Auth0's issuers end with a slash, Okta's do not)"
            }
            Self::TokenKeyMismatch => {
                "The key with this `kid` is of another type, names another `alg`, or names \
                 another issuer (Entra ID)"
            }
            Self::TokenKeyUnknown => {
                "No key has this `kid`, and the provider was asked within `jwks.cooldown`, or since \
                 the request came. Also: a `kid` of more than 256 bytes, or none where more than \
                 eight keys would fit. The reason names the keys that there are, where they are \
                 from and how old"
            }
            Self::TokenLifetimeExceeded => {
                "`exp` − `iat` (without `iat`: − now) is more than `max_lifetime`, or negative"
            }
            Self::TokenMalformed => {
                "Not three parts of canonical, unpadded base64url with a JSON object as header. \
                 `Bearer` with nothing behind it too. Opaque tokens are these, too: those of \
                 Auth0 for whoever asks for no audience, and those of Okta's organisation \
                 server"
            }
            Self::TokenNotYetValid => "`nbf` lies further ahead than `clock_skew`",
            Self::TokenRevoked => {
                "The token is on a list of revocations (`revoked`), or was issued before the \
                 moment that an entry names"
            }
            Self::TokenSignatureInvalid => {
                "None of the keys that it names made this signature. Entra ID's tokens for \
                 Microsoft Graph are not meant to be checked by others; a key that the provider \
                 changed under the same `kid` heals by itself"
            }
            Self::TokenTooLarge => "Longer than 16 KiB; nothing of it was decoded",
            Self::TokenTypeRefused => {
                "Not an access token: an ID token (`at_hash`, `c_hash`, `token_use` or payload \
                 `typ` say so), a refresh, logout or DPoP token, or a header `typ` that is not \
                 among `typ`"
            }
            Self::VerifyBudget => {
                "In this second so many signatures that are dear to check have failed in this worker \
                 that they took a tenth of its time, and the token is of that kind and not yet \
                 verified: ES384, ES512, RSA of 6144 bits or more, or several keys to try. Says \
                 nothing about the token; one that names its key by `kid` is not concerned, but for \
                 these algorithms and sizes"
            }
        }
    }
}
