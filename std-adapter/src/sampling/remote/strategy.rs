//! Sampling strategies as plain data, as the server's answer names them.

use std::fmt;

use serde_json::Value as Json;

/// The strategy of a service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Strategy {
    /// A share of all traces, 0 to 1.
    Probabilistic(f64),
    /// Traces a second, 0 or more.
    RateLimiting(f64),
    PerOperation(OperationStrategies),
}

/// A probability for each operation, and a lower bound in traces a second.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OperationStrategies {
    /// Of operations that are not listed.
    pub(crate) default_probability: f64,
    pub(crate) lower_bound: f64,
    pub(crate) operations: Vec<(String, f64)>,
}

/// The reason that an answer is no strategy.
#[derive(Debug)]
pub(crate) enum NoStrategy {
    NotJson(serde_json::Error),
    /// None of the members that hold a strategy is there, as in the body of an error.
    NoMember,
    /// The member of this name has another type than it should.
    WrongType(&'static str),
}

/// Probability of operations that are not listed, where the answer has none.
const DEFAULT_PROBABILITY: f64 = 0.001;
/// Lower bound where the answer has none: once in ten minutes.
const LOWER_BOUND: f64 = 1.0 / 600.0;

impl Strategy {
    /// Reads the body of an answer.
    ///
    /// Servers of different ages write `strategyType` as a text, as a number or not at all, and
    /// members that do not apply as `null` or not at all, zeros included. So the members decide:
    /// `operationSampling`, then the one that `strategyType` names, then the other. Values are
    /// clamped to their range.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, NoStrategy> {
        let answer: Json = serde_json::from_slice(body).map_err(NoStrategy::NotJson)?;
        if let Some(operations) = member(&answer, "operationSampling")? {
            return OperationStrategies::from_json(operations).map(Strategy::PerOperation);
        }
        let probability = probability(&answer)?;
        let rate = match member(&answer, "rateLimitingSampling")? {
            Some(limit) => Some(number(limit, "maxTracesPerSecond", 0.0)?),
            None => None,
        };
        let prefers_rate = matches!(&answer["strategyType"], Json::String(it) if it == "RATE_LIMITING")
            || answer["strategyType"] == 1;
        match (probability, rate) {
            (Some(_), Some(rate)) if prefers_rate => Ok(Strategy::RateLimiting(rate.max(0.0))),
            (Some(probability), _) => Ok(Strategy::Probabilistic(probability)),
            (None, Some(rate)) => Ok(Strategy::RateLimiting(rate.max(0.0))),
            (None, None) => Err(NoStrategy::NoMember),
        }
    }
}

impl OperationStrategies {
    fn from_json(member: &Json) -> Result<Self, NoStrategy> {
        const LIST: &str = "perOperationStrategies";
        let default_probability =
            number(member, "defaultSamplingProbability", DEFAULT_PROBABILITY)?;
        let lower_bound = number(member, "defaultLowerBoundTracesPerSecond", LOWER_BOUND)?;
        let listed: &[Json] = match &member[LIST] {
            Json::Null => &[],
            Json::Array(listed) => listed,
            _ => return Err(NoStrategy::WrongType(LIST)),
        };
        let read = listed.iter().map(operation).collect::<Result<Vec<_>, _>>();
        Ok(OperationStrategies {
            default_probability: default_probability.clamp(0.0, 1.0),
            lower_bound: lower_bound.max(0.0),
            operations: read?.into_iter().flatten().collect(),
        })
    }
}

/// Reads the strategy of one operation; `None` if it has none.
fn operation(listed: &Json) -> Result<Option<(String, f64)>, NoStrategy> {
    const NAME: &str = "operation";
    let Json::String(name) = &listed[NAME] else {
        return Err(NoStrategy::WrongType(NAME));
    };
    Ok(probability(listed)?.map(|probability| (name.clone(), probability)))
}

/// Reads the member `probabilisticSampling`, if there is one.
fn probability(of: &Json) -> Result<Option<f64>, NoStrategy> {
    match member(of, "probabilisticSampling")? {
        Some(sampling) => Ok(Some(number(sampling, "samplingRate", 0.0)?.clamp(0.0, 1.0))),
        None => Ok(None),
    }
}

/// Returns the object of this name; `None` if it is absent or null.
fn member<'j>(of: &'j Json, name: &'static str) -> Result<Option<&'j Json>, NoStrategy> {
    match &of[name] {
        Json::Null => Ok(None),
        object @ Json::Object(_) => Ok(Some(object)),
        _ => Err(NoStrategy::WrongType(name)),
    }
}

/// Reads the number of this name, or the default if it is absent or null.
fn number(of: &Json, name: &'static str, default: f64) -> Result<f64, NoStrategy> {
    match &of[name] {
        Json::Null => Ok(default),
        other => other.as_f64().ok_or(NoStrategy::WrongType(name)),
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::Probabilistic(probability) => write!(f, "a share of {probability}"),
            Strategy::RateLimiting(rate) => write!(f, "at most {rate} traces a second"),
            Strategy::PerOperation(strategies) => write!(
                f,
                "a share for each operation ({} listed, {} of the others)",
                strategies.operations.len(),
                strategies.default_probability
            ),
        }
    }
}

