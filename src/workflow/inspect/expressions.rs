//! Can every expression be read? Texts are looked at wherever the language evaluates them.

use super::place::{TASK, point};
use super::{Category, Finding};
use crate::expr::template::Evaluator;
use crate::expr::value::Value;
use crate::workflow::definition::{Assignment, Document, Workflow, entries, entry, from_node, list};
use crate::yaml::Node;

/// All findings about expressions.
pub(super) fn inspect(
    document: &Document,
    workflow: &Workflow,
    evaluator: &Evaluator,
    findings: &mut Vec<Finding>,
) {
    let mut walk = Walk {
        document,
        evaluator,
        findings,
    };
    for name in ["vars", "input", "output"] {
        walk.property(document.root(), name, "", "");
    }
    let Some(tasks) = document.get("tasks") else {
        return;
    };
    for written in entries(tasks) {
        let path = format!("tasks.{}", written.key);
        let body = &written.value;
        for name in ["delay", "join"] {
            walk.property(body, name, &path, TASK);
        }
        if let Some(with) = entry(body, "with") {
            let (path, schema) = (format!("{path}.with"), format!("{TASK}.properties.with"));
            if let crate::yaml::Kind::Text(items) = &with.value.kind {
                walk.value(
                    &items.as_str().into(),
                    &format!("{path}.items"),
                    &format!("{schema}.properties.items"),
                );
            }
            for name in ["items", "concurrency"] {
                walk.property(&with.value, name, &path, &schema);
            }
        }
        match workflow.task(&written.key) {
            Some(task) if task.inline.is_some() => {
                let action = task
                    .action
                    .as_ref()
                    .map_or(Value::Null, |action| Value::text(action.as_ref()));
                walk.value(
                    &action,
                    &format!("{path}.action"),
                    &format!("{TASK}.properties.action"),
                );
                walk.value(
                    &task.input,
                    &format!("{path}.input"),
                    &format!("{TASK}.properties.input"),
                );
            }
            _ => {
                walk.property(body, "action", &path, TASK);
                walk.property(body, "input", &path, TASK);
            }
        }
        if let Some(retry) = entry(body, "retry") {
            for name in ["when", "count", "delay"] {
                let schema = format!("{TASK}.properties.retry");
                walk.property(&retry.value, name, &format!("{path}.retry"), &schema);
            }
        }
        let next = entry(body, "next")
            .map(|next| list(&next.value))
            .unwrap_or_default();
        for (index, item) in next.iter().enumerate() {
            let path = format!("{path}.next[{index}]");
            let schema = format!("{TASK}.properties.next.items");
            walk.property(item, "when", &path, &schema);
            let inline = workflow
                .task(&written.key)
                .and_then(|task| task.next.get(index))
                .filter(|next| next.inline.is_some());
            match inline {
                Some(next) => walk.value(
                    &of_assignments(&next.publish),
                    &format!("{path}.publish"),
                    &format!("{schema}.properties.publish"),
                ),
                None => walk.property(item, "publish", &path, &schema),
            }
            walk.property(item, "do", &path, &schema);
        }
    }
}

fn of_assignments(assignments: &[Assignment]) -> Value {
    Value::list(
        assignments
            .iter()
            .map(|one| Value::dict([(one.name.as_ref(), one.value.clone())])),
    )
}

struct Walk<'a> {
    document: &'a Document,
    evaluator: &'a Evaluator,
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn property(&mut self, node: &Node, name: &str, path: &str, schema: &str) {
        let Some(entry) = entry(node, name) else { return };
        let dot = if path.is_empty() { "" } else { "." };
        self.value(
            &from_node(&entry.value),
            &format!("{path}{dot}{name}"),
            &format!("{schema}{dot}properties.{name}"),
        );
    }

    fn value(&mut self, value: &Value, path: &str, schema: &str) {
        for mistake in self.evaluator.check(value).mistakes {
            let mut finding = Finding::new(Category::Expressions, mistake.message);
            finding.spec_path = Some(path.to_owned());
            finding.schema_path = Some(schema.to_owned());
            finding.language = mistake.language;
            finding.hint = mistake.hint.unwrap_or_default();
            point(
                self.document,
                &mut finding,
                Some(&mistake.expression),
                &[&mistake.expression],
            );
            finding.expression = Some(mistake.expression);
            self.findings.push(finding);
        }
    }
}
