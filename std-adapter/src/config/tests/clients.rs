//! Every key and every variable of Jaeger's clients: its value in that client's spelling, and what
//! it does here. The names are those of the clients' last releases.

use picojaeger_core::Format;

use super::*;

type Check = fn(&Settings) -> bool;

const INTERVAL: Duration = Duration::from_millis(1500);

/// jaeger-client-go 2.30: the keys of its `Configuration`.
const GO: &[(&str, Check)] = &[
    ("serviceName: n", |s| s.process.service_name == "n"),
    ("disabled: true", |s| s.disabled),
    ("rpc_metrics: true", |s| s.spans.rpc_metrics),
    ("traceid_128bit: false", |s| !s.trace_id_128bit),
    ("tags: [{key: a, value: b}]", has_tag),
    ("sampler: {type: const, param: 1}", |s| {
        s.sampler == Sampler::Const(true)
    }),
    ("sampler: {type: probabilistic, param: 0.5}", |s| {
        s.sampler == Sampler::Probabilistic(0.5)
    }),
    ("sampler: {type: ratelimiting, param: 2}", |s| {
        s.sampler == Sampler::RateLimiting(2.0)
    }),
    ("sampler: {type: remote, param: 0.5}", |s| {
        s.sampler == Sampler::Remote(0.5)
    }),
    ("sampler: {samplingServerURL: 'http://h:7/s'}", |s| {
        s.sampling.server_url == "http://h:7/s"
    }),
    (
        "sampler: {samplingRefreshInterval: 1500ms}",
        sampling_refresh,
    ),
    (
        "sampler: {samplingrefreshinterval: 1500ms}",
        sampling_refresh,
    ),
    ("sampler: {maxOperations: 7}", |s| {
        s.sampling.max_operations == 7
    }),
    ("sampler: {operationNameLateBinding: true}", |s| {
        s.sampling.late_binding
    }),
    ("reporter: {queueSize: 2048}", queue),
    ("reporter: {bufferFlushInterval: 1.5s}", flush),
    ("reporter: {bufferflushinterval: 1.5s}", flush),
    ("reporter: {logSpans: true}", |s| s.reporter.log_spans),
    ("reporter: {localAgentHostPort: 'h:7'}", agent),
    ("reporter: {disableAttemptReconnecting: true}", |s| {
        s.agent.resolve_interval.is_none()
    }),
    ("reporter: {attemptReconnectInterval: 1500ms}", resolve),
    ("reporter: {attemptreconnectinterval: 1500ms}", resolve),
    ("reporter: {collectorEndpoint: 'http://h:7/c'}", collector),
    (
        "reporter: {collectorEndpoint: 'http://h:7/c', user: u, password: p}",
        |s| header(s, "authorization", "Basic dTpw"),
    ),
    (
        "reporter: {collectorEndpoint: 'http://h:7/c', http_headers: {x-a: b}}",
        |s| header(s, "x-a", "b"),
    ),
    ("headers: {jaegerDebugHeader: x-d}", |s| {
        s.propagation.headers.debug_id == "x-d"
    }),
    ("headers: {jaegerBaggageHeader: x-b}", |s| {
        s.propagation.headers.baggage == "x-b"
    }),
    ("headers: {TraceContextHeaderName: x-t}", |s| {
        s.propagation.headers.trace_context == "x-t"
    }),
    ("headers: {traceBaggageHeaderPrefix: x-p-}", |s| {
        s.propagation.headers.baggage_prefix == "x-p-"
    }),
    (
        "baggage_restrictions: {denyBaggageOnInitializationFailure: true}",
        |s| {
            s.restrictions
                .as_ref()
                .is_some_and(|it| it.deny_until_answered)
        },
    ),
    ("baggage_restrictions: {hostPort: 'h:7'}", |s| {
        s.restrictions.as_ref().is_some_and(|it| {
            it.server_url == "http://h:7" && it.refresh_interval == Duration::from_secs(60)
        })
    }),
    ("baggage_restrictions: {refreshInterval: 1500ms}", |s| {
        s.restrictions
            .as_ref()
            .is_some_and(|it| it.refresh_interval == INTERVAL)
    }),
    ("throttler: {hostPort: 'h:7'}", |s| {
        s.throttler.as_ref().is_some_and(|it| {
            it.server_url == "http://h:7" && it.refresh_interval == Duration::from_secs(5)
        })
    }),
    ("throttler: {refreshInterval: 1500ms}", throttler_refresh),
    ("throttler: {synchronousInitialization: true}", |s| {
        s.throttler.as_ref().is_some_and(|it| it.synchronous)
    }),
];

