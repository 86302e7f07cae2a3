//! The fuzz targets: what is done with any bytes, and what must hold whatever they are.
//!
//! `fuzz/` feeds them what libFuzzer makes up; `tests/fuzz_corpus.rs` replays what was worth
//! keeping, on the stable toolchain.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::BigUint;
use serde_json::Value;
use tollgate::claims::{ClaimRef, Claims, Requirements};
use tollgate::config::{Config, Problem};
use tollgate::engine::Engine;
use tollgate::event::{CallResponse, Event, Section, Settlement};
use tollgate::http::{self, Address, Fields, RequestHead};
use tollgate::ids::StreamId;
use tollgate::introspection::answer;
use tollgate::jose::alg::Alg;
use tollgate::jose::jwk::{
    KeySet, MAX_CANDIDATES, MAX_KEYS, Origin, PublicKey, Selection, SetError,
};
use tollgate::jose::jws::Jws;
use tollgate::jose::rsa::{RsaHash, RsaKey, RsaPadding};
use tollgate::jose::verify::{InWasm, Verifier};
use tollgate::login::attempt::Attempt;
use tollgate::login::browser::Browser;
use tollgate::login::logout_token::LogoutToken;
use tollgate::login::return_path::return_path;
use tollgate::login::session::{Session, SessionId};
use tollgate::login::{self, part};
use tollgate::mcp::{self, Call, Called, Calls, Pattern};
use tollgate::ratelimit_service::{self, Reply};
use tollgate::revoked::{self, Facts, Key, Revocations, Revoked, Subject};
use tollgate::seal::{Purpose, SealKeys};
use tollgate::time::UnixMillis;
use tollgate::trace::Trace;
use tollgate::verdict::{Deny, Refusal};
use zeroize::Zeroizing;

use crate::support::structs;
use crate::support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use crate::support::world::{Worker, World};

/// Longest text about what a stranger wrote, in bytes.
const LONGEST_TEXT: usize = 2000;

