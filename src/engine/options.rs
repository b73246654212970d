//! Settings of the engine.

use serde::{Deserialize, Serialize};

/// Settings of the engine, section `[engine]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineOptions {
    /// How many actions run at the same time; the others wait in a queue that is fair among users.
    pub concurrency: usize,
    /// How many executions may wait before requests are refused; protects memory.
    pub queue_limit: usize,
    /// Seconds that running actions are given to end when the server stops; then they are stopped.
    pub drain_seconds: u64,
    /// Bytes of JSON that a result may have; a larger one fails its execution.
    pub result_limit: usize,
    /// Bytes of output kept per execution; what comes after is counted but not kept.
    pub output_limit: usize,
    /// Whether results are checked against `output_schema` (the reference's `validate_output_schema`).
    pub validate_output: bool,
    /// The user for requests that have nobody behind them (rules, schedules).
    pub system_user: String,
    /// Entries in a workflow's journal after which its whole state is written. No setting: nobody sees the difference.
    #[serde(skip)]
    pub snapshot_after: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            concurrency: 64,
            queue_limit: 1_000_000,
            drain_seconds: 30,
            result_limit: 32 << 20,
            output_limit: 64 << 20,
            validate_output: false,
            system_user: "sayso".to_owned(),
            snapshot_after: 500,
        }
    }
}
