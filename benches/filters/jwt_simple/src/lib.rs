//! A filter that verifies the token of every request with jwt-simple, and does nothing else.
//!
//! Its configuration is the key of RS256: modulus and exponent in base64url, a dot between them.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
use jwt_simple::claims::NoCustomClaims;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { key: None }));
}}

struct Root {
    key: Option<Rc<RS256PublicKey>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.key = self.get_plugin_configuration().and_then(|bytes| parse_key(&bytes)).map(Rc::new);
        self.key.is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let key = Rc::clone(self.key.as_ref()?);
        Some(Box::new(Request { key }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn parse_key(configuration: &[u8]) -> Option<RS256PublicKey> {
    let (modulus, exponent) = std::str::from_utf8(configuration).ok()?.split_once('.')?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    RS256PublicKey::from_components(&bytes(modulus)?, &bytes(exponent)?).ok()
}

struct Request {
    key: Rc<RS256PublicKey>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let header = self.get_http_request_header_bytes("authorization").unwrap_or_default();
        let token = std::str::from_utf8(&header).ok().and_then(|text| text.strip_prefix("Bearer "));
        let claims = token.map(|token| self.key.verify_token::<NoCustomClaims>(token, None));
        if matches!(claims, Some(Ok(_))) {
            return Action::Continue;
        }
        self.send_http_response(401, Vec::new(), None);
        Action::Pause
    }
}
