//! `sayso expr explain`: an expression as a tree, with what each of its parts gives.
//!
//! Parts are evaluated one by one, as expressions of their own: what they give is what they give inside the whole,
//! because expressions change nothing.

use super::evaluate::{Failure, Task, evaluate};
use crate::cli::args::{Language, Mode};
use crate::expr::ErrorKind;
use crate::expr::value::{self, Dict, Value};
use crate::expr::yaql::{self, Arg, BinaryOp, Expr, Node, Span};

/// Parts that are shown; an expression with more of them is no reading for people.
const MOST: usize = 200;

/// Functions whose arguments are evaluated for every item of what they are called on.
const PER_ITEM: &[&str] = &[
    "accumulate",
    "aggregate",
    "all",
    "any",
    "assert",
    "distinct",
    "filter",
    "groupBy",
    "indexWhere",
    "join",
    "lastIndexWhere",
    "map",
    "orderBy",
    "orderByDescending",
    "reduce",
    "replaceBy",
    "search",
    "searchAll",
    "select",
    "selectMany",
    "skipWhile",
    "sliceWhere",
    "splitWhere",
    "takeWhile",
    "thenBy",
    "thenByDescending",
    "toDict",
    "where",
];

/// A part of an expression.
#[derive(Debug)]
pub(super) struct Step {
    /// Its text.
    pub(super) source: String,
    /// For whom it was evaluated, where `$` is not the outer one: the first item.
    pub(super) item: Option<Value>,
    /// What it gives.
    pub(super) outcome: Result<Value, Failure>,
    /// Its parts.
    pub(super) parts: Vec<Step>,
}

/// Explains an expression; each part of a text is a step of its own.
///
/// # Errors
///
/// When a YAQL expression cannot be read.
pub(super) fn explain(whole: &Task) -> Result<Vec<Step>, Failure> {
    let text = whole.expr.as_str().unwrap_or_default();
    let mut explained = Explained { whole, left: MOST };
    if whole.mode == Mode::Bare {
        return Ok(vec![explained.yaql(text)?]);
    }
    let (open, close) = match whole.language {
        Language::Jinja => ("{{", "}}"),
        _ => ("<%", "%>"),
    };
    let mut steps = Vec::new();
    if !(whole.language == Language::Jinja && text.contains("{%")) {
        for part in parts(text, open, close) {
            steps.push(match whole.language {
                Language::Jinja => explained.jinja(part),
                _ => explained.yaql(part)?,
            });
        }
    }
    if steps.len() != 1 || text.trim() != text || !text.starts_with(open) || !text.ends_with(close) {
        steps.push(Step {
            source: text.to_owned(),
            item: None,
            outcome: evaluate(whole),
            parts: Vec::new(),
        });
    }
    Ok(steps)
}

/// What stands between delimiters.
fn parts<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open) {
        let Some((part, after)) = after.split_once(close) else {
            break;
        };
        found.push(part.trim());
        rest = after;
    }
    found
}

struct Explained<'t> {
    whole: &'t Task,
    /// Parts that may still be shown.
    left: usize,
}

/// Where a part stands: what comes before it, and what `$` is there.
#[derive(Clone, Default)]
struct Place {
    /// `let(…) -> `
    before: String,
    item: Option<Value>,
    second: Option<Value>,
}

