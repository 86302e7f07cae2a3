//! Signatures by others and by forgers, checked by Envoy's library and by our own code.
//!
//! Tokens go through two filters in one Envoy, one for each verifier, as far as they come to a
//! check there. Those that do not are shown to the same library by another way into it: its Lua
//! filter calls what `verify_signature` calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate::claims::{Claims, Issuer};
use tollgate::config::Config;
use tollgate::jose::alg::Alg;
use tollgate::jose::host::{ByHost, HostCrypto};
use tollgate::jose::jwk::{KeySet, Origin, Selection};
use tollgate::jose::jws::Jws;
use tollgate::jose::verify::{InWasm, Verifier};
use tollgate::verdict::{Deny, Step};

use super::harness::{Connection, Envoy, Filter, Listener, Request, Site, Upstream};
use crate::pairs;
use crate::vectors::{Vector, files, folder, of_the_rfcs, read};

/// What Envoy's library checks: PKCS #1 v1.5 and the NIST curves.
const HOSTS: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"];

/// Tokens of our own keys: with each algorithm good ones, malleable ones, and those that only the
/// holder of a key can forge. Of ES384 and ES512 there are fewer bad ones than a worker takes in a
/// second (`verify_budget`).
fn of_our_own() -> Vec<Vector> {
    let mut rsa = pairs::rsa_jwk("r1");
    rsa.as_object_mut().unwrap().remove("alg");
    let ec = [pairs::p256_jwk("e1"), pairs::p384_jwk("e2"), pairs::p521_jwk("e3")];
    let keys = json!({ "keys": [rsa, ec[0], ec[1], ec[2]] });
    let mut all = Vec::new();
    for (alg, kid) in HOSTS.into_iter().zip(["r1", "r1", "r1", "e1", "e2", "e3"]) {
        let header = pairs::encoded(json!({ "alg": alg, "kid": kid }).to_string());
        let signed = format!("{header}.{}", pairs::encoded(r#"{"sub":"alice"}"#));
        for (nth, (signature, good)) in
            pairs::signatures(alg, signed.as_bytes()).into_iter().enumerate()
        {
            let token = format!("{signed}.{}", pairs::encoded(signature));
            let verdict = if good { "ok" } else { "bad_sig" };
            all.push(Vector::of(&format!("{alg}, number {nth}"), token, keys.clone(), verdict));
        }
    }
    all
}

/// The tokens that come to a signature check of an algorithm that Envoy's library has.
///
/// The others cannot be asked about through a filter. It refuses them before any verifier: another
/// form, a header that is wrong, an algorithm that is not the key's or not listed, no key; a payload
/// that is no JSON object, which most of Wycheproof's are, because it looks for the issuer first.
/// Or they are of algorithms that Envoy's library does not have, or no header can carry them.
fn comes_to_a_check(vector: &Vector) -> bool {
    let Ok(jws) = Jws::parse(vector.token.as_bytes()) else { return false };
    let name = jws.header().alg.as_str();
    let listed = vector.accepted.as_ref().is_none_or(|all| all.iter().any(|one| one == name));
    let Some(alg) = Alg::parse(name).filter(|_| listed && HOSTS.contains(&name)) else {
        return false;
    };
    let is_claims =
        Claims::parse(jws.payload()).is_ok_and(|claims| claims.issuer() != Issuer::WrongType);
    let keys = KeySet::parse(vector.keys.to_string().as_bytes(), Origin::Inline);
    let kid = jws.header().kid.as_ref();
    let has_key =
        keys.is_ok_and(|keys| matches!(keys.set.select(kid, alg), Selection::Candidates(_)));
    vector.header_safe && is_claims && has_key
}

/// The provider that takes such tokens whatever they claim, as far as it may.
fn provider(vector: &Vector) -> Value {
    let all = Alg::ALL.into_iter().map(Alg::name);
    let listed =
        |name: &&str| vector.accepted.as_ref().is_none_or(|all| all.iter().any(|one| one == name));
    json!({ "any_issuer": true, "any_audience": true, "allow_no_expiry": true,
            "allow_id_tokens": true, "jwks": { "inline": vector.keys },
            "algorithms": all.filter(listed).collect::<Vec<_>>() })
}

/// A configuration with an API and a provider for each of these.
fn configuration(providers: &[Value], crypto: &str) -> Value {
    let mut named = json!({});
    let mut apis = Vec::new();
    for (nth, provider) in providers.iter().enumerate() {
        let name = format!("set-{nth}");
        apis.push(
            json!({ "name": name, "match": { "paths": [format!("/{name}")] }, "auth": [name] }),
        );
        named[name] = provider.clone();
    }
    json!({ "providers": named, "apis": apis, "crypto": crypto, "log": { "per_second": 100_000 } })
}

/// Whether the signature was taken, by what was said in the end: the times of these tokens are long
/// past, so that many are refused for a later reason. `None` where nobody looked at it.
fn signature_was_taken(status: u16, code: &str) -> Option<bool> {
    if status == 200 {
        return Some(true);
    }
    let deny = Deny::ALL.into_iter().find(|deny| deny.code() == code)?;
    match deny.step() {
        Step::Signature => (deny == Deny::TokenSignatureInvalid).then_some(false),
        Step::Claims | Step::Identity | Step::Session => Some(true),
        _ => None,
    }
}

#[test]
fn the_proxy_and_the_filter_judge_every_signature_alike() {
    let mut asked = of_our_own();
    let (own, mut left_out) = (asked.len(), 0);
    match folder() {
        Some(folder) => {
            for vector in files(&folder).iter().flat_map(|file| read(file)).chain(of_the_rfcs()) {
                if comes_to_a_check(&vector) { asked.push(vector) } else { left_out += 1 }
            }
        }
        None => {
            eprintln!("no folder of vectors: our own and those of the RFCs are all that is asked");
            asked.extend(of_the_rfcs().into_iter().filter(comes_to_a_check));
        }
    }
    assert!(asked[..own].iter().all(comes_to_a_check));

    let mut sets: BTreeMap<String, usize> = BTreeMap::new();
    let mut providers = Vec::new();
    let mut places = Vec::new();
    for vector in &asked {
        let provider = provider(vector);
        let next = providers.len();
        let place = *sets.entry(provider.to_string()).or_insert(next);
        if place == next {
            let config = configuration(std::slice::from_ref(&provider), "wasm").to_string();
            assert!(Config::parse(config.as_bytes()).is_ok(), "{}: {config}", vector.id);
            providers.push(provider);
        }
        places.push(place);
    }

    let upstream = Upstream::start();
    let verifiers = ["host", "wasm"];
    let listeners = verifiers.map(|crypto| {
        Listener::new(
            &Filter::new(&configuration(&providers, crypto)).root_id(crypto).vm_id(crypto),
        )
    });
    let site = Site::new("vectors", upstream.port());
    let envoy = Envoy::start(&site.listener(&listeners[0]).listener(&listeners[1]));
    let mut connections = listeners.each_ref().map(|listener| Connection::open(listener.port));
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    let calls = || envoy.log().matches("[vm->host] env.proxy_call_foreign_function(").count();
    let before = calls();
    let answers: Vec<_> = asked
        .iter()
        .zip(&places)
        .map(|(vector, place)| {
            let request = Request::get(format!("/set-{place}")).bearer(&vector.token);
            connections.each_mut().map(|connection| connection.fetch(&request).verdict())
        })
        .collect();
    let calls = calls() - before;
    for (vector, found) in asked.iter().zip(answers) {
        let expected = vector.verdict == "ok";
        let (status, code) = &found[0];
        let right = signature_was_taken(*status, code) == Some(expected)
            && (vector.filter_verdict != "expired" || code == Deny::TokenExpired.code());
        if found[0] != found[1] || !right {
            wrong.push(format!("{}: expected {}, found {found:?}", vector.id, vector.verdict));
        }
        *if expected { &mut taken } else { &mut refused } += 1;
    }
    eprintln!(
        "{} tokens ({own} our own) through each verifier, {} key sets: {taken} signatures to take, \
         {refused} to refuse; {left_out} of others come to no check; the proxy was asked {calls} times",
        asked.len(),
        providers.len(),
    );
    assert!(calls >= 200, "the proxy was asked {calls} times");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        !envoy.log().contains("checks by itself"),
        "the proxy was asked no more:\n{}",
        envoy.tail()
    );
    envoy.assert_clean(&[&asked[0].token]);
}

/// The signature check of Envoy's library, by way of its Lua filter.
struct ByLua {
    connection: RefCell<Connection>,
    asked: Cell<usize>,
}

/// Answers `true` or `false` for the key, the signature and the text in a request's headers.
const SCRIPT: &str = r#"
local function bytes(hex)
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end
function envoy_on_request(handle)
  local headers = handle:headers()
  local key, signature, signed =
    bytes(headers:get("x-key")), bytes(headers:get("x-signature")), bytes(headers:get("x-signed"))
  -- The key is known by its own text from here on, for this request.
  handle:importPublicKey(key, #key)
  local good =
    handle:verifySignature(headers:get("x-hash"), key, signature, #signature, signed, #signed)
  handle:respond({ [":status"] = "200" }, tostring(good))
end
"#;

impl HostCrypto for &ByLua {
    fn verify(&self, hash: &str, key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool> {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let request = Request::get("/")
            .header("x-hash", hash)
            .header("x-key", hex(key))
            .header("x-signature", hex(signature))
            .header("x-signed", hex(signed));
        self.asked.set(self.asked.get() + 1);
        match self.connection.borrow_mut().fetch(&request).text().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            other => panic!("the proxy's library says {other:?}"),
        }
    }
}

/// Whether one of the keys that the token may be signed with takes its signature, by this verifier;
/// `None` where there is no such key, or no token.
fn is_taken(vector: &Vector, verifier: &dyn Verifier) -> Option<bool> {
    let jws = Jws::parse(vector.token.as_bytes()).ok()?;
    let alg = Alg::parse(&jws.header().alg)?;
    let listed = vector.accepted.as_ref().is_none_or(|all| all.contains(&jws.header().alg));
    let keys = KeySet::parse(vector.keys.to_string().as_bytes(), Origin::Inline).ok()?.set;
    match keys.select(jws.header().kid.as_ref(), alg) {
        Selection::Candidates(keys) if listed => Some(
            keys.iter().any(|key| verifier.verify(key, alg, jws.signed(), jws.signature()).is_ok()),
        ),
        _ => None,
    }
}

#[test]
fn the_proxys_library_knows_the_signatures_of_others() {
    let mut vectors = of_our_own();
    vectors.extend(of_the_rfcs());
    match folder() {
        Some(folder) => vectors.extend(files(&folder).iter().flat_map(|file| read(file))),
        None => {
            eprintln!("no folder of vectors: our own and those of the RFCs are all that is asked")
        }
    }
    let listener = Listener::plain().then(json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": { "inline_string": SCRIPT }
        }
    }));
    let upstream = Upstream::start();
    let envoy = Envoy::start(&Site::new("library", upstream.port()).listener(&listener));
    let host = ByLua { connection: Connection::open(listener.port).into(), asked: Cell::new(0) };
    let by_host = ByHost::tested(&host).expect("a library that knows good from bad");
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for vector in &vectors {
        let before = host.asked.get();
        let found = is_taken(vector, &by_host);
        if host.asked.get() == before {
            continue;
        }
        let expected = vector.verdict == "ok";
        if found != Some(expected) || is_taken(vector, &InWasm) != found {
            wrong.push(format!("{}: expected {}, found {found:?}", vector.id, vector.verdict));
        }
        *if expected { &mut taken } else { &mut refused } += 1;
    }
    eprintln!(
        "{} tokens, of which the proxy's library was asked about {}: {taken} signatures taken, \
         {refused} refused",
        vectors.len(),
        taken + refused,
    );
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken >= 6 && refused >= 200, "{taken} taken, {refused} refused");
    envoy.assert_no_trap();
}
