//! A device for tests, which writes frames by the crate `postcard`.

use picojaeger_core::LossCause;

use crate::relay::frame::{Frame, kind, write};
use crate::relay::payload::{Entry, Head, Hello, Id, Status, WireValue};

/// A device that counts what it makes.
#[derive(Clone)]
pub(crate) struct TestDevice {
    pub(crate) id: Vec<u8>,
    pub(crate) boot: u32,
    pub(crate) producer: u8,
    pub(crate) frequency: u64,
    pub(crate) seed: u64,
    frames: u32,
    sequence: u32,
    pub(crate) delivered: u64,
    pub(crate) full: u64,
    /// The deliveries of reporters before.
    before: u64,
}

pub(crate) const SERVICE: &str = "pump";
const TAGS: &[(&str, WireValue<'static>)] = &[("fw", WireValue::Str("1.2"))];

impl TestDevice {
    pub(crate) fn new(id: &[u8], boot: u32) -> Self {
        TestDevice {
            id: id.to_vec(),
            boot,
            producer: 0,
            frequency: 1_000_000,
            seed: u64::from(boot) << 32 | id.iter().map(|byte| u64::from(*byte)).sum::<u64>() << 20,
            frames: 0,
            sequence: 0,
            delivered: 0,
            full: 0,
            before: 0,
        }
    }

    pub(crate) fn hello(&mut self) -> Vec<u8> {
        self.hello_with(TAGS.to_vec())
    }

    pub(crate) fn hello_with(&mut self, tags: Vec<(&str, WireValue<'_>)>) -> Vec<u8> {
        let id = self.id.clone();
        let hello = Hello {
            device: &id,
            boot: self.boot,
            build: b"\xab\xcd",
            frequency: self.frequency,
            names: 0,
            service: SERVICE,
            tags,
            samplers: vec![(1, "const", WireValue::Bool(true))],
        };
        self.frame(kind::HELLO, &postcard::to_allocvec(&hello).unwrap())
    }

    pub(crate) fn status(&mut self, now: u64) -> Vec<u8> {
        self.status_with(now, None)
    }

    pub(crate) fn status_with(&mut self, now: u64, anchor: Option<(u64, u64, u32)>) -> Vec<u8> {
        let mut losses = vec![0; LossCause::COUNT];
        losses[0] = self.full;
        let status = Status {
            now,
            anchor,
            sampled: self.before + self.delivered + self.full,
            queued: self.before,
            delivered: self.delivered,
            losses,
            ..Status::default()
        };
        self.frame(kind::STATUS, &postcard::to_allocvec(&status).unwrap())
    }

    /// Spans of 10 ms that start at these ticks, each with a tag.
    pub(crate) fn spans(&mut self, starts: &[u64]) -> Vec<u8> {
        let (mut payload, mut before) = (Vec::new(), 0);
        for start in starts {
            let id = self.seed + u64::from(self.sequence) + 1;
            let head = Head {
                sequence: self.sequence.wrapping_sub(before),
                flags: 1,
                state: 1,
                trace_high: 0,
                trace_low: id.to_le_bytes(),
                span: Id::Trace,
                parent: Id::None,
                operation: "sample",
                start: *start,
                finish: self.frequency.cast_signed() / 100,
            };
            let entries = [Entry::TagI64("n", self.sequence.into()), Entry::End];
            payload.extend(postcard::to_allocvec(&head).unwrap());
            entries
                .iter()
                .for_each(|entry| payload.extend(postcard::to_allocvec(entry).unwrap()));
            before = self.sequence;
            self.sequence += 1;
            self.delivered += 1;
        }
        self.frame(kind::SPANS, &payload)
    }

    /// Returns the device with another reporter, which counts frames and deliveries from 0.
    pub(crate) fn take_over(&self) -> Self {
        TestDevice {
            frames: 0,
            delivered: 0,
            before: self.before + self.delivered,
            ..self.clone()
        }
    }

    /// Counts a span that found no room.
    pub(crate) fn lose(&mut self) {
        self.sequence += 1;
        self.full += 1;
    }

    pub(crate) fn frame(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let number = self.frames;
        self.frames += 1;
        write(&Frame {
            kind,
            producer: self.producer,
            boot: self.boot as u16,
            number,
            payload,
        })
    }
}

/// Numbers from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// Damages about one byte in twenty.
    pub(crate) fn damage(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.below(20) == 0 {
                *byte ^= 1 << self.below(8);
            }
        }
    }
}
