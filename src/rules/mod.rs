//! Rules: which events make which actions run (RUL).
//!
//! Pure: a rule is read from the value of its file ([`Rule::from_value`]), an [`Index`] of many finds those that can match
//! an event, [`Rule::judge`] says whether one does and [`Rule::explain`] why not; [`Rule::parameters`] gives the action's
//! parameters, [`Windows`] holds back what comes too often. Payloads are untrusted: every step is bounded, and what they
//! say is data that is never rendered.

mod criterion;
mod definition;
mod facts;
mod grouping;
mod index;
mod judge;
mod operator;
mod parameters;
mod path;
mod read;
#[cfg(test)]
mod tests;
pub mod throttle;

pub use criterion::{CONDITIONS, Condition, Criterion};
pub use definition::{ActionUse, Rule, RuleKind, TriggerUse};
pub use facts::Facts;
pub use grouping::Grouping;
pub use index::{Index, Judged, Senders};
pub use judge::{Explained, Explanation, Verdict};
pub use operator::{OPERATORS, Operator};
pub use parameters::Surroundings;
pub use path::{FactPath, Prefix};
pub use throttle::{Admission, Dedup, Report, Throttle, Windows};
