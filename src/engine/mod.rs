//! The engine: takes requests, commits transitions, runs actions, emits events.
//!
//! It knows nothing of chat, HTTP or YAML. [`Engine::submit`] is the only way in; what happened leaves as
//! [`Event`]s and as rows that [`Observer`]s add to the engine's own commits.

mod core;
mod error;
mod event;
mod options;
mod secrets;
mod submit;

pub use core::{Catalogue, Definition, Engine, EngineParts, EngineStats, Shown};
pub use error::{CancelError, SubmitError};
pub use event::{Event, Observer};
pub use options::EngineOptions;
pub use secrets::SecretKey;
pub use submit::{Accepted, Cancelled, RerunOptions, Submit};
