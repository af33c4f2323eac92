//! Any YAML text is a configuration, or an error that prints.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{assert_prints, assert_resolves};
use picojaeger_std::Config;

fuzz_target!(|text: &str| {
    match Config::from_yaml_str("fuzz.yaml", text) {
        Ok(config) => assert_resolves(&config),
        Err(error) => assert_prints(&error),
    }
});
