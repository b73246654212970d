//! One configured template environment with its cache, and the translation of its errors.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, UndefinedBehavior, Value};
use parking_lot::RwLock;

use super::depth::is_too_deep;
use super::error::{ErrorKind, ExprError, Tagged, nearest};
use super::value::{type_name, write_text};
use super::{Context, Limits, filters, globals, methods, stock};

/// What an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Strict,
    Permissive,
    /// Strict, for texts inside lists and dictionaries.
    Nested,
}

/// Names of templates that a template asks for; they are never found.
const INCLUDED: &str = "\0included:";

pub(crate) struct Engine {
    env: RwLock<Environment<'static>>,
    compiled: Arc<AtomicUsize>,
    limits: Limits,
}

impl Engine {
    pub(crate) fn new(mode: Mode, limits: Limits) -> Self {
        let mut env = Environment::new();
        let compiled = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&compiled);
        // A template's name is its text: the environment's own store is the cache.
        env.set_loader(move |name| {
            if name.starts_with(INCLUDED) {
                return Ok(None);
            }
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(Some(name.to_owned()))
        });
        env.set_path_join_callback(|name, _parent| format!("{INCLUDED}{name}").into());
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(mode == Mode::Nested)
            .build()
            .expect("the delimiters are the usual ones");
        env.set_syntax(syntax);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.set_undefined_behavior(match mode {
            Mode::Permissive => UndefinedBehavior::Lenient,
            Mode::Strict | Mode::Nested => UndefinedBehavior::Strict,
        });
        // Undefined values remember where they came from only then.
        env.set_debug(true);
        env.set_fuel(Some(limits.fuel));
        env.set_recursion_limit(limits.recursion);
        env.set_unknown_method_callback(methods::call);
        let (strict, nested) = (mode != Mode::Permissive, mode == Mode::Nested);
        env.set_formatter(move |out, state, value| {
            if let Some(text) = value.as_str().filter(|_| value.kind() == ValueKind::String) {
                let decoded = if nested && value.is_safe() {
                    unescaped(text)
                } else {
                    None
                };
                return out
                    .write_str(decoded.as_deref().unwrap_or(text))
                    .map_err(Error::from);
            }
            if value.is_undefined() {
                // The engine's own formatter tells apart what a missing `else` leaves, which prints as nothing.
                return if strict {
                    minijinja::escape_formatter(out, state, value)
                } else {
                    Ok(())
                };
            }
            let mut text = String::new();
            write_text(&mut text, value);
            out.write_str(&text).map_err(Error::from)
        });
        stock::add(&mut env);
        filters::add(&mut env);
        globals::add(&mut env);
        Self {
            env: RwLock::new(env),
            compiled,
            limits,
        }
    }

    pub(crate) fn render(&self, template: &str, context: &Context) -> Result<String, ExprError> {
        self.check_size(template)?;
        let env = self.env.read_recursive();
        let compiled = env
            .get_template(template)
            .map_err(|error| translate(&env, template, &error, context))?;
        let mut out = Bounded {
            text: Vec::new(),
            left: self.limits.output,
        };
        compiled
            .render_captured_to(context.root(), &mut out)
            .map_err(|error| {
                if out.left == 0 && error.kind() == minijinja::ErrorKind::WriteFailure {
                    let limit = self.limits.output;
                    return ExprError::new(
                        ErrorKind::Limit,
                        format!("the rendered text is longer than {limit} bytes"),
                    );
                }
                translate(&env, template, &error, context)
            })?;
        drop(env);
        self.bound_cache();
        Ok(String::from_utf8(out.text)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
    }

    pub(crate) fn variables(&self, template: &str) -> Result<Vec<String>, ExprError> {
        self.check_size(template)?;
        let env = self.env.read_recursive();
        let none = Context::new();
        let compiled = env
            .get_template(template)
            .map_err(|error| translate(&env, template, &error, &none))?;
        let names = compiled.undeclared_variables(false);
        Ok(names
            .into_iter()
            .filter(|name| !globals::NAMES.contains(&name.as_str()))
            .collect())
    }

    fn check_size(&self, template: &str) -> Result<(), ExprError> {
        let limit = self.limits.template;
        if template.len() > limit {
            return Err(ExprError::new(
                ErrorKind::Limit,
                format!("the template is longer than {limit} bytes"),
            ));
        }
        if is_too_deep(template) {
            return Err(ExprError::new(
                ErrorKind::Limit,
                "an expression of the template has too many operators or brackets within each other",
            ));
        }
        Ok(())
    }

    /// Drops all compiled templates when there are too many; what is in use is soon compiled again.
    fn bound_cache(&self) {
        if self.compiled.load(Ordering::Relaxed) > self.limits.cached_templates {
            // Somebody else may be rendering; then the next one cleans up.
            if let Some(mut env) = self.env.try_write() {
                env.clear_templates();
                self.compiled.store(0, Ordering::Relaxed);
            }
        }
    }
}

