//! The HTTP client: one request, one answer.

use std::io::Read;

use ureq::http::HeaderMap;
use ureq::http::header::{LOCATION, RETRY_AFTER};
use ureq::{Agent, Proxy};

use super::answer::Answer;
use crate::config::{CollectorSettings, Endpoint, Protocol};

/// Posts batches to one collector over connections that stay open.
pub(super) struct Client {
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
    /// Bytes of the last body, as sent.
    sent: usize,
    #[cfg(feature = "gzip")]
    compressor: Option<super::gzip::Compressor>,
}

/// Bytes of a body that are read: enough for an error, or for a count of rejected spans.
const READ: u64 = 64 << 10;
const USER_AGENT: &str = concat!("picojaeger/", env!("CARGO_PKG_VERSION"));

impl Client {
    /// Makes a client; opens no connection yet.
    pub(super) fn new(settings: &CollectorSettings) -> Self {
        let config = Agent::config_builder()
            // Each part has a limit of its own: with one for all, `ureq` starts a thread for the
            // look-up of each request, which costs more than the request.
            .timeout_connect(settings.timeout)
            .timeout_send_request(settings.timeout)
            .timeout_send_body(settings.timeout)
            .timeout_recv_response(settings.timeout)
            .timeout_recv_body(settings.timeout)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(proxy(&settings.endpoint))
            .user_agent(USER_AGENT)
            .accept_encoding("")
            .max_idle_connections(1);
        #[cfg(feature = "tls")]
        let config = config.tls_config(super::tls::config(settings));
        let content_type = match settings.protocol {
            Protocol::Thrift => "application/x-thrift",
            Protocol::Otlp => "application/x-protobuf",
        };
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let others = settings.headers.iter();
        headers.extend(others.map(|(name, value)| (name.clone(), value.expose().to_owned())));
        Client {
            agent: config.build().new_agent(),
            url: settings.endpoint.url().to_owned(),
            headers,
            sent: 0,
            #[cfg(feature = "gzip")]
            compressor: settings.gzip.then(super::gzip::Compressor::new),
        }
    }

    /// The same client, which connects and looks names up by these.
    #[cfg(test)]
    pub(super) fn with_parts(
        mut self,
        connector: impl ureq::unversioned::transport::Connector,
        resolver: impl ureq::unversioned::resolver::Resolver,
    ) -> Self {
        let config = self.agent.config().clone();
        self.agent = Agent::with_parts(config, connector, resolver);
        self
    }

    /// Returns a handle that interrupts requests.
    pub(super) fn agent(&self) -> Agent {
        self.agent.clone()
    }

    /// Replaces the values of the user's headers, should a collector have repeated them.
    pub(super) fn without_secrets(&self, text: String) -> String {
        let values = self.headers.iter().skip(1).map(|(_, value)| value);
        let secrets = values.filter(|value| !value.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret, "…"))
    }

    /// Returns the bytes of the last body, as sent.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// Posts a batch.
    ///
    /// # Errors
    /// The text of the error, where no status was read.
    pub(super) fn post(&mut self, body: &[u8]) -> Result<Answer, String> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        #[cfg(feature = "gzip")]
        if let Some(compressor) = &mut self.compressor {
            let compressed = compressor.compress(body);
            self.sent = compressed.len();
            let request = request.header("content-encoding", "gzip");
            return request.send(compressed).map(answer).map_err(text);
        }
        self.sent = body.len();
        request.send(body).map(answer).map_err(text)
    }
}

/// Reads the parts of a response that count. A body that breaks off changes nothing: the status
/// has been read.
fn answer(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (head, body) = response.into_parts();
    let mut answer = Answer {
        status: head.status.as_u16(),
        reason: head.status.canonical_reason().unwrap_or_default(),
        retry_after: value(&head.headers, RETRY_AFTER),
        location: value(&head.headers, LOCATION),
        body: Vec::new(),
    };
    let _broken_off = body.into_reader().take(READ).read_to_end(&mut answer.body);
    answer
}

