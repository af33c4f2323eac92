//! Waiting for traces, and printing them: for scripts.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use picojaeger_core::TraceId;

use super::args::Args;
use super::export;
use crate::collector::store::TraceState;
use crate::collector::{Inbox, Trace, json};

/// Time between two looks at the store.
const TICK: Duration = Duration::from_millis(20);

/// The result of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The user ended it, or the traces of `--wait` have come.
    Done,
    /// It ended before the traces of `--wait` had come: only so many had.
    Short(u64),
}

/// Runs until the number of traces, the time, the user, or the reader of the output ends it.
pub(super) fn run(args: &Args, inbox: &Inbox, stop: &Receiver<()>) -> io::Result<End> {
    if args.wait.is_none() && !args.print {
        // The sender lives as long as the program.
        let _ = stop.recv();
        return Ok(End::Done);
    }
    let limit = args.wait.map(|_| Instant::now() + args.timeout);
    let mut watch = Watch::new(args.settle);
    loop {
        let begin = Instant::now();
        let whole = watch.look(inbox, begin);
        if args.print && !print(inbox, whole)? {
            return Ok(watch.end(args.wait));
        }
        let is_over = limit.is_some_and(|limit| Instant::now() >= limit);
        if is_over || args.wait.is_some_and(|wanted| watch.whole >= wanted) {
            break;
        }
        // The looks at a full store take a fraction of a processor.
        let pause = TICK.max(4 * begin.elapsed());
        if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    if args.print {
        let ids = inbox.ids().into_iter();
        print(inbox, ids.filter(|id| !watch.is_whole(*id)))?;
    }
    Ok(watch.end(args.wait))
}

/// Prints traces that are still held, and returns whether the output has a reader.
fn print(inbox: &Inbox, ids: impl IntoIterator<Item = TraceId>) -> io::Result<bool> {
    for trace in ids.into_iter().filter_map(|id| inbox.trace(id)) {
        if !has_reader(print_trace(&trace))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes `false` of the error that the reader of the output has gone: it has what it wants, as in `| head -1`.
fn has_reader(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

fn print_trace(trace: &Trace) -> io::Result<()> {
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
        has_reader(written).map_err(|error| format!("cannot print: {error}"))?;
    }
    match &args.export {
        Some(path) => export::write(path, &traces),
        None => Ok(()),
    }
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

    fn end(&self, wanted: Option<u64>) -> End {
        match wanted {
            Some(wanted) if self.whole < wanted => End::Short(self.whole),
            _ => End::Done,
        }
    }

    fn is_whole(&self, id: TraceId) -> bool {
        self.traces.get(&id).is_some_and(|seen| seen.is_whole)
    }

    /// Returns the traces that are whole now and were not at the last look, in the order of their last arrivals.
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
                whole.push((seen.version, *id));
            }
        }
        self.whole += whole.len() as u64;
        whole.sort_unstable();
        whole.into_iter().map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Process, Span, Tag};

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
    fn traces_come_in_the_order_of_their_last_arrivals() {
        let (inbox, begin) = (Inbox::of_program(1 << 20), Instant::now());
        let mut watch = Watch::new(Duration::ZERO);
        for (trace, id) in [(9, 1), (5, 1), (7, 1), (9, 2)] {
            store(&inbox, trace, id, id - 1);
        }
        assert_eq!(watch.look(&inbox, begin), [5, 7, 9].map(TraceId::from));
    }

    #[test]
    fn an_open_root_makes_no_trace_whole_and_its_finished_one_does() {
        let (inbox, begin) = (Inbox::of_program(1 << 20), Instant::now());
        let mut watch = Watch::new(Duration::ZERO);
        let mut batch = Batch::new(Process::new("shop"));
        let mut span = Span::new(1, 1, "work");
        span.tags.push(Tag::new("picojaeger.unfinished", true));
        batch.spans.push(span);
        inbox.store(batch);
        assert!(watch.look(&inbox, begin).is_empty());
        store(&inbox, 1, 1, 0);
        assert_eq!(watch.look(&inbox, begin), [TraceId::from(1)]);
    }

    #[test]
    fn a_run_that_ends_early_has_fewer_traces_than_it_waits_for() {
        let mut watch = Watch::new(Duration::ZERO);
        watch.whole = 2;
        assert_eq!(watch.end(Some(3)), End::Short(2));
        assert_eq!(watch.end(Some(2)), End::Done);
        assert_eq!(watch.end(None), End::Done);
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