/// Output up to a limit.
struct Bounded {
    text: Vec<u8>,
    left: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            self.left = 0;
            return Err(io::Error::other("the output is too long"));
        }
        self.left -= bytes.len();
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text that a JSON-escaped text stands for.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}

fn translate(env: &Environment<'_>, template: &str, error: &Error, context: &Context) -> ExprError {
    use minijinja::ErrorKind as Theirs;
    let tagged = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Tagged>());
    let detail = error.detail().unwrap_or_default();
    let made = match error.kind() {
        _ if tagged.is_some() => {
            let made = ExprError::new(tagged.map_or(ErrorKind::Other, |tag| tag.0), detail);
            if detail.ends_with("is not valid SemVer string") {
                made.hint("three numbers are needed, as in 1.2.3")
            } else {
                made
            }
        }
        Theirs::SyntaxError | Theirs::BadEscape | Theirs::InvalidDelimiter => ExprError::new(
            ErrorKind::Parse,
            if detail.is_empty() {
                "the template is malformed"
            } else {
                detail
            },
        ),
        Theirs::UndefinedError => undefined(env, detail, context),
        Theirs::UnknownMethod if detail.contains("is undefined)") => undefined(env, detail, context),
        Theirs::UnknownMethod => ExprError::new(ErrorKind::Undefined, detail),
        Theirs::UnknownFilter | Theirs::UnknownTest => {
            unknown_filter(detail, error.kind() == Theirs::UnknownTest)
        }
        Theirs::UnknownFunction => {
            let name = detail.strip_suffix(" is unknown").unwrap_or(detail);
            let made = ExprError::new(ErrorKind::Undefined, format!("'{name}' is undefined"));
            let names = context.names();
            let known = globals::NAMES.into_iter().chain(names.iter().map(String::as_str));
            match nearest(name, known) {
                Some(near) => made.hint(format!("did you mean '{near}'?")),
                None => made,
            }
        }
        Theirs::OutOfFuel => ExprError::new(ErrorKind::Limit, "the template takes too many steps")
            .hint("loops over long lists and growing texts cost most"),
        Theirs::TooManyArguments => ExprError::new(ErrorKind::Argument, "too many arguments"),
        Theirs::MissingArgument => ExprError::new(ErrorKind::Argument, "an argument is missing"),
        Theirs::TemplateNotFound | Theirs::BadInclude => {
            ExprError::new(ErrorKind::Type, "no loader for this environment specified")
                .hint("templates cannot include, import or extend others")
        }
        Theirs::CannotUnpack => ExprError::new(ErrorKind::Value, detail),
        _ if detail.contains("by zero")
            || (detail.starts_with("unable to calculate")
                && (detail.ends_with(" 0") || detail.ends_with(" 0.0"))) =>
        {
            ExprError::new(ErrorKind::ZeroDivision, "division by zero")
        }
        _ if detail.contains("recursion") => ExprError::new(ErrorKind::Recursion, detail),
        _ if detail.is_empty() => ExprError::new(ErrorKind::Type, error.kind().to_string()),
        _ => ExprError::new(ErrorKind::Type, detail),
    };
    match (error.range(), error.line()) {
        (Some(range), _) if range.start < template.len() => made.at(template, range.start, range.end),
        (_, Some(line)) => made.on_line(template, line),
        _ => made,
    }
}

