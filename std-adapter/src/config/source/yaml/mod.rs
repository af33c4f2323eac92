//! YAML text into an untyped tree in which every key and value knows its line and column.
//!
//! The text is read twice: its events into a flat list (`items`), and the list into the tree
//! (`tree`), where an alias is a second reading of a part of the list. So an anchor costs nothing
//! until it is used, and what aliases multiply is counted before it is there.
//!
//! Booleans are those of YAML 1.1 as PyYAML reads them. A key that occurs twice stays in the tree
//! twice, for the reader to report. Aliases and merge keys work, within bounds that keep a hostile
//! file from costing more than a few MiB.

mod items;
mod scalar;
mod tag;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;

use super::untyped_value::{Node, Place};

/// The longest key or value, in bytes; with `MAX_REPEATED` it bounds what aliases multiply.
const MAX_SCALAR: usize = 16 << 10;
/// The most keys, values, lists and maps in a file.
const MAX_NODES: usize = 20_000;
/// The deepest nesting of lists and maps, which the reader of the tree goes down by recursion.
const MAX_DEPTH: usize = 16;
const TOO_DEEP: &str = "lists and maps nested more than 16 deep";
/// The most anchors in a file, aliases in it, and merge keys after its aliases are resolved.
const MAX_REFERENCES: usize = 100;
/// The most nodes, and ends of lists and maps, that all aliases together stand for.
const MAX_REPEATED: usize = 1_000;

/// A text that is not read, and the place where reading ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) message: Cow<'static, str>,
}

/// Reads one document; an empty one is null.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    tree::read(&items::read(text)?)
}

impl Place {
    /// An error here.
    pub(crate) fn fault(self, message: impl Into<Cow<'static, str>>) -> Fault {
        Fault {
            place: self,
            message: message.into(),
        }
    }
}
