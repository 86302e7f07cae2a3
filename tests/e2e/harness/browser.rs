//! A browser that does what it is told: it keeps cookies, follows redirects and fills in forms, all on the
//! loopback interface.

use std::collections::BTreeMap;

use super::client::{Request, Response, fetch};

/// More pages than that is a loop.
const MOST_PAGES: usize = 20;
/// What browsers send with a page that is opened by hand, and with a link of the own pages.
pub(crate) const PAGE: [(&str, &str); 4] = [
    ("Accept", "text/html"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Site", "none"),
];
/// What they send with a script's request.
pub(crate) const SCRIPT: [(&str, &str); 3] =
    [("Accept", "*/*"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")];

/// A cookie: where it goes, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) path: String,
    /// The whole line that set it.
    pub(crate) set: String,
}

/// A person's browser.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    /// By the port of whoever set them.
    pub(crate) cookies: BTreeMap<u16, Vec<Cookie>>,
    /// The ports at which an origin's port is reached, where that is another.
    pub(crate) routes: BTreeMap<u16, u16>,
    /// Every place that it was sent to.
    pub(crate) sent_to: Vec<String>,
    /// The port of whoever set it, and the value, of every cookie that it ever had.
    had: Vec<(u16, String)>,
}

/// Port and path of a URL of the loopback interface.
pub(crate) fn parts(url: &str) -> (u16, &str) {
    let rest = url.strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("elsewhere: {url}"));
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (port.parse().expect("a port"), if path.is_empty() { "/" } else { path })
}

fn is_redirect(answer: &Response) -> bool {
    matches!(answer.status(), 302 | 303)
}

/// What stands in an attribute of a page, behind this text.
pub(crate) fn attribute(html: &str, before: &str) -> Option<String> {
    let (_, rest) = html.split_once(before)?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}

impl Browser {
    /// Sends a request with its cookies, and keeps what the answer sets.
    pub(crate) fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Response {
        let (port, path) = parts(url);
        let sent: Vec<_> = self.cookies.get(&port).into_iter().flatten().collect();
        let sent = sent.iter().filter(|cookie| path.starts_with(&cookie.path));
        let sent: Vec<_> = sent.map(|one| format!("{}={}", one.name, one.value)).collect();
        let mut request = Request::new(method, path).host(&format!("127.0.0.1:{port}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !sent.is_empty() {
            request = request.header("Cookie", sent.join("; "));
        }
        if method == "POST" {
            let kind = "application/x-www-form-urlencoded";
            request = request.header("Content-Type", kind).body(form);
        }
        let answer = fetch(self.routes.get(&port).copied().unwrap_or(port), &request);
        for set in answer.headers("set-cookie") {
            self.keep(port, &set);
        }
        answer
    }

    fn keep(&mut self, port: u16, set: &str) {
        let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        let attributes: Vec<_> = attributes.split(';').map(str::trim).collect();
        let of = |name: &str| {
            let found = attributes.iter().filter_map(|one| one.split_once('='));
            found.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, is)| is).next()
        };
        let path = of("path").unwrap_or("/").to_owned();
        let jar = self.cookies.entry(port).or_default();
        jar.retain(|one| one.name != name || one.path != path);
        let is_gone =
            of("max-age") == Some("0") || of("expires").is_some_and(|at| at.contains("1970"));
        if !is_gone {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.had.push((port, value.clone()));
            jar.push(Cookie { name, value, path, set: set.to_owned() });
        }
    }

    /// Opens a page, and goes where it is sent; where it ends, and what is there.
    pub(crate) fn open(&mut self, url: &str) -> (String, Response) {
        let answer = self.send("GET", url, &PAGE, "");
        self.follow(url, answer)
    }

    /// Goes where an answer sends it.
    pub(crate) fn follow(&mut self, from: &str, mut answer: Response) -> (String, Response) {
        let mut url = from.to_owned();
        for _ in 0..MOST_PAGES {
            if !is_redirect(&answer) {
                return (url, answer);
            }
            let to = answer.header("location").expect("a location");
            url = match to.strip_prefix('/') {
                Some(_) => format!("http://127.0.0.1:{}{to}", parts(&url).0),
                None => to,
            };
            self.sent_to.push(url.clone());
            answer = self.send("GET", &url, &PAGE, "");
        }
        panic!("{MOST_PAGES} redirects, and none of them the last: {:?}", self.sent_to);
    }

    /// Fills in the one form of a page.
    pub(crate) fn submit(
        &mut self,
        url: &str,
        page: &Response,
        fields: &[(&str, &str)],
    ) -> (String, Response) {
        let html = page.text();
        let action = attribute(&html, "action=\"").unwrap_or_else(|| panic!("no form: {html}"));
        let action = match action.strip_prefix('/') {
            Some(_) => format!("http://127.0.0.1:{}{action}", parts(url).0),
            None => action,
        };
        let form: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.send("POST", &action, &PAGE, &form.join("&"));
        self.follow(&action, answer)
    }

    /// Opens a page and signs in, wherever the provider asks for something.
    pub(crate) fn log_in(&mut self, url: &str) -> (String, Response) {
        let (mut at, mut page) = self.open(url);
        for _ in 0..MOST_PAGES {
            let prompt = attribute(&page.text(), "name=\"prompt\" value=\"");
            (at, page) = match prompt.as_deref() {
                Some("login") => {
                    let fields = [("prompt", "login"), ("login", "alice"), ("password", "any")];
                    self.submit(&at, &page, &fields)
                }
                Some(prompt) => self.submit(&at, &page, &[("prompt", prompt)]),
                None => return (at, page),
            };
        }
        panic!("the provider asks for ever: {}", page.text());
    }

    /// The names of an origin's cookies, in order.
    pub(crate) fn names(&self, port: u16) -> Vec<&str> {
        let jar = self.cookies.get(&port).into_iter().flatten();
        let mut names: Vec<_> = jar.map(|cookie| cookie.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// What nobody may read of it in a log: cookies, codes and states.
    pub(crate) fn secrets(&self, port: u16) -> Vec<String> {
        let had = self.had.iter().filter(|(of, _)| *of == port);
        let values = had.map(|(_, value)| value.clone());
        let parameters = self.sent_to.iter().filter_map(|url| url.split_once('?'));
        let parameters = parameters.flat_map(|(_, query)| query.split('&'));
        let secret = parameters.filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            ["code", "state", "nonce", "id_token_hint"].contains(&name).then(|| value.to_owned())
        });
        values.chain(secret).filter(|value| value.len() >= 8).collect()
    }
}
