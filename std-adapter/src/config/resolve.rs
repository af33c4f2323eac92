//! From three layers of optional settings to one of decided ones.

use std::fmt::Debug;
use std::time::Duration;

use super::Config;
use super::TagValue;
use super::error::ConfigError;
use super::layer::{Layer, Setting};
use super::settings::{HeaderNames, Sampler, Settings};

const AGENT_HOST: &str = "localhost";
const AGENT_PORT: u16 = 6831;
const MAX_PACKET_SIZE: usize = 65_000;
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const MEMORY_LIMIT: usize = 16 << 20;
const MAX_TAG_VALUE_LENGTH: usize = 1024;
const RESOLVE_INTERVAL: Duration = Duration::from_secs(30);

impl Config {
    /// Decides each setting: code over environment over file over default.
    ///
    /// A disabled tracer needs neither service name nor sampler.
    ///
    /// # Errors
    /// Service name or sampler is missing, the sampler and its parameter do not fit together, or a
    /// value that was set in code is out of range.
    pub fn resolve(&self) -> Result<Settings, ConfigError> {
        let disabled = self.pick(|layer| &layer.disabled)?.unwrap_or(false);
        let service_name = self.pick(|layer| &layer.service_name)?;
        Ok(Settings {
            service_name: match service_name {
                None if !disabled => return Err(ConfigError::MissingServiceName),
                name => name.unwrap_or_default(),
            },
            disabled,
            sampler: match disabled {
                true => Sampler::Const(false),
                false => self.pick_sampler()?,
            },
            agent_host: self
                .pick(|layer| &layer.agent_host)?
                .unwrap_or_else(|| AGENT_HOST.into()),
            agent_port: self.pick(|layer| &layer.agent_port)?.unwrap_or(AGENT_PORT),
            ip_version: self.pick(|layer| &layer.ip_version)?.unwrap_or_default(),
            max_packet_size: self
                .pick(|layer| &layer.max_packet_size)?
                .unwrap_or(MAX_PACKET_SIZE),
            flush_interval: self
                .pick(|layer| &layer.flush_interval)?
                .unwrap_or(FLUSH_INTERVAL),
            memory_limit: self
                .pick(|layer| &layer.memory_limit)?
                .unwrap_or(MEMORY_LIMIT),
            log_spans: self.pick(|layer| &layer.log_spans)?.unwrap_or(false),
            tags: self.merge_tags()?,
            trace_id_128bit: self.pick(|layer| &layer.trace_id_128bit)?.unwrap_or(false),
            max_tag_value_length: self
                .pick(|layer| &layer.max_tag_value_length)?
                .unwrap_or(MAX_TAG_VALUE_LENGTH),
            headers: self.pick_headers()?,
            clock: self.pick(|layer| &layer.clock)?.unwrap_or_default(),
            flush_at_exit: self.pick(|layer| &layer.flush_at_exit)?.unwrap_or(true),
            agent: self.pick(|layer| &layer.agent)?.unwrap_or(true),
            background: self.pick(|layer| &layer.background)?.unwrap_or(true),
            resolve_interval: self.pick_resolve_interval()?,
        })
    }

    /// The value of the first layer that has one.
    fn pick<T: Clone + Debug>(
        &self,
        slot: fn(&Layer) -> &Setting<T>,
    ) -> Result<Option<T>, ConfigError> {
        for layer in [&self.code, &self.environment, &self.file] {
            if let Some(value) = slot(layer).get()? {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }

    /// A type from the environment without a parameter beside it discards the file's parameter;
    /// a parameter from the environment goes with the file's type.
    fn pick_sampler(&self) -> Result<Sampler, ConfigError> {
        if let Some(sampler) = self.code.sampler.get()? {
            return Ok(*sampler);
        }
        let (environment, file) = (&self.environment, &self.file);
        let sampler = if environment.sampler_type.origin().is_some() {
            Layer::combine(&environment.sampler_type, &environment.sampler_param)?
        } else if environment.sampler_param.origin().is_some() {
            Layer::combine(&file.sampler_type, &environment.sampler_param)?
        } else {
            Layer::combine(&file.sampler_type, &file.sampler_param)?
        };
        sampler.ok_or(ConfigError::MissingSampler)
    }

    fn merge_tags(&self) -> Result<Vec<(String, TagValue)>, ConfigError> {
        let mut merged: Vec<(String, TagValue)> = Vec::new();
        for layer in [&self.file, &self.environment, &self.code] {
            for (key, value) in layer.tags.get()?.into_iter().flatten() {
                match merged.iter_mut().find(|(known, _)| known == key) {
                    Some((_, held)) => *held = value.clone(),
                    None => merged.push((key.clone(), value.clone())),
                }
            }
        }
        Ok(merged)
    }

    fn pick_headers(&self) -> Result<HeaderNames, ConfigError> {
        let defaults = HeaderNames::default();
        let names = HeaderNames {
            trace_context: self
                .pick(|layer| &layer.trace_context_header)?
                .unwrap_or(defaults.trace_context),
            baggage_prefix: self
                .pick(|layer| &layer.baggage_prefix)?
                .unwrap_or(defaults.baggage_prefix),
            debug_id: self
                .pick(|layer| &layer.debug_id_header)?
                .unwrap_or(defaults.debug_id),
            baggage: self
                .pick(|layer| &layer.baggage_header)?
                .unwrap_or(defaults.baggage),
        };
        reject_clashes(&names)?;
        Ok(names)
    }

    fn pick_resolve_interval(&self) -> Result<Option<Duration>, ConfigError> {
        let once = self.pick(|layer| &layer.resolve_once)?.unwrap_or(false);
        let interval = self.pick(|layer| &layer.resolve_interval)?;
        Ok(match once {
            true => None,
            false => Some(interval.unwrap_or(RESOLVE_INTERVAL)),
        })
    }
}

/// Each header must tell by its name what it carries.
fn reject_clashes(names: &HeaderNames) -> Result<(), ConfigError> {
    let clash = |name: &str, other: &str| {
        Err(ConfigError::HeaderClash {
            name: name.into(),
            other: other.into(),
        })
    };
    let singles = [&names.trace_context, &names.debug_id, &names.baggage];
    for (index, name) in singles.iter().enumerate() {
        if name.starts_with(names.baggage_prefix.as_str()) {
            return clash(name, &names.baggage_prefix);
        }
        if singles.iter().skip(index + 1).any(|other| other == name) {
            return clash(name, name);
        }
    }
    Ok(())
}
