//! The drawing for a terminal: each box with its arrows below it, in the order of a walk from the start.

use std::fmt::Write as _;

use super::picture::{Kind, Mood, Picture, Shape};
use super::state::TaskState;

/// The outline. Lines are cut at `width` characters.
pub(super) fn write(picture: &Picture, width: Option<usize>) -> String {
    let mut out = String::new();
    let shown = |kind: Kind| !matches!(kind, Kind::Command(_));
    let longest = picture
        .boxes
        .iter()
        .filter(|shape| shown(shape.kind))
        .map(|shape| shape.title.chars().count())
        .max()
        .unwrap_or(0);
    let mut line = |text: &str| {
        let text = match width {
            Some(width) if text.chars().count() > width => {
                text.chars().take(width.saturating_sub(1)).collect::<String>() + "…"
            }
            _ => text.trim_end().to_owned(),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(out, "{text}");
    };
    for (index, shape) in picture.boxes.iter().enumerate() {
        if !shown(shape.kind) {
            continue;
        }
        line(&head(shape, longest));
        let arrows: Vec<_> = picture
            .arrows
            .iter()
            .filter(|arrow| arrow.from == index)
            .collect();
        for (place, arrow) in arrows.iter().enumerate() {
            let branch = if place + 1 == arrows.len() { "└" } else { "├" };
            let label = match (arrow.label.as_str(), arrow.mood) {
                ("", Mood::Always) => String::new(),
                (label, _) => format!(" {label}"),
            };
            line(&format!("  {branch}─{label} → {}", picture.boxes[arrow.to].title));
        }
    }
    out
}

fn head(shape: &Shape, longest: usize) -> String {
    let sign = shape.state.as_ref().map_or(' ', TaskState::sign);
    let state = match &shape.state {
        Some(state) if state.note.is_empty() => format!("  {}", state.status),
        Some(state) => format!("  {} {}", state.status, state.note),
        None if shape.kind == Kind::Unreached => "  (never reached)".to_owned(),
        None => String::new(),
    };
    let title = format!("{:<longest$}", shape.title);
    let action = shape.action.as_deref().unwrap_or("");
    let notes = if shape.notes.is_empty() {
        String::new()
    } else {
        format!("  [{}]", shape.notes.join(", "))
    };
    format!("{sign} {title}{state}  {action}{notes}")
}
