//! OpenTelemetry's variables.

use picojaeger_core::Format;

use super::*;

type Variables<'a> = &'a [(&'a str, &'a str)];

/// The settings of these variables over a service name and a sampler in code, and the warnings.
fn read(variables: Variables<'_>) -> (Settings, Vec<String>) {
    let config = Config::new("s").sampler(Sampler::Const(true));
    read_into(config, variables)
}

/// The same without anything beside them.
fn read_alone(variables: Variables<'_>) -> (Settings, Vec<String>) {
    read_into(Config::default(), variables)
}

fn read_into(config: Config, variables: Variables<'_>) -> (Settings, Vec<String>) {
    let config = config.with_variables(variables.iter().copied()).unwrap();
    let settings = config
        .resolve()
        .unwrap_or_else(|error| panic!("{variables:?}: {error}"));
    let warnings = config.warnings().iter().map(ToString::to_string).collect();
    (settings, warnings)
}

#[test]
fn variables_reach_their_setting() {
    type Check = fn(&Settings) -> bool;
    let cases: &[(&str, &str, Check)] = &[
        ("OTEL_RESOURCE_ATTRIBUTES", "a=1,b=%2C", |s| {
            s.process.tags == [("a".into(), "1".into()), ("b".into(), ",".into())]
        }),
        ("OTEL_SDK_DISABLED", "TRUE", |s| {
            s.propagation_only && !s.disabled
        }),
        ("OTEL_PROPAGATORS", "TraceContext, baggage", |s| {
            s.propagation.formats == [Format::TraceContext, Format::Baggage]
        }),
        ("OTEL_PROPAGATORS", "b3,b3,jaeger", |s| {
            s.propagation.formats == [Format::B3, Format::Jaeger] && !s.trace_id_128bit
        }),
        ("OTEL_PROPAGATORS", "b3multi", |s| {
            s.propagation.formats == [Format::B3Multi]
        }),
        ("OTEL_PROPAGATORS", "none", |s| {
            s.propagation.formats.is_empty()
        }),
        ("OTEL_TRACES_EXPORTER", "none", |s| !s.agent.enabled),
        ("OTEL_TRACES_EXPORTER", "console", |s| {
            s.reporter.console && !s.agent.enabled
        }),
        ("OTEL_TRACES_EXPORTER", "jaeger, Console", |s| {
            s.reporter.console && s.agent.enabled
        }),
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "[::1]", |s| {
            s.agent.host == "::1"
        }),
        ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "7", |s| {
            s.agent.port == 7
        }),
        ("OTEL_BSP_SCHEDULE_DELAY", "5000", |s| {
            s.reporter.flush_interval == Duration::from_secs(5)
        }),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2048", |s| {
            s.reporter.memory_limit == 2048 * 2_340 + (2 << 20)
        }),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |s| {
            s.max_tag_value_length == 7
        }),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "70000", |s| {
            s.max_tag_value_length == 65_000
        }),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128", |s| {
            s.limits.tags_per_span == Some(128) && s.limits.fields_per_log.is_none()
        }),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7", |s| {
            s.limits.tags_per_span == Some(7) && s.limits.fields_per_log == Some(7)
        }),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "7", |s| {
            s.limits.fields_per_log == Some(7) && s.limits.tags_per_span.is_none()
        }),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "0", |s| {
            s.limits.logs_per_span == Some(2)
        }),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "0", |s| {
            s.limits.references_per_span == Some(0)
        }),
    ];
    let (defaults, none) = read(&[]);
    assert_eq!(none, [""; 0]);
    for (name, value, check) in cases {
        assert!(!check(&defaults), "{name} proves nothing");
        let (settings, warnings) = read(&[(name, value)]);
        assert!(check(&settings), "{name}={value}");
        assert_eq!(warnings, [""; 0], "{name}={value}");
        assert_eq!(
            read(&[(name, " ")]),
            (defaults.clone(), Vec::new()),
            "{name} empty"
        );
    }
}

