//! A probability for each operation, for any number of operations up to a limit.

use std::collections::HashMap;

use picojaeger_core::{Decision, Description, Probabilistic, Query, Sampler as _, Throughput};

use crate::sampling::Choice;
use crate::sampling::remote::strategy::OperationStrategies;
use crate::sys::clock::SECOND;

/// The rules of the known operations: those that the server lists, and those that were seen.
#[derive(Debug)]
pub(crate) struct PerOperation {
    strategies: OperationStrategies,
    rules: HashMap<Box<str>, Throughput>,
    max_operations: usize,
}

/// Longest name in bytes that has a rule of its own, so that the limit of operations bounds memory.
const LONGEST_NAME: usize = 1024;

impl PerOperation {
    /// Makes the rules of a server's list, in nanoseconds of the monotonic clock.
    pub(super) fn new(strategies: &OperationStrategies, max_operations: usize, now: u64) -> Self {
        let mut made = PerOperation {
            strategies: strategies.clone(),
            rules: HashMap::new(),
            max_operations,
        };
        made.update(strategies, now);
        made
    }

    /// Replaces the strategies. An operation that stays keeps the same share of its credit; one that
    /// is not listed is forgotten, and those beyond the limit are treated as unknown.
    pub(super) fn update(&mut self, strategies: &OperationStrategies, now: u64) {
        let mut known = std::mem::take(&mut self.rules);
        self.strategies = strategies.clone();
        for (name, probability) in &strategies.operations {
            if self.rules.len() >= self.max_operations {
                break;
            }
            if name.len() > LONGEST_NAME || self.rules.contains_key(&**name) {
                continue;
            }
            let kept = known.remove(&**name).and_then(|mut rule| {
                let updated = rule.update(*probability, strategies.lower_bound, now);
                updated.is_ok().then_some(rule)
            });
            // Random, so that processes that begin together do not all sample at once.
            let random = || getrandom::u32().unwrap_or_default();
            if let Some(rule) = kept.or_else(|| self.rule(*probability, random())) {
                self.rules.insert(name.as_str().into(), rule);
            }
        }
    }

    /// Decides for a trace, and spends the credit of its operation.
    pub(super) fn sample(&mut self, query: &Query<'_>, now: u64) -> Choice {
        let (name, id) = (query.operation, query.trace_id);
        if let Some(rule) = self.rules.get_mut(name) {
            return choose(rule.sample(id, now), |code| rule.description(code));
        }
        let default = self.strategies.default_probability;
        // The id's lowest bits are random, and weigh least in the decision of the probability.
        let rule = self.rule(default, id.low() as u32);
        if let Some(mut rule) = rule.filter(|_| self.has_room(name)) {
            let decision = rule.sample(id, now);
            self.rules.insert(name.into(), rule);
            return choose(decision, |code| rule.description(code));
        }
        let Ok(sampler) = Probabilistic::new(default) else {
            return Choice::Drop;
        };
        choose(sampler.sample(query), |code| sampler.description(code))
    }

    fn has_room(&self, name: &str) -> bool {
        self.rules.len() < self.max_operations && name.len() <= LONGEST_NAME
    }

    /// Makes a rule; `None` for values out of range, which no strategy has.
    fn rule(&self, probability: f64, random: u32) -> Option<Throughput> {
        let rule = Throughput::new(probability, self.strategies.lower_bound, SECOND).ok()?;
        Some(rule.with_random_credit(random))
    }
}

/// Makes a choice of a decision and its description.
pub(super) fn choose(
    decision: Decision,
    description: impl FnOnce(u8) -> Option<Description>,
) -> Choice {
    match decision {
        Decision::Sample { code } => Choice::Described(description(code)),
        _ => Choice::Drop,
    }
}
