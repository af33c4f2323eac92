//! The strategy in use, with its state.

use picojaeger_core::{Decision, Probabilistic, Query, RateLimiter, Sampler as _};

use crate::sampling::Choice;
use crate::sampling::rate_limit;
use crate::sampling::remote::per_operation::{PerOperation, choose};
use crate::sampling::remote::strategy::Strategy;

/// A strategy and the state of its limits, in nanoseconds of the monotonic clock.
#[derive(Debug)]
pub(super) struct Active {
    strategy: Strategy,
    rule: Rule,
    max_operations: usize,
}

#[derive(Debug)]
enum Rule {
    Never,
    Probabilistic(Probabilistic),
    RateLimiting(RateLimiter),
    PerOperation(PerOperation),
}

impl Active {
    pub(super) fn new(strategy: Strategy, max_operations: usize, now: u64) -> Self {
        Active {
            rule: Rule::new(&strategy, max_operations, now),
            strategy,
            max_operations,
        }
    }

    pub(super) fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Replaces the strategy; one of the same type keeps the share of its credit.
    pub(super) fn update(&mut self, strategy: Strategy, now: u64) {
        let kept = match (&mut self.rule, &strategy) {
            (Rule::RateLimiting(limiter), Strategy::RateLimiting(rate)) => {
                limiter.update(*rate, now).is_ok()
            }
            (Rule::PerOperation(rules), Strategy::PerOperation(strategies)) => {
                rules.update(strategies, now);
                true
            }
            _ => false,
        };
        if !kept {
            self.rule = Rule::new(&strategy, self.max_operations, now);
        }
        self.strategy = strategy;
    }

    pub(super) fn sample(&mut self, query: &Query<'_>, now: u64) -> Choice {
        match &mut self.rule {
            Rule::Never => Choice::Drop,
            Rule::Probabilistic(sampler) => {
                choose(sampler.sample(query), |code| sampler.description(code))
            }
            Rule::RateLimiting(limiter) => {
                let decision = match limiter.allow(now) {
                    true => Decision::Sample { code: 1 },
                    false => Decision::Drop,
                };
                choose(decision, |_| Some(rate_limit::description(limiter)))
            }
            Rule::PerOperation(rules) => rules.sample(query, now),
        }
    }

    pub(super) fn depends_on_operation(&self) -> bool {
        matches!(self.rule, Rule::PerOperation(_))
    }

    /// Returns the limit of the lower 63 bits of ids from which on no trace is sampled, whatever its
    /// operation; `None` if there is none.
    pub(super) fn limit(&self) -> Option<u64> {
        match &self.rule {
            Rule::Never => Some(0),
            Rule::Probabilistic(sampler) => Some(sampler.limit()),
            Rule::RateLimiting(_) | Rule::PerOperation(_) => None,
        }
    }
}

impl Rule {
    fn new(strategy: &Strategy, max_operations: usize, now: u64) -> Self {
        let made = match strategy {
            Strategy::Probabilistic(share) => Probabilistic::new(*share).map(Rule::Probabilistic),
            Strategy::RateLimiting(rate) => rate_limit::limiter(*rate).map(Rule::RateLimiting),
            Strategy::PerOperation(strategies) => {
                return Rule::PerOperation(PerOperation::new(strategies, max_operations, now));
            }
        };
        // Values out of range, which a reader of answers clamps and the configuration refuses.
        made.unwrap_or(Rule::Never)
    }
}
