//! Proxies with one configuration, a service that counts for them, and traffic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::harness::engines::{Redis, Service};
use super::harness::places;
use super::harness::{Connection, Envoy, Filter, Listener, Request, Site, Upstream};

/// How many proxies there are.
pub(crate) const PROXIES: usize = 3;

/// Which service counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Limitador,
    LimitadorRedis,
    Ratelimit,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Limitador, Self::LimitadorRedis, Self::Ratelimit];

    const fn engine(self) -> &'static str {
        match self {
            Self::Limitador => "limitador",
            Self::LimitadorRedis => "limitador-redis",
            Self::Ratelimit => "ratelimit",
        }
    }

    /// What the configuration calls it.
    const fn service(self) -> &'static str {
        match self {
            Self::Limitador | Self::LimitadorRedis => "limitador",
            Self::Ratelimit => "ratelimit",
        }
    }

    /// One limit in its own form.
    fn limit(self, (name, requests, seconds): (&str, u64, u64)) -> String {
        let (condition, variable) = match self {
            Self::Limitador => {
                (format!("descriptors[0].limit == '{name}'"), "descriptors[0].subject")
            }
            Self::LimitadorRedis => (format!("limit == \\\"{name}\\\""), "subject"),
            // Each call brings its own.
            Self::Ratelimit => return String::new(),
        };
        format!(
            "- {{ namespace: tollgate, name: {name}, max_value: {requests}, seconds: {seconds}, \
             conditions: [\"{condition}\"], variables: [\"{variable}\"] }}\n"
        )
    }
}

/// Three proxies and what they share.
pub(crate) struct Fleet {
    pub(crate) proxies: Vec<Option<Envoy>>,
    pub(crate) service: Service,
    pub(crate) redis: Option<Redis>,
    sites: Vec<Site>,
    ports: Vec<u16>,
    _upstream: Upstream,
}

impl Fleet {
    /// Starts all of it: callers `c0`, `c1` … with keys of their names, all by the policy `standard`, whose
    /// limits these are (each a name, requests, and seconds); `remote` is what `limits.remote` says besides.
    pub(crate) fn start(
        name: &str,
        kind: Kind,
        of: (&Value, &[(&str, u64, u64)]),
        remote: &Value,
        callers: usize,
    ) -> Self {
        Self::start_with(&places::rate_limit_services(), name, kind, of, remote, callers)
    }

    /// The same with another build of the services.
    pub(crate) fn start_with(
        program: &Path,
        name: &str,
        kind: Kind,
        (policy, limits): (&Value, &[(&str, u64, u64)]),
        remote: &Value,
        callers: usize,
    ) -> Self {
        let name = format!("fleet-{name}-{}", kind.engine());
        let folder: PathBuf = places::scratch(&name);
        let redis = (kind != Kind::Limitador).then(|| Redis::start(&places::redis(), &folder));
        let limits: String = match kind {
            Kind::Ratelimit => "domain: tollgate\n".to_owned(),
            _ => limits.iter().map(|limit| kind.limit(*limit)).collect(),
        };
        let service = Service::start(program, &folder, kind.engine(), &limits, redis.as_ref());
        let configuration = configuration(kind, policy, remote, callers);
        let upstream = Upstream::start();
        let mut fleet = Self {
            proxies: Vec::new(),
            service,
            redis,
            sites: Vec::new(),
            ports: Vec::new(),
            _upstream: upstream,
        };
        for number in 0..PROXIES {
            let mut listener = Listener::new(&Filter::new(&configuration)).answering_itself();
            if policy["limit_by"] == "address" {
                listener = listener.behind(1);
            }
            let site = Site::new(&format!("{name}-{number}"), 1)
                .wasm_log("info")
                .http2_cluster("limits", fleet.service.port())
                .listener(&listener);
            fleet.ports.push(listener.port);
            fleet.sites.push(site);
        }
        fleet.proxies = std::thread::scope(|scope| {
            let starting = fleet.sites.iter().map(|site| scope.spawn(|| Envoy::start(site)));
            let starting: Vec<_> = starting.collect();
            starting.into_iter().map(|one| Some(one.join().expect("an Envoy"))).collect()
        });
        fleet
    }

    /// Kills a proxy and starts it again.
    pub(crate) fn restart(&mut self, number: usize) {
        self.proxies[number] = None;
        self.proxies[number] = Some(Envoy::start(&self.sites[number]));
    }

    pub(crate) fn proxy(&self, number: usize) -> &Envoy {
        self.proxies[number].as_ref().expect("it runs")
    }

