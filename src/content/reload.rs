//! What a reload changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::snapshot::Snapshot;
use crate::model::Problem;

/// What a reload did. Items are named with their kind: `action core.local`, `alias core.echo`, `pack core`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReloadReport {
    /// Generation of the snapshot in force now.
    pub generation: u64,
    /// Items that were not there before.
    pub added: Vec<String>,
    /// Items that are not as before; a pack counts when its version, description or configuration changed.
    pub changed: Vec<String>,
    /// Items that are gone.
    pub removed: Vec<String>,
    /// Items whose files are broken now and whose version before stays in force.
    pub kept: Vec<String>,
    /// Everything that is wrong now.
    pub problems: Vec<Problem>,
}

impl ReloadReport {
    /// Whether anything is different, problems included.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty() && self.kept.is_empty()
    }

    pub(super) fn between(before: &Snapshot, after: &Snapshot, kept: Vec<String>) -> Self {
        let mut report = Self {
            generation: after.generation,
            problems: after.problems.clone(),
            kept,
            ..Self::default()
        };
        report.compare("pack", &before.packs, &after.packs, |a, b| {
            a.metadata == b.metadata && a.config == b.config && a.path == b.path
        });
        report.compare("action", &before.actions, &after.actions, |a, b| a == b);
        report.compare("alias", &before.aliases, &after.aliases, |a, b| a == b);
        report.compare("template", &before.templates, &after.templates, |a, b| a == b);
        report.compare("rule", &before.rules, &after.rules, |a, b| a == b);
        report.compare("trigger", &before.trigger_types, &after.trigger_types, |a, b| {
            a == b
        });
        report.compare("sensor", &before.sensors, &after.sensors, |a, b| a == b);
        report.compare("policy", &before.policies, &after.policies, |a, b| a == b);
        report
    }

    fn compare<T: ?Sized>(
        &mut self,
        kind: &str,
        before: &BTreeMap<String, Arc<T>>,
        after: &BTreeMap<String, Arc<T>>,
        same: impl Fn(&T, &T) -> bool,
    ) {
        for (name, item) in after {
            match before.get(name) {
                None => self.added.push(format!("{kind} {name}")),
                Some(earlier) if !Arc::ptr_eq(earlier, item) && !same(earlier, item) => {
                    self.changed.push(format!("{kind} {name}"));
                }
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        self.removed.extend(gone.map(|name| format!("{kind} {name}")));
    }
}
