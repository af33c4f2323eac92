//! A builder is no span yet.
#![deny(unused_must_use)]

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    tracer.span_builder("order").tag("items", 3);
}
