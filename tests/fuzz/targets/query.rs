//! Any query of the page's port has an answer in JSON, which is a result or an error that says what is wrong.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use picojaeger_std::collector_server::fuzzing::Store;
use picojaeger_std::model::{Batch, ClientStats, Log, Process, RefKind, Span, SpanRef, Tag};

fuzz_target!(|target: &str| {
    static STORE: OnceLock<Store> = OnceLock::new();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some(answer) = STORE.get_or_init(store).query(path, query) else {
        return;
    };
    let body = answer.body.expect("JSON");
    let error = body["error"].as_str().unwrap_or_default();
    match answer.status {
        200 => assert!(body.is_object()),
        400 | 404 => assert!(!error.is_empty(), "{body}"),
        status => panic!("{status} {body}"),
    }
    if let Some(name) = answer.file_name {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        assert!(name.bytes().all(is_plain), "{name}");
    }
});

/// A store with two traces of two services, whose names and values are as hostile as can be.
fn store() -> Store {
    let mut shop = Batch::new(Process::new("shop"));
    let mut root = Span::new(0xa, 1, "GET /\u{0}<script>");
    (root.start_time_us, root.duration_us) = (1_700_000_000_000_000, 2_000);
    root.tags = vec![
        Tag::new("error", true),
        Tag::new("n", i64::MIN),
        Tag::new("x", f64::NAN),
        Tag::new("jaeger-debug-id", "seven"),
        Tag::new("", vec![0_u8, 255]),
    ];
    let mut child = Span::new(0xa, 2, "\u{202e}\"\\");
    child.parent_span_id = root.span_id;
    (child.start_time_us, child.duration_us) = (i64::MAX, i64::MAX);
    child.logs = vec![Log::new(i64::MIN, vec![Tag::new("event", "a=b&c")])];
    shop.spans.extend([root, child]);
    shop.stats = Some(ClientStats::new(1, i64::MAX, -1));
    let mut pay = Batch::new(Process::new(""));
    let mut lost = Span::new(u128::MAX, 3, "");
    lost.parent_span_id = 9.into();
    lost.start_time_us = i64::MIN;
    lost.references = vec![SpanRef::new(RefKind::FollowsFrom, 0xa, 2)];
    pay.spans.push(lost);
    Store::new([shop, pay])
}
