//! Accounts: of a device's tracer, and of a relay.

use picojaeger_core::Stats;

/// The account of one tracer of a device, in one of its boots.
///
/// Once a last status has arrived, [`DeviceAccount::adds_up`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct DeviceAccount {
    /// The device's id, in hexadecimal.
    pub device: String,
    /// The boot's id.
    pub boot: u32,
    /// The number of the tracer.
    pub producer: u8,
    /// The service that the tracer reports as.
    pub service: String,
    /// Spans that were read, each once.
    pub read: u64,
    /// Of these, those that wait for a time.
    pub held: u64,
    /// Spans that came again.
    pub duplicates: u64,
    /// Spans that the device sent and that were not read, as of the last status: those lost on the
    /// line, and those sent before the relay listened.
    pub lost_on_link: u64,
    /// Of the spans read, those that came after the last status, by which they may be queued.
    pub since_status: u64,
    /// Frames missing between the first and the newest one.
    pub missing_frames: u64,
    /// Frames whose fields could not be read.
    pub malformed: u64,
    /// The device's own counts, of the last status.
    pub stats: Option<Stats>,
    /// The most by which times are off now, in microseconds, if anything is known.
    pub uncertainty_micros: Option<u64>,
}

impl DeviceAccount {
    /// Returns the spans that finished on the device by its last status.
    pub fn finished(&self) -> u64 {
        let finished = |stats: &Stats| stats.queued + stats.delivered + stats.lost.total();
        self.stats.as_ref().map_or(0, finished)
    }

    /// Returns whether each finished span was read, waits on the device, or is counted as lost. Not so
    /// while spans arrive that were sent after the last status.
    pub fn adds_up(&self) -> bool {
        let on_device = |stats: &Stats| stats.queued + stats.lost.total();
        let on_device = self.stats.as_ref().map_or(0, on_device);
        self.finished() == self.read + self.lost_on_link + on_device
    }
}

/// The counts of a relay, over all lines.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct RelayCounts {
    /// Frames that were whole.
    pub frames: u64,
    /// Frames of a kind that this version does not know.
    pub unknown_frames: u64,
    /// Frames of another version.
    pub other_versions: u64,
    /// Frames that came before their device had named itself, and could not be kept any longer.
    pub dropped_frames: u64,
    /// Frames whose fields could not be read.
    pub malformed: u64,
    /// Bytes that were neither a frame nor text.
    pub garbage_bytes: u64,
    /// Spans that were read, each once.
    pub spans: u64,
    /// Spans that came again.
    pub duplicates: u64,
    /// Tracers that were forgotten, since there were too many.
    pub forgotten: u64,
}
