//! Circles in a graph of modules.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which modules each module imports.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The shortest circle through each module, each circle once. It is given in the order of its
/// imports, beginning with the module whose name comes first.
pub fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    graph.keys().filter_map(|start| shortest_circle(graph, start)).map(canonical).collect()
}

fn shortest_circle(graph: &Graph, start: &str) -> Option<Vec<String>> {
    let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for next in graph.get(module).into_iter().flatten() {
            if next == start {
                let back = std::iter::successors(Some(module), |at| previous.get(at).copied());
                let mut circle: Vec<String> = back.map(str::to_owned).collect();
                circle.reverse();
                return Some(circle);
            }
            if !previous.contains_key(next.as_str()) {
                previous.insert(next, module);
                queue.push_back(next);
            }
        }
    }
    None
}

fn canonical(mut circle: Vec<String>) -> Vec<String> {
    let first = circle.iter().enumerate().min_by_key(|(_, module)| *module).map_or(0, |(at, _)| at);
    circle.rotate_left(first);
    circle
}
