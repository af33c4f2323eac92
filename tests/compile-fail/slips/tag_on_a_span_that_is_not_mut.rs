//! Writing to a span changes it.

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    let span = tracer.start("order");
    span.tag("items", 3);
}
