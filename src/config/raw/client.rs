//! The file, exactly: the filter as a client of a provider.

use super::credential::RawSecret;
use crate::config::define::{choice, object};
use crate::config::problems::Problems;
use crate::config::read::{At, List, Read, Text, wrong_type};
use crate::config::tree::{Node, Value};

object! {
    /// The client that the provider knows the filter as (RFC 6749 §2.2).
    RawClient {
        /// Its id.
        id: Text, required;
        /// How it shows who it is; in a `login` without a secret the default is `none`.
        auth: RawAuth = RawAuth::Basic;
        /// Its secret, for `basic` and `post`; two while one takes the other's place: the second is
        /// tried where the first is refused.
        secret: RawSecrets;
        /// Its private key in PEM, for `private_key_jwt`.
        key: RawSecret;
        /// The key's id, where the provider wants one.
        kid: Text;
        /// What the key signs with.
        alg: RawSigning = RawSigning::Es256;
        /// For whom its assertions are. Left out: the issuer.
        audience: Text;
        /// Its token, for `bearer`; one or two.
        token: RawSecrets;
    }
}

choice! {
    /// How a client shows who it is.
    pub(in crate::config) RawAuth {
        /// Its secret by HTTP Basic.
        Basic = "basic",
        /// Its secret in the body.
        Post = "post",
        /// An assertion that it signs (RFC 7523).
        PrivateKeyJwt = "private_key_jwt",
        /// A token.
        Bearer = "bearer",
        /// Nothing but its id: a public client, for a `login` alone.
        None = "none",
    }
}

choice! {
    /// What a client signs with.
    pub(in crate::config) RawSigning {
        /// ECDSA on P-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
        /// RSA, where the proxy signs with it.
        Rs256 = "RS256",
    }
}

/// `client.secret`, `client.token`: one or two.
#[derive(Clone, Debug)]
pub(in crate::config) struct RawSecrets(pub(in crate::config) List<RawSecret, 2>);

impl Read for RawSecrets {
    const WHAT: &'static str = "an object with `env`, `base64` or `text`, or a list of two";

    fn read(node: &Node<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match node.value {
            Value::List(_) => List::read(node, problems).map(Self),
            Value::Object(_) => {
                At::read(node, problems).map(|one| Self(List { items: vec![one], written: 1 }))
            }
            _ => {
                wrong_type(node, Self::WHAT, problems);
                None
            }
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn schema() -> serde_json::Value {
        let list = List::<RawSecret, 2>::schema();
        serde_json::json!({ "anyOf": [RawSecret::schema(), list] })
    }
}
