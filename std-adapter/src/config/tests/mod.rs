//! Rules of the whole configuration, and the text of each error.

use std::time::Duration;

use super::*;

const CONST: &str = "service_name: s\nsampler: {type: const, param: 1}\n";
const NO_VARIABLES: [(&str, &str); 0] = [];

/// Settings of a file with service name and sampler, and of variables.
fn settings(yaml: &str, variables: &[(&str, &str)]) -> Settings {
    Config::from_yaml_str("t.yaml", &format!("{CONST}{yaml}"))
        .and_then(|config| config.with_variables(variables.iter().copied()))
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{yaml} {variables:?}: {error}"))
}

/// The error of a file alone, whether it comes from reading or from resolving.
fn error(yaml: &str) -> String {
    Config::from_yaml_str("t.yaml", yaml)
        .and_then(|config| config.resolve())
        .expect_err(yaml)
        .to_string()
}

/// Checks rows of `yaml => error`, without the file's name; `\n` in the YAML is a new line.
fn check_errors(rows: &str) {
    for row in rows.lines().filter(|row| !row.is_empty()) {
        let (yaml, text) = row.split_once(" => ").unwrap();
        let yaml = yaml.replace("\\n", "\n");
        assert_eq!(error(&yaml), format!("t.yaml:{text}"), "{yaml}");
    }
}

fn variable_error(name: &str, value: &str) -> String {
    Config::from_yaml_str("t.yaml", CONST)
        .and_then(|config| config.with_variables([(name, value)]))
        .and_then(|config| config.resolve())
        .expect_err(name)
        .to_string()
}

fn sampler_of(yaml: &str) -> Sampler {
    Config::from_yaml_str("t.yaml", &format!("service_name: s\nsampler: {yaml}"))
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{yaml}: {error}"))
        .sampler
}

#[test]
fn defaults_are_those_of_the_clients() {
    let expected = Settings {
        disabled: false,
        trace_id_128bit: false,
        max_tag_value_length: 1024,
        clock: ClockSource::Auto,
        process: ProcessSettings {
            service_name: "s".into(),
            tags: Vec::new(),
        },
        sampler: Sampler::Const(true),
        agent: AgentSettings {
            enabled: true,
            host: "localhost".into(),
            port: 6831,
            ip_version: IpVersion::Any,
            max_packet_size: 65_000,
            resolve_interval: Some(Duration::from_secs(30)),
        },
        reporter: ReporterSettings {
            flush_interval: Duration::from_secs(1),
            memory_limit: 16 * 1024 * 1024,
            log_spans: false,
            flush_at_exit: true,
            background: true,
        },
        propagation: PropagationSettings {
            headers: HeaderNames {
                trace_context: "uber-trace-id".into(),
                baggage_prefix: "uberctx-".into(),
                debug_id: "jaeger-debug-id".into(),
                baggage: "jaeger-baggage".into(),
            },
        },
    };
    assert_eq!(settings("", &[]), expected);
    let code = Config::new("s").sampler(Sampler::Const(true));
    assert_eq!(code.resolve().unwrap(), expected);
}

#[test]
fn the_quickstart_resolves() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/quickstart.yaml");
    let settings = Config::from_yaml_file(path).unwrap().resolve().unwrap();
    assert_eq!(settings.process.service_name, "your-app-name");
    assert_eq!(settings.sampler, Sampler::Const(true));
    assert!(settings.reporter.log_spans);
}

#[test]
fn the_getting_started_form_is_read() {
    let nested = "config:\n  sampler: {type: const, param: 1}\n  logging: True\n\
                  service_name: your-app-name\n";
    let config = Config::from_yaml_str("t.yaml", nested).unwrap();
    let settings = config.resolve().unwrap();
    assert_eq!(settings.process.service_name, "your-app-name");
    assert!(settings.reporter.log_spans);
}

