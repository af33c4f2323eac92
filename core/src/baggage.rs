//! Baggage: pairs of text that travel with a trace from process to process.

use core::error::Error;
use core::fmt;

use heapless::{String, Vec};

use crate::debug::debug_as_display;

/// Takes baggage items, such as those that extract reads.
///
/// `()` drops every item, for callers without a use for baggage.
///
/// ```
/// use picojaeger_core::{BaggageError, BaggageSink};
///
/// /// Keeps one item's value and forgets the others.
/// struct Tenant(String);
/// impl BaggageSink for Tenant {
///     fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
///         if key == "tenant" {
///             self.0 = value.into();
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait BaggageSink {
    /// Sets the item of this key, replacing its former value.
    ///
    /// # Errors
    /// The item cannot be kept; the sink is as it was.
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError>;

    /// Returns the key of an item that is held and whose key equals `key` but for the case of
    /// letters.
    ///
    /// A [`Propagator`](crate::Propagator) asks it where several formats carry baggage, so that
    /// the first one wins. A sink that returns `None`, as by default, is given all items, the
    /// winning ones first.
    fn key_like(&self, key: &str) -> Option<&str> {
        let _ = key;
        None
    }
}

/// Up to `ITEMS` baggage items of at most `KEY` and `VALUE` bytes, held in place.
///
/// Keys are stored as given and compared exactly; items stay in the order in which they were first
/// set. Costs `KEY + VALUE` bytes and two words for each item, rounded up to words; a look-up is
/// linear.
///
/// ```
/// use picojaeger_core::{BaggageError, BaggageTable};
///
/// let mut baggage = BaggageTable::<2, 16, 32>::new();
/// baggage.set("tenant", "acme")?;
/// assert_eq!(baggage.get("tenant"), Some("acme"));
/// assert_eq!(baggage.set("two words", ""), Err(BaggageError::IllegalKey));
/// assert_eq!(baggage.dropped(), 1);
/// # Ok::<(), BaggageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BaggageTable<const ITEMS: usize, const KEY: usize, const VALUE: usize> {
    table: Table<ITEMS, KEY, VALUE>,
    dropped: u32,
}

/// The error of a baggage item that was not kept.
///
/// ```
/// use picojaeger_core::{BaggageError, BaggageTable};
///
/// let mut baggage = BaggageTable::<1, 8, 8>::new();
/// assert_eq!(baggage.set("key", "123456789"), Err(BaggageError::TooLong));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BaggageError {
    /// The key is empty or has a byte that an HTTP header name cannot hold.
    IllegalKey,
    /// The key or the value has more bytes than fit.
    TooLong,
    /// No further item fits.
    Full,
    /// All items together would take more bytes than the limit, as they are injected.
    OverLimit,
}

/// Checks that `key` can be part of a header name, by
/// [`is_http_token`](crate::adapter::is_http_token).
///
/// # Errors
/// [`BaggageError::IllegalKey`] if it cannot.
///
/// ```
/// use picojaeger_core::check_baggage_key;
///
/// assert!(check_baggage_key("tenant-id").is_ok());
/// assert!(check_baggage_key("tenant:id").is_err());
/// ```
pub fn check_baggage_key(key: &str) -> Result<(), BaggageError> {
    if is_http_token(key) {
        Ok(())
    } else {
        Err(BaggageError::IllegalKey)
    }
}

/// Returns whether the text can be a header name: a token of RFC 9110, section 5.6.2, one or more
/// letters, digits or characters of ``!#$%&'*+-.^_`|~``.
///
/// ```
/// use picojaeger_core::adapter::is_http_token;
///
/// assert!(is_http_token("uber-trace-id"));
/// assert!(!is_http_token("") && !is_http_token("two words"));
/// ```
pub fn is_http_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> BaggageTable<ITEMS, KEY, VALUE> {
    /// Makes an empty table.
    pub const fn new() -> Self {
        BaggageTable {
            table: Table::new(),
            dropped: 0,
        }
    }

    /// Sets the item of this key, replacing its former value; `""` is a value.
    ///
    /// # Errors
    /// The item cannot be kept: it is counted, and the table is as it was.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        let result = check_baggage_key(key).and_then(|()| self.table.set(key, value));
        if result.is_err() {
            self.dropped = self.dropped.saturating_add(1);
        }
        result
    }

    /// Removes the item of this key; returns whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        self.table.remove(key)
    }

    /// Removes all items; the count of dropped ones stays.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Returns the value of this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    /// Iterates over keys and values, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.table.iter()
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of items refused since the table was made, saturating.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> Default
    for BaggageTable<ITEMS, KEY, VALUE>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> BaggageSink
    for BaggageTable<ITEMS, KEY, VALUE>
{
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        self.set(key, value)
    }

    fn key_like(&self, key: &str) -> Option<&str> {
        let mut keys = self.iter().map(|(known, _)| known);
        keys.find(|known| known.eq_ignore_ascii_case(key))
    }
}

