//! The sampler with a probability for each operation.

use heapless::{String, Vec};

use crate::raw_mutex::{Guarded, RawMutex};
use crate::sampler::throughput::LOWER_BOUND;
use crate::sampler::{
    CODE, Decision, Description, Probabilistic, Query, RateLimiter, Sampler, SamplerError,
    Throughput,
};

/// Samples each operation with a probability and a lower bound of its own; shared by all producers
/// of spans.
///
/// Up to `OPERATIONS` operations with names of up to `NAME` bytes are held in place. An unknown
/// operation gets the default probability and a lower bound of its own; once the table is full, or
/// if its name is too long, the default probability alone. Each call compares the name with those of
/// the table under the mutex. A re-entrant call returns [`Decision::Drop`].
///
/// A sampled root is described by its operation's probability. The description has a code of 4 bits,
/// enough for the default and six other probabilities; operations with further ones are sampled
/// without description.
///
/// A chip's tracer asks with the name that a root starts with, and a later name changes nothing: so
/// a span needs no room for a decision that waits. Where the name is known late, note the time at the
/// beginning, and start the span from then on once it is known:
///
/// ```
/// # use picojaeger_core::Clock;
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 1_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, PerOperation, Ring, SamplerError, Seed, Throughput, Tracer};
/// type Sampler = PerOperation<Interrupts, 8, 24>;
///
/// fn set_up(sampler: &Sampler) -> Result<usize, SamplerError> {
///     sampler.update(0.0, 0.0, &[("valve.open", 1.0)], 0)
/// }
///
/// fn handle(tracer: &Tracer<(Timer, Sampler)>, command: &'static str) -> Option<bool> {
///     let began = tracer.now()?;
///     // … the command is received and parsed …
///     let span = tracer.emit::<32>(command, began);
///     Some(span.is_writable())
/// }
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # let sampler = Sampler::new(Throughput::new(0.0, 0.0, 1_000)?);
/// # set_up(&sampler)?;
/// # let tracer: Tracer<(Timer, Sampler)> = Tracer::new((Timer, sampler), &RING);
/// # tracer.seed(Seed::from_words([1, 2, 3]));
/// assert_eq!(handle(&tracer, "valve.open"), Some(true));
/// assert_eq!(handle(&tracer, "valve.read"), Some(false));
/// # Ok::<(), SamplerError>(())
/// ```
///
/// The sampler by itself:
///
/// ```
/// use picojaeger_core::{Interrupts, PerOperation, Query, Sampler, Throughput, TraceId};
///
/// let default = Throughput::new(0.001, 1.0 / 600.0, 1_000)?; // on a clock of 1 kHz
/// let sampler = PerOperation::<Interrupts, 8, 24>::new(default);
/// let left_out = sampler.update(0.001, 1.0 / 600.0, &[("boot", 1.0), ("poll", 0.0)], 0)?;
/// assert_eq!(left_out, 0);
/// let boot = Query::new(TraceId::new(u128::MAX), "boot", 0);
/// assert!((0..9).all(|_| sampler.sample(&boot).is_sample()));
/// # Ok::<(), picojaeger_core::SamplerError>(())
/// ```
#[derive(Debug)]
pub struct PerOperation<X, const OPERATIONS: usize, const NAME: usize> {
    table: Guarded<X, Table<OPERATIONS, NAME>>,
}

#[derive(Debug)]
struct Table<const OPERATIONS: usize, const NAME: usize> {
    /// The rule of an unknown operation; its credit is never spent.
    default: Throughput,
    groups: Groups,
    entries: Vec<Entry<NAME>, OPERATIONS>,
}

#[derive(Clone, Debug)]
struct Entry<const NAME: usize> {
    operation: String<NAME>,
    throughput: Throughput,
    group: u8,
}

/// The probabilities that codes stand for, the default first; those unused are the default.
#[derive(Clone, Copy, Debug)]
struct Groups([f64; GROUPS]);

/// Each group has two codes, of 1 to 15.
const GROUPS: usize = 7;
/// The group of operations without description.
const NO_GROUP: u8 = GROUPS as u8;
/// The group of the default probability.
const DEFAULT: u8 = 0;

impl<X: RawMutex, const OPERATIONS: usize, const NAME: usize> PerOperation<X, OPERATIONS, NAME> {
    /// Makes a sampler that knows no operation, with this rule for each.
    #[cfg(not(loom))]
    pub const fn new(default: Throughput) -> Self {
        PerOperation {
            table: Guarded::new(Table {
                default,
                groups: Groups([default.probability(); GROUPS]),
                entries: Vec::new(),
            }),
        }
    }