#[test]
fn wrong_values_are_ignored_with_a_warning() {
    let cases = r#"
OTEL_SDK_DISABLED 1 => counts as false; use true or false
OTEL_RESOURCE_ATTRIBUTES a=1,hunter2 => "…" is ignored: an item without `=`; use key=value,key=value, percent-encoded
OTEL_RESOURCE_ATTRIBUTES a=1,b=%zz => "…" is ignored: a wrong percent-encoding; use key=value,key=value, percent-encoded
OTEL_RESOURCE_ATTRIBUTES service.name=a%0Ab,a=1 => "…" is ignored: a control character in a service name; use the name under which the traces shall appear
OTEL_TRACES_EXPORTER zipkin => zipkin is not supported; use otlp, jaeger, console or none
OTEL_TRACES_SAMPLER xray => "xray" is ignored: unknown; use always_on, always_off, traceidratio or jaeger_remote, or one of these with parentbased_ before it
OTEL_EXPORTER_JAEGER_AGENT_HOST http://h => "http://h" is ignored: not a host; use a name or an IP address, without scheme and port
OTEL_EXPORTER_JAEGER_AGENT_PORT 0 => "0" is ignored: not a port; use 1 to 65535
OTEL_BSP_SCHEDULE_DELAY 1s => "1s" is ignored: not a time in milliseconds; use a whole number, such as 1000
OTEL_BSP_SCHEDULE_DELAY 0 => "0" is ignored: out of range; use 1 millisecond to 1 day
OTEL_BSP_MAX_QUEUE_SIZE -1 => "-1" is ignored: not a queue size; use a number of spans, 1 or more
OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT none => "none" is ignored: not a size; use a whole number of bytes
OTEL_SPAN_LINK_COUNT_LIMIT -1 => "-1" is ignored: not a number of entries; use a whole number of 0 or more
OTEL_BSP_MAX_EXPORT_BATCH_SIZE 0 => "0" is ignored: out of range; use 1 to 65535 spans
OTEL_EXPORTER_OTLP_PROTOCOL grpc => grpc is not supported; OTLP goes over HTTP (http/protobuf), which collectors read at port 4318
OTEL_EXPORTER_OTLP_TRACES_PROTOCOL http/json => http/json is not supported; use http/protobuf
OTEL_EXPORTER_OTLP_COMPRESSION zstd => "zstd" is ignored: unknown; use gzip or none
OTEL_EXPORTER_OTLP_ENDPOINT http://me:hunter2@ho st => "…" is ignored: not an address of a collector; use http://host:port/path or https://host:port/path
OTEL_EXPORTER_OTLP_HEADERS key=hunter2,x => "…" is ignored: an item without `=`; use key=value,key=value, percent-encoded
OTEL_CONFIG_FILE /etc/otel.yaml => not read; give the file to Config::from_yaml_file
"#;
    let defaults = read(&[]).0;
    for row in cases.lines().filter(|row| !row.is_empty()) {
        let (given, message) = row.split_once(" => ").unwrap();
        let (name, value) = given.split_once(' ').unwrap();
        let (settings, warnings) = read(&[(name, value)]);
        assert_eq!(warnings, [format!("{name}: {message}")]);
        assert_eq!(settings, defaults, "{given}");
    }
}

/// The one for spans before the general one, but not where its value is wrong.
#[test]
fn the_first_good_variable_of_a_setting_counts() {
    let general = ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "8");
    for (special, length, lines) in [("9", 9, 0), ("x", 8, 1), ("", 8, 0)] {
        let variables = [general, ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", special)];
        let (settings, warnings) = read(&variables);
        assert_eq!(settings.max_tag_value_length, length, "{special}");
        assert_eq!(warnings.len(), lines, "{warnings:?}");
    }
}

