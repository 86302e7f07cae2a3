//! `tollgate explain`: one request, through the engine itself.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Folder, Ran, tollgate};
use crate::support::token::{AUDIENCE, ISSUER, NOW, Signer, Token, key_set};
use tollgate_cli::Exit;

/// The moment at which the tests' tokens are good.
const AT: &str = "2027-01-15T08:00:00Z";

fn config() -> Value {
    json!({
        "providers": {
            "idp": { "issuer": ISSUER, "audiences": [AUDIENCE],
                     "jwks": { "url": "https://id.example.com/keys", "cluster": "idp" } },
            "other": { "issuer": "https://other.example.com", "audiences": [AUDIENCE],
                       "from": [{ "query": "access_token" }],
                       "jwks": { "discovery": true, "cluster": "other" } },
            "partner": { "kind": "api_key", "from": [{ "header": "x-api-key" }],
                "keys": [{ "name": "k", "identity": "acme",
                    "sha256": "3f0f7b0ba5a5b7ba4f4e0bf6b8a7b6bd3ad0aa3a1c0a9c9f0c9b4d2c0d6f3a11" }] },
        },
        "apis": [
            { "name": "health", "match": { "paths": ["/health"] }, "auth": "none" },
            { "name": "routed", "match": { "routes": ["special"] }, "auth": "none" },
            { "name": "trial", "match": { "paths": ["/trial"] }, "auth": ["idp"], "mode": "report" },
            { "name": "orders", "match": { "paths": ["/orders/**"], "methods": ["GET", "POST"] },
              "auth": ["idp", "other", "partner"] },
        ],
    })
}

/// A folder with a configuration, two key sets and two tokens.
fn folder() -> Folder {
    let folder = Folder::new();
    let write = |name: &str, text: &str| std::fs::write(folder.path(name), text).unwrap();
    write("config.json", &config().to_string());
    write("idp.json", &key_set(&[&Signer::new("k1")]));
    write("other.json", &key_set(&[&Signer::new("o1")]));
    let good = Signer::new("k1").sign(&Token::for_identity("alice"));
    write("good.txt", &format!("Bearer {good}\r\n"));
    let elsewhere = Token::for_identity("bob").claim("iss", "https://other.example.com");
    write("other.txt", &Signer::new("o1").sign(&elsewhere));
    let late = Token::for_identity("alice").claim("exp", NOW - 100);
    write("late.txt", &Signer::new("k1").sign(&late));
    folder
}

/// Runs it on the folder's configuration at the tests' moment.
fn explain(folder: &Folder, arguments: &[&str], input: &[u8]) -> Ran {
    let config = folder.path("config.json");
    let all = [&["explain", "--config", &config, "--at", AT], arguments].concat();
    tollgate(&all, input)
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect(&ran.err)
}

