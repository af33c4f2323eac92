//! The attribute `traced` on tokio, checked by a tracer for tests.

use std::time::Duration;

use picojaeger_std::testing::TestTracer;
use picojaeger_std::{InSpan, assert_trace, current, traced};
use tokio::sync::oneshot;

#[traced(err, ret, fields(order.id = id))]
async fn order(id: u64) -> Result<u64, String> {
    let audit = tokio::spawn(audit(id).in_current_span());
    let (left, right) = tokio::join!(stock(id, 1), stock(id, 2));
    audit.await.map_err(|error| error.to_string())?;
    current().tag("done", true);
    Ok(left? + right?)
}

#[traced(err, fields(depot))]
async fn stock(id: u64, depot: u64) -> Result<u64, String> {
    tokio::task::yield_now().await;
    match id {
        0..10 => Ok(depot),
        _ => Err(format!("no item {id}")),
    }
}

#[traced]
async fn audit(id: u64) {
    tokio::task::yield_now().await;
    current().tag("audited", id);
}

/// Never ready.
#[traced]
async fn wait_for_ever() {
    std::future::pending::<()>().await;
}

#[traced]
async fn first(ready: oneshot::Receiver<u64>) -> Option<u64> {
    tokio::select! {
        biased;
        () = wait_for_ever() => None,
        ready = ready => ready.ok(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_many_threads_have_their_parents() {
    let tracer = TestTracer::new();
    for _ in 0..50 {
        let task = tokio::spawn(tracer.in_future(order(7)));
        assert_eq!(task.await.unwrap(), Ok(3));
        let task = tokio::spawn(tracer.in_future(order(12)));
        assert_eq!(task.await.unwrap(), Err("no item 12".into()));
        assert_trace!(
            tracer,
            "
            order | order.id=7 return=3 done=true !error
              audit | audited=7
              stock | depot=1 !error
              stock | depot=2 !error
            order | order.id=12 !return done error
              audit | audited=12
              stock | depot=1 error
              stock | depot=2 error
            "
        );
        tracer.take();
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_future_that_loses_is_cancelled() {
    let (tracer, (send, ready)) = (TestTracer::new(), oneshot::channel());
    let sender = async {
        tokio::task::yield_now().await;
        send.send(7).unwrap();
        tracer.clock().advance(Duration::from_millis(5));
    };
    let (found, ()) = tokio::join!(tracer.in_future(first(ready)), sender);
    assert_eq!(found, Some(7));
    assert_trace!(tracer, "first\n  wait_for_ever | cancelled=true !error");
    assert!(tracer.spans().iter().all(|span| span.duration_us == 5_000));
}
