//! What `tollgate revoke` writes where a web server has it, in the eyes of a real Envoy.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::harness::{
    Envoy, Filter, ISSUER, Listener, RealServer, Request, Signer, Site, Token, Upstream,
    eventually, fetch, key_set, places,
};

#[test]
fn a_revoked_token_is_refused_once_its_list_is_fetched_and_nothing_is_fetched_twice() {
    let (upstream, signer) = (Upstream::start(), Signer::new("k1"));
    let folder = places::scratch("revoke-served");
    let list = folder.join("revoked.json");
    fs::write(&list, "{ \"entries\": [] }\n").expect("a list");
    let place = folder.display();
    let servers = format!("server {{ listen PORT; root {place}; access_log {place}/access.log; }}");
    let nginx = RealServer::nginx("revoke", &servers);
    let configuration = json!({
        "providers": { "main": { "issuer": ISSUER, "audiences": ["api://orders"],
                                 "jwks": { "inline": key_set(&[&signer]) } } },
        "revoked": { "url": format!("http://127.0.0.1:{}/revoked.json", nginx.port()),
                     "cluster": "ops", "refresh": "200ms" }
    });
    let listener = Listener::new(&Filter::new(&configuration));
    let site = Site::new("revoke", upstream.port()).cluster("ops", nginx.port());
    let envoy = Envoy::start(&site.listener(&listener).workers(2));
    let token =
        |jti: &str| signer.sign(&Token::of("alice").claim("aud", "api://orders").claim("jti", jti));
    let (leaked, other) = (token("one"), token("two"));
    let all_say = |token: &str, verdict: (u16, &str)| {
        let one = |_| fetch(listener.port, &Request::get("/x").bearer(token)).verdict();
        (0..16).map(one).all(|found| found == (verdict.0, verdict.1.to_owned()))
    };
    eventually("the first list", || all_say(&leaked, (200, "")));
    // How often it was sent, and how often it had not changed.
    let sent = || {
        let log = fs::read_to_string(folder.join("access.log")).expect("a log");
        [" 200 ", " 304 "].map(|status| log.lines().filter(|line| line.contains(status)).count())
    };
    eventually("it has not changed", || sent()[1] >= 5);
    fs::write(folder.join("token.txt"), &leaked).expect("a token");
    let revoke = |whom: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .current_dir(&folder)
            .args(["revoke", "revoked.json", "--provider", "main"])
            .args(whom)
            .output()
            .expect("tollgate runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    revoke(&["--token-from", "token.txt"]);
    eventually("the token is refused", || all_say(&leaked, (401, "token_revoked")));
    assert!(all_say(&other, (200, "")));
    revoke(&["--identity", "alice", "--until", "2s"]);
    eventually("and all of hers", || all_say(&other, (403, "session_inactive")));
    eventually("until that is over", || all_say(&other, (200, "")));
    assert!(all_say(&leaked, (401, "token_revoked")));
    let [whole, unchanged] = sent();
    assert!(whole <= 4 && unchanged > whole, "sent {whole} times, confirmed {unchanged} times");
    envoy.assert_clean(&[&leaked, &other]);
}