/// What is said of a stranger's bytes is one short line.
fn is_short_line(text: &str) {
    assert!(!text.is_empty() && text.len() <= LONGEST_TEXT, "{} bytes: {text}", text.len());
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn reason(refusal: &Refusal) {
    is_short_line(&refusal.reason);
}

/// A token that is taken has one spelling: its parts, encoded again, are the token. What is said of
/// one that is refused is a short line.
pub fn compact_jws(token: &[u8]) {
    match Jws::parse(token) {
        Ok(jws) => {
            let signed = std::str::from_utf8(jws.signed()).unwrap();
            let (header, payload) = signed.split_once('.').unwrap();
            assert_eq!(payload, jws.payload_base64());
            assert_eq!(payload, URL_SAFE_NO_PAD.encode(jws.payload()));
            let signature = URL_SAFE_NO_PAD.encode(jws.signature());
            assert_eq!(token, format!("{header}.{payload}.{signature}").as_bytes());
            let decoded = URL_SAFE_NO_PAD.decode(header).unwrap();
            assert_eq!(header, URL_SAFE_NO_PAD.encode(&decoded));
            let object: Value = serde_json::from_slice(&decoded).unwrap();
            assert_eq!(object["alg"], jws.header().alg.as_str());
            assert!(object.get("crit").is_none() && object.get("b64").is_none());
        }
        Err(refusal) => reason(&refusal),
    }
}

/// A set that is taken has keys, each of them for some algorithm; no secret unless it was written
/// into the configuration; the same version however often it is read; and no key of it takes a
/// signature that nobody made.
pub fn jwk_set(text: &[u8]) {
    let fetched = jwk_set_from(text, Origin::Fetched);
    let inline = jwk_set_from(text, Origin::Inline);
    if let Some(fetched) = fetched {
        let inline = inline.expect("what may be fetched may be written down");
        assert!(inline.len() >= fetched.len());
        assert!(
            !fetched
                .iter()
                .any(|key| Alg::ALL.iter().any(|alg| { alg.is_symmetric() && key.fits(*alg) }))
        );
    }
}

fn jwk_set_from(text: &[u8], origin: Origin) -> Option<KeySet> {
    let parsed = match KeySet::parse(text, origin) {
        Ok(parsed) => parsed,
        Err(error) => {
            is_short_line(&error.to_string());
            if let SetError::NoneUsable(skipped) = error {
                assert!(skipped.len() <= MAX_KEYS);
            }
            return None;
        }
    };
    let set = &parsed.set;
    assert!((1..=MAX_KEYS).contains(&set.len()));
    assert_eq!(KeySet::parse(text, origin).unwrap().set.version(), set.version());
    parsed.skipped.iter().for_each(|skipped| is_short_line(&skipped.to_string()));
    parsed.private.iter().for_each(|entry| is_short_line(&entry.to_string()));
    for (nth, key) in set.iter().enumerate() {
        let fitting: Vec<_> = Alg::ALL.into_iter().filter(|alg| key.fits(*alg)).collect();
        assert!(!fitting.is_empty());
        for alg in fitting {
            selects(set, key, alg);
            // A signature costs much, so that only the first keys are shown one.
            if nth < 2 {
                refuses_what_nobody_signed(key, alg);
            }
        }
    }
    Some(parsed.set)
}

fn selects(set: &KeySet, key: &PublicKey, alg: Alg) {
    match set.select(key.kid(), alg) {
        Selection::Candidates(keys) => {
            assert!((1..=MAX_CANDIDATES).contains(&keys.len()));
            assert!(keys.iter().all(|candidate| candidate.fits(alg)));
        }
        Selection::Mismatch => panic!("{key:?} fits {alg}"),
        Selection::Unknown => assert!(key.kid().is_none() && set.len() > MAX_CANDIDATES),
    }
}

fn refuses_what_nobody_signed(key: &PublicKey, alg: Alg) {
    if let Some(spki) = key.spki_der() {
        assert_eq!(spki.first(), Some(&0x30));
    }
    for length in [0, 32, 48, 64, 96, 132, 256] {
        for byte in [0, 1, 0xff] {
            let signature = vec![byte; length];
            assert!(InWasm.verify(key, alg, b"a.b", &signature).is_err());
        }
    }
}

/// What the tests of claims ask.
fn requirements(skew: u64) -> Requirements {
    Requirements {
        issuers: Some(vec![ISSUER.into()]),
        audiences: Some(vec![AUDIENCE.into()]),
        clients: None,
        types: None,
        allow_id_tokens: false,
        allow_no_expiry: true,
        introspected: false,
        ignore_binding: false,
        clock_skew: Duration::from_secs(skew),
        max_lifetime: None,
        identity: vec![ClaimRef::Name("sub".into()), ClaimRef::Name("a.b".into())],
        client: vec![ClaimRef::Path(vec!["client_id".into()])],
        scopes: vec![ClaimRef::Name("scope".into())],
        policies: Vec::new(),
        rules: Vec::new(),
    }
}

/// Claims that pass are of the issuer and the audience asked for, name an identity, and pass at no
/// moment from their expiry on, nor with less skew at one at which they failed with more.
pub fn claims(payload: &[u8]) {
    let claims = match Claims::parse(payload) {
        Ok(claims) => claims,
        Err(refusal) => return reason(&refusal),
    };
    for now in [0, NOW, 4_000_000_000].map(UnixMillis::from_secs) {
        let judge = |skew, now| {
            claims.judge(Some("at+jwt"), &requirements(skew), now, &mut Trace::default())
        };
        let (strict, lenient) = (judge(0, now), judge(600, now));
        if strict.is_ok() {
            assert!(lenient.is_ok(), "{lenient:?}");
        }
        match lenient {
            Ok(judged) => {
                assert!(!judged.identity.is_empty());
                assert_eq!(judged.issuer.as_deref(), Some(ISSUER));
                if let Some(expires) = judged.expires {
                    let late = judge(0, expires).unwrap_err();
                    assert!(
                        [Deny::TokenExpired, Deny::TokenNotYetValid, Deny::TokenIssuedInFuture]
                            .contains(&late.deny),
                        "{late:?}"
                    );
                }
            }
            Err(refusal) => reason(&refusal),
        }
    }
    if let Err(refusal) = claims.scopes(&[ClaimRef::Name("scope".into())]) {
        reason(&refusal);
    }
}

/// The power is that of another library, whatever the modulus, the exponent and the base; and bytes
/// are a signature here exactly where they are one there.
pub fn rsa_kernel(bytes: &[u8]) {
    let Some((choice, numbers)) = bytes.split_first() else { return };
    let exponent = [3, 5, 17, 257, 65_537, 65_539, 0x8000_0001, u32::MAX][usize::from(choice & 7)];
    // The first half is the modulus, made odd and as long as it is; the second the signature.
    let (modulus, signature) = numbers.split_at(numbers.len() / 2);
    if modulus.len() > 512 {
        return;
    }
    let mut modulus = modulus.to_vec();
    let Some(first) = modulus.first_mut() else { return };
    *first |= 0x80 >> (choice >> 5);
    *first &= 0xff >> (choice >> 5);
    *modulus.last_mut().unwrap() |= 1;
    let n = BigUint::from_bytes_be(&modulus);
    let Ok(key) = RsaKey::new(&modulus, &u32::to_be_bytes(exponent)) else {
        assert!(n.bits() < 2048);
        return;
    };
    assert_eq!(key.bits(), n.bits());
    let base = BigUint::from_bytes_be(signature);
    let expected = (signature.len() == modulus.len() && base < n).then(|| {
        let power = base.modpow(&BigUint::from(exponent), &n).to_bytes_be();
        [vec![0; modulus.len() - power.len()], power].concat()
    });
    assert_eq!(key.raise(signature), expected);
    for padding in [RsaPadding::Pkcs1, RsaPadding::Pss] {
        for hash in [RsaHash::Sha256, RsaHash::Sha384, RsaHash::Sha512] {
            // Nobody has the private key of a modulus that was made up, but for small bases with
            // small powers, which hold no hash.
            assert!(!key.verify(padding, hash, b"text", signature));
        }
    }
}

/// A cookie that is cut out leaves every other pair as it was and in its place; the name is left for no
/// reader, whatever that takes off it; and what is read is what such a reader reads.
pub fn cookies(bytes: &[u8]) {
    const NAMES: [&str; 2] = ["s", "session"];
    let headers: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let pairs = |headers: &[&[u8]]| -> Vec<Vec<u8>> {
        let all = headers.iter().flat_map(|header| header.split(|byte| *byte == b';'));
        all.map(|pair| pair.trim_ascii().to_vec()).filter(|pair| !pair.is_empty()).collect()
    };
    // As text in Latin-1, without what is no visible character at an end.
    let lenient = |pair: &[u8]| -> Option<String> {
        let text: String = pair.iter().copied().map(char::from).collect();
        let (name, _) = text.split_once('=')?;
        let blank =
            |c: char| c.is_whitespace() || c.is_control() && !('\u{86}'..='\u{9f}').contains(&c);
        Some(name.trim_matches(|c| blank(c) && !('\u{80}'..='\u{84}').contains(&c)).to_owned())
    };
    let is_cut = |pair: &Vec<u8>| lenient(pair).is_some_and(|name| NAMES.contains(&&*name));
    let kept: Vec<_> = pairs(&headers).into_iter().filter(|pair| !is_cut(pair)).collect();
    for name in NAMES {
        let named = |pair: &&Vec<u8>| lenient(pair).as_deref() == Some(name);
        let expected = pairs(&headers).iter().filter(named).count();
        assert_eq!(http::cookies(headers.iter().copied(), name).count(), expected, "{name}");
    }
    match http::without_cookies(headers.iter().copied(), &NAMES) {
        None => assert_eq!(pairs(&headers), kept),
        Some(left) => {
            assert_ne!(pairs(&headers), kept);
            assert_eq!(pairs(&[&left]), kept);
            for name in NAMES {
                assert_eq!(http::cookies([left.as_slice()], name).count(), 0, "{name} is left");
            }
            assert_eq!(http::without_cookies([left.as_slice()], &NAMES), None);
        }
    }
}

/// A parameter that is cut out leaves every other byte of the target as it was; its name is left for no
/// reader that decodes names once, and cutting is done exactly where something is read. A value that may
/// be compared is the only one.
pub fn query(target: &[u8]) {
    const NAMES: [&str; 2] = ["t", "access_token"];
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    };
    let pieces: Vec<&[u8]> =
        query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&')).collect();
    let decoded = |piece: &[u8]| -> Vec<u8> {
        let name = piece.split(|byte| *byte == b'=').next().unwrap();
        let (mut out, mut at) = (Vec::new(), 0);
        while at < name.len() {
            let digits = name.get(at + 1..at + 3).filter(|_| name[at] == b'%');
            let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            match digits.map(|digits| std::str::from_utf8(digits).unwrap()) {
                Some(digits) => {
                    out.push(u8::from_str_radix(digits, 16).unwrap());
                    at += 3;
                }
                None => {
                    out.push(name[at]);
                    at += 1;
                }
            }
        }
        out
    };
    let is_cut = |piece: &&[u8]| NAMES.iter().any(|name| decoded(piece) == name.as_bytes());
    let kept: Vec<_> = pieces.iter().copied().filter(|piece| !is_cut(piece)).collect();
    for name in NAMES {
        let named = |piece: &&&[u8]| decoded(piece) == name.as_bytes();
        assert_eq!(http::parameters(target, name).count(), pieces.iter().filter(named).count());
        // What is compared is the only value that is read, and no escape is left in it.
        if let Ok(single) = http::single_parameter(target, name) {
            let all: Vec<_> = http::parameters(target, name).collect();
            assert_eq!(all, std::slice::from_ref(&single), "{name}");
            assert!(!single.is_empty() && !query.unwrap().contains(&b';'), "{name}");
            assert_eq!(http::decoded_once(&single), Ok(()), "{name}");
        }
    }
    match http::without_parameters(target, &NAMES) {
        None => assert_eq!(kept.len(), pieces.len()),
        Some(left) => {
            assert!(kept.len() < pieces.len());
            let mark: &[u8] = if kept.is_empty() { b"" } else { b"?" };
            assert_eq!(left, [path, mark, &kept.join(&b'&')].concat());
            for name in NAMES {
                assert_eq!(http::parameters(&left, name).count(), 0, "{name} is left");
            }
            assert_eq!(http::without_parameters(&left, &NAMES), None);
        }
    }
}

