//! The beginning of a workflow.

use std::sync::Arc;

use super::patch::merged;
use super::plan::Named;
use super::{Conductor, Delta, ErrorEntry, Status, codec, failed, with};
use crate::expr::scene::Variables;
use crate::expr::template::Statement;
use crate::expr::value::{Dict, Value};

impl Conductor {
    pub(super) fn start(&mut self, input: &Dict, context: &Dict) {
        let plan = Arc::clone(&self.parts.plan);
        let evaluator = Arc::clone(&self.parts.evaluator);
        let context = match codec::plain(Value::Dict(context.clone())) {
            Value::Dict(context) => context,
            _ => Dict::default(),
        };
        // Inputs see the caller's context and the inputs before them, vars see all of that and the vars before them.
        let given = |one: &Named| input.get_str(&one.name).map(|value| evaluator.statement(value));
        let inputs = plan.inputs.iter().map(|one| (&one.name, given(one), &one.value));
        let (inputs, mut errors) = self.roll(&context, inputs);
        let start = merged(&context, &inputs);
        let vars = plan.vars.iter().map(|one| (&one.name, None, &one.value));
        let (vars, more) = self.roll(&start, vars);
        errors.extend(more);
        if !errors.is_empty() {
            for error in errors {
                self.note(error);
            }
            self.change(Delta::Status(Status::Failed));
            return;
        }
        self.change(Delta::Begin {
            context: merged(&start, &vars),
        });
        for root in plan.roots() {
            self.change(Delta::Root {
                task: Arc::clone(&plan.node(*root).name),
            });
        }
    }

    /// Renders variables one after the other, each seeing those before it, and collects what goes wrong.
    fn roll<'a>(
        &self,
        start: &Dict,
        all: impl Iterator<Item = (&'a Arc<str>, Option<Statement>, &'a Statement)>,
    ) -> (Dict, Vec<ErrorEntry>) {
        let mut rolling = Variables::new(start.clone());
        let mut rendered = Dict::builder(all.size_hint().0);
        let mut errors = Vec::new();
        for (name, given, default) in all {
            match self.evaluate(given.as_ref().unwrap_or(default), &rolling, None, None) {
                Ok(value) => {
                    rolling = with(&rolling, name, value.clone());
                    rendered.insert(Value::Str(Arc::clone(name)), value);
                }
                Err(error) => errors.push(failed(&error)),
            }
        }
        (Dict::new(rendered), errors)
    }
}
