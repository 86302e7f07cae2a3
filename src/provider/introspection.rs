//! A provider that is asked about each token (RFC 7662): where, how the filter shows who it is, and what
//! an answer is worth.

use std::time::Duration;

use crate::claims::Requirements;
use crate::client::Client;
use crate::http::Url;
use crate::ids::digest;
use crate::introspection::Terms;
use crate::jose::alg::AlgSet;
use crate::provider::jwt::KeySource;

/// A checked provider of kind `introspection`.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// The cluster that is called.
    pub cluster: Box<str>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Who asks.
    pub client: Client,
    /// Whether it takes what is no JWT.
    pub takes_opaque: bool,
    /// Whether it takes JWTs of its issuers.
    pub takes_jwts: bool,
    /// How long answers are good for.
    pub terms: Terms,
    /// How many answers workers share.
    pub capacity: u32,
    /// How many calls a worker makes in a second for tokens that were not active before.
    pub per_second: u32,
    /// Who signs its answers, and how; `None` where they are not signed.
    pub signed: Option<(KeySource, AlgSet)>,
    /// Whether the header with the payload carries the signed answer as it came.
    pub hands_on_signed: bool,
    /// What its answers must say.
    pub requirements: Requirements,
}

/// Where a provider is asked about tokens.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Here.
    Url(Url),
    /// Where this document says: `introspection_endpoint` (RFC 8414 §2), on the document's own host.
    Discovery(Url),
}

impl Introspection {
    /// What stands for a token at this provider, in records that all workers share.
    pub fn id(&self, token: &[u8]) -> [u8; 32] {
        let (Endpoint::Url(url) | Endpoint::Discovery(url)) = &self.endpoint;
        let (url, signed) = (url.to_string(), [u8::from(self.signed.is_some())]);
        let issuers = self.requirements.issuers.iter().flatten();
        let mut fields: Vec<&[u8]> =
            vec![url.as_bytes(), self.cluster.as_bytes(), self.client.id.as_bytes(), &signed];
        fields.extend(issuers.map(|issuer| issuer.as_bytes()));
        fields.push(token);
        digest(&fields)
    }
}
