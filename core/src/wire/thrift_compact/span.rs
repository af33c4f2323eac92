//! The `Span` struct of Thrift.

use super::protocol::{Out, cut_text};
use crate::arch::inline_on_word64;
use crate::record::{Entries, Log, Record, Reference};
use crate::time::Times;
use crate::value::Value;
use crate::wire::{EncodeContext, StateTags, TagSink};

use super::tag::{put_key, put_value};
use super::{STOP, field};

/// The sources that a span is written from.
struct Source<'s> {
    record: &'s Record<'s>,
    context: &'s EncodeContext<'s>,
    times: &'s Times<'s>,
    cut: Cut,
}

/// The parts of a span that are left out.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// The oldest logs, this many.
    logs: usize,
    /// Of text and bytes, what exceeds this length.
    longest: usize,
}

/// Nothing is left out.
pub(super) const WHOLE: Cut = Cut {
    logs: 0,
    longest: LONGEST,
};
/// The longest text of a record.
const LONGEST: usize = u16::MAX as usize;

/// Writes a span; gives how many bytes are left, unless it did not fit.
#[inline(never)]
pub(super) fn put_span(
    out: Out<'_>,
    record: &Record<'_>,
    context: &EncodeContext<'_>,
    cut: Cut,
) -> Option<usize> {
    let out = put_identity(out, record, cut);
    let times = &times(record, context);
    let out = out
        .number(times.start_micros as i64)
        .number(times.duration_micros as i64);
    let source = Source {
        record,
        context,
        times,
        cut,
    };
    source.put_lists(out).end([STOP])
}

/// Writes the fields before the times: ids, name, references and flags.
#[inline(always)]
fn put_identity<'o>(out: Out<'o>, record: &Record<'_>, cut: Cut) -> Out<'o> {
    // Read anew each time: what a chip holds across calls lies on its stack.
    let identity = || record.context();
    let mut out = out
        .number(identity().trace.low() as i64)
        .number(identity().trace.high() as i64)
        .number(identity().span.get() as i64)
        .number(record.parent().get() as i64)
        .text(cut_text(record.operation(), cut.longest));
    let mut flags = field::I32 + field::SKIP;
    if record.has_references() {
        out = put_references(out, record);
        flags = field::I32;
    }
    // The wire flags are below 64: a single byte.
    out.put([flags, identity().flags.wire() << 1])
}

/// Writes the span with as little left out as fits.
///
/// First logs go, one by one, then text, byte by byte: halves the steps of which
/// the least is looked for, and writes that last.
#[inline(always)]
pub(super) fn put_cut(
    out: &mut [u8],
    record: &Record<'_>,
    context: &EncodeContext<'_>,
) -> Option<usize> {
    let logs = count_logs(record);
    let (mut least, mut most) = (1, logs + LONGEST);
    loop {
        let steps = least + (most - least) / 2;
        let cut = Cut {
            logs: steps.min(logs),
            longest: LONGEST - steps.saturating_sub(logs),
        };
        let left = put_span(Out::new(out), record, context, cut);
        if least == most {
            return left;
        }
        if left.is_some() {
            most = steps;
        } else {
            least = steps + 1;
        }
    }
}

/// Apart, so that what it takes of the stack is free again when the span is written.
#[inline(never)]
fn count_logs(record: &Record<'_>) -> usize {
    record.logs().count()
}

#[inline(always)]
fn times<'l>(record: &Record<'_>, context: &EncodeContext<'l>) -> Times<'l> {
    let timeline = context.timeline;
    timeline.times(record.segment(), record.start(), record.finish())
}

#[cold]
#[inline(never)]
fn put_references<'o>(mut out: Out<'o>, record: &Record<'_>) -> Out<'o> {
    let (mut list, mut count) = (out.elements(), 0);
    for reference in record.references() {
        list = put_reference(list, reference);
        count += 1;
    }
    let left = list.left();
    out.list(field::LIST, count, left)
}

fn put_reference(out: Out<'_>, reference: Reference) -> Out<'_> {
    let trace = reference.trace;
    let ids = [trace.low(), trace.high(), reference.span.get()];
    let out = out.put([field::I32, (reference.follows as u8) << 1]);
    let out = (ids.iter()).fold(out, |out, id| out.number(*id as i64));
    out.put([STOP])
}

impl Source<'_> {
    /// Writes the lists of tags and logs.
    #[inline(always)]
    fn put_lists<'o>(&self, out: Out<'o>) -> Out<'o> {
        let before = out.left();
        let out = self.put_tags(out);
        if !self.record.has_logs() {
            return out;
        }
        let has_tags = out.left() < before;
        let skip = if has_tags { 0 } else { field::SKIP };
        self.put_logs(out, field::LIST + skip)
    }

    /// Writes as a list the span's tags and those that its state stands for.
    #[inline(always)]
    fn put_tags<'o>(&self, mut out: Out<'o>) -> Out<'o> {
        let (list, count) = self.put_values(out.elements(), self.record.entries(), false);
        let (list, own) = self.put_own_tags(list);
        if count + own == 0 {
            return out;
        }
        let left = list.left();
        out.list(field::LIST, count + own, left)
    }

    inline_on_word64! {
        /// Writes the span's tags, or the log's fields that come first; gives their number.
        fn put_values<'o>(
            &self,
            mut out: Out<'o>,
            entries: Entries<'_>,
            of_log: bool,
        ) -> (Out<'o>, usize) {
            let mut count = 0;
            for entry in entries {
                if entry.is_value(of_log) {
                    out = put_key(out, entry.key());
                    out = put_value(out, entry.value(), self.cut.longest);
                    count += 1;
                } else if of_log {
                    break;
                }
            }
            (out, count)
        }
    }

    /// Writes the tags that the record's state stands for; gives their number.
    #[inline(always)]
    fn put_own_tags<'o>(&self, out: Out<'o>) -> (Out<'o>, usize) {
        let (record, cut) = (self.record, self.cut);
        let tags = StateTags::new(record, self.times, self.context.samplers)
            .cut_by(cut.logs, cut.is_of_text());
        let list = tags.visit(TagList { out, count: 0 });
        (list.out, list.count)
    }

    #[inline(always)]
    fn put_logs<'o>(&self, mut out: Out<'o>, header: u8) -> Out<'o> {
        let (mut list, mut count) = (out.elements(), 0);
        for (number, log) in self.record.logs().enumerate() {
            if number >= self.cut.logs {
                list = self.put_log(list, &log);
                count += 1;
            }
        }
        if count == 0 {
            return out;
        }
        let left = list.left();
        out.list(header, count, left)
    }

    #[inline(always)]
    fn put_log<'o>(&self, out: Out<'o>, log: &Log<'_>) -> Out<'o> {
        let micros = self.times.micros_at(log.time);
        let mut out = out.number(micros as i64);
        let (list, count) = self.put_values(out.elements(), log.entries(), true);
        let left = list.left();
        out.list(field::LIST, count, left).put([STOP])
    }
}

/// Tags that are written one after the other.
struct TagList<'o> {
    out: Out<'o>,
    count: usize,
}

impl TagSink for TagList<'_> {
    #[inline(always)]
    fn tag(self, key: &'static str, value: Value<'static>) -> Self {
        TagList {
            out: put_value(put_key(self.out, key), value, LONGEST),
            count: self.count + 1,
        }
    }
}

impl Cut {
    fn is_of_text(self) -> bool {
        self.longest < LONGEST
    }
}
