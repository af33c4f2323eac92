//! The service, its resource attributes, and whether it traces.

use super::OtelName;
use super::value::{boolean, pairs};
use crate::config::error::ConfigError;
use crate::config::settings::layer::Layer;
use crate::config::settings::set_tag;
use crate::config::settings::tracer::Mode;
use crate::config::source::Entry;
use crate::model::TagValue;

const NOT_A_FILE: &str = "not read; give the file to Config::from_yaml_file";

pub(super) static NAMES: &[OtelName] = &[
    (&["OTEL_SDK_DISABLED"], |layer, entry, _| {
        match boolean(layer, entry) {
            true => layer.tracer.mode.set(entry, Mode::PropagationOnly),
            false => Ok(()),
        }
    }),
    (&["OTEL_SERVICE_NAME"], |layer, entry, _| {
        layer.process.service_name.set(entry, entry.text()?)
    }),
    // After the name, which wins over `service.name` in here.
    (&["OTEL_RESOURCE_ATTRIBUTES"], |layer, entry, _| {
        resource_attributes(layer, &entry.hidden())
    }),
    (&["OTEL_CONFIG_FILE"], |layer, entry, _| {
        layer.warn(entry, NOT_A_FILE);
        Ok(())
    }),
    (&["OTEL_EXPERIMENTAL_CONFIG_FILE"], |layer, entry, _| {
        layer.warn(entry, NOT_A_FILE);
        Ok(())
    }),
];

/// Reads the attributes; all of them are strings. Of equal keys the last counts.
fn resource_attributes(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let text = entry.as_text().unwrap_or_default();
    let mut tags = Vec::new();
    let mut service_name = None;
    for (key, value) in pairs(text).map_err(|violation| entry.invalid(violation))? {
        match key.as_str() {
            "service.name" => service_name = Some(value),
            _ => set_tag(&mut tags, &key, &TagValue::String(value)),
        }
    }
    if let Some(name) = service_name
        && layer.process.service_name.made().is_none()
    {
        layer.process.service_name.set(entry, name)?;
    }
    layer.process.tags.set(entry, tags)
}
