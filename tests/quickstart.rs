//! The quickstart example, run as its own process in every environment that it handles.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::model::TagValue;

/// Longest time of a datagram over loopback.
const PATIENCE: Duration = Duration::from_secs(10);

fn run(variables: &[(&str, &str)]) -> Output {
    let mut command = common::quickstart();
    command.envs(variables.iter().copied());
    command.output().expect("the example runs")
}

/// Returns the output of a successful run, which prints nothing to standard error.
fn printed(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{errors}");
    assert_eq!(errors, "");
    printed
}

/// Returns the one line that a failed run wrote to standard error.
#[track_caller]
fn complaint(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "{errors}");
    lines[0].to_owned()
}

/// Fails unless the run failed with one line that has all these parts.
#[track_caller]
fn complains_of(output: Output, parts: &[&str]) {
    let complaint = complaint(output);
    for part in parts {
        assert!(complaint.contains(part), "no `{part}` in: {complaint}");
    }
}

/// Writes a file of this test with this text.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Runs the example with a file of its own.
fn run_with(file: &PathBuf) -> Output {
    let mut command = common::quickstart();
    command.arg(file).output().expect("the example runs")
}

#[test]
fn without_variables_it_shows_the_trace_that_arrived() {
    let printed = printed(run(&[]));
    let mut lines = printed.lines();
    let id = lines.next().unwrap().strip_prefix("trace ").unwrap();
    assert_eq!(id.len(), 32, "{id}");
    let sums = "spans 2 sampled: 0 open, 0 queued, 2 delivered, 0 lost, 0 cleared";
    assert_eq!(lines.next(), Some(sums));
    let title = lines.next().unwrap();
    assert!(
        title.starts_with(&format!("trace {id}: 2 spans, ")),
        "{title}"
    );
    let rest: Vec<_> = lines.collect();
    assert!(rest[0].starts_with("your-app-name: TestSpan"), "{printed}");
    assert!(
        rest[1].contains("sampler.type=\"const\" sampler.param=true"),
        "{printed}"
    );
    assert!(
        rest[2].contains("event=\"test message\" life=42"),
        "{printed}"
    );
    assert!(
        rest[3].starts_with("  your-app-name: ChildSpan"),
        "{printed}"
    );
    assert!(rest[4].contains("event=\"down below\""), "{printed}");
    assert_eq!(rest.len(), 5, "{printed}");
}

#[test]
fn the_environment_overrides_the_file() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let port = collector.local_addr().port().to_string();
    let printed = printed(run(&[
        ("JAEGER_AGENT_HOST", "127.0.0.1"),
        ("JAEGER_AGENT_PORT", &port),
        ("JAEGER_SERVICE_NAME", "other-name"),
        ("JAEGER_TRACEID_128BIT", "false"),
        ("JAEGER_TAGS", "zone=blue"),
    ]));
    assert!(collector.wait_for_spans(2, PATIENCE));
    let collected = &collector.spans()[0];
    let id = collected.span.trace_id;
    let first_line = format!("trace {:016x}\n", id.low());
    assert!(printed.starts_with(&first_line), "{printed}");
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert_eq!(collected.service_name(), "other-name");
    let tags = &collected.process.tags;
    let zone = tags.iter().find(|tag| tag.key == "zone").unwrap();
    assert_eq!(zone.value, TagValue::String("blue".into()));
}

#[test]
fn opentelemetrys_variables_count_too() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let port = collector.local_addr().port().to_string();
    printed(run(&[
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_JAEGER_AGENT_PORT", &port),
        ("OTEL_SERVICE_NAME", "other-name"),
        ("OTEL_RESOURCE_ATTRIBUTES", "zone=dark%20blue"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"),
    ]));
    assert!(collector.wait_for_spans(2, PATIENCE));
    let collected = &collector.spans()[0];
    assert_eq!(collected.service_name(), "other-name");
    let tags = &collected.process.tags;
    let zone = tags.iter().find(|tag| tag.key == "zone").unwrap();
    assert_eq!(zone.value, TagValue::String("dark blue".into()));

    let disabled = printed(run(&[("OTEL_SDK_DISABLED", "true")]));
    assert!(disabled.starts_with("Nothing was sent"), "{disabled}");
    let console = printed(run(&[("OTEL_TRACES_EXPORTER", "console")]));
    let lines = console.matches("finished span: ").count();
    assert_eq!(lines, 2, "{console}");
}

#[test]
fn variables_that_are_empty_are_unset() {
    let printed = printed(run(&[
        ("JAEGER_AGENT_HOST", ""),
        ("JAEGER_SERVICE_NAME", ""),
    ]));
    assert!(printed.contains("your-app-name: TestSpan"), "{printed}");
}

