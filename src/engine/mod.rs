//! The engine: takes requests, commits transitions, runs actions, emits events.

pub mod params;
