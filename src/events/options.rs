//! Settings of events.

use serde::{Deserialize, Serialize};

/// Section `[events]`: how much may come in at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventOptions {
    /// Events from outside that are being accepted at the same time; further ones are asked to come again.
    pub max_in_flight: usize,
    /// Milliseconds that storing an event may take; when it takes longer only few are accepted at the same time.
    pub max_latency_ms: u64,
    /// Executions that may wait (for a free place, or because of policies) before events are asked to come again. Chat and API
    /// have more room: `engine.queue_limit`.
    pub max_waiting: usize,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            max_in_flight: 1024,
            max_latency_ms: 2000,
            max_waiting: 100_000,
        }
    }
}
