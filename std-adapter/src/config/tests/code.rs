//! Settings in code.

use super::*;

type Change = fn(Config) -> Config;

fn config() -> Config {
    Config::new("s").sampler(Sampler::Const(true))
}

#[test]
fn wrong_code_is_reported_by_resolve() {
    // Functions, since so many configurations by value would overflow a thread's stack.
    let cases: [(Change, &str); 10] = [
        (
            |config| config.agent_port(0),
            "Config::agent_port(0): not a port; use 1 to 65535",
        ),
        (
            |config| config.max_packet_size(1),
            "Config::max_packet_size(1): out of range; use 512 to 65000 bytes",
        ),
        (
            |config| config.sampler(Sampler::Probabilistic(f64::NAN)),
            "Config::sampler(Probabilistic(NaN)): not a probability; use 0 to 1 for a probabilistic sampler",
        ),
        (
            |config| config.sampler(Sampler::RateLimiting(-1.0)),
            "Config::sampler(RateLimiting(-1.0)): not a rate; use 0 or more traces per second for a ratelimiting sampler",
        ),
        (
            |config| config.service_name(" "),
            "Config::service_name(\" \"): an empty service name; use the name under which the traces shall appear",
        ),
        (
            |config| config.flush_interval(Duration::ZERO),
            "Config::flush_interval(0ns): out of range; use 1 millisecond to 1 day",
        ),
        (
            |config| config.debug_id_header("Uber-Trace-Id"),
            "the header name `uber-trace-id` cannot be told apart from `uber-trace-id`; rename one",
        ),
        (
            |config| config.baggage_prefix("jaeger-"),
            "the header name `jaeger-debug-id` cannot be told apart from `jaeger-`; rename one",
        ),
        (
            |config| config.max_baggage_size((1 << 20) + 1),
            "Config::max_baggage_size(1048577): out of range; use 0 to 1048576 bytes",
        ),
        (
            |config| config.tag("", 1),
            "Config::tag(…): a tag without a key; use a key for each tag",
        ),
    ];
    for (change, text) in cases {
        assert_eq!(
            change(config()).resolve().expect_err(text).to_string(),
            text
        );
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
fn errors_travel_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ConfigError>();
    check::<Config>();
    check::<Settings>();
}

#[test]
fn port_and_protocol_of_the_agent_follow_each_other() {
    use AgentProtocol::{Binary, Compact};
    let cases: [(Change, (u16, AgentProtocol), usize); 7] = [
        (|config| config, (6831, Compact), 0),
        (|config| config.agent_port(7000), (7000, Compact), 0),
        (|config| config.agent_port(6832), (6832, Binary), 0),
        (|config| config.agent_protocol(Binary), (6832, Binary), 0),
        (
            |config| config.agent_protocol(Binary).agent_port(7000),
            (7000, Binary),
            0,
        ),
        (
            |config| config.agent_protocol(Compact).agent_port(6832),
            (6832, Compact),
            1,
        ),
        (
            |config| config.agent_protocol(Binary).agent_port(6831),
            (6831, Binary),
            1,
        ),
    ];
    for (change, expected, warnings) in cases {
        let config = change(config());
        let agent = config.resolve().unwrap().agent;
        assert_eq!((agent.port, agent.protocol), expected);
        assert_eq!(config.warnings().len(), warnings, "{expected:?}");
    }
}
