//! A transport that keeps packets.

use std::sync::{Arc, Mutex};

use picojaeger_core::{SendOutcome, Transport};

use crate::sys::sync::lock;

/// Accepts every packet and keeps a copy; a handle, whose clones share the packets.
///
/// Keeps packets without a limit: for tests.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::transport::Recorder;
///
/// let (recorder, config) = (Recorder::new(), Config::new("shop").sampler(Sampler::Const(true)));
/// let kept = recorder.clone();
/// let tracer = config.tracer_builder().transport(move || recorder.clone()).build()?;
/// tracer.start("order").finish();
/// tracer.flush(Duration::from_secs(2))?;
/// assert_eq!(kept.packets().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, Debug)]
pub struct Recorder {
    packets: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    /// Makes a recorder without packets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns copies of the packets, in the order in which they came.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        lock(&self.packets).clone()
    }

    /// Removes and returns the packets.
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *lock(&self.packets))
    }
}

impl Transport for Recorder {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        lock(&self.packets).push(packet.to_vec());
        SendOutcome::Accepted
    }
}
