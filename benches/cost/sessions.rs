//! Sessions of people who logged in, as cookies that the filter has sealed.

use std::time::Duration;

use rsa::rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate::env::{NoRandomness, Random};
use tollgate::login::session::{Kept, Session, SessionId};
use tollgate::provider::login::{Cookie, Login};
use tollgate::seal::Purpose;
use tollgate::time::UnixMillis;

use crate::filters::{provider, tollgate_with};
use crate::harness::{Listener, now};
use crate::load::Feed;
use crate::signers::Signer;
use crate::tokens::{IDENTITIES, ISSUER};

const CLIENT: &str = "portal";

/// A listener at which browsers are logged in, and no bearer token is taken.
pub(crate) fn portal(name: &str, signer: &Signer) -> Listener {
    tollgate_with(name, &configuration(signer))
}

fn configuration(signer: &Signer) -> Value {
    let mut issuer = provider(ISSUER, &[signer.jwk()], signer.alg().name());
    issuer["from"] = json!([]);
    issuer.as_object_mut().expect("members").remove("audiences");
    issuer["login"] = json!({
        "url": "https://api.example.com", "cluster": "nowhere", "client": { "id": CLIENT },
        "seal": [{ "text": "what seals the cookies of a measurement" }],
        "endpoints": { "authorization": "https://issuer.example/authorize",
                       "token": "https://issuer.example/token" },
    });
    json!({ "providers": { "issuer": issuer } })
}

/// Seals as many cookies as are wanted.
struct Mint {
    config: Config,
    begun: UnixMillis,
}

impl Mint {
    fn new(signer: &Signer) -> Self {
        let config = Config::parse(configuration(signer).to_string().as_bytes());
        let config = config.expect("what the listener has");
        Self { config, begun: UnixMillis::from_secs(now().unsigned_abs()) }
    }

    fn login(&self) -> &Login {
        let login = self.config.providers.iter().find_map(|provider| provider.login());
        login.expect("a login")
    }

    /// The cookie of this number, as a browser sends it.
    fn cookie(&self, number: usize) -> Vec<u8> {
        let login = self.login();
        let subject = format!("user-{:06}", number % IDENTITIES);
        let claims = json!({ "iss": ISSUER, "sub": subject, "aud": CLIENT }).to_string();
        let claims = tollgate::claims::Claims::parse(claims.as_bytes()).expect("claims");
        let mut id = [0; 16];
        Drawn.fill(&mut id).expect("the system's randomness");
        let session = Session {
            id: SessionId { id, generation: 0 },
            attempt: id,
            begun: self.begun,
            renewed: self.begun,
            used: self.begun,
            authenticated: None,
            until: None,
            expires_in: Duration::from_secs(3600),
            is_renewable: false,
            issuer: ISSUER.into(),
            subject: subject.as_str().into(),
            identity: subject.as_str().into(),
            client: CLIENT.into(),
            scopes: "openid".into(),
            sid: None,
            claims: Kept::of(&claims, &login.kept),
        };
        let context = [ISSUER.as_bytes(), CLIENT.as_bytes(), b"api.example.com"];
        let sealed = login.seal.seal(Purpose::Session, &context, &session.write(), &Drawn);
        let name = login.cookie.name(Cookie::Session);
        format!("{name}={}", sealed.expect("the system's randomness")).into_bytes()
    }
}

/// So many sessions, over and over.
pub(crate) fn again(signer: &Signer, count: usize) -> Feed {
    let mint = Mint::new(signer);
    let cookies: Vec<_> = (0..count).map(|number| mint.cookie(number)).collect();
    let mut all = cookies.into_iter().cycle();
    Box::new(move |out| out.extend(all.next().into_iter().flatten()))
}

/// Every session once.
pub(crate) fn fresh(signer: &Signer) -> Feed {
    let (mint, mut next) = (Mint::new(signer), 0);
    Box::new(move |out| {
        out.extend(mint.cookie(next));
        next += 1;
    })
}

/// A page that is opened, by its header alone.
pub(crate) fn page() -> Feed {
    Box::new(|out| out.extend(b"text/html"))
}

/// The system's randomness.
struct Drawn;

impl Random for Drawn {
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes).expect("the system's randomness");
        u64::from_le_bytes(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        OsRng.try_fill_bytes(bytes).map_err(|_| NoRandomness)
    }
}
