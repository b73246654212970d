//! Tests of drawings: everything is shown once, boxes do not touch, any workflow can be drawn.

use super::*;
use crate::workflow::definition::Document;

const INCIDENT: &str = r#"
version: 1.0
tasks:
  diagnose:
    action: ops.logs
    next:
      - when: <% succeeded() %>
        do: [ask, notify]
      - when: <% failed() %>
        do: [report, fail]
  ask: {action: core.ask, next: [{when: "<% result().answer = yes %>", do: act}, {do: report}]}
  notify: {action: chat.post, next: [{do: report}]}
  act: {action: ops.restart, with: "host in <% ctx(hosts) %>", retry: {count: 2}, next: [{do: verify}]}
  verify: {action: ops.check, delay: 5, next: [{when: <% failed() %>, do: act}, {do: report}]}
  report: {join: 1, action: "chat.post text='a <b> & \"c\"'"}
  lost: {action: core.noop, next: [{do: lost}]}
"#;

fn read(text: &str) -> (Workflow, Graph) {
    let workflow = Workflow::read(&Document::parse(text).unwrap());
    let graph = Graph::compose(&workflow);
    (workflow, graph)
}

#[test]
fn boxes_keep_apart_and_arrows_go_down() {
    let (workflow, graph) = read(INCIDENT);
    let picture = Picture::of(&workflow, &graph, &States::new());
    let layout = layout::arrange(&picture);
    for (i, a) in layout.boxes.iter().enumerate() {
        for (j, b) in layout.boxes.iter().enumerate().skip(i + 1) {
            let apart = (a.x - b.x).abs() >= (a.width + b.width) / 2.0
                || (a.y - b.y).abs() >= (a.height + b.height) / 2.0;
            assert!(apart, "{} and {}", picture.boxes[i].title, picture.boxes[j].title);
        }
        assert!(a.x - a.width / 2.0 >= 0.0 && a.x + a.width / 2.0 <= layout.width);
    }
    let place = |title: &str| {
        let index = picture
            .boxes
            .iter()
            .position(|shape| shape.title == title)
            .unwrap();
        layout.boxes[index].y
    };
    assert!(
        place("diagnose") < place("ask") && place("ask") < place("act") && place("act") < place("verify")
    );
    assert!(place("verify") < place("report"));
}

#[test]
fn drawings_show_every_task() {
    let (workflow, graph) = read(INCIDENT);
    let drawings = [
        svg(&workflow, &graph),
        dot(&workflow, &graph),
        mermaid(&workflow, &graph),
    ];
    for task in workflow.tasks.keys() {
        for (drawing, before, after) in [
            (&drawings[0], "class=\"title\"", format!(">{task}</text>")),
            (&drawings[1], " [label=", format!(" [label=\"{task}\\n")),
            (&drawings[2], "  n", format!("[\"{task}<br>")),
        ] {
            let lines = drawing
                .lines()
                .filter(|line| line.contains(before) && line.contains(&after));
            assert_eq!(lines.count(), 1, "{task}\n{drawing}");
        }
    }
    for drawing in &drawings {
        assert!(
            drawing.contains("join 1") && drawing.contains("for each item"),
            "{drawing}"
        );
    }
    assert!(!drawings[0].contains("a <b>"));
    assert!(drawings[1].starts_with("digraph workflow {"));
    assert!(drawings[2].starts_with("flowchart TD\n"));
}

#[test]
fn odd_workflows_can_be_drawn() {
    for text in [
        "tasks: {}",
        "a: 1",
        "tasks: {noop: {}}",
        "tasks: {a: {next: [{do: a}]}}",
        "tasks: {a: {next: [{do: [a, zz, b, b]}]}, b: {next: [{do: a}]}, s: {next: [{do: a}]}}",
    ] {
        let (workflow, graph) = if text == "tasks: {}" {
            read("tasks: {}\nv: 1")
        } else {
            read(text)
        };
        assert!(svg(&workflow, &graph).ends_with("</svg>\n"), "{text}");
        assert!(!svg(&workflow, &graph).contains("NaN"), "{text}");
    }
}

#[test]
fn drawings_show_states() {
    let (workflow, graph) = read(INCIDENT);
    let state = |status: &str, note: &str| TaskState {
        status: status.into(),
        note: note.into(),
    };
    let states = States::from([
        ("diagnose".to_owned(), state("succeeded", "1.2s")),
        ("act".to_owned(), state("failed", "12/40, 3.0s")),
        ("not there".to_owned(), state("failed", "")),
    ]);
    for drawing in [
        svg_with(&workflow, &graph, &states),
        dot_with(&workflow, &graph, &states),
        mermaid_with(&workflow, &graph, &states),
    ] {
        assert!(drawing.contains("✓ succeeded · 1.2s"), "{drawing}");
        assert!(drawing.contains("✗ failed · 12/40, 3.0s"), "{drawing}");
        assert_eq!(drawing.matches("#e3f5e9").count(), 1, "{drawing}");
        assert!(!drawing.contains("not there"));
    }
    let text = outline(&workflow, &graph, &states, None);
    assert!(
        text.starts_with(
            "✓ diagnose  succeeded 1.2s  ops.logs\n  ├─ succeeded → ask\n  ├─ succeeded → notify\n  \
             ├─ failed → report\n  └─ failed → fail\n"
        ),
        "{text}"
    );
    assert!(text.contains("lost      (never reached)"), "{text}");
    let narrow = outline(&workflow, &graph, &states, Some(20));
    assert!(narrow.lines().all(|line| line.chars().count() <= 20), "{narrow}");
}
