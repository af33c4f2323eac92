//! Configurations as people have them: of other clients, of scripts, of Kubernetes.
//!
//! A row has what the file holds beside a name and a sampler (`\n` is a new line), the environment,
//! and what comes of them.

use super::*;

type Variables = &'static [(&'static str, &'static str)];

/// Returns the warnings of a whole file, or its errors.
pub(super) fn outcome(yaml: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    let config = Config::from_yaml_str("t.yaml", yaml)
        .and_then(|config| config.with_variables(variables.iter().copied()))
        .expect(yaml);
    match config.resolve() {
        Ok(_) => Ok(warnings(&config)),
        Err(error) => Err(error.faults().iter().map(ToString::to_string).collect()),
    }
}

pub(super) fn beside(yaml: &str) -> String {
    format!("{}\n{CONST}", yaml.replace("\\n", "\n"))
}

#[test]
fn what_belongs_to_others_or_asks_for_nothing_is_silent() {
    const OFF: &str =
        "baggage_restrictions: {hostPort: '', denyBaggageOnInitializationFailure: no}";
    let rows: &[(&str, Variables)] = &[
        // Scripts, other Jaeger programs, Kubernetes.
        ("", &[("JAEGER_TAG", "1.62"), ("JAEGER_VER", "2")]),
        ("", &[("JAEGER_ARGS", "--x"), ("JAEGER_TLS", "no")]),
        ("", &[("JAEGER_USERS", "a"), ("JAEGER_HOME", "/opt")]),
        ("", &[("JAEGER_COLLECTOR_PORT", "14250")]),
        ("", &[("JAEGER_PORT", "tcp://10.0.0.1:16686")]),
        ("", &[("JAEGER_PORT", "16686/tcp")]),
        ("", &[("JAEGER_AGENTS_PORT", "udp://10.0.0.1:1")]),
        ("", &[("JAEGER_SERVICE_HOST", "10.0.0.1")]),
        // Empty, or only blanks.
        ("agent_host: ''", &[("JAEGER_AGENT_PORT", " \n")]),
        ("headers: {jaegerDebugHeader: ' '}", &[]),
        // Off, and the defaults of features to come.
        ("metrics: 'false'", &[("JAEGER_RPC_METRICS", "0")]),
        (
            "propagation: Jaeger",
            &[("JAEGER_PROPAGATION", "W3C,jaeger,")],
        ),
        ("propagation_format: [w3c, jaeger]", &[]),
        (
            "max_operations: 0",
            &[("JAEGER_SAMPLER_MAX_OPERATIONS", "0")],
        ),
        ("sampling_refresh_interval: 0", &[]),
        ("", &[("JAEGER_SAMPLER_REFRESH_INTERVAL", "0s")]),
        ("reporter: {http_headers: {}, collectorEndpoint: ''}", &[]),
        ("throttler: {hostPort: '', refreshInterval: 0s}", &[]),
        (OFF, &[]),
        // Zero is the default of Go and C++.
        ("reporter: {queueSize: 0, bufferFlushInterval: 0}", &[]),
        ("reporter: {bufferFlushInterval: 0s}", &[]),
        ("reporter: {attemptReconnectInterval: '0'}", &[]),
        ("", &[("JAEGER_REPORTER_MAX_QUEUE_SIZE", "0")]),
        ("", &[("JAEGER_REPORTER_FLUSH_INTERVAL", "0")]),
        // A template whose host was left out.
        ("reporter: {localAgentHostPort: ':6831'}", &[]),
    ];
    let defaults = settings("", &[]);
    for (yaml, variables) in rows {
        let context = format!("{yaml} {variables:?}");
        assert_eq!(
            outcome(&beside(yaml), variables),
            Ok(Vec::new()),
            "{context}"
        );
        assert_eq!(settings(yaml, variables), defaults, "{context}");
    }
}

