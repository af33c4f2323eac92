//! The settings by subject: each file has the resolved settings, their keys and variables, their
//! rules, and their methods in code.

mod agent;
mod collector;
mod formats;
mod layer;
mod limits;
mod otel;
mod process;
mod propagation;
mod receivers;
mod reporter;
mod resolver;
mod restrictions;
mod sampler;
mod sampling;
mod server;
mod setting;
mod spans;
mod summary;
mod throttler;
mod tracer;
mod unsupported;

use picojaeger_core::Format;

pub use agent::{AgentProtocol, AgentSettings};
pub use collector::{CollectorSettings, Endpoint, Pem, Protocol, Secret};
pub use limits::LimitSettings;
pub use process::ProcessSettings;
pub use propagation::{HeaderNames, PropagationSettings};
pub use receivers::ReceiverSettings;
pub use reporter::ReporterSettings;
pub use restrictions::RestrictionSettings;
pub use sampler::Sampler;
pub use sampling::SamplingSettings;
pub use spans::SpanSettings;
pub use throttler::ThrottlerSettings;

pub(super) use layer::{Apply, Layer, Names, SUBJECTS};
pub(super) use otel::{drop_halves, otel_names};
pub(crate) use process::set_tag;
pub(super) use process::tags_variable;
pub(super) use setting::{HIDDEN, Violation};
pub(super) use tracer::Mode;
use unsupported::WITHOUT_EFFECT;

use super::error::ConfigError;
use super::{ClockSource, Config, ConfigWarning};
use resolver::Resolver;

/// A configuration in which everything is decided, for the runtime to read.
///
/// Made by [`Config::resolve`], and valid: each field lies in the range that its documentation
/// names.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let settings = Config::new("shop").sampler(Sampler::Const(true)).resolve()?;
/// assert_eq!(settings.agent.port, 6831);
/// assert_eq!(settings.reporter.memory_limit, 16 << 20);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The tracer makes only spans that record nothing. Default: no.
    pub disabled: bool,
    /// The tracer makes no spans, and passes the contexts of others on, as OpenTelemetry's
    /// `OTEL_SDK_DISABLED` asks for. Default: no.
    pub propagation_only: bool,
    /// New trace ids have 128 random bits instead of 64. Default: yes, if the W3C's `traceparent`
    /// is among the [formats](PropagationSettings::formats), or the collector gets OTLP.
    pub trace_id_128bit: bool,
    /// Longest value of a tag or log field, and longest copied operation name, in bytes,
    /// 1 to 65,000. Default: 1,024.
    pub max_tag_value_length: usize,
    /// The source of time stamps. Default: auto.
    pub clock: ClockSource,
    /// The process that the spans belong to.
    pub process: ProcessSettings,
    /// `Sampler::Const(false)` if `disabled` or `propagation_only`.
    pub sampler: Sampler,
    /// The remote sampler's server and its answers.
    pub sampling: SamplingSettings,
    /// The server that limits the traces that are forced. Default: none.
    pub throttler: Option<ThrottlerSettings>,
    /// The agent that the spans are sent to, if no collector is named.
    pub agent: AgentSettings,
    /// The collector that the spans are sent to over HTTP, and not to the agent. Default: none.
    pub collector: Option<CollectorSettings>,
    /// Further receivers, each of which gets all spans too. Default: none.
    pub also_send_to: Vec<ReceiverSettings>,
    /// Queueing and sending of finished spans.
    pub reporter: ReporterSettings,
    /// Contexts between processes.
    pub propagation: PropagationSettings,
    /// The server that names the baggage keys that may be set. Default: none.
    pub restrictions: Option<RestrictionSettings>,
    /// The most entries of a span.
    pub limits: LimitSettings,
    /// What is recorded and measured of each span.
    pub spans: SpanSettings,
}

impl Config {
    /// Decides each setting: code over `JAEGER_…` variables over `OTEL_…` variables over file over
    /// default.
    ///
    /// A disabled tracer needs nothing else, and complains about nothing else; so does one that only
    /// propagates.
    ///
    /// # Errors
    /// All faults at once: those of the file and of the environment, values that were set in code
    /// and are out of range, and a missing service name.
    pub fn resolve(&self) -> Result<Settings, ConfigError> {
        let mode = self.mode();
        match mode {
            Mode::On => {
                let mut resolver = Resolver::new(self);
                let settings = Settings::resolve(&mut resolver, mode);
                sampler::check_background(&mut resolver, &settings);
                throttler::check(&mut resolver, &settings);
                restrictions::check(&mut resolver, &settings);
                resolver.finish().map(|()| settings)
            }
            Mode::PropagationOnly => Ok(Settings::resolve(&mut Resolver::new(self), mode)),
            Mode::Off => Ok(Settings::resolve(
                &mut Resolver::new(&Config::default()),
                mode,
            )),
        }
    }

