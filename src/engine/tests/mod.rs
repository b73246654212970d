//! The engine against a real store and real processes.

mod support;

mod lifecycle;
mod pending;
mod recovery;
