//! What resources of control planes make, in the form of Envoy's own filters.

use saphyr_parser::ScalarStyle;

use crate::yaml::{Member, Node, Place, Scalar, Value};

fn map(members: impl IntoIterator<Item = (String, Node)>) -> Node {
    let member = |(name, node)| Member { name, at: Place::START, node };
    Node { at: Place::START, value: Value::Map(members.into_iter().map(member).collect()) }
}

fn list(elements: Vec<Node>) -> Node {
    Node { at: Place::START, value: Value::List(elements) }
}

fn word(text: &str) -> Node {
    let style = ScalarStyle::Plain;
    let scalar = Scalar { text: text.to_owned(), style, tagged: false, range: (0, 0) };
    Node { at: Place::START, value: Value::Scalar(scalar) }
}

/// The members of these names that are there, under other names.
fn taken(node: &Node, names: &[(&str, &str)]) -> Vec<(String, Node)> {
    let member = |(from, to): &(&str, &str)| Some(((*to).to_owned(), node.get(from)?.clone()));
    names.iter().filter_map(member).collect()
}

/// A `jwt_authn` with these providers, each by its issuer.
fn jwt(providers: Vec<Node>) -> Node {
    let rules = list(vec![map([("requires".to_owned(), map([]))])]);
    let named = providers.into_iter().map(|provider| {
        let name = provider.text_at(&["issuer"]).unwrap_or_default().to_owned();
        (name, provider)
    });
    map([("providers".to_owned(), map(named)), ("rules".to_owned(), rules)])
}

/// What a RequestAuthentication of Istio makes.
pub(super) fn request_authentication(resource: &Node) -> Node {
    let rules = resource.path(&["spec", "jwtRules"]).map(Node::elements).unwrap_or_default();
    let provider = |rule: &Node| {
        map(taken(
            rule,
            &[
                ("issuer", "issuer"),
                ("forwardOriginalToken", "forward"),
                ("fromHeaders", "from_headers"),
                ("fromParams", "from_params"),
                ("fromCookies", "from_cookies"),
            ],
        ))
    };
    jwt(rules.iter().map(provider).collect())
}

/// What `jwt` of a SecurityPolicy makes: the token always goes on.
pub(super) fn security_jwt(jwt_settings: &Node) -> Node {
    let providers = jwt_settings.get("providers").map(Node::elements).unwrap_or_default();
    let provider = |provider: &Node| {
        let mut members = taken(provider, &[("issuer", "issuer")]);
        if let Some(from) = provider.get("extractFrom") {
            let names = [
                ("headers", "from_headers"),
                ("params", "from_params"),
                ("cookies", "from_cookies"),
            ];
            members.extend(taken(from, &names));
        }
        members.push(("forward".to_owned(), word("true")));
        map(members)
    };
    jwt(providers.iter().map(provider).collect())
}

/// What `apiKeyAuth` of a SecurityPolicy makes.
pub(super) fn security_api_key(settings: &Node) -> Node {
    let places = settings.get("extractFrom").map(Node::elements).unwrap_or_default();
    let mut sources = Vec::new();
    for place in places {
        for (from, to) in [("headers", "header"), ("params", "query"), ("cookies", "cookie")] {
            let names = place.get(from).map(Node::elements).unwrap_or_default();
            sources.extend(names.iter().map(|name| map([(to.to_owned(), name.clone())])));
        }
    }
    let hides = map(taken(settings, &[("sanitize", "hide_credentials")]));
    map([("key_sources".to_owned(), list(sources)), ("forwarding".to_owned(), hides)])
}
