//! The way from a criterion's key to a value: `trigger.body.alerts[*].labels.host`.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::expr::jsonpath::{JsonPath, Step};
use crate::expr::value::{Value, to_json};

use super::facts::Facts;

/// Longest key, in bytes.
const MAX_KEY: usize = 4096;

/// Where a criterion looks. Read once.
#[derive(Clone, Debug)]
pub struct FactPath {
    text: String,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    /// One place at most, below a root.
    Straight(Root, Vec<Step>),
    /// Whatever else `JSONPath` can say; of several places the first counts.
    Winding(JsonPath),
}

/// The first word of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// `trigger` or, inside `search`, `item`.
    Payload,
    /// `system`: keys of the datastore.
    System,
    /// Anything else: there is nothing.
    Nothing,
}

/// What the payload is called in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// In criteria of a rule.
    Trigger,
    /// In the criteria of a `search`.
    Item,
}

impl Prefix {
    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Item => "item",
        }
    }
}

impl PartialEq for FactPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl FactPath {
    /// Reads a key. What follows a `#` tells keys of one path apart and means nothing else.
    ///
    /// # Errors
    /// What cannot be read, and where.
    pub fn new(key: &str, prefix: Prefix) -> Result<Self, String> {
        if key.len() > MAX_KEY {
            return Err(format!("a key has at most {MAX_KEY} bytes"));
        }
        let text = key.split('#').next().unwrap_or_default().trim();
        let path = JsonPath::new(text).map_err(|error| error.message)?;
        let way = match path.steps() {
            Some(mut steps) if !steps.is_empty() => {
                let root = match &steps[0] {
                    Step::Member(name) if name == prefix.word() => Root::Payload,
                    Step::Member(name) if name == "system" => Root::System,
                    _ => Root::Nothing,
                };
                steps.remove(0);
                Way::Straight(root, steps)
            }
            _ => Way::Winding(path),
        };
        Ok(Self {
            text: text.to_owned(),
            way,
        })
    }

    /// As it was written, without what follows a `#`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the key can never find anything: its first word is none that has values.
    #[must_use]
    pub const fn is_nowhere(&self) -> bool {
        matches!(self.way, Way::Straight(Root::Nothing, _))
    }

    /// The steps below the payload when the path leads to one place of it at most.
    #[must_use]
    pub fn straight(&self) -> Option<&[Step]> {
        match &self.way {
            Way::Straight(Root::Payload, steps) => Some(steps),
            _ => None,
        }
    }

    /// The value at the path, the first one of several; `None` where there is nothing.
    ///
    /// # Errors
    /// An index of what has none, or too much work.
    pub(super) fn find<'f>(&self, facts: &'f Facts<'_>) -> Result<Option<Cow<'f, Json>>, String> {
        match &self.way {
            Way::Straight(Root::Payload, steps) => Ok(walk(facts.payload(), steps)?.map(Cow::Borrowed)),
            Way::Straight(Root::System, steps) => {
                let names: Option<Vec<&str>> = steps
                    .iter()
                    .map(|step| match step {
                        Step::Member(name) => Some(name.as_str()),
                        Step::Item(_) => None,
                    })
                    .collect();
                let text = names.and_then(|names| facts.system_key(&names.join(".")));
                Ok(text.map(|text| Cow::Owned(Json::String(text))))
            }
            Way::Straight(Root::Nothing, _) => Ok(None),
            Way::Winding(path) => {
                let found = path.find(facts.whole()).map_err(|error| error.message)?;
                found.first().map(json).transpose()
            }
        }
    }
}

fn json<'f>(value: &Value) -> Result<Cow<'f, Json>, String> {
    to_json(value).map(Cow::Owned).map_err(|error| error.to_string())
}

/// The value that straight steps lead to.
pub(super) fn walk<'v>(from: &'v Json, steps: &[Step]) -> Result<Option<&'v Json>, String> {
    let mut at = from;
    for step in steps {
        let next = match (step, at) {
            (Step::Member(name), Json::Object(map)) => map.get(name),
            (Step::Member(_), _) => None,
            (Step::Item(index), Json::Array(items)) => {
                let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let place = if *index < 0 { index + len } else { *index };
                match usize::try_from(place) {
                    Ok(place) => items.get(place),
                    Err(_) => return Err(format!("[{index}] is before the first item")),
                }
            }
            (Step::Item(index), other) => {
                let what = crate::yaml::reader::describe(other);
                return Err(format!("[{index}] needs a list, but there is {what}"));
            }
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}
