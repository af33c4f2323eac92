//! Warnings of a configuration.

use std::borrow::Cow;
use std::fmt;

use super::error::Origin;

/// A setting that has no effect here, or hardly the one that was meant.
///
/// It stops nothing. `Display` writes one line: the place, and what to do.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop")
///     .sampler(Sampler::Const(true))
///     .with_variables([("JAEGER_HOST", "10.0.0.7")])?;
/// assert_eq!(
///     config.warnings()[0].to_string(),
///     "JAEGER_HOST: not read; JAEGER_AGENT_HOST is the agent's host"
/// );
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    origin: Origin,
    message: Cow<'static, str>,
}

impl ConfigWarning {
    pub(super) fn new(origin: Origin, message: impl Into<Cow<'static, str>>) -> Self {
        ConfigWarning {
            origin,
            message: message.into(),
        }
    }

    /// Returns the place of the setting.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}
