//! What was recovered, and how it is sent.

use core::ops::Range;

use super::header::Boots;
use crate::context::SpanContext;
use crate::id::SpanId;
use crate::record::{Open, Record};
use crate::ring::{Kept, Word};
use crate::time::{ClockSegment, Rate, Timeline};
use crate::value::Value;
use crate::wire::{Batch, EncodeContext, Encoder, Push, UNCERTAINTY, UNSYNCED};

/// The result of [`RetainedRing::recover`](super::RetainedRing::recover).
///
/// Of the numbers that spans got between the first and the last one that was found, `spans` + `outdated` are whole
/// and `torn` + `gaps` are not; those of `discarded_bytes` are unknown.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Recovery {
    /// Why there are spans, or none.
    pub outcome: RecoveryOutcome,
    /// The number of this boot, from 1 at a cold start.
    pub boot: u32,
    /// Spans that wait in the ring again; the tracer counts them as sampled and queued.
    pub spans: u32,
    /// Spans that were being copied into the ring.
    pub torn: u32,
    /// Whole spans that two boots did not send, and that make room now.
    pub outdated: u32,
    /// Spans that are missing between others: the ring had dropped them.
    pub gaps: u32,
    /// Bytes of the ring behind something that this program cannot have written.
    pub discarded_bytes: u32,
    pub(super) boots: Boots,
}

/// The cause of what was recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecoveryOutcome {
    /// The ring is that of this program's last boot.
    Warm,
    /// The memory holds no ring: the power was off, or the header was damaged.
    Cold,
    /// The ring is another program's, or lay elsewhere, and was discarded whole.
    OtherProgram,
    /// Nothing is recovered, now and after the next reset: the program has no build id to tell its ring
    /// from another one's. Link it with `--build-id`.
    NoBuildId,
    /// The ring had been recovered before in this boot; nothing was done.
    Again,
}

impl Recovery {
    pub(super) const fn new(
        outcome: RecoveryOutcome,
        boot: u32,
        kept: &Kept,
        boots: Boots,
    ) -> Self {
        Recovery {
            outcome,
            boot,
            spans: kept.frames,
            torn: kept.torn,
            outdated: kept.outdated,
            gaps: kept.gaps,
            discarded_bytes: kept.discarded,
            boots,
        }
    }

    /// Returns an encoder that packs spans as `encoder` does, and marks recovered ones: by the tags
    /// `recovered` and `recovered.boot`, their boot's number, and with the times of that boot's clock, or else
    /// `clock.unsynced`.
    ///
    /// A recovered span is copied to the stack for that, into `WORDS` words of tags and logs; what does
    /// not fit is left out, and counted as [`picojaeger.dropped`](crate::wire::StateTags).
    pub const fn encoder<const WORDS: usize, E: Encoder>(
        &self,
        encoder: E,
    ) -> RecoveredEncoder<E, WORDS> {
        RecoveredEncoder {
            encoder,
            boots: self.boots,
            boot: self.boot,
        }
    }
}

/// An encoder that marks recovered spans; see [`Recovery::encoder`].
#[derive(Clone, Debug)]
pub struct RecoveredEncoder<E, const WORDS: usize> {
    encoder: E,
    boots: Boots,
    boot: u32,
}

/// Words of the tags that a recovered span gets.
const TAGS: usize = 4 * (2 + 8 / size_of::<Word>());

impl<E: Encoder, const WORDS: usize> RecoveredEncoder<E, WORDS> {
    #[inline(never)]
    fn push_recovered(
        &mut self,
        out: &mut [u8],
        record: &Record<'_>,
        context: &EncodeContext<'_>,
    ) -> Push {
        let earlier = [1, 2].map(|age| self.boot.wrapping_sub(age));
        let number = earlier
            .into_iter()
            .find(|number| Boots::segment(*number) == record.segment())
            .unwrap_or(self.boot);
        let boot = self.boots.get(number);
        let segment = ClockSegment::new(Rate::new(boot.frequency), boot.anchor.as_slice());
        let segments = [segment];
        let times = Timeline::new(&segments).times(0, record.start(), record.finish());

        let mut copy = Open::<[Word; WORDS]>::new("", SpanContext::default(), SpanId::default(), 0);
        let open: &mut Open = &mut copy;
        open.copy_dated(record, &times, TAGS);
        open.tag("recovered".into(), Value::Bool(true));
        open.tag("recovered.boot".into(), Value::I64(number.into()));
        if !times.synced {
            open.tag(UNSYNCED.into(), Value::Bool(true));
        }
        if times.uncertainty_micros != 0 {
            open.tag(UNCERTAINTY.into(), times.uncertainty_micros.into());
        }
        let copied = copy.record().numbered(record.sequence());
        self.encoder.push(out, &copied, context)
    }
}

impl<E: Encoder, const WORDS: usize> Encoder for RecoveredEncoder<E, WORDS> {
    const WITH_STATUS: bool = E::WITH_STATUS;

    #[inline]
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        self.encoder.begin(out, batch)
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        if record.segment() == 0 {
            self.encoder.push(out, record, context)
        } else {
            self.push_recovered(out, record, context)
        }
    }

    #[inline]
    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        self.encoder.finish(out)
    }

    #[inline]
    fn spans(&self) -> usize {
        self.encoder.spans()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }
}