#[test]
fn all_spellings_reach_their_setting() {
    type Check = fn(&Settings) -> bool;
    let host: Check = |s| s.agent.host == "h";
    let port: Check = |s| s.agent.port == 7;
    let v6: Check = |s| s.agent.ip_version == IpVersion::V6;
    let packet: Check = |s| s.agent.max_packet_size == 1400;
    let flush: Check = |s| s.reporter.flush_interval == Duration::from_millis(1500);
    let memory: Check = |s| s.reporter.memory_limit == 2 << 20;
    let log: Check = |s| s.reporter.log_spans;
    let wide: Check = |s| s.trace_id_128bit;
    let context: Check = |s| s.propagation.headers.trace_context == "x-t";
    let prefix: Check = |s| s.propagation.headers.baggage_prefix == "x-b-";
    let debug: Check = |s| s.propagation.headers.debug_id == "x-d";
    let baggage: Check = |s| s.propagation.headers.baggage == "x-g";
    let cases: &[(&str, Check)] = &[
        ("agent_host: h", host),
        ("reporter: {agent_host: h}", host),
        ("reporter: {agentHost: h}", host),
        ("local_agent: {reporting_host: h, enabled: true}", host),
        ("agent_port: 7", port),
        ("reporter: {agent_port: 7}", port),
        ("reporter: {agentPort: 7}", port),
        ("local_agent: {reporting_port: 7}", port),
        ("reporter: {localAgentHostPort: 'h:7'}", host),
        ("reporter: {localAgentHostPort: 'h:7'}", port),
        ("reporter: {localAgentHostPort: '[::1]:7'}", |s| {
            s.agent.host == "::1" && s.agent.port == 7
        }),
        ("agent_host: '[::1]'", |s| s.agent.host == "::1"),
        ("agent_host: 'fe80::1%eth0'", |s| {
            s.agent.host == "fe80::1%eth0"
        }),
        ("agent_socket_type: udp6", v6),
        ("reporter: {agent_socket_type: udp6}", v6),
        ("reporter: {agentSocketType: udp6}", v6),
        ("max_packet_size: 1400", packet),
        ("reporter: {max_packet_size: 1400}", packet),
        ("flush_interval: 1500ms", flush),
        ("reporter: {flush_interval: 1.5s}", flush),
        ("reporter: {bufferFlushInterval: 1s500ms}", flush),
        ("reporter: {bufferflushinterval: 1s500ms}", flush),
        ("reporter: {flushIntervalMs: 1500}", flush),
        ("reporter_flush_interval: 1.5", flush),
        ("reporter_flush_interval: 3", |s| {
            s.reporter.flush_interval == Duration::from_secs(3)
        }),
        ("memory_limit: 2097152", memory),
        ("memory_limit: 2MiB", memory),
        ("memory_limit: 2048 KiB", memory),
        ("reporter: {memory_limit: 2MiB}", memory),
        ("reporter_queue_size: 2048", memory),
        ("reporter: {queue_size: 2048}", memory),
        ("reporter: {queueSize: 2048}", memory),
        ("reporter_queue_size: 100", |s| {
            s.reporter.memory_limit == 1 << 20
        }),
        ("log_spans: yes", log),
        ("logging: on", log),
        ("reporter: {log_spans: true}", log),
        ("reporter: {logSpans: True}", log),
        ("trace_id_128bit: true", wide),
        ("generate_128bit_trace_id: true", wide),
        ("traceid_128bit: true", wide),
        ("traceId128bit: true", wide),
        ("max_tag_value_length: 9", |s| s.max_tag_value_length == 9),
        ("headers: {trace_context: X-T}", context),
        ("headers: {TraceContextHeaderName: x-t}", context),
        ("trace_id_header: x-t", context),
        ("headers: {baggage_prefix: x-b-}", prefix),
        ("headers: {traceBaggageHeaderPrefix: X-B-}", prefix),
        ("baggage_header_prefix: x-b-", prefix),
        ("headers: {debug_id: x-d}", debug),
        ("headers: {jaegerDebugHeader: x-d}", debug),
        ("debug_id_header: x-d", debug),
        ("headers: {baggage: x-g}", baggage),
        ("headers: {jaegerBaggageHeader: x-g}", baggage),
        ("clock: tsc", |s| s.clock == ClockSource::Tsc),
        ("clock: system", |s| s.clock == ClockSource::System),
        ("flush_at_exit: no", |s| !s.reporter.flush_at_exit),
        ("resolve_interval: 1m", |s| {
            s.agent.resolve_interval == Some(Duration::from_secs(60))
        }),
        ("reporter: {attemptReconnectInterval: 2s}", |s| {
            s.agent.resolve_interval == Some(Duration::from_secs(2))
        }),
        ("reporter: {attemptreconnectinterval: 2s}", |s| {
            s.agent.resolve_interval == Some(Duration::from_secs(2))
        }),
        ("reporter: {disableAttemptReconnecting: true}", |s| {
            s.agent.resolve_interval.is_none()
        }),
        ("disabled: true", |s| s.disabled),
        ("disable: true", |s| s.disabled),
        ("enabled: false", |s| s.disabled),
    ];
    let defaults = settings("", &[]);
    for (yaml, check) in cases {
        assert!(!check(&defaults), "{yaml} proves nothing");
        assert!(check(&settings(yaml, &[])), "{yaml}");
    }
    let name = Config::from_yaml_str("t.yaml", "serviceName: n\nsampler: {type: const, param: 1}");
    assert_eq!(name.unwrap().resolve().unwrap().process.service_name, "n");
}

