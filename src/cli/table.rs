//! Lists of API objects as tables.

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use serde_json::{Map, Value};

use crate::chat::card::display_width;
pub(super) use crate::model::visible;

/// Characters of a cell that are shown; the whole value is in the other formats.
const CELL_LIMIT: usize = 400;

/// Words up to this width stay whole in a table where there is room: ids, references.
const WHOLE: usize = 32;
/// What a column that comes later may have to do with.
const LEAST: usize = 8;

/// Which attributes of the objects are shown, in order; dots reach into objects (`action.ref`).
#[derive(Clone, Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    asked_for: bool,
}

impl Columns {
    /// The command's own columns, unless the user asked for others (`--attr`; `all` is every attribute).
    #[must_use]
    pub(super) fn new(own: &[&str], asked_for: &[String]) -> Self {
        if asked_for.is_empty() {
            return Self {
                names: own.iter().map(|name| (*name).to_owned()).collect(),
                asked_for: false,
            };
        }
        let names = asked_for
            .iter()
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty());
        Self {
            names: names.map(str::to_owned).collect(),
            asked_for: true,
        }
    }

    fn all(&self) -> bool {
        self.names.iter().any(|name| name == "all")
    }

    fn resolved(&self, rows: &[Value]) -> Vec<String> {
        if !self.all() {
            return self.names.clone();
        }
        let mut names: Vec<String> = Vec::new();
        for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The top-level attributes that are needed, when the user named the columns.
    #[must_use]
    pub(super) fn roots(&self) -> Option<Vec<String>> {
        if !self.asked_for || self.all() {
            return None;
        }
        let mut roots: Vec<String> = Vec::new();
        for name in &self.names {
            let root = name.split('.').next().unwrap_or(name).to_owned();
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Some(roots)
    }

    /// The object for the formats for programs: whole, unless attributes were asked for.
    #[must_use]
    pub(super) fn chosen(&self, row: &Value) -> Value {
        if !self.asked_for || self.all() {
            return row.clone();
        }
        Value::Object(
            self.names
                .iter()
                .map(|name| (name.clone(), attribute(row, name).clone()))
                .collect(),
        )
    }
}

/// The attribute of an object, `null` when it has none; dots reach into objects and list indexes.
#[must_use]
pub(super) fn attribute<'a>(object: &'a Value, path: &str) -> &'a Value {
    // A key that has dots in its name wins over the way through objects.
    if let Some(value) = object.get(path) {
        return value;
    }
    let mut value = object;
    for part in path.split('.') {
        let inner = match value {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(part),
        };
        let Some(inner) = inner else { return &Value::Null };
        value = inner;
    }
    value
}

/// A value as the text of a cell: one line per line, control characters made visible.
#[must_use]
pub(super) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    let mut safe = visible(text.trim_end());
    if let Some((at, _)) = safe.char_indices().nth(CELL_LIMIT) {
        safe.truncate(at);
        safe.push('…');
    }
    safe
}

/// The table. On a terminal (`width`) it has borders and fits; elsewhere columns are just aligned.
#[must_use]
pub(super) fn render(rows: &[Value], columns: &Columns, width: Option<u16>, colour: bool) -> String {
    let names = columns.resolved(rows);
    let cells = rows
        .iter()
        .map(|row| names.iter().map(|name| cell(attribute(row, name))).collect())
        .collect();
    render_cells(&names, cells, width, colour)
}

/// A table of texts.
#[must_use]
pub(super) fn render_cells(
    header: &[String],
    rows: Vec<Vec<String>>,
    width: Option<u16>,
    colour: bool,
) -> String {
    let mut table = Table::new();
    let mut rows = rows;
    let mut constraints = Vec::new();
    if let Some(width) = width {
        rows.iter_mut().flatten().for_each(shorten_time);
        constraints = whole_words(header.len(), &rows, width);
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(header.to_vec());
    } else {
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .force_no_tty();
        table.set_header(header.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>());
    }
    for row in rows {
        let cells = row.into_iter().zip(header).map(|(text, name)| {
            let colour = if colour { status_colour(name, &text) } else { None };
            // One row a line where programs such as awk read along.
            let text = if width.is_none() {
                text.replace('\n', " ")
            } else {
                text
            };
            let cell = Cell::new(text);
            if let Some(colour) = colour {
                cell.fg(colour)
            } else {
                cell
            }
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        if width.is_none() {
            column.set_padding((0, 2));
        }
        if let Some(constraint) = constraints.get(number) {
            column.set_constraint(*constraint);
        }
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Widths that keep the words of the columns whole, the first columns first: half an id cannot be copied.
fn whole_words(columns: usize, rows: &[Vec<String>], width: u16) -> Vec<ColumnConstraint> {
    let longest: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let words = cells.flat_map(|cell| cell.split_whitespace()).map(display_width);
            words.max().unwrap_or(0).min(WHOLE)
        })
        .collect();
    // Each column has a blank on both sides and a border.
    let mut room = usize::from(width).saturating_sub(3 * columns + 1);
    let mut rest: usize = longest.iter().map(|width| (*width).min(LEAST)).sum();
    longest
        .into_iter()
        .map(|wanted| {
            let least = wanted.min(LEAST);
            rest -= least;
            let given = if wanted + rest <= room { wanted } else { least };
            room = room.saturating_sub(given);
            ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(given + 2).unwrap_or(u16::MAX)))
        })
        .collect()
}

