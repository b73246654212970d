//! Policies: how many executions of an action there may be at once, and what becomes of one that failed (POL).
//!
//! Pure: a policy is read from the value of its file ([`Policy::from_value`]); [`admit`] and [`retry`] decide for all
//! policies of an action at once. Counting, waiting and starting again is the engine's.

mod decide;
mod definition;
#[cfg(test)]
mod tests;

pub use decide::{Admission, Counted, Ended, Retry, admit, retry};
pub use definition::{KINDS, Over, Policy, PolicyKind, RetryOn, types};