#[test]
fn files_of_other_editors_are_read() {
    let expected = settings("agent_port: 7", &[]);
    let text = format!("{CONST}agent_port: 7\n");
    for text in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        format!("---\n{text}...\n"),
        format!("%YAML 1.1\n---\n{text}"),
    ] {
        let config = Config::from_yaml_str("t.yaml", &text).unwrap();
        assert_eq!(config.resolve().unwrap(), expected, "{text:?}");
    }
}

#[test]
fn what_is_off_or_as_it_is_anyway_is_accepted() {
    let cases = [
        "metrics: false",
        "rpc_metrics: no",
        "propagation: jaeger",
        "local_agent: {enabled: true}",
        "throttler:",
        "throttler: false",
        "sampling_refresh_interval:",
        "reporter: {collectorEndpoint: ''}",
        "reporter:",
        "agent_port: ~",
    ];
    for yaml in cases {
        assert_eq!(settings(yaml, &[]), settings("", &[]), "{yaml}");
    }
    assert_eq!(
        settings("", &[("JAEGER_RPC_METRICS", "false")]),
        settings("", &[])
    );
    assert_eq!(
        settings("", &[("JAEGER_PROPAGATION", "jaeger")]),
        settings("", &[])
    );
}

#[test]
fn samplers_are_read() {
    let cases = [
        ("{type: const, param: 1}", Sampler::Const(true)),
        ("{type: const, param: 0}", Sampler::Const(false)),
        ("{type: const, param: 1.0}", Sampler::Const(true)),
        ("{type: const, param: true}", Sampler::Const(true)),
        ("{type: const, param: no}", Sampler::Const(false)),
        (
            "{type: probabilistic, param: 0.25}",
            Sampler::Probabilistic(0.25),
        ),
        (
            "{type: probabilistic, param: 1}",
            Sampler::Probabilistic(1.0),
        ),
        (
            "{type: ratelimiting, param: 2.1}",
            Sampler::RateLimiting(2.1),
        ),
        (
            "{type: rate_limiting, param: 0}",
            Sampler::RateLimiting(0.0),
        ),
        (
            "{type: const, param: 1, operationNameLateBinding: false}",
            Sampler::Const(true),
        ),
    ];
    for (yaml, sampler) in cases {
        assert_eq!(sampler_of(yaml), sampler, "{yaml}");
    }
}

#[test]
fn tags_have_types_and_merge_by_key() {
    let yaml = "tags: {a: text, b: yes, c: 3, d: 0.5, e: '7', f: y, g: 18446744073709551615}";
    let expected = vec![
        ("a".to_string(), TagValue::from("text")),
        ("b".into(), TagValue::from(true)),
        ("c".into(), TagValue::from(3)),
        ("d".into(), TagValue::from(0.5)),
        ("e".into(), TagValue::from("7")),
        ("f".into(), TagValue::from("y")),
        ("g".into(), TagValue::from("18446744073709551615")),
    ];
    assert_eq!(settings(yaml, &[]).process.tags, expected);

    let list = "tags:\n  - {key: a, value: 1}\n  - {value: x, key: b}";
    let expected = [("a".to_string(), 1.into()), ("b".to_string(), "x".into())];
    assert_eq!(settings(list, &[]).process.tags, expected);

    let tags = Config::from_yaml_str("t.yaml", &format!("{CONST}tags: {{a: 1, b: 2, c: 3}}"))
        .unwrap()
        .with_variables([("JAEGER_TAGS", "b=B,d=D,c=C")])
        .unwrap()
        .tag("c", 0.5)
        .tag("c", true)
        .tag("e", "E")
        .resolve()
        .unwrap()
        .process
        .tags;
    let expected: [(String, TagValue); 5] = [
        ("a".into(), 1.into()),
        ("b".into(), "B".into()),
        ("c".into(), true.into()),
        ("d".into(), "D".into()),
        ("e".into(), "E".into()),
    ];
    assert_eq!(tags, expected);
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
        assert_eq!(settings("", &variables).process.tags, expected, "{text}");
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
            s.reporter.memory_limit == 2 << 20
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
        ("JAEGER_TRACEID_128BIT", "on", |s| s.trace_id_128bit),
    ];
    let defaults = settings("", &[]);
    for (name, value, check) in cases {
        assert!(!check(&defaults), "{name} proves nothing");
        assert!(check(&settings("", &[(name, value)])), "{name}={value}");
        assert_eq!(settings("", &[(name, "")]), defaults, "{name} empty");
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
    assert_eq!(settings("", &variables), settings("", &[]));
}

