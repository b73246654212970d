//! One evaluation, in whichever language and mode it is asked for.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use super::row_scene::RowScene;
use crate::cli::args::{Language, Mode};
use crate::expr::ErrorKind;
use crate::expr::jinja::{self, Context, ExprError, Jinja, Undefined};
use crate::expr::pyjson::JsonStyle;
use crate::expr::template::{self, Check, Evaluator, Limits, Options, Surroundings, TemplateError};
use crate::expr::value::{Date, DateTime, Value, dumps, loads};
use crate::expr::yaql::YaqlError;

/// An expression and what it can see.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) language: Language,
    pub(super) mode: Mode,
    /// A text, or with [`Mode::Values`], [`Mode::Auto`] and [`Mode::Check`] any value.
    pub(super) expr: Value,
    /// Variables; private ones (`__state`, `__current_task`, `__current_item`) set the scene of a workflow.
    pub(super) context: Option<Value>,
    /// `$`.
    pub(super) data: Value,
    /// `$name`, an object.
    pub(super) vars: Option<Value>,
    /// A datastore: `{"system": {"key": "text", "other": {"secret": "text"}}, "user": {…}}`.
    pub(super) kv: Option<Value>,
    /// Undefined variables print as nothing.
    pub(super) allow_undefined: bool,
    /// Values that look like expressions are evaluated again.
    pub(super) legacy_reevaluate: bool,
}

/// Why an evaluation failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    /// The class of the reference's exception.
    pub(super) class: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The line with the mistake and carets below it.
    pub(super) snippet: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            class: None,
            message: message.into(),
            hint: None,
            snippet: None,
        }
    }

    /// A failure of the YAQL expression `text`.
    pub(super) fn of_yaql(error: &YaqlError, text: &str) -> Self {
        Self {
            kind: error.kind,
            class: Some(error.class.to_owned()),
            message: error.message.clone(),
            hint: error.hint.clone(),
            snippet: error.snippet(text),
        }
    }

    /// The `error` of an answer.
    pub(super) fn told(&self) -> Value {
        let mut members = vec![
            ("kind", Value::text(self.kind.as_str())),
            ("message", Value::text(self.message.as_str())),
        ];
        members.extend(self.class.as_deref().map(|class| ("type", Value::text(class))));
        members.extend(self.hint.as_deref().map(|hint| ("hint", Value::text(hint))));
        Value::dict(members)
    }
}

impl Failure {
    fn of_jinja(error: ExprError) -> Self {
        Self {
            kind: error.kind,
            class: None,
            message: error.message,
            hint: error.hint,
            snippet: error.snippet,
        }
    }

    fn of_template(error: &TemplateError) -> Self {
        Self {
            kind: error.kind,
            class: Some(error.class.to_owned()),
            message: error.message.clone(),
            hint: error.hint.clone(),
            snippet: error.snippet.clone(),
        }
    }
}

/// What the scene of a workflow adds to Jinja.
const SCENE_FUNCTIONS: [&str; 12] = [
    "completed",
    "ctx",
    "failed",
    "item",
    "json",
    "range",
    "result",
    "st2kv",
    "succeeded",
    "task",
    "task_status",
    "zip",
];

/// Jinja's own filters.
const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "default",
    "dictsort",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
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
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

/// Names that expressions can call.
pub(super) struct Names {
    /// Of YAQL, as functions and methods.
    pub(super) yaql: Vec<String>,
    /// Of Jinja in workflows.
    pub(super) jinja: Vec<String>,
    pub(super) filters: Vec<String>,
}

pub(super) fn names() -> Names {
    let sorted = |names: &mut dyn Iterator<Item = &str>| {
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(char::is_alphabetic))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    };
    Names {
        yaql: sorted(&mut engines().evaluator.yaql().library().names()),
        jinja: sorted(&mut jinja::functions::all_names().chain(SCENE_FUNCTIONS)),
        filters: sorted(&mut FILTERS.iter().copied().chain(jinja::functions::all_names())),
    }
}

/// The clock and the dice of this process.
struct Process;

impl Surroundings for Process {
    fn now(&self) -> DateTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i128::try_from(since.as_micros()).unwrap_or(i128::MAX);
        let first = Date {
            year: 1970,
            month: 1,
            day: 1,
        };
        DateTime::from_local_micros(micros, Some(0), None).unwrap_or_else(|| DateTime::utc(first, 0))
    }

    fn random(&self) -> u64 {
        rand::random()
    }
}

struct Engines {
    evaluator: Evaluator,
    jinja: Jinja,
}

static ENGINES: OnceLock<Engines> = OnceLock::new();

/// Sets the bounds of all evaluations of this process; later calls change nothing.
pub(super) fn bound(limits: Limits) {
    ENGINES.get_or_init(|| Engines::new(limits));
}

fn engines() -> &'static Engines {
    ENGINES.get_or_init(|| Engines::new(Limits::default()))
}

