//! Rules of the whole configuration, and the text of each error.

mod code;
#[cfg(feature = "yaml")]
mod file;
#[cfg(feature = "yaml")]
mod file_errors;
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

/// The error of a file alone, whether it comes from reading or from resolving.
#[cfg(feature = "yaml")]
fn error(yaml: &str) -> String {
    Config::from_yaml_str("t.yaml", yaml)
        .and_then(|config| config.resolve())
        .expect_err(yaml)
        .to_string()
}