#[test]
fn a_closed_port_is_named() {
    let (_socket, port) = common::closed_port();
    let output = run(&[
        ("JAEGER_AGENT_HOST", "127.0.0.1"),
        ("JAEGER_AGENT_PORT", &port.to_string()),
    ]);
    let sums = "spans 2 sampled: 0 open, 0 queued, 0 delivered, 2 lost (2 refused), 0 cleared";
    assert!(String::from_utf8_lossy(&output.stdout).contains(sums));
    let agent = format!("127.0.0.1:{port}");
    complains_of(output, &["2 refused", &agent]);
}

#[test]
fn a_host_that_does_not_resolve_is_named() {
    let host = "no.such.host.invalid";
    let output = run(&[("JAEGER_AGENT_HOST", host)]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 lost (2 failed)"));
    complains_of(output, &["2 failed", "no.such.host.invalid:6831"]);
}

#[test]
fn a_sampler_that_drops_all_is_no_failure() {
    let printed = printed(run(&[("JAEGER_SAMPLER_PARAM", "0")]));
    assert!(
        printed.contains("Nothing was sent: the sampler did not choose"),
        "{printed}"
    );
    assert!(printed.contains("spans 0 sampled"), "{printed}");
}

#[test]
fn a_disabled_tracer_is_no_failure() {
    let printed = printed(run(&[("JAEGER_DISABLED", "true")]));
    assert_eq!(
        printed,
        "Nothing was sent: tracing is disabled by the configuration.\n"
    );
}

#[test]
fn a_wrong_variable_is_named_with_its_value() {
    for (name, value) in [
        ("JAEGER_AGENT_PORT", "abc"),
        ("JAEGER_AGENT_PORT", "0"),
        ("JAEGER_AGENT_PORT", "65536"),
        ("JAEGER_SAMPLER_TYPE", "sometimes"),
        ("JAEGER_SAMPLER_PARAM", "NaN"),
        ("JAEGER_SAMPLER_PARAM", "-1"),
        ("JAEGER_SAMPLER_PARAM", "1.5"),
        ("JAEGER_DISABLED", "perhaps"),
        ("JAEGER_REPORTER_FLUSH_INTERVAL", "soon"),
    ] {
        complains_of(run(&[(name, value)]), &[name, value]);
    }
    let complaint = complaint(run(&[("JAEGER_TAGS", "zone=blue,lonely")]));
    assert!(complaint.contains("JAEGER_TAGS: item 2"), "{complaint}");
    assert!(!complaint.contains("lonely"), "{complaint}");
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let output = run(&[("JAEGER_AGENT_PRT", "6831")]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "quickstart: warning: JAEGER_AGENT_PRT: not read; did you mean JAEGER_AGENT_PORT?\n"
    );
}

#[test]
fn all_faults_of_file_and_environment_come_at_once() {
    let path = file(
        "faults.yaml",
        "service_name: shop\nagent_port: x\nlogging: perhaps\n",
    );
    let mut command = common::quickstart();
    command.arg(path).env("JAEGER_SAMPLER_TYPE", "sometimes");
    let output = command.output().expect("the example runs");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 3, "{errors}");
    for (line, part) in lines
        .iter()
        .zip(["`agent_port: x`", "`logging:", "\"sometimes\""])
    {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

#[test]
fn a_disabling_environment_needs_no_file() {
    for text in ["", "[", "agent_port: x\nagent_prot: 1\n"] {
        let path = file("unread.yaml", text);
        let mut command = common::quickstart();
        command.env("JAEGER_DISABLED", " true\n").arg(path);
        let printed = printed(command.output().expect("the example runs"));
        assert!(printed.starts_with("Nothing was sent"), "{printed}");
    }
    let mut command = common::quickstart();
    command.env("JAEGER_DISABLED", "T").arg("no/such/file.yaml");
    let printed = printed(command.output().expect("the example runs"));
    assert!(printed.starts_with("Nothing was sent"), "{printed}");
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let path = file(
        "unknown-key.yaml",
        "service_name: shop\nsampler:\n    tpe: const\n    param: 1\n",
    );
    complains_of(
        run_with(&path),
        &["unknown-key.yaml:3:5", "`sampler.tpe`", "`type`"],
    );
    let path = file("no-yaml.yaml", "service_name: [\n");
    complains_of(run_with(&path), &["no-yaml.yaml:"]);
    let path = file("no-service.yaml", "sampler: {type: const, param: 1}\n");
    complains_of(run_with(&path), &["service_name", "JAEGER_SERVICE_NAME"]);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("not-there.yaml");
    complains_of(run_with(&path), &["not-there.yaml", "cannot be read"]);
}
