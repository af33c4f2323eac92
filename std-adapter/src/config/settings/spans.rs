//! What is recorded and measured of each span.

use super::layer::Names;
use super::resolver::Resolver;
use super::setting::Setting;
use crate::config::Config;
use crate::config::source::Entry;

/// What is recorded and measured of each span.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).rpc_metrics(true);
/// assert!(config.resolve()?.spans.rpc_metrics);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanSettings {
    /// Spans of the kind `server` are counted and timed by operation, sampled or not; see
    /// [`metrics`](crate::metrics). Default: no.
    pub rpc_metrics: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SpanLayer {
    rpc_metrics: Setting<bool>,
}

pub(crate) static NAMES: Names = Names {
    keys: &[(&["rpc_metrics"], |layer, entry| {
        layer.spans.rpc_metrics.read(entry, Entry::boolean)
    })],
    variables: &[("JAEGER_RPC_METRICS", |layer, entry| {
        layer.spans.rpc_metrics.read(entry, Entry::boolean)
    })],
};

impl SpanSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        Self {
            rpc_metrics: resolver.pick_or(|layer| &layer.spans.rpc_metrics, false),
        }
    }
}

/// What is recorded and measured of each span.
impl Config {
    /// Sets whether spans of the kind `server` are counted and timed by operation, sampled or not;
    /// see [`metrics`](crate::metrics).
    ///
    /// Spans are then timed by the system's clock, and each start and end takes a longer path.
    #[must_use]
    pub fn rpc_metrics(mut self, on: bool) -> Self {
        self.code.spans.rpc_metrics.put("rpc_metrics", on);
        self
    }
}
