//! Tags: the types that a file itself gives to values.

use granit_parser::Tag;

use super::Fault;
use crate::config::source::untyped_value::Place;

/// The namespace of YAML's own tags.
const OWN: &str = "tag:yaml.org,2002:";

/// The type that a tag gives to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// No tag: the type is that of the text.
    None,
    /// A tag of another program, which counts like none.
    Foreign,
    /// `!`: no type but text for a scalar.
    NonSpecific,
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Merge,
    /// A type that no setting has.
    Unused,
    List,
    Map,
}

impl Kind {
    /// The kind of a scalar.
    pub(super) fn of_scalar(tag: Option<&Tag>, place: Place) -> Result<Kind, Fault> {
        match (Kind::of(tag), tag) {
            (Kind::List | Kind::Map | Kind::Unused, Some(tag)) => Err(misplaced(tag, place)),
            (kind, _) => Ok(kind),
        }
    }

    /// Checks the tag of a list or map.
    pub(super) fn check(tag: Option<&Tag>, kind: Kind, place: Place) -> Result<(), Fault> {
        match (Kind::of(tag), tag) {
            (Kind::Foreign | Kind::NonSpecific, _) | (_, None) => Ok(()),
            (given, _) if given == kind => Ok(()),
            (_, Some(tag)) => Err(misplaced(tag, place)),
        }
    }

    /// A tag's kind; `!int` counts as `!!int`.
    fn of(tag: Option<&Tag>) -> Kind {
        let Some(tag) = tag else {
            return Kind::None;
        };
        let own = tag.suffix_in_namespace(OWN);
        match own.or_else(|| tag.suffix_in_namespace("!")).as_deref() {
            Some("") => Kind::NonSpecific,
            Some("null") => Kind::Null,
            Some("bool") => Kind::Bool,
            Some("int") => Kind::Integer,
            Some("float") => Kind::Float,
            Some("str") => Kind::Text,
            Some("merge") => Kind::Merge,
            Some("binary" | "timestamp") => Kind::Unused,
            Some("seq") => Kind::List,
            Some("map") => Kind::Map,
            _ => Kind::Foreign,
        }
    }
}

fn misplaced(tag: &Tag, place: Place) -> Fault {
    place.fault(format!(
        "the tag {} has no meaning here; leave it out",
        tag.original()
    ))
}
