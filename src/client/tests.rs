use super::*;

fn encoded(text: &str) -> String {
    let mut out = String::new();
    encode(text, &mut out);
    out
}

#[test]
fn a_form_is_encoded_as_browsers_do() {
    for (text, expected) in [
        ("aZ09*-._", "aZ09*-._"),
        ("a b", "a+b"),
        ("&=+%:/~", "%26%3D%2B%25%3A%2F%7E"),
        ("ü\u{0}\n", "%C3%BC%00%0A"),
    ] {
        assert_eq!(encoded(text), expected);
    }
    let mut form = String::new();
    add("a", "1 2", &mut form);
    add("b", "", &mut form);
    assert_eq!(form, "a=1+2&b=");
}

#[test]
fn what_a_client_shows_is_not_shown_to_anybody_else() {
    let secret = |text: &str| Secret::new(Zeroizing::new(text.to_owned()));
    for auth in [
        Auth::Basic(vec![secret("hush")]),
        Auth::Bearer(vec![secret("hush")]),
        Auth::Post(vec![secret("hush")]),
        Auth::None,
    ] {
        let client = Client { id: "me".into(), auth };
        assert!(!format!("{client:?}").contains("hush"));
        assert_eq!(client.secrets(), 1);
    }
}
