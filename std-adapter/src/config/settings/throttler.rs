//! The throttler of debug traces: a server hands out credits for them.

use std::time::Duration;

use super::layer::Names;
use super::resolver::Resolver;
use super::server::{asked_by, check_pollable, read_url, resolve_url, with_scheme};
use crate::config::source::Entry;
use crate::config::{Config, Settings};

const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
const UNPOLLABLE: (&str, &str) = (
    "the debug throttler needs the feature `http` of picojaeger-std; use that, or leave it out",
    "the debug throttler asks its server on a thread of its own; leave it out, or allow threads",
);

/// A server that grants credits for traces that are forced: by `jaeger-debug-id`, or by the tag
/// `sampling.priority`. Without credit for its operation, a span is sampled as any other.
///
/// ```
/// use picojaeger_std::config::Config;
///
/// let config = Config::new("shop").agent_host("jaeger").debug_throttler(true);
/// # #[cfg(feature = "http")]
/// assert_eq!(config.resolve()?.throttler.unwrap().server_url, "http://jaeger:5778");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThrottlerSettings {
    /// URL of the server. Without a path it is asked at `/credits`. Default: port 5778 of the
    /// agent's host.
    pub server_url: String,
    /// Time between two questions to the server, 1 ms to 1 day. Default: 5 s.
    pub refresh_interval: Duration,
    /// The first forced trace of an operation waits until the server has answered, a second at most;
    /// else it gets no credit, and later ones do. Default: no.
    pub synchronous: bool,
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["throttler"], |layer, entry| {
            layer.throttler.enabled.read(entry, Entry::boolean)
        }),
        (&["throttler.server_url"], |layer, entry| {
            layer.throttler.server.url.read(entry, read_url)
        }),
        (&["throttler.synchronous"], |layer, entry| {
            layer.throttler.option.read(entry, Entry::boolean)
        }),
    ],
    variables: &[],
};

/// The clients' spellings, which are never suggested for another name: they are too short to mean
/// this setting alone.
pub(super) static CLIENT_NAMES: Names = Names {
    keys: &[
        (&["throttler.hostPort"], |layer, entry| {
            layer.throttler.server.url.read(entry, read_url)
        }),
        (&["throttler.host"], |layer, entry| {
            let setting = &mut layer.throttler.server.host;
            setting.read(entry, super::agent::read_host)
        }),
        (&["throttler.port"], |layer, entry| {
            let setting = &mut layer.throttler.server.port;
            setting.read(entry, super::agent::read_port)
        }),
        (
            // Python's, in seconds, and ours, with a unit.
            &["throttler.refresh_interval", "throttler.refreshInterval"],
            |layer, entry| {
                let setting = &mut layer.throttler.server.refresh_interval;
                setting.read_or_default(entry, Entry::duration_or_seconds)
            },
        ),
        (&["throttler.refreshIntervalMs"], |layer, entry| {
            let setting = &mut layer.throttler.server.refresh_interval;
            setting.read_or_default(entry, Entry::milliseconds)
        }),
        (&["throttler.synchronousInitialization"], |layer, entry| {
            layer.throttler.option.read(entry, Entry::boolean)
        }),
    ],
    variables: &[],
};

impl ThrottlerSettings {
    /// Resolves the settings; `None` where nothing asks for a throttler.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, agent_host: &str) -> Option<Self> {
        asked_by(resolver, |layer| &layer.throttler)?;
        Some(Self {
            server_url: resolve_url(resolver, |layer| &layer.throttler.server, agent_host),
            refresh_interval: resolver.pick_or(
                |layer| &layer.throttler.server.refresh_interval,
                REFRESH_INTERVAL,
            ),
            synchronous: resolver.pick_or(|layer| &layer.throttler.option, false),
        })
    }
}

/// Refuses a throttler whose server could not be asked.
pub(super) fn check(resolver: &mut Resolver<'_>, settings: &Settings) {
    let origin = asked_by(resolver, |layer| &layer.throttler);
    check_pollable(resolver, origin, settings.reporter.background, UNPOLLABLE);
}

/// The throttler of debug traces. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets whether a server limits the traces that are forced; see [`ThrottlerSettings`].
    #[must_use]
    pub fn debug_throttler(mut self, enabled: bool) -> Self {
        self.code.throttler.enabled.put("debug_throttler", enabled);
        self
    }

    /// Sets the URL of the throttler's server; the scheme and the path may be left out.
    #[must_use]
    pub fn debug_throttler_endpoint(mut self, url: &str) -> Self {
        let setting = &mut self.code.throttler.server.url;
        setting.put("debug_throttler_endpoint", with_scheme(url));
        self
    }

    /// Sets the time between two questions to the throttler's server, 1 ms to 1 day.
    #[must_use]
    pub fn debug_throttler_refresh_interval(mut self, interval: Duration) -> Self {
        let setting = &mut self.code.throttler.server.refresh_interval;
        setting.put("debug_throttler_refresh_interval", interval);
        self
    }

    /// Sets whether the first forced trace of an operation waits for its credit.
    #[must_use]
    pub fn debug_throttler_synchronous(mut self, synchronous: bool) -> Self {
        let setting = &mut self.code.throttler.option;
        setting.put("debug_throttler_synchronous", synchronous);
        self
    }
}
