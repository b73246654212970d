//! The beginning of a workflow.

use super::{Conductor, Delta, Status, contexts, failed, with};
use crate::expr::scene::Variables;
use crate::expr::value::{Dict, Value};

impl Conductor {
    pub(super) fn start(&mut self, input: &Dict, context: &Dict) {
        let mut errors = Vec::new();
        let workflow = std::sync::Arc::clone(&self.parts.workflow);
        // Inputs see the caller's context and the inputs before them, vars see all of that and the vars before them.
        let mut rolling = Variables::new(context.clone());
        let mut rendered = Dict::builder(workflow.input.len() + workflow.vars.len());
        let inputs = workflow.input.iter().map(|one| {
            let given = input.get_str(&one.name).unwrap_or(&one.default);
            (&one.name, given)
        });
        for (name, value) in inputs {
            match self.evaluate(value, &rolling, None, None) {
                Ok(value) => {
                    rolling = with(&rolling, name, value.clone());
                    rendered.insert(Value::Str(name.clone()), value);
                }
                Err(error) => errors.push(failed(&error)),
            }
        }
        let start = contexts::merged(context, &Dict::new(std::mem::take(&mut rendered)));
        let mut rolling = Variables::new(start.clone());
        for one in &workflow.vars {
            match self.evaluate(&one.value, &rolling, None, None) {
                Ok(value) => {
                    rolling = with(&rolling, &one.name, value.clone());
                    rendered.insert(Value::Str(one.name.clone()), value);
                }
                Err(error) => errors.push(failed(&error)),
            }
        }
        if !errors.is_empty() {
            for error in errors {
                self.note(error);
            }
            self.change(Delta::Status(Status::Failed));
            return;
        }
        let context = contexts::merged(&start, &Dict::new(rendered));
        self.change(Delta::Begin { context });
        for task in self.links.roots.clone() {
            self.change(Delta::Root { task });
        }
    }
}
