//! How a provider logs browsers in: what the configuration says of it, checked.
//!
//! Knows nothing of requests.

use std::borrow::Cow;
use std::time::Duration;

use crate::claims::ClaimRef;
use crate::client::Client;
use crate::http::Origin;
use crate::login::endpoints::{Endpoints, Metadata, Rules, Wrong};
use crate::seal::SealKeys;

/// A provider's login (OpenID Connect Core §3.1, RFC 6749 §4.1, RFC 7636).
#[derive(Clone, Debug)]
pub struct Login {
    /// The origins on which it logs in, as browsers see them; each once.
    pub urls: Vec<Origin>,
    /// The path below which all is the filter's own on those hosts: segments of unreserved characters
    /// (RFC 3986 §2.3), each behind a `/`.
    pub path: Box<str>,
    /// What pages call it.
    pub title: Box<str>,
    /// The client that the provider knows the filter as.
    pub client: Client,
    /// What seals cookies and `state`.
    pub seal: SealKeys,
    /// The scopes that are asked for; `openid` is one.
    pub scopes: Vec<Box<str>>,
    /// Further parameters of an authorization request, in the order of the configuration; none that
    /// the filter writes itself.
    pub authorize: Vec<(Box<str>, Box<str>)>,
    /// Whether requests are pushed.
    pub pushed: Pushed,
    /// Where the endpoints are.
    pub endpoints: Source,
    /// The cluster that is called.
    pub cluster: Box<str>,
    /// The host to which calls go, without port, in lower case.
    pub host: Box<str>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Whose claims make the session.
    pub judge: Judge,
    /// Whether the userinfo endpoint adds claims that the ID token lacks.
    pub userinfo: bool,
    /// How long a session lives.
    pub session: Lifetimes,
    /// What its cookies are called, and who gets them.
    pub cookie: Cookies,
    /// The origins whose pages may cause requests that change something.
    pub origins: Vec<Box<str>>,
    /// The header that carries the access token upstream, in lower case.
    pub forward_access_token: Option<Box<str>>,
    /// The header that carries the ID token upstream, in lower case.
    pub forward_id_token: Option<Box<str>>,
    /// What a logout does.
    pub logout: Logout,
    /// Whether the provider may end sessions of its own accord.
    pub back_channel: bool,
    /// How many sessions can be known to have ended, or to be refreshed, at once.
    pub capacity: u32,
    /// The claims that the configuration names for this provider, in their order, each once: all that
    /// a session has to keep of a token.
    pub kept: Vec<ClaimRef>,
}

/// Where the endpoints of a login are.
#[derive(Clone, Debug)]
pub enum Source {
    /// Where the discovery document says that names the provider's keys, too.
    Discovered {
        /// Whether that is fetched by `https`.
        is_secure: bool,
    },
    /// Here.
    Written(Box<Endpoints>),
}

/// Whether authorization requests are pushed (RFC 9126).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pushed {
    /// Always.
    Always,
    /// Where the provider says that they must be.
    Auto,
    /// Never.
    Never,
}

/// Whose claims make a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judge {
    /// The access token's, which is judged as one that a caller shows.
    AccessToken,
    /// The ID token's.
    IdToken,
}

/// How long a session lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// How long at most, from the login.
    pub max: Duration,
    /// How long without a navigation; `None` is as long as the rest allows.
    pub idle: Option<Duration>,
    /// How the provider is asked again; `None` where it is not.
    pub refresh: Option<Refresh>,
}

/// How the provider is asked again for a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refresh {
    /// How long before the end of what it said last.
    pub ahead: Duration,
    /// How long past that end the session lives while it cannot be asked.
    pub grace: Duration,
}

/// The cookies of a login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cookies {
    /// What all their names have in common, without prefix.
    pub name: Box<str>,
    /// The domain whose hosts share the session; `None` is each host for itself.
    pub domain: Option<Box<str>>,
}

/// A cookie of a login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cookie {
    /// The access token, where it goes upstream.
    Access,
    /// A random number for each browser.
    Browser,
    /// The ID token, for the logout alone.
    Hint,
    /// When the session was last used.
    LastUse,
    /// The refresh token.
    Refresh,
    /// Who is logged in, and since when.
    Session,
}

impl Cookie {
    /// Every cookie.
    pub const ALL: [Self; 6] =
        [Self::Access, Self::Browser, Self::Hint, Self::LastUse, Self::Refresh, Self::Session];
}

impl Cookies {
    /// The whole name of a cookie, with the prefix that browsers hold it to (RFC 6265bis §4.1.3):
    /// `__Host-` for this host and the path `/`, else `__Secure-`.
    pub fn name(&self, cookie: Cookie) -> String {
        let shared = if self.domain.is_some() { "__Secure-" } else { "__Host-" };
        let (prefix, suffix) = match cookie {
            Cookie::Access => (shared, "-a"),
            // The callback is on the host that began.
            Cookie::Browser => ("__Host-", "-b"),
            Cookie::Hint => ("__Secure-", "-i"),
            Cookie::LastUse => (shared, "-s"),
            Cookie::Refresh => (shared, "-r"),
            Cookie::Session => (shared, ""),
        };
        let mut name = prefix.to_owned();
        name.push_str(&self.name);
        name.push_str(suffix);
        name
    }

