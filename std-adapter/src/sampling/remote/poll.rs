//! One poll of the sampling server: the question, the line in the log, and the time to the next.

use std::fmt;
use std::time::Duration;

use log::Level;

use crate::sampling::remote::strategy::Strategy;
use crate::sys::unwind::caught;

/// A source of sampling strategies, instead of a server that is asked over HTTP.
///
/// ```
/// use std::time::Duration;
///
/// use picojaeger_std::Config;
/// use picojaeger_std::sampling::StrategySource;
///
/// /// A file that somebody else keeps up to date.
/// struct File(&'static str);
/// impl StrategySource for File {
///     fn fetch(&mut self, _: Duration) -> Result<Vec<u8>, String> {
///         std::fs::read(self.0).map_err(|error| error.to_string())
///     }
///     fn url(&self) -> &str {
///         self.0
///     }
/// }
///
/// let config = Config::new("shop").agent(false).sampling_refresh_interval(Duration::from_secs(5));
/// let tracer = config.tracer_builder().strategy_source(|| File("/run/strategy.json")).build()?;
/// tracer.start("order");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait StrategySource: Send {
    /// Returns the present strategy as JSON, in the form of Jaeger's `/sampling`, or the reason that
    /// there is none. Called on a thread that may wait, but should not for longer than `patience`.
    ///
    /// # Errors
    /// The reason, for the log.
    fn fetch(&mut self, patience: Duration) -> Result<Vec<u8>, String>;

    /// Returns the name of the source for the log, without credentials.
    fn url(&self) -> &str;
}

/// The polls of one sampler.
pub(super) struct Poll {
    source: Box<dyn StrategySource>,
    interval: Duration,
    /// Time of the last line about a failure.
    complained: Option<Duration>,
    /// Whether the last poll failed, and a line said so.
    is_down: bool,
}

/// The reason that a question gave no strategy.
#[derive(Debug)]
pub(super) enum NoAnswer {
    Unanswered(String),
    /// There was an answer, which is no strategy.
    Unreadable(String),
}

/// The longest wait for the first poll, so that processes that begin together do not ask at once.
const FIRST: Duration = Duration::from_secs(5);
/// The shortest time between two lines about failures.
const HOUR: Duration = Duration::from_secs(3_600);

impl Poll {
    pub(super) fn new(source: Box<dyn StrategySource>, interval: Duration) -> Self {
        Poll {
            source,
            interval,
            complained: None,
            is_down: false,
        }
    }

    /// Asks the server, for at most this long; returns the reason if there is no strategy.
    pub(super) fn ask(&mut self, patience: Duration) -> Result<Strategy, NoAnswer> {
        // A user's source may panic.
        let body = caught(|| self.source.fetch(patience));
        let body = body.unwrap_or_else(|| Err("the source panicked".into()));
        let body = body.map_err(NoAnswer::Unanswered)?;
        Strategy::from_json(&body).map_err(|error| NoAnswer::Unreadable(error.to_string()))
    }

    /// Returns the line of the log about an outcome, if one is due at `now`, the time of any
    /// monotonic clock: at the first failure, then hourly, and when the server answers again.
    pub(super) fn line(
        &mut self,
        failure: Option<&str>,
        current: &Strategy,
        now: Duration,
    ) -> Option<(Level, String)> {
        let url = self.source.url();
        let Some(failure) = failure else {
            let was_down = std::mem::take(&mut self.is_down);
            let line = format!("sampling {current}, as {url} answers again");
            return was_down.then_some((Level::Info, line));
        };
        let is_early = |at| now.saturating_sub(at) < HOUR;
        if self.complained.is_some_and(is_early) {
            return None;
        }
        self.complained = Some(now);
        self.is_down = true;
        let line = format!(
            "no sampling strategy from {url} ({failure}); sampling {current} meanwhile. Set \
             JAEGER_SAMPLING_ENDPOINT to the URL of a sampling server, or JAEGER_SAMPLER_TYPE and \
             JAEGER_SAMPLER_PARAM to need none{}",
            grpc_hint(url)
        );
        Some((Level::Warn, line))
    }

    /// Returns the time to the first poll, as `random` of 2³² chooses it.
    pub(super) fn first_wait(&self, random: u32) -> Duration {
        share(self.interval.min(FIRST), random)
    }

