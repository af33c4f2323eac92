//! Settings of which one means nothing without another.

use crate::config::ConfigWarning;
use crate::config::error::Origin;
use crate::config::settings::layer::Layer;
use crate::config::settings::setting::Setting;

/// Drops a user without a password, a certificate of the client without its key, and the reverse:
/// each would be an error, which no variable of OpenTelemetry may be.
pub(crate) fn drop_halves(layer: &mut Layer) {
    let collector = &mut layer.collector;
    let halves = [
        half(&mut collector.user, &mut collector.password),
        half(&mut collector.client_certificate, &mut collector.client_key),
    ];
    for origin in halves.into_iter().flatten() {
        let warning = ConfigWarning::new(origin, "ignored without its other half; set both");
        layer.warnings.push(warning);
    }
}

/// Drops the one of both that was made alone, and returns its origin.
fn half<T>(one: &mut Setting<T>, other: &mut Setting<T>) -> Option<Origin> {
    let origin = match (one.made(), other.made()) {
        (Some((_, origin)), None) | (None, Some((_, origin))) => origin.clone(),
        _ => return None,
    };
    one.refuse();
    other.refuse();
    Some(origin)
}
