//! The engine with a real store, real runners, and one runner that tests hold back.

mod boundaries;
mod chains;
mod consent;
mod flows;
mod lifecycle;
mod pending;
mod recovery;
mod support;
mod workflows;