#[test]
fn code_wins_over_environment_over_file_in_any_order() {
    let config = Config::from_yaml_str(
        "t.yaml",
        &format!("{CONST}agent_host: file\nagent_port: 1\nclock: tsc"),
    )
    .unwrap()
    .agent_host("code")
    .with_variables([
        ("JAEGER_AGENT_HOST", "variable"),
        ("JAEGER_AGENT_PORT", "2"),
    ])
    .unwrap();
    let settings = config.resolve().unwrap();
    assert_eq!(settings.agent.host, "code");
    assert_eq!(settings.agent.port, 2);
    assert_eq!(settings.clock, ClockSource::Tsc);
    assert_eq!(
        config.agent_host("later").resolve().unwrap().agent.host,
        "later"
    );
}

#[test]
fn sampler_type_and_param_follow_their_layers() {
    let resolve = |variables: &[(&str, &str)]| {
        Config::from_yaml_str("t.yaml", CONST)
            .and_then(|config| config.with_variables(variables.iter().copied()))
            .and_then(|config| config.resolve())
            .map(|settings| settings.sampler)
            .map_err(|error| error.to_string())
    };
    let (kind, param) = ("JAEGER_SAMPLER_TYPE", "JAEGER_SAMPLER_PARAM");
    assert_eq!(
        resolve(&[(kind, "probabilistic"), (param, "0.5")]),
        Ok(Sampler::Probabilistic(0.5))
    );
    assert_eq!(
        resolve(&[(kind, "probabilistic")]),
        Err(
            "JAEGER_SAMPLER_TYPE: the sampler has no parameter; set JAEGER_SAMPLER_PARAM beside it"
                .into()
        )
    );
    assert_eq!(resolve(&[(param, "0")]), Ok(Sampler::Const(false)));
    assert_eq!(
        resolve(&[(param, "0.5")]),
        Err(
            "JAEGER_SAMPLER_PARAM=0.5: not a decision; use 0 or 1, true or false, for a const \
             sampler"
                .into()
        )
    );
    let remote = "service_name: s\nsampler: {type: remote}";
    let config = Config::from_yaml_str("t.yaml", remote).unwrap();
    let config = config
        .with_variables([(kind, "const"), (param, "1")])
        .unwrap();
    assert_eq!(config.resolve().unwrap().sampler, Sampler::Const(true));
}

#[test]
fn a_disabled_tracer_needs_nothing() {
    for yaml in [
        "disabled: true",
        "enabled: no",
        "disable: on\nsampler: {type: remote}",
    ] {
        let settings = Config::from_yaml_str("t.yaml", yaml)
            .unwrap()
            .resolve()
            .unwrap();
        assert!(settings.disabled, "{yaml}");
        assert_eq!(settings.sampler, Sampler::Const(false), "{yaml}");
        assert_eq!(settings.process.service_name, "", "{yaml}");
    }
    assert!(Config::default().disabled(true).resolve().is_ok());
}

#[test]
fn the_same_setting_twice_must_agree() {
    let agreeing = "flush_interval: 2s\nreporter_flush_interval: 2\nenabled: true\ndisabled: no";
    assert_eq!(
        settings(agreeing, &[]).reporter.flush_interval,
        Duration::from_secs(2)
    );
    assert_eq!(
        error("flush_interval: 1s\nreporter_flush_interval: 2"),
        "t.yaml:2:26: `reporter_flush_interval` contradicts `flush_interval` in line 1; keep one"
    );
    assert_eq!(
        error("reporter: {localAgentHostPort: 'a:1'}\nagent_host: b"),
        "t.yaml:2:13: `agent_host` contradicts `reporter.localAgentHostPort` in line 1; keep one"
    );
    assert_eq!(
        error("agent_port: 1\n\nagent_port: 1"),
        "t.yaml:3:1: `agent_port` is a duplicate of the key in line 1; keep one"
    );
    assert_eq!(
        error("tags:\n  a: 1\n  a: 2"),
        "t.yaml:3:3: `tags.a` is a duplicate of the key in line 2; keep one"
    );
}

#[test]
fn unknown_keys_name_the_nearest() {
    check_errors(
        r#"
sampler:\n    parm: 1 => 2:5: unknown key `sampler.parm`; did you mean `param`?
servicename: s => 1:1: unknown key `servicename`; did you mean `serviceName`?
sampler_type: c => 1:1: unknown key `sampler_type`; did you mean `sampler.type`?
flushIntervalMs: 1 => 1:1: unknown key `flushIntervalMs`; did you mean `reporter.flushIntervalMs`?
repoter: {} => 1:1: unknown key `repoter`; did you mean `reporter`?
sampler: {agent_host: h} => 1:11: unknown key `sampler.agent_host`; did you mean `agent_host`?
zzz: 1 => 1:1: unknown key `zzz`
host: h => 1:1: unknown key `host`
"#,
    );
    let hostile = error("'a\u{1b}[0m\n  b': 1");
    assert!(!hostile.contains(['\u{1b}', '\n']), "{hostile:?}");
}