/// jaeger-client-cpp 0.9: what it has beside Go's keys.
const CPP: &[(&str, Check)] = &[
    ("propagation_format: w3c", |s| {
        s.propagation.formats == [Format::TraceContext, Format::Baggage]
    }),
    ("reporter: {endpoint: 'http://h:7/c'}", collector),
];

/// jaeger-client-python 4.8.
const PYTHON: &[(&str, Check)] = &[
    ("service_name: n", |s| s.process.service_name == "n"),
    ("enabled: false", |s| s.disabled),
    ("logging: true", |s| s.reporter.log_spans),
    ("tags: {a: b}", has_tag),
    ("propagation: b3", |s| {
        s.propagation.formats == [Format::B3Multi]
    }),
    ("sampler: {type: rate_limiting, param: 2}", |s| {
        s.sampler == Sampler::RateLimiting(2.0)
    }),
    ("sampling_refresh_interval: 1.5", sampling_refresh),
    ("max_operations: 7", |s| s.sampling.max_operations == 7),
    ("reporter_queue_size: 2048", queue),
    ("reporter_flush_interval: 1.5", flush),
    ("local_agent: {reporting_host: h, reporting_port: 7}", agent),
    ("local_agent: {reporting_host: h, sampling_port: 7}", |s| {
        s.sampling.server_url == "http://h:7"
    }),
    ("throttler: {port: 7}", |s| {
        throttled_at(s, "http://localhost:7")
    }),
    (
        "local_agent: {reporting_host: h}\nthrottler: {port: 7}",
        |s| throttled_at(s, "http://h:7"),
    ),
    ("throttler: {refresh_interval: 1.5}", throttler_refresh),
    ("trace_id_header: x-t", |s| {
        s.propagation.headers.trace_context == "x-t"
    }),
    ("baggage_header_prefix: x-p-", |s| {
        s.propagation.headers.baggage_prefix == "x-p-"
    }),
    ("debug_id_header: x-d", |s| {
        s.propagation.headers.debug_id == "x-d"
    }),
    ("generate_128bit_trace_id: false", |s| !s.trace_id_128bit),
    ("max_tag_value_length: 7", |s| s.max_tag_value_length == 7),
    ("max_traceback_length: 7", |s| {
        s.spans.max_traceback_length == 7
    }),
];

/// jaeger-client-node 3.19.
const NODE: &[(&str, Check)] = &[
    ("serviceName: n", |s| s.process.service_name == "n"),
    ("disable: true", |s| s.disabled),
    ("traceId128bit: false", |s| !s.trace_id_128bit),
    ("sampler: {hostPort: 'h:7'}", |s| {
        s.sampling.server_url == "http://h:7"
    }),
    ("sampler: {host: h, port: 7, samplingPath: /a}", |s| {
        s.sampling.server_url == "http://h:7/a"
    }),
    ("sampler: {refreshIntervalMs: 1500}", sampling_refresh),
    ("reporter: {logSpans: true}", |s| s.reporter.log_spans),
    ("reporter: {agentHost: h, agentPort: 7}", agent),
    ("reporter: {agentSocketType: udp6}", |s| {
        s.agent.ip_version == IpVersion::V6
    }),
    ("reporter: {collectorEndpoint: 'http://h:7/c'}", collector),
    (
        "reporter: {collectorEndpoint: 'http://h:7/c', username: u, password: p}",
        |s| header(s, "authorization", "Basic dTpw"),
    ),
    ("reporter: {flushIntervalMs: 1500}", flush),
    (
        "reporter: {collectorEndpoint: 'http://h:7/c', timeoutMs: 1500}",
        timeout,
    ),
    ("throttler: {host: h, port: 7}", |s| {
        throttled_at(s, "http://h:7")
    }),
    ("throttler: {refreshIntervalMs: 1500}", throttler_refresh),
];

