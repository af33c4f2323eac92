//! Reading the sources of settings: the file and the environment.

mod duration;
mod entry;
#[cfg(feature = "yaml")]
mod file;
mod keys;
mod nearest;
mod value;
mod variables;
#[cfg(feature = "yaml")]
mod yaml;

pub(super) use entry::Entry;
#[cfg(feature = "yaml")]
pub(super) use file::{read_file, read_text};
pub(super) use value::Value;
pub(super) use variables::{collect, read_variables};
