//! The most entries of a span.

use picojaeger_core::adapter::record::EntryLimits;

use super::layer::Names;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::source::Entry;

/// The most entries of a span. What comes later is left out when the span ends, and counted in its
/// tag `picojaeger.dropped`. Without a limit, as by default, the span's 64 KiB are the only one.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).max_tags_per_span(128);
/// assert_eq!(config.resolve()?.limits.tags_per_span, Some(128));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitSettings {
    /// Tags of a span. Default: no limit.
    pub tags_per_span: Option<usize>,
    /// References of a span, its parent not counted. Default: no limit.
    pub references_per_span: Option<usize>,
    /// Fields of a log. Default: no limit.
    pub fields_per_log: Option<usize>,
    /// Logs of a span, 2 to 65,535. Beyond it the first and the last ones are kept at once, and a log
    /// in the middle counts the others. Default: no limit.
    pub logs_per_span: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitLayer {
    pub(super) tags_per_span: Setting<usize>,
    pub(super) references_per_span: Setting<usize>,
    pub(super) fields_per_log: Setting<usize>,
    pub(super) logs_per_span: Setting<usize>,
}

impl Default for LimitLayer {
    fn default() -> Self {
        Self {
            tags_per_span: Setting::default(),
            references_per_span: Setting::default(),
            fields_per_log: Setting::default(),
            logs_per_span: Setting::checked(logs),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["max_tags_per_span"], |layer, entry| {
            layer.limits.tags_per_span.read(entry, count)
        }),
        (&["max_references_per_span"], |layer, entry| {
            layer.limits.references_per_span.read(entry, count)
        }),
        (&["max_fields_per_log"], |layer, entry| {
            layer.limits.fields_per_log.read(entry, count)
        }),
        (&["max_logs_per_span"], |layer, entry| {
            layer.limits.logs_per_span.read_or_default(entry, count)
        }),
    ],
    variables: &[],
};

impl LimitSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        Self {
            tags_per_span: resolver.pick(|layer| &layer.limits.tags_per_span),
            references_per_span: resolver.pick(|layer| &layer.limits.references_per_span),
            fields_per_log: resolver.pick(|layer| &layer.limits.fields_per_log),
            logs_per_span: resolver.pick(|layer| &layer.limits.logs_per_span),
        }
    }

    /// Returns the limits as the core takes them.
    pub(crate) fn of_entries(&self) -> EntryLimits {
        let or_none = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        EntryLimits::NONE
            .with_tags(or_none(self.tags_per_span))
            .with_references(or_none(self.references_per_span))
            .with_fields(or_none(self.fields_per_log))
    }
}

/// The most entries of a span. Any limit costs each end of a span some 60 instructions.
impl Config {
    /// Sets the most tags of a span.
    #[must_use]
    pub fn max_tags_per_span(mut self, most: usize) -> Self {
        let setting = &mut self.code.limits.tags_per_span;
        setting.put("max_tags_per_span", most);
        self
    }

    /// Sets the most references of a span, its parent not counted.
    #[must_use]
    pub fn max_references_per_span(mut self, most: usize) -> Self {
        let setting = &mut self.code.limits.references_per_span;
        setting.put("max_references_per_span", most);
        self
    }

    /// Sets the most fields of a log.
    #[must_use]
    pub fn max_fields_per_log(mut self, most: usize) -> Self {
        let setting = &mut self.code.limits.fields_per_log;
        setting.put("max_fields_per_log", most);
        self
    }

    /// Sets the most logs of a span, 2 to 65,535. Beyond it the first and the last ones are kept, and
    /// a log `dropped Span logs` in the middle counts the others.
    #[must_use]
    pub fn max_logs_per_span(mut self, most: usize) -> Self {
        let setting = &mut self.code.limits.logs_per_span;
        setting.put("max_logs_per_span", most);
        self
    }
}

/// Reads a number of entries.
pub(super) fn count(entry: &Entry<'_>) -> Result<usize, ConfigError> {
    let number = entry.as_integer();
    number.ok_or_else(|| entry.wrong("not a number of entries", "a whole number of 0 or more"))
}

fn logs(most: &usize) -> Result<(), Violation> {
    let fits = (2..=65_535).contains(most);
    require(
        fits,
        "out of range",
        "2 to 65535 logs, or in a file 0 for no limit",
    )
}
