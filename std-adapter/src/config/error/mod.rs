//! Errors of a configuration, each with its place.

mod display;
mod origin;

pub use origin::Origin;

use std::error::Error;
use std::io;
use std::slice;
use std::sync::Arc;

use crate::sys::error_chain::debug_as_chain;

/// Reason for which a configuration was refused.
///
/// `Display` writes one complete line for each fault: the place, what was found there, and what is
/// accepted. Values of tags and credentials are never part of it. `Debug` writes the same lines,
/// so that a `main` that returns the error prints them.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop")
///     .sampler(Sampler::Const(true))
///     .with_variables([("JAEGER_AGENT_PORT", "x"), ("JAEGER_DISABLED", "perhaps")])?;
/// let error = config.resolve().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "JAEGER_AGENT_PORT=\"x\": not a port; use 1 to 65535\n\
///      JAEGER_DISABLED=\"perhaps\": neither true nor false; use true or false"
/// );
/// assert_eq!(error.faults().len(), 2);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    Unreadable {
        /// The name of the file, as it was given.
        file: Arc<str>,
        /// The reason.
        source: Arc<io::Error>,
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
        /// The parser's description.
        message: Box<str>,
    },
    /// A key that no setting has.
    UnknownKey {
        /// The key, and its place.
        origin: Origin,
        /// The nearest known key, if one is near.
        nearest: Option<Box<str>>,
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
        /// The place of the setting.
        origin: Origin,
        /// The value, shortened.
        found: Box<str>,
        /// The problem.
        problem: &'static str,
        /// The values that are accepted.
        accepted: &'static str,
    },
    /// A tag that is wrong; its value is not shown.
    InvalidTag {
        /// The place of the tags.
        origin: Origin,
        /// The tag's key, or its number.
        tag: Box<str>,
        /// The problem.
        problem: &'static str,
        /// The tags that are accepted.
        accepted: &'static str,
    },
    /// A setting of a feature that does not exist.
    Unsupported {
        /// The place of the setting.
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
        /// The place of the type.
        origin: Origin,
    },
    /// Two headers have the same name, or one begins with the baggage prefix.
    HeaderClash {
        /// The name that is taken twice.
        name: Box<str>,
        /// The other header, or the baggage prefix.
        other: Box<str>,
    },
    /// Several faults, none of which is of this kind.
    Several(Box<[ConfigError]>),
}

impl ConfigError {
    /// Returns the faults one by one: those of [`Several`](Self::Several), or this one.
    pub fn faults(&self) -> &[ConfigError] {
        match self {
            Self::Several(faults) => faults,
            one => slice::from_ref(one),
        }
    }

    /// Makes one error of all faults; `Ok` if there are none.
    pub(super) fn all(faults: Vec<ConfigError>) -> Result<(), ConfigError> {
        let mut flat: Vec<_> = faults.iter().flat_map(Self::faults).cloned().collect();
        match (flat.pop(), flat.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) => Err(only),
            (Some(last), false) => {
                flat.push(last);
                Err(Self::Several(flat.into()))
            }
        }
    }
}

debug_as_chain!(ConfigError);

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(&**source),
            Self::Several(faults) => faults.iter().find_map(Error::source),
            _ => None,
        }
    }
}

/// Shortens untrusted text and makes its invisible characters visible, so that an error stays one
/// line of sane length.
pub(crate) fn clean(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut cleaned = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            cleaned.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => cleaned.push(character),
            other => cleaned.extend(other.escape_debug()),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_short_line() {
        assert_eq!(clean("a\nb\u{1b}[0mé"), "a\\nb\\u{1b}[0mé");
        assert_eq!(clean("\u{200b}\"\\'"), "\\u{200b}\"\\'");
        let long = clean(&"x".repeat(1000));
        assert_eq!(long.chars().count(), 81);
        assert!(long.ends_with('…'));
    }
}
