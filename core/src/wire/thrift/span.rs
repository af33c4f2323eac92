//! The `Span` struct of Thrift.

use crate::arch::inline_on_servers;
use crate::record::{Entries, Log, Record, Reference};
use crate::time::Times;
use crate::value::Value;
use crate::wire::cut::{Cut, LONGEST, cut_text};
use crate::wire::out::Out;
use crate::wire::{EncodeContext, StateTags, TagSink};

use super::protocol::{Field, Protocol, STOP};
use super::tag::{put_key, put_value};

/// The sources that a span is written from.
struct Source<'s> {
    record: &'s Record<'s>,
    context: &'s EncodeContext<'s>,
    times: &'s Times<'s>,
    cut: Cut,
}

/// Writes a span; gives how many bytes are left, unless it did not fit.
#[inline(always)]
pub(super) fn put_span<P: Protocol>(
    out: Out<'_, P>,
    record: &Record<'_>,
    context: &EncodeContext<'_>,
    cut: Cut,
) -> Option<usize> {
    let out = put_identity(out, record, cut);
    let times = &times(record, context);
    let out = P::number(out, 8, times.start_micros as i64);
    let out = P::number(out, 9, times.duration_micros as i64);
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
fn put_identity<'o, P: Protocol>(out: Out<'o, P>, record: &Record<'_>, cut: Cut) -> Out<'o, P> {
    // Read anew each time: what a chip holds across calls lies on its stack.
    let identity = || record.context();
    let out = P::number(out, 1, identity().trace.low() as i64);
    let out = P::number(out, 2, identity().trace.high() as i64);
    let out = P::number(out, 3, identity().span.get() as i64);
    let out = P::number(out, 4, record.parent().get() as i64);
    let mut out = P::text(out, 5, cut_text(record.operation(), cut.longest));
    if record.has_references() {
        out = put_references(out, record);
    }
    let flags = Field::next_or_skipping(7, !record.has_references());
    P::small(out, flags, identity().flags.wire())
}

#[inline(always)]
fn times<'l>(record: &Record<'_>, context: &EncodeContext<'l>) -> Times<'l> {
    let timeline = context.timeline;
    timeline.times(record.segment(), record.start(), record.finish())
}

#[cold]
#[inline(never)]
fn put_references<'o, P: Protocol>(mut out: Out<'o, P>, record: &Record<'_>) -> Out<'o, P> {
    let (mut list, mut count) = (out.behind(P::LIST), 0);
    for reference in record.references() {
        list = put_reference(list, reference);
        count += 1;
    }
    let left = list.left();
    P::list(out, Field::next(6), count, left)
}

fn put_reference<P: Protocol>(out: Out<'_, P>, reference: Reference) -> Out<'_, P> {
    let trace = reference.trace;
    let out = P::small(out, Field::next(1), reference.follows as u8);
    let out = P::number(out, 2, trace.low() as i64);
    let out = P::number(out, 3, trace.high() as i64);
    let out = P::number(out, 4, reference.span.get() as i64);
    out.put([STOP])
}

impl Source<'_> {
    /// Writes the lists of tags and logs.
    #[inline(always)]
    fn put_lists<'o, P: Protocol>(&self, out: Out<'o, P>) -> Out<'o, P> {
        let before = out.left();
        let out = self.put_tags(out);
        if !self.record.has_logs() {
            return out;
        }
        let logs = Field::next_or_skipping(11, out.left() == before);
        self.put_logs(out, logs)
    }

    /// Writes as a list the span's tags and those that its state stands for.
    #[inline(always)]
    fn put_tags<'o, P: Protocol>(&self, mut out: Out<'o, P>) -> Out<'o, P> {
        let (list, count) = self.put_values(out.behind(P::LIST), self.record.entries(), false);
        let (list, own) = self.put_own_tags(list);
        if count + own == 0 {
            return out;
        }
        let left = list.left();
        P::list(out, Field::next(10), count + own, left)
    }

    inline_on_servers! {
        /// Writes the span's tags, or the log's fields that come first; gives their number.
        fn put_values<'o, P: Protocol>(
            &self,
            mut out: Out<'o, P>,
            entries: Entries<'_>,
            of_log: bool,
        ) -> (Out<'o, P>, usize) {
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
    fn put_own_tags<'o, P: Protocol>(&self, out: Out<'o, P>) -> (Out<'o, P>, usize) {
        let (record, cut) = (self.record, self.cut);
        let tags = StateTags::new(record, self.times, self.context.samplers)
            .cut_by(cut.logs, cut.is_of_text());
        let list = tags.visit(TagList { out, count: 0 });
        (list.out, list.count)
    }

    #[inline(always)]
    fn put_logs<'o, P: Protocol>(&self, mut out: Out<'o, P>, field: Field) -> Out<'o, P> {
        let (mut list, mut count) = (out.behind(P::LIST), 0);
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
        P::list(out, field, count, left)
    }

    #[inline(always)]
    fn put_log<'o, P: Protocol>(&self, out: Out<'o, P>, log: &Log<'_>) -> Out<'o, P> {
        let micros = self.times.micros_at(log.time);
        let mut out = P::number(out, 1, micros as i64);
        let (list, count) = self.put_values(out.behind(P::LIST), log.entries(), true);
        let left = list.left();
        P::list(out, Field::next(2), count, left).put([STOP])
    }
}

/// Tags that are written one after the other.
struct TagList<'o, P> {
    out: Out<'o, P>,
    count: usize,
}

impl<P: Protocol> TagSink for TagList<'_, P> {
    #[inline(always)]
    fn tag(self, key: &'static str, value: Value<'static>) -> Self {
        TagList {
            out: put_value(put_key(self.out, key), value, LONGEST),
            count: self.count + 1,
        }
    }
}