#[test]
fn a_request_that_is_allowed_and_one_that_is_not_differ_in_what_is_said_and_in_the_status() {
    let folder = folder();
    let idp = folder.path("idp.json");
    let others = format!("other={idp}");
    let orders = ["--path", "/orders/7", "--format", "json"];
    let cases: &[(&str, &[&str], &str, Exit, &str, &str)] = &[
        ("a good token", &["--jwks", &idp], "good.txt", Exit::Fine, "allowed", ""),
        ("a late one", &["--jwks", &idp], "late.txt", Exit::Problems, "refused", "token_expired"),
        ("no keys", &[], "good.txt", Exit::Misuse, "undecided", "keys_unavailable"),
        (
            "another's keys",
            &["--jwks", &others],
            "good.txt",
            Exit::Misuse,
            "undecided",
            "keys_unavailable",
        ),
        (
            "a method that no API has",
            &["--method", "PUT", "--jwks", &idp],
            "good.txt",
            Exit::Problems,
            "refused",
            "api_unknown",
        ),
        (
            "a report",
            &["--path", "/trial", "--jwks", &idp],
            "late.txt",
            Exit::Problems,
            "would_refuse",
            "token_expired",
        ),
        ("a route", &["--path", "/x", "--route", "special"], "good.txt", Exit::Fine, "allowed", ""),
    ];
    for (name, arguments, token, exit, verdict, code) in cases {
        let token = folder.path(token);
        let given = arguments.contains(&"--path");
        let path: &[&str] = if given { &["--format", "json"] } else { &orders };
        let ran = explain(&folder, &[path, arguments, &[&token]].concat(), b"");
        assert_eq!(ran.exit, *exit, "{name}: {}{}", ran.out, ran.err);
        let told = told(&ran);
        assert_eq!(told["verdict"], *verdict, "{name}");
        assert_eq!(told["code"].as_str().unwrap_or_default(), *code, "{name}");
        assert_eq!(told["remedy"].is_string(), !code.is_empty(), "{name}");
        assert!(!told["steps"].as_array().unwrap().is_empty(), "{name}");
        let by = if *verdict == "refused" { json!("tollgate") } else { json!("upstream") };
        match *verdict {
            "undecided" => assert_eq!(told["answer"], Value::Null, "{name}"),
            _ => assert_eq!(told["answer"]["by"], by, "{name}"),
        }
    }
}

#[test]
fn a_key_that_the_given_set_lacks_is_said_to_be_lacking_and_no_wait_is_made_up() {
    let folder = folder();
    let token = Signer::new("k9").sign(&Token::for_identity("alice"));
    let given = folder.path("idp.json");
    let orders = ["--path", "/orders/7", "--jwks", &given, "--format", "json"];
    let ran = explain(&folder, &orders, token.as_bytes());
    let told = told(&ran);
    assert_eq!((ran.exit, &told["code"]), (Exit::Problems, &json!("token_key_unknown")));
    let reason = "the `kid` is `k9`; the key set that was given has no such key; the keys from \
                  https://id.example.com/keys by cluster `idp`, as given: `k1` Ed25519 for EdDSA";
    assert_eq!(told["reason"], reason);
    let steps = told["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["found"], reason);
    let waits = steps.iter().find(|step| step["decided"] == "waits").unwrap();
    let would =
        "the key set that was given has no such key; the proxy would fetch the provider's once";
    assert!(waits["found"].as_str().unwrap().starts_with(would), "{waits}");
    assert!(told["remedy"].as_str().unwrap().starts_with("give the set that"), "{told}");
    for invented in ["waited", "10s", "was asked"] {
        assert!(!ran.out.contains(invented), "{invented}: {}", ran.out);
    }
    // Nor does a set grow old while the command runs.
    let good = explain(&folder, &orders, &std::fs::read(folder.path("good.txt")).unwrap());
    assert_eq!(good.exit, Exit::Fine, "{}", good.err);
    assert!(!good.out.contains("10s old"), "{}", good.out);
}

#[test]
fn each_token_goes_where_its_provider_looks_and_finds_its_providers_keys() {
    let folder = folder();
    let [idp, other] =
        ["idp", "other"].map(|name| format!("{name}={}", folder.path(&format!("{name}.json"))));
    let keys = ["--path", "/orders/7?a=b", "--format", "json", "--jwks", &idp, "--jwks", &other];
    for (token, place) in [
        ("good.txt", "header `authorization` with scheme `Bearer`"),
        ("other.txt", "query parameter `access_token`"),
    ] {
        let ran = explain(&folder, &[&keys[..], &[&folder.path(token)]].concat(), b"");
        let told = told(&ran);
        assert_eq!((ran.exit, &told["verdict"]), (Exit::Fine, &json!("allowed")), "{told}");
        let found = told["steps"]
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["looked_at"] == place && step["decided"] == "passed");
        assert!(found, "{told}");
    }
    let ran = explain(&folder, &[&keys[..], &[]].concat(), b"an-api-key\n");
    assert_eq!(told(&ran)["code"], "key_unknown");
    let sent = [&keys[..], &["--no-token", "--header", "X-Api-Key: an-api-key"]].concat();
    assert_eq!(told(&explain(&folder, &sent, b""))["code"], "key_unknown");
}

