//! What works, but probably not as meant. The reference says nothing about these.

use std::collections::HashSet;
use std::sync::Arc;

use super::place::point;
use super::{Category, Finding};
use crate::expr::value::Value;
use crate::workflow::definition::{
    Assignment, Command, Document, Inline, Input, Join, Position, Task, Transition, Workflow, entry, get,
};
use crate::workflow::graph::Graph;

/// Variables that the application sets for every workflow.
const GIVEN: [&str; 2] = ["st2", "parent"];

/// All advice that needs no look at expressions' variables.
pub(super) fn inspect(document: &Document, workflow: &Workflow, graph: &Graph, findings: &mut Vec<Finding>) {
    let mut advice = Advice { document, findings };
    for remark in document.remarks() {
        let mut finding = Finding::new(Category::Advice, remark.message.clone());
        finding.at = remark.at;
        finding.hint.clone_from(&remark.hint);
        advice.findings.push(finding);
    }
    advice.names(&workflow.input, &workflow.vars);
    for name in graph.unreached() {
        if !graph.roots().is_empty() {
            advice.tell(
                format!("tasks.{name}"),
                format!("The task \"{name}\" is never reached."),
                "name it in `do` of a task that is reached, or remove it".to_owned(),
            );
        }
    }
    for task in workflow.tasks.values() {
        advice.task(task);
        if let (Some(Join::Count(count)), Some(node)) = (task.join, graph.find(&task.name)) {
            let sources = graph.sources(node);
            if usize::try_from(count).is_ok_and(|count| count > sources) {
                advice.tell(
                    format!("{}.join", task.path()),
                    format!("The join waits for {count} tasks, but only {sources} lead to it."),
                    "it can never start: lower the number, or write `join: all`".to_owned(),
                );
            }
        }
    }
}

struct Advice<'d, 'f> {
    document: &'d Document,
    findings: &'f mut Vec<Finding>,
}

impl Advice<'_, '_> {
    fn tell(&mut self, path: String, message: String, hint: String) {
        let at = self.document.locate(&path);
        self.tell_at(at, path, message, hint);
    }

    fn tell_at(&mut self, at: Position, path: String, message: String, hint: String) {
        let mut finding = Finding::new(Category::Advice, message);
        finding.at = at;
        finding.spec_path = Some(path);
        finding.hint = hint;
        self.findings.push(finding);
    }

    /// Names of inputs and variables that take away each other or what is given.
    fn names(&mut self, input: &[Input], vars: &[Assignment]) {
        let inputs = input
            .iter()
            .enumerate()
            .map(|(index, one)| ("input", index, &one.name, one.at));
        let vars = vars
            .iter()
            .enumerate()
            .map(|(index, one)| ("vars", index, &one.name, one.at));
        let mut known: HashSet<&Arc<str>> = HashSet::new();
        for (part, index, name, at) in inputs.chain(vars) {
            let path = format!("{part}[{index}]");
            if GIVEN.contains(&&**name) {
                let message = format!("\"{name}\" takes the place of a variable that every workflow has.");
                self.tell_at(at, path, message, "give it another name".to_owned());
            } else if !known.insert(name) {
                let message = format!("\"{name}\" takes the place of an input or variable of the same name.");
                self.tell_at(at, path, message, "give one of them another name".to_owned());
            }
        }
    }

    fn task(&mut self, task: &Task) {
        let path = task.path();
        self.action(task, &path);
        if let Some(with) = &task.with
            && with.items.text.is_empty()
        {
            self.tell_at(
                with.at,
                format!("{path}.with"),
                "There is nothing to repeat over.".to_owned(),
                "add `items: <% … %>`".to_owned(),
            );
        }
        let mut numbers = vec![("delay", task.delay.as_ref())];
        if let Some(retry) = &task.retry {
            numbers.extend([
                ("retry.count", retry.count.as_ref()),
                ("retry.delay", retry.delay.as_ref()),
            ]);
        }
        if let Some(with) = &task.with {
            numbers.push(("with.concurrency", with.concurrency.as_ref()));
        }
        for (name, value) in numbers {
            if let Some(Value::Str(text)) = value
                && !has_expression(text)
                && !text.is_empty()
            {
                self.tell(
                    format!("{path}.{name}"),
                    format!("\"{text}\" is no number: the workflow will fail here."),
                    "write a whole number without quotes, or an expression that gives one".to_owned(),
                );
            }
        }
        for next in &task.next {
            self.transition(next, &format!("{path}.next[{}]", next.index));
        }
    }

    fn action(&mut self, task: &Task, path: &str) {
        let Some(action) = &task.action else { return };
        let part = format!("{path}.action");
        let inline = task.inline.clone().unwrap_or_else(|| Inline::read(action));
        if inline.text.contains(' ') && !action.starts_with("<%") && !action.starts_with("{{") {
            self.ignored(&inline, &part);
        }
        let body = self.document.part(path);
        if task.inline.is_some() && get(body, "input").is_some() {
            let at = entry(body, "input").map_or(task.at, |input| input.at);
            self.tell_at(
                at,
                format!("{path}.input"),
                "`input` is not used: the parameters in `action` are the whole input.".to_owned(),
                "write all parameters in one of the two places".to_owned(),
            );
        }
    }

    fn ignored(&mut self, inline: &Inline, path: &str) {
        for part in inline.ignored() {
            let name = part.split('=').next().unwrap_or_default();
            let mut finding = Finding::new(
                Category::Advice,
                format!("`{part}` is no parameter: it is ignored, or only partly used."),
            );
            finding.hint = format!("put the value in quotes: {name}=\"…\"");
            finding.spec_path = Some(path.to_owned());
            point(self.document, &mut finding, Some(&inline.text), &[part]);
            self.findings.push(finding);
        }
    }

    fn transition(&mut self, next: &Transition, path: &str) {
        if let Some(when) = &next.when
            && !has_expression(when)
        {
            self.tell(
                format!("{path}.when"),
                "The condition has no expression, so it always holds.".to_owned(),
                "write <% … %> or {{ … }} around it".to_owned(),
            );
        }
        if let Some(inline) = &next.inline {
            let part = format!("{path}.publish");
            if inline.parameters.is_empty() {
                let message = "Nothing is published: there is no `name=value` here.".to_owned();
                let hint = "write name=\"…\" with quotes, or a list of `- name: value`".to_owned();
                self.tell(part, message, hint);
            } else {
                self.ignored(inline, &part);
            }
        }
        let mut known = HashSet::new();
        for (index, one) in next.publish.iter().enumerate() {
            let path = format!("{path}.publish[{index}]");
            if GIVEN.contains(&&*one.name) {
                let message = format!(
                    "\"{}\" takes the place of a variable that every workflow has.",
                    one.name
                );
                self.tell_at(one.at, path, message, "give it another name".to_owned());
            } else if !known.insert(&one.name) {
                let message = format!("\"{}\" is published twice: the last value counts.", one.name);
                self.tell_at(
                    one.at,
                    path,
                    message,
                    "remove one of them, or give it another name".to_owned(),
                );
            }
        }
        let retries = next
            .targets
            .iter()
            .any(|target| Command::named(target) == Some(Command::Retry));
        if retries && !next.publish.is_empty() && next.targets.len() == 1 {
            self.tell(
                format!("{path}.publish"),
                "Nothing is published when the task is retried.".to_owned(),
                "publish in another transition".to_owned(),
            );
        }
    }
}

/// Whether a text has, or seems to have, an expression.
pub(super) fn has_expression(text: &str) -> bool {
    ["<%", "{{", "{%"].iter().any(|open| text.contains(open))
}
