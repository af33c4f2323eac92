//! The sampler of local roots: its type, its parameter, and how they fit together.

use std::fmt;

use super::layer::{Layer, Names};
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::error::{ConfigError, Origin};
use crate::config::source::Entry;
use crate::config::{Config, Settings};

const NO_HTTP: &str = "the remote sampler needs the feature `http` of picojaeger-std; use that, or const, \
                       probabilistic or ratelimiting";

/// The choice of local root spans that are kept.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Probabilistic(0.01));
/// assert_eq!(config.resolve()?.sampler, Sampler::Probabilistic(0.01));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// All traces, or none.
    Const(bool),
    /// A share of the traces, from 0 to 1, decided by the trace id.
    Probabilistic(f64),
    /// At most so many traces per second, 0 or more; fractions are allowed, 0 means never.
    RateLimiting(f64),
    /// What Jaeger's sampling server says, and this share of the traces until its first answer; see
    /// [`SamplingSettings`](super::SamplingSettings). Needs the feature `http`.
    Remote(f64),
}

/// The share of the traces until the first answer.
pub(super) const INITIAL: f64 = 0.001;

/// The type of a sampler, apart from its parameter, which may come from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplerType {
    Const,
    Probabilistic,
    RateLimiting,
    Remote,
}

/// The parameter of a sampler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SamplerParam {
    Flag(bool),
    Number(f64),
}

#[derive(Clone, Debug)]
pub(crate) struct SamplerLayer {
    /// Set in code and by OpenTelemetry's variables; the other layers have type and parameter.
    pub(super) whole: Setting<Sampler>,
    kind: Setting<SamplerType>,
    param: Setting<SamplerParam>,
}

impl Default for SamplerLayer {
    fn default() -> Self {
        Self {
            whole: Setting::checked(sampler),
            kind: Setting::default(),
            param: Setting::checked(sampler_param),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["sampler.type"], |layer, entry| {
            layer.sampler.kind.read(entry, sampler_type)
        }),
        (&["sampler.param"], |layer, entry| {
            layer.sampler.param.read(entry, read_param)
        }),
    ],
    variables: &[
        ("JAEGER_SAMPLER_TYPE", |layer, entry| {
            layer.sampler.kind.read(entry, sampler_type)
        }),
        ("JAEGER_SAMPLER_PARAM", |layer, entry| {
            layer.sampler.param.read(entry, read_param)
        }),
    ],
};

impl Layer {
    /// Checks the sampler, where this layer alone makes a whole one.
    pub(crate) fn check_sampler(&mut self) {
        let SamplerLayer { kind, param, .. } = &mut self.sampler;
        // Whether the feature of the remote sampler is missed is known once all layers are.
        let is_remote = matches!(kind.made(), Some((SamplerType::Remote, _)));
        let is_missed = is_remote && !cfg!(feature = "http");
        if is_missed || kind.made().is_none() || param.made().is_none() {
            return;
        }
        if let Err(fault) = combine(kind, param) {
            kind.refuse();
            param.refuse();
            self.faults.push(fault);
        }
    }
}

impl Sampler {
    /// A type from the environment without a parameter beside it discards the file's parameter;
    /// a parameter from the environment goes with the file's type.
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        let config = resolver.config;
        if config.code.sampler.whole.made().is_some() {
            let never = Sampler::Const(false);
            return resolver.pick_or(|layer| &layer.sampler.whole, never);
        }
        let (environment, file) = (&config.environment.sampler, &config.file.sampler);
        let made = if environment.kind.made().is_some() {
            combine(&environment.kind, &environment.param)
        } else if environment.param.made().is_some() && file.kind.made().is_some() {
            combine(&file.kind, &environment.param)
        } else if let Some((sampler, _)) = config.otel.sampler.whole.made() {
            Ok(Some(*sampler))
        } else if environment.param.made().is_some() {
            combine(&file.kind, &environment.param)
        } else {
            combine(&file.kind, &file.param)
        };
        let is_refused = resolver.is_refused(|layer| &layer.sampler.kind)
            || resolver.is_refused(|layer| &layer.sampler.param)
            || resolver.is_misspelt(&["sampler", "sampler.type", "type"]);
        match made {
            Ok(Some(sampler)) => return sampler,
            Ok(None) if is_refused => {} // has an error already
            Ok(None) if config.is_wired_by_otel() => return Sampler::Const(true),
            Ok(None) if cfg!(feature = "http") => return Sampler::Remote(INITIAL),
            Ok(None) => resolver.fault(ConfigError::MissingSampler),
            Err(fault) => resolver.fault(fault),
        }
        Sampler::Const(false)
    }
}

