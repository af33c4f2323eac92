//! The collector: which source wins, the spellings of the clients, and what is never shown.

use std::time::Duration;

use super::found_in_the_wild::{beside, outcome};
use super::{CONST, settings};
use crate::config::{CollectorSettings, Config, Protocol, Sampler};

fn collector(yaml: &str, variables: &[(&str, &str)]) -> CollectorSettings {
    let settings = settings(yaml, variables);
    settings
        .collector
        .unwrap_or_else(|| panic!("{yaml} {variables:?}"))
}

fn authorization(collector: &CollectorSettings) -> Vec<&str> {
    let headers = collector.headers.iter();
    let found = headers.filter(|(name, _)| name == "authorization");
    found.map(|(_, value)| value.expose()).collect()
}

#[test]
fn each_client_names_a_collector() {
    let go = "
reporter:
  collectorEndpoint: http://jaeger:14268/api/traces
  user: me
  password: hunter2
  http_headers: {X-Tenant: shop}
";
    let go = collector(go, &[]);
    assert_eq!(go.protocol, Protocol::Thrift);
    assert_eq!(go.endpoint.to_string(), "http://jaeger:14268/api/traces");
    assert_eq!(authorization(&go), ["Basic bWU6aHVudGVyMg=="]);
    assert_eq!(go.headers[0].0, "X-Tenant");
    let node = "reporter: {collectorEndpoint: 'http://jaeger', username: me, password: hunter2, timeoutMs: 700}";
    let node = collector(node, &[]);
    assert_eq!(authorization(&node), authorization(&go));
    assert_eq!(node.timeout, Some(Duration::from_millis(700)));
    let java = [
        ("JAEGER_ENDPOINT", "http://jaeger:14268"),
        ("JAEGER_AUTH_TOKEN", "hunter2"),
    ];
    let java = collector("", &java);
    assert_eq!(java.endpoint.to_string(), "http://jaeger:14268/api/traces");
    assert_eq!(authorization(&java), ["Bearer hunter2"]);
}

#[test]
fn code_wins_over_the_environment_and_that_over_the_file() {
    let yaml = format!(
        "{CONST}collector: {{endpoint: 'http://file', timeout: 0s, retry_time: 5s, max_batch_spans: 7}}"
    );
    let variables = [
        ("JAEGER_ENDPOINT", "http://variable"),
        ("JAEGER_AGENT_HOST", "agent"),
    ];
    let config = Config::from_yaml_str("t.yaml", &yaml).unwrap();
    let file = config.resolve().unwrap().collector.unwrap();
    assert_eq!(file.endpoint.host(), "file");
    assert_eq!(
        (file.timeout, file.retry_time),
        (None, Duration::from_secs(5))
    );
    assert_eq!(file.max_batch_spans, 7);
    let config = config.with_variables(variables).unwrap();
    let host = |config: &Config| {
        config
            .resolve()
            .unwrap()
            .collector
            .unwrap()
            .endpoint
            .host()
            .to_owned()
    };
    assert_eq!(host(&config), "variable");
    assert_eq!(host(&config.collector("http://code")), "code");
}

#[test]
fn otlp_has_a_path_and_128_bit_ids_by_default() {
    let yaml = "collector: {otlp_endpoint: 'http://jaeger:4318'}\npropagation: jaeger";
    let settings = settings(yaml, &[]);
    let collector = settings.collector.unwrap();
    assert_eq!(
        collector.endpoint.to_string(),
        "http://jaeger:4318/v1/traces"
    );
    assert_eq!(
        (collector.protocol, settings.trace_id_128bit),
        (Protocol::Otlp, true)
    );
    let both = outcome(
        &beside("collector: {otlp_endpoint: 'http://a', endpoint: 'http://a'}"),
        &[],
    );
    assert!(both.unwrap_err()[0].contains("contradicts"));
}

#[test]
fn a_user_wins_over_a_token_and_both_over_the_address() {
    let url = ("JAEGER_ENDPOINT", "http://a:b@host");
    let user = [("JAEGER_USER", "me"), ("JAEGER_PASSWORD", "hunter2")];
    let token = ("JAEGER_AUTH_TOKEN", "t");
    let of = |variables: &[(&str, &str)]| authorization(&collector("", variables)).join(",");
    assert_eq!(of(&[url]), "Basic YTpi");
    assert_eq!(
        of(&[url, user[0], user[1], token]),
        "Basic bWU6aHVudGVyMg=="
    );
    let alone = outcome(&beside(""), &[url, user[0]]);
    let expected = "JAEGER_USER: a user and a password belong together; set both";
    assert_eq!(alone, Err(vec![expected.to_owned()]));
}

#[test]
fn an_address_without_a_scheme_gets_a_warning() {
    let config = Config::new("s").sampler(Sampler::Const(true));
    let config = config
        .with_variables([("JAEGER_ENDPOINT", "jaeger:14268")])
        .unwrap();
    assert_eq!(
        config.warnings()[0].to_string(),
        "JAEGER_ENDPOINT: no scheme, so http:// is used"
    );
    let endpoint = config.resolve().unwrap().collector.unwrap().endpoint;
    assert_eq!(endpoint.to_string(), "http://jaeger:14268/api/traces");
}

#[test]
fn a_batch_takes_a_sixteenth_of_the_memory_at_most() {
    let bytes = |config: Config| config.resolve().unwrap().collector.unwrap().max_batch_bytes;
    let config = Config::new("s")
        .sampler(Sampler::Const(true))
        .collector("http://host");
    assert_eq!(bytes(config.clone()), 1_000_000);
    assert_eq!(bytes(config.memory_limit(1 << 20)), 1 << 16);
}

#[test]
fn nothing_secret_is_ever_shown() {
    let config = Config::new("s")
        .sampler(Sampler::Const(true))
        .collector("http://hunter2:hunter2@host/?key=hunter2")
        .collector_user("me-hunter2", "hunter2")
        .collector_token("hunter2")
        .collector_header("x-key", "hunter2");
    let settings = config.resolve().unwrap();
    let wrong = config
        .clone()
        .collector("http://hunter2:hunter2@")
        .collector_header("a b", "hunter2");
    let error = wrong.resolve().unwrap_err();
    assert_eq!(error.faults().len(), 2);
    for shown in [
        format!("{config:?}"),
        format!("{settings:?}"),
        error.to_string(),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn what_needs_another_feature_names_it() {
    let config = Config::new("s").sampler(Sampler::Const(true));
    let error = |config: Config| config.resolve().unwrap_err().to_string();
    let https = error(config.clone().collector("https://host"));
    assert_eq!(
        https,
        "Config::collector(…): this build has no TLS; use the feature `tls` of picojaeger-std, or http://"
    );
    if cfg!(not(feature = "gzip")) {
        let gzip = error(config.gzip(true));
        assert_eq!(
            gzip,
            "Config::gzip(true): this build cannot compress; use the feature `gzip` of picojaeger-std"
        );
    }
}
