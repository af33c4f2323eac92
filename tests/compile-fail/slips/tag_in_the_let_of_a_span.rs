//! A tag returns a borrow of the span, which needs a name first; a builder's tag does not.

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    let span = tracer.start("order").tag("items", 3);
    span.finish();
}