/// A document is taken whole or not at all: what is taken is a list of no more entries than were
/// written, the same however often it is read, refuses every subject that it names and does not let
/// go, and nobody whom it does not name; what is said of one that is refused is one short line.
pub fn revocations(text: &[u8]) {
    // 2001-09-09.
    let now = UnixMillis::from_secs(1_000_000_000);
    let list = match revoked::parse(text, now) {
        Ok(list) => list,
        Err(error) => return is_short_line(&error.to_string()),
    };
    assert!(list.len() <= revoked::MAX_ENTRIES);
    assert_eq!(revoked::parse(text, now).as_ref(), Ok(&list), "read twice");
    // A reader of its own: what is taken is JSON with these members.
    let Ok(document) = serde_json::from_slice::<Value>(text) else {
        // What is ignored may be more than that reader bears: numbers, depth.
        return;
    };
    let entries = document["entries"].as_array().expect("a list of entries");
    assert!(list.len() <= entries.len());
    let lists = Revocations::new(list, None);
    let facts =
        |provider: &str, identity: &str, jti: Option<&str>, token: Option<&[u8; 32]>| Facts {
            identity: Key::new(provider, Subject::Identity(identity)),
            jti: jti.map(|jti| Key::new(provider, Subject::Jti(jti))),
            token: token.map(|token| Key::new(provider, Subject::Token(token))),
            session: None,
            // Issued before whatever moment an entry names.
            issued: None,
        };
    let other = "nobody that any document names \u{10ffff}";
    for entry in entries.iter().take(64) {
        let text = |name: &str| entry[name].as_str();
        let provider = text("provider").expect("a provider");
        let subject = match (text("identity"), text("jti"), text("token_sha256"), text("session")) {
            (Some(identity), None, None, None) => facts(provider, identity, None, None),
            (None, Some(jti), None, None) => facts(provider, other, Some(jti), None),
            (None, None, None, Some(sid)) => {
                let session = Some(Key::new(provider, Subject::Session(sid)));
                Facts { session, ..facts(provider, other, None, None) }
            }
            (None, None, Some(hex), None) => {
                let mut digest = [0; 32];
                for (place, byte) in digest.iter_mut().enumerate() {
                    let digits = hex.get(2 * place..2 * place + 2).expect("two digits a byte");
                    *byte = u8::from_str_radix(digits, 16).expect("hex");
                }
                facts(provider, other, None, Some(&digest))
            }
            other => panic!("an entry of {other:?}"),
        };
        let until = text("until").map(|until| UnixMillis::from_rfc3339(until).expect("a moment"));
        if until.is_some_and(|until| until <= now) {
            continue;
        }
        let judged = lists.judge(&subject, now);
        assert!(matches!(judged, Err(Revoked::Listed(_))), "{entry} is on no list");
        let session = Some(Key::new(provider, Subject::Session(other)));
        let stranger = Facts { session, ..facts(provider, other, Some(other), Some(&[0xa5; 32])) };
        if !["identity", "jti", "session"].iter().any(|name| entry[name] == other) {
            let judged = lists.judge(&stranger, now);
            assert_eq!(judged, Ok(()), "whom nobody named is refused");
        }
    }
}

