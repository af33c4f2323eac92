//! Settings of files, alone and with the other sources.

use picojaeger_core::Format;

use super::*;

fn sampler_of(yaml: &str) -> Sampler {
    Config::from_yaml_str("t.yaml", &format!("service_name: s\nsampler: {yaml}"))
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{yaml}: {error}"))
        .sampler
}

#[test]
fn defaults_are_those_of_the_clients() {
    let expected = Settings {
        collector: None,
        also_send_to: Vec::new(),
        throttler: None,
        restrictions: None,
        propagation_only: false,
        disabled: false,
        trace_id_128bit: true,
        max_tag_value_length: 1024,
        clock: ClockSource::Auto,
        process: ProcessSettings {
            service_name: "s".into(),
            tags: Vec::new(),
        },
        sampler: Sampler::Const(true),
        sampling: SamplingSettings {
            server_url: "http://localhost:5778".into(),
            refresh_interval: Duration::from_secs(60),
            max_operations: 2_000,
            late_binding: false,
            first_fetch_timeout: None,
        },
        agent: AgentSettings {
            enabled: true,
            host: "localhost".into(),
            port: 6831,
            protocol: AgentProtocol::Compact,
            ip_version: IpVersion::Any,
            max_packet_size: 65_000,
            resolve_interval: Some(Duration::from_secs(30)),
        },
        reporter: ReporterSettings {
            flush_interval: Duration::from_secs(1),
            memory_limit: 16 * 1024 * 1024,
            console: false,
            log_spans: false,
            flush_at_exit: true,
            background: true,
        },
        propagation: PropagationSettings {
            formats: vec![Format::TraceContext, Format::Baggage, Format::Jaeger],
            public_entrance: false,
            w3c_random_flag: false,
            headers: HeaderNames {
                trace_context: "uber-trace-id".into(),
                baggage_prefix: "uberctx-".into(),
                debug_id: "jaeger-debug-id".into(),
                baggage: "jaeger-baggage".into(),
            },
            max_baggage_size: 8_192,
        },
        limits: LimitSettings {
            tags_per_span: None,
            references_per_span: None,
            fields_per_log: None,
            logs_per_span: None,
        },
        spans: SpanSettings {
            rpc_metrics: false,
            flush_open: false,
            unfinished_at_close: false,
            max_traceback_length: 4_096,
        },
    };
    assert_eq!(settings("", &[]), expected);
    let code = Config::new("s").sampler(Sampler::Const(true));
    assert_eq!(code.resolve().unwrap(), expected);
}

#[test]
fn values_refer_to_variables() {
    let text = "service_name: ${APP}-${ZONE:blue}
reporter:
  localAgentHostPort: 'agent.${ZONE:blue}:${PORT:6831}'
logging: ${LOGGING:no}
sampler: {type: '${TYPE:const}', param: '${PARAM}'}
flush_interval: ${UNSET:}
tags: {pod: '${POD}', price: '$${POD}', list: '${TAGS:a,b}'}";
    let config = Config::from_yaml_str("t.yaml", text).unwrap();
    let read = |variables: &[(&str, &str)]| {
        let config = config.clone().with_variables(variables.iter().copied());
        config.unwrap().resolve()
    };
    let mut given = vec![("APP", "shop"), ("PARAM", "1"), ("POD", "p-7")];
    let few = read(&given).unwrap();
    assert_eq!(few.process.service_name, "shop-blue");
    let address = |settings: &Settings| (settings.agent.host.clone(), settings.agent.port);
    assert_eq!(address(&few), ("agent.blue".into(), 6831));
    assert_eq!(few.sampler, Sampler::Const(true));
    assert_eq!(few.reporter.flush_interval, Duration::from_secs(1));
    let tags: [(String, TagValue); 3] = [
        ("pod".into(), "p-7".into()),
        ("price".into(), "${POD}".into()),
        ("list".into(), "a,b".into()),
    ];
    assert_eq!(few.process.tags, tags);
    given.extend([("ZONE", "red"), ("PORT", "7"), ("LOGGING", "yes")]);
    let all = read(&given).unwrap();
    assert_eq!(all.process.service_name, "shop-red");
    assert_eq!(address(&all), ("agent.red".into(), 7));
    assert!(all.reporter.log_spans);
    let errors = read(&[]).unwrap_err();
    let lines: Vec<_> = errors.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "t.yaml:1:15: `service_name: ${APP}`: a variable that is not set; use ${VARIABLE:default}",
            "t.yaml:5:41: `sampler.param: ${PARAM}`: a variable that is not set; use ${VARIABLE:default}",
            "t.yaml:7:13: `tags.pod: ${POD}`: a variable that is not set; use ${VARIABLE:default}",
        ]
    );
}

