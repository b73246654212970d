//! Workflows: the orquesta language, its inspection, and drawings of it. Pure: values in, values out.
//!
//! A text becomes a [`definition::Document`] (what is written, with positions) and from it a
//! [`definition::Workflow`] (what is meant). Inspection works on both, the conductor on the second alone.

pub mod batch;
pub mod batch_runs;
pub mod chain;
pub mod conductor;
pub mod definition;
pub mod draw;
pub mod flow;
pub mod graph;
pub mod inspect;
pub mod progress;
pub mod rehearsal;
pub mod simulate;
mod words;
