//! Trigger types, triggers and their occurrences, sensors and webhooks, as plain values (TRG, WHK, SEN-1).
//!
//! Pure: no clock and no network. [`TriggerType`] checks parameters and payloads, [`Trigger`] and [`TriggerKey`] tell which
//! rules are about the same events, [`webhook`] knows URLs, payloads and proofs of senders.

mod instance;
mod key;
mod kind;
mod proof;
mod sensor;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use instance::{InstanceStatus, emitted_again, key_changes, timer_payload, trace_tag};
pub use key::{Trigger, TriggerKey};
pub use kind::{TIMERS, TriggerType, WEBHOOK, system_types};
pub use sensor::Sensor;
