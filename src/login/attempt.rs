//! One attempt to log in, as `state` holds it: no cookie and no memory are kept of it.
//!
//! What the provider is shown is derived from 32 random bytes. Whoever sees the code and the `state`
//! on their way can open neither.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::env::{NoRandomness, Random};
use crate::secret::Secret;
use crate::time::UnixMillis;
use crate::wire::{Reader, put_text};

/// How long an attempt may take.
pub const LASTS: Duration = Duration::from_secs(600);

const VERSION: u8 = 1;

/// An attempt to log in.
#[derive(Clone, Eq, PartialEq)]
pub struct Attempt {
    seed: Zeroizing<[u8; 32]>,
    /// When it began.
    pub began: UnixMillis,
    /// What is kept of the browser that began it ([`Browser::hash`](super::browser::Browser::hash)).
    pub browser: [u8; 16],
    /// Whether it is a second try for one that could not be redeemed: there is no third.
    pub is_second: bool,
    /// The host that it began at, as hosts are compared, and its port where that is no default one.
    pub host: Box<str>,
    /// Where it leads back to; to be checked again when it does.
    pub return_path: Box<str>,
}

/// Why an attempt is not redeemed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotThis {
    /// It began at another host.
    Host,
    /// It began more than [`LASTS`] ago.
    Late,
    /// It began at a time that is still to come, by more than clocks differ.
    Ahead,
    /// It is another browser's.
    OtherBrowser,
    /// The browser shows nothing of itself.
    NoBrowser,
}

impl Attempt {
    /// A new attempt.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] where nothing could be drawn.
    pub fn begin(
        random: &dyn Random,
        now: UnixMillis,
        host: &str,
        return_path: &str,
        browser: [u8; 16],
    ) -> Result<Self, NoRandomness> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(&mut *seed)?;
        Ok(Self {
            seed,
            began: now,
            browser,
            is_second: false,
            host: host.into(),
            return_path: return_path.into(),
        })
    }

    /// What is sealed of it.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![VERSION, u8::from(self.is_second)]);
        out.extend_from_slice(&*self.seed);
        out.extend(self.began.millis().to_le_bytes());
        out.extend(self.browser);
        put_text(&self.host, &mut out);
        put_text(&self.return_path, &mut out);
        out
    }

    /// Reads what was opened; `None` for what was not written so.
    pub fn read(record: &[u8]) -> Option<Self> {
        let mut record = Reader::new(record);
        let [VERSION, mark @ (0 | 1)] = record.array()? else { return None };
        let attempt = Self {
            is_second: mark == 1,
            seed: Zeroizing::new(record.array()?),
            began: UnixMillis::new(record.u64()?),
            browser: record.array()?,
            host: record.text()?.into(),
            return_path: record.text()?.into(),
        };
        record.rest().is_empty().then_some(attempt)
    }

    /// Whether it may be redeemed now, at this host, by this browser. What it says first is wrong
    /// whoever's it is; a browser's fault alone says that the attempt itself is good.
    ///
    /// # Errors
    ///
    /// See [`NotThis`].
    pub fn judge(
        &self,
        now: UnixMillis,
        skew: Duration,
        host: &str,
        browser: Option<[u8; 16]>,
    ) -> Result<(), NotThis> {
        if *self.host != *host {
            return Err(NotThis::Host);
        }
        if self.began > now.after(skew) {
            return Err(NotThis::Ahead);
        }
        if now.since(self.began) > LASTS {
            return Err(NotThis::Late);
        }
        match browser {
            Some(browser) if browser == self.browser => Ok(()),
            Some(_) => Err(NotThis::OtherBrowser),
            None => Err(NotThis::NoBrowser),
        }
    }

    /// What the ID token must repeat (OpenID Connect Core §3.1.2.1).
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derived(b"tollgate nonce 1"))
    }

    /// What shows that the code is redeemed by who began (RFC 7636 §4.1).
    pub fn verifier(&self) -> Secret {
        Secret::new(Zeroizing::new(URL_SAFE_NO_PAD.encode(self.derived(b"tollgate verifier 1"))))
    }

    /// What is told of that beforehand, by the method `S256` (RFC 7636 §4.2).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().reveal()))
    }

    /// What a session keeps of the attempt that made it.
    pub fn id(&self) -> [u8; 16] {
        id_of(&self.nonce())
    }

    fn derived(&self, name: &[u8]) -> [u8; 32] {
        // HMAC takes a key of any length.
        Hmac::<Sha256>::new_from_slice(&*self.seed).map_or([0; 32], |mut mac| {
            mac.update(name);
            mac.finalize().into_bytes().into()
        })
    }
}

