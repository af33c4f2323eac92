//! Any body that says that it is zipped is unzipped within the limit, or refused; its memory has a limit. What was
//! zipped comes out as it was.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_std::collector_server::fuzzing::{decode_body, zip};

/// What the decoder needs beside its output.
const STATE: usize = 128 << 10;

/// Files behind each other that a text is zipped as, at most: each sets up a decoder; more show nothing that few do not.
const MEMBERS: usize = 8;

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (limit, body) = (usize::from(input.0), input.2);
    let members = 1 + usize::from(input.1) % MEMBERS;
    let (peak, decoded) = peak_of(|| decode_body(b"gzip", body, limit));
    // One block that grows, beside the one that it was before.
    assert!(peak <= STATE + body.len() + 2 * limit, "{peak} bytes");
    match decoded {
        Ok(plain) => assert!(plain.len() <= limit),
        Err((status, message)) => assert!(matches!(status, 400 | 413) && !message.is_empty()),
    }
    // Nothing is no file at all.
    let Some(less) = body.len().checked_sub(1) else {
        return;
    };
    let zipped = zip(body, members);
    let plain = decode_body(b"GZip", &zipped, body.len());
    assert_eq!(plain.as_deref(), Ok(body), "what was zipped comes out");
    let refused = decode_body(b"gzip", &zipped, less);
    assert_eq!(refused.map_err(|(status, _)| status), Err(413));
});
