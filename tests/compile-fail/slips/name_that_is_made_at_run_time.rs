//! Names are kept by reference; text that is made while the program runs is copied.

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    let route = format!("GET /orders/{}", 7);
    tracer.start(route.as_str()).finish();
}
