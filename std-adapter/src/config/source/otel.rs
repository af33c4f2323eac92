//! Reading OpenTelemetry's variables.

use super::variables::{Variables, with_variable};
use crate::config::settings::{Layer, drop_halves, otel_names};

/// Reads the variables; an empty one is unset, and one that is wrong is ignored with a warning.
pub(crate) fn read_otel(variables: &Variables) -> Layer {
    let mut layer = Layer::default();
    for (names, apply) in otel_names() {
        for name in *names {
            let is_good = with_variable(variables, name, |entry| {
                let outcome = apply(&mut layer, entry, variables);
                outcome
                    .map_err(|fault| layer.warn_of_ignored(entry, &fault))
                    .is_ok()
            });
            if is_good == Some(true) {
                break;
            }
        }
    }
    drop_halves(&mut layer);
    layer
}

/// Returns whether the variable is one of those.
pub(super) fn is_otel(name: &str) -> bool {
    otel_names().any(|(names, _)| names.contains(&name))
}
