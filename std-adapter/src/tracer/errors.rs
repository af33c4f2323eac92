//! Errors of the front door.

use std::error::Error;
use std::fmt;

use picojaeger_core::{BaggageError, Lost};

use crate::config::ConfigError;

/// Why a flush or close left spans behind.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent_host("127.0.0.1").agent_port(1).new_tracer()?;
/// tracer.start("order").finish();
/// let error = tracer.flush(Duration::from_secs(2)).unwrap_err();
/// assert!(error.to_string().contains("127.0.0.1"), "{error}");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FlushError {
    /// The time ran out; the worker goes on.
    TimedOut {
        /// Spans that have no outcome yet.
        queued: u64,
        /// What keeps them, such as a look-up that is under way, or what sending last failed with.
        cause: Option<String>,
    },
    /// Spans were lost since the call began, on any thread and of any cause.
    Lost {
        /// How many, by cause.
        lost: Lost,
        /// What sending last failed with, or the span that fitted no packet.
        cause: Option<String>,
    },
}

/// Why [`Config::initialize_tracer`](crate::Config::initialize_tracer) set no global tracer.
///
/// ```
/// use picojaeger_std::InitializeError;
///
/// assert!(InitializeError::AlreadyInitialized.to_string().contains("new_tracer"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum InitializeError {
    /// There is one already, and it stays.
    AlreadyInitialized,
    /// The configuration is wrong.
    Config(ConfigError),
}

/// Why baggage was not set: the key cannot travel in a header, or there are 180 items.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let error = tracer.start("order").set_baggage_item("two words", "x").unwrap_err();
/// assert!(error.to_string().contains("two words"));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetBaggageError {
    pub(super) key: String,
    pub(super) cause: BaggageError,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self {
            FlushError::TimedOut { queued, cause } => {
                write!(f, "the time ran out with {queued} spans not sent")?;
                cause
            }
            FlushError::Lost { lost, cause } => {
                write!(f, "{} spans lost{lost}", lost.total())?;
                cause
            }
        };
        match cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl Error for FlushError {}

impl fmt::Display for InitializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitializeError::AlreadyInitialized => {
                f.write_str("the global tracer is set already; use new_tracer() for another one")
            }
            InitializeError::Config(error) => error.fmt(f),
        }
    }
}

impl Error for InitializeError {}

impl fmt::Display for SetBaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "baggage key {:?}: {}", self.key, self.cause)
    }
}

impl Error for SetBaggageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
