//! Any datagram is a batch that can be sent on, or an error that prints; its memory has a limit.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::assert_prints;
use picojaeger_std::collector::{Encoding, Received, decode, encode};

/// Largest heap that the collector takes for one datagram.
const HEAP: usize = 1 << 20;
/// Memory of the small store, which evicts.
const STORE: usize = 2 << 10;

fuzz_target!(|datagram: &[u8]| {
    let (peak, received) = peak_of(|| {
        let mut received = Received::default();
        received.accept(datagram);
        received
    });
    assert!(peak < HEAP, "{peak} bytes");
    match decode(datagram) {
        Ok(batch) => {
            assert_eq!(received.stats().spans, batch.spans.len() as u64);
            for encoding in [Encoding::default(), Encoding::binary()] {
                let sent = encode(&batch, encoding).expect("it came in a datagram");
                let read = decode(&sent);
                // As text, since NaN is not equal to itself.
                assert_eq!(format!("{read:?}"), format!("{:?}", Ok::<_, ()>(&batch)));
            }
        }
        Err(error) => {
            assert_eq!(received.stats().rejected, 1);
            assert_prints(&error);
        }
    }
    show(&received);
    evict(datagram);
});

/// Draws each trace.
fn show(received: &Received) {
    for trace in received.traces() {
        assert!(!trace.to_string().is_empty());
    }
    assert!(received.clients().len() <= 1);
}

/// Stores the datagram twice, where little fits.
fn evict(datagram: &[u8]) {
    let mut received = Received::with_limit(STORE);
    for _ in 0..2 {
        received.accept(datagram);
        let (stats, held) = (received.stats(), received.spans().len() as u64);
        assert!(received.held_bytes() <= STORE);
        assert_eq!(stats.spans, held + stats.evicted_spans);
    }
}