/// `2026-11-22 17:45:48` of `2026-11-22T17:45:48.096515Z`: for people.
fn shorten_time(text: &mut String) {
    let bytes = text.as_bytes();
    let is_time = bytes.len() > 20
        && bytes.ends_with(b"Z")
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            19 => *byte == b'.',
            _ => byte.is_ascii_digit() || at + 1 == bytes.len(),
        });
    if is_time {
        text.truncate(19);
        text.replace_range(10..11, " ");
    }
}

/// Colours for what ended well, badly, or has not ended.
fn status_colour(column: &str, text: &str) -> Option<Color> {
    if !matches!(column, "status" | "state" | "result" | "check") {
        return None;
    }
    Some(match text {
        "succeeded" | "ok" => Color::Green,
        "failed" | "timeout" | "abandoned" | "fail" => Color::Red,
        "running" | "pending" | "paused" | "warn" => Color::Yellow,
        "canceled" | "canceling" => Color::Magenta,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Value> {
        vec![
            json!({"id": "1", "action": {"ref": "core.local"}, "status": "succeeded", "tags": ["a", "b"]}),
            json!({"id": "22", "action": {"ref": "core.noop"}, "status": "failed", "text": "a\u{1b}[2Jb\nc"}),
        ]
    }

    #[test]
    fn elsewhere_than_on_a_terminal_columns_are_aligned_and_rows_are_lines() {
        let columns = Columns::new(&["id", "action.ref", "status", "tags", "text"], &[]);
        assert_eq!(
            render(&rows(), &columns, None, false),
            "ID  ACTION.REF  STATUS     TAGS  TEXT\n\
             1   core.local  succeeded  a, b\n\
             22  core.noop   failed           a\\u{1b}[2Jb c\n"
        );
    }

    #[test]
    fn on_a_terminal_tables_fit() {
        let long = vec![json!({"id": "1", "description": "word ".repeat(60)})];
        let columns = Columns::new(&["id", "description"], &[]);
        let text = render(&long, &columns, Some(40), false);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.lines().count() > 5);
        assert!(!text.contains('\u{1b}'));
        let coloured = render(&rows(), &Columns::new(&["status"], &[]), Some(40), true);
        assert!(coloured.contains('\u{1b}'));
    }

    #[test]
    fn ids_stay_whole_and_times_are_short() {
        let id = "6b0327065a4db1026ab9ebd0";
        let list = vec![json!({"id": id, "at": "2026-11-22T17:45:48.096515Z", "text": "word ".repeat(20)})];
        let columns = Columns::new(&["text", "at", "id"], &[]);
        let text = render(&list, &columns, Some(60), false);
        assert!(text.contains(id) && text.contains("17:45:48 "), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn attributes_choose_columns_and_keys() {
        let asked = Columns::new(&["id"], &["action.ref, status".to_owned(), "nothing".to_owned()]);
        assert_eq!(
            asked.chosen(&rows()[0]),
            json!({"action.ref": "core.local", "status": "succeeded", "nothing": null})
        );
        assert_eq!(Columns::new(&["id"], &[]).chosen(&rows()[0]), rows()[0]);
        let all = Columns::new(&["id"], &["all".to_owned()]);
        assert_eq!(all.resolved(&rows()), ["id", "action", "status", "tags", "text"]);
        assert_eq!(attribute(&json!({"a": [{"b": 1}]}), "a.0.b"), &json!(1));
    }
}
