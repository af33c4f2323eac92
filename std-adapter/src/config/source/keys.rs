//! The known keys of a file, and suggestions for misspelt ones.

use super::nearest::nearest;
use crate::config::settings::{Apply, Names, SUBJECTS, all_names};

/// The reader of the key with this path, if there is such a key.
pub(super) fn find(path: &str) -> Option<Apply> {
    all_names()
        .flat_map(|subject| subject.keys)
        .find(|(names, _)| names.contains(&path))
        .map(|(_, apply)| *apply)
}

/// Returns whether there are keys below this path.
pub(super) fn is_group(path: &str) -> bool {
    let mut all = all_names().flat_map(spellings);
    all.any(|full| below(path, full).is_some())
}

/// The nearest key that has a meaning: the same one at another level, a neighbour, or one whose
/// whole path is near.
pub(super) fn suggestion(path: &str, key: &str) -> Option<&'static str> {
    let limit = 1 + key.len().min(40) / 4;
    let neighbours = || meaningful().filter_map(|full| below(path, full));
    meaningful()
        .find(|full| full.rsplit('.').next() == Some(key))
        .or_else(|| nearest(key, limit, neighbours()))
        .or_else(|| nearest(&join(path, key), limit, meaningful()))
}

/// A key below those of `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.into(),
        path => format!("{path}.{key}"),
    }
}

/// The keys that have a meaning, in all spellings.
fn meaningful() -> impl Iterator<Item = &'static str> {
    SUBJECTS.into_iter().flat_map(spellings)
}

fn spellings(names: &'static Names) -> impl Iterator<Item = &'static str> {
    names
        .keys
        .iter()
        .flat_map(|(names, _)| names.iter().copied())
}

/// The key or group of keys directly below `path` on the way to `full`.
fn below(path: &str, full: &'static str) -> Option<&'static str> {
    let rest = match path {
        "" => full,
        path => full.strip_prefix(path)?.strip_prefix('.')?,
    };
    rest.split('.').next()
}
