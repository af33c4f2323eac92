//! The names that a traced server uses: `use picojaeger_std::prelude::*;`.
//!
//! ```
//! use picojaeger_std::prelude::*;
//!
//! async fn audit(id: u64) {
//!     current().tag("order.id", id);
//! }
//! # drop(audit(7).in_span("audit"));
//! ```

#[cfg(feature = "reqwest-013")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-013")))]
pub use crate::reqwest::Traced;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use crate::shutdown_signal;
pub use crate::{
    InSpan, IntoSpan, Span, SpanContext, ToContext, Tracer, current, current_root, global_tracer,
    in_current_span,
};
