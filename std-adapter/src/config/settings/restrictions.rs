//! Restrictions of baggage: a server names the keys that may be set.

use std::time::Duration;

use super::layer::Names;
use super::resolver::Resolver;
use super::server::{asked_by, check_pollable, read_url, resolve_url, with_scheme};
use crate::config::source::Entry;
use crate::config::{Config, Settings};

const REFRESH_INTERVAL: Duration = Duration::from_secs(60);
const UNPOLLABLE: (&str, &str) = (
    "baggage restrictions need the feature `http` of picojaeger-std; use that, or leave them out",
    "baggage restrictions are asked for on a thread of their own; leave them out, or allow threads",
);

/// A server that names the baggage keys that this process may set, with the longest value of each.
///
/// Baggage from other processes is passed on. The agents of Jaeger v1 serve restrictions, Jaeger v2
/// does not.
///
/// ```
/// use picojaeger_std::config::Config;
///
/// let config = Config::new("shop").agent_host("jaeger").baggage_restrictions(true);
/// # #[cfg(feature = "http")]
/// assert_eq!(config.resolve()?.restrictions.unwrap().server_url, "http://jaeger:5778");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestrictionSettings {
    /// URL of the server. Without a path it is asked at `/baggageRestrictions`. Default: port 5778
    /// of the agent's host.
    pub server_url: String,
    /// Time between two questions to the server, 1 ms to 1 day. Default: 60 s.
    pub refresh_interval: Duration,
    /// No baggage may be set until the server has answered; else any key may, with values of at most
    /// 2,048 bytes. Default: no.
    pub deny_until_answered: bool,
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["baggage_restrictions"], |layer, entry| {
            layer.restrictions.enabled.read(entry, Entry::boolean)
        }),
        (&["baggage_restrictions.server_url"], |layer, entry| {
            layer.restrictions.server.url.read(entry, read_url)
        }),
        (
            &[
                "baggage_restrictions.deny_until_answered",
                "baggage_restrictions.denyBaggageOnInitializationFailure",
            ],
            |layer, entry| layer.restrictions.option.read(entry, Entry::boolean),
        ),
    ],
    variables: &[],
};

/// Spellings that are never suggested for another name: they are too short to mean this setting
/// alone.
pub(super) static CLIENT_NAMES: Names = Names {
    keys: &[
        (&["baggage_restrictions.hostPort"], |layer, entry| {
            layer.restrictions.server.url.read(entry, read_url)
        }),
        (
            &["baggage_restrictions.refresh_interval"],
            |layer, entry| {
                let setting = &mut layer.restrictions.server.refresh_interval;
                setting.read(entry, Entry::duration)
            },
        ),
        (&["baggage_restrictions.refreshInterval"], |layer, entry| {
            let setting = &mut layer.restrictions.server.refresh_interval;
            setting.read_or_default(entry, Entry::duration_or_seconds)
        }),
    ],
    variables: &[],
};

impl RestrictionSettings {
    /// Resolves the settings; `None` where nothing asks for restrictions.
    pub(super) fn resolve(resolver: &mut Resolver<'_>, agent_host: &str) -> Option<Self> {
        asked_by(resolver, |layer| &layer.restrictions)?;
        Some(Self {
            server_url: resolve_url(resolver, |layer| &layer.restrictions.server, agent_host),
            refresh_interval: resolver.pick_or(
                |layer| &layer.restrictions.server.refresh_interval,
                REFRESH_INTERVAL,
            ),
            deny_until_answered: resolver.pick_or(|layer| &layer.restrictions.option, false),
        })
    }
}

/// Refuses restrictions whose server could not be asked.
pub(super) fn check(resolver: &mut Resolver<'_>, settings: &Settings) {
    let origin = asked_by(resolver, |layer| &layer.restrictions);
    check_pollable(resolver, origin, settings.reporter.background, UNPOLLABLE);
}

/// Restrictions of baggage. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets whether a server names the baggage keys that may be set; see [`RestrictionSettings`].
    #[must_use]
    pub fn baggage_restrictions(mut self, enabled: bool) -> Self {
        let setting = &mut self.code.restrictions.enabled;
        setting.put("baggage_restrictions", enabled);
        self
    }

    /// Sets the URL of the server of baggage restrictions; the scheme and the path may be left out.
    #[must_use]
    pub fn baggage_restrictions_endpoint(mut self, url: &str) -> Self {
        let setting = &mut self.code.restrictions.server.url;
        setting.put("baggage_restrictions_endpoint", with_scheme(url));
        self
    }

    /// Sets the time between two questions about baggage restrictions, 1 ms to 1 day.
    #[must_use]
    pub fn baggage_restrictions_refresh_interval(mut self, interval: Duration) -> Self {
        let setting = &mut self.code.restrictions.server.refresh_interval;
        setting.put("baggage_restrictions_refresh_interval", interval);
        self
    }

    /// Sets whether no baggage may be set until the server has answered.
    #[must_use]
    pub fn deny_baggage_until_answered(mut self, deny: bool) -> Self {
        let setting = &mut self.code.restrictions.option;
        setting.put("deny_baggage_until_answered", deny);
        self
    }
}