#[test]
fn the_service_is_named_by_three_variables() {
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=c,zone=blue");
    let rows: [(Variables<'_>, &str); 3] = [
        (&[attributes], "c"),
        (&[attributes, ("OTEL_SERVICE_NAME", "b")], "b"),
        (
            &[
                attributes,
                ("OTEL_SERVICE_NAME", "b"),
                ("JAEGER_SERVICE_NAME", "a"),
            ],
            "a",
        ),
    ];
    for (variables, name) in rows {
        let config = Config::default().sampler(Sampler::Const(true));
        let (settings, warnings) = read_into(config, variables);
        assert_eq!(settings.process.service_name, name);
        assert_eq!(settings.process.tags, [("zone".into(), "blue".into())]);
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn samplers_have_their_argument() {
    const FOLLOWED: &str = "OTEL_TRACES_SAMPLER: the decision of an incoming request is followed all \
                            the same, as with parentbased_ before the name";
    let wrong = |argument: &str| {
        format!("OTEL_TRACES_SAMPLER_ARG: \"{argument}\" is ignored: not a probability; use 0 to 1")
    };
    let rows = [
        ("parentbased_always_on", "x", Sampler::Const(true), vec![]),
        ("parentbased_always_off", "", Sampler::Const(false), vec![]),
        ("ALWAYS_ON", "", Sampler::Const(true), vec![FOLLOWED.into()]),
        (
            "always_off",
            "",
            Sampler::Const(false),
            vec![FOLLOWED.into()],
        ),
        (
            "parentbased_traceidratio",
            "0.25",
            Sampler::Probabilistic(0.25),
            vec![],
        ),
        (
            "parentbased_traceidratio",
            "",
            Sampler::Probabilistic(1.0),
            vec![],
        ),
        (
            "traceidratio",
            "1.5",
            Sampler::Probabilistic(1.0),
            vec![wrong("1.5"), FOLLOWED.into()],
        ),
        (
            "parentbased_traceidratio",
            "NaN",
            Sampler::Probabilistic(1.0),
            vec![wrong("NaN")],
        ),
    ];
    for (name, argument, sampler, lines) in rows {
        let (settings, warnings) = read_alone(&[
            ("OTEL_SERVICE_NAME", "s"),
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ]);
        assert_eq!(settings.sampler, sampler, "{name} {argument}");
        assert_eq!(warnings, lines, "{name} {argument}");
    }
}

#[cfg(feature = "http")]
#[test]
fn the_remote_sampler_has_a_list_of_arguments() {
    let read = |name: &str, argument: &str| {
        read_alone(&[
            ("OTEL_SERVICE_NAME", "s"),
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ])
    };
    let name = "parentbased_jaeger_remote";
    let (settings, warnings) = read(name, "");
    assert_eq!(settings.sampler, Sampler::Remote(0.001));
    assert_eq!(settings.sampling.server_url, "http://localhost:5778");
    assert_eq!(warnings, [""; 0]);

    let argument =
        "endpoint=jaeger:5778/sampling, pollingIntervalMs=5000 ,initialSamplingRate=0.25";
    let (settings, warnings) = read(name, argument);
    assert_eq!(settings.sampler, Sampler::Remote(0.25));
    assert_eq!(settings.sampling.server_url, "http://jaeger:5778/sampling");
    assert_eq!(settings.sampling.refresh_interval, Duration::from_secs(5));
    assert_eq!(warnings, [""; 0]);

    let argument = "pollingIntervalMs=1s,initialSamplingRate=2,x=1,endpoint=http://h:14250";
    let (settings, warnings) = read("jaeger_remote", argument);
    assert_eq!(settings.sampler, Sampler::Remote(0.001));
    assert_eq!(settings.sampling.server_url, "http://h:14250");
    let lines = [
        "_ARG: \"1s\" is ignored: not a time in milliseconds; use a whole number, such as 1000",
        "_ARG: \"2\" is ignored: not a probability; use 0 to 1",
        "_ARG: x is not read; use endpoint, pollingIntervalMs and initialSamplingRate",
        "_ARG: this port speaks gRPC; Jaeger serves sampling over HTTP at port 5778",
        ": the decision of an incoming request is followed all the same, as with parentbased_ before \
         the name",
    ];
    let lines = lines.map(|line| format!("OTEL_TRACES_SAMPLER{line}"));
    assert_eq!(warnings, lines);
}

/// Where nothing else does, in Jaeger's settings or in code.
#[test]
fn the_default_sampler_is_opentelemetrys_where_its_variables_choose_the_receiver() {
    let otels = [
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "h"),
        ("OTEL_TRACES_EXPORTER", "console"),
    ];
    for variable in otels {
        let settings = read_into(Config::new("s"), &[variable]).0;
        assert_eq!(settings.sampler, Sampler::Const(true), "{variable:?}");
        let jaegers = [variable, ("JAEGER_AGENT_HOST", "h")];
        let config = Config::new("s").with_variables(jaegers).unwrap();
        let in_code = Config::new("s").agent_port(7).with_variables([variable]);
        for config in [config, in_code.unwrap()] {
            let resolved = config.resolve().map(|settings| settings.sampler);
            match cfg!(feature = "http") {
                true => assert_eq!(resolved.unwrap(), Sampler::Remote(0.001)),
                false => assert!(matches!(resolved, Err(ConfigError::MissingSampler))),
            }
        }
    }
}

#[cfg(feature = "yaml")]
#[test]
fn they_lie_between_jaegers_variables_and_the_file() {
    const FILE: &str = "service_name: file\nagent_host: file\nagent_port: 1\ntags: {a: 1, b: 1, c: 1}\n\
                        sampler: {type: const, param: 0}";
    let read = |variables: Variables<'_>| {
        read_into(Config::from_yaml_str("t.yaml", FILE).unwrap(), variables).0
    };
    let otel = [
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "otel"),
        ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "b=2,c=2"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ];
    let over_file = read(&otel);
    assert_eq!(
        (over_file.agent.host.as_str(), over_file.agent.port),
        ("otel", 2)
    );
    assert_eq!(over_file.sampler, Sampler::Probabilistic(0.5));

    let jaeger = [
        ("JAEGER_AGENT_PORT", "3"),
        ("JAEGER_TAGS", "c=3"),
        ("JAEGER_SAMPLER_TYPE", "probabilistic"),
        ("JAEGER_SAMPLER_PARAM", "0.75"),
    ];
    let both = read(&[otel.as_slice(), &jaeger].concat());
    assert_eq!((both.agent.host.as_str(), both.agent.port), ("otel", 3));
    assert_eq!(both.sampler, Sampler::Probabilistic(0.75));
    let tags: [(String, TagValue); 3] = [
        ("a".into(), 1.into()),
        ("b".into(), "2".into()),
        ("c".into(), "3".into()),
    ];
    assert_eq!(both.process.tags, tags);

    // A parameter alone goes with the file's type.
    let variables = [otel.as_slice(), &[("JAEGER_SAMPLER_PARAM", "1")]].concat();
    assert_eq!(read(&variables).sampler, Sampler::Const(true));
    let in_code = Config::new("s").sampler(Sampler::Const(true)).agent_port(4);
    let (settings, _) = read_into(in_code, &variables);
    assert_eq!(
        (settings.agent.port, settings.sampler),
        (4, Sampler::Const(true))
    );
}