fn value(headers: &HeaderMap, name: ureq::http::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Returns the text of an error, which shows neither address nor header.
fn text(error: ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => format!("cannot be reached: {error}"),
        ureq::Error::HostNotFound => "cannot be reached: its host is not found".into(),
        ureq::Error::Timeout(phase) => format!("gave no answer in time ({phase})"),
        ureq::Error::BadUri(_) => "its address is wrong".into(),
        other => format!("gave no answer: {other}"),
    }
}

/// Returns the proxy that the environment names for an endpoint; none for this machine.
fn proxy(endpoint: &Endpoint) -> Option<Proxy> {
    proxy_of(endpoint, |name| std::env::var(name).ok())
}

/// Looks for the variables of the endpoint's scheme, then for those of all schemes. `HTTP_PROXY` is
/// not read where `REQUEST_METHOD` is set: there it is a header of a CGI request.
fn proxy_of(endpoint: &Endpoint, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    if endpoint.is_loopback() || bypasses(endpoint.host(), &variable) {
        return None;
    }
    let names: &[&str] = match endpoint.is_https() {
        true => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        false if variable("REQUEST_METHOD").is_some() => &["http_proxy", "all_proxy", "ALL_PROXY"],
        false => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let named = names.iter().filter_map(|name| variable(name));
    let url = named.into_iter().find(|url| !url.is_empty())?;
    Proxy::new(&url).ok()
}

/// Returns whether `NO_PROXY` names the host, a domain above it, or all.
fn bypasses(host: &str, variable: impl Fn(&str) -> Option<String>) -> bool {
    let list = variable("no_proxy").or_else(|| variable("NO_PROXY"));
    let host = host.to_ascii_lowercase();
    list.unwrap_or_default().split(',').any(|entry| {
        let entry = entry
            .trim()
            .trim_start_matches("*.")
            .trim_start_matches('.');
        let entry = entry.to_ascii_lowercase();
        let is_below = || {
            host.strip_suffix(&entry)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        entry == "*" || !entry.is_empty() && (host == entry || is_below())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sampler};

    fn proxied(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let config = Config::new("test")
            .sampler(Sampler::Const(true))
            .collector(url);
        let endpoint = config.resolve().unwrap().collector.unwrap().endpoint;
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Some(proxy_of(&endpoint, variable)?.uri().to_string())
    }

    #[test]
    fn the_proxy_is_that_of_the_scheme_or_of_all() {
        let both = [
            ("HTTP_PROXY", "http://one:1"),
            ("ALL_PROXY", "http://all:2"),
        ];
        assert_eq!(proxied("http://jaeger/", &both).unwrap(), "http://one:1/");
        assert_eq!(
            proxied("http://jaeger/", &both[1..]).unwrap(),
            "http://all:2/"
        );
        assert_eq!(
            proxied("http://jaeger/", &[("HTTPS_PROXY", "http://one:1")]),
            None
        );
        let cgi = [("HTTP_PROXY", "http://one:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxied("http://jaeger/", &cgi), None);
    }

    #[test]
    fn this_machine_and_named_hosts_are_reached_without() {
        let proxy = ("http_proxy", "http://one:1");
        for host in ["localhost", "127.0.0.1", "[::1]", "127.9.9.9:80"] {
            assert_eq!(
                proxied(&format!("http://{host}/"), &[proxy]),
                None,
                "{host}"
            );
        }
        let cases = [
            ("other, .inner", true),
            ("jaeger.inner", true),
            ("*", true),
            ("aeger.inner", false),
            ("", false),
        ];
        for (list, direct) in cases {
            let found = proxied("http://jaeger.inner/", &[proxy, ("NO_PROXY", list)]);
            assert_eq!(found.is_none(), direct, "{list}");
        }
    }
}
