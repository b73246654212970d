//! Parameters of actions: schemas merged and checked at registration, values rendered, cast and validated per request.
//!
//! A request passes twice. [`live`] runs when it arrives: templates are rendered, values cast to their declared types,
//! the result validated; that is what is stored. [`final_params`] runs just before the action does: every declared
//! parameter gets its value, its default or null.

mod cast;
mod compiled;
mod error;
mod graph;
mod mask;
mod output;
mod render;
mod response;
mod schema;
mod validate;

pub use cast::{CastError, cast};
pub use compiled::{CompiledParameters, ParameterSpec};
pub use error::{ParamError, ParamErrorKind};
pub use mask::{MASK, each_secret, each_secret_by, mask, mask_result};
pub use output::OutputSchema;
pub use render::{RenderContext, any_template, final_params, live, render_live};
pub use response::ResponseSchema;
pub use schema::{Problem, Severity, merge_schema, validate_schema};

/// Bounds of the parameters of one request.
#[derive(Debug, Clone, Copy)]
pub struct ParamLimits {
    /// Most parameters.
    pub count: usize,
    /// How deep lists and objects may nest in a value.
    pub depth: usize,
    /// Total size of names and values, in bytes of JSON (about).
    pub bytes: usize,
}

impl Default for ParamLimits {
    fn default() -> Self {
        Self {
            count: 1000,
            depth: 64,
            bytes: 8 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests;