impl BaggageSink for () {
    fn set(&mut self, _key: &str, _value: &str) -> Result<(), BaggageError> {
        Ok(())
    }
}

impl<S: BaggageSink + ?Sized> BaggageSink for &mut S {
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        (**self).set(key, value)
    }

    fn key_like(&self, key: &str) -> Option<&str> {
        (**self).key_like(key)
    }
}

impl fmt::Display for BaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BaggageError::IllegalKey => {
                "baggage key has bytes that a header name cannot hold: use letters, digits, '-', '_' and '.'"
            }
            BaggageError::TooLong => {
                "baggage key or value is too long: shorten it, or give the table or buffer more bytes"
            }
            BaggageError::OverLimit => {
                "the baggage would take more bytes than its limit: remove or shorten an item, or raise the limit"
            }
            BaggageError::Full => "there are too many baggage items: remove one, or enlarge the table",
        })
    }
}

impl Error for BaggageError {}

debug_as_display!(BaggageError);

/// Pairs of bounded text; one for each key.
#[derive(Clone, Debug)]
pub(crate) struct Table<const ITEMS: usize, const KEY: usize, const VALUE: usize> {
    items: Vec<(String<KEY>, String<VALUE>), ITEMS>,
}

impl<const ITEMS: usize, const KEY: usize, const VALUE: usize> Table<ITEMS, KEY, VALUE> {
    pub(crate) const fn new() -> Self {
        Table { items: Vec::new() }
    }

    /// Sets the value of `key`; on an error the table is as it was.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        if key.len() > KEY || value.len() > VALUE {
            return Err(BaggageError::TooLong);
        }
        if let Some((_, old)) = self.items.iter_mut().find(|(known, _)| known == key) {
            old.clear();
            return old.push_str(value).map_err(|_| BaggageError::TooLong);
        }
        // Filled in place, so that the item's bytes never lie on the stack.
        self.items
            .push((String::new(), String::new()))
            .map_err(|_| BaggageError::Full)?;
        let (new_key, new_value) = self.items.last_mut().ok_or(BaggageError::Full)?;
        new_key
            .push_str(key)
            .and_then(|()| new_value.push_str(value))
            .map_err(|_| BaggageError::TooLong)
    }

    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let before = self.items.len();
        self.items.retain(|(known, _)| known != key);
        self.items.len() != before
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.items
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_replaced_and_removed_in_order() {
        let mut table = BaggageTable::<3, 4, 4>::new();
        for (key, value) in [("a", "1"), ("A", "2"), ("b", ""), ("a", "3")] {
            table.set(key, value).unwrap();
        }
        assert!(table.iter().eq([("a", "3"), ("A", "2"), ("b", "")]));
        assert!(table.remove("a"));
        assert!(!table.remove("a"));
        assert!(table.iter().eq([("A", "2"), ("b", "")]));
        assert_eq!(table.get("b"), Some(""));
        assert_eq!(table.get("B"), None);
        table.clear();
        assert!(table.is_empty());
        assert_eq!(table.dropped(), 0);
    }

    #[test]
    fn items_that_do_not_fit_are_refused_and_counted() {
        let mut table = BaggageTable::<1, 3, 3>::new();
        assert_eq!(table.set("key", "valu"), Err(BaggageError::TooLong));
        assert_eq!(table.set("keys", "val"), Err(BaggageError::TooLong));
        table.set("key", "val").unwrap();
        assert_eq!(table.set("k", "v"), Err(BaggageError::Full));
        assert_eq!(table.set("key", "valu"), Err(BaggageError::TooLong));
        assert!(table.iter().eq([("key", "val")]));
        assert_eq!(table.dropped(), 4);
    }

    #[test]
    fn keys_are_header_names() {
        for key in ["", "a b", "a:b", "a=b", "a,b", "\u{e9}", "a\n", "a\0"] {
            assert_eq!(
                check_baggage_key(key),
                Err(BaggageError::IllegalKey),
                "{key:?}"
            );
        }
        assert_eq!(check_baggage_key("Az09!#$%&'*+-.^_`|~"), Ok(()));
    }
}