#[test]
fn wrong_values_name_place_value_and_range() {
    check_errors(
        r#"
agent_port: abc => 1:13: `agent_port: abc`: not a port; use 1 to 65535
agent_port: 0 => 1:13: `agent_port: 0`: not a port; use 1 to 65535
agent_port: 65536 => 1:13: `agent_port: 65536`: not a port; use 1 to 65535
agent_port: -1 => 1:13: `agent_port: -1`: not a port; use 1 to 65535
agent_port: '6831' => 1:13: `agent_port: "6831"`: not a port; use 1 to 65535
agent_port: [1] => 1:13: `agent_port: […]`: not a port; use 1 to 65535
service_name: 5 => 1:15: `service_name: 5`: not text; use quotes around it
service_name: yes => 1:15: `service_name: true`: not text; use quotes around it
service_name: [a] => 1:15: `service_name: […]`: not text; use text
logging: 'yes' => 1:10: `logging: "yes"`: neither true nor false; use true or false
service_name: '' => 1:15: `service_name: ""`: an empty service name; use the name under which the traces shall appear
logging: 1 => 1:10: `logging: 1`: neither true nor false; use true or false
logging: y => 1:10: `logging: y`: neither true nor false; use true or false
sampler: const => 1:10: `sampler: const`: not a map; use keys and values below it
sampler: {type: foo} => 1:17: `sampler.type: foo`: unknown; use const, probabilistic or ratelimiting
sampler: {param: .nan} => 1:18: `sampler.param: NaN`: not a sampler parameter; use a number of 0 or more
sampler: {param: -1} => 1:18: `sampler.param: -1`: not a sampler parameter; use a number of 0 or more
sampler: {param: x} => 1:18: `sampler.param: x`: not a number; use a number; for const also true or false
sampler: {type: probabilistic, param: 1.5} => 1:39: `sampler.param: 1.5`: not a probability; use 0 to 1 for a probabilistic sampler
sampler: {type: probabilistic, param: yes} => 1:39: `sampler.param: true`: not a number; use a number for this type of sampler
sampler: {type: const, param: 2} => 1:31: `sampler.param: 2`: not a decision; use 0 or 1, true or false, for a const sampler
sampler: {type: ratelimiting, param: .inf} => 1:38: `sampler.param: inf`: not a sampler parameter; use a number of 0 or more
reporter: {bufferFlushInterval: 1} => 1:33: `reporter.bufferFlushInterval: 1`: a number without a unit; use a number with a unit, such as 1s, 500ms or 1m1s
flush_interval: 1 s => 1:17: `flush_interval: 1 s`: not a duration; use a number with a unit, such as 1s, 500ms or 1m1s
flush_interval: 0s => 1:17: `flush_interval: 0s`: out of range; use 1 millisecond to 1 day
reporter_flush_interval: 1s => 1:26: `reporter_flush_interval: 1s`: not a time in seconds; use a number, such as 1 or 0.5
reporter_flush_interval: -1 => 1:26: `reporter_flush_interval: -1`: not a time in seconds; use a number, such as 1 or 0.5
reporter: {flushIntervalMs: 1s} => 1:29: `reporter.flushIntervalMs: 1s`: not a time in milliseconds; use a whole number, such as 1000
max_packet_size: 511 => 1:18: `max_packet_size: 511`: out of range; use 512 to 65000 bytes
max_packet_size: 65001 => 1:18: `max_packet_size: 65001`: out of range; use 512 to 65000 bytes
max_packet_size: -1 => 1:18: `max_packet_size: -1`: not a size; use a whole number of bytes
memory_limit: 1048575 => 1:15: `memory_limit: 1048575`: out of range; use 1 MiB to 1 GiB: bytes, or text such as 16MiB
memory_limit: 2GiB => 1:15: `memory_limit: 2GiB`: out of range; use 1 MiB to 1 GiB: bytes, or text such as 16MiB
memory_limit: 16MB => 1:15: `memory_limit: 16MB`: not a size; use 1 MiB to 1 GiB: bytes, or text such as 16MiB
reporter_queue_size: 0 => 1:22: `reporter_queue_size: 0`: not a queue size; use 1 to 1048576 spans
max_tag_value_length: 0 => 1:23: `max_tag_value_length: 0`: out of range; use 1 to 65000 bytes
agent_host: 'http://h' => 1:13: `agent_host: http://h`: not a host; use a name or an IP address, without scheme and port
agent_host: 'h:6831' => 1:13: `agent_host: h:6831`: not a host; use a name or an IP address, without scheme and port
reporter: {localAgentHostPort: h} => 1:32: `reporter.localAgentHostPort: h`: not an address; use host:port or [address]:port
reporter: {localAgentHostPort: '::1:1'} => 1:32: `reporter.localAgentHostPort: ::1:1`: not an address; use host:port or [address]:port
reporter: {localAgentHostPort: 'h:0'} => 1:32: `reporter.localAgentHostPort: h:0`: not an address; use host:port or [address]:port
agent_socket_type: tcp => 1:20: `agent_socket_type: tcp`: unknown; use udp4 or udp6, or leave it out for either
clock: sun => 1:8: `clock: sun`: unknown; use auto, tsc or system
trace_id_header: 'a b' => 1:18: `trace_id_header: a b`: not a header name; use letters, digits and hyphens
tags: 1 => 1:7: `tags: 1`: not tags; use a map of keys to text, numbers, true or false
tags:\n  a: [1] => 2:6: `tags.a: […]`: not the value of a tag; use text, a finite number, true or false
tags:\n  a: .nan => 2:6: `tags.a: NaN`: not the value of a tag; use text, a finite number, true or false
tags: {'': 1} => 1:7: `tags: {…}`: a tag without a key; use a key for each tag
tags: [a=b] => 1:8: `tags: a=b`: not a tag; use a map with `key` and `value`
"#,
    );
}

