//! The remote sampler: its server, how often it is asked, and how its answers are used.

use std::time::Duration;

use super::layer::Names;
use super::reporter::interval;
use super::resolver::Resolver;
use super::server::{ServerLayer, read_url, resolve_url, with_scheme};
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::source::Entry;

const REFRESH_INTERVAL: Duration = Duration::from_secs(60);
const MAX_OPERATIONS: usize = 2_000;
const OPERATIONS: &str = "1 to 100000 operations";

/// The remote sampler's server and its answers. Without effect where another sampler is chosen.
///
/// ```
/// use picojaeger_std::config::Config;
///
/// let config = Config::new("shop").agent_host("jaeger");
/// # #[cfg(feature = "http")]
/// assert_eq!(config.resolve()?.sampling.server_url, "http://jaeger:5778");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SamplingSettings {
    /// URL of the server, to which the service's name is added. Without a path, that of the clients
    /// (`/sampling`, or `/` where that is not found) is added too. Default: port 5778 of the agent's
    /// host.
    pub server_url: String,
    /// Time between two questions to the server, 1 ms to 1 day. Default: 60 s.
    pub refresh_interval: Duration,
    /// Most operations with a rate of their own, 1 to 100,000; the others get the default
    /// probability. Default: 2,000.
    pub max_operations: usize,
    /// A decision that depends on the operation waits until the root is renamed, gets a child, passes
    /// on its context or finishes. Default: no.
    pub late_binding: bool,
    /// The tracer's start waits for the first answer, at most this long, 1 ms to 1 day; `None`: not
    /// at all. Default: none.
    pub first_fetch_timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct SamplingLayer {
    pub(super) server: ServerLayer,
    max_operations: Setting<usize>,
    late_binding: Setting<bool>,
    first_fetch_timeout: Setting<Duration>,
}

impl Default for SamplingLayer {
    fn default() -> Self {
        Self {
            server: ServerLayer::default(),
            max_operations: Setting::checked(max_operations),
            late_binding: Setting::default(),
            first_fetch_timeout: Setting::checked(interval),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (
            &["sampler.server_url", "sampler.samplingServerURL"],
            |layer, entry| layer.sampling.server.url.read(entry, read_url),
        ),
        (&["local_agent.sampling_port"], |layer, entry| {
            let setting = &mut layer.sampling.server.port;
            setting.read(entry, super::agent::read_port)
        }),
        (&["sampler.refresh_interval"], |layer, entry| {
            let setting = &mut layer.sampling.server.refresh_interval;
            setting.read(entry, Entry::duration)
        }),
        (
            &[
                "sampler.samplingRefreshInterval",
                "sampler.samplingrefreshinterval",
            ],
            |layer, entry| {
                let setting = &mut layer.sampling.server.refresh_interval;
                setting.read_or_default(entry, Entry::duration_or_seconds)
            },
        ),
        (&["sampling_refresh_interval"], |layer, entry| {
            let setting = &mut layer.sampling.server.refresh_interval;
            setting.read_or_default(entry, Entry::seconds)
        }),
        (&["sampler.refreshIntervalMs"], |layer, entry| {
            let setting = &mut layer.sampling.server.refresh_interval;
            setting.read(entry, Entry::milliseconds)
        }),
        (
            &[
                "sampler.max_operations",
                "max_operations",
                "sampler.maxOperations",
            ],
            |layer, entry| {
                let setting = &mut layer.sampling.max_operations;
                setting.read_or_default(entry, read_operations)
            },
        ),
        (
            &["sampler.late_binding", "sampler.operationNameLateBinding"],
            |layer, entry| layer.sampling.late_binding.read(entry, Entry::boolean),
        ),
        (&["sampler.first_fetch_timeout"], |layer, entry| {
            let setting = &mut layer.sampling.first_fetch_timeout;
            setting.read(entry, Entry::duration)
        }),
    ],
    variables: &[
        ("JAEGER_SAMPLING_ENDPOINT", |layer, entry| {
            layer.sampling.server.url.read(entry, read_url)
        }),
        ("JAEGER_SAMPLER_MANAGER_HOST_PORT", |layer, entry| {
            layer.sampling.server.url.read(entry, read_url)
        }),
        ("JAEGER_SAMPLER_HOST", |layer, entry| {
            let setting = &mut layer.sampling.server.host;
            setting.read(entry, super::agent::read_host)
        }),
        ("JAEGER_SAMPLER_PORT", |layer, entry| {
            if entry.is_service_link() {
                layer.warn(entry, super::agent::SERVICE_LINK);
                return Ok(());
            }
            let setting = &mut layer.sampling.server.port;
            setting.read(entry, super::agent::read_port)
        }),
        ("JAEGER_SAMPLER_SAMPLING_PATH", |layer, entry| {
            layer.sampling.server.path.read(entry, Entry::text)
        }),
        ("JAEGER_SAMPLER_MAX_OPERATIONS", |layer, entry| {
            let setting = &mut layer.sampling.max_operations;
            setting.read_or_default(entry, read_operations)
        }),
        ("JAEGER_SAMPLER_REFRESH_INTERVAL", |layer, entry| {
            let setting = &mut layer.sampling.server.refresh_interval;
            setting.read_or_default(entry, Entry::duration)
        }),
    ],
};

/// Spellings of the Node client that are never suggested for another name: they are too short to
/// mean this setting alone.
pub(super) static NODE_NAMES: Names = Names {
    keys: &[
        (&["sampler.hostPort"], |layer, entry| {
            layer.sampling.server.url.read(entry, read_url)
        }),
        (&["sampler.host"], |layer, entry| {
            let setting = &mut layer.sampling.server.host;
            setting.read(entry, super::agent::read_host)
        }),
        (&["sampler.port"], |layer, entry| {
            let setting = &mut layer.sampling.server.port;
            setting.read(entry, super::agent::read_port)
        }),
        (&["sampler.samplingPath"], |layer, entry| {
            layer.sampling.server.path.read(entry, Entry::text)
        }),
    ],
    variables: &[],
};

impl SamplingSettings {
    /// Resolves the settings; the server is on the agent's host unless one is named.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, agent_host: &str) -> Self {
        Self {
            server_url: resolve_url(resolver, |layer| &layer.sampling.server, agent_host),
            refresh_interval: resolver.pick_or(
                |layer| &layer.sampling.server.refresh_interval,
                REFRESH_INTERVAL,
            ),
            max_operations: resolver
                .pick_or(|layer| &layer.sampling.max_operations, MAX_OPERATIONS),
            late_binding: resolver.pick_or(|layer| &layer.sampling.late_binding, false),
            first_fetch_timeout: resolver.pick(|layer| &layer.sampling.first_fetch_timeout),
        }
    }
}

