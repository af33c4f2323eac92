//! The server's clocks: ticks for the hot path, those of the time stamp counter or nanoseconds
//! of the system's monotonic clock.

use std::fs;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::sys::tsc;

/// Where time stamps come from.
///
/// ```
/// use picojaeger_std::config::{ClockSource, Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).clock(ClockSource::System);
/// assert_eq!(config.resolve()?.clock, ClockSource::System);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockSource {
    /// The processor's time stamp counter where it is invariant, else the system's clock.
    #[default]
    Auto,
    /// The processor's time stamp counter.
    Tsc,
    /// The system's monotonic clock.
    System,
}

/// Where ticks come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TickSource {
    /// The time stamp counter.
    Tsc,
    /// Nanoseconds of the system's monotonic clock.
    System,
}

impl TickSource {
    /// The source that stands for `wanted` on this machine; found out once per process.
    ///
    /// `Auto` takes the counter where the processor calls it invariant and, on Linux, the
    /// kernel keeps its own time by it, which it does only while the processors' counters
    /// agree. `Tsc` takes it wherever there is one.
    pub(crate) fn choose(wanted: ClockSource) -> TickSource {
        static AUTO: OnceLock<TickSource> = OnceLock::new();
        match wanted {
            ClockSource::System => TickSource::System,
            ClockSource::Tsc if tsc::exists() => TickSource::Tsc,
            ClockSource::Tsc => TickSource::System,
            ClockSource::Auto => *AUTO.get_or_init(|| {
                if tsc::is_invariant() && kernel_trusts_tsc() {
                    TickSource::Tsc
                } else {
                    TickSource::System
                }
            }),
        }
    }

    /// The ticks as they stand: 10 to 20 ns, or 25 to 50 ns of the system's clock.
    #[inline(always)]
    pub(crate) fn ticks(self) -> u64 {
        match self {
            TickSource::Tsc => tsc::ticks(),
            TickSource::System => monotonic(),
        }
    }
}

/// Nanoseconds of the monotonic clock since the first call in the process.
#[inline(never)]
pub(crate) fn monotonic() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    EPOCH.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Whether Linux keeps its time by the counter; elsewhere the processor's word is taken.
fn kernel_trusts_tsc() -> bool {
    const CURRENT: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    if !cfg!(target_os = "linux") {
        return true;
    }
    fs::read_to_string(CURRENT).is_ok_and(|name| name.trim() == "tsc")
}

/// Microseconds since 1970; 0 for earlier times, `i64::MAX` for those beyond what is sent.
pub(crate) fn unix_micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_by_the_user_holds() {
        assert_eq!(TickSource::choose(ClockSource::System), TickSource::System);
        let tsc = TickSource::choose(ClockSource::Tsc) == TickSource::Tsc;
        assert_eq!(tsc, tsc::exists());
        let auto = TickSource::choose(ClockSource::Auto);
        assert_eq!(auto, TickSource::choose(ClockSource::Auto));
    }
}
