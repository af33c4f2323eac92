//! Functions in which the attribute must cause no warning, whatever lints are on. Clippy checks it.
#![deny(
    warnings,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    elided_lifetimes_in_paths,
    missing_debug_implementations,
    single_use_lifetimes,
    unreachable_pub,
    unused,
    unused_qualifications,
    unused_results
)]
#![allow(
    clippy::missing_const_for_fn,
    clippy::unused_async,
    reason = "the attribute is what makes them so"
)]

use std::collections::HashMap;
use std::pin::Pin;

use async_trait::async_trait;
use picojaeger_std::traced;

use super::{Failed, block_on, turn};

type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;

#[traced(err, ret(Debug), fields(id, text))]
fn items_first(id: u64, text: &str, mut list: Vec<u64>) -> Result<Vec<u64>, Failed> {
    const MOST: u64 = 10;
    use std::iter::once;
    fn add(list: &mut Vec<u64>, value: u64) {
        list.extend(once(value));
    }
    if id > MOST || text.is_empty() {
        return Err(Failed(1));
    }
    add(&mut list, id);
    Ok(list)
}

#[rustfmt::skip]
mod one_line {
    use super::*;

    #[traced] pub(super) fn one() -> u64 { 1 }
    #[traced(ret)] pub(super) fn other() -> u64 { 1 }
    #[traced] pub(super) async fn two(id: u64) -> u64 { id }
    #[traced(ret, fields(id, next = id + 1))] pub(super) async fn three(id: u64) -> u64 { id }
    #[traced] pub(super) fn four(id: u64) -> impl Future<Output = u64> { async move { id } }
}

#[traced]
fn unit() {
    const ONE: u64 = 1;
    assert_eq!(ONE, 1);
}

#[traced(fields(id))]
async fn waits(id: u64) -> HashMap<&'static str, Option<Result<Vec<u64>, Box<Failed>>>> {
    const KEY: &str = "key";
    turn().await;
    HashMap::from([(KEY, Some(Ok(vec![id])))])
}

#[traced(err)]
async fn borrows<'a>(first: &'a mut u64, second: &u64) -> Result<&'a u64, Failed> {
    *first += *second;
    Ok(first)
}

#[traced]
async fn nothing() {}

#[traced(ret)]
fn boxed(id: u64) -> Boxed {
    Box::pin(async move { id })
}

#[async_trait]
trait Keeps {
    #[traced(err, fields(id))]
    async fn keep(&self, id: u64, (left, right): (u64, u64)) -> Result<u64, Failed> {
        const ONE: u64 = 1;
        turn().await;
        Ok(id + left + right + ONE)
    }
}

impl Keeps for () {}

#[test]
fn functions_without_warnings_run() {
    assert_eq!(items_first(7, "x", Vec::new()), Ok(vec![7]));
    unit();
    let (mut first, second) = (1, 2);
    block_on(async {
        assert_eq!(waits(7).await.len(), 1);
        assert_eq!(borrows(&mut first, &second).await, Ok(&3));
        nothing().await;
        let all = one_line::one() + one_line::other() + one_line::two(1).await;
        assert_eq!(all + one_line::three(1).await + one_line::four(1).await, 5);
        assert_eq!(boxed(7).await, 7);
        assert_eq!(().keep(1, (2, 3)).await, Ok(7));
    });
}
