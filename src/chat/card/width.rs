//! Answers in the width of a terminal: lines break between words, tables keep their columns.

use super::render::display_width;

/// Columns of a table are not made narrower than this; an execution's id fits.
const NARROWEST: usize = 24;
/// Columns between two cells.
const GAP: usize = 2;
/// What a row goes on with on its next line.
const INDENT: usize = 2;

/// A table in at most `width` columns, if that can be. The widest columns are wrapped first; when that does not suffice
/// the last cells of each row go to a line of their own. Gives the lines of each row.
pub(super) fn table(rows: &[Vec<String>], width: Option<usize>) -> Vec<Vec<String>> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| display_width(cell)).max().unwrap_or(0)
        })
        .collect();
    let width = width.unwrap_or(usize::MAX);
    while total(&widths) > width {
        // Of two columns of the same width the later one gives way: the first is what a row is about.
        let Some(widest) = widths.iter_mut().rev().max_by_key(|column| **column) else {
            break;
        };
        if *widest <= NARROWEST {
            break;
        }
        *widest -= 1;
    }
    let mut first = columns;
    while first > 1 && total(&widths[..first]) > width {
        first -= 1;
    }
    rows.iter()
        .map(|row| {
            let (head, rest) = row.split_at(first.min(row.len()));
            let mut lines = row_lines(head, &widths);
            if rest.iter().any(|cell| !cell.is_empty()) {
                let own: Vec<usize> = rest.iter().map(|cell| display_width(cell)).collect();
                let text = row_lines(rest, &own).join(" ");
                let inner = width.saturating_sub(INDENT);
                lines.extend(wrap(&text, inner).iter().map(|line| format!("  {line}")));
            }
            lines
        })
        .collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// A row as the lines that its tallest cell needs.
fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrap(cell, *width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
    (0..height)
        .map(|number| {
            let mut line = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let part = cell.get(number).map_or("", String::as_str);
                line.push_str(part);
                if column + 1 < cells.len() {
                    let blanks = widths[column].saturating_sub(display_width(part)) + GAP;
                    line.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// A line as lines of at most `width` columns, broken at blanks; a word that is wider than that is broken anywhere.
/// Sequences that set colours take no room.
pub(super) fn wrap(line: &str, width: usize) -> Vec<String> {
    if visible_width(line) <= width || width == 0 {
        return vec![line.to_owned()];
    }
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut taken = 0;
    for word in line.split_inclusive(' ') {
        let room = visible_width(word.trim_end_matches(' '));
        if taken > 0 && taken + room > width {
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
            taken = 0;
        }
        if room <= width {
            current.push_str(word);
            taken += visible_width(word);
            continue;
        }
        let mut chars = word.chars();
        while let Some(char) = chars.next() {
            if char == '\u{1b}' {
                current.push(char);
                current.extend(chars.by_ref().take_while(|char| *char != 'm'));
                current.push('m');
                continue;
            }
            let one = display_width(char.encode_utf8(&mut [0; 4]));
            if taken + one > width {
                if char == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut current));
                taken = 0;
            }
            current.push(char);
            taken += one;
        }
    }
    let last = current.trim_end();
    if !last.is_empty() {
        lines.push(last.to_owned());
    }
    lines
}

/// Columns of a text without its colours.
fn visible_width(text: &str) -> usize {
    let mut pieces = text.split('\u{1b}');
    let start = pieces.next().map_or(0, display_width);
    pieces.fold(start, |width, piece| {
        width + display_width(piece.split_once('m').map_or(piece, |(_, rest)| rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect()
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 20), ["one two three"]);
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(
            wrap("\u{1b}[2mone two\u{1b}[0m three", 7),
            ["\u{1b}[2mone two\u{1b}[0m", "three"]
        );
    }

    #[test]
    fn the_widest_column_gives_way() {
        let help = rows(&[
            &["deploy <app>", "Brings an application to an environment"],
            &["ps", "Lists work"],
        ]);
        assert_eq!(
            table(&help, Some(40)).concat(),
            [
                "deploy <app>  Brings an application to",
                "              an environment",
                "ps            Lists work"
            ]
        );
        assert_eq!(table(&help, None)[1], ["ps            Lists work"]);
    }

    #[test]
    fn what_cannot_be_narrowed_goes_to_the_next_line() {
        let id = "6b0327065a4db1026ab9ebd0";
        let list = rows(&[&["id", "state", "said"], &[id, "succeeded", "run uptime"]]);
        assert_eq!(
            table(&list, Some(40)).concat(),
            [
                "id                        state",
                "  said",
                "6b0327065a4db1026ab9ebd0  succeeded",
                "  run uptime"
            ]
        );
    }
}
