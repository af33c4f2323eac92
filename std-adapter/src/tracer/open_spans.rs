//! The number and the names of the spans that are open.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use crate::memory::span_slot::SpanOwner as _;
use crate::state::TracerState;

/// Spans that were open when a tracer closed, by their operations. Sampled ones only, as in
/// [`Stats::open`](crate::Stats::open).
///
/// The number is exact. Names are read while other threads go on, so a span that starts, ends or is renamed
/// at that very time may have none, and is among [`others`](OpenSpans::others) then. Of a name that was copied into
/// its span, the first 32 bytes are known. A span that starts while the memory for open spans is scarce is listed by the
/// first 32 bytes of its first name, as long as it is held.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent(false).new_tracer()?;
/// let _open = [tracer.start("order"), tracer.start("audit"), tracer.start("order")];
/// let report = tracer.drain_blocking(Duration::from_millis(10));
/// assert_eq!(report.open().to_string(), "3 spans open (2 order, 1 audit)");
/// assert_eq!(report.open().operations().next(), Some(("order", 2)));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct OpenSpans {
    /// None where no span is open. Boxed, so that errors stay small.
    counts: Option<Box<Counts>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Counts {
    total: u64,
    /// The most frequent ones, and how many spans have each.
    operations: Vec<(String, u64)>,
}

/// The most operations that are named.
const NAMED: usize = 10;

impl OpenSpans {
    /// Counts the open spans of a tracer.
    pub(super) fn of(state: &TracerState) -> Self {
        let total = state.stats().open;
        if total == 0 {
            return OpenSpans::default();
        }
        // A statement of its own: the lock ends with it.
        let (names, charged) = state.pool().names();
        let named = names.iter().filter_map(|name| Some((name.read()?, 1)));
        let mut counts = HashMap::<String, u64>::new();
        for (name, spans) in named.chain(charged) {
            *counts.entry(name.as_str().to_owned()).or_default() += spans as u64;
        }
        let mut operations: Vec<_> = counts.into_iter().collect();
        operations.sort_unstable_by(|(name, count), (other, others)| {
            (Reverse(count), name).cmp(&(Reverse(others), other))
        });
        operations.truncate(NAMED);
        OpenSpans {
            counts: Some(Box::new(Counts { total, operations })),
        }
    }

    /// Returns the number of spans.
    pub fn total(&self) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.total)
    }

    /// Returns the operations and how many spans of each are open, the most frequent ones first; at
    /// most 10.
    pub fn operations(&self) -> impl Iterator<Item = (&str, u64)> {
        let operations = self.counts.iter().flat_map(|counts| &counts.operations);
        operations.map(|(name, count)| (name.as_str(), *count))
    }

    /// Returns the number of spans of other operations, and of those whose name could not be read.
    pub fn others(&self) -> u64 {
        let named = self.operations().map(|(_, count)| count).sum();
        self.total().saturating_sub(named)
    }
}

/// Writes one line, whatever the names are.
impl fmt::Display for OpenSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total() {
            0 => return f.write_str("no span open"),
            1 => f.write_str("1 span open")?,
            total => write!(f, "{total} spans open")?,
        }
        let mut separator = " (";
        for (name, count) in self.operations() {
            let name = name.replace(char::is_control, " ");
            write!(f, "{separator}{count} {name}")?;
            separator = ", ";
        }
        match self.others() {
            0 => {}
            others => {
                write!(f, "{separator}{others} of other names")?;
                separator = ", ";
            }
        }
        f.write_str(if separator == ", " { ")" } else { "" })
    }
}
