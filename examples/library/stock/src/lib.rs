//! A library with traced functions.

use std::fmt;

use picojaeger_std::traced;

/// No item has this number.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing(pub u64);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no item {}", self.0)
    }
}

impl std::error::Error for Missing {}

/// Returns how many of an item there are.
#[traced(err, fields(item))]
pub fn count(item: u64) -> Result<u32, Missing> {
    if item > 9 {
        return Err(Missing(item));
    }
    Ok(3)
}

/// Takes an item out, and returns how many are left.
#[traced(err, ret, fields(item))]
pub async fn take(item: u64) -> Result<u32, Missing> {
    std::future::ready(()).await;
    Ok(count(item)?.saturating_sub(1))
}
