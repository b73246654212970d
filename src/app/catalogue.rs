//! The content snapshot as the engine sees it: a catalogue of actions.

use std::sync::Arc;

use crate::content::Content;
use crate::engine::Catalogue;
use crate::events::PolicyBook;
use crate::model::{Action, JsonMap};
use crate::policies::Policy;

/// The snapshot in force, behind the engine's trait.
pub(super) struct ContentCatalogue(pub(super) Arc<Content>, pub(super) Arc<PolicyBook>);

impl Catalogue for ContentCatalogue {
    fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.0.snapshot().action(reference).cloned()
    }

    fn nearest(&self, reference: &str) -> Option<String> {
        self.0.snapshot().nearest_action(reference).map(str::to_owned)
    }

    fn config(&self, pack: &str) -> Arc<JsonMap> {
        self.0
            .snapshot()
            .packs
            .get(pack)
            .map(|pack| Arc::clone(&pack.config))
            .unwrap_or_default()
    }

    fn config_schema(&self, pack: &str) -> Option<JsonMap> {
        self.0.snapshot().packs.get(pack)?.config_schema.clone()
    }

    fn alias_approval(&self, alias: &str) -> Option<JsonMap> {
        self.0.snapshot().aliases.get(alias)?.approval.clone()
    }

    fn policies(&self, action: &str) -> Option<Arc<[Arc<Policy>]>> {
        self.1.of(action)
    }

    fn policed(&self) -> Vec<String> {
        self.1.by_action().keys().cloned().collect()
    }

    fn reevaluates(&self, pack: &str) -> bool {
        let snapshot = self.0.snapshot();
        snapshot
            .packs
            .get(pack)
            .is_some_and(|pack| pack.legacy_reevaluate)
    }
}
