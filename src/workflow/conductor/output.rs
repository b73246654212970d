//! The output of a workflow that has ended.

use std::sync::Arc;

use super::patch::merged;
use super::{Conductor, Delta, Status, failed, with};
use crate::expr::scene::Variables;
use crate::expr::value::{Dict, Value};

impl Conductor {
    /// Variables at the end of a workflow that has ended: of all entries where it ended, the later ones winning.
    #[must_use]
    pub fn terminal_context(&self) -> Option<Dict> {
        if !self.status().is_completed() {
            return None;
        }
        let mut ends = self.state.sequence.iter().filter(|entry| entry.term);
        let mut all = match ends.next() {
            Some(first) => first.contexts.variables().all().clone(),
            None => return Some(Dict::default()),
        };
        for entry in ends {
            // The first one has brought the start context.
            all = merged(&all, &entry.contexts.patch().onto(&Dict::default()));
        }
        Some(all)
    }

    /// Renders the output of a workflow that has ended, once. What cannot be rendered is noted and fails the workflow;
    /// the rest stays.
    pub fn render_output(&mut self) {
        let status = self.status();
        if self.state.output.is_some() {
            return;
        }
        let Some(context) = self.terminal_context() else {
            return;
        };
        let plan = Arc::clone(&self.parts.plan);
        let mut rolling = Variables::new(context);
        let mut output = Dict::builder(plan.output.len());
        let mut errors = Vec::new();
        for one in &plan.output {
            match self.evaluate(&one.value, &rolling, None, None) {
                Ok(value) => {
                    rolling = with(&rolling, &one.name, value.clone());
                    output.insert(Value::Str(one.name.clone()), value);
                }
                Err(error) => errors.push(failed(&error)),
            }
        }
        if !output.is_empty() {
            self.change(Delta::Output(Some(Dict::new(output))));
        }
        if errors.is_empty() {
            return;
        }
        for error in errors {
            self.note(error);
        }
        let keeps = matches!(status, Status::Timeout | Status::Abandoned | Status::Canceled);
        if !keeps {
            self.fail();
        }
    }
}
