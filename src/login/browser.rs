//! The cookie that tells one browser from another (`-b`): a random number, and when logins of this
//! browser were completed and begun. It opens nothing.
//!
//! It is not sealed: whoever forges what it says of logins hurts himself alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::env::{NoRandomness, Random};
use crate::time::UnixMillis;

/// So many starts without a session, so soon behind a completed login, are a loop.
const STARTS: u8 = 3;

/// How soon.
const SOON: Duration = Duration::from_secs(60);

/// What a browser keeps of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Browser {
    id: [u8; 16],
    /// When a login of it was last completed, in whole seconds, and the starts since.
    completed: Option<(u64, u8)>,
}

impl Browser {
    /// A browser that was never seen.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] where nothing could be drawn.
    pub fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        random.fill(&mut id)?;
        Ok(Self { id, completed: None })
    }

    /// Reads the cookie's value; `None` for what was not written so.
    pub fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split('.');
        let id = parts.next().filter(|id| id.len() == 22)?;
        let id = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let number = |text: &str| {
            let digits = text.len() < 14 && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse::<u64>().ok() } else { None }
        };
        let completed = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => None,
            (Some(at), Some(starts), None) => {
                Some((number(at)?, u8::try_from(number(starts)?).ok()?))
            }
            _ => return None,
        };
        Some(Self { id, completed })
    }

    /// The cookie's value.
    pub fn write(&self) -> String {
        let mut out = URL_SAFE_NO_PAD.encode(self.id);
        if let Some((at, starts)) = self.completed {
            out.extend([".", &at.to_string(), ".", &starts.to_string()]);
        }
        out
    }

    /// What an attempt keeps of it: a hash of the number alone.
    pub fn hash(&self) -> [u8; 16] {
        let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]: [u8; 32] =
            Sha256::digest(self.id).into();
        hash
    }

    /// The same browser once a login of it is completed. Where another was so just before, the starts since
    /// then go on counting: a browser that loses each session completes one login after the other.
    pub fn completed(self, now: UnixMillis) -> Self {
        let starts = self.recently(now).map_or(0, |(_, starts)| starts);
        Self { completed: Some((now.secs(), starts)), ..self }
    }

    /// The same browser once it has logged out: whoever logs in again next is in no loop.
    pub const fn rested(self) -> Self {
        Self { completed: None, ..self }
    }

    /// When a login of it was completed within the last minute, and the starts since.
    fn recently(self, now: UnixMillis) -> Option<(u64, u8)> {
        self.completed.filter(|(at, _)| {
            let completed = UnixMillis::from_secs(*at);
            completed <= now && now.since(completed) < SOON
        })
    }

    /// The same browser once it starts a login without a session that can be used; `None` where that is the
    /// third time within a minute of a completed one.
    pub fn started(self, now: UnixMillis) -> Option<Self> {
        let Some((at, starts)) = self.recently(now) else { return Some(self.rested()) };
        let starts = starts.saturating_add(1);
        (starts < STARTS).then_some(Self { completed: Some((at, starts)), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn u64(&self) -> u64 {
            u64::from_le_bytes([7; 8])
        }
    }

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::from_secs(seconds)
    }

    #[test]
    fn a_browser_is_read_as_it_was_written_and_nothing_else_is() {
        let new = Browser::new(&Sevens).unwrap();
        let known = new.completed(at(1_800_000_000)).started(at(1_800_000_001)).unwrap();
        for browser in [new, known] {
            assert_eq!(Browser::read(browser.write().as_bytes()), Some(browser));
        }
        assert_eq!(known.write(), "BwcHBwcHBwcHBwcHBwcHBw.1800000000.1");
        for value in [
            "",
            "BwcHBwcHBwcHBwcHBwcHB",
            "BwcHBwcHBwcHBwcHBwcHBx",
            "BwcHBwcHBwcHBwcHBwcHBwcH",
            "BwcHBwcHBwcHBwcHBwcHBw==",
            "BwcHBwcHBwcHBwcHBwcHBw.",
            "BwcHBwcHBwcHBwcHBwcHBw.1",
            "BwcHBwcHBwcHBwcHBwcHBw.1.256",
            "BwcHBwcHBwcHBwcHBwcHBw.+1.1",
            "BwcHBwcHBwcHBwcHBwcHBw.99999999999999.1",
            "BwcHBwcHBwcHBwcHBwcHBw.1.1.1",
            "\u{e9}",
        ] {
            assert_eq!(Browser::read(value.as_bytes()), None, "{value}");
        }
        assert_eq!(Browser::read(b"\xff"), None);
    }

    #[test]
    fn the_third_start_within_a_minute_of_a_completed_login_is_a_loop() {
        let new = Browser::new(&Sevens).unwrap();
        let many = (0..9).try_fold(new, |browser, second| browser.started(at(100 + second)));
        assert_eq!(many, Some(new), "before the first completion none counts");
        let in_it = new.completed(at(100));
        let second = in_it.started(at(101)).and_then(|browser| browser.started(at(102))).unwrap();
        assert_eq!(second.started(at(159)), None);
        assert_eq!(second.started(at(160)), Some(new), "a minute later");
        assert_eq!(second.completed(at(130)).started(at(131)), None, "each time it is completed");
        assert!(second.completed(at(160)).started(at(161)).is_some(), "not so soon");
        assert_eq!(second.rested().started(at(131)), Some(new), "behind a logout");
        assert_eq!(in_it.started(at(99)), Some(new), "a time that is to come");
    }

    #[test]
    fn what_is_kept_of_a_browser_is_that_of_its_number_alone() {
        let new = Browser::new(&Sevens).unwrap();
        assert_eq!(new.hash(), new.completed(at(100)).hash());
        let other = Browser { id: [8; 16], ..new };
        assert_ne!(new.hash(), other.hash());
    }
}
