//! Clocks, instants, and the conversion of ticks to Unix time.

mod anchor;
mod clock;
mod rate;
mod segment;
mod split_clock;
#[cfg(test)]
mod tests;
mod timeline;
mod variable_clock;

pub use anchor::Anchor;
pub use clock::{Clock, Extension};
pub use rate::Rate;
pub use segment::ClockSegment;
pub use split_clock::{SplitClock, SplitTimer};
pub use timeline::{Timeline, Times};
pub use variable_clock::VariableClock;

/// A time at which something happened.
///
/// ```
/// use picojaeger_core::adapter::Timestamp;
///
/// assert_ne!(Timestamp::Ticks(5), Timestamp::UnixMicros(5));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_enums,
    reason = "an instant is on one of two time scales"
)]
pub enum Timestamp {
    /// Extended ticks of the tracer's clock.
    Ticks(u64),
    /// Microseconds since 1970-01-01 UTC, as the user gave them.
    UnixMicros(u64),
}
