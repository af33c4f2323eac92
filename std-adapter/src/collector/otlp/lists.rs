//! Lists of JSON: those of spans count the faulty ones, all others leave out what holds nothing.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use super::id::Id;
use super::message::{Attribute, Event, Link, List, ResourceSpans, ScopeSpans, Span, Spans};
use super::value::Any;

/// An element of a list. Those that hold nothing are left out, so that a list takes memory only in proportion to its text.
pub(in crate::collector) trait Element {
    /// Returns whether the element holds anything; the error names what it lacks.
    fn holds(&self) -> Result<bool, &'static str>;
}

macro_rules! elements {
    ($($type:ident, $element:ident => $holds:expr;)+) => {$(
        impl Element for $type<'_> {
            fn holds(&self) -> Result<bool, &'static str> {
                let $element = self;
                Ok($holds)
            }
        }
    )+};
}

elements! {
    ResourceSpans, it => !it.scope_spans.0.is_empty();
    ScopeSpans, it => !it.spans.whole.is_empty() || it.spans.rejected.spans > 0;
    Event, it => it.time_unix_nano != 0 || !it.name.0.is_empty() || !it.attributes.0.is_empty();
    Link, it => it.trace_id != Id::Absent || it.span_id != Id::Absent;
    Attribute, it => !it.key.0.is_empty() || !matches!(it.value, Any::Nothing);
    Any, _it => true;
}

impl<'de, T: Deserialize<'de> + Element> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Element> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<List<T>, E> {
                Ok(List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<T>()? {
                    if item.holds().map_err(de::Error::custom)? {
                        items.push(item);
                    }
                }
                Ok(List(items))
            }
        }

        deserializer.deserialize_any(Items(PhantomData))
    }
}

impl<'de: 'm, 'm> Deserialize<'de> for Spans<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;

        impl<'de> Visitor<'de> for Items {
            type Value = Spans<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of spans")
            }

            fn visit_unit<E>(self) -> Result<Spans<'de>, E> {
                Ok(Spans::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Spans<'de>, A::Error> {
                let mut spans = Spans::default();
                while let Some(span) = seq.next_element::<Span<'de>>()? {
                    match span.fault() {
                        Some(fault) => spans.rejected.note(fault),
                        None => spans.whole.push(span),
                    }
                }
                Ok(spans)
            }
        }

        deserializer.deserialize_any(Items)
    }
}
