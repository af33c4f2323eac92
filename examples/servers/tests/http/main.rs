//! Requests over real connections: axum, tonic and hyper, HTTP/1 and HTTP/2, each span complete and every sum exact.

mod completion;
mod grpc;
mod harness;
mod options;
mod requests;
mod tls;
mod traces;
