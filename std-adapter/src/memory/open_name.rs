//! The name of an open span, as other threads may read it.
//!
//! A span belongs to whoever holds it, and nobody else may look into its slot. So each slot for
//! sampled spans shares one of these with the pool: the owner stores a name at the start and takes
//! it back at the end, three stores and one, and a reader gets the whole of a name or nothing.
//!
//! # The order of accesses
//! The owner stores a higher version, then the name and what else is known, then its length, and at the end a length of
//! zero. The reader loads the version, the length, the name, and the version again, and drops what
//! it has unless both versions are the same. Stores are releases, loads are acquires.
//!
//! Say that a reader gets the length of span `a` and the name of span `b`, and the same version
//! twice. It has the length of `a`, so the name is that of `a` or of a later span: `b ≥ a`. It has the name
//! of `b`, so the second version is at least that of `b`, and so is the first. If `b` were later than
//! `a`, then the first version were that of a span later than `a`, and the zero at the end of `a`
//! would come before it: the length could not be that of `a`. So `b` is `a`. A length of zero at both
//! ends alone would not do, since lengths repeat.

use picojaeger_core::Key;

use crate::sys::sync::{AtomicPtr, AtomicU64, AtomicUsize, AtomicVersion, Ordering};

/// The name of the open span of a slot, if there is one. One thread writes at a time: the slot's owner.
#[derive(Debug)]
pub(crate) struct OpenName {
    /// Grows with each name.
    version: AtomicVersion,
    /// Start of a static name; null for a copied one.
    start: AtomicPtr<u8>,
    /// Bytes of the name, or of all text if it is copied; zero where no span is open.
    length: AtomicUsize,
    /// The beginning of a copied name.
    text: [AtomicU64; TEXT / 8],
    /// The rest of what is known of the span, where a setting wants that.
    details: Option<Box<[AtomicU64; DETAILS]>>,
}

/// Words that describe an open span beside its name; what they are is the writer's matter.
pub(crate) const DETAILS: usize = 7;

/// Bytes of a copied name that are kept.
pub(crate) const TEXT: usize = 32;

/// A name that was read, static or the beginning of a copied one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ReadName {
    Static(&'static str),
    /// Text, and zeros behind it.
    Copied([u8; TEXT]),
}

impl OpenName {
    pub(crate) fn new() -> Self {
        Self::with_details(false)
    }

    pub(crate) fn with_details(on: bool) -> Self {
        OpenName {
            details: on.then(|| Box::new(std::array::from_fn(|_| AtomicU64::new(0)))),
            version: AtomicVersion::new(0),
            start: AtomicPtr::new(std::ptr::null_mut()),
            length: AtomicUsize::new(0),
            text: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Notes that a span of a static name is open.
    ///
    /// # Safety
    /// The last call was [`OpenName::close`], or there was none: the length is zero. Only then is what
    /// a reader gets whole.
    #[inline(always)]
    pub(crate) unsafe fn open(&self, name: &'static str) {
        self.begin();
        let start = name.as_ptr().cast_mut();
        self.start.store(start, Ordering::Release);
        self.length.store(name.len(), Ordering::Release);
    }

    /// Notes that a span of this name is open, whatever the name before.
    pub(crate) fn set(&self, name: Key<'_>, details: impl FnOnce() -> [u64; DETAILS]) {
        self.close();
        if let Some(words) = &self.details {
            self.begin();
            for (word, value) in words.iter().zip(details()) {
                word.store(value, Ordering::Release);
            }
        }
        match name {
            // SAFETY: closed.
            Key::Static(name) => unsafe { self.open(name) },
            Key::Copied(name) => self.open_copied(name),
        }
    }

    fn open_copied(&self, name: &str) {
        let bytes = beginning(name);
        self.begin();
        self.start.store(std::ptr::null_mut(), Ordering::Release);
        let words = bytes.as_chunks().0.iter().copied();
        for (word, bytes) in self.text.iter().zip(words) {
            word.store(u64::from_ne_bytes(bytes), Ordering::Release);
        }
        self.length.store(TEXT, Ordering::Release);
    }

    /// Notes that the span has ended, or has no name to be read.
    #[inline(always)]
    pub(crate) fn close(&self) {
        self.length.store(0, Ordering::Release);
    }

    /// Begins a name. One thread writes at a time, so a load and a store do.
    #[inline(always)]
    fn begin(&self) {
        debug_assert_eq!(
            self.length.load(Ordering::Relaxed),
            0,
            "the name before is closed"
        );
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Release);
    }

    /// Reads the name, from any thread; `None` where no span is open, or if the owner is just
    /// changing it.
    pub(crate) fn read(&self) -> Option<ReadName> {
        Some(self.read_all()?.0)
    }

    /// Reads all that is known of the span, like [`OpenName::read`].
    pub(crate) fn read_all(&self) -> Option<(ReadName, Option<[u64; DETAILS]>)> {
        let version = self.version.load(Ordering::Acquire);
        let length = self.length.load(Ordering::Acquire);
        if length == 0 {
            return None;
        }
        let start = self.start.load(Ordering::Acquire);
        let mut text = [0; TEXT];
        for (bytes, word) in text.as_chunks_mut().0.iter_mut().zip(&self.text) {
            *bytes = word.load(Ordering::Acquire).to_ne_bytes();
        }
        let load = |word: &AtomicU64| word.load(Ordering::Acquire);
        let details = self.details.as_ref();
        let details = details.map(|words| words.each_ref().map(load));
        if self.version.load(Ordering::Acquire) != version {
            return None;
        }
        if start.is_null() {
            return Some((ReadName::Copied(text), details));
        }
        // SAFETY: start and length are of one name, by the order of accesses above; it is a
        // `&'static str`, which lives as long as the program and which nobody changes.
        let name = unsafe { std::slice::from_raw_parts(start, length) };
        // SAFETY: as above.
        let name = unsafe { std::str::from_utf8_unchecked(name) };
        Some((ReadName::Static(name), details))
    }
}

impl ReadName {
    /// Copies the beginning of a name.
    pub(crate) fn of(name: &str) -> Self {
        ReadName::Copied(beginning(name))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            ReadName::Static(name) => name,
            ReadName::Copied(text) => {
                let end = text.iter().position(|byte| *byte == 0);
                let text = text.get(..end.unwrap_or(TEXT)).unwrap_or(text);
                std::str::from_utf8(text).unwrap_or("")
            }
        }
    }
}