/// Every refusal names a place in the text, in one line; what is taken makes an engine.
pub fn configuration(text: &[u8]) {
    match Config::parse(text) {
        Ok(config) => {
            config.warnings.iter().for_each(problem);
            let world = World::default();
            Engine::new(config, "root").start(&world.env());
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.iter().for_each(problem);
        }
    }
}

/// A message never panics the reader; what is said of it has paths and no lines; and what is taken is
/// what its JSON form gives, down to the hash.
pub fn struct_reader(bytes: &[u8]) {
    if !bytes.contains(&0x12) {
        return configuration(bytes);
    }
    match Config::parse(bytes) {
        Ok(config) => {
            let json = structs::json(bytes).expect("what is taken says something");
            let same = Config::parse(json.as_bytes()).expect("its JSON form is taken, too");
            assert_eq!(facts(config), facts(same), "{json}");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                assert_eq!((problem.line, problem.column), (0, 0), "{problem}");
                told(problem);
            }
        }
    }
}

/// All of a configuration but the places of its warnings.
fn facts(mut config: Config) -> String {
    for warning in &mut config.warnings {
        told(warning);
        (warning.line, warning.column) = (0, 0);
    }
    config.warnings.sort();
    format!("{config:?}")
}

fn problem(problem: &Problem) {
    if problem.line > 0 {
        assert!(problem.column > 0, "{problem}");
    }
    told(problem);
}

fn told(problem: &Problem) {
    assert!(!problem.message.is_empty());
    assert!(!problem.message.starts_with("refused for a reason that got lost"), "{problem}");
    assert!(!problem.to_string().chars().any(char::is_control), "{problem:?}");
}

const CONFIG: &str = r#"{ "providers": { "idp": {
    "issuer": "https://id.example.com/", "audiences": ["api"],
    "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } } } }"#;

/// Whatever happens to two workers, in whatever order, and whoever else writes into their store:
/// each request is settled once, or leaves before; goes upstream only with a token that the
/// provider signed, unchanged; nothing waits for ever; and no line of the log holds a token.
pub fn engine_events(bytes: &[u8]) {
    let world = World::default();
    let mut scene = Scene {
        workers: [(); 2].map(|()| Worker::new(&world, CONFIG)),
        world: &world,
        arrived: [BTreeMap::new(), BTreeMap::new()],
        gone: [BTreeSet::new(), BTreeSet::new()],
        minted: BTreeSet::new(),
    };
    let mut bytes = Bytes(bytes);
    while let Some(step) = bytes.byte() {
        scene.step(step, &mut bytes);
        scene.check();
    }
    scene.end();
}

