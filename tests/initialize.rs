//! The global tracer is set once. A test in a process of its own, since the tracer stays.

use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, InitializeError, global_tracer};

#[test]
fn the_global_tracer_is_set_once() {
    let config = Config::new("first")
        .sampler(Sampler::Const(true))
        .agent(false);
    assert!(!global_tracer().is_enabled());
    let wrong = Config::new("").initialize_tracer();
    assert!(
        matches!(wrong, Err(InitializeError::Config(_))),
        "{wrong:?}"
    );
    assert!(
        !global_tracer().is_enabled(),
        "a wrong setting sets nothing"
    );

    let other = config.new_tracer().unwrap();
    assert!(
        !global_tracer().is_enabled(),
        "new_tracer does not touch it"
    );
    let tracer = config.initialize_tracer().unwrap();
    let tags = tracer.process_tags();
    assert_eq!(global_tracer().process_tags(), tags);
    assert_ne!(other.process_tags(), tags, "each has a client-uuid");

    let second = Config::new("second")
        .sampler(Sampler::Const(false))
        .initialize_tracer();
    assert!(
        matches!(second, Err(InitializeError::AlreadyInitialized)),
        "{second:?}"
    );
    let ill = Config::new("").initialize_tracer();
    assert!(
        matches!(ill, Err(InitializeError::AlreadyInitialized)),
        "{ill:?}"
    );
    assert_eq!(global_tracer().process_tags(), tags);
    global_tracer().start("still the first").finish();
    drop(tracer);
    global_tracer().flush(Duration::from_secs(20)).unwrap();
    assert_eq!(global_tracer().stats().delivered, 1);
}
