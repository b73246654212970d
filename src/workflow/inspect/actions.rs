//! Do the actions exist that tasks name, and do they take these parameters?
//!
//! Only references that are written out are looked up; what an expression gives is known at run time only. Messages
//! and paths are those that the reference's server tells when it starts a workflow.

use super::place::{TASK, point};
use super::{Category, Finding};
use crate::expr::value::Value;
use crate::workflow::definition::{Document, Task, Workflow, get};
use crate::workflow::words::{list_of_names, suggestion};

/// Knows actions.
pub trait Actions {
    /// The parameters of an action; `None` when there is no such action.
    fn find(&self, reference: &str) -> Option<ActionShape>;

    /// The reference nearest to one that does not exist.
    fn nearest(&self, _reference: &str) -> Option<String> {
        None
    }

    /// Whether [`Actions::find`] would know the action if it existed. Others may well exist, so nothing is said of them.
    fn is_in_sight(&self, _reference: &str) -> bool {
        true
    }
}

/// The parameters of an action, those of its runner included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionShape {
    /// Names of all parameters.
    pub parameters: Vec<String>,
    /// Names of those that must be given: required and without default.
    pub required: Vec<String>,
}

/// All findings about actions.
pub(super) fn inspect(
    document: &Document,
    workflow: &Workflow,
    actions: &dyn Actions,
    findings: &mut Vec<Finding>,
) {
    for task in workflow.tasks.values() {
        let Some(reference) = task.action.as_deref() else {
            continue;
        };
        if super::advice::has_expression(reference) {
            continue;
        }
        let mut report = |part: &str, needle: &str, message: String, hint: String| {
            let mut finding = Finding::new(Category::Content, message);
            finding.spec_path = Some(format!("{}.{part}", task.path()));
            finding.schema_path = Some(format!("{TASK}.properties.{part}"));
            point(document, &mut finding, None, &[needle]);
            if needle == part && get(document.part(&task.path()), part).is_none() {
                // Another task's would be found: what is missing here is told where the action stands.
                finding.at = document.locate(&format!("{}.action", task.path()));
            }
            finding.hint = hint;
            findings.push(finding);
        };
        let is_reference = reference.split_once('.').is_some_and(|(pack, name)| {
            !pack.is_empty() && !name.is_empty() && !reference.contains(char::is_whitespace)
        });
        if !is_reference {
            let message = format!("The action reference \"{reference}\" is not formatted correctly.");
            report("action", reference, message, "write it as pack.action".to_owned());
            continue;
        }
        let Some(shape) = actions.find(reference) else {
            if !actions.is_in_sight(reference) {
                continue;
            }
            let hint = match actions.nearest(reference) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "install its pack".to_owned(),
            };
            let message = format!("The action \"{reference}\" is not registered in the database.");
            report("action", reference, message, hint);
            continue;
        };
        let Some(given) = names_given(task) else { continue };
        for name in shape.required.iter().filter(|name| !given.contains(name)) {
            let message = format!("Action \"{reference}\" is missing required input \"{name}\".");
            report("input", "input", message, format!("add `{name}` to `input`"));
        }
        for name in given.iter().filter(|name| !shape.parameters.contains(name)) {
            let known = || shape.parameters.iter().map(String::as_str);
            let hint = match suggestion(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its parameters: {}", list_of_names(known())),
            };
            let message = format!("Action \"{reference}\" has unexpected input \"{name}\".");
            report("input", name, message, hint);
        }
    }
}

/// Names of the parameters that a task gives; `None` when an expression decides.
fn names_given(task: &Task) -> Option<Vec<String>> {
    let Value::Dict(input) = &task.input else {
        return None;
    };
    let names = input
        .iter()
        .map(|(key, _)| key.as_str().map(str::to_owned))
        .collect::<Option<Vec<_>>>()?;
    (!names.iter().any(|name| super::advice::has_expression(name))).then_some(names)
}
