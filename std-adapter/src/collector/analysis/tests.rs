//! Trees, critical paths and warnings of small and hostile traces.

use std::sync::Arc;

use super::*;
use crate::model::{Process, RefKind, Span, SpanRef};

const TRACE: u128 = 0xa;

fn span(id: u64, parent: u64, start: i64, end: i64) -> Span {
    Span {
        parent_span_id: parent.into(),
        start_time_us: start,
        duration_us: end - start,
        ..Span::new(TRACE, id, format!("op{id}"))
    }
}

/// A trace of spans, each with the name of its service.
fn trace<'a>(spans: impl IntoIterator<Item = (&'a str, Span)>) -> Vec<CollectedSpan> {
    let collect = |(service, span)| CollectedSpan::new(Arc::new(Process::new(service)), span);
    spans.into_iter().map(collect).collect()
}

/// The nodes as id, depth and descendants.
fn shape(analysis: &Analysis) -> Vec<(u64, usize, usize)> {
    let nodes = analysis.nodes.iter();
    nodes
        .map(|node| (node.id.get(), node.depth, node.descendants))
        .collect()
}

/// The sections of the critical path by id, from the start to the end.
fn path(analysis: &Analysis) -> Vec<(u64, i64, i64)> {
    let nodes = analysis.nodes.iter().zip(&analysis.critical);
    let mut path: Vec<_> = nodes
        .flat_map(|(node, parts)| parts.iter().map(|part| (node.id.get(), part.0, part.1)))
        .collect();
    path.sort_by_key(|section| section.1);
    path
}

#[test]
fn children_follow_their_parent_by_start_and_a_missing_parent_has_a_placeholder() {
    let analysis = Analysis::of(&trace([
        ("a", span(4, 9, 50, 60)),
        ("a", span(3, 1, 30, 40)),
        ("a", span(2, 1, 10, 20)),
        ("a", span(1, 0, 0, 100)),
        ("a", span(5, 9, 55, 80)),
        ("a", span(6, 2, 12, 14)),
    ]));
    let expected = [
        (1, 0, 3),
        (2, 1, 1),
        (6, 2, 0),
        (3, 1, 0),
        (9, 0, 2),
        (4, 1, 0),
        (5, 1, 0),
    ];
    assert_eq!(shape(&analysis), expected);
    let placeholder = &analysis.nodes[4];
    assert_eq!(
        (placeholder.span, placeholder.start_us, placeholder.end_us),
        (None, 50, 80)
    );
    assert_eq!(analysis.nodes[5].above, Some(4));
    assert_eq!(analysis.warnings.trace, ["1 parent is missing"]);
    assert_eq!(analysis.warnings.count(), 1);
}

#[test]
fn a_cycle_is_broken_at_its_first_span() {
    let analysis = Analysis::of(&trace([
        ("a", span(3, 2, 2, 3)),
        ("a", span(2, 3, 1, 3)),
        ("a", span(4, 4, 5, 6)),
    ]));
    assert_eq!(shape(&analysis), [(2, 0, 1), (3, 1, 0), (4, 0, 0)]);
    assert_eq!(
        analysis.warnings.trace,
        ["2 spans are in cycles of parents"]
    );
}

#[test]
fn the_critical_path_goes_back_from_the_end_by_the_child_that_finishes_last() {
    let analysis = Analysis::of(&trace([
        ("a", span(1, 0, 0, 100)),
        ("a", span(2, 1, 10, 40)),
        ("a", span(3, 1, 20, 60)),
        ("a", span(4, 1, 70, 90)),
        ("a", span(5, 4, 75, 80)),
    ]));
    let expected = [
        (1, 0, 20),
        (3, 20, 60),
        (1, 60, 70),
        (4, 70, 75),
        (5, 75, 80),
        (4, 80, 90),
        (1, 90, 100),
    ];
    assert_eq!(path(&analysis), expected);
}

#[test]
fn children_back_to_back_are_all_on_the_path() {
    let analysis = Analysis::of(&trace([
        ("a", span(1, 0, 0, 30)),
        ("a", span(2, 1, 0, 10)),
        ("a", span(3, 1, 10, 30)),
    ]));
    assert_eq!(path(&analysis), [(2, 0, 10), (3, 10, 30)]);
}

#[test]
fn a_child_counts_within_its_parent_and_not_if_it_follows() {
    let mut follower = span(3, 1, 80, 100);
    follower
        .references
        .push(SpanRef::new(RefKind::FollowsFrom, TRACE, 1));
    let analysis = Analysis::of(&trace([
        ("a", span(1, 0, 0, 100)),
        ("a", span(2, 1, 60, 120)),
        ("a", follower),
        ("a", span(4, 1, 200, 300)),
    ]));
    assert_eq!(path(&analysis), [(1, 0, 60), (2, 60, 100)]);
}

