//! One layer of optional settings: those of the file, of the environment, or of code.

use std::fmt::Debug;
use std::net::Ipv6Addr;
use std::time::Duration;

use super::entry::Entry;
use super::error::{ConfigError, Origin, clean};
use super::settings::Sampler;
use super::{ClockSource, IpVersion, TagValue};

/// A setting that was made or not, where, and the rule that its value keeps.
#[derive(Clone, Debug)]
pub(super) struct Setting<T> {
    queued: Option<(T, Origin)>,
    check: fn(&T) -> Result<(), Violation>,
}

/// What is wrong with a value, and what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) problem: &'static str,
    pub(super) accepted: &'static str,
}

/// The type of a sampler, apart from its parameter, which may come from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SamplerType {
    Const,
    Probabilistic,
    RateLimiting,
    Remote,
}

/// The parameter of a sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SamplerParam {
    Flag(bool),
    Number(f64),
}

#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) service_name: Setting<String>,
    pub(super) disabled: Setting<bool>,
    /// Set in code; the other layers have type and parameter.
    pub(super) sampler: Setting<Sampler>,
    pub(super) sampler_type: Setting<SamplerType>,
    pub(super) sampler_param: Setting<SamplerParam>,
    pub(super) agent_host: Setting<String>,
    pub(super) agent_port: Setting<u16>,
    pub(super) ip_version: Setting<IpVersion>,
    pub(super) max_packet_size: Setting<usize>,
    pub(super) flush_interval: Setting<Duration>,
    pub(super) memory_limit: Setting<usize>,
    pub(super) log_spans: Setting<bool>,
    pub(super) tags: Setting<Vec<(String, TagValue)>>,
    pub(super) trace_id_128bit: Setting<bool>,
    pub(super) max_tag_value_length: Setting<usize>,
    pub(super) trace_context_header: Setting<String>,
    pub(super) baggage_prefix: Setting<String>,
    pub(super) debug_id_header: Setting<String>,
    pub(super) baggage_header: Setting<String>,
    pub(super) clock: Setting<ClockSource>,
    pub(super) flush_at_exit: Setting<bool>,
    pub(super) agent: Setting<bool>,
    pub(super) background: Setting<bool>,
    pub(super) resolve_once: Setting<bool>,
    pub(super) resolve_interval: Setting<Duration>,
}

impl<T> Setting<T> {
    fn new(check: fn(&T) -> Result<(), Violation>) -> Self {
        Self {
            queued: None,
            check,
        }
    }

    fn free() -> Self {
        Self::new(|_| Ok(()))
    }

    /// Where the value was set, if it was.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.queued.as_ref().map(|(_, origin)| origin)
    }
}

impl<T: PartialEq> Setting<T> {
    /// Takes a value of a file or of the environment.
    pub(super) fn set(&mut self, entry: &Entry<'_>, value: T) -> Result<(), ConfigError> {
        (self.check)(&value).map_err(|violation| entry.invalid(violation))?;
        match &self.queued {
            Some((held, first)) if *held != value => Err(ConfigError::Conflict {
                origin: entry.origin.clone(),
                first: first.clone(),
            }),
            Some(_) => Ok(()),
            None => {
                self.queued = Some((value, entry.origin.clone()));
                Ok(())
            }
        }
    }
}

impl<T: Debug> Setting<T> {
    /// Takes a value of code, in place of an earlier one; `get` checks it.
    pub(super) fn put(&mut self, method: &'static str, value: T) {
        self.queued = Some((value, Origin::Code { method }));
    }

    /// The value, if it was set and keeps its rule.
    pub(super) fn get(&self) -> Result<Option<&T>, ConfigError> {
        let Some((value, origin)) = &self.queued else {
            return Ok(None);
        };
        match (self.check)(value) {
            Ok(()) => Ok(Some(value)),
            Err(violation) => Err(ConfigError::Invalid {
                origin: origin.clone(),
                found: clean(&format!("{value:?}")).into(),
                problem: violation.problem,
                accepted: violation.accepted,
            }),
        }
    }
}

impl<T> Setting<Vec<T>> {
    /// Adds to the values of code.
    pub(super) fn push(&mut self, method: &'static str, value: T) {
        let held = self
            .queued
            .get_or_insert_with(|| (Vec::new(), Origin::Code { method }));
        held.0.push(value);
    }
}

impl Layer {
    /// Checks the sampler, where this layer alone makes a whole one.
    pub(super) fn check_sampler(&self) -> Result<(), ConfigError> {
        let kind = self.sampler_type.queued.as_ref().map(|(kind, _)| *kind);
        match (kind, &self.sampler_param.queued) {
            (None | Some(SamplerType::Remote), _) | (_, None) => Ok(()),
            _ => Self::combine(&self.sampler_type, &self.sampler_param).map(|_| ()),
        }
    }