/// Jaeger's remote sampling. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets the URL of the sampling server; the scheme and the path may be left out.
    #[must_use]
    pub fn sampling_endpoint(mut self, url: &str) -> Self {
        let setting = &mut self.code.sampling.server.url;
        setting.put("sampling_endpoint", with_scheme(url));
        self
    }

    /// Sets the time between two questions to the sampling server, 1 ms to 1 day.
    #[must_use]
    pub fn sampling_refresh_interval(mut self, interval: Duration) -> Self {
        let setting = &mut self.code.sampling.server.refresh_interval;
        setting.put("sampling_refresh_interval", interval);
        self
    }

    /// Sets the most operations with a sampling rate of their own, 1 to 100,000.
    #[must_use]
    pub fn max_operations(mut self, operations: usize) -> Self {
        let setting = &mut self.code.sampling.max_operations;
        setting.put("max_operations", operations);
        self
    }

    /// Sets whether a decision that depends on the operation waits until the root is renamed, gets a
    /// child, passes on its context or finishes.
    #[must_use]
    pub fn operation_name_late_binding(mut self, late: bool) -> Self {
        let setting = &mut self.code.sampling.late_binding;
        setting.put("operation_name_late_binding", late);
        self
    }

    /// Makes the tracer's start wait for the sampling server's first answer, at most this long, 1 ms
    /// to 1 day.
    #[must_use]
    pub fn sampling_first_fetch(mut self, timeout: Duration) -> Self {
        let setting = &mut self.code.sampling.first_fetch_timeout;
        setting.put("sampling_first_fetch", timeout);
        self
    }
}

fn read_operations(entry: &Entry<'_>) -> Result<usize, ConfigError> {
    entry
        .as_integer()
        .ok_or_else(|| entry.wrong("not a number of operations", OPERATIONS))
}

fn max_operations(operations: &usize) -> Result<(), Violation> {
    let fits = (1..=100_000).contains(operations);
    require(fits, "out of range", OPERATIONS)
}