    /// A counter of the filter, of all proxies.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        (0..PROXIES).map(|number| self.proxy(number).counter(name)).sum()
    }

    /// Sends one request of a caller to a proxy: its status and code.
    pub(crate) fn send(&self, proxy: usize, caller: usize) -> (u16, String) {
        let mut connection = Connection::open(self.ports[proxy]);
        connection.fetch(&request(caller)).verdict()
    }

    /// Sends one after another by turns, until one does not pass at any proxy or so many have; how many
    /// passed.
    pub(crate) fn drain(&self, caller: usize, most: u64) -> u64 {
        let mut passed = 0;
        let mut refused_in_a_row = 0;
        for number in (0..PROXIES).cycle() {
            if passed == most || refused_in_a_row == PROXIES {
                break;
            }
            match self.send(number, caller) {
                (200, _) => (passed, refused_in_a_row) = (passed + 1, 0),
                (429, _) => refused_in_a_row += 1,
                other => panic!("{other:?}"),
            }
        }
        passed
    }

    /// Sends for so long: clients of each proxy as `shares` says, callers as `choose` says for each number
    /// between 0 and 1.
    pub(crate) fn load(
        &self,
        time: Duration,
        shares: [usize; PROXIES],
        choose: impl Fn(f64) -> usize + Send + Sync + 'static,
    ) -> Tally {
        let (stop, choose) = (Arc::new(AtomicBool::new(false)), Arc::new(choose));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let from = seconds();
        let mut clients: Vec<JoinHandle<()>> = Vec::new();
        for (proxy, share) in shares.into_iter().enumerate() {
            for client in 0..share {
                let port = self.ports[proxy];
                let (stop, choose, tally) =
                    (Arc::clone(&stop), Arc::clone(&choose), Arc::clone(&tally));
                clients.push(std::thread::spawn(move || {
                    let mut random = Random(0x9E37_79B9 + (proxy * 1000 + client) as u64);
                    let mut connection = Connection::open(port);
                    let mut own = Tally::default();
                    while !stop.load(Ordering::Relaxed) {
                        let caller = choose(random.next());
                        let sent = milliseconds();
                        let answer = connection.fetch(&request(caller));
                        own.add(caller, answer.status(), || answer.code());
                        if answer.status() == 200 {
                            own.when.push((sent, milliseconds()));
                        }
                    }
                    tally.lock().unwrap().merge(own);
                }));
            }
        }
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("a client");
        }
        let mut tally = std::mem::take(&mut *tally.lock().unwrap());
        tally.windows = seconds() - from + 1;
        tally
    }

    /// Sends so many requests from each proxy's clients, each from an address of its own.
    pub(crate) fn visit(&self, each: u32) -> Tally {
        let tally = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for (number, port) in (0..).zip(self.ports.iter().flat_map(|port| [*port; 2])) {
                let tally = &tally;
                scope.spawn(move || {
                    let mut connection = Connection::open(port);
                    let mut own = Tally::default();
                    for visitor in 0..each {
                        let address =
                            std::net::Ipv4Addr::from(0x0B00_0000 + number * each + visitor);
                        let request = request(0).header("x-forwarded-for", address.to_string());
                        let answer = connection.fetch(&request);
                        own.add(0, answer.status(), || answer.code());
                    }
                    tally.lock().unwrap().merge(own);
                });
            }
        });
        tally.into_inner().unwrap()
    }

    /// No proxy trapped, and none said a key.
    pub(crate) fn assert_clean(&self) {
        for proxy in self.proxies.iter().flatten() {
            proxy.assert_no_trap();
            proxy.assert_no_secret(&[key(0), key(1)]);
        }
    }
}

/// What became of requests.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// By caller.
    pub(crate) passed: BTreeMap<usize, u64>,
    /// By status and code: those that did not pass.
    pub(crate) refused: BTreeMap<(u16, String), u64>,
    /// How many whole seconds the run touched.
    pub(crate) windows: u64,
    /// When each that passed under load was sent and answered, in milliseconds since 1970.
    pub(crate) when: Vec<(u64, u64)>,
}

impl Tally {
    fn add(&mut self, caller: usize, status: u16, code: impl FnOnce() -> String) {
        self.requests += 1;
        match status {
            200 => *self.passed.entry(caller).or_default() += 1,
            _ => *self.refused.entry((status, code())).or_default() += 1,
        }
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.when.extend(other.when);
        for (caller, passed) in other.passed {
            *self.passed.entry(caller).or_default() += passed;
        }
        for (verdict, refused) in other.refused {
            *self.refused.entry(verdict).or_default() += refused;
        }
    }

    /// All that were refused had this verdict.
    pub(crate) fn assert_only(&self, status: u16, code: &str) {
        let others: Vec<_> =
            self.refused.keys().filter(|one| **one != (status, code.to_owned())).collect();
        assert!(others.is_empty(), "{:?}", self.refused);
    }
}

fn configuration(kind: Kind, policy: &Value, remote: &Value, callers: usize) -> Value {
    let keys: Vec<_> = (0..callers)
        .map(|caller| {
            let digest = Sha256::digest(key(caller));
            let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "name": format!("c{caller}"), "identity": format!("c{caller}"), "sha256": hash })
        })
        .collect();
    let mut shared = json!({ "service": kind.service(), "cluster": "limits", "replicas": PROXIES });
    for (name, value) in remote.as_object().into_iter().flatten() {
        shared[name] = value.clone();
    }
    json!({
        "providers": { "keys": { "kind": "api_key", "from": [{ "header": "x-api-key" }], "keys": keys } },
        "policies": { "standard": policy },
        "apis": [{ "name": "all", "match": { "paths": ["/**"] }, "auth": ["keys"],
                   "policies": { "default": ["standard"] } }],
        "limits": { "remote": shared },
        "log": { "per_second": 10 },
    })
}

fn request(caller: usize) -> Request {
    Request::get("/").header("x-api-key", key(caller))
}

fn key(caller: usize) -> String {
    format!("a-key-for-the-tests-of-fleets-{caller}")
}

/// Whole seconds since 1970.
fn seconds() -> u64 {
    milliseconds() / 1000
}

/// Milliseconds since 1970.
fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a clock before the end of time")
}

/// xorshift64*: numbers between 0 and 1, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

/// Which of so many callers: the first most often, by Zipf's law with this exponent.
pub(crate) fn zipf(callers: usize, exponent: f64) -> impl Fn(f64) -> usize + Send + Sync + 'static {
    let weights = (1..=callers).map(|rank| (rank as f64).powf(-exponent));
    let mut sums: Vec<f64> = weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let all = sums.last().copied().unwrap_or(1.0);
    sums.iter_mut().for_each(|sum| *sum /= all);
    move |at| sums.partition_point(|sum| *sum < at).min(callers - 1)
}