impl Explained<'_> {
    fn yaql(&mut self, text: &str) -> Result<Step, Failure> {
        let tree = yaql::parse(text).map_err(|error| Failure::of_yaql(&error, text))?;
        let mut steps = self.step(text, &tree, &Place::default());
        Ok(match steps.pop() {
            Some(step) => step,
            None => Step {
                source: text.to_owned(),
                item: None,
                outcome: self.value(text, &Place::default()),
                parts: Vec::new(),
            },
        })
    }

    fn value(&self, source: &str, place: &Place) -> Result<Value, Failure> {
        let mut task = self.whole.clone();
        task.language = Language::Yaql;
        task.mode = Mode::Bare;
        task.expr = Value::text(format!("{}{source}", place.before));
        if let Some(item) = &place.item {
            task.data = item.clone();
            let second = place.second.clone().unwrap_or_else(|| item.clone());
            let numbered = [("1", item.clone()), ("2", second)];
            let known = task
                .vars
                .as_ref()
                .and_then(Value::as_dict)
                .cloned()
                .unwrap_or_default();
            let vars = known
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .chain(numbered.map(|(name, value)| (Value::text(name), value)));
            task.vars = Some(Value::Dict(vars.collect::<Dict>()));
        }
        evaluate(&task)
    }

    /// A node with its parts; what needs no explanation (constants, words, `$`, `ctx()`) is left out.
    fn step(&mut self, text: &str, expr: &Expr, place: &Place) -> Vec<Step> {
        let is_context = matches!(&expr.node, Node::Call { name, args } if name == "ctx" && args.is_empty());
        let is_part = !(place.before.is_empty() && place.item.is_none() && expr.span.of(text) == text);
        let is_plain = matches!(expr.node, Node::Literal(_) | Node::Word(_) | Node::Variable(_));
        if is_part && (is_plain || is_context) {
            return Vec::new();
        }
        if let Node::Group(inner) = &expr.node {
            return self.step(text, inner, place);
        }
        if self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        let source = expr.span.of(text);
        let outcome = self.value(source, place);
        let unknown = matches!(&outcome, Err(failure) if failure.kind == ErrorKind::UnknownMethod);
        let parts = self.parts(text, expr, place, unknown);
        vec![Step {
            source: source.to_owned(),
            item: place.item.clone(),
            outcome,
            parts,
        }]
    }

    /// The parts of a node; the arguments of a method that does not exist (`unknown`) mean nothing.
    fn parts(&mut self, text: &str, expr: &Expr, place: &Place, unknown: bool) -> Vec<Step> {
        match &expr.node {
            Node::Literal(_) | Node::Word(_) | Node::Variable(_) => Vec::new(),
            Node::Group(inner) => self.step(text, inner, place),
            Node::Unary { operand, .. } => self.step(text, operand, place),
            Node::Call { args, .. } | Node::List(args) | Node::Map(args) => self.args(text, args, place),
            Node::Index { target, args } => {
                let mut steps = self.step(text, target, place);
                steps.extend(self.args(text, args, place));
                steps
            }
            Node::Binary {
                op: BinaryOp::Arrow,
                left,
                right,
                ..
            } => {
                let mut steps = self.step(text, left, place);
                let inside = Place {
                    before: format!("{}{} -> ", place.before, left.span.of(text)),
                    ..place.clone()
                };
                steps.extend(self.step(text, right, &inside));
                steps
            }
            Node::Binary {
                op: BinaryOp::Dot | BinaryOp::SafeDot,
                left,
                right,
                ..
            } => {
                let mut steps = self.step(text, left, place);
                if let Node::Call { name, args } = &right.node
                    && !unknown
                {
                    let inside = if PER_ITEM.contains(&name.as_str()) {
                        self.first_item(left.span, text, place)
                    } else {
                        place.clone()
                    };
                    steps.extend(self.args(text, args, &inside));
                }
                steps
            }
            Node::Binary { left, right, .. } => {
                let mut steps = self.step(text, left, place);
                steps.extend(self.step(text, right, place));
                steps
            }
        }
    }

    /// The place inside `where(…)` and the like: `$` is the first item, `$2` the second.
    fn first_item(&self, collection: Span, text: &str, place: &Place) -> Place {
        match self.value(collection.of(text), place) {
            Ok(items) => {
                let items = items.as_items().unwrap_or_default();
                Place {
                    before: place.before.clone(),
                    item: items.first().cloned().or_else(|| place.item.clone()),
                    second: items.get(1).cloned(),
                }
            }
            Err(_) => place.clone(),
        }
    }

    fn args(&mut self, text: &str, args: &[Arg], place: &Place) -> Vec<Step> {
        args.iter()
            .flat_map(|arg| match arg {
                Arg::Value(value) => self.step(text, value, place),
                Arg::Skipped => Vec::new(),
                Arg::Named(key, value) => {
                    let mut steps = self.step(text, key, place);
                    steps.extend(self.step(text, value, place));
                    steps
                }
            })
            .collect()
    }

    /// A Jinja expression: what it is before each of its filters.
    fn jinja(&mut self, text: &str) -> Step {
        let mut inner: Option<Step> = None;
        for end in filters(text).into_iter().chain([text.len()]) {
            let source = text[..end].trim();
            let mut task = self.whole.clone();
            task.mode = Mode::Text;
            task.expr = Value::text(format!("{{{{ {source} }}}}"));
            inner = Some(Step {
                source: source.to_owned(),
                item: None,
                outcome: evaluate(&task),
                parts: inner.into_iter().collect(),
            });
        }
        inner.unwrap_or_else(|| Step {
            source: text.to_owned(),
            item: None,
            outcome: evaluate(self.whole),
            parts: Vec::new(),
        })
    }
}

