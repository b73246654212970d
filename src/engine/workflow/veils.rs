//! Secrets in what goes wrong: a workflow's errors carry results of tasks, and parts of these may be secret.

use serde_json::Value as Json;

use crate::engine::SecretKey;
use crate::engine::secrets::has_seal;
use crate::expr::value::{Value, to_json};
use crate::model::{Execution, Id};

/// Results of failed children that have secret parts, in clear and sealed for the workflow.
#[derive(Default)]
pub(super) struct Veils(Vec<(Json, Json)>);

impl Veils {
    /// Remembers the result of a child that has failed when parts of it are secret.
    pub(super) fn take(&mut self, key: &SecretKey, workflow: Id, child: &Execution, opened: &Value) {
        let Some(stored) = child.result.as_deref().filter(|_| child.status.is_failure()) else {
            return;
        };
        if !has_seal(stored) {
            return;
        }
        if let Ok(opened) = to_json(opened) {
            self.0.push((opened, key.seal_anew(stored, child.id, workflow)));
        }
    }

    /// Seals the secret parts of results, wherever they stand in a value.
    pub(super) fn cover(&self, value: &mut Json) {
        if self.0.is_empty() {
            return;
        }
        if let Some((_, sealed)) = self.0.iter().find(|(opened, _)| opened == value) {
            *value = sealed.clone();
            return;
        }
        match value {
            Json::Array(items) => items.iter_mut().for_each(|item| self.cover(item)),
            Json::Object(members) => members.values_mut().for_each(|member| self.cover(member)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_are_covered_wherever_they_stand_and_nothing_else_is() {
        let veils = Veils(vec![(
            json!({"pin": "p", "n": 1}),
            json!({"pin": {"$sealed": "s"}, "n": 1}),
        )]);
        let mut errors =
            json!([{"message": "p", "result": {"pin": "p", "n": 1}}, {"result": [{"pin": "p", "n": 1}, 2]}]);
        veils.cover(&mut errors);
        let sealed = json!({"pin": {"$sealed": "s"}, "n": 1});
        assert_eq!(
            errors,
            json!([{"message": "p", "result": sealed}, {"result": [sealed, 2]}])
        );
    }
}
