//! XChaCha20-Poly1305 (RFC 8439, with the nonces of 24 bytes of draft-irtf-cfrg-xchacha-03), and
//! nothing else.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};

/// How long a nonce is, in bytes: so long that one drawn at random comes once.
pub const NONCE_BYTES: usize = 24;

/// How long a tag is, in bytes.
pub const TAG_BYTES: usize = 16;

/// What was shown is not what was sealed, or not under this key, nonce and context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAuthentic;

/// Encrypts `text` where it stands, and makes the tag over it and what is `beside` it. `None` for more
/// than the cipher can take, 256 GiB.
pub fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    beside: &[u8],
    text: &mut [u8],
) -> Option<[u8; TAG_BYTES]> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt_inout_detached(nonce.into(), beside, text.into()).ok().map(Into::into)
}

/// Decrypts `text` where it stands, once the tag is found to be right; otherwise it stays as it is.
///
/// # Errors
///
/// [`NotAuthentic`], whatever is wrong.
pub fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    beside: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), NotAuthentic> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher
        .decrypt_inout_detached(nonce.into(), beside, text.into(), tag.into())
        .map_err(|_| NotAuthentic)
}
