//! The settings in one line.

use std::fmt;

use picojaeger_core::Format;

use super::collector::Protocol;
use super::sampler::Sampler;
use super::{AgentProtocol, Settings};

/// The service, the receivers of its spans, the sampler and the formats of propagation, in one line without secrets.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.disabled {
            return f.write_str("tracing is disabled");
        }
        if self.propagation_only {
            f.write_str("no spans are made")?;
        } else {
            let service = &self.process.service_name;
            write!(f, "service {service}, spans to {}", Receivers(self))?;
            write!(f, ", sampler {}", SamplerOf(self))?;
        }
        write!(f, ", propagation {}", Formats(&self.propagation.formats))
    }
}

impl Settings {
    /// Returns the addresses that spans are sent to, as text.
    pub(crate) fn receivers(&self) -> impl fmt::Display + '_ {
        Receivers(self)
    }
}

/// The addresses that spans are sent to.
struct Receivers<'s>(&'s Settings);

impl fmt::Display for Receivers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            agent,
            collector,
            reporter,
            ..
        } = self.0;
        match collector {
            Some(collector) => {
                let protocol = match collector.protocol {
                    Protocol::Thrift => "Thrift",
                    Protocol::Otlp => "OTLP",
                };
                write!(f, "{} ({protocol})", collector.endpoint)?;
            }
            None if agent.enabled => {
                let protocol = match agent.protocol {
                    AgentProtocol::Compact => "compact",
                    AgentProtocol::Binary => "binary",
                };
                write!(f, "{} (UDP, {protocol})", agent.address())?;
            }
            None if reporter.console => f.write_str("standard output")?,
            None => f.write_str("reporters only")?,
        }
        for further in &self.0.also_send_to {
            write!(f, " and {further}")?;
        }
        Ok(())
    }
}

/// The sampler with its parameter.
struct SamplerOf<'s>(&'s Settings);

impl fmt::Display for SamplerOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.sampler {
            Sampler::Const(true) => f.write_str("const (all traces)"),
            Sampler::Const(false) => f.write_str("const (no traces)"),
            Sampler::Probabilistic(share) => write!(f, "probabilistic ({share})"),
            Sampler::RateLimiting(rate) => write!(f, "ratelimiting ({rate} traces/s)"),
            Sampler::Remote(share) => {
                // A query may be secret.
                let url = &self.0.sampling.server_url;
                let server = url.split('?').next().unwrap_or_default();
                write!(f, "remote ({server}, {share} until it answers)")
            }
        }
    }
}

/// Formats by the names of the setting.
struct Formats<'s>(&'s [Format]);

impl fmt::Display for Formats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, format) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", super::formats::name(*format))?;
        }
        Ok(())
    }
}