    /// Replaces the strategies at `ticks`: the default probability, the lower bound of each
    /// operation, and the operations with probabilities of their own.
    ///
    /// An operation that stays keeps the same share of its credit, one that is not listed is
    /// forgotten. Returns the number of listed operations that did not fit, which are treated as
    /// unknown. Calculates outside the mutex, so some operations are changed before others.
    ///
    /// # Errors
    /// A probability or the lower bound is out of range: nothing is changed. Or the call is
    /// re-entrant: some operations may be changed.
    pub fn update(
        &self,
        default_probability: f64,
        lower_bound: f64,
        strategies: &[(&str, f64)],
        ticks: u64,
    ) -> Result<usize, SamplerError> {
        let groups = Groups::of(default_probability, strategies)?;
        RateLimiter::new(lower_bound, 1)?;
        let mut default = self.with(|table| table.default)?;
        default.update(default_probability, lower_bound, ticks)?;
        self.with(|table| {
            table.default = default;
            table.groups = groups;
            table.entries.retain(|entry| is_listed(strategies, entry));
        })?;
        let mut left_out = 0;
        for (operation, probability) in strategies {
            let group = groups.find(*probability);
            let kept = self.change(operation, group, |rule| {
                rule.update(*probability, lower_bound, ticks)
            })?;
            left_out += usize::from(!kept);
        }
        Ok(left_out)
    }

    /// Changes the rule of an operation, the default if it is unknown; again if a trace was sampled
    /// in between. Returns whether the operation has a place.
    fn change(
        &self,
        operation: &str,
        group: u8,
        change: impl Fn(&mut Throughput) -> Result<(), SamplerError>,
    ) -> Result<bool, SamplerError> {
        loop {
            let before = self.with(|table| table.throughput(operation))?;
            let mut rule = before;
            change(&mut rule)?;
            let set = self.with(|table| table.set(operation, &before, rule, group))?;
            if let Some(kept) = set {
                return Ok(kept);
            }
        }
    }

    fn with<R>(
        &self,
        f: impl FnOnce(&mut Table<OPERATIONS, NAME>) -> R,
    ) -> Result<R, SamplerError> {
        self.table.with(f).ok_or(SamplerError::Busy)
    }
}

impl<X: RawMutex, const OPERATIONS: usize, const NAME: usize> Sampler
    for PerOperation<X, OPERATIONS, NAME>
{
    fn sample(&self, query: &Query<'_>) -> Decision {
        let decided = self.table.with(|table| table.sample(query));
        decided.unwrap_or(Decision::Drop)
    }

    fn description(&self, code: u8) -> Option<Description> {
        let (group, code) = (code.checked_sub(CODE)? / 2, (code - CODE) % 2 + CODE);
        let probability = self.table.with(|table| table.groups.get(group))??;
        // The lower bound is not part of a description.
        Throughput::new(probability, 0.0, 1).ok()?.description(code)
    }
}

impl<const OPERATIONS: usize, const NAME: usize> Table<OPERATIONS, NAME> {
    fn sample(&mut self, query: &Query<'_>) -> Decision {
        let operation = query.operation;
        let known = self.entries.iter().position(|it| it.operation == operation);
        if known.is_none() && !self.insert(operation, self.default, DEFAULT) {
            return self.default.by_probability(query.trace_id);
        }
        let entry = match known {
            Some(at) => self.entries.get_mut(at),
            None => self.entries.last_mut(),
        };
        let Some(entry) = entry else {
            return Decision::Drop;
        };
        match entry.throughput.sample(query.trace_id, query.ticks) {
            Decision::Sample { code } => Decision::Sample {
                code: group_code(entry.group, code),
            },
            other => other,
        }
    }

    /// Returns the rule of an operation, the default if it is unknown.
    fn throughput(&self, operation: &str) -> Throughput {
        let known = self.entries.iter().find(|it| it.operation == operation);
        known.map_or(self.default, |entry| entry.throughput)
    }

    /// Sets the rule of an operation, and returns whether it has a place; `None` if a trace was
    /// sampled since the rule was `before`.
    fn set(
        &mut self,
        operation: &str,
        before: &Throughput,
        rule: Throughput,
        group: u8,
    ) -> Option<bool> {
        let Some(entry) = self.entries.iter_mut().find(|it| it.operation == operation) else {
            return Some(self.insert(operation, rule, group));
        };
        if !entry.throughput.is_unchanged_since(before) {
            return None;
        }
        entry.throughput = rule;
        entry.group = group;
        Some(true)
    }

