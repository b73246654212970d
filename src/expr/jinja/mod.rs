//! `StackStorm`'s Jinja2: strict, sandboxed, bounded, over Python's values.
//!
//! A template is read once into a tree whose variables are resolved (`syntax/`) and kept; it is run by a
//! `machine` that counts steps, bytes and depth. Values are [`crate::expr::value::Value`]s, shared and never copied;
//! JSON that a context holds becomes values only as far as a template looks into it.
//!
//! Two ways to evaluate:
//!
//! * [`Jinja::render`] (rules, parameters, aliases) and [`Jinja::render_with`] (texts of workflows with blocks) give
//!   text;
//! * [`Jinja::compile_expression`] gives a [`CompiledExpr`] whose value keeps its type ([`Evaluated`]). An undefined
//!   result is told apart, because workflows leave such expressions as they are.
//!
//! What a workflow can call (`ctx`, `result`, `st2kv` …) is supplied with each evaluation as a [`Host`]; its functions
//! are globals and filters alike. `StackStorm`'s pure functions need no host; see [`functions`].

mod bind;
mod cache;
mod checks;
mod context;
mod error;
mod fault;
mod filters;
mod format;
pub mod functions;
mod globals;
mod machine;
mod methods;
mod object;
mod ops;
mod syntax;
mod text;

pub use context::{Context, KeyLookup, KeyScope};
pub(crate) use error::nearest;
pub use error::{ErrorKind, ExprError};

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;

use self::cache::Cache;
use self::machine::Machine;
use self::syntax::ast::Template;
use self::text::normalised;
use super::pyjson::{JsonStyle, dumps};
use super::pyvalue;
use super::value::Value;

/// What happens to names that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undefined {
    /// Using one is an error (parameters, rules, acknowledgements).
    #[default]
    Strict,
    /// It prints as nothing and is false; an attribute of it is still an error (chat result templates).
    Permissive,
}

/// Functions that whoever evaluates an expression provides, as globals and as filters.
pub trait Host {
    /// Whether there is a function of this name.
    fn has(&self, name: &str) -> bool;

    /// All names, for advice about misspelt ones.
    fn names(&self) -> Vec<&str>;

    /// Calls a function; used as a filter, the filtered value is the first argument.
    ///
    /// # Errors
    ///
    /// Whatever the function fails with; it becomes the failure of the evaluation.
    fn call(&self, name: &str, args: &[Value], keywords: &[(Arc<str>, Value)]) -> Result<Value, ExprError>;
}

/// Fails for an undefined value, for functions of hosts that look into their arguments.
pub(crate) fn check_defined(value: &Value) -> Result<(), ExprError> {
    object::defined(value).map_err(|fault| fault.told(""))
}

/// The items of whatever Python iterates, for functions of hosts; `None` for anything else.
pub(crate) fn items_of(value: &Value) -> Result<Option<impl Iterator<Item = Value>>, ExprError> {
    machine::try_items(value).map_err(|fault| fault.told(""))
}

/// Bounds of one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps: expressions evaluated, items visited and bytes handled, 64 bytes being a step. A million takes
    /// well below a second.
    pub fuel: u64,
    /// Bytes that the evaluation may make, about, freed ones included.
    pub memory: u64,
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
            memory: 64 * 1024 * 1024,
            output: 8 * 1024 * 1024,
            template: 1024 * 1024,
            recursion: 100,
            cached_templates: 4096,
        }
    }
}

/// What a template is for: which functions it has and how it treats what is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Setting {
    Strict,
    Permissive,
    /// Strict, for texts inside lists and dictionaries.
    Nested,
    /// Strict, with `StackStorm`'s functions as globals.
    Workflow,
}

impl Setting {
    /// Whether a function of `StackStorm` can be called by this name.
    pub(crate) fn has_function(self, name: &str) -> bool {
        self == Self::Workflow && functions::is_known(name)
    }

