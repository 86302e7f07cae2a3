use super::*;

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