    /// Adds an operation, if it has a place.
    fn insert(&mut self, operation: &str, throughput: Throughput, group: u8) -> bool {
        let Ok(operation) = String::try_from(operation) else {
            return false;
        };
        let entry = Entry {
            operation,
            throughput,
            group,
        };
        self.entries.push(entry).is_ok()
    }
}

impl Groups {
    /// Numbers the first distinct probabilities.
    fn of(default: f64, strategies: &[(&str, f64)]) -> Result<Self, SamplerError> {
        Probabilistic::new(default)?;
        let (mut groups, mut used) = ([default; GROUPS], 1);
        for (_, probability) in strategies {
            Probabilistic::new(*probability)?;
            let is_known = groups.iter().any(|known| known == probability);
            if !is_known && let Some(free) = groups.get_mut(used) {
                *free = *probability;
                used += 1;
            }
        }
        Ok(Groups(groups))
    }

    fn find(&self, probability: f64) -> u8 {
        let found = self.0.iter().position(|known| *known == probability);
        found.map_or(NO_GROUP, |group| group as u8)
    }

    fn get(&self, group: u8) -> Option<f64> {
        self.0.get(usize::from(group)).copied()
    }
}

/// Returns the code of a group's description, by its operation's own; 0 if it has none.
const fn group_code(group: u8, code: u8) -> u8 {
    const { assert!(LOWER_BOUND == CODE + 1) };
    if group == NO_GROUP {
        0
    } else {
        2 * group + code
    }
}

