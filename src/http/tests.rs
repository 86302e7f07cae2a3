use super::*;

fn head(headers: &[(&str, &str)]) -> RequestHead {
    RequestHead { headers: headers.iter().copied().collect() }
}

#[test]
fn headers_are_found_in_any_case_and_repeated_ones_stay_apart() {
    let head = head(&[
        (":method", "GET"),
        (":path", "/a?b"),
        ("Authorization", "Bearer a"),
        ("authorization", "Bearer b"),
        ("authorization_", "no"),
    ]);
    let values: Vec<_> = head.values("AUTHORIZATION").collect();
    assert_eq!(values, [b"Bearer a", b"Bearer b"]);
    assert_eq!(head.first("authorization"), Some(b"Bearer a".as_slice()));
    assert_eq!(head.first("cookie"), None);
    assert_eq!((head.method(), head.path()), (b"GET".as_slice(), b"/a?b".as_slice()));
    assert_eq!(head.headers.bytes(), 7 + 3 + 5 + 4 + 13 + 8 + 13 + 8 + 14 + 2);
}

#[test]
fn a_head_without_pseudo_headers_is_empty_and_no_error() {
    let head = RequestHead::default();
    assert_eq!((head.method(), head.path(), head.authority()), (&[][..], &[][..], &[][..]));
    assert_eq!(head.headers.bytes(), 0);
    assert!(!head.is_grpc());
    assert_eq!(head.preflight_method(), None);
}

#[test]
fn authority_goes_before_host() {
    let both = head(&[("host", "b.example"), (":authority", "a.example")]);
    assert_eq!(both.authority(), b"a.example");
    assert_eq!(head(&[("Host", "b.example")]).authority(), b"b.example");
}

#[test]
fn only_grpc_itself_is_grpc() {
    let cases = [
        // name, content type, whether the proxy takes it for gRPC, whether the caller may speak it
        ("plain", "application/grpc", true, true),
        ("with a message format", "application/grpc+proto", true, true),
        ("with an odd format", "application/grpc+", true, true),
        ("gRPC-Web", "application/grpc-web", false, true),
        ("gRPC-Web with a format", "application/grpc-web+proto", false, true),
        ("gRPC-Web in base64", "application/grpc-web-text", false, true),
        ("with parameters", "application/grpc; charset=utf-8", false, true),
        ("in upper case", "Application/gRPC+proto", false, true),
        ("Connect", "application/connect+proto", false, false),
        ("Connect, one message", "application/proto", false, false),
        ("cut", "application/grp", false, false),
        ("JSON", "application/json", false, false),
        ("none", "", false, false),
    ];
    for (name, content_type, is_grpc, speaks_grpc) in cases {
        let head = head(&[("content-type", content_type)]);
        assert_eq!((head.is_grpc(), head.speaks_grpc()), (is_grpc, speaks_grpc), "{name}");
    }
}

#[test]
fn a_body_may_come_where_host_or_head_say_so() {
    let cases: [(_, &[(&str, &str)], bool); 5] = [
        ("nothing said", &[], false),
        ("no length", &[("content-length", "0")], false),
        ("a length", &[("Content-Length", "1")], true),
        ("an odd length", &[("content-length", "00")], true),
        ("chunks", &[("transfer-encoding", "chunked")], true),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(head(headers).may_have_body(), expected, "{name}");
        let headers = head(headers).headers.followed();
        assert!(
            RequestHead { headers }.may_have_body(),
            "{name}, and the host says that it goes on"
        );
    }
}

#[test]
fn a_preflight_has_all_three_marks() {
    let options = (":method", "OPTIONS");
    let origin = ("origin", "https://app.example");
    let asked = ("Access-Control-Request-Method", "DELETE");
    let cases: [(&str, &[(&str, &str)], Option<&[u8]>); 5] = [
        ("a preflight", &[options, origin, asked], Some(b"DELETE")),
        ("a bare OPTIONS", &[options], None),
        ("without an origin", &[options, asked], None),
        ("without the method asked for", &[options, origin], None),
        ("with another method", &[(":method", "options"), origin, asked], None),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(head(headers).preflight_method(), expected, "{name}");
    }
}

