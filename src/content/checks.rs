//! What the caller knows and loading does not: runners and the rules for parameter schemas.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::Action;
pub use crate::model::Finding;
use crate::workflow::inspect::ActionShape;

/// Rules for an action that was read without errors so far.
pub type CheckAction = dyn Fn(&Action) -> Vec<Finding> + Send + Sync;

/// Checks that need knowledge from outside content. Cheap to clone.
#[derive(Clone)]
pub struct Checks {
    /// Runner name → names of its parameters. When it is empty, any runner is taken.
    pub runners: Arc<BTreeMap<String, Vec<String>>>,
    /// Rules for each action.
    pub action: Arc<CheckAction>,
    /// Runner name → names of its parameters that must be given, unless the action has its own idea of them.
    required: Arc<BTreeMap<String, Vec<String>>>,
}

impl Checks {
    /// Checks with these runners and rules.
    pub fn new(
        runners: BTreeMap<String, Vec<String>>,
        action: impl Fn(&Action) -> Vec<Finding> + Send + Sync + 'static,
    ) -> Self {
        Self {
            runners: Arc::new(runners),
            action: Arc::new(action),
            required: Arc::default(),
        }
    }

    /// The same with the parameters of each runner that must be given.
    #[must_use]
    pub fn with_required(mut self, required: BTreeMap<String, Vec<String>>) -> Self {
        self.required = Arc::new(required);
        self
    }

    /// What a task can give to an action: its own and its runner's parameters.
    ///
    /// As in the reference, what the action says about a parameter replaces what the runner says.
    #[must_use]
    pub fn shape(&self, action: &Action) -> ActionShape {
        let of = |all: &BTreeMap<String, Vec<String>>| {
            let names = all.get(&action.runner_type).into_iter().flatten();
            let names = names.filter(|name| !action.parameters.contains_key(*name));
            names.cloned().collect::<Vec<_>>()
        };
        let (mut parameters, mut required) = (of(&self.runners), of(&self.required));
        for (name, schema) in &action.parameters {
            parameters.push(name.clone());
            if schema.get("required") == Some(&true.into()) && schema.get("default").is_none() {
                required.push(name.clone());
            }
        }
        required.sort();
        ActionShape { parameters, required }
    }
}

impl Default for Checks {
    /// No checks: any runner, any parameters.
    fn default() -> Self {
        Self::new(BTreeMap::new(), |_| Vec::new())
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks")
            .field("runners", &self.runners)
            .finish_non_exhaustive()
    }
}
