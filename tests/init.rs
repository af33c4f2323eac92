//! One line of set-up: its tracer and its line in the log. A test in a process of its own, since the tracer stays.

use std::sync::Mutex;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{InitializeError, global_tracer, init};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "picojaeger"
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

#[test]
fn the_tracer_is_global_and_its_settings_are_logged_once() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let wrong = init(" ").unwrap_err().to_string();
    let expected = "Config::for_service(\" \"): an empty service name; \
                    use the name under which the traces shall appear";
    assert_eq!(wrong, expected);
    assert!(LINES.lock().unwrap().is_empty());

    let tracer = init("shop").unwrap();
    assert!(tracer.is_enabled() && global_tracer().is_enabled());
    let expected = "INFO service shop, spans to localhost:6831 (UDP, compact), \
                    sampler remote (http://localhost:5778, 0.001 until it answers), \
                    propagation tracecontext, baggage, jaeger";
    assert_eq!(*LINES.lock().unwrap(), [expected]);

    let again = init("shop");
    assert!(matches!(again, Err(InitializeError::AlreadyInitialized)));
    assert_eq!(LINES.lock().unwrap().len(), 1);
}

/// The line of these variables.
fn line(variables: &[(&str, &str)]) -> String {
    let variables = variables.iter().copied();
    let config = Config::for_service("shop").with_variables(variables);
    config.unwrap().resolve().unwrap().to_string()
}

#[test]
fn the_line_names_receivers_sampler_and_formats() {
    let otlp = [
        ("OTEL_SERVICE_NAME", "eu"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://me:secret@collector:4318",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
        ("OTEL_PROPAGATORS", "b3,tracecontext"),
    ];
    let expected = "service eu, spans to http://collector:4318/v1/traces (OTLP), \
                    sampler const (all traces), propagation b3single, tracecontext";
    assert_eq!(line(&otlp), expected);

    let agent = [
        ("JAEGER_AGENT_HOST", "::1"),
        ("JAEGER_AGENT_PORT", "6832"),
        ("JAEGER_SAMPLER_TYPE", "probabilistic"),
        ("JAEGER_SAMPLER_PARAM", "0.25"),
        ("JAEGER_PROPAGATION", "none"),
    ];
    let expected = "service shop, spans to [::1]:6832 (UDP, binary), \
                    sampler probabilistic (0.25), propagation none";
    assert_eq!(line(&agent), expected);

    let collector = [
        ("JAEGER_ENDPOINT", "http://collector:14268/api/traces"),
        ("JAEGER_SAMPLER_TYPE", "ratelimiting"),
        ("JAEGER_SAMPLER_PARAM", "2"),
        ("JAEGER_PROPAGATION", "b3"),
    ];
    let expected = "service shop, spans to http://collector:14268/api/traces (Thrift), \
                    sampler ratelimiting (2 traces/s), propagation b3";
    assert_eq!(line(&collector), expected);

    let also = Config::new("shop").sampler(Sampler::Const(false));
    let also = also
        .agent(false)
        .also_send_to(Config::default().agent_host("second"));
    let expected = "service shop, spans to reporters only and second:6831, \
                    sampler const (no traces), propagation tracecontext, baggage, jaeger";
    assert_eq!(also.resolve().unwrap().to_string(), expected);

    let console = [
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_on"),
    ];
    let expected = "service shop, spans to standard output, \
                    sampler const (all traces), propagation tracecontext, baggage, jaeger";
    assert_eq!(line(&console), expected);

    assert_eq!(line(&[("JAEGER_DISABLED", "true")]), "tracing is disabled");
    let expected = "no spans are made, propagation tracecontext, baggage, jaeger";
    assert_eq!(line(&[("OTEL_SDK_DISABLED", "true")]), expected);
}
