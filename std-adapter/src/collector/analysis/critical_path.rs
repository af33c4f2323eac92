//! The critical path: the spans, and parts of them, that the whole trace waited for.
//!
//! As on Jaeger's page, from the end of the root backwards: the time belongs to the child that finished last, and between
//! children to the parent. Children that follow from their parent are left out, since it did not wait for them, and a
//! child counts only within its parent.

use super::tree::Node;

/// Parts of a node that are on the path, in microseconds since 1970, the last one first.
pub(crate) type Sections = Vec<(i64, i64)>;

/// Returns the parts of each node that are on the path of the first root.
pub(crate) fn critical_path(nodes: &[Node]) -> Vec<Sections> {
    let mut sections: Vec<Sections> = vec![Vec::new(); nodes.len()];
    let Some(top) = start_of(nodes) else {
        return sections;
    };
    let clipped = clip(nodes, top);
    let mut children = children_by_end(nodes, &clipped, top);
    let end = clipped.get(top).map_or(0, |it| it.1);
    let mut stack = vec![(top, end)];
    while let Some((at, until)) = stack.pop() {
        let Some(&(start, _)) = clipped.get(at) else {
            continue;
        };
        let from = match next_child(children.get_mut(at), &clipped, until) {
            Some((child, (child_start, child_end))) => {
                stack.push((at, child_start));
                stack.push((child, child_end));
                child_end
            }
            None => start,
        };
        if let Some(sections) = sections.get_mut(at).filter(|_| from < until) {
            sections.push((from, until));
        }
    }
    sections
}

/// The first span without a parent, else the first node.
fn start_of(nodes: &[Node]) -> Option<usize> {
    let top = |node: &&Node| node.above.is_none();
    let root = |node: &Node| node.above.is_none() && node.span.is_some() && !node.in_cycle;
    let first = nodes.iter().position(|node| top(&node));
    nodes.iter().position(root).or(first)
}

/// The time of each node below `top` within its parent's; one that lies outside has none.
fn clip(nodes: &[Node], top: usize) -> Vec<(i64, i64)> {
    let mut clipped: Vec<(i64, i64)> = nodes.iter().map(|it| (it.start_us, it.end_us)).collect();
    for (at, node) in nodes.iter().enumerate().skip(top + 1) {
        let Some(&(start, end)) = node.above.and_then(|above| clipped.get(above)) else {
            continue;
        };
        if let Some(own) = clipped.get_mut(at) {
            *own = (own.0.max(start), own.1.min(end));
        }
    }
    clipped
}

/// The children of each node that it waits for, the one that ends last at the back.
fn children_by_end(nodes: &[Node], clipped: &[(i64, i64)], top: usize) -> Vec<Vec<usize>> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, node) in nodes.iter().enumerate().skip(top + 1) {
        let lasts = clipped.get(at).is_some_and(|(start, end)| start < end);
        let above = node.above.and_then(|above| children.get_mut(above));
        if let Some(above) = above.filter(|_| lasts && !node.follows) {
            above.push(at);
        }
    }
    for list in &mut children {
        list.sort_by_key(|&at| clipped.get(at).map(|it| it.1));
    }
    children
}

/// Takes the child that ends last of those that end before `until`; those that end later are passed.
fn next_child(
    children: Option<&mut Vec<usize>>,
    clipped: &[(i64, i64)],
    until: i64,
) -> Option<(usize, (i64, i64))> {
    let children = children?;
    while let Some(child) = children.pop() {
        if let Some(&time) = clipped.get(child).filter(|time| time.1 <= until) {
            return Some((child, time));
        }
    }
    None
}