#[test]
fn what_is_accepted_without_effect_is_a_warning() {
    const UDP: &str = "no effect: spans are sent to an agent over UDP";
    const ADDRESS: &str =
        "not read; JAEGER_AGENT_HOST and JAEGER_AGENT_PORT are the agent's address";
    const LINK: &str = "ignored, since Kubernetes sets it beside a service of this name (service \
                        links); set a port, or enableServiceLinks: false in the pod";
    const BINARY: &str = "agents read Thrift binary at port 6832; use 6831, or the protocol binary";
    let in_files = [
        (
            "reporter_batch_size: 10",
            "1:22: `reporter_batch_size`",
            "no effect: packets are filled by size; `max_packet_size` (bytes) limits them",
        ),
        #[cfg(target_pointer_width = "64")]
        (
            "reporter_queue_size: 1000000000",
            "1:22: `reporter_queue_size`",
            "more than fits into memory; 29366401 spans are used",
        ),
        (
            "metrics: true",
            "1:10: `metrics`",
            "no effect: metrics are there for `Tracer::metrics`",
        ),
        (
            "reporter: {password: hunter2}",
            "1:22: `reporter.password`",
            UDP,
        ),
        (
            "reporter: {agentPort: 6832, agent_protocol: compact}",
            "1:23: `reporter.agentPort`",
            BINARY,
        ),
    ];
    for (yaml, place, message) in in_files {
        let line = format!("t.yaml:{place}: {message}");
        assert_eq!(outcome(&beside(yaml), &[]), Ok(vec![line]), "{yaml}");
    }
    let in_variables = [
        // Likely slips.
        (
            "JAEGER_SERVICE_NAM",
            "s",
            "not read; did you mean JAEGER_SERVICE_NAME?",
        ),
        (
            "JAEGER_SAMPLER_PARM",
            "1",
            "not read; did you mean JAEGER_SAMPLER_PARAM?",
        ),
        // Wishes.
        (
            "JAEGER_ENABLED",
            "false",
            "not read; JAEGER_DISABLED=true turns tracing off",
        ),
        (
            "JAEGER_HOST",
            "h",
            "not read; JAEGER_AGENT_HOST is the agent's host",
        ),
        (
            "JAEGER_PORT",
            "6831",
            "not read; JAEGER_AGENT_PORT is the agent's port",
        ),
        ("JAEGER_AGENT_ENDPOINT", "h:1", ADDRESS),
        ("JAEGER_REPORTER_LOCAL_AGENT_HOST_PORT", "h:1", ADDRESS),
        // Kubernetes.
        ("JAEGER_AGENT_PORT", "tcp://10.0.0.1:5778", LINK),
        ("JAEGER_AGENT_PORT", "udp://10.0.0.1:6831", LINK),
        // Known, and without effect.
        ("JAEGER_PASSWORD", "hunter2", UDP),
    ];
    for (name, value, message) in in_variables {
        let line = format!("{name}: {message}");
        let found = outcome(CONST, &[(name, value)]);
        assert_eq!(found, Ok(vec![line]), "{name}={value}");
    }
    assert_eq!(
        settings("", &[("JAEGER_AGENT_PORT", "tcp://10.0.0.1:1")])
            .agent
            .port,
        6831
    );
}

#[test]
fn what_would_make_tracing_wrong_is_an_error() {
    let rows: &[(&str, Variables, &[&str])] = &[
        // All at once, file before environment.
        (
            "agent_port: x\nlogging: perhaps\nhost: h\nagent_port: 7",
            &[
                ("JAEGER_AGENT_HOST", "a  b"),
                ("JAEGER_TAGS", "zone=${UNSET_HERE},blue"),
            ],
            &[
                "t.yaml:4:1: `agent_port` is a duplicate of the key in line 1; keep one",
                "t.yaml:1:13: `agent_port: x`: not a port; use 1 to 65535",
                "t.yaml:2:10: `logging: perhaps`: neither true nor false; use true or false",
                "t.yaml:3:1: unknown key `host`",
                "JAEGER_AGENT_HOST=\"a  b\": not a host; use a name or an IP address, without scheme and port",
                "JAEGER_TAGS: tag `zone`: a variable that is not set; use ${VARIABLE:default}",
                "JAEGER_TAGS: item 2: a tag without a value; use key=value,key=value",
            ],
        ),
        // Placeholders.
        (
            "reporter: {localAgentHostPort: '${HOST}:6831'}",
            &[("JAEGER_AGENT_HOST", "$(HOST_IP)")],
            &[
                "t.yaml:1:32: `reporter.localAgentHostPort: ${HOST}`: a variable that is not set; use ${VARIABLE:default}",
                "JAEGER_AGENT_HOST=\"$(HOST_IP)\": a placeholder that nothing filled in; use a name or an IP address",
            ],
        ),
        // Zero is no default of a rule of ours, nor of Python.
        (
            "flush_interval: 0s\nreporter_queue_size: 0",
            &[],
            &[
                "t.yaml:1:17: `flush_interval: 0s`: out of range; use 1 millisecond to 1 day",
                "t.yaml:2:22: `reporter_queue_size: 0`: not a queue size; use a number of spans, 1 or more",
            ],
        ),
        // Old and new name of one setting.
        (
            "",
            &[
                ("JAEGER_AGENT_HOST", "a"),
                ("JAEGER_REPORTER_AGENT_HOST", "b"),
            ],
            &["JAEGER_REPORTER_AGENT_HOST contradicts JAEGER_AGENT_HOST; keep one"],
        ),
        // An invisible character within a value.
        (
            "",
            &[("JAEGER_AGENT_HOST", "agent\u{200b}.local\r\nx")],
            &[
                "JAEGER_AGENT_HOST=\"agent\\u{200b}.local\\r\\nx\": not a host; use a name or an IP address, without scheme and port",
            ],
        ),
        // Values of tags are not shown, wherever they stand.
        (
            "tags: [hunter2, {key: a, value: [hunter2]}]",
            &[],
            &[
                "t.yaml:1:8: `tags: …`: not a tag; use a map with `key` and `value`",
                "t.yaml:1:33: `tags.value: …`: not the value of a tag; use text, a finite number, true or false",
            ],
        ),
    ];
    for (yaml, variables, expected) in rows {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(outcome(&beside(yaml), variables), Err(expected), "{yaml}");
    }
}

