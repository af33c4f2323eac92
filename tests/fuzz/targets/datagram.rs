//! Any datagram is a batch that can be sent on, or an error that prints; its memory has a limit.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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

/// Returns the peak of the heap that `work` takes in addition, and its result.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = CURRENT.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    (PEAK.load(Relaxed) - before, result)
}

static CURRENT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Allocator that counts the bytes in use.
struct Counting;

// SAFETY: both calls are forwarded to the system's allocator unchanged, and counting does not
// allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = CURRENT.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        CURRENT.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
