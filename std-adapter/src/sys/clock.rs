//! The server's clocks: ticks for the hot path, those of the time stamp counter or nanoseconds
//! of the system's monotonic clock.

use std::fs;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::sys::per_process::OnceBox;
use crate::sys::tsc;

/// Source of time stamps.
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

/// A user-supplied clock: ticks for the starts and ends of spans, and their meaning in Unix time.
///
/// For a simulation or a test, whose time is not the system's, and for hardware counters. It
/// times spans only; the flush interval stays on the system's clock.
///
/// A method may start spans, if it ends its own recursion. It must not panic: a panic leaves the
/// call that reads the clock, and a span that starts or ends there may stay counted as open.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// use picojaeger_std::TimeSource;
///
/// /// Milliseconds that a simulation advances.
/// #[derive(Default)]
/// struct Simulated(AtomicU64);
/// impl TimeSource for Simulated {
///     fn ticks(&self) -> u64 {
///         self.0.load(Ordering::Relaxed)
///     }
///     fn frequency(&self) -> u64 {
///         1_000
///     }
///     fn unix_time(&self) -> SystemTime {
///         UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(self.ticks())
///     }
/// }
/// # use picojaeger_std::{Config, config::Sampler, reporters::InMemoryReporter};
/// # use std::sync::Arc;
/// let (clock, spans) = (Arc::new(Simulated::default()), InMemoryReporter::new());
/// let config = Config::new("plant").sampler(Sampler::Const(true)).agent(false);
/// let tracer = config.reporter(spans.clone()).time_source(clock.clone()).build()?;
/// let mut step = tracer.start("step");
/// clock.0.fetch_add(250, Ordering::Relaxed);
/// step.finish();
/// tracer.flush(Duration::from_secs(2))?;
/// assert_eq!(spans.spans()[0].start_time_us, 1_700_000_000_000_000);
/// assert_eq!(spans.spans()[0].duration_us, 250_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TimeSource: Send + Sync {
    /// Returns a counter that neither steps back nor wraps. Called at each start and end.
    fn ticks(&self) -> u64;

    /// Returns the ticks a second, at least 1; called when the tracer is made.
    fn frequency(&self) -> u64;

    /// Returns the Unix time; called when the worker wakes, and about once a second while spans
    /// wait or are sent. The default is the system's.
    fn unix_time(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl<C: TimeSource + ?Sized> TimeSource for Arc<C> {
    fn ticks(&self) -> u64 {
        (**self).ticks()
    }

    fn frequency(&self) -> u64 {
        (**self).frequency()
    }

    fn unix_time(&self) -> SystemTime {
        (**self).unix_time()
    }
}

/// Source of a tracer's ticks.
#[derive(Clone)]
pub(crate) enum TickSource {
    /// The time stamp counter.
    Tsc,
    /// Nanoseconds of the system's monotonic clock.
    System,
    /// A clock that the user supplies.
    User(Arc<dyn TimeSource>),
}

impl TickSource {
    /// Returns the source for `wanted` on this machine.
    ///
    /// `Auto`, which is determined once per process, takes the counter where the processor
    /// reports it as invariant and, on Linux, the kernel uses it as its clock source: the kernel
    /// does so only while the processors' counters agree. `Tsc` takes it wherever one exists.
    pub(crate) fn choose(wanted: ClockSource) -> TickSource {
        static AUTO_IS_TSC: OnceBox<bool> = OnceBox::new();
        let is_tsc = match wanted {
            ClockSource::System => false,
            ClockSource::Tsc => tsc::exists(),
            ClockSource::Auto => {
                *AUTO_IS_TSC.get_or_set(|| tsc::is_invariant() && kernel_trusts_tsc())
            }
        };
        match is_tsc {
            true => TickSource::Tsc,
            false => TickSource::System,
        }
    }

    #[inline(always)]
    pub(crate) fn is_tsc(&self) -> bool {
        matches!(self, TickSource::Tsc)
    }

    /// Reads the ticks: 10 to 20 ns for the counter, 25 to 50 ns for the system's clock.
    #[inline(always)]
    pub(crate) fn ticks(&self) -> u64 {
        match self {
            TickSource::Tsc => tsc::ticks(),
            TickSource::System => monotonic(),
            TickSource::User(clock) => clock.ticks(),
        }
    }

    /// Returns the ticks a second: for the counter, whose rate is measured, a nanosecond each.
    pub(crate) fn frequency(&self) -> u64 {
        match self {
            TickSource::Tsc | TickSource::System => SECOND,
            TickSource::User(clock) => clock.frequency(),
        }
    }

    /// Reads the Unix time.
    pub(crate) fn unix_time(&self) -> SystemTime {
        match self {
            TickSource::Tsc | TickSource::System => SystemTime::now(),
            TickSource::User(clock) => clock.unix_time(),
        }
    }
}

impl std::fmt::Debug for TickSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TickSource::Tsc => "Tsc",
            TickSource::System => "System",
            TickSource::User(_) => "User",
        })
    }
}

/// Nanoseconds a second, as [`monotonic`] counts them.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds of the monotonic clock since the first call in the process.
// Not inlined, so that the hot path holds only a call for the clock that it seldom uses.
#[inline(never)]
pub(crate) fn monotonic() -> u64 {
    // No lock, which a fork during the first call would leave held.
    static EPOCH: OnceBox<Instant> = OnceBox::new();
    EPOCH.get_or_set(Instant::now).elapsed().as_nanos() as u64
}

/// Returns whether Linux uses the counter as its clock source; `true` elsewhere, where only the
/// processor's report is available.
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
    fn an_explicit_choice_is_kept() {
        assert!(!TickSource::choose(ClockSource::System).is_tsc());
        let tsc = TickSource::choose(ClockSource::Tsc).is_tsc();
        assert_eq!(tsc, tsc::exists());
        let auto = || TickSource::choose(ClockSource::Auto).is_tsc();
        assert_eq!(auto(), auto());
    }
}
