//! The formats of propagation.

use super::OtelName;
use super::value::list;
use crate::config::error::{ConfigError, clean};
use crate::config::settings::formats::{OTEL, find, once};
use crate::config::settings::layer::Layer;
use crate::config::source::Entry;

pub(super) static NAMES: &[OtelName] = &[(&["OTEL_PROPAGATORS"], |layer, entry, _| {
    propagators(layer, entry)
})];

/// Reads a list of formats, each once. `none` is no format; if no name is known, the list counts as
/// unset.
fn propagators(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let text = entry.text()?;
    let (mut formats, mut known) = (Vec::new(), false);
    for name in list(&text) {
        if name.eq_ignore_ascii_case("none") {
            known = true;
        } else if let Some(found) = find(&OTEL, name) {
            formats.extend(found);
            known = true;
        } else {
            let message = format!(
                "{} is not supported; use tracecontext, baggage, b3, b3multi, jaeger or none",
                clean(name)
            );
            layer.warn(entry, message);
        }
    }
    match known {
        true => layer.propagation.formats.set(entry, once(&formats)),
        false => Ok(()),
    }
}
