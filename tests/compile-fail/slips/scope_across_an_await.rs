//! A task may go on on another thread, and a scope ends on the one on which it began.

fn spawn<F: Future + Send + 'static>(_: F) {}

async fn stock() {}

fn main() {
    let tracer = picojaeger_std::Tracer::disabled();
    spawn(async move {
        let span = tracer.start("order");
        let _active = span.activate();
        stock().await;
    });
}
