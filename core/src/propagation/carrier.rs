//! Carriers, which headers are written to and read from.

use core::error::Error;
use core::fmt;

use crate::baggage::Table;
use crate::debug::debug_as_display;

/// A carrier that takes headers.
///
/// ```
/// use picojaeger_core::{CarrierFull, TextMapWriter};
///
/// struct Lines(String);
/// impl TextMapWriter for Lines {
///     fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull> {
///         self.0 += &format!("{key}: {value}\r\n");
///         Ok(())
///     }
/// }
/// ```
pub trait TextMapWriter {
    /// Sets one header, replacing an earlier one of this key where the carrier can.
    ///
    /// # Errors
    /// The header does not fit; the carrier is as it was.
    fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull>;
}

/// A carrier that headers are read from.
///
/// Slices and arrays of pairs are carriers. Values are bytes, since those of
/// HTTP headers need not be UTF-8.
///
/// ```
/// use picojaeger_core::TextMapReader;
///
/// let mut bytes = 0;
/// [("uber-trace-id", "1:2:0:1")].for_each(&mut |_, value| bytes += value.len());
/// assert_eq!(bytes, 7);
/// ```
pub trait TextMapReader {
    /// Calls `visit` with each key and value in order, repeated keys included.
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8]));
}

/// Up to `ITEMS` headers of at most `KEY` and `VALUE` bytes, stored in place: the carrier for
/// chips.
///
/// Keys are compared exactly. Costs `KEY + VALUE` bytes and two words for each
/// item, rounded up to words.
///
/// ```
/// use picojaeger_core::{TextMap, TextMapWriter};
///
/// let mut headers = TextMap::<4, 24, 64>::new();
/// headers.set("uber-trace-id", "1:2:0:1")?;
/// assert!(headers.iter().eq([("uber-trace-id", "1:2:0:1")]));
/// # Ok::<(), picojaeger_core::CarrierFull>(())
/// ```
#[derive(Clone, Debug)]
pub struct TextMap<const ITEMS: usize, const KEY: usize, const VALUE: usize> {
    table: Table<ITEMS, KEY, VALUE>,
}

/// The error of a header that does not fit the carrier.
///
/// ```
/// use picojaeger_core::{CarrierFull, TextMap, TextMapWriter};
///
/// let mut headers = TextMap::<1, 8, 8>::new();
/// assert_eq!(headers.set("key", "123456789"), Err(CarrierFull));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "carriers of other crates return it, and it needs no fields"
)]
pub struct CarrierFull;

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> TextMap<ITEMS, KEY, VALUE> {
    /// Makes an empty carrier.
    pub const fn new() -> Self {
        TextMap {
            table: Table::new(),
        }
    }

    /// Removes all headers.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Iterates over keys and values, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.table.iter()
    }
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> Default
    for TextMap<ITEMS, KEY, VALUE>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> TextMapWriter
    for TextMap<ITEMS, KEY, VALUE>
{
    fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull> {
        self.table.set(key, value).map_err(|_| CarrierFull)
    }
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> TextMapReader
    for TextMap<ITEMS, KEY, VALUE>
{
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        for (key, value) in self.iter() {
            visit(key, value.as_bytes());
        }
    }
}

impl<W: TextMapWriter + ?Sized> TextMapWriter for &mut W {
    fn set(&mut self, key: &str, value: &str) -> Result<(), CarrierFull> {
        (**self).set(key, value)
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> TextMapReader for [(K, V)] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        for (key, value) in self {
            visit(key.as_ref(), value.as_ref());
        }
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>, const N: usize> TextMapReader for [(K, V); N] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.as_slice().for_each(visit);
    }
}

impl<R: TextMapReader + ?Sized> TextMapReader for &R {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        (**self).for_each(visit);
    }
}

impl fmt::Display for CarrierFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header does not fit the carrier: enlarge the carrier")
    }
}

impl Error for CarrierFull {}

debug_as_display!(CarrierFull);
