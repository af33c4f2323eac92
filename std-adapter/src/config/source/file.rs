//! Reading a file: from text to a layer of settings.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::keys::{find, is_group, join, suggestion};
use super::reference::{filled, has_references};
use super::typed_value::Entry;
use super::untyped_value::{KeyText, Node, Place, Value};
use super::variables::Variables;
use super::yaml::{Fault, parse};
use crate::config::MAX_FILE_SIZE;
use crate::config::error::{ConfigError, Origin, clean};
use crate::config::settings::Layer;

/// The text of a file, parsed. `Debug` shows only its name, since values may be secret.
#[derive(Clone)]
pub(crate) struct FileText {
    name: Arc<str>,
    root: Arc<Node>,
}

/// Reads a whole file.
pub(crate) fn read_file(path: &Path) -> Result<FileText, ConfigError> {
    let name: Arc<str> = path.display().to_string().into();
    match read_bytes(path) {
        Ok(bytes) => read_text(&name, decode(&name, &bytes)?),
        Err(source) => Err(ConfigError::Unreadable {
            file: name,
            source: Arc::new(source),
        }),
    }
}

/// The file's bytes, and at most one more than a file may have: a device or a pipe never ends.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_FILE_SIZE as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the text of a file of this name.
pub(crate) fn read_text(file: &Arc<str>, text: &str) -> Result<FileText, ConfigError> {
    if text.len() > MAX_FILE_SIZE {
        return Err(ConfigError::TooLarge {
            file: Arc::clone(file),
        });
    }
    let root = parse(text).map_err(|fault| malformed(file, &fault))?;
    if !matches!(root.value, Value::Null | Value::Map(_)) {
        return Err(no_map(file, &root));
    }
    Ok(FileText {
        name: Arc::clone(file),
        root: Arc::new(root),
    })
}

/// Reads each map of a list like a file of its own.
pub(crate) fn layers(entry: &Entry<'_>) -> Result<Vec<Layer>, ConfigError> {
    let (Value::List(items), Origin::File { file, .. }) = (entry.value, &entry.origin) else {
        return Err(entry.wrong("not a list", "a list of maps"));
    };
    let read = |node| {
        let layer = Layer::default();
        let mut reader = Reader { file, layer };
        reader.read_group("", node);
        reader.layer
    };
    Ok(items.iter().map(read).collect())
}

impl FileText {
    /// Returns whether a value refers to a variable.
    pub(crate) fn has_references(&self) -> bool {
        self.root.value.has_references()
    }

    /// Reads the settings; values may refer to these variables.
    pub(crate) fn layer(&self, variables: &Variables) -> Layer {
        let mut root = Node::clone(&self.root);
        root.value.fill(variables);
        let mut reader = Reader {
            file: &self.name,
            layer: Layer::default(),
        };
        reader.reject_duplicates("", &root);
        reader.read_group("", &root);
        let mut layer = reader.layer;
        layer.check_sampler();
        layer
    }
}

impl fmt::Debug for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("FileText");
        text.field("name", &self.name).finish_non_exhaustive()
    }
}

impl Value {
    fn has_references(&self) -> bool {
        match self {
            Value::Text(text) => has_references(text),
            Value::List(items) => items.iter().any(|item| item.value.has_references()),
            Value::Map(pairs) => pairs.iter().any(|(_, node)| node.value.has_references()),
            _ => false,
        }
    }

    /// Replaces the references in all texts.
    fn fill(&mut self, variables: &Variables) {
        match self {
            Value::Text(text) if has_references(text) => {
                *self = match filled(text, variables) {
                    Ok(text) => Value::Text(text),
                    Err(reference) => Value::Unset(reference),
                };
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.value.fill(variables)),
            Value::Map(pairs) => {
                let nodes = pairs.iter_mut().map(|(_, node)| node);
                nodes.for_each(|node| node.value.fill(variables));
            }
            _ => {}
        }
    }
}

