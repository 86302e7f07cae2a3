//! What can be wrong with a Tyk definition and is told badly there: thirty codes, which never change
//! their meaning.

/// One of the thirty.
#[derive(Debug)]
pub(super) struct Trap {
    /// Its place among them, from 1.
    pub(super) number: u8,
    /// Its stable code.
    pub(super) code: &'static str,
    /// What somebody sees in Tyk.
    pub(super) seen: &'static str,
    /// Why.
    pub(super) why: &'static str,
    /// What the imported configuration does.
    pub(super) here: &'static str,
}

macro_rules! traps {
    ($($name:ident $number:literal $seen:literal $why:literal $here:literal;)+) => {
        $(pub(super) static $name: Trap = Trap {
            number: $number, code: concat!("tyk-m", $number), seen: $seen, why: $why, here: $here,
        };)+
    };
}

traps! {
    M1 1
    "400 Session state is missing or unset! Please make sure that auth headers are properly applied"
    "each method keeps its session only if this field is empty or names that very method: the token is verified, its session dropped in silence, and the key expiration check finds none"
    "`session_from` can only name a provider that vouches, and one provider's session is used without it; this value was not taken over";
    M2 2
    "the limits of the last method apply, in silence"
    "with an empty base identity every method sets the session, and the last one in Tyk's fixed order stays"
    "`session_from` names that last one, in the open; name the other provider if it was meant";
    M3 3
    "the first request passes, then 403 Key not authorized; log: illegal base64 data at input byte 5 (5.9 and later)"
    "from the second request on the cached value is decoded as base64, which a URL is not"
    "`jwks.url` is a URL as it is";
    M4 4
    "403 Key not authorized for every token, and for up to four minutes after the mistake is mended"
    "neither status nor content is looked at: whatever JSON comes back without keys is cached as an empty key set"
    "only a 200 with a key that can be used counts; anything else is logged as `keys_fetch_failed`, and keys at hand stay in use";
    M5 5
    "403 Key not authorized"
    "each authorization server has an issuer and keys of its own, and a token of another one names a `kid` that this key set lacks"
    "`iss` is compared first: such a token is refused with `token_issuer_unknown`, and the log names both issuers";
    M6 6
    "403 Key not authorized for up to 240 s after the provider has rotated its keys"
    "an unknown `kid` never starts a fetch"
    "an unknown `kid` starts one fetch per `jwks.cooldown`, and the request waits for it";
    M7 7
    "403 Key not authorized; log: kid is not a string"
    "a key set is searched by `kid` alone"
    "a token without `kid` is tried with the keys that fit its algorithm, eight at most";
    M8 8
    "403 Key not authorized: Unexpected signing method"
    "whatever is not hmac, rsa or ecdsa is taken for HMAC, with one warning in the log; HMAC with a public key would let anybody sign who has that key"
    "public keys take asymmetric algorithms only; the HS family is listed, and only beside a secret";
    M9 9
    "403 Key not authorized for every token"
    "one key of the set that cannot be read (X25519, secp256k1, an unknown type) spoils the whole set"
    "that key is skipped, and the log names it (`key_skipped`)";
    M10 10
    "403 key not authorized: no matching policy found"
    "a token must lead to a policy: by the policy claim, by a scope, or by the defaults"
    "the same is refused, as `policy_none`, and the log says where was looked; where being verified is enough, delete `policies` of the API";
    M11 11
    "500 failed to create key: policy not found"
    "policies are looked up when a request comes, not when the definition is loaded"
    "a name of no policy is refused at load; this one became a policy that is not active, or was left out beside others";
    M12 12
    "403 key not authorized: no matching policy"
    "a policy id in a token is looked up as it is, and the answer does not name it"
    "the same is refused, as `policy_unknown`, and the log names the policy";
    M13 13
    "403 Access to this API has been disallowed"
    "the policy's access_rights speak of other APIs only"
    "a `default` that never speaks of the API is refused at load; what grants it nothing was replaced by a policy that is not active";
    M14 14
    "500 or 403: key has no valid policies to be applied"
    "a policy without access_rights is no valid policy"
    "the policy is imported with \"active\": false, since without `access` it would restrict nothing here";
    M15 15
    "403 key not authorized: no matching policy found, or the default policy"
    "the policy claim must be a string: an array counts as not there"
    "a string or a list, and each name in it counts";
    M16 16
    "the default policy, or 403"
    "scopes are read from the claim `scope` unless told otherwise, and this provider writes `scp`"
    "`scp` is looked for, then `scope`";
    M17 17
    "the default policy in silence, or 403"
    "classic definitions split the name at every dot, OAS ones look for a top-level claim of that very name and then split it: one or the other is never found"
    "a claim is looked up by its name as it is, then as a path";
    M18 18
    "401 Key not authorized: invalid subject value, and the value is the `kid`"
    "without skipKid the `kid` of the token's header is compared, not the subject"
    "`require` compares the claim that it names";
    M19 19
    "401 Key not authorized: invalid claim path, for every token"
    "the name is parsed as a JSONPath, which a URL is not"
    "`require` takes any claim name";
    M20 20
    "401 Key has expired, please renew"
    "the skew holds for the token's exp, but not for the key expiration check on the session that the token makes"
    "one `clock_skew` holds for both";
    M21 21
    "401 or 403: Access to this API has been disallowed"
    "a JWT scheme counts only if it is http, bearer, bearerFormat JWT exactly, enabled, and in the first entry of `security`; otherwise the token is taken for an API key"
    "`auth` names the providers; the scheme was imported as required where nothing else is";
    M22 22
    "the API is open to everybody, in silence"
    "use_keyless leaves out the whole chain, whatever is enabled beside it"
    "the API is protected by what is enabled; write \"auth\": \"none\" if it was meant to be open";
    M23 23
    "400 Authorization field missing"
    "as soon as auth_configs has an entry for the method, the older block `auth` is not looked at"
    "`from` is one list: both headers were taken over";
    M24 24
    "400 Authorization field missing"
    "no place is enabled where the token could stand"
    "`Authorization: Bearer` is read, the default of `from`; an API on which no place counts is refused at load";
    M25 25
    "403 key not authorized: could not apply several policies"
    "policies with per_api and policies with partitions cannot be applied together, which shows only when somebody gets both"
    "every combination has an outcome, by docs/config.md, How policies combine";
    M26 26
    "nothing: the check stays on"
    "the field no longer exists, and unknown fields are ignored"
    "unknown fields are refused at load; a check of times cannot be switched off, `clock_skew` widens it";
    M27 27
    "limits and policies change from request to request"
    "a session is one organisation's and one identity's, whatever the issuer and the API"
    "a session belongs to provider, issuer and identity, and policies follow from token and API";
    M28 28
    "the connection is aborted"
    "a claim clientId, cid or client_id that is no string makes the gateway panic"
    "refused where something asks for a client (`token_claim_malformed`), otherwise ignored";
    M29 29
    "403 Key not authorized"
    "lists of key sets work in OAS definitions only"
    "one provider for each URL";
    M30 30
    "Redis grows without end"
    "a session that is written without a lifetime is never deleted"
    "the number of records is fixed (`sessions.capacity`), and counters end with their windows";
}
