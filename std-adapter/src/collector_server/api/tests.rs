//! Answers as a script reads them.

use serde_json::{Value, json};

use super::*;
use crate::model::{Batch, ClientStats, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

const TRACE: u128 = 0xabc;

fn span(id: u64, parent: u64, start: i64, duration: i64) -> Span {
    Span {
        parent_span_id: parent.into(),
        start_time_us: start,
        duration_us: duration,
        ..Span::new(TRACE, id, format!("op{id}"))
    }
}

fn tagged(mut span: Span, key: &str, value: impl Into<TagValue>) -> Span {
    span.tags.push(Tag::new(key, value));
    span
}

fn batch(service: &str, spans: impl IntoIterator<Item = Span>) -> Batch {
    let mut batch = Batch::new(Process::new(service));
    batch.spans.extend(spans);
    batch
}

fn inbox(batches: impl IntoIterator<Item = Batch>) -> Inbox {
    let inbox = Inbox::of_program(64 << 20);
    for batch in batches {
        inbox.store(batch);
    }
    inbox
}

/// Asks, and returns status and body.
fn ask(inbox: &Inbox, path: &str, query: &str) -> (u16, Value) {
    let answer = answer(inbox, path, query).unwrap();
    assert_eq!(answer.content_type, "application/json");
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// The ids, in hexadecimal without zeros, that a search finds.
fn found(inbox: &Inbox, query: &str) -> String {
    let (status, body) = ask(inbox, "/api/search", query);
    assert_eq!(status, 200, "{body}");
    let traces = body["traces"].as_array().unwrap().iter();
    let ids = traces.map(|trace| trace["id"].as_str().unwrap().trim_start_matches('0'));
    ids.collect::<Vec<_>>().join(" ")
}

fn of_trace(trace: u128, span: Span) -> Span {
    Span {
        trace_id: trace.into(),
        ..span
    }
}

#[test]
fn paths_that_do_not_exist_have_no_answer() {
    let inbox = inbox([]);
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/trace",
        "/api/searches",
        "/api/live",
    ] {
        assert_eq!(answer(&inbox, path, ""), None, "{path}");
    }
}

#[test]
fn services_are_sorted_with_their_operations() {
    let inbox = inbox([
        batch(
            "shop",
            [span(2, 0, 0, 1), span(1, 0, 0, 1), span(1, 0, 0, 1)],
        ),
        batch("cart", [span(3, 0, 0, 1)]),
    ]);
    let expected = json!({"services": [
        {"name": "cart", "operations": ["op3"]},
        {"name": "shop", "operations": ["op1", "op2"]},
    ]});
    assert_eq!(ask(&inbox, "/api/services", ""), (200, expected));
}

#[test]
fn a_search_gives_the_summary_of_a_trace() {
    let inbox = inbox([
        batch(
            "shop",
            [tagged(span(1, 0, 100, 50), "jaeger-debug-id", "find-me")],
        ),
        batch(
            "cart",
            [
                tagged(span(2, 1, 90, 10), "error", true),
                tagged(span(3, 1, 120, 500), "picojaeger.unfinished", true),
            ],
        ),
    ]);
    let (_, mut body) = ask(&inbox, "/api/search", "");
    assert!(body["traces"][0]["updated"].take().as_i64().unwrap() > 1_700_000_000_000_000);
    let expected = json!({"revision": 2, "matched": 1, "traces": [{
        "id": "0000000000000abc", "service": "shop", "operation": "op1", "start": 90, "duration": 530,
        "spans": 3, "errors": 1, "open": 1, "warnings": 1, "rooted": true, "updated": null,
        "debug_id": "find-me",
        "services": [
            {"name": "cart", "spans": 2, "errors": 1},
            {"name": "shop", "spans": 1, "errors": 0},
        ],
    }]});
    assert_eq!(body, expected);
}

#[test]
fn service_operation_and_tags_must_match_in_one_span() {
    let inbox = inbox([
        batch("a", [tagged(of_trace(1, span(1, 0, 10, 1)), "k", "v")]),
        batch("b", [of_trace(1, span(2, 1, 10, 1))]),
        batch("b", [tagged(of_trace(2, span(1, 0, 20, 1)), "k", "v")]),
    ]);
    assert_eq!(found(&inbox, ""), "2 1");
    assert_eq!(found(&inbox, "service=b"), "2 1");
    assert_eq!(found(&inbox, "service=b&tag=k=v"), "2");
    assert_eq!(found(&inbox, "service=b&operation=op2"), "1");
    assert_eq!(found(&inbox, "service=a&operation=op2"), "");
    assert_eq!(found(&inbox, "tag=k%3Dv&tag=k=w"), "");
}

#[test]
fn tags_of_spans_processes_and_logs_match_by_their_text() {
    let mut logged = span(1, 0, 0, 1);
    logged
        .logs
        .push(Log::new(0, vec![Tag::new("event", "a b")]));
    logged = tagged(logged, "n", 7);
    logged = tagged(logged, "f", 0.5);
    logged = tagged(logged, "yes", true);
    logged = tagged(logged, "x", TagValue::Binary(Box::new([0xab, 1])));
    let mut sent = batch("a", [logged]);
    sent.process.tags.push(Tag::new("host", "h=1"));
    let inbox = inbox([sent]);
    for tag in [
        "event=a+b",
        "n=7",
        "f=0.5",
        "yes=true",
        "x=AB01",
        "host=h%3d1",
    ] {
        assert_eq!(found(&inbox, &format!("tag={tag}")), "abc", "{tag}");
    }
    for tag in [
        "event=a",
        "n=8",
        "f=1",
        "yes=false",
        "x=ab",
        "host=",
        "other=7",
    ] {
        assert_eq!(found(&inbox, &format!("tag={tag}")), "", "{tag}");
    }
}

#[test]
fn durations_starts_debug_ids_and_the_limit_select_traces() {
    let start = 1_000;
    let spans = (1..=5_u128).map(|n| of_trace(n, span(1, 0, start * n as i64, 10 * n as i64)));
    let inbox = inbox([
        batch("a", spans),
        batch(
            "a",
            [tagged(
                of_trace(6, span(1, 0, 1, 1)),
                "jaeger-debug-id",
                "x y",
            )],
        ),
    ]);
    assert_eq!(found(&inbox, "min=20&max=40"), "4 3 2");
    for range in [
        "min=0.02ms&max=40us",
        "min=20%C2%B5s&max=0.00004s",
        "min=20&max=1h",
    ] {
        let expected = if range.ends_with('h') {
            "5 4 3 2"
        } else {
            "4 3 2"
        };
        assert_eq!(found(&inbox, range), expected, "{range}");
    }
    assert_eq!(found(&inbox, "max=0.00000000001m"), "");
    assert_eq!(found(&inbox, "min=99999999999999999999h"), "");
    assert_eq!(found(&inbox, "start=2000&end=3000"), "3 2");
    assert_eq!(found(&inbox, "limit=2"), "5 4");
    assert_eq!(ask(&inbox, "/api/search", "limit=2").1["matched"], 6);
    assert_eq!(found(&inbox, "debug_id=x+y"), "6");
    assert_eq!(found(&inbox, "service=&operation=&min="), "5 4 3 2 1 6");
}

#[test]
fn a_summary_catches_up_with_later_spans() {
    let inbox = inbox([batch("a", [span(2, 1, 10, 5)])]);
    let before = &ask(&inbox, "/api/search", "").1["traces"][0];
    assert_eq!(
        (&before["rooted"], &before["warnings"]),
        (&json!(false), &json!(1))
    );
    inbox.store(batch("a", [span(1, 0, 5, 90)]));
    let after = &ask(&inbox, "/api/search", "").1["traces"][0];
    assert_eq!(
        (&after["rooted"], &after["operation"]),
        (&json!(true), &json!("op1"))
    );
    let counts = (&after["spans"], &after["duration"], &after["warnings"]);
    assert_eq!(counts, (&json!(2), &json!(90), &json!(0)));
}

#[test]
fn a_trace_has_its_tree_tags_logs_references_and_critical_path() {
    let mut child = tagged(span(2, 1, 110, 30), "big", i64::MAX);
    child = tagged(child, "small", -3);
    child = tagged(child, "nan", f64::NAN);
    child = tagged(child, "bytes", TagValue::Binary(Box::new([0, 255])));
    child
        .logs
        .push(Log::new(115, vec![Tag::new("event", "hit")]));
    child
        .references
        .push(SpanRef::new(RefKind::ChildOf, TRACE, 1));
    child
        .references
        .push(SpanRef::new(RefKind::FollowsFrom, 5, 1));
    let mut sent = batch("shop", [child, span(1, 0, 100, 50), span(4, 9, 200, 1)]);
    sent.process.tags.push(Tag::new("pid", 7));
    let (status, body) = ask(&inbox([sent]), "/api/trace/abc", "");
    assert_eq!(status, 200);
    assert_eq!(
        (&body["start"], &body["duration"]),
        (&json!(100), &json!(101))
    );
    assert_eq!(body["warnings"], json!(["1 parent is missing"]));
    assert_eq!(
        body["processes"],
        json!([{"service": "shop", "tags": [["pid", "int64", 7]]}])
    );
    let expected = json!({
        "id": "0000000000000002", "parent": "0000000000000001", "depth": 1, "descendants": 0, "process": 0,
        "operation": "op2", "start": 110, "duration": 30, "error": false, "open": false, "flags": 1,
        "tags": [
            ["big", "int64", "9223372036854775807"], ["small", "int64", -3], ["nan", "float64", "NaN"],
            ["bytes", "binary", "00ff"],
        ],
        "logs": [{"time": 115, "fields": [["event", "string", "hit"]]}],
        "refs": [
            {"kind": "child_of", "trace": "0000000000000abc", "span": "0000000000000001", "here": true},
            {"kind": "follows_from", "trace": "0000000000000005", "span": "0000000000000001", "here": false},
        ],
        "critical": [[10, 40]], "warnings": [], "placeholder": false,
    });
    assert_eq!(body["spans"][1], expected);
    assert_eq!(body["spans"][0]["critical"], json!([[0, 10], [40, 50]]));
    let placeholder = &body["spans"][2];
    assert_eq!(
        (&placeholder["placeholder"], &placeholder["process"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&placeholder["start"], &placeholder["descendants"]),
        (&json!(200), &json!(1))
    );
}

#[test]
fn a_trace_that_is_not_there_is_not_found_and_a_bad_id_is_refused() {
    let inbox = inbox([]);
    assert_eq!(ask(&inbox, "/api/trace/1", "").0, 404);
    assert_eq!(ask(&inbox, "/api/traces/1", "").0, 404);
    for id in ["", "xyz", "1/2", &"1".repeat(33), "%31"] {
        let (status, body) = ask(&inbox, &format!("/api/trace/{id}"), "");
        assert_eq!(status, 400, "{id}: {body}");
    }
}

#[test]
fn an_open_span_is_replaced_by_its_finished_one() {
    let open = |span| tagged(span, "picojaeger.unfinished", true);
    let inbox = inbox([
        batch("a", [open(span(1, 0, 1, 5)), span(2, 1, 2, 1)]),
        batch("a", [open(span(1, 0, 1, 7))]),
    ]);
    let (_, body) = ask(&inbox, "/api/open", "");
    assert_eq!(
        (&body["total"], &body["spans"][0]["operation"]),
        (&json!(1), &json!("op1"))
    );
    assert_eq!(ask(&inbox, "/api/search", "").1["traces"][0]["open"], 1);
    inbox.store(batch("b", [span(1, 0, 1, 8)]));
    assert_eq!(ask(&inbox, "/api/open", "").1["total"], 1);
    inbox.store(batch("a", [span(1, 0, 1, 9)]));
    assert_eq!(
        ask(&inbox, "/api/open", "").1,
        json!({"total": 0, "spans": []})
    );
    let trace = &ask(&inbox, "/api/search", "").1["traces"][0];
    assert_eq!((&trace["open"], &trace["spans"]), (&json!(0), &json!(3)));
    let (_, body) = ask(&inbox, "/api/status", "");
    assert_eq!(
        (&body["held"]["spans"], &body["received"]["spans"]),
        (&json!(3), &json!(5))
    );
}

#[test]
fn a_copy_that_arrives_behind_its_finished_span_is_dropped() {
    let inbox = inbox([
        batch("a", [span(1, 0, 1, 5)]),
        batch(
            "a",
            [tagged(span(1, 0, 1, 4), "picojaeger.unfinished", true)],
        ),
    ]);
    assert_eq!(ask(&inbox, "/api/open", "").1["total"], 0);
    assert_eq!(ask(&inbox, "/api/search", "").1["traces"][0]["spans"], 1);
}

#[test]
fn a_finished_span_that_arrives_twice_stays_twice_with_a_warning() {
    let inbox = inbox([
        batch("a", [span(1, 0, 1, 5)]),
        batch("a", [span(1, 0, 1, 5)]),
    ]);
    let trace = &ask(&inbox, "/api/search", "").1["traces"][0];
    assert_eq!(
        (&trace["spans"], &trace["warnings"]),
        (&json!(2), &json!(2))
    );
}

#[test]
fn the_map_has_calls_between_services() {
    let inbox = inbox([
        batch("shop", [span(1, 0, 0, 100)]),
        batch(
            "cart",
            [span(2, 1, 0, 10), tagged(span(3, 1, 0, 30), "error", true)],
        ),
    ]);
    let expected = json!({
        "services": [
            {"name": "cart", "spans": 2, "errors": 1},
            {"name": "shop", "spans": 1, "errors": 0},
        ],
        "calls": [{"from": "shop", "to": "cart", "calls": 2, "errors": 1, "median": 30}],
    });
    assert_eq!(ask(&inbox, "/api/map", ""), (200, expected));
}

#[test]
fn the_map_and_the_names_follow_arrivals_replacements_and_evictions() {
    let open = |span| tagged(span, "picojaeger.unfinished", true);
    let calls = |inbox: &Inbox| ask(inbox, "/api/map", "").1["calls"].clone();
    let names = |inbox: &Inbox| ask(inbox, "/api/services", "").1["services"].clone();
    // The parent comes last, and the copy of an open span has another name than the span.
    let mut copy = open(span(2, 1, 0, 10));
    copy.operation_name = "opening".to_owned();
    let inbox = Inbox::of_program(8_000);
    inbox.store(batch("cart", [copy]));
    assert_eq!(calls(&inbox), json!([]));
    assert_eq!(
        names(&inbox),
        json!([{"name": "cart", "operations": ["opening"]}])
    );
    inbox.store(batch("shop", [span(1, 0, 0, 100)]));
    let call =
        |median| json!([{"from": "shop", "to": "cart", "calls": 1, "errors": 0, "median": median}]);
    assert_eq!(calls(&inbox), call(10));
    inbox.store(batch("cart", [span(2, 1, 0, 40)]));
    assert_eq!(calls(&inbox), call(40));
    let both = json!([
        {"name": "cart", "operations": ["op2"]}, {"name": "shop", "operations": ["op1"]},
    ]);
    assert_eq!(names(&inbox), both);
    let mut large = of_trace(7, span(1, 0, 0, 1));
    large.operation_name = "x".repeat(2_500);
    inbox.store(batch("other", [large]));
    assert_eq!(ask(&inbox, "/api/status", "").1["evicted"]["spans"], 2);
    assert_eq!(calls(&inbox), json!([]));
    assert_eq!(names(&inbox)[0]["name"], "other");
    assert_eq!(names(&inbox).as_array().map(Vec::len), Some(1));
    let services = ask(&inbox, "/api/map", "").1["services"].clone();
    assert_eq!(
        services,
        json!([{"name": "other", "spans": 1, "errors": 0}])
    );
}

#[test]
fn tags_match_as_on_jaegers_page() {
    let spans = [
        tagged(of_trace(1, span(1, 0, 4, 1)), "error", true),
        tagged(of_trace(2, span(1, 0, 3, 1)), "error", "true"),
        tagged(of_trace(3, span(1, 0, 2, 1)), "http.status_code", 500),
        tagged(of_trace(4, span(1, 0, 1, 1)), "http.status_code", "500"),
    ];
    let twice = tagged(of_trace(5, span(1, 0, 0, 1)), "k", "a");
    let inbox = inbox([batch("a", spans), batch("a", [tagged(twice, "k", "b c")])]);
    assert_eq!(found(&inbox, "tag=error%3Dtrue"), "1 2");
    assert_eq!(found(&inbox, "tag=error%3Dfalse"), "");
    assert_eq!(found(&inbox, "tag=http.status_code%3D500"), "3 4");
    assert_eq!(found(&inbox, "tag=http.status_code%3D500.0"), "");
    assert_eq!(found(&inbox, "tag=k%3Db+c"), "5", "a key may stand twice");
    assert_eq!(found(&inbox, "tag=k%3Da&tag=k%3Db%20c"), "5");
    assert_eq!(found(&inbox, "tag=k%3Db"), "", "no part of a value");
}

#[test]
fn losses_are_events_of_what_an_account_grew_by() {
    let account = |seq_no, full, failed| {
        let mut batch = batch("shop", []);
        batch.process.tags.push(Tag::new("client-uuid", "u1"));
        batch.seq_no = Some(seq_no);
        batch.stats = Some(ClientStats::new(full, 0, failed));
        batch
    };
    let inbox = inbox([
        account(1, 2, 0),
        account(2, 2, 0),
        account(5, 3, 4),
        account(4, 9, 9),
    ]);
    let (_, mut body) = ask(&inbox, "/api/losses", "");
    assert!(body["clients"][0]["last"].take().as_i64().unwrap() > 1_700_000_000_000_000);
    let lost = json!([
        {"cause": "full", "spans": 3}, {"cause": "failed", "spans": 4}, {"cause": "batches", "spans": 2},
    ]);
    let client =
        json!({"service": "shop", "client": "u1", "batches": 4, "last": null, "lost": lost});
    assert_eq!(body["clients"], json!([client]));
    let events = body["events"].as_array().unwrap().iter();
    let events: Vec<_> = events
        .map(|event| (event["cause"].clone(), event["spans"].clone()))
        .collect();
    let expected = [("batches", 2), ("failed", 4), ("full", 1), ("full", 2)];
    assert_eq!(
        events,
        expected.map(|(cause, spans)| (json!(cause), json!(spans)))
    );
}

#[test]
fn the_status_counts_and_its_revision_changes_with_each_arrival() {
    let inbox = inbox([batch("a", [span(1, 0, 0, 1)])]);
    inbox.accept(b"junk");
    let (_, body) = ask(&inbox, "/api/status", "");
    assert_eq!(body["revision"], 2);
    assert_eq!(
        body["received"],
        json!({"spans": 1, "batches": 1, "bytes": 4})
    );
    assert_eq!(body["rejected"], 1);
    assert!(body["rejection"].as_str().unwrap().len() > 5);
    assert_eq!(
        (&body["held"]["traces"], &body["held"]["limit"]),
        (&json!(1), &json!(64 << 20))
    );
}

#[test]
fn queries_that_are_wrong_are_refused_with_a_reason() {
    let inbox = inbox([]);
    let long = format!("service={}", "x".repeat(9_000));
    let many = "tag=a=b&".repeat(65);
    for (query, part) in [
        ("color=red", "unknown parameter `color`"),
        ("min=1x", "`min` is `1x`: send microseconds, or a number"),
        ("max=-1s", "`max` is `-1s`"),
        ("max=infs", "`max` is `infs`"),
        ("max=s", "`max` is `s`"),
        ("limit=0", "`limit` is 0"),
        ("limit=1001", "send 1 to 1000"),
        ("limit=99999999999999999999", "send an integer"),
        ("service=a&service=b", "stands twice"),
        ("tag=novalue", "tag=key=value"),
        ("tag==v", "tag=key=value"),
        ("service=%", "hexadecimal"),
        ("service=%4", "hexadecimal"),
        ("service=%+1", "hexadecimal"),
        ("service=%ff", "UTF-8"),
        (&*long, "at most 8192"),
        (&*many, "more than 64"),
    ] {
        let (status, body) = ask(&inbox, "/api/search", query);
        let error = body["error"].as_str().unwrap();
        assert!(status == 400 && error.contains(part), "{query}: {error}");
    }
    assert_eq!(ask(&inbox, "/api/status", "x=1").0, 400);
    assert_eq!(ask(&inbox, "/api/traces/1", "format=xml").0, 400);
    assert_eq!(ask(&inbox, "/api/search", "&&").0, 200);
}

#[test]
fn extreme_times_stay_within_a_scripts_numbers() {
    let inbox = inbox([batch(
        "a",
        [
            span(1, 0, i64::MIN, i64::MAX),
            span(2, 1, i64::MAX, i64::MIN),
        ],
    )]);
    let (status, body) = ask(&inbox, "/api/trace/abc", "");
    assert_eq!((status, &body["start"]), (200, &json!(-(1_i64 << 53))));
    assert_eq!(ask(&inbox, "/api/search", "").0, 200);
}

#[test]
fn a_search_in_parts_finds_each_trace_once() {
    let traces = (1..=1_000_u128).map(|n| {
        let spans = (1..=5).map(|id| of_trace(n, span(id, id - 1, n as i64, 1)));
        batch("a", spans.collect::<Vec<_>>())
    });
    let inbox = inbox(traces);
    let (_, body) = ask(&inbox, "/api/search", "limit=1000&operation=op5");
    assert_eq!(body["matched"], 1000);
    let ids = body["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| trace["start"].as_i64());
    assert!(ids.eq((1..=1000).rev().map(Some)));
}
