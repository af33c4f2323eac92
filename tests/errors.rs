//! Errors as a program's users see them: by `main`, which prints `Debug`.

use std::error::Error as _;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, Error, InitializeError, SpanContext, TraceId};

/// A function as a program has it.
type Failing = fn() -> Result<(), Error>;

fn wrong_file() -> Result<(), Error> {
    Config::from_yaml_file("no/such/jaeger.yaml")?.new_tracer()?;
    Ok(())
}

fn wrong_setting() -> Result<(), Error> {
    Config::new("shop")
        .sampler(Sampler::Probabilistic(2.0))
        .initialize_tracer()?;
    Ok(())
}

fn wrong_settings() -> Result<(), Error> {
    let text = "service_name: shop\nagent_port: x\nlogging: perhaps\n";
    Config::from_yaml_str("jaeger.yaml", text)?.initialize_tracer()?;
    Ok(())
}

fn closed_port() -> Result<(), Error> {
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let tracer = config.agent_host("127.0.0.1").agent_port(1).new_tracer()?;
    tracer.start("order").finish();
    tracer.close(Duration::from_secs(10))?;
    Ok(())
}

fn wrong_key() -> Result<(), Error> {
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let mut span = config.agent(false).new_tracer()?.start("order");
    span.set_baggage_item("two words", "x")?;
    Ok(())
}

fn wrong_text() -> Result<(), Error> {
    let _id: TraceId = "0x1f".parse()?;
    Ok(())
}

fn wrong_context() -> Result<(), Error> {
    let _context: SpanContext = "1:2".parse()?;
    Ok(())
}

#[test]
fn debug_prints_the_text_and_its_causes() {
    let cases: [(Failing, &[&str]); 7] = [
        (wrong_file, &["no/such/jaeger.yaml", "No such file"]),
        (wrong_setting, &["sampler"]),
        (wrong_settings, &["agent_port: x", "\njaeger.yaml:3:10: "]),
        (closed_port, &["1 spans lost (1 refused)", "127.0.0.1:1"]),
        (wrong_key, &["\"two words\""]),
        (wrong_text, &["hex digit"]),
        (wrong_context, &["span id must be 1 to 16 hex digits"]),
    ];
    for (run, parts) in cases {
        let error = run().unwrap_err();
        let (debug, text) = (format!("{error:?}"), error.to_string());
        assert!(debug.starts_with(&text), "{debug} / {text}");
        for part in parts {
            assert!(debug.contains(part), "{part} in {debug}");
        }
        assert!(!debug.contains('{'), "{debug} is no derived one");
        let mut source = error.source();
        while let Some(cause) = source {
            assert!(debug.contains(&cause.to_string()), "{cause} in {debug}");
            source = cause.source();
        }
    }
}

#[test]
fn an_unreadable_file_has_the_systems_error_as_its_source() {
    let error = wrong_file().unwrap_err();
    let source = error.source().unwrap();
    assert!(source.is::<std::io::Error>(), "{source:?}");
}

/// Its text is the configuration's error, which would else come twice in a chain.
#[test]
fn an_initialize_error_has_the_cause_of_its_wrong_setting_as_its_source() {
    let wrong = Config::from_yaml_file("no/such/jaeger.yaml").unwrap_err();
    let error = InitializeError::Config(wrong);
    let source = error.source().unwrap();
    assert!(source.is::<std::io::Error>(), "{source:?}");
}
