//! Several receivers of spans.

use super::{CONST, error, settings, warnings};
use crate::config::{Config, Sampler, Settings};

fn others(settings: &Settings) -> Vec<String> {
    let others = settings.also_send_to.iter();
    others.map(ToString::to_string).collect()
}

#[test]
fn a_file_lists_further_receivers() {
    let yaml = "
agent_host: old
also_send_to:
  - {collector: {endpoint: 'http://new:14268', auth_token: hunter2}}
  - {agent_host: '::1', agent_port: 6832, max_packet_size: 1400}
";
    let settings = settings(yaml, &[("JAEGER_AGENT_HOST", "stronger")]);
    assert_eq!(
        (settings.agent.host.as_str(), &settings.collector),
        ("stronger", &None)
    );
    assert_eq!(
        others(&settings),
        ["http://new:14268/api/traces", "[::1]:6832"]
    );
    let [collector, agent] = &settings.also_send_to[..] else {
        panic!("there are two")
    };
    let headers = &collector.collector.as_ref().unwrap().headers;
    assert_eq!(headers[0].1.expose(), "Bearer hunter2");
    assert_eq!(agent.agent.max_packet_size, 1_400);
}

#[test]
fn faults_of_further_receivers_have_their_line() {
    let text = error("also_send_to:\n  - agent_port: x\n  - agent_hots: a\n  - 7\n");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].starts_with("t.yaml:2:") && lines[0].contains("not a port"),
        "{text}"
    );
    assert!(
        lines[1].starts_with("t.yaml:3:") && lines[1].contains("agent_host"),
        "{text}"
    );
    assert!(lines[2].starts_with("t.yaml:4:"), "{text}");
    let text = error("also_send_to: {agent_host: a}\n");
    assert!(text.contains("not a list"), "{text}");
}

#[test]
fn warnings_of_further_receivers_are_told() {
    let yaml = format!("{CONST}also_send_to:\n  - {{agent_port: 6832, agent_protocol: compact}}\n");
    let config = Config::from_yaml_str("t.yaml", &yaml).unwrap();
    let lines = warnings(&config);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("t.yaml:4:") && lines[0].contains("use 6831"),
        "{lines:?}"
    );
}

#[test]
fn code_comes_first_and_memory_is_shared() {
    const MIB: usize = 1 << 20;
    let config = Config::new("s").sampler(Sampler::Const(true));
    let config = config.otlp("http://a").memory_limit(MIB);
    let alone = config.resolve().unwrap();
    let other = || Config::default().otlp("http://b");
    let both = config.also_send_to(other()).also_send_to(other());
    let settings = both.resolve().unwrap();
    assert_eq!(others(&settings), ["http://b/v1/traces"; 2]);
    assert_eq!(alone.memory_of_copies(0), 0);
    assert_eq!(settings.memory_of_copies(2), MIB / 8);
    let taken = alone.memory_of_spans() - settings.memory_of_spans();
    assert!((MIB / 16..=MIB / 8).contains(&taken), "{taken}");
    let bad = Config::new("s").sampler(Sampler::Const(true));
    let bad = bad.also_send_to(Config::default().agent_port(0));
    assert!(
        bad.resolve()
            .unwrap_err()
            .to_string()
            .contains("not a port")
    );
}