/// The places of `|` outside of texts and brackets.
fn filters(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '|') if depth == 0 => found.push(at),
            (None, _) => {}
        }
    }
    found
}

/// The tree as lines of text.
pub(super) fn lines(steps: &[Step], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        write(step, ("", ""), false, &mut lines, width);
    }
    lines
}

fn write(step: &Step, (head, rest): (&str, &str), item_known: bool, lines: &mut Vec<String>, width: usize) {
    let told = match &step.outcome {
        Ok(value) => format!("= {}", value::to_tagged(value)),
        Err(failure) => format!("fails: {}", failure.message),
    };
    let item = match &step.item {
        Some(item) if !item_known => format!("  ($ is {})", cut(&value::to_tagged(item), width / 3)),
        _ => String::new(),
    };
    let source = cut(&step.source, width / 2);
    let room = width.saturating_sub(head.chars().count() + source.chars().count() + 1);
    lines.push(format!("{head}{source} {}{item}", cut(&told, room.max(20))));
    // The part that fails by itself tells what may have been meant; the parts around it would only repeat it.
    if let Err(failure) = &step.outcome
        && let Some(hint) = &failure.hint
        && !step.parts.iter().any(|part| part.outcome.is_err())
    {
        let bar = if step.parts.is_empty() { "" } else { "│  " };
        lines.push(cut(&format!("{rest}{bar}hint: {hint}"), width));
    }
    for (index, part) in step.parts.iter().enumerate() {
        let last = index + 1 == step.parts.len();
        let (branch, below) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let heads = (format!("{rest}{branch}"), format!("{rest}{below}"));
        write(part, (&heads.0, &heads.1), step.item.is_some(), lines, width);
    }
}

/// One line of at most so many characters, without control characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(width)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(width).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The tree as data.
pub(super) fn data(steps: &[Step]) -> Value {
    Value::list(steps.iter().map(|step| {
        let mut members = vec![("source", Value::text(step.source.as_str()))];
        members.extend(step.item.clone().map(|item| ("item", item)));
        members.push(match &step.outcome {
            Ok(value) => ("value", value.clone()),
            Err(failure) => ("error", failure.told()),
        });
        members.push(("parts", data(&step.parts)));
        Value::dict(members)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_found_outside_of_texts_and_brackets() {
        let text = "a | f('|') | g(b | h) ~ '|\\'|' | i";
        let found: Vec<&str> = filters(text).into_iter().map(|at| text[..at].trim()).collect();
        assert_eq!(found, ["a", "a | f('|')", "a | f('|') | g(b | h) ~ '|\\'|'"]);
    }

    #[test]
    fn parts_of_texts_stand_between_delimiters() {
        assert_eq!(parts("a <% x %> b <%y%> <% z", "<%", "%>"), ["x", "y"]);
        assert!(parts("no parts", "{{", "}}").is_empty());
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("a\nb", 3), "a b");
    }
}
