//! Unreachable agents: a tracer is made all the same, and its spans are counted.

use picojaeger_std::config::{Config, ConfigError, IpVersion, Sampler};
use picojaeger_std::{FlushError, LossCause, Lost, Tracer};

use crate::{PATIENCE, Pair, common};

fn tracer(adjust: impl FnOnce(Config) -> Config) -> Tracer {
    let config = Config::new("shop").sampler(Sampler::Const(true));
    adjust(config).new_tracer().unwrap()
}

/// Sends one span, which is lost by the given cause, and one of another tracer, which arrives.
#[track_caller]
fn loses_one(tracer: &Tracer, cause: LossCause, parts: &[&str]) {
    let wanted = Lost::default().with(cause, 1);
    let neighbour = Pair::new();
    let mut other = neighbour.tracer.start("neighbour");
    let span = tracer.span_builder("lost").child_of(&other).start();
    let context = span.context();
    drop(span);
    let error = tracer.flush(PATIENCE).unwrap_err();
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!((stats.sampled, stats.lost), (1, wanted));
    let FlushError::Lost { lost, cause, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(lost, wanted);
    let cause = cause.unwrap();
    for part in parts {
        assert!(cause.contains(part), "no `{part}` in: {cause}");
    }
    assert_eq!(context.trace_id(), other.context().trace_id());
    other.finish();
    assert_eq!(neighbour.arrived().len(), 1);
    assert_eq!(tracer.close(PATIENCE), Ok(()), "a loss is reported once");
}

#[test]
fn a_host_that_does_not_resolve() {
    let tracer = tracer(|config| config.agent_host("no.such.host.invalid"));
    loses_one(&tracer, LossCause::Failed, &["no.such.host.invalid:6831"]);
}

#[test]
fn malformed_hosts() {
    for host in ["a..b", "with space", "[::1", "x".repeat(300).as_str()] {
        let config = Config::new("shop")
            .sampler(Sampler::Const(true))
            .agent_host(host);
        // The configuration refuses such a host, or the resolver does not find it.
        match config.new_tracer() {
            Err(ConfigError::Invalid { .. }) => {}
            Err(error) => panic!("{error}"),
            Ok(tracer) => {
                loses_one(&tracer, LossCause::Failed, &[host]);
            }
        }
    }
}

#[test]
fn a_closed_port() {
    let (_socket, port) = common::closed_port();
    let tracer = tracer(|config| config.agent_host("127.0.0.1").agent_port(port));
    loses_one(&tracer, LossCause::Refused, &[&format!("127.0.0.1:{port}")]);
}

#[test]
fn a_forbidden_broadcast() {
    // Broadcasts need a permission that the socket does not have.
    let tracer = tracer(|config| config.agent_host("255.255.255.255"));
    loses_one(&tracer, LossCause::Failed, &["255.255.255.255:6831"]);
}

#[test]
fn an_address_of_the_other_ip_version() {
    let tracer = tracer(|config| config.agent_host("127.0.0.1").ip_version(IpVersion::V6));
    loses_one(&tracer, LossCause::Failed, &["127.0.0.1:6831"]);
}

#[test]
fn port_0() {
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent_port(0);
    let error = config.new_tracer().unwrap_err();
    assert!(matches!(error, ConfigError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("agent_port(0)"), "{error}");
}
