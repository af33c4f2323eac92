//! Which spans and events get to the layer.

use tracing_core::{Interest, LevelFilter, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// The filter of [`layer`](super::layer): levels up to INFO, without HTTP, TLS and this crate.
///
/// It is a filter of one layer: a formatter beside it gets what it wants. What no layer wants costs
/// the program one load.
///
/// ```
/// use picojaeger_std::Tracer;
/// use picojaeger_std::tracing::{DefaultFilter, JaegerLayer};
/// use tracing_subscriber::Layer as _;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let layer = JaegerLayer::new(&Tracer::disabled())
///     .with_filter(DefaultFilter::new().with_max_level(LevelFilter::DEBUG));
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// ```
#[derive(Clone, Debug)]
pub struct DefaultFilter {
    most: LevelFilter,
}

/// Crates whose spans and events are left out.
const LEFT_OUT: [&str; 5] = ["h2", "hyper", "hyper_util", "rustls", "ureq"];

impl DefaultFilter {
    /// Returns the filter with the level INFO.
    pub const fn new() -> Self {
        DefaultFilter {
            most: LevelFilter::INFO,
        }
    }

    /// Sets the most verbose level that passes.
    #[must_use]
    pub const fn with_max_level(self, most: LevelFilter) -> Self {
        DefaultFilter { most }
    }

    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        *metadata.level() <= self.most && !is_ours(target) && !LEFT_OUT.contains(&crate_of(target))
    }
}

impl Default for DefaultFilter {
    fn default() -> Self {
        DefaultFilter::new()
    }
}

impl<S> Filter<S> for DefaultFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.passes(metadata) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most)
    }
}

/// Returns whether a target is this crate's.
#[inline]
pub(super) fn is_ours(target: &str) -> bool {
    // Before each span and event: a search for the `::` costs some 400 instructions.
    let Some(rest) = target.strip_prefix("picojaeger") else {
        return false;
    };
    let ends = |rest: &str| rest.is_empty() || rest.starts_with("::");
    ends(rest)
        || ["_std", "_core"]
            .iter()
            .any(|name| rest.strip_prefix(name).is_some_and(ends))
}

/// Returns the first part of a target.
fn crate_of(target: &str) -> &str {
    target.split_once("::").map_or(target, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_compared_by_its_crate() {
        for ours in [
            "picojaeger",
            "picojaeger::a",
            "picojaeger_std::worker",
            "picojaeger_core",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "picojaegers",
            "picojaeger_stdin",
            "picojaeger:",
            "shop::picojaeger",
            "",
            "::picojaeger",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
