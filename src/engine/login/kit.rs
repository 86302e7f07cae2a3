//! What a worker has at hand for each login, and where a request meets one.

use std::sync::Arc;
use std::time::Duration;

use super::ended::Ended;
use crate::claims::{ClaimRef, Requirements};
use crate::config::Config;
use crate::env::Env;
use crate::event::{Effect, Section, metric};
use crate::http::{Fields, Origin, RequestHead, SetCookie, cookies, sets_one_of};
use crate::ids::{ProviderId, digest};
use crate::login::attempt::LASTS;
use crate::login::browser::Browser;
use crate::login::session::Terms;
use crate::provider::Provider;
use crate::provider::jwt::JwtProvider;
use crate::provider::login::{Cookie, Judge, Login};
use crate::seal::SealKeys;
use crate::store::{Change, Outcome, Payload, Table};
use crate::time::UnixMillis;

/// How long a browser keeps the number that tells it from others: as long as any lets a cookie live.
pub(in crate::engine) const BROWSER_LASTS: Duration = Duration::from_secs(400 * 86_400);

/// The logins of the configuration, by the places of their providers; `None` for those without.
#[derive(Debug, Default)]
pub(in crate::engine) struct Logins {
    all: Vec<Option<Kit>>,
    /// The names of all their cookies: no client's and no upstream's to use.
    pub(in crate::engine) reserved: Vec<String>,
    pub(in crate::engine) ways: Ways,
}

/// By what a session may come, in the access log's words.
#[derive(Debug)]
pub(in crate::engine) struct Ways {
    pub(in crate::engine) bearer: Arc<str>,
    pub(in crate::engine) key: Arc<str>,
    pub(in crate::engine) login: Arc<str>,
}

impl Default for Ways {
    fn default() -> Self {
        Self { bearer: "bearer".into(), key: "key".into(), login: "login".into() }
    }
}

/// What a worker has at hand for one login.
#[derive(Debug)]
pub(in crate::engine) struct Kit {
    pub(in crate::engine) keys: SealKeys,
    /// The issuers in byte order, and the client's id: what is sealed is for these.
    context: Vec<Box<str>>,
    /// The names of the cookies, in the order of [`Cookie::ALL`].
    names: Vec<String>,
    pub(in crate::engine) terms: Terms,
    /// What an ID token must say.
    pub(in crate::engine) expects: Requirements,
    /// What it must say together with the userinfo answer, where that is asked for.
    pub(in crate::engine) expects_of_both: Option<Requirements>,
    /// The path at which a session is ended.
    pub(in crate::engine) logout_path: String,
    /// The attempts that were spent, and the sessions that have ended.
    marks: Table,
    /// Whom the provider has logged out, where it may.
    pub(super) ended: Option<Ended>,
}

/// A login, and the host that a request is for.
#[derive(Clone, Copy)]
pub(in crate::engine) struct At<'c> {
    pub(in crate::engine) id: ProviderId,
    pub(in crate::engine) provider: &'c Provider,
    pub(in crate::engine) jwt: &'c JwtProvider,
    pub(in crate::engine) login: &'c Login,
    pub(in crate::engine) kit: &'c Kit,
    pub(in crate::engine) origin: &'c Origin,
}

/// What is marked in shared data.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Mark {
    /// An attempt whose code was sent to the provider.
    Spent,
    /// A session that was ended.
    Ended,
}

impl Logins {
    pub(in crate::engine) fn new(config: &Config) -> Self {
        let kit = |provider: &Provider| {
            let jwt = provider.jwt()?;
            Some(Kit::new(jwt, jwt.login.as_deref()?))
        };
        let all: Vec<Option<Kit>> = config.providers.iter().map(kit).collect();
        let reserved = all.iter().flatten().flat_map(|kit| kit.names.iter().cloned()).collect();
        Self { all, reserved, ways: Ways::default() }
    }

    /// Whether no provider has one, as in most configurations.
    pub(in crate::engine) fn is_empty(&self) -> bool {
        self.reserved.is_empty()
    }

