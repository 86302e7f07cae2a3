//! What kind a problem is of: a name for machines, catalogues and searches.

/// Defines the codes in alphabetical order, each with what it says.
macro_rules! codes {
    ($( $(#[doc = $doc:literal])* $code:ident = $name:literal, )*) => {
        /// The kind of a [`Problem`](super::Problem). `docs/problem-codes.md` tells of each.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Code { $( $(#[doc = $doc])* $code, )* }

        impl Code {
            /// Every code, by name.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// A stable, documented name, which never changes its meaning.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$code => $name, )* }
            }
        }
    };
}

codes! {
    /// Limits count by an address that may be the client's own word.
    AddressUnproven = "address_unproven",
    /// An algorithm that is unknown, or not for keys of this kind.
    AlgorithmRefused = "algorithm_refused",
    /// Answers about tokens that hold for long.
    AnswersKeptLong = "answers_kept_long",
    /// An API that an earlier one hides.
    ApiHidden = "api_hidden",
    /// A policy's entry names an API that it can say nothing about.
    ApiNotForPolicy = "api_not_for_policy",
    /// A public API takes whatever is left.
    ApiPublicCatchAll = "api_public_catch_all",
    /// An API that nobody can call.
    ApiUnreachable = "api_unreachable",
    /// An audience that tokens for anything have.
    AudienceCallerChosen = "audience_caller_chosen",
    /// A resource whose tokens may be for another.
    AudienceUnchecked = "audience_unchecked",
    /// A branch that another makes needless.
    BranchRedundant = "branch_redundant",
    /// What is compared with requests, where two callers may have one name.
    CallersShareNames = "callers_share_names",
    /// Policies are named by tokens, and no claim says where.
    ClaimUnnamed = "claim_unnamed",
    /// A claim of policies that nothing reads.
    ClaimUnread = "claim_unread",
    /// A client that is refused elsewhere.
    ClientRefused = "client_refused",
    /// Two fields of which one denies the other.
    Contradiction = "contradiction",
    /// A credential that a server of MCP gets.
    CredentialKept = "credential_kept",
    /// A discovery without a document's address.
    DiscoveryImpossible = "discovery_impossible",
    /// A discovery document where a key set belongs, or the reverse.
    DocumentMistaken = "document_mistaken",
    /// What should be a duration is none, or out of range.
    DurationInvalid = "duration_invalid",
    /// An endpoint on another host than calls go to.
    EndpointElsewhere = "endpoint_elsewhere",
    /// A document that is fetched more often than is good for its server.
    FetchedOften = "fetched_often",
    /// A field that must be there.
    FieldMissing = "field_missing",
    /// One name twice in one object.
    FieldTwice = "field_twice",
    /// A field that has no meaning at all.
    FieldUnknown = "field_unknown",
    /// A field that has no effect where it stands.
    FieldUseless = "field_useless",
    /// What should be a SHA-256 is none.
    HashInvalid = "hash_invalid",
    /// The SHA-256 of an empty key.
    HashOfNothing = "hash_of_nothing",
    /// A header that two write, or that one reads and another writes.
    HeaderConflict = "header_conflict",
    /// What cannot be a header's name or value.
    HeaderInvalid = "header_invalid",
    /// An identity that several issuers may give.
    IdentityAmbiguous = "identity_ambiguous",
    /// A defect of the filter.
    Internal = "internal",
    /// What cannot be an issuer.
    IssuerInvalid = "issuer_invalid",
    /// An issuer's organisation server, whose tokens are not for APIs.
    IssuerOrgServer = "issuer_org_server",
    /// An issuer that two providers of one API share.
    IssuerShared = "issuer_shared",
    /// A key that was minted for development.
    KeyDevelopment = "key_development",
    /// A private key where a public one is enough.
    KeyPrivate = "key_private",
    /// Keys none of which can be used.
    KeySetUnusable = "key_set_unusable",
    /// A key that takes long to sign with.
    KeySlow = "key_slow",
    /// A key whose holder can both check and sign.
    KeySymmetric = "key_symmetric",
    /// A key that is written otherwise than it should be, and taken.
    KeyTolerated = "key_tolerated",
    /// A key that is not used.
    KeyUnusable = "key_unusable",
    /// Limits that count by what a caller does not have.
    LimitByUnusable = "limit_by_unusable",
    /// What a service that counts limits for several proxies needs.
    LimitsRemoteNote = "limits_remote_note",
    /// Limits that a service counts, at a price that is easily overlooked.
    LimitsRemoteRisky = "limits_remote_risky",
    /// More limits than one caller has counters.
    LimitsTooMany = "limits_too_many",
    /// What there is to know of a login.
    LoginNote = "login_note",
    /// A login takes a path from an API.
    LoginOnApi = "login_on_api",
    /// Two logins where a browser could not tell one from the other.
    LoginShared = "login_shared",
    /// Two names that are one in the names of metrics.
    MetricNameShared = "metric_name_shared",
    /// What cannot be the name of a provider, a policy or an API.
    NameInvalid = "name_invalid",
    /// A name that another has.
    NameTwice = "name_twice",
    /// A name that nothing has.
    NameUnknown = "name_unknown",
    /// A number that is too small, too large or no number.
    NumberOutOfRange = "number_out_of_range",
    /// None or several of fields of which one must be there.
    OneOfRequired = "one_of_required",
    /// Demands that a request without a token escapes.
    OptionalEscapesDemands = "optional_escapes_demands",
    /// A path with what is a placeholder or an expression elsewhere.
    PathExpression = "path_expression",
    /// No place in which a credential would be looked for.
    PlaceMissing = "place_missing",
    /// A place in which no credential may stand.
    PlaceRefused = "place_refused",
    /// A place in which two credentials would be looked for.
    PlaceShared = "place_shared",
    /// A document over plain HTTP.
    PlainHttp = "plain_http",
    /// Policies that cannot be in force together.
    PoliciesDisagree = "policies_disagree",
    /// A policy that grants nothing.
    PolicyGrantsNothing = "policy_grants_nothing",
    /// A policy that is switched off, and given.
    PolicyInactive = "policy_inactive",
    /// Policies that nobody would get.
    PolicyMissing = "policy_missing",
    /// Access of which nobody asks.
    PolicyUnasked = "policy_unasked",
    /// A policy that nobody gets.
    PolicyUnused = "policy_unused",
    /// A provider that no API lists.
    ProviderUnused = "provider_unused",
    /// A refresh token that nobody asks for.
    RefreshUnasked = "refresh_unasked",
    /// Refusals that are only reported.
    ReportMode = "report_mode",
    /// A resource whose URL is no audience.
    ResourceNoAudience = "resource_no_audience",
    /// The document of a resource takes a path from an API.
    ResourceOnApi = "resource_on_api",
    /// A scope that no API asks for.
    ScopeRefused = "scope_refused",
    /// A scope that an API asks for, and a login does not.
    ScopeUnasked = "scope_unasked",
    /// A secret that stands in the configuration itself.
    SecretInText = "secret_in_text",
    /// A secret that is too short for its use.
    SecretShort = "secret_short",
    /// A secret that cannot be read.
    SecretUnreadable = "secret_unreadable",
    /// Not exactly one provider of a branch whose session is used.
    SessionFromAmbiguous = "session_from_ambiguous",
    /// A session that the hosts of a domain share.
    SessionShared = "session_shared",
    /// A clock skew beyond what clocks differ by.
    SkewLarge = "skew_large",
    /// What is kept is given up before it is fetched again.
    StaleBeforeRefresh = "stale_before_refresh",
    /// The operator's page takes a path from an API.
    StatusOnApi = "status_on_api",
    /// No JSON, or not as text should be.
    TextMalformed = "text_malformed",
    /// What should be a point in time is none.
    TimeInvalid = "time_invalid",
    /// A demand on tokens where API keys come.
    TokenAskedOfKey = "token_asked_of_key",
    /// A type of token that is never taken.
    TokenTypeRefused = "token_type_refused",
    /// More problems than are shown.
    TooManyProblems = "too_many_problems",
    /// A value of another type than belongs there.
    TypeWrong = "type_wrong",
    /// What should be a URL is none.
    UrlInvalid = "url_invalid",
    /// A list, an object or a string without anything in it.
    ValueEmpty = "value_empty",
    /// A text that is not of the form that belongs there.
    ValueInvalid = "value_invalid",
    /// More elements or bytes than are taken.
    ValueTooLong = "value_too_long",
    /// One value twice in one list.
    ValueTwice = "value_twice",
    /// A word that is none of those that have a meaning there.
    ValueUnknown = "value_unknown",
}
