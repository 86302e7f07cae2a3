//! Which keys of a set a token is tried with.

use super::*;

/// What was selected: the key IDs of the candidates, or the other outcome's name.
fn selected(set: &KeySet, kid: Option<&str>, alg: Alg) -> String {
    match set.select(kid.and_then(Kid::parse).as_ref(), alg) {
        Selection::Candidates(keys) => {
            let kids = keys.iter().map(|key| key.kid().map_or("-", Kid::as_str));
            kids.collect::<Vec<_>>().join(" ")
        }
        Selection::Mismatch => "mismatch".into(),
        Selection::Unknown => "unknown".into(),
    }
}

#[test]
fn keys_are_selected_by_id_and_algorithm() {
    use Alg::{EdDsa, Es256, Es384, Ps256, Rs256};
    let (a, b) = (with(rsa(), "kid", "a"), with(p256(), "kid", "b"));
    let mixed = parsed(&[ed25519(), a.clone(), b.clone(), with(p384(), "kid", "a")]);
    let bound = parsed(&[with(a.clone(), "alg", "RS256")]);
    let single = parsed(&[rsa()]);
    let nameless = parsed(&[rsa(), p256()]);
    let numbered = |range: std::ops::Range<usize>, kid: Option<&str>| -> KeySet {
        let entry = |nth| with(rsa(), "n", modulus(2048 + nth, 0));
        let named = |nth: usize| kid.map_or_else(|| format!("k{nth}"), str::to_owned);
        parsed(&range.map(|nth| with(entry(nth), "kid", named(nth))).collect::<Vec<_>>())
    };
    let (eight, nine) = (numbered(0..8, None), numbered(0..9, None));
    let alike = numbered(0..9, Some("x"));
    let all_eight = "k0 k1 k2 k3 k4 k5 k6 k7";
    let cases = [
        ("by its ID", &mixed, Some("b"), Es256, "b"),
        ("by its ID, which two have: RSA", &mixed, Some("a"), Ps256, "a"),
        ("by its ID, which two have: P-384", &mixed, Some("a"), Es384, "a"),
        ("the ID's key is of another type", &mixed, Some("b"), Rs256, "mismatch"),
        ("the ID's keys are both of another type", &mixed, Some("a"), Es256, "mismatch"),
        ("the key is for another algorithm", &bound, Some("a"), Ps256, "mismatch"),
        ("an ID that is not there", &mixed, Some("c"), Rs256, "unknown"),
        ("an ID in another case", &mixed, Some("A"), Rs256, "unknown"),
        ("an empty ID that is not there", &mixed, Some(""), Rs256, "unknown"),
        ("an ID not there, and a nameless key among others", &mixed, Some("c"), EdDsa, "unknown"),
        ("an ID not there, and one nameless key", &single, Some("c"), Rs256, "-"),
        (
            "an ID not there, and one nameless key of another type",
            &single,
            Some("c"),
            Es256,
            "unknown",
        ),
        ("an ID not there, and two nameless keys", &nameless, Some("c"), Es256, "unknown"),
        ("an ID not there, and one key of another ID", &bound, Some("c"), Rs256, "unknown"),
        ("no ID: what fits, named or not", &mixed, None, Rs256, "a"),
        ("no ID: a nameless key", &mixed, None, EdDsa, "-"),
        ("no ID: nothing fits", &bound, None, Ps256, "unknown"),
        ("no ID: eight that fit", &eight, None, Rs256, all_eight),
        ("no ID: nine that fit", &nine, None, Rs256, "unknown"),
        ("one ID for nine keys: eight are tried", &alike, Some("x"), Rs256, "x x x x x x x x"),
    ];
    for (name, set, kid, alg, expected) in cases {
        assert_eq!(selected(set, kid, alg), expected, "{name}");
    }
}
