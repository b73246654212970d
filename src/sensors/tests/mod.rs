//! Real programs under the real supervisor, with a real store.

mod processes;
mod support;
mod watching;