fn quoted(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once(['`', '\''])?;
    rest.split(['`', '\'']).next()
}

fn unknown_filter(detail: &str, test: bool) -> ExprError {
    let what = if test { "test" } else { "filter" };
    let name = detail
        .strip_prefix(&format!("{what} "))
        .and_then(|rest| rest.strip_suffix(" is unknown"))
        .or_else(|| quoted(detail))
        .unwrap_or(detail);
    let made = ExprError::new(ErrorKind::UnknownFilter, format!("No {what} named '{name}'."));
    match nearest(name, FILTERS.iter().copied()) {
        Some(near) if !test => made.hint(format!("did you mean '{near}'?")),
        _ => made,
    }
}

/// Filters that a misspelt name may have meant.
pub(crate) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "basename",
    "batch",
    "capitalize",
    "center",
    "count",
    "decrypt_kv",
    "default",
    "dictsort",
    "dirname",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "from_json_string",
    "from_yaml_string",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "json_escape",
    "jsonpath_query",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "regex_match",
    "regex_replace",
    "regex_search",
    "regex_substring",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "to_complex",
    "to_human_time_from_seconds",
    "to_json_string",
    "to_yaml_string",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "use_none",
    "version_bump_major",
    "version_bump_minor",
    "version_bump_patch",
    "version_compare",
    "version_equal",
    "version_less_than",
    "version_match",
    "version_more_than",
    "version_strip_patch",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

/// Words an undefined name as Jinja does: `'x' is undefined`, `'dict object' has no attribute 'y'`.
fn undefined(env: &Environment<'_>, detail: &str, context: &Context) -> ExprError {
    let Some(expression) = detail
        .split_once('`')
        .and_then(|(_, rest)| Some(rest.split_once("` is undefined")?.0))
    else {
        let message = if detail.is_empty() {
            "a value is undefined"
        } else {
            detail
        };
        return ExprError::new(ErrorKind::Undefined, message);
    };
    let kind = |name: &str| {
        if name.starts_with("__") {
            ErrorKind::Security
        } else {
            ErrorKind::Undefined
        }
    };
    let item = expression
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['));
    let (base, name, shown) = match (item, expression.rsplit_once('.')) {
        (Some((base, key)), _) => (
            base,
            key.trim_matches(['"', '\'']).to_owned(),
            key.replace('"', "'"),
        ),
        (None, Some((base, name))) => (base, name.to_owned(), format!("'{name}'")),
        (None, None) => {
            let made = ExprError::new(kind(expression), format!("'{expression}' is undefined"));
            let names = context.names();
            return match nearest(expression, names.iter().map(String::as_str)) {
                Some(near) => made.hint(format!("did you mean '{near}'?")),
                None => made,
            };
        }
    };
    let owner = env
        .compile_expression(base)
        .and_then(|base| base.eval(context.root()))
        .unwrap_or_default();
    // Of a variable of a loop nothing is known here; mostly it is a dictionary.
    let owner_name = match type_name(&owner) {
        "Undefined" if base.contains("(...)") => "",
        "Undefined" => "dict",
        name => name,
    };
    let message = if name.parse::<i64>().is_ok() && !matches!(owner_name, "dict") {
        format!("{owner_name} object has no element {name}")
    } else if owner_name.is_empty() {
        format!("'object' has no attribute {shown}")
    } else if owner.is_none() {
        format!("'None' has no attribute {shown}")
    } else {
        format!("'{owner_name} object' has no attribute {shown}")
    };
    let made = ExprError::new(kind(&name), message);
    let names: Vec<String> = match owner.as_object() {
        Some(_) => owner
            .try_iter()
            .into_iter()
            .flatten()
            .take(1000)
            .map(|key: Value| key.to_string())
            .collect(),
        None => Vec::new(),
    };
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => made.hint(format!("did you mean '{near}'?")),
        None => made,
    }
}
