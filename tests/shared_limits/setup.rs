//! What all of them have in common: a configuration, processes that have keys, and a service in the place
//! of the real one, whose messages are written and read here by hand.

use std::collections::BTreeMap;

use tollgate::event::{CallRequest, CallResponse};
use tollgate::http::Fields;
use tollgate::ids::{CallId, StreamId};

use super::support::token::{NOW, Signer, Token, key_set};
use super::support::world::{Worker, World};

/// A configuration whose policy says this, with a service that says that.
pub fn config(policy: &str, remote: &str) -> String {
    format!(
        r#"{{ "providers": {{ "idp": {{ "issuer": "https://id.example.com/", "audiences": ["api"],
              "jwks": {{ "url": "https://id.example.com/keys", "cluster": "idp" }} }} }},
           "apis": [
            {{ "name": "orders", "match": {{ "paths": ["/orders/**"] }}, "auth": ["idp"],
               "policies": {{ "default": ["standard"] }} }},
            {{ "name": "all", "match": {{ "paths": ["/all"] }}, "auth": "none",
               "rate": {{ "requests": 5, "per": "1m", "count": "exact" }} }} ],
           "policies": {{ "standard": {policy} }},
           "explain": {{ "key_sha256": ["{KEY}"] }},
           "limits": {{ "remote": {{ "service": "ratelimit", "cluster": "rls", "replicas": 3{remote} }} }} }}"#
    )
}

/// SHA-256 of `key`.
pub const KEY: &str = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";

/// A policy of a rate.
pub fn rate(requests: u32, per: &str) -> String {
    format!(r#"{{ "rate": {{ "requests": {requests}, "per": "{per}" }} }}"#)
}

/// The same, each request of which is a call.
pub fn exact(requests: u32, per: &str) -> String {
    format!(r#"{{ "rate": {{ "requests": {requests}, "per": "{per}", "count": "exact" }} }}"#)
}

/// A policy of a quota.
pub const QUOTA: &str = r#"{ "quota": { "requests": 1000, "per": "30d" } }"#;

/// Who signs all tokens.
pub fn signer() -> Signer {
    Signer::new("k1")
}

/// A token that is good for a day.
pub fn token(identity: &str) -> String {
    signer().sign(&Token::for_identity(identity).claim("exp", NOW + 86_400).claim("jti", identity))
}

/// A worker of a process that has keys.
pub fn worker<'w>(world: &'w World, config: &str) -> Worker<'w> {
    let mut worker = Worker::new(world, config);
    worker.tick();
    if let Some(call) = worker.calls.keys().next().copied() {
        worker.call_done(call, Some(answer(200, key_set(&[&signer()]).as_bytes(), &[])));
    }
    worker
}

pub fn answer(status: u16, body: &[u8], trailers: &[(&str, &str)]) -> CallResponse {
    CallResponse {
        status,
        headers: Fields::default(),
        body_size: body.len(),
        body: body.to_vec(),
        trailers: trailers.iter().copied().collect(),
    }
}

/// The fields of a message of Protocol Buffers: numbers, and bytes.
pub fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut number = 0;
        for place in 0.. {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        number
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        let content = if tag & 7 == 2 { bytes.split_at(value as usize) } else { (&[][..], bytes) };
        all.push((tag >> 3, value, content.0));
        bytes = content.1;
    }
    all
}

/// What was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    pub domain: String,
    pub limit: String,
    pub subject: String,
    pub hits: u32,
    /// The limit and its unit, where they are said.
    pub most: Option<(u64, u64)>,
}