/// Bytes, taken from the front.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> usize {
        let high = self.byte().unwrap_or_default();
        usize::from(high) * 256 + usize::from(self.byte().unwrap_or_default())
    }

    /// As many as the next byte says, or all that is left.
    fn text(&mut self) -> &'b [u8] {
        let length = usize::from(self.byte().unwrap_or_default()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        text
    }
}

struct Scene<'w> {
    world: &'w World,
    workers: [Worker<'w>; 2],
    /// The value of `authorization` of each request that was not yet seen settled.
    arrived: [BTreeMap<StreamId, Vec<u8>>; 2],
    gone: [BTreeSet<StreamId>; 2],
    /// The tokens that the provider signed.
    minted: BTreeSet<String>,
}

impl Scene<'_> {
    fn step(&mut self, step: u8, bytes: &mut Bytes<'_>) {
        let at = usize::from(step >> 7);
        match step & 15 {
            0..=2 => {
                let number = bytes.byte().unwrap_or_default();
                let identity = format!("user-{}", number >> 4);
                let token = signer(number).sign(&Token::for_identity(&identity));
                self.minted.insert(token.clone());
                self.arrive(at, b"/orders/7", &[b"Bearer ", token.as_bytes()].concat());
            }
            3 => {
                let token =
                    signer(bytes.byte().unwrap_or_default()).sign(&Token::for_identity("x"));
                self.minted.insert(token.clone());
                let mut value = format!("Bearer {token}").into_bytes();
                let place = bytes.number() % value.len();
                value[place] ^= bytes.byte().unwrap_or_default();
                self.arrive(at, b"/", &value);
            }
            4 => {
                let (path, value) = (bytes.text(), bytes.text());
                self.arrive(at, path, value);
            }
            5 => {
                let waiting = self.arrived[at].keys().nth(bytes.number() % 8).copied();
                if let Some(stream) = waiting {
                    self.arrived[at].remove(&stream);
                    self.gone[at].insert(stream);
                    self.workers[at].handle(Event::StreamGone { stream });
                }
            }
            6..=8 => self.workers[at].tick(),
            9..=11 => self.answer(at, bytes),
            12 => self.world.store.losses.set(u32::from(bytes.byte().unwrap_or_default() & 7)),
            13 => {
                let keys = self.world.store.keys();
                if let Some(key) = keys.get(bytes.number() % keys.len().max(1)) {
                    self.world.store.force(key, bytes.text());
                }
            }
            14 => {
                let section = if step & 16 == 0 {
                    Section::RequestTrailers
                } else {
                    Section::ResponseHeaders
                };
                let fields = [(bytes.text(), ""), (bytes.text(), "")].into_iter().collect();
                self.workers[at].handle(Event::Fields { stream: StreamId(0), section, fields });
            }
            _ => {
                self.world.wait(Duration::from_millis(bytes.number() as u64));
                // The host ends every call within its time-out; a wait may be longer than that.
            }
        }
    }

    fn arrive(&mut self, at: usize, path: &[u8], authorization: &[u8]) {
        let headers: [(&[u8], &[u8]); 4] = [
            (b":method", b"GET"),
            (b":path", path),
            (b":authority", b"api.example.com"),
            (b"authorization", authorization),
        ];
        let head = RequestHead { headers: headers.into_iter().collect() };
        let stream = self.workers[at].request(head);
        self.arrived[at].insert(stream, authorization.to_vec());
    }

    fn answer(&mut self, at: usize, bytes: &mut Bytes<'_>) {
        let Some(call) = self.workers[at].calls.keys().next().copied() else { return };
        self.workers[at].calls.remove(&call);
        let how = bytes.byte().unwrap_or_default();
        let (status, body) = match how & 3 {
            0 | 1 => {
                let signers: Vec<_> = (0..how >> 4).map(signer).collect();
                (200, key_set(&signers.iter().collect::<Vec<_>>()).into_bytes())
            }
            2 => (200, bytes.text().to_vec()),
            _ => (bytes.number() as u16, Vec::new()),
        };
        let headers = [("cache-control", bytes.text())].into_iter().collect();
        let response = CallResponse {
            status,
            headers,
            body_size: body.len(),
            body,
            trailers: Fields::default(),
        };
        let response = (how & 4 == 0).then_some(response);
        self.workers[at].handle(Event::CallDone { call, response });
    }

    fn check(&mut self) {
        for ((worker, arrived), gone) in
            self.workers.iter_mut().zip(&mut self.arrived).zip(&self.gone)
        {
            arrived.retain(|stream, authorization| {
                let Some(settlement) = worker.settled.get(stream) else { return true };
                if matches!(settlement, Settlement::Forward(_)) {
                    let text = std::str::from_utf8(authorization).unwrap();
                    let token = text.rsplit(' ').next().unwrap();
                    assert!(self.minted.contains(token), "forwarded with {text}");
                }
                false
            });
            assert!(gone.iter().all(|stream| !worker.settled.contains_key(stream)));
            assert!(arrived.len() <= 256, "{} wait", arrived.len());
            for line in worker.log.drain(..) {
                is_short_line(&line);
                let tokens = |token: &String| line.contains(token.rsplit('.').next().unwrap());
                assert!(!self.minted.iter().any(tokens), "{line}");
            }
        }
    }

    /// Time heals everything: whoever still waits is told something within ten seconds.
    fn end(mut self) {
        self.world.store.losses.set(0);
        self.world.wait(Duration::from_secs(11));
        for at in 0..2 {
            self.workers[at].calls.clear();
            self.workers[at].tick();
        }
        self.check();
        for arrived in &self.arrived {
            assert!(arrived.is_empty(), "{:?} wait for ever", arrived.keys());
        }
    }
}

