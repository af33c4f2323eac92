//! Services of the operating system: clocks, process hooks, fences, the log, the network. Nothing
//! here depends on tracing.

pub(crate) mod base64;
pub(crate) mod clock;
pub(crate) mod error_chain;
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod exit;
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod fork;
#[cfg(feature = "frames")]
pub(crate) mod hex;
#[cfg(any(feature = "collector", feature = "relay"))]
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod interrupt;
pub(crate) mod log;
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod membarrier;
pub(crate) mod net;
pub(crate) mod pace;
#[allow(unsafe_code, reason = "publishes a pointer")]
pub(crate) mod per_process;
#[cfg(all(unix, feature = "tokio"))]
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod signals;
#[cfg(feature = "tracing")]
#[allow(unsafe_code, reason = "gives out what it locks")]
pub(crate) mod spin;
pub(crate) mod sync;
#[allow(unsafe_code, reason = "calls the C library")]
pub(crate) mod threads;
#[allow(unsafe_code, reason = "reads the counter by an instruction")]
pub(crate) mod tsc;
pub(crate) mod unwind;
#[cfg(any(feature = "collector", feature = "relay"))]
pub(crate) mod varint;
