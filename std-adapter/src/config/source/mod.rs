//! Reading the sources of settings: the file and the environment.

mod duration;
#[cfg(feature = "yaml")]
mod file;
mod keys;
mod nearest;
mod otel;
mod typed_value;
mod untyped_value;
mod variables;
#[cfg(feature = "yaml")]
mod yaml;

#[cfg(feature = "yaml")]
pub(super) use file::{read_file, read_text};
pub(super) use typed_value::Entry;
pub(super) use untyped_value::Value;
#[cfg(feature = "yaml")]
pub(super) use variables::environment_disables;
pub(super) use variables::{Environment, Variables, with_variable};
