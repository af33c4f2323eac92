//! The numbers that have been seen: of spans, and of frames.

use std::collections::BTreeMap;

/// A set of 32-bit numbers that count up and wrap, as ranges.
#[derive(Clone, Default, Debug)]
pub(super) struct Seen {
    /// First and last number of each range. Numbers are extended, and begin in the middle, so that
    /// those before the first one have a place.
    ranges: BTreeMap<u64, u64>,
    newest: u64,
    count: u64,
}

/// The most ranges. Beyond it the two oldest become one: what is missing between them counts as
/// seen, so it is neither passed on nor counted again.
const MOST_RANGES: usize = 1_024;

impl Seen {
    /// Adds a number; returns whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let number = self.extend(number);
        let before = self.ranges.range(..=number).next_back();
        let before = before.map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| number <= last) {
            return false;
        }
        self.count += 1;
        self.newest = self.newest.max(number);
        let first = match before {
            Some((first, last)) if last + 1 == number => first,
            _ => number,
        };
        let last = self.ranges.remove(&(number + 1)).unwrap_or(number);
        self.ranges.insert(first, last);
        self.bound();
        true
    }

    /// Returns how many numbers were new.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many are missing between the first and the newest one.
    pub(super) fn missing(&self) -> u64 {
        let first = self.ranges.keys().next();
        first.map_or(0, |first| {
            (self.newest - first + 1).saturating_sub(self.count)
        })
    }

    /// Returns the number on an unlimited scale: that nearest to the newest one.
    fn extend(&self, number: u32) -> u64 {
        if self.ranges.is_empty() {
            return 1 << 63 | u64::from(number);
        }
        let step = number.wrapping_sub(self.newest as u32).cast_signed();
        self.newest.wrapping_add_signed(step.into())
    }

    fn bound(&mut self) {
        if self.ranges.len() > MOST_RANGES
            && let Some((first, _)) = self.ranges.pop_first()
            && let Some((_, last)) = self.ranges.pop_first()
        {
            self.ranges.insert(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_new_once_in_any_order() {
        let (mut seen, mut state, mut expected) = (Seen::default(), 1u32, Vec::new());
        for _ in 0..5_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (state >> 22).wrapping_sub(300);
            assert_eq!(seen.insert(number), !expected.contains(&number));
            if !expected.contains(&number) {
                expected.push(number);
            }
        }
        assert_eq!(seen.count(), expected.len() as u64);
        let span = expected.iter().map(|n| n.wrapping_add(300)).max().unwrap()
            - expected.iter().map(|n| n.wrapping_add(300)).min().unwrap();
        assert_eq!(seen.missing(), u64::from(span) + 1 - seen.count());
    }

    #[test]
    fn numbers_wrap() {
        let mut seen = Seen::default();
        for number in (u32::MAX - 2..=u32::MAX).chain(0..3).chain([4]) {
            assert!(seen.insert(number), "{number}");
        }
        assert!(!seen.insert(u32::MAX) && !seen.insert(2));
        assert_eq!((seen.count(), seen.missing(), seen.ranges.len()), (7, 1, 2));
    }

    #[test]
    fn memory_is_bounded_and_old_gaps_count_as_seen() {
        let mut seen = Seen::default();
        for number in 0..5_000 {
            assert!(seen.insert(number * 2));
        }
        assert_eq!(seen.ranges.len(), MOST_RANGES);
        assert_eq!((seen.count(), seen.missing()), (5_000, 4_999));
        assert!(!seen.insert(1), "between ranges that became one");
        assert!(seen.insert(9_997));
    }
}