impl Engines {
    fn new(limits: Limits) -> Self {
        Self {
            evaluator: Evaluator::new(limits, Arc::new(Process)),
            jinja: Jinja::new(limits.jinja),
        }
    }
}

/// Evaluates, or checks with [`Mode::Check`].
pub(super) fn evaluate(task: &Task) -> Result<Value, Failure> {
    match task.mode {
        Mode::Text => text(task),
        Mode::Bare => bare(task),
        Mode::Render => render(task).map(Value::from),
        Mode::Values => values(task),
        Mode::Auto => {
            let scene = RowScene::new(task.context.as_ref(), task.kv.as_ref());
            engines()
                .evaluator
                .evaluate_value(&task.expr, &scene, options(task))
                .map_err(|error| Failure::of_template(&error))
        }
        Mode::Check => Ok(checked(&engines().evaluator.check(&task.expr))),
    }
}

fn options(task: &Task) -> Options {
    Options {
        legacy_reevaluate: task.legacy_reevaluate,
    }
}

fn source(task: &Task) -> Result<&Arc<str>, Failure> {
    match &task.expr {
        Value::Str(text) => Ok(text),
        other => Err(Failure::new(
            ErrorKind::Type,
            format!("this mode evaluates texts, not {}", other.type_name()),
        )),
    }
}

fn text(task: &Task) -> Result<Value, Failure> {
    let only = match task.language {
        Language::Yaql => Some(template::Language::Yaql),
        Language::Jinja => Some(template::Language::Jinja),
        Language::Auto => None,
    };
    let scene = RowScene::new(task.context.as_ref(), task.kv.as_ref());
    engines()
        .evaluator
        .evaluate_text(source(task)?, only, &scene, options(task))
        .map_err(|error| Failure::of_template(&error))
}

fn bare(task: &Task) -> Result<Value, Failure> {
    let text = source(task)?;
    if task.language == Language::Jinja {
        return Err(Failure::new(ErrorKind::Argument, "the mode `bare` is for YAQL"));
    }
    let scene = RowScene::new(task.context.as_ref(), task.kv.as_ref());
    let vars = task.vars.as_ref().and_then(Value::as_dict);
    engines()
        .evaluator
        .evaluate_yaql(text, &task.data, vars, &scene)
        .map_err(|error| Failure::of_yaql(&error, text))
}

/// The variables of a rendered text, the datastore among them.
fn variables(task: &Task) -> Context {
    let dict = task.context.as_ref().and_then(Value::as_dict).cloned();
    let mut context = Context::from_dict(dict.unwrap_or_default());
    if let Some(lookup) = RowScene::new(None, task.kv.as_ref()).lookup() {
        context.set_datastore(lookup);
    }
    context
}

fn undefined(task: &Task) -> Undefined {
    if task.allow_undefined {
        Undefined::Permissive
    } else {
        Undefined::Strict
    }
}

fn render(task: &Task) -> Result<String, Failure> {
    engines()
        .jinja
        .render(source(task)?, &variables(task), undefined(task))
        .map_err(Failure::of_jinja)
}

/// A text is rendered; a list or object goes through JSON text; nothing else can change.
fn values(task: &Task) -> Result<Value, Failure> {
    let variables = variables(task);
    if variables.is_empty() {
        return Ok(task.expr.clone());
    }
    let variables = variables.with_whole_context();
    let json;
    let source: &str = match &task.expr {
        Value::Str(text) => text,
        Value::List(_) | Value::Dict(_) => {
            json = dumps(&task.expr, &JsonStyle::default())
                .map_err(|error| Failure::new(ErrorKind::Type, error.to_string()))?;
            &json
        }
        _ => return Ok(task.expr.clone()),
    };
    let rendered = engines()
        .jinja
        .render(source, &variables, undefined(task))
        .map_err(Failure::of_jinja)?;
    if rendered == source {
        return Ok(task.expr.clone());
    }
    if matches!(task.expr, Value::Str(_)) {
        return Ok(Value::from(rendered));
    }
    loads(&rendered).map_err(|error| {
        let mut failure = Failure::new(ErrorKind::Value, error.to_string());
        failure.hint =
            Some("a value with quotes broke the JSON text: use `to_json_string` or `json_escape`".to_owned());
        failure
    })
}

fn checked(check: &Check) -> Value {
    let language = |language: template::Language| Value::text(language.as_str());
    let errors = check.mistakes.iter().map(|mistake| {
        Value::dict([
            ("type", mistake.language.map(language).unwrap_or_default()),
            ("expression", Value::text(mistake.expression.as_str())),
            ("message", Value::text(mistake.message.as_str())),
        ])
    });
    let variables = check.variables.iter().map(|found| {
        Value::list([
            language(found.language),
            Value::text(found.text.as_str()),
            Value::text(found.variable.as_str()),
        ])
    });
    Value::dict([("errors", Value::list(errors)), ("vars", Value::list(variables))])
}
