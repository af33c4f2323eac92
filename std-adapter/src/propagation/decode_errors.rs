//! Headers that cannot be read: their count, and a line of the program's log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::Level;
use picojaeger_core::{BaggageDrops, Extracted, Format};

use crate::config::HeaderNames;
use crate::sys::log::{LogThrottle, log_guarded};
use crate::sys::sync::{Mutex, try_lock};

/// The extractions in which a header could not be read.
///
/// The first is logged, then at most one a minute with the number since the previous line.
#[derive(Debug, Default)]
pub(crate) struct DecodeErrors {
    count: AtomicU64,
    throttle: Mutex<LogThrottle>,
}

const INTERVAL: Duration = Duration::from_secs(60);

impl DecodeErrors {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts the extraction if a header could not be read, and logs it if a line is due. The time
    /// is that of any monotonic clock, and read in this case only.
    #[inline]
    pub(crate) fn check(
        &self,
        extracted: &Extracted<'_>,
        names: &HeaderNames,
        now: impl FnOnce() -> Duration,
    ) {
        let is_whole = extracted.rejected.is_none() && extracted.debug_id.is_ok();
        if is_whole && extracted.dropped.is_empty() && extracted.context.is_ok() {
            return;
        }
        if let Some(line) = self.add(extracted, names, now()) {
            log_guarded(Level::Warn, format_args!("{line}"));
        }
    }

    /// Counts the extraction, and returns the line that is due. The lock is free again by the time
    /// the line is written, since a logger may extract too.
    #[cold]
    fn add(&self, extracted: &Extracted<'_>, names: &HeaderNames, now: Duration) -> Option<String> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let new = try_lock(&self.throttle)?.take(count, now, INTERVAL)?;
        let reason = reason(extracted, names);
        Some(format!(
            "requests with unreadable headers: {new}; the last: {reason}"
        ))
    }
}

/// The header that could not be read, and why; never its contents.
fn reason(extracted: &Extracted<'_>, names: &HeaderNames) -> String {
    if let Some((format, error)) = extracted.rejected {
        return match format {
            Format::Jaeger => format!("{}: {error}", names.trace_context),
            other => format!("{}: {error}", other.header()),
        };
    }
    match (extracted.context, extracted.debug_id, extracted.dropped) {
        (Err(error), ..) => format!("the binary form: {error}"),
        (_, Err(error), _) => format!("{}: {error}", names.debug_id),
        (.., drops) => baggage(drops, names),
    }
}

fn baggage(drops: BaggageDrops, names: &HeaderNames) -> String {
    let (prefix, list) = (&names.baggage_prefix, &names.baggage);
    format!(
        "{prefix}…, {list} and baggage: {} items left out ({drops})",
        drops.total()
    )
}

#[cfg(test)]
mod tests {
    use picojaeger_core::TextMapCodec;

    use super::*;

    /// The line that is due after an extraction from this header.
    fn line(errors: &DecodeErrors, header: (&str, &str), seconds: u64) -> Option<String> {
        let mut scratch = [0; 8];
        let found = TextMapCodec::http().extract(&[header], &mut (), &mut scratch);
        errors.add(
            &found,
            &HeaderNames::default(),
            Duration::from_secs(seconds),
        )
    }

    #[test]
    fn the_first_is_logged_then_one_a_minute_with_the_count() {
        let errors = DecodeErrors::default();
        assert_eq!(
            line(&errors, ("uber-trace-id", "garbage"), 7).unwrap(),
            "requests with unreadable headers: 1; the last: uber-trace-id: malformed trace header: \
             trace id must be 1 to 32 hex digits, then a colon"
        );
        for second in 8..67 {
            assert_eq!(line(&errors, ("uber-trace-id", "x"), second), None);
        }
        assert_eq!(
            line(&errors, ("jaeger-debug-id", "123456789"), 67).unwrap(),
            "requests with unreadable headers: 60; the last: jaeger-debug-id: the debug id is too \
             long: shorten it, or enlarge the scratch buffer"
        );
        assert_eq!(
            line(&errors, ("uberctx-k", "%ff"), 127).unwrap(),
            "requests with unreadable headers: 1; the last: uberctx-…, jaeger-baggage and baggage: 1 items \
             left out (0 with an illegal key, 1 malformed, 0 too long, 0 too many, 0 over the limit)"
        );
        assert_eq!(errors.count(), 62);
    }

    #[test]
    fn good_headers_are_neither_counted_nor_timed() {
        let errors = DecodeErrors::default();
        let found = TextMapCodec::http().extract(&[("uber-trace-id", "1:2:0:1")], &mut (), &mut []);
        errors.check(&found, &HeaderNames::default(), || {
            panic!("the clock is read")
        });
        assert_eq!(errors.count(), 0);
    }

    #[test]
    fn a_thread_that_finds_the_line_taken_counts_and_does_not_wait() {
        let errors = DecodeErrors::default();
        let held = errors.throttle.lock().unwrap();
        assert_eq!(line(&errors, ("uber-trace-id", "x"), 1), None);
        drop(held);
        let line = line(&errors, ("uber-trace-id", "x"), 1).unwrap();
        assert!(line.contains("headers: 2;"), "{line}");
    }
}