#[test]
fn what_does_not_exist_is_refused() {
    check_errors(
        r#"
throttler: {port: 1} => 1:12: `throttler`: the debug throttler is not supported yet; remove the key
metrics: true => 1:10: `metrics`: metrics are not supported yet; use `metrics: false`, or remove the key
propagation: b3 => 1:14: `propagation`: propagation other than jaeger is not supported yet; use jaeger
reporter_batch_size: 10 => 1:22: `reporter_batch_size`: packets are filled by size and not by a number of spans; use `max_packet_size` (bytes)
service_name: s\nsampler: {type: remote} => 2:17: `sampler.type`: the remote sampler is not supported yet; use const, probabilistic or ratelimiting
"#,
    );
    let keys = [
        "rpc_metrics: true",
        "baggage_restrictions: {}",
        "sampling_refresh_interval: 60",
        "max_operations: 1",
        "max_traceback_length: 1",
        "local_agent: {sampling_port: 5778}",
        "local_agent: {enabled: no}",
        "sampler: {samplingServerURL: x}",
        "sampler: {samplingRefreshInterval: 1s}",
        "sampler: {maxOperations: 1}",
        "sampler: {hostPort: 'h:1'}",
        "sampler: {refreshIntervalMs: 1}",
        "sampler: {operationNameLateBinding: true}",
        "reporter: {collectorEndpoint: 'http://c'}",
        "reporter: {timeoutMs: 1}",
    ];
    for yaml in keys {
        assert!(error(yaml).contains("not supported yet"), "{yaml}");
    }
    let secret = error("reporter: {password: hunter2}");
    assert!(secret.contains("not supported yet") && !secret.contains("hunter2"));
}

