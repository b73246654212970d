//! The drawing as SVG, readable on light and dark pages.

use std::fmt::Write as _;

use super::layout::{Area, Layout};
use super::picture::{Kind, Mood, Picture, Shape};
use super::state::TaskState;
use crate::workflow::definition::Command;

const STYLE: &str = "\
text{font-family:ui-sans-serif,system-ui,'DejaVu Sans',sans-serif;text-anchor:middle}
.title{font-size:14px;font-weight:600;fill:#1b2733}
.small{font-size:11px;fill:#52616f}
.label{font-size:10px;fill:#52616f}";

/// Colour of an arrow.
const fn colour(mood: Mood) -> &'static str {
    match mood {
        Mood::Always => "#7b8794",
        Mood::Success => "#2f9e58",
        Mood::Failure => "#d64545",
        Mood::Condition => "#3f7cc4",
    }
}

/// Writes a drawing.
pub(super) fn write(picture: &Picture, layout: &Layout) -> String {
    let mut out = String::new();
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    // Writing to a text cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n<defs>"
    );
    for mood in [Mood::Always, Mood::Success, Mood::Failure, Mood::Condition] {
        let _ = writeln!(
            out,
            "<marker id=\"{mood:?}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{}\"/></marker>",
            colour(mood)
        );
    }
    let _ = writeln!(
        out,
        "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    let mut labels = String::new();
    for (arrow, way) in picture.arrows.iter().zip(&layout.ways) {
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" marker-end=\"url(#{:?})\"/>",
            curve(way),
            colour(arrow.mood),
            arrow.mood
        );
        if !arrow.label.is_empty() {
            label(&mut labels, way, &arrow.label);
        }
    }
    for (shape, area) in picture.boxes.iter().zip(&layout.boxes) {
        draw(&mut out, shape, area);
    }
    out + &labels + "</svg>\n"
}

/// A smooth line that leaves and enters upright.
fn curve(way: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let mut last: Option<(f64, f64)> = None;
    if let [start, first, second, end] = way
        && start.0 == end.0
        && first.0 == second.0
    {
        // A loop at the side of a box.
        return format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            start.0, start.1, first.0, first.1, second.0, second.1, end.0, end.1
        );
    }
    for (x, y) in way {
        let _ = match last {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some((from_x, from_y)) => {
                let middle = f64::midpoint(from_y, *y);
                write!(path, "C{from_x:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}")
            }
        };
        last = Some((*x, *y));
    }
    path
}

/// A label on the first stretch of a way, where the arrows of a box have parted.
fn label(out: &mut String, way: &[(f64, f64)], text: &str) {
    let [from, to, ..] = way else { return };
    let is_loop = way.len() == 4 && from.0.total_cmp(&way[3].0).is_eq();
    let (x, y) = if is_loop { *to } else { on_curve(*from, *to, 0.64) };
    let width = text.chars().count() as f64 * 5.8 + 6.0;
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"14\" rx=\"3\" fill=\"#ffffff\" \
         fill-opacity=\"0.9\"/>\n<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
        x - width / 2.0,
        y - 7.0,
        y + 3.5,
        escaped(text)
    );
}

/// A point of the line that [`curve`] draws between two points.
fn on_curve(from: (f64, f64), to: (f64, f64), share: f64) -> (f64, f64) {
    let rest = 1.0 - share;
    let (near, far) = (3.0 * rest * rest * share, 3.0 * rest * share * share);
    let (start, end) = (rest * rest * rest, share * share * share);
    let middle = f64::midpoint(from.1, to.1);
    (
        from.0 * (start + near) + to.0 * (far + end),
        from.1 * start + middle * (near + far) + to.1 * end,
    )
}

fn draw(out: &mut String, shape: &Shape, area: &Area) {
    let (left, top) = (area.x - area.width / 2.0, area.y - area.height / 2.0);
    let (fill, stroke, radius, dashes) = match shape.kind {
        Kind::Task => ("#f4f7fb", "#8fa3b8", 8.0, ""),
        Kind::Unreached => ("#fffbea", "#c99a2e", 8.0, " stroke-dasharray=\"5 4\""),
        Kind::Command(Command::Fail) => ("#fdecec", "#d64545", 12.0, ""),
        Kind::Command(_) => ("#eef1f4", "#9aa5b1", 12.0, ""),
    };
    let (fill, stroke) = shape.state.as_ref().map_or((fill, stroke), TaskState::colours);
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius}\" fill=\"{fill}\" \
         stroke=\"{stroke}\"{dashes}/>",
        area.width, area.height
    );
    let mut line = |class: &str, y: f64, text: &str| {
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            area.x,
            escaped(text)
        );
    };
    if let Kind::Command(_) = shape.kind {
        line("small", area.y + 4.0, &shape.title);
        return;
    }
    line("title", top + 21.0, &shape.title);
    let state = shape.state.as_ref().map(TaskState::line);
    for (index, text) in shape.action.iter().chain(&shape.notes).chain(&state).enumerate() {
        line("small", top + 38.0 + 16.0 * index as f64, text);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
