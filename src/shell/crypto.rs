//! Envoy's own signature check: the foreign function `verify_signature` (Envoy 1.31 and newer).

use super::host;
use crate::jose::host::{ByHost, HostCrypto};

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