#[test]
fn a_tracer_that_only_propagates_complains_about_nothing() {
    let wrong = [("JAEGER_AGENT_PORT", "x"), ("JAEGER_HOST", "h")];
    let disabled = [wrong.as_slice(), &[("OTEL_SDK_DISABLED", "true")]].concat();
    let (settings, warnings) = read_alone(&disabled);
    assert!(settings.propagation_only && !settings.disabled);
    assert_eq!(warnings, [""; 0]);
    // An explicit answer in a stronger place.
    for (answer, expected) in [("true", (true, false)), ("false", (false, false))] {
        let variables = [("OTEL_SDK_DISABLED", "true"), ("JAEGER_DISABLED", answer)];
        let settings = read(&variables).0;
        assert_eq!((settings.disabled, settings.propagation_only), expected);
    }
}

#[test]
fn unknown_propagators_are_left_out_with_a_warning() {
    let (settings, warnings) = read(&[("OTEL_PROPAGATORS", "xray,baggage")]);
    assert_eq!(settings.propagation.formats, [Format::Baggage]);
    assert_eq!(
        warnings,
        [
            "OTEL_PROPAGATORS: xray is not supported; use tracecontext, baggage, b3, b3multi, \
             jaeger or none"
        ]
    );
    let (settings, warnings) = read(&[("OTEL_PROPAGATORS", "xray")]);
    assert_eq!(settings.propagation.formats.len(), 3);
    assert_eq!(warnings.len(), 1);
    let both = [("OTEL_PROPAGATORS", "b3"), ("JAEGER_PROPAGATION", "jaeger")];
    assert_eq!(read(&both).0.propagation.formats, [Format::Jaeger]);
}

