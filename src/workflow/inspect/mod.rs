//! Inspection: what is wrong with a definition before it runs.
//!
//! Errors are the reference's, in four categories with its paths and messages; each has a position and mostly a hint
//! as well. Warnings are ours: a workflow with warnings may run.

mod actions;
mod advice;
mod context;
mod expressions;
mod place;
mod schema;
mod semantics;
mod syntax;
#[cfg(test)]
mod tests;
mod unused;

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::definition::{Document, LoadError, Position, Workflow};
use super::graph::Graph;
use crate::expr::template::{Evaluator, Language};
use crate::model::{Problem, Severity};

pub use actions::{ActionShape, Actions};

/// Most findings of a category that are kept.
const MAX_FINDINGS: usize = 5000;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// The text is no definition at all.
    Load,
    /// The form: unknown keys, wrong kinds of values.
    Syntax,
    /// The sense: undefined tasks, joins that cannot be reached.
    Semantics,
    /// Expressions that cannot be read.
    Expressions,
    /// Variables that are read before they are set.
    Context,
    /// Actions that do not exist, or not with these parameters.
    Content,
    /// Works, but probably not as meant.
    Advice,
}

impl Category {
    /// Its name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Syntax => "syntax",
            Self::Semantics => "semantics",
            Self::Expressions => "expressions",
            Self::Context => "context",
            Self::Content => "content",
            Self::Advice => "advice",
        }
    }
}

/// Something that inspection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub category: Category,
    /// What is wrong, in the words of the reference where it finds it too.
    pub message: String,
    /// The part of the definition, such as `tasks.t1.next[0].do`; none for the whole.
    pub spec_path: Option<String>,
    /// The rule, as a path through the schema.
    pub schema_path: Option<String>,
    /// The expression or text; for expressions and context.
    pub expression: Option<String>,
    /// The expression's language; none where a text has both.
    pub language: Option<Language>,
    /// Where; line 0 for the whole text.
    pub at: Position,
    /// What to do; may be empty.
    pub hint: String,
}

impl Finding {
    fn new(category: Category, message: String) -> Self {
        Self {
            category,
            message,
            spec_path: None,
            schema_path: None,
            expression: None,
            language: None,
            at: Position::default(),
            hint: String::new(),
        }
    }

    /// The finding as answers of `sayso workflow validate` show it. `text` is the definition.
    #[must_use]
    pub fn to_json(&self, text: &str) -> Json {
        let mut shown = json!({
            "category": self.category.as_str(),
            "message": self.message,
            "spec_path": self.spec_path,
            "schema_path": self.schema_path,
        });
        if matches!(self.category, Category::Expressions | Category::Context) {
            shown["expression"] = json!(self.expression);
            shown["language"] = json!(self.language.map(Language::as_str));
        }
        shown["line"] = self.at.line.into();
        shown["column"] = self.at.column.into();
        shown["text"] = crate::yaml::line_text(text, self.at.line).into();
        shown["hint"] = self.hint.clone().into();
        shown
    }

    /// The finding as results of executions and answers of the API show it: the reference's fields, and where it is.
    #[must_use]
    pub fn to_error(&self, text: &str) -> Json {
        let mut shown = self.to_json(text);
        if let Some(fields) = shown.as_object_mut() {
            fields.shift_remove("category");
        }
        shown["type"] = json!(match self.category {
            Category::Semantics => "semantic",
            Category::Expressions => "expression",
            Category::Context => "context",
            Category::Content => "content",
            Category::Load | Category::Syntax | Category::Advice => "syntax",
        });
        shown
    }

    /// The finding as a problem of `file`, whose text is `text`.
    #[must_use]
    pub fn problem(&self, file: &str, text: &str) -> Problem {
        let warning = matches!(self.category, Category::Advice | Category::Content);
        Problem {
            severity: if warning {
                Severity::Warning
            } else {
                Severity::Error
            },
            file: file.to_owned(),
            line: self.at.line as usize,
            column: self.at.column as usize,
            message: match (&self.spec_path, self.category) {
                (Some(path), category) if category != Category::Load => format!("{path}: {}", self.message),
                _ => self.message.clone(),
            },
            hint: self.hint.clone(),
            text: crate::yaml::line_text(text, self.at.line),
        }
    }
}

/// What inspection found in a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Why it may not run: by category in the reference's order, within one by schema path and path.
    pub errors: Vec<Finding>,
    /// What is probably not meant, by position.
    pub warnings: Vec<Finding>,
}

impl Report {
    /// Whether the workflow may run.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Inspects definitions.
#[derive(Clone)]
pub struct Inspector<'a> {
    evaluator: &'a Evaluator,
    context: Vec<Arc<str>>,
    actions: Option<&'a dyn Actions>,
}

impl<'a> Inspector<'a> {
    /// An inspector that reads expressions with `evaluator`.
    #[must_use]
    pub fn new(evaluator: &'a Evaluator) -> Self {
        Self {
            evaluator,
            context: Vec::new(),
            actions: None,
        }
    }

    /// Names that count as set from the start: those of the context that the application gives.
    #[must_use]
    pub fn with_context(mut self, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.context = names.into_iter().map(Into::into).collect();
        self
    }

    /// Where to look up the actions that tasks name. Without it actions are not looked at.
    #[must_use]
    pub fn with_actions(mut self, actions: &'a dyn Actions) -> Self {
        self.actions = Some(actions);
        self
    }

    /// Inspects a text.
    #[must_use]
    pub fn inspect_text(&self, text: &str) -> Report {
        match Document::parse(text) {
            Ok(document) => {
                let workflow = Workflow::read(&document);
                let graph = Graph::compose(&workflow);
                self.inspect(&document, &workflow, &graph)
            }
            Err(error) => Report {
                errors: vec![of_load_error(error)],
                warnings: Vec::new(),
            },
        }
    }

    /// Inspects a definition with its meaning and graph.
    #[must_use]
    pub fn inspect(&self, document: &Document, workflow: &Workflow, graph: &Graph) -> Report {
        let mut errors = Vec::new();
        let mut category = |run: &dyn Fn(&mut Vec<Finding>)| {
            let mut findings = Vec::new();
            run(&mut findings);
            findings.sort_by(|a, b| (&a.schema_path, &a.spec_path).cmp(&(&b.schema_path, &b.spec_path)));
            findings.truncate(MAX_FINDINGS);
            errors.extend(findings);
        };
        category(&|findings| syntax::inspect(document, findings));
        category(&|findings| semantics::inspect(document, workflow, graph, findings));
        category(&|findings| expressions::inspect(document, workflow, self.evaluator, findings));
        category(&|findings| context::inspect(document, workflow, self.evaluator, &self.context, findings));
        let mut warnings = Vec::new();
        advice::inspect(document, workflow, graph, &mut warnings);
        unused::inspect(document, workflow, &self.context, &mut warnings);
        if let Some(actions) = self.actions {
            actions::inspect(document, workflow, actions, &mut warnings);
        }
        warnings.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
        warnings.dedup();
        warnings.truncate(MAX_FINDINGS);
        Report { errors, warnings }
    }
}

fn of_load_error(error: LoadError) -> Finding {
    Finding {
        at: error.at,
        hint: error.hint,
        ..Finding::new(Category::Load, error.message)
    }
}
