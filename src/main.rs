//! The `sayso` binary.

use std::process::ExitCode;

use sayso::app::Sayso;

/// Address space, not memory, for each thread: templates nest as deep as their limits allow, and a program that runs
/// out of stack ends at once.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.enable_all().thread_stack_size(STACK).build() {
        Ok(runtime) => runtime,
        Err(error) => return sayso::cli::failed_early(&error),
    };
    let status = runtime.block_on(sayso::cli::main(&Sayso));
    // Blocking reads of standard input never end by themselves.
    runtime.shutdown_background();
    status
}
