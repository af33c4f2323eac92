//! Waiting for traces, and printing them: for scripts.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use picojaeger_core::TraceId;

use super::args::Args;
use crate::collector::store::TraceState;
use crate::collector::{Inbox, Trace, json};

/// Time between two looks at the store.
const TICK: Duration = Duration::from_millis(20);

/// The reason why the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The user wants it, or the traces have come.
    Done,
    /// They have not come in time.
    Timeout,
}

/// Runs until the user, or the number of traces, ends it.
pub(super) fn run(args: &Args, inbox: &Inbox, stop: &Receiver<()>) -> io::Result<End> {
    if args.wait.is_none() && !args.print {
        // The sender lives as long as the program.
        let _ = stop.recv();
        return Ok(End::Done);
    }
    let limit = args.wait.map(|_| Instant::now() + args.timeout);
    let mut watch = Watch::new(args.settle);
    let end = loop {
        for id in watch.look(inbox, Instant::now()) {
            if args.print {
                print(inbox.trace(id))?;
            }
        }
        if args.wait.is_some_and(|wanted| watch.whole >= wanted) {
            break End::Done;
        }
        if limit.is_some_and(|limit| Instant::now() >= limit) {
            break End::Timeout;
        }
        match stop.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => break End::Done,
        }
    };
    if args.print {
        let rest = inbox.lock().traces();
        let rest = rest
            .into_iter()
            .filter(|trace| !watch.is_whole(trace.trace_id()));
        rest.into_iter().try_for_each(|trace| print(Some(trace)))?;
    }
    Ok(end)
}

/// Prints a trace.
fn print(trace: Option<Trace>) -> io::Result<()> {
    let Some(trace) = trace else {
        return Ok(());
    };
    let mut out = io::stdout().lock();
    if has_colours(out.is_terminal(), std::env::var_os("NO_COLOR").as_deref()) {
        writeln!(out, "{}", trace.coloured())?;
    } else {
        writeln!(out, "{trace}")?;
    }
    out.flush()
}

/// Whether to print in colours: on a terminal, unless `NO_COLOR` is set to anything.
fn has_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Prints all traces as JSON, and writes them to a file.
pub(super) fn finish(args: &Args, inbox: &Inbox) -> Result<(), String> {
    if !args.json && args.export.is_none() {
        return Ok(());
    }
    let traces = inbox.lock().traces();
    if args.json {
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{}", json::jaeger(&traces)).and_then(|()| out.flush());
        written.map_err(|error| format!("cannot print: {error}"))?;
    }
    match &args.export {
        Some(path) => export(path, &traces),
        None => Ok(()),
    }
}

fn export(path: &Path, traces: &[Trace]) -> Result<(), String> {
    let is_otlp = path.to_string_lossy().ends_with(".otlp.json");
    let text = if is_otlp {
        json::otlp(traces)
    } else {
        json::jaeger(traces)
    };
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Finds out when traces are whole.
struct Watch {
    settle: Duration,
    /// The store's state at the last look.
    revision: Option<u64>,
    traces: BTreeMap<TraceId, Seen>,
    /// Traces that became whole, those that left the store too.
    whole: u64,
}

/// A trace as of the last look.
struct Seen {
    version: u64,
    is_rooted: bool,
    /// The time at which its last span was seen.
    since: Instant,
    is_whole: bool,
}

impl Watch {
    fn new(settle: Duration) -> Self {
        Watch {
            settle,
            revision: None,
            traces: BTreeMap::new(),
            whole: 0,
        }
    }

    fn is_whole(&self, id: TraceId) -> bool {
        self.traces.get(&id).is_some_and(|seen| seen.is_whole)
    }

    /// Returns the traces that are whole now and were not at the last look.
    fn look(&mut self, inbox: &Inbox, now: Instant) -> Vec<TraceId> {
        let revision = inbox.lock().revision();
        if self.revision.replace(revision) != Some(revision) {
            self.update(inbox.states(), now);
        }
        self.settle(now)
    }

    fn update(&mut self, states: Vec<TraceState>, now: Instant) {
        let mut held = BTreeMap::new();
        for state in states {
            let seen = match self.traces.remove(&state.id) {
                Some(seen) if seen.version == state.version => seen,
                seen => Seen {
                    version: state.version,
                    is_rooted: state.is_rooted,
                    since: now,
                    is_whole: seen.is_some_and(|seen| seen.is_whole),
                },
            };
            held.insert(state.id, seen);
        }
        self.traces = held;
    }

    fn settle(&mut self, now: Instant) -> Vec<TraceId> {
        let mut whole = Vec::new();
        for (id, seen) in &mut self.traces {
            let is_silent = now.saturating_duration_since(seen.since) >= self.settle;
            if seen.is_rooted && is_silent && !seen.is_whole {
                seen.is_whole = true;
                whole.push(*id);
            }
        }
        self.whole += whole.len() as u64;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Process, Span};

    fn store(inbox: &Inbox, trace: u128, id: u64, parent: u64) {
        let mut batch = Batch::new(Process::new("shop"));
        let mut span = Span::new(trace, id, "work");
        span.parent_span_id = parent.into();
        batch.spans.push(span);
        inbox.store(batch);
    }

    #[test]
    fn a_trace_is_whole_once_its_root_is_there_and_it_is_silent() {
        let (inbox, begin) = (Inbox::of_program(1 << 20), Instant::now());
        let at = |millis| begin + Duration::from_millis(millis);
        let mut watch = Watch::new(Duration::from_millis(200));
        store(&inbox, 1, 2, 1);
        store(&inbox, 9, 9, 8);
        assert!(watch.look(&inbox, at(0)).is_empty());
        assert!(watch.look(&inbox, at(500)).is_empty(), "no root");
        store(&inbox, 1, 1, 0);
        assert!(watch.look(&inbox, at(600)).is_empty());
        store(&inbox, 1, 3, 1);
        assert!(watch.look(&inbox, at(700)).is_empty());
        assert!(
            watch.look(&inbox, at(850)).is_empty(),
            "not silent for so long"
        );
        assert_eq!(watch.look(&inbox, at(900)), [TraceId::from(1)]);
        assert!(watch.look(&inbox, at(1_900)).is_empty(), "only once");
        store(&inbox, 1, 4, 1);
        assert!(watch.look(&inbox, at(2_000)).is_empty());
        assert!(watch.look(&inbox, at(3_000)).is_empty(), "only once");
        assert_eq!(watch.whole, 1);
        assert!(watch.is_whole(1.into()) && !watch.is_whole(9.into()));
    }

    #[test]
    fn colours_are_for_terminals_whose_user_wants_them() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(false, None) && !has_colours(true, Some(OsStr::new("1"))));
    }

    #[test]
    fn traces_that_left_the_store_are_forgotten_but_counted() {
        let (inbox, begin) = (Inbox::of_program(64 << 10), Instant::now());
        let mut watch = Watch::new(Duration::ZERO);
        for trace in 1..=1_000 {
            store(&inbox, trace, 1, 0);
            watch.look(&inbox, begin);
        }
        assert_eq!(watch.whole, 1_000);
        assert!(watch.traces.len() < 500, "{}", watch.traces.len());
    }
}
