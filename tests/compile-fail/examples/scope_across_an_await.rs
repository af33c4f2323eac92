//! A scope across an await where no task changes its thread: it compiles, and Clippy finds it by the configuration in
//! `examples/servers/clippy.toml`.

async fn stock() {}

async fn order(tracer: picojaeger_std::Tracer) {
    let span = tracer.start("order");
    let _active = span.activate();
    stock().await;
}

fn main() {
    drop(order(picojaeger_std::Tracer::disabled()));
}
