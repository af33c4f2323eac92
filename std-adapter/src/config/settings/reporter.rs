//! Queueing and sending of finished spans: memory, flush times, and further reporters.

use std::time::Duration;

use super::layer::{Layer, Names};
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::source::Entry;

const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
const MEMORY_LIMIT: usize = 16 << 20;

/// The sizes that `memory_limit` accepts.
const MEMORY: &str = "1 MiB to 64 GiB (1 GiB on a 32-bit system): bytes, or text such as 16MiB";
const LEAST_MEMORY: usize = 1 << 20;
const MOST_MEMORY: usize = if usize::BITS == 64 { 1 << 36 } else { 1 << 30 };

/// Bytes of memory for each span of a queue, and besides. Half of the memory is for rings in any
/// case, and half of that holds spans whatever the threads: the rest are rings that are kept for
/// other threads, or that are not full. A record of 512 bytes takes up to 585 of a ring.
const QUEUED: usize = 4 * 585;
const BESIDE_QUEUE: usize = 2 << 20;
/// The longest queue.
const MOST_QUEUED: usize = (MOST_MEMORY - BESIDE_QUEUE) / QUEUED;

/// Queueing and sending of finished spans.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).memory_limit(1 << 20);
/// let reporter = config.resolve()?.reporter;
/// assert_eq!(reporter.memory_limit, 1 << 20);
/// assert_eq!(reporter.flush_interval, Duration::from_secs(1));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReporterSettings {
    /// A finished span leaves the process after at most this time, 1 ms to 1 day. Default: 1 s.
    pub flush_interval: Duration,
    /// Memory for open and finished spans in bytes, 1 MiB to 64 GiB (1 GiB on a 32-bit system).
    /// Default: 16 MiB.
    pub memory_limit: usize,
    /// Each finished span is also written through the `log` crate. Default: no.
    pub log_spans: bool,
    /// Each finished span is also written to standard output. Default: no.
    pub console: bool,
    /// Spans that are queued when the process exits are flushed, for at most 500 ms. Default: yes.
    pub flush_at_exit: bool,
    /// Whether a worker thread sends spans by itself; without it only a flush does. Default: yes.
    pub background: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ReporterLayer {
    pub(super) flush_interval: Setting<Duration>,
    memory_limit: Setting<usize>,
    log_spans: Setting<bool>,
    pub(super) console: Setting<bool>,
    flush_at_exit: Setting<bool>,
    background: Setting<bool>,
}

impl Default for ReporterLayer {
    fn default() -> Self {
        Self {
            flush_interval: Setting::checked(interval),
            memory_limit: Setting::checked(memory_limit),
            log_spans: Setting::default(),
            console: Setting::default(),
            flush_at_exit: Setting::default(),
            background: Setting::default(),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (
            &["flush_interval", "reporter.flush_interval"],
            |layer, entry| {
                let setting = &mut layer.reporter.flush_interval;
                setting.read(entry, Entry::duration)
            },
        ),
        (
            &[
                "reporter.bufferFlushInterval",
                "reporter.bufferflushinterval",
            ],
            |layer, entry| {
                let setting = &mut layer.reporter.flush_interval;
                setting.read_or_default(entry, Entry::duration_or_seconds)
            },
        ),
        (&["reporter_flush_interval"], |layer, entry| {
            let setting = &mut layer.reporter.flush_interval;
            setting.read(entry, Entry::seconds)
        }),
        (&["reporter.flushIntervalMs"], |layer, entry| {
            let setting = &mut layer.reporter.flush_interval;
            setting.read(entry, Entry::milliseconds)
        }),
        (
            &["memory_limit", "reporter.memory_limit"],
            |layer, entry| layer.reporter.memory_limit.read(entry, read_memory),
        ),
        (&["reporter_queue_size", "reporter.queue_size"], set_queue),
        (&["reporter.queueSize"], queue_or_default),
        (
            &[
                "log_spans",
                "reporter.log_spans",
                "logging",
                "reporter.logSpans",
            ],
            |layer, entry| layer.reporter.log_spans.read(entry, Entry::boolean),
        ),
        (&["flush_at_exit"], |layer, entry| {
            layer.reporter.flush_at_exit.read(entry, Entry::boolean)
        }),
    ],
    variables: &[
        ("JAEGER_REPORTER_LOG_SPANS", |layer, entry| {
            layer.reporter.log_spans.read(entry, Entry::boolean)
        }),
        ("JAEGER_REPORTER_MAX_QUEUE_SIZE", queue_or_default),
        ("JAEGER_REPORTER_FLUSH_INTERVAL", |layer, entry| {
            let setting = &mut layer.reporter.flush_interval;
            setting.read_or_default(entry, Entry::duration)
        }),
    ],
};

impl ReporterSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        Self {
            flush_interval: resolver
                .pick_or(|layer| &layer.reporter.flush_interval, FLUSH_INTERVAL),
            memory_limit: resolver.pick_or(|layer| &layer.reporter.memory_limit, MEMORY_LIMIT),
            log_spans: resolver.pick_or(|layer| &layer.reporter.log_spans, false),
            console: resolver.pick_or(|layer| &layer.reporter.console, false),
            flush_at_exit: resolver.pick_or(|layer| &layer.reporter.flush_at_exit, true),
            background: resolver.pick_or(|layer| &layer.reporter.background, true),
        }
    }
}

