//! What somebody who asks for an approval demands, read from the parameters of the action.

use std::collections::BTreeMap;

use serde_json::Value;

use super::span::span;
use super::who::{Approver, same_person};
use crate::model::JsonMap;

/// Approvers in one list.
const MOST_APPROVERS: usize = 200;
/// Approvals that may be asked for.
const MOST_VOTES: u32 = 100;
/// Escalations of one approval.
const MOST_STEPS: usize = 20;
/// Conversations that are told.
const MOST_CONVERSATIONS: usize = 20;
/// Characters of a title or a reason.
const LONGEST: usize = 4000;

/// Who must agree, how often, and by when. All times are seconds after the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is asked, in a sentence.
    pub title: String,
    /// Why, for those who are to decide.
    pub reason: Option<String>,
    /// Who may approve from the beginning.
    pub by: Vec<Approver>,
    /// How many must approve.
    pub count: u32,
    /// How many of them must be from which group. A person fills one place only.
    pub per_group: BTreeMap<String, u32>,
    /// Whether whoever asked may approve, too.
    pub self_approval: bool,
    /// Whether approvers may name somebody to vote for them.
    pub delegation: bool,
    /// When it is over; `None`: never.
    pub within: Option<i64>,
    /// When those who have not voted are reminded.
    pub remind: Option<i64>,
    /// Who may approve as well from when on.
    pub escalate: Vec<(i64, Vec<Approver>)>,
    /// Conversations that are told besides the one where it was asked: `slack:#ops`, `discord:#ops`.
    pub notify: Vec<String>,
}

impl Terms {
    /// Reads the parameters of `core.approve`.
    ///
    /// # Errors
    /// One sentence: what is wrong and how it is written. Also when the terms could never be met.
    pub fn read(parameters: &JsonMap) -> Result<Self, String> {
        let given = |name: &str| parameters.get(name).filter(|value| !value.is_null());
        let text = |name: &str| -> Result<Option<String>, String> {
            let text = given(name)
                .and_then(Value::as_str)
                .map(str::trim)
                .unwrap_or_default();
            if text.chars().count() > LONGEST {
                return Err(format!("`{name}` has more than {LONGEST} characters"));
            }
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        };
        let flag = |name: &str, otherwise: bool| given(name).and_then(Value::as_bool).unwrap_or(otherwise);
        let time = |name: &str| {
            given(name)
                .map_or(Ok(None), span)
                .map_err(|why| format!("`{name}`: {why}"))
        };
        let terms = Self {
            title: text("title")?.ok_or("`title` is missing: say in a sentence what is to be approved")?,
            reason: text("reason")?,
            by: given("by").map_or(Ok(Vec::new()), |list| approvers("by", list))?,
            count: given("count").map_or(Ok(1), |count| number("count", count))?,
            per_group: per_group(given("per_group"))?,
            self_approval: flag("self_approval", false),
            delegation: flag("delegation", true),
            within: time("within")?,
            remind: time("remind")?,
            escalate: escalations(given("escalate"))?,
            notify: given("notify").map_or(Ok(Vec::new()), conversations)?,
        };
        terms.check()?;
        Ok(terms)
    }

    fn check(&self) -> Result<(), String> {
        let nobody = self.by.is_empty() && self.per_group.is_empty();
        if nobody && self.escalate.is_empty() {
            return Err(
                "nobody could approve: name who may in `by`, as a user's name, group:NAME or role:NAME"
                    .to_owned(),
            );
        }
        if let Some(within) = self.within {
            if self.remind.is_some_and(|remind| remind >= within) {
                return Err(
                    "`remind` comes after the time is over: make it shorter than `within`".to_owned(),
                );
            }
            if self.escalate.iter().any(|(after, _)| *after >= within) {
                return Err(
                    "a step of `escalate` comes after the time is over: make it shorter than `within`"
                        .to_owned(),
                );
            }
        }
        // Where only persons are named it can be counted whether there are enough of them.
        let all = || self.by.iter().chain(self.escalate.iter().flat_map(|(_, to)| to));
        let persons = all().all(|approver| matches!(approver, Approver::Person(_)));
        if persons && self.per_group.is_empty() {
            let mut names: Vec<&str> = Vec::new();
            for approver in all() {
                if let Approver::Person(name) = approver
                    && !names.iter().any(|known| same_person(known, name))
                {
                    names.push(name);
                }
            }
            if (self.count as usize) > names.len() {
                return Err(format!(
                    "{} approvals are asked for, but only {} may give one",
                    self.count,
                    if names.len() == 1 {
                        "one person".to_owned()
                    } else {
                        format!("{} people", names.len())
                    },
                ));
            }
        }
        Ok(())
    }
}

