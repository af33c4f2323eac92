//! Reading the sources of settings: the file and the environment.

mod duration;
#[cfg(feature = "yaml")]
mod file;
mod keys;
mod nearest;
mod otel;
mod reference;
mod typed_value;
mod untyped_value;
mod variables;
#[cfg(feature = "yaml")]
mod yaml;

#[cfg(feature = "yaml")]
pub(super) use file::{FileText, layers, read_file, read_text};
pub(super) use otel::read_otel;
pub(super) use reference::referenced;
pub(super) use typed_value::Entry;
pub(crate) use untyped_value::Value;
pub(super) use variables::{Environment, Variables, with_variable};
#[cfg(feature = "yaml")]
pub(super) use variables::{environment_disables, process_variables};
#[cfg(feature = "collector")]
pub(crate) use {
    nearest::nearest,
    untyped_value::{KeyText, Node},
    yaml::{Fault, parse},
};