    /// Whether there is a filter of this name, the host's not counted.
    pub(crate) fn has_filter(self, name: &str) -> bool {
        filters::is_known(self, name)
    }
}

/// The result of an expression.
#[derive(Debug, Clone)]
pub enum Evaluated {
    /// A value: no generator (they become lists) and no undefined value.
    Value(Value),
    /// The expression is an undefined name, attribute or item; or a condition without `else` whose test is false.
    Undefined {
        /// `'x' is undefined` and the like.
        message: String,
        /// Whether using it fails in every way. Only the missing `else` is otherwise: it prints as nothing.
        strict: bool,
    },
}

/// An expression that was read. It can be evaluated any number of times, by many threads.
#[derive(Debug)]
pub struct CompiledExpr {
    source: String,
    tree: Template,
    limits: Limits,
}

impl CompiledExpr {
    /// Evaluates the expression.
    ///
    /// # Errors
    ///
    /// What a use of undefined names, wrong types and failing functions give; exhausted limits.
    pub fn eval(&self, context: &Context, host: &dyn Host) -> Result<Evaluated, ExprError> {
        let tell = |fault: Box<fault::Fault>| fault.told(&self.source);
        check_names(&self.tree, Setting::Workflow, Some(host)).map_err(tell)?;
        let machine = Machine::new(&self.tree, context, Some(host), Setting::Workflow, self.limits);
        let value = machine.value().map_err(tell)?;
        Ok(match object::undefined(&value) {
            Some(missing) => Evaluated::Undefined {
                message: missing.message(),
                strict: missing.is_strict(),
            },
            None => Evaluated::Value(object::plain(value).map_err(tell)?),
        })
    }

    /// The names that the expression reads from its context or the host, sorted.
    pub fn variables(&self) -> &[Arc<str>] {
        &self.tree.free_names
    }
}

/// Renders templates and evaluates expressions. Made once and shared; what was read is kept, up to a bound.
pub struct Jinja {
    limits: Limits,
    templates: Cache<Parsed>,
    nested: Cache<Parsed>,
    expressions: Cache<CompiledExpr>,
}

