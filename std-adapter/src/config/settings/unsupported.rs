//! Names without effect here: of features that do not exist, and of other clients' ways to work.
//!
//! A value that asks for nothing is accepted. One that is only missed gets a warning. One without
//! which traces would go astray is an error: another place to send to.

use super::layer::Names;

pub(crate) static WITHOUT_EFFECT: Names = Names {
    keys: &[
        (&["local_agent.enabled"], |_, entry| {
            match entry.boolean()? {
                true => Ok(()),
                false => Err(entry.unsupported(NO_AGENT)),
            }
        }),
        (&["sampler.options"], |layer, entry| {
            layer.ignore(entry, "no effect: the sampler's other keys are its options")
        }),
        (&["reporter_batch_size"], |layer, entry| {
            layer.ignore(entry, BATCH_SIZE)
        }),
        (&["metrics"], |layer, entry| {
            layer.ignore(entry, "no effect: metrics are there for `Tracer::metrics`")
        }),
    ],
    variables: &[("JAEGER_SENDER_FACTORY", |layer, entry| {
        layer.ignore(
            entry,
            "no effect: JAEGER_ENDPOINT chooses between HTTP and UDP",
        )
    })],
};

const NO_AGENT: &str =
    "sending without an agent is not supported yet; use `disabled: true` to send nothing";
const BATCH_SIZE: &str = "no effect: packets are filled by size; `max_packet_size` (bytes) limits \
                          them";
