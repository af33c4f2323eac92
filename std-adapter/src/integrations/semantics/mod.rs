//! OpenTelemetry's semantic conventions for HTTP and gRPC, version 1.45, and OpenTracing's names.

pub(super) mod grpc;
pub(super) mod keys;
pub(super) mod method;
pub(super) mod name;
pub(super) mod url;
