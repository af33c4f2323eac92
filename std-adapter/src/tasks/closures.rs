//! Closures that run elsewhere.

use crate::scope::Home;

/// Keeps what is active at this call active while the closure runs: for `spawn_blocking`, a thread, or a pool.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::in_current_span;
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let mut order = tracer.start("order");
/// let trace = order.context().trace_id();
/// let worker = order.in_scope(|| {
///     let tracer = tracer.clone();
///     std::thread::spawn(in_current_span(move || tracer.start("pack").context().trace_id()))
/// });
/// assert_eq!(worker.join().unwrap(), trace);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub fn in_current_span<R>(closure: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let mut home = Home::of_active();
    move || {
        let entered = home.enter();
        let result = closure();
        drop(entered);
        home.return_held();
        result
    }
}
