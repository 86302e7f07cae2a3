//! What is fixed about each reason to refuse: code, answer, step, remedy.

use super::{Answer, Deny, Step};

/// Everything that is fixed about a reason to refuse.
pub(super) struct Facts {
    pub(super) code: &'static str,
    pub(super) answer: Answer,
    pub(super) step: Step,
    pub(super) remedy: &'static str,
}

const fn facts(code: &'static str, answer: Answer, step: Step, remedy: &'static str) -> Facts {
    Facts { code, answer, step, remedy }
}

impl Deny {
    pub(super) const fn facts(self) -> Facts {
        use Answer::{
            AccessDenied, InsufficientScope, InvalidRequest, InvalidToken, Missing, QuotaExceeded,
            RateLimited, ServerError, Unavailable,
        };
        match self {
            Self::AccessDenied => facts(
                "access_denied",
                AccessDenied,
                Step::Access,
                "let an entry of `policies.*.access` grant this API, method and path to one of the \
                 caller's policies, or give the caller another policy by `apis[].policies`; where \
                 the reason speaks of the client, add it to `apis[].clients`, or name the claim \
                 that it stands in in `providers.*.claims.client`",
            ),
            Self::ApiUnknown => facts(
                "api_unknown",
                AccessDenied,
                Step::Api,
                "no entry of `apis` matches this host, path, method and route: look for a typing \
                 error in `apis[].match`, widen one, or add an API",
            ),
            Self::ClaimInsufficient => facts(
                "claim_insufficient",
                AccessDenied,
                Step::Access,
                "give the caller what `apis[].require` asks for at the provider, or relax it; where \
                 the reason names a claim like the one asked for, name that in `apis[].require`",
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
                "the caller must send its credential where `providers.*.from` looks for it, by \
                 default as `Authorization: Bearer <token>`; where the reason names another scheme, \
                 or none, `scheme` there may name that, or `\"\"`; or let `apis[].auth` name the \
                 provider whose credential it has",
            ),
            Self::CredentialMultiple => facts(
                "credential_multiple",
                InvalidRequest,
                Step::Credential,
                "the caller must send one credential only, in one of the places in \
                 `providers.*.from`; look for a proxy in front that adds a second `Authorization`",
            ),
            Self::HostAmbiguous => facts(
                "host_ambiguous",
                InvalidRequest,
                Step::Host,
                "have the caller, or the proxy in front that writes `Host`, send a plain `name` or \
                 `name:port`",
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
                "give the caller a new key, or move the `expires` of this key in `providers.*.keys`",
            ),
            Self::KeyInactive => facts(
                "key_inactive",
                AccessDenied,
                Step::Credential,
                "the key says `\"active\": false` in `providers.*.keys`: set it to true to let it \
                 in",
            ),
            Self::KeyUnknown => facts(
                "key_unknown",
                InvalidToken,
                Step::Credential,
                "no entry of `providers.*.keys` has the SHA-256 of this key: was the key mistyped, \
                 cut, quoted, or its `sha256` made with a newline behind it? `printf %s \"$KEY\" | \
                 sha256sum` makes it right",
            ),
            Self::KeysStale => facts(
                "keys_stale",
                Unavailable,
                Step::Key,
                "the provider has not answered for longer than `providers.*.jwks.max_stale`: look \
                 at the last `keys_fetch_failed` line, mend the way to the provider",
            ),
            Self::KeysUnavailable => facts(
                "keys_unavailable",
                Unavailable,
                Step::Key,
                "the provider's keys could not be fetched yet: the last `keys_fetch_failed` line says \
                 why, and so does this one where an attempt has failed; check `providers.*.jwks.url` \
                 (or `discovery`), and that the cluster in `providers.*.jwks.cluster` exists, \
                 reaches it and speaks TLS with its name",
            ),
            Self::LimitContention => facts(
                "limit_contention",
                Unavailable,
                Step::Limits,
                "more requests of one subject come at the same moment than its counters can be \
                 written: give it a smaller share of the traffic, or count by more than one subject \
                 (`policies.*.limit_by`)",
            ),
            Self::LimitKeyMissing => facts(
                "limit_key_missing",
                AccessDenied,
                Step::Limits,
                "have the provider put what `policies.*.limit_by` names into its tokens, or count by \
                 \"identity\"",
            ),
            Self::LimitStoreFull => facts(
                "limit_store_full",
                Unavailable,
                Step::Limits,
                "raise `limits.capacity`: more subjects have running limits than there is room for; or \
                 shorten the limits' `per`",
            ),
            Self::MethodAmbiguous => facts(
                "method_ambiguous",
                InvalidRequest,
                Step::Method,
                "have the caller write the method as it is known, in capitals, or as \
                 `apis[].match.methods` or `policies.*.access[].methods` has it",
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
                "too many requests wait for the provider's first key set: mend the way to it as for \
                 `keys_unavailable`, by `providers.*.jwks`",
            ),
            Self::PathAmbiguous => facts(
                "path_ambiguous",
                InvalidRequest,
                Step::Path,
                "set `normalize_path: true`, `merge_slashes: true` and \
                 `path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT` in Envoy's \
                 http_connection_manager, or have the caller send a plain path; where a segment \
                 is to hold a slash (`%2F`), set `apis[].encoded_slash` to \"segment\" and \
                 `path_with_escaped_slashes_action: KEEP_UNCHANGED`",
            ),
            Self::PolicyNone => facts(
                "policy_none",
                AccessDenied,
                Step::Policies,
                "let `by_scope`, `by_client`, `by_claim` or `from_claim` of `apis[].policies` lead \
                 from these tokens to a policy, or name one for everybody in `default`; where the \
                 claim is called something else, name it in `providers.*.claims`",
            ),
            Self::PolicyUnknown => facts(
                "policy_unknown",
                AccessDenied,
                Step::Policies,
                "add the policy to `policies`, or mend what the provider writes into the claim in \
                 `providers.*.claims.policies`",
            ),
            Self::QuotaExceeded => facts(
                "quota_exceeded",
                QuotaExceeded,
                Step::Limits,
                "the caller must wait for its window to end; if it should have more, raise \
                 `requests` of `policies.*.quota`, and look whether its `per` has the unit that was \
                 meant",
            ),
            Self::RateLimited => facts(
                "rate_limited",
                RateLimited,
                Step::Limits,
                "the caller must slow down; if it should not have to, raise `requests` or `burst` \
                 of `policies.*.rate`, of the `rate` in `policies.*.access` or of `apis[].rate`, \
                 and look whether its `per` has the unit that was meant",
            ),
            Self::RevocationsStale => facts(
                "revocations_stale",
                Unavailable,
                Step::Session,
                "the list at `revoked.url` was not loaded for longer than `revoked.max_stale`: look \
                 at the last `revocations_fetch_failed` line, mend the way to it by \
                 `revoked.cluster`, or set `revoked.on_stale`",
            ),
            Self::ScopeInsufficient => facts(
                "scope_insufficient",
                InsufficientScope,
                Step::Access,
                "grant the client the missing scopes at the provider, or correct or shorten \
                 `apis[].scopes` or the `scopes` of the entry in `policies.*.access`; where the \
                 scopes stand in another claim, name it in `providers.*.claims.scopes`",
            ),
            Self::SessionExpired => facts(
                "session_expired",
                InvalidToken,
                Step::Session,
                "the caller must authenticate anew; if sessions may last longer, raise \
                 `policies.*.expires_after`; if clocks differ, set them by NTP, or raise \
                 `providers.*.clock_skew`",
            ),
            Self::SessionInactive => facts(
                "session_inactive",
                AccessDenied,
                Step::Session,
                "where the reason names a list, take the identity out of `revoked.entries` or of \
                 the list at `revoked.url` if it may call again; where it names a policy, set \
                 `policies.*.active` to true, or give the caller another policy",
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
                 it; `none` is never accepted, and HS algorithms only with `providers.*.secret` or \
                 an inline key set",
            ),
            Self::TokenAudienceMismatch => facts(
                "token_audience_mismatch",
                InvalidToken,
                Step::Claims,
                "add the token's `aud` to `providers.*.audiences` (and to `apis[].audiences` where \
                 the API has its own), or have the client ask for this API's audience; where the \
                 provider's access tokens have no `aud`, name `providers.*.clients` instead",
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
            Self::TokenClaimRefused => facts(
                "token_claim_refused",
                InvalidToken,
                Step::Claims,
                "have the provider issue tokens with what `providers.*.require` asks for, or relax \
                 it; where the reason names a claim like the one asked for, name that in \
                 `providers.*.require`",
            ),
            Self::TokenClientRefused => facts(
                "token_client_refused",
                InvalidToken,
                Step::Claims,
                "add the token's client to `providers.*.clients`; where it stands in another claim, \
                 name that in `providers.*.claims.client`; to choose among users instead, ask for \
                 `sub` in `providers.*.require`",
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
                "the caller must get a new token; where the reason says that it ended long ago or \
                 all callers are refused, look at this machine's clock; if clocks differ a little, \
                 raise `providers.*.clock_skew`",
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
                "the provider's clock is ahead of this machine's, or this one's is behind: set both \
                 by NTP; if they differ a little, raise `providers.*.clock_skew`",
            ),
            Self::TokenIssuerUnknown => facts(
                "token_issuer_unknown",
                InvalidToken,
                Step::Credential,
                "`providers.*.issuer` must be the token's `iss` byte for byte (look for a trailing \
                 slash, and for another authorization server of the same host), and `apis[].auth` \
                 must name that provider; if the client asked the wrong server, have it ask the \
                 right one; where the server's discovery document names another issuer than its \
                 tokens (AD FS, Google), list both, or write `providers.*.jwks.url`",
            ),
            Self::TokenKeyMismatch => facts(
                "token_key_mismatch",
                InvalidToken,
                Step::Key,
                "the key with this `kid` is of another type, algorithm or issuer than the token \
                 says: compare the token's header with the key set at `providers.*.jwks`, and its \
                 `iss` with `providers.*.issuer`",
            ),
            Self::TokenKeyUnknown => facts(
                "token_key_unknown",
                InvalidToken,
                Step::Key,
                "the key set at `providers.*.jwks` has no such key: is the token of another \
                 authorization server of the same provider? Take `issuer` and `jwks` of \
                 `providers.*` from one discovery document, and tokens from that server; look for a \
                 `key_skipped` line with that key; after an emergency rotation wait for \
                 `providers.*.jwks.cooldown`, or shorten it; where the token has no `kid`, have the \
                 provider write one",
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
                "not a JWT in compact form: an opaque token, or one cut or decorated on its way; \
                 have the client ask its provider for a token for one of `providers.*.audiences`, \
                 which makes some providers issue a JWT, and send that as it came",
            ),
            Self::TokenNotYetValid => facts(
                "token_not_yet_valid",
                InvalidToken,
                Step::Claims,
                "the token's `nbf` is still to come: this machine's clock is behind the provider's; \
                 set both by NTP; if they differ a little, raise `providers.*.clock_skew`",
            ),
            Self::TokenRevoked => facts(
                "token_revoked",
                InvalidToken,
                Step::Session,
                "the token is in `revoked.entries` or in the list at `revoked.url`, or was issued before \
                 the moment that an entry names: the caller must get a new one",
            ),
            Self::TokenSignatureInvalid => facts(
                "token_signature_invalid",
                InvalidToken,
                Step::Signature,
                "the token was changed on its way or forged, or `providers.*.jwks` (or \
                 `providers.*.pem`, `providers.*.secret`) has the keys of another issuer that uses \
                 the same `kid`",
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
                 client send its access token; see `providers.*.typ` and \
                 `providers.*.allow_id_tokens`",
            ),
            Self::VerifyBudget => facts(
                "verify_budget",
                Unavailable,
                Step::Signature,
                "somebody sends forged tokens that are dear to check: have the provider write a `kid` \
                 into its tokens, so that one key is tried; leave ES384 and ES512 out of \
                 `providers.*.algorithms` if it does not sign with them; or limit the rate in front \
                 of Tollgate",
            ),
        }
    }
}
