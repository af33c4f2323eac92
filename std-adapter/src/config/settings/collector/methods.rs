//! The collector in code.

use std::time::Duration;

use super::Protocol;
use super::endpoint::Secret;
use crate::config::Config;

/// A collector, in place of the agent. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sends spans to a Jaeger collector over HTTP, as Thrift, and not to the agent:
    /// `http://host:14268/api/traces`. Without a path it is `/api/traces`. Needs the feature
    /// `http`, which is on by default, and `tls` for `https`.
    ///
    /// A user and a password may stand before the host. No secret belongs in the query: the crate
    /// `ureq` logs addresses at level debug. At level trace the target `ureq_proto` has the bytes of
    /// requests, credentials included: keep it off in production.
    #[must_use]
    pub fn collector(self, endpoint: impl Into<String>) -> Self {
        self.put_target("collector", Protocol::Thrift, endpoint.into())
    }

    /// Sends spans over HTTP as OTLP in protobuf, and not to the agent: `http://host:4318/v1/traces`.
    /// Without a path it is `/v1/traces`. Needs the feature `http`, which is on by default, and
    /// `tls` for `https`.
    #[must_use]
    pub fn otlp(self, endpoint: impl Into<String>) -> Self {
        self.put_target("otlp", Protocol::Otlp, endpoint.into())
    }

    fn put_target(mut self, method: &'static str, protocol: Protocol, endpoint: String) -> Self {
        let target = (protocol, Secret::new(endpoint));
        self.code.collector.target.put(method, target);
        self
    }

    /// Sends user and password to the collector (`Authorization: Basic`).
    #[must_use]
    pub fn collector_user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        let (method, collector) = ("collector_user", &mut self.code.collector);
        collector.user.put(method, Secret::new(user));
        collector.password.put(method, Secret::new(password));
        self
    }

    /// Sends a token to the collector (`Authorization: Bearer`), unless a user is set.
    #[must_use]
    pub fn collector_token(mut self, token: impl Into<String>) -> Self {
        let token = Secret::new(token);
        self.code.collector.token.put("collector_token", token);
        self
    }

    /// Adds a header to each request to the collector.
    #[must_use]
    pub fn collector_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let header = (name.into(), Secret::new(value));
        let headers = &mut self.code.collector.headers;
        headers.push("collector_header", header);
        self
    }

    /// Sets the longest time of each part of a request to the collector (the connect, the request, the
    /// answer), 1 ms to 1 day; `None`: no limit.
    #[must_use]
    pub fn collector_timeout(mut self, timeout: Option<Duration>) -> Self {
        let setting = &mut self.code.collector.timeout;
        setting.put("collector_timeout", timeout);
        self
    }

    /// Sets the time after which a batch that finds no usable answer is lost, up to 1 day; zero
    /// means a single attempt.
    #[must_use]
    pub fn retry_time(mut self, time: Duration) -> Self {
        self.code.collector.retry_time.put("retry_time", time);
        self
    }

    /// Sets the most spans of a batch to the collector, 1 to 65,535.
    #[must_use]
    pub fn max_batch_spans(mut self, spans: usize) -> Self {
        let setting = &mut self.code.collector.max_batch_spans;
        setting.put("max_batch_spans", spans);
        self
    }

    /// Sets the largest batch to the collector in bytes before compression, 512 to 64 MiB.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        let setting = &mut self.code.collector.max_batch_bytes;
        setting.put("max_batch_bytes", bytes);
        self
    }

    /// Trusts the roots in this PEM file, and no others. Needs the feature `tls`.
    #[must_use]
    pub fn collector_certificate(mut self, path: impl Into<String>) -> Self {
        let setting = &mut self.code.collector.certificate;
        setting.put("collector_certificate", path.into());
        self
    }

    /// Shows the certificates in a PEM file to the collector, whose key is in another. Needs the
    /// feature `tls`.
    #[must_use]
    pub fn collector_client_certificate(
        mut self,
        certificate: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        let (method, collector) = ("collector_client_certificate", &mut self.code.collector);
        collector.client_certificate.put(method, certificate.into());
        collector.client_key.put(method, key.into());
        self
    }

    /// Sets whether batches to the collector are compressed. Needs the feature `gzip`.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.code.collector.gzip.put("gzip", gzip);
        self
    }
}