#[test]
fn wrong_variables_name_themselves() {
    let cases = "
JAEGER_AGENT_PORT abc => JAEGER_AGENT_PORT=abc: not a port; use 1 to 65535
JAEGER_AGENT_PORT tcp://10.0.0.1:6831 => JAEGER_AGENT_PORT=tcp://10.0.0.1:6831: the address of a Kubernetes service and not a port; use 1 to 65535, or enableServiceLinks: false in the pod
JAEGER_AGENT_PORT 0 => JAEGER_AGENT_PORT=0: not a port; use 1 to 65535
JAEGER_DISABLED maybe => JAEGER_DISABLED=maybe: neither true nor false; use true or false
JAEGER_AGENT_HOST a b => JAEGER_AGENT_HOST=a b: not a host; use a name or an IP address, without scheme and port
JAEGER_REPORTER_FLUSH_INTERVAL soon => JAEGER_REPORTER_FLUSH_INTERVAL=soon: not a duration; use milliseconds, or a number with a unit, such as 1s or 500ms
JAEGER_SAMPLER_PARAM NaN => JAEGER_SAMPLER_PARAM=NaN: not a sampler parameter; use a number of 0 or more
JAEGER_SAMPLER_PARAM 0,5 => JAEGER_SAMPLER_PARAM=0,5: not a number; use a number; for const also true or false
JAEGER_SAMPLER_TYPE x => JAEGER_SAMPLER_TYPE=x: unknown; use const, probabilistic or ratelimiting
JAEGER_SAMPLER_TYPE remote => JAEGER_SAMPLER_TYPE: the remote sampler is not supported yet; use const, probabilistic or ratelimiting
JAEGER_TAGS a => JAEGER_TAGS=a: a tag without a value; use key=value,key=value
JAEGER_TAGS =b => JAEGER_TAGS==b: a tag without a key; use a key for each tag
JAEGER_TAGS a=${X} => JAEGER_TAGS=a=${X}: a variable that is not set; use ${VARIABLE:default}
JAEGER_AGENT_HOTS h => JAEGER_AGENT_HOTS: unknown variable; did you mean JAEGER_AGENT_HOST?
JAEGER_DISABLE 1 => JAEGER_DISABLE: unknown variable; did you mean JAEGER_DISABLED?
JAEGER_TAG a=b => JAEGER_TAG: unknown variable; did you mean JAEGER_TAGS?
JAEGER_PASSWORD hunter2 => JAEGER_PASSWORD: sending to a collector over HTTP is not supported yet; remove it, and send to an agent
";
    for row in cases.lines().filter(|row| !row.is_empty()) {
        let (given, text) = row.split_once(" => ").unwrap();
        let (name, value) = given.split_once(' ').unwrap();
        assert_eq!(variable_error(name, value), text);
    }
    let unsupported = [
        ("JAEGER_ENDPOINT", "http://c"),
        ("JAEGER_USER", "u"),
        ("JAEGER_AUTH_TOKEN", "t"),
        ("JAEGER_REPORTER_ENDPOINT", "http://c"),
        ("JAEGER_REPORTER_USER", "u"),
        ("JAEGER_REPORTER_PASSWORD", "p"),
        ("JAEGER_SAMPLER_HOST", "h"),
        ("JAEGER_SAMPLER_PORT", "5778"),
        ("JAEGER_REPORTER_TIMEOUT", "1"),
        ("JAEGER_SENDER_FACTORY", "f"),
        ("JAEGER_PROPAGATION", "b3"),
        ("JAEGER_RPC_METRICS", "true"),
        ("JAEGER_SAMPLING_ENDPOINT", "u"),
        ("JAEGER_SAMPLER_MANAGER_HOST_PORT", "h:1"),
        ("JAEGER_SAMPLER_MAX_OPERATIONS", "1"),
        ("JAEGER_SAMPLER_REFRESH_INTERVAL", "1s"),
        ("JAEGER_SAMPLER_SAMPLING_PATH", "/"),
    ];
    for (name, value) in unsupported {
        assert!(
            variable_error(name, value).contains("not supported yet"),
            "{name}"
        );
        assert_eq!(
            settings("", &[(name, "")]),
            settings("", &[]),
            "{name} empty"
        );
    }
}

#[test]
fn old_names_of_variables_name_the_new_ones() {
    for end in ["HOST", "PORT"] {
        let name = format!("JAEGER_REPORTER_AGENT_{end}");
        let error = variable_error(&name, "1");
        let new = format!("use JAEGER_AGENT_{end}");
        assert!(error.contains(&name) && error.ends_with(&new), "{error}");
    }
}

#[test]
fn wrong_code_is_reported_by_resolve() {
    let config = || Config::new("s").sampler(Sampler::Const(true));
    let cases = [
        (
            config().agent_port(0),
            "Config::agent_port(0): not a port; use 1 to 65535",
        ),
        (
            config().max_packet_size(1),
            "Config::max_packet_size(1): out of range; use 512 to 65000 bytes",
        ),
        (
            config().sampler(Sampler::Probabilistic(f64::NAN)),
            "Config::sampler(Probabilistic(NaN)): not a probability; use 0 to 1 for a probabilistic sampler",
        ),
        (
            config().sampler(Sampler::RateLimiting(-1.0)),
            "Config::sampler(RateLimiting(-1.0)): not a rate; use 0 or more traces per second for a ratelimiting sampler",
        ),
        (
            config().service_name(" "),
            "Config::service_name(\" \"): an empty service name; use the name under which the traces shall appear",
        ),
        (
            config().flush_interval(Duration::ZERO),
            "Config::flush_interval(0ns): out of range; use 1 millisecond to 1 day",
        ),
        (
            config().debug_id_header("Uber-Trace-Id"),
            "the header name `uber-trace-id` cannot be told apart from `uber-trace-id`; rename one",
        ),
        (
            config().baggage_prefix("jaeger-"),
            "the header name `jaeger-debug-id` cannot be told apart from `jaeger-`; rename one",
        ),
        (
            config().tag("", 1),
            "Config::tag([(\"\", Long(1))]): a tag without a key; use a key for each tag",
        ),
    ];
    for (config, text) in cases {
        assert_eq!(config.resolve().expect_err(text).to_string(), text);
    }
    assert_eq!(
        config()
            .agent_port(0)
            .agent_port(1)
            .resolve()
            .unwrap()
            .agent
            .port,
        1
    );
}