/// What a session keeps of the attempt with this nonce.
pub fn id_of(nonce: &str) -> [u8; 16] {
    let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]: [u8; 32] =
        Sha256::digest(nonce).into();
    hash
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "an attempt of {:?}", self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in every run, other bytes each time.
    struct Counting(std::cell::Cell<u64>);

    impl Random for Counting {
        fn u64(&self) -> u64 {
            self.0.set(self.0.get() + 1);
            self.0.get()
        }
    }

    const NOW: UnixMillis = UnixMillis::from_secs(1_800_000_000);
    const SKEW: Duration = Duration::from_secs(60);
    const HOST: &str = "portal.example.com";

    fn attempt() -> Attempt {
        let random = Counting(std::cell::Cell::new(0));
        Attempt::begin(&random, NOW, HOST, "/orders?a=b", [9; 16]).unwrap()
    }

    #[test]
    fn an_attempt_is_read_as_it_was_written_and_nothing_else_is() {
        let second = Attempt { is_second: true, ..attempt() };
        for attempt in [attempt(), second] {
            let record = attempt.write();
            assert_eq!(Attempt::read(&record), Some(attempt));
            for end in 0..record.len() {
                assert_eq!(Attempt::read(&record[..end]), None, "{end}");
            }
            assert_eq!(Attempt::read(&[&record[..], b"x"].concat()), None);
        }
        let record = attempt().write();
        for (at, byte) in [(0, 0), (0, 2), (0, 255), (1, 2), (58, 255), (60, 255)] {
            let mut changed = record.to_vec();
            changed[at] = byte;
            assert_eq!(Attempt::read(&changed), None, "{at} {byte}");
        }
    }

    #[test]
    fn i01_i02_an_attempt_is_redeemed_in_time_at_its_host_by_its_browser() {
        let secs = Duration::from_secs;
        let cases = [
            ("at once", NOW, HOST, Some([9; 16]), Ok(())),
            ("at the last moment", NOW.after(LASTS), HOST, Some([9; 16]), Ok(())),
            ("11 minutes later", NOW.after(secs(660)), HOST, Some([9; 16]), Err(NotThis::Late)),
            ("by a slow clock", NOW.before(SKEW), HOST, Some([9; 16]), Ok(())),
            ("before it began", NOW.before(secs(61)), HOST, Some([9; 16]), Err(NotThis::Ahead)),
            ("at another host", NOW, "a.example.com", Some([9; 16]), Err(NotThis::Host)),
            ("by another browser", NOW, HOST, Some([8; 16]), Err(NotThis::OtherBrowser)),
            ("by none", NOW, HOST, None, Err(NotThis::NoBrowser)),
            ("late, by another", NOW.after(secs(601)), HOST, Some([8; 16]), Err(NotThis::Late)),
        ];
        for (name, now, host, browser, expected) in cases {
            assert_eq!(attempt().judge(now, SKEW, host, browser), expected, "{name}");
        }
    }

    #[test]
    fn what_is_derived_is_fit_for_its_standard_and_for_one_use() {
        let random = Counting(std::cell::Cell::new(0));
        let begin = || Attempt::begin(&random, NOW, HOST, "/", [9; 16]).unwrap();
        let (one, other) = (begin(), begin());
        assert_eq!(one.verifier().reveal().len(), 43, "RFC 7636 §4.1: from 43 to 128");
        let all = [&one, &other].map(|attempt| {
            [attempt.nonce(), attempt.verifier().reveal().to_owned(), attempt.challenge()]
        });
        let mut all = all.concat();
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        assert!(all.iter().all(|text| text.bytes().all(unreserved)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id(), id_of(&one.nonce()));
        assert_eq!(one.nonce(), Attempt::read(&one.write()).unwrap().nonce());
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let own = attempt();
        let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(own.verifier().reveal()));
        assert_eq!(own.challenge(), expected);
    }

    #[test]
    fn a_short_attempt_makes_a_short_state() {
        let sealed = (attempt().write().len() + crate::seal::OVERHEAD_BYTES) * 4;
        assert!(sealed.div_ceil(3) < 190, "{sealed}");
    }
}
