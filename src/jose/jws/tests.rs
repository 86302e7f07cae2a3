use super::*;

fn encoded(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token with this header, a claim and three bytes of signature.
fn token(header: &str) -> String {
    format!("{}.{}.AQID", encoded(header), encoded(r#"{"sub":"alice"}"#))
}

fn denied(token: impl AsRef<[u8]>) -> Option<Deny> {
    Jws::parse(token.as_ref()).err().map(|refusal| refusal.deny)
}

#[test]
fn a_token_is_taken_apart_and_decoded() {
    let text = token(r#"{"alg":"RS256","kid":"k1","typ":"at+jwt","cty":"x","other":[1]}"#);
    let jws = Jws::parse(text.as_bytes()).unwrap();
    let expected =
        Header { alg: "RS256".into(), kid: Kid::parse("k1"), typ: Some("at+jwt".into()) };
    assert_eq!(jws.header(), &expected);
    assert_eq!(jws.payload(), br#"{"sub":"alice"}"#);
    assert_eq!(jws.payload_base64(), encoded(r#"{"sub":"alice"}"#));
    assert_eq!(jws.signature(), [1, 2, 3]);
    assert_eq!(jws.signed(), text.strip_suffix(".AQID").unwrap().as_bytes());
}

#[test]
fn a_token_is_three_canonical_parts() {
    let header = encoded(r#"{"alg":"RS256"}"#);
    let just_right = format!("{header}.{}.AQID", "A".repeat(MAX_TOKEN_BYTES - header.len() - 6));
    let too_long = format!("{header}.{}.AQID", "A".repeat(MAX_TOKEN_BYTES - header.len() - 5));
    let (large, bad) = (Some(Deny::TokenTooLarge), Some(Deny::TokenMalformed));
    let jwe = Some(Deny::TokenEncrypted);
    let flattened = format!(r#"{{"payload":"e30","protected":"{header}","signature":"AQID"}}"#);
    let cases: Vec<(&str, String, Option<Deny>)> = vec![
        ("three parts", format!("{header}.e30.AQID"), None),
        ("an empty signature", format!("{header}.e30."), None),
        ("an empty payload", format!("{header}..AQID"), None),
        ("a payload that is no JSON", format!("{header}.Zm9v.AQID"), None),
        ("as long as allowed", just_right, None),
        ("a byte too long", too_long, large),
        ("60 kB of dots", ".".repeat(60_000), large),
        ("a megabyte", "A".repeat(1 << 20), large),
        ("16 KiB of dots", ".".repeat(MAX_TOKEN_BYTES), bad),
        ("nothing", String::new(), bad),
        ("one part", header.clone(), bad),
        ("two parts", format!("{header}.e30"), bad),
        ("two dots", "..".into(), bad),
        ("an empty header", ".e30.AQID".into(), bad),
        ("four parts", format!("{header}.e30.AQID.AQID"), bad),
        ("a trailing dot", format!("{header}.e30.AQID."), bad),
        ("a leading dot", format!(".{header}.e30.AQID"), bad),
        ("five parts", format!("{header}.AQID.AQID.AQID.AQID"), jwe),
        ("six parts", format!("{header}.e30.AQID.AQID.AQID.AQID"), bad),
        ("the flattened JSON form", flattened.clone(), bad),
        ("the flattened JSON form in base64url", encoded(flattened), bad),
        ("padding", format!("{header}.e30=.AQID"), bad),
        ("padding after the signature", format!("{header}.e30.AQ=="), bad),
        ("the other alphabet", format!("{header}.e30.+/+/"), bad),
        ("a space", format!("{header}.e30.AQ ID"), bad),
        ("a leading space", format!(" {header}.e30.AQID"), bad),
        ("a trailing newline", format!("{header}.e30.AQID\n"), bad),
        ("a question mark", format!("{header}.e30.AQ?D"), bad),
        ("a zero byte", format!("{header}.e30.AQID\0"), bad),
        ("a letter beyond ASCII", format!("{header}.e30.AQé"), bad),
        ("a single letter more", format!("{header}.e30.AQIDA"), bad),
        ("trailing bits in the signature", format!("{header}.e30.AR"), bad),
        ("trailing bits in the payload", format!("{header}.e31.AQID"), bad),
    ];
    for (name, token, expected) in cases {
        assert_eq!(denied(token), expected, "{name}");
    }
    assert_eq!(denied([header.as_bytes(), b".e30.\xff\xfe"].concat()), bad, "bytes beyond UTF-8");
}

#[test]
fn a_header_is_one_object_with_members_of_the_right_type() {
    let longest = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(Kid::MAX_BYTES));
    let too_long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(Kid::MAX_BYTES + 1));
    let deep = format!(r#"{{"alg":"RS256","x":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let (bad, invalid) = (Some(Deny::TokenMalformed), Some(Deny::TokenHeaderInvalid));
    let cases = [
        ("an algorithm is enough", r#"{"alg":"RS256"}"#, None),
        ("an unknown algorithm is for the caller to judge", r#"{"alg":"none"}"#, None),
        ("an empty algorithm too", r#"{"alg":""}"#, None),
        ("an empty key ID", r#"{"alg":"RS256","kid":""}"#, None),
        ("the longest key ID", &longest, None),
        ("a longer one", &too_long, Some(Deny::TokenKeyUnknown)),
        ("a URL of keys is ignored", r#"{"alg":"RS256","jku":"http://169.254.169.254/"}"#, None),
        ("a URL of certificates is ignored", r#"{"alg":"RS256","x5u":"http://x/"}"#, None),
        ("a key is ignored", r#"{"alg":"RS256","jwk":{"kty":"oct","k":"AA"}}"#, None),
        ("certificates are ignored", r#"{"alg":"RS256","x5c":["AA"]}"#, None),
        ("compression is ignored", r#"{"alg":"RS256","zip":"DEF"}"#, None),
        ("a cost is ignored", r#"{"alg":"RS256","p2c":2147483647}"#, None),
        ("no algorithm", r#"{"kid":"k1"}"#, invalid),
        ("an algorithm that is null", r#"{"alg":null}"#, invalid),
        ("an algorithm that is a number", r#"{"alg":256}"#, invalid),
        ("an algorithm that is a list", r#"{"alg":["RS256"]}"#, invalid),
        ("a key ID that is null", r#"{"alg":"RS256","kid":null}"#, invalid),
        ("a key ID that is a number", r#"{"alg":"RS256","kid":1}"#, invalid),
        ("a key ID that is an object", r#"{"alg":"RS256","kid":{}}"#, invalid),
        ("a type that is a list", r#"{"alg":"RS256","typ":["JWT"]}"#, invalid),
        ("a content type that is a number", r#"{"alg":"RS256","cty":1}"#, invalid),
        ("two algorithms", r#"{"alg":"RS256","alg":"RS256"}"#, invalid),
        ("two algorithms, one escaped", r#"{"alg":"RS256","\u0061lg":"none"}"#, invalid),
        ("two key IDs", r#"{"alg":"RS256","kid":"a","kid":"b"}"#, invalid),
        ("duplicates inside", r#"{"alg":"RS256","x":{"a":1,"a":2}}"#, invalid),
        ("a critical extension", r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, invalid),
        ("no critical extensions", r#"{"alg":"RS256","crit":[]}"#, invalid),
        ("critical extensions that are no list", r#"{"alg":"RS256","crit":null}"#, invalid),
        ("a payload not encoded", r#"{"alg":"RS256","b64":false}"#, invalid),
        ("a payload encoded on purpose", r#"{"alg":"RS256","b64":true,"crit":["b64"]}"#, invalid),
        ("a list", r#"["RS256"]"#, bad),
        ("a string", r#""RS256""#, bad),
        ("a number", "1", bad),
        ("null", "null", bad),
        ("two objects", r#"{"alg":"RS256"}{}"#, bad),
        ("a trailing comma", r#"{"alg":"RS256",}"#, bad),
        ("a comment", r#"{"alg":"RS256"/**/}"#, bad),
        ("single quotes", "{'alg':'RS256'}", bad),
        ("not a number", r#"{"alg":"RS256","x":NaN}"#, bad),
        ("a byte order mark", "\u{feff}{\"alg\":\"RS256\"}", bad),
        ("five thousand levels", &deep, bad),
    ];
    for (name, header, expected) in cases {
        assert_eq!(denied(token(header)), expected, "{name}");
    }
    let utf16: Vec<u8> = r#"{"alg":"RS256"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, header) in [("UTF-16", utf16.as_slice()), ("invalid UTF-8", b"{\"alg\":\"\xff\"}")] {
        assert_eq!(denied(format!("{}.e30.AQID", encoded(header))), bad, "{name}");
    }
}

#[test]
fn a_token_cut_short_keeps_its_form_only_where_bytes_of_the_signature_end() {
    let text = token(r#"{"alg":"RS256","kid":"k1"}"#);
    let signed = text.strip_suffix("AQID").unwrap().len();
    for length in 0..text.len() {
        let taken = Jws::parse(&text.as_bytes()[..length]).is_ok();
        assert_eq!(taken, [signed, signed + 2, signed + 3].contains(&length), "{length} bytes");
    }
}

#[test]
fn debug_output_does_not_have_the_token() {
    let text = token(r#"{"alg":"RS256","kid":"k1"}"#);
    let shown = format!("{:?}", Jws::parse(text.as_bytes()).unwrap());
    assert!(shown.contains("RS256") && !shown.contains("alice"), "{shown}");
    assert!(text.split('.').all(|part| !shown.contains(part)), "{shown}");
}

#[test]
fn a_reason_never_holds_the_token() {
    let hostile = "\r\nx\u{1b}[31m\"".repeat(100);
    let header = serde_json::json!({ "alg": "RS256", "kid": hostile }).to_string();
    for text in [token(&header), token("[]"), token(r#"{"alg":1}"#), "secret.e30".to_owned()] {
        let refusal = Jws::parse(text.as_bytes()).unwrap_err();
        assert!(refusal.reason.len() < 200, "{}", refusal.reason);
        assert!(refusal.reason.bytes().all(|b| !b.is_ascii_control()), "{}", refusal.reason);
        for part in text.split('.') {
            assert!(!refusal.reason.contains(part), "{}", refusal.reason);
        }
    }
}
