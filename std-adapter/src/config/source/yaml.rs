//! YAML text into an untyped tree in which every key and value knows its line and column.
//!
//! Booleans are those of YAML 1.1 as PyYAML reads them. A key that occurs twice stays in the tree
//! twice, for the reader to report. Aliases and merge keys work, within bounds that keep a hostile
//! file from costing more than a few MiB.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, MessageFormatter, Options, Spanned, UserMessageFormatter};

use super::typed_value::is_boolean;
use super::untyped_value::{KeyText, Node, Place, Value};
use crate::config::error::{ConfigError, clean};

/// Longest scalar in bytes; together with `options` it bounds what aliases can multiply.
const MAX_SCALAR: usize = 16 << 10;

/// Reads one document; an empty one is null.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Result<Node, ConfigError> {
    match serde_saphyr::from_str_with_options(text, options()) {
        Ok(parsed) => Ok(node(parsed, text)),
        Err(error) => {
            let location = error.location();
            Err(ConfigError::Malformed {
                file: Arc::clone(file),
                line: location.map_or(0, |place| place.line()),
                column: location.map_or(0, |place| place.column()),
                message: clean(&UserMessageFormatter.format_message(&error)).into(),
            })
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_nodes: 20_000,
            max_events: 50_000,
            max_aliases: 100,
            max_anchors: 100,
            max_merge_keys: 100,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 1_000,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

/// A value as the parser gives it.
enum Parsed {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Parsed>>),
    Map(Vec<(Spanned<String>, Spanned<Parsed>)>),
}

/// The tree with places in lines and columns, and without blanks at the ends of text; `source` is
/// what was parsed.
fn node(parsed: Spanned<Parsed>, source: &str) -> Node {
    let defined = parsed.defined;
    Node {
        place: place(parsed.referenced),
        value: match parsed.value {
            Parsed::Null => Value::Null,
            Parsed::Bool(value) => boolean(value, defined, source),
            Parsed::Integer(value) => Value::Integer(value),
            Parsed::Float(value) => Value::Float(value),
            Parsed::Text(text) => Value::Text(text.trim().into()),
            Parsed::List(items) => {
                Value::List(items.into_iter().map(|item| node(item, source)).collect())
            }
            Parsed::Map(pairs) => Value::Map(
                pairs
                    .into_iter()
                    .map(|(name, value)| (key(name), node(value, source)))
                    .collect(),
            ),
        },
    }
}

fn key(name: Spanned<String>) -> KeyText {
    KeyText {
        place: place(name.referenced),
        text: name.value,
    }
}

fn place(location: Location) -> Place {
    Place {
        line: location.line(),
        column: location.column(),
    }
}

/// A boolean, or text again for a plain word that the parser takes for a boolean and PyYAML does
/// not: `y`, `n`, and unusual cases such as `yEs`.
fn boolean(value: bool, location: Location, source: &str) -> Value {
    let span = location.span();
    let word = span.byte_offset().zip(span.byte_len()).and_then(|place| {
        let start = usize::try_from(place.0).ok()?;
        source.get(start..start.checked_add(usize::try_from(place.1).ok()?)?)
    });
    match word.filter(|word| !is_boolean(word)) {
        Some(word) => Value::Text(word.into()),
        None => Value::Bool(value),
    }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Untyped)
    }
}

struct Untyped;

impl<'de> Visitor<'de> for Untyped {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Parsed, E> {
        Ok(Parsed::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Parsed, E> {
        Ok(Parsed::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Parsed, E> {
        Ok(Parsed::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Parsed, E> {
        Ok(Parsed::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Parsed, E> {
        if text.len() > MAX_SCALAR {
            return Err(E::custom("a text of more than 16 KiB"));
        }
        Ok(Parsed::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Parsed::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Parsed, A::Error> {
        let mut map: Vec<(Spanned<String>, Spanned<Parsed>)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, _>()? {
            if key.value.len() > MAX_SCALAR {
                return Err(A::Error::custom("a key of more than 16 KiB"));
            }
            map.push((key, value));
        }
        Ok(Parsed::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Value {
        parse(&"t.yaml".into(), text).unwrap().value
    }

    fn only(text: &str) -> Value {
        match tree(text) {
            Value::Map(mut pairs) => pairs.remove(0).1.value,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scalars_have_pyyaml_types() {
        let text = |word: &str| Value::Text(word.into());
        let cases = [
            ("k:", Value::Null),
            ("k: ~", Value::Null),
            ("k: true", Value::Bool(true)),
            ("k: FALSE", Value::Bool(false)),
            ("k: yes", Value::Bool(true)),
            ("k: Off", Value::Bool(false)),
            ("k: &a on", Value::Bool(true)),
            ("é: yes", Value::Bool(true)),
            ("k: y", text("y")),
            ("k: yEs", text("yEs")),
            ("k: 'yes'", text("yes")),
            ("k: \"no\"", text("no")),
            ("k: |-\n  on", text("on")),
            ("k: !!str yes", text("yes")),
            ("k: 12", Value::Integer(12)),
            ("k: -3", Value::Integer(-3)),
            ("k: 0.5", Value::Float(0.5)),
            ("k: '1'", text("1")),
            ("k: 1s", text("1s")),
            ("k: 0755", text("0755")),
            ("k: 1_000", text("1_000")),
            ("k: 127.0.0.1", text("127.0.0.1")),
        ];
        for (yaml, value) in cases {
            assert_eq!(only(yaml), value, "{yaml}");
        }
        assert!(matches!(only("k: .nan"), Value::Float(x) if x.is_nan()));
    }

    #[test]
    fn places_count_lines_and_columns_from_one() {
        let Value::Map(pairs) = tree("# note\na:\n    b: 1\n") else {
            panic!("no map");
        };
        let (key, node) = &pairs[0];
        assert_eq!((key.place.line, key.place.column), (2, 1));
        let Value::Map(inner) = &node.value else {
            panic!("no inner map");
        };
        let (key, value) = &inner[0];
        assert_eq!((key.place.line, key.place.column), (3, 5));
        assert_eq!((value.place.line, value.place.column), (3, 8));
    }

    #[test]
    fn duplicates_stay_and_an_empty_file_is_null() {
        let Value::Map(pairs) = tree("a: 1\na: 2") else {
            panic!("no map");
        };
        assert_eq!(pairs.len(), 2);
        for empty in ["", "# nothing\n", "---\n"] {
            assert_eq!(tree(empty), Value::Null, "{empty:?}");
        }
    }

    #[test]
    fn aliases_and_merges_are_expanded() {
        let Value::Map(pairs) = tree("x: &x {a: 1, b: yes}\ny: {<<: *x, a: 2}\nz: *x") else {
            panic!("no map");
        };
        let expect = |node: &Node, a: i128| {
            let Value::Map(pairs) = &node.value else {
                panic!("no inner map");
            };
            let get = |name: &str| pairs.iter().find(|(key, _)| key.text == name);
            assert_eq!(get("a").unwrap().1.value, Value::Integer(a));
            assert_eq!(get("b").unwrap().1.value, Value::Bool(true));
        };
        expect(&pairs[1].1, 2);
        expect(&pairs[2].1, 1);
    }
}
