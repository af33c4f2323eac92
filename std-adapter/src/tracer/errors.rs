//! Errors of the tracer, and one type for all errors of the crate.

use std::error::Error as StdError;
use std::fmt;

use picojaeger_core::{BaggageError, InjectError, Lost, ParseContextError, ParseIdError};

#[cfg(feature = "receiver")]
use crate::collector::{DecodeError, EncodeError};
use crate::config::ConfigError;
use crate::sys::error_chain::debug_as_chain;
use crate::tracer::open_spans::OpenSpans;

/// Error of a flush or close that left spans behind.
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
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The time ran out; the worker goes on.
    TimedOut {
        /// Spans that have no outcome yet, those of further transports included.
        queued: u64,
        /// The cause, such as a look-up in progress, or the last error of sending.
        cause: Option<String>,
        /// Spans that were open at the close of the tracer; none at a flush.
        open: OpenSpans,
    },
    /// Spans were lost since the call began, on any thread and of any cause.
    Lost {
        /// The lost spans, by cause.
        lost: Lost,
        /// The last error of sending, or the span that fitted no packet.
        cause: Option<String>,
        /// Spans that were open at the close of the tracer; none at a flush.
        open: OpenSpans,
    },
    /// Nothing was done: there is no thread for an asynchronous flush or close.
    NoThread {
        /// The reason, and the remedy.
        cause: String,
    },
}

/// Error of [`Config::initialize_tracer`](crate::Config::initialize_tracer) and
/// [`TracerBuilder::install`](crate::TracerBuilder::install), which set no global tracer.
///
/// ```
/// use picojaeger_std::InitializeError;
///
/// assert!(InitializeError::AlreadyInitialized.to_string().contains("new_tracer"));
/// ```
#[non_exhaustive]
pub enum InitializeError {
    /// There is one already, and it stays.
    AlreadyInitialized,
    /// The configuration is wrong.
    Config(ConfigError),
}

/// Error of baggage that was not set: the key cannot travel in a header, a server's
/// [restrictions](crate::config::RestrictionSettings) do not allow it, there are 180 items, or they
/// would take more than
/// [`max_baggage_size`](crate::config::PropagationSettings::max_baggage_size) bytes.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let error = tracer.start("order").set_baggage_item("two words", "x").unwrap_err();
/// assert!(error.to_string().contains("two words"));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SetBaggageError {
    pub(super) key: String,
    pub(super) cause: BaggageFault,
}

/// The reason that baggage was not set.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum BaggageFault {
    Invalid(BaggageError),
    /// The server's restrictions do not allow the key.
    Restricted,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cause, open) = match self {
            FlushError::TimedOut {
                queued,
                cause,
                open,
            } => {
                write!(f, "the time ran out with {queued} spans not sent")?;
                (cause, open)
            }
            FlushError::Lost { lost, cause, open } => {
                write!(f, "{} spans lost{lost}", lost.total())?;
                (cause, open)
            }
            FlushError::NoThread { cause } => {
                return write!(f, "there is no thread to send the spans: {cause}");
            }
        };
        if open.total() > 0 {
            write!(f, " and {open}")?;
        }
        match cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for FlushError {}

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

impl StdError for InitializeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            InitializeError::AlreadyInitialized => None,
            // The text is that of the wrapped error, so the source is the cause of that error.
            InitializeError::Config(error) => error.source(),
        }
    }
}

impl fmt::Display for SetBaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.cause {
            BaggageFault::Invalid(cause) => write!(f, "baggage key {key:?}: {cause}"),
            BaggageFault::Restricted => write!(
                f,
                "baggage key {key:?}: the server of baggage restrictions does not allow it, or has not \
                 answered; add the key there"
            ),
        }
    }
}

impl StdError for SetBaggageError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            BaggageFault::Invalid(cause) => Some(cause),
            BaggageFault::Restricted => None,
        }
    }
}

/// Any error of this crate, for functions with several kinds: each converts into it by `?`.
///
/// `Debug` prints the text and its causes, so a `main` that returns the error shows them.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::{Config, Error};
///
/// fn run() -> Result<(), Error> {
///     let tracer = Config::from_env()?.new_tracer()?;
///     tracer.start("order").set_baggage_item("customer", "7")?;
///     tracer.close(Duration::from_secs(2))?;
///     Ok(())
/// }
/// let error = run().unwrap_err();
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[non_exhaustive]
pub enum Error {
    /// A wrong setting, file or variable.
    Config(ConfigError),
    /// The global tracer was not set.
    Initialize(InitializeError),
    /// A flush or close left spans behind.
    Flush(FlushError),
    /// Baggage was not set.
    SetBaggage(SetBaggageError),
    /// A context was not written, or not all of its baggage.
    Inject(InjectError),
    /// A text is no context.
    ParseContext(ParseContextError),
    /// A text is no id.
    ParseId(ParseIdError),
    /// A datagram that is no batch of spans. Needs the feature `receiver`.
    #[cfg(feature = "receiver")]
    Decode(DecodeError),
    /// A batch that does not fit a datagram. Needs the feature `receiver`.
    #[cfg(feature = "receiver")]
    Encode(EncodeError),
    /// A socket of the collector could not be opened.
    Io(std::io::Error),
}

impl Error {
    fn inner(&self) -> &(dyn StdError + 'static) {
        match self {
            Error::Config(error) => error,
            Error::Initialize(error) => error,
            Error::Flush(error) => error,
            Error::SetBaggage(error) => error,
            Error::Inject(error) => error,
            Error::ParseContext(error) => error,
            Error::ParseId(error) => error,
            #[cfg(feature = "receiver")]
            Error::Decode(error) => error,
            #[cfg(feature = "receiver")]
            Error::Encode(error) => error,
            Error::Io(error) => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner())
    }
}

impl StdError for Error {
    /// Returns the cause of the wrapped error, whose text is this one's.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner().source()
    }
}

/// Conversions from the wrapped errors.
macro_rules! errors {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::$variant(error)
            }
        }
    )*};
}

errors! {
    Config(ConfigError), Initialize(InitializeError), Flush(FlushError),
    SetBaggage(SetBaggageError), Inject(InjectError),
    ParseContext(ParseContextError), ParseId(ParseIdError), Io(std::io::Error)
}

#[cfg(feature = "receiver")]
errors! { Decode(DecodeError), Encode(EncodeError) }

debug_as_chain!(FlushError, InitializeError, SetBaggageError, Error);