impl Config {
    /// Returns whether only OpenTelemetry's variables choose where spans go. Then its default is ours:
    /// all traces, but for the decisions of others.
    fn is_wired_by_otel(&self) -> bool {
        let others = [&self.code, &self.environment, &self.file];
        self.otel.names_receiver() && !others.iter().any(|layer| layer.names_receiver())
    }

    /// Sets the choice of traces that are kept.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.code.sampler.whole.put("sampler", sampler);
        self
    }
}

/// Refuses a remote sampler where the tracer may have no thread, which would keep its initial share
/// for good.
pub(super) fn check_background(resolver: &mut Resolver<'_>, settings: &Settings) {
    if matches!(settings.sampler, Sampler::Remote(_)) && !settings.reporter.background {
        resolver.fault(ConfigError::Unsupported {
            origin: Origin::Code {
                method: "background",
            },
            reason: "the remote sampler asks its server on a thread of its own; choose another \
                     sampler, or allow threads",
        });
    }
}

/// The sampler that type and parameter make together; none if there is no type, or a parameter that
/// was refused.
fn combine(
    kind: &Setting<SamplerType>,
    param: &Setting<SamplerParam>,
) -> Result<Option<Sampler>, ConfigError> {
    let (kind, origin) = match (kind.made(), param.made()) {
        (Some((kind, origin)), _) => (kind, origin),
        // A parameter alone is the remote sampler's, as in the clients.
        (None, Some((_, origin))) if cfg!(feature = "http") && !kind.is_refused() => {
            (&SamplerType::Remote, origin)
        }
        (None, _) => return Ok(None),
    };
    if *kind == SamplerType::Remote && !cfg!(feature = "http") {
        return Err(ConfigError::Unsupported {
            origin: origin.clone(),
            reason: NO_HTTP,
        });
    }
    if param.is_refused() {
        return Ok(None);
    }
    let Some((param, place)) = param.made() else {
        if *kind == SamplerType::Remote {
            return Ok(Some(Sampler::Remote(INITIAL)));
        }
        return Err(ConfigError::MissingSamplerParam {
            origin: origin.clone(),
        });
    };
    match make_sampler(*kind, *param) {
        Ok(sampler) => Ok(Some(sampler)),
        Err(violation) => Err(violation.error(place, &param.to_string())),
    }
}

fn make_sampler(kind: SamplerType, param: SamplerParam) -> Result<Sampler, Violation> {
    use SamplerParam::{Flag, Number};
    let made = match (kind, param) {
        (SamplerType::Const, Flag(flag)) => Sampler::Const(flag),
        (SamplerType::Const, Number(0.0)) => Sampler::Const(false),
        (SamplerType::Const, Number(1.0)) => Sampler::Const(true),
        (SamplerType::Const, Number(_)) => {
            return Err(Violation {
                problem: "not a decision",
                accepted: "0 or 1, true or false, for a const sampler",
            });
        }
        (SamplerType::Probabilistic, Number(share)) => Sampler::Probabilistic(share),
        (SamplerType::RateLimiting, Number(rate)) => Sampler::RateLimiting(rate),
        (SamplerType::Remote, Number(initial)) => Sampler::Remote(initial),
        _ => {
            return Err(Violation {
                problem: "not a number",
                accepted: "a number for this type of sampler",
            });
        }
    };
    sampler(&made).map(|()| made)
}

fn sampler_type(entry: &Entry<'_>) -> Result<SamplerType, ConfigError> {
    entry.choice(
        &[
            ("const", SamplerType::Const),
            ("probabilistic", SamplerType::Probabilistic),
            ("ratelimiting", SamplerType::RateLimiting),
            ("rate_limiting", SamplerType::RateLimiting),
            ("ratelimit", SamplerType::RateLimiting),
            ("remote", SamplerType::Remote),
        ],
        "const, probabilistic, ratelimiting or remote",
    )
}

fn read_param(entry: &Entry<'_>) -> Result<SamplerParam, ConfigError> {
    if let Some(number) = entry.as_number() {
        return Ok(SamplerParam::Number(number));
    }
    match entry.as_boolean() {
        Some(flag) => Ok(SamplerParam::Flag(flag)),
        None => Err(entry.wrong("not a number", "a number; for const also true or false")),
    }
}

fn sampler(sampler: &Sampler) -> Result<(), Violation> {
    match sampler {
        Sampler::Const(_) => Ok(()),
        Sampler::Probabilistic(share) => require(
            (0.0..=1.0).contains(share),
            "not a probability",
            "0 to 1 for a probabilistic sampler",
        ),
        Sampler::Remote(initial) => require(
            cfg!(feature = "http"),
            "the remote sampler, which needs the feature `http` of picojaeger-std",
            "that feature, or another sampler",
        )
        .and(require(
            (0.0..=1.0).contains(initial),
            "not a probability",
            "0 to 1 for a remote sampler, until its server answers",
        )),
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

impl fmt::Display for SamplerParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}
