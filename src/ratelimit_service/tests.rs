use super::*;

/// Frames whose bytes another implementation wrote: Google's `protobuf` for Python (7.36.2), from the
/// field numbers and types of Envoy's `rls.proto` and `ratelimit.proto`.
const WITH_LIMIT: &str = "000000005a0a08746f6c6c67617465124c0a160a056c696d6974120d7374616e646172642e726174650a2b0a077375626a65637412203030313132323333343435353636373738383939616162626363646465656666120508e8071001181f";
const WITHOUT: &str = "000000004e0a017412470a180a056c696d6974120f6170692e6f72646572732e726174650a2b0a077375626a656374122066666666666666666666666666666666666666666666666666666666666666661801";
const LARGEST: &str = "00000000540a017412490a100a056c696d69741207612e71756f74610a2b0a077375626a65637412203030303030303030303030303030303030303030303030303030303030303030120808ffffffff0f100518ffffffff0f";
const OK_STATUS: &str = "00000000120801120e0801120408641001185d22020801";
const OVER_STATUS: &str = "0000000019080212150802120808904e10051a0178220708fd999e011005";
/// Beside the three headers one that would set a cookie, and more.
const OK_HEADERS: &str = "000000007508011a220a11582d526174654c696d69742d4c696d6974120d3130302c203130303b773d36301a1b0a15582d526174654c696d69742d52656d61696e696e67120234301a170a11582d526174654c696d69742d5265736574120231321a170a0a7365742d636f6f6b69651209613d620d0a783a2079";
const OVER_HEADERS: &str = "000000007608021a370a11582d526174654c696d69742d4c696d697412223130302c203130303b773d36303b6e616d653d227374616e646172642e72617465221a1b0a15582d526174654c696d69742d52656d61696e696e67120234301a160a11582d526174654c696d69742d52657365741201302a046f766572";
const OK_UNNAMED: &str = "0000000006080112020801";
const OK_BARE: &str = "00000000020801";
const OVER_BARE: &str = "00000000020802";
const UNKNOWN: &str = "0000000000";
const OVER_NEGATIVE: &str = "000000001708021213080212020805220b08ffffffffffffffffff01";
const OVER_FURTHEST: &str = "000000001608021212080212020805220a08ffffffffffffffff7f";

/// What they read as.
const TRUE_ONES: [(&str, Answer); 6] = [
    (OK_STATUS, Answer { is_over: false, limit: 100, remaining: 93, reset: Some(1) }),
    (OVER_STATUS, Answer { is_over: true, limit: 10_000, remaining: 0, reset: Some(2_591_997) }),
    (OK_HEADERS, Answer { is_over: false, limit: 100, remaining: 40, reset: Some(12) }),
    (OVER_HEADERS, Answer { is_over: true, limit: 100, remaining: 40, reset: Some(0) }),
    (OVER_NEGATIVE, Answer { is_over: true, limit: 5, remaining: 0, reset: Some(0) }),
    (OVER_FURTHEST, Answer { is_over: true, limit: 5, remaining: 0, reset: Some(u64::MAX >> 1) }),
];

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}

/// A message in its frame.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

fn fields(all: &[(&str, &str)]) -> Fields {
    all.iter().copied().collect()
}

/// What a frame is worth that came as good answers do.
fn judged(body: &[u8]) -> Result<Answer, Worthless> {
    let (headers, trailers) = (fields(&[]), fields(&[("grpc-status", "0")]));
    let (headers, trailers) = (&headers, &trailers);
    read(Reply { status: 200, headers, trailers, size: body.len(), body })
}

#[test]
fn questions_are_those_that_another_implementation_writes() {
    let plain = Question {
        domain: "t",
        limit: "api.orders.rate",
        subject: &"f".repeat(32),
        hits: 1,
        most: None,
    };
    assert_eq!(plain.encode(), bytes(WITHOUT));
    let with_limit = Question {
        domain: "tollgate",
        limit: "standard.rate",
        subject: "00112233445566778899aabbccddeeff",
        hits: 31,
        most: Some((1000, Unit::of(Duration::from_secs(1)).unwrap())),
    };
    assert_eq!(with_limit.encode(), bytes(WITH_LIMIT));
    let largest = Question {
        domain: "t",
        limit: "a.quota",
        subject: &"0".repeat(32),
        hits: u32::MAX,
        most: Some((u32::MAX, Unit::of(Duration::from_hours(30 * 24)).unwrap())),
    };
    assert_eq!(largest.encode(), bytes(LARGEST));
}

