//! Contexts between processes: the names of their headers, and the size of their baggage.

use picojaeger_core::TextMapCodec;
use picojaeger_core::adapter::is_http_token;

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
    ],
    variables: &[],
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
            headers,
            max_baggage_size: resolver.pick_or(
                |layer| &layer.propagation.max_baggage_size,
                TextMapCodec::BAGGAGE_LIMIT,
            ),
        }
    }
}

/// The headers. A value that breaks its rule is reported by [`Config::resolve`].
impl Config {
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
