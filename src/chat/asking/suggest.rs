//! Suggestions while somebody types.

use std::collections::HashSet;

use serde_json::Value;

use crate::answers;
use crate::chat::builtin;
use crate::chat::forms::Somebody;
use crate::chat::hub::Hub;
use crate::chat::say::readable;
use crate::model::{Action, Execution, Identity, Status};
use crate::runners::{APPROVAL, INQUIRER};
use crate::store::{ExecutionFilter, Page, StoreError};

/// Suggestions at once: what platforms show.
const MOST: usize = 25;
/// Executions that are looked through for earlier values.
const LOOKED_AT: u32 = 100;
/// Longest label, in characters.
const LABEL: usize = 80;

/// A value that a parameter may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The value.
    pub value: String,
    /// What people read; at most 80 characters.
    pub label: String,
}

impl Suggestion {
    fn plain(value: String) -> Self {
        let label = value.chars().take(LABEL).collect();
        Self { value, label }
    }
}

impl Hub {
    /// Values that a parameter of a command may take and that begin like, or contain, what was typed; the likeliest
    /// first, at most 25. Nobody gets suggestions for what they may not say, nor for secrets.
    pub async fn suggest(&self, by: &Somebody, alias: &str, parameter: &str, typed: &str) -> Vec<Suggestion> {
        let Ok(identity) = self.identity_of(by).await else {
            return Vec::new();
        };
        let book = self.desk().shelf.current();
        let action = book.alias(alias).and_then(|alias| book.action(&alias.action));
        let Some(action) = action.filter(|action| {
            self.desk()
                .authority
                .could_say(&identity, alias, action, Some(&by.place))
        }) else {
            return Vec::new();
        };
        let found = self.values(&identity, &action, parameter).await;
        fitting(
            found.unwrap_or_else(|error| {
                tracing::warn!("suggestions cannot be read: {error}");
                Vec::new()
            }),
            typed,
        )
    }

    async fn values(
        &self,
        identity: &Identity,
        action: &Action,
        parameter: &str,
    ) -> Result<Vec<Suggestion>, StoreError> {
        let schema = action.parameters.get(parameter).unwrap_or(&Value::Null);
        if schema["secret"] == true {
            return Ok(Vec::new());
        }
        if let Some(choices) = schema["enum"].as_array() {
            return Ok(choices.iter().map(readable).map(Suggestion::plain).collect());
        }
        if schema["type"] == "boolean" {
            return Ok(["true", "false"]
                .map(|word| Suggestion::plain(word.to_owned()))
                .into());
        }
        if action.runner_type == builtin::RUNNER {
            return match parameter {
                "id" => self.ids(&action.entry_point).await,
                _ => Ok(Vec::new()),
            };
        }
        self.earlier(identity, action, parameter).await
    }

    /// Executions that a command of ours may be about.
    async fn ids(&self, command: &str) -> Result<Vec<Suggestion>, StoreError> {
        let engine = &self.desk().engine;
        let page = Page {
            limit: Some(LOOKED_AT),
            ..Page::default()
        };
        let waiting = match command {
            "approve" | "deny" | "approvals" | "delegate" => Some(APPROVAL),
            "answer" | "inquiries" => Some(INQUIRER),
            _ => None,
        };
        if let Some(runner) = waiting {
            let (found, _) = answers::list(engine, runner, false, page).await?;
            return Ok(found.iter().map(|execution| about(execution)).collect());
        }
        let status = match command {
            "cancel" => Status::ALL
                .into_iter()
                .filter(|status| !status.is_completed())
                .collect(),
            _ => Vec::new(),
        };
        let filter = ExecutionFilter {
            status,
            top_level: true,
            without_builtin: true,
            ..ExecutionFilter::default()
        };
        let found = engine.store().executions(filter, page).await?;
        Ok(found.items.iter().map(about).collect())
    }

    /// What the parameter was when this person ran the action before.
    async fn earlier(
        &self,
        identity: &Identity,
        action: &Action,
        parameter: &str,
    ) -> Result<Vec<Suggestion>, StoreError> {
        let engine = &self.desk().engine;
        let filter = ExecutionFilter {
            action: vec![action.reference.clone()],
            user: vec![identity.user.clone()],
            ..ExecutionFilter::default()
        };
        let page = Page {
            limit: Some(LOOKED_AT),
            ..Page::default()
        };
        let found = engine.store().executions(filter, page).await?;
        let mut seen = HashSet::new();
        let values = found.items.iter().filter_map(|execution| {
            let shown = engine.shown(execution, false);
            let value = shown.parameters.get(parameter).map(readable)?;
            (!value.is_empty() && seen.insert(value.clone())).then(|| Suggestion::plain(value))
        });
        Ok(values.collect())
    }
}

fn about(execution: &Execution) -> Suggestion {
    let id = execution.id.to_string();
    let request = &execution.request;
    let what = request.origin.text.as_deref().unwrap_or(&request.action);
    let label = format!("{} · {} · {what}", &id[id.len() - 6..], request.user);
    Suggestion {
        label: label.chars().take(LABEL).collect(),
        value: id,
    }
}

/// Those that fit what was typed: first those that begin with it.
fn fitting(found: Vec<Suggestion>, typed: &str) -> Vec<Suggestion> {
    let typed = typed.trim().to_lowercase();
    let rank = |one: &Suggestion| {
        let (value, label) = (one.value.to_lowercase(), one.label.to_lowercase());
        match () {
            () if value.starts_with(&typed) => Some(0),
            () if value.contains(&typed) || label.contains(&typed) => Some(1),
            () => None,
        }
    };
    let mut ranked: Vec<(u8, Suggestion)> = found
        .into_iter()
        .filter_map(|one| Some((rank(&one)?, one)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().take(MOST).map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_the_typed_comes_first() {
        let all = ["reprod", "Prod", "staging"].map(|text| Suggestion::plain(text.to_owned()));
        let got = fitting(all.to_vec(), "pro");
        let values: Vec<&str> = got.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(values, ["Prod", "reprod"]);
        assert_eq!(fitting(all.to_vec(), "").len(), 3);
    }
}