/// Returns protocol and address of the collector of these variables, and the warnings.
#[cfg(feature = "http")]
fn target(variables: Variables<'_>) -> (Option<(Protocol, String)>, Vec<String>) {
    let (settings, warnings) = read(variables);
    let collector = settings.collector;
    let target = collector.map(|it| (it.protocol, it.endpoint.url().to_owned()));
    (target, warnings)
}

#[cfg(feature = "http")]
#[test]
fn endpoints_are_completed() {
    let (special, general) = (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    );
    let scheme = |name: &str| vec![format!("{name}: no scheme, so http:// is used")];
    let grpc = |name: &str| {
        let hint = "port 4317 is that of gRPC; OTLP over HTTP is read at port 4318";
        vec![format!("{name}: {hint}")]
    };
    let rows: [(Variables<'_>, &str, Vec<String>); 14] = [
        (
            &[(general, "http://h:4318")],
            "http://h:4318/v1/traces",
            vec![],
        ),
        (
            &[(general, "http://h:4318/x?k=v")],
            "http://h:4318/x/v1/traces?k=v",
            vec![],
        ),
        (
            &[(general, "http://h/?k=a/b")],
            "http://h/v1/traces?k=a/b",
            vec![],
        ),
        (
            &[(general, "h?k=v")],
            "http://h/v1/traces?k=v",
            scheme(general),
        ),
        (&[(special, "http://h?k=v")], "http://h/?k=v", vec![]),
        (
            &[(special, "http://[::1]:1?k=v")],
            "http://[::1]:1/?k=v",
            vec![],
        ),
        (
            &[(general, "http://h/base/")],
            "http://h/base/v1/traces",
            vec![],
        ),
        (
            &[(general, "h:4318")],
            "http://h:4318/v1/traces",
            scheme(general),
        ),
        (&[(special, "http://h:4318")], "http://h:4318/", vec![]),
        (&[(special, "http://h:1/x?y=z")], "http://h:1/x?y=z", vec![]),
        (&[(special, "h")], "http://h/", scheme(special)),
        (
            &[(special, "http://[::1]:4317/x")],
            "http://[::1]:4317/x",
            grpc(special),
        ),
        (
            &[(general, "http://a"), (special, "http://b/x")],
            "http://b/x",
            vec![],
        ),
        (
            &[("OTEL_TRACES_EXPORTER", "otlp")],
            "http://localhost:4318/v1/traces",
            vec![],
        ),
    ];
    for (variables, url, lines) in rows {
        let expected = (Some((Protocol::Otlp, url.to_owned())), lines);
        assert_eq!(target(variables), expected, "{variables:?}");
    }
}

#[cfg(feature = "http")]
#[test]
fn the_chosen_exporter_decides_which_endpoint_counts() {
    const OTLP: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://o");
    const JAEGER: (&str, &str) = ("OTEL_EXPORTER_JAEGER_ENDPOINT", "http://j/x");
    const AGENT: (&str, &str) = ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "a");
    let rows = [
        ("", Some("http://o/v1/traces")),
        ("otlp", Some("http://o/v1/traces")),
        ("console,otlp", Some("http://o/v1/traces")),
        ("jaeger", Some("http://j/x")),
        ("none", None),
        ("console", None),
    ];
    for (name, url) in rows {
        let exporter = ("OTEL_TRACES_EXPORTER", name);
        let (settings, warnings) = read(&[OTLP, JAEGER, AGENT, exporter]);
        let found = settings.collector.map(|it| it.endpoint.url().to_owned());
        assert_eq!(found.as_deref(), url, "{name}");
        assert_eq!(settings.reporter.console, name.contains("console"));
        assert_eq!(settings.agent.enabled, name != "none" && name != "console");
        assert_eq!(warnings, [""; 0]);
    }
    let jaeger = ("OTEL_TRACES_EXPORTER", "jaeger");
    assert_eq!(target(&[OTLP, AGENT, jaeger]), (None, vec![]));
}

