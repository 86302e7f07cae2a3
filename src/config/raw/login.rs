//! The file, exactly: how a provider logs browsers in.

use super::client::RawClient;
use super::credential::RawSecret;
use crate::config::define::{choice, object};
use crate::config::duration::{HOUR, Time, YEAR};
use crate::config::read::{Count, List, Map, OneOrMany, Text};

object! {
    /// How a provider logs browsers in: authorization code with PKCE.
    RawLogin {
        /// The origins on which it logs in, as browsers see them; one or a list.
        url: OneOrMany, required;
        /// The path below which all is the filter's own on those hosts. Left out: `/.login/` and the
        /// provider's name.
        path: Text;
        /// What pages call it. Left out: the provider's name.
        title: Text;
        /// The client that the provider knows the filter as.
        client: RawClient, required;
        /// The secrets that seal cookies, at least 32 bytes each: the first seals, all open.
        seal: List<RawSecret, 4>, required;
        /// The scopes that are asked for.
        scopes: List<Text> = openid();
        /// Further parameters of the authorization request.
        authorize: Map<Text>;
        /// Whether authorization requests are pushed (RFC 9126): where the provider says that they
        /// must be, always or never.
        pushed: RawPushed = RawPushed::Auto;
        /// The endpoints. Left out: those of the discovery document that names the keys.
        endpoints: RawEndpoints;
        /// The Envoy cluster that is called. Left out: that of the keys.
        cluster: Text;
        /// The host to which calls go. Left out: that of the discovery document, without discovery
        /// that of the token endpoint.
        host: Text;
        /// How long a call may take.
        timeout: Time<1, HOUR> = Time::seconds(5);
        /// Whose claims make the session.
        judge: RawJudge = RawJudge::IdToken;
        /// Whether the userinfo endpoint adds claims that the ID token lacks.
        userinfo: bool = false;
        /// How long a session lives.
        session: RawLoginSession;
        /// What its cookies are called, and who gets them.
        cookie: RawLoginCookie;
        /// The origins whose pages may cause requests that change something. Left out: those of `url`.
        origins: List<Text>;
        /// Headers that carry its tokens upstream.
        forward: RawForward;
        /// What a logout does.
        logout: RawLogout;
        /// Whether the provider may end sessions of its own accord, by a message at `/back-channel`
        /// (OpenID Connect Back-Channel Logout). It needs a second entry of the filter: see docs/login.md.
        back_channel: bool = false;
        /// How many sessions can be known to have ended, or to be refreshed, at once.
        capacity: Count<8, 16_777_216> = Count(65_536);
    }
}

#[inline(never)]
fn openid() -> List<Text> {
    std::iter::once(Text("openid".into())).collect()
}

choice! {
    /// Whether authorization requests are pushed.
    pub(in crate::config) RawPushed {
        /// Where the provider says that they must be.
        Auto = "auto",
        /// Always.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

choice! {
    /// Whose claims make a session.
    pub(in crate::config) RawJudge {
        /// The ID token's.
        IdToken = "id_token",
        /// The access token's.
        AccessToken = "access_token",
    }
}

object! {
    /// Where a provider's endpoints are.
    RawEndpoints {
        /// Where browsers are sent to log in.
        authorization: Text, required;
        /// Where codes and refresh tokens become tokens.
        token: Text, required;
        /// Where browsers are sent to log out.
        end_session: Text;
        /// Where tokens are given back.
        revocation: Text;
        /// Where further claims are.
        userinfo: Text;
        /// Where authorization requests are pushed.
        pushed: Text;
    }
}

object! {
    /// How long a session lives.
    RawLoginSession {
        /// How long at most, from the login.
        max: Time<1, YEAR> = Time::hours(8);
        /// How long without a navigation. Left out: as long as the rest allows.
        idle: Time<1, YEAR>;
        /// Whether the provider is asked again when what it said is over, where it gave a refresh
        /// token.
        refresh: bool = true;
        /// How long before that end a navigation asks.
        ahead: Time<1, HOUR> = Time::minutes(1);
        /// How long past that end a session lives while the provider cannot be asked.
        grace: Time<0, YEAR> = Time::minutes(15);
    }
}

object! {
    /// What a login's cookies are called, and who gets them.
    RawLoginCookie {
        /// What their names have in common, without `__Host-`. Left out: `tollgate-` and the
        /// provider's name.
        name: Text;
        /// The domain whose hosts share the session. Left out: each host has its own.
        domain: Text;
    }
}

object! {
    /// Headers that carry a login's tokens upstream, where the session came by its cookie.
    RawForward {
        /// The header for the access token: `authorization`, where it stands behind `Bearer`, or
        /// another, where it stands alone.
        access_token: Text;
        /// The same for the ID token.
        id_token: Text;
    }
}

object! {
    /// What a logout does besides ending the session here.
    RawLogout {
        /// Whether it ends the session at the provider, too, where that has an endpoint for it.
        provider: bool = true;
        /// What tells the provider which session: the ID token, or the client's id alone.
        hint: RawHint = RawHint::IdToken;
        /// Where the page behind it leads: a path of the same host.
        back as "return": Text = Text("/".into());
        /// Whether tokens are given back (RFC 7009), where there is an endpoint for it.
        revoke: bool = true;
    }
}

choice! {
    /// What tells a provider which session a logout ends.
    pub(in crate::config) RawHint {
        /// The ID token.
        IdToken = "id_token",
        /// The client's id alone.
        ClientId = "client_id",
    }
}
