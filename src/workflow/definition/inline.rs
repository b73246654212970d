//! Inline parameters: `core.echo message="hi" n=3` in `action`, `a=1, b=<% ctx(b) %>` in `publish`.
//!
//! Only certain values count (quoted texts, numbers, `true`, `false`, `null`, lists in brackets, expressions); a bare
//! word such as `message=hello` is no parameter. What is left over is told by [`Inline::ignored`].

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::expr::value::{Value, loads};

/// A text with inline parameters.
#[derive(Debug, Clone)]
pub struct Inline {
    /// As written.
    pub text: Arc<str>,
    /// The parameters in order of writing; a name may come twice, then the last one counts.
    pub parameters: Vec<Parameter>,
}

/// One inline parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// Its value; a text may be a template.
    pub value: Value,
    /// Where in the text it stands, in bytes.
    pub range: Range<usize>,
}

static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(\w+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|-?\d*\.\d+|-?\d+|(?i:true)|(?i:false)|null"#,
        r"|\{\{.*?\}\}|<%.*?%>)",
    ))
    .expect("a constant pattern")
});

/// What looks like a parameter, whatever its value.
static ATTEMPT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s,])(\w+)=(\S*)").expect("a constant pattern"));

impl Inline {
    pub(crate) fn read(text: &str) -> Self {
        let parameters = PARAMETER
            .captures_iter(text)
            .filter_map(|found| {
                let (all, name, value) = (found.get(0)?, found.get(1)?, found.get(2)?);
                Some(Parameter {
                    name: name.as_str().into(),
                    value: value_of(value.as_str()),
                    range: all.start()..all.start() + all.as_str().trim_end().len(),
                })
            })
            .collect();
        Self {
            text: text.into(),
            parameters,
        }
    }

    /// Parts of the text that look like parameters and are none, such as `message=hello`, or like more of a value
    /// than was taken, such as `e3` of `n=1e3`.
    #[must_use]
    pub fn ignored(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for attempt in ATTEMPT.captures_iter(&self.text) {
            let Some(name) = attempt.get(1) else { continue };
            let start = name.start();
            let taken = self.parameters.iter().find(|one| one.range.contains(&start));
            match taken {
                None => found.push(
                    self.text[start..]
                        .split(char::is_whitespace)
                        .next()
                        .unwrap_or_default(),
                ),
                Some(one) if one.range.start == start => {
                    let rest = &self.text[one.range.end..];
                    let tail = rest
                        .split([' ', '\t', '\n', '\r', ',', ';'])
                        .next()
                        .unwrap_or_default();
                    if !tail.is_empty() {
                        found.push(&self.text[start..one.range.end + tail.len()]);
                    }
                }
                // Within the quotes of another one.
                Some(_) => {}
            }
        }
        found
    }
}

/// The value of what stands behind `=`: one pair of double quotes is taken off, then one of single quotes; what was
/// not quoted, or looks like a JSON object, is JSON where it can be.
fn value_of(text: &str) -> Value {
    let text = text.trim();
    let quoted = text.matches('"').count() > 1 || text.matches('\'').count() > 1;
    let bare = unquoted(unquoted(text, '"'), '\'');
    if quoted && !(bare.starts_with('{') && bare.ends_with('}')) {
        return Value::text(bare);
    }
    let json = if bare.eq_ignore_ascii_case("true") || bare.eq_ignore_ascii_case("false") {
        loads(&bare.to_ascii_lowercase())
    } else {
        loads(bare)
    };
    json.unwrap_or_else(|_| Value::text(bare))
}

/// Without a quote at the start and one at the end, each on its own.
fn unquoted(text: &str, quote: char) -> &str {
    let text = text.strip_prefix(quote).unwrap_or(text);
    text.strip_suffix(quote).unwrap_or(text)
}
