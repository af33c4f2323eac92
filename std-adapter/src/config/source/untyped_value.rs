//! Values before their type is known to be right, each with its place in the file.

/// A value of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(KeyText, Node)>),
    /// The text of an environment variable, which may stand for any type.
    Variable(String),
    /// A reference to a variable that is unset and has no default.
    Unset(String),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// A key of a map, and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyText {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// Line, and column in characters; both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}