#[test]
fn a_file_refers_to_the_processs_environment_without_asking() {
    let path = std::env::var("PATH").unwrap();
    let text = format!("{CONST}tags: {{path: '${{PATH}}'}}");
    let config = Config::from_yaml_str("t.yaml", &text).unwrap();
    let tag = ("path".to_owned(), TagValue::from(path.trim()));
    let tags = |config: Config| config.resolve().unwrap().process.tags;
    assert_eq!(tags(config.clone()), std::slice::from_ref(&tag));
    assert!(!format!("{config:?}").contains("${PATH}"));
    let config = config.with_variables([("PATH", "other")]).unwrap();
    assert_ne!(tags(config), [tag]);
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
    let queue: Check = |s| s.reporter.memory_limit == 2048 * 2_340 + (2 << 20);
    let log: Check = |s| s.reporter.log_spans;
    let narrow: Check = |s| !s.trace_id_128bit;
    let b3: Check = |s| s.propagation.formats == [Format::B3Multi, Format::Jaeger];
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
        ("reporter_queue_size: 2048", queue),
        ("reporter: {queue_size: 2048}", queue),
        ("reporter: {queueSize: 2048}", queue),
        ("log_spans: yes", log),
        ("logging: on", log),
        ("reporter: {log_spans: true}", log),
        ("reporter: {logSpans: True}", log),
        ("trace_id_128bit: false", narrow),
        ("generate_128bit_trace_id: false", narrow),
        ("traceid_128bit: false", narrow),
        ("traceId128bit: false", narrow),
        ("max_tag_value_length: 9", |s| s.max_tag_value_length == 9),
        ("rpc_metrics: true", |s| s.spans.rpc_metrics),
        ("flush_open: true", |s| s.spans.flush_open),
        ("unfinished_at_close: true", |s| s.spans.unfinished_at_close),
        ("max_logs_per_span: 10", |s| {
            s.limits.logs_per_span == Some(10)
        }),
        ("max_traceback_length: 100", |s| {
            s.spans.max_traceback_length == 100
        }),
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
        ("max_baggage_size: 0", |s| {
            s.propagation.max_baggage_size == 0
        }),
        ("propagation: 'B3, Jaeger'", b3),
        ("propagation: [b3multi, jaeger]", b3),
        ("propagation_format: b3,b3,jaeger,", b3),
        ("propagation: b3single", |s| {
            s.propagation.formats == [Format::B3]
        }),
        ("propagation: [baggage, tracecontext]", |s| {
            s.propagation.formats == [Format::Baggage, Format::TraceContext]
        }),
        ("propagation: none", |s| s.propagation.formats.is_empty()),
        ("propagation: jaeger", narrow),
        ("public_entrance: true", |s| s.propagation.public_entrance),
        ("w3c_random_flag: on", |s| s.propagation.w3c_random_flag),
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
        "propagation: [w3c, jaeger]",
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
        settings("", &[("JAEGER_PROPAGATION", "w3c,jaeger")]),
        settings("", &[])
    );
}

#[test]
fn ids_are_wide_where_the_w3c_s_format_is_propagated_unless_set() {
    for (yaml, wide) in [
        ("", true),
        ("propagation: w3c", true),
        ("propagation: [jaeger, tracecontext]", true),
        ("propagation: [jaeger, baggage, b3]", false),
        ("propagation: none", false),
        ("propagation: b3\ntrace_id_128bit: yes", true),
        ("propagation: w3c\ntraceid_128bit: no", false),
    ] {
        assert_eq!(settings(yaml, &[]).trace_id_128bit, wide, "{yaml}");
    }
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
            "JAEGER_SAMPLER_PARAM=\"0.5\": not a decision; use 0 or 1, true or false, for a \
             const sampler"
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
