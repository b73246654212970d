//! Texts with expressions: `<% … %>` is YAQL, `{{ … }}` and `{% … %}` are Jinja.
//!
//! A text that is exactly one expression has that expression's value, with its type; in any other text the values are
//! written as Python writes them. Lists and maps are walked, keys too. In a text with both languages only Jinja is
//! evaluated, as in the reference; workflow inspection refuses such texts.
//!
//! Differences on purpose:
//!
//! * An expression may span lines and contain its own closing sign in a quoted text (`scan`).
//! * Values are data: what an expression gives is never looked at for expressions again, so nobody who can put text
//!   into a variable or result can run code. [`Options::legacy_reevaluate`] brings the reference's way back.
//! * Everything is bounded ([`Limits`]).
//!
//! ```ignore
//! let evaluator = Evaluator::new(Limits::default(), surroundings);
//! let template = evaluator.template("Hello <% ctx().name %>");
//! let value = evaluator.evaluate(&template, &scene, Options::default())?;
//! ```

mod cache;
mod check;
mod compiled;
mod error;
mod evaluate;
mod functions;
mod legacy;
mod scan;
mod statement;
mod variables;

#[cfg(test)]
mod tests;

pub use check::{Check, Found, Mistake};
pub use compiled::Template;
pub use error::{TemplateError, TemplateFailure};
pub use scan::Language;
pub use statement::Statement;

use std::sync::Arc;

use self::cache::Cache;
use self::compiled::Code;
use super::jinja::{self, Jinja};
use super::value::DateTime;
use super::yaql::{self, Library, Yaql};

/// What lies outside of a pure evaluation. Whoever is at the edge hands it in.
pub trait Surroundings: Send + Sync {
    /// The time, in UTC, that `now()` gives.
    fn now(&self) -> DateTime;

    /// 64 random bits.
    fn random(&self) -> u64;
}

/// Bounds of texts and their evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text that may have expressions, in bytes.
    pub text: usize,
    /// Most expressions in a text.
    pub expressions: usize,
    /// Deepest lists and maps that are walked.
    pub depth: usize,
    /// Longest text that a text with expressions may become, in bytes.
    pub output: usize,
    /// How many read texts are kept.
    pub cached: usize,
    /// How often a result may be evaluated again (only where that is asked for).
    pub reevaluations: usize,
    /// Bounds of one YAQL expression.
    pub yaql: yaql::Limits,
    /// Bounds of one Jinja expression or template.
    pub jinja: jinja::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: 1024 * 1024,
            expressions: 1000,
            depth: 100,
            output: 8 * 1024 * 1024,
            cached: 4096,
            reevaluations: 100,
            yaql: yaql::Limits::default(),
            jinja: jinja::Limits::default(),
        }
    }
}

/// How a text is evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Evaluate texts that expressions give again, as the reference does. Whoever can choose a value can then run
    /// expressions: only for comparing, and for content that relies on it.
    pub legacy_reevaluate: bool,
}

/// Reads and evaluates texts with expressions. Made once, for instance with each snapshot of the content, and shared;
/// what was read is kept, up to a bound.
pub struct Evaluator {
    limits: Limits,
    jinja: Jinja,
    yaql: Yaql,
    cache: Cache,
    surroundings: Arc<dyn Surroundings>,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Evaluator {
    /// An evaluator with the functions of workflows in both languages.
    pub fn new(limits: Limits, surroundings: Arc<dyn Surroundings>) -> Self {
        let mut library = Library::standard();
        functions::yaql::register(&mut library);
        Self {
            limits,
            jinja: Jinja::new(limits.jinja),
            yaql: Yaql::new(library),
            cache: Cache::new(limits.cached),
            surroundings,
        }
    }

    /// Reads a text, or takes it from the cache.
    pub fn template(&self, text: &Arc<str>) -> Arc<Template> {
        self.template_in(text, None)
    }

    /// Reads a text of which only one language's expressions count.
    pub fn template_in(&self, text: &Arc<str>, only: Option<Language>) -> Arc<Template> {
        if let Some(known) = self.cache.get(text, only) {
            return known;
        }
        let template = Arc::new(Template::compile(self, text, only));
        self.cache.put(only, Arc::clone(&template));
        template
    }

    /// YAQL with the functions of workflows.
    pub fn yaql(&self) -> &Yaql {
        &self.yaql
    }

    fn compile_code(&self, language: Language, code: &str) -> Code {
        match language {
            Language::Yaql => Code::Yaql(self.yaql.compile(code).map_err(Box::new)),
            Language::Jinja => Code::Jinja(self.jinja.compile_expression(code).map_err(Box::new)),
        }
    }

    fn is_well_formed(&self, language: Language, code: &str) -> bool {
        match language {
            Language::Yaql => yaql::parse(code).is_ok(),
            Language::Jinja => self.jinja.compile_expression(code).is_ok(),
        }
    }
}