/// The bytes of a file as text; a part of a file that is too large may end within a character.
fn decode<'a>(file: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, ConfigError> {
    if bytes.len() > MAX_FILE_SIZE {
        return Err(ConfigError::TooLarge {
            file: Arc::clone(file),
        });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let valid = String::from_utf8_lossy(valid);
        let last_line = valid.rsplit('\n').next().unwrap_or_default();
        ConfigError::Malformed {
            file: Arc::clone(file),
            line: valid.matches('\n').count() as u64 + 1,
            column: last_line.chars().count() as u64 + 1,
            message: "not UTF-8".into(),
        }
    })
}

struct Reader<'a> {
    file: &'a Arc<str>,
    layer: Layer,
}

impl Reader<'_> {
    /// Reads the map below `path`; a null has no keys. Of keys that occur twice the first counts.
    fn read_group(&mut self, path: &str, node: &Node) {
        let fault = match &node.value {
            Value::Null => return,
            Value::Map(pairs) => {
                let mut seen = HashSet::new();
                for (key, value) in pairs {
                    if seen.insert(key.text.as_str()) {
                        self.read_key(path, key, value);
                    }
                }
                return;
            }
            _ if path.is_empty() => no_map(self.file, node),
            _ => {
                let entry = self.entry(path, node);
                entry.wrong("not a map", "keys and values below it")
            }
        };
        self.layer.faults.push(fault);
    }

    fn read_key(&mut self, path: &str, key: &KeyText, node: &Node) {
        let full = join(path, &key.text);
        // A switch may have the name of a group.
        let is_map = matches!(node.value, Value::Map(_));
        if full == "config" {
            self.read_group("", node);
        } else if is_map && is_group(&full) {
            self.read_group(&full, node);
        } else if let Some(apply) = find(&full) {
            if !is_unset(&node.value) {
                let entry = self.entry(&full, node);
                let outcome = apply(&mut self.layer, &entry);
                self.layer.keep(outcome);
            }
        } else if is_group(&full) {
            self.read_group(&full, node);
        } else {
            self.layer.faults.push(ConfigError::UnknownKey {
                origin: self.origin(&full, key.place),
                nearest: suggestion(path, &key.text).map(Box::from),
            });
        }
    }

    fn reject_duplicates(&mut self, path: &str, node: &Node) {
        match &node.value {
            Value::Map(pairs) => {
                let mut seen = HashMap::new();
                for (key, value) in pairs {
                    let full = join(path, &key.text);
                    let line = key.place.line;
                    match seen.entry(key.text.as_str()) {
                        Slot::Vacant(slot) => drop(slot.insert(line)),
                        Slot::Occupied(first) => {
                            self.layer.faults.push(ConfigError::DuplicateKey {
                                origin: self.origin(&full, key.place),
                                first_line: *first.get(),
                            });
                        }
                    }
                    self.reject_duplicates(&full, value);
                }
            }
            Value::List(items) => {
                for item in items {
                    self.reject_duplicates(path, item);
                }
            }
            _ => {}
        }
    }

    fn entry<'n>(&self, path: &str, node: &'n Node) -> Entry<'n> {
        Entry::new(&node.value, self.origin(path, node.place))
    }

    fn origin(&self, path: &str, place: Place) -> Origin {
        Origin::File {
            file: Arc::clone(self.file),
            line: place.line,
            column: place.column,
            key: path.into(),
        }
    }
}

fn malformed(file: &Arc<str>, fault: &Fault) -> ConfigError {
    ConfigError::Malformed {
        file: Arc::clone(file),
        line: fault.place.line,
        column: fault.place.column,
        message: clean(&fault.message).into(),
    }
}

fn no_map(file: &Arc<str>, node: &Node) -> ConfigError {
    ConfigError::Malformed {
        file: Arc::clone(file),
        line: node.place.line,
        column: node.place.column,
        message: "not a map of keys and values".into(),
    }
}

/// Whether the key counts as not set: as in the environment, an empty text does.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_located() {
        let file = "t.yaml".into();
        assert_eq!(decode(&file, "a: é".as_bytes()).unwrap(), "a: é");
        let error = decode(&file, b"a: 1\nb: \xc3\xa9\xff").unwrap_err();
        assert_eq!(error.to_string(), "t.yaml:2:5: not UTF-8");
        let large = vec![0xff; MAX_FILE_SIZE + 1];
        let error = decode(&file, &large).unwrap_err();
        assert!(matches!(error, ConfigError::TooLarge { .. }), "{error}");
    }
}
