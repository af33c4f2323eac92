//! Traits whose functions `#[async_trait]` boxes, with either attribute first.

use std::sync::Arc;

use async_trait::async_trait;
use picojaeger_std::model::TagValue;
use picojaeger_std::{current, traced};

use super::{Failed, Path, block_on, sent, spans_of, tags, text, turn};

#[async_trait]
trait Store: Sync {
    #[traced(err, ret, fields(id, key = self.key()))]
    async fn get(&self, Path(id): Path<u64>, count: u32) -> Result<u32, Failed> {
        turn().await;
        current().tag("within", true);
        if id > 5 {
            return Err(Failed(1));
        }
        Ok(count)
    }

    fn key(&self) -> &str;

    async fn put(&mut self, id: u64);
}

struct Memory {
    key: String,
}

#[async_trait]
impl Store for Memory {
    fn key(&self) -> &str {
        &self.key
    }

    #[traced(fields(store.key = self.key, twice = %id * 2))]
    async fn put(&mut self, id: u64) {
        turn().await;
        self.key = format!("{id}");
    }
}

#[async_trait]
#[traced(err)]
trait Below {
    async fn below(&self, id: u64) -> Result<(), Failed> {
        turn().await;
        let _kept = id;
        Err(Failed(2))
    }

    async fn left(&self);
}

#[traced(ret)]
#[async_trait]
trait Above {
    async fn above(self: Arc<Self>, id: u64) -> u64
    where
        Self: Send + Sync + 'async_trait,
    {
        turn().await;
        id
    }

    #[traced("own")]
    async fn named(&self) {}
}

#[async_trait]
impl Below for Memory {
    async fn left(&self) {}
}

impl Above for Memory {}

fn memory() -> Memory {
    Memory { key: "k".into() }
}

#[test]
fn boxed_bodies_are_within_the_span() {
    let (_, spans) = spans_of(|| {
        let mut memory = memory();
        block_on(sent(memory.put(7)));
        let store: &dyn Store = &memory;
        assert!(block_on(sent(store.get(Path(7), 3))).is_err());
        assert_eq!(block_on(store.get(Path(1), 3)), Ok(3));
    });
    let [put, failed, got] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(put.operation_name, "put");
    let expected = [("store.key", &text("k")), ("twice", &text("14"))];
    assert_eq!(tags(put), expected);
    let (within, error) = (("within", &TagValue::Bool(true)), TagValue::Bool(true));
    let (seven, key) = (TagValue::Long(7), text("7"));
    let expected = [("id", &seven), ("key", &key), within, ("error", &error)];
    assert_eq!(tags(failed), expected);
    let (one, three) = (TagValue::Long(1), TagValue::Long(3));
    let expected = [("id", &one), ("key", &key), within, ("return", &three)];
    assert_eq!(tags(got), expected);
}

#[test]
fn both_orders_trace_a_whole_block() {
    let (_, spans) = spans_of(|| {
        let memory = memory();
        block_on(memory.left());
        assert!(block_on(memory.below(1)).is_err());
        block_on(memory.named());
        assert_eq!(block_on(Arc::new(memory).above(7)), 7);
    });
    let names: Vec<_> = spans.iter().map(|span| &*span.operation_name).collect();
    assert_eq!(names, ["below", "own", "above"]);
    assert_eq!(tags(&spans[0]), [("error", &TagValue::Bool(true))]);
    assert_eq!(tags(&spans[2]), [("return", &TagValue::Long(7))]);
}
