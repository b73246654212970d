//! Work that computes for long without ever waiting.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does `work` here and now, while other tasks of this thread go on elsewhere. Meant for rendering templates:
/// their limits bound the time, and this keeps that time from being everybody's.
pub fn apart<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // There is no other thread to go on with, or nothing else to do.
        _ => work(),
    }
}
