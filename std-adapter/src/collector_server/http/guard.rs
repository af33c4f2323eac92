//! Who may ask: host names, origins, and the token.

use std::net::IpAddr;

use hmac_sha256::Hash;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, StatusCode, Uri};

use super::Refusal;

/// The checks of each request, of all ports.
pub(in crate::collector_server) struct Guard {
    /// Host names that the user allows, on any port.
    allowed: Vec<String>,
    /// Whether any IP address is right, as for listeners that other machines reach.
    any_address: bool,
    token: Option<Token>,
}

/// A token, as its hash: the time of a comparison says nothing of the token itself.
struct Token([u8; 32]);

impl Token {
    fn is(&self, text: &[u8]) -> bool {
        let hash = Hash::hash(text);
        let difference = self.0.iter().zip(hash).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl Guard {
    pub(in crate::collector_server) fn new(
        allowed: &[String],
        any_address: bool,
        token: Option<&str>,
    ) -> Self {
        Guard {
            allowed: allowed.iter().map(|name| name.to_lowercase()).collect(),
            any_address,
            token: token.map(|token| Token(Hash::hash(token.as_bytes()))),
        }
    }

    /// Checks that a request is for this program and of no other site's page.
    pub(super) fn check<B>(&self, request: &Request<B>, port: u16) -> Result<(), Refusal> {
        let host = self.host(request.uri(), request.headers(), port)?;
        let refused = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, message));
        for origin in request.headers().get_all(header::ORIGIN) {
            let own = origin.to_str().ok().and_then(|o| o.strip_prefix("http://"));
            if !own.is_some_and(|own| own.eq_ignore_ascii_case(host)) {
                return refused("requests of other sites' pages are refused (Origin)");
            }
        }
        let site = request
            .headers()
            .get(HeaderName::from_static("sec-fetch-site"));
        let is_own = site.is_none_or(|site| site == "same-origin" || site == "none");
        // A link on another page may lead to this one.
        if !is_own && request.uri().path() != "/" {
            return refused("requests of other sites' pages are refused (Sec-Fetch-Site)");
        }
        Ok(())
    }

    /// Returns the host that the request is for, if it is this program: else another site's name may lead to this
    /// address, and its page read the answers (DNS rebinding).
    fn host<'h>(&self, uri: &Uri, headers: &'h HeaderMap, port: u16) -> Result<&'h str, Refusal> {
        let bad = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, message);
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None, None) = (hosts.next(), hosts.next(), uri.authority()) else {
            return Err(bad(
                "a request has one Host header, and a path as its target",
            ));
        };
        let host = host
            .to_str()
            .map_err(|_| bad("the Host header is no text"))?;
        let (name, given) = split_port(host);
        let name = name.to_lowercase();
        if self.allowed.contains(&name) || self.allowed.contains(&host.to_lowercase()) {
            return Ok(host);
        }
        let is_known = match address(&name) {
            Some(address) => self.any_address || address.is_loopback(),
            None => name == "localhost",
        };
        if is_known && given == Some(port) {
            return Ok(host);
        }
        let shown: String = host.chars().take(100).collect();
        let message = format!(
            "the host `{shown}` is not allowed: start the collector with --allow-host {shown}"
        );
        Err(Refusal::new(StatusCode::FORBIDDEN, message))
    }

    /// Whether requests need a token.
    pub(in crate::collector_server) fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether this is the token; so is any where none is needed.
    pub(in crate::collector_server) fn is_token(&self, text: &str) -> bool {
        self.token
            .as_ref()
            .is_none_or(|token| token.is(text.as_bytes()))
    }

    /// Checks the header `Authorization`, and for the page its cookie.
    pub(in crate::collector_server) fn authorize(
        &self,
        headers: &HeaderMap,
        cookie: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let bearer = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.as_bytes());
        let bearer = bearer.and_then(|value| match value.split_at_checked(7) {
            Some((scheme, text)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(text),
            _ => None,
        });
        if bearer.is_some_and(|text| token.is(text)) {
            return Ok(());
        }
        let cookies = cookie.and_then(|name| find_cookie(headers, name));
        if cookies.is_some_and(|text| token.is(text.as_bytes())) {
            return Ok(());
        }
        let message = "the token is missing or wrong: open the address that the collector printed, or send \
                       `Authorization: Bearer TOKEN`";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, message))
    }
}

