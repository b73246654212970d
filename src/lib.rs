//! Sayso: ChatOps-first automation in one binary.
//!
//! People ask in chat, machines ask over HTTP; a request becomes a durable, authorised, audited
//! *execution* of an action, and the answer goes back to where the question came from.
//! `ARCHITECTURE.md` draws the road a request takes; the modules below are its layers, lowest first.

pub mod model;

pub mod alias;
pub mod approval;
pub mod expr;
pub mod params;
pub mod policies;
pub mod rules;
pub mod timers;
pub mod triggers;
pub mod workflow;
pub mod yaml;

pub mod content;
pub mod store;

pub mod access;
pub mod audit;
pub mod datastore;
pub mod engine;
pub mod runners;

pub mod answers;
pub mod events;
pub mod retention;
pub mod sensors;

pub mod api;
pub mod app;
pub mod chat;
pub mod cli;
pub mod settings;
pub mod simulate;

#[cfg(test)]
mod testing;
