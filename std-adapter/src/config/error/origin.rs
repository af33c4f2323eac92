//! The place of a setting.

use std::fmt;
use std::sync::Arc;

use super::clean;

/// Place where a setting was made.
///
/// ```
/// use picojaeger_std::config::{Config, ConfigError, Origin};
///
/// let config = Config::new("shop").with_variables([("JAEGER_AGENT_PORT", "x")])?;
/// let error = config.resolve().unwrap_err();
/// let ConfigError::Invalid { origin, .. } = &error.faults()[0] else { panic!("{error}") };
/// assert!(matches!(origin, Origin::Variable { name } if &**name == "JAEGER_AGENT_PORT"));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A key of a YAML file.
    File {
        /// The name of the file, as it was given.
        file: Arc<str>,
        /// Line of the value (of the key, if that is wrong), from 1.
        line: u64,
        /// Column in characters, from 1.
        column: u64,
        /// The key with those above it, joined with points: `sampler.param`.
        key: Box<str>,
    },
    /// An environment variable.
    Variable {
        /// Its whole name.
        name: Box<str>,
    },
    /// A method of [`Config`](crate::config::Config).
    Code {
        /// The name of the method.
        method: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                file,
                line,
                column,
                key,
            } => write!(f, "{file}:{line}:{column}: `{}`", clean(key)),
            Self::Variable { name } => f.write_str(&clean(name)),
            Self::Code { method } => write!(f, "Config::{method}"),
        }
    }
}

impl Origin {
    /// The origin together with the value that was found there.
    pub(super) fn with_value(&self, found: &str) -> String {
        match self {
            Self::File {
                file,
                line,
                column,
                key,
            } => format!("{file}:{line}:{column}: `{}: {found}`", clean(key)),
            Self::Variable { name } => format!("{}=\"{found}\"", clean(name)),
            Self::Code { method } => format!("Config::{method}({found})"),
        }
    }
}
