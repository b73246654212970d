//! Which nodes lie on a cycle: those whose strongly connected component is more than the node alone.

/// For each node whether it can come back to itself. `next` gives the targets of each node.
pub(super) fn on_cycles(next: &[Vec<usize>]) -> Vec<bool> {
    const NEW: usize = usize::MAX;
    let count = next.len();
    let mut order = vec![NEW; count];
    let mut low = vec![0; count];
    let mut on_stack = vec![false; count];
    let mut cyclic: Vec<bool> = (0..count).map(|node| next[node].contains(&node)).collect();
    let (mut stack, mut met) = (Vec::new(), 0);
    for start in 0..count {
        if order[start] != NEW {
            continue;
        }
        // Nodes under way, each with the number of its next edge to look at: no recursion, definitions can be long.
        let mut way = vec![(start, 0)];
        while let Some((node, edge)) = way.last_mut() {
            let node = *node;
            if *edge == 0 {
                (order[node], low[node]) = (met, met);
                met += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&target) = next[node].get(*edge) {
                *edge += 1;
                if order[target] == NEW {
                    way.push((target, 0));
                } else if on_stack[target] {
                    low[node] = low[node].min(order[target]);
                }
                continue;
            }
            way.pop();
            if let Some((parent, _)) = way.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
            if low[node] == order[node] {
                let first = stack.iter().rposition(|other| *other == node).unwrap_or_default();
                let component = stack.split_off(first);
                let several = component.len() > 1;
                for member in component {
                    on_stack[member] = false;
                    cyclic[member] |= several;
                }
            }
        }
    }
    cyclic
}
