//! Without the feature `enable` the functions are what they would be without the attribute.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use example_stock::{Missing, count, take};

/// The function of the library, without the attribute.
async fn take_untraced(item: u64) -> Result<u32, Missing> {
    std::future::ready(()).await;
    Ok(count(item)?.saturating_sub(1))
}

#[test]
fn a_future_is_no_larger() {
    assert_eq!(size_of_val(&take(1)), size_of_val(&take_untraced(1)));
}

/// The tracer is not even linked: this program has no symbol of it. That of `shop`, where tracing is on, has.
#[cfg(target_os = "linux")]
#[test]
fn no_code_of_the_tracer_is_linked() {
    assert_eq!(count(10), Err(Missing(10)));
    let mut taken = pin!(take(1));
    let polled = taken.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Ok(2)));

    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Made at run time, since a constant would be found.
    let name = ["picojaeger", "std"].join("_");
    let found = program.windows(name.len()).any(|it| it == name.as_bytes());
    assert!(!found, "the program has symbols of {name}");
}
