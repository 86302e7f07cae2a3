use super::*;

fn mcp() -> Mcp {
    Mcp {
        versions: vec![REVISION.into()],
        refuses_others: false,
        origins: vec!["https://app.example".into()],
    }
}

fn head(headers: &[(&str, &[u8])]) -> RequestHead {
    RequestHead { headers: headers.iter().copied().collect() }
}

/// What a request of the revision comes to: method and name, with a dash for no name.
fn read(headers: &[(&str, &[u8])]) -> Result<Option<(String, String)>, Invalid> {
    let head = head(headers);
    let call = mcp().call(&head)?;
    Ok(call.map(|call| {
        let name = match call.name {
            Called::Name(name) => name.into_owned(),
            Called::Nothing => "-".to_owned(),
            Called::Unclear => "?".to_owned(),
        };
        (call.method.to_owned(), name)
    }))
}

const NOW: (&str, &[u8]) = ("mcp-protocol-version", b"2026-07-28");
const CALL: (&str, &[u8]) = ("mcp-method", b"tools/call");

#[test]
fn a_call_is_a_method_and_where_it_needs_one_a_name() {
    let cases: [(&[(&str, &[u8])], Option<(&str, &str)>); 8] = [
        (&[NOW, CALL, ("mcp-name", b"echo")], Some(("tools/call", "echo"))),
        (
            &[
                ("MCP-Protocol-Version", b"2026-07-28"),
                ("Mcp-Method", b"prompts/get"),
                ("MCP-NAME", b"a b"),
            ],
            Some(("prompts/get", "a b")),
        ),
        (&[NOW, CALL, ("mcp-name", b"=?base64?ZGFuZ2Vy?=")], Some(("tools/call", "danger"))),
        (
            &[NOW, ("mcp-method", b"resources/read"), ("mcp-name", b"file:///a%2Fb")],
            Some(("resources/read", "file:///a%2Fb")),
        ),
        // MC05: what no server looks at is not looked at.
        (&[NOW, ("mcp-method", b"tools/list"), ("mcp-name", b"echo")], Some(("tools/list", "-"))),
        (&[NOW, ("mcp-method", b"server/discover")], Some(("server/discover", "-"))),
        // MC06
        (&[NOW, ("mcp-method", b"TOOLS/CALL"), ("mcp-name", b"echo")], Some(("TOOLS/CALL", "?"))),
        (&[NOW, ("mcp-method", b"Tools/call")], Some(("Tools/call", "?"))),
    ];
    for (headers, expected) in cases {
        let got = read(headers).expect("valid");
        let got = got.as_ref().map(|(method, name)| (&**method, &**name));
        assert_eq!(got, expected, "{headers:?}");
    }
}

#[test]
fn mc04_headers_that_could_be_read_in_two_ways_are_refused() {
    let long = vec![b'x'; 2048];
    let encoded = |bytes: &[u8]| format!("=?base64?{}?=", STANDARD.encode(bytes)).into_bytes();
    let (long_encoded, control) = (encoded(&long), encoded(b"a\nb"));
    let (again, high) = (encoded(b"=?base64?YQ==?="), encoded("a\u{85}b".as_bytes()));
    let names: [&[u8]; 18] = [
        b"",
        b" ",
        b"a,b",
        b"a\tb",
        "\u{e9}".as_bytes(),
        b"\xff",
        &long,
        &long_encoded,
        &control,
        &again,
        &high,
        b"=?BASE64?ZGFuZ2Vy?=",
        b"=?base64?ZGFuZ2V?=",
        b"=?base64?ZGFuZ2Vy=?=",
        b"=?base64?ZGF=?=",
        b"=?base64?_-8=?=",
        b"=?base64?/w==?=",
        b"=?base64?ZGFuZ2Vy",
    ];
    for name in names {
        assert_eq!(read(&[NOW, CALL, ("mcp-name", name)]), Err(Invalid::Name), "{name:?}");
    }
    let twice: &[(&str, &[u8])] = &[NOW, CALL, ("mcp-name", b"a"), ("Mcp-Name", b"a")];
    assert_eq!(read(twice), Err(Invalid::Name));
    let list = ("mcp-method", b"tools/list".as_slice());
    assert_eq!(read(&[NOW, list, ("mcp-name", b"a"), ("mcp-name", b"b")]), Err(Invalid::Name));
    assert_eq!(read(&[NOW, CALL]), Err(Invalid::Name));
    assert_eq!(read(&[NOW, CALL, CALL, ("mcp-name", b"a")]), Err(Invalid::Method));
    assert_eq!(read(&[NOW]), Err(Invalid::Method));
    let methods: [&[u8]; 10] = [
        b"",
        b"tools/",
        b"/call",
        b"tools//call",
        b"tools/call ",
        b"tools/call,tools/list",
        b"a b",
        b"=?base64?dG9vbHMvY2FsbA==?=",
        b"\xff",
        &long,
    ];
    for method in methods {
        let got = read(&[NOW, ("mcp-method", method), ("mcp-name", b"a")]);
        assert_eq!(got, Err(Invalid::Method), "{method:?}");
    }
}

