//! HTTP on the program's ports: connections, what is refused, and answers.

pub(super) mod body;
mod connections;
pub(super) mod guard;
mod patient_stream;
pub(super) mod reply;
#[cfg(test)]
pub(super) mod test_port;
#[cfg(test)]
mod tests;
mod turns;

pub(super) use connections::{Connections, Handler, Limits, serve};
pub(super) use guard::Guard;
pub(super) use reply::{Refusal, Reply};
pub(super) use turns::Turn;
