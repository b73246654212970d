//! Stand-ins for the services that Sayso talks to, strict and able to fail: for tests and for trying things out.

pub mod discord;
pub mod slack;
