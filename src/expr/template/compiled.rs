//! A text, read once: which parts of it are expressions, and their code.

use std::ops::Range;
use std::sync::Arc;

use super::Evaluator;
use super::scan::{self, Language, Languages};
use crate::expr::jinja::{self, ExprError};
use crate::expr::yaql::{self, YaqlError};

/// A text with its expressions found and compiled. Making one never fails: what is wrong with an expression is told
/// when it is evaluated, after the expressions before it.
#[derive(Debug)]
pub struct Template {
    pub(super) text: Arc<str>,
    pub(super) language: Option<Language>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// No expression.
    Plain,
    /// The text is exactly one expression, whose value keeps its type.
    Whole(Expression),
    /// Texts and expressions in turn.
    Mixed(Box<[Piece]>),
    /// Jinja blocks make the whole text one template.
    Blocks,
    /// The text goes beyond a bound.
    Refused(String),
}

#[derive(Debug)]
pub(super) enum Piece {
    Text(Box<str>),
    Expression(Expression),
}

#[derive(Debug)]
pub(super) struct Expression {
    /// Its place in the text with delimiters.
    pub(super) outer: Range<usize>,
    /// Without.
    pub(super) inner: Range<usize>,
    pub(super) code: Code,
}

#[derive(Debug)]
pub(super) enum Code {
    Yaql(Result<Arc<yaql::Compiled>, Box<YaqlError>>),
    Jinja(Result<Arc<jinja::CompiledExpr>, Box<ExprError>>),
}

impl Template {
    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The language that it is evaluated in; `None` if it has no expressions.
    pub fn language(&self) -> Option<Language> {
        self.language
    }

    /// The expressions without their delimiters, in order; for a text with blocks the whole text.
    pub fn expressions(&self) -> Vec<&str> {
        match &self.body {
            Body::Plain | Body::Refused(_) => Vec::new(),
            Body::Whole(expression) => vec![&self.text[expression.inner.clone()]],
            Body::Blocks => vec![&self.text],
            Body::Mixed(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Expression(expression) => Some(&self.text[expression.inner.clone()]),
                    Piece::Text(_) => None,
                })
                .collect(),
        }
    }

    /// Reads a text: in the first language that it has expressions of, or in `only` one.
    pub(super) fn compile(evaluator: &Evaluator, text: &Arc<str>, only: Option<Language>) -> Self {
        let template = |language, body| Self {
            text: Arc::clone(text),
            language,
            body,
        };
        if text.len() > evaluator.limits.text && scan::may_have_expressions(text) {
            let message = format!(
                "The text has {} bytes, {} are allowed where there are expressions",
                text.len(),
                evaluator.limits.text
            );
            return template(only, Body::Refused(message));
        }
        let well_formed = |language, code: &str| evaluator.is_well_formed(language, code);
        let languages = Languages::of(text, &well_formed);
        let language = match only {
            Some(Language::Yaql) => languages.yaql.then_some(Language::Yaql),
            Some(Language::Jinja) => languages.jinja.then_some(Language::Jinja),
            None => languages.first(),
        };
        let body = match language {
            None => Body::Plain,
            Some(Language::Jinja) if has_blocks(text) => Body::Blocks,
            Some(language) => inline(evaluator, text, language, &well_formed),
        };
        template(language, body)
    }
}

/// Whether blocks make the text a template. Raw blocks do too: the reference cuts them out and renders the text with
/// them at the end, which comes to the same.
fn has_blocks(text: &str) -> bool {
    scan::on_one_line(text, "{%", "%}") || (!text.contains("{{") && scan::block_spans_lines(text))
}

fn inline(
    evaluator: &Evaluator,
    text: &str,
    language: Language,
    well_formed: &dyn Fn(Language, &str) -> bool,
) -> Body {
    let mut pieces = Vec::new();
    let mut done = 0;
    for (index, found) in scan::expressions(text, language, well_formed)
        .into_iter()
        .enumerate()
    {
        if index >= evaluator.limits.expressions {
            let most = evaluator.limits.expressions;
            return Body::Refused(format!("The text has more than {most} expressions"));
        }
        push_text(&mut pieces, &text[done..found.outer.start]);
        done = found.outer.end;
        pieces.push(Piece::Expression(Expression {
            code: evaluator.compile_code(language, &text[found.inner.clone()]),
            outer: found.outer,
            inner: found.inner,
        }));
    }
    push_text(&mut pieces, &text[done..]);
    match pieces.pop() {
        Some(Piece::Expression(whole)) if pieces.is_empty() => Body::Whole(whole),
        None => Body::Plain,
        Some(last) => {
            pieces.push(last);
            Body::Mixed(pieces.into())
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}
