//! The meaning of a collector's answer for a batch.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use picojaeger_core::SendOutcome;

use super::partial_success::PartialSuccess;
use super::retry_after;

/// The parts of a response that count.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) retry_after: Option<String>,
    pub(super) location: Option<String>,
    /// The body, or the beginning of it.
    pub(super) body: Vec<u8>,
}

/// The meaning of an attempt for its batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The batch has its outcome, and perhaps an error to tell.
    Final(SendOutcome, Option<String>),
    /// The batch is to be sent again, after the pause that the collector asks for.
    Again {
        error: String,
        asked: Option<Duration>,
    },
}

/// Characters of a body that an error shows.
const SHOWN: usize = 200;

impl Answer {
    /// Returns what the answer means for a batch of OTLP or of another format.
    pub(super) fn verdict(&self, is_otlp: bool, now: SystemTime) -> Verdict {
        match self.status {
            200..=299 => self.delivered(is_otlp),
            300..=399 => {
                let to = self
                    .location
                    .as_deref()
                    .map_or_else(|| "elsewhere".into(), redacted);
                let error = format!(
                    "it redirects to {to}, which is not followed; set that as the endpoint"
                );
                Verdict::Final(SendOutcome::Refused, Some(error))
            }
            413 => Verdict::Final(SendOutcome::TooLarge, Some(self.error())),
            429 | 502 | 503 | 504 => Verdict::Again {
                error: self.error(),
                asked: self
                    .retry_after
                    .as_deref()
                    .and_then(|value| retry_after::parse(value, now)),
            },
            _ => Verdict::Final(SendOutcome::Refused, Some(self.error())),
        }
    }

    fn delivered(&self, is_otlp: bool) -> Verdict {
        let partial = match is_otlp {
            true => PartialSuccess::read(&self.body),
            false => PartialSuccess::default(),
        };
        match partial.rejected {
            0 => Verdict::Final(SendOutcome::Accepted, None),
            rejected => {
                let message = beginning(partial.message);
                let error = format!("it rejected {rejected} spans of a batch: {message}");
                Verdict::Final(SendOutcome::PartlyAccepted { rejected }, Some(error))
            }
        }
    }

    /// Returns status and beginning of the body.
    fn error(&self) -> String {
        let mut error = format!("it answered {} {}", self.status, self.reason);
        if !self.body.is_empty() {
            let _ = write!(error, ": {}", beginning(&self.body));
        }
        error
    }
}

impl Verdict {
    /// Changes the text of the error, if there is one.
    pub(super) fn map_error(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Verdict::Final(outcome, error) => Verdict::Final(outcome, error.map(change)),
            Verdict::Again { error, asked } => Verdict::Again {
                error: change(error),
                asked,
            },
        }
    }
}

/// Returns the beginning of untrusted bytes, on one line.
fn beginning(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == SHOWN {
            shown.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

/// Returns an address without user, password and query.
fn redacted(url: &str) -> String {
    let (address, _) = url.split_once('?').unwrap_or((url, ""));
    let shown = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            format!("{scheme}://{host}{path}")
        }
        None => address.into(),
    };
    beginning(shown.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, change: impl FnOnce(&mut Answer)) -> Verdict {
        let mut answer = Answer {
            status,
            reason: "Reason",
            ..Answer::default()
        };
        change(&mut answer);
        answer.verdict(true, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn each_status_has_its_outcome() {
        let outcome = |status| match verdict(status, |_| {}) {
            Verdict::Final(outcome, _) => Some(outcome),
            Verdict::Again { .. } => None,
        };
        for status in [200, 202, 204] {
            assert_eq!(outcome(status), Some(SendOutcome::Accepted));
        }
        for status in [301, 307, 400, 401, 403, 404, 408, 500, 501, 505, 600] {
            assert_eq!(outcome(status), Some(SendOutcome::Refused), "{status}");
        }
        assert_eq!(outcome(413), Some(SendOutcome::TooLarge));
        for status in [429, 502, 503, 504] {
            assert_eq!(outcome(status), None, "{status}");
        }
    }

    #[test]
    fn a_redirect_is_named_without_its_secrets() {
        let redirect = |answer: &mut Answer| {
            answer.location = Some("https://me:w@rd@there:1/x?key=1".into());
        };
        let Verdict::Final(_, Some(error)) = verdict(307, redirect) else {
            panic!("it is final")
        };
        assert_eq!(
            error,
            "it redirects to https://there:1/x, which is not followed; set that as the endpoint"
        );
    }

    #[test]
    fn an_error_shows_status_and_beginning_of_the_body() {
        let long = |answer: &mut Answer| answer.body = ["no\n".as_bytes(), &[b'x'; 300]].concat();
        let Verdict::Again { error, asked } = verdict(503, long) else {
            panic!("it is retried")
        };
        assert!(
            error.starts_with("it answered 503 Reason: no\\nxxx"),
            "{error}"
        );
        assert!(
            error.ends_with("x…") && error.chars().count() < 240,
            "{error}"
        );
        assert_eq!(asked, None);
    }

    #[test]
    fn the_collector_may_ask_for_a_pause() {
        let ask = |answer: &mut Answer| answer.retry_after = Some("7".into());
        let Verdict::Again { asked, .. } = verdict(429, ask) else {
            panic!("it is retried")
        };
        assert_eq!(asked, Some(Duration::from_secs(7)));
    }

    #[test]
    fn rejected_spans_count_with_otlp_only() {
        let body = [&[0x0a, 6, 0x08, 3, 0x12, 2][..], b"no"].concat();
        let mut answer = Answer {
            status: 200,
            body,
            ..Answer::default()
        };
        let expected = "it rejected 3 spans of a batch: no".to_owned();
        assert_eq!(
            answer.verdict(true, SystemTime::now()),
            Verdict::Final(SendOutcome::PartlyAccepted { rejected: 3 }, Some(expected))
        );
        let accepted = Verdict::Final(SendOutcome::Accepted, None);
        assert_eq!(answer.verdict(false, SystemTime::now()), accepted);
        answer.body.clear();
        assert_eq!(answer.verdict(true, SystemTime::now()), accepted);
    }
}