/// Splits the port off a host; that of no port is HTTP's own.
fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
            (name, port.parse().ok().filter(|_| is_number))
        }
        _ => (host, Some(80)),
    }
}

/// Reads a host that is an address, as URLs have it.
fn address(host: &str) -> Option<IpAddr> {
    match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

fn find_cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter();
    let pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn status(guard: &Guard, target: &str, headers: &[(&str, &str)]) -> u16 {
        let refusal = guard.check(&request(target, headers), 16686);
        refusal.map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_hosts_of_this_machine_and_allowed_ones_are_answered() {
        let guard = Guard::new(
            &["Build.example".to_owned(), "other:1".to_owned()],
            false,
            None,
        );
        for (host, expected) in [
            ("localhost:16686", 200),
            ("LOCALHOST:16686", 200),
            ("127.0.0.1:16686", 200),
            ("127.8.0.1:16686", 200),
            ("[::1]:16686", 200),
            ("build.example", 200),
            ("build.example:99", 200),
            ("other:1", 200),
            ("other:2", 403),
            ("localhost", 403),
            ("localhost:80", 403),
            ("localhost:x", 403),
            ("localhost.evil.example:16686", 403),
            ("evil.example:16686", 403),
            ("192.0.2.7:16686", 403),
            ("[::1", 403),
            ("::1:16686", 403),
            ("[127.0.0.1]:16686", 403),
            ("[::ffff:127.0.0.1]:16686", 403),
            ("0.0.0.0:16686", 403),
            ("2130706433:16686", 403),
            ("127.1:16686", 403),
            ("localhost.:16686", 403),
            ("localhost:+16686", 403),
            ("localhost:16686,evil", 403),
            ("user@localhost:16686", 403),
            ("", 403),
        ] {
            assert_eq!(status(&guard, "/", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(status(&guard, "/", &[]), 400);
        let two = [("host", "localhost:16686"), ("host", "evil.example")];
        assert_eq!(status(&guard, "/", &two), 400);
        let one = [("host", "localhost:16686")];
        assert_eq!(status(&guard, "http://evil.example/", &one), 400);
        let open = Guard::new(&[], true, Some("t"));
        assert_eq!(status(&open, "/", &[("host", "192.0.2.7:16686")]), 200);
        assert_eq!(status(&open, "/", &[("host", "evil.example:16686")]), 403);
    }

    #[test]
    fn other_origins_are_refused_on_each_path() {
        let guard = Guard::new(&[], false, None);
        let host = ("host", "localhost:16686");
        for (name, value, expected) in [
            ("origin", "http://localhost:16686", 200),
            ("origin", "http://localhost:3000", 403),
            ("origin", "https://localhost:16686", 403),
            ("origin", "http://127.0.0.1:16686", 403),
            ("origin", "null", 403),
            ("origin", "", 403),
            ("sec-fetch-site", "same-origin", 200),
            ("sec-fetch-site", "none", 200),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-site", 403),
        ] {
            let headers = [host, (name, value)];
            assert_eq!(status(&guard, "/api/status", &headers), expected, "{value}");
        }
        assert_eq!(
            status(&guard, "/", &[host, ("sec-fetch-site", "cross-site")]),
            200
        );
    }

    #[test]
    fn a_token_comes_as_bearer_or_in_the_page_s_cookie() {
        let guard = Guard::new(&[], true, Some("secret"));
        let is_ok = |name: &str, value: &str, cookie| {
            let request = request("/", &[(name, value)]);
            guard.authorize(request.headers(), cookie).is_ok()
        };
        assert!(is_ok("authorization", "Bearer secret", None));
        assert!(is_ok("authorization", "bearer secret", None));
        assert!(!is_ok("authorization", "Bearer secret2", None));
        assert!(!is_ok("authorization", "Bearer ", None));
        assert!(!is_ok("authorization", "secret", None));
        assert!(is_ok("cookie", "a=b; token=secret", Some("token")));
        assert!(!is_ok("cookie", "a=b; token=secre", Some("token")));
        assert!(!is_ok("cookie", "token=secret", None));
        assert!(!is_ok("accept", "*/*", Some("token")));
        assert!(guard.is_token("secret") && !guard.is_token(""));
    }
}
