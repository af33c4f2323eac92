//! Contexts between processes: their formats, the names of their headers, the size of their baggage.

use picojaeger_core::adapter::is_http_token;
use picojaeger_core::{Format, TextMapCodec};

use super::formats::{DEFAULT, formats, once};
use super::layer::Names;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::source::Entry;

/// Propagation of contexts between processes.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).debug_id_header("x-debug");
/// assert_eq!(config.resolve()?.propagation.headers.debug_id, "x-debug");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PropagationSettings {
    /// The formats that are read, in this order, and written. Default: the W3C's trace context and
    /// baggage, then Jaeger's.
    pub formats: Vec<Format>,
    /// Whether requests come from the public, so that `jaeger-debug-id` and `jaeger-baggage` are
    /// not read: anyone could force traces with them. Default: no.
    pub public_entrance: bool,
    /// Whether a `traceparent` says of traces that begin here that their ids are random. Default:
    /// no, since older SDKs of Go drop a context with this flag.
    pub w3c_random_flag: bool,
    /// The names of the headers. Default: those of Jaeger's clients, see [`HeaderNames`].
    pub headers: HeaderNames,
    /// Largest size of a context's baggage in bytes, counted as it is injected: names and
    /// percent-encoded values of its headers; 0 to 1 MiB. Default: 8,192.
    pub max_baggage_size: usize,
}

/// The names of the headers that carry a context between processes, in lower case.
///
/// ```
/// use picojaeger_std::config::HeaderNames;
///
/// assert_eq!(HeaderNames::default().trace_context, "uber-trace-id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderNames {
    /// Carries trace id, span id, parent and flags (`uber-trace-id`).
    pub trace_context: String,
    /// Stands before each baggage key (`uberctx-`).
    pub baggage_prefix: String,
    /// Forces a trace, and names it (`jaeger-debug-id`).
    pub debug_id: String,
    /// Carries baggage without a trace, `k1=v1, k2=v2` (`jaeger-baggage`).
    pub baggage: String,
}