fn is_listed<const NAME: usize>(strategies: &[(&str, f64)], entry: &Entry<NAME>) -> bool {
    strategies.iter().any(|(name, _)| *name == entry.operation)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::string::{String as Text, ToString};
    use std::vec::Vec as List;

    use super::*;
    use crate::id::TraceId;
    use crate::raw_mutex::Interrupts;
    use crate::sampler::Param;

    const LIKELY: u64 = 1;
    const UNLIKELY: u64 = u64::MAX >> 1;

    type Sampled<const OPERATIONS: usize> = PerOperation<Interrupts, OPERATIONS, 8>;

    /// Nothing by the default probability, and two a second of each operation.
    fn sampler<const OPERATIONS: usize>() -> Sampled<OPERATIONS> {
        PerOperation::new(Throughput::new(0.0, 2.0, 1_000).unwrap())
    }

    fn sampled(sampler: &impl Sampler, operation: &str, low: u64, ticks: u64) -> u32 {
        let query = Query::new(TraceId::from_parts(0, low), operation, ticks);
        (0..9)
            .map(|_| u32::from(sampler.sample(&query).is_sample()))
            .sum()
    }

    /// Type and parameter of a trace's sampler.
    fn described(sampler: &impl Sampler, operation: &str, low: u64) -> Option<(&'static str, f64)> {
        let query = Query::new(TraceId::from_parts(0, low), operation, 0);
        let Decision::Sample { code } = sampler.sample(&query) else {
            panic!("{operation} is not sampled");
        };
        let Description { kind, param } = sampler.description(code)?;
        match param {
            Param::F64(param) => Some((kind, param)),
            Param::Bool(_) => None,
        }
    }

    #[test]
    fn each_operation_has_a_lower_bound_of_its_own() {
        let sampler = sampler::<2>();
        assert_eq!(sampled(&&sampler, "a", UNLIKELY, 0), 2);
        assert_eq!(sampled(&sampler, "b", UNLIKELY, 0), 2);
        assert_eq!(sampled(&sampler, "a", UNLIKELY, 500), 1);
        assert_eq!(sampled(&sampler, "c", UNLIKELY, 0), 0, "the table is full");
        let long = Sampled::<2>::new(Throughput::new(0.0, 2.0, 1_000).unwrap());
        assert_eq!(sampled(&long, "123456789", UNLIKELY, 0), 0);
        assert_eq!(sampled(&long, "12345678", UNLIKELY, 0), 2);
    }

    #[test]
    fn an_operation_without_a_place_gets_the_default_probability() {
        let sampler = Sampled::<1>::new(Throughput::new(0.5, 2.0, 1_000).unwrap());
        assert_eq!(
            described(&sampler, "a", UNLIKELY),
            Some(("lowerbound", 0.5))
        );
        assert_eq!(sampled(&sampler, "b", LIKELY, 0), 9);
        assert_eq!(sampled(&sampler, "b", UNLIKELY, 0), 0);
        assert_eq!(
            described(&sampler, "b", LIKELY),
            Some(("probabilistic", 0.5))
        );
    }

    #[test]
    fn listed_operations_are_sampled_and_described_by_their_own_probability() {
        let sampler = sampler::<8>();
        let strategies = [("a", 0.5), ("b", 1.0), ("c", 0.0), ("d", 0.5)];
        assert_eq!(sampler.update(0.25, 4.0, &strategies, 0), Ok(0));
        for (operation, low, expected) in [
            ("a", LIKELY, ("probabilistic", 0.5)),
            ("a", UNLIKELY, ("lowerbound", 0.5)),
            ("b", UNLIKELY, ("probabilistic", 1.0)),
            ("c", LIKELY, ("lowerbound", 0.0)),
            ("d", UNLIKELY, ("lowerbound", 0.5)),
            ("unknown", LIKELY, ("probabilistic", 0.25)),
            ("unknown", UNLIKELY, ("lowerbound", 0.25)),
        ] {
            assert_eq!(described(&sampler, operation, low), Some(expected));
        }
    }

    #[test]
    fn codes_describe_seven_probabilities() {
        let names: List<Text> = (0..8).map(|number| number.to_string()).collect();
        let strategies: List<_> = (0..8u8)
            .map(|number| (&*names[usize::from(number)], f64::from(number + 1) / 8.0))
            .collect();
        let sampler = sampler::<8>();
        assert_eq!(sampler.update(0.0, 4.0, &strategies, 0), Ok(0));
        let found: List<_> = strategies
            .iter()
            .map(|(name, _)| described(&sampler, name, LIKELY).map(|(_, param)| param))
            .collect();
        let expected: List<_> = strategies
            .iter()
            .enumerate()
            .map(|(at, (_, probability))| (at < GROUPS - 1).then_some(*probability))
            .collect();
        assert_eq!(found, expected);
        let codes: BTreeSet<_> = (0..=15)
            .filter_map(|code| sampler.description(code))
            .map(|it| std::format!("{it:?}"))
            .collect();
        assert_eq!(codes.len(), 2 * GROUPS);
    }

    #[test]
    fn an_update_keeps_the_credit_of_survivors_and_forgets_the_others() {
        let sampler = sampler::<2>();
        sampler
            .update(0.0, 2.0, &[("a", 0.0), ("b", 0.0)], 0)
            .unwrap();
        assert_eq!(sampled(&sampler, "a", UNLIKELY, 0), 2);
        assert_eq!(sampled(&sampler, "b", UNLIKELY, 0), 2);
        // The credit of a quarter of a second: half a trace at 2 a second, a whole one at 4.
        sampler.update(0.0, 4.0, &[("a", 0.0)], 250).unwrap();
        assert_eq!(sampled(&sampler, "a", UNLIKELY, 250), 1);
        assert_eq!(sampled(&sampler, "b", UNLIKELY, 250), 4, "begun anew");
    }

    #[test]
    fn the_servers_list_is_bounded_too() {
        let sampler = sampler::<2>();
        let strategies = [("too long a name", 1.0), ("a", 1.0), ("b", 1.0), ("c", 1.0)];
        assert_eq!(sampler.update(0.0, 2.0, &strategies, 0), Ok(2));
        for (operation, expected) in [("a", 9), ("b", 9), ("c", 0)] {
            assert_eq!(sampled(&sampler, operation, UNLIKELY, 0), expected);
        }
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let sampler = sampler::<2>();
        sampler.update(0.0, 2.0, &[("a", 0.0)], 0).unwrap();
        for (default, bound, own, error) in [
            (1.5, 4.0, 1.0, SamplerError::Probability),
            (1.0, -4.0, 1.0, SamplerError::Rate),
            (1.0, 4.0, f64::NAN, SamplerError::Probability),
        ] {
            let strategies = [("b", 1.0), ("a", own)];
            let updated = sampler.update(default, bound, &strategies, 0);
            assert_eq!(updated, Err(error));
        }
        assert_eq!(sampled(&sampler, "a", UNLIKELY, 0), 2);
        assert_eq!(sampled(&sampler, "b", UNLIKELY, 0), 2);
    }

    #[test]
    fn a_reentrant_call_is_refused() {
        let sampler = sampler::<2>();
        sampler.table.with(|_| {
            assert_eq!(sampled(&sampler, "a", LIKELY, 0), 0);
            assert_eq!(sampler.update(1.0, 1.0, &[], 0), Err(SamplerError::Busy));
            assert_eq!(sampler.description(1), None);
        });
        assert_eq!(sampled(&sampler, "a", LIKELY, 0), 2);
    }
}
