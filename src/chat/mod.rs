//! Chat: gateways, the router between messages and executions, cards and the outbox.
//!
//! A gateway hands every message to [`Hub::receive`]; the router normalises it, finds the alias, claims the
//! message and starts the execution in one commit. Answers are rows of the outbox, written in the commits that
//! they answer for; the outbox's worker makes them into messages and hands those to the gateways.

mod asking;
mod asks;
mod bookshelf;
mod builtin;
mod callers;
pub mod card;
pub mod cards;
pub mod console;
pub mod conversations;
mod digest;
pub mod discord;
pub mod findings;
pub mod forms;
pub mod gateway;
mod hub;
pub mod identities;
mod misses;
pub mod normalise;
pub mod notices;
mod once;
mod outbox;
mod parameters;
pub mod phrasebook;
pub mod prefix;
mod router;
mod say;
pub mod slack;
mod summaries;
pub mod templates;

pub use asking::{MenuCommand, MenuParameter, Suggestion};
pub use asks::Asks;
pub use bookshelf::ContentShelf;
pub use builtin::{BuiltinRunner, RUNNER as BUILTIN_RUNNER};
pub use hub::{ChatOptions, Hub, HubParts};
pub use outbox::{Clock, OutboxOptions, Patience};
pub use router::ReceiveError;

#[cfg(test)]
mod tests;
