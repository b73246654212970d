//! One criterion: where it looks, what it compares with, and whether an event meets it.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::facts::Facts;
use super::operator::{Operator, Prepared, shown};
use super::path::FactPath;
use crate::expr::jinja::{Undefined, is_template};
use crate::expr::jsonpath::Step;

/// Most checks that one `search` may take: items times criteria.
const MAX_SEARCH: usize = 100_000;

/// What must be true of one value of an event.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// The key as it was written, `trigger.body.state#2`.
    pub key: String,
    /// Where it looks.
    pub path: FactPath,
    /// How it compares.
    pub operator: Operator,
    /// What it compares with.
    pub(super) pattern: Pattern,
}

/// What a criterion compares with.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// A value that is the same for every event.
    Fixed(Json, Prepared),
    /// A template, rendered per event.
    Template {
        source: String,
        /// The same, made so that it renders the value as JSON: for texts that are one expression.
        typed: Option<String>,
    },
    /// The criteria of a `search`.
    Search(Condition, Vec<Criterion>),
}

/// How many items of a list must meet how many criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Some item meets all.
    Any,
    /// Every item meets all.
    All,
    /// Some item meets some.
    Any2Any,
    /// Every item meets some.
    All2Any,
}

/// The conditions of `search` by name.
pub const CONDITIONS: [(&str, Condition); 4] = [
    ("any", Condition::Any),
    ("all", Condition::All),
    ("any2any", Condition::Any2Any),
    ("all2any", Condition::All2Any),
];

/// What a criterion found.
#[derive(Debug)]
pub(super) struct Checked<'f> {
    /// The value at the path, if there is one.
    pub(super) value: Option<Cow<'f, Json>>,
    /// The pattern, rendered; `None` where it could not be.
    pub(super) pattern: Option<Cow<'f, Json>>,
    /// Whether they match, or why that cannot be said.
    pub(super) matched: Result<bool, String>,
    /// What is worth saying about a `search`.
    pub(super) note: Option<String>,
}

static NOTHING: Json = Json::Null;

impl Pattern {
    /// A pattern as it was written.
    pub(super) fn new(operator: Operator, value: &Json) -> Result<Self, String> {
        if let Json::String(source) = value
            && is_template(source)
        {
            return Ok(Self::Template {
                typed: typed(source),
                source: source.clone(),
            });
        }
        Ok(Self::Fixed(value.clone(), operator.prepare(value)?))
    }
}

/// For a text that is one expression: a template that renders its value as JSON.
fn typed(source: &str) -> Option<String> {
    let inner = source.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    if inner.contains("{{") || inner.contains("{%") || inner.contains("{#") || inner.contains("}}") {
        return None;
    }
    // `{{-` and `-}}` are about blanks around; ` -5` is a number.
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner).trim();
    (!inner.is_empty()).then(|| format!("{{{{ ({inner}) | to_complex }}}}"))
}

impl Criterion {
    /// The values of which the path must have one, when that can be told from the rule alone.
    pub(super) fn fixed(&self) -> Option<&[Json]> {
        match (&self.pattern, self.operator) {
            (Pattern::Fixed(value, _), Operator::Equals) if !value.is_null() => {
                Some(std::slice::from_ref(value))
            }
            (Pattern::Fixed(Json::Array(values), _), Operator::Inside) => Some(values),
            _ => None,
        }
    }

    /// Whether it takes next to nothing to judge and cannot fail.
    pub(super) fn is_cheap(&self) -> bool {
        let members = |step: &Step| matches!(step, Step::Member(_));
        self.fixed().is_some()
            && self
                .path
                .straight()
                .is_some_and(|steps| steps.iter().all(members))
    }

    /// Whether an event meets it. Only what is needed is done.
    pub(super) fn meets(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let value = self.path.find(facts)?;
        let value = value.as_deref().unwrap_or(&NOTHING);
        match &self.pattern {
            Pattern::Fixed(pattern, prepared) => self.operator.check(value, pattern, prepared, facts.now),
            Pattern::Template { source, typed } => {
                let pattern = render(source, typed.as_deref(), facts)?;
                self.operator
                    .check(value, &pattern, &Prepared::Nothing, facts.now)
            }
            Pattern::Search(condition, children) => {
                let (matched, _) = search(value, *condition, children, facts)?;
                Ok(matched)
            }
        }
    }

