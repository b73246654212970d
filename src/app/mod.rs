//! Puts the parts together: store, content, engine, chat and API become one running Sayso.

mod access;
mod catalogue;
mod checks;
mod discord;
mod heard;
mod running;
mod slack;
mod start;
mod surroundings;

use futures_util::future::BoxFuture;

use crate::cli::{Host, Running, Start};
use crate::content::Checks;
use crate::runners::{self, RunnerSpec, Runners};

pub use surroundings::evaluator;

/// Sayso itself, as the command line starts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sayso;

impl Host for Sayso {
    fn checks(&self) -> Checks {
        let mut runners: Runners = runners::builtin(runners::RunnerOptions::default());
        runners.add(std::sync::Arc::new(crate::chat::BuiltinRunner::new()));
        checks::checks(runners.specs().map(RunnerSpec::clone))
    }

    fn start(&self, start: Start) -> BoxFuture<'_, anyhow::Result<Box<dyn Running>>> {
        Box::pin(start::start(start))
    }
}
