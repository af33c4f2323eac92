//! Comparison of trees with expected ones.

use super::Node;
use super::expected::Expected;
use super::text::{line, write_line, write_tree};

const BOTH: &str = "  ";
const MISSING: &str = "- ";
const FOUND: &str = "+ ";

/// Returns the lines of both, with the differences marked; `None` if there are none.
pub(super) fn difference(expected: &[Expected], found: &[Node]) -> Option<String> {
    let pairs = pairs(expected, found);
    if expected.len() == found.len() && pairs.iter().all(Option::is_some) {
        return None;
    }
    let mut lines = String::new();
    write_level(&mut lines, 0, expected, found);
    Some(lines)
}

/// Returns whether an expected tree holds for a span and all under it.
fn is_same(expected: &Expected, found: &Node) -> bool {
    expected.holds(found)
        && expected.children.len() == found.children.len()
        && pairs(&expected.children, &found.children)
            .iter()
            .all(Option::is_some)
}

/// Returns the expected tree of each one found: as many pairs as there can be, in whatever order.
fn pairs(expected: &[Expected], found: &[Node]) -> Vec<Option<usize>> {
    let fits: Vec<Vec<bool>> = expected
        .iter()
        .map(|expected| found.iter().map(|node| is_same(expected, node)).collect())
        .collect();
    let mut pairs = vec![None; found.len()];
    for at in 0..expected.len() {
        let mut seen = vec![false; found.len()];
        place(at, &fits, &mut seen, &mut pairs);
    }
    pairs
}

/// Finds a place for an expected tree, for which others may move: an augmenting path of a bipartite matching.
fn place(
    expected: usize,
    fits: &[Vec<bool>],
    seen: &mut [bool],
    pairs: &mut [Option<usize>],
) -> bool {
    for at in 0..pairs.len() {
        if !fits[expected][at] || std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let is_free = pairs[at].is_none_or(|other| place(other, fits, seen, pairs));
        if is_free {
            pairs[at] = Some(expected);
            return true;
        }
    }
    false
}

/// Writes the spans under one parent: those found in their order, then those that are missing.
fn write_level(lines: &mut String, depth: usize, expected: &[Expected], found: &[Node]) {
    let mut pairs = pairs(expected, found);
    pair_names(&mut pairs, expected, found);
    for (node, pair) in found.iter().zip(&pairs) {
        match pair {
            Some(at) => write_pair(lines, depth, &expected[*at], node),
            None => write_tree(lines, FOUND, depth, node),
        }
    }
    for (at, expected) in expected.iter().enumerate() {
        if !pairs.contains(&Some(at)) {
            write_missing(lines, depth, expected);
        }
    }
}

/// Pairs what is left by name, so that the difference is shown where it lies.
fn pair_names(pairs: &mut [Option<usize>], expected: &[Expected], found: &[Node]) {
    // Those whose line holds first: they differ further down only.
    let by_line: fn(&Expected, &Node) -> bool = Expected::holds;
    for is_near in [by_line, |expected, node| expected.name() == node.name] {
        for (at, expected) in expected.iter().enumerate() {
            if pairs.contains(&Some(at)) {
                continue;
            }
            let near =
                (0..found.len()).find(|it| pairs[*it].is_none() && is_near(expected, &found[*it]));
            if let Some(near) = near {
                pairs[near] = Some(at);
            }
        }
    }
}

fn write_pair(lines: &mut String, depth: usize, expected: &Expected, node: &Node) {
    if expected.holds(node) {
        write_line(lines, BOTH, depth, &expected.line);
    } else {
        write_line(lines, MISSING, depth, &expected.line);
        write_line(lines, FOUND, depth, &line(node));
    }
    write_level(lines, depth + 1, &expected.children, &node.children);
}

fn write_missing(lines: &mut String, depth: usize, expected: &Expected) {
    write_line(lines, MISSING, depth, &expected.line);
    for child in &expected.children {
        write_missing(lines, depth + 1, child);
    }
}
