//! Envoy's own signature check and signing: the foreign functions `verify_signature` (Envoy 1.31 and newer)
//! and `sign`.

use zeroize::Zeroizing;

use super::host;
use crate::jose::host::{ByHost, HostCrypto};
use crate::jose::sign::HostSigner;

/// The host's crypto.
#[derive(Debug)]
pub(super) struct EnvoyCrypto;

/// The host's crypto, where there is one that can be trusted.
///
/// A host is asked only once it is known to be Envoy: on some, a foreign function that they do not
/// know is a trap.
pub(super) fn trusted() -> Option<ByHost<EnvoyCrypto>> {
    host::is_envoy().then(|| ByHost::tested(EnvoyCrypto)).flatten()
}

/// The host's signing, where it is known to be Envoy.
pub(super) fn signer() -> Option<EnvoySigner> {
    host::is_envoy().then_some(EnvoySigner)
}

impl HostCrypto for EnvoyCrypto {
    fn verify(&self, hash: &str, key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool> {
        // `VerifySignatureArguments`: 1 hash function, 2 public key, 3 signature, 4 text.
        let mut arguments = Vec::with_capacity(
            key.len()
                .saturating_add(signature.len())
                .saturating_add(signed.len())
                .saturating_add(64),
        );
        for (tag, field) in [(1, hash.as_bytes()), (2, key), (3, signature), (4, signed)] {
            arguments.push(tag << 3 | LENGTH_DELIMITED);
            length(field.len(), &mut arguments);
            arguments.extend_from_slice(field);
        }
        // `VerifySignatureResult`: 1 whether it is good, 2 an error. No bytes are "no" without one.
        let result = host::foreign("verify_signature", &arguments);
        match result.as_deref() {
            Some([0x08, 1, ..]) => Some(true),
            Some([] | [0x08, 0, ..] | [0x12, ..]) => Some(false),
            odd => {
                // Said once: a host that has answered so is asked no more.
                log::warn!(
                    "the proxy's signature check answered neither yes nor no ({odd:?}): the filter \
                     checks by itself from here on"
                );
                None
            }
        }
    }
}

/// Envoy's own signing: the foreign function `sign`.
#[derive(Clone, Copy, Debug)]
pub(super) struct EnvoySigner;

impl HostSigner for EnvoySigner {
    fn sign(&self, hash: &str, key_pem: &str, text: &[u8]) -> Option<Vec<u8>> {
        // `SignArguments`: 1 hash function, 3 text, 4 private key in PEM.
        let size = key_pem.len().saturating_add(text.len()).saturating_add(64);
        let mut arguments = Zeroizing::new(Vec::with_capacity(size));
        for (tag, field) in [(1, hash.as_bytes()), (3, text), (4, key_pem.as_bytes())] {
            arguments.push(tag << 3 | LENGTH_DELIMITED);
            length(field.len(), &mut arguments);
            arguments.extend_from_slice(field);
        }
        // `SignResult`: 1 whether it is signed, 2 the signature. What it says of errors is not shown.
        let result = host::foreign("sign", &arguments)?;
        let [0x08, 1, 0x12, first, rest @ ..] = result.as_slice() else { return None };
        let (size, rest) = match (*first, rest) {
            (short @ 0..0x80, rest) => (usize::from(short), rest),
            (low, [high, rest @ ..]) => (usize::from(low & 0x7f) | usize::from(*high) << 7, rest),
            _ => return None,
        };
        rest.get(..size).map(<[u8]>::to_vec)
    }
}

/// The wire type of Protocol Buffers for bytes and text.
const LENGTH_DELIMITED: u8 = 2;

/// Writes a length as a Protocol Buffers varint.
fn length(mut value: usize, out: &mut Vec<u8>) {
    while let Ok(low) = u8::try_from(value & 0x7f)
        && value > 0x7f
    {
        out.push(low | 0x80);
        value >>= 7;
    }
    out.extend(u8::try_from(value));
}