#[test]
fn every_spelling_of_a_header_is_known_and_no_other_name() {
    // one, other, whether they are spellings of each other
    let cases: [(&[u8], &[u8], bool); 26] = [
        (b"x-user-id", b"x-user-id", true),
        (b"X-User-Id", b"x-user-id", true),
        (b"x_user_id", b"x-user-id", true),
        (b"x-USER_id", b"x-user-id", true),
        (b"x.user.id", b"x-user-id", true),
        (b"x~user-id", b"x-user-id", true),
        (b"x!user'id", b"x-user-id", true),
        (b"x*user+id", b"x-user-id", true),
        (b"x#user$id", b"x-user-id", true),
        (b"x%user&id", b"x-user-id", true),
        (b"x^user`id", b"x-user-id", true),
        (b"x|user|id", b"x-user-id", true),
        (b"x user\tid", b"x-user-id", true),
        (b"x\xffuser\xe9id", b"x-user-id", true),
        (b"x_user_id", b"x.user.id", true),
        (b"_x-user-i", b"x-user-id", false),
        (b"x-user-id2", b"x-user-id", false),
        (b"x-user-i1", b"x-user-id", false),
        (b"x-user0id", b"x-user-id", false),
        (b"xuser-id", b"x-user-id", false),
        (b"x--user-id", b"x-user-id", false),
        (b"x-usar-id", b"x-user-id", false),
        (b"", b"x-user-id", false),
        (b":path", b"-path", false),
        (b":path", b"_path", false),
        (b"-path", b"_path", true),
    ];
    for (one, other, expected) in cases {
        let shown = (one.escape_ascii(), other.escape_ascii());
        assert_eq!(is_spelling(one, other), expected, "{} {}", shown.0, shown.1);
        if let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other))
            && !one.starts_with(':')
        {
            assert_eq!(folded(one) == folded(other), expected, "{one} {other}");
        }
    }
    assert_eq!(folded("X_User.Id~7"), "x-user-id-7");
    for name in ["x-tollgate-", "x.tollgate.x", "X~Tollgate_identity", "x_tollgate_"] {
        assert!(begins_spelled(name.as_bytes(), b"x-tollgate-"), "{name}");
    }
    for name in ["x-tollgate", "x-tollgates", "x-tollgat3-x", "xx-tollgate-x", ":x-tollgate-x"] {
        assert!(!begins_spelled(name.as_bytes(), b"x-tollgate-"), "{name}");
    }
}

#[test]
fn a_value_is_taken_apart_at_its_commas() {
    let cases: [(&str, &[u8], &[&[u8]]); 6] = [
        ("one element", b"Bearer a", &[b"Bearer a"]),
        ("two, joined by a hop", b"Bearer a,Bearer b", &[b"Bearer a", b"Bearer b"]),
        ("blanks around them", b" Bearer a\t, \tBearer b ", &[b"Bearer a", b"Bearer b"]),
        ("empty ones between", b",, Bearer a ,,", &[b"Bearer a"]),
        ("nothing", b"", &[]),
        ("bytes that are no text", b"\xff\xfe, \0", &[b"\xff\xfe", b"\0"]),
    ];
    for (name, value, expected) in cases {
        assert_eq!(elements(value).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn a_credential_stands_behind_its_scheme_only() {
    let cases: [(&str, &[u8], Option<&[u8]>); 16] = [
        ("A03 the scheme alone", b"Bearer", Some(b"")),
        ("A03 the scheme and a space", b"Bearer ", Some(b"")),
        ("A04 lower case", b"bearer x", Some(b"x")),
        ("A04 upper case", b"BEARER x", Some(b"x")),
        ("A05 two spaces", b"Bearer  x", Some(b"x")),
        ("A05 trailing spaces", b"Bearer x  ", Some(b"x")),
        ("A05 a tab instead of the space stays", b"Bearer\tx", Some(b"\tx")),
        ("A05 a tab after the space stays", b"Bearer \tx", Some(b"\tx")),
        ("A06 another scheme", b"Basic x", None),
        ("A06 a scheme that begins alike", b"BearerX x", None),
        ("A06 a scheme that ends alike", b"XBearer x", None),
        ("A07 a credential without scheme", b"eyJhbGciOiJSUzI1NiJ9.e30.x", None),
        ("shorter than the scheme", b"Bear", None),
        ("A22 control bytes stay", b"Bearer \0x\n", Some(b"\0x\n")),
        ("a space inside stays", b"Bearer x y", Some(b"x y")),
        ("nothing", b"", None),
    ];
    for (name, element, expected) in cases {
        assert_eq!(after_scheme(element, "Bearer"), expected, "{name}");
    }
}
