//! The attribute `traced`.

/// Gives a function a span, a child of the active one.
///
/// The span is started by the tracer of the active span, else by the [global one](crate::global_tracer), and is
/// active while the function runs: [`current`](crate::current) writes to it. It ends with the function: after an
/// early return and `?` too, with the tag `error` if the function unwinds.
///
#[cfg_attr(feature = "enable", doc = "```")]
#[cfg_attr(not(feature = "enable"), doc = "```ignore")]
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::{current, traced};
///
/// #[traced(err, fields(order.id = id))]
/// fn order(id: u64) -> Result<u32, std::num::ParseIntError> {
///     current().tag("express", true);
///     price("7")
/// }
///
/// #[traced("look up", err, ret)]
/// fn price(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let price = tracer.start("request").in_scope(|| order(3));
/// assert_eq!((price, tracer.stats().sampled), (Ok(7), 3));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
///
/// # Arguments
/// All may be left out, and stand in any order:
///
/// | Argument | Sets |
/// |---|---|
/// | `"look up"`, `name = "look up"` | the span's name, a `&'static str`; else it is the function's |
/// | `fields(id, order.id = id, total = %price, rest = ?items)` | tags from parameters and expressions; none by default |
/// | `err` | an error that is returned: [`Span::record_error`](crate::Span::record_error), for types that are no `Error` by `Display` |
/// | `err(Debug)` | the same by `Debug` |
/// | `ret` | the tag `return`; with `err` it is the value in `Ok` |
/// | `ret(Debug)` | the same by `Debug` |
/// | `parent = request` | the parent, a [`ToContext`](crate::ToContext): a span, whose tracer it has then, a context, or an `Option` of one, where `None` makes a root |
/// | `crate = shop::tracing` | the path of this crate, if it has another one |
///
/// A field, and a returned value, has the type that [`Value`](crate::Value) has for it, and is text by `Display` if there
/// is none; `%` asks for `Display`, `?` for `Debug`. The expressions are evaluated before the
/// body, sampled or not, and borrow what they name.
///
/// # Functions
/// - `async` ones start the span at the first poll and have it [across each await](crate::InSpan::in_span): `cancelled`
///   marks a future that is dropped before it is ready. A future that is `Send` remains so.
/// - Ones whose last expression is an `async` block, or `Box::pin` of one, are traced like these. So
///   are those of `#[async_trait]`.
/// - Others that return `impl Future`, `Pin<Box<dyn Future>>` or `BoxFuture` start the span at the call, and a boxed future
///   is boxed once more.
/// - At an `impl` or `trait` block, before or after `#[async_trait]`, the attribute stands for one at each function with a body;
///   such a block takes `err`, `ret` and `crate`.
/// - A `const fn` cannot be traced. In one with `#[track_caller]` and `err` or `ret` the caller's location is lost.
///
/// # Costs
/// A call costs what a start and an end of a span cost, and allocates nothing. A future grows by its span, about as
/// much as by [`InSpan`](crate::InSpan), and by its arguments, which lie in it twice.
///
/// # Libraries
/// A library depends on this crate with `default-features = false` and the feature `macros`. Then the attribute leaves functions as they
/// are, and no macro is compiled, unless the program enables `enable`, as it does by default. A library
/// turns it on among its `dev-dependencies`, so that its own tests check the arguments.
pub use picojaeger_macros::traced;