#[test]
fn the_path_covers_each_instant_of_the_root_once() {
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..200 {
        let mut spans = vec![("a", span(1, 0, 0, 1000))];
        for id in 2..40 {
            let start = next(1100) as i64 - 50;
            let end = start + next(300) as i64;
            spans.push(("a", span(id, 1 + next(id - 1), start, end)));
        }
        let path = path(&Analysis::of(&trace(spans)));
        assert_eq!((path[0].1, path[path.len() - 1].2), (0, 1000));
        assert!(
            path.windows(2).all(|pair| pair[0].2 == pair[1].1),
            "{path:?}"
        );
    }
}

#[test]
fn a_child_of_another_process_outside_its_parent_is_warned_of_with_the_amount() {
    let spans = trace([
        ("a", span(1, 0, 1_000, 2_000)),
        ("b", span(2, 1, 400, 900)),
        ("b", span(3, 1, 1_500, 5_000)),
        ("a", span(4, 1, 500, 9_000)),
    ]);
    let analysis = Analysis::of(&spans);
    let of = |id: u64| {
        let at = analysis.nodes.iter().position(|node| node.id.get() == id);
        analysis.warnings.nodes[at.unwrap()].join("; ")
    };
    assert_eq!(
        of(2),
        "starts 600us before its parent in another process: their clocks differ"
    );
    let behind =
        "ends 3ms after its parent in another process: their clocks differ, or nobody waited";
    assert_eq!(of(3), behind);
    assert_eq!(of(4), "");
    let lines = ["2 spans lie outside their parents: the clocks of processes differ"];
    assert_eq!(analysis.warnings.trace, lines);
}

#[test]
fn spans_of_one_id_are_all_kept_and_warned_of() {
    let analysis = Analysis::of(&trace([
        ("a", span(1, 0, 0, 10)),
        ("a", span(1, 0, 0, 10)),
        ("a", span(2, 1, 1, 2)),
    ]));
    assert_eq!(shape(&analysis), [(1, 0, 1), (2, 1, 0), (1, 0, 0)]);
    assert_eq!(analysis.warnings.nodes[0], ["2 spans have this id"]);
    assert_eq!(
        analysis.warnings.trace,
        ["2 spans share their id with another one"]
    );
}

#[test]
fn a_chain_as_deep_as_a_hostile_trace_does_not_overflow_the_stack() {
    let chain = (1..=50_000_u64).map(|id| ("a", span(id, id - 1, id as i64, 200_000 - id as i64)));
    let analysis = Analysis::of(&trace(chain));
    assert_eq!(analysis.nodes[0].descendants, 49_999);
    assert_eq!(analysis.nodes[49_999].depth, 49_999);
    assert_eq!(path(&analysis).len(), 99_999);
}

#[test]
fn extreme_times_do_not_overflow() {
    let analysis = Analysis::of(&trace([
        (
            "a",
            Span {
                start_time_us: i64::MIN,
                duration_us: i64::MAX,
                ..span(1, 0, 0, 0)
            },
        ),
        (
            "b",
            Span {
                start_time_us: i64::MAX,
                duration_us: i64::MAX,
                ..span(2, 1, 0, 0)
            },
        ),
        (
            "c",
            Span {
                duration_us: i64::MIN,
                ..span(3, 2, 0, 0)
            },
        ),
    ]));
    assert_eq!(analysis.nodes.len(), 3);
    assert_eq!(analysis.warnings.trace.len(), 2);
}

#[test]
fn an_empty_trace_has_no_node() {
    assert!(Analysis::of(&[]).nodes.is_empty());
}

#[test]
fn the_map_counts_calls_between_services_with_their_median() {
    let mut failed = span(4, 1, 0, 90);
    failed.tags.push(crate::model::Tag::new("error", true));
    let spans = trace([
        ("shop", span(1, 0, 0, 100)),
        ("stock", span(2, 1, 0, 10)),
        ("stock", span(3, 1, 0, 30)),
        ("stock", failed),
        ("stock", span(5, 2, 0, 5)),
        ("lost", span(6, 77, 0, 5)),
    ]);
    let calls = calls(&spans);
    let mut map = CallMap::default();
    map.add(&calls);
    let mut pairs = map.into_pairs();
    let (names, pair) = pairs.iter_mut().next().unwrap();
    assert_eq!(*names, ("shop", "stock"));
    assert_eq!((pair.count(), pair.errors, pair.median_us()), (3, 1, 30));
    assert_eq!(pairs.len(), 1);
}

#[test]
fn the_map_keeps_the_pairs_with_most_calls() {
    let spans = (2..=2_000_u64).flat_map(|n| {
        let calls = 1 + usize::from(n > 1_500);
        std::iter::repeat_n(n, calls)
    });
    let names: Vec<String> = (0..=2_000).map(|n| format!("service-{n}")).collect();
    let called = spans.map(|n| (&*names[n as usize], span(n, 1, 0, 1)));
    let calls = calls(&trace(
        [("shop", span(1, 0, 0, 1))].into_iter().chain(called),
    ));
    let mut map = CallMap::default();
    map.add(&calls);
    let pairs = map.into_pairs();
    assert_eq!(pairs.len(), 1_000);
    let busy = pairs.values().filter(|pair| pair.count() == 2).count();
    assert_eq!(busy, 500);
}