#[cfg(feature = "http")]
#[test]
fn a_list_of_exporters_names_several_receivers() {
    const OTLP: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://o");
    const HEADERS: (&str, &str) = ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2");
    const AGENT: (&str, &str) = ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "a");
    let rows = [
        ("otlp,jaeger", "http://o/v1/traces", "a:6831"),
        ("jaeger, console, otlp", "a:6831", "http://o/v1/traces"),
        ("otlp,otlp", "http://o/v1/traces", ""),
        ("none,jaeger", "a:6831", ""),
    ];
    for (names, first, other) in rows {
        let exporter = ("OTEL_TRACES_EXPORTER", names);
        let (settings, warnings) = read(&[OTLP, HEADERS, AGENT, exporter]);
        let one = match &settings.collector {
            Some(collector) => collector.endpoint.to_string(),
            None => format!("{}:{}", settings.agent.host, settings.agent.port),
        };
        let others: Vec<_> = settings
            .also_send_to
            .iter()
            .map(|it| it.to_string())
            .collect();
        assert_eq!(
            (one.as_str(), others.join(" ").as_str()),
            (first, other),
            "{names}"
        );
        assert_eq!(settings.reporter.console, names.contains("console"));
        let others = settings.also_send_to.iter().map(|it| &it.collector);
        for collector in others.chain([&settings.collector]).flatten() {
            assert_eq!(collector.headers.len(), 1, "{names}");
        }
        let expected = match names {
            "none,jaeger" => 1,
            _ => 0,
        };
        assert_eq!(warnings.len(), expected, "{names}: {warnings:?}");
    }
    let (settings, _) = read(&[
        AGENT,
        ("OTEL_TRACES_EXPORTER", "otlp,jaeger"),
        ("JAEGER_AGENT_HOST", "stronger"),
    ]);
    assert_eq!((settings.collector, settings.also_send_to), (None, vec![]));
}

#[cfg(feature = "http")]
#[test]
fn requests_have_settings_of_their_own() {
    let all = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter%202,other=1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "7000"),
    ];
    let (settings, warnings) = read(&all);
    assert_eq!(warnings, [""; 0]);
    let collector = settings.collector.unwrap();
    let headers: Vec<_> = collector
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(headers, [("x-key", "hunter 2"), ("other", "1")]);
    assert_eq!(collector.timeout, None);
    assert_eq!(collector.max_batch_spans, 100);
    assert_eq!(collector.retry_time, Duration::from_secs(7));
    assert!(!format!("{collector:?}").contains("hunter"));

    let special = [("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"), all[0], all[2]];
    let collector = read(&special).0.collector.unwrap();
    assert_eq!(collector.timeout, Some(Duration::from_millis(250)));
    let gzip = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "GZIP");
    let (settings, warnings) = read(&[all[0], gzip]);
    let has_gzip = cfg!(feature = "gzip");
    assert_eq!(settings.collector.unwrap().gzip, has_gzip);
    assert_eq!(warnings.is_empty(), has_gzip, "{warnings:?}");
}