/// Returns the beginning of a name, up to a character's boundary, and zeros behind it.
fn beginning(name: &str) -> [u8; TEXT] {
    let mut ends = (0..=TEXT.min(name.len())).rev();
    let end = ends.find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    let mut bytes = [0; TEXT];
    for (byte, kept) in bytes.iter_mut().zip(name.bytes().take(end)) {
        *byte = kept;
    }
    bytes
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn read(name: &OpenName) -> Option<String> {
        Some(name.read()?.as_str().to_owned())
    }

    #[test]
    fn miri_a_name_is_there_while_the_span_is_open() {
        let name = OpenName::new();
        assert_eq!(read(&name), None);
        name.set(Key::Static("static"), || [0; DETAILS]);
        assert_eq!(read(&name).as_deref(), Some("static"));
        name.close();
        assert_eq!(read(&name), None);
        name.set(Key::Copied("copied"), || [0; DETAILS]);
        assert_eq!(read(&name).as_deref(), Some("copied"));
    }

    #[test]
    fn a_copied_name_is_cut_between_characters() {
        let name = OpenName::new();
        name.set(Key::Copied(&"ä".repeat(20)), || [0; DETAILS]);
        assert_eq!(read(&name), Some("ä".repeat(16)));
        name.set(Key::Copied(&format!("x{}", "ä".repeat(20))), || {
            [0; DETAILS]
        });
        assert_eq!(read(&name), Some(format!("x{}", "ä".repeat(15))));
        name.set(Key::Copied(""), || [0; DETAILS]);
        assert_eq!(read(&name).as_deref(), Some(""));
    }

    /// Names whose lengths repeat, so that a part of one with a part of another would be seen.
    #[test]
    fn miri_a_reader_gets_whole_names_only() {
        const ROUNDS: usize = if cfg!(miri) { 50 } else { 100_000 };
        // Parts of one text, so that a start with another's length is wrong and not undefined.
        const ALL: &str = "aaaaaabbcccccc";
        let names = [&ALL[..6], &ALL[6..8], &ALL[8..]];
        let (name, over) = (OpenName::new(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    match round % 4 {
                        3 => name.set(Key::Copied("dddddddddddd"), || [0; DETAILS]),
                        at => name.set(Key::Static(names[at]), || [0; DETAILS]),
                    }
                    name.close();
                }
                over.store(true, Ordering::Release);
            });
            while !over.load(Ordering::Acquire) {
                if let Some(read) = read(&name) {
                    assert!(names.contains(&&*read) || read == "dddddddddddd", "{read}");
                }
            }
        });
    }
}
