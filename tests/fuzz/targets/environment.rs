//! Any variables are a configuration, or an error that prints.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{assert_prints, assert_resolves, pairs};
use picojaeger_std::Config;

fuzz_target!(|text: &str| {
    let variables = pairs(text.as_bytes(), b'=');
    let variables = variables
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(value)));
    match Config::new("fuzz").with_variables(variables) {
        Ok(config) => assert_resolves(&config),
        Err(error) => assert_prints(&error),
    }
});
