//! What can be wrong with a configuration, and where.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Where a setting was made.
///
/// ```
/// use picojaeger_std::config::{Config, ConfigError, Origin};
///
/// let error = Config::from_yaml_str("a.yaml", "agent_port: 0").unwrap_err();
/// let ConfigError::Invalid { origin, .. } = error else { panic!("{error}") };
/// assert!(matches!(origin, Origin::File { line: 1, column: 13, .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A key of a YAML file.
    File {
        /// The name of the file, as it was given.
        file: Arc<str>,
        /// Line of the value (of the key, where the key is at fault), from 1.
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
    /// A method of [`Config`](super::Config).
    Code {
        /// The name of the method.
        method: &'static str,
    },
}

/// Why a configuration was refused.
///
/// The one line that `Display` writes is complete: the place, what was found there, and what is
/// accepted. Values of keys that hold secrets are never part of it.
///
/// ```
/// use picojaeger_std::config::Config;
///
/// let error = Config::from_yaml_str("jaeger.yaml", "sampler:\n    parm: 1").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "jaeger.yaml:2:5: unknown key `sampler.parm`; did you mean `param`?"
/// );
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    Unreadable {
        /// The name of the file, as it was given.
        file: Arc<str>,
        /// The reason.
        source: io::Error,
    },
    /// The file is larger than [`MAX_FILE_SIZE`](super::MAX_FILE_SIZE).
    TooLarge {
        /// The name of the file, as it was given.
        file: Arc<str>,
    },
    /// The text is not YAML, or not a map of keys.
    Malformed {
        /// The name of the file, as it was given.
        file: Arc<str>,
        /// Line, from 1; 0 if unknown.
        line: u64,
        /// Column in characters, from 1; 0 if unknown.
        column: u64,
        /// What the parser met.
        message: Box<str>,
    },
    /// A key that no setting has.
    UnknownKey {
        /// The key, and its place.
        origin: Origin,
        /// The nearest known key, if one is near.
        nearest: Option<Box<str>>,
    },
    /// A variable that no setting has, but whose name is nearly that of one.
    UnknownVariable {
        /// The variable.
        name: Box<str>,
        /// The nearest known variable.
        nearest: &'static str,
    },
    /// The same key twice in one map.
    DuplicateKey {
        /// The second one.
        origin: Origin,
        /// Line of the first one.
        first_line: u64,
    },
    /// Two spellings of one setting, with different values.
    Conflict {
        /// The later one.
        origin: Origin,
        /// The earlier one.
        first: Origin,
    },
    /// A value of the wrong type, or out of range.
    Invalid {
        /// Where it was set.
        origin: Origin,
        /// The value, shortened.
        found: Box<str>,
        /// What is wrong.
        problem: &'static str,
        /// What is accepted.
        accepted: &'static str,
    },
    /// A setting of a feature that does not exist.
    Unsupported {
        /// Where it was set.
        origin: Origin,
        /// Which feature, and what to do.
        reason: &'static str,
    },
    /// No service name was given.
    MissingServiceName,
    /// No sampler was given, which means the remote one.
    MissingSampler,
    /// A sampler type was given, but no parameter.
    MissingSamplerParam {
        /// Where the type was set.
        origin: Origin,
    },
    /// Two headers cannot be told apart.
    HeaderClash {
        /// The name that is taken twice.
        name: Box<str>,
        /// What else it stands for.
        other: Box<str>,
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
            Self::Variable { name } => f.write_str(name),
            Self::Code { method } => write!(f, "Config::{method}"),
        }
    }
}

impl Origin {
    /// The origin together with the value that was found there.
    fn with_value(&self, found: &str) -> String {
        match self {
            Self::File {
                file,
                line,
                column,
                key,
            } => format!("{file}:{line}:{column}: `{}: {found}`", clean(key)),
            Self::Variable { name } => format!("{name}={found}"),
            Self::Code { method } => format!("Config::{method}({found})"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => write!(f, "{file}: cannot be read: {source}"),
            Self::TooLarge { file } => write!(
                f,
                "{file}: larger than {} bytes, so not a configuration",
                super::MAX_FILE_SIZE
            ),
            Self::Malformed {
                file,
                line: 0,
                message,
                ..
            } => write!(f, "{file}: {message}"),
            Self::Malformed {
                file,
                line,
                column,
                message,
            } => write!(f, "{file}:{line}:{column}: {message}"),
            Self::UnknownKey { origin, nearest } => fmt_unknown(f, origin, nearest.as_deref()),
            Self::UnknownVariable { name, nearest } => {
                write!(
                    f,
                    "{}: unknown variable; did you mean {nearest}?",
                    clean(name)
                )
            }
            Self::DuplicateKey { origin, first_line } => write!(
                f,
                "{origin} is a duplicate of the key in line {first_line}; keep one"
            ),
            Self::Conflict { origin, first } => fmt_conflict(f, origin, first),
            Self::Invalid {
                origin,
                found,
                problem,
                accepted,
            } => write!(f, "{}: {problem}; use {accepted}", origin.with_value(found)),
            Self::Unsupported { origin, reason } => write!(f, "{origin}: {reason}"),
            Self::MissingServiceName => f.write_str(NO_SERVICE_NAME),
            Self::MissingSampler => f.write_str(NO_SAMPLER),
            Self::MissingSamplerParam { origin } => fmt_no_param(f, origin),
            Self::HeaderClash { name, other } => write!(
                f,
                "the header name `{name}` cannot be told apart from `{other}`; rename one"
            ),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn fmt_unknown(f: &mut fmt::Formatter<'_>, origin: &Origin, nearest: Option<&str>) -> fmt::Result {
    match origin {
        Origin::File {
            file,
            line,
            column,
            key,
        } => write!(f, "{file}:{line}:{column}: unknown key `{}`", clean(key))?,
        other => write!(f, "{other}: unknown")?,
    }
    match nearest {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => Ok(()),
    }
}

fn fmt_no_param(f: &mut fmt::Formatter<'_>, origin: &Origin) -> fmt::Result {
    let param = match origin {
        Origin::Variable { .. } => "JAEGER_SAMPLER_PARAM",
        _ => "`sampler.param`",
    };
    write!(
        f,
        "{origin}: the sampler has no parameter; set {param} beside it"
    )
}

fn fmt_conflict(f: &mut fmt::Formatter<'_>, origin: &Origin, first: &Origin) -> fmt::Result {
    match first {
        Origin::File { key, line, .. } => {
            write!(f, "{origin} contradicts `{key}` in line {line}; keep one")
        }
        other => write!(f, "{origin} contradicts {other}; keep one"),
    }
}

/// Shortens untrusted text and makes its control characters visible, so that an error stays one
/// line of sane length.
pub(super) fn clean(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut cleaned = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            cleaned.push('…');
            break;
        }
        if character.is_control() {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

const NO_SERVICE_NAME: &str = "no service name; set `service_name` in the file, JAEGER_SERVICE_NAME, or call Config::new \
     with it";
const NO_SAMPLER: &str = "no sampler, which means the remote one, and that is not supported yet; set `sampler.type` in \
     the file or JAEGER_SAMPLER_TYPE to const, probabilistic or ratelimiting, with a parameter, or \
     call Config::sampler";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_short_line() {
        assert_eq!(clean("a\nb\u{1b}[0mé"), "a\\nb\\u{1b}[0mé");
        let long = clean(&"x".repeat(1000));
        assert_eq!(long.chars().count(), 81);
        assert!(long.ends_with('…'));
    }
}
