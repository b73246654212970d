//! The settings described: for `sayso config`, for the commented default file, for the documentation.

use std::fmt::Write as _;

use serde::Serialize;

use super::Settings;
use super::keys::{KEYS, Key, SECTIONS};
use super::kind::{Kind, bytes_text};
use super::load::{Loaded, leaves};
use crate::model::MASK;

/// A key with all that is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Dotted path; `<name>` where the user chooses a name.
    pub key: String,
    /// What it means.
    pub doc: String,
    /// What values it takes.
    pub takes: String,
    /// The default, as TOML or in words.
    pub default: String,
    /// The variable that sets it; empty when none does.
    pub variable: String,
    /// The value in force as TOML, secrets masked; empty when nothing is set.
    pub value: String,
    /// Where the value in force came from; empty when nothing is set.
    pub source: String,
}

/// Every key. With `loaded` the values in force are filled in, and keys with chosen names appear once per
/// name that is in use.
#[must_use]
pub fn describe(loaded: Option<&Loaded>) -> Vec<Described> {
    let mut all = Vec::new();
    for key in KEYS {
        let plain = Described {
            key: key.shown(),
            doc: key.doc.to_owned(),
            takes: key.kind.expected(),
            default: default_text(key),
            variable: key.variable(),
            value: String::new(),
            source: String::new(),
        };
        let Some(loaded) = loaded else {
            all.push(plain);
            continue;
        };
        let set: Vec<_> = loaded
            .values
            .iter()
            .filter(|(path, _)| key.matches(path))
            .collect();
        if set.is_empty() {
            all.push(plain);
            continue;
        }
        for (path, in_force) in set {
            let hidden = key.secret;
            all.push(Described {
                key: path.clone(),
                value: if hidden {
                    format!("\"{MASK}\"")
                } else {
                    in_force.value.to_string()
                },
                source: in_force.source.to_string(),
                ..plain.clone()
            });
        }
    }
    all
}

/// The fixed default of a key as TOML; `None` when there is none.
fn fixed_default(key: &Key) -> Option<String> {
    if !key.default.is_empty() || !key.example.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    leaves(
        "",
        &toml::Value::Table(toml::Table::try_from(Settings::default()).ok()?),
        &mut all,
    );
    let (_, value) = all.into_iter().find(|(path, _)| path == key.path)?;
    Some(match (key.kind, &value) {
        (Kind::Bytes { .. }, toml::Value::Integer(bytes)) => format!("\"{}\"", bytes_text(*bytes)),
        _ => value.to_string(),
    })
}

fn default_text(key: &Key) -> String {
    fixed_default(key).unwrap_or_else(|| key.default.to_owned())
}

/// A complete settings file in which every key stands at its default, with comments. Keys without a fixed
/// default are commented out.
#[must_use]
pub fn default_toml() -> String {
    let mut text = String::from(
        "# Settings of Sayso. Every value here is the default: keep only what you change.\n\
         # Flags win over SAYSO_ variables, variables over this file. Check with: sayso config show\n",
    );
    for (section, about) in SECTIONS {
        let optional = section.contains('*');
        let header = section.replace('*', "default");
        let _ = write!(text, "\n# {about}\n");
        if !section.is_empty() {
            let _ = writeln!(text, "{}[{header}]", if optional { "#" } else { "" });
        }
        for key in KEYS.iter().filter(|key| in_section(key, section)) {
            // A name of the user's own stands there as an example.
            let name = key
                .path
                .rsplit('.')
                .next()
                .unwrap_or(key.path)
                .replace('*', "oncall");
            text.push('\n');
            for line in wrapped(key.doc, 96) {
                let _ = writeln!(text, "# {line}");
            }
            match fixed_default(key) {
                Some(value) => {
                    let _ = writeln!(text, "{name} = {value}");
                }
                None => {
                    if !key.default.is_empty() {
                        let _ = writeln!(text, "# Default: {}.", key.default);
                    }
                    let _ = writeln!(text, "#{name} = {}", key.example);
                }
            }
        }
    }
    text
}

fn in_section(key: &Key, section: &str) -> bool {
    key.path.rsplit_once('.').map_or("", |(section, _)| section) == section
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The table of docs/configuration.md, one Markdown table per section.
#[must_use]
pub fn markdown_table() -> String {
    let mut text = String::new();
    for (section, about) in SECTIONS {
        let title = if section.is_empty() {
            "Top level".to_owned()
        } else {
            format!("`[{}]`", section.replace('*', "<name>"))
        };
        let _ = write!(
            text,
            "### {title}\n\n{about}\n\n| key | default | variable | meaning |\n| --- | --- | --- | --- |\n"
        );
        for key in KEYS.iter().filter(|key| in_section(key, section)) {
            let name = key
                .path
                .rsplit('.')
                .next()
                .unwrap_or(key.path)
                .replace('*', "<name>");
            let default = fixed_default(key).map_or_else(
                || key.default.to_owned(),
                |value| format!("`{}`", value.replace('|', "\\|")),
            );
            let takes = match key.kind {
                Kind::Text | Kind::Path | Kind::Choice(_) => String::new(),
                kind => format!(" Takes {}.", kind.expected()),
            };
            let secret = if key.secret { " Never shown." } else { "" };
            let _ = writeln!(
                text,
                "| `{name}` | {default} | `{}` | {}{takes}{secret} |",
                key.variable(),
                key.doc
            );
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}
