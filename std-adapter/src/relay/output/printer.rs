//! Waterfalls of traces.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use picojaeger_core::TraceId;

use super::{Output, OutputCounts};
use crate::collector::{CollectedSpan, Trace};
use crate::model::{Process, Span};

/// Prints each trace once no more spans of it come.
pub(in crate::relay) struct Printer<W> {
    to: W,
    traces: BTreeMap<TraceId, Waiting>,
    now: Duration,
    counts: OutputCounts,
    error: Option<String>,
}

/// A trace that is not printed yet.
struct Waiting {
    spans: Vec<CollectedSpan>,
    /// The time of the last span.
    last: Duration,
}

/// The time without further spans after which a trace is printed.
const QUIET: Duration = Duration::from_millis(700);
/// The most traces that wait, and the most spans of one.
const MOST: usize = 1_000;

impl<W: Write> Printer<W> {
    /// Makes a printer of waterfalls.
    pub(in crate::relay) fn new(to: W) -> Self {
        Printer {
            to,
            traces: BTreeMap::new(),
            now: Duration::ZERO,
            counts: OutputCounts::default(),
            error: None,
        }
    }

    fn print(&mut self, id: TraceId) {
        let Some(trace) = self.traces.remove(&id) else {
            return;
        };
        let spans = trace.spans.len() as u64;
        // In one piece, so that nothing comes between its lines.
        let waterfall = Trace::new(id, trace.spans).to_string();
        match self.to.write_all(waterfall.as_bytes()) {
            Ok(()) => self.counts.delivered += spans,
            Err(error) => {
                self.counts.lost += spans;
                self.error = Some(format!("cannot print: {error}"));
            }
        }
    }

    fn oldest(&self) -> Option<TraceId> {
        let oldest = self.traces.iter().min_by_key(|(_, trace)| trace.last);
        oldest.map(|(id, _)| *id)
    }
}

impl<W: Write> Output for Printer<W> {
    fn take(&mut self, process: &Arc<Process>, span: Span) {
        let id = span.trace_id;
        let trace = self.traces.entry(id).or_insert_with(|| Waiting {
            spans: Vec::new(),
            last: self.now,
        });
        trace.last = self.now;
        trace
            .spans
            .push(CollectedSpan::new(Arc::clone(process), span));
        if trace.spans.len() >= MOST {
            self.print(id);
        } else if self.traces.len() > MOST
            && let Some(oldest) = self.oldest()
        {
            self.print(oldest);
        }
    }

    fn step(&mut self, now: Duration, flush: bool) {
        self.now = now;
        let is_due = |trace: &Waiting| flush || now.saturating_sub(trace.last) >= QUIET;
        let due = self.traces.iter().filter(|(_, trace)| is_due(trace));
        let mut due: Vec<_> = due.map(|(id, trace)| (trace.last, *id)).collect();
        due.sort_unstable_by_key(|(last, _)| *last);
        for (_, id) in due {
            self.print(id);
        }
        if let Err(error) = self.to.flush() {
            self.error = Some(format!("cannot print: {error}"));
        }
    }

    fn has_room(&mut self) -> bool {
        self.traces.len() < MOST
    }

    fn counts(&self) -> OutputCounts {
        let waiting = self.traces.values().map(|trace| trace.spans.len() as u64);
        OutputCounts {
            queued: waiting.sum(),
            ..self.counts
        }
    }

    fn last_error(&self) -> Option<String> {
        self.error.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: u64, id: u64) -> Span {
        Span::new(u128::from(trace), id, "sample")
    }

    fn printer() -> Printer<Vec<u8>> {
        Printer::new(Vec::new())
    }

    fn text<W: AsRef<[u8]>>(printer: &Printer<W>) -> String {
        String::from_utf8(printer.to.as_ref().to_vec()).unwrap()
    }

    #[test]
    fn a_trace_is_printed_once_it_is_quiet() {
        let (mut printer, process) = (printer(), Arc::new(Process::new("pump")));
        printer.take(&process, span(1, 1));
        printer.step(Duration::from_millis(500), false);
        printer.take(&process, span(1, 2));
        printer.take(&process, span(2, 3));
        printer.step(Duration::from_millis(1_100), false);
        assert_eq!((text(&printer).as_str(), printer.counts().queued), ("", 3));
        printer.step(Duration::from_millis(1_200), false);
        assert_eq!(text(&printer).matches("trace ").count(), 2);
        assert_eq!(text(&printer).matches("pump: sample").count(), 3);
        assert_eq!(
            (printer.counts().delivered, printer.counts().queued),
            (3, 0)
        );
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut printer, process) = (printer(), Arc::new(Process::new("pump")));
        for id in 0..1_500 {
            printer.take(&process, span(1, id));
            printer.take(&process, span(id + 2, id));
        }
        assert!(printer.counts().queued <= 2 * MOST as u64);
        printer.step(Duration::ZERO, true);
        let counts = printer.counts();
        assert_eq!(
            (counts.delivered, counts.queued, counts.lost),
            (3_000, 0, 0)
        );
    }
}
