//! The description of a sampler, which sampled root spans carry as tags.

use crate::value::Value;

/// The tags `sampler.type` and `sampler.param` of a sampled root span.
///
/// ```
/// use picojaeger_core::{Const, Param, Sampler};
///
/// let description = Const(true).description(1).unwrap();
/// assert_eq!((description.kind, description.param), ("const", Param::Bool(true)));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Description {
    /// `sampler.type`.
    pub kind: &'static str,
    /// `sampler.param`.
    pub param: Param,
}

/// A sampler's parameter.
///
/// ```
/// use picojaeger_core::{Param, Value};
///
/// assert_eq!(Value::from(Param::F64(0.5)), Value::F64(0.5));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Param {
    /// On or off.
    Bool(bool),
    /// A probability, or traces a second.
    F64(f64),
}

impl Description {
    /// Makes a description of this type and parameter.
    pub const fn new(kind: &'static str, param: Param) -> Self {
        Description { kind, param }
    }
}

impl From<Param> for Value<'_> {
    fn from(param: Param) -> Self {
        match param {
            Param::Bool(on) => Value::Bool(on),
            Param::F64(number) => Value::F64(number),
        }
    }
}
