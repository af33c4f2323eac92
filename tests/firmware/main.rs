//! A firmware's UART output, decoded and compared with the spans that the firmware made.
//!
//! Run by `.ci/run firmware`, which names the bytes of each run in the variables below, separated by colons.
//! Without these variables this target prints a note and succeeds, since the workspace's tests need no
//! emulator.

mod crash;
mod embassy;
mod frames;
mod otlp;
mod pump;
#[path = "../common/relay.rs"]
#[allow(dead_code, reason = "this target uses a part")]
mod relay;
mod retained;
mod sweep;

use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use picojaeger_std::collector::decode;
use picojaeger_std::model::{Batch, Span, Tag, TagValue};

/// Variables with the paths of files: the pump's packets of Thrift compact, its requests of OTLP, and its
/// frames for the relay.
const UART: &str = "PICOJAEGER_UART";
const UART_OTLP: &str = "PICOJAEGER_UART_OTLP";
const UART_RELAY: &str = "PICOJAEGER_UART_RELAY";
/// Packets of runs that end in a fault, of boots after resets, and of embassy's tasks.
const UART_CRASH: &str = "PICOJAEGER_UART_CRASH";
const UART_RETAINED: &str = "PICOJAEGER_UART_RETAINED";
const UART_EMBASSY: &str = "PICOJAEGER_UART_EMBASSY";
/// Packets of interrupted programs, and the same as frames.
const UART_SWEEP: &str = "PICOJAEGER_UART_SWEEP";
const UART_SWEEP_RELAY: &str = "PICOJAEGER_UART_SWEEP_RELAY";
/// The same as in `examples/cortex-m/src/work.rs`.
const UNIX_MICROS_AT_START: i64 = 1_700_000_000_000_000;
/// No firmware runs for three seconds.
const TIMES: Range<i64> = UNIX_MICROS_AT_START..UNIX_MICROS_AT_START + 3_000_000;

fn main() -> ExitCode {
    let (thrift, otlp) = (files(UART), files(UART_OTLP));
    if thrift.is_empty() && otlp.is_empty() {
        println!("not run: {UART} names no bytes; `.ci/run firmware` makes them and runs this");
    }
    for (file, packets) in thrift {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        check_numbers(&batches);
        println!("{file}: {}", check(&file, &batches));
    }
    for (file, packets) in otlp {
        let batches: Vec<Batch> = packets.iter().map(|packet| otlp::decode(packet)).collect();
        println!("{file}: {} in OTLP", check(&file, &batches));
    }
    for (file, packets) in files(UART_CRASH) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        println!("{file}: {} after a fault", crash::check(&batches));
    }
    for (file, packets) in files(UART_EMBASSY) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        check_numbers(&batches);
        println!("{file}: {}", embassy::check(&batches));
    }
    for (file, packets) in files(UART_RETAINED) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        println!("{file}: {}", retained::check(&batches));
    }
    for (file, packets) in files(UART_SWEEP) {
        let batches: Vec<Batch> = packets.iter().map(|packet| from_thrift(packet)).collect();
        println!("{file}: {}", sweep::check(&batches));
    }
    for file in names(UART_SWEEP_RELAY) {
        println!(
            "{file}: {} in frames",
            sweep::check_frames(&bytes_of(&file))
        );
    }
    for file in names(UART_RELAY) {
        println!("{file}: {}", frames::check(&file, &bytes_of(&file)));
    }
    ExitCode::SUCCESS
}

/// Returns the packets of each file that a variable names.
fn files(variable: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let read = |name: String| {
        let packets = frames(&bytes_of(&name));
        (name, packets)
    };
    names(variable).into_iter().map(read).collect()
}

/// Returns the names of files in a variable.
fn names(variable: &str) -> Vec<String> {
    let names = std::env::var(variable).unwrap_or_default();
    let names = names.split(':').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn bytes_of(file: &str) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn from_thrift(packet: &[u8]) -> Batch {
    decode(packet).unwrap_or_else(|error| panic!("{error}"))
}

/// Panics unless the packets are numbered and nothing was lost, for which OTLP has no place.
fn check_numbers(batches: &[Batch]) {
    for (batch, number) in batches.iter().zip(1..) {
        assert_eq!(batch.seq_no, Some(number));
        assert_eq!(batch.stats, Some(Default::default()));
    }
}

/// Panics unless the batches hold the spans that the firmware made.
fn check(file: &str, batches: &[Batch]) -> String {
    for batch in batches {
        assert_eq!(batch.process.service_name, "pump-7");
        let board = TagValue::String(pump::board(Path::new(file)).into());
        assert_eq!(batch.process.tags, [Tag::new("board", board)]);
    }
    let spans: Vec<&Span> = batches.iter().flat_map(|batch| &batch.spans).collect();
    pump::check(&spans, TIMES);
    format!(
        "{} spans in {} packets, as made",
        spans.len(),
        batches.len()
    )
}

/// The packets in frames as of RFC 1055.
fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    const END: u8 = 0xc0;
    const ESCAPE: u8 = 0xdb;
    let mut packets = vec![Vec::new()];
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let byte = match *byte {
            END => {
                packets.push(Vec::new());
                continue;
            }
            ESCAPE => match rest.next() {
                Some(0xdc) => END,
                Some(0xdd) => ESCAPE,
                other => panic!("{other:?} behind an escape"),
            },
            byte => byte,
        };
        packets.last_mut().expect("begun above").push(byte);
    }
    assert_eq!(packets.pop(), Some(Vec::new()), "the last frame is ended");
    packets
}
