//! The engine with a real store, real runners, and one runner that tests hold back.

mod boundaries;
mod chains;
mod consent;
mod flows;
mod lifecycle;
mod pending;
mod policies;
mod recovery;
pub(super) mod support;
mod workflows;
