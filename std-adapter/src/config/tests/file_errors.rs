//! The text of each error in a file.

use super::*;

/// Checks rows of `yaml => error`, without the file's name; `\n` in the YAML is a new line.
fn check_errors(rows: &str) {
    for row in rows.lines().filter(|row| !row.is_empty()) {
        let (yaml, text) = row.split_once(" => ").unwrap();
        let yaml = yaml.replace("\\n", "\n");
        assert_eq!(error(&yaml), format!("t.yaml:{text}"), "{yaml}");
    }
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
    let misspelt = "servce_name: s\nsampler: {tpe: const, param: 1}";
    assert_eq!(error_alone(misspelt).lines().count(), 2, "no consequences");
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
agent_port: '0' => 1:13: `agent_port: "0"`: not a port; use 1 to 65535
agent_port: a b => 1:13: `agent_port: a b`: not a port; use 1 to 65535
agent_port: [1] => 1:13: `agent_port: […]`: not a port; use 1 to 65535
service_name: 5 => 1:15: `service_name: 5`: not text; use quotes around it
service_name: yes => 1:15: `service_name: true`: not text; use quotes around it
service_name: [a] => 1:15: `service_name: […]`: not text; use text
logging: 'maybe' => 1:10: `logging: maybe`: neither true nor false; use true or false
service_name: "a\tb" => 1:15: `service_name: a\tb`: a control character in a service name; use the name under which the traces shall appear
logging: 2 => 1:10: `logging: 2`: neither true nor false; use true or false
agent_host: '{{ .Host }}' => 1:13: `agent_host: {{ .Host }}`: a placeholder that nothing filled in; use a name or an IP address
logging: y => 1:10: `logging: y`: neither true nor false; use true or false
sampler: const => 1:10: `sampler: const`: not a map; use keys and values below it
sampler: {type: foo} => 1:17: `sampler.type: foo`: unknown; use const, probabilistic, ratelimiting or remote
sampler: {param: .nan} => 1:18: `sampler.param: NaN`: not a sampler parameter; use a number of 0 or more
sampler: {param: -1} => 1:18: `sampler.param: -1`: not a sampler parameter; use a number of 0 or more
sampler: {param: x} => 1:18: `sampler.param: x`: not a number; use a number; for const also true or false
sampler: {type: probabilistic, param: 1.5} => 1:39: `sampler.param: 1.5`: not a probability; use 0 to 1 for a probabilistic sampler
sampler: {type: probabilistic, param: yes} => 1:39: `sampler.param: true`: not a number; use a number for this type of sampler
sampler: {type: const, param: 2} => 1:31: `sampler.param: 2`: not a decision; use 0 or 1, true or false, for a const sampler
sampler: {type: ratelimiting, param: .inf} => 1:38: `sampler.param: inf`: not a sampler parameter; use a number of 0 or more
reporter: {attemptReconnectInterval: 1} => 1:38: `reporter.attemptReconnectInterval: 1`: a number without a unit; use a number with a unit, such as 1s, 500ms or 1m1s
flush_interval: '1' => 1:17: `flush_interval: "1"`: a number without a unit; use a number with a unit, such as 1s, 500ms or 1m1s
reporter: {bufferFlushInterval: 86401} => 1:33: `reporter.bufferFlushInterval: 86401`: a bare number is seconds to the C++ client, here more than a day, and nanoseconds to Go's; use a number with a unit, such as 1s, 500ms or 1m1s
flush_interval: 1 s => 1:17: `flush_interval: 1 s`: not a duration; use a number with a unit, such as 1s, 500ms or 1m1s
flush_interval: 0s => 1:17: `flush_interval: 0s`: out of range; use 1 millisecond to 1 day
reporter_flush_interval: 1s => 1:26: `reporter_flush_interval: 1s`: not a time in seconds; use a number, such as 1 or 0.5
reporter_flush_interval: -1 => 1:26: `reporter_flush_interval: -1`: not a time in seconds; use a number, such as 1 or 0.5
reporter: {flushIntervalMs: 1s} => 1:29: `reporter.flushIntervalMs: 1s`: not a time in milliseconds; use a whole number, such as 1000
max_packet_size: 511 => 1:18: `max_packet_size: 511`: out of range; use 512 to 65000 bytes
max_packet_size: 65001 => 1:18: `max_packet_size: 65001`: out of range; use 512 to 65000 bytes
max_packet_size: -1 => 1:18: `max_packet_size: -1`: not a size; use a whole number of bytes
memory_limit: 1048575 => 1:15: `memory_limit: 1048575`: out of range; use 1 MiB to 64 GiB (1 GiB on a 32-bit system): bytes, or text such as 16MiB
memory_limit: 65GiB => 1:15: `memory_limit: 65GiB`: out of range; use 1 MiB to 64 GiB (1 GiB on a 32-bit system): bytes, or text such as 16MiB
memory_limit: 16MB => 1:15: `memory_limit: 16MB`: not a size; use 1 MiB to 64 GiB (1 GiB on a 32-bit system): bytes, or text such as 16MiB
reporter_queue_size: 0 => 1:22: `reporter_queue_size: 0`: not a queue size; use a number of spans, 1 or more
max_tag_value_length: 0 => 1:23: `max_tag_value_length: 0`: out of range; use 1 to 65000 bytes
agent_host: 'http://h' => 1:13: `agent_host: http://h`: not a host; use a name or an IP address, without scheme and port
agent_host: 'h:6831' => 1:13: `agent_host: h:6831`: not a host; use a name or an IP address, without scheme and port
reporter: {localAgentHostPort: h} => 1:32: `reporter.localAgentHostPort: h`: not an address; use host:port or [address]:port
reporter: {localAgentHostPort: '::1:1'} => 1:32: `reporter.localAgentHostPort: ::1:1`: not an address; use host:port or [address]:port
reporter: {localAgentHostPort: 'h:0'} => 1:32: `reporter.localAgentHostPort: h:0`: not an address; use host:port or [address]:port
agent_socket_type: tcp => 1:20: `agent_socket_type: tcp`: unknown; use udp4 or udp6, or leave it out for either
clock: sun => 1:8: `clock: sun`: unknown; use auto, tsc or system
trace_id_header: 'a b' => 1:18: `trace_id_header: a b`: not a header name; use letters, digits and hyphens
tags: 1 => 1:7: `tags: …`: not tags; use a map of keys to text, numbers, true or false
tags:\n  a: [1] => 2:6: `tags.a: …`: not the value of a tag; use text, a finite number, true or false
tags:\n  a: .nan => 2:6: `tags.a: …`: not the value of a tag; use text, a finite number, true or false
tags: {'': 1} => 1:7: `tags: …`: a tag without a key; use a key for each tag
tags: [a=b] => 1:8: `tags: …`: not a tag; use a map with `key` and `value`
"#,
    );
}

