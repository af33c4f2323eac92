//! The tree of a list of events, with aliases and merge keys resolved.

use std::collections::HashSet;

use super::items::{Content, Item, Scalar};
use super::{Fault, MAX_DEPTH, MAX_REFERENCES, MAX_REPEATED, TOO_DEEP};
use crate::config::MAX_FILE_SIZE;
use crate::config::source::untyped_value::{KeyText, Node, Place, Value};

/// The place of a document without content.
const START: Place = Place { line: 1, column: 1 };

type Pairs = Vec<(KeyText, Node)>;

/// Reads the tree of a document; that of an empty one is null.
pub(super) fn read(items: &[Item<'_>]) -> Result<Node, Fault> {
    if items.is_empty() {
        return Ok(Node {
            value: Value::Null,
            place: START,
        });
    }
    let mut reader = Reader {
        items,
        next: 0,
        alias: None,
        depth: 0,
        repeated: 0,
        repeated_text: 0,
        merge_keys: 0,
    };
    reader.node()
}

/// A key of a map.
enum Key {
    Text(KeyText),
    /// Takes in the keys of its value.
    Merge,
}

struct Reader<'i, 't> {
    items: &'i [Item<'t>],
    /// Index of the next item.
    next: usize,
    /// The place of the outermost alias that is being read.
    alias: Option<Place>,
    /// Number of lists and maps around the next item.
    depth: usize,
    /// Number of items read for aliases.
    repeated: usize,
    /// Number of bytes of their text.
    repeated_text: usize,
    merge_keys: usize,
}

impl<'i, 't> Reader<'i, 't> {
    fn node(&mut self) -> Result<Node, Fault> {
        let (event, place) = self.item()?;
        let value = match event {
            Content::Scalar(scalar) => scalar.value().map_err(|message| place.fault(message))?,
            Content::List => Value::List(self.nested(place, Self::list)?),
            Content::Map => Value::Map(self.nested(place, Self::map)?),
            Content::Alias(target) => return self.behind(*target, place, Self::node),
            Content::End => return Err(place.fault("an end without a start")),
        };
        Ok(Node { value, place })
    }

    fn list(&mut self) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        while !self.ends()? {
            nodes.push(self.node()?);
        }
        Ok(nodes)
    }

    /// Reads a map: its own keys, then those that it takes in and does not have.
    fn map(&mut self) -> Result<Pairs, Fault> {
        let mut pairs = Vec::new();
        let mut merged = Vec::new();
        while !self.ends()? {
            let key = self.key()?;
            let node = self.node()?;
            match key {
                Key::Text(key) => pairs.push((key, node)),
                Key::Merge => merge(&mut merged, node)?,
            }
        }
        if !merged.is_empty() {
            add_missing(&mut pairs, merged);
        }
        Ok(pairs)
    }

    fn key(&mut self) -> Result<Key, Fault> {
        let (event, place) = self.item()?;
        match event {
            Content::Scalar(scalar) if scalar.is_merge_key() => self.count_merge_key(place),
            Content::Scalar(scalar) => key_text(scalar, place),
            Content::Alias(target) => self.behind(*target, place, Self::key),
            _ => Err(place.fault("a list or map as a key; use text")),
        }
    }

    fn count_merge_key(&mut self, place: Place) -> Result<Key, Fault> {
        self.merge_keys += 1;
        if self.merge_keys > MAX_REFERENCES {
            return Err(place.fault("more than 100 merge keys"));
        }
        Ok(Key::Merge)
    }

    /// Reads the content of a list or map.
    fn nested<T>(
        &mut self,
        place: Place,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(place.fault(TOO_DEEP));
        }
        let content = read(self)?;
        self.depth -= 1;
        Ok(content)
    }

    /// Reads what an alias stands for, as if it stood there.
    ///
    /// An alias stands for a node before it that has ended, so no reading returns to itself.
    fn behind<T>(
        &mut self,
        target: usize,
        place: Place,
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (next, alias) = (self.next, self.alias);
        (self.next, self.alias) = (target, Some(place));
        let content = read(self)?;
        (self.next, self.alias) = (next, alias);
        Ok(content)
    }

    /// Takes the end of a list or map, if it is next.
    fn ends(&mut self) -> Result<bool, Fault> {
        let is_end = |item: &Item<'_>| matches!(item.event, Content::End);
        let ends = self.items.get(self.next).is_none_or(is_end);
        if ends {
            self.item()?;
        }
        Ok(ends)
    }

    /// Takes the next item; its place is that of the alias that it is read for.
    fn item(&mut self) -> Result<(&'i Content<'t>, Place), Fault> {
        let Some(item) = self.items.get(self.next) else {
            return Err(START.fault("a list or map without an end"));
        };
        self.next += 1;
        let place = self.alias.unwrap_or(item.place);
        if self.alias.is_some() {
            self.count_repeated(&item.event, place)?;
        }
        Ok((&item.event, place))
    }

    fn count_repeated(&mut self, event: &Content<'t>, place: Place) -> Result<(), Fault> {
        self.repeated += 1;
        if let Content::Scalar(scalar) = event {
            self.repeated_text += scalar.text.len();
        }
        match self.repeated > MAX_REPEATED || self.repeated_text > MAX_FILE_SIZE {
            true => Err(place.fault("aliases that stand for more than 1,000 values or 1 MiB")),
            false => Ok(()),
        }
    }
}

fn key_text(scalar: &Scalar<'_>, place: Place) -> Result<Key, Fault> {
    match scalar.key() {
        Ok(text) => Ok(Key::Text(KeyText { text, place })),
        Err(message) => Err(place.fault(message)),
    }
}

/// Collects the keys of a merge key's value: a map, or a list of maps of which the first counts.
fn merge(merged: &mut Pairs, node: Node) -> Result<(), Fault> {
    match node.value {
        Value::Map(pairs) => merged.extend(pairs),
        Value::List(nodes) => {
            for node in nodes {
                merge(merged, node)?;
            }
        }
        Value::Null => {}
        _ => {
            let message = "not a map behind `<<`; use a map, an alias of one, or a list of them";
            return Err(node.place.fault(message));
        }
    }
    Ok(())
}

/// Appends the pairs whose keys are not there yet.
fn add_missing(pairs: &mut Pairs, merged: Pairs) {
    let mut seen: HashSet<String> = pairs.iter().map(|(key, _)| key.text.clone()).collect();
    for (key, node) in merged {
        if seen.insert(key.text.clone()) {
            pairs.push((key, node));
        }
    }
}
