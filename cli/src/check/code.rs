//! What kinds of remarks there are about what holds a configuration, and about what it fetches.

/// The kind of a remark; `docs/problem-codes.md` tells of each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FileCode {
    /// Limits count by an address that the client writes.
    AddressFromClient,
    /// A filter before Tollgate answers by itself, which a login does not see.
    AnswerUnseen,
    /// An entry that reads bodies, and is not as it must be.
    BackChannelEntry,
    /// No entry reads the bodies of providers that end sessions.
    BackChannelUnread,
    /// A cluster that takes whatever addresses its name has.
    ClusterFamilyUnset,
    /// A cluster that the file lacks.
    ClusterMissing,
    /// A cluster that takes a certificate for any name.
    ClusterNameUnchecked,
    /// A cluster that speaks HTTP/1.1 where gRPC is spoken.
    ClusterNotHttp2,
    /// A cluster without TLS for an `https` URL.
    ClusterPlain,
    /// A cluster that does not say which host it wants.
    ClusterSniMissing,
    /// A cluster with TLS for an `http` URL.
    ClusterTls,
    /// A cluster that goes where the client went, which a filter's call does not.
    ClusterUnresolved,
    /// A cluster that takes any certificate.
    ClusterUnverified,
    /// A cluster that wants another host than the URL.
    ClusterWrongName,
    /// A filter without a configuration that can be read.
    ConfigurationMissing,
    /// Tollgate refuses preflights before `cors` sees them.
    CorsBehind,
    /// Scripts do not see where a resource's tokens come from.
    CorsUnexposed,
    /// A filter before Tollgate removes the credential.
    CredentialConsumed,
    /// A filter behind Tollgate reads the credential that it removes.
    CredentialStripped,
    /// The proxy does not let encoded slashes through to an API that takes them.
    EncodedSlashLost,
    /// Requests pass unchecked after a fault.
    FailOpen,
    /// After a fault nothing is served until a restart.
    FailReloadMissing,
    /// No YAML.
    FileMalformed,
    /// Tollgate stands where no request comes.
    FilterBehindRouter,
    /// Tollgate is switched off, and no route enables it.
    FilterDisabled,
    /// A filter before Tollgate reads what Tollgate writes.
    FilterTooEarly,
    /// A form that Envoy refuses, or that the filter cannot read.
    FormRefused,
    /// An API key that has expired.
    KeyExpired,
    /// An API key that expires soon.
    KeyExpiresSoon,
    /// Two configurations count in the same counters, and are not meant to, or by other numbers.
    LimitsDomainShared,
    /// Limits count for each proxy.
    LimitsPerProxy,
    /// A detailed log that has ended.
    LogDetailEnded,
    /// A detailed log that ends before it is written.
    LogDetailLong,
    /// A sign-in that nobody reaches.
    LoginBehind,
    /// A server of MCP does not compare headers with bodies.
    McpUnchecked,
    /// One name twice in one map of a file.
    MemberTwice,
    /// A merge key where nobody reads any.
    MergeKey,
    /// What was fetched shows a key of development.
    OnlineKeyDevelopment,
    /// What was fetched shows a private key.
    OnlineKeyPrivate,
    /// A key that was fetched is not used.
    OnlineKeySkipped,
    /// A document could not be fetched, or is none.
    OnlineFailed,
    /// The proxy does not bring paths into one form.
    PathUnnormalized,
    /// More proxies than the limits that they share count on.
    ReplicasTooFew,
    /// An entry of the list of revocations that is void.
    RevocationOver,
    /// A route that a client chooses by a header which Tollgate writes or removes.
    RouteChosenByClient,
    /// An entry that refuses uploads which wait.
    UploadsRefused,
    /// The store is shared with every plugin without an id.
    VmIdEmpty,
    /// A window that lets requests fill the memory while they wait.
    WindowLarge,
    /// A window that slows uploads down.
    WindowSmall,
    /// A word that YAML reads as something else.
    YamlMisread,
}

