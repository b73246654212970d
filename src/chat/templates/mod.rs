//! Everything the bot says: handlebars templates, built in and overridable.
//!
//! A template is looked up by the kind of message. For an execution the places are, in this order: the
//! template that the alias names (`extra.template`), the pack's own (`templates/<kind>.hbs` of the pack), the
//! site folder, the built-in one. A template that does not parse is reported and left out; one that fails
//! while rendering is reported and the next in line is used.

mod helpers;

use std::collections::BTreeMap;
use std::path::Path;

use handlebars::Handlebars;
use rust_embed::RustEmbed;
use serde_json::Value;

use super::card::{Card, Tone, escape};
use crate::model::{Problem, Severity};
pub use helpers::{duration, moment};

/// Bytes that a template file may have.
const FILE_LIMIT: u64 = 256 << 10;
/// Bytes that a rendered message may have before it is cut; platforms allow far less.
const OUTPUT_LIMIT: usize = 4 << 20;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct BuiltIn;

/// Where a template may come from besides the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct TemplateOptions {
    /// Folder of the site, `<site>/templates`.
    pub site: Option<std::path::PathBuf>,
}

/// A template of a pack.
#[derive(Clone, Debug)]
pub struct PackTemplate {
    /// The pack.
    pub pack: String,
    /// Path below the pack's `templates/`, without `.hbs`.
    pub name: String,
    /// The file, for problems.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// All templates, ready to render. Immutable; a reload makes a new one.
pub struct Templates {
    registry: Handlebars<'static>,
    problems: Vec<Problem>,
}

/// Which template to use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// Kind of message.
    pub kind: &'a str,
    /// Template that the alias names.
    pub alias: Option<&'a str>,
    /// Pack of the action that ran.
    pub pack: Option<&'a str>,
}

impl Templates {
    /// Reads all templates. Broken ones are left out and listed in [`Self::problems`].
    #[must_use]
    pub fn load(options: &TemplateOptions, packs: &[PackTemplate]) -> Self {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escape);
        helpers::register(&mut registry);
        let mut templates = Self {
            registry,
            problems: Vec::new(),
        };
        for (name, text) in Self::built_in() {
            templates.add(
                &format!("builtin:{name}"),
                &format!("templates/{name}.hbs"),
                &text,
            );
        }
        for template in packs {
            let name = format!("pack:{}/{}", template.pack, template.name);
            templates.add(&name, &template.file, &template.text);
        }
        if let Some(site) = &options.site {
            templates.read_folder(site, site, 0);
        }
        templates
    }

    /// Names and texts of the built-in templates.
    #[must_use]
    pub fn built_in() -> BTreeMap<String, String> {
        BuiltIn::iter()
            .filter_map(|path| {
                let file = BuiltIn::get(&path)?;
                let name = path.strip_suffix(".hbs")?.to_owned();
                Some((name, String::from_utf8_lossy(&file.data).into_owned()))
            })
            .collect()
    }

    /// Templates that could not be read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn add(&mut self, name: &str, file: &str, text: &str) {
        if let Err(error) = self.registry.register_template_string(name, text) {
            let (line, column) = error.pos().unwrap_or((0, 0));
            self.problem(file, line, column, error.reason().to_string());
        }
    }

    fn problem(&mut self, file: &str, line: usize, column: usize, message: String) {
        tracing::warn!(template.file = file, line, "{message}");
        self.problems.push(Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            column,
            message,
            hint: "the built-in template is used instead".to_owned(),
            text: String::new(),
        });
    }

    fn read_folder(&mut self, root: &Path, folder: &Path, depth: usize) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 && error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.problem(&folder.display().to_string(), 0, 0, error.to_string()),
        };
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let shown = path.display().to_string();
            if path.is_dir() {
                if depth < 4 {
                    self.read_folder(root, &path, depth + 1);
                }
                continue;
            }
            let Some(name) = path
                .strip_prefix(root)
                .ok()
                .and_then(Path::to_str)
                .and_then(|name| name.strip_suffix(".hbs"))
                .map(|name| format!("site:{name}"))
            else {
                continue;
            };
            match path.metadata() {
                Ok(data) if data.len() > FILE_LIMIT => {
                    self.problem(&shown, 0, 0, format!("larger than {FILE_LIMIT} bytes"));
                }
                _ => match std::fs::read_to_string(&path) {
                    Ok(text) => self.add(&name, &shown, &text),
                    Err(error) => self.problem(&shown, 0, 0, error.to_string()),
                },
            }
        }
    }

    /// Renders a message. Never fails: when every template of the line fails the data themselves are shown.
    #[must_use]
    pub fn render(&self, choice: Choice<'_>, tone: Tone, data: &Value) -> Card {
        let mut names = Vec::with_capacity(5);
        if let Some(alias) = choice.alias {
            names.extend(choice.pack.map(|pack| format!("pack:{pack}/{alias}")));
            names.push(format!("site:{alias}"));
            names.push(format!("builtin:{alias}"));
        }
        names.extend(choice.pack.map(|pack| format!("pack:{pack}/{}", choice.kind)));
        names.push(format!("site:{}", choice.kind));
        names.push(format!("builtin:{}", choice.kind));
        for name in names.iter().filter(|name| self.registry.has_template(name)) {
            match self.registry.render(name, data) {
                Ok(mut text) => {
                    if text.len() > OUTPUT_LIMIT {
                        let mut end = OUTPUT_LIMIT;
                        while !text.is_char_boundary(end) {
                            end -= 1;
                        }
                        text.truncate(end);
                    }
                    return Card::parse(tone, &text);
                }
                Err(error) => {
                    let line = error.line_no.unwrap_or(0);
                    tracing::warn!(
                        template.name = name,
                        line,
                        "the template failed: {}",
                        error.reason()
                    );
                }
            }
        }
        tracing::error!(
            template.kind = choice.kind,
            "no template could render the message"
        );
        Card::plain(tone, &serde_json::to_string_pretty(data).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