/// A template that was read.
struct Parsed {
    source: String,
    tree: Template,
    names: Arc<[String]>,
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
    /// Cheap: nothing is read before it is needed.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            templates: Cache::new(limits.cached_templates),
            nested: Cache::new(limits.cached_templates),
            expressions: Cache::new(limits.cached_templates),
        }
    }

    /// Renders a template to text. A text without `{{`, `{%` and `{#` is returned without further ado (but
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
        let setting = match undefined {
            Undefined::Strict => Setting::Strict,
            Undefined::Permissive => Setting::Permissive,
        };
        self.run(template, context, setting, None)
    }

    /// Renders a template of a workflow: strict, with `StackStorm`'s functions and the host's.
    ///
    /// # Errors
    ///
    /// As [`Jinja::render`]; also failures of the host's functions.
    pub fn render_with(
        &self,
        template: &str,
        context: &Context,
        host: &dyn Host,
    ) -> Result<String, ExprError> {
        self.run(template, context, Setting::Workflow, Some(host))
    }

    /// Renders a text inside a list or dictionary: strict, and nothing is cut off its end. What `json_escape` made is
    /// decoded again, because such texts once were written into JSON.
    pub(crate) fn render_nested(&self, template: &str, context: &Context) -> Result<String, ExprError> {
        if !has_markup(template) {
            return Ok(template.to_owned());
        }
        self.run(template, context, Setting::Nested, None)
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

    /// Reads an expression, without delimiters, or takes it from the cache.
    ///
    /// # Errors
    ///
    /// A malformed expression, or one beyond the limits.
    pub fn compile_expression(&self, source: &str) -> Result<Arc<CompiledExpr>, ExprError> {
        self.expressions.get_or_make(source, || {
            self.check_size(source)?;
            let source = normalised(source).into_owned();
            let tree = syntax::expression(&source).map_err(|error| malformed(&error, &source))?;
            Ok(CompiledExpr {
                source,
                tree,
                limits: self.limits,
            })
        })
    }

    /// Whether a template can be read, without running it.
    ///
    /// # Errors
    ///
    /// A malformed template, or one beyond the limits.
    pub fn check(&self, template: &str) -> Result<(), ExprError> {
        self.parsed(template, Setting::Workflow).map(|_| ())
    }

    /// The names that a template reads from its context, sorted; global functions are not among them.
    ///
    /// # Errors
    ///
    /// A malformed template.
    pub fn variables(&self, template: &str) -> Result<Arc<[String]>, ExprError> {
        self.parsed(template, Setting::Strict)
            .map(|parsed| Arc::clone(&parsed.names))
    }

    fn run(
        &self,
        template: &str,
        context: &Context,
        setting: Setting,
        host: Option<&dyn Host>,
    ) -> Result<String, ExprError> {
        let parsed = self.parsed(template, setting)?;
        let tell = |fault: Box<fault::Fault>| fault.told(&parsed.source);
        check_names(&parsed.tree, setting, host).map_err(tell)?;
        Machine::new(&parsed.tree, context, host, setting, self.limits)
            .render()
            .map_err(tell)
    }

    fn parsed(&self, template: &str, setting: Setting) -> Result<Arc<Parsed>, ExprError> {
        let keeps_end = setting == Setting::Nested;
        let cache = if keeps_end { &self.nested } else { &self.templates };
        cache.get_or_make(template, || {
            self.check_size(template)?;
            let source = normalised(template).into_owned();
            let whitespace = syntax::Whitespace {
                drop_last_line_end: !keeps_end,
            };
            let tree = syntax::template(&source, whitespace).map_err(|error| malformed(&error, &source))?;
            let names = tree.free_names.iter().map(|name| name.to_string());
            Ok(Parsed {
                names: names
                    .filter(|name| !globals::NAMES.contains(&name.as_str()))
                    .collect(),
                source,
                tree,
            })
        })
    }

    fn check_size(&self, template: &str) -> Result<(), ExprError> {
        let limit = self.limits.template;
        if template.len() > limit {
            return Err(ExprError::new(
                ErrorKind::Limit,
                format!("the template is longer than {limit} bytes"),
            ));
        }
        Ok(())
    }
}

fn malformed(error: &syntax::Malformed, source: &str) -> ExprError {
    let kind = if error.too_deep {
        ErrorKind::Limit
    } else {
        ErrorKind::Parse
    };
    ExprError::new(kind, &error.message).at(source, error.span.start as usize, error.span.end as usize)
}

/// Jinja refuses unknown filters and tests before it runs anything, except inside conditions.
fn check_names(tree: &Template, setting: Setting, host: Option<&dyn Host>) -> fault::Run<()> {
    for used in &tree.hard_names {
        let known = if used.is_test {
            checks::is_known(&used.name)
        } else {
            setting.has_filter(&used.name) || host.is_some_and(|host| host.has(&used.name))
        };
        if !known {
            let mut fault = unknown(setting, host, &used.name, used.is_test, ".");
            fault.span = Some(used.span);
            return Err(fault);
        }
    }
    Ok(())
}

/// The failure about a filter or test that does not exist.
pub(crate) fn unknown(
    setting: Setting,
    host: Option<&dyn Host>,
    name: &str,
    is_test: bool,
    end: &str,
) -> Box<fault::Fault> {
    let what = if is_test { "test" } else { "filter" };
    let fault = fault::Fault::new(
        ErrorKind::UnknownFilter,
        format!("No {what} named {}{end}", pyvalue::str_repr(name)),
    );
    let near = if is_test {
        nearest(name, checks::names()).map(str::to_owned)
    } else {
        let hosts = host.map_or_else(Vec::new, Host::names);
        nearest(name, filters::names(setting).into_iter().chain(hosts)).map(str::to_owned)
    };
    match near {
        Some(near) => fault.hint(format!("did you mean '{near}'?")),
        None => fault,
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
