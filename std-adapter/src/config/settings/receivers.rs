//! The receivers of spans beside the first one.

use std::fmt;

use super::agent::AgentSettings;
use super::collector::CollectorSettings;
use super::layer::{Layer, Names};
use super::resolver::Resolver;
use crate::config::error::ConfigError;
use crate::config::source::Entry;
use crate::config::{Config, ConfigWarning};

/// A receiver of spans beside the first one: a collector, or an agent. `Display` shows its address.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let old = Config::default().agent_host("old.internal");
/// let config = Config::new("shop").sampler(Sampler::Const(true)).otlp("http://new:4318");
/// let settings = config.also_send_to(old).resolve()?;
/// assert_eq!(settings.also_send_to[0].to_string(), "old.internal:6831");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverSettings {
    /// The agent, if no collector is named.
    pub agent: AgentSettings,
    /// The collector.
    pub collector: Option<CollectorSettings>,
}

pub(crate) static NAMES: Names = Names {
    keys: &[(
        &["also_send_to", "reporter.also_send_to"],
        |layer, entry| read(layer, entry),
    )],
    variables: &[],
};

/// Further receivers.
impl Config {
    /// Sends all spans to another agent or collector too: what `receiver` says about either counts,
    /// with credentials and sizes of batches, and nothing else of it. May be called again.
    ///
    /// The first receiver's outcomes are the tracer's account. Each further one has its own queue,
    /// packets, retries and [counts](crate::TransportStats); one that is slow or dead keeps nothing
    /// from the others. Together they take up to a quarter of
    /// [`memory_limit`](super::ReporterSettings::memory_limit).
    ///
    /// ```
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// // A migration: the agent still gets everything, and the new collector too.
    /// let new = Config::default().otlp("http://new:4318").collector_token("secret");
    /// let config = Config::new("shop").sampler(Sampler::Const(true)).agent_host("old");
    /// let tracer = config.also_send_to(new).new_tracer()?;
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn also_send_to(mut self, receiver: Config) -> Self {
        self.code.also_send_to.push(receiver);
        self
    }
}

impl ReceiverSettings {
    /// Returns the receiver that is this agent.
    pub(crate) fn of_agent(agent: AgentSettings) -> Self {
        ReceiverSettings {
            agent,
            collector: None,
        }
    }

    /// Decides; `memory` is the memory limit.
    pub(super) fn resolve_all(resolver: &mut Resolver<'_>, memory: usize) -> Vec<Self> {
        let receivers = named(resolver);
        // The buffers of their batches, up to three each, take an eighth together.
        let memory = memory / receivers.len().max(1) * 2 / 3;
        let resolved = receivers.iter().map(|config| Self::resolve(config, memory));
        let (resolved, faults): (Vec<_>, Vec<_>) = resolved.partition(Result::is_ok);
        let faults = faults.into_iter().filter_map(Result::err);
        faults.for_each(|fault| resolver.fault(fault));
        resolved.into_iter().filter_map(Result::ok).collect()
    }

    fn resolve(config: &Config, memory: usize) -> Result<Self, ConfigError> {
        let mut resolver = Resolver::new(config);
        let receiver = ReceiverSettings {
            agent: AgentSettings::resolve(&mut resolver),
            collector: CollectorSettings::resolve(&mut resolver, memory),
        };
        resolver.finish().map(|()| receiver)
    }
}

impl fmt::Display for ReceiverSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.collector {
            Some(collector) => collector.endpoint.fmt(f),
            None => f.write_str(&self.agent.address()),
        }
    }
}

/// The warnings of further receivers, but for those of OpenTelemetry's variables, whose layer has them
/// already.
pub(super) fn warnings(config: &Config) -> Vec<ConfigWarning> {
    let layers = [&config.code, &config.file].into_iter();
    let receivers = layers.flat_map(|layer| &layer.also_send_to);
    receivers.flat_map(Config::warnings).collect()
}

/// Returns the receivers of the first layer that names some. Those of OpenTelemetry's variables go
/// with the first receiver of these.
fn named(resolver: &Resolver<'_>) -> Vec<Config> {
    let layers = resolver.layers();
    let first = layers.iter().find(|layer| layer.names_receiver());
    let otel = &*resolver.config.otel;
    let counts = |layer: &&&Layer| {
        let goes_with_first = first.is_some_and(|first| std::ptr::eq(*first, otel));
        !layer.also_send_to.is_empty() && (!std::ptr::eq(**layer, otel) || goes_with_first)
    };
    let layer = layers.iter().find(counts);
    layer.map_or_else(Vec::new, |layer| layer.also_send_to.clone())
}

/// Reads a list of maps, each with the keys of an agent or a collector.
#[cfg(feature = "yaml")]
fn read(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let layers = crate::config::source::layers(entry)?;
    let receivers = layers.into_iter().map(|file| Config {
        file: Box::new(file),
        ..Config::default()
    });
    layer.also_send_to.extend(receivers);
    Ok(())
}

#[cfg(not(feature = "yaml"))]
fn read(_: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    Err(entry.unsupported("files need the feature `yaml`"))
}