    /// As [`Criterion::meets`], with everything that was seen on the way.
    pub(super) fn check<'f>(&'f self, facts: &'f Facts<'f>) -> Checked<'f> {
        let mut checked = Checked {
            value: None,
            pattern: None,
            matched: Ok(false),
            note: None,
        };
        match &self.pattern {
            Pattern::Fixed(pattern, _) => checked.pattern = Some(Cow::Borrowed(pattern)),
            Pattern::Template { source, typed } => match render(source, typed.as_deref(), facts) {
                Ok(pattern) => checked.pattern = Some(Cow::Owned(pattern)),
                Err(why) => checked.matched = Err(why),
            },
            Pattern::Search(..) => {}
        }
        match self.path.find(facts) {
            Ok(value) => checked.value = value,
            Err(why) => {
                checked.matched = Err(why);
                return checked;
            }
        }
        if checked.matched.is_err() {
            return checked;
        }
        let value = checked.value.as_deref().unwrap_or(&NOTHING);
        checked.matched = match (&self.pattern, &checked.pattern) {
            (Pattern::Search(condition, children), _) => {
                search(value, *condition, children, facts).map(|(matched, note)| {
                    checked.note = Some(note);
                    matched
                })
            }
            (Pattern::Fixed(pattern, prepared), _) => {
                self.operator.check(value, pattern, prepared, facts.now)
            }
            (Pattern::Template { .. }, Some(pattern)) => {
                self.operator.check(value, pattern, &Prepared::Nothing, facts.now)
            }
            (Pattern::Template { .. }, None) => Ok(false),
        };
        checked
    }
}

/// A text that is one expression keeps the type of its value; any other becomes text.
fn render(source: &str, typed: Option<&str>, facts: &Facts<'_>) -> Result<Json, String> {
    let render = |template: &str| {
        facts
            .jinja
            .render(template, facts.context(), Undefined::Strict)
            .map_err(|error| format!("the pattern cannot be rendered: {error}"))
    };
    if let Some(text) = typed.and_then(|typed| render(typed).ok())
        && let Ok(value) = serde_json::from_str(&text)
    {
        return Ok(value);
    }
    // Keys of the datastore are no JSON, but have a text.
    render(source).map(Json::String)
}

/// Whether so many items meet so many criteria, and how many do.
fn search(
    value: &Json,
    condition: Condition,
    children: &[Criterion],
    facts: &Facts<'_>,
) -> Result<(bool, String), String> {
    let items = match value {
        Json::Array(items) => items.as_slice(),
        Json::Object(_) => std::slice::from_ref(value),
        other => return Err(format!("`search` needs a list, but there is {}", shown(other))),
    };
    if items.len().saturating_mul(children.len().max(1)) > MAX_SEARCH {
        return Err(format!(
            "the list is too long to be searched: at most {MAX_SEARCH} checks are made"
        ));
    }
    let (mut met, mut failed) = (0, None);
    for item in items {
        if !item.is_object() {
            return Err(format!(
                "`search` needs a list of maps, but an item is {}",
                shown(item)
            ));
        }
        let inner = facts.of_item(item);
        // A criterion that fails for an item is not met by it; other items are not to blame for that.
        let mut results = Vec::with_capacity(children.len());
        for child in children {
            results.push(child.meets(&inner).unwrap_or_else(|why| {
                failed.get_or_insert_with(|| format!("{}: {why}", child.key));
                false
            }));
        }
        let meets = match condition {
            Condition::Any | Condition::All => results.iter().all(|met| *met),
            Condition::Any2Any | Condition::All2Any => results.iter().any(|met| *met),
        };
        met += usize::from(meets);
    }
    let matched = match condition {
        Condition::Any | Condition::Any2Any => met > 0,
        Condition::All | Condition::All2Any => met == items.len(),
    };
    // Where nothing else decided, what could not be judged is worth knowing.
    if !matched && let Some(why) = failed {
        return Err(why);
    }
    let what = match condition {
        Condition::Any | Condition::All => "all",
        Condition::Any2Any | Condition::All2Any => "some",
    };
    let note = format!(
        "{met} of {} items meet {what} of {} criteria",
        items.len(),
        children.len()
    );
    Ok((matched, note))
}
