//! Makes the host calls of a Tollgate that knows the token, in their order, and thinks nothing: what
//! is left of Tollgate's cost above this is its own.
//!
//! Its configuration is empty, or the arguments of Envoy's `verify_signature` in base64, which is
//! then asked on every request, as for a new token.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};

unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
}

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Root {
    allowed: u32,
    time: u32,
    arguments: Rc<[u8]>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        self.arguments = STANDARD.decode(text).unwrap_or_default().into();
        self.allowed = hostcalls::define_metric(MetricType::Counter, "floor_allowed").unwrap_or(0);
        self.time = hostcalls::define_metric(MetricType::Histogram, "floor_us").unwrap_or(0);
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let arguments = Rc::clone(&self.arguments);
        Some(Box::new(Request { allowed: self.allowed, time: self.time, arguments }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    allowed: u32,
    time: u32,
    arguments: Rc<[u8]>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        read(MapType::HttpRequestHeaders);
        let _ = hostcalls::get_current_time();
        if !self.arguments.is_empty() {
            let good = hostcalls::call_foreign_function("verify_signature", Some(&self.arguments));
            if good.ok().flatten().as_deref() != Some(&[8, 1]) {
                return Action::Pause;
            }
        }
        for (name, value) in
            [("tollgate.api", "default"), ("tollgate.identity", "alice"), ("tollgate.provider", "issuer")]
        {
            let _ = hostcalls::set_property(vec![name], Some(value.as_bytes()));
        }
        let _ = hostcalls::increment_metric(self.allowed, 1);
        let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, "authorization");
        let _ = hostcalls::set_map_value(MapType::HttpRequestHeaders, "x-user", Some("alice"));
        let _ = hostcalls::get_current_time();
        let _ = hostcalls::record_metric(self.time, 5);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        read(MapType::HttpResponseHeaders);
        Action::Continue
    }
}

/// Has the host copy a map into the VM, and gives the memory back.
fn read(map: MapType) {
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the host writes one pointer and one size; the memory is what it had the module's own
    // allocator make.
    unsafe {
        if proxy_get_header_map_pairs(map, &raw mut data, &raw mut size) == 0 && !data.is_null() {
            drop(Vec::from_raw_parts(data, size, size));
        }
    }
}