pub fn asked(request: &CallRequest) -> Asked {
    assert_eq!((&*request.cluster, request.method), ("rls", "POST"));
    assert_eq!(&*request.path, "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    assert!(request.headers.contains(&("content-type", "application/grpc".into())));
    assert!(request.headers.contains(&("te", "trailers".into())) && request.trailers);
    let body = &request.body.0;
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
    assert_eq!((body[0], length as usize), (0, body.len() - 5));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let message = fields(&body[5..]);
    let field = |number| message.iter().find(|field| field.0 == number).unwrap();
    let descriptor = fields(field(2).2);
    let entries: BTreeMap<_, _> = descriptor
        .iter()
        .filter(|(number, ..)| *number == 1)
        .map(|(_, _, entry)| (text(fields(entry)[0].2), text(fields(entry)[1].2)))
        .collect();
    let most = descriptor.iter().find(|(number, ..)| *number == 2);
    Asked {
        domain: text(field(1).2),
        limit: entries["limit"].clone(),
        subject: entries["subject"].clone(),
        hits: u32::try_from(field(3).1).unwrap(),
        most: most.map(|(_, _, limit)| (fields(limit)[0].1, fields(limit)[1].1)),
    }
}

pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// An answer: whether it is over, the limit, what remains, and the seconds until the window ends.
pub fn says(is_over: bool, limit: u64, remaining: u64, reset: u64) -> CallResponse {
    let inner =
        |tag: u8, content: &[u8]| [&[tag][..], &varint(content.len() as u64), content].concat();
    let number = |tag: u8, number: u64| [&[tag][..], &varint(number)].concat();
    let status = [
        inner(0x12, &number(0x08, limit)),
        number(0x18, remaining),
        inner(0x22, &number(0x08, reset)),
    ];
    framed(&[number(0x08, 1 + u64::from(is_over)), inner(0x12, &status.concat())].concat())
}

pub fn framed(message: &[u8]) -> CallResponse {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    answer(200, &[&[0][..], &length, message].concat(), &[("grpc-status", "0")])
}

/// A service that counts as Envoy's does: a batch is counted, and then refused. Windows begin at whole
/// multiples of their length.
#[derive(Default)]
pub struct Service {
    pub counts: BTreeMap<(String, String, u64), u64>,
    pub calls: usize,
}

impl Service {
    pub fn judge(&mut self, request: &CallRequest, now: u64) -> CallResponse {
        self.calls += 1;
        let asked = asked(request);
        let (limit, unit) = asked.most.expect("this service is told");
        let per = [0, 1, 60, 3_600, 86_400, 2_592_000, 31_536_000, 604_800][unit as usize];
        let count = self.counts.entry((asked.limit, asked.subject, now / per)).or_default();
        *count += u64::from(asked.hits);
        says(*count > limit, limit, limit.saturating_sub(*count), per - now % per)
    }

    /// Answers every call of a worker that is for it, and those that come of that.
    pub fn serve(&mut self, worker: &mut Worker<'_>) {
        loop {
            worker.tick();
            let Some((call, request)) = next(worker) else { return };
            let answer = self.judge(&request, worker.world().now.get().secs());
            worker.call_done(call, Some(answer));
        }
    }

    /// How many it has counted of a limit, in all windows.
    pub fn counted(&self, limit: &str) -> u64 {
        self.counts.iter().filter(|((of, ..), _)| of == limit).map(|(_, count)| count).sum()
    }
}

/// The first call to the service that is out.
pub fn next(worker: &Worker<'_>) -> Option<(CallId, CallRequest)> {
    let calls = worker.calls.iter().find(|(_, request)| &*request.cluster == "rls");
    calls.map(|(call, request)| (*call, request.clone()))
}

/// So many requests, and how many of them went upstream; all are decided once the service has answered.
pub fn send(worker: &mut Worker<'_>, service: &mut Service, token: &str, count: usize) -> usize {
    let one = |_| {
        let stream = worker.get(token);
        service.serve(worker);
        let verdict = worker.verdict(stream);
        assert_ne!(verdict, "waiting");
        verdict == "forwarded"
    };
    (0..count).map(one).filter(|is_forwarded| *is_forwarded).count()
}

/// So many requests while nobody answers.
pub fn alone(worker: &mut Worker<'_>, token: &str, count: usize) -> Vec<String> {
    let streams: Vec<_> = (0..count).map(|_| worker.get(token)).collect();
    streams.iter().map(|stream| worker.verdict(*stream)).collect()
}

/// A request whose first call gets this answer.
pub fn answered(worker: &mut Worker<'_>, token: &str, answer: Option<CallResponse>) -> StreamId {
    let stream = worker.get(token);
    let (call, _) = next(worker).expect("a call is out");
    worker.call_done(call, answer);
    stream
}

/// Has the first call fail.
pub fn fail(worker: &mut Worker<'_>) {
    worker.tick();
    let (call, _) = next(worker).expect("a call is out");
    worker.call_done(call, None);
}

pub fn logged(worker: &Worker<'_>, event: &str) -> usize {
    let name = format!("\"event\":\"{event}\"");
    worker.log.iter().filter(|line| line.contains(&name)).count()
}
