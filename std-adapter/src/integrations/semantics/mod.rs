//! OpenTelemetry's semantic conventions for HTTP and gRPC, version 1.45, and OpenTracing's names.

#[cfg(feature = "tower")]
pub(super) mod grpc;
pub(super) mod keys;
pub(super) mod method;
pub(super) mod name;
pub(super) mod response;
pub(super) mod url;

/// The side of an exchange that is traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    not(feature = "tower"),
    allow(dead_code, reason = "a client alone has one side and one set of names")
)]
pub(super) enum Side {
    Server,
    Client,
}

/// The conventions that tags follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(
    not(feature = "tower"),
    allow(dead_code, reason = "a client alone has one side and one set of names")
)]
pub(super) enum Names {
    #[default]
    OpenTelemetry,
    OpenTracing,
}

impl Side {
    /// Returns the first status that is an error: a server answers 4xx to the errors of others.
    const fn least_error(self) -> u16 {
        match self {
            Side::Server => 500,
            Side::Client => 400,
        }
    }
}
