//! Trees as lines.

use std::fmt::Write as _;

use super::Node;
use crate::collector::waterfall::text::{Escaped, Quoted, Tags};
use crate::model::Tag;

/// Returns a tag as the collector's waterfall has it.
pub(super) fn tag_text(tag: &Tag) -> String {
    Tags(std::slice::from_ref(tag)).to_string()
}

/// Returns text in quotation marks, escaped as in a tag but whole, however long it is.
pub(super) fn quoted(text: &str) -> String {
    Quoted(text).to_string()
}

/// Returns the line of a span.
pub(super) fn line(node: &Node) -> String {
    let name = Escaped(&node.name);
    match node.tags.is_empty() {
        true => name.to_string(),
        false => format!("{name} | {}", Tags(&node.tags)),
    }
}

/// Writes a line at a depth, behind a mark.
pub(super) fn write_line(lines: &mut String, mark: &str, depth: usize, line: &str) {
    // Writing to a string does not fail.
    let _written = writeln!(lines, "{mark}{:1$}{line}", "", 2 * depth);
}

/// Writes the line of a span and those under it.
pub(super) fn write_tree(lines: &mut String, mark: &str, depth: usize, node: &Node) {
    write_line(lines, mark, depth, &line(node));
    for child in &node.children {
        write_tree(lines, mark, depth + 1, child);
    }
}
