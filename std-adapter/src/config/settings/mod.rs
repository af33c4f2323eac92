//! The settings by subject: each file has the resolved settings, their keys and variables, their
//! rules, and their methods in code.

mod agent;
mod layer;
mod process;
mod propagation;
mod reporter;
mod sampler;
mod setting;
mod tracer;
mod unsupported;

pub use agent::AgentSettings;
pub use process::ProcessSettings;
pub use propagation::{HeaderNames, PropagationSettings};
pub use reporter::ReporterSettings;
pub use sampler::Sampler;

pub(super) use layer::{Apply, Layer, Names, SUBJECTS};
pub(crate) use process::set_tag;
pub(super) use process::tags_variable;
pub(super) use setting::Violation;
use unsupported::REFUSED;

use std::fmt::Debug;

use super::error::ConfigError;
use super::{ClockSource, Config};
use setting::Setting;

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
    /// New trace ids have 128 random bits instead of 64. Default: no.
    pub trace_id_128bit: bool,
    /// Longest value of a tag or log field, and longest copied operation name, in bytes,
    /// 1 to 65,000. Default: 1,024.
    pub max_tag_value_length: usize,
    /// The source of time stamps. Default: auto.
    pub clock: ClockSource,
    /// The process that the spans belong to.
    pub process: ProcessSettings,
    /// `Sampler::Const(false)` if `disabled`.
    pub sampler: Sampler,
    /// The agent that the spans are sent to.
    pub agent: AgentSettings,
    /// Queueing and sending of finished spans.
    pub reporter: ReporterSettings,
    /// Contexts between processes.
    pub propagation: PropagationSettings,
}

impl Config {
    /// Decides each setting: code over environment over file over default.
    ///
    /// A disabled tracer needs neither service name nor sampler.
    ///
    /// # Errors
    /// Service name or sampler is missing, the sampler and its parameter do not fit together, or a
    /// value that was set in code is out of range.
    pub fn resolve(&self) -> Result<Settings, ConfigError> {
        let disabled = self.pick_or(|layer| &layer.tracer.disabled, false)?;
        Ok(Settings {
            disabled,
            process: ProcessSettings::resolve(self, disabled)?,
            sampler: match disabled {
                true => Sampler::Const(false),
                false => Sampler::resolve(self)?,
            },
            agent: AgentSettings::resolve(self)?,
            reporter: ReporterSettings::resolve(self)?,
            propagation: PropagationSettings::resolve(self)?,
            trace_id_128bit: self.pick_or(|layer| &layer.tracer.trace_id_128bit, false)?,
            max_tag_value_length: self.pick_or(
                |layer| &layer.tracer.max_tag_value_length,
                tracer::MAX_TAG_VALUE_LENGTH,
            )?,
            clock: self.pick_or(|layer| &layer.tracer.clock, ClockSource::default())?,
        })
    }

    /// The value of the first layer that has one.
    fn pick<T: Clone + Debug>(
        &self,
        setting: fn(&Layer) -> &Setting<T>,
    ) -> Result<Option<T>, ConfigError> {
        for layer in [&self.code, &self.environment, &self.file] {
            if let Some(value) = setting(layer).get()? {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }

    /// The value of the first layer that has one, or the default.
    fn pick_or<T: Clone + Debug>(
        &self,
        setting: fn(&Layer) -> &Setting<T>,
        default: T,
    ) -> Result<T, ConfigError> {
        Ok(self.pick(setting)?.unwrap_or(default))
    }
}

/// The keys and variables of all subjects, and those that are refused.
pub(super) fn all_names() -> impl Iterator<Item = &'static Names> {
    SUBJECTS.into_iter().chain([&REFUSED])
}
