//! The API as its clients meet it: recorded calls of the reference, and everything that can go wrong.

mod access;
mod answers;
mod events;
mod executions;
mod keys;
mod limits;
mod notify;
mod people;
mod policies;
mod recorded;
mod rights;
mod server;
mod storm;
mod streams;
mod support;
mod webhooks;
mod workflows;