/// Our own spelling of what the others test.
const OURS: &[(&str, Check)] = &[
    ("throttler: true", |s| {
        throttled_at(s, "http://localhost:5778")
    }),
    ("throttler: {server_url: 'http://h:7/c'}", |s| {
        throttled_at(s, "http://h:7/c")
    }),
    ("throttler: {refresh_interval: 1500ms}", throttler_refresh),
    ("throttler: {synchronous: true}", |s| {
        s.throttler.as_ref().is_some_and(|it| it.synchronous)
    }),
    ("baggage_restrictions: true", |s| s.restrictions.is_some()),
    ("baggage_restrictions: {server_url: 'h:7/r'}", |s| {
        s.restrictions
            .as_ref()
            .is_some_and(|it| it.server_url == "http://h:7/r")
    }),
    ("baggage_restrictions: {refresh_interval: 1500ms}", |s| {
        s.restrictions
            .as_ref()
            .is_some_and(|it| it.refresh_interval == INTERVAL)
    }),
    ("baggage_restrictions: {deny_until_answered: true}", |s| {
        s.restrictions
            .as_ref()
            .is_some_and(|it| it.deny_until_answered)
    }),
];

/// The variables of Go, Java, Python and Node, in each unit.
const VARIABLES: &[(&str, Check)] = &[
    ("SERVICE_NAME=n", |s| s.process.service_name == "n"),
    ("DISABLED=true", |s| s.disabled),
    ("AGENT_HOST=h AGENT_PORT=7", agent),
    ("AGENT_SOCKET_TYPE=udp6", |s| {
        s.agent.ip_version == IpVersion::V6
    }),
    ("ENDPOINT=http://h:7/c", collector),
    ("ENDPOINT=http://h:7/c USER=u PASSWORD=p", |s| {
        header(s, "authorization", "Basic dTpw")
    }),
    ("ENDPOINT=http://h:7/c AUTH_TOKEN=t", |s| {
        header(s, "authorization", "Bearer t")
    }),
    ("PROPAGATION=b3", |s| {
        s.propagation.formats == [Format::B3Multi]
    }),
    ("REPORTER_LOG_SPANS=true", |s| s.reporter.log_spans),
    ("REPORTER_MAX_QUEUE_SIZE=2048", queue),
    ("REPORTER_FLUSH_INTERVAL=1500", flush),
    ("REPORTER_FLUSH_INTERVAL=1.5s", flush),
    ("ENDPOINT=http://h:7/c REPORTER_TIMEOUT=1500", timeout),
    ("REPORTER_ATTEMPT_RECONNECTING_DISABLED=true", |s| {
        s.agent.resolve_interval.is_none()
    }),
    ("REPORTER_ATTEMPT_RECONNECT_INTERVAL=1500ms", resolve),
    ("SAMPLER_TYPE=ratelimiting SAMPLER_PARAM=2", |s| {
        s.sampler == Sampler::RateLimiting(2.0)
    }),
    ("SAMPLING_ENDPOINT=http://h:7/s", |s| {
        s.sampling.server_url == "http://h:7/s"
    }),
    ("SAMPLER_MANAGER_HOST_PORT=h:7", |s| {
        s.sampling.server_url == "http://h:7"
    }),
    ("AGENT_HOST=h", |s| s.sampling.server_url == "http://h:5778"),
    ("SAMPLER_MAX_OPERATIONS=7", |s| {
        s.sampling.max_operations == 7
    }),
    ("SAMPLER_REFRESH_INTERVAL=1500", sampling_refresh),
    ("SAMPLER_REFRESH_INTERVAL=1500ms", sampling_refresh),
    (
        "SAMPLER_HOST=h SAMPLER_PORT=7 SAMPLER_SAMPLING_PATH=/a",
        |s| s.sampling.server_url == "http://h:7/a",
    ),
    ("TAGS=a=${UNSET:b}", has_tag),
    ("TRACEID_128BIT=false", |s| !s.trace_id_128bit),
    ("RPC_METRICS=true", |s| s.spans.rpc_metrics),
    // Node's old names.
    ("DISABLE=true", |s| s.disabled),
    ("REPORTER_AGENT_HOST=h REPORTER_AGENT_PORT=7", agent),
    ("REPORTER_ENDPOINT=http://h:7/c", collector),
    (
        "ENDPOINT=http://h:7/c REPORTER_USER=u REPORTER_PASSWORD=p",
        |s| header(s, "authorization", "Basic dTpw"),
    ),
];