#[test]
fn values_count_as_what_they_spell() {
    type Check = fn(&Settings) -> bool;
    let rows: &[(&str, Variables, Check)] = &[
        // Blanks and new lines at the ends.
        ("agent_host: ' h '", &[], |s| s.agent.host == "h"),
        ("agent_host: |\\n  h\\n", &[], |s| s.agent.host == "h"),
        ("", &[("JAEGER_AGENT_HOST", "h\r\n")], |s| {
            s.agent.host == "h"
        }),
        ("", &[("JAEGER_AGENT_PORT", " 7\n")], |s| s.agent.port == 7),
        ("", &[("JAEGER_REPORTER_LOG_SPANS", "true ")], |s| {
            s.reporter.log_spans
        }),
        ("tags: {a: ' b\n'}", &[], |s| {
            s.process.tags == [("a".into(), "b".into())]
        }),
        ("", &[("JAEGER_TAGS", "a=${B}\n"), ("B", " b\n")], |s| {
            s.process.tags == [("a".into(), "b".into())]
        }),
        // Quoted scalars; a tag stays text.
        ("agent_port: '7'", &[], |s| s.agent.port == 7),
        ("logging: \"1\"", &[], |s| s.reporter.log_spans),
        ("logging: 'yes'", &[], |s| s.reporter.log_spans),
        ("logging: 1", &[], |s| s.reporter.log_spans),
        ("reporter_flush_interval: '3'", &[], |s| {
            s.reporter.flush_interval.as_secs() == 3
        }),
        ("memory_limit: '2097152'", &[], |s| {
            s.reporter.memory_limit == 2 << 20
        }),
        ("tags: {a: '1'}", &[], |s| {
            s.process.tags == [("a".into(), "1".into())]
        }),
        // Bare numbers at the keys of the C++ client are seconds.
        ("reporter: {bufferFlushInterval: 10}", &[], |s| {
            s.reporter.flush_interval.as_secs() == 10
        }),
        ("reporter: {bufferFlushInterval: '10'}", &[], |s| {
            s.reporter.flush_interval.as_secs() == 10
        }),
        // Old names of the Node client.
        ("", &[("JAEGER_REPORTER_AGENT_HOST", "h")], |s| {
            s.agent.host == "h"
        }),
        ("", &[("JAEGER_REPORTER_AGENT_PORT", "7")], |s| {
            s.agent.port == 7
        }),
        ("", &[("JAEGER_DISABLE", "true")], |s| s.disabled),
    ];
    let defaults = settings("", &[]);
    for (yaml, variables, check) in rows {
        let yaml = yaml.replace("\\n", "\n");
        assert!(!check(&defaults), "{yaml} {variables:?} proves nothing");
        assert!(check(&settings(&yaml, variables)), "{yaml} {variables:?}");
    }
}

#[test]
fn samplers_are_named_in_any_case() {
    let rows = [
        ("Const", Sampler::Const(true)),
        ("'PROBABILISTIC'", Sampler::Probabilistic(1.0)),
        ("rateLimiting", Sampler::RateLimiting(1.0)),
        ("RATE_LIMITING", Sampler::RateLimiting(1.0)),
        ("ratelimit", Sampler::RateLimiting(1.0)),
    ];
    for (name, sampler) in rows {
        let yaml = format!("service_name: s\nsampler: {{type: {name}, param: '1'}}");
        let config = Config::from_yaml_str("t.yaml", &yaml).unwrap();
        assert_eq!(config.resolve().unwrap().sampler, sampler, "{name}");
    }
}

