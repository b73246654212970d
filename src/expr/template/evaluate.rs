//! Evaluating a text that was read: one value with its type, or a text with values written into it.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use super::compiled::{Body, Code, Expression, Piece, Template};
use super::error::TemplateError;
use super::functions::jinja::SceneHost;
use super::scan::Language;
use super::{Evaluator, Options, functions, legacy};
use crate::expr::ErrorKind;
use crate::expr::jinja::{Context, Evaluated, nearest};
use crate::expr::scene::Scene;
use crate::expr::value::{self, Dict, Opaque, Value};
use crate::expr::yaql::{self, Env, YaqlError};

/// Workflow expressions have no variables of their own in Jinja: functions only.
static NO_VARIABLES: LazyLock<Context> = LazyLock::new(Context::new);

/// What an expression gave.
pub(super) enum Outcome {
    Value(Value),
    /// An undefined name: the expression stays in the text, which is an error in the end.
    Unresolved,
}

impl Evaluator {
    /// Evaluates a text that was read.
    ///
    /// # Errors
    ///
    /// The first expression that fails; undefined names; exhausted limits.
    pub fn evaluate(
        &self,
        template: &Template,
        scene: &dyn Scene,
        options: Options,
    ) -> Result<Value, TemplateError> {
        match &template.body {
            Body::Plain => Ok(Value::Str(Arc::clone(&template.text))),
            Body::Refused(message) => Err(TemplateError::limit(message.clone())),
            _ if options.legacy_reevaluate => legacy::evaluate(self, template, scene),
            Body::Whole(whole) => match self.run(&template.text, whole, scene)? {
                Outcome::Value(value) => Ok(value),
                Outcome::Unresolved => Err(unresolved(template, &[whole])),
            },
            Body::Mixed(pieces) => self.mixed(template, pieces, scene),
            Body::Blocks => self.blocks(&template.text, scene).map(Value::from),
        }
    }

    /// Reads and evaluates a text in the first language that it has expressions of, or in `only` one.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::evaluate`].
    pub fn evaluate_text(
        &self,
        text: &Arc<str>,
        only: Option<Language>,
        scene: &dyn Scene,
        options: Options,
    ) -> Result<Value, TemplateError> {
        self.evaluate(&self.template_in(text, only), scene, options)
    }

    /// Evaluates a bare YAQL expression: `data` is `$`, `variables` are `$name`.
    ///
    /// # Errors
    ///
    /// A malformed expression, whatever its evaluation fails with, exhausted limits.
    pub fn evaluate_yaql(
        &self,
        expression: &str,
        data: &Value,
        variables: Option<&Dict>,
        scene: &dyn Scene,
    ) -> Result<Value, YaqlError> {
        self.run_yaql(&*self.yaql.compile(expression)?, data, variables, scene)
    }

    fn run_yaql(
        &self,
        code: &yaql::Compiled,
        data: &Value,
        vars: Option<&Dict>,
        scene: &dyn Scene,
    ) -> Result<Value, YaqlError> {
        code.eval(&Env {
            data,
            vars,
            scene: Some(scene),
            now: &|| self.surroundings.now(),
            random: &|| self.surroundings.random(),
            limits: self.limits.yaql,
        })
    }

    /// Evaluates one expression of a text.
    pub(super) fn run(
        &self,
        text: &str,
        expression: &Expression,
        scene: &dyn Scene,
    ) -> Result<Outcome, TemplateError> {
        let outer = &text[expression.outer.clone()];
        let start = expression.inner.start;
        match &expression.code {
            Code::Yaql(code) => {
                let result = match code {
                    Ok(code) => self.run_yaql(code, &Value::Null, None, scene),
                    Err(error) => Err((**error).clone()),
                };
                result.map(Outcome::Value).map_err(|error| {
                    let error = self.advised(error, &text[expression.inner.clone()], scene);
                    TemplateError::yaql(&error, text, outer, start)
                })
            }
            Code::Jinja(code) => {
                let host = SceneHost::new(scene);
                let result = match code {
                    Ok(code) => code.eval(&NO_VARIABLES, &host),
                    Err(error) => Err((**error).clone()),
                };
                match result {
                    Ok(Evaluated::Value(value)) => Ok(Outcome::Value(value)),
                    Ok(Evaluated::Undefined { strict: true, .. }) => Ok(Outcome::Unresolved),
                    Ok(Evaluated::Undefined { strict: false, .. }) => {
                        Ok(Outcome::Value(Value::opaque(Nothing)))
                    }
                    Err(error) => Err(TemplateError::jinja(error, host.class(), text, outer, start)),
                }
            }
        }
    }

