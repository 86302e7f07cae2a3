//! Every reason to refuse, with all that is fixed about it: one row for each.

use super::{Answer, Step};

/// Defines the reasons in the order of their codes: what each is, its code, what the client is told,
/// the step that refuses, what helps, and what it means at length.
macro_rules! reasons {
    ($(
        $(#[doc = $doc:literal])*
        $reason:ident = $code:literal: $answer:ident at $step:ident,
            remedy $remedy:literal,
            meaning $meaning:literal;
    )*) => {
        /// Why a request was refused.
        ///
        /// Each variant has a stable [`code`](Self::code) for machines, an
        /// [`answer`](Self::answer) for the client, and a [`remedy`](Self::remedy) for the operator
        /// who reads the log at 3 a.m. What the client is told never says more than the code.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Deny { $( $(#[doc = $doc])* $reason, )* }

        impl Deny {
            /// Every reason, in the order of their codes.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$reason),*];

            /// A stable, documented identifier. Renaming one is a breaking change.
            pub const fn code(self) -> &'static str {
                match self { $( Self::$reason => $code, )* }
            }

            /// What the client is told.
            pub const fn answer(self) -> Answer {
                match self { $( Self::$reason => Answer::$answer, )* }
            }

            /// The step that refused.
            pub const fn step(self) -> Step {
                match self { $( Self::$reason => Step::$step, )* }
            }

            /// What an operator can do about it, by the names of the configuration's fields:
            /// `providers.*` is any provider, `apis[]` any API.
            pub const fn remedy(self) -> &'static str {
                match self { $( Self::$reason => $remedy, )* }
            }

            /// What it means: the operator's explanation of the code, in Markdown.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$reason => $meaning, )* }
            }
        }
    };
}

