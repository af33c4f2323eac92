//! Reading the environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::nearest::nearest;
use super::typed_value::Entry;
use super::untyped_value::Value;
use crate::config::error::{ConfigError, Origin, clean};
use crate::config::settings::{Apply, Layer, all_names, tags_variable};

const PREFIX: &str = "JAEGER_";
const TAGS: &str = "JAEGER_TAGS";

/// The variables of all subjects, and those that are refused.
fn known() -> impl Iterator<Item = &'static (&'static str, Apply)> {
    all_names().flat_map(|names| names.variables)
}

/// Collects the process's variables that are text. Those with our prefix must be text.
pub(crate) fn collect(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (name, value) in all {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                variables.insert(name, value);
            }
            (Ok(name), Err(value)) if name.starts_with(PREFIX) => {
                return Err(ConfigError::Invalid {
                    origin: Origin::Variable { name: name.into() },
                    found: clean(&value.to_string_lossy()).into(),
                    problem: "not UTF-8",
                    accepted: "UTF-8 text",
                });
            }
            _ => {} // another program's
        }
    }
    Ok(variables)
}

/// Reads the variables; an empty one is unset.
pub(crate) fn read_variables(variables: &BTreeMap<String, String>) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for (name, text) in variables {
        if text.is_empty() || !name.starts_with(PREFIX) {
            continue;
        }
        let value = Value::Variable(text.clone());
        let entry = Entry {
            value: &value,
            origin: Origin::Variable {
                name: name.as_str().into(),
            },
        };
        if name == TAGS {
            let tags = tags_variable(&entry, text, variables)?;
            layer.process.tags.set(&entry, tags)?;
        } else if let Some((_, apply)) = known().find(|(known, _)| known == name) {
            apply(&mut layer, &entry)?;
        } else {
            reject_misspelt(name)?;
        }
    }
    layer.check_sampler()?;
    Ok(layer)
}

/// Other Jaeger programs have variables with our prefix, so a name that resembles none of ours is
/// left to them.
fn reject_misspelt(name: &str) -> Result<(), ConfigError> {
    let names = known().map(|(name, _)| *name).chain([TAGS]);
    match nearest(name, 2, names) {
        Some(nearest) => Err(ConfigError::UnknownVariable {
            name: clean(name).into(),
            nearest,
        }),
        None => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn only_our_variables_must_be_text() {
        let pair = |name: &str, value: &[u8]| (name.into(), OsString::from_vec(value.into()));
        let others = [pair("OTHER", b"\xff"), pair("JAEGER_TAGS", b"a=b")];
        let expected = BTreeMap::from([("JAEGER_TAGS".into(), "a=b".into())]);
        assert_eq!(collect(others.into_iter()).unwrap(), expected);
        let error = collect([pair("JAEGER_TAGS", b"\xff")].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "JAEGER_TAGS=\u{fffd}: not UTF-8; use UTF-8 text"
        );
    }
}