    /// The domain that a cookie is set for; `None` is the host alone.
    pub fn domain(&self, cookie: Cookie) -> Option<&str> {
        self.domain.as_deref().filter(|_| cookie != Cookie::Browser)
    }
}

/// What a logout does besides ending the session here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Logout {
    /// Whether it ends the session at the provider, too, where that has an endpoint for it.
    pub provider: bool,
    /// Whether the provider is shown the ID token; otherwise the client's id alone.
    pub shows_id_token: bool,
    /// Where the page behind it leads: a path of the same host.
    pub back: Box<str>,
    /// Whether tokens are given back, where there is an endpoint for it.
    pub revoke: bool,
}

impl Login {
    /// The origin that a request with this authority is for, of those on which it logs in.
    pub fn origin(&self, authority: &[u8]) -> Option<&Origin> {
        self.urls.iter().find(|origin| origin.is_for(authority))
    }

    /// The redirect URI on one of its origins (RFC 6749 §3.1.2): of the configuration, never of a header.
    pub fn redirect_uri(&self, on: &Origin) -> String {
        [on.as_str(), &self.path, "/callback"].concat()
    }

    /// The path of the page behind a logout.
    pub fn signed_out(&self) -> String {
        [&self.path, "/signed-out"].concat()
    }

    /// Where a provider sends people back after a logout, on one of its origins (OpenID Connect
    /// RP-Initiated Logout 1.0 §3).
    pub fn signed_out_uri(&self, on: &Origin) -> String {
        [on.as_str(), &self.signed_out()].concat()
    }

    /// The path at which its provider says that a session has ended.
    pub fn back_channel_path(&self) -> String {
        [&self.path, "/back-channel"].concat()
    }

    /// Where its provider says so, on one of its origins (OpenID Connect Back-Channel Logout 1.0 §2.2).
    pub fn back_channel_uri(&self, on: &Origin) -> String {
        [on.as_str(), &self.back_channel_path()].concat()
    }

    /// Its endpoints; `None` where they are not known yet. `document` is what was
    /// [discovered](crate::keys::Ring::login), where that is needed.
    ///
    /// # Errors
    ///
    /// Where the document names no endpoints with which a login can be.
    pub fn endpoints(
        &self,
        document: Option<&Metadata>,
    ) -> Option<Result<Cow<'_, Endpoints>, Wrong>> {
        match &self.endpoints {
            Source::Written(endpoints) => Some(Ok(Cow::Borrowed(endpoints))),
            Source::Discovered { is_secure } => {
                let rules = Rules {
                    host: &self.host,
                    is_secure: *is_secure,
                    needs_userinfo: self.userinfo,
                };
                Some(document?.endpoints(rules).map(Cow::Owned))
            }
        }
    }

    /// The headers that it writes upstream, and that nobody else may; `authorization` is none of them,
    /// since bearer tokens come there.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.forwards().filter(|name| *name != "authorization")
    }

    /// Whether it writes this header upstream.
    pub fn forwards_in(&self, header: &str) -> bool {
        self.forwards().any(|name| name == header)
    }

    fn forwards(&self) -> impl Iterator<Item = &str> {
        let both = [&self.forward_access_token, &self.forward_id_token];
        both.into_iter().flatten().map(AsRef::as_ref)
    }

    /// How many results of refreshes are kept at once, for those who still show the old cookies.
    pub const fn slots(&self) -> u32 {
        const FEWEST: u32 = 256;
        let share = self.capacity >> 6;
        if share < FEWEST { FEWEST } else { share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(domain: Option<&str>) -> Vec<String> {
        let cookies = Cookies { name: "tollgate-okta".into(), domain: domain.map(Into::into) };
        Cookie::ALL.map(|cookie| cookies.name(cookie)).to_vec()
    }

    #[test]
    fn a_browser_holds_each_cookie_to_its_host() {
        let own = [
            "__Host-tollgate-okta-a",
            "__Host-tollgate-okta-b",
            "__Secure-tollgate-okta-i",
            "__Host-tollgate-okta-s",
            "__Host-tollgate-okta-r",
            "__Host-tollgate-okta",
        ];
        assert_eq!(names(None), own);
    }

    #[test]
    fn with_a_domain_only_the_browsers_own_number_stays_on_its_host() {
        let shared = own_with("__Secure-");
        assert_eq!(names(Some("example.com")), shared);
        let cookies = Cookies { name: "a".into(), domain: Some("example.com".into()) };
        for cookie in Cookie::ALL {
            let domain = (cookie != Cookie::Browser).then_some("example.com");
            assert_eq!(cookies.domain(cookie), domain, "{cookie:?}");
        }
    }

    fn own_with(prefix: &str) -> Vec<String> {
        let prefixed = |name: String| match name.strip_prefix("__Host-") {
            Some(rest) if !rest.ends_with("-b") => format!("{prefix}{rest}"),
            _ => name,
        };
        names(None).into_iter().map(prefixed).collect()
    }
}
