//! The drawing as text for Graphviz and Mermaid.

use std::fmt::Write as _;

use super::picture::{Kind, Mood, Picture, Shape};
use super::state::TaskState;
use crate::workflow::definition::Command;

/// For Graphviz.
pub(super) fn dot(picture: &Picture) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = "digraph workflow {\n  node [shape=box style=rounded fontname=\"sans-serif\"]\n".to_owned();
    for (index, shape) in picture.boxes.iter().enumerate() {
        let filled = shape.state.as_ref().map(|state| {
            let (fill, border) = state.colours();
            format!(" style=\"rounded,filled\" fillcolor=\"{fill}\" color=\"{border}\"")
        });
        let look = match shape.kind {
            _ if filled.is_some() => filled.as_deref().unwrap_or_default(),
            Kind::Task => "",
            Kind::Unreached => " style=\"rounded,dashed\"",
            Kind::Command(Command::Fail) => " shape=oval color=red",
            Kind::Command(_) => " shape=oval color=gray",
        };
        let label = quoted(&lines(shape).join("\n")).replace('\n', "\\n");
        // Writing to a text cannot fail.
        let _ = writeln!(out, "  n{index} [label={label}{look}]");
    }
    for arrow in &picture.arrows {
        let colour = match arrow.mood {
            Mood::Always => "gray40",
            Mood::Success => "forestgreen",
            Mood::Failure => "red3",
            Mood::Condition => "steelblue",
        };
        let label = if arrow.label.is_empty() {
            String::new()
        } else {
            format!(" label={}", quoted(&arrow.label))
        };
        let _ = writeln!(out, "  n{} -> n{} [color={colour}{label}]", arrow.from, arrow.to);
    }
    out + "}\n"
}

/// For Mermaid.
pub(super) fn mermaid(picture: &Picture) -> String {
    // Texts in quotes know entities only.
    let quoted = |text: &str| {
        let text: String = text
            .chars()
            .map(|c| match c {
                '"' => "#quot;".to_owned(),
                '<' => "#lt;".to_owned(),
                '>' => "#gt;".to_owned(),
                '#' => "#35;".to_owned(),
                '`' => "#96;".to_owned(),
                c => c.to_string(),
            })
            .collect();
        format!("\"{text}\"")
    };
    let mut out = "flowchart TD\n".to_owned();
    for (index, shape) in picture.boxes.iter().enumerate() {
        let label: Vec<_> = lines(shape).iter().map(|line| quoted(line)).collect();
        let label = format!("\"{}\"", label.join("<br>").replace('"', ""));
        let (open, close) = match shape.kind {
            Kind::Command(_) => ("([", "])"),
            _ => ("[", "]"),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "  n{index}{open}{label}{close}");
        if let Some(state) = &shape.state {
            let (fill, border) = state.colours();
            out += &format!("  style n{index} fill:{fill},stroke:{border}\n");
        }
        match shape.kind {
            Kind::Unreached => out += &format!("  style n{index} stroke-dasharray: 5 5\n"),
            Kind::Command(Command::Fail) => out += &format!("  style n{index} stroke:#d64545\n"),
            _ => {}
        }
    }
    for arrow in &picture.arrows {
        let label = if arrow.label.is_empty() {
            String::new()
        } else {
            format!("|{}|", quoted(&arrow.label))
        };
        let _ = writeln!(out, "  n{} -->{label} n{}", arrow.from, arrow.to);
    }
    out
}

fn lines(shape: &Shape) -> Vec<String> {
    std::iter::once(&shape.title)
        .chain(&shape.action)
        .chain(&shape.notes)
        .cloned()
        .chain(shape.state.as_ref().map(TaskState::line))
        .collect()
}
