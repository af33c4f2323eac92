//! The sampler, together with its argument.

use super::OtelName;
use crate::config::Sampler;
use crate::config::settings::layer::Layer;
use crate::config::source::{Variables, with_variable};

const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const NAMES_ACCEPTED: &str = "always_on, always_off or traceidratio, or one of these with parentbased_ \
                              before it";
const FOLLOWED: &str = "the decision of an incoming request is followed all the same, as with \
                        parentbased_ before the name";

pub(super) static NAMES: &[OtelName] = &[(&["OTEL_TRACES_SAMPLER"], |layer, entry, variables| {
    let name = entry.text()?.to_ascii_lowercase();
    let root = name.strip_prefix("parentbased_");
    let sampler = match root.unwrap_or(&name) {
        "always_on" => Sampler::Const(true),
        "always_off" => Sampler::Const(false),
        "traceidratio" => Sampler::Probabilistic(ratio(layer, variables)),
        _ => return Err(entry.wrong("unknown", NAMES_ACCEPTED)),
    };
    if root.is_none() {
        layer.warn(entry, FOLLOWED);
    }
    layer.sampler.whole.set(entry, sampler)
})];

/// Reads the share of traces that are kept; without one that is good, all of them are.
fn ratio(layer: &mut Layer, variables: &Variables) -> f64 {
    let share = with_variable(variables, ARGUMENT, |entry| {
        let share = entry
            .as_number()
            .filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            let fault = entry.wrong("not a probability", "0 to 1");
            layer.warn_of_ignored(entry, &fault);
        }
        share
    });
    share.flatten().unwrap_or(1.0)
}
