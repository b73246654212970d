//! `StackStorm`'s Jinja2 on minijinja: strict, sandboxed, bounded, with the filters and the Python text of packs.

mod args;
mod context;
mod depth;
mod engine;
mod error;
mod filters;
mod globals;
mod html;
mod methods;
mod stock;
mod value;
mod version;

pub use context::{Context, KeyLookup, KeyScope};
pub(crate) use error::nearest;
pub use error::{ErrorKind, ExprError};

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value as Json;

use self::engine::{Engine, Mode};
use super::pyjson::{JsonStyle, dumps};
use super::pyvalue;

/// What happens to names that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undefined {
    /// Using one is an error (parameters, rules, acknowledgements).
    #[default]
    Strict,
    /// It prints as nothing and is false; an attribute of it is still an error (chat result templates).
    Permissive,
}

/// Bounds of one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps: instructions executed, items visited and bytes handled, 64 bytes being a step. A million takes
    /// well below a second and bounds the memory that values take to 64 MB.
    pub fuel: u64,
    /// Longest output, in bytes.
    pub output: usize,
    /// Longest template, in bytes.
    pub template: usize,
    /// How deep macros and calls may nest.
    pub recursion: usize,
    /// How many compiled templates are kept.
    pub cached_templates: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 2_000_000,
            output: 8 * 1024 * 1024,
            template: 1024 * 1024,
            recursion: 100,
            cached_templates: 4096,
        }
    }
}

/// Renders templates. Made once and shared; templates are compiled once and kept.
pub struct Jinja {
    limits: Limits,
    strict: OnceLock<Engine>,
    permissive: OnceLock<Engine>,
    nested: OnceLock<Engine>,
    variables: Mutex<HashMap<String, Arc<[String]>>>,
}

impl std::fmt::Debug for Jinja {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jinja")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Default for Jinja {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Jinja {
    /// Cheap: engines are built when the first template needs them.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            strict: OnceLock::new(),
            permissive: OnceLock::new(),
            nested: OnceLock::new(),
            variables: Mutex::default(),
        }
    }

    /// Renders a template to text. A text without `{{`, `{%` and `{#` is returned without touching the engine (but
    /// loses a last line end, as any template).
    ///
    /// # Errors
    ///
    /// A malformed template, names that do not exist, failing filters, exhausted limits.
    pub fn render(
        &self,
        template: &str,
        context: &Context,
        undefined: Undefined,
    ) -> Result<String, ExprError> {
        if !has_markup(template) {
            let text = normalised(template);
            return Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned());
        }
        let engine = match undefined {
            Undefined::Strict => self.strict.get_or_init(|| Engine::new(Mode::Strict, self.limits)),
            Undefined::Permissive => self
                .permissive
                .get_or_init(|| Engine::new(Mode::Permissive, self.limits)),
        };
        engine.render(&normalised(template), context)
    }

    /// Renders a text inside a list or dictionary: strict, and nothing is cut off its end. What `json_escape` made is
    /// decoded again, because such texts once were written into JSON.
    pub(crate) fn render_nested(&self, template: &str, context: &Context) -> Result<String, ExprError> {
        if !has_markup(template) {
            return Ok(template.to_owned());
        }
        self.nested
            .get_or_init(|| Engine::new(Mode::Nested, self.limits))
            .render(&normalised(template), context)
    }

    /// Renders any JSON value as rule parameters, alias data and the like are: a text becomes its rendered text; a list
    /// or dictionary is rendered as JSON text and read back; other values stay. An empty context changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Jinja::render`]; also a rendered list or dictionary that is no JSON any more.
    pub fn render_value(
        &self,
        value: &Json,
        context: &Context,
        undefined: Undefined,
    ) -> Result<Json, ExprError> {
        if context.is_empty() {
            return Ok(value.clone());
        }
        let text = match value {
            Json::String(text) => Cow::Borrowed(text.as_str()),
            Json::Array(_) | Json::Object(_) => Cow::Owned(dumps(value, &JsonStyle::default())),
            _ => return Ok(value.clone()),
        };
        let rendered = self.render(&text, context, undefined)?;
        if rendered == text {
            return Ok(value.clone());
        }
        if value.is_string() {
            return Ok(Json::String(rendered));
        }
        serde_json::from_str(&rendered).map_err(|error| {
            ExprError::new(
                ErrorKind::Value,
                format!("the rendered value is no JSON any more: {error}"),
            )
            .hint("a rendered text with quotes needs the filter json_escape")
        })
    }

    /// The names that a template reads from its context, sorted; global functions are not among them.
    ///
    /// # Errors
    ///
    /// A malformed template.
    pub fn variables(&self, template: &str) -> Result<Arc<[String]>, ExprError> {
        if let Some(known) = self.variables.lock().get(template) {
            return Ok(Arc::clone(known));
        }
        let engine = self.strict.get_or_init(|| Engine::new(Mode::Strict, self.limits));
        let mut names = engine.variables(&normalised(template))?;
        names.sort();
        let names: Arc<[String]> = names.into();
        let mut cache = self.variables.lock();
        if cache.len() >= self.limits.cached_templates {
            cache.clear();
        }
        cache.insert(template.to_owned(), Arc::clone(&names));
        Ok(names)
    }
}

/// Whether a text has anything for the engine to do.
pub fn has_markup(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .windows(2)
        .any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// Whether a text counts as a template for parameters: comments alone do not.
pub fn is_template(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .windows(2)
        .any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%'))
}

/// All line ends as `\n`.
fn normalised(template: &str) -> Cow<'_, str> {
    if template.contains('\r') {
        Cow::Owned(template.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(template)
    }
}

/// `str()` of a JSON value, for messages.
pub(crate) fn shown(value: &Json) -> String {
    /// Longest value that a message repeats, in characters.
    const LONGEST: usize = 200;
    let text = pyvalue::repr(value);
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).collect::<String>() + "…"
}

#[cfg(test)]
mod tests;
