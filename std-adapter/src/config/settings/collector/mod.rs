//! The collector that the spans are sent to over HTTP, in place of an agent.

mod credentials;
mod endpoint;
mod methods;
mod names;
mod pem;
mod rules;

use std::time::Duration;

use super::layer::Layer;
use super::resolver::Resolver;
use super::setting::Setting;
use crate::config::{Config, ConfigWarning};
use credentials::{authorization, both, user_and_password};

pub(super) use endpoint::WrittenEndpoint;
pub use endpoint::{Endpoint, Secret};
pub(super) use names::{NAMES, secret, set_target};
pub use pem::Pem;
pub(super) use rules::SPANS;

const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_TIME: Duration = Duration::from_secs(30);
const MAX_BATCH_SPANS: usize = 512;
const MAX_BATCH_BYTES: usize = 1_000_000;
/// The part of `memory_limit` that a batch may take: it lies in two or three buffers at once.
const BATCH_SHARE: usize = 16;

/// The collector that the spans are sent to over HTTP.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Protocol, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).otlp("http://jaeger:4318");
/// let collector = config.resolve()?.collector.expect("it was set");
/// assert_eq!(collector.protocol, Protocol::Otlp);
/// assert_eq!(collector.endpoint.to_string(), "http://jaeger:4318/v1/traces");
/// assert_eq!(collector.retry_time, Duration::from_secs(30));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectorSettings {
    /// The format of the batches.
    pub protocol: Protocol,
    /// The address that batches are posted to.
    pub endpoint: Endpoint,
    /// Headers of each request beside our own, authorization included.
    pub headers: Vec<(String, Secret)>,
    /// Longest time of each part of a request: the connect, the request, the head of the answer and its
    /// body; 1 ms to 1 day, `None`: no limit. A look-up takes what the system's resolver takes.
    /// Default: 10 s.
    pub timeout: Option<Duration>,
    /// Time after which a batch that finds no usable answer is lost, up to 1 day. Default: 30 s.
    pub retry_time: Duration,
    /// The most spans of a batch, 1 to 65,535. Default: 512.
    pub max_batch_spans: usize,
    /// Largest batch in bytes before compression, 512 to 64 MiB, and at most a sixteenth of
    /// [`memory_limit`](super::ReporterSettings::memory_limit). Default: 1,000,000.
    pub max_batch_bytes: usize,
    /// Batches are compressed with gzip. Default: no.
    pub gzip: bool,
    /// The roots that are trusted. Default: those of Mozilla, or of the system with the feature
    /// `tls-native-roots`.
    pub certificate: Option<Pem>,
    /// The certificates that we show, and their key. Default: none.
    pub client: Option<(Pem, Pem)>,
}

/// The format of batches to a collector.
///
/// ```
/// use picojaeger_std::config::Protocol;
///
/// assert_ne!(Protocol::Thrift, Protocol::Otlp);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Thrift binary, as Jaeger's collectors read it at port 14268.
    Thrift,
    /// OTLP with protobuf, as OpenTelemetry's collectors and Jaeger read it at port 4318.
    Otlp,
}

/// A protocol and the address as it is written, which may hold a password.
type Target = (Protocol, Secret);

#[derive(Clone, Debug)]
pub(crate) struct CollectorLayer {
    pub(super) target: Setting<Target>,
    pub(super) user: Setting<Secret>,
    pub(super) password: Setting<Secret>,
    token: Setting<Secret>,
    pub(super) headers: Setting<Vec<(String, Secret)>>,
    pub(super) timeout: Setting<Option<Duration>>,
    pub(super) retry_time: Setting<Duration>,
    pub(super) max_batch_spans: Setting<usize>,
    max_batch_bytes: Setting<usize>,
    pub(super) gzip: Setting<bool>,
    pub(super) certificate: Setting<String>,
    pub(super) client_certificate: Setting<String>,
    pub(super) client_key: Setting<String>,
}

impl Default for CollectorLayer {
    fn default() -> Self {
        Self {
            target: Setting::secret(rules::target),
            user: Setting::secret(rules::user),
            password: Setting::secret(|_| Ok(())),
            token: Setting::secret(rules::header_value),
            headers: Setting::secret(|headers| headers.iter().try_for_each(rules::header)),
            timeout: Setting::checked(|time| {
                time.as_ref().map_or(Ok(()), super::reporter::interval)
            }),
            retry_time: Setting::checked(rules::retry_time),
            max_batch_spans: Setting::checked(rules::max_batch_spans),
            max_batch_bytes: Setting::checked(rules::max_batch_bytes),
            gzip: Setting::checked(rules::gzip),
            certificate: Setting::checked(|path| pem::certificate(path)),
            client_certificate: Setting::checked(|path| pem::certificate(path)),
            client_key: Setting::checked(|path| pem::key(path)),
        }
    }
}

impl CollectorLayer {
    /// Returns the protocol of the layer's endpoint, if it names one.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.target.made().map(|((protocol, _), _)| *protocol)
    }
}

