//! `sayso.toml`: every value with its place, every problem with its line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::kind::Kind;
use crate::model::{Problem, Severity};

/// A value that a file sets.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) value: toml::Value,
    pub(super) line: usize,
}

/// A settings file that was read; kept to place problems that are found later.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    text: String,
}

impl File {
    pub(super) const fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    /// All values of the file.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Vec<Problem>> {
        let document = DeTable::parse(&self.text).map_err(|error| {
            vec![self.problem(
                error.span().map_or(0, |span| span.start),
                error.message(),
                String::new(),
            )]
        })?;
        let mut reading = Reading {
            file: self,
            base: self.folder(),
            entries: Vec::new(),
            problems: Vec::new(),
        };
        reading.table("", document.into_inner());
        if reading.problems.is_empty() {
            return Ok(reading.entries);
        }
        reading
            .problems
            .sort_by_key(|problem| (problem.line, problem.column));
        Err(reading.problems)
    }

    /// Checks a section against the type that it is read into: for what only that type knows.
    pub(super) fn check_section<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<(), Problem> {
        let placed = |error: &toml::de::Error| {
            let (message, hint) = explained(error.message());
            self.problem(error.span().map_or(0, |span| span.start), &message, hint)
        };
        let document = DeTable::parse(&self.text).map_err(|error| placed(&error))?;
        let found = document
            .into_inner()
            .into_iter()
            .find(|(key, _)| key.get_ref() == name);
        let Some((_, value)) = found else { return Ok(()) };
        T::deserialize(toml::de::ValueDeserializer::from(value))
            .map(drop)
            .map_err(|error| placed(&error))
    }

    fn folder(&self) -> PathBuf {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf())
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    fn problem(&self, offset: usize, message: &str, hint: String) -> Problem {
        let (line, column) = self.place(offset);
        let text = self.text.lines().nth(line - 1).unwrap_or("");
        let secret = text.split_once('=').is_some_and(|(name, _)| looks_secret(name));
        Problem {
            severity: Severity::Error,
            file: self.path.display().to_string(),
            line,
            column,
            message: message.to_owned(),
            hint,
            // Configuration may hold tokens; the line is shown only up to the sign of equality then.
            text: if secret {
                text.split_once('=')
                    .map_or(String::new(), |(name, _)| format!("{name}= …"))
            } else {
                text.chars().take(200).collect()
            },
        }
    }
}

/// Whether a key's name says that its value must not be shown.
fn looks_secret(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    ["token", "secret", "password", "passwd", "key"]
        .iter()
        .any(|word| name.ends_with(word))
}

/// serde's message for an unknown field names all fields; say the nearest one first.
fn explained(message: &str) -> (String, String) {
    let Some(rest) = message.strip_prefix("unknown field `") else {
        return (message.to_owned(), String::new());
    };
    let Some((field, rest)) = rest.split_once('`') else {
        return (message.to_owned(), String::new());
    };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let nearest = known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(known, field), known))
        .filter(|(score, _)| *score >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = nearest.map_or_else(
        || format!("known here: {}", known.join(", ")),
        |(_, known)| format!("did you mean `{known}`?"),
    );
    (format!("there is no setting `{field}` here"), hint)
}

struct Reading<'a> {
    file: &'a File,
    base: PathBuf,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn table(&mut self, path: &str, table: DeTable<'_>) {
        for (name, value) in table {
            let joined = if path.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{path}.{}", name.get_ref())
            };
            self.value(&joined, name.span().start, value);
        }
    }

    fn value(&mut self, path: &str, name_at: usize, value: Spanned<DeValue<'_>>) {
        let value_at = value.span().start;
        let key = keys::find(path);
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        if is_table && key.is_none() && keys::is_section(path) {
            if let DeValue::Table(table) = value.into_inner() {
                self.table(path, table);
            }
            return;
        }
        let Some(key) = key else {
            let message = if keys::is_section(path) {
                format!("`{path}` is a section, write it as [{path}]")
            } else {
                format!("there is no setting `{path}`")
            };
            let hint = keys::nearest(path).filter(|nearest| nearest != path).map_or_else(
                || "`sayso config default` lists all settings".to_owned(),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            self.problems.push(self.file.problem(name_at, &message, hint));
            return;
        };
        let plain = match toml::Value::deserialize(toml::de::ValueDeserializer::from(value)) {
            Ok(plain) => plain,
            Err(error) => {
                self.problems
                    .push(self.file.problem(value_at, error.message(), String::new()));
                return;
            }
        };
        match key.kind.check(plain, &self.base) {
            Ok(value) => {
                let (line, _) = self.file.place(name_at);
                self.entries.push(Entry {
                    path: path.to_owned(),
                    value,
                    line,
                });
            }
            Err(found) => {
                let found = if key.secret {
                    "something else".to_owned()
                } else {
                    found
                };
                let message = format!("`{path}` is {found}, it must be {}", key.kind.expected());
                let hint = nearest_word(key.kind, &found);
                self.problems.push(self.file.problem(value_at, &message, hint));
            }
        }
    }
}

/// "did you mean" for a choice.
pub(super) fn nearest_word(kind: Kind, found: &str) -> String {
    let Kind::Choice(words) = kind else {
        return String::new();
    };
    let found = found.trim_matches('`').to_lowercase();
    words
        .iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(word, &found), word))
        .filter(|(score, _)| *score >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, word)| format!("did you mean `{word}`?"))
}
