//! Host calls that never trap, whatever status a host answers: an unexpected one becomes `None`, `false`
//! or an error, and the caller degrades. The SDK's own panic on every status they do not expect.
//!
//! The one module with `unsafe` in it: each block hands the host pointers to live Rust memory, or takes
//! over memory that the host had this module allocate.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use proxy_wasm::types::{BufferType, MapType};

use crate::env::{Cas, Downstream, Metrics, PutError, SharedData, Stored};
use crate::event::{GaugeChange, MetricKind, Reply};
use crate::http::{Fields, Place};

/// `Ok` of the ABI.
const OK: u32 = 0;
/// `BadArgument` of the ABI.
const BAD_ARGUMENT: u32 = 2;
/// `CasMismatch` of the ABI.
const CAS_MISMATCH: u32 = 8;
/// `InternalFailure` of the ABI.
const INTERNAL_FAILURE: u32 = 10;
/// The request's direction of a stream.
const HTTP_REQUEST: u32 = 0;
/// A version that no value has: hosts store under a new key whatever version is asked for, and
/// refuse it on a key that exists, so this is "only if absent".
const ABSENT: u32 = u32::MAX;
/// The same on hosts whose version of what is not there is 0; to others it is "whatever is there".
const NOTHING: u32 = 0;
/// What a host without a clock is taken to say, the last second of the year 9999: nothing that ends is
/// good any more.
const NO_CLOCK: Duration = Duration::from_secs(253_402_300_799);

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_add_header_map_value(
        kind: MapType,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_close_stream(direction: u32) -> u32;
    fn proxy_continue_stream(direction: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_dequeue_shared_queue(id: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_enqueue_shared_queue(id: u32, data: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        kind: BufferType,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_header_map_pairs(kind: MapType, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_http_call(
        upstream: *const u8,
        upstream_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        call: *mut u32,
    ) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_log(level: u32, line: *const u8, size: usize) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_register_shared_queue(name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_remove_header_map_value(kind: MapType, name: *const u8, size: usize) -> u32;
    fn proxy_replace_header_map_value(
        kind: MapType,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_header_map_pairs(kind: MapType, data: *const u8, size: usize) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        cas: u32,
    ) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
}

/// Runs a host call that returns bytes; `None` where it fails. No bytes are an empty vector.
fn fetch(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: on `Ok` the host has had the module's allocator make `size` bytes at `data`, filled
    // them, and hands them over.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// A variable of the VM's environment, where it is text: what the operator lets in by
/// `vm_config.environment_variables`.
pub(super) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the configuration names the variable")]
    std::env::var(name).ok()
}

/// Has lines of the `log` crate written by the host, and a trap say why it came. The SDK's own logger
/// panics where a host takes none.
pub(super) fn hook_logs_and_panics() {
    /// The level that the ABI keeps for that.
    const CRITICAL: u32 = 5;
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    std::panic::set_hook(Box::new(|why| write_line(CRITICAL, &why.to_string())));
}

/// The host's log.
struct HostLog;

impl log::Log for HostLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => 0,
            log::Level::Debug => 1,
            log::Level::Info => 2,
            log::Level::Warn => 3,
            log::Level::Error => 4,
        };
        if self.enabled(record.metadata()) {
            write_line(level, &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// A host that takes no line has nobody who reads them.
fn write_line(level: u32, line: &str) {
    // SAFETY: the slice outlives the call.
    let _ = unsafe { proxy_log(level, line.as_ptr(), line.len()) };
}

/// The wall clock, as time since 1970; where the host has none, WASI's.
pub(super) fn now() -> Duration {
    const REALTIME: u32 = 0;
    const TO_THE_MILLISECOND: u64 = 1_000_000;
    let mut nanoseconds = 0;
    // SAFETY: the host writes one number.
    let is_told = unsafe {
        proxy_get_current_time_nanoseconds(&raw mut nanoseconds) == OK
            || clock_time_get(REALTIME, TO_THE_MILLISECOND, &raw mut nanoseconds) == OK
    };
    if is_told { Duration::from_nanos(nanoseconds) } else { NO_CLOCK }
}

/// Asks for a tick every `period`; `false` where the host does not tick.
pub(super) fn set_tick_period(period: Duration) -> bool {
    let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: a number is handed over.
    unsafe { proxy_set_tick_period_milliseconds(period) == OK }
}

/// A queue of the host by its name, which calls the root back that registers it; `None` where the host
/// has no queues.
pub(super) fn register_queue(name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the name lives on for the call, and the host writes one number.
    let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Puts a value without bytes into a queue.
pub(super) fn enqueue(queue: u32) {
    // SAFETY: no bytes are handed over. A queue that is gone says so, and the tick comes.
    let _ = unsafe { proxy_enqueue_shared_queue(queue, std::ptr::NonNull::dangling().as_ptr(), 0) };
}

/// Takes a value out of a queue, where there is one.
pub(super) fn dequeue(queue: u32) {
    // SAFETY: see `fetch`.
    let _ = fetch(|data, size| unsafe { proxy_dequeue_shared_queue(queue, data, size) });
}

/// Every field of a map as it came; `None` where it cannot be read.
pub(super) fn fields(kind: MapType) -> Option<Fields> {
    // SAFETY: see `fetch`.
    let map = fetch(|data, size| unsafe { proxy_get_header_map_pairs(kind, data, size) })?;
    let places = places(&map)?;
    Some(Fields::new(map, places))
}

/// Where the names and values stand in the ABI's form of a header map: a count, the sizes of each
/// name and value, then each with a zero byte behind it.
fn places(map: &[u8]) -> Option<Vec<Place>> {
    if map.is_empty() {
        return Some(Vec::new());
    }
    let (count, sizes) = map.split_first_chunk()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let size_of_sizes = count.checked_mul(8)?;
    let mut next = size_of_sizes.checked_add(4)?;
    // The sizes must be there before anything is made for them.
    let (sizes, _) = sizes.get(..size_of_sizes)?.as_chunks();
    let mut places = Vec::with_capacity(count);
    for [a, b, c, d, e, f, g, h] in sizes {
        let name = part(&mut next, [*a, *b, *c, *d])?;
        places.push(Place { name, value: part(&mut next, [*e, *f, *g, *h])? });
    }
    // The last zero byte is the last of all.
    map.get(..next)?;
    Some(places)
}

/// The next part, of this size, and the zero byte behind it.
#[inline(always)]
fn part(next: &mut usize, size: [u8; 4]) -> Option<Range<usize>> {
    let start = *next;
    let end = start.checked_add(usize::try_from(u32::from_le_bytes(size)).ok()?)?;
    *next = end.checked_add(1)?;
    Some(start..end)
}

/// The ABI's form of a header map; `None` where it is too large for it.
fn packed<'h>(headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone) -> Option<Vec<u8>> {
    let mut out = u32::try_from(headers.clone().count()).ok()?.to_le_bytes().to_vec();
    for (name, value) in headers.clone() {
        out.extend(u32::try_from(name.len()).ok()?.to_le_bytes());
        out.extend(u32::try_from(value.len()).ok()?.to_le_bytes());
    }
    for (name, value) in headers {
        for part in [name, &[0], value, &[0]] {
            out.extend_from_slice(part);
        }
    }
    Some(out)
}

/// Replaces every header of this name by one.
pub(super) fn set_header(kind: MapType, name: &[u8], value: &[u8]) -> bool {
    // SAFETY: both slices outlive the call.
    let status = unsafe {
        proxy_replace_header_map_value(kind, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    };
    status == OK
}

/// Adds a header beside those of its name that are there.
pub(super) fn add_header(kind: MapType, name: &[u8], value: &[u8]) -> bool {
    // SAFETY: both slices outlive the call.
    let status = unsafe {
        proxy_add_header_map_value(kind, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    };
    status == OK
}

/// Removes single fields, by name and value, and writes the others back as they came.
pub(super) fn remove_values(kind: MapType, removed: &[(Vec<u8>, Vec<u8>)]) -> bool {
    let Some(fields) = fields(kind) else { return false };
    let is_left = |(name, value): &(&[u8], &[u8])| {
        !removed.iter().any(|(gone, with)| gone == name && with == value)
    };
    let Some(map) = packed(fields.iter().filter(is_left)) else { return false };
    // SAFETY: the slice outlives the call.
    unsafe { proxy_set_header_map_pairs(kind, map.as_ptr(), map.len()) == OK }
}

/// Removes every header of this name, on a host that really does.
pub(super) fn remove_header(kind: MapType, name: &[u8]) -> bool {
    // SAFETY: the slice outlives the call.
    unsafe { proxy_remove_header_map_value(kind, name.as_ptr(), name.len()) == OK }
}

/// Removes every header of this name. Emptied first: some hosts send on what they only removed.
pub(super) fn empty_and_remove_header(kind: MapType, name: &[u8]) -> bool {
    let emptied = set_header(kind, name, b"");
    remove_header(kind, name) && emptied
}

/// Whether the host is Envoy, by a property that no other has: the major version of its build, 32
/// bits in eight bytes. A bootstrap may replace the number, but not take it away.
pub(super) fn is_envoy() -> bool {
    let major = property("xds\0node\0user_agent_build_version\0version\0major_number");
    matches!(major.as_deref(), Some([_, _, _, _, 0, 0, 0, 0]))
}

/// Up to `max` bytes from the start of a buffer.
pub(super) fn buffer(kind: BufferType, max: usize) -> Option<Vec<u8>> {
    // SAFETY: see `fetch`.
    fetch(|data, size| unsafe { proxy_get_buffer_bytes(kind, 0, max, data, size) })
}

/// A property of the host, by its path: segments with a zero byte between them.
pub(super) fn property(name: &str) -> Option<Vec<u8>> {
    // SAFETY: the slice outlives the call; see `fetch`.
    fetch(|data, size| unsafe { proxy_get_property(name.as_ptr(), name.len(), data, size) })
}

/// Leaves a fact for other filters under `wasm.<name>`.
pub(super) fn set_property(name: &str, value: &[u8]) {
    // SAFETY: both slices outlive the call. A host without properties has nobody who reads them.
    let _ = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Answers the current request. The gRPC status, which the host wants as −1 where there is none, is
/// among the headers already: hosts heed their own argument in plain gRPC alone.
pub(super) fn respond(reply: &Reply) -> bool {
    let Reply { status, grpc_status, details, headers, body } = reply;
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let Some(headers) = packed(headers) else { return false };
    let grpc_status = grpc_status.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
    // SAFETY: all slices outlive the call.
    let status = unsafe {
        proxy_send_local_response(
            u32::from(*status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    };
    status == OK
}

/// Lets the current request go on.
pub(super) fn resume_request() -> bool {
    // SAFETY: a number is handed over.
    unsafe { proxy_continue_stream(HTTP_REQUEST) == OK }
}

/// Ends the current request without an answer.
pub(super) fn close_request() {
    // SAFETY: a number is handed over. A host that refuses this, too, has its own time-out.
    let _ = unsafe { proxy_close_stream(HTTP_REQUEST) };
}

/// Whether the host makes calls, and fails one that it cannot make in a way that the SDK knows, which
/// panics at any other: asked by a call to an upstream without a name.
pub(super) fn fails_calls_to_nobody() -> bool {
    const NO_PAIRS: &[u8; 4] = &[0; 4];
    let mut call = 0;
    // SAFETY: no slice but a map of no pairs is handed over, which is static; the host writes one number.
    let status = unsafe {
        proxy_http_call(
            NO_PAIRS.as_ptr(),
            0,
            NO_PAIRS.as_ptr(),
            NO_PAIRS.len(),
            NO_PAIRS.as_ptr(),
            0,
            NO_PAIRS.as_ptr(),
            NO_PAIRS.len(),
            1,
            &raw mut call,
        )
    };
    [BAD_ARGUMENT, INTERNAL_FAILURE].contains(&status)
}

/// Makes another context the current one; `false` where it is gone.
pub(super) fn set_effective_context(context: u32) -> bool {
    // SAFETY: a number is handed over.
    unsafe { proxy_set_effective_context(context) == OK }
}

/// The host's number of a metric. The same name is the same metric in every worker, under another
/// number each time it is asked for.
fn define(kind: MetricKind, name: &str) -> Option<u32> {
    let kind = match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Histogram => 2,
    };
    let mut id = 0;
    // SAFETY: the slice outlives the call, the host writes one number.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Calls a function that only this host has. Some hosts trap on a name that they do not know.
pub(super) fn foreign(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: both slices outlive the call; see `fetch`.
    fetch(|data, size| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            data,
            size,
        )
    })
}

/// The host's shared key-value store.
pub(super) struct HostStore;

impl SharedData for HostStore {
    fn get(&self, key: &str) -> Stored {
        let mut cas = 0;
        // SAFETY: the key outlives the call, the host writes one number; see `fetch`.
        let value = fetch(|data, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas)
        });
        match value {
            None => Stored::default(),
            Some(value) => {
                Stored { value: Some(value).filter(|value| !value.is_empty()), cas: Some(Cas(cas)) }
            }
        }
    }

    fn put(&self, key: &str, value: &[u8], expected: Option<Cas>) -> Result<(), PutError> {
        // SAFETY: both slices outlive the call.
        let put = |cas| unsafe {
            proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
        };
        let mut status = put(expected.map_or(ABSENT, |Cas(cas)| cas));
        // A host for which only 0 is the version of what is not there.
        if status == CAS_MISMATCH && expected.is_none() && self.get(key).cas.is_none() {
            status = put(NOTHING);
        }
        match status {
            OK => Ok(()),
            CAS_MISMATCH => Err(PutError::Lost),
            _ => Err(PutError::Unsupported),
        }
    }
}

/// The host's metrics, as far as they are used here, in the order of [`End`] and name. No two of them
/// share a name, whatever their kinds.
#[derive(Default)]
pub(super) struct HostMetrics(RefCell<Vec<(End, Box<str>, u32)>>);

/// How long a metric's name is, and its last bytes. Names begin alike, and Wasm compares bytes one by
/// one: by these two, most names are told apart at once.
type End = (usize, u64);

fn end(name: &str) -> End {
    (name.len(), name.as_bytes().last_chunk().map_or(0, |last| u64::from_le_bytes(*last)))
}

impl HostMetrics {
    /// The host's number of a metric, which is defined where it is not known yet.
    pub(super) fn id(&self, kind: MetricKind, name: &str) -> Option<u32> {
        let mut known = self.0.try_borrow_mut().ok()?;
        let wanted = end(name);
        match known.binary_search_by(|(end, at, _)| end.cmp(&wanted).then_with(|| (**at).cmp(name)))
        {
            Ok(place) => known.get(place).map(|(_, _, id)| *id),
            Err(place) => {
                let id = define(kind, name)?;
                known.insert(place, (wanted, name.into(), id));
                Some(id)
            }
        }
    }

    /// Adds to a counter. A count that is lost is no reason to fail a request.
    pub(super) fn count(&self, name: &str, by: u64) {
        self.add(MetricKind::Counter, name, i64::try_from(by).unwrap_or(i64::MAX));
    }

    /// Changes a gauge.
    pub(super) fn change(&self, name: &str, change: GaugeChange) {
        match change {
            GaugeChange::By(by) => self.add(MetricKind::Gauge, name, by),
            GaugeChange::To(value) => self.record(MetricKind::Gauge, name, value),
        }
    }

    /// Adds a value to a histogram.
    pub(super) fn observe(&self, name: &str, value: u64) {
        self.record(MetricKind::Histogram, name, value);
    }

    fn add(&self, kind: MetricKind, name: &str, by: i64) {
        if let Some(id) = self.id(kind, name) {
            // SAFETY: numbers are handed over.
            let _ = unsafe { proxy_increment_metric(id, by) };
        }
    }

    fn record(&self, kind: MetricKind, name: &str, value: u64) {
        if let Some(id) = self.id(kind, name) {
            // SAFETY: numbers are handed over.
            let _ = unsafe { proxy_record_metric(id, value) };
        }
    }

    fn read(&self, kind: MetricKind, name: &str) -> Option<u64> {
        let id = self.id(kind, name)?;
        let mut value = 0;
        // SAFETY: the host writes one number.
        let status = unsafe { proxy_get_metric(id, &raw mut value) };
        (status == OK).then_some(value)
    }
}

impl Metrics for HostMetrics {
    fn counter(&self, name: &str) -> Option<u64> {
        self.read(MetricKind::Counter, name)
    }

    fn gauge(&self, name: &str) -> Option<u64> {
        self.read(MetricKind::Gauge, name)
    }
}

/// Whom the current request comes from.
pub(super) struct HostDownstream;

impl Downstream for HostDownstream {
    fn address(&self) -> Option<Vec<u8>> {
        property("source\0address")
    }
}
