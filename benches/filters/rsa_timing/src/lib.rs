//! A filter that times RSA-2048 verifications inside the proxy, in one callback, with the clock
//! around them.
//!
//! Its configuration is a key set with one RSA key. A request for `/tollgate/2000` with a token
//! verifies that token's signature 2,000 times with Tollgate's own arithmetic, one for
//! `/jwt_simple/2000` as often with jwt-simple's. The answer's body is the microseconds that one of
//! them took, or why there is no such number.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
use jwt_simple::claims::NoCustomClaims;
use jwt_simple::reexports::serde_json::{self, Value};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use jose::rsa::{RsaHash, RsaKey, RsaPadding};

// The source itself: the crate as a dependency would bring its own entry point, and a Wasm module
// can have but one.
#[allow(dead_code, unreachable_pub, reason = "only a part of it is timed")]
#[path = "../../../../src/jose"]
mod jose {
    pub(crate) mod rsa;
}

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { keys: None }));
}}

/// The same key twice.
struct Keys {
    tollgate: RsaKey,
    jwt_simple: RS256PublicKey,
}

struct Root {
    keys: Option<Rc<Keys>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.keys = self.get_plugin_configuration().and_then(|set| Keys::parse(&set)).map(Rc::new);
        self.keys.is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let keys = Rc::clone(self.keys.as_ref()?);
        Some(Box::new(Request { keys }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Keys {
    fn parse(set: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(set).ok()?;
        let member = |name| URL_SAFE_NO_PAD.decode(set["keys"][0][name].as_str()?).ok();
        let (modulus, exponent) = (member("n")?, member("e")?);
        Some(Self {
            tollgate: RsaKey::new(&modulus, &exponent).ok()?,
            jwt_simple: RS256PublicKey::from_components(&modulus, &exponent).ok()?,
        })
    }

    /// Verifies `count` times; microseconds for one, or `None` where the token is not good.
    #[expect(clippy::disallowed_methods, reason = "measuring time is all that it is for")]
    fn time(&self, by: &str, count: u32, token: &str) -> Option<f64> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let once = || match by {
            "tollgate" => {
                let signed = black_box(signed.as_bytes());
                self.tollgate.verify(RsaPadding::Pkcs1, RsaHash::Sha256, signed, &signature)
            }
            "jwt_simple" => {
                self.jwt_simple.verify_token::<NoCustomClaims>(black_box(token), None).is_ok()
            }
            _ => false,
        };
        let start = Instant::now();
        for _ in 0..count {
            if !once() {
                return None;
            }
        }
        Some(start.elapsed().as_secs_f64() * 1e6 / f64::from(count))
    }
}

struct Request {
    keys: Rc<Keys>,
}

impl Request {
    fn time(&self) -> Option<f64> {
        let text = |name| String::from_utf8(self.get_http_request_header_bytes(name)?).ok();
        let (path, header) = (text(":path")?, text("authorization")?);
        let (by, count) = path.strip_prefix('/')?.split_once('/')?;
        self.keys.time(by, count.parse().ok()?, header.strip_prefix("Bearer ")?)
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match self.time() {
            Some(micros) => {
                self.send_http_response(200, Vec::new(), Some(micros.to_string().as_bytes()));
            }
            None => {
                self.send_http_response(400, Vec::new(), Some(b"no such request, or a bad token"))
            }
        }
        Action::Pause
    }
}
