//! Checks that look from an alias to its action.

use std::sync::Arc;

use super::aliases;
use super::checks::Checks;
use super::fields::{self, whole};
use super::nearest::nearest;
use super::source::Source;
use crate::alias::Definition;
use crate::model::{Action, Problem, Severity};

/// What is known about the action of an alias.
pub(super) enum Target<'a> {
    /// It is there.
    Known(&'a Arc<Action>),
    /// It is in a pack that is not at hand.
    Elsewhere,
    /// There is none.
    Missing,
}

/// Names of all parameters that an action takes: its own and its runner's, immutable ones left out.
pub(super) fn declared(action: &Action, checks: &Checks) -> Vec<String> {
    let immutable = |name: &str| {
        action
            .parameters
            .get(name)
            .and_then(|schema| schema.get("immutable"))
            == Some(&true.into())
    };
    let runner = checks.runners.get(&action.runner_type).into_iter().flatten();
    let mut names: Vec<String> = action.parameters.keys().chain(runner).cloned().collect();
    names.retain(|name| !immutable(name));
    names.sort();
    names.dedup();
    names
}

/// Warnings about an alias of `source`, whose files are shown below `folder`.
pub(super) fn alias<'a>(
    alias: &Definition,
    source: &Source,
    folder: &str,
    checks: &Checks,
    target: &impl Fn(&str) -> Target<'a>,
    names: &[&str],
) -> Vec<Problem> {
    let found = match target(&alias.action_ref) {
        Target::Elsewhere => Vec::new(),
        Target::Missing => {
            let message = format!(
                "the alias runs `{}`, but there is no such action",
                alias.action_ref
            );
            let hint = match nearest(&alias.action_ref, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "write the action as `pack.name`".into(),
            };
            vec![("/action_ref".to_owned(), message, hint)]
        }
        Target::Known(action) => unknown_parameters(alias, action, checks),
    };
    if found.is_empty() {
        return Vec::new();
    }
    // Positions are rarely wanted, so they are not kept: the file is read once more.
    let file = alias.metadata_file.rsplit_once('/').map_or("", |(_, name)| name);
    let relative = if folder.is_empty() {
        file
    } else {
        alias.metadata_file.as_str()
    };
    let shown = if folder.is_empty() {
        alias.metadata_file.clone()
    } else {
        format!("{folder}/{relative}")
    };
    match fields::read(source, relative, &shown, false) {
        Ok((mut meta, _)) => {
            for (path, message, hint) in found {
                meta.warning(&path, message, hint);
            }
            meta.problems
        }
        Err(_) => found
            .into_iter()
            .map(|(_, message, hint)| whole(Severity::Warning, &shown, message, hint))
            .collect(),
    }
}

fn unknown_parameters(alias: &Definition, action: &Action, checks: &Checks) -> Vec<(String, String, String)> {
    // Without runners, their parameters are unknown as well.
    if checks.runners.is_empty() {
        return Vec::new();
    }
    let known = declared(action, checks);
    if aliases::sets_only(alias, &known) {
        return Vec::new();
    }
    let mut found: Vec<(String, String, String)> = Vec::new();
    for (path, parameter) in aliases::parameters(alias) {
        if known.contains(&parameter)
            || found
                .iter()
                .any(|(_, message, _)| message.contains(&format!("`{parameter}`")))
        {
            continue;
        }
        let message = format!(
            "`{parameter}` is no parameter of {} that can be set",
            action.reference
        );
        let hint = match nearest(&parameter, known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("parameters: {}", known.join(", ")),
        };
        found.push((path, message, hint));
    }
    found
}