fn signer(number: u8) -> Signer {
    Signer::new(&format!("key-{}", number & 15))
}

/// APIs that everybody may call, so that what passes shows which it belongs to.
const READERS: &str = r#"{ "apis": [
    { "name": "admin", "match": { "paths": ["/admin/**"] }, "auth": "none" },
    { "name": "host", "match": { "hosts": ["api.example.com", "*.a.b", "[::1]", "10.0.0.1"] }, "auth": "none" },
    { "name": "write", "match": { "paths": ["/x/**"], "methods": ["POST", "Purge"] }, "auth": "none" },
    { "name": "named", "match": { "paths": ["/p/{id}/y", "/p/*"] }, "auth": "none", "encoded_slash": "segment" },
    { "name": "slashes", "match": { "paths": ["/p/**", "/x/a%2Fb", "/q/*"] }, "auth": "none", "encoded_slash": "segment" },
    { "name": "x", "match": { "paths": ["/x/**"] }, "auth": "none" },
    { "name": "rest", "match": { "paths": ["/**"] }, "auth": "none" } ] }"#;

/// The API that lets a request through; `None` where it is refused.
fn belongs(method: &[u8], host: &[u8], path: &[u8]) -> Option<String> {
    thread_local! {
        static WORKER: std::cell::RefCell<Worker<'static>> = {
            let world: &'static World = Box::leak(Box::default());
            Worker::new(world, READERS).into()
        };
    }
    WORKER.with_borrow_mut(|worker| {
        let head = RequestHead {
            headers: [(":method", method), (":authority", host), (":path", path)]
                .into_iter()
                .collect(),
        };
        let stream = worker.request(head);
        let passed = worker.verdict(stream) == "forwarded";
        let api = worker.notes.get(&(stream, "tollgate.api")).cloned();
        (worker.log, worker.notes, worker.settled) = Default::default();
        api.filter(|_| passed)
    })
}

/// Percent-decoded, where there are two digits.
fn lenient(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let [byte, more @ ..] = rest {
        let digits = more.get(..2).filter(|_| *byte == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let decoded =
            digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        out.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { &more[2..] } else { more };
    }
    out
}

/// A path as a server might come to see it: cut at `ends`, segments cut at `;` where it has
/// parameters, empty ones left out, dots resolved; then written plainly.
fn plain_path(path: &[u8], ends: &[u8], parameters: bool) -> Vec<u8> {
    let path = path.split(|byte| ends.contains(byte)).next().unwrap_or_default();
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let cut = segment.split(|byte| *byte == b';' && parameters).next().unwrap_or_default();
        match cut {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let mut out = Vec::new();
    for segment in segments {
        out.push(b'/');
        for &byte in segment {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(byte)
                }
                byte => out.extend(format!("%{byte:02x}").bytes()),
            }
        }
    }
    if out.is_empty() { b"/".to_vec() } else { out }
}

/// A path that passes belongs to the API to which every plain spelling belongs that a server might
/// take it for: decoded before or after it is split, cut at `;`, `?` and `#`, with dots resolved and
/// slashes merged.
pub fn path(bytes: &[u8]) {
    let path = [b"/", bytes].concat();
    let Some(api) = belongs(b"GET", b"www.example.com", &path) else { return };
    let raw = path.split(|&byte| byte == b'?').next().unwrap_or_default();
    for parameters in [false, true] {
        let cut_first: Vec<_> = raw
            .split(|&byte| byte == b'/')
            .map(|segment| {
                segment.split(|byte| *byte == b';' && parameters).next().unwrap_or_default()
            })
            .collect();
        for decoded in [lenient(raw), lenient(&cut_first.join(&b'/'))] {
            for ends in [b"".as_slice(), b"?", b"#", b"?#\0"] {
                let plain = plain_path(&decoded, ends, parameters);
                // A plain spelling that does not pass leads nobody anywhere.
                if let Some(other) = belongs(b"GET", b"www.example.com", &plain) {
                    let (path, plain) = (path.escape_ascii(), plain.escape_ascii());
                    assert_eq!(api, other, "{path} may be read as {plain}");
                }
            }
        }
    }
}

