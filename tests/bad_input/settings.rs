//! Invalid configurations, each with an error that names the place.

use picojaeger_std::config::{Config, ConfigError, Origin, Sampler};

/// Returns the error of this text, from reading or from resolving.
#[track_caller]
fn error(text: &str) -> ConfigError {
    let resolved =
        Config::from_yaml_str("jaeger.yaml", text).and_then(|config| config.new_tracer());
    resolved.expect_err(text)
}

/// Checks that the text, with a service name and a sampler in code, gives an error that begins with
/// this place and has these parts.
#[track_caller]
fn is_wrong(text: &str, place: &str, parts: &[&str]) {
    let config = Config::from_yaml_str("jaeger.yaml", text).unwrap();
    let config = config.service_name("shop").sampler(Sampler::Const(true));
    check(&config.new_tracer().expect_err(text), place, parts);
}

#[track_caller]
fn check(error: &ConfigError, place: &str, parts: &[&str]) {
    let message = error.to_string();
    assert!(message.starts_with(place), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A whole configuration with this sampler.
fn sampler(text: &str) -> String {
    format!("service_name: shop\nsampler: {{{text}}}\n")
}

#[test]
fn malformed_yaml() {
    for text in [
        "service_name: [",
        "\t- x",
        "a: b: c",
        "'",
        "&a [*a, *b]",
        "{",
        "service_name: \"x",
    ] {
        assert!(
            matches!(error(text), ConfigError::Malformed { line: 1.., .. }),
            "{text:?}"
        );
    }
    for text in ["- service_name", "just text", "42"] {
        let message = error(text).to_string();
        assert!(message.starts_with("jaeger.yaml:1:"), "{message}");
    }
}

#[test]
fn unknown_keys() {
    is_wrong(
        "service_name: shop\nsampler:\n    tpye: const\n    param: 1\n",
        "jaeger.yaml:3:5: ",
        &["`sampler.tpye`", "`type`"],
    );
    let error = error("service_name: shop\nserivce_name: shop\nsampler: {type: const, param: 1}");
    let ConfigError::UnknownKey { origin, nearest } = error else {
        panic!("{error}");
    };
    assert!(matches!(
        origin,
        Origin::File {
            line: 2,
            column: 1,
            ..
        }
    ));
    assert_eq!(nearest.as_deref(), Some("service_name"));
}

#[test]
fn duplicate_keys() {
    let error = error("service_name: shop\nlogging: true\nservice_name: shop\n");
    let [ConfigError::DuplicateKey { origin, first_line }] = error.faults() else {
        panic!("{error}");
    };
    assert!(matches!(origin, Origin::File { line: 3, .. }));
    assert_eq!(*first_line, 1);
}

#[test]
fn wrong_types() {
    is_wrong(
        "service_name: [shop]\n",
        "jaeger.yaml:1:15: ",
        &["`service_name"],
    );
    is_wrong(
        "service_name: shop\nlogging: perhaps\n",
        "jaeger.yaml:2:10: ",
        &["`logging: perhaps`"],
    );
    is_wrong("sampler: const\n", "jaeger.yaml:1:10: ", &["`sampler"]);
    is_wrong(
        "agent_port: many\n",
        "jaeger.yaml:1:13: ",
        &["`agent_port: many`"],
    );
    is_wrong("tags: 7\n", "jaeger.yaml:1:7: ", &["`tags"]);
}

#[test]
fn ports_out_of_range() {
    for port in ["0", "65536", "-1", "6831.5", "1e99"] {
        is_wrong(
            &format!("agent_port: {port}\n"),
            "jaeger.yaml:1:13: ",
            &["`agent_port: "],
        );
    }
}

#[test]
fn no_service_name() {
    for name in [
        "",
        "service_name: ''\n",
        "service_name: ' '\n",
        "service_name:\n",
    ] {
        let error = error(&format!("{name}sampler: {{type: const, param: 1}}\n"));
        check(&error, "no service name", &["JAEGER_SERVICE_NAME"]);
    }
    let error = Config::new("")
        .sampler(Sampler::Const(true))
        .new_tracer()
        .unwrap_err();
    assert!(error.to_string().contains("service"), "{error}");
}

#[test]
fn samplers() {
    for (text, part) in [
        ("type: sometimes, param: 1", "sometimes"),
        ("type: remote, param: 2", "remote"),
        ("param: 2", "remote"),
        ("type: const, param: 2", "2"),
        ("type: const, param: NaN", "NaN"),
        ("type: probabilistic, param: .nan", "NaN"),
        ("type: probabilistic, param: -0.1", "-0.1"),
        ("type: probabilistic, param: 1.1", "1.1"),
        ("type: probabilistic, param: .inf", "inf"),
        ("type: ratelimiting, param: -1", "-1"),
        ("type: ratelimiting, param: .nan", "NaN"),
        ("type: ratelimiting, param: often", "often"),
    ] {
        check(
            &error(&sampler(text)),
            "jaeger.yaml:2:",
            &["`sampler.", part],
        );
    }
    for kind in ["const", "probabilistic", "ratelimiting"] {
        let error = error(&sampler(&format!("type: {kind}")));
        assert!(
            matches!(error, ConfigError::MissingSamplerParam { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("sampler.param"), "{error}");
    }
}

#[test]
fn samplers_in_code() {
    for sampler in [
        Sampler::Probabilistic(f64::NAN),
        Sampler::Probabilistic(-0.1),
        Sampler::Probabilistic(1.1),
        Sampler::RateLimiting(-1.0),
        Sampler::RateLimiting(f64::NAN),
        Sampler::RateLimiting(f64::INFINITY),
    ] {
        let error = Config::new("shop")
            .sampler(sampler)
            .new_tracer()
            .unwrap_err();
        let ConfigError::Invalid { origin, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*origin, Origin::Code { method: "sampler" });
    }
}

#[test]
fn an_error_leaves_the_next_configuration_alone() {
    assert!(Config::from_yaml_str("jaeger.yaml", "{").is_err());
    let good = Config::from_yaml_str("jaeger.yaml", &sampler("type: const, param: 1"));
    let tracer = good.unwrap().agent(false).new_tracer().unwrap();
    tracer.start("order").finish();
    assert_eq!(tracer.stats().sampled, 1);
}