#[test]
fn people_read_each_step_then_the_verdict_the_reason_the_remedy_and_the_answer() {
    let folder = folder();
    let (idp, token) = (folder.path("idp.json"), folder.path("late.txt"));
    let ran = explain(&folder, &["--path", "/orders/7", "--jwks", &idp, &token], b"");
    assert_eq!(ran.exit, Exit::Problems);
    let plain = plain(&ran.out);
    let mut rest = plain.as_str();
    for expected in [
        "passed   path       the path `/orders/7`",
        "it can be read in one way only",
        "passed   api        method `GET`, host `localhost`",
        "passed   signature  the signature [idp]",
        "refused  claims ",
        "verdict  refused",
        "code     token_expired (step claims)",
        "reason   the claim `exp` is 1799999900",
        "remedy   the caller must get a new token",
        "answer   401",
        "www-authenticate: Bearer realm=\"api\", error=\"invalid_token\"",
        "\"code\":\"token_expired\"",
    ] {
        let (_, after) = rest.split_once(expected).expect(expected);
        rest = after;
    }
    assert_ne!(plain, ran.out, "colours, which the process leaves out where nobody looks on");
}

/// A text without the codes of colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn who_has_no_keys_is_told_how_to_give_them() {
    let folder = folder();
    let ran = explain(&folder, &["--path", "/orders/7", &folder.path("good.txt")], b"");
    assert_eq!(ran.exit, Exit::Misuse);
    assert!(
        ran.out.contains("without the keys of `providers.idp.jwks` nobody can say more"),
        "{}",
        ran.out
    );
    for way in ["`--jwks FILE`", "`--online`"] {
        assert!(ran.out.contains(way), "{}", ran.out);
    }
    let json = explain(
        &folder,
        &["--path", "/orders/7", "--format", "json", &folder.path("good.txt")],
        b"",
    );
    assert_eq!(json.exit, Exit::Misuse);
    // Nobody was asked, so that nothing failed.
    for told in [&ran.out, &json.out] {
        assert!(!told.contains("attempt"), "{told}");
    }
    assert!(ran.out.contains("undecided") && !ran.out.contains("503"), "{}", ran.out);
}

#[test]
fn a_configuration_that_does_not_load_is_told_like_where_it_is_checked() {
    let folder = folder();
    std::fs::write(folder.path("bad.json"), "{\n  \"providers\": { \"x\": { \"issuer\": 7 } } }")
        .unwrap();
    let (bad, token) = (folder.path("bad.json"), folder.path("good.txt"));
    let ran = tollgate(&["explain", "--config", &bad, &token], b"");
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Problems, ""));
    assert!(ran.err.starts_with(&format!("{bad}:2:")), "{}", ran.err);
    let ran = tollgate(&["explain", "--config", &bad, "--format", "json", &token], b"");
    assert_eq!(ran.exit, Exit::Problems);
    let told = told(&ran);
    assert_eq!(told["verdict"], "undecided");
    assert!(told["configuration"].to_string().contains("providers.x.issuer"), "{told}");
}

#[test]
fn a_file_of_a_proxy_that_holds_one_configuration_will_do() {
    let folder = folder();
    let config = std::fs::read_to_string(folder.path("config.json")).unwrap();
    let plugin = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: tollgate\n\
         spec:\n  url: oci://example.com/tollgate:0.1.0\n  pluginConfig: {config}\n"
    );
    std::fs::write(folder.path("plugin.yaml"), &plugin).unwrap();
    std::fs::write(folder.path("two.yaml"), format!("{plugin}---\n{plugin}")).unwrap();
    let (one, two) = (folder.path("plugin.yaml"), folder.path("two.yaml"));
    let (idp, token) = (folder.path("idp.json"), folder.path("good.txt"));
    let run = |file: &str| {
        let sent = ["--path", "/orders/7", "--at", AT, "--jwks", &idp, &token];
        tollgate(&[&["explain", "--config", file], &sent[..]].concat(), b"")
    };
    let ran = run(&one);
    assert_eq!(ran.exit, Exit::Fine, "{}{}", ran.out, ran.err);
    let ran = run(&two);
    assert_eq!(ran.exit, Exit::Misuse, "{}", ran.out);
    assert!(ran.err.contains("2 configurations in it"), "{}", ran.err);
}

