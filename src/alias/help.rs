//! Help: the commands there are, filtered and paged.

use serde::Serialize;

use crate::expr::pyregex::{Error, Flags, Regex};

use super::definition::Definition;
use super::format::{Piece, scan};

/// One line of help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Pack of the alias.
    pub pack: String,
    /// How the command is written.
    pub display: String,
    /// What it does.
    pub description: Option<String>,
}

/// A part of the help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Lines on all pages together.
    pub available: usize,
    /// Lines of this page.
    pub helpstrings: Vec<Line>,
}

/// A help text as people write them: of a format that is its own help text `{{name}}` becomes `<name>`, and
/// `{{name=default}}`, which may be left out, `[name]`.
pub fn readable(display: &str) -> String {
    if !display.contains("{{") {
        return display.to_owned();
    }
    scan(display)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Parameter {
                blank,
                name,
                default: None,
            } => format!("{blank}<{name}>"),
            Piece::Parameter { blank, name, .. } => format!("{blank}[{name}]"),
        })
        .collect()
}

/// The help lines of enabled aliases, in order. Formats without display have none.
pub fn lines<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Vec<Line> {
    definitions
        .into_iter()
        .filter(|definition| definition.enabled)
        .flat_map(|definition| {
            definition.formats.iter().filter_map(|format| {
                let display = format.normal().display.filter(|display| !display.is_empty())?;
                Some(Line {
                    pack: definition.pack.clone(),
                    display,
                    description: definition.description.clone(),
                })
            })
        })
        .collect()
}

/// Keeps lines in which every word of `words` occurs (pack, display or description), whatever its case.
pub fn with_words(mut lines: Vec<Line>, words: &str) -> Vec<Line> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    lines.retain(|line| {
        let description = line.description.as_deref().unwrap_or_default();
        let text = format!("{} {} {description}", line.pack, line.display).to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    lines
}

/// Keeps lines whose display matches a regex, as the API's `filter` does: anywhere, in any case.
pub fn with_pattern(lines: Vec<Line>, filter: &str) -> Result<Vec<Line>, Error> {
    let regex = Regex::new(filter, Flags::IGNORE_CASE)?;
    let mut kept = Vec::new();
    for line in lines {
        if regex.search(&line.display)?.is_some() {
            kept.push(line);
        }
    }
    Ok(kept)
}

/// Cuts out a page. A limit of 0 takes everything from `offset` on.
pub fn page(lines: Vec<Line>, limit: usize, offset: usize) -> Page {
    let available = lines.len();
    let limit = if limit == 0 { usize::MAX } else { limit };
    Page {
        available,
        helpstrings: lines.into_iter().skip(offset).take(limit).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Vec<Line> {
        let read = |value| Definition::from_value(&value, Some("web")).0.unwrap();
        let definitions = [
            read(
                json!({"name": "a", "action_ref": "web.a", "description": "Deploys an App",
                "formats": ["deploy {{app}}", {"display": "ship <app>", "representation": ["ship {{app}}"]}]}),
            ),
            read(json!({"name": "b", "action_ref": "web.b", "enabled": false, "formats": ["hidden"]})),
            read(
                json!({"name": "c", "action_ref": "web.c", "formats": ["stop {{app}}", {"representation": ["halt"]}]}),
            ),
        ];
        lines(&definitions)
    }

    fn displays(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.display.as_str()).collect()
    }

    #[test]
    fn lines_come_from_displays_of_enabled_aliases() {
        let lines = sample();
        assert_eq!(displays(&lines), ["deploy {{app}}", "ship <app>", "stop {{app}}"]);
        assert_eq!(lines[0].description.as_deref(), Some("Deploys an App"));
        assert_eq!(lines[0].pack, "web");
    }

    #[test]
    fn filters_by_words_or_pattern() {
        assert_eq!(
            displays(&with_words(sample(), "APP deploys")),
            ["deploy {{app}}", "ship <app>"]
        );
        assert_eq!(displays(&with_words(sample(), "")).len(), 3);
        assert_eq!(
            displays(&with_pattern(sample(), "^S[ht]").unwrap()),
            ["ship <app>", "stop {{app}}"]
        );
        assert!(with_pattern(sample(), "(").is_err());
    }

    #[test]
    fn formats_read_as_help_texts() {
        for (format, shown) in [
            ("disk report {{path=/}}", "disk report [path]"),
            (
                "say {{ what }} to {{who = \"all of you\"}}!",
                "say <what> to [who]!",
            ),
            ("deploy <app>", "deploy <app>"),
            ("half {{open", "half {{open"),
        ] {
            assert_eq!(readable(format), shown);
        }
    }

    #[test]
    fn pages() {
        let first = page(sample(), 2, 0);
        assert_eq!((first.available, displays(&first.helpstrings).len()), (3, 2));
        assert_eq!(displays(&page(sample(), 2, 2).helpstrings), ["stop {{app}}"]);
        assert_eq!(page(sample(), 0, 1).helpstrings.len(), 2);
        assert_eq!(page(sample(), 5, 9).helpstrings.len(), 0);
    }
}