impl fmt::Display for NoStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoStrategy::NotJson(error) => write!(f, "the answer is not JSON: {error}"),
            NoStrategy::NoMember => f.write_str("the answer holds no strategy"),
            NoStrategy::WrongType(member) => {
                write!(f, "the answer's member `{member}` has a wrong type")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Strategy {
        Strategy::from_json(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    fn error(body: &str) -> String {
        Strategy::from_json(body.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_type_is_text_a_number_null_or_absent() {
        for kind in [
            r#""strategyType":"PROBABILISTIC","#,
            r#""strategyType":0,"#,
            r#""strategyType":null,"#,
            "",
        ] {
            let body = format!(r#"{{{kind}"probabilisticSampling":{{"samplingRate":0.5}}}}"#);
            assert_eq!(read(&body), Strategy::Probabilistic(0.5));
        }
        for kind in [
            r#""strategyType":"RATE_LIMITING","#,
            r#""strategyType":1,"#,
            "",
        ] {
            let body = format!(r#"{{{kind}"rateLimitingSampling":{{"maxTracesPerSecond":2.5}}}}"#);
            assert_eq!(read(&body), Strategy::RateLimiting(2.5));
        }
    }

    /// As the agent's `/` writes it, with all members.
    #[test]
    fn members_that_do_not_apply_are_null_or_lose_to_the_type() {
        let null = r#"{"strategyType":1,"probabilisticSampling":null,
            "rateLimitingSampling":{"maxTracesPerSecond":7},"operationSampling":null}"#;
        assert_eq!(read(null), Strategy::RateLimiting(7.0));
        let both = |kind: &str| {
            let members = r#""probabilisticSampling":{"samplingRate":0.25},
                "rateLimitingSampling":{"maxTracesPerSecond":7}"#;
            read(&format!(r#"{{"strategyType":{kind},{members}}}"#))
        };
        assert_eq!(both("1"), Strategy::RateLimiting(7.0));
        assert_eq!(both(r#""RATE_LIMITING""#), Strategy::RateLimiting(7.0));
        assert_eq!(both("0"), Strategy::Probabilistic(0.25));
        assert_eq!(both(r#""PROBABILISTIC""#), Strategy::Probabilistic(0.25));
        let zeros = r#"{"probabilisticSampling":{}}"#;
        assert_eq!(read(zeros), Strategy::Probabilistic(0.0));
        let zeros = r#"{"strategyType":1,"rateLimitingSampling":{}}"#;
        assert_eq!(read(zeros), Strategy::RateLimiting(0.0));
    }

    #[test]
    fn operations_win_over_the_type() {
        let body = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1},
            "operationSampling":{"defaultSamplingProbability":0.5,
                "defaultLowerBoundTracesPerSecond":0.25,"defaultUpperBoundTracesPerSecond":9,
                "perOperationStrategies":[
                    {"operation":"a","probabilisticSampling":{"samplingRate":0.125}},
                    {"operation":"never","probabilisticSampling":{}},
                    {"operation":"left out","probabilisticSampling":null}]}}"#;
        let operations = vec![("a".into(), 0.125), ("never".into(), 0.0)];
        assert_eq!(
            read(body),
            Strategy::PerOperation(OperationStrategies {
                default_probability: 0.5,
                lower_bound: 0.25,
                operations,
            })
        );
        for empty in ["", r#""perOperationStrategies":null"#] {
            let body = format!(r#"{{"operationSampling":{{{empty}}}}}"#);
            assert_eq!(
                read(&body),
                Strategy::PerOperation(OperationStrategies {
                    default_probability: 0.001,
                    lower_bound: 1.0 / 600.0,
                    operations: Vec::new(),
                })
            );
        }
    }

    #[test]
    fn values_are_clamped() {
        let probability = |rate: &str| {
            read(&format!(
                r#"{{"probabilisticSampling":{{"samplingRate":{rate}}}}}"#
            ))
        };
        assert_eq!(probability("7"), Strategy::Probabilistic(1.0));
        assert_eq!(probability("-7"), Strategy::Probabilistic(0.0));
        let rate = r#"{"rateLimitingSampling":{"maxTracesPerSecond":-1}}"#;
        assert_eq!(read(rate), Strategy::RateLimiting(0.0));
        let body = r#"{"operationSampling":{"defaultSamplingProbability":2,
            "defaultLowerBoundTracesPerSecond":-2,"perOperationStrategies":[
            {"operation":"a","probabilisticSampling":{"samplingRate":3}}]}}"#;
        assert_eq!(
            read(body),
            Strategy::PerOperation(OperationStrategies {
                default_probability: 1.0,
                lower_bound: 0.0,
                operations: vec![("a".into(), 1.0)],
            })
        );
    }

    #[test]
    fn the_body_of_an_error_is_no_strategy() {
        for body in ["{}", "[]", "null", "7", r#"{"code":13,"message":"no"}"#] {
            assert_eq!(error(body), "the answer holds no strategy", "{body}");
        }
        for body in ["", "collector error: no such service", "{", "\u{0}"] {
            assert!(
                error(body).starts_with("the answer is not JSON: "),
                "{body}"
            );
        }
        for (member, body) in [
            ("probabilisticSampling", r#"{"probabilisticSampling":0.5}"#),
            (
                "samplingRate",
                r#"{"probabilisticSampling":{"samplingRate":"half"}}"#,
            ),
            ("operationSampling", r#"{"operationSampling":[]}"#),
            (
                "perOperationStrategies",
                r#"{"operationSampling":{"perOperationStrategies":{}}}"#,
            ),
            (
                "operation",
                r#"{"operationSampling":{"perOperationStrategies":[{}]}}"#,
            ),
        ] {
            let expected = format!("the answer's member `{member}` has a wrong type");
            assert_eq!(error(body), expected, "{body}");
        }
    }
}
