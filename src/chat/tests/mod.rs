//! Conversations through the real router, engine, store and outbox, with a modelled platform at the far end.

mod access;
mod answers;
mod asking;
mod asks;
mod commands;
mod console;
mod conversation;
mod conversations;
mod delivery;
pub(crate) mod mutated;
mod support;
