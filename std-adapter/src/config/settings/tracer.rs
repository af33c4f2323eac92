//! The tracer itself: whether it traces, its ids, its clock, and the length of values.

use super::layer::Names;
use super::setting::{Setting, Violation, require};
use crate::config::error::ConfigError;
use crate::config::source::Entry;
use crate::config::{ClockSource, Config};

/// Default in bytes.
pub(crate) const MAX_TAG_VALUE_LENGTH: usize = 1024;
/// The longest limit, in bytes.
pub(super) const LONGEST_TAG_VALUE: usize = 65_000;

/// What a tracer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Makes spans, and propagates contexts.
    On,
    /// Makes no spans: it passes the contexts of others on.
    PropagationOnly,
    /// Nothing.
    Off,
}

#[derive(Clone, Debug)]
pub(crate) struct TracerLayer {
    pub(crate) mode: Setting<Mode>,
    pub(crate) trace_id_128bit: Setting<bool>,
    pub(crate) max_tag_value_length: Setting<usize>,
    pub(crate) clock: Setting<ClockSource>,
}

impl Default for TracerLayer {
    fn default() -> Self {
        Self {
            mode: Setting::default(),
            trace_id_128bit: Setting::default(),
            max_tag_value_length: Setting::checked(max_tag_value_length),
            clock: Setting::default(),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["disabled", "disable"], |layer, entry| {
            layer.tracer.mode.read(entry, disabled)
        }),
        (&["enabled"], |layer, entry| {
            let enabled = |entry: &Entry<'_>| Ok(mode(!entry.boolean()?));
            layer.tracer.mode.read(entry, enabled)
        }),
        (
            &[
                "trace_id_128bit",
                "generate_128bit_trace_id",
                "traceid_128bit",
                "traceId128bit",
            ],
            |layer, entry| layer.tracer.trace_id_128bit.read(entry, Entry::boolean),
        ),
        (&["max_tag_value_length"], |layer, entry| {
            let setting = &mut layer.tracer.max_tag_value_length;
            setting.read(entry, Entry::bytes)
        }),
        (&["clock"], |layer, entry| {
            layer.tracer.clock.read(entry, clock)
        }),
    ],
    variables: &[
        ("JAEGER_DISABLED", |layer, entry| {
            layer.tracer.mode.read(entry, disabled)
        }),
        ("JAEGER_DISABLE", |layer, entry| {
            layer.warn(entry, "an old name; use JAEGER_DISABLED");
            layer.tracer.mode.read(entry, disabled)
        }),
        ("JAEGER_TRACEID_128BIT", |layer, entry| {
            layer.tracer.trace_id_128bit.read(entry, Entry::boolean)
        }),
    ],
};

/// The tracer itself. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets whether spans record nothing; such a tracer needs neither service name nor sampler.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.code.tracer.mode.put("disabled", mode(disabled));
        self
    }

    /// Sets whether new trace ids have 128 random bits instead of 64.
    #[must_use]
    pub fn trace_id_128bit(mut self, wide: bool) -> Self {
        let setting = &mut self.code.tracer.trace_id_128bit;
        setting.put("trace_id_128bit", wide);
        self
    }

    /// Sets the longest value of a tag or log field, and the longest copied operation name, in
    /// bytes, 1 to 65,000.
    #[must_use]
    pub fn max_tag_value_length(mut self, bytes: usize) -> Self {
        let setting = &mut self.code.tracer.max_tag_value_length;
        setting.put("max_tag_value_length", bytes);
        self
    }

    /// Sets the source of time stamps.
    #[must_use]
    pub fn clock(mut self, clock: ClockSource) -> Self {
        self.code.tracer.clock.put("clock", clock);
        self
    }
}

fn disabled(entry: &Entry<'_>) -> Result<Mode, ConfigError> {
    entry.boolean().map(mode)
}

fn mode(disabled: bool) -> Mode {
    match disabled {
        true => Mode::Off,
        false => Mode::On,
    }
}

fn clock(entry: &Entry<'_>) -> Result<ClockSource, ConfigError> {
    let choices = [
        ("auto", ClockSource::Auto),
        ("tsc", ClockSource::Tsc),
        ("system", ClockSource::System),
    ];
    entry.choice(&choices, "auto, tsc or system")
}

fn max_tag_value_length(length: &usize) -> Result<(), Violation> {
    let fits = (1..=LONGEST_TAG_VALUE).contains(length);
    require(fits, "out of range", "1 to 65000 bytes")
}
