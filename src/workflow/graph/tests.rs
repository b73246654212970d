//! Tests of composition against the reference's answers, and of what only large graphs show.

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::workflow::definition::Document;

fn compose(text: &str) -> Graph {
    Graph::compose(&Workflow::read(&Document::parse(text).unwrap()))
}

#[test]
fn graphs_are_the_reference_s() {
    let rows = include_str!("../../../tests/data/workflow/inspection.jsonl").lines();
    let mut compared = 0;
    for row in rows {
        let row: Value = serde_json::from_str(row).unwrap();
        if !row["graph"].is_object() {
            continue;
        }
        compared += 1;
        let graph = compose(row["definition"].as_str().unwrap());
        assert_eq!(
            graph.to_json(),
            row["graph"],
            "{}: {}",
            row["id"],
            row["definition"].as_str().unwrap()
        );
    }
    assert!(compared > 200, "{compared}");
}

/// `count` diamonds in a row: the number of paths doubles with each.
fn diamonds(count: usize) -> String {
    let mut text = "tasks:\n".to_owned();
    for i in 0..count {
        let next = i + 1;
        write!(
            text,
            "  a{i}: {{next: [{{do: [b{i}, c{i}]}}]}}\n  b{i}: {{next: [{{do: a{next}}}]}}\n  c{i}: {{next: [{{do: a{next}}}]}}\n"
        )
        .unwrap();
    }
    text + &format!("  a{count}: {{}}\n")
}

#[test]
fn many_splits_take_bounded_time() {
    let graph = compose(&diamonds(300));
    let last = graph.find("a300").unwrap();
    assert_eq!(graph.node(last).splits.len(), 300);
    assert!(graph.node(last).is_split);
}

#[test]
fn long_chains_and_rings_need_no_deep_stack() {
    let mut text = "tasks:\n  s: {next: [{do: t0}]}\n".to_owned();
    for i in 0..20_000 {
        writeln!(text, "  t{i}: {{next: [{{do: t{}}}]}}", (i + 1) % 20_000).unwrap();
    }
    let graph = compose(&text);
    assert_eq!(graph.nodes().len(), 20_001);
    assert!(!graph.node(graph.find("s").unwrap()).in_cycle);
    assert!(graph.node(graph.find("t0").unwrap()).in_cycle);
    assert!(!graph.node(graph.find("t0").unwrap()).is_split);
}

#[test]
fn what_is_not_in_the_graph_is_told() {
    let graph = compose(
        "tasks:\n  a: {next: [{do: b}, {do: [zz, b]}]}\n  b: {join: all}\n  c: {next: [{do: d}]}\n  d: {next: [{do: c}]}\n",
    );
    assert_eq!(
        graph.unreached().iter().map(|name| &**name).collect::<Vec<_>>(),
        ["c", "d"]
    );
    let undefined = &graph.undefined()[0];
    assert_eq!(
        (&*undefined.task, undefined.transition, &*undefined.target),
        ("a", 1, "zz")
    );
    let b = graph.find("b").unwrap();
    assert_eq!(graph.sources(b), 1);
    let names: Vec<_> = graph.incoming(b).map(|(id, _)| graph.previous_name(id)).collect();
    assert_eq!(names, ["a__t0", "a__t1"]);
    let (id, edge) = graph.outgoing(edge_source(&graph, "a")).next().unwrap();
    assert_eq!((graph.next_name(id), edge.transition), ("b__t0".to_owned(), 0));
    assert_eq!(graph.leaves(), [b]);
}

fn edge_source(graph: &Graph, name: &str) -> NodeId {
    graph.find(name).unwrap()
}
