//! The parameters of a rule's action for one event.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::definition::Rule;
use super::facts::Facts;
use crate::model::{Id, JsonMap};
use crate::params::{CompiledParameters, ParamError, ParamLimits, RenderContext, render_live};

/// What parameters of rules see besides the event.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Configuration of the action's pack.
    pub config: Arc<Json>,
    /// `action_context`: user, trigger instance, rule.
    pub action: Arc<Json>,
}

impl Rule {
    /// Renders the parameters of the action with `trigger`, `rule` and the rest of what parameters see, and casts them
    /// to the types that the action declares.
    ///
    /// The result is data: whoever runs the action must not render it again, or an event could smuggle templates in.
    ///
    /// # Errors
    /// A template that fails, a value that cannot be cast.
    pub fn parameters(
        &self,
        facts: &Facts<'_>,
        compiled: &CompiledParameters,
        limits: &ParamLimits,
        around: &Surroundings,
    ) -> Result<Map<String, Json>, ParamError> {
        let context = RenderContext {
            action_context: Arc::clone(&around.action),
            config_context: Arc::clone(&around.config),
            keys: facts.keys().map(Arc::clone),
            given_keys: None,
            extra: vec![
                ("trigger".to_owned(), facts.shared_payload()),
                ("rule".to_owned(), Arc::new(self.seen())),
            ],
        };
        render_live(
            facts.jinja,
            limits,
            compiled,
            self.action.parameters.clone(),
            &context,
        )
    }

    /// What templates see as `rule`.
    fn seen(&self) -> Json {
        json!({
            "name": self.name,
            "ref": self.reference,
            "pack": self.pack,
            "description": self.description,
            "tags": self.tags,
            "metadata": self.metadata,
            "context": self.context,
        })
    }

    /// The context of the execution: which event and rule it comes from, beside what the rule says itself.
    #[must_use]
    pub fn context(&self, instance: Id, trigger: &str, user: &str) -> JsonMap {
        let mut context = self.context.clone();
        let mut set = |key: &str, value: Json| {
            context.insert(key.to_owned(), value);
        };
        set("trigger_instance", json!({"id": instance, "name": trigger}));
        set("rule", json!({"id": self.reference, "name": self.name}));
        set("user", json!(self.run_as.as_deref().unwrap_or(user)));
        set("pack", json!(self.pack));
        context
    }
}