#[test]
fn a_missing_name_or_sampler_is_asked_for() {
    assert_eq!(
        error("sampler: {type: const, param: 1}"),
        "no service name; set `service_name` in the file, JAEGER_SERVICE_NAME, or call \
         Config::new with it"
    );
    let sampler = "no sampler, which means the remote one, and that is not supported yet; set \
                   `sampler.type` in the file or JAEGER_SAMPLER_TYPE to const, probabilistic or \
                   ratelimiting, with a parameter, or call Config::sampler";
    assert_eq!(error("service_name: s"), sampler);
    assert_eq!(error("service_name: s\nsampler: {param: 1}"), sampler);
    assert_eq!(Config::new("s").resolve().unwrap_err().to_string(), sampler);
    assert_eq!(
        error("service_name: s\nsampler:\n  type: const"),
        "t.yaml:3:9: `sampler.type`: the sampler has no parameter; set `sampler.param` beside it"
    );
    let empty = Config::default().with_variables(NO_VARIABLES).unwrap();
    assert!(matches!(
        empty.resolve(),
        Err(ConfigError::MissingServiceName)
    ));
}

#[test]
fn malformed_and_hostile_files_are_refused() {
    let cases = [
        ("a: [1", "t.yaml:"),
        ("a: b: c", "t.yaml:1:"),
        ("service_name: 'x", "t.yaml:1:"),
        ("service_name: s\n---\nservice_name: t", "t.yaml:"),
        ("service_name: *nowhere", "t.yaml:1:"),
        ("&a [*a]", "t.yaml:1:"),
        ("hello", "t.yaml:1:1: not a map of keys and values"),
        ("- 1", "t.yaml:1:1: not a map of keys and values"),
        ("{? {a: 1} : 2}", "t.yaml:1:"),
        ("config: 1", "t.yaml:1:9: not a map of keys and values"),
    ];
    for (yaml, start) in cases {
        let text = error(yaml);
        assert!(text.starts_with(start), "{yaml}: {text}");
        assert!(!text.contains('\n'), "{yaml}: {text}");
        assert!(!text.contains(":0:"), "{yaml}: {text}");
    }
    let deep = format!("tags: {}{}", "[".repeat(5000), "]".repeat(5000));
    let wide = format!("tags: [{}]", "1,".repeat(100_000));
    let long = format!("service_name: {}", "x".repeat(20_000));
    let bomb = (1..9).fold(String::from("a0: &a0 [x]\n"), |text, level| {
        let below = format!("*a{},", level - 1).repeat(9);
        format!("{text}a{level}: &a{level} [{below}]\n")
    });
    for yaml in [deep, wide, long, bomb] {
        let text = error(&yaml);
        assert!(text.starts_with("t.yaml:"), "{text}");
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    }
    let quoted = error(&format!("'{}'", "x".repeat(20_000)));
    assert_eq!(quoted, "t.yaml: a text of more than 16 KiB");
    let large = "#".repeat(MAX_FILE_SIZE + 1);
    assert_eq!(
        error(&large),
        "t.yaml: larger than 1048576 bytes, so not a configuration"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::from_yaml_file("/nonexistent/jaeger.yaml").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/nonexistent/jaeger.yaml: cannot be read: ")
    );
    assert!(std::error::Error::source(&error).is_some());
    let folder = Config::from_yaml_file(env!("CARGO_MANIFEST_DIR")).unwrap_err();
    assert!(matches!(folder, ConfigError::Unreadable { .. }), "{folder}");
}

/// Files a few characters away from a good one are read, or refused in one line.
#[test]
fn damaged_files_never_panic() {
    let good =
        format!("{CONST}tags: {{a: yes, b: &x [1, '2'], c: *x}}\nreporter:\n  logSpans: no\n");
    let pieces = [
        "[", "{", "'", "\n", " ", ": ", "- ", "&x ", "*x", "<<: ", "? ", "!", "é", "#", "|", "0",
    ];
    let mut state = 0x9e37_79b9_u32;
    let mut draw = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % bound
    };
    let mut refused = 0;
    for _ in 0..3_000 {
        let mut text: Vec<char> = good.chars().collect();
        for _ in 0..=draw(3) {
            let at = draw(text.len());
            match draw(2) {
                0 => drop(text.remove(at)),
                _ => drop(text.splice(at..at, pieces[draw(pieces.len())].chars())),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(error) = Config::from_yaml_str("t.yaml", &text) {
            let line = error.to_string();
            assert!(
                line.starts_with("t.yaml:") && !line.contains('\n'),
                "{text:?}: {line}"
            );
            refused += 1;
        }
    }
    assert!((1_000..3_000).contains(&refused), "{refused}");
}

#[test]
fn errors_travel_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ConfigError>();
    check::<Config>();
    check::<Settings>();
}