    /// The sampler that type and parameter make together.
    pub(super) fn combine(
        kind: &Setting<SamplerType>,
        param: &Setting<SamplerParam>,
    ) -> Result<Option<Sampler>, ConfigError> {
        let Some((kind, origin)) = &kind.queued else {
            return Ok(None);
        };
        if *kind == SamplerType::Remote {
            return Err(ConfigError::Unsupported {
                origin: origin.clone(),
                reason: "the remote sampler is not supported yet; use const, probabilistic or \
                         ratelimiting",
            });
        }
        let Some((param, place)) = &param.queued else {
            return Err(ConfigError::MissingSamplerParam {
                origin: origin.clone(),
            });
        };
        let sampler = make_sampler(*kind, *param).map_err(|violation| ConfigError::Invalid {
            origin: place.clone(),
            found: param.to_string().into(),
            problem: violation.problem,
            accepted: violation.accepted,
        })?;
        Ok(Some(sampler))
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self {
            service_name: Setting::new(|name| self::service_name(name)),
            disabled: Setting::free(),
            sampler: Setting::new(sampler),
            sampler_type: Setting::free(),
            sampler_param: Setting::new(sampler_param),
            agent_host: Setting::new(|host| self::host(host)),
            agent_port: Setting::new(port),
            ip_version: Setting::free(),
            max_packet_size: Setting::new(max_packet_size),
            flush_interval: Setting::new(interval),
            memory_limit: Setting::new(memory_limit),
            log_spans: Setting::free(),
            tags: Setting::new(|tags| self::tags(tags)),
            trace_id_128bit: Setting::free(),
            max_tag_value_length: Setting::new(max_tag_value_length),
            trace_context_header: Setting::new(|name| header(name)),
            baggage_prefix: Setting::new(|name| header(name)),
            debug_id_header: Setting::new(|name| header(name)),
            baggage_header: Setting::new(|name| header(name)),
            clock: Setting::free(),
            flush_at_exit: Setting::free(),
            agent: Setting::free(),
            background: Setting::free(),
            resolve_once: Setting::free(),
            resolve_interval: Setting::new(interval),
        }
    }
}

impl std::fmt::Display for SamplerParam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

fn make_sampler(kind: SamplerType, param: SamplerParam) -> Result<Sampler, Violation> {
    use SamplerParam::{Flag, Number};
    let made = match (kind, param) {
        (SamplerType::Const, Flag(flag)) => Sampler::Const(flag),
        (SamplerType::Const, Number(0.0)) => Sampler::Const(false),
        (SamplerType::Const, Number(1.0)) => Sampler::Const(true),
        (SamplerType::Const, Number(_)) => {
            return violation(
                "not a decision",
                "0 or 1, true or false, for a const sampler",
            );
        }
        (SamplerType::Probabilistic, Number(share)) => Sampler::Probabilistic(share),
        (SamplerType::RateLimiting, Number(rate)) => Sampler::RateLimiting(rate),
        _ => return violation("not a number", "a number for this type of sampler"),
    };
    sampler(&made).map(|()| made)
}

fn sampler(sampler: &Sampler) -> Result<(), Violation> {
    match sampler {
        Sampler::Const(_) => Ok(()),
        Sampler::Probabilistic(share) => require(
            (0.0..=1.0).contains(share),
            "not a probability",
            "0 to 1 for a probabilistic sampler",
        ),
        Sampler::RateLimiting(rate) => require(
            rate.is_finite() && *rate >= 0.0,
            "not a rate",
            "0 or more traces per second for a ratelimiting sampler",
        ),
    }
}

fn sampler_param(param: &SamplerParam) -> Result<(), Violation> {
    let fits = match param {
        SamplerParam::Flag(_) => true,
        SamplerParam::Number(number) => number.is_finite() && *number >= 0.0,
    };
    require(fits, "not a sampler parameter", "a number of 0 or more")
}

fn service_name(name: &str) -> Result<(), Violation> {
    require(
        !name.trim().is_empty(),
        "an empty service name",
        "the name under which the traces shall appear",
    )
}

/// A name or an address; whether it exists is asked when the first packet is sent.
pub(super) fn host(host: &str) -> Result<(), Violation> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/[]@".contains(c);
    let address = host.split('%').next().unwrap_or_default();
    let colons = !host.contains(':') || address.parse::<Ipv6Addr>().is_ok();
    require(
        !host.is_empty() && host.len() <= 253 && !host.contains(odd) && colons,
        "not a host",
        "a name or an IP address, without scheme and port",
    )
}

pub(super) fn port(port: &u16) -> Result<(), Violation> {
    require(*port != 0, "not a port", "1 to 65535")
}

fn max_packet_size(size: &usize) -> Result<(), Violation> {
    require(
        (512..=65_000).contains(size),
        "out of range",
        "512 to 65000 bytes",
    )
}

fn interval(interval: &Duration) -> Result<(), Violation> {
    let range = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
    require(
        range.contains(interval),
        "out of range",
        "1 millisecond to 1 day",
    )
}

fn memory_limit(limit: &usize) -> Result<(), Violation> {
    require(
        (1 << 20..=1 << 30).contains(limit),
        "out of range",
        "1 MiB to 1 GiB: bytes, or text such as 16MiB",
    )
}

fn max_tag_value_length(length: &usize) -> Result<(), Violation> {
    require(
        (1..=65_000).contains(length),
        "out of range",
        "1 to 65000 bytes",
    )
}

/// A field name of HTTP: a token of RFC 9110, section 5.6.2.
fn header(name: &str) -> Result<(), Violation> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    require(
        !name.is_empty() && name.len() <= 256 && name.chars().all(token),
        "not a header name",
        "letters, digits and hyphens",
    )
}

fn tags(tags: &[(String, TagValue)]) -> Result<(), Violation> {
    let named = tags.iter().all(|(key, _)| !key.is_empty());
    require(named, "a tag without a key", "a key for each tag")?;
    let finite = |value: &TagValue| !matches!(value, TagValue::Double(x) if !x.is_finite());
    require(
        tags.iter().all(|(_, value)| finite(value)),
        "a tag that is not finite",
        "finite numbers",
    )
}

fn require(fits: bool, problem: &'static str, accepted: &'static str) -> Result<(), Violation> {
    if fits {
        Ok(())
    } else {
        violation(problem, accepted)
    }
}

fn violation<T>(problem: &'static str, accepted: &'static str) -> Result<T, Violation> {
    Err(Violation { problem, accepted })
}
