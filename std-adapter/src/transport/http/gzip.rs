//! Compression of batches.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Compresses batches into memory of its own, which it keeps.
pub(super) struct Compressor(Vec<u8>);

impl Compressor {
    pub(super) fn new() -> Self {
        Compressor(Vec::new())
    }

    /// Returns the compressed bytes; writing to memory does not fail.
    pub(super) fn compress(&mut self, bytes: &[u8]) -> &[u8] {
        let mut memory = std::mem::take(&mut self.0);
        memory.clear();
        let mut encoder = GzEncoder::new(memory, Compression::fast());
        let _infallible = encoder.write_all(bytes);
        self.0 = encoder.finish().unwrap_or_default();
        &self.0
    }
}