#[test]
fn what_cannot_be_done_is_misuse() {
    let folder = folder();
    let (config, token) = (folder.path("config.json"), folder.path("good.txt"));
    let cases: &[(&str, &[&str], &str)] = &[
        ("no configuration", &["explain", &token], "--config"),
        ("no such file", &["explain", "--config", "nowhere.json", &token], "nowhere.json"),
        ("two from standard input", &["explain", "--config", "-"], "standard input"),
        (
            "no such key set",
            &["explain", "--config", &config, "--jwks", "nowhere.json", &token],
            "nowhere.json",
        ),
        (
            "keys of no provider",
            &["explain", "--config", &config, "--jwks", "ipd=idp.json", &token],
            "`ipd` is no provider's name",
        ),
        (
            "no key set",
            &["explain", "--config", &config, "--jwks", &config, &token],
            "there is no array `keys`",
        ),
        (
            "two ways to keys",
            &["explain", "--config", &config, "--jwks", "a", "--online", &token],
            "--online",
        ),
        ("no header", &["explain", "--config", &config, "--header", "x", &token], "name: value"),
        (
            "a header of two lines",
            &["explain", "--config", &config, "--header", "a: b\nc: d", &token],
            "name: value",
        ),
        (
            "no moment",
            &["explain", "--config", &config, "--at", "now", &token],
            "2026-11-23T10:00:00Z",
        ),
    ];
    for (name, arguments, expected) in cases {
        let ran = tollgate(arguments, b"");
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Misuse, ""), "{name}");
        assert!(ran.err.contains(expected), "{name}: {}", ran.err);
    }
    let text = std::fs::read(&config).unwrap();
    let ran = tollgate(&["explain", "--config", "-", "--no-token", "--path", "/health"], &text);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
}

#[test]
fn no_part_of_a_token_and_no_api_key_is_shown() {
    let folder = folder();
    let key = "pk_live_51H8vQ2eZvKYlo2C";
    for format in ["text", "json"] {
        for file in ["good.txt", "late.txt", "other.txt"] {
            let token = std::fs::read_to_string(folder.path(file)).unwrap();
            let token = token.trim().trim_start_matches("Bearer ").to_owned();
            let (idp, path) = (folder.path("idp.json"), folder.path(file));
            let given = format!("x-api-key: {key}");
            let arguments = ["--path", "/orders/7", "--format", format, "--jwks", &idp];
            for more in [vec![path.as_str()], vec!["--header", &given, "--no-token"]] {
                let ran = explain(&folder, &[&arguments[..], &more].concat(), b"");
                let shown = format!("{}{}", ran.out, ran.err);
                for window in token.as_bytes().windows(17) {
                    assert!(!shown.contains(std::str::from_utf8(window).unwrap()), "{shown}");
                }
                assert!(!shown.contains(key), "{shown}");
            }
        }
    }
}