#[test]
fn what_would_lead_traces_astray_is_refused() {
    check_errors(
        r#"
propagation: b4 => 1:14: `propagation: b4`: unknown; use jaeger, w3c, tracecontext, baggage, b3, b3single or none
propagation: [b3, none] => 1:14: `propagation: […]`: unknown; use jaeger, w3c, tracecontext, baggage, b3, b3single or none
propagation: [] => 1:14: `propagation: […]`: no format; use jaeger, w3c, tracecontext, baggage, b3, b3single or none
propagation: [1] => 1:15: `propagation: 1`: not text; use quotes around it
local_agent: {enabled: no} => 1:24: `local_agent.enabled`: sending without an agent is not supported yet; use `disabled: true` to send nothing
reporter: {collectorEndpoint: 'ftp://u:hunter2@c'} => 1:31: `reporter.collectorEndpoint: …`: not an address of a collector; use http://host:port/path or https://host:port/path
reporter: {endpoint: 'http://c:port'} => 1:22: `reporter.endpoint: …`: not an address of a collector; use http://host:port/path or https://host:port/path
collector: {headers: {'a b': hunter2}} => 1:22: `collector.headers: …`: not a header's name; use letters, digits and dashes, and none of content-type, content-length, host and the like
collector: {headers: {a: 'hünter2'}} => 1:22: `collector.headers: …`: not the value of a header; use printable ASCII
"#,
    );
}

#[test]
fn a_missing_name_or_parameter_is_asked_for() {
    assert_eq!(
        error_alone("sampler: {type: const, param: 1}"),
        "no service name; set `service_name` in the file, JAEGER_SERVICE_NAME, or call \
         Config::new with it"
    );
    assert_eq!(
        error_alone("service_name: s\nsampler:\n  type: const"),
        "t.yaml:3:9: `sampler.type`: the sampler has no parameter; set `sampler.param` beside it"
    );
    assert_eq!(
        error_alone("service_name: ' '\nlogging: maybe\nsampler: {type: const, param: 1}"),
        format!(
            "t.yaml:2:10: `logging: maybe`: neither true nor false; use true or false\n\
             no service name; set `service_name` in the file, JAEGER_SERVICE_NAME, or call \
             Config::new with it"
        )
    );
    let empty = Config::default().with_variables(NO_VARIABLES).unwrap();
    let error = empty.resolve().unwrap_err();
    assert!(matches!(
        error.faults(),
        [ConfigError::MissingServiceName, ..]
    ));
}

#[test]
fn malformed_and_hostile_files_are_refused() {
    let cases = [
        ("a: [1", "t.yaml:"),
        ("a: b: c", "t.yaml:1:"),
        ("service_name: 'x", "t.yaml:1:"),
        (
            "service_name: s\n---\nservice_name: t",
            "t.yaml:2:1: a second document",
        ),
        (
            "service_name: *nowhere",
            "t.yaml:1:15: an alias without an anchor",
        ),
        ("&a [*a]", "t.yaml:1:5: an alias within the list or map"),
        ("hello", "t.yaml:1:1: not a map of keys and values"),
        ("- 1", "t.yaml:1:1: not a map of keys and values"),
        ("{? {a: 1} : 2}", "t.yaml:1:4: a list or map as a key"),
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
    assert_eq!(quoted, "t.yaml:1:1: a text of more than 16 KiB");
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
    assert_eq!(format!("{error:?}"), error.to_string());
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
