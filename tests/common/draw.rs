//! Batches of the model, drawn from fixed seeds: shared by the comparisons of encoders.

use picojaeger_core::{SpanId, TraceId};
use picojaeger_std::model::{
    Batch, ClientStats, Log, Process, RefKind, Span, SpanRef, Tag, TagValue,
};

use super::SplitMix64;

/// The header of a list changes its form at 15 elements.
pub const LENGTHS: [usize; 6] = [0, 1, 2, 14, 15, 200];

pub const FLOATS: [f64; 9] = [
    0.0,
    -0.0,
    1.5,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    -f64::NAN,
];

/// Random draws from a fixed seed.
pub struct Draw(pub SplitMix64);

impl Draw {
    pub fn bits(&mut self) -> u64 {
        self.0.next()
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit)
    }

    /// A number of any magnitude.
    pub fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.bits() >> shift
    }

    pub fn list<T>(&mut self, length: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..length).map(|_| draw(self)).collect()
    }

    /// A length: mostly short, at times as long as a list can be here.
    pub fn length(&mut self) -> usize {
        match self.below(12) {
            0 => LENGTHS[self.below(LENGTHS.len())],
            _ => self.below(4),
        }
    }

    pub fn text(&mut self) -> String {
        let long = self.below(20) == 0;
        let length = self.below(if long { 200 } else { 12 });
        let letters = ['a', 'Z', '0', ' ', 'ä', 'ß', '€', '漢', '😀', '\0'];
        (0..length)
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }

    pub fn tag(&mut self) -> Tag {
        let value = match self.below(6) {
            0 => TagValue::String(self.text()),
            1 => TagValue::Double(FLOATS[self.below(FLOATS.len())]),
            2 => TagValue::Bool(self.below(2) == 0),
            3 => TagValue::Long(self.number().cast_signed()),
            4 => TagValue::Binary(self.text().into_bytes().into()),
            _ => TagValue::String((self.bits() | 1 << 63).to_string()),
        };
        let key: String = self.text().chars().take(60).collect();
        Tag::new(key, value)
    }

    pub fn reference(&mut self) -> SpanRef {
        let kinds = [RefKind::ChildOf, RefKind::FollowsFrom];
        let kind = kinds[self.below(2)];
        let trace_id = TraceId::from_parts(self.number(), self.bits());
        SpanRef::new(kind, trace_id, SpanId::new(self.number()))
    }

    pub fn log(&mut self, fields: usize) -> Log {
        let timestamp_us = self.number().cast_signed();
        Log::new(timestamp_us, self.list(fields, Self::tag))
    }

    pub fn bare_span(&mut self) -> Span {
        let start = self.number() >> 1;
        let duration = self.number() >> 1;
        let trace_id = TraceId::from_parts(self.number(), self.number());
        let span_id = SpanId::new(self.number());
        let parent_span_id = SpanId::new([0, self.bits()][self.below(2)]);
        let mut span = Span::new(trace_id, span_id, self.text());
        span.parent_span_id = parent_span_id;
        span.flags = [1, 3, 9, 11][self.below(4)];
        span.start_time_us = start.cast_signed();
        span.duration_us = duration.min(i64::MAX as u64 - start).cast_signed();
        span
    }

    pub fn span(&mut self) -> Span {
        let (references, tags, logs) = (self.length(), self.length(), self.length());
        let references = self.list(references, Self::reference);
        let tags = self.list(tags, Self::tag);
        let logs = self.list(logs, |draw| {
            let fields = draw.below(5);
            draw.log(fields)
        });
        let mut span = self.bare_span();
        (span.references, span.tags, span.logs) = (references, tags, logs);
        span
    }

    pub fn empty_batch(&mut self) -> Batch {
        let mut batch = Batch::new(Process::new(self.text()));
        batch.seq_no = Some(self.number().cast_signed());
        let (full_queue, failed) = (self.number().cast_signed(), self.number().cast_signed());
        batch.stats = Some(ClientStats::new(full_queue, 0, failed));
        batch
    }

    pub fn batch(&mut self) -> Batch {
        let (tags, spans) = (self.below(4), self.below(5));
        let mut batch = self.empty_batch();
        batch.process.tags = self.list(tags, Self::tag);
        batch.spans = self.list(spans, Self::span);
        batch
    }
}