#[test]
fn windows_have_the_lengths_that_the_service_has_names_for() {
    let cases = [
        // seconds, the number in envoy.type.v3.RateLimitUnit
        (1, Some(1)),
        (60, Some(2)),
        (3_600, Some(3)),
        (86_400, Some(4)),
        (604_800, Some(7)),
        (2_592_000, Some(5)),
        (31_536_000, Some(6)),
        (2, None),
        (3_601, None),
    ];
    for (seconds, number) in cases {
        assert_eq!(Unit::of(Duration::from_secs(seconds)), number.map(Unit), "{seconds}");
    }
    assert_eq!(Unit::of(Duration::from_millis(1500)), None);
}

#[test]
fn answers_are_read_from_statuses_and_from_headers() {
    for (frame, expected) in TRUE_ONES {
        assert_eq!(judged(&bytes(frame)), Ok(expected), "{frame}");
    }
}

#[test]
fn an_answer_that_names_no_limit_is_worth_nothing_whatever_it_says() {
    for (frame, expected) in [
        (OK_UNNAMED, Worthless::Unnamed),
        (OK_BARE, Worthless::Unnamed),
        (OVER_BARE, Worthless::Unnamed),
        (UNKNOWN, Worthless::Code),
    ] {
        assert_eq!(judged(&bytes(frame)), Err(expected), "{frame}");
    }
    // A remaining and a reset alone are no name.
    let header = |key: &[u8], value: &[u8]| {
        let mut header = vec![10, u8::try_from(key.len()).unwrap()];
        header.extend(key);
        header.extend([18, u8::try_from(value.len()).unwrap()]);
        header.extend(value);
        let mut field = vec![26, u8::try_from(header.len()).unwrap()];
        field.extend(header);
        field
    };
    let mut message = vec![8, 1];
    message.extend(header(b"x-ratelimit-remaining", b"5"));
    assert_eq!(judged(&framed(&message)), Err(Worthless::Unnamed));
    message.extend(header(b"x-rateLIMIT-limit", b"9;w=1"));
    let good = Answer { is_over: false, limit: 9, remaining: 5, reset: None };
    assert_eq!(judged(&framed(&message)), Ok(good));
    for (key, value) in
        [("x-ratelimit-limit", "9"), ("x-ratelimit-reset", ""), ("x-ratelimit-reset", "-1")]
    {
        let mut wrong = message.clone();
        wrong.extend(header(key.as_bytes(), value.as_bytes()));
        assert_eq!(judged(&framed(&wrong)), Err(Worthless::Malformed), "{key}: {value}");
    }
}

#[test]
fn how_a_call_went_is_said_once_and_plainly() {
    let good = bytes(OK_STATUS);
    let failed = |code| Some(Worthless::Failed(code));
    let odd = Some(Worthless::NoStatus);
    let cases: &[(&str, u16, &[(&str, &str)], &[(&str, &str)], Option<Worthless>)] = &[
        ("in the trailers", 200, &[], &[("grpc-status", "0")], None),
        ("in the headers", 200, &[("grpc-status", "0")], &[], None),
        ("nowhere", 200, &[], &[("grpc-message", "0")], odd),
        ("in both", 200, &[("grpc-status", "0")], &[("grpc-status", "0")], odd),
        ("twice", 200, &[], &[("grpc-status", "0"), ("grpc-status", "14")], odd),
        ("as two digits", 200, &[], &[("grpc-status", "00")], odd),
        ("with a sign", 200, &[], &[("grpc-status", "+0")], odd),
        ("with a space", 200, &[], &[("grpc-status", " 0")], odd),
        ("empty", 200, &[], &[("grpc-status", "")], odd),
        ("beyond all numbers", 200, &[], &[("grpc-status", "99999999999999999999")], odd),
        ("unavailable", 200, &[("grpc-status", "14")], &[], failed(14)),
        ("another status", 503, &[], &[("grpc-status", "0")], Some(Worthless::Status(503))),
        ("no status", 0, &[], &[("grpc-status", "0")], Some(Worthless::Status(0))),
    ];
    for (name, status, headers, trailers, expected) in cases {
        let (headers, trailers) = (fields(headers), fields(trailers));
        let reply = Reply {
            status: *status,
            headers: &headers,
            trailers: &trailers,
            size: good.len(),
            body: &good,
        };
        assert_eq!(read(reply).err(), *expected, "{name}");
    }
    let headers = fields(&[("grpc-status", "0")]);
    let reply =
        Reply { status: 200, headers: &headers, trailers: &fields(&[]), size: 0, body: &[] };
    assert_eq!(read(reply), Err(Worthless::Frame), "a status in the headers, and no message");
}