impl Protocol {
    /// Returns the path of an endpoint that names none.
    const fn path(self) -> &'static str {
        match self {
            Protocol::Thrift => "/api/traces",
            Protocol::Otlp => "/v1/traces",
        }
    }
}

impl CollectorSettings {
    /// Decides; `None` where no endpoint is named, or the agent is by a stronger layer. `memory` bounds
    /// the largest batch.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, memory: usize) -> Option<Self> {
        let spans = resolver.pick_or(|layer| &layer.collector.max_batch_spans, MAX_BATCH_SPANS);
        let retry_time = resolver.pick_or(|layer| &layer.collector.retry_time, RETRY_TIME);
        let bytes = resolver.pick_or(|layer| &layer.collector.max_batch_bytes, MAX_BATCH_BYTES);
        let Some(layers) = layers_of_endpoint(resolver) else {
            // A wrong value is a fault all the same.
            Self::of_endpoint(resolver);
            return None;
        };
        let settings = resolver.among(layers, Self::of_endpoint)?;
        Some(CollectorSettings {
            max_batch_spans: spans,
            max_batch_bytes: bytes.min(memory / BATCH_SHARE),
            retry_time,
            ..settings
        })
    }

    /// Decides what goes with the endpoint, in the layers that go with it.
    fn of_endpoint(resolver: &mut Resolver<'_>) -> Option<Self> {
        let target = resolver.pick(|layer| &layer.collector.target);
        let headers = resolver.pick(|layer| &layer.collector.headers);
        let timeout = resolver.pick_or(|layer| &layer.collector.timeout, Some(TIMEOUT));
        let gzip = resolver.pick_or(|layer| &layer.collector.gzip, false);
        let token = resolver.pick(|layer| &layer.collector.token);
        let certificate = resolver.pick(|layer| &layer.collector.certificate);
        let client = client(resolver);
        let (protocol, text) = target?;
        let user = user_and_password(resolver);
        let written = WrittenEndpoint::parse(text.expose()).ok()?;
        let mut headers = headers.unwrap_or_default();
        headers.extend(authorization(user.or(written.user), token));
        Some(CollectorSettings {
            protocol,
            endpoint: written.endpoint.with_default_path(protocol.path()),
            headers,
            timeout,
            retry_time: RETRY_TIME,
            max_batch_spans: MAX_BATCH_SPANS,
            max_batch_bytes: MAX_BATCH_BYTES,
            gzip,
            certificate: certificate.and_then(|path| Pem::read(&path)),
            client: client.and_then(|(chain, key)| Pem::read(&chain).zip(Pem::read(&key))),
        })
    }

    /// Returns the memory of the buffers that a batch lies in: the encoder's, a copy of its own,
    /// and the compressed one.
    pub(crate) fn buffers(&self) -> usize {
        self.max_batch_bytes * if self.gzip { 3 } else { 2 }
    }
}

/// Returns the paths of the client's certificate and key; one without the other is a fault.
fn client(resolver: &mut Resolver<'_>) -> Option<(String, String)> {
    let reason = "a client's certificate and its key belong together; set both";
    both(
        resolver,
        |layer| &layer.collector.client_certificate,
        |layer| &layer.collector.client_key,
        reason,
    )
}

/// Returns the layers whose settings go with the endpoint; `None` if there is none, or if a stronger
/// layer names the agent. OpenTelemetry's variables and the others' do not mix: the credentials of one
/// collector are not for another.
fn layers_of_endpoint<'a>(resolver: &Resolver<'a>) -> Option<Vec<&'a Layer>> {
    let Config {
        environment,
        otel,
        file,
        ..
    } = resolver.config;
    let mut layers = resolver.layers();
    let first = *layers.iter().find(|layer| layer.names_receiver())?;
    first.collector.target.made()?;
    layers.retain(|&layer| match std::ptr::eq(first, &**otel) {
        true => !std::ptr::eq(layer, &**environment) && !std::ptr::eq(layer, &**file),
        false => !std::ptr::eq(layer, &**otel),
    });
    Some(layers)
}

/// The warnings of credentials and headers for a collector that is not named.
pub(super) fn warnings(config: &Config) -> Vec<ConfigWarning> {
    let layers = Resolver::new(config).layers();
    // A further receiver of the same variables may be a collector.
    let names_collector = |layer: &&Layer| {
        let target = &layer.collector.target;
        target.made().is_some() || target.is_refused() || !layer.also_send_to.is_empty()
    };
    if layers.iter().any(names_collector) {
        return Vec::new();
    }
    let origins = layers.into_iter().flat_map(|layer| {
        let CollectorLayer {
            user,
            password,
            token,
            headers,
            timeout,
            ..
        } = &layer.collector;
        let credentials = [user, password, token].map(|it| it.made().map(|(_, origin)| origin));
        let others = [
            headers.made().map(|(_, origin)| origin),
            timeout.made().map(|(_, origin)| origin),
        ];
        credentials.into_iter().chain(others).flatten()
    });
    let message = "no effect: spans are sent to an agent over UDP";
    origins
        .map(|origin| ConfigWarning::new(origin.clone(), message))
        .collect()
}
