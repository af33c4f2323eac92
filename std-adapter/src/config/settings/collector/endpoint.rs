//! Addresses of collectors, and text that is never shown.

use std::fmt;
use std::net::IpAddr;

use picojaeger_core::adapter::percent_decode;

use crate::config::settings::setting::{HIDDEN, Violation, require};

/// Address of a collector: `http://` or `https://`, host, port and path.
///
/// Neither `Display` nor `Debug` shows what may be secret: the query is left out, and a user and
/// password before the host are not part of it.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true));
/// let config = config.collector("http://me:secret@jaeger:14268/api/traces?key=secret");
/// let collector = config.resolve()?.collector.expect("it was set");
/// assert_eq!(collector.endpoint.to_string(), "http://jaeger:14268/api/traces");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The whole address, but for user and password.
    url: String,
    /// Bytes of `url` before the query.
    shown: usize,
    /// Place of the host in `url`, without brackets.
    host: std::ops::Range<usize>,
}

/// Text that `Debug` does not show: a password, a token, the value of a header.
///
/// ```
/// use picojaeger_std::config::Secret;
///
/// assert_eq!(format!("{:?}", Secret::new("hunter2")), "…");
/// assert_eq!(Secret::new("hunter2").expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

/// An endpoint as it is written: with user and password, and perhaps without scheme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WrittenEndpoint {
    pub(crate) endpoint: Endpoint,
    pub(crate) user: Option<(Secret, Secret)>,
    pub(crate) has_scheme: bool,
}

impl Endpoint {
    /// Returns the whole address, with its query.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns whether the connection is to be encrypted.
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }

    /// Returns the name or address of the host, without brackets.
    pub fn host(&self) -> &str {
        self.url.get(self.host.clone()).unwrap_or_default()
    }

    /// Returns the port, if one is written.
    pub(crate) fn port(&self) -> Option<u16> {
        let rest = self.after_host().trim_start_matches(']');
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        rest.get(..end)?.strip_prefix(':')?.parse().ok()
    }

    /// Returns whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        let address = self.host().parse::<IpAddr>();
        address.map_or_else(
            |_| self.host().eq_ignore_ascii_case("localhost"),
            |address| address.is_loopback(),
        )
    }

    /// Appends a path where there is none.
    pub(crate) fn with_default_path(mut self, path: &str) -> Self {
        let end = self.host.end
            + self
                .after_host()
                .find(['/', '?'])
                .unwrap_or(self.after_host().len());
        if !self.url[end..].starts_with('/') {
            self.url.insert_str(end, path);
            self.shown += path.len();
        }
        self
    }

    fn after_host(&self) -> &str {
        self.url.get(self.host.end..).unwrap_or_default()
    }
}

impl WrittenEndpoint {
    /// Reads an address. A host, an optional port, and printable ASCII are required.
    pub(crate) fn parse(text: &str) -> Result<Self, Violation> {
        let bad = Violation {
            problem: "not an address of a collector",
            accepted: "http://host:port/path or https://host:port/path",
        };
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        require(printable && !text.contains('#'), bad.problem, bad.accepted)?;
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("http".into(), text),
        };
        let known = scheme == "http" || scheme == "https";
        require(known, bad.problem, bad.accepted)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, bracket) = host_of(address).ok_or(bad)?;
        let start = scheme.len() + 3 + bracket;
        let url = format!("{scheme}://{address}{path}");
        Ok(WrittenEndpoint {
            endpoint: Endpoint {
                shown: url.find('?').unwrap_or(url.len()),
                host: start..start + host,
                url,
            },
            user: user.map(user_and_password),
            has_scheme: text.contains("://"),
        })
    }
}

/// Returns the length of the host in `host[:port]` without its brackets, and 1 if it has any.
fn host_of(address: &str) -> Option<(usize, usize)> {
    let (host, bracket, rest) = match address.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, 1, rest)
        }
        None => {
            let end = address.find(':').unwrap_or(address.len());
            let (host, rest) = address.split_at(end);
            let odd = |byte: u8| !(byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            let valid = !host.is_empty() && host.len() <= 253 && !host.bytes().any(odd);
            (
                host.get(..if valid { end } else { 0 }).filter(|_| valid)?,
                0,
                rest,
            )
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0),
        None => rest.is_empty().then_some(1),
    };
    port.map(|_| (host.len(), bracket))
}

/// Splits `user:password`, and decodes both.
fn user_and_password(text: &str) -> (Secret, Secret) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (Secret(decode(user)), Secret(decode(password)))
}

/// Decodes `%41`; anything else stays as it is.
fn decode(text: &str) -> String {
    let bytes: Vec<_> = percent_decode(text.as_bytes()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.get(..self.shown).unwrap_or_default())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Secret {
    /// Makes a secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<WrittenEndpoint> {
        WrittenEndpoint::parse(text).ok()
    }

    #[test]
    fn an_address_is_taken_apart() {
        let cases = [
            ("http://jaeger:14268/api/traces", "jaeger", false),
            ("HTTPS://jaeger/x?key=1", "jaeger", false),
            ("localhost:4318", "localhost", true),
            ("http://[::1]:4318/v1/traces", "::1", true),
            ("http://127.0.0.7", "127.0.0.7", true),
            ("http://me:pa%3ass@host:1?q", "host", false),
        ];
        for (text, host, loopback) in cases {
            let endpoint = parse(text).unwrap_or_else(|| panic!("{text}")).endpoint;
            assert_eq!((endpoint.host(), endpoint.is_loopback()), (host, loopback));
        }
        let written = parse("https://me:pa%3ass@host:1/x?q=7").unwrap();
        assert_eq!(written.endpoint.url(), "https://host:1/x?q=7");
        assert_eq!(written.endpoint.to_string(), "https://host:1/x");
        let (user, password) = written.user.unwrap();
        assert_eq!((user.expose(), password.expose()), ("me", "pa:ss"));
    }

    #[test]
    fn a_path_is_appended_only_where_there_is_none() {
        for (text, expected) in [
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("http://host?q", "http://host/v1/traces?q"),
            ("http://host/", "http://host/"),
            ("http://host/x", "http://host/x"),
        ] {
            let endpoint = parse(text)
                .unwrap()
                .endpoint
                .with_default_path("/v1/traces");
            assert_eq!(endpoint.url(), expected);
            assert!(!endpoint.to_string().contains('?'));
        }
    }

    #[test]
    fn other_text_is_no_address() {
        for text in [
            "",
            "http://",
            "http://:80",
            "ftp://host",
            "http://host:0",
            "http://host:port",
            "http://ho st",
            "http://[::1",
            "http://[host]:1",
            "http://::1:80",
            "http://h#f",
            "http://é",
            "${HOST}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
