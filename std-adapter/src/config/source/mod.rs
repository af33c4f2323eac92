//! Reading the sources of settings: the file and the environment.

mod duration;
mod entry;
mod file;
mod keys;
mod nearest;
mod value;
mod variables;
mod yaml;

pub(super) use entry::Entry;
pub(super) use file::{decode, read};
pub(super) use value::Value;
pub(super) use variables::{collect, read_variables};