    /// A provider's login, where it has one and a request with this authority is for a host of it.
    pub(in crate::engine) fn at<'c>(
        &'c self,
        id: ProviderId,
        config: &'c Config,
        head: &RequestHead,
    ) -> Option<At<'c>> {
        let provider = config.provider(id)?;
        let (jwt, kit) = (provider.jwt()?, self.all.get(id.0)?.as_ref()?);
        let login = jwt.login.as_deref()?;
        let origin = login.origin(head.authority())?;
        Some(At { id, provider, jwt, login, kit, origin })
    }

    /// A provider's login, on one of its origins.
    pub(in crate::engine) fn on<'c>(
        &'c self,
        id: ProviderId,
        config: &'c Config,
        origin: &str,
    ) -> Option<At<'c>> {
        let provider = config.provider(id)?;
        let (jwt, kit) = (provider.jwt()?, self.all.get(id.0)?.as_ref()?);
        let login = jwt.login.as_deref()?;
        let origin = login.urls.iter().find(|one| one.as_str() == origin)?;
        Some(At { id, provider, jwt, login, kit, origin })
    }

    /// The fields of an answer that set a cookie of ours: no upstream's to set.
    pub(in crate::engine) fn unwanted(
        &self,
        section: Section,
        fields: &Fields,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        if self.reserved.is_empty() || section != Section::ResponseHeaders {
            return Vec::new();
        }
        let names: Vec<&str> = self.reserved.iter().map(String::as_str).collect();
        let is_ours = |(name, value): &(&[u8], &[u8])| {
            name.eq_ignore_ascii_case(b"set-cookie") && sets_one_of(value, &names)
        };
        let found = fields.iter().filter(is_ours);
        found.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    }

    /// The login whose own path a request is for, and what of that path is behind the login's.
    pub(in crate::engine) fn own<'c, 'h>(
        &'c self,
        config: &'c Config,
        head: &'h RequestHead,
    ) -> Option<(At<'c>, &'h [u8])> {
        if self.is_empty() {
            return None;
        }
        let path = head.path_only();
        (0..self.all.len()).find_map(|place| {
            let at = self.at(ProviderId(place), config, head)?;
            let rest = path.strip_prefix(at.login.path.as_bytes())?;
            (rest.is_empty() || rest.starts_with(b"/")).then_some((at, rest))
        })
    }
}

impl Kit {
    fn new(jwt: &JwtProvider, login: &Login) -> Self {
        let asks = &jwt.requirements;
        let mut issuers = Vec::new();
        for issuer in asks.issuers.iter().flatten() {
            let (Ok(place) | Err(place)) = issuers.binary_search(issuer);
            issuers.insert(place, issuer.clone());
        }
        let client = login.client.id.clone();
        issuers.push(client.clone());
        let is_judge = login.judge == Judge::IdToken;
        let expects = Requirements {
            audiences: Some(vec![client]),
            clients: None,
            types: None,
            allow_id_tokens: true,
            allow_no_expiry: false,
            ignore_binding: true,
            max_lifetime: None,
            identity: vec![ClaimRef::Name("sub".into())],
            rules: Vec::new(),
            ..asks.clone()
        };
        // Who somebody is may stand in the userinfo answer alone.
        let whole = Requirements {
            identity: asks.identity.clone(),
            rules: asks.rules.clone(),
            ..expects.clone()
        };
        let (expects, expects_of_both) = match (is_judge, login.userinfo) {
            (true, true) => (
                expects,
                Some(Requirements {
                    issuers: None,
                    audiences: None,
                    allow_no_expiry: true,
                    ..whole
                }),
            ),
            (true, false) => (whole, None),
            (false, _) => (expects, None),
        };
        let refresh = login.session.refresh;
        Self {
            keys: login.seal.clone(),
            context: issuers,
            names: Cookie::ALL.iter().map(|cookie| login.cookie.name(*cookie)).collect(),
            terms: Terms {
                max: login.session.max,
                idle: login.session.idle,
                ahead: refresh.map_or(Duration::ZERO, |refresh| refresh.ahead),
                grace: refresh.map_or(Duration::ZERO, |refresh| refresh.grace),
            },
            expects,
            expects_of_both,
            logout_path: [&login.path, "/logout"].concat(),
            marks: marks(login),
            ended: login.back_channel.then(|| Ended::new(login, asks.clock_skew)),
        }
    }

