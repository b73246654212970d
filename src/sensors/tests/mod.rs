//! Real programs under the real supervisor, with a real store.

mod keys;
mod processes;
mod support;
mod watching;
