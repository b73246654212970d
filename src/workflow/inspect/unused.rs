//! Variables that are set and never read.
//!
//! A name counts as read when any text with an expression contains it as a word, so forms that inspection cannot
//! follow (`ctx().get(x)`, blocks, names made at run time) tell nothing wrong.

use std::collections::HashSet;
use std::sync::Arc;

use super::advice::has_expression;
use super::{Category, Finding};
use crate::workflow::definition::{Assignment, Document, Workflow, entries, list};
use crate::yaml::{Kind, Node};

/// Findings about variables that nobody reads.
pub(super) fn inspect(
    document: &Document,
    workflow: &Workflow,
    given: &[Arc<str>],
    findings: &mut Vec<Finding>,
) {
    let mut words = Words::default();
    words.of(document.root());
    if words.everything {
        return;
    }
    let mut tell = |one: &Assignment, path: String| {
        if words.read.contains(&*one.name) || given.contains(&one.name) {
            return;
        }
        let mut finding = Finding::new(
            Category::Advice,
            format!("The variable \"{}\" is never read.", one.name),
        );
        finding.spec_path = Some(path);
        finding.at = one.at;
        finding.hint = "remove it, or read it as <% ctx().name %>".replace("name", &one.name);
        findings.push(finding);
    };
    for (index, one) in workflow.vars.iter().enumerate() {
        tell(one, format!("vars[{index}]"));
    }
    for task in workflow.tasks.values() {
        for next in &task.next {
            for (index, one) in next.publish.iter().enumerate() {
                tell(
                    one,
                    format!("{}.next[{}].publish[{index}]", task.path(), next.index),
                );
            }
        }
    }
}

/// Words in texts with expressions.
#[derive(Default)]
struct Words<'d> {
    read: HashSet<&'d str>,
    /// Whether all variables are read at once.
    everything: bool,
}

impl<'d> Words<'d> {
    fn of(&mut self, node: &'d Node) {
        if let Kind::Text(text) = &node.kind {
            self.text(text);
        }
        list(node).iter().for_each(|item| self.of(item));
        for entry in entries(node) {
            self.text(&entry.key);
            self.of(&entry.value);
        }
    }

    fn text(&mut self, text: &'d str) {
        if !has_expression(text) {
            return;
        }
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        self.read.extend(text.split(|c| !word(c)));
        self.read.extend(text.split(|c| !word(c) || c == '-'));
        self.everything |= text.match_indices("ctx()").any(|(at, all)| {
            let rest = text[at + all.len()..].trim_start();
            !rest.starts_with(['.', '['])
        });
    }
}