#[test]
fn a_disabled_tracer_complains_about_nothing() {
    let faulty = "agent_port: x\nunknown: 1\nmetrics: true\nservice_name: ''";
    let config =
        |yaml: &str| Config::from_yaml_str("t.yaml", &format!("{faulty}\n{yaml}")).unwrap();
    let wrong = [("JAEGER_TAGS", "lonely"), ("JAEGER_HOST", "h")];
    let disabling = [("JAEGER_DISABLED", "1"), wrong[0], wrong[1]];
    for config in [
        config("disabled: true").with_variables(wrong).unwrap(),
        config("enabled: 'false'").with_variables(wrong).unwrap(),
        config("").with_variables(disabling).unwrap(),
        config("disabled: no").with_variables(disabling).unwrap(),
        config("").with_variables(wrong).unwrap().disabled(true),
    ] {
        assert!(config.resolve().unwrap().disabled);
        assert_eq!(config.warnings(), []);
        let enabled = config.disabled(false);
        assert_eq!(enabled.resolve().unwrap_err().faults().len(), 4);
        assert_eq!(enabled.warnings().len(), 2);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_where_the_environment_disables() {
    let unreadable = || source::read_file("no/such.yaml".as_ref());
    let error = Config::of_file(unreadable(), || false).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    let config = Config::of_file(unreadable(), || true).unwrap();
    assert!(config.resolve().unwrap().disabled);
    let error = config.disabled(false).resolve().unwrap_err();
    assert!(matches!(error.faults()[0], ConfigError::Unreadable { .. }));
    let malformed = source::read_text(&"t.yaml".into(), "[");
    assert!(Config::of_file(malformed, || true).is_ok());
}

/// All keys as Go's `yaml.Marshal` writes them for the zero value, but for name and sampler.
#[test]
fn zero_values_of_go_are_defaults() {
    let text = "
serviceName: s
disabled: false
rpc_metrics: false
traceid_128bit: false
tags: []
sampler:
  type: const
  param: 1
  samplingServerURL: \"\"
  samplingrefreshinterval: 0s
  maxOperations: 0
  operationNameLateBinding: false
  options: []
reporter:
  queueSize: 0
  bufferflushinterval: 0s
  logSpans: false
  localAgentHostPort: \"\"
  disableAttemptReconnecting: false
  attemptreconnectinterval: 0s
  collectorEndpoint: \"\"
  user: \"\"
  password: \"\"
  http_headers: {}
headers:
  jaegerDebugHeader: \"\"
  jaegerBaggageHeader: \"\"
  TraceContextHeaderName: \"\"
  traceBaggageHeaderPrefix: \"\"
baggage_restrictions:
  denyBaggageOnInitializationFailure: false
  hostPort: \"\"
  refreshInterval: 0s
throttler:
  hostPort: \"\"
  refreshInterval: 0s
  synchronousInitialization: false
";
    assert_eq!(outcome(text, &[]), Ok(Vec::new()));
    let config = Config::from_yaml_str("t.yaml", text).unwrap();
    let narrow = settings("trace_id_128bit: false", &[]);
    assert_eq!(config.resolve().unwrap(), narrow);
    let never = text.replace("param: 1", "param: 0");
    let config = Config::from_yaml_str("t.yaml", &never).unwrap();
    assert_eq!(config.resolve().unwrap().sampler, Sampler::Const(false));
}

/// JSON with tabs, as ingress-nginx writes it for the C++ client.
#[test]
fn the_template_of_ingress_nginx_is_read() {
    let text = "{
\t\"service_name\": \"nginx\",
\t\"propagation_format\": \"jaeger\",
\t\"sampler\": {
\t  \"type\": \"const\",
\t  \"param\": 1,
\t  \"samplingServerURL\": \"http://127.0.0.1:5778/sampling\"
\t},
\t\"reporter\": {
\t  \"endpoint\": \"\",
\t  \"localAgentHostPort\": \"jaeger-agent.tracing:6831\"
\t},
\t\"headers\": {
\t  \"TraceContextHeaderName\": \"uber-trace-id\",
\t  \"jaegerDebugHeader\": \"jaeger-debug-id\",
\t  \"jaegerBaggageHeader\": \"jaeger-baggage\",
\t  \"traceBaggageHeaderPrefix\": \"uberctx-\"
\t}
  }";
    assert_eq!(outcome(text, &[]), Ok(Vec::new()));
    let settings = Config::from_yaml_str("t.yaml", text)
        .unwrap()
        .resolve()
        .unwrap();
    assert_eq!(settings.agent.host, "jaeger-agent.tracing");
    assert_eq!(settings.process.service_name, "nginx");
}
