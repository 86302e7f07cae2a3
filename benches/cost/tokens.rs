//! Tokens in numbers: minted once, kept in a file, all of one length.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::signers::Signer;

/// The issuer of every token.
pub(crate) const ISSUER: &str = "https://issuer.example";
/// The audience of every token.
pub(crate) const AUDIENCE: &str = "api://default";
/// The bytes of a token unless it is said otherwise.
pub(crate) const USUAL_BYTES: usize = 600;
/// Over how many identities tokens are spread unless it is said otherwise.
pub(crate) const IDENTITIES: usize = 100;
/// The identities of tokens of which no two have the same.
pub(crate) const MANY_IDENTITIES: usize = 131_072;

/// Tokens of one key.
pub(crate) struct Pool {
    text: Vec<u8>,
    width: usize,
}

impl Pool {
    /// `count` tokens of about `bytes` bytes, those that an earlier run left in the folder first.
    pub(crate) fn kept(folder: &Path, signer: &Signer, bytes: usize, count: usize) -> Arc<Self> {
        Self::of(folder, &Mint::new(signer, bytes, IDENTITIES), count)
    }

    /// At most [`MANY_IDENTITIES`] tokens, each of an identity of its own.
    pub(crate) fn of_identities(folder: &Path, signer: &Signer, count: usize) -> Arc<Self> {
        assert!(count <= MANY_IDENTITIES, "{count} identities");
        Self::of(folder, &Mint::new(signer, USUAL_BYTES, MANY_IDENTITIES), count)
    }

    fn of(folder: &Path, mint: &Mint<'_>, count: usize) -> Arc<Self> {
        let width = mint.token(0).len();
        // Another key, length or number of identities has a file of its own.
        let (alg, tag) = (mint.signer.alg().label(), tag(&mint.signer.jwk().to_string()));
        let identities = mint.identities;
        let path = folder.join(format!("tokens-{alg}-{width}-{identities}-{tag:08x}.bin"));
        let mut text = fs::read(&path).unwrap_or_default();
        let kept = text.len() / width;
        text.truncate(kept * width);
        if kept < count {
            println!("minting {} {alg} tokens of {width} bytes", count - kept);
            text.extend(mint.many(kept, count));
            fs::write(&path, &text).expect("a file under target/");
        }
        text.truncate(count * width);
        Arc::new(Self { text, width })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.text.len() / self.width
    }

    /// The token of a number under [`len`](Self::len).
    pub(crate) fn token(&self, number: usize) -> &[u8] {
        &self.text[number * self.width..(number + 1) * self.width]
    }
}

/// Makes tokens that differ in `jti`, and in `sub` as far as there are identities.
pub(crate) struct Mint<'a> {
    signer: &'a Signer,
    identities: usize,
    padding: String,
}

impl<'a> Mint<'a> {
    /// Tokens of about `bytes` bytes.
    pub(crate) fn new(signer: &'a Signer, bytes: usize, identities: usize) -> Self {
        let bare = Self { signer, identities, padding: String::new() };
        let missing = bytes.saturating_sub(bare.token(0).len());
        // Three bytes are four in base64url.
        Self { padding: "x".repeat(missing * 3 / 4), ..bare }
    }

    /// The token of this number: the same length for each.
    pub(crate) fn token(&self, number: usize) -> String {
        let (padding, identity) = (&self.padding, number % self.identities);
        self.signer.sign(&format!(
            r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"user-{identity:06}","iat":1700000000,"exp":4102444800,"jti":"{number:08}","pad":"{padding}"}}"#
        ))
    }

    fn many(&self, from: usize, to: usize) -> Vec<u8> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = (to - from).div_ceil(threads);
        thread::scope(|scope| {
            let part = |first: usize| {
                scope.spawn(move || {
                    let last = (first + share).min(to);
                    (first..last).flat_map(|number| self.token(number).into_bytes()).collect()
                })
            };
            let parts: Vec<_> = (from..to).step_by(share).map(part).collect();
            let joined: Vec<Vec<u8>> =
                parts.into_iter().map(|part| part.join().expect("minting")).collect();
            joined.concat()
        })
    }
}

/// FNV-1a: tells keys apart in file names.
fn tag(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