    /// The name of a cookie.
    pub(in crate::engine) fn name(&self, cookie: Cookie) -> &str {
        let place = Cookie::ALL.iter().position(|one| *one == cookie);
        place.and_then(|place| self.names.get(place)).map_or("", String::as_str)
    }

    /// Marks an attempt or a session until then; whether it was not marked before. Where there is no
    /// room, or no store, nothing is known of it.
    pub(in crate::engine) fn mark(
        &self,
        mark: Mark,
        id: &[u8],
        until: UnixMillis,
        env: &Env<'_>,
    ) -> bool {
        let id = mark.id(id);
        let outcome = self.marks.update(env.shared, env.random, &id, env.now, |known| {
            match (known.is_some(), Payload::new(vec![1])) {
                (false, Some(payload)) => Change::PutUntil(until, payload, true),
                (is_known, _) => Change::Keep(!is_known),
            }
        });
        match outcome {
            Outcome::Kept(is_new) | Outcome::Written { value: is_new, .. } => is_new,
            Outcome::Contended | Outcome::Full | Outcome::Unsupported => true,
        }
    }

    /// Whether an attempt or a session is marked.
    pub(in crate::engine) fn is_marked(&self, mark: Mark, id: &[u8], env: &Env<'_>) -> bool {
        let id = mark.id(id);
        self.marks.read(env.shared, env.random, &id, env.now, |_| ()).is_some()
    }
}

impl Mark {
    fn id(self, id: &[u8]) -> [u8; 32] {
        let what: &[u8] = match self {
            Self::Spent => b"tollgate login spent",
            Self::Ended => b"tollgate login ended",
        };
        digest(&[what, id])
    }
}

impl<'c> At<'c> {
    /// What everything sealed here is for: the issuers, the client and the host, or the domain.
    pub(in crate::engine) fn context(&self, cookie: Cookie) -> Vec<&'c [u8]> {
        let host = self.login.cookie.domain(cookie).unwrap_or_else(|| self.origin.host());
        let all = self.kit.context.iter().map(|one| one.as_bytes());
        all.chain([host.as_bytes()]).collect()
    }

    /// By how much clocks may differ.
    pub(in crate::engine) const fn skew(&self) -> Duration {
        self.jwt.requirements.clock_skew
    }

    /// A cookie as it is written.
    pub(in crate::engine) fn cookie(&self, cookie: Cookie, path: &'c str) -> SetCookie<'c> {
        let (name, domain) = (self.kit.name(cookie), self.login.cookie.domain(cookie));
        SetCookie { name, path, domain }
    }

    /// The browser that a request is from; a new one where it does not say.
    pub(in crate::engine) fn browser(&self, head: &RequestHead) -> Option<Browser> {
        let mut shown = cookies(head.values("cookie"), self.kit.name(Cookie::Browser));
        let first = shown.next()?;
        if shown.next().is_some() { None } else { Browser::read(first) }
    }

    /// Where a login starts, for a link.
    pub(in crate::engine) fn start(&self) -> String {
        [&self.login.path, "/start"].concat()
    }

    /// Counts what became of a login.
    pub(in crate::engine) fn count(&self, what: metric::LoggedIn, effects: &mut Vec<Effect>) {
        effects.push(Effect::Count { metric: metric::login(what, &self.provider.name), by: 1 });
    }
}

/// The table of a login's marks, in which its leases stand, too.
pub(in crate::engine) fn marks(login: &Login) -> Table {
    Table::keeping("login", login.capacity, login.session.max.max(LASTS))
}
