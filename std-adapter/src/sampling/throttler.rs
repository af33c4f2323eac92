//! The throttler of debug traces: forced spans spend credits, which a server grants by operation.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use picojaeger_core::adapter::encoded_len;
use serde_json::Value as Json;

use crate::config::ThrottlerSettings;
use crate::sys::net::answers::{AnswerCounts, Answers};
use crate::sys::net::http;
use crate::sys::sync::lock;

/// Credits for forced traces, by operation.
#[derive(Debug)]
pub(crate) struct Throttler {
    /// The question, to which operations are appended.
    question: String,
    refresh_interval: Duration,
    synchronous: bool,
    credits: Mutex<Credits>,
    answers: Answers,
    /// Demands that were refused.
    throttled: AtomicU64,
}

/// The operations that are asked for.
#[derive(Debug)]
struct Credits {
    balances: HashMap<String, f64>,
    /// Bytes that are left for operations in the question.
    room: usize,
}

/// Bytes of the operations in a question: requests of more than 8 KiB are refused by many servers.
const ROOM: usize = 7_000;
const OPERATION: &str = "operations";
/// Bytes of an operation's parameter beside those of its name, encoded: `&`, [`OPERATION`] and `=`.
const BESIDE: usize = OPERATION.len() + 2;
/// Credit that a forced trace costs.
const COST: f64 = 1.0;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait of a thread that starts a span.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

impl Throttler {
    /// Makes a throttler without credits, for a process of this service with this `client-uuid`.
    pub(crate) fn new(settings: &ThrottlerSettings, service: &str, uuid: &str) -> Self {
        let mut question = http::question(&settings.server_url, "/credits");
        http::add_parameter(&mut question, "service", service);
        http::add_parameter(&mut question, "uuid", uuid);
        Throttler {
            question,
            refresh_interval: settings.refresh_interval,
            synchronous: settings.synchronous,
            credits: Mutex::new(Credits {
                balances: HashMap::new(),
                room: ROOM,
            }),
            answers: Answers::default(),
            throttled: AtomicU64::new(0),
        }
    }

    /// Spends a credit of the operation; returns whether it had one. An operation that is met for
    /// the first time waits for its credit, if the settings say so.
    pub(crate) fn allows(&self, operation: &str) -> bool {
        let known = lock(&self.credits).spend(operation);
        let allowed = known.unwrap_or_else(|| {
            if self.synchronous {
                self.ask(&[operation.to_owned()], SHORT_PATIENCE);
            }
            lock(&self.credits).spend(operation) == Some(true)
        });
        if !allowed {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        allowed
    }

    /// Returns the time to the first poll: none, where nobody waits for the first credit.
    pub(crate) fn first_wait(&self) -> Duration {
        match self.synchronous {
            true => self.refresh_interval,
            false => Duration::ZERO,
        }
    }

    /// Asks for credits of all operations; returns the time to the next poll.
    pub(crate) fn poll(&self) -> Duration {
        let mut operations: Vec<_> = lock(&self.credits).balances.keys().cloned().collect();
        operations.sort_unstable();
        self.ask(&operations, PATIENCE);
        self.refresh_interval
    }

    /// Returns the number of demands that were refused.
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    pub(crate) fn answers(&self) -> AnswerCounts {
        self.answers.counts()
    }

    fn ask(&self, operations: &[String], patience: Duration) {
        let mut url = self.question.clone();
        for operation in operations {
            http::add_parameter(&mut url, OPERATION, operation);
        }
        self.answers.ask(&url, patience, |body| {
            let granted = granted(body)?;
            lock(&self.credits).add(granted);
            Ok(())
        });
    }
}

impl Credits {
    /// Spends a credit; returns whether there was one, or `None` for an operation that is new and
    /// will be asked for. One for which the question has no room gets none.
    fn spend(&mut self, operation: &str) -> Option<bool> {
        if let Some(balance) = self.balances.get_mut(operation) {
            let allowed = *balance >= COST;
            if allowed {
                *balance -= COST;
            }
            return Some(allowed);
        }
        let size = encoded_len(operation).saturating_add(BESIDE);
        let Some(room) = self.room.checked_sub(size) else {
            return Some(false);
        };
        self.room = room;
        self.balances.insert(operation.to_owned(), 0.0);
        None
    }

    /// Adds what was granted to the operations that were asked for.
    fn add(&mut self, granted: Vec<(String, f64)>) {
        for (operation, credit) in granted {
            if let Some(balance) = self.balances.get_mut(&operation) {
                *balance += credit;
            }
        }
    }
}

/// Reads `{"balances":[{"operation":"op","balance":2.0}]}`.
fn granted(body: &[u8]) -> Result<Vec<(String, f64)>, String> {
    let answer: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Json::Array(balances) = &answer["balances"] else {
        return Err("the answer has no list of balances".into());
    };
    let granted = balances.iter().map(|it| {
        let operation = it["operation"].as_str()?;
        let balance = it["balance"].as_f64()?;
        Some((operation.to_owned(), balance.max(0.0)))
    });
    let granted: Option<_> = granted.collect();
    granted.ok_or_else(|| "a balance lacks its operation or its number".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits() -> Credits {
        Credits {
            balances: HashMap::new(),
            room: 40,
        }
    }

    #[test]
    fn credits_are_spent_one_by_one_and_added_up() {
        let mut credits = credits();
        assert_eq!(credits.spend("a"), None, "new");
        assert_eq!(credits.spend("a"), Some(false));
        credits.add(
            granted(
                br#"{"balances":[{"operation":"a","balance":1.5},{"operation":"z","balance":9}]}"#,
            )
            .unwrap(),
        );
        assert_eq!(credits.spend("a"), Some(true));
        assert_eq!(credits.spend("a"), Some(false), "a half is left");
        credits.add(vec![("a".into(), 0.5)]);
        assert_eq!(credits.spend("a"), Some(true));
        assert_eq!(credits.spend("z"), None, "nobody asked for it");
    }

    #[test]
    fn operations_are_bounded_by_the_size_of_the_question() {
        let mut credits = credits();
        assert_eq!(credits.spend("a b"), None); // 12 + 5 bytes
        assert_eq!(credits.spend("12345678901"), None); // 12 + 11
        assert_eq!(credits.spend("c"), Some(false));
        assert_eq!(credits.balances.len(), 2);
    }

    #[test]
    fn answers_are_read_or_refused_as_a_whole() {
        assert_eq!(granted(br#"{"balances":[]}"#), Ok(vec![]));
        let negative = br#"{"balances":[{"operation":"a","balance":-1}]}"#;
        assert_eq!(granted(negative), Ok(vec![("a".into(), 0.0)]));
        for odd in [
            "",
            "[]",
            "{}",
            r#"{"balances":null}"#,
            r#"{"balances":[{"operation":"a"}]}"#,
            r#"{"balances":[{"operation":1,"balance":1}]}"#,
        ] {
            assert!(granted(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
