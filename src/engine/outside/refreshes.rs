//! The refreshes of login sessions: who asks, and what is on its way.
//!
//! A call leaves from the root: its answer is the session's, whoever has asked for it has gone or not.

use std::time::Duration;

use crate::claims::{Claims, Judged};
use crate::config::Config;
use crate::engine::login::kit::marks;
use crate::env::Env;
use crate::http::Url;
use crate::ids::{ProviderId, RingId};
use crate::login::answer::Tokens;
use crate::login::lease::{Lease, Leases};
use crate::login::session::Session;
use crate::provider::login::Login;
use crate::secret::Secret;
use crate::time::UnixMillis;

/// Most sessions of one login that a worker asks about at once.
const MOST: usize = 128;

/// Shortest time between two lines of the log about one login's refreshes, per worker.
const LOGGED_EVERY: Duration = Duration::from_secs(1);

/// The logins whose sessions one worker refreshes, by the places of their providers.
#[derive(Debug)]
pub(in crate::engine) struct Refreshes(Vec<Option<One>>);

/// One login whose sessions are refreshed.
#[derive(Debug)]
pub(in crate::engine) struct One {
    pub(in crate::engine) leases: Leases,
    flights: Vec<Flight>,
    logged_at: UnixMillis,
}

/// A session that its provider is asked about.
#[derive(Debug)]
pub(in crate::engine) struct Flight {
    pub(in crate::engine) lease: Lease,
    /// The session, as it was before.
    pub(in crate::engine) session: Session,
    /// Its refresh token.
    pub(in crate::engine) token: Secret,
    /// When it was last used.
    pub(in crate::engine) used: UnixMillis,
    /// The origin that its cookies are for.
    pub(in crate::engine) origin: Box<str>,
    /// The token endpoint.
    pub(in crate::engine) url: Url,
    /// The userinfo endpoint, where that is asked, too.
    pub(in crate::engine) userinfo: Option<Url>,
    /// Whether a logout shows the provider an ID token.
    pub(in crate::engine) keeps_hint: bool,
    /// Where its tokens are given back, if they are.
    pub(in crate::engine) revocation: Option<Url>,
    /// The place of the client's secret that is shown.
    pub(in crate::engine) secret: usize,
    /// How often a call was made that brought no answer.
    pub(in crate::engine) tries: u8,
    /// What has come: the tokens, and when.
    pub(in crate::engine) came: Option<(Tokens, UnixMillis)>,
    /// What the tokens say, once they are judged; nothing where they say nothing new.
    pub(in crate::engine) judged: Option<Option<(Claims, Judged)>>,
    /// The rings that it has waited for.
    pub(in crate::engine) rings: Vec<(RingId, u32)>,
}

impl Refreshes {
    pub(in crate::engine) fn new(config: &Config) -> Self {
        let one = |login: &Login| One {
            leases: Leases::new(marks(login), login.timeout),
            flights: Vec::new(),
            logged_at: UnixMillis::default(),
        };
        let logins = config.providers.iter().map(crate::provider::Provider::login);
        Self(logins.map(|login| login.map(one)).collect())
    }

    /// One of them.
    pub(in crate::engine) fn of_mut(&mut self, id: ProviderId) -> Option<&mut One> {
        self.0.get_mut(id.0)?.as_mut()
    }

    /// Whether somebody asks about a session.
    pub(super) fn is_asked(&self, id: ProviderId, of: &[u8; 32], env: &Env<'_>) -> bool {
        let one = self.0.get(id.0).and_then(Option::as_ref);
        one.is_some_and(|one| one.leases.is_asked(of, env))
    }

    /// Those whose tokens are there and wait for keys.
    pub(in crate::engine) fn waiting(&self) -> Vec<(ProviderId, u64)> {
        let mut all = Vec::new();
        for (place, one) in self.0.iter().enumerate() {
            let waits = |flight: &&Flight| flight.came.is_some() && flight.judged.is_none();
            let flights = one.iter().flat_map(|one| one.flights.iter().filter(waits));
            all.extend(flights.map(|flight| (ProviderId(place), flight.lease.holder)));
        }
        all
    }

    /// Gives a lease back: the worker goes.
    pub(super) fn give_back(&mut self, id: ProviderId, holder: u64, env: &Env<'_>) {
        if let Some(one) = self.of_mut(id)
            && let Some(flight) = one.take(holder)
        {
            one.leases.give_back(&flight.lease, env);
        }
    }
}

impl One {
    /// Whether this worker may ask about one more session.
    pub(in crate::engine) const fn has_room(&self) -> bool {
        self.flights.len() < MOST
    }

    /// A session is on its way.
    pub(in crate::engine) fn put(&mut self, flight: Flight) {
        self.flights.push(flight);
    }

    /// Takes a session that is on its way.
    pub(in crate::engine) fn take(&mut self, holder: u64) -> Option<Flight> {
        let place = self.flights.iter().position(|one| one.lease.holder == holder)?;
        Some(self.flights.swap_remove(place))
    }

    /// Whether a line may be logged now; then it is.
    pub(in crate::engine) fn may_log(&mut self, now: UnixMillis) -> bool {
        let may = now.since(self.logged_at) >= LOGGED_EVERY || self.logged_at > now;
        if may {
            self.logged_at = now;
        }
        may
    }
}
