//! Any bytes on a line: no span that no frame held, counts that add up, and a bound on memory; also frames
//! whose CRC holds and whose fields are arbitrary.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use arbitrary::Arbitrary;
use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_std::relay::{Arrival, Event, Image, Relay};

/// What stands on a line.
#[derive(Arbitrary, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Frame {
        kind: u8,
        producer: u8,
        boot: u8,
        number: u32,
        payload: Vec<u8>,
    },
    /// A hello whose fields are in order.
    Hello {
        boot: u8,
        frequency: u64,
        names: bool,
    },
    Pause,
    End,
    Release,
}

/// Text at even addresses.
struct Odd;

impl Image for Odd {
    fn build_id(&self) -> &[u8] {
        b"b"
    }

    fn text(&self, address: u64, length: u16) -> Option<&str> {
        let text = "0123456789abcdef";
        text.get(..length.into())
            .filter(|_| address.is_multiple_of(2))
    }
}

/// The most heap for an input, which has up to 4 KiB.
const HEAP: usize = 8 << 20;

fuzz_target!(|input: (u64, Vec<Part>)| {
    let (arrival, parts) = input;
    let (peak, ()) = peak_of(|| run(arrival, &parts));
    assert!(peak < HEAP, "{peak} bytes");
});

fn run(arrival: u64, parts: &[Part]) {
    let (mut relay, mut frames, mut spans) = (Relay::new().with_image(Odd), 0, 0u64);
    let mut sink = |event| {
        if let Event::Span { process, span } = event {
            assert!(process.tags.iter().any(|tag| tag.key == "device.id"));
            assert!(span.duration_us >= 0);
            spans += 1;
        }
    };
    for (n, part) in parts.iter().enumerate() {
        let bytes = match part {
            Part::Bytes(bytes) => bytes.clone(),
            Part::Pause => {
                relay.pause(0, &mut sink);
                continue;
            }
            Part::End => {
                relay.end_line(0, &mut sink);
                continue;
            }
            Part::Release => {
                relay.release(&mut sink);
                continue;
            }
            Part::Frame {
                kind,
                producer,
                boot,
                number,
                payload,
            } => {
                frames += 1;
                frame(*kind, *producer, *boot, *number, payload)
            }
            Part::Hello {
                boot,
                frequency,
                names,
            } => {
                frames += 1;
                frame(1, 0, *boot, 0, &hello(*boot, *frequency, *names))
            }
        };
        let arrival = match n % 5 {
            4 => Arrival::Unknown(arrival),
            _ => Arrival::At(arrival.wrapping_add(n as u64 * 1_000_000)),
        };
        relay.receive(0, &bytes, arrival, &mut sink);
    }
    relay.release(&mut sink);
    let (counts, accounts) = (relay.counts(), relay.accounts());
    assert!(counts.frames <= frames, "bytes are no frame");
    assert_eq!(counts.spans, spans);
    assert_eq!(accounts.iter().map(|it| it.read).sum::<u64>(), spans);
    assert!(accounts.iter().all(|account| account.held == 0));
}

fn hello(boot: u8, frequency: u64, names: bool) -> Vec<u8> {
    let mut payload = vec![1, b'd', boot % 0x80, 1, b'b'];
    let mut rest = frequency;
    while rest >= 0x80 {
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
    payload.extend([u8::from(names), 1, b's', 0, 0]);
    payload
}

/// A frame with its zeros, by the documentation of the core's `wire::relay`.
fn frame(kind: u8, producer: u8, boot: u8, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![1, kind, producer, boot % 0x80, 0];
    let mut rest = number;
    while rest >= 0x80 {
        body.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    body.push(rest as u8);
    body.extend((payload.len() as u16).to_le_bytes());
    body.extend(payload);
    let mut crc = u32::MAX;
    for byte in &body {
        let x = u32::from(*byte) ^ (crc >> 24);
        crc = (crc << 8) ^ x ^ (x << 2) ^ (x << 6) ^ (x << 7);
    }
    body.extend((!crc).to_le_bytes());
    let mut bytes = vec![0];
    for block in body
        .split_inclusive(|byte| *byte == 0)
        .chain(body.ends_with(&[0]).then_some(&[][..]))
    {
        let mut block = block.strip_suffix(&[0]).unwrap_or(block);
        while block.len() >= 254 {
            bytes.push(0xff);
            bytes.extend(&block[..254]);
            block = &block[254..];
        }
        bytes.push(block.len() as u8 + 1);
        bytes.extend(block);
    }
    bytes.push(0);
    bytes
}