impl FileCode {
    /// Every code, in the order of the names.
    #[cfg(test)]
    pub(super) const ALL: [Self; 50] = [
        Self::AddressFromClient,
        Self::AnswerUnseen,
        Self::BackChannelEntry,
        Self::BackChannelUnread,
        Self::ClusterFamilyUnset,
        Self::ClusterMissing,
        Self::ClusterNameUnchecked,
        Self::ClusterNotHttp2,
        Self::ClusterPlain,
        Self::ClusterSniMissing,
        Self::ClusterTls,
        Self::ClusterUnresolved,
        Self::ClusterUnverified,
        Self::ClusterWrongName,
        Self::ConfigurationMissing,
        Self::CorsBehind,
        Self::CorsUnexposed,
        Self::CredentialConsumed,
        Self::CredentialStripped,
        Self::EncodedSlashLost,
        Self::FailOpen,
        Self::FailReloadMissing,
        Self::FileMalformed,
        Self::FilterBehindRouter,
        Self::FilterDisabled,
        Self::FilterTooEarly,
        Self::FormRefused,
        Self::KeyExpired,
        Self::KeyExpiresSoon,
        Self::LimitsDomainShared,
        Self::LimitsPerProxy,
        Self::LogDetailEnded,
        Self::LogDetailLong,
        Self::LoginBehind,
        Self::McpUnchecked,
        Self::MemberTwice,
        Self::MergeKey,
        Self::OnlineFailed,
        Self::OnlineKeyDevelopment,
        Self::OnlineKeyPrivate,
        Self::OnlineKeySkipped,
        Self::PathUnnormalized,
        Self::ReplicasTooFew,
        Self::RevocationOver,
        Self::RouteChosenByClient,
        Self::UploadsRefused,
        Self::VmIdEmpty,
        Self::WindowLarge,
        Self::WindowSmall,
        Self::YamlMisread,
    ];

    /// A stable, documented name, which never changes its meaning.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AddressFromClient => "address_from_client",
            Self::AnswerUnseen => "answer_unseen",
            Self::BackChannelEntry => "back_channel_entry",
            Self::BackChannelUnread => "back_channel_unread",
            Self::ClusterFamilyUnset => "cluster_family_unset",
            Self::ClusterMissing => "cluster_missing",
            Self::ClusterNameUnchecked => "cluster_name_unchecked",
            Self::ClusterNotHttp2 => "cluster_not_http2",
            Self::ClusterPlain => "cluster_plain",
            Self::ClusterSniMissing => "cluster_sni_missing",
            Self::ClusterTls => "cluster_tls",
            Self::ClusterUnresolved => "cluster_unresolved",
            Self::ClusterUnverified => "cluster_unverified",
            Self::ClusterWrongName => "cluster_wrong_name",
            Self::ConfigurationMissing => "configuration_missing",
            Self::CorsBehind => "cors_behind",
            Self::CorsUnexposed => "cors_unexposed",
            Self::CredentialConsumed => "credential_consumed",
            Self::CredentialStripped => "credential_stripped",
            Self::EncodedSlashLost => "encoded_slash_lost",
            Self::FailOpen => "fail_open",
            Self::FailReloadMissing => "fail_reload_missing",
            Self::FileMalformed => "file_malformed",
            Self::FilterBehindRouter => "filter_behind_router",
            Self::FilterDisabled => "filter_disabled",
            Self::FilterTooEarly => "filter_too_early",
            Self::FormRefused => "form_refused",
            Self::KeyExpired => "key_expired",
            Self::KeyExpiresSoon => "key_expires_soon",
            Self::LimitsDomainShared => "limits_domain_shared",
            Self::LimitsPerProxy => "limits_per_proxy",
            Self::LogDetailEnded => "log_detail_ended",
            Self::LogDetailLong => "log_detail_long",
            Self::LoginBehind => "login_behind",
            Self::McpUnchecked => "mcp_unchecked",
            Self::MemberTwice => "member_twice",
            Self::MergeKey => "merge_key",
            Self::OnlineFailed => "online_failed",
            Self::OnlineKeyDevelopment => "online_key_development",
            Self::OnlineKeyPrivate => "online_key_private",
            Self::OnlineKeySkipped => "online_key_skipped",
            Self::PathUnnormalized => "path_unnormalized",
            Self::ReplicasTooFew => "replicas_too_few",
            Self::RevocationOver => "revocation_over",
            Self::RouteChosenByClient => "route_chosen_by_client",
            Self::UploadsRefused => "uploads_refused",
            Self::VmIdEmpty => "vm_id_empty",
            Self::WindowLarge => "window_large",
            Self::WindowSmall => "window_small",
            Self::YamlMisread => "yaml_misread",
        }
    }
}
