//! Expected trees, as text.

use std::error::Error;
use std::fmt;

use super::Node;
use super::text::{quoted, tag_text};
use crate::model::{Tag, TagValue};

/// An expected tree that cannot be read: which line, and why.
///
/// ```
/// use picojaeger_std::testing::TestTracer;
///
/// let error = TestTracer::new().tree().difference("order | =7").unwrap_err();
/// assert_eq!(error.to_string(), "line 1 of the expected trace: a tag without a key: order | =7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTreeError {
    line: usize,
    cause: &'static str,
    text: String,
}

/// A line, and the lines under it.
pub(super) struct Expected {
    /// The line as it was written, without the spaces before it.
    pub(super) line: String,
    name: String,
    tags: Vec<ExpectedTag>,
    pub(super) children: Vec<Expected>,
}

enum ExpectedTag {
    Any(String),
    None(String),
    Is(String, String),
}

impl Expected {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the line holds for a span, whatever is under it.
    pub(super) fn holds(&self, node: &Node) -> bool {
        self.name == node.name && self.tags.iter().all(|tag| tag.holds(node))
    }
}

impl ExpectedTag {
    fn holds(&self, node: &Node) -> bool {
        match self {
            ExpectedTag::Any(key) => node.tags.iter().any(|tag| tag.key == *key),
            ExpectedTag::None(key) => node.tags.iter().all(|tag| tag.key != *key),
            ExpectedTag::Is(key, value) => {
                let found = node.tags.iter().rfind(|tag| tag.key == *key);
                found.is_some_and(|tag| is_text(&tag.value, value) || has_form(tag, key, value))
            }
        }
    }
}

/// Whether a value is this text, which may be quoted: bare text may not begin with a quotation mark.
fn is_text(value: &TagValue, expected: &str) -> bool {
    match value {
        TagValue::String(text) if expected.starts_with('"') => quoted(text) == expected,
        TagValue::String(text) => text == expected,
        _ => false,
    }
}

/// Whether a tag is printed so.
fn has_form(tag: &Tag, key: &str, value: &str) -> bool {
    tag_text(tag) == format!("{key}={value}")
}

/// Reads the lines; empty ones mean nothing.
pub(super) fn parse(text: &str) -> Result<Vec<Expected>, ExpectedTreeError> {
    let mut levels = Levels::default();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if !trimmed.is_empty() {
            let indent = line.len() - line.trim_start().len();
            let read = levels.leave(indent).and_then(|()| parse_line(trimmed));
            let expected = read.map_err(|cause| ExpectedTreeError {
                line: at + 1,
                cause,
                text: trimmed.to_owned(),
            })?;
            levels.open.push((indent, expected));
        }
    }
    while levels.close().is_some() {}
    Ok(levels.roots)
}

/// The lines that the next one may be under, with their indentation, and what is complete.
#[derive(Default)]
struct Levels {
    open: Vec<(usize, Expected)>,
    roots: Vec<Expected>,
}

impl Levels {
    /// Closes the lines that a line with this indentation is not under.
    fn leave(&mut self, indent: usize) -> Result<(), &'static str> {
        let mut sibling = None;
        while self.open.last().is_some_and(|(above, _)| *above >= indent) {
            sibling = self.close();
        }
        match sibling {
            Some(level) if level != indent => {
                Err("it stands between the levels of the lines above")
            }
            _ => Ok(()),
        }
    }

    /// Closes the last line, and returns its indentation.
    fn close(&mut self) -> Option<usize> {
        let (indent, closed) = self.open.pop()?;
        match self.open.last_mut() {
            Some((_, parent)) => parent.children.push(closed),
            None => self.roots.push(closed),
        }
        Some(indent)
    }
}

fn parse_line(line: &str) -> Result<Expected, &'static str> {
    let (name, mut rest) = line.split_once(" | ").unwrap_or((line, ""));
    let mut tags = Vec::new();
    while !rest.trim_start().is_empty() {
        let (tag, after) = parse_tag(rest.trim_start())?;
        tags.push(tag);
        rest = after;
    }
    Ok(Expected {
        line: line.to_owned(),
        name: name.trim_end().to_owned(),
        tags,
        children: Vec::new(),
    })
}

/// Reads a tag, and returns what follows it.
fn parse_tag(text: &str) -> Result<(ExpectedTag, &str), &'static str> {
    let end = text.find([' ', '=']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else {
        let tag = match key.strip_prefix('!') {
            Some("") => return Err("a tag without a key"),
            Some(key) => ExpectedTag::None(key.to_owned()),
            None => ExpectedTag::Any(key.to_owned()),
        };
        return Ok((tag, rest));
    };
    if key.is_empty() {
        return Err("a tag without a key");
    }
    let end = match value.strip_prefix('"') {
        Some(quoted) => {
            let end = 1 + end_of_text(quoted).ok_or("a quotation without its end")?;
            end + end_of_cut(value.get(end..).unwrap_or_default())
        }
        None => value.find(' ').unwrap_or(value.len()),
    };
    let (value, rest) = value.split_at(end);
    let tag = ExpectedTag::Is(key.to_owned(), value.to_owned());
    Ok((tag, rest))
}

/// Returns where quoted text ends, with its quotation mark.
fn end_of_text(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = quoted.char_indices().find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map(|(at, _)| at + 1)
}

/// Returns the length of what is printed behind text that was cut: `... (300 bytes)`.
fn end_of_cut(rest: &str) -> usize {
    let is_cut = rest.starts_with("... (");
    let end = rest.find(')').filter(|_| is_cut);
    end.map_or(0, |at| at + 1)
}

impl fmt::Display for ExpectedTreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExpectedTreeError { line, cause, text } = self;
        write!(f, "line {line} of the expected trace: {cause}: {text}")
    }
}

impl Error for ExpectedTreeError {}
