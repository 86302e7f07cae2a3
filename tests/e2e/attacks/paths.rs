//! G: how a path may be written.

use super::super::harness::Request;
use super::Case::{Alice, ByEnvoy, Elsewhere, Paths, Refused};
use super::{OURS, Row, Stage, forged};

#[test]
fn paths_that_two_hops_could_read_differently() {
    let stage = Stage::start("attacks-paths");
    let (missing, ambiguous) = ("credential_missing", "path_ambiguous");
    let get = Request::get;
    let rows = vec![
        Row(
            "G01",
            "dot segments, raw and encoded",
            vec![Paths(
                ambiguous,
                missing,
                vec!["/public/../admin", "/public/%2e%2e/admin", "/public/.%2e/admin"],
            )],
        ),
        Row(
            "G02",
            "empty segments",
            vec![
                Paths(ambiguous, missing, vec!["//admin", "/./admin"]),
                Paths(ambiguous, "", vec!["///public//x"]),
            ],
        ),
        Row(
            "G03",
            "slashes and backslashes, encoded",
            vec![
                Paths(
                    ambiguous,
                    "envoy",
                    vec!["/public%2f..%2fadmin", "/public%2F..%2Fadmin", "/public/%5C..%5Cadmin"],
                ),
                Paths(ambiguous, missing, vec!["/public\\..\\admin"]),
            ],
        ),
        Row(
            "G04",
            "encoded twice: decoded once, and a name like any other",
            vec![
                Paths(missing, missing, vec!["/%252e%252e%252fpublic", "/admin%252f..%252fpublic"]),
                Paths("", "", vec!["/public/%252e%252e%252fadmin"]),
            ],
        ),
        Row(
            "G05",
            "parameters of a segment",
            vec![
                Paths(ambiguous, missing, vec!["/public;/../admin", "/public/..;/admin"]),
                Paths(missing, missing, vec!["/admin;x=1"]),
                Paths(ambiguous, ambiguous, vec!["/public;x=1", "/public%3Bx=1", "/health;x"]),
            ],
        ),
        Row(
            "G06",
            "something behind the name",
            vec![
                Paths(missing, missing, vec!["/admin/", "/admin.", "/admin%20"]),
                Paths(ambiguous, missing, vec!["/admin/."]),
                Paths(ambiguous, "envoy", vec!["/admin%00"]),
                Paths(ambiguous, ambiguous, vec!["/admin%09", "/public/%0d%0ax"]),
            ],
        ),
        Row(
            "G07",
            "fragments",
            vec![
                Paths("envoy", "envoy", vec!["/admin#public", "/public#/../admin"]),
                Paths(
                    ambiguous,
                    ambiguous,
                    vec!["/public/%23/../admin".split("/..").next().unwrap()],
                ),
            ],
        ),
        Row(
            "G08",
            "a public path in the query",
            vec![Paths(
                missing,
                missing,
                vec!["/admin?x=/public", "/admin?/public/x", "/admin?../public/x"],
            )],
        ),
        Row(
            "G09",
            "another case",
            vec![Paths(missing, missing, vec!["/Public/x", "/PUBLIC", "/Health"])],
        ),
        Row(
            "G10",
            "a prefix of a name",
            vec![Paths(
                missing,
                missing,
                vec!["/publicity", "/public-admin", "/public.", "/healthy"],
            )],
        ),
        Row(
            "G11",
            "expressions that match too much",
            vec![Elsewhere(
                "paths are matched by segments; there are no regular expressions",
                &["requests_belong_to_the_first_api_that_matches_and_odd_paths_to_none"],
            )],
        ),
        Row(
            "G12",
            "targets that are no path",
            vec![
                ByEnvoy(vec![Request::new("OPTIONS", "*"), get("")]),
                Refused(
                    missing,
                    vec![get("http://api.example.com/admin"), get("http://api.example.com")],
                ),
            ],
        ),
        Row(
            "G13",
            "bytes that are no text",
            vec![
                Paths(
                    ambiguous,
                    ambiguous,
                    vec!["/public/%c0%af", "/public/%ff", "/public/%ed%a0%80"],
                ),
                ByEnvoy(vec![Request::get(b"/public/\xc0\xaf")]),
            ],
        ),
        Row(
            "G14",
            "very long paths",
            vec![
                Refused(
                    missing,
                    vec![
                        Request::get("/a".repeat(5_000)),
                        Request::get(format!("/{}", "a".repeat(50_000))),
                    ],
                ),
                Refused(
                    ambiguous,
                    vec![Request::get(format!("/public{}/x", "/a/..".repeat(5_000)))],
                ),
            ],
        ),
        Row(
            "G15",
            "a route that a later filter changes",
            vec![Elsewhere(
                "no route is looked at: host, path and method are, as they are here",
                &[],
            )],
        ),
        Row(
            "G16",
            "a second pass, and what claims to be one",
            vec![
                Refused(
                    missing,
                    vec![
                        get("/g16").header("X-Envoy-Original-Path", "/public/x"),
                        get("/g16").header("X-Envoy-Internal", "true"),
                    ],
                ),
                Alice(vec![forged(
                    get("/g16").header("X-Envoy-Original-Path", "/public/x"),
                    &OURS,
                )]),
                Elsewhere(
                    "a redirect inside Envoy runs the filter again from the start, which asks for the credential again",
                    &[],
                ),
            ],
        ),
        Row(
            "G17",
            "paths of the filter itself",
            vec![Elsewhere(
                "it has none: every path is an API's",
                &["requests_belong_to_the_first_api_that_matches_and_odd_paths_to_none"],
            )],
        ),
    ];
    stage.run(&rows, 'G', 17);
}
