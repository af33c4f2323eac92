//! Rules of the whole configuration, and the text of each error.

#[cfg(all(feature = "yaml", feature = "http"))]
mod clients;
mod code;
#[cfg(all(feature = "yaml", feature = "http"))]
mod collector;
#[cfg(feature = "yaml")]
mod file;
#[cfg(feature = "yaml")]
mod file_errors;
#[cfg(feature = "yaml")]
mod found_in_the_wild;
mod otel;
#[cfg(all(feature = "yaml", feature = "http"))]
mod receivers;
#[cfg(feature = "yaml")]
mod sampling;
mod variables;

use std::time::Duration;

use super::*;

#[cfg(feature = "yaml")]
const CONST: &str = "service_name: s\nsampler: {type: const, param: 1}\n";

#[cfg(feature = "yaml")]
const NO_VARIABLES: [(&str, &str); 0] = [];

/// Settings of a file with service name and sampler, and of variables.
#[cfg(feature = "yaml")]
fn settings(yaml: &str, variables: &[(&str, &str)]) -> Settings {
    Config::from_yaml_str("t.yaml", &format!("{CONST}{yaml}"))
        .and_then(|config| config.with_variables(variables.iter().copied()))
        .and_then(|config| config.resolve())
        .unwrap_or_else(|error| panic!("{yaml} {variables:?}: {error}"))
}

/// The error of a file, over a service name and a sampler in code.
#[cfg(feature = "yaml")]
fn error(yaml: &str) -> String {
    Config::from_yaml_str("t.yaml", yaml)
        .and_then(|config| {
            let config = config.service_name("s").sampler(Sampler::Const(true));
            config.resolve()
        })
        .expect_err(yaml)
        .to_string()
}

/// The error of a file alone.
#[cfg(feature = "yaml")]
fn error_alone(yaml: &str) -> String {
    Config::from_yaml_str("t.yaml", yaml)
        .and_then(|config| config.resolve())
        .expect_err(yaml)
        .to_string()
}

/// The warnings of a configuration, one line each.
#[cfg(feature = "yaml")]
fn warnings(config: &Config) -> Vec<String> {
    let warnings = config.warnings();
    warnings.iter().map(ToString::to_string).collect()
}
