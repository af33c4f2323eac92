//! A span is active on one thread; another thread activates it for itself.

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    let span = tracer.start("order");
    let active = span.activate();
    std::thread::spawn(move || drop(active));
}