    /// Returns the time to the next poll: the interval, within a tenth.
    pub(super) fn next_wait(&self, random: u32) -> Duration {
        self.interval.mul_f64(0.9) + share(self.interval.mul_f64(0.2), random)
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll")
            .field("url", &self.source.url())
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

fn share(of: Duration, random: u32) -> Duration {
    of.mul_f64(f64::from(random) / (1u64 << 32) as f64)
}

/// Returns a remark on ports at which Jaeger serves strategies over gRPC only.
fn grpc_hint(url: &str) -> &'static str {
    let has_port = |port| {
        let authority = url.split('/').nth(2).unwrap_or_default();
        authority.rsplit(':').next() == Some(port)
    };
    if has_port("14250") || has_port("5779") {
        ". This port speaks gRPC; Jaeger serves sampling over HTTP at port 5778"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Down(&'static str);

    impl StrategySource for Down {
        fn fetch(&mut self, _: Duration) -> Result<Vec<u8>, String> {
            Err("connection refused".into())
        }
        fn url(&self) -> &str {
            self.0
        }
    }

    const URL: &str = "http://localhost:5778/sampling?service=shop";
    const CURRENT: Strategy = Strategy::Probabilistic(0.001);

    fn poll(url: &'static str) -> Poll {
        Poll::new(Box::new(Down(url)), Duration::from_secs(60))
    }

    #[test]
    fn a_server_that_does_not_answer_is_a_line_at_start_and_hourly() {
        let mut poll = poll(URL);
        let mut at = |seconds| {
            let NoAnswer::Unanswered(failure) = poll.ask(Duration::ZERO).unwrap_err() else {
                panic!("there is no answer to read");
            };
            poll.line(Some(&failure), &CURRENT, Duration::from_secs(seconds))
        };
        let (level, line) = at(5).unwrap();
        assert_eq!(level, Level::Warn);
        for part in [
            URL,
            "connection refused",
            "a share of 0.001",
            "JAEGER_SAMPLING_ENDPOINT",
            "JAEGER_SAMPLER_TYPE",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("gRPC"), "{line}");
        let later: Vec<_> = (1..=120).map(|minute| at(5 + 60 * minute)).collect();
        let due: Vec<_> = (1..=120).filter(|at| later[at - 1].is_some()).collect();
        assert_eq!(due, [60, 120]);
    }

    #[test]
    fn a_server_that_answers_again_is_one_line() {
        let mut poll = poll(URL);
        let mut at = |failure, seconds| {
            let line = poll.line(failure, &CURRENT, Duration::from_secs(seconds));
            line.map(|(level, _)| level)
        };
        assert_eq!(at(None, 0), None);
        assert_eq!(at(Some("down"), 60), Some(Level::Warn));
        assert_eq!(at(None, 120), Some(Level::Info));
        assert_eq!(at(None, 180), None);
        assert_eq!(at(Some("down"), 240), None, "within the hour");
        assert_eq!(at(None, 300), None, "no line said that it was down");
    }

    #[test]
    fn the_ports_of_grpc_get_a_hint() {
        for (url, hinted) in [
            ("http://jaeger:14250/sampling?service=s", true),
            ("http://[::1]:5779/sampling?service=s", true),
            ("http://jaeger:5778/sampling?service=s:5779", false),
        ] {
            let (_, line) = poll(url)
                .line(Some("down"), &CURRENT, Duration::ZERO)
                .unwrap();
            assert_eq!(
                line.contains("5778") && line.contains("gRPC"),
                hinted,
                "{line}"
            );
        }
    }

    #[test]
    fn polls_are_spread() {
        let seconds = |wait: Duration| wait.as_secs_f64().round() as u64;
        let poll = poll(URL);
        assert_eq!(seconds(poll.first_wait(0)), 0);
        assert_eq!(seconds(poll.first_wait(u32::MAX)), 5);
        assert_eq!(seconds(poll.next_wait(0)), 54);
        assert_eq!(seconds(poll.next_wait(1 << 31)), 60);
        assert_eq!(seconds(poll.next_wait(u32::MAX)), 66);
        let short = Poll::new(Box::new(Down(URL)), Duration::from_secs(2));
        assert_eq!(seconds(short.first_wait(u32::MAX)), 2);
    }
}
