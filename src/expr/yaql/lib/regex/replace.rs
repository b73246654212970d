//! Splitting and replacing by patterns.

use std::sync::Arc;

use super::super::super::Lambda;
use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::params::Int;
use super::super::super::runtime::Cx;
use super::publish::Groups;
use super::{Pattern, Walk};
use crate::expr::pyregex::{Regex, Template, TemplateError};
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.method("split", "regexp, string, maxSplit=0", split);
    to.method(
        "split",
        "string, regexp, maxSplit=0",
        |cx: &Cx<'_>, string: Arc<str>, regexp: Pattern, max_split: Int| split(cx, regexp, string, max_split),
    );
    to.method("replace", "regexp, string, repl, count=0", replace);
    to.method(
        "replace",
        "string, regexp, repl, count=0",
        |cx: &Cx<'_>, string: Arc<str>, regexp: Pattern, repl: Arc<str>, count: Int| {
            replace(cx, regexp, string, repl, count)
        },
    );
    to.method("replaceBy", "regexp, string, repl, count=0", replace_by);
    to.method(
        "replaceBy",
        "string, regexp, repl, count=0",
        |cx: &Cx<'_>, string: Arc<str>, regexp: Pattern, repl: Lambda, count: Int| {
            replace_by(cx, regexp, string, repl, count)
        },
    );
}

/// How many matches count: 0 means all, a negative number none.
fn most(count: &Int) -> Result<usize, YaqlError> {
    match count.to_i64() {
        None => Err(YaqlError::overflow(
            "Python int too large to convert to C ssize_t",
        )),
        Some(0) => Ok(usize::MAX),
        Some(count) => Ok(usize::try_from(count).unwrap_or(0)),
    }
}

/// The parts between the matches, and what groups took between the parts.
fn split(cx: &Cx<'_>, regexp: Pattern, string: Arc<str>, max_split: Int) -> Answer {
    let most = most(&max_split)?;
    let (mut walk, mut parts, mut done, mut found) = (Walk::new(&regexp.0, &string), Vec::new(), 0, 0);
    let mut push = |part: Option<&str>| {
        cx.charge(part.map_or(0, str::len) + size_of::<Value>() + 16)?;
        parts.push(Value::from(part));
        Ok::<_, YaqlError>(())
    };
    while found < most
        && let Some(captures) = walk.next(cx)?
    {
        let (start, end) = captures.span(0).unwrap_or((done, done));
        push(Some(&string[done..start]))?;
        for group in 1..captures.len() {
            push(captures.get(group))?;
        }
        (done, found) = (end, found + 1);
    }
    push(Some(&string[done..]))?;
    Ok(Value::mutable_list(parts))
}

fn template(repl: &str, regex: &Regex) -> Result<Template, YaqlError> {
    Template::new(repl, regex).map_err(|error| match error {
        TemplateError::Syntax(error) => YaqlError::regex_error(error.to_string()),
        TemplateError::UnknownGroup(_) => YaqlError::index_error(error.to_string()),
    })
}

/// The text with matches replaced by what a template makes of them.
fn replace(
    cx: &Cx<'_>,
    regexp: Pattern,
    string: Arc<str>,
    repl: Arc<str>,
    count: Int,
) -> Result<String, YaqlError> {
    cx.charge(repl.len().saturating_mul(4))?;
    cx.spend(repl.len() / 4)?;
    let most = most(&count)?;
    let template = template(&repl, &regexp.0)?;
    let (mut walk, mut out, mut done, mut found) = (Walk::new(&regexp.0, &string), String::new(), 0, 0);
    while found < most
        && let Some(captures) = walk.next(cx)?
    {
        let (start, end) = captures.span(0).unwrap_or((done, done));
        cx.charge((start - done).saturating_add(template.len(&captures)))?;
        out.push_str(&string[done..start]);
        template.expand(&captures, &mut out);
        (done, found) = (end, found + 1);
    }
    cx.charge(string.len() - done)?;
    out.push_str(&string[done..]);
    Ok(out)
}

/// The text with matches replaced by what a lambda makes of them; null is nothing.
fn replace_by(
    cx: &Cx<'_>,
    regexp: Pattern,
    string: Arc<str>,
    repl: Lambda,
    count: Int,
) -> Result<String, YaqlError> {
    let most = most(&count)?;
    let (mut walk, mut out, mut done, mut found) = (Walk::new(&regexp.0, &string), String::new(), 0, 0);
    let mut known = (0, 0);
    // Python joins a list of pieces at the end, and names the first that is no text by its place there.
    let (mut pieces, mut misfit) = (0usize, None);
    while found < most
        && let Some(captures) = walk.next(cx)?
    {
        let (start, end) = captures.span(0).unwrap_or((done, done));
        if start > done {
            cx.charge(start - done)?;
            out.push_str(&string[done..start]);
            pieces += 1;
        }
        let groups = Groups {
            found: &captures,
            regex: &regexp.0,
            text: &string,
        };
        let scope = groups.publish(cx, &mut known)?;
        match repl.get_in(cx, &scope)? {
            Value::Null => {}
            Value::Str(text) => {
                cx.charge(text.len())?;
                out.push_str(&text);
                pieces += 1;
            }
            other => {
                misfit.get_or_insert_with(|| (pieces, super::super::math::type_name(&other).to_owned()));
                pieces += 1;
            }
        }
        (done, found) = (end, found + 1);
    }
    if let Some((at, class)) = misfit {
        return Err(YaqlError::type_error(format!(
            "sequence item {at}: expected str instance, {class} found"
        )));
    }
    cx.charge(string.len() - done)?;
    out.push_str(&string[done..]);
    Ok(out)
}