/// A host and a method that pass belong to the API to which every plain spelling belongs that a
/// server might take them for: in other letters, without port, user information and final dots,
/// decoded, or the first or last of several. The method stands before the first line break.
pub fn host_method(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == b'\n');
    let (method, host) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    for path in [b"/x/1".as_slice(), b"/y", b"/admin"] {
        let Some(api) = belongs(method, host, path) else { continue };
        let lower = lenient(host).to_ascii_lowercase();
        let mut hosts = vec![lower.clone()];
        for separator in [b',', b'@', b' ', b'/', b'\0'] {
            hosts.extend(lower.split(|&byte| byte == separator).map(<[u8]>::to_vec));
        }
        let hosts = hosts.iter().map(|host| {
            let host = host.trim_ascii();
            let end = match host.first() {
                Some(b'[') => host.iter().position(|&byte| byte == b']').map(|end| end + 1),
                _ => host.iter().position(|&byte| byte == b':'),
            };
            let mut name = host.get(..end.unwrap_or(host.len())).unwrap_or_default();
            while let [rest @ .., b'.'] = name {
                name = rest;
            }
            name
        });
        let upper = method.to_ascii_uppercase();
        for host in hosts {
            for method in [method, &*upper, method.trim_ascii(), upper.trim_ascii()] {
                if let Some(other) = belongs(method, host, path) {
                    let (host, method) = (host.escape_ascii(), method.escape_ascii());
                    assert_eq!(api, other, "may be read as {method} at {host}");
                }
            }
        }
    }
}

/// What is read as an address is one, with a port or without: without the port it is the same, and so
/// is what is shown of an IPv4 address. Two of one caller have the same bytes, of two callers others.
pub fn address(bytes: &[u8]) {
    let Some(address) = Address::parse(bytes) else { return };
    let text = std::str::from_utf8(bytes).unwrap();
    let (host, is_six) = match text.strip_prefix('[') {
        Some(rest) => (rest.split_once(']').unwrap().0, true),
        None => (text.split(':').next().unwrap(), false),
    };
    let plain: IpAddr = host.parse().unwrap();
    let bare = if is_six { format!("[{host}]") } else { host.to_owned() };
    assert_eq!(Address::parse(bare.as_bytes()), Some(address), "the port tells callers apart");
    let shown = address.to_string();
    match plain.to_canonical() {
        IpAddr::V4(plain) => {
            assert_eq!(shown, plain.to_string());
            assert_eq!(Address::parse(shown.as_bytes()), Some(address));
        }
        IpAddr::V6(plain) => {
            // The first 64 bits, and nothing else.
            let network = Ipv6Addr::from(u128::from(plain) >> 64 << 64);
            assert_eq!(shown, format!("{network}/64"));
            assert_eq!(Address::parse(format!("[{network}]:1").as_bytes()), Some(address));
            let next = Ipv6Addr::from(u128::from(network) ^ 1 << 64);
            let next = Address::parse(format!("[{next}]").as_bytes());
            assert!(next.is_none_or(|next| next.bytes() != address.bytes()));
        }
    }
}

/// An answer about a token is one that another reader takes for the same: an object that says `active`
/// once, as a boolean. Whoever passes by it names nobody's refresh or ID token. A signed one is a JWT of the
/// one type.
pub fn introspection_answer(bytes: &[u8]) {
    if let Ok(members) = answer::members(bytes, true) {
        let text = std::str::from_utf8(bytes).unwrap().trim();
        assert_eq!(text.split('.').count(), 3);
        let header = URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let typ = header["typ"].as_str().unwrap().to_ascii_lowercase();
        assert!(typ.trim_start_matches("application/") == "token-introspection+jwt", "{typ}");
        assert!(Claims::parse(&members).is_ok(), "what it holds is an object");
    }
    let members = answer::members(bytes, false).expect("what is not signed is as it came");
    let Ok(claims) = Claims::parse(&members) else { return };
    let whole: Value = serde_json::from_slice(bytes).expect("JSON to others, too");
    assert_eq!(claims.flag("active"), whole.get("active").and_then(Value::as_bool));
    let asks = Requirements { issuers: None, introspected: true, ..requirements(60) };
    let now = UnixMillis::from_secs(NOW);
    let Ok(judged) = claims.judge(None, &asks, now, &mut Trace::default()) else { return };
    assert!(!judged.identity.is_empty());
    let text = |name: &str| whole.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("token_type").to_ascii_lowercase();
    assert!(matches!(&*kind, "" | "bearer" | "dpop"), "{kind}");
    assert!(!matches!(text("token_use"), "id" | "refresh" | "refresh_token"));
    assert!(!matches!(text("typ"), "Refresh" | "Offline" | "Logout" | "ID"));
}

/// An answer of a rate limit service that counts is one whole frame, in which a limit is named; cut off, or
/// with something behind it, it does not count.
pub fn rls_answer(bytes: &[u8]) {
    let (headers, trailers) = (Fields::default(), [("grpc-status", "0")].into_iter().collect());
    let read = |body: &[u8]| {
        let (headers, trailers, size) = (&headers, &trailers, body.len());
        ratelimit_service::read(Reply { status: 200, headers, trailers, size, body })
    };
    if read(bytes).is_err() {
        return;
    }
    assert!(bytes.len() > 5 && bytes.len() <= ratelimit_service::MAX_ANSWER);
    assert!(read(&bytes[..bytes.len() - 1]).is_err());
    assert!(read(&[bytes, &[0]].concat()).is_err());
    let silent = Reply { status: 200, headers: &headers, trailers: &headers, size: 0, body: bytes };
    assert!(ratelimit_service::read(silent).is_err(), "nobody says how the call went");
}

