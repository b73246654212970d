//! Which split tasks lie on the way to a node.

use std::collections::VecDeque;

use super::{Node, NodeId};

/// The most steps of a walk over all paths. Their number grows without bound with the number of splits; a graph that
/// needs more gets the split tasks of all paths together.
const MAX_VISITS: usize = 200_000;

/// One arrival of a walk at a node.
struct Visit {
    node: NodeId,
    before: Option<usize>,
    /// Whether there is a split task on the path.
    split: bool,
}

/// For each node the split tasks on the path on which the last arrival with any came, first to last.
pub(super) fn of_all(nodes: &[Node], next: &[Vec<NodeId>], roots: &[NodeId]) -> Vec<Vec<NodeId>> {
    if !nodes.iter().any(|node| node.is_split) {
        return vec![Vec::new(); nodes.len()];
    }
    let Some((visits, last)) = walk(nodes, next, roots) else {
        return together(nodes, next);
    };
    last.into_iter()
        .map(|visit| {
            let mut way: Vec<_> = std::iter::successors(visit, |visit| visits[*visit].before)
                .map(|visit| visits[visit].node)
                .filter(|node| nodes[*node].is_split)
                .collect();
            way.reverse();
            way
        })
        .collect()
}

/// Walks all paths breadth first, through a cycle's nodes once each. `None` when there are too many.
fn walk(nodes: &[Node], next: &[Vec<NodeId>], roots: &[NodeId]) -> Option<(Vec<Visit>, Vec<Option<usize>>)> {
    let mut met = vec![false; nodes.len()];
    let mut last = vec![None; nodes.len()];
    let mut visits: Vec<Visit> = Vec::new();
    let arrive = |node: NodeId, before: Option<usize>, visits: &mut Vec<Visit>| {
        let split = nodes[node].is_split || before.is_some_and(|before| visits[before].split);
        visits.push(Visit { node, before, split });
    };
    for root in roots {
        arrive(*root, None, &mut visits);
    }
    let mut at = 0;
    while at < visits.len() {
        if visits.len() > MAX_VISITS {
            return None;
        }
        let node = visits[at].node;
        met[node] = true;
        if visits[at].split {
            last[node] = Some(at);
        }
        for target in &next[node] {
            if !met[*target] || !nodes[*target].in_cycle {
                met[*target] = true;
                arrive(*target, Some(at), &mut visits);
            }
        }
        at += 1;
    }
    Some((visits, last))
}

/// The split tasks on any path to each node.
fn together(nodes: &[Node], next: &[Vec<NodeId>]) -> Vec<Vec<NodeId>> {
    let mut splits = vec![Vec::new(); nodes.len()];
    for (split, _) in nodes.iter().enumerate().filter(|(_, node)| node.is_split) {
        let mut met = vec![false; nodes.len()];
        let mut queue = VecDeque::from([split]);
        met[split] = true;
        while let Some(node) = queue.pop_front() {
            splits[node].push(split);
            for target in &next[node] {
                if !std::mem::replace(&mut met[*target], true) {
                    queue.push_back(*target);
                }
            }
        }
    }
    splits
}