#[test]
fn mc07_every_other_version_is_another() {
    let versions: [&[u8]; 6] =
        [b"2026-07-28, 2025-11-25", b"2025-11-25", b"2030-01-01", b"", b" 2026-07-28", b"\xff"];
    for version in versions {
        let headers: &[(&str, &[u8])] =
            &[("mcp-protocol-version", version), CALL, ("mcp-name", b"echo")];
        assert_eq!(read(headers), Ok(None), "{version:?}");
    }
    assert_eq!(read(&[CALL, ("mcp-name", b"echo")]), Ok(None));
    assert_eq!(read(&[NOW, NOW, CALL, ("mcp-name", b"echo")]), Ok(None));
}

#[test]
fn only_known_pages_call() {
    let cases: [(&[(&str, &[u8])], bool); 6] = [
        (&[], true),
        (&[("origin", b"https://app.example")], true),
        (&[("origin", b"https://evil.example")], false),
        (&[("origin", b"null")], false),
        (&[("origin", b"https://app.example"), ("origin", b"https://app.example")], false),
        (&[("origin", b"https://app.example:443")], false),
    ];
    for (headers, expected) in cases {
        assert_eq!(mcp().is_from_known_page(&head(headers)), expected, "{headers:?}");
    }
}

fn patterns(all: &[&str]) -> Vec<Pattern> {
    all.iter().map(|one| Pattern::parse(one).expect("a pattern")).collect()
}

#[test]
fn an_entry_includes_what_its_patterns_say() {
    let calls = |methods, names, except| Calls {
        methods: patterns(methods),
        names: patterns(names),
        except: patterns(except),
    };
    let tool = |name: &'static str| Call { method: "tools/call", name: Called::Name(name.into()) };
    let list = || Call { method: "tools/list", name: Called::Nothing };
    let odd = || Call { method: "TOOLS/CALL", name: Called::Unclear };
    let (danger, safe) =
        (calls(&["tools/call"], &["delete_*"], &[]), calls(&["tools/*"], &[], &["delete_*"]));
    let both = calls(&[], &["delete_*", "echo"], &["delete_all"]);
    let (files, except) =
        (calls(&[], &["file:///public/*"], &[]), calls(&[], &[], &["file:///secret/*"]));
    let (any, star) = (Calls::default(), calls(&["*"], &["*"], &[]));
    let exact = calls(&[], &["a/../b"], &[]);
    let cases = [
        ("a tool that is meant", &danger, tool("delete_x"), true),
        ("the beginning alone", &danger, tool("delete_"), true),
        ("another tool", &danger, tool("echo"), false),
        ("another case", &danger, tool("Delete_x"), false),
        ("a list where names are asked for", &danger, list(), false),
        ("what is left out", &safe, tool("delete_x"), false),
        ("what is not left out", &safe, tool("echo"), true),
        ("a list where names are left out", &safe, list(), true),
        ("MC06: other letters meet nothing narrowed", &safe, odd(), false),
        ("MC06: nor names", &both, odd(), false),
        ("what is left out of what is named", &both, tool("delete_all"), false),
        ("a name, exact", &both, tool("echo"), true),
        ("anything", &any, odd(), true),
        ("any name is a name", &star, list(), false),
        ("a file", &files, tool("file:///public/a.txt"), true),
        ("MC11: dots", &files, tool("file:///public/../secret"), false),
        ("MC11: one dot", &files, tool("file:///public/./x"), false),
        ("MC11: encoded dots", &files, tool("file:///public/%2e%2E/secret"), false),
        ("MC11: an encoded slash", &files, tool("file:///public/..%2Fsecret"), false),
        ("MC11: an encoded backslash", &files, tool("file:///public/%5c"), false),
        ("MC11: a backslash", &files, tool("file:///public/\\x"), false),
        ("MC11: two slashes", &files, tool("file:///public//x"), false),
        ("MC11: dots at the end", &files, tool("file:///public/.."), false),
        ("MC11: dots before a query", &files, tool("file:///public/..?x"), false),
        ("another escape", &files, tool("file:///public/%20x"), true),
        ("three dots", &files, tool("file:///public/...x"), true),
        ("what may be anything is left out", &except, tool("file:///public/../secret/x"), false),
        ("what is clear is not", &except, tool("file:///public/x"), true),
        ("an unclear name, exact", &exact, tool("a/../b"), true),
    ];
    for (name, calls, call, expected) in cases {
        assert_eq!(calls.include(&call), expected, "{name}");
    }
}

#[test]
fn a_pattern_has_its_star_at_the_end() {
    for wrong in ["", "a*b", "**", "*a", "a\n"] {
        assert_eq!(Pattern::parse(wrong), None, "{wrong}");
    }
    for right in ["*", "a", "a*", "tools/*"] {
        assert_eq!(Pattern::parse(right).map(|one| one.to_string()).as_deref(), Some(right));
    }
}
