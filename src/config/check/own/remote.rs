//! A document that is fetched, of whatever kind: where from, and how fresh it has to be.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::config::code::Code;
use crate::config::duration::{HOUR, Time, YEAR};
use crate::config::problems::Problems;
use crate::config::read::{Field, Preset, Text};
use crate::http::Url;
use crate::remote::Remote;
use crate::verdict::quoted;
use crate::wire::to_hex;

/// Fetching more often than this is rarely of use.
const OFTEN: Duration = Duration::from_secs(10);

/// What is written of one.
pub(super) struct Written<'r> {
    /// Where the object begins in which it is.
    pub(super) at: usize,
    pub(super) cluster: &'r Field<Text>,
    pub(super) timeout: &'r Preset<Time<1, HOUR>>,
    pub(super) refresh: &'r Preset<Time<100, YEAR>>,
    /// Nothing where a fetch out of turn waits like any other.
    pub(super) cooldown: Option<&'r Preset<Time<100, YEAR>>>,
    pub(super) max_stale: &'r Preset<Time<1, YEAR>>,
    pub(super) words: &'static Words,
}

/// What is said of one.
pub(super) struct Words {
    /// What a cluster leads to whose host nobody knows.
    pub(super) name: &'static str,
    /// What a stranger can do where nothing is encrypted.
    pub(super) harm: &'static str,
    /// What comes before the next fetch where `max_stale` is the shorter one.
    pub(super) given_up: &'static str,
    /// What is wrong with many fetches.
    pub(super) often: &'static str,
}

impl Written<'_> {
    /// Reads a URL.
    pub(super) fn url(&self, at: usize, text: &str, problems: &mut Problems<'_>) -> Option<Url> {
        url(at, text, self.words.harm, problems)
    }

    /// Warns of a URL whose document anybody on the way can write.
    pub(super) fn warn_if_plain(&self, url: &Url, at: usize, problems: &mut Problems<'_>) {
        warn_if_plain(url, at, self.words.harm, problems);
    }

    /// The document at a URL, with what tells it from others of its kind; `None` where something is
    /// wrong.
    pub(super) fn remote(
        &self,
        url: Option<Url>,
        id: impl FnOnce(&Url, &str) -> Box<str>,
        problems: &mut Problems<'_>,
    ) -> Option<Remote> {
        if self.cluster.is_absent() {
            let host = url.as_ref().map_or(self.words.name.to_owned(), |url| quoted(url.host()));
            let message = format_args!("missing; name the Envoy cluster that leads to {host}");
            problems.missing(self.at, "cluster", message);
        }
        let (refresh, max_stale) = (self.refresh.value.duration(), self.max_stale.value.duration());
        if max_stale < refresh {
            let message = format_args!(
                "`max_stale` is shorter than `refresh`: {} fetched again",
                self.words.given_up
            );
            let at = self.max_stale.at().or(self.refresh.at()).unwrap_or(self.at);
            problems.warn(Code::StaleBeforeRefresh, at, message);
        }
        for time in [Some(self.refresh), self.cooldown].into_iter().flatten() {
            if let Some(at) = time.at().filter(|_| time.value.duration() < OFTEN) {
                problems.warn(Code::FetchedOften, at, self.words.often);
            }
        }
        let (url, cluster) = (url?, self.cluster.given()?.value.0.clone());
        Some(Remote {
            id: id(&url, &cluster),
            url,
            cluster,
            timeout: self.timeout.value.duration(),
            refresh,
            cooldown: self.cooldown.unwrap_or(self.refresh).value.duration(),
            max_stale,
        })
    }

    /// Refuses what has no meaning where nothing is fetched, one thing more included.
    pub(super) fn refuse(&self, more: Option<usize>, message: &str, problems: &mut Problems<'_>) {
        let cooldown = self.cooldown.and_then(|cooldown| cooldown.at());
        let places = [self.cluster.at(), self.timeout.at(), self.refresh.at(), cooldown];
        for at in places.into_iter().chain([self.max_stale.at(), more]).flatten() {
            problems.refuse(Code::FieldUseless, at, message);
        }
    }

    /// Where `timeout`, `refresh`, `cooldown` and `max_stale` are written, or the object where they
    /// would be.
    pub(super) fn places(&self) -> [usize; 4] {
        let cooldown = self.cooldown.and_then(|cooldown| cooldown.at());
        [self.timeout.at(), self.refresh.at(), cooldown, self.max_stale.at()]
            .map(|at| at.unwrap_or(self.at))
    }
}

/// Reads a URL that is called. It is never quoted: it may hold a password. `harm` is what a stranger can
/// do where nothing is encrypted.
pub(super) fn url(at: usize, text: &str, harm: &str, problems: &mut Problems<'_>) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) => {
            warn_if_plain(&url, at, harm, problems);
            Some(url)
        }
        Err(error) => {
            let message = format_args!("the URL {error}; write \"https://host/path\"");
            problems.refuse(Code::UrlInvalid, at, message);
            None
        }
    }
}

/// Warns of a URL that is called without encryption.
pub(super) fn warn_if_plain(url: &Url, at: usize, harm: &str, problems: &mut Problems<'_>) {
    if !url.secure {
        problems.warn(
            Code::PlainHttp,
            at,
            format_args!(
                "`http`: whoever is on the way can {harm}; use `https`, unless a mesh encrypts this \
                 call"
            ),
        );
    }
}

/// Lower-case hex of SHA-256 over these, cut to 16 bytes. Every part goes in with its length, so that
/// none can pass for two. Not [`ids::digest`](crate::ids::digest), whose lengths have the other order
/// of bytes: an id stays the same across releases.
pub(super) fn id_of<'p>(parts: impl Iterator<Item = &'p str>) -> Box<str> {
    const BYTES: usize = 16;
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    to_hex(&hash.finalize(), BYTES).into()
}
