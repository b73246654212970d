//! The HTTP API: its server and its client.

pub mod client;
