//! Places of expressions: more precise than the part of the definition that holds them.

use super::Finding;
use crate::workflow::definition::{Document, Position, entries, list};
use crate::yaml::{Kind, Node};

/// Lines below the start of a text in which an expression of it is looked for.
const MAX_LINES: usize = 200;

/// Path of a task and of the schema for tasks.
pub(super) fn task(name: &str) -> (String, String) {
    (format!("tasks.{name}"), TASK.to_owned())
}

/// Where the schema has tasks.
pub(super) const TASK: &str = r"properties.tasks.patternProperties.^\w+$";

/// Puts a finding at the first of `needles` that stands in the part at its path, in the text `holder` where given.
pub(super) fn point(document: &Document, finding: &mut Finding, holder: Option<&str>, needles: &[&str]) {
    let path = finding.spec_path.as_deref().unwrap_or_default();
    finding.at = document.locate(path);
    let part = document.part(path);
    let start = holder
        .and_then(|holder| holding(part, holder))
        .unwrap_or(match part.kind {
            Kind::Text(_) => part.at,
            _ => finding.at,
        });
    finding.at = needles
        .iter()
        .find_map(|needle| search(document, start, needle))
        .unwrap_or(start);
}

/// Where the first text (or key) that contains `words` starts.
fn holding(node: &Node, words: &str) -> Option<Position> {
    if let Kind::Text(text) = &node.kind {
        return text.contains(words).then_some(node.at);
    }
    list(node)
        .iter()
        .find_map(|item| holding(item, words))
        .or_else(|| {
            entries(node).iter().find_map(|entry| {
                if entry.key.contains(words) {
                    Some(entry.at)
                } else {
                    holding(&entry.value, words)
                }
            })
        })
}

/// The first place from `start` on where the first line of `words` stands.
fn search(document: &Document, start: Position, words: &str) -> Option<Position> {
    let words = words
        .lines()
        .next()
        .map(str::trim_end)
        .filter(|words| !words.is_empty())?;
    let first = (start.line as usize).checked_sub(1)?;
    for (index, line) in document.text().lines().enumerate().skip(first).take(MAX_LINES) {
        let skipped = if index == first {
            let column = (start.column as usize).saturating_sub(1);
            line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
        } else {
            0
        };
        if let Some(found) = line[skipped..].find(words) {
            let column = line[..skipped + found].chars().count() + 1;
            return Some(Position {
                line: u32::try_from(index + 1).ok()?,
                column: u32::try_from(column).ok()?,
            });
        }
    }
    None
}
