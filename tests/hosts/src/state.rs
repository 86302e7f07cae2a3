//! What the host knows: everything that the module can ask for or change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Outcome;

/// The moment at which the clock starts, as that of the tests does.
const START: Duration = Duration::from_secs(1_800_000_000);

/// A header map.
pub(crate) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The surroundings of one worker.
pub(crate) struct State {
    /// The time since 1970.
    pub(crate) now: Duration,
    pub(crate) configuration: Vec<u8>,
    /// The facts that the host tells, by path.
    pub(crate) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Header maps, by the ABI's numbers.
    pub(crate) maps: BTreeMap<u64, Fields>,
    /// The context whose calls these are.
    pub(crate) context: i32,
    /// The contexts of requests that are not over.
    pub(crate) streams: BTreeSet<i32>,
    /// How requests ended, by their contexts.
    pub(crate) ended: BTreeMap<i32, Outcome>,
    /// The headers of what the filter answered last, itself.
    pub(crate) answered: Fields,
    /// Calls of the filter that are out, each with the context that made it.
    pub(crate) out: Vec<(u32, i32)>,
    made: u32,
    /// The body of the answer to one of them.
    pub(crate) answer: Vec<u8>,
    /// Whether something lies in the queue.
    pub(crate) rings: bool,
    /// Whether the host does not turn to requests.
    pub(crate) turns_away: bool,
    /// A function that fails, and the status that it answers.
    pub(crate) odd: Option<(String, i32)>,
    /// Shared data, each with the version of its last write.
    pub(crate) shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    version: u32,
    /// Metrics by name: a metric's number is its place.
    pub(crate) metrics: Vec<(Vec<u8>, u64)>,
    /// How often each function was called.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) log: Vec<String>,
    random: u64,
}

/// The ABI's number of the map of a request's headers.
const REQUEST_HEADERS: u64 = 0;
/// The ABI's number of the map of its answer's headers.
const RESPONSE_HEADERS: u64 = 2;
/// The ABI's number of the map of the headers that a call brought.
const CALL_HEADERS: u64 = 6;

impl State {
    pub(crate) fn new(configuration: &str) -> Self {
        let properties = [
            ("plugin_root_id", &b"tollgate"[..]),
            ("plugin_vm_id", b"tollgate"),
            // By which the filter knows Envoy.
            (
                "xds\0node\0user_agent_build_version\0version\0major_number",
                &[1, 0, 0, 0, 0, 0, 0, 0],
            ),
        ];
        Self {
            now: START,
            configuration: configuration.into(),
            properties: properties.map(|(path, value)| (path.into(), value.into())).into(),
            maps: BTreeMap::new(),
            context: 0,
            streams: BTreeSet::new(),
            ended: BTreeMap::new(),
            answered: Fields::new(),
            out: Vec::new(),
            made: 0,
            answer: Vec::new(),
            rings: false,
            turns_away: false,
            odd: None,
            shared: BTreeMap::new(),
            version: 0,
            metrics: Vec::new(),
            calls: BTreeMap::new(),
            log: Vec::new(),
            random: 1,
        }
    }

    /// Makes these the headers of the request that comes next; how many they are.
    pub(crate) fn begin_request(&mut self, headers: &[(&str, &str)]) -> i32 {
        self.maps.clear();
        self.set_map(REQUEST_HEADERS, headers)
    }

    /// Gives the request an answer; how many headers it has.
    pub(crate) fn begin_response(&mut self) -> i32 {
        let headers = [
            (":status", "200"),
            ("content-type", "application/json"),
            ("content-length", "2"),
            ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ("server", "envoy"),
            ("x-envoy-upstream-service-time", "1"),
        ];
        self.set_map(RESPONSE_HEADERS, &headers)
    }

    /// Sends a call out; its number. The first is 0, as with some hosts.
    pub(crate) fn send(&mut self) -> u32 {
        self.made += 1;
        self.out.push((self.made - 1, self.context));
        self.made - 1
    }

    /// Gives a call an answer; how many headers it has.
    pub(crate) fn begin_answer(&mut self, status: &str, body: &str) -> i32 {
        self.answer = body.into();
        self.set_map(CALL_HEADERS, &[(":status", status), ("content-type", "application/json")])
    }

    fn set_map(&mut self, map: u64, headers: &[(&str, &str)]) -> i32 {
        let fields = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        self.maps.insert(map, fields.collect());
        i32::try_from(headers.len()).expect("few headers")
    }

    /// A number that looks random and is the same in every run: SplitMix64.
    pub(crate) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.random;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The number of a metric.
    pub(crate) fn define(&mut self, name: Vec<u8>) -> u32 {
        let place = self.metrics.iter().position(|(known, _)| *known == name);
        let place = place.unwrap_or_else(|| {
            self.metrics.push((name, 0));
            self.metrics.len() - 1
        });
        u32::try_from(place).expect("few metrics")
    }

    /// Stores a value as Envoy does: a key that exists takes its own version alone, or none.
    pub(crate) fn store(&mut self, key: Vec<u8>, value: Vec<u8>, version: u64) -> bool {
        let found = self.shared.get(&key).map(|(_, version)| u64::from(*version));
        let is_right = version == 0 || found.is_none_or(|found| found == version);
        if is_right {
            self.version += 1;
            self.shared.insert(key, (value, self.version));
        }
        is_right
    }
}
