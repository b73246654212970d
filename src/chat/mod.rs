//! Chat: gateways, the router between messages and executions, cards and the outbox.

pub mod card;
pub mod gateway;
pub mod normalise;