reasons! {
    /// The API is not for this client, or no policy grants the request.
    AccessDenied = "access_denied": AccessDenied at Access,
        remedy "let an entry of `policies.*.access` grant this API, method and path to one of the \
            caller's policies, or give the caller another policy by `apis[].policies`; where the \
            reason speaks of the client, add it to `apis[].clients`, or name the claim that it \
            stands in in `providers.*.claims.client`",
        meaning "The session's client is missing or none of the API's `clients`, or no `access` \
            entry of the policies in force grants this API, method and path; the reason names \
            those policies and what they grant";
    /// No API of the configuration matches the request.
    ApiUnknown = "api_unknown": AccessDenied at Api,
        remedy "no entry of `apis` matches this host, path, method and route: look for a typing \
            error in `apis[].match`, widen one, or add an API",
        meaning "No entry of `apis` matches host, path, method and route; the reason quotes all \
            but the path, and says what the APIs take. Or the route's metadata names an API that \
            is none, or that lacks `\"route_metadata\": true`, and the reason quotes it. Matching \
            is by whole segments, and case counts";
    /// The request's own body did not come.
    BodyUnreadable = "body_unreadable": Unavailable at Login,
        remedy "the proxy hands bodies to a filter only where its entry has \
            `allow_on_headers_stop_iteration: true`: put a second entry of this module before the main one, \
            and enable it on the route of `/back-channel` alone, as docs/login.md shows",
        meaning "The provider's message that a session has ended came without its body within 2 s: the \
            proxy keeps it from the filter, or the sender is slow";
    /// The token's claims are not what the API requires.
    ClaimInsufficient = "claim_insufficient": AccessDenied at Access,
        remedy "give the caller what `apis[].require` asks for at the provider, or relax it; where \
            the reason names a claim like the one asked for, name that in `apis[].require`",
        meaning "The claims of the session's token are not what the API's `require` asks for, or \
            they or the identity do not equal the part of the request that `matches` names; the \
            reason names the claim, its type, what it must be and the claims that are there, but \
            no value of the token";
    /// A CORS preflight for a protected API that does not let preflights pass (Fetch §3.2).
    CorsPreflightRefused = "cors_preflight_refused": AccessDenied at Api,
        remedy "set `apis[].cors_preflight` to \"pass\", or put Envoy's CORS filter before \
            Tollgate",
        meaning "A CORS preflight for a protected API. It is matched by the method that it asks \
            for";
    /// Nothing that vouches for the caller came with the request (RFC 6750 §3.1).
    CredentialMissing = "credential_missing": Missing at Credential,
        remedy "the caller must send its credential where the reason says that one was looked for, by \
            default as `Authorization: Bearer <token>`; if callers send it elsewhere, or under another \
            scheme, say so in `providers.*.from`; if it is another provider's, let `apis[].auth` name \
            that provider",
        meaning "Nothing that a provider of this API reads. A credential of another scheme, or \
            another provider's token, counts as absent. The reason names every branch (eight at \
            most, that which lacks least first), what it lacks and where that was looked for";
    /// Two credentials for one provider (RFC 6750 §2).
    CredentialMultiple = "credential_multiple": InvalidRequest at Credential,
        remedy "the caller must send one credential only, in one of the places in \
            `providers.*.from`; look for a proxy in front that adds a second `Authorization`",
        meaning "Two values where one provider reads its credential: two headers, a \
            comma-separated list, a parameter or a cookie twice, or two places at once. Neither is \
            tried";
    /// A host that the next hop could read differently.
    HostAmbiguous = "host_ambiguous": InvalidRequest at Host,
        remedy "have the caller, or the proxy in front that writes `Host`, send a plain `name` or \
            `name:port`",
        meaning "Some API matches by host, or has a `resource`, and the next hop could read this one differently: it is \
            no name of letters, digits, `-`, `_` and single dots and no IPv6 address in brackets, \
            with or without a port in digits, or `:authority` and `Host` differ; the reason quotes \
            it";
    /// The token names nobody.
    IdentityMissing = "identity_missing": InvalidToken at Identity,
        remedy "name a claim that these tokens carry in `providers.*.claims.identity`",
        meaning "None of `claims.identity` is present and not empty; the reason names the claims \
            that are there";
    /// A contradiction inside the filter.
    Internal = "internal": ServerError at Access,
        remedy "a defect of Tollgate: report it with this line",
        meaning "A defect of Tollgate; or, then without a log line, no configuration to judge by, \
            or a proxy that would not show the request's headers or change them";
    /// The provider could not be asked about the token, and nothing that it has said before will do.
    IntrospectionUnavailable = "introspection_unavailable": Unavailable at Introspection,
        remedy "the provider must be asked about each token: see what the reason says came of that, try \
            `tollgate check --online`, and look at `providers.*.client`, `url` and `cluster`; \
            `providers.*.on_outage` may let known tokens pass for a while",
        meaning "The introspection endpoint gave no answer that can be used: none at all, another status \
            than 200, no JSON, no boolean `active`, or a signed answer that does not hold. The reason \
            names what came. A token is never refused as invalid for that";
    /// The API key's end has passed.
    KeyExpired = "key_expired": InvalidToken at Credential,
        remedy "give the caller a new key, or move the `expires` of this key in `providers.*.keys`",
        meaning "The API key's `expires` has passed: the first second that is refused is `expires` \
            itself, by the proxy's clock, without skew";
    /// The API key is switched off.
    KeyInactive = "key_inactive": AccessDenied at Credential,
        remedy "the key says `\"active\": false` in `providers.*.keys`: set it to true to let it \
            in",
        meaning "The API key says `\"active\": false`; the field `key` of the line names it";
    /// Nobody owns an API key like this.
    KeyUnknown = "key_unknown": InvalidToken at Credential,
        remedy "no entry of `providers.*.keys` has the SHA-256 of this key: was the key mistyped, \
            cut, quoted, or its `sha256` made with a newline behind it? `printf %s \"$KEY\" | \
            sha256sum` makes it right",
        meaning "No entry of the provider's `keys` has the SHA-256 of what was presented";
    /// The keys in use are older than `max_stale`.
    KeysStale = "keys_stale": Unavailable at Key,
        remedy "the provider has not answered for longer than `providers.*.jwks.max_stale`: look \
            at the last `keys_fetch_failed` line, fix the way to the provider",
        meaning "The keys at hand are older than `jwks.max_stale`, and the provider still does not \
            answer";
    /// The provider's keys were never loaded, or could not be asked for just now.
    KeysUnavailable = "keys_unavailable": Unavailable at Key,
        remedy "the provider's keys could not be fetched yet: the last `keys_fetch_failed` line \
            says why, and so does this one where an attempt has failed; check \
            `providers.*.jwks.url` (or `discovery`), and that the cluster in \
            `providers.*.jwks.cluster` exists, reaches it and speaks TLS with its name",
        meaning "No key set was ever loaded; or the `kid` is unknown, and the fetch that could \
            have brought it failed. Says nothing about the token. The reason says what the last \
            attempt brought";
    /// The other workers kept writing a subject's counters first.
    LimitContention = "limit_contention": Unavailable at Limits,
        remedy "more requests of one subject come at the same moment than its counters can be \
            written: give it a smaller share of the traffic, or count by more than one subject \
            (`policies.*.limit_by`)",
        meaning "The other workers wrote the same counters first, 64 times in a row. Nothing is \
            wrong if it is rare";
    /// The credential lacks what its caller is counted by.
    LimitKeyMissing = "limit_key_missing": AccessDenied at Limits,
        remedy "have the provider put what `policies.*.limit_by` names into its tokens, or count \
            by \"identity\"",
        meaning "A limit in force counts by client or by a claim (`limit_by`), and the credential \
            has none, or one that is no string, number or boolean; the reason names it. Or it counts \
            by address (`limit_by`, `per_caller`), and the proxy names no IP address of the client";
    /// There is no room for a new counter beside those that run.
    LimitStoreFull = "limit_store_full": Unavailable at Limits,
        remedy "raise `limits.capacity`: more subjects have running limits than there is room for; \
            or shorten the limits' `per`",
        meaning "There is no room for a new counter: every record that could be used has limits \
            that run, or the subject has 16 of them (an address 48); or the proxy has no shared \
            store";
    /// The service that counts limits cannot be asked, and nobody may pass then.
    LimitsUnavailable = "limits_unavailable": Unavailable at Limits,
        remedy "look at the log line `limits_remote_lost`, which says why `limits.remote` cannot be \
            asked; with `\"on_outage\": \"local\"` each proxy decides alone meanwhile",
        meaning "The service of `limits.remote` cannot be asked, or knows no such limit, and \
            `on_outage` is `deny`";
    /// The provider does not take the filter for its client.
    LoginClientRefused = "login_client_refused": BadProvider at Login,
        remedy "the provider does not accept the client of `providers.*.login.client`: compare its id, \
            secret and `auth` with the provider's registration, and see that it may use the grant \
            `authorization_code`",
        meaning "The provider's token endpoint says `invalid_client` or `unauthorized_client`, or answers \
            401";
    /// The provider does not take the code (RFC 6749 §5.2: `invalid_grant`).
    LoginCodeRefused = "login_code_refused": InvalidRequest at Login,
        remedy "the code was spent, is too old, or belongs to another client or redirect URI: compare the \
            origin in `providers.*.login.url` and `path` with the redirect URI that is registered, and have \
            the person try again",
        meaning "The provider's token endpoint says `invalid_grant`";
    /// The session was ended: by its browser, by the provider, or by an operator.
    LoginEnded = "login_ended": Missing at Credential,
        remedy "nothing is wrong: the person has logged out, or the provider or the list of revocations has \
            ended the session; they can sign in again",
        meaning "The cookie is good, and its session was ended before its time: by a logout, by the provider, \
            or by an entry of `revoked` with `session` or `issued_before`";
    /// The session's time is over.
    LoginExpired = "login_expired": Missing at Credential,
        remedy "nothing is wrong: the person can sign in again; `providers.*.login.session` says how long a \
            session lives",
        meaning "The session is older than `session.max`, was not used for `session.idle`, or a token's end \
            is its own and has passed";
    /// The provider's answer cannot be used.
    LoginFailed = "login_failed": BadProvider at Login,
        remedy "see what the reason says came from the provider's token endpoint, and whether \
            `providers.*.login.cluster` leads there",
        meaning "The provider's token or userinfo endpoint answered, and not as OAuth 2.0 has it";
    /// The request is for a host on which nobody can log in.
    LoginHostUnknown = "login_host_unknown": Missing at Login,
        remedy "add the origin by which browsers know this host to `providers.*.login.url`, and its \
            callback to the redirect URIs that are registered at the provider",
        meaning "A page's navigation to an API whose provider logs browsers in, on a host that is in no `url` of it";
    /// The answer is another provider's (RFC 9207).
    LoginIssuerMismatch = "login_issuer_mismatch": InvalidRequest at Login,
        remedy "another authorization server than the configured one answered, or one that announces `iss` \
            did not write it: compare `providers.*.issuer` with the server's metadata; it may be an attack",
        meaning "The `iss` of the callback is not the provider's, is missing although the provider announces \
            it, or is there twice";
    /// The session's cookie does not come back.
    LoginLoop = "login_loop": InvalidRequest at Login,
        remedy "where the cookie does not come back, look for a proxy that strips cookies, a browser that \
            blocks them, or a URL that is http outside of localhost; where it cannot be used, compare \
            `providers.*.login.seal` and the clocks of all proxies",
        meaning "The third start of a login within a minute of a completed one, without a session that can be \
            used";
    /// The provider says no.
    LoginRefused = "login_refused": AccessDenied at Login,
        remedy "the provider ended the login with the error that the reason names: see its own log; \
            `access_denied` is the person's or the provider's no, the others speak of \
            `providers.*.login.client`, `scopes` or `authorize`",
        meaning "The callback carries an `error` (RFC 6749 §4.1.2.1)";
    /// The session lacks a claim that the configuration names.
    LoginStale = "login_stale": Missing at Credential,
        remedy "nothing is wrong: the configuration names a claim that the session was made without; \
            whoever signs in again has it",
        meaning "The session was made by a configuration that named other claims; the reason names the claim";
    /// The attempt is another browser's.
    LoginStateForeign = "login_state_foreign": InvalidRequest at Login,
        remedy "the login began in another browser, or the browser does not keep cookies: have the person \
            try again in one browser; many of these may be an attack",
        meaning "The `state` is good and another browser's, or the browser shows no `-b` cookie";
    /// The attempt is none.
    LoginStateInvalid = "login_state_invalid": InvalidRequest at Login,
        remedy "the attempt is too old, spent, or was not begun here: have the person try again; where it \
            comes each time, the proxies have different keys in `providers.*.login.seal`, another host in \
            `url`, or clocks that differ",
        meaning "The callback's `state` is missing, twice, not sealed by these keys, another host's, older \
            than 10 minutes or spent; or it has both or neither of `code` and `error`";
    /// What the provider says of the person cannot be relied on.
    LoginTokenInvalid = "login_token_invalid": BadProvider at Login,
        remedy "the provider's token was refused for the reason that is quoted, as a caller's would be: \
            compare `providers.*` with what the provider issues",
        meaning "The ID token, the access token where that is judged, or the userinfo answer does not hold; \
            the reason has the code of the step that refused";
    /// The session does not fit into cookies.
    LoginTooLarge = "login_too_large": BadProvider at Login,
        remedy "a cookie holds 4,000 bytes: name fewer claims, or leave out `forward`; the reason says which \
            cookie is too large, and by how much",
        meaning "A token or the claims that the configuration names are too large for a cookie; none is set";
    /// The provider cannot be reached, or too many logins wait.
    LoginUnavailable = "login_unavailable": Unavailable at Login,
        remedy "see what the reason says came: the provider's endpoints are called in \
            `providers.*.login.cluster`; `tollgate check --online` tries",
        meaning "The provider's endpoints are not known yet, gave no answer, or one of 429 or 5xx; or too \
            many logins wait";
    /// The session's cookie cannot be read.
    LoginUnreadable = "login_unreadable": Missing at Credential,
        remedy "the cookie was sealed by other keys than `providers.*.login.seal` has now, for another \
            client, issuer or host, or was changed: whoever signs in again gets a good one; where the reason \
            speaks of a time, set the clocks of all proxies by NTP",
        meaning "The session's cookie does not open, or is there twice; the reason says which";
    /// There is no room to note that the provider has ended a session.
    LogoutStoreFull = "logout_store_full": Unavailable at Login,
        remedy "raise `providers.*.login.capacity`: more sessions were ended by the provider than there is \
            room for; or shorten `session.max`, after which an ended one is forgotten",
        meaning "The provider's message is good, and whom it is about cannot be noted: every record that could \
            be used is kept for another, or the proxy has no shared store";
    /// What the provider says of a session's end cannot be relied on.
    LogoutTokenInvalid = "logout_token_invalid": InvalidRequest at Login,
        remedy "the provider must send a form with one `logout_token` of its own, for this client, as OpenID \
            Connect Back-Channel Logout 1.0 has it: compare what the reason names with what the provider \
            sends; many of these may be an attack",
        meaning "What came at `/back-channel` is no logout token of this provider for this client: another \
            method, no form, a token that is unsigned, too old, of another kind or there twice; the reason \
            says which, and nobody's session was ended";
    /// Headers of MCP that could be read in more than one way, or say too little.
    McpHeaderInvalid = "mcp_header_invalid": InvalidRequest at Mcp,
        remedy "have the client send `Mcp-Method` once, and `Mcp-Name` once where the method needs \
            one, as the revision that it names in `MCP-Protocol-Version` demands; look for a proxy in \
            front that adds, joins or drops them",
        meaning "The API has `mcp`, the request names one of its `versions`, and `Mcp-Method` is \
            missing, there twice or no method, or `Mcp-Name` is missing where the method needs one, \
            there twice, too long, has a comma or a control character, or is not in canonical base64 \
            where it is encoded; the reason says which";
    /// A revision of MCP whose headers nobody compares with bodies.
    McpVersionRefused = "mcp_version_refused": InvalidRequest at Mcp,
        remedy "have the client speak a revision in `apis[].mcp.versions`, or set \
            `apis[].mcp.legacy` to \"whole\", which has such requests granted by entries without \
            `mcp` alone",
        meaning "The API says `\"legacy\": \"refuse\"`, and `MCP-Protocol-Version` is missing, there \
            twice or none of its `versions`; the reason quotes it";
    /// A known method in other letters, which some servers take for it (RFC 9110 §9.1).
    MethodAmbiguous = "method_ambiguous": InvalidRequest at Method,
        remedy "have the caller write the method as it is known, in capitals, or as \
            `apis[].match.methods` or `policies.*.access[].methods` has it",
        meaning "Some API or policy matches by method, and this one (or the one that a CORS \
            preflight asks for) is a known method in other letters, such as `post`, or one that \
            the configuration names, or has a character that no method has: a server that minds \
            neither would carry out what no rule has seen";
    /// A page of an origin that is not listed uses a cookie to change something.
    OriginRefused = "origin_refused": AccessDenied at Credential,
        remedy "a page of an origin that is not in `providers.*.from[].origins`, or not in \
            `providers.*.login.origins`, caused a request with the cookie that could change something, \
            or one of an origin that is not in `apis[].mcp.origins` called a server of MCP: add the \
            origin if the page is yours",
        meaning "The credential is in a cookie, the request could change something (every method \
            but GET, HEAD and OPTIONS, every upgrade), and its `Origin` is not one of the place's or \
            the login's `origins`, missing, or there twice. Or the API has `mcp`, and an `Origin` is there that \
            is neither in its `origins` nor that of its `resource.url`";
    /// Too many requests wait for keys.
    Overloaded = "overloaded": Unavailable at Key,
        remedy "too many requests wait for the provider's first key set, or for what it says of their \
            tokens: fix the way to it as for `keys_unavailable`, by `providers.*.jwks`, or as for \
            `introspection_unavailable`; where nobody but strangers with new tokens is refused, that is \
            what `providers.*.per_second` is for",
        meaning "More requests wait for the provider than may: 256, 128 of them for what it says of their \
            tokens, 32 with a body, or 1 MiB of headers, per worker. Or the worker has asked about as \
            many new tokens in this second as it may (`per_second`), or 32 at once";
    /// A path that the next hop could read differently.
    PathAmbiguous = "path_ambiguous": InvalidRequest at Path,
        remedy "set `normalize_path: true`, `merge_slashes: true` and \
            `path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT` in Envoy's \
            http_connection_manager, or have the caller send a plain path; where a segment is to \
            hold a slash (`%2F`), set `apis[].encoded_slash` to \"segment\" and \
            `path_with_escaped_slashes_action: KEEP_UNCHANGED`",
        meaning "Some API matches by path, and the next hop could read this path differently: dot \
            segments (raw or encoded), `//`, a backslash, an encoded slash (unless the API has \
            `\"encoded_slash\": \"segment\"`), backslash or question mark, a control byte, `#`, a \
            broken escape; or a `;` or an encoded slash that decides which API or which entry of \
            `access` it is, or what stands in a named segment";
    /// The API gives policies, and none of them to this caller.
    PolicyNone = "policy_none": AccessDenied at Policies,
        remedy "let `by_scope`, `by_client`, `by_claim` or `from_claim` of `apis[].policies` lead \
            from these tokens to a policy, or name one for everybody in `default`; where the claim \
            is called something else, name it in `providers.*.claims`",
        meaning "The API gives policies, and none to this caller; the reason says what each way to \
            one knows, what the token has there, and which claims are missing";
    /// The token names a policy that does not exist.
    PolicyUnknown = "policy_unknown": AccessDenied at Policies,
        remedy "add the policy to `policies`, or fix what the provider writes into the claim in \
            `providers.*.claims.policies`",
        meaning "The token names a policy that does not exist; the reason names it";
    /// As many requests as a quota allows came in its window.
    QuotaExceeded = "quota_exceeded": QuotaExceeded at Limits,
        remedy "the caller must wait for its window to end; if it should have more, raise \
            `requests` of `policies.*.quota`, and look whether its `per` has the unit that was \
            meant",
        meaning "As many requests as a quota allows came in its window; the reason names the \
            numbers and the wait";
    /// Requests come faster than a rate allows.
    RateLimited = "rate_limited": RateLimited at Limits,
        remedy "the caller must slow down; if it should not have to, raise `requests` or `burst` \
            of `policies.*.rate`, of the `rate` in `policies.*.access` or of `apis[].rate`, which is \
            one for all callers unless it says `per_caller`, and look whether its `per` has the \
            unit that was meant",
        meaning "Requests come faster than a rate allows; the reason says whose, and names the \
            numbers and the wait";
    /// There is no list of revocations to rely upon.
    RevocationsStale = "revocations_stale": Unavailable at Session,
        remedy "the list at `revoked.url` was not loaded for longer than `revoked.max_stale`: look \
            at the last `revocations_fetch_failed` line, fix the way to it by `revoked.cluster`, \
            or set `revoked.on_stale`",
        meaning "The list at `revoked.url` was never loaded, or not for longer than \
            `revoked.max_stale`, and `revoked.on_stale` is `deny`";
    /// The token lacks a scope that the API needs (RFC 6750 §3.1).
    ScopeInsufficient = "scope_insufficient": InsufficientScope at Access,
        remedy "grant the client the missing scopes at the provider, or correct or shorten \
            `apis[].scopes` or the `scopes` of the entry in `policies.*.access`; where the scopes \
            stand in another claim, name it in `providers.*.claims.scopes`",
        meaning "The token lacks scopes that the API needs, or with which alone an `access` entry \
            would grant the request; the reason names them and those that it has, the challenge \
            names all that are needed";
    /// The session's end has passed: the "key expiration check".
    SessionExpired = "session_expired": InvalidToken at Session,
        remedy "the caller must authenticate anew; if sessions may last longer, raise \
            `policies.*.expires_after`; if clocks differ, set them by NTP, or raise \
            `providers.*.clock_skew`",
        meaning "The session's end has passed: the shortest `expires_after` of the policies in \
            force, counted from `auth_time`, else `iat`, with the same skew. Where the token's \
            `exp` is earlier, `token_expired` comes first. A token that was only refreshed may \
            keep its `auth_time`";
    /// The identity is revoked, or a policy in force is not active.
    SessionInactive = "session_inactive": AccessDenied at Session,
        remedy "where the reason names a list, take the identity out of `revoked.entries` or of \
            the list at `revoked.url` if it may call again; where it names a policy, set \
            `policies.*.active` to true, or give the caller another policy",
        meaning "The identity is on a list of revocations (`revoked`); or a policy in force says \
            `\"active\": false`; the reason says which";
    /// A request was permitted without a session: a bug, never a client's fault.
    SessionMissing = "session_missing": ServerError at Session,
        remedy "a defect of Tollgate: report it with this line",
        meaning "A defect of Tollgate: a request was about to pass without a session";
    /// The algorithm is not one that the provider's configuration or the key allows (RFC 8725 §3.1).
    TokenAlgorithmRefused = "token_algorithm_refused": InvalidToken at Token,
        remedy "add the algorithm to `providers.*.algorithms` if the provider really signs with \
            it; `none` is never accepted, and HS algorithms only with `providers.*.secret` or an \
            inline key set",
        meaning "`alg` is not in the provider's `algorithms`, or one that is never accepted: \
            `none`, ES256K, Ed448. ES384, ES512, HS256 and its kin must always be listed";
    /// The token was meant for someone else (RFC 7519 §4.1.3).
    TokenAudienceMismatch = "token_audience_mismatch": InvalidToken at Claims,
        remedy "add the token's `aud` to `providers.*.audiences` (and to `apis[].audiences` where \
            the API has its own), or have the client ask for this API's audience; where the \
            provider's access tokens have no `aud`, name `providers.*.clients` instead",
        meaning "`aud` is missing or holds none of the `audiences`. An API's own `audiences` are \
            judged later, with the same code";
    /// The token is bound to a key (`cnf`, RFC 7800) whose proof is not supported.
    TokenBindingUnsupported = "token_binding_unsupported": InvalidToken at Claims,
        remedy "the token is bound to a client certificate or DPoP key; set `providers.*.binding` \
            to \"ignore\" only if something in front of Tollgate checks the proof",
        meaning "The token is bound to a key or certificate (`cnf`), whose proof is not checked \
            here";
    /// A claim is missing its type, or the payload is no JSON object (RFC 7519 §7.2).
    TokenClaimMalformed = "token_claim_malformed": InvalidToken at Claims,
        remedy "the provider sends a claim of the wrong type: fix its claim mapping, or name \
            another claim in `providers.*.claims`",
        meaning "The payload is no JSON object or has duplicate members, a claim that is looked at \
            has a wrong type, or the identity has a control character in it or white space at an \
            end";
    /// The token's claims are not what the provider requires.
    TokenClaimRefused = "token_claim_refused": InvalidToken at Claims,
        remedy "have the provider issue tokens with what `providers.*.require` asks for, or relax \
            it; where the reason names a claim like the one asked for, name that in \
            `providers.*.require`",
        meaning "The token's claims are not what the provider's `require` asks for; the reason \
            names the claim, its type, what it must be and the claims that are there, but no value \
            of the token. What only some APIs ask belongs into `apis[].require`";
    /// The token's client is not one of the provider's `clients`.
    TokenClientRefused = "token_client_refused": InvalidToken at Claims,
        remedy "add the token's client to `providers.*.clients`; where it stands in another claim, \
            name that in `providers.*.claims.client`; to choose among users instead, ask for `sub` \
            in `providers.*.require`",
        meaning "The token's client is missing or none of the provider's `clients`";
    /// An encrypted token (JWE, RFC 7516).
    TokenEncrypted = "token_encrypted": InvalidToken at Token,
        remedy "have the provider issue signed, not encrypted, access tokens",
        meaning "A JWE of five parts";
    /// The token's `exp` has passed (RFC 7519 §4.1.4).
    TokenExpired = "token_expired": InvalidToken at Claims,
        remedy "the caller must get a new token; where the reason says that it ended long ago or \
            all callers are refused, look at this machine's clock; if clocks differ a little, \
            raise `providers.*.clock_skew`",
        meaning "`exp` plus `clock_skew` has been reached";
    /// The token has no `exp`.
    TokenExpiryMissing = "token_expiry_missing": InvalidToken at Claims,
        remedy "have the provider issue tokens with `exp`, or set `providers.*.allow_no_expiry`",
        meaning "There is no `exp`; with `max_lifetime` there must be one all the same";
    /// The JOSE header breaks a rule (RFC 7515 §4).
    TokenHeaderInvalid = "token_header_invalid": InvalidToken at Token,
        remedy "the token's header has duplicate members, `crit`, `b64` or a member of a wrong \
            type: fix the issuer",
        meaning "Duplicate members in the header, `crit`, `b64`, no `alg`, or a member of a wrong \
            type: no extension of the JOSE header is understood";
    /// The provider says that the token is not active (RFC 7662 §2.2).
    TokenInactive = "token_inactive": InvalidToken at Introspection,
        remedy "the provider knows no such token, or it has ended or was revoked: have the caller fetch a \
            new one; where it is fresh, is it this provider's (`providers.*.url`), and may \
            `providers.*.client` ask about it?",
        meaning "The provider was asked about the token and answered `\"active\": false`: it is unknown, \
            has expired, was revoked, or the client of the configuration may not ask about it. The \
            answer is kept for `negative`";
    /// The token's `iat` lies in the future (RFC 7519 §4.1.6).
    TokenIssuedInFuture = "token_issued_in_future": InvalidToken at Claims,
        remedy "the provider's clock is ahead of this machine's, or this one's is behind: set both \
            by NTP; if they differ a little, raise `providers.*.clock_skew`",
        meaning "`iat` lies further ahead than `clock_skew`";
    /// The token's `iss` is no provider's of this API (RFC 7519 §4.1.1).
    TokenIssuerUnknown = "token_issuer_unknown": InvalidToken at Credential,
        remedy "`providers.*.issuer` must be the token's `iss` byte for byte (look for a trailing \
            slash, and for another authorization server of the same host), and `apis[].auth` must \
            name that provider; if the client asked the wrong server, have it ask the right one; \
            where the server's discovery document names another issuer than its tokens (AD FS, \
            Google), list both, or write `providers.*.jwks.url`",
        meaning "`iss` is missing, or no issuer of this API's providers, compared byte for byte. \
            The reason shows both (Auth0's issuers end with a slash, Okta's do not)";
    /// The key that the token names cannot be used with its algorithm (RFC 7517 §4.4).
    TokenKeyMismatch = "token_key_mismatch": InvalidToken at Key,
        remedy "the key with this `kid` is of another type, algorithm or issuer than the token \
            says: compare the token's header with the key set at `providers.*.jwks`, and its `iss` \
            with `providers.*.issuer`",
        meaning "The key with this `kid` is of another type, names another `alg`, or names another \
            issuer (Entra ID)";
    /// No key of the provider has the token's `kid` (RFC 7515 §4.1.4).
    TokenKeyUnknown = "token_key_unknown": InvalidToken at Key,
        remedy "the key set at `providers.*.jwks` has no such key: is the token of another \
            authorization server of the same provider? Take `issuer` and `jwks` of `providers.*` \
            from one discovery document, and tokens from that server; look for a `key_skipped` \
            line with that key; after an emergency rotation wait for `providers.*.jwks.cooldown`, \
            or shorten it; where the token has no `kid`, have the provider write one",
        meaning "No key has this `kid`, and the provider was asked within `jwks.cooldown`, or \
            since the request came. Also: a `kid` of more than 256 bytes, or none where more than \
            eight keys would fit. The reason names the keys that there are, where they are from \
            and how old";
    /// The token lives longer than `max_lifetime`.
    TokenLifetimeExceeded = "token_lifetime_exceeded": InvalidToken at Claims,
        remedy "shorten the tokens' lifetime at the provider, or raise `providers.*.max_lifetime`",
        meaning "`exp` − `iat` (without `iat`: − now) is more than `max_lifetime`, or negative";
    /// Not the compact form of a JWS (RFC 7515 §7.1).
    TokenMalformed = "token_malformed": InvalidToken at Token,
        remedy "not a JWT in compact form: an opaque token, or one cut or decorated on its way; \
            have the client ask its provider for a token for one of `providers.*.audiences`, which \
            makes some providers issue a JWT, and send that as it came; or have the provider asked \
            about it (`providers.*.kind`: \"introspection\", and its `forms`)",
        meaning "Not three parts of canonical, unpadded base64url with a JSON object as header. \
            `Bearer` with nothing behind it too. Opaque tokens are these, too, where no provider is \
            asked about them: those of Auth0 for whoever asks for no audience. Where one is: other \
            characters than a credential may have (RFC 9110 §11.2), or a form that `forms` leaves out";
    /// The token's `nbf` is still to come (RFC 7519 §4.1.5).
    TokenNotYetValid = "token_not_yet_valid": InvalidToken at Claims,
        remedy "the token's `nbf` is still to come: this machine's clock is behind the provider's; \
            set both by NTP; if they differ a little, raise `providers.*.clock_skew`",
        meaning "`nbf` lies further ahead than `clock_skew`";
    /// The token is revoked.
    TokenRevoked = "token_revoked": InvalidToken at Session,
        remedy "the token is in `revoked.entries` or in the list at `revoked.url`, or was issued \
            before the moment that an entry names: the caller must get a new one",
        meaning "The token is on a list of revocations (`revoked`), or was issued before the \
            moment that an entry names";
    /// The signature is not by the key that the token names (RFC 7515 §5.2).
    TokenSignatureInvalid = "token_signature_invalid": InvalidToken at Signature,
        remedy "the token was changed on its way or forged, or `providers.*.jwks` (or \
            `providers.*.pem`, `providers.*.secret`) has the keys of another issuer that uses the \
            same `kid`",
        meaning "None of the keys that it names made this signature. Entra ID's tokens for \
            Microsoft Graph are not meant to be checked by others; a key that the provider changed \
            under the same `kid` heals by itself";
    /// The token is longer than 16 KiB.
    TokenTooLarge = "token_too_large": InvalidToken at Token,
        remedy "have the provider put fewer claims into the token: 16 KiB is the limit",
        meaning "Longer than 16 KiB; nothing of it was decoded. An opaque token that a provider is asked \
            about: longer than 4096 bytes";
    /// Not an access token: its type says so (RFC 8725 §3.11).
    TokenTypeRefused = "token_type_refused": InvalidToken at Token,
        remedy "an ID token, or a token of another kind, was sent as an access token: have the \
            client send its access token; see `providers.*.typ` and `providers.*.allow_id_tokens`",
        meaning "Not an access token: an ID token (`at_hash`, `c_hash`, `token_use` or payload \
            `typ` say so), a refresh, logout or DPoP token, or a header `typ` that is not among \
            `typ`. Where the provider is asked: also a `token_type` that is neither `Bearer` nor `DPoP`, \
            or none where no `audiences` are given";
    /// Too many signatures on a slow curve have failed in this second.
    VerifyBudget = "verify_budget": Unavailable at Signature,
        remedy "somebody sends forged tokens that are dear to check: have the provider write a \
            `kid` into its tokens, so that one key is tried; leave ES384 and ES512 out of \
            `providers.*.algorithms` if it does not sign with them; or limit the rate in front of \
            Tollgate",
        meaning "In this second so many signatures that are dear to check have failed in this \
            worker that they took a tenth of its time, and the token is of that kind and not yet \
            verified: ES384, ES512, RSA of 6144 bits or more, or several keys to try. Says nothing \
            about the token; one that names its key by `kid` is not concerned, but for these \
            algorithms and sizes";
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
