//! Looking at texts without evaluating them: what is malformed, and which workflow variables they read.

use super::Evaluator;
use super::scan::{self, Language, Languages};
use super::variables::variables;
use crate::expr::ErrorKind;
use crate::expr::value::Value;

/// What was found in a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// What is malformed, in the order of the texts.
    pub mistakes: Vec<Mistake>,
    /// The variables that are read, each once, in the order of their names.
    pub variables: Vec<Found>,
}

/// A malformed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its language; none where a text has both.
    pub language: Option<Language>,
    /// The expression with its delimiters, or the whole text.
    pub expression: String,
    /// What is wrong with it, in the words of the reference.
    pub message: String,
    /// The line of the text with a line of carets, and advice, where known.
    pub snippet: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// A variable that a text reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The variable's name.
    pub variable: String,
    /// The whole text.
    pub text: String,
    /// The language of the expression that reads it.
    pub language: Language,
}

impl Evaluator {
    /// Checks all texts in a value, keys of maps too.
    pub fn check(&self, value: &Value) -> Check {
        let mut check = Check::default();
        self.check_value(value, 0, &mut check);
        check.variables.sort();
        check.variables.dedup();
        check
    }

    fn check_value(&self, value: &Value, depth: usize, check: &mut Check) {
        if depth > self.limits.depth {
            return;
        }
        match value {
            Value::Str(text) => self.check_text(text, check),
            Value::List(items) => {
                for item in items.iter() {
                    self.check_value(item, depth + 1, check);
                }
            }
            Value::Dict(members) => {
                for (key, item) in members.iter() {
                    self.check_value(key, depth + 1, check);
                    self.check_value(item, depth + 1, check);
                }
            }
            _ => {}
        }
    }

    fn check_text(&self, text: &str, check: &mut Check) {
        if !scan::may_have_expressions(text) {
            return;
        }
        if text.len() > self.limits.text {
            check.mistakes.push(Mistake {
                language: None,
                expression: text.chars().take(100).collect(),
                message: format!("The text is longer than {} bytes.", self.limits.text),
                snippet: None,
                hint: None,
            });
            return;
        }
        let well_formed = |language, code: &str| self.is_well_formed(language, code);
        let languages = Languages::of(text, &well_formed);
        let found = |language| scan::expressions(text, language, &well_formed);
        match languages {
            Languages {
                jinja: true,
                yaql: true,
            } => check.mistakes.push(Mistake {
                language: None,
                expression: text.to_owned(),
                message: "Expression with multiple types is not supported.".to_owned(),
                snippet: None,
                hint: Some("write the whole text with <% … %> or with {{ … }}".to_owned()),
            }),
            Languages { yaql: true, .. } => self.check_yaql(text, &found(Language::Yaql), check),
            Languages { jinja: true, .. } => self.check_jinja(text, &found(Language::Jinja), check),
            _ => {}
        }
        for language in [Language::Jinja, Language::Yaql] {
            for expression in found(language) {
                let names = variables(&text[expression.inner]);
                check.variables.extend(names.into_iter().map(|variable| Found {
                    variable: variable.to_owned(),
                    text: text.to_owned(),
                    language,
                }));
            }
        }
    }

    fn check_yaql(&self, text: &str, expressions: &[scan::Found], check: &mut Check) {
        for expression in expressions {
            let code = &text[expression.inner.clone()];
            if let Err(error) = super::yaql::parse(code) {
                check.mistakes.push(Mistake {
                    language: Some(Language::Yaql),
                    expression: text[expression.outer.clone()].to_owned(),
                    snippet: error.snippet(code),
                    message: error.message.clone(),
                    hint: error.hint.clone(),
                });
            }
        }
    }

    /// The whole text first, which covers blocks and delimiters, then each expression that is not the whole text.
    fn check_jinja(&self, text: &str, expressions: &[scan::Found], check: &mut Check) {
        let whole = self.jinja.check(text).err();
        let failed = whole.is_some();
        if let Some(error) = whole {
            check.mistakes.push(Mistake {
                language: Some(Language::Jinja),
                expression: text.to_owned(),
                message: error.message,
                snippet: error.snippet,
                hint: error.hint,
            });
        }
        for expression in expressions {
            let outer = &text[expression.outer.clone()];
            if failed && outer == text {
                continue;
            }
            let error = match self.jinja.compile_expression(&text[expression.inner.clone()]) {
                // The reference reads one expression here and ignores what follows it.
                Err(error) if error.kind == ErrorKind::Parse && error.message != "chunk after expression" => {
                    error
                }
                _ => continue,
            };
            check.mistakes.push(Mistake {
                language: Some(Language::Jinja),
                expression: outer.to_owned(),
                message: error.message,
                snippet: error.snippet,
                hint: error.hint,
            });
        }
    }
}
