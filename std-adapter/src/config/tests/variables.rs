//! Settings of the environment alone.

use picojaeger_core::Format;

use super::*;

/// The settings of these variables, over a service name and a sampler.
fn of_variables(variables: &[(&str, &str)]) -> Settings {
    resolve(variables).unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

fn resolve(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let needed = [
        ("JAEGER_SERVICE_NAME", "s"),
        ("JAEGER_SAMPLER_TYPE", "const"),
        ("JAEGER_SAMPLER_PARAM", "1"),
    ];
    let given = |name: &str| {
        variables
            .iter()
            .any(|&(given, text)| given == name && !text.is_empty())
    };
    let needed = needed.into_iter().filter(|(name, _)| !given(name));
    let variables = variables.iter().copied().chain(needed);
    Config::default().with_variables(variables)?.resolve()
}

fn variable_error(name: &str, value: &str) -> String {
    resolve(&[(name, value)]).expect_err(name).to_string()
}

#[test]
fn jaeger_tags_are_split_and_substituted() {
    let cases = [
        ("k=v", vec![("k", "v")]),
        (" k = v , l = w ,", vec![("k", "v"), ("l", "w")]),
        ("k=a=b", vec![("k", "a=b")]),
        ("k=", vec![("k", "")]),
        ("k=${SET:d}", vec![("k", "value")]),
        ("k=${SET}", vec![("k", "value")]),
        ("k=${UNSET:d:e}", vec![("k", "d:e")]),
        ("k=${EMPTY:d}", vec![("k", "d")]),
        ("k=${UNSET:}", vec![("k", "")]),
        ("k=a${SET:d}", vec![("k", "a${SET:d}")]),
    ];
    for (text, expected) in cases {
        let variables = [("JAEGER_TAGS", text), ("SET", "value"), ("EMPTY", "")];
        let expected: Vec<(String, TagValue)> = expected
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        assert_eq!(of_variables(&variables).process.tags, expected, "{text}");
    }
}

#[test]
fn variables_reach_their_setting() {
    type Check = fn(&Settings) -> bool;
    let cases: &[(&str, &str, Check)] = &[
        ("JAEGER_SERVICE_NAME", "n", |s| {
            s.process.service_name == "n"
        }),
        ("JAEGER_DISABLED", "T", |s| s.disabled),
        ("JAEGER_DISABLED", "1", |s| s.disabled),
        ("JAEGER_AGENT_HOST", "h", |s| s.agent.host == "h"),
        ("JAEGER_AGENT_PORT", "7", |s| s.agent.port == 7),
        ("JAEGER_AGENT_SOCKET_TYPE", "udp4", |s| {
            s.agent.ip_version == IpVersion::V4
        }),
        ("JAEGER_REPORTER_LOG_SPANS", "true", |s| {
            s.reporter.log_spans
        }),
        ("JAEGER_REPORTER_MAX_QUEUE_SIZE", "2048", |s| {
            s.reporter.memory_limit == 2048 * 2_340 + (2 << 20)
        }),
        ("JAEGER_REPORTER_FLUSH_INTERVAL", "500", |s| {
            s.reporter.flush_interval == Duration::from_millis(500)
        }),
        ("JAEGER_REPORTER_FLUSH_INTERVAL", "1m1s", |s| {
            s.reporter.flush_interval == Duration::from_secs(61)
        }),
        (
            "JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED",
            "true",
            |s| s.agent.resolve_interval.is_none(),
        ),
        ("JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL", "2s", |s| {
            s.agent.resolve_interval == Some(Duration::from_secs(2))
        }),
        ("JAEGER_SAMPLER_PARAM", "0", |s| {
            s.sampler == Sampler::Const(false)
        }),
        ("JAEGER_SAMPLER_PARAM", "false", |s| {
            s.sampler == Sampler::Const(false)
        }),
        ("JAEGER_TRACEID_128BIT", "off", |s| !s.trace_id_128bit),
        ("JAEGER_PROPAGATION", "jaeger,b3,w3c", |s| {
            s.propagation.formats
                == [
                    Format::Jaeger,
                    Format::B3Multi,
                    Format::TraceContext,
                    Format::Baggage,
                ]
        }),
        ("JAEGER_RPC_METRICS", "true", |s| s.spans.rpc_metrics),
        ("JAEGER_UNFINISHED_AT_CLOSE", "true", |s| {
            s.spans.unfinished_at_close
        }),
    ];
    let defaults = of_variables(&[]);
    for (name, value, check) in cases {
        assert!(!check(&defaults), "{name} proves nothing");
        assert!(check(&of_variables(&[(name, value)])), "{name}={value}");
        assert_eq!(of_variables(&[(name, "")]), defaults, "{name} empty");
    }
}

#[test]
fn variables_of_other_jaeger_programs_are_ignored() {
    let variables = [
        ("JAEGER_QUERY_BASE_PATH", "/"),
        ("JAEGER_PORT", "tcp://10.0.0.1:16686"),
        ("JAEGER_SERVICE_HOST", "10.0.0.1"),
        ("JAEGER_SERVICE_PORT", "16686"),
        ("JAEGER_AGENT_SERVICE_HOST", "10.0.0.1"),
        ("JAEGER_AGENT_PORT_6831_UDP", "udp://10.0.0.1:6831"),
        ("SAMPLER_TYPE", "nonsense"),
    ];
    assert_eq!(of_variables(&variables), of_variables(&[]));
}

#[test]
fn wrong_variables_name_themselves() {
    let cases = r#"
JAEGER_AGENT_PORT abc => JAEGER_AGENT_PORT="abc": not a port; use 1 to 65535
JAEGER_AGENT_PORT 0 => JAEGER_AGENT_PORT="0": not a port; use 1 to 65535
JAEGER_DISABLED maybe => JAEGER_DISABLED="maybe": neither true nor false; use true or false
JAEGER_AGENT_HOST a b => JAEGER_AGENT_HOST="a b": not a host; use a name or an IP address, without scheme and port
JAEGER_AGENT_HOST $(NODE_IP) => JAEGER_AGENT_HOST="$(NODE_IP)": a placeholder that nothing filled in; use a name or an IP address
JAEGER_REPORTER_FLUSH_INTERVAL soon => JAEGER_REPORTER_FLUSH_INTERVAL="soon": not a duration; use milliseconds, or a number with a unit, such as 1s or 500ms
JAEGER_SAMPLER_PARAM NaN => JAEGER_SAMPLER_PARAM="NaN": not a sampler parameter; use a number of 0 or more
JAEGER_SAMPLER_PARAM 0,5 => JAEGER_SAMPLER_PARAM="0,5": not a number; use a number; for const also true or false
JAEGER_SAMPLER_TYPE x => JAEGER_SAMPLER_TYPE="x": unknown; use const, probabilistic, ratelimiting or remote
JAEGER_TAGS a=1,secret => JAEGER_TAGS: item 2: a tag without a value; use key=value,key=value
JAEGER_TAGS =b => JAEGER_TAGS: item 1: a tag without a key; use a key for each tag
JAEGER_TAGS a=${X} => JAEGER_TAGS: tag `a`: a variable that is not set; use ${VARIABLE:default}
JAEGER_PROPAGATION b4 => JAEGER_PROPAGATION="b4": unknown; use jaeger, w3c, tracecontext, baggage, b3, b3single or none
JAEGER_ENDPOINT http://u:hunter2@ => JAEGER_ENDPOINT="…": not an address of a collector; use http://host:port/path or https://host:port/path
JAEGER_REPORTER_ENDPOINT $(URL) => JAEGER_REPORTER_ENDPOINT="…": not an address of a collector; use http://host:port/path or https://host:port/path
"#;
    for row in cases.lines().filter(|row| !row.is_empty()) {
        let (given, text) = row.split_once(" => ").unwrap();
        let (name, value) = given.split_once(' ').unwrap();
        assert_eq!(variable_error(name, value), text);
    }
}