#[test]
fn the_process_leaves_colours_out_and_survives_a_closed_pipe() {
    let folder = folder();
    let (config, idp, token) =
        (folder.path("config.json"), folder.path("idp.json"), folder.path("good.txt"));
    let command = |token: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["explain", "--config", &config, "--jwks", &idp, "--at", AT]);
        command.args(["--path", "/orders/7", token]).stdin(Stdio::null());
        command
    };
    // Nobody looks on here, unless it is said that somebody does.
    let cases: [(&[&str], bool); 3] =
        [(&[], false), (&["CLICOLOR_FORCE"], true), (&["CLICOLOR_FORCE", "NO_COLOR"], false)];
    for (variables, colours) in cases {
        let mut command = command(&token);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(variables.iter().map(|name| (name, "1")));
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        assert_eq!(done.stdout.contains(&0x1b), colours, "{variables:?}");
        let text = plain(&String::from_utf8(done.stdout).unwrap());
        assert!(text.contains("verdict  allowed"), "{text}");
    }
    // What is wrong stays wrong where nobody reads on.
    let late = folder.path("late.txt");
    for (token, status) in [(&token, 0), (&late, 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = command(token).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), told.as_str()), (Some(status), ""), "{told}");
    }
}

/// A server on a port of its own that answers every request for one of these paths, and others with
/// 404; it ends with the test's process.
fn serve(documents: impl Fn(u16) -> Vec<(&'static str, String)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let documents = documents(port);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut part) = (Vec::new(), [0; 1024]);
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => head.extend(&part[..read]),
                    _ => break,
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let found = documents.iter().find(|(known, _)| *known == path);
            let (status, body) = found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", body));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

#[test]
fn online_it_fetches_what_the_proxy_would_and_judges_by_that() {
    let folder = folder();
    let (good, revoked) = (Token::for_identity("alice"), Token::for_identity("mallory"));
    std::fs::write(folder.path("gone.txt"), Signer::new("k1").sign(&revoked)).unwrap();
    let port = serve(|port| {
        let issuer = format!("http://127.0.0.1:{port}");
        vec![
            ("/keys", key_set(&[&Signer::new("k1")])),
            (
                "/.well-known/openid-configuration",
                json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }).to_string(),
            ),
            (
                "/revoked",
                json!({ "entries": [{ "provider": "idp", "identity": "mallory" }] }).to_string(),
            ),
        ]
    });
    let issuer = format!("http://127.0.0.1:{port}");
    let own = Signer::new("k1").sign(&good.claim("iss", issuer.as_str()));
    std::fs::write(folder.path("own.txt"), own).unwrap();
    let provider = |issuer: &str, jwks: Value| json!({ "issuer": issuer, "audiences": [AUDIENCE], "jwks": jwks });
    let url = |path: &str| json!({ "url": format!("{issuer}{path}"), "cluster": "idp" });
    let discovery = json!({ "discovery": true, "cluster": "idp" });
    let list = json!({ "url": format!("{issuer}/revoked"), "cluster": "idp" });
    let cases = [
        // name, provider, token, verdict, code, exit, and a word of the notes
        ("keys", provider(ISSUER, url("/keys")), "good.txt", "allowed", "", Exit::Fine, ""),
        ("discovery", provider(&issuer, discovery), "own.txt", "allowed", "", Exit::Fine, ""),
        (
            "a revocation",
            provider(ISSUER, url("/keys")),
            "gone.txt",
            "refused",
            "session_inactive",
            Exit::Problems,
            "",
        ),
        (
            "no keys",
            provider(ISSUER, url("/nothing")),
            "good.txt",
            "undecided",
            "keys_unavailable",
            Exit::Misuse,
            "status 404",
        ),
    ];
    for (name, provider, token, verdict, code, exit, note) in cases {
        let config = json!({ "providers": { "idp": provider }, "revoked": list });
        std::fs::write(folder.path("online.json"), config.to_string()).unwrap();
        let (config, token) = (folder.path("online.json"), folder.path(token));
        let sent = ["explain", "--config", &config, "--at", AT, "--online", &token];
        let ran = tollgate(&[&sent[..], &["--format", "json"]].concat(), b"");
        let told = told(&ran);
        assert_eq!((ran.exit, &told["verdict"]), (exit, &json!(verdict)), "{name}: {told}");
        assert_eq!(told["code"].as_str().unwrap_or_default(), code, "{name}");
        assert_eq!(told["notes"].is_null(), note.is_empty(), "{name}: {told}");
        assert!(told["notes"].to_string().contains(note) || note.is_empty(), "{name}: {told}");
        let ran = tollgate(&sent, b"");
        let shown = format!("{}{}", plain(&ran.out), plain(&ran.err));
        assert!(shown.contains(&format!("verdict  {verdict}")), "{name}: {shown}");
        assert!(!shown.contains("event="), "a sentence, no line of a log: {shown}");
    }
}