    /// Returns what was accepted without effect, or hardly with the one that was meant; nothing if
    /// tracing is disabled. The tracer logs each once when it is made.
    ///
    /// ```
    /// use picojaeger_std::config::{AgentProtocol, Config, Sampler};
    ///
    /// let config = Config::new("shop").sampler(Sampler::Const(true));
    /// let config = config.agent_port(6832).agent_protocol(AgentProtocol::Compact);
    /// assert!(config.warnings()[0].to_string().contains("use 6831"));
    /// ```
    pub fn warnings(&self) -> Vec<ConfigWarning> {
        if self.mode() != Mode::On {
            return Vec::new();
        }
        let read = [&self.file, &self.environment, &self.otel];
        let read = read.iter().flat_map(|layer| layer.warnings.clone());
        read.chain(agent::port_warning(self))
            .chain(collector::warnings(self))
            .chain(receivers::warnings(self))
            .collect()
    }

    fn mode(&self) -> Mode {
        Resolver::new(self).pick_or(|layer| &layer.tracer.mode, Mode::On)
    }
}

impl Settings {
    fn resolve(resolver: &mut Resolver<'_>, mode: Mode) -> Self {
        let traces = mode == Mode::On;
        let propagation = PropagationSettings::resolve(resolver);
        let reporter = ReporterSettings::resolve(resolver);
        let agent = AgentSettings::resolve(resolver);
        let collector = CollectorSettings::resolve(resolver, reporter.memory_limit);
        let also_send_to = match traces {
            true => ReceiverSettings::resolve_all(resolver, reporter.memory_limit),
            false => Vec::new(),
        };
        let is_otlp = collectors(&collector, &also_send_to).any(|it| it.protocol == Protocol::Otlp);
        Settings {
            disabled: mode == Mode::Off,
            propagation_only: mode == Mode::PropagationOnly,
            process: ProcessSettings::resolve(resolver, traces),
            sampler: match traces {
                true => Sampler::resolve(resolver),
                false => Sampler::Const(false),
            },
            collector,
            also_send_to,
            sampling: SamplingSettings::resolve(resolver, &agent.host),
            throttler: ThrottlerSettings::resolve(resolver, &agent.host),
            restrictions: RestrictionSettings::resolve(resolver, &agent.host),
            agent,
            reporter,
            trace_id_128bit: resolver.pick_or(
                |layer| &layer.tracer.trace_id_128bit,
                is_otlp || propagation.formats.contains(&Format::TraceContext),
            ),
            propagation,
            limits: LimitSettings::resolve(resolver),
            spans: SpanSettings::resolve(resolver),
            max_tag_value_length: resolver.pick_or(
                |layer| &layer.tracer.max_tag_value_length,
                tracer::MAX_TAG_VALUE_LENGTH,
            ),
            clock: resolver.pick_or(|layer| &layer.tracer.clock, ClockSource::default()),
        }
    }

    /// Returns the part of the memory limit that is left to spans beside a transport's buffers.
    pub(crate) fn memory_of_spans(&self) -> usize {
        let collectors = collectors(&self.collector, &self.also_send_to);
        let buffers: usize = collectors.map(CollectorSettings::buffers).sum();
        self.reporter.memory_limit - buffers
    }

    /// Returns the part of it for the rings of so many further transports.
    pub(crate) fn memory_of_copies(&self, transports: usize) -> usize {
        match transports {
            0 => 0,
            _ => self.reporter.memory_limit / 8,
        }
    }

    /// Returns the same settings with this receiver alone.
    pub(crate) fn with_receiver(&self, receiver: ReceiverSettings) -> Self {
        Settings {
            agent: receiver.agent,
            collector: receiver.collector,
            also_send_to: Vec::new(),
            ..self.clone()
        }
    }

    /// Returns the largest packet, in bytes.
    pub(crate) fn packet_limit(&self) -> usize {
        let collector = self.collector.as_ref();
        collector.map_or(self.agent.max_packet_size, |it| it.max_batch_bytes)
    }
}

/// Returns the collectors among the first receiver and the further ones.
fn collectors<'a>(
    first: &'a Option<CollectorSettings>,
    others: &'a [ReceiverSettings],
) -> impl Iterator<Item = &'a CollectorSettings> {
    let others = others.iter().map(|receiver| &receiver.collector);
    [first].into_iter().chain(others).flatten()
}

/// The keys and variables of all subjects, those that are not suggested, and those without effect.
pub(super) fn all_names() -> impl Iterator<Item = &'static Names> {
    SUBJECTS.into_iter().chain([
        &sampling::NODE_NAMES,
        &throttler::CLIENT_NAMES,
        &restrictions::CLIENT_NAMES,
        &WITHOUT_EFFECT,
    ])
}
