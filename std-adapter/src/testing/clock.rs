//! A clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sys::clock::TimeSource;

/// A clock that stands still until it is told to go on; a handle, whose clones are the same clock.
///
/// It begins at 2020-01-01, 00:00 UTC, and counts microseconds, the unit of Jaeger.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::testing::TestTracer;
///
/// let tracer = TestTracer::new();
/// let mut order = tracer.start("order");
/// tracer.clock().advance(Duration::from_millis(250));
/// order.finish();
/// assert_eq!(tracer.spans()[0].duration_us, 250_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestClock {
    micros: Arc<AtomicU64>,
}

/// 2020-01-01 in Unix seconds.
const BEGIN: Duration = Duration::from_secs(1_577_836_800);

impl TestClock {
    /// Makes a clock at 2020-01-01, 00:00 UTC.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time go on, in whole microseconds.
    pub fn advance(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Returns the time since the clock began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    /// Returns the time of the clock.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + BEGIN + self.elapsed()
    }
}

impl TimeSource for TestClock {
    fn ticks(&self) -> u64 {
        self.micros.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u64 {
        1_000_000
    }

    fn unix_time(&self) -> SystemTime {
        self.now()
    }
}
