//! The engine: takes requests, commits transitions, runs actions, emits events.
//!
//! It knows nothing of chat, HTTP or YAML. [`Engine::submit`] is the only way in; what happened leaves as
//! [`Event`]s and as rows that [`Observer`]s add to the engine's own commits.

mod accept;
mod apart;
mod audit;
mod cancel;
mod consent;
mod dispatch;
mod error;
mod event;
mod gates;
mod handle;
mod keys;
mod options;
mod output;
mod pending;
mod policing;
mod prepared;
mod queue;
mod recover;
mod secrets;
mod state;
mod step;
mod submit;
mod work;
mod workflow;

#[cfg(test)]
mod tests;

pub use apart::apart;
pub(crate) use consent::{ORIGIN as CONSENT, asked_first, waits as awaits_consent};
pub use error::{CancelError, ControlError, SubmitError};
pub use event::{Event, Observer};
pub use gates::Waits;
pub use handle::{Catalogue, Definition, Engine, EngineParts, EngineStats, Shown};
pub use keys::{KeySource, Reading};
pub use options::EngineOptions;
pub use pending::{AmendError, By};
pub use secrets::SecretKey;
pub(crate) use secrets::mask_value as masked;
pub use submit::{Accepted, Cancelled, ON_BEHALF_BY, RerunOptions, Submit};
pub use workflow::Tree;
