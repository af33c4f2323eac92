//! Transports of servers: packets to the network, one at a time.
//!
//! The worker sends each packet through one [`Transport`]: over UDP to the agent, over HTTP to a
//! collector, or through the one that a `TracerBuilder` names. [`Recorder`] and [`FaultInjector`] are for tests.

mod closing;
mod fault_injector;
mod guarded;
#[cfg(feature = "http")]
mod http;
#[cfg(test)]
mod odd;
mod recorder;
mod udp;

pub(crate) use closing::Closing;
pub use fault_injector::FaultInjector;
pub(crate) use guarded::{Guarded, PANICKED};
#[cfg(feature = "http")]
pub(crate) use http::HttpTransport;
#[cfg(all(test, feature = "tls"))]
pub(crate) use http::TlsServer;
#[cfg(feature = "testing")]
pub(crate) use http::mock_server;
pub use picojaeger_core::{SendOutcome, Transport};
pub use recorder::Recorder;
pub(crate) use udp::UdpTransport;

/// A transport that the worker's thread owns.
pub(crate) type BoxTransport = Box<dyn Transport + Send>;