#[test]
fn a_key_that_is_not_used_is_told_in_a_sentence() {
    let folder = folder();
    let set: Value = serde_json::from_str(&key_set(&[&Signer::new("k1")])).unwrap();
    let mut keys = set["keys"].as_array().unwrap().clone();
    keys.push(json!({ "kty": "oct", "kid": "weak", "k": "c2VjcmV0" }));
    std::fs::write(folder.path("mixed.json"), json!({ "keys": keys }).to_string()).unwrap();
    let (mixed, token) = (folder.path("mixed.json"), folder.path("good.txt"));
    let ran = explain(&folder, &["--path", "/orders/7", "--jwks", &mixed, &token], b"");
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.out);
    let told = plain(&ran.err);
    assert!(told.contains("note: provider `idp`: "), "{told}");
    assert!(told.contains("tokens signed with it are refused"), "{told}");
    assert!(!told.contains("event="), "{told}");
}

#[test]
fn a_limit_by_address_counts_the_one_that_is_given() {
    let folder = Folder::new();
    let configured = |identity: &str| {
        let config = json!({
            "apis": [{ "name": "public", "auth": "none",
                       "rate": { "requests": 5, "per": "1m", "per_caller": true } }],
            "log": { "identity": identity },
        });
        std::fs::write(folder.path("config.json"), config.to_string()).unwrap();
    };
    let told = |address: &[&str]| {
        let ran = explain(&folder, &[&["--no-token", "--format", "json"], address].concat(), b"");
        assert_eq!(ran.exit, Exit::Fine, "{}{}", ran.out, ran.err);
        ran.out
    };
    configured("plain");
    for (address, shown) in [
        (&[][..], "; this one is 192.0.2.1\""),
        (&["--address", "203.0.113.7"], "; this one is 203.0.113.7\""),
        (&["--address", "2001:db8:1:2:3::4"], "; this one is 2001:db8:1:2::/64\""),
        (&["--address", "::ffff:203.0.113.7"], "; this one is 203.0.113.7\""),
    ] {
        let told = told(address);
        assert!(told.contains(shown), "{told}");
        assert!(told.contains("IPv4 whole, IPv6 by its first 64 bits"), "{told}");
    }
    for identity in ["hash", "omit"] {
        configured(identity);
        let told = told(&["--address", "203.0.113.7"]);
        assert!(!told.contains("203.0.113.7") && told.contains("each address"), "{told}");
    }
    let ran = explain(&folder, &["--no-token", "--address", "/run/pipe"], b"");
    assert_eq!(ran.exit, Exit::Misuse, "{}", ran.err);
}

#[test]
fn a_document_of_a_resource_is_answered_and_shown() {
    let folder = folder();
    let mut config = config();
    config["apis"][3]["resource"] =
        json!({ "url": "https://api.example.com/orders", "authorization_servers": [ISSUER] });
    std::fs::write(folder.path("config.json"), config.to_string()).unwrap();
    let path = "/.well-known/oauth-protected-resource/orders";
    let ran =
        explain(&folder, &["--path", path, "--host", "api.example.com", "--format", "json"], b"");
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    let told = told(&ran);
    assert_eq!((&told["verdict"], &told["answer"]["status"]), (&json!("answered"), &json!(200)));
    assert_eq!(told["answer"]["body"]["resource"], "https://api.example.com/orders");
}
