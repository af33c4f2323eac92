//! The events of a document as a flat list.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span};

use super::tag::Kind;
use super::{Fault, MAX_DEPTH, MAX_NODES, MAX_REFERENCES, MAX_SCALAR, TOO_DEEP};
use crate::config::source::untyped_value::Place;

const NO_ANCHOR: &str = "an alias without an anchor of its name before it";

/// An event and its place.
pub(super) struct Item<'t> {
    pub(super) event: Content<'t>,
    pub(super) place: Place,
}

/// The content of an event.
pub(super) enum Content<'t> {
    Scalar(Scalar<'t>),
    /// Begins a list, which has the nodes up to its end.
    List,
    /// Begins a map, which has a key and a value in turn up to its end.
    Map,
    End,
    /// Stands for the node that begins at this index.
    Alias(usize),
}

/// A scalar without the meaning of its text.
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    /// Without quotes, and in no block.
    pub(super) is_plain: bool,
    pub(super) kind: Kind,
}

/// Reads the events of one document.
pub(super) fn read(text: &str) -> Result<Vec<Item<'_>>, Fault> {
    let mut items = Items::default();
    for next in Parser::new_from_str_with_options(text, options()) {
        match next {
            Ok((event, span)) => items.push(event, start(&span))?,
            Err(error) => return Err(unreadable(&error)),
        }
    }
    Ok(items.list)
}

/// An error of the parser.
fn unreadable(error: &ScanError) -> Fault {
    let place = place(error.marker().line(), error.marker().col());
    match error.kind() {
        ErrorKind::UnknownAnchor => place.fault(NO_ANCHOR),
        ErrorKind::RecursionLimitExceeded => place.fault(TOO_DEEP),
        _ => place.fault(error.info()),
    }
}

fn options() -> Options {
    granit_parser::options! {
        emit_comments: false,
        block_nesting_limit: MAX_DEPTH,
        flow_nesting_limit: MAX_DEPTH,
    }
}

fn start(span: &Span) -> Place {
    place(span.start.line(), span.start.col())
}

/// The place of a line from 1 and a column from 0.
fn place(line: usize, column: usize) -> Place {
    Place {
        line: line as u64,
        column: column as u64 + 1,
    }
}

#[derive(Default)]
struct Items<'t> {
    list: Vec<Item<'t>>,
    /// Index of the node with each anchor.
    anchors: HashMap<usize, usize>,
    /// Indexes of the lists and maps that have not ended.
    open: Vec<usize>,
    documents: usize,
    nodes: usize,
    aliases: usize,
}

impl<'t> Items<'t> {
    fn push(&mut self, event: Event<'t>, place: Place) -> Result<(), Fault> {
        let event = match event {
            Event::DocumentStart(..) => return self.begin_document(place),
            Event::Scalar(text, style, anchor, tag) => {
                self.count_node(anchor, place)?;
                if text.len() > MAX_SCALAR {
                    return Err(place.fault("a text of more than 16 KiB"));
                }
                Content::Scalar(Scalar {
                    text,
                    is_plain: style == ScalarStyle::Plain,
                    kind: Kind::of_scalar(tag.as_deref(), place)?,
                })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.count_node(anchor, place)?;
                Kind::check(tag.as_deref(), Kind::List, place)?;
                self.open.push(self.list.len());
                Content::List
            }
            Event::MappingStart(_, anchor, tag) => {
                self.count_node(anchor, place)?;
                Kind::check(tag.as_deref(), Kind::Map, place)?;
                self.open.push(self.list.len());
                Content::Map
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
                Content::End
            }
            Event::Alias(anchor) => Content::Alias(self.target(anchor, place)?),
            _ => return Ok(()),
        };
        self.list.push(Item { event, place });
        Ok(())
    }

    fn begin_document(&mut self, place: Place) -> Result<(), Fault> {
        self.documents += 1;
        match self.documents {
            1 => Ok(()),
            _ => Err(place.fault("a second document; use one file for each")),
        }
    }

    fn count_node(&mut self, anchor: usize, place: Place) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(place.fault("more than 20,000 keys and values"));
        }
        // 0 is no anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, self.list.len());
            if self.anchors.len() > MAX_REFERENCES {
                return Err(place.fault("more than 100 anchors"));
            }
        }
        Ok(())
    }

    /// The index of the node that an alias stands for.
    fn target(&mut self, anchor: usize, place: Place) -> Result<usize, Fault> {
        self.aliases += 1;
        if self.aliases > MAX_REFERENCES {
            return Err(place.fault("more than 100 aliases"));
        }
        match self.anchors.get(&anchor) {
            Some(index) if self.open.contains(index) => {
                Err(place.fault("an alias within the list or map that it stands for"))
            }
            Some(index) => Ok(*index),
            None => Err(place.fault(NO_ANCHOR)),
        }
    }
}