/// A name that is read has one reading: plain, or encoded in the one way that gives it. Its encoded form
/// is read as the same, and what is granted to `a/*` begins with `a/` for a server that decodes
/// once, turns backslashes, and resolves dots and double slashes, too.
pub fn mcp_name(bytes: &[u8]) {
    let Some(name) = mcp::read_name(bytes) else { return };
    assert!(!name.is_empty() && name.len() <= 1024 && !name.chars().any(char::is_control));
    let encoded = format!("=?base64?{}?=", STANDARD.encode(name.as_bytes()));
    assert_eq!(mcp::read_name(encoded.as_bytes()).as_deref(), Some(&*name));
    let is_plain = bytes == name.as_bytes();
    assert!(is_plain || bytes == encoded.as_bytes(), "a third form");
    assert!(!is_plain || !bytes.contains(&b','), "a list");
    let pattern = |text: &str| vec![Pattern::parse(text).unwrap()];
    let grants = Calls { names: pattern("a/*"), ..Calls::default() };
    let leaves_out = Calls { except: pattern("a/*"), ..Calls::default() };
    let call = Call { method: "resources/read", name: Called::Name(name.clone()) };
    if !grants.include(&call) && leaves_out.include(&call) || grants.include(&call) {
        // Nobody takes it for what the other would be.
        let is_inside = resolved(&name).starts_with("a/");
        assert_eq!(grants.include(&call), is_inside, "{name}");
    }
    assert!(!(grants.include(&call) && leaves_out.include(&call)), "{name}");
}

/// A name as the most willing of servers resolves it.
fn resolved(name: &str) -> String {
    let mut decoded = name.to_owned();
    for (escape, byte) in [("%2e", "."), ("%2f", "/"), ("%5c", "/")] {
        decoded = decoded.replace(escape, byte).replace(&escape.to_uppercase(), byte);
    }
    let mut kept: Vec<&str> = Vec::new();
    let decoded = decoded.replace('\\', "/");
    for segment in decoded.split('/') {
        match segment {
            "." | "" if !kept.is_empty() => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut path = kept.join("/");
    if decoded.ends_with('/') {
        path.push('/');
    }
    path
}

/// What browsers and providers send of a login is read without a panic; what is taken is written as it
/// came, a way back leads to this host, and nothing opens that was not sealed.
pub fn login(bytes: &[u8]) {
    const OWN: &str = "/.login/okta";
    const OF: SessionId = SessionId { id: [1; 16], generation: 1 };
    let (now, skew) = (UnixMillis::from_secs(NOW), Duration::from_secs(60));
    let path = return_path(bytes, OWN);
    assert!(path.starts_with('/') && !path.starts_with("//") && path.len() <= 1024, "{path}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{path}");
    assert_eq!(return_path(path.as_bytes(), OWN), path);
    if let Some(browser) = Browser::read(bytes) {
        assert_eq!(Browser::read(browser.write().as_bytes()), Some(browser));
    }
    if let Some(attempt) = Attempt::read(bytes) {
        assert_eq!(*attempt.write(), bytes);
    }
    if let Ok(session) = Session::read(bytes, now, skew) {
        assert!(session.begun <= now.after(skew));
        let again = Session::read(&session.write(), now, skew);
        assert!(again.is_ok_and(|again| again.id == session.id && again.issuer == session.issuer));
    }
    if let Some(token) = part::read_token(bytes, OF) {
        let again = part::read_token(&part::write_token(OF, token.reveal()), OF);
        assert_eq!(again, Some(token));
    }
    if let Ok(claims) = Claims::parse(bytes) {
        let judged = LogoutToken::judge(&claims, Some("JWT"), ["https://id"], "me", now, skew);
        if let Ok(token) = judged {
            assert!(token.session.is_some() || token.subject.is_some());
            assert!(token.issued <= now.after(skew) && token.until > now);
        }
    }
    if let Some(at) = part::read_last_use(bytes, OF, now, skew) {
        assert_eq!(*part::write_last_use(OF, at), bytes);
    }
    if let Ok(tokens) = login::answer::read(200, bytes.len(), bytes) {
        let span = Duration::from_secs(60)..=Duration::from_secs(86_400);
        assert!(span.contains(&tokens.expires_in) && !tokens.access.reveal().is_empty());
    }
    for name in ["code", "state", "error"] {
        if let Ok(Some(value)) = http::form_field(bytes, name) {
            let mut form = String::new();
            http::add_to_form(name, &value, &mut form);
            assert_eq!(http::form_field(form.as_bytes(), name), Ok(Some(value)));
        }
    }
    http::sets_one_of(bytes, &["__Host-tollgate-okta"]);
    let text = String::from_utf8_lossy(bytes);
    let keys = SealKeys::new(vec![Zeroizing::new(vec![1; 32])]).unwrap();
    for purpose in Purpose::ALL {
        assert!(keys.open(purpose, &[], &text).is_err());
    }
}
