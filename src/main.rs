//! The `sayso` binary.

use std::process::ExitCode;

use futures_util::future::BoxFuture;
use sayso::cli::{Host, Running, Start};
use sayso::content::Checks;

/// A build without the application: the commands that need no server work.
struct Offline;

impl Host for Offline {
    fn checks(&self) -> Checks {
        Checks::default()
    }

    fn start(&self, _start: Start) -> BoxFuture<'_, anyhow::Result<Box<dyn Running>>> {
        Box::pin(async { anyhow::bail!("this build has no server in it") })
    }
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return sayso::cli::failed_early(&error),
    };
    let status = runtime.block_on(sayso::cli::main(&Offline));
    // Blocking reads of standard input never end by themselves.
    runtime.shutdown_background();
    status
}
