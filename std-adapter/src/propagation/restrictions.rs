//! Restrictions of baggage: the keys that may be set, as a server names them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value as Json;

use crate::config::RestrictionSettings;
use crate::sys::net::answers::{AnswerCounts, Answers};
use crate::sys::net::http;
use crate::sys::sync::lock;

/// The keys that may be set, with the longest value of each in bytes.
#[derive(Debug)]
pub(crate) struct Restrictions {
    url: String,
    refresh_interval: Duration,
    deny_until_answered: bool,
    /// `None` until the server has answered.
    limits: Mutex<Option<HashMap<String, usize>>>,
    answers: Answers,
}

/// Longest value before the first answer.
const LIMIT: usize = 2_048;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Restrictions {
    /// Makes the restrictions of a service, whose server has not answered.
    pub(crate) fn new(settings: &RestrictionSettings, service: &str) -> Self {
        let mut url = http::question(&settings.server_url, "/baggageRestrictions");
        http::add_parameter(&mut url, "service", service);
        Restrictions {
            url,
            refresh_interval: settings.refresh_interval,
            deny_until_answered: settings.deny_until_answered,
            limits: Mutex::default(),
            answers: Answers::default(),
        }
    }

    /// Returns the longest value of this key; `None` if it may not be set.
    pub(crate) fn limit(&self, key: &str) -> Option<usize> {
        match &*lock(&self.limits) {
            Some(limits) => limits.get(key).copied(),
            None => (!self.deny_until_answered).then_some(LIMIT),
        }
    }

    /// Asks the server; returns the time to the next poll. Without a usable answer the last one
    /// counts.
    pub(crate) fn poll(&self) -> Duration {
        self.answers.ask(&self.url, PATIENCE, |body| {
            *lock(&self.limits) = Some(limits(body)?);
            Ok(())
        });
        self.refresh_interval
    }

    pub(crate) fn answers(&self) -> AnswerCounts {
        self.answers.counts()
    }
}

/// Reads `[{"baggageKey":"k","maxValueLength":10}]`; an empty list allows no key.
fn limits(body: &[u8]) -> Result<HashMap<String, usize>, String> {
    let answer: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Json::Array(listed) = answer else {
        return Err("the answer is no list of restrictions".into());
    };
    let limits = listed.iter().map(|it| {
        let key = it["baggageKey"].as_str()?;
        let length = it["maxValueLength"].as_u64()?;
        Some((key.to_owned(), usize::try_from(length).ok()?))
    });
    let limits: Option<_> = limits.collect();
    limits.ok_or_else(|| "a restriction lacks its key or its length".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_or_refused_as_a_whole() {
        let answer =
            br#"[{"baggageKey":"k","maxValueLength":10},{"baggageKey":"","maxValueLength":0}]"#;
        let expected = [("k".to_owned(), 10), (String::new(), 0)];
        assert_eq!(limits(answer), Ok(HashMap::from(expected)));
        assert_eq!(limits(b"[]"), Ok(HashMap::new()));
        for odd in [
            "",
            "{}",
            "null",
            r#"[{"baggageKey":"k"}]"#,
            r#"[{"baggageKey":"k","maxValueLength":-1}]"#,
            r#"[{"baggageKey":7,"maxValueLength":1}]"#,
        ] {
            assert!(limits(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
