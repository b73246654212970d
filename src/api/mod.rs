//! The HTTP API: the reference's paths and answers, our own beside them, and a client for both.
//!
//! [`router`] is made from one table of routes (`routes.rs`); [`serve`] serves it; [`client::Client`] calls it
//! over a socket or in this process. Handlers are in `resources/`, event streams in `stream/`, what all
//! routes share in `http/`.

pub mod chat;
mod chat_admin;
pub mod client;
mod http;
pub mod metrics;
mod openapi;
mod options;
mod resources;
mod routes;
mod serve;
mod state;
mod stream;
mod view;

pub use self::http::auth::Caller;
pub use self::http::error::{ApiError, ApiResult};
pub use options::ApiOptions;
pub use routes::router;
pub use serve::serve;
pub use state::{ApiParts, ApiState, Condition, Reload};

#[cfg(test)]
mod tests;