/// Keys and variables that are read and change nothing, each with a warning.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("metrics: true", "metrics"),
    ("reporter_batch_size: 10", "reporter_batch_size"),
    ("sampler: {options: {a: b}}", "sampler.options"),
];

#[test]
fn every_key_of_every_client_does_what_it_says() {
    let defaults = of_file("");
    for (yaml, check) in [GO, CPP, PYTHON, NODE, OURS].concat() {
        assert!(!check(&defaults), "{yaml} proves nothing");
        assert!(check(&of_file(yaml)), "{yaml}");
    }
}

#[test]
fn every_variable_of_every_client_does_what_it_says() {
    let defaults = of_variables("");
    for (text, check) in VARIABLES {
        assert!(!check(&defaults), "{text} proves nothing");
        assert!(check(&of_variables(text)), "{text}");
    }
}

#[test]
fn keys_without_effect_say_so() {
    let defaults = of_file("");
    for (yaml, key) in WITHOUT_EFFECT {
        assert_eq!(of_file(yaml), defaults, "{yaml}");
        let config = Config::from_yaml_str("t.yaml", &format!("service_name: s\n{yaml}"));
        let warnings = warnings(&config.unwrap());
        assert!(
            matches!(&warnings[..], [one] if one.contains(&format!("`{key}`")) && one.contains("no effect")),
            "{warnings:?}"
        );
    }
    let sender = [("JAEGER_SENDER_FACTORY", "http")];
    let config = Config::new("s").with_variables(sender).unwrap();
    assert!(warnings(&config)[0].contains("no effect"));
}

/// The settings of a file; a service name is added where it has none.
fn of_file(yaml: &str) -> Settings {
    let name = match yaml.contains("ervice") {
        true => "",
        false => "service_name: s\n",
    };
    Config::from_yaml_str("t.yaml", &format!("{name}{yaml}"))
        .and_then(|config| config.with_variables(NO_VARIABLES))
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

/// The settings of variables `NAME=value …`, without their prefix.
fn of_variables(text: &str) -> Settings {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (format!("JAEGER_{name}"), value.to_owned()));
    let name = match text.contains("SERVICE_NAME") {
        true => None,
        false => Some(("JAEGER_SERVICE_NAME".into(), "s".into())),
    };
    let config = Config::default().with_variables(pairs.chain(name));
    config
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn has_tag(s: &Settings) -> bool {
    s.process.tags == [("a".to_owned(), TagValue::from("b"))]
}

fn sampling_refresh(s: &Settings) -> bool {
    s.sampling.refresh_interval == INTERVAL
}

fn throttler_refresh(s: &Settings) -> bool {
    s.throttler
        .as_ref()
        .is_some_and(|it| it.refresh_interval == INTERVAL)
}

fn throttled_at(s: &Settings, url: &str) -> bool {
    s.throttler.as_ref().is_some_and(|it| it.server_url == url)
}

fn queue(s: &Settings) -> bool {
    s.reporter.memory_limit == 2048 * 2_340 + (2 << 20)
}

fn flush(s: &Settings) -> bool {
    s.reporter.flush_interval == INTERVAL
}

fn agent(s: &Settings) -> bool {
    (s.agent.host.as_str(), s.agent.port) == ("h", 7)
}

fn resolve(s: &Settings) -> bool {
    s.agent.resolve_interval == Some(INTERVAL)
}

fn collector(s: &Settings) -> bool {
    s.collector
        .as_ref()
        .is_some_and(|it| it.endpoint.to_string() == "http://h:7/c")
}

fn timeout(s: &Settings) -> bool {
    s.collector
        .as_ref()
        .is_some_and(|it| it.timeout == Some(INTERVAL))
}

fn header(s: &Settings, name: &str, value: &str) -> bool {
    let headers = s.collector.iter().flat_map(|it| &it.headers);
    let mut found = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found
        .next()
        .is_some_and(|(_, found)| found.expose() == value)
}
