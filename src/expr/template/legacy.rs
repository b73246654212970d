//! Evaluation with the reference's habit of evaluating results again.
//!
//! A text that an expression gives is a text with expressions of the same language, and every occurrence of an
//! expression's text is replaced at once, also within values put in before. Whoever controls a value controls the
//! workflow; that is why this is not the default.

use std::sync::Arc;

use super::Evaluator;
use super::compiled::{Body, Code, Expression, Piece, Template};
use super::error::TemplateError;
use super::evaluate::{Outcome, write_text};
use super::scan::{self, Language};
use crate::expr::ErrorKind;
use crate::expr::scene::Scene;
use crate::expr::value::Value;

/// One evaluation and what it may still do.
struct Legacy<'a> {
    evaluator: &'a Evaluator,
    scene: &'a dyn Scene,
    left: usize,
    depth: usize,
}

/// Evaluations within evaluations; each takes stack.
const DEEPEST: usize = 50;

pub(super) fn evaluate(
    evaluator: &Evaluator,
    template: &Template,
    scene: &dyn Scene,
) -> Result<Value, TemplateError> {
    let mut legacy = Legacy {
        evaluator,
        scene,
        left: evaluator.limits.reevaluations,
        depth: 0,
    };
    match template.language {
        Some(Language::Jinja) => legacy.jinja(&template.text),
        _ => legacy.expand(template),
    }
}

impl Legacy<'_> {
    /// Raw parts are cut out, the rest is expanded, what is unresolved is told, raw parts are put back.
    fn jinja(&mut self, text: &str) -> Result<Value, TemplateError> {
        let raw: Vec<&str> = scan::raw_blocks(text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        let mut cut = text.to_owned();
        for (index, block) in raw.iter().enumerate() {
            cut = cut.replace(block, &format!("{{{index}}}"));
        }
        let value = self.again(&cut.into(), Language::Jinja)?;
        let Value::Str(out) = &value else {
            return Ok(value);
        };
        let left = unresolved(out);
        if !left.is_empty() {
            let start = text.find(left[0]).unwrap_or(0);
            let length = if text[start..].starts_with(left[0]) {
                left[0].len()
            } else {
                0
            };
            return Err(TemplateError::unresolved(&left, text, start, length));
        }
        if raw.is_empty() {
            return Ok(value);
        }
        let mut out = out.to_string();
        for (index, block) in raw.iter().enumerate() {
            out = out.replace(&format!("{{{index}}}"), block);
            self.evaluator.check_output(&out)?;
        }
        self.evaluator.blocks(&out, self.scene).map(Value::from)
    }

    /// Evaluates a text that an expression gave.
    fn again(&mut self, text: &Arc<str>, language: Language) -> Result<Value, TemplateError> {
        if !scan::may_have_expressions(text) {
            return Ok(Value::Str(Arc::clone(text)));
        }
        if self.left == 0 || self.depth >= DEEPEST {
            return Err(TemplateError::new(
                ErrorKind::Recursion,
                language.exception(),
                "RecursionError: results were evaluated again too often".to_owned(),
            ));
        }
        self.left -= 1;
        self.depth += 1;
        let template = Template::compile(self.evaluator, text, Some(language));
        let value = self.expand(&template)?;
        self.depth -= 1;
        Ok(value)
    }

    fn expand(&mut self, template: &Template) -> Result<Value, TemplateError> {
        let text = &template.text;
        match &template.body {
            Body::Plain => Ok(Value::Str(Arc::clone(text))),
            Body::Refused(message) => Err(TemplateError::limit(message.clone())),
            Body::Blocks => {
                let out = self.evaluator.blocks(text, self.scene)?;
                self.again(&out.into(), Language::Jinja)
            }
            Body::Whole(whole) => match self.run(text, whole)? {
                Outcome::Value(value) => Ok(value),
                Outcome::Unresolved => Ok(Value::Str(Arc::clone(text))),
            },
            Body::Mixed(pieces) => {
                let mut out = text.to_string();
                for piece in pieces {
                    let Piece::Expression(expression) = piece else {
                        continue;
                    };
                    if let Outcome::Value(value) = self.run(text, expression)? {
                        let mut shown = String::new();
                        write_text(&mut shown, &value);
                        out = self.replaced(&out, &text[expression.outer.clone()], &shown)?;
                    }
                }
                Ok(Value::from(out))
            }
        }
    }

    /// Every occurrence of an expression replaced, within the bound.
    fn replaced(&self, text: &str, expression: &str, value: &str) -> Result<String, TemplateError> {
        let grown = value.len().saturating_sub(expression.len());
        let long = text
            .len()
            .saturating_add(text.matches(expression).count().saturating_mul(grown));
        if long > self.evaluator.limits.output {
            let most = self.evaluator.limits.output;
            return Err(TemplateError::limit(format!(
                "The text becomes longer than {most} bytes"
            )));
        }
        Ok(text.replace(expression, value))
    }

    fn run(&mut self, text: &str, expression: &Expression) -> Result<Outcome, TemplateError> {
        let language = match expression.code {
            Code::Yaql(_) => Language::Yaql,
            Code::Jinja(_) => Language::Jinja,
        };
        match self.evaluator.run(text, expression, self.scene)? {
            Outcome::Value(Value::Str(result)) => self
                .again(&result, language)
                .map(Outcome::Value)
                .map_err(|inner| wrapped(inner, language, &text[expression.outer.clone()])),
            other => Ok(other),
        }
    }
}

/// A failure within a result, told as one of the expression that gave it.
fn wrapped(inner: TemplateError, language: Language, expression: &str) -> TemplateError {
    if inner.kind == ErrorKind::Limit || inner.kind == ErrorKind::Recursion {
        return inner;
    }
    let message = format!("Unable to evaluate expression '{expression}'. {inner}");
    let mut outer = inner;
    outer.class = language.exception();
    outer.message = message;
    expression.clone_into(&mut outer.expression);
    outer
}

/// The expressions of Jinja that are left in a text, as the reference finds and strips them.
fn unresolved(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(range) = scan::next_on_one_line(text, at, "{{", "}}") {
        at = range.end;
        found.push(text[range].trim_matches(['{', '}']).trim());
    }
    found
}