    /// Adds the nearest name to an error about one that does not exist.
    fn advised(&self, error: YaqlError, code: &str, scene: &dyn Scene) -> YaqlError {
        if error.hint.is_some() {
            return error;
        }
        let hint = match error.kind {
            ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
                let name = error.message.split('"').nth(1).unwrap_or_default();
                match name.strip_prefix("#property#") {
                    Some(name) => Some(format!(
                        "what stands before .{name} is no dictionary; `?.{name}` gives null where it is null"
                    )),
                    None => nearest(name, self.yaql.library().names())
                        .map(|near| format!("did you mean {near}()?")),
                }
            }
            ErrorKind::Key => {
                let name = error.message.trim_matches('\'');
                let variables = scene
                    .variables()
                    .filter(|_| code.contains(&format!("ctx().{name}")));
                variables.and_then(|variables| functions::near_variable(variables, name))
            }
            _ => None,
        };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn mixed(
        &self,
        template: &Template,
        pieces: &[Piece],
        scene: &dyn Scene,
    ) -> Result<Value, TemplateError> {
        let mut out = String::with_capacity(template.text.len());
        let mut left = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Expression(expression) => match self.run(&template.text, expression, scene)? {
                    Outcome::Value(value) => write_text(&mut out, &value),
                    Outcome::Unresolved => left.push(expression),
                },
            }
            self.check_output(&out)?;
        }
        if left.is_empty() {
            Ok(Value::from(out))
        } else {
            Err(unresolved(template, &left))
        }
    }

    /// Renders a whole text as a template.
    pub(super) fn blocks(&self, text: &str, scene: &dyn Scene) -> Result<String, TemplateError> {
        let host = SceneHost::new(scene);
        self.jinja
            .render_with(text, &NO_VARIABLES, &host)
            .map_err(|error| TemplateError::jinja(error, host.class(), text, text, 0))
    }

    pub(super) fn check_output(&self, out: &str) -> Result<(), TemplateError> {
        if out.len() > self.limits.output {
            let most = self.limits.output;
            return Err(TemplateError::limit(format!(
                "The text becomes longer than {most} bytes"
            )));
        }
        Ok(())
    }
}

/// Writes a value into a text, as `str()` of Python does.
pub(super) fn write_text(out: &mut String, value: &Value) {
    match value {
        Value::Str(text) => out.push_str(text),
        value if value.downcast::<Nothing>().is_some() => {}
        value => out.push_str(&value::str(value)),
    }
}

fn unresolved(template: &Template, left: &[&Expression]) -> TemplateError {
    let text = &template.text;
    let names: Vec<&str> = left
        .iter()
        .map(|expression| &text[expression.inner.clone()])
        .collect();
    let first = left.first().map(|first| first.inner.clone()).unwrap_or_default();
    TemplateError::unresolved(&names, text, first.start, first.len())
}

/// What `'x' if false` gives: undefined, yet nobody minds until it is looked into.
#[derive(Debug)]
struct Nothing;

impl Opaque for Nothing {
    fn class(&self) -> &str {
        "jinja2.runtime.Undefined"
    }

    fn repr(&self) -> String {
        "Undefined".to_owned()
    }

    fn is_true(&self) -> bool {
        false
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
