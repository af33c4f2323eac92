//! The sampler of a tracer: one of the core's, the remote one, or the user's.

use std::sync::{Arc, Mutex};

use picojaeger_core::{
    Const, Decision, Description, Probabilistic, Query, RateLimiter, Sampler as _,
};

use crate::config::{Sampler, Settings};
#[cfg(feature = "http")]
use crate::sampling::{MakeSource, RemoteSampler};
use crate::sampling::{PollCounts, rate_limit};
use crate::sys::clock::monotonic;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;
use crate::sys::unwind::caught;

/// Sampler of local roots.
pub(crate) enum RootSampler {
    Const(Const),
    Probabilistic(Probabilistic),
    RateLimiting(Mutex<RateLimiter>),
    User(UserSampler),
    #[cfg(feature = "http")]
    Remote(Arc<RemoteSampler>),
}

/// A sampler that the user wrote.
pub(crate) type UserSampler = Arc<dyn picojaeger_core::Sampler + Send + Sync>;

/// A decision about a local root.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(
    not(feature = "http"),
    allow(dead_code, reason = "choices of the remote sampler")
)]
pub(crate) enum Choice {
    Drop,
    /// Recorded; the code is described when the span is sent.
    Coded(u8),
    /// Recorded, with the description as tags, since the sampler may change before it is sent.
    Described(Option<Description>),
    /// Not decided before the operation name is final; only at [`Timing::Start`].
    Undecided,
}

/// The time of a question to a sampler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timing {
    /// The start of the root, which may be renamed.
    Start,
    /// The last moment for a decision.
    Final,
}

impl RootSampler {
    /// Makes the sampler of resolved settings, whose parameters are in range.
    pub(crate) fn new(settings: &Settings) -> Self {
        let made = match settings.sampler {
            Sampler::Const(on) => return RootSampler::Const(Const(on)),
            Sampler::Probabilistic(rate) => {
                Probabilistic::new(rate).map(RootSampler::Probabilistic)
            }
            Sampler::RateLimiting(rate) => rate_limit::limiter(rate)
                .map(|limiter| RootSampler::RateLimiting(Mutex::new(limiter))),
            #[cfg(feature = "http")]
            Sampler::Remote(initial) => {
                return RootSampler::Remote(RemoteSampler::new(initial, settings));
            }
            #[cfg(not(feature = "http"))]
            Sampler::Remote(share) => Probabilistic::new(share).map(RootSampler::Probabilistic),
        };
        made.unwrap_or(RootSampler::Const(Const(false)))
    }

    /// Makes a remote sampler ask this source; leaves others alone.
    #[cfg(feature = "http")]
    pub(crate) fn with_source(self, settings: &Settings, make_source: MakeSource) -> Self {
        match (self, settings.sampler) {
            (RootSampler::Remote(_), Sampler::Remote(initial)) => {
                let sampler = RemoteSampler::with_source(initial, settings, make_source);
                RootSampler::Remote(sampler)
            }
            (other, _) => other,
        }
    }

    /// Makes the sampler of a forked child.
    pub(crate) fn for_child(&self, settings: &Settings) -> Self {
        match (self, settings.sampler) {
            (RootSampler::User(sampler), _) => RootSampler::User(sampler.clone()),
            #[cfg(feature = "http")]
            (RootSampler::Remote(sampler), Sampler::Remote(initial)) => {
                RootSampler::Remote(sampler.for_child(initial, settings))
            }
            _ => RootSampler::new(settings),
        }
    }

    /// Returns the decision, if it needs neither a lock nor the user's code.
    #[inline(always)]
    pub(crate) fn try_sample(&self, query: &Query<'_>) -> Option<Decision> {
        match self {
            RootSampler::Const(sampler) => Some(sampler.sample(query)),
            RootSampler::Probabilistic(sampler) => Some(sampler.sample(query)),
            #[cfg(feature = "http")]
            RootSampler::Remote(sampler) => sampler.try_sample(query),
            RootSampler::RateLimiting(_) | RootSampler::User(_) => None,
        }
    }

    /// Returns the decision; may take a lock, or run the user's code.
    #[cfg_attr(
        not(feature = "http"),
        allow(unused_variables, reason = "only the remote sampler waits")
    )]
    pub(crate) fn sample(&self, query: &Query<'_>, timing: Timing) -> Choice {
        match self {
            RootSampler::Const(sampler) => sampler.sample(query).into(),
            RootSampler::Probabilistic(sampler) => sampler.sample(query).into(),
            RootSampler::RateLimiting(limiter) => match lock(limiter).allow(monotonic()) {
                true => Choice::Coded(1),
                false => Choice::Drop,
            },
            RootSampler::User(sampler) => {
                let query = Query::new(query.trace_id, query.operation, monotonic());
                caught(|| sampler.sample(&query)).map_or(Choice::Drop, Choice::from)
            }
            #[cfg(feature = "http")]
            RootSampler::Remote(sampler) => sampler.sample(query, timing),
        }
    }

    /// Returns the description of a [`Choice::Coded`].
    pub(crate) fn description(&self, code: u8) -> Option<Description> {
        match self {
            RootSampler::Const(sampler) => sampler.description(code),
            RootSampler::Probabilistic(sampler) => sampler.description(code),
            RootSampler::RateLimiting(limiter) => {
                (code == 1).then(|| rate_limit::description(&lock(limiter)))
            }
            RootSampler::User(sampler) => caught(|| sampler.description(code)).flatten(),
            #[cfg(feature = "http")]
            RootSampler::Remote(_) => None,
        }
    }

    /// Returns the counts of questions to a server, if the sampler has one.
    pub(crate) fn polls(&self) -> Option<PollCounts> {
        match self {
            #[cfg(feature = "http")]
            RootSampler::Remote(sampler) => Some(sampler.counts()),
            _ => None,
        }
    }

    /// Returns the remote sampler, if it is the one and its server is not asked regularly yet.
    #[cfg(feature = "http")]
    pub(crate) fn unpolled(&self) -> Option<&Arc<RemoteSampler>> {
        match self {
            RootSampler::Remote(sampler) if !sampler.is_polled() => Some(sampler),
            _ => None,
        }
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the sampler's state, if it has one.
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        match self {
            RootSampler::RateLimiting(limiter) => hold(limiter, f),
            #[cfg(feature = "http")]
            RootSampler::Remote(sampler) => sampler.while_locked(f),
            _ => f(),
        }
    }
}

impl From<Decision> for Choice {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Sample { code } => Choice::Coded(code),
            _ => Choice::Drop,
        }
    }
}

impl std::fmt::Debug for RootSampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RootSampler::Const(_) => "Const",
            RootSampler::Probabilistic(_) => "Probabilistic",
            RootSampler::RateLimiting(_) => "RateLimiting",
            RootSampler::User(_) => "User",
            #[cfg(feature = "http")]
            RootSampler::Remote(_) => "Remote",
        })
    }
}