impl Default for HeaderNames {
    fn default() -> Self {
        let names = picojaeger_core::HeaderNames::DEFAULT;
        Self {
            trace_context: names.trace_context.into(),
            baggage_prefix: names.baggage_prefix.into(),
            debug_id: names.debug_id.into(),
            baggage: names.baggage.into(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct PropagationLayer {
    trace_context: Setting<String>,
    baggage_prefix: Setting<String>,
    debug_id: Setting<String>,
    baggage: Setting<String>,
    max_baggage_size: Setting<usize>,
    pub(super) formats: Setting<Vec<Format>>,
    public_entrance: Setting<bool>,
    w3c_random_flag: Setting<bool>,
}

impl Default for PropagationLayer {
    fn default() -> Self {
        let header = || Setting::checked(|name: &String| header(name));
        Self {
            trace_context: header(),
            baggage_prefix: header(),
            debug_id: header(),
            baggage: header(),
            max_baggage_size: Setting::checked(max_baggage_size),
            formats: Setting::default(),
            public_entrance: Setting::default(),
            w3c_random_flag: Setting::default(),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (
            &[
                "headers.trace_context",
                "trace_id_header",
                "headers.TraceContextHeaderName",
            ],
            |layer, entry| layer.propagation.trace_context.read(entry, lower),
        ),
        (
            &[
                "headers.baggage_prefix",
                "baggage_header_prefix",
                "headers.traceBaggageHeaderPrefix",
            ],
            |layer, entry| layer.propagation.baggage_prefix.read(entry, lower),
        ),
        (
            &[
                "headers.debug_id",
                "debug_id_header",
                "headers.jaegerDebugHeader",
            ],
            |layer, entry| layer.propagation.debug_id.read(entry, lower),
        ),
        (
            &["headers.baggage", "headers.jaegerBaggageHeader"],
            |layer, entry| layer.propagation.baggage.read(entry, lower),
        ),
        (&["max_baggage_size"], |layer, entry| {
            let setting = &mut layer.propagation.max_baggage_size;
            setting.read(entry, Entry::bytes)
        }),
        (&["propagation", "propagation_format"], |layer, entry| {
            layer.propagation.formats.read(entry, formats)
        }),
        (&["public_entrance"], |layer, entry| {
            let setting = &mut layer.propagation.public_entrance;
            setting.read(entry, Entry::boolean)
        }),
        (&["w3c_random_flag"], |layer, entry| {
            let setting = &mut layer.propagation.w3c_random_flag;
            setting.read(entry, Entry::boolean)
        }),
    ],
    variables: &[("JAEGER_PROPAGATION", |layer, entry| {
        layer.propagation.formats.read(entry, formats)
    })],
};

impl PropagationSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        let names = HeaderNames::default();
        let headers = HeaderNames {
            trace_context: resolver.pick_or(
                |layer| &layer.propagation.trace_context,
                names.trace_context,
            ),
            baggage_prefix: resolver.pick_or(
                |layer| &layer.propagation.baggage_prefix,
                names.baggage_prefix,
            ),
            debug_id: resolver.pick_or(|layer| &layer.propagation.debug_id, names.debug_id),
            baggage: resolver.pick_or(|layer| &layer.propagation.baggage, names.baggage),
        };
        if let Err(clash) = reject_clashes(&headers) {
            resolver.fault(clash);
        }
        Self {
            formats: resolver.pick_or(|layer| &layer.propagation.formats, DEFAULT.to_vec()),
            public_entrance: resolver.pick_or(|layer| &layer.propagation.public_entrance, false),
            w3c_random_flag: resolver.pick_or(|layer| &layer.propagation.w3c_random_flag, false),
            headers,
            max_baggage_size: resolver.pick_or(
                |layer| &layer.propagation.max_baggage_size,
                TextMapCodec::BAGGAGE_LIMIT,
            ),
        }
    }
}

/// Formats and headers. A value that breaks its rule is reported by [`Config::resolve`].
impl Config {
    /// Sets the formats that are read, in this order, and written; each counts once.
    ///
    /// ```
    /// use picojaeger_std::Format;
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let config = Config::new("shop").sampler(Sampler::Const(true));
    /// let config = config.propagation([Format::B3, Format::Jaeger]);
    /// assert_eq!(config.resolve()?.propagation.formats, [Format::B3, Format::Jaeger]);
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn propagation(mut self, formats: impl AsRef<[Format]>) -> Self {
        let setting = &mut self.code.propagation.formats;
        setting.put("propagation", once(formats.as_ref()));
        self
    }

    /// Sets whether requests come from the public, so that `jaeger-debug-id` and `jaeger-baggage`
    /// are not read.
    #[must_use]
    pub fn public_entrance(mut self, public: bool) -> Self {
        let setting = &mut self.code.propagation.public_entrance;
        setting.put("public_entrance", public);
        self
    }

    /// Sets whether `traceparent` says of traces that begin here that their ids are random.
    #[must_use]
    pub fn w3c_random_flag(mut self, set: bool) -> Self {
        let setting = &mut self.code.propagation.w3c_random_flag;
        setting.put("w3c_random_flag", set);
        self
    }

    /// Sets the name of the header that carries the trace context.
    #[must_use]
    pub fn trace_context_header(mut self, name: impl Into<String>) -> Self {
        let setting = &mut self.code.propagation.trace_context;
        setting.put("trace_context_header", name.into().to_ascii_lowercase());
        self
    }

    /// Sets the text before each baggage key in its header's name.
    #[must_use]
    pub fn baggage_prefix(mut self, prefix: impl Into<String>) -> Self {
        let setting = &mut self.code.propagation.baggage_prefix;
        setting.put("baggage_prefix", prefix.into().to_ascii_lowercase());
        self
    }

    /// Sets the name of the header that forces a trace.
    #[must_use]
    pub fn debug_id_header(mut self, name: impl Into<String>) -> Self {
        let setting = &mut self.code.propagation.debug_id;
        setting.put("debug_id_header", name.into().to_ascii_lowercase());
        self
    }

    /// Sets the name of the header that carries baggage without a trace.
    #[must_use]
    pub fn baggage_header(mut self, name: impl Into<String>) -> Self {
        let setting = &mut self.code.propagation.baggage;
        setting.put("baggage_header", name.into().to_ascii_lowercase());
        self
    }

    /// Sets the largest size of a context's baggage in bytes as it is injected, 0 to 1 MiB.
    #[must_use]
    pub fn max_baggage_size(mut self, bytes: usize) -> Self {
        let setting = &mut self.code.propagation.max_baggage_size;
        setting.put("max_baggage_size", bytes);
        self
    }
}

/// Reads a header name in lower case, since the names of HTTP's headers have no case.
fn lower(entry: &Entry<'_>) -> Result<String, ConfigError> {
    Ok(entry.text()?.to_ascii_lowercase())
}

/// A field name of HTTP: a token of RFC 9110, section 5.6.2.
fn header(name: &str) -> Result<(), Violation> {
    require(
        name.len() <= 256 && is_http_token(name),
        "not a header name",
        "letters, digits and hyphens",
    )
}

fn max_baggage_size(size: &usize) -> Result<(), Violation> {
    let fits = (0..=1 << 20).contains(size);
    require(fits, "out of range", "0 to 1048576 bytes")
}

/// Returns an error where two headers have one name, or one name begins with the baggage prefix:
/// the content of a header is known by its name alone.
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
