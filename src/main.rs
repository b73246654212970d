//! The `sayso` binary.

use std::process::ExitCode;

use sayso::app::Sayso;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return sayso::cli::failed_early(&error),
    };
    let status = runtime.block_on(sayso::cli::main(&Sayso));
    // Blocking reads of standard input never end by themselves.
    runtime.shutdown_background();
    status
}
