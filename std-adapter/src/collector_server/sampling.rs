//! Sampling strategies from a file of Jaeger's form, for clients that ask for theirs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::read_text;
use super::http::reply::{self, JSON};
use super::http::{Handler, Refusal, Reply};
use crate::sys::sync::lock;

/// The longest file.
const MAX_LENGTH: u64 = 4 << 20;
/// The probability that Jaeger uses where a file has no default.
const DEFAULT_PROBABILITY: f64 = 0.001;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    default_strategy: Option<Strategy>,
    #[serde(default)]
    service_strategies: Vec<Strategy>,
}

/// The strategy of a service, or of one of its operations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strategy {
    service: Option<String>,
    operation: Option<String>,
    #[serde(rename = "type")]
    kind: Kind,
    param: f64,
    #[serde(default)]
    operation_strategies: Vec<Strategy>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Probabilistic,
    RateLimiting,
}

/// The answers to each service.
struct Answers {
    default: Value,
    services: BTreeMap<String, Value>,
}

/// The strategies, as of the file's last good state.
pub(super) struct Strategies {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    answers: Answers,
    /// The state of the file that was read last, good or not.
    stamp: Option<Stamp>,
}

/// Time of the last change, and length.
type Stamp = (Option<SystemTime>, u64);

impl Strategies {
    /// Samples each trace.
    pub(super) fn all() -> Self {
        let answers = Answers {
            default: probabilistic(1.0),
            services: BTreeMap::new(),
        };
        let state = State {
            answers,
            stamp: None,
        };
        Strategies {
            file: None,
            state: Mutex::new(state),
        }
    }

    /// Reads a file.
    pub(super) fn open(path: PathBuf) -> Result<Self, String> {
        let stamp = stamp(&path);
        let answers = read_text(&path, MAX_LENGTH).and_then(|text| parse(&text));
        let answers = answers.map_err(|error| format!("{}: {error}", path.display()))?;
        let state = Mutex::new(State { answers, stamp });
        let file = Some(path);
        Ok(Strategies { file, state })
    }

    /// Reads the file again if it has changed. One that is broken changes nothing, which a message says once.
    fn refresh(&self, state: &mut State) {
        let Some(path) = &self.file else {
            return;
        };
        let now = stamp(path);
        if now == state.stamp {
            return;
        }
        state.stamp = now;
        match read_text(path, MAX_LENGTH).and_then(|text| parse(&text)) {
            Ok(answers) => state.answers = answers,
            Err(error) => super::warn(&format!(
                "the sampling strategies stay as they were: {}: {error}",
                path.display()
            )),
        }
    }

    /// Returns the strategy of a service.
    fn answer(&self, service: &str) -> String {
        let mut state = lock(&self.state);
        self.refresh(&mut state);
        let answers = &state.answers;
        answers
            .services
            .get(service)
            .unwrap_or(&answers.default)
            .to_string()
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}

fn parse(text: &str) -> Result<Answers, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let default = match &document.default_strategy {
        Some(strategy) => answer(strategy, &[])?,
        None => probabilistic(DEFAULT_PROBABILITY),
    };
    let shared = document
        .default_strategy
        .map_or(Vec::new(), |default| default.operation_strategies);
    let mut services = BTreeMap::new();
    for strategy in document.service_strategies {
        let Some(service) = &strategy.service else {
            return Err("a strategy in `service_strategies` has no `service`".to_owned());
        };
        services.insert(service.clone(), answer(&strategy, &shared)?);
    }
    Ok(Answers { default, services })
}

/// Makes the answer of a strategy. It has the operations of the default strategy too, as Jaeger's own has, where it does
/// not name them itself.
fn answer(strategy: &Strategy, shared: &[Strategy]) -> Result<Value, String> {
    let mut answer = match strategy.kind {
        Kind::Probabilistic => probabilistic(probability(strategy.param)?),
        Kind::RateLimiting => rate_limiting(strategy.param)?,
    };
    let own = &strategy.operation_strategies;
    let is_own = |name: &Option<String>| own.iter().any(|other| other.operation == *name);
    let inherited = shared.iter().filter(|other| !is_own(&other.operation));
    let mut operations = Vec::new();
    for operation in own.iter().chain(inherited) {
        operations.push(per_operation(operation)?);
    }
    if !operations.is_empty() {
        let default = match strategy.kind {
            Kind::Probabilistic => strategy.param,
            Kind::RateLimiting => DEFAULT_PROBABILITY,
        };
        answer["operationSampling"] = json!({
            "defaultSamplingProbability": default,
            "defaultLowerBoundTracesPerSecond": 0.0,
            "perOperationStrategies": operations,
        });
    }
    Ok(answer)
}

fn per_operation(strategy: &Strategy) -> Result<Value, String> {
    let Some(operation) = &strategy.operation else {
        return Err("a strategy in `operation_strategies` has no `operation`".to_owned());
    };
    if strategy.kind != Kind::Probabilistic {
        let error = "the strategy of an operation is `probabilistic`, no other";
        return Err(format!("operation `{operation}`: {error}"));
    }
    let rate = probability(strategy.param)?;
    Ok(json!({ "operation": operation, "probabilisticSampling": { "samplingRate": rate } }))
}

fn probabilistic(rate: f64) -> Value {
    json!({ "strategyType": "PROBABILISTIC", "probabilisticSampling": { "samplingRate": rate } })
}