#[test]
fn only_one_whole_frame_of_a_sound_message_is_read() {
    let good = bytes(OK_STATUS);
    let with = |place: usize, byte: u8| {
        let mut frame = good.clone();
        frame[place] = byte;
        frame
    };
    let behind = |more: &[u8]| framed(&[&good[5..], more].concat());
    let many = framed(&[&[8, 1][..], &[18, 0].repeat(10_000)].concat());
    let cases: Vec<(&str, Vec<u8>, Worthless)> = vec![
        ("compressed", with(0, 1), Worthless::Frame),
        ("shorter than it says", with(4, good[4] + 1), Worthless::Frame),
        ("longer than it says", with(4, good[4] - 1), Worthless::Frame),
        ("a length of four gigabytes", with(1, 0xff), Worthless::Frame),
        ("twice", good.repeat(2), Worthless::Frame),
        ("a group", behind(&[0x3b, 0x3c]), Worthless::Malformed),
        ("a group's end", behind(&[0x3c]), Worthless::Malformed),
        ("a form that there is not", behind(&[0x3e, 0]), Worthless::Malformed),
        ("a field of number 0", behind(&[0x02, 0]), Worthless::Malformed),
        ("a tag beyond all", behind(&[0xf8, 0xff, 0xff, 0xff, 0x7f, 0]), Worthless::Malformed),
        (
            "a number of eleven bytes",
            behind(&[&[0x38][..], &[0x80; 10], &[0]].concat()),
            Worthless::Malformed,
        ),
        (
            "a number of 70 bits",
            behind(&[&[0x38][..], &[0xff; 9], &[0x7f]].concat()),
            Worthless::Malformed,
        ),
        ("a code that is bytes", behind(&[0x0a, 0]), Worthless::Malformed),
        ("a status that is a number", behind(&[0x10, 0]), Worthless::Malformed),
        ("a second status", behind(&[0x12, 0]), Worthless::Malformed),
        ("statuses without number", many, Worthless::Malformed),
        ("a code that there is not", behind(&[0x08, 3]), Worthless::Code),
    ];
    for (name, frame, expected) in cases {
        assert_eq!(judged(&frame), Err(expected), "{name}");
    }
    // What is not known is no mistake, and of a field twice the last counts.
    for more in [&[0x38, 0][..], &[0x3d, 0, 0, 0, 0], &[0x39, 0, 0, 0, 0, 0, 0, 0, 0], &[0x3a, 0]] {
        assert!(judged(&behind(more)).is_ok(), "{more:?}");
    }
    assert!(judged(&behind(&[0x08, 2])).unwrap().is_over);
}

#[test]
fn a_long_answer_is_judged_by_its_size_alone() {
    let trailers = fields(&[("grpc-status", "0")]);
    let body = bytes(OK_STATUS);
    let reply = |size| {
        read(Reply { status: 200, headers: &fields(&[]), trailers: &trailers, size, body: &body })
    };
    assert!(reply(MAX_ANSWER).is_ok());
    assert_eq!(reply(MAX_ANSWER + 1), Err(Worthless::TooLong(MAX_ANSWER + 1)));
    assert_eq!(reply(40_000_000), Err(Worthless::TooLong(40_000_000)));
}

#[test]
fn no_part_of_an_answer_is_an_answer_and_none_with_a_wrong_bit_is_a_trap() {
    let all = [OK_UNNAMED, OK_BARE, OVER_BARE, UNKNOWN].into_iter();
    for frame in all.chain(TRUE_ONES.map(|(frame, _)| frame)).map(bytes) {
        for end in 0..frame.len() {
            assert_eq!(judged(&frame[..end]), Err(Worthless::Frame));
            // The same with a length that fits.
            let cut = framed(frame.get(5..end).unwrap_or_default());
            if let Ok(answer) = judged(&cut) {
                assert!(answer.limit > 0, "it has named its limit before the cut");
            }
        }
        for place in 0..frame.len() {
            for bit in 0..8 {
                let mut wrong = frame.clone();
                wrong[place] ^= 1 << bit;
                let read = judged(&wrong);
                assert!(place >= 5 || read.is_err(), "a wrong prefix: {wrong:?}");
            }
        }
    }
}