/// Finished spans. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// Sets how long a finished span may wait before it is sent, 1 ms to 1 day.
    #[must_use]
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        let setting = &mut self.code.reporter.flush_interval;
        setting.put("flush_interval", interval);
        self
    }

    /// Sets the memory for open and finished spans in bytes, 1 MiB to 64 GiB (1 GiB on a 32-bit
    /// system). None of it is taken before it is needed.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.code.reporter.memory_limit.put("memory_limit", bytes);
        self
    }

    /// Sets whether each finished span is also written through the `log` crate.
    #[must_use]
    pub fn log_spans(mut self, log: bool) -> Self {
        self.code.reporter.log_spans.put("log_spans", log);
        self
    }

    /// Sets whether spans that are queued at the process's exit are flushed.
    #[must_use]
    pub fn flush_at_exit(mut self, flush: bool) -> Self {
        self.code.reporter.flush_at_exit.put("flush_at_exit", flush);
        self
    }

    /// Sets whether a worker thread sends spans by itself, as one does by default. Without it
    /// they wait in the rings for [`Tracer::flush`](crate::Tracer::flush), which sends them on the
    /// calling thread.
    #[must_use]
    pub fn background(mut self, background: bool) -> Self {
        self.code.reporter.background.put("background", background);
        self
    }
}

/// Reads bytes, or text with a unit: `16MiB`.
fn read_memory(entry: &Entry<'_>) -> Result<usize, ConfigError> {
    let with_unit = entry.as_text().and_then(parse_memory);
    with_unit
        .or_else(|| entry.as_integer())
        .ok_or_else(|| entry.wrong("not a size", MEMORY))
}

fn parse_memory(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// Reads a queue of so many spans of the other clients, as the memory that keeps a burst of them
/// whole, if each takes 512 bytes, on whatever threads.
fn read_queue(entry: &Entry<'_>) -> Result<usize, ConfigError> {
    entry
        .as_integer()
        .filter(|spans| *spans > 0)
        .map(|spans: usize| spans.min(MOST_QUEUED) * QUEUED + BESIDE_QUEUE)
        .ok_or_else(|| entry.wrong("not a queue size", "a number of spans, 1 or more"))
}

pub(super) fn set_queue(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    layer.reporter.memory_limit.read(entry, read_queue)?;
    if entry
        .as_integer()
        .is_some_and(|spans: usize| spans > MOST_QUEUED)
    {
        let used = format!("more than fits into memory; {MOST_QUEUED} spans are used");
        layer.warn(entry, used);
    }
    Ok(())
}

/// Takes zero for the default, as Go does.
fn queue_or_default(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    match entry.is_zero() {
        true => Ok(()),
        false => set_queue(layer, entry),
    }
}

/// The rule of intervals.
pub(super) fn interval(interval: &Duration) -> Result<(), Violation> {
    let range = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
    let fits = range.contains(interval);
    require(fits, "out of range", "1 millisecond to 1 day")
}

fn memory_limit(limit: &usize) -> Result<(), Violation> {
    let fits = (LEAST_MEMORY..=MOST_MEMORY).contains(limit);
    require(fits, "out of range", MEMORY)
}
