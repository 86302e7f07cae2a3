//! Files that are neither JSON nor YAML with something in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::help::{Foreign, Kind};

const WRITTEN_ANEW: &str = "what it says of callers has to be written anew: docs/config.md has \
                            examples";

/// Bytes that are no text.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<Foreign> {
    let starts: [(&[u8], &str, &str); 5] = [
        (
            b"\0asm",
            "a WebAssembly module, perhaps the filter itself",
            "its configuration is another file",
        ),
        (b"\x1f\x8b", "a file compressed by gzip", "unpack it first: `gunzip`"),
        (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
        (
            b"\x30\x82",
            "a certificate or a key in DER",
            "`pem` of a provider takes public keys in PEM",
        ),
        (b"\xff\xfe", "a text in UTF-16", "save it in UTF-8"),
    ];
    let (_, what, help) = starts.iter().find(|(start, ..)| bytes.starts_with(start))?;
    Some(Foreign::new(Kind::Other, *what, *help))
}

/// A token or a key. Nothing of it is shown.
pub(super) fn of_secret(text: &str) -> Option<Foreign> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("-----BEGIN ") {
        let label = rest.split_once("-----").map_or("", |(label, _)| label);
        let (what, help) = match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" => (
                "a certificate",
                "`openssl x509 -pubkey -noout` takes its key out, which `pem` of a provider takes; \
                 `--ca` trusts it",
            ),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => (
                "a public key in PEM",
                "it stands in `pem` of a provider, with \\n for each end of a line",
            ),
            "CERTIFICATE REQUEST" => {
                ("a request for a certificate", "nothing in it is for Tollgate")
            }
            label if label.ends_with("PRIVATE KEY") => (
                "a private key",
                "Tollgate takes public keys only: `openssl pkey -pubout` makes the one for `pem`",
            ),
            _ => return None,
        };
        return Some(Foreign::new(Kind::Access, what, help));
    }
    let token = text.strip_prefix("Bearer ").unwrap_or(text);
    let parts: Vec<_> = token.split('.').collect();
    let is_part =
        |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !matches!(parts.len(), 3 | 5) || !parts.iter().all(is_part) {
        return None;
    }
    let header = URL_SAFE_NO_PAD.decode(parts.first()?).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header.get("alg")?;
    Some(match parts.len() {
        3 => Foreign::new(Kind::Access, "a token (JWT)", "`tollgate decode` shows what it says"),
        _ => Foreign::new(
            Kind::Access,
            "an encrypted token (JWE)",
            "only whom it is for can read it: have the provider issue signed ones",
        ),
    })
}

/// Whether a line begins with a word and opens a block.
fn opens(line: &str, word: &str) -> bool {
    let rest = line.strip_prefix(word);
    rest.is_some_and(|rest| rest.starts_with([' ', '{']) && line.ends_with('{'))
}

/// What a text is, by lines that only its kind has.
pub(super) fn of_text(text: &str) -> Option<Foreign> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let any = |fits: &dyn Fn(&str) -> bool| lines().any(fits);
    let begins =
        |words: &[&str]| any(&|line: &str| words.iter().any(|word| line.starts_with(word)));
    let first = lines().next()?;
    let small = first.to_ascii_lowercase();
    let found = |what: &str, help: &str| Some(Foreign::new(Kind::Access, what, help));
    let unread = "what it writes is what is checked";
    if small.starts_with("<!doctype html") || small.starts_with("<html") {
        return found("a page in HTML, perhaps of a sign-in", "fetch the file itself");
    }
    if first.starts_with("<?xml") || first.starts_with('<') && text.contains("</") {
        let saml = text.contains("EntityDescriptor");
        let apache = text.contains("</VirtualHost>") || text.contains("</Location>");
        return match (apache, saml) {
            (true, _) => found("a configuration of Apache", WRITTEN_ANEW),
            (_, true) => found(
                "metadata of SAML, which is not for bearer tokens",
                "ask the provider for its OpenID discovery document",
            ),
            _ => found("a document in XML", "a configuration is JSON or YAML"),
        };
    }
    if first.starts_with("#!") {
        return found("a script", unread);
    }
    if text.contains("{{")
        && [".Values", ".Release", "include \"", "template \""]
            .iter()
            .any(|word| text.contains(word))
    {
        return found(
            "a template of Helm",
            "render it first: `helm template CHART | tollgate check -`",
        );
    }
    let is_filled = |begin: &str, end: &str| text.contains(begin) && text.contains(end);
    if is_filled("{% ", "%}") || is_filled("{{ ", " }}") {
        return found("a template", "fill it in first: what comes out is what is checked");
    }
    if any(&|line| opens(line, "server") || opens(line, "location") || opens(line, "http"))
        && any(&|line| line.ends_with(';'))
    {
        return found("a configuration of nginx", WRITTEN_ANEW);
    }
    if begins(&["<VirtualHost", "OIDCProviderMetadataURL", "OIDCOAuth", "AuthType ", "LoadModule "])
    {
        return found("a configuration of Apache", WRITTEN_ANEW);
    }
    if begins(&["frontend ", "backend "]) && begins(&["bind ", "server ", "default_backend "]) {
        return found("a configuration of HAProxy", WRITTEN_ANEW);
    }
    if any(&|line| line.starts_with("reverse_proxy ") || line.starts_with("forward_auth ")) {
        return found("a Caddyfile", WRITTEN_ANEW);
    }
    if begins(&["oidc_issuer_url", "cookie_secret", "OAUTH2_PROXY_", "oauth2_proxy_"]) {
        return found("settings of oauth2-proxy", WRITTEN_ANEW);
    }
    if begins(&["[entryPoints", "[http.routers", "[http.middlewares", "[providers.docker"]) {
        return found("settings of Traefik", WRITTEN_ANEW);
    }
    if any(&|line| {
        ["resource", "provider", "module", "variable"]
            .iter()
            .any(|word| opens(line, word) && line.contains('"'))
    }) {
        return found("a file of Terraform", unread);
    }
    if any(&|line| line.starts_with('[') && line.ends_with(']') && !line.contains(','))
        && any(&|line| line.contains(" = "))
    {
        return found("a file in TOML or INI", "a configuration is JSON or YAML");
    }
    None
}
