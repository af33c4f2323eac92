//! The spans, and an encoder that checks each of them.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_semihosting::{debug, hprintln};
use picojaeger_core::adapter::record::Record;
use picojaeger_core::wire::{Batch, EncodeContext, Encoder, Push};
use picojaeger_core::{Flags, SpanContext, SpanId, SpanRing, TraceId, Tracer, Value};

use crate::{Board, exit};

/// Makes two spans, with tags and a log.
#[inline(never)]
pub fn pair<R: SpanRing + ?Sized>(tracer: &Tracer<Board, R>) {
    let mut outer = tracer.start::<64>("outer");
    outer.tag("n", 2).tag("mode", "fast");
    let mut inner = tracer.span_builder("inner").child_of(&outer).start::<64>();
    inner.log().field("event", "e");
    inner.tag("n", 3);
    inner.finish();
    outer.finish();
}

/// Makes a span with entries of all kinds that sweeps have.
#[inline(never)]
pub fn whole<R: SpanRing + ?Sized>(tracer: &Tracer<Board, R>) {
    let parent = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
    let mut span = tracer.span_builder("whole").child_of(parent).start::<96>();
    span.tag("n", 4).tag("mode", "fast").tag("celsius", 20.5);
    span.log().field("event", "e");
}

/// Makes an interrupt's span; its number is that of a kind of interrupts, from 5.
pub fn single<R: SpanRing + ?Sized>(tracer: &Tracer<Board, R>, number: u32) {
    tracer.start::<32>("interrupt").tag("n", number);
}

/// Fails unless a span is as it was made, before and after the encoder has read it, and behind the
/// one before it.
pub struct Checked<E> {
    encoder: E,
    last: Option<u32>,
    seen: &'static AtomicU32,
}

impl<E> Checked<E> {
    /// Checks what this encoder is given, and counts it.
    pub const fn new(encoder: E, seen: &'static AtomicU32) -> Self {
        Checked {
            encoder,
            last: None,
            seen,
        }
    }

    fn check(&self, record: &Record<'_>) {
        let sequence = record.sequence();
        let is_next = self
            .last
            .is_none_or(|last| sequence.wrapping_sub(last).wrapping_sub(1) < u32::MAX / 2);
        if !is_as_made(record) {
            fail("a torn span");
        }
        if !is_next {
            fail("a span out of its order");
        }
    }
}

impl<E: Encoder> Encoder for Checked<E> {
    const WITH_STATUS: bool = E::WITH_STATUS;

    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        self.encoder.begin(out, batch)
    }

    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        self.check(record);
        let push = self.encoder.push(out, record, context);
        self.check(record);
        if push == Push::Taken {
            self.last = Some(record.sequence());
            let seen = self.seen.load(Ordering::Relaxed);
            self.seen.store(seen + 1, Ordering::Relaxed);
        }
        push
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        self.encoder.finish(out)
    }

    fn spans(&self) -> usize {
        self.encoder.spans()
    }

    fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }
}

fn is_as_made(record: &Record<'_>) -> bool {
    let number = match record.tags().next() {
        Some(tag) if tag.key == "n" => tag.value,
        _ => return false,
    };
    let (tags, logs) = (record.tags().count(), record.logs().count());
    let kind = (record.operation(), tags, logs, record.parent().is_zero());
    match (kind, number) {
        (("outer", 2, 0, true), Value::I64(2)) | (("inner", 1, 1, false), Value::I64(3)) => true,
        (("whole", 3, 1, false), Value::I64(4)) => true,
        (("interrupt", 1, 0, true), Value::I64(number)) => number >= 5,
        _ => false,
    }
}

/// Ends the program with its cause.
pub fn fail(cause: &str) -> ! {
    hprintln!("{}", cause);
    exit(debug::EXIT_FAILURE)
}