/// The answer carries whole traces per second.
fn rate_limiting(rate: f64) -> Result<Value, String> {
    if !(0.0..=f64::from(i32::MAX)).contains(&rate) {
        return Err(format!(
            "`param` {rate} is not a number of traces per second"
        ));
    }
    let rate = rate as i32;
    Ok(
        json!({ "strategyType": "RATE_LIMITING", "rateLimitingSampling": { "maxTracesPerSecond": rate } }),
    )
}

fn probability(rate: f64) -> Result<f64, String> {
    match (0.0..=1.0).contains(&rate) {
        true => Ok(rate),
        false => Err(format!("`param` {rate} is not a probability from 0 to 1")),
    }
}

/// Returns the only service that a query names.
fn service(query: &str) -> Option<String> {
    let mut named = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("service="));
    let name = named.next()?;
    match named.next() {
        None => decode(name),
        Some(_) => None,
    }
}

/// Decodes a name of a query; `None` if it is damaged.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

impl Handler for Strategies {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let path = request.uri().path();
        // The first is that of old Java clients, the last that of Jaeger's collector.
        if !matches!(path, "/" | "/sampling" | "/api/sampling") {
            return Err(Refusal::not_found(path));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal::method("GET, HEAD"));
        }
        let Some(service) = service(request.uri().query().unwrap_or_default()) else {
            let message = "the query names one service, as /sampling?service=shop";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        };
        let answer = Strategies::answer(&self, &service);
        Ok(reply::reply(StatusCode::OK, JSON, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
            {"operation": "/health", "type": "probabilistic", "param": 0.0},
            {"operation": "/metrics", "type": "probabilistic", "param": 0.25}]},
        "service_strategies": [
            {"service": "shop", "type": "ratelimiting", "param": 5},
            {"service": "pay", "type": "probabilistic", "param": 0.8, "operation_strategies": [
                {"operation": "/health", "type": "probabilistic", "param": 1}]}]}"#;

    fn value(answers: &Answers, service: &str) -> Value {
        answers
            .services
            .get(service)
            .unwrap_or(&answers.default)
            .clone()
    }

    #[test]
    fn each_service_has_its_strategy_and_the_operations_of_the_default_one() {
        let answers = parse(FILE).unwrap();
        let health = |rate: f64| json!({"operation": "/health", "probabilisticSampling": {"samplingRate": rate}});
        let metrics =
            json!({"operation": "/metrics", "probabilisticSampling": {"samplingRate": 0.25}});
        let operations = |default: f64, list: Value| {
            json!({"defaultSamplingProbability": default, "defaultLowerBoundTracesPerSecond": 0.0,
                "perOperationStrategies": list})
        };
        assert_eq!(
            value(&answers, "other"),
            json!({"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": 0.5},
                "operationSampling": operations(0.5, json!([health(0.0), metrics]))})
        );
        assert_eq!(
            value(&answers, "shop"),
            json!({"strategyType": "RATE_LIMITING", "rateLimitingSampling": {"maxTracesPerSecond": 5},
                "operationSampling": operations(0.001, json!([health(0.0), metrics]))})
        );
        assert_eq!(
            value(&answers, "pay"),
            json!({"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": 0.8},
                "operationSampling": operations(0.8, json!([health(1.0), metrics]))})
        );
    }

    #[test]
    fn a_wrong_file_says_what_is_wrong() {
        for (text, part) in [
            ("{", "EOF"),
            (r#"{"defaultstrategy": 1}"#, "unknown field"),
            (
                r#"{"default_strategy": {"type": "adaptive", "param": 1}}"#,
                "adaptive",
            ),
            (
                r#"{"default_strategy": {"type": "probabilistic", "param": 1.5}}"#,
                "from 0 to 1",
            ),
            (
                r#"{"default_strategy": {"type": "ratelimiting", "param": -1}}"#,
                "per second",
            ),
            (
                r#"{"service_strategies": [{"type": "probabilistic", "param": 1}]}"#,
                "no `service`",
            ),
            (
                r#"{"default_strategy": {"type": "probabilistic", "param": 1, "operation_strategies":
                [{"operation": "a", "type": "ratelimiting", "param": 1}]}}"#,
                "operation `a`",
            ),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(parse("{}").unwrap().default, probabilistic(0.001));
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_changes_nothing() {
        let path =
            std::env::temp_dir().join(format!("picojaeger-strategies-{}", std::process::id()));
        let rate = |rate: f64| {
            format!(r#"{{"default_strategy": {{"type": "probabilistic", "param": {rate}}}}}"#)
        };
        fs::write(&path, rate(0.5)).unwrap();
        let strategies = Strategies::open(path.clone()).unwrap();
        assert_eq!(strategies.answer("a"), probabilistic(0.5).to_string());
        // Another length, so that a coarse clock of the file system does not matter.
        fs::write(&path, rate(0.125)).unwrap();
        assert_eq!(strategies.answer("a"), probabilistic(0.125).to_string());
        fs::write(&path, "broken").unwrap();
        assert_eq!(strategies.answer("a"), probabilistic(0.125).to_string());
        fs::remove_file(&path).unwrap();
        assert_eq!(strategies.answer("a"), probabilistic(0.125).to_string());
        fs::write(&path, rate(0.0)).unwrap();
        assert_eq!(strategies.answer("a"), probabilistic(0.0).to_string());
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_query_names_one_service() {
        assert_eq!(service("service=shop").as_deref(), Some("shop"));
        assert_eq!(
            service("a=b&service=a%20b+%c3%a4").as_deref(),
            Some("a b ä")
        );
        for query in [
            "",
            "service",
            "service=a&service=b",
            "service=%",
            "service=%+1",
            "service=%ff",
        ] {
            assert_eq!(service(query), None, "{query}");
        }
    }
}