/// Credentials never go to a collector that another source names.
#[cfg(all(feature = "http", feature = "yaml"))]
#[test]
fn the_strongest_source_names_the_receiver_and_keeps_its_credentials_apart() {
    const FILE: &str = "service_name: s\nsampler: {type: const, param: 1}\n\
                        collector: {endpoint: 'http://file', auth_token: file, max_batch_spans: 7}";
    let otel = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=otel"),
    ];
    let jaeger = ("JAEGER_ENDPOINT", "http://jaeger");
    let agent = ("JAEGER_AGENT_HOST", "agent");
    let none = ("OTEL_TRACES_EXPORTER", "none");
    type Found = Option<(&'static str, &'static [&'static str])>;
    let rows: [(Variables<'_>, Found); 5] = [
        (&[], Some(("file", &["Bearer file"]))),
        (&otel, Some(("otel", &["otel"]))),
        (
            &[otel[0], otel[1], jaeger],
            Some(("jaeger", &["Bearer file"])),
        ),
        (&[otel[0], otel[1], agent], None),
        (&[none], None),
    ];
    for (variables, expected) in rows {
        let config = Config::from_yaml_str("t.yaml", FILE).unwrap();
        let collector = read_into(config, variables).0.collector;
        let found = collector.as_ref().map(|it| {
            assert_eq!(it.max_batch_spans, 7);
            let values: Vec<_> = it.headers.iter().map(|(_, value)| value.expose()).collect();
            (it.endpoint.host(), values)
        });
        let expected = expected.map(|(host, values)| (host, values.to_vec()));
        assert_eq!(found, expected, "{variables:?}");
    }
    let in_code = Config::new("s").sampler(Sampler::Const(true)).agent_port(7);
    assert_eq!(read_into(in_code, &otel).0.collector, None);
}

#[cfg(feature = "http")]
#[test]
fn halves_and_unreadable_certificates_are_ignored() {
    let jaeger = ("OTEL_EXPORTER_JAEGER_ENDPOINT", "http://j");
    let half = |name: &str| format!("{name}: ignored without its other half; set both");
    let (settings, warnings) = read(&[jaeger, ("OTEL_EXPORTER_JAEGER_USER", "ann")]);
    assert_eq!(warnings, [half("OTEL_EXPORTER_JAEGER_USER")]);
    let credentials = [
        jaeger,
        ("OTEL_EXPORTER_JAEGER_USER", "ann"),
        ("OTEL_EXPORTER_JAEGER_PASSWORD", "hunter2"),
    ];
    let (with_both, none) = read(&credentials);
    assert_eq!(none, [""; 0]);
    let count = |settings: Settings| settings.collector.unwrap().headers.len();
    assert_eq!((count(settings), count(with_both)), (0, 1));

    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://o");
    let problem = match cfg!(feature = "tls") {
        true => "no certificate can be read there; use the path of a PEM file",
        false => "this build has no TLS; use the feature `tls` of picojaeger-std",
    };
    for name in ["CERTIFICATE", "CLIENT_CERTIFICATE"] {
        let name = format!("OTEL_EXPORTER_OTLP_TRACES_{name}");
        let (settings, warnings) = read(&[endpoint, (&name, "no/such.pem")]);
        let line = format!("{name}: \"no/such.pem\" is ignored: {problem}");
        assert_eq!(warnings, [line]);
        assert_eq!(settings.collector.unwrap().certificate, None);
    }
}

/// The set-up of a server in production: remote sampling, or all traces of others' decisions where
/// OpenTelemetry's variables choose the receiver; both propagations; wide ids.
#[cfg(feature = "http")]
#[test]
fn a_service_name_is_enough() {
    let name = ("OTEL_SERVICE_NAME", "s");
    let (settings, warnings) = read_alone(&[name]);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(settings.sampler, Sampler::Remote(0.001));
    assert_eq!(settings.sampling.server_url, "http://localhost:5778");
    assert_eq!(
        (settings.agent.host.as_str(), settings.agent.port),
        ("localhost", 6831)
    );
    assert!(settings.trace_id_128bit && settings.collector.is_none());
    let formats = [Format::TraceContext, Format::Baggage, Format::Jaeger];
    assert_eq!(settings.propagation.formats, formats);

    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let (settings, warnings) = read_alone(&[name, endpoint]);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(settings.sampler, Sampler::Const(true));
    assert_eq!(settings.collector.unwrap().protocol, Protocol::Otlp);
}
