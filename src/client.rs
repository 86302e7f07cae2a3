//! The filter as a client of an authorization server: how it shows who it is (RFC 6749 §2.3, RFC 7523).
//!
//! Knows nothing of what it asks, or of calls.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::env::Env;
use crate::http::{add_to_form as add, encode_for_form as encode};
use crate::jose::sign::SigningKey;
use crate::json;
use crate::secret::Secret;
use crate::wire::to_hex;

/// How long an assertion is good for.
const ASSERTION_LASTS: Duration = Duration::from_secs(60);

/// A client that is registered at an authorization server.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id (RFC 6749 §2.2).
    pub id: Box<str>,
    /// How it shows who it is.
    pub auth: Auth,
}

/// How a client shows who it is. Of several secrets one is right: while they are exchanged for each
/// other, nobody knows which.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Its secret by HTTP Basic, both halves form-encoded (RFC 6749 §2.3.1): `client_secret_basic`.
    Basic(Vec<Secret>),
    /// A token of its own (RFC 6750 §2.1).
    Bearer(Vec<Secret>),
    /// Nothing but its id: a public client (RFC 6749 §2.1), `none`.
    None,
    /// Its secret in the body: `client_secret_post`.
    Post(Vec<Secret>),
    /// An assertion that it signs (RFC 7523 §2.2): `private_key_jwt`.
    Key(Box<Assertion>),
}

/// What a client signs to show who it is.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Its key.
    pub key: SigningKey,
    /// The key's id, where the server wants one.
    pub kid: Option<Box<str>>,
    /// For whom it is: the server, as that calls itself.
    pub audience: Box<str>,
}

impl Client {
    /// How many secrets there are to try.
    pub fn secrets(&self) -> usize {
        match &self.auth {
            Auth::Basic(all) | Auth::Bearer(all) | Auth::Post(all) => all.len(),
            Auth::Key(_) | Auth::None => 1,
        }
    }

    /// Adds what shows who it is to a form, or makes the value of `Authorization` that does; `which`
    /// is the secret's place. An assertion is made anew each time.
    ///
    /// # Errors
    ///
    /// Where the key cannot sign, or there is no such secret.
    pub fn show(
        &self,
        which: usize,
        form: &mut String,
        env: &Env<'_>,
    ) -> Result<Option<Secret>, Unsigned> {
        match &self.auth {
            Auth::Basic(all) => {
                let secret = all.get(which).ok_or(Unsigned)?;
                let mut pair = Zeroizing::new(String::new());
                encode(&self.id, &mut pair);
                pair.push(':');
                encode(secret.reveal(), &mut pair);
                let mut value = Zeroizing::new("Basic ".to_owned());
                STANDARD.encode_string(pair.as_bytes(), &mut value);
                Ok(Some(Secret::new(value)))
            }
            Auth::Bearer(all) => {
                let token = all.get(which).ok_or(Unsigned)?;
                let mut value = Zeroizing::new("Bearer ".to_owned());
                value.push_str(token.reveal());
                Ok(Some(Secret::new(value)))
            }
            Auth::None => {
                add("client_id", &self.id, form);
                Ok(None)
            }
            Auth::Post(all) => {
                add("client_id", &self.id, form);
                add("client_secret", all.get(which).ok_or(Unsigned)?.reveal(), form);
                Ok(None)
            }
            Auth::Key(assertion) => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                add("client_assertion_type", kind, form);
                add("client_assertion", &assertion.make(&self.id, env).ok_or(Unsigned)?, form);
                Ok(None)
            }
        }
    }
}

/// A client cannot show who it is: only the host could sign with its key, and it does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsigned;

impl Assertion {
    /// A JWT (RFC 7523 §3) that is good for a minute, and once.
    fn make(&self, client: &str, env: &Env<'_>) -> Option<String> {
        let text = |text: &str| json::text(&text.into());
        let mut header = format!("{{\"alg\":\"{}\",\"typ\":\"JWT\"", self.key.alg().name());
        if let Some(kid) = &self.kid {
            let _ = write!(header, ",\"kid\":{}", text(kid));
        }
        header.push('}');
        let now = env.now.secs();
        let until = env.now.after(ASSERTION_LASTS).secs();
        let id = [env.random.u64(), env.random.u64()].map(u64::to_le_bytes).concat();
        let (client, audience, id) = (text(client), text(&self.audience), to_hex(&id, 16));
        let claims = format!(
            "{{\"iss\":{client},\"sub\":{client},\"aud\":{audience},\"jti\":\"{id}\",\"iat\":{now},\
             \"exp\":{until}}}"
        );
        let mut jwt = URL_SAFE_NO_PAD.encode(header);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        let signature = self.key.sign(jwt.as_bytes(), env.signer)?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Some(jwt)
    }
}

#[cfg(test)]
mod tests;