fn number(name: &str, value: &Value) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| (1..=MOST_VOTES).contains(number))
        .ok_or_else(|| format!("`{name}` must be a number from 1 to {MOST_VOTES}"))
}

fn approvers(name: &str, value: &Value) -> Result<Vec<Approver>, String> {
    let items: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        text @ Value::String(_) => vec![text],
        _ => {
            return Err(format!(
                "`{name}` must be a list of users, group:NAME and role:NAME"
            ));
        }
    };
    if items.len() > MOST_APPROVERS {
        return Err(format!(
            "`{name}` has more than {MOST_APPROVERS} entries: name a group"
        ));
    }
    let mut found: Vec<Approver> = Vec::new();
    for item in items {
        let text = item
            .as_str()
            .ok_or_else(|| format!("`{name}` must be a list of users, group:NAME and role:NAME"))?;
        let approver = text.parse().map_err(|why| format!("`{name}`: {why}"))?;
        if !found.contains(&approver) {
            found.push(approver);
        }
    }
    Ok(found)
}

/// Conversations by the names that people give them, `slack:#ops`; whether they exist is seen when they are told.
fn conversations(value: &Value) -> Result<Vec<String>, String> {
    const FORM: &str = "`notify` must be a list of conversations such as [\"slack:#ops\", \"discord:#ops\"]";
    let items: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        text @ Value::String(_) => vec![text],
        _ => return Err(FORM.to_owned()),
    };
    if items.len() > MOST_CONVERSATIONS {
        return Err(format!(
            "`notify` has more than {MOST_CONVERSATIONS} conversations"
        ));
    }
    let mut found: Vec<String> = Vec::new();
    for item in items {
        let text = item.as_str().map(str::trim).ok_or(FORM)?;
        let (gateway, conversation) = text.rsplit_once(':').ok_or(FORM)?;
        let is_clean = !text.chars().any(char::is_control) && text.chars().count() <= 200;
        if gateway.is_empty() || conversation.is_empty() || !is_clean {
            return Err(FORM.to_owned());
        }
        if !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    }
    Ok(found)
}

fn per_group(value: Option<&Value>) -> Result<BTreeMap<String, u32>, String> {
    let Some(value) = value else {
        return Ok(BTreeMap::new());
    };
    let map = value
        .as_object()
        .ok_or("`per_group` must be an object such as {oncall: 1, security: 1}")?;
    let mut found = BTreeMap::new();
    for (name, count) in map {
        let group = match name.parse::<Approver>() {
            Ok(Approver::Person(name) | Approver::Group(name) | Approver::Role(name)) => name,
            Err(why) => return Err(format!("`per_group`: {why}")),
        };
        found.insert(group, number("per_group", count)?);
    }
    if found.values().sum::<u32>() > MOST_VOTES {
        return Err(format!("`per_group` asks for more than {MOST_VOTES} approvals"));
    }
    Ok(found)
}

fn escalations(value: Option<&Value>) -> Result<Vec<(i64, Vec<Approver>)>, String> {
    const FORM: &str = "`escalate` must be a list such as [{after: 30m, to: [group:leads]}]";
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let items = value.as_array().ok_or(FORM)?;
    if items.len() > MOST_STEPS {
        return Err(format!("`escalate` has more than {MOST_STEPS} steps"));
    }
    let mut steps = Vec::new();
    for item in items {
        let item = item.as_object().ok_or(FORM)?;
        if let Some(unknown) = item.keys().find(|key| !["after", "to"].contains(&key.as_str())) {
            return Err(format!("`escalate`: `{unknown}` is not known. {FORM}"));
        }
        let after = span(item.get("after").unwrap_or(&Value::Null))
            .map_err(|why| format!("`escalate`: {why}"))?
            .ok_or(FORM)?;
        let to = approvers("escalate", item.get("to").ok_or(FORM)?)?;
        if to.is_empty() {
            return Err(FORM.to_owned());
        }
        steps.push((after, to));
    }
    steps.sort_by_key(|(after, _)| *after);
    Ok(steps)
}
